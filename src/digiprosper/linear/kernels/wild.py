"""The wild cluster bootstrap of one linear restriction, and of several jointly.

Of one restriction the draws hold for every null value at once. With the null imposed
the residuals are ``u + t v``: u those of the fit, t the statistic of the null value,
and v the regressor that the restriction is about, net of the others. Numerator and
cluster scores of a draw are therefore linear in t, and the square of its standard error
is quadratic. Five numbers a draw give its statistic under any null value, whatever the
number of rows.

Joint restrictions need sums by cluster alone. The null hypothesis is imposed, the
residuals of each cluster are multiplied by one random weight, and the Wald statistic of
the draw is compared with that of the fit (Cameron, Gelbach & Miller 2008; MacKinnon,
Nielsen & Webb 2023, WCR-C). A draw needs of each cluster only the scores and the cross
products of its regressors: effects that are nested in the clusters are exact, those
that cross them (periods) keep the values of the fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from digiprosper.errors import OptionError
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.covariance import rescaled_sandwich
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.least_squares import with_weights
from digiprosper.kernels.slopes import Effect, split_slopes
from digiprosper.kernels.tolerances import (
    LOST_WITHOUT,
    SAME_LEVEL,
    SINGULAR,
    TIED_DRAWS,
)
from digiprosper.kernels.within import (
    Within,
    level_sums,
    pseudo_inverse,
    split_nested,
    within,
)
from digiprosper.report.pickling import PickledByName

# Most clusters for which Webb's six points are used; signs alone give few different
# draws there.
WEBB_CLUSTERS = 12

_WEBB = (-np.sqrt(1.5), -1.0, -np.sqrt(0.5), np.sqrt(0.5), 1.0, np.sqrt(1.5))
_SIGNS = (-1.0, 1.0)
# Null values are searched from t = 0 up to here; what is not rejected there is not
# rejected anywhere.
_GRID = np.exp2(np.arange(-6.0, 20.25, 0.25))
_HALVINGS = 60
# Numbers that the products of clusters and levels may take, 1 GB.
_MOST = 2**27
_CACHED = 2**23
_ROWS = 32


# --- which weights --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WildWeights(PickledByName):
    """Weights that multiply the residuals of the clusters."""

    name: str  # "webb" (six points) or "rademacher" (signs)
    points: tuple[float, ...]  # values that a weight may have, with equal probability
    groups: int  # clusters G
    reps: int  # draws R
    # The draws are all ``points ** G`` combinations, each once, and nothing is random
    enumerated: bool

    def chunks(self, seed: np.random.SeedSequence, rows: int) -> Iterator[Floats]:
        """Yield the weights (rows, G), some draws at a time, whatever `rows`."""
        generator = np.random.default_rng(seed)
        values, size = np.array(self.points), len(self.points)
        for start in range(0, self.reps, rows):
            count = min(rows, self.reps - start)
            if self.enumerated:
                numbers = np.arange(start, start + count)[:, None]
                digits = numbers // size ** np.arange(self.groups) % size
            else:
                digits = (generator.random((count, self.groups)) * size).astype(np.intp)
            yield values[digits]


def wild_weights(groups: int, reps: int) -> WildWeights:
    """Choose the weights for a number of clusters.

    Webb's six points up to 12 clusters, signs (Rademacher) above (Webb 2023; MacKinnon,
    Nielsen & Webb 2023, section 5). All combinations are used where there are no more
    than draws.
    """
    name, points = (
        ("webb", _WEBB) if groups <= WEBB_CLUSTERS else ("rademacher", _SIGNS)
    )
    every = len(points) ** groups
    return WildWeights(name, points, groups, min(every, reps), every <= reps)


# --- sums by cluster ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class WildSums:
    """Sums by cluster from which draws are computed.

    First axis of `direct` and `through`: for u, and for v.

    With weights w the numerator is ``direct.sum(w)`` and the score of cluster g is
    ``scale * (w_g direct_g - loadings_g' (through' w))``.
    """

    # (2, G) sums by cluster of the direction times the (weighted) residuals
    direct: Floats
    # (2, G, q) sums by cluster of the residuals with what is estimated again in every
    # draw: effects that cross the clusters, and slopes
    through: Floats
    # (G, q) what one unit of these changes the score of each cluster by
    loadings: Floats
    scale: float  # root of the small-sample factor

    def scores(self) -> Callable[[Floats], list[Floats]]:
        """Return a function of weights (R, G): draws' scores (R, G) for u and v."""
        groups, width = self.loadings.shape
        if groups > 2 * width:
            parts = list(zip(self.direct, self.through, strict=True))
            return lambda w: [
                (w * direct - (w @ through) @ self.loadings.T) * self.scale
                for direct, through in parts
            ]
        # With few clusters one product is cheaper than two of low rank.
        whole = [
            (np.diag(direct) - through @ self.loadings.T) * self.scale
            for direct, through in zip(self.direct, self.through, strict=True)
        ]
        return lambda w: [w @ matrix for matrix in whole]


def wild_sums(
    equation: Solved, direction: Floats, absorbed: Within, codes: Ints, factor: float
) -> WildSums:
    """Compute the sums by cluster for the draws of one restriction.

    Errors e move the restricted combination by ``direction @ (w * e)``, in standard
    errors of the fit; `factor` is the small-sample factor of the covariance. Refuse
    effects that cross the clusters if their products exceed 2**27 numbers.
    """
    groups = int(codes.max()) + 1
    weights = equation.obs_weights
    score = with_weights(direction, weights)
    # Residuals of the fit, and what one unit of t adds to them.
    pair = np.stack([equation.residuals, direction / (score @ direction)], axis=1)

    through, loadings = _sum_crossing_effects(absorbed, pair, score, codes)
    slopes = level_sums(codes, groups, equation.x, score) @ equation.root
    scored = [
        level_sums(codes, groups, equation.score_columns, with_weights(u, weights))
        for u in pair.T
    ]
    return WildSums(
        direct=level_sums(codes, groups, pair, score).T,
        through=np.concatenate([through, np.stack(scored)], axis=2),
        loadings=np.hstack([loadings, slopes]),
        scale=float(np.sqrt(factor)),
    )


def _sum_crossing_effects(
    absorbed: Within, pair: Floats, score: Floats, codes: Ints
) -> tuple[Floats, Floats]:
    """Sum what crossing effects remove from a draw, by the cheaper of two ways."""
    groups = int(codes.max()) + 1
    effects = absorbed.effects_and_slopes or (np.zeros_like(codes),)
    nested, crossing = split_nested(effects, codes)
    if not crossing:
        return np.empty((2, groups, 0)), np.empty((groups, 0))
    constants, slopes = split_slopes(crossing)
    if slopes or groups <= sum(int(e.max()) + 1 for e in constants):
        return _by_demeaning(absorbed, pair, score, codes, groups)
    return _by_levels(constants, nested, pair, score, codes, absorbed.obs_weights)


def _by_demeaning(
    absorbed: Within, pair: Floats, score: Floats, codes: Ints, groups: int
) -> tuple[Floats, Floats]:
    """Demean the residuals of each cluster alone: (2, G, G) and (G, G)."""
    _refuse_many(groups, groups)
    removed = np.empty((2, groups, groups))
    for columns in chunks(groups, codes.size, 8 * _CACHED):
        inside = codes[:, None] == np.arange(columns.start, columns.stop)
        for j in range(2):
            score_column = np.where(inside, pair[:, j, None], 0.0)
            sums = level_sums(
                codes, groups, score_column - absorbed.demean(score_column), score
            )
            removed[j, columns] = sums.T
    return removed, np.eye(groups)


def _by_levels(
    crossing: Sequence[Ints],
    nested: Sequence[Effect],
    pair: Floats,
    score: Floats,
    codes: Ints,
    weights: Floats | None,
) -> tuple[Floats, Floats]:
    """Sum by cluster and level of the crossing effects: (2, G, L) and (G, L).

    Restricted residuals add up to zero in every level of a nested effect, whatever the
    weights of the clusters, so that only the crossing effects, net of the nested ones,
    are estimated again.
    """
    groups, sizes = int(codes.max()) + 1, [int(e.max()) + 1 for e in crossing]
    _refuse_many(groups, sum(sizes))

    def cells(values: Floats) -> Floats:
        parts = [
            np.bincount(
                codes * size + e, weights=values, minlength=groups * size
            ).reshape(groups, size)
            for e, size in zip(crossing, sizes, strict=True)
        ]
        return np.hstack(parts)

    through = np.stack([cells(with_weights(u, weights)) for u in pair.T])
    return through, cells(score) @ _inverse_of_products(
        crossing, sizes, nested, weights
    )


def _inverse_of_products(
    crossing: Sequence[Ints],
    sizes: Sequence[int],
    nested: Sequence[Effect],
    weights: Floats | None,
) -> Floats:
    """Pseudo-invert products (L, L) of crossing dummies net of nested effects."""
    n = crossing[0].size
    demean = within(nested, n, obs_weights=weights).demean if nested else np.asarray

    def sums(columns: Floats) -> Floats:
        pairs = zip(crossing, sizes, strict=True)
        return np.vstack([level_sums(e, k, columns, weights) for e, k in pairs])

    products = []
    for codes, size in zip(crossing, sizes, strict=True):
        for part in chunks(size, n, 8 * _CACHED):
            dummies = codes[:, None] == np.arange(part.start, part.stop)
            products.append(sums(demean(dummies.astype(np.float64))))
    counts = sums(np.ones((n, 1)))[:, 0]
    return pseudo_inverse(np.hstack(products), counts)[0]


def _refuse_many(groups: int, levels: int) -> None:
    if groups * levels > _MOST:
        raise OptionError(
            f"effects not nested in the {groups:,} clusters have {levels:,} levels or "
            f"more: their products would need {groups * levels:.2g} numbers, and "
            f"{_MOST:.2g} is the limit. Absorb effects with fewer levels, or specify "
            "clusters in which they are nested."
        )


# --- draws ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class WildDraws(PickledByName):
    """Draws as functions of the null, by t = (estimate - null) / standard error."""

    # (R, 2) the estimate of a draw less the null value, in standard errors of the fit,
    # is ``n0 + n1 t``
    numerators: Floats
    # (R, 3) the square of its standard error, in the same units, is
    # ``q0 + 2 q1 t + q2 t^2``
    squares: Floats
    # Pickles have these; the test has them in its `detail`.
    weights: str  # "webb" or "rademacher"
    enumerated: bool  # the draws are all combinations of weights, each once

    def statistic(self, t: float) -> float:
        """Return the statistic of the data under the null that gives the fit `t`."""
        return t

    def at(self, t: float) -> Floats:
        """Return the statistic of each draw (R,) under this null; NaN for 0 / 0."""
        top = self.numerators[:, 0] + t * self.numerators[:, 1]
        square = self.squares[:, 0] + t * (
            2 * self.squares[:, 1] + t * self.squares[:, 2]
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(top / np.sqrt(np.maximum(square, 0.0)))


def wild_draws(
    sums: WildSums,
    weights: WildWeights,
    seed: np.random.SeedSequence,
    *,
    memory: int = 2**28,
) -> WildDraws:
    """Draw the statistic under every null: five numbers a draw; `memory` of a chunk."""
    numerators = np.empty((weights.reps, 2))
    squares = np.empty((weights.reps, 3))
    bytes_per_draw = 8 * (5 * weights.groups + 2 * sums.loadings.shape[1])
    rows = max(1, min(memory // bytes_per_draw, max(_CACHED // bytes_per_draw, _ROWS)))
    start, scores = 0, sums.scores()
    for chunk in weights.chunks(seed, rows):
        rows_drawn = slice(start, start + len(chunk))
        numerators[rows_drawn] = chunk @ sums.direct.T
        first, second = scores(chunk)
        for j, (a, b) in enumerate([(first, first), (first, second), (second, second)]):
            squares[rows_drawn, j] = np.einsum("rg,rg->r", a, b)
        start += len(chunk)
    return WildDraws(numerators, squares, weights.name, weights.enumerated)


def p_value_of_draws(drawn: Floats, t: float, *, enumerated: bool) -> float:
    """Compute the p-value: the share of draws at least as far from zero, never 0.

    If they are enumerated, the draws are all there are and the data are one of them:
    the share itself. If not, ``(1 + #) / (R + 1)``. A missing draw counts as beyond;
    one that is nearer to zero by less than 1e-9 of the statistic is a tie, and counts.
    """
    size = abs(t)
    beyond = int((~(np.abs(drawn) < size - TIED_DRAWS * max(size, 1.0))).sum())
    if enumerated:
        return max(beyond, 1) / drawn.size
    return (1 + beyond) / (drawn.size + 1)


class Draws(Protocol):
    """Draws of a statistic as functions of the null value of a restriction."""

    def statistic(self, t: float) -> float:
        """Return the statistic of the data under the null that gives the fit `t`."""

    def at(self, t: float) -> Floats:
        """Return the statistic of each draw (R,) under the null with this `t`."""


def invert_test(draws: Draws, level: float, *, enumerated: bool) -> tuple[float, float]:
    """Find the smallest interval around 0 of all t whose null is not rejected.

    A null value is rejected where ``p <= 1 - level``, with the same draws for all;
    `enumerated` says whether they are all combinations of weights. An end is infinite
    where no value up to a million is rejected.
    """

    def kept(t: float) -> bool:
        statistic = draws.statistic(t)
        p = p_value_of_draws(draws.at(t), statistic, enumerated=enumerated)
        return p > 1 - level + SAME_LEVEL

    def end(sign: float) -> float:
        inside = [kept(sign * t) for t in _GRID.tolist()]
        last = max((i for i, stays in enumerate(inside) if stays), default=-1)
        if last == _GRID.size - 1:
            return sign * np.inf
        low, high = (0.0 if last < 0 else float(_GRID[last])), float(_GRID[last + 1])
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if kept(sign * middle) else (low, middle)
        return sign * low

    return end(-1.0), end(1.0)


# --- joint restrictions ---------------------------------------------------------------


REPS = 999
SEED = 2011
MOST_CLUSTERS = 1_000
_NORMAL_REPS = 20_000
# Numbers that the sums of one fit may take, 8 MB.
_MOST_NUMBERS = 2**20
# Cells up to which all products of a row are formed at once.
_SMALL = 2**20


@dataclass(frozen=True, slots=True, eq=False)
class ClusterSums(PickledByName):
    """Sums by cluster from which the scores of every draw follow.

    Z (N, m) are the columns that residuals are multiplied with, those of
    `Solved.score_columns`: errors e move the coefficients by ``root @ Z' e``, and so
    the fitted values by ``V (sum of products)^-1 Z' e``. V is Z in least squares; with
    instruments Z are the projected regressors and V the regressors.
    """

    root: Floats  # (k, m)
    scores: Floats  # (G, m) ``Z_g' e_g``
    products: Floats  # (G, m, m) ``Z_g' V_g``

    @property
    def groups(self) -> int:
        """Return the number of clusters."""
        return len(self.scores)


def keeps_cluster_sums(groups: int, columns: int) -> bool:
    """Return whether cluster sums are stored for so many clusters and columns."""
    numbers = groups * columns * (columns + 1)
    return groups <= MOST_CLUSTERS and numbers <= _MOST_NUMBERS


def cluster_sums(equation: Solved, codes: Ints, groups: int) -> ClusterSums | None:
    """Sum scores and products by cluster; None with too many clusters or columns."""
    m = equation.score_columns.shape[1]
    if not keeps_cluster_sums(groups, m):
        return None
    moved = equation.score_columns if equation.moved is None else equation.moved
    columns = np.concatenate([moved, equation.residuals[:, None]], axis=1)
    sums = products_by_cluster(
        equation.score_columns, columns, codes, groups, equation.obs_weights
    )
    return ClusterSums(equation.root, sums[:, :, m], sums[:, :, :m])


def products_by_cluster(
    z: Floats, columns: Floats, codes: Ints, groups: int, obs_weights: Floats | None
) -> Floats:
    """Compute ``Z_g' C_g`` (G, m, p) of Z (N, m) and columns (N, p), weighted.

    `codes` (G, N, N) are products of N orthonormal columns by cluster where Z and C are
    combinations of these.
    """
    if codes.ndim == 3:
        return np.asarray(z.T @ codes @ columns)
    weighted = with_weights(z, obs_weights)
    if (codes[1:] < codes[:-1]).any():
        order = np.argsort(codes, kind="stable")
        codes, weighted, columns = codes[order], weighted[order], columns[order]
    sizes = np.bincount(codes, minlength=groups)
    if (sizes == sizes[0]).all():  # as in balanced panels: one product of matrices
        weighted, columns = (
            part.reshape(groups, -1, part.shape[1]) for part in (weighted, columns)
        )
        return np.asarray(weighted.transpose(0, 2, 1) @ columns)
    ends = np.append(0, np.cumsum(sizes))
    if weighted.size * columns.shape[1] <= _SMALL:
        return np.add.reduceat(weighted[:, :, None] * columns[:, None, :], ends[:-1])
    blocks = pairwise(ends.tolist())
    return np.stack(
        [weighted[first:last].T @ columns[first:last] for first, last in blocks]
    )


def restricted_wild_test(
    sums: ClusterSums,
    weights: Floats,
    gap: Floats,
    *,
    restricted: Floats | None = None,
    reps: int = REPS,
    seed: int = SEED,
) -> tuple[float, str]:
    """Test that sums of coefficients with weights (q, k) have given values.

    `gap` (q,) is the sums less their values under the null. `restricted` (G, m) are the
    scores ``Z_g' u_g`` of the residuals under the null, where another estimate than
    restricted least squares gives them. Returns the p-value and the name of the method.
    """
    signs = wild_weights(sums.groups, reps)
    statistic, draws = wild_statistics(
        sums, weights, gap, _weight_chunks(signs, len(gap), seed), restricted=restricted
    )
    p_value = p_value_of_draws(draws, statistic, enumerated=signs.enumerated)
    every = "all " if signs.enumerated else ""
    return p_value, f"restricted wild cluster bootstrap, {every}{signs.reps:,} draws"


def _weight_chunks(signs: WildWeights, q: int, seed: int) -> Iterator[Floats]:
    """Yield the weights of the clusters, as many draws as fit into memory."""
    rows = max(1, 2**24 // (8 * signs.groups * q))
    return signs.chunks(np.random.SeedSequence(seed), rows)


def wild_statistics(
    sums: ClusterSums,
    weights: Floats,
    gap: Floats,
    signs: Iterable[Floats],
    *,
    restricted: Floats | None = None,
) -> tuple[float, Floats]:
    """Compute the Wald statistics of the fit and of draws, without factor.

    `signs` are arrays (R, G) of the weights of the clusters. They go to the clusters in
    an order that the data give, so that the p-value does not depend on their names.
    """
    # Columns get sums of squares of one, or the largest unit would drown the others.
    size = np.sqrt(np.diag(sums.products.sum(axis=0)))
    fitted, products = sums.scores / size, sums.products / size / size[:, None]
    # Of coefficients that are nearly collinear sums are far better known than
    # differences.
    basis, triangle = np.linalg.qr((weights @ sums.root * size).T)
    influence, gap = basis.T, np.linalg.solve(triangle.T, gap)
    # Restrictions are turned so that their covariance in the fit is the identity:
    # neither units nor the basis of the restrictions matter.
    by_cluster = fitted @ influence.T
    values, vectors = np.linalg.eigh(by_cluster.T @ by_cluster)
    turned = (vectors / np.sqrt(values)).T
    influence, gap = turned @ influence, turned @ gap

    if restricted is None:
        total = products.sum(axis=0)
        shift = influence.T @ np.linalg.solve(influence @ total @ influence.T, gap)
        null = fitted + products @ shift
    else:
        null = restricted / size
    order = np.argsort(null @ influence.T @ gap, kind="stable")
    draws = [
        wald_statistics(*refit)
        for refit in _refitted_draws(null, products, influence, order, signs)
    ]
    return float(gap @ gap), np.concatenate(draws)


def _refitted_draws(
    scores: Floats,
    products: Floats,
    influence: Floats,
    order: Ints,
    signs: Iterable[Floats],
) -> Iterator[tuple[Floats, Floats]]:
    """Multiply the scores (G, m) by weights of clusters, in their order, and refit.

    Yields what the q sums move by (R, q), and their scores by cluster (R, G, q).
    """
    direct = scores @ influence.T  # (G, q)
    through = influence @ products @ np.linalg.inv(products.sum(axis=0))  # (G, q, m)
    scores, direct, through = scores[order], direct[order], through[order]
    for v in signs:
        moments = v @ scores
        refitted = np.einsum("gql,rl->rgq", through, moments)
        yield moments @ influence.T, v[:, :, None] * direct - refitted


def band_critical(sums: ClusterSums, weights: Floats, level: float) -> float:
    """Compute the critical value of a band for all of q sums with weights (q, k).

    It is the quantile of the largest absolute t statistic over draws: the scores of the
    clusters times random weights, with the standard errors computed again in every draw
    (wild cluster bootstrap without restrictions).
    """
    influence = weights @ sums.root
    influence /= np.linalg.norm(sums.scores @ influence.T, axis=0)[:, None]
    # In the order of the data, whatever the names of the clusters.
    order = np.argsort(((sums.scores @ influence.T) ** 2).sum(axis=1), kind="stable")
    signs = _weight_chunks(wild_weights(sums.groups, REPS), len(weights), SEED)
    largest = []
    for changes, scores in _refitted_draws(
        sums.scores, sums.products, influence, order, signs
    ):
        # Without a variance (all weights the same) a draw says nothing.
        errors = np.linalg.norm(scores, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.abs(changes) / errors
        largest.append(np.where(errors > SINGULAR, ratios, np.inf).max(axis=1))
    return float(np.quantile(np.concatenate(largest), level, method="higher"))


def multivariate_t_critical(covariance: Floats, df: float, level: float) -> float:
    """Compute the critical value of a multivariate t band (normal if df is inf)."""
    rng = np.random.default_rng(SEED)
    sizes = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / sizes / sizes[:, None])
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = rng.standard_normal((_NORMAL_REPS, len(root))) @ root.T
    scale: Floats | float = 1.0
    if np.isfinite(df):
        scale = np.sqrt(rng.chisquare(df, _NORMAL_REPS) / df)
    return float(np.quantile(np.abs(normal).max(axis=1) / scale, level))


def wald_statistics(gaps: Floats, scores: Floats) -> Floats:
    """Compute Wald statistics (R,); infinite where the covariance has no inverse.

    `gaps` (R, q) are the sums of a draw less their values under the null, `scores`
    (R, G, q) its scores by cluster.
    """
    values, vectors = np.linalg.eigh(np.einsum("rgq,rgp->rqp", scores, scores))
    heights = np.einsum("rqp,rq->rp", vectors, gaps)
    singular = values[:, 0] <= SINGULAR * values[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = np.sum(heights**2 / values, axis=1)
    return np.asarray(np.where(singular, np.inf, statistics))


def variation_by_cluster(sums: ClusterSums, influence: Floats) -> Floats:
    """Compute the share (G, q) of each cluster in the variation behind each sum.

    `influence` (q, m) is how far scores move the sums of coefficients.
    """
    squares = np.einsum("gqm,qm->gq", influence @ sums.products, influence)
    return np.asarray(squares / squares.sum(axis=0))


def jackknife_covariance(sums: ClusterSums, weights: Floats) -> Floats:
    """Compute the CRV3 covariance (q, q) of sums of coefficients with weights (q, k).

    ``(G - 1) / G`` times the sum of products of the changes when one cluster is left
    out (MacKinnon, Nielsen & Webb 2023). Missing if a cluster cannot be left out.
    """
    total = sums.products.sum(axis=0)
    changes = leave_one_out_changes(sums.products, sums.scores)
    changes = changes @ (weights @ sums.root @ total).T
    return np.asarray((sums.groups - 1) / sums.groups * changes.T @ changes)


def leave_one_out_changes(products: Floats, scores: Floats) -> Floats:
    """Compute minus the changes (G, m) without each cluster.

    They are ``(sum of products - products_g)^-1 scores_g``; `products` (G, m, m) and
    `scores` (G, m). Missing where the coefficients are not identified without the
    cluster.
    """
    total = products.sum(axis=0)
    size = np.sqrt(np.diag(total))
    # With instruments the products of a cluster are not symmetric.
    without = (total - products) / size / size[:, None]
    left_axes, values, right_axes = np.linalg.svd(without)
    identified = (values > LOST_WITHOUT).all(axis=1, keepdims=True)
    heights = np.einsum("gmk,gm->gk", left_axes, scores / size)
    heights /= np.where(identified, values, np.nan)
    return np.asarray(np.einsum("gkm,gk->gm", right_axes, heights) / size)


def added_covariance(ways: Sequence[ClusterSums]) -> tuple[Floats, Floats]:
    """Add the covariances clustered in each way: root (k, m) and middle (m, m).

    The usual one subtracts the covariance of the intersections and may be indefinite;
    the sum is positive semidefinite, and larger (Davezies, D'Haultfoeuille & Guyonvarch
    2021).
    """
    middles = [
        way.groups / (way.groups - 1) * way.scores.T @ way.scores for way in ways
    ]
    return rescaled_sandwich(ways[0].root, np.sum(middles, axis=0))
