"""Lagrange multiplier tests of a spatial lag and of a spatial error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.kernels.least_squares import ols

if TYPE_CHECKING:
    from digiprosper.kernels import Floats


def lagrange_tests(
    matrix: Floats, x: Floats, e: Floats, lag_y: Floats, lag_e: Floats
) -> tuple[float, ...]:
    """Compute tests of Anselin, Le Gallo & Jayet (2008), robust of Elhorst (2010).

    Returns the statistics of a spatial lag, of a spatial error, and the robust ones of
    both, each chi-squared with one degree of freedom under its null. `x` are the
    (NT, k) demeaned regressors, `e` the (NT,) least-squares residuals of the outcome,
    and `lag_y` and `lag_e` the spatial lags of both; rows are sorted by entity and then
    by period.
    """
    n_times = e.size / len(matrix)
    sigma2 = float(e @ e) / e.size
    lag_residuals = ols(x, lag_y - lag_e).residuals
    trace = n_times * float(np.sum(matrix * matrix.T) + np.sum(matrix**2))
    # Information of rho given the slopes, and scores in units of sigma2.
    information = float(lag_residuals @ lag_residuals) / sigma2
    score_lag, score_error = float(e @ lag_y) / sigma2, float(e @ lag_e) / sigma2
    return score_statistics(score_lag, score_error, information, trace)


def score_statistics(
    of_lag: Floats | float,
    of_error: Floats | float,
    information: Floats | float,
    variance: Floats | float,
) -> tuple[Any, ...]:
    """Compute statistics of a lag, of an error, and the robust ones, from scores.

    `variance` is that of the score of the error; the score of the lag has
    `information` in addition.
    """
    share = variance / (information + variance)
    return (
        of_lag**2 / (information + variance),
        of_error**2 / variance,
        (of_lag - of_error) ** 2 / information,
        (of_error - share * of_lag) ** 2 / (variance * (1 - share)),
    )
