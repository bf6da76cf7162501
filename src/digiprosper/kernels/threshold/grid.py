"""The values at which a threshold may lie, and what each regime has to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from digiprosper.errors import ThresholdSearchError
from digiprosper.kernels.tolerances import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Bools, Floats, Ints

Grid: TypeAlias = int | Literal["hansen"] | None
"""Which values are candidates: so many quantiles, the positions of Hansen's program, or all."""


@dataclass(frozen=True, slots=True)
class Variation:
    """Pairs of neighbouring rows of an entity, in the order of q, that differ in z: where entities vary.

    An entity varies among the rows from a to b if one of its pairs lies between them, so that such entities
    are counted without looking at the rows again.
    """

    least: int  # entities that each regime needs
    first: Ints  # (L,) rank of the first row of each pair, by entity, in the order of q within one
    second: Ints  # (L,) rank of the second row
    entity: Ints  # (L,) entity of each pair, 0, 1, ...
    nobs: int  # rows
    count: int  # entities

    def zone(self, cuts: Ints) -> tuple[Ints, Ints]:
        """Find the cuts between which too few entities vary beside each fixed cut (c,).

        The ends of the sample are 0 and N. Another cut has to be at most the first or at least the second
        result; -1 and N + 1 where there is no such cut.
        """
        keys = np.arange(self.count) * (self.nobs + 1)
        after = np.searchsorted(self.entity * (self.nobs + 1) + self.first, keys + cuts[:, None])
        before = np.searchsorted(self.entity * (self.nobs + 1) + self.second, keys + cuts[:, None]) - 1
        ends = np.append(self.second + 1, self.nobs + 1)[after]
        entities = np.append(self.entity, -1)
        ends = np.where(entities[after] == np.arange(self.count), ends, self.nobs + 1)
        starts = np.where(entities[before] == np.arange(self.count), np.append(self.first, -1)[before], -1)
        kth = self.least - 1
        above = np.partition(ends, kth, axis=1)[:, kth]
        below = np.partition(starts, self.count - 1 - kth, axis=1)[:, self.count - 1 - kth]
        return below, above


def variation(z: Floats, entity: Ints, order: Ints, least: int) -> Variation:
    """Find where entities vary in z (N, k); ThresholdSearchError if there are fewer than `least` entities."""
    count = int(entity.max()) + 1
    if least > count:
        raise ThresholdSearchError(
            f"each regime needs {least} entities with variation, but there are {count}"
        )
    by_entity = np.argsort(entity[order], kind="stable").astype(np.intp)
    rows = order[by_entity]
    pair = (entity[rows[1:]] == entity[rows[:-1]]) & (z[rows[1:]] != z[rows[:-1]]).any(axis=1)
    at = np.flatnonzero(pair)
    codes = entity[rows[at]].astype(np.intp)
    return Variation(least, by_entity[at], by_entity[at + 1], codes, order.size, count)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The values at which thresholds may lie."""

    values: Floats  # (G,) increasing
    cuts: Ints  # (G,) rows in the low regime at each value
    # (m, G) where threshold j may lie if no other is fixed; the last row serves all further ones
    allowed: Bools
    need: Ints  # (m,) rows that threshold j must leave in each regime it creates
    # positions of given thresholds in `values`, in their order; empty when they are searched
    given: tuple[int, ...]
    order: Ints  # (N,) rows in the order of the threshold variable (stable)
    varying: Variation | None = None  # what a regime needs beside rows

    def open_to(self, threshold: int, fixed: Ints) -> Bools:
        """Find where a threshold, numbered from 0, may lie once others are fixed: (c, G).

        `fixed` (c, l) has positions of the others, one row a batch member. True where every regime it would
        create keeps enough rows, by the threshold's own trim, and entities.
        """
        row = min(threshold, self.need.size - 1)
        free = np.repeat(self.allowed[row][None, :], fixed.shape[0], axis=0)
        for other in fixed.T:
            cut = self.cuts[other]
            below, above = cut - self.need[row], cut + self.need[row]
            if self.varying is not None:
                low, high = self.varying.zone(cut)
                below, above = np.minimum(below, low), np.maximum(above, high)
            free &= (self.cuts <= below[:, None]) | (self.cuts >= above[:, None])
        return free


def candidates(
    q: Floats,
    trims: Sequence[float],
    *,
    grid: Grid = None,
    rule: Literal["<=", "<"] = "<=",
    given: Sequence[float] = (),
    min_nobs: int = 1,
    varying: Variation | None = None,
) -> Candidates:
    """List the candidate values of each threshold.

    `trims` has the share of the rows that each regime keeps, one per threshold; the last serves all further
    ones. `grid`: None takes every distinct value; an int that many evenly spaced quantiles, as observed
    values; "hansen" the 393 positions of his program, for which trims only set the distance to other
    thresholds. Given thresholds need not be observed values. `min_nobs` rows are kept in each regime whatever
    the trim. Raises ThresholdSearchError if some threshold has no candidate, or a given one leaves a regime
    empty.
    """
    order = np.argsort(q, kind="stable").astype(np.intp)
    ranked = q[order]
    offers = [_offer(ranked, trim, grid, rule) for trim in trims]
    values = np.unique(np.concatenate([*offers, np.asarray(given, dtype=np.float64)]))
    side: Literal["right", "left"] = "right" if rule == "<=" else "left"
    cuts = np.searchsorted(ranked, values, side=side).astype(np.intp)

    # One row more than there are is as much as any larger number, and fits into an array.
    min_nobs = min(min_nobs, q.size + 1)
    need = np.array([max(min_nobs, int(np.ceil(t * q.size - WHOLE))) for t in trims], dtype=np.intp)
    min_rows = np.full_like(need, min_nobs) if grid == "hansen" else need
    allowed = np.array([np.isin(values, offer) for offer in offers])
    allowed &= _leaves_enough(cuts, min_rows, q.size, varying)
    if not given and not allowed.any(axis=1).all():
        raise ThresholdSearchError("no candidate keeps enough rows or entities in each regime")

    usable = allowed.any(axis=0) | np.isin(values, given)
    values, cuts, allowed = values[usable], cuts[usable], allowed[:, usable]
    at = tuple(int(np.searchsorted(values, g)) for g in given)
    _refuse_empty_regimes(cuts[list(at)], q.size)
    return Candidates(values, cuts, allowed, need, at, order, varying)


def _leaves_enough(cuts: Ints, least: Ints, nobs: int, varying: Variation | None) -> Bools:
    """Find the cuts with enough rows and entities on both sides, one row per threshold."""
    enough = (cuts >= least[:, None]) & (nobs - cuts >= least[:, None])
    if varying is not None:
        below, above = varying.zone(np.array([0, nobs], dtype=np.intp))
        enough &= (cuts >= above[0]) & (cuts <= below[1])
    return enough


def _refuse_empty_regimes(cuts: Ints, nobs: int) -> None:
    edges = np.diff(np.sort(np.concatenate([[0], cuts, [nobs]])))
    if cuts.size and edges.min() == 0:
        raise ThresholdSearchError("a given threshold leaves a regime without rows")


def _offer(ranked: Floats, trim: float, grid: Grid, rule: str) -> Floats:
    if grid is None:
        return np.unique(ranked)
    if grid == "hansen":
        distinct = np.unique(ranked)
        # His position is floor(share * count), counted from one.
        at = np.floor((0.01 + np.arange(393) / 400) * distinct.size + WHOLE).astype(np.intp)
        return np.asarray(distinct[np.maximum(at, 1) - 1])
    shares = np.linspace(trim, 1 - trim, min(grid, ranked.size))
    at = np.ceil(shares * ranked.size - WHOLE).astype(np.intp) - (rule == "<=")
    return np.unique(ranked[np.clip(at, 0, ranked.size - 1)])
