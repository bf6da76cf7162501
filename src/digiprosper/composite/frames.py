"""The index of a table that is not a Panel: it is read with two aggregate queries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from digiprosper.composite.kernels.normalise import EndPoints, is_constant
from digiprosper.composite.kernels.structure import flat_rule, weights_of_theil
from digiprosper.composite.notices import weight_remarks
from digiprosper.composite.state import Learned
from digiprosper.errors import (
    IndicatorError,
    MissingDataError,
    Notice,
    OptionError,
    cited,
    counted,
    issue,
    missing_problem,
    option_problem,
    quoted,
    text_problem,
    unknown_columns,
)
from digiprosper.kernels.dispersion import theil_from_sums
from digiprosper.report.notices import missing_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.composite.recipe import Recipe
    from digiprosper.composite.state import State
    from digiprosper.kernels import Bools, Floats

_FIT: Final = {
    "scope": ("pooled", "goalposts"),
    "weighting": ("entropy",),
    "normalise": ("minmax",),
    "structure": ("flat",),
    "aggregate": ("linear",),
}
_APPLY: Final = {"normalise": ("minmax",), "aggregate": ("linear",)}


def is_frame(data: object) -> bool:
    """Check whether narwhals reads it: pandas, polars, pyarrow, DuckDB relations, PySpark and others."""
    import narwhals.stable.v2 as nw

    frame = nw.from_native(data, pass_through=True)
    return isinstance(frame, nw.DataFrame | nw.LazyFrame)


def fit_frame(recipe: Recipe, data: Any) -> tuple[Learned, int, tuple[Notice, ...]]:
    """Compute end points and weights of a table that is not a Panel, the number of rows and the notices.

    The first query asks for counts, minima and maxima, which a file may know without being read. The
    second sums u and u ln u, with u = z over the middle of its range: near 1 in a nearly constant column, so
    that its T keeps digits that sums of z would lose, if not all that the rows of a Panel give.
    """
    _refuse_options(recipe, _FIT)
    names = recipe.names
    frame = _lazy(data)
    _refuse_columns(names, frame)
    complete = _complete(names) if recipe.missing == "drop" else None

    first = _ask_ends(frame, names, complete)
    nobs, notices = _counts(recipe, first)
    low, high = _row(first, "low", len(names)), _row(first, "high", len(names))
    _refuse_not_a_number(names, np.isfinite(low + high))
    goalposts = recipe.scope.given_scale(recipe.system)
    ends = EndPoints(low, high) if goalposts is None else goalposts
    span = np.vstack([ends.apply(x[None, :], recipe.positive) for x in (low, high)])
    worst, best = span.min(axis=0), span.max(axis=0)
    _refuse_beyond(names, worst)

    constant = is_constant(low, high)
    # Any number near the values will do as their unit: T does not depend on it, and ln 1 = 0 keeps digits.
    unit = np.where(constant, 1.0, (worst + best) / 2.0 + recipe.shift)
    varying = [
        _Column(names[j], *_line(recipe, ends, j), float(unit[j]), j)
        for j in np.flatnonzero(~constant).tolist()
    ]
    second = _sums(frame if complete is None else frame.filter(complete), varying, recipe.shift)
    theil = _theil(second, nobs, constant, names)

    weighing = weights_of_theil(theil, nobs, constant, names)
    notices += weight_remarks(names, [weighing], flat_rule("entropy", len(names), shift=recipe.shift))
    issue(notices)
    return Learned(ends, weighing, worst, best), nobs, tuple(notices)


def _ask_ends(frame: Any, names: Sequence[str], complete: Any) -> dict[str, Any]:
    """Ask for the number of rows, and for count, minimum and maximum of every column."""
    import narwhals.stable.v2 as nw

    expressions = [nw.len().alias("rows")]
    for j, name in enumerate(names):
        x = nw.col(name).cast(nw.Float64)
        x = x if complete is None else nw.when(complete).then(x)
        expressions += [x.count().alias(f"n{j}"), x.min().alias(f"low{j}"), x.max().alias(f"high{j}")]
    return _answer(frame, expressions)


def _theil(second: dict[str, Any], nobs: int, constant: Bools, names: Sequence[str]) -> Floats:
    """Compute Theil's T of every column from the second answer; 0 where it does not vary."""
    total, u_log_u = _row(second, "u", len(names)), _row(second, "q", len(names))
    _refuse_not_a_number(names, np.isfinite(total + u_log_u))
    theil = theil_from_sums(nobs, np.where(constant, 1.0, total), u_log_u)
    return np.where(constant, 0.0, np.maximum(theil, 0.0))


def apply_frame(recipe: Recipe, state: State, data: Any) -> Any:
    """Add the scores as a column to a table that is not a Panel; a lazy table stays lazy.

    A missing indicator makes a missing score.
    """
    import narwhals.stable.v2 as nw

    _refuse_options(recipe, _APPLY)
    if state.periods is not None:
        raise OptionError(f"scope={cited(recipe.scope.text)} needs the year of each row: pass a Panel.")
    frame: Any = nw.from_native(data)
    _refuse_columns(recipe.names, frame)
    if recipe.name in frame.collect_schema().names():
        raise OptionError(
            f"the table already has a column {cited(recipe.name)}: give the index another name, "
            "CompositeIndex(..., name=)."
        )

    learned = state.learned[0]
    weights = np.where(learned.scale.constant, 0.0, learned.weighing.weights).tolist()
    score = nw.lit(0.0)
    for j, (name, weight) in enumerate(zip(recipe.names, weights, strict=True)):
        start, width = _line(recipe, learned.scale, j)
        score = score + weight * ((nw.col(name).cast(nw.Float64) - start) / width)
    return frame.with_columns(score.alias(recipe.name)).to_native()


def _lazy(data: Any) -> Any:
    import narwhals.stable.v2 as nw

    frame = nw.from_native(data)
    return frame.lazy() if isinstance(frame, nw.DataFrame) else frame


def _complete(names: Sequence[str]) -> Any:
    import narwhals.stable.v2 as nw

    values = [nw.col(n).cast(nw.Float64) for n in names]
    return nw.all_horizontal(*[~(v.is_null() | v.is_nan()) for v in values], ignore_nulls=False)


class _Column(NamedTuple):
    """A column, its scale (x - start) / width, and the unit of its sums."""

    name: str
    start: float
    width: float
    unit: float
    position: int


def _line(recipe: Recipe, ends: EndPoints, j: int) -> tuple[float, float]:
    low, high = float(ends.low[j]), float(ends.high[j])
    width = 1.0 if ends.constant[j] else high - low
    return (low, width) if recipe.positive[j] else (high, -width)


def _sums(frame: Any, columns: Sequence[_Column], shift: float) -> dict[str, Any]:
    """Sum u and u ln u of every column, u = (z + shift) / unit."""
    import narwhals.stable.v2 as nw

    if not columns:
        return {}
    if frame.implementation.is_duckdb():
        return _duckdb_sums(frame.to_native(), columns, shift)
    expressions = []
    for c in columns:
        u = (nw.col(c.name).cast(nw.Float64) - c.start) / (c.width * c.unit)
        u = u + shift / c.unit if shift else u
        expressions += [u.sum().alias(f"u{c.position}")]
        # A row with u = 0 has no logarithm in some engines, and adds nothing, since 0 ln 0 = 0.
        expressions += [nw.when(u > 0).then(u * u.log()).sum().alias(f"q{c.position}")]
    return _answer(frame, expressions)


def _duckdb_sums(relation: Any, columns: Sequence[_Column], shift: float) -> dict[str, Any]:
    """Sum u and u ln u in SQL: narwhals writes the logarithm as a quotient of two inside two CASEs."""
    expressions = []
    for c in columns:
        name = '"' + c.name.replace('"', '""') + '"'
        u = f"((CAST({name} AS DOUBLE) - ({c.start!r})) / ({c.width * c.unit!r}) + {shift / c.unit!r})"
        expressions += [f"sum({u}) AS u{c.position}"]
        expressions += [f"sum(CASE WHEN {u} > 0 THEN {u} * ln({u}) END) AS q{c.position}"]
    answer = relation.aggregate(", ".join(expressions))
    return dict(zip(answer.columns, answer.fetchall()[0], strict=True))


def _answer(frame: Any, expressions: Sequence[Any]) -> dict[str, Any]:
    # pandas takes the logarithm of zero before the condition is applied.
    with np.errstate(divide="ignore", invalid="ignore"):
        selected = frame.select(*expressions)
        # Only this engine of polars reads a file in pieces.
        options = {"engine": "streaming"} if _is_lazy_polars(selected) else {}
        row: dict[str, Any] = selected.collect(**options).rows(named=True)[0]
    return row


def _is_lazy_polars(frame: Any) -> bool:
    return bool(frame.implementation.is_polars())


def _row(answer: dict[str, Any], name: str, width: int) -> Floats:
    """Read one number per column; NaN for a column that is all missing, 0 for one that was not queried."""
    numbers = [answer.get(f"{name}{j}", 0.0) for j in range(width)]
    return np.array([math.nan if v is None else float(v) for v in numbers])


def _counts(recipe: Recipe, first: dict[str, Any]) -> tuple[int, list[Notice]]:
    """Read the number of rows in use, and make the notice of dropped rows."""
    rows = int(first["rows"])
    names = recipe.names
    counts = [int(first[f"n{j}"]) for j in range(len(names))]
    if recipe.missing == "drop" and rows and not counts[0]:
        text = f"none of {counted(rows, 'row')} has values of all indicators ({quoted(names)})"
        raise MissingDataError(
            f"{text}. Fill missing values.", [Notice("no_rows", text, {"reason": "missing", "by_term": {}})]
        )
    if recipe.missing != "drop":
        _refuse_gaps({n: rows - c for n, c in zip(names, counts, strict=True) if c < rows}, rows)
        return rows, []
    dropped = rows - counts[0]
    if not dropped:
        return rows, []
    return counts[0], [missing_rows(dropped, f"{counted(dropped, 'row')} dropped: missing", {})]


def _refuse_gaps(gaps: Mapping[str, int], rows: int) -> None:
    if gaps:
        shown = ", ".join(f"{n} ({c:,})" for n, c in gaps.items())
        raise MissingDataError(
            f"missing values in {shown}. Fill them, or set missing='drop'.",
            [missing_problem(name, count) for name, count in gaps.items()],
        )
    if not rows:
        raise MissingDataError("the table has no row.")


def _refuse_options(recipe: Recipe, allowed: Mapping[str, tuple[str, ...]]) -> None:
    words = {**recipe.options, "scope": recipe.scope.word, "weighting": recipe.weighting}
    wrong = {n: recipe.options[n] for n in allowed if words[n] not in allowed[n]}
    if wrong:
        refused = ", ".join(f"{n}={cited('given' if isinstance(v, dict) else v)}" for n, v in wrong.items())
        can = "; ".join(f"{n} {' or '.join(allowed[n])}" for n in wrong)
        raise OptionError(
            "a table that is not a Panel is read with two aggregate queries, which do not support "
            f"{refused}. Convert it to a Panel: Panel(df, entity='id', time='year'); or use {can}.",
            [option_problem(name, value, allowed[name]) for name, value in wrong.items()],
        )


def _refuse_columns(names: Sequence[str], frame: Any) -> None:
    schema = frame.collect_schema()
    absent = [n for n in names if n not in schema]
    if absent:
        raise unknown_columns(absent, schema.names(), "the indicator system")
    text = [n for n in names if not schema[n].is_numeric()]
    if text:
        raise IndicatorError(
            f"indicator {quoted(text)} is not numeric; cast it first.",
            list(map(text_problem, text)),
        )


def _refuse_not_a_number(names: Sequence[str], finite: Any) -> None:
    bad = [n for n, f in zip(names, finite, strict=True) if not f]
    if bad:
        raise MissingDataError(
            f"{quoted(bad)} has infinite values or NaN. Fill or remove these rows first.",
            [missing_problem(name, what=f"{cited(name)} is not finite") for name in bad],
        )


def _refuse_beyond(names: Sequence[str], least: Floats) -> None:
    bad = [n for n, z in zip(names, least, strict=True) if z < 0]
    if bad:
        raise IndicatorError(
            f"{quoted(bad)} lies beyond its worse goalpost. Entropy weights are undefined there. Move the "
            "goalpost to the worst value that can occur.",
            [Notice("negative", f"{cited(n)} lies beyond its worse goalpost", {"column": n}) for n in bad],
        )
