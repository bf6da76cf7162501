"""Rows for several terms (controls and other blocks), with yes and no."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from itertools import chain

from digiprosper.errors import OptionError, cited, option_error, quoted, type_error
from digiprosper.present.columns import (
    Columns,
    all_terms,
    matching_terms,
    products_of,
    with_products,
)
from digiprosper.present.style import Style
from digiprosper.report.characters import tidy_text
from digiprosper.report.columns import Column
from digiprosper.report.labels import effect_names

Folded = dict[str, list[str]]
"""Terms and absorbed effects by the name of their row."""


def fold_terms(
    columns: Columns, controls: Sequence[str] | str, blocks: object, style: Style
) -> Folded:
    """Return the terms that each row of controls or blocks summarises, by its name.

    `blocks` has terms, patterns or absorbed effects by name.
    """
    terms = all_terms(columns)
    chosen = with_products(
        matching_terms(controls, terms, "controls", "etable"), columns
    )
    folded: Folded = {style.say("controls"): chosen} if chosen else {}
    effects = chain.from_iterable(absorbed_effects(column) or () for column in columns)
    foldable = list(dict.fromkeys([*terms, *effects]))
    for name, entries in _read_blocks(blocks).items():
        if name in folded:
            raise _blocks_error(f"the row {cited(name)} is repeated", blocks)
        matched = matching_terms(entries, foldable, f"blocks[{cited(name)}]", "etable")
        folded[name] = with_products(matched, columns)
    _refuse_overlap(folded, blocks)
    return folded


def _refuse_overlap(folded: Folded, blocks: object) -> None:
    """Refuse rows without name or terms, and terms in two rows."""
    empty = [name for name, terms in folded.items() if not terms]
    counts = Counter(chain.from_iterable(folded.values()))
    twice = [term for term, count in counts.items() if count > 1]
    if "" in folded:
        raise _blocks_error("a row has no name", blocks)
    if empty:
        raise _blocks_error(f"{quoted(empty)} has no terms", blocks)
    if twice:
        raise _blocks_error(f"{quoted(twice)} would be in two rows", blocks)


def _read_blocks(blocks: object) -> dict[str, Sequence[str]]:
    if blocks is None:
        return {}
    if not isinstance(blocks, Mapping) or not all(
        isinstance(name, str) for name in blocks
    ):
        raise type_error(
            "blocks",
            blocks,
            "a mapping from rows to terms such as "
            '{"Controls": ["edu", "open"], "Trends": ["trend*"]}',
            "etable",
        )
    names = [tidy_text(name) for name in blocks]
    if len(set(names)) < len(names):
        raise _blocks_error("two rows have the same name", blocks)
    return dict(zip(names, blocks.values(), strict=True))


def _blocks_error(problem: str, blocks: object) -> OptionError:
    return option_error(
        "blocks",
        blocks,
        f"etable: blocks: {problem}; every row needs a distinct name and "
        "distinct terms.",
    )


def folded_rows(
    columns: Columns, folded: Folded, style: Style
) -> list[tuple[str, list[str]]]:
    """Write a row per block: yes, no, or "Some" if a model has some of its terms."""
    product_names = products_of(columns)
    effects = set(
        chain.from_iterable(absorbed_effects(column) or () for column in columns)
    )
    rows = {
        name: {product_names.get(term, (term,)) for term in terms}
        for name, terms in folded.items()
    }
    return [
        (name, [_block_cell(column, terms, effects, style) for column in columns])
        for name, terms in rows.items()
    ]


def _block_cell(
    column: Column, terms: Set[tuple[str, ...]], effects: set[str], style: Style
) -> str:
    """Write whether a model has the terms, each a set of names of one product."""
    if not column.absorbs:
        terms = {names for names in terms if effects.isdisjoint(names)}
    held = {*column.estimates, *column.adjusted, *(absorbed_effects(column) or ())}
    count = sum(not held.isdisjoint(names) for names in terms)
    if 0 < count < len(terms):
        return style.say("some")
    # Effects computed from several equations do not list what those equations contain.
    lists_all = column.glance is not None and not (
        column.inference and column.inference.from_draws
    )
    return style.answer(yes=count > 0) if count or (terms and lists_all) else ""


def absorbed_effects(column: Column) -> tuple[str, ...] | None:
    """List a column's absorbed effects; None where they are not known."""
    return (
        None
        if column.glance is None or not column.absorbs
        else effect_names(column.glance.get("effects"))
    )


def dummy_effects(column: Column) -> set[str]:
    """Name the categories whose dummies are regressors, such as ``C(year)``."""
    terms = [estimate.term.factors for estimate in column.estimates.values()]
    return {t[0].column for t in terms if len(t) == 1 and t[0].level is not None}
