"""Covariances of least-squares coefficients, and their small-sample factors by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import TypeAlias, TypeVar

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.conley import Nearby, near_products
from digiprosper.kernels.slopes import Effect
from digiprosper.kernels.within import Within, finest, is_nested, level_sums, within

T = TypeVar("T")  # what stands for an effect
# Codes (N,) and number of the combinations of clusters at some positions.
Intersection: TypeAlias = "Callable[[Sequence[int]], tuple[Ints | None, int]]"


@dataclass(frozen=True, slots=True)
class Ranks:
    """Ranks of the dummies of absorbed effects, also of those nested in clusters."""

    all_effects: int  # of all effects, 1 (the constant) without effects
    # Of the effects nested in a cluster, 1 if there is none; without slopes by level
    nested: int
    nested_or_entity: int  # the same with the entity effect, nested or not
    # a single effect is nested in every cluster (effects that it spans do not count)
    lone_nested: bool
    intercept: bool  # no effect at all
    exact: bool  # False if a rank is an upper bound
    slopes: int = 0  # what slopes by level add to the rank of the other effects


def ranks(absorbed: Within, clusters: Sequence[Ints], entity: int | None) -> Ranks:
    """Compute the ranks of absorbed effects.

    Slopes by level count as the regressors that they stand for, in clusters that
    contain the level too. `clusters` is empty unless errors are clustered; `entity` is
    the position of the entity effect.
    """
    every, size = [*absorbed.codes, *clusters], len(absorbed.codes)
    return count_ranks(
        tuple(range(size)),
        absorbed.constants,
        range(size, len(every)),
        entity,
        lambda inner, outer: is_nested(every[inner], every[outer]),
        partial(_rank_of_effects, absorbed),
    )


def count_ranks(
    effects: tuple[T, ...],
    constants: tuple[T, ...],
    clusters: Iterable[T],
    entity: T | None,
    is_nested: Callable[[T, T], bool],
    rank_of: Callable[[tuple[T, ...]], tuple[int, bool]],
) -> Ranks:
    """Compute the ranks of effects, some of which, `constants`, are no slopes.

    `is_nested` compares an effect with another or with clusters. `rank_of` returns the
    rank of some effects, 1 without any, and whether it is exact.
    """
    containing = [*constants, *clusters]
    inside = [e for e in constants for c in clusters if is_nested(e, c)]
    nested = tuple(dict.fromkeys(inside))
    exempt = tuple([e for e in effects if e in nested or e == entity])
    ranks_of = {some: rank_of(some) for some in {nested, exempt, constants, effects}}
    every = ranks_of[effects][0]
    # An effect that is nested in all others spans them.
    crossing = {e for e in nested for c in containing if not is_nested(e, c)}
    return Ranks(
        all_effects=every,
        nested=min(ranks_of[nested][0], every),
        nested_or_entity=min(ranks_of[exempt][0], every),
        lone_nested=len(crossing) < len(nested),
        intercept=not effects,
        exact=all(exact for _, exact in ranks_of.values()),
        slopes=every - min(ranks_of[constants][0], every),
    )


def _rank_of_effects(absorbed: Within, positions: Sequence[int]) -> tuple[int, bool]:
    """Compute the rank of some effects, 1 without any, and whether it is exact."""
    if len(positions) == len(absorbed.codes):
        return absorbed.rank, absorbed.exact
    if len(positions) == 1:
        return absorbed.levels[positions[0]], True
    codes = finest([absorbed.codes[p] for p in positions])
    if len(codes) == 1:
        return count_groups(codes[0]), True
    fewer = within(codes, absorbed.codes[0].size, obs_weights=absorbed.obs_weights)
    return fewer.rank, fewer.exact


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of rows and parameters that give the small-sample factors."""

    n: int  # rows
    k: int  # slopes, the intercept not counted
    parameters: int  # slopes and the rank of all dummies (1 for an intercept)
    absorbed: Ranks
    groups: tuple[int, ...]  # clusters in each dimension
    periods: int  # number of periods

    def with_slopes(self, slopes: int) -> Counts:
        """Add slopes to the counts of the effects and clusters of a sample."""
        k, parameters = self.k + slopes, self.parameters + slopes
        return replace(self, k=k, parameters=parameters)


def counts(
    n: int, k: int, absorbed: Ranks, groups: Sequence[int], *, periods: int
) -> Counts:
    """Count rows and parameters; `groups` by dimension."""
    return Counts(n, k, k + absorbed.all_effects, absorbed, tuple(groups), periods)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One sum of outer products of scores."""

    sign: float  # +1, or -1 for the intersection of two of the clusterings
    factor: float  # small-sample factor
    # (N,) groups whose scores are summed first; None for single rows
    codes: Ints | None
    levels: int  # number of groups
    lags: int = 0  # of products of neighbouring groups, which are then periods
    # (levels, k, e) first k of orthonormal columns times the last e of them, summed by
    # group: in place of codes where designs and residuals are combinations of these
    products: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Vcov:
    """How the middle of the sandwich is computed from scores."""

    cov_type: str
    # sums to add, several only for clusters in several ways; the factor of
    # ``unadjusted`` is 1 / df
    parts: tuple[Part, ...]
    # Of the t statistics, except under ``cr2``, where each coefficient has its own
    df_t: float
    bandwidth: int | None = None  # lags of Driscoll and Kraay, or of Conley
    counted: int = 0  # K in the factor; 0 where there is none
    # (N,) of the rows in the effects, for ``hc2`` and ``hc3``
    leverage: Floats | None = None
    # re-estimated without each cluster (``crv3``), or in the hat matrix (``cr2``)
    effects: tuple[Effect, ...] = ()
    near: Nearby | None = None  # which rows have correlated errors, for ``conley``


def default_bandwidth(periods: int) -> int:
    """Compute ``floor(4 (T / 100) ** (2 / 9))`` lags (Newey & West 1994)."""
    return int(np.floor(4 * (periods / 100) ** (2 / 9)))


def fixed_b(periods: int, lags: int) -> tuple[float, float]:
    """Compute the bias and degrees of freedom of the Bartlett kernel (fixed-b).

    With independent scores of T periods, which residuals make add up to zero, the
    Bartlett sum of products has the eigenvalues of the centred matrix of weights
    (Kiefer & Vogelsang 2005). The share is their sum over T - 1; the degrees of freedom
    are Satterthwaite's, the square of their sum over the sum of their squares.
    """
    weights = 1 - np.arange(1, lags + 1) / (lags + 1)
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    before = np.minimum(np.arange(periods), lags)
    rows = 1 + sums[before] + sums[before[::-1]]
    mean = rows.mean()
    trace = periods - mean
    pairs = periods - np.arange(1, lags + 1)
    squares = periods + 2 * pairs @ weights**2 - 2 * (rows @ rows) / periods + mean**2
    return float(trace / (periods - 1)), float(trace**2 / squares)


def count_groups(codes: Ints) -> int:
    """Count groups whose codes (N,) have no gaps."""
    return int(codes.max()) + 1


def vcov(
    cov_type: str,
    ssc: str,
    count: Counts,
    intersection: Intersection,
    time: Ints | None,
    *,
    bandwidth: int | None = None,
    leverage: Floats | None = None,
    effects: Sequence[Effect] = (),
) -> Vcov:
    """Choose groups, small-sample factors and degrees of freedom of a covariance.

    `conley_vcov` is for ``conley``. `ssc` is the convention of the factor; ``hc2``,
    ``hc3``, ``crv3`` and ``cr2`` have none. ``clustered`` takes one to three
    clusterings, ``crv3`` and ``cr2`` take one. `time` (N,) codes periods in order.
    `intersection` codes the combinations of clusters, given by their positions; those
    of ``driscoll_kraay`` are the entities. Where rows are summed elsewhere the codes
    are None.
    `leverage` is for ``hc2`` and ``hc3``, `effects` for ``crv3`` and ``cr2``.
    """
    n, df = count.n, float(count.n - count.parameters)
    if cov_type in ("hc2", "hc3"):
        return Vcov(cov_type, (Part(1.0, 1.0, None, n),), df, leverage=leverage)
    if cov_type in ("crv3", "cr2"):
        codes, groups = intersection((0,))
        factor = (groups - 1) / groups if cov_type == "crv3" else 1.0
        part = Part(1.0, factor, codes, groups)
        return Vcov(cov_type, (part,), groups - 1, effects=tuple(effects))

    counted = _counted_parameters(cov_type, ssc, count)
    df_resid = n - counted
    if cov_type in ("unadjusted", "robust"):
        factor = (1 if cov_type == "unadjusted" else n) / df_resid
        return Vcov(cov_type, (Part(1.0, factor, None, n),), df, None, counted)
    if cov_type in ("driscoll_kraay", "xtscc"):
        t = count.periods
        factor = _small_sample_factor(ssc, t, n, df_resid)
        if cov_type == "xtscc":
            lags = default_bandwidth(t) if bandwidth is None else bandwidth
            by_period = Part(1.0, factor, time, t, lags)
            return Vcov(cov_type, (by_period,), t - 1, lags, counted)
        # Lazarus, Lewis, Stock & Watson (2018)
        lags = int(1.3 * np.sqrt(t)) if bandwidth is None else bandwidth
        share, df_t = fixed_b(t, lags)
        parts = [Part(1.0, factor / share, time, t, lags)]
        entity, groups = intersection((0,))
        if groups > 1:  # the scores of a single entity add up to zero
            factor = _small_sample_factor(ssc, groups, n, df_resid)
            parts.append(Part(1.0, factor, entity, groups))
        return Vcov(cov_type, tuple(parts), df_t, lags, counted)
    by_cluster = _clustered_parts(ssc, count.groups, intersection, n, df_resid)
    return Vcov(cov_type, by_cluster, min(count.groups) - 1, counted=counted)


def conley_vcov(ssc: str, count: Counts, near: Nearby) -> Vcov:
    """Choose factor and degrees of freedom of ``conley``: as for ``robust``."""
    counted = _counted_parameters("conley", ssc, count)
    part = Part(1.0, count.n / (count.n - counted), None, count.n)
    lags = near.lags if count.periods > 1 else None
    return Vcov(
        "conley", (part,), float(count.n - count.parameters), lags, counted, near=near
    )


def _small_sample_factor(ssc: str, groups: int, n: int, df_resid: int) -> float:
    if ssc == "none":
        return 1.0
    return (
        n / df_resid
        if ssc == "linearmodels"
        else groups / (groups - 1) * (n - 1) / df_resid
    )


def _clustered_parts(
    ssc: str, groups: Sequence[int], intersection: Intersection, n: int, df_resid: int
) -> tuple[Part, ...]:
    """Sum by cluster with the signs of Cameron, Gelbach & Miller (2011)."""
    parts = []
    for order in range(1, len(groups) + 1):
        for members in combinations(range(len(groups)), order):
            codes, levels = intersection(members)
            if ssc == "plm" and order > 1:
                factor = n / df_resid
            elif ssc in ("sandwich", "plm"):
                factor = _small_sample_factor(ssc, levels, n, df_resid)
            else:
                factor = _small_sample_factor(ssc, min(groups), n, df_resid)
            parts.append(Part((-1.0) ** (order - 1), factor, codes, levels))
    return tuple(parts)


def _counted_parameters(cov_type: str, ssc: str, count: Counts) -> int:
    """Count the parameters K of the small-sample factor, by convention."""
    if ssc == "none":
        return 0
    absorbed = count.absorbed
    # plm counts slopes, by level too, and the intercept if there is one. linearmodels
    # leaves out a single effect that is nested in every cluster.
    coefficients = count.k + absorbed.slopes + absorbed.intercept
    if ssc == "plm" and cov_type != "unadjusted":
        return coefficients
    if cov_type != "clustered" or ssc in ("areg", "sandwich"):
        return count.parameters
    if ssc == "linearmodels":
        return coefficients if absorbed.lone_nested else count.parameters
    # Effects nested in a cluster are not counted, under xtreg nor is the entity effect.
    exempt = absorbed.nested_or_entity if ssc == "xtreg" else absorbed.nested
    return count.parameters + 1 - exempt


def intersections(clusters: Sequence[Ints]) -> Intersection:
    """Return a function that codes the combinations of some of the clusters."""

    def combined(members: Sequence[int]) -> tuple[Ints, int]:
        joint = clusters[members[0]]
        for member in members[1:]:
            pairs = joint * count_groups(clusters[member]) + clusters[member]
            joint = np.unique(pairs, return_inverse=True)[1].astype(np.intp)
        return joint, count_groups(joint)

    return combined


def joint_meat(
    equations: Sequence[tuple[Floats, Floats, Vcov]],
    *,
    obs_weights: Floats | None = None,
) -> Floats:
    """Compute the sandwich's middle (K, K) of equations on the same rows, mostly one.

    The covariance of one equation is ``root @ M @ root.T``. Its design (N, k) has
    demeaned columns or a basis of them, as in `least_squares.Fit`; residuals are
    already multiplied by `leverage.error_scale` for ``hc2`` and ``hc3``. Not for
    ``crv3`` and ``cr2``, which are no sums of products of scores.

    The covariance of the slopes has the blocks ``root_i @ M_ij @ root_j.T``. Between
    two equations each part's factor is the geometric mean of their factors. Under
    ``unadjusted`` rows are independent, with one error variance an equation and one
    covariance a pair (Zellner 1962); residuals of an outcome's equation that has the
    other equation's outcome and regressors are orthogonal to that equation's, and the
    two are uncorrelated.
    """
    w = 1.0 if obs_weights is None else obs_weights
    first = equations[0][2]
    assert first.cov_type not in ("crv3", "cr2")
    if first.cov_type == "unadjusted":
        return np.block(
            [[_unadjusted_block(a, b, w) for b in equations] for a in equations]
        )
    total: Floats | float = 0.0
    for position, part in enumerate(first.parts):
        by_equation = []
        for design, residuals, estimator in equations:
            of_equation = estimator.parts[position]
            sums = _sum_scores(of_equation, design, w * residuals)
            by_equation.append(np.sqrt(of_equation.factor) * sums)
        scores = np.hstack(by_equation)
        products = (
            lagged_products(scores, part.lags)
            if first.near is None
            else near_products(scores, first.near)
        )
        total = total + part.sign * products
    return np.asarray(total)


def _unadjusted_block(
    first: tuple[Floats, Floats, Vcov],
    second: tuple[Floats, Floats, Vcov],
    w: Floats | float,
) -> Floats:
    (x, e, first_estimator), (z, u, second_estimator) = first, second
    factor = np.sqrt(first_estimator.parts[0].factor * second_estimator.parts[0].factor)
    return np.asarray(float((w * e) @ u) * factor * ((x.T * w) @ z))


def rescaled_sandwich(root: Floats, middle: Floats) -> tuple[Floats, Floats]:
    """Rescale ``root @ middle @ root.T`` so that `middle` has unit diagonal.

    The diagonal of `middle` (m, m) may be negative in part; ``root @ middle @ root.T``
    stays the same.
    """
    size = np.sqrt(np.abs(middle.diagonal()))
    size = np.where(size > 0, size, 1.0)
    return root * size, middle / size / size[:, None]


def _sum_scores(part: Part, design: Floats, errors: Floats) -> Floats:
    if part.products is not None:
        k, e = part.products.shape[1:]
        return design[:k].T @ part.products @ errors[-e:]
    if part.codes is None:
        return design * errors[:, None]
    return level_sums(part.codes, part.levels, design, errors)


def score_variances(scores: Floats, vcov: Vcov) -> Floats:
    """Compute the variance (m,) of the sum of each column of scores (N, m).

    Not for ``unadjusted``, ``conley``, ``crv3`` and ``cr2``.
    """
    total = np.zeros(scores.shape[1])
    for part in vcov.parts:
        sums = (
            scores
            if part.codes is None
            else level_sums(part.codes, part.levels, scores)
        )
        squares = np.einsum("ij,ij->j", sums, sums)
        for lag in range(1, part.lags + 1):  # Driscoll and Kraay
            weight = 1 - lag / (part.lags + 1)
            squares += 2 * weight * np.einsum("ij,ij->j", sums[lag:], sums[:-lag])
        total += part.sign * part.factor * squares
    return total


def score_sizes(design: Floats, weighted_residuals: Floats, vcov: Vcov) -> Floats:
    """Compute sums of absolute scores (k,), or their bound by Cauchy and Schwarz.

    The bound is used where scores are summed elsewhere.
    """
    if vcov.parts[0].products is not None:
        lengths = np.linalg.norm(design, axis=0)
        return np.asarray(lengths * np.linalg.norm(weighted_residuals))
    return np.abs(weighted_residuals) @ np.abs(design)


def lagged_products(scores: Floats, lags: int) -> Floats:
    """Sum the products of scores (G, k), and lagged products with Bartlett weights."""
    total = scores.T @ scores
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        later = scores[lag:].T @ scores[:-lag]
        total = total + weight * (later + later.T)
    return np.asarray(total)
