"""Notices about the data of a panel: one maker a code. All are warnings.

================ =======================================================================
code             data
================ =======================================================================
similar_entities entity (name), pairs (of labels that differ in blanks or width only)
shifted_rows     column, of (the column it is made from), change ("lag", "lead",
                 "difference" or "growth"), count (rows with another entity's value)
unit_break       columns (column to the ratio, entities, and the first time of the
                 later unit, of the first of them)
================ =======================================================================
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from digiprosper.errors import Notice, cited, counted, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel.keys import Keys
    from digiprosper.panel.table import Table

# What a column has in a row, of another column's values in this row and in the row
# before. A lead is in the row before what its source is in this one.
_CHANGES: Final[Mapping[str, Callable[[Floats, Floats], Floats]]] = {
    "lag": lambda _, before: before,
    "difference": lambda now, before: now - before,
    "growth": lambda now, before: now / before - 1,
    "lead": lambda now, _: now,
}
_TERMS: Final = {
    "lag": "lag({0})",
    "difference": "diff({0})",
    "growth": "I(diff({0}) / lag({0}))",
    "lead": "lead({0})",
}
# Rows that are enough to see that most columns are no lag of another, and fewer
# boundaries between entities than these may agree by chance.
_FIRST_ROWS: Final = 5
_LEAST_BOUNDARIES: Final = 3
# A change of unit is by 100 or more, and growth takes a little of it.
_UNITS_APART: Final = 50.0


def similar_entities(keys: Keys) -> Iterator[Notice]:
    """Report entities whose labels differ in blanks or the width of characters only."""
    if keys.entities.dtype.kind in "iuf" or keys.rows_are_entities:
        return
    groups: dict[str, list[str]] = {}
    for label in keys.entities:
        if isinstance(label, str):
            written = "".join(unicodedata.normalize("NFKC", label).split())
            groups.setdefault(written, []).append(label)
    pairs = tuple(tuple(labels[:2]) for labels in groups.values() if len(labels) > 1)
    if pairs:
        name = cited(keys.entity_name)
        text = (
            f"{counted(len(pairs), 'pair')} of {name} differ in blanks or the width of "
            f"characters only, such as {quoted(pairs[0])}, and count as two entities: "
            "each has its own effect and cluster, and lags do not reach from one to "
            f"the other. Write them alike: df[{name}] = df[{name}].str.strip()."
        )
        data = {"entity": keys.entity_name, "pairs": pairs}
        yield Notice("similar_entities", text, data)


def data_notices(rows: pd.DataFrame, table: Table) -> Iterator[Notice]:
    """Report columns of which some values seem wrong.

    `rows` are those of `table` in the order in which they were given.
    """
    keys, numbers = table.keys, numbers_of(table.data)
    name = keys.entity_name
    if keys.time_name is None or not numbers:
        return
    if name in rows or name in rows.index.names:
        entity = rows[name] if name in rows else rows.index.get_level_values(name)
        yield from shifted_rows(
            {n: v for n, v in numbers_of(rows).items() if n in numbers},
            pd.factorize(entity)[0],
            name,
        )
    yield from unit_break(numbers, keys)


def numbers_of(frame: pd.DataFrame) -> dict[str, Floats]:
    """Return the values (N,) of columns of real numbers, NaN where missing."""
    return {
        name: values.to_numpy(dtype=np.float64, na_value=np.nan)
        for name, values in frame.items()
        if isinstance(name, str) and values.dtype.kind in "iuf"
    }


def shifted_rows(
    columns: Mapping[str, Floats],
    entity: Ints,
    name: str,
    looked_at: Sequence[str] | None = None,
) -> Iterator[Notice]:
    """Report lags, leads, differences and growth across entities.

    `columns` (N,) and the codes `entity` (N,) are in the order of the user's rows,
    `name` is that of the entity key, and `looked_at` are some columns, all by
    default.
    """
    boundary = np.flatnonzero(entity[1:] != entity[:-1])
    if boundary.size < _LEAST_BOUNDARIES:
        return
    names, few, told = list(columns), boundary[:_FIRST_ROWS], set[str]()
    now, before = (np.array([columns[n][few + k] for n in names]) for k in (1, 0))
    candidates = columns if looked_at is None else looked_at
    for change, calculate in _CHANGES.items():
        with np.errstate(all="ignore"):
            others = calculate(now, before)
        targets = before if change == "lead" else now
        for column, target in zip(names, targets, strict=True):
            if column in told or column not in candidates:
                continue
            for at in _equal_rows(others, target):
                if _is_made(columns[column], columns[names[at]], change, boundary):
                    told |= {column, names[at]}
                    yield _shifted(column, names[at], change, boundary.size, name)
                    break


def _equal_rows(others: Floats, target: Floats) -> list[int]:
    """List the rows (K, b) that are equal to a row (b,) where neither is missing."""
    same = others == target
    equal = (same | np.isnan(others) | np.isnan(target)).all(axis=1)
    return np.flatnonzero(equal & same.any(axis=1)).tolist()


def _is_made(values: Floats, others: Floats, change: str, boundary: Ints) -> bool:
    """Tell whether a column is made from another one, also where entities change."""
    if values is others:
        return False
    if change == "lag" and np.isnan(others[-1]) and not np.isnan(values[0]):
        return False  # The other column is the lead of this one.
    target = values[:-1] if change == "lead" else values[1:]
    with np.errstate(all="ignore"):
        source = _CHANGES[change](others[1:], others[:-1])
    both = np.isfinite(target) & np.isfinite(source)
    between = target[boundary][both[boundary]]
    enough = np.unique(between).size >= _LEAST_BOUNDARIES
    return bool(enough and (target[both] == source[both]).all())


def _shifted(column: str, of: str, change: str, count: int, name: str) -> Notice:
    neighbour = "next" if change == "lead" else "previous"
    text = (
        f"{cited(column)} is the {change} of {cited(of)} by rows, and {count:,} rows "
        f"have the value of another {name}: the {neighbour} row is not the "
        f"{neighbour} period there. Use {cited(_TERMS[change].format(of))} as a term "
        f"or in panel.assign, which stays within each {name}."
    )
    data = {"column": column, "of": of, "change": change, "count": count}
    return Notice("shifted_rows", text, data)


def unit_break(numbers: Mapping[str, Floats], keys: Keys) -> Iterator[Notice]:
    """Report columns that from some time on seem to have another unit."""
    entity, columns = keys.entity, {}
    for name, values in numbers.items():
        # Amounts are positive; where others are near zero, ratios say nothing.
        if not (np.isnan(values) | (values > 0)).all():
            continue
        with np.errstate(all="ignore"):
            ratio = values[1:] / values[:-1]
        apart = (ratio > _UNITS_APART) | (ratio < 1 / _UNITS_APART)
        jumps = np.flatnonzero(apart & (entity[1:] == entity[:-1])) + 1
        broken = [at for at in jumps.tolist() if _has_two_units(values, entity, at)]
        if broken:
            columns[name] = {
                "ratio": float(values[broken[0]] / values[broken[0] - 1]),
                "entities": tuple(keys.entities[entity[broken]]),
                "from": keys.times[keys.time[broken[0]]],
            }
    if columns:
        name = keys.entity_name
        shown = "; ".join(
            f"{cited(column)} changes by a factor of {_factor(row['ratio'])} in "
            f"{row['from']} in {counted(len(row['entities']), 'entity', 'entities')} "
            f"({name} {quoted(row['entities'], 3)})"
            for column, row in columns.items()
        )
        text = (
            f"{shown}: more than the values before it, or those after it, differ among "
            "themselves. Check the unit of these rows, such as yuan and 10,000 yuan."
        )
        yield Notice("unit_break", text, {"columns": columns})


def _has_two_units(values: Floats, entity: Ints, at: int) -> bool:
    """Tell whether two periods on each side of a jump are nearer than the sides."""
    start, stop = np.searchsorted(entity, [entity[at], entity[at] + 1])
    sides = [part[~np.isnan(part)] for part in (values[start:at], values[at:stop])]
    # Codes of a category repeat, amounts do not.
    if any(side.size < 2 or np.unique(side).size < side.size for side in sides):
        return False
    (a, b), (c, d) = [np.log([side.min(), side.max()]) for side in sides]
    gap = max(c - b, a - d)
    return bool(gap > max(np.log(_UNITS_APART), b - a, d - c))


def _factor(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio > 1 else f"1/{1 / ratio:,.0f}"
