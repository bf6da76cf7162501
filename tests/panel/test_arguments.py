"""Columns, tables and labels of a function: one order, one kind, named faults.

One kind comes back; every fault is named with its rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from digiprosper import Panel
from digiprosper.errors import (
    AlignmentError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
)
from digiprosper.panel.arguments import arguments, below_zero, refuse_missing

nan = np.nan
PANEL = Panel(pd.DataFrame({"i": [1, 2], "x": [1.0, 2.0]}), "i")
FRAME = pd.DataFrame({"a": [1.0, 2, 3], "b": [4.0, nan, 6]}, index=list("xyz"))


def sums(table: Any, column: Any) -> Any:
    given = arguments("f", {"column": column}, tables={"table": table})
    return given.apply_by_row(lambda t, c: t.sum(axis=1) + c)


def test_the_same_kind_comes_back() -> None:
    actual = sums(FRAME, 1)
    pd.testing.assert_series_equal(
        actual, pd.Series([6.0, nan, 10], list("xyz"), name="f")
    )
    np.testing.assert_array_equal(sums(FRAME.to_numpy(), [1, 1, 1]), actual.to_numpy())
    np.testing.assert_array_equal(
        sums([FRAME["a"].tolist(), (4, None, 6)], 1), actual.to_numpy()
    )
    assert sums([1, 2], np.float32(3)) == 6.0
    assert isinstance(sums((1, 2), 3), float)
    assert np.isnan(sums([1, pd.NA], 3))
    pd.testing.assert_series_equal(
        sums({"u": FRAME["a"], "v": 4}, 1).round(),
        pd.Series([6.0, 7, 8], list("xyz"), name="f"),
    )
    np.testing.assert_array_equal(
        sums([pl.Series([1, 2]), pl.Series([3, None])], 0), [4, nan]
    )


def test_series_are_matched_by_index() -> None:
    turned = FRAME["a"].iloc[::-1]
    pd.testing.assert_series_equal(
        sums([turned, FRAME["b"]], 1), sums(FRAME, 1).reindex(list("zyx"))
    )
    pd.testing.assert_series_equal(sums(FRAME, turned), sums(FRAME, FRAME["a"]))
    with pytest.raises(AlignmentError, match="different rows"):
        sums(FRAME, pd.Series([1, 2, 3]))
    with pytest.raises(AlignmentError, match="lengths differ"):
        sums(FRAME.to_numpy(), [1, 2])


def test_groups_with_a_gap_are_missing_as_a_whole() -> None:
    given = arguments(
        "f",
        {"x": pd.Series([1.0, nan, 3, 4], list("wxyz"))},
        labels={"g": ["a", "a", "b", "b"]},
    )
    codes = given.labels["g"][0]
    actual = given.apply_by_group(lambda c, n, x: np.bincount(c, x, n)[c], codes)
    np.testing.assert_array_equal(actual, [nan, nan, 7, 7])


def test_a_missing_label_belongs_to_no_group() -> None:
    labels = {"g": ["b", None, "a", "b"]}
    codes, levels = arguments("f", {"x": [1, 2, 3, 4]}, labels=labels).labels["g"]
    assert codes.tolist() == [1, -1, 0, 1]
    assert list(levels) == ["a", "b"]
    rows = pd.Index(list("wxyz"))
    with pytest.raises(MissingDataError, match="g is missing") as caught:
        refuse_missing("f", {"g": codes}, rows)
    assert caught.value.problems[0].data["rows"] == ("x",)


def test_columns_have_the_heads_of_their_table() -> None:
    a, b = pd.Series([1.0, 2], name="p"), pd.Series([3.0, 4], name="q")
    for table, heads in (([a, b], ["p", "q"]), ({"x": a, "y": b}, ["x", "y"])):
        assert arguments("f", tables={"t": table}).column_labels["t"] == heads


def test_all_columns_in_one_report() -> None:
    table = pd.DataFrame({"a": [1, -1], "b": [-2, -3], "c": [nan, 1]})
    given = arguments("f", {"d": [-1, 1]}, tables={"t": table})
    with pytest.raises(
        IdentificationError,
        match=r"t\['a'\] is negative in 1 row \(first: 1\); t\['b'\]",
    ) as caught:
        given.refuse(("t", "d"), below_zero, "negative", "That cannot be")
    assert [p.data["argument"] for p in caught.value.problems] == [
        "t['a']",
        "t['b']",
        "d",
    ]
    with pytest.raises(
        MissingDataError, match=r"t\['b'\] is infinite .*; d is infinite"
    ):
        arguments("f", {"d": [np.inf, 1]}, tables={"t": table.replace(-3, np.inf)})


@pytest.mark.parametrize(
    "bad",
    [
        "a",
        None,
        [None, "a"],
        {"a": "b"},
        [[1, 2], "ab"],
        pd.Series([1.0]),
        np.ones(3),
        5,
    ],
)
def test_what_is_no_table(bad: Any) -> None:
    with pytest.raises(InputTypeError):
        arguments("f", tables={"t": bad})


@pytest.mark.parametrize(
    "bad",
    ["a", None, b"x", {"a": 1}, ["a", 1], [1j, 2], [[1], [1, 2]], 1j, object(), PANEL],
)
def test_what_is_no_column(bad: Any) -> None:
    with pytest.raises(InputTypeError):
        arguments("f", {"x": bad})


def test_repeated_heads_and_no_columns() -> None:
    twice = pd.concat([FRAME["a"], FRAME["a"]], axis=1)
    assert arguments("f", tables={"t": twice}).names["t"] == ("t[0]", "t[1]")
    with pytest.raises(InputTypeError, match="no columns"):
        arguments("f", tables={"t": FRAME[[]]})
    with pytest.raises(MissingDataError, match="no rows"):
        arguments("f", tables={"t": FRAME.iloc[:0]})


def test_results_beyond_the_range_of_numbers() -> None:
    with pytest.raises(IdentificationError, match="another unit"):
        arguments("f", {"x": [1e119]}).apply_by_row(lambda x: x**3)
    with pytest.raises(IdentificationError, match="another unit"):
        arguments("f", {"x": [1e130]})
