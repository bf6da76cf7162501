"""What an index learns: scale and weights, and which of them scores which row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.composite.cells import refuse_cells
from digiprosper.composite.kernels.normalise import EndPoints, Maxima
from digiprosper.composite.kernels.structure import UNSIGNED_WEIGHTS, Rule, Weighing, weigh
from digiprosper.composite.kernels.uncertainty import EntitySums, entity_sums
from digiprosper.composite.notices import beyond_remarks, zero_remarks
from digiprosper.errors import IndicatorError, Notice, OptionError, cited, option_problem, quoted
from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from digiprosper.composite.recipe import Recipe
    from digiprosper.composite.scopes import LearningScope, RowSelection
    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel import Sample


@dataclass(frozen=True, slots=True, eq=False)
class Learned(PickledByName):
    """Scale and weights learned from one set of rows.

    worst, best (m,): smallest and largest normalised value of the rows the scale was learned from.
    """

    scale: EndPoints
    weighing: Weighing
    worst: Floats
    best: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Rows on their scale, z (N, m), each with the position of the state that scores it, which (N,)."""

    z: Floats
    which: Ints


@dataclass(frozen=True, slots=True, eq=False)
class State(PickledByName):
    """Everything an index learned: one state for all rows (`periods` is None), or one a period."""

    learned: tuple[Learned, ...]
    periods: pd.Index[Any] | None

    @property
    def weights(self) -> Floats:
        """Weights, one row a state, shape (L, m)."""
        return np.array([part.weighing.weights for part in self.learned])

    @property
    def entropy(self) -> Floats:
        """Relative entropies, their mean over yearly states, shape (m,)."""
        return np.asarray(np.mean([part.weighing.entropy for part in self.learned], axis=0))

    @property
    def redundancy(self) -> Floats:
        """One minus the entropy, its mean over yearly states, shape (m,)."""
        return np.asarray(np.mean([part.weighing.redundancy for part in self.learned], axis=0))

    def place(self, recipe: Recipe, sample: Sample) -> Placed:
        """Normalise the rows of a sample, each by its state."""
        which = self._which(recipe.scope, sample)
        z = np.empty(sample.matrix.shape)
        for _, part, rows in self.parts(which):
            _refuse_undefined(part.scale, recipe, sample, rows)
            z[rows] = part.scale.apply(sample.matrix[rows], recipe.positive)
        return Placed(z, which)

    def scores(self, recipe: Recipe, placed: Placed, index: pd.Index[Any]) -> Floats:
        """Aggregate normalised rows to scores, (N,); `index` has their labels, for messages."""
        if recipe.aggregate.product:
            _refuse_negative_weights(recipe, self.weights)
            self._refuse_negative_factors(recipe, placed, index)
        values = np.empty(len(placed.z))
        for _, part, rows in self.parts(placed.which):
            weights = part.weighing.weights
            z = placed.z[rows]
            values[rows] = recipe.aggregate.scores(z, weights, part.worst, part.best, recipe.groups)
        return values

    def remarks(self, recipe: Recipe, placed: Placed, values: Floats) -> list[Notice]:
        """Remark on scores that are 0 or beyond the end points."""
        between = recipe.normalise not in ("zscore", "none") and recipe.aggregation != "topsis"
        return [
            *zero_remarks(values, recipe.aggregation),
            *(
                beyond_remarks(recipe.names, placed.z, values, one_year=recipe.scope.one_year)
                if between
                else []
            ),
        ]

    def dimension_scores(self, groups: Sequence[Ints], placed: Placed) -> Floats:
        """Average inside dimensions: sum_j w_j z_j / sum_j w_j, (N, K); NaN where one has no weight."""
        out = np.empty((len(placed.z), len(groups)))
        for _, part, rows in self.parts(placed.which):
            for k, columns in enumerate(groups):
                inside = part.weighing.weights[columns]
                total = inside.sum()
                out[rows, k] = placed.z[rows][:, columns] @ inside / (total if total != 0 else np.nan)
        return out

    def _refuse_negative_factors(self, recipe: Recipe, placed: Placed, index: pd.Index[Any]) -> None:
        if recipe.aggregate.by_dimension:
            names: Sequence[str] = recipe.system.dimensions
            negative = self.dimension_scores(recipe.groups, placed) < 0
            problem = "has a score below 0"
        else:
            names = recipe.names
            negative = (placed.z < 0) & (self.weights[placed.which] > 0)
            problem = "is below the worse end point"
        refuse_cells(
            negative,
            names,
            ("negative", problem),
            "The geometric mean is undefined there: use aggregate='linear', or a scope whose end points "
            "cover every row.",
            index=index,
        )

    def parts(self, which: Ints) -> Iterator[tuple[int, Learned, RowSelection]]:
        """Iterate over the states that score rows: position, state, and selection of its rows.

        `which`, (N,), has the position of each row's state.
        """
        if len(self.learned) == 1:
            yield 0, self.learned[0], slice(None)
            return
        for k, part in enumerate(self.learned):
            rows = which == k
            if rows.any():
                yield k, part, rows

    def _which(self, scope: LearningScope, sample: Sample) -> Ints:
        periods = self.periods
        if periods is None:
            return np.zeros(sample.nobs, dtype=np.intp)
        positions = np.full(sample.n_times, -1)
        if sample.times.inferred_type == periods.inferred_type:
            positions = scope.state_positions(sample.times, periods)
        if (positions < 0).any():
            _refuse_periods(scope, sample.times[positions < 0], periods)
        return np.asarray(positions, dtype=np.intp)[sample.time]


def learn(recipe: Recipe, sample: Sample) -> State:
    """Learn scale and weights from the rows that the scope selects."""
    scope = recipe.scope
    times = sample.times
    scope.refuse_times(times, has_time=sample.keys.time_name is not None)
    selections = scope.learned_rows(sample.time, times)
    rule = recipe.rule(times.size)

    if not scope.weights_by_period:
        return State((_learn_one(recipe, rule, sample, selections[0], ""),), None)

    shared = None if scope.scale_by_period else _scale(recipe, sample, slice(None))
    learned = [
        _learn_one(recipe, rule, sample, rows, scope.where(period), shared)
        for period, rows in zip(times, selections, strict=True)
    ]
    return State(tuple(learned), times)


def state_sums(recipe: Recipe, state: State, sample: Sample) -> list[EntitySums]:
    """Sum by entity what the weights of every state rest on; not for nested dimensions."""
    rule = recipe.rule(sample.n_times)
    selections = recipe.scope.learned_rows(sample.time, sample.times)
    return [
        entity_sums(
            part.scale.apply(sample.matrix[rows], recipe.positive),
            sample.entity[rows],
            rule,
            part.weighing.constant,
        )
        for part, rows in zip(state.learned, selections, strict=True)
    ]


def _learn_one(
    recipe: Recipe,
    rule: Rule,
    sample: Sample,
    rows: RowSelection,
    where: str,
    shared: EndPoints | None = None,
) -> Learned:
    scale = _scale(recipe, sample, rows) if shared is None else shared
    z = scale.apply(sample.matrix[rows], recipe.positive)
    if recipe.weighting in UNSIGNED_WEIGHTS:
        _refuse_negative(z, recipe, sample.index[rows])

    weighing = weigh(z, rule, recipe.names, where=where)
    if recipe.aggregation == "topsis":
        _refuse_still(weighing, recipe.scope, where)

    if shared is not None:
        z = scale.apply(sample.matrix, recipe.positive)
    return Learned(scale, weighing, z.min(axis=0), z.max(axis=0))


def _scale(recipe: Recipe, sample: Sample, rows: RowSelection) -> EndPoints:
    scale = recipe.learn_scale(sample.matrix[rows])
    _refuse_undefined(scale, recipe, sample, rows)
    return scale


def _refuse_undefined(scale: EndPoints, recipe: Recipe, sample: Sample, rows: RowSelection) -> None:
    if isinstance(scale, Maxima):
        refuse_cells(
            sample.matrix[rows] <= 0,
            recipe.names,
            ("not_positive", "is zero or negative"),
            "normalise='max' divides by the value: use 'minmax' instead.",
            index=sample.index[rows],
        )


def _refuse_negative(z: Floats, recipe: Recipe, index: pd.Index[Any]) -> None:
    problem, cure = recipe.scope.negative
    undefined = f"{recipe.weighting.title()} weights are undefined there. {cure}"
    refuse_cells(z < 0, recipe.names, ("negative", problem), undefined, index=index)


def _refuse_still(weighing: Weighing, scope: LearningScope, where: str) -> None:
    if not (weighing.weights[~weighing.constant] != 0).any():
        message = (
            f"aggregate='topsis': no indicator with a weight varies{where}, so the best row equals the "
            "worst; use 'linear'."
        )
        raise IndicatorError(message, [Notice("constant_indicator", message, {"scope": scope.text})])


def _refuse_negative_weights(recipe: Recipe, weights: Floats) -> None:
    below = [n for n, w in zip(recipe.names, weights.min(axis=0), strict=True) if w < 0]
    if below:
        message = (
            f"aggregate={cited(recipe.aggregation)} needs weights >= 0, but {quoted(below)} has a negative "
            "weight; use 'linear'."
        )
        raise IndicatorError(message, [Notice("negative_weight", message, {"columns": tuple(below)})])


def _refuse_periods(scope: LearningScope, strangers: pd.Index[Any], periods: pd.Index[Any]) -> None:
    raise OptionError(
        f"scope={cited(scope.text)} {scope.why_no_state(periods)}; the panel has {quoted(strangers)}. Select "
        "these periods only and fit the index on them, or use 'pooled', 'base_year(...)' or 'goalposts', "
        "which can score any period.",
        [option_problem("scope", scope.text, what=f"unseen period {quoted(strangers)}")],
    )
