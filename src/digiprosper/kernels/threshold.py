"""Running-sum search for the thresholds of a panel regression over every candidate, in batches of outcomes.

The model is ``y = effects + fixed columns + sum_j z 1(q <= g_j) d_j + e`` (Hansen 1999, J. Econometrics
93:345-368). With ``M`` the within projection of one effect and ``Q`` an orthonormal basis of the other fixed
columns, the drop in the sum of squares at a candidate ``g`` is ``b(g)' A(g)^-1 b(g)``, where ``b`` and ``A``
are running sums in the order of ``q``: all candidates cost one pass. Everything here is kept in that order;
outcomes come in batches, of which the data are a batch of one and the bootstrap draws are others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from digiprosper.errors import CollinearityError, ThresholdSearchError
from digiprosper.kernels.tolerances import NO_FALL, SAME_SSR, UNIDENTIFIED, WHOLE
from digiprosper.kernels.within import is_nested

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Bools, Floats, Ints

__all__ = [
    "Candidates",
    "Plan",
    "Stage",
    "State",
    "Variation",
    "candidates",
    "condition",
    "drops",
    "finish",
    "least_pair",
    "level_is_held",
    "lowest",
    "open_search",
    "plan",
    "split",
    "stage",
    "start",
    "variation",
    "with_level",
    "without_level",
]


_MOST_CYCLES = 200
_TILE = 1 << 16
# From so many numbers on a copy of the fixed columns costs more than importing scipy.linalg.
_LARGE = 1 << 24


@dataclass(frozen=True, slots=True)
class Variation:
    """Where entities vary: pairs of neighbouring rows of an entity, in the order of q, that differ in z.

    An entity varies among the rows from a to b if one of its pairs lies between them, so that the number of
    such entities is counted without looking at the rows again.

    Parameters
    ----------
    least : int
        Entities that each regime needs.
    first, second : (L,) int array
        Ranks of the two rows of each pair, entity by entity, in the order of q within one.
    entity : (L,) int array
        Entity of each pair, 0, 1, ...
    nobs, count : int
        Rows and entities.
    """

    least: int
    first: Ints
    second: Ints
    entity: Ints
    nobs: int
    count: int

    def zone(self, cuts: Ints) -> tuple[Ints, Ints]:
        """Find the cuts between which too few entities vary beside a fixed cut.

        Parameters
        ----------
        cuts : (c,) int array
            Fixed cuts, 0 and N for the ends of the sample.

        Returns
        -------
        below, above : (c,) int array
            Another cut has to be at most `below` or at least `above`; -1 and N + 1 where there is no such.
        """
        keys = np.arange(self.count) * (self.nobs + 1)
        after = np.searchsorted(self.entity * (self.nobs + 1) + self.first, keys + cuts[:, None])
        before = np.searchsorted(self.entity * (self.nobs + 1) + self.second, keys + cuts[:, None]) - 1
        ends = np.append(self.second + 1, self.nobs + 1)[after]
        own = np.append(self.entity, -1)
        ends = np.where(own[after] == np.arange(self.count), ends, self.nobs + 1)
        starts = np.where(own[before] == np.arange(self.count), np.append(self.first, -1)[before], -1)
        place = self.least - 1
        above = np.partition(ends, place, axis=1)[:, place]
        below = np.partition(starts, self.count - 1 - place, axis=1)[:, self.count - 1 - place]
        return below, above


def variation(z: Floats, entity: Ints, order: Ints, least: int) -> Variation:
    """Find where entities vary.

    Parameters
    ----------
    z : (N, k) float array
        Regime-dependent columns.
    entity : (N,) int array
        Codes 0, 1, ...
    order : (N,) int array
        Rows in the order of the threshold variable.
    least : int
        Entities that each regime needs, at least 1.

    Returns
    -------
    Variation
        For :func:`candidates`.

    Raises
    ------
    ThresholdSearchError
        If there are fewer entities than that.
    """
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
    """The values at which a threshold may lie, and who may use them.

    Parameters
    ----------
    values : (G,) float array
        Candidate values, increasing.
    cuts : (G,) int array
        Rows in the low regime at each value.
    allowed : (m, G) bool array
        Whether threshold j may be placed there when no other is fixed. The last row serves all further ones.
    need : (m,) int array
        Rows that threshold j must leave in each regime it creates.
    given : tuple of int
        Positions of given thresholds in `values`, in the order given; empty when they are searched.
    order : (N,) int array
        Rows in the order of the threshold variable (stable).
    varying : Variation or None
        What a regime needs beside rows.
    """

    values: Floats
    cuts: Ints
    allowed: Bools
    need: Ints
    given: tuple[int, ...]
    order: Ints
    varying: Variation | None = None

    def open_to(self, threshold: int, fixed: Ints) -> Bools:
        """Tell where a threshold may lie once others are fixed.

        Parameters
        ----------
        threshold : int
            Which threshold, from 0: its own trim counts.
        fixed : (c, l) int array
            Positions of the other thresholds, one row a batch member.

        Returns
        -------
        (c, G) bool array
            True where every regime it would create keeps enough rows and entities.
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
    grid: int | Literal["hansen"] | None = None,
    rule: Literal["<=", "<"] = "<=",
    given: Sequence[float] = (),
    min_nobs: int = 1,
    varying: Variation | None = None,
) -> Candidates:
    """List the candidate values of each threshold.

    Parameters
    ----------
    q : (N,) float array
        Threshold variable.
    trims : sequence of float
        One a threshold: the share of the rows that each regime keeps. The last serves all further ones.
    grid : int or "hansen", optional
        None takes every distinct value; an int that many evenly spaced quantiles, as observed values;
        "hansen" the 393 positions of his program, for which trims only set the distance to other thresholds.
    rule : {"<=", "<"}
        Whether a row at the threshold belongs to the low regime.
    given : sequence of float
        Fixed thresholds. They need not be observed values.
    min_nobs : int
        Rows that each regime keeps whatever the trim.
    varying : Variation, optional
        What each regime needs beside rows.

    Returns
    -------
    Candidates
        Values in increasing order with the rows below them.

    Raises
    ------
    ThresholdSearchError
        If some threshold has no candidate, or a given one leaves a regime empty.
    """
    order = np.argsort(q, kind="stable").astype(np.intp)
    ranked, n = q[order], q.size
    side: Literal["right", "left"] = "right" if rule == "<=" else "left"
    need = np.array([max(min_nobs, int(np.ceil(t * n - WHOLE))) for t in trims], dtype=np.intp)
    offers = [_offer(ranked, trim, grid, rule) for trim in trims]
    values = np.unique(np.concatenate([*offers, np.asarray(given, dtype=np.float64)]))
    cuts = np.searchsorted(ranked, values, side=side).astype(np.intp)
    least = np.full_like(need, min_nobs) if grid == "hansen" else need
    inside = (cuts >= least[:, None]) & (n - cuts >= least[:, None])
    if varying is not None:
        below, above = varying.zone(np.array([0, n], dtype=np.intp))
        inside &= (cuts >= above[0]) & (cuts <= below[1])
    allowed = np.array([np.isin(values, offer) for offer in offers]) & inside
    if not given and not allowed.any(axis=1).all():
        raise ThresholdSearchError("no candidate keeps enough rows or entities in each regime")
    kept = allowed.any(axis=0) | np.isin(values, given)
    values, cuts, allowed = values[kept], cuts[kept], allowed[:, kept]
    at = tuple(int(np.searchsorted(values, g)) for g in given)
    edges = np.diff(np.sort(np.concatenate([[0], cuts[list(at)], [n]])))
    if given and edges.min() == 0:
        raise ThresholdSearchError("a given threshold leaves a regime without rows")
    return Candidates(values, cuts, allowed, need, at, order, varying)


def _offer(ranked: Floats, trim: float, grid: int | Literal["hansen"] | None, rule: str) -> Floats:
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


@dataclass(frozen=True, slots=True)
class _Groups:
    """Levels of the swept effect, over rows in the order of q."""

    codes: Ints  # (N,) level of each row
    order: Ints  # (N,) rows by level, in the order of q within one
    starts: Ints  # (n,) where each level begins in `order`
    sizes: Floats  # (n,) rows of each level

    def sweep(self, rows: Floats) -> Floats:
        """Take level means out of the last axis."""
        if self.sizes.size == 1:
            return np.asarray(rows - rows.mean(axis=-1, keepdims=True))
        means = np.add.reduceat(np.take(rows, self.order, axis=-1), self.starts, axis=-1) / self.sizes
        return np.asarray(rows - np.take(means, self.codes, axis=-1))


def _group(codes: Ints) -> _Groups:
    order = np.argsort(codes, kind="stable").astype(np.intp)
    _, inverse, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
    return _Groups(inverse.astype(np.intp), order, starts, sizes.astype(np.float64))


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a search needs and that no outcome changes. Rows are in the order of the threshold variable.

    Parameters
    ----------
    candidates : Candidates
        Where thresholds may lie.
    groups : object
        Levels of the swept effect.
    z : (k, N) float array
        Regime-dependent columns, turned into orthogonal ones of mean square one that span the same space.
    basis : (p, N) float array
        Orthonormal basis of the fixed columns after the sweep.
    loadings : (k, p, G) float array
        Products of the basis with the regime block at each candidate.
    gram : (k, k, 1, G) float array
        Products of the regime block with itself after sweep and basis.
    squares : (k, k, G) float array
        Products of the block with itself before the sweep; their diagonal is what is left is judged by.
    """

    candidates: Candidates
    groups: _Groups
    z: Floats
    basis: Floats
    loadings: Floats
    gram: Floats
    squares: Floats

    @property
    def nobs(self) -> int:
        """Number of rows."""
        return int(self.z.shape[1])

    @property
    def chunk(self) -> int:
        """Batch members worked on together.

        As many as stay in a processor's cache; else eight, so that basis and loadings are read once for all
        of them, as long as their arrays stay small enough for freed memory to be used again.
        """
        k, n = self.z.shape
        return int(max(1, min(256, 65_536 // n), min(8, 1_000_000 // (n * k))))

    def sweep(self, rows: Floats) -> Floats:
        """Take the level means of the swept effect out of rows.

        Parameters
        ----------
        rows : (..., N) float array
            In the order of the threshold variable.

        Returns
        -------
        (..., N) float array
            Swept rows.
        """
        return self.groups.sweep(rows)

    def residualise(self, rows: Floats) -> Floats:
        """Take all effects and fixed columns out of rows.

        Parameters
        ----------
        rows : (c, N) float array
            In the order of the threshold variable.

        Returns
        -------
        (c, N) float array
            Residuals; the basis is taken out twice, so that they are orthogonal to it to machine precision.
        """
        rest = self.sweep(rows - rows.mean(axis=-1, keepdims=True))
        for _ in range(2):
            rest = rest - (rest @ self.basis.T) @ self.basis
        return rest

    def block(self, cut: int) -> Floats:
        """Compute the regime block below one cut, effects and fixed columns taken out.

        Parameters
        ----------
        cut : int
            Rows in the low regime.

        Returns
        -------
        (k, N) float array
            Residualised block.
        """
        return self.residualise(self.z * (np.arange(self.nobs) < cut))

    def regimes(self, at: Sequence[int]) -> Ints:
        """Find the regime of each row.

        Parameters
        ----------
        at : sequence of int
            Positions of the thresholds.

        Returns
        -------
        (N,) int array
            1, 2, ... for each row, in the order the rows had before they were ranked.
        """
        numbers = np.empty(self.nobs, dtype=np.intp)
        cuts = np.sort(self.candidates.cuts[list(at)])
        numbers[self.candidates.order] = 1 + np.searchsorted(cuts, np.arange(self.nobs), side="right")
        return numbers


def plan(
    z: Floats, fixed: Floats, where: Candidates, effects: Sequence[Ints] = (), *, intercept: bool = False
) -> Plan:
    """Compute the running sums that depend on the regressors only.

    Parameters
    ----------
    z : (N, k) float array
        Regime-dependent columns.
    fixed : (N, p) float array
        Columns with a common slope, dummies of further effects included. Dependent ones do no harm.
    where : Candidates
        Where thresholds may lie.
    effects : sequence of (N,) int arrays
        Absorbed effects. The one with most levels is swept, the others become dummies. Without any, the mean
        is swept.
    intercept : bool
        Whether the level shifts with the regime too.

    Returns
    -------
    Plan
        Sums at each candidate: O(N (p k + k^2)) in time, whatever their number.

    Raises
    ------
    CollinearityError
        If the regime-dependent columns are exact combinations of one another.
    """
    order = where.order
    given = effects or [np.zeros(order.size, dtype=np.intp)]
    swept, *others = sorted(given, key=lambda codes: -np.unique(codes).size)
    groups = _group(swept[order])
    # An effect that is constant within the swept one has left with it.
    others = [codes for codes in others if not is_nested(swept, codes)]
    dummies = [np.unique(codes)[1:, None] == codes[order] for codes in others]
    columns = np.concatenate([fixed[order].T, z[order].T, *dummies], axis=0, dtype=np.float64)
    basis = _basis(columns, groups)
    block = z[order].T
    if intercept:
        block = np.concatenate([np.ones((1, order.size)), block])
    return _sums(where, groups, basis, _whiten(block))


def with_level(search: Plan) -> Plan:
    """Let the level shift with the regime too, as ``plan(..., intercept=True)`` does, from the same basis.

    Parameters
    ----------
    search : Plan
        From :func:`plan`, without an intercept.

    Returns
    -------
    Plan
        Its first regime-dependent column is the constant.

    Raises
    ------
    CollinearityError
        If the regime-dependent columns add up to a constant: their level shifts already.
    """
    block = np.concatenate([np.ones((1, search.nobs)), search.z])
    return _sums(search.candidates, search.groups, search.basis, _whiten(block))


def without_level(search: Plan) -> Plan:
    """Take the regime's level out of a plan again, for candidates at which it adds nothing.

    Parameters
    ----------
    search : Plan
        From :func:`with_level`, or from :func:`plan` with an intercept.

    Returns
    -------
    Plan
        The sums of squares are those of the whole plan where :func:`level_is_held`, and nowhere else.
    """
    return replace(
        search,
        z=search.z[1:],
        loadings=search.loadings[1:],
        gram=search.gram[1:, 1:],
        squares=search.squares[1:, 1:],
    )


def level_is_held(search: Plan) -> Bools:
    """Tell at which candidates the dummy of the low regime is a combination of effects and fixed columns.

    Parameters
    ----------
    search : Plan
        From :func:`with_level`, or from :func:`plan` with an intercept.

    Returns
    -------
    (G,) bool array
        True where the level shifts with the regime already; :func:`drops` has no value there.
    """
    return np.asarray(search.gram[0, 0, 0] <= UNIDENTIFIED * search.squares[0, 0])


def _sums(where: Candidates, groups: _Groups, basis: Floats, white: Floats) -> Plan:
    last = where.cuts - 1
    loadings = np.empty((white.shape[0], basis.shape[0], last.size))
    running = np.empty(white.shape[1])
    for row, loading in zip(white, loadings, strict=True):
        for column, out in zip(basis, loading, strict=True):
            np.cumsum(np.multiply(column, row, out=running), out=running)
            np.take(running, last, out=out, mode="clip")
    raw = _block_products(white, groups)[:, :, last]
    gram = raw - np.einsum("apg,bpg->abg", loadings, loadings)
    squares = np.stack([[np.cumsum(one * two)[last] for one in white] for two in white])
    return Plan(where, groups, white, basis, loadings, gram[:, :, None, :], squares)


def _basis(columns: Floats, groups: _Groups) -> Floats:
    """Make an orthonormal basis of swept columns, in their own memory: a large panel has none to spare."""
    columns -= columns.mean(axis=1, keepdims=True)
    before = np.sqrt(np.einsum("pn,pn->p", columns, columns))
    for row in columns:
        # A second sweep removes what rounding left when level means dwarf the variation around them.
        row[:] = groups.sweep(groups.sweep(row))
    after = np.sqrt(np.einsum("pn,pn->p", columns, columns))
    kept = after > UNIDENTIFIED * np.maximum(before, np.finfo(np.float64).tiny)
    if not kept.any():
        return np.zeros((0, columns.shape[1]))
    if not kept.all():
        columns = columns[kept]
    columns /= after[kept, None]
    q, r = _orthonormal(columns)
    if r.shape[0] < kept.sum() or np.abs(np.diag(r)).min() < UNIDENTIFIED:
        left, values, _ = np.linalg.svd(r)
        q = q @ left[:, : int((values > UNIDENTIFIED).sum())]
    return np.ascontiguousarray(q.T)


def _orthonormal(columns: Floats) -> tuple[Floats, Floats]:
    if columns.size < _LARGE:
        q, r = np.linalg.qr(columns.T)
    else:
        from scipy.linalg import qr

        q, r = qr(columns.T, mode="economic", overwrite_a=True, check_finite=False)
    return np.asarray(q), np.asarray(r)


def _whiten(block: Floats) -> Floats:
    norms = np.sqrt((block * block).sum(axis=1))
    if norms.min() == 0:
        raise CollinearityError("a regime-dependent column is zero in every row")
    q, r = np.linalg.qr((block / norms[:, None]).T)
    if np.abs(np.diag(r)).min() < UNIDENTIFIED:
        raise CollinearityError("the regime-dependent columns are exact linear combinations of one another")
    return np.asarray(np.ascontiguousarray(q.T) * np.sqrt(block.shape[1]))


def _block_products(z: Floats, groups: _Groups) -> Floats:
    """Sum the swept products of the block: row s of level i adds z z' - (S z' + z S' + z z') / T_i."""
    k, n = z.shape
    by_level = z[:, groups.order]
    means = np.add.reduceat(by_level, groups.starts, axis=1) / groups.sizes
    level = groups.codes[groups.order]
    # Sums inside a level are kept around its mean, so that they return to zero at each level's end.
    around = np.cumsum(by_level - means[:, level], axis=1)
    around = np.concatenate([np.zeros((k, 1)), around[:, :-1]], axis=1)
    around -= around[:, groups.starts][:, level]
    before = np.empty_like(z)
    before[:, groups.order] = around + (np.arange(n) - groups.starts[level]) * means[:, level]
    size = groups.sizes[groups.codes]
    products = np.empty((k, k, n))
    for a in range(k):
        for b in range(a + 1):
            own = z[a] * z[b]
            products[a, b] = np.cumsum(own - (before[a] * z[b] + z[a] * before[b] + own) / size)
            products[b, a] = products[a, b]
    return products


@dataclass(frozen=True, slots=True)
class State:
    """A batch of outcomes, with the thresholds fixed so far taken out.

    Parameters
    ----------
    ssr : (c,) float array
        Sum of squares of each outcome's residuals.
    score : (k, c, G) float array
        Products of the regime block at each candidate with those residuals.
    gram : (k, k, 1 or c, G) float array
        Products of the block with itself after all that is fixed.
    blocks : tuple of (k, k, c, G) float arrays
        One a fixed threshold: products of its orthonormal block with the block at each candidate.
    fixed : (c, l) int array
        Positions of the fixed thresholds.
    """

    ssr: Floats
    score: Floats
    gram: Floats
    blocks: tuple[Floats, ...]
    fixed: Ints


def start(search: Plan, outcomes: Floats) -> State:
    """Score a batch of outcomes at every candidate, no threshold fixed.

    Parameters
    ----------
    search : Plan
        From :func:`plan`.
    outcomes : (c, N) float array
        Swept outcomes, in the order of the threshold variable.

    Returns
    -------
    State
        O(N (p + k)) an outcome.
    """
    inside = outcomes @ search.basis.T
    ssr = np.einsum("cn,cn->c", outcomes, outcomes) - np.einsum("cp,cp->c", inside, inside)
    last = search.candidates.cuts - 1
    score = np.empty((search.z.shape[0], outcomes.shape[0], last.size))
    running = np.empty_like(outcomes)
    for row, loading, out in zip(search.z, search.loadings, score, strict=True):
        np.cumsum(np.multiply(outcomes, row, out=running), axis=1, out=running)
        np.take(running, last, axis=1, out=out, mode="clip")
        for tile in _tiles(out):
            out[:, tile] -= inside @ loading[:, tile]
    return State(ssr, score, search.gram, (), np.empty((outcomes.shape[0], 0), dtype=np.intp))


def drops(search: Plan, state: State) -> Floats:
    """Compute how much one more threshold at each candidate takes off the sum of squares.

    Parameters
    ----------
    search : Plan
        From :func:`plan`.
    state : State
        Outcomes with the other thresholds fixed.

    Returns
    -------
    (c, G) float array
        ``b' A^-1 b``; minus infinity where the block is not identified (no variation left).
    """
    gains = np.empty(state.score.shape[1:])
    for tile in _tiles(gains):
        squares = search.squares[:, :, tile]
        gains[:, tile] = _gains(state.gram[..., tile], state.score[..., tile], squares)
    return gains


def _tiles(batch: Floats) -> list[slice]:
    """Cut the candidates so that the temporary arrays of a batch stay in cache, however many there are."""
    members, count = batch.shape
    step = max(1, _TILE // members)
    return [slice(low, low + step) for low in range(0, count, step)]


def _gains(gram: Floats, score: Floats, squares: Floats) -> Floats:
    k = score.shape[0]
    if k == 1:  # the same in fewer passes
        pivot = gram[0, 0]
        none = pivot <= UNIDENTIFIED * squares[0, 0]
        gain = score[0] ** 2 / np.where(none, 1.0, pivot)
        gain[np.broadcast_to(none, gain.shape)] = -np.inf
        return np.asarray(gain)
    rows: list[list[Floats]] = []
    inverse: list[Floats] = []
    solved: list[Floats] = []
    bad: Bools = np.zeros(gram.shape[2:], dtype=np.bool_)
    total = np.zeros(score.shape[1:])
    # Columns of which rounding alone is left pass the test of each pivot, and overflow a few pivots later.
    with np.errstate(over="ignore", invalid="ignore"):
        for a in range(k):
            row: list[Floats] = []
            for j in range(a):
                inner = sum(x * y for x, y in zip(row, rows[j], strict=False))
                row.append((gram[a, j] - inner) * inverse[j])
            pivot = gram[a, a] - sum(x * x for x in row)
            bad |= ~(pivot > UNIDENTIFIED * squares[a, a])
            inverse.append(1 / np.sqrt(np.where(bad, 1.0, pivot)))
            solved.append((score[a] - sum(x * y for x, y in zip(row, solved, strict=False))) * inverse[a])
            total += solved[a] * solved[a]
            rows.append(row)
    total[bad | ~np.isfinite(total)] = -np.inf
    return total


def condition(search: Plan, state: State, at: Ints) -> State:
    """Fix one more threshold in every member of a batch: a step of block Gram-Schmidt in products.

    Parameters
    ----------
    search : Plan
        From :func:`plan`.
    state : State
        What is fixed so far.
    at : (c,) int array
        Position of the new threshold, one a batch member.

    Returns
    -------
    State
        Another O(N (p + k)) an outcome.
    """
    where, groups = search.candidates, search.groups
    k, members = search.z.shape[0], np.arange(at.size)
    low = groups.order < where.cuts[at][:, None]
    both = np.minimum(np.arange(where.cuts.size), at[:, None])
    cross = np.empty((k, k, at.size, where.cuts.size))
    for a in range(k):
        means = np.add.reduceat(search.z[a][groups.order] * low, groups.starts, axis=1) / groups.sizes
        spread = np.take(means, groups.codes, axis=1)
        for b in range(k):
            # The swept block times z is the product of the rows below both, less the means below one.
            running = np.cumsum(spread * search.z[b], axis=1)
            np.take(running, where.cuts - 1, axis=1, out=cross[a, b], mode="clip")
            np.subtract(np.take(search.squares[a, b], both), cross[a, b], out=cross[a, b])
            cross[a, b] -= search.loadings[a][:, at].T @ search.loadings[b]
    for earlier in state.blocks:
        cross -= _contract(earlier[:, :, members, at], earlier)
    gram = np.broadcast_to(state.gram, (k, k, at.size, where.cuts.size))
    factor = np.linalg.cholesky(np.moveaxis(gram[:, :, members, at], -1, 0))
    inverse = np.moveaxis(np.linalg.inv(factor), 0, -1)
    block = _contract(inverse.swapaxes(0, 1), cross)
    height = np.einsum("mac,ac->mc", inverse, state.score[:, members, at])
    score = state.score - _contract(height[:, None, :], block)[0]
    return State(
        ssr=state.ssr - (height * height).sum(axis=0),
        score=score,
        gram=gram - _contract(block, block),
        blocks=(*state.blocks, block),
        fixed=np.concatenate([state.fixed, at[:, None]], axis=1),
    )


def _contract(left: Floats, right: Floats) -> Floats:
    """Sum left[m, a] right[m, b] over m, the last axes being batch members and candidates."""
    if left.ndim < right.ndim:
        left = left[..., None]
    out = left[0][:, None] * right[0][None, :]
    for m in range(1, right.shape[0]):
        out += left[m][:, None] * right[m][None, :]
    return np.asarray(out)


@dataclass(frozen=True, slots=True)
class Stage:
    """What one step of the sequential search found.

    Parameters
    ----------
    null_ssr : float
        Sum of squares of the model with one threshold less, refined.
    ssr : float
        Least sum of squares over the new threshold, the others held.
    at : tuple of int
        Positions of all thresholds after refinement, in the order found.
    """

    null_ssr: float
    ssr: float
    at: tuple[int, ...]


def open_search(search: Plan, outcome: Floats) -> State:
    """Score the outcome of the data, no threshold fixed.

    Parameters
    ----------
    search : Plan
        From :func:`plan`.
    outcome : (N,) float array
        Rows as they were given to :func:`candidates`.

    Returns
    -------
    State
        A batch of one.
    """
    return start(search, search.residualise(outcome[search.candidates.order][None, :]))


def stage(search: Plan, base: State, at: Sequence[int]) -> Stage | None:
    """Find one more threshold, then refine all of them; or take the next of those given.

    Parameters
    ----------
    search : Plan
        From :func:`plan`.
    base : State
        From :func:`open_search`.
    at : sequence of int
        Positions of the thresholds so far, refined.

    Returns
    -------
    Stage or None
        Refined until no threshold moves given the others (Bai 1997, Econometric Theory 13:315-352). None if
        no candidate is left at which the slopes are identified.

    Raises
    ------
    ThresholdSearchError
        If refinement does not settle.
    """
    null = _fix(search, base, at)
    if search.candidates.given:
        profile = null.ssr[0] - drops(search, null)[0]
        new = search.candidates.given[len(at)]
    else:
        profile = _profile(search, null, len(at), None)
        new = lowest(profile)
    least = float(profile[new])
    if not np.isfinite(least):
        return None
    together = [*at, new]
    if not search.candidates.given:
        together = _refine(search, base, together)
    return Stage(float(null.ssr[0]), least, tuple(together))


def finish(search: Plan, base: State, at: Sequence[int]) -> tuple[Floats, float]:
    """Profile each threshold with the others held.

    Parameters
    ----------
    search : Plan
        From :func:`plan`.
    base : State
        From :func:`open_search`.
    at : sequence of int
        Positions of the thresholds.

    Returns
    -------
    profiles : (m, G) float array
        Sum of squares with threshold j at each candidate and the others where they are; infinite where it may
        not lie. A searched threshold's own place always counts.
    ssr : float
        Sum of squares at the thresholds.
    """
    profiles = np.empty((len(at), search.candidates.values.size))
    for j, own in enumerate(at):
        others = _fix(search, base, [*at[:j], *at[j + 1 :]])
        profiles[j] = _profile(search, others, j, own)
    return profiles, float(_fix(search, base, at).ssr[0])


def least_pair(search: Plan, base: State) -> tuple[tuple[int, int], float]:
    """Find the two thresholds with the least sum of squares of all admissible pairs.

    Parameters
    ----------
    search : Plan
        From :func:`plan`, one trim for both.
    base : State
        From :func:`open_search`.

    Returns
    -------
    at : pair of int
        Positions; first the one that alone leaves the smaller sum of squares.
    ssr : float
        The least sum of squares.

    Raises
    ------
    ThresholdSearchError
        If no pair is admissible.
    """
    alone = _profile(search, base, 0, None)
    first = np.flatnonzero(np.isfinite(alone))
    size, best, pair = max(1, 4 * search.chunk), np.inf, (-1, -1)
    for low in range(0, first.size, size):
        at = first[low : low + size]
        state = condition(search, _copies(base, at.size), at)
        sums = state.ssr[:, None] - drops(search, state)
        # The other half of the pairs has been, or will be, looked at from the other side.
        sums[~search.candidates.open_to(1, state.fixed) | (np.arange(sums.shape[1]) < at[:, None])] = np.inf
        member, other = np.unravel_index(int(sums.argmin()), sums.shape)
        if sums[member, other] < best * (1 - SAME_SSR):
            best, pair = float(sums[member, other]), (int(at[member]), int(other))
    if not np.isfinite(best):
        raise ThresholdSearchError("no pair of candidates keeps enough rows and entities in each regime")
    if alone[pair[1]] < alone[pair[0]]:
        pair = pair[1], pair[0]
    return pair, best


def _copies(state: State, count: int) -> State:
    k, _, candidates = state.score.shape
    return State(
        ssr=np.repeat(state.ssr, count),
        score=np.broadcast_to(state.score, (k, count, candidates)),
        gram=state.gram,
        blocks=(),
        fixed=np.empty((count, 0), dtype=np.intp),
    )


def _fix(search: Plan, state: State, at: Sequence[int]) -> State:
    for position in at:
        state = condition(search, state, np.array([position], dtype=np.intp))
    return state


def _profile(search: Plan, state: State, threshold: int, present: int | None) -> Floats:
    """Sum of squares at each candidate of one outcome, infinite where the threshold may not lie."""
    where = search.candidates
    if where.given:  # others that are given need no room
        free = where.allowed[min(threshold, where.need.size - 1)]
    else:
        free = where.open_to(threshold, state.fixed)[0]
    if present is not None and not where.given:
        # Another threshold with a smaller trim may have come nearer than this one may go: it can stay.
        free[present] = True
    profile: Floats = np.where(free, state.ssr[0] - drops(search, state)[0], np.inf)
    return profile


def lowest(profile: Floats) -> int:
    """Find the first candidate with the least sum of squares, whatever rounding makes of equal ones.

    Parameters
    ----------
    profile : (G,) float array
        Sum of squares at each candidate, infinite where there is none.

    Returns
    -------
    int
        Position.
    """
    least = profile.min()
    return int(np.flatnonzero(profile <= least + SAME_SSR * abs(least))[0])


def _refine(search: Plan, base: State, at: list[int]) -> list[int]:
    if len(at) == 1:
        return at
    for _ in range(_MOST_CYCLES):
        moved = False
        for j in range(len(at)):
            profile = _profile(search, _fix(search, base, [*at[:j], *at[j + 1 :]]), j, at[j])
            best = lowest(profile)
            # The sum of squares falls with every move, so that the cycles end; rounding is no fall.
            if profile[best] < profile[at[j]] * (1 - NO_FALL):
                at, moved = [*at[:j], best, *at[j + 1 :]], True
        if not moved:
            return at
    raise ThresholdSearchError(f"the refinement did not converge in {_MOST_CYCLES} cycles")


def split(search: Plan, outcome: Floats, at: Sequence[int]) -> tuple[Floats, Floats]:
    """Split an outcome, effects and fixed columns out, into what thresholds explain and the rest.

    Parameters
    ----------
    search : Plan
        From :func:`plan`.
    outcome : (N,) float array
        Rows as they were given to :func:`candidates`.
    at : sequence of int
        Positions of the thresholds; none leaves all to the residual.

    Returns
    -------
    fit, residual : (N,) float arrays
        In the order of the threshold variable.
    """
    rest = search.residualise(outcome[search.candidates.order][None, :])[0]
    if not at:
        return np.zeros_like(rest), rest
    blocks = np.concatenate([search.block(int(search.candidates.cuts[j])) for j in at])
    q, _ = np.linalg.qr(blocks.T)
    fit: Floats = q @ (q.T @ rest)
    return fit, rest - fit
