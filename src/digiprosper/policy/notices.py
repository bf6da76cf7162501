"""Notices about event studies, staggered adoption and matching.

==================== ===================================================================
code                 data
==================== ===================================================================
treatment_ends       event, column (the dummy), entities (in which it ends)
several_cohorts      cohorts (first treated time to the number of entities)
none_never_treated   binned (ends of the window that are binned)
no_rows_before       count, entities (the first five)
few_treated_clusters clusters (name), n_treated (clusters with a treated entity),
                     n_clusters
few_treated_trends   cov_type
small_cohorts        cohorts (first treated time to the number of entities, of those
                     with few)
pairs_of_rows        nobs, n_entities, n_times
cells_left_out       cells (pairs of cohort and period)
earlier_base         cohorts (first treated time to the period that its effects are
                     differences from), changes
                     (period to the previous one, where the change between them is over
                     several periods)
weights_vary         weights (column), count (entities), n_entities
unlike_bases         bases (model to the base of its effects before treatment: a code of
                     `StaggeredDidResults.before`)
reference_unobserved reference (event time), cohorts (first treated time to the number
                     of entities)
few_untreated        n_untreated, alone (groups of one: first treated times, and
                     "never"), cov_type
other_errors         cov_type (asked for), reason (``"divided"``, ``"large"`` or
                     ``"jackknife"``)
few_per_covariate    ratio (entities a covariate, in the smallest comparison)
no_base_values       count, treated (how many of them), entities (the first five),
                     by_term
several_base_periods periods (first period to the number of entities)
unmatched_treated    count, n_treated, entities, reasons (of each: support, caliper,
                     used)
tied_scores          count (treated entities), ties (all, or the first)
few_matched          count (treated entities with a match)
scores_given         reason (replace, unmatched, or variance)
still_unbalanced     terms (term to standardised difference after matching)
==================== ===================================================================
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.errors import Notice, clipped, counted, listed, notice_of, time_text
from digiprosper.kernels import Floats, Ints
from digiprosper.linear.preparation import Prepared
from digiprosper.panel import Sample
from digiprosper.panel.keys import Keys
from digiprosper.panel.treatment import entities_text, group_treatment_notices
from digiprosper.policy.kernels.unit_signs import UnitScores
from digiprosper.policy.timing import CohortCoding, Cohorts, EventWindow, Timing

ALIKE = 0.1
"""Standardised difference up to which groups count as alike (Austin 2009, Statistics in
Medicine 28:3083)."""

# Why a treated entity has no match, by code.
_UNMATCHED = {
    "support": "outside the range of the scores of controls",
    "caliper": "without a control within the caliper",
    "used": "whose controls were all taken",
}

# With two treated of 40 clusters a 95% interval covers the truth in 69% of panels, with
# five in 89%, with ten in 94%: docs/explanations/event_study.md.
_LEAST_TREATED = 10
_LEAST_SHARE = 0.1
# With cohorts of five csdid's pre-trend test at 5% rejects in 35 to 41% of panels, with
# ten in 10 to 15%, with 25 in 4 to 9%: docs/explanations/staggered_adoption.md.
_SMALL_COHORT = 10
# With three never treated of 31 entities the intervals of csdid cover the truth in 85%
# of panels, with two in 75%, with one in 35%: docs/explanations/staggered_adoption.md.
FEW_UNTREATED = 5
# Peduzzi et al. (1996), Journal of Clinical Epidemiology 49:1373.
_PER_COVARIATE = 10
# With about ten treated of 31 entities a 95% interval of the matched effect covers the
# truth in 87% of samples, with about 33 of 100 in 94%: docs/explanations/matching.md.
_FEW_MATCHED = 20


def cohort_notices(window: EventWindow) -> Iterator[Notice]:
    """Report several cohorts, or no never treated entities, and what follows."""
    if len(window.cohorts) != 1:
        few = ""
        if 0 < window.n_never <= FEW_UNTREATED:
            few = (
                f" Comparisons with untreated entities depend on {window.n_never} that "
                "are never treated; the others are with entities treated later, or "
                "inside the binned ends."
            )
        cohorts = dict(window.cohorts)
        yield notice_of(
            "several_cohorts", cohorts=cohorts, _count=len(cohorts), _few=few
        )
    if not window.n_never:
        ends = ", ".join(map(window.text, window.binned)) or "none"
        yield notice_of("none_never_treated", binned=window.binned, _ends=ends)


def no_rows_before(cohorts: Cohorts) -> Iterator[Notice]:
    """Report treated entities without a row before treatment."""
    sample = cohorts.sample
    early = np.unique(sample.entity[cohorts.treated & (cohorts.event < 0)])
    late = np.setdiff1d(sample.entity[cohorts.treated], early)
    yield from entities_without_rows_before(
        sample.keys.entity_name, sample.entities[late].tolist()
    )


def entities_without_rows_before(entity: str, names: list[Any]) -> Iterator[Notice]:
    """Report treated entities without a row before treatment, by name."""
    if names:
        yield notice_of(
            "no_rows_before",
            count=len(names),
            entities=names[:5],
            _entity=entity,
            _names=names,
        )


def reference_unobserved(
    window: EventWindow, observed: Collection[int]
) -> Iterator[Notice]:
    """Report cohorts without a row at the reference event time: all but `observed`."""
    sizes = dict(pair for i, pair in enumerate(window.cohorts) if i not in observed)
    if sizes:
        yield notice_of(
            "reference_unobserved",
            reference=window.reference,
            cohorts=sizes,
            _times=map(time_text, sizes),
        )


def few_treated_clusters(
    counts: Mapping[str, tuple[int, int]], *, small: bool = False
) -> tuple[Notice, ...]:
    """Report that few clusters (fewer than 10, or less than 10%) have a treated entity.

    `counts` are of treated and of all clusters by name; of clusters in several ways the
    notice is about the fewest treated ones. `small`: the errors allow for it.
    """
    few = [
        name
        for name, (treated, clusters) in counts.items()
        if treated < max(_LEAST_TREATED, _LEAST_SHARE * clusters)
    ]
    if not few:
        return ()
    name = min(few, key=counts.__getitem__)
    n_treated, n_clusters = counts[name]
    return (
        notice_of(
            "few_treated_clusters.allowed_for" if small else "few_treated_clusters",
            clusters=name,
            n_treated=n_treated,
            n_clusters=n_clusters,
        ),
    )


def treatment_notices(
    prepared: Prepared, cohorts: Cohorts, *, small: bool = False
) -> Iterator[Notice]:
    """Report treatments that end, groups treated together, and few treated clusters.

    `small`: the errors allow for few.
    """
    event, sample, table = cohorts.coding.event, cohorts.sample, cohorts.timing.table
    entity, names = sample.keys.entity_name, prepared.cluster_names
    yield from _treatment_ends(cohorts.timing, event)
    if names == (entity,):
        of_entity = cohorts.of_entity
        yield from group_treatment_notices(table, sample.entities, of_entity, event)
    codes = dict(zip(names, prepared.cluster_codes, strict=True))
    # Without clusters the number of treated entities counts.
    counts = {
        name: (np.unique(c[cohorts.treated]).size, int(c.max()) + 1)
        for name, c in (codes or {entity: sample.entity}).items()
    }
    yield from few_treated_clusters(counts, small=small)


def _treatment_ends(timing: Timing, event: str) -> Iterator[Notice]:
    """Report a dummy that begins at the first treated times and ends again."""
    table, keys = timing.table, timing.table.keys
    if not table.dummies:
        return
    since, treated = timing.event_times(keys)
    before = ~treated | (since < 0)
    for name in table.dummies:
        on = table.data[name].to_numpy(dtype=np.bool_)
        begins = on[treated & (since == 0)].all() and not on[before].any()
        if name == event or not begins:
            continue
        ends = on[:-1] & ~on[1:] & (np.diff(keys.entity) == 0)
        # One that may be 1 for as long in all may be of the periods after an event.
        if ends.any() and since[on].max() >= since[1:][ends].min():
            entities = keys.entities[np.unique(keys.entity[:-1][ends])].tolist()
            yield notice_of(
                "treatment_ends",
                event=event,
                column=name,
                entities=entities,
                _in_entities=entities_text(keys, entities),
            )


# --- staggered adoption ---------------------------------------------------------------


def small_cohorts(coding: CohortCoding, *, allowed_for: bool) -> Iterator[Notice]:
    """Report cohorts of fewer than ten entities; `allowed_for` by the errors or not."""
    small = {time: count for time, count in coding.cohorts if count < _SMALL_COHORT}
    if small:
        yield notice_of(
            "small_cohorts.allowed_for" if allowed_for else "small_cohorts",
            cohorts=small,
            _least=_SMALL_COHORT,
            _counts=", ".join(f"{time}: {count}" for time, count in small.items()),
        )


def few_untreated(
    coding: CohortCoding, units: UnitScores | None, cov_type: str
) -> Iterator[Notice]:
    """Report that effects depend on few never treated entities, or on a single one."""
    groups = [] if units is None else np.flatnonzero(units.alone).tolist()
    few = 0 < coding.n_never <= FEW_UNTREATED
    if not few and not groups:
        return
    names = [*(time for time, _ in coding.cohorts), "never"]
    alone = tuple(names[i] for i in groups)
    depend = "is never treated, and effects depend on it"
    if coding.n_never > 1:
        depend = "are never treated, and effects depend on them"
    who = [f"{counted(coding.n_never, 'entity')} {depend}"] if few else []
    who += [
        f"the cohort of {time_text(name)} is a single {coding.entity}"
        for name in alone
        if name != "never"
    ]
    assumed = ""
    if alone and cov_type == "cr2":
        assumed = (
            f" The standard errors assume that errors of a single {coding.entity} are "
            "as variable as those of the others."
        )
    yield notice_of(
        f"few_untreated.{_errors_of_few(cov_type, alone, few=few)}",
        n_untreated=coding.n_never,
        alone=alone,
        cov_type=cov_type,
        _who="; ".join(who),
        _assumed=assumed,
    )


def _errors_of_few(cov_type: str, alone: Collection[object], *, few: bool) -> str:
    if cov_type == "clustered":
        return "clustered"
    if cov_type == "cr2" and "never" in alone:
        return "one_never"
    if cov_type == "cr2" and few:
        return "few_never"
    return "any"


def pairs_of_rows(sample: Sample) -> Iterator[Notice]:
    """Report that each effect uses the entities with rows in both of its periods."""
    if not sample.is_balanced:
        yield notice_of(
            "pairs_of_rows",
            nobs=sample.nobs,
            n_entities=sample.n_entities,
            n_times=sample.n_times,
            _entity=sample.keys.entity_name,
        )


def cells_left_out(cohorts: Cohorts, left_out: Ints) -> Iterator[Notice]:
    """Report effects, by position of cohort and period (2, m), without an estimate."""
    if left_out.size:
        coding = cohorts.coding
        cells = tuple(
            (coding.cohorts[cohort][0], coding.times[time])
            for cohort, time in sorted(left_out.T.tolist())
        )
        shown = listed([f"{cohort} in {time}" for cohort, time in cells])
        yield notice_of("cells_left_out", cells=cells, _count=len(cells), _shown=shown)


def earlier_base(
    cohorts: Cohorts, last: Ints, anticipation: int, changes: Sequence[int] | Ints
) -> Iterator[Notice]:
    """Report cohorts without a row in the base period of their effects.

    R's did and csdid compare such a cohort with its last earlier period, without a
    message. That assumes parallel trends over a longer time, and changes over several
    periods have the event time of one.

    `last` (G,): position of each cohort's base period, or -1. `changes`: positions of
    periods before treatment that are several steps after the previous one.
    """
    times = cohorts.coding.times
    distance = np.where(last >= 0, cohorts.first - cohorts.steps[last], 0)
    bases, examples = {}, []
    for i in np.flatnonzero(distance > anticipation + 1):
        cohort, base = cohorts.coding.cohorts[i][0], times[last[i]]
        bases[cohort] = base
        examples.append(
            f"{time_text(cohort)} with {time_text(base)} ({distance[i]} periods before)"
        )
    long = {times[i]: times[i - 1] for i in changes}
    if not bases and not long:
        return
    compared = averaged = ""
    if bases:
        usual = "in the period before treatment"
        if anticipation:
            usual = f"{anticipation + 1} periods before treatment"
        compared = (
            f" Cohorts without rows {usual} are compared with an earlier one: "
            f"{listed(examples)}. Their effects assume parallel trends over this "
            "longer time."
        )
    if long:
        spans = listed(f"{time_text(long[t])} to {time_text(t)}" for t in long)
        averaged = (
            f" Before treatment, changes over several periods ({spans}) have the event "
            "time of their last period and are averaged with changes over one period."
        )
    yield notice_of(
        "earlier_base",
        cohorts=bases,
        changes=long,
        _compared=compared,
        _averaged=averaged,
    )


def weights_vary(sample: Sample, column: str, weights: Floats) -> Iterator[Notice]:
    """Report weights (N,) that change within entities, and which are used."""
    count = np.unique(sample.entity[sample.keys.vary(weights)]).size
    if count:
        yield notice_of(
            "weights_vary",
            weights=column,
            count=count,
            n_entities=sample.n_entities,
            _entity=sample.keys.entity_name,
        )


def few_per_covariate(ratio: float) -> Iterator[Notice]:
    """Report that probabilities of treatment are based on few entities per control."""
    if ratio < _PER_COVARIATE:
        yield notice_of("few_per_covariate", ratio=ratio, _least=_PER_COVARIATE)


def few_treated_trends(
    diagnostics: Sequence[Notice], cov_type: str
) -> Iterator[Notice]:
    """Report that intervals with differing trends rest on clustered errors of few."""
    few = any(notice.code == "few_treated_clusters" for notice in diagnostics)
    if few and cov_type == "clustered":
        yield notice_of("few_treated_trends", cov_type=cov_type)


# --- matched samples ------------------------------------------------------------------


def base_value_notices(keys: Keys, base_data: Any) -> Iterator[Notice]:
    """Report entities without base values, and base values of different periods."""
    names = keys.entities[~base_data.complete].tolist()
    if names:
        by_term = dict(base_data.missing)
        yield notice_of(
            "no_base_values",
            count=len(names),
            treated=int(base_data.treated[~base_data.complete].sum()),
            entities=names[:5],
            by_term=by_term,
            _entity=keys.entity_name,
            _names=names,
            _base=base_data.base,
            _terms=", ".join(f"{clipped(term)} ({n})" for term, n in by_term.items()),
        )
    periods = dict(base_data.periods)
    if len(periods) > 1:
        first, most = max(periods.items(), key=lambda item: item[1])
        yield notice_of(
            "several_base_periods",
            periods=periods,
            _time=keys.time_name,
            _entity=keys.entity_name,
            _first=first,
            _most=most,
            _total=sum(periods.values()),
        )


def unmatched_treated(
    unmatched: pd.DataFrame, n_treated: int, entity: str
) -> Iterator[Notice]:
    """Report the treated entities that have no match, with the reasons."""
    names, reasons = unmatched["treated"].tolist(), unmatched["reason"].tolist()
    if names:
        yield notice_of(
            "unmatched_treated",
            count=len(names),
            n_treated=n_treated,
            entities=names,
            reasons=reasons,
            _entity=entity,
            _reasons=reasons_text(reasons),
        )


def reasons_text(reasons: Sequence[str]) -> str:
    """Count the treated entities without a match by reason, in words."""
    return ", ".join(
        f"{reasons.count(code):,} {words}"
        for code, words in _UNMATCHED.items()
        if code in reasons
    )


def tied_scores(count: int, ties: str, entity: str) -> Iterator[Notice]:
    """Report treated entities with several controls at the same distance."""
    if count:
        yield notice_of(
            f"tied_scores.{ties}",
            count=count,
            ties=ties,
            _entity=entity,
        )


def still_unbalanced(balance: pd.DataFrame) -> Iterator[Notice]:
    """Report base values that differ between the groups after matching."""
    after = balance.set_index("term")["std_diff_after"]
    unbalanced = {str(term): float(v) for term, v in after.items() if abs(v) > ALIKE}
    if unbalanced:
        shown = ", ".join(
            f"{clipped(term)} ({v:.2f})" for term, v in unbalanced.items()
        )
        yield notice_of(
            "still_unbalanced", terms=unbalanced, _alike=ALIKE, _shown=shown
        )


def few_matched(count: int, entity: str) -> Iterator[Notice]:
    """Report an Abadie-Imbens error based on fewer than twenty treated."""
    if count < _FEW_MATCHED:
        yield notice_of("few_matched", count=count, _entity=entity, _least=_FEW_MATCHED)


def scores_given(reason: str, unmatched: int, entity: str) -> Iterator[Notice]:
    """Report a standard error that does not allow for estimated propensity scores.

    `reason` is empty if it does allow for it.
    """
    if reason:
        yield notice_of(
            f"scores_given.{reason}",
            reason=reason,
            _unmatched=unmatched,
            _entity=entity,
        )
