"""Averages of effects by cohort and time."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.policy.kernels.aggregation import (
    GroupTime,
    average,
    cluster_sums,
    treated_products,
)


@pytest.fixture
def cells() -> GroupTime:
    """Two cohorts, first treated in periods 1 and 2 of 0 to 3."""
    rng = np.random.default_rng(1)
    cohort, time = np.array([0, 0, 0, 1, 1, 1]), np.array([1, 2, 3, 1, 2, 3])
    root = rng.normal(size=(20, 8))
    share = np.array([0.2, 0.3])
    return GroupTime(
        cohort=cohort,
        time=time,
        event=time - np.array([1, 2])[cohort],
        estimates=rng.normal(size=6),
        n_treated=np.array([20, 20, 20, 30, 30, 30]),
        mass=share[cohort],
        share=share,
        joint=root.T @ root,
        treated_part=root.T @ root,
        influence=root.T @ root,
    )


def by_hand(cells: GroupTime, by: str) -> list[float]:
    """Average with the formulas of table 1 written out."""
    b, p = cells.estimates, cells.share
    if by == "simple":
        since = [0, 1, 2, 4, 5]
        return [np.average(b[since], weights=p[cells.cohort[since]])]
    if by == "dynamic":
        parts = [
            b[3],
            np.average(b[[0, 4]], weights=p),
            np.average(b[[1, 5]], weights=p),
            b[2],
        ]
        return [np.mean(parts[1:]), *parts]
    if by == "group":
        parts = [b[:3].mean(), b[4:].mean()]
        return [np.average(parts, weights=p), *parts]
    parts = [b[0], np.average(b[[1, 4]], weights=p), np.average(b[[2, 5]], weights=p)]
    return [np.mean(parts), *parts]


@pytest.mark.parametrize("by", ["simple", "dynamic", "group", "calendar"])
def test_averages_and_their_derivatives(cells: GroupTime, by: str) -> None:
    actual = average(cells, by)
    np.testing.assert_allclose(actual.estimates, by_hand(cells, by), atol=1e-14)

    def moved(place: int, step: float) -> np.ndarray:
        values = np.append(cells.estimates, cells.share)
        values[place] += step
        estimates, share = values[:6], values[6:]
        other = GroupTime(
            **{
                name: getattr(cells, name)
                for name in (
                    "cohort",
                    "time",
                    "event",
                    "n_treated",
                    "joint",
                    "treated_part",
                    "influence",
                )
            },
            estimates=estimates,
            share=share,
            mass=share[cells.cohort],
        )
        return average(other, by).estimates

    step = 1e-6
    slopes = np.array(
        [(moved(j, step) - moved(j, -step)) / (2 * step) for j in range(8)]
    ).T
    np.testing.assert_allclose(actual.gradient, slopes, atol=1e-8)


def test_balanced_averages_are_of_cohorts_that_reach_an_event_time(
    cells: GroupTime,
) -> None:
    one = average(cells, "dynamic", 1)
    assert one.keys.tolist() == [-1, 0, 1]
    np.testing.assert_array_equal(
        one.estimates[1:], average(cells, "dynamic").estimates[1:4]
    )
    two = average(cells, "dynamic", 2)
    assert two.keys.tolist() == [0, 1, 2]
    np.testing.assert_allclose(
        two.estimates, [cells.estimates[:3].mean(), *cells.estimates[:3]]
    )


def test_keys(cells: GroupTime) -> None:
    assert average(cells, "simple").keys.tolist() == []
    assert average(cells, "dynamic").keys.tolist() == [-1, 0, 1, 2]
    assert average(cells, "group").keys.tolist() == [0, 1]
    assert average(cells, "calendar").keys.tolist() == [1, 2, 3]


def test_sums_by_cluster() -> None:
    rng = np.random.default_rng(2)
    scores, codes = rng.normal(size=(12, 3)), np.repeat([2, 0, 1, 0], 3)
    sums = np.array([scores[codes == c].sum(axis=0) for c in range(3)])
    np.testing.assert_allclose(cluster_sums(scores, codes, 3), sums)


def test_the_part_of_treated_clusters_has_one_dimension_less_than_they_are() -> None:
    rng = np.random.default_rng(2)
    codes = np.array([0, 0, 1, 1, 2, 2, 3])
    scores = rng.normal(size=(7, 4))
    member = np.zeros((7, 4), dtype=bool)
    member[:6, :3] = True  # three clusters
    member[6, 3] = True  # one cluster
    actual = treated_products(scores, member, codes)
    assert np.linalg.matrix_rank(actual) == 2
    assert (actual[3] == 0).all()
    sums = np.array([scores[codes == c, :3].sum(axis=0) for c in range(3)])
    np.testing.assert_allclose(actual[:3, :3], 2 * np.cov(sums.T), atol=1e-14)
