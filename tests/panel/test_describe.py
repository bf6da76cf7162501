"""Descriptions of columns against numbers by hand and scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import digiprosper as dp
from digiprosper import Panel
from digiprosper.errors import InputTypeError


@pytest.fixture
def panel() -> Panel:
    rng = np.random.default_rng(0)
    n = 26
    data = pd.DataFrame(
        {"city": np.repeat(["a", "b"], n // 2), "year": np.tile(np.arange(n // 2), 2)}
    )
    data["gdp"] = rng.lognormal(size=n)
    data["digital"] = rng.normal(size=n)
    data["region"] = "east"
    data["K / L"] = rng.uniform(1, 2, size=n)
    data["资本"] = rng.uniform(1, 2, size=n)
    return Panel(data, "city", "year")


def test_summarise_by_hand(panel: Panel) -> None:
    holes = panel.assign(gdp=panel.frame["gdp"].where(panel.frame["digital"] > 0))
    out = holes.summarise()
    assert out.columns.tolist() == ["N", "mean", "sd", "min", "p50", "max"]
    assert out.index.tolist() == ["gdp", "digital", "K / L", "资本"]
    x = holes.frame["gdp"].dropna()
    expected = [len(x), x.mean(), x.std(ddof=1), x.min(), x.median(), x.max()]
    np.testing.assert_allclose(out.loc["gdp"].to_numpy(dtype=float), expected)
    assert holes.summarise("digital").index.tolist() == ["digital"]
    with pytest.raises(InputTypeError, match="'region'"):
        holes.summarise(["gdp", "region"])


def test_correlate_equals_scipy_pair_by_pair(panel: Panel) -> None:
    holes = panel.assign(gdp=panel.frame["gdp"].where(panel.frame["digital"] > -0.5))
    found = holes.correlate(["gdp", "digital", "K / L"])
    r, p, n = found.r, found.p, found.n
    f = holes.frame
    for a, b in (("gdp", "digital"), ("gdp", "K / L"), ("digital", "K / L")):
        both = f[[a, b]].dropna()
        expected = stats.pearsonr(both[a], both[b])
        assert (r.loc[a, b], p.loc[a, b]) == pytest.approx(
            (expected.statistic, expected.pvalue), rel=1e-10
        )
        assert n.loc[a, b] == n.loc[b, a] == len(both)
    np.testing.assert_allclose(np.diag(r), 1.0)
    np.testing.assert_allclose(
        [found.mean, found.sd], holes.summarise(list(r))[["mean", "sd"]].T
    )


def test_correlations_keep_the_labels_of_their_columns(panel: Panel) -> None:
    found = panel.relabel(gdp="Output", digital="Digital economy").correlate(
        ["gdp", "K / L"]
    )
    assert found.labels == {"gdp": "Output"}


def test_describe_is_xtsum() -> None:
    data = pd.DataFrame(
        {"i": list("AAABBC"), "t": [1, 2, 3, 1, 2, 1], "x": [1.0, 2, 6, 4, 8, 3]}
    )
    out = Panel(data, "i", "t").describe()
    assert out.columns.tolist() == ["mean", "sd", "min", "max", "N"]
    mean = 4.0
    between, within = (
        np.array([3.0, 6, 3]),
        np.array([1 - 3, 2 - 3, 6 - 3, 4 - 6, 8 - 6, 0]) + mean,
    )
    expected = [
        [mean, np.std(data["x"], ddof=1), 1, 8, 6],
        [mean, np.std(between, ddof=1), 3, 6, 3],
        [mean, np.std(within, ddof=1), within.min(), within.max(), 2],
    ]
    np.testing.assert_allclose(
        out.loc["x"].loc[["overall", "between", "within"]], expected
    )


@pytest.mark.parametrize("scale", [2.0**600, 2.0**-600])
def test_descriptions_have_the_units_of_the_column(panel: Panel, scale: float) -> None:
    scaled = panel.assign(gdp=panel.frame["gdp"] * scale)
    for one, other in (
        (
            panel.summarise("gdp").drop(columns="N"),
            scaled.summarise("gdp").drop(columns="N"),
        ),
        (
            panel.describe(["gdp"]).drop(columns="N"),
            scaled.describe(["gdp"]).drop(columns="N"),
        ),
    ):
        pd.testing.assert_frame_equal(one * scale, other)
    pd.testing.assert_frame_equal(
        panel.correlate(["gdp", "digital"]).r, scaled.correlate(["gdp", "digital"]).r
    )


def test_a_column_of_zeros_is_described(panel: Panel) -> None:
    zeros = panel.assign(gdp=0.0)
    assert zeros.summarise("gdp").loc["gdp"].tolist() == [26, 0, 0, 0, 0, 0]
    described = zeros.describe(["gdp"])
    assert (described[["mean", "sd", "min", "max"]] == 0).all(axis=None)
    assert described["N"].tolist() == [26, 2, 13]
    assert np.isnan(zeros.correlate(["gdp", "digital"]).r.loc["gdp", "digital"])


def test_correlations_in_chinese() -> None:
    found = dp.datasets.us_states().correlate(["unemp", "gsp"])
    table = dp.etable(
        found, style=dp.TableStyle("zh"), labels={"unemp": "失业率", "gsp": "产出"}
    )
    assert table.frame.columns.tolist() == ["均值", "标准差", "(1)", "(2)"]
    assert table.frame.index.tolist() == ["(1) 失业率", "(2) 产出"]
    assert table.notes == (
        "注：***、**、*分别表示在1%、5%、10%的水平上显著。",
        "Pearson相关系数，各使用两个变量均有观测的行（N = 816）。",
        "相关系数的星号：自由度为N − 2的t检验，假定各行相互独立。",
    )
