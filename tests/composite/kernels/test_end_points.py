"""Weights under end points of the entities drawn, against weighing the stacked rows from scratch."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.composite.kernels.end_points import redrawn_ends
from digiprosper.composite.kernels.normalise import learn_end_points
from digiprosper.composite.kernels.structure import Rule, weigh
from digiprosper.composite.kernels.uncertainty import entity_sums
from digiprosper.composite.weights import WEIGHTINGS
from digiprosper.kernels.resampling import draw_counts

NAMES = list("abcd")
POSITIVE = np.array([True, False, True, True])


def scaled(x):
    return learn_end_points(x).apply(x, POSITIVE)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("shift", [0.0, 0.01])
def test_coefficients_are_weights_over_ranges(weighting, shift):
    rng = np.random.default_rng(5)
    entity = np.repeat(np.arange(9), rng.integers(2, 6, 9))
    x = rng.lognormal(size=(entity.size, 1)) + rng.lognormal(size=(entity.size, 4))
    shift = shift if weighting == "entropy" else 0.0
    rule, z = Rule(weighting, (np.arange(4),), shift=shift), scaled(x)
    sums = entity_sums(z, entity, rule, np.zeros(4, dtype=bool))
    counts = draw_counts(np.random.default_rng(1), 9, 25)
    found = redrawn_ends(sums, z, entity).coefficients(counts)
    span = np.ptp(x, axis=0)
    for taken, coefficients in zip(counts, found, strict=True):
        stacked = np.repeat(x, taken[entity].astype(int), axis=0)
        weights = weigh(scaled(stacked), rule, NAMES).weights
        np.testing.assert_allclose(coefficients, weights * span / np.ptp(stacked, axis=0), rtol=1e-9)


def test_a_column_that_does_not_vary_among_those_drawn_has_no_weight():
    x = np.array([[1.0, 1], [1, 2], [2, 3], [5, 4]])
    entity = np.array([0, 0, 1, 2])
    z = learn_end_points(x).apply(x, np.array([True, True]))
    sums = entity_sums(z, entity, Rule("equal", (np.arange(2),)), np.zeros(2, dtype=bool))
    found = redrawn_ends(sums, z, entity).coefficients(np.array([[3.0, 0, 0], [0, 3, 0], [1, 1, 1]]))
    np.testing.assert_allclose(found[0], [0.0, 3.0])  # the second runs over a third of its range
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(found[2], [0.5, 0.5])
