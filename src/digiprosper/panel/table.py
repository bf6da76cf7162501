"""The sorted rows behind a panel: what terms, conditions and samples read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    InputTypeError,
    PanelIndexError,
    cited,
    counted,
    quoted,
    text_problem,
    unknown_columns,
)
from digiprosper.panel.keys import rows_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.kernels import Floats
    from digiprosper.panel.keys import Keys, Mask


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns and keys of sorted rows. It is never written to.

    Parameters
    ----------
    data : DataFrame
        The columns without the keys, on a plain range index.
    keys : Keys
        The coded keys, in the same order.
    labels : mapping
        Column, or a term such as ``"log(gdp)"``, to label.
    step : int, str or None
        One step of time, as the user gave it.

    Attributes
    ----------
    known : tuple of str
        Names a term may use: the keys and the columns.
    """

    data: pd.DataFrame
    keys: Keys
    labels: Mapping[str, str]
    step: int | str | None
    # Every term of a model is read against the names: they are listed once.
    known: tuple[str, ...] = field(init=False, repr=False)
    _numbers: dict[str, Floats] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", (*self.keys.names, *self.data.columns))

    @property
    def nobs(self) -> int:
        """How many rows."""
        return len(self.data)

    @property
    def index(self) -> pd.Index[Any]:
        """Row labels."""
        return self.keys.index

    @property
    def frame(self) -> pd.DataFrame:
        """The columns indexed by the keys."""
        return self.data.set_axis(self.keys.index, axis=0)

    def raw(self, name: str) -> np.ndarray[Any, Any]:
        """Take the values of any column or key as they are.

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
        """Take the values of any column or key with their own type.

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
            raise unknown_columns([str(given)], self.known, "the panel", self.labels)
        if name == self.keys.entity_name:
            return pd.Series(self.keys.entities.take(self.keys.entity))
        if name == self.keys.time_name:
            return pd.Series(self.keys.times.take(self.keys.time))
        return self.data[name]

    def is_numeric(self, name: str) -> bool:
        """Find out whether a column holds numbers or truth values.

        Parameters
        ----------
        name : str
            A column or key.

        Returns
        -------
        bool
            As its type says.
        """
        return is_number_type(self.series(name))

    def numeric(self, name: str) -> Floats:
        """Take the values of a numeric column as float64.

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
        if not isinstance(given, str) or name not in self._numbers:
            self._numbers[name] = _as_numbers(self.series(name), name)
        return self._numbers[name]

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
        ordinal, reach = self._steps_of_time()
        if abs(periods) > reach:
            return np.full(values.size, np.nan)

        span = int(ordinal.max()) + abs(periods) + 1
        place = self.keys.entity * (2 * span) + ordinal
        # Off-grid ordinals are not monotone in time, so the lookup sorts its own keys.
        order = np.argsort(place, kind="stable")
        wanted = place - periods
        found = np.minimum(np.searchsorted(place[order], wanted), place.size - 1)

        there = place[order][found] == wanted
        inside = (ordinal - periods >= 0) & there
        return np.where(inside, values[order[found]], np.nan)

    def _steps_of_time(self) -> tuple[np.ndarray[Any, np.dtype[np.intp]], int]:
        """Place each row on the grid of steps, from 0; the longest lag that finds anything."""
        keys = self.keys
        if keys.time_name is None:
            raise PanelIndexError(
                "lags need a time key, but this is a cross-section: Panel(df, entity=, time=)."
            )
        if keys.ordinals is None:
            raise PanelIndexError(
                f"the step of {cited(keys.time_name)} cannot be determined; pass it: Panel(..., step='M')."
            )
        ordinal = keys.ordinals[keys.time]
        ordinal = ordinal - ordinal.min()
        if isinstance(self.step, int | np.integer):
            # Another grid of steps lies farther away than any lag inside the panel reaches.
            return ordinal, int(keys.times[-1] - keys.times[0]) // int(self.step)
        return ordinal, int(ordinal.max())

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

    def with_columns(self, columns: Mapping[str, Any]) -> Table:
        """Add or replace columns.

        Parameters
        ----------
        columns : mapping
            Name to a value or to (N,) values in the order of the rows.

        Returns
        -------
        Table
            Another one.
        """
        data = self.data.copy(deep=False)
        for name, values in columns.items():
            data[name] = values
        return replace(self, data=data)

    def keep(self, mask: Mask) -> Table:
        """Keep some rows.

        Parameters
        ----------
        mask : (N,) array of bool
            Rows to keep.

        Returns
        -------
        Table
            Another one.
        """
        return replace(self, data=self.data[mask].reset_index(drop=True), keys=self.keys.keep(mask))


def is_number_type(values: pd.Series[Any]) -> bool:
    """Find out whether values are numbers or truth values.

    Parameters
    ----------
    values : Series
        A column.

    Returns
    -------
    bool
        As its type says.
    """
    kind = values.dtype
    return bool(pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind))


def _as_numbers(values: pd.Series[Any], name: str) -> Floats:
    if not is_number_type(values):
        raise _not_numeric(values, name)
    if pd.api.types.is_complex_dtype(values.dtype):
        raise InputTypeError(f"column {cited(name)} has complex numbers.")
    out = values.to_numpy(dtype=np.float64, na_value=np.nan)
    out.setflags(write=False)
    return out


def _not_numeric(values: pd.Series[Any], name: str) -> InputTypeError:
    distinct = values.drop_duplicates()
    odd = [v for v in distinct if isinstance(v, str) and not _is_number(v)]
    cure = f"use C({name}) for categories, or correct these cells"
    if not odd:
        odd = list(distinct.head(3))
        cure = f"convert it: df[{cited(name)}] = pd.to_numeric(df[{cited(name)}])"
        if isinstance(values.dtype, pd.PeriodDtype) or pd.api.types.is_datetime64_any_dtype(values.dtype):
            cure = f"assign a number, such as panel[{cited(name)}].dt.year"
    return InputTypeError(
        f"column {cited(name)} is {values.dtype} and not numeric (first: {quoted(odd, 3)}); {cure}.",
        [text_problem(name, odd[:5])],
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
