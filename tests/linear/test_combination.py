"""Linear combinations of coefficients, against the covariance, the Wald test and statsmodels."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, LinearCombination, LinearResults, Panel
from digiprosper.errors import DigiprosperError, InputTypeError, OptionError, TermError
from digiprosper.report.summary import Summary


def frame_of(seed: int = 0, near: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"i": np.repeat(np.arange(50), 6), "t": np.tile(np.arange(6), 50)})
    frame[["x1", "x2", "x3"]] = rng.normal(size=(300, 3))
    frame["x2"] = frame["x1"] + near * frame["x2"]
    frame["y"] = 0.5 * frame["x1"] + 0.2 * frame["x2"] + frame["i"] + rng.normal(size=300)
    return frame


@pytest.fixture(scope="module")
def fit() -> LinearResults:
    return FixedEffects("y", ["x1", "x2", "x3"]).fit(Panel(frame_of(), "i", "t"))


@pytest.mark.parametrize(
    ("text", "weights", "constant"),
    [
        ("x1", [1, 0, 0], 0),
        ("x1 + 2*x2", [1, 2, 0], 0),
        ("x1 - 1", [1, 0, 0], -1),
        ("(x1 + x2) / 2 - x3 + 0.5", [0.5, 0.5, -1], 0.5),
        ("-x2", [0, -1, 0], 0),
    ],
)
def test_a_combination_is_the_weighted_sum(fit, text, weights, constant) -> None:
    found = fit.combination(text)
    weights = np.array(weights, dtype=float)
    assert found.estimate == pytest.approx(float(weights @ fit.params + constant), rel=1e-12)
    assert found.std_error == pytest.approx(float(np.sqrt(weights @ fit.cov @ weights)), rel=1e-9)
    test = fit.wald_test(f"{text} = 0")
    assert found.statistic**2 == pytest.approx(test.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(test.p_value, rel=1e-9)
    assert found.df == fit.df_t == 49


def test_a_single_coefficient_is_the_row_of_tidy(fit) -> None:
    found = fit.combination("x2")
    want = fit.tidy(0.9).iloc[[1]].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.tidy(0.9), want, rtol=1e-12)
    low, high = found.interval(0.9)
    assert (low, high) == pytest.approx(tuple(want[["conf_low", "conf_high"]].iloc[0]), rel=1e-12)


def test_statsmodels_t_test() -> None:
    from statsmodels.regression.linear_model import OLS

    frame = frame_of(2)
    spec = FixedEffects("y", ["x1", "x2"], entity_effects=False, time_effects=False, cov_type="unadjusted")
    found = spec.fit(Panel(frame, "i", "t")).combination("x1 + 2*x2 - Intercept/4")
    design = np.column_stack([frame[["x1", "x2"]], np.ones(300)])
    peer = OLS(frame["y"], design).fit().t_test([1, 2, -0.25])
    assert found.estimate == pytest.approx(float(peer.effect[0]), rel=1e-10)
    assert found.std_error == pytest.approx(float(peer.sd[0, 0]), rel=1e-9)
    assert found.p_value == pytest.approx(float(peer.pvalue), rel=1e-7)


@pytest.mark.parametrize("cov_type", ["clustered", "hc3", "crv3"])
def test_nearly_collinear_terms_keep_their_digits(cov_type) -> None:
    panel = Panel(frame_of(3, near=1e-8).assign(x4=lambda f: (f["x2"] - f["x1"]) * 1e8), "i", "t")
    with pytest.warns(dp.NearCollinearWarning):
        near = FixedEffects("y", ["x1", "x2"], cov_type=cov_type).fit(panel)
    want = FixedEffects("y", ["x1", "x4"], cov_type=cov_type).fit(panel)
    found = near.combination("x1 + x2")
    assert found.estimate == pytest.approx(want.params["x1"], rel=1e-6)
    assert found.std_error == pytest.approx(want.std_errors["x1"], rel=1e-6)


def test_it_is_a_result_like_any_other(fit) -> None:
    found = fit.combination("x1 + 2*x2")
    assert isinstance(found, dp.Results)
    for again in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert isinstance(again, LinearCombination)
        assert again.summary() == found.summary()
    stored = Summary.from_dict(json.loads(json.dumps(found.to_dict())))
    assert stored.to_text() == found.summary()
    assert "x1 + 2*x2" in found.summary()
    assert "clustered by i (50 clusters" in found.summary()
    assert "x1 + 2*x2" in str(dp.etable([fit, found]))
    assert found.glance()["nobs"] == found.nobs == 300
    assert found.cov.iloc[0, 0] == pytest.approx(found.std_error**2)


def test_a_missing_variance_is_missing() -> None:
    frame = frame_of().assign(policy=lambda f: ((f["i"] == 3) & (f["t"] > 2)) * 1.0)
    with pytest.warns(dp.DigiprosperWarning):
        fit = FixedEffects("y", ["x1", "policy"], cov_type="crv3").fit(Panel(frame, "i", "t"))
    assert np.isnan(fit.combination("x1 + policy").p_value)
    assert np.isfinite(fit.combination("x1 + 0*policy").p_value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x1 = 1", TermError),
        ("x1, x2", TermError),
        ("x1 + x9", TermError),
        ("x1 * x2", TermError),
        ("x1 +", TermError),
        ("", TermError),
        ("3", TermError),
        ("x1 - x1", TermError),
        ("x1 / 0", TermError),
        ("x1 ** 2", TermError),
        ("1e999 * x1", TermError),
        ("exp(x1)", TermError),
        ("x1 == x2", TermError),
        (3, InputTypeError),
        (None, InputTypeError),
        (["x1", "x2"], InputTypeError),
    ],
)
def test_malformed_combinations(fit, text, error) -> None:
    with pytest.raises(error) as caught:
        fit.combination(text)
    assert isinstance(caught.value, DigiprosperError)
    assert caught.value.problems


@pytest.mark.parametrize("level", [0, 1, 95])
def test_malformed_levels(fit, level) -> None:
    with pytest.raises(OptionError):
        fit.combination("x1").interval(level)
