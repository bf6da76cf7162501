"""Bootstraps of threshold tests: residuals drawn, and each draw's statistic.

Every draw goes through the same running sums as the data, in chunks that stay in a
processor's cache, and searches every threshold again one after another.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.threshold import (
    Plan,
    block_loadings,
    condition,
    drops,
    open_search,
    quadratic_forms,
    split,
    start,
)
from digiprosper.kernels.tolerances import NO_RESIDUALS, NO_SCORE
from digiprosper.kernels.within import is_nested
from digiprosper.linear.kernels.wild import WEBB_CLUSTERS, wild_weights
from digiprosper.optional import Done, ignore_progress

_KEPT = 3 << 20


@dataclass(frozen=True, slots=True)
class Scheme:
    """Which residuals a draw takes. Rows are in the order of the threshold variable."""

    name: str  # ``wild_cluster``, ``hansen`` or ``iid``
    size: int  # uniform numbers of one draw
    # (N,) cluster (wild_cluster), or position of the row in its entity's block (hansen)
    codes: Ints
    blocks: Ints  # (n, T) rows of each entity (hansen)
    demeaned: bool  # drawn residuals of a demeaned outcome keep level means of zero
    # Called with the number of draws that begin, to show progress
    done: Done = ignore_progress


def scheme(
    name: Literal["wild_cluster", "hansen", "iid"],
    search: Plan,
    codes: Ints,
    done: Done = ignore_progress,
) -> Scheme:
    """Prepare a bootstrap: a sign per cluster, exchanged entities, or single rows.

    Entities are exchanged as a whole. Single rows are for teaching. `codes` (N,) are
    clusters (wild_cluster) or entities (hansen), rows in the original order. Raises
    ValueError if entities have unequal numbers of rows under "hansen".
    """
    blocks = np.empty((0, 1), dtype=np.intp)
    order = search.candidates.order
    n, levels = search.nobs, int(codes.max()) + 1
    if name == "iid":
        return Scheme(name, n, blocks[:, 0], blocks, demeaned=False, done=done)

    positions = codes[order]
    demeaned = is_nested(search.groups.codes, positions)
    if name == "hansen":
        counts = np.bincount(codes, minlength=levels)
        if counts.min() != counts.max():
            raise ValueError("entities have unequal numbers of rows")
        rank, positions = np.empty_like(order), np.empty_like(order)
        rank[order] = np.arange(n)
        blocks = rank[np.argsort(codes, kind="stable")].reshape(levels, -1)
        positions[blocks] = np.arange(n).reshape(blocks.shape)
        demeaned = demeaned and levels == search.groups.sizes.size
    return Scheme(name, levels, positions, blocks, demeaned=demeaned, done=done)


def residual_draws(bootstrap: Scheme, residual: Floats, uniforms: Floats) -> Floats:
    """Turn uniform numbers (c, size) into residuals (c, N), in the order of q."""
    bootstrap.done(len(uniforms))
    if bootstrap.name == "wild_cluster":
        points = np.array(wild_weights(bootstrap.size, len(uniforms)).points)
        signs = points[(uniforms * points.size).astype(np.intp)]
        signed = np.take(signs, bootstrap.codes, axis=1)
        signed *= residual
        return signed
    picked = (uniforms * bootstrap.size).astype(np.intp)
    if bootstrap.name == "iid":
        return np.take(residual, picked)
    columns = bootstrap.blocks.shape[1]
    # The donor's block is laid over the entity's rows, one after the other.
    donors = np.repeat(picked * columns, columns, axis=1) + np.tile(
        np.arange(columns), bootstrap.size
    )
    return np.take(
        residual[bootstrap.blocks.ravel()], np.take(donors, bootstrap.codes, axis=1)
    )


def uniforms(
    search: Plan, bootstrap: Scheme, rng: np.random.Generator, reps: int
) -> Iterator[Floats]:
    """Yield the uniform numbers (c, size) of the draws that are computed together."""
    for low in range(0, reps, search.chunk):
        yield rng.random((min(search.chunk, reps - low), bootstrap.size))


def demeaned_draws(
    search: Plan,
    bootstrap: Scheme,
    residual: Floats,
    rng: np.random.Generator,
    reps: int,
) -> Iterator[tuple[Floats, Floats]]:
    """Yield drawn residuals (c, N), demeaned, of the draws computed together.

    The second result is the sum of squares (c,) that is rounding. Effects that cross
    the clusters may leave nothing of a draw: with two periods as clusters and entity
    effects it is so where the periods have opposite weights.
    """
    for numbers in uniforms(search, bootstrap, rng, reps):
        draws = residual_draws(bootstrap, residual, numbers)
        rounding = np.zeros(len(numbers))
        if not bootstrap.demeaned:
            rounding = NO_RESIDUALS * np.einsum("ij,ij->i", draws, draws)
            draws = search.groups.demean(draws)
        yield draws, rounding


def excess(upper: Floats, lower: Floats, rounding: Floats) -> Floats:
    """Compute ``upper / lower - 1`` of sums of squares (c,).

    Missing where `upper` is at most `rounding`, so that nothing is left to explain. A
    perfect fit divides by the rounding of `upper`, as the statistic of the data does.
    """
    no_residuals = upper <= rounding
    bottom = np.maximum(lower, NO_RESIDUALS * upper)
    return np.where(
        no_residuals, np.nan, upper / np.where(no_residuals, 1.0, bottom) - 1
    )


def drawn_ratios(
    search: Plan,
    bootstrap: Scheme,
    outcome: Floats,
    null_at: tuple[int, ...],
    rng: np.random.Generator,
    *,
    reps: int,
) -> Floats:
    """Draw the statistic (reps,) of one threshold more than the null.

    ``S_(j-1) / S_j - 1`` with all j thresholds searched again in sequence. Outcomes are
    the fit of the null, with thresholds at positions `null_at`, plus drawn residuals.
    Missing where a draw left no candidate, or nothing to explain. Draws do not depend
    on how many are computed together.
    """
    fit, residual = split(search, outcome, null_at)
    # Taking a large block and giving it back at once makes glibc keep freed memory for
    # the next step; otherwise page faults cost more than the arithmetic. Elsewhere it
    # does nothing.
    np.empty(_KEPT)
    ratios = []
    for draws, rounding in demeaned_draws(search, bootstrap, residual, rng, reps):
        if null_at:
            draws += fit
        ratios.append(_run_search(search, draws, rounding, len(null_at) + 1))
    return np.concatenate(ratios)


def _run_search(search: Plan, outcomes: Floats, rounding: Floats, count: int) -> Floats:
    state = start(search, outcomes)
    for j in range(count):
        gain = drops(search, state)
        gain[~search.candidates.open_to(j, state.fixed)] = -np.inf
        at = gain.argmax(axis=1)
        best = gain[np.arange(at.size), at]
        room = ~np.isneginf(best)
        out = np.full(at.size, np.nan)
        if j == count - 1:
            break
        if not room.all():
            # A draw without room is missing; the others go on.
            if room.any():
                out[room] = _run_search(search, outcomes[room], rounding[room], count)
            return out
        state = condition(search, state, at)

    out[room] = excess(state.ssr[room], state.ssr[room] - best[room], rounding[room])
    return out


def concentration(
    search: Plan, outcome: Floats, at: tuple[int, ...], codes: Ints, top: int = 5
) -> tuple[float, Ints]:
    """Compute the `top` clusters' share in the last threshold's squared scores.

    Also return these clusters, the largest first. `at` has the positions of the
    thresholds, the tested one last. Near 1, the test depends on these clusters.
    """
    _, residual = split(search, outcome, at[:-1])
    basis, _ = search.blocks(at)
    tested = basis[:, -search.z.shape[0] :].T * residual
    ranked = codes[search.candidates.order]
    sums = np.stack([np.bincount(ranked, weights=row) for row in tested])
    squares = (sums * sums).sum(axis=0)
    largest = np.argsort(-squares, kind="stable")[:top].astype(np.intp)
    total = float(squares.sum())
    return (float(squares[largest].sum()) / total if total > 0 else np.nan), largest


def usual_concentration(groups: int) -> float:
    """Compute the share that the five largest of many equal clusters have by chance.

    It is that of the largest squares among independent standard normal scores, at their
    expected ranks: .56 for five of 31, .27 for five of 100.
    """
    from scipy.special import ndtri

    squares = ndtri(0.5 + (np.arange(groups) + 0.5) / groups / 2) ** 2
    return float(squares[-5:].sum() / squares.sum())


# --- the cluster-robust test of one threshold more -----------------------------------

# With ``w(g)`` the regime block and ``r`` the residual of the null, effects, fixed
# columns and the null's thresholds taken out of both, the score is ``b(g) = w(g)'r``,
# the sum of the clusters' own scores ``s_c(g)``. The F type statistic weighs it by
# ``w'w``, which is its variance only where errors are alike and unrelated. Here
#
#     R(g) = b(g)' [ sum_c s_c(g) s_c(g)' ]^-1 b(g),
#
# the robust score statistic, maximised over the candidates. At a single ``g`` its
# distribution does not hang on the variances, so that candidates compete on equal
# terms. A threshold exists under the alternative only, hence the maximum and a
# distribution of its own (Davies 1977, Biometrika 64:247-254; Hansen 1996, Econometrica
# 64:413-430). Draws multiply each cluster's score of the null by a weight v_c, as
# Hansen's do (Kline & Santos 2012, J. Econometric Methods 1:23-41, on scores; Cameron,
# Gelbach & Miller 2008, Rev. Econ. Stat. 90:414-427, on clusters with the null
# imposed):
#
#     R*(g) = b*(g)' [ sum_c v_c^2 s_c(g) s_c(g)' ]^-1 b*(g),
#     b*(g) = sum_c v_c s_c(g).
#
# Signs leave the matrix as it is. With signs the test would be exact for any number of
# clusters, were their scores independent and symmetric; they hold estimates, so that it
# is approximate (Canay, Romano & Shaikh 2017, Econometrica 85:1013-1030). The
# thresholds of the null stay where they are in all draws.
#
# Three things follow from ``b`` being the sum of the ``s_c``.
#
# - Scores centred over the C clusters give ``R / (1 - R / C)``, by the Sherman-Morrison
#   formula: the same test. So does the Wald statistic with residuals of the
#   alternative, for one regime-dependent column and clusters of the same ``w'w``.
#   Elsewhere that one shrinks the scores of just those clusters that decide, and has no
#   bound where a single cluster does.
# - R is the squared length of the projection of C ones on the k columns of scores:
#   large only where many clusters agree, and never above C. A candidate that moves few
#   clusters cannot win by their small variance, and needs no rule of its own.
# - R does not depend on the scale of the outcome or of the columns.
#
# ``s_c(g) = u_c(g) - P(g)'h_c``, with ``u_c`` the running sum of ``z r`` over a
# cluster, ``Q`` an orthonormal basis of all that is taken out, ``h_c`` the cluster's
# sum of ``Q r``, and ``P(g)`` the loadings of the block. Row s, with ``a = z_s r_s``,
# adds ``a u' + u a' + a a'`` to ``sum_c u_c u_c'`` and ``a h_c'`` to ``sum_c u_c
# h_c'``. So all candidates cost O(N p (p + k^2)), whatever the number of clusters.
# Levels of the effect that is taken out by its means need no place in the basis where
# they lie inside clusters, for there the residual sums to zero; otherwise each takes a
# row.


@dataclass(frozen=True, slots=True)
class _Layout:
    """What no draw changes. Rows are in the order of q."""

    z: Floats  # (k, N) regime-dependent columns
    codes: Ints  # (N,) cluster of each row
    order: Ints  # (N,) rows by cluster, in the order of q within one
    starts: Ints  # (C,) where each cluster begins in `order`
    basis: Floats  # (p, N) orthonormal rows: all that is taken out
    loadings: Floats  # (k, p, N) their products with the regime block up to each row
    last: Ints  # (G,) last row of the low regime at each candidate
    ends: Floats  # (k, p, G) loadings there
    open: Bools  # (G,) where the threshold may lie

    def scores(self, rows: Floats) -> Floats:
        """Compute the scores (k, c, G) of rows (c, N)."""
        basis_products = rows @ self.basis.T
        out = np.empty((self.z.shape[0], rows.shape[0], self.last.size))
        for a, z in enumerate(self.z):
            out[a] = np.take(np.cumsum(rows * z, axis=1), self.last, axis=1)
            out[a] -= basis_products @ self.ends[a]
        return out

    def spread(self, row: Floats) -> tuple[Floats, Floats]:
        """Sum products of cluster scores (k, k, G), and row squares (k, G)."""
        parts = self.z * row
        after = self._running(parts)
        before = after - parts
        total = np.cumsum(parts[:, None] * after + before[:, None] * parts, axis=-1)
        sums = np.add.reduceat((self.basis * row)[:, self.order], self.starts, axis=1)
        for loading, basis_sums, half_products in zip(
            self.loadings.swapaxes(0, 1), sums, 0.5 * sums @ sums.T, strict=True
        ):
            half = np.cumsum(
                self.z * (half_products @ self.basis - row * basis_sums[self.codes]),
                axis=1,
            )
            cross = loading[:, None] * half
            total += cross + cross.swapaxes(0, 1)
        return total[..., self.last], np.cumsum(parts * parts, axis=1)[:, self.last]

    def _running(self, parts: Floats) -> Floats:
        """Sum along each cluster's rows; every row gets the sum up to itself."""
        total = np.cumsum(parts[:, self.order], axis=1)
        first = total[:, self.starts] - parts[:, self.order[self.starts]]
        out = np.empty_like(parts)
        out[:, self.order] = total
        return out - first[:, self.codes]

    def statistic(self, rows: Floats, spread: Floats, squares: Floats) -> Floats:
        """Compute b' Omega^-1 b (c, G) of rows (c, N); minus infinity if impossible.

        Spread (m, k, k, G) and squares (m, k, G) serve all members if m is 1.
        """
        gram, floor = np.moveaxis(spread, 0, 2), np.moveaxis(squares, 0, 1)
        out = quadratic_forms(gram, self.scores(rows), NO_SCORE * floor)
        out[:, ~self.open] = -np.inf
        return out


def _layout(
    search: Plan, null_at: tuple[int, ...], codes: Ints, threshold: int
) -> _Layout:
    candidates, groups = search.candidates, search.groups
    _, ranked = np.unique(codes[candidates.order], return_inverse=True)
    basis = [search.basis]
    if null_at:
        basis.append(search.blocks(null_at)[0].T)
    if not is_nested(groups.codes, ranked):
        levels = np.arange(groups.sizes.size)[:, None] == groups.codes
        basis.append(levels / np.sqrt(groups.sizes)[:, None])
    every = np.concatenate(basis)

    sizes = np.bincount(ranked)
    last = candidates.cuts - 1
    loadings = np.stack([np.cumsum(every * row, axis=1) for row in search.z])
    return _Layout(
        z=search.z,
        codes=ranked,
        order=np.argsort(ranked, kind="stable"),
        starts=np.cumsum(sizes) - sizes,
        basis=every,
        loadings=loadings,
        last=last,
        ends=loadings[..., last],
        open=candidates.open_to(threshold, np.array([null_at], dtype=np.intp))[0],
    )


def robust_profile(
    search: Plan, outcome: Floats, null_at: tuple[int, ...], threshold: int, codes: Ints
) -> Floats:
    """Compute the cluster-robust score statistic (G,) of one threshold more.

    `null_at` has the positions of the thresholds under the null; the tested threshold
    is numbered from 0. Between zero and the number of clusters; minus infinity where
    the threshold may not lie, or the clusters' scores do not span the columns of the
    block.
    """
    layout = _layout(search, null_at, codes, threshold)
    _, residual = split(search, outcome, null_at)
    spread, squares = layout.spread(residual)
    statistics = layout.statistic(residual[None], spread[None], squares[None])
    return np.asarray(statistics[0])


def drawn_robust(
    search: Plan,
    bootstrap: Scheme,
    outcome: Floats,
    null_at: tuple[int, ...],
    rng: np.random.Generator,
    *,
    reps: int,
    codes: Ints,
) -> Floats:
    """Draw the largest robust statistic (reps,) of one more threshold than the null.

    The scheme is ``"wild_cluster"``. The null's thresholds are the same in every draw.
    The uniform numbers are those of `draws.drawn_ratios`. Minus infinity in all draws
    where the data have no candidate.
    """
    layout = _layout(search, null_at, codes, len(null_at))
    _, residual = split(search, outcome, null_at)
    first = layout.order[layout.starts]
    # Webb's points, unlike signs, change the squares: then clusters, which are few, are
    # kept apart.
    by_cluster = bootstrap.size <= WEBB_CLUSTERS
    rows = (
        residual * (layout.codes == layout.codes[first, None])
        if by_cluster
        else residual[None, :]
    )
    spread, squares = (
        np.stack(part) for part in zip(*map(layout.spread, rows), strict=True)
    )
    largest = []
    for numbers in uniforms(search, bootstrap, rng, reps):
        weights = residual_draws(bootstrap, np.ones_like(residual), numbers)
        weighed = (spread, squares)
        if by_cluster:
            mass = weights[:, first] ** 2
            weighed = (np.tensordot(mass, spread, 1), np.tensordot(mass, squares, 1))
        statistics = layout.statistic(weights * residual, *weighed)
        largest.append(statistics.max(axis=1))
    return np.concatenate(largest)


# --- bounds on the likelihood ratio for confidence sets ------------------------------

# The set inverts ``LR(g) = (S(g) / S(ghat) - 1) df``, the other thresholds held. With
# ``c = -2 log(1 - sqrt(level))`` it is ``LR <= c`` if errors are homoskedastic (Hansen
# 1999, J. Econometrics 93:345-368, eq. 15), ``LR <= c eta2`` if their variance depends
# on the regressors (Hansen 2000, Econometrica 68:575-603, section 3.4). Both take a
# jump that shrinks as the sample grows, and a sample that is large.
#
# Draws can replace ``c``. With the estimate as their truth they have no proof and, in
# simulations, far too small quantiles: how well a jump is located depends on the few
# rows around it, and an estimate sits where they locate it well. (The bootstrap of rows
# is inconsistent under a fixed jump: Yu 2014, Econometric Theory 30:676-714; Seijo &
# Sen 2011, Annals of Statistics 39:424-461; Gonzalo & Wolf 2005, J. Econometrics
# 127:201-224, subsample for that reason.) Test inversion draws at each candidate as if
# it were the truth, so that the true one has its own rows around it (Hidalgo, Lee & Seo
# 2019, J. Econometrics 210:291-309).

# Ranks on each side of the border that the narrowest kernel reaches.
_FEWEST = 5
_POINTS = 200


def variance_parts(
    search: Plan,
    outcome: Floats,
    at: tuple[int, ...],
    threshold: int,
    q: Floats,
    df: float,
) -> Floats:
    """Estimate how the variance at a threshold differs from the ratio's assumption.

    The ratio is the sum of the result (N,): what each row adds, not negative, in the
    original order of rows.

    ``eta2 = E[(d'z)^2 e^2 | q = g] / (s2 E[(d'z)^2 | q = g])`` at ``g = ghat``, with
    ``d`` the change of the slopes across the threshold (Hansen 2000, section 3.4).
    Residuals of the fitted model stand for the errors: with ``m`` the diagonal of the
    matrix that takes all effects and columns out, their square has mean ``s2 m`` under
    homoskedasticity, and a row that changes regime moves the sum of squares by
    ``(d'z)^2 m``. Hence ``eta2 = sum w (d'z)^2 e^2 / (s2 sum w (d'z)^2 m)`` with
    ``s2 = S / df``: near 1 for homoskedastic errors, whatever the effects (under entity
    effects ``m`` is ``1 - 1/T_i`` up to the columns). The bound it gives on
    ``S(g) - S(ghat)`` does not depend on `df`.

    ``w`` is an Epanechnikov kernel in the ranks of ``q``, from 0 to 1, around the
    border between the regimes: a monotone transform of ``q`` changes nothing. The
    bandwidth is the one that minimises the mean squared error of the numerator at a
    point, ``h^5 = 15 v / (4 N b^2)``, at most 1, with ``b`` and ``v`` the quadratic
    coefficient and the residual variance of a regression of ``(d'z)^2 e^2`` on ranks
    and their squares. It is that of the program of Hansen (2000) with the numerator in
    place of the denominator (which does not show a variance that changes with ``q``),
    uniform ranks in place of ``q``, and the fifth root, which his program lacks. His
    other choice, the quadratic itself, can be negative.

    All are missing if the fit is exact or no row lies near enough to the threshold.
    Thresholds are numbered from 0.
    """
    n = search.nobs
    k = search.z.shape[0]
    candidates = search.candidates

    net_outcome = search.residuals(outcome)
    # The ratio has no units, and eighth powers of the outcome do not stand all of them.
    net_outcome = net_outcome / max(
        float(np.abs(net_outcome).max()), np.finfo(np.float64).tiny
    )
    basis, turn = search.blocks(at)
    heights = basis.T @ net_outcome
    residual = net_outcome - basis @ heights

    change = (
        np.linalg.solve(turn, heights)[k * threshold : k * (threshold + 1)] @ search.z
    )
    levels = 1 / search.groups.sizes[search.groups.codes]
    residual_maker = 1 - levels - (search.basis**2).sum(axis=0) - (basis**2).sum(axis=1)
    cut = int(candidates.cuts[at[threshold]])
    weights = _near(q[candidates.order], cut, change**2 * residual**2) * change**2

    total, supposed = float(residual @ residual), float(weights @ residual_maker)
    # What rounding leaves of an exact fit, or of rows without freedom, is no variance.
    floor = float(np.finfo(np.float64).eps) * n
    if not (
        total > floor * (net_outcome @ net_outcome) and supposed > floor * weights.sum()
    ):
        return np.full(n, np.nan)

    parts = np.empty(n)
    parts[candidates.order] = weights * residual**2 / supposed / (total / df)
    return parts


def _near(ranked: Floats, cut: int, values: Floats) -> Floats:
    """Weigh rows, in the order of q, by their ranks' distance from a border."""
    n = ranked.size
    _, inverse, counts = np.unique(ranked, return_inverse=True, return_counts=True)
    ranks = ((np.cumsum(counts) - counts / 2) / n)[inverse]
    curve = np.vander(ranks, 3)
    beta, *_ = np.linalg.lstsq(curve, values, rcond=None)
    spread = float(((values - curve @ beta) ** 2).mean())
    ratio = 15 * spread
    bend = 4 * n * float(beta[0]) ** 2
    bandwidth = (ratio / bend) ** 0.2 if ratio < bend else 1.0
    distance = (ranks - cut / n) / max(bandwidth, _FEWEST / n)
    return np.asarray(np.maximum(1 - distance**2, 0.0))


def drawn_bounds(
    search: Plan,
    bootstrap: Scheme,
    outcome: Floats,
    at: tuple[int, ...],
    threshold: int,
    rng: np.random.Generator,
    *,
    reps: int,
    level: float,
) -> Floats:
    """Draw a bound on the likelihood ratio at each candidate (Hidalgo et al. 2019).

    It is (G,); the candidate is taken as the truth. Half of 200 candidates are those of
    the least sums of squares, the others are evenly spaced; between them bounds are
    interpolated by ranks. All candidates have the same uniform numbers. The bound is
    the quantile `level` of `reps` draws, and the set keeps the candidates with
    ``S(g) / S(ghat) - 1`` at most this: no degrees of freedom.
    """
    plan, free = _hold(search, at, threshold)
    gain = drops(plan, open_search(plan, outcome))[0]
    admissible = np.flatnonzero(free & np.isfinite(gain))
    nearest = admissible[np.argsort(-gain[admissible], kind="stable")[: _POINTS // 2]]
    evenly = admissible[
        np.linspace(0, admissible.size - 1, _POINTS // 2).astype(np.intp)
    ]
    points = np.unique(np.concatenate([nearest, evenly]))
    bounds = np.zeros(points.size)
    for i, point in enumerate(points):
        statistics = _draw_statistics(
            plan, bootstrap, outcome, int(point), free, deepcopy(rng), reps
        )
        statistics = statistics[np.isfinite(statistics)]
        # A fit without residuals leaves no doubt.
        bounds[i] = np.quantile(statistics, level) if statistics.size else 0.0
    cuts = search.candidates.cuts
    return np.interp(cuts, cuts[points], bounds)


def _hold(search: Plan, at: tuple[int, ...], threshold: int) -> tuple[Plan, Bools]:
    """Add other thresholds to the fixed columns; find candidates left free."""
    others = [*at[:threshold], *at[threshold + 1 :]]
    free = search.candidates.open_to(threshold, np.array([others], dtype=np.intp))[0]
    free[at[threshold]] = True
    if not others:
        return search, free
    basis = search.blocks(others)[0].T
    loadings, explained = block_loadings(basis, search.z, search.candidates.cuts - 1)
    plan = replace(
        search,
        basis=np.concatenate([search.basis, basis]),
        loadings=np.concatenate([search.loadings, loadings], axis=1),
        gram=search.gram - explained[:, :, None],
    )
    return plan, free


def _draw_statistics(
    plan: Plan,
    bootstrap: Scheme,
    outcome: Floats,
    true: int,
    free: Bools,
    rng: np.random.Generator,
    reps: int,
) -> Floats:
    fit, residual = split(plan, outcome, (true,))
    ratios = []
    for draws, _ in demeaned_draws(plan, bootstrap, residual, rng, reps):
        state = start(plan, draws + fit)
        gain = drops(plan, state)
        true_gain = gain[:, true]
        best = np.maximum(np.where(free, gain, -np.inf).max(axis=1), true_gain)
        ssr = state.ssr - best
        exact = ssr <= np.finfo(np.float64).eps * plan.nobs * state.ssr
        ratios.append(
            np.where(exact, np.nan, (best - true_gain) / np.where(exact, 1.0, ssr))
        )
    return np.concatenate(ratios)
