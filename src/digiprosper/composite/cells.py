"""Tables converted to arrays, with errors that name columns and rows of bad cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import refuse_unknown, several, text_problem
from digiprosper.errors import (
    DigiprosperError,
    IndicatorError,
    InputTypeError,
    MissingDataError,
    cited,
    subject,
)
from digiprosper.kernels import Bools, Floats
from digiprosper.panel.keys import extreme_problems, row_problem


def real_numbers(values: Any) -> Floats:
    """Convert to float64; refuse complex and other non-real values."""
    array = np.asarray(values)
    if np.iscomplexobj(array):
        raise TypeError("complex numbers")
    return array.astype(np.float64, copy=False)


def as_table(values: Any, function: str) -> tuple[Floats, list[str]]:
    """Convert a table to an array (N, m) and column names; errors name `function`."""
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
    remedy: str,
    *,
    index: pd.Index[Any] | None = None,
    error: type[DigiprosperError] = IndicatorError,
) -> None:
    """Raise an error with column, count and first rows of cells True in `bad` (N, m).

    `problem` is a code and words, such as ("negative", "is negative"); `remedy` says
    what to do.
    """
    code, words = problem
    labels = pd.RangeIndex(len(bad)) if index is None else index
    problems = [
        problem
        for name, rows in zip(names, bad.T, strict=True)
        for problem in row_problem(code, f"{cited(name)} {words}", name, rows, labels)
    ]
    if problems:
        raise error(f"{several(problems)}. {remedy}", problems)


def refuse_columns(
    names: Sequence[str],
    columns: Iterable[str],
    is_numeric: Callable[[str], bool],
    remedy: str,
) -> None:
    """Refuse indicators that are absent from a table or not numeric."""
    refuse_unknown(names, [*columns], "the indicator system")
    text = [name for name in names if not is_numeric(name)]
    if text:
        raise IndicatorError(
            f"{subject(text, 'is')} not numeric; {remedy}",
            list(map(text_problem, text)),
        )


def refuse_missing(z: Floats, names: Sequence[str]) -> None:
    """Refuse missing and infinite cells."""
    refuse_cells(
        ~np.isfinite(z),
        names,
        ("missing", "is missing or infinite"),
        "Fill or remove these rows first.",
        error=MissingDataError,
    )


def refuse_extreme(x: Floats, names: Sequence[str]) -> None:
    """Refuse columns whose squares and products overflow or underflow."""
    problems = [
        problem
        for name, column in zip(names, x.T, strict=True)
        for problem in extreme_problems(name, cited(name), column)
    ]
    if problems:
        remedy = "its squares cannot be computed. Use another unit."
        raise IndicatorError(f"{several(problems)}: {remedy}", problems)
