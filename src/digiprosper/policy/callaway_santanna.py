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
    """A cohort, the period of an effect and the one it is compared with, by their positions."""

    cohort: int
    time: int
    base: int


@dataclass(frozen=True, slots=True, eq=False)
class _Effect:
    """An effect, the influence of every entity on it, and the entities on both sides of the comparison."""

    pair: _Pair
    estimate: float
    influence: Floats
    n_treated: int
    n_controls: int


def estimate_callaway_santanna(spec: Any, prepared: Prepared, cohorts: Cohorts) -> GroupTimeFit:
    """Estimate ATT(g, t) as differences in differences.

    Parameters
    ----------
    spec : StaggeredDid
        With the options.
    prepared : Prepared
        The sample and its clusters.
    cohorts : Cohorts
        Who is first treated when.

    Returns
    -------
    GroupTimeFit
        The effects; their errors are the sums of squared influence functions by cluster.

    Raises
    ------
    IdentificationError
        Without a control or an effect since treatment, or if controls in `x` are collinear or predict
        treatment perfectly.
    OptionError
        If the clusters divide entities.
    """
    sample = prepared.sample
    _refuse_without_control(spec, cohorts)
    codes = _clusters_of_entities(prepared)
    y, x, weights = _by_entity(prepared)

    pairs, lost = _pairs(spec, cohorts)
    found = {pair: _effect(spec, cohorts, pair, (y, x, weights)) for pair in pairs}
    effects = [one for one in found.values() if one is not None]
    lost += [(pair.cohort, pair.time) for pair, one in found.items() if one is None]
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
        *cells_left_out([_named(cell, cohorts) for cell in sorted(lost)]),
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
    found = difference(change[used], inside, x[used, earlier], weights[used, earlier], adjustment)
    _refuse_problem(spec, found, pair, cohorts)
    influence = np.zeros(change.size)
    influence[used] = found.influence
    return _Effect(pair, found.estimate, influence, int(inside.sum()), int((~inside).sum()))


def _cells(effects: Sequence[_Effect], cohorts: Cohorts, codes: Ints) -> GroupTime:
    """Join the effects, and the influence of entities on the shares of the cohorts."""
    cohort = np.array([one.pair.cohort for one in effects], dtype=np.intp)
    time = np.array([one.pair.time for one in effects], dtype=np.intp)
    member = cohorts.of_entity[:, None] == np.arange(cohorts.first.size)
    # The sum of the weights needs no derivative: averages depend on the ratios of the shares alone.
    relative = (cohorts.weight / cohorts.weight.mean())[:, None]
    shares = (relative * member - cohorts.share) / member.shape[0]
    scores = np.column_stack([*(one.influence for one in effects), shares])
    treated = np.repeat(member.any(axis=1)[:, None], cohorts.first.size, axis=1)
    clusters = int(codes.max()) + 1
    return GroupTime(
        cohort=cohort,
        time=time,
        event=cohorts.steps[time] - cohorts.first[cohort],
        estimates=np.array([one.estimate for one in effects]),
        n_treated=np.array([one.n_treated for one in effects], dtype=np.intp),
        mass=cohorts.share[cohort],
        share=cohorts.share,
        joint=cluster_products(scores, codes, clusters),
        treated_part=treated_products(scores, np.hstack([member[:, cohort], treated]), codes, clusters),
    )


def _by_entity(prepared: Prepared) -> tuple[Floats, Floats, Floats]:
    """Lay out outcome, controls and weights by entity and period; missing where there is no row."""
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
    """List the effects, and those of cohorts without a period to compare with."""
    pairs, lost = [], []
    for cohort in range(cohorts.first.size):
        last = _last_before(spec, cohorts, cohort)
        for time in range(cohorts.steps.size):
            base = time - 1 if _is_varying(spec, cohorts, cohort, time) else last
            if base >= 0 and base != time:
                pairs.append(_Pair(cohort, time, base))
            elif base < 0 and cohorts.steps[time] >= cohorts.first[cohort]:
                lost.append((cohort, time))
    return pairs, lost


def _last_before(spec: Any, cohorts: Cohorts, cohort: int) -> int:
    """Find the last period before treatment and its anticipation; -1 if there is none."""
    return int((cohorts.steps < cohorts.first[cohort] - spec.anticipation).sum()) - 1


def _is_varying(spec: Any, cohorts: Cohorts, cohort: int, time: int) -> bool:
    """Find out whether a period is compared with the one before it."""
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
    """Give the event time that effects before treatment are differences from, if it is one for all."""
    if spec.base_period != "universal":
        return None
    last = [_last_before(spec, cohorts, cohort) for cohort in range(cohorts.first.size)]
    events = {
        int(cohorts.steps[place] - first)
        for place, first in zip(last, cohorts.first, strict=True)
        if place >= 0
    }
    return events.pop() if len(events) == 1 else None


def _gaps(spec: Any, cohorts: Cohorts) -> tuple[Notice, ...]:
    """Report cohorts compared with a period further back, and changes over several periods before it."""
    last = np.array([_last_before(spec, cohorts, cohort) for cohort in range(cohorts.first.size)])
    long = np.flatnonzero(np.diff(cohorts.steps) > 1) + 1
    before = cohorts.steps[long] < cohorts.first[last >= 0].max(initial=0)
    changes = long[before] if spec.base_period != "universal" else ()
    return earlier_base(cohorts, last, spec.anticipation, changes)


def _named(cell: tuple[int, int], cohorts: Cohorts) -> tuple[Any, Any]:
    """Name the cohort and the period of an effect."""
    return cohorts.coding.cohorts[cell[0]][0], cohorts.coding.times[cell[1]]


def _ratio(spec: Any, x: Floats, effects: Sequence[_Effect]) -> float | None:
    """Give the least number of entities, of the smaller side of a comparison, for each control."""
    if not x.shape[2] or spec.adjustment == "regression":
        return None
    return min(min(one.n_treated, one.n_controls) for one in effects) / float(x.shape[2])


def _clusters_of_entities(prepared: Prepared) -> Ints:
    """Give the cluster of each entity, or refuse clusters that divide entities."""
    (codes,) = prepared.cluster_codes
    entity = prepared.sample.entity
    own = np.zeros(prepared.sample.n_entities, dtype=np.intp)
    own[entity] = codes
    if (own[entity] != codes).any():
        text = (
            f"clusters={cited(list(prepared.cluster_names))}: some {prepared.sample.keys.entity_name} have "
            "rows in several clusters. The effects compare periods of the same entity, so each cluster must "
            "contain whole entities."
        )
        raise OptionError(text, [option_problem("clusters", prepared.cluster_names, what=text)])
    return own


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


def _refuse_problem(spec: Any, found: Difference, pair: _Pair, cohorts: Cohorts) -> None:
    if not found.problem:
        return
    cohort, time = _named((pair.cohort, pair.time), cohorts)
    where = f"for the effect of {cohort} in {time}"
    code = "no_overlap" if found.problem == "separated" else "collinear_controls"
    if found.problem == "collinear":
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
