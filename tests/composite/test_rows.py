from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import CompositeIndex, IndicatorError, OptionError, Panel
from digiprosper.composite.rows import cut_rows, find_period


def test_rows_are_complete_and_coded(system, frame_of):
    frame = frame_of(0, n=4, periods=3)
    frame.loc[[0, 5], "b"] = np.nan
    rows = cut_rows(CompositeIndex(system, missing="drop"), Panel(frame, "id", "year"))
    assert rows.x.shape == (10, 4)
    assert rows.entity.tolist() == [0, 0, 1, 1, 2, 2, 2, 3, 3, 3]
    assert rows.time.tolist() == [1, 2, 0, 1, 0, 1, 2, 0, 1, 2]
    assert rows.has_time
    assert rows.notices[0].data["count"] == 2
    assert rows.index.equals(pd.MultiIndex.from_frame(frame.drop(index=[0, 5])[["id", "year"]]))


def test_a_cross_section_has_one_period(system, frame_of):
    table = frame_of(1, periods=1).drop(columns="year")
    rows = cut_rows(CompositeIndex(system), Panel(table, "id"))
    assert not rows.has_time
    assert rows.times.size == 1
    assert rows.notices == ()


@pytest.mark.parametrize(
    ("times", "text", "place"),
    [
        (pd.Index([2010, 2011, 2012]), "2011", 1),
        (pd.PeriodIndex(["2010Q1", "2010Q2"], freq="Q"), "2010Q2", 1),
        (pd.DatetimeIndex(["2010-12-31", "2011-12-31"]), "2011", 1),
        (pd.DatetimeIndex(["2010-12-31", "2011-12-31"]), "2010-12-31", 0),
    ],
)
def test_a_period_is_found_by_its_text(times, text, place):
    assert find_period(times, text) == place


@pytest.mark.parametrize(
    ("times", "text", "match"),
    [
        (pd.Index([2010, 2011]), "201", "'201' is not a period of the sample; it has '2010', '2011'"),
        (pd.DatetimeIndex(["2010-03-31", "2010-06-30"]), "2010", "begins several periods"),
    ],
)
def test_what_names_no_single_period_is_refused(times, text, match):
    with pytest.raises(OptionError, match=match):
        find_period(times, text)


@pytest.mark.parametrize("size", [1e160, 1e300, 1.7e308, 1e-160])
def test_values_beyond_the_range_of_squares_are_refused(system, frame_of, size):
    frame = frame_of(0, n=4, periods=3)
    frame["b"] *= size / frame["b"].max()
    with pytest.raises(IndicatorError, match="'b' has a largest value"):
        cut_rows(CompositeIndex(system), Panel(frame, "id", "year"))
