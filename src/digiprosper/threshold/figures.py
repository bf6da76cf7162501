"""Numbers for figures of thresholds: likelihood ratios, and regimes over time."""

from __future__ import annotations

import numpy as np

from digiprosper.checks import check_option
from digiprosper.kernels import Floats, Ints
from digiprosper.report.drawings import Profile, RegimeMap
from digiprosper.report.figure_words import Wording
from digiprosper.threshold.results import ThresholdResults
from digiprosper.threshold.words import WORDS


def lr_profile(
    results: ThresholdResults,
    threshold: int,
    wording: Wording,
) -> Profile:
    """Return a threshold's likelihood ratio over candidates, with its critical value.

    The threshold is numbered from 1.
    """
    # A bootstrap critical value differs between candidates.
    drawn = results.confidence == "bootstrap"
    points = results.profile(threshold)
    return Profile(
        variable=wording.label(results.threshold_variable),
        points=points,
        excluded=np.setdiff1d(results.candidates, points["gamma"]),
        estimate=float(results.estimates[threshold - 1]),
        sets=results.confidence_set(threshold),
        level=results.level,
        critical=None if drawn else float(results.critical_value(threshold)),
        criterion=WORDS.say(f"step.criterion.{results.confidence}", wording.language),
        given=results.given,
        before=results.rule == "<=",
        number=threshold if results.estimates.size > 1 else None,
    )


def regime_map(
    results: ThresholdResults,
    order: str | None,
    wording: Wording,
) -> RegimeMap:
    """Arrange regimes as entities by periods.

    Entities are in the order of "name", of "first" entry to a regime, or (None) of the
    mean regime. Raises PanelIndexError in a cross-section.
    """
    time_name = results._time_name("plots.regime_map")
    check_option("order", order, (None, "name", "first"))
    wide = results.regime.unstack()
    entities, times, cells = wide.index, wide.columns, wide.to_numpy(dtype=np.float64)
    ranked = _entity_order(cells, len(results.regime_bounds), order)
    return RegimeMap(
        entities=entities[ranked],
        times=times,
        cells=cells[ranked],
        key_names=(
            wording.label(results.slopes.key_names[0]),
            wording.label(time_name),
        ),
        regimes=_regime_conditions(results, wording),
    )


def _entity_order(cells: Floats, count: int, order: str | None) -> Ints:
    if order == "name":
        return np.arange(len(cells))
    if order is None:
        return np.argsort(-np.nanmean(cells, axis=1), kind="stable")
    # Entities that never enter a regime come last.
    first_periods = [
        np.column_stack([cells >= r, np.ones(len(cells))]).argmax(axis=1)
        for r in range(2, count + 1)
    ]
    return np.lexsort(first_periods) if first_periods else np.arange(len(cells))


def _regime_conditions(results: ThresholdResults, wording: Wording) -> list[str]:
    """List each regime's condition and number of rows, from low to high."""
    name = wording.label(results.threshold_variable)
    rows = results.regimes["nobs"].tolist()
    if len(rows) == 1:
        return [wording.say("map.none", name=name, count=f"{rows[0]:,}")]
    conditions = [
        regime.condition(name, 3, wording.language) for regime in results.regime_bounds
    ]
    return [
        wording.say("map.rows", condition=text, count=f"{count:,}")
        for text, count in zip(conditions, rows, strict=True)
    ]
