"""Effects by cohort and time against entities not treated (Callaway & Sant'Anna 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import IdentificationError, Notice, OptionError, cited, option_problem, quoted
from digiprosper.policy.group_time import GroupTimeFit
from digiprosper.policy.kernels.aggregation import GroupTime, cluster_products, treated_products
from digiprosper.policy.kernels.two_periods import difference
from digiprosper.policy.notices import (
    cells_left_out,
    earlier_base,
    few_per_covariate,
    pairs_of_rows,
    weights_vary,
)
from digiprosper.report.inference import Inference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.linear.preparation import Prepared
    from digiprosper.policy.cohorts import Cohorts
    from digiprosper.policy.kernels.two_periods import Difference


@dataclass(frozen=True, slots=True)
class _Pair:
    """Positions of a cohort, of the period of an effect, and of the period it is compared with."""

    cohort: int
    time: int
    base: int


@dataclass(frozen=True, slots=True, eq=False)
class _Effect:
    """An effect, the influence (n,) of every entity on it, and the numbers of entities compared."""

    pair: _Pair
    estimate: float
    influence: Floats
    n_treated: int
    n_controls: int


def estimate_callaway_santanna(spec: Any, prepared: Prepared, cohorts: Cohorts) -> GroupTimeFit:
    """Estimate ATT(g, t) as differences in differences.

    The covariance is the sum of squared influence functions by cluster.
    """
    sample = prepared.sample
    _refuse_without_control(spec, cohorts)
    codes = _clusters_of_entities(prepared)
    y, x, weights = _by_entity(prepared)

    pairs, left_out = _pairs(spec, cohorts)
    effect_of_pair = {pair: _effect(spec, cohorts, pair, (y, x, weights)) for pair in pairs}
    effects = [effect for effect in effect_of_pair.values() if effect is not None]
    left_out += [(pair.cohort, pair.time) for pair, effect in effect_of_pair.items() if effect is None]
    cells = _cells(effects, cohorts, codes)
    _refuse_without_effects(cells)

    notices = (
        *([] if sample.is_balanced else [pairs_of_rows(sample)]),
        *(
            []
            if prepared.obs_weights is None
            else weights_vary(sample, spec.obs_weights, prepared.obs_weights)
        ),
        *_gaps(spec, cohorts),
        *cells_left_out([_named(cell, cohorts) for cell in sorted(left_out)]),
        *few_per_covariate(_ratio(spec, x, effects)),
    )
    inference = Inference(
        cov_type="clustered", clusters=prepared.cluster_names, n_clusters=(int(codes.max()) + 1,)
    )
    return GroupTimeFit(cells, _reference(spec, cohorts), inference, notices)


def _effect(spec: Any, cohorts: Cohorts, pair: _Pair, data: tuple[Floats, Floats, Floats]) -> _Effect | None:
    """Estimate an effect from the entities with rows in both periods; None without treated or controls."""
    y, x, weights = data
    change = y[:, pair.time] - y[:, pair.base]
    treated = cohorts.of_entity == pair.cohort
    used = (treated | _controls(spec, cohorts, pair)) & ~np.isnan(change)
    inside = treated[used]
    if not inside.any() or inside.all():
        return None
    # Weights, as controls, are those of the earlier period: R's did and csdid, without fix_weights.
    earlier = min(pair.time, pair.base)
    adjustment = spec.adjustment or "doubly_robust"
    effect = difference(change[used], inside, x[used, earlier], weights[used, earlier], adjustment)
    _refuse_problem(spec, effect, pair, cohorts)
    influence = np.zeros(change.size)
    influence[used] = effect.influence
    return _Effect(pair, effect.estimate, influence, int(inside.sum()), int((~inside).sum()))


def _cells(effects: Sequence[_Effect], cohorts: Cohorts, codes: Ints) -> GroupTime:
    """Collect the effects, and the covariance of effects and cohort shares. `codes` is by entity."""
    cohort = np.array([effect.pair.cohort for effect in effects], dtype=np.intp)
    time = np.array([effect.pair.time for effect in effects], dtype=np.intp)
    member = cohorts.of_entity[:, None] == np.arange(cohorts.first.size)
    # The sum of the weights needs no derivative: averages depend on the ratios of the shares alone.
    relative = (cohorts.weight / cohorts.weight.mean())[:, None]
    shares = (relative * member - cohorts.share) / member.shape[0]
    scores = np.column_stack([*(effect.influence for effect in effects), shares])
    treated = np.repeat(member.any(axis=1)[:, None], cohorts.first.size, axis=1)
    clusters = int(codes.max()) + 1
    return GroupTime(
        cohort=cohort,
        time=time,
        event=cohorts.steps[time] - cohorts.first[cohort],
        estimates=np.array([effect.estimate for effect in effects]),
        n_treated=np.array([effect.n_treated for effect in effects], dtype=np.intp),
        mass=cohorts.share[cohort],
        share=cohorts.share,
        joint=cluster_products(scores, codes, clusters),
        treated_part=treated_products(scores, np.hstack([member[:, cohort], treated]), codes, clusters),
    )


def _by_entity(prepared: Prepared) -> tuple[Floats, Floats, Floats]:
    """Arrange outcome (n, T), controls (n, T, k) and weights (n, T); missing where there is no row."""
    sample = prepared.sample
    x = sample.columns("x")
    shape = sample.n_entities, sample.n_times
    y = np.full(shape, np.nan)
    values = np.full((*shape, x.shape[1]), np.nan)
    y[sample.entity, sample.time] = sample.columns("y")[:, 0]
    values[sample.entity, sample.time] = x
    weights = np.full(shape, np.nan)
    weights[sample.entity, sample.time] = 1.0 if prepared.obs_weights is None else prepared.obs_weights
    return y, values, weights


# --- which effects, and who is compared ---------------------------------------------------------------------


def _pairs(spec: Any, cohorts: Cohorts) -> tuple[list[_Pair], list[tuple[int, int]]]:
    """List the effects to estimate, and the (cohort, period) of those without a period to compare with."""
    pairs, left_out = [], []
    for cohort in range(cohorts.first.size):
        last = _last_before(spec, cohorts, cohort)
        for time in range(cohorts.steps.size):
            base = time - 1 if _is_varying(spec, cohorts, cohort, time) else last
            if base >= 0 and base != time:
                pairs.append(_Pair(cohort, time, base))
            elif base < 0 and cohorts.steps[time] >= cohorts.first[cohort]:
                left_out.append((cohort, time))
    return pairs, left_out


def _last_before(spec: Any, cohorts: Cohorts, cohort: int) -> int:
    """Find the last period before treatment and its anticipation; -1 if there is none."""
    return int((cohorts.steps < cohorts.first[cohort] - spec.anticipation).sum()) - 1


def _is_varying(spec: Any, cohorts: Cohorts, cohort: int, time: int) -> bool:
    """Whether the effect is the change since the previous period."""
    return spec.base_period != "universal" and bool(cohorts.steps[time] < cohorts.first[cohort])


def _controls(spec: Any, cohorts: Cohorts, pair: _Pair) -> Bools:
    """Find the entities that are not treated, or not yet, in both periods."""
    never = cohorts.of_entity < 0
    if spec.compared_with == "never":
        return never
    later = cohorts.steps[max(pair.time, pair.base)] + spec.anticipation
    first = np.where(never, later + 1, cohorts.first[cohorts.of_entity])
    return np.asarray((first > later) & (cohorts.of_entity != pair.cohort))


def _reference(spec: Any, cohorts: Cohorts) -> int | None:
    """Return the event time that effects before treatment are relative to; None if it differs by cohort."""
    if spec.base_period != "universal":
        return None
    last = [_last_before(spec, cohorts, cohort) for cohort in range(cohorts.first.size)]
    events = {
        int(cohorts.steps[period] - first)
        for period, first in zip(last, cohorts.first, strict=True)
        if period >= 0
    }
    return events.pop() if len(events) == 1 else None


def _gaps(spec: Any, cohorts: Cohorts) -> tuple[Notice, ...]:
    """Report cohorts whose base period is further back, and changes over several periods before treatment."""
    last = np.array([_last_before(spec, cohorts, cohort) for cohort in range(cohorts.first.size)])
    long = np.flatnonzero(np.diff(cohorts.steps) > 1) + 1
    before = cohorts.steps[long] < cohorts.first[last >= 0].max(initial=0)
    changes = long[before] if spec.base_period != "universal" else ()
    return earlier_base(cohorts, last, spec.anticipation, changes)


def _named(cell: tuple[int, int], cohorts: Cohorts) -> tuple[Any, Any]:
    """Return the cohort and the period of an effect, by name."""
    return cohorts.coding.cohorts[cell[0]][0], cohorts.coding.times[cell[1]]


def _ratio(spec: Any, x: Floats, effects: Sequence[_Effect]) -> float | None:
    """Return entities per control in the smallest group compared; None without a propensity score."""
    if not x.shape[2] or spec.adjustment == "regression":
        return None
    return min(min(effect.n_treated, effect.n_controls) for effect in effects) / float(x.shape[2])


def _clusters_of_entities(prepared: Prepared) -> Ints:
    """Return the cluster of each entity; refuse clusters that divide entities."""
    (codes,) = prepared.cluster_codes
    entity = prepared.sample.entity
    cluster_of_entity = np.zeros(prepared.sample.n_entities, dtype=np.intp)
    cluster_of_entity[entity] = codes
    if (cluster_of_entity[entity] != codes).any():
        text = (
            f"clusters={cited(list(prepared.cluster_names))}: some {prepared.sample.keys.entity_name} have "
            "rows in several clusters. The effects compare periods of the same entity, so each cluster must "
            "contain whole entities."
        )
        raise OptionError(text, [option_problem("clusters", prepared.cluster_names, what=text)])
    return cluster_of_entity


# --- what is refused ----------------------------------------------------------------------------------------


def _refuse_without_control(spec: Any, cohorts: Cohorts) -> None:
    coding = cohorts.coding
    data = {"event": coding.event, "cohorts": dict(coding.cohorts)}
    if spec.compared_with == "never" and not coding.n_never:
        text = (
            f"no {coding.entity} is never treated, and control='never' compares with those. Use "
            "control='not_yet', which compares with those treated later."
        )
        raise IdentificationError(text, [Notice("no_comparison", text, data)])
    if not coding.n_never and len(coding.cohorts) == 1:
        text = (
            f"all {coding.entity} are first treated in the same period ({coding.cohorts[0][0]}), so "
            f"there is no control group. Add {coding.entity} that are never treated."
        )
        raise IdentificationError(text, [Notice("no_comparison", text, data)])


def _refuse_problem(spec: Any, effect: Difference, pair: _Pair, cohorts: Cohorts) -> None:
    if not effect.problem:
        return
    cohort, time = _named((pair.cohort, pair.time), cohorts)
    where = f"for the effect of {cohort} in {time}"
    code = "no_overlap" if effect.problem == "separated" else "collinear_controls"
    if effect.problem == "collinear":
        text = (
            f"{where}, the controls {quoted(spec.x)} are constant or collinear among the control entities, "
            "or there are more controls than control entities. Drop some controls. A variable that is the "
            "same for all entities of a period cannot be a control."
        )
    else:
        text = (
            f"{where}, {quoted(spec.x)} predict perfectly, or nearly so, who is treated, so that no controls "
            "are comparable. Use fewer controls, or adjustment='regression', which extrapolates."
        )
    data = {"cohort": cohort, "time": time, "x": tuple(spec.x)}
    raise IdentificationError(text, [Notice(code, text, data)])


def _refuse_without_effects(cells: GroupTime) -> None:
    if not (cells.event >= 0).any():
        text = (
            "no effect of a period since treatment can be computed: no treated entity has rows both in such "
            "a period and in the last period before treatment, together with a control that has both."
        )
        raise IdentificationError(text, [Notice("no_effects", text, {"n_effects": 0})])
