"""Sums over pairs of near rows, against a double loop over all rows."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.kernels import conley
from digiprosper.kernels.conley import (
    Nearby,
    near_products,
    nearby,
    nearest_distance,
    rows_within,
)
from digiprosper.kernels.great_circle import great_circle

CUTOFFS = (1e-3, 3000.0, 9000.0, 30000.0)


def rows_of(seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Scores of an unbalanced panel.

    In every second one entities move, in every third periods are apart.
    """
    rng = np.random.default_rng(seed)
    entities, periods = int(rng.integers(2, 18)), int(rng.integers(1, 7))
    entity, time = np.divmod(np.arange(entities * periods), periods)
    keep = rng.random(entity.size) < (0.2, 0.8, 1.0)[seed % 3]
    keep[0] = True
    entity, position = (
        np.unique(entity[keep], return_inverse=True)[1],
        time[keep] * (1 + seed % 2),
    )
    degrees = np.column_stack(
        [rng.uniform(-90, 90, entities), rng.uniform(-180, 180, entities)]
    )[entity]
    if seed % 2:
        degrees = degrees * rng.uniform(0.9, 1, degrees.shape)
    time = np.unique(position, return_inverse=True)[1]
    scores = rng.normal(size=(entity.size, 3))
    return scores, {
        "degrees": degrees,
        "time": time,
        "entity": entity,
        "position": position,
    }


def weight(
    rows: dict[str, np.ndarray], a: int, b: int, cutoff: float, kernel: str, lags: int
) -> float:
    if rows["time"][a] == rows["time"][b]:
        apart = float(great_circle(rows["degrees"][a], rows["degrees"][b]))
        return (
            float(apart <= cutoff)
            if kernel == "uniform"
            else max(1 - apart / cutoff, 0)
        )
    if rows["entity"][a] == rows["entity"][b]:
        return max(1 - abs(rows["position"][a] - rows["position"][b]) / (lags + 1), 0)
    return 0.0


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.many(12)
def test_the_sum_is_that_of_a_loop_over_pairs(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conley, "_PAIRS", (1, 10, 2_000_000)[seed % 3])
    monkeypatch.setattr(conley, "_FEWEST", (32, 2)[seed % 2])
    scores, rows = rows_of(seed)
    cutoff, kernel, lags = (
        CUTOFFS[seed % 4],
        ("bartlett", "uniform")[seed // 4 % 2],
        seed % 5,
    )
    got = near_products(scores, nearby(**rows, cutoff=cutoff, kernel=kernel, lags=lags))
    want = np.zeros((3, 3))
    for a in range(len(scores)):
        for b in range(len(scores)):
            want += weight(rows, a, b, cutoff, kernel, lags) * np.outer(
                scores[a], scores[b]
            )
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10)
    np.testing.assert_array_equal(got, got.T)


def near_of(seed: int = 1, **options) -> tuple[np.ndarray, Nearby]:
    scores, rows = rows_of(seed)
    given = {"cutoff": 4000.0, "kernel": "bartlett", "lags": 2} | options
    return scores, nearby(**{**rows, **given})


def test_only_differences_of_longitude_matter() -> None:
    scores, near = near_of(2)
    _, rows = rows_of(2)
    for by in (360.0, -360.0, 17.0):
        moved = {**rows, "degrees": rows["degrees"] + [0.0, by]}
        other = nearby(**moved, cutoff=4000.0, kernel="bartlett", lags=2)
        np.testing.assert_allclose(
            near_products(scores, other), near_products(scores, near), rtol=1e-10
        )


def test_the_order_of_rows_changes_nothing() -> None:
    scores, rows = rows_of(5)
    order = np.random.default_rng(0).permutation(len(scores))
    options = {"cutoff": 4000.0, "kernel": "uniform", "lags": 2}
    moved = nearby(**{name: values[order] for name, values in rows.items()}, **options)
    want = near_products(scores, nearby(**rows, **options))
    np.testing.assert_allclose(
        near_products(scores[order], moved), want, rtol=1e-11, atol=1e-11
    )


def test_limits() -> None:
    scores, rows = rows_of(5)
    alone = nearby(**rows, cutoff=1e-6, kernel="uniform", lags=0)
    np.testing.assert_allclose(
        near_products(scores, alone), scores.T @ scores, rtol=1e-12
    )
    by_time = np.array(
        [scores[rows["time"] == t].sum(axis=0) for t in np.unique(rows["time"])]
    )
    everywhere = nearby(**rows, cutoff=30000.0, kernel="uniform", lags=0)
    np.testing.assert_allclose(
        near_products(scores, everywhere), by_time.T @ by_time, rtol=1e-11
    )
    by_entity = np.array(
        [scores[rows["entity"] == i].sum(axis=0) for i in np.unique(rows["entity"])]
    )
    always = nearby(**rows, cutoff=1e-6, kernel="bartlett", lags=10**12)
    np.testing.assert_allclose(
        near_products(scores, always), by_entity.T @ by_entity, rtol=1e-9
    )


def test_nearest_place() -> None:
    _, near = near_of(4)
    apart = great_circle(near.degrees[:, None], near.degrees[None])
    np.fill_diagonal(apart, np.inf)
    assert nearest_distance(near) == pytest.approx(apart.min(), rel=1e-9)
    rows = {name: np.zeros(1, dtype=np.intp) for name in ("time", "entity", "position")}
    assert (
        nearest_distance(
            nearby(np.zeros((1, 2)), **rows, cutoff=1.0, kernel="uniform", lags=0)
        )
        == np.inf
    )


def test_rows_within() -> None:
    entity, position = np.array([0, 0, 1, 1]), np.array([2000, 2005, 2000, 2010])
    assert not rows_within(entity, position, 4)
    assert rows_within(entity, position, 5)
    assert not rows_within(np.arange(4), position, 100)
