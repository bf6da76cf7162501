"""What figures of spatial autocorrelation draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digiprosper.errors import (
    OptionError,
    cited,
    issue,
    nearest,
    option_problem,
    quoted,
)
from digiprosper.panel.access import table_of
from digiprosper.panel.factors import term_factors
from digiprosper.panel.terms import parse
from digiprosper.report.drawings import MoranScatter
from digiprosper.report.figure_words import FIGURE
from digiprosper.report.labels import name_label
from digiprosper.spatial.kernels.matrices import lag_by_period
from digiprosper.spatial.moran import (
    Field,
    quadrants_of,
    read_field,
    standardised,
    statistics_by_period,
)
from digiprosper.spatial.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.panel import Panel
    from digiprosper.report.words import Language
    from digiprosper.spatial.weights import SpatialWeights

_CLOCKWISE = ("high-high", "high-low", "low-low", "low-high")


def moran_scatter(
    panel: Panel,
    column: str,
    spatial_weights: SpatialWeights,
    time: object,
    labels: Mapping[str, str],
    language: Language = "english",
) -> MoranScatter:
    """Lay out the spatial lag against the standardised value in one period.

    Without `time` it is the last period. `labels` come before those of the panel.
    """
    purpose = "plots.moran_scatter"
    field = read_field(purpose, panel, column, spatial_weights)
    period = _place(field, time)
    cross_section = Field(
        field.cells[[period]], field.times[[period]], field.entities, field.weights
    )
    z = standardised(purpose, cross_section, column)
    issue(field.weights.diagnostics)

    lag = lag_by_period(field.weights.matrix, z)
    names = quadrants_of(z, lag, field.weights)[0]
    factors = term_factors(parse(column, table_of(panel).known, "column"))
    test = statistics_by_period(cross_section, z, geary=False).iloc[0]
    return MoranScatter(
        variable=name_label(
            column, {**panel.labels, **labels}, {column: factors}, language
        ),
        period="" if panel.time_name is None else str(field.times[period]),
        weights=_weights_text(field.weights, language),
        points=pd.DataFrame(
            {"value": z[0], "spatial_lag": lag[0]}, index=field.entities
        ),
        quadrants=[
            (FIGURE.say(f"quadrant.{name}", language), int((names == name).sum()))
            for name in _CLOCKWISE
        ],
        slope=float((z * lag).sum() / (z**2).sum()),
        statistic=float(test["statistic"]),
        p_value=float(test["p_randomisation"]),
    )


def _place(field: Field, time: object) -> int:
    """Return the position of a period."""
    if time is None:
        return len(field.times) - 1
    is_label = pd.api.types.is_hashable(time) and not isinstance(time, tuple)
    positions = (
        np.flatnonzero(field.times.isin([time]))
        if is_label
        else np.empty(0, dtype=np.intp)
    )
    if not positions.size:
        raise OptionError(
            f"time={cited(time)} is no period of the panel ({quoted(field.times)})"
            f"{nearest(time, field.times)}.",
            [option_problem("time", time)],
        )
    return int(positions[0])


def _weights_text(weights: SpatialWeights, language: Language) -> str:
    """Name the weights; their construction is described in English only."""
    if language == "english":
        return weights.conventions
    scale = WORDS.say(f"weights.{weights.standardise}", language)
    return FIGURE.say("brackets", language, text=weights.name, inside=scale)
