"""Regions and industries compared: coordination, equality of services, concentration, specialisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from digiprosper.errors import check_option
from digiprosper.kernels.dispersion import theil_by_group, variation_by_group
from digiprosper.kernels.tolerances import SUM_TO_ONE
from digiprosper.panel.arguments import arguments, below_zero, not_positive
from digiprosper.variables import kernel
from digiprosper.variables.groups import grouped, refuse_empty, refuse_lone, row_labels

if TYPE_CHECKING:
    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel.arguments import Arguments

__all__ = ["herfindahl", "krugman_index", "locational_gini", "regional_coordination", "service_equality"]

Equality: TypeAlias = Literal["cv", "theil"]


def regional_coordination(income: Any, population: Any, region: Any, *, time: Any = None) -> Any:
    """One minus the weighted coefficient of variation inside a region; larger is more even.

    ``1 - sqrt(sum_i (p_i / p) (x_i - m)^2) / m``, over the sub-units i of a region in a period, p their
    population, x income per head, m the region's income per head.

    Parameters
    ----------
    income : array or Series, shape (N,)
        Income *per head* of each sub-unit, such as a city, at least 0.
    population : float, array or Series, shape (N,)
        Positive.
    region : array, Series or Index, shape (N,)
        The parent region of each row, such as the province.
    time : array, Series or Index, shape (N,), optional
        Period of each row. A Series indexed by (entity, time) has them; all rows are one period otherwise.

    Returns
    -------
    ndarray or Series
        At most 1, the same in every row of a region and period, as pandas' ``transform``. Missing where any
        sub-unit of them is. For one row per region: ``.groupby([region, time]).first()``.

    Raises
    ------
    IdentificationError
        If an income is negative, a population is not positive, a region has one sub-unit only in a period, or
        no income.
    InputTypeError, AlignmentError, MissingDataError
        If a column is not numeric, Series have other rows, or a value is infinite.

    Notes
    -----
    The coefficient is that of Williamson (1965), Economic Development and Cultural Change 13(4), part 2, as
    `coefficient_of_variation` with populations as weights.

    Examples
    --------
    >>> from digiprosper import variables
    >>> found = variables.regional_coordination([30, 50, 40, 40], [1, 1, 2, 3], ["a", "a", "b", "b"])
    >>> found.tolist()
    [0.75, 0.75, 1.0, 1.0]
    """
    columns = {"income": income, "population": population}
    given = arguments("regional_coordination", columns, labels=row_labels(region=region, time=time))
    given.refuse(("income",), below_zero, "negative", "Incomes are at least 0")
    given.refuse(("population",), not_positive, "zero or negative", "It is a weight")
    groups = grouped(given)
    refuse_lone(given, groups, "sub-units")
    refuse_empty(given, groups, ("income",))
    return given.by_group(_coordination, groups)


def _coordination(codes: Ints, count: int, income: Floats, population: Floats) -> Floats:
    variation = variation_by_group(income, codes, count, population)
    return 1.0 - variation[codes]


def service_equality(services: Any, region: Any, *, time: Any = None, measure: Equality = "cv") -> Any:
    """One minus the inequality of services between sub-units, mean over services; larger is more even.

    Parameters
    ----------
    services : DataFrame, array (N, K) or list of K columns
        Services *per head* in each sub-unit, at least 0, such as teachers and hospital beds per 1,000 people.
    region : array, Series or Index, shape (N,)
        The parent region of each row.
    time : array, Series or Index, shape (N,), optional
        As in `regional_coordination`.
    measure : {"cv", "theil"}
        Inequality: the coefficient of variation, or Theil's T; sub-units count the same.

    Returns
    -------
    ndarray or Series
        At most 1; as `regional_coordination`.

    Raises
    ------
    IdentificationError
        If a value is negative, a region has one sub-unit only in a period, or none of a service.
    OptionError
        If `measure` is another word.
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
    labels = row_labels(region=region, time=time)
    given = arguments("service_equality", tables={"services": services}, labels=labels)
    given.refuse(("services",), below_zero, "negative", "Services are at least 0")
    groups = grouped(given)
    refuse_lone(given, groups, "sub-units")
    refuse_empty(given, groups, ("services",))
    inequality = variation_by_group if measure == "cv" else theil_by_group

    def equality(codes: Ints, count: int, table: Floats) -> Floats:
        ones = np.ones(len(table))
        found = np.column_stack([inequality(column, codes, count, ones) for column in table.T])
        mean: Floats = 1.0 - found.mean(axis=1)
        return mean[codes]

    return given.by_group(equality, groups)


def locational_gini(
    employment: Any, region: Any = None, *, time: Any = None, reverse: Literal["complement"] | None = None
) -> Any:
    """Gini coefficient of location quotients, one an industry; larger is more concentrated in space.

    Of ``(e_ik / e_i) / (e_k / e)`` over the regions i, weighted by their employment e_i.

    Parameters
    ----------
    employment : DataFrame, array (N, K) or list of K columns
        Employment by region (rows) and industry (columns), at least 0. Every region has some, and every
        industry.
    region : array, Series or Index, shape (N,), optional
        The parent region in which rows are compared, such as the province of each city; all by default.
    time : array, Series or Index, shape (N,), optional
        As in `regional_coordination`.
    reverse : {"complement"}, optional
        Give 1 minus the coefficient: industrial dispersion.

    Returns
    -------
    ndarray (N, K) or DataFrame
        In [0, 1), the same in every row that is compared. ``.mean(axis=1)`` averages industries.

    Raises
    ------
    IdentificationError
        If a value is negative, a region or an industry has no employment, or one row has none to be compared
        with.
    OptionError
        If `reverse` is another word.
    InputTypeError, AlignmentError, MissingDataError
        As in `regional_coordination`.

    Notes
    -----
    Krugman (1991), Geography and Trade. 0 where every region has the same mix of industries.

    Examples
    --------
    >>> import pandas as pd
    >>> from digiprosper import variables
    >>> jobs = pd.DataFrame({"cars": [90, 10], "food": [60, 40]}, index=["north", "south"])
    >>> variables.locational_gini(jobs).round(4)
           cars  food
    north  0.15  0.15
    south  0.15  0.15
    """
    check_option("reverse", reverse, (None, "complement"))
    given = _employment("locational_gini", employment, region=region, time=time)
    groups = grouped(given)
    refuse_lone(given, groups, "regions")
    refuse_empty(given, groups, ("employment",))
    gini = given.by_group(kernel.location_gini, groups)
    return gini if reverse is None else 1.0 - gini


def krugman_index(employment: Any, *, time: Any = None) -> Any:
    """Krugman's index of specialisation; larger is more specialised.

    ``sum_k |s_ik - s_jk|``, s_ik the share of industry k in the employment of region i, s_jk that in all
    other regions together.

    Parameters
    ----------
    employment : DataFrame, array (N, K) or list of K columns
        As in `locational_gini`.
    time : array, Series or Index, shape (N,), optional
        As in `regional_coordination`.

    Returns
    -------
    ndarray or Series
        In [0, 2]; 0 where the mix of industries is that of the others. Missing in a period in which any
        region is.

    Raises
    ------
    IdentificationError
        If a value is negative, a region has no employment, or there is one region only.
    InputTypeError, AlignmentError, MissingDataError
        As in `regional_coordination`.

    Notes
    -----
    Krugman (1991), Geography and Trade, for pairs of regions; the others together are the usual second one.

    Examples
    --------
    >>> import pandas as pd
    >>> from digiprosper import variables
    >>> jobs = pd.DataFrame({"cars": [90, 10], "food": [60, 40]}, index=["north", "south"])
    >>> variables.krugman_index(jobs).round(10).tolist()
    [0.8, 0.8]
    """
    given = _employment("krugman_index", employment, time=time)
    groups = grouped(given)
    refuse_lone(given, groups, "regions")
    return given.by_group(kernel.specialisation, groups)


def herfindahl(shares: Any) -> Any:
    """Sum of squared shares; larger is more concentrated.

    Parameters
    ----------
    shares : DataFrame, array (N, K) or list of K columns
        Shares of the firms or industries of a row; they add up to one.

    Returns
    -------
    float, ndarray or Series
        In [1 / K, 1].

    Raises
    ------
    IdentificationError
        If a share is negative, or the shares of a row do not add up to one.
    InputTypeError, AlignmentError, MissingDataError
        As in `regional_coordination`.

    Notes
    -----
    Hirschman (1945) and Herfindahl (1950). In percent it is 10,000 times as large.

    Examples
    --------
    >>> from digiprosper import variables
    >>> variables.herfindahl([0.5, 0.5])
    0.5
    """
    given = arguments("herfindahl", tables={"shares": shares})
    given.refuse(("shares",), below_zero, "negative", "Shares are at least 0")
    sums = given.numbers["shares"].sum(axis=1)
    why = "Divide amounts by their sum, df.div(df.sum(axis=1), axis=0), and include all firms or industries"
    given.refuse_rows({"the sum of the shares": np.abs(sums - 1) > SUM_TO_ONE}, "not one", why)
    return given.by_row(lambda table: (table**2).sum(axis=1))


def _employment(function: str, employment: Any, **labels: Any) -> Arguments:
    given = arguments(function, tables={"employment": employment}, labels=row_labels(**labels))
    given.refuse(("employment",), below_zero, "negative", "Employment is at least 0")
    none = {"the employment of a region": given.numbers["employment"].sum(axis=1) == 0}
    given.refuse_rows(none, "zero", "Shares of industries divide by it")
    return given
