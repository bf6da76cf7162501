"""The rows of an index, and the end points and weights learned from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import one_problem, option_error
from digiprosper.composite.cells import (
    names_where,
    refuse_cells,
    refuse_columns,
    refuse_extreme,
)
from digiprosper.composite.kernels.aggregate import PRODUCTS, aggregate
from digiprosper.composite.kernels.normalise import EndPoints
from digiprosper.composite.kernels.structure import (
    UNSIGNED_WEIGHTS,
    Rule,
    Weighing,
    weigh,
)
from digiprosper.composite.kernels.uncertainty import EntitySums, entity_sums
from digiprosper.composite.notices import (
    beyond_ideal_remarks,
    beyond_remarks,
    zero_remarks,
)
from digiprosper.composite.options import IndexOptions
from digiprosper.composite.scopes import LearningScope, RowSelection
from digiprosper.errors import IndicatorError, Notice, cited, quoted, subject
from digiprosper.kernels import Floats, Ints
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import check_panel
from digiprosper.report.notices import missing_rows
from digiprosper.report.pickling import PickledByName

_ROLE = "indicators"


# --- rows -----------------------------------------------------------------------------


def complete_rows(
    options: IndexOptions, panel: Panel, caller: str = "CompositeIndex"
) -> Sample:
    """Return the complete rows of the indicators in a panel as a sample."""
    check_panel(panel, caller)
    names = options.system.names
    frame = panel.frame
    refuse_columns(
        names,
        frame.columns,
        lambda name: pd.api.types.is_numeric_dtype(frame[name].dtype),
        "convert it with pandas.to_numeric first. A file with numbers such as "
        "'1,234' or with '-' for no value: pandas.read_csv(path, thousands=',', "
        "na_values='-').",
    )
    sample = panel.sample({_ROLE: names}, missing=options.missing)
    sample = _with_columns(sample, sample.columns(_ROLE), names)
    refuse_extreme(sample.matrix, names)
    return sample


def dropped_rows(sample: Sample) -> list[Notice]:
    """Make the notices of rows that were left out."""
    return [missing_rows(d.count, d.message, d.by_term, d.rows) for d in sample.dropped]


def without_indicator(sample: Sample, name: str) -> Sample:
    """Drop an indicator from a sample; the rows stay."""
    others = tuple(n for n in sample.names if n != name)
    positions = [sample.names.index(n) for n in others]
    return _with_columns(sample, sample.matrix[:, positions], others)


def at_rows(sample: Sample, rows: Ints) -> Sample:
    """Take rows of a sample; one that is listed twice is two rows."""
    keys = sample.keys.keep(rows)
    return replace(
        sample,
        matrix=sample.matrix.T[:, rows].T,
        entity=keys.entity,
        time=keys.time,
        keys=keys,
    )


def _with_columns(sample: Sample, x: Floats, names: tuple[str, ...]) -> Sample:
    return replace(
        sample, matrix=x, names=names, roles={_ROLE: tuple(range(len(names)))}
    )


# --- what is learned ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Learned(PickledByName):
    """Scale and weights learned from one set of rows.

    worst, best (m,): smallest and largest normalised value of these rows.
    """

    scale: EndPoints
    weighing: Weighing
    worst: Floats
    best: Floats


@dataclass(frozen=True, slots=True, eq=False)
class State(PickledByName):
    """Scales and weights of an index: one (`periods` is None), or one per period."""

    learned: tuple[Learned, ...]
    periods: pd.Index[Any] | None

    @property
    def weights(self) -> Floats:
        """Weights, one row a state, shape (L, m)."""
        return np.array([part.weighing.weights for part in self.learned])

    @property
    def redundancy(self) -> Floats:
        """One minus the relative entropy, its mean over yearly states, shape (m,)."""
        return np.asarray(
            np.mean([part.weighing.redundancy for part in self.learned], axis=0)
        )

    def scaled(self, options: IndexOptions, sample: Sample) -> ScaledRows:
        """Normalise the rows of a sample, each by its state."""
        states = self._state_of_rows(options.scope, sample)
        scaled = ScaledRows(
            options, self, sample.index, np.empty(sample.matrix.shape), states
        )
        for _, part, rows in scaled.by_state():
            _refuse_undefined(options, sample, rows)
            x = sample.matrix[rows]
            scaled.z[rows] = part.scale.apply(x, options.system.positive)
        return scaled

    def _state_of_rows(self, scope: LearningScope, sample: Sample) -> Ints:
        periods = self.periods
        if periods is None:
            return np.zeros(sample.nobs, dtype=np.intp)
        positions = np.full(sample.n_times, -1)
        if sample.times.inferred_type == periods.inferred_type:
            positions = scope.state_positions(sample.times, periods)
        unseen = sample.times[positions < 0]
        if unseen.size:
            reason = (
                "has its own scale or weights in each period, estimated for "
                f"{periods[0]} to {periods[-1]}"
            )
            if scope.rows == "past":
                reason = (
                    f"was estimated from {periods[0]} on and has no weights for "
                    "earlier periods"
                )
            raise option_error(
                "scope",
                scope.text,
                f"scope={cited(scope.text)} {reason}; the panel has {quoted(unseen)}. "
                "Select these periods only and fit the index on them, or use "
                "'pooled', 'base_year(...)' or 'goalposts', which can "
                "score any period.",
            )
        return np.asarray(positions, dtype=np.intp)[sample.time]


@dataclass(frozen=True, slots=True, eq=False)
class ScaledRows:
    """Rows of a sample, normalised by the state that scores each of them.

    index: labels of the rows
    z (N, m): normalised values
    states (N,): positions in `State.learned`
    """

    options: IndexOptions
    state: State
    index: pd.Index[Any]
    z: Floats
    states: Ints

    @property
    def weights(self) -> Floats:
        """Weights of each row, shape (N, m)."""
        return self.state.weights[self.states]

    def scores(self) -> Floats:
        """Aggregate to scores, (N,)."""
        if self.options.aggregation in PRODUCTS:
            self._refuse_negative_factors()
        return np.asarray(self.scores_under(self.state.weights[:, None])[0])

    def scores_under(self, weights: Floats) -> Floats:
        """Aggregate by other weights, (L, R, m), to scores, (R, N)."""
        options = self.options
        scores = np.empty((weights.shape[1], len(self.z)))
        for k, part, rows in self.by_state():
            scores[:, rows] = aggregate(
                options.aggregation,
                self.z[rows],
                weights[k],
                part.worst,
                part.best,
                options.groups,
            )
        return scores

    def dimension_scores(self) -> Floats:
        """Compute scores of dimensions (N, K): sum_j w_j z_j / sum_j w_j, or NaN."""
        both = np.stack([self.weights, self.weights * self.z])
        total, sums = np.stack(
            [both[..., columns].sum(axis=-1) for columns in self.options.groups], axis=2
        )
        return np.asarray(sums / np.where(total != 0, total, np.nan))

    def by_state(self) -> Iterator[tuple[int, Learned, RowSelection]]:
        """Iterate over states that score rows: position, state, selection of rows."""
        learned = self.state.learned
        if len(learned) == 1:
            yield 0, learned[0], slice(None)
            return
        for k, part in enumerate(learned):
            rows = self.states == k
            if rows.any():
                yield k, part, rows

    def _scores_inside_ideals(self) -> tuple[Floats, Floats]:
        """Compute TOPSIS scores with z up to the best, and with z from the worst."""
        z_up, z_down = np.empty_like(self.z), np.empty_like(self.z)
        for _, part, rows in self.by_state():
            z_up[rows] = np.minimum(self.z[rows], part.best)
            z_down[rows] = np.maximum(self.z[rows], part.worst)
        return replace(self, z=z_up).scores(), replace(self, z=z_down).scores()

    def _refuse_negative_factors(self) -> None:
        options = self.options
        least = self.state.weights.min(axis=0)
        columns = names_where(options.system.names, least < 0)
        if columns:
            raise one_problem(
                IndicatorError,
                "negative_weight",
                f"aggregate={cited(options.aggregation)} needs weights >= 0, but "
                f"{subject(columns, 'has')} a negative weight; use 'linear'.",
                columns=tuple(columns),
            )
        names = options.system.names
        negative = (self.z < 0) & (self.weights > 0)
        problem = "is below the worse end point"
        if options.aggregation == "geometric_dimensions":
            names = options.system.dimensions
            negative = self.dimension_scores() < 0
            problem = "has a score below 0"
        refuse_cells(
            negative,
            names,
            ("negative", problem),
            "The geometric mean is undefined there: use aggregate='linear', or a scope "
            "whose end points cover every row.",
            index=self.index,
        )

    def remarks(self, scores: Floats) -> Iterator[Notice]:
        """Report scores that are 0, or rows beyond the end points or the ideals."""
        options = self.options
        yield from zero_remarks(scores, options.aggregation)
        if options.aggregation == "topsis":
            yield from beyond_ideal_remarks(scores, *self._scores_inside_ideals())
        elif options.normalise not in ("zscore", "none"):
            one_year = bool(options.scope.period)
            names = options.system.names
            yield from beyond_remarks(names, self.z, scores, one_year=one_year)


def learn(options: IndexOptions, sample: Sample) -> State:
    """Learn scale and weights from the rows that the scope selects."""
    scope, times = options.scope, sample.times
    scope.refuse_times(times, has_time=sample.keys.time_name is not None)
    selections = scope.learned_rows(sample.time, times)
    rule = options.rule(times.size)
    scale_rows = scope.scale_rows(sample.time, times)
    shared_scale = (
        None if scale_rows is None else _learn_scale(options, sample, scale_rows)
    )
    wheres = [""]
    if scope.weights_by_period:
        wheres = [f" {'up to' if scope.rows == 'past' else 'in'} {t}" for t in times]
    learned = [
        _learn_one(options, rule, sample, rows, where, shared_scale)
        for where, rows in zip(wheres, selections, strict=True)
    ]
    return State(tuple(learned), times if scope.weights_by_period else None)


def learn_and_score(options: IndexOptions, sample: Sample) -> tuple[ScaledRows, Floats]:
    """Learn from the rows that the scope selects, and score all rows."""
    scaled = learn(options, sample).scaled(options, sample)
    return scaled, scaled.scores()


def state_sums(options: IndexOptions, state: State, sample: Sample) -> list[EntitySums]:
    """Compute the sums by entity behind every state's weights (not if nested)."""
    rule = options.rule(sample.n_times)
    selections = options.scope.learned_rows(sample.time, sample.times)
    return [
        entity_sums(
            part.scale.apply(sample.matrix[rows], options.system.positive),
            sample.entity[rows],
            rule,
            part.weighing.constant,
        )
        for part, rows in zip(state.learned, selections, strict=True)
    ]


def _learn_one(
    options: IndexOptions,
    rule: Rule,
    sample: Sample,
    rows: RowSelection,
    where: str,
    shared_scale: EndPoints | None,
) -> Learned:
    scale = shared_scale or _learn_scale(options, sample, rows)
    z = scale.apply(sample.matrix[rows], options.system.positive)
    if options.weighting in UNSIGNED_WEIGHTS:
        _refuse_negative(options, z, sample.index[rows])
    weighing = weigh(z, rule, options.system.names, where=where)
    varying = weighing.weights[~weighing.constant]
    if options.aggregation == "topsis" and not varying.any():
        raise one_problem(
            IndicatorError,
            "constant_indicator",
            f"aggregate='topsis': no indicator with a weight varies{where}, so the "
            "best row equals the worst; use 'linear'.",
            scope=options.scope.text,
        )

    if shared_scale is not None:
        z = scale.apply(sample.matrix, options.system.positive)
    return Learned(scale, weighing, z.min(axis=0), z.max(axis=0))


def _refuse_negative(options: IndexOptions, z: Floats, index: pd.Index[Any]) -> None:
    problem, remedy = "is negative", "Use normalise='minmax', or weighting='equal'."
    if options.scope.fixed_end_points:
        problem = "lies beyond its worse goalpost"
        remedy = "Move the goalpost to the worst value that can occur."
    elif options.scope.period:
        problem = "is worse than every value of the base year"
        remedy = (
            "Use weighting='equal' or given weights, or normalise='absolute_minmax' to "
            "replicate an index that takes absolute values."
        )
    remedy = f"{options.weighting.title()} weights are undefined there. {remedy}"
    names = options.system.names
    refuse_cells(z < 0, names, ("negative", problem), remedy, index=index)


def _learn_scale(
    options: IndexOptions, sample: Sample, rows: RowSelection
) -> EndPoints:
    _refuse_undefined(options, sample, rows)
    return options.learn_scale(sample.matrix[rows])


def _refuse_undefined(
    options: IndexOptions, sample: Sample, rows: RowSelection
) -> None:
    if options.normalise == "max":
        refuse_cells(
            sample.matrix[rows] <= 0,
            options.system.names,
            ("not_positive", "is zero or negative"),
            "normalise='max' divides by the value: use 'minmax' instead.",
            index=sample.index[rows],
        )
