"""Notices about models of counts and of binary outcomes: one maker a code.

Warnings are short_panel and large_correction.

==================== ==================================================================
code                 data
==================== ==================================================================
interaction_ratios   terms
perfectly_predicted  count, share, levels (effect to its levels that left)
short_panel          effect, rows (mean of a level)
independent_errors   coefficients, averages (coverage with 31 and 100 entities)
large_correction     bias, estimates (sizes in standard errors)
no_average           terms
==================== ==================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from digiprosper.errors import Notice, counted, quoted
from digiprosper.linear.notices import WILD_CLUSTERS
from digiprosper.linear.preparation import Prepared
from digiprosper.report import notices as report

LAGGED: Final = (
    "and so are the other coefficients and average effects: the correction assumes "
    "that regressors do not depend on earlier outcomes. Omit the lag."
)
"""Why a lagged outcome biases models of binary outcomes, and what to do."""
_MOST_LEVELS = 3
# Coverage of 95% intervals of coefficients, and of average effects, with 31 and 100
# entities in ten years; see docs/explanations/binary.md.
AUTOCORRELATED: Final = ((0.91, 0.85), (0.92, 0.95))


def interaction_ratios(names: Sequence[str]) -> list[Notice]:
    """Report that coefficients of products compare ratios, not differences."""
    if not names:
        return []
    text = (
        f"{quoted(names)}: the coefficient of an interaction in a Poisson regression "
        "is the log of a ratio of ratios. The difference between two effects on the "
        "expected count can have the opposite sign (Ai & Norton 2003)."
    )
    return [Notice("interaction_ratios", text, {"terms": tuple(names)})]


def few_clusters(prepared: Prepared) -> Iterator[Notice]:
    """Report so few clusters that normal intervals of binary outcomes are too short."""
    for groups, name in zip(prepared.count.groups, prepared.cluster_names, strict=True):
        if groups < WILD_CLUSTERS:
            yield from report.few_clusters(
                groups,
                name,
                "intervals use the normal distribution and are too short. Compare a "
                "linear probability model: FixedEffects with cov_type='crv3'.",
            )


def perfectly_predicted(
    count: int, nobs: int, levels: Mapping[str, Any]
) -> list[Notice]:
    """Report rows that were dropped because they are predicted perfectly."""
    if not count:
        return []
    named = [
        f"{counted(len(labels), 'level')} of {effect} ({quoted(labels, _MOST_LEVELS)})"
        for effect, labels in levels.items()
        if len(labels)
    ]
    which = f" (all of {' and '.join(named)})" if named else ""
    text = (
        f"{count:,} of {nobs:,} rows ({count / nobs:.0%}) were dropped{which}: the "
        "effects predict their outcome perfectly, so they do not help to estimate "
        "coefficients. In average effects they count as zero."
    )
    data = {
        "count": count,
        "share": count / nobs,
        "levels": {effect: tuple(labels) for effect, labels in levels.items()},
    }
    return [Notice("perfectly_predicted", text, data)]


def short_panel(short: tuple[str, float] | None, link: str) -> list[Notice]:
    """Report that levels have too few rows for a correction."""
    if short is None:
        return []
    effect, rows = short
    text = (
        f"levels of {effect} have {rows:.1f} rows on average. With fewer than 6 rows "
        "the correction does not remove the bias from estimated effects: coefficients "
        "are too far from zero. Average effects are much less biased."
    )
    if link == "logit":
        text += (
            " A conditional logit has no such bias: use one kind of effects, and "
            "dummies C(...) in x for the others."
        )
    return [Notice("short_panel", text, {"effect": effect, "rows": rows})]


def independent_errors() -> list[Notice]:
    """Report that the correction assumes errors independent over time."""
    shares = [f"{small:.0%} and {large:.0%}" for small, large in AUTOCORRELATED]
    text = (
        "the correction assumes that errors are independent over time. In simulated "
        "panels of 31 and 100 entities, ten years and autocorrelation .6, the coverage "
        f"of 95% intervals was {shares[0]} for coefficients, and {shares[1]} for "
        "average effects."
    )
    data = {"coefficients": AUTOCORRELATED[0], "averages": AUTOCORRELATED[1]}
    return [Notice("independent_errors", text, data)]


def large_correction(bias: float, estimates: float) -> list[Notice]:
    """Report a bias correction that is larger than the estimates."""
    if bias <= max(estimates, 1.0):
        return []
    text = (
        "the bias correction is larger than the estimates, so it is not applied. "
        "Regressors and effects probably predict nearly all outcomes: use fewer of "
        "them, or a linear probability model (FixedEffects)."
    )
    data = {"bias": bias, "estimates": estimates}
    return [Notice("large_correction", text, data)]


def no_average(terms: Sequence[str]) -> list[Notice]:
    """Report regressors without an average effect of their own."""
    if not terms:
        return []
    text = (
        f"{quoted(terms)} have no average effect: they share variables with other "
        "regressors, so one cannot change while the others are constant. For average "
        "effects omit powers and interactions."
    )
    return [Notice("no_average", text, {"terms": tuple(terms)})]
