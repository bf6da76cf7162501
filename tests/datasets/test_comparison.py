from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import ColumnError, FixedEffects, InputTypeError, OptionError
from digiprosper.datasets import beside_truth, us_states


@pytest.fixture(scope="module")
def fit():
    return FixedEffects("log(gsp)", ["log(pc)", "unemp"]).fit(us_states())


def test_rows_of_results_are_those_of_their_tidy_frame(fit):
    table = beside_truth({"capital": (0.7, fit, "log(pc)"), "jobs": (9, fit, "unemp")}, level=0.9)
    assert table.columns.tolist() == ["truth", "estimate", "std_error", "conf_low", "conf_high", "inside"]
    assert table.index.tolist() == ["capital", "jobs"]
    tidy = fit.tidy(0.9).set_index("term").loc[["log(pc)", "unemp"]]
    shared = ["estimate", "std_error", "conf_low", "conf_high"]
    np.testing.assert_array_equal(table[shared], tidy[shared])
    assert table["truth"].tolist() == [0.7, 9.0]
    assert table["inside"].tolist() == [
        bool(tidy.iloc[0]["conf_low"] <= 0.7 <= tidy.iloc[0]["conf_high"]),
        False,
    ]


def test_a_frame_with_terms_takes_the_place_of_results(fit):
    by_frame = beside_truth({"capital": (0.7, fit.tidy(0.9), "log(pc)")}, level=0.99)
    pd.testing.assert_frame_equal(by_frame, beside_truth({"capital": (0.7, fit, "log(pc)")}, level=0.9))


@pytest.mark.parametrize(
    ("pieces", "truth", "inside"),
    [
        ([(1.0, 2.0)], 1.5, True),
        ([(1.0, 2.0), (3.0, 4.0)], 2.5, False),
        ([(1.0, 2.0), (3.0, 4.0)], 4, True),
        ([(-np.inf, 2.0)], -9, True),
        ([], 1, False),
    ],
)
def test_a_set_covers_the_truth_piece_by_piece(pieces, truth, inside):
    row = beside_truth({"point": (truth, 1.4, pieces)}).loc["point"]
    assert (row["truth"], row["estimate"], row["inside"]) == (truth, 1.4, inside)
    assert pd.isna(row["std_error"])
    if pieces:
        assert (row["conf_low"], row["conf_high"]) == (min(pieces)[0], max(pieces)[1])


@pytest.mark.parametrize(
    "rows",
    [
        None,
        {},
        [("a", 1)],
        {"a": 1},
        {"a": "abc"},
        {"a": (1, 2)},
        {"a": (1, 2, "log(pc)")},
        {"a": ("one", 1, [(0, 1)])},
        {"a": (1, 1, [(0, 1, 2)])},
        {"a": (1, 1, None)},
    ],
)
@pytest.mark.many(10)
def test_what_is_no_row_is_refused(rows):
    with pytest.raises(InputTypeError, match="beside_truth"):
        beside_truth(rows)


def test_an_unknown_term_or_level_is_refused(fit):
    with pytest.raises(ColumnError, match=r"'pc' not; .*'unemp'"):
        beside_truth({"capital": (1, fit, "pc")})
    with pytest.raises(ColumnError, match="twice"):
        beside_truth({"capital": (1, pd.concat([fit.tidy()] * 2), "unemp")})
    with pytest.raises(ColumnError, match="'term'"):
        beside_truth({"capital": (1, fit.tidy().drop(columns="term"), "unemp")})
    with pytest.raises(InputTypeError):
        beside_truth({"capital": ("x", fit, "unemp")})
    with pytest.raises(OptionError):
        beside_truth({"capital": (1, fit, "unemp")}, level=95)
