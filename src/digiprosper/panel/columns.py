"""Checks of the columns and groups that are passed to methods of Panel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import option_error, unknown_columns
from digiprosper.errors import (
    ColumnError,
    InputTypeError,
    MissingDataError,
    Notice,
    OptionError,
    PanelIndexError,
    TermError,
    cited,
    issue,
    quoted,
    subject,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.panel.describe import difference_of_means, summarise
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.table import Table, is_number_type
from digiprosper.panel.terms import Term, parse, term_factors
from digiprosper.panel.treatment import dummy_treatment_notices
from digiprosper.report.labels import text_factor
from digiprosper.report.notices import missing_rows, rows_dropped
from digiprosper.report.summary import stored_factors
from digiprosper.report.terms import Factor

_CHANGES = ("standardise", "winsorize", "interpolate")


def sort_by_count(counts: Mapping[str, int]) -> dict[str, int]:
    """Sort the positive counts in descending order."""
    positive = {text: count for text, count in counts.items() if count}
    return dict(sorted(positive.items(), key=lambda item: -item[1]))


def find_missing_rows(
    table: Table, names: Sequence[str]
) -> tuple[Bools, Notice | None]:
    """Find the rows (N,) in which any column is missing, with a notice."""
    gaps = {name: table.series(name).isna().to_numpy() for name in names}
    rows = np.zeros(table.nobs, dtype=bool)
    for gap in gaps.values():
        rows |= gap
    if not rows.any():
        return rows, None
    by_term = sort_by_count({text: int(gap.sum()) for text, gap in gaps.items()})
    count = int(rows.sum())
    text = rows_dropped(count, table.nobs, by_term)
    return rows, missing_rows(count, text, by_term, tuple(table.keys.index[rows][:5]))


def selected_columns(table: Table, columns: object) -> list[str]:
    """Check that ``panel[...]`` gets a name or a list of different names."""
    if not isinstance(columns, str | list):
        raise InputTypeError(
            "panel[...] takes a name or a list of names, not "
            f"{type(columns).__name__}: panel['x'], panel[['x', 'z']]. Choose rows "
            "with panel.subset()."
        )
    names = chosen_columns(table, columns, "panel[...]")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ColumnError(
            f"panel[...]: {subject(twice, 'is')} in the list more than once; name each "
            "column once."
        )
    return names


def numeric_columns(table: Table) -> list[str]:
    """List the columns with numbers or truth values."""
    return [name for name in table.data.columns if is_number_type(table.data[name])]


def column_names(columns: Any, method: str) -> list[str]:
    """List the names of one or several columns; refuse anything but text."""
    names: list[Any] = (
        [columns]
        if isinstance(columns, str) or not np.iterable(columns)
        else list(columns)
    )
    odd = [n for n in names if not isinstance(n, str)]
    if odd:
        raise InputTypeError(
            f"{method}: columns are names (text); {subject(odd, 'is')} not."
        )
    return names


def chosen_columns(
    table: Table,
    columns: str | Sequence[str] | None,
    method: str,
    *,
    terms: bool = False,
) -> list[str]:
    """Check the columns passed to a method; None selects all numeric ones."""
    if columns is None:
        issue(table.text_among_numbers(method))
        return numeric_columns(table)

    names = column_names(columns, method)
    unknown = [n for n in names if n not in table.names]
    if terms:
        unknown = unknown_columns_in(unknown, table.names, method)
    if unknown:
        raise unknown_columns(unknown, table.names, method, table.labels)
    keys = [n for n in names if n in table.keys.names]
    if keys and method in _CHANGES:
        raise PanelIndexError(
            f"{method}: {quoted(keys)} is a key and cannot be changed; assign a copy."
        )
    return names


def unknown_columns_in(
    texts: Iterable[str], names: Sequence[str], role: str
) -> list[str]:
    """List the columns that occur in terms and do not exist."""
    unknown: list[str] = []
    for text in texts:
        try:
            parse(text, names, role)
        except ColumnError as error:
            unknown += [problem.data["column"] for problem in error.problems]
    return unknown


def term_of_one_column(table: Table, text: str, role: str) -> Term:
    """Parse a term without categories."""
    term = parse(text, table.names, role)
    if any(factor.category for factor in term.factors):
        raise TermError(
            f"{role}: C() makes several columns; use it in the model instead."
        )
    return term


def evaluate_columns(
    table: Table, columns: str | Sequence[str] | None, method: str
) -> dict[str, Floats]:
    """Evaluate columns and terms (N,), by their text."""
    return {
        text: evaluate(term_of_one_column(table, text, method), table)
        for text in chosen_columns(table, columns, method, terms=True)
    }


def weights_of(table: Table, column: str | None, method: str) -> Floats | None:
    """Evaluate the weights (N,) of a description; they may be missing or 0."""
    if column is None:
        return None
    weights = evaluate_columns(table, [column], method)[column]
    if not (weights > 0).any() or (weights < 0).any():
        text = (
            f"{method}: obs_weights={cited(column)} must not be negative, and positive "
            "in some row."
        )
        raise option_error("obs_weights", column, text)
    return weights


def factors_of(table: Table, texts: Iterable[str]) -> dict[str, tuple[Factor, ...]]:
    """Return the factors of columns and terms, from which tables make labels."""
    return {text: term_factors(parse(text, table.names, "x")) for text in texts}


def labelled(
    table: Table,
    frame: pd.DataFrame,
    texts: Iterable[str],
    heads: Mapping[str, Factor] | None = None,
) -> pd.DataFrame:
    """Store in a new frame the labels and factors that `etable` uses."""
    factors = factors_of(table, texts)
    factors |= {head: (factor,) for head, factor in (heads or {}).items()}
    stored = stored_factors(factors)
    frame.attrs |= {"labels": dict(table.labels), "factors": stored}
    return frame


def group_codes(table: Table, by: str | None, method: str, option: str = "by") -> Ints:
    """Code the groups (N,) of a column or a key (also ``"entity"``); None is one."""
    if by is None:
        return np.zeros(table.nobs, dtype=np.intp)
    column: object = by
    if not isinstance(column, str):
        raise InputTypeError(
            f"{method}({option}={cited(column)}): {option} is the name of one column."
        )
    if by in ("time", table.keys.time_name):
        return table.keys.time
    if by in ("entity", table.keys.entity_name):
        return table.keys.entity
    if by not in table.data.columns:
        raise unknown_columns(
            [by], table.names, f"{method}({option}=...)", table.labels
        )

    codes = pd.factorize(table.data[by])[0].astype(np.intp)
    if (codes < 0).any():
        raise MissingDataError(
            f"{method}({option}={cited(by)}): {cited(by)} is missing in "
            f"{table.describe_rows(codes < 0)}."
        )
    return codes


def definition_table(table: Table, definitions: Mapping[str, object]) -> pd.DataFrame:
    """Make the table of definitions of variables, for `Panel.define`."""
    if not isinstance(definitions, Mapping):
        raise InputTypeError("define takes a mapping of columns to texts.")
    names = chosen_columns(table, list(definitions), "define")
    texts = [
        entry if isinstance(entry, Mapping) else {"definition": entry}
        for entry in definitions.values()
    ]
    frame = pd.DataFrame(texts, index=pd.Index(names, name="variable")).fillna("")
    numeric = {name: table.numeric(name) for name in names if table.is_numeric(name)}
    counts = [int(table.series(name).notna().sum()) for name in names]
    return frame.assign(N=counts).join(summarise(numeric)[["mean", "sd"]])


def compare_groups(
    table: Table,
    by: str,
    numbers: Mapping[str, Floats],
    weights: Floats | None = None,
    clusters: str | None = None,
) -> pd.DataFrame:
    """Compare the means of two groups of rows, for `Panel.balance_table`."""
    group_codes(table, by, "balance_table")
    codes, levels = pd.factorize(table.series(by), sort=True)
    if len(levels) != 2:
        raise OptionError(
            f"balance_table compares two groups; by={cited(by)} has {len(levels)}."
        )
    if clusters is None:
        issue(dummy_treatment_notices(table, table.keys, codes == 1, by))
        entity = table.keys.entity
    else:
        entity = group_codes(table, clusters, "balance_table", "clusters")
    nested = len(np.unique(2 * entity + codes)) == entity.max() + 1
    if weights is None:
        weights = np.ones(entity.size)
    rows = {
        name: difference_of_means(values, codes, entity, weights, nested=nested)
        for name, values in numbers.items()
    }
    values = [f"{v:g}" if isinstance(v, float) else str(v) for v in levels]
    means = {f"{by} = {v}": text_factor(f"{by} = {v}", (by, v), {}) for v in values}
    heads = ["N", *means, "difference", "std_error", "p_value"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=heads)
    frame = frame.astype({"N": int}).rename_axis("variable")
    frame = labelled(table, frame, numbers, means)
    if clusters or not table.keys.rows_are_entities:
        frame.attrs["clusters"] = clusters or table.keys.entity_name
    return frame
