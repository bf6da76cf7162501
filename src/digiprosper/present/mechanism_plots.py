"""Figures of mechanisms: effects, where they hold, what would undo them, what turns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.present.figure import FAINT, INK, fonts, legend_above, new_axes, plain_spines
from digiprosper.present.lines import balanced_lines, broken_lines
from digiprosper.present.model_plots import draw_estimates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from digiprosper.report.drawings import (
        ConditionalCurve,
        Effects,
        Interval,
        SensitivityCurve,
        TurningCurve,
    )

__all__ = ["draw_conditional_effect", "draw_effects", "draw_sensitivity", "draw_turning_curve"]

_ALARM = "#b03a2e"


def draw_effects(effects: Effects, ax: Axes | None, purpose: str) -> Axes:
    """Draw effects with their intervals, one line each.

    Parameters
    ----------
    effects : Effects
        What to draw.
    ax : Axes or None
        Where; None for a new figure.
    purpose : str
        Which figure, for errors.

    Returns
    -------
    Axes
        What the intervals are from stands under them.
    """
    names = {
        term: "\n".join(line for text in words for line in balanced_lines(text, 36))
        for term, words in effects.names.items()
    }
    below = "\n".join(broken_lines(f"{effects.source[0].upper()}{effects.source[1:]}.", 72))
    with fonts(ax, [*names.values(), below], purpose):
        height = 0.2 + 0.16 * max(name.count("\n") + 1 for name in names.values())
        axes = new_axes((6.8, 1.3 + height * len(names)), purpose) if ax is None else ax
        draw_estimates(axes, [effects.column.estimates[term] for term in names])
        axes.set_yticks(range(len(names)), names.values(), parse_math=False)
        axes.set_xlabel(f"Effect and {100 * effects.level:g}% percentile interval\n{below}", fontsize="small")
    return axes


def draw_conditional_effect(curve: ConditionalCurve, ax: Axes | None, purpose: str) -> Axes:
    """Draw an effect over what it depends on, and where its interval leaves 0 out.

    Parameters
    ----------
    curve : ConditionalCurve
        What to draw.
    ax : Axes or None
        Where; None for a new figure.
    purpose : str
        Which figure, for errors.

    Returns
    -------
    Axes
        With the quantiles of the variable on the lower edge.
    """
    title = "\n".join(balanced_lines(curve.effect, 40))
    with fonts(ax, [curve.variable, title], purpose):
        axes = new_axes((6.4, 4.2), purpose) if ax is None else ax
        _band(axes, curve.points.T, curve.interval)
        _shade(axes, curve.regions, f"excludes 0 ({curve.share:.0%} of rows)")
        inside = [end for region in curve.regions for end in region if end not in curve.support]
        for number, end in enumerate(inside):
            axes.axvline(end, color=INK, linewidth=0.8, linestyle=":")
            # Neighbours stand at two heights, for they may be close.
            place = (end, 1.01 + 0.05 * (number % 2))
            axes.text(
                *place, f"{end:.4g}", transform=axes.get_xaxis_transform(), ha="center", fontsize="small"
            )
        _strokes(axes, curve.quantiles)
        axes.set_xlim(*curve.support)
        axes.set_xlabel(curve.variable, parse_math=False)
        axes.set_ylabel(title, parse_math=False)
        plain_spines(axes)
        legend_above(axes, room=0.06 * min(len(inside), 2))
    return axes


def draw_sensitivity(curve: SensitivityCurve, ax: Axes | None, purpose: str) -> Axes:
    """Draw an effect over the correlation of two errors, and where it is 0.

    Parameters
    ----------
    curve : SensitivityCurve
        What to draw.
    ax : Axes or None
        Where; None for a new figure.
    purpose : str
        Which figure, for errors.

    Returns
    -------
    Axes
        With a legend over them.
    """
    title = "\n".join(balanced_lines(curve.effect, 40))
    with fonts(ax, [title], purpose):
        axes = new_axes((6.4, 4.2), purpose) if ax is None else ax
        _band(axes, curve.points.T, f"{100 * curve.level:g}% percentile interval")
        axes.axvline(0, color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
        ab, first = curve.assumed, curve.insignificant
        axes.plot([0.0], [ab], "o", color=INK, markersize=6, label=f"{ab:.3g} at ρ = 0, as the fit assumes")
        low, high = curve.zero_interval
        axes.plot([low, high], [0.0, 0.0], color=_ALARM, linewidth=2.0)
        text = f"0 at ρ = {curve.zero:.3g} [{low:.3g}, {high:.3g}]"
        axes.plot([curve.zero], [0.0], "D", color=_ALARM, markersize=5, label=text)
        if not math.isnan(first):
            text = "already at ρ = 0" if first == 0 else f"from ρ = {first:.3g}"
            axes.plot([first], [0.0], "|", color=_ALARM, markersize=16, label=f"interval includes 0 {text}")
        axes.set_xlabel("Correlation ρ of the errors of mediator and outcome")
        axes.set_ylabel(title, parse_math=False)
        plain_spines(axes)
        legend_above(axes)
    return axes


def draw_turning_curve(curve: TurningCurve, ax: Axes | None, purpose: str) -> Axes:
    """Draw a fitted curve, where it turns, and the set of its turning point.

    Parameters
    ----------
    curve : TurningCurve
        What to draw.
    ax : Axes or None
        Where; None for a new figure.
    purpose : str
        Which figure, for errors.

    Returns
    -------
    Axes
        What lies outside the interval is in the legend.
    """
    title = "\n".join(balanced_lines(f"{curve.outcome} minus its value at the mean", 40))
    low, high = curve.interval
    with fonts(ax, [curve.variable, title], purpose):
        axes = new_axes((6.4, 4.2), purpose) if ax is None else ax
        _band(axes, curve.points.T, f"{100 * curve.level:g}% interval (t)")
        pieces = [(max(a, low), min(b, high)) for a, b in curve.sets if a < high and b > low]
        label = f"{100 * curve.level:g}% set of the turning point {_set_text(curve.sets)}"
        if not pieces:
            axes.plot([], [], linestyle="none", label=label)
        _shade(axes, pieces, label)
        _mark_turn(axes, curve)
        axes.set_xlim(low, high)
        axes.set_xlabel(curve.variable, parse_math=False)
        axes.set_ylabel(title, parse_math=False)
        plain_spines(axes)
        legend_above(axes)
    return axes


# --- parts --------------------------------------------------------------------------------------------------


def _set_text(sets: Sequence[Interval]) -> str:
    shown = ["missing" if math.isnan(low) else f"[{low:.3g}, {high:.3g}]" for low, high in sets]
    return " and ".join(shown) or "empty"


def _mark_turn(axes: Axes, curve: TurningCurve) -> None:
    turn, (low, high) = curve.turn, curve.interval
    where = "no turning point" if math.isnan(turn) else f"turning point {turn:.3g}"
    if low <= turn <= high:
        axes.axvline(turn, color=_ALARM, linewidth=1.0, linestyle="--", label=where)
    else:
        outside = "" if math.isnan(turn) else ", outside the interval"
        axes.plot([], [], linestyle="none", label=where + outside)


def _shade(axes: Axes, pieces: Sequence[Interval], label: str) -> None:
    """Shade intervals, of which the legend names the first."""
    for number, (low, high) in enumerate(pieces):
        axes.axvspan(low, high, color=(INK, 0.1), linewidth=0, label="_" if number else label, zorder=0)


def _band(axes: Axes, points: Any, label: str) -> None:
    """Draw a line with its interval; `points` has four rows: place, value, low, high."""
    at, value, low, high = points
    axes.fill_between(at, low, high, facecolor=(INK, 0.2), linewidth=0, label=label)
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
    axes.plot(marks, [0.015] * 3, "^", color=INK, markersize=6, transform=edge, label="10, 50, 90% of rows")
