"""Columns that methods of Panel take, describe and compare: checks and tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import option_error, refuse_unknown
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
from digiprosper.kernels.tolerances import CONSTANT, HALF_WEIGHT
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.table import Table, is_number_type
from digiprosper.panel.terms import Term, parse, term_factors
from digiprosper.panel.treatment import dummy_treatment_notices
from digiprosper.report.characters import tidy_text
from digiprosper.report.columns import Column, PlainCell, Remark
from digiprosper.report.labels import text_factor
from digiprosper.report.notices import missing_rows, rows_dropped
from digiprosper.report.summary import stored_factors
from digiprosper.report.terms import Factor, Factors
from digiprosper.report.text import repeated
from digiprosper.report.words import read_words

WORDS = read_words(__file__)
"""Words of the table of correlations."""


@dataclass(frozen=True, slots=True, eq=False)
class Correlation:
    """Pairwise correlations with p-values, and columns' means and deviations.

    `Panel.correlate` makes it and ``etable`` prints it.

    Parameters
    ----------
    r : DataFrame
        Pearson correlation of each pair, over the rows where both columns are observed.
    p : DataFrame
        Two-sided p-values of the t test with n - 2 degrees of freedom. The test assumes
        independent rows.
    n : DataFrame
        Number of rows of each pair.
    mean, sd : Series
        Mean and standard deviation (divisor n - 1) of each column over its own
        non-missing rows.
    labels : mapping
        Labels of the columns.
    factors : mapping
        Factors of columns and terms, by name.
    """

    r: pd.DataFrame
    p: pd.DataFrame
    n: pd.DataFrame
    mean: pd.Series[float]
    sd: pd.Series[float]
    labels: Mapping[str, str] = field(default_factory=dict)
    factors: Factors = field(default_factory=dict)

    def __repr__(self) -> str:
        return self.r.round(3).to_string()

    # All results have the argument `level`.
    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:  # noqa: ARG002
        """Return the columns of a table: means, standard deviations, correlations."""
        names = [_name_text(name) for name in self.r.columns]
        cells = {
            title: {
                name: PlainCell(title, float(v))
                for name, v in zip(names, values, strict=True)
            }
            for title, values in (("Mean", self.mean), ("SD", self.sd))
        }
        cells |= {
            f"({j + 1})": {name: self._cell(i, j) for i, name in enumerate(names)}
            for j in range(len(names))
        }
        numbers = {name: number for number, name in enumerate(names, start=1)}
        whole = self._sizes()
        return tuple(
            Column(
                title,
                cells=column_cells,
                labels=self.labels,
                factors=self.factors,
                numbers=numbers,
                whole=whole,
                words=WORDS,
                stub=("variable",),
            )
            for title, column_cells in cells.items()
        )

    def _cell(self, i: int, j: int) -> PlainCell:
        """Make a cell of the lower triangle; those above the diagonal are blank."""
        title, r, p = f"({j + 1})", self.r.to_numpy(float), self.p.to_numpy(float)
        if i < j:
            return PlainCell(title, "")
        return PlainCell(title, float(r[i, j]), float(p[i, j]) if i > j else np.nan)

    def _sizes(self) -> Remark | None:
        sizes = self.n.to_numpy()[np.tril_indices(len(self.n), -1)]
        if not sizes.size:
            return None
        low, high = int(sizes.min()), int(sizes.max())
        code = "correlations" if low == high else "correlations.uneven"
        return Remark(code, {"low": (f"{low:,}",), "high": (f"{high:,}",)})


def difference_of_means(
    x: Floats, group: Ints, entity: Ints, weights: Floats, *, nested: bool
) -> list[float]:
    """Compare weighted means of a column (N,) in group 0 and 1 (`balance_table`).

    Return N, both means, their difference, its standard error and p-value, which are
    clustered by entity. If entities are `nested` in the groups: the variance of Welch
    (1947) with sums of residuals by entity, G / (G - 1) in each group, and the degrees
    of freedom of Satterthwaite. Otherwise CR1 of the regression on a dummy, with G - 1.
    """
    from scipy.special import stdtr

    used = ~np.isnan(x) & (weights > 0)
    x, group, entity, weights = x[used], group[used], entity[used], weights[used]
    unit, counts = unit_of(x), np.bincount(group, minlength=2)
    x, totals = x / unit, np.bincount(group, weights, 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.bincount(group, weights * x, 2) / totals
    scores = (x - means[group]) * weights / totals[group]
    strata = group if nested else np.zeros_like(group)
    by_entity = pd.Series(scores * (2 * group - 1)).groupby([strata, entity]).sum()
    by_stratum = (by_entity**2).groupby(level=0)
    sizes = by_stratum.size() - 1
    error, df, smallest = np.nan, np.nan, CONSTANT * np.abs(x).max(initial=0.0)
    if counts.min() and sizes.min() and x.size > 2:
        variances = by_stratum.sum() * (1 + 1 / sizes)
        if variances.sum() > smallest**2:
            df = float(variances.sum() ** 2 / (variances**2 / sizes).sum())
            rows = 1.0 if nested else (x.size - 1) / (x.size - 2)
            error = float(np.sqrt(variances.sum() * rows))
    difference = float(means[1] - means[0])
    p = 2 * float(stdtr(df, -abs(difference) / error))
    return [x.size, *(means * unit).tolist(), difference * unit, error * unit, p]


def _name_text(name: object) -> str:
    return (
        " / ".join(map(tidy_text, name)) if isinstance(name, tuple) else tidy_text(name)
    )


def summarise(
    columns: Mapping[str, Floats], weights: Floats | None = None
) -> pd.DataFrame:
    """Compute N, mean, sd, min, p50, max of columns (N,), without rows of weight 0."""
    rows = {}
    for name, x in columns.items():
        used = ~np.isnan(x)
        if weights is not None:
            used &= weights > 0
        rows[name] = _moments(x[used], None if weights is None else weights[used])
    out = pd.DataFrame.from_dict(
        rows, orient="index", columns=["N", "mean", "sd", "min", "p50", "max"]
    )
    return out.astype({"N": int}).rename_axis("variable")


def correlate(
    columns: Mapping[str, Floats],
    labels: Mapping[str, str],
    factors: Factors,
    weights: Floats | None = None,
) -> Correlation:
    """Correlate columns (N,) pair by pair; rows of weight 0 are left out."""
    from scipy.special import stdtr

    names = list(columns)
    if not names:
        raise InputTypeError("correlate needs at least one numeric column.")
    data = pd.DataFrame(
        {name: x / unit_of(x[~np.isnan(x)]) for name, x in columns.items()}
    )
    if weights is not None:
        data, weights_used = data[weights > 0], weights[weights > 0]
    r = data.corr() if weights is None else _weighted_correlations(data, weights_used)
    observed = data.notna().astype(float)
    n = observed.T @ observed
    df = n - 2
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (r.abs() * np.sqrt(df / (1 - r**2).clip(lower=0))).to_numpy()
    p = pd.DataFrame(2 * stdtr(df.to_numpy(), -t), index=names, columns=names)
    summary = summarise(columns, weights)
    used = {n: t for n, t in labels.items() if any(n in text for text in columns)}
    return Correlation(
        r=r,
        p=p.where(df > 0),
        n=n.astype(int),
        mean=summary["mean"],
        sd=summary["sd"],
        labels=used,
        factors=factors,
    )


def _weighted_correlations(data: pd.DataFrame, weights: Floats) -> pd.DataFrame:
    """Correlate columns pair by pair, over rows where both are observed."""
    columns = data.to_numpy().T
    r = np.full((len(columns), len(columns)), np.nan)
    for i, j in combinations_with_replacement(range(len(columns)), 2):
        used = ~np.isnan(columns[i] + columns[j])
        pair = columns[[i, j]][:, used]
        if used.any():
            # A constant is exactly zero once its first value is subtracted.
            cov = np.cov(pair - pair[:, :1], ddof=0, aweights=weights[used])
            with np.errstate(invalid="ignore"):
                lengths = np.sqrt(cov[0, 0] * cov[1, 1])
                r[i, j] = r[j, i] = np.clip(cov[0, 1] / lengths, -1, 1)
    return pd.DataFrame(r, data.columns, data.columns)


def between_within(columns: Mapping[str, Floats], entity: Ints) -> pd.DataFrame:
    """Split variation of columns (N,) into between and within (`Panel.describe`)."""
    rows: dict[tuple[str, str], list[float]] = {}
    for name, column in columns.items():
        unit = unit_of(column[~np.isnan(column)])
        x = pd.Series(column / unit)
        mean, by_entity = x.mean(), x.groupby(entity)
        between, within = by_entity.mean(), x - by_entity.transform("mean") + mean
        rows_of_entity = x.count() / max(between.count(), 1)
        parts = {
            "overall": (x, x.count()),
            "between": (between, between.count()),
            "within": (within, rows_of_entity),
        }
        for part, (values, size) in parts.items():
            _, _, sd, low, _, high = _moments(values.dropna().to_numpy())
            rows[name, part] = [*(unit * v for v in (mean, sd, low, high)), size]

    index = pd.MultiIndex.from_tuples(list(rows), names=["variable", "part"])
    out = pd.DataFrame(
        list(rows.values()), index=index, columns=["mean", "sd", "min", "max", "N"]
    )
    return out if (out["N"] % 1).any() else out.astype({"N": int})


def _moments(
    x: Floats, weights: Floats | None = None
) -> tuple[int, float, float, float, float, float]:
    """Compute the moments, with weights as Stata's ``summarize [aw=]``."""
    if x.size == 0:
        return 0, np.nan, np.nan, np.nan, np.nan, np.nan
    unit = unit_of(x)
    values = x / unit
    if weights is None:
        mean, variance = values.mean(), values.var()
        # With halves, the sum of the two middle values does not overflow.
        middle = 2 * float(np.median(x / 2))
    else:
        share = weights / weights.sum()
        mean = share @ values
        variance = share @ (values - mean) ** 2
        middle = _weighted_median(x, share)
    sd = np.sqrt(variance * x.size / (x.size - 1)) if x.size > 1 else np.nan
    return (
        x.size,
        float(mean * unit),
        float(sd * unit),
        float(x.min()),
        middle,
        float(x.max()),
    )


def _weighted_median(x: Floats, share: Floats) -> float:
    order = np.argsort(x, kind="stable")
    half = np.cumsum(share[order]) - 0.5
    # If a value ends the lower half exactly, the median lies between it and the next.
    above = np.flatnonzero(half > HALF_WEIGHT)[0]
    at_or_above = np.flatnonzero(half >= -HALF_WEIGHT)[0]
    return float(x[order[at_or_above]] / 2 + x[order[above]] / 2)


def unit_of(x: Floats) -> float:
    """Return the power of two below the largest value; division by it is exact."""
    largest = float(np.abs(x).max(initial=0.0))
    return float(2.0 ** np.floor(np.log2(largest))) if largest > 0 else 1.0


_CHANGES = ("standardise", "winsorize", "interpolate")


def sort_by_count(counts: Mapping[str, int]) -> dict[str, int]:
    """Sort the positive counts in descending order."""
    return {text: count for text, count in Counter(counts).most_common() if count}


def find_missing_rows(
    table: Table, names: Sequence[str]
) -> tuple[Bools, Notice | None]:
    """Find the rows (N,) in which any column is missing, with a notice."""
    gaps = pd.DataFrame({name: table.series(name).isna() for name in names})
    rows = gaps.any(axis=1).to_numpy(dtype=bool)
    if not rows.any():
        return rows, None
    by_term = sort_by_count({name: int(gaps[name].sum()) for name in names})
    count = int(rows.sum())
    text = rows_dropped(count, len(table), by_term)
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
    if twice := repeated(names):
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
    is_list = np.iterable(columns) and not isinstance(columns, str)
    names = [*columns] if is_list else [columns]
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
    columns_inside = unknown_columns_in(names, table.names, method) if terms else names
    refuse_unknown(columns_inside, table.names, method, table.labels)
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
    if term.categories:
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
        return np.zeros(len(table), dtype=np.intp)
    if not isinstance(by, str):
        raise InputTypeError(
            f"{method}({option}={cited(by)}): {option} is the name of one column."
        )
    if by in ("time", table.keys.time_name):
        return table.keys.time
    if by in ("entity", table.keys.entity_name):
        return table.keys.entity
    refuse_unknown([by], table.names, f"{method}({option}=...)", table.labels)
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
