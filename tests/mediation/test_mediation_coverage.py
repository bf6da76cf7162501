"""Size, power and coverage of tests and intervals of an indirect effect."""

from __future__ import annotations

import itertools
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from digiprosper import Mediation, Panel

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS = ("percentile", "bc", "bca", "delta", "monte_carlo")
TESTS = {"joint": "joint", "sobel": "Sobel", "sobel iid": "Sobel, independent rows"}
CELLS = list(itertools.product([31, 100], [0.0, 0.8]))
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
    entity, time = (
        v.ravel() for v in np.meshgrid(np.arange(n), np.arange(PERIODS), indexing="ij")
    )
    columns = {
        name: (v + rng.normal(size=(n, 1)) + rng.normal(size=PERIODS)).ravel()
        for name, v in {"y": y, "x": x, "m": m}.items()
    }
    return Panel(
        pd.DataFrame({"entity": entity, "time": time, **columns}), "entity", "time"
    )


def cell(n, rho, a, b, panels=PANELS):
    """Share of panels whose interval leaves out 0, and covers ab, by method."""
    zero, truth = (
        dict.fromkeys((*METHODS, "sobel iid", "sobel", "joint"), 0),
        dict.fromkeys(METHODS, 0),
    )
    for seed in range(panels):
        panel = panel_of(seed, n, rho, a, b)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = Mediation("y", "x", "m", reps=DRAWS).fit(panel, rng=seed)
            iid = Mediation("y", "x", "m", reps=20, cov_type="unadjusted").fit(
                panel, rng=seed
            )
        for method in METHODS:
            low, high = fit.interval(method).loc["indirect", ["conf_low", "conf_high"]]
            zero[method] += not low <= 0 <= high
            truth[method] += low <= a * b <= high
        zero["sobel iid"] += iid.sobel()["p_value"].iloc[0] <= 0.05
        zero["sobel"] += fit.sobel()["p_value"].iloc[0] <= 0.05
        zero["joint"] += fit.joint_significance()["p_value"].iloc[0] <= 0.05
    return {k: v / panels for k, v in zero.items()}, {
        k: v / panels for k, v in truth.items()
    }


def row(n, rho, shares):
    """Name the shares as the documentation does."""
    return {"N": n, "rho": f"{rho:g}".lstrip("0") or "0", **shares}


@pytest.mark.montecarlo
@pytest.mark.parametrize(("n", "rho"), CELLS)
def test_size(n, rho, measured: Callable[..., None]) -> None:
    """Share of 1,000 panels in which an indirect effect of zero is rejected at 5%.

    Here a = 0 and b = .3. N entities are observed for 11 periods, with two-way effects.
    The treatment and both errors are normal with a serial correlation of rho. Standard
    errors are clustered by entity, except where the rows are taken as independent, and
    there are 999 draws.
    """
    size, _ = cell(n, rho, 0.0, 0.3)
    measured(
        "size_of_intervals_of_mediation", row(n, rho, {m: size[m] for m in METHODS})
    )
    measured(
        "size_of_tests_of_mediation", row(n, rho, {TESTS[t]: size[t] for t in TESTS})
    )
    assert 0.03 <= size["percentile"] <= 0.08
    assert 0.03 <= size["joint"] <= 0.08
    if rho > 0:
        # Rows taken as independent reject too often.
        assert size["sobel iid"] > 0.12


@pytest.mark.montecarlo
@pytest.mark.parametrize(("n", "rho"), CELLS)
def test_size_where_both_paths_are_zero(n, rho, measured: Callable[..., None]) -> None:
    """Share of 500 panels in which an indirect effect of zero is rejected at 5%.

    Here a and b are both 0. The panels are otherwise those of the tables of size.
    """
    size, _ = cell(n, rho, 0.0, 0.0, panels=PANELS // 2)
    measured(
        "size_of_mediation_without_paths", row(n, rho, {m: size[m] for m in METHODS})
    )
    # Where both paths are 0 every method is conservative: the product is 0 to second
    # order.
    assert max(size[m] for m in METHODS) <= 0.05


@pytest.mark.montecarlo
@pytest.mark.parametrize(("n", "rho"), CELLS)
def test_coverage_and_power(n, rho, measured: Callable[..., None]) -> None:
    """Share of 1,000 panels in which a 95% interval covers the indirect effect.

    Here a = b = .3. Power is the share of the same panels in which zero is rejected at
    5%. N entities are observed for 11 periods, with two-way effects. The treatment and
    both errors are normal with a serial correlation of rho. Standard errors are
    clustered by entity, and there are 999 draws.
    """
    power, cover = cell(n, rho, 0.3, 0.3)
    measured("coverage_of_mediation", row(n, rho, {m: cover[m] for m in METHODS}))
    shares = {m: power[m] for m in METHODS if m != "bca"} | {"joint": power["joint"]}
    measured("power_of_mediation", row(n, rho, shares))
    assert 0.91 <= cover["percentile"] <= 0.97
