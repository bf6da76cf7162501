"""Checks of spatial weights; malformed input is in `test_weights.py`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import AlignmentError, OptionError
from digiprosper.spatial.checks import (
    checked_labels,
    checked_matrix,
    positions_among,
    refuse_unlinked,
)


def test_what_is_right_is_copied() -> None:
    given = np.array([[0, 1], [2, 0]], dtype=object)
    raw = checked_matrix(given, pd.Index(["a", "b"]), "W")
    assert raw.dtype == np.float64
    assert raw.tolist() == [[0.0, 1.0], [2.0, 0.0]]


def test_labels_of_bad_links_are_written_as_they_are() -> None:
    with pytest.raises(OptionError, match=r"first: \(11, 12\)\)"):
        checked_matrix(np.array([[0, -1.0], [1, 0]]), pd.Index([11, 12]), "W")


def test_weights_without_links_are_named() -> None:
    with pytest.raises(OptionError, match="V: no entity"):
        refuse_unlinked(np.zeros((2, 2)), "V")


@pytest.mark.parametrize(
    "values",
    [
        ["b", "a"],
        ("b", "a"),
        np.array(["b", "a"]),
        pd.Index(["b", "a"], name="city"),
        pd.Series(["b", "a"]),
        pd.Series(["b", "a"], dtype="category"),
        pd.CategoricalIndex(["b", "a"]),
        iter(["b", "a"]),
    ],
)
def test_labels_of_any_ordered_kind(values) -> None:
    labels = checked_labels(values, "entities")
    assert labels.tolist() == ["b", "a"]
    assert labels.name is None
    assert not isinstance(labels, pd.CategoricalIndex)


def test_tuples_are_labels() -> None:
    labels = checked_labels([("a", 1), ("a", 2)], "entities")
    assert (labels.nlevels, labels.tolist()) == (1, [("a", 1), ("a", 2)])


def test_positions() -> None:
    known = pd.Index([30, 10, 20])
    assert positions_among(known, pd.Index([10, 30]), "W", "the panel").tolist() == [
        1,
        0,
    ]
    with pytest.raises(AlignmentError, match=r"did you mean 'Hangzhou'"):
        positions_among(pd.Index(["Hangzhou"]), pd.Index(["Hangzou"]), "W", "the panel")
