from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import CompositeIndex, IndicatorError, Panel
from digiprosper.composite.rows import cut_rows, dropped_rows, without_indicator


def test_rows_are_complete_and_coded(system, frame_of):
    frame = frame_of(0, n=4, periods=3)
    frame.loc[[0, 5], "b"] = np.nan
    sample = cut_rows(CompositeIndex(system, missing="drop").recipe, Panel(frame, "id", "year"))
    assert sample.matrix.shape == (10, 4)
    assert sample.names == system.names
    assert sample.entity.tolist() == [0, 0, 1, 1, 2, 2, 2, 3, 3, 3]
    assert sample.time.tolist() == [1, 2, 0, 1, 0, 1, 2, 0, 1, 2]
    assert sample.keys.time_name == "year"
    assert dropped_rows(sample)[0].data["count"] == 2
    kept = frame.drop(index=[0, 5])
    assert sample.index.equals(pd.MultiIndex.from_frame(kept[["id", "year"]]))
    np.testing.assert_array_equal(sample.matrix, kept[list(system.names)])


def test_a_cross_section_has_one_period(system, frame_of):
    table = frame_of(1, periods=1).drop(columns="year")
    sample = cut_rows(CompositeIndex(system).recipe, Panel(table, "id"))
    assert sample.keys.time_name is None
    assert sample.n_times == 1
    assert dropped_rows(sample) == []


def test_an_indicator_leaves_and_the_rows_stay(system, frame_of):
    frame = frame_of(2, n=4, periods=3)
    sample = cut_rows(CompositeIndex(system).recipe, Panel(frame, "id", "year"))
    left = without_indicator(sample, "b")
    assert left.names == ("a", "c", "d")
    assert left.index is sample.index
    np.testing.assert_array_equal(left.columns("indicators"), sample.matrix[:, [0, 2, 3]])


@pytest.mark.parametrize("size", [1e160, 1e300, 1.7e308, 1e-160])
def test_values_beyond_the_range_of_squares_are_refused(system, frame_of, size):
    frame = frame_of(0, n=4, periods=3)
    frame["b"] *= size / frame["b"].max()
    with pytest.raises(IndicatorError, match="'b' has a largest value"):
        cut_rows(CompositeIndex(system).recipe, Panel(frame, "id", "year"))
