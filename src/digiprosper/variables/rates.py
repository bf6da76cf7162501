"""Rates per head, and gaps between urban and rural areas or between regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from digiprosper.errors import check_option, check_real
from digiprosper.kernels.tolerances import LARGEST_PRODUCT
from digiprosper.panel.arguments import arguments
from digiprosper.variables.groups import (
    grouped,
    refuse_negative,
    refuse_not_positive,
    row_labels,
)

if TYPE_CHECKING:
    from digiprosper.kernels import Floats, Ints

Divide: TypeAlias = Literal["ratio", "gap"]


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
    return inputs.by_row(lambda amount, heads: amount / heads * number)


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
    return inputs.by_row(lambda u, r, u_heads, r_heads: (u / u_heads) / (r / r_heads))


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
    return inputs.by_row(lambda urban, rural: urban / rural)


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
        return inputs.by_row(lambda u, r: u - r)
    why = "The ratio divides by it; measure='gap' does not"
    refuse_not_positive(inputs, why, "rural", defect="zero")
    return inputs.by_row(lambda u, r: u / r)


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
    inputs = arguments("distance_to_leader", {"x": x}, labels=row_labels(time=time))
    refuse_not_positive(inputs, "It has no logarithm", "x")

    def behind(codes: Ints, count: int, x: Floats) -> Floats:
        largest = np.zeros(count)
        np.maximum.at(largest, codes, x)
        return np.asarray(np.log(largest[codes] / x))

    return inputs.by_group(behind, grouped(inputs))
