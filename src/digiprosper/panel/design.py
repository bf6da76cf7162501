"""Terms written out as the columns of one matrix; a category takes several."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from itertools import chain, product
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    Notice,
    TermError,
    cited,
    counted,
    nearest,
    quoted,
    several,
    term_problem,
)
from digiprosper.panel.codes import levels_of, seen_codes
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.factors import dummy_factor, number_factor, term_factors
from digiprosper.panel.grammar import as_written
from digiprosper.panel.terms import Term, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel.keys import Mask
    from digiprosper.panel.table import Table
    from digiprosper.panel.terms import Factor
    from digiprosper.report.terms import Factor as Product

# A term, and for each of its categories whether it loses its first level, or its reference.
_Use: TypeAlias = tuple[str, tuple[bool, ...]]

# Numbers in the matrix of a sample: 8 GB. Every fit makes several copies of it.
_MOST_CELLS = 2**30

_NO_REGRESSOR = ("y", "obs_weights", "coordinates", "threshold_variable", "absorb")


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """The distinct terms of a sample and their values on the whole table."""

    # By canonical form.
    terms: Mapping[str, Term]
    # By canonical form, shape (N,); of terms without categories.
    numbers: Mapping[str, Floats]
    # By text: values (N,) of factors next to a category, such as x in C(region):x.
    beside: Mapping[str, Floats]
    # By canonical form: the factors of which a term is the product.
    factors: Mapping[str, tuple[Product, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """The regressor matrix of a sample."""

    # Shape (N, p), one column per coefficient.
    matrix: Floats
    names: tuple[str, ...]
    # By role: positions of its columns.
    roles: Mapping[str, tuple[int, ...]]
    # By column name: the lags of its term.
    lags: Mapping[str, tuple[tuple[str, int], ...]]
    # By column name: the factors whose product it is.
    factors: Mapping[str, tuple[Product, ...]]
    # By text of a category, such as "C(region)": its column and the levels that occur in the sample.
    categories: Mapping[str, tuple[str, pd.Index[Any]]]


class _Column(NamedTuple):
    name: str
    values: Floats
    factors: tuple[Product, ...]


class _Category(NamedTuple):
    """A column as categories: code of each row, value behind each code, codes in the rows of the sample."""

    codes: Ints
    levels: pd.Index[Any]
    seen: Ints


def evaluate_all(table: Table, terms: Mapping[str, Term]) -> Evaluated:
    """Evaluate each term, and the factors next to categories, once."""
    numbers = {key: evaluate(term, table) for key, term in terms.items() if not term.categories}
    factors = {key: term_factors(term) for key, term in terms.items()}
    return Evaluated(terms, numbers, _beside_categories(table, terms.values()), factors)


def _beside_categories(table: Table, terms: Iterable[Term]) -> dict[str, Floats]:
    """Evaluate the factors next to categories, such as x in ``C(region):x``, by their text."""
    beside = [_numbers(term) for term in terms if term.categories]
    for factors in beside:
        if len(factors) > 1:  # the product may be infinite where no factor is
            evaluate(Term(":".join(f.text for f in factors), None, factors), table)
    single = {f.text: Term(f.text, None, (f,)) for f in chain.from_iterable(beside)}
    return {text: evaluate(term, table) for text, term in single.items()}


def _numbers(term: Term) -> tuple[Factor, ...]:
    return tuple(factor for factor in term.factors if factor.category is None)


def write_out(
    table: Table, evaluated: Evaluated, keys_by_role: Mapping[str, Sequence[str]], complete: Mask
) -> Design:
    """Expand the terms of every role to columns (N, p); roles share the columns of a term.

    Levels without a row in `complete` (N,) do not exist.
    """
    categories = _categories(table, evaluated.terms.values(), complete)
    uses: dict[str, list[_Use]] = {}
    for role, keys in keys_by_role.items():
        if categories:
            uses[role] = _uses(role, keys_by_role, evaluated.terms)
            widths = _widths(uses[role], evaluated.terms, categories)
            _refuse_wide(widths, table.nobs, int(complete.sum()))
        else:  # each term is one column, whatever the other terms
            uses[role] = [(key, ()) for key in keys]

    columns: list[_Column] = []
    positions: dict[_Use, range] = {}
    lags: dict[str, tuple[tuple[str, int], ...]] = {}
    for use in dict.fromkeys(chain.from_iterable(uses.values())):
        term_columns = _columns(table, evaluated, use, categories)
        positions[use] = range(len(columns), len(columns) + len(term_columns))
        columns += term_columns
        lags |= dict.fromkeys([column.name for column in term_columns], evaluated.terms[use[0]].lags)
    names, values, factors = zip(*columns, strict=True) if columns else ((), (), ())
    return Design(
        # Columns are read one by one: each lies in one piece of memory.
        matrix=np.array(values).T if columns else np.empty((table.nobs, 0)),
        names=names,
        roles={
            role: tuple(chain.from_iterable(map(positions.__getitem__, role_uses)))
            for role, role_uses in uses.items()
        },
        lags=lags,
        factors=dict(zip(names, factors, strict=True)),
        categories=_seen_levels(evaluated.terms.values(), categories),
    )


def _uses(role: str, keys_by_role: Mapping[str, Sequence[str]], terms: Mapping[str, Term]) -> list[_Use]:
    present = {_parts(terms[key]) for key in _beside(role, keys_by_role)}
    return [(key, _reduced(terms[key], present)) for key in keys_by_role[role]]


def _beside(role: str, keys_by_role: Mapping[str, Sequence[str]]) -> Iterable[str]:
    """List the terms of a role and of the roles in the same equation.

    Roles that share terms are rival equations, as the columns of a stepwise table; the others belong
    together, as a treatment and its controls.
    """
    role_keys = set(keys_by_role[role])
    joint_roles = [
        other_role
        for other_role, keys in keys_by_role.items()
        if other_role not in _NO_REGRESSOR and role_keys.isdisjoint(keys)
    ]
    return chain.from_iterable(keys_by_role[other_role] for other_role in (role, *joint_roles))


def _parts(term: Term) -> frozenset[str]:
    if term.column is not None:
        return frozenset([term.column])
    return frozenset(map(_part, term.factors))


def _part(factor: Factor) -> str:
    """Name a factor by the column it varies with: a category is the same whatever its reference level."""
    if factor.category is not None:
        return f"C({factor.category})"
    return factor.names[0] if isinstance(factor.node, ast.Name) else canonical(factor.text)


def _reduced(term: Term, present: set[frozenset[str]]) -> tuple[bool, ...]:
    """Decide for each category whether it loses its reference level.

    It does where the term without it is in the equation (the effects or the intercept for a category alone),
    as in any formula language.
    """
    categories = [factor for factor in term.factors if factor.category is not None]
    margins = [_parts(term) - {_part(factor)} for factor in categories]
    return tuple(not margin or margin in present for margin in margins)


def _categories(table: Table, terms: Iterable[Term], complete: Mask) -> dict[str, _Category]:
    """Code the columns inside categories, each once."""
    out: dict[str, _Category] = {}
    for name in dict.fromkeys([name for term in terms for name in term.categories]):
        codes, levels = levels_of(table, name)
        seen = seen_codes(codes, complete)
        if seen.size < 2:
            raise InputTypeError(f"C({name}) has fewer than two values in the sample.")
        out[name] = _Category(codes, levels, seen)
    return out


def _seen_levels(
    terms: Iterable[Term], categories: Mapping[str, _Category]
) -> dict[str, tuple[str, pd.Index[Any]]]:
    """List the column and the levels in the sample of each category."""
    out: dict[str, tuple[str, pd.Index[Any]]] = {}
    for term in terms if categories else ():
        for factor in term.factors:
            if factor.category is not None:
                category = categories[factor.category]
                out[factor.text] = factor.category, category.levels.take(category.seen)
    return out


def _widths(
    uses: Sequence[_Use], terms: Mapping[str, Term], categories: Mapping[str, _Category]
) -> dict[Term, int]:
    """Count the columns of each term before any is computed."""
    out = {}
    for key, reduced in uses:
        sizes = [categories[name].seen.size for name in terms[key].categories]
        out[terms[key]] = math.prod(size - without for size, without in zip(sizes, reduced, strict=True))
    return out


def _refuse_wide(widths: Mapping[Term, int], nobs: int, rows: int) -> None:
    """Refuse categories with more columns than rows, of one term or of all terms of a role together."""
    # A sample without rows has an error of its own.
    most = min(rows or nobs, _MOST_CELLS // nobs)
    categories = [term for term in widths if term.categories]
    if categories and sum(widths.values()) > most:
        alone = [term for term in categories if widths[term] > most]
        raise _too_wide(alone or categories, widths, nobs, rows)


def _too_wide(terms: Sequence[Term], widths: Mapping[Term, int], nobs: int, rows: int) -> IdentificationError:
    total = sum(widths.values())
    widest = sorted(terms, key=widths.__getitem__, reverse=True)
    problems = [_wide(term, widths[term], rows) for term in widest]
    together = "" if widths[widest[0]] > rows else f", {total:,} with the other terms"
    why = "more coefficients than rows cannot be estimated"
    if total <= rows:
        why = f"its columns would need {total * nobs * 8 / 2**30:,.0f} GB of memory"
    return IdentificationError(
        f"{several(problems)}{together}, and the sample has {counted(rows, 'row')}: {why}. Drop terms, or "
        f"absorb categories: absorb={quoted(map(_as_effect, widest))}.",
        problems,
    )


def _wide(term: Term, width: int, rows: int) -> Notice:
    text = f"{cited(term.text)} makes {counted(width, 'column')}"
    return Notice("too_many_columns", text, {"term": term.text, "columns": width, "rows": rows})


def _as_effect(term: Term) -> str:
    """Write a term with categories as an absorbed effect, or as slopes by group."""
    pairs = "^".join(map(as_written, term.categories))
    slope = ":".join(factor.text for factor in _numbers(term))
    return f"{pairs}[{slope}]" if slope else pairs


def _columns(
    table: Table, evaluated: Evaluated, use: _Use, categories: Mapping[str, _Category]
) -> list[_Column]:
    key, reduced = use
    term = evaluated.terms[key]
    if key in evaluated.numbers:
        return [_Column(term.text, evaluated.numbers[key], evaluated.factors[key])]
    return _expand(table, term, evaluated.beside, reduced, categories)


def _expand(
    table: Table,
    term: Term,
    beside: Mapping[str, Floats],
    reduced: Sequence[bool],
    categories: Mapping[str, _Category],
) -> list[_Column]:
    """Expand a term with categories to columns; levels without a row in the sample do not exist."""
    columns: list[tuple[list[Product], Floats]] = [([], np.ones(table.nobs))]
    losing = iter(reduced)
    for factor in term.factors:
        if factor.category is None:
            multipliers = [(number_factor(factor, factor.text), beside[factor.text])]
        else:
            multipliers = _dummies(factor, categories[factor.category], without_reference=next(losing))
        pairs = product(columns, multipliers)
        columns = [([*before, multiplier], c * values) for (before, c), (multiplier, values) in pairs]
    return [_Column(":".join(f.text for f in factors), c, tuple(factors)) for factors, c in columns]


def _dummies(factor: Factor, category: _Category, *, without_reference: bool) -> list[tuple[Product, Floats]]:
    """Compute the dummies of a category."""
    reference = _reference(factor, category)
    tag = "T." if without_reference else ""
    return [
        (
            dummy_factor(factor, f"[{tag}{category.levels[level]}]", position),
            (category.codes == level).astype(np.float64),
        )
        for position, level in enumerate(category.seen)
        if not (without_reference and position == reference)
    ]


def _reference(factor: Factor, category: _Category) -> int:
    """Find the position of the reference level in the sample: the first, unless the factor names one."""
    if factor.reference is None:
        return 0
    seen = category.levels.take(category.seen)
    positions = _positions(seen, factor.reference)
    if positions:
        return positions[0]
    column = cited(str(factor.category))
    if _positions(category.levels, factor.reference):
        why = f"{column} is {cited(factor.reference)} in no row of the sample"
    else:
        guess = nearest(factor.reference, seen)
        why = f"{column} has no value {cited(factor.reference)}{guess}"
    raise TermError(
        f"the term {cited(factor.text)} has no reference level: {why}; its values are {quoted(seen, 12)}.",
        [term_problem(factor.text, "ref", why)],
    )


def _positions(levels: pd.Index[Any], reference: str | float) -> list[int]:
    """Find the levels that equal a constant, or whose text does; for a date, the text of the day."""
    texts = [str(level) for level in levels]
    return [
        position
        for position, (level, text) in enumerate(zip(levels, texts, strict=True))
        if level == reference or str(reference) in (text, text.removesuffix(" 00:00:00"))
    ]
