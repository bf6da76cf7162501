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
    """Write the effect of one standard deviation, one row per term; rows without any number are left out."""
    chosen_terms = with_products(matching(terms, all_terms(columns), "std_effect", "etable"), columns)
    rows = []
    for row in share_rows(chosen_terms, columns, labels, style.digits, style.language):
        effects = {position: _effect(columns[position], term, unit) for position, term in row.terms.items()}
        cells = [style.number(effects.get(position, math.nan)) for position in range(len(columns))]
        rows.append((style.say(TABLE, f"std_effect.{unit}", name=row.label), cells))
    return [row for row in rows if any(row[1])]


def _effect(column: Column, term: str, unit: StdEffectIn) -> float:
    """Compute the effect; missing if the model has no means and standard deviations."""
    outcome = str(column.glance["depvar"]) if column.glance else ""
    if term not in column.estimates or not {term, outcome} <= set(column.moments):
        return math.nan
    mean, sd = column.moments[outcome]
    divisor = sd if unit == "sd" else abs(mean) / 100
    change = column.estimates[term].estimate * column.moments[term][1]
    return change / divisor if divisor > 0 else math.nan
