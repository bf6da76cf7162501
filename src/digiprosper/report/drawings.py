"""What figures draw, as numbers, names and the words beside them: methods make them, `present` draws them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from digiprosper.report.columns import Column, Estimate

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Interval: TypeAlias = tuple[float, float]
Slopes: TypeAlias = "Sequence[tuple[str, Estimate]]"
"""Name and estimate of each coefficient on an arrow."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A criterion at all candidates of a threshold.

    points: columns gamma, lr, critical
    excluded: (e,) candidates without criterion, such as those near another threshold
    sets: (low, high) intervals of the confidence set, at `level`
    critical: critical value; None if it differs between candidates
    criterion: how it is computed, in words
    given: whether the threshold was fixed
    before: whether the criterion between two candidates is that of the lower one
    number: number of the threshold; None if there is only one
    """

    variable: str
    points: pd.DataFrame
    excluded: Floats
    estimate: float
    sets: Sequence[Interval]
    level: float
    critical: float | None
    criterion: str
    given: bool
    before: bool
    number: int | None


@dataclass(frozen=True, slots=True, eq=False)
class DrawnDensity:
    """Density of a statistic over draws, and its value in the data.

    points: columns value, density
    draws: (R,) draws that could be estimated
    found: statistic of the data
    """

    name: str
    points: pd.DataFrame
    draws: Floats
    found: float
    p_value: float


@dataclass(frozen=True, slots=True, eq=False)
class DrawnEstimates:
    """Estimates of models: heading of the model, label of the row, and estimate."""

    estimates: Sequence[tuple[str, str, Estimate]]


@dataclass(frozen=True, slots=True, eq=False)
class RegimeMap:
    """Regime of each entity in each period.

    cells: (entities, times) regimes, missing without observation
    key_names: labels of entity and time
    regimes: condition and rows of each regime, in ascending order
    """

    entities: pd.Index[Any]
    times: pd.Index[Any]
    cells: Floats
    key_names: tuple[str, str]
    regimes: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Effects of a mechanism, one row each.

    names: words of each effect, by term
    source: what the intervals are based on
    """

    column: Column
    names: dict[str, tuple[str, ...]]
    source: str
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class ConditionalCurve:
    """An effect over its moderator.

    points: (G, 4) moderator, effect, both ends of its interval
    interval: type of the interval, in words
    regions: (low, high) where the interval excludes 0
    share: share of rows in the regions
    support: range of the moderator
    quantiles: (101,) of the moderator, by percent
    """

    effect: str
    variable: str
    points: Floats
    interval: str
    regions: Sequence[Interval]
    share: float
    support: Interval
    quantiles: Floats


@dataclass(frozen=True, slots=True, eq=False)
class SlopeCurve:
    """The slope of a variable over its moderator.

    points: columns at, estimate, conf_low, conf_high; values of a category or dummy are texts
    rows: columns low, high, rows: distribution of the moderator in the estimation sample; of a category or
        dummy, columns at, rows; None if unknown
    regions: (low, high) where the interval excludes 0; empty for a category or dummy
    share: share of rows in the regions; missing if unknown
    held: labels of other moderators, which are at their means
    """

    variable: str
    outcome: str
    moderator: str
    points: pd.DataFrame
    rows: pd.DataFrame | None
    regions: Sequence[Interval]
    share: float
    held: Sequence[str]
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class SensitivityCurve:
    """An effect over the correlation of two errors.

    points: (G, 4) correlation, effect, both ends of its interval
    assumed: effect at correlation 0
    zero, zero_interval: correlation at which the effect is 0, and its interval
    insignificant: correlation nearest to 0 at which the interval contains 0; missing if there is none
    """

    effect: str
    points: Floats
    level: float
    assumed: float
    zero: float
    zero_interval: Interval
    insignificant: float


@dataclass(frozen=True, slots=True, eq=False)
class TurningCurve:
    """A fitted curve less its value at the mean, and its turning point.

    points: (G, 4) x, curve, both ends of its interval
    interval: range of x
    level: confidence level of the band and of the set
    turn: turning point; missing if there is none
    sets: (low, high) intervals of its confidence set
    at: values of other columns that the curve depends on, such as ``"z = 0.5"``
    """

    variable: str
    outcome: str
    points: Floats
    interval: Interval
    level: float
    turn: float
    sets: Sequence[Interval]
    at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class EventPath:
    """Estimates of one model by event time.

    points: columns time, estimate, conf_low, conf_high (missing for the reference), n_treated
    reference: event time that is zero by construction; None if there is none
    ends: binned ends without a tick, because other models have a single event time there
    before: base of event times before treatment if it is not the reference: ``"previous"`` period, all
        ``"earlier"`` periods, or a period that differs between ``"cohorts"``; otherwise empty
    """

    head: str
    points: pd.DataFrame
    reference: int | None
    ends: tuple[str, ...] = ()
    before: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class EventPaths:
    """Estimates of models by event time.

    ticks: texts by event time, also of binned ends
    outcome: label; empty if outcomes differ
    """

    paths: Sequence[EventPath]
    ticks: dict[int, str]
    outcome: str
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class MoranScatter:
    """The spatial lag of a variable over the variable.

    period: empty for a cross-section
    weights: name and type of the weights
    points: columns value, spatial_lag, of the standardised variable, by entity
    quadrants: words and number of entities of each quadrant, clockwise from the upper right
    slope: slope of the line through the origin
    statistic, p_value: Moran's I, and its p-value under randomisation
    """

    variable: str
    period: str
    weights: str
    points: pd.DataFrame
    quadrants: Sequence[tuple[str, int]]
    slope: float
    statistic: float
    p_value: float


@dataclass(frozen=True, slots=True, eq=False)
class Decay:
    """Effects of a regressor over the cut-off distance of neighbours.

    outcome: label; empty if outcomes differ
    points: columns kind, cutoff, estimate, conf_low, conf_high, ordered by kind and cut-off
    heads: words of each kind
    left_out: what is not drawn, in words
    """

    name: str
    outcome: str
    points: pd.DataFrame
    heads: dict[str, str]
    left_out: Sequence[str]
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What some models have and others do not.

    group: kind of choice, such as ``"effect"``; ``"control"`` for the candidates of `control_sets`
    made: (M,) whether each model has it, in the order of the curve
    """

    group: str
    name: str
    made: np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class SpecificationCurve:
    """Estimates of one coefficient in many models, in ascending order.

    outcome: label; empty if outcomes differ
    points: columns model, estimate, conf_low, conf_high, significant, one row per model
    choices: from top to bottom
    main, main_text: position of the marked model, and its legend
    heads: names below the models; empty if the choices describe them completely
    left_out: what is not drawn, in words
    """

    name: str
    outcome: str
    points: pd.DataFrame
    choices: Sequence[Choice]
    main: int | None
    main_text: str
    heads: Sequence[str]
    left_out: Sequence[str]
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """Differences between two groups before and after matching.

    points: columns label, before, after (absolute standardised differences)
    limit: difference up to which groups count as balanced
    """

    points: pd.DataFrame
    limit: float


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """One effect in the list below a path diagram; an `inner` one is part of the effect above it."""

    words: str
    estimate: Estimate
    inner: bool


@dataclass(frozen=True, slots=True, eq=False)
class PathDiagram:
    """Treatment, mediators and outcome, with the coefficients of the arrows.

    treatment, outcome, mediators, moderator: labels; the moderator may be empty
    chain: whether mediators are serial
    first, second: from the treatment to each mediator, and from each to the outcome
    between: for serial mediators, from one to a later one, by their positions
    moved: which of ``"a"``, ``"b"`` and ``"direct"`` the moderator changes
    title, effects, level: list of effects below the diagram, with its heading
    """

    treatment: str
    outcome: str
    mediators: Sequence[str]
    chain: bool
    first: Sequence[Slopes]
    second: Sequence[Slopes]
    between: dict[tuple[int, int], Slopes]
    direct: Slopes
    total: Slopes
    moderator: str
    moved: frozenset[str]
    title: str
    effects: Sequence[Effect]
    level: float
    remarks: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Ribbons:
    """Ranks of a few entities over time, with intervals from draws.

    entities: name, and columns rank, rank_low, rank_high by period (missing without observation)
    worst: largest rank in any ribbon
    key, time, title: labels of entities, periods and ranks
    """

    entities: Sequence[tuple[str, pd.DataFrame]]
    times: pd.Index[Any]
    worst: int
    key: str
    time: str
    title: str


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """Both ends of a span around every rank, and its description."""

    low: pd.Series[float]
    high: pd.Series[float]
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class RankSpans:
    """Ranks of one period with spans around them.

    ranks: by entity, the best first
    spans: the widest first
    mark: legend of the ranks
    """

    ranks: pd.Series[Any]
    spans: Sequence[Span]
    mark: str
    key: str
    title: str


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Shares of a variance, alone and with others.

    first, total: (m,) share alone, and with others; missing if there is none
    fixed: whether a source has only one value, and no share
    """

    names: Sequence[str]
    first: Floats
    total: Floats
    fixed: Sequence[bool]


@dataclass(frozen=True, slots=True, eq=False)
class Ridge:
    """Density of one period over the grid, with name and remark; the density may be None."""

    name: str
    words: str
    density: Floats | None


@dataclass(frozen=True, slots=True, eq=False)
class Ridges:
    """Densities of a variable, one per period.

    grid: (G,) points at which densities are evaluated
    ridges: from top to bottom
    rule: bandwidth of the kernel
    """

    grid: Floats
    ridges: Sequence[Ridge]
    variable: str
    time: str
    rule: str


@dataclass(frozen=True, slots=True, eq=False)
class PathwayRow:
    """One tested proposition: what it relates, its estimate with interval, and the verdict."""

    id: str
    path: str
    numbers: str
    verdict: str


@dataclass(frozen=True, slots=True, eq=False)
class PathwayStage:
    """Propositions of one stage; `untested` lists those without a test, in words."""

    name: str
    rows: Sequence[PathwayRow]
    untested: str


@dataclass(frozen=True, slots=True, eq=False)
class Pathways:
    """The stages from a cause to an outcome; `verdicts` are the words of each verdict."""

    source: str
    target: str
    stages: Sequence[PathwayStage]
    verdicts: dict[str, str]
    note: str
