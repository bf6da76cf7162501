"""The index of a table that is not a Panel, from two aggregate queries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from digiprosper.checks import missing_problem, option_problem
from digiprosper.composite.cells import names_where, refuse_columns
from digiprosper.composite.kernels.normalise import EndPoints
from digiprosper.composite.kernels.structure import Weighing, flat_rule, refuse_constant
from digiprosper.composite.notices import weight_remarks
from digiprosper.composite.options import IndexOptions
from digiprosper.composite.state import Learned, State
from digiprosper.errors import (
    IndicatorError,
    MissingDataError,
    Notice,
    OptionError,
    cited,
    counted,
    issue,
    quoted,
    subject,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.dispersion import theil_from_sums, theil_shares
from digiprosper.report.notices import missing_rows

ColumnScale: TypeAlias = tuple[str, float, float, float]
"""Name of a column x; start, divisor and addend of u = (x - start) / divisor +
addend."""

_FIT = {
    "scope": ("pooled", "goalposts"),
    "weighting": ("entropy",),
    "normalise": ("minmax",),
    "structure": ("flat",),
    "aggregate": ("linear",),
}
_APPLY = {"normalise": ("minmax",), "aggregate": ("linear",)}


def is_frame(data: object) -> bool:
    """Check for a table that narwhals reads: polars, pyarrow, DuckDB and others."""
    import narwhals.stable.v2 as nw

    frame = nw.from_native(data, pass_through=True)
    return isinstance(frame, nw.DataFrame | nw.LazyFrame)


def fit_frame(
    options: IndexOptions, data: Any
) -> tuple[Learned, int, tuple[Notice, ...]]:
    """Compute end points, weights, number of rows and notices of a table.

    The first query asks for counts, minima and maxima, which a file may store. The
    second sums u and u ln u, with u = z divided by the middle of its range. u is near 1
    in a nearly constant column, so T keeps digits that sums of z would lose.
    """
    import narwhals.stable.v2 as nw

    _refuse_options(options, _FIT)
    names, shift = options.system.names, options.shift
    frame = nw.from_native(data).lazy()
    _refuse_columns(names, frame.collect_schema())
    complete = None
    if options.missing == "drop":
        values = [nw.col(n).cast(nw.Float64) for n in names]
        complete = nw.all_horizontal(
            *[~(v.is_null() | v.is_nan()) for v in values], ignore_nulls=False
        )

    rows, counts, low, high = _count_and_extremes(frame, names, complete)
    nobs, notices = _count_rows(options, rows, counts)
    _refuse_not_finite(names, low + high)
    sampled = EndPoints(low, high)
    goalposts = options.scope.given_scale(options.system)
    scale = sampled if goalposts is None else goalposts
    z = scale.apply(np.vstack([low, high]), options.system.positive)
    worst, best = z.min(axis=0), z.max(axis=0)
    _refuse_beyond_goalposts(names, worst)

    constant = sampled.constant
    # T does not depend on the unit; one near the values keeps digits, since ln 1 = 0.
    unit = np.where(constant, 1.0, (worst + best) / 2.0 + shift)
    start, width = _start_and_width(options, scale)
    columns = [
        (names[j], float(start[j]), float(width[j] * unit[j]), float(shift / unit[j]))
        for j in np.flatnonzero(~constant)
    ]
    total, u_log_u = np.ones(len(names)), np.zeros(len(names))
    complete_frame = frame if complete is None else frame.filter(complete)
    total[~constant], u_log_u[~constant] = _theil_sums(complete_frame, columns)
    _refuse_not_finite(names, total + u_log_u)
    theil = np.maximum(theil_from_sums(nobs, total, u_log_u), 0.0)
    theil[constant] = 0.0

    refuse_constant(constant, names, f"{nobs} rows")
    weighing = Weighing(theil_shares(theil), theil / math.log(nobs), constant)
    notices += weight_remarks(
        names, [weighing], flat_rule("entropy", len(names), shift=shift)
    )
    issue(notices)
    return Learned(scale, weighing, worst, best), nobs, tuple(notices)


def apply_frame(options: IndexOptions, state: State, data: Any) -> Any:
    """Add scores as a column, missing where a cell is; lazy tables stay lazy."""
    import narwhals.stable.v2 as nw

    _refuse_options(options, _APPLY)
    if state.periods is not None:
        raise OptionError(
            f"scope={cited(options.scope.text)} needs the year of each row: "
            "pass a Panel."
        )
    frame = nw.from_native(data)
    schema = frame.collect_schema()
    _refuse_columns(options.system.names, schema)
    if options.name in schema:
        raise OptionError(
            f"the table already has a column {cited(options.name)}: give the index "
            "another name, CompositeIndex(..., name=)."
        )

    learned = state.learned[0]
    weights = np.where(learned.scale.constant, 0.0, learned.weighing.weights)
    numbers = np.vstack([*_start_and_width(options, learned.scale), weights]).T.tolist()
    score = nw.lit(0.0)
    for name, (start, width, weight) in zip(options.system.names, numbers, strict=True):
        score = score + weight * ((nw.col(name).cast(nw.Float64) - start) / width)
    return frame.with_columns(score.alias(options.name)).to_native()


def _start_and_width(options: IndexOptions, scale: EndPoints) -> tuple[Floats, Floats]:
    """Return start and width of z = (x - start) / width; negative if less is better."""
    width = np.where(scale.constant, 1.0, scale.high - scale.low)
    positive = options.system.positive
    return np.where(positive, scale.low, scale.high), np.where(positive, width, -width)


# --- queries --------------------------------------------------------------------------


def _count_and_extremes(
    frame: Any, names: Sequence[str], complete: Any
) -> tuple[int, Floats, Floats, Floats]:
    """Query the number of rows, and count, minimum and maximum of each column."""
    import narwhals.stable.v2 as nw

    expressions = [nw.len()]
    for name in names:
        x = nw.col(name).cast(nw.Float64)
        x = x if complete is None else nw.when(complete).then(x)
        expressions += [x.count(), x.min(), x.max()]
    numbers = _run_query(frame, expressions)
    return int(numbers[0]), *numbers[1:].reshape(-1, 3).T


def _theil_sums(frame: Any, columns: Sequence[ColumnScale]) -> Floats:
    """Sum u and u ln u of every column, shape (2, number of columns)."""
    import narwhals.stable.v2 as nw

    if not columns:
        return np.empty((2, 0))
    if frame.implementation.is_duckdb():
        return _duckdb_sums(frame.to_native(), columns)
    expressions = []
    for name, start, divisor, addend in columns:
        u = (nw.col(name).cast(nw.Float64) - start) / divisor
        u = u + addend if addend else u
        # Rows with u = 0 add nothing (0 ln 0 = 0), but some engines refuse their log.
        expressions += [u.sum(), nw.when(u > 0).then(u * u.log()).sum()]
    return _run_query(frame, expressions).reshape(-1, 2).T


def _duckdb_sums(relation: Any, columns: Sequence[ColumnScale]) -> Floats:
    """Sum u and u ln u in SQL."""
    # It is simpler than the SQL of narwhals, which divides two logarithms in two CASEs.
    expressions = []
    for name, start, divisor, addend in columns:
        column = '"' + name.replace('"', '""') + '"'
        u = f"((CAST({column} AS DOUBLE) - ({start!r})) / ({divisor!r}) + {addend!r})"
        expressions += [f"sum({u})", f"sum(CASE WHEN {u} > 0 THEN {u} * ln({u}) END)"]
    row = relation.aggregate(", ".join(expressions)).fetchall()[0]
    return np.array(row, dtype=np.float64).reshape(-1, 2).T


def _run_query(frame: Any, expressions: Sequence[Any]) -> Floats:
    """Compute one number per expression; NaN if all values are missing."""
    columns = [x.alias(f"number{k}") for k, x in enumerate(expressions)]
    # pandas takes the logarithm of zero before the condition is applied.
    with np.errstate(divide="ignore", invalid="ignore"):
        selected = frame.select(*columns)
        # Only this engine of polars reads a file in chunks.
        options = {"engine": "streaming"} if selected.implementation.is_polars() else {}
        row = selected.collect(**options).rows()[0]
    return np.array(row, dtype=np.float64)


def _count_rows(
    options: IndexOptions, rows: int, counts: Floats
) -> tuple[int, list[Notice]]:
    """Return the number of rows in use, and the notice of dropped rows."""
    names, complete = options.system.names, int(counts[0])
    if options.missing != "drop":
        missing = (rows - counts).astype(np.int64).tolist()
        gaps = {n: gap for n, gap in zip(names, missing, strict=True) if gap}
        if gaps:
            shown = ", ".join(f"{n} ({gap:,})" for n, gap in gaps.items())
            raise MissingDataError(
                f"missing values in {shown}. Fill them, or set missing='drop'.",
                [missing_problem(name, gap) for name, gap in gaps.items()],
            )
        if not rows:
            raise MissingDataError("the table has no row.")
        return rows, []
    if rows and not complete:
        text = (
            f"none of {counted(rows, 'row')} has values of all indicators "
            f"({quoted(names)})"
        )
        data = {"reason": "missing", "by_term": {}}
        raise MissingDataError(
            f"{text}. Fill missing values.", [Notice("no_rows", text, data)]
        )
    dropped = rows - complete
    text = f"{counted(dropped, 'row')} dropped: missing"
    return complete, [missing_rows(dropped, text, {})] if dropped else []


# --- refusals -------------------------------------------------------------------------


def _refuse_options(
    options: IndexOptions, allowed: Mapping[str, tuple[str, ...]]
) -> None:
    arguments = options.arguments
    words = {**arguments, "weighting": options.weighting}
    unsupported = [n for n in allowed if words[n] not in allowed[n]]
    if unsupported:
        refused = ", ".join(f"{n}={cited(words[n])}" for n in unsupported)
        supported = "; ".join(f"{n} {' or '.join(allowed[n])}" for n in unsupported)
        raise OptionError(
            "a table that is not a Panel is read with two aggregate queries, which do "
            f"not support {refused}. Convert it to a Panel: Panel(df, entity='id', "
            f"time='year'); or use {supported}.",
            [option_problem(n, arguments[n], allowed[n]) for n in unsupported],
        )


def _refuse_columns(names: Sequence[str], schema: Mapping[str, Any]) -> None:
    refuse_columns(
        names, schema, lambda name: schema[name].is_numeric(), "cast it first."
    )


def _refuse_not_finite(names: Sequence[str], numbers: Floats) -> None:
    bad = names_where(names, ~np.isfinite(numbers))
    if bad:
        raise MissingDataError(
            f"{subject(bad, 'has')} infinite values or NaN. Fill or remove these "
            "rows first.",
            [missing_problem(n, what=f"{cited(n)} is not finite") for n in bad],
        )


def _refuse_beyond_goalposts(names: Sequence[str], lowest: Floats) -> None:
    bad, problem = names_where(names, lowest < 0), "lies beyond its worse goalpost"
    if bad:
        raise IndicatorError(
            f"{subject(bad, 'lies')} beyond the worse goalpost. Entropy weights are "
            "undefined there. Move the goalpost to the worst value that can occur.",
            [Notice("negative", f"{cited(n)} {problem}", {"column": n}) for n in bad],
        )
