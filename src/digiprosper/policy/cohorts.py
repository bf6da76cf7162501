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
    """Which cohorts there are.

    Parameters
    ----------
    event : str
        Column that says when an entity is treated.
    entity, time : str
        Names of the keys.
    cohorts : tuple of pairs
        First treated time and the number of entities, in order.
    n_never : int
        Entities that are never treated.
    times : tuple
        Periods of the sample, in order.
    """

    event: str
    entity: str
    time: str
    cohorts: tuple[tuple[Any, int], ...]
    n_never: int
    times: tuple[Any, ...]

    @property
    def n_ever(self) -> int:
        """Entities that are treated at some time."""
        return sum(count for _, count in self.cohorts)

    @property
    def text(self) -> str:
        """Who is first treated when, in words."""
        counts = [f"{time_text(time)} ({count:,})" for time, count in self.cohorts]
        more = len(counts) - _MOST_COHORTS
        shown = ", ".join(counts[:_MOST_COHORTS]) + (f" and {more} more" if more > 0 else "")
        return f"First treated {self.time} ({self.entity}): {shown}; never: {self.n_never:,}"


@dataclass(frozen=True, slots=True, eq=False)
class Cohorts:
    """Cohorts of the rows of a sample.

    Parameters
    ----------
    coding : CohortCoding
        Which there are.
    of_entity : (n,) array of int
        By entity, the position of its cohort; -1 if never treated.
    first : (G,) array of int
        By cohort, the step of time in which it is first treated.
    steps : (T,) array of int
        Step of time of each period of the sample.
    cohort : (N,) array of int
        By row, the position of the cohort; -1 if never treated.
    event : (N,) array of int
        By row, steps of time since treatment; 0 if never treated.
    weight : (n,) array
        By entity, its weight in the sizes of cohorts: that of its first row, as in R's did on balanced
        panels; one without weights.
    """

    coding: CohortCoding
    of_entity: Ints
    first: Ints
    steps: Ints
    cohort: Ints
    event: Ints
    weight: Floats

    @property
    def treated(self) -> Bools:
        """Rows of entities that are treated at some time."""
        return self.cohort >= 0

    @property
    def share(self) -> Floats:
        """Share of each cohort in the weights of all entities."""
        member = self.of_entity >= 0
        sums = np.bincount(self.of_entity[member], self.weight[member], minlength=self.first.size)
        return np.asarray(sums / self.weight.sum())


def time_text(time: object) -> str:
    """Write a period.

    Parameters
    ----------
    time : object
        A value of the time key.

    Returns
    -------
    str
        A day without its midnight.
    """
    return str(time).removesuffix(" 00:00:00")


def read_cohorts(event: str, sample: Sample, timing: Timing, weights: Floats | None = None) -> Cohorts:
    """Find the cohort of each entity of a sample.

    Parameters
    ----------
    event : str
        Column that says when an entity is treated.
    sample : Sample
        The rows of the fit.
    timing : Timing
        When each entity of the panel is first treated.
    weights : (N,) array, optional
        Weights of the rows.

    Returns
    -------
    Cohorts
        Those with rows in the sample.
    """
    positions = timing.of(sample.keys)
    found, sizes = np.unique(positions[positions >= 0], return_counts=True)
    of_entity = np.where(positions >= 0, np.searchsorted(found, positions), -1)
    times, _ = timing.event_times(sample.keys)
    coding = CohortCoding(
        event=event,
        entity=sample.keys.entity_name,
        time=str(sample.keys.time_name),
        cohorts=tuple(zip(timing.keys.times[found].tolist(), sizes.tolist(), strict=True)),
        n_never=int((positions < 0).sum()),
        times=tuple(sample.times.tolist()),
    )
    steps, every = sample.keys.ordinals, timing.keys.ordinals
    assert steps is not None
    assert every is not None
    return Cohorts(
        coding=coding,
        of_entity=of_entity,
        first=np.asarray(every[found]),
        steps=np.asarray(steps),
        cohort=of_entity[sample.entity],
        event=times,
        weight=np.ones(sample.n_entities) if weights is None else weights[_first_rows(sample)],
    )


def _first_rows(sample: Sample) -> Ints:
    """Find the row of the earliest period of each entity."""
    in_order = np.lexsort((sample.time, sample.entity))
    return np.asarray(in_order[np.unique(sample.entity[in_order], return_index=True)[1]])
