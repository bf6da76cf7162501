from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from digiprosper.composite.kernels.aggregate import (
    Aggregation,
    aggregate,
    aggregate_dimensions,
    aggregate_geometric,
    aggregate_topsis,
)

NONE = np.empty(0)
GROUPS = (np.array([0, 3]), np.array([1]), np.array([2, 4]))


def drawn(width=5):
    rng = np.random.default_rng(0)
    return rng.random((40, width)), rng.dirichlet(np.ones(width))


def test_linear_is_the_weighted_sum_and_stays_between_worst_and_best():
    z, w = drawn()
    scores = aggregate("linear", z, w, NONE, NONE, GROUPS)
    np.testing.assert_allclose(
        scores, sum(w[j] * z[:, j] for j in range(5)), rtol=1e-14
    )
    assert (scores >= z.min(axis=1)).all()
    assert (scores <= z.max(axis=1)).all()


def test_geometric_is_the_weighted_product_and_forgives_no_zero():
    z, w = drawn()
    z[3, 1] = 0.0
    scores = aggregate_geometric(z, w)
    np.testing.assert_allclose(scores, np.prod(z**w, axis=1), rtol=1e-12)
    assert scores[3] == 0.0
    assert (scores <= aggregate("linear", z, w, NONE, NONE, GROUPS) + 1e-15).all()


def test_a_zero_without_weight_is_no_zero():
    z = np.array([[0.0, 0.5], [1.0, 0.25]])
    np.testing.assert_allclose(
        aggregate_geometric(z, np.array([0.0, 1.0])), [0.5, 0.25], rtol=1e-14
    )


def test_dimensions_are_means_inside_and_products_across():
    z, w = drawn()
    z[3, 0] = z[5, 1] = 0.0
    expected = []
    for row in z:
        score = 1.0
        for columns in GROUPS:
            total = sum(w[j] for j in columns)
            score *= (sum(w[j] * row[j] for j in columns) / total) ** total
        expected.append(score)
    scores = aggregate_dimensions(z, w, GROUPS)
    np.testing.assert_allclose(scores, expected, rtol=1e-13)
    assert scores[3] > 0 == scores[5]
    assert (scores <= aggregate("linear", z, w, NONE, NONE, GROUPS) + 1e-15).all()
    assert (scores >= aggregate_geometric(z, w) - 1e-15).all()


def test_dimensions_of_one_indicator_are_the_geometric_mean():
    z, w = drawn()
    alone = tuple(np.array([j]) for j in range(5))
    np.testing.assert_allclose(
        aggregate_dimensions(z, w, alone),
        aggregate_geometric(z, w),
        rtol=1e-13,
    )


def test_a_dimension_without_weight_counts_for_nothing_and_a_negative_one_has_no_root():
    z = np.array([[0.0, 0.5, -1.0], [0.5, 0.5, 0.2]])
    groups = (np.array([0]), np.array([1, 2]))
    actual = aggregate_dimensions(z, np.array([0.0, 0.5, 0.5]), groups)
    np.testing.assert_allclose(actual, [np.nan, 0.35])
    assert aggregate_dimensions(z, np.array([0.0, 1.0, 0.0]), groups).tolist() == [
        0.5,
        0.5,
    ]


def test_topsis_by_hand():
    z = np.array([[0.0, 0.0], [1.0, 1.0], [0.6, 0.2]])
    w = np.array([0.75, 0.25])
    scores = aggregate_topsis(z, w, z.min(axis=0), z.max(axis=0))
    far = np.hypot(0.75 * 0.4, 0.25 * 0.8)
    near = np.hypot(0.75 * 0.6, 0.25 * 0.2)
    np.testing.assert_allclose(scores, [0.0, 1.0, near / (far + near)], rtol=1e-14)


@pytest.mark.parametrize("word", get_args(Aggregation))
def test_many_sets_of_weights_are_scored_at_once(word):
    z, _ = drawn()
    z[4, 2] = 0.0
    weights = np.random.default_rng(1).dirichlet(np.ones(5), size=7)
    weights[3] = [0.5, 0.5, 0, 0, 0]
    worst, best = z.min(axis=0), z.max(axis=0)
    actual = aggregate(word, z, weights, worst, best, GROUPS)
    assert actual.shape == (7, 40)
    for row, w in zip(actual, weights, strict=True):
        np.testing.assert_allclose(
            row, aggregate(word, z, w, worst, best, GROUPS), rtol=1e-12
        )
