"""Notices about models of counts: one maker a code.

==================== ==================================================================
code                 data
==================== ==================================================================
interaction_ratios   terms
==================== ==================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digiprosper.errors import Notice, quoted
from digiprosper.report.notices import few_clusters

if TYPE_CHECKING:
    from collections.abc import Sequence


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


def few_for_counts(
    clusters: int, name: str, cov_type: str = "clustered"
) -> tuple[Notice, ...]:
    """Report that normal or t intervals rest on few clusters."""
    used = (
        f"t intervals with {clusters - 1} degrees of freedom are used"
        if cov_type == "crv3"
        else "the normal distribution is used, as ppmlhdfe and fixest do, with which "
        "intervals are too short; use cov_type='crv3'"
    )
    return few_clusters(
        clusters,
        name,
        f"{used}; confirm a borderline result with dp.wild_bootstrap(spec, panel, "
        "term), which needs cov_type='clustered'.",
    )
