"""The recipe of an index: its options as values, which is all that computing needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from digiprosper.composite.kernels.aggregate import AGGREGATIONS, Aggregate
from digiprosper.composite.kernels.normalise import NORMALISATIONS
from digiprosper.composite.kernels.structure import FIXED_WEIGHTS, Rule

if TYPE_CHECKING:
    from digiprosper.composite.indicators import IndicatorSystem
    from digiprosper.composite.kernels.normalise import EndPoints
    from digiprosper.composite.kernels.structure import IndexStructure
    from digiprosper.composite.scopes import LearningScope
    from digiprosper.kernels import Bools, Floats, Ints


@dataclass(frozen=True, slots=True)
class Recipe:
    """Options of an index as values, made by `CompositeIndex.recipe`.

    `given` has the caller's weights in the order of the system, not divided by their sum; empty otherwise.
    `weighting` is then "given".
    """

    system: IndicatorSystem
    scope: LearningScope
    normalise: str
    shift: float
    weighting: str
    given: tuple[tuple[str, float], ...]
    structure: IndexStructure
    aggregation: str
    missing: str
    name: str

    @property
    def names(self) -> tuple[str, ...]:
        """Columns, in order."""
        return self.system.names

    @property
    def positive(self) -> Bools:
        """Whether more is better, shape (m,)."""
        return self.system.positive

    @property
    def groups(self) -> tuple[Ints, ...]:
        """Columns of each dimension."""
        dimension = np.array([i.dimension for i in self.system])
        return tuple(np.flatnonzero(dimension == d) for d in self.system.dimensions)

    @property
    def given_weights(self) -> Floats | None:
        """Given weights, adding up to one, shape (m,); None where none are given."""
        if not self.given:
            return None
        values = np.array([w for _, w in self.given], dtype=np.float64)
        return np.asarray(values / values.sum())

    @property
    def weights_estimated(self) -> bool:
        """Whether weights come from the data."""
        return self.weighting not in FIXED_WEIGHTS

    @property
    def scale_learned(self) -> bool:
        """Whether the scale of the columns comes from the data."""
        return not self.scope.fixed_end_points and self.normalise != "none"

    @property
    def aggregate(self) -> Aggregate:
        """How indicators become one score."""
        return AGGREGATIONS[self.aggregation]

    @property
    def nested(self) -> bool:
        """Whether dimensions are weighed by their scores; equal weights of equal weights are not."""
        return self.structure == "nested" and self.weighting != "equal"

    @property
    def options(self) -> dict[str, Any]:
        """The options as their user writes them."""
        return {
            "scope": self.scope.text,
            "normalise": self.normalise,
            "shift": self.shift,
            "weighting": dict(self.given) if self.given else self.weighting,
            "structure": self.structure,
            "aggregate": self.aggregation,
            "missing": self.missing,
            "name": self.name,
        }

    @property
    def description(self) -> str:
        """Options in words, such as ``"pooled minmax, entropy weights, flat, linear"``."""
        shift = f" (shift {self.shift:g})" if self.shift else ""
        scale = f"{self.scope.text} {self.normalise}"
        return f"{scale}, {self.weighting} weights{shift}, {self.structure}, {self.aggregation}"

    def learn_scale(self, x: Floats) -> EndPoints:
        """Learn the scale of raw columns, (N, m), or take the one that is given."""
        given_scale = self.scope.given_scale(self.system)
        return NORMALISATIONS[self.normalise](x) if given_scale is None else given_scale

    def rule(self, n_times: int) -> Rule:
        """Lay out how columns are weighed in a sample of so many periods."""
        across = "equal_dimensions" if self.structure == "nested" and not self.nested else self.structure
        return Rule(
            self.weighting,
            (np.arange(len(self.system)),) if across == "flat" else self.groups,
            across=across,
            shift=self.shift,
            given=self.given_weights,
            periods=self.scope.entropy_periods(n_times),
            keeps_constant=not self.scale_learned and not self.weights_estimated,
        )


class HasRecipe(Protocol):
    """A specification of an index, as the results know it."""

    @property
    def recipe(self) -> Recipe:
        """Options of the index."""
