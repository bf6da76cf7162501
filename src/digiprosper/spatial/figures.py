"""What figures of spatial autocorrelation draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import OptionError, cited, issue, nearest, option_problem, quoted
from digiprosper.panel.access import table_of
from digiprosper.panel.factors import term_factors
from digiprosper.panel.terms import parse
from digiprosper.report.drawings import MoranScatter
from digiprosper.report.figure_words import FIGURE
from digiprosper.report.labels import name_label
from digiprosper.spatial.cells import Field, read_field
from digiprosper.spatial.kernels.matrices import lag_by_period
from digiprosper.spatial.moran import quadrants_of, standardised, statistics_by_period
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
    """Lay out the spatial lag against the value, in one period.

    Parameters
    ----------
    panel : Panel
        Balanced.
    column : str
        Column or term.
    spatial_weights : SpatialWeights
        Of the entities of the panel.
    time : period or None
        Which; the last one for None.
    labels : mapping
        Text by term or column; wins over the labels of the panel.
    language : {"english", "chinese"}
        Of the words.

    Returns
    -------
    MoranScatter
        Standardised within the period.

    Raises
    ------
    OptionError
        If `time` is no period of the panel.
    DigiprosperError
        As `moran` raises it.
    """
    purpose = "plots.moran_scatter"
    field = read_field(purpose, panel, column, spatial_weights)
    at = _place(field, time)
    one = Field(field.cells[[at]], field.times[[at]], field.entities, field.weights)
    z = standardised(purpose, one, column)
    issue(field.weights.diagnostics)

    lag = lag_by_period(field.weights.matrix, z)
    names = quadrants_of(z, lag, field.weights)[0]
    test = statistics_by_period(one, z, geary=False).iloc[0]
    return MoranScatter(
        variable=_label(panel, column, labels),
        period="" if panel.time_name is None else str(field.times[at]),
        weights=_weights_text(field.weights, language),
        points=pd.DataFrame({"value": z[0], "spatial_lag": lag[0]}, index=field.entities),
        quadrants=[
            (FIGURE.say(f"quadrant.{name}", language), int((names == name).sum())) for name in _CLOCKWISE
        ],
        slope=float((z * lag).sum() / (z**2).sum()),
        statistic=float(test["statistic"]),
        p_value=float(test["p_randomisation"]),
    )


def _place(field: Field, time: object) -> int:
    """Find a period."""
    if time is None:
        return len(field.times) - 1
    known = pd.api.types.is_hashable(time) and not isinstance(time, tuple)
    found = np.flatnonzero(field.times.isin([time])) if known else np.empty(0, dtype=np.intp)
    if not found.size:
        raise OptionError(
            f"time={cited(time)} is no period of the panel ({quoted(field.times)})"
            f"{nearest(time, field.times)}.",
            [option_problem("time", time)],
        )
    return int(found[0])


def _weights_text(weights: SpatialWeights, language: Language) -> str:
    """Name the weights; how they were made is written in English alone."""
    if language == "english":
        return weights.conventions
    how = WORDS.say(f"weights.{weights.standardise}", language)
    return FIGURE.say("brackets", language, text=weights.name, inside=how)


def _label(panel: Panel, column: str, labels: Mapping[str, str]) -> str:
    every: dict[str, Any] = {**panel.labels, **labels}
    term = parse(column, table_of(panel).known, "column")
    return name_label(column, every, {column: term_factors(term)})
