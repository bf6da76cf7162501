"""Figure of spatial effects over the distance up to which entities are neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from digiprosper.present.figure import FAINT, INK, MARKERS, fonts, legend_above, new_axes, plain_spines
from digiprosper.present.lines import balanced_lines

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from digiprosper.report.drawings import Decay

__all__ = ["draw_decay"]

_MOST_TICKS: Final = 12
# Letters of a line beside the axis: no more than 45, no fewer than 20; a letter is about 5.5 points long.
_LONGEST_LINE: Final = 45
_SHORTEST_LINE: Final = 20
_LETTER: Final = 5.5
# How far the markers of several kinds stand beside each other, as a share of the axis.
_SHIFT: Final = 0.008


def draw_decay(drawn: Decay, ax: Axes | None, purpose: str) -> Axes:
    """Draw effects with vertical intervals over the cut-off, one marker a kind of effect.

    Parameters
    ----------
    drawn : Decay
        What to draw.
    ax : Axes or None
        Where; None for a new figure.
    purpose : str
        Which figure, for errors.

    Returns
    -------
    Axes
        With a line at zero.
    """
    with fonts(ax, [drawn.name, drawn.outcome], purpose):
        axes = new_axes((6.4, 4.0), purpose) if ax is None else ax
        axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
        cutoffs = drawn.points["cutoff"]
        step = _SHIFT * float(cutoffs.max() - cutoffs.min())
        for place, (kind, head) in enumerate(drawn.heads.items()):
            points = drawn.points[drawn.points["kind"] == kind]
            shift = step * (place - (len(drawn.heads) - 1) / 2)
            _draw_kind(axes, points, head, shift, place, single=len(drawn.heads) == 1)
        _set_texts(axes, drawn)
        plain_spines(axes)
        if len(drawn.heads) > 1:
            legend_above(axes, columns=len(drawn.heads))
    return axes


def _draw_kind(
    axes: Axes, points: pd.DataFrame, head: str, shift: float, place: int, *, single: bool
) -> None:
    color, marker = (INK if single else f"C{place}"), MARKERS[place]
    at = points["cutoff"] + shift
    axes.vlines(at, points["conf_low"], points["conf_high"], color=color, linewidth=1.3)
    axes.plot(at, points["estimate"], color=color, linewidth=0.8, alpha=0.5, zorder=1)
    axes.plot(at, points["estimate"], marker, color=color, markersize=5, label=head)


def _set_texts(axes: Axes, drawn: Decay) -> None:
    """Name both axes; few cut-offs each have a tick."""
    cutoffs = sorted(set(drawn.points["cutoff"]))
    if len(cutoffs) <= _MOST_TICKS:
        axes.set_xticks(cutoffs, [f"{cutoff:,g}" for cutoff in cutoffs])
    left_out = f" ({', '.join(drawn.left_out)})" if drawn.left_out else ""
    axes.set_xlabel(f"Cut-off of the distance in km{left_out}")
    single = len(drawn.heads) == 1
    effect = f"{next(iter(drawn.heads.values()))} effect" if single else "Effects"
    on = f" on {drawn.outcome}" if drawn.outcome else ""
    interval = f"Estimate and {100 * drawn.level:g}% confidence interval"
    room = axes.bbox.height / axes.figure.dpi * 72 / _LETTER
    columns = min(_LONGEST_LINE, max(_SHORTEST_LINE, room))
    lines = [
        *balanced_lines(f"{effect} of {drawn.name}{on}", columns),
        *balanced_lines(interval, columns),
    ]
    axes.set_ylabel("\n".join(lines))
