"""Linear combinations, against the covariance, the Wald test and statsmodels."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, LinearCombination, LinearResults, Panel
from digiprosper.errors import DigiprosperError, InputTypeError, OptionError, TermError
from digiprosper.report.protocol import empty_glance
from digiprosper.report.summary import Summary


def frame_of(seed: int = 0, near: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(50), 6), "t": np.tile(np.arange(6), 50)}
    )
    frame[["x1", "x2", "x3"]] = rng.normal(size=(300, 3))
    frame["x2"] = frame["x1"] + near * frame["x2"]
    frame["y"] = (
        0.5 * frame["x1"] + 0.2 * frame["x2"] + frame["i"] + rng.normal(size=300)
    )
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
    actual = fit.combination(text)
    weights = np.array(weights, dtype=float)
    assert actual.estimate == pytest.approx(
        float(weights @ fit.params + constant), rel=1e-12
    )
    assert actual.std_error == pytest.approx(
        float(np.sqrt(weights @ fit.cov @ weights)), rel=1e-9
    )
    test = fit.wald_test(f"{text} = 0")
    assert actual.statistic**2 == pytest.approx(test.statistic, rel=1e-9)
    assert actual.p_value == pytest.approx(test.p_value, rel=1e-9)
    assert actual.df == fit.df_t == 49


def test_a_single_coefficient_is_the_row_of_tidy(fit) -> None:
    actual = fit.combination("x2")
    want = fit.tidy(0.9).iloc[[1]].reset_index(drop=True)
    pd.testing.assert_frame_equal(actual.tidy(0.9), want, rtol=1e-12)
    low, high = actual.interval(0.9)
    assert (low, high) == pytest.approx(
        tuple(want[["conf_low", "conf_high"]].iloc[0]), rel=1e-12
    )


def test_statsmodels_t_test() -> None:
    from statsmodels.regression.linear_model import OLS

    frame = frame_of(2)
    spec = FixedEffects(
        "y",
        ["x1", "x2"],
        entity_effects=False,
        time_effects=False,
        cov_type="unadjusted",
    )
    results = spec.fit(Panel(frame, "i", "t")).combination("x1 + 2*x2 - Intercept/4")
    design = np.column_stack([frame[["x1", "x2"]], np.ones(300)])
    peer = OLS(frame["y"], design).fit().t_test([1, 2, -0.25])
    assert results.estimate == pytest.approx(float(peer.effect[0]), rel=1e-10)
    assert results.std_error == pytest.approx(float(peer.sd[0, 0]), rel=1e-9)
    assert results.p_value == pytest.approx(float(peer.pvalue), rel=1e-7)


@pytest.mark.parametrize("cov_type", ["clustered", "hc3", "crv3"])
def test_nearly_collinear_terms_keep_their_digits(cov_type) -> None:
    panel = Panel(
        frame_of(3, near=1e-8).assign(x4=lambda f: (f["x2"] - f["x1"]) * 1e8), "i", "t"
    )
    with pytest.warns(dp.NearCollinearWarning):
        near = FixedEffects("y", ["x1", "x2"], cov_type=cov_type).fit(panel)
    want = FixedEffects("y", ["x1", "x4"], cov_type=cov_type).fit(panel)
    actual = near.combination("x1 + x2")
    assert actual.estimate == pytest.approx(want.params["x1"], rel=1e-6)
    assert actual.std_error == pytest.approx(want.std_errors["x1"], rel=1e-6)


def test_it_is_a_result_like_any_other(fit) -> None:
    actual = fit.combination("x1 + 2*x2")
    assert isinstance(actual, dp.Results)
    for again in (pickle.loads(pickle.dumps(actual)), copy.deepcopy(actual)):
        assert isinstance(again, LinearCombination)
        assert again.summary() == actual.summary()
    stored = Summary.from_dict(json.loads(json.dumps(actual.to_dict())))
    assert stored.to_text() == actual.summary()
    assert "x1 + 2*x2" in actual.summary()
    assert "clustered by i (50 clusters" in actual.summary()
    assert "x1 + 2*x2" in str(dp.etable([fit, actual]))
    assert actual.glance()["nobs"] == actual.nobs == 300
    assert actual.cov.iloc[0, 0] == pytest.approx(actual.std_error**2)


def test_a_missing_variance_is_missing() -> None:
    frame = frame_of().assign(policy=lambda f: ((f["i"] == 3) & (f["t"] > 2)) * 1.0)
    with pytest.warns(dp.DigiprosperWarning):
        fit = FixedEffects("y", ["x1", "policy"], cov_type="crv3").fit(
            Panel(frame, "i", "t")
        )
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


# --- every result with estimates ------------------------------------------------------

# What `fit` or a function of `studies` returns with estimates of its own.
WITH_ESTIMATES = (
    "LinearResults",
    "LinearResults without rows",
    "IVResults",
    "EventStudyResults",
    "PoissonEventStudyResults",
    "StaggeredDidResults",
    "SpatialResults",
    "EffectResults",
    "EffectResults of cluster_bootstrap",
    "MediationResults",
    "MediationResults by a moderator",
    "MediationIVResults",
    "MeanGroupResults",
    "PropagatedResults",
    "ConvergenceResults",
    "ControlSet",
    "LinearCombination",
    "MatchedEffect",
    "ThresholdResults",
    "KinkResults",
)
COLUMNS = [
    "term",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "conf_low",
    "conf_high",
]


@pytest.fixture(params=WITH_ESTIMATES)
def result(request: pytest.FixtureRequest, every_result: dict[str, Any]) -> Any:
    return every_result[request.param]


def first_name(result: Any) -> str:
    """Take the first term that has a standard error."""
    return str(result.std_errors.dropna().index[0])


def test_it_has_the_base_and_satisfies_the_protocol(result: Any) -> None:
    assert isinstance(result, dp.BaseResults)
    assert isinstance(result, dp.Results)


def test_its_numbers_have_the_names_of_the_terms(result: Any) -> None:
    assert result.params.index.name == "term"
    assert result.params.name == "estimate"
    assert list(result.params.index) == list(result.names)
    for values in (
        result.std_errors,
        result.tstats,
        result.pvalues,
        result.conf_int(),
        result.cov,
    ):
        assert values.index.equals(result.params.index)
    assert result.cov.columns.equals(result.params.index)


def test_its_covariance_is_symmetric_and_gives_its_errors(result: Any) -> None:
    cov = result.cov.to_numpy()
    np.testing.assert_allclose(cov, cov.T, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(np.sqrt(np.diag(cov)), result.std_errors, rtol=1e-10)
    np.testing.assert_array_equal(result.covariance, cov)


def test_its_statistics_are_estimates_over_errors(result: Any) -> None:
    np.testing.assert_allclose(
        result.tstats, result.params / result.std_errors, rtol=1e-12
    )
    assert result.pvalues.dropna().between(0, 1).all()


def test_tidy_has_the_same_numbers(result: Any) -> None:
    frame = result.tidy()
    assert list(frame.columns) == COLUMNS
    values = (result.params, result.std_errors, result.tstats, result.pvalues)
    for column, series in zip(COLUMNS[1:5], values, strict=True):
        np.testing.assert_array_equal(frame[column], series)
    np.testing.assert_array_equal(frame[COLUMNS[5:]], result.conf_int())


def test_a_higher_level_gives_a_wider_interval(result: Any) -> None:
    narrow, wide = (
        np.diff(result.conf_int(level=level)).ravel() for level in (0.9, 0.99)
    )
    assert (wide >= narrow)[np.isfinite(narrow)].all()
    assert np.isfinite(narrow).any()


@pytest.mark.parametrize("level", [0, 1, 95, "a"])
def test_a_level_outside_the_unit_interval_is_refused(
    result: Any, level: object
) -> None:
    for method in (result.tidy, result.conf_int):
        with pytest.raises(DigiprosperError):
            method(level)


def test_glance_has_all_keys_and_the_rows(result: Any) -> None:
    glance = result.glance()
    assert set(empty_glance("", 0)) <= set(glance)
    assert result.nobs == glance["nobs"] > 0
    glance["nobs"] = -1
    assert result.glance()["nobs"] == result.nobs


def test_a_combination_of_one_coefficient_is_its_row(result: Any) -> None:
    name = first_name(result)
    alone = result.combination(name)
    row = result.tidy().set_index("term").loc[name].to_numpy(dtype=float)
    np.testing.assert_allclose(
        alone.tidy().iloc[0, 1:].to_numpy(dtype=float), row, rtol=1e-9
    )
    doubled = result.combination(f"2*{name} - 1")
    assert doubled.estimate == pytest.approx(2 * row[0] - 1)
    assert doubled.std_error == pytest.approx(2 * row[1])
    assert isinstance(doubled, dp.Results)


def test_a_wald_test_of_one_coefficient_is_its_square(result: Any) -> None:
    name = first_name(result)
    test = result.wald_test(f"{name} = 0")
    assert test.statistic == pytest.approx(result.tstats[name] ** 2, rel=1e-8)
    assert test.distribution in ("F", "chi2")


def test_an_unknown_name_is_refused_with_the_names_there_are(result: Any) -> None:
    for method in (result.combination, result.wald_test):
        with pytest.raises(TermError, match="nothing_of_this_name"):
            method("nothing_of_this_name")


def test_its_column_of_a_table_has_every_estimate(result: Any) -> None:
    column = result.table_columns()[0]
    assert {n: e.estimate for n, e in column.estimates.items()} == pytest.approx(
        result.params.to_dict(), nan_ok=True
    )
    assert column.inference is not None
    assert len(dp.etable([result]).frame.columns) == 1


def test_its_dict_is_json_and_gives_the_same_numbers(result: Any) -> None:
    stored = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    again = Summary.from_dict(stored)
    np.testing.assert_allclose(again.params, result.params, rtol=1e-12)
    assert again.to_text() == result.summary()


def test_it_is_pickled_with_all_numbers(result: Any) -> None:
    again = pickle.loads(pickle.dumps(result))
    pd.testing.assert_frame_equal(again.tidy(), result.tidy())
    assert again.summary() == result.summary()


def test_what_it_returns_cannot_change_it(result: Any) -> None:
    before = result.params.to_numpy().copy()
    for values in (result.params, result.tidy().set_index("term"), result.cov):
        values.iloc[:] = 0.0
    np.testing.assert_array_equal(result.params, before)


def test_names_of_one_result_cannot_change_those_of_others(result: Any) -> None:
    with pytest.raises(ValueError, match="read-only"):
        result.params.index.array[0] = "another name"
    result.params.index.name = "another name"
    assert result.params.index.name == "term"


def test_maketables_reads_it(result: Any) -> None:
    frame = result.__maketables_coef_table__
    assert list(frame.columns) == ["b", "se", "t", "p", "ci95l", "ci95u"]
    np.testing.assert_array_equal(frame["b"], result.params)
    assert result.__maketables_stat__("N") == result.nobs
