"""Conversion of a table to a sorted pandas frame with checked keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import combinations
from os import PathLike
from typing import Any, cast

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_string_dtype

from digiprosper.checks import (
    column_problem,
    is_whole,
    option_error,
    several,
    unknown_columns,
)
from digiprosper.errors import (
    UNPRINTABLE,
    ColumnError,
    InputTypeError,
    Notice,
    OptionError,
    PanelIndexError,
    cited,
    clipped,
    counted,
    issue,
    notice_of,
    one_line,
    quoted,
    subject,
    time_text,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.tolerances import LARGEST_PRODUCT

STEP_WORDS = {
    "Y": "year",
    "Q": "quarter",
    "M": "month",
    "W": "week",
    "D": "day",
    "h": "hour",
}
_DATE_STEPS = tuple(STEP_WORDS)
# Values of a column that tells kinds of rows apart, such as statements A and B.
_MOST_KINDS = 5
# Texts that can be read in one way only, such as 2014-12-31
_YEAR_FIRST = r"\d{4}([-/.])\d{1,2}\1\d{1,2}"
# Dates that begin with the day, or the month: 01/02/2017, 1.2.2017 10:00
_DAY_OR_MONTH_FIRST = r"\d{1,2}([-/.])\d{1,2}\1\d{4}( .*)?"
# Local times at which clocks are put back, on a Sunday
_HOUR_OF_THE_CHANGE = r"\d{4}-\d\d-\d\d[ T]0[1-3]:\d\d(:\d\d)?"
_SUNDAY = 6
# Rows of names and units below the headings of a file of a data provider.
_MOST_HEADINGS = 3


@dataclass(frozen=True, eq=False)
class Keys:
    """The keys of a panel, coded."""

    entity_name: str
    # None in a cross-section.
    time_name: str | None
    # Distinct values in order.
    entities: pd.Index[Any]
    times: pd.Index[Any]
    # Codes of the rows, shape (N,), sorted by entity and then time.
    entity: Ints
    time: Ints
    # Position of each time on the grid of steps, shape (T,); None where the step cannot
    # be determined.
    ordinals: Ints | None
    # Row numbers in the table (N,) if the panel is made by `Panel.from_rows`, else None
    rows: pd.Index[Any] | None = None
    # Entities in the order in which the table first has them; None if it is sorted
    in_table: pd.Index[Any] | None = None
    # Results computed from the keys alone, reused by later fits to these rows
    cache: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        # The cache is not pickled.
        return {f.name: getattr(self, f.name) for f in fields(self)} | {"cache": {}}

    @property
    def rows_are_entities(self) -> bool:
        """Whether the entity of a row is its number."""
        return self.rows is not None and self.rows.name == self.entity_name

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the keys; one in a cross-section."""
        if self.time_name is None:
            return (self.entity_name,)
        return (self.entity_name, self.time_name)

    @property
    def name_pair(self) -> tuple[str, str | None]:
        """Names of the entity key and the time key; the latter may be None."""
        return self.entity_name, self.time_name

    @cached_property
    def period(self) -> str | None:
        """First and last time; None in a cross-section."""
        return period_text(None if self.time_name is None else self.times)

    @cached_property
    def index(self) -> pd.Index[Any]:
        """Row labels: a MultiIndex (entity, time), or entities in a cross-section.

        Results share it, as the entities and times. Users get views, whose names they
        may change.
        """
        second, codes = self.times, self.time
        if self.time_name is None:
            if self.rows is None or self.rows_are_entities:
                return self.entities.take(self.entity)
            second, codes = self.rows, np.arange(self.entity.size)
        return pd.MultiIndex(
            levels=cast("Any", [self.entities, second]),
            codes=cast("Any", [self.entity, codes]),
            names=[self.entity_name, second.name],
            verify_integrity=False,
        )

    @cached_property
    def all_repeat(self) -> bool:
        """Whether each entity and each time has several rows."""
        return all(np.bincount(codes).min() > 1 for codes in (self.entity, self.time))

    @cached_property
    def starts(self) -> Ints:
        """The first row of each entity."""
        return np.flatnonzero(np.diff(self.entity, prepend=-1))

    @cached_property
    def steps(self) -> Ints:
        """Periods from each row to the next (N - 1,); 0 if it is of another entity."""
        return np.where(np.diff(self.entity) == 0, np.diff(self.time), 0)

    def vary(self, values: Ints | Floats) -> Bools:
        """Mark rows (N,) whose value is not that of the first row of their entity."""
        return np.asarray(values != values[self.starts][self.entity])

    @cached_property
    def in_largest_period(self) -> Ints:
        """Positions of the rows of the time with most rows."""
        return np.flatnonzero(self.time == np.bincount(self.time).argmax())

    def keep(self, rows: Bools | Ints) -> Keys:
        """Keep some rows, as `Table.keep`, and renumber the codes without gaps."""
        entity, entities = renumber_codes(self.entity[rows], self.entities)
        time_codes, ordinals = self.time[rows], self.ordinals
        time, times = renumber_codes(time_codes, self.times)
        if ordinals is not None:
            ordinals = ordinals[np.flatnonzero(np.bincount(time_codes))]
        return replace(
            self,
            entities=entities,
            times=times,
            entity=entity,
            time=time,
            ordinals=ordinals,
            rows=None if self.rows is None else self.rows[rows],
        )


def period_text(times: pd.Index[Any] | None) -> str | None:
    """Write the first and last of sorted times, ``"1970–1986"``, dates as days."""
    if times is None:
        return None
    ends = [_time_as_text(t).removesuffix(" 00:00:00") for t in (times[0], times[-1])]
    return "–".join(dict.fromkeys(ends))


def renumber_codes(codes: Ints, levels: pd.Index[Any]) -> tuple[Ints, pd.Index[Any]]:
    """Renumber codes (N,) without gaps, and drop levels without rows; -1 stays."""
    used = np.bincount(codes[codes >= 0], minlength=levels.size) > 0
    # The last number is that of -1, a missing level.
    numbers = np.append(np.cumsum(used) - 1, -1)
    return numbers[codes], levels[used]


def to_pandas(data: object) -> pd.DataFrame:
    """Convert a pandas, polars or pyarrow table to a pandas frame."""
    frame = data if isinstance(data, pd.DataFrame) else _from_other_library(data)
    names: list[object] = list(frame.columns)
    odd = [c for c in names if not isinstance(c, str)]
    if odd:
        raise InputTypeError(
            f"column names must be text; got {quoted(odd)}. Rename them: df.columns = "
            "df.columns.map(str)."
        )
    refuse_repeated(frame.columns)
    return _one_line_names(frame)


def refuse_repeated(columns: Iterable[str]) -> None:
    """Refuse a table with two columns of one name."""
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise ColumnError(
            f"{subject(twice, 'is')} the name of several columns. Rename or drop them.",
            [
                column_problem(c, "columns", f"repeated column {cited(c)}")
                for c in twice
            ],
        )


def _one_line_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Remove line breaks and control characters, as in Excel headers, from names."""
    levels = [_one_line_name(n) for n in frame.index.names]
    if levels != list(frame.index.names):
        frame = frame.rename_axis(index=levels)
    columns = [_one_line_name(n) for n in frame.columns]
    pairs = zip(frame.columns, columns, strict=True)
    renamed = {n: new for n, new in pairs if new != n}
    if not renamed:
        return frame

    counts = Counter(columns)
    clashes = [n for n, new in renamed.items() if counts[new] > 1 or not new]
    if clashes:
        raise ColumnError(
            f"column {quoted(clashes)} has line breaks or control characters in its "
            "name; without them the name is empty or equal to that of another "
            "column. Rename it.",
            [
                column_problem(n, "columns", f"{cited(n)} becomes {cited(renamed[n])}")
                for n in clashes
            ],
        )
    names, count = renamed.values(), len(renamed)
    issue([notice_of("renamed_columns", renamed=renamed, _count=count, _names=names)])
    return frame.set_axis(columns, axis=1)


def _from_other_library(data: object) -> pd.DataFrame:
    import narwhals.stable.v2 as nw

    table = nw.from_native(data, pass_through=True)
    if isinstance(table, nw.DataFrame):
        try:
            return table.to_pandas()
        except (TypeError, ValueError, NotImplementedError) as error:
            # Some types of Arrow (intervals, say) have no counterpart in pandas.
            raise InputTypeError(
                f"the table cannot be converted to pandas: {cited(str(error))}. "
                "Convert or drop the column of that type first."
            ) from error
    if isinstance(table, nw.LazyFrame):
        raise InputTypeError(
            "the table is lazy; call .collect() (or .df() in DuckDB) and "
            "pass the result."
        )
    if isinstance(data, str | PathLike):
        raise InputTypeError(
            "Panel takes a table, not a path. Read the file first, with "
            "pandas.read_csv, read_spss or read_sas; Panel.from_excel and "
            "Panel.from_stata read .xlsx and .dta files."
        )
    raise InputTypeError(
        f"Panel takes a pandas, polars or pyarrow table, not {type(data).__name__}. "
        "For arrays or dicts: Panel(pandas.DataFrame(...), entity=..., time=...)."
    )


def sorted_keys(
    frame: pd.DataFrame,
    entity: str | None,
    time: str | None,
    step: object,
    time_format: object = None,
) -> tuple[pd.DataFrame, Keys]:
    """Check and code the keys, and sort the rows, indexed by their old positions."""
    index = frame.index
    frame, entity, time = _key_columns(frame, entity, time)
    if len(frame) == 0:
        raise PanelIndexError("the table has no rows.")
    names = [entity] if time is None else [entity, time]
    _refuse_empty_keys(frame, names)

    codes, entities = _factorize(frame[entity], entity)
    times: pd.Index[Any] = pd.RangeIndex(1)
    steps: Ints = np.zeros(len(frame), dtype=np.intp)
    if time is not None:
        column = frame[time]
        values = (
            _as_ordered_times(column, time)
            if time_format is None
            else _read_times(column, time, time_format)
        )
        steps, times = _factorize(values, time)
    elif time_format is not None:
        raise _format_error(time_format, "needs a time key: Panel(..., time=).")
    first = pd.unique(codes)
    in_table = None if (np.diff(first) == 1).all() else entities.take(first)
    order = np.lexsort((steps, codes))
    codes, steps = codes[order], steps[order]
    # All samples of the panel share them.
    codes.setflags(write=False)
    steps.setflags(write=False)
    repeats = (codes[1:] == codes[:-1]) & (steps[1:] == steps[:-1])
    _refuse_repeats(frame, names, order, repeats, in_index=frame.index is not index)

    rows = frame.drop(columns=names)
    if not (order[1:] > order[:-1]).all():
        rows = rows.take(order)
    ordinals = _ordinals(times, time, step)
    keys = Keys(
        entity, time, entities, times, codes, steps, ordinals, in_table=in_table
    )
    return rows.set_axis(order, axis=0), keys


def numbered_keys(frame: pd.DataFrame, entity: str | None) -> tuple[pd.DataFrame, Keys]:
    """Code the keys of a table without time; without `entity` each row is one."""
    check_key_names(entity)
    name = "row"
    while name in (*frame.columns, *frame.index.names, entity):
        name += "_"
    frame = frame.assign(**{name: np.arange(len(frame))})
    if entity is None:
        frame, keys = sorted_keys(frame, name, None, None)
        return frame, replace(keys, rows=keys.index)
    frame, keys = sorted_keys(frame, entity, name, None)
    rows, time, times = keys.times.take(keys.time), 0 * keys.time, pd.RangeIndex(1)
    return frame, replace(
        keys, time_name=None, times=times, time=time, ordinals=None, rows=rows
    )


def check_key_names(*names: object) -> None:
    """Refuse names of keys that are not text."""
    odd = [name for name in names if name is not None and not isinstance(name, str)]
    if odd:
        text = f"entity and time are column names (text); {cited(odd[0])} is not."
        if isinstance(odd[0], list | tuple):
            joined = " + '-' + ".join([f"df[{cited(name)}]" for name in odd[0]])
            text += f" Combine several columns into one: df['pair'] = {joined}."
        raise InputTypeError(text)


def _key_columns(
    frame: pd.DataFrame, entity: str | None, time: str | None
) -> tuple[pd.DataFrame, str, str | None]:
    """Make the keys columns of the frame, and return their names."""
    if entity is None:
        return _keys_in_index(frame, time)
    check_key_names(entity, time)
    entity, time = _one_line_name(entity), _one_line_name(time)
    if entity == time:
        raise PanelIndexError(
            f"entity and time are both {cited(entity)}; they must be two "
            "different columns."
        )
    names = [key for key in (entity, time) if key is not None]
    if (set(names) - set(frame.columns)) & set(frame.index.names):
        frame = frame.reset_index()
    absent = [key for key in names if key not in frame.columns]
    if absent:
        error = unknown_columns(absent, frame.columns, "the panel's key")
        raise PanelIndexError(error.message, error.problems)
    return frame, entity, time


def _keys_in_index(
    frame: pd.DataFrame, time: str | None
) -> tuple[pd.DataFrame, str, str]:
    if time is not None:
        raise PanelIndexError(
            f"time={cited(time)} is given without entity; specify both keys."
        )
    if frame.index.nlevels != 2:
        raise PanelIndexError(
            "specify the keys: Panel(df, entity='province', time='year'). Without "
            "them the table needs a MultiIndex of two levels (entity, time); this "
            f"index has {frame.index.nlevels}. If each row is an entity of its own: "
            "Panel.from_rows(df)."
        )
    names = zip(frame.index.names, ("entity", "time"), strict=True)
    first, second = (default if n is None else one_line(str(n)) for n, default in names)
    both = [n for n in (first, second) if n in frame.columns]
    if both or first == second:
        raise PanelIndexError(
            f"{quoted(both or [first])} is the name of both an index level and a "
            "column, or of both index levels; rename one."
        )
    return frame.rename_axis(index=[first, second]).reset_index(), first, second


def _one_line_name(key: Any) -> Any:
    """Write the name of a key on one line."""
    is_broken = isinstance(key, str) and UNPRINTABLE.search(key)
    return one_line(key) if is_broken else key


def _refuse_empty_keys(frame: pd.DataFrame, names: list[str]) -> None:
    problems = []
    for name in names:
        empty = frame[name].isna().to_numpy()
        if empty.any():
            labels = frame.index.map(str)
            text = f"key {cited(name)} is missing in {describe_rows(empty, labels)}"
            text += _namibia_hint(frame[name])
            data = {"column": name, **rows_data(empty, labels)}
            problems.append(Notice("missing_key", text, data))
    if problems:
        text = several(problems)
        raise PanelIndexError(
            f"{text}. Fill the key or remove the rows: df.dropna(subset={names}).",
            problems,
        )


def _namibia_hint(codes: pd.Series[Any]) -> str:
    """Explain that NA was read as missing, if other keys are two-letter codes."""
    texts = codes.dropna().unique().tolist()
    if {bool(re.fullmatch("[A-Z]{2}", str(text))) for text in texts} != {True}:
        return ""
    cure = "read_csv(..., keep_default_na=False, na_values=[''])"
    return f" (pandas reads NA, the code of Namibia, as missing; use {cure})"


def _refuse_repeats(
    frame: pd.DataFrame, names: list[str], order: Ints, same: Bools, *, in_index: bool
) -> None:
    if not same.any():
        return
    rows = frame[names].take(order[1:][same]).drop_duplicates()
    keys = tuple(rows.head(5).itertuples(index=False, name=None))
    text = rows_text(keys)
    # Without its index a table may have rows that only look like copies.
    table = "df.reset_index()" if in_index else "df"
    cure = (
        "Each (entity, time) pair must be unique: aggregate or drop the duplicates. "
        f"{_row_kind_hint(frame.drop(columns=names), order, same, table)}"
        f"{_repeated_hour_hint(rows.iloc[:, -1]) or _pair_hint(frame, names)}"
        "For regressions without lags: Panel.from_rows(df)."
    )
    if len(names) == 1:
        cure = (
            "Specify the time column too, or aggregate to one row per entity; without "
            f"any time: Panel.from_rows(df, entity={cited(names[0])})."
        )
    count = int(same.sum())
    data = {"columns": tuple(names), "count": count, "keys": keys}
    raise PanelIndexError(
        f"{counted(count, 'row')} with the key ({', '.join(names)}) of an earlier row; "
        f"first: {text}. {cure}",
        [Notice("repeated_key", text, data)],
    )


def _row_kind_hint(
    columns: pd.DataFrame, order: Ints, same: Bools, table_text: str
) -> str:
    """Name a column that distinguishes rows with one key, or advise dropping them."""
    first, second = (columns.take(rows[same]) for rows in (order[:-1], order[1:]))
    for name in columns.select_dtypes(exclude=[np.floating]):
        codes, values = pd.factorize(columns[name].astype(str))
        differs = codes[order[:-1][same]] != codes[order[1:][same]]
        if 1 < len(values) <= _MOST_KINDS and differs.all():
            return (
                f"Rows with the same key differ in {cited(name)} ({quoted(values)}): "
                "keep the rows with one of these values if only they are needed. "
            )
    if not first.equals(second.set_axis(first.index)):
        return ""
    return f"They are identical: {table_text}.drop_duplicates(). "


def _repeated_hour_hint(times: pd.Series[Any]) -> str:
    """Explain hours of local time that occur twice when summer time ends."""
    texts = times.astype(str)
    if (
        not texts.str.fullmatch(_HOUR_OF_THE_CHANGE).all()
        or (pd.to_datetime(texts.str[:10]).dt.day_of_week != _SUNDAY).any()
    ):
        return ""
    column = f"df[{cited(times.name)}]"
    return (
        "When summer time ends, an hour of local time occurs twice. "
        f"Specify the time zone: {column} = pd.to_datetime({column})"
        ".dt.tz_localize('Europe/Berlin', ambiguous='infer'). "
    )


def _pair_hint(frame: pd.DataFrame, names: list[str]) -> str:
    """Name columns of labels that would make the keys unique, such as destinations."""
    # Lists and other objects cannot be compared. Few, since all pairs are tried.
    labels = [
        name
        for name in frame.columns.drop(names)
        if infer_dtype(frame[name]) in ("string", "categorical")
    ][:_MOST_KINDS]
    for kind, count in (("pair", 1), ("triple", 2)):
        for others in combinations(labels, count):
            if not frame.duplicated([*names, *others]).any():
                joined = " + '-' + ".join(
                    f"df[{cited(end)}]"
                    + ("" if is_string_dtype(frame[end].dtype) else ".astype(str)")
                    for end in (names[0], *others)
                )
                return (
                    f"If entities are {kind}s, df['{kind}'] = {joined}, "
                    f"entity='{kind}'. "
                )
    return ""


def _factorize(values: pd.Series[Any], name: str) -> tuple[Ints, pd.Index[Any]]:
    kinds = sorted({type(v).__name__ for v in values}) if values.dtype == object else []
    if "bytes" in kinds:
        raise PanelIndexError(
            f"key {cited(name)} holds bytes, not text. Read the file with "
            "pandas.read_sas(..., encoding='utf-8'), or 'gb18030' for Chinese; or "
            f"df[{cited(name)}].str.decode('utf-8')."
        )
    mixed = PanelIndexError(
        f"key {cited(name)} mixes {' and '.join(kinds)} and cannot be ordered; "
        f"convert it to one type, for example df[{cited(name)}].astype(str)."
    )
    if "str" in kinds and len(kinds) > 1:
        raise mixed
    try:
        codes, levels = pd.factorize(values, sort=True)
    except TypeError as error:
        raise mixed from error
    index = plain_levels(levels)
    if index.dtype.kind in "iu" and not isinstance(index.dtype, np.dtype):
        index = index.astype("int64")
    return codes.astype(np.intp), index.rename(name)


def plain_levels(levels: Any) -> pd.Index[Any]:
    """Convert the levels of `pandas.factorize` to an Index."""
    index: pd.Index[Any] = pd.Index(levels)
    is_category = isinstance(index, pd.CategoricalIndex)
    return pd.Index(index.to_numpy()) if is_category else index


def positions_of(rows: pd.Index[Any], index: pd.Index[Any]) -> Ints | None:
    """Find each label in an index with the same labels; None if they differ."""
    if rows.is_unique and index.is_unique and rows.nlevels == index.nlevels:
        positions = index.get_indexer(rows)
        if len(rows) == len(index) and (positions >= 0).all():
            return positions
    return None


def has_dates(values: pd.Series[Any]) -> bool:
    """Return whether a column holds dates or periods."""
    return isinstance(values.dtype, pd.PeriodDtype) or values.dtype.kind == "M"


def _as_ordered_times(values: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Convert times to integers, dates or periods."""
    values = read_dates(values.infer_objects(), name)
    if has_dates(values) or values.dtype.kind in "iu":
        return values
    # pandas converts integers to floats if one is missing; converting back is exact.
    if values.dtype.kind == "f" and bool((values % 1 == 0).all()):
        return values.astype("int64")
    raise _time_type_error(values, name)


def read_dates(values: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Read texts such as 2014-12-31 as dates; other values do not change."""
    first = "" if has_dates(values) else str(values.iloc[0])
    if not re.fullmatch(_YEAR_FIRST, first):
        return values
    separator = first[4]
    return _read_times(values, name, f"%Y{separator}%m{separator}%d")


def _read_times(
    values: pd.Series[Any], name: str, time_format: object
) -> pd.Series[Any]:
    """Read numbers or texts as periods, or as dates if the format has days."""
    if has_dates(values):
        text = (
            f"time {cited(name)} has dates or periods, which need no format; omit "
            "time_format."
        )
        raise option_error("time_format", time_format, text)
    codes, texts = pd.factorize(
        np.array([_time_as_text(v) for v in values], dtype=object)
    )
    times = parse_times(texts.tolist(), time_format)
    unread = np.asarray(times.isna())
    if unread.any():
        rows, shown = int(unread[codes].sum()), texts[unread]
        text = (
            f"time {cited(name)}: {counted(shown.size, 'value')} in "
            f"{counted(rows, 'row')} cannot be read by "
            f"time_format={cited(time_format)} (first: {quoted(shown)})"
        )
        data = {"column": name, "format": time_format, "count": rows}
        data["values"] = tuple(shown[:5])
        raise PanelIndexError(
            f"{text}. Correct these values, or pass the format of all values."
            f"{_extra_headings_hint(values)}",
            [Notice("unread_times", text, data)],
        )
    return pd.Series(times.take(codes), index=values.index)


def _time_as_text(value: object) -> str:
    # pandas converts integers to floats if one is missing.
    whole = isinstance(value, float) and value.is_integer()
    return str(int(cast("float", value)) if whole else value).strip()


def parse_times(
    texts: list[str], time_format: object
) -> pd.PeriodIndex | pd.DatetimeIndex:
    """Parse each text as a time; missing if it does not match the format."""
    if not isinstance(time_format, str) or not re.search("%[YyG]", time_format):
        raise _format_error(
            time_format,
            "must be a text with the year, such as '%Y%m' for 201801, '%Y%q' for 20181 "
            "(quarters) or '%Y-%m-%d'.",
        )
    parts = re.findall("%(.)", time_format)
    # strptime has no quarters, and reads a week only with one of its days.
    if "q" in parts:
        _check_format_parts(time_format, parts, "Y", "q")
        return _quarters(texts, time_format)
    has_weeks = "V" in parts and not set(parts) & set("aAuw")
    day = ""
    if has_weeks:
        _check_format_parts(time_format, parts, "G", "V")
        texts, day = [f"{text} 1" for text in texts], " %u"
    cells = pd.Index(texts, dtype=object)
    try:
        dates = pd.to_datetime(cells, format=time_format + day, errors="coerce")
    except (ValueError, re.error) as error:
        why = f"is not a date format: {clipped(str(error))}."
        raise _format_error(time_format, why) from error
    if has_weeks:
        return dates.to_period("W")
    if set(parts) <= set("YymbB"):
        return dates.to_period("M" if set(parts) & set("mbB") else "Y")
    return dates


def _check_format_parts(
    time_format: str, parts: list[str], year: str, part: str
) -> None:
    if sorted(parts) != sorted([year, part]):
        why = f"must have %{year} and %{part} once each, and no other part."
        raise _format_error(time_format, why)


def _format_error(time_format: object, why: str) -> OptionError:
    text = f"time_format={cited(time_format)} {why}"
    return option_error("time_format", time_format, text)


def _quarters(texts: list[str], time_format: str) -> pd.PeriodIndex:
    """Parse each text as a year and a quarter; missing if it does not match."""
    pattern = re.escape(time_format).replace("%Y", "(?P<year>[0-9]{4})")
    pattern = pattern.replace("%q", "0?(?P<quarter>[1-4])")
    matches = [re.fullmatch(pattern, text) for text in texts]
    quarters = [m and f"{m['year']}Q{m['quarter']}" for m in matches]
    return pd.PeriodIndex(quarters, freq="Q")


def _time_type_error(values: pd.Series[Any], name: str) -> PanelIndexError:
    shown, column = quoted(values.drop_duplicates().head(3)), f"df[{cited(name)}]"
    kind = "a category" if values.dtype == "category" else "text"
    if values.dtype.kind == "f":
        why = (
            f"has fractional values ({shown}); convert it to integers, dates or "
            "periods."
        )
    elif is_bool_dtype(values.dtype):
        why = "is boolean (True or False), which cannot be a time."
    elif values.astype(str).str.fullmatch(_DAY_OR_MONTH_FIRST).all():
        why = (
            f"is text ({shown}) that begins with a day or a month. Pass "
            "time_format='%d/%m/%Y' or '%m/%d/%Y', with the separators of the text. "
            "pd.to_datetime assumes the month first: 01/02/2017 becomes 2 January."
        )
    elif not values.astype(str).str.contains("[0-9]").any():
        why = (
            f"is text ({shown}) without numbers, not a time. Are entity and time "
            f"swapped? Panel(df, entity={cited(name)}, time=...)."
        )
    else:
        are_numbers = pd.to_numeric(values, errors="coerce").notna().all()
        digits = "" if are_numbers else ".str.extract('([0-9]{4})')[0]"
        why = (
            f"is {kind} ({shown}), not a time. Convert it: {column}{digits}"
            f".astype(int) for years, pd.to_datetime({column}) for dates, "
            f"pd.PeriodIndex({column}, freq='Q') for quarters. Or pass the format of "
            "the text to Panel, such as time_format='%Y-%m', or '%G-W%V' for weeks."
            f"{_extra_headings_hint(values)}"
        )
        if not (are_numbers or values.astype(str).str.contains("[0-9]{4}").any()):
            swap = f"Panel(df, entity={cited(name)}, time=...)"
            why += f" If these are entities, the keys are swapped: {swap}."
    return PanelIndexError(f"time {cited(name)} {why}")


def _extra_headings_hint(values: pd.Series[Any]) -> str:
    """Advise to skip further heading rows, such as names and units."""
    texts = values.head(_MOST_HEADINGS + 1).astype(str)
    digits = texts.str.contains("[0-9]").tolist()
    count = digits.index(True) if True in digits else 0
    if not count:
        return ""
    rows = [*range(1, count + 1)]
    return (
        " The rows below the first seem to be headings too: skip them with "
        f"pd.read_excel(path, skiprows={rows}, dtype={{'code': str}}), where "
        "dtype keeps the leading zeros of codes such as 000001."
    )


def _ordinals(times: pd.Index[Any], name: str | None, step: object) -> Ints | None:
    if name is None:
        return None
    if times.dtype.kind in "iu":
        size = 1 if step is None else step
        if not is_whole(size) or size < 1:
            raise OptionError(
                f"step={cited(step)}: for integer times the step must be a "
                "positive integer."
            )
        values = times.to_numpy(dtype=np.int64)
        if size > 1:
            # Times that are off the grid of steps have no neighbours. A step longer
            # than the panel has no second time on its grid, whatever its length.
            offset = values - values[0]
            length = int(offset.max())
            size = min(int(size), length + 1)
            values = offset // size + (offset % size) * 2 * (length // size + 2)
        return values.astype(np.intp)
    if isinstance(times, pd.PeriodIndex):
        if step is not None:
            raise OptionError(
                f"step={cited(step)}: {cited(name)} has periods with their own "
                "frequency; omit step."
            )
        return np.asarray(times.asi8, dtype=np.intp)
    return _date_ordinals(pd.DatetimeIndex(times), step)


def _date_ordinals(times: pd.DatetimeIndex, step: object) -> Ints | None:
    step = usual_step(times) if step is None else step
    if step is None:
        return None
    if not isinstance(step, str):
        raise OptionError(
            f"step={cited(step)}: for dates the step must be a frequency such as "
            "'Y', 'Q', 'M', 'W', 'D' or 'h'."
        )
    try:
        periods = without_zone(times).to_period(step)
    except ValueError as error:
        raise OptionError(
            f"step={cited(step)} is not a valid frequency; use 'Y', 'Q', 'M', 'W', "
            "'D' or 'h'."
        ) from error
    if not periods.is_unique:
        raise OptionError(
            f"step={cited(step)} is too coarse: several dates fall into one period. If "
            "entities close their years on different days, use the year as the time: "
            "df[time].dt.year."
        )
    return np.asarray(periods.asi8, dtype=np.intp)


def usual_step(times: pd.Index[Any]) -> str | None:
    """Return the longest frequency with at most one date per period, if any."""
    if not isinstance(times, pd.DatetimeIndex):
        return None
    naive = without_zone(times)
    return next((code for code in _DATE_STEPS if naive.to_period(code).is_unique), None)


def without_zone(times: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return local dates, or UTC times if a day has several."""
    # Local hours are not consecutive when summer time begins and ends.
    local = times.tz_localize(None)
    if times.tz is None or local.to_period("D").is_unique:
        return local
    return times.tz_convert(None)


def row_problem(
    code: str,
    text: str,
    name: str,
    bad: Bools,
    index: pd.Index[Any],
    field: str = "column",
) -> list[Notice]:
    """State what is wrong with a column in some rows (N,), if there are any."""
    if not bad.any():
        return []
    data = {field: name, **rows_data(bad, index)}
    return [Notice(code, f"{text} in {describe_rows(bad, index)}", data)]


def extreme_problems(name: str, subject: str, values: Floats) -> list[Notice]:
    """State that squares of a column (N,) overflow or vanish (code extreme)."""
    largest = float(np.abs(values).max(initial=0.0))
    if not (largest > LARGEST_PRODUCT or 0.0 < largest < 1.0 / LARGEST_PRODUCT):
        return []
    text = f"{subject} has a largest value of {largest:.2g}"
    return [Notice("extreme", text, {"column": name, "largest": largest})]


def rows_data(bad: Bools, index: pd.Index[Any]) -> dict[str, Any]:
    """Count the marked rows (N,) and list the first five, for the data of a problem."""
    return {"count": int(bad.sum()), "rows": tuple(index[bad][:5])}


def describe_rows(bad: Bools, index: pd.Index[Any]) -> str:
    """Count the marked rows (N,) and list the first, for a message."""
    return (
        f"{counted(int(bad.sum()), 'row')} (first: {rows_text(tuple(index[bad][:5]))})"
    )


def rows_text(rows: tuple[object, ...]) -> str:
    """List row labels for a message, such as ``"(Beijing, 2011), (Hebei, 2012)"``."""
    return ", ".join(
        "(" + ", ".join(clipped(time_text(v)) for v in row) + ")"
        if isinstance(row, tuple)
        else clipped(str(row))
        for row in rows
    )
