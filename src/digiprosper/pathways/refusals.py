"""Why a proposition is not tested, found out before anything is fitted."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from digiprosper.composite.audits import overlap_audit
from digiprosper.pathways.findings import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.composite.indicators import IndicatorSystem
    from digiprosper.pathways.mechanism import Mechanism


def refusal(
    mechanism: Mechanism,
    columns: Mapping[str, str],
    systems: Mapping[str, IndicatorSystem],
    *,
    with_weights: bool,
) -> Reason | None:
    """Find out why a proposition cannot be tested; None if it can."""
    if mechanism.testable == "no":
        return Reason("data", {"needs": mechanism.needs, "needs_zh": mechanism.needs_zh})
    without = tuple(role for role in mechanism.roles if role not in columns)
    if without:
        return Reason("column", {"roles": without})
    if mechanism.shape == "spatial" and not with_weights:
        return Reason("weights")
    return _same_column(columns) or _overlap(tuple(columns.values()), systems)


def _same_column(columns: Mapping[str, str]) -> Reason | None:
    roles: dict[str, list[str]] = {}
    for role, column in columns.items():
        roles.setdefault(column, []).append(role)
    several = [(column, tuple(named)) for column, named in roles.items() if len(named) > 1]
    return Reason("same_column", {"column": several[0][0], "roles": several[0][1]}) if several else None


def _overlap(names: Sequence[str], systems: Mapping[str, IndicatorSystem]) -> Reason | None:
    """Find variables that are indicators of an index beside them, and indices that share one."""
    inside = [
        (indicator, index, "")
        for index in names
        for indicator in indicators_among(index, [name for name in names if name != index], systems)
    ]
    indices = [name for name in names if name in systems]
    shared = [
        (str(indicator), index, other)
        for index, other in combinations(indices, 2)
        for indicator in overlap_audit(systems[index], systems[other])["indicator"]
    ]
    overlaps = (*inside, *shared)
    return Reason("overlap", {"found": overlaps}) if overlaps else None


def indicators_among(index: str, terms: Sequence[str], systems: Mapping[str, IndicatorSystem]) -> list[str]:
    """Find indicators of an index among terms; none if the column `index` is not an index."""
    if index not in systems:
        return []
    audit = overlap_audit(systems[index], systems[index], terms)
    return [str(name) for name in audit.loc[audit["other_columns"], "indicator"]]
