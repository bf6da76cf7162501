"""Figure of a matched sample: how far the groups differ before and after matching."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.present.figure import (
    FAINT,
    INK,
    fonts,
    keep_drawing,
    legend_above,
    name_axis,
    new_axes,
    plain_spines,
    row_names,
)
from digiprosper.present.figure_style import say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from digiprosper.report.drawings import Balance

# Inches: a figure's width; between rows, and a line of a row's name.
_WIDTH, _GAP, _LINE = 6.0, 0.12, 0.17


def draw_balance(drawn: Balance, ax: Axes | None, purpose: str) -> Axes:
    """Draw absolute differences before and after matching, one row per term from the top."""
    points = drawn.points
    rows = np.arange(len(points))[::-1]
    names, lines = row_names(points["label"].tolist(), ax, _WIDTH, purpose)
    size = _WIDTH, 1.0 + (_GAP + _LINE * lines) * len(points)
    with fonts(ax, names, purpose):
        axes = new_axes(size, purpose, fit="rows") if ax is None else ax
        axes.axvline(0, color=FAINT, linewidth=0.8, zorder=0)
        axes.axvline(drawn.limit, color=FAINT, linewidth=1.0, linestyle="--", zorder=0)
        axes.hlines(rows, points["before"], points["after"], color=FAINT, linewidth=0.8, zorder=1)
        axes.plot(
            points["before"], rows, "o", color=INK, markerfacecolor="white", label=say("balance.before")
        )
        axes.plot(points["after"], rows, "o", color=INK, label=say("balance.after"))
        axes.set_yticks(rows, names, parse_math=False)
        axes.set_ylim(-0.6, len(points) - 0.4)
        name_axis(axes, "x", say("balance.axis"))
        plain_spines(axes)
        legend_above(axes)
    keep_drawing(axes, drawn)
    return axes
