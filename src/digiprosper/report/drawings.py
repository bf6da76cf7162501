"""Values that figures draw: numbers, names and words.

Methods make these values, and `present` draws them. `data` of each has its numbers as
a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.report.columns import Estimate
from digiprosper.report.labels import name_label
from digiprosper.report.terms import Factors
from digiprosper.report.words import Language, read_words

FIGURE = read_words(__file__, "words_figures")
"""Words of axes, legends and remarks."""

Floats: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
Interval: TypeAlias = tuple[float, float]
Slopes: TypeAlias = "Sequence[tuple[str, Estimate]]"
"""Name and estimate of each coefficient on an arrow."""

_CURVE = ("at", "estimate", "conf_low", "conf_high")
_NUMBERS = ("estimate", "std_error", "p_value", "conf_low", "conf_high")


@dataclass(frozen=True, slots=True)
class Wording:
    """Labels and language of one figure."""

    labels: Mapping[str, str]
    factors: Factors
    language: Language = "english"

    def label(self, name: str) -> str:
        """Print an outcome, effect, cluster or mediator with labels."""
        return name_label(name, self.labels, self.factors, self.language)

    def say(self, code: str, **parts: object) -> str:
        """Return the words of a code of figures."""
        return FIGURE.say(code, self.language, **parts)


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """What one figure draws."""

    def data(self) -> pd.DataFrame:
        """Return the numbers as a new frame."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class PointsDrawing(Drawing):
    """A figure whose numbers are those of its points."""

    points: pd.DataFrame

    def data(self) -> pd.DataFrame:
        """Return the points as a new frame."""
        return self.points.reset_index(drop=True)


def words_in(value: Any) -> Iterator[str]:
    """Yield the words in a drawing or a part of it, without those in its tables."""
    if isinstance(value, str):
        yield value
        return
    parts: Any = ()
    if is_dataclass(value):
        parts = [getattr(value, field.name) for field in fields(value)]
    elif isinstance(value, Mapping):
        parts = value.values()
    elif isinstance(value, list | tuple) and not isinstance(value, Estimate):
        parts = value
    for part in parts:
        yield from words_in(part)


def _with_rows(points: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Add the bars of rows below the points of a curve."""
    both = pd.concat([points, rows.assign(series="rows")], ignore_index=True)
    ends = [name for name in ("low", "high") if name in both]
    return both[["series", *_CURVE, *ends, "rows"]]


def _numbers(estimate: Estimate) -> list[float]:
    return [getattr(estimate, name) for name in _NUMBERS]


@dataclass(frozen=True, slots=True, eq=False)
class Profile(PointsDrawing):
    """A criterion at all candidates of a threshold."""

    # Columns of points: gamma, lr, critical
    variable: str
    # (e,) candidates without criterion, such as those near another threshold
    excluded: Floats
    estimate: float
    sets: Sequence[Interval]  # (low, high) intervals of the confidence set, at `level`
    level: float
    critical: float | None  # critical value; None if it differs between candidates
    criterion: str  # how it is computed, in words
    fixed: bool  # whether the threshold was fixed
    # Whether the criterion between two candidates is that of the lower one
    before: bool
    number: int | None  # number of the threshold; None if there is only one


@dataclass(frozen=True, slots=True, eq=False)
class DrawnDensity(Drawing):
    """Density of a statistic over draws, and its value in the data."""

    name: str
    points: pd.DataFrame  # columns value, density
    draws: Floats  # (R,) draws that could be estimated
    statistic: float  # statistic of the data
    p_value: float

    def data(self) -> pd.DataFrame:
        """Return one row per point of the density, per draw, and for the data."""
        density = self.points.assign(series="density")
        draws = pd.DataFrame({"value": self.draws, "series": "draw"})
        data = pd.DataFrame({"value": [self.statistic], "series": ["data"]})
        parts = pd.concat([density, draws, data], ignore_index=True)
        return parts[["series", "value", "density"]]


@dataclass(frozen=True, slots=True, eq=False)
class ModelEstimatesDrawing(Drawing):
    """Estimates of models: heading of the model, label of the row, and estimate."""

    estimates: Sequence[tuple[str, str, Estimate]]

    def data(self) -> pd.DataFrame:
        """Return one row per estimate."""
        rows = [
            (model, label, e.term.name, *_numbers(e))
            for model, label, e in self.estimates
        ]
        return pd.DataFrame(rows, columns=["model", "label", "term", *_NUMBERS])


@dataclass(frozen=True, slots=True, eq=False)
class RegimeMap(Drawing):
    """Regime of each entity in each period."""

    entities: pd.Index[Any]
    times: pd.Index[Any]
    cells: Floats  # (entities, times) regimes, missing without observation
    key_names: tuple[str, str]  # labels of entity and time
    regimes: Sequence[str]  # condition and rows of each regime, in ascending order

    def data(self) -> pd.DataFrame:
        """Return one row per entity and period of the sample."""
        entity, time = np.nonzero(~np.isnan(self.cells))
        regime = self.cells[entity, time].astype(int)
        keys = {"entity": self.entities[entity], "time": self.times[time]}
        return pd.DataFrame({**keys, "regime": regime})


@dataclass(frozen=True, slots=True, eq=False)
class Effects(Drawing):
    """Effects of a mechanism, one row each."""

    estimates: Mapping[str, Estimate]  # by term
    names: dict[str, tuple[str, ...]]  # words of each effect, by term
    source: str  # what the intervals are based on
    level: float

    def data(self) -> pd.DataFrame:
        """Return one row per effect."""
        rows = [
            (" ".join(words), term, *_numbers(self.estimates[term]))
            for term, words in self.names.items()
        ]
        return pd.DataFrame(rows, columns=["label", "term", *_NUMBERS])


@dataclass(frozen=True, slots=True, eq=False)
class ConditionalCurve(PointsDrawing):
    """An effect over its moderator."""

    # Columns of points: at (moderator), estimate, conf_low, conf_high
    effect: str
    variable: str
    interval: str  # type of the interval, in words
    regions: Sequence[Interval]  # (low, high) where the interval excludes 0
    share: float  # share of rows in the regions
    support: Interval  # range of the moderator
    quantiles: Floats  # (101,) of the moderator, by percent


@dataclass(frozen=True, slots=True, eq=False)
class SlopeCurve(Drawing):
    """The slope of a variable over its moderator."""

    variable: str
    outcome: str
    moderator: str
    # Columns at, estimate, conf_low, conf_high; values of a category or dummy are texts
    points: pd.DataFrame
    # Columns low, high, rows: distribution of the moderator in the estimation sample;
    # of a category or dummy, columns at, rows; None if unknown
    rows: pd.DataFrame | None
    # (low, high) where the interval excludes 0; empty for a category or dummy
    regions: Sequence[Interval]
    share: float  # share of rows in the regions; missing if unknown
    at_means: Sequence[str]  # labels of other moderators
    level: float

    def data(self) -> pd.DataFrame:
        """Return one row per value of the moderator, then one per bar of rows."""
        slopes = self.points.assign(series="slope")
        if self.rows is None:
            return slopes[["series", *_CURVE]].reset_index(drop=True)
        return _with_rows(slopes, self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class SensitivityCurve(PointsDrawing):
    """An effect over the correlation of two errors."""

    # Columns of points: rho, estimate, conf_low, conf_high
    effect: str
    level: float
    assumed: float  # effect at correlation 0
    # Correlation at which the effect is 0, and its interval
    zero: float
    zero_interval: Interval
    # Correlation nearest to 0 at which the interval contains 0; missing if there is
    # none
    insignificant: float


@dataclass(frozen=True, slots=True, eq=False)
class TurningCurve(PointsDrawing):
    """A fitted curve less its value at the mean, and its turning points."""

    # Columns of points: at, estimate, conf_low, conf_high
    variable: str
    outcome: str
    interval: Interval  # range of x
    level: float  # confidence level of the band and of the set
    turns: Sequence[float]  # turning points; missing if there are none
    sets: Sequence[Interval]  # (low, high) intervals of their confidence set
    # Values of other columns that the curve depends on, such as ``"z = 0.5"``
    at: tuple[str, ...] = ()
    # Rows by interval of x, columns low, high, rows; None if unknown
    rows: pd.DataFrame | None = None

    def data(self) -> pd.DataFrame:
        """Return one row per point of the curve, then one per bar of rows."""
        curve = PointsDrawing.data(self)
        if self.rows is None:
            return curve
        return _with_rows(curve.assign(series="curve"), self.rows)


@dataclass(frozen=True, slots=True, eq=False)
class EventPath:
    """Estimates of one model by event time."""

    head: str
    # Columns time, estimate, conf_low, conf_high (missing for the reference),
    # n_treated, and band_low and band_high if there is a joint band
    points: pd.DataFrame
    # Event time that is zero by construction; None if there is none
    reference: int | None
    # Binned ends without a tick: other models have a single event time there
    ends: tuple[str, ...] = ()
    # Base of event times before treatment if it is not the reference: ``"previous"``
    # period, all ``"earlier"`` periods, or a period that differs between ``"cohorts"``
    before: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class EventPaths(Drawing):
    """Estimates of models by event time."""

    paths: Sequence[EventPath]
    ticks: dict[int, str]  # texts by event time, also of binned ends
    outcome: str  # label; empty if outcomes differ
    level: float

    def data(self) -> pd.DataFrame:
        """Return one row per model and event time."""
        parts = [
            path.points.assign(
                model=path.head, reference=path.points["time"] == path.reference
            )
            for path in self.paths
        ]
        table = pd.concat(parts, ignore_index=True)
        bands = [name for name in ("band_low", "band_high") if name in table]
        return table[["model", "time", *_CURVE[1:], *bands, "n_treated", "reference"]]


@dataclass(frozen=True, slots=True, eq=False)
class HonestPlot(PointsDrawing):
    """Intervals of an effect by the bound M on how trends differ."""

    # Columns of points: M, conf_low, conf_high, original (whether it is the usual
    # interval). Labels:
    effect: str
    outcome: str
    restriction: str  # what the bound M is of, in words
    breakdown: float  # bound from which on the interval contains 0
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class MoranScatter(Drawing):
    """The spatial lag of a variable over the variable."""

    variable: str
    period: str  # empty for a cross-section
    weights: str  # name and type of the weights
    # Columns value, spatial_lag, of the standardised variable, by entity
    points: pd.DataFrame
    # Words and number of entities of each quadrant, clockwise from the upper right
    quadrants: Sequence[tuple[str, int]]
    slope: float  # slope of the line through the origin
    # Moran's I, and its p-value under randomisation
    statistic: float
    p_value: float

    def data(self) -> pd.DataFrame:
        """Return one row per entity."""
        return self.points.rename_axis("entity").reset_index()


@dataclass(frozen=True, slots=True, eq=False)
class Decay(PointsDrawing):
    """Effects of a regressor over the cut-off distance of neighbours."""

    # Columns of points, which are ordered by kind and cut-off: kind, cutoff, estimate,
    # conf_low, conf_high
    name: str
    outcome: str  # label; empty if outcomes differ
    heads: dict[str, str]  # words of each kind
    left_out: Sequence[str]  # what is not drawn, in words
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A choice that only some of the models make."""

    # Kind of choice, such as ``"effect"``; ``"control"`` for the candidates of
    # `control_sets`
    group: str
    name: str
    # (M,) whether each model has it, in the order of the curve
    made: np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class SpecificationCurve(Drawing):
    """Estimates of one coefficient in many models, in ascending order."""

    name: str
    outcome: str  # label; empty if outcomes differ
    # Columns model, estimate, conf_low, conf_high, significant, one row per model;
    # band_low and band_high too if the curve is compared with draws
    points: pd.DataFrame
    choices: Sequence[Choice]  # from top to bottom
    # Position of the marked model, and its legend
    main: int | None
    main_text: str
    # Names below the models; empty if the choices describe them completely
    heads: Sequence[str]
    left_out: Sequence[str]  # what is not drawn, in words
    level: float

    def data(self) -> pd.DataFrame:
        """Return one row per model, with a column of True and False per choice."""
        choices: dict[str, Any] = {}
        for choice in self.choices:
            is_new = choice.name not in choices
            name = choice.name if is_new else f"{choice.name} ({choice.group})"
            choices[name] = choice.made
        points = self.points.reset_index(drop=True)
        return pd.concat([points, pd.DataFrame(choices)], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Balance(PointsDrawing):
    """Differences between two groups before and after matching."""

    # Columns of points: label, before, after (absolute standardised differences)
    limit: float  # difference up to which groups count as balanced


@dataclass(frozen=True, slots=True, eq=False)
class PathDiagram(Drawing):
    """Treatment, mediators and outcome, with the coefficients of the arrows."""

    # Labels; the moderator may be empty
    treatment: str
    outcome: str
    mediators: Sequence[str]
    chain: bool  # whether mediators are serial
    # From the treatment to each mediator, and from each to the outcome
    first: Sequence[Slopes]
    second: Sequence[Slopes]
    # For serial mediators, from one to a later one, by their positions
    between: dict[tuple[int, int], Slopes]
    direct: Slopes
    total: Slopes
    moderator: str
    # Which of ``"a"``, ``"b"`` and ``"direct"`` the moderator changes
    moved: frozenset[str]
    # List of effects below the diagram, with its heading: words, estimate, and whether
    # it is part of another
    title: str
    effects: Sequence[tuple[str, Estimate, bool]]
    level: float
    remarks: Sequence[str]

    def data(self) -> pd.DataFrame:
        """Return one row per coefficient on an arrow, then one per effect."""
        mediators = self.mediators
        start, end = [self.treatment] * len(mediators), [self.outcome] * len(mediators)
        arrows = [
            *zip(start, mediators, self.first, strict=True),
            *zip(mediators, end, self.second, strict=True),
            *((mediators[j], mediators[k], s) for (j, k), s in self.between.items()),
            *((self.treatment, self.outcome, s) for s in (self.direct, self.total)),
        ]
        rows = [
            (start, end, name.rstrip(" =:"), *_numbers(estimate))
            for start, end, slopes in arrows
            for name, estimate in slopes
        ]
        rows += [("", "", words, *_numbers(e)) for words, e, _ in self.effects]
        return pd.DataFrame(rows, columns=["from", "to", "label", *_NUMBERS])


@dataclass(frozen=True, slots=True, eq=False)
class Ribbons(Drawing):
    """Ranks of a few entities over time, with intervals from draws."""

    # Name, and columns rank, rank_low, rank_high by period (missing without
    # observation)
    entities: Sequence[tuple[str, pd.DataFrame]]
    times: pd.Index[Any]
    worst: int  # largest rank in any ribbon
    # Labels of entities, periods and ranks
    key: str
    time: str
    title: str

    def data(self) -> pd.DataFrame:
        """Return one row per entity and period."""
        parts = [
            ranks.rename_axis("time").reset_index().assign(entity=name)
            for name, ranks in self.entities
        ]
        columns = ["entity", "time", "rank", "rank_low", "rank_high"]
        return pd.concat(parts, ignore_index=True)[columns]


@dataclass(frozen=True, slots=True, eq=False)
class RankSpans(Drawing):
    """Ranks of one period with spans around them."""

    ranks: pd.Series[Any]  # by entity, the best first
    # Both ends of spans around every rank, and their description, the widest first
    spans: Sequence[tuple[pd.Series[float], pd.Series[float], str]]
    mark: str  # legend of the ranks
    key: str
    title: str

    def data(self) -> pd.DataFrame:
        """Return one row per entity and span."""
        entities = {"entity": self.ranks.index, "rank": self.ranks.to_numpy()}
        parts = []
        for low, high, words in self.spans:
            ends = {"rank_low": low.to_numpy(), "rank_high": high.to_numpy()}
            parts.append(pd.DataFrame({**entities, "span": words, **ends}))
        return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True, slots=True, eq=False)
class Bars(Drawing):
    """Shares of a variance, alone and with others."""

    names: Sequence[str]
    # (m,) share alone, and with others; missing if there is none
    first: Floats
    total: Floats
    fixed: Sequence[bool]  # whether a source has only one value, and no share

    def data(self) -> pd.DataFrame:
        """Return one row per source."""
        names = list(self.names)
        return pd.DataFrame({"label": names, "first": self.first, "total": self.total})


@dataclass(frozen=True, slots=True, eq=False)
class Ridges(Drawing):
    """Densities of a variable, one per period."""

    grid: Floats  # (G,) points at which densities are evaluated
    # Period, remark beside it, and density on the grid or None, from top to bottom
    ridges: Sequence[tuple[str, str, Floats | None]]
    variable: str
    time: str
    rule: str  # bandwidth of the kernel

    def data(self) -> pd.DataFrame:
        """Return one row per period and grid point, or per period without a density."""
        missing = np.full(1, np.nan)
        parts = []
        for period, _, density in self.ridges:
            points = {"at": missing, "density": missing}
            if density is not None:
                points = {"at": self.grid, "density": density}
            parts.append(pd.DataFrame({"period": period, **points}))
        return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True, slots=True, eq=False)
class PathwayRow:
    """One tested proposition: variables, effect and identification."""

    id: str
    path: str
    verdict: str
    # Estimate and ends of its interval in standard deviations, or missing
    effect: tuple[float, float, float]
    # As text
    number: str
    interval: str
    p: str
    basis: Sequence[str]  # what the effect rests on, in words


@dataclass(frozen=True, slots=True, eq=False)
class Pathways(Drawing):
    """Tested propositions by stage.

    `stages` has the propositions by the name of the stage, and `verdicts` the words of
    each verdict.
    """

    # Words over effects, intervals, p-values and what estimates rest on
    heads: dict[str, str]
    stages: dict[str, list[PathwayRow]]
    verdicts: dict[str, str]
    notes: Sequence[str]  # units, tests, and what could not be tested

    def data(self) -> pd.DataFrame:
        """Return one row per proposition that was tested."""
        propositions = [
            (
                *(stage, row.id, row.path, *row.effect, row.p),
                *(", ".join(row.basis), row.verdict),
            )
            for stage, rows in self.stages.items()
            for row in rows
        ]
        names = ["stage", "id", "path", "std_effect", "std_low", "std_high"]
        names += ["p_adjusted", "basis", "verdict"]
        return pd.DataFrame(propositions, columns=names)
