"""Maximum likelihood with absorbed effects, beside generalised models with dummies."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings, strategies as st

from digiprosper.errors import IdentificationError
from digiprosper.kernels.covariance import (
    count_groups,
    counts,
    intersections,
    ranks,
    vcov,
)
from digiprosper.kernels.reweighted import (
    LOGIT,
    POISSON,
    PROBIT,
    as_regression,
    reweighted_least_squares,
    root_and_middle,
)
from digiprosper.kernels.slopes import Slope
from digiprosper.kernels.within import compress

FAMILIES = {
    "poisson": (POISSON, sm.families.Poisson()),
    "logit": (LOGIT, sm.families.Binomial()),
    "probit": (PROBIT, sm.families.Binomial(sm.families.links.Probit())),
}


def draws(name: str, seed: int, n: int = 160, levels: int = 6):
    """Draw an outcome, regressors and codes of two effects, in unbalanced cells."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    first, _ = compress(rng.integers(0, levels, n).astype(np.intp))
    second, _ = compress(rng.integers(0, 4, n).astype(np.intp))
    index = 0.4 * x @ [1, -1] + rng.normal(size=levels)[first] / 3 + second / 8
    if name == "poisson":
        return rng.poisson(np.exp(index)).astype(float), x, first, second
    return (rng.normal(size=n) < index).astype(float), x, first, second


def dummies(*codes: np.ndarray) -> np.ndarray:
    columns = [codes[0][:, None] == np.arange(codes[0].max() + 1)]
    columns += [c[:, None] == np.arange(1, c.max() + 1) for c in codes[1:]]
    return np.hstack(columns).astype(float)


def glm(name: str, y: np.ndarray, design: np.ndarray, **options: np.ndarray):
    model = sm.GLM(y, design, family=FAMILIES[name][1], **options)
    return model.fit(tol=1e-14, maxiter=300, tol_criterion="params")


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), weighted=st.booleans())
def test_estimates_equal_those_with_dummies(
    name: str, seed: int, weighted: bool
) -> None:
    y, x, first, second = draws(name, seed)
    rng = np.random.default_rng(seed + 1)
    offset = rng.normal(size=y.size) / 4
    q = rng.uniform(0.5, 2, y.size) if weighted else np.ones(y.size)
    fit = reweighted_least_squares(
        y, x, [first, second], FAMILIES[name][0], obs_weights=q, offset=offset
    )
    brute = glm(
        name,
        y,
        np.hstack([x, dummies(first, second)]),
        offset=offset,
        freq_weights=q,
    )
    np.testing.assert_allclose(fit.coefficients, brute.params[:2], atol=1e-9)
    np.testing.assert_allclose(fit.mean, brute.fittedvalues, rtol=1e-7)
    assert fit.deviance == pytest.approx(brute.deviance, rel=1e-10)
    assert fit.regression is not None
    if name != "probit":  # whose program takes the observed information
        np.testing.assert_allclose(
            fit.regression.bread, brute.cov_params()[:2, :2], rtol=1e-6, atol=1e-12
        )
    # The derivative of the likelihood is zero: 1e-10 times the information.
    scores = fit.weights * fit.working_residuals
    assert abs(x.T @ scores).max() < 1e-8
    assert abs(np.bincount(first, scores)).max() < 1e-8
    assert abs(np.bincount(second, scores)).max() < 1e-8


@pytest.mark.parametrize("name", FAMILIES)
def test_without_effects_there_is_an_intercept(name: str) -> None:
    y, x, *_ = draws(name, 3)
    fit = reweighted_least_squares(y, x, [], FAMILIES[name][0])
    brute = glm(name, y, sm.add_constant(x))
    np.testing.assert_allclose(fit.coefficients, brute.params[1:], atol=1e-10)


def test_slopes_by_level_are_absorbed() -> None:
    y, x, first, second = draws("poisson", 5)
    effects = [first, Slope(first, x[:, 1]), second]
    fit = reweighted_least_squares(y, x[:, :1], effects, POISSON)
    by_level = dummies(first) * x[:, 1:]
    brute = glm("poisson", y, np.hstack([x[:, :1], dummies(first, second), by_level]))
    np.testing.assert_allclose(fit.coefficients, brute.params[:1], atol=1e-9)


def test_without_regressors_the_effects_are_estimated() -> None:
    y, x, first, _ = draws("poisson", 7)
    fit = reweighted_least_squares(y, x[:, :0], [first], POISSON)
    means = np.bincount(first, y) / np.bincount(first)
    np.testing.assert_allclose(fit.mean, means[first], rtol=1e-12)
    assert fit.coefficients.size == 0


def test_weights_are_repeated_rows() -> None:
    y, x, first, second = draws("poisson", 11)
    times = np.random.default_rng(0).integers(1, 4, y.size)
    weighted = reweighted_least_squares(
        y, x, [first, second], POISSON, obs_weights=times.astype(float)
    )
    rows = np.repeat(np.arange(y.size), times)
    repeated = reweighted_least_squares(
        y[rows], x[rows], [first[rows], second[rows]], POISSON
    )
    np.testing.assert_allclose(weighted.coefficients, repeated.coefficients, atol=1e-13)
    assert weighted.deviance == pytest.approx(repeated.deviance)


def test_the_start_changes_nothing() -> None:
    y, x, first, second = draws("poisson", 13)
    fits = [
        reweighted_least_squares(y, x, [first, second], POISSON, start=start)
        for start in (None, np.zeros(y.size), np.full(y.size, 8.0))
    ]
    for fit in fits[1:]:
        np.testing.assert_allclose(fit.coefficients, fits[0].coefficients, atol=1e-12)


def test_a_perfect_fit_ends() -> None:
    _, x, first, second = draws("poisson", 17)
    y = np.exp(x @ [0.5, -0.25] + first / 5 - second / 7)
    fit = reweighted_least_squares(y, x, [first, second], POISSON)
    np.testing.assert_allclose(fit.coefficients, [0.5, -0.25], atol=1e-13)
    assert fit.steps < 12


@pytest.mark.parametrize("scale", [1e-9, 1e9, 1e15])
def test_units_of_the_outcome_change_nothing(scale: float) -> None:
    y, x, first, second = draws("poisson", 19)
    fits = [
        reweighted_least_squares(y * s, x, [first, second], POISSON)
        for s in (1.0, scale)
    ]
    np.testing.assert_allclose(fits[1].coefficients, fits[0].coefficients, atol=1e-12)
    assert fits[1].deviance == pytest.approx(fits[0].deviance * scale, rel=1e-6)


def test_huge_counts_end() -> None:
    rng = np.random.default_rng(23)
    x, codes = rng.normal(size=(200, 1)), np.repeat(np.arange(20), 10)
    y = rng.poisson(np.exp(0.1 * x[:, 0] + 25)).astype(float)
    fit = reweighted_least_squares(y, x, [codes], POISSON)
    assert fit.coefficients[0] == pytest.approx(0.1, abs=1e-5)
    assert fit.steps < 12


def test_steps_that_are_too_long_are_halved() -> None:
    # Ordinary steps from this start end in an overflow.
    x = np.array([[0.0], [0.0], [1.0], [400.0]])
    y = np.array([1.0, 3.0, 2.0, 5.0])
    fit = reweighted_least_squares(y, x, [], POISSON, start=np.array([0, 0, 0, -9.0]))
    brute = glm("poisson", y, sm.add_constant(x))
    np.testing.assert_allclose(fit.coefficients, brute.params[1:], atol=1e-12)


def test_what_has_no_maximum_is_refused() -> None:
    x = np.arange(10.0)[:, None]
    with pytest.raises(IdentificationError, match="200 steps") as error:
        reweighted_least_squares((x[:, 0] > 4).astype(float), x, [], LOGIT)
    assert error.value.problems[0].code == "not_converged"


def test_a_step_of_any_length_is_halved() -> None:
    # The first step from the constant is of order 1e26 in the fuzzed panel behind this.
    rng = np.random.default_rng(0)
    y = np.exp(rng.normal(size=60))
    y[0] = 1e9
    x = np.column_stack([rng.normal(size=60), np.arange(60) == 0]) + 0.0
    fit = reweighted_least_squares(y, x, [np.repeat(np.arange(6), 10)], POISSON)
    assert np.isfinite(fit.coefficients).all()
    assert fit.mean[0] == pytest.approx(1e9)


@pytest.mark.parametrize("cov_type", ["unadjusted", "robust", "clustered"])
def test_covariance_is_the_sandwich(cov_type: str) -> None:
    rng = np.random.default_rng(1)
    codes = np.repeat(np.arange(10), 6)
    x = rng.normal(size=(60, 2))
    y = rng.poisson(np.exp(0.3 * x[:, 0] + 0.2)).astype(float)
    fit = reweighted_least_squares(y, x, [codes], POISSON)
    clusters = (codes,) if cov_type == "clustered" else ()
    groups = [count_groups(cluster) for cluster in clusters]
    count = counts(60, 2, ranks(fit.projection, clusters, 0), groups, periods=6)
    time = np.tile(np.arange(6), 10)
    estimator = vcov(cov_type, "none", count, intersections(clusters), time)
    root, middle = root_and_middle(as_regression(fit, count, estimator))
    bread = np.linalg.inv((fit.x.T * fit.mean) @ fit.x)
    scores = fit.x * (y - fit.mean)[:, None]
    if cov_type == "clustered":
        scores = np.array([scores[codes == g].sum(axis=0) for g in range(10)])
    factor = estimator.parts[0].factor
    expected = bread * factor
    if cov_type != "unadjusted":
        expected = bread @ scores.T @ scores @ bread * factor
    np.testing.assert_allclose(root @ middle @ root.T, expected, rtol=1e-10)
