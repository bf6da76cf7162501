"""CR2: bias-reduced clustered covariances, and degrees of freedom of their tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from digiprosper.errors import OptionError, option_error
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.slopes import Effect, codes_of, dummies
from digiprosper.kernels.tolerances import COLLINEAR, FULL_LEVERAGE, PART_OF
from digiprosper.kernels.within import nested_apart, within
from digiprosper.report.pickling import PickledByName

# Numbers in an array: 256 MB.
_MOST_CELLS = 2**25


@dataclass(frozen=True, slots=True, eq=False)
class BiasReduced(PickledByName):
    """What each cluster adds to coefficients, and adjusted columns' products.

    With ``A_g`` the adjustment of cluster g and ``c_g`` its rows of ``X (X'X)^-1``, the
    variance of ``l'b`` is the sum of the squares of ``p_g'e``, where
    ``p_g = (I - H)_g' A_g c_g l``. For independent errors of equal variance the moments
    of these squares follow from ``p_g'p_h``, which is
    ``l'own_g l [g = h] - (shared_g l)'(shared_h l)``.
    """

    # (G, k) ``c_g' A_g e_g``; the covariance is the sum of their outer products.
    # Missing for a coefficient that is not identified without the cluster.
    moved: Floats
    own: Floats  # (G, k, k) ``(A_g c_g)'(A_g c_g)``
    # (G, p, k) ``U_g' A_g c_g``, where the rows of U are an orthonormal basis of the
    # regressors and of the effects that are not nested in clusters
    shared: Floats

    def df_t(self, weights: Floats) -> Floats:
        """Compute the degrees of freedom of t for q sums with weights (q, k).

        ``(sum p_g'p_g)^2 / sum (p_g'p_h)^2`` (Bell & McCaffrey 2002): a Satterthwaite
        approximation for independent errors of equal variance. Missing for a sum with
        no variance, or with a coefficient that is not identified without some cluster.
        """
        diagonal = np.einsum("qi,gij,qj->qg", weights, self.own, weights)
        columns = np.einsum("gpk,qk->qgp", self.shared, weights)
        lengths = np.einsum("qgp,qgp->qg", columns, columns)
        squares = np.einsum("qgp,qgr->qpr", columns, columns)
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
        diagonal = np.einsum("si,gij,tj->stg", weights, self.own, weights)
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
        variance = 0.0
        for s in range(q):
            for t in range(q):
                between = columns[s].T @ columns[t]
                lengths = np.einsum("gp,gp->g", columns[s], columns[t])
                variance += (
                    diagonal[s, s] @ diagonal[t, t] + diagonal[s, t] @ diagonal[t, s]
                )
                variance -= (
                    2 * diagonal[s, s] @ np.einsum("gp,gp->g", columns[t], columns[t])
                )
                variance -= 2 * diagonal[s, t] @ lengths
                variance += float((between**2).sum() + (between * between.T).sum())
        return q * (q + 1) / float(variance)


def bias_reduced(solved: Solved, *, memory: int = 2**28) -> BiasReduced:
    """Adjust each cluster's residuals: no bias of the covariance at equal variances.

    ``A_g = (I - H_gg)^-1/2``, the symmetric root, with H the hat matrix of the
    regressors and of all effects (Bell & McCaffrey 2002; Pustejovsky & Tipton 2018).
    Effects that are nested in clusters are taken out first, which leaves the same
    covariance; all others stay in H. Directions that a cluster fits perfectly get the
    pseudo-inverse.

    The equation has no weights, and its intercept, if any, among the coefficients.
    `memory` is the bytes of a chunk. Refuse effects with too many levels for a matrix
    of their columns.
    """
    (part,) = solved.vcov.parts
    assert part.codes is not None
    influence = solved.score_columns @ solved.root.T
    basis = np.linalg.qr(solved.score_columns)[0]
    if solved.vcov.effects:
        basis = np.column_stack(
            [basis, _columns_of_effects(solved.vcov.effects, part.codes)]
        )

    groups, width, k = part.levels, basis.shape[1], influence.shape[1]
    if groups * width * k > _MOST_CELLS:
        raise _too_large(
            f"{width:,} products with each of {k:,} coefficients in each of "
            f"{groups:,} clusters"
        )
    order = np.argsort(part.codes, kind="stable")
    starts = np.searchsorted(part.codes[order], np.arange(groups + 1))
    moved, own_products = np.empty((groups, k)), np.empty((groups, k, k))
    shared = np.empty((groups, width, k))
    chunk = max(1, memory // (8 * 4 * width * (width + k)))
    for first in range(0, groups, chunk):
        clusters = range(first, min(first + chunk, groups))
        rows = [order[starts[g] : starts[g + 1]] for g in clusters]
        leverage = np.array([basis[r].T @ basis[r] for r in rows])
        crossed = np.array([basis[r].T @ influence[r] for r in rows])
        squares = np.array([influence[r].T @ influence[r] for r in rows])
        heights = np.array([basis[r].T @ solved.residuals[r] for r in rows])
        scores = np.array([influence[r].T @ solved.residuals[r] for r in rows])

        vectors, factor, perfect = _adjustment(leverage)
        inside = np.einsum("gpe,gpk->gek", vectors, crossed)
        adjusted = np.einsum("gpe,ge,gek->gpk", vectors, factor, inside)
        positions = slice(first, first + len(rows))
        moved[positions] = scores + np.einsum("gpk,gp->gk", adjusted, heights)
        cross_terms = np.einsum("gpk,gpl->gkl", crossed, adjusted)
        through = leverage @ adjusted
        own_products[positions] = (
            squares
            + cross_terms
            + cross_terms.transpose(0, 2, 1)
            + np.einsum("gpk,gpl->gkl", adjusted, through)
        )
        shared[positions] = crossed + through

        perfect_part = np.where(perfect[:, :, None], inside, 0.0)
        size = np.sqrt(np.einsum("nk,nk->k", influence, influence))
        moved[positions][np.sqrt((perfect_part**2).sum(axis=1)) > PART_OF * size] = (
            np.nan
        )
    return BiasReduced(moved, own_products, shared)


def _adjustment(leverage: Floats) -> tuple[Floats, Floats, Bools]:
    """Find F in ``(I - UU')^-1/2 = I + U F U'`` from ``U'U``, for U of any length.

    Return the eigenvectors of F (G, p, p), its eigenvalues (G, p), and which directions
    a cluster fits perfectly.
    """
    values, vectors = np.linalg.eigh(leverage)
    perfect = values > 1 - FULL_LEVERAGE
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = (1 / np.sqrt(1 - values) - 1) / values
    # The limit for a direction that the cluster has no part in; the pseudo-inverse
    # takes perfect ones out.
    factor = np.where(np.abs(values) < FULL_LEVERAGE, 0.5, factor)
    return vectors, np.where(perfect, -1.0, factor), perfect


def _too_large(needed: str) -> OptionError:
    return option_error(
        "cov_type",
        "cr2",
        f"cov_type='cr2' needs {needed}: too many. Use cov_type='crv3' or 'clustered'.",
    )


def _columns_of_effects(effects: Sequence[Effect], clusters: Ints) -> Floats:
    """Span effects not nested in clusters, net of nested ones: (N, rank)."""
    from scipy.linalg import qr

    nested, crossing = nested_apart(effects, clusters)
    n = clusters.size
    levels = [int(codes_of(effect).max()) + 1 for effect in crossing]
    if sum(levels) * n > _MOST_CELLS:
        raise _too_large(
            f"a column for each of the {sum(levels):,} levels of the effects that are "
            f"not nested in clusters, with {n:,} rows each"
        )
    columns = np.hstack([np.empty((n, 0)), *map(dummies, crossing)])
    before = np.linalg.norm(columns, axis=0)
    if nested:
        columns = within(nested, n).demean(columns)
    lengths = np.linalg.norm(columns, axis=0)
    varying = lengths > COLLINEAR * before
    if not varying.any():
        return columns[:, varying]
    columns = columns[:, varying] / lengths[varying]
    basis, triangle, _ = qr(columns, mode="economic", pivoting=True)
    return np.asarray(basis[:, np.abs(np.diag(triangle)) > COLLINEAR])
