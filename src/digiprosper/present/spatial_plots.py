"""Figure of spatial autocorrelation: neighbours against own values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from digiprosper.present.figure import (
    FAINT,
    INK,
    MARKED,
    MOST_NAMES,
    axes_inches,
    fonts,
    keep_drawing,
    name_axis,
    new_axes,
    plain_spines,
    text_em,
    type_size,
)
from digiprosper.present.figure_style import say
from digiprosper.report.text import p_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from digiprosper.report.drawings import MoranScatter

    Floats = np.ndarray[Any, np.dtype[np.float64]]

_Box: TypeAlias = tuple[float, float, float, float]
"""Left, right, bottom and top."""

# Points of the names of entities and from a point to its name; where names may stand: right (1) or left (-1)
# of it, over (1) or under (-1).
_NAME_TYPE: Final = 7.0
_NEAR: Final = 2.5
# Half the size of a point.
_DOT: Final = 1.5
_SIDES: Final = ((1, 1), (-1, 1), (1, -1), (-1, -1))
_NAME_INK: Final = "#555555"
# Corner of each quadrant, from the upper right one clockwise, as shares of the axes.
_CORNERS: Final = ((0.99, 0.99), (0.99, 0.01), (0.01, 0.01), (0.01, 0.99))


def draw_moran_scatter(drawn: MoranScatter, ax: Axes | None, purpose: str, *, names: bool) -> Axes:
    """Draw the spatial lag over the value, with quadrants and the line whose slope is Moran's I."""
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
    keep_drawing(axes, drawn)
    return axes


def _set_limits(axes: Axes, drawn: MoranScatter) -> None:
    """Set limits with room for the names of the quadrants."""
    for column, setter in (("value", axes.set_xlim), ("spatial_lag", axes.set_ylim)):
        reach = 1.2 * float(np.abs(drawn.points[column]).max())
        reach = reach if reach > 0 else 1.0
        setter(-reach, reach)


def _name_entities(axes: Axes, drawn: MoranScatter, entities: list[str]) -> None:
    """Write names next to points, starting with those far from the means, unless they would overlap."""
    points = drawn.points.to_numpy(dtype=np.float64)
    size = _NAME_TYPE * type_size()
    low = np.array([axes.get_xlim()[0], axes.get_ylim()[0]])
    scale = 72 * np.array(axes_inches(axes)) / (-2 * low)
    positions = (points - low) * scale
    used_boxes: list[_Box] = [(x - _DOT, x + _DOT, y - _DOT, y + _DOT) for x, y in positions.tolist()]
    for at in np.argsort(-np.hypot(*points.T), kind="stable"):
        boxes = {side: _box(positions[at], side, size * text_em(entities[at]), size) for side in _SIDES}
        side = next(
            (s for s, box in boxes.items() if not any(_meet(box, used_box) for used_box in used_boxes)), None
        )
        if side is not None:
            used_boxes.append(boxes[side])
            _write_beside(axes, entities[at], (points[at, 0], points[at, 1]), side, size)


def _write_beside(
    axes: Axes, name: str, point: tuple[float, float], side: tuple[int, int], size: float
) -> None:
    across, up = side
    axes.annotate(
        name,
        point,
        (_NEAR * across, _NEAR / 2 * up),
        textcoords="offset points",
        ha={1: "left", -1: "right"}[across],
        va={1: "bottom", -1: "top"}[up],
        fontsize=size,
        color=_NAME_INK,
        parse_math=False,
    )


def _box(position: Floats, side: tuple[int, int], width: float, height: float) -> _Box:
    """Return the edges of a name next to a point, in points."""
    across, up = side
    x, y = float(position[0]) + across * _NEAR, float(position[1]) + up * _NEAR / 2
    return (
        min(x, x + across * width),
        max(x, x + across * width),
        min(y, y + up * height),
        max(y, y + up * height),
    )


def _meet(first: _Box, second: _Box) -> bool:
    return first[0] < second[1] and second[0] < first[1] and first[2] < second[3] and second[2] < first[3]


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
    name_axis(axes, "y", say("moran.lag"), drawn.weights)
    name_axis(axes, "x", say("moran.value", name=drawn.variable))
