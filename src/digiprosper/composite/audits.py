"""Looking at an index, and at two systems, before a referee does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pandas as pd

from digiprosper.composite.indicators import IndicatorSystem
from digiprosper.errors import InputTypeError, cited, quoted, unknown_columns
from digiprosper.kernels.tolerances import PRINTED_WEIGHTS
from digiprosper.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.composite.results import IndexResults
    from digiprosper.kernels import Floats

__all__ = ["audit_index", "is_level", "overlap_audit"]

# What says that a number is relative to something, and what says that it is an amount or a count.
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
    """Find indicators that stand on both sides of a regression, or among its controls.

    Parameters
    ----------
    system_a, system_b : IndicatorSystem
        Say, that of the outcome and that of the regressor.
    other_columns : sequence of str
        Further columns of the regression; a term such as ``"log(gdp)"`` counts for every column inside it.

    Returns
    -------
    DataFrame
        One row an indicator found more than once: ``indicator``, ``system_a``, ``system_b``,
        ``other_columns`` (bool each) and ``where`` in words. No rows: no overlap.

    Raises
    ------
    InputTypeError
        If a system is no `IndicatorSystem`, or the other columns are not text.

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
    others = [other_columns] if isinstance(other_columns, str) else list(other_columns)
    odd = [o for o in cast("list[object]", others) if not isinstance(o, str)]
    if odd:
        raise InputTypeError(f"other_columns must be a list of columns (text); {cited(odd[0])} is not.")
    a, b = ({i.name: i.dimension for i in s} for s in (system_a, system_b))
    rows = []
    for name in dict.fromkeys([*a, *b]):
        inside = [o for o in others if _mentions(o, name)]
        if (name in a) + (name in b) + bool(inside) < 2:
            continue
        places = [
            label + f" ({system[name]})" * bool(system[name])
            for label, system in (("system_a", a), ("system_b", b))
            if name in system
        ]
        rows.append((name, name in a, name in b, bool(inside), ", ".join([*places, *inside])))
    return pd.DataFrame(rows, columns=["indicator", "system_a", "system_b", "other_columns", "where"])


def _mentions(term: str, name: str) -> bool:
    """Whether a term is the column or has it inside; a word before a bracket is a function."""
    words = re.findall(r"`([^`]+)`|([^\W\d]\w*)(?!\w|\s*\()", term)
    return term.strip() == name or name in {quoted_ or word for quoted_, word in words}


def audit_index(results: IndexResults, panel: Panel | None = None, size: str | None = None) -> pd.DataFrame:
    """Check what readers of an index should be told; the work behind `IndexResults.audit`.

    Parameters
    ----------
    results : IndexResults
        A fitted index.
    panel : Panel, optional
        Has the indicators and `size`.
    size : str, optional
        Column that measures the size of an entity.

    Returns
    -------
    DataFrame
        Columns check, finding, message.
    """
    rows = [
        ("future_information", *_future(results)),
        ("comparability", *_comparability(results)),
        ("size_variables", *_size(results, _following(results, panel, size), size)),
        ("legacy_lnT", *_legacy(results)),
    ]
    return pd.DataFrame(rows, columns=["check", "finding", "message"])


def _future(results: IndexResults) -> tuple[str, str]:
    scope = str(results.spec.scope)
    learned = not isinstance(results.spec.weighting, tuple) and results.spec.weighting != "equal"
    if results.index is not None and results.index.nlevels == 1:
        return "ok", "one period: no future information can be used."
    if scope.startswith("base_year"):
        return (
            "ok",
            "scale and weights are estimated in the base year: later years use no future information.",
        )
    if scope == "goalposts":
        text = "end points are fixed in advance"
        if not learned:
            return "ok", f"{text} and weights are not estimated: no future information is used."
        return "note", (
            f"{text}; weights are estimated from all years. Pass given weights if no future information "
            "may be used."
        )
    if scope == "expanding":
        if any(n.code == "imputed" for n in results.diagnostics):
            return (
                "warning",
                "each year uses only the years up to it, but interpolated cells use later years.",
            )
        return "ok", "each year uses only the years up to it."
    if scope == "per_year":
        return "note", "each year uses only its own rows, but growth common to all entities is removed."
    return "warning", (
        "scores of early years depend on later years and change when a year is added. For event studies "
        "and policy evaluation use 'expanding', 'base_year(...)' or 'goalposts'."
    )


def _comparability(results: IndexResults) -> tuple[str, str]:
    scope = str(results.spec.scope)
    if scope == "per_year":
        return (
            "warning",
            (
                "the best value of each indicator is 1 in every year: scores of different years are not "
                "comparable."
            ),
        )
    if scope == "legacy_lnT":
        return "warning", "the weights are in reverse order: see legacy_lnT."
    if scope in ("pooled_norm_yearly_weights", "expanding"):
        return (
            "note",
            "the weights differ between years: part of a change in the score is a change in the weights.",
        )
    if scope == "pooled":
        return "ok", "comparable within the sample, but not with an index of another sample or of more years."
    return "ok", "comparable over time, and with rows scored by `apply`."


def is_level(name: str, unit: str) -> bool | None:
    """Tell an amount or a count from a ratio by its name and unit.

    Parameters
    ----------
    name, unit : str
        Of an indicator.

    Returns
    -------
    bool or None
        None when neither says.

    Examples
    --------
    >>> is_level("broadband", "per 100 people"), is_level("revenue", "10^8 yuan"), is_level("x", "")
    (False, True, None)
    """
    words = f"{name} {unit}".replace("_", " ")
    if _RATIO.search(words):
        return False
    return True if _LEVEL.search(words) else None


def _following(results: IndexResults, panel: Panel | None, size: str | None) -> dict[str, float]:
    """Find indicators whose entity means rank as size does, and the rank correlations."""
    if panel is None and size is None:
        return {}
    if not isinstance(panel, Panel) or not isinstance(size, str):
        raise InputTypeError("audit(panel, size=...) takes a Panel and the name of one of its columns.")
    names = results.spec.system.names
    absent = [n for n in (*names, size) if n not in panel.columns]
    if absent:
        raise unknown_columns(absent, panel.columns, "audit")
    means = panel.frame[[*names, size]].groupby(level=0).mean()
    correlation = means[list(names)].rank().corrwith(means[size].rank())
    return {str(n): float(r) for n, r in correlation.items() if r >= _FOLLOWS}


def _size(results: IndexResults, following: dict[str, float], size: str | None) -> tuple[str, str]:
    found = {i.name: is_level(i.name, i.unit) for i in results.spec.system}
    # A ratio that says so may go with size all the same: what is denser is often larger.
    measured = {n: r for n, r in following.items() if found[n] is None}
    levels = [n for n, level in found.items() if level or n in measured]
    if measured:
        return ("warning" if 2 * len(levels) > len(found) else "note"), _measured_words(
            measured, levels, size
        )
    unknown = [n for n, level in found.items() if level is None]
    known = len(found) - len(unknown)
    if levels and 2 * len(levels) > known:
        return "warning", (
            f"{quoted(levels)} are amounts or counts: the index measures the size of a unit. Divide by "
            "population, area or output."
        )
    if levels:
        return (
            "note",
            f"{quoted(levels)} {'is an amount' if len(levels) == 1 else 'are amounts'} and not a ratio.",
        )
    if unknown:
        return (
            "ok",
            "no indicator is an amount by its name or unit; audit(panel, size=...) compares with size.",
        )
    return "ok", "all indicators are ratios."


def _measured_words(measured: dict[str, float], levels: Sequence[str], size: str | None) -> str:
    shown = ", ".join(f"{cited(n)} {r:z.2f}" for n, r in measured.items())
    named = [n for n in levels if n not in measured]
    return (
        f"rank correlations of entity means with {cited(str(size))}: {shown}. These look like amounts, which "
        "measure the size of a unit. Divide by population, area or output."
        + (f" By name or unit {quoted(named)} too." if named else "")
    )


def _legacy(results: IndexResults) -> tuple[str, str]:
    if results.spec.scope == "legacy_lnT":
        return "warning", (
            "the copied script divides the entropies of all rows by the logarithm of the number of "
            "years, so that they exceed 1 and the order of the weights is reversed. Use it for "
            "replication only."
        )
    given, legacy = results.spec.given_weights, _legacy_weights(results)
    if given is None and results.spec.weighting != "entropy":
        return "ok", "no entropies are used."
    if given is None or legacy is None:
        return "ok", "entropies are divided by the logarithm of the number of rows they are computed from."
    right = results.weights["redundancy"].to_numpy()
    right = right / right.sum()
    if np.abs(given - legacy).max() < min(PRINTED_WEIGHTS, float(np.abs(given - right).max())):
        return "warning", (
            "the given weights are those of the copied script, which divides entropies by the logarithm "
            "of the number of years; the correct entropy weights of these rows have the reverse order."
        )
    return "ok", "the given weights are not those of the copied script."


def _legacy_weights(results: IndexResults) -> Floats | None:
    """Weigh as the script does, from the entropies of a pooled fit with given weights."""
    entropy: Any = results.weights["entropy"].to_numpy()
    if (
        results.state.periods is not None
        or results.n_times is None
        or results.n_times < 2
        or np.isnan(entropy).any()
    ):
        return None
    redundancy = 1.0 - entropy * np.log(results.nobs) / np.log(results.n_times)
    redundancy = np.where(results.state.learned[0].weighing.constant, 0.0, redundancy)
    weights: Floats = redundancy / redundancy.sum()
    return weights
