"""Weights of indicators: one function of an array for each weighting."""

from __future__ import annotations

import sys
from typing import Any, Literal, get_args

import numpy as np

from digiprosper.checks import check_real, is_real, is_whole, plain
from digiprosper.composite.cells import (
    as_table,
    refuse_cells,
    refuse_extreme,
    refuse_missing,
)
from digiprosper.composite.kernels.structure import flat_rule, weigh
from digiprosper.composite.notices import weight_remarks
from digiprosper.errors import InputTypeError, cited, issue
from digiprosper.kernels import Floats
from digiprosper.kernels.dispersion import column_sums
from digiprosper.kernels.tolerances import LARGEST_PRODUCT

Weighting = Literal["entropy", "critic", "cv", "std", "pca", "equal"]
WEIGHTINGS: tuple[Weighting, ...] = get_args(Weighting)

_MOST = 1_000_000
_UNDEFINED = (
    "Entropy is undefined for these values: normalise first, as CompositeIndex does."
)


def entropy_weights(Z: Any, *, shift: float = 0.0) -> Floats:
    r"""Compute entropy weights.

    A column has a large weight if its values are distributed unequally over the rows.

    Parameters
    ----------
    Z : array or DataFrame, shape (n, m)
        Non-negative values of m indicators in which a higher value is better. They are
        not normalised here.
    shift : float, default 0.0
        Number added to the values before the logarithm. The default is 0 because 0 ln
        0 = 0 by definition. Use another value only to replicate a paper that has one.

    Returns
    -------
    ndarray, shape (m,)
        Weights in the order of the columns, with sum one. A constant column has
        weight 0.

    Raises
    ------
    InputTypeError
        If `Z` is not a table of numbers with two axes.
    MissingDataError
        If a value is missing or infinite.
    IndicatorError
        If a value is negative, or all columns are constant.
    OptionError
        If the shift is not a number >= 0.

    Warns
    -----
    IndicatorWarning
        If a column is constant, a weight is more than three times 1/m, or the shift is
        .01 or more.

    Notes
    -----
    With p_ij = z_ij / sum_i z_ij, the entropy of column j (Shannon 1948) and the
    weights (Hwang and Yoon 1981) are

    .. math::
        e_j = -\frac{1}{\ln n} \sum_i p_{ij} \ln p_{ij},
        \quad w_j = \frac{1 - e_j}{\sum_k (1 - e_k)}

    1 - e_j equals T_j / ln n, where T_j is Theil's T of column j. So the weights are
    the shares of the columns in the sum of their Theil indices. A column with large
    dispersion or skewness has a large weight, whether it is important or not.

    Examples
    --------
    >>> import numpy as np
    >>> import digiprosper as dp
    >>> Z = np.array([[0, 0, 0], [0.5, 1, 0], [1, 1, 1]])
    >>> dp.entropy_weights(Z).round(4).tolist()
    [0.235, 0.2062, 0.5588]
    """
    z, names = as_table(Z, "entropy_weights")
    check_shift(shift)
    # What overflows is refused below
    with np.errstate(over="ignore", invalid="ignore"):
        sums = column_sums(z, shift=shift)
    if not (np.isfinite(sums.total).all() and np.isfinite(sums.z_log_z).all()):
        refuse_missing(z, names)
    if not (np.abs(sums.total) <= LARGEST_PRODUCT).all():
        refuse_extreme(z, names)
    if sums.low < shift:
        refuse_cells(z < 0, names, ("negative", "is negative"), _UNDEFINED)
    rule = flat_rule("entropy", len(names), shift=shift)
    weighing = weigh(z, rule, names, sums=sums)
    issue(weight_remarks(names, [weighing], rule))
    return weighing.weights


def critic_weights(Z: Any) -> Floats:
    """Compute CRITIC weights.

    A column has a large weight if its standard deviation is large and its correlations
    with the other columns are small.

    Parameters
    ----------
    Z : array or DataFrame, shape (n, m)
        Values of m indicators in which a higher value is better; they may be negative.
        Reverse other columns first, because the weights depend on the signs of the
        correlations. The values are not normalised here.

    Returns
    -------
    ndarray, shape (m,)
        Weights in the order of the columns, with sum one. A constant column has
        weight 0.

    Raises
    ------
    InputTypeError
        If `Z` is not a table of numbers with two axes.
    MissingDataError
        If a value is missing or infinite.
    IndicatorError
        If all columns are constant, or all are perfectly correlated.

    Warns
    -----
    IndicatorWarning
        If a column is constant, or a weight is more than three times 1/m.

    Notes
    -----
    w_j is proportional to sd_j sum_k (1 - r_jk), with the standard deviation sd_j of
    column j and the correlation r_jk of columns j and k (Diakoulaki, Mavrotas and
    Papayannakis 1995, Computers & Operations Research 22:763-770). The divisor of the
    standard deviation, n or n - 1, does not matter.

    Examples
    --------
    >>> import numpy as np
    >>> from digiprosper import critic_weights
    >>> critic_weights(np.array([[0, 0, 0.9], [0.5, 0.6, 0], [1, 1, 1]])).round(
    ...     4
    ... ).tolist()
    [0.2243, 0.2541, 0.5216]
    """
    return _weights(Z, "critic")


def cv_weights(Z: Any) -> Floats:
    """Compute weights proportional to the coefficients of variation.

    Parameters
    ----------
    Z : array or DataFrame, shape (n, m)
        Non-negative values of m indicators in which a higher value is better. They are
        not normalised here.

    Returns
    -------
    ndarray, shape (m,)
        Weights in the order of the columns, with sum one. A constant column has
        weight 0.

    Raises
    ------
    InputTypeError, MissingDataError, IndicatorError
        As in `entropy_weights`.

    Warns
    -----
    IndicatorWarning
        If a column is constant, or a weight is more than three times 1/m.

    Notes
    -----
    w_j is proportional to sd_j / mean_j. The divisor of the standard deviation, n or
    n - 1, does not matter.

    Examples
    --------
    >>> import numpy as np
    >>> from digiprosper import cv_weights
    >>> cv_weights(np.array([[1.0, 10], [2, 10], [3, 40]])).round(4).tolist()
    [0.366, 0.634]
    """
    return _weights(Z, "cv")


def std_weights(Z: Any) -> Floats:
    """Compute weights proportional to the standard deviations.

    Parameters
    ----------
    Z : array or DataFrame, shape (n, m)
        Values of m indicators in which a higher value is better, on comparable scales.
        They are not normalised here.

    Returns
    -------
    ndarray, shape (m,)
        Weights in the order of the columns, with sum one. A constant column has
        weight 0.

    Raises
    ------
    InputTypeError, MissingDataError, IndicatorError
        As in `critic_weights`, but perfectly correlated columns are allowed.

    Warns
    -----
    IndicatorWarning
        If a column is constant, or a weight is more than three times 1/m.

    Examples
    --------
    >>> import numpy as np
    >>> from digiprosper import std_weights
    >>> std_weights(np.array([[0.0, 0], [0.5, 0], [1, 1]])).round(4).tolist()
    [0.4641, 0.5359]
    """
    return _weights(Z, "std")


def pca_weights(Z: Any) -> Floats:
    """Compute weights from the loadings of the principal components.

    Parameters
    ----------
    Z : array or DataFrame, shape (n, m)
        Values of m indicators in which a higher value is better. Only their
        correlations are used, so their units do not matter.

    Returns
    -------
    ndarray, shape (m,)
        Weights in the order of the columns, with sum one. A constant column has
        weight 0. A column that is negatively correlated with most others can have a
        negative weight.

    Raises
    ------
    InputTypeError, MissingDataError, IndicatorError
        As in `critic_weights`. Also an IndicatorError if the loadings add up to zero.

    Warns
    -----
    IndicatorWarning
        If a column is constant, a weight is negative, or a weight is more than three
        times 1/m.

    Notes
    -----
    The vector of weights is proportional to sum_k lambda_k v_k. Here lambda_k and v_k
    are the eigenvalues and eigenvectors of the correlation matrix. The sum is over the
    components with an eigenvalue above 1, or the first one if there are none. The sign
    of each eigenvector is chosen so that its elements have a sum >= 0. For all rows of
    a panel together, the Chinese literature calls this method global PCA.

    Examples
    --------
    >>> import numpy as np
    >>> from digiprosper import pca_weights
    >>> pca_weights(np.array([[0, 0.1, 0.4], [0.5, 0.6, 0], [1, 1, 1]])).round(
    ...     4
    ... ).tolist()
    [0.3617, 0.3557, 0.2826]
    """
    return _weights(Z, "pca")


def equal_weights(m: int) -> Floats:
    """Return equal weights.

    Parameters
    ----------
    m : int
        Number of indicators.

    Returns
    -------
    ndarray, shape (m,)
        The weight 1 / m of each indicator.

    Raises
    ------
    InputTypeError
        If `m` is not an integer from 1 to a million.

    Examples
    --------
    >>> from digiprosper import equal_weights
    >>> equal_weights(4).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    number = plain(m)
    if not is_whole(number) or not 1 <= number <= _MOST:
        raise InputTypeError(
            f"equal_weights takes the number of indicators, not {cited(m)}."
        )
    return np.full(number, 1.0 / number)


def is_nonnegative(value: object) -> bool:
    """Check for a finite number of at least 0."""
    number = plain(value)
    return is_real(number) and 0 <= number <= sys.float_info.max


def check_shift(shift: object) -> float:
    """Refuse a shift that is not a finite number >= 0."""
    kind = "a number >= 0; use 0 unless you replicate a paper"
    return check_real("shift", shift, is_nonnegative, kind)


def _weights(Z: Any, weighting: Weighting) -> Floats:
    z, names = as_table(Z, f"{weighting}_weights")
    refuse_missing(z, names)
    refuse_extreme(z, names)
    if weighting == "cv":
        remedy = (
            "These weights need values of at least 0: normalise first, as "
            "CompositeIndex does."
        )
        refuse_cells(z < 0, names, ("negative", "is negative"), remedy)
    rule = flat_rule(weighting, len(names))
    weighing = weigh(z, rule, names)
    issue(weight_remarks(names, [weighing], rule))
    return weighing.weights
