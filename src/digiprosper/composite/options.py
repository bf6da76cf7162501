"""Options of an index: checks of each, contradictions, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from digiprosper.checks import check_option, option_error, option_problem
from digiprosper.composite.indicators import IndicatorSystem
from digiprosper.composite.kernels.aggregate import PRODUCTS, Aggregation
from digiprosper.composite.kernels.normalise import (
    EndPoints,
    Normalisation,
    learn_scale,
)
from digiprosper.composite.kernels.structure import (
    FIXED_WEIGHTS,
    UNSIGNED_WEIGHTS,
    IndexStructure,
    Rule,
)
from digiprosper.composite.scopes import LearningScope, read_scope
from digiprosper.composite.weights import WEIGHTINGS, check_shift, is_nonnegative
from digiprosper.errors import IndicatorError, Notice, OptionError, cited, subject
from digiprosper.kernels import Floats, Ints

IndexMissing = Literal["raise", "drop"]

_WORDS: Mapping[str, tuple[str, ...]] = {
    "normalise": get_args(Normalisation),
    "structure": get_args(IndexStructure),
    "aggregate": get_args(Aggregation),
    "missing": get_args(IndexMissing),
    "weighting": WEIGHTINGS,
}
OPTIONS = ("scope", *_WORDS, "shift")


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """Checked options of an index, made by `CompositeIndex.recipe`.

    `weight_pairs` has the user's weights in the order of the system, not divided by
    their sum, and `weighting` is then "given"; otherwise `weight_pairs` is empty.
    """

    system: IndicatorSystem
    scope: LearningScope
    normalise: str
    shift: float
    weighting: str
    weight_pairs: tuple[tuple[str, float], ...]
    structure: IndexStructure
    aggregation: str
    missing: str
    name: str

    @property
    def groups(self) -> tuple[Ints, ...]:
        """Columns of each dimension."""
        dimension = np.array([i.dimension for i in self.system])
        return tuple(np.flatnonzero(dimension == d) for d in self.system.dimensions)

    @property
    def given_weights(self) -> Floats | None:
        """Weights of the user, divided by their sum, shape (m,); None without them."""
        if not self.weight_pairs:
            return None
        values = np.array([w for _, w in self.weight_pairs], dtype=np.float64)
        return np.asarray(values / values.sum())

    @property
    def weights_estimated(self) -> bool:
        """Whether weights come from the data."""
        return self.weighting not in FIXED_WEIGHTS

    @property
    def scale_learned(self) -> bool:
        """Whether the end points come from the data."""
        return not self.scope.fixed_end_points and self.normalise != "none"

    @property
    def nested(self) -> bool:
        """Whether the weights of dimensions are estimated from their scores."""
        return self.structure == "nested" and self.weighting != "equal"

    @property
    def reason_without_sums(self) -> str:
        """Reason why sums by entity do not give the weights; empty if they do."""
        if self.scope.replication_only:
            return (
                "the weights of the ln T script are wrong, and so would be their "
                "standard errors and ranks; use scope='pooled'"
            )
        if self.nested:
            return (
                "the weights of nested dimensions cannot be recomputed from sums by "
                "entity; use structure='equal_dimensions' or 'flat'"
            )
        return ""

    @property
    def arguments(self) -> dict[str, Any]:
        """The options as the user writes them."""
        return {
            "scope": self.scope.text,
            "normalise": self.normalise,
            "shift": self.shift,
            "weighting": dict(self.weight_pairs) or self.weighting,
            "structure": self.structure,
            "aggregate": self.aggregation,
            "missing": self.missing,
            "name": self.name,
        }

    @property
    def description(self) -> str:
        """Options in words: ``"pooled minmax, entropy weights, flat, linear"``."""
        shift = f" (shift {self.shift:g})" if self.shift else ""
        scale = f"{self.scope.text} {self.normalise}"
        return (
            f"{scale}, {self.weighting} weights{shift}, {self.structure}, "
            f"{self.aggregation}"
        )

    def learn_scale(self, x: Floats) -> EndPoints:
        """Return the goalposts, or learn the scale of raw columns, (N, m)."""
        given_scale = self.scope.given_scale(self.system)
        return learn_scale(self.normalise, x) if given_scale is None else given_scale

    def rule(self, n_times: int) -> Rule:
        """Return the rule for the weights in a sample of `n_times` periods."""
        structure = self.structure
        if structure == "nested" and not self.nested:
            structure = "equal_dimensions"
        return Rule(
            self.weighting,
            (np.arange(len(self.system)),) if structure == "flat" else self.groups,
            across=structure,
            shift=self.shift,
            weights=self.given_weights,
            periods=n_times if self.scope.replication_only else None,
            keeps_constant=not self.scale_learned and not self.weights_estimated,
        )


# --- each option by itself ------------------------------------------------------------


def read_option(option: str, value: Any, names: tuple[str, ...]) -> Any:
    """Check one option's value, and return it as a specification stores it."""
    if option == "scope":
        return read_scope(value).text
    if option == "shift":
        return check_shift(value)
    if option == "weighting" and (isinstance(value, tuple) or hasattr(value, "items")):
        return read_weights(value, names, "weighting")
    check_option(option, value, _WORDS[option])
    return value


def read_weights(
    values: Any, names: tuple[str, ...], option: str
) -> tuple[tuple[str, float], ...]:
    """Check weights by indicator (with any sum), in the order of the system."""
    try:
        weights = dict(values)
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"{option}={cited(values)} must have one weight per indicator, such as "
            "{'ports': 0.4, 'phones': 0.6}."
        ) from error
    _refuse_other_names(weights, names, option)
    invalid = [n for n in names if not is_nonnegative(weights[n])]
    if invalid or not any(weights.values()):
        problem = "all are 0"
        if invalid:
            problem = f"{cited(invalid[0])} has {cited(weights[invalid[0]])}"
        raise option_error(
            option,
            weights,
            f"{option}={{...}}: weights must be numbers >= 0, at least one of them "
            f"positive; {problem}.",
        )
    return tuple((n, float(weights[n])) for n in names)


def _refuse_other_names(
    weights: dict[Any, Any], names: tuple[str, ...], option: str
) -> None:
    missing = [n for n in names if n not in weights]
    unknown = [n for n in weights if n not in names]
    parts = [f"{subject(missing, 'has')} none"] if missing else []
    if unknown:
        parts.append(f"{subject(unknown, 'is')} not in the system")
    if parts:
        raise OptionError(
            f"{option}={{...}} must have one weight per indicator: {'; '.join(parts)}.",
            [option_problem(option, weights, names, part) for part in parts],
        )


# --- contradictions -------------------------------------------------------------------


def refuse_contradictions(options: IndexOptions) -> None:
    """Refuse options that contradict each other, and say what to change."""
    message = next(_contradictions(options), None)
    if message is not None:
        raise option_error("scope", options.scope.text, f"{message}.")
    without_goalposts = [i.name for i in options.system if i.goalposts is None]
    if options.scope.fixed_end_points and without_goalposts:
        raise IndicatorError(
            "scope='goalposts' needs goalposts for every indicator, but "
            f"{subject(without_goalposts, 'has')} none: set Indicator(name, "
            "goalposts=(low, high)).",
            [
                Notice("goalposts", f"{cited(n)} has no goalposts", {"indicator": n})
                for n in without_goalposts
            ],
        )
    if options.structure != "flat":
        _refuse_dimensions(options, "structure", "flat")
    if options.aggregation == "geometric_dimensions":
        _refuse_dimensions(options, "aggregate", "geometric")


def _contradictions(options: IndexOptions) -> Iterator[str]:
    if options.shift > 0 and options.weighting != "entropy":
        yield (
            f"shift={options.shift:g} applies to entropy weights only: use shift=0, or "
            "weighting='entropy'"
        )
    yield from _scope_contradictions(options)
    negative = [i.name for i in options.system if i.direction == "-"]
    if options.normalise == "none" and negative:
        yield (
            "normalise='none' requires columns in which more is better, but "
            f"{subject(negative, 'has')} direction '-': reverse it and set '+', or use "
            "normalise='minmax'"
        )
    if options.normalise == "zscore":
        yield from _zscore_contradictions(options)
    if options.weight_pairs and options.structure != "flat":
        yield (
            "given weights are effective weights, so "
            f"structure={cited(options.structure)} does not apply: use "
            "structure='flat'"
        )


def _scope_contradictions(options: IndexOptions) -> Iterator[str]:
    if options.scope.fixed_end_points and options.normalise != "minmax":
        yield (
            "scope='goalposts' sets the end points of min-max scaling: use "
            f"normalise='minmax', not {cited(options.normalise)}"
        )
    if options.normalise == "absolute_minmax" and not options.scope.period:
        yield (
            "normalise='absolute_minmax' differs from 'minmax' only where values may "
            "be worse than the end points: use normalise='minmax', or "
            "scope='base_year_norm_pooled_weights(...)'"
        )
    script = options.weighting, options.normalise, options.structure
    if options.scope.replication_only and script != ("entropy", "minmax", "flat"):
        yield (
            "scope='legacy_lnT' replicates one script, which requires "
            "weighting='entropy', normalise='minmax' and structure='flat': use "
            "these, or scope='pooled'"
        )
    if (
        options.scope.text == "pooled_norm_yearly_weights"
        and not options.weights_estimated
    ):
        yield (
            "scope='pooled_norm_yearly_weights' estimates weights year by year, but "
            "equal or given weights are not estimated: use scope='pooled'"
        )


def _zscore_contradictions(options: IndexOptions) -> Iterator[str]:
    if options.weighting in UNSIGNED_WEIGHTS:
        yield (
            f"normalise='zscore' gives negative values, for which {options.weighting} "
            "weights are not defined: use normalise='minmax', or "
            "weighting='critic' or 'pca'"
        )
    # Where the rows of the weights are not those of the scale, standard deviations
    # differ from 1.
    same_rows = options.scope.scale_by_period == options.scope.weights_by_period
    if options.weighting == "std" and same_rows:
        yield (
            "normalise='zscore' makes every standard deviation 1: use "
            "weighting='equal', or normalise='minmax'"
        )
    if options.aggregation in PRODUCTS:
        yield (
            "normalise='zscore' gives negative values, for which the geometric mean is "
            "not defined: use normalise='minmax', or aggregate='linear'"
        )


def _refuse_dimensions(options: IndexOptions, option: str, default: str) -> None:
    system, value = options.system, options.arguments[option]
    without_dimension = [i.name for i in system if not i.dimension]
    if not without_dimension and len(system.dimensions) > 1:
        return
    problem = f"all are in {cited(system.dimensions[0])}"
    if without_dimension:
        problem = f"{subject(without_dimension, 'has')} none"
    raise option_error(
        option,
        value,
        f"{option}={cited(value)} needs at least two dimensions, and one for every "
        f"indicator; {problem}. Use {option}={cited(default)}, or "
        f"IndicatorSystem.from_dict({{dimension: {{column: '+'}}}}).",
        (default,),
    )
