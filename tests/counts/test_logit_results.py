"""Results of logit and probit: tables, words and stored results."""

from __future__ import annotations

import json
import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.report.characters import has_cjk
from digiprosper.report.summary import Summary

X = ["x", "d"]


@pytest.fixture(scope="module")
def panel() -> dp.Panel:
    rng = np.random.default_rng(1)
    n = 25 * 8
    out = pd.DataFrame({"city": np.repeat(np.arange(25), 8)})
    out["year"] = np.tile(np.arange(2010, 2018), 25)
    out[X] = np.column_stack([rng.normal(size=n), rng.random(n) > 0.5]).astype(float)
    effect = np.repeat(rng.normal(size=25), 8)
    out["y"] = (0.8 * out["x"] + out["d"] + effect + rng.logistic(size=n) > 1) * 1
    return dp.Panel(out, "city", "year", labels={"y": "Adoption"})


def fitted(spec: dp.LogitEffects, panel: dp.Panel) -> dp.LogitResults:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec.fit(panel)


@pytest.fixture(scope="module")
def fit(panel: dp.Panel) -> dp.LogitResults:
    return fitted(dp.LogitEffects("y", X), panel)


@pytest.fixture(scope="module")
def conditional(panel: dp.Panel) -> dp.LogitResults:
    return fitted(dp.LogitEffects("y", X, time_effects=False), panel)


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


def test_uncorrected_unadjusted_probit(panel: dp.Panel) -> None:
    spec = dp.LogitEffects(
        "y", X, link="probit", bias_correction=None, cov_type="unadjusted"
    )
    text = " ".join(str(fitted(spec, panel).summary()).split())
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
    fit: Any, conditional: Any, panel: dp.Panel
) -> None:
    plain = fitted(dp.LogitEffects("y", X, bias_correction=None), panel)
    said = {"corrected": "bias correction of", "uncorrected": "no bias correction"}
    for results in (fit, plain, plain.average_effects()):
        assert said[results.correction] in str(dp.etable(results))
    assert "bias correction" not in str(dp.etable(conditional))
    chinese = dp.TableStyle(language="zh")
    assert "校正偏差" in str(dp.etable(fit, style=chinese))
    assert "未校正偏差" in str(dp.etable(plain, style=chinese))
