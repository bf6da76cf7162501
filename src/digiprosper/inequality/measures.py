"""One number for how unequal values are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import IdentificationError, OptionError, cited, plain
from digiprosper.inequality import kernel
from digiprosper.inequality.observations import observe
from digiprosper.kernels import dispersion

if TYPE_CHECKING:
    from digiprosper.inequality.observations import Numbers

__all__ = ["atkinson", "coefficient_of_variation", "gini", "theil_l", "theil_t"]


def gini(y: Numbers, *, obs_weights: Numbers | None = None) -> float:
    """Gini coefficient of a population.

    ``G = sum_i sum_j w_i w_j |y_i - y_j| / (2 W^2 mean)``, W the sum of weights: half the mean difference of
    two rows drawn with replacement, over the mean.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values >= 0, such as incomes, in any unit.
    obs_weights : array or Series, shape (N,), optional
        Weights >= 0, such as populations; a weight of 2 is a row written twice. A Series is matched to `y` by
        its index.

    Returns
    -------
    float
        In [0, 1). The population's version; times N / (N - 1) it is the sample's, whose maximum is 1.

    Raises
    ------
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        For values that are no numbers, match no row, are missing or infinite, for negative weights, and for
        values that are negative or all zero; with the first rows.

    Notes
    -----
    Gini (1914); computed from one sort as ``sum_k (y_(k+1) - y_(k)) W_k (W - W_k) / (W^2 mean)``, W_k the sum
    of weights up to rank k: no term is negative, so equal values give exactly 0.

    Examples
    --------
    >>> from digiprosper import gini
    >>> round(gini([12, 18, 25, 31, 40, 22, 15, 9, 55, 28]), 10)
    0.2835294118
    """
    seen = observe("gini", y, obs_weights)
    return kernel.gini(seen.y, seen.weights)


def theil_t(y: Numbers, *, obs_weights: Numbers | None = None) -> float:
    """Theil's T: ``mean (y / mean) ln(y / mean)``.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values >= 0; a zero counts as a row, with 0 ln 0 = 0.
    obs_weights : array or Series, shape (N,), optional
        As in `gini`.

    Returns
    -------
    float
        In [0, ln N].

    Raises
    ------
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `gini`.

    Notes
    -----
    Theil (1967). The entropy weight of an indicator is its share in a sum of these: one kernel serves both.

    Examples
    --------
    >>> from digiprosper import theil_t
    >>> round(theil_t([0, 1, 2]), 10)  # (2/3) ln 2: the zero counts
    0.4620981204
    """
    seen = observe("theil_t", y, obs_weights)
    return float(dispersion.theil_t(seen.y[:, None], obs_weights=seen.weights)[0])


def theil_l(y: Numbers, *, obs_weights: Numbers | None = None) -> float:
    """Theil's L, the mean logarithmic deviation: ``mean ln(mean / y)``.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Positive values: L is infinite with a single zero.
    obs_weights : array or Series, shape (N,), optional
        As in `gini`.

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `gini`, and for a value of zero.

    Notes
    -----
    Theil (1967).

    Examples
    --------
    >>> from digiprosper import theil_l
    >>> round(theil_l([12, 18, 25, 31, 40, 22, 15, 9, 55, 28]), 10)
    0.1333908703
    """
    seen = observe("theil_l", y, obs_weights, least="positive")
    return kernel.theil_l(seen.y, seen.weights)


def atkinson(y: Numbers, epsilon: float, *, obs_weights: Numbers | None = None) -> float:
    """Atkinson's index: the share of income that could be given up if the rest were spread evenly.

    ``A = 1 - [mean (y / mean)^(1 - e)]^(1 / (1 - e))``; at e = 1 its limit, one minus the geometric over the
    arithmetic mean.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values >= 0; positive if `epsilon` is 1 or more.
    epsilon : float
        Aversion to inequality e >= 0; .5, 1 and 2 are usual. The larger, the more the poorest count.
    obs_weights : array or Series, shape (N,), optional
        As in `gini`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    OptionError
        If `epsilon` is not a finite number >= 0.
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `gini`, and for a value of zero if `epsilon` is 1 or more.

    Notes
    -----
    Atkinson (1970), Journal of Economic Theory 2:244-263. Continuous in e: near 1 the logarithm of a mean
    close to one is formed without losing digits.

    Examples
    --------
    >>> from digiprosper import atkinson
    >>> incomes = [12, 18, 25, 31, 40, 22, 15, 9, 55, 28]
    >>> [round(atkinson(incomes, e), 4) for e in (0.5, 1, 2)]
    [0.0634, 0.1249, 0.236]
    """
    given: object = epsilon
    number = isinstance(given, int | float | np.number) and not isinstance(given, bool)
    if not number or not math.isfinite(epsilon) or epsilon < 0:
        raise OptionError(f"epsilon={cited(epsilon)} must be a number of at least 0, such as .5, 1 or 2.")
    seen = observe("atkinson", y, obs_weights, least="positive" if epsilon >= 1 else "zero")
    return kernel.atkinson(seen.y, seen.weights, float(epsilon))


def coefficient_of_variation(y: Numbers, *, ddof: int = 0, obs_weights: Numbers | None = None) -> float:
    """Coefficient of variation: standard deviation over mean.

    Parameters
    ----------
    y : array or Series, shape (N,)
        Values of either sign with a positive mean.
    ddof : int
        0, the population's, by default; 1 divides the squares by N - 1. Under weights N is their sum, so that
        a weight of 2 is a row written twice.
    obs_weights : array or Series, shape (N,), optional
        As in `gini`. With populations this is the weighted coefficient of Williamson (1965).

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    OptionError
        If `ddof` is not a whole number >= 0 below the sum of weights.
    InputTypeError, AlignmentError, MissingDataError, OptionError, IdentificationError
        As in `gini`; negative values are allowed, a mean of zero or less is not.

    Notes
    -----
    Williamson (1965), Economic Development and Cultural Change 13(4), part 2.

    Examples
    --------
    >>> from digiprosper import coefficient_of_variation
    >>> incomes = [12, 18, 25, 31, 40, 22, 15, 9, 55, 28]
    >>> round(coefficient_of_variation(incomes), 4), round(coefficient_of_variation(incomes, ddof=1), 4)
    (0.5188, 0.5469)
    """
    ddof = plain(ddof)
    given: object = ddof
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise OptionError(f"ddof={cited(ddof)} must be 0 (population) or 1 (sample).")
    seen = observe("coefficient_of_variation", y, obs_weights, least="any")
    rows = float(seen.weights.sum())
    if ddof and rows <= ddof:
        raise OptionError(
            f"ddof={ddof} treats weights as numbers of rows, but they add up to {rows:g}; use ddof=0 "
            "with shares."
        )
    mean = float(np.average(seen.y, weights=seen.weights))
    if not mean > 0:
        raise IdentificationError(
            f"coefficient_of_variation: the mean is {mean:.6g}; the coefficient needs a positive mean."
        )
    return kernel.variation(seen.y, seen.weights, ddof)
