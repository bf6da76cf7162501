"""A column in the rows of a fit, read from its panel, and counts of its values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import alignment_problem, option_problem
from digiprosper.errors import AlignmentError, InputTypeError, cited
from digiprosper.kernels.tolerances import SAME_MEAN
from digiprosper.linear.results import LinearResults
from digiprosper.panel import Panel

_BINS = 30


def sample_values(
    results: LinearResults, column: str, panel: object, purpose: str
) -> pd.Series[Any]:
    """Read a column or term in the rows of the estimation sample.

    Refuses another panel than that of the fit; errors name the `purpose`.
    """
    if not isinstance(panel, Panel):
        raise InputTypeError(
            f"{purpose}: panel must be the Panel of the fit, not "
            f"{type(panel).__name__}.",
            [option_problem("panel", type(panel).__name__)],
        )
    frame = (
        panel.frame.reset_index() if column in panel.frame.index.names else panel.frame
    )
    if column in frame:
        every = pd.Series(frame[column].to_numpy(), panel.frame.index)
    else:
        free = (f"values_{number}" for number in count())
        name = next(name for name in free if name not in frame)
        every = panel.assign(**{name: column}).frame[name]
    if not results.index.isin(every.index).all():
        raise _other_panel_error(purpose, "rows of the fit are missing")
    values = every.loc[results.index]
    _compare_mean(results, column, values, purpose)
    return values


def _compare_mean(
    results: LinearResults, column: str, values: pd.Series[Any], purpose: str
) -> None:
    """Refuse values that are not those of the fit."""
    stats = results.sample_stats
    if column not in stats.index:
        return
    row = stats.iloc[stats.index.get_loc(column)]
    numbers = values.to_numpy(dtype=np.float64)
    gap = abs(float(numbers.mean()) - row["mean"])
    if not gap <= SAME_MEAN * max(abs(row["min"]), abs(row["max"])):
        raise _other_panel_error(
            purpose, f"the mean of {cited(column)} in these rows differs", column
        )


def _other_panel_error(
    purpose: str, reason: str, column: str | None = None
) -> AlignmentError:
    return AlignmentError(
        f"{purpose}: panel is not the one that was fitted: {reason}. Pass the panel "
        "that `fit` took.",
        [alignment_problem(column, reason)],
    )


def row_counts(values: pd.Series[Any], levels: Sequence[Any] | None) -> pd.DataFrame:
    """Count rows by interval, or by level."""
    if levels is not None:
        counts = [int((values == level).sum()) for level in levels]
        return pd.DataFrame(
            {"at": [level_text(level) for level in levels], "rows": counts}
        )
    heights, edges = np.histogram(values.to_numpy(dtype=np.float64), bins=_BINS)
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "rows": heights})


def level_text(level: object) -> str:
    """Write a level of a category, or a value."""
    return f"{level:g}" if isinstance(level, float) else str(level)
