"""The panel: a long table with checked keys, and everything that reads or changes its columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, overload

import numpy as np
import pandas as pd

from digiprosper.errors import (
    AlignmentError,
    InputTypeError,
    MissingDataError,
    OptionError,
    PanelIndexError,
    check_option,
    check_whole,
    cited,
    issue,
    plain,
)
from digiprosper.panel.assignment import aligned, assigned, attached
from digiprosper.panel.columns import chosen_columns, grouping, missing_in, refuse_no_names
from digiprosper.panel.conditions import rows_where
from digiprosper.panel.describe import Correlation, between_within, correlate, summarise
from digiprosper.panel.interpolation import interpolated
from digiprosper.panel.keys import refuse_infinite, sorted_keys, to_pandas
from digiprosper.panel.labels import checked_labels
from digiprosper.panel.renaming import renamed
from digiprosper.panel.selection import cut_sample
from digiprosper.panel.stata import read_stata
from digiprosper.panel.table import Table
from digiprosper.panel.transform import standardised, winsorized
from digiprosper.report.verdicts import is_balanced

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from digiprosper.kernels import Floats
    from digiprosper.panel.sample import Mask, Sample

__all__ = ["Panel"]

# More rows than any panel has.
_MOST_ROWS = 1_000_000_000_000


class Panel:
    """A long table with an entity key and a time key, sorted, checked and never written to.

    Parameters
    ----------
    data : DataFrame, polars.DataFrame or pyarrow.Table
        One row an entity and time. It is not changed.
    entity : str, optional
        Column with the entity (province, firm, ...). Without it the table needs a MultiIndex (entity, time).
    time : str, optional
        Column with the time: whole numbers, dates or periods. Left out with `entity` given, the data are a
        cross-section with one row an entity.
    labels : mapping, optional
        Column, or a term such as ``"log(gdp)"``, to label; labels travel to every table and plot.
    step : int or str, optional
        One step of time, for lags: 1 for whole numbers by default, a frequency for dates (found by itself).

    Attributes
    ----------
    entity_name, time_name : str
        Names of the keys; `time_name` is None in a cross-section.

    Raises
    ------
    PanelIndexError
        If a key is missing, incomplete, repeated or cannot be ordered.
    ColumnError
        If a column is there twice, or a label names none.
    InputTypeError
        If `data` is no table.
    MissingDataError
        If a column has infinite values.

    Examples
    --------
    >>> import pandas as pd
    >>> from digiprosper import Panel
    >>> df = pd.DataFrame({"city": list("AABB"), "year": [2019, 2020, 2019, 2020], "gdp": [1.0, 2, 3, 5]})
    >>> panel = Panel(df, entity="city", time="year", labels={"gdp": "GDP per head"})
    >>> panel
    Panel: 2 city x 2 year, 4 rows, balanced; columns gdp
    >>> panel.lag("gdp").frame["gdp_lag1"].tolist()
    [nan, 1.0, nan, 3.0]
    """

    __slots__ = ("_imputations", "_is_part", "_table")

    _table: Table
    _imputations: pd.DataFrame
    _is_part: bool

    def __init__(
        self,
        data: object,
        entity: str | None = None,
        time: str | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        step: int | str | None = None,
    ) -> None:
        frame, keys = sorted_keys(to_pandas(data), entity, time, step)
        refuse_infinite(frame, keys.index)
        known = (*keys.names, *frame.columns)
        checked = {} if labels is None else checked_labels(labels, known)
        self._table = Table(frame, keys, checked, step)
        self._imputations = pd.DataFrame({"column": [], "entity": [], "time": [], "value": []})
        self._is_part = False

    @classmethod
    def from_stata(
        cls,
        path: str | os.PathLike[str],
        *,
        entity: str,
        time: str | None = None,
        step: int | str | None = None,
        encoding: str | None = None,
    ) -> Panel:
        """Read a Stata file (.dta), with the labels of its variables.

        Parameters
        ----------
        path : str or path
            The file.
        entity, time, step
            As in `Panel`.
        encoding : str, optional
            Encoding of the text in a file of Stata 13 or earlier, such as ``"gb18030"``; Latin-1 by default.
            Files of Stata 14 and later are in UTF-8.

        Returns
        -------
        Panel
            Labels of variables are its labels. A column whose values all have a value label becomes a
            category of these texts, in the order of their codes; the time key keeps its numbers. Other
            numbers become int64 or float64.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        InputTypeError
            If it is no Stata file, or damaged.
        OptionError
            If the encoding is unknown or is not that of the file.
        PanelIndexError, ColumnError
            As `Panel`.

        Warns
        -----
        DigiprosperWarning
            If value labels cover a part of a column, which keeps its numbers then; if dates count leap
            seconds (``%tC``), which stay numbers; if text is not valid in the encoding of the file.

        Notes
        -----
        The missing values ``.``, ``.a`` to ``.z`` are all missing here; which one it was is lost. Empty text,
        which Stata counts as missing, is missing. Dates (``%td %tc %tw %tm %tq %th %ty``) become timestamps,
        of the first day of a month, quarter or year; lags go by months, quarters or years then. What `xtset`
        stored is not read: name the keys.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import pandas as pd
        >>> from digiprosper import Panel
        >>> df = pd.DataFrame({"city": ["A", "A", "B"], "year": [2019, 2020, 2020], "gdp": [1.0, 2.0, 5.0]})
        >>> path = pathlib.Path(tempfile.mkdtemp(), "cities.dta")
        >>> df.to_stata(path, write_index=False, variable_labels={"gdp": "GDP per head"})
        >>> panel = Panel.from_stata(path, entity="city", time="year")
        >>> panel
        Panel: 2 city x 2 year, 3 rows, unbalanced; columns gdp
        >>> panel.labels
        {'gdp': 'GDP per head'}
        """
        read = read_stata(path, time, encoding)
        panel = cls(read.frame, entity, time, labels=read.labels, step=step)
        issue(read.notices)
        return panel

    def _with(self, table: Table, imputations: pd.DataFrame | None = None, *, is_part: bool = False) -> Panel:
        other = Panel.__new__(Panel)
        other._table = table
        other._imputations = self._imputations if imputations is None else imputations
        other._is_part = self._is_part or is_part
        return other

    def _cut(self, mask: Mask, why: str) -> Panel:
        if not mask.any():
            raise MissingDataError(f"{why} keeps no rows of this panel.")
        table = self._table.keep(mask)
        log = self._imputations
        if len(log):
            cells = pd.MultiIndex.from_arrays([log["entity"], log["time"]])
            log = log[cells.isin(table.index)].reset_index(drop=True)
        return self._with(table, log, is_part=not mask.all())

    def __repr__(self) -> str:
        shape = f"{self.n_entities} {self.entity_name}"
        if self.time_name is not None:
            shape += f" x {self.n_times} {self.time_name}"
        balance = "balanced" if self.is_balanced else "unbalanced"
        if self.entities_occur_once:
            balance = f"each {self.entity_name} in one {self.time_name} only"
        return f"Panel: {shape}, {self.nobs} rows, {balance}; columns {', '.join(self.columns)}"

    def _repr_html_(self) -> str:
        with np.errstate(over="ignore"):  # pandas compares columns of float16 with numbers beyond their range
            head = self.frame.head(6).to_html()
        return f"<p>{self.n_entities} × {self.n_times}, {self.nobs} rows</p>{head}"

    def __len__(self) -> int:
        return self.nobs

    # A panel has columns and rows: which of them a loop would go over is not evident.
    __iter__: ClassVar[None] = None

    def __contains__(self, name: object) -> bool:
        return name in self._table.known

    @overload
    def __getitem__(self, columns: str) -> pd.Series[Any]: ...

    @overload
    def __getitem__(self, columns: list[str]) -> pd.DataFrame: ...

    def __getitem__(self, columns: str | list[str]) -> pd.Series[Any] | pd.DataFrame:
        """Take columns or keys: a Series of one name, a DataFrame of a list; a copy, indexed by the keys."""
        refuse_no_names(columns)
        names = chosen_columns(self._table, columns, "panel[...]")
        taken = {name: self._table.series(name).array.copy() for name in names}
        index = self._table.index
        if isinstance(columns, str):
            return pd.Series(taken[columns], index=index, name=columns)
        return pd.DataFrame(taken, index=index)

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
        """Row labels: a MultiIndex (entity, time), or entities in a cross-section."""
        return self._table.index

    @property
    def frame(self) -> pd.DataFrame:
        """The data without the keys, indexed by (entity, time), sorted."""
        return self._table.frame

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, the keys not among them."""
        return tuple(self._table.data.columns)

    @property
    def entities(self) -> pd.Index[Any]:
        """Distinct entities, in order."""
        return self._table.keys.entities

    @property
    def times(self) -> pd.Index[Any]:
        """Distinct times, in order."""
        return self._table.keys.times

    @property
    def n_entities(self) -> int:
        """How many entities."""
        return self._table.keys.entities.size

    @property
    def n_times(self) -> int:
        """How many times."""
        return self._table.keys.times.size

    @property
    def nobs(self) -> int:
        """How many rows."""
        return self._table.nobs

    @property
    def is_balanced(self) -> bool:
        """Whether every entity is there at every time."""
        return is_balanced(self.nobs, self.n_entities, self.n_times)

    @property
    def entities_occur_once(self) -> bool:
        """Whether there are several times and every entity is there at one of them only.

        Repeated cross-sections are so, and a table whose entity key is a row number.
        """
        return self.n_times > 1 and self.nobs == self.n_entities

    @property
    def is_part(self) -> bool:
        """Whether rows were taken out of it, by `subset`, `dropna` or `balance`."""
        return self._is_part

    @property
    def labels(self) -> dict[str, str]:
        """Column to label (a copy)."""
        return dict(self._table.labels)

    @property
    def imputations(self) -> pd.DataFrame:
        """Every cell that was filled: column, entity, time, value (a copy)."""
        return self._imputations.copy()

    # --- samples ------------------------------------------------------------------------------------------

    def sample(
        self,
        roles: Mapping[str, Sequence[str]],
        *,
        codes: Sequence[str] = (),
        clusters: Sequence[str] = (),
        missing: str = "drop",
    ) -> Sample:
        """Cut one sample for a system of equations.

        Each distinct term is evaluated once on the whole panel; then rows with a missing value in any of
        them are dropped together.

        Parameters
        ----------
        roles : mapping
            Role to terms, such as ``{"y": ("gdp",), "x": ("digital", "lag(edu)")}``.
        codes : sequence of str
            Terms turned into codes, such as absorbed effects; ``"region^year"`` crosses two.
        clusters : sequence of str
            Further terms turned into codes, in which a missing value is an error.
        missing : {"drop", "raise"}
            What to do about rows with missing values.

        Returns
        -------
        Sample
            Complete rows.

        Raises
        ------
        TermError, ColumnError, InputTypeError, MissingDataError
            If a term cannot be read or evaluated.

        Examples
        --------
        >>> import pandas as pd
        >>> from digiprosper import Panel
        >>> df = pd.DataFrame({"i": [1, 1, 2, 2], "t": [1, 2, 1, 2], "y": [1, 2, 3, 4], "x": [1, None, 0, 2]})
        >>> sample = Panel(df, "i", "t").sample({"y": ["y"], "x": ["x"]})
        >>> sample.nobs, sample.dropped[0].by_term
        (3, {'x': 1})
        """
        return cut_sample(self._table, roles, codes=codes, clusters=clusters, missing=missing)

    # --- new columns --------------------------------------------------------------------------------------

    def assign(self, **columns: str | float | pd.Series[Any] | Callable[[pd.DataFrame], Any]) -> Panel:
        """Add or replace columns.

        Parameters
        ----------
        **columns
            Name to a term (``"log(gdp / pop)"``), a number, a function of the frame (whose keys are index
            levels), or a Series indexed by (entity, time). Later ones may use earlier ones.

        Returns
        -------
        Panel
            A new one.

        Raises
        ------
        AlignmentError
            If a value is a bare array or a Series on another index: rows were sorted, positions mean nothing.
        PanelIndexError
            If the name is a key.

        Examples
        --------
        >>> from digiprosper import datasets
        >>> panel = datasets.us_states().assign(ln_gsp="log(gsp)")
        >>> round(float(panel.frame["ln_gsp"].iloc[0]), 3)
        10.255
        """
        table = self._table
        for name, value in columns.items():
            table = assigned(table, name, value)
        return self._with(table)

    def attach(self, data: pd.Series[Any] | pd.DataFrame) -> Panel:
        """Bring in columns by their keys.

        Parameters
        ----------
        data : Series or DataFrame
            Indexed by (entity, time), by the entity alone or by the time alone (the index named as the key).
            A Series needs a name. Rows of the panel it does not cover are missing there.

        Returns
        -------
        Panel
            A new one.

        Raises
        ------
        InputTypeError
            If it is neither, such as the results of an index: pass their ``scores``.
        AlignmentError
            If the index is another one, has repeats, or has keys the panel does not have.
        PanelIndexError
            If a column is named as a key.
        """
        return self._with(attached(self._table, data))

    def relabel(self, **text: str) -> Panel:
        """Label columns.

        Parameters
        ----------
        **text
            Column to label. Names that are no Python words go through ``relabel(**{"K / L": "Capital
            depth"})``.

        Returns
        -------
        Panel
            A new one.
        """
        labels = {**self._table.labels, **checked_labels(text, self._table.known)}
        return self._with(replace(self._table, labels=labels))

    def rename(self, /, **names: str) -> Panel:
        """Rename columns and keys; labels and the log of imputations follow.

        Parameters
        ----------
        **names
            Old name to new name, as in pandas. Names that are no Python words go through ``rename(**{"K / L":
            "depth"})``. Two columns may exchange their names.

        Returns
        -------
        Panel
            A new one. Labels of terms follow, too: ``log(gdp)`` becomes ``log(output)``.

        Raises
        ------
        ColumnError
            If there is no such column, a new name belongs to another column, is empty, or has line breaks or
            control characters.
        InputTypeError
            If a new name is not text.

        Examples
        --------
        >>> from digiprosper import datasets
        >>> panel = datasets.us_states().rename(gsp="output", state="place")
        >>> panel.entity_name, "output" in panel, "gsp" in panel
        ('place', True, False)
        """
        table = renamed(self._table, names)
        log = self._imputations
        return self._with(table, log.assign(column=log["column"].replace(names)) if len(log) else None)

    # --- fewer rows ---------------------------------------------------------------------------------------

    def subset(self, rows: str | pd.Series[bool]) -> Panel:
        """Keep some rows.

        Parameters
        ----------
        rows : str or Series of bool
            A condition on columns and keys, ``"year >= 2015 and region == 'east'"``, or a mask indexed by
            (entity, time). A condition has comparisons, arithmetic and the functions of terms, ``and``,
            ``or``, ``not``, and ``in`` with a list. A warning names values of the list that the column does
            not have.

        Returns
        -------
        Panel
            A new one.

        Raises
        ------
        ColumnError
            If the condition names an unknown column.
        TermError
            If it calls something or is no condition.
        AlignmentError
            If the mask has no row labels, or others.
        MissingDataError
            If no row is left, or the mask is missing somewhere.

        Notes
        -----
        Comparisons with a missing value are false, as in pandas: ``x <= 0`` drops the row, ``not (x > 0)``
        and ``x != 0`` keep it. In nullable columns a missing condition is false throughout.
        """
        if isinstance(rows, str):
            return self._cut(rows_where(rows, self._table), f"subset({cited(rows)})")
        if not isinstance(rows, pd.Series):
            raise AlignmentError(
                f"a {type(rows).__name__} has no row labels; pass a condition as text, or a Series of True "
                "and False indexed by (entity, time)."
            )
        mask = aligned(self._table, rows, "the mask")
        if mask.isna().any():
            raise MissingDataError(
                f"the mask has missing values in {int(mask.isna().sum())} rows; use .fillna(False)."
            )
        if not pd.api.types.is_bool_dtype(mask.dtype):
            raise InputTypeError(f"the mask has dtype {mask.dtype}; it must be boolean (True or False).")
        return self._cut(mask.to_numpy(dtype=bool), "the mask")

    def dropna(self, columns: str | Sequence[str] | None = None) -> Panel:
        """Keep the rows without a missing value in some columns.

        Models do so by themselves, for the terms that they use. Lags are computed from the rows that are
        left: create them first.

        Parameters
        ----------
        columns : str or sequence of str, optional
            Columns of any kind; every column by default.

        Returns
        -------
        Panel
            A new one; the same rows if nothing is missing.

        Raises
        ------
        ColumnError, InputTypeError
            If these are not columns.
        MissingDataError
            If no row is left.

        Warns
        -----
        MissingDataWarning
            With the number of rows that leave, and in how many of them each column is missing.

        Examples
        --------
        >>> import warnings
        >>> import pandas as pd
        >>> from digiprosper import Panel
        >>> df = pd.DataFrame({"i": [1, 1, 2, 2], "t": [1, 2, 1, 2], "x": [1, None, 0, 2]})
        >>> with warnings.catch_warnings(record=True) as said:
        ...     warnings.simplefilter("always")
        ...     len(Panel(df, "i", "t").dropna("x"))
        3
        >>> print(said[0].message)
        1 of 4 rows dropped: missing x (1).
        """
        wanted = self.columns if columns is None else columns
        names = chosen_columns(self._table, wanted, "dropna")
        found = missing_in(self._table, names)
        if found.notice is None:
            return self
        kept = self._cut(~found.rows, "dropna()")
        issue([found.notice])
        return kept

    def balance(self, keep: Literal["entities", "times"] = "entities") -> Panel:
        """Keep a balanced part.

        Parameters
        ----------
        keep : {"entities", "times"}
            ``"entities"``: the entities that are there at every time. ``"times"``: the times at which every
            entity is there.

        Returns
        -------
        Panel
            A new one, balanced.
        """
        check_option("keep", keep, ("entities", "times"))
        keys = self._table.keys
        if keep == "entities":
            complete = (np.bincount(keys.entity) == self.n_times)[keys.entity]
        else:
            complete = (np.bincount(keys.time) == self.n_entities)[keys.time]
        return self._cut(complete, f"balance(keep={cited(keep)})")

    # --- changed columns ----------------------------------------------------------------------------------

    def standardise(self, columns: str | Sequence[str], by: str | None = None) -> Panel:
        """Standardise columns: mean 0 and standard deviation 1.

        Parameters
        ----------
        columns : str or sequence of str
            Numeric columns.
        by : str, optional
            Inside groups of this column, or of ``"time"``. The standard deviation divides by n - 1.

        Returns
        -------
        Panel
            A new one.

        Raises
        ------
        IdentificationError
            If a column does not vary.
        """
        groups = grouping(self._table, by, "standardise")
        names = chosen_columns(self._table, columns, "standardise")
        return self._with(self._table.with_columns({n: standardised(self._table, n, groups) for n in names}))

    def winsorize(
        self,
        columns: str | Sequence[str],
        lower: float = 0.01,
        upper: float = 0.99,
        by: str | None = None,
        quantile: Literal["stata", "linear"] = "stata",
    ) -> Panel:
        """Pull extreme values in to quantiles; no row leaves.

        Parameters
        ----------
        columns : str or sequence of str
            Numeric columns.
        lower, upper : float
            Shares; ``0`` and ``1`` leave an end alone.
        by : str, optional
            Quantiles inside groups of this column, or of ``"time"``.
        quantile : {"stata", "linear"}
            ``"stata"``: averaged inverse distribution function, as ``summarize, detail`` and ``winsor2``;
            ``"linear"``: numpy's default.

        Returns
        -------
        Panel
            A new one.
        """
        check_option("quantile", quantile, ("stata", "linear"))
        numbers = all(isinstance(plain(v), int | float) for v in (lower, upper))
        if not numbers or not 0 <= lower < upper <= 1:
            raise OptionError(
                f"lower={cited(lower)}, upper={cited(upper)} must satisfy 0 <= lower < upper <= 1, such "
                "as .01 and .99."
            )

        groups = grouping(self._table, by, "winsorize")
        names = chosen_columns(self._table, columns, "winsorize")
        changed = {n: winsorized(self._table.numeric(n), groups, (lower, upper), quantile) for n in names}
        return self._with(self._table.with_columns(changed))

    def interpolate(self, columns: str | Sequence[str], extrapolate: bool = False) -> Panel:  # noqa: FBT001, FBT002
        """Fill gaps linearly in time inside each entity, and log every cell.

        Parameters
        ----------
        columns : str or sequence of str
            Numeric columns.
        extrapolate : bool
            Carry the nearest value beyond an entity's first and last observation; off by default, since such
            values are invented.

        Returns
        -------
        Panel
            A new one; `imputations` has the cells that were filled. No row is added.

        Warns
        -----
        MissingDataWarning
            If cells stay missing, if more than a tenth of a column is filled, if ends are invented, or if the
            column equals the lag of another one, whose first period is no gap.
        """
        if self.time_name is None:
            raise PanelIndexError("interpolate needs a time key, but this is a cross-section.")
        names = chosen_columns(self._table, columns, "interpolate")
        found = interpolated(self._table, names, extrapolate=extrapolate)
        issue(found.notices)
        logs = [log for log in (self._imputations, *found.logs) if len(log)]
        return self._with(found.table, pd.concat(logs, ignore_index=True) if logs else None)

    def lag(self, columns: str | Sequence[str], periods: int = 1) -> Panel:
        """Add columns ``x_lag1`` with the value some steps earlier.

        Parameters
        ----------
        columns : str or sequence of str
            Numeric columns.
        periods : int
            Steps by the value of time: a gap gives a missing value, never the row before it.

        Returns
        -------
        Panel
            A new one.

        Raises
        ------
        MissingDataError
            If a lag is missing in every row.
        """
        return self._with_shifts(columns, periods, "lag")

    def diff(self, columns: str | Sequence[str], periods: int = 1) -> Panel:
        """Add columns ``x_diff1`` with the change over some steps.

        Parameters
        ----------
        columns : str or sequence of str
            Numeric columns.
        periods : int
            Steps by the value of time.

        Returns
        -------
        Panel
            A new one.
        """
        return self._with_shifts(columns, periods, "diff")

    def _with_shifts(self, columns: str | Sequence[str], periods: int, kind: str) -> Panel:
        number = plain(periods)
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise OptionError(f"periods={cited(periods)} must be an integer of at least 1.")
        names = chosen_columns(self._table, columns, kind)
        return self.assign(**{f"{n}_{kind}{number}": f"{kind}(`{n}`, {number})" for n in names})

    # --- what is in it ------------------------------------------------------------------------------------

    def head(self, n: int = 5) -> pd.DataFrame:
        """Show the first rows.

        Parameters
        ----------
        n : int
            How many, at least 0.

        Returns
        -------
        DataFrame
            Indexed by (entity, time), in the order of the keys.
        """
        return self.frame.head(check_whole("n", n, 0, _MOST_ROWS)).copy()

    def summarise(self, columns: str | Sequence[str] | None = None) -> pd.DataFrame:
        """Describe columns one by one.

        Parameters
        ----------
        columns : str or sequence of str, optional
            All numeric ones by default.

        Returns
        -------
        DataFrame
            Indexed by variable: N, mean, sd (n - 1), min, p50, max, each over its own non-missing rows.
        """
        return summarise(self._numbers(columns, "summarise"))

    def correlate(self, columns: str | Sequence[str] | None = None) -> Correlation:
        """Correlate columns pair by pair.

        Parameters
        ----------
        columns : str or sequence of str, optional
            All numeric ones by default.

        Returns
        -------
        Correlation
            `r`, `p` and `n`, over the rows where both are there, and `mean` and `sd` of each column.
            ``etable(panel.correlate())`` prints the lower triangle.
        """
        return correlate(self._numbers(columns, "correlate"), self.labels)

    def describe(self, columns: str | Sequence[str] | None = None) -> pd.DataFrame:
        """Split the variation of columns into between and within entities, as Stata's xtsum.

        Parameters
        ----------
        columns : str or sequence of str, optional
            All numeric ones by default.

        Returns
        -------
        DataFrame
            Indexed by (variable, part), part one of overall, between, within; columns mean, sd, min, max, N.
            N counts rows, then entities, then mean rows an entity. Within is x - entity mean + overall mean.
        """
        numbers = self._numbers(columns, "describe")
        return between_within(numbers, self._table.keys.entity, self.n_entities)

    def _numbers(self, columns: str | Sequence[str] | None, method: str) -> dict[str, Floats]:
        return {n: self._table.numeric(n) for n in chosen_columns(self._table, columns, method)}
