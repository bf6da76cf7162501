"""First treated times, and the treatment dummy that is 1 from then on.

======================= ===============================================================
code                    data
======================= ===============================================================
same_in_both_directions term, columns (both ends), n_pairs, n_entities
======================= ===============================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_datetime64_dtype, is_numeric_dtype

from digiprosper.checks import not_identified, term_problem
from digiprosper.errors import (
    InputTypeError,
    Notice,
    PanelIndexError,
    TermError,
    cited,
    notice_of,
    quoted,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.panel.keys import Keys
from digiprosper.panel.table import Table
from digiprosper.report.notices import treated_together

# Fewest groups of several entities, and fewest with another time than most groups, for
# a notice; with fewer the pattern may be chance.
_FEWEST_GROUPS = 5
_FEWEST_OTHERS = 2
_FEWEST_OF_ROWS = 10
# Later than any time
_NEVER = np.iinfo(np.intp).max


def as_times(table: Table, column: str) -> Any:
    """Convert first treated times (N,) to the type of the time key, or return None."""
    values, times = table.series(column), table.keys.times
    if values.isna().all():
        return np.full(len(values), np.nan)
    if times.dtype.kind in "iu":
        fits = is_numeric_dtype(values.dtype) and values.dtype.kind not in "bc"
        return table.numeric(column) if fits else None
    index = pd.Index(values)
    if type(index) is type(times) and index.dtype == times.dtype:
        return index
    is_date = isinstance(times, pd.DatetimeIndex) and times.tz is None
    return index if is_date and is_datetime64_dtype(values.dtype) else None


def refuse_several_times(keys: Keys, codes: Ints, column: str, subject: str) -> None:
    """Refuse first treated times that vary within an entity."""
    differs = np.unique(keys.entity[keys.vary(codes)])
    if differs.size:
        names = keys.entities[differs].tolist()
        raise not_identified(
            "event_varies",
            f"{subject} has several values in {entities_text(keys, names)}: the first "
            "treated time must be the same in all rows of an entity, and missing in "
            "all rows if it is never treated. Leave out those that move between places "
            "with different times, or use the places as entities.",
            event=column,
            entities=names,
        )


def entities_text(keys: Keys, names: list[Any]) -> str:
    """Count entities and list the first, for a message."""
    return f"{len(names):,} {keys.entity_name} ({quoted(names)})"


def _year_hint(table: Table, column: str) -> str:
    """Write how years in text become numbers, if all texts have one."""
    texts = table.series(column).dropna().astype(str)
    if table.keys.times.dtype.kind not in "iu" or not len(texts):
        return ""
    years = texts.str.fullmatch(r"\D*(19|20)\d\d\D*")
    statement = f"df[{cited(column)}].str.extract('([0-9]{{4}})')[0].astype(float)"
    return f" Years become numbers by {statement}." if years.all() else ""


def treated(table: Table, column: str, text: str) -> Floats:
    """Compute the dummy of an absorbing treatment, (N,): 1 from its time on.

    The column of first treated times is missing for entities that are never treated, as
    in `EventStudy` and `StaggeredDid`.
    """
    keys = table.keys
    if keys.time_name is None:
        raise PanelIndexError(
            f"the term {cited(text)} needs a time key, but this is a cross-section: "
            "Panel(df, entity=, time=)."
        )
    if column in keys.names:
        raise _treated_error(
            text,
            f"{cited(column)} is a key of the panel; pass a column with first treated "
            "times",
        )
    first = as_times(table, column)
    if first is None:
        raise InputTypeError(
            f"the term {cited(text)}: {cited(column)} is {table.series(column).dtype}, "
            f"but {cited(keys.time_name)} is {keys.times.dtype}. First treated times "
            "must have the type of the time key, and be missing for never-treated "
            f"entities.{_year_hint(table, column)}",
            [term_problem(text, column, "another type than the time key")],
        )
    never = np.asarray(pd.isna(first))
    if never.all():
        return np.zeros(never.size)
    if keys.times.dtype.kind in "iu":
        _refuse_early_codes(table, first, column, text)
    refuse_several_times(
        keys, pd.factorize(first)[0], column, f"the term {cited(text)}: {cited(column)}"
    )
    return np.where(never, 0.0, np.asarray(keys.times.take(keys.time) >= first))


def _refuse_early_codes(table: Table, first: Floats, column: str, text: str) -> None:
    """Refuse times <= 0 before the first period, which probably mean never treated."""
    early = (first < table.keys.times[0]) & (first <= 0)
    if not early.any():
        return
    if np.nanmin(first) >= 0 and np.nanmax(first) <= 1:
        kind = "a share" if (first % 1 > 0).any() else "a dummy"
        raise _treated_error(
            text, f"{cited(column)} is from 0 to 1: {kind} already; write {column}"
        )
    least = f"{first[early].min():g}"
    raise _treated_error(
        text,
        f"{cited(column)} is {least} in {table.describe_rows(early)}, before the first "
        f"{table.keys.time_name} ({table.keys.times[0]}). Set it to missing for "
        f"never-treated entities, assign({column}=lambda f: "
        f"f[{cited(column)}].where(f[{cited(column)}] > 0))",
    )


def _treated_error(text: str, why: str) -> TermError:
    return TermError(
        f"the term {cited(text)} cannot be used: {why}.",
        [term_problem(text, "treated", why)],
    )


def group_treatment_notices(
    table: Table,
    entities: pd.Index[Any],
    first: Ints,
    treatment: str,
    before: Ints | None = None,
) -> list[Notice]:
    """Report that groups of entities, defined by a column, are treated together.

    `first` (n,) is the position of the first treated time of each of the entities, and
    -1 if there is none. Where it is that of the first treated row, treatment may have
    begun in a gap after `before` (n,), the last untreated row. Of several columns the
    notice names that of most groups; if there is none, the groups may be both
    directions of a pair.
    """
    first = np.where(first < 0, _NEVER, first)
    before = first - 1 if before is None else before
    groups = dict[tuple[str, ...], int]()
    in_rows = table.keys.rows_are_entities
    codes_by_name = dict[str, Ints]()
    for name, labels in _label_columns(table, entities):
        codes = codes_by_name[name] = pd.factorize(labels)[0]
        n_groups = int(codes.max()) + 1
        # A dummy of persons may be made from a column, such as degrees from schooling.
        if in_rows and (n_groups < _FEWEST_OF_ROWS or _is_cut(labels, first)):
            continue
        if _is_treated_by_group(codes, first, before):
            groups[name,] = n_groups
    if not groups and not in_rows:
        groups = _groups_of_affected(codes_by_name, first, before)
    if not groups:
        at = np.arange(first.size)
        return pair_direction_notices(table, entities, first, treatment, at, 0 * at)
    columns, count = max(groups.items(), key=lambda group: group[1])
    size, entity = len(entities), table.keys.entity_name
    return [treated_together(treatment, columns, count, entity, size)]


def _groups_of_affected(
    codes_by_name: Mapping[str, Ints], first: Ints, before: Ints
) -> dict[tuple[str, ...], int]:
    """Count groups treated together but for levels of a column, as in a triple DID."""
    groups = dict[tuple[str, ...], int]()
    # The column with fewest levels is named.
    for name, levels in sorted(codes_by_name.items(), key=lambda item: item[1].max()):
        affected = np.isin(levels, levels[first != _NEVER])
        for other, codes in () if affected.all() else codes_by_name.items():
            # Affected industries are fewer than cities.
            if codes.max() <= levels.max():
                continue
            part = pd.factorize(codes[affected])[0]
            enough = part.max(initial=-1) + 1 >= _FEWEST_OF_ROWS
            if enough and _is_treated_by_group(part, first[affected], before[affected]):
                groups[other, name] = int(codes.max()) + 1
    return groups


def dummy_treatment_notices(
    table: Table, keys: Keys, treated: Bools, name: str
) -> list[Notice]:
    """Report that groups of entities are treated (N,) in the same rows."""
    n_times = len(keys.times)
    first = np.full(len(keys.entities), n_times)
    np.minimum.at(first, keys.entity[treated], keys.time[treated])
    earlier = keys.time < first[keys.entity]
    before = np.full(first.size, -1)
    np.maximum.at(before, keys.entity[earlier], keys.time[earlier])
    first[first == n_times] = -1
    return group_treatment_notices(table, keys.entities, first, name, before)


def _label_columns(
    table: Table, entities: pd.Index[Any]
) -> Iterator[tuple[str, pd.Series[Any]]]:
    """Yield label columns that are constant within entities, by entity (n,)."""
    rows = table.keys.starts[table.keys.entities.get_indexer(entities)]
    for name in table.entity_label_columns:
        labels = table.data[name].iloc[rows]
        codes = pd.factorize(labels)[0]
        if codes.min() >= 0 and codes.max() + 1 < len(entities):
            yield name, labels


def _is_cut(labels: pd.Series[Any], first: Ints) -> bool:
    """Tell whether treated rows have the largest, or the smallest, numbers or dates."""
    if labels.dtype.kind not in "iufM":
        return False
    treated = first != _NEVER
    on, off = labels[treated], labels[~treated]
    return bool(on.min() > off.max() or on.max() < off.min())


def shared_value_notices(
    table: Table, entities: pd.Index[Any], values: Floats, term: str
) -> list[Notice]:
    """Report values (n,), one an entity, that differ between groups only."""
    groups = dict[str, int]()
    # Fast: most columns have many values. Few are shared by chance.
    if not _FEWEST_GROUPS <= np.unique(values).size <= values.size / 2:
        return []
    for name, labels in _label_columns(table, entities):
        codes, levels = pd.factorize(labels, sort=True)
        by_level = values[np.unique(codes, return_index=True)[1]]
        # A function of an age, or a class of sizes, differs little between neighbours.
        steps, spread = np.diff(by_level), by_level - by_level.mean()
        if steps @ steps <= spread @ spread / 2:
            continue
        several = _FEWEST_OF_ROWS <= len(levels) <= values.size / 2
        if several and (values == by_level[codes]).all():
            groups[name] = len(levels)
    if not groups:
        return []
    name = min(groups, key=groups.__getitem__)
    return [notice_of("shared_in_cells.group", term=term, effects=(name,), _group=name)]


def shared_by_period(table: Table, term: str) -> list[Notice]:
    """Report a dummy that is the same within groups, which entities may change."""
    keys, n_times = table.keys, table.keys.times.size
    n = keys.entities.size
    for name, changes in table.label_columns.items() if term in table.data else ():
        codes = pd.factorize(table.data[name])[0]
        groups = codes.max() + 1
        if not changes or codes.min() < 0 or not 2 < groups <= n / 2:
            continue
        cells, size = codes * n_times + keys.time, groups * n_times
        count = np.bincount(cells, minlength=size).reshape(groups, -1)
        on = np.bincount(cells, table.numeric(term), size).reshape(groups, -1)
        shared = ((on == 0) | (on == count)).all() and count.mean() >= 2
        # It begins in some group: years since then, or sizes above a limit, are none.
        begins = (on.any(axis=1) & (on < count).any(axis=1)).any()
        if shared and begins and 1 < len(np.unique(on > 0, axis=0)) < groups:
            return [treated_together(term, (name,), groups, keys.entity_name, n)]
    return []


def _is_treated_by_group(codes: Ints, first: Ints, before: Ints) -> bool:
    """Return whether entities (n,) of a group may have been treated together."""
    sizes = np.bincount(codes)
    of_group = np.full(sizes.size, _NEVER)
    np.minimum.at(of_group, codes, first)
    cohorts, cohort = np.unique(of_group, return_inverse=True)
    # Groups that are the cohorts themselves are not reported.
    if cohorts.size >= sizes.size or not (before < of_group[codes]).all():
        return False
    several = cohort[sizes > 1]
    others = several.size - np.bincount(several).max(initial=0)
    enough = several.size >= _FEWEST_GROUPS and others >= _FEWEST_OTHERS
    return bool(enough and 2 * sizes[sizes > 1].sum() >= codes.size)


# --- flows ----------------------------------------------------------------------------


def pair_direction_notices(
    table: Table,
    entities: pd.Index[Any],
    values: Floats | Ints,
    term: str,
    entity: Ints,
    time: Ints,
) -> list[Notice]:
    """Report values (N,) that are the same, or opposite, in both directions of a pair.

    Entities are pairs if two columns of labels, such as exporter and importer, name
    both ends.
    """
    for columns, pair in _entity_pairs(table, entities):
        row_pair = pair[entity]
        keys = row_pair * (int(time.max()) + 1) + time
        order = np.argsort(keys, kind="stable")
        both = np.flatnonzero(np.diff(keys[order]) == 0)
        forward, backward = values[order[both]], values[order[both + 1]]
        varies = np.unique(forward).size > 1
        same = np.array_equal(forward, backward)
        # What one team is ahead the other is behind.
        if (
            varies
            and 4 * both.size >= values.size
            and (same or np.array_equal(forward, -backward))
        ):
            return [
                notice_of(
                    "same_in_both_directions",
                    term=term,
                    columns=columns,
                    n_pairs=np.unique(row_pair).size,
                    n_entities=len(entities),
                    _entity=table.keys.entity_name,
                    _ends=[*columns],
                    _same="the same" if same else "the same up to its sign",
                )
            ]
    return []


def _entity_pairs(
    table: Table, entities: pd.Index[Any]
) -> Iterator[tuple[tuple[str, str], Ints]]:
    """Yield two columns with the ends of each entity, and codes of the pairs (n,)."""
    if len(table.entity_label_columns) < 2:
        return
    for (a, starts), (b, ends) in combinations(_label_columns(table, entities), 2):
        if starts.dtype != ends.dtype or {*starts}.isdisjoint(ends):
            continue
        codes, labels = pd.factorize(pd.concat([starts, ends]))
        start, end = np.split(codes, 2)
        size = len(labels)
        is_pair = np.unique(start * size + end).size == start.size
        if is_pair and 2 * np.isin(end, start).sum() >= start.size:
            low, high = np.minimum(start, end), np.maximum(start, end)
            yield (a, b), pd.factorize(low * size + high)[0]
