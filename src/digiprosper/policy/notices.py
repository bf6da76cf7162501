"""Notices about event studies: one maker a code.

==================== ======================================================================================
code                 data
==================== ======================================================================================
several_cohorts      cohorts (first treated time to the number of entities)
none_never_treated   binned (ends of the window that are binned)
few_treated_clusters clusters (name), n_treated (clusters with a treated entity), n_clusters
==================== ======================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from digiprosper.errors import Notice, counted

if TYPE_CHECKING:
    from digiprosper.linear.preparation import Prepared
    from digiprosper.policy.window import EventTimes, EventWindow

__all__ = ["cohort_notices", "few_treated_clusters"]

# With two treated of 40 clusters a 95% interval covers .69, with five .88, with ten .92: docs/event_study.md.
_LEAST_TREATED: Final = 10
_LEAST_SHARE: Final = 0.1


def cohort_notices(window: EventWindow) -> tuple[Notice, ...]:
    """Report what several cohorts, or no entity that is never treated, mean for the estimates.

    Parameters
    ----------
    window : EventWindow
        With the cohorts.

    Returns
    -------
    tuple of Notice
        Codes several_cohorts and none_never_treated.
    """
    return (*_several_cohorts(window), *_none_never_treated(window))


def _several_cohorts(window: EventWindow) -> tuple[Notice, ...]:
    count = len(window.cohorts)
    if count == 1:
        return ()
    text = (
        f"entities are first treated in {count} periods. If effects differ between these cohorts, every "
        "coefficient, those before treatment included, also contains effects of other event times, and small "
        "coefficients before treatment do not show parallel trends (Sun & Abraham 2021, Journal of "
        "Econometrics 225:175). Compare an estimator for staggered adoption, which this version does not "
        "have (Callaway & Sant'Anna 2021; Sun & Abraham 2021; Borusyak, Jaravel & Spiess 2024)."
    )
    return (Notice("several_cohorts", text, {"cohorts": dict(window.cohorts)}),)


def _none_never_treated(window: EventWindow) -> tuple[Notice, ...]:
    if window.n_never:
        return ()
    text = (
        "every entity is treated at some time. The coefficients are identified because effects are taken to "
        f"be constant within the binned ends ({', '.join(map(window.text, window.binned)) or 'none'}) or "
        "because time or entity effects are left out."
    )
    return (Notice("none_never_treated", text, {"binned": window.binned}),)


def few_treated_clusters(prepared: Prepared, found: EventTimes) -> tuple[Notice, ...]:
    """Report that few clusters, or a small share of them, have a treated entity.

    Parameters
    ----------
    prepared : Prepared
        With the clusters; entities take their place where errors are not clustered.
    found : EventTimes
        Which rows are of treated entities.

    Returns
    -------
    tuple of Notice
        Code few_treated_clusters, for the dimension with the fewest treated clusters: below 10, or below 10%
        of the clusters.
    """
    sample = prepared.sample
    names: Any = prepared.cluster_names or (sample.keys.entity_name,)
    codes = prepared.cluster_codes or (sample.entity,)
    counts = [(np.unique(code[found.treated]).size, int(code.max()) + 1) for code in codes]
    n_treated, n_clusters = min(counts)
    if n_treated >= _LEAST_TREATED and n_treated >= _LEAST_SHARE * n_clusters:
        return ()
    name = names[counts.index((n_treated, n_clusters))]
    text = (
        f"{counted(n_treated, 'cluster')} of {n_clusters} ({name}) "
        f"{'has' if n_treated == 1 else 'have'} treated entities. With few treated clusters, clustered "
        "standard errors are too small, with two or three far too small, and the wild bootstrap does not "
        "help (MacKinnon & Webb 2017): test the average effect with a FixedEffects that has one dummy of "
        "treated rows, dp.randomisation_test(spec, panel, term)."
    )
    data = {"clusters": name, "n_treated": n_treated, "n_clusters": n_clusters}
    return (Notice("few_treated_clusters", text, data),)
