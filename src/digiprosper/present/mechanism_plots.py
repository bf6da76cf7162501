"""Figures of mechanisms: effects, where they hold, what would undo them, what turns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.present.figure import (
    FAINT,
    INK,
    MARKED,
    fonts,
    keep_drawing,
    legend_above,
    name_axis,
    new_axes,
    plain_spines,
    row_names,
    tick_step,
)
from digiprosper.present.figure_style import figure_width, say
from digiprosper.present.model_plots import draw_estimates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from digiprosper.report.drawings import (
        ConditionalCurve,
        Effects,
        Interval,
        SensitivityCurve,
        SlopeCurve,
        TurningCurve,
    )

# Inches: a figure's width; between rows, and a line of a row's name.
_WIDTH, _GAP, _LINE = 6.8, 0.2, 0.17
# Of the figure of a slope: inches, and the share of the axes below it for the distribution of the moderator.
_SLOPE_WIDTH, _STRIP = 6.4, 0.2
_PALE = "#9dbbd8"


def draw_effects(effects: Effects, ax: Axes | None, purpose: str) -> Axes:
    """Draw effects with intervals, one row each; the source of the intervals is below the axis."""
    names, lines = row_names(["\n".join(words) for words in effects.names.values()], ax, _WIDTH, purpose)
    below = f"{effects.source[0].upper()}{effects.source[1:]}"
    with fonts(ax, [*names, below], purpose):
        size = _WIDTH, 0.8 + (_GAP + _LINE * lines) * len(names)
        axes = new_axes(size, purpose, fit="rows") if ax is None else ax
        draw_estimates(axes, [effects.column.estimates[term] for term in effects.names])
        axes.set_yticks(range(len(names)), names, parse_math=False)
        level = f"{100 * effects.level:g}"
        name_axis(axes, "x", say("effect", level=level), say("sentence", text=below), fontsize="small")
    keep_drawing(axes, effects)
    return axes


def draw_conditional_effect(curve: ConditionalCurve, ax: Axes | None, purpose: str) -> Axes:
    """Draw an effect over its moderator and where its interval excludes 0.

    Quantiles of the moderator are marked at the lower edge.
    """
    with fonts(ax, [curve.variable, curve.effect], purpose):
        axes = new_axes((6.4, 4.2), purpose) if ax is None else ax
        _band(axes, curve.points.T, curve.interval)
        _shade(axes, curve.regions, say("slope.zero.share", share=f"{curve.share:.0%}"))
        inside = [end for region in curve.regions for end in region if end not in curve.support]
        for number, end in enumerate(inside):
            axes.axvline(end, color=INK, linewidth=0.8, linestyle=":")
            # Neighbours stand at two heights, for they may be close.
            position = (end, 1.01 + 0.05 * (number % 2))
            axes.text(
                *position, f"{end:.4g}", transform=axes.get_xaxis_transform(), ha="center", fontsize="small"
            )
        _strokes(axes, curve.quantiles)
        axes.set_xlim(*curve.support)
        name_axis(axes, "y", curve.effect)
        name_axis(axes, "x", curve.variable)
        plain_spines(axes)
        legend_above(axes, room=0.06 * min(len(inside), 2))
    keep_drawing(axes, curve)
    return axes


def draw_slope_curve(curve: SlopeCurve, ax: Axes | None, purpose: str) -> Axes:
    """Draw a slope over its moderator, and below it the distribution of the moderator.

    A moderator with few values has one point with interval each, otherwise there is a line with a band.
    """
    title = say("slope.of", name=curve.variable, outcome=curve.outcome)
    points = curve.points
    few = not pd.api.types.is_numeric_dtype(points["at"])
    with fonts(ax, [title, curve.moderator, *curve.held, *(points["at"] if few else [])], purpose):
        axes = new_axes((_SLOPE_WIDTH, 4.2), purpose) if ax is None else ax
        if few:
            _draw_levels(axes, points, curve.level)
        else:
            _band(
                axes, points.to_numpy(dtype=np.float64).T, say("interval.t", level=f"{100 * curve.level:g}")
            )
            has_share = not math.isnan(curve.share)
            code = "slope.zero.share" if has_share else "slope.zero"
            _shade(axes, curve.regions, say(code, share=f"{curve.share:.0%}" if has_share else ""))
            axes.set_xlim(points["at"].iloc[0], points["at"].iloc[-1])
        if curve.rows is not None:
            _draw_rows(axes, curve.rows)
        held = [say("slope.held", names=say("list").join(curve.held))] if curve.held else []
        name_axis(axes, "y", title)
        name_axis(axes, "x", curve.moderator, *held)
        plain_spines(axes)
        legend_above(axes)
    keep_drawing(axes, curve)
    return axes


def draw_sensitivity(curve: SensitivityCurve, ax: Axes | None, purpose: str) -> Axes:
    """Draw an effect over the correlation of two errors, and where it is 0."""
    with fonts(ax, [curve.effect], purpose):
        axes = new_axes((6.4, 4.2), purpose) if ax is None else ax
        _band(axes, curve.points.T, say("interval.percentile", level=f"{100 * curve.level:g}"))
        axes.axvline(0, color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
        ab, first = curve.assumed, curve.insignificant
        text = say("sensitivity.assumed", value=f"{ab:.3g}")
        axes.plot([0.0], [ab], "o", color=INK, markersize=6, label=text)
        low, high = curve.zero_interval
        axes.plot([low, high], [0.0, 0.0], color=MARKED, linewidth=2.0)
        text = say("sensitivity.zero", value=f"{curve.zero:.3g}", low=f"{low:.3g}", high=f"{high:.3g}")
        axes.plot([curve.zero], [0.0], "D", color=MARKED, markersize=5, label=text)
        if not math.isnan(first):
            code = "sensitivity.already" if first == 0 else "sensitivity.from"
            text = say(code, value=f"{first:.3g}")
            axes.plot([first], [0.0], "|", color=MARKED, markersize=16, label=text)
        name_axis(axes, "y", curve.effect)
        name_axis(axes, "x", say("sensitivity.axis"))
        plain_spines(axes)
        legend_above(axes)
    keep_drawing(axes, curve)
    return axes


def draw_turning_curve(curve: TurningCurve, ax: Axes | None, purpose: str) -> Axes:
    """Draw a fitted curve and its turning point with its confidence set.

    A set or turning point outside the interval of the curve is only in the legend.
    """
    title, level = say("turn.axis", outcome=curve.outcome), f"{100 * curve.level:g}"
    low, high = curve.interval
    with fonts(ax, [curve.variable, title, *curve.at], purpose):
        axes = new_axes((6.4, 4.2), purpose) if ax is None else ax
        _band(axes, curve.points.T, say("interval.t", level=level))
        pieces = [(max(a, low), min(b, high)) for a, b in curve.sets if a < high and b > low]
        label = say("turn.set", level=level, sets=_set_text(curve.sets))
        if not pieces:
            axes.plot([], [], linestyle="none", label=label)
        _shade(axes, pieces, label)
        _mark_turn(axes, curve)
        axes.set_xlim(low, high)
        name_axis(axes, "y", title)
        name_axis(axes, "x", curve.variable, *[", ".join(curve.at)] * bool(curve.at))
        plain_spines(axes)
        legend_above(axes)
    keep_drawing(axes, curve)
    return axes


# --- parts --------------------------------------------------------------------------------------------------


def _draw_levels(axes: Axes, points: pd.DataFrame, level: float) -> None:
    """Draw a point with its interval at each value of the moderator."""
    at = np.arange(len(points))
    axes.axhline(0, color=FAINT, linewidth=0.8, linestyle="--", zorder=0)
    label = say("interval.t", level=f"{100 * level:g}")
    axes.vlines(at, points["conf_low"], points["conf_high"], color=INK, linewidth=1.3, label=label)
    axes.plot(at, points["estimate"], "o", color=INK, markersize=5)
    step = tick_step(list(points["at"]), 0.75 * (figure_width() or _SLOPE_WIDTH), "plots.marginal_effect")
    axes.set_xticks(at[::step], points["at"].iloc[::step], parse_math=False)
    axes.set_xlim(-0.5, len(points) - 0.5)


def _draw_rows(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the numbers of rows as bars in a strip below the slope."""
    low, high = axes.get_ylim()
    ticks = [tick for tick in axes.get_yticks() if low <= tick <= high]
    axes.set_ylim(low - (high - low) * _STRIP / (1 - _STRIP), high)
    axes.set_yticks(ticks)
    if "low" in rows:
        at, width = (rows["low"] + rows["high"]) / 2, rows["high"] - rows["low"]
    else:
        at, width = pd.Series(np.arange(len(rows))), pd.Series(np.full(len(rows), 0.5))
    most = int(rows["rows"].max())
    edge = axes.get_xaxis_transform()
    heights = (_STRIP - 0.03) * rows["rows"] / most
    label = say("slope.rows", count=f"{int(rows['rows'].sum()):,}", most=f"{most:,}")
    axes.bar(at, heights, width, color=_PALE, edgecolor="white", linewidth=0.4, transform=edge, label=label)
    axes.axhline(low, color=FAINT, linewidth=0.6, zorder=0)


def _set_text(sets: Sequence[Interval]) -> str:
    missing = say("turn.missing")
    intervals = [missing if math.isnan(low) else f"[{low:.3g}, {high:.3g}]" for low, high in sets]
    return say("turn.and").join(intervals) or say("turn.empty")


def _mark_turn(axes: Axes, curve: TurningCurve) -> None:
    turn, (low, high) = curve.turn, curve.interval
    value = f"{turn:.3g}"
    if low <= turn <= high:
        axes.axvline(turn, color=MARKED, linewidth=1.0, linestyle="--", label=say("turn.at", value=value))
    else:
        label = say("turn.none" if math.isnan(turn) else "turn.outside", value=value)
        axes.plot([], [], linestyle="none", label=label)


def _shade(axes: Axes, pieces: Sequence[Interval], label: str) -> None:
    """Shade intervals; only the first is in the legend."""
    for number, (low, high) in enumerate(pieces):
        axes.axvspan(low, high, color=(INK, 0.08), linewidth=0, label="_" if number else label, zorder=0)


def _band(axes: Axes, points: Any, label: str) -> None:
    """Draw a line with its interval; `points` has four rows: x, value, lower end, upper end."""
    at, value, low, high = points
    axes.fill_between(at, low, high, facecolor=(INK, 0.28), linewidth=0, label=label)
    axes.plot(at, value, color=INK, linewidth=1.4)
    axes.axhline(0, color=FAINT, linewidth=0.8, linestyle="--", zorder=0)


def _strokes(axes: Axes, quantiles: Any) -> None:
    edge = axes.get_xaxis_transform()
    axes.plot(
        quantiles,
        np.full(len(quantiles), 0.015),
        "|",
        color=FAINT,
        markersize=6,
        transform=edge,
        clip_on=False,
    )
    marks = quantiles[[10, 50, 90]]
    axes.plot(
        marks, [0.015] * 3, "^", color=INK, markersize=6, transform=edge, label=say("conditional.quantiles")
    )
