"""Figure of spatial effects over the distance up to which entities are neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from digiprosper.present.figure import (
    FAINT,
    INK,
    Look,
    fonts,
    keep_drawing,
    legend_above,
    look,
    name_axis,
    new_axes,
    plain_spines,
)
from digiprosper.present.figure_style import say, with_remarks

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from digiprosper.report.drawings import Decay

_MOST_TICKS: Final = 12
# How far the markers of several kinds stand beside each other, as a share of the axis.
_SHIFT: Final = 0.008


def draw_decay(drawn: Decay, ax: Axes | None, purpose: str) -> Axes:
    """Draw effects with intervals over the cut-off, one marker per kind of effect."""
    with fonts(ax, [drawn.name, drawn.outcome], purpose):
        axes = new_axes((6.4, 4.0), purpose) if ax is None else ax
        axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
        cutoffs = drawn.points["cutoff"]
        step = _SHIFT * float(cutoffs.max() - cutoffs.min())
        for number, (kind, head) in enumerate(drawn.heads.items()):
            points = drawn.points[drawn.points["kind"] == kind]
            shift = step * (number - (len(drawn.heads) - 1) / 2)
            _draw_kind(axes, points, head, shift, number, single=len(drawn.heads) == 1)
        _set_texts(axes, drawn)
        plain_spines(axes)
        if len(drawn.heads) > 1:
            legend_above(axes, columns=len(drawn.heads))
    keep_drawing(axes, drawn)
    return axes


def _draw_kind(
    axes: Axes, points: pd.DataFrame, head: str, shift: float, number: int, *, single: bool
) -> None:
    style = Look(INK, "o", INK, "-") if single else look(number)
    at = points["cutoff"] + shift
    axes.vlines(at, points["conf_low"], points["conf_high"], color=style.color, linewidth=1.3)
    axes.plot(
        at, points["estimate"], color=style.color, linewidth=0.8, linestyle=style.dashes, alpha=0.5, zorder=1
    )
    axes.plot(at, points["estimate"], style.marker, color=style.color, markersize=5, label=head)


def _set_texts(axes: Axes, drawn: Decay) -> None:
    """Label both axes; if there are few cut-offs, each has a tick."""
    cutoffs = sorted(set(drawn.points["cutoff"]))
    if len(cutoffs) <= _MOST_TICKS:
        axes.set_xticks(cutoffs, [f"{cutoff:,g}" for cutoff in cutoffs])
    kind = next(iter(drawn.heads.values()))
    code = "decay.effect" if len(drawn.heads) == 1 else "decay.effects"
    effect = say(code, kind=kind, name=drawn.name)
    text = say("decay.on", effect=effect, outcome=drawn.outcome) if drawn.outcome else effect
    name_axis(axes, "y", text, say("estimate", level=f"{100 * drawn.level:g}"))
    name_axis(axes, "x", with_remarks(say("decay.axis"), drawn.left_out))
