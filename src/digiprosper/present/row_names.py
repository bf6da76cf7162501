"""The rows of one table or plot: which columns share a row, and what it is called."""

from __future__ import annotations

from itertools import chain, groupby, product
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from digiprosper.report.labels import name_label, term_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.report.columns import Column
    from digiprosper.report.terms import Regime

__all__ = ["SharedRow", "row_label", "share_rows"]

_Meaning: TypeAlias = tuple[object, ...]


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

    A term has one row where it means the same (see `Term.meaning`). Terms with one label share a row if no
    column has two of them; otherwise each keeps its own, with the term in brackets behind the label.

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
    bases = {
        cell.term.name: cell.term.base for c in columns for cell in c.estimates.values() if cell.term.regime
    }
    runs = groupby(terms, key=lambda term: bases.get(term, term))
    return _joined([row for _, run in runs for row in _rows_of(list(run), columns, labels, digits)])


def _rows_of(
    together: Sequence[str], columns: Sequence[Column], labels: Mapping[str, str], digits: int
) -> list[_Row]:
    """Give terms that stay together their rows, one a term and meaning."""
    places = {term: _meanings(term, columns, labels) for term in together}
    meanings = list(dict.fromkeys(chain.from_iterable(place.values() for place in places.values())))
    made = []
    for meaning, term in product(meanings, together):
        members = {i for i, own in places[term].items() if own == meaning}
        if members:
            holders = [columns[i] for i in sorted(members)]
            apart = [other for other in meanings if other != meaning]
            label = row_label(term, holders, labels, digits, apart=apart)
            made.append(_Row(term, label, meaning, members))
    return made


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
        position: () if term in labels or term in column.cells else column.estimates[term].term.meaning
        for position, column in enumerate(columns)
        if term in column.estimates or term in column.cells
    }


def row_label(
    name: str,
    columns: Sequence[Column],
    labels: Mapping[str, str],
    digits: int,
    *,
    apart: Sequence[_Meaning] = (),
) -> str:
    """Print the term of a row; a slope of a regime says which regime.

    Parameters
    ----------
    name : str
        Name of the term.
    columns : sequence of Column
        Columns that share the row.
    labels : mapping
        Labels by term or column.
    digits : int
        Decimals of thresholds.
    apart : sequence of meaning
        `Term.meaning` in columns that have the term in another row, from which the label must differ.

    Returns
    -------
    str
        Label of the row. Models that cut at different values share the row ``"digital (regime 1)"``.
    """
    holders = [c for c in columns if name in c.estimates]
    if not holders:
        return labels.get(name, name)
    if name in labels:
        return labels[name]
    column = holders[0]
    first = column.estimates[name].term
    if first.family != "linear" or first.regime is None:
        return term_words(first, labels, column.words, column.factors)
    regimes = [regime for c in holders if (regime := c.estimates[name].term.regime) is not None]
    slope = name_label(first.base, labels, column.factors)
    variable = name_label(first.regime.variable, labels, column.factors)
    return _regime_label(slope, variable, regimes, digits, apart)


def _regime_label(
    name: str, variable: str, regimes: Sequence[Regime], digits: int, apart: Sequence[_Meaning]
) -> str:
    first = regimes[0]
    conditions = {regime.condition(variable, digits) for regime in regimes}
    shared = conditions.pop() if len(conditions) == 1 else None
    if first.kink:
        return f"{name}, {shared or ('below the kink', 'above the kink')[first.number - 1]}"
    if shared is None:
        whose = f"{variable}, regime {first.number} of {first.count}" if apart else f"regime {first.number}"
        return f"{name} ({whose})"
    twins = any(meaning[:3] == ("regime", first.kink, first.variable) for meaning in apart)
    return f"{name} ({shared}{f', regime {first.number} of {first.count}' if twins else ''})"
