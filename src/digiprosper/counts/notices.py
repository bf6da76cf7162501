"""Notices about models of counts: one maker a code.

Warnings are separated.

==================== ==================================================================
code                 data
==================== ==================================================================
separated            count, effects (rows), regressors (rows), rows (labels of the first
                     five)
interaction_ratios   terms
==================== ==================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digiprosper.errors import Notice, counted, quoted
from digiprosper.panel.keys import rows_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def separated_rows(by_reason: dict[str, int], labels: Sequence[Any]) -> list[Notice]:
    """Report rows that are dropped because they are fitted perfectly at zero."""
    count = sum(by_reason.values())
    if not count:
        return []
    reasons = {
        "effects": "in a level of a fixed effect whose outcomes are all zero",
        "regressors": "predicted to be zero by regressors and effects",
    }
    listed = ", ".join(
        f"{number} {reasons[reason]}" for reason, number in by_reason.items() if number
    )
    text = (
        f"{counted(count, 'row')} with outcome zero dropped, since the likelihood fits "
        f"them perfectly whatever the coefficients ({listed}); first: "
        f"{rows_text(tuple(labels))}. The others' estimates do not depend on them; "
        "`separated` lists them."
    )
    data = {"count": count, **by_reason, "rows": tuple(labels)}
    return [Notice("separated", text, data)]


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
