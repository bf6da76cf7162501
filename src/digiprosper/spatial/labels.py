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


def checked_labels(given: object, role: str) -> pd.Index[Any]:
    """Take the labels of entities.

    Parameters
    ----------
    given : iterable of labels
        In the order of the rows of a matrix.
    role : str
        Name of the argument, for messages.

    Returns
    -------
    Index
        The same labels.

    Raises
    ------
    InputTypeError
        If it is no ordered collection of labels.
    AlignmentError
        If a label is missing or there twice.
    """
    labels = _as_index(given, role)
    missing = np.flatnonzero(labels.isna())
    if missing.size:
        raise AlignmentError(
            f"{role}: the label at position {missing[0]} is missing; every row needs a label.",
            [alignment_problem(role, "missing labels", missing[:5].tolist())],
        )
    refuse_repeated(labels, role)
    return labels


def _as_index(given: object, role: str) -> pd.Index[Any]:
    unordered = isinstance(given, str | bytes | Mapping | Set | pd.DataFrame)
    if unordered or not isinstance(given, Iterable) or getattr(given, "ndim", 1) != 1:
        raise InputTypeError(
            f"{role} must be the labels of the rows in their order, as a list or an Index, not "
            f"{type(given).__name__}."
        )
    if isinstance(given, pd.MultiIndex):
        raise InputTypeError(
            f"{role} has {given.nlevels} levels ({quoted(given.names)}); pass one label per entity, such as "
            "panel.entities."
        )
    cells = np.asarray(given) if _is_coded(given) else list(given)
    labels = pd.Index(cells, tupleize_cols=False)
    odd = [label for label in labels if not pd.api.types.is_hashable(label)]
    if odd:
        raise InputTypeError(f"{role}: {cited(odd[0])} is no label; use text or numbers.")
    return labels.rename(None)


def _is_coded(given: object) -> bool:
    return isinstance(given, pd.CategoricalIndex | pd.Categorical) or (
        isinstance(given, pd.Series) and isinstance(given.dtype, pd.CategoricalDtype)
    )


def refuse_repeated(labels: pd.Index[Any], role: str) -> None:
    """Refuse a label that several rows have.

    Parameters
    ----------
    labels : Index
        One a row.
    role : str
        What they label, for messages.

    Raises
    ------
    AlignmentError
        With the first of them.
    """
    if not labels.is_unique:
        twice = labels[labels.duplicated()].unique()
        raise AlignmentError(
            f"{role}: {quoted(twice)} is there more than once; each entity has one row.",
            [alignment_problem(role, "repeated labels", twice[:5])],
        )


def places_among(
    known: pd.Index[Any], wanted: pd.Index[Any], holder: str, whose: str, remedy: str = ""
) -> Ints:
    """Find entities by their labels.

    Parameters
    ----------
    known : Index
        Labels that there are.
    wanted : Index
        Labels to find.
    holder : str
        What has the labels of `known`, for messages.
    whose : str
        What has the labels of `wanted`, for messages.
    remedy : str
        What to do, for messages: a sentence, or nothing.

    Returns
    -------
    (m,) array of int
        Position of each wanted label among the known ones.

    Raises
    ------
    AlignmentError
        If there is none, with the labels.
    """
    places = known.get_indexer(wanted)
    absent = wanted[places < 0]
    if len(absent):
        count = counted(len(absent), "entity", "entities")
        verb = "is" if len(absent) == 1 else "are"
        text = (
            f"{count} of {whose} {verb} not in {holder}: {quoted(absent)}{_hint(absent[0], known)}. {remedy}"
        )
        raise AlignmentError(text.strip(), [alignment_problem(None, f"not in {holder}", absent[:5])])
    return np.asarray(places, dtype=np.intp)


def _hint(label: object, known: pd.Index[Any]) -> str:
    """Suggest why a label was not found: another type, or another spelling."""
    same = [other for other in known if str(other) == str(label)]
    if same:
        return (
            f". There is {same[0]!r} ({type(same[0]).__name__}), but {cited(label)} is "
            f"{type(label).__name__}: give both the same type"
        )
    return nearest(label, known)
