"""Data of figures: draws of a test, a marginal effect over its moderator, rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import (
    alignment_problem,
    column_problem,
    not_identified,
    option_problem,
)
from digiprosper.errors import (
    AlignmentError,
    ColumnError,
    InputTypeError,
    cited,
    quoted,
)
from digiprosper.kernels import Floats
from digiprosper.kernels.tolerances import EQUAL_DRAWS, SAME_MEAN
from digiprosper.linear.marginal import default_points, slope_columns
from digiprosper.linear.results import LinearResults
from digiprosper.panel import Panel
from digiprosper.panel.access import numeric_values, table_of
from digiprosper.report.columns import remark_text, test_remark
from digiprosper.report.drawings import DrawnDensity, Interval, SlopeCurve, Wording
from digiprosper.report.tests import TestResult
from digiprosper.report.words import NO_WORDS

_PURPOSE = "plots.marginal_effect"
_POINTS = 401
_BINS = 30


# --- draws ----------------------------------------------------------------------------


def drawn_density(test: TestResult, wording: Wording) -> DrawnDensity:
    """Estimate the density of draws by a Gaussian kernel, reflected at zero if >= 0."""
    from scipy.stats import gaussian_kde

    draws = np.asarray(test.draws, dtype=np.float64)
    draws = draws[np.isfinite(draws)]
    spread = float(draws.std()) if draws.size else 0.0
    if spread <= EQUAL_DRAWS * np.abs(draws).max(initial=0.0):
        raise not_identified(
            "equal_draws",
            f"plots.placebo: the {draws.size} draws with a statistic are all equal and "
            "have no density.",
            draws=int(draws.size),
        )

    # Scaled, to avoid overflow of the density.
    scaled, statistic = draws / spread, test.statistic / spread
    low, high = min(scaled.min() - 1, statistic), max(scaled.max() + 1, statistic)
    kernel = gaussian_kde(scaled)
    reflected = min(scaled.min(), statistic) >= 0
    grid = np.linspace(0.0 if reflected else low, high, _POINTS)
    density = kernel(grid) + (kernel(-grid) if reflected else 0.0)
    points = pd.DataFrame({"value": grid * spread, "density": density / spread})
    return DrawnDensity(
        _statistic_name(test, wording), points, draws, test.statistic, test.p_value
    )


def _statistic_name(test: TestResult, wording: Wording) -> str:
    detail = test.detail if isinstance(test.detail, Mapping) else {}
    term, language = detail.get("term"), wording.language
    if term is not None and test.name == "Placebo test":
        return wording.say("draws.estimate", term=wording.label(term))
    remark, name = test_remark(test.name), test.name
    if remark is not None:
        name = remark_text(remark, NO_WORDS, wording.labels, wording.factors, language)
    if term is not None:
        return name
    if language == "english":
        name = f"{name[0].lower()}{name[1:]}"
    return wording.say("draws.statistic", name=name)


# --- a slope over its moderator -------------------------------------------------------


def slope_curve(
    results: LinearResults,
    term: str,
    moderator: str | None,
    panel: Panel | None,
    wording: Wording,
    level: float,
) -> SlopeCurve:
    """Compute a slope over the range of its moderator, or at each level."""
    column, levels, other_columns = _choose_moderator(results, term, moderator)
    grid = levels
    if grid is None:
        low, high = map(float, results.sample_stats.loc[column, ["min", "max"]])
        grid = np.linspace(low, high, _POINTS).tolist()
    points = results.marginal_effect(term, at={column: grid}, level=level)

    values = None if panel is None else sample_values(results, column, panel, _PURPOSE)
    regions = [] if levels is not None else _regions(points)
    if levels is not None:
        points = points.assign(at=[level_text(value) for value in points["at"]])
    return SlopeCurve(
        variable=wording.label(term),
        outcome=wording.label(results.depvar),
        moderator=wording.label(column),
        points=points[["at", "estimate", "conf_low", "conf_high"]],
        rows=None if values is None else row_counts(values, levels),
        regions=regions,
        share=float("nan") if values is None else _share_in_regions(values, regions),
        at_means=list(map(wording.label, other_columns)),
        level=level,
    )


def _choose_moderator(
    results: LinearResults, term: str, moderator: str | None
) -> tuple[str, Sequence[Any] | None, list[str]]:
    """Choose the column a slope is drawn over, its levels if few; list the others."""
    for name, value in (("term", term), ("moderator", moderator)):
        if not isinstance(value, str) and (name, value) != ("moderator", None):
            raise InputTypeError(
                f"{_PURPOSE}: {name}={cited(value)} must be the name of a column.",
                [option_problem(name, value)],
            )
    stats = results.sample_stats
    columns = slope_columns(results.terms, term, stats)
    column = _check_moderator(columns, term, moderator)
    other_columns = [name for name in columns if name != column]
    levels = dict(results.categories.values())
    if column in levels:
        return column, levels[column].tolist(), other_columns
    few = default_points(stats, column)
    return column, few.tolist() if few.size == 2 else None, other_columns


def _check_moderator(columns: Sequence[str], term: str, moderator: str | None) -> str:
    """Check the moderator, or choose the first."""
    if not columns:
        raise ColumnError(
            f"{_PURPOSE}: the slope in {cited(term)} is constant in this model. Add a "
            f"product such as {cited(f'{term}:w')}, or "
            f"{cited(f'I({term}**2)')}, to x.",
            [column_problem(term, "term", "a constant slope")],
        )
    if moderator is None:
        return columns[0]
    if moderator not in columns:
        raise ColumnError(
            f"{_PURPOSE}: the slope in {cited(term)} does not depend on "
            f"{cited(moderator)} but on {quoted(columns)}.",
            [column_problem(moderator, "moderator", f"not a moderator of {term}")],
        )
    return moderator


def _regions(points: pd.DataFrame) -> list[Interval]:
    """List regions where the confidence interval excludes 0; ends are interpolated."""
    at, low, high = (
        points[name].to_numpy(dtype=np.float64)
        for name in ("at", "conf_low", "conf_high")
    )
    # Positive where the interval excludes 0
    gap = np.maximum(low, -high)
    outside = gap > 0
    ends = np.flatnonzero(np.diff(outside.astype(int)))
    crossings = at[ends] + (at[ends + 1] - at[ends]) * gap[ends] / (
        gap[ends] - gap[ends + 1]
    )
    edges = np.concatenate([at[:1][outside[:1]], crossings, at[-1:][outside[-1:]]])
    return [(low, high) for low, high in edges.reshape(-1, 2).tolist()]


def _share_in_regions(values: pd.Series[Any], regions: Sequence[Interval]) -> float:
    if not regions:
        return 0.0
    numbers: Floats = values.to_numpy(dtype=np.float64)
    inside = [(numbers >= low) & (numbers <= high) for low, high in regions]
    return float(np.logical_or.reduce(inside).mean())


# --- a column in the rows of a fit ----------------------------------------------------


def sample_values(
    results: LinearResults, column: str, panel: object, purpose: str
) -> pd.Series[Any]:
    """Read a column or term in the rows of the estimation sample.

    Refuses another panel than that of the fit; errors name the `purpose`.
    """
    if not isinstance(panel, Panel):
        raise InputTypeError(
            f"{purpose}: panel must be the Panel of the fit, not "
            f"{type(panel).__name__}.",
            [option_problem("panel", type(panel).__name__)],
        )
    table = table_of(panel)
    whole: Any = (
        table.raw(column)
        if column in table.names
        else numeric_values(panel, column, purpose)
    )
    every: pd.Series[Any] = pd.Series(whole, table.keys.index)
    if not results.index.isin(every.index).all():
        raise _other_panel_error(purpose, "rows of the fit are missing")
    values = every.loc[results.index]
    _compare_mean(results, column, values, purpose)
    return values


def _compare_mean(
    results: LinearResults, column: str, values: pd.Series[Any], purpose: str
) -> None:
    """Refuse values that are not those of the fit."""
    stats = results.sample_stats
    if column not in stats.index:
        return
    row = stats.loc[column]
    numbers = values.to_numpy(dtype=np.float64)
    gap = abs(float(numbers.mean()) - row["mean"])
    if not gap <= SAME_MEAN * max(abs(row["min"]), abs(row["max"])):
        raise _other_panel_error(
            purpose, f"the mean of {cited(column)} in these rows differs", column
        )


def _other_panel_error(
    purpose: str, reason: str, column: str | None = None
) -> AlignmentError:
    return AlignmentError(
        f"{purpose}: panel is not the one that was fitted: {reason}. Pass the panel "
        "that `fit` took.",
        [alignment_problem(column, reason)],
    )


def row_counts(values: pd.Series[Any], levels: Sequence[Any] | None) -> pd.DataFrame:
    """Count rows by interval, or by level."""
    if levels is not None:
        counts = [int((values == level).sum()) for level in levels]
        return pd.DataFrame(
            {"at": [level_text(level) for level in levels], "rows": counts}
        )
    heights, edges = np.histogram(values.to_numpy(dtype=np.float64), bins=_BINS)
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "rows": heights})


def level_text(level: object) -> str:
    """Write a level of a category, or a value."""
    return f"{level:g}" if isinstance(level, float) else str(level)
