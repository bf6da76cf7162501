"""Numbers of spreg on drawn weights, which are not symmetric for every second seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import Panel, PanelSpatial, SpatialWeights

STORED = json.loads(
    (Path(__file__).parents[1] / "reference" / "spreg.json").read_text(encoding="utf-8")
)


def drawn(seed: int, n: int, periods: int, k: int) -> tuple[Panel, SpatialWeights]:
    rng = np.random.default_rng(seed)
    raw = (rng.uniform(size=(n, n)) < 5 / n) * rng.uniform(size=(n, n))
    np.fill_diagonal(raw, 0)
    raw[np.arange(n), (np.arange(n) + 1) % n] += 0.3
    raw = np.maximum(raw, raw.T) if seed % 2 else raw
    row = raw / raw.sum(axis=1, keepdims=True)
    x = rng.normal(size=(n, periods, k))
    y = np.linalg.solve(
        np.eye(n) - 0.4 * row, x.sum(axis=2) + rng.normal(size=(n, periods))
    )
    keys = {"city": np.repeat(range(n), periods), "year": np.tile(range(periods), n)}
    columns = {f"x{j}": x[:, :, j].ravel() for j in range(k)}
    return Panel(
        pd.DataFrame({**keys, **columns, "y": y.ravel()}), "city", "year"
    ), SpatialWeights(raw, range(n))


@pytest.mark.parametrize(
    "case", STORED["cases"], ids=lambda case: f"{case['model']}-{case['seed']}"
)
def test_spreg(case: dict[str, Any]) -> None:
    panel, weights = drawn(case["seed"], case["n"], case["periods"], case["k"])
    x = [f"x{j}" for j in range(case["k"])]
    spec = PanelSpatial("y", x, weights, model=case["model"], likelihood="unadjusted")
    results = spec.fit(panel).params.to_numpy()
    assert results == pytest.approx(
        [case["spatial"], *case["slopes"]], abs=STORED["tolerance"]["value"]
    )


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "effects", [(True, False), (True, True)], ids=["one-way", "two-way"]
)
def test_spreg_live(seed: int, effects: tuple[bool, bool]) -> None:
    """Lag and error models, with lags as columns, and dummies of the periods."""
    spreg = pytest.importorskip(
        "spreg", reason="compares with spreg, which is in the group spreg"
    )
    libpysal = pytest.importorskip("libpysal")
    n, periods, k = (15, 6, 2) if seed % 2 else (24, 5, 3)
    panel, weights = drawn(seed, n, periods, k)
    w = libpysal.weights.util.full2W(weights.dense)
    w.transform = "r"
    x = [f"x{j}" for j in range(k)]
    cells = panel.assign(
        **{f"w_{name}": weights.lag(name) for name in x}
    ).frame.sort_index(level="year")
    by_period = {name: cells[[name]].to_numpy() for name in cells}
    dummies = (
        np.repeat(np.eye(periods)[:, 1:], n, axis=0)
        if effects[1]
        else np.empty((n * periods, 0))
    )

    models = {
        "sar": (spreg.ML_LagFE, x),
        "sem": (spreg.ML_ErrorFE, x),
        "sdm": (spreg.ML_LagFE, [*x, *(f"w_{name}" for name in x)]),
        "sdem": (spreg.ML_ErrorFE, [*x, *(f"w_{name}" for name in x)]),
    }
    for model, (estimator, columns) in models.items():
        design = np.hstack([*(by_period[name] for name in columns), dummies])
        peer = estimator(by_period["y"], design, w, epsilon=1e-12)
        spec = PanelSpatial("y", x, weights, model=model, time_effects=effects[1])
        results = spec.replace(likelihood="unadjusted", cov_type="information").fit(
            panel
        )
        spatial = peer.rho if "rho" in results.params else peer.lam
        expected = [float(np.squeeze(spatial)), *peer.betas.ravel()[: len(columns)]]
        assert results.params.to_numpy() == pytest.approx(expected, abs=1e-7)
        errors = [float(peer.std_err[-1]), *peer.std_err[: len(columns)]]
        assert results.std_errors.to_numpy() == pytest.approx(errors, rel=1e-5)
        assert results.loglik == pytest.approx(float(np.squeeze(peer.logll)), abs=1e-7)
