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
    """A criterion at every candidate of a threshold.

    Parameters
    ----------
    variable : str
        Label of the threshold variable.
    points : DataFrame
        Columns gamma, lr, critical.
    excluded : (e,) float array
        Candidates without a criterion, such as those that are too near to another threshold.
    estimate : float
        The threshold.
    sets : sequence of (low, high)
        Intervals of its confidence set.
    level : float
        Of the set.
    critical : float or None
        The critical value; None where it differs from candidate to candidate.
    criterion : str
        How it is found, in words.
    given : bool
        Whether the threshold was fixed.
    before : bool
        Whether the criterion between two candidates is that of the lower one.
    number : int or None
        Which threshold; None if it is the only one.
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
    """The density of a statistic over draws, and its value in the data.

    Parameters
    ----------
    name : str
        Label of the statistic.
    points : DataFrame
        Columns value, density.
    draws : (R,) array
        The draws that have one.
    found : float
        The statistic of the data.
    p_value : float
        Of the test.
    """

    name: str
    points: pd.DataFrame
    draws: Floats
    found: float
    p_value: float


@dataclass(frozen=True, slots=True, eq=False)
class DrawnEstimates:
    """Estimates of one or several models, row by row.

    Parameters
    ----------
    estimates : sequence of (model, label, Estimate)
        Head of the model, label of the row, and the numbers.
    """

    estimates: Sequence[tuple[str, str, Estimate]]


@dataclass(frozen=True, slots=True, eq=False)
class RegimeMap:
    """Which entity was in which regime when.

    Parameters
    ----------
    entities, times : Index
        Of the rows, from top to bottom, and of the columns.
    cells : (entities, times) array
        Regimes, missing where there is no row.
    key_names : tuple of str
        Labels of entity and time.
    regimes : sequence of str
        Condition and rows of each regime, from low to high.
    """

    entities: pd.Index[Any]
    times: pd.Index[Any]
    cells: Floats
    key_names: tuple[str, str]
    regimes: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Effects of a mechanism, one line each.

    Parameters
    ----------
    column : Column
        The estimates.
    names : dict
        By term, its words: the effect, and where it is.
    source : str
        What the intervals are from.
    level : float
        Confidence level of the intervals.
    """

    column: Column
    names: dict[str, tuple[str, ...]]
    source: str
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class ConditionalCurve:
    """An effect over what it depends on.

    Parameters
    ----------
    effect, variable : str
        Words of the effect, label of the variable.
    points : (G, 4) array
        Place, effect, both ends of its interval.
    interval : str
        What the interval is.
    regions : sequence of (low, high)
        Where it excludes 0.
    share : float
        Share of the rows in them.
    support : (low, high)
        Range of the variable.
    quantiles : (101,) array
        Of the variable, by percent.
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
    """The slope of an outcome in a variable, over what it depends on.

    Parameters
    ----------
    variable, outcome, moderator : str
        Labels.
    points : DataFrame
        Columns at, estimate, conf_low, conf_high. Values of a category or of a dummy are texts.
    rows : DataFrame or None
        Columns low, high, rows: the distribution of the moderator in the estimation sample, by interval; of a
        category or a dummy the columns at and rows. None where it is not known.
    regions : sequence of (low, high)
        Where the interval excludes 0; none of a category or a dummy.
    share : float
        Share of the rows in them; missing where it is not known.
    held : sequence of str
        Labels of what else the slope depends on, at its means.
    level : float
        Confidence level of the intervals.
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

    Parameters
    ----------
    effect : str
        Words of the effect.
    points : (G, 4) array
        Correlation, effect, both ends of its interval.
    level : float
        Confidence level of the intervals.
    assumed : float
        Effect at correlation 0.
    zero : float
        Correlation at which the effect is 0.
    zero_interval : (low, high)
        Of that correlation.
    insignificant : float
        Correlation nearest to 0 at which the interval covers 0; missing if there is none.
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
    """A fitted curve less its value at the mean, and where it turns.

    Parameters
    ----------
    variable, outcome : str
        Labels.
    points : (G, 4) array
        Place, curve, both ends of its interval.
    interval : (low, high)
        Where the curve is looked at.
    level : float
        Of the band and of the set.
    turn : float
        Turning point; missing if there is none.
    sets : sequence of (low, high)
        Intervals of the confidence set of the turning point.
    at : tuple of str
        Values of other columns that the curve depends on, such as ``"z = 0.5"``.
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

    Parameters
    ----------
    head : str
        Name of the model.
    points : DataFrame
        Columns time, estimate, conf_low, conf_high (missing for the reference), n_treated.
    reference : int or None
        Event time that is zero by construction; None if there is none.
    ends : tuple of str
        Binned ends that the axis does not name, because other models have them as one event time.
    before : str
        What event times before treatment are relative to, if it is not the reference: ``"previous"`` period,
        all ``"earlier"`` periods, or a period that differs between ``"cohorts"``; otherwise empty.
    """

    head: str
    points: pd.DataFrame
    reference: int | None
    ends: tuple[str, ...] = ()
    before: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class EventPaths:
    """Estimates of one or several models by event time.

    Parameters
    ----------
    paths : sequence of EventPath
        One a model.
    ticks : dict
        Event time to its text; a binned end says so.
    outcome : str
        Label of the outcome; empty where outcomes differ.
    level : float
        Confidence level of the intervals.
    """

    paths: Sequence[EventPath]
    ticks: dict[int, str]
    outcome: str
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class MoranScatter:
    """The spatial lag of a variable against the variable.

    Parameters
    ----------
    variable : str
        Its label.
    period : str
        Of the points; empty for a cross-section.
    weights : str
        How the weights are called and were made.
    points : DataFrame
        Indexed by entity: value and spatial_lag, of the standardised variable.
    quadrants : sequence of (str, int)
        Words of each quadrant and how many entities are in it, from the upper right one clockwise.
    slope : float
        Of the line through the origin.
    statistic : float
        Moran's I.
    p_value : float
        Of Moran's I under randomisation.
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
    """Effects of one regressor over the distance up to which entities are neighbours.

    Parameters
    ----------
    name : str
        Label of the regressor.
    outcome : str
        Label of the outcome; empty where outcomes differ.
    points : DataFrame
        Columns kind, cutoff, estimate, conf_low, conf_high, ordered by kind and cut-off.
    heads : dict
        By kind, its words.
    left_out : sequence of str
        What is not drawn, in words.
    level : float
        Confidence level of the intervals.
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

    Parameters
    ----------
    group : str
        What kind of choice it is, such as ``"effect"``; ``"control"`` for the candidates of `control_sets`.
    name : str
        Its label.
    made : (M,) array of bool
        Which models have it, in the order of the curve.
    """

    group: str
    name: str
    made: np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class SpecificationCurve:
    """Estimates of one coefficient in many models, from the smallest to the largest.

    Parameters
    ----------
    name : str
        Label of the coefficient.
    outcome : str
        Label of the outcome; empty where outcomes differ.
    points : DataFrame
        Columns model, estimate, conf_low, conf_high, significant; one row per model.
    choices : sequence of Choice
        From top to bottom.
    main : int or None
        Position of the model that is marked.
    main_text : str
        What it is called in the legend.
    heads : sequence of str
        Names that are written under the models; empty where the choices tell all.
    left_out : sequence of str
        What is not drawn, in words.
    level : float
        Confidence level of the intervals.
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
    """How far two groups differ before and after matching.

    Parameters
    ----------
    points : DataFrame
        Columns label (of the term), before, after (absolute standardised differences).
    limit : float
        Up to which groups count as alike.
    """

    points: pd.DataFrame
    limit: float


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """One effect in the list below a path diagram.

    Parameters
    ----------
    words : str
        What it is.
    estimate : Estimate
        Its numbers.
    inner : bool
        Whether it belongs to the effect over it.
    """

    words: str
    estimate: Estimate
    inner: bool


@dataclass(frozen=True, slots=True, eq=False)
class PathDiagram:
    """Treatment, mediators and outcome, with the coefficients on the arrows between them.

    Parameters
    ----------
    treatment, outcome : str
        Labels of the boxes at the ends.
    mediators : sequence of str
        Labels of the boxes between.
    chain : bool
        Whether each mediator moves the next.
    first, second : sequence of Slopes
        From the treatment to each mediator, and from there to the outcome.
    between : dict
        In a chain, from one mediator to a later one, by their positions.
    direct, total : Slopes
        From treatment to outcome.
    moderator : str
        Label of the moderator; empty without one.
    moved : frozenset of str
        Which of ``"a"``, ``"b"`` and ``"direct"`` it moves.
    title : str
        Head of the list of effects.
    effects : sequence of Effect
        The list.
    level : float
        Of its intervals.
    remarks : sequence of str
        Lines below it.
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
    """Ranks of a few entities over time, with what draws leave them.

    Parameters
    ----------
    entities : sequence of (name, DataFrame)
        One row per period, missing where there is none: rank, rank_low, rank_high.
    times : Index
        Periods.
    worst : int
        Lowest rank in any ribbon.
    key, time, title : str
        Labels of the entities, of the periods, of the ranks.
    """

    entities: Sequence[tuple[str, pd.DataFrame]]
    times: pd.Index[Any]
    worst: int
    key: str
    time: str
    title: str


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """Both ends of a span round every rank, and what it is."""

    low: pd.Series[float]
    high: pd.Series[float]
    words: str


@dataclass(frozen=True, slots=True, eq=False)
class RankSpans:
    """Ranks of one period with spans round them.

    Parameters
    ----------
    ranks : Series
        By entity, the best first.
    spans : sequence of Span
        The widest first.
    mark : str
        What the ranks are of.
    key, title : str
        Labels of the entities and of the ranks.
    """

    ranks: pd.Series[Any]
    spans: Sequence[Span]
    mark: str
    key: str
    title: str


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Shares of a variance, alone and with others.

    Parameters
    ----------
    names : sequence of str
        Of the bars.
    first, total : (m,) arrays
        Share alone, and with others; missing where there is none.
    fixed : sequence of bool
        Whether there is one value only, and no share.
    """

    names: Sequence[str]
    first: Floats
    total: Floats
    fixed: Sequence[bool]


@dataclass(frozen=True, slots=True, eq=False)
class Ridge:
    """The density of one period over the grid, what is said of it, and its name; None without a density."""

    name: str
    words: str
    density: Floats | None


@dataclass(frozen=True, slots=True, eq=False)
class Ridges:
    """Densities of a variable, one a period.

    Parameters
    ----------
    grid : (G,) array
        Where densities are evaluated.
    ridges : sequence of Ridge
        From top to bottom.
    variable, time : str
        Labels.
    rule : str
        How wide the kernel is.
    """

    grid: Floats
    ridges: Sequence[Ridge]
    variable: str
    time: str
    rule: str


@dataclass(frozen=True, slots=True, eq=False)
class PathwayRow:
    """One proposition that was tested.

    Parameters
    ----------
    id : str
        Of the proposition.
    path : str
        What it relates, in words.
    numbers : str
        Its estimate with the interval.
    verdict : {"supported", "contradicted", "inconclusive"}
        What the data say of it.
    """

    id: str
    path: str
    numbers: str
    verdict: str


@dataclass(frozen=True, slots=True, eq=False)
class PathwayStage:
    """Propositions of one part of the way from cause to outcome.

    Parameters
    ----------
    name : str
        Its head.
    rows : sequence of PathwayRow
        What was tested.
    untested : str
        What was not, in words; empty if everything was.
    """

    name: str
    rows: Sequence[PathwayRow]
    untested: str


@dataclass(frozen=True, slots=True, eq=False)
class Pathways:
    """The way from a cause to an outcome in stages, each with its propositions and their verdicts.

    Parameters
    ----------
    source, target : str
        Where it begins and ends.
    stages : sequence of PathwayStage
        Between them, from top to bottom.
    verdicts : dict
        Words of each verdict.
    note : str
        What stands below.
    """

    source: str
    target: str
    stages: Sequence[PathwayStage]
    verdicts: dict[str, str]
    note: str
