"""The panel: a long table with checked keys, and everything that reads or changes its columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from digiprosper.errors import (
    UNPRINTABLE,
    AlignmentError,
    ColumnError,
    InputTypeError,
    MissingDataError,
    Notice,
    OptionError,
    PanelIndexError,
    TermError,
    check_option,
    cited,
    counted,
    issue,
    one_line,
    plain,
    quoted,
    unknown_columns,
)
from digiprosper.kernels.tolerances import CONSTANT
from digiprosper.panel.conditions import rows_where
from digiprosper.panel.describe import Correlation, between_within, correlate, summarise, unit_of
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.keys import Keys, refuse_infinite, rows_text, sorted_keys, to_pandas
from digiprosper.panel.selection import cut_sample
from digiprosper.panel.terms import parse
from digiprosper.panel.transform import filled_in, winsorized

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel.sample import Mask, Sample

__all__ = ["Panel"]

_ARRAYS = (np.ndarray, pd.api.extensions.ExtensionArray, pd.Index)
_CHANGES = ("standardise", "winsorize", "interpolate")


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

    __slots__ = ("_cache", "_data", "_imputations", "_is_part", "_keys", "_labels", "_step")

    _data: pd.DataFrame
    _keys: Keys
    _labels: dict[str, str]
    _imputations: pd.DataFrame
    _step: int | str | None
    _is_part: bool
    _cache: dict[str, Floats]

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
        empty = pd.DataFrame({"column": [], "entity": [], "time": [], "value": []})
        self._assemble(frame, keys, {}, empty, step)
        self._labels = self._checked_labels(labels or {})

    def _assemble(
        self,
        data: pd.DataFrame,
        keys: Keys,
        labels: dict[str, str],
        imputations: pd.DataFrame,
        step: int | str | None,
    ) -> None:
        self._data, self._keys, self._labels = data, keys, labels
        self._imputations, self._step = imputations, step
        self._cache = {}
        self._is_part = False

    def _with(self, data: pd.DataFrame, **changes: Any) -> Panel:
        other = Panel.__new__(Panel)
        fields = {"labels": self._labels, "imputations": self._imputations, **changes}
        other._assemble(
            data, fields.get("keys", self._keys), fields["labels"], fields["imputations"], self._step
        )
        other._is_part = self._is_part
        return other

    def _cut(self, mask: Mask, why: str) -> Panel:
        if not mask.any():
            raise MissingDataError(f"{why} keeps no rows of this panel.")
        log, keys = self._imputations, self._keys.keep(mask)
        if len(log):
            cells = pd.MultiIndex.from_arrays([log["entity"], log["time"]])
            log = log[cells.isin(keys.index)].reset_index(drop=True)
        other = self._with(self._data[mask].reset_index(drop=True), keys=keys, imputations=log)
        other._is_part = self._is_part or not mask.all()
        return other

    def __repr__(self) -> str:
        shape = f"{self.n_entities} {self.entity_name}"
        if self.time_name is not None:
            shape += f" x {self.n_times} {self.time_name}"
        balance = "balanced" if self.is_balanced else "unbalanced"
        if self.entities_occur_once:
            balance = f"each {self.entity_name} in one {self.time_name} only"
        return (
            f"Panel: {shape}, {self.nobs} rows, {balance}; columns {', '.join(map(str, self._data.columns))}"
        )

    def _repr_html_(self) -> str:
        with np.errstate(over="ignore"):  # pandas compares columns of float16 with numbers beyond their range
            head = self.frame.head(6).to_html()
        return f"<p>{self.n_entities} × {self.n_times}, {self.nobs} rows</p>{head}"

    @property
    def entity_name(self) -> str:
        """Name of the entity key."""
        return self._keys.entity_name

    @property
    def time_name(self) -> str | None:
        """Name of the time key, None in a cross-section."""
        return self._keys.time_name

    @property
    def index(self) -> pd.Index[Any]:
        """Row labels: a MultiIndex (entity, time), or entities in a cross-section."""
        return self._keys.index

    @property
    def frame(self) -> pd.DataFrame:
        """The data without the keys, indexed by (entity, time), sorted."""
        return self._data.set_axis(self._keys.index, axis=0)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, the keys not among them."""
        return tuple(self._data.columns)

    @property
    def entities(self) -> pd.Index[Any]:
        """Distinct entities, in order."""
        return self._keys.entities

    @property
    def times(self) -> pd.Index[Any]:
        """Distinct times, in order."""
        return self._keys.times

    @property
    def n_entities(self) -> int:
        """How many entities."""
        return self._keys.entities.size

    @property
    def n_times(self) -> int:
        """How many times."""
        return self._keys.times.size

    @property
    def nobs(self) -> int:
        """How many rows."""
        return len(self._data)

    @property
    def is_balanced(self) -> bool:
        """Whether every entity is there at every time."""
        return self.nobs == self.n_entities * self.n_times

    @property
    def entities_occur_once(self) -> bool:
        """Whether there are several times and every entity is there at one of them only.

        Repeated cross-sections are so, and a table whose entity key is a row number.
        """
        return self.n_times > 1 and self.nobs == self.n_entities

    @property
    def is_part(self) -> bool:
        """Whether rows were taken out of it, by `subset` or `balance`."""
        return self._is_part

    @property
    def labels(self) -> dict[str, str]:
        """Column to label (a copy)."""
        return dict(self._labels)

    @property
    def imputations(self) -> pd.DataFrame:
        """Every cell that was filled: column, entity, time, value (a copy)."""
        return self._imputations.copy()

    # --- where terms find their columns -------------------------------------------------------------------

    @property
    def known(self) -> tuple[str, ...]:
        """Names a term may use: the columns and the keys."""
        keys = [n for n in (self.entity_name, self.time_name) if n is not None]
        return (*keys, *self._data.columns)

    def raw(self, name: str) -> np.ndarray[Any, Any]:
        """Values of any column or key as they are.

        Parameters
        ----------
        name : str
            A column or key.

        Returns
        -------
        (N,) array
            In the order of the rows.
        """
        return np.asarray(self.series(name))

    def series(self, name: str) -> pd.Series[Any]:
        """Values of any column or key with their own type.

        Parameters
        ----------
        name : str
            A column or key.

        Returns
        -------
        Series
            In the order of the rows, on a plain range index. Do not write to it.

        Raises
        ------
        ColumnError
            If there is no such column.
        """
        given: object = name
        if not isinstance(given, str) or name not in self.known:
            raise unknown_columns([str(given)], self.known, "the panel", self._labels)
        if name == self.entity_name:
            return pd.Series(self._keys.entities.take(self._keys.entity))
        if name == self.time_name:
            return pd.Series(self._keys.times.take(self._keys.time))
        return self._data[name]

    def numeric(self, name: str) -> Floats:
        """Values of a numeric column as float64.

        Parameters
        ----------
        name : str
            A column or key.

        Returns
        -------
        (N,) array
            Missing values are NaN. Do not write to it.

        Raises
        ------
        InputTypeError
            If the column holds text or objects.
        """
        given: object = name
        if not isinstance(given, str) or name not in self._cache:
            self._cache[name] = self._as_numbers(name)
        return self._cache[name]

    def _as_numbers(self, name: str) -> Floats:
        values = self.series(name)
        if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_numeric_dtype(values.dtype):
            if pd.api.types.is_complex_dtype(values.dtype):
                raise InputTypeError(f"column {cited(name)} has complex numbers.")
            out = values.to_numpy(dtype=np.float64, na_value=np.nan)
            out.setflags(write=False)
            return out
        odd = [v for v in values.drop_duplicates() if isinstance(v, str) and not _is_number(v)]
        if odd:
            cure = f"use C({name}) for categories, or correct these cells"
        else:
            odd = list(values.drop_duplicates().head(3))
            cure = f"convert it: df[{cited(name)}] = pd.to_numeric(df[{cited(name)}])"
        raise InputTypeError(
            f"column {cited(name)} is {values.dtype} and not numeric (first: {quoted(odd, 3)}); {cure}.",
            [Notice("not_numeric", name, {"column": name, "values": tuple(map(str, odd[:5]))})],
        )

    def shift(self, values: Floats, periods: int) -> Floats:
        """Take values some steps earlier inside each entity.

        Parameters
        ----------
        values : (N,) array
            By row.
        periods : int
            Steps back by the value of time; negative looks ahead.

        Returns
        -------
        (N,) array
            Missing where the entity has no row at that time.

        Raises
        ------
        PanelIndexError
            In a cross-section, or where dates have no regular step.
        """
        if self.time_name is None:
            raise PanelIndexError(
                "lags need a time key, but this is a cross-section: Panel(df, entity=, time=)."
            )
        if self._keys.ordinals is None:
            raise PanelIndexError(
                f"the step of {cited(self.time_name)} cannot be determined; pass it: Panel(..., step='M')."
            )
        ordinal = self._keys.ordinals[self._keys.time]
        ordinal = ordinal - ordinal.min()
        reach = int(ordinal.max())
        if isinstance(self._step, int | np.integer):
            # Another grid of steps lies farther away than any lag inside the panel reaches.
            reach = int(self.times[-1] - self.times[0]) // int(self._step)
        if abs(periods) > reach:
            return np.full(values.size, np.nan)
        span = int(ordinal.max()) + abs(periods) + 1
        place = self._keys.entity * (2 * span) + ordinal
        # Off-grid ordinals are not monotone in time, so the lookup sorts its own keys.
        order = np.argsort(place, kind="stable")
        wanted = place - periods
        found = np.minimum(np.searchsorted(place[order], wanted), place.size - 1)
        there = place[order][found] == wanted
        inside = (ordinal - periods >= 0) & there
        return np.where(inside, values[order[found]], np.nan)

    def describe_rows(self, bad: Mask) -> str:
        """Count rows and list the first.

        Parameters
        ----------
        bad : (N,) array of bool
            Which rows.

        Returns
        -------
        str
            For a message.
        """
        return f"{counted(int(bad.sum()), 'row')} (first: {rows_text(tuple(self.index[bad][:5]))})"

    def sample(
        self,
        roles: Mapping[str, Sequence[str]],
        *,
        codes: Sequence[str] = (),
        clusters: Sequence[str] = (),
        missing: str = "drop",
    ) -> Sample:
        """Cut one sample for a system of equations.

        Each distinct term is worked out once on the whole panel; then rows with a missing value in any of
        them leave together.

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
        return cut_sample(self, roles, codes=codes, clusters=clusters, missing=missing)

    @property
    def keys(self) -> Keys:
        """The coded keys."""
        return self._keys

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
        panel = self
        for name, value in columns.items():
            if name in (self.entity_name, self.time_name):
                raise PanelIndexError(f"{cited(name)} is a key and cannot be assigned; build a new Panel.")
            if UNPRINTABLE.search(name):
                raise ColumnError(
                    f"assign: the name {cited(name)} has line breaks or control characters; write "
                    f"{cited(one_line(name))}."
                )
            data = panel._data.copy(deep=False)
            data[name] = panel._column(name, value)
            refuse_infinite(data[[name]], self._keys.index)
            panel = panel._with(data)
        return panel

    def _column(self, name: str, value: object) -> Any:
        if isinstance(value, str):
            term = parse(value, self.known, f"assign({name}=...)")
            if any(f.category for f in term.factors):
                raise TermError(
                    f"assign({name}=...): C() makes several columns; use it in the model instead."
                )
            return evaluate(term, self) if term.column is None else self.raw(term.column)
        if callable(value):
            value = value(self.frame)
            # Made from panel.frame, so its rows are in the panel's order.
            if isinstance(value, _ARRAYS) and value.ndim == 1 and len(value) == self.nobs:
                return value
        if isinstance(value, pd.Series):
            return self._aligned(value, name).array
        if value is None or np.isscalar(value) or isinstance(value, pd.Timestamp | pd.Period):
            return value
        raise AlignmentError(
            f"{cited(name)} is a {type(value).__name__} without row labels. The rows of the panel are "
            "sorted, so values cannot be matched by position: pass a Series indexed by (entity, time), "
            "such as panel.frame['x'] * 2, or a term as text.",
            [Notice("alignment", f"no labels for {cited(name)}", {"column": name})],
        )

    def _aligned(self, value: pd.Series[Any], name: str) -> pd.Series[Any]:
        index = self._keys.index
        self._refuse_swapped(value.index, name)
        if value.index.equals(index):
            return value
        if value.index.nlevels == index.nlevels and value.index.is_unique and len(value) == len(index):
            places = value.index.get_indexer(index)
            if (places >= 0).all():
                return value.iloc[places]
        raise AlignmentError(
            f"{cited(name)} is indexed by {quoted(value.index.names)} with {len(value)} rows; the panel has "
            f"{len(index)} rows indexed by {quoted(index.names)} and these do not match. "
            "Start from panel.frame, or use panel.attach() for data that cover only some rows.",
            [Notice("alignment", f"other index for {cited(name)}", {"column": name, "rows": len(value)})],
        )

    def _refuse_swapped(self, index: pd.Index[Any], name: str) -> None:
        keys = list(self._keys.index.names)
        if len(keys) == 2 and list(index.names) == keys[::-1]:
            raise AlignmentError(
                f"{cited(name)} is indexed by {quoted(index.names)}, the panel by {quoted(keys)}; swap "
                "the levels: .swaplevel().",
                [Notice("alignment", "levels in the other order", {"column": name})],
            )

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
        AlignmentError
            If the index is another one, has repeats, or has keys the panel does not have.
        PanelIndexError
            If a column is named as a key.
        """
        if isinstance(data, pd.Series) and data.name is None:
            raise AlignmentError("the Series has no name; give it one: series.rename('index_score').")
        frame = to_pandas(data.to_frame() if isinstance(data, pd.Series) else data)
        index = self._keys.index
        keys = [n for n in frame.columns if n in (self.entity_name, self.time_name)]
        if keys:
            raise PanelIndexError(f"{quoted(keys)} is a key and cannot be attached; rename the column.")
        names = [str(n) for n in frame.index.names]
        self._refuse_swapped(frame.index, "the data")
        if frame.index.nlevels == index.nlevels == 2:
            target = index
        elif names == [self.entity_name]:
            target = self._keys.entities.take(self._keys.entity)
        elif names == [str(self.time_name)]:
            target = self._keys.times.take(self._keys.time)
        else:
            raise AlignmentError(
                f"the data are indexed by {quoted(names)}; index them by {quoted(index.names)}, or by one "
                "key."
            )
        if not frame.index.is_unique:
            raise AlignmentError(
                f"the data have a duplicate key {cited(frame.index[frame.index.duplicated()][0])}."
            )
        strangers = (
            frame.index[target.get_indexer_for(frame.index) < 0]
            if target.is_unique
            else (frame.index[~frame.index.isin(target)])
        )
        if len(strangers):
            raise AlignmentError(
                f"{len(strangers)} rows of the data are not in the panel (first: "
                f"{rows_text(tuple(strangers[:5]))}); keep only the rows of the panel.",
                [Notice("alignment", "strangers", {"count": len(strangers)})],
            )
        taken = (
            frame.iloc[places]
            if (places := frame.index.get_indexer(target)).min() >= 0
            else (frame.reindex(target))
        )
        new = self._data.copy(deep=False)
        for name in frame.columns:
            new[name] = taken[name].array
        refuse_infinite(new[list(frame.columns)], index)
        return self._with(new)

    def relabel(self, **text: str) -> Panel:
        """Give columns labels.

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
        return self._with(self._data, labels={**self._labels, **self._checked_labels(text)})

    def _checked_labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        given: object = labels
        if not isinstance(given, Mapping):
            raise InputTypeError(
                f"labels must be a mapping of column to text, not {type(given).__name__}: {{'gdp': 'GDP'}}."
            )
        no_text = [n for n in given if not isinstance(n, str)]
        if no_text:
            raise InputTypeError(f"labels: the names {quoted(no_text)} are not text.")
        labels = {one_line(name): text for name, text in labels.items()}
        unknown: list[str] = []
        for name in labels:
            try:
                parse(name, self.known, "labels")
            except ColumnError as error:
                unknown += [p.data["column"] for p in error.problems]
        if unknown:
            raise unknown_columns(unknown, self.known, "labels")
        texts: dict[str, object] = dict(labels)
        odd = [n for n, v in texts.items() if not isinstance(v, str)]
        if odd:
            raise InputTypeError(f"labels must be text; the label of {quoted(odd)} is not.")
        return {name: one_line(text) for name, text in labels.items()}

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
            return self._cut(rows_where(rows, self), f"subset({cited(rows)})")
        if not isinstance(rows, pd.Series):
            raise AlignmentError(
                f"a {type(rows).__name__} has no row labels; pass a condition as text, or a Series of True "
                "and False indexed by (entity, time)."
            )
        mask = self._aligned(rows, "the mask")
        if mask.isna().any():
            raise MissingDataError(
                f"the mask has missing values in {int(mask.isna().sum())} rows; use .fillna(False)."
            )
        if not pd.api.types.is_bool_dtype(mask.dtype):
            raise InputTypeError(f"the mask has dtype {mask.dtype}; it must be boolean (True or False).")
        return self._cut(mask.to_numpy(dtype=bool), "the mask")

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
        codes, needed = (
            (self._keys.entity, self.n_times) if keep == "entities" else (self._keys.time, self.n_entities)
        )
        return self._cut((np.bincount(codes) == needed)[codes], f"balance(keep={cited(keep)})")

    # --- changed columns ----------------------------------------------------------------------------------

    def _names(self, columns: str | Sequence[str] | None, what: str) -> list[str]:
        if columns is None:
            return [
                c
                for c in self._data.columns
                if pd.api.types.is_numeric_dtype(self._data[c].dtype)
                or pd.api.types.is_bool_dtype(self._data[c].dtype)
            ]
        given: Any = columns
        names = [given] if isinstance(given, str) else list(given) if np.iterable(given) else [given]
        odd = [n for n in names if not isinstance(n, str)]
        if odd:
            raise InputTypeError(f"{what}: columns are names (text); {quoted(odd)} is not.")
        unknown = [n for n in names if n not in self.known]
        if unknown:
            raise unknown_columns(unknown, self.known, what, self._labels)
        keys = [n for n in names if n in (self.entity_name, self.time_name)]
        if keys and what in _CHANGES:
            raise PanelIndexError(f"{what}: {quoted(keys)} is a key and cannot be changed; assign() a copy.")
        return names

    def _groups(self, by: str | None, what: str) -> Ints:
        if by is None:
            return np.zeros(self.nobs, dtype=np.intp)
        given: object = by
        if not isinstance(given, str):
            raise InputTypeError(f"{what}(by={cited(given)}): by is the name of one column.")
        if by in ("time", self.time_name):
            return self._keys.time
        if by in ("entity", self.entity_name):
            return self._keys.entity
        if by not in self._data.columns:
            raise unknown_columns([by], self.known, f"{what}(by=...)", self._labels)
        codes = pd.factorize(self._data[by])[0].astype(np.intp)
        if (codes < 0).any():
            raise MissingDataError(
                f"{what}(by={cited(by)}): {cited(by)} is missing in {self.describe_rows(codes < 0)}."
            )
        return codes

    def standardise(self, columns: str | Sequence[str], by: str | None = None) -> Panel:
        """Give columns mean 0 and standard deviation 1.

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
        from digiprosper.errors import IdentificationError

        groups = self._groups(by, "standardise")
        data = self._data.copy(deep=False)
        for name in self._names(columns, "standardise"):
            values = self.numeric(name)
            values = values / unit_of(values[~np.isnan(values)])
            grouped = pd.Series(values).groupby(groups)
            sd = grouped.transform("std").to_numpy()
            size = np.abs(values)
            flat = ~np.isnan(size) & ~(sd > CONSTANT * np.where(np.isnan(size), 0.0, size))
            if flat.any():
                raise IdentificationError(
                    f"standardise: column {cited(name)} does not vary in {self.describe_rows(flat)}; drop "
                    "it, or "
                    "choose larger groups."
                )
            data[name] = (values - grouped.transform("mean").to_numpy()) / sd
        return self._with(data)

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
        groups = self._groups(by, "winsorize")
        order = np.argsort(groups, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
        data = self._data.copy(deep=False)
        for name in self._names(columns, "winsorize"):
            data[name] = winsorized(self.numeric(name), parts, (lower, upper), quantile)
        return self._with(data)

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
        position = self._positions()[self._keys.time]
        data = self._data.copy(deep=False)
        notices: list[Notice] = []
        logs = [self._imputations] if len(self._imputations) else []
        for name in self._names(columns, "interpolate"):
            old = self.numeric(name)
            new = filled_in(old, position, self._keys.entity, extrapolate=extrapolate)
            filled = np.isnan(old) & ~np.isnan(new)
            if filled.any():
                ends = filled & np.isnan(filled_in(old, position, self._keys.entity, extrapolate=False))
                data[name] = new
                logs.append(self._log(name, filled, new))
                notices += self._doubts(name, old, filled, int(ends.sum()))
            notices += self._unfilled(name, new, extrapolate=extrapolate)
        issue(notices)
        return self._with(data, imputations=pd.concat(logs, ignore_index=True) if logs else self._imputations)

    def _unfilled(self, name: str, values: Floats, *, extrapolate: bool) -> list[Notice]:
        missing = np.isnan(values)
        if not missing.any():
            return []
        entities = int(np.unique(self._keys.entity[missing]).size)
        cure = (
            "their entity has no observed value"
            if extrapolate
            else (
                "they lie before the first or after the last value of their entity, or the entity has no "
                "value"
            )
        )
        where = counted(entities, "entity", "entities")
        text = (
            f"{counted(int(missing.sum()), 'cell')} of {cited(name)} ({where}) "
            f"could not be interpolated and stay missing: {cure}."
        )
        return [Notice("unfilled", text, {"column": name, "count": int(missing.sum()), "entities": entities})]

    def _positions(self) -> Floats:
        """Where each time lies on a line: its value, or its place on the grid of dates."""
        times = self.times
        if isinstance(times, pd.DatetimeIndex) and self._keys.ordinals is None:
            return np.asarray(times.asi8, dtype=np.float64)
        if pd.api.types.is_integer_dtype(times.dtype):
            return times.to_numpy(dtype=np.float64)
        assert self._keys.ordinals is not None
        return self._keys.ordinals.astype(np.float64)

    def _log(self, name: str, filled: Mask, values: Floats) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "column": name,
                "entity": self.raw(self.entity_name)[filled],
                "time": self.raw(str(self.time_name))[filled],
                "value": values[filled],
            }
        )

    def _doubts(self, name: str, old: Floats, filled: Mask, ends: int) -> list[Notice]:
        count, out = int(filled.sum()), []
        entities = int(np.unique(self._keys.entity[filled]).size)
        data = {"column": name, "count": count, "entities": entities}
        if count > 0.1 * self.nobs:
            text = (
                f"{count / self.nobs:.0%} of {cited(name)} is interpolated ({counted(count, 'cell')}, "
                f"{counted(entities, 'entity', 'entities')}): estimates depend on interpolated values. "
                "See panel.imputations."
            )
            out.append(Notice("imputed", text, data))
        if ends:
            text = (
                f"extrapolate=True fills {ends} value{'s' * (ends > 1)} before the first or after the "
                f"last observation of {cited(name)}."
            )
            out.append(Notice("imputed", text, {**data, "ends": ends}))
        for other in self._names(None, "interpolate"):
            lagged = (
                self.shift(self.numeric(other), 1)
                if other != name and self._keys.ordinals is not None
                else None
            )
            if lagged is None:
                continue
            both = ~np.isnan(old) & ~np.isnan(lagged)
            if both.sum() > 2 and (old[both] == lagged[both]).all() and (np.isnan(lagged) & filled).any():
                text = (
                    f"{cited(name)} equals the lag of {cited(other)}; its missing values are the first "
                    f"periods of each entity. {counted(count, 'cell')} filled. Interpolate "
                    f"{cited(other)} before lagging, or drop the first period."
                )
                out.append(Notice("imputed", text, {**data, "lag_of": other}))
        return out

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
        return self._shifts(columns, periods, "lag")

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
        return self._shifts(columns, periods, "diff")

    def _shifts(self, columns: str | Sequence[str], periods: int, kind: str) -> Panel:
        number = plain(periods)
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise OptionError(f"periods={cited(periods)} must be an integer of at least 1.")
        new = {f"{n}_{kind}{number}": f"{kind}(`{n}`, {number})" for n in self._names(columns, kind)}
        return self.assign(**new)

    # --- what is in it ------------------------------------------------------------------------------------

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
        return summarise({n: self.numeric(n) for n in self._names(columns, "summarise")})

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
        return correlate({n: self.numeric(n) for n in self._names(columns, "correlate")}, self.labels)

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
        return between_within(
            {n: self.numeric(n) for n in self._names(columns, "describe")}, self._keys.entity, self.n_entities
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
