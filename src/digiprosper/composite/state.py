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
    from digiprosper.composite.scopes import LearningScope, Taken
    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel import Sample


@dataclass(frozen=True, slots=True, eq=False)
class Learned(PickledByName):
    """Scale and weights learned from one set of rows.

    Parameters
    ----------
    scale : EndPoints
        From raw to normalised.
    weighing : Weighing
        Weights and entropies.
    worst, best : ndarray, shape (m,)
        Smallest and largest normalised value of the rows the scale was learned from.
    """

    scale: EndPoints
    weighing: Weighing
    worst: Floats
    best: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Rows on their scale, each with the state that scores it.

    Parameters
    ----------
    z : ndarray, shape (N, m)
        Directed and normalised.
    which : ndarray of int, shape (N,)
        Position of the row's state.
    """

    z: Floats
    which: Ints


@dataclass(frozen=True, slots=True, eq=False)
class State(PickledByName):
    """Everything an index learned: one state for all rows, or one a period.

    Parameters
    ----------
    learned : tuple of Learned
        One, or one a period.
    periods : Index or None
        The periods of yearly states.
    """

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
        """Normalise rows, each by its state.

        Parameters
        ----------
        recipe : Recipe
            Its directions and its scope.
        sample : Sample
            What to place.

        Returns
        -------
        Placed
            Normalised rows.

        Raises
        ------
        OptionError
            If a period has no state.
        IndicatorError
            If the scale is not defined for a value.
        """
        which = self._which(recipe.scope, sample)
        z = np.empty(sample.matrix.shape)
        for _, part, there in self.parts(which):
            _refuse_undefined(part.scale, recipe, sample, there)
            z[there] = part.scale.apply(sample.matrix[there], recipe.positive)
        return Placed(z, which)

    def scores(self, recipe: Recipe, placed: Placed, index: pd.Index[Any]) -> Floats:
        """Aggregate placed rows.

        Parameters
        ----------
        recipe : Recipe
            How.
        placed : Placed
            Normalised rows.
        index : Index
            Their labels, for messages.

        Returns
        -------
        ndarray, shape (N,)
            Scores.

        Raises
        ------
        IndicatorError
            If a product meets a negative value or weight.
        """
        if recipe.aggregate.product:
            _refuse_negative_weights(recipe, self.weights)
            self._refuse_negative_factors(recipe, placed, index)
        values = np.empty(len(placed.z))
        for _, part, there in self.parts(placed.which):
            weights = part.weighing.weights
            z = placed.z[there]
            values[there] = recipe.aggregate.scores(z, weights, part.worst, part.best, recipe.groups)
        return values

    def remarks(self, recipe: Recipe, placed: Placed, values: Floats) -> list[Notice]:
        """Remark on scores.

        Parameters
        ----------
        recipe : Recipe
            How they were made.
        placed : Placed
            Normalised rows.
        values : ndarray, shape (N,)
            Their scores.

        Returns
        -------
        list of Notice
            Codes zero_score, beyond_end_points, beyond_base_year. Not yet issued.
        """
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
        """Average inside dimensions.

        Parameters
        ----------
        groups : sequence of ndarray of int
            Columns of each dimension.
        placed : Placed
            Normalised rows.

        Returns
        -------
        ndarray, shape (N, K)
            sum_j w_j z_j / sum_j w_j over the dimension; NaN where it has no weight.
        """
        out = np.empty((len(placed.z), len(groups)))
        for _, part, there in self.parts(placed.which):
            for k, columns in enumerate(groups):
                inside = part.weighing.weights[columns]
                total = inside.sum()
                out[there, k] = placed.z[there][:, columns] @ inside / (total if total != 0 else np.nan)
        return out

    def _refuse_negative_factors(self, recipe: Recipe, placed: Placed, index: pd.Index[Any]) -> None:
        if recipe.aggregate.by_dimension:
            names: Sequence[str] = recipe.system.dimensions
            negative = self.dimension_scores(recipe.groups, placed) < 0
            what = "has a score below 0"
        else:
            names = recipe.names
            negative = (placed.z < 0) & (self.weights[placed.which] > 0)
            what = "is below the worse end point"
        refuse_cells(
            negative,
            names,
            ("negative", what),
            "The geometric mean is undefined there: use aggregate='linear', or a scope whose end points "
            "cover every row.",
            index=index,
        )

    def parts(self, which: Ints) -> Iterator[tuple[int, Learned, Taken]]:
        """Iterate over the states that score rows.

        Parameters
        ----------
        which : ndarray of int, shape (N,)
            Position of each row's state.

        Yields
        ------
        (int, Learned, selection of rows)
            One a state with rows, and its position.
        """
        if len(self.learned) == 1:
            yield 0, self.learned[0], slice(None)
            return
        for k, part in enumerate(self.learned):
            there = which == k
            if there.any():
                yield k, part, there

    def _which(self, scope: LearningScope, sample: Sample) -> Ints:
        known = self.periods
        if known is None:
            return np.zeros(sample.nobs, dtype=np.intp)
        places = np.full(sample.n_times, -1)
        if sample.times.inferred_type == known.inferred_type:
            places = scope.places(sample.times, known)
        if (places < 0).any():
            _refuse_periods(scope, sample.times[places < 0], known)
        return np.asarray(places, dtype=np.intp)[sample.time]


def learn(recipe: Recipe, sample: Sample) -> State:
    """Learn scale and weights from the rows of each scope.

    Parameters
    ----------
    recipe : Recipe
        What to learn.
    sample : Sample
        All rows.

    Returns
    -------
    State
        One state, or one a period.

    Raises
    ------
    OptionError
        If the scope needs periods that are not there.
    IndicatorError
        If the columns cannot be weighed.
    """
    scope = recipe.scope
    times = sample.times
    scope.refuse_times(times, has_time=sample.keys.time_name is not None)
    taken = scope.learned_rows(sample.time, times)
    rule = recipe.rule(times.size)

    if not scope.weights_by_period:
        return State((_learn_one(recipe, rule, sample, taken[0], ""),), None)

    shared = None if scope.scale_by_period else _scale(recipe, sample, slice(None))
    learned = [
        _learn_one(recipe, rule, sample, there, scope.where(period), shared)
        for period, there in zip(times, taken, strict=True)
    ]
    return State(tuple(learned), times)


def state_sums(recipe: Recipe, state: State, sample: Sample) -> list[EntitySums]:
    """Sum by entity what the weights of every state rest on.

    Parameters
    ----------
    recipe : Recipe
        Whose weights are functions of these sums: not those of nested dimensions.
    state : State
        What was learned.
    sample : Sample
        From which rows.

    Returns
    -------
    list of EntitySums
        One a state, of the entities it was learned from.
    """
    rule = recipe.rule(sample.n_times)
    taken = recipe.scope.learned_rows(sample.time, sample.times)
    return [
        entity_sums(
            part.scale.apply(sample.matrix[there], recipe.positive),
            sample.entity[there],
            rule,
            part.weighing.constant,
        )
        for part, there in zip(state.learned, taken, strict=True)
    ]


def _learn_one(
    recipe: Recipe, rule: Rule, sample: Sample, there: Taken, where: str, shared: EndPoints | None = None
) -> Learned:
    scale = _scale(recipe, sample, there) if shared is None else shared
    z = scale.apply(sample.matrix[there], recipe.positive)
    if recipe.weighting in UNSIGNED_WEIGHTS:
        _refuse_negative(z, recipe, sample.index[there])

    weighing = weigh(z, rule, recipe.names, where=where)
    if recipe.aggregation == "topsis":
        _refuse_still(weighing, recipe.scope, where)

    if shared is not None:
        z = scale.apply(sample.matrix, recipe.positive)
    return Learned(scale, weighing, z.min(axis=0), z.max(axis=0))


def _scale(recipe: Recipe, sample: Sample, there: Taken) -> EndPoints:
    scale = recipe.learn_scale(sample.matrix[there])
    _refuse_undefined(scale, recipe, sample, there)
    return scale


def _refuse_undefined(scale: EndPoints, recipe: Recipe, sample: Sample, there: Taken) -> None:
    if isinstance(scale, Maxima):
        refuse_cells(
            sample.matrix[there] <= 0,
            recipe.names,
            ("not_positive", "is zero or negative"),
            "normalise='max' divides by the value: use 'minmax' instead.",
            index=sample.index[there],
        )


def _refuse_negative(z: Floats, recipe: Recipe, index: pd.Index[Any]) -> None:
    what, cure = recipe.scope.negative
    undefined = f"{recipe.weighting.title()} weights are undefined there. {cure}"
    refuse_cells(z < 0, recipe.names, ("negative", what), undefined, index=index)


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


def _refuse_periods(scope: LearningScope, strangers: pd.Index[Any], known: pd.Index[Any]) -> None:
    raise OptionError(
        f"scope={cited(scope.text)} {scope.why_no_state(known)}; the panel has {quoted(strangers)}. Select "
        "these periods only and fit the index on them, or use 'pooled', 'base_year(...)' or 'goalposts', "
        "which can score any period.",
        [option_problem("scope", scope.text, what=f"unseen period {quoted(strangers)}")],
    )
