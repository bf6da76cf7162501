"""The rows of a table or plot: columns that share a row, and its label."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, groupby, product
from typing import NamedTuple, TypeAlias

from digiprosper.present.columns import LEVELS, Columns, products_of
from digiprosper.present.style import Style
from digiprosper.report.collection import merged
from digiprosper.report.labels import term_words, text_label
from digiprosper.report.terms import Regime, Term

_Meaning: TypeAlias = tuple[object, ...]


class TermRow(NamedTuple):
    """A row of a table or plot: its label, and its term by column position."""

    label: str
    terms: dict[int, str]


class _Row(NamedTuple):
    """A term and the columns in which it has the same meaning."""

    term: str
    label: str
    meaning: _Meaning
    members: list[int]


def share_rows(terms: Sequence[str], columns: Columns, style: Style) -> list[TermRow]:
    """Return the rows of terms, in the order of their first terms, with their columns.

    A term has one row per meaning (see `Term.meaning`). Products with their factors in
    another order have the same label. Terms with the same label share a row if no
    column has two of them; otherwise each has a row, with the term in brackets after
    the label. Slopes by regime share a row if threshold variable and number of
    thresholds are equal, or if there is a label of the term.
    """
    bases = {
        cell.term.name: cell.term.base
        for c in columns
        for cell in c.estimates.values()
        if cell.term.regime
    }
    runs = groupby(terms, key=lambda term: bases.get(term, term))
    parts = [_split_by_meaning(list(run), columns, style) for _, run in runs]
    rows, labels = list(chain.from_iterable(parts)), style.labels
    products, written = products_of(columns), {r.term: r.label for r in reversed(rows)}

    def shared_label(row: _Row) -> str:
        """Return the label of a product: that of the call, or that of the first row."""
        names = () if row.term in labels else products.get(row.term, ())
        texts = (
            source[n] for source in (labels, written) for n in names if n in source
        )
        return next(texts, row.label)

    return _join_rows([row._replace(label=shared_label(row)) for row in rows])


def _split_by_meaning(
    together: Sequence[str], columns: Columns, style: Style
) -> list[_Row]:
    """Return the rows of grouped terms, one per term and meaning."""
    rows = []
    meanings = {term: _meanings(term, columns, style) for term in together}
    all_meanings = dict.fromkeys(chain(*(of.values() for of in meanings.values())))
    for meaning, term in product(all_meanings, together):
        members = [i for i, other in meanings[term].items() if other == meaning]
        if members:
            holders = [columns[i] for i in members]
            apart = [other for other in all_meanings if other != meaning]
            label = row_label(term, holders, style, apart=apart)
            rows.append(_Row(term, label, meaning, members))
    return rows


def _join_rows(rows: Sequence[_Row]) -> list[TermRow]:
    """Join rows with the same label and meaning, unless a column is in two of them."""
    groups: dict[tuple[str, _Meaning], list[_Row]] = {}
    for row in rows:
        groups.setdefault((row.label, row.meaning), []).append(row)
    joined = []
    for row in rows:
        group = groups[row.label, row.meaning]
        holders = [position for member in group for position in member.members]
        if len(set(holders)) < len(holders):
            terms = dict.fromkeys(row.members, row.term)
            joined.append(TermRow(f"{row.label} [{row.term}]", terms))
        elif row is group[0]:
            terms = {at: member.term for member in group for at in member.members}
            joined.append(TermRow(row.label, terms))
    return joined


def _meanings(term: str, columns: Columns, style: Style) -> dict[int, _Meaning]:
    return {
        position: ()
        if term in style.labels or term in column.cells
        else column.estimates[term].term.meaning
        for position, column in enumerate(columns)
        if term in column.estimates or term in column.cells
    }


def row_label(
    name: str, columns: Columns, style: Style, *, apart: Sequence[_Meaning] = ()
) -> str:
    """Write the label of a row; a slope by regime has the regime in it.

    Models with different thresholds share a row such as ``"digital (regime 1)"``.
    """
    labels, language = style.labels, style.language
    if name in labels:
        return labels[name]
    terms = [c.estimates[name].term for c in columns if name in c.estimates]
    if not terms:
        return _cell_label(name, columns, style)
    column = next(c for c in columns if name in c.estimates)
    first = terms[0]
    if first.family != "linear" or first.regime is None:
        return term_words(first, labels, column.words, column.factors, language)
    variable = style.label(first.regime.variable, column.factors)
    condition = _shared_condition(terms, variable, style)
    base = style.label(first.base, column.factors)
    if first.kind == "intercept" and base == first.base:
        base = style.say("intercept")
    code = "regime.kink" if first.regime.kink else "regime"
    words = _regime_text(first.regime, condition, variable, apart, style)
    return style.say(code, name=base, condition=words)


def _shared_condition(terms: Sequence[Term], variable: str, style: Style) -> str | None:
    """Write the condition of a regime; None if columns have different thresholds."""
    written = {
        term.regime.condition(variable, style.digits, style.language)
        for term in terms
        if term.regime
    }
    return written.pop() if len(written) == 1 else None


def _cell_label(name: str, columns: Columns, style: Style) -> str:
    """Write the label of a row of plain cells: its method's words or levels."""
    for column in columns:
        if f"row.{name}" in column.words:
            return style.say(f"row.{name}", column.words)
    factors = merged(columns, "factors")
    parts = [name] if name in factors else name.split(LEVELS)
    head = "kind" if any("kind" in column.stub for column in columns) else ""
    return LEVELS.join(
        style.label(part, factors)
        if part in factors
        else text_label(part, style.labels, style.language, head)
        for part in parts
    )


def _regime_text(
    regime: Regime,
    shared: str | None,
    variable: str,
    apart: Sequence[_Meaning],
    style: Style,
) -> str:
    """Name a regime by the condition that columns share, otherwise by its number."""
    if regime.kink:
        side = "below" if regime.number == 1 else "above"
        return shared or style.say(f"regime.{side}.kink")
    number, count = regime.number, regime.count
    twins = any(
        meaning[:3] == ("regime", regime.kink, regime.variable) for meaning in apart
    )
    if not (twins if shared else apart):
        return shared or style.say("regime.number", number=number)
    which = style.say("regime.number.of", number=number, count=count)
    return style.say("regime.condition", condition=shared or variable, which=which)
