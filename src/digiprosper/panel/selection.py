"""Terms to one matrix: which columns, which rows, which codes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import InputTypeError, MissingDataError, Notice, check_option
from digiprosper.panel.sample import Mask, Sample
from digiprosper.panel.terms import Term, canonical, evaluate, parse, split_crossed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.kernels.within import Floats, Ints
    from digiprosper.panel.frame import Panel

__all__ = ["coded", "coefficient_column", "cut_sample"]

_LEVEL = re.compile(r"C\((.+?)\)\[(?:T\.)?(.*?)\]:?")


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
    known = panel.known
    terms: dict[str, Term] = {}
    wanted: dict[str, list[str]] = {}
    for role, texts in roles.items():
        wanted[role] = []
        for text in texts:
            key = canonical(text, known)
            if key not in terms:
                terms[key] = parse(text, known, role)
            wanted[role].append(key)
    values = {key: evaluate(term, panel) for key, term in terms.items() if not _categories(term)}
    code_arrays, code_levels = _all_codes(panel, [*codes, *clusters])
    gaps = {terms[key].text: np.isnan(v) for key, v in values.items()}
    gaps |= {name: _missing(panel, name) for term in terms.values() for name in _categories(term)}
    gaps |= {text: code_arrays[text] < 0 for text in codes if text not in clusters}
    complete = ~np.logical_or.reduce(list(gaps.values())) if gaps else np.ones(panel.nobs, dtype=bool)
    _refuse_cluster_gaps(panel, clusters, code_arrays, complete)
    blocks, names, positions = _blocks(panel, terms, values, complete)
    raw = dict.fromkeys(n for t in terms.values() if t.column is None and not _categories(t) for n in t.names)
    whole = Sample(
        matrix=np.column_stack(blocks) if blocks else np.empty((panel.nobs, 0)),
        names=tuple(names),
        roles={role: tuple(p for key in keys for p in positions[key]) for role, keys in wanted.items()},
        entity=panel.keys.entity,
        time=panel.keys.time,
        codes=code_arrays,
        code_levels=code_levels,
        variables={n: panel.numeric(n) for n in raw if _is_numeric(panel, n)},
        index=panel.keys.index,
        dropped=(),
        labels=panel.labels,
        keys=panel.keys,
    )
    if complete.all():
        return whole
    by_term = {text: int(gap.sum()) for text, gap in gaps.items() if gap.any()}
    by_term = dict(sorted(by_term.items(), key=lambda item: -item[1]))
    if missing == "raise":
        raise MissingDataError(
            f"missing values in {', '.join(f'{t} ({c})' for t, c in by_term.items())}: "
            f"{panel.describe_rows(~complete)}. Fill them, or say missing='drop'.",
            [Notice("missing", f"{t}: {c}", {"term": t, "count": c}) for t, c in by_term.items()],
        )
    return whole.keep(complete, "missing", by_term=by_term)


def _categories(term: Term) -> tuple[str, ...]:
    return tuple(f.category for f in term.factors if f.category is not None)


def _missing(panel: Panel, name: str) -> Mask:
    return np.asarray(pd.isna(panel.raw(name)))


def _is_numeric(panel: Panel, name: str) -> bool:
    return bool(
        name not in panel.columns
        or pd.api.types.is_numeric_dtype(panel.frame[name].dtype)
        or pd.api.types.is_bool_dtype(panel.frame[name].dtype)
    )


def _all_codes(panel: Panel, texts: Sequence[str]) -> tuple[dict[str, Ints], dict[str, pd.Index[Any]]]:
    arrays, levels = {}, {}
    for text in dict.fromkeys(texts):
        arrays[text], levels[text] = coded(panel, text)
    return arrays, levels


def coded(panel: Panel, text: str) -> tuple[Ints, pd.Index[Any]]:
    """Turn a term into codes.

    Parameters
    ----------
    panel : Panel
        Where from.
    text : str
        A column, key or term; ``"a^b"`` crosses two.

    Returns
    -------
    codes : (N,) array of int
        -1 where missing.
    levels : Index
        Value behind each code.
    """
    parts = split_crossed(text, panel.known)
    if len(parts) > 1:
        pairs = [coded(panel, p) for p in parts]
        out, gaps = np.zeros(panel.nobs, dtype=np.intp), np.zeros(panel.nobs, dtype=bool)
        for codes, levels in pairs:
            out = out * max(levels.size, 1) + codes
            gaps |= codes < 0
        joint, numbers = pd.factorize(np.where(gaps, -1, out), sort=True)
        if gaps.any():
            return (joint - 1).astype(np.intp), pd.Index(numbers[1:])
        return joint.astype(np.intp), pd.Index(numbers)
    term = parse(parts[0], panel.known, "absorb or clusters")
    name = term.column or (term.factors[0].category if len(term.factors) == 1 else None)
    if name == panel.entity_name:
        return panel.keys.entity, panel.keys.entities
    if name is not None and name == panel.time_name:
        return panel.keys.time, panel.keys.times
    source = panel.raw(name) if name is not None else evaluate(term, panel)
    codes, levels = pd.factorize(pd.Series(source), sort=True)
    return codes.astype(np.intp), pd.Index(levels)


def _refuse_cluster_gaps(
    panel: Panel, clusters: Sequence[str], arrays: Mapping[str, Ints], complete: Mask
) -> None:
    for text in clusters:
        bad = (arrays[text] < 0) & complete
        if bad.any():
            raise MissingDataError(
                f"clusters: {text!r} is missing in {panel.describe_rows(bad)}. Fill it, or subset the panel.",
                [Notice("missing", text, {"term": text, "count": int(bad.sum())})],
            )


def _blocks(
    panel: Panel, terms: Mapping[str, Term], values: Mapping[str, Floats], complete: Mask
) -> tuple[list[Floats], list[str], dict[str, tuple[int, ...]]]:
    blocks: list[Floats] = []
    names: list[str] = []
    positions: dict[str, tuple[int, ...]] = {}
    for key, term in terms.items():
        new = [(term.text, values[key])] if key in values else _expand(panel, term, set(terms), complete)
        positions[key] = tuple(range(len(names), len(names) + len(new)))
        names += [n for n, _ in new]
        blocks += [b for _, b in new]
    return blocks, names, positions


def _expand(panel: Panel, term: Term, present: set[str], complete: Mask) -> list[tuple[str, Floats]]:
    """Write out a term with categories.

    A category loses its first level where the term without it is in the model (the effects or the intercept
    for a category alone), as in any formula language; levels without a row in the sample do not exist.
    """
    columns: list[tuple[list[str], Floats]] = [([], np.ones(panel.nobs))]
    texts = [f.text for f in term.factors]
    for position, factor in enumerate(term.factors):
        if factor.category is None:
            value = evaluate(Term(factor.text, None, (factor,)), panel)
            columns = [([*n, factor.text], c * value) for n, c in columns]
            continue
        rest = canonical(":".join(texts[:position] + texts[position + 1 :]))
        codes, levels = pd.factorize(pd.Series(panel.raw(factor.category)), sort=True)
        seen = np.unique(codes[complete & (codes >= 0)])
        if seen.size < 2:
            raise InputTypeError(f"C({factor.category}) has fewer than two values in the sample.")
        reduced = not rest or rest in present
        tag = "T." if reduced else ""
        columns = [
            ([*n, f"{factor.text}[{tag}{levels[level]}]"], c * (codes == level))
            for n, c in columns
            for level in seen[1 if reduced else 0 :]
        ]
    return [(":".join(n), c) for n, c in columns]


def coefficient_column(panel: Panel, name: str) -> Floats:
    """Rebuild the column that a coefficient belongs to.

    Parameters
    ----------
    panel : Panel
        Where its columns are.
    name : str
        A coefficient name, such as ``"I(x**2)"`` or ``"C(region)[T.east]:x"``.

    Returns
    -------
    (N,) array
        Values by row of the panel.
    """
    out = np.ones(panel.nobs)
    for column, level in _LEVEL.findall(name):
        parse(column, panel.known, "predict")
        out = out * np.array([str(v) == level for v in panel.raw(column)], dtype=np.float64)
    rest = name if name in panel.known else _LEVEL.sub("", name).strip(":")
    return out * evaluate(parse(rest, panel.known, "predict"), panel) if rest else out
