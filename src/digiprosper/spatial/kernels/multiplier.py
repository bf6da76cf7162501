"""What a regressor's change does to all outcomes: direct, indirect, total effects."""

from __future__ import annotations

from typing import Final

import numpy as np

from digiprosper.kernels import Floats
from digiprosper.spatial.kernels.determinants import Spectrum
from digiprosper.spatial.kernels.matrices import Matrix, row_sum, to_dense

# Share of linked pairs up to which factors of rows of links are faster than dense ones.
_FACTOR_BELOW: Final = 0.01


def multiplier(matrix: Matrix, rho: float) -> Floats:
    """Compute ``S = (I - rho W)^-1``, an (N, N) array."""
    n = matrix.shape[0]
    if rho == 0:
        return np.eye(n)
    if not isinstance(matrix, np.ndarray) and matrix.nnz <= _FACTOR_BELOW * n * n:
        from scipy.sparse import csc_array, eye_array
        from scipy.sparse.linalg import splu

        factors = splu(csc_array(eye_array(n) - rho * matrix))
        return factors.solve(np.eye(n))
    from scipy.linalg import inv

    return inv(np.eye(n) - rho * to_dense(matrix), overwrite_a=True, check_finite=False)


def averages(
    units: Floats, spectrum: Spectrum | None, rho: float
) -> tuple[Floats, Floats | None]:
    """Compute means of diagonals and row sums of S and of S W, and derivatives in rho.

    Both are (2, 2). The means are those of the (6, N) array of `by_unit`; derivatives
    of diagonals are traces from the eigenvalues. Without a spectrum the outcome has no
    spatial lag: S is the identity, and there are no derivatives.
    """
    value = units.reshape(2, 3, -1)[:, :2].mean(axis=-1)
    if spectrum is None:
        return value, None
    _, rows, _, _, rows_lag, columns_lag = units
    slope = [
        [spectrum.trace(rho, lags=1, inverses=2), columns_lag @ rows],
        [spectrum.trace(rho, lags=2, inverses=2), columns_lag @ rows_lag],
    ]
    return value, np.array(slope) / rows.size


def _of_regressors(at: Floats, slopes: Floats, lags: Floats) -> Floats:
    """Compute direct, indirect and total effects (3, ...) at averages (2, 2, ...)."""
    of_slopes, of_lags = at
    direct, total = of_slopes * slopes + of_lags * lags
    return np.stack([direct, total - direct, total])


def effects(
    value: Floats, slope: Floats | None, slopes: Floats, lags: Floats
) -> tuple[Floats, Floats]:
    """Compute average effects and derivatives (LeSage & Pace 2009, 2.7).

    `value` and `slope` are averages of the multiplier and their derivatives in rho;
    `slopes` and `lags` are b and th, zero where there is none. Returns direct, indirect
    and total effects (3, k), and the derivatives (3k, p) in rho (if there is `slope`),
    b and th, in this order; rows in the order of the effects read by row.
    """
    unit, zero = np.eye(slopes.size), np.zeros((slopes.size, slopes.size))
    value = value[..., None]
    parts = [
        _of_regressors(value[..., None], unit, zero),
        _of_regressors(value[..., None], zero, unit),
    ]
    if slope is not None:
        parts.insert(0, _of_regressors(slope[..., None], slopes, lags)[:, :, None])
    gradient = np.concatenate(parts, axis=2)
    estimates = _of_regressors(value, slopes, lags)
    return estimates, gradient.reshape(estimates.size, -1)


def effects_of_draws(
    matrix: Floats, spectrum: Spectrum | None, draws: Floats
) -> Floats:
    """Compute average effects of B draws of rho, k slopes and k of lags: (B, 3, k).

    Without a spectrum the model has no spatial lag of the outcome, and draws no rho.
    """
    n = len(matrix)
    eye = np.eye(n)
    common_sum = row_sum(matrix)
    if spectrum is None:
        value, _ = averages(by_unit(matrix, eye), None, 0.0)
        at = value[..., None]
    else:
        rho, draws = draws[:, 0], draws[:, 1:]
        diagonal, diagonal_lag = (spectrum.traces(rho, lags=k) / n for k in (0, 1))
        if common_sum is not None:
            remainder = 1 - rho * common_sum
            total, total_lag = 1 / remainder, common_sum / remainder
        else:
            ones = np.ones(n)
            sums = np.array([np.linalg.solve((eye - a * matrix).T, ones) for a in rho])
            total, total_lag = sums.mean(axis=1), sums @ (matrix @ ones) / n
        at = np.array([[diagonal, total], [diagonal_lag, total_lag]])
    slopes, lags = np.split(draws, 2, axis=1)
    return _of_regressors(at[..., None], slopes, lags).swapaxes(0, 1)


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


def by_unit(matrix: Floats, inverse: Floats) -> Floats:
    """Compute diagonal, row sums, column sums of S, then of S W: (6, N)."""
    columns = inverse.sum(axis=0)
    diagonal = np.einsum("ij,ji->i", inverse, matrix)
    of_lag = [diagonal, inverse @ matrix.sum(axis=1), columns @ matrix]
    return np.vstack([np.diag(inverse), inverse.sum(axis=1), columns, *of_lag])
