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
from typing import Any

from digiprosper.errors import Notice, counted, notice_of, quoted
from digiprosper.linear.notices import WILD_CLUSTERS
from digiprosper.linear.preparation import Prepared
from digiprosper.report import notices as report

LAGGED = (
    "and so are the other coefficients and average effects: the correction assumes "
    "that regressors do not depend on earlier outcomes. Omit the lag."
)
"""Why a lagged outcome biases models of binary outcomes, and what to do."""
_MOST_LEVELS = 3


def interaction_ratios(names: Sequence[str]) -> list[Notice]:
    """Report that coefficients of products compare ratios, not differences."""
    if not names:
        return []
    return [notice_of("interaction_ratios", terms=tuple(names))]


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
    reasons = [
        f"{counted(len(labels), 'level')} of {effect} ({quoted(labels, _MOST_LEVELS)})"
        for effect, labels in levels.items()
        if len(labels)
    ]
    which = f" (all of {' and '.join(reasons)})" if reasons else ""
    return [
        notice_of(
            "perfectly_predicted",
            count=count,
            share=count / nobs,
            levels={effect: tuple(labels) for effect, labels in levels.items()},
            _nobs=nobs,
            _which=which,
        )
    ]


def short_panel(short: tuple[str, float] | None, link: str) -> list[Notice]:
    """Report that levels have too few rows for a correction."""
    if short is None:
        return []
    effect, rows = short
    return [
        notice_of(
            "short_panel.logit" if link == "logit" else "short_panel",
            effect=effect,
            rows=rows,
        )
    ]


def large_correction(bias: float, estimates: float) -> list[Notice]:
    """Report a bias correction that is larger than the estimates."""
    if bias <= max(estimates, 1.0):
        return []
    return [notice_of("large_correction", bias=bias, estimates=estimates)]


def no_average(terms: Sequence[str]) -> list[Notice]:
    """Report regressors without an average effect of their own."""
    if not terms:
        return []
    return [notice_of("no_average", terms=tuple(terms))]
