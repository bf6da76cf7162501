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
)
from digiprosper.panel.keys import where

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    import numpy.typing as npt
    import pandas as pd

    from digiprosper.kernels import Bools, Floats, Ints

Numbers: TypeAlias = "npt.ArrayLike | pd.Series[Any]"
"""One number a row."""

RowLabels: TypeAlias = "Iterable[Hashable] | pd.Series[Any] | pd.Index[Any]"
"""One label a row."""


Least = Literal["any", "zero", "positive"]
"""What values may be: any number, at least zero with a positive sum, or all
positive."""


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Rows with a positive weight.

    `codes` maps an argument to (N,) codes 0..K-1 of its labels, and `levels` to the
    label of each code. `rows` are labels of the rows, or positions if nothing has an
    index.
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
    """Align and check values, weights and labels of a measure.

    Weights are 1 by default. Rows of weight zero are dropped. `function` is the name in
    messages.
    """
    numeric = {"y": y} if obs_weights is None else {"y": y, "obs_weights": obs_weights}
    cells, rows = aligned(function, {**numeric, **(labels or {})})
    values: dict[str, Floats] = {
        name: numbers(function, name, cells[name]) for name in numeric
    }
    by_label = {name: coded(function, name, cells[name]) for name in labels or {}}
    codes = {name: code for name, (code, _) in by_label.items()}
    refuse_missing(function, {**values, **codes}, rows)

    weights = values.get("obs_weights", np.ones(len(rows)))
    _refuse_weights(function, weights, rows)
    refuse_extreme(function, values)
    positive = weights > 0
    _refuse_low(function, values["y"], positive, rows, least)

    levels = {}
    for name, (code, level) in by_label.items():
        used, codes[name] = np.unique(code[positive], return_inverse=True)
        levels[name] = level[used]
    return Observations(
        values["y"][positive], weights[positive], codes, levels, rows[positive]
    )


def _refuse_weights(function: str, weights: Floats, rows: pd.Index[Any]) -> None:
    if not weights.any():
        problem = "zero everywhere"
    elif (weights < 0).any():
        problem = f"negative in {where(weights < 0, rows)}"
    else:
        return
    raise OptionError(
        f"{function}: obs_weights is {problem}; weights must be at least 0, such as "
        "populations."
    )


def _refuse_low(
    function: str, y: Floats, counted: Bools, rows: pd.Index[Any], least: Least
) -> None:
    if least == "any":
        return
    why = "Shares of a total need values of at least 0"
    refuse(function, "y", counted & (y < 0), rows, "negative", why)
    if least == "positive":
        why = "This measure takes logarithms of y"
        refuse(function, "y", counted & (y == 0), rows, "zero", why)
    if not y[counted].any():
        raise IdentificationError(
            f"{function}: y is zero in every row, so inequality is not defined."
        )
