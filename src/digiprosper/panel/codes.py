"""Terms turned into codes: absorbed effects, clusters and categories."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import InputTypeError, TermError, cited, term_problem
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.factors import crossed_factors
from digiprosper.panel.terms import parse, split_crossed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Ints
    from digiprosper.panel.keys import Mask
    from digiprosper.panel.table import Table
    from digiprosper.panel.terms import Factor, Term
    from digiprosper.report.terms import Factor as Product

__all__ = ["code_factors", "coded", "levels_of", "refuse_crossed", "seen_codes"]


def coded(table: Table, text: str, role: str = "absorb") -> tuple[Ints, pd.Index[Any]]:
    """Turn a term into codes.

    Parameters
    ----------
    table : Table
        Where from.
    text : str
        A column, key or term; ``"a^b"`` crosses two.
    role : str
        Where it stands, for messages.

    Returns
    -------
    codes : (N,) array of int
        -1 where missing.
    levels : Index
        Value behind each code.
    """
    parts = split_crossed(text, table.known)
    if len(parts) > 1:
        return _crossed([coded(table, part, role) for part in parts], parts)

    term = parse(parts[0], table.known, role)
    name = term.column or (term.factors[0].category if len(term.factors) == 1 else None)
    if name is not None:
        return _coded_column(table, name)

    groups = [_group(table, factor) for factor in term.factors]
    if any(groups) and (term.categories or len(groups) > 1):
        raise _refused_code(term, groups, role)
    codes, levels = pd.factorize(evaluate(term, table), sort=True)
    return codes.astype(np.intp), pd.Index(levels)


def code_factors(table: Table, text: str) -> tuple[Product, ...]:
    """Describe what a term that was turned into codes is made of.

    Parameters
    ----------
    table : Table
        Where from.
    text : str
        As for `coded`.

    Returns
    -------
    tuple of Factor
        Crossed effects are a product.
    """
    return crossed_factors(parse(part, table.known, "absorb") for part in split_crossed(text, table.known))


def _crossed(
    effects: Sequence[tuple[Ints, pd.Index[Any]]], names: tuple[str, ...]
) -> tuple[Ints, pd.Index[Any]]:
    """Code the combinations that occur; a row where one effect is missing has none."""
    nobs = effects[0][0].size
    joint = np.zeros(nobs, dtype=np.intp)
    gaps = np.zeros(nobs, dtype=bool)
    for codes, levels in effects:
        joint = joint * max(levels.size, 1) + codes
        gaps |= codes < 0

    seen, first = np.unique(joint[~gaps], return_index=True)
    place = np.flatnonzero(~gaps)[first]
    values = [levels.take(codes[place]) for codes, levels in effects]
    numbered = np.where(gaps, -1, np.searchsorted(seen, joint)).astype(np.intp)
    return numbered, pd.MultiIndex.from_arrays(values, names=names)


def _coded_column(table: Table, name: str) -> tuple[Ints, pd.Index[Any]]:
    keys = table.keys
    if name == keys.entity_name:
        return keys.entity, keys.entities
    if name == keys.time_name:
        return keys.time, keys.times
    return levels_of(table, name)


def levels_of(table: Table, name: str) -> tuple[Ints, pd.Index[Any]]:
    """Code a column.

    Parameters
    ----------
    table : Table
        Where it is.
    name : str
        A column or key.

    Returns
    -------
    codes : (N,) array of int
        -1 where missing.
    levels : Index
        Value behind each code; those of a categorical column keep its order, others are sorted.

    Raises
    ------
    InputTypeError
        If the values have no order.
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
    """List the codes that occur in some rows.

    Parameters
    ----------
    codes : (N,) array of int
        -1 where missing.
    rows : (N,) array of bool
        Which rows.

    Returns
    -------
    array of int
        Sorted, without -1.
    """
    return np.unique(codes[rows & (codes >= 0)])


def _group(table: Table, factor: Factor) -> str | None:
    """Name the column of a factor that stands for groups: a category, or a column of text."""
    name = factor.names[0]
    if factor.category is None and isinstance(factor.node, ast.Name) and not table.is_numeric(name):
        return name
    return factor.category


def _refused_code(term: Term, groups: Sequence[str | None], role: str) -> TermError:
    if all(groups):
        crossed = "^".join(filter(None, groups))
        cure = f"crossed effects are written {cited(crossed)} and belong in absorb"
    else:
        crossed = "^".join(filter(None, groups))
        slope = ":".join(f.text for group, f in zip(groups, term.factors, strict=True) if not group)
        written = f"{crossed}[{slope}]"
        cure = f"slopes by group are written {cited(written)} and belong in absorb"
    return TermError(
        f"{role} cannot use {cited(term.text)}: {cure}.",
        [term_problem(term.text, role, cure)],
    )


def refuse_crossed(clusters: Sequence[str], known: Sequence[str]) -> None:
    """Refuse crossed effects among clusters.

    Parameters
    ----------
    clusters : sequence of str
        Terms.
    known : sequence of str
        Names that exist.

    Raises
    ------
    TermError
        If one has ``^``.
    """
    crossed = [t for t in clusters if len(split_crossed(t, known)) > 1]
    if crossed:
        raise TermError(
            f"clusters: {cited(crossed[0])} has '^' (crossed effects), which only absorb allows; specify "
            "two clusters for two-way clustered standard errors, or add a column with the pairs by "
            "assign().",
            [term_problem(text, "clusters", "crossed clusters") for text in crossed],
        )
