"""Intervals and their p-values: draws or estimates in, arrays out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from digiprosper.kernels import Floats

__all__ = ["delta", "fieller", "percentile", "percentile_p"]


def percentile(draws: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Percentile interval of every column of bootstrap draws.

    With B usable draws the ends are the order statistics at q (B + 1) for q = (1 - level) / 2 and
    1 - q, interpolated where q (B + 1) is no integer (numpy's ``weibull`` rule) and the extreme draw
    where it lies beyond one. Missing draws are left out, column by column.

    Parameters
    ----------
    draws : ndarray, shape (B,) or (B, k)
        Bootstrap draws; NaN for a draw that could not be estimated.
    level : float
        Coverage; 0.95 by convention.

    Returns
    -------
    low, high : ndarray, shape () or (k,)
        Ends of the interval; NaN for a column without a usable draw.

    Notes
    -----
    Efron (1979), Annals of Statistics 7:1. :func:`percentile_p` inverts exactly this interval.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = percentile(np.arange(1.0, 40.0), level=0.9)
    >>> float(low), float(high)
    (2.0, 38.0)
    """
    tail = round((1.0 - level) / 2.0, 12)  # so that tail * (B + 1) is the integer it is meant to be
    columns = np.asarray(draws, dtype=float)
    flat = columns.reshape(columns.shape[0], -1)
    ends = np.full((2, flat.shape[1]), np.nan)
    for j, column in enumerate(flat.T):
        usable = column[~np.isnan(column)]
        if usable.size:
            ends[:, j] = np.quantile(usable, [tail, 1.0 - tail], method="weibull")
    low, high = ends.reshape(2, *columns.shape[1:])
    return low, high


def percentile_p(draws: Floats, null: float = 0.0) -> Floats:
    """Two-sided p-value that inverts the percentile interval.

    ``p = min(1, 2 (1 + min(#{t* <= null}, #{t* >= null})) / (B + 1))``, so that p is never 0 and
    ``p <= 1 - level`` exactly when the interval of that level leaves `null` out (where
    (1 - level) / 2 times (B + 1) is an integer). Missing draws are left out, column by column.

    Parameters
    ----------
    draws : ndarray, shape (B,) or (B, k)
        Bootstrap draws; NaN for a draw that could not be estimated.
    null : float
        Value under the null hypothesis.

    Returns
    -------
    ndarray, shape () or (k,)
        P-values, at least 2 / (B + 1); NaN for a column without a usable draw.

    Examples
    --------
    >>> import numpy as np
    >>> float(percentile_p(np.arange(1.0, 40.0)))
    0.05
    """
    columns = np.asarray(draws, dtype=float)
    usable = np.sum(~np.isnan(columns), axis=0)
    tail = np.minimum(np.sum(columns <= null, axis=0), np.sum(columns >= null, axis=0))
    p = np.minimum(1.0, 2.0 * (1.0 + tail) / (usable + 1.0))
    return np.asarray(np.where(usable > 0, p, np.nan))


def delta(
    estimates: Floats, std_errors: Floats, df: float, level: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """Symmetric t interval around every estimate, with its p-value.

    Parameters
    ----------
    estimates : ndarray, shape (k,)
        Estimates.
    std_errors : ndarray, shape (k,)
        Their standard errors.
    df : float
        Degrees of freedom of t; ``inf`` gives the normal distribution.
    level : float
        Coverage.

    Returns
    -------
    low, high, p : ndarray, shape (k,)
        Ends of the interval and ``2 P(t > |estimate / std_error|)``.

    Examples
    --------
    >>> import numpy as np
    >>> low, high, p = delta(np.array([2.0]), np.array([1.0]), df=10)
    >>> round(float(low[0]), 4), round(float(high[0]), 4), round(float(p[0]), 4)
    (-0.2281, 4.2281, 0.0734)
    """
    from scipy import special

    estimates, std_errors = np.asarray(estimates, dtype=float), np.asarray(std_errors, dtype=float)
    upper = (1.0 + level) / 2.0
    critical = special.ndtri(upper) if np.isinf(df) else special.stdtrit(df, upper)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(estimates / std_errors)
    p = np.asarray(2.0 * (special.ndtr(-t) if np.isinf(df) else special.stdtr(df, -t)), dtype=np.float64)
    return estimates - critical * std_errors, estimates + critical * std_errors, p


def fieller(
    ratio: tuple[float, float], variance: tuple[float, float, float], critical: float
) -> list[tuple[float, float]]:
    """Fieller's confidence set for a ratio n / d of two normal estimates.

    The set is ``{r : |n - r d| <= critical * se(n - r d)}``: all r with
    ``A r^2 - 2 B r + C <= 0``, A = d^2 - c^2 v_dd, B = n d - c^2 v_nd, C = n^2 - c^2 v_nn. It is one bounded
    interval exactly when d differs from 0 at the same level; otherwise it is two unbounded pieces or
    the whole line.

    Parameters
    ----------
    ratio : tuple (n, d)
        Numerator and denominator.
    variance : tuple (v_nn, v_nd, v_dd)
        Their variances and covariance, in this order.
    critical : float
        Two-sided critical value, such as 1.96.

    Returns
    -------
    list of (low, high)
        Closed intervals from left to right, with ``-inf`` and ``inf`` where unbounded.

    Notes
    -----
    Fieller (1954), JRSS B 16:175. The turning point of ``b1 x + b2 x^2`` is the ratio -b1 / (2 b2), with
    variances ``(v11, -2 v12, 4 v22)``.

    Examples
    --------
    >>> [(round(a, 4), round(b, 4)) for a, b in fieller((1.0, 2.0), (0.01, 0.0, 0.01), 2.0)]
    [(0.3926, 0.6175)]
    >>> fieller((1.0, 0.01), (1.0, 0.0, 1.0), 2.0)
    [(-inf, inf)]
    """
    n, d = ratio
    v_nn, v_nd, v_dd = variance
    square = critical**2
    a, b, c = d * d - square * v_dd, n * d - square * v_nd, n * n - square * v_nn
    if a == 0.0:
        return _half_line(b, c)
    discriminant = b * b - a * c
    if discriminant <= 0.0:
        # With a > 0 only a degenerate variance comes here: the set is the estimate itself.
        return [(b / a, b / a)] if a > 0.0 else [(-np.inf, np.inf)]
    # The larger root in size first: the other from the product of the roots, without cancellation.
    q = b + np.copysign(np.sqrt(discriminant), b)
    low, high = sorted((float(q / a), float(c / q)))
    return [(low, high)] if a > 0.0 else [(-np.inf, low), (high, np.inf)]


def _half_line(b: float, c: float) -> list[tuple[float, float]]:
    if b == 0.0:
        return [(-np.inf, np.inf)]
    end = c / (2.0 * b)
    return [(end, np.inf)] if b > 0.0 else [(-np.inf, end)]
