"""The window of event times, and how many entities reach each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from digiprosper.checks import not_identified
from digiprosper.errors import IdentificationError, counted, listed, subject
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.linear.preparation import Prepared
from digiprosper.policy.timing import Cohorts
from digiprosper.report.pickling import PickledByName
from digiprosper.report.summary import Cells
from digiprosper.report.terms import Point, Term

_MOST_TIMES = 10
_MOST_COHORTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class EventWindow(PickledByName):
    """Event times that have a coefficient, and how many entities have them."""

    event: str  # column that says when an entity is treated
    # Its value for entities that are never treated, beside missing values
    never: float | None
    before: int  # the first event time is -before
    after: int  # the last event time
    reference: int  # event time without a coefficient
    lowest: int  # smallest event time in the sample
    highest: int  # largest event time in the sample
    # Treated entities with rows at each event time of the window, in order
    n_treated: tuple[int, ...]
    # First treated time and number of entities, in order
    cohorts: tuple[tuple[Any, int], ...]
    n_never: int  # number of entities that are never treated

    @property
    def times(self) -> tuple[int, ...]:
        """Event times of the window, including the reference."""
        return tuple(range(-self.before, self.after + 1))

    @property
    def estimated(self) -> tuple[int, ...]:
        """Event times with a coefficient."""
        return estimated_times(self)

    @property
    def leads(self) -> tuple[int, ...]:
        """Event times before treatment with a coefficient."""
        return tuple(time for time in self.estimated if time < 0)

    @property
    def n_ever(self) -> int:
        """Number of entities that are ever treated."""
        return sum(dict(self.cohorts).values())

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
        data = {"count": beyond, "lowest": lowest, "highest": highest}
        raise not_identified("beyond_window", text, **data)

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
    data = {"times": tuple(unreached), "lowest": lowest, "highest": highest}
    raise not_identified("unreached", text, **data)


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
