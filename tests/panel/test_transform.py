"""Standardised columns, and extremes pulled in to Stata's quantiles."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from digiprosper import Panel
from digiprosper.errors import (
    ColumnError,
    IdentificationError,
    InputTypeError,
    OptionError,
)
from digiprosper.panel.transform import winsorized

nan = np.nan


def test_standardise_by_hand(panel: Panel) -> None:
    x = panel.frame["digital"]
    np.testing.assert_allclose(panel.standardise("digital").frame["digital"], (x - x.mean()) / x.std(ddof=1))
    grouped = x.groupby("year")
    expected = (x - grouped.transform("mean")) / grouped.transform("std")
    np.testing.assert_allclose(panel.standardise("digital", by="time").frame["digital"], expected)
    np.testing.assert_allclose(panel.standardise("digital", by="year").frame["digital"], expected)
    region = panel.standardise(["digital", "gdp"], by="region").frame
    assert region.groupby("region")["gdp"].std().round(12).eq(1).all()


@pytest.mark.parametrize("largest", [1e150, 1.7e308])
def test_columns_at_the_end_of_the_range_are_described_and_changed(panel: Panel, largest: float) -> None:
    x = panel.frame["digital"] / panel.frame["digital"].abs().max()
    huge = panel.assign(digital=largest * x)
    expected = panel.standardise("digital").frame["digital"]
    np.testing.assert_allclose(huge.standardise("digital").frame["digital"], expected)
    got = huge.winsorize("digital", 0.1, 0.9).frame["digital"] / largest
    np.testing.assert_allclose(got, panel.assign(digital=x).winsorize("digital", 0.1, 0.9).frame["digital"])
    level = panel.assign(digital=largest)
    assert level.summarise("digital").loc["digital", "p50"] == largest
    assert level.correlate(["digital", "gdp"]).mean["digital"] == largest
    for rule in ("stata", "linear"):
        assert (level.winsorize("digital", 0.1, 0.9, quantile=rule).frame["digital"] == largest).all()
    with pytest.raises(IdentificationError, match="'digital' does not vary"):
        level.standardise("digital")


@pytest.mark.parametrize("value", [0.0, 0.1, 3.0, 1e-9])
def test_standardise_refuses_what_does_not_vary(panel: Panel, value: float) -> None:
    with pytest.raises(IdentificationError, match="'gdp' does not vary"):
        panel.assign(gdp=value).standardise("gdp")
    with pytest.raises(IdentificationError, match="'gdp' does not vary in 1 row"):
        panel.assign(own="I((year == 2011) * (city == 'p1'))").standardise("gdp", by="own")


def stata_percentile(x: np.ndarray[Any, Any], percent: int) -> float:
    """Stata's _pctile: with i = n p / 100 whole, the mean of x_(i) and x_(i+1), otherwise x_(ceil i)."""
    ordered, n = np.sort(x), x.size
    whole, rest = divmod(n * percent, 100)
    return float((ordered[whole - 1] + ordered[whole]) / 2 if rest == 0 else ordered[whole])


@settings(max_examples=60, deadline=None)
@given(st.integers(3, 260), st.integers(1, 40), st.integers(0, 10))
def test_winsorize_is_statas_rule(n: int, percent: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=n)
    panel = Panel(pd.DataFrame({"i": np.arange(n), "x": x}), "i")
    low, high = stata_percentile(x, percent), stata_percentile(x, 100 - percent)
    got = panel.winsorize("x", percent / 100, 1 - percent / 100).frame["x"]
    np.testing.assert_allclose(got, np.clip(x, low, high), rtol=1e-14)


def test_winsorize_by_time_and_linear(panel: Panel) -> None:
    holes = panel.assign(gdp=panel.frame["gdp"].where(panel.frame["digital"] > -1))
    got = holes.winsorize("gdp", 0.2, 0.8, by="time").frame["gdp"]
    for year, x in holes.frame["gdp"].groupby("year"):
        there = x.dropna().to_numpy()
        expected = x.clip(stata_percentile(there, 20), stata_percentile(there, 80))
        np.testing.assert_allclose(got.xs(year, level="year"), expected)
    assert got.isna().equals(holes.frame["gdp"].isna())
    x = panel.frame["gdp"]
    np.testing.assert_allclose(
        panel.winsorize("gdp", quantile="linear").frame["gdp"], x.clip(*np.quantile(x, [0.01, 0.99]))
    )
    pd.testing.assert_series_equal(panel.winsorize("gdp", 0, 1).frame["gdp"], x)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"lower": 0.9, "upper": 0.1}, OptionError, "lower"),
        ({"upper": 99}, OptionError, "upper=99"),
        ({"quantile": "spss"}, OptionError, "'stata', 'linear'"),
        ({"by": "regoin"}, ColumnError, "region"),
        ({"columns": "region"}, InputTypeError, "'region'"),
        ({"columns": ["gdp", "gpd"]}, ColumnError, "'gpd'"),
    ],
)
def test_winsorize_refuses(panel: Panel, options: dict[str, Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        panel.winsorize(**{"columns": "gdp", **options})


def test_quantiles_of_each_group_and_missing_values_stay() -> None:
    column = np.array([0.0, 1, 2, 3, 100, nan, 7, 8])
    groups = np.array([0, 0, 0, 0, 0, 0, 1, 1])
    out = winsorized(column, groups, (0.2, 0.8), "stata")
    # Five values: the 20th percentile is the mean of the first two, the 80th of the last two.
    np.testing.assert_allclose(out, [0.5, 1, 2, 3, 51.5, nan, 7, 8])
    np.testing.assert_allclose(winsorized(column, groups, (0.0, 1.0), "linear"), column)


@pytest.mark.parametrize(("lower", "upper"), [(0, 1), (0.5, np.nextafter(0.5, 1)), (0.0, 0.01), (0.99, 1.0)])
def test_shares_to_winsorize_by_reach_from_0_to_1(panel: Panel, lower: float, upper: float) -> None:
    assert panel.winsorize("gdp", lower, upper).nobs == panel.nobs


@pytest.mark.parametrize(("lower", "upper"), [(-1e-9, 0.9), (0.1, 1 + 1e-9), (0.5, 0.5), (0.6, 0.4)])
def test_other_shares_to_winsorize_by_are_refused(panel: Panel, lower: float, upper: float) -> None:
    with pytest.raises(OptionError, match="0 <= lower < upper <= 1"):
        panel.winsorize("gdp", lower, upper)


def test_a_column_that_varies_by_less_than_1e_13_of_its_size_is_not_standardised() -> None:
    sign = np.tile([-1.0, 1.0], 6)
    data = pd.DataFrame({"i": np.repeat([1, 2], 6), "t": np.tile(np.arange(6), 2)})
    varies, flat = (Panel(data.assign(x=1 + share * sign), "i", "t") for share in (1.2e-13, 0.8e-13))
    assert varies.standardise("x").frame["x"].abs().max() < 2
    with pytest.raises(IdentificationError, match="'x' does not vary"):
        flat.standardise("x")
