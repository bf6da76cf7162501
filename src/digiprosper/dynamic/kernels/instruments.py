"""Instruments of the equations of a dynamic panel, as columns on a full grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Bools, Floats

Equation = Literal["both", "difference", "level"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LaggedInstruments:
    """A variable whose lags are instruments, as ``gmm()`` of xtabond2.

    The transformed equation of period t has its levels at t - l, for the lags l from
    `first` to `last`; the level equation has its difference at t - (first - 1).
    Collapsed, a lag is one column; otherwise it is one column for each period.
    """

    name: str
    values: Floats  # (N, T); missing where there is no row
    first: int
    last: int
    equation: Equation = "both"
    collapse: bool = True


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ExogenousInstrument:
    """An exogenous variable that is its own instrument, as ``iv()`` of xtabond2.

    With the equation ``"both"`` one column has the transformed values in the
    transformed equation and the values in the level equation.
    """

    name: str
    values: Floats  # (N, T)
    equation: Equation = "both"


class InstrumentColumn(NamedTuple):
    """What a column of instruments is.

    `lag` is None for an exogenous variable, `period` (position) None for a column of
    all periods.
    """

    variable: str
    equation: Equation
    lag: int | None
    period: int | None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rows:
    """Which rows (N, T) the equations have; `levels` is None without level equation."""

    transformed: Bools
    levels: Bools | None


def layout(
    lagged: Sequence[LaggedInstruments],
    exogenous: Sequence[ExogenousInstrument],
    rows: Rows,
) -> tuple[InstrumentColumn, ...]:
    """List the columns that are not empty in every row."""
    columns: list[InstrumentColumn] = []
    for block in lagged:
        periods = block.values.shape[1]
        if block.equation != "level":
            for lag in range(block.first, min(block.last, periods - 1) + 1):
                used = np.isfinite(_shifted(block.values, lag)) & rows.transformed
                columns += _columns(block, "difference", lag, used)
        if rows.levels is not None and block.equation != "difference":
            change = _shifted(_differenced(block.values), block.first - 1)
            used = np.isfinite(change) & rows.levels
            columns += _columns(block, "level", block.first - 1, used)
    columns += [
        InstrumentColumn(
            variable.name,
            "difference" if rows.levels is None else variable.equation,
            None,
            None,
        )
        for variable in exogenous
    ]
    return tuple(columns)


def _columns(
    block: LaggedInstruments, equation: Equation, lag: int, used: Bools
) -> list[InstrumentColumn]:
    if block.collapse:
        return [InstrumentColumn(block.name, equation, lag, None)] if used.any() else []
    return [
        InstrumentColumn(block.name, equation, lag, period)
        for period in np.flatnonzero(used.any(axis=0)).tolist()
    ]


def instrument_array(
    columns: Sequence[InstrumentColumn],
    lagged: Sequence[LaggedInstruments],
    exogenous: Sequence[tuple[Floats, Floats]],
    rows: Rows,
    part: slice,
) -> Floats:
    """Fill the instruments (n, R, L) of some entities.

    R is the T periods of the transformed equation and, with a level equation, the T
    periods of that. `exogenous` has the columns (N, T) of each such variable in the
    transformed and in the level equation.
    """
    transformed = rows.transformed[part]
    n, periods = transformed.shape
    halves = 1 if rows.levels is None else 2
    out = np.zeros((n, halves * periods, len(columns)))
    sources = {block.name: block.values[part] for block in lagged}
    changes = {name: _differenced(values) for name, values in sources.items()}
    pairs = iter(exogenous)
    for position, column in enumerate(columns):
        if column.lag is None:
            first, second = next(pairs)
            out[:, :periods, position] = first[part]
            if halves == 2:
                out[:, periods:, position] = second[part]
            continue
        source, present, start = sources[column.variable], transformed, 0
        if column.equation == "level" and rows.levels is not None:
            source, present = changes[column.variable], rows.levels[part]
            start = periods
        if column.period is None:
            values = _shifted(source, column.lag)
            used = present & np.isfinite(values)
            out[:, start : start + periods, position] = np.where(used, values, 0.0)
        else:
            values = source[:, column.period - column.lag]
            used = present[:, column.period] & np.isfinite(values)
            out[:, start + column.period, position] = np.where(used, values, 0.0)
    return out


def _shifted(values: Floats, lag: int) -> Floats:
    out = np.full(values.shape, np.nan)
    out[:, lag:] = values[:, : values.shape[1] - lag]
    return out


def _differenced(values: Floats) -> Floats:
    out = np.full(values.shape, np.nan)
    out[:, 1:] = values[:, 1:] - values[:, :-1]
    return out
