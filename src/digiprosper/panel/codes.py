"""Terms turned into codes: absorbed effects, clusters and categories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import InputTypeError, cited
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.terms import Term, crossed, no_pairs, parse, split_crossed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Ints
    from digiprosper.panel.keys import Mask
    from digiprosper.panel.table import Table


def coded(table: Table, text: str, role: str = "absorb") -> tuple[Ints, pd.Index[Any]]:
    """Code an absorbed effect or a cluster: codes (N,), -1 where missing, and the level of each code.

    ``"a^b"`` and ``"a:b"`` are the combinations of two.
    """
    return code_terms(table, effect_terms(table, text, role))


def effect_terms(table: Table, text: str, role: str) -> tuple[Term, ...]:
    """Parse an absorbed effect or a cluster; several terms are the combinations of their levels."""
    if text in table.known:
        return (Term(text, text, ()),)
    terms = crossed(text, table.known, role)
    for part in split_crossed(text, table.known):
        _refuse_products(table, part, role)
    return terms


def code_terms(table: Table, terms: Sequence[Term]) -> tuple[Ints, pd.Index[Any]]:
    """Code the combinations of the levels of terms: codes (N,), -1 where missing, and their levels."""
    effects = [_coded_term(table, term) for term in terms]
    return effects[0] if len(effects) == 1 else _pairs(effects, [term.text for term in terms])


def _refuse_products(table: Table, text: str, role: str) -> None:
    """Refuse ``:`` with a measured column, since it may mean combinations or slopes."""
    term = parse(text, table.known, role)
    if len(term.factors) > 1:
        measured = [f.text for f in term.factors if f.category is None and not _has_levels(table, f.names[0])]
        if measured:
            raise no_pairs(term, measured, role)


def _has_levels(table: Table, name: str) -> bool:
    """Tell whether a column is a key, or has text, categories, dates or whole numbers."""
    if name in table.keys.names or not table.is_numeric(name):
        return True
    values = table.numeric(name)
    return bool((np.isnan(values) | (values == np.floor(values))).all())


def _coded_term(table: Table, term: Term) -> tuple[Ints, pd.Index[Any]]:
    keys = table.keys
    if term.column is None:
        codes, levels = pd.factorize(evaluate(term, table), sort=True)
        return codes.astype(np.intp), pd.Index(levels)
    if term.column == keys.entity_name:
        return keys.entity, keys.entities
    if term.column == keys.time_name:
        return keys.time, keys.times
    return levels_of(table, term.column)


def _pairs(effects: Sequence[tuple[Ints, pd.Index[Any]]], names: list[str]) -> tuple[Ints, pd.Index[Any]]:
    """Code the combinations that occur; a row where one effect is missing has code -1."""
    gaps = np.logical_or.reduce([codes < 0 for codes, _ in effects])
    rows = np.flatnonzero(~gaps)
    joint = np.zeros(rows.size, dtype=np.intp)
    for codes, levels in effects:
        # Numbered again at every step, since the product of all numbers of levels may exceed an integer.
        joint = np.unique(joint * max(levels.size, 1) + codes[rows], return_inverse=True)[1].ravel()

    first = rows[np.unique(joint, return_index=True)[1]]
    numbered = np.full(gaps.size, -1, dtype=np.intp)
    numbered[rows] = joint
    values = [levels.take(codes[first]) for codes, levels in effects]
    return numbered, pd.MultiIndex.from_arrays(values, names=names)


def levels_of(table: Table, name: str) -> tuple[Ints, pd.Index[Any]]:
    """Code a column: codes (N,), -1 where missing, and the level of each code.

    Levels of a categorical column keep its order, others are sorted.
    """
    try:
        codes, levels = pd.factorize(table.series(name), sort=True)
    except TypeError as error:
        raise InputTypeError(
            f"column {cited(name)} mixes types and has no order; convert it to text."
        ) from error
    plain = pd.Index(levels.to_numpy()) if isinstance(levels, pd.CategoricalIndex) else pd.Index(levels)
    return codes.astype(np.intp), plain


def seen_codes(codes: Ints, rows: Mask) -> Ints:
    """List the codes that occur in some rows, sorted and without -1."""
    return np.unique(codes[rows & (codes >= 0)])
