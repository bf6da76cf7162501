"""Numbers for figures of indices: intervals of ranks, variance shares, densities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np
import pandas as pd

from digiprosper.checks import check_option, check_real, option_problem, unknown_columns
from digiprosper.composite.ranking_results import (
    IndexSensitivity,
    RankedIndex,
    RankResults,
    rows_of_period,
)
from digiprosper.errors import InputTypeError, OptionError, cited, quoted, subject
from digiprosper.kernels import Floats
from digiprosper.panel.arguments import refuse_extreme
from digiprosper.report.characters import tidy_text
from digiprosper.report.drawings import (
    Bars,
    RankSpans,
    Ribbons,
    Ridges,
    Wording,
)

Bandwidth: TypeAlias = Literal["scott", "silverman"]

_LINES = 6
_GRID = 256


# --- ranks ----------------------------------------------------------------------------


def rank_table(
    results: RankResults, entities: Sequence[Any] | None, level: float
) -> pd.DataFrame:
    """Return each row's rank, rank_low, rank_high; intervals have this `level`."""
    table = results.ranks(level, top=())
    if table["rank_high"].isna().all():
        raise OptionError(
            "plots.rank_ribbon: rank intervals are not computed from draws of "
            f"{results.n_drawn} entities, so there is no interval to plot; "
            "results.ranks() has the ranks."
        )
    if entities is None:
        return table
    if not pd.api.types.is_list_like(entities) or not len(entities):
        raise InputTypeError(
            "plots.rank_ribbon: entities must be a list of at least one entity, not "
            f"{cited(entities)}."
        )
    # A list, because the entities asked for may not be hashable.
    sample_entities = results.index.unique(0).tolist()
    unknown = [e for e in entities if e not in sample_entities]
    if unknown:
        raise OptionError(
            f"plots.rank_ribbon: {subject(unknown, 'is')} not in the sample.",
            [
                option_problem("entities", e, what=f"no entity {cited(e)}")
                for e in unknown
            ],
        )
    return table


def ribbons(
    results: RankResults,
    table: pd.DataFrame,
    entities: Sequence[Any] | None,
    level: float,
    wording: Wording,
) -> Ribbons:
    """Return ranks over time, by default of the six best in the last period."""
    if entities is None:
        rows, last = rows_of_period(results.index, None)
        best = np.argsort(results.rank_values[rows], kind="stable")[:_LINES]
        entities = last[best].tolist()
    times = results.index.unique(1).sort_values()
    # A period without a row breaks the line.
    ranks = [
        (
            wording.labels.get(tidy_text(e), tidy_text(e)),
            cast("pd.DataFrame", table.xs(e, level=0)).reindex(times),
        )
        for e in entities
    ]
    return Ribbons(
        entities=ranks,
        times=times,
        worst=int(table.loc[list(entities), "rank_high"].max()),
        key=_key_label(results, 0, wording),
        time=_key_label(results, 1, wording),
        title=_with_ranking_group(
            wording.say("rank.draws", level=f"{100 * level:g}"), results, wording
        ),
    )


def drawn_spans(
    results: RankResults,
    table: pd.DataFrame,
    entities: Sequence[Any] | None,
    period: Any,
    level: float,
    wording: Wording,
) -> RankSpans:
    """Return one period's ranks (None: the last) with intervals from the draws."""
    rows, names = rows_of_period(results.index, period)
    ranks = table.iloc[rows].set_axis(names, axis=0).sort_values("rank", kind="stable")
    ranks = ranks if entities is None else ranks[ranks.index.isin(list(entities))]
    words = wording.say("rank.share", level=f"{100 * level:g}")
    span = ranks["rank_low"], ranks["rank_high"], words
    mark = wording.say("rank.mark")
    return RankSpans(
        ranks["rank"], [span], mark, *_axis_titles(results, period, wording)
    )


def combination_spans(
    results: IndexSensitivity,
    period: Any,
    wording: Wording,
) -> RankSpans:
    """Return one period's ranks (None: the last) with their range over all options."""
    if not results.possible.any():
        raise InputTypeError(
            "plots.index_sensitivity: no combination is possible, so there are no "
            "ranks to plot."
        )
    spread = results.spread(period)
    combinations = wording.say("rank.combinations", count=int(results.possible.sum()))
    spans = [
        (spread["min"], spread["max"], combinations),
        (spread["q25"], spread["q75"], wording.say("rank.middle")),
    ]
    mark = wording.say("rank.baseline")
    return RankSpans(
        spread["rank"], spans, mark, *_axis_titles(results, period, wording)
    )


def share_bars(results: IndexSensitivity, period: Any, wording: Wording) -> Bars:
    """Return each option's Sobol shares in the variance of all entities' ranks."""
    shares = results.shares(period, overall=True)
    return Bars(
        names=[
            wording.labels.get(name, wording.say(f"option.{name}"))
            for name in shares.index
        ],
        first=shares["first"].to_numpy(dtype=np.float64),
        total=shares["total"].to_numpy(dtype=np.float64),
        fixed=[len(positions) <= 1 for positions in results.complete],
    )


def _axis_titles(
    results: RankedIndex, period: Any, wording: Wording
) -> tuple[str, str]:
    """Label the entities, and the ranks of a period."""
    title = _with_ranking_group(wording.say("rank"), results, wording)
    if results.index.nlevels == 2:
        when = results.index.get_level_values(1).max() if period is None else period
        time = _key_label(results, 1, wording)
        title = wording.say("rank.in", title=title, time=time, period=tidy_text(when))
    return _key_label(results, 0, wording), title


def _key_label(results: RankedIndex, level: int, wording: Wording) -> str:
    name = results.index.names[level]
    if not name:
        return wording.say(("entity", "period")[level])
    return wording.labels.get(str(name), str(name))


def _with_ranking_group(title: str, results: RankedIndex, wording: Wording) -> str:
    pooled = results.among == "pooled" and results.index.nlevels == 2
    return wording.say("rank.among", title=title) if pooled else title


# --- densities ------------------------------------------------------------------------


def values_by_period(
    data: Any, column: str | None
) -> tuple[pd.Series[Any], dict[str, str]]:
    """Take a Series by (entity, time), or a panel's column with its labels."""
    purpose = "plots.kernel_ridge"
    if hasattr(data, "frame") and column is not None:
        frame, texts = cast("pd.DataFrame", data.frame), dict(data.labels)
        name: object = column
        if not isinstance(name, str) or column not in frame:
            raise unknown_columns([str(column)], frame.columns, purpose)
        series = frame[column]
    elif isinstance(data, pd.Series) and column is None:
        series, texts = data, {}
    else:
        raise InputTypeError(
            f"{purpose}: takes a Series indexed by (entity, time), such as "
            "index.scores, or a panel and the name of a column, not "
            f"{type(data).__name__} with column={cited(column)}."
        )
    kind = series.dtype
    real = pd.api.types.is_numeric_dtype(kind) and kind.kind != "c"
    if series.index.nlevels != 2 or not real:
        raise InputTypeError(
            f"{purpose}: needs numbers indexed by (entity, time), without duplicates."
        )
    return series, texts


def ridges(
    series: pd.Series[Any],
    periods: Sequence[Any] | None,
    bandwidth: Bandwidth | float,
    wording: Wording,
) -> Ridges:
    """Estimate the kernel density of every period on one grid.

    The grid extends three bandwidths beyond the values, and below zero only if a value
    is negative.
    """
    rule = _bandwidth_text(bandwidth, wording)
    chosen = _read_periods(series, periods)
    samples = [
        series.xs(p, level=1).dropna().to_numpy(dtype=np.float64) for p in chosen
    ]
    kernels = [_kernel(values, bandwidth) for values in samples]
    widths = [(v, 3 * h) for v, (_, h) in zip(samples, kernels, strict=True) if h]
    if not widths:
        raise InputTypeError(
            "plots.kernel_ridge: no period has two different values, so no density can "
            "be estimated."
        )
    low = min(v.min() - room for v, room in widths)
    high = max(v.max() + room for v, room in widths)
    if np.concatenate(samples).min() >= 0:
        low = max(low, 0.0)
    grid = np.linspace(low, high, _GRID)
    curves = []
    for p, values, (kernel, h) in zip(chosen, samples, kernels, strict=True):
        count = f"n = {values.size:,}"
        words, density = wording.say("ridge.none", count=count), None
        if h:
            words = f"h = {float(f'{h:.3g}'):,g}, {count}"
            density = np.asarray(kernel(grid))
        curves.append((tidy_text(p), words, density))
    period = str(series.index.names[1] or wording.say("period"))
    return Ridges(
        grid=grid,
        ridges=curves,
        variable=wording.labels.get(str(series.name), str(series.name)),
        time=wording.labels.get(period, period),
        rule=rule,
    )


def _kernel(values: Floats, bandwidth: Bandwidth | float) -> tuple[Any, float]:
    """Estimate a Gaussian kernel density; its bandwidth is 0 for one value."""
    from scipy.stats import gaussian_kde

    if values.size < 2 or not np.ptp(values) > 0:
        return None, 0.0
    refuse_extreme("plots.kernel_ridge", {"the column": values})
    spread = float(values.std(ddof=1))
    rule = bandwidth if isinstance(bandwidth, str) else bandwidth / spread
    kernel = gaussian_kde(values, bw_method=rule)
    return kernel, float(kernel.factor) * spread


def _bandwidth_text(bandwidth: object, wording: Wording) -> str:
    """Check a bandwidth and name its rule."""
    if isinstance(bandwidth, str):
        check_option("bandwidth", bandwidth, get_args(Bandwidth))
        return wording.say(f"ridge.rule.{bandwidth}")
    kind = "'scott', 'silverman' or a number above 0"
    width = check_real("bandwidth", bandwidth, lambda h: 0 < h < math.inf, kind)
    return wording.say("ridge.rule.given", value=f"{width:g}")


def _read_periods(series: pd.Series[Any], periods: Sequence[Any] | None) -> list[Any]:
    all_periods = series.index.get_level_values(1).unique().sort_values().tolist()
    if periods is None:
        return all_periods
    if isinstance(periods, str) or not pd.api.types.is_list_like(periods):
        periods = [periods]
    unknown = [p for p in periods if p not in all_periods]
    if unknown or not len(periods):
        raise OptionError(
            f"plots.kernel_ridge: periods={cited(list(periods))}; the data have "
            f"{quoted(all_periods, 12)}.",
            [
                option_problem("periods", p, all_periods, f"no period {cited(p)}")
                for p in unknown
            ],
        )
    return list(periods)
