"""Bias of estimators of dynamic panels, and coverage of their intervals."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp

if TYPE_CHECKING:
    from collections.abc import Callable

PANELS = {31: 400, 100: 150, 280: 80}
BURN = 100
ESTIMATORS: dict[str, dict[str, Any]] = {
    "difference GMM": {"estimator": "difference"},
    "system GMM": {"estimator": "system"},
    "lsdvc": {"estimator": "lsdvc", "reps": 299},
    "half_panel": {"estimator": "half_panel", "reps": 299},
}


def simulated(
    rng: np.random.Generator, entities: int, periods: int, rho: float
) -> pd.DataFrame:
    """Draw a panel whose regressor has the long-run effect 1."""
    shape = (entities, periods + BURN)
    regressor, error = rng.normal(size=(2, *shape))
    entity = rng.normal(size=(entities, 1))
    common = 0.3 * rng.normal(size=(1, shape[1]))
    pushed = (1 - rho) * (entity + common)
    outcome = np.zeros(shape)
    for t in range(1, shape[1]):
        regressor[:, t] += 0.5 * regressor[:, t - 1]
        outcome[:, t] = rho * outcome[:, t - 1] + (1 - rho) * regressor[:, t]
        outcome[:, t] += pushed[:, t] + error[:, t]
    return pd.DataFrame(
        {
            "i": np.repeat(np.arange(entities), periods),
            "t": np.tile(np.arange(periods), entities),
            "y": outcome[:, BURN:].ravel(),
            "x": regressor[:, BURN:].ravel(),
        }
    )


def summaries(
    entities: int, periods: int, rho: float, panels: int
) -> dict[str, np.ndarray]:
    """Compute errors of rho, and whether intervals of rho and x cover, (R, 3)."""
    rng = np.random.default_rng([entities, periods, round(100 * rho)])
    truth = np.array([rho, 1 - rho])
    rows: dict[str, list[list[float]]] = {}
    for _ in range(panels):
        panel = dp.Panel(simulated(rng, entities, periods, rho), "i", "t")
        fits: dict[str, Any] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dp.DigiprosperWarning)
            for name, options in ESTIMATORS.items():
                fits[name] = dp.DynamicPanel("y", ["x"], **options).fit(panel, rng=rng)
            fits["within"] = dp.FixedEffects("y", ["lag(y)", "x"]).fit(panel)
        for name, fit in fits.items():
            low, high = fit.conf_int().to_numpy()[:2].T
            covers = (low < truth) & (truth < high)
            rows.setdefault(name, []).append([fit.params.iloc[0] - rho, *covers])
    return {name: np.array(values) for name, values in rows.items()}


@pytest.mark.montecarlo
@pytest.mark.parametrize("rho", [0.4, 0.8, 0.95])
@pytest.mark.parametrize("periods", [8, 10, 20])
@pytest.mark.parametrize("entities", PANELS)
def test_dynamic_panels(
    entities: int, periods: int, rho: float, measured: Callable[..., None]
) -> None:
    """Estimates of N entities in T years in R simulated panels with two-way effects.

    The outcome is ``rho`` times its lag, a regressor with autocorrelation .5 and
    long-run effect 1, effects of entities and periods and an error of variance one. It
    is stationary, and the first of the T years has no lag. GMM has two steps with
    Windmeijer's correction, dummies of periods and collapsed lags 2 to 5 as
    instruments. ``lsdvc`` and ``half_panel`` have expanded percentile intervals from
    299 draws of entities.
    """
    panels = PANELS[entities]
    results = summaries(entities, periods, rho, panels)
    cell = {"N": entities, "T": periods, "rho": rho, "R": panels}
    columns = {name: values.mean(axis=0) for name, values in results.items()}
    spread = {name: float(values[:, 0].std()) for name, values in results.items()}
    measured(
        "bias_in_dynamic_panels", {**cell, **{n: v[0] for n, v in columns.items()}}
    )
    measured("spread_in_dynamic_panels", {**cell, **spread})
    measured(
        "coverage_of_persistence", {**cell, **{n: v[1] for n, v in columns.items()}}
    )
    measured(
        "coverage_of_x_in_dynamic_panels",
        {**cell, **{n: v[2] for n, v in columns.items()}},
    )
    assert columns["within"][0] < -0.5 * (1 + rho) / periods
    if (entities, periods, rho) == (31, 10, 0.8):
        assert abs(columns["lsdvc"][0]) < 0.03
        assert 0.92 <= columns["lsdvc"][1] <= 0.97


def test_the_simulation_runs() -> None:
    results = summaries(31, 8, 0.8, 2)
    assert {values.shape for values in results.values()} == {(2, 3)}
