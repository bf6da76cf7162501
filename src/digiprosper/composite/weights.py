"""Weights from the data alone: one function of an array for every weighting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from digiprosper.composite.cells import as_table, refuse_cells, refuse_extreme, refuse_missing
from digiprosper.composite.kernels.structure import flat_rule, weigh
from digiprosper.composite.notices import weight_remarks
from digiprosper.errors import InputTypeError, OptionError, cited, issue, option_problem, plain
from digiprosper.kernels.dispersion import column_sums
from digiprosper.kernels.tolerances import LARGEST_PRODUCT

if TYPE_CHECKING:
    from digiprosper.kernels import Floats

__all__ = [
    "WEIGHTINGS",
    "Weighting",
    "check_shift",
    "critic_weights",
    "cv_weights",
    "entropy_weights",
    "equal_weights",
    "pca_weights",
    "std_weights",
]

Weighting = Literal["entropy", "critic", "cv", "std", "pca", "equal"]
WEIGHTINGS: Final[tuple[Weighting, ...]] = ("entropy", "critic", "cv", "std", "pca", "equal")

_MOST: Final = 1_000_000
_UNDEFINED: Final = "Entropy is undefined for these values: normalise first, as CompositeIndex does."


def entropy_weights(Z: Any, *, shift: float = 0.0) -> Floats:
    """Weigh columns by how unevenly they are spread: the entropy weight method.

    Parameters
    ----------
    Z : array or DataFrame, shape (n, m)
        Directed, non-negative values. Nothing is normalised here.
    shift : float, default 0.0
        Added before the logarithm. 0 because 0 ln 0 = 0 needs none; papers to replicate have 1e-4, .01, ...

    Returns
    -------
    ndarray, shape (m,)
        Weights in column order, adding up to one. A constant column has weight 0 and is named in a warning.

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

    Notes
    -----
    p_ij = z_ij / sum_i z_ij, e_j = -sum_i p_ij ln p_ij / ln n, w_j = (1 - e_j) / sum_k (1 - e_k)
    (Shannon 1948; as weights, Hwang and Yoon 1981). As 1 - e_j = T_j / ln n with Theil's T of column j, the
    weights are shares of Theil indices: the method rewards dispersion and skewness, not importance.

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
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
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
    """Weigh columns by contrast and conflict: CRITIC.

    Parameters
    ----------
    Z : array or DataFrame, shape (n, m)
        Directed values: turn columns where less is better round first, since the sign of every correlation
        counts. Negative values are fine. Nothing is normalised here.

    Returns
    -------
    ndarray, shape (m,)
        Weights in column order, adding up to one. A constant column has weight 0 and is named in a warning.

    Raises
    ------
    InputTypeError
        If `Z` is not a table of numbers with two axes.
    MissingDataError
        If a value is missing or infinite.
    IndicatorError
        If all columns are constant, or all are perfectly correlated.

    Notes
    -----
    w_j in proportion to sd_j sum_k (1 - r_jk) (Diakoulaki, Mavrotas and Papayannakis 1995, Computers &
    Operations Research 22). The divisor of the standard deviation cancels.

    Examples
    --------
    >>> import numpy as np
    >>> from digiprosper import critic_weights
    >>> critic_weights(np.array([[0, 0, 0.9], [0.5, 0.6, 0], [1, 1, 1]])).round(4).tolist()
    [0.2243, 0.2541, 0.5216]
    """
    return _weights(Z, "critic")


def cv_weights(Z: Any) -> Floats:
    """Weigh columns by their coefficient of variation.

    Parameters
    ----------
    Z : array or DataFrame, shape (n, m)
        Directed, non-negative values. Nothing is normalised here.

    Returns
    -------
    ndarray, shape (m,)
        Weights in column order, adding up to one. A constant column has weight 0 and is named in a warning.

    Raises
    ------
    InputTypeError, MissingDataError, IndicatorError
        As `entropy_weights`.

    Notes
    -----
    w_j in proportion to sd_j / mean_j. The divisor of the standard deviation cancels.

    Examples
    --------
    >>> import numpy as np
    >>> from digiprosper import cv_weights
    >>> cv_weights(np.array([[1.0, 10], [2, 10], [3, 40]])).round(4).tolist()
    [0.366, 0.634]
    """
    return _weights(Z, "cv", signed=False)


def std_weights(Z: Any) -> Floats:
    """Weigh columns by their standard deviation.

    Parameters
    ----------
    Z : array or DataFrame, shape (n, m)
        Directed values on comparable scales. Nothing is normalised here.

    Returns
    -------
    ndarray, shape (m,)
        Weights in column order, adding up to one. A constant column has weight 0 and is named in a warning.

    Raises
    ------
    InputTypeError, MissingDataError, IndicatorError
        As `critic_weights`, but for the correlations.

    Examples
    --------
    >>> import numpy as np
    >>> from digiprosper import std_weights
    >>> std_weights(np.array([[0.0, 0], [0.5, 0], [1, 1]])).round(4).tolist()
    [0.4641, 0.5359]
    """
    return _weights(Z, "std")


def pca_weights(Z: Any) -> Floats:
    """Weigh columns by their loadings on the principal components.

    Parameters
    ----------
    Z : array or DataFrame, shape (n, m)
        Directed values. Only their correlations count.

    Returns
    -------
    ndarray, shape (m,)
        Weights in column order, adding up to one. A constant column has weight 0 and is named in a warning; a
        negative weight, of a column that runs against the others, warns too.

    Raises
    ------
    InputTypeError, MissingDataError, IndicatorError
        As `critic_weights`, or if the loadings cancel.

    Notes
    -----
    w in proportion to sum_k lambda_k v_k over the components of the correlation matrix with eigenvalue
    lambda > 1, at least the first; each eigenvector v_k is signed so that its elements add up to >= 0. On the
    pooled rows of a panel this is what the Chinese literature calls global PCA.

    Examples
    --------
    >>> import numpy as np
    >>> from digiprosper import pca_weights
    >>> pca_weights(np.array([[0, 0.1, 0.4], [0.5, 0.6, 0], [1, 1, 1]])).round(4).tolist()
    [0.3617, 0.3557, 0.2826]
    """
    return _weights(Z, "pca")


def equal_weights(m: int) -> Floats:
    """Give every indicator the same weight.

    Parameters
    ----------
    m : int
        Number of indicators.

    Returns
    -------
    ndarray, shape (m,)
        1 / m.

    Raises
    ------
    InputTypeError
        If `m` is not a whole number from 1 to a million.

    Examples
    --------
    >>> from digiprosper import equal_weights
    >>> equal_weights(4).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    number = plain(m)
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= _MOST:
        raise InputTypeError(f"equal_weights takes the number of indicators, not {cited(m)}.")
    return np.full(number, 1.0 / number)


def check_shift(shift: object) -> None:
    """Refuse a shift that is not a finite number >= 0.

    Parameters
    ----------
    shift : object
        What was given.

    Raises
    ------
    OptionError
        If it is anything else.
    """
    number = isinstance(shift, int | float | np.number) and not isinstance(shift, bool)
    if not number or not math.isfinite(float(shift)) or float(shift) < 0:  # type: ignore[arg-type]
        message = f"shift={cited(shift)} must be a number >= 0; use 0 unless you replicate a paper."
        raise OptionError(message, [option_problem("shift", shift, what=message)])


def _weights(Z: Any, weighting: Weighting, *, signed: bool = True) -> Floats:
    z, names = as_table(Z, f"{weighting}_weights")
    refuse_missing(z, names)
    refuse_extreme(z, names)
    if not signed:
        cure = (
            "A coefficient of variation needs non-negative values: normalise first, as CompositeIndex does."
        )
        refuse_cells(z < 0, names, ("negative", "is negative"), cure)
    rule = flat_rule(weighting, len(names))
    weighing = weigh(z, rule, names)
    issue(weight_remarks(names, [weighing], rule))
    return weighing.weights
