"""Cohorts of a staggered treatment: who is first treated when, by entity and by row of a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.panel import Sample
    from digiprosper.policy.timing import Timing

_MOST_COHORTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortCoding(PickledByName):
    """First treated times and sizes of the cohorts of a sample."""

    event: str  # column that says when an entity is treated
    entity: str  # name of the entity key
    time: str  # name of the time key
    cohorts: tuple[tuple[Any, int], ...]  # first treated time and number of entities, in order
    n_never: int  # number of entities that are never treated
    times: tuple[Any, ...]  # periods of the sample, in order

    @property
    def n_ever(self) -> int:
        """Number of entities that are ever treated."""
        return sum(count for _, count in self.cohorts)

    @property
    def text(self) -> str:
        """Number of entities by first treated time, in words."""
        counts = [f"{time_text(time)} ({count:,})" for time, count in self.cohorts]
        more = len(counts) - _MOST_COHORTS
        shown = ", ".join(counts[:_MOST_COHORTS]) + (f" and {more} more" if more > 0 else "")
        return f"First treated {self.time} ({self.entity}): {shown}; never: {self.n_never:,}"


@dataclass(frozen=True, slots=True, eq=False)
class Cohorts:
    """Cohort of each entity (n) and row (N) of a sample of G cohorts and T periods."""

    coding: CohortCoding
    of_entity: Ints  # (n,) position of the cohort; -1 if never treated
    first: Ints  # (G,) step of time in which the cohort is first treated
    steps: Ints  # (T,) step of time of each period
    cohort: Ints  # (N,) position of the cohort; -1 if never treated
    event: Ints  # (N,) steps of time since treatment; 0 if never treated
    # (n,) weight in the sizes of cohorts: that of the first row, as in R's did on balanced panels.
    weight: Floats

    @property
    def treated(self) -> Bools:
        """Rows of entities that are ever treated."""
        return self.cohort >= 0

    @property
    def share(self) -> Floats:
        """Share of each cohort in the weights of all entities, (G,)."""
        member = self.of_entity >= 0
        sums = np.bincount(self.of_entity[member], self.weight[member], minlength=self.first.size)
        return np.asarray(sums / self.weight.sum())


def time_text(time: object) -> str:
    """Write a period; a date without its midnight."""
    return str(time).removesuffix(" 00:00:00")


def read_cohorts(event: str, sample: Sample, timing: Timing, weights: Floats | None = None) -> Cohorts:
    """Find the cohort of each entity of a sample. `timing` is of the whole panel, `weights` of rows."""
    positions = timing.of(sample.keys)
    cohort_positions, sizes = np.unique(positions[positions >= 0], return_counts=True)
    of_entity = np.where(positions >= 0, np.searchsorted(cohort_positions, positions), -1)
    times, _ = timing.event_times(sample.keys)
    coding = CohortCoding(
        event=event,
        entity=sample.keys.entity_name,
        time=str(sample.keys.time_name),
        cohorts=tuple(zip(timing.keys.times[cohort_positions].tolist(), sizes.tolist(), strict=True)),
        n_never=int((positions < 0).sum()),
        times=tuple(sample.times.tolist()),
    )
    steps, panel_steps = sample.keys.ordinals, timing.keys.ordinals
    assert steps is not None
    assert panel_steps is not None
    return Cohorts(
        coding=coding,
        of_entity=of_entity,
        first=np.asarray(panel_steps[cohort_positions]),
        steps=np.asarray(steps),
        cohort=of_entity[sample.entity],
        event=times,
        weight=np.ones(sample.n_entities) if weights is None else weights[_first_rows(sample)],
    )


def _first_rows(sample: Sample) -> Ints:
    """Find the row of the earliest period of each entity."""
    in_order = np.lexsort((sample.time, sample.entity))
    return np.asarray(in_order[np.unique(sample.entity[in_order], return_index=True)[1]])
