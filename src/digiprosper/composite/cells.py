"""Tables of numbers: taken as arrays, and refused cell by cell with column, count and first rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    IndicatorError,
    InputTypeError,
    MissingDataError,
    Notice,
    cited,
    counted,
    several,
)
from digiprosper.kernels.tolerances import LARGEST_PRODUCT
from digiprosper.panel.keys import rows_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Bools, Floats


def real_numbers(values: Any) -> Floats:
    """Take an array as float64.

    Parameters
    ----------
    values : array_like
        Numbers.

    Returns
    -------
    ndarray
        The same.

    Raises
    ------
    TypeError, ValueError, OverflowError
        If they are text, complex, or whole numbers beyond the range of floating-point numbers.
    """
    given = np.asarray(values)
    if np.iscomplexobj(given):
        raise TypeError("complex numbers")
    return given.astype(np.float64, copy=False)


def as_table(values: Any, function: str) -> tuple[Floats, list[str]]:
    """Take a table of numbers and the names of its columns.

    Parameters
    ----------
    values : array or DataFrame, shape (N, m)
        One column per indicator.
    function : str
        Who asks, for messages.

    Returns
    -------
    z : ndarray, shape (N, m)
        Numbers.
    names : list of str
        Names; positions where there are none.

    Raises
    ------
    InputTypeError
        If it is not a table of numbers.
    """
    try:
        z = real_numbers(values)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputTypeError(f"{function} takes a table of numbers, one column per indicator.") from error
    if z.ndim != 2 or 0 in z.shape:
        raise InputTypeError(
            f"{function} takes rows x indicators with at least one of each; the shape is {z.shape}."
        )
    if isinstance(values, pd.DataFrame):
        return z, [str(c) for c in values.columns]
    return z, [f"column {j}" for j in range(z.shape[1])]


def refuse_cells(
    bad: Bools,
    names: Sequence[str],
    what: tuple[str, str],
    cure: str,
    *,
    index: pd.Index[Any] | None = None,
) -> None:
    """Refuse cells, naming column, count and first rows; silent when there are none.

    Parameters
    ----------
    bad : ndarray of bool, shape (N, m)
        Cells to refuse.
    names : sequence of str
        Names of the columns.
    what : pair of str
        Code and words of what is wrong, such as ``("negative", "is negative")``.
    cure : str
        Sentence that says what to do.
    index : Index, optional
        Labels of the rows; positions without it.

    Raises
    ------
    IndicatorError
        If there is such a cell.
    """
    problems = _by_column(bad, names, what, index)
    if problems:
        raise IndicatorError(f"{several(problems)}. {cure}", problems)


def refuse_missing(z: Floats, names: Sequence[str]) -> None:
    """Refuse missing and infinite cells.

    Parameters
    ----------
    z : ndarray, shape (N, m)
        Values.
    names : sequence of str, length m
        Columns, for the message.

    Raises
    ------
    MissingDataError
        If there is such a cell.
    """
    problems = _by_column(~np.isfinite(z), names, ("missing", "is missing or infinite"), None)
    if problems:
        text = several(problems)
        raise MissingDataError(f"{text}. Fill or remove these rows first.", problems)


def refuse_extreme(x: Floats, names: Sequence[str]) -> None:
    """Refuse columns whose squares and products are beyond the range of floating-point numbers.

    Parameters
    ----------
    x : ndarray, shape (N, m)
        Finite values.
    names : sequence of str, length m
        Columns, for the message.

    Raises
    ------
    IndicatorError
        If the largest absolute value of a column is above 1e120, or above 0 and below 1e-120.
    """
    largest = np.abs(x).max(axis=0, initial=0.0)
    bad = np.flatnonzero((largest > LARGEST_PRODUCT) | ((largest > 0.0) & (largest < 1.0 / LARGEST_PRODUCT)))
    if bad.size:
        problems = [
            Notice(
                "extreme",
                f"{cited(names[j])} has a largest value of {largest[j]:.2g}",
                {"column": names[j], "largest": float(largest[j])},
            )
            for j in bad.tolist()
        ]
        text = several(problems)
        raise IndicatorError(f"{text}: its squares cannot be computed. Use another unit.", problems)


def _by_column(
    bad: Bools, names: Sequence[str], what: tuple[str, str], index: pd.Index[Any] | None
) -> list[Notice]:
    problems = []
    for j in np.flatnonzero(bad.any(axis=0)):
        rows = np.flatnonzero(bad[:, j])
        first = tuple(rows[:5].tolist()) if index is None else tuple(index[rows[:5]])
        text = f"{cited(names[int(j)])} {what[1]} in {counted(rows.size, 'row')} (first: {rows_text(first)})"
        data = {"column": names[int(j)], "count": int(rows.size), "rows": first}
        problems.append(Notice(what[0], text, data))
    return problems
