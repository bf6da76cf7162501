"""Rows with the effect of one standard deviation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

from digiprosper.present.columns import all_terms, matching, with_products
from digiprosper.present.row_names import share_rows
from digiprosper.report.words import TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.present.rows import Row
    from digiprosper.present.style import Style
    from digiprosper.report.columns import Column

StdEffectIn: TypeAlias = Literal["sd", "mean"]


def effect_rows(
    columns: Sequence[Column],
    terms: Sequence[str] | str,
    unit: StdEffectIn,
    labels: Mapping[str, str],
    style: Style,
) -> list[Row]:
    """Write the effect of one standard deviation of a term.

    Parameters
    ----------
    columns : sequence of Column
        The columns.
    terms : sequence of str
        Terms or patterns.
    unit : {"sd", "mean"}
        Of the outcome: its standard deviation, or its mean in percent.
    labels : mapping
        Labels by term or column.
    style : Style
        How numbers become text.

    Returns
    -------
    list of (str, list of str)
        One row per term, as terms share them; those without any number are left out.

    Raises
    ------
    InputTypeError
        If `terms` is neither a text nor a list of texts.
    ColumnError
        If an entry matches no term.
    """
    wanted = with_products(matching(terms, all_terms(columns), "std_effect", "etable"), columns)
    made = []
    for row in share_rows(wanted, columns, labels, style.digits, style.language):
        effects = {place: _effect(columns[place], term, unit) for place, term in row.terms.items()}
        cells = [style.number(effects.get(place, math.nan)) for place in range(len(columns))]
        made.append((style.say(TABLE, f"std_effect.{unit}", name=row.label), cells))
    return [row for row in made if any(row[1])]


def _effect(column: Column, term: str, unit: StdEffectIn) -> float:
    """Compute it; missing where the model does not tell means and standard deviations."""
    outcome = str(column.glance["depvar"]) if column.glance else ""
    if term not in column.estimates or not {term, outcome} <= set(column.moments):
        return math.nan
    mean, sd = column.moments[outcome]
    divisor = sd if unit == "sd" else abs(mean) / 100
    change = column.estimates[term].estimate * column.moments[term][1]
    return change / divisor if divisor > 0 else math.nan
