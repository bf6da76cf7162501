"""The rows an index reads: one sample of complete rows, its matrix the indicators in their order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digiprosper.composite.cells import refuse_extreme
from digiprosper.errors import IndicatorError, Notice, quoted, text_problem, unknown_columns
from digiprosper.panel.access import check_panel
from digiprosper.report.notices import missing_rows

if TYPE_CHECKING:
    from digiprosper.composite.recipe import Recipe
    from digiprosper.kernels import Floats
    from digiprosper.panel import Panel, Sample

_ROLE = "indicators"


def cut_rows(recipe: Recipe, panel: Panel, caller: str = "CompositeIndex") -> Sample:
    """Cut the complete rows an index reads from a panel; the matrix is the raw indicators in their order."""
    check_panel(panel, caller)
    names = recipe.names
    frame = panel.frame
    absent = [n for n in names if n not in frame.columns]
    if absent:
        raise unknown_columns(absent, frame.columns, "the indicator system")
    text = [n for n in names if not pd.api.types.is_numeric_dtype(frame[n].dtype)]
    if text:
        raise IndicatorError(
            f"indicator {quoted(text)} is not numeric; convert it with pandas.to_numeric first. "
            "A file with numbers such as '1,234' or with '-' for no value: "
            "pandas.read_csv(path, thousands=',', na_values='-').",
            list(map(text_problem, text)),
        )

    cut = panel.sample({_ROLE: names}, missing=recipe.missing)
    sample = _of_columns(cut, cut.columns(_ROLE), names)
    refuse_extreme(sample.matrix, names)
    return sample


def dropped_rows(sample: Sample) -> list[Notice]:
    """Make the notices of rows that were left out."""
    return [missing_rows(d.count, d.message, d.by_term, d.rows) for d in sample.dropped]


def without_indicator(sample: Sample, name: str) -> Sample:
    """Leave a column out; the rows stay."""
    keep = np.array([n != name for n in sample.names])
    return _of_columns(sample, sample.matrix[:, keep], tuple(n for n in sample.names if n != name))


def _of_columns(sample: Sample, x: Floats, names: tuple[str, ...]) -> Sample:
    return replace(sample, matrix=x, names=names, roles={_ROLE: tuple(range(len(names)))})
