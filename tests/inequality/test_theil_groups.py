"""Theil's T by groups adds up; town and country."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digiprosper import Panel, theil_decomposition, theil_t, urban_rural_theil
from digiprosper.errors import (
    AlignmentError,
    IdentificationError,
    IndicatorWarning,
    InputTypeError,
    MissingDataError,
)

OUTSIDE = json.loads(
    (Path(__file__).parents[1] / "reference" / "inequality.json").read_text(
        encoding="utf-8"
    )
)
G3 = OUTSIDE["G3"]


def test_outside_numbers():
    found = theil_decomposition(G3["data"], G3["groups"])
    assert found.total == pytest.approx(G3["theil_t"], abs=G3["tolerance"])
    assert found.between == pytest.approx(G3["theil_t_between"], abs=G3["tolerance"])
    assert found.within == pytest.approx(G3["theil_t_within"], abs=G3["tolerance"])


@pytest.mark.further
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=80, deadline=None)
def test_between_and_within_add_up(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 60))
    y, groups, w = (
        rng.lognormal(size=n) * (rng.random(n) > 0.2),
        rng.integers(0, 5, n),
        rng.random(n) + 0.1,
    )
    y[0] = 1.0
    found = theil_decomposition(y, groups, obs_weights=w)
    assert found.total == pytest.approx(theil_t(y, obs_weights=w), abs=1e-15)
    assert found.between + found.within == pytest.approx(found.total, abs=1e-13)
    table = found.by_group
    assert table["between"].sum() == pytest.approx(found.between, abs=1e-13)
    assert table["within"].sum() == pytest.approx(found.within, abs=1e-13)
    assert table["population_share"].sum() == pytest.approx(1)
    assert table["income_share"].sum() == pytest.approx(1)
    for k in table.index[table["income_share"] > 0]:
        inside = groups == k
        assert table.loc[k, "theil"] == pytest.approx(
            theil_t(y[inside], obs_weights=w[inside]), abs=1e-13
        )
    means = table["mean"].loc[groups].to_numpy()
    assert theil_t(means, obs_weights=w) == pytest.approx(found.between, abs=1e-13)


def test_weights_are_repetition_and_labels_are_free():
    rng = np.random.default_rng(1)
    y, groups, times = (
        rng.lognormal(size=30),
        rng.choice(list("abc"), 30),
        rng.integers(1, 4, 30),
    )
    weighted = theil_decomposition(y, groups, obs_weights=times)
    stacked = theil_decomposition(np.repeat(y, times), np.repeat(groups, times))
    pd.testing.assert_frame_equal(weighted.by_group, stacked.by_group)
    assert weighted.between == pytest.approx(stacked.between, abs=1e-14)


def test_groups_apart_groups_alike_and_a_group_of_zeros():
    assert theil_decomposition([2, 2, 5, 5], list("aabb")).within == 0.0
    assert theil_decomposition([1, 3, 1, 3], list("aabb")).between == 0.0
    found = theil_decomposition([0, 0, 1, 3], list("aabb"))
    assert found.by_group.loc["a", ["theil", "between", "within"]].tolist() == [0, 0, 0]
    assert found.between == pytest.approx(np.log(2))
    flat = theil_decomposition([4, 4, 4], list("aab"))
    assert (flat.total, flat.between, flat.within) == (0, 0, 0)
    assert "Theil" in flat.summary()


def test_nearly_equal_group_means_keep_their_digits():
    # Means 1 -+ 1e-7: between is half the squared coefficient of variation
    y = np.array([1 - 1e-7, 1 - 1e-7, 1 + 1e-7, 1 + 1e-7])
    assert theil_decomposition(y, list("aabb")).between == pytest.approx(
        0.5e-14, rel=1e-6
    )


def test_the_result_is_plain():
    found = theil_decomposition(G3["data"], G3["groups"])
    assert json.loads(json.dumps(found.to_dict()))["by_group"][0]["group"] == "C"
    pd.testing.assert_frame_equal(
        pickle.loads(pickle.dumps(found)).by_group, found.by_group
    )
    assert repr(found) == found.summary()
    assert found.summary().splitlines()[-1] == "Theil (1967), population version"
    assert found.by_group.columns.tolist() == [
        "population_share",
        "income_share",
        "mean",
        "theil",
        "between",
        "within",
    ]


# --- town and country -----------------------------------------------------------------


@pytest.mark.parametrize(
    "case", OUTSIDE["urban_rural"]["cases"], ids=lambda c: f"{c['urban_income']}"
)
def test_urban_rural_outside_numbers(case):
    numbers = [
        case[n]
        for n in (
            "urban_income",
            "rural_income",
            "urban_population",
            "rural_population",
        )
    ]
    found = urban_rural_theil(*numbers)
    assert isinstance(found, float)
    assert found == pytest.approx(
        case["value"], abs=OUTSIDE["urban_rural"]["tolerance"]
    )


@pytest.mark.filterwarnings("ignore:urban_rural_theil")
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_it_is_the_between_part_of_two_groups(seed):
    rng = np.random.default_rng(seed)
    income, people = rng.lognormal(size=2), rng.random(2) + 0.01
    found = urban_rural_theil(income[0], income[1], people[0], people[1])
    assert found == pytest.approx(
        theil_decomposition(income, ["u", "r"], obs_weights=people).between, abs=1e-14
    )
    total, share = income * people / (income @ people), people / people.sum()
    assert found == pytest.approx(float(total @ np.log(total / share)), abs=1e-13)
    assert urban_rural_theil(*(3 * income), *(people / 9)) == pytest.approx(
        found, abs=1e-14
    )


def test_series_in_series_out():
    index = pd.MultiIndex.from_product(
        [["hebei", "henan"], [2011, 2012]], names=["province", "year"]
    )
    frame = pd.DataFrame(
        {"iu": [2.0, 3, 4, 5], "ir": [1.0, 3, 2, 1], "u": [0.5, 0.4, 0.3, 0.2]},
        index=index,
    )
    found = urban_rural_theil(frame["iu"], frame["ir"], frame["u"], 1 - frame["u"])
    assert found.name == "urban_rural_theil"
    assert found.index.equals(index)
    rows = [
        urban_rural_theil(*row, 1 - row[2]) for row in frame.itertuples(index=False)
    ]
    np.testing.assert_allclose(found, rows, atol=1e-15)
    turned = urban_rural_theil(
        frame["iu"], frame["ir"].iloc[::-1], frame["u"], 1 - frame["u"]
    )
    pd.testing.assert_series_equal(found, turned)
    # Numbers stand for every row, and the panel takes the result as a column.
    assert urban_rural_theil(frame["iu"], 1.0, 0.5, 0.5).iloc[0] == pytest.approx(
        rows[0]
    )
    panel = Panel(frame.reset_index(), "province", "year").assign(theil=found)
    np.testing.assert_allclose(panel.frame["theil"], rows)
    arrays = urban_rural_theil(frame["iu"].tolist(), frame["ir"].to_numpy(), 0.5, 0.5)
    assert isinstance(arrays, np.ndarray)
    assert arrays.shape == (4,)


def test_incomes_per_head_as_shares_are_another_number():
    # What the usual mistake gives: incomes instead of incomes times population
    a = 47412 / (47412 + 18931)
    mistaken = a * np.log(a / 0.6472) + (1 - a) * np.log((1 - a) / 0.3528)
    assert mistaken == pytest.approx(0.0104, abs=1e-4)
    assert urban_rural_theil(47412, 18931, 0.6472, 0.3528) > 7 * mistaken


def test_one_part_may_be_empty():
    assert urban_rural_theil(5, 3, 1, 0) == 0.0
    assert urban_rural_theil(5, 0, 0.5, 0.5) == pytest.approx(np.log(2))


def test_missing_gives_missing():
    income, people = (
        pd.Series([3.0, None, 2.0], list("abc")),
        pd.array([1, 1, None], dtype="Int64"),
    )
    found = urban_rural_theil(income, 1.0, pd.Series(people, list("abc")), 1.0)
    assert found.isna().tolist() == [False, True, True]
    assert found["a"] == urban_rural_theil(3, 1, 1, 1)
    assert np.isnan(urban_rural_theil(np.nan, 1, 1, 1))
    assert np.isnan(urban_rural_theil([1.0, np.nan], 1, 1, 1)).tolist() == [False, True]


def test_what_is_refused():
    index = pd.Index(["a", "b"])
    iu, ir = pd.Series([1.0, 2.0], index), pd.Series([1.0, 1.0], index)
    with pytest.raises(
        MissingDataError, match=r"urban_income is infinite in 1 row \(first: b\)"
    ):
        urban_rural_theil(iu.where(iu < 2, np.inf), ir, 0.5, 0.5)
    with pytest.raises(
        IdentificationError, match=r"rural_income is negative in 2 rows \(first: a, b\)"
    ):
        urban_rural_theil(iu, -ir, 0.5, 0.5)
    with pytest.raises(IdentificationError, match=r"urban_population is negative"):
        urban_rural_theil(1, 2, -1, 2)
    with pytest.raises(IdentificationError, match=r"total population is zero in 1 row"):
        urban_rural_theil(1, 2, 0, 0)
    with pytest.raises(IdentificationError, match=r"total income is zero in 1 row"):
        urban_rural_theil(0, 2, 1, 0)
    with pytest.raises(
        AlignmentError,
        match="rural_income and urban_income are Series with different rows",
    ):
        urban_rural_theil(iu, ir.rename({"a": "z"}), 0.5, 0.5)
    with pytest.raises(AlignmentError, match="lengths differ"):
        urban_rural_theil([1, 2], [1, 2, 3], 0.5, 0.5)
    for bad in ("12", None, [[1, 2], [3, 4]], ["a", "b"]):
        with pytest.raises(InputTypeError, match="urban_income"):
            urban_rural_theil(bad, ir, 0.5, 0.5)


def test_columns_of_two_units_are_named():
    # 64.72 million urban residents in units of 10,000, 35.28 million rural residents in
    # persons
    with pytest.warns(
        IndicatorWarning,
        match="rural_population is 5,451 times urban_population in 1 row",
    ):
        found = urban_rural_theil(47412, 18931, 6472, 35_280_000)
    assert found < 0.002 < urban_rural_theil(47412, 18931, 64_720_000, 35_280_000)
    with pytest.warns(
        IndicatorWarning, match="urban_income is 25,045 times rural_income"
    ):
        urban_rural_theil(47412, 1.8931, 0.6472, 0.3528)
    index = pd.Index(["hebei", "henan", "hubei"])
    urban, rural = (
        pd.Series([0.5, 0.6, 55.0], index),
        pd.Series([0.5, 0.4, 0.45], index),
    )
    with pytest.warns(
        IndicatorWarning,
        match=r"urban_population is 122 times .* 1 row \(first: hubei\)",
    ):
        urban_rural_theil(3.0, 1.0, urban, rural)
    with pytest.warns(IndicatorWarning) as caught:
        urban_rural_theil([3, 3, np.nan], [0.01, 1, 1], [1, 0.01, 0.01], [1, 1, 1])
    assert len(caught) == 2


def test_columns_that_differ_as_such_columns_do_are_no_reason_to_warn():
    urban_rural_theil(
        [9.0, 5, 5, np.nan], [1.0, 0, 5, 1], [0.97, 1, 1, 1], [0.03, 0, 1, 1]
    )
