"""One sample for a system of equations: which columns, which rows, which codes."""

from __future__ import annotations

import ast
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    ColumnError,
    InputTypeError,
    MissingDataError,
    check_option,
    cited,
    clipped,
    missing_problem,
    quoted,
    unknown_columns,
)
from digiprosper.panel.codes import code_terms, effect_terms, levels_of
from digiprosper.panel.design import evaluate_all, write_out
from digiprosper.panel.evaluation import calculate, evaluate
from digiprosper.panel.factors import crossed_factors
from digiprosper.panel.grammar import columns_in
from digiprosper.panel.sample import Compared, Sample
from digiprosper.panel.terms import canonical, crossed, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel.design import Evaluated
    from digiprosper.panel.keys import Mask
    from digiprosper.panel.table import Table
    from digiprosper.panel.terms import Factor as ParsedFactor
    from digiprosper.panel.terms import Term
    from digiprosper.report.terms import Factor


def cut_sample(
    table: Table,
    roles: Mapping[str, Sequence[str]],
    *,
    codes: Sequence[str],
    clusters: Sequence[str],
    missing: str,
) -> Sample:
    """Select the complete rows of a sample, as `Panel.sample` does once its arguments are checked.

    `codes` and `clusters` are terms that are coded; a missing cluster is an error.
    """
    terms, keys_by_role = _parse_roles(roles, table)
    evaluated = evaluate_all(table, terms)
    arrays, levels, code_factors = _all_codes(table, codes, clusters)

    effects = [text for text in codes if text not in clusters]
    gaps = _gaps(table, evaluated, {text: arrays[text] for text in effects})
    complete = ~np.logical_or.reduce([np.zeros(table.nobs, dtype=bool), *gaps.values()])
    _refuse_cluster_gaps(table, {text: arrays[text] for text in clusters}, complete)

    design = write_out(table, evaluated, keys_by_role, complete)
    whole = Sample(
        matrix=design.matrix,
        names=design.names,
        roles=design.roles,
        entity=table.keys.entity,
        time=table.keys.time,
        codes=arrays,
        code_levels=levels,
        variables=_variables(table, terms.values()),
        index=table.index,
        dropped=(),
        categories=design.categories,
        labels=dict(table.labels),
        keys=table.keys,
        lags=design.lags,
        factors={
            **code_factors,
            **_typed_factors(roles, keys_by_role, evaluated.factors),
            **design.factors,
        },
    )
    if complete.all():
        return whole
    counts = {text: int(gap.sum()) for text, gap in gaps.items() if gap.any()}
    by_term = dict(sorted(counts.items(), key=lambda item: -item[1]))
    compared = _missing_comparisons(table, terms.values(), effects, gaps)
    if missing == "raise":
        raise _missing_values(by_term, compared, table.describe_rows(~complete))
    return whole.keep(complete, "missing", by_term=by_term, compared=compared)


def checked_roles(roles: Any, *, codes: object, clusters: object, missing: object) -> dict[str, list[str]]:
    """Check the arguments of `Panel.sample`; return its terms by role."""
    check_option("missing", missing, ("drop", "raise"))
    wrong = [name for name, texts in (("codes", codes), ("clusters", clusters)) if not _are_texts(texts)]
    if wrong:
        raise InputTypeError(f"{' and '.join(wrong)} of a sample are lists of terms (text).")
    if not hasattr(roles, "items") or not _name_terms(dict(roles)):
        raise InputTypeError(
            "sample takes a mapping of role to terms, such as {'y': ['gdp'], 'x': ['digital']}."
        )
    out = {role: [texts] if isinstance(texts, str) else list(texts) for role, texts in dict(roles).items()}
    odd = [text for text in chain.from_iterable(out.values()) if not isinstance(text, str)]
    if odd:
        raise InputTypeError(f"terms are text; {quoted(odd)} is not.")
    return out


def _are_texts(value: object) -> bool:
    return not isinstance(value, str) and np.iterable(value) and all(isinstance(t, str) for t in value)


def _name_terms(roles: Mapping[Any, Any]) -> bool:
    return all(isinstance(role, str) and np.iterable(texts) for role, texts in roles.items())


def _parse_roles(
    typed: Mapping[str, Sequence[str]], table: Table
) -> tuple[dict[str, Term], dict[str, list[str]]]:
    """Parse each distinct term once; unknown columns of all terms are one error."""
    column_names = table.known
    terms: dict[str, Term] = {}
    keys_by_role: dict[str, list[str]] = {}
    unknown: list[ColumnError] = []
    for role, texts in typed.items():
        keys_by_role[role] = []
        for text in texts:
            try:
                term = parse(text, column_names, role)
            except ColumnError as error:
                unknown.append(error)
                continue
            key = term.column or canonical(term.text)
            terms.setdefault(key, term)
            keys_by_role[role].append(key)

    if unknown:
        problems = list(chain.from_iterable(error.problems for error in unknown))
        where = problems[0].data["role"] if len(unknown) == 1 else "the model"
        raise unknown_columns([n.data["column"] for n in problems], column_names, where, table.labels)
    return terms, keys_by_role


def _typed_factors(
    typed: Mapping[str, Sequence[str]],
    keys_by_role: Mapping[str, Sequence[str]],
    factors: Mapping[str, tuple[Factor, ...]],
) -> dict[str, tuple[Factor, ...]]:
    """Take the factors of terms by the text that was typed, which specifications use."""
    typed_factors = {}
    for role, texts in typed.items():
        for text, key in zip(texts, keys_by_role[role], strict=True):
            typed_factors[text] = factors[key]
    return typed_factors


def _all_codes(
    table: Table, codes: Sequence[str], clusters: Sequence[str]
) -> tuple[dict[str, Ints], dict[str, pd.Index[Any]], dict[str, tuple[Factor, ...]]]:
    """Code effects and clusters by their text: codes, levels and factors, a product for combinations."""
    arrays, levels, factors = {}, {}, {}
    for text in dict.fromkeys([*codes, *clusters]):
        terms = effect_terms(table, text, "absorb" if text in codes else "clusters")
        arrays[text], levels[text] = code_terms(table, terms)
        factors[text] = crossed_factors(terms)
    return arrays, levels, factors


def _gaps(table: Table, evaluated: Evaluated, codes: Mapping[str, Ints]) -> dict[str, Mask]:
    """Find the rows where each text is missing; a column and a term may have the same text."""
    terms = evaluated.terms
    gaps = [(terms[key].text, np.isnan(values)) for key, values in evaluated.numbers.items()]
    gaps += [(text, np.isnan(values)) for text, values in evaluated.beside.items()]
    for term in terms.values():
        gaps += [(name, np.asarray(pd.isna(table.raw(name)))) for name in term.categories]
    gaps += [(text, array < 0) for text, array in codes.items()]
    out: dict[str, Mask] = {}
    for text, gap in gaps:
        out[text] = out[text] | gap if text in out else gap
    return out


def _refuse_cluster_gaps(table: Table, clusters: Mapping[str, Ints], complete: Mask) -> None:
    for text, codes in clusters.items():
        bad = (codes < 0) & complete
        if bad.any():
            raise MissingDataError(
                f"clusters: {cited(text)} is missing in {table.describe_rows(bad)}. Fill it, or subset the "
                "panel.",
                [missing_problem(text, int(bad.sum()))],
            )


def _missing_comparisons(
    table: Table, terms: Iterable[Term], effects: Sequence[str], gaps: Mapping[str, Mask]
) -> list[Compared]:
    """Find the terms that are missing where a comparison in them is, and what it compares with."""
    out = []
    for text, factors in _factors_of_gaps(table, terms, effects).items():
        nodes = chain.from_iterable(ast.walk(factor.node) for factor in factors)
        comparisons = [node for node in nodes if isinstance(node, ast.Compare)]
        if comparisons:
            out += _missing_comparison(table, text, comparisons, gaps[text])
    return out


def _factors_of_gaps(
    table: Table, terms: Iterable[Term], effects: Sequence[str]
) -> dict[str, list[ParsedFactor]]:
    """List factors by the text under which `_gaps` has them."""
    out: dict[str, list[ParsedFactor]] = {}
    for text in effects:
        pairs = crossed(text, table.known, "absorb")
        out[text] = list(chain.from_iterable(term.factors for term in pairs))
    for term in terms:
        for factor in term.factors:
            if factor.category is None:
                text = factor.text if term.categories else term.text
                out.setdefault(text, []).append(factor)
    return out


def _missing_comparison(
    table: Table, text: str, compared: Sequence[ast.Compare], gap: Mask
) -> list[Compared]:
    keys = table.keys
    absent = [np.isnan(calculate(node, table, text)) & gap for node in compared]
    rows = np.logical_or.reduce(absent)
    if not rows.any():
        return []
    missing = [node for node, where in zip(compared, absent, strict=True) if where.any()]
    names = dict.fromkeys(chain.from_iterable(columns_in(node) for node in missing))
    columns = tuple(name for name in names if pd.isna(table.raw(name))[rows].any())
    first = columns[0] if len(columns) == 1 and keys.time_name in names else None
    whole = int((np.bincount(keys.entity, weights=~rows) == 0).sum())
    return [Compared(text, columns, int(rows.sum()), whole, keys.entity_name, first)]


def _missing_values(by_term: Mapping[str, int], compared: Sequence[Compared], rows: str) -> MissingDataError:
    shown = ", ".join(f"{clipped(text)} ({count})" for text, count in by_term.items())
    why = "".join(f" {c.message}." for c in compared)
    return MissingDataError(
        f"missing values in {shown}: {rows}.{why} Fill them, such as with panel.interpolate(columns), or set "
        "missing='drop'.",
        [missing_problem(text, count) for text, count in by_term.items()],
    )


def _variables(table: Table, terms: Iterable[Term]) -> dict[str, Floats]:
    """Collect the raw numeric columns inside terms that are more than a column."""
    calculated = [term.names for term in terms if term.column is None and not term.categories]
    names = dict.fromkeys(chain.from_iterable(calculated))
    return {name: table.numeric(name) for name in names if table.is_numeric(name)}


def coefficient_column(
    table: Table, factors: Sequence[Factor], categories: Mapping[str, tuple[str, pd.Index[Any]]]
) -> Floats:
    """Rebuild the column (N,) of a coefficient from its factors.

    Missing where a category is missing or has a level that was not estimated.
    """
    out = np.ones(table.nobs)
    levels = dict(categories.values())
    for factor in factors:
        if factor.level is not None:
            out = out * _dummy(table, factor.column, levels[factor.column], factor.level)
    numeric = ":".join(factor.text for factor in factors if factor.level is None)
    return out * evaluate(parse(numeric, table.known, "predict"), table) if numeric else out


def _dummy(table: Table, column: str, levels: pd.Index[Any], level: int) -> Floats:
    """Rebuild the dummy of an estimated level; missing in rows of levels that were not estimated."""
    parse(column, table.known, "predict")
    codes, column_levels = levels_of(table, column)
    position = np.append(levels.get_indexer(column_levels), -1)[codes]
    return np.where(position < 0, np.nan, position == level)
