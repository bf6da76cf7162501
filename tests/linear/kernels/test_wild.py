"""Weights, shares and inverted tests of the wild bootstrap by hand; sums by test."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from digiprosper.errors import OptionError
from digiprosper.kernels.covariance import counts, intersections, ranks, vcov
from digiprosper.kernels.equation import solve
from digiprosper.kernels.within import within
from digiprosper.linear.kernels import wild
from digiprosper.linear.kernels.wild import (
    WildDraws,
    WildSums,
    invert_test,
    p_value_of_draws,
    wild_draws,
    wild_sums,
    wild_weights,
)

SEED = np.random.SeedSequence(1)


@pytest.mark.parametrize(
    ("groups", "reps", "name", "used", "enumerated"),
    [
        (2, 9999, "webb", 36, True),
        (5, 7776, "webb", 7776, True),
        (5, 7775, "webb", 7775, False),
        (6, 9999, "webb", 9999, False),
        (12, 9999, "webb", 9999, False),
        (13, 8192, "rademacher", 8192, True),
        (13, 8191, "rademacher", 8191, False),
        (14, 9999, "rademacher", 9999, False),
        (10_000, 99, "rademacher", 99, False),
    ],
)
def test_which_weights_are_used(
    groups: int, reps: int, name: str, used: int, enumerated: bool
) -> None:
    weights = wild_weights(groups, reps)
    assert (weights.name, weights.reps, weights.enumerated) == (name, used, enumerated)


def test_all_combinations_are_there_once() -> None:
    weights = wild_weights(3, 999)
    actual = np.vstack(list(weights.chunks(SEED, 50)))
    expected = set(product(weights.points, repeat=3))
    assert len(actual) == len(expected) == 216
    assert set(map(tuple, actual.tolist())) == expected
    assert (actual == 1.0).all(axis=1).sum() == 1


def test_webb_has_mean_zero_and_variance_one() -> None:
    points = np.array(wild_weights(12, 99).points)
    assert points.mean() == pytest.approx(0, abs=1e-15)
    assert (points**2).mean() == pytest.approx(1)


def test_chunks_do_not_change_the_weights() -> None:
    weights = wild_weights(20, 200)
    whole = next(weights.chunks(SEED, 200))
    np.testing.assert_array_equal(np.vstack(list(weights.chunks(SEED, 7))), whole)


def solved(seed: int = 0):
    rng = np.random.default_rng(seed)
    cluster, period = np.repeat(np.arange(20), 4), np.tile(np.arange(4), 20)
    absorbed = within([cluster, period], 80)
    x = absorbed.demean(rng.normal(size=(80, 2)))
    y = absorbed.demean(rng.normal(size=80))
    count = counts(80, 2, ranks(absorbed, [cluster], 0), [cluster], periods=4)
    how = vcov("clustered", "none", count, intersections([cluster]), period)
    return solve(y, x, count, how), absorbed, cluster


def sums_of(equation, absorbed, cluster):
    direction = equation.score_columns @ equation.root.T @ np.array([1.0, 0.0])
    return wild_sums(equation, direction, absorbed, cluster, 1.0)


def test_demeaning_clusters_and_summing_levels_give_the_same(monkeypatch) -> None:
    """With more levels than clusters each cluster is demeaned.

    The sums by level are as right there.
    """
    rng = np.random.default_rng(3)
    cluster, other = np.repeat(np.arange(6), 20), np.arange(120) % 17
    absorbed = within([cluster, other], 120)
    x, y = (
        absorbed.demean(rng.normal(size=(120, 2))),
        absorbed.demean(rng.normal(size=120)),
    )
    count = counts(120, 2, ranks(absorbed, [cluster], 0), [cluster], periods=17)
    equation = solve(
        y, x, count, vcov("clustered", "none", count, intersections([cluster]), other)
    )
    demeaned = sums_of(equation, absorbed, cluster)
    assert demeaned.through.shape == (2, 6, 6 + 2)

    def by_levels(_, pair, score, codes, groups):
        return wild._by_levels([other], [cluster], pair, score, codes, None)

    monkeypatch.setattr(wild, "_by_demeaning", by_levels)
    summed = sums_of(equation, absorbed, cluster)
    assert summed.through.shape == (2, 6, 17 + 2)
    one, two = (wild_draws(s, wild_weights(6, 99), SEED) for s in (demeaned, summed))
    np.testing.assert_allclose(one.numerators, two.numerators, rtol=1e-12)
    np.testing.assert_allclose(one.squares, two.squares, rtol=1e-9, atol=1e-12)


def test_blocks_of_dummies_and_clusters_change_nothing(monkeypatch) -> None:
    whole = sums_of(*solved())
    monkeypatch.setattr(wild, "_CACHED", 1)
    parts = sums_of(*solved())
    np.testing.assert_allclose(parts.loadings, whole.loadings, rtol=1e-12, atol=1e-15)


def test_chunks_of_draws_change_no_more_than_rounding() -> None:
    sums, weights = sums_of(*solved()), wild_weights(20, 500)
    whole, parts = (
        wild_draws(sums, weights, SEED),
        wild_draws(sums, weights, SEED, memory=1),
    )
    np.testing.assert_allclose(whole.squares, parts.squares, rtol=1e-12)
    np.testing.assert_allclose(whole.numerators, parts.numerators, rtol=1e-12)


def test_scores_by_one_product_and_by_two_are_the_same() -> None:
    rng = np.random.default_rng(5)
    w = rng.normal(size=(7, 12))
    parts = (
        rng.normal(size=(2, 12)),
        rng.normal(size=(2, 12, 4)),
        rng.normal(size=(12, 4)),
    )
    low = WildSums(*parts, 1.5)
    wide = WildSums(
        parts[0],
        *(np.concatenate([p, np.zeros_like(p)], axis=-1) for p in parts[1:]),
        1.5,
    )
    for one, other in zip(low.scores()(w), wide.scores()(w), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_products_that_do_not_fit_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(wild, "_MOST", 10)
    with pytest.raises(OptionError, match="Absorb effects with fewer levels"):
        sums_of(*solved())


@pytest.mark.parametrize(
    ("drawn", "t", "enumerated", "expected"),
    [
        ([-2.0, 1.0, 2.0, 3.0], 2.0, True, 0.75),
        ([-2.0, 1.0, 2.0, 3.0], 2.0, False, 0.8),
        ([1.0, 2.0 - 1e-10], 2.0, True, 0.5),
        ([1.0, 2.0 - 1e-8], 2.0, False, 1 / 3),
        ([np.nan, 1.0], 2.0, True, 0.5),
        ([1.0, 1.0, 1.0, 1.0], 2.0, True, 0.25),
        ([0.0, 1.0], 0.0, True, 1.0),
        ([np.inf, 1.0, 1.0], -2.0, False, 0.5),
    ],
)
def test_shares_count_ties_missing_draws_and_the_data(
    drawn, t, enumerated, expected
) -> None:
    assert p_value_of_draws(np.array(drawn), t, enumerated=enumerated) == pytest.approx(
        expected
    )


def test_draws_that_do_not_move_with_the_null_value_give_the_quantile_of_t() -> None:
    rng = np.random.default_rng(1)
    t = rng.normal(size=999)
    draws = WildDraws(
        np.column_stack([t, np.zeros(999)]),
        np.tile([1.0, 0.0, 0.0], (999, 1)),
        "rademacher",
        False,
    )
    np.testing.assert_array_equal(draws.at(5.0), t)
    low, high = invert_test(draws, 0.95, enumerated=False)
    # p <= .05 from where 49 draws are beyond: |t| above the 50th from the top.
    expected = np.sort(np.abs(t))[-50]
    assert high == pytest.approx(expected, rel=1e-8)
    assert low == pytest.approx(-expected, rel=1e-8)


def test_a_test_that_rejects_nothing_has_no_ends() -> None:
    numbers = np.array([[0.0, 1.0], [0.1, 0.0]])
    squares = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    draws = WildDraws(numbers, squares, "webb", True)
    assert invert_test(draws, 0.95, enumerated=True) == (-np.inf, np.inf)
