"""Instruments for panel data: interactions, shift-share, and distances.

Each function returns a Series for `Panel.assign` or `Panel.attach`. Its index is that
of the panel, or for `distance_to` that of the coordinates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import (
    alignment_problem,
    check_type,
    check_whole,
    is_real,
    one_problem,
    refuse_unknown,
)
from digiprosper.errors import (
    AlignmentError,
    ColumnError,
    InputTypeError,
    MissingDataError,
    OptionError,
    PanelIndexError,
    TermError,
    cited,
    counted,
    did_you_mean,
    issue,
    notice_of,
    quoted,
    subject,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.great_circle import great_circle
from digiprosper.kernels.tolerances import SUM_TO_ONE
from digiprosper.panel import Panel
from digiprosper.panel.access import table_of
from digiprosper.panel.coordinates import degrees_of, refuse_beyond
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.table import Table
from digiprosper.panel.terms import parse
from digiprosper.specification import as_terms

__all__ = ["bartik", "distance_to", "interact"]

_LONGEST_LAG = 1_000


# --- a cross-section times a time series ----------------------------------------------


def interact(
    panel: Panel,
    cross_section: str | pd.Series[Any],
    series: str | pd.Series[Any],
    lag: int = 1,
) -> pd.Series[float]:
    """Multiply a variable that is constant over time by a time series.

    ``z_it = c_i * s_{t - lag}``. An example is the number of post offices or telephones
    per head in 1984, times national internet users of the previous year (Nunn & Qian
    2014; Huang, Yu & Zhang 2019). Entity and time effects absorb the two factors, but
    not their product.

    Parameters
    ----------
    panel : Panel
        The panel.
    cross_section : str or Series
        Term that is constant within entities, or a Series indexed by entity.
    series : str or Series
        Term that is constant within periods, or a Series indexed by period. A Series
        can start before the panel, so that the lag is known in the first periods.
    lag : int
        Number of periods by which `series` is lagged. The default is 1; 0 is no lag. A
        period is a step of the panel: with ``step=2``, as for a survey of every second
        year, it is two years.

    Returns
    -------
    Series
        Instrument, indexed as the rows of `panel`. It is missing if the value of the
        entity is missing, and before `series` starts.

    Raises
    ------
    AlignmentError
        If a Series has no value for an entity, or for a period between its first and
        its last.
    ColumnError, TermError, InputTypeError, OptionError, PanelIndexError
        If a term cannot be used, if a term is not constant within entities or periods,
        or if the panel has no time key.

    Examples
    --------
    >>> import pandas as pd
    >>> from digiprosper import Panel, instruments
    >>> frame = pd.DataFrame(
    ...     {
    ...         "city": list("AABB"),
    ...         "year": [2011, 2012, 2011, 2012],
    ...         "posts": [2, 2, 5, 5],
    ...     }
    ... )
    >>> panel = Panel(frame, "city", "year")
    >>> users = pd.Series([0.3, 0.4], index=[2010, 2011], name="users")
    >>> z = instruments.interact(panel, "posts", users)
    >>> panel.assign(z=z).frame["z"].tolist()
    [0.6, 0.8, 1.5, 2.0]
    """
    table = _table_with_time(panel, "interact")
    steps = check_whole("lag", lag, 0, _LONGEST_LAG)
    keys = table.keys
    if isinstance(cross_section, pd.Series):
        by_entity = _values_by_key(
            cross_section, keys.entities, keys.entity_name, "cross_section"
        )
    else:
        values = _evaluated_term(table, cross_section, "cross_section")
        subject = f"cross_section={cited(cross_section)}"
        by_entity = _constant_by_level(values, keys.entity, keys.entities, subject)
    if isinstance(series, pd.Series):
        numbers = _checked_series(series, str(keys.time_name), "series")
        by_period, has_period = _lagged(numbers, table, steps)
        _refuse_gaps(has_period, table, steps)
    else:
        values, subject = (
            _evaluated_term(table, series, "series"),
            f"series={cited(series)}",
        )
        constant = _constant_by_level(values, keys.time, keys.times, subject)
        by_period, _ = _lagged(pd.Series(constant, index=keys.times), table, steps)
    first, second = _variable_name(cross_section), _variable_name(series)
    name = f"{first}:lag({second}, {steps})" if steps else f"{first}:{second}"
    with np.errstate(over="ignore"):
        return _as_series(by_entity[keys.entity] * by_period[keys.time], table, name)


def _as_series(values: Floats, table: Table, name: str) -> pd.Series[float]:
    if np.isinf(values).any():
        raise MissingDataError(
            f"{name} overflows in {table.describe_rows(np.isinf(values))}; rescale its "
            "factors."
        )
    return pd.Series(values, index=table.keys.index.view(), name=name)


def _table_with_time(panel: Panel, caller: str) -> Table:
    check_type(panel, Panel, f"{caller} takes a Panel first")
    table = table_of(panel)
    if panel.time_name is None:
        raise PanelIndexError(
            f"{caller} needs periods, but this panel is a cross-section."
        )
    return table


def _lagged(values: pd.Series[Any], table: Table, lag: int) -> tuple[Floats, Bools]:
    """Lag a series to the periods of a panel; also return which periods it covers."""
    times, name = table.keys.times, table.keys.time_name
    if _index_kind(times) != _index_kind(values.index):
        raise AlignmentError(
            f"interact: series is indexed by {values.index.dtype}, but {name} of the "
            f"panel is {times.dtype}; index it by the same kind of period."
        )
    all_times = times.union(values.index)
    # A calendar of one entity: it lags by the value of time as any panel does.
    columns = {
        "entity": 0,
        "time": all_times,
        "value": values.reindex(all_times).to_numpy(),
    }
    frame = pd.DataFrame(
        {**columns, "has_period": all_times.isin(values.index).astype(float)}
    )
    calendar = table_of(Panel(frame, "entity", "time", step=table.step))
    at = calendar.keys.times.get_indexer(times)
    steps, panel_steps = calendar.keys.ordinals, table.keys.ordinals
    if (
        steps is not None
        and panel_steps is not None
        and not np.array_equal(np.diff(steps[at]), np.diff(panel_steps))
    ):
        raise AlignmentError(
            f"interact: series has periods between those of {name}; give it the "
            "panel's frequency, or pass step= to Panel."
        )
    value = calendar.shift(calendar.numeric("value"), lag)[at]
    return value, calendar.shift(calendar.numeric("has_period"), lag)[at] == 1


def _index_kind(index: pd.Index[Any]) -> str:
    if isinstance(index, pd.DatetimeIndex):
        return "datetime"
    return "integer" if pd.api.types.is_integer_dtype(index.dtype) else str(index.dtype)


def _refuse_gaps(has_period: Bools, table: Table, lag: int) -> None:
    """Refuse periods without a value after the first period with one."""
    name, present = str(table.keys.time_name), np.flatnonzero(has_period)
    if not present.size:
        raise AlignmentError(
            f"interact: series has no value for any {name} of the panel at this lag."
        )
    gaps = table.keys.times[present[0] :][~has_period[present[0] :]]
    if len(gaps):
        raise AlignmentError(
            f"interact: with lag={lag}, series has no value for {name} {quoted(gaps)} "
            "of the panel; add the values, or drop these periods with panel.subset().",
            [alignment_problem(name, "periods without a value", gaps[:5])],
        )


# --- parts, aligned by key ------------------------------------------------------------


def _evaluated_term(table: Table, value: Any, role: str) -> Floats:
    check_type(value, str, f"{role} must be a term (text) or a Series")
    term = parse(value, table.names, role)
    if any(factor.category for factor in term.factors):
        raise TermError(
            f"{role}={cited(value)}: C() makes several columns; pass one variable."
        )
    return evaluate(term, table)


def _constant_by_level(
    values: Floats, codes: Any, levels: pd.Index[Any], subject: str
) -> Floats:
    """Return the constant value of each level; missing values are ignored."""
    out = np.full(levels.size, np.nan)
    observed = ~np.isnan(values)
    out[codes[observed]] = values[observed]
    varies = np.unique(codes[observed][values[observed] != out[codes[observed]]])
    if varies.size:
        raise one_problem(
            TermError,
            "varies",
            f"{subject} has several values within "
            f"{counted(varies.size, str(levels.name))} ({quoted(levels[varies])}); it "
            "must be constant there.",
            levels=tuple(levels[varies[:5]]),
        )
    return out


def _checked_series(series: pd.Series[Any], key: str, role: str) -> pd.Series[Any]:
    if series.index.nlevels != 1:
        raise AlignmentError(
            f"{role} is indexed by {quoted(series.index.names)}; index it by "
            f"{cited(key)} alone."
        )
    if not series.index.is_unique:
        twice = series.index[series.index.duplicated()][0]
        raise AlignmentError(f"{role} has several values for {cited(twice)}.")
    types, dtype, name = pd.api.types, series.dtype, _variable_name(series)
    if not types.is_numeric_dtype(dtype) or types.is_complex_dtype(dtype):
        raise InputTypeError(f"{role} ({name}) holds {dtype}, not numbers.")
    numbers = series.to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isinf(numbers).any():
        raise MissingDataError(f"{role} ({name}) has infinite values.")
    return pd.Series(numbers, index=series.index)


def _values_by_key(
    series: pd.Series[Any], levels: pd.Index[Any], key: str, role: str
) -> Floats:
    numbers = _checked_series(series, key, role)
    absent = levels[~levels.isin(numbers.index)]
    if len(absent):
        hint = did_you_mean(absent[0], numbers.index)
        raise AlignmentError(
            f"{role} has no value for {key} {quoted(absent)} of the panel{hint}; set a "
            "missing value where there is none.",
            [alignment_problem(role, f"{key} without a value", absent[:5])],
        )
    return numbers.reindex(levels).to_numpy(dtype=np.float64)


def _variable_name(variable: str | pd.Series[Any]) -> str:
    if isinstance(variable, pd.Series):
        return "series" if variable.name is None else str(variable.name)
    return str(variable)


# --- shift-share ----------------------------------------------------------------------


def bartik(
    panel: Panel,
    shares: Sequence[str],
    shocks: pd.DataFrame | Mapping[str, str],
    *,
    base: object = None,
    lag: int = 1,
    leave_one_out: bool = False,
) -> pd.Series[float]:
    """Compute a shift-share (Bartik) instrument.

    ``z_it = sum_k s_ik g_kt``, with the share s_ik of industry k in entity i and the
    shock g_kt of industry k in period t (Bartik 1991). Identification needs exogenous
    shares (Goldsmith-Pinkham, Sorkin & Swift 2020) or exogenous shocks (Borusyak, Hull
    & Jaravel 2022). Shares are usually taken from before the sample.

    Parameters
    ----------
    panel : Panel
        The panel.
    shares : sequence of str
        Terms of the shares, one per industry.
    shocks : DataFrame or mapping
        A DataFrame with one row per period and one column per share, with the names of
        the shares. Or a mapping of each share to the column with the level of the
        industry in the entity, such as employment. The shock is then the growth of its
        sum over `lag` periods, ``sum_j x_jkt / sum_j x_jk,t-lag - 1``, over entities
        with both values.
    base : period, optional
        Period whose shares are used in all periods. The default is the shares of
        each row.
    lag : int
        Number of periods of the growth, 1 by default. Only with a mapping.
    leave_one_out : bool
        Whether the sum excludes the entity itself, so that its shock does not contain
        its own growth. The default is False. Only with a mapping.

    Returns
    -------
    Series
        Instrument with the name ``bartik``, indexed as the rows of `panel`. It is
        missing if a share or a shock is missing.

    Raises
    ------
    AlignmentError
        If `shocks` has no row for a period of the panel, or an entity has no row in
        `base`.
    ColumnError
        If a share has no shock, or a shock has no share.
    OptionError, TermError, InputTypeError, MissingDataError, PanelIndexError
        If an option or a term cannot be used, or a share is negative.

    Warns
    -----
    IdentificationWarning
        If the shares do not add up to one. The instrument then depends on their sum;
        add the sum, interacted with periods, to the controls (Borusyak, Hull & Jaravel
        2022).

    Examples
    --------
    >>> import pandas as pd
    >>> from digiprosper import Panel, instruments
    >>> frame = pd.DataFrame({"city": list("AABB"), "year": [1, 2, 1, 2]})
    >>> frame["farms"], frame["mills"] = [0.25, 0.25, 0.5, 0.5], [0.75, 0.75, 0.5, 0.5]
    >>> growth = pd.DataFrame({"farms": [0.0, 0.1], "mills": [0.2, 0.4]}, index=[1, 2])
    >>> instruments.bartik(
    ...     Panel(frame, "city", "year"), ["farms", "mills"], growth
    ... ).round(3).tolist()
    [0.15, 0.325, 0.1, 0.25]
    """
    table = _table_with_time(panel, "bartik")
    terms = as_terms(shares, "shares")
    if not terms:
        raise TermError("bartik: shares is empty; pass one term per industry.")
    if not isinstance(leave_one_out, bool):
        raise OptionError(
            f"leave_one_out={cited(leave_one_out)} must be True or False."
        )
    weights = np.column_stack(
        [_evaluated_term(table, term, "shares") for term in terms]
    )
    negative = [
        term
        for term, column in zip(terms, weights.T, strict=True)
        if (column < 0).any()
    ]
    if negative:
        raise OptionError(
            f"bartik: {subject(negative, 'has')} negative values; shares must be >= 0."
        )
    if base is not None:
        weights = weights[_base_rows(table, base)]
    growth = _shocks_by_row(table, terms, shocks, lag, leave_one_out=leave_one_out)
    sums = weights.sum(axis=1)
    sums = sums[~np.isnan(sums)]
    if (np.abs(sums - 1) > SUM_TO_ONE).any():
        notice = notice_of(
            "incomplete_shares",
            least=float(sums.min()),
            mean=float(sums.mean()),
            largest=float(sums.max()),
        )
        issue([notice])
    with np.errstate(over="ignore"):
        return _as_series((weights * growth).sum(axis=1), table, "bartik")


def _base_rows(table: Table, base: object) -> Ints:
    """Find, for each row, the row of its entity in the base period."""
    keys = table.keys
    at = _positions_of_label(keys.times, base)
    if not at.size:
        raise OptionError(
            f"base={cited(base)} is not a period of the panel ({keys.times[0]} to "
            f"{keys.times[-1]})."
        )
    rows = np.flatnonzero(keys.time == at[0])
    row_of_entity = np.full(keys.entities.size, -1)
    row_of_entity[keys.entity[rows]] = rows
    absent = keys.entities[row_of_entity < 0]
    if len(absent):
        raise AlignmentError(
            f"bartik: {counted(len(absent), keys.entity_name)} have no row at "
            f"base={cited(base)} ({quoted(absent)}); choose another period or leave "
            "them out.",
            [alignment_problem("base", "no row at base", absent[:5])],
        )
    return row_of_entity[keys.entity]


def _positions_of_label(index: pd.Index[Any], label: object) -> Ints:
    """Find the positions of a label in an index; empty if it cannot be compared."""
    if not pd.api.types.is_hashable(label) or isinstance(label, tuple):
        return np.empty(0, dtype=np.intp)
    # As objects: columns of text are not searched for everything.
    return np.flatnonzero(index.astype(object).isin([label]))


def _shocks_by_row(
    table: Table,
    terms: Sequence[str],
    shocks: Any,
    lag: object,
    *,
    leave_one_out: bool,
) -> Floats:
    keys = table.keys
    if isinstance(shocks, pd.DataFrame):
        if leave_one_out:
            raise OptionError(
                "leave_one_out=True needs the levels of each entity, {share: column}; "
                "a DataFrame of shocks by period has no entities to leave out."
            )
        _refuse_unmatched_industries(terms, list(shocks.columns))
        if not shocks.columns.is_unique:
            twice = shocks.columns[shocks.columns.duplicated()]
            raise ColumnError(f"bartik: shocks has the column {quoted(twice)} twice.")
        name = str(keys.time_name)
        columns = [
            _values_by_key(
                shocks[term].rename(term), keys.times, name, f"shocks[{term!r}]"
            )
            for term in terms
        ]
        return np.column_stack(columns)[keys.time]
    check_type(
        shocks,
        Mapping,
        "shocks must be a DataFrame of periods by industries, or a mapping of share to "
        "column",
    )
    _refuse_unmatched_industries(terms, list(shocks))
    steps = check_whole("lag", lag, 1, _LONGEST_LAG)
    levels = [
        _evaluated_term(table, shocks[term], f"shocks[{term!r}]") for term in terms
    ]
    growth = [
        _growth(table, level, steps, leave_one_out=leave_one_out) for level in levels
    ]
    return np.column_stack(growth)


def _refuse_unmatched_industries(terms: Sequence[str], names: Sequence[Any]) -> None:
    refuse_unknown(terms, names, "shocks")
    more = [name for name in names if name not in terms]
    if more:
        raise ColumnError(
            f"bartik: shocks has {quoted(more)} without a share of that name; add the "
            "shares, or leave these industries out."
        )


def _growth(table: Table, level: Floats, lag: int, *, leave_one_out: bool) -> Floats:
    """Compute growth of the total over entities, or others, with both periods."""
    keys = table.keys
    before = table.shift(level, lag)
    both = ~np.isnan(level) & ~np.isnan(before)
    totals = []
    for values in (level, before):
        observed = np.where(both, values, 0.0)
        total = np.bincount(keys.time, observed, minlength=keys.times.size)[keys.time]
        totals.append(total - observed if leave_one_out else total)
    positive = totals[1] > 0
    return np.where(
        positive, totals[0] / np.where(positive, totals[1], 1.0) - 1, np.nan
    )


# --- distance -------------------------------------------------------------------------


def distance_to(coordinates: pd.DataFrame, place: object) -> pd.Series[float]:
    """Compute great-circle distances to a place, in kilometres.

    They are computed with the haversine formula on a sphere with radius 6371.0088 km,
    the mean radius of the earth; distances on the ellipsoid differ by at most .5%. A
    distance does not vary over time, so use `interact` to multiply it by a time series.

    Parameters
    ----------
    coordinates : DataFrame
        Latitude and longitude in degrees, in columns with these names (``lat``,
        ``latitude``, ``lon``, ``lng``, ``longitude``). It may be
        ``panel.frame[["lat", "lon"]]`` or a table with one row per entity.
    place : pair of float, or a label
        Latitude and longitude of the place, or the label of an entity in `coordinates`.

    Returns
    -------
    Series
        Distances with the name ``distance``, indexed as `coordinates`. They are missing
        if a coordinate is missing.

    Raises
    ------
    ColumnError
        If there are no columns with these names.
    AlignmentError
        If no row has the label, or its rows have different coordinates.
    InputTypeError, OptionError
        If a coordinate is not a number, or beyond 90 or 180 degrees.

    Examples
    --------
    >>> import pandas as pd
    >>> from digiprosper import instruments
    >>> names = ["Hangzhou", "Shanghai"]
    >>> cities = pd.DataFrame(
    ...     {"lat": [30.27, 31.23], "lon": [120.15, 121.47]}, index=names
    ... )
    >>> instruments.distance_to(cities, "Hangzhou").round().tolist()
    [0.0, 165.0]
    """
    degrees = degrees_of(coordinates, "distance_to")
    kilometres = great_circle(
        degrees, _coordinates_of_place(coordinates.index, degrees, place)
    )
    return pd.Series(kilometres, index=coordinates.index, name="distance")


def _coordinates_of_place(
    index: pd.Index[Any], degrees: Floats, place: object
) -> Floats:
    parts = list(place) if isinstance(place, tuple | list | pd.Series) else []
    if isinstance(place, np.ndarray):
        parts = place.tolist() if place.ndim else []
    if len(parts) == 2:
        if not all(map(is_real, parts)):
            raise InputTypeError(
                f"distance_to: place={cited(place)} must be two numbers."
            )
        pair = np.asarray(parts, dtype=np.float64)
        if not np.isfinite(pair).all():
            raise MissingDataError(
                f"distance_to: place={cited(place)} must be two finite numbers."
            )
        refuse_beyond(pair[None], "the place", "distance_to")
        return pair
    labels = index.get_level_values(0)
    rows = _positions_of_label(labels, place)
    if not rows.size:
        raise AlignmentError(
            "distance_to: no row has the label "
            f"{cited(place)}{did_you_mean(place, labels.unique())}; pass (latitude, "
            "longitude) for another place."
        )
    if not (degrees[rows] == degrees[rows[0]]).all():
        raise AlignmentError(
            f"distance_to: {cited(place)} has missing or several coordinates."
        )
    return np.asarray(degrees[rows[0]])
