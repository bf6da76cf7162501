"""What a regressor's change does to all outcomes: direct, indirect, total effects."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from digiprosper.kernels import Floats
from digiprosper.spatial.kernels.determinants import Spectrum
from digiprosper.spatial.kernels.matrices import Matrix, row_sum, to_dense

# Share of linked pairs up to which factors of rows of links are faster than dense ones.
_FACTOR_BELOW: Final = 0.01


class Averages(NamedTuple):
    """Means of diagonals and row sums of S = (I - rho W)^-1 and S W."""

    own: Floats  # diagonal of S
    own_lag: Floats  # diagonal of S W
    total: Floats  # row sums of S
    total_lag: Floats  # row sums of S W


def multiplier(matrix: Matrix, rho: float) -> Floats:
    """Compute ``S = (I - rho W)^-1``, an (N, N) array."""
    n = matrix.shape[0]
    if rho == 0:
        return np.eye(n)
    if not isinstance(matrix, np.ndarray) and matrix.nnz <= _FACTOR_BELOW * n * n:
        from scipy.sparse import csc_array, eye_array
        from scipy.sparse.linalg import splu

        factors = splu(csc_array(eye_array(n) - rho * matrix))
        return np.asarray(factors.solve(np.eye(n)))
    from scipy.linalg import inv

    return np.asarray(
        inv(np.eye(n) - rho * to_dense(matrix), overwrite_a=True, check_finite=False)
    )


def averages(
    matrix: Floats, inverse: Floats, spectrum: Spectrum | None, rho: float
) -> tuple[Averages, Averages | None]:
    """Compute the averages of the multiplier, and their derivatives in rho.

    The diagonals are traces from the eigenvalues. Without a spectrum the outcome has no
    spatial lag: S is the identity, and there are no derivatives.
    """
    if spectrum is None:
        return _without_lag(matrix), None
    n, lag = len(matrix), matrix.sum(axis=1)
    rows, columns = inverse.sum(axis=1), inverse.sum(axis=0)

    def mean_trace(lags: int, inverses: int) -> Floats:
        return np.array(spectrum.trace(rho, lags=lags, inverses=inverses) / n)

    value = Averages(mean_trace(0, 1), mean_trace(1, 1), rows.mean(), columns @ lag / n)
    slope = Averages(
        own=mean_trace(1, 2),
        own_lag=mean_trace(2, 2),
        total=columns @ (matrix @ rows) / n,
        total_lag=columns @ (matrix @ (inverse @ lag)) / n,
    )
    return value, slope


def _without_lag(matrix: Floats) -> Averages:
    unit = np.ones(())
    return Averages(unit, np.diag(matrix).mean(), unit, matrix.sum(axis=1).mean())


def _of_regressors(at: Averages, slopes: Floats, lags: Floats) -> Floats:
    """Compute direct, indirect and total effects (3, ...) at averages."""
    direct = at.own * slopes + at.own_lag * lags
    total = at.total * slopes + at.total_lag * lags
    return np.stack([direct, total - direct, total])


def effects(
    value: Averages, slope: Averages | None, slopes: Floats, lags: Floats
) -> tuple[Floats, Floats]:
    """Compute average effects and derivatives (LeSage & Pace 2009, 2.7).

    `value` and `slope` are averages of the multiplier and their derivatives in rho;
    `slopes` and `lags` are b and th, zero where there is none. Returns direct, indirect
    and total effects (3, k), and the derivatives (3k, p) in rho (if there is `slope`),
    b and th, in this order; rows in the order of the effects read by row.
    """
    unit, zero = np.eye(slopes.size), np.zeros((slopes.size, slopes.size))
    parts = [_of_regressors(value, unit, zero), _of_regressors(value, zero, unit)]
    if slope is not None:
        parts.insert(0, _of_regressors(slope, slopes, lags)[:, :, None])
    gradient = np.concatenate(parts, axis=2)
    estimates = _of_regressors(value, slopes, lags)
    return estimates, gradient.reshape(estimates.size, -1)


def effects_of_draws(
    matrix: Floats, spectrum: Spectrum | None, draws: Floats
) -> Floats:
    """Compute average effects of B draws of rho, k slopes and k of lags: (B, 3, k).

    Without a spectrum the model has no spatial lag of the outcome, and draws no rho.
    """
    first = 0 if spectrum is None else 1
    slopes, lags = np.split(draws[:, first:], 2, axis=1)
    at = (
        _without_lag(matrix)
        if spectrum is None
        else _averages_at(matrix, spectrum, draws[:, 0])
    )
    columns = Averages(*(np.asarray(part)[..., None] for part in at))
    return _of_regressors(columns, slopes, lags).swapaxes(0, 1)


def symmetric_root(covariance: Floats) -> Floats:
    """Compute R with ``R' R`` the covariance (k, k), to draw rows ``z @ R``.

    It may be singular, with rows of zeros: R is computed from the symmetric root of the
    correlations.
    """
    deviations = np.sqrt(np.diag(covariance))
    scale = np.where(deviations > 0, deviations, 1.0)
    values, vectors = np.linalg.eigh(covariance / scale / scale[:, None])
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return np.asarray(root * scale)


def _averages_at(matrix: Floats, spectrum: Spectrum, rho: Floats) -> Averages:
    """Compute the averages of the multiplier at many values of rho."""
    n, common_sum = len(matrix), row_sum(matrix)
    diagonal = spectrum.traces(rho, lags=0) / n
    diagonal_lag = spectrum.traces(rho, lags=1) / n
    if common_sum is not None:
        remainder = 1 - rho * common_sum
        return Averages(diagonal, diagonal_lag, 1 / remainder, common_sum / remainder)
    ones = np.ones(n)
    columns = np.array(
        [np.linalg.solve((np.eye(n) - at * matrix).T, ones) for at in rho]
    )
    return Averages(
        diagonal, diagonal_lag, columns.mean(axis=1), columns @ (matrix @ ones) / n
    )


def by_unit(matrix: Floats, inverse: Floats) -> Floats:
    """Compute diagonal, row sums, column sums of S, then of S W: (6, N)."""
    columns = inverse.sum(axis=0)
    diagonal = np.einsum("ij,ji->i", inverse, matrix)
    of_lag = [diagonal, inverse @ matrix.sum(axis=1), columns @ matrix]
    return np.vstack([np.diag(inverse), inverse.sum(axis=1), columns, *of_lag])
