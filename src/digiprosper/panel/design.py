"""Terms written out as the columns of one matrix; a category takes several."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise, product
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from digiprosper.errors import InputTypeError
from digiprosper.panel.codes import levels_of, seen_codes
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.factors import dummy_factor, number_factor, term_factors
from digiprosper.panel.terms import Term, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from digiprosper.kernels import Floats
    from digiprosper.panel.keys import Mask
    from digiprosper.panel.table import Table
    from digiprosper.panel.terms import Factor
    from digiprosper.report.terms import Factor as Product

__all__ = ["Design", "Evaluated", "evaluate_all", "write_out"]

# A term, and for each of its categories whether it loses its first level.
_Use: TypeAlias = tuple[str, tuple[bool, ...]]

_NO_REGRESSOR = ("y", "obs_weights", "coordinates", "threshold_variable", "absorb")


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """The distinct terms of a sample and their values on the whole table.

    Parameters
    ----------
    terms : mapping
        By the form in which terms are compared.
    numbers : mapping
        The same keys to (N,) values, of terms without categories.
    beside : mapping
        Text of a factor that stands beside a category, such as x in ``C(region):x``, to (N,) values.
    """

    terms: Mapping[str, Term]
    numbers: Mapping[str, Floats]
    beside: Mapping[str, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Columns of a sample.

    Parameters
    ----------
    matrix : (N, p) array
        One column per coefficient name.
    names : tuple of str
        Names of the columns.
    roles : mapping
        Role to positions of its columns.
    lags : mapping
        Name of a column to the lags of its term.
    factors : mapping
        Name of a column to what it is a product of.
    """

    matrix: Floats
    names: tuple[str, ...]
    roles: Mapping[str, tuple[int, ...]]
    lags: Mapping[str, tuple[tuple[str, int], ...]]
    factors: Mapping[str, tuple[Product, ...]]


class _Column(NamedTuple):
    name: str
    values: Floats
    factors: tuple[Product, ...]


def evaluate_all(table: Table, terms: Mapping[str, Term]) -> Evaluated:
    """Evaluate each term, and what stands beside categories, once.

    Parameters
    ----------
    table : Table
        Where the columns are.
    terms : mapping
        By the form in which terms are compared.

    Returns
    -------
    Evaluated
        Terms and values.
    """
    numbers = {key: evaluate(term, table) for key, term in terms.items() if not term.categories}
    return Evaluated(terms, numbers, _beside_categories(table, terms.values()))


def _beside_categories(table: Table, terms: Iterable[Term]) -> dict[str, Floats]:
    """Evaluate what stands beside categories, such as x in ``C(region):x``, by its text."""
    beside = [_numbers(term) for term in terms if term.categories]
    for factors in beside:
        if len(factors) > 1:  # the product may be infinite where no factor is
            evaluate(Term(":".join(f.text for f in factors), None, factors), table)
    single = {f.text: Term(f.text, None, (f,)) for f in chain.from_iterable(beside)}
    return {text: evaluate(term, table) for text, term in single.items()}


def _numbers(term: Term) -> tuple[Factor, ...]:
    return tuple(factor for factor in term.factors if factor.category is None)


def write_out(
    table: Table, evaluated: Evaluated, wanted: Mapping[str, Sequence[str]], complete: Mask
) -> Design:
    """Write the terms of every role out as columns; roles share the columns of a term.

    Parameters
    ----------
    table : Table
        Where the columns are.
    evaluated : Evaluated
        The terms.
    wanted : mapping
        Role to keys of its terms.
    complete : (N,) array of bool
        Rows of the sample: levels without one do not exist.

    Returns
    -------
    Design
        On all rows of the table.
    """
    uses = {role: _uses(role, wanted, evaluated.terms) for role in wanted}
    distinct = list(dict.fromkeys(chain.from_iterable(uses.values())))
    columns = [_columns(table, evaluated, use, complete) for use in distinct]

    stops = accumulate((len(new) for new in columns), initial=0)
    places = {use: range(a, b) for use, (a, b) in zip(distinct, pairwise(stops), strict=True)}
    flat = list(chain.from_iterable(columns))
    return Design(
        matrix=_matrix([column.values for column in flat], table.nobs),
        names=tuple(column.name for column in flat),
        roles={role: tuple(chain.from_iterable(places[u] for u in mine)) for role, mine in uses.items()},
        lags=_lags([evaluated.terms[key] for key, _ in distinct], columns),
        factors=_factors(flat),
    )


def _matrix(columns: Sequence[Floats], nobs: int) -> Floats:
    # Columns are read one by one: each lies in one piece of memory.
    return np.array(columns).T if columns else np.empty((nobs, 0))


def _factors(columns: Sequence[_Column]) -> dict[str, tuple[Product, ...]]:
    return {column.name: column.factors for column in columns}


def _lags(
    terms: Sequence[Term], columns: Sequence[Sequence[_Column]]
) -> dict[str, tuple[tuple[str, int], ...]]:
    out: dict[str, tuple[tuple[str, int], ...]] = {}
    for term, new in zip(terms, columns, strict=True):
        out |= dict.fromkeys((column.name for column in new), term.lags)
    return out


def _uses(role: str, wanted: Mapping[str, Sequence[str]], terms: Mapping[str, Term]) -> list[_Use]:
    present = {_parts(terms[key]) for key in _beside(role, wanted)}
    return [(key, _reduced(terms[key], present)) for key in wanted[role]]


def _beside(role: str, wanted: Mapping[str, Sequence[str]]) -> Iterable[str]:
    """List the terms of a role and of the roles in the same equation.

    Roles that share terms are rival equations, as the columns of a stepwise table; the others stand together,
    as a treatment and its controls.
    """
    mine = set(wanted[role])
    others = [r for r, keys in wanted.items() if r not in _NO_REGRESSOR and mine.isdisjoint(keys)]
    return chain.from_iterable(wanted[r] for r in (role, *others))


def _parts(term: Term) -> frozenset[str]:
    if term.column is not None:
        return frozenset([term.column])
    return frozenset(f.names[0] if isinstance(f.node, ast.Name) else canonical(f.text) for f in term.factors)


def _reduced(term: Term, present: set[frozenset[str]]) -> tuple[bool, ...]:
    """Decide for each category whether it loses its first level.

    It does where the term without it is in the equation (the effects or the intercept for a category alone),
    as in any formula language.
    """
    categories = [factor for factor in term.factors if factor.category is not None]
    rests = [_parts(term) - {canonical(factor.text)} for factor in categories]
    return tuple(not rest or rest in present for rest in rests)


def _columns(table: Table, evaluated: Evaluated, use: _Use, complete: Mask) -> list[_Column]:
    key, reduced = use
    term = evaluated.terms[key]
    if key in evaluated.numbers:
        return [_Column(term.text, evaluated.numbers[key], term_factors(term))]
    return _expand(table, term, evaluated.beside, reduced, complete)


def _expand(
    table: Table, term: Term, beside: Mapping[str, Floats], reduced: Sequence[bool], complete: Mask
) -> list[_Column]:
    """Write out a term with categories; levels without a row in the sample do not exist."""
    columns: list[tuple[list[Product], Floats]] = [([], np.ones(table.nobs))]
    losing = iter(reduced)
    for factor in term.factors:
        if factor.category is None:
            more = [(number_factor(factor, factor.text), beside[factor.text])]
        else:
            more = _dummies(table, factor, factor.category, complete, without_first=next(losing))
        pairs = product(columns, more)
        columns = [([*before, one], c * values) for (before, c), (one, values) in pairs]
    return [_Column(":".join(f.text for f in factors), c, tuple(factors)) for factors, c in columns]


def _dummies(
    table: Table, factor: Factor, category: str, complete: Mask, *, without_first: bool
) -> list[tuple[Product, Floats]]:
    """Make the dummies of a category."""
    codes, levels = levels_of(table, category)
    seen = seen_codes(codes, complete)
    if seen.size < 2:
        raise InputTypeError(f"C({category}) has fewer than two values in the sample.")
    tag = "T." if without_first else ""
    made = [
        (dummy_factor(factor, f"[{tag}{levels[level]}]", place), (codes == level).astype(np.float64))
        for place, level in enumerate(seen)
    ]
    return made[int(without_first) :]
