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
    quoted,
    text_problem,
    unknown_columns,
)
from digiprosper.panel.keys import has_dates, where

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.kernels import Bools, Floats
    from digiprosper.panel.keys import Keys


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns and keys of sorted rows. It is never written to.

    `known` lists the names a term may use: the keys and the columns.
    """

    # The columns without the keys, on a plain range index.
    data: pd.DataFrame
    keys: Keys
    # By column, or by term such as "log(gdp)".
    labels: Mapping[str, str]
    # One step of time, as the user passed it.
    step: int | str | None
    # Rows (N,) of a sample, of all rows if None: in others a term may be undefined
    chosen: Bools | None = None
    # Whether it is a block of a larger table: what its rows lack others may have
    is_block: bool = False
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
        """Take the values of any column or key as they are."""
        return np.asarray(self.series(name))

    def series(self, name: str) -> pd.Series[Any]:
        """Return a column or key with its own type, on a range index.

        It must not be written to.
        """
        column: object = name
        if not isinstance(column, str) or name not in self.known:
            raise unknown_columns([str(column)], self.known, "the panel", self.labels)
        if name == self.keys.entity_name:
            return pd.Series(self.keys.entities.take(self.keys.entity))
        if name == self.keys.time_name:
            return pd.Series(self.keys.times.take(self.keys.time))
        return self.data[name]

    def is_numeric(self, name: str) -> bool:
        """Tell whether a column holds numbers or truth values."""
        return name in self._numbers or is_number_type(self.series(name))

    def numeric(self, name: str) -> Floats:
        """Return the values of a numeric column as float64; NaN where missing."""
        column: object = name
        if not isinstance(column, str) or name not in self._numbers:
            self._numbers[name] = _as_numbers(self.series(name), name)
        return self._numbers[name]

    def shift(self, values: Floats, periods: int) -> Floats:
        """Lag values (N,) within each entity.

        Missing where the entity has no row that many steps earlier.
        """
        ordinal, reach = self._steps_of_time()
        if abs(periods) > reach:
            return np.full(values.size, np.nan)

        span = int(ordinal.max()) + abs(periods) + 1
        positions = self.keys.entity * (2 * span) + ordinal
        # Off-grid ordinals are not monotone in time, so the lookup sorts its own keys.
        order = np.argsort(positions, kind="stable")
        sources = positions - periods
        candidates = np.minimum(
            np.searchsorted(positions[order], sources), positions.size - 1
        )

        has_source = positions[order][candidates] == sources
        inside = (ordinal - periods >= 0) & has_source
        return np.where(inside, values[order[candidates]], np.nan)

    def _steps_of_time(self) -> tuple[np.ndarray[Any, np.dtype[np.intp]], int]:
        """Compute each row's grid position, from 0, and the longest lag there is."""
        keys = self.keys
        if keys.time_name is None:
            raise PanelIndexError(
                "lags need a time key, which a cross-section does not have: Panel(df, "
                "entity=, time=)."
            )
        if keys.ordinals is None:
            raise PanelIndexError(
                f"the step of {cited(keys.time_name)} cannot be determined; pass it: "
                "Panel(..., step='M')."
            )
        ordinal = keys.ordinals[keys.time]
        ordinal = ordinal - ordinal.min()
        if isinstance(self.step, int | np.integer):
            # Another grid of steps lies farther away than any lag inside the panel
            # reaches.
            return ordinal, int(keys.times[-1] - keys.times[0]) // int(self.step)
        return ordinal, int(ordinal.max())

    def describe_rows(self, bad: Bools) -> str:
        """Count rows and list the first."""
        return where(bad, self.index)

    def with_columns(self, columns: Mapping[str, Any]) -> Table:
        """Add or replace columns."""
        data = self.data.copy(deep=False)
        for name, values in columns.items():
            data[name] = values
        return replace(self, data=data)

    def keep(self, mask: Bools) -> Table:
        """Keep some rows."""
        return replace(
            self, data=self.data[mask].reset_index(drop=True), keys=self.keys.keep(mask)
        )


def is_number_type(values: pd.Series[Any]) -> bool:
    """Tell whether the type of values is that of numbers or truth values."""
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
        if has_dates(values):
            cure = f"assign a number, such as panel[{cited(name)}].dt.year"
    return InputTypeError(
        f"column {cited(name)} is {values.dtype} and not numeric (first: "
        f"{quoted(odd, 3)}); {cure}.",
        [text_problem(name, odd[:5])],
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
