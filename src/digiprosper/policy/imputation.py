"""Effects by cohort and time, imputed outcomes (Borusyak, Jaravel & Spiess 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from digiprosper.checks import not_identified, option_error
from digiprosper.errors import counted, quoted
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.tolerances import COLLINEAR
from digiprosper.linear.preparation import Prepared
from digiprosper.panel import Sample
from digiprosper.policy.kernels.aggregation import cluster_sums, treated_products
from digiprosper.policy.timing import CohortEffects, Cohorts, collect_effects
from digiprosper.report.inference import Inference

# Bytes of weights that are computed at once; a few arrays have this size.
_CHUNK = 32 * 2**20


def estimate_imputation(
    spec: Any, prepared: Prepared, cohorts: Cohorts
) -> CohortEffects:
    """Impute untreated outcomes of treated rows, and average the differences.

    Differences before treatment are estimated by event time.
    """
    sample, (clusters,) = prepared.sample, prepared.cluster_codes
    y = sample.columns("y")[:, 0]
    treated = cohorts.treated & (cohorts.event >= -spec.anticipation)
    x = sample.columns("x")
    model = untreated_model(sample.entity, sample.time, x, treated, cohorts.weights)
    _refuse_not_imputable(model, treated, sample)

    pairs, code = cohorts.treated_cells(sample.time)
    used, group = np.unique(code[treated], return_inverse=True)
    groups = np.full(code.size, -1)  # effect that a row is treated in; -1 untreated
    groups[treated] = group
    estimates, scores = impute(model, y, groups, clusters)

    before = cohorts.treated & model.untreated
    events = _lead_times(spec.leads, cohorts.event[before], sample.entity[before])
    dummies = ((cohorts.event[:, None] == events) & before[:, None]).astype(np.float64)
    leads = lead_effects(model, y, dummies, cohorts.treated, clusters)
    events, dummies = events[leads.identified], dummies[:, leads.identified]
    rows_at_lead = cluster_sums(dummies, sample.entity, model.sums.size)
    scores = np.hstack([scores, leads.scores])
    mass = np.bincount(group, cohorts.weights[treated])
    cells = collect_effects(
        cohorts,
        pairs[used],
        np.append(estimates, leads.estimates),
        n_treated=np.append(np.bincount(group), (rows_at_lead > 0).sum(axis=0)),
        mass=np.append(mass, np.ones(events.size)),
        joint=scores.T @ scores,
        treated_part=np.pad(leads.treated_part, (used.size, 0)),
        leads=events,
    )
    inference = Inference(
        cov_type="clustered",
        clusters=prepared.cluster_names,
        n_clusters=prepared.count.groups,
    )

    def row_weights() -> Floats:
        group_weights = _row_weights(model, groups, np.arange(used.size))
        return np.hstack([group_weights, leads.row_weights])

    return CohortEffects(cells, inference, row_weights, reference=None, notices=())


def _lead_times(leads: int | None, event: Ints, entity: Ints) -> Ints:
    """Select `leads` event times, by default those with rows of half the entities."""
    events = np.unique(event)
    if leads is None:
        first = np.sort(event[np.unique(entity, return_index=True)[1]])
        return np.asarray(events[events > first[(first.size - 1) // 2]])
    if leads >= events.size:
        text = (
            f"leads={leads} must be at most {events.size - 1}: the earliest event time "
            "before treatment is the reference of the others."
        )
        raise option_error("leads", leads, text)
    return events[events.size - leads :]


def _refuse_not_imputable(
    model: UntreatedModel, treated: Bools, sample: Sample
) -> None:
    """Refuse treated rows whose untreated outcome is not identified."""
    not_imputable = treated & ~model.imputable
    if not not_imputable.any():
        return
    always_treated = np.unique(
        sample.entity[not_imputable & (model.sums[sample.entity] == 0)]
    )
    if always_treated.size:
        names = sample.entities[always_treated].tolist()
        text = (
            f"{quoted(names)}: {counted(always_treated.size, 'entity')} "
            "without an untreated row in the sample, so the untreated outcome cannot "
            "be imputed. Drop them with panel.subset."
        )
        raise not_identified("not_imputable", text, entities=names)
    times = sample.times[np.unique(sample.time[not_imputable])].tolist()
    text = (
        f"the untreated outcome of {counted(int(not_imputable.sum()), 'row')} (in "
        f"{quoted(times)}) is not identified from untreated rows, for example because "
        "all entities are treated in these periods. Drop these rows with panel.subset. "
        "If an entity is first treated after the remaining periods, set its first "
        "treated time to missing."
    )
    raise not_identified("not_imputable", text, times=times)


# --- the model of untreated rows ------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class UntreatedModel:
    """The regression of untreated rows on entity and time effects and controls."""

    untreated: Bools  # (N,) rows that the model is fitted to
    entity: Ints  # (N,) code of the entity
    weights: Floats  # (N,) positive
    sums: Floats  # (n,) sum of the weights of the untreated rows of each entity
    # (N, q) dummies of periods and controls, minus the weighted mean of the entity's
    # untreated rows, and rotated so that the weighted columns are orthonormal in
    # untreated rows.
    design: Floats
    imputable: Bools  # (N,) rows whose untreated outcome the untreated rows identify

    def residuals(self, values: Floats) -> Floats:
        """Subtract the predicted untreated values from columns (N, m)."""
        centred = _demean_by_entity(values, self.untreated, self.entity, self.weights)
        weighted = centred[self.untreated] * self.weights[self.untreated, None]
        slopes = self.design[self.untreated].T @ weighted
        return centred - self.design @ slopes


def untreated_model(
    entity: Ints, time: Ints, x: Floats, treated: Bools, weights: Floats
) -> UntreatedModel:
    """Prepare the regression of untreated rows on effects and controls `x` (N, k).

    `entity` and `time` are codes without gaps, `treated` (N,) the rows to impute.
    """
    untreated = ~treated
    root = np.sqrt(weights[untreated])[:, None]
    sums = np.bincount(
        entity[untreated], weights[untreated], minlength=int(entity.max()) + 1
    )
    periods = (time[:, None] == np.arange(1, int(time.max()) + 1)).astype(np.float64)
    centred = _demean_by_entity(
        np.column_stack([periods, x]), untreated, entity, weights
    )
    size = np.sqrt(((root * centred[untreated]) ** 2).sum(axis=0))
    scaled = centred / np.where(size > 0, size, 1.0)

    # The singular vectors of the triangle are those of all rows.
    triangle = np.linalg.qr(root * scaled[untreated], mode="r")
    _, values, axes = np.linalg.svd(triangle)
    rank = int((values > COLLINEAR * max(values[0], 1.0)).sum()) if values.size else 0
    outside = np.nan_to_num(np.abs(scaled @ axes[rank:].T), nan=np.inf).max(
        axis=1, initial=0.0
    )
    return UntreatedModel(
        untreated=untreated,
        entity=entity,
        weights=weights,
        sums=np.asarray(sums),
        design=np.nan_to_num(scaled) @ (axes[:rank].T / values[:rank]),
        imputable=(outside < np.sqrt(COLLINEAR)) & (sums[entity] > 0),
    )


def _demean_by_entity(
    values: Floats, untreated: Bools, entity: Ints, weights: Floats
) -> Floats:
    """Subtract the weighted mean of the entity's untreated rows; NaN if none."""
    count = int(entity.max()) + 1
    used, code = weights[untreated], entity[untreated]
    sums = cluster_sums(values[untreated] * used[:, None], code, count)
    total = np.bincount(code, used, minlength=count)
    means = sums / np.where(total > 0, total, np.nan)[:, None]
    return values - means[entity]


def impute(
    model: UntreatedModel, y: Floats, group: Ints, clusters: Ints
) -> tuple[Floats, Floats]:
    """Average the effects of groups of treated rows, with conservative standard errors.

    Borusyak, Jaravel & Spiess (2024), Review of Economic Studies 91:3253: theorems 1
    and 3 and equation 8, with equal effects within groups. `group` (N,) has no gaps and
    is -1 for untreated rows; all treated rows must be imputable. Returns m estimates,
    and scores (C, m) by cluster whose cross products are the covariance.
    """
    residual = model.residuals(y[:, None])[:, 0]
    treated = ~model.untreated
    inside, weights = group[treated], model.weights[treated]
    effects = residual[treated]
    means = np.bincount(inside, weights * effects) / np.bincount(inside, weights)
    # Errors are about averages with the weights of clusters in the group (equation 8),
    # which are the least conservative.
    pairs = np.column_stack([inside, clusters[treated]])
    _, pair = np.unique(pairs, axis=0, return_inverse=True)
    shares = weights * np.bincount(pair, weights)[pair]
    centres = np.bincount(inside, shares * effects) / np.bincount(inside, shares)
    spread = residual.copy()
    spread[treated] -= centres[inside]

    n_clusters = int(clusters.max()) + 1
    scores = []
    for part in chunks(means.size, group.size, _CHUNK):
        row_weights = _row_weights(model, group, np.arange(means.size)[part])
        scores.append(cluster_sums(row_weights * spread[:, None], clusters, n_clusters))
    return means, np.hstack(scores)


def _row_weights(model: UntreatedModel, group: Ints, chosen_groups: Ints) -> Floats:
    """Compute the weights (N, m) of outcomes in mean effects of groups."""
    shares = (group[:, None] == chosen_groups) * model.weights[:, None]
    shares /= shares.sum(axis=0)
    by_entity = cluster_sums(shares, model.entity, model.sums.size)
    level = by_entity / np.where(model.sums > 0, model.sums, 1.0)[:, None]
    slopes = model.design.T @ shares
    imputed = (level[model.entity] + model.design @ slopes) * model.weights[:, None]
    return np.asarray(np.where(model.untreated[:, None], -imputed, shares))


class LeadEffects(NamedTuple):
    """Effects of m event times before treatment, of which k have an estimate."""

    identified: Bools  # (m,)
    estimates: Floats  # (k,)
    row_weights: Floats  # (N, k) of the outcomes in the estimates
    scores: Floats  # (C, k) by cluster
    treated_part: Floats  # (k, k) of the covariance, due to treated entities


def lead_effects(
    model: UntreatedModel, y: Floats, leads: Floats, ever: Bools, clusters: Ints
) -> LeadEffects:
    """Regress untreated outcomes on dummies (N, m) of event times before treatment.

    Borusyak, Jaravel & Spiess (2024), test 1, with clustered errors. A dummy that is
    collinear with the effects or with later dummies has no estimate. `ever`: rows of
    entities that are ever treated.
    """
    untreated = model.untreated
    root = np.sqrt(model.weights[untreated])[:, None]
    residuals = root * model.residuals(np.column_stack([y, leads]))[untreated]
    outcome, columns = residuals[:, 0], residuals[:, 1:]
    size = np.sqrt(((root * leads[untreated]) ** 2).sum(axis=0))
    identified = np.zeros(leads.shape[1], dtype=np.bool_)
    for column in reversed(range(leads.shape[1])):
        later = columns[:, identified]
        remainder = (
            columns[:, column] - later @ np.linalg.lstsq(later, columns[:, column])[0]
        )
        identified[column] = (
            np.linalg.norm(remainder) > np.sqrt(COLLINEAR) * size[column]
        )

    regressors = columns[:, identified]
    slopes = np.asarray(np.linalg.lstsq(regressors, outcome)[0], dtype=np.float64)
    influence = regressors @ np.linalg.pinv(regressors.T @ regressors)
    scores = influence * (outcome - regressors @ slopes)[:, None]
    weights = np.zeros((untreated.size, slopes.size))
    weights[untreated] = root * influence
    member = np.repeat(ever[untreated][:, None], slopes.size, axis=1)
    codes = clusters[untreated]
    treated_part = treated_products(scores, member, codes)
    sums = cluster_sums(scores, codes, int(clusters.max()) + 1)
    return LeadEffects(identified, slopes, weights, sums, treated_part)
