"""Tests of instruments: with every dummy written out, and what equals what."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from linearmodels.datasets import mroz

from digiprosper import FixedEffects, FixedEffectsIV, Panel
from digiprosper.errors import DigiprosperWarning


def make_frame(seed: int = 0, n: int = 30, periods: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = n * periods
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    frame[["a", "z1", "z2", "z3"]] = (
        rng.normal(size=(rows, 4)) + 0.2 * frame[["t"]].to_numpy()
    )
    common = rng.normal(size=rows) + rng.normal(size=n)[frame["i"]] * frame["t"]
    frame["d"] = (
        0.6 * frame["z1"]
        + 0.4 * frame["z2"]
        + frame["a"]
        + common
        + rng.normal(size=rows)
    )
    frame["e"] = 0.7 * frame["z3"] - 0.4 * frame["z1"] - common + rng.normal(size=rows)
    frame["y"] = frame["d"] + frame["e"] + frame["i"] + common + rng.normal(size=rows)
    return frame[rng.random(rows) > 0.2].reset_index(drop=True)


def fit(spec, frame: pd.DataFrame):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return spec.fit(Panel(frame, "i", "t"))


def with_dummies(
    frame: pd.DataFrame, endog: list[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Endogenous regressors, instruments, and controls with full-rank dummies."""
    d = np.hstack(
        [
            pd.get_dummies(frame[k]).to_numpy(dtype=float)[:, (k == "t") :]
            for k in ("i", "t")
        ]
    )
    controls = np.hstack([frame[["a"]].to_numpy(), d])
    return frame[endog].to_numpy(), frame[["z1", "z2", "z3"]].to_numpy(), controls


@pytest.mark.parametrize("endog", [["d"], ["d", "e"]])
@pytest.mark.parametrize("cov_type", ["unadjusted", "robust", "clustered"])
def test_linearmodels_with_dummies(endog: list[str], cov_type: str) -> None:
    from linearmodels.iv.common import (
        cragg_donald_f,
        kleibergen_paap,
        kleibergen_paap_f,
    )

    frame = make_frame()
    tests = fit(
        FixedEffectsIV("y", ["a"], endog, ["z1", "z2", "z3"], cov_type=cov_type), frame
    ).iv_tests
    x, z, controls = with_dummies(frame, endog)
    config = {"clusters": frame["i"].to_numpy()} if cov_type == "clustered" else None
    assert tests["cragg_donald"] == pytest.approx(
        cragg_donald_f(x, z, controls), rel=1e-9
    )

    n, full = len(frame), z.shape[1] + controls.shape[1]
    f = kleibergen_paap_f(x, z, controls, cov_type, config)
    lm = kleibergen_paap(x, z, controls, cov_type, config)
    absorbed = controls.shape[1] - 1
    if cov_type == "clustered":
        # The effects nested in the clusters are not counted, the constant and T - 1
        # periods are.
        f *= (n - (1 + 3 + 1 + 5)) / (n - full)
    expected = lm.stat * (n - absorbed + 1) / n if cov_type == "unadjusted" else lm.stat
    assert tests["kp_rk_f"] == pytest.approx(f, rel=1e-9)
    assert tests["kp_rk_lm"].statistic == pytest.approx(expected, rel=1e-9)
    assert tests["kp_rk_lm"].df == lm.df
    if cov_type == "unadjusted":
        assert tests["kp_rk_f"] == pytest.approx(tests["cragg_donald"], rel=1e-9)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cov_type": "robust"},
        {"cov_type": "unadjusted"},
        {"clusters": ("i", "t")},
        {"cov_type": "xtscc"},
        {"ssc": "none"},
        {"ssc": "linearmodels"},
    ],
)
def test_one_endogenous_regressor(options: dict) -> None:
    """The rank statistic is the first stage's Wald F, under any covariance."""
    frame = make_frame(1, 50, 25)
    results = fit(FixedEffectsIV("y", ["a"], ["d"], ["z1", "z2"], **options), frame)
    stage = results.first_stage["d"]
    test = stage.wald_test("z1 = 0, z2 = 0")
    wald = test.alternatives.get("stata", test.alternatives.get("f", test))
    first = results.iv_tests["first_stage_f:d"]
    assert first.statistic == pytest.approx(wald.statistic, rel=1e-10)
    assert (first.df, first.p_value) == (wald.df, pytest.approx(wald.p_value))
    assert results.iv_tests["kp_rk_f"] == pytest.approx(first.statistic, rel=1e-9)
    if options.get("ssc") == "none":
        options = {"ssc": "reghdfe"}
    plain = fit(FixedEffects("d", ["z1", "z2", "a"], **options), frame)
    np.testing.assert_allclose(stage.covariance, plain.covariance, rtol=1e-12)
    reduced = fit(FixedEffects("y", ["z1", "z2", "a"], **options), frame)
    np.testing.assert_allclose(results.reduced_form.params, reduced.params, rtol=1e-12)


def test_which_tests_there_are() -> None:
    one = fit(FixedEffectsIV("y", ["a"], ["d"], ["z1"]), make_frame(2)).iv_tests
    common = ["kp_rk_lm", "kp_rk_f", "cragg_donald", "hansen_j", "sargan"]
    assert set(one) == {
        "first_stage_f:d",
        "effective_f",
        "effective_f_critical",
        *common,
    }
    assert np.isnan([one["hansen_j"].statistic, one["sargan"].p_value]).all()
    assert one["effective_f"] == pytest.approx(one["kp_rk_f"])
    two = fit(
        FixedEffectsIV("y", ["a"], ["d", "e"], ["z1", "z2", "z3"]), make_frame(2)
    ).iv_tests
    stages = [
        f"{kind}:{name}"
        for kind in ("first_stage_f", "sanderson_windmeijer_f")
        for name in "de"
    ]
    assert set(two) == {*stages, *common}
    assert two["sanderson_windmeijer_f:d"].df[0] == 2


def test_sargan_takes_the_effects_from_the_rows() -> None:
    frame = make_frame(3)
    spec = FixedEffectsIV("y", ["a"], ["d"], ["z1", "z2"], cov_type="unadjusted")
    results = fit(spec, frame)
    _, z, controls = with_dummies(frame, ["d"])
    every = np.hstack([z[:, :2], controls])
    e = results.residuals
    explained = every @ np.linalg.lstsq(every, e, rcond=None)[0]
    rows = len(frame) - (controls.shape[1] - 2)
    assert results.sargan.statistic == pytest.approx(
        rows * (explained @ explained) / (e @ e), rel=1e-9
    )
    assert results.iv_tests["hansen_j"].statistic == pytest.approx(
        results.sargan.statistic, rel=1e-9
    )
    assert results.sargan.df == 1


@pytest.mark.parametrize(
    "options",
    [{}, {"cov_type": "unadjusted"}, {"cov_type": "robust"}, {"obs_weights": "w"}],
)
def test_endogeneity_is_a_regression_with_the_residuals(options: dict) -> None:
    frame = make_frame(4).assign(w=lambda f: 1 + f["t"] / 5)
    spec = FixedEffectsIV("y", ["a"], ["d", "e"], ["z1", "z2", "z3"], **options)
    results = fit(spec, frame)
    for name, stage in results.first_stage.items():
        frame[f"v_{name}"] = stage.resids.to_numpy()
    plain = fit(FixedEffects("y", ["d", "e", "a", "v_d", "v_e"], **options), frame)
    expected = plain.wald_test("v_d = 0, v_e = 0")
    got = results.endogeneity_test()
    assert got.statistic == pytest.approx(expected.statistic, rel=1e-8)
    assert got.df == expected.df
    # The residuals make the slopes those of two-stage least squares.
    np.testing.assert_allclose(plain.params[["d", "e", "a"]], results.params, rtol=1e-8)


@pytest.mark.further
def test_an_exogenous_regressor_is_rarely_rejected() -> None:
    rejected = 0
    for seed in range(60):
        frame = make_frame(seed, 30, 5)
        rng = np.random.default_rng(seed)
        frame["d"] = frame["z1"] + rng.normal(size=len(frame))
        frame["y"] = frame["d"] + rng.normal(size=len(frame))
        rejected += (
            fit(FixedEffectsIV("y", [], ["d"], ["z1"]), frame)
            .endogeneity_test()
            .p_value
            < 0.05
        )
    assert rejected <= 8


def test_fewer_clusters_than_instruments_leave_tests_missing() -> None:
    frame = make_frame(5).assign(half=lambda f: f["i"] // 15)
    results = fit(
        FixedEffectsIV("y", ["a"], ["d"], ["z1", "z2", "z3"], clusters=("half",)), frame
    )
    assert np.isnan(results.iv_tests["first_stage_f:d"].statistic)
    assert np.isnan(results.iv_tests["hansen_j"].statistic)
    assert "not available" in results.summary()


def test_no_endogeneity_test_without_a_row_for_it() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(4, 4)), columns=list("yabz")).assign(
        i=0, t=range(4)
    )
    spec = FixedEffectsIV(
        "y", ["b"], ["a"], ["z"], time_effects=False, cov_type="robust"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        results = spec.fit(Panel(frame, "i", "t"))
    assert np.isnan(results.endogeneity_test().p_value)


def test_first_stages_of_stata_without_small() -> None:
    """First stages and F of ivreg2 have small-sample factors with and without small."""
    # ivreg2 lwage (educ exper = age kidslt6 kidsge6), first
    rows = mroz.load().dropna(subset="lwage").reset_index()
    spec = FixedEffectsIV(
        "lwage",
        [],
        ["educ", "exper"],
        ["age", "kidslt6", "kidsge6"],
        entity_effects=False,
        time_effects=False,
        cov_type="unadjusted",
        ssc="none",
    )
    results = fit(spec, rows.assign(i=rows.index, t=1975))
    np.testing.assert_allclose(results.params[:2], [0.1058361, 0.0161527], atol=6e-8)
    np.testing.assert_allclose(results.std_errors[:2], [0.0806975, 0.007568], atol=6e-8)
    printed = {
        "first_stage_f:educ": 4.4661716,
        "first_stage_f:exper": 55.044363,
        "sanderson_windmeijer_f:educ": 6.6942505,
        "sanderson_windmeijer_f:exper": 81.812373,
    }
    for name, value in printed.items():
        assert results.iv_tests[name].statistic == pytest.approx(value, rel=1e-7)
    assert results.iv_tests["cragg_donald"] == pytest.approx(4.463, abs=5e-4)
    assert results.iv_tests["kp_rk_f"] == pytest.approx(
        results.iv_tests["cragg_donald"]
    )
    assert results.iv_tests["sargan"].statistic == pytest.approx(1.168, abs=5e-4)
    assert results.iv_tests["kp_rk_lm"].statistic == pytest.approx(13.101, abs=5e-4)
    assert results.anderson_rubin_test().statistic == pytest.approx(2.08, abs=5e-3)
    errors = results.first_stage["educ"].std_errors
    np.testing.assert_allclose(
        errors[["age", "kidslt6", "kidsge6", "Intercept"]],
        [0.0163449, 0.2966854, 0.0906154, 0.7644499],
        atol=6e-8,
    )
