"""Running-sum search for thresholds of a panel regression over all candidates.

The model is ``y = effects + fixed columns + sum_j z 1(q <= g_j) d_j + e`` (Hansen
1999, J. Econometrics 93:345-368). With ``M`` the within projection of one effect and
``Q`` an orthonormal basis of the other fixed columns, the drop in the sum of squares at
a candidate ``g`` is ``b(g)' A(g)^-1 b(g)``, where ``b`` and ``A`` are running sums in
the order of ``q``: all candidates cost one pass. Everything here is kept in that order;
outcomes come in batches, of which the data are a batch of one and the bootstrap draws
are others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from digiprosper.checks import option_error
from digiprosper.errors import CollinearityError, ThresholdSearchError
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.slopes import Effect, Slope, directions, split_slopes
from digiprosper.kernels.tolerances import NO_FALL, SAME_SSR, UNIDENTIFIED, WHOLE
from digiprosper.kernels.within import is_nested

# --- candidates ------------------------------------------------------------------

# Which values are candidates: so many quantiles, the positions of Hansen's program, or
# all.
Grid: TypeAlias = int | Literal["hansen"] | None


@dataclass(frozen=True, slots=True)
class Variation:
    """Pairs of neighbouring rows, in the order of q, where an entity's z differs.

    An entity varies among the rows from a to b if one of its pairs lies between them,
    so that such entities are counted without looking at the rows again.
    """

    least: int  # entities that each regime needs
    # (L,) rank of the first row of each pair, by entity, in the order of q within one
    first: Ints
    second: Ints  # (L,) rank of the second row
    entity: Ints  # (L,) entity of each pair, 0, 1, ...
    nobs: int  # rows

    def zone(self, cuts: Ints) -> tuple[Ints, Ints]:
        """Find the cuts between which too few entities vary beside each fixed cut (c,).

        The ends of the sample are 0 and N. Another cut has to be at most the first or
        at least the second result; -1 and N + 1 where there is no such cut.
        """
        below, above = np.full(cuts.size, -1), np.full(cuts.size, self.nobs + 1)
        of_entity = np.flatnonzero(np.diff(self.entity, prepend=-1))
        if of_entity.size >= self.least:
            # By entity the first end after the cut, and the last beginning before it
            ends = np.where(self.first >= cuts[:, None], self.second, self.nobs) + 1
            ends = np.minimum.reduceat(ends, of_entity, axis=1)
            starts = np.where(self.second < cuts[:, None], self.first, -1)
            starts = np.maximum.reduceat(starts, of_entity, axis=1)
            above = np.sort(ends)[:, self.least - 1]
            below = np.sort(starts)[:, -self.least]
        return below, above


def variation(z: Floats, entity: Ints, order: Ints, least: int) -> Variation:
    """Find where z (N, k) varies in entities; fewer than `least` are an error."""
    count = int(entity.max()) + 1
    if least > count:
        raise ThresholdSearchError(
            f"each regime needs {least} entities with variation, but there are {count}"
        )
    by_entity = np.argsort(entity[order], kind="stable").astype(np.intp)
    rows = order[by_entity]
    pair = (entity[rows[1:]] == entity[rows[:-1]]) & (z[rows[1:]] != z[rows[:-1]]).any(
        axis=1
    )
    at = np.flatnonzero(pair)
    codes = entity[rows[at]].astype(np.intp)
    return Variation(least, by_entity[at], by_entity[at + 1], codes, order.size)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The values at which thresholds may lie."""

    values: Floats  # (G,) increasing
    cuts: Ints  # (G,) rows in the low regime at each value
    # (m, G) where threshold j may lie if no other is fixed; the last row serves all
    # further ones
    allowed: Bools
    need: Ints  # (m,) rows that threshold j must leave in each regime it creates
    # positions of given thresholds in `values`, in their order; empty when they are
    # searched
    given_positions: tuple[int, ...]
    order: Ints  # (N,) rows in the order of the threshold variable (stable)
    varying: Variation | None = None  # what a regime needs beside rows

    def open_to(self, threshold: int, fixed: Ints) -> Bools:
        """Find where a threshold, numbered from 0, may lie if others are fixed: (c, G).

        `fixed` (c, l) has positions of the others, one row a batch member. True where
        every regime it would create keeps enough rows, by the threshold's own trim, and
        entities.
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

    `trims` has the share of the rows that each regime keeps, one per threshold; the
    last serves all further ones. `grid`: None takes every distinct value; an int that
    many evenly spaced quantiles, as observed values; "hansen" the 393 positions of his
    program, for which trims only set the distance to other thresholds. Given thresholds
    need not be observed values. `min_nobs` rows are kept in each regime whatever the
    trim. Raises ThresholdSearchError if some threshold has no candidate, or a given one
    leaves a regime empty.
    """
    order = np.argsort(q, kind="stable").astype(np.intp)
    ranked = q[order]
    offers = [_candidate_values(ranked, trim, grid, rule) for trim in trims]
    values = np.unique(np.concatenate([*offers, np.asarray(given, dtype=np.float64)]))
    side: Literal["right", "left"] = "right" if rule == "<=" else "left"
    cuts = np.searchsorted(ranked, values, side=side).astype(np.intp)

    # One row more than there are is as much as any larger number, and fits into an
    # array.
    min_nobs = min(min_nobs, q.size + 1)
    need = np.array(
        [max(min_nobs, int(np.ceil(t * q.size - WHOLE))) for t in trims], dtype=np.intp
    )
    least = (np.full_like(need, min_nobs) if grid == "hansen" else need)[:, None]
    allowed = np.array([np.isin(values, offer) for offer in offers])
    allowed &= (cuts >= least) & (q.size - cuts >= least)
    if varying is not None:
        below, above = varying.zone(np.array([0, q.size], dtype=np.intp))
        allowed &= (cuts >= above[0]) & (cuts <= below[1])
    if not given and not allowed.any(axis=1).all():
        raise ThresholdSearchError(
            "no candidate keeps enough rows or entities in each regime"
        )

    usable = allowed.any(axis=0) | np.isin(values, given)
    values, cuts, allowed = values[usable], cuts[usable], allowed[:, usable]
    at = tuple(int(np.searchsorted(values, g)) for g in given)
    if at and np.diff(np.sort([0, *cuts[list(at)], q.size])).min() == 0:
        raise ThresholdSearchError("a given threshold leaves a regime without rows")
    return Candidates(values, cuts, allowed, need, at, order, varying)


def _candidate_values(ranked: Floats, trim: float, grid: Grid, rule: str) -> Floats:
    if grid is None:
        return np.unique(ranked)
    if grid == "hansen":
        distinct = np.unique(ranked)
        # His position is floor(share * count), counted from one.
        at = np.floor((0.01 + np.arange(393) / 400) * distinct.size + WHOLE).astype(
            np.intp
        )
        return np.asarray(distinct[np.maximum(at, 1) - 1])
    shares = np.linspace(trim, 1 - trim, min(grid, ranked.size))
    at = np.ceil(shares * ranked.size - WHOLE).astype(np.intp) - (rule == "<=")
    return np.unique(ranked[np.clip(at, 0, ranked.size - 1)])


# --- running sums of the regressors ----------------------------------------------

# From so many numbers on a copy of the fixed columns costs more than importing
# scipy.linalg.
_LARGE = 1 << 24
# Numbers that the columns of slopes by level may take, 128 MB.
_MOST_SLOPES = 1 << 24


@dataclass(frozen=True, slots=True)
class Groups:
    """Levels of the effect taken out by its means, over rows in the order of q."""

    codes: Ints  # (N,) level of each row
    order: Ints  # (N,) rows by level, in the order of q within one
    starts: Ints  # (n,) where each level begins in `order`
    sizes: Floats  # (n,) rows of each level

    def demean(self, rows: Floats) -> Floats:
        """Take level means out of the last axis."""
        if self.sizes.size == 1:
            return np.asarray(rows - rows.mean(axis=-1, keepdims=True))
        means = (
            np.add.reduceat(np.take(rows, self.order, axis=-1), self.starts, axis=-1)
            / self.sizes
        )
        return rows - np.take(means, self.codes, axis=-1)


def _group_rows(codes: Ints) -> Groups:
    order = np.argsort(codes, kind="stable").astype(np.intp)
    _, inverse, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    starts = (np.cumsum(sizes) - sizes).astype(np.intp)
    return Groups(inverse.astype(np.intp), order, starts, sizes.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a search needs and no outcome changes; rows are in the order of q."""

    candidates: Candidates
    groups: Groups  # levels of the effect that is taken out by its means
    z: Floats  # (k, N) regime-dependent columns, made orthogonal and of mean square one
    basis: Floats  # (p, N) orthonormal basis of the fixed columns after the pass
    # (k, p, G) products of the basis with the regime block at each candidate
    loadings: Floats
    # (k, k, 1, G) products of the block with itself after demean and basis
    gram: Floats
    # (k, k, G) the same before the pass; the diagonal is the scale of what is left
    squares: Floats

    @property
    def nobs(self) -> int:
        """Number of rows."""
        return int(self.z.shape[1])

    @property
    def chunk(self) -> int:
        """Number of batch members computed together.

        As many as stay in a processor's cache; else eight, so that basis and loadings
        are read once for all of them, as long as their arrays stay small enough for
        freed memory to be used again.
        """
        k, n = self.z.shape
        return int(max(1, min(256, 65_536 // n), min(8, 1_000_000 // (n * k))))

    def residualise(self, rows: Floats) -> Floats:
        """Take all effects and fixed columns out of rows (c, N), in the order of q.

        The basis is taken out twice: residuals are orthogonal to machine precision.
        """
        residuals = self.groups.demean(rows - rows.mean(axis=-1, keepdims=True))
        for _ in range(2):
            residuals = residuals - (residuals @ self.basis.T) @ self.basis
        return residuals

    def residuals(self, outcome: Floats) -> Floats:
        """Take it all out of an outcome (N,); the result is in the order of q."""
        return np.asarray(self.residualise(outcome[self.candidates.order][None, :])[0])

    def blocks(self, at: Sequence[int]) -> tuple[Floats, Floats]:
        """Factor regime blocks at positions `at`, net of the rest: Q (N, m k) and R."""
        low = np.arange(self.nobs) < self.candidates.cuts[list(at), None]
        rows = [self.residualise(self.z * below) for below in low]
        q, r = np.linalg.qr(np.concatenate(rows).T)
        return q, r

    def regimes(self, at: Sequence[int]) -> Ints:
        """Find rows' regimes 1, 2, ..., in original order, thresholds at `at`."""
        numbers = np.empty(self.nobs, dtype=np.intp)
        cuts = np.sort(self.candidates.cuts[list(at)])
        numbers[self.candidates.order] = 1 + np.searchsorted(
            cuts, np.arange(self.nobs), side="right"
        )
        return numbers


def plan(
    z: Floats,
    fixed: Floats,
    candidates: Candidates,
    effects: Sequence[Effect] = (),
    *,
    intercept: bool = False,
) -> Plan:
    """Compute the running sums that depend on the regressors only, in O(N (p k + k^2)).

    `z` (N, k) has the regime-dependent columns, `fixed` (N, p) those with a common
    slope; dependent ones do no harm. The effect with most levels is taken out by its
    means, the others become dummies, slopes by level dummies times their column;
    without any the mean is taken out. `intercept` lets the level shift with the
    regime too. Raises CollinearityError if regime-dependent columns are combinations of
    one another, OptionError if slopes by level would take more than 2**24 numbers.
    """
    order = candidates.order
    constants, slopes = split_slopes(effects)
    absorbed = constants or [np.zeros(order.size, dtype=np.intp)]
    demeaned, *others = sorted(absorbed, key=lambda codes: -np.unique(codes).size)
    groups = _group_rows(demeaned[order])
    # An effect that is constant within the demeaned one has left with it.
    others = [codes for codes in others if not is_nested(demeaned, codes)]
    dummies = [np.unique(codes)[1:, None] == codes[order] for codes in others]
    dummies += [_slope_columns(slope, absorbed)[:, order] for slope in slopes]
    columns = np.concatenate(
        [fixed[order].T, z[order].T, *dummies], axis=0, dtype=np.float64
    )
    basis = _basis(columns, groups)
    block = z[order].T
    if intercept:
        block = np.concatenate([np.ones((1, order.size)), block])
    return _running_sums(candidates, groups, basis, block)


def _slope_columns(slope: Slope, constants: Sequence[Ints]) -> Floats:
    """Expand slopes by level into columns: (levels, N)."""
    levels = int(slope.codes.max()) + 1
    if levels * slope.codes.size > _MOST_SLOPES:
        raise option_error(
            "absorb",
            None,
            f"slopes by {levels:,} groups in absorb: the search of thresholds needs a "
            f"column for each, which is too many with {slope.codes.size:,} rows. "
            "Absorb slopes by fewer groups.",
        )
    centred = any(is_nested(codes, slope.codes) for codes in constants)
    (column,) = directions(slope.codes, levels, [slope.column], centred=centred).columns
    return np.where(np.arange(levels)[:, None] == slope.codes, column, 0.0)


def with_level(search: Plan) -> Plan:
    """Let the level shift with the regime too, from the same basis.

    Its first regime-dependent column is the constant. Raises CollinearityError if the
    regime-dependent columns add up to a constant: their level shifts already.
    """
    block = np.concatenate([np.ones((1, search.nobs)), search.z])
    return _running_sums(search.candidates, search.groups, search.basis, block)


def without_level(search: Plan) -> Plan:
    """Take the regime's level out again, for candidates at which it adds nothing.

    Sums of squares are those of the whole plan where `level_is_held`, and nowhere else.
    """
    return replace(
        search,
        z=search.z[1:],
        loadings=search.loadings[1:],
        gram=search.gram[1:, 1:],
        squares=search.squares[1:, 1:],
    )


def level_is_held(search: Plan) -> Bools:
    """Find candidates (G,) where effects and fixed columns span the low regime.

    The level shifts with the regime already there, and `drops` has no value.
    """
    return np.asarray(search.gram[0, 0, 0] <= UNIDENTIFIED * search.squares[0, 0])


def _running_sums(
    candidates: Candidates, groups: Groups, basis: Floats, block: Floats
) -> Plan:
    white = _whiten(block)
    last = candidates.cuts - 1
    loadings, explained = block_loadings(basis, white, last)
    gram = _block_products(white, groups)[:, :, last] - explained
    squares = np.stack(
        [[np.cumsum(first * second)[last] for first in white] for second in white]
    )
    return Plan(
        candidates, groups, white, basis, loadings, gram[:, :, None, :], squares
    )


def block_loadings(basis: Floats, block: Floats, last: Ints) -> tuple[Floats, Floats]:
    """Multiply a basis with the block up to the rows `last` (G,): (k, p, G).

    Also return the products of these loadings (k, k, G).
    """
    loadings = np.empty((len(block), len(basis), last.size))
    running = np.empty(block.shape[1])
    for row, loading in zip(block, loadings, strict=True):
        for column, out in zip(basis, loading, strict=True):
            np.cumsum(np.multiply(column, row, out=running), out=running)
            np.take(running, last, out=out, mode="clip")
    return loadings, np.einsum("apg,bpg->abg", loadings, loadings)


def _basis(columns: Floats, groups: Groups) -> Floats:
    """Compute an orthonormal basis of demeaned columns in place."""
    columns -= columns.mean(axis=1, keepdims=True)
    before = np.sqrt(np.einsum("pn,pn->p", columns, columns))
    for row in columns:
        # A second pass removes what rounding left when level means dwarf the variation
        # around them.
        row[:] = groups.demean(groups.demean(row))
    after = np.sqrt(np.einsum("pn,pn->p", columns, columns))
    varying = after > UNIDENTIFIED * np.maximum(before, np.finfo(np.float64).tiny)
    if not varying.any():
        return np.zeros((0, columns.shape[1]))
    if not varying.all():
        columns = columns[varying]
    columns /= after[varying, None]
    if columns.size < _LARGE:
        q, r = np.linalg.qr(columns.T)
    else:
        from scipy.linalg import qr

        q, r = qr(columns.T, mode="economic", overwrite_a=True, check_finite=False)
    if r.shape[0] < varying.sum() or np.abs(np.diag(r)).min() < UNIDENTIFIED:
        vectors, values, _ = np.linalg.svd(r)
        q = q @ vectors[:, : int((values > UNIDENTIFIED).sum())]
    return np.ascontiguousarray(q.T)


def _whiten(block: Floats) -> Floats:
    norms = np.sqrt((block * block).sum(axis=1))
    if norms.min() == 0:
        raise CollinearityError("a regime-dependent column is zero in every row")
    q, r = np.linalg.qr((block / norms[:, None]).T)
    if np.abs(np.diag(r)).min() < UNIDENTIFIED:
        raise CollinearityError(
            "the regime-dependent columns are exact linear combinations of one another"
        )
    return np.asarray(np.ascontiguousarray(q.T) * np.sqrt(block.shape[1]))


def _block_products(z: Floats, groups: Groups) -> Floats:
    """Sum the block's demeaned products by level.

    Row s of level i adds z z' - (S z' + z S' + z z') / T_i.
    """
    k, n = z.shape
    by_level = z[:, groups.order]
    means = np.add.reduceat(by_level, groups.starts, axis=1) / groups.sizes
    level = groups.codes[groups.order]
    # Sums inside a level are kept around its mean, so that they return to zero at each
    # level's end.
    around = np.cumsum(by_level - means[:, level], axis=1)
    around = np.concatenate([np.zeros((k, 1)), around[:, :-1]], axis=1)
    around -= around[:, groups.starts][:, level]
    before = np.empty_like(z)
    before[:, groups.order] = (
        around + (np.arange(n) - groups.starts[level]) * means[:, level]
    )
    size = groups.sizes[groups.codes]
    products = np.empty((k, k, n))
    for a in range(k):
        for b in range(a + 1):
            row_product = z[a] * z[b]
            products[a, b] = np.cumsum(
                row_product - (before[a] * z[b] + z[a] * before[b] + row_product) / size
            )
            products[b, a] = products[a, b]
    return products


# --- outcomes scored at every candidate ------------------------------------------

_TILE = 1 << 16


@dataclass(frozen=True, slots=True)
class State:
    """A batch of c outcomes, with the thresholds fixed so far taken out."""

    ssr: Floats  # (c,) sum of squares of the residuals
    # (k, c, G) products of the regime block at each candidate with the residuals
    score: Floats
    # (k, k, 1 or c, G) products of the block with itself after all that is fixed
    gram: Floats
    # (k, k, c, G) per fixed threshold: its orthonormal block times the block at each
    # candidate
    blocks: tuple[Floats, ...]
    fixed: Ints  # (c, l) positions of the fixed thresholds


def start(search: Plan, outcomes: Floats) -> State:
    """Score outcomes (c, N) at every candidate, none fixed, in O(N (p + k)) each."""
    basis_products = outcomes @ search.basis.T
    ssr = np.einsum("cn,cn->c", outcomes, outcomes) - np.einsum(
        "cp,cp->c", basis_products, basis_products
    )
    last = search.candidates.cuts - 1
    score = np.empty((search.z.shape[0], outcomes.shape[0], last.size))
    running = np.empty_like(outcomes)
    for row, loading, out in zip(search.z, search.loadings, score, strict=True):
        np.cumsum(np.multiply(outcomes, row, out=running), axis=1, out=running)
        np.take(running, last, axis=1, out=out, mode="clip")
        for tile in _tiles(out):
            out[:, tile] -= basis_products @ loading[:, tile]
    return State(
        ssr, score, search.gram, (), np.empty((outcomes.shape[0], 0), dtype=np.intp)
    )


def drops(search: Plan, state: State) -> Floats:
    """Compute by how much one more threshold at each candidate reduces the SSR.

    ``b' A^-1 b``, (c, G). Minus infinity where the block is not identified (no
    variation left).
    """
    gains = np.empty(state.score.shape[1:])
    floor = UNIDENTIFIED * np.einsum("aag->ag", search.squares)[:, None]
    for tile in _tiles(gains):
        gains[:, tile] = quadratic_forms(
            state.gram[..., tile], state.score[..., tile], floor[..., tile]
        )
    return gains


def _tiles(batch: Floats) -> list[slice]:
    """Cut the candidates so that a batch's temporary arrays stay in cache."""
    members, count = batch.shape
    step = max(1, _TILE // members)
    return [slice(low, low + step) for low in range(0, count, step)]


def quadratic_forms(gram: Floats, score: Floats, floor: Floats) -> Floats:
    """Compute ``b' A^-1 b`` (c, G) of scores (k, c, G) and matrices (k, k, 1 or c, G).

    Minus infinity where a pivot of A is not above the `floor` (k, 1 or c, G).
    """
    k = score.shape[0]
    if k == 1:  # the same in fewer passes
        pivot = gram[0, 0]
        none = pivot <= floor[0]
        gain = score[0] ** 2 / np.where(none, 1.0, pivot)
        gain[np.broadcast_to(none, gain.shape)] = -np.inf
        return np.asarray(gain)

    rows: list[list[Floats]] = []
    inverse: list[Floats] = []
    solved: list[Floats] = []
    bad: Bools = np.zeros(gram.shape[2:], dtype=np.bool_)
    total = np.zeros(score.shape[1:])

    # Columns of which rounding alone is left pass the test of each pivot, and overflow
    # a few pivots later.
    with np.errstate(over="ignore", invalid="ignore"):
        for a in range(k):
            row: list[Floats] = []
            for j in range(a):
                inner = sum(x * y for x, y in zip(row, rows[j], strict=False))
                row.append((gram[a, j] - inner) * inverse[j])
            pivot = gram[a, a] - sum(x * x for x in row)
            bad |= ~(pivot > floor[a])
            inverse.append(1 / np.sqrt(np.where(bad, 1.0, pivot)))
            solved.append(
                (score[a] - sum(x * y for x, y in zip(row, solved, strict=False)))
                * inverse[a]
            )
            total += solved[a] * solved[a]
            rows.append(row)

    total[bad | ~np.isfinite(total)] = -np.inf
    return total


def condition(search: Plan, state: State, at: Ints) -> State:
    """Fix one more threshold, at positions (c,), in every member of a batch.

    A step of block Gram-Schmidt in products: another O(N (p + k)) an outcome.
    """
    candidates, groups = search.candidates, search.groups
    k = search.z.shape[0]
    low = groups.order < candidates.cuts[at][:, None]
    lower = np.minimum(np.arange(candidates.cuts.size), at[:, None])
    cross = np.empty((k, k, at.size, candidates.cuts.size))
    for a in range(k):
        means = (
            np.add.reduceat(search.z[a][groups.order] * low, groups.starts, axis=1)
            / groups.sizes
        )
        spread = np.take(means, groups.codes, axis=1)
        for b in range(k):
            # The demeaned block times z is the product of the rows below both, less the
            # means below one.
            running = np.cumsum(spread * search.z[b], axis=1)
            np.take(running, candidates.cuts - 1, axis=1, out=cross[a, b], mode="clip")
            np.subtract(
                np.take(search.squares[a, b], lower), cross[a, b], out=cross[a, b]
            )
            cross[a, b] -= search.loadings[a][:, at].T @ search.loadings[b]

    members = np.arange(at.size)
    for earlier in state.blocks:
        cross -= _multiply_blocks(earlier[:, :, members, at], earlier)

    gram = np.broadcast_to(state.gram, (k, k, at.size, candidates.cuts.size))
    factor = np.linalg.cholesky(np.moveaxis(gram[:, :, members, at], -1, 0))
    inverse = np.moveaxis(np.linalg.inv(factor), 0, -1)
    block = _multiply_blocks(inverse.swapaxes(0, 1), cross)

    height = np.einsum("mac,ac->mc", inverse, state.score[:, members, at])
    score = state.score - _multiply_blocks(height[:, None, :], block)[0]
    return State(
        ssr=state.ssr - (height * height).sum(axis=0),
        score=score,
        gram=gram - _multiply_blocks(block, block),
        blocks=(*state.blocks, block),
        fixed=np.concatenate([state.fixed, at[:, None]], axis=1),
    )


def _multiply_blocks(first: Floats, second: Floats) -> Floats:
    """Sum left[m, a] right[m, b] over m; last axes are members and candidates."""
    if first.ndim < second.ndim:
        first = first[..., None]
    out = first[0][:, None] * second[0][None, :]
    for m in range(1, second.shape[0]):
        out += first[m][:, None] * second[m][None, :]
    return np.asarray(out)


# --- the sequential search -------------------------------------------------------

_MOST_CYCLES = 200


@dataclass(frozen=True, slots=True)
class Stage:
    """Result of one step of the sequential search."""

    null_ssr: float  # sum of squares of the refined model with one threshold less
    ssr: float  # least sum of squares over the new threshold, the others held
    # Positions of all thresholds after refinement, in the order found
    at: tuple[int, ...]


def open_search(search: Plan, outcome: Floats) -> State:
    """Score the outcome (N,) in the rows' original order, no threshold fixed."""
    return start(search, search.residuals(outcome)[None])


def stage(search: Plan, base: State, at: Sequence[int]) -> Stage | None:
    """Find one more threshold, then refine all; or take the next of those given.

    `at` has the positions of the thresholds so far. Refined until no threshold moves
    given the others (Bai 1997, Econometric Theory 13:315-352); ThresholdSearchError if
    that does not settle. None if no candidate is left at which the slopes are
    identified.
    """
    null = _fix_all(search, base, at)
    if search.candidates.given_positions:
        profile = null.ssr[0] - drops(search, null)[0]
        new = search.candidates.given_positions[len(at)]
    else:
        profile = _profile(search, null, len(at))
        new = lowest(profile)
    ssr = float(profile[new])
    if not np.isfinite(ssr):
        return None
    positions = [*at, new]
    if not search.candidates.given_positions:
        positions = _refine(search, base, positions)
    return Stage(float(null.ssr[0]), ssr, tuple(positions))


def finish(search: Plan, base: State, at: Sequence[int]) -> tuple[Floats, float]:
    """Profile each threshold, others held: sums of squares (m, G), and the least.

    Infinite where a threshold may not lie; a searched one's own position counts.
    """
    profiles = np.empty((len(at), search.candidates.values.size))
    for j in range(len(at)):
        profiles[j] = _profile_threshold(search, base, at, j)
    return profiles, float(_fix_all(search, base, at).ssr[0])


def least_pair(search: Plan, base: State) -> tuple[tuple[int, int], float]:
    """Find the pair of thresholds with the least sum of squares; one trim for both.

    First comes the one that alone leaves the smaller sum of squares. Raises
    ThresholdSearchError if no pair is admissible.
    """
    single_ssr = _profile(search, base, 0)
    first = np.flatnonzero(np.isfinite(single_ssr))
    k, _, count = base.score.shape
    size = max(1, 4 * search.chunk)
    best = np.inf
    pair = (-1, -1)
    for low in range(0, first.size, size):
        at = first[low : low + size]
        copies = replace(
            base,
            ssr=np.repeat(base.ssr, at.size),
            score=np.broadcast_to(base.score, (k, at.size, count)),
            fixed=np.empty((at.size, 0), dtype=np.intp),
        )
        state = condition(search, copies, at)
        sums = state.ssr[:, None] - drops(search, state)
        # The other half of the pairs has been, or will be, looked at from the other
        # side.
        seen = np.arange(count) < at[:, None]
        sums[~search.candidates.open_to(1, state.fixed) | seen] = np.inf
        member, other = np.unravel_index(int(sums.argmin()), sums.shape)
        if sums[member, other] < best * (1 - SAME_SSR):
            best, pair = float(sums[member, other]), (int(at[member]), int(other))
    if not np.isfinite(best):
        raise ThresholdSearchError(
            "no pair of candidates keeps enough rows and entities in each regime"
        )
    if single_ssr[pair[1]] < single_ssr[pair[0]]:
        pair = pair[1], pair[0]
    return pair, best


def _fix_all(search: Plan, state: State, at: Sequence[int]) -> State:
    for position in at:
        state = condition(search, state, np.array([position], dtype=np.intp))
    return state


def _profile_threshold(
    search: Plan, base: State, at: Sequence[int], threshold: int
) -> Floats:
    """Profile one of the thresholds at positions `at`, the others held."""
    others = _fix_all(search, base, [*at[:threshold], *at[threshold + 1 :]])
    return _profile(search, others, threshold, at[threshold])


def _profile(
    search: Plan, state: State, threshold: int, present: int | None = None
) -> Floats:
    """Compute the sum of squares by candidate; infinite where none may lie."""
    candidates = search.candidates
    if candidates.given_positions:  # others that are given need no room
        free = candidates.allowed[min(threshold, candidates.need.size - 1)]
    else:
        free = candidates.open_to(threshold, state.fixed)[0]
    if present is not None and not candidates.given_positions:
        # Another threshold with a smaller trim may have come nearer than this one may
        # go: it can stay.
        free[present] = True
    return np.where(free, state.ssr[0] - drops(search, state)[0], np.inf)


def lowest(profile: Floats) -> int:
    """Find the first candidate with the least sum of squares (G,)."""
    minimum = profile.min()
    return int(np.flatnonzero(profile <= minimum + SAME_SSR * abs(minimum))[0])


def _refine(search: Plan, base: State, at: list[int]) -> list[int]:
    if len(at) == 1:
        return at
    for _ in range(_MOST_CYCLES):
        moved = False
        for j in range(len(at)):
            profile = _profile_threshold(search, base, at, j)
            best = lowest(profile)
            # The sum of squares falls with every move, so that the cycles end; rounding
            # is no fall.
            if profile[best] < profile[at[j]] * (1 - NO_FALL):
                at = [*at[:j], best, *at[j + 1 :]]
                moved = True
        if not moved:
            return at
    raise ThresholdSearchError(
        f"the refinement did not converge in {_MOST_CYCLES} cycles"
    )


def split(search: Plan, outcome: Floats, at: Sequence[int]) -> tuple[Floats, Floats]:
    """Split an outcome (N,) into what thresholds explain and the residual.

    The outcome is in the order of rows, the results are in that of q.
    """
    residuals = search.residuals(outcome)
    if not at:
        return np.zeros_like(residuals), residuals
    basis, _ = search.blocks(at)
    fit: Floats = basis @ (basis.T @ residuals)
    return fit, residuals - fit
