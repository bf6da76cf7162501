"""Capital by a loop over years, with gaps; the residual by its identity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffects, Panel, variables
from digiprosper.errors import (
    AlignmentError,
    DigiprosperError,
    IdentificationError,
    IdentificationWarning,
    InputTypeError,
    MissingDataError,
    OptionError,
    PanelIndexError,
)

nan = np.nan


def make(seed: int, step: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    keys = pd.MultiIndex.from_product(
        [list("abcde"), 2000 + step * np.arange(9)], names=["city", "year"]
    )
    frame = pd.DataFrame(
        {"inv": rng.uniform(1, 9, 45), "price": rng.uniform(1, 2, 45)}, index=keys
    )
    frame.loc[rng.random(45) < 0.08, "inv"] = nan
    frame.loc[rng.random(45) < 0.04, "price"] = nan
    return frame[rng.random(45) > 0.07].sample(frac=1, random_state=seed)


def by_hand(frame: pd.DataFrame, growth: Any, rate: float, step: int = 1) -> pd.Series:
    out = {}
    for city in frame.index.get_level_values(0).unique():
        stock, begun = nan, False
        for year in range(2000, 2100, step):
            cell = (city, year)
            real = (
                frame.loc[cell, "inv"] / frame.loc[cell, "price"]
                if cell in frame.index
                else nan
            )
            if begun:
                stock = (1 - rate) * stock + real
            elif not np.isnan(real):
                g = growth[city] if isinstance(growth, pd.Series) else growth
                stock, begun = real / (g + rate), True
            out[cell] = stock
    return pd.Series({cell: out[cell] for cell in frame.index})


@pytest.mark.many(3)
@pytest.mark.parametrize("seed", range(12))
def test_capital_by_a_loop(seed: int) -> None:
    frame = make(seed)
    growth = pd.Series(np.linspace(0.02, 0.2, 5), list("edcba")) if seed % 2 else 0.07
    found = variables.capital_stock(
        frame["inv"], frame["price"], growth=growth, depreciation=0.06
    )
    np.testing.assert_allclose(found, by_hand(frame, growth, 0.06), rtol=1e-13)
    assert found.index.equals(frame.index)
    assert found.name == "capital_stock"
    assert found.notna().any()


def test_an_absent_year_is_a_missing_one() -> None:
    frame = make(3).dropna()
    whole = frame.reindex(
        pd.MultiIndex.from_product([list("abcde"), range(2000, 2009)])
    )
    found = variables.capital_stock(frame["inv"], frame["price"], growth=0.1)
    filled = variables.capital_stock(whole["inv"], whole["price"], growth=0.1)
    np.testing.assert_array_equal(found, filled.reindex(frame.index))


def test_units_labels_and_order() -> None:
    frame = make(5)
    base = variables.capital_stock(frame["inv"], frame["price"], growth=0.1)
    np.testing.assert_allclose(
        variables.capital_stock(frame["inv"] * 1e4, frame["price"], growth=0.1),
        base * 1e4,
        rtol=1e-13,
    )
    turned = frame.iloc[::-1]
    pd.testing.assert_series_equal(
        variables.capital_stock(turned["inv"], turned["price"], growth=0.1),
        base.iloc[::-1],
        check_exact=True,
    )
    flat = frame.reset_index()
    same = variables.capital_stock(
        flat["inv"], flat["price"], growth=0.1, entity=flat["city"], time=flat["year"]
    )
    np.testing.assert_array_equal(same, base)
    arrays = variables.capital_stock(
        flat["inv"].tolist(),
        flat["price"].to_numpy(),
        growth=0.1,
        entity=flat["city"],
        time=flat["year"],
    )
    np.testing.assert_array_equal(arrays, base)


def test_steady_growth_in_closed_form() -> None:
    # Where investment grows at g, capital is I_t (1 + g) / (g + d); what the first
    # stock lacks decays.
    g, d, t = 0.05, 0.096, np.arange(30)
    investment = 3 * (1 + g) ** t
    steady = (1 + g) / (g + d)
    expected = steady * investment + 3 * (1 / (g + d) - steady) * (1 - d) ** t
    stock = variables.capital_stock(investment, 1.0, growth=g, time=1990 + t)
    np.testing.assert_allclose(stock, expected, rtol=1e-13)


def test_capital_that_begins_at_zero_is_reported() -> None:
    keys = {"entity": ["a", "a", "b", "b"], "time": [2000, 2001, 2000, 2001]}
    with pytest.warns(IdentificationWarning, match=r"1 entity is 0 .*begins at 0"):
        stock = variables.capital_stock(
            [0.0, 5.0, 3.0, 3.0], 1.0, growth=0.1, depreciation=0.1, **keys
        )
    np.testing.assert_allclose(stock, [0, 5, 15, 16.5])


def test_in_a_panel() -> None:
    panel = Panel(make(1).reset_index(), "city", "year")
    found = panel.assign(
        k=lambda f: variables.capital_stock(f["inv"], f["price"], growth=0.1),
        tfp=lambda f: variables.solow_tfp(f["inv"], f["k"], 2.0, capital_share=0.4),
    )
    np.testing.assert_allclose(found["k"], by_hand(panel.frame, 0.1, 0.096), rtol=1e-13)
    spec = FixedEffects("tfp", ["price"], cov_type="unadjusted")
    with pytest.warns(UserWarning, match="dropped"):
        assert spec.fit(found).nobs > 10


SERIES = pd.Series([1.0, 2.0], pd.MultiIndex.from_tuples([("a", 1), ("a", 2)]))


@pytest.mark.parametrize(
    ("given", "options", "kind", "words"),
    [
        (
            (-SERIES, 1.0),
            {},
            IdentificationError,
            r"investment is negative in 2 rows \(first: \(a, 1\)",
        ),
        ((SERIES, 0.0), {}, IdentificationError, "deflator is zero or negative"),
        ((SERIES, 1.0), {"growth": -0.2}, OptionError, "growth=-0.2"),
        ((SERIES, 1.0), {"growth": nan}, OptionError, "growth="),
        ((SERIES, 1.0), {"growth": 10**400}, OptionError, "growth=an integer of"),
        ((SERIES, 1.0), {"growth": "ten"}, OptionError, "growth='ten'"),
        ((SERIES, 1.0), {"growth": None}, OptionError, "growth=None"),
        ((SERIES, 1.0), {"growth": pd.Series({"b": 0.1})}, AlignmentError, "lacks 'a'"),
        (
            (SERIES, 1.0),
            {"growth": pd.Series([0.1, 0.1], ["a", "a"])},
            AlignmentError,
            "twice",
        ),
        ((SERIES, 1.0), {"growth": pd.Series({"a": "x"})}, InputTypeError, "growth"),
        ((SERIES, 1.0), {"depreciation": 1.0}, OptionError, "depreciation"),
        ((SERIES, 1.0), {"depreciation": True}, OptionError, "depreciation"),
        (([1, 2], 1.0), {}, InputTypeError, "entity and the time of each row"),
        (
            (pd.Series([1, 2]), 1.0),
            {},
            InputTypeError,
            "entity and the time of each row",
        ),
        (
            ([1, 2], 1.0),
            {"time": [2000, 2000]},
            PanelIndexError,
            "repeated|earlier row",
        ),
        (([1, 2], 1.0), {"time": ["x", "y"]}, PanelIndexError, "text"),
        (([1, 2], 1.0), {"time": [2000, None]}, PanelIndexError, "missing"),
        (
            ([1, 2], 1.0),
            {"time": [1, 2], "entity": ["a", None]},
            PanelIndexError,
            "missing",
        ),
        (([1, np.inf], 1.0), {"time": [1, 2]}, MissingDataError, "infinite"),
    ],
)
def test_capital_refuses(
    given: Any, options: Any, kind: type[DigiprosperError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        variables.capital_stock(*given, **{"growth": 0.1, **options})


def test_five_entities_without_growth_are_data_of_the_error() -> None:
    names = list("abcdefg")
    rows = pd.Series(1.0, pd.MultiIndex.from_product([names, [1, 2]]))
    with pytest.raises(AlignmentError) as caught:
        variables.capital_stock(rows, 1.0, growth=pd.Series({"a": 0.1}))
    assert [problem.data["rows"] for problem in caught.value.problems] == [
        tuple("bcdef")
    ]


def test_productivity_by_its_identity() -> None:
    rng = np.random.default_rng(0)
    capital, labour, share = rng.uniform(1, 9, (3, 20)) / [[1], [1], [10]]
    tfp = rng.normal(size=20)
    output = np.exp(tfp) * capital**share * labour ** (1 - share)
    found = variables.solow_tfp(output, capital, labour, capital_share=share)
    np.testing.assert_allclose(found, tfp, atol=1e-13)
    # Constant returns: all three in another unit move it by nothing.
    np.testing.assert_allclose(
        variables.solow_tfp(7 * output, 7 * capital, 7 * labour, capital_share=share),
        tfp,
        atol=1e-13,
    )
    assert np.isnan(variables.solow_tfp(1, nan, 1, capital_share=0.3))


@pytest.mark.parametrize(
    ("given", "share", "words"),
    [
        ((0, 1, 1), 0.3, "output is zero or negative"),
        ((1, -1, 0), 0.3, "capital is .*; labour is"),
        ((1, 1, 1), 30, r"outside \[0, 1\]"),
        ((1, 1, 1), -0.1, r"outside \[0, 1\]"),
    ],
)
def test_productivity_refuses(given: Any, share: float, words: str) -> None:
    with pytest.raises(IdentificationError, match=words):
        variables.solow_tfp(*given, capital_share=share)


# --- volatility -----------------------------------------------------------------------


def volatility_by_hand(x: pd.Series, window: int) -> pd.Series:
    values = x.dropna().to_dict()

    def growth(city: str, year: int) -> float:
        now, before = (values.get((city, y), nan) for y in (year, year - 1))
        return now / before - 1

    out = []
    for city, year in x.index:
        rates = [growth(city, year - k) for k in range(window)]
        mean = sum(rates) / window
        out.append((sum((g - mean) ** 2 for g in rates) / (window - 1)) ** 0.5)
    return pd.Series(out, x.index)


@pytest.mark.parametrize("window", [2, 3, 5])
def test_volatility_by_a_loop(window: int) -> None:
    x = make(window)["inv"]
    found = variables.growth_volatility(x, window=window)
    np.testing.assert_allclose(
        found, volatility_by_hand(x, window), rtol=1e-10, atol=1e-14
    )
    assert found.name == "growth_volatility"
    assert found.notna().any()
    every_second = make(window, 2)["inv"]
    assert variables.growth_volatility(every_second, window=window).isna().all()


def test_a_gap_breaks_the_growth_rate() -> None:
    years = np.arange(2000, 2014)
    x = pd.Series(1.05 ** np.arange(14) + 0.01 * np.sin(np.arange(14)), years)
    whole = variables.growth_volatility(x.to_numpy(), time=years)
    assert np.isnan(whole[:5]).all()
    assert np.isfinite(whole[5:]).all()
    kept = years != 2006
    for gapped, at in (
        (
            variables.growth_volatility(x[kept].to_numpy(), time=years[kept]),
            years[kept],
        ),
        (variables.growth_volatility(x.where(kept).to_numpy(), time=years), years),
    ):
        known = at[np.isfinite(gapped)]
        # Growth of 2006 and of 2007 is unknown: so is every window that has one of them
        assert known.tolist() == [2005, 2012, 2013]
        np.testing.assert_allclose(
            gapped[np.isfinite(gapped)], whole[known - 2000], rtol=1e-12
        )


def test_volatility_of_steady_growth_is_zero_whatever_the_unit() -> None:
    x = 1.03 ** np.arange(9)
    for scale in (1.0, 1e6):
        found = variables.growth_volatility(scale * x, time=np.arange(9))
        np.testing.assert_allclose(found[5:], 0.0, atol=1e-12)


@pytest.mark.parametrize("window", [1, 0, 2.5, True, "5", None])
def test_volatility_refuses_other_windows(window: Any) -> None:
    with pytest.raises(OptionError, match="window"):
        variables.growth_volatility([1, 2, 3], window=window, time=[1, 2, 3])


def test_volatility_refuses_values_without_growth_and_rows_without_time() -> None:
    with pytest.raises(IdentificationError, match="x is zero or negative"):
        variables.growth_volatility([1, 0, 3], window=2, time=[1, 2, 3])
    with pytest.raises(InputTypeError, match="growth_volatility needs the entity"):
        variables.growth_volatility([1, 2, 3], window=2)
