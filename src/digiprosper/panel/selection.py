"""One sample for a system of equations: rows, codes and columns."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import chain, product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_list_like

from digiprosper.checks import (
    check_option,
    missing_problem,
    option_problem,
    several,
    term_problem,
    unknown_columns,
)
from digiprosper.errors import (
    ColumnError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    Notice,
    TermError,
    cited,
    clipped,
    counted,
    did_you_mean,
    quoted,
    subject,
    time_text,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.panel.codes import Coded, code_terms, effect_terms, levels_of
from digiprosper.panel.describe import sort_by_count
from digiprosper.panel.evaluation import calculate, evaluate, rows_where
from digiprosper.panel.grammar import backticked, columns_in
from digiprosper.panel.sample import Compared, Sample
from digiprosper.panel.table import Table
from digiprosper.panel.terms import (
    ParsedFactor,
    Term,
    canonical,
    crossed_factors,
    dummy_factor,
    number_factor,
    parse,
    term_factors,
)
from digiprosper.report.terms import Factor

# Numbers in the matrix of a sample: 8 GB. Every fit makes several copies of it.
_MOST_CELLS = 2**30
_NO_REGRESSOR = ("y", "obs_weights", "coordinates", "threshold_variable", "absorb")


class _Use(NamedTuple):
    """The key of a term, and which of its categories lose their reference level."""

    key: str
    without_reference: tuple[bool, ...] = ()


class _Column(NamedTuple):
    """A column (N,) of the matrix, its factors, and its term's lags."""

    name: str
    array: Floats
    factors: tuple[Factor, ...]
    lags: tuple[tuple[str, int], ...]


class Levels(NamedTuple):
    """Levels of categories in the complete rows, perhaps of all blocks of a table."""

    levels: Mapping[str, pd.Index[Any]]  # by column, in order
    rows: int  # number of complete rows


class _Terms:
    """The terms of a sample and its effects, with their values in all rows."""

    def __init__(
        self,
        table: Table,
        roles: Mapping[str, Sequence[str]],
        codes: Sequence[str],
        clusters: Sequence[str],
        where: str | None,
    ) -> None:
        # Rows where a condition is true (N,), which the table has too
        self.table, self.chosen = _chosen_rows(table, where)
        self.by_key, self.key_of_text = _parse_roles(roles, self.table)
        # By text of terms without categories, and of factors beside categories, which
        # may be the name of a column too
        self.numbers, self.factor_numbers = _evaluate_terms(
            self.table, self.by_key.values()
        )
        # Of effects and clusters, by text: codes (N,), their levels, and factors
        self.codes: dict[str, Ints] = {}
        self.levels: dict[str, pd.Index[Any]] = {}
        self.factors: dict[str, tuple[Factor, ...]] = {}
        # Of effects only: their terms
        self.effects: dict[str, tuple[Term, ...]] = {}
        for text in dict.fromkeys([*codes, *clusters]):
            role = "absorb" if text in codes else "clusters"
            effect = effect_terms(self.table, text, role)
            self.codes[text], self.levels[text] = code_terms(self.table, effect)
            self.factors[text] = crossed_factors(effect)
            if text not in clusters:
                self.effects[text] = effect
        # Columns inside categories, coded by all their levels and by those in use
        names = [name for term in self.by_key.values() for name in term.categories]
        self.coded = {n: levels_of(self.table, n) for n in dict.fromkeys(names)}
        self.categories: dict[str, Coded] = {}
        self.gaps = self._find_missing()
        # `reduce` avoids a stacked copy of all masks.
        self.complete: Bools = ~reduce(np.logical_or, self.gaps.values(), ~self.chosen)

    def _find_missing(self) -> dict[str, Bools]:
        """Mark the chosen rows in which each term, category or effect is missing."""
        numbers = chain(self.numbers.items(), self.factor_numbers.items())
        gaps = [(text, np.isnan(values)) for text, values in numbers]
        gaps += [(name, codes < 0) for name, (codes, _) in self.coded.items()]
        gaps += [(text, self.codes[text] < 0) for text in self.effects]
        out: dict[str, Bools] = {}
        for text, gap in gaps:
            gap = gap if self.table.chosen is None else gap & self.chosen
            out[text] = out[text] | gap if text in out else gap
        return out

    def levels_in_use(self) -> Levels:
        """List the levels of categories in the complete rows, and count these rows."""
        in_use = {}
        for name, (codes, levels) in self.coded.items():
            seen = np.unique(codes[self.complete])
            in_use[name] = levels if seen.size == levels.size else levels.take(seen)
        return Levels(in_use, int(np.count_nonzero(self.complete)))

    def code_categories(self, in_use: Mapping[str, pd.Index[Any]]) -> None:
        """Code categories by their levels in the sample; refuse a single level."""
        for name, (codes, all_levels) in self.coded.items():
            levels = in_use[name]
            if len(levels) < 2:
                raise InputTypeError(
                    f"C({name}) has fewer than two values in the sample."
                )
            self.categories[name] = _codes_of(levels, codes, all_levels), levels


def cut_sample(
    table: Table,
    roles: Mapping[str, Sequence[str]],
    *,
    codes: Sequence[str],
    clusters: Sequence[str],
    missing: str,
    where: str | None,
    across: Levels | None = None,
) -> Sample:
    """Build a sample of the complete rows; the arguments have been checked.

    Terms are evaluated on all rows, then those where the condition `where` is true are
    chosen. A missing cluster is an error. `across` has the levels of categories if the
    table is one block of a larger table; the sample may then be empty.
    """
    terms = _Terms(table, roles, codes, clusters, where)
    table, complete = terms.table, terms.complete
    _refuse_cluster_gaps(terms, clusters)

    across = across or terms.levels_in_use()
    terms.code_categories(across.levels)
    uses = _uses_by_role(roles, terms, across.rows)
    columns, positions = _columns(terms, uses)
    typed_factors = {
        t: term_factors(terms.by_key[k]) for t, k in terms.key_of_text.items()
    }
    whole = Sample(
        # Columns are read one by one: each lies in one piece of memory.
        matrix=np.array([c.array for c in columns]).reshape(-1, complete.size).T,
        names=tuple([column.name for column in columns]),
        roles=positions,
        entity=table.keys.entity,
        time=table.keys.time,
        codes=terms.codes,
        code_levels=terms.levels,
        variables=_variables(table, terms.by_key.values()),
        dropped=(),
        categories=_levels_by_text(terms),
        labels=dict(table.labels),
        keys=table.keys,
        lags={column.name: column.lags for column in columns},
        factors=terms.factors | typed_factors | {c.name: c.factors for c in columns},
        where=where,
        is_block=table.is_block,
    )
    return whole if complete.all() else _keep_complete(whole, terms, missing)


def _keep_complete(whole: Sample, terms: _Terms, missing: str) -> Sample:
    """Keep the chosen rows in which nothing is missing, or refuse others."""
    table, chosen, complete = terms.table, terms.chosen, terms.complete
    compared = _missing_comparisons(terms)
    by_term = {text: int(gap.sum()) for text, gap in terms.gaps.items()}
    if not table.is_block:  # blocks are added up before terms are sorted
        by_term = sort_by_count(by_term)
    if missing == "raise":
        refuse_missing(by_term, compared, table.describe_rows(chosen & ~complete))
    return whole.keep(chosen, f"where={whole.where}").keep(
        complete[chosen], "missing", by_term=by_term, compared=compared
    )


def levels_in_use(
    table: Table,
    roles: Mapping[str, Sequence[str]],
    *,
    codes: Sequence[str],
    where: str | None = None,
) -> Levels:
    """List the levels of categories in the complete rows, and count these rows."""
    return _Terms(table, roles, codes, (), where).levels_in_use()


def checked_roles(
    roles: Any, *, codes: object, clusters: object, missing: object
) -> dict[str, list[str]]:
    """Check the arguments of `Panel.sample`; return its terms by role."""
    check_option("missing", missing, ("drop", "raise"))
    _refuse_other_lists(codes=codes, clusters=clusters)
    are_roles = hasattr(roles, "items") and all(
        isinstance(role, str) and np.iterable(texts) for role, texts in roles.items()
    )
    if not are_roles:
        raise InputTypeError(
            "sample takes a mapping of role to terms, such as {'y': ['gdp'], 'x': "
            "['digital']}."
        )
    out = {
        role: [texts] if isinstance(texts, str) else list(texts)
        for role, texts in roles.items()
    }
    odd = [t for t in chain(*out.values()) if not isinstance(t, str)]
    if odd:
        raise InputTypeError(f"terms are text; {subject(odd, 'is')} not.")
    return out


def _refuse_other_lists(**lists: Any) -> None:
    wrong = [
        name
        for name, texts in lists.items()
        if not is_list_like(texts) or not all(isinstance(text, str) for text in texts)
    ]
    if wrong:
        raise InputTypeError(
            f"{' and '.join(wrong)} of a sample are lists of terms (text)."
        )


def _chosen_rows(table: Table, where: str | None) -> tuple[Table, Bools]:
    """Find the rows (N,) where a condition is true; also store them in the table."""
    if where is None:
        return table, np.ones(len(table), dtype=bool)
    chosen = rows_where(where, table, "where")
    if not (table.is_block or chosen.any()):
        text = (
            f"where={cited(where)} is true in none of the "
            f"{counted(len(table), 'row')} of the panel."
        )
        raise MissingDataError(text, [option_problem("where", where, what=text)])
    return replace(table, chosen=chosen), chosen


def _parse_roles(
    roles: Mapping[str, Sequence[str]], table: Table
) -> tuple[dict[str, Term], dict[str, str]]:
    """Return terms by key, and keys by text; refuse all unknown columns together."""
    column_names = table.names
    terms: dict[str, Term] = {}
    keys: dict[str, str] = {}
    unknown: list[ColumnError] = []
    for role, texts in roles.items():
        for text in texts:
            try:
                term = parse(text, column_names, role)
            except ColumnError as error:
                unknown.append(error)
            else:
                keys[text] = term.key
                terms.setdefault(term.key, term)

    if unknown:
        data = [problem.data for error in unknown for problem in error.problems]
        where = data[0]["role"] if len(unknown) == 1 else "the model"
        absent = [of_problem["column"] for of_problem in data]
        raise unknown_columns(absent, column_names, where, table.labels)
    return terms, keys


def _refuse_cluster_gaps(terms: _Terms, clusters: Sequence[str]) -> None:
    for text in clusters:
        codes = terms.codes[text]
        bad = (codes < 0) & terms.complete
        # Entities are never missing.
        if codes is not terms.table.keys.entity and bad.any():
            raise MissingDataError(
                f"clusters: {cited(text)} is missing in "
                f"{terms.table.describe_rows(bad)}. Fill it, or subset the panel.",
                [missing_problem(text, int(bad.sum()))],
            )


def _missing_comparisons(terms: _Terms) -> list[Compared]:
    """Find terms that are missing because a comparison inside them is missing."""
    factors = {
        text: [factor for term in effect for factor in term.factors]
        for text, effect in terms.effects.items()
    }
    for term in terms.by_key.values():
        for factor in _numeric_factors(term):
            text = factor.text if term.categories else term.text
            factors.setdefault(text, []).append(factor)
    out = []
    for text, text_factors in factors.items():
        nodes = chain.from_iterable(ast.walk(factor.node) for factor in text_factors)
        comparisons = [node for node in nodes if isinstance(node, ast.Compare)]
        out += _missing_comparison(terms.table, text, comparisons, terms.gaps[text])
    return out


def _missing_comparison(
    table: Table, text: str, compared: Sequence[ast.Compare], gap: Bools
) -> list[Compared]:
    keys = table.keys
    absent = [np.isnan(calculate(node, table, text)) & gap for node in compared]
    if not np.any(absent):
        return []
    rows = np.logical_or.reduce(absent)
    pairs = zip(compared, absent, strict=True)
    missing = [columns_in(node) for node, where in pairs if where.any()]
    names = dict.fromkeys(chain(*missing))
    columns = tuple(name for name in names if pd.isna(table.raw(name))[rows].any())
    first = columns[0] if len(columns) == 1 and keys.time_name in names else None
    before, lost_rows = (
        np.bincount(keys.entity, part) for part in (table.chosen, rows)
    )
    whole = int(((lost_rows == before) & (before > 0)).sum())
    return [Compared(text, columns, int(rows.sum()), whole, keys.entity_name, first)]


def refuse_missing(
    by_term: Mapping[str, int],
    compared: Sequence[Compared],
    rows: str,
    advice: str = "such as with panel.interpolate(columns)",
) -> None:
    """Refuse missing values, if there are any; `rows` describes the rows."""
    if not by_term:
        return
    shown = ", ".join(f"{clipped(text)} ({count})" for text, count in by_term.items())
    why = "".join(f" {c.message}." for c in compared)
    raise MissingDataError(
        f"missing values in {shown}: {rows}.{why} Fill them, {advice}, or set "
        "missing='drop'.",
        [missing_problem(text, count) for text, count in by_term.items()],
    )


def _variables(table: Table, terms: Iterable[Term]) -> dict[str, Floats]:
    """Collect the numeric columns inside terms such as ``log(x)``."""
    return {
        name: table.numeric(name)
        for term in terms
        if term.column is None and not term.categories
        for name in term.names
        if table.is_numeric(name)
    }


def coefficient_column(
    table: Table,
    factors: Sequence[Factor],
    categories: Mapping[str, tuple[str, pd.Index[Any]]],
) -> Floats:
    """Compute the column (N,) of a coefficient in a new table from its factors."""
    out = np.ones(len(table))
    levels = dict(categories.values())
    for factor in factors:
        if factor.level is not None:
            parse(factor.column, table.names, "predict")
            in_table = levels_of(table, factor.column)
            codes = _codes_of(levels[factor.column], *in_table)
            # The dummy is missing for unknown levels.
            out = out * np.where(codes < 0, np.nan, codes == factor.level)
    numeric = ":".join(factor.text for factor in factors if factor.level is None)
    if numeric:
        out = out * evaluate(parse(numeric, table.names, "predict"), table)
    return out


def _codes_of(levels: pd.Index[Any], codes: Ints, column_levels: pd.Index[Any]) -> Ints:
    """Code a column (N,) by some of its levels, with -1 for all others."""
    if levels is column_levels:
        return codes
    return np.append(levels.get_indexer(column_levels), -1)[codes]


def _evaluate_terms(
    table: Table, terms: Iterable[Term]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Evaluate terms without categories, and numeric factors beside categories."""
    values, factor_values = {}, {}
    for term in terms:
        if not term.categories:
            values[term.text] = evaluate(term, table)
            continue
        factors = _numeric_factors(term)
        if len(factors) > 1:  # their product may overflow
            evaluate(Term(":".join(f.text for f in factors), None, factors), table)
        for factor in factors:
            text = factor.text
            factor_values[text] = evaluate(Term(text, None, (factor,)), table)
    return values, factor_values


def _numeric_factors(term: Term) -> tuple[ParsedFactor, ...]:
    return tuple(factor for factor in term.factors if factor.category is None)


def _uses_by_role(
    roles: Mapping[str, Sequence[str]],
    terms: _Terms,
    rows: int,
) -> dict[str, list[_Use]]:
    """List the terms of each role, with the categories that lose a level."""
    keys_by_role = {
        role: [terms.key_of_text[text] for text in texts]
        for role, texts in roles.items()
    }
    if not terms.categories:  # each term is one column
        return {role: [*map(_Use, keys)] for role, keys in keys_by_role.items()}
    uses: dict[str, list[_Use]] = {}
    for role, role_keys in keys_by_role.items():
        # Roles that share terms belong to different equations, such as the columns of a
        # stepwise table; others to the same one, such as a treatment and its controls.
        joint = [
            keys
            for other, keys in keys_by_role.items()
            if other == role
            or (other not in _NO_REGRESSOR and set(role_keys).isdisjoint(keys))
        ]
        present = {_factor_names(terms.by_key[key]) for key in chain(*joint)}
        uses[role] = [
            _Use(key, _drops_reference(terms.by_key[key], present)) for key in role_keys
        ]
        _refuse_too_wide(terms, uses[role], rows)
    return uses


def _columns(
    terms: _Terms, uses: Mapping[str, Sequence[_Use]]
) -> tuple[list[_Column], dict[str, tuple[int, ...]]]:
    """Expand terms to columns, and list the positions of each role."""
    columns: list[_Column] = []
    positions: dict[_Use, range] = {}
    for use in dict.fromkeys(chain(*uses.values())):
        start, term = len(columns), terms.by_key[use.key]
        if term.categories:
            columns += _interaction_columns(terms, term, use.without_reference)
        else:
            values, factors = terms.numbers[term.text], term_factors(term)
            columns.append(_Column(term.text, values, factors, term.lags))
        positions[use] = range(start, len(columns))
    return columns, {
        role: tuple(chain(*map(positions.__getitem__, role_uses)))
        for role, role_uses in uses.items()
    }


def _factor_names(term: Term) -> frozenset[str]:
    return frozenset([term.column] if term.column else map(_factor_name, term.factors))


def _factor_name(factor: ParsedFactor) -> str:
    """Return a key of a factor; for a category it ignores the reference level."""
    if factor.category is not None:
        return f"C({factor.category})"
    return (
        factor.names[0] if isinstance(factor.node, ast.Name) else canonical(factor.text)
    )


def _drops_reference(term: Term, present: set[frozenset[str]]) -> tuple[bool, ...]:
    """Decide for each category whether its reference level is left out.

    It is if the term without the category is in the equation (for a category alone: the
    effects or the intercept), as in formulaic and patsy.
    """
    categories = [factor for factor in term.factors if factor.category is not None]
    margins = [_factor_names(term) - {_factor_name(factor)} for factor in categories]
    return tuple(not margin or margin in present for margin in margins)


def _levels_by_text(terms: _Terms) -> dict[str, tuple[str, pd.Index[Any]]]:
    """List column and levels of each text such as ``"C(region)"``."""
    return {
        factor.text: (factor.category, terms.categories[factor.category][1])
        for term in terms.by_key.values()
        for factor in term.factors
        if factor.category is not None
    }


def _refuse_too_wide(terms: _Terms, uses: Sequence[_Use], rows: int) -> None:
    """Refuse categories that make more columns than there are rows."""
    widths: dict[Term, int] = {}
    for use in uses:
        term = terms.by_key[use.key]
        sizes = [len(terms.categories[name][1]) for name in term.categories]
        widths[term] = math.prod(map(operator.sub, sizes, use.without_reference))
    nobs = len(terms.table)
    # A sample without rows is refused elsewhere.
    most = min(rows or nobs, _MOST_CELLS // nobs)
    categories = [term for term in widths if term.categories]
    if categories and sum(widths.values()) > most:
        too_wide = [term for term in categories if widths[term] > most]
        raise _too_wide_error(too_wide or categories, widths, nobs, rows)


def _too_wide_error(
    terms: Sequence[Term], widths: Mapping[Term, int], nobs: int, rows: int
) -> IdentificationError:
    total = sum(widths.values())
    widest = sorted(terms, key=widths.__getitem__, reverse=True)
    problems = [
        Notice(
            "too_many_columns",
            f"{cited(term.text)} makes {counted(widths[term], 'column')}",
            {"term": term.text, "columns": widths[term], "rows": rows},
        )
        for term in widest
    ]
    together = "" if widths[widest[0]] > rows else f", {total:,} with the other terms"
    why = "more coefficients than rows cannot be estimated"
    if total <= rows:
        why = f"its columns would need {total * nobs * 8 / 2**30:,.0f} GB of memory"
    return IdentificationError(
        f"{several(problems)}{together}, and the sample has {counted(rows, 'row')}: "
        f"{why}. Drop terms, or absorb categories: "
        f"absorb={quoted(map(_absorb_text, widest))}.",
        problems,
    )


def _absorb_text(term: Term) -> str:
    """Write a term with categories as an absorbed effect, or as slopes by group."""
    pairs = "^".join(map(backticked, term.categories))
    slope = ":".join(factor.text for factor in _numeric_factors(term))
    return f"{pairs}[{slope}]" if slope else pairs


def _interaction_columns(
    terms: _Terms, term: Term, without_reference: Sequence[bool]
) -> list[_Column]:
    """Multiply the dummies of a term's categories and its other factors."""
    products: list[tuple[tuple[Factor, ...], Floats | float]] = [((), 1.0)]
    of_categories = iter(without_reference)
    for factor in term.factors:
        if factor.category is None:
            described = number_factor(factor, factor.text)
            multipliers = [(described, terms.factor_numbers[factor.text])]
        else:
            multipliers = _dummies(terms, factor, without_reference=next(of_categories))
        products = [
            ((*before, new), column * values)
            for (before, column), (new, values) in product(products, multipliers)
        ]
    return [
        _Column(
            ":".join(f.text for f in factors), np.asarray(column), factors, term.lags
        )
        for factors, column in products
    ]


def _dummies(
    terms: _Terms, factor: ParsedFactor, *, without_reference: bool
) -> list[tuple[Factor, Floats]]:
    codes, levels = terms.categories[str(factor.category)]
    reference = _reference_position(terms, factor, levels)
    tag = "T." if without_reference else ""
    positions = [*range(levels.size)]
    if without_reference:
        positions.remove(reference)
    elif factor.reference is not None:
        # collinear="drop" leaves out the last of collinear columns, which must be the
        # reference.
        positions.sort(key=lambda position: position == reference)
    return [
        (
            dummy_factor(factor, f"[{tag}{levels[position]}]", position),
            (codes == position).astype(np.float64),
        )
        for position in positions
    ]


def _reference_position(
    terms: _Terms, factor: ParsedFactor, levels: pd.Index[Any]
) -> int:
    """Find the position of the reference level in the sample; the first by default."""
    if factor.reference is None:
        return 0
    positions = _level_positions(levels, factor.reference)
    if positions:
        return positions[0]
    name = str(factor.category)
    _, all_levels = terms.coded[name]
    if _level_positions(all_levels, factor.reference):
        why = f"{cited(name)} is {cited(factor.reference)} in no row of the sample"
    else:
        guess = did_you_mean(factor.reference, levels)
        why = f"{cited(name)} has no value {cited(factor.reference)}{guess}"
    raise TermError(
        f"the term {cited(factor.text)} has no reference level: {why}; its values are "
        f"{quoted(levels, 12)}.",
        [term_problem(factor.text, "ref", why)],
    )


def _level_positions(levels: pd.Index[Any], reference: str | float) -> list[int]:
    """Find levels that equal a constant, or whose text does; a day for dates."""
    return [
        position
        for position, level in enumerate(levels)
        if level == reference or str(reference) in (str(level), time_text(level))
    ]
