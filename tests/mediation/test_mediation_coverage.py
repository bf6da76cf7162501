"""Size and coverage of every interval, by simulation: the table of docs/explanations/mediation.md."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest

from digiprosper import Mediation, Panel

METHODS = ("percentile", "bc", "bca", "delta", "monte_carlo")
PANELS, DRAWS, PERIODS = 1000, 999, 11


def autoregressive(rng, n, periods, rho):
    """Stationary with variance 1, (n, periods)."""
    out = np.empty((n, periods))
    out[:, 0] = rng.normal(size=n)
    for t in range(1, periods):
        out[:, t] = rho * out[:, t - 1] + np.sqrt(1 - rho**2) * rng.normal(size=n)
    return out


def panel_of(seed, n, rho, a, b):
    """Two-way effects everywhere; x and both errors follow AR(rho); c' = .2."""
    rng = np.random.default_rng([seed, n, int(10 * rho)])
    x, e2, e3 = (autoregressive(rng, n, PERIODS, rho) for _ in range(3))
    m = a * x + e2
    y = 0.2 * x + b * m + e3
    entity, time = (v.ravel() for v in np.meshgrid(np.arange(n), np.arange(PERIODS), indexing="ij"))
    columns = {
        name: (v + rng.normal(size=(n, 1)) + rng.normal(size=PERIODS)).ravel()
        for name, v in {"y": y, "x": x, "m": m}.items()
    }
    return Panel(pd.DataFrame({"entity": entity, "time": time, **columns}), "entity", "time")


def cell(n, rho, a, b, panels=PANELS):
    """Share of panels whose interval leaves out 0 (size or power), and covers ab, by method."""
    zero, truth = dict.fromkeys((*METHODS, "sobel iid", "sobel", "joint"), 0), dict.fromkeys(METHODS, 0)
    for seed in range(panels):
        panel = panel_of(seed, n, rho, a, b)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = Mediation("y", "x", "m", reps=DRAWS).fit(panel, rng=seed)
            iid = Mediation("y", "x", "m", reps=20, cov_type="unadjusted").fit(panel, rng=seed)
        for method in METHODS:
            low, high = fit.interval(method).loc["indirect", ["conf_low", "conf_high"]]
            zero[method] += not low <= 0 <= high
            truth[method] += low <= a * b <= high
        zero["sobel iid"] += iid.sobel()["p_value"].iloc[0] <= 0.05
        zero["sobel"] += fit.sobel()["p_value"].iloc[0] <= 0.05
        zero["joint"] += fit.joint_significance()["p_value"].iloc[0] <= 0.05
    return {k: v / panels for k, v in zero.items()}, {k: v / panels for k, v in truth.items()}


@pytest.mark.montecarlo
@pytest.mark.parametrize(("n", "rho"), list(itertools.product([31, 100], [0.0, 0.8])))
def test_the_default_keeps_its_size(n, rho) -> None:
    size, _ = cell(n, rho, 0.0, 0.3)
    assert 0.03 <= size["percentile"] <= 0.08
    assert 0.03 <= size["joint"] <= 0.08
    both, _ = cell(n, rho, 0.0, 0.0, panels=PANELS // 2)
    # Where both paths are 0 every method is conservative: the product is 0 to second order.
    assert max(both[m] for m in METHODS) <= 0.05


@pytest.mark.montecarlo
@pytest.mark.parametrize(("n", "rho"), list(itertools.product([31, 100], [0.0, 0.8])))
def test_the_default_covers(n, rho) -> None:
    _, cover = cell(n, rho, 0.3, 0.3)
    assert 0.91 <= cover["percentile"] <= 0.97


@pytest.mark.montecarlo
def test_rows_taken_as_independent_reject_too_often() -> None:
    size, _ = cell(31, 0.8, 0.0, 0.3)
    assert size["sobel iid"] > 0.12
