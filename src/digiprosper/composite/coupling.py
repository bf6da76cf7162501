"""Coupling coordination of systems: the standard formula, and Wang et al. (2021)."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from digiprosper.checks import check_option, option_error
from digiprosper.composite.cells import (
    as_table,
    real_numbers,
    refuse_cells,
    refuse_missing,
)
from digiprosper.composite.notices import coupling_notices
from digiprosper.errors import InputTypeError, OptionError, cited, issue
from digiprosper.kernels import Floats
from digiprosper.kernels.tolerances import GRADE, SUM_TO_ONE

CouplingMethod = Literal["standard", "wang2021"]


def coupling_coordination(
    U: Any, *, coefficients: Any = None, method: CouplingMethod = "standard"
) -> pd.DataFrame:
    """Compute the coupling coordination degree of two or more systems.

    Parameters
    ----------
    U : array or DataFrame, shape (N, n)
        Scores of composite indices, one column per system, n >= 2, with values in
        [0, 1].
    coefficients : sequence or mapping of float, optional
        The coefficients a_i of the systems in T, with sum one. The default is 1/n for
        each.
    method : {"standard", "wang2021"}, default "standard"
        Formula of C; see Notes.

    Returns
    -------
    DataFrame
        One row per row of `U` with columns ``C`` (coupling degree), ``T``
        (development), ``D`` (coupling coordination degree) and ``grade`` (1 to 10;
        grade 1 is D below .1, grade 10 is D of at least .9). Where all systems are 0, C
        is missing and D is 0.

    Raises
    ------
    InputTypeError
        If `U` is not a table of numbers with at least two columns.
    MissingDataError
        If a value is missing or infinite.
    IndicatorError
        If a value lies outside [0, 1].
    OptionError
        If the method is unknown, or `coefficients` does not have one number >= 0 per
        system with sum one.

    Warns
    -----
    IndicatorWarning
        If in more than 5% of rows C is above .9 and T below .2. C measures only how
        similar the scores are, so systems with equally low scores have a high C. Also
        if one system is 0 where others are not, which makes D 0, and if the median of
        one is more than four times that of another, so that C is low because scales
        differ.

    Notes
    -----
    T = sum_i a_i U_i and D = sqrt(C T). With ``standard``, C = n (prod_i U_i)^(1/n) /
    sum_i U_i. With ``wang2021``::

        C = sqrt{[1 - sum_{i>j} |U_i - U_j| / (n (n - 1) / 2)]
                 [prod_i (U_i / max U)]^(1/(n - 1))}

    (Wang, Kong, Ren and others 2021, Journal of Natural Resources 36(3)). Both are in
    [0, 1]. The standard C is often close to 1; that of Wang and others varies more.

    The names of grades 1 to 10 in the literature are extreme, severe, moderate and mild
    imbalance, near imbalance, barely coordinated, primary, intermediate, good and
    high-quality coordination.

    Examples
    --------
    >>> import pandas as pd
    >>> from digiprosper import coupling_coordination
    >>> U = pd.DataFrame(
    ...     {"digital": [0.6, 0.9], "prosperity": [0.4, 0.1]}, index=["east", "west"]
    ... )
    >>> coupling_coordination(U).round(4)
               C    T       D  grade
    east  0.9798  0.5  0.6999      7
    west  0.6000  0.5  0.5477      6
    """
    check_option("method", method, get_args(CouplingMethod))
    u, names = as_table(U, "coupling_coordination")
    if u.shape[1] < 2:
        raise InputTypeError(
            "coupling_coordination needs two or more systems, one per column; "
            "there is one."
        )
    refuse_missing(u, names)
    index = U.index if isinstance(U, pd.DataFrame) else pd.RangeIndex(len(u))
    remedy = (
        "Coupling is defined for scores in [0, 1]: use an index with end points that "
        "cover every row."
    )
    refuse_cells(
        (u < 0) | (u > 1),
        names,
        ("outside", "lies outside [0, 1]"),
        remedy,
        index=index,
    )
    weights = _read_coefficients(coefficients, names)

    with np.errstate(invalid="ignore"):
        coupling = _standard_coupling(u) if method == "standard" else _wang_coupling(u)
    development = u @ weights
    coordination = np.sqrt(np.where(development > 0, coupling, 0.0) * development)
    grade = np.minimum(np.floor(coordination * 10 + GRADE), 9).astype(np.intp) + 1

    issue(coupling_notices(u, names, coupling, development))
    degrees = pd.DataFrame(
        {"C": coupling, "T": development, "D": coordination, "grade": grade},
        index=index,
    )
    if isinstance(U, pd.DataFrame):
        degrees.attrs["indicators"] = dict.fromkeys(degrees.columns, tuple(names))
    return degrees


def _standard_coupling(u: Floats) -> Floats:
    n = u.shape[1]
    # The root of each factor first: a product of many small scores would underflow.
    coupling: Floats = n * (u ** (1.0 / n)).prod(axis=1) / u.sum(axis=1)
    return np.minimum(coupling, 1.0)


def _wang_coupling(u: Floats) -> Floats:
    n = u.shape[1]
    # Sum of all |U_i - U_j|: the k-th of n in order is larger than k - 1 and smaller
    # than n - k.
    gaps = np.sort(u, axis=1) @ (2.0 * np.arange(n) - (n - 1))
    level = ((u / u.max(axis=1, keepdims=True)) ** (1.0 / (n - 1))).prod(axis=1)
    return np.asarray(np.sqrt(np.maximum(1.0 - gaps / (n * (n - 1) / 2), 0.0) * level))


def _read_coefficients(coefficients: Any, names: list[str]) -> Floats:
    """Read the coefficients in the order of the systems; by default they are equal."""
    count = len(names)
    if coefficients is None:
        return np.full(count, 1.0 / count)
    try:
        values = list(coefficients)
        if hasattr(coefficients, "keys"):
            complete = len(values) == count and all(n in coefficients for n in names)
            values = [coefficients[name] for name in names] if complete else []
        weights = real_numbers(values)
    except (TypeError, ValueError, OverflowError) as error:
        raise OptionError(
            "coefficients must be real numbers, one for each system, such "
            "as [0.5, 0.5]."
        ) from error
    if (
        weights.shape != (count,)
        or (weights < 0).any()
        or not abs(weights.sum() - 1.0) <= SUM_TO_ONE
    ):
        raise option_error(
            "coefficients",
            coefficients,
            f"coefficients={cited(coefficients)} must have one number >= 0 for each of "
            f"{', '.join(map(repr, names))}, with sum one; omit them for equal "
            "coefficients.",
        )
    return weights
