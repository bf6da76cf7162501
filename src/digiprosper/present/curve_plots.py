"""Figures of curves: effects over a variable, densities, the profile of a threshold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digiprosper.errors import number_text
from digiprosper.present.figure import (
    FAINT,
    INK,
    MARKED,
    PALE,
    THIN,
    drawing,
    legend_above,
    name_axes,
    spread_ticks,
    text_em,
    tick_step,
    type_size,
)
from digiprosper.present.figure_style import figure_width, say, say_level
from digiprosper.report.drawings import (
    ConditionalCurve,
    DrawnDensity,
    Floats,
    Interval,
    Profile,
    Ridges,
    SensitivityCurve,
    SlopeCurve,
    TurningCurve,
)
from digiprosper.report.text import interval_text, p_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes


# Inches.
_SIZE = 6.4, 4.2
# Share of the axes below a slope for the distribution of the moderator.
_STRIP = 0.2
# Share of the axes that a piece of a confidence set has at least.
_THIN = 0.006


# --- over a variable ------------------------------------------------------------------


def draw_conditional_effect(curve: ConditionalCurve, ax: Axes | None) -> Axes:
    """Draw an effect over its moderator and where its interval excludes 0.

    Quantiles of the moderator are marked at the lower edge.
    """
    with drawing(curve, ax, _SIZE) as axes:
        _draw_band(axes, curve.points, curve.interval)
        label = say("slope.zero.share", share=f"{curve.share:.0%}")
        _shade_regions(axes, curve.regions, curve.support, label)
        ends = [end for region in curve.regions for end in region]
        inside = [end for end in ends if end not in curve.support]
        edge = axes.get_xaxis_transform()
        for number, end in enumerate(inside):
            axes.axvline(end, color=INK, linewidth=0.8, linestyle=":")
            # Neighbours stand at two heights, for they may be close.
            height = 1.01 + 0.05 * (number % 2)
            axes.text(
                end, height, f"{end:.4g}", ha="center", fontsize="small", transform=edge
            )
        heights = np.full(len(curve.quantiles), 0.015)
        axes.plot(
            curve.quantiles,
            heights,
            "|",
            color=FAINT,
            markersize=6,
            clip_on=False,
            transform=edge,
        )
        marked, label = curve.quantiles[[10, 50, 90]], say("conditional.quantiles")
        axes.plot(
            marked,
            [0.015] * 3,
            "^",
            color=INK,
            markersize=6,
            label=label,
            transform=edge,
        )
        axes.set_xlim(*curve.support)
        name_axes(axes, [curve.effect], [curve.variable])
        legend_above(axes, room=0.06 * min(len(inside), 2))
    return axes


def draw_slope_curve(curve: SlopeCurve, ax: Axes | None) -> Axes:
    """Draw a slope over its moderator, and below it the distribution of the moderator.

    A moderator with few values has one point with interval each, otherwise there is a
    line with a band.
    """
    title = say("slope.of", name=curve.variable, outcome=curve.outcome)
    points, label = curve.points, say_level("interval.t", curve.level)
    few = not pd.api.types.is_numeric_dtype(points["at"])
    with drawing(curve, ax, _SIZE, names=points["at"] if few else ()) as axes:
        if few:
            _draw_levels(axes, points, label)
        else:
            _draw_band(axes, points, label)
            unknown = math.isnan(curve.share)
            code = "slope.zero" if unknown else "slope.zero.share"
            share = "" if unknown else f"{curve.share:.0%}"
            support = points["at"].iloc[0], points["at"].iloc[-1]
            _shade_regions(axes, curve.regions, support, say(code, share=share))
            axes.set_xlim(*support)
        if curve.rows is not None:
            _draw_rows(axes, curve.rows)
        at_means = say("slope.held", names=say("list").join(curve.at_means))
        name_axes(axes, [title], [curve.moderator, at_means if curve.at_means else ""])
        legend_above(axes)
    return axes


def draw_sensitivity(curve: SensitivityCurve, ax: Axes | None) -> Axes:
    """Draw an effect over the correlation of two errors, and where it is 0."""
    low, high = curve.zero_interval
    first = curve.insignificant
    with drawing(curve, ax, _SIZE) as axes:
        _draw_band(axes, curve.points, say_level("interval.percentile", curve.level))
        axes.axvline(0, linestyle=":", **THIN)
        label = say("sensitivity.assumed", value=f"{curve.assumed:.3g}")
        axes.plot([0.0], [curve.assumed], "o", color=INK, markersize=6, label=label)
        axes.plot([low, high], [0.0, 0.0], color=MARKED, linewidth=2.0)
        numbers = {"value": curve.zero, "low": low, "high": high}
        texts = {name: f"{number:#.3g}" for name, number in numbers.items()}
        label = say("sensitivity.zero", **texts)
        axes.plot([curve.zero], [0.0], "D", color=MARKED, markersize=5, label=label)
        if not math.isnan(first):
            code = "sensitivity.already" if first == 0 else "sensitivity.from"
            label = say(code, value=f"{first:.3g}")
            axes.plot([first], [0.0], "|", color=MARKED, markersize=16, label=label)
        name_axes(axes, [curve.effect], [say("sensitivity.axis")])
        legend_above(axes)
    return axes


def draw_turning_curve(curve: TurningCurve, ax: Axes | None) -> Axes:
    """Draw a fitted curve and its turning points with their confidence set.

    A set or turning point outside the interval of the curve is only in the legend.
    """
    title = say("turn.axis", outcome=curve.outcome)
    low, high = curve.interval
    with drawing(curve, ax, _SIZE) as axes:
        _draw_band(axes, curve.points, say_level("interval.t", curve.level))
        pieces = [
            (max(a, low), min(b, high)) for a, b in curve.sets if a < high and b > low
        ]
        sets = say("turn.and").join(map(_interval_text, curve.sets))
        level = f"{100 * curve.level:g}"
        label = say("turn.set", level=level, sets=sets or say("turn.empty"))
        # Shade that covers everything shows nothing.
        shaded = [] if pieces == [(low, high)] else pieces
        if not shaded:
            _add_legend_text(axes, label)
        _shade(axes, shaded, label)
        _mark_turns(axes, curve)
        if curve.rows is not None:
            _draw_rows(axes, curve.rows)
        axes.set_xlim(low, high)
        name_axes(axes, [title], [curve.variable, ", ".join(curve.at)])
        legend_above(axes)
    return axes


def _draw_band(axes: Axes, points: pd.DataFrame, label: str) -> None:
    """Draw a line with its interval; `points` has x, value, lower and upper end."""
    at, value, low, high = points.to_numpy(dtype=np.float64).T
    axes.fill_between(at, low, high, facecolor=(INK, 0.28), linewidth=0, label=label)
    axes.plot(at, value, color=INK, linewidth=1.4)
    axes.axhline(0, linestyle="--", **THIN)


def _shade_regions(
    axes: Axes, regions: Sequence[Interval], support: Interval, label: str
) -> None:
    """Shade where an interval excludes 0; only say so if it does everywhere."""
    everywhere = any(low <= support[0] and support[1] <= high for low, high in regions)
    if everywhere:
        _add_legend_text(axes, say("slope.zero.everywhere"))
    else:
        _shade(axes, regions, label)


def _add_legend_text(axes: Axes, label: str) -> None:
    """Add an entry to the legend that has no mark."""
    axes.plot([], [], linestyle="none", label=label)


def _shade(
    axes: Axes, pieces: Sequence[Interval], label: str, alpha: float = 0.08
) -> None:
    """Shade intervals; only the first is in the legend."""
    for number, (low, high) in enumerate(pieces):
        text = "_" if number else label
        axes.axvspan(low, high, color=(INK, alpha), linewidth=0, label=text, zorder=0)


def _draw_levels(axes: Axes, points: pd.DataFrame, label: str) -> None:
    """Draw a point with its interval at each value of the moderator."""
    at, low, high = np.arange(len(points)), points["conf_low"], points["conf_high"]
    axes.axhline(0, linestyle="--", **THIN)
    axes.vlines(at, low, high, color=INK, linewidth=1.3, label=label)
    axes.plot(at, points["estimate"], "o", color=INK, markersize=5)
    room = 0.75 * (figure_width() or _SIZE[0])
    step = tick_step(list(points["at"]), room)
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
    axes.bar(
        at,
        (_STRIP - 0.03) * rows["rows"] / most,
        width,
        color=PALE,
        edgecolor="white",
        linewidth=0.4,
        transform=axes.get_xaxis_transform(),
        label=say("slope.rows", count=f"{int(rows['rows'].sum()):,}", most=f"{most:,}"),
    )
    axes.axhline(low, **{**THIN, "linewidth": 0.6})


def _interval_text(interval: Interval) -> str:
    """Write an interval, an unbounded one without infinite ends."""
    low, high = interval
    if math.isnan(low):
        return say("turn.missing")
    if math.isinf(low) and math.isinf(high):
        return say("turn.all")
    if math.isinf(low):
        return f"≤ {number_text(high)}"
    return f"≥ {number_text(low)}" if math.isinf(high) else interval_text(low, high)


def _mark_turns(axes: Axes, curve: TurningCurve) -> None:
    low, high = curve.interval
    for turn in curve.turns[:1] if math.isnan(curve.turns[0]) else curve.turns:
        inside = low <= turn <= high
        code = "at" if inside else "none" if math.isnan(turn) else "outside"
        label = say(f"turn.{code}", value=number_text(turn))
        if inside:
            axes.axvline(turn, color=MARKED, linewidth=1.0, linestyle="--", label=label)
        else:
            _add_legend_text(axes, label)


# --- over candidates ------------------------------------------------------------------


def draw_profile(profile: Profile, ax: Axes | None) -> Axes:
    """Draw a criterion over the candidates of a threshold, and its confidence set."""
    points = profile.points
    # Excluded candidates have missing values, so that the line has gaps there.
    gaps = pd.DataFrame({"gamma": profile.excluded})
    every = pd.concat([points, gaps]).sort_values("gamma", kind="stable")
    values = every["gamma"].to_numpy(dtype=np.float64)
    steps = "steps-post" if profile.before else "steps-pre"
    with drawing(profile, ax, (6.4, 4.0)) as axes:
        first, last = float(points["gamma"].min()), float(points["gamma"].max())
        pieces = [_with_step(piece, values, profile) for piece in profile.sets]
        wide = _widen_narrow(pieces, _THIN * (last - first))
        inside = [(max(low, first), min(high, last)) for low, high in wide]
        _shade(axes, inside, say_level("profile.set", profile.level), 0.18)
        axes.plot(
            values,
            every["lr"],
            color=INK,
            linewidth=1.3,
            label="LR(γ)",
            drawstyle=steps,
        )
        axes.plot(
            points["gamma"],
            points["critical"],
            color=MARKED,
            linestyle="--",
            linewidth=1.0,
            label=_critical_text(profile),
            drawstyle=steps,
        )
        code = "profile.given" if profile.fixed else "profile.estimate"
        label = say(code, value=number_text(profile.estimate))
        axes.plot(
            [profile.estimate],
            [0.0],
            "o",
            color=INK,
            markersize=6,
            clip_on=False,
            label=label,
        )
        axes.margins(x=0)
        axes.set_ylim(bottom=min(0.0, points["lr"].min()))
        code = "profile.ratio" if profile.number is None else "profile.ratio.of"
        name_axes(axes, [say(code, number=profile.number)], [f"{profile.variable} (γ)"])
        legend_above(axes)
    return axes


def _with_step(piece: Interval, candidates: Floats, profile: Profile) -> Interval:
    """Add to a piece of a set the step of its last candidate, to the next one.

    With ``<`` it is the step of its first candidate, from the one before.
    """
    # Every value of the step divides the rows as the candidate does.
    low, high = piece
    if profile.before:
        after = int(np.searchsorted(candidates, high, side="right"))
        return low, float(candidates[min(after, candidates.size - 1)])
    before = int(np.searchsorted(candidates, low)) - 1
    return float(candidates[max(before, 0)]), high


def _widen_narrow(pieces: Sequence[Interval], least: float) -> list[Interval]:
    """Widen intervals (ascending) to a minimum width, and join those that then meet."""
    # Narrow strips would not be seen, and strips above each other would be darker.
    out: list[Interval] = []
    for low, high in pieces:
        half = max(high - low, least) / 2
        wide = (low + high) / 2 - half, (low + high) / 2 + half
        if out and wide[0] <= out[-1][1]:
            wide = out.pop()[0], max(wide[1], high)
        out.append(wide)
    return out


def _critical_text(profile: Profile) -> str:
    """Write the critical value for the legend; it may differ between candidates."""
    parts = {"level": f"{100 * profile.level:g}", "criterion": profile.criterion}
    if profile.critical is None:
        return say("profile.critical.drawn", **parts)
    return say("profile.critical", value=f"{profile.critical:.2f}", **parts)


# --- densities ------------------------------------------------------------------------


def draw_drawn_density(drawn: DrawnDensity, ax: Axes | None) -> Axes:
    """Draw the density of a statistic over draws, its value and the p-value."""
    value, density = drawn.points["value"], drawn.points["density"]
    with drawing(drawn, ax, _SIZE) as axes:
        axes.fill_between(value, density, facecolor=(INK, 0.2), linewidth=0)
        label = say("draws", count=f"{drawn.draws.size:,}")
        axes.plot(value, density, color=INK, linewidth=1.4, label=label)
        heights, edge = np.full(drawn.draws.size, 0.012), axes.get_xaxis_transform()
        axes.plot(drawn.draws, heights, "|", color=FAINT, markersize=5, transform=edge)
        axes.axvline(0, linestyle=":", **THIN)
        number = np.format_float_positional(
            drawn.statistic, 4, fractional=False, trim="-"
        )
        label = say("draws.found", value=number.replace("-", "−"))
        axes.axvline(
            drawn.statistic, color=MARKED, linewidth=1.4, linestyle="--", label=label
        )
        axes.set_ylim(0, 1.08 * float(density.max()))
        right = drawn.statistic < float(value.iloc[0] + value.iloc[-1]) / 2
        x, side = (0.98, "right") if right else (0.02, "left")
        axes.text(
            x,
            0.97,
            p_words(drawn.p_value),
            transform=axes.transAxes,
            ha=side,
            va="top",
            fontsize="small",
        )
        name_axes(axes, [say("density")], [drawn.name])
        legend_above(axes)
    return axes


# Ridges overlap by so much of their distance.
_OVERLAP = 1.7
# Points of the texts beside them.
_SMALL = 8.3


def draw_ridges(ridges: Ridges, ax: Axes | None) -> Axes:
    """Draw the densities of periods above each other, on the same scale."""
    drawn, grid, count = ridges.ridges, ridges.grid, len(ridges.ridges)
    names, remarks, densities = zip(*drawn, strict=True)
    top = max(float(part.max()) for part in densities if part is not None)
    with drawing(ridges, ax, (6.4, 1.4 + 0.36 * count)) as axes:
        edge = axes.get_yaxis_transform()
        for row, (_, remark, density) in enumerate(drawn):
            axes.axhline(row, color=FAINT, linewidth=0.5, zorder=2 * row)
            if density is not None:
                height = row - _OVERLAP * density / top
                axes.fill_between(
                    grid,
                    height,
                    row,
                    facecolor=PALE,
                    alpha=0.8,
                    linewidth=0,
                    zorder=2 * row,
                )
                axes.plot(grid, height, color=INK, linewidth=1.0, zorder=2 * row + 1)
            axes.text(
                1.01,
                row,
                remark,
                transform=edge,
                va="center",
                fontsize="small",
            )
        axes.set_yticks(range(count), names)
        axes.set_ylim(count - 0.5, -_OVERLAP - 0.1)
        axes.set_xlim(grid[0], grid[-1])
        axes.tick_params(axis="y", length=0)
        name_axes(
            axes,
            [ridges.time],
            [ridges.variable, say("ridge.kernel", rule=ridges.rule)],
        )
        widest = max(map(text_em, remarks))
        spread_ticks(axes, widest * _SMALL * type_size() / 72)
        axes.spines["left"].set_visible(False)
    return axes
