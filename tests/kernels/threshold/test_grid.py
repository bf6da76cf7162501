"""Candidates: distinct values inside the trim, grids, and zones without enough entities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from digiprosper.errors import ThresholdSearchError
from digiprosper.kernels import threshold as kernel
from tests.kernels.threshold.threshold_oracle import (
    panel,
    varies,
)


def test_candidates_are_distinct_values_inside_the_trim() -> None:
    q = np.repeat(np.arange(10.0), 10)
    np.testing.assert_array_equal(kernel.candidates(q, [0.1]).values, np.arange(9.0))
    np.testing.assert_array_equal(kernel.candidates(q, [0.11]).values, np.arange(1.0, 8.0))
    np.testing.assert_array_equal(kernel.candidates(q, [0.1], rule="<").values, np.arange(1.0, 10.0))
    where = kernel.candidates(q, [0.1, 0.3])
    assert where.allowed.sum(axis=1).tolist() == [9, 5]
    free = where.open_to(1, np.array([[4]]))
    np.testing.assert_array_equal(where.values[free[0]], [])
    free = where.open_to(0, np.array([[4]]))
    np.testing.assert_array_equal(where.values[free[0]], [0, 1, 2, 3, 5, 6, 7, 8])


@pytest.mark.parametrize("rule", ["<=", "<"])
def test_a_grid_of_quantiles_has_its_ends_at_the_trim(rule: Any) -> None:
    q = np.random.default_rng(0).permutation(np.arange(100.0))
    where = kernel.candidates(q, [0.05], grid=19, rule=rule)
    assert where.values.size == 19
    assert where.cuts[0] == 5
    assert where.cuts[-1] == 95
    every = kernel.candidates(q, [0.05], rule=rule)
    assert set(where.values) <= set(every.values)


def test_hansens_grid_is_his() -> None:
    q = np.arange(1.0, 6748.0)
    where = kernel.candidates(q, [0.01], grid="hansen")
    assert where.values.size == 393
    assert where.values[0] == np.floor(0.01 * 6747)
    assert where.values[-1] == np.floor(0.99 * 6747)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("least", [1, 2, 4])
@pytest.mark.many(2)
def test_zones_leave_enough_entities_that_vary(seed: int, least: int) -> None:
    data = panel(seed, 1 + seed % 2)
    data["z"] = np.round(data["z"] / np.std(data["z"]))  # repeated values: seen, and without variation
    order = np.argsort(data["q"], kind="stable")
    found = kernel.variation(data["z"], data["effects"]["entity"], order, least)
    n = order.size
    cuts = np.array([0, n // 3, n // 2, n])
    for cut, below, above in zip(cuts, *found.zone(cuts), strict=True):
        for other in range(n + 1):
            rows = order[min(cut, other) : max(cut, other)]
            enough = varies(data, rows) >= least
            assert enough == (other <= below or other >= above)


def test_more_entities_than_there_are_cannot_vary() -> None:
    data = panel(0, 1)
    entity = data["effects"]["entity"]
    with pytest.raises(ThresholdSearchError, match="entities with variation"):
        kernel.variation(data["z"], entity, np.argsort(data["q"]), int(entity.max()) + 2)


def test_more_rows_than_any_array_has_are_refused():
    with pytest.raises(ThresholdSearchError):
        kernel.candidates(np.arange(20.0), [0.1], min_nobs=2**63)
