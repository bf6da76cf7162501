"""Cluster-robust test of one threshold more, and its wild cluster bootstrap.

With ``w(g)`` the regime block and ``r`` the residual of the null, effects, fixed
columns and the null's thresholds taken out of both, the score is ``b(g) = w(g)'r``, the
sum of the clusters' own scores ``s_c(g)``. The F type statistic weighs it by ``w'w``,
which is its variance only where errors are alike and unrelated. Here

    R(g) = b(g)' [ sum_c s_c(g) s_c(g)' ]^-1 b(g),

the robust score statistic, maximised over the candidates. At a single ``g`` its
distribution does not hang on the variances, so that candidates compete on equal terms.
A threshold exists under the alternative only, hence the maximum and a distribution of
its own (Davies 1977, Biometrika 64:247-254; Hansen 1996, Econometrica 64:413-430).
Draws multiply each cluster's score of the null by a weight v_c, as Hansen's do (Kline &
Santos 2012, J. Econometric Methods 1:23-41, on scores; Cameron, Gelbach & Miller
2008, Rev. Econ. Stat. 90:414-427, on clusters with the null imposed):

    R*(g) = b*(g)' [ sum_c v_c^2 s_c(g) s_c(g)' ]^-1 b*(g),    b*(g) = sum_c v_c s_c(g).

Signs leave the matrix as it is. With signs the test would be exact for any number of
clusters, were their scores independent and symmetric; they hold estimates, so that it
is approximate (Canay, Romano & Shaikh 2017, Econometrica 85:1013-1030). The thresholds
of the null stay where they are in all draws.

Three things follow from ``b`` being the sum of the ``s_c``.

- Scores centred over the C clusters give ``R / (1 - R / C)``, by the Sherman-Morrison
  formula: the same test. So does the Wald statistic with residuals of the alternative,
  for one regime-dependent column and clusters of the same ``w'w``. Elsewhere that one
  shrinks the scores of just those clusters that decide, and has no bound where a single
  cluster does.
- R is the squared length of the projection of C ones on the k columns of scores: large
  only where many clusters agree, and never above C. A candidate that moves few clusters
  cannot win by their small variance, and needs no rule of its own.
- R does not depend on the scale of the outcome or of the columns.

``s_c(g) = u_c(g) - P(g)'h_c``, with ``u_c`` the running sum of ``z r`` over a cluster,
``Q`` an orthonormal basis of all that is taken out, ``h_c`` the cluster's sum of
``Q r``, and ``P(g)`` the loadings of the block. Row s, with ``a = z_s r_s``, adds
``a u' + u a' + a a'`` to ``sum_c u_c u_c'`` and ``a h_c'`` to ``sum_c u_c h_c'``. So
all candidates cost O(N p (p + k^2)), whatever the number of clusters. Levels of the
effect that is taken out by its means need no place in the basis where they lie inside
clusters, for there the residual sums to zero; otherwise each takes a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.threshold import Plan, quadratic_forms, split
from digiprosper.kernels.tolerances import NO_SCORE
from digiprosper.kernels.within import is_nested
from digiprosper.linear.kernels.wild import WEBB_CLUSTERS
from digiprosper.threshold.kernels.draws import Scheme, residual_draws, uniforms


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
    return layout.statistic(residual[None], spread[None], squares[None])[0]


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
