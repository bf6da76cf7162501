"""Theil's T and the entropy of columns: one kernel for index weights and for inequality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from digiprosper.kernels import Floats, Ints

__all__ = ["ColumnSums", "column_sums", "entity_sums", "theil_from_sums", "theil_shares", "theil_t"]

_ROWS = 2048
_TINY = float(np.finfo(np.float64).tiny)
_SMALL = 1e-3


@dataclass(frozen=True, slots=True)
class ColumnSums:
    """What Theil's T of every column needs to know about its rows. Sums of parts add up to sums of the whole.

    Parameters
    ----------
    nobs : int
        Rows.
    total : ndarray, shape (m,)
        Sum of z.
    z_log_z : ndarray, shape (m,)
        Sum of z ln z, with 0 ln 0 = 0.
    low : float
        Smallest z of all.
    """

    nobs: int
    total: Floats
    z_log_z: Floats
    low: float


def column_sums(z: Floats, *, shift: float = 0.0) -> ColumnSums:
    """Sum z and z ln z down every column.

    Parameters
    ----------
    z : ndarray, shape (N, m)
        Non-negative values. A negative one shows in `ColumnSums.low`, one that is not finite in the sums.
    shift : float, default 0.0
        Added to every value first.

    Returns
    -------
    ColumnSums
        Sums over rows.
    """
    nobs, width = z.shape
    total, z_log_z, low = np.zeros(width), np.zeros(width), np.inf
    # Blocks that stay in cache: the logarithm is then the only cost, and no matrix of shares is made.
    logs, ones = np.empty((min(_ROWS, nobs), width)), np.ones(min(_ROWS, nobs))
    for start in range(0, nobs, _ROWS):
        block = z[start : start + _ROWS] + shift if shift else z[start : start + _ROWS]
        log, one = logs[: len(block)], ones[: len(block)]
        # The smallest normal number for zero: its finite logarithm times zero is the zero that 0 ln 0 means.
        np.log(np.maximum(block, _TINY, out=log), out=log)
        z_log_z += one @ np.multiply(log, block, out=log)
        total += one @ block
        low = min(low, float(block.min()))
    return ColumnSums(nobs, total, z_log_z, low)


def entity_sums(z: Floats, entity: Ints, n_entities: int) -> tuple[Ints, Floats, Floats]:
    """Sum z and z ln z inside every entity, so that entities can be drawn again without their rows.

    Parameters
    ----------
    z : ndarray, shape (N, m)
        Non-negative values.
    entity : ndarray of int, shape (N,)
        Codes 0..n-1, non-decreasing.
    n_entities : int
        Number n of entities.

    Returns
    -------
    rows : ndarray of int, shape (n,)
        Rows of each entity.
    total : ndarray, shape (n, m)
        Sums of z.
    z_log_z : ndarray, shape (n, m)
        Sums of z ln z.
    """
    both = np.hstack([z, z * np.log(np.maximum(z, _TINY))])
    starts = np.flatnonzero(np.diff(entity, prepend=-1))
    sums = np.zeros((n_entities, both.shape[1]))
    sums[entity[starts]] = np.add.reduceat(both, starts, axis=0)
    width = z.shape[1]
    return np.bincount(entity, minlength=n_entities), sums[:, :width], sums[:, width:]


def theil_from_sums(nobs: Any, total: Floats, z_log_z: Floats) -> Floats:
    """Theil's T from its two sums: T = Q / S - ln(S / N).

    Parameters
    ----------
    nobs : int or ndarray
        Rows N.
    total : ndarray
        S, the sum of z; positive.
    z_log_z : ndarray
        Q, the sum of z ln z.

    Returns
    -------
    ndarray
        T. Below about 1e-3 the difference of the two terms loses digits: see `theil_t`.
    """
    theil: Floats = z_log_z / total - np.log(total / nobs)
    return theil


def theil_t(z: Floats, *, shift: float = 0.0, sums: ColumnSums | None = None) -> Floats:
    """Theil's T = mean(u ln u), u = z / mean(z), of every column.

    Parameters
    ----------
    z : ndarray, shape (N, m)
        Non-negative values.
    shift : float, default 0.0
        Added to every value first.
    sums : ColumnSums, optional
        `column_sums(z, shift=shift)` when the caller has it.

    Returns
    -------
    ndarray, shape (m,)
        T >= 0; exactly 0 for a constant column, one of zeros included.

    Notes
    -----
    Columns with T < 1e-3 are done again by mean[(1 + d) ln(1 + d) - d], d = u - 1, which is a sum of
    non-negative terms and keeps its digits where the difference of two sums does not.
    """
    sums = column_sums(z, shift=shift) if sums is None else sums
    total = np.where(sums.total > 0, sums.total, 1.0)
    theil = np.where(sums.total > 0, theil_from_sums(sums.nobs, total, sums.z_log_z), 0.0)
    for j in np.flatnonzero(theil < _SMALL):
        theil[j] = _bregman(z[:, j] + shift)
    return theil


def theil_shares(theil: Floats) -> Floats:
    """Entropy weights: redundancy over its sum. The ln N of d = T / ln N cancels.

    Parameters
    ----------
    theil : ndarray, shape (..., m)
        Theil's T of every column; at least one positive.

    Returns
    -------
    ndarray, shape (..., m)
        Weights that add up to one.
    """
    shares: Floats = theil / theil.sum(axis=-1, keepdims=True)
    return shares


def _bregman(z: Floats) -> float:
    if z.min() == z.max():
        return 0.0
    d = z / z.mean() - 1.0
    # At z = 0, d is -1 and the term's limit is 1: an argument just above -1 gives that without infinities.
    terms = (1.0 + d) * np.log1p(np.maximum(d, -1.0 + np.finfo(np.float64).epsneg)) - d
    return float(terms.mean())
