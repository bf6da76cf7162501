"""Moran's I and Geary's C of a variable, period by period, and their local parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from digiprosper.kernels.tolerances import CONSTANT, SAME_STATISTIC
from digiprosper.spatial.kernels.matrices import lag_by_period

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.spatial.kernels.matrices import Matrix

# Numbers in a block of permutations: 8 MB; some six arrays of that size are alive at once.
_BLOCK: Final = 2**20


@dataclass(frozen=True, slots=True)
class WeightSums:
    """Sums of weights that the moments of both statistics need.

    Parameters
    ----------
    n : int
        Entities.
    s0 : float
        ``sum w_ij``.
    s1 : float
        ``sum (w_ij + w_ji)^2 / 2``.
    s2 : float
        ``sum_i (sum_j w_ij + sum_j w_ji)^2``.
    """

    n: int
    s0: float
    s1: float
    s2: float


def weight_sums(matrix: Matrix) -> WeightSums:
    """Sum weights.

    Parameters
    ----------
    matrix : (n, n) array or csr_array
        Weights.

    Returns
    -------
    WeightSums
        As Cliff & Ord (1981) define them.
    """
    both: Any = matrix + matrix.T
    squares = both**2 if isinstance(both, np.ndarray) else both.data**2
    return WeightSums(
        n=matrix.shape[0],
        s0=float(matrix.sum()),
        s1=float(squares.sum() / 2),
        s2=float((_both_sums(matrix) ** 2).sum()),
    )


def _both_sums(matrix: Matrix) -> Floats:
    """Sum each row and the column of the same entity."""
    rows, columns = (np.asarray(matrix.sum(axis=axis), dtype=np.float64).ravel() for axis in (1, 0))
    return rows + columns


def deviations(cells: Floats) -> tuple[Floats, Bools]:
    """Standardise a variable within periods.

    Parameters
    ----------
    cells : (T, n) array
        Finite values.

    Returns
    -------
    z : (T, n) array
        Of mean zero and mean square one; zero in a constant period.
    constant : (T,) array of bool
        Periods in which all entities have the same value.
    """
    size = np.abs(cells).max(axis=1, keepdims=True)
    z = cells / np.where(size > 0, size, 1.0)
    z = z - z.mean(axis=1, keepdims=True)
    constant = np.abs(z).max(axis=1) <= CONSTANT
    spread = np.sqrt((z**2).mean(axis=1, keepdims=True))
    return np.where(constant[:, None], 0.0, z / np.where(spread > 0, spread, 1.0)), constant


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """Statistics by period.

    Parameters
    ----------
    statistic : (T,) array
        Of the data.
    beyond : (T,) array of int
        Permutations whose statistic is as far from its expectation, or farther.
    """

    statistic: Floats
    beyond: Ints


def global_statistics(
    matrix: Matrix, z: Floats, reps: int, seed: np.random.SeedSequence, *, geary: bool
) -> Global:
    """Compute Moran's I or Geary's C, and count permutations that are as extreme.

    ``I = n / S0 * z'Wz / z'z``; ``C = (n - 1) / (2 S0) * sum_ij w_ij (z_i - z_j)^2 / z'z``.

    Parameters
    ----------
    matrix : (n, n) array or csr_array
        Weights W.
    z : (T, n) array
        From `deviations`.
    reps : int
        Permutations of the entities, the same in all periods.
    seed : SeedSequence
        Of the permutations.
    geary : bool
        Whether to compute C instead of I.

    Returns
    -------
    Global
        By period.
    """
    n = z.shape[1]
    total = float(matrix.sum())
    both = _both_sums(matrix)
    expectation = 1.0 if geary else -1.0 / (n - 1)

    def statistics(values: Floats) -> Floats:
        """Compute them for (n, b) columns of mean square one."""
        products = np.einsum("nb,nb->b", values, matrix @ values)
        if geary:
            products = (n - 1) / (2 * n) * (both @ values**2 - 2 * products)
        return np.asarray(products / total)

    found = statistics(np.ascontiguousarray(z.T))
    away = _as_far(np.abs(found - expectation), abs(expectation))
    beyond = np.zeros(len(z), dtype=np.intp)
    for order in _permutations(n, reps, seed):
        for t, row in enumerate(z):
            beyond[t] += (np.abs(statistics(row[order]) - expectation) >= away[t]).sum()
    return Global(found, beyond)


def _permutations(n: int, reps: int, seed: np.random.SeedSequence) -> Iterator[Ints]:
    """Draw (n, b) permutations in blocks; the stream is the same whatever the size of a block."""
    generator = np.random.default_rng(seed)
    step = max(1, _BLOCK // n)
    for start in range(0, reps, step):
        rows = np.tile(np.arange(n), (min(step, reps - start), 1))
        yield np.ascontiguousarray(generator.permuted(rows, axis=1).T)


def moran_moments(sums: WeightSums, z: Floats) -> tuple[float, float, Floats]:
    """Compute the moments of Moran's I under no spatial autocorrelation.

    Parameters
    ----------
    sums : WeightSums
        Of the weights, at least four entities.
    z : (T, n) array
        From `deviations`.

    Returns
    -------
    expectation : float
        ``-1 / (n - 1)``.
    normality : float
        Variance if values are independent and normal (Cliff & Ord 1981, p. 21).
    randomisation : (T,) array
        Variance over all permutations of the values; both variances are missing where they are zero.
    """
    n, s0, s1, s2 = sums.n, sums.s0, sums.s1, sums.s2
    expectation = -1.0 / (n - 1)
    normality = (n**2 * s1 - n * s2 + 3 * s0**2) / (s0**2 * (n**2 - 1)) - expectation**2
    kurtosis = (z**4).mean(axis=1)
    first = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
    second = (n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2
    randomisation = (first - kurtosis * second) / ((n - 1) * (n - 2) * (n - 3) * s0**2) - expectation**2
    size = expectation**2
    return expectation, float(_varying(normality, size)), _varying(randomisation, size)


def geary_moments(sums: WeightSums, z: Floats) -> tuple[float, float, Floats]:
    """Compute the moments of Geary's C under no spatial autocorrelation.

    Parameters
    ----------
    sums : WeightSums
        Of the weights, at least four entities.
    z : (T, n) array
        From `deviations`.

    Returns
    -------
    expectation : float
        One.
    normality : float
        Variance if values are independent and normal (Cliff & Ord 1981, p. 21).
    randomisation : (T,) array
        Variance over all permutations of the values; both variances are missing where they are zero.
    """
    n, s0, s1, s2 = sums.n, sums.s0, sums.s1, sums.s2
    normality = ((2 * s1 + s2) * (n - 1) - 4 * s0**2) / (2 * (n + 1) * s0**2)
    kurtosis = (z**4).mean(axis=1)
    pairs = (n - 1) * s1 * (n**2 - 3 * n + 3 - (n - 1) * kurtosis)
    rows = (n - 1) * s2 * (n**2 + 3 * n - 6 - (n**2 - n + 2) * kurtosis) / 4
    whole = s0**2 * (n**2 - 3 - (n - 1) ** 2 * kurtosis)
    randomisation = (pairs - rows + whole) / (n * (n - 2) * (n - 3) * s0**2)
    size = 1 / n
    return 1.0, float(_varying(normality, size)), _varying(randomisation, size)


def _as_far(distance: Floats, size: Floats | float) -> Floats:
    """Allow for rounding in the distance of a statistic from a centre of some size, so that ties are ties."""
    return distance - SAME_STATISTIC * (distance + size)


def _varying(variance: Floats | float, size: float) -> Floats:
    """Keep a variance above the rounding of its terms: below it, no data change the statistic."""
    return np.where(variance > SAME_STATISTIC * size, variance, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """Local statistics by period and entity.

    Parameters
    ----------
    lag : (T, n) array
        Spatial lag of the standardised variable.
    statistic : (T, n) array
        Local Moran.
    beyond : (T, n) array of int
        Permutations of the other entities whose statistic is as far from its expectation, or farther.
    """

    lag: Floats
    statistic: Floats
    beyond: Ints


def local_statistics(matrix: Matrix, z: Floats, reps: int, seed: np.random.SeedSequence) -> Local:
    """Compute local Moran statistics, and count conditional permutations that are as extreme.

    ``I_i = z_i sum_j w_ij z_j`` with z of mean square one (Anselin 1995). The value of i stays where
    it is, and those of the others are permuted: each permutation of all entities is made one of the others by
    exchanging the value that i got with its own, which leaves all of them equally likely.

    Parameters
    ----------
    matrix : (n, n) array or csr_array
        Weights W.
    z : (T, n) array
        From `deviations`.
    reps : int
        Permutations, the same for all entities and periods.
    seed : SeedSequence
        Of the permutations.

    Returns
    -------
    Local
        By period and entity.
    """
    n = z.shape[1]
    lag = lag_by_period(matrix, z)
    # Mean of the lag over permutations of the other entities, whose values sum to -z_i.
    centre = -np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel() * z / (n - 1)
    away = _as_far(np.abs(z * (lag - centre)), np.abs(z * centre))
    beyond = np.zeros(z.shape, dtype=np.intp)
    for order in _permutations(n, reps, seed):
        place = np.empty_like(order)
        np.put_along_axis(place, order, np.arange(n)[:, None], axis=0)
        weight = _weights_at(matrix, place)
        for t, row in enumerate(z):
            permuted, own = row[order], row[:, None]
            drawn = matrix @ permuted + weight * (permuted - own)
            further = np.abs(own * (drawn - centre[t, :, None])) >= away[t, :, None]
            beyond[t] += further.sum(axis=1)
    return Local(lag, z * lag, beyond)


def _weights_at(matrix: Matrix, place: Ints) -> Floats:
    """Take the weight ``w[i, place[i, b]]`` for each entity i and permutation b."""
    rows = np.broadcast_to(np.arange(len(place))[:, None], place.shape)
    found: Any = matrix[rows.ravel(), place.ravel()]
    return np.asarray(found, dtype=np.float64).reshape(place.shape)


def benjamini_hochberg(p: Floats) -> Floats:
    """Adjust p-values so that the false discovery rate is controlled.

    Parameters
    ----------
    p : (T, n) array
        P-values; NaN where there is no test.

    Returns
    -------
    (T, n) array
        Adjusted within each period, over the tests that there are (Benjamini & Hochberg 1995).

    Examples
    --------
    >>> benjamini_hochberg(np.array([[0.01, 0.04, np.nan, 0.03]])).round(3)
    array([[0.03, 0.04,  nan, 0.04]])
    """
    adjusted = np.full(p.shape, np.nan)
    for t, row in enumerate(p):
        tests = np.flatnonzero(~np.isnan(row))
        order = tests[np.argsort(-row[tests], kind="stable")]
        ranks = np.arange(order.size, 0, -1)
        adjusted[t, order] = np.minimum.accumulate(row[order] * order.size / ranks)
    return np.asarray(np.minimum(adjusted, 1.0))
