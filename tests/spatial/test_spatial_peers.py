"""Numbers of spreg on drawn weights, which are not symmetric for every second seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import Panel, PanelSpatial, SpatialWeights

STORED = json.loads((Path(__file__).parents[1] / "reference" / "spreg.json").read_text(encoding="utf-8"))


def drawn(seed: int, n: int, periods: int, k: int) -> tuple[Panel, SpatialWeights]:
    rng = np.random.default_rng(seed)
    raw = (rng.uniform(size=(n, n)) < 5 / n) * rng.uniform(size=(n, n))
    np.fill_diagonal(raw, 0)
    raw[np.arange(n), (np.arange(n) + 1) % n] += 0.3
    raw = np.maximum(raw, raw.T) if seed % 2 else raw
    row = raw / raw.sum(axis=1, keepdims=True)
    x = rng.normal(size=(n, periods, k))
    y = np.linalg.solve(np.eye(n) - 0.4 * row, x.sum(axis=2) + rng.normal(size=(n, periods)))
    keys = {"city": np.repeat(range(n), periods), "year": np.tile(range(periods), n)}
    columns = {f"x{j}": x[:, :, j].ravel() for j in range(k)}
    return Panel(pd.DataFrame({**keys, **columns, "y": y.ravel()}), "city", "year"), SpatialWeights(
        raw, range(n)
    )


@pytest.mark.parametrize("case", STORED["cases"], ids=lambda case: f"{case['model']}-{case['seed']}")
def test_spreg(case: dict[str, Any]) -> None:
    panel, weights = drawn(case["seed"], case["n"], case["periods"], case["k"])
    x = [f"x{j}" for j in range(case["k"])]
    found = PanelSpatial("y", x, weights, model=case["model"]).fit(panel).params.to_numpy()
    assert found == pytest.approx([case["spatial"], *case["slopes"]], abs=STORED["tolerance"]["value"])
