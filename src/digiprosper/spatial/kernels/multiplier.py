"""What a change of a regressor does to all outcomes: direct, indirect and total effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from digiprosper.kernels.tolerances import EQUAL_ROW_SUMS
from digiprosper.spatial.kernels.matrices import to_dense

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.spatial.kernels.matrices import Matrix
    from digiprosper.spatial.kernels.spectrum import Spectrum


class Averages(NamedTuple):
    """Averages over S = (I - rho W)^-1 that effects are made of, each an array or a number.

    The mean of the diagonal of S and of S W, and the mean row sum of S and of S W.
    """

    own: Floats
    own_lag: Floats
    total: Floats
    total_lag: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Average effects with their covariance, in the order of `estimates` read by row.

    Parameters
    ----------
    estimates : (3, k) array
        Direct, indirect and total effect of each regressor (LeSage & Pace 2009, 2.7).
    covariance : (3k, 3k) array
        By the delta method.
    """

    estimates: Floats
    covariance: Floats


def row_sum(matrix: Floats) -> float | None:
    """Give the sum that all rows have.

    Parameters
    ----------
    matrix : (N, N) array
        Weights.

    Returns
    -------
    float or None
        None if rows have different sums.
    """
    sums = matrix.sum(axis=1)
    same = np.ptp(sums) <= EQUAL_ROW_SUMS * np.abs(sums).max()
    return float(sums.mean()) if same else None


def multiplier(matrix: Matrix, rho: float) -> Floats:
    """Compute ``S = (I - rho W)^-1``.

    Parameters
    ----------
    matrix : (N, N) array or csr_array
        Weights.
    rho : float
        Coefficient of the spatial lag of the outcome; 0 for a model without.

    Returns
    -------
    (N, N) array
        The inverse.
    """
    from scipy.linalg import inv

    identity = np.eye(matrix.shape[0])
    if rho == 0:
        return identity
    return np.asarray(inv(identity - rho * to_dense(matrix), overwrite_a=True, check_finite=False))


def averages(matrix: Floats, inverse: Floats, spectrum: Spectrum, rho: float) -> tuple[Averages, Averages]:
    """Average the multiplier, and its derivative in rho.

    Parameters
    ----------
    matrix : (N, N) array
        Weights.
    inverse : (N, N) array
        From `multiplier`.
    spectrum : Spectrum
        Of the weights.
    rho : float
        Coefficient of the spatial lag of the outcome.

    Returns
    -------
    value, slope : Averages
        Numbers; the diagonals are traces from the eigenvalues.
    """
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


def without_lag(matrix: Floats) -> tuple[Averages, Averages]:
    """Average the multiplier of a model without a spatial lag of the outcome, S = I.

    Parameters
    ----------
    matrix : (N, N) array
        Weights.

    Returns
    -------
    value, slope : Averages
        Numbers; the slope is zero.
    """
    zero = np.zeros(())
    value = Averages(np.ones(()), np.diag(matrix).mean(), np.ones(()), matrix.sum(axis=1).mean())
    return value, Averages(zero, zero, zero, zero)


def effects(
    value: Averages, slope: Averages, slopes: Floats, lags: Floats, covariance: Floats, *, lag: bool
) -> Effects:
    """Compute average effects with errors by the delta method.

    Parameters
    ----------
    value, slope : Averages
        Of the multiplier, and its derivative in rho.
    slopes, lags : (k,) arrays
        Coefficients b of the regressors and th of their spatial lags; zeros where there is none.
    covariance : array
        Of rho (with `lag`), b and th, in this order.
    lag : bool
        Whether the model has rho.

    Returns
    -------
    Effects
        Of ``S (I b + W th)``.
    """
    k = slopes.size
    direct = value.own * slopes + value.own_lag * lags
    total = value.total * slopes + value.total_lag * lags
    identity = np.eye(k)
    of_direct = [value.own * identity, value.own_lag * identity]
    of_total = [value.total * identity, value.total_lag * identity]
    if lag:
        of_direct.insert(0, (slope.own * slopes + slope.own_lag * lags)[:, None])
        of_total.insert(0, (slope.total * slopes + slope.total_lag * lags)[:, None])
    direct_rows, total_rows = np.hstack(of_direct), np.hstack(of_total)
    gradient = np.vstack([direct_rows, total_rows - direct_rows, total_rows])
    return Effects(np.vstack([direct, total - direct, total]), gradient @ covariance @ gradient.T)


def effects_of_draws(
    matrix: Floats, spectrum: Spectrum | None, rho: Floats, slopes: Floats, lags: Floats
) -> Floats:
    """Compute average effects for drawn coefficients.

    Parameters
    ----------
    matrix : (N, N) array
        Weights.
    spectrum : Spectrum or None
        Of the weights; None for a model without a spatial lag of the outcome.
    rho : (B,) array
        Draws of rho; not used without a spectrum.
    slopes, lags : (B, k) arrays
        Draws of b and th.

    Returns
    -------
    (B, 3, k) array
        Direct, indirect and total effects.
    """
    at = without_lag(matrix)[0] if spectrum is None else _averages_at(matrix, spectrum, rho)
    own, own_lag, total_one, total_lag = (np.asarray(part)[..., None] for part in at)
    direct = own * slopes + own_lag * lags
    total = total_one * slopes + total_lag * lags
    return np.stack([direct, total - direct, total], axis=1)


def symmetric_root(covariance: Floats) -> Floats:
    """Compute a root of a covariance, which may be singular, from the symmetric root of the correlations.

    Parameters
    ----------
    covariance : (k, k) array
        Of coefficients; a row of zeros for one that is fixed.

    Returns
    -------
    (k, k) array
        R with ``R' R`` the covariance, which that of ``z @ R`` is for standard normal rows z.
    """
    deviations = np.sqrt(np.diag(covariance))
    scale = np.where(deviations > 0, deviations, 1.0)
    values, vectors = np.linalg.eigh(covariance / scale / scale[:, None])
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return np.asarray(root * scale)


def _averages_at(matrix: Floats, spectrum: Spectrum, rho: Floats) -> Averages:
    """Average the multiplier at many values of rho."""
    n, common = len(matrix), row_sum(matrix)
    own = spectrum.traces(rho, lags=0, inverses=1) / n
    own_lag = spectrum.traces(rho, lags=1, inverses=1) / n
    if common is not None:
        return Averages(own, own_lag, 1 / (1 - rho * common), common / (1 - rho * common))
    ones = np.ones(n)
    columns = np.array([np.linalg.solve((np.eye(n) - at * matrix).T, ones) for at in rho])
    return Averages(own, own_lag, columns.mean(axis=1), columns @ (matrix @ ones) / n)


def by_unit(matrix: Floats, inverse: Floats) -> Floats:
    """Compute what the effects of single units are made of.

    Parameters
    ----------
    matrix : (N, N) array
        Weights.
    inverse : (N, N) array
        From `multiplier`.

    Returns
    -------
    (6, N) array
        Diagonal, row sums and column sums of S, then of S W.
    """
    columns = inverse.sum(axis=0)
    diagonal = np.einsum("ij,ji->i", inverse, matrix)
    of_lag = [diagonal, inverse @ matrix.sum(axis=1), columns @ matrix]
    return np.vstack([np.diag(inverse), inverse.sum(axis=1), columns, *of_lag])
