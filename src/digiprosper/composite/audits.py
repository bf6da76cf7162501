"""Checks of an index, and of the overlap of two indicator systems."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import pandas as pd

from digiprosper.composite.indicators import IndicatorSystem
from digiprosper.errors import InputTypeError, cited, quoted, unknown_columns
from digiprosper.kernels.tolerances import PRINTED_WEIGHTS
from digiprosper.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.composite.recipe import Recipe
    from digiprosper.composite.scopes import Finding
    from digiprosper.composite.state import State
    from digiprosper.kernels import Floats

# Words of numbers that are relative to something, and words of amounts and counts.
_RATIO: Final = re.compile(
    r"%|‰|/|\bper\b|\b(?:share|ratio|rate|index|proportion|percent\w*|coefficient|gini|theil|points?|degrees?"
    r"|density|penetration|intensity|years?)\b|人均|每|率|比|占|指数|系数|密度",
    re.IGNORECASE,
)
_LEVEL: Final = re.compile(
    r"\b10\s*(?:\^|\*\*)\s*\d|\b(?:thousands?|millions?|billions?|yuan|rmb|cny|usd|dollars?|euros?|km2?|kilomet\w+"
    r"|tonnes?|tons?|kwh|hectares?|people|persons?|households?|subscribers?|users?|employees|units|sets|pieces"
    r"|ports|pages|domains|numbers?|counts?|totals?|gdp|gnp|population|revenues?|turnover)\b|万|亿|元|人|户|个|公里|千米|吨|台|件|家",
    re.IGNORECASE,
)
# Rank correlation with size from which an indicator without a unit is taken for an amount.
_FOLLOWS: Final = 0.8


def overlap_audit(
    system_a: IndicatorSystem, system_b: IndicatorSystem, other_columns: Sequence[str] = ()
) -> pd.DataFrame:
    """Find indicators that are used in two indices, or in an index and among the other regressors.

    If the outcome and a regressor of one model are indices with an indicator in common, they are correlated
    by construction.

    Parameters
    ----------
    system_a, system_b : IndicatorSystem
        The two systems, for example of the outcome and of the regressor.
    other_columns : sequence of str
        Other terms of the regression, none by default. A term such as ``"log(gdp)"`` counts for each column
        in it.

    Returns
    -------
    DataFrame
        One row per indicator that occurs more than once. Column ``indicator`` has its name; ``system_a``,
        ``system_b`` and ``other_columns`` are True where it occurs; ``where`` lists these places as text. If
        nothing overlaps, the table has no rows.

    Raises
    ------
    InputTypeError
        If a system is not an `IndicatorSystem`, or `other_columns` is not a list of text.

    Examples
    --------
    >>> from digiprosper import IndicatorSystem
    >>> from digiprosper import overlap_audit
    >>> digital = IndicatorSystem.from_dict({"users": {"broadband": "+", "finance": "+"}})
    >>> prosperity = IndicatorSystem.from_dict({"affluence": {"income": "+", "finance": "+"}})
    >>> overlap_audit(digital, prosperity, ["log(income)"])[["indicator", "where"]].values.tolist()
    [['finance', 'system_a (users), system_b (affluence)'], ['income', 'system_b (affluence), log(income)']]
    """
    for name, system in (("system_a", system_a), ("system_b", system_b)):
        if not isinstance(system, IndicatorSystem):
            raise InputTypeError(f"{name} is an IndicatorSystem, not {type(system).__name__}.")
    others = _columns(other_columns)

    overlaps = [_overlap(name, system_a, system_b, others) for name in (*system_a.names, *system_b.names)]
    rows = dict.fromkeys(row for row in overlaps if row[1] + row[2] + row[3] > 1)
    return pd.DataFrame(list(rows), columns=["indicator", "system_a", "system_b", "other_columns", "where"])


def _columns(other_columns: Sequence[str]) -> list[str]:
    others = [other_columns] if isinstance(other_columns, str) else list(other_columns)
    odd = [o for o in cast("list[object]", others) if not isinstance(o, str)]
    if odd:
        raise InputTypeError(f"other_columns must be a list of columns (text); {cited(odd[0])} is not.")
    return others


def _overlap(
    name: str, system_a: IndicatorSystem, system_b: IndicatorSystem, others: Sequence[str]
) -> tuple[str, bool, bool, bool, str]:
    """Make the row of the audit of one indicator: where it is used."""
    inside = [o for o in others if _mentions(o, name)]
    mentions = [
        *_mentions_in_system("system_a", system_a, name),
        *_mentions_in_system("system_b", system_b, name),
        *inside,
    ]
    return name, name in system_a.names, name in system_b.names, bool(inside), ", ".join(mentions)


def _mentions_in_system(label: str, system: IndicatorSystem, name: str) -> list[str]:
    return [f"{label} ({i.dimension})" if i.dimension else label for i in system if i.name == name]


def _mentions(term: str, name: str) -> bool:
    """Whether a term is the column or has it inside; a word before a bracket is a function."""
    words = re.findall(r"`([^`]+)`|([^\W\d]\w*)(?!\w|\s*\()", term)
    return term.strip() == name or name in {quoted_ or word for quoted_, word in words}


@dataclass(frozen=True, slots=True, eq=False)
class Audited:
    """What the audit of a fitted index reads; `n_times` is None where rows have no periods."""

    recipe: Recipe
    state: State
    nobs: int
    n_times: int | None
    cross_section: bool
    imputed: bool


def audit_index(fitted: Audited, panel: Panel | None = None, size: str | None = None) -> pd.DataFrame:
    """Check a fitted index for common problems: columns check, finding, message.

    `panel` has the indicators and `size`, the column that measures the size of an entity.
    """
    system = fitted.recipe.system
    rows = [
        ("future_information", *_future(fitted)),
        ("comparability", *fitted.recipe.scope.comparability),
        ("size_variables", *_size(system, _following(system, panel, size), size)),
        ("legacy_lnT", *_legacy(fitted)),
    ]
    return pd.DataFrame(rows, columns=["check", "finding", "message"])


def _future(fitted: Audited) -> Finding:
    if fitted.cross_section:
        return "ok", "one period: no future information can be used."
    recipe = fitted.recipe
    return recipe.scope.future(estimated=recipe.weights_estimated, imputed=fitted.imputed)


def is_level(name: str, unit: str) -> bool | None:
    """Classify an indicator by name and unit: True for an amount or count, False for a ratio, else None."""
    words = f"{name} {unit}".replace("_", " ")
    if _RATIO.search(words):
        return False
    return True if _LEVEL.search(words) else None


def _following(system: IndicatorSystem, panel: Panel | None, size: str | None) -> dict[str, float]:
    """Find indicators whose entity means have a high rank correlation with `size`, and the correlations."""
    if panel is None and size is None:
        return {}
    if not isinstance(panel, Panel) or not isinstance(size, str):
        raise InputTypeError("audit(panel, size=...) takes a Panel and the name of one of its columns.")
    absent = [n for n in (*system.names, size) if n not in panel.columns]
    if absent:
        raise unknown_columns(absent, panel.columns, "audit")

    means = panel.frame[[*system.names, size]].groupby(level=0).mean()
    correlation = means[list(system.names)].rank().corrwith(means[size].rank())
    return {str(n): float(r) for n, r in correlation.items() if r >= _FOLLOWS}


def _size(system: IndicatorSystem, following: dict[str, float], size: str | None) -> Finding:
    is_amount = {i.name: is_level(i.name, i.unit) for i in system}
    # A ratio that says so may go with size all the same: what is denser is often larger.
    measured = {n: r for n, r in following.items() if is_amount[n] is None}
    levels = [n for n, level in is_amount.items() if level or n in measured]
    if measured:
        finding = "warning" if 2 * len(levels) > len(is_amount) else "note"
        return finding, _measured_words(measured, levels, size)
    return _by_name(is_amount, levels)


def _by_name(is_amount: dict[str, bool | None], levels: Sequence[str]) -> Finding:
    """Judge by names and units alone."""
    classified = [n for n, level in is_amount.items() if level is not None]
    if 2 * len(levels) > len(classified):
        return "warning", (
            f"{quoted(levels)} are amounts or counts: the index measures the size of a unit. Divide by "
            "population, area or output."
        )
    if levels:
        are = "is an amount" if len(levels) == 1 else "are amounts"
        return "note", f"{quoted(levels)} {are} and not a ratio."
    if len(classified) < len(is_amount):
        return (
            "ok",
            "no indicator is an amount by its name or unit; audit(panel, size=...) compares with size.",
        )
    return "ok", "all indicators are ratios."


def _measured_words(measured: dict[str, float], levels: Sequence[str], size: str | None) -> str:
    shown = ", ".join(f"{cited(n)} {r:z.2f}" for n, r in measured.items())
    named = [n for n in levels if n not in measured]
    text = (
        f"rank correlations of entity means with {cited(str(size))}: {shown}. These look like amounts, which "
        "measure the size of a unit. Divide by population, area or output."
    )
    return f"{text} By name or unit {quoted(named)} too." if named else text


def _legacy(fitted: Audited) -> Finding:
    if fitted.recipe.scope.replication_only:
        return "warning", (
            "the copied script divides the entropies of all rows by the logarithm of the number of "
            "years, so that they exceed 1 and the order of the weights is reversed. Use it for "
            "replication only."
        )
    given_weights = fitted.recipe.given_weights
    legacy = _legacy_weights(fitted)
    if given_weights is None and fitted.recipe.weighting != "entropy":
        return "ok", "no entropies are used."
    if given_weights is None or legacy is None:
        return "ok", "entropies are divided by the logarithm of the number of rows they are computed from."

    right = fitted.state.redundancy / fitted.state.redundancy.sum()
    if np.abs(given_weights - legacy).max() < min(
        PRINTED_WEIGHTS, float(np.abs(given_weights - right).max())
    ):
        return "warning", (
            "the given weights are those of the copied script, which divides entropies by the logarithm "
            "of the number of years; the correct entropy weights of these rows have the reverse order."
        )
    return "ok", "the given weights are not those of the copied script."


def _legacy_weights(fitted: Audited) -> Floats | None:
    """Compute the weights of the copied script from the entropies of a pooled fit with given weights."""
    state = fitted.state
    periods = fitted.n_times
    if state.periods is not None or periods is None or periods < 2 or np.isnan(state.entropy).any():
        return None
    redundancy = 1.0 - state.entropy * np.log(fitted.nobs) / np.log(periods)
    redundancy = np.where(state.learned[0].weighing.constant, 0.0, redundancy)
    weights: Floats = redundancy / redundancy.sum()
    return weights
