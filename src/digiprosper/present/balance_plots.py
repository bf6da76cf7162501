"""Figure of a matched sample: how far the groups differ before and after matching."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.present.figure import FAINT, INK, fonts, legend_above, new_axes, plain_spines
from digiprosper.present.lines import balanced_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from digiprosper.report.drawings import Balance

__all__ = ["draw_balance"]

_LONGEST_LINE = 30


def draw_balance(drawn: Balance, ax: Axes | None, purpose: str) -> Axes:
    """Draw absolute differences before and after matching, one row a term.

    Parameters
    ----------
    drawn : Balance
        What to draw.
    ax : Axes or None
        Where; None for a new figure.
    purpose : str
        Which figure, for errors.

    Returns
    -------
    Axes
        The first term is on top.
    """
    points = drawn.points
    rows = np.arange(len(points))[::-1]
    names = ["\n".join(balanced_lines(name, _LONGEST_LINE)) for name in points["label"]]
    with fonts(ax, names, purpose):
        axes = new_axes((6.0, 1.4 + 0.36 * len(points)), purpose) if ax is None else ax
        axes.axvline(0, color=FAINT, linewidth=0.8, zorder=0)
        axes.axvline(drawn.limit, color=FAINT, linewidth=1.0, linestyle="--", zorder=0)
        axes.hlines(rows, points["before"], points["after"], color=FAINT, linewidth=0.8, zorder=1)
        axes.plot(points["before"], rows, "o", color=INK, markerfacecolor="white", label="Before matching")
        axes.plot(points["after"], rows, "o", color=INK, label="After matching")
        axes.set_yticks(rows, names)
        axes.set_ylim(-0.6, len(points) - 0.4)
        axes.set_xlabel("Absolute standardised difference of means")
        plain_spines(axes)
        legend_above(axes)
    return axes
