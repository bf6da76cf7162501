"""First treated times, read from a column, and windows of event times.

What is malformed is in `test_event_study`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import EventStudy, Panel, StaggeredDid
from digiprosper.errors import IdentificationError, InputTypeError
from digiprosper.panel.access import table_of
from digiprosper.policy.timing import (
    CohortCoding,
    EventWindow,
    dummies,
    read_cohorts,
    read_timing,
    time_text,
)


def panel_of(first: object, years: tuple[int, ...] = (0, 1, 2, 3)) -> Panel:
    n = len(years)
    frame = pd.DataFrame(
        {
            "city": np.repeat(["a", "b", "c"], n),
            "year": np.tile(years, 3),
            "first": first,
        }
    )
    return Panel(frame, "city", "year")


def test_event_times_are_counted_from_the_first_treated_one() -> None:
    table = table_of(panel_of(np.repeat([1.0, 3.0, np.nan], 4)))
    timing = read_timing(table, "first", None)
    assert timing.first.tolist() == [1, 3, -1]
    times, treated = timing.event_times(table.keys)
    assert times.reshape(3, 4).tolist() == [
        [-1, 0, 1, 2],
        [-3, -2, -1, 0],
        [0, 0, 0, 0],
    ]
    assert treated.reshape(3, 4).any(axis=1).tolist() == [True, True, False]


def test_a_gap_in_time_counts_as_the_periods_in_it() -> None:
    table = table_of(panel_of(np.repeat([1.0, 6.0, np.nan], 4), years=(0, 1, 5, 6)))
    times, _ = read_timing(table, "first", None).event_times(table.keys)
    assert times.reshape(3, 4)[0].tolist() == [-1, 0, 4, 5]


def test_ones_and_missing_values_are_first_treated_times() -> None:
    timing = read_timing(
        table_of(panel_of(np.repeat([1.0, np.nan, np.nan], 4))), "first", None
    )
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
    assert caught.value.problems[0].data == {
        "event": "first",
        "values": [-2.0, 1.5, 9.0],
    }


def test_numbers_of_batches_are_no_times() -> None:
    batches = panel_of(np.repeat([1.0, 2.0, np.nan], 4), (2014, 2015, 2016, 2017))
    with pytest.raises(IdentificationError, match=r"batches by the year of each\."):
        read_timing(table_of(batches), "first", None)


def test_shares_of_a_year_become_a_dummy() -> None:
    shares = panel_of(np.tile([0.0, 0.25, 1.0, 1.0], 3), (2014, 2015, 2016, 2017))
    with pytest.raises(IdentificationError) as caught:
        read_timing(table_of(shares), "first", None)
    assert "It has 0, 0.25, 1, perhaps shares of a year: " in str(caught.value)
    scores = panel_of(np.tile([-1.5, 0.25, 1.0, 3.0], 3), (2014, 2015, 2016, 2017))
    with pytest.raises(IdentificationError, match="replace numbers of batches"):
        read_timing(table_of(scores), "first", None)
    begun = shares.assign(begun="I(first > 0)")
    assert "begun='I(first > 0)'" in str(caught.value)
    assert read_timing(table_of(begun), "begun", None).first.tolist() == [1, 1, 1]


# --- cohorts of a sample --------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "cure"),
    [
        (200412.0, "200412, which end with the month: df['first'] // 100 is the year."),
        (20041226.0, "which end with the day: df['first'] // 10000 is the year."),
        (pd.Timestamp("2004-12-26"), "Dates have years: lambda f: f['first'].dt.year."),
        (9999.0, "9999 after the last year (2009): set it to missing"),
    ],
)
def test_dates_of_openings_are_told_to_be_years(
    frame: pd.DataFrame, values: object, cure: str
) -> None:
    dated = frame.assign(first=frame["first"].map({2004: values, 2006: values}))
    with pytest.raises((IdentificationError, InputTypeError)) as caught:
        read_timing(table_of(Panel(dated, "city", "year")), "first", None)
    assert cure in str(caught.value)


def test_cohorts_of_entities_and_rows(frame: pd.DataFrame) -> None:
    panel = Panel(frame.iloc[::-1], "city", "year")
    sample = panel.sample({"y": ("y",)})
    timing = read_timing(table_of(panel), "first", None)
    actual = read_cohorts(EventStudy("y", "first"), sample, timing)
    assert actual.coding.cohorts == ((2004, 20), (2006, 20))
    assert (actual.coding.n_never, actual.coding.n_ever) == (20, 40)
    assert actual.coding.times == tuple(range(2000, 2010))
    np.testing.assert_array_equal(
        actual.of_entity, np.array([0, 1, -1])[np.arange(60) % 3]
    )
    np.testing.assert_allclose(actual.share, [1 / 3, 1 / 3])
    rows = sample.keys
    first = np.array([2004, 2006, 0])[rows.entities.to_numpy()[rows.entity] % 3]
    event = np.where(first > 0, rows.times.to_numpy()[rows.time] - first, 0)
    np.testing.assert_array_equal(actual.event, event)
    np.testing.assert_array_equal(actual.treated, first > 0)
    assert (actual.steps[4], actual.steps[6]) == tuple(actual.first)


def test_words() -> None:
    cohorts = tuple((2000 + place, 1) for place in range(10))
    names = {"event": "first", "entity": "city", "time": "year", "times": ()}
    coding = CohortCoding(**names, cohorts=cohorts, n_never=1234)
    assert coding.text.startswith("First treated year (city): 2000 (1), 2001 (1)")
    assert coding.text.endswith("2007 (1) and 2 more; never: 1,234")
    assert time_text(pd.Timestamp("2014-01-01")) == "2014-01-01"
    assert time_text(2014) == "2014"


# --- windows of event times: names, bins, counts and dummies --------------------------


def window(**changes: object) -> EventWindow:
    fields = {
        "event": "first",
        "never": None,
        "before": 2,
        "after": 1,
        "reference": -1,
        "lowest": -4,
    }
    counts = {
        "n_treated": (3, 3, 3, 3),
        "cohorts": ((2004, 2), (2006, 1)),
        "n_never": 5,
    }
    return EventWindow(**{**fields, "highest": 1, **counts, **changes})  # type: ignore[arg-type]


def test_times_leads_and_counts() -> None:
    actual = window()
    assert actual.times == (-2, -1, 0, 1)
    assert actual.estimated == (-2, 0, 1)
    assert actual.leads == (-2,)
    assert actual.n_ever == 3


@pytest.mark.parametrize(
    ("lowest", "highest", "binned"),
    [(-4, 1, (-2,)), (-2, 3, (1,)), (-3, 2, (-2, 1)), (-2, 1, ())],
)
def test_ends_are_binned_where_rows_lie_beyond(
    lowest: int, highest: int, binned: tuple[int, ...]
) -> None:
    actual = window(lowest=lowest, highest=highest)
    assert actual.binned == binned
    assert actual.text(-2) == ("≤ -2" if -2 in binned else "-2")
    assert actual.text(1) == ("≥ 1" if 1 in binned else "1")


def test_a_binned_end_and_a_single_event_time_are_not_the_same_thing() -> None:
    binned, single = window().term(-2), window(lowest=-2).term(-2)
    assert binned.name == single.name == "event:-2"
    assert binned.meaning != single.meaning
    assert (single.family, single.kind) == ("event", "event")
    assert single.point is not None
    assert (single.point.variable, single.point.code, single.point.value) == (
        "first",
        "-2",
        -2.0,
    )


def test_dummies_add_up_to_treated_rows_without_the_reference() -> None:
    times = np.array([-4, -2, -1, 0, 1, 5, 0])
    treated = np.array([True] * 6 + [False])
    actual = dummies(window(), times, treated)
    np.testing.assert_array_equal(actual[:, 0], [1, 1, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(actual[:, 1], [0, 0, 0, 1, 0, 0, 0])
    np.testing.assert_array_equal(actual[:, 2], [0, 0, 0, 0, 1, 1, 0])


def test_the_error_takes_events_between_censuses_to_the_next_one() -> None:
    frame = pd.DataFrame({"city": np.repeat(range(9), 5)})
    frame["year"] = np.tile([1880, 1893, 1910, 1936, 1953], 9)
    first = [1893, 1894, 1906, 1910, 1911, 1952, np.nan, 1953, 1936]
    frame["rail"] = np.repeat(first, 5)
    frame["y"] = np.random.default_rng(1).normal(size=45)
    panel = Panel(frame, "city", "year")
    with pytest.raises(IdentificationError, match="between censuses") as caught:
        StaggeredDid("y", "rail").fit(panel)
    statement = str(caught.value).partition("the next year: ")[2].removesuffix(".")
    mended = eval(statement, {"panel": panel})["rail"].groupby("city").first()
    right = [1893, 1910, 1910, 1910, 1936, 1953, np.nan, 1953, 1936]
    np.testing.assert_array_equal(mended.reindex(range(9)), right)
