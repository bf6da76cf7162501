"""The rows of one table or plot: which columns share a row, and what it is called."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from digiprosper.mediation.routes import links_of
from digiprosper.report.labels import term_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.present.columns import Column, Regimes

__all__ = ["SharedRow", "row_label", "share_rows"]

_Meaning: TypeAlias = tuple[bool, str, int] | str | None
_REGIME = re.compile(r"(.*):(regime\d+|below|above)")
_EFFECT_MODELS = ("Mediation", "MediationIV", "Mean group mediation", "Sequential g")
_EFFECTS = {
    "total": "Total effect",
    "direct": "Direct effect",
    "indirect": "Indirect effect",
    "proportion_mediated": "Proportion mediated",
    "controlled_direct": "Controlled direct effect",
    "eliminated": "Eliminated effect",
    "a": "a: treatment on mediator",
    "b": "b: mediator on outcome",
}
_PATHS = {
    "indirect": "Indirect through {}",
    "eliminated": "Eliminated through {}",
    "a": "a: treatment on {}",
    "b": "b: {} on outcome",
    "product_of_means": "Product of the means of a and b, {}",
    "covariance": "Covariance of a and b, {}",
}
_AT = {
    "p10": "10% quantile",
    "p50": "median",
    "p90": "90% quantile",
    "low": "low value",
    "high": "high value",
    "regime1": "regime 1",
    "regime2": "regime 2",
}
_CHANGES = {"index": "change with the moderator", "difference": "regime 2 minus regime 1"}


class SharedRow(NamedTuple):
    """One row of a table or plot: its label, and which term it shows of each column, by position."""

    label: str
    terms: dict[int, str]


class _Row(NamedTuple):
    """One term of columns in which it means the same."""

    term: str
    label: str
    meaning: _Meaning
    members: set[int]


def share_rows(
    terms: Sequence[str], columns: Sequence[Column], labels: Mapping[str, str], digits: int
) -> list[SharedRow]:
    """Decide which columns share a row.

    A term has one row where it means the same: "regime 1" of one threshold variable is not that of another,
    and the "total" of a mediation is not a regressor called so. Terms with one label share a row if no column
    has two of them; otherwise each keeps its own, with the term in brackets behind the label.

    Parameters
    ----------
    terms : sequence of str
        Terms, in order.
    columns : sequence of Column
        The columns.
    labels : mapping
        Labels by term or column.
    digits : int
        Decimals of thresholds.

    Returns
    -------
    list of SharedRow
        In order; a shared row stands where the first of its terms does. Slopes by regime share a row when
        threshold variable and number of thresholds agree, or when `labels` names the term.
    """
    rows = []
    for _, run in groupby(terms, key=_without_regime):
        together = list(run)
        places = {term: _meanings(term, columns, labels) for term in together}
        meanings = list(dict.fromkeys(meaning for place in places.values() for meaning in place.values()))
        for meaning in meanings:
            for term in together:
                members = {i for i, own in places[term].items() if own == meaning}
                if members:
                    holders = [columns[i] for i in sorted(members)]
                    apart = [other for other in meanings if other != meaning]
                    label = row_label(term, holders, labels, digits, apart=apart)
                    rows.append(_Row(term, label, meaning, members))
    return _joined(rows)


def _joined(rows: Sequence[_Row]) -> list[SharedRow]:
    """Join rows with one label and one meaning where no column is in two of them."""
    groups: dict[tuple[str, _Meaning], list[_Row]] = {}
    for row in rows:
        groups.setdefault((row.label, row.meaning), []).append(row)
    made = []
    for row in rows:
        group = groups[row.label, row.meaning]
        holders = [position for own in group for position in own.members]
        if len(set(holders)) < len(holders):
            made.append(SharedRow(f"{row.label} [{row.term}]", dict.fromkeys(row.members, row.term)))
        elif row is group[0]:
            shown = {position: own.term for own in group for position in own.members}
            made.append(SharedRow(row.label, shown))
    return made


def _meanings(term: str, columns: Sequence[Column], labels: Mapping[str, str]) -> dict[int, _Meaning]:
    """Tell what a term is in each column that has it; a label of its own says that it is one thing."""
    return {
        position: None if term in labels else _meaning(term, column)
        for position, column in enumerate(columns)
        if term in column.estimates or term in column.cells
    }


def _meaning(term: str, column: Column) -> _Meaning:
    if column.regimes and column.regimes.cuts and _REGIME.fullmatch(term):
        return column.regimes.family
    return "effect" if _has_effects(column) else None


def _has_effects(column: Column) -> bool:
    return column.glance is not None and column.glance["model"] in _EFFECT_MODELS


def _without_regime(term: str) -> str:
    slope = _REGIME.fullmatch(term)
    return slope[1] if slope else term


def row_label(
    term: str,
    columns: Sequence[Column],
    labels: Mapping[str, str],
    digits: int,
    *,
    apart: Sequence[_Meaning] = (),
) -> str:
    """Print the term of a row; a slope of a regime says which regime.

    Parameters
    ----------
    term : str
        The term.
    columns : sequence of Column
        Columns that share the row.
    labels : mapping
        Labels by term or column.
    digits : int
        Decimals of thresholds.
    apart : sequence of family
        `Regimes.family` of columns that have the term in another row, from which the label must differ.

    Returns
    -------
    str
        Label of the row. Models that cut at different values share the row ``"digital (regime 1)"``.
    """
    holders = [c for c in columns if term in c.estimates]
    if not holders:
        return labels.get(term, term)
    slope = _REGIME.fullmatch(term)
    regimes = [c.regimes for c in holders if c.regimes]
    if term not in labels and slope is not None and regimes:
        whole = len(regimes) == len(holders)
        return _regime_label(slope, regimes if whole else [*regimes, None], labels, digits, apart)
    if term not in labels and any(map(_has_effects, holders)):
        return _effect_words(term, holders, labels)
    return term_label(term, labels)


def _regime_label(
    slope: re.Match[str],
    regimes: Sequence[Regimes | None],
    labels: Mapping[str, str],
    digits: int,
    apart: Sequence[_Meaning],
) -> str:
    number = {"below": 1, "above": 2}.get(slope[2]) or int(slope[2].removeprefix("regime"))
    name = term_label(slope[1], labels)
    whens = {r.condition(number, term_label(r.variable, labels), digits) if r else "" for r in regimes}
    first = regimes[0]
    if slope[2] in ("below", "above"):
        return f"{name}, {whens.pop() if len(whens) == 1 else f'{slope[2]} the kink'}"
    if first is None or len(whens) > 1:
        whose = f"{term_label(first.variable, labels)}, " if first and apart else ""
        size = f" of {len(first.cuts) + 1}" if first and apart else ""
        return f"{name} ({whose}regime {number}{size})"
    twins = any(family and family[:2] == first.family[:2] for family in apart)
    return f"{name} ({whens.pop()}{f', regime {number} of {len(first.cuts) + 1}' if twins else ''})"


def _effect_words(term: str, columns: Sequence[Column], labels: Mapping[str, str]) -> str:
    kind, path, at = _parts(term)
    where = f" ({_AT[at]})" if at else ""
    if kind in _CHANGES and path:
        whole = "direct" if path == "direct" else f"indirect:{path}"
        return f"{_effect_words(whole, columns, labels)}: {_CHANGES[kind]}{where}"
    if kind in _PATHS and path:
        every = {p for c in columns for k, p, _ in map(_parts, c.estimates) if k == "indirect" and p}
        through = (term_label(link, labels) for link in links_of(path, sorted(every, key=len)))
        return _PATHS[kind].format(" → ".join(through)) + where
    if kind in _EFFECTS and not path:
        return _EFFECTS[kind] + where
    return term_label(term, labels)


def _parts(term: str) -> tuple[str, str, str]:
    """Take an effect apart: which it is, through which mediators, and at which value or in which regime."""
    whole, _, end = term.rpartition(":")
    at = end if whole and end in _AT else ""
    kind, _, path = (whole if at else term).partition(":")
    return kind, path, at
