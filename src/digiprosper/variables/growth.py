"""Capital stock by perpetual inventory, productivity, and volatility of growth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    AlignmentError,
    InputTypeError,
    Notice,
    alignment_problem,
    check_real,
    check_whole,
    cited,
    counted,
    is_real,
    issue,
    option_error,
    plain,
    quoted,
)
from digiprosper.kernels.tolerances import LARGEST_PRODUCT
from digiprosper.panel import Panel
from digiprosper.panel.access import table_of
from digiprosper.panel.arguments import arguments
from digiprosper.panel.keys import rows_text
from digiprosper.variables import kernel
from digiprosper.variables.groups import (
    refuse_negative,
    refuse_not_positive,
    row_labels,
)

_LONGEST_WINDOW = 1000

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.panel.arguments import Arguments
    from digiprosper.panel.table import Table


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
        Price index of investment, 1 in the base year. Pass 1.0 if investment is at
        constant prices.
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
        If the first investment of an entity is 0. Its first capital stock is then 0.

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
    labels = row_labels(entity=entity, time=time)
    inputs = arguments("capital_stock", columns, labels=labels)
    refuse_negative(inputs, "Gross investment is at least 0", "investment")
    refuse_not_positive(inputs, "Investment is divided by it", "deflator")
    with np.errstate(all="ignore"):
        deflated = inputs.numbers["investment"] / inputs.numbers["deflator"]
    table = _table(inputs, deflated)

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
        issue([zero_first_stock(empty)])
    first[starts] = real[starts] / _divisors(growth, rate, entities)[codes[starts]]
    stock = np.empty(real.size)
    stock[rows] = kernel.accumulated(real, first, before, table.keys.time, 1.0 - rate)
    return inputs.returned(stock, np.ones(real.size, dtype=bool))


def zero_first_stock(rows: pd.Index[Any]) -> Notice:
    """Report entities whose capital begins at zero.

    Code zero_first_stock; data count, first five rows.
    """
    first = tuple(rows[:5])
    text = (
        "capital_stock: the first investment of "
        f"{counted(len(rows), 'entity', 'entities')} is 0 (first: {rows_text(first)}), "
        "so that their capital begins at 0, as if they had none before. Make these "
        "values missing to begin at the first positive one."
    )
    return Notice("zero_first_stock", text, {"count": len(rows), "rows": first})


def _table(inputs: Arguments, values: Floats) -> Table:
    """Sort values (N,) by entity and time, with the rows they came from."""
    keys: dict[str, Any] = {
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


def _divisors(growth: Any, rate: float, entities: pd.Index[Any]) -> Floats:
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
    return np.asarray(values + rate)


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
    return inputs.by_row(
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
    years = check_whole("window", window, 2, _LONGEST_WINDOW)
    labels = row_labels(entity=entity, time=time)
    inputs = arguments("growth_volatility", {"x": x}, labels=labels)
    refuse_not_positive(inputs, "A growth rate divides by it", "x")
    table = _table(inputs, inputs.numbers["x"])

    values, rows = table.numeric("value"), table.numeric("row").astype(np.intp)
    with np.errstate(all="ignore"):
        growth = values / table.shift(values, 1) - 1.0
        recent = np.column_stack([table.shift(growth, k) for k in range(years)])
        volatility = np.empty(values.size)
        volatility[rows] = recent.std(axis=1, ddof=1)
    return inputs.returned(volatility, np.ones(values.size, dtype=bool))
