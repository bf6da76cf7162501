"""Figures of models: coefficients, the profile of a threshold, regimes over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from digiprosper.errors import InputTypeError, Notice, PanelIndexError, check_level, check_option
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
    MARKERS,
    MOST_NAMES,
    fonts,
    legend_above,
    legend_beside,
    new_axes,
    plain_spines,
)
from digiprosper.present.row_names import share_rows
from digiprosper.report.characters import tidy_text
from digiprosper.report.labels import effect_label, term_label
from digiprosper.threshold.results import ThresholdResults

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer

    from digiprosper.present.columns import Models
    from digiprosper.present.row_names import SharedRow
    from digiprosper.report.columns import Column, Estimate

    Cells = np.ndarray[Any, np.dtype[np.float64]]


__all__ = ["coefficients", "lr_profile", "regime_map"]

_CRITERIA = {"lr": "homoskedastic", "scaled": "scaled", "bootstrap": "bootstrap"}
_MOST_PERIODS = 16


def coefficients(
    results: Models,
    *,
    keep: Sequence[str] | str | None = None,
    drop: Sequence[str] | str | None = None,
    labels: Mapping[str, str] | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw estimates and their confidence intervals, one line a term.

    Parameters
    ----------
    results : result, list, mapping or ResultSet
        What to draw. Several models stand beside each other, each with its own marker; the keys of a mapping
        are in the legend. A model that could not be estimated, or has none of the terms shown, takes no room
        beside the others and is named in the legend with the reason.
    keep, drop : sequence of str, optional
        Terms to keep or to leave out: exact, or patterns such as ``"digital*"``.
    labels : mapping, optional
        Text by term or column; wins over the labels that came with the results.
    level : float
        Level of the intervals.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        Terms from top to bottom, a line at zero. Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If there is nothing to draw.
    OptionError
        If `level` is not between 0 and 1.
    ColumnError
        If `keep` or `drop` names a term that no model has.
    ImportError
        If matplotlib is missing; the message has the pip command.

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
    if any(c.cells for c in columns) or not any(c.estimates for c in columns):
        raise _nothing(purpose)
    texts = merged_labels(columns, check_labels(labels, purpose))
    columns = name_columns(columns, None, texts, purpose)
    terms = select(columns, keep, drop, caller=purpose)
    rows = [row for row in share_rows(terms, columns, texts, 3) if _drawn_in(row, columns)]
    if not rows:
        raise _nothing(purpose)
    names = [row.label for row in rows]
    shown = [any(position in _drawn_in(row, columns) for row in rows) for position in range(len(columns))]
    heads = [str(c.head) if there else _absent(c) for c, there in zip(columns, shown, strict=True)]
    count = sum(shown)
    height = max(1.1 + len(rows) * (0.3 + 0.14 * count), 0.3 + 0.25 * len(columns))
    with fonts(ax, [*names, *heads], purpose):
        axes = new_axes((6.4, height), purpose) if ax is None else ax
        handles: list[Any] = []
        for position, (column, head) in enumerate(zip(columns, heads, strict=True)):
            if shown[position]:
                cells = {
                    y: column.estimates[row.terms[position]]
                    for y, row in enumerate(rows)
                    if position in _drawn_in(row, columns)
                }
                handles.append(_draw_model(axes, cells, head, sum(shown[:position]), count))
            else:
                handles += axes.plot([], [], linestyle="none", label=head)
        axes.axvline(0, color=FAINT, linewidth=0.8, linestyle="--", zorder=0)
        # A vertical line takes no margin: with all estimates on one side it would hide under the frame.
        low, high = axes.dataLim.intervalx
        axes.set_xlim(low - 0.04 * (high - low), high + 0.04 * (high - low))
        axes.set_yticks(range(len(rows)), names)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(f"Estimate and {100 * level:g}% confidence interval")
        plain_spines(axes)
        if len(columns) > 1:
            legend_beside(axes, handles=handles)
    return axes


def lr_profile(results: ThresholdResults, threshold: int = 1, *, ax: Axes | None = None) -> Axes:
    """Draw the likelihood ratio over every candidate threshold.

    The values where the line is under the critical value are the confidence set. It need not be one interval;
    each of its intervals is shaded by itself. The critical value is that of the specification's `confidence`:
    ``-2 log(1 - sqrt(level))`` [1]_, which takes errors as homoskedastic, the same scaled by the ratio of
    variances at the threshold [2]_, or quantiles of bootstrap draws, which differ from one value to the next.
    The legend says which.

    Parameters
    ----------
    results : ThresholdResults
        What ``PanelThreshold(...).fit`` returns.
    threshold : int
        Which threshold, from 1 in the order found.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If `results` is not a threshold model's.
    OptionError
        If there is no such threshold.
    ImportError
        If matplotlib is missing; the message has the pip command.

    References
    ----------
    .. [1] Hansen, B. E. (1999). Threshold effects in non-dynamic panels. Journal of Econometrics 93, 345-368.
    .. [2] Hansen, B. E. (2000). Sample splitting and threshold estimation. Econometrica 68, 575-603.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.PanelThreshold("log(gsp)", "log(pcap)", "unemp", ["log(pc)"], bootstrap=None)
    >>> ax = lr_profile(spec.fit(dp.datasets.us_states()))
    >>> ax.get_xlabel()
    'Unemployment rate (%) (γ)'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.lr_profile"
    _refuse_other(results, purpose)
    profile = results.profile(threshold)
    estimate = float(results.estimates[threshold - 1])
    name = term_label(results.threshold_variable, results.slopes.labels)
    with fonts(ax, [name], purpose):
        axes = new_axes((6.4, 4.0), purpose) if ax is None else ax
        for number, (low, high) in enumerate(results.confidence_set(threshold)):
            # The outline keeps a set of one value visible.
            axes.axvspan(
                low,
                high,
                facecolor=(INK, 0.15),
                edgecolor=(INK, 0.3),
                linewidth=1.0,
                label=f"{100 * results.level:g}% confidence set" if number == 0 else "_",
                zorder=0,
            )
        # Between two candidates S is that of the lower one, or of the upper under "<".
        steps = "steps-post" if results.rule == "<=" else "steps-pre"
        axes.plot(profile["gamma"], profile["lr"], color=INK, linewidth=1.3, label="LR(γ)", drawstyle=steps)
        axes.plot(
            profile["gamma"],
            profile["critical"],
            color="#b03a2e",
            linestyle="--",
            linewidth=1.0,
            label=_critical_text(results, threshold),
        )
        mark = f"{'Given' if results.given else 'Estimate'} {estimate:.4g}"
        axes.plot([estimate], [0.0], "o", color=INK, markersize=6, clip_on=False, label=mark)
        axes.set_xlabel(f"{name} (γ)")
        which = f", threshold {threshold}" if results.estimates.size > 1 else ""
        axes.set_ylabel(f"Likelihood ratio{which}")
        axes.set_ylim(bottom=min(0.0, profile["lr"].min()))
        plain_spines(axes)
        legend_above(axes)
    return axes


def regime_map(
    results: ThresholdResults,
    *,
    order: Literal["name", "first"] | None = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw which entity was in which regime when: one row an entity, one column a period.

    Parameters
    ----------
    results : ThresholdResults
        What ``PanelThreshold(...).fit`` returns.
    order : {"name", "first"}, optional
        Which entities stand on top. None: those whose mean regime over their periods is highest, which with
        one threshold is the share of time spent above it. ``"first"``: those that were earliest in the
        highest regime, then earliest in the next one, and so on. ``"name"``: by the entity key, as in the
        sample. Ties of the others stand as in the sample too.
    labels : mapping, optional
        Text by term or column; wins over the labels that came with the results.
    ax : Axes, optional
        Where to draw; default a new figure as high as its entities need.

    Returns
    -------
    Axes
        Darker is higher. Periods in which an entity is not in the sample are blank; periods that are
        nowhere in the sample have no column. Up to 60 entities are named. Nothing is shown and no setting is
        changed.

    Raises
    ------
    InputTypeError
        If `results` is not a threshold model's, or `labels` is not a mapping of texts.
    PanelIndexError
        In a cross-section.
    OptionError
        If `order` is not one of the words.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.PanelThreshold("log(gsp)", "log(pcap)", "unemp", ["log(pc)"], bootstrap=None)
    >>> ax = regime_map(spec.fit(dp.datasets.us_states()), labels={"unemp": "unemployment"})
    >>> ax.get_legend().get_texts()[0].get_text()
    'unemployment <= 6.9 (511 rows)'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.regime_map"
    _refuse_other(results, purpose)
    entity_name, time_name = results.slopes.key_names
    if time_name is None:
        raise PanelIndexError(f"{purpose}: needs a time key, but this is a cross-section.")
    check_option("order", order, (None, "name", "first"))
    column = read_columns(results, purpose)[0]
    texts = merged_labels([column], check_labels(labels, purpose))
    entities, times, cells = _regime_cells(results)
    ranked = _ranked(cells, len(results.regimes), order)
    names = [tidy_text(e) for e in entities[ranked].astype(str)] if len(ranked) <= MOST_NAMES else []
    axis_names = [effect_label(name, texts) for name in (entity_name, time_name)]
    entries = _regime_texts(results, texts)
    step = math.ceil(len(times) / _MOST_PERIODS)
    periods = [tidy_text(t) for t in times[::step].astype(str)]
    with fonts(ax, [*names, *axis_names, *entries], purpose):
        axes = new_axes(_map_size(cells.shape), purpose) if ax is None else ax
        _draw_cells(axes, cells[ranked], entries)
        axes.set_xticks(range(0, len(times), step), periods)
        axes.set_yticks(range(len(names)), names, fontsize="small")
        axes.tick_params(length=0)
        axes.set_xlabel(axis_names[1])
        axes.set_ylabel(axis_names[0] if names else f"{axis_names[0]} ({len(entities):,})")
        axes.spines[:].set_visible(False)
    return axes


def _critical_text(results: ThresholdResults, threshold: int) -> str:
    # A drawn bound is another one at every value.
    value = "s" if results.confidence == "bootstrap" else f" {results.critical_value(threshold):.2f}"
    return f"{100 * results.level:g}% critical value{value} ({_CRITERIA[results.confidence]})"


def _refuse_other(results: object, purpose: str) -> None:
    if not isinstance(results, ThresholdResults):
        raise InputTypeError(
            f"{purpose}: {type(results).__name__} has no thresholds; pass what PanelThreshold.fit returns.",
            [Notice("models", "not a threshold model", {"type": type(results).__name__})],
        )


def _regime_cells(results: ThresholdResults) -> tuple[pd.Index[Any], pd.Index[Any], Cells]:
    """Lay regimes out as entities by periods, missing where there is no row."""
    index = results.regime.index
    assert isinstance(index, pd.MultiIndex)
    index = index.remove_unused_levels()  # levels stand in the order of the keys
    (entities, times), (entity, time) = index.levels, index.codes
    cells = np.full((len(entities), len(times)), np.nan)
    cells[entity, time] = results.regime.to_numpy()
    return entities, times, cells


def _ranked(cells: Cells, count: int, order: str | None) -> np.ndarray[Any, np.dtype[np.intp]]:
    if order == "name":
        return np.arange(len(cells))
    if order is None:
        return np.argsort(-np.nanmean(cells, axis=1), kind="stable")
    # An entity that never was there comes after all that were.
    there = [np.column_stack([cells >= r, np.ones(len(cells))]).argmax(axis=1) for r in range(2, count + 1)]
    return np.lexsort(there) if there else np.arange(len(cells))


def _regime_texts(results: ThresholdResults, texts: Mapping[str, str]) -> list[str]:
    """List each regime's condition and number of rows, from low to high."""
    name = term_label(results.threshold_variable, texts)
    rows = results.regimes["nobs"]
    if len(rows) == 1:
        return [f"no threshold in {name} ({rows.iloc[0]:,} rows)"]
    conditions = [regime.condition(name, 3) for regime in results.regime_bounds]
    return [f"{text} ({n:,} rows)" for text, n in zip(conditions, rows, strict=True)]


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
        text = f"not in the sample ({blank:,})"
        handles.append(matplotlib.patches.Patch(facecolor="white", edgecolor=FAINT, label=text))
    legend_above(axes, columns=1, handles=handles)


def _nothing(purpose: str) -> InputTypeError:
    return InputTypeError(
        f"{purpose}: no estimates to draw; pass what `fit` returns, or a list or mapping of them.",
        [Notice("models", "no estimates")],
    )


def _drawn_in(row: SharedRow, columns: Sequence[Column]) -> list[int]:
    """Positions of the columns whose estimate in a row is a number."""
    return [at for at, term in row.terms.items() if math.isfinite(columns[at].estimates[term].estimate)]


def _absent(column: Column) -> str:
    return f"{column.head} ({'not estimated' if column.failure else 'none of these terms'})"


def _draw_model(
    axes: Axes, cells: Mapping[int, Estimate], head: str, position: int, count: int
) -> ErrorbarContainer:
    shift = (position - (count - 1) / 2) * min(0.8 / count, 0.22)
    rows = [(y + shift, cell) for y, cell in cells.items()]
    container = axes.errorbar(
        [cell.estimate for _, cell in rows],
        [y for y, _ in rows],
        xerr=0.0,
        fmt=MARKERS[position % len(MARKERS)],
        color=INK if count == 1 else f"C{position}",
        markersize=5,
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
