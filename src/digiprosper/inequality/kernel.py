"""Gini by groups and its draws, further measures, and a Markov chain's long run.

Everything about pairs of incomes is an integral over the distance between neighbours in
rank: ``E|Y - Y'| = 2 int F (1 - F) dx`` and ``E(Y_j - Y_h)+ = int F_h (1 - F_j) dx``.
No term is negative, so that equal incomes give exactly zero, and groups that do not
overlap have exactly no transvariation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.resampling import draw_counts

_LOW = 0.5


def gini(y: Floats, obs_weights: Floats) -> float:
    """Compute a population's Gini coefficient: E|Y - Y'| / (2 mean).

    For y >= 0 with a positive mean.
    """
    order = np.argsort(y, kind="stable")
    size, income, spread = _gini_sums(y[order], obs_weights[order])
    return float(spread / (size * income))


def _gini_sums(x: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Sum weights, weights times x, and gaps of x times weight below and above.

    x ascends along its last axis, shape (N,) or (R, N); weights have shape (N,) or
    (R, N), one row per draw.
    """
    below = np.cumsum(weights, axis=-1)
    size = np.asarray(below[..., -1])
    between = below[..., :-1] * (size[..., None] - below[..., :-1])
    return size, np.vecdot(weights, x), np.vecdot(between, np.diff(x, axis=-1))


def relative_deprivation(y: Floats, obs_weights: Floats, codes: Ints) -> Floats:
    """Compute sums of w_j (y_j - y_i)+ over those of w_j y_j in the group of i: (N,).

    `codes` (N,) are 0..K-1. The sums of a group must be positive.
    """
    order = np.lexsort((-y, codes))
    out = np.empty(y.size)
    ends = np.cumsum(np.bincount(codes))
    for rows in np.split(order, ends[:-1]):
        x, w = y[rows], obs_weights[rows]
        # Gaps to the next richer, each times the weight of all who are richer.
        gaps = np.concatenate([[0.0], x[:-1] - x[1:]])
        richer = np.concatenate([[0.0], np.cumsum(w)[:-1]])
        out[rows] = np.cumsum(gaps * richer) / (w @ x)
    return out


def theil_l(y: Floats, obs_weights: Floats) -> float:
    """Compute Theil's L, the mean log deviation: mean ln(mean / y), y positive."""
    u = y / np.average(y, weights=obs_weights)
    # u - 1 has mean zero; added to each term it makes all of them non-negative, so that
    # no digits cancel.
    d = u - 1.0
    log = np.where(u > _LOW, np.log1p(np.maximum(d, -_LOW)), np.log(u))
    return float(np.average(d - log, weights=obs_weights))


def atkinson(y: Floats, obs_weights: Floats, epsilon: float) -> float:
    """Compute Atkinson's index: 1 - [mean (y / mean)^(1 - e)]^(1 / (1 - e)).

    At e = 1 it is the limit.

    y >= 0 with a positive mean, and positive if e >= 1.
    """
    if epsilon == 0.0 or y.min() == y.max():
        return 0.0
    power = 1.0 - epsilon
    if power == 0.0:
        return float(-np.expm1(-theil_l(y, obs_weights)))
    with np.errstate(divide="ignore"):
        exponent = power * np.log(y / np.average(y, weights=obs_weights))
    top = exponent.max()
    if np.abs(exponent).max() < 1.0:
        # Near e = 1 the mean is 1 plus very little, and that little is what counts.
        log_mean = np.log1p(np.average(np.expm1(exponent), weights=obs_weights))
    else:
        log_mean = top + np.log(np.average(np.exp(exponent - top), weights=obs_weights))
    return max(0.0, float(-np.expm1(log_mean / power)))


@dataclass(frozen=True, slots=True, eq=False)
class Dagum:
    """Gini coefficient decomposed by groups.

    `sizes` are sums of weights; `ginis` is NaN for a group of zeros. `ahead` (K, K) is
    ``E(Y_j - Y_h)+``, the mean lead of a member of j (row) over a member of h (column).
    """

    total: float
    within: float
    between: float
    transvariation: float
    sizes: Floats
    means: Floats
    ginis: Floats
    ahead: Floats


def dagum(y: Floats, groups: Ints, n_groups: int, obs_weights: Floats) -> Dagum:
    """Decompose the Gini coefficient by groups as Dagum (1997).

    `groups` are codes 0..K-1; the weights of every group have a positive sum.

    With n and m the size and mean of a group, p its share in rows and s in income, p_j
    s_h + p_h s_j is n_j n_h (m_j + m_h) / (n^2 m). The denominators of the pairs'
    coefficients cancel, and every part is a sum of n_j n_h E(Y_j - Y_h)+ over n^2 m.
    One sort, then one pass over the rows for each group.
    """
    order = np.argsort(y, kind="stable")
    x = y[order]
    codes = groups[order]
    weights = obs_weights[order]
    sizes = np.bincount(codes, weights, n_groups).astype(np.float64)
    means = np.bincount(codes, weights * x, n_groups) / sizes

    ahead = np.empty((n_groups, n_groups))
    gaps = np.diff(x)
    climbed = np.zeros(x.size)
    for h in range(n_groups):
        below = np.cumsum(np.where(codes == h, weights, 0.0))[:-1] / sizes[h]
        np.cumsum(gaps * below, out=climbed[1:])
        ahead[:, h] = np.bincount(codes, weights * climbed, n_groups) / sizes

    scale = sizes.sum() * (sizes @ means)
    within_groups = ahead.diagonal()
    # The poorer group's lead over the richer is the smaller of the two.
    overlap = np.triu(np.minimum(ahead, ahead.T) * sizes * sizes[:, None], 1)
    with np.errstate(invalid="ignore"):
        ginis = within_groups / means
    return Dagum(
        total=gini(y, obs_weights),
        within=float(sizes**2 @ within_groups / scale),
        between=gini(means, sizes),
        transvariation=float(2.0 * overlap.sum() / scale),
        sizes=sizes,
        means=means,
        ginis=ginis,
        ahead=ahead,
    )


# Values in ascending order, their clusters and weights, (n,) each: of all rows, then
# of each group.
RankedRows: TypeAlias = list[tuple[Floats, Ints, Floats]]


def rank_rows(
    y: Floats, groups: Ints, clusters: Ints, obs_weights: Floats
) -> RankedRows:
    """Sort the rows once for all draws; codes of groups and clusters have no gaps."""
    order = np.argsort(y, kind="stable")
    by_group = [order[groups[order] == group] for group in range(groups.max() + 1)]
    return [(y[rows], clusters[rows], obs_weights[rows]) for rows in (order, *by_group)]


def dagum_parts(ranked: RankedRows, counts: Floats) -> Floats:
    """Decompose the Gini coefficient of drawn clusters, (R, 4).

    The columns are G, within, between and transvariation. `counts` (R, C) is how often
    each cluster is in each draw. A group without a drawn cluster is left out. NaN if
    all drawn values are zero.
    """
    (size, income, spread), *by_group = [
        _gini_sums(x, counts[:, clusters] * weights) for x, clusters, weights in ranked
    ]
    sizes, incomes, spreads = (
        np.stack(parts, axis=1) for parts in zip(*by_group, strict=True)
    )
    # A group that is not drawn weighs nothing, and at the lower end it widens no gap
    # between others.
    means = incomes / np.where(sizes > 0.0, sizes, 1.0)
    order = np.argsort(means, axis=1)
    _, _, spread_of_means = _gini_sums(
        np.take_along_axis(means, order, 1), np.take_along_axis(sizes, order, 1)
    )
    with np.errstate(invalid="ignore"):
        total, within, between = np.stack(
            [spread, spreads.sum(axis=1), spread_of_means]
        ) / (size * income)
    # The rest is never negative but for rounding.
    return np.stack(
        [total, within, between, np.maximum(total - within - between, 0.0)], axis=1
    )


def dagum_draws(
    ranked: RankedRows,
    n_clusters: int,
    reps: int,
    seed: np.random.SeedSequence,
    *,
    memory: int = 2**22,
) -> Floats:
    """Draw clusters with replacement and decompose each draw, as `dagum_parts`.

    `memory` limits the bytes of the arrays of one chunk of draws: running sums are
    fastest in cache. Chunks do not change the draws.
    """
    generator = np.random.default_rng(seed)
    out = np.empty((reps, 4))
    numbers = 4 * ranked[0][0].size + 4 * n_clusters
    for part in chunks(reps, numbers, memory):
        counts = draw_counts(generator, n_clusters, part.stop - part.start)
        out[part] = dagum_parts(ranked, counts)
    return out


def ergodic(transitions: Floats) -> tuple[Floats, int]:
    """Compute the ergodic distribution p = p P of a Markov chain.

    Also its number of closed sets of classes.

    p is 0 for transient classes, and NaN if there are several closed sets, so that it
    depends on the start.
    """
    from scipy.sparse.csgraph import connected_components

    count, member = connected_components(
        transitions > 0, directed=True, connection="strong"
    )
    leaves = (transitions > 0) & (member[:, None] != member)
    closed = np.setdiff1d(np.arange(count), member[leaves.any(axis=1)])
    distribution = np.full(len(transitions), np.nan)
    if closed.size == 1:
        inside = np.flatnonzero(member == closed[0])
        system = np.eye(inside.size) - transitions[np.ix_(inside, inside)].T
        system[-1] = 1.0  # the equations add up to nothing: one gives way to the sum
        distribution[:] = 0.0
        distribution[inside] = np.linalg.solve(system, np.eye(inside.size)[-1])
    return distribution, int(closed.size)
