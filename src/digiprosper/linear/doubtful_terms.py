"""Notices about terms that groups share, or that are made from other terms.

==================== ===============================================================
code                 data
==================== ===============================================================
mean_of_others       term, column, effect
shared_in_cells      term, effects (whose groups share it)
zeros_in_log         term, column, zeros (rows), share (of the term's variance)
log_of_counts        term, zeros (rows)
shared_indicators    indicators (by regressor)
own_indicators       indicators (two terms to the indicators that both contain); not a
                     warning
shared_on_path       treatment, mediator, indicators (that both contain)
over_growth          terms, index (by which they are divided)
log_of_growth        outcome, index; not a warning
over_reversed        terms, index (by which they are divided), growth (an index)
own_denominator      outcome, numerator, denominator, term (made from the denominator);
                     not a warning
own_numerator        outcome (made from the numerator), numerator, denominator, term;
                     not a warning
own_ratio            outcome (made from the denominator), numerator, denominator, term;
                     not a warning
==================== ===============================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, compress, product
from math import isclose
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.errors import Notice, cited, notice_of, quoted
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.tolerances import LINEAR_INSIDE, NO_DIVISION, SAME_TOTAL
from digiprosper.kernels.within import is_nested, less_means
from digiprosper.linear.notices import indices_of, many_dummies, shifted_log_notice
from digiprosper.panel import Panel, PanelScan, Sample
from digiprosper.panel.access import table_of
from digiprosper.panel.grammar import backticked
from digiprosper.panel.table import Logs, SomeNumbers, Table, is_unchained
from digiprosper.panel.treatment import (
    dummy_treatment_notices,
    pair_direction_notices,
    shared_by_period,
    shared_value_notices,
)
from digiprosper.report.inference import BY_ROW
from digiprosper.report.terms import columns_in

# Two values are always on a line.
_FEWEST_INSIDE = 3
# Slopes are as exact as the root of what a linear function may leave.
_NEAR = 1e-4
# A ratio in a file is often rounded. In logs, shares of its variation: what rounding
# leaves, and what the numerator alone must leave.
_ROUNDED = 0.01
_MORE_THAN_NUMERATOR = 0.1
_FEWEST_ROWS = 20
# Pairs of rows, one period apart, in which a stock is looked for
_MOST_PAIRS, _FEW_PAIRS = 100, 8
# Of sixteen changes; of numbers with few digits some are equal.
_MOST_DISTINCT = 15
# Among so many rows of a period few differences are equal in six digits by chance.
_MOST_OF_PERIOD = 10_000
# Logs with five decimals tell counts up to some hundred from other numbers.
_FIVE_DECIMALS = 1e-5
_MOST_COUNTED = 500
_FEWEST_COUNTS = 5
# Share of rows in which a mean, which is rounded, may move away from its last value
_MOVES_AWAY = 0.1
# Zeros are reported if they are so much of a column's variance, and others above 20:
# where values are not known in two of 840 rows, the slope is a third or less.
_MOSTLY_ZEROS = _MOSTLY = 0.5
_FAR_FROM_ZERO = 3.0
# Ratios to the outcome repeat if so few of them differ, beside values of the outcome.
_FEW_RATIOS = 0.5
# The logs of numbers that files contain are smaller.
_LARGEST_LOG = 100.0
_SEVEN_DIGITS = 1e-6
_THREE_DIGITS = 1e-3
# Means of at most five periods, and rows in which they are looked for
_STEPS_BACK, _FIRST_ROWS = 4, 1_000


def columns_of(sample: Sample, names: Sequence[str]) -> dict[str, str]:
    """Return the columns of the data in terms of a sample, as `columns_in` does."""
    return columns_in(dict(zip(names, map(sample.factors_of, names), strict=True)))


def term_notices(
    sample: Sample,
    panel: Panel,
    effects: Sequence[str],
    clusters: Sequence[str],
    cov_type: str,
) -> Iterator[Notice]:
    """Report terms that groups share or that are made from others."""
    roles, table = sample.roles, table_of(panel)
    of_interest = [
        *roles.get("x", ())[:1],
        *roles.get("endog", ()),
        *roles.get("treatment", ()),
    ]
    if of_interest:
        yield from _means_of_others(sample, table, of_interest[0], effects)
        if "instruments" in roles:
            yield from _means_as_instruments(sample, table)
        yield from _shared_terms(
            sample, table, of_interest, effects, clusters, cov_type
        )
        for at in (*of_interest, *roles.get("mediators", ())):
            yield from _zeros_in_log(sample, table, at, effects)
    about: list[Notice] = []
    if len(roles.get("y", ())) == 1:
        about += _about_outcome(sample, table, of_interest[-1:])
        yield from about
    yield from derived_term_notices(sample, panel)
    if panel.diagnostics:
        of_indices = indicators_on_both_sides(sample, panel)
        yield from [notice for notice in of_indices if notice not in about]
    yield from many_dummies(sample)


def _shared_terms(
    sample: Sample,
    table: Table,
    of_interest: Sequence[int],
    effects: Sequence[str],
    clusters: Sequence[str],
    cov_type: str,
) -> Iterator[Notice]:
    """Report terms that rows or entities share which errors take as independent."""
    by_entity = tuple(clusters) == (sample.keys.entity_name,)
    in_cells: list[Notice] = []
    if not by_entity and cov_type not in ("driscoll_kraay", "xtscc", "conley"):
        in_cells += _shared_in_cells(sample, of_interest[0], effects, clusters)
    yield from in_cells
    if by_entity or (not in_cells and not clusters and cov_type in BY_ROW):
        together = [*shared_treatments(sample, table, of_interest)]
        instruments = sample.roles.get("instruments", ())
        yield from together or shared_treatments(sample, table, instruments)


def derived_term_notices(
    sample: Sample, panel: Panel | PanelScan[Any]
) -> Iterator[Notice]:
    """Report terms made from the outcome alone, or from what they stand for."""
    roles = sample.roles
    if len(roles.get("y", ())) == 1 and (others := _beside_outcome(sample)):
        yield from _derived_terms(sample, panel, "y", others)
    for role, other in (("endog", "instruments"), ("treatment", "mediators")):
        if role in roles:
            yield from _derived_terms(sample, panel, role, roles.get(other, ()))


def _derived_terms(
    sample: Sample, panel: Panel | PanelScan[Any], role: str, others: Sequence[int]
) -> Iterator[Notice]:
    """Report columns, by position, that are functions of a term of the role alone."""
    names, roles = sample.names, sample.roles
    factors = chain(*map(sample.factors_of, map(names.__getitem__, roles[role])))
    inside = set(chain.from_iterable([factor.columns for factor in factors]))
    # Fast: most terms do not have such a column in their text.
    searched = [at for at in others if any(column in names[at] for column in inside)]
    if not searched:
        return
    columns = frozenset(panel.columns)
    shifts = ("lag", "lead")
    sources = {_only_column(sample, a, columns, shifts): names[a] for a in roles[role]}
    sources.pop(None, None)  # of terms that are more than a column
    used = {names[at]: _only_column(sample, at, columns, ("lag",)) for at in searched}
    terms = {name: sources[of] for name, of in used.items() if of in sources}
    if terms:
        yield _made_from(terms, role)


def _made_from(terms: Mapping[str, str], role: str) -> Notice:
    shown = ", ".join(f"{cited(t)} (of {cited(of)})" for t, of in terms.items())
    of = tuple(dict.fromkeys(terms.values()))
    return notice_of(f"made_from.{role}", terms=terms, role=role, of=of, _shown=shown)


def _only_column(
    sample: Sample, at: int, columns: frozenset[str], shifts: Sequence[str]
) -> str | None:
    """Return the column of a term; None if it has several, dummies or `shifts`."""
    name = sample.names[at]
    factors, inside = sample.factors_of(name), {*columns_of(sample, [name])}
    used, calls = inside & columns, " ".join(inside - columns)
    steps = [factor.shift for factor in factors]
    shifted = max(steps) > 0 or ("lead" in shifts and min(steps) < 0)
    if len(used) != 1 or shifted or any(f"{shift}(" in calls for shift in shifts):
        return None
    return None if any(f.level is not None for f in factors) else used.pop()


def indicators_on_both_sides(sample: Sample, panel: Panel) -> Iterator[Notice]:
    """Report regressors with the same indicators of an index, or with the outcome's."""
    if not (indexes := indices_of(panel)):
        return
    names, others = sample.names, _beside_outcome(sample)
    outcomes = sample.roles.get("y", ())
    columns = {at: _unlagged_columns(sample, at) for at in (*others, *outcomes)}

    def with_indicators(of_term: set[str]) -> set[str]:
        return of_term.union(*[indexes.get(column, ()) for column in of_term])

    for a, b in combinations(_regressors(sample), 2):
        # An index beside its square or its product is the same column.
        parts = columns[a] - columns[b], columns[b] - columns[a]
        if common := set.intersection(*map(with_indicators, parts)):
            yield _in_two_terms(sample, a, b, tuple(sorted(common)))
    # Columns in the same order are one, its logs, or it in another unit.
    order_of = table_of(panel).some_numbers.orders.get
    of_outcome = {}
    for at, y in product(others, outcomes):
        of_y = with_indicators(columns[y])
        orders = {*map(order_of, columns[at] - indexes.keys())} - {None}
        copies = {c for c in of_y - columns[y] if order_of(c) in orders}
        common = copies | (with_indicators(columns[at]) & of_y)
        # Growth of an index on its level is a regression on the index itself.
        if common := common - with_indicators(columns[at] & columns[y]):
            of_outcome[names[at]] = tuple(sorted(common))
    if of_outcome:
        yield _shared_indicators(of_outcome, names[outcomes[0]])


def _in_two_terms(sample: Sample, a: int, b: int, common: tuple[str, ...]) -> Notice:
    """Report indicators that two regressors contain, or a treatment and a mediator."""
    x, z, roles = sample.names[a], sample.names[b], sample.roles
    if a in roles.get("treatment", ()) and b in roles.get("mediators", ()):
        return notice_of("shared_on_path", treatment=x, mediator=z, indicators=common)
    of_terms = dict.fromkeys((x, z), common)
    return notice_of("own_indicators", indicators=of_terms, _shared=common)


def _beside_outcome(sample: Sample) -> list[int]:
    """List the positions of all terms of a model but its outcome."""
    of_no_term, roles = ("y", "obs_weights", "coordinates"), sample.roles
    return [at for role in roles if role not in of_no_term for at in roles[role]]


def _regressors(sample: Sample) -> list[int]:
    """List the positions of all regressors."""
    roles = ("x", "endog", "treatment", "mediators")
    return [at for role in roles for at in sample.roles.get(role, ())]


def _unlagged_columns(sample: Sample, at: int) -> set[str]:
    """Return the columns of a term, by position, that are not lagged."""
    name = sample.names[at]
    unshifted = [factor for factor in sample.factors_of(name) if not factor.shift]
    return set(columns_in({name: tuple(unshifted)}))


def is_dummy(column: Floats) -> bool:
    """Tell whether a column (N,) consists of 0 and 1."""
    # The first row is enough to see that most columns are none.
    return column[0] in (0, 1) and bool(np.isin(column, (0, 1)).all())


def _shared_indicators(shared: Mapping[str, Sequence[str]], depvar: str) -> Notice:
    """Report regressors with indicators of an index that the outcome has too."""
    shown = "; ".join(f"{cited(name)} ({quoted(c)})" for name, c in shared.items())
    return notice_of(
        "shared_indicators",
        indicators=dict(shared),
        _outcome=depvar,
        _shown=shown,
        _dropped=sorted({cited(c) for cs in shared.values() for c in cs}),
    )


def shared_treatments(
    sample: Sample, table: Table, columns: Sequence[int]
) -> Iterator[Notice]:
    """Report columns that are equal within groups, or in both directions of a pair."""
    keys = sample.keys
    for at in columns:
        values, name = sample.matrix[:, at], sample.names[at]
        notices: list[Notice] = []
        if is_dummy(values):
            notices = dummy_treatment_notices(table, keys, values == 1, name)
            notices = notices or shared_by_period(table, name)
        elif values.size == keys.entities.size:
            notices = shared_value_notices(table, keys.entities, values, name)
        yield from notices or pair_direction_notices(
            table, keys.entities, values, name, sample.entity, sample.time
        )


def _means_of_others(
    sample: Sample, table: Table, at: int, effects: Sequence[str]
) -> Iterator[Notice]:
    """Report a column, by position, that is a mean of others in an absorbed group."""
    factor, *others = sample.factors_of(sample.names[at])
    term, totals = factor.column, table.column_totals
    if others or factor.shift or factor.level is not None or term not in totals:
        return
    for column in _columns_of_same_total(table, term, effects):
        outcomes = [sample.names[at] for at in sample.roles.get("y", ())]
        z, x = table.numeric(term), table.numeric(column)
        if column in columns_of(sample, outcomes) and _is_mean_of_group(z, x):
            yield _made_from({term: column}, "y")
        rows = table.keys.index.get_indexer(sample.index)
        for effect in effects:
            if is_mean_of_others(z[rows], x[rows], sample.codes[effect]):
                data = {"term": term, "column": column, "effect": effect}
                yield notice_of("mean_of_others", **data)


def _means_as_instruments(sample: Sample, table: Table) -> Iterator[Notice]:
    """Report instruments that are means of a regressor in groups with the own row."""
    roles = sample.roles
    for at, of in product(roles["instruments"], roles.get("endog", ())):
        terms = sample.names[at], sample.names[of]
        if {*terms} <= {*table.data.columns}:
            z, x = map(table.numeric, terms)
            if _has_same_total_and_varies_less(z, x) and _is_mean_of_group(z, x):
                yield _made_from(dict([terms]), "endog")


def _columns_of_same_total(
    table: Table, term: str, effects: Sequence[str]
) -> Iterator[str]:
    """List columns with the total of a column that vary more."""
    totals = table.column_totals
    # Fast: beside effects of the keys few columns have the same total.
    by_key = {*effects} <= {*table.keys.names}
    for column, total in totals.items():
        if column == term or (by_key and not isclose(total, totals[term])):
            continue
        if _has_same_total_and_varies_less(*map(table.numeric, (term, column))):
            yield column


def _has_same_total_and_varies_less(z: Floats, x: Floats) -> bool:
    """Tell whether z has the total of x and varies less, as means of others do."""
    gaps = z - x
    # Fast: most columns have no missing values, and another total.
    if np.isnan(gaps.sum()):
        gaps = gaps[~np.isnan(gaps)]
    total = np.nansum(abs(x))
    same_total = abs(gaps.sum()) <= SAME_TOTAL * total
    # An empty column has a total of zero, and no variance.
    return bool(total and same_total and 0 < np.nanstd(z) < (1 - _NEAR) * np.nanstd(x))


def _is_mean_of_group(z: Floats, x: Floats) -> bool:
    """Tell whether z is the mean of x in the rows with the same z."""
    # Means of the same rows may differ in their last digits.
    digits = (z / np.nanmax(np.abs(z))).round(12)
    _, codes = np.unique(digits, return_inverse=True)
    gaps, near = np.nan_to_num(x - z), _NEAR * np.nanstd(x)
    # The row of a group of one is its own mean.
    if np.count_nonzero(np.abs(gaps) > near) < _FEWEST_ROWS:
        return False
    return np.allclose(np.bincount(codes, gaps), 0, atol=near)


def is_mean_of_others(z: Floats, x: Floats, codes: Ints) -> bool:
    """Tell whether z is the mean of x in the other n - 1 rows of each level.

    In each level with three rows or more, which have to have half of the rows, z is a
    linear function of x with slope ``-1 / (n - 1)``. An exposure times a period is a
    linear function of another one, too, but with slopes of any size.
    """
    size = np.bincount(codes)
    rows = size[codes] >= _FEWEST_INSIDE
    if not rows.size or 2 * np.count_nonzero(rows) < rows.size:
        return False
    z, x = less_means(z, codes), less_means(x, codes)
    zz, xx, zx = (
        np.bincount(codes[rows], weights=squares[rows], minlength=size.size)
        for squares in (z * z, x * x, z * x)
    )
    moves, follows = (part > LINEAR_INSIDE * part.mean() for part in (xx, zz))
    linear = zz * xx - zx**2 <= LINEAR_INSIDE * zz * xx
    # A constant is a linear function too, but not a mean of the others.
    if not np.array_equal(moves, follows) or not (linear & (zx < 0))[moves].all():
        return False
    # The mean may be of more rows than the sample, or in another unit.
    counts = -xx[moves] / zx[moves]
    nearest = np.maximum(np.rint(counts), 1)
    scales = counts / (size[moves] - 1)
    whole = (abs(counts - nearest) <= _NEAR * counts).all()
    in_unit = scales.size > 1 and np.ptp(scales) <= _NEAR * scales.max()
    return bool(moves.any() and (whole or in_unit))


def _about_outcome(
    sample: Sample, table: Table, last: Sequence[int]
) -> Iterator[Notice]:
    """Report how an outcome is made from columns, beside the last regressor, if any."""
    (y,) = sample.roles["y"]
    outcome, numbers = sample.names[y], table.some_numbers
    rows = numbers.rows
    if sample.keys is not table.keys:
        rows, inside = _rows_in_sample(sample, table, rows)
        numbers = numbers.select(inside)
    values = sample.matrix[rows, y]
    for notice in _shifted_log_in_values(sample, table, values, numbers):
        yield notice
        if notice.data.get("column") in table.data:
            values = table.numeric(notice.data["column"])[numbers.rows]
    if values.size >= _FEWEST_ROWS:
        yield from _made_of_outcome(sample, table, rows, values)
        if table.doubtful_deflators:
            yield from _of_growth_indices(sample, table, numbers, rows)
    if values.size and values.min() == 0:
        # A ratio is zero where its numerator is.
        positive = values > 0
        rows, values = rows[positive], values[positive]
        numbers = numbers.select(positive)
    # An exposure has a slope of one.
    beside = (*sample.roles.get("exposure", ()), *last)
    for position in beside if values.size >= _FEWEST_ROWS else ():
        x, term = sample.matrix[rows, position], sample.names[position]
        yield from _own_parts(sample, numbers, values, x, outcome=outcome, term=term)
        yield from _coupled(sample, numbers, values, x, outcome=outcome, term=term)


def _made_of_outcome(
    sample: Sample, table: Table, rows: Ints, values: Floats
) -> Iterator[Notice]:
    """Report regressors that are parts of the outcome, or that contain it."""
    (y,), x = sample.roles["y"], sample.roles.get("x", ())
    outcome = sample.names[y]
    if len(x) > 1 and (parts := _parts_of_sum(sample, rows, values)):
        yield _made_from(dict.fromkeys(parts, outcome), "sum")
    # The outcome of a mediator's equation is the mediator.
    for at in (y, *sample.roles.get("mediators", ())) if x else ():
        roles = _roles_of_terms(sample, table, at)
        for role in dict.fromkeys(roles.values()):
            terms = [term for term in roles if roles[term] == role]
            yield _made_from(dict.fromkeys(terms, sample.names[at]), role)


def _of_growth_indices(
    sample: Sample, table: Table, numbers: SomeNumbers, rows: Ints
) -> Iterator[Notice]:
    """Report terms divided by an index with the period before as 100, and its log."""
    (y,), names, logs = sample.roles["y"], sample.names, numbers.logs
    columns = [(names[at], sample.matrix[rows, at]) for at in (y, *_regressors(sample))]
    factors = [(f.function, f.columns) for f in sample.factors_of(names[y])]
    for index, growth in table.doubtful_deflators.items():
        if not growth and factors == [("log", (index,))]:
            yield notice_of("log_of_growth", outcome=names[y], index=index)
        if index not in logs.names:
            continue
        at = logs.names.index(index)
        amounts = logs.columns[:, :-1] - logs.columns[:, [at]]
        amounts[:, at] = np.nan
        terms = tuple([n for n, x in columns if _is_amount(x, amounts, logs, table)])
        if terms and growth:
            yield notice_of("over_reversed", terms=terms, index=index, growth=growth)
        elif terms:
            yield notice_of("over_growth", terms=terms, index=index)


def _is_amount(values: Floats, amounts: Floats, logs: Logs, table: Table) -> bool:
    """Tell whether values, or their log, are one of the logs of amounts in columns."""
    gaps = [log[:, None] - amounts for log in _values_and_logs(values)]
    fits = (np.std(gaps, axis=1) < _THREE_DIGITS).any(axis=0)
    # Growth over the index is real growth.
    tops = map(table.numeric, compress(logs.names, fits))
    return not all(is_unchained(top, table.keys.entity) for top in tops)


def _parts_of_sum(sample: Sample, rows: Ints, values: Floats) -> list[str]:
    """Select regressors in logs whose levels add up to the level of the outcome."""
    x = np.array(sample.roles["x"])
    # As many columns as rows add up to anything.
    if 2 * x.size > values.size:
        return []
    step = max(1, rows.size // (_FEWEST_ROWS + 2 * x.size))
    rows, values = rows[::step], values[::step]
    gaps = sample.matrix[rows[:, None], x] - values[:, None]
    # Of the largest, which is at most the whole sum
    shares = np.exp(gaps - gaps.max(axis=0))
    if shares.sum(axis=1).min() < 1 - _NEAR:
        return []
    weights = np.linalg.lstsq(shares, np.ones(values.size))[0]
    parts, exact = x[weights > _NEAR], np.abs(shares @ weights - 1).max() < _NEAR
    # Dummies that are constant in these rows add up to a rare event.
    if not exact or parts.size < 2 or np.unique(values).size <= _FEWEST_COUNTS:
        return []
    return [sample.names[at] for at in parts]


def _roles_of_terms(sample: Sample, table: Table, y: int) -> dict[str, str]:
    """Map regressors that are made from the outcome, a position, to how they are."""
    names, x = sample.names, sample.roles["x"]
    # Fast: other fits of these rows have the same pairs.
    roles = table.some_numbers.tested.setdefault((names[y], sample.nobs), {})
    if new := [at for at in x if names[at] not in roles]:
        roles.update((names[at], "") for at in new)
        for test, role in _MADE_FROM_OUTCOME.items():
            are_made = test(sample, y, new)
            roles.update((names[at], role) for at in compress(new, are_made))
    return {names[at]: roles[names[at]] for at in x if roles[names[at]]}


def _are_moving_sums(sample: Sample, y: int, x: Sequence[int]) -> list[bool]:
    """Tell which columns are proportional to sums of the outcome; empty if unknown."""
    steps = min(_STEPS_BACK, int(sample.time.max()))
    # Slow: all rows of a large sample
    entity, time = sample.entity[:_FIRST_ROWS], sample.time[:_FIRST_ROWS]
    same_entity = entity[steps:] == entity[: entity.size - steps]
    start = np.flatnonzero(
        same_entity & (time[steps:] - time[: time.size - steps] == steps)
    )
    rows = (start + steps)[:: max(1, start.size // _FEWEST_ROWS)]
    if not steps or rows.size < _FEWEST_ROWS:
        return []
    past = sample.matrix[rows - np.arange(steps + 1)[:, None]][..., [y, *x]]
    levels = _levels(np.moveaxis(past, -1, 0))
    sums, columns = levels[0].cumsum(axis=1)[:, 1:], levels[1:, :, None, :1]
    # Far below zero exp(x) - 1 is -1.
    varies = np.ptp(sums, axis=-1) > _ROUNDED * np.abs(sums).max(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = columns / sums
        spread = np.ptp(ratios, axis=-1) / np.abs(ratios[..., 0])
    inside = (varies & (spread < _SEVEN_DIGITS)).any(axis=(1, 2, 3))
    # Dummies equal the sums of a rare event where both are constant.
    several = np.unique(sums[0, 0]).size > _FEWEST_COUNTS
    are_sums: list[bool] = (inside & several).tolist()
    return are_sums


def _are_shares(sample: Sample, y: int, x: Sequence[int]) -> list[bool]:
    """Tell which shares, or their logs, have ratios to the outcome that repeat."""
    rows = sample.keys.in_largest_period[:_MOST_OF_PERIOD]
    if rows.size < _FEWEST_ROWS:
        return []
    outcome, *columns = sample.matrix[rows][:, [y, *x]].T
    return [_is_share(column, outcome) for column in columns]


def _is_share(column: Floats, outcome: Floats) -> bool:
    """Tell whether the ratio of the outcome to a share, or its log, often repeats."""
    is_level, parts = column.min() > 0, [outcome, column]
    # Shares are at most one, and their logs at most zero.
    if column.max() > (1 if is_level else 0) or (is_level and outcome.min() <= 0):
        return False
    y, x = map(np.log, parts) if is_level else parts
    # Stata's numbers have seven digits.
    sizes = [np.unique(values.round(6)).size for values in (y - x, y)]
    return sizes[0] <= _FEW_RATIOS * sizes[1]


def _rise_with_outcome(sample: Sample, y: int, x: Sequence[int]) -> list[bool]:
    """Tell which columns rise in rows with the largest outcome more than in others."""
    rows = np.flatnonzero(np.diff(sample.entity) == 0)[:_MOST_PAIRS] + 1
    rises: list[bool] = _in_order(sample, rows, x, sample.matrix[rows, y]).tolist()
    return rises


def _in_order(
    sample: Sample, rows: Ints, columns: Sequence[int], outcome: Floats
) -> Bools:
    """Tell which columns change more at wins than at losses (R,), as ratings do."""
    low, high = outcome.min(initial=np.inf), outcome.max(initial=-np.inf)
    wins, losses = outcome == high, outcome == low
    if high == low or min(wins.sum(), losses.sum()) < _FEWEST_ROWS / 2:
        return np.zeros(len(columns), dtype=np.bool_)
    changes = (sample.matrix[rows] - sample.matrix[rows - 1])[:, columns]
    return np.asarray(changes[wins].min(axis=0) > changes[losses].max(axis=0))


def _determine_outcome(sample: Sample, y: int, x: Sequence[int]) -> list[bool]:
    """Tell which columns give the outcome, by a square, a trend and entity effects."""
    before = _rows_before(sample, _FIRST_ROWS)
    if before.size < _FEWEST_ROWS:
        return []
    # Four pairs of rows, four times: the last follows from the others.
    rows = before[np.arange(16) * (before.size // 16)].reshape(4, 4, 1)
    values, later = (sample.matrix[at, (y, *x)] for at in (rows, rows + 1))
    changes = later - values
    # Numbers of few digits fit by chance.
    if np.unique(changes[..., 0]).size < _MOST_DISTINCT:
        return []
    with np.errstate(over="ignore", invalid="ignore"):
        bends = (later + values - 2 * values[0, 0]) * changes
        outcome, line = np.split(changes[1:] - changes[0], [1], axis=-1)
        curve = (bends[1:] - bends[0])[..., 1:]
        normal = np.cross(line, curve, axis=0)
        sizes = [*map(np.hypot.reduce, (outcome, line, curve, normal))]
        fits = np.abs((normal * outcome).sum(axis=0)) < _NEAR * sizes[0] * sizes[3]
        fits &= sizes[3] > _ROUNDED * sizes[1] * sizes[2]
    # Rows that are winsorised do not fit.
    return [share >= _MOSTLY for share in fits.mean(axis=0).tolist()]


_MADE_FROM_OUTCOME = {
    _determine_outcome: "square",
    _are_shares: "share",
    _are_moving_sums: "y",
    _rise_with_outcome: "y",
}


def shifted_log(
    sample: Sample, run: Callable[[Callable[[Sample], Any]], Iterable[Any]]
) -> list[Notice]:
    """Report an outcome such as ``log(y + 1)`` of y with zeros, from all parts."""
    (at,) = sample.roles["y"]
    factors = sample.factors_of(sample.names[at])
    columns = [column for column in factors[0].columns if column in sample.variables]
    logs = factors[0].function in ("log", "log1p")
    if len(factors) > 1 or len(columns) != 1 or not logs:
        return []
    (column,) = columns

    def describe(part: Sample) -> tuple[Any, ...]:
        values = part.variables[column]
        broken = bool((values != np.round(values)).any())
        ends = np.nanmin(values), np.nanmax(values)
        return *ends, broken, int((values == 0).sum()), values.size

    least, largest, broken, zeros, rows = zip(*run(describe), strict=True)
    # Not for shares; but a count may have the values 0 and 1 only.
    if min(least) < 0 or not sum(zeros) or (max(largest) <= 1 and any(broken)):
        return []
    return [shifted_log_notice(sample.names[at], column, sum(zeros), sum(rows))]


def _zeros_in_log(
    sample: Sample, table: Table, at: int, effects: Sequence[str]
) -> Iterator[Notice]:
    """Report a log, by position, that differs little but for zeros of its column."""
    z, term = sample.matrix[:, at], sample.names[at]
    least, largest = z.min(), np.abs(z).max()
    zero = z == least
    others = z[~zero]
    small = others.size < _FEWEST_ROWS or others.min() - least < _FAR_FROM_ZERO
    if small or largest > _LARGEST_LOG:
        return
    share = _share_of_zeros(sample, at, zero, effects)
    if share < _MOSTLY_ZEROS:
        return
    some = others[:_FEWEST_ROWS, None]
    for name in table.some_numbers.names:
        x = table.numeric(name)
        if np.fmin.reduce(x) != 0:
            continue
        # Values are compared, not rows: the term may be a lag.
        for logs in (np.log(x + np.exp(least)), np.arcsinh(x)):
            gaps = np.nanmin(np.abs(logs - some), axis=1)
            if gaps.max() < _SEVEN_DIGITS * largest:
                yield notice_of(
                    "zeros_in_log",
                    term=term,
                    column=name,
                    zeros=int(zero.sum()),
                    share=float(share),
                    _dummy=f"I({backticked(name)} > 0)",
                )
                return


def _share_of_zeros(
    sample: Sample, at: int, zero: Bools, effects: Sequence[str]
) -> float:
    """Return the share of zeros in the variance of a column, 0 beside their dummy."""
    for column in _regressors(sample):
        x = sample.matrix[:, column]
        if np.ptp(x[zero]) == np.ptp(x[~zero]) == 0 < np.ptp(x):
            return 0.0
    codes = sample.entity if sample.keys.entity_name in effects else 0 * sample.entity
    z, dummy = less_means(sample.matrix[:, at], codes), less_means(zero, codes)
    total = float((z @ z) * (dummy @ dummy))
    return float(z @ dummy) ** 2 / max(total, NO_DIVISION)


def _own_parts(
    sample: Sample, numbers: SomeNumbers, y: Floats, x: Floats, outcome: str, term: str
) -> Iterator[Notice]:
    """Report a regressor that has a part of the outcome as its own part."""
    names, keys = numbers.logs.names, (("y", outcome), ("x", term))
    for key, column in zip(keys, (y, x), strict=True):
        if key not in numbers.ratios:
            numbers.ratios[key] = _ratios(column, numbers.logs)
    of_outcome, of_term = map(numbers.ratios.__getitem__, keys)
    denominators = map(itemgetter(1), (*of_outcome, *of_term))
    if min(denominators, default=len(names)) == len(names):
        return
    of_term = _without_products(sample, numbers, term, of_term)
    terms = {"outcome": outcome, "term": term}
    for (top, below), (made_of, _) in product(of_outcome, of_term):
        if below == made_of:
            parts = {"numerator": names[top], "denominator": names[below]}
            yield notice_of("own_denominator", **terms, **parts)
            return
    below_of = dict(_without_products(sample, numbers, outcome, of_outcome))
    for top, below in of_term:
        # With the same denominator it is a function of the outcome.
        of_numerator = top in below_of and below not in (below_of[top], len(names))
        if of_numerator or below_of.get(below, top) != top:
            parts = {"numerator": names[top], "denominator": names[below]}
            yield notice_of(
                "own_numerator" if of_numerator else "own_ratio", **terms, **parts
            )
            return


def _without_products(
    sample: Sample,
    numbers: SomeNumbers,
    term: str,
    ratios: Sequence[tuple[int, int]],
) -> list[tuple[int, int]]:
    """Select the ratios of a term that the table does not have as products."""
    names = numbers.logs.names
    written = columns_of(sample, [term])
    # Population is output over output per head, but contains no output.
    columns = [names[top] for top, over in ratios if over == len(names)]
    return [
        (top, over)
        for top, over in ratios
        if over == len(names)
        or names[over] in written
        or any(numbers.is_quotient(c, names[top], names[over]) for c in columns)
    ]


def _coupled(
    sample: Sample, numbers: SomeNumbers, y: Floats, x: Floats, outcome: str, term: str
) -> Iterator[Notice]:
    """Report an outcome and a regressor of which one is coupled with the other."""
    for of, degree, system in ((term, y, x), (outcome, x, y)):
        # Degrees of coupling are between 0 and 1.
        if degree.max() <= 1 and _is_coupled(numbers, degree, system):
            columns = tuple(columns_of(sample, [of]))
            if len(columns) == 1:
                yield _shared_indicators({term: columns}, outcome)


def _is_coupled(numbers: SomeNumbers, degree: Floats, system: Floats) -> bool:
    """Tell whether a degree is the fourth root of a system times a column."""
    logs, lengths = numbers.logs.columns, numbers.logs.products.diagonal()
    for y, x in product(*map(_values_and_logs, (degree, system))):
        x = x - x.mean()
        gap = x - 4 * (y - y.mean())
        # Squared distances: of the product from the degree, of a column from a power
        # of the system, which would be coupled with itself.
        distances = lengths + 2 * (gap @ logs) + gap @ gap
        residual_lengths = lengths - (x @ logs) ** 2 / max(x @ x, NO_DIVISION)
        if (distances < _ROUNDED**2 * residual_lengths).any():
            return True
    return False


def _rows_in_sample(sample: Sample, table: Table, rows: Ints) -> tuple[Ints, Bools]:
    """Return the positions in the sample of rows of the table, and which are in it."""
    whole, keys = table.keys, sample.keys
    some, position = np.unique(whole.entity[rows], return_inverse=True)
    entity = keys.entities.get_indexer(whole.entities[some])[position]
    time = keys.times.get_indexer(whole.times)[whole.time[rows]]
    cells = sample.entity * sample.n_times + sample.time
    sought = entity * sample.n_times + time
    at = np.searchsorted(cells, sought).clip(max=cells.size - 1)
    inside = (entity >= 0) & (time >= 0) & (cells[at] == sought)
    return at[inside], inside


def _shifted_log_in_values(
    sample: Sample, table: Table, v: Floats, numbers: SomeNumbers
) -> Iterator[Notice]:
    """Report an outcome that is the log of a column with zeros, or its asinh."""
    yield from shifted_log(sample, lambda function: [function(sample)])
    outcome, largest = sample.names[sample.roles["y"][0]], np.abs(v).max(initial=0)
    if v.size < _FEWEST_ROWS or outcome not in table.data or largest > _LARGEST_LOG:
        return
    names, values = numbers.with_zeros
    for name, column in zip(names, values.T, strict=True):
        zero = column == 0
        # Of small numbers x the asinh is x.
        if zero.all() or np.abs(v - column).max() < _SEVEN_DIGITS * largest:
            continue
        added = float(np.exp(v[zero][0]))
        replaced = np.log(np.where(zero, min(added, 1.0), column))
        for log in (np.log(column + added), np.arcsinh(column), replaced):
            # Stata's numbers have seven digits.
            if np.abs(v - log).max() < _SEVEN_DIGITS * largest:
                zeros = int((table.numeric(name) == 0).sum())
                yield shifted_log_notice(outcome, name, zeros, len(table))
                return
    if v.min() == 0:
        yield from _logs_of_counts(table, outcome, v, numbers)


def _logs_of_counts(
    table: Table, outcome: str, v: Floats, numbers: SomeNumbers
) -> Iterator[Notice]:
    """Report an outcome that is the log, or the asinh, of counts not in the table."""
    zeros, name = int((table.numeric(outcome) == 0).sum()), backticked(outcome)
    if _are_counts(np.sinh(v)):
        count = f"I((exp({name}) - exp(-{name})) / 2)"
        yield shifted_log_notice(outcome, f"sinh({name})", zeros, len(table), count)
        return
    # Logs of a column without zeros, such as those of employees, are no shifted logs.
    logs = numbers.logs.columns
    is_log = np.abs(logs.T - (v - v.mean())).max(axis=1) < _FIVE_DECIMALS
    if not is_log.any() and _are_counts(np.expm1(v)):
        data = {"term": outcome, "zeros": zeros, "_rows": len(table)}
        yield notice_of("log_of_counts", **data, _count=f"I(exp({name}) - 1)")


def _are_counts(values: Floats) -> bool:
    """Tell whether numbers, which begin at zero, are whole if they are small."""
    whole = np.rint(values)
    few = whole < _MOST_COUNTED
    exact = np.abs(values - whole)[few] < _FIVE_DECIMALS * (1 + whole[few])
    several = np.unique(whole[few]).size > _FEWEST_COUNTS
    return bool(exact.all() and several)


def stocks_of(sample: Sample, at: int, columns: Sequence[int]) -> list[str]:
    """Select columns that are stocks of a flow at a position, or made from its lag.

    Columns and the flow may be logs, or logs of one more. A rating, such as Elo's, is a
    stock of wins and losses.
    """
    before = _rows_before(sample)[:_MOST_PAIRS]
    if before.size < _FEWEST_ROWS:
        return []
    stocks = np.asarray(columns, dtype=np.intp)
    outcome = sample.matrix[before, at]
    ratings = stocks[_in_order(sample, before + 1, columns, outcome)]
    by_size = before[np.argsort(-np.abs(outcome))]
    counts = np.arange(sample.entity.size) - sample.keys.starts[sample.entity]
    # Fast: a few pairs with large and small flows show that most columns are no stocks.
    for pairs in (by_size[:: before.size // _FEW_PAIRS], before):
        rows = np.stack([pairs, pairs + 1])[..., None]
        values = sample.matrix[rows, np.append(stocks, at)].transpose(2, 0, 1)
        parts = values[:-1], values[-1]
        stocks = stocks[_are_stocks(*parts) | _are_means(*parts, counts[pairs])]
        if not stocks.size:
            break
    return [sample.names[column] for column in dict.fromkeys([*ratings, *stocks])]


def _rows_before(sample: Sample, most: int | None = None) -> Ints:
    """Find rows, among the first, whose entity has the next row a period later."""
    entity, time = sample.entity[:most], sample.time[:most]
    return np.flatnonzero((np.diff(entity) == 0) & (np.diff(time) == 1))


def _levels(values: Floats) -> Floats:
    """Stack values (..., 2, R), and those whose log, or log of one more, they are."""
    size = np.abs(values).max(axis=(-2, -1), keepdims=True)
    logs = np.where(size > _LARGEST_LOG, np.nan, values)
    return np.stack([values, np.exp(logs), np.expm1(logs)], axis=-3)


def _are_stocks(stocks: Floats, flows: Floats) -> Bools:
    """Tell which stocks are ``a`` times the one before plus ``b`` times a flow.

    Stocks (c, 2, R) and flows (2, R) have the period before first. The flow may be of
    either period.
    """
    # By column, level of the stock, level and period of the flow, and row
    stocks, flows = _levels(stocks)[:, :, None, None], _levels(flows)
    before, after = stocks[..., 0, :], stocks[..., 1, :]
    sizes = np.maximum(np.maximum(np.abs(before), np.abs(after)), np.abs(flows))
    # Beside a constant, columns that grow by a constant would be stocks.
    flows = np.where(np.ptp(flows, axis=-1, keepdims=True) > 0, flows, np.nan)
    # Small entities count as large ones do.
    scale = np.maximum(sizes, NO_DIVISION)
    z, x, p = after / scale, before / scale, flows / scale
    xx, xp, pp, xz, pz = [
        (u * v).sum(axis=-1) for u, v in ((x, x), (x, p), (p, p), (x, z), (p, z))
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = np.stack([pp * xz - xp * pz, xx * pz - xp * xz]) / (xx * pp - xp**2)
        fits = np.abs(z - a[..., None] * x - b[..., None] * p).max(axis=-1)
        adds = np.ptp(b[..., None] * p, axis=-1)
    # Without a stock before, a flow of this period is the column itself.
    least = (0.0, _ROUNDED)
    add_up = (fits < _SEVEN_DIGITS) & (adds > _ROUNDED) & (np.abs(a) >= least)
    return np.asarray(add_up.any(axis=(1, 2, 3)))


def _are_means(means: Floats, flows: Floats, counts: Ints) -> Bools:
    """Tell which columns (c, 2, R) are means of all flows (2, R) up to some row."""
    moves, gaps = means[:, 1] - means[:, 0], flows[:, None] - means[:, 0]
    # Fast: few columns move towards the last value in most rows.
    if ((moves * gaps < 0).mean(axis=-1) > _MOVES_AWAY).all():
        return np.zeros(len(means), dtype=np.bool_)
    # The mean of k values moves to the last one by a k-th of their distance.
    largest = np.abs(moves).argmax(axis=-1)[None, :, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.take_along_axis(gaps / moves - counts, largest, axis=-1)
        misses = np.abs(moves * (counts + first) - gaps).max(axis=-1)
    return np.asarray((misses < _SEVEN_DIGITS * np.abs(gaps).max(axis=-1)).any(axis=0))


def _values_and_logs(values: Floats) -> list[Floats]:
    """List values, which may be logs, and their logs if they are positive."""
    return [values, np.log(values)] if values.min() > 0 else [values]


def _ratios(values: Floats, logs: Logs) -> list[tuple[int, int]]:
    """List the pairs of columns (the last: no denominator) whose ratio values are."""
    pairs: list[tuple[int, int]] = []
    products, lengths = logs.products, logs.products.diagonal()
    for log in _values_and_logs(values):
        v = log - log.mean()
        # Sums of squares of ``v - a + b``, by numerator a and denominator b.
        size, along = v @ v, v @ logs.columns
        squares = lengths + 2 * along - 2 * products
        squares += size + lengths[:, None] - 2 * along[:, None]
        shares = squares[:-1] / max(size, NO_DIVISION)
        fits = shares < _ROUNDED**2
        # A denominator that hardly varies would fit beside any numerator.
        fits[shares[:, -1] < _MORE_THAN_NUMERATOR**2, :-1] = False
        if not fits.any():
            continue
        # The cube over the square of a column is no ratio of two.
        determinants = np.outer(lengths, lengths) - products**2
        fits[:, :-1] &= (determinants > _ROUNDED**2 * products**2)[:-1, :-1]
        pairs += [*zip(*(at.tolist() for at in np.nonzero(fits)), strict=True)]
    return pairs


def _shared_in_cells(
    sample: Sample, at: int, effects: Sequence[str], clusters: Sequence[str]
) -> Iterator[Notice]:
    """Report a column with one value for all rows of two effects, such as a policy."""
    codes, term, column = sample.codes, sample.names[at], sample.matrix[:, at]
    if any(is_nested(codes[e], codes[c]) for e in effects for c in clusters):
        return
    pairs = []
    for pair in combinations(effects, 2):
        first, second = (codes[effect] for effect in pair)
        cells, labels = pd.factorize(first * (second.max() + 1) + second)
        if 2 * labels.size <= cells.size and is_nested(cells, column):
            pairs.append(pair)
    if pairs:
        # Periods are few: the other effect is what a policy is of. With effects of
        # exporter by year, importer by year and pair, it is the pair.
        time = sample.keys.time_name
        levels = sample.code_levels

        group = max(
            chain.from_iterable(pairs),
            key=lambda e: (e != time and levels[e].dtype.kind != "M", codes[e].max()),
        )
        pair = next(p for p in pairs if group in p)
        yield notice_of("shared_in_cells", term=term, effects=pair, _group=group)
