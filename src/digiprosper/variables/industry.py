"""Measures of industrial structure and structural change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from digiprosper.errors import (
    AlignmentError,
    alignment_problem,
    check_option,
    not_identified,
    quoted,
)
from digiprosper.panel.arguments import arguments
from digiprosper.variables import kernel
from digiprosper.variables.groups import refuse_negative, refuse_not_positive

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.panel.arguments import Arguments

Reverse: TypeAlias = Literal["negative", "reciprocal"]
EmploymentShares: TypeAlias = Literal["end", "start", "mean"]


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
    return _three_sectors("industrial_layer", value_added).by_row(kernel.layer)


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
    return inputs.by_row(lambda second, third: third / second)


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
    return _three_sectors("industrial_angle", value_added).by_row(kernel.angle)


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
    inputs = _two_tables(
        "industrial_rationalisation", value_added=value_added, employment=employment
    )
    numbers = inputs.numbers
    idle = ((numbers["employment"] == 0) & (numbers["value_added"] > 0)).T
    inputs.refuse_rows(
        dict(zip(inputs.names["employment"], idle, strict=True)),
        "zero",
        "The sector has value added, and y / l divides by its share of workers",
    )
    theil = inputs.by_row(kernel.rationalisation)
    if reverse == "negative":
        return -theil
    if reverse == "reciprocal":
        inputs.refuse_rows(
            {"the index": np.atleast_1d(theil == 0)}, "zero", "It has no reciprocal"
        )
        return 1 / theil
    return theil


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
    inputs = _with_workers("structural_deviation", value_added, employment)
    return inputs.by_row(kernel.deviation)


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
    inputs = _with_workers("productivity_advancement", value_added, employment)
    return inputs.by_row(kernel.productivity)


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
    inputs = _two_tables("lilien_index", before=before, after=after)
    why = "Growth is a difference of logarithms"
    refuse_not_positive(inputs, why, "before", "after", defect="zero")

    def index(start: Floats, end: Floats) -> Floats:
        weights = {"start": kernel.shares(start), "end": kernel.shares(end)}
        mean = (weights["start"] + weights["end"]) / 2
        return kernel.lilien(start, end, weights.get(shares, mean))

    return inputs.by_row(index)


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
    inputs = arguments(
        "digital_value_added",
        tables={"value_added": value_added, "digital_share": digital_share},
    )
    _refuse_other_sectors(inputs, "value_added", "digital_share")
    refuse_negative(inputs, "Value added is at least 0", "value_added")
    inputs.refuse(
        ("digital_share",),
        lambda share: (share < 0) | (share > 1),
        "outside [0, 1]",
        "It is a share of the industry",
    )
    totals = inputs.numbers["value_added"].sum(axis=1)
    inputs.refuse_rows(
        {"the sum of value_added": totals == 0}, "zero", "There is nothing to measure"
    )
    if measure == "share":
        return inputs.by_row(lambda va, share: (kernel.shares(va) * share).sum(axis=1))
    return inputs.by_row(lambda va, share: (va * share).sum(axis=1))


# --- checks ---------------------------------------------------------------------------


def _amounts(function: str, **tables: Any) -> Arguments:
    """Read tables of amounts, none negative, with a positive sum in every row."""
    inputs = arguments(function, tables=tables)
    refuse_negative(inputs, "Amounts and shares are at least 0", *tables)
    totals = {
        f"the sum of {name}": inputs.numbers[name].sum(axis=1) == 0 for name in tables
    }
    inputs.refuse_rows(totals, "zero", "Shares need a positive sum")
    return inputs


def _three_sectors(function: str, value_added: Any) -> Arguments:
    """Read the value added of the three sectors."""
    inputs = _amounts(function, value_added=value_added)
    count = inputs.numbers["value_added"].shape[1]
    if count != 3:
        raise not_identified(
            "sectors",
            f"{function} needs three sectors, in the order primary, secondary, "
            f"tertiary; got {count}.",
            counts=(count,),
        )
    return inputs


def _two_tables(function: str, **tables: Any) -> Arguments:
    """Read two tables of amounts of the same sectors."""
    inputs = _amounts(function, **tables)
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
    first, second = ([str(head) for head in inputs.heads[name]] for name in tables)
    if first != second and sorted(first) == sorted(second):
        raise AlignmentError(
            f"{function}: the sectors of {' and '.join(tables)} have one set of names "
            f"in two orders ({quoted(first)}; {quoted(second)}); put them in one "
            "order.",
            [alignment_problem(name, "other order of sectors") for name in tables],
        )


def _with_workers(function: str, value_added: Any, employment: Any) -> Arguments:
    """Read value added and employment of the same sectors, all with workers."""
    inputs = _two_tables(function, value_added=value_added, employment=employment)
    refuse_not_positive(inputs, "The index divides by it", "employment", defect="zero")
    return inputs
