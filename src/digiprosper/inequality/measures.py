"""Measures of inequality."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digiprosper.errors import (
    IdentificationError,
    OptionError,
    check_real,
    cited,
    is_whole,
    plain,
    quoted,
)
from digiprosper.inequality import kernel
from digiprosper.inequality.observations import observe
from digiprosper.kernels import dispersion

if TYPE_CHECKING:
    from digiprosper.inequality.observations import Numbers, RowLabels


def gini(y: Numbers, *, obs_weights: Numbers | None = None) -> float:
    """Compute the Gini coefficient.

    ``G = sum_i sum_j w_i w_j |y_i - y_j| / (2 W^2 mean)``, where W is the sum of the
    weights w_i.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values >= 0, such as incomes, in any unit.
    obs_weights : array or Series, shape (N,), optional
        Weights >= 0, such as populations. A row with weight 2 counts as two rows. A
        Series is matched to `y` by its index.

    Returns
    -------
    float
        Gini coefficient of a population, in [0, 1). Multiply it by N / (N - 1) for the
        version of a sample, whose maximum is 1.

    Raises
    ------
    InputTypeError
        If `y` or `obs_weights` is not numeric.
    AlignmentError
        If they have different lengths or rows.
    MissingDataError
        If a value is missing or infinite.
    OptionError
        If a weight is negative, or all are zero.
    IdentificationError
        If a value is negative, or all are zero.

    Notes
    -----
    The coefficient is that of Gini (1914). It is computed from sorted values as
    ``sum_k (y_(k+1) - y_(k)) W_k (W - W_k) / (W^2 mean)``, where W_k is the sum of the
    weights up to rank k.

    Examples
    --------
    >>> from digiprosper import gini
    >>> round(gini([12, 18, 25, 31, 40, 22, 15, 9, 55, 28]), 8)
    0.28352941
    """
    sample = observe("gini", y, obs_weights)
    return kernel.gini(sample.y, sample.weights)


def relative_deprivation(
    y: Numbers,
    groups: RowLabels | None = None,
    *,
    obs_weights: Numbers | None = None,
) -> pd.Series[float]:
    """Compute the relative deprivation of each row in its group (Kakwani 1984).

    ``R_i = sum_j w_j max(y_j - y_i, 0) / sum_j w_j y_j``: how much more others have,
    on average, as a share of the mean. The sums are over the group of i.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values >= 0, such as incomes of households.
    groups : sequence or Series, shape (N,), optional
        With whom a row is compared, such as its county and year. The default is all
        rows.
    obs_weights : array or Series, shape (N,), optional
        As in `gini`. Rows of weight 0 are left out.

    Returns
    -------
    Series
        Deprivation, 0 for the richest of a group and 1 for an income of zero, with the
        index of `y`. Its mean in a group, by the same weights, is the Gini coefficient
        of the group. Times the mean of y it is the measure of Yitzhaki (1979).

    Raises
    ------
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `gini`. Also an IdentificationError if all values of a group are zero.

    Notes
    -----
    Kakwani (1984), Advances in Econometrics 3:191-206; Yitzhaki (1979), Quarterly
    Journal of Economics 93:321-324.

    Examples
    --------
    >>> from digiprosper import relative_deprivation
    >>> relative_deprivation([1, 2, 6, 4, 4], list("aaabb")).round(4).tolist()
    [0.6667, 0.4444, 0.0, 0.0, 0.0]
    """
    labels = {} if groups is None else {"groups": groups}
    sample = observe("relative_deprivation", y, obs_weights, labels)
    codes = sample.codes.get("groups", np.zeros(sample.y.size, dtype=np.intp))
    poor = np.flatnonzero(np.bincount(codes, sample.weights * sample.y) == 0)
    if poor.size:
        names = quoted([str(level) for level in sample.levels["groups"][poor]])
        raise IdentificationError(
            f"relative_deprivation: y is zero in every row of {names}, so deprivation "
            "there is not defined. Leave these rows out, and report it."
        )
    values = kernel.relative_deprivation(sample.y, sample.weights, codes)
    return pd.Series(values, sample.rows, name="relative_deprivation")


def theil_t(y: Numbers, *, obs_weights: Numbers | None = None) -> float:
    """Compute Theil's T: ``mean (y / mean) ln(y / mean)``.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values >= 0. For a zero, 0 ln 0 = 0.
    obs_weights : array or Series, shape (N,), optional
        As in `gini`.

    Returns
    -------
    float
        Theil's T, in [0, ln N].

    Raises
    ------
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `gini`.

    Notes
    -----
    The index is that of Theil (1967). Entropy weights are shares of such indices; see
    `entropy_weights`.

    Examples
    --------
    >>> from digiprosper import theil_t
    >>> round(theil_t([0, 1, 2]), 8)  # (2/3) ln 2: the zero counts
    0.46209812
    """
    sample = observe("theil_t", y, obs_weights)
    return float(dispersion.theil_t(sample.y[:, None], obs_weights=sample.weights)[0])


def theil_l(y: Numbers, *, obs_weights: Numbers | None = None) -> float:
    """Compute Theil's L, the mean logarithmic deviation: ``mean ln(mean / y)``.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Positive values. With a zero L would be infinite.
    obs_weights : array or Series, shape (N,), optional
        As in `gini`.

    Returns
    -------
    float
        Theil's L, at least 0.

    Raises
    ------
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `gini`. Also an IdentificationError if a value is zero.

    Notes
    -----
    The index is that of Theil (1967).

    Examples
    --------
    >>> from digiprosper import theil_l
    >>> round(theil_l([12, 18, 25, 31, 40, 22, 15, 9, 55, 28]), 8)
    0.13339087
    """
    sample = observe("theil_l", y, obs_weights, least="positive")
    return kernel.theil_l(sample.y, sample.weights)


def atkinson(
    y: Numbers, epsilon: float, *, obs_weights: Numbers | None = None
) -> float:
    """Compute Atkinson's index.

    It is the share of total income that could be given up without loss of welfare if
    the rest were distributed equally:
    ``A = 1 - [mean (y / mean)^(1 - e)]^(1 / (1 - e))``. For e = 1 it is one minus the
    geometric mean divided by the arithmetic mean.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values >= 0; positive if `epsilon` is 1 or more.
    epsilon : float
        Inequality aversion e >= 0; .5, 1 and 2 are usual. With a larger value low
        incomes have more weight.
    obs_weights : array or Series, shape (N,), optional
        As in `gini`.

    Returns
    -------
    float
        Atkinson's index, in [0, 1].

    Raises
    ------
    OptionError
        If `epsilon` is not a finite number >= 0.
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `gini`. Also an IdentificationError if a value is zero and `epsilon` is 1
        or more.

    Notes
    -----
    The index is that of Atkinson (1970, Journal of Economic Theory 2:244-263).

    Examples
    --------
    >>> from digiprosper import atkinson
    >>> incomes = [12, 18, 25, 31, 40, 22, 15, 9, 55, 28]
    >>> [round(atkinson(incomes, e), 4) for e in (0.5, 1, 2)]
    [0.0634, 0.1249, 0.236]
    """
    kind = "a number of at least 0, such as .5, 1 or 2"
    epsilon = check_real("epsilon", epsilon, lambda e: 0 <= e < math.inf, kind)
    sample = observe(
        "atkinson", y, obs_weights, least="positive" if epsilon >= 1 else "zero"
    )
    return kernel.atkinson(sample.y, sample.weights, epsilon)


def coefficient_of_variation(
    y: Numbers, *, ddof: int = 0, obs_weights: Numbers | None = None
) -> float:
    """Compute the coefficient of variation: standard deviation divided by mean.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values of either sign with a positive mean.
    ddof : int
        The variance has the divisor N - ddof, with ddof = 0 by default. With weights N
        is their sum.
    obs_weights : array or Series, shape (N,), optional
        As in `gini`. With populations this is the weighted coefficient of Williamson
        (1965).

    Returns
    -------
    float
        Coefficient of variation, at least 0.

    Raises
    ------
    OptionError
        If `ddof` is not an integer >= 0 below the sum of weights.
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `gini`, but negative values are allowed. An IdentificationError if the
        mean is not positive.

    Notes
    -----
    The weighted coefficient is that of Williamson (1965, Economic Development and
    Cultural Change 13(4), part 2).

    Examples
    --------
    >>> from digiprosper import coefficient_of_variation
    >>> incomes = [12, 18, 25, 31, 40, 22, 15, 9, 55, 28]
    >>> (
    ...     round(coefficient_of_variation(incomes), 4),
    ...     round(coefficient_of_variation(incomes, ddof=1), 4),
    ... )
    (0.5188, 0.5469)
    """
    ddof = plain(ddof)
    if not is_whole(ddof) or ddof < 0:
        raise OptionError(f"ddof={cited(ddof)} must be 0 (population) or 1 (sample).")
    sample = observe("coefficient_of_variation", y, obs_weights, least="any")
    rows = float(sample.weights.sum())
    if ddof and rows <= ddof:
        raise OptionError(
            f"ddof={ddof} treats weights as numbers of rows, but they add up to "
            f"{rows:g}; use ddof=0 with shares."
        )
    mean = float(np.average(sample.y, weights=sample.weights))
    if not mean > 0:
        raise IdentificationError(
            f"coefficient_of_variation: the mean is {mean:.6g}; the coefficient needs "
            "a positive mean."
        )
    return kernel.variation(sample.y, sample.weights, ddof)
