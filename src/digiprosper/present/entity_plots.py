"""Figures of entities: ranks and what these depend on, regimes, neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.present.figure import (
    FAINT,
    INK,
    MARKED,
    MOST_NAMES,
    PALE,
    THIN,
    axes_inches,
    drawing,
    legend_above,
    legend_beside,
    look,
    name_axes,
    name_axis,
    text_em,
    tick_step,
    type_size,
)
from digiprosper.present.figure_style import figure_width, matplotlib_part, say
from digiprosper.report.characters import tidy_text, with_signs
from digiprosper.report.drawings import (
    Bars,
    Floats,
    MoranScatter,
    RankSpans,
    RegimeMap,
    Ribbons,
)
from digiprosper.report.text import p_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# --- ranks ----------------------------------------------------------------------------

# Outer and inner span of a rank.
_SHADES = (PALE, "#5f8fbf")
_HEIGHTS = (0.18, 0.45)
# Entities whose ranks are named; inches from one to the next, and of all together on a
# page; points of their names.
_MOST_RANKS, _PITCH, _PAGE_HIGH, _SMALL = 100, 0.2, 8.6, 8.3


def draw_ribbons(ribbons: Ribbons, ax: Axes | None) -> Axes:
    """Draw ranks over time with a ribbon for each entity; rank 1 is at the top."""
    times = ribbons.times
    x = times.to_timestamp() if isinstance(times, pd.PeriodIndex) else times
    with drawing(ribbons, ax, (6.8, 4.2)) as axes:
        for number, (name, entity_ranks) in enumerate(ribbons.entities):
            color, marker, face, dashes = look(number)
            low, high, ranks = (
                entity_ranks[column].to_numpy(dtype=float)
                for column in ("rank_low", "rank_high", "rank")
            )
            axes.fill_between(x, low, high, facecolor=color, alpha=0.18, linewidth=0)
            axes.plot(
                x,
                ranks,
                marker=marker,
                markersize=4,
                linewidth=1.3,
                linestyle=dashes,
                color=color,
                markerfacecolor=face,
                label=name,
            )
        axes.set_ylim(ribbons.worst + 0.5, 0.5)
        axes.set_yticks(_rank_ticks(ribbons.worst))
        if times.inferred_type == "integer":
            _set_whole_ticks(axes.xaxis)
        name_axes(axes, [ribbons.title], [ribbons.time])
        legend_beside(axes, title=ribbons.key)
    return axes


def draw_rank_spans(spans: RankSpans, ax: Axes | None) -> Axes:
    """Draw the ranks of one period with spans, and names of up to 100 entities."""
    count = len(spans.ranks)
    named = count <= _MOST_RANKS
    names = [tidy_text(e) for e in spans.ranks.index] if named else []
    pitch = min(_PITCH, _PAGE_HIGH / (count * type_size()))
    size = (6.4, 1.2 + pitch * count) if named else (6.8, 4.0)
    with drawing(spans, ax, size, "rows" if named else "width", names) as axes:
        if named:
            _draw_spans(axes, spans)
            # Lines of type as high as the rows, and no higher than other names.
            small = min(_SMALL * type_size(), 72 * pitch * type_size())
            axes.set_yticks(range(count), names, fontsize=small, parse_math=False)
            name_axes(axes, [spans.key], [spans.title])
        else:
            _draw_moves(axes, spans)
            name_axis(axes, "y", say("rank.moves"))
            name_axis(
                axes,
                "x",
                say("rank.count", title=spans.title, count=f"{count:,}", key=spans.key),
            )
        legend_above(axes, columns=3)
    return axes


def _draw_spans(axes: Axes, drawn: RankSpans) -> None:
    ranks, spans = drawn.ranks, drawn.spans
    rows = np.arange(len(ranks))
    worst = int(max(high.max() for _, high, _ in spans))
    looks = zip(spans, _SHADES[-len(spans) :], _HEIGHTS[-len(spans) :], strict=True)
    for (low, high, words), color, height in looks:
        # A rank that never moves has a span of no length: half a rank keeps it visible.
        axes.barh(
            rows,
            high - low + 0.5,
            left=low - 0.25,
            height=height,
            color=color,
            label=words,
        )
    axes.plot(ranks, rows, "o", color=INK, markersize=4, label=drawn.mark)
    axes.set_ylim(len(ranks) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0.4, worst + 0.6)
    axes.set_xticks(_rank_ticks(worst))


def _draw_moves(axes: Axes, drawn: RankSpans) -> None:
    """Draw spans relative to the rank, since spans of hundreds of ranks are small."""
    ranks, spans = drawn.ranks, drawn.spans
    positions = np.arange(1, len(ranks) + 1)
    for (low, high, words), color in zip(spans, _SHADES[-len(spans) :], strict=True):
        down, up = ranks - low, ranks - high
        axes.fill_between(
            positions, down, up, step="mid", color=color, linewidth=0, label=words
        )
    axes.axhline(0, color=INK, linewidth=1.0, label=drawn.mark)
    axes.set_xlim(0.5, len(ranks) + 0.5)
    axes.set_xticks(_rank_ticks(len(ranks)))
    _set_whole_ticks(axes.yaxis)


def _set_whole_ticks(axis: Any) -> None:
    ticker = matplotlib_part("ticker")
    axis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))


def _rank_ticks(worst: int) -> list[int]:
    """Choose ticks of ranks: 1, then round numbers, at most nine."""
    steps = (m * 10**e for e in range(9) for m in (1, 2, 5))
    step = next(step for step in steps if worst <= 8 * step)
    return (
        [*range(1, worst + 1, step)]
        if step <= 2
        else [1, *range(step, worst + 1, step)]
    )


def draw_bars(bars: Bars, ax: Axes | None) -> Axes:
    """Draw shares of a variance as bars; the share of each source alone is dark."""
    first, total = np.nan_to_num(bars.first), np.nan_to_num(bars.total)
    count = len(bars.names)
    with drawing(bars, ax, (6.4, 1.5 + 0.42 * count)) as axes:
        at = np.arange(count)
        axes.barh(at, first, height=0.6, color=INK, label=say("bars.alone"))
        axes.barh(
            at,
            total - first,
            left=first,
            height=0.6,
            color=PALE,
            label=say("bars.total"),
        )
        for row, (share, fixed) in enumerate(zip(bars.total, bars.fixed, strict=True)):
            text, end = (say("bars.fixed"), 0.0) if fixed else (f"{share:.0%}", share)
            axes.text(0.01 + end, row, text, va="center", fontsize="small")
        axes.set_yticks(at, bars.names)
        axes.set_ylim(count - 0.5, -0.5)
        axes.set_xlim(0, max(1.0, float(total.max()) * 1.1))
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.tick_params(axis="y", length=0)
        name_axis(axes, "x", say("bars.axis"))
        legend_above(axes)
    return axes


# --- regimes --------------------------------------------------------------------------

_MOST_PERIODS = 16
# Of the width of a map, what its names leave at least.
_MAP_SHARE = 0.65


def draw_regime_map(drawn: RegimeMap, ax: Axes | None) -> Axes:
    """Draw regimes of entities by period; up to 60 entities have names."""
    count, width = drawn.cells.shape
    named = count <= MOST_NAMES
    names = [tidy_text(e) for e in drawn.entities.astype(str)] if named else []
    size = (
        min(max(1.6 + 0.42 * width, 5.0), 8.0),
        max(0.19 * count if named else 5.0, 1.0) + 1.4,
    )
    periods = [tidy_text(t) for t in drawn.times.astype(str)]
    room = _MAP_SHARE * (figure_width() or size[0])
    fitting = tick_step(periods, room)
    step = max(math.ceil(width / _MOST_PERIODS), fitting)
    entity, time = drawn.key_names
    with drawing(drawn, ax, size, "rows", names) as axes:
        _draw_cells(axes, drawn.cells, list(map(with_signs, drawn.regimes)))
        axes.set_xticks(range(0, width, step), periods[::step])
        axes.set_yticks(range(len(names)), names, fontsize="small")
        axes.tick_params(length=0)
        counted = say("brackets", text=entity, inside=f"{count:,}")
        name_axes(axes, [entity if names else counted], [time])
        axes.spines[:].set_visible(False)
    return axes


def _draw_cells(axes: Axes, cells: Floats, regimes: Sequence[str]) -> None:
    matplotlib = matplotlib_part("")
    # One hue darkens with the other's change, so that regimes stay apart in grey and
    # for the colour-blind; the palest still differs from the blank of a missing cell.
    shades = matplotlib.colormaps["YlGnBu"](np.linspace(0.22, 0.92, len(regimes)))
    axes.imshow(
        np.ma.masked_invalid(cells),
        cmap=matplotlib.colors.ListedColormap(shades),
        vmin=0.5,
        vmax=len(regimes) + 0.5,
        aspect="auto",
        interpolation="nearest",
    )
    if len(cells) <= MOST_NAMES:
        axes.set_xticks(np.arange(cells.shape[1] + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(cells.shape[0] + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.0)
        axes.tick_params(which="minor", length=0)
    patch = matplotlib.patches.Patch
    handles = [
        patch(facecolor=shade, label=text)
        for shade, text in zip(shades, regimes, strict=True)
    ]
    blank = int(np.isnan(cells).sum())
    if blank:
        text = say("map.blank", count=f"{blank:,}")
        handles.append(patch(facecolor="white", edgecolor=FAINT, label=text))
    legend_above(axes, columns=1, handles=handles)


# --- neighbours -----------------------------------------------------------------------

_Box: TypeAlias = tuple[float, float, float, float]
"""Left, right, bottom and top."""

# Points of the names of entities and from a point to its name, near or far with a line;
# half a point's size; where names may stand: right (1) or left (-1) of it, over (1) or
# under (-1).
_NAME_TYPE, _NEAR, _FAR, _DOT = 7.0, 2.5, (10.0, 18.0), 1.5
_SIDES = ((1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (0, -1), (1, 0), (-1, 0))
# Of so many names that have no room each is listed, otherwise they are counted.
_MOST_LISTED = 5
_LEADER = {"arrowstyle": "-", "color": FAINT, "linewidth": 0.4, "shrinkA": 0}
# Corner of each quadrant, from the upper right one clockwise, as shares of the axes.
_CORNERS = ((0.99, 0.99), (0.99, 0.01), (0.01, 0.01), (0.01, 0.99))


def draw_moran_scatter(drawn: MoranScatter, ax: Axes | None, *, names: bool) -> Axes:
    """Draw the spatial lag over the value, with a line whose slope is Moran's I."""
    points, entities = drawn.points, [str(entity) for entity in drawn.points.index]
    named = names and len(entities) <= MOST_NAMES
    with drawing(drawn, ax, (6.0, 5.4), names=entities) as axes:
        axes.axhline(0, linestyle="--", **THIN)
        axes.axvline(0, linestyle="--", **THIN)
        size = 3 if named else 4.5
        axes.plot(
            points["value"], points["spatial_lag"], "o", color=INK, markersize=size
        )
        axes.axline((0, 0), slope=drawn.slope, color=MARKED, linewidth=1.3, zorder=1)
        # With room for the names of the quadrants.
        reach = (1.2 * points.abs().max()).replace(0.0, 1.0)
        axes.set_xlim(-reach["value"], reach["value"])
        axes.set_ylim(-reach["spatial_lag"], reach["spatial_lag"])
        used = _name_quadrants(axes, drawn)
        unnamed = _name_entities(axes, drawn, entities, used) if named else []
        code = "moran.title.in" if drawn.period else "moran.title"
        value = f"{drawn.statistic:.3f}".replace("-", "−")
        title = say(code, period=drawn.period, value=value, p=p_words(drawn.p_value, 3))
        name_axes(
            axes,
            [say("moran.lag"), drawn.weights],
            [
                say("moran.value", name=drawn.variable),
                *([_unnamed_text(unnamed)] if unnamed else []),
            ],
        )
        name_axis(axes, "title", title, fontsize="medium")
    return axes


def _unnamed_text(entities: Sequence[str]) -> str:
    """List the points without a name, or count them."""
    if len(entities) > _MOST_LISTED:
        return say("moran.unnamed.count", count=f"{len(entities):,}")
    return say("moran.unnamed", names=say("list").join(entities))


def _name_entities(
    axes: Axes, drawn: MoranScatter, entities: Sequence[str], used: list[_Box]
) -> list[str]:
    """Write names next to points, the farthest from the means first.

    A name without room there is written farther away, with a line to its point. `used`
    are the edges of other texts, in points. Returns the names that have no room.
    """
    points = drawn.points.to_numpy(dtype=np.float64)
    size, width, height = _NAME_TYPE * type_size(), *_points_of(axes)
    low = np.array([axes.get_xlim()[0], axes.get_ylim()[0]])
    positions = ((points - low) * np.array([width, height]) / (-2 * low)).tolist()
    used += [(x - _DOT, x + _DOT, y - _DOT, y + _DOT) for x, y in positions]
    unnamed = []
    for at in np.argsort(-np.hypot(*points.T), kind="stable"):
        name, (x, y) = entities[at], positions[at]
        length = size * text_em(name)
        for away, (across, up) in product((_NEAR, *_FAR), _SIDES):
            over = away / (2 if away == _NEAR and across else 1)
            left_edge = x + across * away - length * (1 - across) / 2
            bottom = y + up * over - size * (1 - up) / 2
            box = left_edge, left_edge + length, bottom, bottom + size
            if _is_free(box, used, (width, height)):
                break
        else:
            unnamed.append(name)
            continue
        used.append(box)
        axes.annotate(
            name,
            (float(points[at, 0]), float(points[at, 1])),
            (across * away, up * over),
            textcoords="offset points",
            ha={1: "left", -1: "right", 0: "center"}[across],
            va={1: "bottom", -1: "top", 0: "center"}[up],
            fontsize=size,
            color="#555555",
            parse_math=False,
            arrowprops=None if away == _NEAR else _LEADER,
        )
    return unnamed


def _points_of(axes: Axes) -> tuple[float, float]:
    """Return the width and the height of axes in points."""
    width, height = axes_inches(axes)
    return 72 * width, 72 * height


def _is_free(box: _Box, used: Sequence[_Box], size: tuple[float, float]) -> bool:
    """Return whether a box is inside axes of a size and meets no other box."""
    left_edge, right_edge, bottom, top = box
    inside = min(left_edge, bottom) >= 0 and right_edge <= size[0] and top <= size[1]
    return inside and not any(
        left_edge < other[1]
        and other[0] < right_edge
        and bottom < other[3]
        and other[2] < top
        for other in used
    )


def _name_quadrants(axes: Axes, drawn: MoranScatter) -> list[_Box]:
    """Write the names of quadrants in the corners; return their edges in points."""
    size, (width, height) = 8.5 * type_size(), _points_of(axes)
    boxes = []
    for (words, count), (right, top) in zip(drawn.quadrants, _CORNERS, strict=True):
        text = say("quadrant", name=words, count=count)
        length = size * text_em(text)
        start, low = (width - length) * (right > 0.5), (height - size) * (top > 0.5)
        boxes.append((start, start + length, low, low + size))
        axes.text(
            right,
            top,
            text,
            transform=axes.transAxes,
            ha="right" if right > 0.5 else "left",
            va="top" if top > 0.5 else "bottom",
            fontsize="small",
            color=INK,
        )
    return boxes
