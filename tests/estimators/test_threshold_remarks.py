"""Remarks that stored numbers give reason for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from digiprosper import BoundaryThresholdWarning, Panel, PanelThreshold
from digiprosper.estimators.threshold_remarks import stored_remarks as remarks

if TYPE_CHECKING:
    from digiprosper.results.threshold import ThresholdResults


@pytest.fixture(scope="module")
def found() -> ThresholdResults:
    rng = np.random.default_rng(3)
    df = pd.DataFrame({"city": np.repeat(np.arange(40), 9), "year": np.tile(np.arange(2010, 2019), 40)})
    df["q"] = np.round(rng.normal(size=360), 2)
    df["z"] = rng.normal(size=360)
    df["y"] = df["z"] * (0.5 + (df["q"] > 0.2)) + 0.1 * df["city"] + rng.normal(size=360)
    spec = PanelThreshold("y", "z", "q", n_thresholds=2, bootstrap=("wild_cluster", "hansen"), reps=199)
    with pytest.warns(BoundaryThresholdWarning):  # there is no second threshold to find
        return spec.fit(Panel(df, "city", "year"), rng=4)


def test_remarks_read_stored_numbers_only(found: ThresholdResults) -> None:
    assert "few_draws" not in {n.code for n in remarks(found)}
    fewer = replace(found, statistic_draws=found.statistic_draws[:, :, :50], reps=50)
    assert "few_draws" in {n.code for n in remarks(fewer)}
    lost = found.statistic_draws.copy()
    lost[0, 1, :7] = np.nan
    notice = next(n for n in remarks(replace(found, statistic_draws=lost)) if n.code == "lost_draws")
    assert notice.data["count"] == 7
    opposed = found.statistic_draws.copy()
    opposed[1, 0] = 1e9
    assert "tests_disagree" in {n.code for n in remarks(replace(found, statistic_draws=opposed))}
    small = replace(found, regime_sizes=np.array([[300, 40], [50, 30], [10, 4]]))
    notice = next(n for n in remarks(small) if n.code == "small_regime")
    assert notice.data == {"regime": 3, "nobs": 10, "n_entities": 4}
