"""The last lines of the three-step table; results are in test_results."""

from __future__ import annotations

import pytest

from digiprosper.errors import InputTypeError, OptionError
from digiprosper.mediation.path_rows import PathRows, checked_labels


def test_lines_without_draws_or_sobel_are_left_out() -> None:
    rows = PathRows(several=True, digits=3, language="zh")
    assert rows.lines("就业", 0.2, None, None) == {"经由就业的间接效应": "0.200"}
    assert list(rows.lines("就业", 0.2, (0.1, 0.3, 0.01), 2.0)) == [
        "经由就业的间接效应 [95%置信区间]",
        "经由就业的自助法p值",
        "经由就业的Sobel z值",
    ]


def test_small_numbers_keep_their_digits() -> None:
    rows = PathRows(several=False, digits=2, language="en")
    assert rows.lines("", 0.00123, None, -0.001) == {"Indirect effect": "0.0012", "Sobel z": "0.00"}


def test_other_languages_and_lists_of_labels_are_refused() -> None:
    with pytest.raises(OptionError):
        PathRows(several=False, digits=3, language="cn")
    with pytest.raises(InputTypeError):
        checked_labels(["就业"])
    assert checked_labels(None) == {}
