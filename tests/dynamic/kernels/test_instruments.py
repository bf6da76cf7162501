"""Columns of instruments, by their definition."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.dynamic.kernels.instruments import (
    ExogenousInstrument,
    LaggedInstruments,
    Rows,
    instrument_array,
    layout,
)


@pytest.mark.parametrize("collapse", [True, False])
def test_lags_and_differences_stand_where_their_row_is(collapse: bool) -> None:
    rng = np.random.default_rng(2)
    y = np.where(rng.random((5, 6)) > 0.2, rng.normal(size=(5, 6)), np.nan)
    levels = np.isfinite(y) & (np.arange(6) > 0)
    transformed = levels.copy()
    transformed[:, 1:] &= levels[:, :-1]
    rows = Rows(transformed=transformed, levels=levels)
    lagged = [LaggedInstruments(name="y", values=y, first=2, last=9, collapse=collapse)]
    exogenous = [ExogenousInstrument(name="x", values=y, equation="level")]
    columns = layout(lagged, exogenous, rows)
    array = instrument_array(
        columns, lagged, [(np.zeros((5, 6)), np.ones((5, 6)))], rows, slice(0, 5)
    )
    assert array.shape == (5, 12, len(columns))
    for j, (variable, equation, lag, period) in enumerate(columns):
        for i, t in np.ndindex(5, 6):
            upper, lower = array[i, t, j], array[i, 6 + t, j]
            if variable == "x":
                assert (upper, lower) == (0.0, 1.0)
                continue
            here = period is None or period == t
            level = y[i, t - lag] if t >= lag else np.nan
            change = level - y[i, t - lag - 1] if t > lag else np.nan
            if equation == "difference":
                used = here and transformed[i, t] and np.isfinite(level)
                assert (upper, lower) == (level if used else 0.0, 0.0)
            else:
                used = here and levels[i, t] and np.isfinite(change)
                assert (upper, lower) == (0.0, change if used else 0.0)
    assert all(array[:, :, j].any() for j in range(len(columns)))
