"""Columns that a function is given outside a panel: brought into one order and checked row by row."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from digiprosper.errors import (
    AlignmentError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    Notice,
    alignment_problem,
    cited,
    counted,
    missing_problem,
    quoted,
    several,
    text_problem,
)
from digiprosper.kernels.tolerances import LARGEST_PRODUCT
from digiprosper.panel.keys import Mask, rows_text

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from digiprosper.kernels import Bools, Floats, Ints

Kind = Literal["number", "array", "series"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Arguments:
    """What a function of columns was given: numbers by row, NaN where a value is missing.

    Parameters
    ----------
    function : str
        Who asks, for messages.
    numbers : mapping
        Argument to its numbers, shape (N,), or (N, K) of a table.
    names : mapping
        Argument to the names of its columns in messages.
    heads : mapping
        Argument that is a table to the labels of its columns.
    labels : mapping
        Argument to the codes and levels of its labels of rows; a code is negative where a label is missing.
    rows : Index, length N
        Labels of the rows; positions where nothing has an index.
    kind : {"number", "array", "series"}
        What the function gives back: a Series if anything is one or a DataFrame, a number if all are numbers.
    """

    function: str
    numbers: Mapping[str, Floats]
    names: Mapping[str, tuple[str, ...]]
    heads: Mapping[str, list[Hashable]]
    labels: Mapping[str, tuple[Ints, pd.Index[Any]]]
    rows: pd.Index[Any]
    kind: Kind

    @property
    def complete(self) -> Bools:
        """Rows in which nothing is missing, shape (N,)."""
        missing = [np.isnan(_as_table(values)).any(axis=1) for values in self.numbers.values()]
        missing += [codes < 0 for codes, _ in self.labels.values()]
        return np.asarray(~np.logical_or.reduce(missing))

    def refuse(
        self, arguments: Sequence[str], is_bad: Callable[[Floats], Bools], what: str, why: str
    ) -> None:
        """Refuse values, all columns in one report.

        Parameters
        ----------
        arguments : sequence of str
            Which to look at.
        is_bad : callable
            Numbers to truth values; false for NaN.
        what, why : str
            What they are, and why that cannot be.

        Raises
        ------
        IdentificationError
            If there is any, with its rows.
        """
        columns = {
            name: column
            for argument in arguments
            for name, column in zip(self.names[argument], _as_table(self.numbers[argument]).T, strict=True)
        }
        self.refuse_rows({name: is_bad(column) for name, column in columns.items()}, what, why)

    def refuse_rows(self, bad: Mapping[str, Bools], what: str, why: str) -> None:
        """Refuse rows, whatever is wrong in them.

        Parameters
        ----------
        bad : mapping
            What it is about to (N,) truth values.
        what, why : str
            What is wrong, and why that cannot be.

        Raises
        ------
        IdentificationError
            If there is any, with its rows.
        """
        problems = [
            Notice(
                what,
                f"{name} is {what} in {where(rows, self.rows)}",
                {"argument": name, "count": int(rows.sum()), "rows": tuple(self.rows[rows][:5])},
            )
            for name, rows in bad.items()
            if rows.any()
        ]
        if problems:
            raise IdentificationError(
                f"{self.function}: {several(problems)}. {why}. Correct these rows, or set them to missing.",
                problems,
            )

    def by_row(self, formula: Callable[..., Floats]) -> Any:
        """Compute one number per row.

        Parameters
        ----------
        formula : callable
            Takes the numbers of each argument, in order, in the complete rows.

        Returns
        -------
        float, ndarray or Series
            Missing where anything is.
        """
        complete = self.complete
        return self.returned(self._finite(formula, [v[complete] for v in self.numbers.values()]), complete)

    def by_group(self, formula: Callable[..., Floats], groups: Ints) -> Any:
        """Compute numbers from groups of rows.

        Parameters
        ----------
        formula : callable
            Takes the codes 0..G-1 of the groups, G, and the numbers of each argument, in order.
        groups : ndarray of int, shape (N,)
            Codes.

        Returns
        -------
        ndarray, Series or DataFrame
            One number per row, or one per row and column of a table; missing in every row of a group in which
            anything is.
        """
        gaps = np.bincount(groups, ~self.complete)
        kept = gaps[groups] == 0
        present, codes = np.unique(groups[kept], return_inverse=True)
        blocks = [v[kept] for v in self.numbers.values()]
        return self.returned(self._finite(formula, [codes, present.size, *blocks]), kept)

    def _finite(self, formula: Callable[..., Floats], given: list[Any]) -> Floats:
        with np.errstate(all="ignore"):
            values = formula(*given)
        if not np.isfinite(values).all():
            raise IdentificationError(
                f"{self.function}: the result exceeds the range of floating-point numbers: use another unit.",
                [Notice("extreme", self.function, {"column": self.function, "largest": np.inf})],
            )
        return values

    def returned(self, values: Floats, at: Bools) -> Any:
        """Give numbers the form of what was given.

        Parameters
        ----------
        values : ndarray, shape (n,) or (n, K)
            Numbers of some rows.
        at : ndarray of bool, shape (N,)
            Which rows these are; the others are missing.

        Returns
        -------
        float, ndarray, Series or DataFrame
            Named as the function.
        """
        out = np.full((at.size, *values.shape[1:]), np.nan)
        out[at] = values
        if self.kind == "number":
            return float(out[0])
        if self.kind == "array":
            return out
        if out.ndim == 2:
            return pd.DataFrame(out, index=self.rows, columns=next(iter(self.heads.values())))
        return pd.Series(out, index=self.rows, name=self.function)


def below_zero(values: Floats) -> Bools:
    """Find negative numbers.

    Parameters
    ----------
    values : ndarray
        Numbers.

    Returns
    -------
    ndarray of bool
        False for NaN.
    """
    return np.asarray(values < 0)


def not_positive(values: Floats) -> Bools:
    """Find numbers that have no logarithm and cannot be a divisor.

    Parameters
    ----------
    values : ndarray
        Numbers.

    Returns
    -------
    ndarray of bool
        False for NaN.
    """
    return np.asarray(values <= 0)


def arguments(
    function: str,
    columns: Mapping[str, Any] = _NOTHING,
    *,
    tables: Mapping[str, Any] = _NOTHING,
    labels: Mapping[str, Any] = _NOTHING,
) -> Arguments:
    """Bring what a function was given into one order, as numbers.

    Parameters
    ----------
    function : str
        Who asks, for messages.
    columns : mapping
        Argument to a number, which stands for every row, or to one number per row.
    tables : mapping
        Argument to a DataFrame, an array (N, K), or a list or mapping of such columns. They come before
        `columns`.
    labels : mapping
        Argument to one label a row.

    Returns
    -------
    Arguments
        Series matched by index, anything else by position.

    Raises
    ------
    InputTypeError
        If something is not a number a row, or a table no table.
    AlignmentError
        If lengths differ, or Series have other rows.
    MissingDataError
        If anything is infinite, or there are no rows.
    IdentificationError
        If squares of a column would not fit into numbers.
    """
    parts = _parts(function, columns, tables)
    flat = {name: column for part in parts.values() for name, column in part.items()}
    _refuse_texts(function, flat)

    constant = {name: [value] for name, value in flat.items() if _is_number(value)}
    by_row = {name: column for name, column in flat.items() if name not in constant}
    asked = {**by_row, **labels} or constant
    cells, rows = aligned(function, asked)
    numeric = _numeric(function, flat, cells | constant, rows)
    return Arguments(
        function,
        _joined(numeric, parts, tables),
        {argument: tuple(part) for argument, part in parts.items()},
        _heads(tables, parts),
        {name: coded(function, name, cells[name]) for name in labels},
        rows,
        _kind(asked, constant),
    )


def _numeric(
    function: str, names: Iterable[str], cells: Mapping[str, Any], rows: pd.Index[Any]
) -> dict[str, Floats]:
    """Take columns as numbers, one for each row, none infinite or beyond the range of squares."""
    numeric = {name: np.broadcast_to(numbers(function, name, cells[name]), len(rows)) for name in names}
    _refuse_infinite(function, numeric, rows)
    known = {name: column[~np.isnan(column)] for name, column in numeric.items()}
    refuse_extreme(function, {name: column for name, column in known.items() if column.size})
    return numeric


def _kind(asked: Mapping[str, Any], constant: Mapping[str, Any]) -> Kind:
    if any(isinstance(column, pd.Series) for column in asked.values()):
        return "series"
    return "number" if asked.keys() <= constant.keys() else "array"


def _joined(
    numeric: Mapping[str, Floats], parts: Mapping[str, Mapping[str, Any]], tables: Mapping[str, Any]
) -> dict[str, Floats]:
    """Put the columns of each argument together: (N, K) of a table, (N,) of a column."""
    columns = {argument: [numeric[name] for name in part] for argument, part in parts.items()}
    return {
        argument: np.column_stack(found) if argument in tables else found[0]
        for argument, found in columns.items()
    }


def _as_table(values: Floats) -> Floats:
    return values if values.ndim == 2 else values[:, None]


def _parts(function: str, columns: Mapping[str, Any], tables: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """List the columns of each argument, by the names that messages give them."""
    parts = {argument: _columns_of(function, argument, table) for argument, table in tables.items()}
    return parts | {argument: {argument: column} for argument, column in columns.items()}


def _columns_of(function: str, argument: str, table: Any) -> dict[str, Any]:
    heads, columns = _columns(function, argument, table)
    if not columns:
        raise InputTypeError(f"{function}: {argument} has no columns.")
    counts = Counter(heads)
    unique = [head if counts[head] == 1 else place for place, head in enumerate(heads)]
    return {f"{argument}[{head!r}]": column for head, column in zip(unique, columns, strict=True)}


def _columns(function: str, argument: str, table: Any) -> tuple[list[Any], list[Any]]:
    if isinstance(table, pd.DataFrame):
        return list(table.columns), [table.iloc[:, place] for place in range(table.shape[1])]
    if isinstance(table, Mapping):
        return list(table), list(table.values())
    if isinstance(table, list | tuple):
        return list(range(len(table))), list(table)
    cells = np.asarray(table) if hasattr(table, "__array__") else None
    if cells is None or cells.ndim != 2:
        raise InputTypeError(
            f"{function}: {argument} is a {type(table).__name__}; pass a list of columns or a DataFrame, "
            "such as df[['primary', 'secondary', 'tertiary']]."
        )
    return list(range(cells.shape[1])), list(cells.T)


def _heads(tables: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Hashable]]:
    """List the labels of the columns of each table: names of Series, positions of what has none."""
    return {argument: _labels_of(table, list(parts[argument].values())) for argument, table in tables.items()}


def _labels_of(table: Any, columns: Sequence[Any]) -> list[Hashable]:
    if isinstance(table, pd.DataFrame | Mapping):
        return list(table)
    return [c.name if isinstance(c, pd.Series) else place for place, c in enumerate(columns)]


def _is_number(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 0
    return value is pd.NA or isinstance(value, int | float | np.generic)


def _refuse_texts(function: str, given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if isinstance(value, str | bytes) or value is None:
            raise InputTypeError(
                f"{function}: {name} is {cited(value)}; pass a number, an array or a Series."
            )


def _refuse_infinite(function: str, columns: Mapping[str, Floats], rows: pd.Index[Any]) -> None:
    problems = []
    for name, column in columns.items():
        bad = np.isinf(column)
        if bad.any():
            data = {"column": name, "count": int(bad.sum()), "rows": tuple(rows[bad][:5])}
            problems.append(Notice("infinite", f"{name} is infinite in {where(bad, rows)}", data))
    if problems:
        raise MissingDataError(
            f"{function}: {several(problems)}. This is often a division by zero or the log of zero: correct "
            "it, or set these cells to missing.",
            problems,
        )


def coded(function: str, name: str, value: Any) -> tuple[Ints, pd.Index[Any]]:
    """Code the labels of rows.

    Parameters
    ----------
    function, name : str
        Who asks, and for which argument.
    value : list, array, Series or Index
        One label a row.

    Returns
    -------
    codes : ndarray of int, shape (N,)
        0..K-1, negative where a label is missing.
    levels : Index
        Label behind each code, in order where labels have one.

    Raises
    ------
    InputTypeError
        If labels cannot be compared.
    """
    if not isinstance(value, pd.Series | pd.Index | pd.Categorical | np.ndarray):
        labels = np.empty(len(value), dtype=object)
        labels[:] = value
        value = labels
    try:
        codes, found = pd.factorize(value)
    except TypeError as error:
        raise InputTypeError(
            f"{function}: {name} has labels that cannot be compared ({error}); use text or numbers."
        ) from error

    levels = found if isinstance(found, pd.Index) else pd.Index(found, tupleize_cols=False).infer_objects()
    try:
        order = np.asarray(levels.argsort(), dtype=np.intp)
    except TypeError:  # labels of several kinds have no order but that of their first rows
        order = np.arange(len(levels))

    place = np.full(len(levels) + 1, -1, dtype=np.intp)
    place[order] = np.arange(len(levels))
    levels = levels[order]
    if isinstance(levels, pd.CategoricalIndex):
        levels = pd.Index(levels.to_numpy())
    return place[codes], levels


def aligned(function: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], pd.Index[Any]]:
    """Bring columns into the order of the first Series among them.

    Parameters
    ----------
    function : str
        Who asks, for messages.
    given : mapping
        Argument to its column. Series are matched by index, anything else by position.

    Returns
    -------
    cells : dict
        Argument to its column, all of one length.
    rows : Index
        Labels of the rows; positions where nothing has an index.

    Raises
    ------
    InputTypeError
        If something has no rows.
    AlignmentError
        If lengths or the rows of two Series differ.
    """
    cells = {name: _column(function, name, column) for name, column in given.items()}
    _refuse_lengths(function, {name: len(column) for name, column in cells.items()})

    series = {name: column for name, column in cells.items() if isinstance(column, pd.Series)}
    first = next(iter(series), None)
    rows = pd.RangeIndex(len(next(iter(cells.values())))) if first is None else series[first].index
    for name, column in series.items():
        if not column.index.equals(rows):
            cells[name] = column.iloc[_places(function, name, str(first), column.index, rows)]
    if not len(rows):
        raise MissingDataError(f"{function}: there are no rows.")
    return cells, rows


def _refuse_lengths(function: str, lengths: Mapping[str, int]) -> None:
    if len(set(lengths.values())) > 1:
        texts = {name: f"{name} {length:,}" for name, length in lengths.items()}
        raise AlignmentError(
            f"{function}: the lengths differ ({', '.join(texts.values())}); pass one value per row in each.",
            [alignment_problem(name, text) for name, text in texts.items()],
        )


def _column(function: str, name: str, value: Any) -> Any:
    if isinstance(value, pd.Series | pd.Index | pd.Categorical):
        return value
    column = np.asarray(value) if hasattr(value, "__array__") else None
    if column is not None and column.ndim == 1:
        return column
    if column is not None or isinstance(value, str | bytes | dict) or not isinstance(value, Iterable):
        shape = "" if column is None else f" of shape {column.shape}"
        raise InputTypeError(
            f"{function}: {name} is a {type(value).__name__}{shape}; pass one value per row, as a list, "
            "an array or a Series."
        )
    return list(value)


def _places(function: str, name: str, first: str, index: pd.Index[Any], rows: pd.Index[Any]) -> Ints:
    if index.is_unique and rows.is_unique and index.nlevels == rows.nlevels:
        places = index.get_indexer(rows)
        if (places >= 0).all():
            return places
    strangers = index[~index.isin(rows)] if index.nlevels == rows.nlevels else index
    shown = f" (in {name} alone: {rows_text(tuple(strangers[:5]))})" if len(strangers) else ""
    raise AlignmentError(
        f"{function}: {name} and {first} are Series with different rows{shown}; take both from one "
        f"DataFrame, or align them first: {name}.reindex({first}.index). Rows that repeat a label are "
        "matched only in the same order.",
        [alignment_problem(name, f"other index for {cited(name)}", strangers[:5])],
    )


def numbers(function: str, name: str, value: Any) -> Floats:
    """Take a column as float64.

    Parameters
    ----------
    function, name : str
        Who asks, and for which argument.
    value : list, array or Series
        One number per row.

    Returns
    -------
    ndarray, shape (N,)
        NaN where a cell is missing.

    Raises
    ------
    InputTypeError
        If cells are text or anything else that is no real number.
    """
    real = pd.api.types.is_numeric_dtype(value) and not pd.api.types.is_complex_dtype(value)
    if isinstance(value, pd.Series | pd.Index) and real:
        return value.to_numpy(dtype=np.float64, na_value=np.nan)
    try:
        cells = _array(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise _not_numeric(function, name, list(value)) from error
    if cells.dtype.kind not in "biuf" or cells.ndim != 1:
        raise _not_numeric(function, name, list(value))
    return cells.astype(np.float64)


def _array(value: Any) -> np.ndarray[Any, Any]:
    """Make an array of a column; of objects, numbers where none is text or complex."""
    cells = np.asarray(value)
    if cells.dtype.kind != "O" or any(isinstance(v, str | bytes | complex) for v in cells.flat):
        return cells
    return np.where(pd.isna(cells), np.nan, cells).astype(np.float64)


def _not_numeric(function: str, name: str, cells: list[Any]) -> InputTypeError:
    plain = int | float | np.number | np.bool_ | None
    odd = [v for v in cells if not isinstance(v, plain) or isinstance(v, complex)][:5]
    odd += [f"an integer beyond {sys.float_info.max:.1e}" for v in cells if _beyond(v)][:1]
    return InputTypeError(
        f"{function}: {name} is not one number per row (first: {quoted(odd, 3)}); convert text with "
        "pandas.to_numeric first.",
        [text_problem(name, odd)],
    )


def _beyond(value: Any) -> bool:
    """Tell whether a whole number is beyond the range of floating-point numbers."""
    return isinstance(value, int) and abs(value) > sys.float_info.max


def refuse_missing(function: str, columns: Mapping[str, Floats | Ints], rows: pd.Index[Any]) -> None:
    """Refuse missing and infinite cells, all columns in one report.

    Parameters
    ----------
    function : str
        Who asks, for messages.
    columns : mapping
        Argument to its values, or to codes that are negative where a label is missing.
    rows : Index
        Labels of the rows.

    Raises
    ------
    MissingDataError
        If there is any, with its rows.
    """
    problems = []
    for name, column in columns.items():
        bad = ~np.isfinite(column) if column.dtype.kind == "f" else column < 0
        if bad.any():
            what = "missing or infinite" if column.dtype.kind == "f" else "missing"
            text = f"{name} is {what} in {where(bad, rows)}"
            problems.append(missing_problem(name, int(bad.sum()), rows[bad][:5], text))
    if problems:
        text = several(problems)
        raise MissingDataError(f"{function}: {text}. Fill or remove these rows first.", problems)


def refuse_extreme(function: str, columns: Mapping[str, Floats]) -> None:
    """Refuse columns whose squares overflow or vanish.

    Parameters
    ----------
    function : str
        Who asks, for messages.
    columns : mapping
        Argument to its finite values.

    Raises
    ------
    IdentificationError
        If there is any, with its largest value.
    """
    largest = {name: float(np.abs(column).max()) for name, column in columns.items()}
    bad = {n: v for n, v in largest.items() if v > LARGEST_PRODUCT or 0 < v < 1 / LARGEST_PRODUCT}
    if bad:
        text = "; ".join(f"{n} has a largest value of {v:.2g}" for n, v in bad.items())
        raise IdentificationError(
            f"{function}: {text}. Its squares exceed the range of floating-point numbers: use another unit.",
            [Notice("extreme", n, {"column": n, "largest": v}) for n, v in bad.items()],
        )


def refuse(function: str, name: str, bad: Mask, rows: pd.Index[Any], what: str, why: str) -> None:
    """Refuse values that a measure cannot take.

    Parameters
    ----------
    function, name : str
        Who asks, and for which argument.
    bad : ndarray of bool, shape (N,)
        Rows to refuse.
    rows : Index
        Labels of the rows.
    what, why : str
        What they are, and why that cannot be.

    Raises
    ------
    IdentificationError
        If there is any, with its rows.
    """
    if bad.any():
        text = f"{name} is {what} in {where(bad, rows)}"
        data = {"argument": name, "count": int(bad.sum()), "rows": tuple(rows[bad][:5])}
        raise IdentificationError(
            f"{function}: {text}. {why}: correct or remove these rows, and report it.",
            [Notice(what, text, data)],
        )


def where(bad: Mask, rows: pd.Index[Any]) -> str:
    """Count rows and list the first.

    Parameters
    ----------
    bad : ndarray of bool, shape (N,)
        Which rows.
    rows : Index
        Labels of the rows.

    Returns
    -------
    str
        For a message.
    """
    return f"{counted(int(bad.sum()), 'row')} (first: {rows_text(tuple(rows[bad][:5]))})"
