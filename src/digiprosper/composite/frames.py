"""The index of a table that is no Panel: larger than memory, or in a database, in two aggregate queries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from digiprosper.composite.kernels.normalise import EndPoints, is_constant
from digiprosper.composite.kernels.structure import flat_rule, weights_of_theil
from digiprosper.composite.notices import weight_remarks
from digiprosper.composite.scopes import Learned
from digiprosper.errors import (
    IndicatorError,
    MissingDataError,
    Notice,
    OptionError,
    cited,
    counted,
    issue,
    quoted,
    unknown_columns,
)
from digiprosper.kernels.dispersion import theil_from_sums

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.composite.results import IndexResults
    from digiprosper.composite.specification import CompositeIndex
    from digiprosper.kernels import Floats

__all__ = ["apply_frame", "fit_frame", "is_frame"]

_FIT: Final = {
    "scope": ("pooled", "goalposts"),
    "weighting": ("entropy",),
    "normalise": ("minmax",),
    "structure": ("flat",),
    "aggregate": ("linear",),
}
_APPLY: Final = {"normalise": ("minmax",), "aggregate": ("linear",)}


def is_frame(data: object) -> bool:
    """Tell whether narwhals reads it.

    Parameters
    ----------
    data : object
        Perhaps a table.

    Returns
    -------
    bool
        True for pandas, polars (eager and lazy), pyarrow, DuckDB relations, PySpark and others.
    """
    import narwhals.stable.v2 as nw

    found = nw.from_native(data, pass_through=True)
    return isinstance(found, nw.DataFrame | nw.LazyFrame)


def fit_frame(spec: CompositeIndex, data: Any) -> tuple[Learned, int, tuple[Notice, ...]]:
    """Learn end points and weights from a table; the work behind `CompositeIndex.fit` for what is no Panel.

    Parameters
    ----------
    spec : CompositeIndex
        Entropy weights, min-max, flat, linear; scope pooled or goalposts.
    data : table
        Anything narwhals reads. It is asked twice: for counts and ends, then for two sums a column.

    Returns
    -------
    learned : Learned
        Ends and weights.
    nobs : int
        Rows in use.
    notices : tuple of Notice
        Remarks, issued already.

    Raises
    ------
    OptionError
        If the specification needs more than two sums a column.
    ColumnError, IndicatorError, MissingDataError
        As `CompositeIndex.fit`.

    Notes
    -----
    The first query is counts, minima and maxima, which a file may know without being read. The second sums u
    and u ln u, with u = z over the middle of its range: near 1 in a nearly constant column, so that its T
    keeps digits that sums of z would lose, if not all that the rows of a Panel give.
    """
    import narwhals.stable.v2 as nw

    _refuse_options(spec, _FIT)
    names, frame = spec.system.names, _lazy(data)
    _refuse_columns(names, frame)
    complete = _complete(names) if spec.missing == "drop" else None
    asked = [nw.len().alias("rows")]
    for j, name in enumerate(names):
        x = nw.col(name).cast(nw.Float64)
        x = x if complete is None else nw.when(complete).then(x)
        asked += [x.count().alias(f"n{j}"), x.min().alias(f"low{j}"), x.max().alias(f"high{j}")]
    first = _answer(frame, asked)
    nobs, notices = _counts(spec, first)
    low, high = (_row(first, n, len(names)) for n in ("low", "high"))
    _refuse_not_a_number(names, np.isfinite(low + high))
    ends = EndPoints(low, high)
    if spec.scope == "goalposts":
        ends = EndPoints(*np.array([i.goalposts for i in spec.system], dtype=np.float64).T)
    span = np.vstack([ends.apply(x[None, :], spec.system.positive) for x in (low, high)])
    worst, best, constant = span.min(axis=0), span.max(axis=0), is_constant(low, high)
    _refuse_beyond(names, worst)
    # Any number near the values will do as their unit: T does not know it, and ln 1 = 0 keeps its digits.
    unit = np.where(constant, 1.0, (worst + best) / 2.0 + spec.shift)
    varying = [
        _Column(names[j], *_line(spec, ends, j), float(unit[j]), j)
        for j in np.flatnonzero(~constant).tolist()
    ]
    second = _sums(frame if complete is None else frame.filter(complete), varying, spec.shift)
    total, u_log_u = (_row(second, n, len(names)) for n in ("u", "q"))
    _refuse_not_a_number(names, np.isfinite(total + u_log_u))
    safe = np.where(constant, 1.0, total)
    theil = np.where(constant, 0.0, np.maximum(theil_from_sums(nobs, safe, u_log_u), 0.0))
    weighing = weights_of_theil(theil, nobs, constant, names)
    notices += weight_remarks(names, [weighing], flat_rule("entropy", len(names), shift=spec.shift))
    issue(notices)
    return Learned(ends, weighing, worst, best), nobs, tuple(notices)


def apply_frame(results: IndexResults, data: Any) -> Any:
    """Add the scores to a table; the work behind `IndexResults.apply` for what is no Panel.

    Parameters
    ----------
    results : IndexResults
        Learned from a Panel or a table.
    data : table
        Anything narwhals reads; a lazy one stays lazy.

    Returns
    -------
    table
        Of the same kind, with a column more. A missing indicator makes a missing score.

    Raises
    ------
    OptionError
        If scores are no weighted sum of min-max values, or the table has a column of that name.
    ColumnError, IndicatorError
        If a column is absent or not numeric.
    """
    import narwhals.stable.v2 as nw

    spec = results.spec
    _refuse_options(spec, _APPLY)
    if results.state.periods is not None:
        raise OptionError(f"scope={cited(spec.scope)} needs the year of each row: pass a Panel.")
    frame: Any = nw.from_native(data)
    _refuse_columns(spec.system.names, frame)
    if spec.name in frame.collect_schema().names():
        raise OptionError(
            f"the table already has a column {cited(spec.name)}: give the index another name, "
            "CompositeIndex(..., name=)."
        )
    learned = results.state.learned[0]
    score = nw.lit(0.0)
    for j, (name, w) in enumerate(zip(spec.system.names, learned.weighing.weights.tolist(), strict=True)):
        start, width = _line(spec, learned.scale, j)
        z = (nw.col(name).cast(nw.Float64) - start) / width
        score = score + (0.0 if learned.scale.constant[j] else w) * z
    return frame.with_columns(score.alias(spec.name)).to_native()


def _lazy(data: Any) -> Any:
    import narwhals.stable.v2 as nw

    frame = nw.from_native(data)
    return frame.lazy() if isinstance(frame, nw.DataFrame) else frame


def _complete(names: Sequence[str]) -> Any:
    import narwhals.stable.v2 as nw

    values = [nw.col(n).cast(nw.Float64) for n in names]
    return nw.all_horizontal(*[~(v.is_null() | v.is_nan()) for v in values], ignore_nulls=False)


class _Column(NamedTuple):
    """A column, the line that directs and scales it, (x - start) / width, and the unit of its sums."""

    name: str
    start: float
    width: float
    unit: float
    position: int


def _line(spec: CompositeIndex, ends: EndPoints, j: int) -> tuple[float, float]:
    low, high = float(ends.low[j]), float(ends.high[j])
    width = 1.0 if ends.constant[j] else high - low
    return (low, width) if spec.system.positive[j] else (high, -width)


def _sums(frame: Any, columns: Sequence[_Column], shift: float) -> dict[str, Any]:
    """Sum u and u ln u of every column, u = (z + shift) / unit."""
    import narwhals.stable.v2 as nw

    if not columns:
        return {}
    if frame.implementation.is_duckdb():
        return _duckdb_sums(frame.to_native(), columns, shift)
    asked = []
    for c in columns:
        u = (nw.col(c.name).cast(nw.Float64) - c.start) / (c.width * c.unit)
        u = u + shift / c.unit if shift else u
        asked += [u.sum().alias(f"u{c.position}")]
        # A row with u = 0 has no logarithm in some engines, and adds the nothing that 0 ln 0 means.
        asked += [nw.when(u > 0).then(u * u.log()).sum().alias(f"q{c.position}")]
    return _answer(frame, asked)


def _duckdb_sums(relation: Any, columns: Sequence[_Column], shift: float) -> dict[str, Any]:
    """Ask the same in SQL: narwhals writes the logarithm as a quotient of two inside two CASEs."""
    asked = []
    for c in columns:
        name = '"' + c.name.replace('"', '""') + '"'
        u = f"((CAST({name} AS DOUBLE) - ({c.start!r})) / ({c.width * c.unit!r}) + {shift / c.unit!r})"
        asked += [f"sum({u}) AS u{c.position}"]
        asked += [f"sum(CASE WHEN {u} > 0 THEN {u} * ln({u}) END) AS q{c.position}"]
    found = relation.aggregate(", ".join(asked))
    return dict(zip(found.columns, found.fetchall()[0], strict=True))


def _answer(frame: Any, asked: Sequence[Any]) -> dict[str, Any]:
    # pandas takes the logarithm of zero before it is told not to.
    with np.errstate(divide="ignore", invalid="ignore"):
        selected = frame.select(*asked)
        # Only this engine of polars reads a file in pieces.
        options = {"engine": "streaming"} if _is_lazy_polars(selected) else {}
        row: dict[str, Any] = selected.collect(**options).rows(named=True)[0]
    return row


def _is_lazy_polars(frame: Any) -> bool:
    return bool(frame.implementation.is_polars())


def _row(answer: dict[str, Any], name: str, width: int) -> Floats:
    """Numbers of every column; NaN for one that is all missing, 0 for one that was not asked for."""
    found = [answer.get(f"{name}{j}", 0.0) for j in range(width)]
    return np.array([math.nan if v is None else float(v) for v in found])


def _counts(spec: CompositeIndex, first: dict[str, Any]) -> tuple[int, list[Notice]]:
    rows, names = int(first["rows"]), spec.system.names
    counts = [int(first[f"n{j}"]) for j in range(len(names))]
    if spec.missing == "drop" and counts[0]:
        left = rows - counts[0]
        text = f"{counted(left, 'row')} dropped: missing"
        return counts[0], [Notice("missing_rows", text, {"count": left})] if left else []
    gaps = {n: rows - c for n, c in zip(names, counts, strict=True) if c < rows}
    if gaps or not rows:
        shown = ", ".join(f"{n} ({c:,})" for n, c in gaps.items()) or "the table has no row"
        raise MissingDataError(
            f"missing values in {shown}. Fill them, or set missing='drop'." if gaps else f"{shown}.",
            [Notice("missing", f"{n}: {c}", {"term": n, "count": c}) for n, c in gaps.items()],
        )
    return rows, []


def _refuse_options(spec: CompositeIndex, allowed: Mapping[str, tuple[str, ...]]) -> None:
    wrong = {n: getattr(spec, n) for n, words in allowed.items() if getattr(spec, n) not in words}
    if wrong:
        asked = ", ".join(f"{n}={cited('given' if isinstance(v, tuple) else v)}" for n, v in wrong.items())
        can = "; ".join(f"{n} {' or '.join(allowed[n])}" for n in wrong)
        raise OptionError(
            "a table that is not a Panel is read with two aggregate queries, which do not support "
            f"{asked}. Convert it to a Panel: Panel(df, entity='id', time='year'); or use {can}.",
            [Notice("option", f"{n}={cited(v)}", {"option": n, "value": v}) for n, v in wrong.items()],
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
            [Notice("not_numeric", f"{cited(n)} is not numeric", {"indicator": n}) for n in text],
        )


def _refuse_not_a_number(names: Sequence[str], finite: Any) -> None:
    bad = [n for n, f in zip(names, finite, strict=True) if not f]
    if bad:
        raise MissingDataError(
            f"{quoted(bad)} has infinite values or NaN. Fill or remove these rows first.",
            [Notice("missing", f"{cited(n)} is not finite", {"term": n}) for n in bad],
        )


def _refuse_beyond(names: Sequence[str], least: Floats) -> None:
    bad = [n for n, z in zip(names, least, strict=True) if z < 0]
    if bad:
        raise IndicatorError(
            f"{quoted(bad)} lies beyond its worse goalpost. Entropy weights are undefined there. Move the "
            "goalpost to the worst value that can occur.",
            [Notice("negative", f"{cited(n)} lies beyond its worse goalpost", {"column": n}) for n in bad],
        )
