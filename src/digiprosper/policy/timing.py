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
    """When each entity of a panel is first treated."""

    keys: Keys
    first: Ints  # (n,) position of the first treated time among the panel's times; -1 if never treated

    def of(self, keys: Keys) -> Ints:
        """Return the first treated time, as in `first`, of each entity of `keys`."""
        return np.asarray(self.first[self.keys.entities.get_indexer(keys.entities)])

    def event_times(self, keys: Keys) -> tuple[Ints, Bools]:
        """Count the periods since treatment.

        Returns by row of `keys` the steps of time since treatment, negative before it and 0 if never
        treated, and whether the entity is ever treated.
        """
        first = self.of(keys)[keys.entity]
        since = _ordinals(keys)[keys.time] - _ordinals(self.keys)[first]
        treated = first >= 0
        return np.where(treated, since, 0), treated


def read_timing(table: Table, column: str, never: float | None) -> Timing:
    """Read when each entity is first treated, and check it.

    `column` has first treated times, or is 0 before treatment and 1 from then on. `never` is its value for
    entities that are never treated, in addition to missing values.
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
    """Refuse a value for entities that are never treated that is neither a number nor None."""
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
    """Return whether a column is 0 before treatment and 1 from then on."""
    if never is not None:
        return False
    if pd.api.types.infer_dtype(values, skipna=True) == "boolean":
        return True
    if not is_number_type(values) or pd.api.types.is_complex_dtype(values.dtype):
        return False
    distinct = set(values.dropna().unique().tolist())
    # A column of ones and missing values may be of entities first treated at time 1.
    return bool(distinct) and distinct <= {0, 1} and (0 in distinct or not values.isna().any())


# --- a column of 0 and 1 ------------------------------------------------------------------------------------


def _switched_on(table: Table, column: str, values: pd.Series[Any]) -> Ints:
    """Find the first treated time of each entity in a column that changes from 0 to 1."""
    absent = values.isna().to_numpy()
    if absent.any():
        raise MissingDataError(
            f"event={cited(column)} is of 0 and 1 and missing in {table.describe_rows(absent)}: fill it in, "
            "or specify a column of first treated times, in which missing means never treated.",
            [missing_problem(column, int(absent.sum()), table.index[absent][:5])],
        )
    dummy = values.to_numpy(dtype=np.float64)
    keys = table.keys
    same = np.diff(keys.entity, prepend=-1) == 0
    step = np.diff(dummy, prepend=0.0)
    _refuse_switched_off(keys, column, keys.entity[same & (step < 0)])

    start = np.flatnonzero(np.where(same, step, dummy) > 0)
    apart = np.diff(_ordinals(keys)[keys.time], prepend=0)
    _refuse_switched_in_gap(keys, column, keys.entity[start[same[start] & (apart[start] > 1)]])
    _refuse_switched_before(keys, column, keys.entity[start[~same[start]]])
    first = np.full(keys.entities.size, _NEVER)
    first[keys.entity[start]] = keys.time[start]
    return first


def _refuse_switched_off(keys: Keys, column: str, entity: Ints) -> None:
    if entity.size:
        names = keys.entities[np.unique(entity)].tolist()
        text = (
            f"event={cited(column)} switches from 1 to 0 in {entities_text(keys, names)}. The treatment "
            "must stay: let the column be 1 from the first treated period on, or drop these "
            f"{keys.entity_name} with panel.subset."
        )
        raise IdentificationError(text, [Notice("switched_off", text, {"event": column, "entities": names})])


def _refuse_switched_in_gap(keys: Keys, column: str, entity: Ints) -> None:
    if entity.size:
        names = keys.entities[np.unique(entity)].tolist()
        text = (
            f"event={cited(column)} switches on across a gap in time in {entities_text(keys, names)}, so the "
            "first treated time is not known: specify a column of first treated times."
        )
        raise IdentificationError(
            text, [Notice("switched_in_gap", text, {"event": column, "entities": names})]
        )


def _refuse_switched_before(keys: Keys, column: str, entity: Ints) -> None:
    if entity.size:
        names = keys.entities[np.unique(entity)].tolist()
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
    """Find the position of the first treated time of each row among the times of the panel."""
    times = table.keys.times
    first_times: Any = as_times(table, column)
    if first_times is None:
        raise _other_type(table, column, values)
    never_treated = pd.isna(first_times)
    if never is not None:
        never_treated = never_treated | _equal_to(column, first_times, never)
    grid = times.astype(np.float64) if pd.api.types.is_integer_dtype(times.dtype) else times
    positions = np.asarray(grid.get_indexer(pd.Index(first_times)))
    positions = np.where(never_treated, _NEVER, np.where(positions < 0, _UNKNOWN, positions))
    if (positions == _UNKNOWN).any():
        _refuse_other_times(table, column, pd.Index(first_times)[positions == _UNKNOWN])
    return positions


def _other_type(table: Table, column: str, values: pd.Series[Any]) -> InputTypeError:
    times = table.keys.times
    text = (
        f"event={cited(column)} is {values.dtype}, but {cited(table.keys.time_name)} is {times.dtype}: a "
        "column of first treated times must have the type of the time key, missing where an entity is never "
        "treated; otherwise specify a column of 0 and 1."
    )
    data = {"event": column, "dtype": str(values.dtype), "times": str(times.dtype)}
    return InputTypeError(text, [Notice("event_type", text, data)])


def _equal_to(column: str, first_times: Any, never: float) -> Bools:
    equal = (
        np.asarray(first_times == never)
        if isinstance(first_times, np.ndarray)
        else np.zeros(len(first_times), bool)
    )
    if not equal.any():
        text = f"never={cited(never)}: no entity has this value in event={cited(column)}. Leave never out."
        raise OptionError(text, [option_problem("never", never, what=text)])
    return equal


def _refuse_other_times(table: Table, column: str, first_times: pd.Index[Any]) -> None:
    """Refuse first treated times that are not times of the panel, with advice for each kind."""
    times = table.keys.times
    name = table.keys.time_name
    distinct = first_times.unique().sort_values()
    before_panel, after_panel = distinct[distinct < times[0]], distinct[distinct > times[-1]]
    never_may_be = isinstance(distinct[0], float)
    between = distinct[(distinct > times[0]) & (distinct < times[-1])]
    parts = []
    if before_panel.size:
        parts.append(
            f"{_values(before_panel)} before the first {name} ({times[0]}): such entities have no period "
            "before treatment, so drop them with panel.subset"
            + (f"; if it means never treated, pass never={_short(before_panel[0])}" if never_may_be else "")
        )
    if between.size:
        parts.append(f"{_values(between)} in no row of {name}: correct the values, or add these periods")
    if after_panel.size:
        parts.append(
            f"{_values(after_panel)} after the last {name} ({times[-1]}): let it be missing, since such "
            "entities are not treated in the panel"
        )
    described = "; it has ".join(parts)
    text = f"event={cited(column)} is neither of 0 and 1 nor of times of the panel. It has {described}."
    data = {"event": column, "values": [*before_panel, *between, *after_panel]}
    raise IdentificationError(text, [Notice("event_times", text, data)])


def _constant(table: Table, column: str, positions: Ints) -> Ints:
    """Return one first treated time per entity; refuse several."""
    keys = table.keys
    refuse_several_times(keys, positions, column, f"event={cited(column)}")
    return np.asarray(positions[np.flatnonzero(np.diff(keys.entity, prepend=-1))])


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
