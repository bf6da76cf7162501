"""CR2: bias-reduced clustered covariances, and degrees of freedom of their tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from digiprosper.checks import option_error
from digiprosper.errors import OptionError
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.chunks import rows_of_levels
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.slopes import Effect, Slope, codes_of, dummies
from digiprosper.kernels.tolerances import (
    COLLINEAR,
    FULL_LEVERAGE,
    PART_OF,
)
from digiprosper.kernels.within import pseudo_inverse_root, split_nested, within
from digiprosper.report.pickling import PickledByName

# Numbers in an array: 256 MB.
_MOST_CELLS = 2**25
# Levels whose products are decomposed; 4096 take a quarter of a minute.
_MOST_LEVELS = 2**12
# Products of a decomposition, added up over clusters: a minute.
_MOST_PRODUCTS = 2.0**37


@dataclass(frozen=True, slots=True, eq=False)
class BiasReduced(PickledByName):
    """Changes of the coefficients by cluster, and products of adjusted columns.

    With ``A_g`` the adjustment of cluster g and ``c_g`` its rows of ``X (X'X)^-1``, the
    variance of ``l'b`` is the sum of the squares of ``p_g'e``, where
    ``p_g = (I - H)_g' A_g c_g l``. For independent errors of equal variance the moments
    of these squares follow from ``p_g'p_h``, which is
    ``l'squares_g l [g = h] - (shared_g l)'(shared_h l)``.
    """

    # (G, k) ``c_g' A_g e_g``; the covariance is the sum of their outer products.
    # Missing for a coefficient that is not identified without the cluster.
    moved: Floats
    squares: Floats  # (G, k, k) ``(A_g c_g)'(A_g c_g)``
    # (G, p, k) ``U_g' A_g c_g``, where the rows of U are an orthonormal basis of the
    # regressors and of the effects that are not nested in clusters
    shared: Floats

    def df_t(self, weights: Floats) -> Floats:
        """Compute the degrees of freedom of t for q sums with weights (q, k).

        ``(sum p_g'p_g)^2 / sum (p_g'p_h)^2`` (Bell & McCaffrey 2002): a Satterthwaite
        approximation for independent errors of equal variance. Missing for a sum with
        no variance, or with a coefficient that is not identified without some cluster.
        """
        diagonal = np.einsum("qi,gij,qj->qg", weights, self.squares, weights)
        columns = np.einsum("gpk,qk->qgp", self.shared, weights)
        lengths = np.einsum("qgp,qgp->qg", columns, columns)
        squares = columns.transpose(0, 2, 1) @ columns
        total = (diagonal - lengths).sum(axis=1)
        # sum (p_g'p_h)^2 for p_g'p_h = diagonal_g [g = h] - columns_g'columns_h.
        fourth = (diagonal**2 - 2 * diagonal * lengths).sum(axis=1) + (squares**2).sum(
            axis=(1, 2)
        )
        unidentified = (weights[:, np.isnan(self.moved).any(axis=0)] != 0).any(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(unidentified, np.nan, total**2 / fourth)

    def df_wald(self, weights: Floats) -> float:
        """Compute eta, the degrees of freedom of the Wald statistic of q sums, (q, k).

        ``eta = q (q + 1) / sum Var(d_st)``, where d is the covariance over its
        expectation for independent errors of equal variance;
        ``(eta - q + 1) / (eta q)`` times the Wald statistic is compared with F(q, eta -
        q + 1) (Pustejovsky & Tipton 2018, AHT). With one sum eta is `df_t`. No sum is a
        combination of the others. Missing where the expected covariance has no inverse.
        """
        q = len(weights)
        columns = np.einsum("gpk,qk->qgp", self.shared, weights)
        diagonal = np.einsum("si,gij,tj->stg", weights, self.squares, weights)
        expected = diagonal.sum(axis=2) - np.einsum("sgp,tgp->st", columns, columns)
        values, vectors = np.linalg.eigh(expected)
        if not values[0] > 0:
            return float("nan")
        half = vectors.T / np.sqrt(values)[:, None]
        columns = np.einsum("as,sgp->agp", half, columns)
        diagonal = np.einsum("as,stg,bt->abg", half, diagonal, half)

        # Var(d_st) is the sum over g and h of P_ss P_tt + P_st P_ts, with P_st the
        # products p_g'p_h of the sums s and t. No matrix of all pairs of clusters is
        # formed.
        lengths = np.einsum("sgp,tgp->stg", columns, columns)
        of_sums, net = (np.einsum("ssg->g", x) for x in (diagonal, lengths))
        variance = of_sums @ (of_sums - 2 * net)
        variance += (diagonal * (diagonal - 2 * lengths)).sum()
        for first, second in product(columns, columns):
            between = first.T @ second
            variance += (between * (between + between.T)).sum()
        return q * (q + 1) / float(variance)


def bias_reduced(solved: Solved) -> BiasReduced:
    """Compute CR2, whose covariance is unbiased for independent, equal variances.

    ``A_g = (I - H_gg)^-1/2``, the symmetric root, with H the hat matrix of the
    regressors and of all effects (Bell & McCaffrey 2002; Pustejovsky & Tipton 2018).
    Effects that are nested in clusters are taken out first, which leaves the same
    covariance; all others stay in H. Directions that a cluster fits perfectly get the
    pseudo-inverse.

    The equation has no weights, and its intercept, if any, among the coefficients.
    Refuse effects with too many levels for a matrix of their products.
    """
    (part,) = solved.vcov.parts
    assert part.codes is not None
    influence = solved.score_columns @ solved.root.T
    regressors = np.linalg.qr(solved.score_columns)[0]
    groups, k = part.levels, influence.shape[1]
    columns, levels, span = _span_crossing_effects(
        solved.vcov.effects, part.codes, groups
    )
    width = regressors.shape[1] + span.shape[1]
    if groups * width * k > _MOST_CELLS:
        raise _too_large_error(
            f"{width:,} products with each of {k:,} coefficients in each of "
            f"{groups:,} clusters"
        )
    smaller = np.minimum(np.bincount(part.codes), width)
    # The rows of clusters are adjusted one after another.
    if float((smaller.astype(np.float64) ** 3).sum()) > _MOST_PRODUCTS:
        raise _too_large_error(
            f"the adjustment of {int(smaller.max()):,} rows with each other in "
            f"each of {groups:,} clusters"
        )
    moved, own_products = np.empty((groups, k)), np.empty((groups, k, k))
    shared = np.empty((groups, width, k))
    size = np.sqrt(np.einsum("nk,nk->k", influence, influence))
    for g, rows in enumerate(rows_of_levels(part.codes)):
        basis = np.hstack([regressors[rows], columns[rows] @ span[levels[g]]])
        adjusted, perfect = _adjust_cluster(basis, influence[rows])
        moved[g] = adjusted.T @ solved.residuals[rows]
        moved[g, np.linalg.norm(perfect, axis=0) > PART_OF * size] = np.nan
        own_products[g] = adjusted.T @ adjusted
        shared[g] = basis.T @ adjusted
    return BiasReduced(moved, own_products, shared)


def _adjust_cluster(basis: Floats, influence: Floats) -> tuple[Floats, Floats]:
    """Compute ``A_g c_g`` (n, k) with ``A_g = (I - UU')^-1/2``, for U of any length.

    Return the part of ``c_g`` in directions that the cluster fits perfectly too, a row
    a direction.
    """
    vectors, sizes, _ = np.linalg.svd(basis, full_matrices=False)
    inside, perfect = vectors.T @ influence, sizes**2 > 1 - FULL_LEVERAGE
    # The pseudo-inverse takes out what is fitted perfectly.
    change = np.where(perfect, 0.0, 1 - sizes**2)
    change[~perfect] **= -0.5
    return influence + vectors @ ((change - 1)[:, None] * inside), inside[perfect]


def _too_large_error(needed: str) -> OptionError:
    return option_error(
        "cov_type",
        "cr2",
        f"cov_type='cr2' is too large: it needs {needed}. Use 'crv3' or 'clustered'.",
    )


def _span_crossing_effects(
    effects: Sequence[Effect], clusters: Ints, groups: int
) -> tuple[Floats, Ints, Floats]:
    """Compute an orthonormal basis of effects that cross clusters, net of nested ones.

    A cluster has rows in few of the L levels, and only their m dummies (N, m) are
    written out. Also returns which level each is in a cluster (G, m), L where none, and
    what turns dummies into the basis (L + 1, rank), with a last row of zeros.
    """
    nested, crossing = split_nested(effects, clusters)
    n = clusters.size
    sizes = [int(codes_of(effect).max()) + 1 for effect in crossing]
    total = sum(sizes)
    inside = [
        _number_levels_within_clusters(codes_of(effect), clusters, groups)
        for effect in crossing
    ]
    width = sum(levels.shape[1] for _, levels in inside)
    if total > _MOST_LEVELS or width * n > _MOST_CELLS:
        raise _too_large_error(
            f"a column for each of the {total:,} levels of the effects that are "
            f"not nested in clusters, of which a cluster has up to {width:,}, with "
            f"{n:,} rows"
        )
    if not crossing:
        none = np.zeros((groups, 0), dtype=np.intp)
        return np.empty((n, 0)), none, np.empty((1, 0))
    starts = np.cumsum([0, *sizes])
    levels = np.hstack(
        [
            np.where(of_effect < 0, total, of_effect + start)
            for (_, of_effect), start in zip(inside, starts, strict=False)
        ]
    )
    columns = np.hstack(
        [
            dummies(Slope(codes, effect.column) if isinstance(effect, Slope) else codes)
            for effect, (codes, _) in zip(crossing, inside, strict=True)
        ]
    )
    before = _level_products(columns, clusters, levels, total).diagonal()
    if nested:
        columns = within(nested, n).demean(columns)
    products = _level_products(columns, clusters, levels, total)
    squares = products.diagonal()
    varying = squares > COLLINEAR**2 * before
    root = pseudo_inverse_root(products[np.ix_(varying, varying)], squares[varying])
    span = np.zeros((total + 1, root.shape[1]))
    span[:-1][varying] = root
    return columns, levels, span


def _number_levels_within_clusters(
    codes: Ints, clusters: Ints, groups: int
) -> tuple[Ints, Ints]:
    """Return numbers of levels within each cluster (N,), and levels (G, m) or -1."""
    count = int(codes.max()) + 1
    pairs, which = np.unique(clusters * count + codes, return_inverse=True)
    cluster = pairs // count
    number = (
        np.arange(pairs.size) - np.searchsorted(cluster, np.arange(groups))[cluster]
    )
    levels = np.full((groups, int(number.max()) + 1), -1, dtype=np.intp)
    levels[cluster, number] = pairs % count
    return number[which], levels


def _level_products(
    columns: Floats, clusters: Ints, levels: Ints, total: int
) -> Floats:
    """Add up the products of all pairs of levels over clusters: (L, L)."""
    products = np.zeros((total + 1, total + 1))
    for rows, used in zip(rows_of_levels(clusters), levels, strict=True):
        of_cluster = columns[rows]
        products[np.ix_(used, used)] += of_cluster.T @ of_cluster
    return products[:-1, :-1]
