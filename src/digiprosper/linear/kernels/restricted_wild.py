"""The wild cluster bootstrap of joint linear restrictions, from sums by cluster alone.

The null hypothesis is imposed, the residuals of each cluster are multiplied by one
random weight, and the Wald statistic of the draw is compared with that of the fit
(Cameron, Gelbach & Miller 2008; MacKinnon, Nielsen & Webb 2023, WCR-C). A draw needs of
each cluster only the scores and the cross products of its regressors: effects that are
nested in the clusters are exact, those that cross them (periods) keep the values of the
fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.covariance import rescaled_sandwich
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.least_squares import with_weights
from digiprosper.kernels.tolerances import LOST_WITHOUT, SINGULAR
from digiprosper.linear.kernels.wild import WildWeights, p_value_of_draws, wild_weights
from digiprosper.report.pickling import PickledByName

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
        wald_statistics(*drawn)
        for drawn in _refitted_draws(null, products, influence, order, signs)
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
