"""Figure of event studies: estimates over event time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    text_em,
    tick_step,
    type_size,
)
from digiprosper.present.figure_style import figure_width, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from digiprosper.report.drawings import EventPath, EventPaths

# Event times that are named, in a figure of its usual width.
_MOST_TICKS, _WIDTH = 25, 6.4
# Of the width, what the axis has at least.
_SHARE = 0.7
# Between two names, as a multiple of the size of type.
_BLANK = 0.5


def draw_event_paths(drawn: EventPaths, ax: Axes | None, purpose: str, *, counts: bool) -> Axes:
    """Draw estimates with intervals over event time, one marker per model.

    There is a line at zero, and one at the start of the policy, between event times -1 and 0.
    """
    heads = [path.head for path in drawn.paths]
    with fonts(ax, [*heads, drawn.outcome], purpose):
        axes = new_axes((_WIDTH, 4.0 + 0.2 * counts * len(heads)), purpose) if ax is None else ax
        axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
        axes.axvline(-0.5, color=FAINT, linewidth=1.0, linestyle="--", zorder=0)
        for number, path in enumerate(drawn.paths):
            _draw_path(axes, path, number, len(heads))
        _name_reference(axes, drawn.paths)
        _set_ticks(axes, drawn, counts=counts)
        name_axis(axes, "y", drawn.outcome, say("estimate", level=f"{100 * drawn.level:g}"))
        name_axis(axes, "x", say("event.counts" if counts else "event.axis"))
        plain_spines(axes)
        if len(heads) > 1 or any(path.reference is not None or path.before for path in drawn.paths):
            legend_above(axes, columns=len(heads) + 1)
    keep_drawing(axes, drawn)
    return axes


def _draw_path(axes: Axes, path: EventPath, number: int, count: int) -> None:
    """Draw the estimates of one model, with an empty marker at the reference."""
    style = look(number) if count > 1 else Look(INK, "o", INK, "-")
    color, marker = style.color, style.marker
    shift = (number - (count - 1) / 2) * min(0.6 / count, 0.2)
    points = path.points
    estimated = points if path.reference is None else points[points["time"] != path.reference]
    at = estimated["time"] + shift
    axes.vlines(at, estimated["conf_low"], estimated["conf_high"], color=color, linewidth=1.3)
    axes.plot(
        at,
        estimated["estimate"],
        marker,
        color=color,
        markerfacecolor=style.face,
        markersize=5,
        label=_legend(path) or "_",
    )
    if path.reference is not None:
        axes.plot([path.reference + shift], [0.0], marker, color=color, markersize=5, markerfacecolor="white")


def _name_reference(axes: Axes, paths: Sequence[EventPath]) -> None:
    """Add the empty marker of the reference to the legend, if there is one."""
    if any(path.reference is not None for path in paths):
        axes.plot([], [], "o", color=INK, markerfacecolor="white", markersize=5, label=say("event.reference"))


def _legend(path: EventPath) -> str:
    """Write the legend of a model: its name, binned ends, and the base of event times before treatment."""
    ends = ", ".join(path.ends).replace("-", "−")
    if path.before:
        before = say(f"event.{path.before}")
        return say("event.before", head=path.head, before=before) if path.head else before
    return say("event.ends", head=path.head, ends=ends) if ends else path.head


def _set_ticks(axes: Axes, drawn: EventPaths, *, counts: bool) -> None:
    """Set the ticks of event times, with equal distances if there are too many to label all."""
    times = list(drawn.ticks)
    labelled_times = _shown(drawn.ticks, _SHARE * (figure_width() or _WIDTH))
    texts = [drawn.ticks[time].replace("-", "−") for time in labelled_times]
    if counts:
        numbers = [_counts(drawn.paths, time) for time in labelled_times]
        texts = [f"{text}\n{number}" for text, number in zip(texts, numbers, strict=True)]
    axes.set_xticks(labelled_times, texts)
    axes.set_xlim(times[0] - 0.6, times[-1] + 0.6)


def _shown(ticks: Mapping[int, str], room: float) -> list[int]:
    """Choose the event times with labels: all binned ends, and others if there is room."""
    times, size = list(ticks), 10 * type_size() / 72
    step = max(-(-len(times) // _MOST_TICKS), tick_step([*map(str, times)], room, "plots.event_study"))
    ends = [time for time in times if ticks[time] != str(time)]

    def has_room(time: int) -> bool:
        half = {end: (text_em(ticks[end]) + text_em(ticks[time]) + _BLANK) / 2 for end in ends}
        return all(half[end] * size <= abs(time - end) * room / len(times) for end in ends)

    return sorted({*ends, *(time for time in times if time % step == 0 and has_room(time))})


def _counts(paths: Sequence[EventPath], time: int) -> str:
    """Write the number of treated entities of each model at an event time, once if all are equal."""
    numbers: list[Any] = [
        f"{int(n):,}" for path in paths for n in path.points.loc[path.points["time"] == time, "n_treated"]
    ]
    return numbers[0] if len(set(numbers)) == 1 else "\n".join(numbers)
