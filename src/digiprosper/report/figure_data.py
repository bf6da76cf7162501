"""The numbers of a figure as a table, to draw it again with another tool."""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.report.drawings import (
    Balance,
    Bars,
    ConditionalCurve,
    Decay,
    DrawnDensity,
    DrawnEstimates,
    Effects,
    EventPaths,
    MoranScatter,
    PathDiagram,
    Pathways,
    Profile,
    RankSpans,
    RegimeMap,
    Ribbons,
    Ridges,
    SensitivityCurve,
    SlopeCurve,
    SpecificationCurve,
    TurningCurve,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from digiprosper.report.columns import Estimate
    from digiprosper.report.drawings import Slopes

_CURVE = ("at", "estimate", "conf_low", "conf_high")
_NUMBERS = ("estimate", "std_error", "p_value", "conf_low", "conf_high")


@singledispatch
def figure_data(drawn: object) -> pd.DataFrame:
    """Return the numbers of a figure, as a new frame at each call."""
    raise TypeError(f"no data of {type(drawn).__name__}")


def _numbers(estimate: Estimate) -> list[float]:
    return [getattr(estimate, name) for name in _NUMBERS]


@figure_data.register
def _(drawn: DrawnEstimates) -> pd.DataFrame:
    """Return one row per estimate."""
    rows = [(model, label, e.term.name, *_numbers(e)) for model, label, e in drawn.estimates]
    return pd.DataFrame(rows, columns=["model", "label", "term", *_NUMBERS])


@figure_data.register
def _(drawn: Effects) -> pd.DataFrame:
    """Return one row per effect."""
    estimates = drawn.column.estimates
    rows = [(" ".join(words), term, *_numbers(estimates[term])) for term, words in drawn.names.items()]
    return pd.DataFrame(rows, columns=["label", "term", *_NUMBERS])


@figure_data.register
def _(drawn: Profile) -> pd.DataFrame:
    """Return one row per candidate."""
    return drawn.points.reset_index(drop=True)


@figure_data.register
def _(drawn: DrawnDensity) -> pd.DataFrame:
    """Return one row per point of the density, per draw, and for the data."""
    density = drawn.points[["value", "density"]].assign(series="density")
    draws = pd.DataFrame({"value": drawn.draws, "density": np.nan, "series": "draw"})
    data = pd.DataFrame({"value": [drawn.found], "density": [np.nan], "series": ["data"]})
    return pd.concat([density, draws, data], ignore_index=True)[["series", "value", "density"]]


@figure_data.register
def _(drawn: RegimeMap) -> pd.DataFrame:
    """Return one row per entity and period of the sample."""
    entity, time = np.nonzero(~np.isnan(drawn.cells))
    cells = drawn.cells[entity, time].astype(int)
    return pd.DataFrame({"entity": drawn.entities[entity], "time": drawn.times[time], "regime": cells})


@figure_data.register
def _(drawn: ConditionalCurve) -> pd.DataFrame:
    """Return one row per value of the moderator."""
    return pd.DataFrame(np.asarray(drawn.points), columns=list(_CURVE))


@figure_data.register
def _(drawn: SlopeCurve) -> pd.DataFrame:
    """Return one row per value of the moderator, then one per bar of rows."""
    slopes = drawn.points[list(_CURVE)].assign(series="slope")
    if drawn.rows is None:
        return slopes[["series", *_CURVE]].reset_index(drop=True)
    bars = drawn.rows.assign(series="rows")
    both = pd.concat([slopes, bars], ignore_index=True)
    ends = [name for name in ("low", "high") if name in both]
    return both[["series", *_CURVE, *ends, "rows"]]


@figure_data.register
def _(drawn: SensitivityCurve) -> pd.DataFrame:
    """Return one row per correlation."""
    return pd.DataFrame(np.asarray(drawn.points), columns=["rho", *_CURVE[1:]])


@figure_data.register
def _(drawn: TurningCurve) -> pd.DataFrame:
    """Return one row per value of the variable."""
    return pd.DataFrame(np.asarray(drawn.points), columns=list(_CURVE))


@figure_data.register
def _(drawn: EventPaths) -> pd.DataFrame:
    """Return one row per model and event time."""
    parts = [
        path.points.assign(model=path.head, reference=path.points["time"] == path.reference)
        for path in drawn.paths
    ]
    columns = ["model", "time", "estimate", "conf_low", "conf_high", "n_treated", "reference"]
    return pd.concat(parts, ignore_index=True)[columns]


@figure_data.register
def _(drawn: MoranScatter) -> pd.DataFrame:
    """Return one row per entity."""
    return drawn.points.rename_axis("entity").reset_index()


@figure_data.register
def _(drawn: Decay) -> pd.DataFrame:
    """Return one row per kind of effect and cut-off."""
    return drawn.points.reset_index(drop=True)


@figure_data.register
def _(drawn: SpecificationCurve) -> pd.DataFrame:
    """Return one row per model, the smallest estimate first; a column of True and False per choice."""
    choices: dict[str, Any] = {}
    for choice in drawn.choices:
        name = choice.name if choice.name not in choices else f"{choice.name} ({choice.group})"
        choices[name] = choice.made
    return pd.concat([drawn.points.reset_index(drop=True), pd.DataFrame(choices)], axis=1)


@figure_data.register
def _(drawn: Balance) -> pd.DataFrame:
    """Return one row per term."""
    return drawn.points.reset_index(drop=True)


@figure_data.register
def _(drawn: PathDiagram) -> pd.DataFrame:
    """Return one row per coefficient on an arrow, then one per effect of the list."""
    ways = [
        *((drawn.treatment, m, slopes) for m, slopes in zip(drawn.mediators, drawn.first, strict=True)),
        *((m, drawn.outcome, slopes) for m, slopes in zip(drawn.mediators, drawn.second, strict=True)),
        *((drawn.mediators[j], drawn.mediators[k], slopes) for (j, k), slopes in drawn.between.items()),
        *((drawn.treatment, drawn.outcome, slopes) for slopes in (drawn.direct, drawn.total)),
    ]
    arrows = [row for start, end, slopes in ways for row in _arrow(start, end, slopes)]
    effects = [("", "", effect.words, *_numbers(effect.estimate)) for effect in drawn.effects]
    return pd.DataFrame([*arrows, *effects], columns=["from", "to", "label", *_NUMBERS])


def _arrow(start: str, end: str, slopes: Slopes) -> Iterable[tuple[Any, ...]]:
    return ((start, end, name.rstrip(" =:"), *_numbers(estimate)) for name, estimate in slopes)


@figure_data.register
def _(drawn: Pathways) -> pd.DataFrame:
    """Return one row per proposition that was tested."""
    rows = [(s.name, row.id, row.path, row.numbers, row.verdict) for s in drawn.stages for row in s.rows]
    return pd.DataFrame(rows, columns=["stage", "id", "path", "numbers", "verdict"])


@figure_data.register
def _(drawn: Ribbons) -> pd.DataFrame:
    """Return one row per entity and period."""
    parts = [
        entity_ranks.rename_axis("time").reset_index().assign(entity=name)
        for name, entity_ranks in drawn.entities
    ]
    return pd.concat(parts, ignore_index=True)[["entity", "time", "rank", "rank_low", "rank_high"]]


@figure_data.register
def _(drawn: RankSpans) -> pd.DataFrame:
    """Return one row per entity and span."""
    parts = [
        pd.DataFrame(
            {
                "entity": drawn.ranks.index,
                "rank": drawn.ranks.to_numpy(),
                "span": span.words,
                "rank_low": span.low.to_numpy(),
                "rank_high": span.high.to_numpy(),
            }
        )
        for span in drawn.spans
    ]
    return pd.concat(parts, ignore_index=True)


@figure_data.register
def _(drawn: Bars) -> pd.DataFrame:
    """Return one row per source."""
    return pd.DataFrame({"label": list(drawn.names), "first": drawn.first, "total": drawn.total})


@figure_data.register
def _(drawn: Ridges) -> pd.DataFrame:
    """Return one row per period and grid point; a period without a density has one row."""
    parts = [
        pd.DataFrame({"period": ridge.name, "at": drawn.grid, "density": ridge.density})
        if ridge.density is not None
        else pd.DataFrame({"period": [ridge.name], "at": [np.nan], "density": [np.nan]})
        for ridge in drawn.ridges
    ]
    return pd.concat(parts, ignore_index=True)
