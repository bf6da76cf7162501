"""Figure of many models: a coefficient in all of them, and which choices each model made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.optional import require
from digiprosper.present.figure import (
    FAINT,
    INK,
    MARKED,
    MOST_NAMES,
    fonts,
    keep_drawing,
    legend_above,
    name_axis,
    new_axes,
    plain_spines,
    row_names,
    type_size,
)
from digiprosper.present.figure_style import figure_width, say, with_remarks
from digiprosper.present.lines import balanced_lines, type_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from digiprosper.report.drawings import SpecificationCurve

    Floats = np.ndarray[Any, np.dtype[np.float64]]

_MOST_MARKS = 150
_MOST_HEADS = 30
_MOST_CELLS = 400
_MOST_VECTORS = 10_000
_LONGEST_LINE, _LONGEST_HEAD = 40, 24
# Inches: the width, the estimates, a row of choices and its further lines, a letter of a name, a line of a
# sloping name.
_WIDTH, _UPPER, _ROW, _NEXT_LINE, _COLUMN, _HEAD = 6.4, 3.0, 0.19, 0.13, 0.07, 0.13
# How much of the width names of choices may take.
_NAMES_SHARE = 0.38


def draw_specification_curve(drawn: SpecificationCurve, ax: Axes | None, purpose: str) -> Axes:
    """Draw ordered estimates, and below them one row per choice.

    Models are at 1, 2, ... on the horizontal axis. With many models, each cell of a row of choices stands for
    several of them and is shaded by the share that made the choice.
    """
    names, lines = row_names(
        [say(f"choice.{c.group}", name=c.name) for c in drawn.choices], ax, _WIDTH, purpose
    )
    heads = _heads(drawn)
    with fonts(ax, [*names, *heads, drawn.name, drawn.outcome], purpose):
        row = _ROW + (lines - 1) * _NEXT_LINE
        axes = new_axes(_size(names, heads, row), purpose, fit="rows") if ax is None else ax
        low, high = _range(drawn)
        rows = low - (high - low) * row / _UPPER * np.arange(1.0, len(names) + 1)
        _draw_estimates(axes, drawn, (low, high), purpose)
        _draw_choices(axes, drawn, rows, purpose)
        _mark_main(axes, drawn)
        _name_rows(axes, names, rows)
        _name_estimates(axes, drawn, (low, high))
        _name_models(axes, drawn, heads)
        plain_spines(axes)
        legend_above(axes, columns=3)
    keep_drawing(axes, drawn)
    return axes


def _heads(drawn: SpecificationCurve) -> list[str]:
    """Break the names of models into lines; none if there are so many that they would overlap."""
    heads = ["\n".join(balanced_lines(head, _LONGEST_HEAD)) for head in drawn.heads]
    lines = max((head.count("\n") + 1 for head in heads), default=1)
    room = (1 - _NAMES_SHARE) * (figure_width() or _WIDTH) / (_HEAD * type_size() * lines)
    return heads if len(heads) <= min(_MOST_HEADS, room) else []


def _size(names: Sequence[str], heads: Sequence[str], row: float) -> tuple[float, float]:
    """Choose a size in inches that has room for the names."""
    return _WIDTH, _UPPER + 0.9 + _COLUMN * _columns(heads) + row * len(names)


def _columns(texts: Sequence[str]) -> float:
    lines = (line for text in texts for line in text.splitlines())
    return max(map(type_columns, lines), default=0.0)


def _range(drawn: SpecificationCurve) -> tuple[float, float]:
    """Return the limits of the axis for estimates: all intervals, and zero."""
    values = drawn.points[["estimate", "conf_low", "conf_high"]].to_numpy(dtype=np.float64)
    values = values[np.isfinite(values)]
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


# --- estimates ----------------------------------------------------------------------------------------------


def _draw_estimates(
    axes: Axes, drawn: SpecificationCurve, interval: tuple[float, float], purpose: str
) -> None:
    """Draw estimates with intervals, or with a band if there are many models."""
    points, count = drawn.points, len(drawn.points)
    at, significant = np.arange(1, count + 1), points["significant"].to_numpy(dtype=bool)
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    if count > _MOST_MARKS:
        axes.fill_between(
            at, points["conf_low"], points["conf_high"], color=FAINT, alpha=0.25, linewidth=0, zorder=1
        )
    p = f"{1 - drawn.level:.4g}"
    for chosen, color, text in ((significant, INK, f"p ≤ {p}"), (~significant, FAINT, f"p > {p}")):
        if chosen.any():
            _draw_points(axes, at[chosen], points[chosen], color, count)
            axes.plot([], [], "o", color=color, markersize=5, label=text)
    axes.set_xlim(0.5 - 0.01 * count, count + 0.5 + 0.01 * count)
    axes.set_ylim(*interval)
    ticker: Any = require("matplotlib.ticker", extra="plot", purpose=purpose)
    ticks = ticker.MaxNLocator(6).tick_values(*interval)
    axes.set_yticks([tick for tick in ticks if interval[0] <= tick <= interval[1]])


def _draw_points(axes: Axes, at: np.ndarray[Any, Any], points: pd.DataFrame, color: str, count: int) -> None:
    if count <= _MOST_MARKS:
        width = 1.3 if count <= _MOST_HEADS else 0.8
        axes.vlines(at, points["conf_low"], points["conf_high"], color=color, linewidth=width, zorder=2)
    axes.plot(
        at,
        points["estimate"],
        "o",
        color=color,
        markersize=1.5 if count > _MOST_MARKS else _mark_size(count),
        markeredgewidth=0,
        rasterized=count > _MOST_VECTORS,
        zorder=3,
    )


def _mark_size(count: int) -> float:
    return min(5.0, max(2.0, 200 / count))


def _mark_main(axes: Axes, drawn: SpecificationCurve) -> None:
    if drawn.main is None:
        return
    at, row = drawn.main + 1, drawn.points.iloc[drawn.main]
    axes.axvline(at, color=MARKED, linewidth=0.6, alpha=0.5, zorder=1)
    axes.vlines(at, row["conf_low"], row["conf_high"], color=MARKED, linewidth=1.3, zorder=4)
    text = "\n".join(balanced_lines(drawn.main_text, _LONGEST_LINE))
    axes.plot([at], [row["estimate"]], "D", color=MARKED, markersize=5, zorder=5, label=text)


def _name_estimates(axes: Axes, drawn: SpecificationCurve, interval: tuple[float, float]) -> None:
    """Label the axis of the estimates, without the rows of choices."""
    name = say("curve.outcome", name=drawn.name, outcome=drawn.outcome) if drawn.outcome else drawn.name
    lines = balanced_lines(name, _LONGEST_LINE)
    bottom, top = axes.get_ylim()
    middle = (sum(interval) / 2 - bottom) / (top - bottom)
    text = "\n".join([*lines, say("estimate", level=f"{100 * drawn.level:g}")])
    axes.set_ylabel(text, y=middle, ha="center", parse_math=False)


# --- choices ------------------------------------------------------------------------------------------------


def _draw_choices(axes: Axes, drawn: SpecificationCurve, rows: Floats, purpose: str) -> None:
    """Draw one row per choice below the estimates."""
    if not rows.size:
        return
    choices = np.array([choice.made for choice in drawn.choices])
    count, step = choices.shape[1], abs(rows[0] - axes.get_ylim()[0])
    axes.axhline(axes.get_ylim()[0] - step / 2, color=FAINT, linewidth=0.8, zorder=0)
    if count <= _MOST_MARKS:
        _draw_marks(axes, choices, rows)
    else:
        _draw_shares(axes, choices, rows, step, purpose)
    axes.set_ylim(rows[-1] - step, axes.get_ylim()[1])


def _draw_marks(axes: Axes, choices: np.ndarray[Any, Any], rows: Floats) -> None:
    size = _mark_size(choices.shape[1])
    for chosen, color, share in ((choices, INK, 1.0), (~choices, "#dddddd", 0.6)):
        row, at = np.nonzero(chosen)
        axes.plot(at + 1, rows[row], "o", color=color, markersize=share * size, markeredgewidth=0)


def _draw_shares(axes: Axes, choices: np.ndarray[Any, Any], rows: Floats, step: float, purpose: str) -> None:
    """Shade each cell of a row by the share of its models that made the choice."""
    colors: Any = require("matplotlib.colors", extra="plot", purpose=purpose)
    count = choices.shape[1]
    edges = np.linspace(0, count, min(count, _MOST_CELLS) + 1).astype(np.intp)
    shares = np.add.reduceat(choices.astype(np.float64), edges[:-1], axis=1) / np.diff(edges)
    for at, share in zip(rows, shares, strict=True):
        axes.imshow(
            share[None, :],
            extent=(0.5, count + 0.5, at - 0.4 * step, at + 0.4 * step),
            cmap=colors.LinearSegmentedColormap.from_list("made", ["#f2f2f2", INK]),
            vmin=0,
            vmax=1,
            aspect="auto",
            interpolation="nearest",
        )


def _name_rows(axes: Axes, names: list[str], rows: Floats) -> None:
    """Write the names of the choices next to their rows."""
    if 0 < len(names) <= MOST_NAMES:
        axes.set_yticks(rows, names, minor=True, parse_math=False)
        axes.tick_params(axis="y", which="minor", length=0, labelsize="small")


def _name_models(axes: Axes, drawn: SpecificationCurve, heads: Sequence[str]) -> None:
    """Write the names of the models below the axis if they are few, and their number."""
    if heads:
        axes.set_xticks(range(1, len(heads) + 1), list(heads), rotation=45, ha="right", parse_math=False)
    axes.tick_params(axis="x", labelsize="small")
    count = len(drawn.points)
    text = say("curve.model" if count == 1 else "curve.models", count=f"{count:,}")
    name_axis(axes, "x", with_remarks(text, drawn.left_out))
