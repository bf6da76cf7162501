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
    "and so are the other coefficients and average effects: the correction is for "
    "regressors that do not depend on earlier outcomes. Omit it."
)
"""What follows for a binary outcome from a lag of it among the regressors."""
_MOST_LEVELS = 3
# Coverage of 95% intervals of coefficients, and of average effects, with 31 and 100
# entities in ten years; see docs/explanations/binary.md.
AUTOCORRELATED: Final = ((0.91, 0.85), (0.92, 0.95))


def interaction_ratios(names: Sequence[str]) -> list[Notice]:
    """Report that coefficients of products compare ratios, not differences."""
    if not names:
        return []
    text = (
        f"{quoted(names)}: in a model of the log of the mean an interaction is the log "
        "of a ratio of ratios. It is not the difference of two effects on the number "
        "of counts, which may have another sign (Ai & Norton 2003)."
    )
    return [Notice("interaction_ratios", text, {"terms": tuple(names)})]


def few_clusters(prepared: Prepared) -> Iterator[Notice]:
    """Report so few clusters that normal intervals of binary outcomes are too short."""
    for groups, name in zip(prepared.count.groups, prepared.cluster_names, strict=True):
        if groups < WILD_CLUSTERS:
            yield from report.few_clusters(
                groups,
                name,
                "the normal distribution is used, with which intervals are too short. "
                "Compare a linear probability model: FixedEffects with "
                "cov_type='crv3'.",
            )


def perfectly_predicted(
    count: int, nobs: int, levels: Mapping[str, Any]
) -> list[Notice]:
    """Report rows that left because the model predicts them perfectly."""
    if not count:
        return []
    named = [
        f"{counted(len(labels), 'level')} of {effect} ({quoted(labels, _MOST_LEVELS)})"
        for effect, labels in levels.items()
        if len(labels)
    ]
    which = f" (all of {' and '.join(named)})" if named else ""
    text = (
        f"{count:,} of {nobs:,} rows ({count / nobs:.0%}) are predicted perfectly and "
        f"left{which}: whatever the coefficients, effects explain their zeros and "
        "ones. Average effects count them as zero."
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
        f"a level of {effect} has {rows:.1f} rows on average. With fewer than 6 the "
        "bias from estimated effects is not corrected: coefficients are too far from "
        "zero. Average effects are affected much less."
    )
    if link == "logit":
        text += (
            " With effects of one kind, and dummies C(...) for the others in x, the "
            "logit is conditional and has no such bias."
        )
    return [Notice("short_panel", text, {"effect": effect, "rows": rows})]


def independent_errors() -> list[Notice]:
    """Report what the correction assumes, and what happens otherwise."""
    shares = [f"{small:.0%} and {large:.0%}" for small, large in AUTOCORRELATED]
    text = (
        "the correction assumes errors of an entity that are independent over time. In "
        "simulated panels of ten years with an autocorrelation of .6, 95% intervals of "
        f"coefficients covered in {shares[0]} of the panels of 31 and 100 entities, "
        f"those of average effects in {shares[1]}."
    )
    data = {"coefficients": AUTOCORRELATED[0], "averages": AUTOCORRELATED[1]}
    return [Notice("independent_errors", text, data)]


def large_correction(bias: float, estimates: float) -> list[Notice]:
    """Report a correction that is no small change of the estimates."""
    if bias <= max(estimates, 1.0):
        return []
    text = (
        "the correction is larger than the estimates and is left out. This happens if "
        "regressors and effects predict nearly all outcomes: use fewer of them, or a "
        "linear probability model (FixedEffects)."
    )
    data = {"bias": bias, "estimates": estimates}
    return [Notice("large_correction", text, data)]


def no_average(terms: Sequence[str]) -> list[Notice]:
    """Report regressors without an average effect of their own."""
    if not terms:
        return []
    text = (
        f"{quoted(terms)} share variables with other regressors, so that none changes "
        "by itself: they have no average effect. Fit a model without the powers and "
        "interactions for them."
    )
    return [Notice("no_average", text, {"terms": tuple(terms)})]
