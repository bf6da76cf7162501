"""Figures of indices: ranks with spans round them, shares of a variance, densities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.optional import require
from digiprosper.present.figure import (
    FAINT,
    INK,
    fonts,
    keep_drawing,
    legend_above,
    legend_beside,
    look,
    name_axis,
    new_axes,
    plain_spines,
    spread_ticks,
    text_em,
    type_size,
)
from digiprosper.present.figure_style import say
from digiprosper.report.characters import tidy_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from digiprosper.report.drawings import Bars, RankSpans, Ribbons, Ridges

_PALE = "#9dbbd8"
# Outer and inner span of a rank.
_SHADES = (_PALE, "#5f8fbf")
_HEIGHTS = (0.18, 0.45)
# Entities whose ranks are named; inches from one to the next, and of all together on a page; points of their
# names.
_MOST_RANKS, _PITCH, _PAGE_HIGH, _SMALL = 100, 0.2, 8.6, 8.3
# Ridges overlap by so much of their distance.
_OVERLAP = 1.7


def draw_ribbons(ribbons: Ribbons, ax: Axes | None, purpose: str) -> Axes:
    """Draw ranks over time with a ribbon for each entity; rank 1 is at the top."""
    times = ribbons.times
    x = times.to_timestamp() if isinstance(times, pd.PeriodIndex) else times
    names = [name for name, _ in ribbons.entities]
    with fonts(ax, [*names, ribbons.key, ribbons.time], purpose):
        axes = new_axes((6.8, 4.2), purpose) if ax is None else ax
        for number, (name, entity_ranks) in enumerate(ribbons.entities):
            style = look(number)
            low, high = (
                entity_ranks["rank_low"].to_numpy(dtype=float),
                entity_ranks["rank_high"].to_numpy(dtype=float),
            )
            axes.fill_between(x, low, high, facecolor=style.color, alpha=0.18, linewidth=0)
            ranks = entity_ranks["rank"].to_numpy(dtype=float)
            axes.plot(
                x,
                ranks,
                marker=style.marker,
                markersize=4,
                linewidth=1.3,
                linestyle=style.dashes,
                color=style.color,
                markerfacecolor=style.face,
                label=name,
            )
        axes.set_ylim(ribbons.worst + 0.5, 0.5)
        axes.set_yticks(_rank_ticks(ribbons.worst))
        if times.inferred_type == "integer":
            _whole_numbers(axes.xaxis)
        name_axis(axes, "y", ribbons.title)
        name_axis(axes, "x", ribbons.time)
        plain_spines(axes)
        legend_beside(axes, title=ribbons.key)
    keep_drawing(axes, ribbons)
    return axes


def draw_rank_spans(spans: RankSpans, ax: Axes | None, purpose: str) -> Axes:
    """Draw the ranks of one period with spans.

    Up to 100 entities have names. If there are more, spans show by how many positions each rank moves.
    """
    count = len(spans.ranks)
    named = count <= _MOST_RANKS
    names = [tidy_text(e) for e in spans.ranks.index] if named else []
    with fonts(ax, [*names, spans.key, spans.title], purpose):
        pitch = min(_PITCH, _PAGE_HIGH / (count * type_size(purpose)))
        size = (6.4, 1.2 + pitch * count) if named else (6.8, 4.0)
        axes = new_axes(size, purpose, fit="rows" if named else "width") if ax is None else ax
        if named:
            _lines(axes, spans)
            # Lines of type as high as the rows, and no higher than other names.
            small = min(_SMALL * type_size(), 72 * pitch * type_size())
            axes.set_yticks(range(count), names, fontsize=small, parse_math=False)
            name_axis(axes, "y", spans.key)
            name_axis(axes, "x", spans.title)
        else:
            _bands(axes, spans)
            name_axis(axes, "y", say("rank.moves"))
            name_axis(axes, "x", say("rank.count", title=spans.title, count=f"{count:,}", key=spans.key))
        plain_spines(axes)
        legend_above(axes, columns=3)
    keep_drawing(axes, spans)
    return axes


def draw_bars(bars: Bars, ax: Axes | None, purpose: str) -> Axes:
    """Draw shares of a variance as bars; the share of each source alone is dark."""
    first, total = np.nan_to_num(bars.first), np.nan_to_num(bars.total)
    with fonts(ax, bars.names, purpose):
        axes = new_axes((6.4, 1.5 + 0.42 * len(bars.names)), purpose) if ax is None else ax
        positions = np.arange(len(bars.names))
        axes.barh(positions, first, height=0.6, color=INK, label=say("bars.alone"))
        axes.barh(positions, total - first, left=first, height=0.6, color=_PALE, label=say("bars.total"))
        for at, (share, fixed) in enumerate(zip(bars.total, bars.fixed, strict=True)):
            text, text_start = (say("bars.fixed"), 0.0) if fixed else (f"{share:.0%}", share)
            axes.text(0.01 + text_start, at, text, va="center", fontsize="small")
        axes.set_yticks(positions, bars.names)
        axes.set_ylim(len(bars.names) - 0.5, -0.5)
        axes.set_xlim(0, max(1.0, float(total.max()) * 1.1))
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.tick_params(axis="y", length=0)
        name_axis(axes, "x", say("bars.axis"))
        plain_spines(axes)
        legend_above(axes)
    keep_drawing(axes, bars)
    return axes


def draw_ridges(ridges: Ridges, ax: Axes | None, purpose: str) -> Axes:
    """Draw the densities of periods above each other, on the same scale."""
    names, grid, count = [ridge.name for ridge in ridges.ridges], ridges.grid, len(ridges.ridges)
    top = max(float(ridge.density.max()) for ridge in ridges.ridges if ridge.density is not None)
    with fonts(ax, [*names, ridges.variable, ridges.time], purpose):
        axes = new_axes((6.4, 1.4 + 0.36 * count), purpose) if ax is None else ax
        for row, ridge in enumerate(ridges.ridges):
            axes.axhline(row, color=FAINT, linewidth=0.5, zorder=2 * row)
            if ridge.density is not None:
                height = row - _OVERLAP * ridge.density / top
                axes.fill_between(grid, height, row, facecolor=_PALE, alpha=0.8, linewidth=0, zorder=2 * row)
                axes.plot(grid, height, color=INK, linewidth=1.0, zorder=2 * row + 1)
            axes.text(
                1.01, row, ridge.words, transform=axes.get_yaxis_transform(), va="center", fontsize="small"
            )
        axes.set_yticks(range(count), names)
        axes.set_ylim(count - 0.5, -_OVERLAP - 0.1)
        axes.set_xlim(grid[0], grid[-1])
        axes.tick_params(axis="y", length=0)
        name_axis(axes, "y", ridges.time)
        name_axis(axes, "x", ridges.variable, say("ridge.kernel", rule=ridges.rule))
        words = max(text_em(ridge.words) for ridge in ridges.ridges)
        spread_ticks(axes, words * _SMALL * type_size() / 72)
        axes.spines[["top", "right", "left"]].set_visible(False)
    keep_drawing(axes, ridges)
    return axes


def _lines(axes: Axes, drawn: RankSpans) -> None:
    ranks, spans = drawn.ranks, drawn.spans
    rows, worst = np.arange(len(ranks)), int(spans[0].high.max())
    looks = zip(spans, _SHADES[-len(spans) :], _HEIGHTS[-len(spans) :], strict=True)
    for span, colour, height in looks:
        # A rank that never moves has a span of no length: half a rank more keeps it visible.
        width = span.high - span.low + 0.5
        axes.barh(rows, width, left=span.low - 0.25, height=height, color=colour, label=span.words)
    axes.plot(ranks, rows, "o", color=INK, markersize=4, label=drawn.mark)
    axes.set_ylim(len(ranks) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0.4, worst + 0.6)
    axes.set_xticks(_rank_ticks(worst))


def _bands(axes: Axes, drawn: RankSpans) -> None:
    """Draw spans around zero instead of ranks: with hundreds of ranks their size would hide the spans."""
    ranks, spans = drawn.ranks, drawn.spans
    positions = np.arange(1, len(ranks) + 1)
    for span, colour in zip(spans, _SHADES[-len(spans) :], strict=True):
        low, high = ranks - span.low, ranks - span.high
        axes.fill_between(positions, low, high, step="mid", color=colour, linewidth=0, label=span.words)
    axes.axhline(0, color=INK, linewidth=1.0, label=drawn.mark)
    axes.set_xlim(0.5, len(ranks) + 0.5)
    axes.set_xticks(_rank_ticks(len(ranks)))
    _whole_numbers(axes.yaxis)


def _whole_numbers(axis: Any) -> None:
    ticker = require("matplotlib.ticker", extra="plot", purpose="plots")
    axis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))


def _rank_ticks(worst: int) -> list[int]:
    """Choose ticks of ranks: 1, then round numbers, at most nine."""
    step = next(m * 10**e for e in range(9) for m in (1, 2, 5) if worst <= 8 * m * 10**e)
    return list(range(1, worst + 1, step)) if step <= 2 else [1, *range(step, worst + 1, step)]
