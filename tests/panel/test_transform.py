"""Gaps and extremes, value by value."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.panel.transform import filled_in, winsorized

nan = np.nan


@pytest.mark.parametrize(
    ("extrapolate", "expected"),
    [(False, [nan, 1, 2, 4, nan, 5, nan]), (True, [1, 1, 2, 4, 4, 5, 5])],
)
def test_gaps_are_filled_in_time_and_never_across_entities(extrapolate: bool, expected: list[float]) -> None:
    values = np.array([nan, 1, nan, 4, nan, 5, nan])
    position = np.array([0.0, 1, 2, 4, 5, 0, 1])
    entity = np.array([0, 0, 0, 0, 0, 1, 1])
    before = values.copy()
    np.testing.assert_allclose(filled_in(values, position, entity, extrapolate=extrapolate), expected)
    np.testing.assert_array_equal(values, before)


def test_quantiles_of_each_group_and_missing_values_stay() -> None:
    column = np.array([0.0, 1, 2, 3, 100, nan, 7, 8])
    parts = [np.arange(6), np.array([6, 7])]
    out = winsorized(column, parts, (0.2, 0.8), "stata")
    # Five values: the 20th percentile is the mean of the first two, the 80th of the last two.
    np.testing.assert_allclose(out, [0.5, 1, 2, 3, 51.5, nan, 7, 8])
    np.testing.assert_allclose(winsorized(column, parts, (0.0, 1.0), "linear"), column)
