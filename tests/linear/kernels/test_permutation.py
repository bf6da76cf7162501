"""Labels of groups permuted over entities."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from digiprosper.kernels.resampling import entity_grams
from digiprosper.linear.kernels.exchange import (
    arrangements,
    count_arrangements,
    permuted_labels,
    permuted_slopes,
)

LABELS = np.array([0, 0, 0, 1, 1, 2])


def test_a_permutation_keeps_the_sizes_and_all_are_as_likely() -> None:
    drawn = permuted_labels(np.random.default_rng(0), LABELS, 6000)
    assert (np.sort(drawn, axis=1) == LABELS).all()
    np.testing.assert_allclose((drawn == 2).mean(axis=0), 1 / 6, atol=0.02)
    kinds, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(kinds) == 60
    assert counts.min() > 60


def test_slopes_of_a_group_are_those_of_its_rows() -> None:
    rng = np.random.default_rng(1)
    entity = np.repeat(np.arange(6), 4)
    y, x = rng.normal(size=(2, 24))
    grams = entity_grams(np.column_stack([y, x]), entity, [entity])
    slopes = permuted_slopes(grams, LABELS, 0, 9, np.random.SeedSequence(3))
    drawn = permuted_labels(np.random.default_rng(np.random.SeedSequence(3)), LABELS, 9)
    centred = [v - (np.bincount(entity, v) / 4)[entity] for v in (y, x)]
    for permuted, actual in zip(drawn, slopes, strict=True):
        for group in range(3):
            rows = permuted[entity] == group
            expected = (
                centred[0][rows]
                @ centred[1][rows]
                / (centred[1][rows] @ centred[1][rows])
            )
            np.testing.assert_allclose(actual[group], expected, rtol=1e-12)


@pytest.mark.parametrize(
    "labels", [[0, 0, 1, 1, 1], [2, 1, 0, 0, 2], [3], [1, 1], [0, 1, 2, 3]]
)
def test_arrangements_are_the_different_permutations(labels: list[int]) -> None:
    every = sorted(set(permutations(labels)))
    assert arrangements(np.array(labels)).tolist() == [list(order) for order in every]
    assert count_arrangements(np.array(labels)) == pytest.approx(len(every), rel=1e-12)


def test_all_arrangements_of_a_group_are_fitted() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 20))
    entity = np.repeat(np.arange(5), 4)
    grams = entity_grams(np.column_stack([y, x]), entity, [entity])
    labels = np.array([0, 1, 0, 1, 1])
    slopes = permuted_slopes(grams, labels, 0, 10, None)
    one_by_one = permuted_slopes(grams, labels, 0, 10, None, memory=1)
    x, y = (v - (np.bincount(entity, v) / 4)[entity] for v in (x, y))
    np.testing.assert_allclose(one_by_one, slopes, rtol=1e-12)
    for groups, row in zip(arrangements(labels), slopes, strict=True):
        for group, slope in enumerate(row):
            rows = groups[entity] == group
            assert slope == pytest.approx(
                x[rows] @ y[rows] / (x[rows] @ x[rows]), rel=1e-10
            )
