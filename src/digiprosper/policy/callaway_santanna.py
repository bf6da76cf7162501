"""Effects by cohort and time against untreated entities (Callaway & Sant'Anna 2021)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from digiprosper.checks import not_identified, option_error
from digiprosper.errors import Notice, cited, quoted
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.linear.preparation import Prepared
from digiprosper.panel import Sample
from digiprosper.policy import notices
from digiprosper.policy.kernels.aggregation import (
    GroupTime,
    cluster_sums,
    treated_products,
)
from digiprosper.policy.kernels.two_periods import (
    MOST_JACKKNIFED,
    Comparisons,
    differences,
    mean_differences,
    scaled_design,
    without_each_cluster,
)
from digiprosper.policy.kernels.unit_signs import (
    UnitScores,
    leverage,
    make_unit_scores,
)
from digiprosper.policy.timing import CohortEffects, Cohorts, collect_effects
from digiprosper.report.inference import Inference


def estimate_callaway_santanna(
    spec: Any, prepared: Prepared, cohorts: Cohorts
) -> CohortEffects:
    """Estimate ATT(g, t) as differences in differences.

    The covariance is the sum of squared influence functions by cluster. With controls
    `x` and ``cov_type="hc2"`` it is that of the jackknife.
    """
    codes = cohorts.clusters
    if codes is None:
        names = prepared.cluster_names
        text = (
            f"clusters={cited(list(names))}: some {prepared.sample.keys.entity_name} "
            "have rows in several clusters. The effects compare periods of the same "
            "entity, so each cluster must contain whole entities."
        )
        raise option_error("clusters", names, text)
    # The last period before treatment and its anticipation; -1 if there is none.
    last = (cohorts.steps[:, None] < cohorts.first - spec.anticipation).sum(axis=0) - 1
    sample = prepared.sample
    row, y, x, weights = _arrange_by_entity(sample, cohorts)
    effects = _list_effects(spec, cohorts, last)
    compared, estimable = _select_comparisons(spec, cohorts, effects, y, weights)
    left_out = effects[:2, ~estimable]
    effects = effects[:, estimable]
    # Controls (m, n, k) of the earlier period
    x = x[:, effects[1:].min(axis=0)].transpose(1, 0, 2)
    adjustment = spec.adjustment or "doubly_robust"
    row_weights = None
    if spec.x:
        estimates, influence, collinear = differences(compared, x, adjustment)
        _refuse_not_estimable(spec, cohorts, effects, estimates, collinear)
    else:
        estimates, influence, shares = mean_differences(compared)
        row_weights = partial(_row_weights, effects, shares, row)
    cells = _make_cells(effects, estimates, influence, compared, cohorts, codes)

    universal = spec.base_period == "universal"
    # Only with a varying base do changes before treatment span gaps.
    latest = 0 if universal else cohorts.first[last >= 0].max(initial=0)
    after_gap = np.flatnonzero(np.diff(cohorts.steps) > 1) + 1
    changes = after_gap[cohorts.steps[after_gap] < latest]
    few: Iterable[Notice] = ()
    if spec.x and adjustment != "regression":
        n_controls = compared.used.sum(axis=1) - cells.n_treated
        smallest = int(np.minimum(cells.n_treated, n_controls).min())
        few = notices.few_per_covariate(smallest / x.shape[2])
    diagnostics = (
        *notices.pairs_of_rows(sample),
        *notices.weights_vary(sample, spec.obs_weights, prepared.obs_weights),
        *notices.earlier_base(cohorts, last, spec.anticipation, changes),
        *notices.cells_left_out(cohorts, left_out),
        *few,
    )
    n_clusters = int(codes.max()) + 1
    inference = Inference(
        cov_type="clustered", clusters=prepared.cluster_names, n_clusters=(n_clusters,)
    )
    if spec.x and n_clusters <= MOST_JACKKNIFED:
        design = scaled_design(compared, x)
        without = without_each_cluster(compared, design, codes, adjustment)
        cells, inference = _with_jackknife(
            spec, cohorts, cells, inference, without, codes, compared.used
        )
    reference = cohorts.common_event(last) if universal else None
    return CohortEffects(cells, inference, row_weights, reference, diagnostics)


def _list_effects(spec: Any, cohorts: Cohorts, last: Ints) -> Ints:
    """List cohort, period and base period (3, m) of all effects; -1 without a base.

    `last` (G,): last period before treatment. An effect before treatment is the change
    since the previous period, unless the base is universal.
    """
    cohort, time = np.indices((cohorts.first.size, cohorts.steps.size)).reshape(2, -1)
    before = cohorts.steps[time] < cohorts.first[cohort]
    varying = before & (spec.base_period != "universal")
    base = np.where(varying, time - 1, last[cohort])
    listed = (base != time) & ((base >= 0) | ~before)
    return np.array([cohort, time, base])[:, listed]


def _select_comparisons(
    spec: Any, cohorts: Cohorts, effects: Ints, y: Floats, weights: Floats
) -> tuple[Comparisons, Bools]:
    """Select the entities that each effect (3, m) compares: rows in both periods.

    Also returns which effects have treated entities and controls; the others are
    dropped.
    """
    cohort, time, base = effects
    treated = cohorts.of_entity == cohort[:, None]
    controls = np.repeat((cohorts.of_entity < 0)[None], cohort.size, axis=0)
    if spec.compared_with == "not_yet":
        later = cohorts.steps[np.maximum(time, base)] + spec.anticipation
        controls |= (cohorts.first[cohorts.of_entity] > later[:, None]) & ~treated
    change = y.T[time]
    change -= y.T[base]
    used = (treated | controls) & ~np.isnan(change)
    estimable = (used & treated).any(axis=1) & (used & controls).any(axis=1)
    estimable &= base >= 0
    used, change = used[estimable], change[estimable]
    # Weights and controls are those of the earlier period, as in R's did and csdid
    # without fix_weights.
    earlier = weights.T[np.minimum(time, base)[estimable]]
    change[~used] = earlier[~used] = 0.0
    return Comparisons(
        change=change, used=used, treated=treated[estimable], weights=earlier
    ), estimable


def _make_cells(
    effects: Ints,  # (3, m) cohort, period and base period
    estimates: Floats,
    influence: Floats,
    compared: Comparisons,
    cohorts: Cohorts,
    codes: Ints,
) -> GroupTime:
    """Make the cells of effects and their covariance; `codes` are clusters (n,)."""
    cohort, time, _ = effects
    if not (cohorts.steps[time] >= cohorts.first[cohort]).any():
        text = (
            "no effect of a period since treatment can be computed: no treated entity "
            "has rows both in such a period and in the last period before treatment, "
            "together with a control that has both."
        )
        raise not_identified("no_effects", text, n_effects=0)
    member = cohorts.member
    # The sum of the weights needs no derivative: averages depend on the ratios of the
    # shares alone.
    relative = (cohorts.entity_weights / cohorts.entity_weights.mean())[:, None]
    shares = (relative * member - cohorts.share) / member.shape[0]
    scores = np.hstack([influence, shares])
    ever = cohorts.of_entity >= 0
    treated = np.repeat(ever[:, None], cohorts.first.size, axis=1)
    of_treated = np.hstack([member[:, cohort], treated])
    sums = cluster_sums(scores, codes, int(codes.max()) + 1)
    return collect_effects(
        cohorts,
        effects[:2].T,
        estimates,
        n_treated=(compared.used & compared.treated).sum(axis=1),
        mass=cohorts.share[cohort],
        joint=sums.T @ sums,
        treated_part=treated_products(scores, of_treated, codes),
    )


def _with_jackknife(
    spec: Any,
    cohorts: Cohorts,
    cells: GroupTime,
    inference: Inference,
    without: Floats,
    codes: Ints,
    used: Bools,
) -> tuple[GroupTime, Inference]:
    """Compute the covariance of effects and shares of cohorts by the jackknife.

    `without` (C, m): effects without each cluster. If one of them has no estimate, the
    covariance stays that from influence functions.
    """
    if np.isnan(without).any():
        return cells, inference
    count = len(without)
    sizes = (codes != np.arange(count)[:, None]) * cohorts.entity_weights
    shares = sizes @ cohorts.member / sizes.sum(axis=1, keepdims=True)
    without = np.hstack([without, shares])
    deviations = np.sqrt((count - 1) / count) * (without.mean(axis=0) - without)
    units = _jackknife_unit_scores(deviations[:, : len(used)], cohorts, codes, used)
    cells = replace(cells, units=units)
    if spec.cov_type == "influence":
        return cells, inference
    joint = deviations.T @ deviations
    jackknife = replace(inference, cov_type="crv3", df_t=count - 1.0)
    return replace(cells, joint=joint), jackknife


def _jackknife_unit_scores(
    deviations: Floats, cohorts: Cohorts, codes: Ints, used: Bools
) -> UnitScores | None:
    """Make unit scores from the deviations (C, m) of the jackknife.

    None if a cluster has entities of several cohorts. `used` (m, n): entities compared.
    """
    parts = np.unique(np.column_stack([codes, cohorts.group]), axis=0)
    if len(parts) != len(deviations):
        return None
    sizes = cluster_sums(used.T.astype(np.float64), codes, len(parts))
    member = np.arange(cohorts.first.size + 1)[:, None] == parts[:, 1]
    model = np.array([deviations[rows].T @ deviations[rows] for rows in member])
    # `unit_covariance` and bands divide by the root again.
    scores = deviations * np.sqrt(1 - leverage(sizes, parts[:, 1]))
    return make_unit_scores(
        parts, scores, scores, sizes, model, codes.size - len(member)
    )


def _row_weights(effects: Ints, shares: Floats, row: Ints) -> Floats:
    """Return weights (N, m) of rows in differences.

    `row` (n, T) is that of an entity in a period, or -1.
    """
    # Entities without the row have no share; their zeros go to one row more.
    weights = np.zeros((row.max() + 2, len(shares)))
    _, time, base = effects
    weights[row[:, time], np.arange(len(shares))] = shares.T
    weights[row[:, base], np.arange(len(shares))] = -shares.T
    return weights[:-1]


def _arrange_by_entity(
    sample: Sample, cohorts: Cohorts
) -> tuple[Ints, Floats, Floats, Floats]:
    """Return the row (n, T), -1 if there is none, outcome, controls and weights.

    Controls are (n, T, k), and all values are missing without a row.
    """
    y, x = sample.matrix[:, sample.roles["y"][0]], sample.columns("x")
    columns = np.column_stack([y, cohorts.weights, x])
    row = np.full((cohorts.of_entity.size, cohorts.steps.size), -1)
    row[sample.entity, sample.time] = np.arange(len(columns))
    values = np.vstack([columns, np.full(columns.shape[1], np.nan)])[row]
    return row, values[:, :, 0], values[:, :, 2:], values[:, :, 1]


def _refuse_not_estimable(
    spec: Any, cohorts: Cohorts, effects: Ints, estimates: Floats, collinear: Bools
) -> None:
    """Refuse controls with which an effect (3, m) has no estimate."""
    missing = np.flatnonzero(np.isnan(estimates))
    if not missing.size:
        return
    first_cohort, first_time, _ = effects[:, missing[0]]
    cohort = cohorts.coding.cohorts[first_cohort][0]
    time = cohorts.coding.times[first_time]
    problem = "no_overlap"
    text = f"for the effect of {cohort} in {time}, "
    if collinear[missing[0]]:
        problem = "collinear_controls"
        text += (
            f"the controls {quoted(spec.x)} are constant or collinear among the "
            "control entities, or there are more controls than control entities. Drop "
            "some controls. A variable that is the same for all entities of a period "
            "cannot be a control. Nor can a policy that begins later, since controls "
            "are values of the earlier period; estimator='imputation' has it in all "
            "periods."
        )
    else:
        text += (
            f"{quoted(spec.x)} predict perfectly, or nearly so, who is treated, so "
            "that no controls are comparable. Use fewer controls, or "
            "adjustment='regression', which extrapolates."
        )
    raise not_identified(problem, text, cohort=cohort, time=time, x=tuple(spec.x))
