"""Bias and coverage of double machine learning in panels of ten years."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.learning import panel_dml

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("sklearn")

from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LassoCV, LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

PANELS, DRAWN = 25, 500
TRUTH = 0.5


def simulated(
    rng: np.random.Generator, form: str, entities: int = 31, periods: int = 10
) -> pd.DataFrame:
    """Draw a panel with five controls and autocorrelated errors."""
    shape = (entities, periods)
    entity = rng.normal(size=(4, entities, 1))
    x = rng.normal(size=(5, *shape)) + entity[0]
    u, v = rng.normal(size=(2, *shape))
    for t in range(1, periods):
        u[:, t] += 0.5 * u[:, t - 1]
        v[:, t] += 0.5 * v[:, t - 1]
    learned = 0.5 * (x[0] + x[1])
    if form == "quadratic":
        learned = learned + 0.5 * (x[0] ** 2 + x[1] * x[2])
    d = learned + entity[1] + v
    y = TRUTH * d + learned + entity[2] + rng.normal(size=periods) + u
    columns = {f"x{k + 1}": x[k].ravel() for k in range(5)}
    return pd.DataFrame(
        {
            "i": np.repeat(np.arange(entities), periods),
            "t": np.tile(np.arange(periods), entities),
            "y": y.ravel(),
            "d": d.ravel(),
            **columns,
        }
    )


@pytest.mark.montecarlo
@pytest.mark.parametrize("form", ["linear", "quadratic"])
def test_dml_with_31_provinces(
    form: str, measured: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bias, and coverage of 95% intervals, of an effect of .5 in R simulated panels of
    31 entities and ten periods.

    Five controls enter linearly, or with a square and a product. The forest has 40
    trees with five rows in a leaf; lasso and forest have five folds and one seed. A
    fit by `PanelDML` refuses the forest.
    """
    monkeypatch.setattr(panel_dml, "ENOUGH_ENTITIES", 0)
    rng = np.random.default_rng([31, len(form)])
    lasso = make_pipeline(StandardScaler(), LassoCV(eps=0.01, max_iter=10_000))
    forest = RandomForestRegressor(40, min_samples_leaf=5)
    base = dp.PanelDML(
        "y", "d", [f"x{k}" for k in range(1, 6)], learners={"lasso": lasso}, seeds=1
    )
    trees = base.replace(transform="difference", learners={"forest": forest})
    rows: dict[str, list[tuple[float, bool]]] = {}
    for _ in range(PANELS):
        panel = dp.Panel(simulated(rng, form), "i", "t")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dp.DigiprosperWarning)
            learned, by_trees = base.fit(panel, rng=rng), trees.fit(panel, rng=rng)
        fits: dict[str, tuple[Any, str]] = {
            "FE, linear": (learned.fixed_effects["linear"], "d"),
            "FE, quadratic": (learned.fixed_effects["dictionary"], "d"),
            "dictionary, lasso": (learned, "lasso"),
            "difference, forest": (by_trees, "forest"),
        }
        for name, (fit, term) in fits.items():
            low, high = fit.conf_int().loc[term]
            covers = bool(low < TRUTH < high)
            rows.setdefault(name, []).append((fit.params[term] - TRUTH, covers))
    for name, values in rows.items():
        bias, coverage = np.mean(values, axis=0)
        cells = {"controls": form, "R": PANELS, "estimator": name}
        measured("dml_with_31_provinces", {**cells, "bias": bias, "coverage": coverage})
    bias = {name: np.mean(values, axis=0)[0] for name, values in rows.items()}
    covered = {name: np.mean(values, axis=0)[1] for name, values in rows.items()}
    assert abs(bias["dictionary, lasso"]) < 0.06
    assert covered["dictionary, lasso"] > 0.8
    assert bias["difference, forest"] > 0.1
    assert covered["difference, forest"] < 0.5
    assert (bias["FE, linear"] > 0.1) == (form == "quadratic")


@pytest.mark.montecarlo
@pytest.mark.parametrize("entities", [31, 100])
@pytest.mark.parametrize(("instrument", "slope"), [("strong", 2.0), ("weak", 0.2)])
def test_coverage_of_learning_with_an_instrument(
    instrument: str, slope: float, entities: int, measured: Callable[..., None]
) -> None:
    """Median bias, and coverage of 95% intervals, of an effect of .5 in R simulated
    panels of ten periods, with a treatment whose error has a correlation of about .9
    with that of the outcome.

    Five controls enter linearly, and two of them are in the instrument too. `PanelDML`
    has least squares, the controls as they are (degree=1), five folds and five seeds.
    F is the median of its first stage. "2SLS" and "Anderson-Rubin" are those of
    `fixed_effects["linear"]`. "warned": with the warning of a weak instrument.
    """
    rng = np.random.default_rng([entities, len(instrument)])
    spec = dp.PanelDML(
        "y",
        "d",
        [f"x{k}" for k in range(1, 6)],
        learners={"OLS": LinearRegression()},
        instrument="z",
        degree=1,
        seeds=5,
    )
    rows = []
    for _ in range(DRAWN):
        frame = simulated(rng, "linear", entities)
        noise, unseen = rng.normal(size=(2, len(frame)))
        frame["z"] = 0.5 * (frame["x1"] + frame["x2"]) + noise
        moved = slope * frame["z"] + 3 * unseen
        frame["d"] += moved
        frame["y"] += TRUTH * moved + 3 * unseen
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dp.DigiprosperWarning)
            fit = spec.fit(dp.Panel(frame, "i", "t"), rng=rng)
        beside = fit.fixed_effects["linear"]
        ends = np.array([fit.conf_int().loc["OLS"], beside.conf_int().loc["d"]])
        rows.append(
            [
                fit.params["OLS"] - TRUTH,
                fit.comparison.loc["OLS", "first_stage_f"],
                *((ends[:, 0] < TRUTH) & (ends[:, 1] > TRUTH)),
                beside.anderson_rubin_test(TRUTH).p_value > 0.05,
                any(n.code == "weak_after_learning" for n in fit.diagnostics),
            ]
        )
    values = np.array(rows, dtype=float)
    (bias, f), (covered, by_2sls, by_set, warned) = (
        np.median(values[:, :2], axis=0),
        values[:, 2:].mean(axis=0),
    )
    measured(
        "coverage_of_learning_with_an_instrument",
        {
            "instrument": instrument,
            "entities": entities,
            "R": DRAWN,
            "F": f"{f:.1f}",
            "bias": bias,
            "coverage": covered,
            "2SLS": by_2sls,
            "Anderson-Rubin": by_set,
            "warned": warned,
        },
    )
    assert 0.92 < by_set < 0.98
    assert warned > 0.9 or 0.92 < covered < 0.98
