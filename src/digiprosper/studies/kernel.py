"""The slope of one regressor beside many sets of other columns, with its variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.kernels.tolerances import NO_VARIANCE, PERFECT_FIT
from digiprosper.kernels.within import level_sums

if TYPE_CHECKING:
    from collections.abc import Callable

    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.kernels.covariance import Vcov


@dataclass(frozen=True, slots=True, eq=False)
class SetSlopes:
    """Slopes, standard errors and degrees of freedom of t beside each of S sets, (S,) each."""

    slopes: Floats
    std_errors: Floats
    df_t: Floats
    # False where the columns of a set are collinear or nearly so, the fit is perfect, or the variance is
    # negative or rounding: the numbers of these sets mean nothing
    regular: Bools


@dataclass(frozen=True, slots=True, eq=False)
class _Rotated:
    """Columns and outcome in an orthonormal basis of all columns.

    With m the number of columns of the basis.
    """

    basis: Floats  # (N, m)
    columns: Floats  # (p, m) coordinates of each column, scaled to unit length
    outcome: Floats  # (m,) coordinates of the outcome
    rest: Floats  # (N,) outcome less its projection on all columns
    scale: float  # length of the last column, inverted


@dataclass(frozen=True, slots=True, eq=False)
class _Solved:
    """Sets of equally many columns: the last one net of the others, and the residuals."""

    slopes: Floats  # (S,)
    conditions: Floats  # (S,) of the columns scaled to unit length
    squares: Floats  # (S,) of the residuals, summed
    bread: Floats  # (S,) what the error variance is multiplied by
    errors: Floats  # (S, N) residuals
    influence: Floats  # (S, N) what an error moves the slope by


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
    """Regress the outcome on each set of columns, and take the slope of the last column.

    All columns are rotated once; a set is then a small triangular system that squares no condition number. By
    Frisch and Waugh (1933) the slope of the last column needs no other: it is the product of the outcome with
    what the column has beside the others, and its variance is a sum of squares of scores.

    `y` (N,) and `x` (N, p) are demeaned, no column is zero; `sets` (S, p) has the last column in all sets.
    `vcov_of` gives the covariance for a number of slopes: any but ``hc2``, ``hc3`` and ``crv3``. Columns
    are nearly collinear from the condition number `most_condition` on; `memory` is the bytes of a chunk.
    """
    rotated = _rotate(y, x, obs_weights)
    length = float(np.sqrt(rotated.outcome @ rotated.outcome + rotated.rest @ rotated.rest))
    count = len(sets)
    out = SetSlopes(np.empty(count), np.empty(count), np.empty(count), np.zeros(count, dtype=np.bool_))
    sizes = sets.sum(axis=1)
    for size in np.unique(sizes).tolist():
        vcov = vcov_of(size)
        chunk = max(1, memory // (8 * (5 * y.size + 6 * size * rotated.outcome.size)))
        equal = np.flatnonzero(sizes == size)
        for start in range(0, equal.size, chunk):
            mine = equal[start : start + chunk]
            solved = _solve(rotated, np.nonzero(sets[mine])[1].reshape(-1, size))
            variances, positive = _variances(solved, vcov)
            out.slopes[mine] = solved.slopes
            out.std_errors[mine] = np.sqrt(np.where(positive, variances, np.nan))
            out.df_t[mine] = vcov.df_t
            fits = np.sqrt(solved.squares) >= PERFECT_FIT * length
            out.regular[mine] = positive & fits & (solved.conditions <= most_condition)
    return out


def _rotate(y: Floats, x: Floats, obs_weights: Floats | None) -> _Rotated:
    """Find an orthonormal basis of all columns, which may be collinear."""
    weigh = 1.0 if obs_weights is None else np.sqrt(obs_weights)
    outcome, columns = y * weigh, (x.T * weigh).T
    scale = 1 / np.sqrt(np.einsum("ij,ij->j", columns, columns))
    basis, triangle = np.linalg.qr(columns * scale)
    heights = basis.T @ outcome
    return _Rotated(basis, np.ascontiguousarray(triangle.T), heights, outcome - basis @ heights, scale[-1])


def _solve(rotated: _Rotated, positions: Ints) -> _Solved:
    """Solve sets of equally many columns, whose positions are the rows of `positions`."""
    q, triangle = np.linalg.qr(rotated.columns[positions].transpose(0, 2, 1))
    heights = np.einsum("smk,m->sk", q, rotated.outcome)
    residuals = rotated.outcome - np.einsum("smk,sk->sm", q, heights)
    singular = np.linalg.svd(triangle, compute_uv=False)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # The last column net of the others has this length, and the direction of the last column of q.
        lengths = triangle[:, -1, -1] / rotated.scale
        return _Solved(
            slopes=heights[:, -1] / lengths,
            conditions=singular[:, 0] / singular[:, -1],
            squares=np.einsum("sm,sm->s", residuals, residuals) + rotated.rest @ rotated.rest,
            bread=1 / lengths**2,
            errors=residuals @ rotated.basis.T + rotated.rest,
            influence=(q[:, :, -1] / lengths[:, None]) @ rotated.basis.T,
        )


def _variances(solved: _Solved, vcov: Vcov) -> tuple[Floats, Bools]:
    """Compute the variances of the slopes, and tell which are positive and more than rounding."""
    with np.errstate(invalid="ignore", over="ignore"):
        if vcov.cov_type == "unadjusted":
            variances = solved.squares * solved.bread * vcov.parts[0].factor
            return variances, variances > 0
        scores = solved.errors * solved.influence
        total = np.zeros(len(scores))
        for part in vcov.parts:
            sums = scores if part.codes is None else level_sums(part.codes, part.levels, scores.T).T
            total += part.sign * part.factor * _squares(sums, vcov.bandwidth)
        least = 0.0
        if vcov.cov_type != "robust":
            least = (NO_VARIANCE * np.abs(scores).sum(axis=1)) ** 2
        return total, total > least


def _squares(sums: Floats, lags: int | None) -> Floats:
    """Sum squares over groups, with products of neighbouring periods under Driscoll and Kraay."""
    total = np.einsum("sg,sg->s", sums, sums)
    for lag in range(1, (lags or 0) + 1):
        weight = 1 - lag / ((lags or 0) + 1)
        total = total + 2 * weight * np.einsum("sg,sg->s", sums[:, lag:], sums[:, :-lag])
    return np.asarray(total)
