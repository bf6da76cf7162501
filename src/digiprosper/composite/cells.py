"""Tables of numbers: taken as arrays, refused cell by cell.

A refusal names column, count and first rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    DigiprosperError,
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

    Raises TypeError for complex numbers, and what numpy raises for text and integers
    that are too large.
    """
    array = np.asarray(values)
    if np.iscomplexobj(array):
        raise TypeError("complex numbers")
    return array.astype(np.float64, copy=False)


def as_table(values: Any, function: str) -> tuple[Floats, list[str]]:
    """Take rows x indicators, (N, m), and names; messages name `function`."""
    try:
        z = real_numbers(values)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputTypeError(
            f"{function} takes a table of numbers, one column per indicator."
        ) from error
    if z.ndim != 2 or 0 in z.shape:
        raise InputTypeError(
            f"{function} takes rows x indicators with at least one of each; the shape "
            f"is {z.shape}."
        )
    if isinstance(values, pd.DataFrame):
        return z, [str(c) for c in values.columns]
    return z, [f"column {j}" for j in range(z.shape[1])]


def names_where(names: Sequence[str], mask: Bools) -> list[str]:
    """List the names of the columns for which the mask, (m,), is true."""
    return [name for name, marked in zip(names, mask, strict=True) if marked]


def refuse_cells(
    bad: Bools,
    names: Sequence[str],
    problem: tuple[str, str],
    cure: str,
    *,
    index: pd.Index[Any] | None = None,
    error: type[DigiprosperError] = IndicatorError,
) -> None:
    """Refuse cells that are True in `bad`, (N, m), naming column, count, first rows.

    `problem` is a code and words, such as ("negative", "is negative"); `cure` says what
    to do.
    """
    code, words = problem
    problems = []
    for j in np.flatnonzero(bad.any(axis=0)).tolist():
        rows = np.flatnonzero(bad[:, j])
        first = tuple(rows[:5].tolist()) if index is None else tuple(index[rows[:5]])
        text = (
            f"{cited(names[j])} {words} in {counted(rows.size, 'row')} (first: "
            f"{rows_text(first)})"
        )
        problems.append(
            Notice(code, text, {"column": names[j], "count": rows.size, "rows": first})
        )
    if problems:
        raise error(f"{several(problems)}. {cure}", problems)


def refuse_missing(z: Floats, names: Sequence[str]) -> None:
    """Refuse missing and infinite cells."""
    problem = "missing", "is missing or infinite"
    refuse_cells(
        ~np.isfinite(z),
        names,
        problem,
        "Fill or remove these rows first.",
        error=MissingDataError,
    )


def refuse_extreme(x: Floats, names: Sequence[str]) -> None:
    """Refuse columns whose squares and products overflow or underflow."""
    problems = [
        Notice(
            "extreme",
            f"{cited(name)} has a largest value of {largest:.2g}",
            {"column": name, "largest": largest},
        )
        for name, largest in zip(
            names, np.abs(x).max(axis=0, initial=0.0).tolist(), strict=True
        )
        if largest > LARGEST_PRODUCT or 0.0 < largest < 1.0 / LARGEST_PRODUCT
    ]
    if problems:
        text = several(problems)
        raise IndicatorError(
            f"{text}: its squares cannot be computed. Use another unit.", problems
        )
