"""Errors, tests and bands of effects that hold with few entities in a cohort.

Every effect is a weighted sum of outcomes. The entities of a cohort have the same
expected outcomes but for their own level, so that what they differ by shows the errors
of the effects: as HC2 with the degrees of freedom of Bell & McCaffrey (2002), and by
random signs of entities (Cameron, Gelbach & Miller 2008).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.tolerances import FULL_LEVERAGE, SINGULAR
from digiprosper.kernels.within import level_sums
from digiprosper.linear.kernels.wild import p_value_of_draws, wald_statistics
from digiprosper.report.pickling import PickledByName

MOST_CLUSTERS = 1_000
"""Results keep scores, and tests and bands draw signs, up to so many clusters."""
REPS = 999
"""Draws of a test and of a band."""
MOST_WEIGHTS = 2**25
"""Numbers in the weights of all rows in all effects: 256 MB."""
_SEED = 20260101
# Bytes of an array of draws.
_MEMORY = 2**26
# Up to so many clusters all signs are enumerated.
_ENUMERATED = 10
# A band with a group of fewer parts than this has normal draws: signs of so few parts
# have too few values.
_FEW_PARTS = 5
# The variance that so many parts show is drawn as a constant.
_MANY_PARTS = 100


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class UnitScores(PickledByName):
    """What the entities of each cluster and cohort (p parts) add to m effects.

    With the entity as cluster a part is an entity. The never treated are the last of
    the G + 1 groups. Beyond `MOST_CLUSTERS` clusters there are no scores (p = 0).
    """

    cluster: Ints  # (p,) code of the cluster
    group: Ints  # (p,) position of the cohort; G if never treated
    scores: Floats  # (p, m) weights times residuals within cohort and period
    # (p, m) weights times residuals without effects before treatment
    null_scores: Floats
    # (p, m) standard deviation of a part's sum if all entities have the same covariance
    sizes: Floats
    # (G + 1, m, m) covariance of the effects that is due to each group, likewise
    model: Floats
    # (G + 1,) parts of each group, fewer if their weights are unequal
    effective: Floats
    alone: Bools  # (G + 1,) whether an effect rests on a single part of the group
    df_pooled: int  # entities less groups: of the covariance of all entities
    n_clusters: int

    def df_t(self, gradient: Floats, added: Floats) -> Floats:
        """Compute degrees of freedom of t (q,) for sums of effects, gradient (q, m).

        Satterthwaite's, with the variance of each group if all entities have the same
        covariance (Bell & McCaffrey 2002). `added` (q,) is a further variance, that of
        the shares of cohorts.
        """
        variances = np.einsum(
            "qm,gmk,qk->gq", gradient, self.model, gradient, optimize=True
        )
        alone = self.alone
        variances = np.vstack([variances[~alone], variances[alone].sum(axis=0), added])
        most = self.n_clusters - 1
        freedom = np.array([*(self.effective[~alone] - 1), self.df_pooled, most])
        freedom = np.maximum(freedom, 1.0)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            df = variances.sum(axis=0) ** 2 / (variances**2 / freedom).sum(axis=0)
        return np.minimum(np.where(np.isnan(df), most, df), most)


def unit_scores(
    weights: Floats,
    residuals: Floats,
    null_residuals: Floats,
    entity: Ints,
    time: Ints,
    group: Ints,
    cluster: Ints,
    obs_weights: Floats,
) -> UnitScores:
    """Sum the weights (N, m) of rows times residuals by part.

    `residuals` (N,) are within cohort and period, `null_residuals` (N,) without effects
    before treatment. `group`, `cluster` and `obs_weights` are by entity.
    """
    n, periods, m = group.size, int(time.max()) + 1, weights.shape[1]
    df_pooled = n - np.unique(group).size
    # Scores that are rounding would make a variance of effects that have none.
    weighty = np.abs(weights) > SINGULAR * np.abs(weights).max(axis=0)
    weights = np.where(weighty, weights, 0.0)
    # Of each entity (n, T), 0 where it has no row.
    observed, by_period = np.zeros((n, periods)), np.zeros((n, periods, m))
    observed[entity, time], by_period[entity, time] = residuals, weights
    root = _root(_omega(observed, entity, time, obs_weights) * (n / df_pooled))
    whitened = np.einsum("itm,tr->irm", by_period, root, optimize=True)
    model = np.empty((int(group.max()) + 1, m, m))
    for position in range(len(model)):
        of_group = whitened[group == position].reshape(-1, m)
        model[position] = of_group.T @ of_group
    pairs = np.column_stack([cluster, group])
    parts, part = np.unique(pairs, axis=0, return_inverse=True)
    count, of_row = len(parts), part[entity]
    scores = level_sums(of_row, count, weights, residuals)
    null_scores = level_sums(of_row, count, weights, null_residuals)
    sizes = level_sums(part, count, np.sqrt((whitened**2).sum(axis=1)))
    return make_unit_scores(parts, scores, null_scores, sizes, model, df_pooled)


def make_unit_scores(
    parts: Ints,
    scores: Floats,
    null_scores: Floats,
    sizes: Floats,
    model: Floats,
    df_pooled: int,
) -> UnitScores:
    """Make unit scores of parts, whose clusters and groups are in `parts` (p, 2)."""
    cluster, group = parts.T
    # Weights that are zero but for rounding do not count.
    sizes = np.where(sizes > SINGULAR * sizes.max(axis=0), sizes, 0.0)
    shares = leverage(sizes, group)
    squares = level_sums(group, len(model), shares**2)
    used = squares > 0
    counts = np.where(used, 1 / np.where(used, squares, 1.0), 0.0).sum(axis=1)
    alone = group[(shares > 1 - FULL_LEVERAGE).any(axis=1)]
    return UnitScores(
        cluster=cluster,
        group=group,
        scores=scores,
        null_scores=null_scores,
        sizes=sizes,
        model=model,
        effective=counts / np.maximum(used.sum(axis=1), 1),
        alone=np.isin(np.arange(len(model)), alone),
        df_pooled=df_pooled,
        n_clusters=int(cluster.max()) + 1,
    )


def limit_scores(units: UnitScores) -> UnitScores:
    """Drop the scores if there are more clusters than tests and bands draw signs of."""
    if units.n_clusters <= MOST_CLUSTERS:
        return units
    by_part = ("cluster", "group", "scores", "null_scores", "sizes")
    return replace(units, **{name: getattr(units, name)[:0] for name in by_part})


def leverage(sizes: Floats, group: Ints) -> Floats:
    """Compute the share (p, q) of each part in its group, 0 in sums without it."""
    totals = level_sums(group, int(group.max()) + 1, sizes)[group]
    return sizes / np.where(totals > 0, totals, 1.0)


def unit_covariance(units: UnitScores) -> Floats:
    """Compute the covariance (m, m) of the effects.

    HC2 (Bell & McCaffrey 2002). A group with an effect of a single part adds the
    variance that it has if its errors are as variable as those of the others.
    """
    several = ~units.alone[units.group]
    slack = 1 - leverage(units.sizes, units.group)[several]
    scaled = units.scores[several] / np.sqrt(slack)
    sums = level_sums(units.cluster[several], units.n_clusters, scaled)
    return np.asarray(sums.T @ sums + units.model[units.alone].sum(axis=0))


def _omega(values: Floats, entity: Ints, time: Ints, obs_weights: Floats) -> Floats:
    """Average the products (T, T) of residuals (n, T) of an entity over all entities.

    They are 0 where it has no row; rows have the codes `entity` and `time` (N,).
    """
    present = np.zeros_like(values)
    present[entity, time] = 1.0
    counts = (present.T * obs_weights) @ present
    products = (values.T * obs_weights) @ values
    return products / np.where(counts > 0, counts, 1.0)


def _root(omega: Floats) -> Floats:
    """Return a root (T, r) of a covariance matrix, less directions without variance."""
    values, vectors = np.linalg.eigh(omega)
    varying = values > SINGULAR * max(values[-1], 0.0)
    return np.asarray(vectors[:, varying] * np.sqrt(values[varying]))


# --- tests and bands ------------------------------------------------------------------


def wild_test(
    units: UnitScores, gradient: Floats, estimates: Floats
) -> tuple[float, int, float, int]:
    """Test that q sums of effects are zero, by signs of clusters.

    `gradient` (q, m) has their weights, `estimates` (q,) their values. The residuals
    are those under the null hypothesis (restricted wild cluster bootstrap), and the
    covariance is computed again in every draw. Sums that add up to others are left out.
    Returns the Wald statistic, the number of sums, the p-value and the number of draws.
    Statistic and p-value are missing if no sum has a variance.
    """
    sizes, factor = _sizes_and_factor(units, gradient)
    observed = (units.scores @ gradient.T) * factor
    observed = level_sums(units.cluster, units.n_clusters, observed)
    covariance = observed.T @ observed
    size = np.sqrt(np.diag(covariance))
    if not (size > 0).all():
        return float("nan"), 0, float("nan"), 0
    values, vectors = np.linalg.eigh(covariance / np.outer(size, size))
    # Principal components of the sums over their errors, with a variance of one.
    basis = (vectors / size[:, None])[:, values > SINGULAR]
    basis /= np.sqrt(values[values > SINGULAR])
    statistic = float(((estimates @ basis) ** 2).sum())
    null_scores = units.null_scores @ gradient.T
    draws = [
        wald_statistics(sums @ basis, drawn_scores @ basis)
        for sums, drawn_scores in _sign_draws(units, null_scores, sizes, factor)
    ]
    statistics, enumerated = np.concatenate(draws), units.n_clusters <= _ENUMERATED
    p_value = p_value_of_draws(statistics, statistic, enumerated=enumerated)
    return statistic, basis.shape[1], p_value, statistics.size


def joint_critical(
    units: UnitScores, gradient: Floats, correlation: Floats, level: float
) -> float:
    """Compute the critical value of a band that covers all q sums of effects.

    It is the quantile of the largest absolute t statistic over draws: signs of clusters
    times residuals, with the errors computed again in every draw. If a group has few
    parts, whose signs have few values, also normal errors with the covariance of all
    entities are drawn, and the larger quantile is taken. `correlation` (q, q) is used
    where results keep no scores.
    """
    if not units.scores.size:
        root = _root(correlation).T
        normal = np.random.default_rng(_SEED).standard_normal((REPS, len(root)))
        return _quantile(_largest_t(normal @ root, np.ones(len(correlation))), level)
    critical = _quantile(_sign_maxima(units, gradient), level)
    parts = np.bincount(units.group)
    if (parts[parts > 0] < _FEW_PARTS).any():
        critical = max(critical, _quantile(_normal_maxima(units, gradient), level))
    return critical


def _quantile(values: Floats, level: float) -> float:
    return float(np.quantile(values, level, method="higher"))


def _sign_maxima(units: UnitScores, gradient: Floats) -> Floats:
    """Draw the largest t statistic (R,) by signs of clusters."""
    sizes, factor = _sizes_and_factor(units, gradient)
    scores = (units.scores @ gradient.T) * factor
    maxima = [
        _largest_t(sums, (drawn_scores**2).sum(axis=1))
        for sums, drawn_scores in _sign_draws(units, scores, sizes, factor)
    ]
    return np.concatenate(maxima)


def _sign_draws(
    units: UnitScores, scores: Floats, sizes: Floats, factor: Floats
) -> Iterator[tuple[Floats, Floats]]:
    """Multiply scores (p, q) by signs of clusters and estimate the groups' means again.

    Yields the sums (r, q) of some draws, and their scores by cluster (r, C, q), of
    which the squares are the variance.
    """
    signs = _signs(units, scores)
    member = np.arange(len(units.model))[:, None] == units.group
    totals = member @ sizes
    totals = np.where(totals > 0, totals, 1.0)
    several = units.n_clusters < units.cluster.size
    by_cluster = np.arange(units.n_clusters)[:, None] == units.cluster
    for part in chunks(len(signs), scores.size + 1, _MEMORY):
        signed = signs[part, :, None] * scores
        sums, means = signed.sum(axis=1), (member @ signed) / totals
        signed -= means[:, units.group] * sizes
        signed *= factor
        yield sums, by_cluster @ signed if several else signed


def _normal_maxima(units: UnitScores, gradient: Floats) -> Floats:
    """Draw the largest t statistic (R,) with normal errors of equal covariance.

    The squares of a group of n parts then have n - 1 degrees of freedom and do not
    depend on its sum.
    """
    rng = np.random.default_rng(_SEED)
    q = len(gradient)
    models = gradient @ units.model @ gradient.T
    parts = np.bincount(units.group, minlength=len(models))
    freedom = np.where(units.alone, units.df_pooled, parts - 1)
    sums, squares = np.zeros((REPS, q)), np.zeros((REPS, q))
    for model, df in zip(models, freedom, strict=True):
        root = _root(model).T
        sums += rng.standard_normal((REPS, len(root))) @ root
        if df > _MANY_PARTS:
            squares += np.diag(model)
        elif df > 0:
            normal_draws = rng.standard_normal((REPS, df, len(root))) @ root
            squares += (normal_draws**2).mean(axis=1)
    return _largest_t(sums, squares)


def _largest_t(sums: Floats, squares: Floats) -> Floats:
    """Return the largest absolute t statistic of each draw."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.abs(sums) / np.sqrt(np.maximum(squares, 0.0))
    return np.asarray(np.nanmax(ratios, axis=1, initial=0.0))


def _signs(units: UnitScores, scores: Floats) -> Floats:
    """Draw a sign for each part, equal in a cluster: (R, p), or all of them.

    The signs of clusters are in the order of their scores, so that names of entities,
    units and the signs of the outcome do not matter.
    """
    count = units.n_clusters
    sums = level_sums(units.cluster, count, scores)
    spread = np.sqrt((sums**2).sum(axis=0))
    order = np.argsort(((sums / np.where(spread > 0, spread, 1.0)) ** 2).sum(axis=1))
    if count <= _ENUMERATED:
        # A statistic is the same if all signs change.
        bits = np.arange(2 ** (count - 1))[:, None] >> np.arange(count) & 1
    else:
        bits = np.random.default_rng(_SEED).integers(0, 2, (REPS, count))
    return np.asarray(2.0 * bits - 1.0)[:, np.argsort(order)[units.cluster]]


def _sizes_and_factor(units: UnitScores, gradient: Floats) -> tuple[Floats, Floats]:
    """Compute sizes (p, q) of sums, and ``(1 - h)^-1/2``, 0 if it rests on one part."""
    sizes = units.sizes @ np.abs(gradient).T
    shares = leverage(sizes, units.group)
    whole = (shares > 1 - FULL_LEVERAGE).astype(np.float64)
    full = level_sums(units.group, len(units.model), whole)[units.group] > 0
    factor = np.where(full, 0.0, 1 / np.sqrt(np.where(full, 1.0, 1 - shares)))
    return sizes, factor
