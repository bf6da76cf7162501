"""Columns changed value by value: extremes pulled in, gaps filled."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.kernels.tolerances import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats, Ints

__all__ = ["filled_in", "winsorized"]


def winsorized(column: Floats, parts: Sequence[Ints], shares: tuple[float, float], quantile: str) -> Floats:
    """Pull extreme values in to quantiles of their group.

    Parameters
    ----------
    column : (N,) array
        Values; missing ones stay.
    parts : sequence of arrays of int
        Rows of each group.
    shares : pair of float
        Lower and upper share.
    quantile : {"stata", "linear"}
        Rule of the quantile.

    Returns
    -------
    (N,) array
        A copy.
    """
    values = column.copy()
    for part in parts:
        rows = part[~np.isnan(values[part])]
        if rows.size:
            # Sums and differences of two values may be out of range, those of their halves are not.
            halves = values[rows] / 2
            low, high = (
                2
                * (
                    _stata_quantile(halves, share)
                    if quantile == "stata"
                    else float(np.quantile(halves, share))
                )
                for share in shares
            )
            values[rows] = np.clip(values[rows], low, high)
    return values


def filled_in(values: Floats, position: Floats, entity: Ints, *, extrapolate: bool) -> Floats:
    """Fill gaps linearly inside each entity.

    Parameters
    ----------
    values : (N,) array
        Missing values are filled.
    position : (N,) array
        Where each row lies on the line of time.
    entity : (N,) array of int
        Sorted codes.
    extrapolate : bool
        Carry the nearest value beyond the ends.

    Returns
    -------
    (N,) array
        A copy.
    """
    out = values.copy()
    starts = np.flatnonzero(np.concatenate([[True], np.diff(entity) > 0, [True]]))
    for start, stop in itertools.pairwise(starts):
        part, at = values[start:stop], position[start:stop]
        there = ~np.isnan(part)
        if there.any() and not there.all():
            ends = {} if extrapolate else {"left": np.nan, "right": np.nan}
            filled = np.interp(at, at[there], part[there], **ends)
            out[start:stop] = np.where(there, part, filled)
    return out


def _stata_quantile(values: Floats, share: float) -> float:
    """Averaged inverse distribution function; a product such as .07 * 100 counts as whole."""
    ordered = np.sort(values)
    place, last = values.size * share, values.size - 1
    whole = round(place)
    if abs(place - whole) < WHOLE * max(place, 1.0):
        return float(ordered[max(whole - 1, 0)] + ordered[min(whole, last)]) / 2
    return float(ordered[int(place)])
