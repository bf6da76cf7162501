"""Figures of models: coefficients, the profile of a threshold, regimes over time."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import InputTypeError, check_level, models_problem
from digiprosper.optional import require
from digiprosper.present.columns import (
    check_labels,
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
    Look,
    fonts,
    keep_drawing,
    legend_above,
    legend_beside,
    look,
    name_axis,
    new_axes,
    plain_spines,
    row_names,
    tick_step,
)
from digiprosper.present.figure_style import figure_language, figure_width, say
from digiprosper.present.row_names import share_rows
from digiprosper.report.characters import tidy_text
from digiprosper.report.drawings import DrawnEstimates
from digiprosper.report.text import p_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer

    from digiprosper.present.columns import Models
    from digiprosper.present.row_names import SharedRow
    from digiprosper.report.columns import Column, Estimate
    from digiprosper.report.drawings import DrawnDensity, Profile, RegimeMap

    Cells = np.ndarray[Any, np.dtype[np.float64]]


_MOST_PERIODS = 16
# Of the width of a map, what its names leave at least.
_MAP_SHARE = 0.65
# Inches: a figure's width; between rows, from model to model in a row, a line of a row's name.
_WIDTH, _GAP, _STEP, _LINE = 6.4, 0.16, 0.11, 0.17
# From so many models on markers are smaller.
_MANY = 6
_SHADE = "#f3f3f3"


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
        Results of one or more models. Several models have different markers; the keys of a mapping are in the
        legend. A model that could not be estimated, or has none of the terms, is listed in the legend with
        the reason.
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
    >>> fit = dp.FixedEffects("log(gsp)", ["log(pcap)", "unemp"]).fit(dp.datasets.us_states())
    >>> ax = coefficients(fit, labels={"unemp": "Unemployment"}, keep="unemp")
    >>> ax.get_yticklabels()[0].get_text()
    'Unemployment'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.coefficients"
    level = check_level(level)
    columns = read_columns(results, purpose, level=level)
    _refuse_others(columns, purpose)
    caller_labels = check_labels(labels, purpose)
    texts = merged_labels(columns, caller_labels)
    named = name_columns(columns, None, texts, purpose, figure_language())
    columns = [replace(column, head=caller_labels.get(str(column.head), column.head)) for column in named]
    terms = select(columns, keep, drop, caller=purpose)
    return draw_columns(columns, terms, texts, say("estimate", level=f"{100 * level:g}"), ax, purpose)


def draw_columns(
    columns: Sequence[Column],
    terms: Sequence[str],
    labels: Mapping[str, str],
    words: str,
    ax: Axes | None,
    purpose: str,
) -> Axes:
    """Draw the estimates of columns next to each other, one row per term."""
    rows = [
        row for row in share_rows(terms, columns, labels, 3, figure_language()) if _drawn_in(row, columns)
    ]
    if not rows:
        raise _nothing(purpose)

    cells = [_cells_of(position, rows, columns) for position in range(len(columns))]
    heads = _heads(columns, cells)
    names, lines = row_names([row.label for row in rows], ax, _WIDTH, purpose)
    count = sum(map(bool, cells))
    height = 0.75 + len(rows) * (_GAP + max(_STEP * count, _LINE * lines))
    with fonts(ax, [*names, *heads], purpose):
        axes = new_axes((_WIDTH, height), purpose, fit="rows") if ax is None else ax
        handles = _draw_models(axes, cells, heads)
        _frame_estimates(axes, len(rows))
        _part_rows(axes, len(rows) if count > 1 else 0)
        axes.set_yticks(range(len(rows)), names, parse_math=False)
        name_axis(axes, "x", words)
        if len(columns) > 1:
            legend_beside(axes, handles=handles)
    keep_drawing(axes, _drawn_estimates(rows, cells, columns))
    return axes


def _drawn_estimates(
    rows: Sequence[SharedRow], cells: Sequence[Mapping[int, Estimate]], columns: Sequence[Column]
) -> DrawnEstimates:
    """List what is drawn, row by row."""
    pairs = list(zip(columns, cells, strict=True))
    return DrawnEstimates(
        [
            (str(column.head or ""), row.label, column_cells[y])
            for y, row in enumerate(rows)
            for column, column_cells in pairs
            if y in column_cells
        ]
    )


def draw_estimates(axes: Axes, estimates: Sequence[Estimate]) -> None:
    """Draw estimates of one model with their intervals, from top to bottom."""
    _draw_model(axes, dict(enumerate(estimates)), "", 0, 1)
    _frame_estimates(axes, len(estimates))


def draw_profile(profile: Profile, ax: Axes | None, purpose: str) -> Axes:
    """Draw a criterion over the candidates of a threshold, and its confidence set."""
    level = f"{100 * profile.level:g}"
    with fonts(ax, [profile.variable, profile.criterion], purpose):
        axes = new_axes((6.4, 4.0), purpose) if ax is None else ax
        for number, (low, high) in enumerate(profile.sets):
            # The outline keeps a set of one value visible.
            axes.axvspan(
                low,
                high,
                facecolor=(INK, 0.15),
                edgecolor=(INK, 0.3),
                linewidth=1.0,
                label=say("profile.set", level=level) if number == 0 else "_",
                zorder=0,
            )
        points = profile.points
        steps = "steps-post" if profile.before else "steps-pre"
        values, ratios = _with_breaks(profile)
        axes.plot(values, ratios, color=INK, linewidth=1.3, label="LR(γ)", drawstyle=steps)
        axes.plot(
            points["gamma"],
            points["critical"],
            color=MARKED,
            linestyle="--",
            linewidth=1.0,
            label=_critical_text(profile),
        )
        mark = say("profile.given" if profile.given else "profile.estimate", value=f"{profile.estimate:.4g}")
        axes.plot([profile.estimate], [0.0], "o", color=INK, markersize=6, clip_on=False, label=mark)
        axes.set_ylim(bottom=min(0.0, points["lr"].min()))
        code = "profile.ratio" if profile.number is None else "profile.ratio.of"
        name_axis(axes, "y", say(code, number=profile.number))
        name_axis(axes, "x", f"{profile.variable} (γ)")
        plain_spines(axes)
        legend_above(axes)
    keep_drawing(axes, profile)
    return axes


def _with_breaks(profile: Profile) -> tuple[Cells, Cells]:
    """Add the excluded candidates with missing values, so that the line has gaps there."""
    values = np.append(profile.points["gamma"].to_numpy(), profile.excluded)
    ratios = np.append(profile.points["lr"].to_numpy(), np.full(profile.excluded.size, np.nan))
    order = np.argsort(values)
    return values[order], ratios[order]


def _critical_text(profile: Profile) -> str:
    """Write the critical value for the legend; it may differ between candidates."""
    code = "profile.critical.drawn" if profile.critical is None else "profile.critical"
    value = "" if profile.critical is None else f"{profile.critical:.2f}"
    return say(code, level=f"{100 * profile.level:g}", value=value, criterion=profile.criterion)


def draw_drawn_density(drawn: DrawnDensity, ax: Axes | None, purpose: str) -> Axes:
    """Draw the density of a statistic over draws, its value in the data and the p-value."""
    with fonts(ax, [drawn.name], purpose):
        axes = new_axes((6.4, 4.2), purpose) if ax is None else ax
        value, density = drawn.points["value"], drawn.points["density"]
        axes.fill_between(value, density, facecolor=(INK, 0.2), linewidth=0)
        axes.plot(value, density, color=INK, linewidth=1.4, label=say("draws", count=f"{drawn.draws.size:,}"))
        edge = axes.get_xaxis_transform()
        strokes = np.full(drawn.draws.size, 0.012)
        axes.plot(drawn.draws, strokes, "|", color=FAINT, markersize=5, transform=edge)
        axes.axvline(0, color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
        value_text = say("draws.found", value=f"{drawn.found:.4g}".replace("-", "−"))
        axes.axvline(drawn.found, color=MARKED, linewidth=1.4, linestyle="--", label=value_text)

        axes.set_ylim(0, 1.08 * float(density.max()))
        right = drawn.found < float(value.iloc[0] + value.iloc[-1]) / 2
        text_x, side = (0.98, "right") if right else (0.02, "left")
        text = p_words(drawn.p_value)
        axes.text(text_x, 0.97, text, transform=axes.transAxes, ha=side, va="top", fontsize="small")
        name_axis(axes, "y", say("density"))
        name_axis(axes, "x", drawn.name)
        plain_spines(axes)
        legend_above(axes)
    keep_drawing(axes, drawn)
    return axes


def draw_regime_map(drawn: RegimeMap, ax: Axes | None, purpose: str) -> Axes:
    """Draw regimes of entities by period; up to 60 entities have names."""
    named = len(drawn.entities) <= MOST_NAMES
    names = [tidy_text(e) for e in drawn.entities.astype(str)] if named else []
    size = _map_size(drawn.cells.shape)
    periods = [tidy_text(t) for t in drawn.times.astype(str)]
    room = _MAP_SHARE * (figure_width() or size[0])
    step = max(math.ceil(len(periods) / _MOST_PERIODS), tick_step(periods, room, purpose))
    entity, time = drawn.key_names
    with fonts(ax, [*names, entity, time, *drawn.regimes], purpose):
        axes = new_axes(size, purpose, fit="rows") if ax is None else ax
        _draw_cells(axes, drawn.cells, drawn.regimes)
        axes.set_xticks(range(0, len(periods), step), periods[::step])
        axes.set_yticks(range(len(names)), names, fontsize="small")
        axes.tick_params(length=0)
        count = f"{len(drawn.entities):,}"
        name_axis(axes, "y", entity if names else say("brackets", text=entity, inside=count))
        name_axis(axes, "x", time)
        axes.spines[:].set_visible(False)
    keep_drawing(axes, drawn)
    return axes


def _map_size(shape: tuple[int, ...]) -> tuple[float, float]:
    entities, periods = shape
    height = 0.19 * entities if entities <= MOST_NAMES else 5.0
    return min(max(1.6 + 0.42 * periods, 5.0), 8.0), max(height, 1.0) + 1.4


def _draw_cells(axes: Axes, cells: Cells, entries: Sequence[str]) -> None:
    matplotlib = require("matplotlib", extra="plot", purpose="plots.regime_map")
    # One hue darkens with the other's change, so that regimes stay apart in grey and for the colour-blind;
    # the palest still differs from the blank of a missing cell.
    shades = matplotlib.colormaps["YlGnBu"](np.linspace(0.22, 0.92, len(entries)))
    regimes = matplotlib.colors.ListedColormap(shades)
    axes.imshow(
        np.ma.masked_invalid(cells),
        cmap=regimes,
        vmin=0.5,
        vmax=len(entries) + 0.5,
        aspect="auto",
        interpolation="nearest",
    )
    if len(cells) <= MOST_NAMES:
        axes.set_xticks(np.arange(cells.shape[1] + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(cells.shape[0] + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.0)
        axes.tick_params(which="minor", length=0)
    handles = [
        matplotlib.patches.Patch(facecolor=shade, label=text)
        for shade, text in zip(shades, entries, strict=True)
    ]
    blank = int(np.isnan(cells).sum())
    if blank:
        text = say("map.blank", count=f"{blank:,}")
        handles.append(matplotlib.patches.Patch(facecolor="white", edgecolor=FAINT, label=text))
    legend_above(axes, columns=1, handles=handles)


def _refuse_others(columns: Sequence[Column], purpose: str) -> None:
    if any(c.cells for c in columns) or not any(c.estimates for c in columns):
        raise _nothing(purpose)


def _nothing(purpose: str) -> InputTypeError:
    return InputTypeError(
        f"{purpose}: no estimates to draw; pass what `fit` returns, or a list or mapping of them.",
        [models_problem("no estimates")],
    )


def _drawn_in(row: SharedRow, columns: Sequence[Column]) -> list[int]:
    """Return the positions of columns whose estimate in a row is a number."""
    return [at for at, term in row.terms.items() if math.isfinite(columns[at].estimates[term].estimate)]


def _heads(columns: Sequence[Column], cells: Sequence[Mapping[int, Estimate]]) -> list[str]:
    """Write the columns for the legend; one without estimates in the figure has the reason."""
    return [
        str(c.head) if column_cells else _absent(c) for c, column_cells in zip(columns, cells, strict=True)
    ]


def _absent(column: Column) -> str:
    return say("absent.failed" if column.failure else "absent.terms", head=column.head)


def _cells_of(position: int, rows: Sequence[SharedRow], columns: Sequence[Column]) -> dict[int, Estimate]:
    """Return the estimates that a column draws, by row."""
    return {
        y: columns[position].estimates[row.terms[position]]
        for y, row in enumerate(rows)
        if position in _drawn_in(row, columns)
    }


def _draw_models(axes: Axes, cells: Sequence[dict[int, Estimate]], heads: Sequence[str]) -> list[Any]:
    """Draw the models next to each other and return the handles of their legend."""
    handles: list[Any] = []
    count, drawn = sum(map(bool, cells)), 0
    for column_cells, head in zip(cells, heads, strict=True):
        if column_cells:
            handles.append(_draw_model(axes, column_cells, head, drawn, count))
            drawn += 1
        else:
            handles += axes.plot([], [], linestyle="none", label=head)
    return handles


def _part_rows(axes: Axes, rows: int) -> None:
    """Shade every second row, so that it is clear to which term an estimate belongs."""
    for row in range(0, rows, 2):
        axes.axhspan(row - 0.5, row + 0.5, facecolor=_SHADE, linewidth=0, zorder=-1)


def _frame_estimates(axes: Axes, rows: int) -> None:
    """Draw the line at zero, and set limits with a margin around the estimates."""
    axes.axvline(0, color=FAINT, linewidth=0.8, linestyle="--", zorder=0)
    # A vertical line takes no margin: with all estimates on one side it would hide under the frame.
    low, high = axes.dataLim.intervalx
    room = 0.04 * (high - low) or 1.0
    axes.set_xlim(low - room, high + room)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    plain_spines(axes)


def _draw_model(
    axes: Axes, cells: Mapping[int, Estimate], head: str, position: int, count: int
) -> ErrorbarContainer:
    shift = (position - (count - 1) / 2) * min(0.8 / count, 0.22)
    rows = [(y + shift, cell) for y, cell in cells.items()]
    style = look(position) if count > 1 else Look(INK, "o", INK, "-")
    container = axes.errorbar(
        [cell.estimate for _, cell in rows],
        [y for y, _ in rows],
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
    bars: Any = container.lines[2][0]
    ends = [[(cell.conf_low, y), (cell.conf_high, y)] for y, cell in rows]
    bars.set_segments(ends)
    axes.update_datalim(np.concatenate(ends))
    return container
