"""The slope of one regressor beside many sets of other columns, with its variance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from digiprosper.kernels import Bools, Floats
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.covariance import Vcov, score_variances
from digiprosper.kernels.tolerances import NO_VARIANCE, PERFECT_FIT

_CACHED = 2**21


def set_slopes(
    outcome: Floats,
    x: Floats,
    sets: Bools,
    vcov_of: Callable[[int], Vcov],
    *,
    most_condition: float = np.inf,
    obs_weights: Floats | None = None,
    memory: int = 2**28,
) -> tuple[Floats, Floats, Floats]:
    """Regress the outcome on each set of columns, and take the last one's slope.

    Returns slopes, standard errors and the degrees of freedom of t, (S,) each.
    Standard errors are missing, and slopes without meaning, where the columns of a set
    are collinear or nearly so, the fit is perfect, or the variance is negative or
    rounding.

    All columns are rotated once; a set is then a small triangular system that squares
    no condition number. By Frisch and Waugh (1933) the slope of the last column needs
    no other: it is the product of the outcome with what the column has beside the
    others, and its variance is a sum of squares of scores.

    `outcome` (N,) and `x` (N, p) are demeaned, no column is zero; `sets` (S, p) has the
    last column in all sets. `vcov_of` gives the covariance for a number of slopes:
    any but ``hc2``, ``hc3`` and ``crv3``. Columns are nearly collinear from the
    condition number `most_condition` on; `memory` is the bytes of a chunk.
    """
    root, basis, triangle, scale = _rotate(x, obs_weights)
    # Coordinates of the outcome, and what all columns leave of it.
    y = root * outcome
    heights = y @ basis
    unexplained_part = y - basis @ heights
    unexplained = unexplained_part @ unexplained_part
    length = np.sqrt(heights @ heights + unexplained)

    slopes, std_errors, df_t = np.empty((3, len(sets)))
    coordinates, sizes = np.ascontiguousarray(triangle.T), sets.sum(axis=1)
    for size in np.unique(sizes).tolist():
        vcov, equal = vcov_of(size), np.flatnonzero(sizes == size)
        for part in chunks(equal.size, 5 * y.size + 6 * triangle.size, memory):
            members = equal[part]
            positions = np.nonzero(sets[members])[1].reshape(-1, size)
            q, triangles = np.linalg.qr(coordinates[positions].transpose(0, 2, 1))
            singular = np.linalg.svd(triangles, compute_uv=False)
            residuals = heights - (q @ (heights @ q)[:, :, None])[:, :, 0]
            squares = np.einsum("sm,sm->s", residuals, residuals) + unexplained
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                # The last column net of the others has this length, and the direction
                # of the last column of q.
                net = triangles[:, -1, -1] / scale
                slopes[members] = q[:, :, -1] @ heights / net
                influence = (q[:, :, -1] / net[:, None]) @ basis.T
                conditions = singular[:, 0] / singular[:, -1]
                variances, least = _variances(
                    residuals @ basis.T + unexplained_part,
                    influence,
                    squares * (1 / net**2),
                    vcov,
                )
            imperfect = np.sqrt(squares) >= PERFECT_FIT * length
            regular = (variances > least) & imperfect & (conditions <= most_condition)
            std_errors[members] = np.sqrt(np.where(regular, variances, np.nan))
            df_t[members] = vcov.df_t
    return slopes, std_errors, df_t


def _rotate(
    x: Floats, obs_weights: Floats | None
) -> tuple[Floats, Floats, Floats, float]:
    """Decompose columns (N, p), which may be collinear.

    Returns the roots of weights (N,); of columns times these an orthonormal basis
    (N, m); in it the coordinates of the columns at unit length (m, p); and what the
    last one is multiplied by to have this length.
    """
    root = np.ones(len(x)) if obs_weights is None else np.sqrt(obs_weights)
    columns = root[:, None] * x
    scale = 1 / np.sqrt(np.einsum("ij,ij->j", columns, columns))
    basis, triangle = np.linalg.qr(columns * scale)
    return root, basis, triangle, scale[-1]


def _variances(
    errors: Floats, influence: Floats, spread: Floats, vcov: Vcov
) -> tuple[Floats, Any]:
    """Compute the variances of slopes (S,), and the largest that are rounding.

    `errors` (S, N) are residuals, and `influence` (S, N) what an error moves the slope
    by; `spread` (S,) is the sum of squared residuals over the squared length of
    the column net of the others.
    """
    if vcov.cov_type == "unadjusted":
        return spread * vcov.parts[0].factor, 0.0
    scores = errors * influence
    # A robust variance is a sum of squares.
    rounding = 0.0 if vcov.cov_type == "robust" else NO_VARIANCE
    least = (rounding * np.abs(scores).sum(axis=1)) ** 2
    return score_variances(scores.T, vcov), least


# --- draws ----------------------------------------------------------------------------


def set_slopes_in_draws(
    x: Floats,
    sets: Bools,
    vcov_of: Callable[[int], Vcov],
    obs_weights: Floats | None = None,
) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Return a function of outcomes (N, R): slopes and t, (S, R) each, by `set_slopes`.

    It is for many outcomes. In coordinates of an orthonormal basis of all columns, a
    slope is a product with `influence`, and the fitted values of a set are a
    projection. So only the products of an outcome with the basis, summed by cluster,
    are needed. Clusters are one-way, and columns are not collinear in any set.
    """
    from scipy import sparse

    root, basis, triangle, scale = _rotate(x, obs_weights)
    part = vcov_of(1).parts[0]
    clusters: Any = sparse.csr_array((root, (part.codes, np.arange(root.size))))

    def sums_by_cluster(columns: Floats) -> Floats:
        """Multiply with each column of the basis, and add up: (m, clusters, R)."""
        return np.stack([clusters @ (column * columns.T).T for column in basis.T])

    products = sums_by_cluster(basis / root[:, None])
    decomposed = [np.linalg.qr(triangle[:, members]) for members in sets]
    influence = np.array([q[:, -1] * scale / net[-1, -1] for q, net in decomposed])
    projections = np.array([q @ q.T for q, _ in decomposed])
    factors = np.array([[vcov_of(size).parts[0].factor] for size in sets.sum(axis=1)])

    def estimate(outcomes: Floats) -> tuple[Floats, Floats]:
        sums = sums_by_cluster(outcomes)
        heights = sums.sum(axis=1)
        slopes = influence @ heights
        squares = np.empty_like(slopes)
        for batch in chunks(len(sets), sums[0].size, _CACHED):
            scores = np.tensordot(influence[batch], sums, 1)
            scores -= np.tensordot(influence[batch], products, 1) @ (
                projections[batch] @ heights
            )
            squares[batch] = np.einsum("sgr,sgr->sr", scores, scores)
        with np.errstate(divide="ignore", invalid="ignore"):
            return slopes, slopes / np.sqrt(factors * squares)

    return estimate
