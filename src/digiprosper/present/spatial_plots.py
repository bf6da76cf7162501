"""Figure of spatial autocorrelation: neighbours against own values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from digiprosper.present.figure import (
    FAINT,
    INK,
    MARKED,
    MOST_NAMES,
    fonts,
    name_axis,
    new_axes,
    plain_spines,
)
from digiprosper.present.figure_style import say
from digiprosper.report.text import p_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from digiprosper.report.drawings import MoranScatter

__all__ = ["draw_moran_scatter"]

# Corner of each quadrant, from the upper right one clockwise, as shares of the axes.
_CORNERS: Final = ((0.99, 0.99), (0.99, 0.01), (0.01, 0.01), (0.01, 0.99))


def draw_moran_scatter(drawn: MoranScatter, ax: Axes | None, purpose: str, *, names: bool) -> Axes:
    """Draw the spatial lag against the value, with quadrants and the line whose slope Moran's I is.

    Parameters
    ----------
    drawn : MoranScatter
        What to draw.
    ax : Axes or None
        Where; None for a new figure.
    purpose : str
        Which figure, for errors.
    names : bool
        Whether entities are named, up to 60.

    Returns
    -------
    Axes
        With a cross at the means.
    """
    entities = [str(entity) for entity in drawn.points.index]
    with fonts(ax, [drawn.variable, drawn.weights, *entities], purpose):
        axes = new_axes((6.0, 5.4), purpose) if ax is None else ax
        axes.axhline(0, color=FAINT, linewidth=0.8, linestyle="--", zorder=0)
        axes.axvline(0, color=FAINT, linewidth=0.8, linestyle="--", zorder=0)
        named = names and len(entities) <= MOST_NAMES
        axes.plot(
            drawn.points["value"], drawn.points["spatial_lag"], "o", color=INK, markersize=3 if named else 4.5
        )
        axes.axline((0, 0), slope=drawn.slope, color=MARKED, linewidth=1.3, zorder=1)
        _set_limits(axes, drawn)
        if named:
            _name_entities(axes, drawn, entities)
        _name_quadrants(axes, drawn)
        _set_texts(axes, drawn)
        plain_spines(axes)
    return axes


def _set_limits(axes: Axes, drawn: MoranScatter) -> None:
    """Leave room around the points for the names of quadrants."""
    for column, setter in (("value", axes.set_xlim), ("spatial_lag", axes.set_ylim)):
        reach = 1.2 * float(np.abs(drawn.points[column]).max())
        reach = reach if reach > 0 else 1.0
        setter(-reach, reach)


def _name_entities(axes: Axes, drawn: MoranScatter, entities: list[str]) -> None:
    for entity, (value, lag) in zip(entities, drawn.points.to_numpy(), strict=True):
        axes.annotate(
            entity, (value, lag), (3, 2), textcoords="offset points", fontsize="x-small", color=FAINT
        )


def _name_quadrants(axes: Axes, drawn: MoranScatter) -> None:
    for (words, count), (right, top) in zip(drawn.quadrants, _CORNERS, strict=True):
        axes.text(
            right,
            top,
            say("quadrant", name=words, count=count),
            transform=axes.transAxes,
            ha="right" if right > 0.5 else "left",
            va="top" if top > 0.5 else "bottom",
            fontsize="small",
            color=INK,
        )


def _set_texts(axes: Axes, drawn: MoranScatter) -> None:
    code = "moran.title.in" if drawn.period else "moran.title"
    value = f"{drawn.statistic:.3f}".replace("-", "−")
    title = say(code, period=drawn.period, value=value, p=p_words(drawn.p_value, 3))
    axes.set_title(title, fontsize="medium", parse_math=False)
    name_axis(axes, "x", say("moran.value", name=drawn.variable))
    name_axis(axes, "y", say("moran.lag"), drawn.weights)
