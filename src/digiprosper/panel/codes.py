"""Absorbed effects and clusters: what is accepted, and their codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.checks import term_problem
from digiprosper.errors import InputTypeError, TermError, cited
from digiprosper.kernels import Ints
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.keys import plain_levels
from digiprosper.panel.table import Table
from digiprosper.panel.terms import (
    LONGEST_TERM,
    PIECE,
    Term,
    ambiguous_pairs_error,
    column_term,
    crossed,
    parse,
    split_crossed,
    split_outside_calls,
)
from digiprosper.report.parsing import too_long

Coded: TypeAlias = "tuple[Ints, pd.Index[Any]]"
"""Codes (N,) of the rows, -1 if missing, and the levels."""

_HELP = (
    "Slopes by group are written 'province[year]', or 'province[[year]]' without the "
    "effect of the province itself; several are separated by commas"
)


@dataclass(frozen=True, slots=True)
class Absorbed:
    """One absorbed effect: a constant by level, or the slope of a term by level."""

    # The term whose values are the levels, such as "province" or "region^industry".
    effect: str
    # The term that the slope is of; None for a constant by level.
    slope: str | None = None

    @property
    def name(self) -> str:
        """The effect, or ``"province[[year]]"`` for a slope."""
        return self.effect if self.slope is None else f"{self.effect}[[{self.slope}]]"


def read_absorbed(text: str, column_names: Sequence[str]) -> tuple[Absorbed, ...]:
    """Read an entry of `absorb` such as ``"province"`` or ``"province[year, x]"``.

    Return the effect itself, unless the brackets are double (``"province[[year]]"``),
    then its slopes.
    """
    stripped = text if text in column_names else text.strip()
    if stripped in column_names or too_long(stripped, LONGEST_TERM):
        return (Absorbed(stripped),)
    pieces = PIECE.findall(stripped)
    if {"[", "]"}.isdisjoint(pieces):
        return (Absorbed(stripped),)

    effect, inside = _split_brackets(stripped, pieces)
    double = inside[:1] == ["["] and inside[-1:] == ["]"]
    slopes = _slope_terms(inside[1:-1] if double else inside, stripped, column_names)
    constant = () if double else (Absorbed(effect),)
    return (*constant, *(Absorbed(effect, slope) for slope in slopes))


def _split_brackets(text: str, pieces: Sequence[str]) -> tuple[str, list[str]]:
    """Separate an effect from the text in the brackets at its end."""
    first = pieces.index("[") if "[" in pieces else 0
    effect = "".join(pieces[:first]).strip()
    if pieces.count("[") != pieces.count("]") or pieces[-1] != "]":
        raise _absorb_error(
            text, "its brackets are not closed, or something follows them"
        )
    if not effect:
        raise _absorb_error(text, "there is no effect before the brackets")
    return effect, list(pieces[first + 1 : -1])


def _slope_terms(
    pieces: Sequence[str], text: str, column_names: Sequence[str]
) -> list[str]:
    """List the different terms between the commas in the brackets of a text."""
    if "[" in pieces or "]" in pieces:
        raise _absorb_error(text, "there are brackets inside the brackets")
    parts = split_outside_calls(pieces, ",")
    if not all(parts):
        raise _absorb_error(text, "a slope is empty")
    slopes = []
    for part in parts:
        term = parse(part, column_names, "absorb")
        if term.categories:
            why = (
                f"a slope must be numeric and {cited(part)} is a category; crossed "
                "effects are written"
            )
            raise _absorb_error(text, f"{why} {cited('province^region')}")
        slopes.append(term.key)
    return list(dict.fromkeys(slopes))


def _absorb_error(text: str, why: str) -> TermError:
    return TermError(
        f"absorb cannot use {cited(text)}: {why}. {_HELP}.",
        [term_problem(text, "absorb", why)],
    )


def canonical_effect(effect: str, column_names: Sequence[str]) -> str:
    """Return a key, equal for ``C(a)`` and ``a``, and for ``a^b`` and ``b:a``."""
    parts = {term.key for term in crossed(effect, column_names, "absorb")}
    # No name of a column has a line break.
    return "\n".join(sorted(parts))


def coded(table: Table, text: str, role: str = "absorb") -> Coded:
    """Code an effect or a cluster, such as ``"a^b"``: codes (N,) or -1, and levels."""
    return code_terms(table, effect_terms(table, text, role))


def effect_terms(table: Table, text: str, role: str) -> tuple[Term, ...]:
    """Parse an absorbed effect or a cluster, perhaps of several terms."""
    if text in table.names:
        return (column_term(text),)
    terms = crossed(text, table.names, role)
    for part in split_crossed(text, table.names):
        _refuse_products(table, part, role)
    return terms


def code_terms(table: Table, terms: Sequence[Term]) -> Coded:
    """Code combinations of levels of terms: codes (N,) and levels."""
    if len(terms) == 1:
        return _coded_term(table, terms[0])
    effects = [_coded_term(table, term) for term in terms]
    return _combined_codes(effects, [term.text for term in terms])


def _refuse_products(table: Table, text: str, role: str) -> None:
    """Refuse ``:`` with a measured column, since it may mean combinations or slopes."""
    term = parse(text, table.names, role)
    measured = [
        factor.text
        for factor in term.factors
        if factor.category is None
        and (name := factor.names[0]) not in table.keys.names
        and table.is_numeric(name)
        # Not only whole numbers
        and (table.numeric(name) % 1 > 0).any()
    ]
    if measured and len(term.factors) > 1:
        raise ambiguous_pairs_error(term, measured, role)


def _coded_term(table: Table, term: Term) -> Coded:
    keys = table.keys
    if term.column is None:
        codes, levels = pd.factorize(evaluate(term, table), sort=True)
        return codes.astype(np.intp), pd.Index(levels)
    if term.column == keys.entity_name:
        return keys.entity, keys.entities
    if term.column == keys.time_name:
        return keys.time, keys.times
    return levels_of(table, term.column)


def _combined_codes(effects: Sequence[Coded], names: list[str]) -> Coded:
    """Code the combinations that occur; -1 where one effect is missing."""
    gaps = np.logical_or.reduce([codes < 0 for codes, _ in effects])
    rows = np.flatnonzero(~gaps)
    joint = np.zeros(rows.size, dtype=np.intp)
    for codes, levels in effects:
        # Numbered again at every step, since the product of all numbers of levels may
        # exceed an integer.
        joint = np.unique(
            joint * max(levels.size, 1) + codes[rows], return_inverse=True
        )[1].ravel()

    first = rows[np.unique(joint, return_index=True)[1]]
    numbered = np.full(gaps.size, -1, dtype=np.intp)
    numbered[rows] = joint
    values = [levels.take(codes[first]) for codes, levels in effects]
    return numbered, pd.MultiIndex.from_arrays(values, names=names)


def levels_of(table: Table, name: str) -> Coded:
    """Code a column by its sorted or ordered levels: codes (N,), -1 where missing."""
    try:
        codes, levels = pd.factorize(table.series(name), sort=True)
    except (TypeError, NotImplementedError) as error:
        raise InputTypeError(
            f"column {cited(name)} mixes types and has no order; convert it to text."
        ) from error
    return codes.astype(np.intp), plain_levels(levels)
