"""First treated times of entities, and the cohorts of a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import missing_problem, not_identified, option_error
from digiprosper.errors import (
    InputTypeError,
    MissingDataError,
    Notice,
    PanelIndexError,
    TermError,
    cited,
    time_text,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.linear.estimation import single_column
from digiprosper.panel import Sample
from digiprosper.panel.grammar import backticked
from digiprosper.panel.keys import Keys
from digiprosper.panel.table import Table, is_number_type
from digiprosper.panel.treatment import as_times, entities_text, refuse_several_times
from digiprosper.policy.kernels.aggregation import GroupTime
from digiprosper.policy.messages import first_few, have
from digiprosper.report.inference import Inference
from digiprosper.report.pickling import PickledByName

_NEVER = -1
# Whole numbers up to here are exact in a column of floating point numbers.
_LARGEST = 2**53
_MOST_COHORTS = 8
_NO_LEADS = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Timing:
    """First treated times of the entities of a panel."""

    keys: Keys
    # (n,) position of the first treated time among the panel's times; -1 if never
    # treated
    first: Ints

    def of(self, keys: Keys) -> Ints:
        """Return the first treated time, as in `first`, of each entity of `keys`."""
        return self.first[self.keys.entities.get_indexer(keys.entities)]

    def event_times(self, keys: Keys) -> tuple[Ints, Bools]:
        """Return steps since treatment by row (0 if never), and who is ever treated."""
        first = self.of(keys)[keys.entity]
        since = _ordinals(keys)[keys.time] - _ordinals(self.keys)[first]
        treated = first >= 0
        return np.where(treated, since, 0), treated


def read_timing(
    table: Table, column: str, never: float | None, *, switch: bool | None = None
) -> Timing:
    """Read and check the first treated time of each entity.

    `never` is the value of `column` for entities never treated, beside missing.
    `switch` says whether it is a dummy, where the table is a part of the data.
    """
    keys = table.keys
    refuse_without_steps(keys, column)
    values = table.series(column)
    if is_switch(values, never) if switch is None else switch:
        first = _first_ones(table, column, values)
    else:
        positions = _time_positions(table, column, values, never)
        refuse_several_times(keys, positions, column, f"event={cited(column)}")
        first = np.asarray(positions[keys.starts])
    names = keys.entities[first == 0].tolist()
    if names:
        time = keys.times[0]
        value = time if isinstance(time, Integral) else cited(str(time))
        text = (
            f"{entities_text(keys, names)}, treated from the first period on "
            f"({time}, event={cited(column)}), {have(len(names))} no period before "
            f'treatment: panel.subset("not {backticked(column)} == {value}") drops '
            "such entities."
        )
        raise not_identified("always_treated", text, event=column, entities=names)
    return Timing(keys, first)


def check_never(never: Any) -> None:
    """Refuse a value for never treated entities that is neither a number nor None."""
    if never is None:
        return
    is_number = isinstance(never, int | float) and not isinstance(never, bool)
    # The comparison is false of a missing value too.
    if not (is_number and -_LARGEST <= never <= _LARGEST):
        text = (
            f"never={cited(never)} must be a number, the value of event for entities "
            "never treated."
        )
        raise option_error("never", never, text)


def _ordinals(keys: Keys) -> Ints:
    assert keys.ordinals is not None
    return keys.ordinals


def refuse_without_steps(keys: Keys, column: str) -> None:
    """Refuse a panel in which periods since treatment cannot be counted."""
    if keys.time_name is None:
        raise PanelIndexError(
            "event times need a time key, but this is a cross-section: Panel(df, "
            "entity=, time=). Of rows of persons take means by group and period."
        )
    if column in keys.names:
        raise TermError(
            f"event={cited(column)} is a key of the panel; specify a column of first "
            "treated times, or of 0 and 1."
        )
    if keys.ordinals is None:
        raise PanelIndexError(
            f"the step of {cited(keys.time_name)} cannot be determined, so event times "
            "cannot be counted; pass it: Panel(..., step='M')."
        )
    if (np.diff(keys.ordinals) < 0).any():
        raise PanelIndexError(
            f"some values of {cited(keys.time_name)} are no whole number of steps from "
            "the first, so event times cannot be counted; pass the step that all of "
            "them are on: Panel(..., step=1)."
        )


def is_switch(values: pd.Series[Any], never: float | None) -> bool:
    """Return whether a column is 0 before treatment and 1 from then on."""
    if never is not None:
        return False
    if pd.api.types.infer_dtype(values, skipna=True) == "boolean":
        return True
    if not is_number_type(values) or pd.api.types.is_complex_dtype(values.dtype):
        return False
    distinct = set(values.dropna().unique().tolist())
    # A column of ones and missing values may be of entities first treated at time 1.
    return (
        bool(distinct)
        and distinct <= {0, 1}
        and (0 in distinct or not values.isna().any())
    )


def _first_ones(table: Table, column: str, values: pd.Series[Any]) -> Ints:
    """Return each entity's first treated time from a column of 0 and then 1."""
    absent = values.isna().to_numpy()
    if absent.any():
        raise MissingDataError(
            f"event={cited(column)} is of 0 and 1 and missing in "
            f"{table.describe_rows(absent)}: fill it in, or specify a column of first "
            "treated times, in which missing means never treated.",
            [missing_problem(column, int(absent.sum()), table.keys.index[absent][:5])],
        )
    dummy = values.to_numpy(dtype=np.float64)
    keys = table.keys
    same_entity = np.diff(keys.entity, prepend=-1) == 0
    step = np.diff(dummy, prepend=0.0)
    start = np.flatnonzero(np.where(same_entity, step, dummy) > 0)
    steps = np.diff(_ordinals(keys)[keys.time], prepend=0)
    for code, rows, defect in (
        (
            "switched_off",
            np.flatnonzero(same_entity & (step < 0)),
            "switches from 1 to 0 in {names}. The treatment must stay: drop these "
            "{entity} with panel.subset, or use ChaisemartinDHaultfoeuille of "
            "diff-diff.",
        ),
        (
            "switched_in_gap",
            start[same_entity[start] & (steps[start] > 1)],
            "switches on across a gap in time in {names}, so the first treated time is "
            "not known: specify a column of first treated times.",
        ),
        (
            "always_treated",
            start[~same_entity[start]],
            "is 1 in the first row of {names}, so that they have no period before "
            "treatment: drop these {entity} with panel.subset, or, where treatment "
            "began earlier, specify a column of first treated times.",
        ),
    ):
        names = keys.entities[np.unique(keys.entity[rows])].tolist()
        if names:
            defect = defect.format(
                names=entities_text(keys, names), entity=keys.entity_name
            )
            text = f"event={cited(column)} {defect}"
            raise not_identified(code, text, event=column, entities=names)
    first = np.full(keys.entities.size, _NEVER)
    first[keys.entity[start]] = keys.time[start]
    return first


# --- a column of first treated times --------------------------------------------------


def _time_positions(
    table: Table, column: str, values: pd.Series[Any], never: float | None
) -> Ints:
    """Return the position of each row's first treated time among the panel's times."""
    times = table.keys.times
    first_times: Any = as_times(table, column)
    if first_times is None:
        text = (
            f"event={cited(column)} is {values.dtype}, but "
            f"{cited(table.keys.time_name)} is {times.dtype}: a column of first "
            "treated times must have the type of the time key, missing where an entity "
            "is never treated; otherwise specify a column of 0 and 1."
        )
        if values.dtype.kind == "M":
            text += f" Dates have years: lambda f: f[{cited(column)}].dt.year."
        data = {"event": column, "dtype": str(values.dtype), "times": str(times.dtype)}
        raise InputTypeError(text, [Notice("event_type", text, data)])
    never_treated = pd.isna(first_times)
    if never is not None:
        # No date equals a number.
        equal: Any = isinstance(first_times, np.ndarray) and first_times == never
        if not np.any(equal):
            text = (
                f"never={cited(never)}: no entity has this value in "
                f"event={cited(column)}. Leave never out."
            )
            raise option_error("never", never, text)
        never_treated = never_treated | equal
    positions = np.asarray(times.get_indexer(pd.Index(first_times)))
    unknown = (positions < 0) & ~never_treated
    if unknown.any():
        _refuse_other_times(table, column, pd.Index(first_times)[unknown])
    return np.where(never_treated, _NEVER, positions)


def _refuse_other_times(table: Table, column: str, first_times: pd.Index[Any]) -> None:
    """Refuse first treated times that are not times of the panel."""
    times, name = table.keys.times, table.keys.time_name
    distinct = first_times.unique().sort_values()
    before_panel = distinct[distinct < times[0]]
    after_panel = distinct[distinct > times[-1]]
    between = distinct[(distinct > times[0]) & (distinct < times[-1])]
    parts = []
    if before_panel.size:
        parts.append(
            f"{_quoted(before_panel)} before the first {name} ({times[0]}): such "
            "entities have no period before treatment, so drop them with panel.subset"
        )
        if isinstance(distinct[0], float):
            parts[0] += (
                f"; if it means never treated, pass never={_cited(before_panel[0])}"
            )
            if before_panel.size > 1:
                parts[0] += f"; replace numbers of batches by the {name} of each"
    if between.size:
        parts.append(
            f"{_quoted(between)} in no row of {name}: correct the values, or, as of "
            f"years between censuses, take the next {name}: panel.assign({column}="
            f"lambda f: panel.times.to_series().reindex(f[{cited(column)}], "
            "method='bfill').to_numpy())"
        )
    if after_panel.size:
        parts.append(
            f"{_quoted(after_panel)} after the last {name} ({times[-1]}): set it to "
            "missing, since such entities are not treated in the panel"
        )
        for unit, digits in (("month", 100), ("day", 10_000)):
            if times.dtype.kind in "iu" and (after_panel // digits).isin(times).all():
                parts[-1] = (
                    f"{_quoted(after_panel)}, which end with the {unit}: "
                    f"df[{cited(column)}] // {digits} is the {name}"
                )
    described = "; it has ".join(parts)
    text = (
        f"event={cited(column)} must contain 0 and 1, or times of the panel. It "
        f"has {described}."
    )
    values = [*before_panel, *between, *after_panel]
    raise not_identified("event_times", text, event=column, values=values)


def _quoted(values: pd.Index[Any]) -> str:
    return first_few([_cited(value) for value in values])


def _cited(value: object) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


# --- cohorts --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortCoding(PickledByName):
    """First treated times and sizes of the cohorts of a sample."""

    event: str  # column that says when an entity is treated
    entity: str  # name of the entity key
    time: str  # name of the time key
    # First treated time and number of entities, in order
    cohorts: tuple[tuple[Any, int], ...]
    n_never: int  # number of entities that are never treated
    times: tuple[Any, ...]  # periods of the sample, in order

    @property
    def n_ever(self) -> int:
        """Number of entities that are ever treated."""
        return sum(dict(self.cohorts).values())

    @property
    def text(self) -> str:
        """Number of entities by first treated time, in words."""
        counts = [f"{time_text(time)} ({count:,})" for time, count in self.cohorts]
        shown = first_few(counts, _MOST_COHORTS)
        return (
            f"First treated {self.time} ({self.entity}): {shown}; never: "
            f"{self.n_never:,}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Cohorts:
    """Cohort of each entity (n) and row (N) of a sample of G cohorts and T periods."""

    coding: CohortCoding
    of_entity: Ints  # (n,) position of the cohort; -1 if never treated
    first: Ints  # (G,) step of time in which the cohort is first treated
    steps: Ints  # (T,) step of time of each period
    cohort: Ints  # (N,) position of the cohort; -1 if never treated
    treated: Bools  # (N,) rows of entities that are ever treated
    event: Ints  # (N,) steps of time since treatment; 0 if never treated
    weights: Floats  # (N,) weight of the row; 1 without weights
    # (n,) weight in the sizes of cohorts: that of the first row, as in R's did on
    # balanced panels.
    entity_weights: Floats
    share: Floats  # (G,) share of each cohort in the weights of all entities
    # (n,) cluster of each entity; None if not given, or if entities are in several
    clusters: Ints | None

    def treated_cells(self, time: Ints) -> tuple[Ints, Ints]:
        """List the cohorts and times in which treated entities have rows.

        Returns positions (p, 2) of cohort and time, in order, and the pair of each row
        (N,), -1 if never treated.
        """
        treated = self.treated
        code = np.full(time.size, -1)
        cells = np.column_stack([self.cohort[treated], time[treated]])
        pairs, code[treated] = np.unique(cells, axis=0, return_inverse=True)
        return pairs, code

    @property
    def member(self) -> Bools:
        """Which entities (n, G) are in each cohort."""
        return np.asarray(self.of_entity[:, None] == np.arange(self.first.size))

    @property
    def group(self) -> Ints:
        """Position (n,) of each entity's cohort; G if never treated."""
        return np.where(self.of_entity < 0, self.first.size, self.of_entity)

    def common_event(self, bases: Ints) -> int | None:
        """Return the event time that the base periods of all cohorts have, or None.

        `bases` (G,): positions of the periods; -1 for cohorts without a base.
        """
        events = np.unique((self.steps[bases] - self.first)[bases >= 0])
        return int(events[0]) if events.size == 1 else None


@dataclass(frozen=True, slots=True, eq=False)
class CohortEffects:
    """What an estimator returns: effects by cohort and period, with their errors."""

    cells: GroupTime
    inference: Inference
    # Computes the weights (N, m) of the outcomes in the effects, where they are needed;
    # None if effects are no sums of outcomes
    row_weights: Callable[[], Floats] | None
    # Event time of the reference; None if it differs between cohorts
    reference: int | None
    notices: tuple[Notice, ...]


def collect_effects(
    cohorts: Cohorts,
    pairs: Ints,
    estimates: Floats,
    n_treated: Ints,
    mass: Floats,
    joint: Floats,
    treated_part: Floats,
    leads: Ints = _NO_LEADS,
) -> GroupTime:
    """Collect effects of pairs (p, 2) of cohort and period, then of `leads`.

    `leads` are event times with an effect of all cohorts together. Averages take the
    shares of cohorts as fixed if `joint` and `treated_part`, the covariance and its
    part due to treated entities, are of effects alone.
    """
    cohort, time = pairs.T
    pooled = np.full(leads.size, -1)
    n_fixed = estimates.size + cohorts.first.size - len(joint)
    joint = np.pad(joint, (0, n_fixed))
    return GroupTime(
        cohort=np.append(cohort, pooled),
        time=np.append(time, pooled),
        event=np.append(cohorts.steps[time] - cohorts.first[cohort], leads),
        estimates=estimates,
        n_treated=n_treated,
        mass=mass,
        share=cohorts.share,
        joint=joint,
        treated_part=np.pad(treated_part, (0, n_fixed)),
        influence=joint,
    )


def refuse_untreated(event: str, entity: str, count: int) -> None:
    """Refuse a sample in which no entity is treated."""
    if not count:
        text = (
            f"event={cited(event)} has no treated {entity} in "
            "the sample: it is missing or 0 in all rows."
        )
        raise not_identified("none_treated", text, event=event)


def read_cohorts(
    spec: Any,
    sample: Sample,
    timing: Timing,
    weights: Floats | None = None,
    clusters: Ints | None = None,
) -> Cohorts:
    """Return the cohorts of a sample, by the `timing` of the whole panel."""
    single_column(sample, "y", spec.y)
    positions = timing.of(sample.keys)
    treated = positions >= 0
    refuse_untreated(spec.event, sample.keys.entity_name, int(treated.sum()))
    cohort_positions, sizes = np.unique(positions[treated], return_counts=True)
    of_entity = np.where(treated, np.searchsorted(cohort_positions, positions), -1)
    times = timing.keys.times[cohort_positions]
    coding = CohortCoding(
        event=spec.event,
        entity=sample.keys.entity_name,
        time=str(sample.keys.time_name),
        cohorts=tuple(zip(times.tolist(), sizes.tolist(), strict=True)),
        n_never=int((~treated).sum()),
        times=tuple(sample.times.tolist()),
    )
    weights = np.ones(sample.entity.size) if weights is None else weights
    starts = sample.keys.starts
    if clusters is not None:
        clusters = None if sample.keys.vary(clusters).any() else clusters[starts]
    entity_weights = weights[starts]
    sums = np.bincount(of_entity[treated], entity_weights[treated])
    panel_steps, steps = timing.keys.ordinals, sample.keys.ordinals
    assert panel_steps is not None
    assert steps is not None
    first = panel_steps[cohort_positions]
    cohort = of_entity[sample.entity]
    return Cohorts(
        coding=coding,
        of_entity=of_entity,
        first=first,
        steps=steps,
        cohort=cohort,
        treated=cohort >= 0,
        event=np.where(cohort < 0, 0, steps[sample.time] - first[cohort]),
        weights=weights,
        entity_weights=entity_weights,
        share=sums / entity_weights.sum(),
        clusters=clusters,
    )
