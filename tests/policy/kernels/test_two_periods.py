"""Differences of one cohort between two periods, against formulas written out and numerical derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.policy.kernels.two_periods import difference


def draw(seed: int, n: int = 80, k: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k)) * [1.0, 300.0][:k] + 5
    treated = rng.random(n) < 1 / (1 + np.exp(-(x[:, 0] - 5) / 2)) if k else rng.random(n) < 0.4
    change = rng.normal(size=n) + treated + (x.sum(axis=1) / 100 if k else 0)
    return change, treated, x


def by_hand(change: np.ndarray, treated: np.ndarray, x: np.ndarray, adjustment: str, w: np.ndarray) -> float:
    """Estimate with weights of the entities, by which influence functions are derivatives."""
    design = np.column_stack([np.ones(len(x)), x])
    root = np.sqrt(w[~treated])
    slopes = np.linalg.lstsq(design[~treated] * root[:, None], change[~treated] * root)[0]
    chance = np.zeros(len(x))
    if adjustment != "regression":
        b = np.zeros(design.shape[1])
        for _ in range(60):
            p = 1 / (1 + np.exp(-design @ b))
            hessian = (design * (w * p * (1 - p))[:, None]).T @ design
            b = b + np.linalg.solve(hessian, design.T @ (w * (treated - p)))
        chance = 1 / (1 + np.exp(-design @ b))
    residual = change if adjustment == "ipw" else change - design @ slopes
    one = np.average(residual, weights=w * treated)
    if adjustment == "regression":
        return float(one)
    return float(one - np.average(residual, weights=w * ~treated * chance / (1 - chance)))


@pytest.mark.many(4)
@pytest.mark.parametrize("k", [0, 1, 2])
@pytest.mark.parametrize("adjustment", ["doubly_robust", "ipw", "regression"])
@pytest.mark.parametrize("weighted", [False, True])
def test_estimates_and_influence(weighted: bool, adjustment: str, k: int) -> None:
    """The influence of an entity is the derivative by how often it is there."""
    change, treated, x = draw(k + 1, n=60, k=k)
    weights = np.random.default_rng(k).uniform(0.3, 4, size=60) if weighted else np.ones(60)
    found = difference(change, treated, x, weights, adjustment)
    assert found.estimate == pytest.approx(by_hand(change, treated, x, adjustment, weights), abs=1e-9)
    scaled = difference(change, treated, x, 7 * weights, adjustment)
    np.testing.assert_allclose(scaled.influence, found.influence, atol=1e-9)
    step = 1e-5
    for place in range(0, 60, 7):
        up, down = weights.copy(), weights.copy()
        up[place] *= 1 + step
        down[place] *= 1 - step
        slope = by_hand(change, treated, x, adjustment, up) - by_hand(change, treated, x, adjustment, down)
        assert found.influence[place] == pytest.approx(slope / (2 * step), abs=1e-6)
    assert found.influence.sum() == pytest.approx(0, abs=1e-10)


def test_without_controls_it_is_the_difference_of_means() -> None:
    change, treated, x = draw(4, k=0)
    found = difference(change, treated, x, np.ones(treated.size), "doubly_robust")
    assert found.estimate == pytest.approx(change[treated].mean() - change[~treated].mean(), abs=1e-12)
    error = change[treated].var() / treated.sum() + change[~treated].var() / (~treated).sum()
    assert (found.influence**2).sum() == pytest.approx(error, rel=1e-10)


@pytest.mark.further
def test_the_logit_is_that_of_statsmodels() -> None:
    from statsmodels.discrete.discrete_model import Logit

    change, treated, x = draw(5)
    design = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / x.std(axis=0)])
    chance = Logit(treated.astype(float), design).fit(disp=False, tol=1e-12).predict()
    weights = chance[~treated] / (1 - chance[~treated])
    expected = change[treated].mean() - np.average(change[~treated], weights=weights)
    assert difference(change, treated, x, np.ones(treated.size), "ipw").estimate == pytest.approx(
        expected, abs=1e-9
    )


def test_units_do_not_matter() -> None:
    change, treated, x = draw(6)
    one = difference(change, treated, x, np.ones(treated.size), "doubly_robust")
    other = difference(change, treated, 1e8 * x + 1e9, np.ones(treated.size), "doubly_robust")
    assert other.estimate == pytest.approx(one.estimate, abs=1e-6)


def test_controls_that_are_almost_certainly_treated_have_no_weight() -> None:
    change, treated, x = draw(8, k=1)
    control = int(np.flatnonzero(~treated)[0])
    x[treated], x[control] = x[treated] + 2.0, 16.0
    slopes, design = np.zeros(2), np.column_stack([np.ones(80), x])
    for _ in range(60):
        chance = 1 / (1 + np.exp(-design @ slopes))
        hessian = (design * (chance * (1 - chance))[:, None]).T @ design
        slopes = slopes + np.linalg.solve(hessian, design.T @ (treated - chance))
    assert np.flatnonzero(~treated & (chance > 0.995)).tolist() == [control]
    odds = np.where(treated | (chance > 0.995), 0.0, chance / (1 - chance))
    expected = change[treated].mean() - np.average(change, weights=odds)
    estimate = difference(change, treated, x, np.ones(treated.size), "ipw").estimate
    assert estimate == pytest.approx(expected, rel=1e-9)


def test_what_has_no_estimate() -> None:
    change, treated, x = draw(7)
    twice = np.column_stack([x, x[:, 0]])
    assert difference(change, treated, twice, np.ones(treated.size), "regression").problem == "collinear"
    nearly = np.column_stack([x[:, 0], x[:, 0] + 1e-11 * x[:, 1]])
    assert difference(change, treated, nearly, np.ones(treated.size), "regression").problem == "collinear"
    constant = np.ones((treated.size, 1))
    assert (
        difference(change, treated, constant, np.ones(treated.size), "doubly_robust").problem == "collinear"
    )
    apart = x + 1000 * treated[:, None]
    assert difference(change, treated, apart, np.ones(treated.size), "ipw").problem == "separated"
    assert np.isnan(difference(change, treated, apart, np.ones(treated.size), "ipw").estimate)
    assert difference(change, treated, apart, np.ones(treated.size), "regression").problem == ""
