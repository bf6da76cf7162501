"""Moran's I and Geary's C of a variable, period by period, and their local parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.tolerances import CONSTANT, SAME_STATISTIC
from digiprosper.spatial.kernels.matrices import Matrix, lag_by_period

# Bytes of a block of permutations; some six arrays of that size are alive at once.
_MEMORY: Final = 2**23


def _both_sums(matrix: Matrix) -> Floats:
    """Add the sum of each row and that of the column of the same entity."""
    rows, columns = (
        np.asarray(matrix.sum(axis=axis), dtype=np.float64).ravel() for axis in (1, 0)
    )
    return rows + columns


def deviations(cells: Floats) -> tuple[Floats, Bools]:
    """Standardise (T, n) values to mean zero and mean square one in each period.

    Also returns the (T,) periods in which all values are the same; there the result is
    zero.
    """
    largest = np.abs(cells).max(axis=1, keepdims=True)
    z = cells / np.where(largest > 0, largest, 1.0)
    z = z - z.mean(axis=1, keepdims=True)
    constant = np.abs(z).max(axis=1) <= CONSTANT
    spread = np.sqrt((z**2).mean(axis=1, keepdims=True))
    return np.where(
        constant[:, None], 0.0, z / np.where(spread > 0, spread, 1.0)
    ), constant


def global_statistics(
    matrix: Matrix, z: Floats, reps: int, seed: np.random.SeedSequence, *, geary: bool
) -> tuple[Floats, Ints]:
    """Compute Moran's I or Geary's C, and count permutations that are as extreme.

    Returns the statistic of each period (T,), and how many permutations have one at
    least as far from its expectation.
    ``I = n / S0 * z'Wz / z'z``;
    ``C = (n - 1) / (2 S0) * sum_ij w_ij (z_i - z_j)^2 / z'z``. `z` is the (T, n) array
    of `deviations`. Permutations of the entities are the same in all periods.
    """
    n = z.shape[1]
    total = float(matrix.sum())
    sums = _both_sums(matrix)
    expectation = 1.0 if geary else -1.0 / (n - 1)

    def statistics(values: Floats) -> Floats:
        """Compute the statistic of (n, b) columns of mean square one."""
        products = np.einsum("nb,nb->b", values, matrix @ values)
        if geary:
            products = (n - 1) / (2 * n) * (sums @ values**2 - 2 * products)
        return np.asarray(products / total)

    observed = statistics(np.ascontiguousarray(z.T))
    distances = _as_far(np.abs(observed - expectation), abs(expectation))
    beyond = np.zeros(len(z), dtype=np.intp)
    for order in _permutations(n, reps, seed):
        for t, row in enumerate(z):
            beyond[t] += (
                np.abs(statistics(row[order]) - expectation) >= distances[t]
            ).sum()
    return observed, beyond


def _permutations(n: int, reps: int, seed: np.random.SeedSequence) -> Iterator[Ints]:
    """Draw (n, b) permutations in blocks; block size does not change the stream."""
    generator = np.random.default_rng(seed)
    for part in chunks(reps, n, _MEMORY):
        rows = np.tile(np.arange(n), (part.stop - part.start, 1))
        yield np.ascontiguousarray(generator.permuted(rows, axis=1).T)


def moments(matrix: Matrix, z: Floats, *, geary: bool) -> tuple[float, float, Floats]:
    """Compute moments without autocorrelation (Cliff & Ord 1981, p. 21).

    Returns the expectation, ``-1 / (n - 1)`` of Moran's I and one of Geary's C, the
    variance for independent normal values, and for each period the variance over all
    permutations of the (T, n) values of `deviations`. A variance of zero is missing.
    """
    n = matrix.shape[0]
    pair_sums: Any = matrix + matrix.T
    squares = pair_sums**2 if isinstance(pair_sums, np.ndarray) else pair_sums.data**2
    s0, s1 = float(matrix.sum()), float(squares.sum() / 2)
    s2 = float((_both_sums(matrix) ** 2).sum())
    kurtosis = (z**4).mean(axis=1)
    if geary:
        expectation, size = 1.0, 1 / n
        normality = ((2 * s1 + s2) * (n - 1) - 4 * s0**2) / (2 * (n + 1) * s0**2)
        pairs = (n - 1) * s1 * (n**2 - 3 * n + 3 - (n - 1) * kurtosis)
        rows = (n - 1) * s2 * (n**2 + 3 * n - 6 - (n**2 - n + 2) * kurtosis) / 4
        whole = s0**2 * (n**2 - 3 - (n - 1) ** 2 * kurtosis)
        randomisation = (pairs - rows + whole) / (n * (n - 2) * (n - 3) * s0**2)
    else:
        expectation = -1.0 / (n - 1)
        size = expectation**2
        normality = (n**2 * s1 - n * s2 + 3 * s0**2) / (s0**2 * (n**2 - 1)) - size
        first = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
        second = (n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2
        scale = (n - 1) * (n - 2) * (n - 3) * s0**2
        randomisation = (first - kurtosis * second) / scale - size
    # A variance within the rounding error of its terms is none
    least = SAME_STATISTIC * size
    return (
        expectation,
        normality if normality > least else np.nan,
        np.where(randomisation > least, randomisation, np.nan),
    )


def _as_far(distance: Floats, size: Floats | float) -> Floats:
    """Reduce distances from a centre by rounding error, so that ties count as ties."""
    return distance - SAME_STATISTIC * (distance + size)


def local_statistics(
    matrix: Matrix, z: Floats, reps: int, seed: np.random.SeedSequence
) -> tuple[Floats, Ints]:
    """Compute spatial lags; count permutations with local statistics as extreme.

    Returns both as (T, n) arrays. The local Moran statistic is z times its lag,
    ``I_i = z_i sum_j w_ij z_j`` with z of mean square one (Anselin 1995). The value of
    i is fixed, those of the others are permuted: in each permutation of all entities
    the value that i received is exchanged with z_i, which leaves all permutations of
    the others equally likely.
    """
    n = z.shape[1]
    lag = lag_by_period(matrix, z)
    # Mean of the lag over permutations of the other entities, whose values sum to -z_i.
    centre = -np.asarray(matrix.sum(axis=1), dtype=np.float64).ravel() * z / (n - 1)
    distances = _as_far(np.abs(z * (lag - centre)), np.abs(z * centre))
    beyond = np.zeros(z.shape, dtype=np.intp)
    for order in _permutations(n, reps, seed):
        positions = np.empty_like(order)
        np.put_along_axis(positions, order, np.arange(n)[:, None], axis=0)
        # The weight of i for the entity that received its value
        rows = np.broadcast_to(np.arange(n)[:, None], order.shape)
        weights: Any = matrix[rows.ravel(), positions.ravel()]
        received_weights = np.asarray(weights).reshape(order.shape)
        for t, row in enumerate(z):
            permuted, value = row[order], row[:, None]
            drawn = matrix @ permuted + received_weights * (permuted - value)
            as_far = (
                np.abs(value * (drawn - centre[t, :, None])) >= distances[t, :, None]
            )
            beyond[t] += as_far.sum(axis=1)
    return lag, beyond


def benjamini_hochberg(p: Floats) -> Floats:
    """Adjust (T, n) p-values for false discoveries (Benjamini & Hochberg 1995).

    NaN where there is no test, which does not count as one.
    """
    from scipy.stats import false_discovery_control

    adjusted = np.full(p.shape, np.nan)
    for t, row in enumerate(p):
        tests = ~np.isnan(row)
        if tests.any():
            adjusted[t, tests] = false_discovery_control(row[tests])
    return adjusted
