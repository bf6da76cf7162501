"""Notices about mediation models.

=================== ====================================================================
code                data
=================== ====================================================================
pooled              nobs
masking             direct, indirect, total_interval
absorbed_level      column
held_level          column
untested_threshold  column, gamma
influential_cluster cluster (label), term, without (its estimate without the cluster)
weak_instrument     stages (first stage to F)
left_out            count, entities
short_series        median_df
ratio_above_one     mediator, ratio
ratio_negative      mediator, ratio
total_near_zero     mediator, ratio
readings_differ     mediator, ratio
tests_differ        mediator, ratio
=================== ====================================================================
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Final

from digiprosper.errors import Notice, cited
from digiprosper.kernels.intervals import has_enough_clusters
from digiprosper.report.notices import few_clusters
from digiprosper.report.text import p_text

# The loss of one of G clusters moves an effect by some standard errors whatever the
# data. In the median of 200 simulated panels without an odd cluster (serial correlation
# 0 and .8, G 31 to 200) it is 2.8 to 4.8 over the root of G; beyond 6, and .5, at most
# 4% of them are remarked on.
INFLUENCE: Final = 6.0
LEAST_INFLUENCE: Final = 0.5
# Products lose digits if the mean is this many standard deviations.
MEAN_IN_SDS: Final = 1e4
# Median residual degrees of freedom of an entity's own regression, below which its
# slopes are imprecise.
SHORT_SERIES: Final = 10
# F of a first stage below which an instrument is weak (Staiger & Stock 1997).
WEAK_F: Final = 10.0


def few_for_paths(clusters: int, name: str, remedy: str) -> tuple[Notice, ...]:
    """Report few clusters, if enough for the bootstrap; `remedy` is a sentence."""
    if not has_enough_clusters(clusters):
        return ()
    text = f"delta intervals use t with {clusters - 1} degrees of freedom. {remedy}"
    return few_clusters(clusters, name, text)


def pooled(nobs: int) -> Notice:
    """Report that no effects are absorbed."""
    text = (
        "no effects are absorbed (pooled OLS): the estimates mix variation within "
        "entities and differences between entities. Set entity_effects=True for the "
        "within effects."
    )
    return Notice("pooled", text, {"nobs": nobs})


def masking(
    why: str, direct: float, indirect: float, total_interval: tuple[float, float]
) -> Notice:
    """Report that the proportion mediated is not meaningful, and why."""
    text = (
        f"{why}: proportion_mediated is not meaningful and is set to missing. Report "
        "the effects themselves."
    )
    return Notice(
        "masking",
        text,
        {"direct": direct, "indirect": indirect, "total_interval": total_interval},
    )


def absorbed_level(moderator: str, effects: Sequence[str]) -> Notice:
    """Report that the level of the moderator is collinear with the effects."""
    text = (
        f"the moderator {cited(moderator)} is collinear with the effects "
        f"({', '.join(effects)}): only its interactions are included, not its level."
    )
    return Notice("absorbed_level", text, {"column": moderator})


def held_level(threshold_variable: str, collinear_with: Sequence[str]) -> Notice:
    """Report that the dummy of the regime is collinear with effects and controls."""
    terms = ", ".join(collinear_with) or "the intercept"
    text = (
        f"regime_intercept: the regime dummy of {cited(threshold_variable)} is "
        f"collinear with the effects and controls ({terms}) and is not added."
    )
    return Notice("held_level", text, {"column": threshold_variable})


def untested_threshold(column: str, gamma: float | None) -> Notice:
    """Report that an estimated threshold is not tested."""
    text = (
        f"{column} = {gamma:.5g} minimises the sum of squared residuals. This is not "
        "evidence that a threshold exists; test for it with PanelThreshold."
    )
    return Notice("untested_threshold", text, {"column": column, "gamma": gamma})


def influential_cluster(
    cluster: tuple[str, Hashable],
    n_clusters: int,
    term: str,
    estimates: tuple[float, float],
    shift: float,
) -> Notice:
    """Report the cluster without which a main effect would change most.

    `cluster` is variable and label; `estimates` are with and without it; `shift` is
    their distance in standard errors.
    """
    name, label = cluster
    estimate, without = estimates
    text = (
        f"one of {n_clusters} clusters has a large influence: without {name} {label} "
        f"the term {cited(term)} would be {without:.4g}, not {estimate:.4g} "
        f"({shift:.2f} standard errors). Report the results without it, too."
    )
    return Notice(
        "influential_cluster",
        text,
        {"cluster": label, "term": term, "without": without},
    )


def weak_instrument(
    stages: Mapping[str, float], equations: Mapping[str, str]
) -> list[Notice]:
    """Report first stages in which the instrument is weak; `stages` maps them to F."""
    weak = {stage: f for stage, f in stages.items() if f < WEAK_F}
    if not weak:
        return []
    listed = "; ".join(
        f"F = {f:.3g} of {equations[stage]}" for stage, f in weak.items()
    )
    text = (
        f"weak instrument: {listed}. With F below {WEAK_F:g} the estimates are biased "
        "towards least squares, and the coverage of the intervals may be too low. "
        "The second stage (the mediator given the treatment) is usually the weak "
        "one: the instrument is relevant for it only if treatment and mediator have "
        "a common cause."
    )
    return [Notice("weak_instrument", text, {"stages": weak})]


def left_out(text: str, entities: Sequence[Hashable]) -> Notice:
    """Report entities that cannot be estimated separately."""
    return Notice(
        "left_out", text, {"count": len(entities), "entities": tuple(entities)}
    )


def short_series(median_df: float, key: str) -> list[Notice]:
    """Report regressions by entity with few degrees of freedom."""
    if median_df >= SHORT_SERIES:
        return []
    text = (
        f"half of the entities ({key}) have {median_df:g} residual degrees of freedom "
        "or fewer: their slopes are imprecise, and a few may dominate the mean (see "
        "entities). If treatment or mediators respond to past outcomes, the slopes "
        "and their mean have a bias of order 1/T; Mediation with common slopes is "
        "more precise."
    )
    return [Notice("short_series", text, {"median_df": median_df})]


# --- decisions ------------------------------------------------------------------------


def ratio_notices(
    mediator: str, ratio: float, name: str, *, total_differs: bool
) -> list[Notice]:
    """Report a ratio above 1, below 0, or with a total effect near zero."""
    data = {"mediator": mediator, "ratio": ratio}
    text, of_total = f"{name} = {ratio:.3g}", name == "indirect/total"
    notices = []
    if ratio > 1:
        why = (
            "above 1, so it is not a share of the total effect."
            if of_total
            else "the indirect effect is larger than the direct effect."
        )
        notices.append(Notice("ratio_above_one", f"{text}: {why}", data))
    if ratio < 0:
        why = "the total effect has the opposite sign, so it is not a share."
        notices.append(Notice("ratio_negative", f"{text}: {why}", data))
    if of_total and not total_differs:
        why = (
            "the total effect is not significantly different from zero, so the "
            "denominator of"
        )
        notices.append(
            Notice("total_near_zero", f"{why} {text} is close to zero.", data)
        )
    return notices


def readings_differ(mediator: str, ratio: float) -> Notice:
    """Report that the five steps and Zhao, Lynch & Chen (2010) disagree."""
    text = (
        "a and b are both significantly different from zero, but ab is not: the five "
        "steps continue, while Zhao, Lynch & Chen (2010) conclude that there is no "
        "indirect effect."
    )
    return Notice("readings_differ", text, {"mediator": mediator, "ratio": ratio})


def tests_differ(
    mediator: str, ratio: float, step: int, name: str, p_values: tuple[float, float]
) -> Notice:
    """Report a step with different conclusions from the t test and the bootstrap."""
    of_t, of_draws = p_values
    text = (
        f"step {step} depends on the test: {name} has p {p_text(of_t)} from the t test "
        f"and {p_text(of_draws)} from the bootstrap. Report both."
    )
    return Notice("tests_differ", text, {"mediator": mediator, "ratio": ratio})
