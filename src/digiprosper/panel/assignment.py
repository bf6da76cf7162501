"""New columns: from terms, from values with the panel's row labels, from tables with its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    UNPRINTABLE,
    AlignmentError,
    ColumnError,
    InputTypeError,
    PanelIndexError,
    TermError,
    alignment_problem,
    cited,
    one_line,
    quoted,
)
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.keys import refuse_infinite, rows_text, to_pandas
from digiprosper.panel.terms import parse

if TYPE_CHECKING:
    from digiprosper.panel.table import Table

_ARRAYS = (np.ndarray, pd.api.extensions.ExtensionArray, pd.Index)


def assigned(table: Table, name: str, value: object) -> Table:
    """Add or replace one column, for `Panel.assign`."""
    if name in table.keys.names:
        raise PanelIndexError(f"{cited(name)} is a key and cannot be assigned; build a new Panel.")
    if UNPRINTABLE.search(name):
        raise ColumnError(
            f"assign: the name {cited(name)} has line breaks or control characters; write "
            f"{cited(one_line(name))}."
        )
    changed = table.with_columns({name: _values(table, name, value)})
    refuse_infinite(changed.data[[name]], table.index)
    return changed


def _values(table: Table, name: str, value: object) -> Any:
    if isinstance(value, str):
        return _values_of_term(table, name, value)
    if callable(value):
        value = value(table.frame)
        # Made from panel.frame, so its rows are in the panel's order.
        if isinstance(value, _ARRAYS) and value.ndim == 1 and len(value) == table.nobs:
            return value
    if isinstance(value, pd.Series):
        return aligned(table, value, name).array
    if value is None or np.isscalar(value) or isinstance(value, pd.Timestamp | pd.Period):
        return value
    raise AlignmentError(
        f"{cited(name)} is a {type(value).__name__} without row labels. The rows of the panel are "
        "sorted, so values cannot be matched by position: pass a Series indexed by (entity, time), "
        "such as panel.frame['x'] * 2, or a term as text.",
        [alignment_problem(name, f"no labels for {cited(name)}")],
    )


def _values_of_term(table: Table, name: str, text: str) -> Any:
    term = parse(text, table.known, f"assign({name}=...)")
    if any(factor.category for factor in term.factors):
        raise TermError(f"assign({name}=...): C() makes several columns; use it in the model instead.")
    return evaluate(term, table) if term.column is None else table.raw(term.column)


def aligned(table: Table, value: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Reorder a Series with the labels of the table into the order of its rows."""
    index = table.index
    _refuse_swapped(table, value.index, name)
    if value.index.equals(index):
        return value
    if value.index.nlevels == index.nlevels and value.index.is_unique and len(value) == len(index):
        positions = value.index.get_indexer(index)
        if (positions >= 0).all():
            return value.iloc[positions]
    raise AlignmentError(
        f"{cited(name)} has {len(value)} rows indexed by {quoted(value.index.names)}; the panel has "
        f"{len(index)} rows indexed by {quoted(index.names)}. The two indexes do not match. "
        "Start from panel.frame, or use panel.attach() for data that cover only some rows.",
        [alignment_problem(name, f"other index for {cited(name)}")],
    )


def _refuse_swapped(table: Table, index: pd.Index[Any], name: str) -> None:
    keys = list(table.keys.names)
    if len(keys) == 2 and list(index.names) == keys[::-1]:
        raise AlignmentError(
            f"{cited(name)} is indexed by {quoted(index.names)}, the panel by {quoted(keys)}; swap "
            "the levels: .swaplevel().",
            [alignment_problem(name, "levels in the other order")],
        )


def attached(table: Table, data: pd.Series[Any] | pd.DataFrame) -> Table:
    """Add columns by their keys, for `Panel.attach`; rows that the data do not cover are missing."""
    _refuse_unkeyed(data)
    frame = to_pandas(data.to_frame() if isinstance(data, pd.Series) else data)
    keys = [n for n in frame.columns if n in table.keys.names]
    if keys:
        raise PanelIndexError(f"{quoted(keys)} is a key and cannot be attached; rename the column.")

    target = _labels_to_match(table, frame.index)
    _refuse_repeats(frame.index)
    _refuse_strangers(frame.index, target)

    positions = frame.index.get_indexer(target)
    matched = frame.iloc[positions] if positions.min() >= 0 else frame.reindex(target)
    changed = table.with_columns({name: matched[name].array for name in frame.columns})
    refuse_infinite(changed.data[list(frame.columns)], table.index)
    return changed


def _refuse_unkeyed(data: object) -> None:
    if not (isinstance(data, pd.Series) or hasattr(data, "columns")):
        raise InputTypeError(
            f"attach takes a Series or DataFrame indexed by the keys, not {type(data).__name__}. "
            "For a composite index pass its scores: panel.attach(index.scores)."
        )
    if isinstance(data, pd.Series) and data.name is None:
        raise AlignmentError("the Series has no name; give it one: series.rename('index_score').")


def _labels_to_match(table: Table, index: pd.Index[Any]) -> pd.Index[Any]:
    """Label the rows of the table by the keys that an index has."""
    _refuse_swapped(table, index, "the data")
    if index.nlevels == len(table.keys.names) == 2:
        return table.index
    names = [str(n) for n in index.names]
    if names == [table.keys.entity_name]:
        return table.keys.entities.take(table.keys.entity)
    if names == [str(table.keys.time_name)]:
        return table.keys.times.take(table.keys.time)
    raise AlignmentError(
        f"the data are indexed by {quoted(names)}; index them by {quoted(table.index.names)}, or by one key."
    )


def _refuse_repeats(index: pd.Index[Any]) -> None:
    if not index.is_unique:
        raise AlignmentError(f"the data have a duplicate key {cited(index[index.duplicated()][0])}.")


def _refuse_strangers(index: pd.Index[Any], target: pd.Index[Any]) -> None:
    in_panel = target.get_indexer_for(index) >= 0 if target.is_unique else index.isin(target)
    strangers = index[~in_panel]
    if len(strangers):
        raise AlignmentError(
            f"{len(strangers)} rows of the data have keys that are not in the panel (first: "
            f"{rows_text(tuple(strangers[:5]))}); drop these rows first.",
            [alignment_problem(None, "strangers", strangers[:5])],
        )
