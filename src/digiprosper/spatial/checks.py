"""Checks of spatial weights: matrices, and labels matched by key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    UNPRINTABLE,
    AlignmentError,
    InputTypeError,
    MissingDataError,
    OptionError,
    alignment_problem,
    cited,
    counted,
    missing_problem,
    nearest,
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
        raise InputTypeError(
            f"name must be text, not {type(name).__name__}.", [option_problem("name")]
        )
    if not name.strip() or UNPRINTABLE.search(name):
        raise OptionError(
            f"name={cited(name)} must be a text of one line.",
            [option_problem("name", name)],
        )


def checked_matrix(argument: Any, labels: pd.Index[Any], name: str) -> Matrix:
    """Check weights of the labelled entities and store a copy of them."""
    from scipy.sparse import issparse

    matrix: Any = argument if issparse(argument) else _as_array(argument)
    _refuse_shape(matrix, len(labels))
    if matrix.dtype.kind not in "biuf":
        raise InputTypeError(
            f"matrix holds {matrix.dtype}, not real numbers.", [text_problem("matrix")]
        )
    raw = stored(matrix)
    rows, columns, weights = link_ends(raw)
    _refuse_values(labels, rows, columns, weights)
    _refuse_diagonal(labels, rows, columns)
    refuse_unlinked(raw, name)
    return raw


def _as_array(argument: Any) -> np.ndarray[Any, Any]:
    if isinstance(argument, pd.DataFrame):
        raise InputTypeError(
            "matrix is a DataFrame, whose labels would be matched by position; pass it "
            "to SpatialWeights.from_frame(frame)."
        )
    if isinstance(argument, np.ma.MaskedArray) and np.ma.is_masked(argument):
        raise MissingDataError(
            "matrix has masked weights.", [missing_problem("matrix")]
        )
    try:
        cells = np.asarray(argument)
        return _numbers(cells) if cells.dtype.kind == "O" else cells
    except (TypeError, ValueError, OverflowError) as error:
        raise InputTypeError(
            "matrix must be a square array of numbers, not "
            f"{type(argument).__name__} ({error}).",
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
            f"matrix has the shape {matrix.shape}; it needs a row and a column for "
            "each entity."
        )
    if matrix.shape[0] != n:
        raise AlignmentError(
            f"matrix has {counted(matrix.shape[0], 'row')}, but there are "
            f"{counted(n, 'label')} in entities."
        )


def _pairs(
    labels: pd.Index[Any], rows: Ints, columns: Ints
) -> tuple[tuple[Any, Any], ...]:
    """Name the first five links."""
    return tuple(
        (labels[i], labels[j]) for i, j in zip(rows[:5], columns[:5], strict=True)
    )


def _refuse_values(
    labels: pd.Index[Any], rows: Ints, columns: Ints, weights: Floats
) -> None:
    invalid: Bools = ~np.isfinite(weights)
    if invalid.any():
        pairs = _pairs(labels, rows[invalid], columns[invalid])
        raise MissingDataError(
            f"{counted(int(invalid.sum()), 'weight is', 'weights are')} missing or "
            f"infinite (first: {rows_text(pairs)}); a pair without a link has "
            "the weight 0.",
            [missing_problem("matrix", int(invalid.sum()), pairs)],
        )
    for invalid, problem in (
        (weights < 0, "negative"),
        (
            (weights > LARGEST_COLUMN) | (weights < 1 / LARGEST_COLUMN),
            "too large or too small",
        ),
    ):
        if invalid.any():
            pairs = _pairs(labels, rows[invalid], columns[invalid])
            raise OptionError(
                f"{counted(int(invalid.sum()), 'weight is', 'weights are')} {problem} "
                f"(first: {rows_text(pairs)}); weights lie between 0 and "
                f"{LARGEST_COLUMN:g}.",
                [option_problem("matrix", pairs, what=f"{problem} weights")],
            )


def _refuse_diagonal(labels: pd.Index[Any], rows: Ints, columns: Ints) -> None:
    on_diagonal = labels[rows[rows == columns]]
    if len(on_diagonal):
        raise OptionError(
            f"the diagonal is not zero for {quoted(on_diagonal)}: no entity is its own "
            "neighbour. Set it to zero: numpy.fill_diagonal(matrix, 0).",
            [
                option_problem(
                    "matrix", tuple(on_diagonal[:5]), what="diagonal not zero"
                )
            ],
        )


def refuse_unlinked(raw: Matrix, name: str) -> None:
    """Refuse weights that are all zero."""
    if not link_ends(raw)[0].size:
        raise OptionError(
            f"{name}: no entity has a neighbour, all weights are zero.",
            [option_problem("matrix", what="no links")],
        )


# --- labels ---------------------------------------------------------------------------


def checked_labels(values: object, role: str) -> pd.Index[Any]:
    """Check that entity labels are an ordered collection, none missing or repeated.

    `role` names them in messages.
    """
    labels = _as_index(values, role)
    missing = np.flatnonzero(labels.isna())
    if missing.size:
        raise AlignmentError(
            f"{role}: the label at position {missing[0]} is missing; every row "
            "needs a label.",
            [alignment_problem(role, "missing labels", missing[:5].tolist())],
        )
    refuse_repeated(labels, role)
    return labels


def _as_index(values: object, role: str) -> pd.Index[Any]:
    unordered = isinstance(values, str | bytes | Mapping | Set | pd.DataFrame)
    if unordered or not isinstance(values, Iterable) or getattr(values, "ndim", 1) != 1:
        raise InputTypeError(
            f"{role} must be the labels of the rows in their order, as a list or an "
            f"Index, not {type(values).__name__}."
        )
    if isinstance(values, pd.MultiIndex):
        raise InputTypeError(
            f"{role} has {values.nlevels} levels ({quoted(values.names)}); pass one "
            "label per entity, such as panel.entities."
        )
    cells = np.asarray(values) if _is_coded(values) else list(values)
    labels = pd.Index(cells, tupleize_cols=False)
    not_hashable = [label for label in labels if not pd.api.types.is_hashable(label)]
    if not_hashable:
        raise InputTypeError(
            f"{role}: {cited(not_hashable[0])} is no label; use text or numbers."
        )
    return labels.rename(None)


def _is_coded(values: object) -> bool:
    return isinstance(values, pd.CategoricalIndex | pd.Categorical) or (
        isinstance(values, pd.Series) and isinstance(values.dtype, pd.CategoricalDtype)
    )


def refuse_repeated(labels: pd.Index[Any], role: str) -> None:
    """Refuse a label that several rows have."""
    if not labels.is_unique:
        repeated = labels[labels.duplicated()].unique()
        raise AlignmentError(
            f"{role}: {quoted(repeated)} is there more than once; each entity "
            "has one row.",
            [alignment_problem(role, "repeated labels", repeated[:5])],
        )


def positions_among(
    labels: pd.Index[Any],
    sought: pd.Index[Any],
    holder: str,
    source: str,
    remedy: str = "",
) -> Ints:
    """Return the (m,) positions of labels `sought` in `labels`; refuse absent ones.

    `holder` and `source` name both collections in messages, and `remedy` is a sentence
    on what to do.
    """
    positions = labels.get_indexer(sought)
    absent = sought[positions < 0]
    if len(absent):
        count = counted(len(absent), "entity", "entities")
        verb = "is" if len(absent) == 1 else "are"
        hint = _hint(absent[0], labels)
        text = (
            f"{count} of {source} {verb} not in {holder}: "
            f"{quoted(absent)}{hint}. {remedy}"
        )
        raise AlignmentError(
            text.strip(), [alignment_problem(None, f"not in {holder}", absent[:5])]
        )
    return np.asarray(positions, dtype=np.intp)


def _hint(label: object, labels: pd.Index[Any]) -> str:
    """Suggest why a label was not found: another type, or another spelling."""
    same_text = [other for other in labels if str(other) == str(label)]
    if same_text:
        return (
            f". There is {same_text[0]!r} ({type(same_text[0]).__name__}), but "
            f"{cited(label)} is {type(label).__name__}: give both the same type"
        )
    return nearest(label, labels)
