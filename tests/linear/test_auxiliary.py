"""What tests of a specification share."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, Panel
from digiprosper.linear.auxiliary import (
    entity_effect,
    fit_for_test,
    issue_fit_notices,
    joint_test,
    wald_statistic,
    with_effects,
)
from digiprosper.linear.estimation import demean_columns, fit_equation

X = ["log(pc)", "unemp"]


@pytest.fixture(scope="module")
def states() -> Panel:
    return dp.datasets.us_states()


def test_the_fit_is_that_of_the_specification(states: Panel) -> None:
    spec = FixedEffects("log(gsp)", X)
    fitted = fit_for_test(spec, states, "test")
    pd.testing.assert_series_equal(fitted.results.params, spec.fit(states).params)
    assert [fitted.demeaned.names[j] for j in fitted.regressors] == X
    assert entity_effect(fitted, "test") == "state"


def test_dropped_columns_are_no_regressors(states: Panel) -> None:
    panel = states.assign(twice=lambda f: 2 * f["unemp"])
    fitted = fit_for_test(
        FixedEffects("log(gsp)", [*X, "twice"], collinear="drop"), panel, "test"
    )
    assert [fitted.demeaned.names[j] for j in fitted.regressors] == X


def test_reset_is_about_the_covariance_of_the_fit() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(8), 4), "t": np.tile(np.arange(4), 8)}
    )
    frame[["y", "a"]] = rng.normal(size=(32, 2))
    panel = Panel(frame, "i", "t")
    with pytest.warns(dp.FewClustersWarning):
        dp.reset_test(FixedEffects("y", ["a"], cov_type="crv3"), panel)
    # Draws allow for few clusters, and warnings are errors here.
    drawn = dp.reset_test(FixedEffects("y", ["a"]), panel)
    assert "wild cluster bootstrap" in drawn.method


def test_notices_about_few_clusters_are_left_out() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(8), 4), "t": np.tile(np.arange(4), 8)}
    )
    frame[["y", "a"]] = rng.normal(size=(32, 2))
    frame.loc[3, "a"] = np.nan
    fitted = fit_for_test(FixedEffects("y", ["a"]), Panel(frame, "i", "t"), "test")
    with pytest.warns(dp.MissingDataWarning):
        assert [notice.code for notice in issue_fit_notices(fitted)] == ["missing_rows"]


@pytest.mark.parametrize("effects", [(), ("state",), ("year",)])
def test_other_effects_are_another_specification(
    states: Panel, effects: tuple[str, ...]
) -> None:
    fitted = fit_for_test(FixedEffects("log(gsp)", X), states, "test")
    prepared = with_effects(fitted.prepared, effects)
    demeaned = demean_columns(prepared, fitted.demeaned.names, fitted.demeaned.raw)
    results, _ = fit_equation(prepared, demeaned, 0, fitted.regressors)
    spec = FixedEffects(
        "log(gsp)",
        X,
        entity_effects="state" in effects,
        time_effects="year" in effects,
        clusters="state",
    )
    expected = spec.fit(states)
    np.testing.assert_allclose(results.params, expected.params, rtol=1e-12)
    np.testing.assert_allclose(results.std_errors, expected.std_errors, rtol=1e-12)


def test_other_clusters_are_another_specification(states: Panel) -> None:
    fitted = fit_for_test(FixedEffects("log(gsp)", X), states, "test")
    sample = fitted.prepared.sample
    spec = FixedEffects("log(gsp)", X, clusters="year")
    prepared = with_effects(
        fitted.prepared,
        fitted.prepared.effect_names,
        cluster_names=("year",),
        cluster_codes=(sample.time,),
        options=spec.options,
    )
    results, _ = fit_equation(prepared, fitted.demeaned, 0, fitted.regressors)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        np.testing.assert_allclose(
            results.std_errors, spec.fit(states).std_errors, rtol=1e-12
        )


def test_joint_form_is_q_times_the_wald_statistic(states: Panel) -> None:
    results = FixedEffects("log(gsp)", X).fit(states)
    expected = results.wald_test("log(pc) = unemp = 0").statistic
    form, weights, notices = wald_statistic(results, X, "test")
    assert form == pytest.approx(2 * expected, rel=1e-12)
    assert weights.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert notices == ()


def test_a_coefficient_without_a_standard_error_is_named(states: Panel) -> None:
    results = FixedEffects("log(gsp)", X).fit(states)
    estimated = replace(
        results.estimated,
        root=np.where([[True], [False]], np.nan, results.estimated.root),
    )
    with pytest.raises(dp.IdentificationError, match=r"log\(pc\)"):
        wald_statistic(replace(results, estimated=estimated), X, "test")


def test_an_indefinite_covariance_gives_a_missing_statistic_and_a_warning(
    states: Panel,
) -> None:
    results = FixedEffects("log(gsp)", X).fit(states)
    estimated = replace(results.estimated, middle=np.diag([1.0, -1.0]), root=np.eye(2))
    indefinite = replace(results, estimated=estimated)
    with pytest.warns(dp.CovarianceWarning):
        test = joint_test(indefinite, X, "test", name="Test", null="none")
    assert np.isnan(test.statistic)
    assert [notice.code for notice in test.diagnostics] == ["not_psd"]


def test_a_joint_test_keeps_what_the_bootstrap_says() -> None:
    frame = pd.DataFrame({"i": np.repeat(np.arange(15), 8), "t": [*range(8)] * 15})
    frame["d"] = ((frame["i"] < 1) & (frame["t"] >= 4)).astype(float)
    rng = np.random.default_rng(1)
    frame = frame.assign(a=rng.normal(size=120), y=rng.normal(size=120))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        fit = FixedEffects("y", ["d", "lag(d)", "a"]).fit(Panel(frame, "i", "t"))
        test = joint_test(fit, ["d", "lag(d)"], "test", name="Test", null="none")
    assert [notice.code for notice in test.diagnostics] == ["no_rejection"]


def test_reset_says_that_powers_vary_in_few_clusters() -> None:
    """One entity has nearly all of the variation of the regressor."""
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"i": np.repeat(np.arange(12), 6), "t": [*range(6)] * 12})
    frame["x"] = rng.normal(size=72) * np.where(frame["i"] == 0, 50.0, 0.1)
    frame["y"] = 0.1 * frame["x"] + rng.normal(size=72)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        test = dp.reset_test(FixedEffects("y", ["x"]), Panel(frame, "i", "t"))
    assert "no_rejection" in [notice.code for notice in test.diagnostics]
    assert "effective clusters" in test.summary()
