"""Notices about binary outcomes: one maker a code.

short_panel is a warning.

==================== ==================================================================
code                 data
==================== ==================================================================
perfectly_predicted  count, share, levels (effect to its levels that left)
short_panel          effect, rows (mean of a level)
no_average           terms
==================== ==================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from digiprosper.errors import Notice, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

LAGGED: Final = (
    "The correction of LogitEffects assumes regressors that do not react to earlier "
    "outcomes, so coefficients and average effects remain biased."
)
"""What follows from a lag of the outcome among the regressors."""
_MOST_LEVELS = 3


def perfectly_predicted(
    count: int, nobs: int, levels: Mapping[str, pd.Index[object]]
) -> list[Notice]:
    """Report rows that left because the model predicts them perfectly."""
    if not count:
        return []
    named = [
        f"{len(left):,} of {effect} ({quoted(left, _MOST_LEVELS)})"
        for effect, left in levels.items()
        if len(left)
    ]
    which = f", among them all rows of {' and of '.join(named)}" if named else ""
    text = (
        f"{count:,} of {nobs:,} rows ({count / nobs:.0%}) are predicted perfectly and "
        f"are not used{which}: their outcome is always 0 or always 1, whatever the "
        "coefficients. Average effects count them with an effect of zero."
    )
    data = {
        "count": count,
        "share": count / nobs,
        "levels": {effect: tuple(left) for effect, left in levels.items()},
    }
    return [Notice("perfectly_predicted", text, data)]


def short_panel(effect: str, rows: float, link: str) -> Notice:
    """Report that levels have too few rows for a correction."""
    remedy = (
        f" With time_effects=False, and C({effect}) or dummies of periods in x, the "
        "logit is estimated conditionally and has no such bias."
    )
    text = (
        f"a level of {effect} has {rows:.1f} rows on average. With fewer than 6 the "
        "bias from estimated effects is not corrected: coefficients are too far from "
        "zero. Average effects are affected much less."
    )
    if link == "logit":
        text += remedy
    return Notice("short_panel", text, {"effect": effect, "rows": rows})


def no_average(terms: Sequence[str]) -> list[Notice]:
    """Report regressors without an average effect of their own."""
    if not terms:
        return []
    text = (
        f"{quoted(terms)} share variables with other regressors, so that none of them "
        "changes by itself: they have no average effect. Fit a model without powers "
        "and interactions for these."
    )
    return [Notice("no_average", text, {"terms": tuple(terms)})]
