"""First treated times, read from a column. What is malformed is in `test_event_study`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import Panel
from digiprosper.errors import IdentificationError
from digiprosper.panel.access import table_of
from digiprosper.policy.timing import read_timing


def panel_of(first: object, years: tuple[int, ...] = (0, 1, 2, 3)) -> Panel:
    n = len(years)
    frame = pd.DataFrame({"city": np.repeat(["a", "b", "c"], n), "year": np.tile(years, 3), "first": first})
    return Panel(frame, "city", "year")


def test_event_times_are_counted_from_the_first_treated_one() -> None:
    table = table_of(panel_of(np.repeat([1.0, 3.0, np.nan], 4)))
    timing = read_timing(table, "first", None)
    assert timing.first.tolist() == [1, 3, -1]
    times, treated = timing.event_times(table.keys)
    assert times.reshape(3, 4).tolist() == [[-1, 0, 1, 2], [-3, -2, -1, 0], [0, 0, 0, 0]]
    assert treated.reshape(3, 4).any(axis=1).tolist() == [True, True, False]


def test_a_gap_in_time_counts_as_the_periods_in_it() -> None:
    table = table_of(panel_of(np.repeat([1.0, 6.0, np.nan], 4), years=(0, 1, 5, 6)))
    times, _ = read_timing(table, "first", None).event_times(table.keys)
    assert times.reshape(3, 4)[0].tolist() == [-1, 0, 4, 5]


def test_ones_and_missing_values_are_first_treated_times() -> None:
    timing = read_timing(table_of(panel_of(np.repeat([1.0, np.nan, np.nan], 4))), "first", None)
    assert timing.first.tolist() == [1, -1, -1]


def test_zeros_and_ones_are_first_treated_times_where_zero_is_named_as_never() -> None:
    timing = read_timing(table_of(panel_of(np.repeat([1, 0, 0], 4))), "first", 0)
    assert timing.first.tolist() == [1, -1, -1]


def test_rows_of_a_sample_have_the_event_times_of_the_panel() -> None:
    panel = panel_of(np.tile([0, 0, 1, 1], 3) * np.repeat([1, 1, 0], 4))
    timing = read_timing(table_of(panel), "first", None)
    part = table_of(panel.subset("city != 'a' and year >= 1"))
    times, treated = timing.event_times(part.keys)
    assert times.tolist() == [-1, 0, 1, 0, 0, 0]
    assert treated.tolist() == [True] * 3 + [False] * 3


def test_values_that_are_no_times_are_data_of_the_error() -> None:
    with pytest.raises(IdentificationError) as caught:
        read_timing(table_of(panel_of(np.repeat([1.5, 9.0, -2.0], 4))), "first", None)
    assert caught.value.problems[0].data == {"event": "first", "values": [-2.0, 1.5, 9.0]}
