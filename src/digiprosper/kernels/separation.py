"""Separated rows, which a likelihood fits perfectly, so that it has no maximum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from digiprosper.errors import IdentificationError
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.least_squares import dependences
from digiprosper.kernels.reweighted import (
    LOGIT,
    POISSON,
    Family,
    reweighted_least_squares,
)
from digiprosper.kernels.slopes import Effect, Slope, codes_of
from digiprosper.kernels.tolerances import (
    ABSORBED,
    LP_FEASIBLE,
    NO_DIVISION,
    SAME_INDEX,
    SEPARATED,
    SEPARATED_MEAN,
)
from digiprosper.kernels.within import effects_in_rows, within


def mark_empty_levels(y: Floats, effects: Sequence[Effect]) -> Bools:
    """Mark rows (N,) in a level of an effect whose outcomes are all zero."""
    codes = [effect for effect in effects if not isinstance(effect, Slope)]
    keep = np.ones(y.size, dtype=np.bool_)
    while True:
        before = int(keep.sum())
        for code in codes:
            keep &= np.bincount(code[keep], y[keep], int(code.max()) + 1)[code] > 0
        if int(keep.sum()) == before:
            return ~keep


def separated_rows(
    y: Floats, x: Floats, effects: Sequence[Effect]
) -> tuple[Bools, Floats | None]:
    """Mark rows (N,) that a combination of columns (N, k) and effects separates.

    A row with outcome zero is separated if some combination z of columns and effects is
    zero wherever the outcome is positive, not negative elsewhere, and positive in the
    row (Correia, Guimaraes & Zylkin 2019). All rows of an empty level are. A maximum of
    the likelihood shows that no others are. If it has none, the linear program
    ``max sum z, 0 <= z <= 1`` is solved, rows with z > 0 leave, and it is solved again
    until no row leaves. Also returns the index of the other rows at the maximum, if it
    was computed.
    """
    keep, index = ~mark_empty_levels(y, effects), None
    while (y[keep] == 0).any():
        rows = np.flatnonzero(keep)
        part = effects_in_rows(effects, rows)
        columns = _independent_columns(x[rows], part)
        index = _index_at_maximum(y[rows], columns, part, POISSON)
        if index is not None:
            break
        separated = _linear_program(y[rows], columns, part)
        if not separated.any():
            break
        keep[rows[separated]] = False
    return ~keep, index


def predicted_rows(y: Floats, x: Floats, effects: Sequence[Ints]) -> Bools:
    """Mark rows (N,) of outcomes zero and one that a binary model predicts perfectly.

    A row is if some combination of columns (N, k) and effects is not negative where the
    outcome is one, not positive where it is zero, and not zero in the row (Albert &
    Anderson 1984). With signs turned where the outcome is zero, all rows are those of
    `separated_rows` with outcome zero.
    """
    keep = np.ones(y.size, dtype=np.bool_)
    while keep.any():
        rows = np.flatnonzero(keep)
        outcome, part = y[rows], effects_in_rows(effects, rows)
        separated = mark_empty_levels(outcome, part)
        separated |= mark_empty_levels(1 - outcome, part)
        if not separated.any():
            columns = _independent_columns(x[rows], part)
            if _index_at_maximum(outcome, columns, part, LOGIT) is not None:
                break
            sign = np.where(outcome > 0, 1.0, -1.0)
            turned = [Slope(codes_of(effect), sign) for effect in part]
            columns = columns * sign[:, None]
            separated = _linear_program(np.zeros(rows.size), columns, turned)
            if not separated.any():
                break
        keep[rows[separated]] = False
    return ~keep


def _independent_columns(x: Floats, effects: Sequence[Effect]) -> Floats:
    """Demean and scale columns; drop those that are then collinear."""
    if not x.shape[1]:
        return x
    centred = x - x.mean(axis=0)
    size = np.linalg.norm(centred, axis=0)
    demeaned = within(effects, len(x)).demean(x)
    varying = (size > 0) & (np.linalg.norm(demeaned, axis=0) > ABSORBED * size)
    columns = demeaned[:, varying]
    if not columns.shape[1]:
        return columns
    columns = np.delete(columns, [*dependences(columns)], axis=1)
    return np.asarray(columns / np.abs(columns).max(axis=0))


def _index_at_maximum(
    y: Floats, x: Floats, effects: Sequence[Effect], family: Family
) -> Floats | None:
    """Return the index at the maximum; None if rows are fitted perfectly."""
    try:
        fit = reweighted_least_squares(y, x, effects, family)
    except IdentificationError:
        return None
    ended = fit.last_move <= SAME_INDEX * np.abs(fit.index).max(initial=1.0)
    gaps = np.abs(y - fit.mean)[(y == 0) | (family is not POISSON)]
    is_maximum = ended and gaps.min() > SEPARATED_MEAN * fit.mean.mean()
    return fit.index if is_maximum else None


def _linear_program(y: Floats, x: Floats, effects: Sequence[Effect]) -> Bools:
    """Mark separated rows by one linear program."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, hstack, vstack

    columns: list[Any] = [csr_array(x)] if x.shape[1] else []
    columns += [_dummies(effect) for effect in effects] or [
        csr_array(np.ones((y.size, 1)))
    ]
    design = hstack(columns, format="csr")
    zero = y == 0
    at_zero = design[np.flatnonzero(zero)]
    count = int(zero.sum())
    solution = linprog(
        -np.asarray(at_zero.sum(axis=0)).ravel(),
        A_ub=vstack([at_zero, -at_zero], format="csr"),
        b_ub=np.concatenate([np.ones(count), np.zeros(count)]),
        A_eq=design[np.flatnonzero(~zero)],
        b_eq=np.zeros(y.size - count),
        bounds=(None, None),
        method="highs",
        options={
            "primal_feasibility_tolerance": LP_FEASIBLE,
            "dual_feasibility_tolerance": LP_FEASIBLE,
        },
    )
    out = np.zeros(y.size, dtype=np.bool_)
    if solution.x is None:
        raise IdentificationError(
            "the linear program that finds separated rows failed: "
            f"{solution.message!r}. Drop regressors or effects."
        )
    out[zero] = at_zero @ solution.x > SEPARATED
    return out


def _dummies(effect: Effect) -> Any:
    """Make the dummies of an effect, times the column of a slope, as a sparse array."""
    from scipy.sparse import csr_array

    codes = codes_of(effect)
    values = np.ones(codes.size)
    if isinstance(effect, Slope):
        values = effect.column / max(float(np.abs(effect.column).max()), NO_DIVISION)
    shape = (codes.size, int(codes.max()) + 1)
    return csr_array((values, (np.arange(codes.size), codes)), shape=shape)
