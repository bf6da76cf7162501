"""Estimates with their covariance, against formulas written out and scipy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

from digiprosper.errors import OptionError
from digiprosper.report.estimates import DrawnEstimates, Estimates, n_lost
from digiprosper.report.inference import Inference

NAMES = ("a", "b", "c")


def estimates(seed: int = 0, df_t: float = 30.0, units: float = 1.0) -> Estimates:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(12, 3)) * [1.0, units, 1.0]
    inference = Inference(cov_type="robust", df_t=df_t)
    return Estimates.of(
        NAMES, rng.normal(size=3) * [1.0, units, 1.0], scores.T @ scores, inference
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([1.0, 1e-6, 1e8]))
def test_sums_are_those_of_the_covariance(seed: int, units: float) -> None:
    estimated = estimates(seed, units=units)
    weights = np.random.default_rng(seed + 1).normal(size=(2, 3)) / [1.0, units, 1.0]
    want = weights @ estimated.covariance @ weights.T
    np.testing.assert_allclose(estimated.covariance_of(weights), want, rtol=1e-10)
    gap = weights @ estimated.coefficients
    form, _ = estimated.wald(weights, gap)
    assert form == pytest.approx(gap @ np.linalg.solve(want, gap), rel=1e-6)


def test_tests_and_limits_are_those_of_t() -> None:
    estimated = estimates(df_t=9.0)
    errors, statistics, p_values = estimated.tests()
    np.testing.assert_allclose(errors, np.sqrt(np.diag(estimated.covariance)))
    np.testing.assert_allclose(
        p_values, 2 * stats.t.sf(np.abs(statistics), 9.0), rtol=1e-9
    )
    low, high = estimated.limits(0.9)
    want = stats.t.interval(0.9, 9.0, estimated.coefficients, errors)
    np.testing.assert_allclose([low, high], want, rtol=1e-9)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_is_between_zero_and_one(level: float) -> None:
    with pytest.raises(OptionError, match="between 0 and 1"):
        estimates().limits(level)


def test_a_joint_test_is_f_or_with_the_normal_distribution_chi_squared() -> None:
    weights, gap = np.eye(2, 3), np.ones(2)
    test = estimates(df_t=9.0).joint_test(
        8.0, weights, gap, name="Test", null="a = b = 0"
    )
    assert (test.name, test.null) == ("Test", "a = b = 0")
    assert (test.statistic, test.distribution, test.df) == (4.0, "F", (2.0, 9.0))
    assert test.p_value == pytest.approx(stats.f.sf(4.0, 2, 9))
    test = estimates(df_t=np.inf).joint_test(8.0, weights, gap, name="Test", null="")
    assert (test.statistic, test.distribution, test.df) == (8.0, "chi2", 2.0)
    assert test.p_value == pytest.approx(stats.chi2.sf(8.0, 2))


def test_a_missing_variance_concerns_no_other_coefficient() -> None:
    whole = estimates()
    cov = whole.covariance
    cov[1] = cov[:, 1] = np.nan
    part = Estimates.of(NAMES, whole.coefficients, cov, whole.inference)
    np.testing.assert_array_equal(np.isnan(part.std_errors()), [False, True, False])
    others = np.array([[1.0, 0.0, 2.0]])
    np.testing.assert_allclose(part.covariance_of(others), whole.covariance_of(others))
    assert np.isnan(part.covariance_of(np.array([[1.0, 1.0, 0.0]]))).all()


def test_a_negative_variance_has_no_error() -> None:
    estimated = Estimates.of(
        ("a", "b"), np.ones(2), np.diag([-1.0, 4.0]), Inference(cov_type="clustered")
    )
    np.testing.assert_array_equal(estimated.std_errors(), [np.nan, 2.0])
    np.testing.assert_allclose(estimated.covariance, np.diag([-1.0, 4.0]))


def test_a_combination_is_one_estimate() -> None:
    estimated = estimates(df_t=9.0)
    weights = np.array([1.0, -2.0, 0.0])
    total = estimated.combined("a - 2*b + 3", weights, 3.0)
    assert total.names == ("a - 2*b + 3",)
    assert total.coefficients == pytest.approx(weights @ estimated.coefficients + 3.0)
    assert total.std_errors() == pytest.approx(
        np.sqrt(weights @ estimated.covariance @ weights)
    )
    assert total.inference.df_t == 9.0


def drawn(n_drawn: int | None = 20) -> DrawnEstimates:
    estimated = estimates()
    inference = replace(estimated.inference, drawn="entity", n_drawn=n_drawn)
    draws = np.random.default_rng(1).normal(size=(199, 3)) + estimated.coefficients
    draws[:9] = np.nan
    return DrawnEstimates.of(
        NAMES,
        estimated.coefficients,
        estimated.covariance,
        inference,
        draw_values=draws,
    )


def test_draws_give_percentile_limits_and_the_p_value_of_them() -> None:
    estimated = drawn()
    assert n_lost(estimated.draw_values) == 9
    low, high = estimated.limits(0.9)
    want = np.quantile(
        estimated.draw_values[9:], [0.05, 0.95], axis=0, method="weibull"
    )
    np.testing.assert_allclose([low, high], want)
    errors, _, p_values = estimated.tests()
    np.testing.assert_allclose(errors, estimates().std_errors())
    below = (estimated.draw_values[9:] <= 0).sum(axis=0)
    tail = np.minimum(below, 190 - below)
    np.testing.assert_allclose(p_values, np.minimum(1.0, 2 * (1 + tail) / 191))


def test_a_combination_of_draws_has_its_own_draws() -> None:
    estimated = drawn()
    weights = np.array([1.0, 0.0, -1.0])
    total = estimated.combined("a - c", weights, 0.5)
    np.testing.assert_allclose(
        total.draw_values[9:, 0], estimated.draw_values[9:] @ weights + 0.5
    )
    assert np.isnan(total.draw_values[:9]).all()


def test_too_few_clusters_give_no_limits() -> None:
    assert np.isnan(drawn(n_drawn=4).limits(0.95)).all()
    assert np.isnan(drawn(n_drawn=4).tests()[2]).all()
