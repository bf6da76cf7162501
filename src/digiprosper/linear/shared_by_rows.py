"""What rows of a group share: a regressor, a mean, most of the weights; who is missing.

=============== ======================================================================
code            data
=============== ======================================================================
mean_of_others  term, column, effect
mean_of_outcome term, groups (a column, or a pair of columns), others (only other rows)
shared_in_cells term, effects (whose groups share it), n_cells, cov_type, clusters
heavy_cluster   clusters (name), cluster (label), share (of the weights)
=============== ======================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from digiprosper.errors import Notice, cited
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.within import is_nested
from digiprosper.linear.kernels.group_means import (
    is_mean_of_others,
    mean_in_groups,
    same_total,
)
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import table_of
from digiprosper.panel.sample import Dropped
from digiprosper.panel.table import Table
from digiprosper.report.notices import treated_together

# With 20% of the weights in one of 31 or 60 clusters a test at 5% rejects a true
# hypothesis in 8 to 11% of 500 simulated panels, with 30% in 12 to 19%, with 50% in 27
# to 42%; with CRV3 in 5 to 6%.
_HEAVY = 0.2
# In two groups of rows missing outcomes differ by chance in fewer than one of 10,000.
_NOT_BY_CHANCE = 4.0
_FEW_MISSING = 20
# Offices publish no counts below these: of deaths, births, patients and pupils.
_SMALLEST_COUNTS = (5, 6, 10, 11)
_AT_THE_EDGE = 0.01


def about_groups_of_rows(
    sample: Sample,
    panel: Panel,
    at: int,
    effects: Sequence[str],
    clusters: Sequence[str],
    cov_type: str,
) -> Iterator[Notice]:
    """Report a column of interest, by position, that rows of a group share."""
    table = table_of(panel)
    (outcome, *others) = sample.roles.get("y") or (None,)
    of_outcome = list[Notice]()
    if outcome is not None and not others:
        if same_total(sample.matrix[:, at], sample.matrix[:, outcome]):
            of_outcome = _means_of_outcome(sample, table, at, outcome, effects)
    yield from of_outcome
    if {*effects} <= {*sample.keys.names}:
        return
    if not of_outcome:
        yield from _means_of_others(sample, table, at, effects)
    if clusters != (sample.keys.entity_name,):
        yield from _shared_in_cells(sample, at, effects, clusters, cov_type)


# --- means of other rows --------------------------------------------------------------


def _means_of_outcome(
    sample: Sample, table: Table, at: int, outcome: int, effects: Sequence[str]
) -> list[Notice]:
    """Report a column that is the mean of the outcome in groups, the first of them."""
    z, y = sample.matrix[:, at], sample.matrix[:, outcome]
    if np.array_equal(z, y):
        return []
    for groups, codes in _groupings(sample, table):
        kind = mean_in_groups(z, y, codes)
        if kind:
            names = sample.names[at], sample.names[outcome]
            if kind == "others" and groups in effects:
                return [_mean_of_others(*names, groups)]
            return [_mean_of_outcome(*names, groups, others=kind == "others")]
    return []


def _groupings(sample: Sample, table: Table) -> Iterator[tuple[str, Ints]]:
    """Yield groups of rows: effects and clusters, labels, and labels by period."""
    yield from sample.codes.items()
    keys, rows = sample.keys, _rows_in(sample, table)
    for name, values in table.data.items():
        if values.dtype.kind != "f" and name not in sample.codes:
            codes = pd.factorize(values.iloc[rows])[0]
            if codes.min(initial=0) >= 0:
                yield str(name), codes
                if keys.time_name is not None:
                    periods = codes * sample.n_times + sample.time
                    yield f"{name}^{keys.time_name}", pd.factorize(periods)[0]
    if keys.time_name is not None:
        yield keys.time_name, sample.time


def _rows_in(sample: Sample, table: Table) -> Ints:
    """Return the positions of the rows of a sample in its table (N,)."""
    if sample.nobs == table.nobs:
        return np.arange(sample.nobs)
    return np.asarray(table.index.get_indexer(sample.index))


def _means_of_others(
    sample: Sample, table: Table, at: int, effects: Sequence[str]
) -> Iterator[Notice]:
    """Report the mean of a column in other rows of an absorbed group."""
    z, rows = sample.matrix[:, at], None
    for effect in effects:
        if effect in sample.keys.names:
            continue
        codes = sample.codes[effect]
        three = _three_rows(z, codes)
        if three is None:
            continue
        rows = _rows_in(sample, table) if rows is None else rows
        for name, values in table.data.items():
            if values.dtype.kind not in "fiu":
                continue
            # Three rows show for most columns that they are not on a line with z.
            x = values.to_numpy(float)[rows[three]]
            first, second = z[three[1:]] - z[three[0]], x[1:] - x[0]
            cross = first[0] * second[1] - first[1] * second[0]
            if not abs(cross) <= 1e-6 * abs(first * second).max() or not second.any():
                continue
            whole = values.to_numpy(float)[rows]
            if is_mean_of_others(z, whole, codes, any_unit=False):
                yield _mean_of_others(sample.names[at], str(name), effect)


def _three_rows(z: Floats, codes: Ints) -> Ints | None:
    """Return three rows of a level in which z moves; None if there is none at first."""
    for level in range(min(int(codes.max(initial=0)) + 1, 20)):
        rows = np.flatnonzero(codes == level)
        values, firsts = np.unique(z[rows], return_index=True)
        if rows.size > 2 and values.size > 1:
            two = np.sort(firsts)[:2]
            third = np.setdiff1d(np.arange(rows.size), two)[:1]
            return np.asarray(rows[[*two, *third]])
    return None


def _mean_of_others(term: str, column: str, effect: str) -> Notice:
    """Report a regressor that has only the row's own value within an effect."""
    text = (
        f"{cited(term)} is the mean of {cited(column)} in the other rows of each "
        f"{effect}: (total - own value) / (n - 1). These effects are absorbed, and the "
        f"total with them: what is left is the own {cited(column)} of a row times "
        "-1 / (n - 1), and its slope says nothing about the others. Absorb larger "
        f"groups than {cited(effect)}."
    )
    return Notice(
        "mean_of_others", text, {"term": term, "column": column, "effect": effect}
    )


def _mean_of_outcome(term: str, outcome: str, groups: str, *, others: bool) -> Notice:
    """Report a regressor that is the mean of the outcome in groups."""
    rows = "the other rows" if others else "the rows, its own included,"
    text = (
        f"{cited(term)} is the mean of the outcome {cited(outcome)} in {rows} of each "
        f"{groups}. The outcome is on both sides: what rows of a group have in common "
        "gives a slope without any influence of the others, and so does arithmetic, in "
        "random groups too (Manski 1993; Guryan, Kroft & Notowidigdo 2009). Use what "
        "was determined before, such as an earlier value."
    )
    return Notice(
        "mean_of_outcome", text, {"term": term, "groups": groups, "others": others}
    )


# --- values and weights that rows share -----------------------------------------------


def _shared_in_cells(
    sample: Sample,
    at: int,
    effects: Sequence[str],
    clusters: Sequence[str],
    cov_type: str,
) -> Iterator[Notice]:
    """Report a column with one value for all rows of two effects, such as a policy."""
    keys = sample.keys
    single = not keys.repeat and not keys.rows_are_entities
    if cov_type not in _OF_ROWS or (single and keys.entity_name in effects):
        return
    codes = {effect: sample.codes[effect] for effect in effects}
    of_clusters = [sample.codes[c] for c in clusters]
    if any(is_nested(e, c) for e in codes.values() for c in of_clusters):
        return
    column = sample.matrix[:, at]
    for pair in combinations(codes, 2):
        first, second = (codes[effect] for effect in pair)
        cells = pd.factorize(first * (int(second.max()) + 1) + second)[0]
        count = int(cells.max()) + 1
        values = np.empty(count)
        values[cells] = column
        if 2 * count <= cells.size and (values[cells] == column).all():
            # Periods are few: the other effect is what a policy is of.
            group = max(pair, key=lambda e: (e != keys.time_name, codes[e].max()))
            of = f"clustered by {' and '.join(clusters)}" if clusters else "by row"
            text = (
                f"{cited(sample.names[at])} has one value for all rows of the same "
                f"{' and '.join(pair)} ({count:,} groups of {cells.size:,} rows). If "
                f"errors in them, or of a {group} over time, are correlated, standard "
                f"errors {of} are too small (Bertrand, Duflo & Mullainathan 2004). "
                f"Use clusters={cited(group)}."
            )
            data = {
                "term": sample.names[at],
                "effects": pair,
                "n_cells": count,
                "cov_type": cov_type,
                "clusters": tuple(clusters),
            }
            yield Notice("shared_in_cells", text, data)
            return


def about_groups_by_period(sample: Sample, table: Table, at: int) -> list[Notice]:
    """Report a dummy, by position, that groups share which entities may leave."""
    dummy, rows, n_times = sample.matrix[:, at], None, sample.n_times
    for name in table.of_rows:
        rows = _rows_in(sample, table) if rows is None else rows
        codes = pd.factorize(table.data[name].iloc[rows])[0]
        groups = int(codes.max()) + 1
        if codes.min() < 0 or not 2 < groups <= sample.n_entities / 2:
            continue
        cells = codes * n_times + sample.time
        count = np.bincount(cells, minlength=groups * n_times).reshape(groups, -1)
        on = np.bincount(cells, dummy, groups * n_times).reshape(groups, -1)
        if ((on > 0) & (on < count)).any() or 2 * np.count_nonzero(count) > cells.size:
            continue
        # It begins in some group: years since then, or sizes above a limit, are none.
        total, treated = count.sum(axis=1), on.sum(axis=1)
        paths = len(np.unique(on > 0, axis=0))
        if ((treated > 0) & (treated < total)).any() and paths < groups:
            entity = sample.keys.entity_name
            return [
                treated_together(
                    sample.names[at],
                    name,
                    groups,
                    entity,
                    sample.n_entities,
                    moving=True,
                )
            ]
    return []


_OF_ROWS = ("unadjusted", "robust", "hc2", "hc3", "clustered", "crv3", "cr2")


def heavy_cluster(
    sample: Sample, weights: Floats | None, clusters: Sequence[str], cov_type: str
) -> Iterator[Notice]:
    """Report a cluster with so much of the weights that its errors matter alone."""
    if weights is None or cov_type != "clustered":
        return
    for name in clusters:
        shares = np.bincount(sample.codes[name], weights) / weights.sum()
        share, label = shares.max(), sample.code_levels[name][int(shares.argmax())]
        # Of few clusters each has a large share, and they are reported as few.
        if share > max(_HEAVY, 2 / shares.size):
            text = (
                f"{name} {label} has {share:.0%} of the weights: its errors do not "
                "average out, and clustered standard errors are too small, however "
                f"many {name} there are. Use cov_type='crv3', and compare a fit "
                "without weights."
            )
            data = {"clusters": name, "cluster": label, "share": float(share)}
            yield Notice("heavy_cluster", text, data)


# --- who is missing -------------------------------------------------------------------


def why_missing(sample: Sample, panel: Panel, dropped: Dropped) -> str:
    """Say if outcomes are missing by treatment, or where counts are small."""
    (outcome, *others) = sample.roles.get("y") or (None,)
    if outcome is None or others or sample.where is not None:
        return ""
    y, data = sample.names[outcome], table_of(panel).data
    factors = sample.factors_of(y)
    columns = {c for f in factors for c in f.columns if c in data}
    if y not in dropped.by_term or not columns or any(f.shift for f in factors):
        return ""
    missing = data[list(columns)].isna().to_numpy().any(axis=1)
    if np.count_nonzero(missing) < _FEW_MISSING:
        return ""
    return _attrition(sample, panel, y, missing) + _suppressed(data, columns, missing)


def _attrition(sample: Sample, panel: Panel, y: str, missing: Bools) -> str:
    """Compare the shares that are missing, of rows with a dummy of 0 and of 1."""
    keys, data = table_of(panel).keys, table_of(panel).data
    names = sample.names_of("x")[:1] if "x" in sample.roles else ()
    # Rows of one entity are not missing by chance.
    if keys.entities.size < keys.entity.size or not {*names} & {*data.columns}:
        return ""
    values = data[names[0]]
    treated, control = ((values == v).to_numpy() for v in (1, 0))
    sizes = np.array([treated.sum(), control.sum()])
    if not sizes.all() or sizes.sum() < values.notna().sum():
        return ""
    shares = np.array([missing[treated].mean(), missing[control].mean()])
    error = np.sqrt((shares * (1 - shares) / sizes).sum())
    if abs(shares[0] - shares[1]) <= _NOT_BY_CHANCE * error:
        return ""
    return (
        f" {cited(y)} is missing in {shares[0]:.0%} of rows with "
        f"{names[0]} = 1, and in {shares[1]:.0%} of those with 0: rows that "
        "are left differ for this reason too (attrition). Report bounds (Lee 2009)."
    )


def _suppressed(data: pd.DataFrame, columns: set[str], missing: Bools) -> str:
    """Say if a count, or that of a rate, is missing where it would be small."""
    for name, values in data.items():
        if values.dtype.kind != "f" or not np.array_equal(values.isna(), missing):
            continue
        counts = values.to_numpy()[~missing]
        least = counts.min(initial=np.inf)
        if least not in _SMALLEST_COUNTS or (counts % 1).any():
            continue
        if (counts <= least + 1).mean() < _AT_THE_EDGE:
            continue
        if name in columns or _is_rate(data, columns, counts, missing):
            return (
                f" {cited(str(name))} is never below {least:g}. If smaller counts are "
                "suppressed, rows are dropped because of the outcome, and slopes are "
                "biased: join areas or years until none is missing, or compare "
                f"estimates with 0 and {least - 1:g} in their place."
            )
    return ""


def _is_rate(
    data: pd.DataFrame, columns: set[str], counts: Floats, missing: Bools
) -> bool:
    """Tell whether a column is these counts over another column, times a number."""
    for rate in data[list(columns)].select_dtypes("number"):
        values = data[rate].to_numpy(float)[~missing]
        for size in data.select_dtypes("number"):
            factor = values * data[size].to_numpy(float)[~missing] / counts
            if np.ptp(factor) <= 1e-6 * abs(factor).max():
                return True
    return False
