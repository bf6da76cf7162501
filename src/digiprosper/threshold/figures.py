"""Numbers for figures of thresholds: likelihood ratios, and regimes over time."""

from __future__ import annotations

import numpy as np

from digiprosper.checks import check_option
from digiprosper.report.drawings import Profile, RegimeMap, Wording
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
    bootstrapped = results.confidence == "bootstrap"
    points = results.profile(threshold)
    return Profile(
        variable=wording.label(results.threshold_variable),
        points=points,
        excluded=np.setdiff1d(results.candidates, points["gamma"]),
        estimate=float(results.estimates[threshold - 1]),
        sets=results.confidence_set(threshold),
        level=results.level,
        critical=None if bootstrapped else float(results.critical_value(threshold)),
        criterion=WORDS.say(f"step.criterion.{results.confidence}", wording.language),
        fixed=results.given,
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
    name, language = wording.label(results.threshold_variable), wording.language
    counts = [f"{count:,}" for count in results.regimes["nobs"]]
    conditions = [wording.say("map.none", name=name, count=counts[0])]
    if len(counts) > 1:
        conditions = [
            wording.say(
                "map.rows", condition=regime.condition(name, 3, language), count=count
            )
            for regime, count in zip(results.regime_bounds, counts, strict=True)
        ]
    wide = results.regime.unstack()
    entities, times, cells = wide.index, wide.columns, wide.to_numpy(dtype=np.float64)
    ranked = np.arange(len(cells))
    if order is None:
        ranked = np.argsort(-np.nanmean(cells, axis=1), kind="stable")
    elif order == "first" and len(counts) > 1:
        # Entities that never enter a regime come last.
        never = np.ones(len(cells))
        numbers = range(2, len(counts) + 1)
        first = [np.column_stack([cells >= r, never]).argmax(axis=1) for r in numbers]
        ranked = np.lexsort(first)
    return RegimeMap(
        entities=entities[ranked],
        times=times,
        cells=cells[ranked],
        key_names=(
            wording.label(results.slopes.key_names[0]),
            wording.label(time_name),
        ),
        regimes=conditions,
    )
