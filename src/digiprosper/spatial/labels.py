"""Labels of entities: checked, and matched by key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    AlignmentError,
    InputTypeError,
    alignment_problem,
    cited,
    counted,
    nearest,
    quoted,
)

if TYPE_CHECKING:
    from digiprosper.kernels import Ints


def checked_labels(values: object, role: str) -> pd.Index[Any]:
    """Check that labels of entities are an ordered collection without missing or repeated ones.

    `role` names them in messages.
    """
    labels = _as_index(values, role)
    missing = np.flatnonzero(labels.isna())
    if missing.size:
        raise AlignmentError(
            f"{role}: the label at position {missing[0]} is missing; every row needs a label.",
            [alignment_problem(role, "missing labels", missing[:5].tolist())],
        )
    refuse_repeated(labels, role)
    return labels


def _as_index(values: object, role: str) -> pd.Index[Any]:
    unordered = isinstance(values, str | bytes | Mapping | Set | pd.DataFrame)
    if unordered or not isinstance(values, Iterable) or getattr(values, "ndim", 1) != 1:
        raise InputTypeError(
            f"{role} must be the labels of the rows in their order, as a list or an Index, not "
            f"{type(values).__name__}."
        )
    if isinstance(values, pd.MultiIndex):
        raise InputTypeError(
            f"{role} has {values.nlevels} levels ({quoted(values.names)}); pass one label per entity, such "
            "as panel.entities."
        )
    cells = np.asarray(values) if _is_coded(values) else list(values)
    labels = pd.Index(cells, tupleize_cols=False)
    not_hashable = [label for label in labels if not pd.api.types.is_hashable(label)]
    if not_hashable:
        raise InputTypeError(f"{role}: {cited(not_hashable[0])} is no label; use text or numbers.")
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
            f"{role}: {quoted(repeated)} is there more than once; each entity has one row.",
            [alignment_problem(role, "repeated labels", repeated[:5])],
        )


def places_among(
    labels: pd.Index[Any], sought: pd.Index[Any], holder: str, source: str, remedy: str = ""
) -> Ints:
    """Return the (m,) positions of the labels `sought` among `labels`; refuse absent ones.

    `holder` and `source` name both collections in messages, and `remedy` is a sentence on what to do.
    """
    positions = labels.get_indexer(sought)
    absent = sought[positions < 0]
    if len(absent):
        count = counted(len(absent), "entity", "entities")
        verb = "is" if len(absent) == 1 else "are"
        hint = _hint(absent[0], labels)
        text = f"{count} of {source} {verb} not in {holder}: {quoted(absent)}{hint}. {remedy}"
        raise AlignmentError(text.strip(), [alignment_problem(None, f"not in {holder}", absent[:5])])
    return np.asarray(positions, dtype=np.intp)


def _hint(label: object, labels: pd.Index[Any]) -> str:
    """Suggest why a label was not found: another type, or another spelling."""
    same_text = [other for other in labels if str(other) == str(label)]
    if same_text:
        return (
            f". There is {same_text[0]!r} ({type(same_text[0]).__name__}), but {cited(label)} is "
            f"{type(label).__name__}: give both the same type"
        )
    return nearest(label, labels)
