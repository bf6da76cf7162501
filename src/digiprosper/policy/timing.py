"""First treated times of entities, cohorts of a sample, and windows of event times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import check_real, missing_problem, not_identified, option_error
from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    MissingDataError,
    Notice,
    PanelIndexError,
    TermError,
    cited,
    counted,
    listed,
    subject,
    time_text,
    verb_for,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.linear.estimation import Demeaned, demean_columns, single_column
from digiprosper.linear.preparation import Prepared
from digiprosper.panel import Sample
from digiprosper.panel.grammar import backticked
from digiprosper.panel.keys import Keys
from digiprosper.panel.table import Table, is_number_type
from digiprosper.panel.treatment import as_times, entities_text, refuse_several_times
from digiprosper.policy.kernels.aggregation import GroupTime
from digiprosper.report.inference import Inference
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import Cells
from digiprosper.report.terms import Point, Term

_NEVER = -1
# Whole numbers up to here are exact in a column of floating point numbers.
_LARGEST = 2**53
_MOST_COHORTS = 8
_MOST_TIMES = 10
_NO_LEADS = np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Timing:
    """First treated times of the entities of a panel."""

    table: Table  # the whole panel
    # (n,) position of the first treated time among the panel's times; -1 if never
    # treated
    first: Ints

    def of(self, keys: Keys) -> Ints:
        """Return the first treated time, as in `first`, of each entity of `keys`."""
        return self.first[self.table.keys.entities.get_indexer(keys.entities)]

    def event_times(self, keys: Keys) -> tuple[Ints, Bools]:
        """Return steps since treatment by row (0 if never), and who is ever treated."""
        first = self.of(keys)[keys.entity]
        since = _ordinals(keys)[keys.time] - _ordinals(self.table.keys)[first]
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
        first = positions[keys.starts]
    names = keys.entities[first == 0].tolist()
    if names:
        time = keys.times[0]
        value = time if isinstance(time, Integral) else cited(str(time))
        text = (
            f"{entities_text(keys, names)}, treated from the first period on "
            f"({time}, event={cited(column)}), {verb_for(len(names), 'has')} no period "
            "before treatment: panel.subset("
            f'"not {backticked(column)} == {value}") drops such entities.'
        )
        raise not_identified("always_treated", text, event=column, entities=names)
    return Timing(table, first)


def check_never(never: Any) -> None:
    """Refuse a value for never treated entities that is neither a number nor None."""
    if never is not None:
        kind = "a number, the value of event for entities never treated"
        check_real("never", never, lambda number: abs(number) <= _LARGEST, kind)


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
    first_times = as_times(table, column)
    if first_times is None:
        text = (
            f"event={cited(column)} is {values.dtype}, but "
            f"{cited(table.keys.time_name)} is {times.dtype}: a column of first "
            "treated times must have the type of the time key, missing where an entity "
            "is never treated; otherwise specify a column of 0 and 1."
        )
        if values.dtype.kind == "M":
            text += f" Dates have years: lambda f: f[{cited(column)}].dt.year."
        elif isinstance(times, pd.PeriodIndex):
            text += f" Text: pd.PeriodIndex(df[{cited(column)}], {times.freqstr!r})."
        data = {"event": column, "dtype": str(values.dtype), "times": str(times.dtype)}
        raise InputTypeError(text, [Notice("event_type", text, data)])
    never_treated = pd.isna(first_times)
    if never is not None:
        # No date equals a number.
        equal = isinstance(first_times, np.ndarray) and first_times == never
        if not np.any(equal):
            text = (
                f"never={cited(never)}: no entity has this value in "
                f"event={cited(column)}. Leave never out."
            )
            raise option_error("never", never, text)
        never_treated = never_treated | equal
    positions = times.get_indexer(pd.Index(first_times))
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
    before = (
        f" before the first {name} ({times[0]}): such entities have no period before "
        "treatment, so drop them with panel.subset"
    )
    if isinstance(distinct[0], float):
        before += f"; if it means never treated, pass never={_time_text(distinct[0])}"
        is_share = (abs(before_panel - 0.5) <= 0.5).all()
        if is_share and (before_panel % 1 > 0).any():
            begun = f"panel.assign(begun='I({backticked(column)} > 0)')"
            before = f", perhaps shares of a {name}: {begun} is 1 from their first on"
        elif before_panel.size > 1:
            before += f"; replace numbers of batches by the {name} of each"
    after = (
        f" after the last {name} ({times[-1]}): set it to missing, since such entities "
        "are not treated in the panel"
    )
    for unit, digits in (("month", 100), ("day", 10_000)):
        if times.dtype.kind in "iu" and (after_panel // digits).isin(times).all():
            year = f"df[{cited(column)}] // {digits}"
            after = f", which end with the {unit}: {year} is the {name}"
    defects = (
        (before_panel, before),
        (
            between,
            f" in no row of {name}: correct the values, or, as of years between "
            f"censuses, take the next {name}: panel.assign({column}=lambda f: "
            f"panel.times.to_series().reindex(f[{cited(column)}], "
            "method='bfill').to_numpy())",
        ),
        (after_panel, after),
    )
    described = "; it has ".join(
        f"{listed(values, write=_time_text)}{defect}"
        for values, defect in defects
        if values.size
    )
    text = (
        f"event={cited(column)} must contain 0 and 1, or times of the panel. It "
        f"has {described}."
    )
    values = [*before_panel, *between, *after_panel]
    raise not_identified("event_times", text, event=column, values=values)


def _time_text(value: object) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)


# --- cohorts --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatedEntities(PickledByName):
    """How many entities of a sample are treated when."""

    event: str  # column that says when an entity is treated
    # First treated time and number of entities, in order
    cohorts: tuple[tuple[Any, int], ...]
    n_never: int  # number of entities that are never treated

    @property
    def n_ever(self) -> int:
        """Number of entities that are ever treated."""
        return sum(dict(self.cohorts).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortCoding(TreatedEntities):
    """First treated times and sizes of the cohorts of a sample."""

    entity: str  # name of the entity key
    time: str  # name of the time key
    times: tuple[Any, ...]  # periods of the sample, in order

    @property
    def text(self) -> str:
        """Number of entities by first treated time, in words."""
        counts = [f"{time_text(time)} ({count:,})" for time, count in self.cohorts]
        shown = listed(counts, _MOST_COHORTS)
        return (
            f"First treated {self.time} ({self.entity}): {shown}; never: "
            f"{self.n_never:,}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Cohorts:
    """Cohort of each entity (n) and row (N) of a sample of G cohorts and T periods."""

    sample: Sample
    timing: Timing  # of the whole panel
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
    panel_keys = timing.table.keys
    times = panel_keys.times[cohort_positions]
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
    event, treated_rows = timing.event_times(sample.keys)
    return Cohorts(
        sample=sample,
        timing=timing,
        coding=coding,
        of_entity=of_entity,
        first=_ordinals(panel_keys)[cohort_positions],
        steps=_ordinals(sample.keys),
        cohort=of_entity[sample.entity],
        treated=treated_rows,
        event=event,
        weights=weights,
        entity_weights=entity_weights,
        share=sums / entity_weights.sum(),
        clusters=clusters,
    )


# --- the window of event times --------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWindow(TreatedEntities):
    """Event times that have a coefficient, and how many entities have them."""

    # Value of the column for entities that are never treated, beside missing values
    never: float | None
    before: int  # the first event time is -before
    after: int  # the last event time
    reference: int  # event time without a coefficient
    lowest: int  # smallest event time in the sample
    highest: int  # largest event time in the sample
    # Treated entities with rows at each event time of the window, in order
    n_treated: tuple[int, ...]

    @property
    def times(self) -> tuple[int, ...]:
        """Event times of the window, including the reference."""
        return tuple(range(-self.before, self.after + 1))

    @property
    def estimated(self) -> tuple[int, ...]:
        """Event times with a coefficient."""
        return estimated_times(self)

    @property
    def names(self) -> list[str]:
        """Names of their coefficients."""
        return [event_name(time) for time in self.estimated]

    @property
    def leads(self) -> tuple[int, ...]:
        """Event times before treatment with a coefficient."""
        return tuple(time for time in self.estimated if time < 0)

    @property
    def binned(self) -> tuple[int, ...]:
        """Ends of the window that include all event times beyond them."""
        ends = [-self.before] if self.lowest < -self.before else []
        return (*ends, *([self.after] if self.highest > self.after else []))

    def text(self, time: int) -> str:
        """Write an event time, such as ``"-3"``, or ``"≤ -5"`` for a binned end."""
        if time not in self.binned:
            return str(time)
        return f"{'≤' if time == -self.before else '≥'} {time}"

    def lines(self, entity: str) -> list[str]:
        """Describe who is treated when, the reference and the ends, for a summary."""
        counts = [f"{time}: {count:,}" for time, count in self.cohorts]
        ends = [f"{event_name(time)} is {self.text(time)}" for time in self.binned]
        return [
            f"Event: {self.event}. {entity} treated: {self.n_ever:,} "
            f"({listed(counts, _MOST_COHORTS)}); never: {self.n_never:,}",
            f"Event time {self.reference} is the reference.",
            *([f"Ends are binned: {', '.join(ends)}."] if ends else []),
        ]

    def term(self, time: int) -> Term:
        """Describe the coefficient of an event time.

        A binned end is not in the row of the single event time in a table.
        """
        point = Point(self.event, self.text(time), float(time))
        family = "binned_event" if time in self.binned else "event"
        return Term(event_name(time), family=family, kind="event", point=point)


def estimated_times(window: Any) -> tuple[int, ...]:
    """List the event times of a window without the reference."""
    times = range(-window.before, window.after + 1)
    return tuple(time for time in times if time != window.reference)


def event_name(time: int) -> str:
    """Name the coefficient of an event time."""
    return f"event:{time}"


def dummies(window: Any, times: Ints, treated: Bools) -> Floats:
    """Return the dummies (N, k) of the event times that have a coefficient.

    `window` may be a specification. Dummies are 0 for entities never treated, and those
    of the ends contain event times beyond them.
    """
    inside = np.clip(times, -window.before, window.after)
    equal = inside[:, None] == np.array(estimated_times(window))
    return np.asarray(equal & treated[:, None], dtype=np.float64)


def demean_with_dummies(
    y: str, prepared: Prepared, names: Sequence[str], dummies: Floats
) -> Demeaned:
    """Demean the outcome, named dummies (N, k) and the controls, in this order."""
    sample = prepared.sample
    columns = np.hstack([sample.columns("y"), dummies, sample.columns("x")])
    return demean_columns(prepared, (y, *names, *sample.names_of("x")), columns)


def open_window(spec: Any, cohorts: Cohorts) -> EventWindow:
    """Make the window of a sample; refuse event times that no entity reaches."""
    treated, coding = cohorts.treated, cohorts.coding
    entity = cohorts.sample.entity[treated]
    reached = count_reached(spec, cohorts.event[treated], entity)
    return window_of(spec, *reached, coding.cohorts, coding.n_never)


def count_reached(spec: Any, event: Ints, entity: Ints) -> tuple[Counter[int], Ints]:
    """Count rows by event time, and entities at each event time of the window.

    `event` and `entity` are of rows of treated entities. Rows beyond the window count
    at its ends.
    """
    inside = np.clip(event, -spec.before, spec.after)
    size = int(entity.max(initial=0)) + 1
    pairs = np.unique((inside + spec.before) * size + entity)
    entities = np.bincount(pairs // size, minlength=spec.before + spec.after + 1)
    return Counter(event.tolist()), entities


def window_of(
    spec: Any,
    n_rows: Counter[int],
    n_treated: Ints,
    cohorts: tuple[tuple[Any, int], ...],
    n_never: int,
) -> EventWindow:
    """Make the window from the counts of `count_reached`."""
    lowest, highest = min(n_rows), max(n_rows)
    inside = sum(n_rows[k] for k in range(-spec.before, spec.after + 1))
    beyond = n_rows.total() - inside
    if beyond and not spec.bin_ends:
        text = (
            f"bin_ends=False, but {counted(beyond, 'row')} of treated entities lie "
            f"beyond the window from {-spec.before} to {spec.after}; event times run "
            f"from {lowest} to {highest}. Set before={max(-lowest, 0)}, "
            f"after={max(highest, 0)}, bin the ends, or drop these rows with "
            "panel.subset."
        )
        raise not_identified(
            "beyond_window", text, count=beyond, lowest=lowest, highest=highest
        )

    unreached = np.flatnonzero(n_treated == 0) - spec.before
    _refuse_unreached(spec, unreached.tolist(), lowest, highest)
    return EventWindow(
        event=spec.event,
        never=spec.never,
        before=spec.before,
        after=spec.after,
        reference=spec.reference,
        lowest=lowest,
        highest=highest,
        n_treated=tuple(n_treated.tolist()),
        cohorts=cohorts,
        n_never=n_never,
    )


def _refuse_unreached(
    spec: Any, unreached: list[int], lowest: int, highest: int
) -> None:
    """Refuse event times at which no treated entity has a row."""
    if not unreached:
        return
    if any(lowest <= time <= highest for time in unreached):
        cure = (
            "If periods are several units of time apart, pass Panel(..., step=). "
            "Otherwise choose a window and a reference without these event times."
        )
    else:
        before = min(spec.before, max(-lowest, 0))
        after = min(spec.after, max(highest, 0))
        cure = f"Set before={before}, after={after}."
    text = (
        "no treated entity in the sample reaches event time "
        f"{listed(unreached, _MOST_TIMES)}; those reached run from "
        f"{lowest} to {highest}. {cure}"
    )
    times = tuple(unreached)
    raise not_identified("unreached", text, times=times, lowest=lowest, highest=highest)


def refuse_collinear(prepared: Prepared, window: EventWindow) -> None:
    """Refuse event times that are collinear with the effects if all are treated."""
    keys, effects = prepared.sample.keys, prepared.effect_names
    if window.n_never or keys.time_name not in effects:
        return
    if len(window.cohorts) == 1:
        text = (
            "all entities are first treated in the same period "
            f"({window.cohorts[0][0]}), so the dummies of event times are collinear "
            f"with the {keys.time_name} effects. Add entities that are never treated."
        )
    elif keys.entity_name in effects and not window.binned:
        text = (
            "every entity is treated at some time and every event time has its own "
            "coefficient, so a trend in event time is collinear with one in "
            f"{keys.time_name}: the coefficients are not identified. Add entities that "
            "are never treated, or choose a smaller window (before, after) so that its "
            "ends are binned. This assumes constant effects beyond the window."
        )
    else:
        return
    cohorts = dict(window.cohorts)
    raise not_identified("no_comparison", text, event=window.event, cohorts=cohorts)


def refuse_dropped(names: Sequence[str]) -> None:
    """Refuse a fit without the dummies of some event times."""
    if names:
        raise IdentificationError(
            f"{subject(names, 'is')} collinear with the effects or with other event "
            "times. To drop a dummy would give the other coefficients another "
            "reference. Choose a smaller window, or omit the effect."
        )


def with_reference(cells: Cells, position: int, reference: int) -> Cells:
    """Insert a row for the reference event time into a table of coefficients."""
    row = (event_name(reference), "0", *[""] * 3, "reference")
    return Cells.of(cells.head, (*cells.rows[:position], row, *cells.rows[position:]))
