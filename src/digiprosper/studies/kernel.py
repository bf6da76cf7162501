"""The slope of one regressor beside many sets of other columns, with its variance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.covariance import Vcov
from digiprosper.kernels.tolerances import NO_VARIANCE, PERFECT_FIT
from digiprosper.kernels.within import level_sums

_CACHED = 2**18


@dataclass(frozen=True, slots=True, eq=False)
class SetSlopes:
    """Slopes, standard errors and df of t beside each of S sets, (S,) each."""

    slopes: Floats
    std_errors: Floats
    df_t: Floats
    # False where the columns of a set are collinear or nearly so, the fit is perfect,
    # or the variance is negative or rounding: the numbers of these sets mean nothing
    regular: Bools


def set_slopes(
    y: Floats,
    x: Floats,
    sets: Bools,
    vcov_of: Callable[[int], Vcov],
    *,
    most_condition: float,
    obs_weights: Floats | None = None,
    memory: int = 2**28,
) -> SetSlopes:
    """Regress the outcome on each set of columns, and take the last one's slope.

    All columns are rotated once; a set is then a small triangular system that squares
    no condition number. By Frisch and Waugh (1933) the slope of the last column needs
    no other: it is the product of the outcome with what the column has beside the
    others, and its variance is a sum of squares of scores.

    `y` (N,) and `x` (N, p) are demeaned, no column is zero; `sets` (S, p) has the last
    column in all sets. `vcov_of` gives the covariance for a number of slopes: any but
    ``hc2``, ``hc3`` and ``crv3``. Columns are nearly collinear from the condition
    number `most_condition` on; `memory` is the bytes of a chunk.
    """
    weigh = 1.0 if obs_weights is None else np.sqrt(obs_weights)
    outcome, columns = y * weigh, (x.T * weigh).T
    scale = 1 / np.sqrt(np.einsum("ij,ij->j", columns, columns))
    # An orthonormal basis (N, m) of all columns, which may be collinear; coordinates of
    # the columns, scaled to unit length, and of the outcome; the outcome less its
    # projection.
    basis, triangle = np.linalg.qr(columns * scale)
    coordinates, heights = np.ascontiguousarray(triangle.T), basis.T @ outcome
    rest = outcome - basis @ heights
    length = float(np.sqrt(heights @ heights + rest @ rest))

    count, sizes = len(sets), sets.sum(axis=1)
    out = SetSlopes(
        np.empty(count),
        np.empty(count),
        np.empty(count),
        np.zeros(count, dtype=np.bool_),
    )
    for size in np.unique(sizes).tolist():
        vcov = vcov_of(size)
        chunk = max(1, memory // (8 * (5 * y.size + 6 * size * heights.size)))
        equal = np.flatnonzero(sizes == size)
        for start in range(0, equal.size, chunk):
            mine = equal[start : start + chunk]
            positions = np.nonzero(sets[mine])[1].reshape(-1, size)
            q, triangles = np.linalg.qr(coordinates[positions].transpose(0, 2, 1))
            products = np.einsum("smk,m->sk", q, heights)
            residuals = heights - np.einsum("smk,sk->sm", q, products)
            squares = np.einsum("sm,sm->s", residuals, residuals) + rest @ rest
            singular = np.linalg.svd(triangles, compute_uv=False)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                # The last column net of the others has this length, and the direction
                # of the last column of q.
                lengths = triangles[:, -1, -1] / scale[-1]
                influence = (q[:, :, -1] / lengths[:, None]) @ basis.T
                conditions = singular[:, 0] / singular[:, -1]
                out.slopes[mine] = products[:, -1] / lengths
                errors = residuals @ basis.T + rest
                variances, least = _variances(
                    errors, influence, squares * (1 / lengths**2), vcov
                )
            positive = variances > least
            out.std_errors[mine] = np.sqrt(np.where(positive, variances, np.nan))
            out.df_t[mine] = vcov.df_t
            fits = np.sqrt(squares) >= PERFECT_FIT * length
            out.regular[mine] = positive & fits & (conditions <= most_condition)
    return out


def _variances(
    errors: Floats, influence: Floats, spread: Floats, vcov: Vcov
) -> tuple[Floats, Any]:
    """Compute the variances of slopes (S,), and the largest that are rounding.

    `errors` and `influence` (S, N) are residuals and what an error moves the slope by;
    `spread` (S,) is the sum of squared residuals over the squared length of the column
    net of the others.
    """
    if vcov.cov_type == "unadjusted":
        return spread * vcov.parts[0].factor, 0.0
    scores = errors * influence
    total = np.zeros(len(scores))
    for part in vcov.parts:
        sums = (
            scores
            if part.codes is None
            else level_sums(part.codes, part.levels, scores.T).T
        )
        total += part.sign * part.factor * _squares(sums, part.lags)
    # A robust variance is a sum of squares.
    rounding = 0.0 if vcov.cov_type == "robust" else NO_VARIANCE
    return total, (rounding * np.abs(scores).sum(axis=1)) ** 2


def _squares(sums: Floats, lags: int) -> Floats:
    """Sum squares over groups, for Driscoll and Kraay with neighbouring periods."""
    total = np.einsum("sg,sg->s", sums, sums)
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        total = total + 2 * weight * np.einsum(
            "sg,sg->s", sums[:, lag:], sums[:, :-lag]
        )
    return np.asarray(total)


# --- draws ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class SetProjections:
    """Projections that give the slope of one regressor with S sets for any outcome.

    In coordinates of an orthonormal basis of all columns, a slope is a product with
    `influence`, and the fitted values of a set are a projection. So only the products
    of a drawn outcome with the basis, summed by cluster, are needed.
    """

    basis: Floats  # (N, m), rows sorted by cluster
    order: Ints  # (N,) the rows in this order
    starts: Ints  # (G,) first of these rows in each cluster
    influence: Floats  # (S, m)
    projections: Floats  # (S, m, m)
    products: Floats  # (m, G, m) products of the basis by cluster
    factors: Floats  # (S,) small-sample factors

    def drawn(self, outcomes: Floats) -> tuple[Floats, Floats]:
        """Compute slopes and clustered t of demeaned outcomes (N, R): (S, R) each."""
        rows = outcomes[self.order]
        sums = np.stack(
            [
                np.add.reduceat(column[:, None] * rows, self.starts)
                for column in self.basis.T
            ]
        )
        heights = sums.sum(axis=1)
        slopes = self.influence @ heights
        many = sums.shape[1] > len(sums) ** 2
        squares = (self._by_moments if many else self._by_cluster)(sums, heights)
        with np.errstate(divide="ignore", invalid="ignore"):
            return slopes, slopes / np.sqrt(self.factors[:, None] * squares)

    def _by_cluster(self, sums: Floats, heights: Floats) -> Floats:
        """Sum squared scores of clusters (S, R), from `sums` (m, G, R)."""
        m, groups, reps = sums.shape
        squares = np.empty((len(self.influence), reps))
        chunk = max(1, _CACHED // (groups * reps))
        for start in range(0, len(squares), chunk):
            influence = self.influence[start : start + chunk]
            through = (influence @ self.products.reshape(m, -1)).reshape(-1, groups, m)
            through = through @ self.projections[start : start + chunk]
            scores = influence @ sums.reshape(m, -1)
            scores -= (through.reshape(-1, m) @ heights).reshape(scores.shape)
            scores = scores.reshape(-1, groups, reps)
            squares[start : start + chunk] = np.einsum("sgr,sgr->sr", scores, scores)
        return squares

    def _by_moments(self, sums: Floats, heights: Floats) -> Floats:
        """Compute the same without a loop over clusters, if there are many.

        The score of a cluster is that of the errors beside all columns and of what the
        set omits. Sums over clusters of their squares and products serve all sets.
        """
        m, _, reps = sums.shape
        errors = sums - self.products @ heights
        by_draw = errors.transpose(2, 0, 1)
        of_errors = (by_draw @ by_draw.transpose(0, 2, 1)).reshape(reps, -1)
        crossed = np.tensordot(errors, self.products, axes=(1, 1))
        crossed = crossed.transpose(0, 2, 3, 1).reshape(m * m, -1)
        of_basis = np.tensordot(self.products, self.products, axes=(1, 1))
        of_basis = of_basis.transpose(0, 2, 1, 3).reshape(m * m, -1)
        squares = np.empty((len(self.influence), reps))
        chunk = max(1, _CACHED // (m * (m + reps)))
        for start in range(0, len(squares), chunk):
            some = slice(start, start + chunk)
            influence = self.influence[some]
            pairs = (influence[:, :, None] * influence[:, None]).reshape(-1, m * m)
            omitted = heights - self.projections[some] @ heights
            products = 2 * (pairs @ crossed).reshape(omitted.shape)
            products += (pairs @ of_basis).reshape(-1, m, m) @ omitted
            squares[some] = pairs @ of_errors.T + (products * omitted).sum(axis=1)
        return np.maximum(squares, 0)


def set_projections(
    x: Floats, sets: Bools, factors: Floats, codes: Ints
) -> SetProjections:
    """Prepare the slopes of the last column of `x` (N, p) beside each set (S, p).

    Columns are demeaned, times roots of weights, and not collinear in any set.
    """
    order = np.argsort(codes, kind="stable")
    scale = 1 / np.sqrt(np.einsum("ij,ij->j", x, x))
    basis, triangle = np.linalg.qr((x * scale)[order])
    coordinates, m = np.ascontiguousarray(triangle.T), basis.shape[1]
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    influence, projections = np.empty((len(sets), m)), np.empty((len(sets), m, m))
    sizes = sets.sum(axis=1)
    for size in np.unique(sizes).tolist():
        equal = np.flatnonzero(sizes == size)
        positions = np.nonzero(sets[equal])[1].reshape(-1, size)
        q, triangles = np.linalg.qr(coordinates[positions].transpose(0, 2, 1))
        influence[equal] = q[:, :, -1] * (scale[-1] / triangles[:, -1, -1])[:, None]
        projections[equal] = q @ q.transpose(0, 2, 1)
    products = np.stack(
        [np.add.reduceat(column[:, None] * basis, starts) for column in basis.T]
    )
    return SetProjections(
        basis, order, starts, influence, projections, products, factors
    )


def drawn_slope(x: Floats, outcomes: Floats, vcov: Vcov) -> tuple[Floats, Floats]:
    """Regress outcomes (N, R) on `x`: slope and t of the last, as in `set_slopes`."""
    scale = np.sqrt(np.einsum("ij,ij->j", x, x))
    q, triangle = np.linalg.qr(x / scale)
    length = triangle[-1, -1] * scale[-1]
    slopes = q[:, -1] @ outcomes / length
    errors = (outcomes - q @ (q.T @ outcomes)).T
    spread = np.einsum("rn,rn->r", errors, errors) / length**2
    variances, _ = _variances(errors, q[None, :, -1] / length, spread, vcov)
    with np.errstate(divide="ignore", invalid="ignore"):
        return slopes, slopes / np.sqrt(variances)
