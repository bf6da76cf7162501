"""The panel: a long table with checked keys, and all that reads or changes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, overload

import numpy as np
import pandas as pd

from digiprosper.checks import check_option, check_whole, is_real, is_whole, plain
from digiprosper.errors import (
    AlignmentError,
    DigiprosperError,
    InputTypeError,
    MissingDataError,
    Notice,
    OptionError,
    PanelIndexError,
    cited,
    issue,
    no_attribute,
)
from digiprosper.kernels import Bools
from digiprosper.panel import changes
from digiprosper.panel.describe import (
    Correlation,
    between_within,
    chosen_columns,
    compare_groups,
    correlate,
    definition_table,
    evaluate_columns,
    factors_of,
    find_missing_rows,
    group_codes,
    labelled,
    selected_columns,
    summarise,
    term_of_one_column,
    weights_of,
)
from digiprosper.panel.evaluation import check_where, rows_where
from digiprosper.panel.grammar import backticked
from digiprosper.panel.keys import (
    Keys,
    numbered_keys,
    sorted_keys,
    to_pandas,
)
from digiprosper.panel.notices import (
    calculated_column_notices,
    data_notices,
    jumping_times,
    not_balanced,
)
from digiprosper.panel.sample import Sample
from digiprosper.panel.scan import (
    PanelScan,
    checked_folder,
    checked_source,
    parse_memory,
)
from digiprosper.panel.selection import checked_roles, cut_sample
from digiprosper.panel.sheets import (
    long_table,
    of_whole_table,
    read_excel,
    read_stata,
)
from digiprosper.panel.sources import MOST_BLOCKS
from digiprosper.panel.table import Table
from digiprosper.report import notices as report
from digiprosper.report.verdicts import is_balanced

_NOTHING_FILLED = pd.DataFrame(
    {"column": [], "entity": [], "time": [], "value": [], "method": []}
)
# More rows than any panel has.
_MOST_ROWS = 1_000_000_000_000


class Panel:
    """A long table with an entity key and a time key.

    The keys are checked and the rows are sorted by entity, then time. A panel never
    changes: its methods return new panels.

    Parameters
    ----------
    data : DataFrame, polars.DataFrame or pyarrow.Table
        A table with one row per entity and time. `Panel` does not change it.
    entity : str, optional
        Column with the entity (province, firm, ...). Without it the index of the table
        must be a MultiIndex (entity, time).
    time : str, optional
        Column with the time: integers, dates, texts such as ``"2014-12-31"``, or
        periods. If `entity` is given and `time` is not, the data are a cross-section
        with one row per entity. For several rows of an entity without a time see
        `from_rows`.
    labels : mapping, optional
        Labels of columns, or of terms such as ``"log(gdp)"``. Tables and figures show
        the labels.
    step : int or str, optional
        Length of one period, which lags and differences need. For integers the default
        is 1. For dates it is a frequency such as ``"M"``; the default is the longest of
        year, quarter, month, week and day that has at most one date of the data in each
        period.
    time_format : str, optional
        How to read times that are numbers or texts. The directives are those of
        ``datetime.strptime``, and ``%q`` for a quarter: ``"%Y%m"`` reads 201801,
        ``"%Y%q"`` reads 20181, ``"%YQ%q"`` reads 2018Q1, and ``"%G%V"`` reads a week of
        ISO 8601. The times become periods (of a month, quarter, week or year), and
        tables show these periods. If the format has days (``"%Y%m%d"``), the times
        become dates. By default numbers are used as they are, so 201901 is 89 steps
        after 201812.

    Attributes
    ----------
    entity_name, time_name : str
        Names of the keys; `time_name` is None in a cross-section.

    Raises
    ------
    PanelIndexError
        If a key column does not exist, has missing values or cannot be sorted, if two
        rows have the same keys, or if a time does not fit `time_format`.
    ColumnError
        If two columns have the same name, or if a label is for a column that does not
        exist.
    InputTypeError
        If `data` is not a table.
    OptionError
        If `step` does not fit the type of the time key, or `time_format` is not a
        format of times.
    MissingDataError
        If a column has infinite values.

    Warns
    -----
    DigiprosperWarning
        If the time key seems to be a year with its month, quarter, week or day in one
        number, so that lags have gaps. Pass `time_format`, or ``step=1`` if the numbers
        are meant as they are. Also if cells of a column of numbers are text, such as
        ``"…"``: the column is not numeric, and the warning names the cells.

    Examples
    --------
    >>> import pandas as pd
    >>> from digiprosper import Panel
    >>> df = pd.DataFrame(
    ...     {
    ...         "city": list("AABB"),
    ...         "year": [2019, 2020, 2019, 2020],
    ...         "gdp": [1.0, 2, 3, 5],
    ...     }
    ... )
    >>> panel = Panel(df, entity="city", time="year", labels={"gdp": "GDP per head"})
    >>> panel
    Panel: 2 city x 2 year, 4 rows, balanced; columns gdp
    >>> panel.lag("gdp").frame["gdp_lag1"].tolist()
    [nan, 1.0, nan, 3.0]

    Year and month in one number:

    >>> df = pd.DataFrame(
    ...     {"city": ["A", "A"], "month": [201812, 201901], "gdp": [1.0, 2.0]}
    ... )
    >>> monthly = Panel(df, entity="city", time="month", time_format="%Y%m")
    >>> monthly.lag("gdp").frame
                  gdp  gdp_lag1
    city month
    A    2018-12  1.0       NaN
         2019-01  2.0       1.0
    """

    __slots__ = ("_diagnostics", "_imputations", "_is_part", "_table")

    _table: Table
    _diagnostics: tuple[Notice, ...]
    _imputations: pd.DataFrame
    _is_part: bool

    if not TYPE_CHECKING:  # else every attribute would have a type

        def __getattr__(self, name: str) -> Any:
            raise no_attribute(self, name, "panel")

    def __init__(
        self,
        data: object,
        entity: str | None = None,
        time: str | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        step: int | str | None = None,
        time_format: str | None = None,
    ) -> None:
        rows = to_pandas(data)
        frame, keys = sorted_keys(rows, entity, time, step, time_format)
        self._set(frame, keys, labels, step)
        # Where the rows of `data`, in their order, are among the sorted ones
        sorted_rows = np.argsort(frame.index, kind="stable")
        self._add_notices(data_notices(self._table, sorted_rows))

    def _set(
        self,
        frame: pd.DataFrame,
        keys: Keys,
        labels: Mapping[str, str] | None,
        step: int | str | None,
    ) -> None:
        """Check labels and values, and hold the sorted rows as a table."""
        labels = changes.checked_labels(labels, (*keys.names, *frame.columns))
        self._table = Table(frame.reset_index(drop=True), keys, labels, step)
        self._table.refuse_infinite(frame.columns)
        self._imputations = _NOTHING_FILLED
        self._is_part = False
        self._diagnostics = ()
        self._add_notices(self._table.text_among_numbers())

    @classmethod
    def from_rows(
        cls,
        data: object,
        *,
        entity: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Panel:
        """Take rows without a time key, or whose keys repeat: each row is an entity.

        For regressions on a cross-section, on a survey, or on data whose (entity, time)
        pairs are not unique. Effects are those of `absorb`.

        Parameters
        ----------
        data : DataFrame, polars.DataFrame or pyarrow.Table
            A table.
        entity : str, optional
            Column with the entity, which may be in several rows. By default each row is
            an entity of its own, with its number in the table, from 0, as its key
            ``row``.
        labels : mapping, optional
            As in `Panel`.

        Returns
        -------
        Panel
            A panel without a time key. The index of its `frame` has the number of each
            row, behind the entity if there is one.

        Raises
        ------
        PanelIndexError, ColumnError, InputTypeError, MissingDataError
            As in `Panel`.

        Notes
        -----
        Where each row is an entity, specifications have no entity and no time effects,
        whatever their default, and standard errors that would be clustered by entity
        are robust (HC1). Results say so. With `entity` there are entity effects, and
        errors are clustered by entity. Lags, and methods that need periods, are
        refused.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import Panel
        >>> df = pd.DataFrame({"firm": ["A", "B", "A"], "wage": [3.0, 5.0, 4.0]})
        >>> Panel.from_rows(df)
        Panel: 3 rows, each an entity; columns firm, wage
        >>> Panel.from_rows(df, entity="firm").frame["wage"]
        firm  row
        A     0      3.0
              2      4.0
        B     1      5.0
        Name: wage, dtype: float64
        """
        panel = cls.__new__(cls)
        panel._set(*numbered_keys(to_pandas(data), entity), labels, None)
        return panel

    @classmethod
    def from_stata(
        cls,
        path: str | os.PathLike[str],
        *,
        entity: str,
        time: str | None = None,
        step: int | str | None = None,
        time_format: str | None = None,
        encoding: str | None = None,
    ) -> Panel:
        """Read a Stata file (.dta) with its labels.

        Parameters
        ----------
        path : str or path
            The file.
        entity, time, step, time_format
            As in `Panel`.
        encoding : str, optional
            Encoding of the text in a file of Stata 13 or earlier, such as
            ``"gb18030"``. The default is Latin-1. Files of Stata 14 and later are in
            UTF-8 and need no encoding.

        Returns
        -------
        Panel
            A panel whose labels are the variable labels of the file. If every value of
            a column has a value label, the column becomes a category of these labels,
            in the order of their codes. The time key keeps its numbers. Other numeric
            columns become int64 or float64. Rows without any value are dropped.
            `diagnostics` of the panel also lists variables of Stata's type float, which
            have seven digits.

        Raises
        ------
        FileNotFoundError
            If the file does not exist.
        InputTypeError
            If the file is not a Stata file, or is damaged.
        OptionError
            If the encoding is unknown, or the text of the file has another encoding.
        PanelIndexError, ColumnError, MissingDataError
            As in `Panel`.

        Warns
        -----
        DigiprosperWarning
            If only some values of a column have a value label (the column keeps its
            numbers), if dates have the format ``%tC`` with leap seconds (they stay
            numbers), or if text is not valid UTF-8 in a file of Stata 14 or later.

        Notes
        -----
        The missing values ``.`` and ``.a`` to ``.z`` all become NaN. Empty text is
        missing, as in Stata. Dates (``%td %tc %tw %tm %tq %th %ty``) become timestamps.
        A month, quarter, half-year or year becomes its first day. Lags of such data
        count months, quarters or years. Half-years count as every second quarter, so
        the previous half-year is the lag of two periods. The keys that ``xtset`` stored
        in the file are not read, so pass `entity` and `time`.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import pandas as pd
        >>> from digiprosper import Panel
        >>> df = pd.DataFrame(
        ...     {
        ...         "city": ["A", "A", "B"],
        ...         "year": [2019, 2020, 2020],
        ...         "gdp": [1.0, 2.0, 5.0],
        ...     }
        ... )
        >>> path = pathlib.Path(tempfile.mkdtemp(), "cities.dta")
        >>> df.to_stata(
        ...     path, write_index=False, variable_labels={"gdp": "GDP per head"}
        ... )
        >>> panel = Panel.from_stata(path, entity="city", time="year")
        >>> panel
        Panel: 2 city x 2 year, 3 rows, unbalanced; columns gdp
        >>> panel.labels
        {'gdp': 'GDP per head'}
        """
        source = read_stata(path, time, encoding)
        try:
            return cls._of_file(
                source, entity, time, labels=None, step=step, time_format=time_format
            )
        except DigiprosperError as error:
            # Messages of Panel tell what to do with its table `df`.
            table = f" Here df is pandas.read_stata({str(path)!r})."
            text = error.message + (table if "df" in error.message else "")
            raise type(error)(text, error.problems) from error

    @classmethod
    def from_wide(
        cls,
        data: object,
        *,
        entity: str,
        value: str | None = None,
        time: str = "year",
        labels: Mapping[str, str] | None = None,
        step: int | str | None = None,
        time_format: str | None = None,
    ) -> Panel:
        """Make a panel of a wide table: a row for each entity, times in the headings.

        Parameters
        ----------
        data : DataFrame, polars.DataFrame or pyarrow.Table
            The table. Years in headings are numbers or text: 2010, ``"2010"``,
            ``"2010年"``, ``"gdp2010"``, ``"gdp_2010"``. Other columns are constants of
            the entity. Files of Eurostat are read as they are: keys in one column,
            ``:`` for missing, and flags behind numbers, which `diagnostics` counts.
        entity : str
            Column with the entity.
        value : str, optional
            Name of the variable whose headings are times alone. If the table has a row
            for each entity and variable, as files of the World Bank, it is the column
            with the names of variables, such as ``"Series Code"``; a text that each
            variable has in all its rows is its label. Headings with names of variables,
            as for Stata's ``reshape long``, do not need it.
        time : str
            Name of the time key, ``"year"`` by default.
        labels, step
            As in `Panel`.
        time_format : str, optional
            How headings are read as times other than years, such as ``"%YQ%q"`` (see
            `Panel`). Headings are then times alone.

        Returns
        -------
        Panel
            A panel with a row for each entity and time. Rows of the table without any
            value, such as notes below it, are dropped.

        Raises
        ------
        ColumnError
            If there is no column `entity`, if no heading has a time, or if two are of
            one variable and time.
        OptionError
            If headings are times alone and `value` is not given.
        PanelIndexError
            If an entity is missing or has two rows.
        InputTypeError, MissingDataError
            As in `Panel`.

        Warns
        -----
        MissingDataWarning
            If rows were dropped that have text and no value.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import Panel
        >>> gdp = pd.DataFrame({"city": ["A", "B"], 2019: [4.0, 5.0], 2020: [4.5, 5.5]})
        >>> Panel.from_wide(gdp, entity="city", value="gdp").frame["gdp"].tolist()
        [4.0, 4.5, 5.0, 5.5]
        >>> both = pd.DataFrame({"city": ["A"], "gdp2019": [4.0], "pop2019": [1.0]})
        >>> Panel.from_wide(both, entity="city")
        Panel: 1 city x 1 year, 1 rows, balanced; columns gdp, pop
        >>> series = pd.DataFrame({"city": ["A", "A"], "code": ["gdp", "pop"]})
        >>> rows = series.assign(**{"2019 [YR2019]": [4.0, 1.0]})
        >>> Panel.from_wide(rows, entity="city", value="code")
        Panel: 1 city x 1 year, 1 rows, balanced; columns gdp, pop
        """
        frame, of_series, reports = long_table(data, entity, time, value, time_format)
        source = frame, of_series, of_whole_table(reports)
        return cls._of_file(
            source, entity, time, labels=labels, step=step, time_format=time_format
        )

    @classmethod
    def from_excel(  # noqa: PLR0913
        cls,
        path: str | os.PathLike[str],
        *,
        entity: str,
        time: str = "year",
        sheet: str | Sequence[str] | Mapping[str, str] | None = None,
        match: Callable[[pd.Series[Any]], pd.Series[Any]] | None = None,
        labels: Mapping[str, str] | None = None,
        step: int | str | None = None,
        time_format: str | None = None,
        na_values: str | float | Sequence[str | float] | None = None,
        thousands: str | None = None,
    ) -> Panel:
        """Read an Excel file (.xlsx), of which each sheet is a long or a wide table.

        A sheet with a column `time` is long. In any other sheet the years are in the
        headings, as in yearbooks, or its name is the year. Sheets are joined by entity
        and time.

        Parameters
        ----------
        path : str or path
            The file.
        entity : str
            Heading of the column with the entity. The first row of a sheet with this
            cell has the headings; titles and units above it are not read.
        time : str
            Heading of the column with the time, or the name that the time key gets if
            the years are in the headings; ``"year"`` by default.
        sheet : str, list or mapping, optional
            Sheets to read. The default is all that have a column `entity`. If the
            headings of a sheet are years alone, its name becomes the name of the
            column; a mapping such as ``{"地区生产总值": "gdp"}`` gives another, and the
            name of the sheet is its label.
        match : function, optional
            Function that makes the names of entities equal in all sheets, such as
            `datasets.match_provinces`. Names that may be two cities are replaced
            before: ``match=lambda s: match_cities(s.replace({"Suzhou": "苏州",
            "Fuzhou": "福州"}))``. Rows of names that it leaves out, or makes missing,
            are dropped: ``match=lambda s: match_provinces(s[s != "全国"])``.
        labels, step, time_format
            As in `Panel`.
        na_values : str, float or list, optional
            Cells that stand for a missing value, such as ``["…", "-", "—"]``, beside
            those of `pandas.read_excel` (empty cells, ``"NA"``, ``"n/a"``, ...). Blanks
            around the text of a cell are not read.
        thousands : {",", "，", " ", "'"}, optional
            Separator of thousands in numbers that are text, such as ``"1,234.5"``,
            which are text without it.

        Returns
        -------
        Panel
            A panel with the rows of all sheets. `diagnostics` lists rows that were
            dropped because they have no value, and entities that are not in all sheets.

        Raises
        ------
        FileNotFoundError
            If the file does not exist.
        ImportError
            If openpyxl is not installed, which is in the extra ``tables``.
        InputTypeError
            If the file is not an Excel file, or is damaged.
        ColumnError
            If a sheet has no column `entity`, or neither a column `time` nor a year in
            a heading or its name.
        OptionError
            If there is no such sheet.
        PanelIndexError, MissingDataError, AlignmentError
            As in `Panel` and `match`; the message names the sheet.

        Warns
        -----
        MissingDataWarning
            If rows were dropped that have text and no value, or no name by `match`.
        DigiprosperWarning
            If an entity is not in all sheets, perhaps because its name is not the same,
            or if cells of a column of numbers are text.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import pandas as pd
        >>> from digiprosper import Panel, datasets
        >>> path = pathlib.Path(tempfile.mkdtemp(), "yearbook.xlsx")
        >>> with pd.ExcelWriter(path) as file:
        ...     for name, place in (("gdp", "北京市"), ("pop", "北京")):
        ...         wide = pd.DataFrame({"地区": [place], "2019年": [3.5], 2020: [3.6]})
        ...         wide.to_excel(file, sheet_name=name, index=False)
        >>> match = datasets.match_provinces
        >>> Panel.from_excel(path, entity="地区", match=match)
        Panel: 1 地区 x 2 year, 2 rows, balanced; columns gdp, pop
        """
        source = read_excel(
            path, entity, time, sheet, match, time_format, na_values, thousands
        )
        return cls._of_file(source, labels=labels, step=step)

    @classmethod
    def _of_file(
        cls,
        source: tuple[pd.DataFrame, Mapping[str, str], Iterable[Notice]],
        *keys: str | None,
        labels: Mapping[str, str] | None,
        **options: Any,
    ) -> Panel:
        """Make the panel of a table that was read with its labels and notices."""
        frame, of_file, notices = source
        if labels is None or isinstance(labels, Mapping):
            labels = {**of_file, **(labels or {})}
        return cls(frame, *keys, labels=labels, **options)._add_notices(notices)

    @classmethod
    def scan(  # noqa: PLR0913
        cls,
        table: object,
        entity: str,
        time: str | None = None,
        *,
        memory: int | str = "1GB",
        blocks: int | None = None,
        folder: object = None,
        labels: Mapping[str, str] | None = None,
        step: int | str | None = None,
        time_format: str | None = None,
    ) -> PanelScan[Self]:
        """Read a table that is larger than memory, in blocks of whole entities.

        Parameters
        ----------
        table : LazyFrame, DuckDB relation, pyarrow data set, DataFrame, path or str
            The table: a lazy or other frame of polars, a relation of DuckDB, a data set
            or table of pyarrow, a DataFrame of PySpark or pandas, the path of a Parquet
            or CSV file or of a folder of Parquet files, or a query of DuckDB
            (``"select ... from ..."``).
        entity : str
            Column with the entity.
        time : str, optional
            Column with the time.
        memory : str or int
            What a fit may use, ``"1GB"`` by default, at least 400 MB. An engine's own
            memory is not counted: set its limit (``memory_limit`` of DuckDB) too.
        blocks : int, optional
            Number of blocks. The default is computed from `memory`. Workers of Spark
            take one at a time.
        folder : path, optional
            Folder for temporary files, on a disk with space for the columns of the
            model (5 GB for 10^8 rows and four regressors, and as much again for the
            columns that are computed). The default is the system's temporary folder.
        labels, step, time_format
            As in `Panel`.

        Returns
        -------
        PanelScan
            A panel that `FixedEffects`, `FixedEffectsIV`, `EventStudy`, `fit_all`,
            `stepwise` and, with interactions, `by_group` take. Nothing is read before a
            model is fitted.

        Raises
        ------
        InputTypeError
            If `table` is of another type, or a path does not exist.
        ColumnError
            If a key column does not exist.
        OptionError
            If `memory`, `blocks` or `folder` cannot be used.
        ScanError
            If the engine cannot read the table.

        Notes
        -----
        Requires the extra ``scale``. Results are those of a fit in memory with
        ``keep_rows=False``, to about 11 digits.

        Examples
        --------
        >>> import digiprosper as dp
        >>> states = dp.datasets.us_states().frame.reset_index()
        >>> scan = dp.Panel.scan(states, entity="state", time="year", blocks=4)
        >>> fit = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"]).fit(scan)
        >>> fit.params.round(4).to_dict()
        {'log(pc)': 0.6636, 'unemp': -0.0165}
        """
        source = checked_source(table, entity, time)
        if blocks is not None:
            check_whole("blocks", blocks, 1, MOST_BLOCKS)
        return PanelScan(
            cls,
            source,
            entity,
            time,
            labels=changes.checked_labels(labels, source.names),
            step=step,
            time_format=time_format,
            memory=parse_memory(memory),
            n_blocks=blocks,
            folder=checked_folder(folder),
        )

    def _add_notices(self, notices: Iterable[Notice]) -> Panel:
        """Add notices to a panel that nobody has yet, and warn of them."""
        added = tuple(notices)
        self._diagnostics += added
        issue(added)
        return self

    def _copy_with(
        self,
        table: Table,
        imputations: Sequence[pd.DataFrame] = (),
        *,
        is_part: bool = False,
    ) -> Panel:
        panel = Panel.__new__(Panel)
        panel._table = table
        panel._diagnostics = self._diagnostics
        # Types of columns of an empty log are not those of its cells.
        logs = [log for log in imputations if len(log)]
        panel._imputations = (
            pd.concat(logs, ignore_index=True) if logs else self._imputations
        )
        panel._is_part = self._is_part or is_part
        return panel

    def _keep_rows(self, mask: Bools, why: str, condition: str | None = None) -> Panel:
        if not mask.any():
            raise MissingDataError(f"{why} keeps no rows of this panel.")
        table = self._table.keep(mask)
        if condition is not None and not mask.all():
            table = replace(table, conditions=(*table.conditions, condition))
        panel = self._copy_with(table, is_part=not mask.all())
        if len(log := self._imputations):
            cells = pd.MultiIndex.from_arrays([log["entity"], log["time"]])
            panel._imputations = log[cells.isin(table.keys.index)].reset_index(
                drop=True
            )
        return panel

    def __repr__(self) -> str:
        shape = f"{self.n_entities} {self.entity_name}"
        if self.time_name is not None:
            shape += f" x {self.n_times} {self.time_name}"
        balance = "balanced" if self.is_balanced else "unbalanced"
        if self.time_name is None and self.nobs > self.n_entities:
            balance = "no time"
        if self.entities_occur_once:
            balance = f"each {self.entity_name} in one {self.time_name} only"
        if self._table.keys.rows_are_entities:
            columns = ", ".join(self.columns)
            return f"Panel: {self.nobs} rows, each an entity; columns {columns}"
        return (
            f"Panel: {shape}, {self.nobs} rows, {balance}{self._jump_text()}; columns "
            f"{', '.join(self.columns)}"
        )

    def _jump_text(self) -> str:
        jump = next(jumping_times(self._table.keys, self._table.step), None)
        if jump is None:
            return ""
        return (
            f", {self.time_name} jumps from {jump.data['before']} to "
            f"{jump.data['after']}: see time_format"
        )

    def _repr_html_(self) -> str:
        # Pandas compares columns of float16 with numbers beyond their range
        with np.errstate(over="ignore"):
            head = self.frame.head(6).to_html()
        return (
            f"<p>{self.n_entities} × {self.n_times}, {self.nobs} "
            f"rows{escape(self._jump_text())}</p>{head}"
        )

    def __len__(self) -> int:
        return len(self._table)

    # A panel has columns and rows: which of them a loop would go over is not evident.
    __iter__: ClassVar[None] = None

    def __contains__(self, name: object) -> bool:
        return name in self._table.names

    @overload
    def __getitem__(self, columns: str) -> pd.Series[Any]: ...

    @overload
    def __getitem__(self, columns: list[str]) -> pd.DataFrame: ...

    def __getitem__(self, columns: str | list[str]) -> pd.Series[Any] | pd.DataFrame:
        """Take columns or keys as copies: a Series for a name, a frame for a list."""
        names = selected_columns(self._table, columns)
        arrays = {name: self._table.series(name).array.copy() for name in names}
        if isinstance(columns, str):
            return pd.Series(arrays[columns], index=self.index, name=columns)
        return pd.DataFrame(arrays, index=self.index)

    @property
    def entity_name(self) -> str:
        """Name of the entity key."""
        return self._table.keys.entity_name

    @property
    def time_name(self) -> str | None:
        """Name of the time key, None in a cross-section."""
        return self._table.keys.time_name

    @property
    def index(self) -> pd.Index[Any]:
        """Row labels: a MultiIndex (entity, time).

        In a cross-section it is an Index of the entities.
        """
        return self._table.keys.index.view()

    @property
    def frame(self) -> pd.DataFrame:
        """The columns without the keys, indexed by (entity, time) and sorted."""
        return self._table.frame

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns without the keys."""
        return tuple(self._table.data.columns)

    @property
    def entities(self) -> pd.Index[Any]:
        """Distinct entities, sorted."""
        return self._table.keys.entities.view()

    @property
    def times(self) -> pd.Index[Any]:
        """Distinct times, sorted."""
        return self._table.keys.times.view()

    @property
    def n_entities(self) -> int:
        """Number of entities."""
        return self._table.keys.entities.size

    @property
    def n_times(self) -> int:
        """Number of times."""
        return self._table.keys.times.size

    @property
    def nobs(self) -> int:
        """Number of rows."""
        return len(self._table)

    @property
    def is_balanced(self) -> bool:
        """Whether every entity has a row at every time."""
        return is_balanced(self.nobs, self.n_entities, self.n_times)

    @property
    def entities_occur_once(self) -> bool:
        """Whether the panel has several times, and each entity a row at only one.

        This is true of repeated cross-sections, and of a table whose entity key is a
        row number.
        """
        keys = self._table.keys
        return keys.times.size > 1 and keys.entity.size == keys.entities.size

    @property
    def is_part(self) -> bool:
        """Whether `subset`, `dropna` or `balance` dropped rows of this panel."""
        return self._is_part

    @property
    def labels(self) -> dict[str, str]:
        """Label of each column or term that has one (a copy)."""
        return dict(self._table.labels)

    @property
    def imputations(self) -> pd.DataFrame:
        """Cells that `interpolate` filled: column, entity, time, value, method.

        It is a copy. The method is ``"linear"`` between two observations, and
        ``"nearest"`` before the first or after the last one.
        """
        return self._imputations.copy()

    @property
    def diagnostics(self) -> tuple[Notice, ...]:
        """Notices about how it was read or changed, and what `attach` left out."""
        return self._diagnostics

    # --- samples ----------------------------------------------------------------------

    def sample(
        self,
        roles: Mapping[str, Sequence[str]],
        *,
        codes: Sequence[str] = (),
        clusters: Sequence[str] = (),
        missing: str = "drop",
        where: str | None = None,
    ) -> Sample:
        """Take one sample for all equations of a model.

        Each term is evaluated on all rows of the panel, so lags use rows that are
        dropped later. Then rows with a missing value in any term are dropped.

        Parameters
        ----------
        roles : mapping
            Terms of each role, such as
            ``{"y": ("gdp",), "x": ("digital", "lag(edu)")}``.
        codes : sequence of str
            Categorical terms, such as absorbed effects, which become integer codes.
            ``"region^year"`` has one code per pair of region and year.
        clusters : sequence of str
            Cluster variables, which also become integer codes. A missing value in them
            is an error.
        missing : {"drop", "raise"}
            ``"drop"`` (default) drops rows with missing values; ``"raise"`` raises an
            error.
        where : str, optional
            A condition as in `subset`. The sample has the rows where it is true, chosen
            after all terms are evaluated.

        Returns
        -------
        Sample
            The rows without missing values.

        Raises
        ------
        TermError
            If a term cannot be read, or cannot be used in its role.
        ColumnError
            If a column does not exist.
        InputTypeError
            If `roles`, `codes` or `clusters` is not of the type above, or a column of
            numbers has text.
        MissingDataError
            If no row is left, if a term is missing in every row, or if a cluster
            variable is missing. With ``missing="raise"`` also if any term is missing.
        OptionError
            If `missing` is another word.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import Panel
        >>> df = pd.DataFrame(
        ...     {
        ...         "i": [1, 1, 2, 2],
        ...         "t": [1, 2, 1, 2],
        ...         "y": [1, 2, 3, 4],
        ...         "x": [1, None, 0, 2],
        ...     }
        ... )
        >>> sample = Panel(df, "i", "t").sample({"y": ["y"], "x": ["x"]})
        >>> sample.nobs, sample.dropped[0].by_term
        (3, {'x': 1})
        """
        terms = checked_roles(roles, codes=codes, clusters=clusters, missing=missing)
        check_where(where)
        return cut_sample(
            self._table,
            terms,
            codes=codes,
            clusters=clusters,
            missing=missing,
            where=where,
        )

    # --- new columns ------------------------------------------------------------------

    def assign(
        self, **columns: str | float | pd.Series[Any] | Callable[[pd.DataFrame], Any]
    ) -> Panel:
        """Add or replace columns.

        Parameters
        ----------
        **columns
            The value of each new column: a term (``"log(gdp / pop)"``), a number, a
            Series indexed by (entity, time), or a function that takes the panel's
            `frame` and returns a Series or an array. A later column may use an
            earlier one.

        Returns
        -------
        Panel
            A new panel with these columns.

        Raises
        ------
        AlignmentError
            If a value is an array, or a Series with another index. The panel sorts its
            rows, so values cannot be matched by position.
        PanelIndexError
            If the name is that of a key.
        TermError, ColumnError, MissingDataError
            If a term cannot be read, uses a column that does not exist, or the new
            column is infinite somewhere.

        Examples
        --------
        >>> from digiprosper import datasets
        >>> panel = datasets.us_states().assign(ln_gsp="log(gsp)")
        >>> round(float(panel.frame["ln_gsp"].iloc[0]), 3)
        10.255
        """
        table, notices = self._table, _index_notices(columns)
        for name, value in columns.items():
            inside: tuple[str, ...] = ()
            if isinstance(value, str):
                inside = term_of_one_column(table, value, f"assign({name}=...)").names
            table = changes.assigned(table, name, value)
            # A column made from interpolated values has them too.
            before = [*self._diagnostics, *notices]
            of_filled = report.changed_as(before, dict.fromkeys(inside, name))
            notices += [n for n in of_filled if n.code == "interpolated"]
        calculated = [name for name, value in columns.items() if callable(value)]
        if calculated:
            notices += calculated_column_notices(table, calculated)
        return self._copy_with(table)._add_notices(notices)

    def attach(
        self,
        data: Panel | pd.Series[Any] | pd.DataFrame | Mapping[Any, Any],
        *,
        name: str | None = None,
        on: str | None = None,
        keep: Literal["all", "panel"] = "all",
        overwrite: bool = False,
    ) -> Panel:
        """Merge columns from other data, matched by the keys.

        Parameters
        ----------
        data : Panel, Series, DataFrame or mapping
            Data indexed by (entity, time), by the entity, or by the time. An index of
            one level must have the name of its key. A DataFrame without an index may
            have the keys as columns. A mapping has one value for each entity. Of
            another panel all columns, with their labels and its `diagnostics`; its keys
            may have other names. Rows of the panel without data are missing in the new
            columns.
        name : str, optional
            Name of the new column. A mapping, and a Series without a name, need it.
        on : str, optional
            Column of the panel that is matched in the place of the entity, such as the
            province of a household. `data` then has this column as its key, and another
            panel its entities.
        keep : {"all", "panel"}
            Which rows of `data` are used. ``"all"`` (default) raises an error if the
            panel does not have the keys of a row. ``"panel"`` uses the other rows, and
            `diagnostics` of the panel lists the keys that were not found.
        overwrite : bool
            Whether a column of the panel with the same name is replaced. By default it
            is an error, since rows without data would become missing.

        Returns
        -------
        Panel
            A new panel with these columns.

        Raises
        ------
        InputTypeError
            If `data` is of another type. Of the results of an index pass ``scores``.
        AlignmentError
            If the index has other levels, repeats a key, or has a key that the panel
            does not have. The message lists these keys, with the nearest one of the
            panel. With ``keep="panel"`` only if no row fits.
        PanelIndexError
            If a column has the name of a key.
        ColumnError
            If the panel has a column with this name, without ``overwrite=True``.
        MissingDataError
            If a column has infinite values.
        OptionError
            If `keep` or `overwrite` has another value.

        Warns
        -----
        DigiprosperWarning
            With ``keep="panel"``, if a key that was not found is similar to one of the
            panel without data.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import datasets
        >>> panel = datasets.us_states().attach({"AL": 1.0, "AZ": 0.0}, name="coast")
        >>> panel["coast"].notna().sum()
        np.int64(34)
        >>> rates = pd.Series({1985: 7.5, 1986: 6.8, 1987: 5.7}, name="rate")
        >>> panel = panel.attach(rates.rename_axis("year"), keep="panel")
        >>> print(panel.diagnostics[0].message)
        1 of 3 rows of the data have no row in the panel: year '1987'
        """
        check_option("keep", keep, ("all", "panel"))
        check_option("overwrite", overwrite, (True, False))
        columns = data.frame if isinstance(data, Panel) else data
        if isinstance(data, Panel) and on is not None and data.time_name is None:
            columns = data.frame.rename_axis(on)
        table, notices = changes.attached(
            self._table, columns, name, keep, on=on, overwrite=overwrite
        )
        if not isinstance(data, Panel):
            added = name or getattr(data, "name", None)
            notices += _index_notices({str(added): data})
            return self._copy_with(table)._add_notices(notices)
        of_columns = {
            text: label
            for text, label in data.labels.items()
            if text not in (data.entity_name, data.time_name)
        }
        table = replace(table, labels={**of_columns, **self._table.labels})
        panel = self._copy_with(table, [self._imputations, data.imputations])
        # The other panel has already warned of its own.
        panel._diagnostics += data.diagnostics
        return panel._add_notices(notices)

    def relabel(self, **text: str) -> Panel:
        """Label columns.

        Parameters
        ----------
        **text
            The label of each column or term. Pass a name that is not a Python
            identifier as ``relabel(**{"K / L": "Capital depth"})``.

        Returns
        -------
        Panel
            A new panel. Other labels stay.

        Raises
        ------
        ColumnError, TermError
            If a column does not exist, or a term cannot be read.
        InputTypeError
            If a label is not text.

        Examples
        --------
        >>> from digiprosper import datasets
        >>> panel = datasets.us_states().relabel(gsp="Gross state product")
        >>> panel.labels["gsp"]
        'Gross state product'
        """
        table = self._table
        labels = {**table.labels, **changes.checked_labels(text, table.names)}
        return self._copy_with(replace(table, labels=labels))

    def rename(self, /, **names: str) -> Panel:
        """Rename columns and keys, also in the labels and in what is logged.

        Parameters
        ----------
        **names
            The new name of each column, ``old="new"``. Pass a name that is not a Python
            identifier as ``rename(**{"K / L": "depth"})``. Two columns may exchange
            their names.

        Returns
        -------
        Panel
            A new panel. Labels of terms are kept: after ``rename(gdp="output")`` the
            label of ``log(gdp)`` is that of ``log(output)``.

        Raises
        ------
        ColumnError
            If a column does not exist. If a new name is that of another column, is
            empty, or has line breaks or control characters.
        InputTypeError
            If a new name is not text.

        Examples
        --------
        >>> from digiprosper import datasets
        >>> panel = datasets.us_states().rename(gsp="output", state="place")
        >>> panel.entity_name, "output" in panel, "gsp" in panel
        ('place', True, False)
        """
        log = self._imputations
        renamed_log = log.assign(column=log["column"].replace(names))
        panel = self._copy_with(changes.renamed(self._table, names), [renamed_log])
        panel._diagnostics = (
            *(n for n in self._diagnostics if n.code not in report.CHANGED),
            *report.changed_as(self._diagnostics, {c: c for c in self.columns} | names),
        )
        return panel

    # --- fewer rows -------------------------------------------------------------------

    def subset(self, rows: str | pd.Series[bool]) -> Panel:
        """Keep some rows.

        Parameters
        ----------
        rows : str or Series of bool
            A condition on columns and keys, ``"year >= 2015 and region == 'east'"``, or
            a Series of True and False indexed by (entity, time). A condition may have
            comparisons, arithmetic, the functions of terms, ``and``, ``or``, ``not``,
            and ``in`` with a list. Summaries and tables of models name it.

        Returns
        -------
        Panel
            A new panel with the rows where the condition is true.

        Raises
        ------
        ColumnError
            If the condition uses a column that does not exist.
        TermError
            If the condition cannot be read, or is not true or false for each row.
        AlignmentError
            If the mask is not a Series, or has another index than the panel.
        InputTypeError
            If the mask is not boolean.
        MissingDataError
            If no row is left, or the mask has missing values.

        Warns
        -----
        DigiprosperWarning
            If a list after ``in``, or a text after ``==`` or ``!=``, has a value that
            does not occur in the column.

        Notes
        -----
        As in pandas, a comparison with a missing value is false, and ``!=`` is true. So
        ``x <= 0`` drops the rows where x is missing; ``not (x > 0)`` and ``x != 0``
        keep them. In columns of a nullable type of pandas all of them drop these rows.

        Examples
        --------
        >>> from digiprosper import datasets
        >>> datasets.us_states().subset("year >= 1980 and unemp < 8").nobs
        198
        """
        if isinstance(rows, str):
            chosen = rows_where(rows, self._table)
            return self._keep_rows(chosen, f"subset({cited(rows)})", rows)
        if not isinstance(rows, pd.Series):
            raise AlignmentError(
                f"a {type(rows).__name__} has no row labels; pass a condition as text, "
                "or a Series of True and False indexed by (entity, time)."
            )
        mask = changes.aligned(self._table, rows, "the mask")
        if mask.isna().any():
            raise MissingDataError(
                f"the mask has missing values in {int(mask.isna().sum())} rows; use "
                ".fillna(False)."
            )
        if not pd.api.types.is_bool_dtype(mask.dtype):
            raise InputTypeError(
                f"the mask has dtype {mask.dtype}; it must be boolean (True or False)."
            )
        return self._keep_rows(mask.to_numpy(dtype=bool), "the mask")

    def dropna(self, columns: str | Sequence[str] | None = None) -> Panel:
        """Drop the rows with a missing value in some columns.

        Models drop such rows themselves, for the terms that they use. Create lags
        before you drop rows: later lags are computed from the rows that are left.

        Parameters
        ----------
        columns : str or sequence of str, optional
            Columns of any type. The default is all columns.

        Returns
        -------
        Panel
            A new panel, or this one if no value is missing.

        Raises
        ------
        ColumnError, InputTypeError
            If these are not names of columns.
        MissingDataError
            If no row is left.

        Warns
        -----
        MissingDataWarning
            If rows are dropped. It states how many, and in how many each column is
            missing.

        Examples
        --------
        >>> import warnings
        >>> import pandas as pd
        >>> from digiprosper import Panel
        >>> df = pd.DataFrame(
        ...     {"i": [1, 1, 2, 2], "t": [1, 2, 1, 2], "x": [1, None, 0, 2]}
        ... )
        >>> with warnings.catch_warnings(record=True) as said:
        ...     warnings.simplefilter("always")
        ...     len(Panel(df, "i", "t").dropna("x"))
        3
        >>> print(said[0].message)
        1 of 4 rows dropped: missing x (1).
        """
        requested = self.columns if columns is None else columns
        names = chosen_columns(self._table, requested, "dropna")
        missing, notice = find_missing_rows(self._table, names)
        if notice is None:
            return self
        complete = self._keep_rows(~missing, "dropna()")
        issue([notice])
        return complete

    def balance(self, keep: Literal["entities", "times"] = "entities") -> Panel:
        """Drop rows so that the panel is balanced.

        Parameters
        ----------
        keep : {"entities", "times"}
            ``"entities"`` (default) keeps the entities that have a row at every time.
            ``"times"`` keeps the times at which every entity has a row.

        Returns
        -------
        Panel
            A new, balanced panel. Its `diagnostics` list the entities that it lacks:
            spatial models need them as neighbours.

        Raises
        ------
        MissingDataError
            If no row is left.
        OptionError
            If `keep` is another word.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import Panel
        >>> df = pd.DataFrame(
        ...     {"i": [1, 1, 2, 2, 2], "t": [1, 2, 1, 2, 3], "x": [1.0, 3, 0, 2, 9]}
        ... )
        >>> Panel(df, "i", "t").balance("times")
        Panel: 2 i x 2 t, 4 rows, balanced; columns x
        """
        check_option("keep", keep, ("entities", "times"))
        keys = self._table.keys
        codes, size = keys.entity, self.n_times
        if keep == "times":
            codes, size = keys.time, self.n_entities
        is_complete = np.bincount(codes) == size
        panel = self._keep_rows(is_complete[codes], f"balance(keep={cited(keep)})")
        if keep == "entities" and not is_complete.all():
            panel._diagnostics += (not_balanced(keys, is_complete),)
        return panel

    # --- changed columns --------------------------------------------------------------

    def standardise(self, columns: str | Sequence[str], by: str | None = None) -> Panel:
        """Standardise columns to mean 0 and standard deviation 1.

        The standard deviation has the divisor n - 1.

        Parameters
        ----------
        columns : str or sequence of str
            Numeric columns.
        by : str, optional
            Column whose groups are standardised separately, or ``"entity"`` or
            ``"time"``. By default all rows are one group.

        Returns
        -------
        Panel
            A new panel, in which the columns have their new values.

        Raises
        ------
        IdentificationError
            If a column does not vary in a group.
        ColumnError, InputTypeError
            If a name is not that of a numeric column.
        MissingDataError
            If `by` has missing values.
        PanelIndexError
            If a column is a key.

        Examples
        --------
        >>> from digiprosper import datasets
        >>> panel = datasets.us_states().standardise("unemp", by="year")
        >>> round(float(panel["unemp"].std()), 2)
        0.99
        """
        groups = group_codes(self._table, by, "standardise")
        names = chosen_columns(self._table, columns, "standardise")
        changed = {n: changes.standardised(self._table, n, groups) for n in names}
        panel = self._copy_with(self._table.with_columns(changed))
        return panel._add_notices(report.standardised(dict.fromkeys(names), by))

    def winsorize(
        self,
        columns: str | Sequence[str],
        lower: float | None = None,
        upper: float | None = None,
        by: str | None = None,
        quantile: Literal["stata", "linear"] = "stata",
    ) -> Panel:
        """Replace extreme values by quantiles.

        Values below the lower quantile are set to that quantile, values above the upper
        one to the upper one. No row is dropped.

        Parameters
        ----------
        columns : str or sequence of str
            Numeric columns.
        lower, upper : float, optional
            Quantiles as shares between 0 and 1; 0.01 and 0.99 by default, as in
            ``winsor2``. If one is named, the other cuts the same share: ``lower=0.05``
            alone cuts at 0.05 and 0.95. With ``lower=0`` or ``upper=1`` that end does
            not change.
        by : str, optional
            Column whose groups have their own quantiles, or ``"entity"`` or ``"time"``.
            By default all rows are one group.
        quantile : {"stata", "linear"}
            How a quantile is computed. ``"stata"`` (default) averages the inverse of
            the distribution function, as ``summarize, detail`` and ``winsor2`` do.
            ``"linear"`` interpolates, as numpy does by default.

        Returns
        -------
        Panel
            A new panel, in which the columns have their new values. Its `diagnostics`
            count them, and summaries and tables of models name the columns.

        Raises
        ------
        OptionError
            If not ``0 <= lower < upper <= 1``, or `quantile` is another word.
        ColumnError, InputTypeError
            If a name is not that of a numeric column.
        MissingDataError
            If `by` has missing values.
        PanelIndexError
            If a column is a key.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import Panel
        >>> df = pd.DataFrame(
        ...     {"i": [1, 1, 2, 2, 2], "t": [1, 2, 1, 2, 3], "x": [1.0, 3, 0, 2, 9]}
        ... )
        >>> Panel(df, "i", "t").winsorize("x", lower=0.2, upper=0.8)["x"].tolist()
        [1.0, 3.0, 0.5, 2.0, 6.0]
        """
        check_option("quantile", quantile, ("stata", "linear"))
        ends = _winsorized_at(lower, upper)
        groups = group_codes(self._table, by, "winsorize")
        names = chosen_columns(self._table, columns, "winsorize")
        changed, cells = {}, {}
        for name in names:
            values = self._table.numeric(name)
            changed[name] = changes.winsorized(values, groups, ends, quantile)
            is_clipped = (changed[name] != values) & ~np.isnan(values)
            if is_clipped.any():
                cells[name] = int(is_clipped.sum())
        panel = self._copy_with(self._table.with_columns(changed))
        return panel._add_notices(report.winsorised(cells, *ends, by))

    def interpolate(
        self,
        columns: str | Sequence[str],
        extrapolate: bool = False,  # noqa: FBT001, FBT002
    ) -> Panel:
        """Fill missing values by linear interpolation in time within each entity.

        No row is added.

        Parameters
        ----------
        columns : str or sequence of str
            Numeric columns.
        extrapolate : bool
            Whether to also fill values before an entity's first observation and after
            its last one with the nearest observed value. The default is False, because
            nothing is observed on one side of them.

        Returns
        -------
        Panel
            A new panel. Its `imputations` lists the cells that were filled.

        Raises
        ------
        PanelIndexError
            If the data are a cross-section, or a column is a key.
        ColumnError, InputTypeError
            If a name is not that of a numeric column.

        Warns
        -----
        MissingDataWarning
            If values stay missing, if more than a tenth of a column is filled, or if
            values before the first or after the last observation are filled. Also if
            the column is the lag of another one: its first period is missing by
            construction, and should not be filled.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import Panel
        >>> df = pd.DataFrame(
        ...     {"i": [1] * 12, "t": range(2001, 2013), "x": [1.0, None, *range(3, 13)]}
        ... )
        >>> panel = Panel(df, "i", "t").interpolate("x")
        >>> print(panel.imputations)
          column  entity  time  value  method
        0      x       1  2002    2.0  linear
        """
        if self.time_name is None:
            raise PanelIndexError(
                "interpolate needs a time key, but this is a cross-section."
            )
        names = chosen_columns(self._table, columns, "interpolate")
        table, new_logs, notices = changes.interpolated(
            self._table, names, extrapolate=extrapolate
        )
        issue(notices)
        panel = self._copy_with(table, [self._imputations, *new_logs])
        cells = {str(log["column"].iloc[0]): len(log) for log in new_logs}
        return panel._add_notices(report.interpolated(cells))

    def lag(self, columns: str | Sequence[str], periods: int = 1) -> Panel:
        """Add lags of columns, named such as ``x_lag1``.

        Parameters
        ----------
        columns : str or sequence of str
            Numeric columns.
        periods : int
            Number of periods, at least 1 (default). As with Stata's ``L.``, the lag of
            2015 is the value of 2014; if the entity has no row in 2014, the lag is
            missing.

        Returns
        -------
        Panel
            A new panel with these columns.

        Raises
        ------
        MissingDataError
            If a lag is missing in every row.
        OptionError
            If `periods` is not an integer of at least 1.
        ColumnError, InputTypeError
            If a name is not that of a numeric column.
        PanelIndexError
            If the data are a cross-section, or the step of time is unknown.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import Panel
        >>> df = pd.DataFrame(
        ...     {"i": [1, 1, 1], "t": [2013, 2014, 2016], "x": [1.0, 3, 9]}
        ... )
        >>> Panel(df, "i", "t").lag("x")["x_lag1"].tolist()
        [nan, 1.0, nan]
        """
        return self._with_shifts(columns, periods, "lag")

    def diff(self, columns: str | Sequence[str], periods: int = 1) -> Panel:
        """Add differences of columns, named such as ``x_diff1``.

        Parameters
        ----------
        columns : str or sequence of str
            Numeric columns.
        periods : int
            The difference is x minus its lag of this many periods; at least 1
            (default).

        Returns
        -------
        Panel
            A new panel with these columns.

        Raises
        ------
        MissingDataError, OptionError, ColumnError, InputTypeError, PanelIndexError
            As in `lag`.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import Panel
        >>> df = pd.DataFrame(
        ...     {"i": [1, 1, 1], "t": [2013, 2014, 2016], "x": [1.0, 3, 9]}
        ... )
        >>> Panel(df, "i", "t").diff("x")["x_diff1"].tolist()
        [nan, 2.0, nan]
        """
        return self._with_shifts(columns, periods, "diff")

    def _with_shifts(
        self, columns: str | Sequence[str], periods: int, kind: str
    ) -> Panel:
        number = plain(periods)
        if not is_whole(number) or number < 1:
            raise OptionError(
                f"periods={cited(periods)} must be an integer of at least 1."
            )
        names = chosen_columns(self._table, columns, kind)
        return self.assign(
            **{
                f"{name}_{kind}{number}": f"{kind}({backticked(name)}, {number})"
                for name in names
            }
        )

    # --- what is in it ----------------------------------------------------------------

    def head(self, n: int = 5) -> pd.DataFrame:
        """Show the first rows.

        Parameters
        ----------
        n : int
            Number of rows, 5 by default.

        Returns
        -------
        DataFrame
            The first rows of `frame` (a copy), indexed by (entity, time).

        Raises
        ------
        OptionError
            If `n` is not an integer of at least 0.

        Examples
        --------
        >>> from digiprosper import datasets
        >>> datasets.us_states().head(1)["unemp"].tolist()
        [4.7]
        """
        return self.frame.head(check_whole("n", n, 0, _MOST_ROWS)).copy()

    def summarise(
        self,
        columns: str | Sequence[str] | None = None,
        *,
        obs_weights: str | None = None,
    ) -> pd.DataFrame:
        """Compute summary statistics of columns.

        Parameters
        ----------
        columns : str or sequence of str, optional
            Numeric columns, or terms such as ``"log(gdp)"``. The default is all numeric
            columns; a warning names columns of numbers that it leaves out because cells
            are text.
        obs_weights : str, optional
            Column with weights of the rows, such as sampling weights of a survey. Rows
            without a weight, or of weight 0, are left out. The standard deviation and
            the median are those of Stata's ``summarize [aw=], detail``.

        Returns
        -------
        DataFrame
            One row per column or term, with columns N, mean, sd, min, p50 (the median)
            and max. Each variable is described over its own non-missing rows. The
            standard deviation has the divisor n - 1.

        Raises
        ------
        ColumnError, InputTypeError, TermError
            If a name is not that of a numeric column or of a term.
        OptionError
            If a weight is negative, or none is positive.

        Examples
        --------
        >>> from digiprosper import datasets
        >>> datasets.us_states().summarise("unemp").loc["unemp"].round(2).tolist()
        [816.0, 6.6, 2.23, 2.8, 6.2, 18.0]
        """
        numbers = evaluate_columns(self._table, columns, "summarise")
        weights = weights_of(self._table, obs_weights, "summarise")
        return labelled(self._table, summarise(numbers, weights), numbers)

    def correlate(
        self,
        columns: str | Sequence[str] | None = None,
        *,
        obs_weights: str | None = None,
    ) -> Correlation:
        """Compute the correlation of each pair of columns.

        Parameters
        ----------
        columns : str or sequence of str, optional
            Numeric columns, or terms. The default is all numeric columns.
        obs_weights : str, optional
            Column with weights of the rows, as in `summarise`. The p-values are those
            of Stata's ``pwcorr [aw=], sig``: the number of rows, not the sum of the
            weights, is the sample size.

        Returns
        -------
        Correlation
            Tables `r` (Pearson correlations), `p` (two-sided p-values) and `n` (rows
            where both columns are observed), and `mean` and `sd` of each column.
            ``etable(panel.correlate())`` prints the lower triangle of `r`.

        Raises
        ------
        ColumnError, InputTypeError, TermError
            If a name is not that of a numeric column or of a term.
        OptionError
            If a weight is negative, or none is positive.

        Examples
        --------
        >>> from digiprosper import datasets
        >>> correlations = datasets.us_states().correlate(["unemp", "hwy"])
        >>> round(float(correlations.r.loc["unemp", "hwy"]), 3)
        0.177
        """
        numbers = evaluate_columns(self._table, columns, "correlate")
        weights = weights_of(self._table, obs_weights, "correlate")
        factors = factors_of(self._table, numbers)
        return correlate(numbers, self.labels, factors, weights)

    def describe(self, columns: str | Sequence[str] | None = None) -> pd.DataFrame:
        """Describe columns overall, between entities and within entities.

        Stata's ``xtsum`` does the same.

        Parameters
        ----------
        columns : str or sequence of str, optional
            Numeric columns, or terms. The default is all numeric columns.

        Returns
        -------
        DataFrame
            Three rows per variable, indexed by (variable, part). Its columns are mean,
            sd, min, max and N. Part ``overall`` describes the N rows, ``between`` the
            means of the N entities, and ``within`` the values x - (mean of the
            entity) + (overall mean), with N the average number of rows per entity.
            The mean is the overall mean in all three.

        Raises
        ------
        ColumnError, InputTypeError, TermError
            If a name is not that of a numeric column or of a term.

        Examples
        --------
        >>> from digiprosper import datasets
        >>> datasets.us_states().describe("unemp")["sd"].round(3).tolist()
        [2.233, 1.275, 1.842]
        """
        numbers = evaluate_columns(self._table, columns, "describe")
        parts = between_within(numbers, self._table.keys.entity)
        return labelled(self._table, parts, numbers)

    def define(
        self, definitions: Mapping[str, str | Mapping[str, str]]
    ) -> pd.DataFrame:
        """Make the table of definitions of variables.

        Parameters
        ----------
        definitions : mapping
            The definition of each column as text; or a mapping with the keys
            ``"definition"``, ``"unit"`` and ``"source"`` (or other headings). A
            variable such as log(gdp) first becomes a column by `assign`.

        Returns
        -------
        DataFrame
            One row per variable with these texts, the number N of rows where it is
            observed, its mean and its standard deviation (divisor n - 1).
            ``etable(panel.define(...), labels=panel.labels)`` prints it.

        Raises
        ------
        ColumnError
            If a column does not exist.
        InputTypeError
            If `definitions` is not a mapping with names of columns.

        Examples
        --------
        >>> from digiprosper import datasets
        >>> datasets.us_states().define(
        ...     {
        ...         "gsp": "Output at 1982 prices",
        ...         "unemp": {"definition": "Unemployed in labour force", "unit": "%"},
        ...     }
        ... )[["definition", "unit", "N"]]
                                  definition unit    N
        variable
        gsp            Output at 1982 prices       816
        unemp     Unemployed in labour force    %  816
        """
        return definition_table(self._table, definitions)

    def balance_table(
        self,
        by: str,
        columns: str | Sequence[str] | None = None,
        *,
        obs_weights: str | None = None,
        clusters: str | None = None,
    ) -> pd.DataFrame:
        """Compare means of two groups of rows, such as treated and control.

        Parameters
        ----------
        by : str
            Column with two values, such as a dummy of treated entities.
        columns : str or sequence of str, optional
            Numeric columns, or terms. The default is all numeric columns except `by`.
        obs_weights : str, optional
            Column with weights of the rows, as in `summarise`.
        clusters : str, optional
            Column of larger clusters than entities, such as villages that were treated
            as a whole.

        Returns
        -------
        DataFrame
            One row per variable: the number N of rows, the means of both groups, their
            difference (larger value of `by` minus smaller one), its standard error, and
            the p-value of a test clustered by entity, or by `clusters`, which `etable`
            names below it. The last two are missing if a group has fewer than two
            clusters.

        Warns
        -----
        CovarianceWarning
            If entities with the same label, such as a village, are in one group, and
            the test is clustered by entity.

        Raises
        ------
        ColumnError, InputTypeError, TermError
            If a name is not that of a numeric column or of a term.
        MissingDataError
            If `by` or `clusters` has missing values.
        OptionError
            If `by` does not have two values, a weight is negative, or none is positive.

        Notes
        -----
        The rows of an entity are correlated, so the test is clustered by entity. If
        each entity is in one group, it is Welch's t test (Welch 1947) with sums of
        residuals by entity; in a balanced panel this is the test of the means of
        entities. It holds with few treated entities, where clustered standard errors
        reject too often. If entities change groups, it is a regression on the group,
        with CR1 standard errors and G - 1 degrees of freedom. In a cross-section each
        row is an entity.

        For the balance after matching see `match_entities`.

        Examples
        --------
        >>> from digiprosper import datasets
        >>> panel = datasets.us_states().assign(
        ...     south=lambda f: f.index.isin(["AL", "FL", "GA", "MS"], level=0) * 1
        ... )
        >>> panel.balance_table("south", ["unemp"]).round(3).iloc[0].tolist()
        [816.0, 6.56, 7.066, 0.506, 0.505, 0.371]
        """
        numbers = evaluate_columns(self._table, columns, "balance_table")
        if isinstance(by, str):  # `compare_groups` refuses anything else
            numbers.pop(by, None)
        weights = weights_of(self._table, obs_weights, "balance_table")
        return compare_groups(self._table, by, numbers, weights, clusters)


def _winsorized_at(lower: float | None, upper: float | None) -> tuple[float, float]:
    """Return the shares at both ends; one that is not named is that of the other."""
    if lower is None:
        lower = round(1 - upper, 12) if is_real(upper) and 0 < upper < 1 else 0.01
    if upper is None:
        upper = round(1 - lower, 12) if is_real(lower) and 0 < lower < 1 else 0.99
    if not (is_real(lower) and is_real(upper) and 0 <= lower < upper <= 1):
        raise OptionError(
            f"lower={cited(lower)}, upper={cited(upper)} must satisfy 0 <= lower < "
            "upper <= 1, such as .01 and .99."
        )
    return float(lower), float(upper)


def _index_notices(columns: Mapping[str, object]) -> list[Notice]:
    """Report which columns are scores of an index, as their Series or table says."""
    indicators_of: dict[str, Any] = {}
    for name, values in columns.items():
        indicators = getattr(values, "attrs", {}).get("indicators")
        of_columns = indicators if isinstance(indicators, Mapping) else {}
        if isinstance(values, pd.DataFrame):
            indicators_of |= {str(c): of_columns.get(c) for c in values.columns}
        elif isinstance(values, pd.Series):
            indicators_of[name] = of_columns.get(values.name, indicators)
    # Others may use this name in attrs for something else.
    return report.index_of(
        {
            name: tuple(indicators)
            for name, indicators in indicators_of.items()
            if isinstance(indicators, list | tuple)
            and all(isinstance(indicator, str) for indicator in indicators)
        }
    )
