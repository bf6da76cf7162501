"""Weights from places and values, in blocks of rows."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.spatial.kernels import neighbours


@pytest.mark.parametrize("block", [1, 40, 10_000])
def test_blocks_change_nothing(block, monkeypatch) -> None:
    rng = np.random.default_rng(1)
    degrees = np.column_stack([rng.uniform(-80, 80, 15), rng.uniform(-180, 180, 15)])
    degrees[7] = degrees[3]
    whole = neighbours.nearest_neighbours(degrees, 3).toarray()
    nearest = neighbours.nearest_distances(degrees, 2)
    near = neighbours.inverse_distances(degrees[:7], 2, 9_000).toarray()
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    np.testing.assert_array_equal(
        neighbours.nearest_neighbours(degrees, 3).toarray(), whole
    )
    np.testing.assert_array_equal(neighbours.nearest_distances(degrees, 2), nearest)
    np.testing.assert_array_equal(
        neighbours.inverse_distances(degrees[:7], 2, 9_000).toarray(), near
    )
    assert [ends.tolist() for ends in neighbours.same_places(degrees)] == [[3], [7]]


def test_same_values_up_to_rounding() -> None:
    values = np.array([3.0, 0.1 + 0.2, 5.0, 0.3, -2.0])
    first, second = neighbours.same_values(values)
    assert {first[0], second[0]} == {1, 3}
    assert first.size == 1
    # Rounding is that of the pair, not of the largest value.
    assert neighbours.same_values(np.array([-1e15, 1.0, 2.0]))[0].size == 0
