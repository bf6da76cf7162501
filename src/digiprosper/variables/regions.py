"""Regional coordination, equality of services, concentration and specialisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from digiprosper.errors import check_option
from digiprosper.kernels.dispersion import theil_by_group, variation_by_group
from digiprosper.kernels.tolerances import SUM_TO_ONE
from digiprosper.panel.arguments import arguments
from digiprosper.variables import kernel
from digiprosper.variables.groups import (
    compared_rows,
    refuse_negative,
    refuse_not_positive,
    row_labels,
)

if TYPE_CHECKING:
    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel.arguments import Arguments

Equality: TypeAlias = Literal["cv", "theil"]


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
    >>> found = variables.regional_coordination(
    ...     [30, 50, 40, 40], [1, 1, 2, 3], ["a", "a", "b", "b"]
    ... )
    >>> found.tolist()
    [0.75, 0.75, 1.0, 1.0]
    """
    columns = {"income": income, "population": population}
    labels = row_labels(region=region, time=time)
    inputs = arguments("regional_coordination", columns, labels=labels)
    refuse_negative(inputs, "Incomes are at least 0", "income")
    refuse_not_positive(inputs, "It is a weight", "population")

    def evenness(codes: Ints, count: int, income: Floats, population: Floats) -> Floats:
        return 1.0 - variation_by_group(income, codes, count, population)[codes]

    return inputs.by_group(evenness, compared_rows(inputs, "sub-units", ("income",)))


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
    labels = row_labels(region=region, time=time)
    inputs = arguments("service_equality", tables={"services": services}, labels=labels)
    refuse_negative(inputs, "Services are at least 0", "services")
    inequality = variation_by_group if measure == "cv" else theil_by_group

    def equality(codes: Ints, count: int, table: Floats) -> Floats:
        ones = np.ones(len(table))
        inequalities = [inequality(column, codes, count, ones) for column in table.T]
        return np.asarray(1.0 - np.column_stack(inequalities).mean(axis=1))[codes]

    return inputs.by_group(equality, compared_rows(inputs, "sub-units", ("services",)))


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
    inputs = _employment("locational_gini", employment, region=region, time=time)
    groups = compared_rows(inputs, "regions", ("employment",))
    gini = inputs.by_group(kernel.location_gini, groups)
    return gini if reverse is None else 1.0 - gini


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
    inputs = _employment("krugman_index", employment, time=time)
    return inputs.by_group(kernel.specialisation, compared_rows(inputs, "regions"))


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
    return inputs.by_row(lambda table: (table**2).sum(axis=1))


def _employment(function: str, employment: Any, **labels: Any) -> Arguments:
    tables = {"employment": employment}
    inputs = arguments(function, tables=tables, labels=row_labels(**labels))
    refuse_negative(inputs, "Employment is at least 0", "employment")
    none = {"the employment of a region": inputs.numbers["employment"].sum(axis=1) == 0}
    inputs.refuse_rows(none, "zero", "Shares of industries divide by it")
    return inputs
