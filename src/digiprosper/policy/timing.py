"""When each entity is first treated, read from a column of the panel and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    MissingDataError,
    Notice,
    OptionError,
    PanelIndexError,
    TermError,
    cited,
    missing_problem,
    option_problem,
)
from digiprosper.panel.table import is_number_type
from digiprosper.panel.treatment import as_times, entities_text, refuse_several_times

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Ints
    from digiprosper.panel.keys import Keys
    from digiprosper.panel.table import Table

_NEVER = -1
# Whole numbers up to here are exact in a column of floating point numbers.
_LARGEST = 2**53
_UNKNOWN = -2


@dataclass(frozen=True, slots=True, eq=False)
class Timing:
    """When each entity of a panel is first treated.

    Parameters
    ----------
    keys : Keys
        Of the panel.
    first : (n,) array of int
        By entity of the panel, the position of its first treated time among the panel's times; -1 for
        entities that are never treated.
    """

    keys: Keys
    first: Ints

    def of(self, keys: Keys) -> Ints:
        """Give the first treated time of entities.

        Parameters
        ----------
        keys : Keys
            Of rows of the panel.

        Returns
        -------
        (m,) array of int
            By entity of these rows, as `first`.
        """
        return np.asarray(self.first[self.keys.entities.get_indexer(keys.entities)])

    def event_times(self, keys: Keys) -> tuple[Ints, Bools]:
        """Count the periods since treatment.

        Parameters
        ----------
        keys : Keys
            Of rows of the panel.

        Returns
        -------
        times : (N,) array of int
            Steps of time from the first treated one, negative before it; 0 for entities never treated.
        treated : (N,) array of bool
            Rows of entities that are treated at some time.
        """
        first = self.of(keys)[keys.entity]
        since = _ordinals(keys)[keys.time] - _ordinals(self.keys)[first]
        treated = first >= 0
        return np.where(treated, since, 0), treated


def read_timing(table: Table, column: str, never: float | None) -> Timing:
    """Read when each entity is first treated.

    Parameters
    ----------
    table : Table
        The rows of a panel.
    column : str
        Its column of first treated times, or one that is 0 before treatment and 1 from then on.
    never : float or None
        Value of the column for entities that are never treated, beside missing values.

    Returns
    -------
    Timing
        Checked.

    Raises
    ------
    PanelIndexError
        Without a time key, or where the distance between times is not known.
    ColumnError, InputTypeError, TermError, OptionError
        If there is no such column, it is a key, its type does not fit the times, or `never` is not in it.
    MissingDataError
        If a column of 0 and 1 has missing values.
    IdentificationError
        If the column is none of both kinds, or entities are treated from the first period on.
    """
    _refuse_without_steps(table.keys, column)
    values = table.series(column)
    if _is_switch(values, never):
        first = _switched_on(table, column, values)
    else:
        first = _constant(table, column, _positions(table, column, values, never))
    _refuse_always_treated(table.keys, column, first)
    return Timing(table.keys, first)


def check_never(never: object) -> None:
    """Refuse a value of entities never treated that is not a number.

    Parameters
    ----------
    never : float or None
        As given.

    Raises
    ------
    OptionError
        If it is neither a number nor None.
    """
    if never is not None and not _is_number(never):
        text = f"never={cited(never)} must be a number, the value of event for entities never treated."
        raise OptionError(text, [option_problem("never", never, what=text)])


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= _LARGEST  # false of a missing value too


def _ordinals(keys: Keys) -> Ints:
    assert keys.ordinals is not None
    return keys.ordinals


def _refuse_without_steps(keys: Keys, column: str) -> None:
    if keys.time_name is None:
        raise PanelIndexError(
            "event times need a time key, but this is a cross-section: Panel(df, entity=, time=)."
        )
    if column in keys.names:
        raise TermError(
            f"event={cited(column)} is a key of the panel; specify a column of first treated times, or of 0 "
            "and 1."
        )
    if keys.ordinals is None:
        raise PanelIndexError(
            f"the step of {cited(keys.time_name)} cannot be determined, so event times cannot be counted; "
            "pass it: Panel(..., step='M')."
        )
    if (np.diff(keys.ordinals) < 0).any():
        raise PanelIndexError(
            f"some values of {cited(keys.time_name)} are no whole number of steps from the first, so event "
            "times cannot be counted; pass the step that all of them are on: Panel(..., step=1)."
        )


def _is_switch(values: pd.Series[Any], never: float | None) -> bool:
    """Find out whether a column is 0 before treatment and 1 from then on."""
    if never is not None:
        return False
    if pd.api.types.infer_dtype(values, skipna=True) == "boolean":
        return True
    if not is_number_type(values) or pd.api.types.is_complex_dtype(values.dtype):
        return False
    found = set(values.dropna().unique().tolist())
    # A column of ones and missing values may be of entities first treated at time 1.
    return bool(found) and found <= {0, 1} and (0 in found or not values.isna().any())


# --- a column of 0 and 1 ------------------------------------------------------------------------------------


def _switched_on(table: Table, column: str, values: pd.Series[Any]) -> Ints:
    """Find the first treated time of each entity where a column switches from 0 to 1."""
    absent = values.isna().to_numpy()
    if absent.any():
        raise MissingDataError(
            f"event={cited(column)} is of 0 and 1 and missing in {table.describe_rows(absent)}: fill it in, "
            "or specify a column of first treated times, in which missing means never treated.",
            [missing_problem(column, int(absent.sum()), table.index[absent][:5])],
        )
    on = values.to_numpy(dtype=np.float64)
    keys = table.keys
    same = np.diff(keys.entity, prepend=-1) == 0
    step = np.diff(on, prepend=0.0)
    _refuse_switched_off(keys, column, keys.entity[same & (step < 0)])

    start = np.flatnonzero(np.where(same, step, on) > 0)
    apart = np.diff(_ordinals(keys)[keys.time], prepend=0)
    _refuse_switched_in_gap(keys, column, keys.entity[start[same[start] & (apart[start] > 1)]])
    _refuse_switched_before(keys, column, keys.entity[start[~same[start]]])
    first = np.full(keys.entities.size, _NEVER)
    first[keys.entity[start]] = keys.time[start]
    return first


def _refuse_switched_off(keys: Keys, column: str, off: Ints) -> None:
    if off.size:
        names = keys.entities[np.unique(off)].tolist()
        text = (
            f"event={cited(column)} switches from 1 to 0 in {entities_text(keys, names)}. The treatment "
            "must stay: let the column be 1 from the first treated period on, or drop these "
            f"{keys.entity_name} with panel.subset."
        )
        raise IdentificationError(text, [Notice("switched_off", text, {"event": column, "entities": names})])


def _refuse_switched_in_gap(keys: Keys, column: str, late: Ints) -> None:
    if late.size:
        names = keys.entities[np.unique(late)].tolist()
        text = (
            f"event={cited(column)} switches on across a gap in time in {entities_text(keys, names)}, so the "
            "first treated time is not known: specify a column of first treated times."
        )
        raise IdentificationError(
            text, [Notice("switched_in_gap", text, {"event": column, "entities": names})]
        )


def _refuse_switched_before(keys: Keys, column: str, before: Ints) -> None:
    if before.size:
        names = keys.entities[np.unique(before)].tolist()
        text = (
            f"event={cited(column)} is 1 in the first row of {entities_text(keys, names)}, so that they have "
            f"no period before treatment: drop these {keys.entity_name} with panel.subset, or, where "
            "treatment began earlier, specify a column of first treated times."
        )
        raise IdentificationError(
            text, [Notice("always_treated", text, {"event": column, "entities": names})]
        )


# --- a column of first treated times ------------------------------------------------------------------------


def _positions(table: Table, column: str, values: pd.Series[Any], never: float | None) -> Ints:
    """Find the first treated time of each row among the times of the panel."""
    times = table.keys.times
    wanted: Any = as_times(table, column)
    if wanted is None:
        raise _other_type(table, column, values)
    none = pd.isna(wanted)
    if never is not None:
        none = none | _equal_to(column, wanted, never)
    grid = times.astype(np.float64) if pd.api.types.is_integer_dtype(times.dtype) else times
    place = np.asarray(grid.get_indexer(pd.Index(wanted)))
    place = np.where(none, _NEVER, np.where(place < 0, _UNKNOWN, place))
    if (place == _UNKNOWN).any():
        _refuse_other_times(table, column, pd.Index(wanted)[place == _UNKNOWN])
    return place


def _other_type(table: Table, column: str, values: pd.Series[Any]) -> InputTypeError:
    times = table.keys.times
    text = (
        f"event={cited(column)} is {values.dtype}, but {cited(table.keys.time_name)} is {times.dtype}: a "
        "column of first treated times must have the type of the time key, missing where an entity is never "
        "treated; otherwise specify a column of 0 and 1."
    )
    data = {"event": column, "dtype": str(values.dtype), "times": str(times.dtype)}
    return InputTypeError(text, [Notice("event_type", text, data)])


def _equal_to(column: str, wanted: Any, never: float) -> Bools:
    equal = np.asarray(wanted == never) if isinstance(wanted, np.ndarray) else np.zeros(len(wanted), bool)
    if not equal.any():
        text = f"never={cited(never)}: no entity has this value in event={cited(column)}. Leave never out."
        raise OptionError(text, [option_problem("never", never, what=text)])
    return equal


def _refuse_other_times(table: Table, column: str, found: pd.Index[Any]) -> None:
    """Refuse first treated times that are no times of the panel, and say of each kind what to do."""
    times = table.keys.times
    name = table.keys.time_name
    given = found.unique().sort_values()
    early, late = given[given < times[0]], given[given > times[-1]]
    never_may_be = isinstance(given[0], float)
    between = given[(given > times[0]) & (given < times[-1])]
    parts = []
    if early.size:
        parts.append(
            f"{_values(early)} before the first {name} ({times[0]}): such entities have no period before "
            "treatment, so drop them with panel.subset"
            + (f"; if it means never treated, pass never={_short(early[0])}" if never_may_be else "")
        )
    if between.size:
        parts.append(f"{_values(between)} in no row of {name}: correct the values, or add these periods")
    if late.size:
        parts.append(
            f"{_values(late)} after the last {name} ({times[-1]}): let it be missing, since such entities "
            "are not treated in the panel"
        )
    found_values = "; it has ".join(parts)
    text = f"event={cited(column)} is neither of 0 and 1 nor of times of the panel. It has {found_values}."
    data = {"event": column, "values": [*early, *between, *late]}
    raise IdentificationError(text, [Notice("event_times", text, data)])


def _constant(table: Table, column: str, place: Ints) -> Ints:
    """Take one first treated time an entity, or refuse."""
    keys = table.keys
    refuse_several_times(keys, place, column, f"event={cited(column)}")
    return np.asarray(place[np.flatnonzero(np.diff(keys.entity, prepend=-1))])


def _refuse_always_treated(keys: Keys, column: str, first: Ints) -> None:
    always = np.flatnonzero(first == 0)
    if always.size:
        names = keys.entities[always].tolist()
        text = (
            f"{entities_text(keys, names)}, treated from the first period on ({keys.times[0]}, "
            f"event={cited(column)}), {'has' if always.size == 1 else 'have'} no period before treatment: "
            "use panel.subset to drop such entities."
        )
        raise IdentificationError(
            text, [Notice("always_treated", text, {"event": column, "entities": names})]
        )


def _values(values: pd.Index[Any]) -> str:
    shown = ", ".join(_short(value) for value in values[:5])
    return shown if values.size <= 5 else f"{shown} and {values.size - 5} more"


def _short(value: object) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)
