"""Theil's T and entropy of columns: one kernel for index weights and inequality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.tolerances import ALL_ZERO, SMALL_THEIL

_ROWS = 2048
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True)
class ColumnSums:
    """Sums over rows that give Theil's T of columns; sums of parts add up."""

    nobs: float  # rows, or the sum of their weights
    total: Floats  # (m,) sum of z
    z_log_z: Floats  # (m,) sum of z ln z, with 0 ln 0 = 0
    low: float  # smallest z of all


def column_sums(
    z: Floats, *, shift: float = 0.0, obs_weights: Floats | None = None
) -> ColumnSums:
    """Sum z and z ln z down each column (N, m), non-negative, `shift` added first.

    A weight of 2 is a row written twice. A negative value shows in `ColumnSums.low`,
    one that is not finite in the sums.
    """
    nobs, width = z.shape
    total = np.zeros(width)
    z_log_z = np.zeros(width)
    low = np.inf
    # Blocks that stay in cache: the logarithm is then the only cost, and no matrix of
    # shares is made.
    logs, unit_weights = np.empty((min(_ROWS, nobs), width)), np.ones(min(_ROWS, nobs))
    for start in range(0, nobs, _ROWS):
        block = z[start : start + _ROWS] + shift if shift else z[start : start + _ROWS]
        log, weights = logs[: len(block)], unit_weights[: len(block)]
        if obs_weights is not None:
            weights = obs_weights[start : start + _ROWS]
        # The smallest normal number for zero: its finite logarithm times zero is the
        # zero that 0 ln 0 means.
        np.log(np.maximum(block, _TINY, out=log), out=log)
        z_log_z += weights @ np.multiply(log, block, out=log)
        total += weights @ block
        low = min(low, float(block.min()))
    return ColumnSums(
        nobs if obs_weights is None else float(obs_weights.sum()), total, z_log_z, low
    )


def entity_divergence(
    z: Floats, entity: Ints, *, shift: float = 0.0
) -> tuple[Floats, Floats, Floats]:
    """Compute sums by entity from which Theil's T of drawn entities follows.

    `entity` (N,) has codes 0..n-1, non-decreasing, none left out; no column of z (N, m)
    is zero throughout. Returns the means (m,) of z, sums (n, m) of d = z / mean - 1,
    and sums (n, m) of (1 + d) ln(1 + d) - d, none of them negative.
    """
    starts = np.flatnonzero(np.diff(entity, prepend=-1))
    mean = z.mean(axis=0) + shift
    deviation, divergence = (
        np.empty((starts.size, mean.size)),
        np.empty((starts.size, mean.size)),
    )
    for j, column in enumerate(z.T):
        d = (column + shift) / mean[j] - 1.0
        deviation[:, j] = np.add.reduceat(d, starts)
        divergence[:, j] = np.add.reduceat(_bregman_terms(d), starts)
    return mean, deviation, divergence


def theil_of_draws(
    counts: Floats, rows: Ints, deviation: Floats, divergence: Floats
) -> Floats:
    """Compute Theil's T (R, m) with entities drawn as often as `counts` (R, n) says.

    It is 0 where all drawn values are zero. With D and B the drawn means of d and of
    its divergence b(d) = (1 + d) ln(1 + d) - d, from `entity_divergence`, T = (B -
    b(D)) / (1 + D): no difference of large sums, so that nearly constant columns keep
    their digits.
    """
    size = (counts @ rows)[:, None]
    mean, spread = counts @ deviation / size, counts @ divergence / size
    positive = mean > -1.0 + ALL_ZERO
    return np.where(
        positive,
        (spread - _bregman_terms(mean)) / np.where(positive, 1.0 + mean, 1.0),
        0.0,
    )


def theil_from_sums(nobs: Any, total: Floats, z_log_z: Floats) -> Floats:
    """Compute Theil's T = Q / S - ln(S / N) from the sums of z and of z ln z.

    Below about 1e-3 the difference of the two terms loses digits: see `theil_t`.
    """
    theil: Floats = z_log_z / total - np.log(total / nobs)
    return theil


def theil_t(
    z: Floats,
    *,
    shift: float = 0.0,
    sums: ColumnSums | None = None,
    obs_weights: Floats | None = None,
) -> Floats:
    """Compute Theil's T = mean(u ln u), u = z / mean(z), of every column of z (N, m).

    It is exactly 0 for a constant column, one of zeros included. Columns with T < 1e-3
    are done again by mean[(1 + d) ln(1 + d) - d], d = u - 1, which is a sum of
    non-negative terms and keeps its digits where the difference of two sums does not.
    `sums` are the `column_sums` if they are known.
    """
    sums = (
        column_sums(z, shift=shift, obs_weights=obs_weights) if sums is None else sums
    )
    total = np.where(sums.total > 0, sums.total, 1.0)
    theil = np.where(
        sums.total > 0, theil_from_sums(sums.nobs, total, sums.z_log_z), 0.0
    )
    for j in np.flatnonzero(theil < SMALL_THEIL):
        theil[j] = _theil_by_divergence(z[:, j] + shift, obs_weights)
    return theil


def theil_by_group(
    z: Floats, groups: Ints, n_groups: int, obs_weights: Floats
) -> Floats:
    """Compute Theil's T (K,) by group of rows."""
    size = np.bincount(groups, obs_weights, n_groups)
    mean = (np.bincount(groups, obs_weights * z, n_groups) / size)[groups]
    d = np.where(mean > 0, z, 1.0) / np.where(mean > 0, mean, 1.0) - 1.0
    return np.bincount(groups, obs_weights * _bregman_terms(d), n_groups) / size


def variation_by_group(
    z: Floats, groups: Ints, n_groups: int, obs_weights: Floats
) -> Floats:
    """Compute the coefficient of variation (K,) by group: standard deviation over mean.

    The divisor is the sum of the weights, positive in every group; no mean is zero.
    """
    size = np.bincount(groups, obs_weights, n_groups)
    mean = np.bincount(groups, obs_weights * z, n_groups) / size
    squares = np.bincount(groups, obs_weights * (z - mean[groups]) ** 2, n_groups)
    return np.sqrt(squares / size) / mean


def theil_shares(theil: Floats) -> Floats:
    """Compute entropy weights, redundancy over its sum: the ln N cancels."""
    shares: Floats = theil / theil.sum(axis=-1, keepdims=True)
    return shares


def _theil_by_divergence(z: Floats, obs_weights: Floats | None) -> float:
    if z.min() == z.max():
        return 0.0
    terms = _bregman_terms(z / np.average(z, weights=obs_weights) - 1.0)
    return float(np.average(terms, weights=obs_weights))


def _bregman_terms(d: Floats) -> Floats:
    # At z = 0, d is -1 and the term's limit is 1: an argument just above -1 gives that
    # without infinities.
    return (1.0 + d) * np.log1p(np.maximum(d, -1.0 + np.finfo(np.float64).epsneg)) - d
