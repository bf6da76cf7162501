"""Column arguments of functions: aligned by row and converted to numbers."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from digiprosper.checks import (
    alignment_problem,
    not_identified,
    several,
    text_problem,
)
from digiprosper.errors import (
    AlignmentError,
    DigiprosperError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    Notice,
    cited,
    quoted,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.panel.keys import (
    extreme_problems,
    plain_levels,
    positions_of,
    row_problem,
    rows_text,
)

Kind = Literal["number", "array", "series"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class Arguments:
    """A function's column arguments as numbers by row; NaN where missing."""

    # Name of the function, for messages.
    function: str
    # By argument: shape (N,), or (N, K) of a table.
    numbers: Mapping[str, Floats]
    # By argument: the names of its columns in messages.
    names: Mapping[str, tuple[str, ...]]
    # For each table: the labels of its columns.
    column_labels: Mapping[str, list[Hashable]]
    # By argument: codes and levels of its row labels; a code is negative where a label
    # is missing.
    labels: Mapping[str, tuple[Ints, pd.Index[Any]]]
    # Row labels, length N; positions where no argument has an index.
    rows: pd.Index[Any]
    # Type of the result: a Series if any argument is a Series or DataFrame, a number if
    # all are numbers.
    kind: Kind

    @property
    def complete(self) -> Bools:
        """Rows in which nothing is missing, shape (N,)."""
        columns = [np.atleast_2d(values.T) for values in self.numbers.values()]
        missing = [np.isnan(column) for column in chain(*columns)]
        missing += [codes < 0 for codes, _ in self.labels.values()]
        return np.asarray(~np.logical_or.reduce(missing))

    def refuse(
        self,
        arguments: Sequence[str],
        is_bad: Callable[[Floats], Bools],
        defect: str,
        why: str,
    ) -> None:
        """Refuse values where `is_bad` is true, all columns in one error."""
        bad = {
            name: is_bad(column)
            for argument in arguments
            for name, column in zip(
                self.names[argument],
                np.atleast_2d(self.numbers[argument].T),
                strict=True,
            )
        }
        self.refuse_rows(bad, defect, why)

    def refuse_rows(self, bad: Mapping[str, Bools], defect: str, why: str) -> None:
        """Refuse rows marked as bad (N,) for any name, in one error."""
        problems = [
            problem
            for name, marked in bad.items()
            for problem in row_problem(
                defect, f"{name} is {defect}", name, marked, self.rows, "argument"
            )
        ]
        cure = f"{why}. Correct these rows, or set them to missing."
        _refuse(IdentificationError, self.function, problems, cure)

    def apply_by_row(self, formula: Callable[..., Floats]) -> Any:
        """Apply a formula to each complete row; missing in the others."""
        complete = self.complete
        return self.in_input_type(
            self._finite(formula, [v[complete] for v in self.numbers.values()]),
            complete,
        )

    def apply_by_group(self, formula: Callable[..., Floats], groups: Ints) -> Any:
        """Compute numbers by groups of rows; a missing value makes the group missing.

        Every row of such a group is missing. `formula` takes codes 0..G-1, G, and the
        numbers of each argument, and returns (n,) or (n, K).
        """
        gaps = np.bincount(groups, ~self.complete)
        in_complete_groups = gaps[groups] == 0
        present, codes = np.unique(groups[in_complete_groups], return_inverse=True)
        blocks = [v[in_complete_groups] for v in self.numbers.values()]
        return self.in_input_type(
            self._finite(formula, [codes, present.size, *blocks]), in_complete_groups
        )

    def _finite(self, formula: Callable[..., Floats], inputs: list[Any]) -> Floats:
        with np.errstate(all="ignore"):
            values = formula(*inputs)
        if not np.isfinite(values).all():
            raise not_identified(
                "extreme",
                f"{self.function}: the result exceeds the range of floating-point "
                "numbers: use another unit.",
                column=self.function,
                largest=np.inf,
            )
        return values

    def in_input_type(self, values: Floats, at: Bools) -> Any:
        """Return results in the type of the arguments, named as the function.

        `values` (n,) or (n, K) belong to the rows `at` (N,); the other rows are
        missing.
        """
        out = np.full((at.size, *values.shape[1:]), np.nan)
        out[at] = values
        if self.kind == "number" and out.ndim == 1:
            return float(out[0])
        if self.kind == "array":
            return out
        if out.ndim == 2:
            return pd.DataFrame(
                out, index=self.rows, columns=next(iter(self.column_labels.values()))
            )
        return pd.Series(out, index=self.rows, name=self.function)


def below_zero(values: Floats) -> Bools:
    """Mark negative numbers; False for NaN."""
    return values < 0


def not_positive(values: Floats) -> Bools:
    """Mark zero and negative numbers; False for NaN."""
    return values <= 0


def arguments(
    function: str,
    columns: Mapping[str, Any] = _NOTHING,
    *,
    tables: Mapping[str, Any] = _NOTHING,
    labels: Mapping[str, Any] = _NOTHING,
) -> Arguments:
    """Align the arguments of a function and convert them to numbers.

    Series are aligned by index, others by position. A number in `columns` is repeated
    in every row. `tables` are DataFrames, arrays (N, K), or lists or mappings of
    columns, and come before `columns`. `labels` have one label per row.
    """
    # By argument: its columns by the names that messages use.
    parts: dict[str, dict[str, Any]] = {}
    column_labels = {}
    for argument, table in tables.items():
        parts[argument], column_labels[argument] = _split_table(
            function, argument, table
        )
    parts |= {argument: {argument: column} for argument, column in columns.items()}
    flat = {name: column for part in parts.values() for name, column in part.items()}
    _refuse_texts(function, flat)

    constant = {name: [value] for name, value in flat.items() if _is_number(value)}
    by_row = {name: column for name, column in flat.items() if name not in constant}
    unaligned = {**by_row, **labels} or constant
    cells, rows = aligned(function, unaligned)
    numeric = _numbers_by_row(function, flat, cells | constant, rows)
    return Arguments(
        function,
        numbers=_stack_columns(numeric, parts, tables),
        names={argument: tuple(part) for argument, part in parts.items()},
        column_labels=column_labels,
        labels={name: coded(function, name, cells[name]) for name in labels},
        rows=rows,
        kind=_result_kind(unaligned, constant),
    )


def _result_kind(unaligned: Mapping[str, Any], constant: Mapping[str, Any]) -> Kind:
    if any(isinstance(column, pd.Series) for column in unaligned.values()):
        return "series"
    return "number" if unaligned is constant else "array"


def _stack_columns(
    numeric: Mapping[str, Floats],
    parts: Mapping[str, Iterable[str]],
    tables: Mapping[str, Any],
) -> dict[str, Floats]:
    """Stack the columns of each argument: (N, K) of a table, (N,) of a column."""
    return {
        argument: np.column_stack([numeric[name] for name in part])
        if argument in tables
        else numeric[argument]
        for argument, part in parts.items()
    }


def _refuse_texts(function: str, columns: Mapping[str, Any]) -> None:
    for name, value in columns.items():
        if isinstance(value, str | bytes) or value is None:
            raise InputTypeError(
                f"{function}: {name} is {cited(value)}; pass a number, an array "
                "or a Series."
            )


def _numbers_by_row(
    function: str, names: Iterable[str], cells: Mapping[str, Any], rows: pd.Index[Any]
) -> dict[str, Floats]:
    """Convert columns to numbers by row; refuse values whose squares overflow."""
    numeric = {
        name: np.broadcast_to(numbers(function, name, cells[name]), len(rows))
        for name in names
    }
    infinite = [
        row_problem("infinite", f"{name} is infinite", name, np.isinf(column), rows)
        for name, column in numeric.items()
    ]
    _refuse(
        MissingDataError,
        function,
        [*chain(*infinite)],
        "This is often a division by zero or the log of zero: correct it, or set these "
        "cells to missing.",
    )
    refuse_extreme(function, {n: v[~np.isnan(v)] for n, v in numeric.items()})
    return numeric


def _split_table(
    function: str, argument: str, table: Any
) -> tuple[dict[str, Any], list[Hashable]]:
    """Split a table into columns, by the names in messages; also list their labels."""
    has_heads = isinstance(table, pd.DataFrame | Mapping)
    columns = _columns_of(function, argument, table)
    if not columns:
        raise InputTypeError(f"{function}: {argument} has no columns.")
    heads = [*(table if has_heads else range(len(columns)))]
    counts = Counter(heads)
    unique = [head if counts[head] == 1 else j for j, head in enumerate(heads)]
    names = [f"{argument}[{head!r}]" for head in unique]
    if not has_heads:
        heads = [
            column.name if isinstance(column, pd.Series) else j
            for j, column in enumerate(columns)
        ]
    return dict(zip(names, columns, strict=True)), heads


def _columns_of(function: str, argument: str, table: Any) -> list[Any]:
    """List the columns of a frame, a mapping, a list or an array of two dimensions."""
    if isinstance(table, pd.DataFrame):
        return [table.iloc[:, j] for j in range(table.shape[1])]
    if isinstance(table, Mapping):
        return [*table.values()]
    if isinstance(table, list | tuple):
        return [*table]
    cells = np.asarray(table) if hasattr(table, "__array__") else None
    if cells is None or cells.ndim != 2:
        raise InputTypeError(
            f"{function}: {argument} is a {type(table).__name__}; pass a list of "
            "columns or a DataFrame, such as df[['primary', 'secondary', "
            "'tertiary']]."
        )
    return [*cells.T]


def _is_number(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim == 0
    return value is pd.NA or isinstance(value, int | float | np.generic)


def _refuse(
    kind: type[DigiprosperError], function: str, problems: list[Notice], cure: str
) -> None:
    """Raise one error for all problems, if there are any."""
    if problems:
        raise kind(f"{function}: {several(problems)}. {cure}", problems)


def coded(function: str, name: str, value: Any) -> tuple[Ints, pd.Index[Any]]:
    """Code row labels: (N,), negative if missing, and levels, sorted if possible."""
    if not isinstance(value, pd.Series | pd.Index | pd.Categorical | np.ndarray):
        labels = np.empty(len(value), dtype=object)
        labels[:] = value
        value = labels
    try:
        codes, uniques = pd.factorize(value)
    except TypeError as error:
        raise InputTypeError(
            f"{function}: {name} has labels that cannot be compared ({error}); use "
            "text or numbers."
        ) from error

    levels = (
        uniques
        if isinstance(uniques, pd.Index)
        else pd.Index(uniques, tupleize_cols=False).infer_objects()
    )
    try:
        order = np.asarray(levels.argsort(), dtype=np.intp)
    # Labels of mixed types cannot be sorted and keep the order of first occurrence
    except TypeError:
        order = np.arange(len(levels))

    rank = np.full(len(levels) + 1, -1, dtype=np.intp)
    rank[order] = np.arange(len(levels))
    return rank[codes], plain_levels(levels[order])


def aligned(
    function: str, columns: Mapping[str, Any]
) -> tuple[dict[str, Any], pd.Index[Any]]:
    """Align columns by index or position; also return the row labels."""
    cells = {
        name: _as_column(function, name, column) for name, column in columns.items()
    }
    _refuse_lengths(function, {name: len(column) for name, column in cells.items()})

    series = {
        name: column for name, column in cells.items() if isinstance(column, pd.Series)
    }
    first = next(iter(series), None)
    rows = (
        pd.RangeIndex(len(next(iter(cells.values()))))
        if first is None
        else series[first].index
    )
    for name, column in series.items():
        if not column.index.equals(rows):
            cells[name] = column.iloc[
                _row_positions(function, name, str(first), column.index, rows)
            ]
    if not len(rows):
        raise MissingDataError(f"{function}: there are no rows.")
    return cells, rows


def _refuse_lengths(function: str, lengths: Mapping[str, int]) -> None:
    if len(set(lengths.values())) > 1:
        texts = {name: f"{name} {length:,}" for name, length in lengths.items()}
        raise AlignmentError(
            f"{function}: the lengths differ ({', '.join(texts.values())}); pass one "
            "value per row in each.",
            [alignment_problem(name, text) for name, text in texts.items()],
        )


def _as_column(function: str, name: str, value: Any) -> Any:
    if isinstance(value, pd.Series | pd.Index | pd.Categorical):
        return value
    column = np.asarray(value) if hasattr(value, "__array__") else None
    if column is not None and column.ndim == 1:
        return column
    if (
        column is not None
        or isinstance(value, str | bytes | dict)
        or not isinstance(value, Iterable)
    ):
        shape = "" if column is None else f" of shape {column.shape}"
        raise InputTypeError(
            f"{function}: {name} is a {type(value).__name__}{shape}; pass one value "
            "per row, as a list, an array or a Series."
        )
    return list(value)


def _row_positions(
    function: str, name: str, first: str, index: pd.Index[Any], rows: pd.Index[Any]
) -> Ints:
    positions = positions_of(rows, index)
    if positions is not None:
        return positions
    strangers = index[~index.isin(rows)] if index.nlevels == rows.nlevels else index
    shown = (
        f" (in {name} alone: {rows_text(tuple(strangers[:5]))})"
        if len(strangers)
        else ""
    )
    raise AlignmentError(
        f"{function}: {name} and {first} are Series with different rows{shown}; take "
        "both from one DataFrame, or align them first: "
        f"{name}.reindex({first}.index). With repeated labels the rows must be in the "
        "same order.",
        [alignment_problem(name, f"other index for {cited(name)}", strangers[:5])],
    )


def numbers(function: str, name: str, value: Any) -> Floats:
    """Convert a column to float64, shape (N,); NaN where a cell is missing."""
    is_column = isinstance(value, pd.Series | pd.Index)
    if is_column and is_numeric_dtype(value) and value.dtype.kind != "c":
        return np.asarray(value.to_numpy(dtype=np.float64, na_value=np.nan))
    try:
        cells = np.asarray(value)
        is_object = cells.dtype.kind == "O"
        if is_object and not any(
            isinstance(v, str | bytes | complex) for v in cells.flat
        ):
            cells = np.where(pd.isna(cells), np.nan, cells).astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise _not_numeric(function, name, list(value)) from error
    if cells.dtype.kind not in "biuf" or cells.ndim != 1:
        raise _not_numeric(function, name, list(value))
    return cells.astype(np.float64)


def _not_numeric(function: str, name: str, cells: list[Any]) -> InputTypeError:
    plain = int | float | np.number | np.bool_ | None
    odd = [v for v in cells if not isinstance(v, plain) or isinstance(v, complex)][:5]
    limit = sys.float_info.max
    if any(isinstance(v, int) and abs(v) > limit for v in cells):
        odd.append(f"an integer beyond {limit:.1e}")
    return InputTypeError(
        f"{function}: {name} is not one number per row (first: {quoted(odd, 3)}); "
        "convert text with pandas.to_numeric first.",
        [text_problem(name, odd)],
    )


def refuse_missing(
    function: str, columns: Mapping[str, Floats | Ints], rows: pd.Index[Any]
) -> None:
    """Refuse missing cells (negative codes) and infinite ones, all in one error."""
    problems = []
    for name, column in columns.items():
        bad, text = column < 0, f"{name} is missing"
        if column.dtype.kind == "f":
            bad, text = ~np.isfinite(column), f"{text} or infinite"
        problems += row_problem("missing", text, name, bad, rows, "term")
    _refuse(MissingDataError, function, problems, "Fill or remove these rows first.")


def refuse_extreme(function: str, columns: Mapping[str, Floats]) -> None:
    """Refuse columns whose squares overflow or vanish."""
    problems = [*chain(*(extreme_problems(n, n, v) for n, v in columns.items()))]
    cure = "Its squares exceed the range of floating-point numbers: use another unit."
    _refuse(IdentificationError, function, problems, cure)


def refuse(
    function: str, name: str, bad: Bools, rows: pd.Index[Any], defect: str, why: str
) -> None:
    """Refuse values that a measure cannot take."""
    problems = row_problem(defect, f"{name} is {defect}", name, bad, rows, "argument")
    cure = f"{why}: correct or remove these rows, and report it."
    _refuse(IdentificationError, function, problems, cure)
