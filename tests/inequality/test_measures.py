"""Measures and decompositions: outside numbers, invariances, identities, draws."""

from __future__ import annotations

import json
import pickle
import warnings
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from digiprosper import (
    DagumResult,
    Panel,
    atkinson,
    coefficient_of_variation,
    dagum,
    gini,
    relative_deprivation,
    theil_decomposition,
    theil_l,
    theil_t,
    urban_rural_theil,
)
from digiprosper.errors import (
    AlignmentError,
    DigiprosperError,
    FewClustersWarning,
    FewDrawsWarning,
    IdentificationError,
    IndicatorWarning,
    InputTypeError,
    MissingDataError,
    OptionError,
)
from digiprosper.inequality.measures import read_observations
from digiprosper.kernels.resampling import draw_counts
from digiprosper.report.protocol import HasDraws, Results

if TYPE_CHECKING:
    from collections.abc import Callable

OUTSIDE = json.loads(
    (Path(__file__).parents[1] / "reference" / "inequality.json").read_text(
        encoding="utf-8"
    )
)
G3 = OUTSIDE["G3"]
INCOMES = G3["data"]

MEASURES = {
    "gini": gini,
    "theil_t": theil_t,
    "theil_l": theil_l,
    "atkinson .5": lambda y, **w: atkinson(y, 0.5, **w),
    "atkinson 1": lambda y, **w: atkinson(y, 1, **w),
    "atkinson 2": lambda y, **w: atkinson(y, 2, **w),
    "cv": coefficient_of_variation,
}
EACH = pytest.mark.parametrize("measure", MEASURES.values(), ids=list(MEASURES))
GROUPS = OUTSIDE["G3"]["groups"]
PARTS = ["within", "between", "transvariation"]
Y = pd.Series([4.0, 1.0, 2.0, 8.0], index=list("abcd"))
W = pd.Series([1.0, 2.0, 3.0, 4.0], index=list("abcd"))


def draw(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    return (
        rng.lognormal(3.0, rng.uniform(0.1, 2.0), n),
        rng.integers(0, 4, n) + (np.arange(n) == 0),
        rng,
    )


@pytest.mark.parametrize("name", ["gini", "theil_t", "theil_l"])
def test_outside_numbers(name):
    assert MEASURES[name](INCOMES) == pytest.approx(G3[name], abs=G3["tolerance"])


def test_outside_numbers_of_atkinson_and_variation():
    for epsilon, value in G3["atkinson"].items():
        assert atkinson(INCOMES, float(epsilon)) == pytest.approx(
            value, abs=G3["tolerance"]
        )
    assert coefficient_of_variation(INCOMES) == pytest.approx(
        G3["cv"], abs=G3["tolerance"]
    )
    assert coefficient_of_variation(INCOMES, ddof=1) == pytest.approx(
        G3["cv_sample"], abs=G3["tolerance"]
    )
    weighted = coefficient_of_variation(INCOMES, obs_weights=G3["obs_weights"])
    assert weighted == pytest.approx(G3["cv_weighted"], abs=G3["tolerance"])


@pytest.mark.many(3)
@EACH
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_weights_are_repetition(measure, seed):
    y, times, _ = draw(seed)
    assert measure(y, obs_weights=times) == pytest.approx(
        measure(np.repeat(y, times)), abs=1e-13
    )


@pytest.mark.many(2)
@EACH
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_scale_order_and_replication_do_not_matter(measure, seed):
    y, _, rng = draw(seed)
    w = rng.random(y.size) + 0.1
    value = measure(y, obs_weights=w)
    assert value >= 0
    assert measure(y * 1234.5, obs_weights=w / 7) == pytest.approx(value, abs=1e-13)
    order = rng.permutation(y.size)
    assert measure(y[order], obs_weights=w[order]) == pytest.approx(value, abs=1e-13)
    assert measure(np.tile(y, 3), obs_weights=np.tile(w, 3)) == pytest.approx(
        value, abs=1e-13
    )


@pytest.mark.many(4)
@EACH
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_a_transfer_to_the_poorer_lowers_inequality(measure, seed):
    y, _, rng = draw(seed)
    if y.size < 2:
        return
    poor, rich = np.argmin(y), np.argmax(y)
    gift = rng.uniform(0.2, 0.5) * (y[rich] - y[poor])
    after = y.copy()
    after[poor] += gift
    after[rich] -= gift
    assert measure(after) < measure(y)


@EACH
def test_equality_is_zero(measure):
    assert measure([0.1] * 7) == pytest.approx(0.0, abs=1e-15)
    assert measure([3.0]) == 0.0
    assert measure([3, 3, 9], obs_weights=[1, 2, 0]) == pytest.approx(0.0, abs=1e-16)


def test_limits():
    most = [0.0] * 9 + [5.0]
    assert gini(most) == pytest.approx(0.9)  # 1 - 1/n; times n/(n-1) it is 1
    assert theil_t(most) == pytest.approx(np.log(10))
    assert atkinson(most, 0.5) == pytest.approx(0.9)
    assert theil_t([0, 1, 2]) == pytest.approx(2 / 3 * np.log(2), abs=1e-15)


def test_atkinson_and_theil_l():
    assert atkinson(INCOMES, 1) == pytest.approx(
        1 - np.exp(-theil_l(INCOMES)), abs=1e-15
    )
    near = [atkinson(INCOMES, 1 + d) for d in (-1e-9, 1e-9)]
    assert near == pytest.approx([atkinson(INCOMES, 1)] * 2, abs=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(INCOMES, index=list("abcdefghij")),
        pd.Series(INCOMES, dtype="Int64"),
        pd.Series(INCOMES, dtype="float32"),
        pd.Index(INCOMES),
        np.array(INCOMES, dtype=np.int16),
        np.array(INCOMES, dtype=object),
        tuple(INCOMES),
        (v for v in INCOMES),
    ],
    ids=lambda v: f"{type(v).__name__} {getattr(v, 'dtype', '')}",
)
def test_any_column_of_numbers(values):
    assert gini(values) == pytest.approx(G3["gini"])


def test_zeros_where_logarithms_are_taken():
    for call in (
        lambda: theil_l([0, 1]),
        lambda: atkinson([0, 1], 1),
        lambda: atkinson([0, 1], 2.5),
    ):
        with pytest.raises(
            IdentificationError, match=r"y is zero in 1 row \(first: 0\)"
        ):
            call()
    assert theil_l([0, 1, 3], obs_weights=[0, 1, 1]) == theil_l([1, 3])


@pytest.mark.parametrize("epsilon", [-0.1, float("nan"), float("inf"), "1", None, True])
def test_epsilon_out_of_range(epsilon):
    with pytest.raises(OptionError, match="epsilon"):
        atkinson(INCOMES, epsilon)


def test_variation_of_values_of_both_signs():
    assert coefficient_of_variation([-1.0, 3.0]) == pytest.approx(2.0)
    for values in ([-1.0, 1.0], [-3.0, 1.0], [0.0, 0.0]):
        with pytest.raises(IdentificationError, match="positive"):
            coefficient_of_variation(values)


@pytest.mark.parametrize("ddof", [-1, 0.5, True, None])
def test_ddof_out_of_range(ddof):
    with pytest.raises(OptionError, match="ddof"):
        coefficient_of_variation(INCOMES, ddof=ddof)


def test_ddof_with_shares_as_weights():
    with pytest.raises(OptionError, match="ddof=0"):
        coefficient_of_variation([1, 2], ddof=1, obs_weights=[0.4, 0.6])
    with pytest.raises(OptionError, match="ddof"):
        coefficient_of_variation([1.0], ddof=1)


@pytest.mark.many(3)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_deprivation_is_the_mean_gap_to_the_richer_and_its_mean_the_gini(seed):
    y, groups, rng = draw(seed)
    y, weights = np.round(y, rng.integers(0, 3)) + 1, rng.uniform(0.1, 3, y.size)
    actual = relative_deprivation(y, groups, obs_weights=weights)
    for group in np.unique(groups):
        x, w = y[groups == group], weights[groups == group]
        gaps = np.maximum(x - x[:, None], 0)
        np.testing.assert_allclose(
            actual[groups == group], gaps @ w / (w @ x), atol=1e-13
        )
        mean = np.average(actual[groups == group], weights=w)
        assert mean == pytest.approx(gini(x, obs_weights=w), abs=1e-13)
    together = relative_deprivation(y, obs_weights=weights)
    one_group = relative_deprivation(y, np.zeros(y.size), obs_weights=weights)
    pd.testing.assert_series_equal(together, one_group)


def test_deprivation_keeps_the_index_and_leaves_out_rows_without_weight():
    frame = pd.DataFrame({"home": [1, 1, 2, 2, 3, 3], "wave": [1, 2] * 3})
    frame["income"], frame["w"] = [0.0, 4, 2, 4, 4, 1], [1.0, 1, 2, 1, 1, 0]
    panel = Panel(frame, "home", "wave")
    waves = panel.frame.index.get_level_values("wave").to_series(panel.index)
    actual = relative_deprivation(panel["income"], waves, obs_weights=panel["w"])
    attached = panel.attach(actual)["relative_deprivation"]
    np.testing.assert_allclose(attached, [1, 0, 0.25, 0, 0, np.nan])


def test_deprivation_where_all_are_poor_is_refused():
    with pytest.raises(IdentificationError, match=r"zero in every row of 'b'"):
        relative_deprivation([1, 2, 0, 0], list("aabb"))
    with pytest.raises(IdentificationError, match="y is negative in 1 row"):
        relative_deprivation([1, -2])


# --- Theil's T by groups --------------------------------------------------------------


def test_outside_numbers_of_theil_by_groups():
    actual = theil_decomposition(G3["data"], G3["groups"])
    assert actual.total == pytest.approx(G3["theil_t"], abs=G3["tolerance"])
    assert actual.between == pytest.approx(G3["theil_t_between"], abs=G3["tolerance"])
    assert actual.within == pytest.approx(G3["theil_t_within"], abs=G3["tolerance"])


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
    actual = theil_decomposition(y, groups, obs_weights=w)
    assert actual.total == pytest.approx(theil_t(y, obs_weights=w), abs=1e-15)
    assert actual.between + actual.within == pytest.approx(actual.total, abs=1e-13)
    table = actual.by_group
    assert table["between"].sum() == pytest.approx(actual.between, abs=1e-13)
    assert table["within"].sum() == pytest.approx(actual.within, abs=1e-13)
    assert table["population_share"].sum() == pytest.approx(1)
    assert table["income_share"].sum() == pytest.approx(1)
    for k in table.index[table["income_share"] > 0]:
        inside = groups == k
        assert table.loc[k, "theil"] == pytest.approx(
            theil_t(y[inside], obs_weights=w[inside]), abs=1e-13
        )
    means = table["mean"].loc[groups].to_numpy()
    assert theil_t(means, obs_weights=w) == pytest.approx(actual.between, abs=1e-13)


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
    actual = theil_decomposition([0, 0, 1, 3], list("aabb"))
    assert actual.by_group.loc["a", ["theil", "between", "within"]].tolist() == [
        0,
        0,
        0,
    ]
    assert actual.between == pytest.approx(np.log(2))
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
    actual = theil_decomposition(G3["data"], G3["groups"])
    assert json.loads(json.dumps(actual.to_dict()))["by_group"][0]["group"] == "C"
    pd.testing.assert_frame_equal(
        pickle.loads(pickle.dumps(actual)).by_group, actual.by_group
    )
    assert repr(actual) == actual.summary()
    assert actual.summary().splitlines()[-1] == "Theil (1967), population version"
    assert actual.by_group.columns.tolist() == [
        "population_share",
        "income_share",
        "mean",
        "theil",
        "between",
        "within",
    ]


# --- town and country -----------------------------------------------------------------


def test_incomes_that_are_shares_were_exchanged_with_populations() -> None:
    urban, rural = [0.6472, 0.5], [0.3528, 0.5]
    for shares in ((urban, rural), (100 * np.array(urban), 100 * np.array(rural))):
        with pytest.raises(IdentificationError, match=r"incomes add up .* per head"):
            urban_rural_theil(*shares, [47412, 40000], [18931, 15000])
    assert urban_rural_theil([0.6, 3], [0.4, 1], urban, rural).size == 2


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
    actual = urban_rural_theil(*numbers)
    assert isinstance(actual, float)
    assert actual == pytest.approx(
        case["value"], abs=OUTSIDE["urban_rural"]["tolerance"]
    )


@pytest.mark.filterwarnings("ignore:urban_rural_theil")
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_it_is_the_between_part_of_two_groups(seed):
    rng = np.random.default_rng(seed)
    income, people = rng.lognormal(size=2), rng.random(2) + 0.01
    actual = urban_rural_theil(income[0], income[1], people[0], people[1])
    assert actual == pytest.approx(
        theil_decomposition(income, ["u", "r"], obs_weights=people).between, abs=1e-14
    )
    total, share = income * people / (income @ people), people / people.sum()
    assert actual == pytest.approx(float(total @ np.log(total / share)), abs=1e-13)
    assert urban_rural_theil(*(3 * income), *(people / 9)) == pytest.approx(
        actual, abs=1e-14
    )


def test_series_in_series_out():
    index = pd.MultiIndex.from_product(
        [["hebei", "henan"], [2011, 2012]], names=["province", "year"]
    )
    frame = pd.DataFrame(
        {"iu": [2.0, 3, 4, 5], "ir": [1.0, 3, 2, 1], "u": [0.5, 0.4, 0.3, 0.2]},
        index=index,
    )
    actual = urban_rural_theil(frame["iu"], frame["ir"], frame["u"], 1 - frame["u"])
    assert actual.name == "urban_rural_theil"
    assert actual.index.equals(index)
    rows = [
        urban_rural_theil(*row, 1 - row[2]) for row in frame.itertuples(index=False)
    ]
    np.testing.assert_allclose(actual, rows, atol=1e-15)
    turned = urban_rural_theil(
        frame["iu"], frame["ir"].iloc[::-1], frame["u"], 1 - frame["u"]
    )
    pd.testing.assert_series_equal(actual, turned)
    # Numbers stand for every row, and the panel takes the result as a column.
    assert urban_rural_theil(frame["iu"], 1.0, 0.5, 0.5).iloc[0] == pytest.approx(
        rows[0]
    )
    panel = Panel(frame.reset_index(), "province", "year").assign(theil=actual)
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
    actual = urban_rural_theil(income, 1.0, pd.Series(people, list("abc")), 1.0)
    assert actual.isna().tolist() == [False, True, True]
    assert actual["a"] == urban_rural_theil(3, 1, 1, 1)
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
        actual = urban_rural_theil(47412, 18931, 6472, 35_280_000)
    assert actual < 0.002 < urban_rural_theil(47412, 18931, 64_720_000, 35_280_000)
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


# --- Dagum's decomposition of the Gini coefficient ------------------------------------


def provinces(seed=1, n=60, years=5):
    """Incomes of provinces over years, moving together inside a province.

    The means of regions differ.
    """
    rng = np.random.default_rng(seed)
    region = np.array(["east", "central", "west"])[np.arange(n) % 3]
    level = rng.normal(size=n) * 0.3 + np.array([0.6, 0.2, 0.0])[np.arange(n) % 3]
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(n), years), "region": np.repeat(region, years)}
    )
    frame["income"] = np.exp(np.repeat(level, years) + 0.1 * rng.normal(size=n * years))
    frame["people"] = rng.integers(1, 5, n * years).astype(float)
    return frame


def test_outside_numbers_of_dagum():
    actual, case = dagum(INCOMES, GROUPS), OUTSIDE["dagum"]
    assert actual.total == pytest.approx(OUTSIDE["G3"]["gini"], abs=1e-15)
    for name in PARTS:
        assert getattr(actual, name) == pytest.approx(case[name], abs=case["tolerance"])
    assert actual.shares.to_dict() == pytest.approx(
        {n: case["exact"][n][0] / 241 for n in PARTS}, abs=1e-14
    )


def test_pairs_as_defined():
    rng = np.random.default_rng(2)
    y, w, groups = rng.lognormal(size=45), rng.random(45), rng.choice(list("abcd"), 45)
    actual = dagum(y, groups, obs_weights=w)
    assert actual.pairs.columns.tolist() == ["richer", "poorer", "gini", "distance"]
    assert len(actual.pairs) == 6
    means = actual.groups["mean"]
    for row in actual.pairs.itertuples():
        j, h = groups == row.richer, groups == row.poorer
        assert means[row.richer] >= means[row.poorer]
        chance = np.outer(w[j], w[h]) / (w[j].sum() * w[h].sum())
        lead = y[j][:, None] - y[h]
        d, p = (
            (chance * np.maximum(lead, 0)).sum(),
            (chance * np.maximum(-lead, 0)).sum(),
        )
        assert row.gini == pytest.approx(
            (d + p) / (means[row.richer] + means[row.poorer]), abs=1e-13
        )
        assert row.distance == pytest.approx((d - p) / (d + p), abs=1e-12)


def test_groups_and_pairs_give_the_parts_back():
    rng = np.random.default_rng(3)
    y, groups = rng.lognormal(size=80), rng.choice(list("abcd"), 80)
    actual = dagum(y, groups)
    table = actual.groups
    p, s = table["population_share"], table["income_share"]
    assert p.sum() == pytest.approx(1)
    assert s.sum() == pytest.approx(1)
    for name in table.index:
        assert table.loc[name, "gini"] == pytest.approx(
            gini(y[groups == name]), abs=1e-14
        )
        assert table.loc[name, "mean"] == pytest.approx(y[groups == name].mean())
    both = [
        p[a] * s[b] + p[b] * s[a]
        for a, b in zip(actual.pairs["richer"], actual.pairs["poorer"], strict=True)
    ]
    across = actual.pairs["gini"] * both
    assert (table["gini"] * p * s).sum() == pytest.approx(actual.within, abs=1e-14)
    assert (across * actual.pairs["distance"]).sum() == pytest.approx(
        actual.between, abs=1e-14
    )
    assert (across * (1 - actual.pairs["distance"])).sum() == pytest.approx(
        actual.transvariation, abs=1e-14
    )


@pytest.mark.further
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_parts_add_up_whatever_the_rows(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    y, groups = rng.lognormal(size=n), rng.integers(0, 5, n)
    times = rng.integers(0, 4, n) + (np.arange(n) == 0)
    actual = dagum(y, groups, obs_weights=times)
    assert actual.within + actual.between + actual.transvariation == pytest.approx(
        actual.total, abs=1e-14
    )
    assert actual.total == pytest.approx(gini(y, obs_weights=times), abs=1e-14)
    assert actual.shares.isna().all() or actual.shares.sum() == pytest.approx(
        1, abs=1e-10
    )
    # Rows in another order, groups renamed, another unit, weights written out
    order = rng.permutation(n)
    again = dagum(
        y[order] * 1e4, [f"g{9 - g}" for g in groups[order]], obs_weights=times[order]
    )
    stacked = dagum(np.repeat(y, times), np.repeat(groups, times))
    means = (
        pd.Series(y * times).groupby(groups).sum()
        / pd.Series(times).groupby(groups).sum()
    )
    for name in ["total", *PARTS]:
        assert getattr(again, name) == pytest.approx(getattr(actual, name), abs=1e-13)
        assert getattr(stacked, name) == pytest.approx(getattr(actual, name), abs=1e-13)
    in_group = means.loc[groups].to_numpy()
    assert gini(np.nan_to_num(in_group), obs_weights=times) == pytest.approx(
        actual.between, abs=1e-13
    )


def test_groups_apart_and_groups_alike():
    apart = dagum([1, 2, 3, 11, 12, 13], list("aaabbb"))
    assert apart.transvariation == 0.0
    assert apart.pairs["distance"].tolist() == [1.0]
    touching = dagum([1, 2, 2, 3], list("aabb"))
    assert touching.transvariation == 0.0
    alike = dagum([1, 2, 3, 1, 2, 3], list("aaabbb"))
    assert alike.between == 0.0
    assert alike.pairs["distance"].tolist() == [0.0]
    # One member of the poorer group ahead of one of the richer: E(Y_h - Y_j)+ = 2/4,
    # times 2 p_j p_h / mean
    crossing = dagum([1, 6, 4, 9], list("aabb"))
    assert crossing.transvariation == pytest.approx(2 * 0.25 * 0.5 / 5, abs=1e-15)


def test_one_group_and_equal_values():
    alone = dagum(INCOMES, ["all"] * 10)
    assert alone.shares.tolist() == pytest.approx([1, 0, 0])
    assert alone.pairs.empty
    flat = dagum([2.0, 2.0, 2.0], list("aab"))
    assert (flat.total, flat.within, flat.between, flat.transvariation) == (0, 0, 0, 0)
    assert flat.shares.isna().all()
    assert flat.pairs[["gini"]].to_numpy().tolist() == [[0.0]]
    assert flat.pairs["distance"].isna().all()
    zeros = dagum([0, 0, 1, 2], list("aabb"))
    assert np.isnan(zeros.groups.loc["a", "gini"])
    assert zeros.shares.sum() == pytest.approx(1)


# --- draws ----------------------------------------------------------------------------


def test_a_draw_is_the_decomposition_of_stacked_rows():
    frame = provinces(n=40)
    actual = dagum(
        frame["income"],
        frame["region"],
        obs_weights=frame["people"],
        clusters=frame["id"],
        reps=199,
        rng=7,
    )
    counts = draw_counts(np.random.SeedSequence(7), 40, 199)
    for r in range(30):
        rows = np.concatenate(
            [
                np.flatnonzero(frame["id"] == c)
                for c in np.repeat(np.arange(40), counts[r].astype(int))
            ]
        )
        part = frame.iloc[rows].reset_index(drop=True)
        again = dagum(part["income"], part["region"], obs_weights=part["people"])
        np.testing.assert_allclose(
            actual.draws.iloc[r], [again.total, *again.shares], atol=1e-10
        )


def test_by_default_rows_are_drawn():
    frame = provinces(n=50, years=1)
    rows = dagum(frame["income"], frame["region"], reps=199, rng=3)
    named = dagum(
        frame["income"], frame["region"], clusters=frame["id"], reps=199, rng=3
    )
    pd.testing.assert_frame_equal(rows.draws, named.draws)
    assert rows.n_clusters == 50


def test_rows_of_one_entity_drawn_apart_are_told():
    frame = provinces().assign(year=np.tile(np.arange(5), 60)).set_index(["id", "year"])
    apart = dagum(frame["income"], frame["region"], reps=199, rng=3)
    (notice,) = apart.diagnostics
    assert (notice.code, notice.data) == ("rows_drawn", {"level": "id"})
    assert notice.message.endswith("Specify clusters=y.index.get_level_values('id').")
    assert "get_level_values('id')" in apart.summary()
    ids = frame.index.get_level_values("id")
    assert (
        dagum(
            frame["income"], frame["region"], clusters=ids, reps=199, rng=3
        ).diagnostics
        == ()
    )
    once = frame.xs(2, level="year", drop_level=False)
    assert dagum(once["income"], once["region"], reps=199, rng=3).diagnostics == ()


def test_intervals():
    frame = provinces()
    actual = dagum(
        frame["income"],
        frame["region"],
        clusters=frame["id"],
        reps=399,
        rng=5,
        level=0.9,
    )
    table = actual.intervals
    assert table.index.tolist() == [
        "total",
        "share_within",
        "share_between",
        "share_transvariation",
    ]
    assert table.columns.tolist() == ["estimate", "conf_low", "conf_high"]
    assert (table["conf_low"] < table["estimate"]).all()
    assert (table["estimate"] < table["conf_high"]).all()
    # Order statistics at .05 and .95 times 400
    ordered = np.sort(actual.draws["share_between"])
    assert table.loc["share_between", "conf_low"] == pytest.approx(ordered[19])
    assert table.loc["share_between", "conf_high"] == pytest.approx(ordered[379])
    np.testing.assert_allclose(actual.draws.iloc[:, 1:].sum(axis=1), 1.0, atol=1e-12)
    narrower = dagum(
        frame["income"], frame["region"], reps=399, rng=5, level=0.9
    ).intervals
    assert (
        narrower.loc["share_between", "conf_high"]
        - narrower.loc["share_between", "conf_low"]
    ) < (
        table.loc["share_between", "conf_high"] - table.loc["share_between", "conf_low"]
    )


def test_draws_are_reproduced_and_do_not_depend_on_the_order_of_rows():
    frame = provinces()
    call = {"clusters": frame["id"], "reps": 199}
    first = dagum(frame["income"], frame["region"], **call)
    again = dagum(frame["income"], frame["region"], rng=first.rng_entropy, **call)
    pd.testing.assert_frame_equal(first.draws, again.draws)
    turned = frame.sample(frac=1, random_state=1)
    other = dagum(
        turned["income"],
        turned["region"],
        clusters=turned["id"],
        reps=199,
        rng=first.rng_entropy,
    )
    np.testing.assert_allclose(other.draws, first.draws, atol=1e-12)


@pytest.mark.parametrize("value", [3.7, 1.1 / 3, 1e-7])
def test_equal_values_have_no_shares_in_any_draw(value):
    groups = np.repeat(list("abc"), 8)
    with pytest.warns(FewDrawsWarning):
        actual = dagum(np.full(24, value), groups, reps=39, rng=1)
    assert actual.total == pytest.approx(0, abs=1e-14)
    assert actual.shares.isna().all()
    assert (
        actual.draws[["share_within", "share_between", "share_transvariation"]]
        .isna()
        .all(axis=None)
    )
    assert actual.intervals.iloc[1:][["conf_low", "conf_high"]].isna().all(axis=None)


def test_without_draws():
    actual = dagum(INCOMES, GROUPS)
    assert actual.draws.shape == (0, 4)
    assert actual.intervals[["conf_low", "conf_high"]].isna().all(axis=None)
    assert actual.rng_entropy is None
    assert actual.n_clusters is None
    assert "draws" not in actual.summary()


def test_few_clusters_few_draws_and_lost_draws():
    frame = provinces(n=30)
    arguments = (frame["income"], frame["region"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        some = dagum(*arguments, clusters=frame["id"], reps=199, rng=1)
    assert [n.code for n in some.diagnostics] == ["few_clusters"]
    assert some.diagnostics[0].data == {"clusters": "drawn together", "n_clusters": 30}
    with pytest.warns(FewClustersWarning):
        few = dagum(*arguments, clusters=frame["region"], reps=199, rng=1)
    data = {"clusters": "drawn together", "n_clusters": 3}
    assert [(n.code, n.data) for n in few.diagnostics] == [
        ("too_few_clusters_to_draw", data)
    ]
    with pytest.warns(FewDrawsWarning):
        short = dagum(*arguments, clusters=frame["id"], reps=50, rng=1)
    assert {n.code: n.data for n in short.diagnostics}["few_draws"] == {"reps": 50}
    y = [0.0] * 25 + [1.0, 2.0]
    with pytest.warns(
        FewDrawsWarning, match="draws were dropped: all drawn values are equal"
    ):
        lost = dagum(y, ["a", "b", *["a"] * 25], reps=199, rng=1)
    gone = int(lost.draws["share_within"].isna().sum())
    assert {n.code: n.data for n in lost.diagnostics}["lost_draws"] == {
        "lost": gone,
        "reps": 199,
    }
    assert lost.draws["share_within"].isna().any()
    assert lost.intervals["conf_low"].notna().all()


def test_options_out_of_range():
    for reps in (-1, 1.5, "99", True, None):
        with pytest.raises(OptionError, match="reps"):
            dagum(INCOMES, GROUPS, reps=reps)
    with pytest.raises(OptionError, match="level"):
        dagum(INCOMES, GROUPS, level=95)
    with pytest.raises(IdentificationError, match="two clusters"):
        dagum(INCOMES, GROUPS, clusters=["x"] * 10, reps=99)
    with pytest.raises(InputTypeError, match="rng"):
        dagum(INCOMES, GROUPS, reps=99, rng="seed")


def test_the_result_is_small_plain_and_no_set_of_estimates():
    frame = provinces()
    actual = dagum(
        frame["income"], frame["region"], clusters=frame["id"], reps=199, rng=2
    )
    assert isinstance(actual, DagumResult)
    assert not isinstance(actual, Results | HasDraws)
    assert len(actual.draws) == 199
    with pytest.raises(AttributeError):
        actual.total = 1.0  # type: ignore[misc]
    back = pickle.loads(pickle.dumps(actual))
    pd.testing.assert_frame_equal(back.intervals, actual.intervals)
    pd.testing.assert_frame_equal(back.pairs, actual.pairs)
    data = json.loads(json.dumps(actual.to_dict()))
    assert data["schema"] == 1
    assert data["total"] == actual.total
    assert [p["richer"] for p in data["pairs"]] == ["east", "east", "central"]
    text = actual.summary()
    assert repr(actual) == text
    assert "95% interval" in text
    assert (
        next(line for line in text.splitlines() if line.startswith("total")).split()[2]
        == "100.0%"
    )
    assert actual.conventions.endswith("199 bootstrap draws of 60 clusters")
    assert text.splitlines()[-1] == f"Settings: rng {actual.rng_entropy}."
    assert max(map(len, text.splitlines())) <= 80


def regions(seed, n):
    """Incomes of n entities in three regions over ten years, and their regions."""
    rng = np.random.default_rng(seed)
    region = np.repeat(
        np.arange(3), np.round(np.array([0.35, 0.30, 0.35]) * n).astype(int)
    )
    level = np.array([0.6, 0.2, 0.0])[region] + 0.35 * rng.normal(size=n)
    return np.exp(level[:, None] + 0.1 * rng.normal(size=(n, 10))).ravel(), np.repeat(
        region, 10
    )


@pytest.mark.montecarlo
@pytest.mark.parametrize("draws_of", ["entities", "rows"])
@pytest.mark.parametrize("n", [31, 100, 280])
def test_coverage(n, draws_of, measured: Callable[..., None]) -> None:
    """Share of 500 panels in which a 95% interval contains the true value.

    The true value is that of 100,000 entities.

    n entities in three regions of fixed sizes are observed for 10 years. Log incomes
    have standard deviations of .35 between and .1 within the entities of a region, and
    means of 0, .2 and .6. Draws are 399, of entities or, wrongly, of rows.
    """
    y, region = regions(0, 100_000)
    many = dagum(y, region)
    truth = np.array([many.total, *many.shares])
    clusters = np.repeat(np.arange(n), 10) if draws_of == "entities" else None
    hits = np.zeros(4)
    for seed in range(500):
        y, region = regions(seed + 1, n)
        table = dagum(y, region, clusters=clusters, reps=399, rng=seed).intervals
        hits += (
            (table["conf_low"] <= truth) & (truth <= table["conf_high"])
        ).to_numpy()
    cover = hits / 500
    shares = dict(zip(["total", *PARTS], cover.tolist(), strict=True))
    measured("coverage_of_gini_intervals", {"n": n, "draws of": draws_of, **shares})
    if draws_of == "rows":
        assert (cover < 0.7).all()
    if (n, draws_of) == (100, "entities"):
        assert (cover > np.array([0.86, 0.94, 0.92, 0.93])).all()
        assert cover[0] < 0.94


def test_many_groups():
    rng = np.random.default_rng(4)
    y, groups = rng.lognormal(size=2000), rng.integers(0, 200, 2000)
    actual = dagum(y, groups)
    assert actual.within + actual.between + actual.transvariation == pytest.approx(
        actual.total, abs=1e-13
    )
    assert len(actual.pairs) == len(list(combinations(range(200), 2)))


@pytest.mark.parametrize("clusters", [2, 3, 4, 5])
def test_draws_of_few_clusters_give_no_interval(clusters):
    frame, missing = provinces(n=30), clusters < 5
    group = pd.factorize(frame["id"])[0] % clusters
    with pytest.warns(FewClustersWarning) as caught:
        actual = dagum(
            frame["income"], frame["region"], clusters=group, reps=199, rng=1
        )
    assert len(caught) == 1
    assert (actual.intervals[["conf_low", "conf_high"]].isna() == missing).all(
        axis=None
    )
    assert actual.intervals["estimate"].notna().all()
    code = "too_few_clusters_to_draw" if missing else "very_few_clusters"
    assert [n.code for n in actual.diagnostics] == [code]
    assert "nan" not in actual.summary()
    assert ("not computed" in actual.summary()) is missing


@pytest.mark.parametrize(("units", "equal"), [(160, True), (200, False)])
def test_a_gini_coefficient_below_1e_14_is_that_of_equal_values(units, equal):
    """Of two values the coefficient is a quarter of their distance."""
    actual = dagum([1.0, 1 + units * np.finfo(float).eps], ["a", "b"])
    assert actual.total == pytest.approx(units * np.finfo(float).eps / 4, rel=0.05)
    assert actual.shares.isna().all() == equal


# --- values, weights and labels in one order ------------------------------------------


def test_series_are_matched_by_index():
    turned = W[["d", "b", "a", "c"]]
    assert (
        gini(Y, obs_weights=turned)
        == gini(Y, obs_weights=W)
        == gini(Y.tolist(), obs_weights=W.tolist())
    )
    groups = pd.Series(list("xxyy"), index=list("abcd"))
    mixed = read_observations(
        "f", Y, W.to_numpy(), {"groups": groups[["c", "a", "b", "d"]]}
    )
    assert mixed.codes["groups"].tolist() == [0, 0, 1, 1]


def test_repeated_labels_match_in_the_same_order_only():
    y, w = Y.set_axis(list("aabb")), W.set_axis(list("aabb"))
    assert gini(y, obs_weights=w) == gini(Y, obs_weights=W)
    with pytest.raises(AlignmentError, match="repeated labels"):
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
        actual = dagum(Y, groups)
        np.testing.assert_array_equal(actual.ahead, expected.ahead)


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
            read_observations("gini", value)


def test_values_reach_1e120():
    y = np.array([0.2, 0.5, 1.0])
    for size in (0.95e120, 1 / 0.95e120):
        assert gini(y * size) == pytest.approx(gini(y))
    for size in (1.05e120, 1 / 1.05e120):
        with pytest.raises(IdentificationError) as caught:
            gini(y * size)
        assert [p.code for p in caught.value.problems] == ["extreme"]
