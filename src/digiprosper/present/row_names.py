"""The rows of one table or plot: which columns share a row, and what it is called."""

from __future__ import annotations

from itertools import chain, groupby, product
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from digiprosper.present.columns import LEVELS, products_of
from digiprosper.report.labels import name_label, term_words
from digiprosper.report.words import TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.report.columns import Column
    from digiprosper.report.terms import Regime, Term
    from digiprosper.report.words import Language

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
    terms: Sequence[str],
    columns: Sequence[Column],
    labels: Mapping[str, str],
    digits: int,
    language: Language = "english",
) -> list[SharedRow]:
    """Decide which columns share a row.

    A term has one row where it means the same (see `Term.meaning`). Products whose factors are in another
    order have one label. Terms with one label share a row if no column has two of them; otherwise each keeps
    its own, with the term in brackets behind the label.

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
    language : {"english", "chinese"}
        Of the words of effects and regimes.

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
    together = [_rows_of(list(run), columns, labels, (digits, language)) for _, run in runs]
    rows = list(chain.from_iterable(together))
    shared = _labels_of_products(rows, products_of(columns), labels)
    return _joined([row._replace(label=shared.get(row.term, row.label)) for row in rows])


def _labels_of_products(
    rows: Sequence[_Row], products: Mapping[str, tuple[str, ...]], labels: Mapping[str, str]
) -> dict[str, str]:
    """Give the names of one product one label: that of the caller, or else that of its first row."""
    written = {row.term: row.label for row in reversed(rows)}
    shared = {}
    for name in written.keys() & products.keys() - labels.keys():
        names = products[name]
        of_caller = [labels[other] for other in names if other in labels]
        shared[name] = next(iter([*of_caller, *(written[other] for other in names if other in written)]))
    return shared


def _rows_of(
    together: Sequence[str],
    columns: Sequence[Column],
    labels: Mapping[str, str],
    look: tuple[int, Language],
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
            label = row_label(term, holders, labels, *look, apart=apart)
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
    language: Language = "english",
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
    language : {"english", "chinese"}
        Of the words of effects and regimes.
    apart : sequence of meaning
        `Term.meaning` in columns that have the term in another row, from which the label must differ.

    Returns
    -------
    str
        Label of the row. Models that cut at different values share the row ``"digital (regime 1)"``.
    """
    holders = [c for c in columns if name in c.estimates]
    if name in labels:
        return labels[name]
    if not holders:
        return _cell_label(name, columns, labels, language)
    column = holders[0]
    first = column.estimates[name].term
    if first.family != "linear" or first.regime is None:
        return term_words(first, labels, column.words, column.factors, language)
    variable = name_label(first.regime.variable, labels, column.factors)
    condition = _shared_condition([c.estimates[name].term for c in holders], variable, digits, language)
    return TABLE.say(
        "regime.kink" if first.regime.kink else "regime",
        language,
        name=name_label(first.base, labels, column.factors),
        condition=_regime_words(first.regime, condition, variable, apart, language),
    )


def _cell_label(name: str, columns: Sequence[Column], labels: Mapping[str, str], language: Language) -> str:
    """Print the row of plain cells: words of its method, else the labels of its levels."""
    for column in columns:
        if f"row.{name}" in column.words:
            return column.words.say(f"row.{name}", language)
    first, *parts = name.split(LEVELS)
    said = (labels.get(part) or _part_words(part, language) for part in parts)
    return LEVELS.join([labels.get(first, first), *said])


def _part_words(part: str, language: Language) -> str:
    """Name the part of the variation that a row of `Panel.describe` is about."""
    code = f"part.{part}"
    return TABLE.say(code, language) if code in TABLE else part


def _shared_condition(terms: Sequence[Term], variable: str, digits: int, language: Language) -> str | None:
    """Write the condition of a regime; None if columns cut at different values."""
    written = {term.regime.condition(variable, digits, language) for term in terms if term.regime}
    return written.pop() if len(written) == 1 else None


def _regime_words(
    regime: Regime, shared: str | None, variable: str, apart: Sequence[_Meaning], language: Language
) -> str:
    """Name the rows that are meant: the condition that columns share, or else the number of the regime."""
    if regime.kink:
        return shared or TABLE.say(
            "regime.below.kink" if regime.number == 1 else "regime.above.kink", language
        )
    number = TABLE.say("regime.number", language, number=regime.number)
    which = TABLE.say("regime.number.of", language, number=regime.number, count=regime.count)
    if shared is None:
        return _joined_words(variable, which, language) if apart else number
    twins = any(meaning[:3] == ("regime", regime.kink, regime.variable) for meaning in apart)
    return _joined_words(shared, which, language) if twins else shared


def _joined_words(condition: str, which: str, language: Language) -> str:
    return TABLE.say("regime.condition", language, condition=condition, which=which)
