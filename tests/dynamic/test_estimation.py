"""GMM and corrected estimators against computations written out row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import chdtrc

import digiprosper as dp
from digiprosper.errors import (
    CollinearityError,
    DigiprosperError,
    IdentificationError,
)
from tests.dynamic.conftest import balanced, gapped, written_out

pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
LAGS = {"instrument_lags": (2, 3)}


def panel_of(frame: pd.DataFrame) -> dp.Panel:
    return dp.Panel(frame, "i", "t")


def fitted(frame: pd.DataFrame, **options: Any) -> Any:
    x = ["x"] if options.get("endogenous") else ["w", "x"]
    return dp.DynamicPanel("y", x, **options).fit(panel_of(frame), rng=1)


CASES: list[tuple[int, dict[str, Any], dict[str, Any]]] = [
    (1, {"instrument_lags": (2, None)}, {}),
    (2, {"endogenous": ["w"]}, {"endogenous": True, "last": 5}),
    (3, {"endogenous": ["w"], "instrument_lags": (2, 2)}, {"endogenous": True}),
    (4, {"estimator": "system", **LAGS}, {"system": True, "last": 3}),
    (
        5,
        {"estimator": "system", "endogenous": ["w"], "instrument_lags": (2, 2)},
        {"system": True, "endogenous": True, "last": 2},
    ),
    (6, {"transform": "orthogonal", **LAGS}, {"orthogonal": True, "last": 3}),
    (7, {"collapse": False, "instrument_lags": (2, 2)}, {"last": 2}),
    (8, {"instrument_lags": (3, 4)}, {"first": 3, "last": 4}),
]
CASES[2][2]["last"] = 2


@pytest.mark.many(8)
@pytest.mark.parametrize(("seed", "options", "case"), CASES)
def test_one_step_equals_moments_written_out(
    seed: int, options: dict[str, Any], case: dict[str, Any]
) -> None:
    frame = gapped(seed, entities=30)
    written = written_out(frame, collapse=options.get("collapse", True), **case)
    b, _, influence = written.step(written.first_weight())
    clusters = np.arange(len(written.z))
    scores = written.moments(b)
    covariance = influence @ scores.T @ scores @ influence.T
    fit = fitted(frame, steps=1, **options)
    k = len(fit.names)
    np.testing.assert_allclose(fit.params, b[:k], rtol=1e-8)
    np.testing.assert_allclose(
        fit.std_errors, np.sqrt(np.diag(covariance))[:k], rtol=1e-8
    )
    assert fit.n_instruments == written.z[0].shape[1]
    for order in (1, 2):
        m = written.autocorrelation(b, influence, covariance, order)
        assert fit.ar_tests["z"][order] == pytest.approx(m, rel=1e-7)

    surplus = fit.n_instruments - len(b)
    if not surplus:
        assert np.isnan(fit.hansen.statistic)
        return
    # Hansen's J is that of two steps, under one step too.
    weight = written.second_weight(b, clusters)
    gap = written.moments(written.step(weight)[0]).sum(axis=0)
    assert fit.hansen.statistic == pytest.approx(gap @ weight @ gap, rel=1e-7)
    assert fit.hansen.p_value == pytest.approx(chdtrc(surplus, gap @ weight @ gap))


@pytest.mark.parametrize("clusters", ["i", "region"])
@pytest.mark.parametrize(("seed", "options", "case"), [CASES[0], CASES[3], CASES[4]])
def test_two_steps_with_the_correction_as_a_numerical_derivative(
    seed: int, options: dict[str, Any], case: dict[str, Any], clusters: str
) -> None:
    """The second step depends on the first by its weights: that is the correction."""
    frame = gapped(seed, entities=60)
    written = written_out(frame, **case)
    first, _, influence = written.step(written.first_weight())
    codes = np.array(written.entities) // (1 if clusters == "i" else 2)

    def second_step(b: np.ndarray) -> np.ndarray:
        return written.step(written.second_weight(b, codes))[0]

    scores = written.moments(first)
    sums = np.array([scores[codes == c].sum(axis=0) for c in np.unique(codes)])
    robust = influence @ sums.T @ sums @ influence.T
    second, bread, _ = written.step(written.second_weight(first, codes))
    step = 1e-5
    d = np.column_stack(
        [
            (second_step(first + step * e) - second_step(first - step * e)) / (2 * step)
            for e in np.eye(len(first))
        ]
    )
    corrected = bread + d @ bread + bread @ d.T + d @ robust @ d.T
    fit = fitted(frame, clusters=clusters, **options)
    k = len(fit.names)
    np.testing.assert_allclose(fit.params, second[:k], rtol=1e-8)
    np.testing.assert_allclose(fit.cov, corrected[:k, :k], rtol=1e-5, atol=1e-9)
    plain = fitted(frame, clusters=clusters, windmeijer=False, **options)
    np.testing.assert_allclose(plain.cov, bread[:k, :k], rtol=1e-8)


def test_difference_in_hansen_drops_a_group_and_keeps_the_covariance() -> None:
    frame = gapped(4, entities=60)
    fit = fitted(frame, estimator="system", endogenous=["w"], **LAGS)
    written = written_out(frame, system=True, endogenous=True, last=3)
    first = written.step(written.first_weight())[0]
    covariance = np.linalg.inv(written.second_weight(first, np.arange(len(written.z))))
    kept = [j for j, (variable, *_) in enumerate(written.names) if variable != "y"]
    written.z = [z[:, kept] for z in written.z]
    weight = np.linalg.inv(covariance[np.ix_(kept, kept)])
    gap = written.moments(written.step(weight)[0]).sum(axis=0)
    table = fit.difference_in_hansen
    assert table["without"]["y"] == pytest.approx(gap @ weight @ gap, rel=1e-7)
    assert list(table.index) == ["y", "w", "x", "level equation"]
    assert (table["difference"] > 0).all()
    assert (table["df"] + table["df_without"] == fit.hansen.df).all()
    np.testing.assert_allclose(
        table["without"] + table["difference"], fit.hansen.statistic
    )
    alone = fitted(frame, **LAGS).difference_in_hansen
    # Without lags of y nothing identifies its coefficient.
    assert "y" not in alone.index
    assert "level equation" not in alone.index


def test_without_overidentification_there_is_no_test() -> None:
    fit = fitted(gapped(1, entities=30), instrument_lags=(2, 2))
    assert np.isnan(fit.hansen.statistic)
    assert np.isnan(fit.sargan.p_value)
    assert fit.difference_in_hansen.empty
    assert "Hansen test" in str(fit.summary())


# --- corrected estimators -------------------------------------------------------------


@pytest.mark.parametrize("time_effects", [True, False])
def test_lsdvc_solves_the_equation_of_the_bias(time_effects: bool) -> None:
    """``r + s^2(r) tr(M L(r)) q = w`` with explicit matrices."""
    frame = gapped(2, entities=20)
    fit = fitted(frame, estimator="lsdvc", time_effects=time_effects, reps=99)
    rows = panel_of(frame).assign(ly="lag(y)").frame.reset_index().dropna()
    dummies = pd.get_dummies(rows["i"]).to_numpy(float)
    if time_effects:
        dummies = np.column_stack([dummies, pd.get_dummies(rows["t"]).to_numpy(float)])
    m = np.eye(len(rows)) - dummies @ np.linalg.pinv(dummies)
    x = m @ rows[["ly", "w", "x"]].to_numpy()
    inverse = np.linalg.inv(x.T @ x)
    w = inverse @ x.T @ rows["y"].to_numpy()

    r = fit.params.iloc[0]
    entity, time = rows["i"].to_numpy(), rows["t"].to_numpy()
    apart = time[:, None] - time - 1
    same = (entity[:, None] == entity) & (apart >= 0)
    trace = np.trace(m @ np.where(same, r ** np.maximum(apart, 0.0), 0.0))
    b = w + (r - w[0]) / inverse[0, 0] * inverse[:, 0]
    residual = m @ rows["y"].to_numpy() - x @ b
    rank = np.linalg.matrix_rank(dummies)
    variance = residual @ residual / (len(rows) - rank - 3)
    assert r + variance * trace * inverse[0, 0] == pytest.approx(w[0], abs=1e-8)
    np.testing.assert_allclose(fit.params, b, rtol=1e-8)


@pytest.mark.parametrize("periods", [7, 8])
def test_half_panel_is_twice_the_whole_less_the_halves(periods: int) -> None:
    frame = gapped(3, entities=20, periods=periods)
    panel = panel_of(frame).assign(ly="lag(y)")
    within = dp.FixedEffects("y", ["ly", "w", "x"])

    def estimate(part: dp.Panel) -> np.ndarray:
        return within.fit(part).params.to_numpy()

    middles = {2001 + (periods - 1) // 2, 2001 + periods // 2}
    halves = [
        (estimate(panel.subset(f"t < {m}")) + estimate(panel.subset(f"t >= {m}"))) / 2
        for m in middles
    ]
    expected = 2 * estimate(panel) - np.mean(halves, axis=0)
    fit = fitted(frame, estimator="half_panel", reps=99)
    np.testing.assert_allclose(fit.params, expected, rtol=1e-8)


def test_draws_are_estimates_of_resampled_clusters() -> None:
    """A draw that takes every cluster once is the estimate."""
    frame = gapped(2, entities=12)
    fit = fitted(frame, estimator="lsdvc", reps=199)
    draws = fit.estimated.draw_values
    assert draws.shape == (199, 3)
    assert np.ptp(draws[:, 0]) > 0
    low, high = fit.conf_int().to_numpy().T
    assert (low < fit.params).all()
    assert (fit.params < high).all()
    again = fitted(frame, estimator="lsdvc", reps=199)
    pd.testing.assert_frame_equal(again.conf_int(), fit.conf_int())


@pytest.mark.parametrize("estimator", ["difference", "system", "lsdvc"])
def test_bounds_are_pooled_and_within_estimates(estimator: str) -> None:
    frame = gapped(2, entities=30)
    fit = fitted(frame, estimator=estimator, reps=99, steps=2)
    within = dp.FixedEffects("y", ["lag(y)", "w", "x"], singletons="keep")
    pooled = within.replace(entity_effects=False)
    panel = panel_of(frame)
    for name, spec in (("within", within), ("ols", pooled)):
        expected = spec.fit(panel).params["lag(y)"]
        assert fit.bounds[name] == pytest.approx(expected, rel=1e-9)


# --- what cannot be estimated ---------------------------------------------------------


def test_no_consecutive_rows() -> None:
    frame = gapped(1)
    with pytest.raises(IdentificationError, match="nothing to difference"):
        fitted(frame[frame["t"] < 2002])


def test_a_regressor_that_does_not_change() -> None:
    panel = panel_of(gapped(1, entities=30)).assign(fixed=lambda f: f["region"] * 0.1)
    for options in ({}, {"transform": "orthogonal"}, {"estimator": "lsdvc"}):
        spec = dp.DynamicPanel("y", ["x", "fixed"], **options)
        with pytest.raises(IdentificationError, match="'fixed' does not change"):
            spec.fit(panel)
    fit = dp.DynamicPanel("y", ["x", "fixed"], estimator="system").fit(panel)
    assert "fixed" in fit.names


@pytest.mark.parametrize("estimator", ["difference", "system", "lsdvc", "half_panel"])
def test_collinear_regressors(estimator: str) -> None:
    panel = panel_of(gapped(1, entities=30)).assign(v="I(2*x + 1)")
    with pytest.raises(CollinearityError, match="'v' is collinear with"):
        dp.DynamicPanel("y", ["x", "v"], estimator=estimator).fit(panel)


def test_a_common_series_is_collinear_with_the_dummies() -> None:
    panel = panel_of(gapped(1, entities=30)).assign(trend=lambda f: f.eval("x*0") + 1)
    frame = gapped(1, entities=30)
    panel = panel_of(frame.assign(trend=np.log(frame["t"] - 1990.0)))
    with pytest.raises(CollinearityError, match="'trend' is collinear with 'period"):
        dp.DynamicPanel("y", ["trend"]).fit(panel)
    fit = dp.DynamicPanel("y", ["trend"], time_effects=False).fit(panel)
    assert "trend" in fit.names


def test_dummies_that_gaps_make_dependent_are_left_out() -> None:
    """No entity has a row in 2004: its differences stop before and begin anew after."""
    frame = gapped(1, entities=40, periods=10)
    frame.loc[frame["t"] == 2004, "x"] = np.nan
    fit = dp.DynamicPanel("y", ["x"], instrument_lags=(2, 3)).fit(panel_of(frame))
    rows = fit.instruments
    # Rows are 2001 to 2003 and 2005 to 2009, differences 2002, 2003, 2006 to 2009.
    dummies = rows[rows["variable"].str.startswith("period")]
    assert len(dummies) == 6
    estimates = [
        dp.DynamicPanel("y", ["x"], estimator=e, reps=99).fit(panel_of(frame), rng=1)
        for e in ("lsdvc", "system")
    ]
    assert all(np.isfinite(e.params).all() for e in estimates)


def test_too_few_instruments() -> None:
    panel = panel_of(gapped(1, entities=30))
    spec = dp.DynamicPanel("y", ["x"], instrument_lags={"y": None})
    with pytest.raises(IdentificationError, match="independent instruments for"):
        spec.fit(panel)
    with pytest.raises(IdentificationError, match=r"^0 independent instruments"):
        spec.replace(x=(), time_effects=False).fit(panel)


def test_more_instruments_than_clusters_have_no_second_step() -> None:
    frame = gapped(1, entities=10)
    with pytest.raises(IdentificationError, match=r"steps=2: \d+ instruments and 10"):
        fitted(frame, collapse=False)
    fit = fitted(frame, collapse=False, steps=1)
    assert np.isfinite(fit.params).all()
    assert np.isnan(fit.hansen.statistic)
    assert "many_instruments" in {n.code for n in fit.diagnostics}


@pytest.mark.parametrize("transform", ["orthogonal", "difference"])
def test_a_regressor_that_changes_in_one_entity_only(transform: str) -> None:
    """Its coefficient makes its moment zero, so that its variance is rounding."""
    frame = balanced(1, entities=40)
    rows = (frame["i"] == 3) & (frame["t"] > 2003)
    pilot = frame.assign(pilot=rows.astype(float))
    spec = dp.DynamicPanel("y", ["x", "pilot"], transform=transform, h=1)
    with pytest.raises(IdentificationError, match="changes in one cluster only"):
        spec.fit(panel_of(pilot))
    fit = spec.replace(steps=1).fit(panel_of(pilot))
    assert np.isnan(fit.hansen.statistic)
    units = spec.replace(steps=1).fit(panel_of(pilot.assign(pilot=7e4 * rows)))
    np.testing.assert_allclose(fit.params["x"], units.params["x"], rtol=1e-8)


def test_a_regressor_that_changes_in_one_half_only() -> None:
    frame = gapped(1, entities=30, periods=8)
    frame["late"] = frame["x"].where(frame["t"] > 2004, 0.0)
    spec = dp.DynamicPanel("y", ["late"], estimator="half_panel", reps=99)
    with pytest.raises(IdentificationError, match="entities in the first half of"):
        spec.fit(panel_of(frame))
    assert np.isfinite(
        spec.replace(estimator="lsdvc").fit(panel_of(frame)).params
    ).all()


def test_more_coefficients_than_rows() -> None:
    frame = gapped(1, entities=3)
    for estimator in ("difference", "lsdvc"):
        with pytest.raises(IdentificationError, match="fewer regressors, fewer"):
            fitted(frame, estimator=estimator)


def test_half_panel_needs_four_periods() -> None:
    frame = gapped(1, entities=30)
    with pytest.raises(IdentificationError, match="halves the 3 periods"):
        fitted(frame[frame["t"] < 2004], estimator="half_panel")


@pytest.mark.parametrize("estimator", ["difference", "system", "lsdvc", "half_panel"])
def test_an_outcome_without_errors_is_refused(estimator: str) -> None:
    """Standard errors would be rounding, and tests of it."""
    frame = gapped(1, entities=30)
    spec = dp.DynamicPanel("y", ["x", "w"], estimator=estimator, reps=99)
    with pytest.raises(IdentificationError, match="explain 'y' perfectly in"):
        spec.fit(panel_of(frame.assign(y=2 * frame["x"])))
    with pytest.raises(
        DigiprosperError, match=r"'y' does not change|is collinear with"
    ):
        spec.fit(panel_of(frame.assign(y=3.0)))


def test_errors_that_are_tiny_beside_the_outcome() -> None:
    """Draws have no bias to solve for where squares are lost to rounding."""
    rng = np.random.default_rng(1)
    y, x = np.zeros((31, 10)), rng.normal(size=(31, 10))
    for t in range(1, 10):
        y[:, t] = 0.5 * y[:, t - 1] + x[:, t] + 1e-8 * rng.normal(size=31)
    keys = {"i": np.repeat(np.arange(31), 10), "t": np.tile(np.arange(10), 31)}
    frame = pd.DataFrame({**keys, "y": y.ravel(), "x": x.ravel()})
    spec = dp.DynamicPanel("y", ["x"], estimator="lsdvc", reps=199)
    fit = spec.fit(panel_of(frame), rng=1)
    np.testing.assert_allclose(fit.params, [0.5, 1.0], atol=1e-7)
    assert (fit.std_errors < 1e-7).all()


def test_moments_of_two_clusters_have_no_variance() -> None:
    frame = gapped(1, entities=2)
    with pytest.raises(IdentificationError, match="at least 3 clusters"):
        dp.DynamicPanel("y", steps=1).fit(panel_of(frame))
    assert len(dp.DynamicPanel("y", estimator="lsdvc").fit(panel_of(frame)).params) == 1
