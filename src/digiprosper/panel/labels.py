"""Labels of columns and terms, checked once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from digiprosper.errors import ColumnError, InputTypeError, one_line, quoted, unknown_columns
from digiprosper.panel.terms import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def checked_labels(labels: Mapping[str, str], column_names: Sequence[str]) -> dict[str, str]:
    """Check the labels of columns and terms, and put each on one line."""
    mapping: object = labels
    if not isinstance(mapping, Mapping):
        raise InputTypeError(
            f"labels must be a mapping of column to text, not {type(mapping).__name__}: {{'gdp': 'GDP'}}."
        )
    no_text = [n for n in mapping if not isinstance(n, str)]
    if no_text:
        raise InputTypeError(f"labels: the names {quoted(no_text)} are not text.")

    texts: dict[str, object] = {one_line(name): text for name, text in labels.items()}
    _refuse_unknown(texts, column_names)
    odd = [name for name, text in texts.items() if not isinstance(text, str)]
    if odd:
        raise InputTypeError(f"labels must be text; the label of {quoted(odd)} is not.")
    return {name: one_line(str(text)) for name, text in texts.items()}


def _refuse_unknown(names: Iterable[str], column_names: Sequence[str]) -> None:
    unknown: list[str] = []
    for name in names:
        try:
            parse(name, column_names, "labels")
        except ColumnError as error:
            unknown += [problem.data["column"] for problem in error.problems]
    if unknown:
        advice = "Label a column that is made later by panel.relabel(), once the panel has it."
        raise unknown_columns(unknown, column_names, "labels", advice=advice)
