"""Values, weights and labels of rows, brought into one order and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from digiprosper.errors import IdentificationError, OptionError
from digiprosper.panel.arguments import (
    aligned,
    coded,
    numbers,
    refuse,
    refuse_extreme,
    refuse_missing,
    where,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    import numpy.typing as npt
    import pandas as pd

    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel.keys import Mask

Numbers: TypeAlias = "npt.ArrayLike | pd.Series[Any]"
"""One number a row."""

RowLabels: TypeAlias = "Iterable[Hashable] | pd.Series[Any] | pd.Index[Any]"
"""One label a row."""


Least = Literal["any", "zero", "positive"]
"""What values may be: any number, at least zero with a positive sum, or all positive."""


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Rows that count, those of weight zero left out.

    Parameters
    ----------
    y, weights : ndarray, shape (N,)
        Values and positive weights.
    codes : mapping
        Argument to (N,) codes 0..K-1 of its labels.
    levels : mapping
        Argument to the label behind each code, in order where labels have one.
    rows : Index, length N
        Labels of the rows; positions where nothing has an index.
    """

    y: Floats
    weights: Floats
    codes: Mapping[str, Ints]
    levels: Mapping[str, pd.Index[Any]]
    rows: pd.Index[Any]


def observe(
    function: str,
    y: Numbers,
    obs_weights: Numbers | None = None,
    labels: Mapping[str, RowLabels] | None = None,
    *,
    least: Least = "zero",
) -> Observations:
    """Align and check what a measure is computed from.

    Parameters
    ----------
    function : str
        Who asks, for messages.
    y : array or Series
        Values.
    obs_weights : array or Series, optional
        Weights, 1 each by default.
    labels : mapping, optional
        Argument to one label a row.
    least : {"any", "zero", "positive"}
        What the values may be.

    Returns
    -------
    Observations
        Rows with a positive weight.

    Raises
    ------
    InputTypeError
        If values or weights are not numbers, or labels not one hashable thing a row.
    AlignmentError
        If lengths differ, or two Series have other rows.
    MissingDataError
        If anything is missing or infinite, or there is no row.
    OptionError
        If a weight is negative, or all are zero.
    IdentificationError
        If a value is lower than the measure can take, if all are zero, or squares would not fit into numbers.
    """
    given = {"y": y} if obs_weights is None else {"y": y, "obs_weights": obs_weights}
    cells, rows = aligned(function, {**given, **(labels or {})})
    values: dict[str, Floats] = {name: numbers(function, name, cells[name]) for name in given}
    by_label = {name: coded(function, name, cells[name]) for name in labels or {}}
    codes = {name: code for name, (code, _) in by_label.items()}
    refuse_missing(function, {**values, **codes}, rows)

    weights = values.get("obs_weights", np.ones(len(rows)))
    _refuse_weights(function, weights, rows)
    refuse_extreme(function, values)
    kept = weights > 0
    _refuse_low(function, values["y"], kept, rows, least)

    levels = {}
    for name, (code, level) in by_label.items():
        here, codes[name] = np.unique(code[kept], return_inverse=True)
        levels[name] = level[here]
    return Observations(values["y"][kept], weights[kept], codes, levels, rows[kept])


def _refuse_weights(function: str, weights: Floats, rows: pd.Index[Any]) -> None:
    if not weights.any():
        what = "zero everywhere"
    elif (weights < 0).any():
        what = f"negative in {where(weights < 0, rows)}"
    else:
        return
    raise OptionError(f"{function}: obs_weights is {what}; weights must be at least 0, such as populations.")


def _refuse_low(function: str, y: Floats, kept: Mask, rows: pd.Index[Any], least: Least) -> None:
    if least == "any":
        return
    refuse(function, "y", kept & (y < 0), rows, "negative", "Shares of a total need values of at least 0")
    if least == "positive":
        refuse(function, "y", kept & (y == 0), rows, "zero", "This measure takes logarithms of y")
    if not y[kept].any():
        raise IdentificationError(f"{function}: y is zero in every row, so inequality is not defined.")
