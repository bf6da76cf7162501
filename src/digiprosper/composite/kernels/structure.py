"""From information of columns to weights, inside each dimension and across them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from digiprosper.checks import one_problem
from digiprosper.composite.kernels.information import INFORMATION, Moments
from digiprosper.composite.kernels.normalise import is_constant
from digiprosper.errors import IndicatorError, quoted
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.dispersion import ColumnSums, theil_t
from digiprosper.kernels.tolerances import CANCELLED, NO_THEIL
from digiprosper.report.pickling import PickledByName

IndexStructure = Literal["flat", "nested", "equal_dimensions"]

# Weightings in which the data play no part.
FIXED_WEIGHTS = ("equal", "given")
# Weightings that are defined for values of at least 0 only.
UNSIGNED_WEIGHTS = ("entropy", "cv")
# What the copied script adds to every share inside the logarithm.
_LEGACY_SHARE = 1e-10
# What is wrong where all weights are zero.
NO_WEIGHTS = {
    "critic": "the indicators are perfectly correlated; use 'std' or 'equal'",
    "cv": (
        "the coefficients of variation sum to zero; use 'entropy', or values that are "
        "not negative"
    ),
    "pca": (
        "the loadings of the components sum to zero; check the directions, or "
        "use 'critic'"
    ),
    "entropy": "the redundancies sum to zero",
    "std": "the standard deviations are zero",
    "equal": "none is left",
    "given": "every indicator with a weight is constant",
}


@dataclass(frozen=True, slots=True, eq=False)
class Rule(PickledByName):
    """How columns are weighed.

    groups: positions of the columns of each dimension; one group of all columns when
        flat
    across: how dimensions are weighed
    shift: added before the logarithm
    weights: (m,) weights of the caller, adding up to one
    periods: years whose logarithm divides the entropy, as the copied script does; None
        for ln N
    keeps_constant: whether a column that does not vary keeps its weight: only where its
        scale is not learned
    """

    weighting: str
    groups: tuple[Ints, ...]
    across: IndexStructure = "flat"
    shift: float = 0.0
    weights: Floats | None = None
    periods: int | None = None
    keeps_constant: bool = False

    @property
    def estimated(self) -> bool:
        """Whether weights come from the data."""
        return self.weighting not in FIXED_WEIGHTS

    def fixed_level(self, constant: Bools) -> Floats:
        """Return given or equal weights (m,), 0 if constant unless those count too."""
        weights = 1.0 if self.weights is None else self.weights
        return np.where(constant & (not self.keeps_constant), 0.0, weights)


@dataclass(frozen=True, slots=True, eq=False)
class Weighing(PickledByName):
    """Weights and what they rest on, (m,) each.

    weights: effective weights, across times inside; they add up to one
    redundancy: one minus the relative entropy, Theil's T / ln N; NaN when entropy plays
        no part
    constant: whether the column does not vary
    """

    weights: Floats
    redundancy: Floats
    constant: Bools


def flat_rule(weighting: str, width: int, *, shift: float = 0.0) -> Rule:
    """Make the rule for all columns at once; `shift` is added before logarithms."""
    return Rule(weighting, (np.arange(width),), shift=shift)


def weigh(
    z: Floats,
    rule: Rule,
    names: Sequence[str],
    *,
    where: str = "",
    sums: ColumnSums | None = None,
) -> Weighing:
    """Weigh columns of z, (N, m), directed, finite, not negative under a logarithm.

    `where`, such as " in 2011", goes into messages; `sums` is
    `column_sums(z, shift=rule.shift)`, if known.
    """
    constant, redundancy = _redundancy(z, rule, sums)
    ignored = constant & (not rule.keeps_constant)
    refuse_constant(ignored, names, f"{len(z)} rows{where}")

    level = redundancy
    if not rule.estimated:
        level = rule.fixed_level(constant)
    elif rule.weighting != "entropy":
        level = information(moments_of(z, constant), rule)
    weights = shares(level, rule.groups)
    for columns in rule.groups:
        inside = weights[columns]
        if np.isnan(inside).any() or not (inside.any() or ignored[columns].all()):
            why = NO_WEIGHTS[rule.weighting]
            raise one_problem(
                IndicatorError,
                "no_weights",
                f"no {rule.weighting} weights{where} for {quoted(names)}: {why}.",
                weighting=rule.weighting,
            )

    if rule.across == "nested":
        scores = np.column_stack([z[:, g] @ weights[g] for g in rule.groups])
        labels = [f"dimension {k + 1}" for k in range(len(rule.groups))]
        dimension_rule = replace(rule, groups=(np.arange(len(labels)),), across="flat")
        dimension_weights = weigh(scores, dimension_rule, labels, where=where).weights
        for columns, weight in zip(rule.groups, dimension_weights, strict=True):
            weights[columns] *= weight
    if rule.across == "equal_dimensions":
        weights = equal_across(weights, rule.groups)
    return Weighing(weights, redundancy, constant)


def refuse_constant(constant: Bools, names: Sequence[str], rows: str) -> None:
    """Refuse columns that are all constant over the rows, such as "12 rows in 2011"."""
    if constant.all():
        raise one_problem(
            IndicatorError,
            "constant_indicator",
            f"every indicator is constant over the {rows} ({quoted(names)}): no "
            "weights can be computed.",
            columns=tuple(names),
        )


def shares(level: Floats, groups: Sequence[Ints]) -> Floats:
    """Divide information (..., m) by its sum in every group; 0 where there is none."""
    out = np.empty_like(level)
    for columns in groups:
        total = level[..., columns].sum(axis=-1, keepdims=True)
        size = np.abs(level[..., columns]).sum(axis=-1, keepdims=True)
        by = np.where(
            np.abs(total) > CANCELLED * size, total, np.where(size > 0, np.nan, 1.0)
        )
        out[..., columns] = level[..., columns] / by
    return out


def equal_across(inner: Floats, groups: Sequence[Ints]) -> Floats:
    """Give groups with information one weight; `inner` (..., m): shares inside."""
    informative = sum(inner[..., g].any(axis=-1, keepdims=True) * 1.0 for g in groups)
    return inner / np.maximum(informative, 1.0)


def moments_of(z: Floats, constant: Bools) -> Moments:
    """Compute means and population covariances of z, (N, m); 0 if constant."""
    mean = z.mean(axis=0)
    centred = np.where(constant, 0.0, z - mean)
    return Moments(mean, centred.T @ centred / len(z))


def _redundancy(z: Floats, rule: Rule, sums: ColumnSums | None) -> tuple[Bools, Floats]:
    # Entropies are shown beside given weights, so that a reader can compare.
    if rule.weighting not in ("entropy", "given") or (
        rule.weighting == "given" and z.min() < 0
    ):
        return is_constant(z.min(axis=0), z.max(axis=0)), np.full(z.shape[1], np.nan)
    theil = theil_t(z, shift=rule.shift, sums=sums)
    constant = theil == 0
    # A range of rounding alone leaves a T of some 1e-31; only such columns need a
    # second look.
    for j in np.flatnonzero(~constant & (theil < NO_THEIL)):
        constant[j] = is_constant(z[:, [j]].min(axis=0), z[:, [j]].max(axis=0))[0]
    theil = np.where(constant, 0.0, theil)
    if rule.periods is None:
        return constant, theil / math.log(len(z)) if len(z) > 1 else theil
    shifted = z + rule.shift
    total = shifted.sum(axis=0)
    p = shifted / np.where(total > 0, total, 1.0)
    entropy = -(p * np.log(p + _LEGACY_SHARE)).sum(axis=0)
    return constant, np.where(constant, 0.0, 1.0 - entropy / math.log(rule.periods))


def information(moments: Moments, rule: Rule) -> Floats:
    """Compute the information of columns, (..., m), within every dimension."""
    level = np.zeros_like(moments.mean)
    for columns in rule.groups:
        level[..., columns] = INFORMATION[rule.weighting](moments.of(columns))
    return level
