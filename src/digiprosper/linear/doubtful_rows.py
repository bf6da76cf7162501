"""Notices about rows: codes in place of values, missing outcomes, and large weights.

==================== ===============================================================
code                 data
==================== ===============================================================
missing_codes        column, codes, count (rows)
alphabetical_codes   term, column (of the labels), labels (the first of them)
baseline_rows        term, time (name of the key), period, count (rows)
attrition            term, treatment
suppressed_counts    column, least
missing_at_zero      term, outcome, count (rows)
capped_outcome       term, count (rows); not a warning
heavy_cluster        clusters (name), cluster (label), share (of the weights)
==================== ===============================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, product

import numpy as np
import pandas as pd

from digiprosper.errors import Notice, notice_of, time_text
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.within import is_nested
from digiprosper.linear.doubtful_terms import columns_of
from digiprosper.linear.notices import rows_where_again
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import table_of
from digiprosper.panel.grammar import backticked
from digiprosper.panel.keys import rows_text
from digiprosper.panel.table import Table

# Labels that may be in their order, labels that show it, rows in which codes are sought
_FEW, _FEW_LABELS, _SOME = 3, 6, 8
# A baseline equals the outcome of the first period, with so many rows, in six digits.
_ROWS_OF_PERIOD, _SAME = 20, 1e-6
# What files have in place of a missing value, such as those of Polity, COW and CRSP.
_CODES = frozenset([-8, -9, -66, -77, -88, -99, -999, -9999, -99999, 999, 9999, 99999])
# With 20% of the weights in one of 31 or 60 clusters a test at 5% rejects a true
# hypothesis in 8 to 11% of 500 simulated panels, with 30% in 12 to 19%, with 50% in 27
# to 42%; with CRV3 in 5 to 6%.
HEAVY = 0.2
# In standard errors. Two groups differ by chance as much in one of 1,000 samples, and
# correlations in one of 10,000.
_DIFFERENCE_BY_CHANCE = 3.3
_CORRELATION_BY_CHANCE = 4.0
# Offices publish no counts below these: of deaths, births, patients and pupils. Files
# of events, such as patents, have no rows where there are none.
_SMALLEST_COUNTS = (1, 5, 6, 10, 11)
# Suppressed counts are seen in larger entities: shares have this correlation with size.
_OF_SIZE = 0.4
# An outcome has a limit if so many rows are at its largest value, and other values
# hardly repeat. Winsorised columns have 5% there.
_AT_LIMIT = 0.1
_HARDLY_REPEAT = 0.2
_OTHERS = 50
# Prices that are revenue over units are missing at these zeros, and in few other rows.
_FEWEST_ZEROS = 5
_LARGEST_GRADE = 12
_MOSTLY_ZEROS = 1.2


def codes_as_numbers(sample: Sample, panel: Panel) -> Iterator[Notice]:
    """Report columns with codes of labels or of missing values, used as numbers."""
    ends = sample.matrix.min(axis=0), sample.matrix.max(axis=0)
    # Fast: few columns begin with whole numbers and have more than two values.
    whole = ~np.any(sample.matrix[:_SOME] % 1, axis=0) & (ends[1] - ends[0] > 1)
    for at in np.flatnonzero(whole).tolist():
        yield from _alphabetical_codes(table_of(panel), sample, sample.names[at])
    columns = {
        name: column
        for name, column, *low_and_high in zip(
            sample.names, sample.matrix.T, *ends, strict=True
        )
        if not _CODES.isdisjoint(low_and_high)
    }
    columns |= sample.variables
    if not columns:
        return
    no_numbers = {column for column, _ in sample.categories.values()}
    # A code such as 9999 in first treated times is later than all periods.
    factors = chain.from_iterable([sample.factors_of(name) for name in sample.names])
    no_numbers |= {c for f in factors if f.function == "treated" for c in f.columns}
    searched = {*panel.columns} - no_numbers
    for name, values in columns.items():
        if name in searched:
            yield from _code_notices(name, values)


def _alphabetical_codes(table: Table, sample: Sample, term: str) -> Iterator[Notice]:
    """Report a term that numbers labels in alphabetical order, such as A, AA, B."""
    some = table.some_numbers
    numbers = [c for c in columns_of(sample, [term]) if c in some.names]
    for name, (column, (codes, labels)) in product(numbers, table.alphabetical.items()):
        x = table.numeric(name)[some.rows]
        both = (codes >= 0) & ~np.isnan(x)
        codes, x = codes[both], x[both]
        levels, first = np.unique(codes, return_index=True)
        # The order of 1st, 2nd, (0, 5], of grade 1, grade 2, A, B, and I, II, III is
        # alphabetical.
        stems = {re.sub(r"^[\W\d].*|\d|^.$|^[IVX]+$", "", label) for label in labels}
        if len(stems) < 2 or (np.diff(x[first]) <= 0).any():
            continue
        # So is that of many three, such as low, middle, upper, but not high, low, mid.
        fewest = _FEW - 1 if labels[0].casefold().startswith("high") else _FEW
        # Numbers of groups that are no codes, such as taxes, have gaps.
        has_gaps = np.ptp(x) >= 2 * levels.size
        if levels.size > fewest and not has_gaps and is_nested(codes, x):
            yield notice_of(
                "alphabetical_codes",
                term=term,
                column=column,
                labels=[labels[level] for level in levels[:_FEW_LABELS]],
                _name=backticked(column),
            )


def _code_notices(name: str, values: Floats) -> Iterator[Notice]:
    """Report values that are codes and far from all others."""
    if _CODES.isdisjoint((np.fmin.reduce(values), np.fmax.reduce(values))):
        return
    is_code = np.isin(values, [*_CODES])
    if is_code.all():
        return
    others = values[~is_code]
    low, high = np.fmin.reduce(others), np.fmax.reduce(others)
    # Farther from all other values than these are from each other
    far = is_code & (np.maximum(low - values, values - high) > high - low)
    # Only codes are negative.
    negative = values < -_LARGEST_GRADE
    if low >= 0 and np.count_nonzero(negative) > 1:
        far |= negative
    if far.any() and high > low:
        yield notice_of(
            "missing_codes",
            column=name,
            codes=[*map(int, np.unique(values[far]))],
            count=int(far.sum()),
            _low=low,
            _high=high,
        )


def baseline_rows(sample: Sample, effects: Sequence[str]) -> Iterator[Notice]:
    """Report a regressor that is the outcome of the first period, which has rows."""
    # Effects of entities absorb their baseline.
    if sample.keys.entity_name in effects or len(sample.roles.get("y", ())) != 1:
        return
    first = np.flatnonzero(sample.time == 0)
    y = sample.matrix[first, sample.roles["y"][0]]
    if sample.n_times < 2 or first.size < _ROWS_OF_PERIOD or not np.ptp(y):
        return
    for at in sample.roles.get("x", ()):
        column = sample.matrix[:, at]
        if (np.abs(column[first] - y) > _SAME * np.abs(y)).any():
            continue
        # Values at constant prices are those at current prices in the base year.
        if not sample.keys.vary(column).any():
            name = str(sample.keys.time_name)
            (period,) = sample.times[:1].tolist()
            value = period if isinstance(period, int) else time_text(period)
            yield notice_of(
                "baseline_rows",
                term=sample.names[at],
                time=name,
                period=period,
                count=first.size,
                _first=value,
                _where=f"{backticked(name)} != {value!r}",
            )


def heavy_cluster(
    sample: Sample,
    weights: Floats | None,
    cov_type: str,
    clusters: Sequence[str],
    *,
    has_crv3: bool = True,
) -> list[Notice]:
    """Report a cluster with so much of the weights that its errors matter alone."""
    if weights is None or cov_type != "clustered":
        return []
    name = clusters[0]
    shares = np.bincount(sample.codes[name], weights) / weights.sum()
    share, label = shares.max(), sample.code_levels[name][int(shares.argmax())]
    # Of few clusters each has a large share, and they are reported as few.
    if share <= max(HEAVY, 4 / shares.size):
        return []
    # With instruments there is no CRV3, which corrects for leverage.
    has_crv3 = has_crv3 and "endog" not in sample.roles
    return [
        notice_of(
            "heavy_cluster.crv3" if has_crv3 else "heavy_cluster",
            clusters=name,
            cluster=label,
            share=float(share),
            _label=rows_text((label,)),
        )
    ]


def capped_outcome(sample: Sample) -> Iterator[Notice]:
    """Report an outcome that is often the largest value of its entity, or of all."""
    if len(sample.roles.get("y", ())) != 1:
        return
    (at,), starts, entity = sample.roles["y"], sample.keys.starts, sample.entity
    y = sample.matrix[:, at]
    largest = np.maximum.reduceat(y, starts)
    for limit, groups in ((largest.max(), 1), (largest[entity], starts.size)):
        capped = y == limit
        # One row of each group is the largest anyway.
        share = (np.count_nonzero(capped) - groups) / y.size
        # A list price is the usual value.
        if not _AT_LIMIT < share <= (0.5 if groups > 1 else 1):
            continue
        # The first entity is always 1 in an index that is scaled by period.
        rows = np.bincount(entity[capped])
        reach_it = np.count_nonzero(rows)
        if groups > 1:
            rows = rows[rows > 1]
            # A last value that is repeated, and a constant, are there once.
            arrives = capped & np.append(True, ~capped[:-1] | np.diff(entity) > 0)
            reach_it = np.count_nonzero(np.bincount(entity[arrives]) > 1)
        others = pd.DataFrame({"y": y, "group": entity if groups > 1 else 0})[~capped]
        repeated = others.duplicated().mean() > _HARDLY_REPEAT * share
        enough = reach_it > max(4, _AT_LIMIT * starts.size) and len(others) > _OTHERS
        if enough and not repeated:
            yield notice_of(
                "capped_outcome",
                term=sample.names[at],
                count=int(rows.sum()),
                _rows=y.size,
                _entity=sample.keys.entity_name,
            )
            return


def about_missing(
    sample: Sample, table: Table, clusters: Sequence[str]
) -> Iterator[Notice]:
    """Report outcomes that are missing by treatment, or where counts are small."""
    y = sample.names[sample.roles["y"][0]] if "y" in sample.roles else ""
    factors, data = sample.factors_of(y), table.data
    columns = [c for f in factors for c in f.columns if c in data and not f.shift]
    missing = _missing_rows(table, columns)
    offered = [*sample.roles.get("x", ())[:1], *sample.roles.get("instruments", ())]
    names = [sample.names[at] for at in offered]
    numbers = table.numbers
    for column in filter(numbers.__contains__, columns_of(sample, names)):
        yield from _attrition(sample, table, y, missing, column, clusters)
    if sample.where is not None:
        return
    counts = numbers if missing.any() else {y}.intersection(numbers)
    yield from _suppressed_counts(table, missing, counts)
    if y in numbers:
        yield from _missing_at_zero(sample, table, y)


def _missing_rows(table: Table, columns: Iterable[str]) -> Bools:
    """Mark the rows (N,) where one of the columns is missing."""
    missing = np.zeros(len(table), dtype=np.bool_)
    for column in columns:  # a frame of them takes five times as long
        missing |= (
            np.isnan(table.numbers[column])
            if column in table.numbers
            else table.data[column].isna().to_numpy()
        )
    return missing


def _missing_at_zero(sample: Sample, table: Table, y: str) -> Iterator[Notice]:
    """Report a term that is missing where the outcome is zero, and hardly elsewhere."""
    zero, roles = table.numeric(y) == 0, sample.roles
    zeros = int(np.count_nonzero(zero))
    # In the first periods outcomes may be zero, and lags and changes are missing.
    same_entity = np.diff(table.keys.entity) == 0
    again = np.count_nonzero(zero[1:] & ~zero[:-1] & same_entity)
    if again < _FEWEST_ZEROS:
        return
    for at in (*roles.get("x", ()), *roles.get("endog", ())):
        term = sample.names[at]
        columns = [c for c in columns_of(sample, [term]) if c in table.data]
        lost = _missing_rows(table, columns)
        mostly = lost.sum() <= _MOSTLY_ZEROS * zeros
        if mostly and lost[zero].all():
            yield notice_of("missing_at_zero", term=term, outcome=y, count=zeros)
            return


def _attrition(
    sample: Sample,
    table: Table,
    y: str,
    missing: Bools,
    column: str,
    clusters: Sequence[str],
) -> Iterator[Notice]:
    """Report an outcome that is missing in the last period of more of one group."""
    keys, values = table.keys, table.numeric(column)
    groups, group = np.unique(values[keys.starts], return_inverse=True)
    # Rows without a dummy say nothing about it.
    if groups.size != 2 or keys.vary(values).any():
        return
    n, several = group.size, len(keys.times) > 1
    in_last_period, in_both = (
        np.ones(len(table), dtype=np.bool_),
        _chosen_entities(sample, table),
    )
    if several:
        last = int(keys.times.get_indexer(sample.times[-1:])[0])
        in_last_period = keys.time == last
        in_both &= np.bincount(keys.entity[keys.time < last], minlength=n) > 0
    # Rows of an entity that are not in the table are missing, too.
    has_left = np.bincount(keys.entity[in_last_period & ~missing], minlength=n) == 0
    cluster = np.arange(n)
    if clusters and clusters[0] in table.data:
        labels = table.data[clusters[0]].iloc[keys.starts]
        cluster = pd.factorize(labels, use_na_sentinel=False)[0]
    has_left, group, cluster = has_left[in_both], group[in_both], cluster[in_both]
    if not 0 < group.sum() < group.size:
        return
    other, share = (has_left[group == code].mean() for code in (0, 1))
    # Welch's errors of a few entities are too small if all of them stay, or leave.
    sums = np.bincount(cluster, (group - group.mean()) * (has_left - has_left.mean()))
    by_chance = abs(sums.sum()) <= _DIFFERENCE_BY_CHANCE * np.sqrt((sums**2).sum())
    # A group that nobody asked did not leave.
    if not by_chance and max(share, other) < 1:
        units = keys.entity_name if several else "rows"
        period = time_text(sample.times[-1])
        when = f" of {keys.time_name} {period}" if several else ""
        yield notice_of(
            "attrition",
            term=y,
            treatment=column,
            _when=when,
            _units=units,
            _share=share,
            _other=other,
            _on=groups[1],
            _off=groups[0],
        )


def _chosen_entities(sample: Sample, table: Table) -> Bools:
    """Mark the entities (n,) of `where`; all of them if it chooses whole periods."""
    keys = table.keys
    if sample.where is not None:
        chosen = rows_where_again(sample.where, table)
        if (np.bincount(keys.time, chosen) % np.bincount(keys.time)).any():
            return np.asarray(np.bincount(keys.entity, chosen) > 0)
    return np.ones(len(keys.entities), dtype=np.bool_)


def _suppressed_counts(
    table: Table, missing: Bools, names: Iterable[str]
) -> list[Notice]:
    """Report counts, of the outcome or of its rate, of which none is small."""
    keys = table.keys
    # Rows between the first and the last of an entity may be absent.
    ends = np.append(keys.starts[1:], len(table)) - 1
    spans = np.maximum(keys.time[ends] - keys.time[keys.starts], ends - keys.starts) + 1
    for name in names:
        values = table.numeric(name)
        least = np.fmin.reduce(values)
        if least not in _SMALLEST_COUNTS or (np.isnan(values) != missing).any():
            continue
        counts = values[~missing]
        # Grades, and persons of a household, are never zero.
        if not missing.any() and counts.max() <= _LARGEST_GRADE:
            continue
        if not (counts % 1).any() and _grows_with_size(
            np.log(counts), keys.entity[~missing], spans
        ):
            kind = "" if least > 1 else ".events"
            kind = kind if missing.any() else ".absent"
            data = {"column": name, "least": least, "_largest": least - 1}
            return [notice_of(f"suppressed_counts{kind}", **data)]
    return []


def _grows_with_size(logs: Floats, entity: Ints, rows: Ints) -> bool:
    """Tell whether entities with large counts have most of their rows (n,)."""
    seen = np.bincount(entity, minlength=rows.size)
    some = seen > 0
    sums = np.bincount(entity, logs, rows.size)
    means, shares = sums[some] / seen[some], seen[some] / rows[some]
    # Boards have five members or more, too, but are not missing because of that.
    if np.ptp(means) * np.ptp(shares) == 0:
        return False
    enough = max(_OF_SIZE, _CORRELATION_BY_CHANCE / np.sqrt(means.size))
    return bool(np.corrcoef(means, shares)[0, 1] > enough)
