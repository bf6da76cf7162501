"""The slope of one regressor beside many sets of other columns, with its variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.kernels.tolerances import NO_VARIANCE, PERFECT_FIT
from digiprosper.kernels.within import level_sums

if TYPE_CHECKING:
    from collections.abc import Callable

    from digiprosper.kernels import Bools, Floats
    from digiprosper.kernels.covariance import Vcov


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
    """Sum squares over groups.

    With products of neighbouring periods under Driscoll and Kraay.
    """
    total = np.einsum("sg,sg->s", sums, sums)
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        total = total + 2 * weight * np.einsum(
            "sg,sg->s", sums[:, lag:], sums[:, :-lag]
        )
    return np.asarray(total)
