"""New names of columns and keys, with the labels that belong to them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from digiprosper.errors import (
    UNPRINTABLE,
    ColumnError,
    InputTypeError,
    cited,
    column_problem,
    quoted,
    unknown_columns,
)
from digiprosper.panel.grammar import as_written, with_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.panel.table import Table


def renamed(table: Table, names: Mapping[str, str]) -> Table:
    """Rename columns and keys, also in the labels of columns and terms, for `Panel.rename`."""
    _refuse_unusable(names)
    unknown = [name for name in names if name not in table.known]
    if unknown:
        raise unknown_columns(unknown, table.known, "rename", table.labels)
    _refuse_clashes(table, names)

    keys = table.keys
    entity = names.get(keys.entity_name, keys.entity_name)
    time = None if keys.time_name is None else names.get(keys.time_name, keys.time_name)
    return replace(
        table,
        data=table.data.rename(columns=dict(names)),
        keys=replace(
            keys,
            entity_name=entity,
            time_name=time,
            entities=keys.entities.rename(entity),
            times=keys.times.rename(time),
        ),
        labels={_key(text, table, names): label for text, label in table.labels.items()},
    )


def _key(text: str, table: Table, names: Mapping[str, str]) -> str:
    """Give the key of a label, a column or a term, the new names."""
    if text in table.known:
        return names.get(text, text)
    return with_names(text, {old: as_written(new) for old, new in names.items()})


def _refuse_unusable(names: Mapping[str, object]) -> None:
    odd = [old for old, new in names.items() if not isinstance(new, str)]
    if odd:
        raise InputTypeError(f"rename: the new name of {quoted(odd)} is not text.")
    bad = [str(new) for new in names.values() if not str(new).strip() or UNPRINTABLE.search(str(new))]
    if bad:
        raise ColumnError(
            f"rename: the new name {quoted(bad)} is empty, or has line breaks or control characters.",
            [column_problem(name, "rename", f"{cited(name)} is no name") for name in bad],
        )


def _refuse_clashes(table: Table, names: Mapping[str, str]) -> None:
    counts = Counter(names.get(name, name) for name in table.known)
    clashes = [name for name, count in counts.items() if count > 1]
    if clashes:
        raise ColumnError(
            f"rename: {quoted(clashes)} would be the name of two columns; rename the other, too, or leave "
            "it out of the table.",
            [column_problem(name, "rename", f"{cited(name)} twice") for name in clashes],
        )
