"""Exchanges of paths by hand; the statistics are tested with the test itself."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.kernels.covariance import (
    count_groups,
    counts,
    intersections,
    ranks,
    vcov,
)
from digiprosper.kernels.equation import solve
from digiprosper.kernels.within import within
from digiprosper.linear.kernels.exchange import exchanged_statistics, paths

ENTITY = np.array([0, 0, 1, 1, 2, 2, 3, 3])


@pytest.mark.parametrize(
    ("time", "periods", "exchanged"),
    [
        ([0, 1] * 4, [0, 0, 0, 0], [True] * 4),
        ([0, 1, 1, 2, 0, 1, 0, 2], [0, 1, 0, 2], [True, False, True, False]),
        ([0, 1, 1, 2, 2, 3, 3, 4], [0, 1, 2, 3], [False] * 4),
    ],
)
def test_entities_with_the_same_periods(time, periods, exchanged) -> None:
    actual = paths(np.arange(8.0), ENTITY, np.array(time))
    assert actual.periods.tolist() == periods
    assert actual.exchanged.tolist() == exchanged
    assert (round(actual.n_exchanges) > 1) == any(exchanged)


def test_many_entities_with_periods_of_many_kinds_have_a_finite_number() -> None:
    entity, period = np.arange(2400) // 2, np.arange(2400) % 2 + np.arange(2400) // 240
    actual = paths(np.arange(2400.0), entity, period)
    assert np.unique(actual.periods).size == 10
    assert 1e40 < actual.n_exchanges < np.inf


def test_equal_paths_do_not_differ() -> None:
    same = paths(np.array([1.0, 2.0] * 4), ENTITY, np.array([0, 1] * 4))
    assert same.n_exchanges == 1


def test_different_exchanges_are_counted() -> None:
    """Six entities, four with the same periods, two of these the same path.

    There are 4!/2! = 12 ways.
    """
    entity, time = np.repeat(np.arange(6), 2), np.array([0, 1] * 4 + [0, 2] + [1, 2])
    column = np.array([1.0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9])
    assert paths(column, entity, time).n_exchanges == pytest.approx(12)
    assert paths(column + 0.0, entity, np.arange(12)).n_exchanges == 1
    many = np.repeat(np.arange(400), 2)
    assert np.isfinite(paths(np.arange(800.0), many, np.tile([0, 1], 400)).n_exchanges)


def test_every_entity_receives_every_path_equally_often() -> None:
    column = np.repeat(np.arange(4.0), 2)
    drawn = paths(column, ENTITY, np.array([0, 1] * 4)).drawn(
        np.random.default_rng(1), 4000
    )
    for entity in range(4):
        counted = np.bincount(drawn[2 * entity].astype(int), minlength=4)
        assert np.abs(counted - 1000).max() < 130


def test_chunks_change_no_more_than_rounding() -> None:
    rng = np.random.default_rng(2)
    entity, time = np.repeat(np.arange(15), 4), np.tile(np.arange(4), 15)
    absorbed = within([entity, time], 60)
    raw = rng.normal(size=(60, 2))
    x, y = absorbed.demean(raw), absorbed.demean(rng.normal(size=60))
    count = counts(
        60, 2, ranks(absorbed, [entity], 0), [count_groups(entity)], periods=4
    )
    equation = solve(
        y, x, count, vcov("clustered", "none", count, intersections([entity]), time)
    )
    moved, seed = paths(raw[:, 1], entity, time), np.random.SeedSequence(1)
    whole = exchanged_statistics(equation, 1, absorbed, moved, 50, seed)
    parts = exchanged_statistics(equation, 1, absorbed, moved, 50, seed, memory=1)
    np.testing.assert_allclose(whole, parts, rtol=1e-10)


@pytest.mark.parametrize("kind", ["unadjusted", "clustered"])
def test_statistics_are_those_of_regressions_on_exchanged_columns(kind: str) -> None:
    rng = np.random.default_rng(3)
    entity, time = np.repeat(np.arange(12), 4), np.tile(np.arange(4), 12)
    absorbed = within([entity], 48)
    raw, y = rng.normal(size=(48, 2)), absorbed.demean(rng.normal(size=48))
    count = counts(
        48, 2, ranks(absorbed, [entity], 0), [count_groups(entity)], periods=4
    )
    how = vcov(
        kind,
        "reghdfe",
        count,
        intersections([entity]),
        time,
    )
    equation = solve(y, absorbed.demean(raw), count, how)
    moved, seed = paths(raw[:, 1], entity, time), np.random.SeedSequence(1)
    actual = exchanged_statistics(equation, 1, absorbed, moved, 5, seed)
    for t, column in zip(
        actual, moved.drawn(np.random.default_rng(seed), 5).T, strict=True
    ):
        x = np.column_stack([equation.x[:, 0], absorbed.demean(column)])
        bread = np.linalg.inv(x.T @ x)
        slopes = bread @ x.T @ y
        e = y - x @ slopes
        scores = np.array(
            [(x * e[:, None])[entity == i].sum(axis=0) for i in range(12)]
        )
        middle = x.T @ x * (e @ e) if kind == "unadjusted" else scores.T @ scores
        variance = how.parts[0].factor * (bread @ middle @ bread)[1, 1]
        assert t == pytest.approx(slopes[1] / np.sqrt(variance), rel=1e-10)
