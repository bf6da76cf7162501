"""Gaps filled in time, every cell logged, and what is doubtful about it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import Notice, cited, counted
from digiprosper.panel.columns import numeric_columns
from digiprosper.report.notices import imputed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel.keys import Keys, Mask
    from digiprosper.panel.table import Table

# From here on estimates depend on interpolated values.
_LARGE_SHARE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Interpolated:
    """A table whose gaps were filled, as far as possible."""

    table: Table
    # One frame per column: column, entity, time and value of each filled cell.
    logs: tuple[pd.DataFrame, ...]
    # What is doubtful about the filled cells.
    notices: tuple[Notice, ...]


def interpolated(table: Table, names: Sequence[str], *, extrapolate: bool) -> Interpolated:
    """Fill gaps linearly in time within each entity, for `Panel.interpolate`.

    `extrapolate` carries the nearest value beyond an entity's first and last observation.
    """
    columns: dict[str, Floats] = {}
    logs: list[pd.DataFrame] = []
    notices: list[Notice] = []
    for name in names:
        old = table.numeric(name)
        inside, new = _filled(table, old, extrapolate=extrapolate)
        filled = np.isnan(old) & ~np.isnan(new)
        if filled.any():
            columns[name] = new
            logs.append(_logged(table, name, filled, new))
            notices += _doubts(table, name, filled, int((filled & np.isnan(inside)).sum()))
            notices += _equal_to_a_lag(table, name, filled)
        notices += _unfilled(table.keys, name, new, extrapolate=extrapolate)
    return Interpolated(table.with_columns(columns), tuple(logs), tuple(notices))


def _filled(table: Table, values: Floats, *, extrapolate: bool) -> tuple[Floats, Floats]:
    """Fill between an entity's observations, and beyond them if `extrapolate`."""
    keys = table.keys
    position = _positions(keys)[keys.time]
    inside = filled_in(values, position, keys.entity, extrapolate=False)
    if not extrapolate:
        return inside, inside
    return inside, filled_in(values, position, keys.entity, extrapolate=True)


def filled_in(values: Floats, position: Floats, entity: Ints, *, extrapolate: bool) -> Floats:
    """Fill missing values (N,) linearly within each entity, in a copy.

    `position` (N,) is the time of each row as a number; `entity` (N,) has sorted codes.
    """
    out = values.copy()
    starts = np.flatnonzero(np.concatenate([[True], np.diff(entity) > 0, [True]]))
    for start, stop in pairwise(starts):
        part, at = values[start:stop], position[start:stop]
        observed = ~np.isnan(part)
        if observed.any() and not observed.all():
            ends = {} if extrapolate else {"left": np.nan, "right": np.nan}
            filled = np.interp(at, at[observed], part[observed], **ends)
            out[start:stop] = np.where(observed, part, filled)
    return out


def _positions(keys: Keys) -> Floats:
    """Convert each time to a number: its value, or its position on the grid of dates."""
    times = keys.times
    if isinstance(times, pd.DatetimeIndex) and keys.ordinals is None:
        return np.asarray(times.asi8, dtype=np.float64)
    if pd.api.types.is_integer_dtype(times.dtype):
        return times.to_numpy(dtype=np.float64)
    assert keys.ordinals is not None
    return keys.ordinals.astype(np.float64)


def _logged(table: Table, name: str, filled: Mask, values: Floats) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "column": name,
            "entity": table.raw(table.keys.entity_name)[filled],
            "time": table.raw(str(table.keys.time_name))[filled],
            "value": values[filled],
        }
    )


def _doubts(table: Table, name: str, filled: Mask, ends: int) -> list[Notice]:
    """Report columns with a large share of filled cells, and extrapolated ends."""
    data = _counts(table.keys, name, filled)
    count = data["count"]
    entities = counted(data["entities"], "entity", "entities")
    out = []
    if count > _LARGE_SHARE * table.nobs:
        text = (
            f"{count / table.nobs:.0%} of {cited(name)} is interpolated ({counted(count, 'cell')}, "
            f"{entities}): estimates depend on interpolated values. "
            "See panel.imputations."
        )
        out.append(imputed({name: count}, "many", text))
    if ends:
        text = (
            f"extrapolate=True fills {ends} value{'s' * (ends > 1)} before the first or after the "
            f"last observation of {cited(name)}."
        )
        out.append(imputed({name: ends}, "extrapolated", text))
    return out


def _equal_to_a_lag(table: Table, name: str, filled: Mask) -> list[Notice]:
    """Report a column that equals the lag of another one: its first period is no gap."""
    if table.keys.ordinals is None:
        return []
    count = int(filled.sum())
    lags = [n for n in numeric_columns(table) if n != name and _is_lag(table, name, n, filled)]
    texts = [
        f"{cited(name)} equals the lag of {cited(source)}; its missing values are the first "
        f"periods of each entity. {counted(count, 'cell')} filled. Interpolate "
        f"{cited(source)} before lagging, or drop the first period."
        for source in lags
    ]
    return [imputed({name: count}, "lagged", text, source) for text, source in zip(texts, lags, strict=True)]


def _is_lag(table: Table, name: str, source: str, filled: Mask) -> bool:
    values, lagged = table.numeric(name), table.shift(table.numeric(source), 1)
    both = ~np.isnan(values) & ~np.isnan(lagged)
    equal = both.sum() > 2 and (values[both] == lagged[both]).all()
    return bool(equal and (np.isnan(lagged) & filled).any())


def _unfilled(keys: Keys, name: str, values: Floats, *, extrapolate: bool) -> list[Notice]:
    missing = np.isnan(values)
    if not missing.any():
        return []
    data = _counts(keys, name, missing)
    cure = "they lie before the first or after the last value of their entity, or the entity has no value"
    if extrapolate:
        cure = "their entity has no observed value"
    text = (
        f"{counted(data['count'], 'cell')} of {cited(name)} "
        f"({counted(data['entities'], 'entity', 'entities')}) "
        f"could not be interpolated and stay missing: {cure}."
    )
    return [Notice("unfilled", text, data)]


def _counts(keys: Keys, name: str, cells: Mask) -> dict[str, Any]:
    entities = int(np.unique(keys.entity[cells]).size)
    return {"column": name, "count": int(cells.sum()), "entities": entities}
