"""Numbers of the formulas, loops, invariances, and what is refused."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    FixedEffects,
    Panel,
    coefficient_of_variation,
    theil_t,
    variables,
)
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
from digiprosper.panel.arguments import arguments
from digiprosper.variables import compared_rows, given_labels, group_codes

nan = np.nan
VALUE_ADDED, EMPLOYMENT = [10, 40, 50], [25, 30, 45]
TWO = (
    variables.industrial_rationalisation,
    variables.structural_deviation,
    variables.productivity_advancement,
    variables.lilien_index,
)


# --- structure of industry ------------------------------------------------------------


def tables(seed: int = 0, rows: int = 30) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product(
        [range(rows // 5), range(2000, 2005)], names=["i", "t"]
    )
    va = pd.DataFrame(rng.uniform(1, 9, (rows, 3)), index, ["va1", "va2", "va3"])
    emp = pd.DataFrame(rng.uniform(1, 9, (rows, 3)), index, ["emp1", "emp2", "emp3"])
    return va, emp


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (variables.industrial_layer([0.1, 0.4, 0.5]), 2.4),
        (variables.industrial_advancement(40, 50), 1.25),
        (variables.industrial_rationalisation(VALUE_ADDED, EMPLOYMENT), 0.0761240136),
        (variables.industrial_angle([1, 0, 0]), 4.7123889804),
        (variables.industrial_angle([0, 1, 0]), 6.2831853072),
        (variables.industrial_angle([0, 0, 1]), 7.8539816340),
        (variables.industrial_angle([2, 2, 2]), 5.7318997087),
        (variables.industrial_angle([0.1, 0.4, 0.5]), 6.7483971302),
        (variables.productivity_advancement(VALUE_ADDED, EMPLOYMENT), 1.1288888889),
        (variables.structural_deviation(VALUE_ADDED, EMPLOYMENT), 1.0444444444),
        (variables.lilien_index([300, 300, 400], [240, 290, 500]), 0.1849467397),
        (
            variables.lilien_index([300, 300, 400], [240, 290, 500], shares="start"),
            0.1880311964,
        ),
        (
            variables.lilien_index([300, 300, 400], [240, 290, 500], shares="mean"),
            0.1864953449,
        ),
    ],
)
def test_numbers_of_formulas_of_industry(results: float, expected: float) -> None:
    assert isinstance(results, float)
    assert results == pytest.approx(expected, abs=5.1e-11)


def test_rows_by_hand() -> None:
    va, emp = tables()
    for j in range(len(va)):
        v, e = va.iloc[j].to_numpy(), emp.iloc[j].to_numpy()
        y, share = v / v.sum(), e / e.sum()
        cells = {
            "layer": (variables.industrial_layer(va), y @ [1, 2, 3]),
            "angle": (
                variables.industrial_angle(va),
                np.arccos(y / np.sqrt(y @ y)) @ [3, 2, 1],
            ),
            "theil": (
                variables.industrial_rationalisation(va, emp),
                y @ np.log(y / share),
            ),
            "deviation": (
                variables.structural_deviation(va, emp),
                np.abs(y / share - 1).sum(),
            ),
            "productivity": (variables.productivity_advancement(va, emp), y @ (v / e)),
        }
        growth = np.log(v / e) - np.log(v.sum() / e.sum())
        cells["lilien"] = (variables.lilien_index(emp, va), np.sqrt(y @ growth**2))
        for name, (series, number) in cells.items():
            assert series.iloc[j] == pytest.approx(number, rel=1e-12), name


def test_theil_is_that_of_workers() -> None:
    workers = np.repeat([0.4, 4 / 3, 10 / 9], [25, 30, 45])
    assert variables.industrial_rationalisation(
        VALUE_ADDED, EMPLOYMENT
    ) == pytest.approx(theil_t(workers), rel=1e-12)


def test_nearly_balanced_sectors_keep_their_digits() -> None:
    employment = np.array([[20.0, 30, 50]])
    tilted = employment * (1 + np.array([1e-7, 0, -0.4e-7]))
    expected = (0.2 * 1e-14 + 0.5 * 0.16e-14) / 2
    assert variables.industrial_rationalisation(tilted, employment)[0] == pytest.approx(
        expected, rel=1e-6
    )
    assert variables.industrial_rationalisation(employment, employment)[0] == 0
    # 3 th_1 + 2 th_2 = 3e-9 - 2e-9 more than for a primary economy.
    assert variables.industrial_angle([1, 1e-9, 0]) - 1.5 * np.pi == pytest.approx(
        1e-9, rel=1e-5
    )


@pytest.mark.parametrize(
    "function", [*TWO, variables.industrial_layer, variables.industrial_angle]
)
def test_units_and_order(function: Any) -> None:
    va, emp = tables(2)
    given = (va, emp) if function in TWO else (va,)
    base = function(*given)
    scaled = function(*(table * 1000 for table in given))
    turned = function(*(table.iloc[::-1] for table in given))
    np.testing.assert_allclose(scaled, base, rtol=1e-12)
    pd.testing.assert_series_equal(turned, base.iloc[::-1], rtol=1e-14)
    assert base.name == function.__name__
    columns = function(*([table.iloc[:, j] for j in range(3)] for table in given))
    pd.testing.assert_series_equal(columns, base)
    np.testing.assert_array_equal(
        function(*(table.to_numpy() for table in given)), base
    )


def test_missing_gives_missing_in_industry() -> None:
    va, emp = tables(3)
    va.iloc[4, 1] = nan
    emp.iloc[7, 0] = nan
    for function in TWO:
        assert np.flatnonzero(function(va, emp).isna()).tolist() == [4, 7]
    assert np.flatnonzero(variables.industrial_layer(va).isna()).tolist() == [4]
    assert np.isnan(variables.industrial_advancement(nan, 1))


def test_reversed_rationalisation() -> None:
    va, emp = tables(4)
    theil = variables.industrial_rationalisation(va, emp)
    pd.testing.assert_series_equal(
        variables.industrial_rationalisation(va, emp, reverse="negative"), -theil
    )
    pd.testing.assert_series_equal(
        variables.industrial_rationalisation(va, emp, reverse="reciprocal"), 1 / theil
    )
    assert (
        variables.industrial_rationalisation(
            VALUE_ADDED, VALUE_ADDED, reverse="negative"
        )
        == 0
    )
    with pytest.raises(IdentificationError, match="the index is zero in 1 row"):
        variables.industrial_rationalisation(
            VALUE_ADDED, VALUE_ADDED, reverse="reciprocal"
        )


def test_a_sector_without_value_added_adds_nothing() -> None:
    with_zero = variables.industrial_rationalisation([0, 40, 60], [0, 30, 45])
    assert with_zero == pytest.approx(
        variables.industrial_rationalisation([40, 60], [30, 45])
    )
    assert variables.industrial_rationalisation(
        [0, 50, 50], [50, 25, 25]
    ) == pytest.approx(np.log(2))


def test_columns_of_a_panel_in_industry() -> None:
    names = ["va1", "va2", "va3"]
    panel = Panel(tables()[0].reset_index(), "i", "t")
    actual = panel.assign(
        ratio=lambda f: variables.industrial_advancement(f["va2"], f["va3"]),
        layer=lambda f: variables.industrial_layer(f[names]),
    )
    np.testing.assert_allclose(actual["ratio"], panel["va3"] / panel["va2"])
    assert actual["layer"].between(1, 3).all()
    shifted = panel.lag(names)
    lilien = shifted.assign(
        s=lambda f: variables.lilien_index(
            f[[f"va{k}_lag1" for k in (1, 2, 3)]], f[names]
        )
    )
    assert lilien["s"].isna().sum() == 6


ONE = ([1.0], [1.0])
SHUFFLED = pd.DataFrame([[1.0, 2, 3]], columns=list("abc"))


@pytest.mark.parametrize(
    ("function", "given", "kind", "words"),
    [
        (
            variables.industrial_rationalisation,
            ONE,
            IdentificationError,
            "at least two; got 1 and 1",
        ),
        (
            variables.structural_deviation,
            ([1, 2, 3], [1, 2]),
            IdentificationError,
            "got 3 and 2",
        ),
        (variables.lilien_index, ([1, 2], [1]), IdentificationError, "same sectors"),
        (
            variables.industrial_layer,
            ([1, 2],),
            IdentificationError,
            "three sectors.*got 2",
        ),
        (variables.industrial_angle, ([1, 2, 3, 4],), IdentificationError, "got 4"),
        (
            variables.industrial_layer,
            ([-1, 2, 3],),
            IdentificationError,
            r"value_added\[0\] is negative",
        ),
        (
            variables.industrial_layer,
            ([0, 0, 0],),
            IdentificationError,
            "sum of value_added is zero",
        ),
        (
            variables.industrial_advancement,
            (0, 2),
            IdentificationError,
            "secondary is zero or negative",
        ),
        (
            variables.industrial_advancement,
            (2, -2),
            IdentificationError,
            "tertiary is negative",
        ),
        (variables.industrial_advancement, (2, "2"), InputTypeError, "tertiary is '2'"),
        (
            variables.industrial_rationalisation,
            ([1, 2], [0, 2]),
            IdentificationError,
            r"employment\[0\] is zero",
        ),
        (
            variables.structural_deviation,
            ([0, 2], [0, 2]),
            IdentificationError,
            "divides by it",
        ),
        (
            variables.productivity_advancement,
            ([1, 2], [0, 2]),
            IdentificationError,
            "divides by it",
        ),
        (
            variables.lilien_index,
            ([0, 2], [1, 2]),
            IdentificationError,
            "difference of logarithms",
        ),
        (
            variables.industrial_layer,
            (pd.Series([1, 2, 3]),),
            InputTypeError,
            "list of columns",
        ),
        (variables.industrial_layer, (np.ones(3),), InputTypeError, "list of columns"),
        (variables.industrial_layer, ("va",), InputTypeError, "list of columns"),
        (variables.industrial_layer, (None,), InputTypeError, "list of columns"),
        (
            variables.industrial_layer,
            ([1, 2, "x"],),
            InputTypeError,
            r"value_added\[2\]",
        ),
        (
            variables.industrial_layer,
            ([[1, 2], [1, 2], [1]],),
            AlignmentError,
            "lengths differ",
        ),
        (
            variables.structural_deviation,
            (SHUFFLED, SHUFFLED[["b", "a", "c"]]),
            AlignmentError,
            "two orders",
        ),
    ],
)
def test_refusals_of_industry(
    function: Any, given: Any, kind: type[DigiprosperError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        function(*given)


def test_option_words() -> None:
    with pytest.raises(OptionError, match="reverse='inverse'"):
        variables.industrial_rationalisation(VALUE_ADDED, EMPLOYMENT, reverse="inverse")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="shares='average'"):
        variables.lilien_index(VALUE_ADDED, EMPLOYMENT, shares="average")  # type: ignore[arg-type]


# --- the digital economy --------------------------------------------------------------


def test_digital_value_added_by_a_loop() -> None:
    rng = np.random.default_rng(4)
    names = ["farms", "factories", "software"]
    value = pd.DataFrame(rng.uniform(0, 9, (7, 3)), columns=names)
    share = pd.DataFrame(rng.uniform(0, 1, (7, 3)), columns=names)
    share.iloc[2] = 0.0
    value.iloc[3, 1] = np.nan
    amount = variables.digital_value_added(value, share)
    part = variables.digital_value_added(value, share, measure="share")
    for row in range(7):
        digital = sum(value.iloc[row, k] * share.iloc[row, k] for k in range(3))
        total = sum(value.iloc[row, k] for k in range(3))
        np.testing.assert_allclose(amount[row], digital, rtol=1e-13)
        np.testing.assert_allclose(part[row], digital / total, rtol=1e-13)
    assert amount[2] == part[2] == 0
    assert np.isnan(amount[3])
    scaled = variables.digital_value_added(1e4 * value, share, measure="share")
    np.testing.assert_allclose(scaled, part, rtol=1e-13)
    constant = variables.digital_value_added(value, [0.1, 0.2, 1.0])
    np.testing.assert_allclose(constant, value.to_numpy() @ [0.1, 0.2, 1.0])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (([1, 2], [0.1, 1.2]), r"digital_share\[1\] is outside"),
        (([1, 2], [-0.1, 1]), r"digital_share\[0\] is outside"),
        (([-1, 2], [0.1, 1]), r"value_added\[0\] is negative"),
        (([0, 0], [0.1, 1]), "sum of value_added is zero"),
        (([1, 2], [0.1]), "same sectors"),
    ],
)
def test_digital_value_added_refuses(given: Any, words: str) -> None:
    with pytest.raises(IdentificationError, match=words):
        variables.digital_value_added(*given)


def test_digital_value_added_refuses_other_measures() -> None:
    with pytest.raises(OptionError, match="measure"):
        variables.digital_value_added([1, 2], [0.1, 1], measure="percent")


# --- capital, productivity and volatility ---------------------------------------------


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
    actual = variables.capital_stock(
        frame["inv"], frame["price"], growth=growth, depreciation=0.06
    )
    np.testing.assert_allclose(actual, by_hand(frame, growth, 0.06), rtol=1e-13)
    assert actual.index.equals(frame.index)
    assert actual.name == "capital_stock"
    assert actual.notna().any()


def test_an_absent_year_is_a_missing_one() -> None:
    frame = make(3).dropna()
    whole = frame.reindex(
        pd.MultiIndex.from_product([list("abcde"), range(2000, 2009)])
    )
    actual = variables.capital_stock(frame["inv"], frame["price"], growth=0.1)
    filled = variables.capital_stock(whole["inv"], whole["price"], growth=0.1)
    np.testing.assert_array_equal(actual, filled.reindex(frame.index))


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
    with pytest.warns(
        IdentificationWarning, match=r"1 entity is 0 .*initial capital is 0"
    ):
        stock = variables.capital_stock(
            [0.0, 5.0, 3.0, 3.0], 1.0, growth=0.1, depreciation=0.1, **keys
        )
    np.testing.assert_allclose(stock, [0, 5, 15, 16.5])


# Prices of investment in China, 1998 to 2013, percent above those of the year before
PRICES = (-0.2, -0.4, 1.1, 0.4, 0.2, 2.2, 5.6, 1.6, 1.5, 3.9, 8.9, -2.4, 3.6, 6.6, 1.1)


@pytest.mark.parametrize("unit", [1, 100])
def test_prices_of_the_year_before_are_no_deflator(unit) -> None:
    rng = np.random.default_rng(1)
    yearly = 1 + (np.array(PRICES) + rng.normal(0, 0.5, (20, 15))) / 100
    keys = dict(
        zip(("entity", "time"), np.indices((20, 15)).reshape(2, -1), strict=True)
    )
    chained = yearly.cumprod(axis=1)
    investment = np.exp(rng.normal(0, 0.1, (20, 15)))

    def capital(prices):
        prices = unit * prices.ravel()
        nominal = investment.ravel() * prices
        return variables.capital_stock(nominal, prices, growth=0.1, **keys)

    with pytest.warns(IdentificationWarning, match="previous year = 100"):
        capital(yearly)
    few = yearly.copy()
    few[:, :3] = np.nan
    with pytest.warns(IdentificationWarning, match="previous year = 100"):
        capital(few)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for index in (chained, chained / chained[:, [7]], np.ones((20, 15))):
            capital(index)


def test_columns_of_a_panel_in_growth() -> None:
    panel = Panel(make(1).reset_index(), "city", "year")
    actual = panel.assign(
        k=lambda f: variables.capital_stock(f["inv"], f["price"], growth=0.1),
        tfp=lambda f: variables.solow_tfp(f["inv"], f["k"], 2.0, capital_share=0.4),
    )
    np.testing.assert_allclose(
        actual["k"], by_hand(panel.frame, 0.1, 0.096), rtol=1e-13
    )
    spec = FixedEffects("tfp", ["price"], cov_type="unadjusted")
    with pytest.warns(UserWarning, match="dropped"):
        assert spec.fit(actual).nobs > 10


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
    actual = variables.solow_tfp(output, capital, labour, capital_share=share)
    np.testing.assert_allclose(actual, tfp, atol=1e-13)
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
    actual = variables.growth_volatility(x, window=window)
    np.testing.assert_allclose(
        actual, volatility_by_hand(x, window), rtol=1e-10, atol=1e-14
    )
    assert actual.name == "growth_volatility"
    assert actual.notna().any()
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
        actual = variables.growth_volatility(scale * x, time=np.arange(9))
        np.testing.assert_allclose(actual[5:], 0.0, atol=1e-12)


@pytest.mark.parametrize("window", [1, 0, 2.5, True, "5", None])
def test_volatility_refuses_other_windows(window: Any) -> None:
    with pytest.raises(OptionError, match="window"):
        variables.growth_volatility([1, 2, 3], window=window, time=[1, 2, 3])


def test_volatility_refuses_values_without_growth_and_rows_without_time() -> None:
    with pytest.raises(IdentificationError, match="x is zero or negative"):
        variables.growth_volatility([1, 0, 3], window=2, time=[1, 2, 3])
    with pytest.raises(InputTypeError, match="growth_volatility needs the entity"):
        variables.growth_volatility([1, 2, 3], window=2)


# --- rates per head, and gaps ---------------------------------------------------------


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (variables.urban_rural_ratio(47412, 18931), 2.5044635783),
        (variables.digital_divide(75, 50), 1.5),
        (variables.digital_divide(75, 50, measure="gap"), 25),
        (variables.per_capita(300, 1_500_000, per=10_000), 2),
        (variables.per_capita(-3, 2), -1.5),
        (variables.relative_rate(90, 20, 600, 400), 3),
        (variables.relative_rate(0, 20, 600, 400), 0),
        (np.log1p(variables.per_capita(25, 100_000, per=10_000)), np.log(3.5)),
    ],
)
def test_numbers_of_formulas_of_rates(results: float, expected: float) -> None:
    assert results == pytest.approx(expected, abs=5.1e-11)


def test_missing_gives_missing_in_rates() -> None:
    urban, rural = pd.Series([3.0, nan, 4]), pd.Series([2, 1, pd.NA], dtype="Int64")
    for actual in (
        variables.urban_rural_ratio(urban, rural),
        variables.digital_divide(urban, rural, measure="gap"),
        variables.per_capita(urban, rural),
        variables.relative_rate(urban, rural, 1, 1),
    ):
        assert actual.isna().tolist() == [False, True, True]


def test_distance_to_the_leader_of_the_period() -> None:
    keys = pd.MultiIndex.from_product([list("abc"), [2000, 2001]], names=["i", "t"])
    x = pd.Series([80.0, 50, 40, 100, 20, 25], keys)
    actual = variables.distance_to_leader(x)
    leader = x.groupby("t").transform("max")
    np.testing.assert_allclose(actual, np.log(leader / x))
    turned = x.iloc[[3, 1, 5, 0, 2, 4]]
    pd.testing.assert_series_equal(
        variables.distance_to_leader(turned), actual.reindex(turned.index)
    )
    panel = Panel(x.rename("x").reset_index(), "i", "t")
    assert (
        panel.assign(d=lambda f: variables.distance_to_leader(f["x"]))["d"].tolist()
        == actual.tolist()
    )
    assert (
        variables.distance_to_leader(x.to_numpy()) == np.log(100 / x.to_numpy())
    ).all()
    gap = x.where(x != 20)
    assert variables.distance_to_leader(gap).isna().tolist() == [True, False] * 3
    times = variables.distance_to_leader(x.to_numpy(), time=keys.get_level_values(1))
    np.testing.assert_array_equal(times, actual)
    missing = variables.distance_to_leader([1.0, 2, 4], time=[1, 1, None])
    np.testing.assert_allclose(missing, [np.log(2), 0, nan])


@pytest.mark.parametrize(
    ("function", "given", "options", "kind", "words"),
    [
        (
            variables.per_capita,
            ([1, 2], [1, 0]),
            {},
            IdentificationError,
            r"population .* \(first: 1\)",
        ),
        (variables.per_capita, (1, 2), {"per": 0}, OptionError, "per=0"),
        (variables.per_capita, (1, 2), {"per": "head"}, OptionError, "per='head'"),
        (variables.per_capita, (1, 2), {"per": nan}, OptionError, "per=nan"),
        (
            variables.per_capita,
            (1, 2),
            {"per": 10**400},
            OptionError,
            "per=an integer of",
        ),
        (
            variables.per_capita,
            (1e110, 1e-110),
            {"per": 1e100},
            IdentificationError,
            "another unit",
        ),
        (
            variables.urban_rural_ratio,
            (1, 0),
            {},
            IdentificationError,
            "rural_income is zero or negative",
        ),
        (
            variables.urban_rural_ratio,
            (-1, 1),
            {},
            IdentificationError,
            "urban_income is negative",
        ),
        (
            variables.digital_divide,
            (1, 0),
            {},
            IdentificationError,
            "measure='gap' does not",
        ),
        (
            variables.digital_divide,
            (1, -1),
            {"measure": "gap"},
            IdentificationError,
            "rural is negative",
        ),
        (
            variables.digital_divide,
            (1, 1),
            {"measure": "log"},
            OptionError,
            "measure='log'",
        ),
        (
            variables.relative_rate,
            (1, 0, 1, 0),
            {},
            IdentificationError,
            "rural is .*; rural_population is",
        ),
        (
            variables.distance_to_leader,
            ([1, 0],),
            {},
            IdentificationError,
            "x is zero or negative",
        ),
        (
            variables.distance_to_leader,
            ([1, np.inf],),
            {},
            MissingDataError,
            "x is infinite",
        ),
    ],
)
def test_refusals_of_rates(
    function: Any, given: Any, options: Any, kind: type[DigiprosperError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        function(*given, **options)


def test_a_divide_of_zero_is_a_gap() -> None:
    assert variables.digital_divide(3, 0, measure="gap") == 3


# --- regions --------------------------------------------------------------------------


def cities(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    keys = pd.MultiIndex.from_product(
        [[f"c{i}" for i in range(9)], [2000, 2001, 2002]], names=["city", "year"]
    )
    frame = pd.DataFrame(
        rng.uniform(1, 9, (27, 5)), keys, ["income", "people", "cars", "food", "steel"]
    )
    frame["province"] = np.repeat(list("aaabbbbcc"), 3)
    return frame.sample(frac=1, random_state=seed)


def groups(frame: pd.DataFrame) -> Any:
    return frame.groupby(["province", "year"])


def test_coordination_by_group() -> None:
    frame = cities()
    actual = variables.regional_coordination(
        frame["income"], frame["people"], frame["province"]
    )
    assert actual.index.equals(frame.index)
    for _, part in groups(frame):
        expected = 1 - coefficient_of_variation(
            part["income"], obs_weights=part["people"]
        )
        np.testing.assert_allclose(actual[part.index], expected, rtol=1e-13)


@pytest.mark.parametrize("measure", ["cv", "theil"])
def test_equality_by_group(measure: Any) -> None:
    frame = cities(1)
    services = ["cars", "food", "steel"]
    actual = variables.service_equality(
        frame[services], frame["province"], measure=measure
    )
    function = coefficient_of_variation if measure == "cv" else theil_t
    for _, part in groups(frame):
        expected = 1 - np.mean([function(part[name]) for name in services])
        np.testing.assert_allclose(actual[part.index], expected, rtol=1e-12)
    equal = variables.service_equality(
        [[2, 2, 5], [7, 7, 1]], ["a", "a", None], measure=measure
    )
    np.testing.assert_array_equal(equal, [1, 1, nan])


def lorenz(part: pd.DataFrame, industries: list[str]) -> list[float]:
    """Twice the area between diagonal and curve of an industry's jobs.

    Against all jobs.
    """
    size = part[industries].sum(axis=1)
    out = []
    for name in industries:
        order = np.argsort((part[name] / size).to_numpy())
        x = np.r_[0, np.cumsum(size.to_numpy()[order]) / size.sum()]
        y = np.r_[0, np.cumsum(part[name].to_numpy()[order]) / part[name].sum()]
        out.append(1 - float(np.sum(np.diff(x) * (y[1:] + y[:-1]))))
    return out


def test_locational_gini_by_lorenz_curves() -> None:
    frame, names = cities(2), ["cars", "food", "steel"]
    frame.loc[frame.index[3], "cars"] = 0.0
    whole = variables.locational_gini(frame[names])
    inside = variables.locational_gini(frame[names], frame["province"])
    assert whole.columns.tolist() == names
    for _, part in frame.groupby("year"):
        np.testing.assert_allclose(
            whole.loc[part.index], [lorenz(part, names)] * len(part), atol=1e-14
        )
    for _, part in groups(frame):
        np.testing.assert_allclose(
            inside.loc[part.index], [lorenz(part, names)] * len(part), atol=1e-14
        )
    dispersion = variables.locational_gini(frame[names], reverse="complement")
    pd.testing.assert_frame_equal(dispersion, 1 - whole)
    arrays = variables.locational_gini(
        frame[names].to_numpy(), time=frame.index.get_level_values("year")
    )
    np.testing.assert_array_equal(arrays, whole)


def test_regions_of_one_mix_have_no_concentration() -> None:
    jobs = np.outer([1, 2, 30], [5, 1, 4])
    np.testing.assert_allclose(variables.locational_gini(jobs), 0, atol=1e-15)
    np.testing.assert_allclose(variables.krugman_index(jobs), 0, atol=1e-15)
    alone = np.diag([3.0, 3, 3, 3])
    np.testing.assert_allclose(variables.locational_gini(alone), 0.75)
    np.testing.assert_allclose(variables.krugman_index(alone), 2)


def test_krugman_by_hand() -> None:
    frame, names = cities(3), ["cars", "food", "steel"]
    actual = variables.krugman_index(frame[names])
    for _, part in frame.groupby("year"):
        for row in part.index:
            own, others = (
                part.loc[row, names].to_numpy(float),
                part.drop(row)[names].sum().to_numpy(),
            )
            expected = np.abs(own / own.sum() - others / others.sum()).sum()
            assert actual[row] == pytest.approx(expected, rel=1e-12)


def test_herfindahl() -> None:
    assert variables.herfindahl([0.5, 0.5]) == 0.5
    assert variables.herfindahl([1.0]) == 1
    shares = cities(4)[["cars", "food", "steel"]].pipe(
        lambda f: f.div(f.sum(axis=1), axis=0)
    )
    pd.testing.assert_series_equal(
        variables.herfindahl(shares), (shares**2).sum(axis=1), check_names=False
    )


def test_invariances() -> None:
    frame, names = cities(5), ["cars", "food", "steel"]
    cases = {
        "coordination": lambda f, k: variables.regional_coordination(
            k * f["income"], f["people"] / k, f["province"]
        ),
        "equality": lambda f, k: variables.service_equality(
            k * f[names], f["province"]
        ),
        "gini": lambda f, k: variables.locational_gini(k * f[names], f["province"])[
            "food"
        ],
        "krugman": lambda f, k: variables.krugman_index(k * f[names]),
    }
    for name, case in cases.items():
        base = case(frame, 1.0)
        np.testing.assert_allclose(case(frame, 1e6), base, rtol=1e-10, err_msg=name)
        turned = frame.sample(frac=1, random_state=9)
        np.testing.assert_allclose(
            case(turned, 1.0), base[turned.index], rtol=1e-13, err_msg=name
        )
        renamed = frame.assign(province=frame["province"].map({"a": 3, "b": 1, "c": 2}))
        np.testing.assert_array_equal(case(renamed, 1.0), base, err_msg=name)


def test_a_gap_takes_its_group() -> None:
    frame = cities(6).sort_index()
    frame.loc[("c0", 2001), ["income", "cars"]] = nan
    actual = variables.regional_coordination(
        frame["income"], frame["people"], frame["province"]
    )
    gone = (frame["province"] == "a") & (frame.index.get_level_values("year") == 2001)
    assert actual.isna().equals(gone)
    krugman = variables.krugman_index(frame[["cars", "food"]])
    assert (
        krugman.isna().tolist()
        == (frame.index.get_level_values("year") == 2001).tolist()
    )


def test_in_a_panel_of_cities() -> None:
    panel = Panel(cities(7).reset_index(), "city", "year")
    actual = panel.assign(
        even=lambda f: variables.regional_coordination(
            f["income"], f["people"], f["province"]
        ),
        special=lambda f: variables.krugman_index(f[["cars", "food", "steel"]]),
    )
    provinces = actual.frame.groupby(["province", "year"])["even"].first()
    assert len(provinces) == 9
    assert actual["special"].between(0, 2).all()


@pytest.mark.parametrize(
    ("function", "given", "options", "kind", "words"),
    [
        (
            variables.regional_coordination,
            ([1, 2, 3], 1, [1, 1, 2]),
            {},
            IdentificationError,
            r"one in 1 row \(first: 2",
        ),
        (
            variables.regional_coordination,
            ([0, 0], 1, [1, 1]),
            {},
            IdentificationError,
            "income in the group is zero",
        ),
        (
            variables.regional_coordination,
            ([1, 2], [1, 0], [1, 1]),
            {},
            IdentificationError,
            "population",
        ),
        (
            variables.regional_coordination,
            ([1, -2], 1, [1, 1]),
            {},
            IdentificationError,
            "income is negative",
        ),
        (
            variables.regional_coordination,
            ([1, 2], 1, [1, 1, 1]),
            {},
            AlignmentError,
            "lengths differ",
        ),
        (
            variables.service_equality,
            ([[0, 0], [1, 2]], [1, 1]),
            {},
            IdentificationError,
            r"services\[0\] in the group",
        ),
        (
            variables.service_equality,
            ([[1, 2]], [1, 1]),
            {"measure": "gini"},
            OptionError,
            "measure='gini'",
        ),
        (
            variables.locational_gini,
            ([[1, 0], [1, 0]],),
            {},
            IdentificationError,
            "employment of a region is zero",
        ),
        (
            variables.locational_gini,
            ([[1, 2], [0, 0]],),
            {},
            IdentificationError,
            r"employment\[1\] in the group",
        ),
        (
            variables.locational_gini,
            ([[1], [2]],),
            {},
            IdentificationError,
            "number of regions in the group is one",
        ),
        (
            variables.locational_gini,
            ([[1, 2]],),
            {"reverse": "negative"},
            OptionError,
            "reverse='negative'",
        ),
        (variables.krugman_index, ([[1, -2]],), {}, IdentificationError, "negative"),
        (
            variables.krugman_index,
            ([1, 2],),
            {},
            IdentificationError,
            "number of regions in the group is one",
        ),
        (
            variables.herfindahl,
            ([60, 40],),
            {},
            IdentificationError,
            "sum of the shares is not one",
        ),
        (
            variables.herfindahl,
            ([0.5, 0.4],),
            {},
            IdentificationError,
            "sum of the shares is not one",
        ),
        (variables.herfindahl, ([1.5, -0.5],), {}, IdentificationError, "negative"),
    ],
)
def test_refusals_of_regions(
    function: Any, given: Any, options: Any, kind: type[DigiprosperError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        function(*given, **options)


# --- groups of labels and of the second level of an index -----------------------------


def test_labels_and_times_make_groups() -> None:
    keys = pd.MultiIndex.from_product([list("ab"), [1, 2]])
    x = pd.Series(1.0, keys)
    assert group_codes(arguments("f", {"x": x})).tolist() == [0, 1, 0, 1]
    assert group_codes(
        arguments("f", {"x": x}, labels={"time": [1, 1, 1, 1]})
    ).tolist() == [0, 0, 0, 0]
    codes = group_codes(
        arguments("f", {"x": x}, labels={"region": ["p", "p", None, "q"]})
    )
    assert len(set(codes.tolist())) == 4
    assert group_codes(arguments("f", {"x": x.to_numpy()})).tolist() == [0, 0, 0, 0]
    assert given_labels(region=None, time=[1]) == {"time": [1]}


def test_rows_with_gaps_are_not_looked_at() -> None:
    given = arguments(
        "f", {"x": [np.nan, 0.0, 0.0]}, labels={"region": ["a", "b", "b"]}
    )
    compared_rows(given, "units")
    with pytest.raises(
        IdentificationError,
        match=r"sum of x in the group is zero in 2 rows \(first: 1, 2\)",
    ):
        compared_rows(given, "units", ("x",))


def test_stocks_do_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(0)
    entity, time = np.repeat(np.arange(4), 6), np.tile(np.arange(6), 4)
    investment = rng.uniform(size=24)
    before = np.where(time > 0, np.arange(24) - 1, -1)
    first = np.where(time == 0, investment, np.nan)
    stock = variables._accumulated(investment, first, before, time, 0.9)
    order = rng.permutation(24)
    place = np.argsort(order)
    moved = np.where(before[order] >= 0, place[before[order]], -1)
    again = variables._accumulated(
        investment[order], first[order], moved, time[order], 0.9
    )
    np.testing.assert_array_equal(again, stock[order])
    weights = 0.9 ** np.arange(5, -1, -1)
    assert np.allclose(stock[entity == 2][-1], investment[entity == 2] @ weights)


def test_shares_add_up() -> None:
    np.testing.assert_allclose(
        variables._shares(np.array([[1.0, 3.0]])), [[0.25, 0.75]]
    )
