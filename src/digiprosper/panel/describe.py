"""Summary statistics and correlations, also between and within entities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd

from digiprosper.errors import InputTypeError
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.tolerances import CONSTANT, HALF_WEIGHT
from digiprosper.report.characters import tidy_text
from digiprosper.report.columns import Column, PlainCell, Remark
from digiprosper.report.terms import Factors
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
            f"({j + 1})": self._triangle_column(names, j) for j in range(len(names))
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

    def _triangle_column(self, names: Sequence[str], j: int) -> dict[str, PlainCell]:
        r, p = self.r.to_numpy(dtype=float), self.p.to_numpy(dtype=float)
        title = f"({j + 1})"
        blanks = {above: PlainCell(title, "") for above in names[:j]}
        below = {
            names[i]: PlainCell(title, float(r[i, j]), float(p[i, j]))
            for i in range(j + 1, len(names))
        }
        return blanks | {names[j]: PlainCell(title, float(r[j, j]))} | below

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
        r,
        p.where(df > 0),
        n.astype(int),
        summary["mean"],
        summary["sd"],
        used,
        factors,
    )


def _weighted_correlations(data: pd.DataFrame, weights: Floats) -> pd.DataFrame:
    """Correlate columns pair by pair, over rows where both are observed."""
    columns = data.to_numpy().T
    r = np.full((len(columns), len(columns)), np.nan)
    for i, j in combinations_with_replacement(range(len(columns)), 2):
        used = ~np.isnan(columns[i] + columns[j])
        pair, share = columns[[i, j]][:, used], weights[used]
        if share.size:
            # A constant is exactly zero once its first value is subtracted.
            pair = pair - pair[:, :1]
            pair -= np.average(pair, axis=1, weights=share)[:, None]
            a, b = pair
            with np.errstate(invalid="ignore"):
                lengths = np.sqrt((share @ a**2) * (share @ b**2))
                r[i, j] = r[j, i] = np.clip(share @ (a * b) / lengths, -1, 1)
    return pd.DataFrame(r, data.columns, data.columns)


def between_within(
    columns: Mapping[str, Floats], entity: Ints, n_entities: int
) -> pd.DataFrame:
    """Split variation of columns (N,) into between and within (`Panel.describe`)."""
    rows: dict[tuple[str, str], list[float]] = {}
    for name, column in columns.items():
        observed = ~np.isnan(column)
        unit = unit_of(column[observed])
        x = column[observed] / unit
        mean = float(x.mean()) if x.size else np.nan

        codes = entity[observed]
        counts = np.bincount(codes, minlength=n_entities)
        with np.errstate(invalid="ignore"):
            means = np.bincount(codes, weights=x, minlength=n_entities) / counts
        # Means of entities with rows, and deviations around the overall mean
        between, within = means[counts > 0], x - means[codes] + mean
        parts = {
            "overall": (x, x.size),
            "between": (between, between.size),
            "within": (within, x.size / max(between.size, 1)),
        }
        for part, (values, size) in parts.items():
            _, _, sd, low, _, high = _moments(values)
            rows[name, part] = [mean * unit, sd * unit, low * unit, high * unit, size]

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
