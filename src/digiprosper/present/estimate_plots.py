"""Figures of estimates with intervals, by term, event time, cut-off or model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.checks import check_level, models_problem
from digiprosper.errors import InputTypeError
from digiprosper.present.columns import (
    Columns,
    Models,
    merged_labels,
    name_columns,
    read_columns,
    select,
)
from digiprosper.present.figure import (
    FAINT,
    INK,
    MARKED,
    MOST_NAMES,
    THIN,
    axes_inches,
    balanced_lines,
    checked_axes,
    drawing,
    legend_above,
    look,
    name_axes,
    name_axis,
    row_names,
    text_em,
    tick_step,
    type_columns,
    type_size,
)
from digiprosper.present.figure_style import (
    figure_language,
    figure_width,
    matplotlib_part,
    say,
    say_level,
    with_remarks,
)
from digiprosper.present.row_names import TermRow, share_rows
from digiprosper.present.style import Style
from digiprosper.report.columns import Column, Estimate
from digiprosper.report.drawings import (
    Balance,
    Decay,
    Effects,
    EventPath,
    EventPaths,
    Floats,
    HonestPlot,
    ModelEstimatesDrawing,
    SpecificationCurve,
)
from digiprosper.report.labels import check_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer

_Row = tuple[str, dict[int, Estimate]]
"""Label, and estimates by position of the column."""
_Placed = list[tuple[float, Estimate]]
"""Heights and estimates."""

# Inches: a figure's width; between rows, from model to model in a row, a line of a
# row's name.
_WIDTH, _GAP, _STEP, _LINE = 6.4, 0.16, 0.11, 0.17
# From so many models on markers are smaller.
_MANY = 6
_SHADE = "#f3f3f3"
# The same for effects, of which each has one estimate, and for balance.
_EFFECT_WIDTH, _EFFECT_GAP, _BALANCE_WIDTH, _BALANCE_GAP = 6.8, 0.2, 6.0, 0.12


# --- by term --------------------------------------------------------------------------


def coefficients(
    results: Models,
    *,
    keep: Sequence[str] | str | None = None,
    drop: Sequence[str] | str | None = None,
    labels: Mapping[str, str] | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw estimates with confidence intervals, one row per term.

    Parameters
    ----------
    results : result, list, mapping or ResultSet
        Results of one or more models. Several models have different markers; the keys
        of a mapping are in the legend. A model that could not be estimated, or has none
        of the terms, is listed in the legend with the reason.
    keep, drop : sequence of str, optional
        Terms to keep or to drop: names, or patterns such as ``"digital*"``.
    labels : mapping, optional
        Labels of terms, columns or models. They replace those of the results.
    level : float
        Confidence level of the intervals, .95 by default.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        Estimates with intervals, and a line at zero.

    Raises
    ------
    InputTypeError
        If there is nothing to draw.
    OptionError
        If `level` is not between 0 and 1.
    ColumnError
        If `keep` or `drop` has a term that is in no model.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> fit = dp.FixedEffects("log(gsp)", ["log(pcap)", "unemp"]).fit(
    ...     dp.datasets.us_states()
    ... )
    >>> ax = coefficients(fit, labels={"unemp": "Unemployment"}, keep="unemp")
    >>> ax.get_yticklabels()[0].get_text()
    'Unemployment'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.coefficients"
    level = check_level(level)
    columns = read_columns(results, purpose, level=level)
    if any(c.cells for c in columns) or not any(c.estimates for c in columns):
        raise _no_estimates_error(purpose)
    caller_labels = check_labels(labels, purpose)
    style = Style("se", None, 3, figure_language())
    texts = style.own_labels | merged_labels(columns, caller_labels)
    named = name_columns(columns, None, replace(style, labels=texts), purpose)
    columns = [replace(c, head=caller_labels.get(str(c.head), c.head)) for c in named]
    terms = select(columns, keep, drop, caller=purpose)
    return draw_columns(
        columns, terms, texts, say_level("estimate", level), ax, purpose
    )


def draw_columns(
    columns: Columns,
    terms: Sequence[str],
    labels: Mapping[str, str],
    words: str,
    ax: Axes | None,
    purpose: str,
) -> Axes:
    """Draw the estimates of columns next to each other, one row per term."""
    style = Style("se", None, 3, figure_language(), labels=labels)
    shared = share_rows(terms, columns, style)
    labelled = [(row.label, _finite_estimates(row, columns)) for row in shared]
    rows = [(label, cells) for label, cells in labelled if cells]
    if not rows:
        raise _no_estimates_error(purpose)
    ax = checked_axes(ax, purpose)
    drawn = {at for _, cells in rows for at in cells}
    models = _placed_by_model(rows, len(columns), min(0.8 / len(drawn), 0.22))
    heads = [
        _legend_label(column, drawn=at in drawn) for at, column in enumerate(columns)
    ]
    names, lines = row_names([label for label, _ in rows], ax, _WIDTH)
    size = _WIDTH, 0.75 + len(rows) * (_GAP + max(_STEP * len(drawn), _LINE * lines))
    with drawing(_list_estimates(columns, rows), ax, size, "rows", heads) as axes:
        handles = _draw_models(axes, models, heads)
        _frame_estimates(axes, len(rows))
        # Every second row is shaded, to show to which term an estimate belongs.
        shaded = range(0, len(rows), 2) if len(drawn) > 1 else ()
        for row in shaded:
            axes.axhspan(row - 0.5, row + 0.5, facecolor=_SHADE, linewidth=0, zorder=-1)
        axes.set_yticks(range(len(rows)), names, parse_math=False)
        name_axis(axes, "x", words)
        if len(columns) > 1:
            # Above in either language, whatever the width of the names.
            legend_above(axes, columns=4, handles=handles)
    return axes


def _no_estimates_error(purpose: str) -> InputTypeError:
    return InputTypeError(
        f"{purpose}: no estimates to draw; pass what `fit` returns, or a list or "
        "mapping of them.",
        [models_problem("no estimates")],
    )


def _finite_estimates(row: TermRow, columns: Columns) -> dict[int, Estimate]:
    """Return the estimates of a row that are numbers, by position of the column."""
    cells = {at: columns[at].estimates[term] for at, term in row.terms.items()}
    return {at: cell for at, cell in cells.items() if math.isfinite(cell.estimate)}


def _list_estimates(columns: Columns, rows: Sequence[_Row]) -> ModelEstimatesDrawing:
    return ModelEstimatesDrawing(
        [
            (str(columns[position].head or ""), label, estimate)
            for label, cells in rows
            for position, estimate in sorted(cells.items())
        ]
    )


def _legend_label(column: Column, *, drawn: bool) -> str:
    """Write a column for the legend, with the reason if it has no estimates."""
    if drawn:
        return str(column.head)
    return say("absent.failed" if column.failure else "absent.terms", head=column.head)


def _placed_by_model(rows: Sequence[_Row], count: int, step: float) -> list[_Placed]:
    """Return the estimates of each model with their heights, next to each other."""
    models: list[_Placed] = [[] for _ in range(count)]
    for y, (_, cells) in enumerate(rows):
        # A row has room for the models that have it, and no gaps for the others.
        for number, position in enumerate(sorted(cells)):
            height = y + (number - (len(cells) - 1) / 2) * step
            models[position].append((height, cells[position]))
    return models


def _draw_models(
    axes: Axes, models: Sequence[_Placed], heads: Sequence[str]
) -> list[Any]:
    """Draw the models next to each other and return the handles of their legend."""
    handles: list[Any] = []
    count, drawn = sum(map(bool, models)), 0
    for estimates, head in zip(models, heads, strict=True):
        if estimates:
            handles.append(_draw_model(axes, estimates, head, drawn, count))
            drawn += 1
        else:
            handles += axes.plot([], [], linestyle="none", label=head)
    return handles


def _draw_model(
    axes: Axes, estimates: _Placed, head: str, position: int, count: int
) -> ErrorbarContainer:
    style = look(position)
    container = axes.errorbar(
        [cell.estimate for _, cell in estimates],
        [y for y, _ in estimates],
        xerr=0.0,
        fmt=style.marker,
        color=style.color,
        markerfacecolor=style.face,
        markersize=5 if count < _MANY else 4,
        linewidth=1.3,
        capsize=0,
        label=head,
    )
    # A percentile interval need not cover the estimate, and errorbar has no such bars.
    bars = container.lines[2][0]
    ends = [[(cell.conf_low, y), (cell.conf_high, y)] for y, cell in estimates]
    bars.set_segments(ends)
    axes.update_datalim(np.concatenate(ends))
    return container


def _frame_estimates(axes: Axes, rows: int) -> None:
    """Draw the line at zero, and set limits with a margin around the estimates."""
    axes.axvline(0, linestyle="--", **THIN)
    # A vertical line takes no margin: with estimates on one side the frame hides it.
    low, high = axes.dataLim.intervalx
    room = 0.04 * (high - low) or 1.0
    axes.set_xlim(low - room, high + room)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


def draw_effects(effects: Effects, ax: Axes | None) -> Axes:
    """Draw effects with intervals, one row each; below is what these are based on."""
    labels = ["\n".join(words) for words in effects.names.values()]
    names, lines = row_names(labels, ax, _EFFECT_WIDTH)
    source = say("sentence", text=f"{effects.source[0].upper()}{effects.source[1:]}")
    size = _EFFECT_WIDTH, 0.8 + (_EFFECT_GAP + _LINE * lines) * len(names)
    placed = [
        (float(y), effects.estimates[term]) for y, term in enumerate(effects.names)
    ]
    with drawing(effects, ax, size, "rows") as axes:
        _draw_model(axes, placed, "", 0, 1)
        _frame_estimates(axes, len(names))
        axes.set_yticks(range(len(names)), names, parse_math=False)
        words = say_level("effect", effects.level)
        name_axis(axes, "x", words, source)
    return axes


def draw_balance(drawn: Balance, ax: Axes | None) -> Axes:
    """Draw absolute differences before and after matching, one row per term."""
    points = drawn.points
    rows = np.arange(len(points))[::-1]
    names, lines = row_names(points["label"].tolist(), ax, _BALANCE_WIDTH)
    size = _BALANCE_WIDTH, 1.0 + (_BALANCE_GAP + _LINE * lines) * len(points)
    before, after = points["before"], points["after"]
    with drawing(drawn, ax, size, "rows", names) as axes:
        axes.axvline(0, **THIN)
        axes.axvline(drawn.limit, linestyle="--", **{**THIN, "linewidth": 1.0})
        axes.hlines(rows, before, after, **{**THIN, "zorder": 1})
        for values, face, code in ((before, "white", "before"), (after, INK, "after")):
            label = say(f"balance.{code}")
            axes.plot(values, rows, "o", color=INK, markerfacecolor=face, label=label)
        axes.set_yticks(rows, names, parse_math=False)
        axes.set_ylim(-0.6, len(points) - 0.4)
        name_axis(axes, "x", say("balance.axis"))
        legend_above(axes)
    return axes


# --- by event time --------------------------------------------------------------------

# Event times that are named, in a figure of its usual width.
_MOST_TIMES = 25
# Of the width, what the axis has at least.
_SHARE = 0.7
# Between two names, as a multiple of the size of type.
_BLANK = 0.5


def draw_event_paths(drawn: EventPaths, ax: Axes | None, *, counts: bool) -> Axes:
    """Draw estimates with intervals and joint bands over event time, by model.

    There is a line at zero, and one at the start of the policy, between -1 and 0.
    """
    heads = [path.head for path in drawn.paths]
    size = _WIDTH, 4.0 + 0.2 * counts * len(heads)
    with drawing(drawn, ax, size) as axes:
        axes.axhline(0, **THIN)
        axes.axvline(-0.5, linestyle="--", **{**THIN, "linewidth": 1.0})
        axes.set_xlim(*_event_time_limits(drawn))
        for number, path in enumerate(drawn.paths):
            _draw_path(axes, path, number, len(heads))
        has_reference = any(path.reference is not None for path in drawn.paths)
        if has_reference:
            empty: dict[str, Any] = {"markerfacecolor": "white", "markersize": 5}
            axes.plot([], [], "o", color=INK, label=say("event.reference"), **empty)
        _set_event_times(axes, drawn, counts=counts)
        banded = any("band_low" in path.points for path in drawn.paths)
        name_axes(
            axes,
            [
                drawn.outcome,
                say_level("event.bands" if banded else "estimate", drawn.level),
            ],
            [say("event.counts" if counts else "event.axis")],
        )
        if len(heads) > 1 or has_reference or any(path.before for path in drawn.paths):
            legend_above(axes, columns=len(heads) + 1)
    return axes


def _draw_path(axes: Axes, path: EventPath, number: int, count: int) -> None:
    """Draw the estimates of one model, with an empty marker at the reference."""
    color, marker, face, _ = look(number)
    step = min(0.8 / count, 0.3)
    shift = (number - (count - 1) / 2) * step
    # Markers of models next to each other do not overlap.
    first, last = axes.get_xlim()
    room = 72 * axes_inches(axes)[0] / (last - first) * step
    size = min(5.0, 0.8 * room) if count > 1 else 5.0
    points = path.points[path.points["time"] != path.reference]
    at, low, high = points["time"] + shift, points["conf_low"], points["conf_high"]
    banded = "band_low" in points
    if banded:
        band = points["band_low"], points["band_high"]
        axes.vlines(at, *band, color=color, linewidth=0.6)
    width = min(2.0 if banded else 1.3, 0.5 * size)
    axes.vlines(at, low, high, color=color, linewidth=width)
    marks: dict[str, Any] = {"marker": marker, "color": color, "markersize": size}
    marks["linestyle"] = "none"
    label = _event_legend(path) or "_"
    axes.plot(at, points["estimate"], markerfacecolor=face, label=label, **marks)
    if path.reference is not None:
        axes.plot([path.reference + shift], [0.0], markerfacecolor="white", **marks)


def _event_legend(path: EventPath) -> str:
    """Write a model's name, binned ends, and the base of times before treatment."""
    ends = say("list").join(path.ends).replace("-", "−")
    if path.before:
        before = say(f"event.{path.before}")
        return (
            say("event.before", head=path.head, before=before) if path.head else before
        )
    return say("event.ends", head=path.head, ends=ends) if ends else path.head


def _set_event_times(axes: Axes, drawn: EventPaths, *, counts: bool) -> None:
    """Set the ticks of event times, at equal distances if there are too many."""
    labelled_times = _labelled_ticks(drawn.ticks, _SHARE * (figure_width() or _WIDTH))
    texts = [drawn.ticks[time].replace("-", "−") for time in labelled_times]
    if counts:
        numbers = [_treated_counts(drawn.paths, time) for time in labelled_times]
        texts = [f"{text}\n{count}" for text, count in zip(texts, numbers, strict=True)]
    axes.set_xticks(labelled_times, texts)
    axes.set_xlim(*_event_time_limits(drawn))


def _event_time_limits(drawn: EventPaths) -> tuple[float, float]:
    times = list(drawn.ticks)
    return times[0] - 0.6, times[-1] + 0.6


def _labelled_ticks(ticks: Mapping[int, str], room: float) -> list[int]:
    """Choose the event times with labels: all binned ends, and others that fit."""
    times, size = list(ticks), 10 * type_size() / 72
    fitting = tick_step([*map(str, times)], room)
    step = max(-(-len(times) // _MOST_TIMES), fitting)
    ends = [time for time in times if ticks[time] != str(time)]

    def has_room(time: int) -> bool:
        half = {
            e: (text_em(ticks[e]) + text_em(ticks[time]) + _BLANK) / 2 for e in ends
        }
        return all(half[e] * size <= abs(time - e) * room / len(times) for e in ends)

    return sorted(
        {*ends, *(time for time in times if time % step == 0 and has_room(time))}
    )


def _treated_counts(paths: Sequence[EventPath], time: int) -> str:
    """Count treated entities at an event time, by model unless all are equal."""
    numbers = [
        f"{int(count):,}"
        for path in paths
        for count in path.points.loc[path.points["time"] == time, "n_treated"]
    ]
    return numbers[0] if len(set(numbers)) == 1 else "\n".join(numbers)


# --- by cut-off -----------------------------------------------------------------------

_MOST_CUTOFFS = 12
# How far the markers of several kinds stand beside each other, as a share of the axis.
_SHIFT = 0.008


def draw_honest(drawn: HonestPlot, ax: Axes | None) -> Axes:
    """Draw intervals by the bound M at equal distances, the usual one first.

    Where the interval begins to contain 0 is in the legend.
    """
    points = drawn.points
    with drawing(drawn, ax, (_WIDTH, 4.0)) as axes:
        axes.axhline(0, **THIN)
        at = np.arange(len(points))
        for usual, color, code in ((True, MARKED, "usual"), (False, INK, "interval")):
            chosen = (points["original"] == usual).to_numpy()
            ends = points.loc[chosen, ["conf_low", "conf_high"]].to_numpy()
            label = say_level(f"honest.{code}", drawn.level)
            axes.vlines(at[chosen], *ends.T, color=color, linewidth=1.6, label=label)
            axes.plot(at[chosen], ends, "_", color=color, markersize=9)
        axes.set_xlim(-0.6, len(points) - 0.4)
        bounds = [f"{m:.2g}" if m < 0.1 else f"{m:.3g}" for m in points["M"][1:]]
        axes.set_xticks(at, [say("honest.original"), *bounds])
        label = say("honest.breakdown", value=f"{drawn.breakdown:.3g}")
        axes.plot([], [], linestyle="none", label=label)
        name_axes(axes, [drawn.effect, drawn.outcome], [drawn.restriction])
        legend_above(axes)
    return axes


def draw_decay(drawn: Decay, ax: Axes | None) -> Axes:
    """Draw effects with intervals over the cut-off, one marker per kind of effect."""
    count = len(drawn.heads)
    with drawing(drawn, ax, (6.4, 4.0)) as axes:
        axes.axhline(0, **THIN)
        cutoffs = drawn.points["cutoff"]
        step = _SHIFT * float(cutoffs.max() - cutoffs.min())
        for number, (kind, head) in enumerate(drawn.heads.items()):
            points = drawn.points[drawn.points["kind"] == kind]
            color, marker, _, dashes = look(number)
            at = points["cutoff"] + step * (number - (count - 1) / 2)
            low, high = points["conf_low"], points["conf_high"]
            axes.vlines(at, low, high, color=color, linewidth=1.3)
            axes.plot(
                at,
                points["estimate"],
                color=color,
                linewidth=0.8,
                linestyle=dashes,
                alpha=0.5,
                zorder=1,
            )
            axes.plot(
                at, points["estimate"], marker, color=color, markersize=5, label=head
            )
        _name_decay(axes, drawn)
        if count > 1:
            legend_above(axes, columns=count)
    return axes


def _name_decay(axes: Axes, drawn: Decay) -> None:
    """Label both axes; if there are few cut-offs, each has a tick."""
    cutoffs = sorted(set(drawn.points["cutoff"]))
    if len(cutoffs) <= _MOST_CUTOFFS:
        axes.set_xticks(cutoffs, [f"{cutoff:,g}" for cutoff in cutoffs])
    code = "decay.effect" if len(drawn.heads) == 1 else "decay.effects"
    text = say(code, kind=next(iter(drawn.heads.values())), name=drawn.name)
    if drawn.outcome:
        text = say("decay.on", effect=text, outcome=drawn.outcome)
    name_axes(
        axes,
        [text, say_level("estimate", drawn.level)],
        [with_remarks(say("decay.axis"), drawn.left_out)],
    )


# --- by model -------------------------------------------------------------------------

_MOST_MARKS = 150
_MOST_HEADS = 30
_MOST_CELLS = 400
_MOST_VECTORS = 10_000
_LONGEST_LINE, _LONGEST_HEAD = 40, 24
# Inches: the estimates, a row of choices and its further lines, a letter of a name, a
# line of a sloping name.
_UPPER, _ROW, _NEXT_LINE, _COLUMN, _HEAD = 3.0, 0.19, 0.13, 0.07, 0.13
# How much of the width names of choices may take.
_NAMES_SHARE = 0.38


def draw_specification_curve(drawn: SpecificationCurve, ax: Axes | None) -> Axes:
    """Draw ordered estimates, and below them one row per choice.

    Models are at 1, 2, ... on the horizontal axis. With many models, each cell of a row
    of choices stands for several of them and is shaded by the share that made the
    choice.
    """
    choices = [say(f"choice.{c.group}", name=c.name) for c in drawn.choices]
    names, lines = row_names(choices, ax, _WIDTH)
    heads, row = _model_heads(drawn), _ROW + (lines - 1) * _NEXT_LINE
    letters = [type_columns(line) for head in heads for line in head.splitlines()]
    height = _UPPER + 0.9 + _COLUMN * max(letters, default=0.0) + row * len(names)
    with drawing(drawn, ax, (_WIDTH, height), "rows") as axes:
        low, high = _estimate_limits(drawn)
        rows = low - (high - low) * row / _UPPER * np.arange(1.0, len(names) + 1)
        _draw_ordered(axes, drawn, (low, high))
        _draw_choices(axes, drawn, rows)
        _mark_main(axes, drawn)
        if 0 < len(names) <= MOST_NAMES:
            axes.set_yticks(rows, names, minor=True, parse_math=False)
            axes.tick_params(axis="y", which="minor", length=0, labelsize="small")
        _name_estimates(axes, drawn, (low, high))
        _name_models(axes, drawn, heads)
        legend_above(axes, columns=3)
    return axes


def _model_heads(drawn: SpecificationCurve) -> list[str]:
    """Break the names of models into lines; none if they would overlap."""
    heads = ["\n".join(balanced_lines(head, _LONGEST_HEAD)) for head in drawn.heads]
    lines = max((head.count("\n") + 1 for head in heads), default=1)
    width = (1 - _NAMES_SHARE) * (figure_width() or _WIDTH)
    room = width / (_HEAD * type_size() * lines)
    return heads if len(heads) <= min(_MOST_HEADS, room) else []


def _estimate_limits(drawn: SpecificationCurve) -> tuple[float, float]:
    """Return the limits of the axis for estimates: all intervals, and zero."""
    columns = drawn.points.drop(columns=["model", "significant"])
    values = columns.to_numpy(dtype=np.float64)
    values = values[np.isfinite(values)]
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _draw_ordered(
    axes: Axes, drawn: SpecificationCurve, interval: tuple[float, float]
) -> None:
    """Draw estimates with intervals, or with a band if there are many models."""
    points, count = drawn.points, len(drawn.points)
    at = np.arange(1, count + 1)
    significant = points["significant"].to_numpy(dtype=bool)
    axes.axhline(0, **THIN)
    if count > _MOST_MARKS:
        low, high = points["conf_low"], points["conf_high"]
        axes.fill_between(at, low, high, color=FAINT, alpha=0.25, linewidth=0, zorder=1)
    if "band_low" in points:
        ends = points["band_low"], points["band_high"]
        label = say_level("curve.band", drawn.level)
        axes.fill_between(at, *ends, color=MARKED, alpha=0.15, linewidth=0, label=label)
    p = f"{1 - drawn.level:.4g}"
    for chosen, color, sign in ((significant, INK, "≤"), (~significant, FAINT, ">")):
        if chosen.any():
            _draw_points(axes, at[chosen], points[chosen], color, count)
            axes.plot([], [], "o", color=color, markersize=5, label=f"p {sign} {p}")
    axes.set_xlim(0.5 - 0.01 * count, count + 0.5 + 0.01 * count)
    axes.set_ylim(*interval)
    ticker = matplotlib_part("ticker")
    ticks = ticker.MaxNLocator(6).tick_values(*interval)
    axes.set_yticks([tick for tick in ticks if interval[0] <= tick <= interval[1]])


def _draw_points(
    axes: Axes, at: np.ndarray[Any, Any], points: pd.DataFrame, color: str, count: int
) -> None:
    if count <= _MOST_MARKS:
        low, high = points["conf_low"], points["conf_high"]
        width = 1.3 if count <= _MOST_HEADS else 0.8
        axes.vlines(at, low, high, color=color, linewidth=width, zorder=2)
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
    axes.vlines(
        at, row["conf_low"], row["conf_high"], color=MARKED, linewidth=1.3, zorder=4
    )
    text = "\n".join(balanced_lines(drawn.main_text, _LONGEST_LINE))
    axes.plot(
        [at], [row["estimate"]], "D", color=MARKED, markersize=5, zorder=5, label=text
    )


def _name_estimates(
    axes: Axes, drawn: SpecificationCurve, interval: tuple[float, float]
) -> None:
    """Label the axis of the estimates, without the rows of choices."""
    name = drawn.name
    if drawn.outcome:
        name = say("curve.outcome", name=name, outcome=drawn.outcome)
    lines = [*balanced_lines(name, _LONGEST_LINE), say_level("estimate", drawn.level)]
    bottom, top = axes.get_ylim()
    middle = (sum(interval) / 2 - bottom) / (top - bottom)
    axes.set_ylabel("\n".join(lines), y=middle, ha="center", parse_math=False)


def _draw_choices(axes: Axes, drawn: SpecificationCurve, rows: Floats) -> None:
    """Draw one row per choice below the estimates."""
    if not rows.size:
        return
    choices = np.array([choice.made for choice in drawn.choices])
    count, step = choices.shape[1], abs(rows[0] - axes.get_ylim()[0])
    axes.axhline(axes.get_ylim()[0] - step / 2, **THIN)
    if count <= _MOST_MARKS:
        _draw_marks(axes, choices, rows)
    else:
        _draw_shares(axes, choices, rows, step)
    axes.set_ylim(rows[-1] - step, axes.get_ylim()[1])


def _draw_marks(axes: Axes, choices: np.ndarray[Any, Any], rows: Floats) -> None:
    size = _mark_size(choices.shape[1])
    for chosen, color, share in ((choices, INK, 1.0), (~choices, "#dddddd", 0.6)):
        row, at = np.nonzero(chosen)
        axes.plot(
            at + 1,
            rows[row],
            "o",
            color=color,
            markersize=share * size,
            markeredgewidth=0,
        )


def _draw_shares(
    axes: Axes, choices: np.ndarray[Any, Any], rows: Floats, step: float
) -> None:
    """Shade each cell of a row by the share of its models that made the choice."""
    colors = matplotlib_part("colors")
    count = choices.shape[1]
    edges = np.linspace(0, count, min(count, _MOST_CELLS) + 1).astype(np.intp)
    counts = np.add.reduceat(choices.astype(np.float64), edges[:-1], axis=1)
    shares = counts / np.diff(edges)
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


def _name_models(axes: Axes, drawn: SpecificationCurve, heads: Sequence[str]) -> None:
    """Write the models' names below the axis if they are few, and their number."""
    if heads:
        axes.set_xticks(
            range(1, len(heads) + 1),
            list(heads),
            rotation=45,
            ha="right",
            parse_math=False,
        )
    axes.tick_params(axis="x", labelsize="small")
    count = len(drawn.points)
    text = say("curve.model" if count == 1 else "curve.models", count=f"{count:,}")
    name_axis(axes, "x", with_remarks(text, drawn.left_out))
