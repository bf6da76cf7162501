"""Effects by cohort and time against imputed outcomes (Borusyak, Jaravel & Spiess 2024)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import IdentificationError, Notice, OptionError, counted, option_problem, quoted
from digiprosper.policy.group_time import GroupTimeFit
from digiprosper.policy.kernels.aggregation import GroupTime
from digiprosper.policy.kernels.imputation import Leads, impute, lead_effects, untreated_model
from digiprosper.policy.sun_abraham import treated_cells
from digiprosper.report.inference import Inference

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Sample
    from digiprosper.policy.cohorts import Cohorts
    from digiprosper.policy.kernels.imputation import UntreatedModel


def estimate_imputation(spec: Any, prepared: Prepared, cohorts: Cohorts) -> GroupTimeFit:
    """Impute the untreated outcomes of treated rows, and average the differences by cohort and time.

    Differences before treatment are estimated by event time.
    """
    sample, (clusters,) = prepared.sample, prepared.cluster_codes
    y = sample.columns("y")[:, 0]
    treated = cohorts.treated & (cohorts.event >= -spec.anticipation)
    weights = np.ones(sample.nobs) if prepared.obs_weights is None else prepared.obs_weights
    model = untreated_model(sample.entity, sample.time, sample.columns("x"), treated, weights)
    _refuse_not_imputable(model, treated, sample)

    pairs, code = treated_cells(cohorts, sample.time)
    used, group = np.unique(code[treated], return_inverse=True)
    groups = np.full(code.size, -1)
    groups[treated] = group
    imputed = impute(model, y, groups, clusters)
    events, leads, counts = _leads(spec, cohorts, sample, model, y, clusters)

    cohort, time = pairs[used].T
    rows = np.bincount(group)
    pooled = np.full(events.size, -1)
    m, n_cohorts = rows.size + events.size, cohorts.first.size
    scores = np.hstack([imputed.scores, leads.scores])
    joint = np.zeros((m + n_cohorts, m + n_cohorts))
    joint[:m, :m] = scores.T @ scores
    treated_part = np.zeros_like(joint)
    treated_part[rows.size : m, rows.size : m] = leads.treated_part
    cells = GroupTime(
        cohort=np.append(cohort, pooled),
        time=np.append(time, pooled),
        event=np.append(cohorts.steps[time] - cohorts.first[cohort], events),
        estimates=np.append(imputed.estimates, leads.estimates),
        n_treated=np.append(rows, counts),
        mass=np.append(np.bincount(group, weights[treated]), np.ones(events.size)),
        share=cohorts.share,
        joint=joint,
        treated_part=treated_part,
    )
    inference = Inference(
        cov_type="clustered", clusters=prepared.cluster_names, n_clusters=(int(clusters.max()) + 1,)
    )
    return GroupTimeFit(cells, None, inference, ())


def _leads(
    spec: Any, cohorts: Cohorts, sample: Sample, model: UntreatedModel, y: Floats, clusters: Ints
) -> tuple[Ints, Leads, Ints]:
    """Estimate differences before treatment at the latest event times, with numbers of treated entities."""
    before = cohorts.treated & model.untreated
    events = _lead_times(spec.leads, cohorts.event[before], sample.entity[before])
    dummies = (cohorts.event[:, None] == events) & before[:, None]
    latest_first = lead_effects(model, y, dummies.astype(np.float64)[:, ::-1], cohorts.treated, clusters)
    # Regressed from the latest to the earliest, so that of event times that add up to others the latest stay.
    identified = latest_first.identified[::-1]
    leads = Leads(
        identified=identified,
        estimates=latest_first.estimates[::-1],
        scores=latest_first.scores[:, ::-1],
        treated_part=latest_first.treated_part[::-1, ::-1],
    )
    identified_events = events[identified]
    counts = [np.unique(sample.entity[before & (cohorts.event == event)]).size for event in identified_events]
    return identified_events, leads, np.array(counts, dtype=np.intp)


def _lead_times(leads: int | None, event: Ints, entity: Ints) -> Ints:
    """Choose `leads` event times; by default those for which half of the entities have earlier rows."""
    events = np.unique(event)
    if leads is not None:
        _refuse_leads(leads, events.size - 1)
        return np.asarray(events[events.size - leads :])
    first = np.sort(event[np.unique(entity, return_index=True)[1]])
    return np.asarray(events[events > first[(first.size - 1) // 2]])


def _refuse_leads(leads: int, most: int) -> None:
    if leads > most:
        text = (
            f"leads={leads} must be at most {most}: the earliest event time before treatment is the "
            "reference of the others."
        )
        raise OptionError(text, [option_problem("leads", leads, what=text)])


def _refuse_not_imputable(model: UntreatedModel, treated: Bools, sample: Sample) -> None:
    """Refuse treated rows whose untreated outcome the untreated rows do not identify."""
    not_imputable = treated & ~model.imputable
    if not not_imputable.any():
        return
    always_treated = np.unique(sample.entity[not_imputable & (model.sums[sample.entity] == 0)])
    if always_treated.size:
        names = sample.entities[always_treated].tolist()
        text = (
            f"{quoted(names)}: {counted(always_treated.size, 'entity', 'entities')} without an untreated "
            "row in the sample, so the untreated outcome cannot be imputed. Drop them with panel.subset."
        )
        raise IdentificationError(text, [Notice("not_imputable", text, {"entities": names})])
    times = sample.times[np.unique(sample.time[not_imputable])].tolist()
    text = (
        f"the untreated outcome of {counted(int(not_imputable.sum()), 'row')} (in {quoted(times)}) is not "
        "identified from untreated rows, for example because all entities are treated in these periods. "
        "Drop these rows with panel.subset. If an entity is first treated after the remaining periods, set "
        "its first treated time to missing."
    )
    raise IdentificationError(text, [Notice("not_imputable", text, {"times": times})])
