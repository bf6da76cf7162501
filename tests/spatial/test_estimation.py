from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import digiprosper as dp
from digiprosper import Panel, PanelSpatial, SpatialWeights
from digiprosper.spatial import estimation, notices as room_notices, weights as module
from digiprosper.spatial.kernels.determinants import Spectrum, spectrum
from digiprosper.spatial.preparation import lay_out

if TYPE_CHECKING:
    from collections.abc import Callable

N, T = 20, 6


def ring() -> SpatialWeights:
    return SpatialWeights(
        np.roll(np.eye(N), 1, axis=1) + np.roll(np.eye(N), -1, axis=1), range(N)
    )


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
    assert fit.interval == pytest.approx((-1, 1))


def test_a_likelihood_that_rises_up_to_an_end_is_refused() -> None:
    # Of a circle of 21 in one direction, I + W is invertible, and rho is -1.6.
    circle = np.roll(np.eye(21), 1, axis=1)
    x, e = np.random.default_rng(1).normal(size=(2, 21, T))
    y = np.linalg.solve(np.eye(21) + 1.6 * circle, x + e)
    keys = {"city": np.repeat(range(21), T), "year": np.tile(range(T), 21)}
    panel = Panel(
        pd.DataFrame({**keys, "x": x.ravel(), "y": y.ravel()}), "city", "year"
    )
    with pytest.raises(dp.IdentificationError, match="increases up to rho"):
        PanelSpatial("y", ["x"], SpatialWeights(circle, range(21)), model="sar").fit(
            panel
        )


def test_draws_outside_the_interval_are_dropped_and_counted() -> None:
    # Two periods of an outcome that x does not explain: rho is .92 with an error of
    # .03.
    noise = np.random.default_rng(9).normal(size=N * T)
    panel = panel_of(0.95, seed=3).assign(x=lambda _: noise).subset("year < 2")
    spec = PanelSpatial(
        "y", ["x"], ring(), model="sar", entity_effects=False, time_effects=False
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = spec.replace(effects_error="simulated", reps=2000).fit(panel, rng=1)
    (lost,) = [n for n in fit.diagnostics if n.code == "lost_draws"]
    assert (
        0
        < lost.data["lost"]
        == 2000 - len(fit.effects.draws)
        == 2000 - fit.inference.reps
    )
    assert {w.category for w in caught} <= {
        dp.IdentificationWarning,
        dp.FewDrawsWarning,
    }


def test_draws_are_recorded_and_reproduced() -> None:
    spec = PanelSpatial("y", ["x"], ring(), effects_error="simulated")
    first = spec.fit(panel_of(0.3), rng=7)
    again = spec.fit(panel_of(0.3), rng=first.rng_entropy)
    assert first.impacts.equals(again.impacts)
    assert not first.impacts.equals(spec.fit(panel_of(0.3), rng=8).impacts)


def test_lee_yu_with_entity_effects_is_the_likelihood_of_one_period_less() -> None:
    """Helmert's transformation leaves T - 1 periods without effects.

    No correction is needed for them.
    """
    panel = panel_of(0.3)
    spec = PanelSpatial(
        "y", ["x"], ring(), model="sar", time_effects=False, likelihood="lee_yu"
    )
    fit = spec.fit(panel)
    adjusted = spec.replace(likelihood="adjusted", cov_type="observed").fit(panel)
    assert adjusted.params.to_numpy() == pytest.approx(fit.params.to_numpy(), rel=1e-9)
    assert adjusted.std_errors.to_numpy() == pytest.approx(
        fit.std_errors.to_numpy(), rel=1e-9
    )
    helmert = np.array([[1.0] * t + [-t] + [0] * (T - t - 1) for t in range(1, T)])
    helmert /= np.linalg.norm(helmert, axis=1, keepdims=True)
    frame = panel.frame.reset_index()
    columns = {
        name: (frame[name].to_numpy().reshape(N, T) @ helmert.T).ravel()
        for name in ("x", "y")
    }
    keys = {"city": np.repeat(range(N), T - 1), "year": np.tile(range(T - 1), N)}
    made = pd.DataFrame({**keys, **columns, "zero": 0.0})
    plain = spec.replace(likelihood="unadjusted", entity_effects=False)
    other = plain.fit(Panel(made, "city", "year"))
    # The transformed model has no intercept; that of the other one is nearly zero and
    # nearly orthogonal.
    assert fit.params["rho"] == pytest.approx(other.params["rho"], abs=0.02)
    assert fit.std_errors["x"] == pytest.approx(other.std_errors["x"], rel=0.05)
    assert fit.sigma2 == pytest.approx(other.sigma2, rel=0.05)


@pytest.mark.many(2)
@pytest.mark.parametrize("model", ["sar", "sdm", "sem", "sac", "sdem"])
def test_lee_yu_of_every_model(model: str) -> None:
    spec = PanelSpatial("y", ["x"], ring(), model=model, likelihood="unadjusted")
    plain, corrected = (
        spec.fit(panel_of(0.3)),
        spec.replace(likelihood="lee_yu").fit(panel_of(0.3)),
    )
    assert corrected.loglik == plain.loglik
    assert corrected.sigma2 > plain.sigma2
    # With time effects rho is biased towards zero, and the correction moves it up.
    name = "rho" if "rho" in plain.names else "lambda"
    assert model == "sac" or corrected.params[name] > plain.params[name]


@pytest.mark.parametrize("model", ["sar", "sem"])
def test_the_bias_of_time_effects_is_reported_unless_adjusted(model: str) -> None:
    spec, panel = PanelSpatial("y", ["x"], ring(), model=model), panel_of(0.6)
    plain, corrected, adjusted = (
        spec.replace(likelihood=word).fit(panel)
        for word in ("unadjusted", "lee_yu", "adjusted")
    )
    (notice,) = [n for n in plain.diagnostics if n.code.endswith("time_effects_bias")]
    name = notice.data["coefficient"]
    assert name == plain.names[0]
    assert notice.data["bias"] == pytest.approx(
        plain.params[name] - adjusted.params[name]
    )
    observed, clustered = (
        spec.replace(cov_type=word).fit(panel).std_errors[name]
        for word in ("observed", "clustered")
    )
    error = plain.std_errors[name]
    estimate = stats.norm(notice.data["bias"], error * max(1, clustered / observed))
    reach = 1.959964 * error
    assert notice.data["coverage"] == pytest.approx(
        estimate.cdf(reach) - estimate.cdf(-reach), abs=1e-5
    )
    without = spec.replace(time_effects=False, likelihood="unadjusted").fit(panel)
    for other in (corrected, adjusted, without):
        assert not [
            n for n in other.diagnostics if n.code.endswith("time_effects_bias")
        ]


def decaying() -> np.ndarray:
    """All regions are neighbours of all others, with weights that decay slowly."""
    distance = np.abs(np.subtract.outer(np.arange(N), np.arange(N))) + np.eye(N)
    return (1 - np.eye(N)) / np.sqrt(distance)


def unequal(kind: str) -> SpatialWeights:
    """Weights whose rows have different sums."""
    matrix = decaying()
    if kind == "island":
        matrix[0] = matrix[:, 0] = 0
        return SpatialWeights(matrix, range(N))
    scaled = matrix / matrix.sum(axis=1).max()
    return SpatialWeights(
        scaled, range(N), standardise="none" if kind == "scalar" else "spectral"
    )


@pytest.mark.many(9)
@pytest.mark.filterwarnings("ignore::digiprosper.SpatialWeightsWarning")
@pytest.mark.parametrize("model", ["sdm", "sar", "sem"])
@pytest.mark.parametrize("kind", ["island", "scalar", "spectral"])
def test_the_bias_is_reported_whatever_the_sums_of_the_rows(
    kind: str, model: str
) -> None:
    spec = PanelSpatial("y", ["x"], unequal(kind), model=model)
    fit = spec.replace(likelihood="unadjusted").fit(panel_of(0.3))
    (notice,) = [n for n in fit.diagnostics if n.code.endswith("time_effects_bias")]
    assert notice.data["coefficient"] == fit.names[0]
    assert notice.data["bias"] < 0
    assert "Use likelihood='adjusted'" in notice.message
    with pytest.raises(dp.OptionError, match="lee_yu' with time effects requires"):
        spec.replace(likelihood="lee_yu").fit(panel_of(0.3))
    with pytest.raises(dp.OptionError, match="requires transform='exact'"):
        spec.replace(transform="splm").fit(panel_of(0.3))


def test_a_bias_that_the_correction_leaves_is_reported() -> None:
    spec = PanelSpatial(
        "y", ["x"], SpatialWeights(decaying(), range(N)), likelihood="lee_yu"
    )
    with pytest.warns(dp.IdentificationWarning, match="lee_yu' leaves"):
        fit = spec.fit(panel_of(0.3))
    (notice,) = [n for n in fit.diagnostics if n.code == "large_time_effects_bias"]
    assert notice.data["likelihood"] == "lee_yu"
    text = str(fit.summary())
    assert text.index("Warning: maximum likelihood") < text.index("Direct, indirect")


@pytest.mark.parametrize("time", [True, False])
def test_entity_effects_of_short_panels_are_reported(time: bool) -> None:
    panel = panel_of(0.3).subset("year < 3")
    spec = PanelSpatial("y", ["x"], ring(), model="sar", time_effects=time)

    def codes(**options: str) -> list[str]:
        return [n.code for n in spec.replace(**options).fit(panel).diagnostics]

    assert "entity_effects_errors" in codes(likelihood="unadjusted")
    assert "entity_effects_errors" not in codes()
    assert "entity_effects_errors" not in codes(likelihood="lee_yu")
    assert "entity_effects_errors" not in codes(
        likelihood="unadjusted", cov_type="clustered"
    )


def test_a_large_bias_is_a_warning_that_stands_above_the_effects(
    states: Panel, contiguity: SpatialWeights
) -> None:
    spec = PanelSpatial("log(gsp)", ["unemp"], contiguity, likelihood="unadjusted")
    with pytest.warns(
        dp.IdentificationWarning, match="Use likelihood='adjusted'"
    ) as caught:
        fit = spec.fit(states)
    assert len(caught) == 1
    text = str(fit.summary())
    assert text.index("Warning: maximum likelihood") < text.index("Direct, indirect")
    assert text.count("maximum likelihood with time effects") == 1
    assert "Warning" not in str(
        spec.replace(likelihood="adjusted").fit(states).summary()
    )


def test_common_shocks_without_time_effects_are_reported() -> None:
    panel = panel_of(0.3)
    shocks = panel.assign(
        y=lambda frame: frame["y"] + 3 * np.sin(frame.index.get_level_values("year"))
    )
    spec = PanelSpatial("y", ["x"], ring(), time_effects=False)

    def notices(spec: PanelSpatial, panel: Panel) -> list[dp.Notice]:
        return [n for n in spec.fit(panel).diagnostics if n.code == "common_shocks"]

    for model, name in (("sdm", "rho"), ("sem", "lambda"), ("sar", "rho")):
        other = spec.replace(model=model)
        (notice,) = notices(other, shocks)
        assert notice.data["p_value"] < 0.001
        assert "Use time_effects=True" in notice.message
        without, beside = notice.data["coefficients"][name]
        assert without == pytest.approx(other.fit(shocks).params[name])
        both = other.replace(time_effects=True)
        assert beside == pytest.approx(both.fit(shocks).params[name])
        both = both.replace(likelihood="unadjusted").fit(shocks)
        assert without > beside + 0.2
        alone = other.replace(likelihood="unadjusted").fit(shocks)
        gain = 2 * (both.loglik - alone.loglik) * (1 - 1 / T)
        assert notice.data["statistic"] == pytest.approx(gain)
        assert not notices(other, panel)
    assert not notices(spec.replace(time_effects=True), shocks)
    national = shocks.assign(d=lambda f: np.sin(f.index.get_level_values("year")))
    assert not notices(spec.replace(x=["x", "d"], spatial_lags=["x"]), national)


@pytest.mark.further
def test_spillovers_without_common_shocks_are_not_reported(monkeypatch) -> None:
    # At 1% instead of one in a thousand, to see the size in few panels.
    monkeypatch.setattr(room_notices, "_COMMON", 0.01)
    spec, reported = PanelSpatial("y", ["x"], ring(), time_effects=False), 0
    for seed in range(300):
        layout = lay_out(spec, panel_of(0.5, seed))
        point = estimation.maximise_likelihood(spec, layout)
        reported += len(list(estimation._shock_notices(spec, layout, point)))
    assert reported <= 9


def test_eigenvalues_are_computed_once_for_all_fits_with_the_same_weights(
    monkeypatch,
) -> None:
    weights, panel, calls = ring(), panel_of(0.3), []

    def counted(matrix: np.ndarray) -> Spectrum | None:
        calls.append(matrix)
        return spectrum(matrix)

    monkeypatch.setattr(module, "spectrum", counted)
    fits = [
        PanelSpatial("y", ["x"], weights, model=model).fit(panel)
        for model in ("slx", "sar", "sdm")
    ]
    assert len(calls) == 1
    alone = PanelSpatial("y", ["x"], ring()).fit(panel)
    assert fits[-1].params.equals(alone.params)
    assert fits[-1].loglik == alone.loglik


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


def test_few_entities_to_cluster_by_are_reported() -> None:
    spec = PanelSpatial("y", ["x"], ring(), cov_type="clustered")
    assert "few_clusters" in [n.code for n in spec.fit(panel_of(0.3)).diagnostics]
    plain = spec.replace(cov_type="observed").fit(panel_of(0.3))
    assert "few_clusters" not in [n.code for n in plain.diagnostics]


def test_two_entities_have_no_clustered_errors() -> None:
    rng = np.random.default_rng(1)
    keys = {"city": np.repeat([0, 1], 8), "year": np.tile(range(8), 2)}
    frame = pd.DataFrame({**keys, "x": rng.normal(size=16), "y": rng.normal(size=16)})
    weights = SpatialWeights([[0, 1], [1, 0]], [0, 1])
    spec = PanelSpatial(
        "y", ["x"], weights, model="sem", cov_type="clustered", time_effects=False
    )
    with pytest.raises(dp.IdentificationError):
        spec.fit(Panel(frame, "city", "year"))


def test_a_regressor_of_one_entity_has_no_clustered_error() -> None:
    panel = panel_of(0.3)
    frame = panel.frame.reset_index()
    frame["one"] = (frame.index == 3) * 1.0
    spec = PanelSpatial(
        "y", ["one"], ring(), model="slx", spatial_lags=[], cov_type="clustered"
    )
    spec = spec.replace(time_effects=False)
    with pytest.raises(dp.IdentificationError):
        spec.fit(Panel(frame, "city", "year"))
    with pytest.warns(dp.FewClustersWarning, match="1.0 effective clusters"):
        observed = spec.replace(cov_type="observed").fit(Panel(frame, "city", "year"))
    assert np.isfinite(observed.std_errors["one"])


def test_a_treatment_of_one_entity_is_told_and_nothing_is_cited() -> None:
    """In panels of 31 x 10 intervals of the direct effect cover 75% of them."""
    frame = panel_of(0.3).frame.reset_index()
    frame["policy"] = ((frame["city"] == 0) & (frame["year"] > 3)) * 1.0
    spec = PanelSpatial("y", ["policy"], ring())
    with pytest.warns(dp.FewClustersWarning, match="depend on few clusters"):
        fit = spec.fit(Panel(frame, "city", "year"))
    (notice,) = [n for n in fit.diagnostics if n.code == "few_treated"]
    assert notice.data["terms"]["policy"]["effective"] < 1.5
    assert set(notice.data["terms"]["policy"]["largest"]) == {0}
    assert "Coverage of 95% intervals" not in fit.summary()


def test_a_column_may_have_the_name_of_a_spatial_lag() -> None:
    """Its effects and notices are those of the same column with another name."""
    frame = panel_of(0.3).frame.reset_index()
    frame["policy"] = ((frame["city"] == 0) & (frame["year"] > 3)) * 1.0
    for model in ("sar", "sem"):
        spec = PanelSpatial("y", ["x", "policy"], ring(), model=model)
        plain = spec.fit(Panel(frame, "city", "year"))
        named = frame.rename(columns={"policy": "W:x"})
        fit = spec.replace(x=["x", "`W:x`"]).fit(Panel(named, "city", "year"))
        np.testing.assert_array_equal(fit.effects.estimates, plain.effects.estimates)
        np.testing.assert_array_equal(fit.effects.covariance, plain.effects.covariance)
        terms = [n.data["terms"] for n in fit.diagnostics if n.code == "few_treated"]
        assert [list(names) for names in terms] == [["W:x"]]
    named = frame.rename(columns={"policy": "W:solo"})
    spec = PanelSpatial("y", ["`W:solo`"], ring(), model="sdm")
    with pytest.warns(dp.FewClustersWarning, match="'W:solo', 'W:W:solo' depend on"):
        spec.fit(Panel(named, "city", "year"))


# --- coverage of the page -------------------------------------------------------------


def durbin_panels(n: int, rho: float, reps: int, persistence: float = 0.0):
    """Two-way Durbin models with four nearest neighbours, T = 12, b = 1 and th = .5."""
    places = np.random.default_rng(7).uniform(size=(n, 2))
    distance = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, 9)
    near = np.zeros((n, n))
    np.put_along_axis(near, distance.argsort(axis=1)[:, :4], 1, axis=1)
    weights = SpatialWeights(np.maximum(near, near.T), range(n))
    inverse = np.linalg.inv(np.eye(n) - rho * weights.dense)
    effect = inverse @ (np.eye(n) + 0.5 * weights.dense)
    indirect = effect.sum(axis=1).mean() - np.diag(effect).mean()
    keys = {"city": np.repeat(range(n), 12), "year": np.tile(range(12), n)}
    for seed in range(reps):
        rng = np.random.default_rng(seed)
        x = autoregressive(rng.normal(size=(n, 12)), persistence) + rng.normal(
            size=(n, 1)
        )
        e = autoregressive(rng.normal(size=(n, 12)), persistence)
        fixed = rng.normal(size=(n, 1)) + rng.normal(size=(1, 12))
        y = inverse @ (x + 0.5 * weights.dense @ x + fixed + e)
        frame = pd.DataFrame({**keys, "x": x.ravel(), "y": y.ravel()})
        yield Panel(frame, "city", "year"), PanelSpatial("y", ["x"], weights), indirect


def autoregressive(shocks: np.ndarray, persistence: float) -> np.ndarray:
    """Accumulate shocks over the periods, with a variance of one in each."""
    errors = shocks.copy()
    for t in range(1, shocks.shape[1]):
        errors[:, t] = (
            persistence * errors[:, t - 1] + np.sqrt(1 - persistence**2) * shocks[:, t]
        )
    return errors


# Options of a fit, as the columns of the table are named.
OPTIONS: dict[str, dict[str, str]] = {
    "adjusted": {},
    "no correction": {"likelihood": "unadjusted"},
    "Lee-Yu": {"likelihood": "lee_yu"},
    "clustered, Lee-Yu": {"likelihood": "lee_yu", "cov_type": "clustered"},
}


def interval_hits(n: int, rho: float, persistence: float, reps: int) -> np.ndarray:
    """Share of panels whose interval has the true rho and indirect effect.

    Options are in rows.
    """
    hits = np.zeros((len(OPTIONS), 2))
    for panel, spec, indirect in durbin_panels(n, rho, reps, persistence):
        for k, options in enumerate(OPTIONS.values()):
            fit = spec.replace(**options).fit(panel)
            low, high = fit.conf_int().loc["rho"]
            row = fit.impacts.iloc[1]
            hits[k] += [
                low <= rho <= high,
                row["conf_low"] <= indirect <= row["conf_high"],
            ]
    return hits / reps


@pytest.mark.montecarlo
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize(
    ("n", "rho", "persistence", "of_rho", "of_indirect"),
    [
        (31, 0.0, 0.0, [0.961, 0.795, 0.933, 0.944], [0.957, 0.916, 0.941, 0.93]),
        (31, 0.3, 0.0, [0.959, 0.76, 0.929, 0.948], [0.958, 0.892, 0.941, 0.935]),
        (31, 0.6, 0.0, [0.962, 0.698, 0.927, 0.947], [0.956, 0.809, 0.927, 0.936]),
        (100, 0.0, 0.0, [0.954, 0.898, 0.938, 0.948], [0.954, 0.924, 0.942, 0.943]),
        (100, 0.3, 0.0, [0.954, 0.889, 0.94, 0.949], [0.952, 0.914, 0.942, 0.941]),
        (100, 0.6, 0.0, [0.958, 0.871, 0.945, 0.95], [0.953, 0.897, 0.936, 0.942]),
        (100, 0.3, 0.7, [0.93, 0.754, 0.809, 0.928], [0.945, 0.777, 0.813, 0.945]),
    ],
)
def test_coverage_of_the_page(
    n: int,
    rho: float,
    persistence: float,
    of_rho: list[float],
    of_indirect: list[float],
    measured: Callable[..., None],
) -> None:
    """Share of 1,000 panels in which the 95% interval contains the true value.

    Spatial Durbin models with two-way effects: N regions, 12 periods, links to the four
    nearest neighbours in both directions, row-standardised, a slope of 1 and a slope of
    .5 on the spatial lag of the regressor. Regressor and errors are normal, without
    serial correlation or with one of .7. The last four columns are the default, the
    likelihood without adjustment, the bias correction of Lee and Yu with standard
    errors from the observed information, and this correction with standard errors
    clustered by region.
    """
    actual = interval_hits(n, rho, persistence, 1000)
    case = {
        "N": n,
        "rho": f"{rho:.1f}".lstrip("0"),
        "serial correlation": f"{persistence:.1f}".lstrip("0"),
    }
    for table, shares in zip(
        ("coverage_of_rho", "coverage_of_indirect_effects"), actual.T, strict=True
    ):
        measured(table, {**case, **dict(zip(OPTIONS, shares.tolist(), strict=True))})
    np.testing.assert_allclose(actual.T, [of_rho, of_indirect], rtol=0, atol=0.003)


# --- what notices say of the bias -----------------------------------------------------


def provinces(kind: str) -> SpatialWeights:
    """Weights of the 31 provinces."""
    places, borders = dp.datasets.province_capitals(), dp.datasets.province_neighbours()
    build = SpatialWeights.inverse_distance
    if kind == "borders":
        return SpatialWeights.from_neighbours(borders)
    if kind == "borders, an island":
        land = {
            name: [one for one in near if "hainan" not in (name, one)]
            for name, near in borders.items()
        }
        return SpatialWeights.from_neighbours(land)
    if kind == "4 nearest":
        return SpatialWeights.k_nearest(places, 4)
    if kind == "1/d, scalar":
        matrix = build(places, standardise="none").dense
        return SpatialWeights(
            matrix / matrix.sum(axis=1).max(), places.index, standardise="none"
        )
    power = 2 if kind.startswith("1/d^2") else 1
    return build(
        places, power=power, standardise="spectral" if "spectral" in kind else "row"
    )


def province_panels(
    weights: SpatialWeights,
    model: str,
    at: float,
    n_times: int,
    reps: int,
    *,
    time: bool,
):
    """Panels of 31 provinces: SDM with b = 1 and th = .5, SAR or SEM with b = 1."""
    n, keys = 31, ("province", "year")
    inverse = np.linalg.inv(np.eye(n) - at * weights.dense)
    index = [list(weights.entities), range(n_times)]
    for seed in range(reps):
        rng = np.random.default_rng(seed)
        x, e = rng.normal(size=(2, n, n_times))
        x += rng.normal(size=(n, 1))
        fixed = rng.normal(size=(n, 1)) + time * rng.normal(size=(1, n_times))
        spillover = 0.5 * weights.dense @ x if model == "sdm" else 0.0
        y = (
            x + fixed + inverse @ e
            if model == "sem"
            else inverse @ (x + spillover + fixed + e)
        )
        frame = pd.DataFrame(
            {"x": x.ravel(), "y": y.ravel()},
            pd.MultiIndex.from_product(index, names=keys),
        )
        yield Panel(frame.reset_index(), *keys)


def of_notices(fit: dp.SpatialResults | None, at: float) -> list[float]:
    """Give the error of rho or lambda, if its interval has the truth, coverage."""
    if fit is None:
        return [np.nan] * 4
    name = fit.names[0]
    low, high = fit.conf_int().loc[name]
    stated = [
        n.data["coverage"]
        for n in fit.diagnostics
        if n.code.endswith("time_effects_bias")
    ]
    return [
        fit.params[name] - at,
        low <= at <= high,
        bool(stated),
        stated[0] if stated else np.nan,
    ]


def fit_or_none(spec: PanelSpatial, panel: Panel) -> dp.SpatialResults | None:
    try:
        return spec.fit(panel)
    except dp.IdentificationError:
        return None


@pytest.mark.montecarlo
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize(
    ("kind", "model", "at", "expected"),
    [
        (
            "borders",
            "sdm",
            0.3,
            [-0.076, 0.82, 1.0, 0.825, -0.015, 0.96, 0.0, -0.004, 0.983, 0.0],
        ),
        (
            "4 nearest",
            "sdm",
            0.3,
            [-0.083, 0.827, 1.0, 0.82, -0.018, 0.967, 0.0, -0.008, 0.977, 0.0],
        ),
        (
            "4 nearest",
            "sem",
            0.3,
            [-0.088, 0.813, 1.0, 0.806, -0.017, 0.937, 0.0, -0.005, 0.963, 0.0],
        ),
        (
            "1/d^2",
            "sdm",
            0.3,
            [-0.141, 0.697, 1.0, 0.72, -0.039, 0.917, 0.037, 0.908, -0.009, 0.953, 0.0],
        ),
        (
            "1/d^2",
            "sdm",
            0.6,
            [-0.153, 0.533, 1.0, 0.574, -0.056, 0.903, 0.62, 0.884, -0.011, 0.963, 0.0],
        ),
        (
            "1/d",
            "sdm",
            0.0,
            [-0.626, 0.313, 1.0, 0.367, -0.29, 0.833, 0.973, 0.794, -0.036, 0.967, 0.0],
        ),
        (
            "1/d",
            "sdm",
            0.3,
            [
                -0.687,
                0.17,
                0.997,
                0.253,
                -0.355,
                0.723,
                0.993,
                0.681,
                -0.043,
                0.967,
                0.003,
            ],
        ),
        (
            "1/d",
            "sem",
            0.3,
            [
                -0.68,
                0.177,
                0.993,
                0.245,
                -0.347,
                0.727,
                0.987,
                0.669,
                -0.029,
                0.973,
                0.007,
            ],
        ),
        (
            "borders, an island",
            "sdm",
            0.3,
            [-0.07, 0.853, 1.0, 0.835, -0.002, 0.977, 0.0],
        ),
        (
            "1/d^2 spectral",
            "sdm",
            0.3,
            [-0.061, 0.887, 0.917, 0.894, -0.011, 0.967, 0.0],
        ),
        ("1/d spectral", "sdm", 0.0, [-0.301, 0.623, 1.0, 0.644, -0.029, 0.953, 0.0]),
        ("1/d spectral", "sdm", 0.3, [-0.238, 0.613, 1.0, 0.624, -0.025, 0.953, 0.0]),
        ("1/d spectral", "sem", 0.3, [-0.659, 0.24, 1.0, 0.351, -0.043, 0.97, 0.0]),
        ("1/d, scalar", "sdm", 0.3, [-0.322, 0.617, 1.0, 0.627, -0.034, 0.95, 0.0]),
    ],
)
def test_notices_state_the_coverage_of_31_provinces(
    kind: str,
    model: str,
    at: float,
    expected: list[float],
    measured: Callable[..., None],
) -> None:
    """Coverage of 95% intervals of rho (SDM) or lambda (SEM) in 300 panels.

    The table also has what the notices say of it. Two-way effects, 31 provinces and 10
    periods, with slopes of 1 and, in the SDM, .5 on the spatial lag of the regressor.
    Regressor and errors are normal without serial correlation. Inverse distances 1/d
    and 1/d^2 have all provinces as neighbours; they and the borders are
    row-standardised unless the name says another. Without adjustment, "reported" is the
    share of panels whose fit has a notice of the bias, and "stated" the mean coverage
    that these notices state. The correction of Lee and Yu requires rows with equal
    sums. The last columns are the adjusted likelihood, the default; "refused" is the
    share of panels in which it has no maximum, which are left out.
    """
    actual = bias_and_notices(kind, model, at, 300)
    measured("notices_of_the_bias_of_time_effects", actual)
    numbers = [value for value in actual.values() if isinstance(value, float)]
    np.testing.assert_allclose(numbers, expected, rtol=0, atol=0.005)


def bias_and_notices(
    kind: str, model: str, at: float, reps: int
) -> dict[str, float | str]:
    """Simulate a row of the table."""
    weights = provinces(kind)
    equal = np.ptp(weights.dense.sum(axis=1)) < 1e-9
    options = (
        ("unadjusted", "lee_yu", "adjusted") if equal else ("unadjusted", "adjusted")
    )
    spec = PanelSpatial("y", ["x"], weights, model=model)
    rows = [
        [
            of_notices(fit_or_none(spec.replace(likelihood=word), panel), at)
            for word in options
        ]
        for panel in province_panels(weights, model, at, 10, reps, time=True)
    ]
    numbers = np.array(rows)
    counts = np.maximum((~np.isnan(numbers)).sum(axis=0), 1)
    means = np.where(
        np.isnan(numbers).all(axis=0), np.nan, np.nansum(numbers, axis=0) / counts
    )
    refused = float(np.isnan(numbers[:, -1, 0]).mean())
    row: dict[str, float | str] = {
        "W": kind,
        "model": model.upper(),
        "true": f"{at:.1f}".lstrip("0"),
    }
    for word, (bias, coverage, reported, stated) in zip(
        options, means.tolist(), strict=True
    ):
        suffix = {"unadjusted": "", "lee_yu": ", Lee-Yu", "adjusted": ", adjusted"}[
            word
        ]
        row |= {f"bias{suffix}": bias, f"coverage{suffix}": coverage}
        if word != "adjusted":
            row[f"reported{suffix}"] = reported
            if not np.isnan(stated):
                row[f"stated{suffix}"] = stated
    return row | {"refused": refused}


@pytest.mark.montecarlo
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize(
    ("n_times", "expected"),
    [
        (3, [0.966, 0.964, 0.894, 0.892, 0.946, 0.946, 0.954, 0.942]),
        (4, [0.96, 0.96, 0.906, 0.894, 0.946, 0.934, 0.948, 0.934]),
        (5, [0.974, 0.948, 0.93, 0.9, 0.96, 0.93, 0.968, 0.94]),
        (10, [0.964, 0.966, 0.952, 0.934, 0.958, 0.948, 0.964, 0.946]),
    ],
)
def test_coverage_in_short_panels(
    n_times: int, expected: list[float], measured: Callable[..., None]
) -> None:
    """Coverage of 95% intervals in 500 short panels with entity effects alone.

    SAR models of 31 provinces with links to the four nearest, rho = .3 and a slope of
    1, with normal regressor and errors. "stated" is the coverage that the notice
    states.
    """
    actual = short_panels(n_times, 500)
    measured("coverage_in_short_spatial_panels", actual)
    numbers = [value for value in actual.values() if isinstance(value, float)]
    np.testing.assert_allclose(numbers, expected, rtol=0, atol=0.005)


def short_panels(n_times: int, reps: int) -> dict[str, float | str]:
    """Simulate a row of the table."""
    weights = provinces("4 nearest")
    spec = PanelSpatial("y", ["x"], weights, model="sar", time_effects=False)
    ways = {
        name.replace("clustered, Lee-Yu", "clustered"): how
        for name, how in OPTIONS.items()
    }
    ways["clustered"] = {"likelihood": "unadjusted", "cov_type": "clustered"}
    hits: dict[str, list[bool]] = {}
    stated = ""
    for panel in province_panels(weights, "sar", 0.3, n_times, reps, time=False):
        for name, options in ways.items():
            fit = spec.replace(**options).fit(panel)
            for term, truth in (("rho", 0.3), ("x", 1.0)):
                low, high = fit.conf_int().loc[term]
                hits.setdefault(f"{term}, {name}", []).append(low <= truth <= high)
            for notice in fit.diagnostics:
                if notice.code == "entity_effects_errors":
                    stated = f"{notice.data['coverage']:.3f}".lstrip("0")
    shares = {name: float(np.mean(values)) for name, values in hits.items()}
    return {"T": str(n_times), "stated": stated, **shares}


# --- panels of the size of our users' -------------------------------------------------

DESIGNS = {
    "independent": (0.0, False, False),
    "serial correlation .6, unequal variances": (0.6, True, False),
    "heavy tails, skewed regressor": (0.0, True, True),
}


def user_panels(kind: str, design: str, rho: float, reps: int, *, lags: float = 0.5):
    """Draw panels of 31 x 10: slopes of 1 and, on W x, `lags`."""
    weights, (persistence, unequal, heavy) = provinces(kind), DESIGNS[design]
    w, n, t = weights.dense, 31, 10
    inverse = np.linalg.inv(np.eye(n) - rho * w)
    index = pd.MultiIndex.from_product(
        [list(weights.entities), range(t)], names=["province", "year"]
    )
    for seed in range(reps):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n, t))
        x = np.exp(autoregressive(x, 0.8)) if heavy else x
        e = rng.standard_t(5, size=(n, t)) if heavy else rng.normal(size=(n, t))
        e = autoregressive(e, persistence) * np.exp(
            0.5 * unequal * rng.normal(size=(n, 1))
        )
        fixed = rng.normal(size=(n, 1)) + rng.normal(size=(1, t))
        y = inverse @ (x + lags * w @ x + fixed + e)
        frame = pd.DataFrame({"x": x.ravel(), "y": y.ravel()}, index)
        yield Panel(frame.reset_index(), "province", "year"), weights


@pytest.mark.montecarlo
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("kind", ["4 nearest", "1/d", "1/d spectral"])
@pytest.mark.parametrize("design", DESIGNS)
def test_coverage_of_31_provinces(
    kind: str, design: str, measured: Callable[..., None]
) -> None:
    """Coverage of 95% intervals of rho and the indirect effect, 300 panels.

    Spatial Durbin models with two-way effects, rho = .3, a slope of 1 and one of .5 on
    the spatial lag of the regressor. Weights are row-standardised, or divided by their
    spectral radius. Regressor and errors are normal, and the errors of an entity have
    serial correlation or not, or a variance of their own; with heavy tails they are t
    with 5 degrees of freedom, and the regressor is persistent and lognormal. "adjusted"
    is the default. "refused" is the share of panels in which the adjusted likelihood
    has no maximum.
    """
    hits: list[list[float]] = []
    for panel, weights in user_panels(kind, design, 0.3, 300):
        matrix = np.linalg.inv(np.eye(31) - 0.3 * weights.dense) @ (
            np.eye(31) + 0.5 * weights.dense
        )
        indirect = matrix.sum() / 31 - np.trace(matrix) / 31
        row = []
        for word in ("adjusted", "unadjusted"):
            fit = fit_or_none(PanelSpatial("y", ["x"], weights, likelihood=word), panel)
            if fit is None:
                row += [np.nan, np.nan]
                continue
            low, high = fit.conf_int().loc["rho"]
            effect = fit.impacts.iloc[1]
            row += [
                low <= 0.3 <= high,
                effect["conf_low"] <= indirect <= effect["conf_high"],
            ]
        hits.append(row)
    shares = np.nanmean(np.array(hits, dtype=float), axis=0).tolist()
    names = ("rho", "indirect", "rho, unadjusted", "indirect, unadjusted")
    refused = float(np.isnan(np.array(hits, dtype=float)[:, 0]).mean())
    row = {
        "W": kind,
        "errors": design,
        **dict(zip(names, shares, strict=True)),
        "refused": refused,
    }
    measured("coverage_of_spatial_durbin_models", row)
    assert 0.90 <= shares[0] <= 0.99
    assert 0.89 <= shares[1] <= 0.99
    assert refused <= 0.05
