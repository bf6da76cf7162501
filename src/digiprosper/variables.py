"""Formulas for variables common in the literature on the digital economy.

Each function takes numbers, arrays or Series; tables may be a DataFrame or a list of
columns. It returns a Series if an argument is a Series, an array if an argument is an
array, and otherwise a number. Series are matched by index. If a value is missing, the
result is missing. Negative amounts and divisions by zero raise an error that lists the
rows. The first line of each docstring states what a larger value means.

To add such a variable to a panel use
``panel.assign(advanced=lambda f: variables.industrial_advancement(f["va2"],
f["va3"]))``.

`digiprosper.urban_rural_theil` and `digiprosper.coupling_coordination` are two more
such formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.checks import (
    alignment_problem,
    check_option,
    check_real,
    check_whole,
    is_real,
    not_identified,
    option_error,
    plain,
)
from digiprosper.errors import (
    AlignmentError,
    InputTypeError,
    cited,
    issue,
    notice_of,
    quoted,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.chunks import rows_of_levels
from digiprosper.kernels.dispersion import theil_by_group, variation_by_group
from digiprosper.kernels.tolerances import LARGEST_PRODUCT, SUM_TO_ONE
from digiprosper.panel import Panel
from digiprosper.panel.access import table_of
from digiprosper.panel.arguments import Arguments, arguments, below_zero, not_positive
from digiprosper.panel.keys import rows_text
from digiprosper.panel.table import Table, is_unchained

__all__ = [
    "capital_stock",
    "digital_divide",
    "digital_value_added",
    "distance_to_leader",
    "growth_volatility",
    "herfindahl",
    "industrial_advancement",
    "industrial_angle",
    "industrial_layer",
    "industrial_rationalisation",
    "krugman_index",
    "lilien_index",
    "locational_gini",
    "per_capita",
    "productivity_advancement",
    "regional_coordination",
    "relative_rate",
    "service_equality",
    "solow_tfp",
    "structural_deviation",
    "urban_rural_ratio",
]

Reverse: TypeAlias = Literal["negative", "reciprocal"]
EmploymentShares: TypeAlias = Literal["end", "start", "mean"]
Divide: TypeAlias = Literal["ratio", "gap"]
Equality: TypeAlias = Literal["cv", "theil"]


# --- structure of industry ------------------------------------------------------------


def industrial_layer(value_added: Any) -> Any:
    """Layer coefficient of the three sectors; larger is more upgraded.

    ``sum_k k y_k``, where y_k is the share of sector k in value added. It is 1 if all
    value added is primary, and 3 if all is tertiary.

    Parameters
    ----------
    value_added : DataFrame, array (N, 3) or list of three columns
        Value added of the primary, secondary and tertiary sector, in this order, or
        their shares. Each row is divided by its sum.

    Returns
    -------
    float, ndarray or Series
        Layer coefficient, in [1, 3].

    Raises
    ------
    IdentificationError
        If there are not three sectors, a value is negative, or all values of a row are
        zero.
    InputTypeError, AlignmentError, MissingDataError
        If a column is not numeric, Series have different rows, or a value is infinite.

    Notes
    -----
    The measure is attributed to Xu and Jiang (2015), Journal of Quantitative &
    Technological Economics 32(3).

    Examples
    --------
    >>> from digiprosper import variables
    >>> round(variables.industrial_layer([0.1, 0.4, 0.5]), 10)
    2.4
    """
    inputs = _read_three_sectors("industrial_layer", value_added)
    return inputs.apply_by_row(lambda va: _shares(va) @ np.array([1.0, 2.0, 3.0]))


def industrial_advancement(secondary: Any, tertiary: Any) -> Any:
    """Ratio of tertiary to secondary value added; larger is more advanced.

    Parameters
    ----------
    secondary, tertiary : float, array or Series, shape (N,)
        Value added in one unit, or shares. The values of the secondary sector must be
        positive.

    Returns
    -------
    float, ndarray or Series
        Ratio, at least 0.

    Raises
    ------
    IdentificationError
        If a value is negative, or the secondary sector is zero.
    InputTypeError, AlignmentError, MissingDataError
        As in `industrial_layer`.

    Notes
    -----
    The measure is that of Gan, Zheng and Yu (2011), Economic Research Journal 46(5).

    Examples
    --------
    >>> from digiprosper import variables
    >>> variables.industrial_advancement(40, 50)
    1.25
    """
    columns = {"secondary": secondary, "tertiary": tertiary}
    inputs = arguments("industrial_advancement", columns)
    refuse_not_positive(inputs, "The ratio divides by it", "secondary")
    refuse_negative(inputs, "Value added is at least 0", "tertiary")
    return inputs.apply_by_row(lambda second, third: third / second)


def industrial_angle(value_added: Any) -> Any:
    """Angles between the shares of sectors and their axes; larger is more advanced.

    ``3 th_1 + 2 th_2 + th_3`` with angles ``th_j = arccos(y_j / |y|)`` and the vector y
    of the shares of the three sectors.

    Parameters
    ----------
    value_added : DataFrame, array (N, 3) or list of three columns
        As in `industrial_layer`.

    Returns
    -------
    float, ndarray or Series
        Measure in radians, from 3 pi / 2 (all value added is primary) to 5 pi / 2 (all
        is tertiary).

    Raises
    ------
    IdentificationError, InputTypeError, AlignmentError, MissingDataError
        As in `industrial_layer`.

    Notes
    -----
    The measure is attributed to Fu (2010), Statistical Research 27(8).

    Examples
    --------
    >>> from digiprosper import variables
    >>> round(variables.industrial_angle([0.1, 0.4, 0.5]), 8)
    6.74839713
    """
    return _read_three_sectors("industrial_angle", value_added).apply_by_row(_angle)


def _angle(value_added: Floats) -> Floats:
    """Sum 3 th1 + 2 th2 + th3, th_j the radians from shares (N, 3) to axis j."""
    part = _shares(value_added)
    other_squares = np.column_stack(
        [(np.delete(part, j, axis=1) ** 2).sum(axis=1) for j in range(3)]
    )
    # An arc cosine near 1 would lose half of the digits.
    return np.asarray(
        np.arctan2(np.sqrt(other_squares), part) @ np.array([3.0, 2.0, 1.0])
    )


def industrial_rationalisation(
    value_added: Any, employment: Any, *, reverse: Reverse | None = None
) -> Any:
    """Theil index of value added and employment; larger is LESS balanced.

    If it is reversed, larger is more balanced. ``sum_k y_k ln(y_k / l_k)``, where y_k
    and l_k are the shares of sector k in value added and in employment. It is 0 if all
    sectors have the same value added per worker.

    Parameters
    ----------
    value_added, employment : DataFrame, array (N, K) or list of K columns
        Amounts or shares by sector, with the same sectors in the same order; at
        least two.
    reverse : {"negative", "reciprocal"}, optional
        Return ``-T`` or ``1 / T`` instead of the index T. They are larger if sectors
        are more balanced.

    Returns
    -------
    float, ndarray or Series
        Theil index T, at least 0, or its reverse.

    Raises
    ------
    IdentificationError
        If the sectors differ or there is only one, if a value is negative, if all
        values of a row are zero, if a sector has value added but no employment, or if T
        is 0 and its reciprocal is requested.
    OptionError
        If `reverse` has an unknown value.
    InputTypeError, AlignmentError, MissingDataError
        As in `industrial_layer`.

    Notes
    -----
    The measure is that of Gan, Zheng and Yu (2011), Economic Research Journal 46(5).
    For a sector without value added, 0 ln 0 = 0.

    Examples
    --------
    >>> from digiprosper import variables
    >>> round(variables.industrial_rationalisation([10, 40, 50], [25, 30, 45]), 8)
    0.07612401
    """
    check_option("reverse", reverse, (None, "negative", "reciprocal"))
    inputs = _read_two_tables(
        "industrial_rationalisation", value_added=value_added, employment=employment
    )
    numbers = inputs.numbers
    idle = ((numbers["employment"] == 0) & (numbers["value_added"] > 0)).T
    inputs.refuse_rows(
        dict(zip(inputs.names["employment"], idle, strict=True)),
        "zero",
        "The sector has value added, and y / l divides by its share of workers",
    )
    theil = inputs.apply_by_row(_rationalisation)
    if reverse == "negative":
        return -theil
    if reverse == "reciprocal":
        inputs.refuse_rows(
            {"the index": np.atleast_1d(theil == 0)}, "zero", "It has no reciprocal"
        )
        return 1 / theil
    return theil


def _rationalisation(value_added: Floats, employment: Floats) -> Floats:
    """Sum y ln(y / l) over shares (N, K): Theil's T between sectors, at least 0."""
    rows, sectors = value_added.shape
    # A sector without workers has no value added.
    per_worker = np.divide(
        value_added, employment, out=np.zeros_like(value_added), where=employment > 0
    )
    groups = np.repeat(np.arange(rows), sectors)
    return theil_by_group(per_worker.ravel(), groups, rows, employment.ravel())


def structural_deviation(value_added: Any, employment: Any) -> Any:
    """Deviation of value added from employment by sector; larger is LESS balanced.

    ``sum_k |y_k / l_k - 1|``, with y_k and l_k as in `industrial_rationalisation`.

    Parameters
    ----------
    value_added, employment : DataFrame, array (N, K) or list of K columns
        As in `industrial_rationalisation`. Employment must be positive in all sectors.

    Returns
    -------
    float, ndarray or Series
        Deviation, at least 0.

    Raises
    ------
    IdentificationError
        As in `industrial_rationalisation`. Also if a sector has no workers.
    InputTypeError, AlignmentError, MissingDataError
        As in `industrial_layer`.

    Notes
    -----
    The measure is attributed to Chenery. All sectors have the same weight, also small
    ones.

    Examples
    --------
    >>> from digiprosper import variables
    >>> round(variables.structural_deviation([10, 40, 50], [25, 30, 45]), 8)
    1.04444444
    """
    inputs = _read_with_workers("structural_deviation", value_added, employment)
    return inputs.apply_by_row(
        lambda va, workers: np.abs(_shares(va) / _shares(workers) - 1.0).sum(axis=1)
    )


def productivity_advancement(value_added: Any, employment: Any) -> Any:
    """Weighted value added per worker; larger is more advanced.

    The weights are shares in value added. ``sum_k y_k va_k / emp_k`` with value added
    va_k, employment emp_k, and share y_k of sector k in value added.

    Parameters
    ----------
    value_added, employment : DataFrame, array (N, K) or list of K columns
        Amounts by sector, not shares, as in `structural_deviation`. Use value added at
        constant prices to compare years.

    Returns
    -------
    float, ndarray or Series
        Measure in units of value added per worker.

    Raises
    ------
    IdentificationError, InputTypeError, AlignmentError, MissingDataError
        As in `structural_deviation`.

    Notes
    -----
    The measure is attributed to Liu, Zhang and Huang (2008). They also scale
    productivity to stages of industrialisation, which is not done here;
    `Panel.standardise` can scale the result.

    Examples
    --------
    >>> from digiprosper import variables
    >>> round(variables.productivity_advancement([10, 40, 50], [25, 30, 45]), 8)
    1.12888889
    """
    inputs = _read_with_workers("productivity_advancement", value_added, employment)
    return inputs.apply_by_row(
        lambda va, workers: (_shares(va) * va / workers).sum(axis=1)
    )


def lilien_index(before: Any, after: Any, *, shares: EmploymentShares = "end") -> Any:
    """Dispersion of employment growth between sectors; larger is more reallocation.

    ``sqrt(sum_k w_k (g_k - g)^2)``, where g_k and g are the change of log employment in
    sector k and in total, and w_k is the employment share of sector k.

    Parameters
    ----------
    before, after : DataFrame, array (N, K) or list of K columns
        Employment by sector at two dates, positive and in one unit, with the same
        sectors in the same order.
    shares : {"end", "start", "mean"}
        Date of the employment shares w_k: the second date (default), the first, or
        their mean.

    Returns
    -------
    float, ndarray or Series
        Index, at least 0. It is 0 if all sectors grow at the same rate.

    Raises
    ------
    IdentificationError
        If the sectors differ or there is only one, or a value is not positive.
    OptionError
        If `shares` has an unknown value.
    InputTypeError, AlignmentError, MissingDataError
        As in `industrial_layer`.

    Notes
    -----
    The index is that of Lilien (1982), Journal of Political Economy 90(4). Papers use
    shares of different dates.

    Examples
    --------
    >>> from digiprosper import variables
    >>> round(variables.lilien_index([300, 300, 400], [240, 290, 500]), 8)
    0.18494674
    """
    check_option("shares", shares, ("end", "start", "mean"))
    inputs = _read_two_tables("lilien_index", before=before, after=after)
    why = "Growth is a difference of logarithms"
    refuse_not_positive(inputs, why, "before", "after", defect="zero")

    def index(start: Floats, end: Floats) -> Floats:
        at_ends = {"start": _shares(start), "end": _shares(end)}
        weights = at_ends.get(shares, (at_ends["start"] + at_ends["end"]) / 2)
        growth = np.log(end / start)
        total = np.log(end.sum(axis=1) / start.sum(axis=1))
        squares = (growth - total[:, None]) ** 2
        return np.asarray(np.sqrt((weights * squares).sum(axis=1)))

    return inputs.apply_by_row(index)


def _shares(amounts: Floats) -> Floats:
    """Divide amounts (N, K), at least 0, by the sum of their row."""
    return np.asarray(amounts / amounts.sum(axis=1, keepdims=True))


def digital_value_added(
    value_added: Any,
    digital_share: Any,
    *,
    measure: Literal["amount", "share"] = "amount",
) -> Any:
    """Value added of the digital economy; larger is a larger digital economy.

    ``sum_k d_k va_k`` with value added va_k and digital share d_k of industry k, or
    divided by ``sum_k va_k``.

    Parameters
    ----------
    value_added : DataFrame, array (N, K) or list of K columns
        Value added by industry.
    digital_share : DataFrame, array (N, K) or list of K columns or numbers
        Share of each industry that is digital, in [0, 1], with the same industries in
        the same order: 1 for digital industries, and for the others the share that an
        input-output table gives. A number stands for all rows.
    measure : {"amount", "share"}
        The amount (default), or its share in the value added of all industries.

    Returns
    -------
    float, ndarray or Series
        Amount in units of value added, or share in [0, 1].

    Raises
    ------
    IdentificationError
        If the industries differ or there is only one, if value added is negative or all
        of it is zero, or a share is outside [0, 1].
    OptionError
        If `measure` has an unknown value.
    InputTypeError, AlignmentError, MissingDataError
        As in `industrial_layer`.

    Notes
    -----
    The accounts of digital industries are those of Xu and Zhang (2020, China Industrial
    Economics (5)). What the shares d_k contain decides the result. For China in 2018,
    values by input-output tables are near 7% (5.16% in 2012 and 7.14% in 2018, as they
    are cited; the tables were not compared). Cai and Niu (2021, Social Sciences in
    China (11)), who add substitution and synergy in other industries, have 17.16%.

    Examples
    --------
    >>> from digiprosper import variables
    >>> variables.digital_value_added([60, 40], [0.25, 1])
    55.0
    >>> variables.digital_value_added([60, 40], [0.25, 1], measure="share")
    0.55
    """
    check_option("measure", measure, ("amount", "share"))
    tables = {"value_added": value_added, "digital_share": digital_share}
    inputs = _read_amounts("digital_value_added", "digital_share", **tables)
    _refuse_other_sectors(inputs, *tables)
    inputs.refuse(
        ("digital_share",),
        lambda share: (share < 0) | (share > 1),
        "outside [0, 1]",
        "It is a share of the industry",
    )
    parts = _shares if measure == "share" else np.asarray
    return inputs.apply_by_row(lambda va, share: (parts(va) * share).sum(axis=1))


# --- sectors --------------------------------------------------------------------------


def _read_amounts(function: str, *others: str, **tables: Any) -> Arguments:
    """Read amounts with positive sums; numbers of `others` are not checked."""
    inputs = arguments(function, tables=tables)
    amounts = [name for name in tables if name not in others]
    refuse_negative(inputs, "Amounts and shares are at least 0", *amounts)
    totals = {
        f"the sum of {name}": inputs.numbers[name].sum(axis=1) == 0 for name in amounts
    }
    inputs.refuse_rows(totals, "zero", "Shares need a positive sum")
    return inputs


def _read_three_sectors(function: str, value_added: Any) -> Arguments:
    inputs = _read_amounts(function, value_added=value_added)
    count = inputs.numbers["value_added"].shape[1]
    if count != 3:
        raise not_identified(
            "sectors",
            f"{function} needs three sectors, in the order primary, secondary, "
            f"tertiary; got {count}.",
            counts=(count,),
        )
    return inputs


def _read_two_tables(function: str, **tables: Any) -> Arguments:
    """Read two tables of amounts of the same sectors."""
    inputs = _read_amounts(function, **tables)
    _refuse_other_sectors(inputs, *tables)
    return inputs


def _refuse_other_sectors(inputs: Arguments, *tables: str) -> None:
    """Refuse two tables that have not the same sectors, at least two."""
    function = inputs.function
    counts = [inputs.numbers[name].shape[1] for name in tables]
    if counts[0] != counts[1] or counts[0] < 2:
        raise not_identified(
            "sectors",
            f"{function} needs the same sectors in {' and '.join(tables)}, at least "
            f"two; got {counts[0]} and {counts[1]}. The index is a sum over all "
            "sectors.",
            counts=tuple(counts),
        )
    first, second = (
        [str(head) for head in inputs.column_labels[name]] for name in tables
    )
    if first != second and sorted(first) == sorted(second):
        raise AlignmentError(
            f"{function}: the sectors of {' and '.join(tables)} have one set of names "
            f"in two orders ({quoted(first)}; {quoted(second)}); put them in one "
            "order.",
            [alignment_problem(name, "other order of sectors") for name in tables],
        )


def _read_with_workers(function: str, value_added: Any, employment: Any) -> Arguments:
    """Read value added and employment of the same sectors, all with workers."""
    inputs = _read_two_tables(function, value_added=value_added, employment=employment)
    refuse_not_positive(inputs, "The index divides by it", "employment", defect="zero")
    return inputs


# --- capital, productivity and volatility ---------------------------------------------


def capital_stock(
    investment: Any,
    deflator: Any,
    *,
    growth: Any,
    depreciation: float = 0.096,
    entity: Any = None,
    time: Any = None,
) -> Any:
    """Capital stock by perpetual inventory, at constant prices; larger is more capital.

    ``K_t = (1 - d) K_{t-1} + I_t / P_t``, with the first stock
    ``K_0 = (I_0 / P_0) / (g + d)`` in the first year of each entity. I is investment, P
    the deflator, d the depreciation rate and g the growth rate of investment.

    Parameters
    ----------
    investment : array or Series, shape (N,)
        Gross fixed capital formation at current prices, at least 0.
    deflator : float, array or Series, shape (N,)
        Price index of investment, chained, 1 in the base year. Pass 1.0 if investment
        is at constant prices.
    growth : float or Series
        Growth rate g of investment before the first year, such as .1. A Series indexed
        by entity has one rate per entity.
    depreciation : float
        Depreciation rate d. The default is .096, the rate of Zhang, Wu and Zhang (2004)
        for Chinese provinces.
    entity, time : array, Series or Index, shape (N,), optional
        Entity and time of each row. They are not needed if `investment` is a Series
        indexed by (entity, time). With only `time`, all rows are one entity.

    Returns
    -------
    ndarray or Series
        Capital stock in units of investment at constant prices. It is missing before
        the first value of an entity, and from the first later year on that has no value
        or no row.

    Raises
    ------
    InputTypeError
        If the entity and time of the rows are not known.
    IdentificationError
        If investment is negative, or a deflator is not positive.
    OptionError
        If `depreciation` is not in [0, 1), or g + d is not positive.
    PanelIndexError, AlignmentError, MissingDataError
        If keys are repeated, the time is not valid, an entity is not in `growth`, or a
        value is infinite.

    Warns
    -----
    IdentificationWarning
        If the first investment of an entity is 0. Its first capital stock is then 0. If
        the deflator seems to have the previous year as its base.

    Notes
    -----
    The method is attributed to Zhang, Wu and Zhang (2004, Economic Research Journal
    39(10)). The first stock is that of Hall and Jones (1999, Quarterly Journal of
    Economics 114(1)). An error in the first stock decreases at the rate d.

    Examples
    --------
    >>> from digiprosper import variables
    >>> variables.capital_stock(
    ...     [10, 12, 9], 1.0, growth=0.1, depreciation=0.1, time=[2000, 2001, 2002]
    ... )
    array([50. , 57. , 60.3])
    """
    kind = "a number in [0, 1), such as .096"
    rate = check_real("depreciation", depreciation, lambda d: 0 <= d < 1, kind)
    columns = {"investment": investment, "deflator": deflator}
    labels = given_labels(entity=entity, time=time)
    inputs = arguments("capital_stock", columns, labels=labels)
    refuse_negative(inputs, "Gross investment is at least 0", "investment")
    refuse_not_positive(inputs, "Investment is divided by it", "deflator")
    with np.errstate(all="ignore"):
        deflated = inputs.numbers["investment"] / inputs.numbers["deflator"]
    table = _sorted_table(inputs, deflated)

    real, rows = table.numeric("value"), table.numeric("row").astype(np.intp)
    entities, codes = table.keys.entities, table.keys.entity
    # The row one year earlier; the step of time is the panel's, so that a gap has none.
    previous = table.shift(np.arange(real.size, dtype=np.float64), 1)
    before = np.where(np.isnan(previous), -1, previous).astype(np.intp)
    first = np.full(real.size, np.nan)
    observed = np.flatnonzero(~np.isnan(real))
    starts = observed[np.diff(codes[observed], prepend=-1) != 0]
    empty = inputs.rows[rows[starts[real[starts] == 0]]]
    if empty.size:
        first_rows = tuple(empty[:5])
        notice = notice_of(
            "zero_first_stock",
            count=len(empty),
            rows=first_rows,
            _first=rows_text(first_rows),
        )
        issue([notice])
    if is_unchained(inputs.numbers["deflator"][rows], codes):
        issue([notice_of("unchained_deflator")])
    first[starts] = (
        real[starts] / _capital_divisors(growth, rate, entities)[codes[starts]]
    )
    stock = np.empty(real.size)
    stock[rows] = _accumulated(real, first, before, table.keys.time, 1.0 - rate)
    return inputs.in_input_type(stock, np.ones(real.size, dtype=bool))


def _accumulated(
    investment: Floats, first: Floats, before: Ints, time: Ints, survival: float
) -> Floats:
    """Accumulate capital: K_t = (1 - depreciation) K_{t-1} + I_t.

    `first` (N,) is the stock in the first year of an entity, NaN in other rows;
    `before` (N,) the row of the same entity one year earlier, -1 where there is none;
    `survival` is 1 - depreciation. The stock is NaN before the first year and from a
    gap on.
    """
    stock = first.copy()
    for rows in rows_of_levels(time):
        later = rows[(before[rows] >= 0) & np.isnan(first[rows])]
        stock[later] = survival * stock[before[later]] + investment[later]
    return stock


def _sorted_table(inputs: Arguments, values: Floats) -> Table:
    """Sort values (N,) by entity and time, with the rows they came from."""
    keys = {
        name: pd.Series(levels).reindex(codes).array
        for name, (codes, levels) in inputs.labels.items()
    }
    if not keys and inputs.rows.nlevels == 2:
        keys = {
            name: inputs.rows.get_level_values(i)
            for i, name in enumerate(("entity", "time"))
        }
    if "time" not in keys:
        raise InputTypeError(
            f"{inputs.function} needs the entity and the time of each row: take the "
            "columns from panel.frame, index them by (entity, time), or pass entity= "
            "and time=."
        )
    keys.setdefault("entity", np.zeros(values.size))
    frame = pd.DataFrame({**keys, "value": values, "row": np.arange(values.size)})
    return table_of(Panel(frame, "entity", "time"))


def _capital_divisors(growth: Any, rate: float, entities: pd.Index[Any]) -> Floats:
    """Compute g + d, growth plus depreciation, of every entity."""
    if isinstance(growth, pd.Series):
        # As objects: an index of other keys cannot be text.
        absent = entities[~entities.astype(object).isin(growth.index)]
        if len(absent) or not growth.index.is_unique:
            defect = f"lacks {quoted(absent)}" if len(absent) else "has an entity twice"
            raise AlignmentError(
                f"capital_stock: growth {defect}; index it by entity, one value each.",
                [alignment_problem("growth", defect, absent[:5])],
            )
        by_entity = growth.reindex(entities)
        values = arguments("capital_stock", {"growth": by_entity}).numbers["growth"]
    else:
        number = plain(growth)
        in_range = is_real(number) and abs(number) <= LARGEST_PRODUCT
        values = np.full(len(entities), number if in_range else np.nan)
    if not (values + rate > 0).all() or np.isinf(values).any():
        raise option_error(
            "growth",
            None,
            f"growth={cited(growth)} must be a number, or a Series by entity without "
            f"missing values, whose sum with depreciation={rate:g} is positive.",
        )
    return values + rate


def solow_tfp(output: Any, capital: Any, labour: Any, *, capital_share: Any) -> Any:
    """Logarithm of total factor productivity; larger is more productive.

    It is the Solow residual. ``ln Y - a ln K - (1 - a) ln L`` with output Y, capital K,
    labour L and capital share a.

    Parameters
    ----------
    output, capital, labour : float, array or Series, shape (N,)
        Positive values. Output and capital are at constant prices.
    capital_share : float, array or Series
        Elasticity a of output with respect to capital, in [0, 1]. There is no default,
        because papers use values from .3 to .6, or estimate it.

    Returns
    -------
    float, ndarray or Series
        Logarithm of total factor productivity. Its level depends on the units of the
        variables, its changes do not.

    Raises
    ------
    IdentificationError
        If a value is not positive, or the share is outside [0, 1].
    InputTypeError, AlignmentError, MissingDataError
        If a column is not numeric, Series have different rows, or a value is infinite.

    Notes
    -----
    The residual is that of Solow (1957, Review of Economics and Statistics 39(3)), with
    constant returns to scale.

    Examples
    --------
    >>> from digiprosper import variables
    >>> round(variables.solow_tfp(8, 4, 4, capital_share=0.5), 8)  # ln 2
    0.69314718
    """
    columns = {"output": output, "capital": capital, "labour": labour}
    inputs = arguments("solow_tfp", columns | {"capital_share": capital_share})
    refuse_not_positive(inputs, "It has no logarithm", "output", "capital", "labour")
    inputs.refuse(
        ("capital_share",),
        lambda share: (share < 0) | (share > 1),
        "outside [0, 1]",
        "It is a share under constant returns",
    )
    return inputs.apply_by_row(
        lambda y, k, n, a: np.log(y) - a * np.log(k) - (1.0 - a) * np.log(n)
    )


def growth_volatility(
    x: Any, *, window: int = 5, entity: Any = None, time: Any = None
) -> Any:
    """Volatility of growth, by its recent rates; larger is less stable.

    The standard deviation (divided by n - 1) of the growth rates
    ``g_t = x_t / x_{t-1} - 1`` of this year and the years before it, `window` years
    altogether.

    Parameters
    ----------
    x : array or Series, shape (N,)
        A positive quantity at constant prices, such as output per head.
    window : int
        Number of growth rates, at least 2. The default is 5 years.
    entity, time : array, Series or Index, shape (N,), optional
        As in `capital_stock`.

    Returns
    -------
    ndarray or Series
        Volatility; .02 is two percentage points. It is missing unless all growth rates
        of the window exist: a year without value or without row has no growth rate, and
        neither has the year after it. Series begin with `window` missing years.

    Raises
    ------
    InputTypeError
        If the entity and time of the rows are not known.
    IdentificationError
        If a value is not positive.
    OptionError
        If `window` is not an integer of at least 2.
    PanelIndexError, AlignmentError, MissingDataError
        As in `capital_stock`.

    Notes
    -----
    Standard deviations of annual growth measure volatility since Ramey and Ramey (1995,
    American Economic Review 85(5)), who take logarithmic growth rates of whole periods.
    The windows of neighbouring years overlap, so the measure is serially correlated by
    construction: cluster standard errors by entity.

    Examples
    --------
    >>> from digiprosper import variables
    >>> output = [100, 110, 110, 132]  # growth of 10%, 0% and 20%
    >>> variables.growth_volatility(output, window=3, time=[2000, 2001, 2002, 2003])
    array([nan, nan, nan, 0.1])
    """
    years = check_whole("window", window, 2, 1000)
    labels = given_labels(entity=entity, time=time)
    inputs = arguments("growth_volatility", {"x": x}, labels=labels)
    refuse_not_positive(inputs, "A growth rate divides by it", "x")
    table = _sorted_table(inputs, inputs.numbers["x"])

    values, rows = table.numeric("value"), table.numeric("row").astype(np.intp)
    with np.errstate(all="ignore"):
        growth = values / table.shift(values, 1) - 1.0
        recent = np.column_stack([table.shift(growth, k) for k in range(years)])
        volatility = np.empty(values.size)
        volatility[rows] = recent.std(axis=1, ddof=1)
    return inputs.in_input_type(volatility, np.ones(values.size, dtype=bool))


# --- rates per head, and gaps ---------------------------------------------------------


def per_capita(x: Any, population: Any, *, per: float = 1) -> Any:
    """Amount per head, or per so many heads; larger is more per head.

    ``per * x / population``. For example, entrepreneurship is
    ``per_capita(new_firms, population)``, and innovation is
    ``numpy.log1p(per_capita(patents, population, per=10_000))``.

    Parameters
    ----------
    x : float, array or Series, shape (N,)
        Amounts; they may be negative.
    population : float, array or Series, shape (N,)
        Population, positive.
    per : float
        Number of persons in the unit of the result, such as 10,000. The default is 1.

    Returns
    -------
    float, ndarray or Series
        Amount per `per` persons.

    Raises
    ------
    IdentificationError
        If a population is not positive.
    OptionError
        If `per` is not a positive number.
    InputTypeError, AlignmentError, MissingDataError
        If a column is not numeric, Series have different rows, or a value is infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from digiprosper import variables
    >>> variables.per_capita(np.array([300, 450]), 1500, per=100)
    array([20., 30.])
    """
    kind = "a positive number, such as 10_000"
    number = check_real("per", per, lambda heads: 0 < heads <= LARGEST_PRODUCT, kind)
    inputs = arguments("per_capita", {"x": x, "population": population})
    refuse_not_positive(inputs, "A rate divides by it", "population")
    return inputs.apply_by_row(lambda amount, heads: amount / heads * number)


def relative_rate(
    urban: Any, rural: Any, urban_population: Any, rural_population: Any
) -> Any:
    """Ratio of urban to rural rate per head; larger is more in favour of urban areas.

    ``(urban / urban_population) / (rural / rural_population)``. With numbers of new
    firms it is relative entrepreneurship.

    Parameters
    ----------
    urban, rural : float, array or Series, shape (N,)
        Amounts in one unit. The urban amount is at least 0, the rural amount is
        positive.
    urban_population, rural_population : float, array or Series, shape (N,)
        Populations in one unit, or their shares; positive.

    Returns
    -------
    float, ndarray or Series
        Ratio, at least 0; 1 means equal rates.

    Raises
    ------
    IdentificationError
        If the urban amount is negative, or another value is not positive.
    InputTypeError, AlignmentError, MissingDataError
        As in `per_capita`.

    Notes
    -----
    The concept is that of Chen and Wu (2021); the formula is the ratio of two rates.

    Examples
    --------
    >>> from digiprosper import variables
    >>> variables.relative_rate(60, 20, 600, 400)
    2.0
    """
    columns = {"urban": urban, "rural": rural, "urban_population": urban_population}
    columns["rural_population"] = rural_population
    inputs = arguments("relative_rate", columns)
    refuse_negative(inputs, "Amounts are at least 0", "urban")
    divisors = ("rural", "urban_population", "rural_population")
    refuse_not_positive(inputs, "The ratio divides by it", *divisors)
    return inputs.apply_by_row(
        lambda u, r, u_heads, r_heads: (u / u_heads) / (r / r_heads)
    )


def urban_rural_ratio(urban_income: Any, rural_income: Any) -> Any:
    """Ratio of urban to rural income per head; larger is more unequal.

    Parameters
    ----------
    urban_income, rural_income : float, array or Series, shape (N,)
        Income per head in one unit. Urban income is at least 0, rural income is
        positive.

    Returns
    -------
    float, ndarray or Series
        Ratio, at least 0; 1 means equal incomes. `digiprosper.urban_rural_theil` also
        uses the populations.

    Raises
    ------
    IdentificationError
        If the urban income is negative, or the rural one is not positive.
    InputTypeError, AlignmentError, MissingDataError
        As in `per_capita`.

    Examples
    --------
    >>> from digiprosper import variables
    >>> round(variables.urban_rural_ratio(47412, 18931), 8)
    2.50446358
    """
    columns = {"urban_income": urban_income, "rural_income": rural_income}
    inputs = arguments("urban_rural_ratio", columns)
    refuse_negative(inputs, "Incomes are at least 0", "urban_income")
    refuse_not_positive(inputs, "The ratio divides by it", "rural_income")
    return inputs.apply_by_row(lambda urban, rural: urban / rural)


def digital_divide(urban: Any, rural: Any, *, measure: Divide = "ratio") -> Any:
    """Ratio or difference of urban and rural penetration; larger is a wider divide.

    The divide is the digital divide.

    Parameters
    ----------
    urban, rural : float, array or Series, shape (N,)
        Penetration, such as internet users per 100 people, at least 0, in one unit.
    measure : {"ratio", "gap"}
        ``"ratio"`` (default) is ``urban / rural`` and needs positive rural values.
        ``"gap"`` is ``urban - rural``.

    Returns
    -------
    float, ndarray or Series
        Ratio or gap. Without a divide the ratio is 1 and the gap is 0. They are smaller
        if rural penetration is higher.

    Raises
    ------
    IdentificationError
        If a value is negative, or a rural value is zero with ``"ratio"``.
    OptionError
        If `measure` has an unknown value.
    InputTypeError, AlignmentError, MissingDataError
        As in `per_capita`.

    Notes
    -----
    For the digital divide between regions use `distance_to_leader`.

    Examples
    --------
    >>> from digiprosper import variables
    >>> (
    ...     variables.digital_divide(75, 50),
    ...     variables.digital_divide(75, 50, measure="gap"),
    ... )
    (1.5, 25.0)
    """
    check_option("measure", measure, ("ratio", "gap"))
    inputs = arguments("digital_divide", {"urban": urban, "rural": rural})
    refuse_negative(inputs, "Penetration is at least 0", "urban", "rural")
    if measure == "gap":
        return inputs.apply_by_row(lambda u, r: u - r)
    why = "The ratio divides by it; measure='gap' does not"
    refuse_not_positive(inputs, why, "rural", defect="zero")
    return inputs.apply_by_row(lambda u, r: u / r)


def distance_to_leader(x: Any, *, time: Any = None) -> Any:
    """Distance to the largest value of the period; larger is further behind.

    It is a difference of logarithms. ``ln(max_t / x)``, where max_t is the largest
    value in period t. It measures the digital divide between regions.

    Parameters
    ----------
    x : array or Series, shape (N,)
        Positive values, such as internet users per 100 people.
    time : array, Series or Index, shape (N,), optional
        Period of each row. It is not needed if `x` is a Series indexed by
        (entity, time). Otherwise all rows without `time` are one period.

    Returns
    -------
    ndarray or Series
        Distance, at least 0; it is 0 for the region with the largest value. It is
        missing for all rows of a period with a missing value.

    Raises
    ------
    IdentificationError
        If a value is not positive.
    InputTypeError, AlignmentError, MissingDataError
        As in `per_capita`.

    Examples
    --------
    >>> from digiprosper import variables
    >>> variables.distance_to_leader([80, 40, 60], time=[1, 1, 2]).round(4).tolist()
    [0.0, 0.6931, 0.0]
    """
    inputs = arguments("distance_to_leader", {"x": x}, labels=given_labels(time=time))
    refuse_not_positive(inputs, "It has no logarithm", "x")

    def behind(codes: Ints, count: int, x: Floats) -> Floats:
        largest = np.zeros(count)
        np.maximum.at(largest, codes, x)
        return np.log(largest[codes] / x)

    return inputs.apply_by_group(behind, group_codes(inputs))


# --- regions --------------------------------------------------------------------------


def regional_coordination(
    income: Any, population: Any, region: Any, *, time: Any = None
) -> Any:
    """One minus the weighted variation inside a region; larger is more even.

    The variation is the coefficient of variation.
    ``1 - sqrt(sum_i (p_i / p) (x_i - m)^2) / m``, where the sum is over the sub-units i
    of a region in a period. p_i is population (p of the region), x_i income per head,
    and m the income per head of the region.

    Parameters
    ----------
    income : array or Series, shape (N,)
        Income *per head* of each sub-unit, such as a city, at least 0.
    population : float, array or Series, shape (N,)
        Population of each sub-unit, positive.
    region : array, Series or Index, shape (N,)
        Region of each row, such as the province of a city.
    time : array, Series or Index, shape (N,), optional
        Period of each row. It is not needed if `income` is a Series indexed by
        (entity, time). Otherwise all rows without `time` are one period.

    Returns
    -------
    ndarray or Series
        Measure, at most 1. All rows of a region and period have the same value;
        ``.groupby([region, time]).first()`` gives one row per region. It is missing if
        a sub-unit of the region has a missing value.

    Raises
    ------
    IdentificationError
        If an income is negative or a population is not positive, or if a region has
        only one sub-unit or no income in a period.
    InputTypeError, AlignmentError, MissingDataError
        If a column is not numeric, Series have different rows, or a value is infinite.

    Notes
    -----
    The coefficient is that of Williamson (1965), Economic Development and Cultural
    Change 13(4), part 2, as `coefficient_of_variation` with populations as weights.

    Examples
    --------
    >>> from digiprosper import variables
    >>> indices = variables.regional_coordination(
    ...     [30, 50, 40, 40], [1, 1, 2, 3], ["a", "a", "b", "b"]
    ... )
    >>> indices.tolist()
    [0.75, 0.75, 1.0, 1.0]
    """
    columns = {"income": income, "population": population}
    labels = given_labels(region=region, time=time)
    inputs = arguments("regional_coordination", columns, labels=labels)
    refuse_negative(inputs, "Incomes are at least 0", "income")
    refuse_not_positive(inputs, "It is a weight", "population")

    def evenness(codes: Ints, count: int, income: Floats, population: Floats) -> Floats:
        return 1.0 - variation_by_group(income, codes, count, population)[codes]

    return inputs.apply_by_group(
        evenness, compared_rows(inputs, "sub-units", ("income",))
    )


def service_equality(
    services: Any, region: Any, *, time: Any = None, measure: Equality = "cv"
) -> Any:
    """One minus the inequality of services in a region; larger is more even.

    It is the inequality between sub-units, as a mean over services.

    Parameters
    ----------
    services : DataFrame, array (N, K) or list of K columns
        Services *per head* in each sub-unit, at least 0, such as teachers and hospital
        beds per 1,000 people.
    region : array, Series or Index, shape (N,)
        Region of each row.
    time : array, Series or Index, shape (N,), optional
        As in `regional_coordination`.
    measure : {"cv", "theil"}
        Measure of inequality: coefficient of variation (default) or Theil's T. All
        sub-units have the same weight.

    Returns
    -------
    ndarray or Series
        Measure, at most 1, as in `regional_coordination`.

    Raises
    ------
    IdentificationError
        If a value is negative, a region has one sub-unit only in a period, or none of a
        service.
    OptionError
        If `measure` has an unknown value.
    InputTypeError, AlignmentError, MissingDataError
        As in `regional_coordination`.

    Examples
    --------
    >>> from digiprosper import variables
    >>> beds, teachers = [4, 4, 3, 5], [10, 10, 8, 8]
    >>> variables.service_equality([beds, teachers], ["a", "a", "b", "b"]).tolist()
    [1.0, 1.0, 0.875, 0.875]
    """
    check_option("measure", measure, ("cv", "theil"))
    labels = given_labels(region=region, time=time)
    inputs = arguments("service_equality", tables={"services": services}, labels=labels)
    refuse_negative(inputs, "Services are at least 0", "services")
    inequality = variation_by_group if measure == "cv" else theil_by_group

    def equality(codes: Ints, count: int, table: Floats) -> Floats:
        ones = np.ones(len(table))
        inequalities = [inequality(column, codes, count, ones) for column in table.T]
        return np.asarray(1.0 - np.column_stack(inequalities).mean(axis=1))[codes]

    return inputs.apply_by_group(
        equality, compared_rows(inputs, "sub-units", ("services",))
    )


def locational_gini(
    employment: Any,
    region: Any = None,
    *,
    time: Any = None,
    reverse: Literal["complement"] | None = None,
) -> Any:
    """Gini coefficient of location quotients; larger is more concentrated.

    It measures the concentration of each industry in space. The location quotient of
    industry k in region i is ``(e_ik / e_i) / (e_k / e)``, with employment e_ik and its
    sums e_i over industries, e_k over regions, and e over both. The Gini coefficient is
    over the regions, with weights e_i.

    Parameters
    ----------
    employment : DataFrame, array (N, K) or list of K columns
        Employment by region (rows) and industry (columns), at least 0. The sums of each
        region and each industry are positive.
    region : array, Series or Index, shape (N,), optional
        Group of regions that are compared, such as the province of each city. The
        default is all rows.
    time : array, Series or Index, shape (N,), optional
        As in `regional_coordination`.
    reverse : {"complement"}, optional
        Return 1 minus the coefficient, a measure of industrial dispersion.

    Returns
    -------
    ndarray (N, K) or DataFrame
        Gini coefficients in [0, 1), the same in all rows that are compared.
        ``.mean(axis=1)`` is the mean over industries.

    Raises
    ------
    IdentificationError
        If a value is negative, a region or an industry has no employment, or a group
        has only one row.
    OptionError
        If `reverse` has an unknown value.
    InputTypeError, AlignmentError, MissingDataError
        As in `regional_coordination`.

    Notes
    -----
    The measure is that of Krugman (1991), Geography and Trade. It is 0 if all regions
    have the same shares of industries in employment.

    Examples
    --------
    >>> import pandas as pd
    >>> from digiprosper import variables
    >>> jobs = pd.DataFrame(
    ...     {"cars": [90, 10], "food": [60, 40]}, index=["north", "south"]
    ... )
    >>> variables.locational_gini(jobs).round(4)
           cars  food
    north  0.15  0.15
    south  0.15  0.15
    """
    check_option("reverse", reverse, (None, "complement"))
    inputs = _read_employment("locational_gini", employment, region=region, time=time)
    groups = compared_rows(inputs, "regions", ("employment",))
    gini = inputs.apply_by_group(_location_gini, groups)
    return gini if reverse is None else 1.0 - gini


def _location_gini(groups: Ints, n_groups: int, employment: Floats) -> Floats:
    """Compute the Gini of location quotients, weighted by regions' employment.

    `groups` (N,) are codes 0..G-1 of regions that are compared; employment (N, K) by
    region and industry. The result (N, K) is the same in every row of a group.
    """
    out = np.empty_like(employment)
    order = np.argsort(groups, kind="stable")
    starts = np.searchsorted(groups[order], np.arange(1, n_groups))
    for rows in np.split(order, starts):
        of_group = employment[rows]
        size, total = of_group.sum(axis=1), of_group.sum()
        quotients = of_group / size[:, None] / (of_group.sum(axis=0) / total)
        by_quotient = np.argsort(quotients, axis=0, kind="stable")
        ranked = np.take_along_axis(quotients, by_quotient, axis=0)
        below = np.cumsum((size / total)[by_quotient], axis=0)[:-1]
        # The weighted mean of location quotients is one.
        out[rows] = (below * (1.0 - below) * np.diff(ranked, axis=0)).sum(axis=0)
    return out


def krugman_index(employment: Any, *, time: Any = None) -> Any:
    """Krugman's index of specialisation; larger is more specialised.

    ``sum_k |s_ik - s_jk|``, where s_ik is the share of industry k in the employment of
    region i, and s_jk its share in all other regions together.

    Parameters
    ----------
    employment : DataFrame, array (N, K) or list of K columns
        As in `locational_gini`.
    time : array, Series or Index, shape (N,), optional
        As in `regional_coordination`.

    Returns
    -------
    ndarray or Series
        Index, in [0, 2]. It is 0 if the employment shares are equal to those of the
        other regions. It is missing for all rows of a period with a missing value.

    Raises
    ------
    IdentificationError
        If a value is negative, a region has no employment, or there is only one region.
    InputTypeError, AlignmentError, MissingDataError
        As in `regional_coordination`.

    Notes
    -----
    Krugman (1991), Geography and Trade, defines the index for two regions. Usually the
    second one is all other regions.

    Examples
    --------
    >>> import pandas as pd
    >>> from digiprosper import variables
    >>> jobs = pd.DataFrame(
    ...     {"cars": [90, 10], "food": [60, 40]}, index=["north", "south"]
    ... )
    >>> variables.krugman_index(jobs).round(10).tolist()
    [0.8, 0.8]
    """
    inputs = _read_employment("krugman_index", employment, time=time)
    return inputs.apply_by_group(_specialisation, compared_rows(inputs, "regions"))


def _specialisation(groups: Ints, n_groups: int, employment: Floats) -> Floats:
    """Sum |share in the region - share in all others| by Krugman, in [0, 2].

    `groups` (N,) are codes 0..G-1 of regions that are compared; employment (N, K) by
    region and industry.
    """
    totals = np.column_stack(
        [np.bincount(groups, column, n_groups) for column in employment.T]
    )
    other_regions = np.maximum(totals[groups] - employment, 0.0)
    return np.asarray(np.abs(_shares(employment) - _shares(other_regions)).sum(axis=1))


def herfindahl(shares: Any) -> Any:
    """Sum of squared shares; larger is more concentrated.

    Parameters
    ----------
    shares : DataFrame, array (N, K) or list of K columns
        Shares of K firms or industries in each row. Each row adds up to one.

    Returns
    -------
    float, ndarray or Series
        Herfindahl index, in [1 / K, 1].

    Raises
    ------
    IdentificationError
        If a share is negative, or the shares of a row do not add up to one.
    InputTypeError, AlignmentError, MissingDataError
        As in `regional_coordination`.

    Notes
    -----
    The index is that of Hirschman (1945) and Herfindahl (1950). With shares in percent
    it would be 10,000 times as large.

    Examples
    --------
    >>> from digiprosper import variables
    >>> variables.herfindahl([0.5, 0.5])
    0.5
    """
    inputs = arguments("herfindahl", tables={"shares": shares})
    refuse_negative(inputs, "Shares are at least 0", "shares")
    sums = inputs.numbers["shares"].sum(axis=1)
    why = (
        "Divide amounts by their sum, df.div(df.sum(axis=1), axis=0), and include all "
        "firms or industries"
    )
    inputs.refuse_rows(
        {"the sum of the shares": np.abs(sums - 1) > SUM_TO_ONE}, "not one", why
    )
    return inputs.apply_by_row(lambda table: (table**2).sum(axis=1))


def _read_employment(function: str, employment: Any, **labels: Any) -> Arguments:
    tables = {"employment": employment}
    inputs = arguments(function, tables=tables, labels=given_labels(**labels))
    refuse_negative(inputs, "Employment is at least 0", "employment")
    none = {"the employment of a region": inputs.numbers["employment"].sum(axis=1) == 0}
    inputs.refuse_rows(none, "zero", "Shares of industries divide by it")
    return inputs


# --- rows of one region and period, and what is refused -------------------------------


def given_labels(**labels: Any) -> dict[str, Any]:
    """Keep the labels that are not None."""
    return {name: label for name, label in labels.items() if label is not None}


def group_codes(inputs: Arguments) -> Ints:
    """Code the groups that labels of regions and periods make: 0..G-1, (N,).

    Without labels of periods, the second level of an index (entity, time) is used. Rows
    with a missing label have groups of their own.
    """
    labels = dict(inputs.labels)
    if "time" not in labels and inputs.rows.nlevels == 2:
        codes, levels = pd.factorize(inputs.rows.get_level_values(1))
        labels["time"] = codes, pd.Index(levels)
    group = np.zeros(len(inputs.rows), dtype=np.int64)
    for codes, levels in labels.values():
        group = group * (len(levels) + 1) + codes + 1
    return np.unique(group, return_inverse=True)[1].astype(np.intp)


def compared_rows(inputs: Arguments, unit: str, divisors: Sequence[str] = ()) -> Ints:
    """Code the groups, and refuse complete rows that there is nothing to compare with.

    A group has at least two rows; `unit` is what a row is, in the plural. No column of
    `divisors` is zero throughout a group.
    """
    groups = group_codes(inputs)
    alone = (np.bincount(groups)[groups] == 1) & inputs.complete
    single = {f"the number of {unit} in the group": alone}
    inputs.refuse_rows(single, "one", "There is nothing to compare it with")
    zero = {}
    for argument in divisors:
        columns = np.nan_to_num(np.atleast_2d(inputs.numbers[argument].T))
        for name, column in zip(inputs.names[argument], columns, strict=True):
            sums = np.bincount(groups, column)[groups]
            zero[f"the sum of {name} in the group"] = (sums == 0) & inputs.complete
    inputs.refuse_rows(
        zero, "zero", "A share or a coefficient of variation divides by it"
    )
    return groups


def refuse_negative(inputs: Arguments, why: str, *arguments: str) -> None:
    """Refuse negative values."""
    inputs.refuse(arguments, below_zero, "negative", why)


def refuse_not_positive(
    inputs: Arguments, why: str, *arguments: str, defect: str = "zero or negative"
) -> None:
    """Refuse negative values and zeros."""
    inputs.refuse(arguments, not_positive, defect, why)
