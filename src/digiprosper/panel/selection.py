"""Terms to one matrix: which columns, which rows, which codes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    ColumnError,
    InputTypeError,
    MissingDataError,
    Notice,
    TermError,
    check_option,
    cited,
    clipped,
    quoted,
    unknown_columns,
)
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.sample import Mask, Sample
from digiprosper.panel.terms import Factor, Term, canonical, parse, split_crossed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel.frame import Panel

__all__ = ["coded", "coefficient_column", "cut_sample", "split_levels"]

_NO_REGRESSOR = ("y", "obs_weights", "threshold_variable")


def cut_sample(
    panel: Panel,
    roles: Mapping[str, Sequence[str]],
    *,
    codes: Sequence[str],
    clusters: Sequence[str],
    missing: str,
) -> Sample:
    """Cut a sample; the work behind `Panel.sample`.

    Parameters
    ----------
    panel : Panel
        Where from.
    roles : mapping
        Role to terms.
    codes, clusters : sequences of str
        Terms turned into codes; in `clusters` a missing value is an error.
    missing : {"drop", "raise"}
        What to do about rows with missing values.

    Returns
    -------
    Sample
        Complete rows.
    """
    check_option("missing", missing, ("drop", "raise"))
    wrong = [name for name, given in (("codes", codes), ("clusters", clusters)) if not _are_texts(given)]
    if wrong:
        raise InputTypeError(f"{' and '.join(wrong)} of a sample are lists of terms (text).")
    known = panel.known
    _refuse_crossed(clusters, known)
    terms, wanted = _parse_roles(roles, known, panel.labels)
    values = {key: evaluate(term, panel) for key, term in terms.items() if not _categories(term)}
    code_arrays, code_levels = _all_codes(panel, codes, clusters)
    beside = _beside_categories(panel, terms)
    gaps = _gaps(
        [(terms[key].text, np.isnan(v)) for key, v in values.items()]
        + [(text, np.isnan(v)) for text, v in beside.items()]
        + [(name, _missing(panel, name)) for term in terms.values() for name in _categories(term)]
        + [(text, code_arrays[text] < 0) for text in codes if text not in clusters]
    )
    complete = ~np.logical_or.reduce(list(gaps.values())) if gaps else np.ones(panel.nobs, dtype=bool)
    _refuse_cluster_gaps(panel, clusters, code_arrays, complete)
    blocks, names, positions, lags = _blocks(panel, terms, values, beside, wanted, complete)
    raw = dict.fromkeys(n for t in terms.values() if t.column is None and not _categories(t) for n in t.names)
    whole = Sample(
        matrix=np.column_stack(blocks) if blocks else np.empty((panel.nobs, 0)),
        names=tuple(names),
        roles=positions,
        entity=panel.keys.entity,
        time=panel.keys.time,
        codes=code_arrays,
        code_levels=code_levels,
        variables={n: panel.numeric(n) for n in raw if _is_numeric(panel, n)},
        index=panel.keys.index,
        dropped=(),
        categories=_seen_levels(panel, terms, complete),
        labels=panel.labels,
        keys=panel.keys,
        lags=lags,
    )
    if complete.all():
        return whole
    by_term = {text: int(gap.sum()) for text, gap in gaps.items() if gap.any()}
    by_term = dict(sorted(by_term.items(), key=lambda item: -item[1]))
    if missing == "raise":
        raise MissingDataError(
            f"missing values in {', '.join(f'{clipped(t)} ({c})' for t, c in by_term.items())}: "
            f"{panel.describe_rows(~complete)}. Fill them, or set missing='drop'.",
            [Notice("missing", f"{t}: {c}", {"term": t, "count": c}) for t, c in by_term.items()],
        )
    return whole.keep(complete, "missing", by_term=by_term)


def _refuse_crossed(clusters: Sequence[str], known: Sequence[str]) -> None:
    crossed = [t for t in clusters if len(split_crossed(t, known)) > 1]
    if crossed:
        raise TermError(
            f"clusters: {cited(crossed[0])} has '^' (crossed effects), which only absorb allows; specify "
            "two clusters for two-way clustered standard errors, or add a column with the pairs by "
            "assign().",
            [Notice("term", "crossed clusters", {"term": t, "role": "clusters"}) for t in crossed],
        )


def _are_texts(given: object) -> bool:
    return not isinstance(given, str) and np.iterable(given) and all(isinstance(t, str) for t in given)


def _checked_roles(roles: Any) -> dict[str, list[str]]:
    pairs = dict(roles) if hasattr(roles, "items") else None
    if pairs is None or not all(
        isinstance(role, str) and np.iterable(texts) for role, texts in pairs.items()
    ):
        raise InputTypeError(
            "sample takes a mapping of role to terms, such as {'y': ['gdp'], 'x': ['digital']}."
        )
    out = {role: [texts] if isinstance(texts, str) else list(texts) for role, texts in pairs.items()}
    odd = [t for texts in out.values() for t in texts if not isinstance(t, str)]
    if odd:
        raise InputTypeError(f"terms are text; {quoted(odd)} is not.")
    return out


def _parse_roles(
    roles: Mapping[str, Sequence[str]], known: Sequence[str], labels: Mapping[str, str]
) -> tuple[dict[str, Term], dict[str, list[str]]]:
    terms: dict[str, Term] = {}
    wanted: dict[str, list[str]] = {}
    unknown: list[ColumnError] = []
    for role, texts in _checked_roles(roles).items():
        wanted[role] = []
        for text in texts:
            try:
                term = parse(text, known, role)
            except ColumnError as error:
                unknown.append(error)
                continue
            key = term.column or canonical(term.text)
            terms.setdefault(key, term)
            wanted[role].append(key)
    if unknown:
        problems = [n for e in unknown for n in e.problems]
        where = problems[0].data["role"] if len(unknown) == 1 else "the model"
        raise unknown_columns([n.data["column"] for n in problems], known, where, labels)
    return terms, wanted


def _categories(term: Term) -> tuple[str, ...]:
    return tuple(f.category for f in term.factors if f.category is not None)


def _beside_categories(panel: Panel, terms: Mapping[str, Term]) -> dict[str, Floats]:
    """Work out what stands beside the categories, such as x in ``C(region):x``, by its text."""
    split = [t for t in terms.values() if _categories(t)]
    factors = {f.text: f for t in split for f in t.factors if f.category is None}
    for numbers in (tuple(f for f in t.factors if f.category is None) for t in split):
        if len(numbers) > 1:  # the product may be infinite where no factor is
            evaluate(Term(":".join(f.text for f in numbers), None, numbers), panel)
    return {text: evaluate(Term(text, None, (factor,)), panel) for text, factor in factors.items()}


def _gaps(found: Sequence[tuple[str, Mask]]) -> dict[str, Mask]:
    """Collect where each text is missing; a column and a term may have the same text."""
    out: dict[str, Mask] = {}
    for text, gap in found:
        out[text] = out[text] | gap if text in out else gap
    return out


def _missing(panel: Panel, name: str) -> Mask:
    return np.asarray(pd.isna(panel.raw(name)))


def _is_numeric(panel: Panel, name: str) -> bool:
    kind = panel.series(name).dtype
    return bool(pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind))


def _all_codes(
    panel: Panel, codes: Sequence[str], clusters: Sequence[str]
) -> tuple[dict[str, Ints], dict[str, pd.Index[Any]]]:
    arrays, levels = {}, {}
    for text in dict.fromkeys([*codes, *clusters]):
        arrays[text], levels[text] = coded(panel, text, "absorb" if text in codes else "clusters")
    return arrays, levels


def coded(panel: Panel, text: str, role: str = "absorb") -> tuple[Ints, pd.Index[Any]]:
    """Turn a term into codes.

    Parameters
    ----------
    panel : Panel
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
    parts = split_crossed(text, panel.known)
    if len(parts) > 1:
        pairs = [coded(panel, p, role) for p in parts]
        out, gaps = np.zeros(panel.nobs, dtype=np.intp), np.zeros(panel.nobs, dtype=bool)
        for codes, levels in pairs:
            out = out * max(levels.size, 1) + codes
            gaps |= codes < 0
        seen, first = np.unique(out[~gaps], return_index=True)
        place = np.flatnonzero(~gaps)[first]
        values = [levels.take(codes[place]) for codes, levels in pairs]
        joint = np.where(gaps, -1, np.searchsorted(seen, out)).astype(np.intp)
        return joint, pd.MultiIndex.from_arrays(values, names=parts)
    term = parse(parts[0], panel.known, role)
    name = term.column or (term.factors[0].category if len(term.factors) == 1 else None)
    if name == panel.entity_name:
        return panel.keys.entity, panel.keys.entities
    if name is not None and name == panel.time_name:
        return panel.keys.time, panel.keys.times
    if name is not None:
        return _levels(panel, name)
    groups = [_group(panel, factor) for factor in term.factors]
    if any(groups) and (_categories(term) or len(groups) > 1):
        raise _refused_code(term, groups, role)
    found, distinct = pd.factorize(evaluate(term, panel), sort=True)
    return found.astype(np.intp), pd.Index(distinct)


def _group(panel: Panel, factor: Factor) -> str | None:
    """Name the column of a factor that stands for groups: a category, or a column of text."""
    name = factor.names[0]
    if factor.category is None and isinstance(factor.node, ast.Name) and not _is_numeric(panel, name):
        return name
    return factor.category


def _refused_code(term: Term, groups: Sequence[str | None], role: str) -> TermError:
    texts = zip(groups, term.factors, strict=True)
    slopes = ":".join(f"C({f.text})" if group and not f.category else f.text for group, f in texts)
    if all(groups):
        cure = f"crossed effects are written {cited('^'.join(filter(None, groups)))} and belong in absorb"
    else:
        cure = (
            f"group-specific slopes cannot be absorbed; add {cited(slopes)} to the regressors (x). Where the "
            "effects absorb the variable itself, as time effects absorb a trend, one group must be the base: "
            "set collinear='drop', or omit these effects"
        )
    return TermError(
        f"{role} cannot use {cited(term.text)}: {cure}.",
        [Notice("term", cure, {"term": term.text, "role": role})],
    )


def _levels(panel: Panel, name: str) -> tuple[Ints, pd.Index[Any]]:
    """Code a column; the levels of a categorical one keep its order, others are sorted."""
    try:
        codes, levels = pd.factorize(panel.series(name), sort=True)
    except TypeError as error:
        raise InputTypeError(
            f"column {cited(name)} mixes types and has no order; convert it to text."
        ) from error
    plain = pd.Index(levels.to_numpy()) if isinstance(levels, pd.CategoricalIndex) else pd.Index(levels)
    return codes.astype(np.intp), plain


def _refuse_cluster_gaps(
    panel: Panel, clusters: Sequence[str], arrays: Mapping[str, Ints], complete: Mask
) -> None:
    for text in clusters:
        bad = (arrays[text] < 0) & complete
        if bad.any():
            raise MissingDataError(
                f"clusters: {cited(text)} is missing in {panel.describe_rows(bad)}. Fill it, or subset the "
                "panel.",
                [Notice("missing", text, {"term": text, "count": int(bad.sum())})],
            )


def _blocks(
    panel: Panel,
    terms: Mapping[str, Term],
    values: Mapping[str, Floats],
    beside: Mapping[str, Floats],
    wanted: Mapping[str, Sequence[str]],
    complete: Mask,
) -> tuple[list[Floats], list[str], dict[str, tuple[int, ...]], dict[str, tuple[tuple[str, int], ...]]]:
    blocks: list[Floats] = []
    lags: dict[str, tuple[tuple[str, int], ...]] = {}
    names: list[str] = []
    made: dict[tuple[str, tuple[bool, ...]], tuple[int, ...]] = {}
    positions: dict[str, tuple[int, ...]] = {}
    for role, keys in wanted.items():
        mine: list[int] = []
        present = {_parts(terms[key]) for key in _beside(role, wanted)}
        for key in keys:
            reduced = _reduced(terms[key], present)
            if (key, reduced) not in made:
                new = (
                    [(terms[key].text, values[key])]
                    if key in values
                    else _expand(panel, terms[key], beside, reduced, complete)
                )
                made[key, reduced] = tuple(range(len(names), len(names) + len(new)))
                names += [n for n, _ in new]
                blocks += [b for _, b in new]
                lags |= dict.fromkeys((n for n, _ in new), terms[key].lags)
            mine += made[key, reduced]
        positions[role] = tuple(mine)
    return blocks, names, positions, lags


def _beside(role: str, wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """List the terms of a role and of the roles in the same equation.

    Roles that share terms are rival equations, as the columns of a stepwise table; the others stand together,
    as a treatment and its controls.
    """
    mine = set(wanted[role])
    beside = [
        r for r, keys in wanted.items() if r == role or (r not in _NO_REGRESSOR and mine.isdisjoint(keys))
    ]
    return [key for r in beside for key in wanted[r]]


def _parts(term: Term) -> frozenset[str]:
    if term.column is not None:
        return frozenset([term.column])
    return frozenset(f.names[0] if isinstance(f.node, ast.Name) else canonical(f.text) for f in term.factors)


def _reduced(term: Term, present: set[frozenset[str]]) -> tuple[bool, ...]:
    """Decide for each category whether it loses its first level.

    It does where the term without it is in the equation (the effects or the intercept for a category alone),
    as in any formula language.
    """
    out = []
    for factor in term.factors:
        if factor.category is not None:
            rest = _parts(term) - {canonical(factor.text)}
            out.append(not rest or rest in present)
    return tuple(out)


def _expand(
    panel: Panel, term: Term, beside: Mapping[str, Floats], reduced: Sequence[bool], complete: Mask
) -> list[tuple[str, Floats]]:
    """Write out a term with categories; levels without a row in the sample do not exist."""
    columns: list[tuple[list[str], Floats]] = [([], np.ones(panel.nobs))]
    losing = iter(reduced)
    for factor in term.factors:
        if factor.category is None:
            columns = [([*n, factor.text], c * beside[factor.text]) for n, c in columns]
            continue
        codes, levels = _levels(panel, factor.category)
        seen = np.unique(codes[complete & (codes >= 0)])
        if seen.size < 2:
            raise InputTypeError(f"C({factor.category}) has fewer than two values in the sample.")
        first = int(next(losing))
        tag = "T." if first else ""
        columns = [
            ([*n, f"{factor.text}[{tag}{levels[level]}]"], c * (codes == level))
            for n, c in columns
            for level in seen[first:]
        ]
    return [(":".join(n), c) for n, c in columns]


def _seen_levels(
    panel: Panel, terms: Mapping[str, Term], complete: Mask
) -> dict[str, tuple[str, pd.Index[Any]]]:
    out: dict[str, tuple[str, pd.Index[Any]]] = {}
    for factor in (f for term in terms.values() for f in term.factors):
        if factor.category is not None:
            codes, levels = _levels(panel, factor.category)
            out[factor.text] = factor.category, levels.take(np.unique(codes[complete & (codes >= 0)]))
    return out


def coefficient_column(
    panel: Panel, name: str, categories: Mapping[str, tuple[str, pd.Index[Any]]]
) -> Floats:
    """Rebuild the column that a coefficient belongs to.

    Parameters
    ----------
    panel : Panel
        Where its columns are.
    name : str
        A coefficient name, such as ``"I(x**2)"`` or ``"C(region)[T.east]:x"``.
    categories : mapping
        As in `Sample`: the levels that were estimated.

    Returns
    -------
    (N,) array
        Values by row of the panel; missing where a category is missing or has a level that was not estimated.
    """
    out = np.ones(panel.nobs)
    found, rest = split_levels(name, categories)
    for column, level in found.values():
        parse(column, panel.known, "predict")
        codes, here = _levels(panel, column)
        levels = next(known for other, known in categories.values() if other == column)
        place = np.append(levels.get_indexer(here), -1)[codes]
        out = out * np.where(place < 0, np.nan, place == level)
    return out * evaluate(parse(rest, panel.known, "predict"), panel) if rest else out


def split_levels(
    name: str, categories: Mapping[str, tuple[str, pd.Index[Any]]]
) -> tuple[dict[str, tuple[str, int]], str]:
    """Part the dummies of categories from the rest of a coefficient's name.

    Parameters
    ----------
    name : str
        Such as ``"C(region)[T.east]:x"``.
    categories : mapping
        As in `Sample`: the levels that were estimated.

    Returns
    -------
    dummies : dict
        Such as ``"C(region)[T.east]"`` to the column and the position of the level.
    rest : str
        The other factors, such as ``"x"``; empty if there are none.
    """
    dummies, rest = {}, name
    for factor, (column, levels) in categories.items():
        pieces = {f"{factor}[{tag}{level}]": i for i, level in enumerate(levels) for tag in ("T.", "")}
        # The longest first: a level may hold brackets, and another level.
        found = next((p for p in sorted(pieces, key=len, reverse=True) if p in rest), None)
        if found is not None:
            dummies[found] = column, pieces[found]
            rest = rest.replace(found, "").replace("::", ":").strip(":")
    return dummies, rest
