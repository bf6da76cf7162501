"""Effects by cohort and time against untreated entities (Callaway & Sant'Anna 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from digiprosper.checks import not_identified, option_error
from digiprosper.errors import cited, quoted
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.tolerances import COLLINEAR, LAST_STEP_TWO_PERIODS
from digiprosper.linear.preparation import Prepared
from digiprosper.panel import Sample
from digiprosper.policy.kernels.aggregation import (
    MEMORY,
    GroupTime,
    cluster_sums,
    treated_products,
)
from digiprosper.policy.kernels.jackknife import (
    ITERATIONS,
    MOST_JACKKNIFED,
    SEPARATED,
    TRIM,
    Comparisons,
    without_each_cluster,
)
from digiprosper.policy.kernels.unit_signs import (
    MOST_WEIGHTS,
    UnitScores,
    leverage,
    make_unit_scores,
)
from digiprosper.policy.notices import (
    cells_left_out,
    earlier_base,
    few_per_covariate,
    pairs_of_rows,
    weights_vary,
)
from digiprosper.policy.timing import CohortEffects, Cohorts
from digiprosper.policy.unit_errors import clusters_of_entities
from digiprosper.report.inference import Inference


def estimate_callaway_santanna(
    spec: Any, prepared: Prepared, cohorts: Cohorts
) -> CohortEffects:
    """Estimate ATT(g, t) as differences in differences.

    The covariance is the sum of squared influence functions by cluster. With controls
    `x` and ``cov_type="hc2"`` it is that of the jackknife.
    """
    _refuse_without_control(spec, cohorts)
    codes = clusters_of_entities(prepared)
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
    y, x, weights = _arrange_by_entity(sample, cohorts)
    effects = _list_effects(spec, cohorts, last)
    compared, estimable = _select_comparisons(spec, cohorts, effects, y, weights)
    left_out = effects[:2, ~estimable].T.tolist()
    effects = effects[:, estimable]
    row_weights = None
    if spec.x:
        estimates, influence = _estimate_with_controls(
            spec, cohorts, effects, compared, x
        )
    else:
        estimates, influence, shares = mean_differences(compared)
        if cohorts.weights.size * len(shares) <= MOST_WEIGHTS:
            row_weights = _row_weights(effects, shares, sample, y.shape)
    cells = _collect_effects(effects, estimates, influence, compared, cohorts, codes)

    universal = spec.base_period == "universal"
    events = set((cohorts.steps[last] - cohorts.first)[last >= 0].tolist())
    reference = events.pop() if universal and len(events) == 1 else None
    long = np.flatnonzero(np.diff(cohorts.steps) > 1) + 1
    before = long[cohorts.steps[long] < cohorts.first[last >= 0].max(initial=0)]
    ratio = None
    if spec.x and spec.adjustment != "regression":
        n_controls = compared.used.sum(axis=1) - cells.n_treated
        smallest = int(np.minimum(cells.n_treated, n_controls).min())
        ratio = smallest / x.shape[2]
    notices = (
        *pairs_of_rows(sample),
        *weights_vary(sample, spec.obs_weights, prepared.obs_weights),
        *earlier_base(cohorts, last, spec.anticipation, () if universal else before),
        *cells_left_out([_effect_label(cohorts, *pair) for pair in sorted(left_out)]),
        *few_per_covariate(ratio),
    )
    inference = Inference(
        cov_type="clustered",
        clusters=prepared.cluster_names,
        n_clusters=(int(codes.max()) + 1,),
    )
    if spec.x:
        cells, inference = _with_jackknife(
            spec, cohorts, effects, compared, x, cells, codes, inference
        )
    return CohortEffects(cells, inference, row_weights, reference, notices)


def _list_effects(spec: Any, cohorts: Cohorts, last: Ints) -> Ints:
    """List cohort, period and base period (3, m) of all effects; -1 without a base.

    `last` (G,): last period before treatment. An effect before treatment is the change
    since the previous period, unless the base is universal.
    """
    effects = []
    for cohort, first in enumerate(cohorts.first):
        for time, step in enumerate(cohorts.steps):
            varying = step < first and spec.base_period != "universal"
            base = time - 1 if varying else int(last[cohort])
            if base != time and (base >= 0 or step >= first):
                effects.append((cohort, time, base))
    return np.array(effects, dtype=np.intp).reshape(-1, 3).T


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


def _estimate_with_controls(
    spec: Any, cohorts: Cohorts, effects: Ints, compared: Comparisons, x: Floats
) -> tuple[Floats, Floats]:
    """Estimate effects (m,) given controls, and the influence (n, m) of entities."""
    influence = np.zeros((compared.used.shape[1], compared.used.shape[0]))
    estimates = np.zeros(len(compared.used))
    for column, (cohort, time, base) in enumerate(effects.T.tolist()):
        used = compared.used[column]
        effect = difference(
            compared.change[column, used],
            compared.treated[column, used],
            x[used, min(time, base)],
            compared.weights[column, used],
            spec.adjustment or "doubly_robust",
        )
        if effect.problem:
            raise _no_estimate_error(
                effect.problem, spec.x, *_effect_label(cohorts, cohort, time)
            )
        estimates[column] = effect.estimate
        influence[used, column] = effect.influence
    return estimates, influence


def _collect_effects(
    effects: Ints,
    estimates: Floats,
    influence: Floats,
    compared: Comparisons,
    cohorts: Cohorts,
    codes: Ints,
) -> GroupTime:
    """Collect the effects and their covariance; `codes` are the entities' clusters."""
    cohort, time, _ = effects
    event = cohorts.steps[time] - cohorts.first[cohort]
    if not (event >= 0).any():
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
    clusters = int(codes.max()) + 1
    treated_part = treated_products(
        scores, np.hstack([member[:, cohort], treated]), codes, clusters
    )
    sums = cluster_sums(scores, codes, clusters)
    joint = np.asarray(sums.T @ sums)
    return GroupTime(
        cohort=cohort,
        time=time,
        event=event,
        estimates=estimates,
        n_treated=(compared.used & compared.treated).sum(axis=1),
        mass=cohorts.share[cohort],
        share=cohorts.share,
        joint=joint,
        treated_part=treated_part,
        influence=joint,
    )


def _with_jackknife(
    spec: Any,
    cohorts: Cohorts,
    effects: Ints,
    compared: Comparisons,
    x: Floats,
    cells: GroupTime,
    codes: Ints,
    inference: Inference,
) -> tuple[GroupTime, Inference]:
    """Compute the covariance of effects and shares of cohorts by the jackknife.

    With many clusters, or if an effect has no estimate without one of them, the
    covariance stays that from influence functions.
    """
    count = int(codes.max()) + 1
    if count > MOST_JACKKNIFED:
        return cells, inference
    used, earlier = compared.used, effects[1:].min(axis=0)
    controls = np.where(used[:, :, None], x[:, earlier].transpose(1, 0, 2), np.nan)
    spread = np.nanstd(controls, axis=1, keepdims=True)
    centred = controls - np.nanmean(controls, axis=1, keepdims=True)
    scaled = np.nan_to_num(centred / np.where(spread > 0, spread, 1.0))
    design = np.concatenate([np.ones((*used.shape, 1)), scaled], axis=2)
    adjustment = spec.adjustment or "doubly_robust"
    effects_without = without_each_cluster(compared, design, codes, adjustment)
    if np.isnan(effects_without).any():
        return cells, inference
    sizes = (codes != np.arange(count)[:, None]) * cohorts.entity_weights
    shares = sizes @ cohorts.member / sizes.sum(axis=1, keepdims=True)
    without = np.hstack([effects_without, shares])
    deviations = np.sqrt((count - 1) / count) * (without.mean(axis=0) - without)
    units = _jackknife_unit_scores(deviations[:, : len(used)], cohorts, codes, used)
    cells = replace(cells, units=units)
    if spec.cov_type == "influence":
        return cells, inference
    joint = np.asarray(deviations.T @ deviations)
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


def _row_weights(
    effects: Ints, shares: Floats, sample: Sample, shape: tuple[int, ...]
) -> Floats:
    """Return weights (N, m) of rows in differences; `shape`: entities, periods."""
    nobs, row = sample.entity.size, np.full(shape, -1)
    row[sample.entity, sample.time] = np.arange(nobs)
    # Entities without the row have no share; their zeros go to one row more.
    weights = np.zeros((nobs + 1, len(shares)))
    _, time, base = effects
    weights[row[:, time], np.arange(len(shares))] = shares.T
    weights[row[:, base], np.arange(len(shares))] = -shares.T
    return weights[:-1]


def _arrange_by_entity(
    sample: Sample, cohorts: Cohorts
) -> tuple[Floats, Floats, Floats]:
    """Return outcome (n, T), controls (n, T, k), weights (n, T); NaN without a row."""
    y, x = sample.matrix[:, sample.roles["y"][0]], sample.columns("x")
    columns = np.column_stack([y, cohorts.weights, x])
    shape = cohorts.of_entity.size, cohorts.steps.size, columns.shape[1]
    values = np.full(shape, np.nan)
    values[sample.entity, sample.time] = columns
    return values[:, :, 0], values[:, :, 2:], values[:, :, 1]


def _effect_label(cohorts: Cohorts, cohort: int, time: int) -> tuple[Any, Any]:
    """Return the labels of cohort and period of an effect."""
    return cohorts.coding.cohorts[cohort][0], cohorts.coding.times[time]


def _refuse_without_control(spec: Any, cohorts: Cohorts) -> None:
    coding = cohorts.coding
    if coding.n_never:
        return
    if spec.compared_with == "never":
        text = (
            f"no {coding.entity} is never treated, and control='never' compares with "
            "those. Use control='not_yet', which compares with those treated later."
        )
    elif len(coding.cohorts) == 1:
        text = (
            f"all {coding.entity} are first treated in the same period "
            f"({coding.cohorts[0][0]}), so there is no control group. Add "
            f"{coding.entity} that are never treated."
        )
    else:
        return
    raise not_identified(
        "no_comparison", text, event=coding.event, cohorts=dict(coding.cohorts)
    )


def _no_estimate_error(
    problem: str, x: Sequence[str], cohort: Any, time: Any
) -> Exception:
    """Return the error that an effect has no estimate because of the controls."""
    text = f"for the effect of {cohort} in {time}, "
    if problem == "collinear_controls":
        text += (
            f"the controls {quoted(x)} are constant or collinear among the control "
            "entities, or there are more controls than control entities. Drop some "
            "controls. A variable that is the same for all entities of a period cannot "
            "be a control."
        )
    else:
        text += (
            f"{quoted(x)} predict perfectly, or nearly so, who is treated, so that no "
            "controls are comparable. Use fewer controls, or adjustment='regression', "
            "which extrapolates."
        )
    return not_identified(problem, text, cohort=cohort, time=time, x=tuple(x))


# --- two periods ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Difference:
    """An average effect on the treated, with the influence of each entity."""

    estimate: float
    influence: Floats  # (n,) the sum of squares is the variance
    problem: str = ""  # "collinear_controls" or "no_overlap" if there is no estimate


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


def difference(
    change: Floats, treated: Bools, x: Floats, weights: Floats, adjustment: str
) -> Difference:
    """Compare the changes of treated entities and of controls (Sant'Anna & Zhao 2020).

    Journal of Econometrics 219:101: equations 2.2, 2.4 with weights that sum to one,
    2.6 and theorem A.1. All means, the regression and the logit are weighted, as in the
    R package DRDID.

    `change` (n,) is the later outcome less the earlier one, `x` (n, k) has the
    controls, and `adjustment` is ``"doubly_robust"``, ``"ipw"`` or ``"regression"``.
    """
    weights = weights / weights.mean()
    spread = x.std(axis=0)
    scaled = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    design = np.column_stack([np.ones(len(x)), scaled])
    missing = np.full(treated.size, np.nan)
    rank = np.linalg.matrix_rank(design[~treated], tol=COLLINEAR * treated.size)
    if rank < design.shape[1]:
        return Difference(np.nan, missing, "collinear_controls")
    odds = logit_influence = None
    if adjustment != "regression":
        odds, logit_influence = _estimate_odds(design, treated, weights)
        if odds is None:
            return Difference(np.nan, missing, "no_overlap")

    residual, slope_influence = change, np.zeros_like(design)
    if adjustment != "ipw":
        # A regression of the controls, and the influence (n, 1 + k) on its slopes.
        root, controls = np.sqrt(weights[~treated]), design[~treated]
        basis, triangle = np.linalg.qr(root[:, None] * controls)
        slopes = np.linalg.solve(triangle, basis.T @ (root * change[~treated]))
        residual = change - design @ slopes
        weighted = (root * residual[~treated])[:, None]
        slope_influence[~treated] = (basis * weighted) @ np.linalg.inv(triangle).T
    shares = weights * treated / (weights @ treated)
    mean = float(shares @ residual)
    influence = shares * (residual - mean) - slope_influence @ (shares @ design)
    if odds is None or logit_influence is None:
        return Difference(mean, influence)

    shares = weights * odds / (weights @ odds)
    control_mean = float(shares @ residual)
    gap = shares * (residual - control_mean)
    correction = slope_influence @ (shares @ design) - logit_influence @ (gap @ design)
    return Difference(mean - control_mean, influence - gap + correction)


def _estimate_odds(
    design: Floats, treated: Bools, weights: Floats
) -> tuple[Floats, Floats] | tuple[None, None]:
    """Estimate odds of treatment by a logit, with the influence (n, 1 + k)."""
    slopes = np.zeros(design.shape[1])
    for _ in range(ITERATIONS):
        probability = 1 / (1 + np.exp(-design @ slopes))
        scores = design * (weights * (treated - probability))[:, None]
        variances = weights * probability * (1 - probability)
        hessian = (design * variances[:, None]).T @ design
        step = np.linalg.lstsq(hessian, scores.sum(axis=0))[0]
        if np.abs(step).max() < LAST_STEP_TWO_PERIODS:
            break
        slopes = slopes + step
        if np.abs(design @ slopes).max() > SEPARATED:
            return None, None
    else:
        return None, None
    used = ~treated & (probability < TRIM)
    if not used.any():
        return None, None
    odds = np.where(used, probability / (1 - probability), 0.0)
    return odds, np.asarray(scores @ np.linalg.pinv(hessian))
