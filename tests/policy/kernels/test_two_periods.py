"""Differences of two periods, also without clusters, against formulas and the rest."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from digiprosper.policy.kernels import two_periods
from digiprosper.policy.kernels.two_periods import (
    Comparisons,
    differences,
    mean_differences,
    without_each_cluster,
)


def difference(
    change: np.ndarray,
    treated: np.ndarray,
    x: np.ndarray,
    weights: np.ndarray,
    adjustment: str,
) -> SimpleNamespace:
    """Estimate a single effect on entities that are all compared."""
    data = Comparisons(
        change=change[None],
        used=np.ones((1, change.size), dtype=bool),
        treated=treated[None],
        weights=weights[None],
    )
    (estimate,), influence, (collinear,) = differences(data, x[None], adjustment)
    problem = "collinear_controls" if collinear else "no_overlap"
    return SimpleNamespace(
        estimate=estimate,
        influence=influence[:, 0],
        problem=problem if np.isnan(estimate) else "",
    )


def draw(
    seed: int = 1, n: int = 40, m: int = 3, k: int = 2
) -> tuple[Comparisons, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, n, k))
    treated = rng.random((m, n)) < 1 / (1 + np.exp(0.5 - x[:, :, 0]))
    change = rng.normal(size=(m, n)) + treated + x.sum(axis=2)
    used = rng.random((m, n)) < 0.9
    compared = Comparisons(
        change=change,
        used=used,
        treated=treated,
        weights=np.where(used, rng.uniform(0.5, 2, size=(m, n)), 0.0),
    )
    return compared, np.concatenate([np.ones((m, n, 1)), x], axis=2)


@pytest.mark.parametrize("adjustment", ["doubly_robust", "ipw", "regression"])
@pytest.mark.parametrize("pairs", [False, True])
def test_each_is_the_estimate_without_the_cluster(
    adjustment: str, pairs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, design = draw()
    clusters = np.arange(40) // 2 if pairs else np.arange(40)
    found = without_each_cluster(data, design, clusters, adjustment)
    assert found.shape == (clusters.max() + 1, 3)
    for cluster in range(0, len(found), 5):
        for effect in range(3):
            rows = data.used[effect] & (clusters != cluster)
            wanted = difference(
                data.change[effect, rows],
                data.treated[effect, rows],
                design[effect, rows, 1:],
                data.weights[effect, rows],
                adjustment,
            )
            assert found[cluster, effect] == pytest.approx(wanted.estimate, abs=1e-8)
    monkeypatch.setattr(two_periods, "MEMORY", 1)
    again = without_each_cluster(data, design, clusters, adjustment)
    np.testing.assert_allclose(again, found, rtol=1e-9)


def test_what_has_no_estimate_without_a_cluster_is_missing() -> None:
    data, design = draw(2, n=12, m=1, k=1)
    # Two controls, so that without one of them there is no regression.
    treated = np.ones((1, 12), dtype=bool)
    treated[0, :2] = False
    few = Comparisons(
        change=data.change,
        used=np.ones((1, 12), dtype=bool),
        treated=treated,
        weights=np.ones((1, 12)),
    )
    found = without_each_cluster(few, design, np.arange(12), "regression")
    assert np.isnan(found[:, 0]).tolist() == [True, True] + [False] * 10
    # Treatment that is predicted perfectly.
    apart = Comparisons(
        change=data.change,
        used=few.used,
        treated=design[:, :, 1] > 0,
        weights=np.ones((1, 12)),
    )
    assert np.isnan(without_each_cluster(apart, design, np.arange(12), "ipw")).all()


def test_differences_of_means_are_regressions_without_controls() -> None:
    data, _ = draw(3)
    estimates, influence, shares = mean_differences(data)
    for effect, used in enumerate(data.used):
        wanted = difference(
            data.change[effect, used],
            data.treated[effect, used],
            np.empty((used.sum(), 0)),
            data.weights[effect, used],
            "regression",
        )
        assert estimates[effect] == pytest.approx(wanted.estimate, abs=1e-13)
        assert influence[used, effect] == pytest.approx(wanted.influence, abs=1e-14)
        assert not influence[~used, effect].any()
        by_shares = shares[effect, used] @ data.change[effect, used]
        assert by_shares == pytest.approx(wanted.estimate, abs=1e-13)


# --- two periods, against formulas written out and numerical derivatives --------------


def draw_two_periods(
    seed: int, n: int = 80, k: int = 2
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k)) * [1.0, 300.0][:k] + 5
    treated = (
        rng.random(n) < 1 / (1 + np.exp(-(x[:, 0] - 5) / 2))
        if k
        else rng.random(n) < 0.4
    )
    change = rng.normal(size=n) + treated + (x.sum(axis=1) / 100 if k else 0)
    return change, treated, x


def by_hand(
    change: np.ndarray,
    treated: np.ndarray,
    x: np.ndarray,
    adjustment: str,
    w: np.ndarray,
) -> float:
    """Estimate with weights of entities; influence functions are derivatives."""
    design = np.column_stack([np.ones(len(x)), x])
    root = np.sqrt(w[~treated])
    slopes = np.linalg.lstsq(design[~treated] * root[:, None], change[~treated] * root)[
        0
    ]
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
    return float(
        one - np.average(residual, weights=w * ~treated * chance / (1 - chance))
    )


@pytest.mark.many(4)
@pytest.mark.parametrize("k", [0, 1, 2])
@pytest.mark.parametrize("adjustment", ["doubly_robust", "ipw", "regression"])
@pytest.mark.parametrize("weighted", [False, True])
def test_estimates_and_influence(weighted: bool, adjustment: str, k: int) -> None:
    """The influence of an entity is the derivative by how often it is there."""
    change, treated, x = draw_two_periods(k + 1, n=60, k=k)
    weights = (
        np.random.default_rng(k).uniform(0.3, 4, size=60) if weighted else np.ones(60)
    )
    found = difference(change, treated, x, weights, adjustment)
    assert found.estimate == pytest.approx(
        by_hand(change, treated, x, adjustment, weights), abs=1e-9
    )
    scaled = difference(change, treated, x, 7 * weights, adjustment)
    np.testing.assert_allclose(scaled.influence, found.influence, atol=1e-9)
    step = 1e-5
    for place in range(0, 60, 7):
        up, down = weights.copy(), weights.copy()
        up[place] *= 1 + step
        down[place] *= 1 - step
        slope = by_hand(change, treated, x, adjustment, up) - by_hand(
            change, treated, x, adjustment, down
        )
        assert found.influence[place] == pytest.approx(slope / (2 * step), abs=1e-6)
    assert found.influence.sum() == pytest.approx(0, abs=1e-10)


def test_without_controls_it_is_the_difference_of_means() -> None:
    change, treated, x = draw_two_periods(4, k=0)
    found = difference(change, treated, x, np.ones(treated.size), "doubly_robust")
    assert found.estimate == pytest.approx(
        change[treated].mean() - change[~treated].mean(), abs=1e-12
    )
    error = (
        change[treated].var() / treated.sum()
        + change[~treated].var() / (~treated).sum()
    )
    assert (found.influence**2).sum() == pytest.approx(error, rel=1e-10)


@pytest.mark.further
def test_the_logit_is_that_of_statsmodels() -> None:
    from statsmodels.discrete.discrete_model import Logit

    change, treated, x = draw_two_periods(5)
    design = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / x.std(axis=0)])
    chance = Logit(treated.astype(float), design).fit(disp=False, tol=1e-12).predict()
    weights = chance[~treated] / (1 - chance[~treated])
    expected = change[treated].mean() - np.average(change[~treated], weights=weights)
    assert difference(
        change, treated, x, np.ones(treated.size), "ipw"
    ).estimate == pytest.approx(expected, abs=1e-9)


def test_units_do_not_matter() -> None:
    change, treated, x = draw_two_periods(6)
    one = difference(change, treated, x, np.ones(treated.size), "doubly_robust")
    other = difference(
        change, treated, 1e8 * x + 1e9, np.ones(treated.size), "doubly_robust"
    )
    assert other.estimate == pytest.approx(one.estimate, abs=1e-6)


@pytest.mark.parametrize("adjustment", ["doubly_robust", "ipw", "regression"])
def test_nearly_collinear_controls_are_those_that_they_span(adjustment: str) -> None:
    change, treated, x = draw_two_periods(9)
    nearly = np.column_stack([x[:, 0], x[:, 0] + 1e-6 * x[:, 1]])
    expected, estimated = (
        difference(change, treated, columns, np.ones(treated.size), adjustment)
        for columns in (x, nearly)
    )
    assert estimated.estimate == pytest.approx(expected.estimate, rel=1e-7)
    assert estimated.influence == pytest.approx(expected.influence, rel=1e-5)


def test_slopes_of_controls_much_smaller_than_the_treated_are_exact() -> None:
    change, treated, x = draw_two_periods(10)
    x[treated] *= 1e6
    design = np.column_stack([np.ones(treated.size), x])
    basis, triangle = np.linalg.qr(design[~treated])
    slopes = np.linalg.solve(triangle, basis.T @ change[~treated])
    expected = (change - design @ slopes)[treated].mean()
    result = difference(change, treated, x, np.ones(treated.size), "regression")
    assert result.estimate == pytest.approx(expected, rel=1e-8)


def test_controls_that_are_almost_certainly_treated_have_no_weight() -> None:
    change, treated, x = draw_two_periods(8, k=1)
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
    change, treated, x = draw_two_periods(7)
    ones = np.ones(treated.size)

    def problem(columns: np.ndarray, adjustment: str) -> str:
        return difference(change, treated, columns, ones, adjustment).problem

    twice = np.column_stack([x, x[:, 0]])
    assert problem(twice, "regression") == "collinear_controls"
    nearly = np.column_stack([x[:, 0], x[:, 0] + 1e-11 * x[:, 1]])
    assert problem(nearly, "regression") == "collinear_controls"
    assert problem(np.ones((treated.size, 1)), "doubly_robust") == "collinear_controls"
    apart = x + 1000 * treated[:, None]
    assert problem(apart, "ipw") == "no_overlap"
    assert np.isnan(difference(change, treated, apart, ones, "ipw").estimate)
    assert problem(apart, "regression") == ""
