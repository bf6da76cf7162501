"""Notices about event studies, staggered adoption and matched samples: one maker a code.

==================== ======================================================================================
code                 data
==================== ======================================================================================
several_cohorts      cohorts (first treated time to the number of entities)
none_never_treated   binned (ends of the window that are binned)
no_rows_before       count, entities (the first five)
few_treated_clusters clusters (name), n_treated (clusters with a treated entity), n_clusters
small_cohorts        cohorts (first treated time to the number of entities, of those with few)
pairs_of_rows        nobs, n_entities, n_times
cells_left_out       cells (pairs of cohort and period)
earlier_base         cohorts (first treated time to the period that its effects are differences from), changes
                     (period to the previous one, where the change between them is over several periods)
weights_vary         weights (column), count (entities), n_entities
reference_unobserved reference (event time), cohorts (first treated time to the number of entities)
few_per_covariate    ratio (entities a covariate, in the smallest comparison)
no_base_values       count, treated (how many of them), entities (the first five), by_term
several_base_periods periods (first period to the number of entities)
unmatched_treated    count, n_treated, entities, reasons (of each: support, caliper, used)
tied_scores          count (treated entities), ties (all, or the first)
few_matched          count (treated entities with a match)
scores_given         reason (replace, unmatched, or variance)
still_unbalanced     terms (term to standardised difference after matching)
==================== ======================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from digiprosper.errors import Notice, cited, clipped, counted, quoted
from digiprosper.policy.cohorts import time_text
from digiprosper.report.notices import few_clusters

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Sample
    from digiprosper.panel.keys import Keys
    from digiprosper.policy.base_values import BaseValues
    from digiprosper.policy.cohorts import CohortCoding, Cohorts
    from digiprosper.policy.window import EventTimes, EventWindow

ALIKE: Final = 0.1
"""Standardised difference up to which groups count as alike (Austin 2009, Statistics in Medicine 28:3083)."""

UNMATCHED: Final = {
    "support": "outside the range of the scores of controls",
    "caliper": "without a control within the caliper",
    "used": "whose controls were all taken",
}
"""Why a treated entity has no match, by code."""

# With two treated of 40 clusters a 95% interval covers the truth in 69% of panels, with five in 89%, with ten
# in 94%: docs/explanations/event_study.md.
_LEAST_TREATED: Final = 10
_LEAST_SHARE: Final = 0.1
# With cohorts of five a pre-trend test at 5% rejects in 35 to 41% of panels, with ten in 10 to 15%, with 25
# in 4 to 9%: docs/explanations/staggered_adoption.md.
_SMALL_COHORT: Final = 10
# Peduzzi et al. (1996), Journal of Clinical Epidemiology 49:1373.
_PER_COVARIATE: Final = 10
_MOST_CELLS: Final = 5
# With about ten treated of 31 entities a 95% interval of the matched effect covers the truth in 87% of
# samples, with about 33 of 100 in 94%: docs/explanations/matching.md.
_FEW_MATCHED: Final = 20


def cohort_notices(window: EventWindow) -> tuple[Notice, ...]:
    """Report what several cohorts, or no never treated entity, mean for the estimates."""
    return (*_several_cohorts(window), *_none_never_treated(window))


def _several_cohorts(window: EventWindow) -> tuple[Notice, ...]:
    count = len(window.cohorts)
    if count == 1:
        return ()
    text = (
        f"entities are first treated in {count} periods. If effects differ between these cohorts, every "
        "coefficient also contains effects of other event times. This includes those before treatment, so "
        "small coefficients there do not prove parallel trends (Sun & Abraham 2021, Journal of Econometrics "
        "225:175). Compare with dp.StaggeredDid, whose estimators do not mix event times."
    )
    return (Notice("several_cohorts", text, {"cohorts": dict(window.cohorts)}),)


def _none_never_treated(window: EventWindow) -> tuple[Notice, ...]:
    if window.n_never:
        return ()
    text = (
        "every entity is treated at some time. The coefficients are identified because effects are assumed "
        f"to be constant within the binned ends ({', '.join(map(window.text, window.binned)) or 'none'}) or "
        "because time or entity effects are left out."
    )
    return (Notice("none_never_treated", text, {"binned": window.binned}),)


def no_rows_before(sample: Sample, since: Ints, treated: Bools) -> tuple[Notice, ...]:
    """Report treated entities without a row before treatment, which a regression uses anyway.

    `since` (N,): periods since treatment. `treated` (N,): rows of entities that are ever treated.
    """
    late_entities = np.setdiff1d(sample.entity[treated], sample.entity[treated & (since < 0)])
    if not late_entities.size:
        return ()
    names = sample.entities[late_entities].tolist()
    text = (
        f"{len(names):,} treated {sample.keys.entity_name} ({quoted(names)}) {_have(len(names))} no row "
        "before treatment in the sample. Their rows contribute only to differences between event times after "
        "treatment. Compare with a fit without them (panel.subset)."
    )
    return (Notice("no_rows_before", text, {"count": len(names), "entities": names[:5]}),)


def reference_unobserved(event_times: EventTimes, entity: Ints) -> tuple[Notice, ...]:
    """Report cohorts that have no row at the reference event time. `entity` (N,) is by row."""
    window = event_times.window
    inside = np.clip(event_times.times, -window.before, window.after)
    with_reference = event_times.first[entity[event_times.treated & (inside == window.reference)]]
    positions = np.unique(event_times.first[event_times.first >= 0])
    unobserved = ~np.isin(positions, with_reference)
    sizes = {
        window.cohorts[position][0]: window.cohorts[position][1] for position in np.flatnonzero(unobserved)
    }
    if not sizes:
        return ()
    text = (
        f"cohorts without a row at the reference, event time {window.reference}: "
        f"{', '.join(time_text(cohort) for cohort in sizes)}. Their own change since the reference "
        "is not observed; that of other cohorts takes its place, which assumes equal effects."
    )
    data = {"reference": window.reference, "cohorts": sizes}
    return (Notice("reference_unobserved", text, data),)


def few_treated_clusters(prepared: Prepared, treated: Bools) -> tuple[Notice, ...]:
    """Report that few clusters (fewer than 10, or less than 10%) have a treated entity.

    Of several dimensions with few, it is about the one with the fewest; without clustering, about entities.
    `treated` (N,): rows of entities that are ever treated.
    """
    sample = prepared.sample
    names: Any = prepared.cluster_names or (sample.keys.entity_name,)
    codes = prepared.cluster_codes or (sample.entity,)
    counts = [(np.unique(code[treated]).size, int(code.max()) + 1) for code in codes]
    few = [count for count in counts if count[0] < max(_LEAST_TREATED, _LEAST_SHARE * count[1])]
    if not few:
        return ()
    n_treated, n_clusters = min(few)
    name = names[counts.index((n_treated, n_clusters))]
    text = (
        f"{counted(n_treated, 'cluster')} of {n_clusters} ({name}) "
        f"{_have(n_treated)} treated entities. With few treated clusters, clustered standard errors are too "
        "small, and the wild bootstrap is not reliable either (MacKinnon & Webb 2017). Test the average "
        "effect with dp.randomisation_test(spec, panel, term), where spec is a FixedEffects with one dummy "
        "of treated rows."
    )
    data = {"clusters": name, "n_treated": n_treated, "n_clusters": n_clusters}
    return (Notice("few_treated_clusters", text, data),)


# --- staggered adoption -------------------------------------------------------------------------------------


def few_for_averages(clusters: int, name: str) -> tuple[Notice, ...]:
    """Report that standard errors of averages of effects are based on few clusters."""
    return few_clusters(
        clusters,
        name,
        "clustered standard errors are reliable with many clusters only. Compare dp.randomisation_test of a "
        "FixedEffects with one dummy of treated rows.",
    )


def small_cohorts(coding: CohortCoding) -> tuple[Notice, ...]:
    """Report cohorts of fewer than ten entities."""
    small = {time: count for time, count in coding.cohorts if count < _SMALL_COHORT}
    if not small:
        return ()
    counts = ", ".join(f"{time}: {count}" for time, count in small.items())
    text = (
        f"cohorts of fewer than {_SMALL_COHORT} entities ({counts}): standard errors of their effects, and "
        "of averages that consist mostly of them, are too small, and the pre-trend test rejects too often."
    )
    return (Notice("small_cohorts", text, {"cohorts": small}),)


def pairs_of_rows(sample: Sample) -> Notice:
    """Report that each effect is of the entities with rows in both of its periods."""
    text = (
        f"the sample is unbalanced: the effect of a cohort in a period is of the {sample.keys.entity_name} "
        "with rows in that period and in the period it is compared with, as in csdid."
    )
    data = {"nobs": sample.nobs, "n_entities": sample.n_entities, "n_times": sample.n_times}
    return Notice("pairs_of_rows", text, data)


def cells_left_out(cells: Sequence[tuple[Any, Any]]) -> tuple[Notice, ...]:
    """Report effects, as pairs of cohort and period, that cannot be computed."""
    if not cells:
        return ()
    shown = ", ".join(f"{cohort} in {time}" for cohort, time in cells[:_MOST_CELLS])
    shown += f" and {len(cells) - _MOST_CELLS} more" if len(cells) > _MOST_CELLS else ""
    text = (
        f"{counted(len(cells), 'effect')} of a cohort in a period cannot be computed, because no treated "
        f"entity or no control has rows in both periods that it compares: {shown}. Averages leave them out."
    )
    return (Notice("cells_left_out", text, {"cells": tuple(cells)}),)


def earlier_base(
    cohorts: Cohorts, last: Ints, anticipation: int, changes: Sequence[int]
) -> tuple[Notice, ...]:
    """Report cohorts without a row in the period that their effects would be differences from.

    R's did and csdid compare such a cohort with its last earlier period, without a message. The effect is the
    same if trends are parallel over the longer time, so the cohort is not refused. But its effects assume
    more than those of other cohorts, and changes over several periods have the event time of one.

    `last` (G,): position of the period that the effects of a cohort are differences from, or -1. `changes`:
    positions of periods before treatment whose previous period is several steps earlier.
    """
    coding = cohorts.coding
    distance = np.where(last >= 0, cohorts.first - cohorts.steps[last], 0)
    far_cohorts = np.flatnonzero(distance > anticipation + 1)
    bases = {coding.cohorts[position][0]: coding.times[last[position]] for position in far_cohorts}
    long = {coding.times[position]: coding.times[position - 1] for position in changes}
    if not bases and not long:
        return ()
    named = [
        f"{time_text(cohort)} with {time_text(base)} ({distance[position]} periods before)"
        for position, (cohort, base) in zip(far_cohorts, bases.items(), strict=True)
    ]
    spans = [f"{time_text(before)} to {time_text(time)}" for time, before in long.items()]
    parts = ["there are gaps in time."]
    if bases:
        usual = (
            f"{anticipation + 1} periods before treatment"
            if anticipation
            else "in the period before treatment"
        )
        parts.append(
            f"Cohorts without rows {usual} are compared with an earlier one: {_shown(named)}. "
            "Their effects assume parallel trends over this longer time."
        )
    if long:
        parts.append(
            f"Before treatment, changes over several periods ({_shown(spans)}) have the event time of their "
            "last period and are averaged with changes over one period."
        )
    parts.append("If rows are several units of time apart by design, use dp.Panel(..., step=).")
    return (Notice("earlier_base", " ".join(parts), {"cohorts": bases, "changes": long}),)


def _shown(texts: Sequence[str]) -> str:
    more = len(texts) - _MOST_CELLS
    return ", ".join(texts[:_MOST_CELLS]) + (f" and {more} more" if more > 0 else "")


def weights_vary(sample: Sample, column: str, weights: Floats) -> tuple[Notice, ...]:
    """Report weights (N,) that change over time within entities, and which of them are used."""
    low, high = np.full(sample.n_entities, np.inf), np.zeros(sample.n_entities)
    np.minimum.at(low, sample.entity, weights)
    np.maximum.at(high, sample.entity, weights)
    count = int((low < high).sum())
    if not count:
        return ()
    text = (
        f"obs_weights={cited(column)} changes over time in {count:,} of {sample.n_entities:,} "
        f"{sample.keys.entity_name}. An effect uses the weights of the earlier of its two periods, "
        "and averages use those of the first row of each entity, as R's did and csdid do."
    )
    data = {"weights": column, "count": count, "n_entities": sample.n_entities}
    return (Notice("weights_vary", text, data),)


def few_per_covariate(ratio: float | None) -> tuple[Notice, ...]:
    """Report that the probability of treatment is estimated from few entities per control.

    `ratio`: entities per control in the smallest group compared; None without a propensity score.
    """
    if ratio is None or ratio >= _PER_COVARIATE:
        return ()
    text = (
        f"the probability of treatment is estimated from {ratio:.3g} treated entities, or controls, for each "
        f"column of x in the smallest cohort; fewer than {_PER_COVARIATE} are unreliable. Use fewer columns, "
        "or adjustment='regression'."
    )
    return (Notice("few_per_covariate", text, {"ratio": ratio}),)


# --- matched samples ----------------------------------------------------------------------------------------


def matching_notices(
    base_data: BaseValues, keys: Keys, unmatched: pd.DataFrame, balance: pd.DataFrame, ties: tuple[int, bool]
) -> tuple[Notice, ...]:
    """Report who is not in a matched sample, and differences that remain between the groups.

    `ties`: number of treated entities with tied controls, and whether all of these controls are matched.
    """
    n_treated = int(base_data.treated[base_data.complete].sum())
    return (
        *_no_base_values(base_data, keys),
        *_several_base_periods(base_data, keys),
        *_unmatched_treated(unmatched, n_treated, keys.entity_name),
        *_tied_scores(*ties, keys.entity_name),
        *_still_unbalanced(balance),
    )


def _no_base_values(base_data: BaseValues, keys: Keys) -> tuple[Notice, ...]:
    absent = ~base_data.complete
    if not absent.any():
        return ()
    names = keys.entities[absent].tolist()
    treated = int(base_data.treated[absent].sum())
    terms = ", ".join(f"{clipped(term)} ({count})" for term, count in base_data.missing.items())
    text = (
        f"{len(names):,} {keys.entity_name} ({quoted(names)}), {treated:,} of them treated, "
        f"{_have(len(names))} no base values ({base_data.base}): {terms}. They are in neither group. Fill "
        "the values, or choose another base."
    )
    data = {
        "count": len(names),
        "treated": treated,
        "entities": names[:5],
        "by_term": dict(base_data.missing),
    }
    return (Notice("no_base_values", text, data),)


def _several_base_periods(base_data: BaseValues, keys: Keys) -> tuple[Notice, ...]:
    if len(base_data.periods) < 2:
        return ()
    count = sum(base_data.periods.values())
    first, most = max(base_data.periods.items(), key=lambda item: item[1])
    text = (
        f"the first {keys.time_name} differs between {keys.entity_name}: it is {first} for {most:,} of "
        f"{count:,}, so base values of different periods are compared. Name one period instead: base={first}."
    )
    return (Notice("several_base_periods", text, {"periods": dict(base_data.periods)}),)


def _unmatched_treated(unmatched: pd.DataFrame, n_treated: int, entity: str) -> tuple[Notice, ...]:
    if unmatched.empty:
        return ()
    names = unmatched["treated"].tolist()
    reasons = unmatched["reason"].tolist()
    reason_texts = [
        f"{reasons.count(code):,} {words}" for code, words in UNMATCHED.items() if code in reasons
    ]
    text = (
        f"{len(names):,} of {n_treated:,} treated {entity} ({quoted(names)}) "
        f"{_have(len(names))} no match and no weight: {', '.join(reason_texts)}. Estimates are for "
        "the treated that are matched."
    )
    data = {"count": len(names), "n_treated": n_treated, "entities": names, "reasons": reasons}
    return (Notice("unmatched_treated", text, data),)


def _tied_scores(count: int, all_ties: bool, entity: str) -> tuple[Notice, ...]:  # noqa: FBT001
    if not count:
        return ()
    text = f"{count:,} treated {entity} {_have(count)} several controls at the same distance, "
    text += (
        "and all of these are matched, with equal shares."
        if all_ties
        else f"of which the first in the order of {entity} was taken. Other names would give another sample: "
        "use ties='all' with replacement, or add terms to x that distinguish them."
    )
    return (Notice("tied_scores", text, {"count": count, "ties": "all" if all_ties else "first"}),)


def _still_unbalanced(balance: pd.DataFrame) -> tuple[Notice, ...]:
    after = balance.set_index("term")["std_diff_after"]
    unbalanced = {str(term): float(value) for term, value in after.items() if abs(value) > ALIKE}
    if not unbalanced:
        return ()
    shown = ", ".join(f"{clipped(term)} ({value:.2f})" for term, value in unbalanced.items())
    text = (
        f"after matching, base values still differ by more than {ALIKE:g} standard deviations: {shown}. Add "
        "powers or interactions to x, use a smaller caliper, or control for these terms."
    )
    return (Notice("still_unbalanced", text, {"terms": unbalanced}),)


def few_matched(count: int, entity: str) -> tuple[Notice, ...]:
    """Report that an Abadie-Imbens standard error is based on fewer than twenty treated entities."""
    if count >= _FEW_MATCHED:
        return ()
    text = (
        f"the effect is the mean of {count:,} treated {entity}. Standard errors of matching are for large "
        f"samples: with fewer than {_FEW_MATCHED} treated they are too small, and matches are far apart. "
        "Compare dp.randomisation_test of a FixedEffects with one dummy of treated rows."
    )
    return (Notice("few_matched", text, {"count": count}),)


def scores_given(reason: str, unmatched: int, entity: str) -> tuple[Notice, ...]:
    """Report that a standard error does not allow for the estimation of the propensity scores.

    `reason` is ``"replace"``, ``"unmatched"`` or ``"variance"``; empty if it does allow for it.
    """
    if not reason:
        return ()
    explanation = {
        "replace": "its formula is known for matching with replacement only",
        "unmatched": f"{unmatched:,} treated {entity} {_have(unmatched)} no match, and which ones also "
        "depends on the scores. Use support=False and caliper=None to match all",
        "variance": "it is larger than the variance itself in this sample",
    }[reason]
    text = (
        "the standard error takes the propensity scores as given. The correction for their estimation is "
        f"left out, because {explanation}."
    )
    return (Notice("scores_given", text, {"reason": reason}),)


def _have(count: int) -> str:
    return "has" if count == 1 else "have"
