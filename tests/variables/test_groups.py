"""Groups of labels and of the second level of an index."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper.errors import IdentificationError
from digiprosper.panel.arguments import arguments
from digiprosper.variables.groups import compared_rows, grouped, row_labels


def test_labels_and_times_make_groups() -> None:
    keys = pd.MultiIndex.from_product([list("ab"), [1, 2]])
    x = pd.Series(1.0, keys)
    assert grouped(arguments("f", {"x": x})).tolist() == [0, 1, 0, 1]
    assert grouped(
        arguments("f", {"x": x}, labels={"time": [1, 1, 1, 1]})
    ).tolist() == [0, 0, 0, 0]
    codes = grouped(arguments("f", {"x": x}, labels={"region": ["p", "p", None, "q"]}))
    assert len(set(codes.tolist())) == 4
    assert grouped(arguments("f", {"x": x.to_numpy()})).tolist() == [0, 0, 0, 0]
    assert row_labels(region=None, time=[1]) == {"time": [1]}


def test_rows_with_gaps_are_not_looked_at() -> None:
    given = arguments(
        "f", {"x": [np.nan, 0.0, 0.0]}, labels={"region": ["a", "b", "b"]}
    )
    compared_rows(given, "units")
    with pytest.raises(
        IdentificationError,
        match=r"sum of x in the group is zero in 2 rows \(first: 1, 2\)",
    ):
        compared_rows(given, "units", ("x",))
