"""Checks of spatial weights; malformed input is in `test_weights.py`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import OptionError
from digiprosper.spatial.checks import checked_matrix, refuse_unlinked


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
