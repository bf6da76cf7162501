"""A panel with Chinese names, and one folder that several tests read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def panel() -> dp.Panel:
    """Twelve provinces in ten years, unbalanced, with values missing."""
    rng = np.random.default_rng(5)
    keys = pd.MultiIndex.from_product(
        [[f"省{i:02d}" for i in range(12)], range(2010, 2020)], names=["省份", "年份"]
    )
    frame = pd.DataFrame(rng.lognormal(size=(120, 4)), keys, ["产出", "数字", "z", "w"])
    frame["数字"] += frame["z"]
    frame["产出"] += frame["数字"] / 2 + frame["w"]
    frame["城市"] = np.arange(120) // 30
    frame["试点"] = frame["城市"] == 1
    regions = np.where(frame["城市"] < 2, "东部", "西部")
    frame["地区"] = pd.Categorical(regions, ["西部", "东部"], ordered=True)
    frame.iloc[[3, 77], 2] = np.nan
    frame = frame.drop(frame.index[[5, 40, 41]]).reset_index()
    labels = {"产出": "人均产出（元）", "数字": "数字经济"}
    return dp.Panel(frame, entity="省份", time="年份", labels=labels)


BASE = dp.FixedEffects("log(产出)", ["log(数字)"])


def contents(panel: dp.Panel) -> dict[str, Any]:
    """Tables and a figure as a paper has them."""
    steps = partial(dp.stepwise, BASE, panel, ["w", "I(w**2)"])
    return {
        "Table 1. Variables": partial(panel.summarise, ["产出", "数字"]),
        "表2 基准回归": partial(dp.etable, steps, keep=["log(数字)", "w"]),
        "Table 3. Instruments": {
            "OLS": BASE,
            "IV": dp.FixedEffectsIV("产出", ["w"], ["数字"], ["z", "lag(z)"]),
        },
        "Table 4. Errors": [
            BASE.replace(cov_type="robust", where="年份 >= 2012 and 城市 in [0, 1, 3]"),
            BASE.replace(cov_type="unadjusted", time_effects=False),
            BASE.replace(clusters=["年份"], x=["lag(数字)", "数字:w", "w"]),
            BASE.replace(entity_effects=False, time_effects=False, x=["w", "C(城市)"]),
            BASE.replace(cov_type="driscoll_kraay"),
            BASE.replace(absorb=["城市^年份"]),
        ],
        "Table 5. Mechanism": dp.Mediation("产出", "数字", "w", reps=99),
        "Figure 1. Slopes": partial(dp.plots.coefficients, {"Baseline": BASE}),
    }


@pytest.fixture(scope="session")
def folder(panel: dp.Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what save_replication writes."""
    target = tmp_path_factory.mktemp("paper") / "replication"
    with pytest.warns(dp.DigiprosperWarning):
        return dp.save_replication(target, contents(panel), panel=panel, rng=7)
