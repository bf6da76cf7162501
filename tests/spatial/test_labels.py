"""Labels of entities."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import AlignmentError
from digiprosper.spatial.labels import checked_labels, places_among


@pytest.mark.parametrize(
    "given",
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
def test_labels_of_any_ordered_kind(given) -> None:
    labels = checked_labels(given, "entities")
    assert labels.tolist() == ["b", "a"]
    assert labels.name is None
    assert not isinstance(labels, pd.CategoricalIndex)


def test_tuples_are_labels() -> None:
    labels = checked_labels([("a", 1), ("a", 2)], "entities")
    assert (labels.nlevels, labels.tolist()) == (1, [("a", 1), ("a", 2)])


def test_places() -> None:
    known = pd.Index([30, 10, 20])
    assert places_among(known, pd.Index([10, 30]), "W", "the panel").tolist() == [1, 0]
    with pytest.raises(AlignmentError, match=r"did you mean 'Hangzhou'"):
        places_among(pd.Index(["Hangzhou"]), pd.Index(["Hangzou"]), "W", "the panel")
