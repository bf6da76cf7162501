"""The rows of one table or plot: which columns share a row, and what it is called."""

from __future__ import annotations

from itertools import chain, groupby, product
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from digiprosper.present.columns import LEVELS, products_of
from digiprosper.report.labels import name_label, term_words, text_label
from digiprosper.report.words import TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.present.columns import Columns
    from digiprosper.report.terms import Regime, Term
    from digiprosper.report.words import Language

_Meaning: TypeAlias = tuple[object, ...]


class SharedRow(NamedTuple):
    """A row of a table or plot: its label, and its term by column position."""

    label: str
    terms: dict[int, str]


class _Row(NamedTuple):
    """A term and the columns in which it has the same meaning."""

    term: str
    label: str
    meaning: _Meaning
    members: list[int]


def share_rows(
    terms: Sequence[str],
    columns: Columns,
    labels: Mapping[str, str],
    digits: int,
    language: Language = "english",
) -> list[SharedRow]:
    """Return the rows of terms, in the order of their first terms, with their columns.

    A term has one row per meaning (see `Term.meaning`). Products with their factors in
    another order have the same label. Terms with the same label share a row if no
    column has two of them; otherwise each has a row, with the term in brackets after
    the label. Slopes by regime share a row if threshold variable and number of
    thresholds are equal, or if `labels` has the term.
    """
    bases = {
        cell.term.name: cell.term.base
        for c in columns
        for cell in c.estimates.values()
        if cell.term.regime
    }
    runs = groupby(terms, key=lambda term: bases.get(term, term))
    parts = [_rows_of(list(run), columns, labels, digits, language) for _, run in runs]
    rows = list(chain.from_iterable(parts))
    products, written = products_of(columns), {r.term: r.label for r in reversed(rows)}

    def shared_label(row: _Row) -> str:
        """Return the label of a product: that of the call, or that of the first row."""
        names = () if row.term in labels else products.get(row.term, ())
        texts = (
            source[n] for source in (labels, written) for n in names if n in source
        )
        return next(texts, row.label)

    return _joined([row._replace(label=shared_label(row)) for row in rows])


def _rows_of(
    together: Sequence[str],
    columns: Columns,
    labels: Mapping[str, str],
    digits: int,
    language: Language,
) -> list[_Row]:
    """Return the rows of terms that stay together, one per term and meaning."""
    rows = []
    meanings = {term: _meanings(term, columns, labels) for term in together}
    all_meanings = dict.fromkeys(chain(*(of.values() for of in meanings.values())))
    for meaning, term in product(all_meanings, together):
        members = [i for i, other in meanings[term].items() if other == meaning]
        if members:
            holders = [columns[i] for i in members]
            apart = [other for other in all_meanings if other != meaning]
            label = row_label(term, holders, labels, digits, language, apart=apart)
            rows.append(_Row(term, label, meaning, members))
    return rows


def _joined(rows: Sequence[_Row]) -> list[SharedRow]:
    """Join rows with the same label and meaning, unless a column is in two of them."""
    groups: dict[tuple[str, _Meaning], list[_Row]] = {}
    for row in rows:
        groups.setdefault((row.label, row.meaning), []).append(row)
    joined = []
    for row in rows:
        group = groups[row.label, row.meaning]
        holders = [position for member in group for position in member.members]
        if len(set(holders)) < len(holders):
            joined.append(
                SharedRow(
                    f"{row.label} [{row.term}]", dict.fromkeys(row.members, row.term)
                )
            )
        elif row is group[0]:
            terms = {
                position: member.term for member in group for position in member.members
            }
            joined.append(SharedRow(row.label, terms))
    return joined


def _meanings(
    term: str, columns: Columns, labels: Mapping[str, str]
) -> dict[int, _Meaning]:
    """Return a term's meaning by column."""
    return {
        position: ()
        if term in labels or term in column.cells
        else column.estimates[term].term.meaning
        for position, column in enumerate(columns)
        if term in column.estimates or term in column.cells
    }


def row_label(
    name: str,
    columns: Columns,
    labels: Mapping[str, str],
    digits: int,
    language: Language = "english",
    *,
    apart: Sequence[_Meaning] = (),
) -> str:
    """Write the label of a row; a slope by regime has the regime in it.

    Models with different thresholds share a row such as ``"digital (regime 1)"``.
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
    variable = name_label(first.regime.variable, labels, column.factors, language)
    condition = _shared_condition(
        [c.estimates[name].term for c in holders], variable, digits, language
    )
    name = name_label(first.base, labels, column.factors, language)
    if first.kind == "intercept" and name == first.base:
        name = TABLE.say("intercept", language)
    return TABLE.say(
        "regime.kink" if first.regime.kink else "regime",
        language,
        name=name,
        condition=_regime_words(first.regime, condition, variable, apart, language),
    )


def _cell_label(
    name: str, columns: Columns, labels: Mapping[str, str], language: Language
) -> str:
    """Write the label of a row of plain cells: its method's words or levels."""
    for column in columns:
        if f"row.{name}" in column.words:
            return column.words.say(f"row.{name}", language)
    for column in columns:
        if name in column.factors:
            return name_label(name, labels, column.factors, language)
    parts = name.split(LEVELS)
    return LEVELS.join(text_label(part, labels, language) for part in parts)


def _shared_condition(
    terms: Sequence[Term], variable: str, digits: int, language: Language
) -> str | None:
    """Write the condition of a regime; None if columns have different thresholds."""
    written = {
        term.regime.condition(variable, digits, language)
        for term in terms
        if term.regime
    }
    return written.pop() if len(written) == 1 else None


def _regime_words(
    regime: Regime,
    shared: str | None,
    variable: str,
    apart: Sequence[_Meaning],
    language: Language,
) -> str:
    """Name a regime by the condition that columns share, otherwise by its number."""
    if regime.kink:
        return shared or TABLE.say(
            "regime.below.kink" if regime.number == 1 else "regime.above.kink", language
        )
    number = TABLE.say("regime.number", language, number=regime.number)
    which = TABLE.say(
        "regime.number.of", language, number=regime.number, count=regime.count
    )
    if shared is None:
        return _joined_words(variable, which, language) if apart else number
    twins = any(
        meaning[:3] == ("regime", regime.kink, regime.variable) for meaning in apart
    )
    return _joined_words(shared, which, language) if twins else shared


def _joined_words(condition: str, which: str, language: Language) -> str:
    return TABLE.say("regime.condition", language, condition=condition, which=which)
