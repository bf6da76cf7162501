"""Values, weights and labels of rows, brought into one order and checked."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.errors import (
    AlignmentError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    Notice,
    OptionError,
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
    from collections.abc import Hashable, Iterable, Mapping

    import numpy.typing as npt

    from digiprosper.kernels import Floats, Ints

__all__ = [
    "Least",
    "Numbers",
    "Observations",
    "RowLabels",
    "aligned",
    "numbers",
    "observe",
    "refuse",
    "refuse_extreme",
    "refuse_missing",
]

Numbers: TypeAlias = "npt.ArrayLike | pd.Series[Any]"
"""One number a row."""

RowLabels: TypeAlias = "Iterable[Hashable] | pd.Series[Any] | pd.Index[Any]"
"""One label a row."""


Least = Literal["any", "zero", "positive"]
"""What values may be: any number, at least zero with a positive sum, or all positive."""


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Rows that count, those of weight zero left out.

    Parameters
    ----------
    y, weights : ndarray, shape (N,)
        Values and positive weights.
    codes : mapping
        Argument to (N,) codes 0..K-1 of its labels.
    levels : mapping
        Argument to the label behind each code, in order where labels have one.
    rows : Index, length N
        Labels of the rows; positions where nothing has an index.
    """

    y: Floats
    weights: Floats
    codes: Mapping[str, Ints]
    levels: Mapping[str, pd.Index[Any]]
    rows: pd.Index[Any]


def observe(
    function: str,
    y: Numbers,
    obs_weights: Numbers | None = None,
    labels: Mapping[str, RowLabels] | None = None,
    *,
    least: Least = "zero",
) -> Observations:
    """Align and check what a measure is computed from.

    Parameters
    ----------
    function : str
        Who asks, for messages.
    y : array or Series
        Values.
    obs_weights : array or Series, optional
        Weights, 1 each by default.
    labels : mapping, optional
        Argument to one label a row.
    least : {"any", "zero", "positive"}
        What the values may be.

    Returns
    -------
    Observations
        Rows with a positive weight.

    Raises
    ------
    InputTypeError
        If values or weights are not numbers, or labels not one hashable thing a row.
    AlignmentError
        If lengths differ, or two Series have other rows.
    MissingDataError
        If anything is missing or infinite, or there is no row.
    OptionError
        If a weight is negative, or all are zero.
    IdentificationError
        If a value is lower than the measure can take, if all are zero, or squares would not fit into numbers.
    """
    given = {"y": y} if obs_weights is None else {"y": y, "obs_weights": obs_weights}
    cells, rows = aligned(function, {**given, **(labels or {})})
    values: dict[str, Floats] = {name: numbers(function, name, cells[name]) for name in given}
    coded = {name: _coded(function, name, cells[name]) for name in labels or {}}
    codes = {name: code for name, (code, _) in coded.items()}
    refuse_missing(function, {**values, **codes}, rows)

    weights = values.get("obs_weights", np.ones(len(rows)))
    _refuse_weights(function, weights, rows)
    refuse_extreme(function, values)
    kept = weights > 0
    _refuse_low(function, values["y"], kept, rows, least)

    levels = {}
    for name, (code, level) in coded.items():
        here, codes[name] = np.unique(code[kept], return_inverse=True)
        levels[name] = level[here]
    return Observations(values["y"][kept], weights[kept], codes, levels, rows[kept])


def _refuse_weights(function: str, weights: Floats, rows: pd.Index[Any]) -> None:
    if not weights.any():
        where = "zero everywhere"
    elif (weights < 0).any():
        where = f"negative in {_where(weights < 0, rows)}"
    else:
        return
    raise OptionError(f"{function}: obs_weights is {where}; weights must be at least 0, such as populations.")


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
    if column is not None or isinstance(value, str | bytes | dict) or not hasattr(value, "__iter__"):
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
        One number a row.

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


def _coded(function: str, name: str, value: Any) -> tuple[Ints, pd.Index[Any]]:
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
            text = f"{name} is {what} in {_where(bad, rows)}"
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


def _refuse_low(function: str, y: Floats, kept: Mask, rows: pd.Index[Any], least: Least) -> None:
    if least == "any":
        return
    refuse(function, "y", kept & (y < 0), rows, "negative", "Shares of a total need values of at least 0")
    if least == "positive":
        refuse(function, "y", kept & (y == 0), rows, "zero", "This measure takes logarithms of y")
    if not y[kept].any():
        raise IdentificationError(f"{function}: y is zero in every row, so inequality is not defined.")


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
        text = f"{name} is {what} in {_where(bad, rows)}"
        data = {"argument": name, "count": int(bad.sum()), "rows": tuple(rows[bad][:5])}
        raise IdentificationError(
            f"{function}: {text}. {why}: correct or remove these rows, and report it.",
            [Notice(what, text, data)],
        )


def _where(bad: Mask, rows: pd.Index[Any]) -> str:
    return f"{counted(int(bad.sum()), 'row')} (first: {rows_text(tuple(rows[bad][:5]))})"
