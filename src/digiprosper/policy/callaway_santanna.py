"""Effects by cohort and time against untreated entities (Callaway & Sant'Anna 2021)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import numpy as np

from digiprosper.checks import not_identified, option_error
from digiprosper.errors import Notice, cited, quoted
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.tolerances import COLLINEAR, LAST_STEP_TWO_PERIODS
from digiprosper.linear.preparation import Prepared
from digiprosper.policy import notices
from digiprosper.policy.kernels.aggregation import (
    MEMORY,
    GroupTime,
    cluster_sums,
    treated_products,
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
    names, codes = prepared.cluster_names, cohorts.clusters
    if codes is None:
        text = (
            f"clusters={cited(list(names))}: some {prepared.sample.keys.entity_name} "
            "have rows in several clusters. The effects compare periods of the same "
            "entity, so each cluster must contain whole entities."
        )
        raise option_error("clusters", names, text)
    # The last period before treatment and its anticipation; -1 if there is none.
    last = (cohorts.steps[:, None] < cohorts.first - spec.anticipation).sum(axis=0) - 1
    row, y, x, weights = _arrange_by_entity(cohorts)
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

    n_clusters = int(codes.max()) + 1
    inference = Inference(
        cov_type="clustered", clusters=names, n_clusters=(n_clusters,)
    )
    deviations = None
    if spec.x and n_clusters <= MOST_JACKKNIFED:
        deviations = _jackknife(compared, x, cohorts, codes, adjustment)
    if deviations is not None:
        units = _jackknife_unit_scores(deviations, cohorts, codes, compared.used)
        cells = replace(cells, units=units)
        if spec.cov_type != "influence":
            cells = replace(cells, joint=deviations.T @ deviations)
            inference = replace(inference, cov_type="crv3", df_t=n_clusters - 1.0)
    return CohortEffects(
        cells,
        inference,
        row_weights,
        cohorts.common_event(last) if spec.base_period == "universal" else None,
        (*_notices(spec, prepared, cohorts, last, left_out, compared),),
    )


def _notices(
    spec: Any,
    prepared: Prepared,
    cohorts: Cohorts,
    last: Ints,
    left_out: Ints,
    compared: Comparisons,
) -> Iterator[Notice]:
    sample, steps = prepared.sample, cohorts.steps
    yield from notices.pairs_of_rows(sample)
    if prepared.obs_weights is not None:
        yield from notices.weights_vary(sample, spec.obs_weights, prepared.obs_weights)
    after_gap = np.flatnonzero(np.diff(steps) > 1) + 1
    latest = cohorts.first[last >= 0].max(initial=0)
    # Only with a varying base do changes before treatment span gaps.
    if spec.base_period == "universal":
        latest = 0
    changes = after_gap[steps[after_gap] < latest]
    yield from notices.earlier_base(cohorts, last, spec.anticipation, changes)
    yield from notices.cells_left_out(cohorts, left_out)
    if spec.x and spec.adjustment != "regression":
        groups = np.array([compared.treated, ~compared.treated]) & compared.used
        fewest = int(groups.sum(axis=2).min())
        yield from notices.few_per_covariate(fewest / len(sample.names_of("x")))


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


def _jackknife(
    compared: Comparisons, x: Floats, cohorts: Cohorts, codes: Ints, adjustment: str
) -> Floats | None:
    """Return deviations (C, m + G) of effects and shares without each of C clusters.

    Their cross products are the covariance. None if an effect has no estimate without
    some cluster.
    """
    design = scaled_design(compared, x)
    effects = without_each_cluster(compared, design, codes, adjustment)
    if np.isnan(effects).any():
        return None
    count = len(effects)
    sizes = (codes != np.arange(count)[:, None]) * cohorts.entity_weights
    shares = sizes @ cohorts.member / sizes.sum(axis=1, keepdims=True)
    without = np.hstack([effects, shares])
    return np.asarray(np.sqrt((count - 1) / count) * (without.mean(axis=0) - without))


def _jackknife_unit_scores(
    deviations: Floats, cohorts: Cohorts, codes: Ints, used: Bools
) -> UnitScores | None:
    """Make unit scores of m effects from the deviations (C, m + G) of the jackknife.

    None if a cluster has entities of several cohorts. `used` (m, n): entities compared.
    """
    parts = np.unique(np.column_stack([codes, cohorts.group]), axis=0)
    if len(parts) != len(deviations):
        return None
    deviations = deviations[:, : len(used)]
    sizes = cluster_sums(used.T.astype(np.float64), codes, len(parts))
    member = np.arange(cohorts.first.size + 1)[:, None] == parts[:, 1]
    model = np.array([deviations[rows].T @ deviations[rows] for rows in member])
    # `unit_covariance` and bands divide by the root again.
    scores = deviations * np.sqrt(1 - leverage(sizes, parts[:, 1]))
    return make_unit_scores(
        parts, scores, scores, sizes, model, codes.size - len(member)
    )


def _row_weights(effects: Ints, shares: Floats, row: Ints) -> Floats:
    """Return weights (N, m) of rows in differences; `row` (n, T) is -1 without one."""
    # Entities without the row have no share; their zeros go to one row more.
    weights = np.zeros((row.max() + 2, len(shares)))
    _, time, base = effects
    weights[row[:, time], np.arange(len(shares))] = shares.T
    weights[row[:, base], np.arange(len(shares))] = -shares.T
    return weights[:-1]


def _arrange_by_entity(cohorts: Cohorts) -> tuple[Ints, Floats, Floats, Floats]:
    """Return the row (n, T), -1 if there is none, outcome, controls and weights.

    Controls are (n, T, k), and all values are missing without a row.
    """
    sample = cohorts.sample
    outcome = sample.columns("y")
    columns = np.column_stack([outcome, cohorts.weights, sample.columns("x")])
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


# --- comparisons of two periods -------------------------------------------------------


MOST_JACKKNIFED = 100
"""Clusters up to which the jackknife is computed."""
# Controls of a higher probability of treatment have no weight, as in the R package
# DRDID.
_TRIM = 0.995
_ITERATIONS = 100
# Log odds beyond which probabilities are 0 and 1.
_SEPARATED = 30.0
# Bytes of arrays that `differences` takes at a time
_FEW_EFFECTS = 2**21


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Comparisons:
    """The m comparisons of two periods among n entities."""

    change: Floats  # (m, n) outcome less that of the base period; 0 if not used
    used: Bools  # (m, n) entities compared
    treated: Bools  # (m, n)
    weights: Floats  # (m, n) positive where used, 0 elsewhere


def mean_differences(compared: Comparisons) -> tuple[Floats, Floats, Floats]:
    """Compare mean changes of treated entities and of controls, for m effects.

    Returns the effects (m,), the influence (n, m) of each entity, whose squares add up
    to the variances, and the weights (m, n) of the changes.
    """
    m, n = compared.used.shape
    estimates, influence, shares = np.zeros(m), np.zeros((m, n)), np.zeros((m, n))
    for part in chunks(m, 4 * n, MEMORY):
        change, treated = compared.change[part], compared.treated[part]
        for sign, group in ((1.0, treated), (-1.0, ~treated)):
            weights = np.where(group, compared.weights[part], 0.0)
            share = sign * weights / weights.sum(axis=1, keepdims=True)
            mean = (share * change).sum(axis=1)
            estimates[part] += mean
            influence[part] += share * (change - sign * mean[:, None])
            shares[part] += share
    return estimates, influence.T, shares


def differences(
    compared: Comparisons, x: Floats, adjustment: str
) -> tuple[Floats, Floats, Bools]:
    """Compare changes of treated entities and of controls alike in `x` (m, n, k).

    Sant'Anna & Zhao (2020), Journal of Econometrics 219:101: equations 2.2, 2.4 with
    weights that sum to one, 2.6 and theorem A.1. All means, the regression and the
    logit are weighted, as in the R package DRDID. `adjustment` is ``"doubly_robust"``,
    ``"ipw"`` or ``"regression"``.

    Returns the effects (m,), missing if they have no estimate, the influence (n, m) of
    each entity, and for which effects `x` is collinear among the controls (m,).
    """
    m, n, k = x.shape
    estimates, influence = np.zeros(m), np.zeros((m, n))
    collinear = np.zeros(m, dtype=np.bool_)
    for part in chunks(m, n * (k + 2) ** 2, _FEW_EFFECTS):
        # Few effects at a time, since those of a cohort use the same entities
        entities = compared.used[part].any(axis=0)
        names = [field.name for field in fields(compared)]
        data = Comparisons(**{n: getattr(compared, n)[part, entities] for n in names})
        design = scaled_design(data, x[part, entities])
        controls = np.where((data.used & ~data.treated)[:, :, None], design, 0.0)
        ranks = np.linalg.matrix_rank(controls, tol=COLLINEAR * data.used.sum(axis=1))
        collinear[part] = ranks <= k
        design = _orthogonal_design(design, controls, data.weights)
        effects, by_entity = _estimate(data, design, data.weights[:, None], adjustment)
        estimates[part] = np.where(collinear[part], np.nan, effects[:, 0])
        influence[part, entities] = by_entity()
    return estimates, influence.T, collinear


def _orthogonal_design(design: Floats, controls: Floats, weights: Floats) -> Floats:
    """Combine columns (m, n, p) of a design to ones orthogonal among the controls.

    Effects do not depend on it, but normal equations of nearly collinear columns lose
    half of the digits. `controls`: the design, 0 for treated entities.
    """
    root = np.sqrt(weights / weights.sum(axis=1, keepdims=True))
    _, sizes, turn = np.linalg.svd(root[:, :, None] * controls, full_matrices=False)
    sizes = np.maximum(sizes, np.finfo(np.float64).eps)
    return np.asarray(design @ (turn / sizes[:, :, None]).transpose(0, 2, 1))


def scaled_design(data: Comparisons, x: Floats) -> Floats:
    """Return ones and controls `x` (m, n, k), standardised among entities compared."""
    controls = np.where(data.used[:, :, None], x, np.nan)
    spread = np.nanstd(controls, axis=1, keepdims=True)
    centred = controls - np.nanmean(controls, axis=1, keepdims=True)
    scaled = np.nan_to_num(centred / np.where(spread > 0, spread, 1.0))
    return np.concatenate([np.ones((*data.used.shape, 1)), scaled], axis=2)


def without_each_cluster(
    data: Comparisons, design: Floats, clusters: Ints, adjustment: str
) -> Floats:
    """Estimate m effects without each cluster: (C, m), perhaps missing.

    `design` (m, n, p) is that of `scaled_design`.
    """
    values = []
    count = int(clusters.max()) + 1
    for part in chunks(count, data.used.size * design.shape[2], MEMORY):
        left_out = np.arange(part.start, part.stop)
        weights = data.weights[:, None] * (clusters != left_out[:, None])
        values.append(_estimate(data, design, weights, adjustment)[0])
    return np.hstack(values).T


def _estimate(
    data: Comparisons, design: Floats, weights: Floats, adjustment: str
) -> tuple[Floats, Callable[[], Floats]]:
    """Estimate effects (m, c) for weights (m, c, n) of entities, perhaps missing.

    Also returns the function that computes the influence (m, n) of entities on effects
    for their own weights, with c = 1.
    """
    m, n, p = design.shape
    columns = design.transpose(0, 2, 1)
    products = (design[:, :, :, None] * design[:, :, None, :]).reshape(m, n, -1)
    treated, change = data.treated[:, None, :], data.change[:, None, :]
    untreated_weights = np.where(treated, 0.0, weights)
    gram = (untreated_weights @ products).reshape(m, -1, p, p)
    estimable = _regular(gram)
    gram = np.where(estimable[..., None, None], gram, np.eye(p))
    shares = _normalised(np.where(treated, weights, 0.0))
    control_shares = np.zeros_like(weights)
    residual = change
    if adjustment != "regression":
        propensity, hessian, exists = _logit(treated, design, weights, products)
        estimable &= exists
        odds = propensity / (1 - np.minimum(propensity, _TRIM))
        odds_weights = np.where(propensity < _TRIM, untreated_weights * odds, 0.0)
        control_shares = _normalised(odds_weights)
    if adjustment != "ipw":
        moments = (untreated_weights * change) @ design
        residual = change - np.linalg.solve(gram, moments[..., None])[..., 0] @ columns
    mean, control_mean = (
        (share * residual).sum(axis=2, keepdims=True)
        for share in (shares, control_shares)
    )
    estimates = (mean - control_mean)[..., 0]

    def influence() -> Floats:
        of_controls = control_shares * (residual - control_mean)
        total = shares * (residual - mean) - of_controls
        parts = []
        if adjustment != "ipw":
            errors = np.where(treated, 0.0, residual)
            parts.append((gram, errors, shares - control_shares))
        if adjustment != "regression":
            parts.append((hessian, treated - propensity, of_controls))
        for curvature, errors, by_entity in parts:
            # What errors of the slopes of the regression, or of the logit, add
            by_slope = np.linalg.solve(curvature, (by_entity @ design)[..., None])
            total -= weights * errors * (by_slope[..., 0] @ columns)
        return np.asarray(total[:, 0])

    return np.where(estimable & np.isfinite(estimates), estimates, np.nan), influence


def _normalised(weights: Floats) -> Floats:
    """Divide weights (..., n) by their sums."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _regular(gram: Floats) -> Bools:
    """Return which cross products (m, c, p, p) have an inverse."""
    size = np.sqrt(np.einsum("mcpp->mcp", gram))
    size = np.where(size > 0, size, 1.0)
    scaled = gram / size[..., :, None] / size[..., None, :]
    return np.linalg.eigvalsh(scaled)[..., 0] > COLLINEAR


def _logit(
    treated: Bools, design: Floats, weights: Floats, products: Floats
) -> tuple[Floats, Floats, Bools]:
    """Estimate propensity scores (m, c, n) with Hessians (m, c, p, p) by Newton steps.

    Also returns which (m, c) exist: steps converge, and no entity is separated.
    """
    m, _, p = design.shape
    used = weights > 0
    columns = design.transpose(0, 2, 1)
    slopes = np.zeros((m, weights.shape[1], p))
    exist = np.ones(slopes.shape[:2], dtype=np.bool_)
    exact = np.zeros_like(exist)
    for _ in range(_ITERATIONS):
        propensity = 1 / (1 + np.exp(-np.clip(slopes @ columns, -50, 50)))
        score = (weights * (treated - propensity)) @ design
        hessian = (weights * propensity * (1 - propensity)) @ products
        hessian = hessian.reshape(*slopes.shape, p)
        exist &= _regular(hessian)
        hessian = np.where(exist[..., None, None], hessian, np.eye(p))
        step = np.linalg.solve(hessian, score[..., None])[..., 0]
        # Steps of one effect are rounding, of any size, while others need more.
        exact |= np.abs(step).max(axis=2) < LAST_STEP_TWO_PERIODS
        if exact[exist].all():
            break
        slopes += np.where(exist[..., None], step, 0.0)
        furthest = np.where(used, np.abs(slopes @ columns), 0.0).max(axis=2)
        exist &= furthest <= _SEPARATED
    return propensity, hessian, exist & exact
