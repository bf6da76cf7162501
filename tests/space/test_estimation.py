from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import Panel, PanelSpatial, SpatialWeights

N, T = 20, 6


def ring() -> SpatialWeights:
    return SpatialWeights(np.roll(np.eye(N), 1, axis=1) + np.roll(np.eye(N), -1, axis=1), range(N))


def panel_of(rho: float, seed: int = 1) -> Panel:
    rng = np.random.default_rng(seed)
    x, e = rng.normal(size=(2, N, T))
    y = np.linalg.solve(np.eye(N) - rho * ring().dense, x + e)
    keys = {"city": np.repeat(range(N), T), "year": np.tile(range(T), N)}
    return Panel(pd.DataFrame({**keys, "x": x.ravel(), "y": y.ravel()}), "city", "year")


def test_a_coefficient_near_the_end_is_reported() -> None:
    spec = PanelSpatial("y", ["x"], ring(), model="sar", time_effects=False)
    with pytest.warns(dp.IdentificationWarning):
        fit = spec.fit(panel_of(0.99))
    (notice,) = [n for n in fit.diagnostics if n.code == "near_end"]
    assert notice.data["coefficient"] == "rho"
    assert fit.estimated.interval == pytest.approx((-1, 1))


def test_draws_outside_the_interval_are_dropped_and_counted() -> None:
    spec = PanelSpatial(
        "y", ["x"], ring(), model="sar", time_effects=False, effects_error="simulated", reps=2000
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = spec.fit(panel_of(0.995, seed=3), rng=1)
    lost = [n for n in fit.diagnostics if n.code == "lost_draws"]
    assert (2000 - len(fit.effects.draws) > 0) == bool(lost)
    assert {w.category for w in caught} <= {dp.IdentificationWarning, dp.FewDrawsWarning}


def test_draws_are_recorded_and_reproduced() -> None:
    spec = PanelSpatial("y", ["x"], ring(), effects_error="simulated")
    first = spec.fit(panel_of(0.3), rng=7)
    again = spec.fit(panel_of(0.3), rng=first.rng_entropy)
    assert first.impacts.equals(again.impacts)
    assert not first.impacts.equals(spec.fit(panel_of(0.3), rng=8).impacts)


def test_lee_yu_with_entity_effects_is_the_likelihood_of_one_period_less() -> None:
    """Helmert's transformation leaves T - 1 periods without effects, for which no correction is needed."""
    panel = panel_of(0.3)
    spec = PanelSpatial("y", ["x"], ring(), model="sar", time_effects=False, bias_correction="lee_yu")
    fit = spec.fit(panel)
    helmert = np.array([[1.0] * t + [-t] + [0] * (T - t - 1) for t in range(1, T)])
    helmert /= np.linalg.norm(helmert, axis=1, keepdims=True)
    frame = panel.frame.reset_index()
    columns = {name: (frame[name].to_numpy().reshape(N, T) @ helmert.T).ravel() for name in ("x", "y")}
    keys = {"city": np.repeat(range(N), T - 1), "year": np.tile(range(T - 1), N)}
    made = pd.DataFrame({**keys, **columns, "zero": 0.0})
    plain = PanelSpatial("y", ["x"], ring(), model="sar", entity_effects=False, time_effects=False)
    other = plain.fit(Panel(made, "city", "year"))
    # The transformed model has no intercept; that of the other one is nearly zero and nearly orthogonal.
    assert fit.params["rho"] == pytest.approx(other.params["rho"], abs=0.02)
    assert fit.std_errors["x"] == pytest.approx(other.std_errors["x"], rel=0.05)
    assert fit.sigma2 == pytest.approx(other.sigma2, rel=0.05)


@pytest.mark.many(2)
@pytest.mark.parametrize("model", ["sar", "sdm", "sem", "sac", "sdem"])
def test_lee_yu_of_every_model(model: str) -> None:
    spec = PanelSpatial("y", ["x"], ring(), model=model)
    plain, corrected = spec.fit(panel_of(0.3)), spec.replace(bias_correction="lee_yu").fit(panel_of(0.3))
    assert corrected.loglik == plain.loglik
    assert corrected.sigma2 > plain.sigma2
    # With time effects rho is biased towards zero, and the correction moves it up.
    name = "rho" if "rho" in plain.names else "lambda"
    assert model == "sac" or corrected.params[name] > plain.params[name]


@pytest.mark.parametrize("model", ["sar", "sem"])
def test_the_bias_of_time_effects_is_reported_unless_corrected(model: str) -> None:
    spec = PanelSpatial("y", ["x"], ring(), model=model)
    plain, corrected = spec.fit(panel_of(0.3)), spec.replace(bias_correction="lee_yu").fit(panel_of(0.3))
    found = [n for n in plain.diagnostics if n.code == "time_effects_bias"]
    for notice in found:
        name = notice.data["coefficient"]
        assert notice.data["bias"] == pytest.approx(plain.params[name] - corrected.params[name])
    assert found or model == "sar"
    for other in (corrected, spec.replace(time_effects=False).fit(panel_of(0.3))):
        assert not [n for n in other.diagnostics if n.code == "time_effects_bias"]


def test_the_fit_leaves_the_panel_and_the_weights_as_they_were() -> None:
    panel, weights = panel_of(0.3), ring()
    before = panel.frame.copy()
    PanelSpatial("y", ["x"], weights).fit(panel)
    assert panel.frame.equals(before)
    assert weights == ring()


def test_islands_are_kept_and_named() -> None:
    matrix = ring().dense.copy()
    matrix[0] = matrix[:, 0] = 0
    weights = SpatialWeights(matrix, range(N))
    with pytest.warns(dp.SpatialWeightsWarning):
        fit = PanelSpatial("y", ["x"], weights, model="sar").fit(panel_of(0.3))
    assert "islands" in [n.code for n in fit.diagnostics]
    assert fit.unit_impacts.loc[0, "direct"] == pytest.approx(fit.params["x"])


@pytest.mark.montecarlo
@pytest.mark.parametrize("cov_type", ["observed", "information", "clustered"])
@pytest.mark.parametrize("rho", [0.0, 0.4])
def test_intervals_cover_the_truth(rho: float, cov_type: str) -> None:
    """Coverage of rho with entity effects, N = 20 and T = 6."""
    spec = PanelSpatial(
        "y", ["x"], ring(), model="sar", time_effects=False, bias_correction="lee_yu", cov_type=cov_type
    )
    hits = 0
    for seed in range(1000):
        low, high = spec.fit(panel_of(rho, seed)).conf_int().loc["rho"]
        hits += low <= rho <= high
    assert 0.925 <= hits / 1000 <= 0.975
