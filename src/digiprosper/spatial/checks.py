"""Checks of what spatial weights are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    UNPRINTABLE,
    AlignmentError,
    InputTypeError,
    MissingDataError,
    OptionError,
    cited,
    counted,
    missing_problem,
    option_problem,
    quoted,
    text_problem,
)
from digiprosper.kernels.tolerances import LARGEST_COLUMN
from digiprosper.panel.keys import rows_text
from digiprosper.spatial.kernels.matrices import link_ends, stored

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.spatial.kernels.matrices import Matrix


def refuse_name(name: object) -> None:
    """Refuse a name of weights that is not one line of text."""
    if not isinstance(name, str):
        raise InputTypeError(f"name must be text, not {type(name).__name__}.", [option_problem("name")])
    if not name.strip() or UNPRINTABLE.search(name):
        raise OptionError(f"name={cited(name)} must be a text of one line.", [option_problem("name", name)])


def checked_matrix(argument: Any, labels: pd.Index[Any], name: str) -> Matrix:
    """Check weights of the labelled entities and store a copy of them."""
    from scipy.sparse import issparse

    matrix: Any = argument if issparse(argument) else _as_array(argument)
    _refuse_shape(matrix, len(labels))
    if matrix.dtype.kind not in "biuf":
        raise InputTypeError(f"matrix holds {matrix.dtype}, not real numbers.", [text_problem("matrix")])
    raw = stored(matrix)
    rows, columns, weights = link_ends(raw)
    _refuse_values(labels, rows, columns, weights)
    _refuse_diagonal(labels, rows, columns)
    refuse_unlinked(raw, name)
    return raw


def _as_array(argument: Any) -> np.ndarray[Any, Any]:
    if isinstance(argument, pd.DataFrame):
        raise InputTypeError(
            "matrix is a DataFrame, whose labels would be matched by position; pass it to "
            "SpatialWeights.from_frame(frame)."
        )
    if isinstance(argument, np.ma.MaskedArray) and np.ma.is_masked(argument):
        raise MissingDataError("matrix has masked weights.", [missing_problem("matrix")])
    try:
        cells = np.asarray(argument)
        return _numbers(cells) if cells.dtype.kind == "O" else cells
    except (TypeError, ValueError, OverflowError) as error:
        raise InputTypeError(
            f"matrix must be a square array of numbers, not {type(argument).__name__} ({error}).",
            [text_problem("matrix")],
        ) from error


def _numbers(cells: np.ndarray[Any, Any]) -> Floats:
    """Turn an array of objects into numbers, where none is text or complex."""
    if any(isinstance(cell, str | bytes | complex) for cell in cells.flat):
        raise TypeError("it holds text")
    return np.where(pd.isna(cells), np.nan, cells).astype(np.float64)


def _refuse_shape(matrix: Any, n: int) -> None:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputTypeError(
            f"matrix has the shape {matrix.shape}; it needs a row and a column for each entity."
        )
    if matrix.shape[0] != n:
        raise AlignmentError(
            f"matrix has {counted(matrix.shape[0], 'row')}, but there are {counted(n, 'label')} in entities."
        )


def _pairs(labels: pd.Index[Any], rows: Ints, columns: Ints) -> tuple[tuple[Any, Any], ...]:
    """Name the first five links."""
    return tuple((labels[i], labels[j]) for i, j in zip(rows[:5], columns[:5], strict=True))


def _refuse_values(labels: pd.Index[Any], rows: Ints, columns: Ints, weights: Floats) -> None:
    invalid: Bools = ~np.isfinite(weights)
    if invalid.any():
        pairs = _pairs(labels, rows[invalid], columns[invalid])
        raise MissingDataError(
            f"{counted(int(invalid.sum()), 'weight is', 'weights are')} missing or infinite (first: "
            f"{rows_text(pairs)}); a pair without a link has the weight 0.",
            [missing_problem("matrix", int(invalid.sum()), pairs)],
        )
    for invalid, problem in (
        (weights < 0, "negative"),
        ((weights > LARGEST_COLUMN) | (weights < 1 / LARGEST_COLUMN), "too large or too small"),
    ):
        if invalid.any():
            pairs = _pairs(labels, rows[invalid], columns[invalid])
            raise OptionError(
                f"{counted(int(invalid.sum()), 'weight is', 'weights are')} {problem} "
                f"(first: {rows_text(pairs)}); weights lie between 0 and {LARGEST_COLUMN:g}.",
                [option_problem("matrix", pairs, what=f"{problem} weights")],
            )


def _refuse_diagonal(labels: pd.Index[Any], rows: Ints, columns: Ints) -> None:
    on_diagonal = labels[rows[rows == columns]]
    if len(on_diagonal):
        raise OptionError(
            f"the diagonal is not zero for {quoted(on_diagonal)}: no entity is its own neighbour. Set it to "
            "zero: numpy.fill_diagonal(matrix, 0).",
            [option_problem("matrix", tuple(on_diagonal[:5]), what="diagonal not zero")],
        )


def refuse_unlinked(raw: Matrix, name: str) -> None:
    """Refuse weights that are all zero."""
    if not link_ends(raw)[0].size:
        raise OptionError(
            f"{name}: no entity has a neighbour, all weights are zero.",
            [option_problem("matrix", what="no links")],
        )
