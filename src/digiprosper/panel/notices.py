"""Notices about the data of a panel. All but not_balanced are warnings.

Sentences without branches are in `notices.csv`.

================ =======================================================================
code             data
================ =======================================================================
jumping_times    column, before, after (the first jump), format (that reads such times)
similar_entities entity (name), pairs (of labels that differ in blanks or width only)
uneven_dates     column, step (found in the data), count (of dates without a date one
                 step before), first (of them)
code_forms       entity (name), pairs (of labels that are one code or name in two forms)
totals           entity (name, or that of an end of pairs), labels (of those that
                 contain others)
changed_codes    entity (name), changes (time, codes before it, codes from it on)
shifted_rows     column, of (the column it is made from), change ("lag", "lead",
                 "difference", "log difference" or "growth", the last two also "in
                 percent"), count (rows with another entity's value, or pairs of rows
                 that go back in time)
over_gaps        column, of, change (as above), count (pairs of rows more than a period
                 apart), first (entity, time, the time before)
unit_break       columns (column to the median ratio, entities, times of the later unit
                 in each, and "from", the first of these times)
units_differ     column, ratio, entities (with the larger values)
straight_lines   columns (to counts of values on a line between those beside them)
filled_ends      columns (to the first and the last period with one value)
sums_of_a_year   columns (that add up from January on), entities (where they do)
swapped_keys     entity, time (names, of which the first seems to be the time)
copied_entities  copies (entities, to the columns that are equal in them)
not_balanced     entities (that balance() left out)
================ =======================================================================
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from digiprosper.errors import Notice, cited, counted, notice_of, quoted, time_text
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.panel.entity_labels import (
    changed_codes,
    code_forms,
    similar_entities,
    totals,
)
from digiprosper.panel.grammar import backticked
from digiprosper.panel.keys import (
    STEP_WORDS,
    Keys,
    parse_times,
    usual_step,
    without_zone,
)
from digiprosper.panel.table import Table

# Year and month, quarter, week or day in one number: format, digits, description.
_ONE_NUMBER = (
    ("%Y%m", 6, "year and month"),
    ("%Y0%q", 6, "year and quarter"),
    ("%G%V", 6, "year and week"),
    ("%Y%q", 5, "year and quarter"),
    ("%Y%m%d", 8, "year, month and day"),
)
_YEARS_IN_NUMBERS = (1900, 2100)
_FEWEST_YEARS = 3
# Cohorts by age and days by hour are no keys that are swapped.
_OF_TIME = re.compile(r"years?|date|time|period|年[份度]?|日期|时间", re.IGNORECASE)
_OF_PARTS = re.compile("quarter|month|week|day|hour|minute|[季月周日时]", re.IGNORECASE)
_LAST_OF_TWO_DIGITS = 99
_MONTHS_OF_A_QUARTER = 3
# Each change as a term, and as a function of a column's values in this row and the row
# before. A lead is compared in the row before.
_CHANGES: Mapping[str, tuple[str, Callable[[Floats, Floats], Floats]]] = {
    "lag": ("lag({0})", lambda _, before: before),
    "difference": ("diff({0})", lambda now, before: now - before),
    "growth": ("I(diff({0}) / lag({0}))", lambda now, before: now / before - 1),
    "growth in percent": (
        "I(100 * diff({0}) / lag({0}))",
        lambda now, before: 100 * (now / before - 1),
    ),
    "log difference": (
        "diff(log({0}))",
        lambda now, before: np.log(now) - np.log(before),
    ),
    "log difference in percent": (
        "I(100 * diff(log({0})))",
        lambda now, before: 100 * (np.log(now) - np.log(before)),
    ),
    "lead": ("lead({0})", lambda now, _: now),
}
# Changes that can be calculated in several ways, which differ in their last digits
_CALCULATED = frozenset(_CHANGES) - {"lag", "difference", "lead"}
# Pairs of rows that are compared in all columns at once, and how many different values
# among them rule out chance.
_COMPARED = 50
_DIFFERENT = 3
# Share of dates without a date one step before, from which on a notice is given; for
# trading days it is a fifth.
_MANY_ALONE = 0.15
# A change of unit is by 100 or more, and growth takes a little of it. The median change
# from one period to the next is smaller by this factor, in logs.
_UNITS_APART = 50.0
_UNUSUAL = 10.0
# A hectare has 15 mu. One entity may change as much.
_MU = 15.0
_NEAR_MU = 0.1
# Distance of the log (base ten) of a unit from a whole number
_NEAR_POWER = 0.05
_MOSTLY_DISTINCT = 0.8
# Sums since January begin anew below this share of the sum of a year, in this share of
# years or more. Numbers of months and the like have few values.
_ANEW = 0.4
_SOME_YEARS = 0.25
_FEWEST_RISES = 8  # temperatures rise until July
_YEARS = 10_000
_NUMBERS_OF_PERIODS = 24
_FEWEST_BREAKS = 3
# A period is in another unit if most of its entities jump, so many at least.
_MOST = 0.8
_FEWEST_ENTITIES = 4
# Means of entities in two units differ by a power of ten, up to this in its log.
_OF_UNITS = 0.15
# Shares are below 1, and rates such as loss ratios a little above.
_LARGEST_SHARE = 2.0
# A factor of 100, with growth; a thousand or more if units change several times
_FEWEST_TENS = 1.5
_TENS_OF_SEVERAL = 2.5
_MOST_JUMPS = 6
# An index falls back to its base by the growth of several periods.
_BACK_TO_BASE = 3.0
# A jump counts if growth beside it, in logs, is smaller by this factor.
_AROUND = 10.0
_ENOUGH = 10_000
# Values on a line between those before and after are interpolated if so many are, at
# least this share, and hardly any other is nearly as close to its line. In numbers of
# few digits equal steps are half as frequent as steps that differ by the last digit,
# which is another one in large values, or in later yearbooks.
_FEWEST_ON_LINES = 10
_SHARE_ON_LINES = 0.01
_NEAR_LINES = 1.5
# Values are filled from one period if so many repeat, and others change as often.
_FILLED = 0.9
# If all lines fall, and fewer other steps than this share do, they are assets.
_FALLING = 0.8
# Share of entities that have the series of another one
_FEW_EQUAL = 0.1
# Values may be stored in single precision. Steps that are small beside it are none.
_ROUNDING = 4 * float(np.finfo(np.float32).eps)
_EQUAL = 1e-4
_DIGITS = 7
# Names of columns that are leads, such as x_lead, F.x, next_x and x下期
_LEAD = re.compile(r"lead|next|fut|fwd|\bf\d?[._]|[._]f\d?$|(?<!滞)后|下")


def jumping_times(keys: Keys, step: object) -> Iterator[Notice]:
    """Report times such as 201812 and 201901: one month, but 89 steps apart."""
    if step is not None or keys.time_name is None or keys.times.dtype.kind not in "iu":
        return
    values = keys.times.to_numpy(dtype=np.int64)
    if (values[0], values[-1]) == (0, _LAST_OF_TWO_DIGITS):
        yield from _two_digit_years(keys.time_name, values)
        return
    for time_format, digits, description in _ONE_NUMBER:
        years = values // 10 ** (digits - 4)
        if years[0] < _YEARS_IN_NUMBERS[0] or years[-1] > _YEARS_IN_NUMBERS[1]:
            continue
        times = parse_times(list(map(str, values)), time_format)
        if times.isna().any():
            continue
        jumps, least = _find_jumps(times, values)
        if jumps.size:
            before, after = values[jumps[0] : jumps[0] + 2].tolist()
            yield notice_of(
                "jumping_times",
                column=keys.time_name,
                before=before,
                after=after,
                format=time_format,
                _description=description,
                _missing="missing there" if least == 1 else "missing",
                _advice=_jump_advice(keys.time_name, time_format, least),
            )
            return


def _find_jumps(times: Any, values: Ints) -> tuple[Ints, int]:
    """Find consecutive times whose numbers are further apart than one step."""
    periods = times if isinstance(times, pd.PeriodIndex) else times.to_period("D")
    steps, numbers_apart = np.diff(periods.asi8), np.diff(values)
    least = int(steps.min()) if steps.size else 1
    # Months of quarters, 201503 and 201506, are never one apart.
    usual = 1 if least == 1 else int(numbers_apart.min())
    return np.flatnonzero((steps == least) & (numbers_apart > usual)), least


def _jump_advice(name: str, time_format: str, least: int) -> str:
    """Advise how numbers become periods that are `least` apart."""
    column = f"df[{cited(name)}]"
    if time_format == "%Y%m" and least == _MONTHS_OF_A_QUARTER:
        dates = f"pd.to_datetime({column}.astype(str), format='%Y%m')"
        return f"Make quarters of it: {dates}.dt.to_period('Q')."
    if time_format == "%Y%m" and least > 1:
        return f"Number the times: {column}.rank(method='dense').astype(int)."
    return (
        f"Pass time_format={time_format!r} to Panel, or convert it with "
        "pd.PeriodIndex or pd.to_datetime."
    )


def _two_digit_years(name: str, values: Ints) -> Iterator[Notice]:
    """Report years such as 98, 99, 0, 1, of which 0 is the first after sorting."""
    steps = np.diff(values)
    if steps.max() > 1:
        yield notice_of(
            "jumping_times.two_digits",
            column=name,
            before=_LAST_OF_TWO_DIGITS,
            after=0,
            format="%y",
            _last=values[steps.argmax()],
        )


def time_notices(keys: Keys, step: object) -> Iterator[Notice]:
    """Report times between which lags are missing, for a reason in their form."""
    yield from jumping_times(keys, step)
    yield from _uneven_dates(keys, step)


def _uneven_dates(keys: Keys, step: object) -> Iterator[Notice]:
    """Report if many dates have no date one step before, and `step` is not given."""
    unit = None if step is not None else usual_step(keys.times)
    # Years without a year before are gaps, as in numbers of years.
    if unit is None or unit == "Y" or keys.time_name is None:
        return
    steps = np.diff(without_zone(pd.DatetimeIndex(keys.times)).to_period(unit).asi8)
    alone = np.flatnonzero(steps > 1) + 1
    if (steps == 1).any() and alone.size >= max(3, _MANY_ALONE * steps.size):
        before, first = keys.times[[alone[0] - 1, alone[0]]]
        yield notice_of(
            "uneven_dates.days" if unit in ("D", "h") else "uneven_dates",
            column=keys.time_name,
            step=unit,
            count=alone.size,
            first=first,
            _word=STEP_WORDS[unit],
            _times=len(keys.times),
            _before=before,
            _entity=keys.entity_name,
        )


def _swapped_keys(keys: Keys) -> Iterator[Notice]:
    """Report years or dates as entities, beside more times that are none."""
    if keys.time_name is None or len(keys.times) <= len(keys.entities):
        return
    names = keys.entity_name, keys.time_name
    swapped = _OF_TIME.fullmatch(names[0]) and not _OF_PARTS.search(names[1])
    if swapped and _are_times(keys.entities) and not _are_times(keys.times):
        yield notice_of("swapped_keys", entity=keys.entity_name, time=keys.time_name)


def _are_times(values: pd.Index[Any]) -> bool:
    """Tell whether values are dates, or consecutive years."""
    if isinstance(values, pd.DatetimeIndex | pd.PeriodIndex):
        return True
    if values.dtype.kind not in "iu" or len(values) < _FEWEST_YEARS:
        return False
    first, last = int(values[0]), int(values[-1])
    of_years = _YEARS_IN_NUMBERS[0] <= first and last <= _YEARS_IN_NUMBERS[1]
    return of_years and last - first == len(values) - 1


def data_notices(table: Table, rows: Ints) -> Iterator[Notice]:
    """Report likely mistakes; `rows` (N,) are where rows of the user are."""
    keys = table.keys
    yield from time_notices(keys, table.step)
    yield from _swapped_keys(keys)
    if keys.entities.dtype.kind not in "iuf" and not keys.rows_are_entities:
        labels = keys.entities.tolist()
        yield from similar_entities(keys, labels)
        yield from code_forms(table, labels)
    yield from totals(table)
    if keys.time_name is None:
        return
    yield from changed_codes(table)
    yield from _shifted_rows(table, rows)
    yield from _backward_rows(table, rows)
    yield from over_gaps(table)
    yield from unit_break(table)
    yield from units_differ(table)
    yield from straight_lines(table)
    yield from filled_ends(table)
    yield from sums_of_a_year(table)
    yield from copied_entities(table)


def calculated_column_notices(table: Table, names: Sequence[str]) -> Iterator[Notice]:
    """Report calculated columns that shift across entities or over gaps."""
    yield from _shifted_rows(table, np.arange(len(table)), names)
    yield from over_gaps(table, names)


class _Pairs(NamedTuple):
    """Pairs of rows from which changes of a column may be calculated."""

    before: Ints  # rows
    after: Ints  # rows
    apart: Ints  # positions of pairs of two entities, or more than a period apart
    ends: tuple[int, int]  # first and last of all rows
    # Columns (K, b) in the first and the second row of some pairs that are apart
    columns: tuple[Floats, Floats]


def _pairs(
    numbers: Mapping[str, Floats],
    before: Ints,
    after: Ints,
    apart: Ints,
    ends: tuple[int, int] = (0, -1),
) -> _Pairs | None:
    """Look up some pairs that are apart; None if they are too few."""
    if apart.size < _DIFFERENT:
        return None
    spread = np.linspace(0, apart.size - 1, min(apart.size, _COMPARED))
    few = apart[spread.astype(np.intp)]
    first, second = (
        np.array([values[rows[few]] for values in numbers.values()])
        for rows in (before, after)
    )
    return _Pairs(before, after, apart, ends, (first, second))


def _shifted_rows(
    table: Table, rows: Ints, columns: Sequence[str] = ()
) -> Iterator[Notice]:
    """Report which `columns` (default all) are lags or changes across entities."""
    keys, numbers = table.keys, table.numbers
    boundary = np.flatnonzero(np.diff(keys.entity[rows]))
    pairs = _pairs(numbers, rows[:-1], rows[1:], boundary, (rows[0], rows[-1]))
    for words in _changes_by_row(pairs, numbers, columns or numbers):
        yield notice_of(
            "shifted_rows",
            **words,
            count=boundary.size,
            _entity=keys.entity_name,
            _neighbour="next" if words["change"] == "lead" else "previous",
        )


def _backward_rows(table: Table, rows: Ints) -> Iterator[Notice]:
    """Report lags and changes by row of a table whose rows go back in time."""
    keys, numbers = table.keys, table.numbers
    if np.sign(np.diff(keys.time[rows])).sum() >= 0:
        return
    # Also in rows that are in no order most may come after a later one.
    by_entity = rows[keys.entity[rows].argsort(kind="stable")]
    inside = np.diff(keys.entity[by_entity]) == 0
    if (np.diff(keys.time[by_entity])[inside] >= 0).any():
        return
    # The table is sorted: the row above was the one of the next period.
    after = np.flatnonzero(keys.steps)
    pairs = _pairs(numbers, after + 1, after, np.arange(after.size))
    for words in _changes_by_row(pairs, numbers, numbers):
        column, of = words["column"], words["of"]
        # A lead of its own lag has values, and the lag none, where a row is missing.
        shifted, right = numbers[column][keys.starts - 1], numbers[of][keys.starts]
        is_lag = np.isnan(shifted).all() and not np.isnan(right).all()
        if is_lag and not _LEAD.search(column.casefold()):
            yield notice_of(
                "shifted_rows.backward",
                **words,
                count=after.size,
                _time=keys.time_name,
            )


def _changes_by_row(
    pairs: _Pairs | None, numbers: Mapping[str, Floats], columns: Iterable[str]
) -> Iterator[dict[str, str]]:
    """Find columns that are a change of another one, with words of notices."""
    wanted = {*columns}
    if pairs is None:
        return
    for change in _CHANGES:
        for column, of in _matching_columns(pairs, numbers, change):
            if column in wanted and _is_change_of(
                numbers[column], numbers[of], change, pairs
            ):
                wanted -= {column, of}
                term = _CHANGES[change][0].format(backticked(of))
                yield {"column": column, "of": of, "change": change, "_term": term}


def _matching_columns(
    pairs: _Pairs, names: Iterable[str], change: str
) -> Iterator[tuple[str, str]]:
    """Pair columns with the columns whose lag or change they equal in some rows."""
    targets, changes = (
        np.where(np.isfinite(values), values, np.nan)
        for values in _sides(change, pairs.columns, pairs.columns)
    )
    sources = {row.tobytes(): n for row, n in zip(changes, names, strict=True)}
    for column, target in zip(names, targets, strict=True):
        of = sources.get(target.tobytes(), column)
        # Columns that are mostly zero are equal by chance.
        if of != column and np.unique(target).size >= _DIFFERENT:
            yield column, of


def over_gaps(table: Table, columns: Sequence[str] = ()) -> Iterator[Notice]:
    """Report which `columns` (default all) are changes over several periods."""
    keys = table.keys
    # A return after days without trade is that of all these days.
    if usual_step(keys.times) == "D":
        return
    numbers = table.numbers
    names, wanted = [*numbers], {*(columns or numbers)}
    all_pairs = None
    if len(table) < len(keys.entities) * len(keys.times):
        all_pairs = _pairs_within_entities(keys, numbers, np.arange(len(table)))
    for at, (of, others) in enumerate(numbers.items()):
        missing, pairs = np.isnan(others), all_pairs
        if missing.any():
            pairs = _pairs_within_entities(keys, numbers, np.flatnonzero(~missing))
        if pairs is None:
            continue
        for change in _CHANGES:
            for k in _candidate_columns(pairs, at, change):
                column, values = names[k], numbers[names[k]]
                if (
                    column in wanted
                    and not _has_values_at_ends(
                        values, others, change, keys.time, pairs
                    )
                    and _is_change_of(values, others, change, pairs)
                ):
                    wanted -= {column, of}
                    yield _over_gaps_notice(keys, column, of, change, pairs)


def _candidate_columns(pairs: _Pairs, at: int, change: str) -> list[int]:
    """Find columns that equal a change of the column at a position in some pairs."""
    before, after = (side[at] for side in pairs.columns)
    targets, changes = _sides(change, pairs.columns, (before, after))
    both = np.isfinite(targets) & np.isfinite(changes)
    # Pairs in which the column does not change are not informative.
    both &= before != after
    likely = np.flatnonzero(((targets == changes) | ~both).all(axis=1)).tolist()
    return [
        k
        for k in likely
        if k != at and np.unique(targets[k, both[k]]).size >= _DIFFERENT
    ]


def _pairs_within_entities(
    keys: Keys, numbers: Mapping[str, Floats], rows: Ints
) -> _Pairs | None:
    """Pair rows with the ones before in their entity."""
    inside = np.flatnonzero(keys.entity[rows[1:]] == keys.entity[rows[:-1]])
    before, after = rows[inside], rows[inside + 1]
    # Periods in which others are observed: a Sunday, when none is, is no gap.
    steps = keys.time[after] - keys.time[before]
    # Changes over two years are meant if most rows are two years apart, as in surveys
    # of every other year, which may be another one in other entities.
    are_meant = steps.size and np.bincount(steps).argmax() > 1
    gaps = np.flatnonzero(steps > 1)
    return None if are_meant else _pairs(numbers, before, after, gaps)


def _sides(
    change: str, values: tuple[Floats, Floats], others: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Return values, and the change of others that they may be.

    Both are in the first and the second row of pairs. Calculated changes are rounded,
    since their last digits depend on the calculation.
    """
    before, after = others
    with np.errstate(all="ignore"):
        target, source = values[change != "lead"], _CHANGES[change][1](after, before)
        digits = np.float32 if change in _CALCULATED else np.float64
        target, source = target.astype(digits), source.astype(digits)
        return target.astype(np.float64), source.astype(np.float64)


def _is_change_of(values: Floats, others: Floats, change: str, pairs: _Pairs) -> bool:
    """Return whether values are a change of the others in all pairs of rows."""
    before, after, apart = pairs.before, pairs.after, pairs.apart
    # Row numbers differ by one number.
    if _is_source_of(values, others, change, pairs) or np.ptp(values - others) == 0:
        return False
    target, source = _sides(
        change, (values[before], values[after]), (others[before], others[after])
    )
    both = np.isfinite(target) & np.isfinite(source)
    enough = np.unique(target[apart[both[apart]]]).size >= _DIFFERENT
    return bool(enough and (target[both] == source[both]).all())


def _is_source_of(values: Floats, others: Floats, change: str, pairs: _Pairs) -> bool:
    """Return whether the others are a lead, or a running sum, of the values."""
    first, last = pairs.ends
    if change == "lag":
        return bool(np.isnan(others[last]) and not np.isnan(values[first]))
    all_rows = pairs.after.size == values.size - 1
    return bool(change == "difference" and all_rows and values[first] == others[first])


def _has_values_at_ends(
    values: Floats, others: Floats, change: str, time: Ints, pairs: _Pairs
) -> bool:
    """Tell whether values are where a change of the others by rows has none.

    That is in an entity's first row with a value of the others, or its last for a lead,
    unless there were more rows. Others that were added up from the values have more,
    and so has a stock.
    """
    with_row, end = pairs.after, time.min()
    if change == "lead":
        with_row, end = pairs.before, time.max()
    ends = ~np.isnan(others)
    ends[with_row] = False
    if change == "lag":
        starts = np.unique(values[ends])
        return bool(starts.size == 1 and np.isfinite(starts[0]))
    inside = ends & (time != end)
    return not np.isnan(values[inside if inside.any() else ends]).all()


def _over_gaps_notice(
    keys: Keys, column: str, of: str, change: str, pairs: _Pairs
) -> Notice:
    """Make the notice, with the first pair of rows as an example."""
    at = pairs.apart[0]
    before, after = pairs.before[at], pairs.after[at]
    entity = keys.entities[keys.entity[after]]
    now, then = (keys.times[keys.time[row]] for row in (after, before))
    return notice_of(
        "over_gaps",
        column=column,
        of=of,
        change=change,
        count=pairs.apart.size,
        first=(entity, now, then),
        _entity=entity,
        _now=now,
        _then=then,
        _term=_CHANGES[change][0].format(backticked(of)),
    )


def unit_break(table: Table) -> Iterator[Notice]:
    """Report columns whose unit seems to change at some time."""
    keys, columns = table.keys, {}
    for name, values in table.numbers.items():
        # Amounts are positive, or zero.
        rows = _rows_in_new_unit(values, keys) if np.fmin.reduce(values) >= 0 else []
        if rows:
            factors = values[rows] / values[np.array(rows) - 1]
            up = factors > 1
            times = tuple(keys.times[keys.time[rows]])
            # The larger unit may come first in some entities only.
            columns[name] = {
                "ratio": float(np.median(factors[up == (2 * up.sum() > up.size)])),
                "entities": tuple(keys.entities[keys.entity[rows]]),
                "from": times[0],
                "times": times,
            }
    if columns:
        shown = "; ".join(
            f"{cited(column)} changes by a factor of {_factor_text(row['ratio'])} in "
            f"{_times_text(keys.entity_name, row)}"
            for column, row in columns.items()
        )
        yield notice_of("unit_break", columns=columns, _shown=shown)


def _rows_in_new_unit(amounts: Floats, keys: Keys) -> list[int]:
    """List rows from which on the unit, or the base of an index, is another one."""
    values = np.where(amounts == 0, np.nan, amounts)
    ratio = values[1:] / values[:-1]
    rows = _breaks(values, ratio, keys, _UNITS_APART)
    # Beside zeros other values may be near zero.
    if len(rows) >= (_FEWEST_BREAKS if (amounts == 0).any() else 1):
        return rows
    rows = _breaks(values, ratio, keys, _MU / 3)
    steps = [float(max(ratio[at - 1], 1 / ratio[at - 1])) for at in rows]
    if len(steps) >= _FEWEST_BREAKS and abs(median(steps) / _MU - 1) <= _NEAR_MU:
        return rows
    return _at_second_base(values, keys)


def not_balanced(keys: Keys, is_complete: Bools) -> Notice:
    """List the entities without a row in some period, which balance() leaves out."""
    entities = tuple(keys.entities[~is_complete])
    return notice_of(
        "not_balanced",
        entities=entities,
        _count=len(entities),
        _all=len(keys.entities),
        _entity=keys.entity_name,
        _time=keys.time_name,
    )


def units_differ(table: Table) -> Iterator[Notice]:
    """Report columns whose means of entities are in two groups, powers of ten apart."""
    for name, values in table.numbers.items():
        # Fast: most columns vary too little.
        if 0 <= np.fmin.reduce(values) <= np.fmax.reduce(values) / _UNITS_APART:
            yield from _two_units(name, values, table.keys)


def _two_units(name: str, values: Floats, keys: Keys) -> Iterator[Notice]:
    seen = ~np.isnan(values)
    rows = keys.entity[seen]
    means = pd.Series(np.bincount(rows, values[seen] / np.bincount(rows)[rows]))
    sizes = np.log10(means[means > 0].sort_values())
    # A group has a few entities.
    gaps = sizes.diff()[_FEWEST_BREAKS : 1 - _FEWEST_BREAKS]
    if not gaps.max() > 1:
        return
    end = _FEWEST_BREAKS + int(gaps.argmax())
    small, large = sizes[:end], sizes[end:]
    tens = float(large.median() - small.median())
    # Sizes differ within groups, and by no power of ten between them.
    narrow = max(group.max() - group.min() for group in (small, large)) < 1
    if not narrow or tens <= _FEWEST_TENS or abs(tens - round(tens)) >= _OF_UNITS:
        return
    # Codes of areas or stocks are constant, and those of regions and years repeat.
    if not keys.vary(values).any() or 2 * np.unique(values).size <= values.size:
        return
    is_large = np.isin(keys.entity, large.index)
    highest, above = np.fmax.reduce(values[~is_large]), values[is_large]
    # Two kinds of firms, or goods, often differ by 100, which no unit does but percent.
    in_percent = highest <= _LARGEST_SHARE < np.fmax.reduce(above)
    # Dummies of two groups have the same values.
    if highest < above[above > 0].min() and (round(tens) != 2 or in_percent):
        yield notice_of(
            "units_differ",
            column=name,
            ratio=10**tens,
            entities=tuple(keys.entities[large.index.sort_values()]),
            _count=len(large),
            _all=len(keys.entities),
            _entity=keys.entity_name,
        )


def _at_second_base(values: Floats, keys: Keys) -> list[int]:
    """List rows of the second period in which an index is 100 in most entities."""
    at_base = values == 100
    # Where all is covered, 100 percent is the largest value.
    if np.count_nonzero(at_base) < 2 * _FEWEST_ENTITIES or np.nanmax(values) == 100:
        return []
    shares = np.bincount(keys.time, at_base) / np.bincount(keys.time)
    periods = np.flatnonzero(shares > _MOST)
    second = periods[1:][np.diff(periods) > 1][:1]
    steps = np.abs(np.diff(np.log(values)))
    inside = (keys.steps == 1) & ~np.isnan(steps)
    is_second = np.isin(keys.time[1:], second) & inside
    growth = pd.Series(steps[inside])
    usual, back = growth.groupby(is_second[inside]).median().reindex([False, True])
    # Growth returns to 100 as it moves, and scores are mostly 100. Amounts that all
    # entities share have one value in each period.
    differs = np.unique(values).size > keys.times.size
    is_base = differs and back > _BACK_TO_BASE * usual > 0
    return [int(row) + 1 for row in np.flatnonzero(is_second & is_base)]


def _times_text(name: str, row: Mapping[str, Any]) -> str:
    """Write the time of all entities, or of each if they differ."""
    entities, times = row["entities"], row["times"]
    count = counted(len(entities), "entity")
    if len(set(times)) == 1:
        return f"{time_text(times[0])} in {count} ({name} {quoted(entities, 3)})"
    ((usual, n_usual),) = Counter(times).most_common(1)
    if n_usual > _MOST * len(times):
        alike = [x for x, time in zip(entities, times, strict=True) if time == usual]
        same = _times_text(name, {"entities": alike, "times": [usual]})
        return f"{same}, and at other times in {len(times) - n_usual:,}"
    pairs = zip(entities[:3], times, strict=False)
    shown = ", ".join(f"{cited(entity)} in {time_text(time)}" for entity, time in pairs)
    return f"{count} ({name} {shown}{', ...' if len(entities) > 3 else ''})"


def _breaks(values: Floats, ratio: Floats, keys: Keys, factor: float) -> list[int]:
    """List rows from which on, or in which alone, values differ by a factor."""
    # Growth over several periods is larger.
    inside = keys.steps == 1
    jumps = np.flatnonzero(((ratio > factor) | (ratio < 1 / factor)) & inside) + 1
    if not jumps.size:
        return []
    logs = np.where(inside, np.log(ratio), np.nan)
    some = logs[inside][:: 1 + ratio.size // _ENOUGH]
    unusual = _UNUSUAL * np.nanmedian(np.abs(some))
    # Growth to each row and after the last one, in logs without sign
    growth = np.zeros(values.size + 1)
    growth[1:-1] = np.abs(np.nan_to_num(logs))
    singles = set(_singles(jumps, ratio, growth, unusual, keys).tolist())
    # Growth around is high if prices explode.
    steps, beside = growth[jumps], np.maximum(growth[jumps - 1], growth[jumps + 1])
    far = (steps > unusual) & (beside <= np.maximum(unusual, steps / _AROUND))
    broken = {
        at
        for at in singles.union(jumps[far].tolist())
        if _has_two_units(values, keys, at, factor, alone=at in singles)
    }
    return sorted(broken.union(_in_all_entities(jumps, logs, keys).tolist()))


def _singles(
    jumps: Ints, ratio: Floats, growth: Floats, unusual: float, keys: Keys
) -> Ints:
    """Select jumps that the next row takes back, which are no event."""
    far = growth[jumps] > max(2 * unusual, np.log(_UNITS_APART))
    returns = (np.diff(jumps) == 1) & np.diff(ratio[jumps - 1] > 1)
    alone: Ints = jumps[:-1][returns & far[:-1] & far[1:]]
    # What most entities have in one period is an event.
    rows = np.bincount(keys.time)
    events = 2 * np.bincount(keys.time[alone], minlength=rows.size) > rows
    alone = alone[~events[keys.time[alone]]]
    # Units differ by powers of ten, and events do not.
    tens = np.log10(ratio[alone - 1] / ratio[alone]) / 2
    near = np.abs(tens - np.rint(tens)).sum() <= _NEAR_POWER * alone.size
    return alone if near else alone[:0]


def _in_all_entities(jumps: Ints, logs: Floats, keys: Keys) -> Ints:
    """Select the first jumps of all entities, if by powers of ten."""
    time, observed = keys.time[1:], ~np.isnan(logs)
    rows = np.bincount(time[observed], minlength=keys.times.size)
    jumping = np.bincount(keys.time[jumps], minlength=keys.times.size)
    periods = np.flatnonzero(jumping > np.maximum(_MOST * rows, _FEWEST_ENTITIES))
    usual = np.delete(logs, jumps - 1)  # growth without jumps
    usual = usual[~np.isnan(usual)]
    if not 0 < periods.size <= _MOST_JUMPS or not usual.size:
        return jumps[:0]
    steps = [logs[observed & (time == period)] for period in periods]
    tens = (np.array([*map(np.median, steps)]) - np.median(usual)) / np.log(10)
    # Seasons and crises come back; a period in another unit has two jumps. Several such
    # periods have jumps up and down in turn, by a unit that seasons do not reach.
    if periods.size <= 2 and np.ptp(periods) <= 1:
        steps, tens = steps[:1], tens[:1]
    elif (tens[1:] * tens[:-1] > 0).any() or np.abs(tens).min() < _TENS_OF_SEVERAL:
        return jumps[:0]
    power = float(np.abs(tens).mean())
    # Growth of an event differs between entities, and is no power of ten.
    near = abs(power - round(power)) < _NEAR_POWER / 2 and power > _FEWEST_TENS
    together = np.concatenate(
        [x * s for x, s in zip(steps, np.sign(tens), strict=True)]
    )
    spread, usual_spread = (
        np.median(np.abs(x - np.median(x))) for x in (together, usual)
    )
    alike = 0 < spread <= 2 * usual_spread
    return np.asarray(jumps[(keys.time[jumps] == periods[0]) & near & alike])


def _has_two_units(
    values: Floats, keys: Keys, at: int, factor: float, *, alone: bool
) -> bool:
    """Tell whether values from a row on, or of it alone, are far from the others."""
    start, stop = np.searchsorted(keys.entity, keys.entity[at] + np.arange(2))
    end = at + 1 if alone else stop
    others = np.append(values[start:at], values[end:stop])
    sides = [part[~np.isnan(part)] for part in (others, values[at:end])]
    if sides[0].size < 2 or sides[1].size < 2 - alone:
        return False
    (a, b), (c, d) = [(side.min(), side.max()) for side in sides]
    # Codes of a category repeat, amounts of many months a little. Shares may be near
    # zero once.
    return bool(
        max(c / b, a / d) > max(factor, (b / a) ** (1 + alone), d / c)
        and all(np.unique(side).size > _MOSTLY_DISTINCT * side.size for side in sides)
    )


def _factor_text(ratio: float) -> str:
    factor = max(ratio, 1 / ratio)
    # A base year changes an index by less than a unit would.
    text = f"{factor:,.0f}" if factor > _MU / 3 else f"{factor:,.2f}"
    return text if ratio > 1 else f"1/{text}"


def straight_lines(table: Table) -> Iterator[Notice]:
    """Report columns with many values on a line between those before and after."""
    columns = {}
    with np.errstate(all="ignore"):
        for name, values in table.numbers.items():
            rows = _rows_on_lines(values, table.keys)
            if rows.size and not _are_meant(values, rows, table.keys):
                columns[name] = rows.size
    if columns:
        shown = [f"{count:,} of {cited(name)}" for name, count in columns.items()]
        yield notice_of("straight_lines", columns=columns, _shown=", ".join(shown))


def _rows_on_lines(values: Floats, keys: Keys) -> Ints:
    """Find the rows on lines; none if they may be there by chance."""
    entity, span = keys.entity, np.diff(keys.time)
    inside = (entity[2:] == entity[:-2]) & (span[1:] == span[:-1])
    steps = np.diff(values)
    bends = np.abs(np.diff(steps))
    rounding = _ROUNDING * np.maximum(np.abs(values[2:]), np.abs(values[:-2]))
    moves = inside & (np.abs(steps[1:]) > rounding) & np.isfinite(bends)
    straight = moves & (bends <= np.minimum(rounding, _EQUAL * np.abs(steps[1:])))
    bent = moves & ~straight
    # An entity of lines only has a trend.
    straight &= np.isin(entity[1:-1], entity[1:-1][bent])
    rows = 1 + np.flatnonzero(straight)
    few = rows.size < max(_FEWEST_ON_LINES, _SHARE_ON_LINES * moves.sum())
    by_chance = few or rows.size <= 3 * _count_near_lines(values, bends, bent)
    return rows[:0] if by_chance else rows


def _are_meant(values: Floats, rows: Ints, keys: Keys) -> bool:
    """Tell whether lines are of assets, ages or series that all entities share."""
    steps = np.diff(values)
    # Assets fall on lines, and rise where some are bought.
    on_lines = np.isin(np.arange(steps.size), [rows - 1, rows])
    others = (keys.steps > 0) & (steps != 0) & ~on_lines
    if (steps[on_lines] < 0).all() and (steps[others] < 0).mean() < _FALLING:
        return True
    # Ages and running numbers have the same steps in all entities, and sizes times a
    # national series the same growth.
    changes = {"step": steps[rows], "growth": steps[rows] / values[rows]}
    texts = pd.DataFrame(changes).map("{:.4g}".format).assign(entity=keys.entity[rows])
    lines = texts[["entity", "step"]].drop_duplicates()
    growths = texts["growth"].groupby(keys.time[rows]).nunique().sum()
    return 2 * lines["step"].nunique() <= len(lines) or bool(2 * growths <= rows.size)


def _count_near_lines(values: Floats, bends: Floats, bent: Bools) -> int:
    """Count bends (N - 2,) hardly larger than the last digit of values (N,)."""
    # 0 has no digits.
    sizes = np.abs(np.where(values == 0, np.nan, values))
    digits = 10.0 ** np.floor(np.log10(sizes))
    for _ in range(_DIGITS):
        remainders = np.abs(sizes - digits * np.round(sizes / digits))
        digits = np.where(remainders > _ROUNDING * sizes, digits / 10, digits)
    last = np.fmin.reduce([digits[2:], digits[1:-1], digits[:-2]])
    least = np.fmax(last, bends[bent].min())
    return int(np.count_nonzero(bends[bent] <= _NEAR_LINES * least[bent]))


def filled_ends(table: Table) -> Iterator[Notice]:
    """Report columns with one value in the first or last periods, which else change."""
    keys, columns = table.keys, {}
    inside = keys.steps > 0
    for name, values in table.numbers.items():
        with np.errstate(over="ignore"):
            steps = np.diff(values)
        rows = inside & ~np.isnan(steps)
        steps, after = steps[rows], values[1:][rows]
        # Before a policy its intensity is zero.
        stays = (steps == 0) & (after != 0)
        # Fast: few values repeat.
        if np.count_nonzero(stays) < _FEWEST_ENTITIES:
            continue
        time = keys.time[1:][rows]
        most = pd.DataFrame({"filled": stays, "moves": steps != 0}).groupby(time).mean()
        most = most > _FILLED
        filled, others = most.index[most["filled"]], most.index[most["moves"]]
        if len(filled) + len(others) < len(most) or len(others) < _FEWEST_YEARS:
            continue
        # A national value, also times an exposure, grows by as much in all entities.
        with np.errstate(all="ignore"):
            growth = (steps / after).round(6)[time == others[0]]
        differs = 2 * np.unique(growth).size > max(growth.size, _FEWEST_ENTITIES)
        if differs and (filled.max() < others.min() or filled.min() > others.max()):
            columns[name] = (keys.times[filled.min() - 1], keys.times[filled.max()])
    if columns:
        shown = [f"{cited(n)} ({a} to {b})" for n, (a, b) in columns.items()]
        yield notice_of("filled_ends", columns=columns, _shown=shown)


def sums_of_a_year(table: Table) -> Iterator[Notice]:
    """Report columns of months that add up from January on."""
    keys, times = table.keys, table.keys.times
    step = times.freqstr if isinstance(times, pd.PeriodIndex) else usual_step(times)
    # Quarters may rise until the end of each year, as those of farms do.
    if str(step)[0] != "M" or not table.numbers:
        return
    numbers = pd.DataFrame(table.numbers)
    year = pd.Series(times).dt.year.to_numpy()[keys.time]
    cells = keys.entity * _YEARS + year
    of_year = numbers.groupby(cells)
    first, last = of_year.first(), of_year.last()
    goes_on = np.diff(first.index // _YEARS, append=-1) == 0
    anew = (first.shift(-1) < _ANEW * last)[goes_on]
    least = max(_FEWEST_BREAKS, _SOME_YEARS * len(anew))
    # Fast: most columns do not fall each January.
    likely = [*anew.columns[anew.sum() >= least]]
    steps = numbers[likely].groupby(cells).diff()
    rises, falls = (s.groupby(cells).sum() for s in (steps > 0, steps < 0))
    sums = anew[likely] & ((rises >= _FEWEST_RISES) & (falls == 0))[goes_on]
    names = [n for n in likely if sums[n].sum() >= least]
    names = [n for n in names if numbers[n].nunique() > _NUMBERS_OF_PERIODS]
    if names:
        inside = sums.index[sums[names].any(axis=1)] // _YEARS
        yield notice_of(
            "sums_of_a_year",
            columns=tuple(names),
            entities=tuple(keys.entities[inside.unique()]),
            _first=names[0],
            _count=inside.nunique(),
            _entity=keys.entity_name,
            _all=len(keys.entities),
            _time=keys.time_name,
        )


def copied_entities(table: Table) -> Iterator[Notice]:
    """Report entities with equal series of most columns, where few others are."""
    keys, compared = table.keys, 0
    columns: dict[tuple[Any, ...], list[str]] = {}
    # Weights by period with which different series have different sums
    weights = np.sin(1.0 + keys.time)
    for name, values in table.numbers.items():
        filled = np.nan_to_num(values)
        moves = (keys.steps > 0) & (filled[1:] != filled[:-1])
        sums = pd.Series(np.bincount(keys.entity, filled * weights))
        sums = sums[np.bincount(keys.entity[1:], moves, len(sums)) >= _FEWEST_BREAKS]
        equal = sums[sums.duplicated(keep=False)]
        # Members of groups share the values of their group.
        if len(equal) <= _FEW_EQUAL * len(sums):
            compared += len(sums) > 0
            for alike in equal.groupby(equal).groups.values():
                columns.setdefault(tuple(keys.entities[alike]), []).append(name)
    copies = {e: tuple(c) for e, c in columns.items() if len(c) > max(1, compared / 2)}
    if copies:
        first, names = next(iter(copies.items()))
        yield notice_of("copied_entities", copies=copies, _first=first, _columns=names)
