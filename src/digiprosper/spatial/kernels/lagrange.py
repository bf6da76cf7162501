"""Lagrange multiplier tests of a spatial lag and of a spatial error."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from digiprosper.kernels.least_squares import ols

if TYPE_CHECKING:
    from digiprosper.kernels import Floats


class LagrangeTests(NamedTuple):
    """Statistics, each chi-squared with one degree of freedom under its null."""

    lag: float
    error: float
    robust_lag: float
    robust_error: float


def lagrange_tests(
    matrix: Floats, x: Floats, e: Floats, lag_y: Floats, lag_e: Floats
) -> LagrangeTests:
    """Compute tests of Anselin, Le Gallo & Jayet (2008), robust of Elhorst (2010).

    `x` are the (NT, k) demeaned regressors, `e` the (NT,) least-squares residuals of
    the outcome, and `lag_y` and `lag_e` the spatial lags of both; rows are sorted by
    entity and then by period.
    """
    n_times = e.size / len(matrix)
    sigma2 = float(e @ e) / e.size
    lag_residuals = ols(x, lag_y - lag_e).residuals
    trace = n_times * float(np.sum(matrix * matrix.T) + np.sum(matrix**2))
    # Information of rho given the slopes, and scores in units of sigma2.
    information = float(lag_residuals @ lag_residuals) / sigma2 + trace
    score_lag, score_error = float(e @ lag_y) / sigma2, float(e @ lag_e) / sigma2
    share = trace / information
    return LagrangeTests(
        lag=score_lag**2 / information,
        error=score_error**2 / trace,
        robust_lag=(score_lag - score_error) ** 2 / (information - trace),
        robust_error=(score_error - share * score_lag) ** 2 / (trace * (1 - share)),
    )
