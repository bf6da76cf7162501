"""Results of Poisson regressions, logit and probit: effects, tables and words."""

from __future__ import annotations

import json
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import digiprosper as dp
from digiprosper.report.characters import has_cjk
from digiprosper.report.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def panel() -> dp.Panel:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(45), 6),
            "t": np.tile(np.arange(6), 45),
            "x": rng.normal(size=270),
            "size": rng.uniform(1, 3, 270),
            "d": rng.integers(0, 2, 270),
        }
    )
    mean = frame["size"] * np.exp(0.4 * frame.x + 0.3 * frame.d + 0.3)
    frame["y"] = rng.poisson(mean)
    return dp.Panel(frame, "id", "t")


SPEC = dp.PoissonEffects("y", ["x", "d", "log(size)"])


def test_average_effects(panel: dp.Panel) -> None:
    fit = SPEC.fit(panel)
    effects = fit.average_effects().set_index("term")
    assert effects["kind"].tolist() == ["slope", "dummy", "elasticity"]
    mean = panel.frame["y"].mean()
    b, se = fit.params, fit.std_errors
    assert effects.loc["x", "effect"] == pytest.approx(b["x"] * mean)
    assert effects.loc["x", "std_error"] == pytest.approx(se["x"])
    assert effects.loc["d", "estimate"] == pytest.approx(np.exp(b["d"]) - 1)
    assert effects.loc["d", "std_error"] == pytest.approx(np.exp(b["d"]) * se["d"])
    ends = fit.conf_int().loc["d"]
    assert effects.loc["d", "conf_low"] == pytest.approx(np.exp(ends.iloc[0]) - 1)
    # The average derivative is the slope times the average outcome.
    assert fit.fitted_values.mean() == pytest.approx(mean)


def test_interactions_have_no_effect_of_their_own(panel: dp.Panel) -> None:
    fit = dp.PoissonEffects("y", ["x", "d", "x:d"]).fit(panel)
    effects = fit.average_effects().set_index("term")
    assert effects["kind"].eq("interaction").all()
    assert effects["effect"].isna().all()
    (notice,) = [n for n in fit.diagnostics if n.code == "interaction_ratios"]
    assert notice.data["terms"] == ("x:d",)
    assert "ratio of ratios" in notice.message


def test_an_intercept_has_no_average_effect(panel: dp.Panel) -> None:
    fit = SPEC.replace(entity_effects=False, time_effects=False).fit(panel)
    assert fit.names[-1] == "Intercept"
    assert fit.average_effects()["term"].tolist() == ["x", "d", "log(size)"]


def test_a_unit_far_beyond_the_data_has_an_infinite_change() -> None:
    spec = dp.PoissonEffects("gsp", ["I(-unemp / 100000)"])
    effects = spec.fit(dp.datasets.us_states()).average_effects()
    assert effects["estimate"].item() > 2000
    assert effects["percent"].item() == np.inf


def test_levels_of_a_category_are_dummies(panel: dp.Panel) -> None:
    fit = dp.PoissonEffects("y", ["x", "C(d)"]).fit(panel)
    assert fit.average_effects()["kind"].tolist() == ["slope", "dummy"]


@pytest.mark.parametrize("option", ["exposure", "offset"])
def test_predictions_are_the_fitted_values(panel: dp.Panel, option: str) -> None:
    fit = dp.PoissonEffects("y", ["x", "d"], **{option: "size"}).fit(panel)
    np.testing.assert_allclose(fit.predict(panel), fit.fitted_values)
    total = panel.frame["y"] - fit.fitted_values
    np.testing.assert_allclose(fit.resids, total)
    np.testing.assert_allclose(total.groupby("id").sum(), 0, atol=1e-9)


def test_pseudo_rsquared_is_against_a_constant(panel: dp.Panel) -> None:
    fit = dp.PoissonEffects(
        "y", ["x"], exposure="size", entity_effects=False, time_effects=False
    ).fit(panel)
    import statsmodels.api as sm

    frame = panel.frame
    brute = sm.GLM(
        frame["y"],
        sm.add_constant(frame["x"]),
        family=sm.families.Poisson(),
        exposure=frame["size"],
    ).fit(tol=1e-14)
    assert fit.pseudo_rsquared == pytest.approx(1 - brute.llf / brute.llnull)
    assert fit.params["Intercept"] == pytest.approx(brute.params["const"])


def test_glance_has_what_the_likelihood_gives(panel: dp.Panel) -> None:
    info = SPEC.fit(panel).glance()
    assert info["model"] == "PoissonEffects"
    assert info["nobs"] == 270
    assert info["n_clusters"] == 45
    assert {"deviance", "loglik", "n_separated", "n_singletons"} <= set(info)
    assert info["df_resid"] == 270 - 3 - 50


def test_summary_says_what_a_slope_is(panel: dp.Panel) -> None:
    text = str(SPEC.fit(panel))
    assert "elasticity" in text
    assert "100 (exp(b) - 1)" in text
    assert "small-sample correction as ppmlhdfe" in " ".join(text.split())
    other = str(SPEC.replace(cov_type="unadjusted").fit(panel))
    assert "for a variance equal to the mean" in " ".join(other.split())


def test_without_rows(panel: dp.Panel) -> None:
    fit = SPEC.fit(panel)
    small = SPEC.replace(keep_rows=False).fit(panel)
    assert small.glance() == fit.glance()
    with pytest.raises(dp.OptionError, match="keep_rows"):
        _ = small.fitted_values
    np.testing.assert_allclose(small.predict(panel), fit.fitted_values)


def test_pickles(panel: dp.Panel) -> None:
    fit = SPEC.fit(panel)
    assert pickle.loads(pickle.dumps(fit)).glance() == fit.glance()


def test_words_of_a_table(panel: dp.Panel) -> None:
    fit = SPEC.fit(panel)
    stats = ["nobs", "pseudo_rsquared", "n_separated"]
    english = dp.etable(fit, stats=stats)
    assert "Pseudo R2" in str(english)
    assert "Separated rows" in str(english)
    chinese = dp.etable(fit, stats=stats, style=dp.TableStyle(language="zh"))
    assert "伪R2" in str(chinese)
    assert "分离样本数" in str(chinese)


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_single_rows_have_robust_errors() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=90), "g": np.arange(90) % 5})
    frame["y"] = rng.poisson(np.exp(0.3 * frame["x"]))
    fit = dp.PoissonEffects("y", ["x"], absorb=["g"]).fit(dp.Panel.from_rows(frame))
    assert fit.glance()["cov_type"] == "robust"
    assert "robust to heteroskedasticity" in fit.summary()


def test_tables_name_the_poisson_regression() -> None:
    """Without a note its column looks like least squares."""
    states = dp.datasets.us_states()
    fit = dp.PoissonEffects("emp", ["unemp"]).fit(states)
    text = " ".join(str(dp.etable([fit])).split())
    assert "Poisson regression: coefficients are changes of the log" in text
    assert "泊松回归" in str(dp.etable([fit], style=dp.TableStyle(language="zh")))


def test_chi_squared_of_few_clusters_is_told(panel: dp.Panel) -> None:
    """In panels of 31 x 10 it rejects .20 of true nulls, Hotelling's F of CRV3 .07."""
    fit = SPEC.fit(panel)
    test = fit.wald_test("x = 0, d = 0")
    assert "chi-squared, which rejects a true hypothesis too often" in str(test)
    assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, 2), rel=1e-9)
    (note,) = (
        n for n in dp.etable([test], style=dp.TableStyle("zh")).notes if "卡方" in n
    )
    assert "cov_type='crv3'" in note
    assert not fit.wald_test("x = 0").method
    with pytest.warns(dp.FewClustersWarning):
        two_way = SPEC.replace(clusters=("id", "t")).fit(panel)
    method = two_way.wald_test("x = 0, d = 0").method
    assert method.startswith(("chi-squared, which rejects", "not available"))
    assert "crv3" not in method
    jackknifed = SPEC.replace(cov_type="crv3").fit(panel)
    scaled, at = jackknifed.wald_test("x = d = 0"), ["x", "d"]
    assert not scaled.method
    groups = jackknifed.n_clusters[0]
    b, covariance = jackknifed.params[at], jackknifed.cov.loc[at, at]
    f = b @ np.linalg.solve(covariance, b) * (groups - 2) / (2 * (groups - 1))
    assert (scaled.statistic, scaled.df) == (pytest.approx(f), (2, groups - 2))
    assert scaled.p_value == pytest.approx(stats.f.sf(f, 2, groups - 2))
    assert scaled.alternatives["f"].df == (2, groups - 1)
    assert not SPEC.replace(cov_type="robust").fit(panel).wald_test("x = d = 0").method
    again = pickle.loads(pickle.dumps(fit)).wald_test("x = 0, d = 0")
    assert again.method == test.method


@pytest.mark.montecarlo
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_size_of_joint_tests_of_31_clusters(measured: Callable[..., None]) -> None:
    """Share of 300 panels in which a joint test at 5% rejects slopes of zero.

    Poisson regressions with two-way effects and three regressors, 31 entities and 10
    periods. Regressors are lognormal, and log means have shocks whose variance differs
    between entities; both have a serial correlation of .6. "chi-squared": errors
    clustered by entity, the default. "crv3": the same errors by leaving clusters out,
    with Hotelling's F.
    """
    rng = np.random.default_rng(5)
    keys = {"id": np.repeat(np.arange(31), 10), "t": np.tile(np.arange(10), 31)}

    def persistent() -> np.ndarray:
        out = rng.normal(size=(31, 10))
        for t in range(1, 10):
            out[:, t] = 0.6 * out[:, t - 1] + 0.8 * out[:, t]
        return out

    spec = dp.PoissonEffects("y", ["a", "b", "c"])
    rejected = []
    for _ in range(300):
        scale = 0.5 * np.exp(0.4 * rng.normal(size=(31, 1)))
        y = rng.poisson(5 * np.exp(scale * persistent()))
        x = {name: np.exp(0.9 * persistent()).ravel() for name in "abc"}
        panel = dp.Panel(pd.DataFrame({**keys, **x, "y": y.ravel()}), "id", "t")
        fits = (spec.fit(panel), spec.replace(cov_type="crv3").fit(panel))
        rejected.append([fit.wald_test("a = b = c = 0").p_value < 0.05 for fit in fits])
    chi2, crv3 = np.mean(rejected, axis=0)
    measured("size_of_joint_poisson_tests", {"chi-squared": chi2, "crv3": crv3})
    assert chi2 > 0.09
    assert 0.03 < crv3 < 0.08


# --- logit and probit -----------------------------------------------------------------

X = ["x", "d"]


@pytest.fixture(scope="module")
def adoptions() -> dp.Panel:
    rng = np.random.default_rng(1)
    n = 25 * 8
    out = pd.DataFrame({"city": np.repeat(np.arange(25), 8)})
    out["year"] = np.tile(np.arange(2010, 2018), 25)
    out[X] = np.column_stack([rng.normal(size=n), rng.random(n) > 0.5]).astype(float)
    effect = np.repeat(rng.normal(size=25), 8)
    out["y"] = (0.8 * out["x"] + out["d"] + effect + rng.logistic(size=n) > 1) * 1
    return dp.Panel(out, "city", "year", labels={"y": "Adoption"})


def fitted(spec: dp.LogitEffects, adoptions: dp.Panel) -> dp.LogitResults:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec.fit(adoptions)


@pytest.fixture(scope="module")
def fit(adoptions: dp.Panel) -> dp.LogitResults:
    return fitted(dp.LogitEffects("y", X), adoptions)


@pytest.fixture(scope="module")
def conditional(adoptions: dp.Panel) -> dp.LogitResults:
    return fitted(dp.LogitEffects("y", X, time_effects=False), adoptions)


def test_results_have_what_all_results_have(fit: Any, conditional: Any) -> None:
    for results in (fit, conditional, fit.average_effects()):
        assert isinstance(results, dp.Results)
        again = pickle.loads(pickle.dumps(results))
        pd.testing.assert_frame_equal(again.tidy(), results.tidy())
        stored = json.loads(json.dumps(results.to_dict()))
        assert Summary.from_dict(stored).to_text() == results.summary()
        assert results.wald_test("x = d").p_value <= 1
        assert results.combination("x + d").estimate == pytest.approx(
            results.params.sum()
        )


def test_summaries_say_what_the_numbers_are(fit: Any, conditional: Any) -> None:
    text = " ".join(str(fit.summary()).split())
    assert "Logit with effects, outcome: y" in text
    assert "changes of the log odds, not of the probability" in text
    assert "rows (" in text
    assert "predict their outcome perfectly" in text
    assert "bias correction of Fernandez-Val and Weidner" in text
    text = " ".join(str(conditional.summary()).split())
    assert "Conditional logit" in text
    assert "exp(b) is an odds ratio" in text
    effects = " ".join(str(fit.average_effects().summary()).split())
    assert "From 0 to 1: d." in effects
    assert "count as zero" in effects
    assert "t with 24 degrees of freedom" in effects
    sample = " ".join(str(fit.average_effects(errors="sample").summary()).split())
    assert "taken as fixed" in sample


def test_uncorrected_unadjusted_probit(adoptions: dp.Panel) -> None:
    spec = dp.LogitEffects(
        "y", X, link="probit", bias_correction=None, cov_type="unadjusted"
    )
    text = " ".join(str(fitted(spec, adoptions).summary()).split())
    assert "no bias correction" in text
    assert "probit index" in text
    assert "expected information" in text


def test_a_conditional_logit_has_no_average_effects(conditional: Any) -> None:
    assert conditional.is_conditional
    with pytest.raises(dp.IdentificationError, match="no partial effects"):
        conditional.average_effects()


def test_errors_of_average_effects(fit: Any) -> None:
    with pytest.raises(dp.OptionError, match="errors='both'"):
        fit.average_effects(errors="both")
    both = [fit.average_effects(errors=word) for word in ("population", "sample")]
    assert both[0].params.equals(both[1].params)
    assert not both[0].std_errors.equals(both[1].std_errors)


def test_a_table_of_coefficients_and_average_effects(fit: Any) -> None:
    table = dp.etable(
        {"Logit": fit, "Average effects": fit.average_effects()},
        stats=["nobs", "pseudo_rsquared", "loglik", "n_predicted"],
    )
    text = str(table)
    assert "Adoption" in text
    for part in ("Pseudo", "Log likelihood", "Perfectly predicted rows", "log odds"):
        assert part in text
    assert "average partial effects" in text
    assert f"{fit.params['x']:.3f}" in text
    assert f"{fit.average_effects().params['x']:.3f}" in text


def test_a_table_in_chinese(fit: Any) -> None:
    table = dp.etable(
        {"模型": fit, "平均偏效应": fit.average_effects()},
        stats=["nobs", "pseudo_rsquared", "n_predicted"],
        style=dp.TableStyle(language="zh"),
        labels={"y": "采用", "city": "城市", "year": "年份", "x": "变量", "d": "政策"},
    )
    text = str(table)
    assert "完全预测样本数" in text
    assert "概率的变化" in text
    assert has_cjk(text)
    for word in ("Perfectly", "probability", "log odds"):
        assert word not in text


def test_glance_has_the_numbers_of_the_fit(fit: Any) -> None:
    glance = fit.glance()
    assert glance["nobs"] + glance["n_predicted"] == 200
    assert 0 < glance["pseudo_rsquared"] < 1
    assert glance["loglik"] < 0
    assert glance["effects"] == "city+year"
    assert fit.average_effects().glance()["nobs"] == 200
    assert fit.average_effects().glance()["n_entities"] == 25
    assert glance["n_entities"] <= 25


def test_tables_say_whether_the_bias_is_corrected(
    fit: Any, conditional: Any, adoptions: dp.Panel
) -> None:
    plain = fitted(dp.LogitEffects("y", X, bias_correction=None), adoptions)
    said = {"corrected": "Bias correction of", "uncorrected": "No bias correction"}
    for results in (fit, plain, plain.average_effects()):
        assert said[results.correction] in str(dp.etable(results))
    assert "ias correction" not in str(dp.etable(conditional))
    chinese = dp.TableStyle(language="zh")
    assert "校正偏差" in str(dp.etable(fit, style=chinese))
    assert "未校正偏差" in str(dp.etable(plain, style=chinese))
