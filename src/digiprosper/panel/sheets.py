"""Tables with years in their headings, sheets of Excel files, and Stata files."""

from __future__ import annotations

import io
import os
import re
import struct
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.checks import as_path, check_option, option_error, refuse_unknown
from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    InputTypeError,
    Notice,
    OptionError,
    PanelIndexError,
    cited,
    clipped,
    counted,
    did_you_mean,
    notice_of,
    one_line,
    quoted,
    subject,
)
from digiprosper.optional import require
from digiprosper.panel.keys import check_key_names, parse_times, sorted_keys, to_pandas
from digiprosper.panel.table import SEPARATORS, has_thousands_separators, is_number_type

# What pandas and openpyxl raise for a file that ends early, or whose bytes are damaged.
_DAMAGED = (
    ValueError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    SyntaxError,
    LookupError,
    TypeError,
    AttributeError,
    NotImplementedError,
    EOFError,
    OverflowError,
    StopIteration,
    OSError,
)
# Make the notice of dropped rows or flags; the text before it names the sheets.
_Report: TypeAlias = Callable[[str], Notice]
_LEAP_SECONDS = "%tC"
_WIDE = {"i": "int64", "f": "float64"}
# Headings of years in Chinese tables
_TIMES = ("年份", "年度", "年")
_YEAR = re.compile(
    r"(|.*?[^\W\d_].*?)[\s_.\-]*(?<!\d)((?:18|19|20)\d\d)\s*年?度?"
    # Marks of footnotes: 2015①, 2015年（预计）
    r"(?:\s*[*†‡¹²³⁰-⁹①-⑳]|\s*[(（\[][^()（）\[\]]*[)）\]])*"
)
# A file of Eurostat: its keys are in one column, cells have flags: 12.3 p, : c.
_EUROSTAT = re.compile(r"([\w,]+)\\(?:TIME_PERIOD|time)")
_FLAGGED = r"\s*(:|[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*([a-z]{0,4})\s*"
# A letter after a year is a footnote mark only if the heading has no name.
_MARKED_YEAR = re.compile(r"()((?:18|19|20)\d\d)[A-Za-z]")


def long_table(
    data: object,
    entity: str,
    time: str,
    value: str | None,
    time_format: str | None,
) -> tuple[pd.DataFrame, dict[str, str], list[_Report]]:
    """Reshape a wide table to long; also return labels, and notices."""
    check_key_names(entity, time)
    if not isinstance(value, str | None):
        raise InputTypeError(
            f"value={cited(value)} must be the name of a column (text)."
        )
    if time is None:
        raise InputTypeError("time is the name of the time key (text), not None.")
    time, value = one_line(str(time)), None if value is None else one_line(value)
    frame, notices = _with_text_headings(data, entity)
    columns = _read_headings(frame.columns.drop(entity), time_format)
    _refuse_long_table(frame, entity, time, [*columns.values()])
    if value is None and "" in {variable for variable, _ in columns}:
        raise OptionError(
            f"from_wide: the headings {quoted(columns.values(), 2)} are times without "
            "a variable; pass its name, value='gdp', or the column with the variable "
            "of each row."
        )
    labels: dict[str, str] = {}
    others = frame.columns.difference([entity, *columns.values()])
    names_rows = value in others and frame[value].dtype.kind not in "iufb"
    if value is not None and names_rows:
        frame, dropped = drop_empty(frame, [value])
        notices += dropped
        frame, columns, labels = _one_row_per_entity(frame, entity, value, columns)
    frame, dropped = drop_empty(frame, [*columns.values()])
    return _stack_years(frame, time, value, columns), labels, [*notices, *dropped]


def _refuse_long_table(
    frame: pd.DataFrame, entity: str, time: str, headings: Sequence[str]
) -> None:
    """Refuse a table without years in its headings, or that has them in a column."""
    meant = [f" (did you mean {time=}?)" for time in _TIMES if time in frame]
    # A constant of a long table may have a year in its heading: '邮局1984'.
    if headings and not (meant and frame[entity].duplicated().any()):
        return
    if time in frame:
        raise ColumnError(
            f"from_wide: {cited(time)} is a column, so the table is long: "
            f"Panel(df, entity={entity!r}, time={time!r}). If a column has the names "
            f"of variables, first df.pivot(index={[entity, time]}, columns=..., "
            "values=...).reset_index()."
        )
    why = "no heading with a year, such as '2010年' or 'gdp2010'"
    if headings:
        no_year = f"{quoted(headings, 3)} is not a year of a wide table"
        why = f"entities are repeated, so {no_year}"
    short, hint = [n for n in map(str, frame) if re.fullmatch(r".*\D\d\d", n)], ""
    if len(short) > 1:
        first, year = short[0], f"{short[0][:-2]}19{short[0][-2:]}"
        hint = (
            f" If {quoted(short, 3)} have years of two digits, write four: "
            f"df.rename(columns={{{first!r}: {year!r}, ...}})."
        )
    raise ColumnError(
        f"there is no column {cited(time)}{''.join(meant[:1])}, and {why}; the columns "
        f"are {quoted(frame.columns, 12)}. Pass the name of the time key as time=, or "
        f"the format of other times as time_format=.{hint}"
    )


def _stack_years(
    frame: pd.DataFrame,
    time: str,
    value: str | None,
    columns: Mapping[tuple[str, Any], str],
) -> pd.DataFrame:
    """Stack the columns of each variable into one column, with the time."""
    wide = frame[[*columns.values()]].set_axis(pd.RangeIndex(len(frame)))
    wide.columns = pd.MultiIndex.from_tuples(columns)
    long: Any = wide.stack(1, future_stack=True).infer_objects()  # noqa: PD013
    # Excel may store numbers as text.
    for name in [n for n, dtype in long.dtypes.items() if dtype.kind == "O"]:
        numbers = pd.to_numeric(long[name], errors="coerce")
        if numbers.notna().equals(long[name].notna()):
            long[name] = numbers
    constants = frame.drop(columns=[*columns.values()])
    rows, times = map(long.index.get_level_values, (0, 1))
    parts: list[pd.DataFrame] = [
        constants.iloc[rows],
        times.to_frame(name=time),
        long.rename(columns={"": value}),
    ]
    return pd.concat([part.reset_index(drop=True) for part in parts], axis=1)


def _one_row_per_entity(
    frame: pd.DataFrame,
    entity: str,
    value: str,
    columns: Mapping[tuple[str, Any], str],
) -> tuple[pd.DataFrame, dict[tuple[str, Any], str], dict[str, str]]:
    """Reshape a table with one row per entity and variable to one row per entity.

    `value` is the column with the variable. Also return the new headings by variable
    and time, and labels: a text that is constant by variable and longer than its name.
    """
    frame = frame.assign(**{value: frame[value].map(_cell_text)})
    repeated = frame.duplicated([entity, value])
    if repeated.any():
        pair = frame.loc[repeated, [entity, value]].iloc[0].tolist()
        raise PanelIndexError(
            f"from_wide: {counted(int(repeated.sum()), 'row')} with the {entity} and "
            f"{value} of an earlier row, such as {quoted(pair)}. Keep one of them."
        )
    others = frame.columns.drop([entity, value, *columns.values()])
    by_entity, by_variable = (
        [c for c in others if (frame.groupby(key)[c].nunique() < 2).all()]
        for key in (entity, value)
    )
    unclear = others.difference([*by_entity, *by_variable])
    if unclear.size:
        raise ColumnError(
            f"from_wide: {subject(unclear, 'is')} constant neither within "
            f"{cited(entity)} nor within {cited(value)}. Drop the column, or rows."
        )
    parts = {
        str(name): rows.set_index(entity)[[*columns.values()]]
        for name, rows in frame.groupby(value, sort=False)
    }
    headings = {
        (name, when): f"{name} {heading}"
        for name in parts
        for (_, when), heading in columns.items()
    }
    # The copy consolidates the blocks of the frame, which is faster.
    wide = pd.concat(parts, axis=1).copy().set_axis([*headings.values()], axis=1)
    constants = frame.groupby(entity)[by_entity].first()
    names = [c for c in by_variable if c not in by_entity]
    texts: Any = frame.groupby(value)[names].first()
    labels = _variable_labels(texts.iloc[:, :1].squeeze(axis=1).dropna())
    return constants.join(wide).rename_axis(entity).reset_index(), headings, labels


def _variable_labels(texts: pd.Series[Any]) -> dict[str, str]:
    """Use texts as labels of variables, unless they are shorter, as codes are."""
    labels = {str(name): _cell_text(text) for name, text in texts.items()}
    is_code = sum(map(len, labels.values())) < sum(map(len, labels))
    return {} if is_code else labels


def _with_text_headings(
    data: object, entity: str
) -> tuple[pd.DataFrame, list[_Report]]:
    """Make headings text, and read keys and flags of a file of Eurostat."""
    if isinstance(data, pd.DataFrame):
        data = data.set_axis([_cell_text(name) for name in data.columns], axis=1)
    frame = to_pandas(data)
    notices: list[_Report] = []
    names = _EUROSTAT.fullmatch(str(frame.columns[0])) if frame.shape[1] else None
    if names is not None:
        frame, notices = _read_eurostat(frame, names[1].split(","))
    if entity in frame.index.names:
        frame = frame.reset_index()
    refuse_unknown([entity], frame.columns, "from_wide, entity")
    return frame, notices


def _read_eurostat(
    frame: pd.DataFrame, names: Sequence[str]
) -> tuple[pd.DataFrame, list[_Report]]:
    """Split the first column into the keys `names`, and remove flags from cells."""
    first = frame.columns[0]
    parts = frame[first].astype(str).str.split(",", expand=True)
    if parts.shape[1] != len(names) or parts.isna().any(axis=None):
        raise ColumnError(
            f"from_wide: {cited(first)} names {len(names)} keys, but some cells have "
            "more or fewer. Split the column into one for each key."
        )
    cells = frame.drop(columns=first)
    flags: Counter[str] = Counter()
    for name in cells.columns[[not is_number_type(cells[c]) for c in cells]]:
        texts = cells[name].astype(str)
        pieces = texts.str.extract(f"^{_FLAGGED}$")
        numbers = pd.to_numeric(pieces[0].replace(":", np.nan))
        # A cell in another form stays as it is: as text, of which there is a notice.
        odd = pieces[0].isna() & cells[name].notna()
        cells[name] = cells[name].astype(object).where(odd, numbers).infer_objects()
        flags.update("".join(pieces[1].dropna()))
    keys = parts.set_axis([*names], axis=1)
    table = pd.concat([keys, cells], axis=1)
    if not flags:
        return table, []
    counts = dict(sorted(flags.items()))
    shown = [f"{letter} {count:,}" for letter, count in counts.items()]
    return table, [
        lambda where: notice_of(
            "flags", count=flags.total(), flags=counts, _where=where, _counts=shown
        )
    ]


def _read_headings(
    names: pd.Index[str], time_format: str | None
) -> dict[tuple[str, Any], str]:
    """Find the headings with a time, by variable (possibly empty) and time."""
    columns: dict[tuple[str, Any], str] = {}
    for name in names:
        heading: tuple[str, Any] = "", name
        if time_format is None:
            match = _match_year(name)
            if match is None:
                continue
            heading = match[1].strip(), int(match[2])
        elif parse_times([name], time_format).isna()[0]:
            continue
        if heading in columns:
            raise ColumnError(
                f"from_wide: the headings {cited(columns[heading])} and {cited(name)} "
                "have the same time; drop one."
            )
        columns[heading] = name
    return columns


def drop_empty(
    frame: pd.DataFrame, columns: Sequence[str]
) -> tuple[pd.DataFrame, list[_Report]]:
    """Drop rows that are empty in some columns; report them with their other texts."""
    empty = frame[columns].isna().all(axis=1).to_numpy()
    if not empty.any():
        return frame, []
    others = frame[empty].drop(columns=columns).to_numpy(dtype=object).ravel()
    texts = tuple(pd.unique(others[~pd.isna(others)]).tolist())
    return frame[~empty], [
        lambda where: notice_of(
            "rows_without_values" if texts else "empty_rows",
            count=int(empty.sum()),
            texts=texts,
            _where=where,
        )
    ]


def of_whole_table(reports: Iterable[_Report]) -> list[Notice]:
    """Make the notices of a table that is not a sheet."""
    return [report("") for report in reports]


def read_excel(
    path: str | os.PathLike[str],
    entity: str,
    time: str,
    sheet: str | Sequence[str] | Mapping[str, str] | None,
    match: Callable[[pd.Series[Any]], pd.Series[Any]] | None,
    time_format: str | None,
    na_values: object,
    thousands: str | None,
) -> tuple[pd.DataFrame, dict[str, str], list[Notice]]:
    """Join the sheets of an Excel file by their keys.

    Also return labels of columns with another name than their sheet, and notices of
    dropped rows.
    """
    check_key_names(entity, time)
    if match is not None and not callable(match):
        raise InputTypeError(
            f"match={cited(match)} must be a function of a Series of names, such as "
            "dp.datasets.match_provinces."
        )
    parts: list[pd.DataFrame] = []
    labels: dict[str, str] = {}
    sheets_of: dict[str, tuple[_Report, list[str]]] = {}
    cells = _read_cells(path, na_values, thousands)
    tables = _sheet_tables(cells, entity, sheet)
    for name, frame in tables.items():
        value = sheet[name] if isinstance(sheet, Mapping) else name
        try:
            part, of_sheet = _read_sheet(frame, entity, time, value, match, time_format)
        except DigiprosperError as error:
            text = f"sheet {cited(name)}: {error.message}"
            raise type(error)(text, error.problems) from error
        parts.append(part)
        for report in of_sheet:
            sheets_of.setdefault(repr(report("")), (report, []))[1].append(name)
        if value != name and [*part.columns] == [value]:
            labels[value] = name
    notices = [
        report(f"sheet{'s' if len(names) > 1 else ''} {quoted(names)}: ")
        for report, names in sheets_of.values()
    ]
    notices += _partial_entity_notices(parts)
    if sheet is None:
        notices += _sheets_not_read(cells, tables, entity, time_format)
    return _merge_equal_columns(pd.concat(parts, axis=1)), labels, notices


def _sheets_not_read(
    cells: Mapping[str, pd.DataFrame],
    tables: Mapping[str, Any],
    entity: str,
    time_format: str | None,
) -> Iterator[Notice]:
    """Report sheets with numbers of some years that have no cell `entity`."""
    unread = tuple(
        name
        for name, sheet in cells.items()
        if name not in tables
        and _has_numbers(sheet)
        and (time_format or _has_years(sheet))
    )
    if unread:
        yield notice_of("sheets_not_read", sheets=unread, _entity=entity)


def _has_numbers(cells: pd.DataFrame) -> bool:
    """Tell whether most rows of a sheet have several numbers."""
    numbers = cells.map(lambda cell: isinstance(cell, int | float) and cell == cell)
    return bool(2 * (numbers.sum(axis=1) > 1).sum() > len(cells))


def _has_years(cells: pd.DataFrame) -> bool:
    """Tell whether most cells of some row or column are years, as in no matrix."""
    years = cells.map(lambda cell: bool(_match_year(_cell_text(cell))))
    return any(
        (2 * years.sum(axis=axis) > cells.notna().sum(axis=axis).clip(lower=3)).any()
        for axis in (0, 1)
    )


def _merge_equal_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Merge columns of several sheets with equal values, or values of other rows."""
    for name in table.columns[table.columns.duplicated()].unique():
        copies: Any = table[name]
        first = copies.bfill(axis=1).iloc[:, 0]
        most = copies.notna().sum(axis=1).max()
        equal = (copies.isna() | copies.eq(first, axis=0)).all(axis=None)
        if equal and most in (1, copies.shape[1]):
            later = table.columns.duplicated() & (table.columns == name)
            table = table.loc[:, ~later].assign(**{name: first})
    return table


def _sheet_tables(
    cells: Mapping[str, pd.DataFrame], entity: str, sheet: Any
) -> dict[str, pd.DataFrame]:
    """Convert the chosen sheets to tables; by default all with a cell `entity`."""
    chosen = sheet if pd.api.types.is_list_like(sheet) else [sheet]
    tables, absent = {}, []
    for name in cells if sheet is None else chosen:
        check_option("sheet", name, list(cells))
        if (frame := _table_below_heading(cells[name], entity)) is None:
            absent.append(name)
        else:
            tables[name] = frame
    if not tables or (absent and sheet is not None):
        shown = [
            _cell_text(c) for name in absent for c in cells[name].to_numpy()[:20].flat
        ]
        raise ColumnError(
            f"from_excel: sheet {quoted(absent)} has no cell {cited(entity)}"
            f"{did_you_mean(entity, shown)}; entity= is the heading of the entities."
        )
    return tables


def _read_sheet(
    frame: pd.DataFrame,
    entity: str,
    time: str,
    value: str,
    match: Callable[[pd.Series[Any]], Any] | None,
    time_format: str | None,
) -> tuple[pd.DataFrame, list[_Report]]:
    """Convert a sheet to a long table indexed by the keys; report dropped rows."""
    unmatched: list[_Report] = []
    if match is not None:
        frame, unmatched = _match_names(frame, entity, match)
    columns = frame.columns.drop(entity)
    year = [*_read_headings(pd.Index([value]), time_format)]
    if time in columns:
        table, dropped = drop_empty(to_pandas(frame), [*frame.columns])
    elif year and not _read_headings(columns, time_format):
        # The sheet is named by its year.
        frame, dropped = drop_empty(frame, [*columns])
        table = to_pandas(frame.assign(**{time: year[0][1]}))
    else:
        table, _, dropped = long_table(frame, entity, time, value, time_format)
    table, keys = sorted_keys(table.infer_objects(), entity, time, None, time_format)
    return table.set_axis(keys.index, axis=0), [*unmatched, *dropped]


def _match_names(
    frame: pd.DataFrame,
    entity: str,
    match: Callable[[pd.Series[Any]], Any],
) -> tuple[pd.DataFrame, list[_Report]]:
    """Replace the names of a sheet by those of `match`; drop rows without one."""
    # A note below the table is the only cell in its row.
    names = frame.loc[frame.notna().sum(axis=1) > 1, entity]
    matched = match(names)
    has_labels = isinstance(matched, pd.Series) and (
        matched.index.is_unique and matched.index.isin(names.index).all()
    )
    if not has_labels:
        if np.ndim(matched) != 1 or len(matched) != len(names):
            raise InputTypeError(
                "match= must return a Series with the index of its argument, or one "
                f"name for each name, not {cited(matched)}."
            )
        matched = pd.Series(list(matched), names.index, dtype=object)
    column = frame[entity].astype(object)
    column[names.index] = matched.reindex(names.index)
    dropped = names[names.notna() & column[names.index].isna()]
    frame = frame.assign(**{entity: column}).drop(index=dropped.index)
    if dropped.empty:
        return frame, []
    unmatched = tuple(pd.unique(dropped))
    return frame, [
        lambda where: notice_of(
            "rows_without_match", count=len(dropped), names=unmatched, _where=where
        )
    ]


def _read_cells(
    path: Any, na_values: Any, thousands: str | None
) -> dict[str, pd.DataFrame]:
    """Read all cells of an Excel file, by sheet."""
    check_option("thousands", thousands, (None, *SEPARATORS))
    if isinstance(na_values, Mapping):
        raise InputTypeError("na_values of from_excel is a list, for all columns.")
    path = as_path("from_excel", path)
    require("openpyxl", extra="tables", purpose="Panel.from_excel")
    content = io.BytesIO(path.read_bytes())
    try:
        sheets = pd.read_excel(
            content,
            sheet_name=None,
            header=None,
            dtype=object,
            na_values=na_values,
            engine="openpyxl",
        )
    except _DAMAGED as error:
        raise InputTypeError(
            f"from_excel: {cited(str(path))} is not an Excel file (.xlsx), or is "
            "damaged. Save .xls files as .xlsx; read .csv files with pandas.read_csv."
        ) from error

    words = np.atleast_1d(na_values).tolist()
    missing = {"", *(word for word in words if isinstance(word, str))}
    return {
        name: pd.DataFrame(
            {c: _clean_cells(cells[c], missing, thousands) for c in cells}
        )
        for name, cells in sheets.items()
    }


def _clean_cells(
    column: pd.Series[Any], missing: Collection[str], thousands: str | None
) -> pd.Series[Any]:
    """Strip the text of cells, and convert numbers with thousands separators."""
    texts = [v.strip() if isinstance(v, str) else v for v in column]
    cells = [np.nan if v in missing else v for v in texts]
    column = pd.Series(cells, column.index, dtype=object)
    if thousands is None:
        return column
    grouped = [
        isinstance(v, str) and has_thousands_separators(v, thousands) for v in cells
    ]
    if not any(grouped):
        return column
    plain = column.astype(str)
    plain[grouped] = plain[grouped].str.replace(thousands, "", regex=False)
    numbers = pd.to_numeric(plain, errors="coerce").astype(object)
    return numbers.where(numbers.notna(), column)


def _table_below_heading(cells: pd.DataFrame, entity: str) -> pd.DataFrame | None:
    """Make a table whose headings are the first row with the cell `entity`."""
    # Yearbooks write 地区 also as 地  区.
    heading = "".join(entity.split())
    is_entity = cells.map(
        lambda cell: "".join(_cell_text(cell).split()) == heading
    ).to_numpy()
    if not is_entity.any():
        return None
    top = int(is_entity.any(axis=1).argmax())
    headings, lower = cells.iloc[top], cells.iloc[min(top + 1, len(cells) - 1)]
    headings = headings.mask(is_entity[top], entity)
    below = lower.dropna().map(_cell_text)
    years = [*map(_match_year, below)]
    if (
        lower[is_entity[top]].isna().all()
        and headings[below.index].isna().any()  # merged
        and all(year and not year[1] for year in years)
    ):
        # Merged cells contain the variable of the years below them.
        above = headings.ffill().map(_cell_text)
        if len(set(above[lower.notna()])) > 1:
            lower = (above + " " + lower.map(_cell_text)).where(lower.notna())
        top, headings = top + 1, headings.where(lower.isna(), lower)
    body = cells.iloc[top + 1 :].rename(index=lambda row: row + 1)
    used = headings.notna() | body.notna().any()
    names = headings[used].fillna("column without heading").map(_cell_text)
    return body.loc[:, used].set_axis(names.tolist(), axis=1).infer_objects()


def _match_year(heading: str) -> re.Match[str] | None:
    """Match a heading with a year; its groups are the variable and the year."""
    return _YEAR.fullmatch(heading) or _MARKED_YEAR.fullmatch(heading)


def _cell_text(cell: object) -> str:
    whole = isinstance(cell, float | np.floating) and cell.is_integer()
    return one_line(str(int(cell) if whole else cell))  # type: ignore[call-overload]


def _partial_entity_notices(parts: Sequence[pd.DataFrame]) -> Iterator[Notice]:
    """Report entities that are not in all sheets, possibly because of their names."""
    entities = pd.concat([part.index.unique(0).to_series() for part in parts])
    counts = entities.value_counts(sort=False)
    times = [part.index.unique(1) for part in parts]
    # Of sheets that are years, entities lack some as in any table. Names that change
    # are not in two sheets at one end.
    are_times = all(len(time) == 1 for time in times) and len(set(map(str, times))) > 2
    variant, is_partial = "", counts < len(parts)
    if are_times:
        variant = ".times"
        order = sorted(range(len(parts)), key=lambda sheet: times[sheet][0])
        in_ends = [
            counts.index.isin(parts[first].index.get_level_values(0))
            | counts.index.isin(parts[second].index.get_level_values(0))
            for first, second in (order[:2], order[-2:])
        ]
        is_partial &= ~(in_ends[0] & in_ends[1])
    partial = counts.index[is_partial].sort_values()
    if len(partial):
        sizes = {"_count": len(partial), "_n_entities": len(counts)}
        yield notice_of(f"sheets_differ{variant}", entities=tuple(partial), **sizes)


# --- Stata files ----------------------------------------------------------------------


def read_stata(
    path: str | os.PathLike[str], time: str | None = None, encoding: str | None = None
) -> tuple[pd.DataFrame, dict[str, str], list[Notice]]:
    """Read a Stata file; return the table, labels, and notices of changes.

    Value labels become categories, except those of the time key `time`; missing values
    of every code are missing. `encoding` is for files of Stata 13 and earlier.
    """
    content = as_path("from_stata", path).read_bytes()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            frame, labels, value_labels = _read_with_labels(content)
        except _DAMAGED as error:
            raise InputTypeError(
                f"from_stata: {cited(str(path))} cannot be read as a Stata file "
                f"(.dta), or is damaged: {clipped(str(error))}."
            ) from error
    single = frame.columns[frame.dtypes == np.float32]
    # Arithmetic of narrow integers would overflow.
    kinds = {name: _WIDE.get(dtype.kind, dtype) for name, dtype in frame.dtypes.items()}
    frame = frame.astype(kinds)
    if encoding is not None:
        frame = frame.map(lambda v: _decode(v, encoding))
        labels = _decode(labels, encoding)
        value_labels = _decode(value_labels, encoding)

    for name in frame.columns[[dtype.kind == "O" for dtype in frame.dtypes]]:
        # Stata counts empty texts as missing.
        frame[name] = frame[name].mask(frame[name] == "")
    frame, empty = drop_empty(frame, frame.columns.tolist())
    notices = [
        *_notices_of_warnings(caught, frame),
        *of_whole_table(empty),
    ]
    notices += _single_precision_notices(frame, single)
    for name in [name for notice in notices for name in notice.data.get("columns", ())]:
        frame[name] = frame[name].where(frame[name].notna(), np.nan).astype(np.float64)
    if isinstance(time, str):
        value_labels.pop(time, None)
    partly = _apply_value_labels(frame, value_labels)
    return (
        frame,
        {name: text for name, label in labels.items() if (text := one_line(label))},
        notices + partly,
    )


def _single_precision_notices(
    frame: pd.DataFrame, names: pd.Index[str]
) -> Iterator[Notice]:
    """Report variables of Stata's type float whose values are not whole numbers."""
    if rounded := tuple([name for name in names if (frame[name] % 1 > 0).any()]):
        yield notice_of("single_precision", columns=rounded)


def _apply_value_labels(
    frame: pd.DataFrame, value_labels: Mapping[str, Mapping[int, str]]
) -> list[Notice]:
    """Convert columns with all values labelled to categories; report others."""
    partly, missing = {}, ""
    for name, texts in value_labels.items():
        category = _as_category(frame[name], texts)
        codes = sorted(set(texts).intersection(frame[name].dropna()))
        if category is not None:
            frame[name] = category
        elif codes:
            some = "; ".join(f"{code} is {cited(texts[code])}" for code in codes[:3])
            partly[name] = f"{cited(name)} ({some})"
            likely = [int(code) for code in codes if code < 0] or [int(codes[-1])]
            column = f"f[{cited(name)}]"
            missing = missing or (
                f"panel.assign({name}=lambda f: {column}.mask({column}.isin({likely})))"
            )
    if not partly:
        return []
    shown = ", ".join(partly.values())
    return [
        notice_of(
            "partly_labelled", columns=tuple(partly), _shown=shown, _missing=missing
        )
    ]


def _read_with_labels(
    content: bytes,
) -> tuple[pd.DataFrame, dict[str, str], dict[str, dict[int, str]]]:
    """Return the table, and the labels of its columns and of their values."""
    opened: Any = pd.read_stata(io.BytesIO(content), iterator=True)
    with opened as reader:
        labels = reader.variable_labels()
        # Private: which set of value labels belongs to which variable
        sets: list[str] = list(reader._lbllist)
        if len(labels) < len(sets):
            raise ValueError("two variables have one name")
        frame = reader.read(convert_categoricals=False)
        texts = reader.value_labels()
    keys = zip(frame.columns, sets, strict=True)
    return frame, labels, {name: texts[key] for name, key in keys if key in texts}


def _decode(text: Any, encoding: str) -> Any:
    """Decode text that was read as Latin-1, also in mappings, but no other values."""
    if isinstance(text, dict):
        return {key: _decode(value, encoding) for key, value in text.items()}
    if not isinstance(text, str):
        return text
    try:
        return text.encode("latin-1").decode(encoding)
    except (LookupError, TypeError, ValueError) as error:
        why = " is not known; use one such as 'gb18030'"
        if isinstance(error, UnicodeEncodeError):
            why = ": the text of this file is Unicode already; omit encoding"
        elif isinstance(error, UnicodeDecodeError):
            why = f" is not the encoding of the text {cited(text)}"
        why = f"encoding={cited(encoding)}{why}."
        raise option_error("encoding", encoding, why) from error


def _as_category(
    values: pd.Series[Any], texts: Mapping[int, str]
) -> pd.Series[Any] | None:
    """Replace codes by labels; None unless every value has a different label."""
    codes = sorted(values.dropna().unique())
    words = [texts[code] for code in codes if code in texts]
    if not codes or len(set(words)) < len(codes):
        return None
    category = pd.CategoricalDtype(codes, ordered=False)
    return values.astype(category).cat.rename_categories(words)


def _notices_of_warnings(
    caught: Sequence[warnings.WarningMessage], frame: pd.DataFrame
) -> list[Notice]:
    """Convert the known warnings of pandas to notices; issue any other again."""
    notices = []
    for warning in caught:
        if _LEAP_SECONDS in str(warning.message):
            columns = tuple(
                [
                    str(name)
                    for name, values in frame.items()
                    if values.dtype == object
                    and all(isinstance(v, int | float) for v in values.dropna())
                ]
            )
            notices.append(notice_of("leap_seconds", columns=columns))
        elif issubclass(warning.category, UnicodeWarning):
            notices.append(notice_of("undecoded_text"))
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return list({notice.code: notice for notice in notices}.values())
