from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import IndicatorError, InputTypeError, MissingDataError
from digiprosper.composite.cells import (
    as_table,
    refuse_cells,
    refuse_extreme,
    refuse_missing,
)


def test_a_table_has_the_names_of_its_columns_or_their_positions():
    z, names = as_table(pd.DataFrame({"a": [1, 2], 3: [4, 5]}), "f")
    assert (z.tolist(), names) == ([[1.0, 4.0], [2.0, 5.0]], ["a", "3"])
    assert as_table([[True, 2]], "f")[1] == ["column 0", "column 1"]


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ([["x", 1]], "f takes a table of numbers"),
        ([[1 + 2j]], "f takes a table of numbers"),
        ([[10**400]], "f takes a table of numbers"),
        ([1, 2], r"the shape is \(2,\)"),
        (np.empty((0, 3)), r"the shape is \(0, 3\)"),
    ],
)
def test_what_is_no_table_is_refused(values, match):
    with pytest.raises(InputTypeError, match=match):
        as_table(values, "f")


def test_cells_are_refused_with_column_count_and_first_rows():
    bad = np.zeros((8, 2), dtype=bool)
    refuse_cells(bad, "ab", ("odd", "is odd"), "Change it.")
    bad[1:, 1] = True
    index = pd.Index([f"r{i}" for i in range(8)])
    with pytest.raises(
        IndicatorError, match=r"'b' is odd in 7 rows \(first: r1,.*Change it\."
    ) as caught:
        refuse_cells(bad, "ab", ("odd", "is odd"), "Change it.", index=index)
    assert caught.value.problems[0].code == "odd"
    assert caught.value.problems[0].data == {
        "column": "b",
        "count": 7,
        "rows": ("r1", "r2", "r3", "r4", "r5"),
    }


@pytest.mark.parametrize("cell", [np.nan, np.inf, -np.inf])
def test_cells_that_are_not_finite_are_refused(cell):
    refuse_missing(np.ones((3, 2)), "ab")
    with pytest.raises(MissingDataError, match="'a' is missing or infinite in 1 row"):
        refuse_missing(np.array([[1.0, 1], [cell, 1]]), "ab")


@pytest.mark.parametrize(
    ("largest", "refused"),
    [(1e120, False), (1.1e120, True), (1e-120, False), (9e-121, True)],
)
def test_columns_whose_squares_leave_the_range_are_refused(largest, refused):
    z = np.array([[largest, 1.0], [-largest / 2, 0.0]])
    if refused:
        with pytest.raises(IndicatorError, match="'a' has a largest value of"):
            refuse_extreme(z, "ab")
    else:
        refuse_extreme(z, "ab")
