"""Rows match by label, zero weights are no rows, bad input names its rows."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest

from digiprosper import dagum, gini, theil_decomposition, theil_t
from digiprosper.errors import (
    AlignmentError,
    DigiprosperError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    OptionError,
)
from digiprosper.inequality.observations import observe

Y = pd.Series([4.0, 1.0, 2.0, 8.0], index=list("abcd"))
W = pd.Series([1.0, 2.0, 3.0, 4.0], index=list("abcd"))


def test_series_are_matched_by_index():
    turned = W[["d", "b", "a", "c"]]
    assert (
        gini(Y, obs_weights=turned)
        == gini(Y, obs_weights=W)
        == gini(Y.tolist(), obs_weights=W.tolist())
    )
    groups = pd.Series(list("xxyy"), index=list("abcd"))
    mixed = observe("f", Y, W.to_numpy(), {"groups": groups[["c", "a", "b", "d"]]})
    assert mixed.codes["groups"].tolist() == [0, 0, 1, 1]


def test_repeated_labels_match_in_the_same_order_only():
    y, w = Y.set_axis(list("aabb")), W.set_axis(list("aabb"))
    assert gini(y, obs_weights=w) == gini(Y, obs_weights=W)
    with pytest.raises(AlignmentError, match="repeat a label"):
        gini(y, obs_weights=w.set_axis(list("abab")))


def test_other_rows_are_refused():
    with pytest.raises(
        AlignmentError,
        match=r"obs_weights and y are Series with different rows .*in obs_weights.*z",
    ):
        gini(Y, obs_weights=W.rename({"a": "z"}))
    with pytest.raises(AlignmentError, match="groups and y"):
        dagum(Y, pd.Series(list("xxyy")))
    keys = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["id", "year"])
    with pytest.raises(AlignmentError, match="different rows"):
        gini(Y.set_axis(keys), obs_weights=W.set_axis(keys.swaplevel()))
    with pytest.raises(AlignmentError, match="different rows"):
        gini(Y.set_axis(keys), obs_weights=W)


def test_lengths_are_checked():
    with pytest.raises(AlignmentError, match=r"y 4, obs_weights 3"):
        gini(Y, obs_weights=[1, 2, 3])
    with pytest.raises(AlignmentError, match=r"y 4, groups 3"):
        dagum(Y.tolist(), list("xyz"))
    with pytest.raises(AlignmentError, match=r"clusters 5"):
        dagum(Y, list("xxyy"), clusters=list("12345"))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ([1, np.nan, 3], r"missing or infinite in 1 row \(first: 1\)"),
        ([1, 2, np.inf], r"missing or infinite in 1 row \(first: 2\)"),
        ([1, None, 3], r"\(first: 1\)"),
        (pd.Series([1, 2, pd.NA], dtype="Int64", index=list("xyz")), r"\(first: z\)"),
        (pl.Series([1.0, None, 2.0]), r"\(first: 1\)"),
    ],
)
def test_missing_and_infinite_values_have_their_rows(bad, words):
    for call in (
        gini,
        theil_t,
        lambda y: dagum(y, [1, 1, 2]),
        lambda y: theil_decomposition(y, [1, 1, 2]),
    ):
        with pytest.raises(MissingDataError, match=words):
            call(bad)


def test_all_columns_with_gaps_in_one_report():
    with pytest.raises(
        MissingDataError, match=r"y is .* obs_weights is .* groups is .* clusters is"
    ) as caught:
        dagum(
            [1, np.nan, 3],
            ["x", None, "y"],
            obs_weights=[np.inf, 1, 1],
            clusters=[1, 2, np.nan],
        )
    assert [p.data["term"] for p in caught.value.problems] == [
        "y",
        "obs_weights",
        "groups",
        "clusters",
    ]
    assert caught.value.problems[0].data["rows"] == (1,)
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


def test_negative_values_have_their_rows():
    keys = pd.MultiIndex.from_tuples(
        [("hebei", 2011), ("hebei", 2012), ("henan", 2011)]
    )
    y = pd.Series([1.0, -2.0, 3.0], index=keys)
    for call in (
        gini,
        theil_t,
        lambda v: dagum(v, [1, 1, 2]),
        lambda v: theil_decomposition(v, [1, 1, 2]),
    ):
        with pytest.raises(
            IdentificationError, match=r"negative in 1 row \(first: \(hebei, 2012\)\)"
        ):
            call(y)


def test_nothing_to_share():
    for call in (gini, theil_t, lambda v: dagum(v, [1, 1])):
        with pytest.raises(IdentificationError, match="zero in every row"):
            call([0, 0])
    with pytest.raises(IdentificationError, match="zero in every row"):
        gini([0, 0, 5], obs_weights=[1, 1, 0])
    with pytest.raises(MissingDataError, match="no rows"):
        gini([])


def test_values_whose_squares_do_not_fit_into_numbers():
    for call in (
        gini,
        theil_t,
        lambda v: dagum(v, [1, 2]),
        lambda v: theil_decomposition(v, [1, 1]),
    ):
        for scale in (1e200, 1e-200):
            with pytest.raises(
                IdentificationError, match=r"y has a largest value of 2e.*another unit"
            ):
                call([scale, 2 * scale])
    with pytest.raises(IdentificationError, match="obs_weights has a largest value"):
        gini([1, 2], obs_weights=[1e200, 1])
    assert gini([1e100, 2e100]) == pytest.approx(gini([1, 2]))


@pytest.mark.parametrize(
    ("weights", "words"),
    [([1, -1, 1, 1], r"negative in 1 row \(first: b\)"), ([0] * 4, "zero everywhere")],
)
def test_weights_out_of_range(weights, words):
    with pytest.raises(OptionError, match=words):
        gini(Y, obs_weights=weights)


@pytest.mark.parametrize(
    "bad",
    [
        "1234",
        ["1", "2"],
        [1, "2"],
        [1, 2j],
        [[1, 2], [3, 4]],
        [[1, 2], [3]],
        np.ones((2, 2)),
        pd.DataFrame({"a": [1.0]}),
        pd.Series(["a", "b"]),
        pd.Series(pd.to_datetime(["2020", "2021"])),
        pd.Series([1 + 1j, 2]),
        {"a": 1},
        5.0,
        np.array(5.0),
        None,
        [1, pd.Timestamp("2020")],
        pytest.param([object(), object()], id="list of objects"),
        [True, {}],
    ],
    ids=lambda v: f"{type(v).__name__} {v!r}"[:40],
)
def test_what_is_no_column_of_numbers(bad):
    with pytest.raises(InputTypeError, match="gini: y is"):
        gini(bad)


@pytest.mark.parametrize(
    "bad",
    [
        "xxyy",
        7,
        None,
        {"a": 1},
        [["x"], ["y"], ["x"], ["y"]],
        np.ones((4, 1)),
        [{}, {}, {}, {}],
    ],
)
def test_what_is_no_column_of_labels(bad):
    with pytest.raises(InputTypeError, match="dagum: groups"):
        dagum(Y, bad)


def test_labels_of_any_kind():
    expected = dagum(Y, ["p", "p", "q", "q"])
    for groups in (
        [1, 1, 2, 2],
        [(1, "a"), (1, "a"), (2, "b"), (2, "b")],
        ["x", "x", 5, 5],
        [True, True, None.__class__, None.__class__],
        np.array(["u", "u", "v", "v"]),
        pd.Categorical(["lo", "lo", "hi", "hi"], categories=["lo", "mid", "hi"]),
        pd.Series(["u", "u", "v", "v"], index=list("abcd"), dtype="category"),
        pd.Index([2.5, 2.5, 7.5, 7.5]),
        pl.Series(["u", "u", "v", "v"]),
        iter("uuvv"),
        pd.to_datetime(["2020", "2020", "2021", "2021"]),
    ):
        found = dagum(Y, groups)
        np.testing.assert_array_equal(found.ahead, expected.ahead)


def test_labels_are_in_order_where_they_have_one():
    def labels(groups):
        return theil_decomposition([1.0, 2.0, 3.0], groups).by_group.index.tolist()

    assert labels(["b", "a", "c"]) == ["a", "b", "c"]
    assert labels([10, 9, 1]) == [1, 9, 10]
    assert labels(
        pd.Categorical(["lo", "mid", "hi"], categories=["lo", "mid", "hi"])
    ) == ["lo", "mid", "hi"]
    assert labels(["b", 3, "a"]) == ["b", 3, "a"]
    assert labels([(2, 1), (1, 9), (1, 2)]) == [(1, 2), (1, 9), (2, 1)]


def test_rows_of_weight_zero_are_no_rows():
    kept = dagum(Y, list("xxyz"), obs_weights=[1, 1, 2, 0])
    assert kept.groups.index.tolist() == ["x", "y"]
    assert kept.nobs == 3
    # A negative value that does not count is not looked at; a missing one is.
    assert gini([1, 3, -5], obs_weights=[1, 1, 0]) == gini([1, 3])
    with pytest.raises(MissingDataError):
        gini([1, 3, np.nan], obs_weights=[1, 1, 0])


def test_input_is_not_written_to():
    y, w, groups = (
        np.array([3.0, 1.0, 2.0]),
        np.array([1.0, 0.0, 2.0]),
        np.array(["a", "b", "a"]),
    )
    for column in (y, w, groups):
        column.setflags(write=False)
    dagum(y, groups, obs_weights=w)
    theil_t(pd.Series(y), obs_weights=w)
    theil_decomposition(y, groups, obs_weights=w)


def test_every_refusal_is_one_family():
    with pytest.raises(DigiprosperError):
        gini(["a"])
    with pytest.raises(ValueError, match="negative"):
        gini([-1, 2])
    with pytest.raises(TypeError):
        gini(None)


@pytest.mark.parametrize("digits", [400, 5000])
def test_a_whole_number_beyond_floating_point_is_no_number(digits):
    for value in ([1, 10**digits], pd.Series([1, -(10**digits)], dtype=object)):
        with pytest.raises(InputTypeError, match="integer beyond"):
            observe("gini", value)


def test_values_reach_1e120():
    y = np.array([0.2, 0.5, 1.0])
    for size in (0.95e120, 1 / 0.95e120):
        assert gini(y * size) == pytest.approx(gini(y))
    for size in (1.05e120, 1 / 1.05e120):
        with pytest.raises(IdentificationError) as caught:
            gini(y * size)
        assert [p.code for p in caught.value.problems] == ["extreme"]
