"""Comparisons of cohorts against the regression that they decompose."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.policy.kernels.decomposition import compare_cohorts


@pytest.mark.parametrize("first", [[2, 4, 8], [0, 3, 5, 8], [1, 2], [0, 3], [1, 3, 5, 7]])
def test_weights_sum_to_one_and_the_weighted_sum_is_the_slope(first: list[int]) -> None:
    rng = np.random.default_rng(len(first))
    sizes = rng.integers(1, 6, size=len(first))
    of_entity = np.repeat(np.arange(len(first)), sizes)
    y = rng.normal(size=(of_entity.size, 8))
    on = (np.arange(8) >= np.array(first)[of_entity][:, None]).astype(float)
    demeaned = on - on.mean(axis=1, keepdims=True) - on.mean(axis=0) + on.mean()
    slope = (demeaned * y).sum() / (demeaned * on).sum()

    means = np.array([y[of_entity == g].mean(axis=0) for g in range(len(first))])
    found = compare_cohorts(means, np.array(first), sizes / sizes.sum())
    assert found.weights.sum() == pytest.approx(1, abs=1e-14)
    assert (found.weights > 0).all()
    assert found.weights @ found.estimates == pytest.approx(slope, abs=1e-12)
    becomes = [g for g in range(len(first)) if 0 < first[g] < 8]
    assert found.treated.size == len(becomes) * (len(first) - 1)
