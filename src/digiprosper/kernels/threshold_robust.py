"""Cluster-robust test of one threshold more, and its wild cluster bootstrap.

With ``w(g)`` the regime block and ``r`` the residual of the null, both with effects, fixed columns and earlier
thresholds taken out, the score is ``b(g) = w(g)'r``, the sum of the clusters' own scores ``s_c(g)``. The F type
statistic weighs it by ``w'w``, which is its variance only if errors are alike and unrelated. Here

    R(g) = b(g)' [ sum_c s_c(g) s_c(g)' ]^-1 b(g),

the robust score statistic, maximised over the candidates: under the null its distribution no longer depends
on the variances at a single ``g``, only on the correlation between candidates, which the bootstrap supplies.
The threshold is a parameter that exists under the alternative alone, hence the maximum and a distribution of
its own (Davies 1977, Biometrika 64:247-254; Davies 1987, Biometrika 74:33-43; Hansen 1996, Econometrica
64:413-430). Draws keep each cluster's residuals of the null and change their signs together (Cameron, Gelbach
& Miller 2008, Rev. Econ. Stat. 90:414-427); Djogbenou, MacKinnon & Nielsen (2019, J. Econometrics
212:393-412) prove validity, and the refinement, for a single known restriction. For the maximum over unknown
thresholds there is no proof, only simulation.

Three things follow from ``b`` being the sum of the ``s_c``.

- Scores centred over the C clusters give ``R / (1 - R / C)``, by the Sherman-Morrison formula: the same test. So
  does, for one regime-dependent column and clusters that all have the same ``w'w``, the Wald statistic with
  residuals of the alternative. Otherwise the latter shrinks the scores of just those clusters that decide,
  and is without bound where a single one does.
- R is the squared length of the projection of C ones on the k columns of scores. It is at most the number of
  clusters whose score is not zero: a candidate that moves few clusters cannot win by their small variance,
  and needs no rule of its own.
- R does not depend on the scale of the outcome, of the columns, or of any cluster that acts alone.

Where the levels of the swept effect lie inside clusters, ``s_c(g) = u_c(g) - P(g)'h_c`` with ``u_c`` the running
sum of ``z r`` over a cluster, ``h_c`` the cluster's sum of ``Q r`` and ``P(g)`` the loadings of the block on the
basis ``Q``. Row s, with ``a = z_s r_s``, adds ``a u' + u a' + a a'`` to ``sum_c u_c u_c'`` and ``a h_c'`` to
``sum_c u_c h_c'``. So all candidates cost O(N (p k + k^2) + G p^2 k) an outcome, whatever the number of clusters.
Levels that cross the clusters join the basis, one row each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.kernels.threshold import condition, drops, split, start
from digiprosper.kernels.threshold_draws import residual_draws
from digiprosper.kernels.within import is_nested

if TYPE_CHECKING:
    from digiprosper.kernels import Floats, Ints
    from digiprosper.kernels.threshold import Plan, State
    from digiprosper.kernels.threshold_draws import Scheme

__all__ = ["drawn_robust", "robust_profile"]

# Scores of which a smaller share of the sum of squares is left after all else are rounding.
_SINGULAR = 1e-9


@dataclass(frozen=True, slots=True)
class _Layout:
    """Rows by cluster, and the basis that is taken out of every cluster's score."""

    codes: Ints  # (N,) cluster of each row, in the order of q
    order: Ints  # (N,) rows by cluster, in the order of q within one
    rank: Ints  # (N,) place of each row in `order`
    starts: Ints  # (C,) where each cluster begins in `order`
    sizes: Ints  # (C,) rows of each cluster
    basis: Floats  # (p, N) orthonormal rows, in the order of q
    by_cluster: Floats  # (p, N) the same, rows as in `order`
    loadings: Floats  # (k, p, N) their products with the regime block up to each row

    def totals(self, rows: Floats) -> Floats:
        """Sum the last axis by cluster, rows being as in `order`."""
        return np.asarray(np.add.reduceat(rows, self.starts, axis=-1))

    def running(self, rows: Floats) -> Floats:
        """Sum along the last axis within each cluster; every row gets the sum up to itself."""
        total = np.cumsum(np.take(rows, self.order, axis=-1), axis=-1)
        before = np.zeros((*rows.shape[:-1], self.starts.size))
        before[..., 1:] = total[..., self.starts[1:] - 1]
        total -= np.repeat(before, self.sizes, axis=-1)
        return np.take(total, self.rank, axis=-1)


def _layout(search: Plan, codes: Ints) -> _Layout:
    _, ranked = np.unique(codes[search.candidates.order], return_inverse=True)
    order = np.argsort(ranked, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    sizes = np.bincount(ranked)
    starts = np.cumsum(sizes) - sizes
    basis, groups = search.basis, search.groups
    if not is_nested(groups.codes, ranked):
        levels = np.arange(groups.sizes.size)[:, None] == groups.codes
        basis = np.concatenate([basis, levels / np.sqrt(groups.sizes)[:, None]])
    loadings = np.stack([np.cumsum(basis * row, axis=1) for row in search.z])
    return _Layout(ranked, order, rank, starts, sizes, basis, basis[:, order], loadings)


def robust_profile(
    search: Plan, outcome: Floats, null_at: tuple[int, ...], threshold: int, codes: Ints
) -> Floats:
    """Compute the cluster-robust score statistic of one threshold more at every candidate.

    Parameters
    ----------
    search : Plan
        From :func:`digiprosper.kernels.threshold.plan`.
    outcome : (N,) float array
        Rows as they were given to the candidates.
    null_at : tuple of int
        Positions of the thresholds under the null.
    threshold : int
        Which threshold is tested, from 0: its own trim counts.
    codes : (N,) int array
        Cluster of each row, rows as they were given to the candidates.

    Returns
    -------
    (G,) float array
        Between zero and the number of clusters; minus infinity where the threshold may not lie, the block is
        not identified, or the clusters' scores do not span its columns.
    """
    rest = search.residualise(outcome[search.candidates.order][None, :])
    state = start(search, rest)
    for at in null_at:
        state = condition(search, state, np.array([at], dtype=np.intp))
    return _statistic(search, _layout(search, codes), state, rest, threshold)[0]


def drawn_robust(
    search: Plan,
    which: Scheme,
    outcome: Floats,
    null_at: tuple[int, ...],
    rng: np.random.Generator,
    *,
    reps: int,
    codes: Ints,
    chunk: int | None = None,
) -> Floats:
    """Draw the largest robust statistic of one threshold more than the null has.

    Parameters
    ----------
    search : Plan
        From :func:`digiprosper.kernels.threshold.plan`.
    which : Scheme
        Of name ``"wild_cluster"``, from :func:`digiprosper.kernels.threshold_draws.scheme`.
    outcome : (N,) float array
        Outcome of the data, rows as they were given to the candidates.
    null_at : tuple of int
        Positions of the thresholds under the null: outcomes are its fit plus drawn residuals.
    rng : Generator
        Source of uniform numbers; they do not depend on `chunk`, and are those of
        :func:`digiprosper.kernels.threshold_draws.drawn_ratios`.
    reps : int
        Number of draws.
    codes : (N,) int array
        Cluster of each row, rows as they were given to the candidates.
    chunk : int, optional
        Draws worked on together; by default as many as stay in cache.

    Returns
    -------
    (reps,) float array
        Largest statistic, the earlier thresholds searched again in sequence by their sums of squares and all
        scores and variances computed anew; missing where a draw left no room.
    """
    fit, residual = split(search, outcome, null_at)
    lay, size = _layout(search, codes), search.chunk if chunk is None else chunk
    out = np.full(reps, np.nan)
    for low in range(0, reps, size):
        high = min(low + size, reps)
        drawn = residual_draws(which, residual, rng.random((high - low, which.size)))
        if not which.swept:
            drawn = search.sweep(drawn)
        drawn += fit
        state, kept = _searched(search, drawn, len(null_at))
        values = _statistic(search, lay, state, drawn[kept], len(null_at)).max(axis=1)
        out[low + kept] = np.where(np.isneginf(values), np.nan, values)
    return out


def _searched(search: Plan, outcomes: Floats, count: int) -> tuple[State, Ints]:
    """Fix `count` thresholds one after another; the state of those members that had room, and which they are."""
    state, kept = start(search, outcomes), np.arange(outcomes.shape[0])
    for j in range(count):
        gain = np.where(search.candidates.open_to(j, state.fixed), drops(search, state), -np.inf)
        room = ~np.isneginf(gain.max(axis=1))
        if not room.all():
            state, inner = _searched(search, outcomes[room], count)
            return state, kept[room][inner]
        state = condition(search, state, gain.argmax(axis=1))
    return state, kept


def _statistic(search: Plan, lay: _Layout, state: State, outcomes: Floats, threshold: int) -> Floats:
    """Compute the statistic of each outcome (c, N), swept, whose state has the earlier thresholds fixed."""
    rest = outcomes - (outcomes @ search.basis.T) @ search.basis
    own = _fixed(search, state)
    for row in own:
        rest -= np.einsum("cn,cn->c", row, rest)[:, None] * row
    last = search.candidates.cuts - 1
    spread, raw = _spread(search, lay, rest, own)
    value = _form(state.score, spread[..., last], raw[..., last])
    value[np.isneginf(drops(search, state))] = -np.inf
    value[~search.candidates.open_to(threshold, state.fixed)] = -np.inf
    return value


def _fixed(search: Plan, state: State) -> Floats:
    """Span the fixed thresholds of each member by orthonormal rows (m, c, N)."""
    (c, count), (k, n) = state.fixed.shape, search.z.shape
    if count == 0:
        return np.empty((0, c, n))
    low = np.arange(n) < search.candidates.cuts[state.fixed][:, :, None]
    blocks = search.residualise((low[:, :, None, :] * search.z).reshape(-1, n))
    rows, _ = np.linalg.qr(blocks.reshape(c, count * k, n).swapaxes(1, 2))
    return np.ascontiguousarray(np.moveaxis(rows, 2, 0))


def _spread(search: Plan, lay: _Layout, rest: Floats, own: Floats) -> tuple[Floats, Floats]:
    """Sum the products of the clusters' scores at each row; and their squares before the basis is out.

    Both (k, k, c, N) and (k, c, N). `own` (m, c, N) is what each residual has taken out beside the basis.
    """
    z, p = search.z, lay.basis.shape[0]
    k, (c, n) = z.shape[0], rest.shape
    parts = z[:, None, :] * rest
    after = lay.running(parts)
    spread = np.empty((k, k, c, n))
    for a in range(k):
        for b in range(a + 1):
            steps = parts[a] * after[b] + (after[a] - parts[a]) * parts[b]
            spread[a, b] = spread[b, a] = np.cumsum(steps, axis=1)
    raw = np.stack([spread[a, a] for a in range(k)])
    by_cluster = np.take(rest, lay.order, axis=1)
    sums = [lay.totals(by_cluster * row) for row in lay.by_cluster]
    sums += [lay.totals(by_cluster * np.take(row, lay.order, axis=1)) for row in own]
    held = np.array(sums).reshape(-1, c, lay.starts.size)
    products = 0.5 * np.einsum("icl,jcl->ijc", held, held)
    for j in range(held.shape[0]):
        inner = products[j, :p].T @ lay.basis
        for m, row in enumerate(own):
            inner += products[j, p + m][:, None] * row
        inner -= rest * np.take(held[j], lay.codes, axis=1)
        half = [np.cumsum(row * inner, axis=1) for row in z]
        for a in range(k):
            loading = lay.loadings[a, j] if j < p else np.cumsum(z[a] * own[j - p], axis=1)
            for b in range(k):
                cross = loading * half[b]
                spread[a, b] += cross
                spread[b, a] += cross
    return spread, raw


def _form(score: Floats, spread: Floats, raw: Floats) -> Floats:
    """Compute b' Omega^-1 b by elimination, overwriting Omega; minus infinity where a pivot is rounding."""
    left, total = score.copy(), np.zeros(score.shape[1:])
    bad = np.zeros(total.shape, dtype=np.bool_)
    for a in range(score.shape[0]):
        bad |= spread[a, a] <= _SINGULAR * raw[a]
        pivot = np.where(bad, 1.0, spread[a, a])
        total += left[a] ** 2 / pivot
        ratio = spread[a, a + 1 :] / pivot
        left[a + 1 :] -= ratio * left[a]
        spread[a + 1 :, a + 1 :] -= ratio[:, None] * spread[a, a + 1 :]
    total[bad] = -np.inf
    return total
