"""Figures of indices: how sure their ranks are, what moves them, how they are spread."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

from digiprosper.composite.ranking_results import IndexSensitivity, RankResults, rows_of
from digiprosper.errors import (
    InputTypeError,
    Notice,
    OptionError,
    check_option,
    cited,
    plain,
    quoted,
    unknown_columns,
)
from digiprosper.optional import require
from digiprosper.present.columns import check_labels
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
from digiprosper.report.characters import tidy_text
from digiprosper.report.labels import effect_label, term_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    Floats = np.ndarray[Any, np.dtype[np.float64]]

__all__ = ["index_sensitivity", "kernel_ridge", "rank_ribbon"]

Bandwidth = Literal["scott", "silverman"]

_PALE = "#9dbbd8"
# Outer and inner span of a rank.
_SHADES = (_PALE, "#5f8fbf")
_HEIGHTS = (0.18, 0.45)
_LINES = 6
_GRID = 256
# Ridges overlap by so much of their distance.
_OVERLAP = 1.7


def rank_ribbon(
    results: RankResults,
    entities: Sequence[Any] | None = None,
    *,
    period: Any = None,
    level: float = 0.95,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw ranks with the interval that drawn weights leave them, over time or in one period.

    Parameters
    ----------
    results : RankResults
        What `rank_probabilities` returns.
    entities : sequence, optional
        Entities to draw. Over time: the six that rank best in the last period by default; in one period: all.
    period : optional
        Draw this period alone, one line an entity, the best on top. None: over time, if there is time.
    level : float
        Share of the draws inside the ribbons.
    labels : mapping, optional
        Text by column; wins over the labels of the panel.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        Over time rank 1 is on top. In one period up to 60 entities are named, rank 1 on the left; of more the
        ribbon shows by how many places each rank moves. Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If `results` is something else, or `labels` is not a mapping of texts.
    OptionError
        If an entity or the period is not in the sample, or `level` is not between 0 and 1, or so few entities
        were drawn that ranks have no interval.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> from digiprosper.present.index_plots import rank_ribbon
    >>> from digiprosper import rank_probabilities
    >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
    >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    >>> found = rank_probabilities(dp.CompositeIndex(system), states, rng=1)
    >>> ax = rank_ribbon(found, ["WY", "NE"])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['WY', 'NE']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.rank_ribbon"
    _refuse_other(results, RankResults, "rank_probabilities", purpose)
    texts = {**results.labels, **check_labels(labels, purpose)}
    table = results.ranks(level, top=())
    if table["rank_high"].isna().all():
        raise OptionError(
            f"{purpose}: rank intervals are not computed from draws of {results.n_drawn} entities, so "
            "there is no interval to plot; results.ranks() has the ranks."
        )
    _refuse_strangers(entities, results.index, purpose)
    times = results.index.unique(1) if results.index.nlevels == 2 else pd.Index([])
    if period is None and times.size > 1:
        return _ribbons_over_time(results, table, entities, level, texts, ax)
    there, names = rows_of(results.index, period)
    now = table.iloc[there].set_axis(names, axis=0).sort_values("rank", kind="stable")
    now = now if entities is None else now[now.index.isin(list(entities))]
    spans = [(now["rank_low"], now["rank_high"], f"{100 * level:g}% of draws")]
    return _spans(now["rank"], spans, "weights of the sample", (results, period, texts, purpose), ax)


def index_sensitivity(
    results: IndexSensitivity,
    *,
    show: Literal["ranks", "shares"] = "ranks",
    period: Any = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how far ranks move over all combinations of options, or which option moves them.

    Parameters
    ----------
    results : IndexSensitivity
        What the study `index_sensitivity` returns.
    show : {"ranks", "shares"}
        ``"ranks"``: one line an entity, from its best to its worst rank, the middle half thick.
        ``"shares"``: one bar an option, the Sobol shares of the variance of all entities' ranks.
    period : optional
        Which period; the last one by default. For shares also ``"mean"``: mean ranks over the periods.
    labels : mapping, optional
        Text by column or option; wins over the labels of the panel.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If `results` is something else, or `labels` is not a mapping of texts.
    OptionError
        If `show` is not known or the period not in the sample.
    IdentificationError
        If there are no shares.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> from digiprosper.present.index_plots import index_sensitivity as draw
    >>> from digiprosper import index_sensitivity
    >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
    >>> spec = dp.CompositeIndex(dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}}))
    >>> grid = {"weighting": ["entropy", "equal"], "normalise": ["minmax", "rank"]}
    >>> ax = draw(index_sensitivity(spec, states, over=grid), show="shares")
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['weighting', 'normalise']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.index_sensitivity"
    _refuse_other(results, IndexSensitivity, "index_sensitivity", purpose)
    check_option("show", show, ("ranks", "shares"))
    texts = {**results.labels, **check_labels(labels, purpose)}
    if show == "shares":
        return _share_bars(results, period, texts, ax)
    if not results.possible.any():
        raise InputTypeError(f"{purpose}: no combination is possible, so there are no ranks to plot.")
    spread = results.spread(period)
    count = int(results.possible.sum())
    spans = [
        (spread["min"], spread["max"], f"all {count} combinations"),
        (spread["q25"], spread["q75"], "middle half"),
    ]
    return _spans(spread["rank"], spans, "baseline", (results, period, texts, purpose), ax)


def kernel_ridge(
    data: Any,
    column: str | None = None,
    *,
    periods: Sequence[Any] | None = None,
    bandwidth: Bandwidth | float = "scott",
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the kernel density of every period, one ridge a period, with its bandwidth beside it.

    Parameters
    ----------
    data : Series, or Panel with a column
        Values indexed by (entity, time), such as ``index.scores``.
    column : str, optional
        Column of the panel.
    periods : sequence, optional
        Which; all by default, the first on top.
    bandwidth : {"scott", "silverman"} or float
        Rule for the Gaussian kernel, applied period by period: Scott's n^(-1/5) or Silverman's
        (3n/4)^(-1/5) times the standard deviation. A number is the bandwidth itself, in units of the values,
        the same in every period.
    labels : mapping, optional
        Text by column; wins over the labels of the panel.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        All ridges have the same scale. A density goes on beyond the smallest and largest value by up to three
        bandwidths: that is the kernel, no data. Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If `data` has no periods, or values are no numbers.
    ColumnError
        If the panel has no such column.
    OptionError
        If the bandwidth is not known, or a period is not there.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Notes
    -----
    Scott (1992) and Silverman (1986), as in `scipy.stats.gaussian_kde`. A density with two peaks under one
    bandwidth may have one under another: that is why the figure says which. Periods with fewer than two
    different values have none. Missing values are left out, and `n` says how many there are.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> from digiprosper.present.index_plots import kernel_ridge
    >>> ax = kernel_ridge(dp.datasets.us_states(), "unemp", periods=[1970, 1986])
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['1970', '1986']
    >>> [text.get_text() for text in ax.texts]
    ['h = 0.524, n = 48', 'h = 1.02, n = 48']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.kernel_ridge"
    series, texts = _values(data, column, purpose)
    texts |= check_labels(labels, purpose)
    rule = _check_bandwidth(bandwidth)
    chosen = _chosen_periods(series, periods, purpose)
    ridges = [_Ridge(series.xs(p, level=1).dropna().to_numpy(dtype=np.float64), bandwidth) for p in chosen]
    solid = [r for r in ridges if r.h]
    if not solid:
        raise InputTypeError(
            f"{purpose}: no period has two different values, so no density can be estimated."
        )
    grid = np.linspace(min(r.low for r in solid), max(r.high for r in solid), _GRID)
    top = max(float(r.density(grid).max()) for r in solid)
    names = [tidy_text(p) for p in chosen]
    titles = [
        term_label(str(series.name), texts),
        effect_label(str(series.index.names[1] or "period"), texts),
    ]
    with fonts(ax, [*names, *titles], purpose):
        axes = new_axes((6.4, 1.4 + 0.36 * len(chosen)), purpose) if ax is None else ax
        for place, ridge in enumerate(ridges):
            axes.axhline(place, color=FAINT, linewidth=0.5, zorder=2 * place)
            if ridge.h:
                height = place - _OVERLAP * ridge.density(grid) / top
                axes.fill_between(
                    grid, height, place, facecolor=_PALE, alpha=0.8, linewidth=0, zorder=2 * place
                )
                axes.plot(grid, height, color=INK, linewidth=1.0, zorder=2 * place + 1)
            axes.text(
                1.01, place, ridge.text, transform=axes.get_yaxis_transform(), va="center", fontsize="small"
            )
        axes.set_yticks(range(len(chosen)), names)
        axes.set_ylim(len(chosen) - 0.5, -_OVERLAP - 0.1)
        axes.set_xlim(grid[0], grid[-1])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(f"{titles[0]}\nGaussian kernel, {rule}")
        axes.set_ylabel(titles[1])
        axes.spines[["top", "right", "left"]].set_visible(False)
    return axes


# --- ranks --------------------------------------------------------------------------------------------------


def _ribbons_over_time(
    results: RankResults,
    table: pd.DataFrame,
    entities: Sequence[Any] | None,
    level: float,
    texts: Mapping[str, str],
    ax: Axes | None,
) -> Axes:
    purpose = "plots.rank_ribbon"
    there, last = rows_of(results.index, None)
    if entities is None:
        entities = last[np.argsort(results.rank_values[there], kind="stable")[:_LINES]].tolist()
    names = [tidy_text(e) for e in entities]
    key, time = (effect_label(_key_name(results, k), texts) for k in (0, 1))
    times = results.index.unique(1).sort_values()
    places = times.to_timestamp() if isinstance(times, pd.PeriodIndex) else times
    with fonts(ax, [*names, key, time], purpose):
        axes = new_axes((6.8, 4.2), purpose) if ax is None else ax
        for number, (entity, name) in enumerate(zip(entities, names, strict=True)):
            own = table.xs(entity, level=0).reindex(times)  # a period without a row breaks the line
            colour = f"C{number % 10}"
            low, high = own["rank_low"].to_numpy(dtype=float), own["rank_high"].to_numpy(dtype=float)
            axes.fill_between(places, low, high, facecolor=colour, alpha=0.18, linewidth=0)
            marker = MARKERS[number % len(MARKERS)]
            ranks = own["rank"].to_numpy(dtype=float)
            axes.plot(places, ranks, marker=marker, markersize=4, linewidth=1.3, color=colour, label=name)
        worst = int(table.loc[list(entities), "rank_high"].max())
        axes.set_ylim(worst + 0.5, 0.5)
        axes.set_yticks(_rank_ticks(worst))
        if times.inferred_type == "integer":
            _whole_numbers(axes.xaxis)
        axes.set_xlabel(time)
        axes.set_ylabel(f"Rank and {100 * level:g}% of draws{_among(results)}")
        plain_spines(axes)
        legend_beside(axes, title=key)
    return axes


def _spans(
    ranks: pd.Series[Any],
    spans: Sequence[tuple[pd.Series[Any], pd.Series[Any], str]],
    mark: str,
    about: tuple[RankResults | IndexSensitivity, Any, Mapping[str, str], str],
    ax: Axes | None,
) -> Axes:
    """Draw the ranks of one period with spans round them, the widest first; the best comes first."""
    results, period, texts, purpose = about
    named = len(ranks) <= MOST_NAMES
    names = [tidy_text(e) for e in ranks.index] if named else []
    key, title = effect_label(_key_name(results, 0), texts), f"Rank{_among(results)}"
    if results.index.nlevels == 2:
        when = results.index.get_level_values(1).max() if period is None else period
        title += f", {effect_label(_key_name(results, 1), texts)} {tidy_text(when)}"
    with fonts(ax, [*names, key, title], purpose):
        size = (6.4, 1.5 + 0.2 * len(ranks)) if named else (6.8, 4.0)
        axes = new_axes(size, purpose) if ax is None else ax
        if named:
            _lines(axes, ranks, spans, mark)
            axes.set_yticks(range(len(names)), names, fontsize="small")
            axes.set_xlabel(title)
            axes.set_ylabel(key)
        else:
            _bands(axes, ranks, spans, mark)
            axes.set_xlabel(f"{title} ({len(ranks):,} x {key})")
            axes.set_ylabel("Change in rank (above 0: higher)")
        plain_spines(axes)
        legend_above(axes, columns=3)
    return axes


def _lines(
    axes: Axes,
    ranks: pd.Series[Any],
    spans: Sequence[tuple[pd.Series[Any], pd.Series[Any], str]],
    mark: str,
) -> None:
    place, worst = np.arange(len(ranks)), int(spans[0][1].max())
    for (low, high, text), colour, height in zip(
        spans, _SHADES[-len(spans) :], _HEIGHTS[-len(spans) :], strict=True
    ):
        # A rank that never moves has a span of no length: half a rank more keeps it visible.
        axes.barh(place, high - low + 0.5, left=low - 0.25, height=height, color=colour, label=text)
    axes.plot(ranks, place, "o", color=INK, markersize=4, label=mark)
    axes.set_ylim(len(ranks) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0.4, worst + 0.6)
    axes.set_xticks(_rank_ticks(worst))


def _bands(
    axes: Axes,
    ranks: pd.Series[Any],
    spans: Sequence[tuple[pd.Series[Any], pd.Series[Any], str]],
    mark: str,
) -> None:
    """Draw how far ranks move: against hundreds of ranks, their own size would hide it."""
    place = np.arange(1, len(ranks) + 1)
    for (low, high, text), colour in zip(spans, _SHADES[-len(spans) :], strict=True):
        axes.fill_between(place, ranks - low, ranks - high, step="mid", color=colour, linewidth=0, label=text)
    axes.axhline(0, color=INK, linewidth=1.0, label=mark)
    axes.set_xlim(0.5, len(ranks) + 0.5)
    axes.set_xticks(_rank_ticks(len(ranks)))
    _whole_numbers(axes.yaxis)


def _share_bars(results: IndexSensitivity, period: Any, texts: Mapping[str, str], ax: Axes | None) -> Axes:
    purpose = "plots.index_sensitivity"
    shares = results.shares(period, overall=True)
    names = [texts.get(name, name) for name in shares.index]
    first, total = shares["first"].fillna(0.0), shares["total"].fillna(0.0)
    with fonts(ax, names, purpose):
        axes = new_axes((6.4, 1.5 + 0.42 * len(names)), purpose) if ax is None else ax
        place = np.arange(len(names))
        axes.barh(place, first, height=0.6, color=INK, label="alone")
        axes.barh(place, total - first, left=first, height=0.6, color=_PALE, label="with other options")
        for at, (share, kept) in enumerate(zip(shares["total"], results.complete, strict=True)):
            text = f"{share:.0%}" if len(kept) > 1 else "one value only"
            axes.text(0.01 + (share if len(kept) > 1 else 0.0), at, text, va="center", fontsize="small")
        axes.set_yticks(place, names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(0, max(1.0, float(total.max()) * 1.1))
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("Share of the variance of ranks, all entities together")
        plain_spines(axes)
        legend_above(axes)
    return axes


def _key_name(results: RankResults | IndexSensitivity, level: int) -> str:
    return str(results.index.names[level] or ("entity", "period")[level])


def _among(results: RankResults | IndexSensitivity) -> str:
    return " (among all rows)" if results.among == "pooled" and results.index.nlevels == 2 else ""


def _whole_numbers(axis: Any) -> None:
    ticker = require("matplotlib.ticker", extra="plot", purpose="plots")
    axis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))


def _rank_ticks(worst: int) -> list[int]:
    """Rank 1, then round numbers, nine at most."""
    step = next(m * 10**e for e in range(9) for m in (1, 2, 5) if worst <= 8 * m * 10**e)
    return list(range(1, worst + 1, step)) if step <= 2 else [1, *range(step, worst + 1, step)]


def _refuse_other(results: object, kind: type, maker: str, purpose: str) -> None:
    if not isinstance(results, kind):
        raise InputTypeError(
            f"{purpose}: takes what {maker} returns, not {type(results).__name__}.",
            [Notice("models", f"no {kind.__name__}", {"type": type(results).__name__})],
        )


def _refuse_strangers(entities: Sequence[Any] | None, index: pd.Index[Any], purpose: str) -> None:
    if entities is None:
        return
    if isinstance(entities, str) or not len(entities):
        raise InputTypeError(
            f"{purpose}: entities must be a list of at least one entity, not {cited(entities)}."
        )
    known = set(index.get_level_values(0))
    strangers = [e for e in entities if e not in known]
    if strangers:
        raise OptionError(
            f"{purpose}: {quoted(strangers)} is not in the sample.",
            [
                Notice("option", f"no entity {cited(e)}", {"option": "entities", "value": e})
                for e in strangers
            ],
        )


# --- densities ----------------------------------------------------------------------------------------------


class _Ridge:
    """A Gaussian kernel density of one period; without two different values it has no bandwidth."""

    def __init__(self, values: Floats, bandwidth: Bandwidth | float) -> None:
        self.values, self.h = values, 0.0
        if values.size > 1 and np.ptp(values) > 0:
            from scipy.stats import gaussian_kde

            spread = float(values.std(ddof=1))
            rule = bandwidth if isinstance(bandwidth, str) else bandwidth / spread
            self.kernel = gaussian_kde(values, bw_method=rule)
            self.h = float(self.kernel.factor) * spread

    @property
    def low(self) -> float:
        return float(self.values.min()) - 3 * self.h

    @property
    def high(self) -> float:
        return float(self.values.max()) + 3 * self.h

    @property
    def text(self) -> str:
        count = f"n = {self.values.size:,}"
        return f"h = {float(f'{self.h:.3g}'):,g}, {count}" if self.h else f"no density, {count}"

    def density(self, grid: Floats) -> Floats:
        return np.asarray(self.kernel(grid))


def _values(data: Any, column: str | None, purpose: str) -> tuple[pd.Series[Any], dict[str, str]]:
    """Take a Series by (entity, time), or a column of a panel with the panel's labels."""
    if hasattr(data, "frame") and column is not None:
        frame, texts = cast("pd.DataFrame", data.frame), dict(data.labels)
        given: object = column
        if not isinstance(given, str) or column not in frame:
            raise unknown_columns([str(column)], frame.columns, purpose)
        series = frame[column]
    elif isinstance(data, pd.Series) and column is None:
        series, texts = data, {}
    else:
        raise InputTypeError(
            f"{purpose}: takes a Series indexed by (entity, time), such as index.scores, or a panel and the "
            f"name of a column; this is {type(data).__name__} and column={cited(column)}."
        )
    real = pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_complex_dtype(series.dtype)
    if series.index.nlevels != 2 or not real:
        raise InputTypeError(f"{purpose}: needs numbers indexed by (entity, time), without duplicates.")
    return series, texts


def _check_bandwidth(bandwidth: object) -> str:
    """Check a bandwidth and name its rule in words."""
    if isinstance(bandwidth, str):
        check_option("bandwidth", bandwidth, ("scott", "silverman"))
        return f"{bandwidth.title()}'s bandwidth h by period"
    number = isinstance(plain(bandwidth), int | float) and not isinstance(bandwidth, bool)
    if not number or not math.isfinite(cast("float", bandwidth)) or cast("float", bandwidth) <= 0:
        raise OptionError(f"bandwidth={cited(bandwidth)} must be 'scott', 'silverman' or a number above 0.")
    return f"bandwidth h = {bandwidth:g} in every period"


def _chosen_periods(series: pd.Series[Any], periods: Sequence[Any] | None, purpose: str) -> list[Any]:
    known = series.index.get_level_values(1).unique().sort_values()
    if periods is None:
        return list(known)
    strangers = [p for p in periods if p not in known]
    if strangers or not len(periods):
        raise OptionError(
            f"{purpose}: periods={cited(list(periods))}; the data have {quoted(known, 12)}.",
            [Notice("option", f"no period {cited(p)}", {"option": "periods", "value": p}) for p in strangers],
        )
    return list(periods)
