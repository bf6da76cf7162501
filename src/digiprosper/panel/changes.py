"""Computations of the methods of Panel that change columns, names and labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from digiprosper.checks import (
    alignment_problem,
    check_option,
    column_problem,
    refuse_unknown,
    unknown_columns,
)
from digiprosper.errors import (
    UNPRINTABLE,
    AlignmentError,
    ColumnError,
    IdentificationError,
    InputTypeError,
    Notice,
    PanelIndexError,
    cited,
    counted,
    did_you_mean,
    listed,
    notice_of,
    one_line,
    quoted,
    subject,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import rows_of_levels
from digiprosper.kernels.tolerances import CONSTANT, WHOLE
from digiprosper.panel.describe import (
    numeric_columns,
    term_of_one_column,
    unit_of,
    unknown_columns_in,
)
from digiprosper.panel.entity_labels import code_digits, code_form_statement
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.grammar import backticked, rename_in_term
from digiprosper.panel.keys import (
    Keys,
    positions_of,
    read_dates,
    rows_text,
    to_pandas,
)
from digiprosper.panel.table import Table
from digiprosper.report.notices import imputed
from digiprosper.report.text import repeated

# Number of keys that a message lists.
_MOST_KEYS = 12
_ARRAYS = (np.ndarray, pd.api.extensions.ExtensionArray, pd.Index)


def assigned(table: Table, name: str, value: object) -> Table:
    """Add or replace one column, for `Panel.assign`."""
    if name in table.keys.names:
        raise PanelIndexError(
            f"{cited(name)} is a key and cannot be assigned; build a new Panel."
        )
    if UNPRINTABLE.search(name):
        raise ColumnError(
            f"assign: the name {cited(name)} has line breaks or control characters; "
            f"write {cited(one_line(name))}."
        )
    changed = table.with_columns({name: _column_values(table, name, value)})
    changed.refuse_infinite([name])
    return changed


def _column_values(table: Table, name: str, value: object) -> Any:
    if isinstance(value, str):
        term = term_of_one_column(table, value, f"assign({name}=...)")
        return evaluate(term, table) if term.column is None else table.raw(term.column)
    if callable(value):
        value = _calculated(table, name, value)
        # Made from panel.frame, so its rows are in the panel's order.
        if isinstance(value, _ARRAYS) and value.ndim == 1 and len(value) == len(table):
            return value
    if isinstance(value, pd.Series):
        return aligned(table, value, name).array
    if (
        value is None
        or np.isscalar(value)
        or isinstance(value, pd.Timestamp | pd.Period)
    ):
        return value
    raise AlignmentError(
        f"{cited(name)} is a {type(value).__name__} without row labels, and values "
        "cannot be matched by position because the panel sorts its rows. Pass a "
        "Series indexed by (entity, time), such as panel.frame['x'] * 2, or a "
        "term as text.",
        [alignment_problem(name, f"no labels for {cited(name)}")],
    )


def _calculated(table: Table, name: str, function: Callable[..., Any]) -> Any:
    """Call a function of the frame, in which keys are no columns."""
    try:
        return function(table.frame)
    except KeyError as problem:
        key = problem.args[0] if problem.args else None
        if not isinstance(key, str) or key not in table.keys.names:
            raise
        raise ColumnError(
            f"assign: the function of {cited(name)} uses {cited(key)}, a key, which is "
            f"in the index of the frame: write f.index.get_level_values({key!r}), or a "
            f'term as text, such as "I({key} >= 2015)".',
            [column_problem(key, "assign")],
        ) from problem


def aligned(table: Table, value: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Reorder a Series to the rows of the table."""
    index = table.keys.index
    _refuse_swapped(table, value.index, name)
    if value.index.equals(index):
        return value
    positions = positions_of(index, value.index)
    if positions is not None:
        return value.iloc[positions]
    raise AlignmentError(
        f"{cited(name)} has {len(value)} rows indexed by {quoted(value.index.names)}; "
        f"the panel has {len(index)} rows indexed by {quoted(index.names)}. The two "
        "indexes do not match. Start from panel.frame, or use panel.attach() for "
        "data that cover only some rows.",
        [alignment_problem(name, f"other index for {cited(name)}")],
    )


def _refuse_swapped(table: Table, index: pd.Index[Any], name: str) -> None:
    keys = list(table.keys.names)
    if len(keys) == 2 and list(index.names) == keys[::-1]:
        raise AlignmentError(
            f"{cited(name)} is indexed by {quoted(index.names)}, the panel by "
            f"{quoted(keys)}; swap the levels: .swaplevel().",
            [alignment_problem(name, "levels in the other order")],
        )


def attached(
    table: Table,
    data: object,
    name: str | None,
    keep: str,
    *,
    on: str | None,
    overwrite: bool,
) -> tuple[Table, list[Notice]]:
    """Merge columns by key, for `Panel.attach`; rows without data are missing."""
    on = None if on == table.keys.entity_name else on
    matched_by = _levels_to_match(table, on)
    frame = _as_keyed_frame(data, name, tuple(matched_by), table.keys)
    keys = [n for n in frame.columns if n in (*table.keys.names, on)]
    if keys:
        raise PanelIndexError(
            f"attach: no column can have the name of a key ({quoted(keys)}). Rename it."
        )

    target = _labels_of_rows(table, frame, matched_by)
    _refuse_repeated(table, frame, on)
    positions = frame.index.get_indexer(target)
    in_panel = np.isin(np.arange(len(frame)), positions)
    notices = []
    if not in_panel.all():
        notices = [_unknown_keys_notice(frame.index, matched_by, ~in_panel)]
    if notices and (keep == "all" or not in_panel.any()):
        raise _unknown_keys_error(notices[0], some=bool(in_panel.any()))
    _refuse_existing(table, frame, overwrite=overwrite)

    matched = frame.iloc[positions] if positions.min() >= 0 else frame.reindex(target)
    changed = table.with_columns({n: matched[n].array for n in frame.columns})
    changed.refuse_infinite(frame.columns)
    return changed, notices


def _unknown_keys_error(notice: Notice, *, some: bool) -> AlignmentError:
    """Build the error for keys that are not in the panel; `some`: others are."""
    cure = "Drop these rows first, or pass keep='panel' to use only the others."
    if notice.data.get("same_code"):
        cure = "Then attach again."
    elif not some:
        cure = "Write the keys as in the panel."
    return AlignmentError(f"{notice.message}. {cure}", [notice])


def _levels_to_match(
    table: Table, on: str | None
) -> dict[str, tuple[pd.Index[Any], Ints]]:
    """Return, by key, the levels by which rows are matched and the codes of rows."""
    keys = table.keys
    levels = {keys.entity_name: (keys.entities, keys.entity)}
    if on is not None:
        refuse_unknown([on], table.data.columns, "attach", table.labels)
        codes, values = pd.factorize(table.data[on])
        levels = {on: (pd.Index(values, name=on).astype(object), codes)}
    if keys.time_name is not None:
        levels[keys.time_name] = (keys.times, keys.time)
    elif keys.rows is not None and not keys.rows_are_entities:
        levels[str(keys.rows.name)] = (keys.rows, np.arange(len(keys.rows)))
    return levels


def _refuse_repeated(table: Table, frame: pd.DataFrame, on: str | None) -> None:
    """Refuse data with a missing or repeated key."""
    index = frame.index
    if on is not None and (missing := index.to_frame().isna().any(axis=1)).any():
        raise AlignmentError(
            f"attach: a key ({quoted([str(n) for n in index.names])}) is missing in "
            f"{counted(int(missing.sum()), 'row')} of the data. Drop these rows first."
        )
    if index.is_unique:
        return
    twice = index[index.duplicated()][0]
    shared, hint = _merge_columns(table, frame) if on is None else [], ""
    if table.keys.time_name is not None and index.nlevels == 1:
        hint = _one_key_hint(table, frame, on)
    if shared:
        hint += _column_hint(table, index, shared[0])
    if on is None and not hint:
        hint = (
            " If rows are events, such as patents, count or sum them first: "
            f"df.groupby({[*index.names]}).size()."
        )
    raise AlignmentError(f"the data have a duplicate key {rows_text((twice,))}.{hint}")


def _merge_columns(table: Table, frame: pd.DataFrame) -> list[str]:
    """List columns in both data and panel, or that identify the rows of an entity."""
    # An example of the latter is the year in data for a panel of months.
    constant = table.entity_label_columns  # names, which tell no rows apart
    columns = [c for c in frame.columns if c in table.data and c not in constant]
    if columns or frame.index.names != [table.keys.entity_name]:
        return columns
    candidates = frame.columns[[dtype.kind not in "fb" for dtype in frame.dtypes]]
    return [c for c in candidates if frame.set_index(c, append=True).index.is_unique]


def _one_key_hint(table: Table, frame: pd.DataFrame, on: str | None) -> str:
    """State which key the data lack, and which column may contain it."""
    key, names = frame.index.name, (on or table.keys.entity_name, table.keys.time_name)
    other = names[1] if key == names[0] else names[0]
    text = f" They are matched by {cited(key)} only, since they have no {cited(other)}."
    if other == names[1]:
        return text
    # Lists and other objects cannot be compared.
    texts = [n for n in frame if infer_dtype(frame[n]) in ("string", "categorical")]
    for label, column in product(texts, table.data if on is None else (on,)):
        if table.data[column].isin(frame[label].unique()).any():
            return (
                f"{text} If their {cited(label)} is the panel's {cited(column)}: "
                f"attach(data.rename(columns={{{cited(label)}: {cited(column)}}}), "
                f"on={cited(column)})."
            )
    return text


def _column_hint(table: Table, index: pd.Index[Any], column: str) -> str:
    """Advise how to use a column that is in both data and panel."""
    entity = table.keys.entity_name
    if index.names == [entity]:
        hint = (
            f" If it has a row for each {entity} and {column}, merge it before the "
            f"panel is made: df.merge(data, on={[entity, column]}, how='left')."
        )
        if column in table.data:
            return hint
        return (
            f" If {entity} is listed several times, keep one row, such as the first: "
            f"data.sort_values({cited(column)}).drop_duplicates({cited(entity)}).{hint}"
        )
    return (
        f" If it has a row for each {column}, match it by this column of the panel: "
        f"on={cited(column)}."
    )


def _refuse_existing(table: Table, frame: pd.DataFrame, *, overwrite: bool) -> None:
    """Refuse existing columns: rows without data would become missing."""
    existing = [column for column in frame.columns if column in table.data]
    if existing and not overwrite:
        text = (
            f"attach: {subject(existing, 'is')} already in the panel. Rename or drop "
            "the column, or replace it with overwrite=True."
        )
        problems = [column_problem(column, "attach", text) for column in existing]
        raise ColumnError(text, problems)


def _as_keyed_frame(
    data: Any, name: str | None, names: Sequence[str], keys: Keys
) -> pd.DataFrame:
    """Convert the data of `Panel.attach` to a frame indexed by the keys."""
    if name is not None:
        _refuse_unusable({"the column": name}, "attach", f"name={cited(name)}")
    if isinstance(data, Mapping) and name is not None:
        index = pd.Index([*data], name=names[0], tupleize_cols=False)
        data = pd.Series([*data.values()], index)
    if isinstance(data, pd.Series):
        if name is None and data.name is None:
            raise AlignmentError(
                "the Series has no name; give it one: attach(series, name='score')."
            )
        data = data.to_frame(data.name if name is None else name)
    elif name is not None or not hasattr(data, "columns"):
        raise InputTypeError(
            "attach takes a Series or DataFrame indexed by the keys, or a dict "
            f"{{entity: value}}, not {type(data).__name__}. Pass name= only with a "
            "Series or dict. For a composite index pass index.scores."
        )
    frame = _with_dates(to_pandas(data), keys)
    present = pd.Index(names).intersection(frame.columns, sort=False).tolist()
    return (
        frame.set_index(present) if present and frame.index.names == [None] else frame
    )


def _with_dates(frame: pd.DataFrame, keys: Keys) -> pd.DataFrame:
    """Read texts in the time key of the data as dates, where the panel has dates."""
    time, has_dates = keys.time_name, isinstance(keys.times, pd.DatetimeIndex)
    if time is None or not has_dates or time not in frame or frame.empty:
        return frame
    return frame.assign(**{time: read_dates(frame[time], time)})


def _unknown_keys_notice(
    index: pd.Index[Any],
    matched_by: Mapping[str, tuple[pd.Index[Any], Ints]],
    outside: Bools,
) -> Notice:
    """Report the keys of rows (n,) that are not in the panel, with similar keys."""
    parts, similar, same_code = [], False, ""
    data: dict[str, Any] = {"count": int(outside.sum())}
    names = [*matched_by] if index.nlevels == 2 else [str(n) for n in index.names]
    for level, name in enumerate(names):
        of_panel, _ = matched_by[name]
        # An index of pyarrow strings cannot be compared with numbers.
        levels = of_panel.astype(object)
        values = index.get_level_values(level).astype(object)
        unknown = values[~values.isin(levels)].unique()
        unused = levels[~levels.isin(values)]
        if not unknown.size:
            continue
        part, has_hint = _list_unknown(unknown, unused)
        if unknown.size == values.unique().size and not has_hint:
            part += f" (in the panel: {_example_keys(levels)})"
        parts.append(f"{name} {part}")
        data[str(name)] = tuple(unknown)
        if pairs := _pair_equal_codes(unknown, unused):
            data["same_code"] = tuple(pairs)
            same_code = _code_form_hint(name, pairs)
        similar |= has_hint
    text = (
        f"{data['count']:,} of {counted(len(index), 'row')} of the data have no row in "
        f"the panel: {'; '.join(parts) or rows_text(tuple(index[outside][:5]))}"
        f"{same_code}"
    )
    doubtful = similar or bool(same_code)
    return Notice("similar_keys" if doubtful else "keys_not_in_panel", text, data)


def _example_keys(levels: pd.Index[Any]) -> str:
    """Show the first keys of a panel as Python literals."""
    first = [
        str(key.date()) if isinstance(key, pd.Timestamp) else repr(key)
        for key in levels[:2].tolist()
    ]
    return ", ".join(first)


def _list_unknown(keys: pd.Index[Any], unused: pd.Index[Any]) -> tuple[str, bool]:
    """List the first keys, similar ones of the panel, and how many others there are."""
    # Codes and years are all similar.
    hints = {
        key: did_you_mean(key, unused)
        for key in keys[:_MOST_KEYS]
        if isinstance(key, str) and not any(map(str.isdigit, key))
    }
    shown = listed(keys, _MOST_KEYS, lambda key: cited(str(key)) + hints.get(key, ""))
    return shown, any(hints.values())


def _pair_equal_codes(
    unknown: pd.Index[Any], unused: pd.Index[Any]
) -> list[tuple[object, object]]:
    """Pair keys of data and panel that are the same code, such as 1 and 000001."""
    of_panel = {
        code_digits(key): key
        for key in unused
        if isinstance(key, str | int | np.integer)
    }
    of_panel.pop("", None)
    codes = [(key, code_digits(key)) for key in unknown]
    return [(key, of_panel[code]) for key, code in codes if code in of_panel]


def _code_form_hint(name: str, pairs: Sequence[tuple[object, object]]) -> str:
    """State that codes are written differently, and how to convert them."""
    key, of_panel = pairs[0]
    form = code_form_statement(name, [label for _, label in pairs])
    text = (
        f". {counted(len(pairs), 'code')} of the panel are written differently in "
        f"the data, such as {key!r} for {of_panel!r}. "
    )
    if isinstance(of_panel, str) and not of_panel.isdigit():
        return f"{text}Remove the letters from the codes of the panel: {form}"
    return f"{text}Convert those of the data: {form}"


def _labels_of_rows(
    table: Table,
    frame: pd.DataFrame,
    matched_by: Mapping[str, tuple[pd.Index[Any], Ints]],
) -> pd.Index[Any]:
    """Return the labels of the table's rows for the keys in the index of the data."""
    index = frame.index
    _refuse_swapped(table, index, "the data")
    whole = index.nlevels == len(matched_by) == 2
    if whole and table.keys.entity_name in matched_by:
        return table.keys.index
    names = [*matched_by] if whole else [str(n) for n in index.names]
    if not whole and (len(names) > 1 or names[0] not in matched_by):
        raise _no_keys_error(frame, names, quoted([*matched_by]))
    labels = [matched_by[name] for name in names]
    arrays = [level.take(codes).where(codes >= 0) for level, codes in labels]
    return pd.MultiIndex.from_arrays(arrays) if whole else arrays[0]


def _no_keys_error(
    frame: pd.DataFrame, names: Sequence[str], keys: str
) -> AlignmentError:
    """Build the error for data without a key of the panel."""
    if [*names] == ["None"] and frame.shape[1] > 1:
        return AlignmentError(
            f"attach: the data have no column {keys.replace(', ', ' or ')} and an "
            f"unnamed index; their columns are {quoted(frame.columns, 12)}. Rename the "
            "columns that are the keys: data.rename(columns={...})."
        )
    return AlignmentError(
        f"the data are indexed by {quoted(names)}; index them by {keys} or by one of "
        f"these keys, for example with data.rename_axis({keys.partition(', ')[0]})."
    )


def checked_labels(
    labels: Mapping[str, str] | None, column_names: Sequence[str]
) -> dict[str, str]:
    """Check the labels of columns and terms, and put each on one line."""
    if labels is None:
        return {}
    mapping: object = labels
    if not isinstance(mapping, Mapping):
        raise InputTypeError(
            "labels must be a mapping of column to text, not "
            f"{type(mapping).__name__}: {{'gdp': 'GDP'}}."
        )
    no_text = [n for n in mapping if not isinstance(n, str)]
    if no_text:
        raise InputTypeError(f"labels: the names {quoted(no_text)} are not text.")

    texts: dict[str, object] = {one_line(name): text for name, text in labels.items()}
    unknown = unknown_columns_in(texts, column_names, "labels")
    if unknown:
        advice = (
            "To label a column that is added later, call panel.relabel() after "
            "adding it."
        )
        raise unknown_columns(unknown, column_names, "labels", advice=advice)
    odd = [name for name, text in texts.items() if not isinstance(text, str)]
    if odd:
        raise InputTypeError(f"labels must be text; the label of {quoted(odd)} is not.")
    return {name: one_line(str(text)) for name, text in texts.items()}


def renamed(table: Table, names: Mapping[str, str]) -> Table:
    """Rename columns and keys, also inside labels, for `Panel.rename`."""
    _refuse_unusable(names, "rename")
    refuse_unknown(names, table.names, "rename", table.labels)
    new_names: dict[str | None, str] = {n: names.get(n, n) for n in table.names}
    if clashes := repeated(new_names.values()):
        raise ColumnError(
            f"rename: two columns would be named {quoted(clashes)}; also rename or "
            "drop the other one.",
            [column_problem(n, "rename", f"{cited(n)} twice") for n in clashes],
        )

    keys, in_terms = table.keys, {old: backticked(new) for old, new in names.items()}
    entity, time = new_names[keys.entity_name], new_names.get(keys.time_name)
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
        labels={
            new_names[text]
            if text in new_names
            else rename_in_term(text, in_terms): label
            for text, label in table.labels.items()
        },
    )


def _refuse_unusable(
    names: Mapping[str, object], method: str, subject: str = ""
) -> None:
    """Refuse new names, by old ones, that are not text or not printed in one line."""
    odd = [old for old, new in names.items() if not isinstance(new, str)]
    if odd:
        subject = subject or f"the new name of {quoted(odd)}"
        raise InputTypeError(f"{method}: {subject} is not text.")
    texts = map(str, names.values())
    bad = [text for text in texts if not text.strip() or UNPRINTABLE.search(text)]
    if bad:
        raise ColumnError(
            f"{method}: the new name {quoted(bad)} is empty, or has line breaks or "
            "control characters.",
            [column_problem(n, method, f"{cited(n)} is not a valid name") for n in bad],
        )


def standardised(table: Table, name: str, groups: Ints) -> Floats:
    """Standardise a column within groups (N,): mean 0, sd 1, divisor n - 1."""
    values = table.numeric(name)
    values = values / unit_of(values[~np.isnan(values)])
    grouped = pd.Series(values).groupby(groups)
    sd = grouped.transform("std").to_numpy()

    size = np.abs(values)
    flat = ~np.isnan(size) & ~(sd > CONSTANT * np.where(np.isnan(size), 0.0, size))
    if flat.any():
        raise IdentificationError(
            f"standardise: column {cited(name)} does not vary in "
            f"{table.describe_rows(flat)}; drop it, or choose larger groups."
        )
    return np.asarray((values - grouped.transform("mean").to_numpy()) / sd)


def winsorized(
    values: Floats, groups: Ints, shares: tuple[float, float], quantile: str
) -> Floats:
    """Clip values to the quantiles of their group; return a copy."""
    of_values = _stata_quantile if quantile == "stata" else np.quantile
    out = values.copy()
    for part in rows_of_levels(groups):
        rows = part[~np.isnan(values[part])]
        if rows.size:
            # With halves, sums and differences of two values do not overflow.
            halves = values[rows] / 2
            low, high = (2 * of_values(halves, share) for share in shares)
            out[rows] = np.clip(values[rows], low, high)
    return out


def _stata_quantile(values: Floats, share: float) -> float:
    """Compute a quantile as Stata does: averaged where two values qualify."""
    ordered, position = np.sort(values), values.size * share
    whole = round(position)
    if abs(position - whole) < WHOLE * max(position, 1.0):
        around = [max(whole - 1, 0), min(whole, values.size - 1)]
        return float(ordered[around].sum()) / 2
    return float(ordered[int(position)])


# A column with more interpolated values than this is reported.
_LARGE_SHARE = 0.1


def interpolated(
    table: Table, names: Sequence[str], *, extrapolate: bool
) -> tuple[Table, list[pd.DataFrame], list[Notice]]:
    """Fill gaps linearly in time within each entity, for `Panel.interpolate`.

    `extrapolate` carries the nearest value beyond an entity's first and last
    observation. Also return the filled cells (column, entity, time, value, method) by
    column, and notices.
    """
    check_option("extrapolate", extrapolate, (True, False))
    columns: dict[str, Floats] = {}
    logs: list[pd.DataFrame] = []
    notices: list[Notice] = []
    entity, position = table.keys.entity, _time_numbers(table.keys)[table.keys.time]
    for name in names:
        old = table.numeric(name)
        inside = new = fill_gaps(old, position, entity, extrapolate=False)
        if extrapolate:
            new = fill_gaps(old, position, entity, extrapolate=True)
        filled = np.isnan(old) & ~np.isnan(new)
        if filled.any():
            columns[name] = new
            beyond = filled & np.isnan(inside)
            log = {
                "column": name,
                "entity": table.raw(table.keys.entity_name)[filled],
                "time": table.raw(str(table.keys.time_name))[filled],
                "value": new[filled],
                "method": np.where(beyond[filled], "nearest", "linear"),
            }
            logs.append(pd.DataFrame(log))
            notices += _imputation_notices(table, name, filled, int(beyond.sum()))
        missing = np.isnan(new)
        if missing.any():
            notices.append(
                notice_of(
                    "unfilled.extrapolated" if extrapolate else "unfilled",
                    column=name,
                    count=int(missing.sum()),
                    entities=int(np.unique(entity[missing]).size),
                )
            )
    return table.with_columns(columns), logs, notices


def fill_gaps(
    values: Floats, position: Floats, entity: Ints, *, extrapolate: bool
) -> Floats:
    """Fill missing values (N,) linearly within sorted entities, in a copy."""
    out = values.copy()
    ends = {} if extrapolate else {"left": np.nan, "right": np.nan}
    for rows in np.split(np.arange(entity.size), np.flatnonzero(np.diff(entity)) + 1):
        gaps = np.isnan(values[rows])
        observed = rows[~gaps]
        if gaps.any() and observed.size:
            at = position[rows[gaps]]
            filled = np.interp(at, position[observed], values[observed], **ends)
            out[rows[gaps]] = filled
    return out


def _time_numbers(keys: Keys) -> Floats:
    """Convert each time to a number: its value, or its grid position for dates."""
    times = keys.times
    if isinstance(times, pd.DatetimeIndex) and keys.ordinals is None:
        return np.asarray(times.asi8, dtype=np.float64)
    if times.dtype.kind in "iu":
        return times.to_numpy(dtype=np.float64)
    assert keys.ordinals is not None
    return keys.ordinals.astype(np.float64)


def _imputation_notices(
    table: Table, name: str, filled: Bools, ends: int
) -> Iterator[Notice]:
    """Report many filled cells, extrapolated ends, and first periods of a lag."""
    keys, values, count = table.keys, table.numeric(name), int(filled.sum())
    if count > _LARGE_SHARE * len(table):
        entities = np.unique(keys.entity[filled]).size
        share = count / len(table)
        yield imputed({name: count}, "many", _share=share, _entities=entities)
    if ends:
        yield imputed({name: ends}, "extrapolated")
    for source in numeric_columns(table) if keys.ordinals is not None else ():
        lagged = table.shift(table.numeric(source), 1)
        both = ~np.isnan(values - lagged)
        is_lag = both.sum() > 2 and (values[both] == lagged[both]).all()
        # The first period of a lag is missing anyway.
        if source != name and is_lag and (np.isnan(lagged) & filled).any():
            yield imputed({name: count}, "lagged", source)
