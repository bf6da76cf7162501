"""One row per entity: whether it is treated, and its values before treatment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    MissingDataError,
    Notice,
    OptionError,
    PanelIndexError,
    TermError,
    cited,
    counted,
    missing_problem,
    option_problem,
    quoted,
)
from digiprosper.panel.access import table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.panel import Panel, Sample
    from digiprosper.panel.keys import Keys
    from digiprosper.panel.table import Table

_FIRST: Final = "first"
_PRE: Final = "pre"


@dataclass(frozen=True, slots=True, eq=False)
class BaseValues:
    """Base values of the entities of a panel, and which entities are treated."""

    x: Floats  # (n, p) by entity; missing where a value or the base row is missing
    treated: Bools  # (n,) entities that are ever treated
    complete: Bools  # (n,) entities with all values
    sample: Sample  # rows without missing values, with names and labels of the columns
    base: str  # period of the base values, in words
    periods: dict[Any, int]  # with base="first", number of entities by first period
    missing: dict[str, int]  # number of entities without a base value, by term


def base_values(panel: Panel, treated: str, terms: Sequence[str], base: object) -> BaseValues:
    """Read which entities are treated, and the base values of all entities.

    `base` is ``"first"``, ``"pre"`` or a period. Base values from after the start of treatment are refused,
    if `treated` changes over time. Lags in `terms` are computed from the whole panel.
    """
    table = table_of(panel)
    keys = table.keys
    dummy = _treatment(table, treated)
    ever = np.bincount(keys.entity, weights=dummy, minlength=keys.entities.size) > 0
    _refuse_one_group(keys, treated, ever)
    start = _starts(keys, dummy)
    rows = _base_rows(keys, base, start)
    _refuse_after(keys, treated, base, start, rows)

    sample = panel.sample({"x": terms})
    values = np.full((panel.nobs, len(sample.names_of("x"))), np.nan)
    values[panel.index.get_indexer(sample.index)] = sample.columns("x")
    x = _means(keys, values, rows)
    complete = np.asarray(~np.isnan(x).any(axis=1))
    return BaseValues(
        x=x,
        treated=ever,
        complete=complete,
        sample=sample,
        base=_words(keys, base, start),
        periods=_periods(keys, rows) if isinstance(base, str) and base == _FIRST else {},
        missing={} if complete.all() else _missing(panel, terms, rows),
    )


# --- who is treated, and since when -------------------------------------------------------------------------


def _treatment(table: Table, column: str) -> Floats:
    if column in table.keys.names:
        raise TermError(f"treated={cited(column)} is a key of the panel; specify a column of 0 and 1.")
    values = table.numeric(column)
    absent = np.isnan(values)
    if absent.any():
        raise MissingDataError(
            f"treated={cited(column)} is missing in {table.describe_rows(absent)}: fill it in.",
            [missing_problem(column, int(absent.sum()), table.index[absent][:5])],
        )
    other_values = np.unique(values[~np.isin(values, (0.0, 1.0))])
    if other_values.size:
        text = (
            f"treated={cited(column)} must be 0 or 1, and has "
            f"{', '.join(f'{v:.6g}' for v in other_values[:5])}. From a column of first "
            "treated times make one with panel.assign: 1 from that time on."
        )
        raise InputTypeError(
            text, [Notice("not_binary", text, {"column": column, "values": [*other_values[:5]]})]
        )
    return values


def _refuse_one_group(keys: Keys, column: str, ever: Bools) -> None:
    if ever.all() or not ever.any():
        quantifier = "every" if ever.any() else "no"
        text = f"treated={cited(column)}: {quantifier} {keys.entity_name} is treated, so none can be matched."
        data = {"treated": int(ever.sum()), "entities": ever.size}
        raise IdentificationError(text, [Notice("one_group", text, data)])


def _starts(keys: Keys, dummy: Floats) -> Ints | None:
    """Find the first treated period of each entity (T if never); None if `dummy` is constant over time."""
    same = np.diff(keys.entity) == 0
    if not (np.diff(dummy)[same] != 0).any():
        return None
    start = np.full(keys.entities.size, keys.times.size)
    np.minimum.at(start, keys.entity[dummy > 0], keys.time[dummy > 0])
    return start


# --- which rows are the base --------------------------------------------------------------------------------


def _base_rows(keys: Keys, base: object, start: Ints | None) -> Bools:
    if isinstance(base, str) and base == _FIRST:
        return np.diff(keys.entity, prepend=-1) > 0
    if keys.time_name is None:
        raise PanelIndexError(
            f"base={cited(base)}: this is a cross-section without periods; omit base, or set base='first'."
        )
    if isinstance(base, str) and base == _PRE:
        if start is None:
            text = (
                "base='pre' needs a column that is 0 before treatment and 1 from then on; treated has one "
                f"value per {keys.entity_name}, so the first treated period is not known. Name a period."
            )
            raise OptionError(text, [option_problem("base", base, what=text)])
        return np.asarray(keys.time < start.min())
    return np.asarray(keys.time == _period(keys, base))


def _period(keys: Keys, base: object) -> int:
    positions = np.flatnonzero(np.asarray(keys.times == base)) if np.ndim(base) == 0 else np.empty(0, int)  # type: ignore[arg-type]
    if positions.size != 1:
        text = (
            f"base={cited(base)} must be 'first', 'pre' or a period of the panel ({keys.time_name} from "
            f"{keys.times[0]} to {keys.times[-1]}). Entities are matched once, on one base: matching anew in "
            "every period would change the controls from period to period."
        )
        raise OptionError(text, [option_problem("base", base, what=text)])
    return int(positions[0])


def _refuse_after(keys: Keys, column: str, base: object, start: Ints | None, rows: Bools) -> None:
    if start is None:
        return
    already_treated = np.unique(keys.entity[rows & (keys.time >= start[keys.entity])])
    if already_treated.size:
        names = keys.entities[already_treated].tolist()
        text = (
            f"base={cited(base)}: {counted(len(names), keys.entity_name, keys.entity_name)} "
            f"({quoted(names)}) {'is' if len(names) == 1 else 'are'} already treated then "
            f"(treated={cited(column)}), and matching on values that treatment may have changed removes part "
            "of its effect. Choose a base before the first treated period, or drop them with panel.subset."
        )
        raise IdentificationError(text, [Notice("base_treated", text, {"base": base, "entities": names})])


# --- values -------------------------------------------------------------------------------------------------


def _means(keys: Keys, values: Floats, rows: Bools) -> Floats:
    """Average the base rows of each entity; rows with a missing value do not count."""
    used = rows & ~np.isnan(values).any(axis=1)
    entity, size = keys.entity[used], keys.entities.size
    count = np.bincount(entity, minlength=size)
    sums = [np.bincount(entity, weights=column, minlength=size) for column in values[used].T]
    with np.errstate(invalid="ignore"):
        return np.asarray(np.column_stack(sums) / count[:, None])


def _missing(panel: Panel, terms: Sequence[str], rows: Bools) -> dict[str, int]:
    """Count entities without a base value, by term."""
    keys = table_of(panel).keys
    counts = {}
    for term in terms:
        has_value = np.isin(np.arange(panel.nobs), panel.index.get_indexer(panel.sample({"x": [term]}).index))
        n_missing = keys.entities.size - np.unique(keys.entity[rows & has_value]).size
        if n_missing:
            counts[term] = n_missing
    return counts


def _periods(keys: Keys, rows: Bools) -> dict[Any, int]:
    if keys.time_name is None:
        return {}
    codes, counts = np.unique(keys.time[rows], return_counts=True)
    return {keys.times[code]: int(count) for code, count in zip(codes, counts, strict=True)}


def _words(keys: Keys, base: object, start: Ints | None) -> str:
    if keys.time_name is None:
        return "the only row"
    if isinstance(base, str) and base == _FIRST:
        return f"the first {keys.time_name} of each {keys.entity_name}"
    if isinstance(base, str) and base == _PRE:
        assert start is not None
        return f"means over {keys.time_name} before {keys.times[start.min()]}"
    return f"{keys.time_name} {keys.times[_period(keys, base)]}"
