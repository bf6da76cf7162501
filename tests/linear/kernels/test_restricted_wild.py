"""The bootstrap of joint restrictions, against refits of every draw."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.linear.fixed_effects import Fitted
from digiprosper.linear.kernels.wild import (
    MOST_CLUSTERS,
    ClusterSums,
    added_covariance,
    cluster_sums,
    jackknife_covariance,
    leave_one_out_changes,
    products_by_cluster,
    restricted_wild_test,
    wild_statistics,
)

NAMES = ("a", "b", "c")


def frame_of(seed: int = 0, count: int = 8, *, share: float = 0.8) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(count), 7), "t": np.tile(np.arange(7), count)}
    )
    frame[list(NAMES)] = rng.lognormal(size=(len(frame), 3))
    frame["w"] = rng.uniform(0.5, 2.0, len(frame))
    frame["y"] = (
        frame["a"] + frame["i"] + rng.normal(size=len(frame)) * (1 + frame["i"] % 3)
    )
    return frame.sample(frac=share, random_state=seed).sort_values(
        ["i", "t"], ignore_index=True
    )


def fit_of(frame: pd.DataFrame, **options: Any) -> Fitted:
    return dp.FixedEffects("y", NAMES, **options)._fitted(dp.Panel(frame, "i", "t"))


def sums_of(fitted: Fitted) -> ClusterSums:
    codes = fitted.prepared.cluster_codes[0]
    sums = cluster_sums(fitted.solved_with_intercept, codes, int(codes.max()) + 1)
    assert sums is not None
    return sums


@pytest.mark.parametrize("sizes", [(4, 4, 4), (1, 6, 3)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("in_order", [True, False])
def test_products_by_cluster_are_those_of_each_cluster(
    sizes: tuple[int, ...], weighted: bool, in_order: bool
) -> None:
    rng = np.random.default_rng(3)
    codes = np.repeat(np.arange(3), sizes)
    if not in_order:
        codes = rng.permutation(codes)
    z, columns = rng.normal(size=(codes.size, 2)), rng.normal(size=(codes.size, 5))
    w = rng.uniform(1, 2, codes.size) if weighted else np.ones(codes.size)
    expected = [(z * w[:, None])[codes == g].T @ columns[codes == g] for g in range(3)]
    sums = products_by_cluster(z, columns, codes, 3, w if weighted else None)
    np.testing.assert_allclose(sums, expected, rtol=1e-12, atol=1e-14)


def wald(x: Any, y: Any, w: Any, codes: Any, restrictions: Any, value: Any) -> Any:
    """Least squares with the Wald statistic of restrictions, no small-sample factor."""
    bread = np.linalg.inv(x.T @ (w[:, None] * x))
    b = bread @ x.T @ (w * y)
    e = y - x @ b
    scores = np.array(
        [x[codes == g].T @ (w * e)[codes == g] for g in range(codes.max() + 1)]
    )
    moved = scores @ bread @ restrictions.T
    gap = restrictions @ b - value
    return gap @ np.linalg.solve(moved.T @ moved, gap), b, bread, gap


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "options",
    [{}, {"obs_weights": "w"}, {"entity_effects": False}, {"time_effects": True}],
)
def test_every_draw_is_a_refit(seed: int, options: dict[str, Any]) -> None:
    """Of a regression whose time effects, if any, are removed before the draws."""
    frame = frame_of(seed)
    fitted = fit_of(frame, **{"time_effects": False, **options})
    sums = sums_of(fitted)
    restrictions = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 2.0]])
    value = np.array([0.5, 0.0])
    k = len(fitted.results.names)
    weights = np.hstack([restrictions, np.zeros((2, k - 3))])
    gap = weights @ fitted.results.coefficients - value
    signs = np.array(list(product([-1.0, 1.0], repeat=8)))
    statistic, draws = wild_statistics(sums, weights, gap, [signs])

    codes = frame["i"].to_numpy()
    w = frame["w"].to_numpy() if "obs_weights" in options else np.ones(len(frame))
    x, y = frame[list(NAMES)].to_numpy(), frame["y"].to_numpy()
    dummies = np.eye(8)[codes] if k == 3 else np.ones((len(frame), 1))
    if "time_effects" in options:
        both = np.hstack([dummies, pd.get_dummies(frame["t"]).to_numpy(dtype=float)])
        x, y = (v - both @ np.linalg.lstsq(both, v)[0] for v in (x, y))
        dummies = dummies[:, :0]
    x = np.hstack([x, dummies])
    wide = np.hstack([restrictions, np.zeros((2, x.shape[1] - 3))])
    want, b, bread, wide_gap = wald(x, y, w, codes, wide, value)
    assert statistic == pytest.approx(want, rel=1e-8)

    null = b - bread @ wide.T @ np.linalg.solve(wide @ bread @ wide.T, wide_gap)
    residuals = y - x @ null
    refits = [
        wald(x, x @ null + s[codes] * residuals, w, codes, wide, value)[0]
        for s in signs
    ]
    # The signs go to the clusters in an order of their own: all combinations are
    # compared as a set.
    np.testing.assert_allclose(np.sort(draws), np.sort(refits), rtol=1e-6)


def test_the_p_value_is_the_share_of_draws() -> None:
    fitted = fit_of(frame_of(count=20))
    sums, weights = sums_of(fitted), np.eye(3)
    p_value, method = restricted_wild_test(
        sums, weights, fitted.results.coefficients, reps=199, seed=5
    )
    rng = np.random.default_rng(np.random.SeedSequence(5))
    signs = np.where(rng.random((199, 20)) < 0.5, -1.0, 1.0)
    statistic, draws = wild_statistics(
        sums, weights, fitted.results.coefficients, [signs]
    )
    assert p_value == (1 + (draws >= statistic).sum()) / 200
    assert method == "restricted wild cluster bootstrap, 199 draws"


def test_few_clusters_have_all_combinations_of_six_points() -> None:
    p_value, method = restricted_wild_test(
        sums_of(fit_of(frame_of(count=3, share=1.0))), np.eye(2, 3), np.ones(2)
    )
    assert method == "restricted wild cluster bootstrap, all 216 draws"
    assert p_value * 216 == pytest.approx(round(p_value * 216))


@pytest.mark.parametrize("seed", range(6))
def test_neither_units_nor_basis_nor_names_nor_order_matter(seed: int) -> None:
    frame = frame_of(seed, count=15)
    rng = np.random.default_rng(seed)

    def p_value(data: pd.DataFrame, turn: np.ndarray, units: np.ndarray) -> float:
        fitted = fit_of(data)
        weights = turn / units
        return restricted_wild_test(
            sums_of(fitted), weights, weights @ fitted.results.coefficients
        )[0]

    plain = p_value(frame, np.eye(3), np.ones(3))
    scaled = frame.assign(a=frame["a"] * 1e6, b=frame["b"] * 1e-5)
    assert p_value(scaled, np.eye(3), np.array([1e-6, 1e5, 1.0])) == plain
    assert p_value(frame, rng.normal(size=(3, 3)), np.ones(3)) == plain
    names = rng.permutation(15)
    assert p_value(frame.assign(i=names[frame["i"]]), np.eye(3), np.ones(3)) == plain
    assert (
        p_value(frame.sample(frac=1.0, random_state=seed), np.eye(3), np.ones(3))
        == plain
    )


def test_sums_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = fit_of(frame_of(count=20))
    whole = sums_of(fitted)
    monkeypatch.setattr("digiprosper.linear.kernels.wild._SMALL", 1)
    blocks = sums_of(fitted)
    np.testing.assert_allclose(blocks.products, whole.products, atol=1e-13)
    np.testing.assert_allclose(blocks.scores, whole.scores, atol=1e-13)


def test_too_many_clusters_are_not_summed() -> None:
    fitted = fit_of(frame_of())
    assert (
        cluster_sums(fitted.solved, fitted.prepared.cluster_codes[0], MOST_CLUSTERS + 1)
        is None
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_jackknife_leaves_out_each_cluster(seed: int) -> None:
    frame = frame_of(seed, count=10)
    fitted = fit_of(frame, time_effects=False)
    changes = []
    for g in range(10):
        rest = fit_of(frame[frame["i"] != g], time_effects=False)
        changes.append(rest.results.coefficients - fitted.results.coefficients)
    want = 0.9 * np.array(changes).T @ np.array(changes)
    np.testing.assert_allclose(
        jackknife_covariance(sums_of(fitted), np.eye(3)), want, rtol=1e-8
    )
    crv3 = fit_of(frame, time_effects=False, cov_type="crv3").results.covariance
    np.testing.assert_allclose(want, crv3, rtol=1e-8)


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_products_with_instruments_are_not_symmetric_by_cluster() -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"i": np.repeat(np.arange(12), 6), "t": np.tile(range(6), 12)})
    for name in ("z", "v", "w", "e"):
        frame[name] = rng.normal(size=72)
    frame["a"] = frame["z"] + 0.5 * frame["v"] + frame["e"]
    frame["b"] = frame["v"] - 0.4 * frame["w"] + rng.normal(size=72)
    frame["y"] = frame["a"] + frame["e"]
    spec = dp.FixedEffectsIV("y", [], endog=["a", "b"], instruments=["z", "v", "w"])
    (sums,) = spec.fit(dp.Panel(frame, "i", "t")).estimated.by_cluster
    total = sums.products.sum(axis=0)
    assert not np.allclose(sums.products, sums.products.transpose(0, 2, 1), rtol=0.1)
    changes = [
        np.linalg.solve(total - products, scores)
        for products, scores in zip(sums.products, sums.scores, strict=True)
    ]
    np.testing.assert_allclose(
        leave_one_out_changes(sums.products, sums.scores), changes, rtol=1e-9
    )


def test_a_coefficient_of_one_cluster_alone_has_no_jackknife() -> None:
    products = np.array([np.eye(2), np.diag([1.0, 0.0]), np.diag([1.0, 0.0])])
    assert np.isnan(leave_one_out_changes(products, np.ones((3, 2)))[0]).all()


def test_covariances_of_two_ways_are_added() -> None:
    fitted = fit_of(frame_of(count=12), clusters=["i", "t"])
    ways = fitted.results.estimated.by_cluster
    by_entity, by_time = (
        fit_of(frame_of(count=12), clusters=[c], ssc="none").results for c in ("i", "t")
    )
    want = by_entity.covariance * 12 / 11 + by_time.covariance * 7 / 6
    root, middle = added_covariance(ways)
    np.testing.assert_allclose(root @ middle @ root.T, want, rtol=1e-9)
