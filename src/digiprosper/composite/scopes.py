"""Which rows an index learns from, and which state scores which row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from digiprosper.composite.kernels.aggregate import AGGREGATIONS
from digiprosper.composite.kernels.normalise import NORMALISATIONS, EndPoints, Maxima
from digiprosper.composite.kernels.structure import Rule, Weighing, weigh
from digiprosper.composite.rows import find_period
from digiprosper.composite.weights import refuse_cells
from digiprosper.errors import IndicatorError, Notice, OptionError, cited, quoted
from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from digiprosper.composite.rows import Rows
    from digiprosper.composite.specification import CompositeIndex
    from digiprosper.kernels import Bools, Floats, Ints

__all__ = [
    "SCOPES",
    "Learned",
    "Placed",
    "Scope",
    "State",
    "dimension_groups",
    "learn",
    "read_scope",
    "rule_of",
]

Scope = Literal["pooled", "per_year", "pooled_norm_yearly_weights", "expanding", "goalposts", "legacy_lnT"]
SCOPES: Final = ("pooled", "per_year", "pooled_norm_yearly_weights", "expanding", "goalposts", "legacy_lnT")
YEARLY: Final = ("per_year", "pooled_norm_yearly_weights", "expanding")

_BASE: Final = re.compile(r"base_year\(\s*(.*?)\s*\)")


@dataclass(frozen=True, slots=True, eq=False)
class Learned(PickledByName):
    """What one set of rows taught.

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

    def place(self, spec: CompositeIndex, rows: Rows) -> Placed:
        """Normalise rows, each by its state.

        Parameters
        ----------
        spec : CompositeIndex
            Its directions and its scope.
        rows : Rows
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
        which, z = self._which(spec, rows), np.empty_like(rows.x)
        for part, there in self._parts(which):
            _refuse_undefined(part.scale, rows, spec, there)
            z[there] = part.scale.apply(rows.x[there], spec.system.positive)
        return Placed(z, which)

    def scores(self, spec: CompositeIndex, placed: Placed, index: pd.Index[Any]) -> Floats:
        """Aggregate placed rows.

        Parameters
        ----------
        spec : CompositeIndex
            Its aggregate.
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
        if spec.aggregate == "geometric":
            _refuse_products(spec, self.weights, placed, index)
        values = np.empty(len(placed.z))
        aggregate = AGGREGATIONS[spec.aggregate]
        for part, there in self._parts(placed.which):
            values[there] = aggregate(placed.z[there], part.weighing.weights, part.worst, part.best)
        return values

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
        for part, there in self._parts(placed.which):
            for k, columns in enumerate(groups):
                inside = part.weighing.weights[columns]
                total = inside.sum()
                out[there, k] = placed.z[there][:, columns] @ inside / (total if total != 0 else np.nan)
        return out

    def _parts(self, which: Ints) -> Iterator[tuple[Learned, Any]]:
        if len(self.learned) == 1:
            yield self.learned[0], slice(None)
            return
        for k, part in enumerate(self.learned):
            there = which == k
            if there.any():
                yield part, there

    def _which(self, spec: CompositeIndex, rows: Rows) -> Ints:
        if self.periods is None:
            return np.zeros(len(rows.x), dtype=np.intp)
        places = np.full(rows.times.size, -1)
        if rows.times.inferred_type == self.periods.inferred_type:
            places = self.periods.get_indexer(rows.times)
            if spec.scope == "expanding":
                places = self.periods.searchsorted(rows.times, side="right") - 1
        if (places < 0).any():
            _refuse_periods(spec.scope, rows.times[places < 0], self.periods)
        return np.asarray(places, dtype=np.intp)[rows.time]


def read_scope(scope: object) -> tuple[str, str]:
    """Split a scope into its word and its base year.

    Parameters
    ----------
    scope : object
        What was given.

    Returns
    -------
    word, base : str
        Such as ``("base_year", "2011")``; the base is empty for other words.

    Raises
    ------
    OptionError
        If the scope is not known.
    """
    found = _BASE.fullmatch(scope.strip()) if isinstance(scope, str) else None
    if found and found[1]:
        return "base_year", found[1]
    if isinstance(scope, str) and scope in SCOPES:
        return scope, ""
    hint = " Include the base year: 'base_year(2011)'." if str(scope).startswith("base_year") else ""
    raise OptionError(
        f"scope={cited(scope)} is not known; use one of {', '.join(map(repr, SCOPES))}, "
        f"'base_year(2011)'.{hint}",
        [Notice("option", f"scope={cited(scope)}", {"option": "scope", "value": scope, "allowed": SCOPES})],
    )


def dimension_groups(spec: CompositeIndex) -> tuple[Ints, ...]:
    """Find the columns of each dimension.

    Parameters
    ----------
    spec : CompositeIndex
        Its system.

    Returns
    -------
    tuple of ndarray of int
        One a dimension, in order.
    """
    dimension = np.array([i.dimension for i in spec.system])
    return tuple(np.flatnonzero(dimension == d) for d in spec.system.dimensions)


def rule_of(spec: CompositeIndex, n_times: int) -> Rule:
    """Describe how a specification weighs columns.

    Parameters
    ----------
    spec : CompositeIndex
        Weighting, shift, structure, scope.
    n_times : int
        Periods in the sample.

    Returns
    -------
    Rule
        For `weigh`.
    """
    width, given = len(spec.system), spec.given_weights
    # Equal weights of equal weights: nothing nests.
    across = (
        "equal_dimensions" if spec.weighting == "equal" and spec.structure == "nested" else spec.structure
    )
    word = "given" if given is not None else str(spec.weighting)
    free = spec.scope == "goalposts" or spec.normalise == "none"
    return Rule(
        word,
        (np.arange(width),) if across == "flat" else dimension_groups(spec),
        across=across,
        shift=spec.shift,
        given=given,
        periods=n_times if spec.scope == "legacy_lnT" else None,
        keeps_constant=free and word in ("given", "equal"),
    )


def learn(spec: CompositeIndex, rows: Rows) -> State:
    """Learn scale and weights from the rows of each scope.

    Parameters
    ----------
    spec : CompositeIndex
        What to learn.
    rows : Rows
        The whole sample.

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
    word, base = read_scope(spec.scope)
    _refuse_times(spec.scope, word, rows)
    rule, everything = rule_of(spec, rows.times.size), np.ones(len(rows.x), dtype=bool)
    if word not in YEARLY:
        there = everything if word != "base_year" else rows.time == find_period(rows.times, base)
        return State((_learn_one(spec, rule, rows, there, ""),), None)
    shared = _scale(spec, rows, everything) if word == "pooled_norm_yearly_weights" else None
    learned = []
    for k, period in enumerate(rows.times):
        there = rows.time <= k if word == "expanding" else rows.time == k
        where = f" {'up to' if word == 'expanding' else 'in'} {period}"
        learned.append(_learn_one(spec, rule, rows, there, where, shared))
    return State(tuple(learned), rows.times)


def _learn_one(
    spec: CompositeIndex, rule: Rule, rows: Rows, there: Bools, where: str, shared: EndPoints | None = None
) -> Learned:
    scale = _scale(spec, rows, there) if shared is None else shared
    z = scale.apply(rows.x[there], spec.system.positive)
    if rule.weighting in ("entropy", "cv"):
        _refuse_negative(z, spec, rows.index[there])
    weighing = weigh(z, rule, spec.system.names, where=where)
    if spec.aggregate == "topsis" and not (weighing.weights[~weighing.constant] != 0).any():
        message = (
            f"aggregate='topsis': no indicator with a weight varies{where}, so the best row equals the "
            "worst; use 'linear'."
        )
        raise IndicatorError(message, [Notice("constant_indicator", message, {"scope": spec.scope})])
    if shared is not None:
        z = scale.apply(rows.x, spec.system.positive)
    return Learned(scale, weighing, z.min(axis=0), z.max(axis=0))


def _scale(spec: CompositeIndex, rows: Rows, there: Bools) -> EndPoints:
    if spec.scope == "goalposts":
        low, high = np.array([i.goalposts for i in spec.system], dtype=np.float64).T
        return EndPoints(low, high)
    scale = NORMALISATIONS[spec.normalise](rows.x[there])
    _refuse_undefined(scale, rows, spec, there)
    return scale


def _refuse_undefined(scale: EndPoints, rows: Rows, spec: CompositeIndex, there: Any) -> None:
    if isinstance(scale, Maxima):
        refuse_cells(
            rows.x[there] <= 0,
            spec.system.names,
            ("not_positive", "is zero or negative"),
            "normalise='max' divides by the value: use 'minmax' instead.",
            index=rows.index[there],
        )


def _refuse_negative(z: Floats, spec: CompositeIndex, index: pd.Index[Any]) -> None:
    if spec.scope == "goalposts":
        what, cure = "lies beyond its worse goalpost", "Move the goalpost to the worst value that can occur."
    else:
        what, cure = "is negative", "Use normalise='minmax', or weighting='equal'."
    undefined = f"{str(spec.weighting).title()} weights are undefined there. {cure}"
    refuse_cells(z < 0, spec.system.names, ("negative", what), undefined, index=index)


def _refuse_products(spec: CompositeIndex, weights: Floats, placed: Placed, index: pd.Index[Any]) -> None:
    names = spec.system.names
    below = [n for n, w in zip(names, weights.min(axis=0), strict=True) if w < 0]
    if below:
        message = (
            f"aggregate='geometric' needs weights >= 0, but {quoted(below)} has a negative weight; use "
            "'linear'."
        )
        raise IndicatorError(message, [Notice("negative_weight", message, {"columns": tuple(below)})])
    refuse_cells(
        (placed.z < 0) & (weights[placed.which] > 0),
        names,
        ("negative", "is below the worse end point"),
        "The geometric mean is undefined there: use aggregate='linear', or a scope whose end points "
        "cover every row.",
        index=index,
    )


def _refuse_times(scope: str, word: str, rows: Rows) -> None:
    if word in ("pooled", "goalposts"):
        return
    if not rows.has_time:
        raise OptionError(
            f"scope={cited(scope)} needs a time key, but this is a cross-section: use 'pooled', or "
            "Panel(df, entity=, time=).",
            [Notice("option", "no time key", {"option": "scope", "value": scope})],
        )
    if word == "legacy_lnT" and rows.times.size == 1:
        raise OptionError(
            "scope='legacy_lnT' divides by the logarithm of the number of years, which is 0 for one year; "
            "use 'pooled'.",
            [Notice("option", "one period", {"option": "scope", "value": scope})],
        )


def _refuse_periods(scope: str, strangers: pd.Index[Any], known: pd.Index[Any]) -> None:
    if scope == "expanding":
        why = f"was estimated from {known[0]} on and has no weights for earlier periods"
    else:
        why = f"has its own scale or weights in each period, estimated for {known[0]} to {known[-1]}"
    raise OptionError(
        f"scope={cited(scope)} {why}; the panel has {quoted(strangers)}. Select these periods only and "
        "fit the index on them, or use 'pooled', 'base_year(...)' or 'goalposts', which can score any "
        "period.",
        [Notice("option", "unseen period", {"scope": scope, "times": tuple(strangers)})],
    )
