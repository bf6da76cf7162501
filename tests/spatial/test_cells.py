"""A variable by period and entity; malformed input is in `test_moran.py`."""

from __future__ import annotations

import pandas as pd

from digiprosper import Panel, SpatialWeights
from digiprosper.spatial.cells import read_field


def test_cells_and_weights_are_in_one_order() -> None:
    frame = pd.DataFrame(
        {"city": ["b", "a", "b", "a"], "year": [2, 1, 1, 2], "x": [22.0, 11, 21, 12]}
    )
    weights = SpatialWeights([[0, 1.0], [2.0, 0]], ["b", "a"], standardise="none")
    field = read_field("f", Panel(frame, "city", "year"), "I(2 * x)", weights)
    assert field.cells.tolist() == [[22.0, 42.0], [24.0, 44.0]]
    assert (field.times.tolist(), field.entities.tolist()) == ([1, 2], ["a", "b"])
    assert field.weights.matrix.tolist() == [[0.0, 2.0], [1.0, 0.0]]
