"""Structure of industry: numbers of the formulas, loops, and invariances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import Panel, theil_t, variables
from digiprosper.errors import (
    AlignmentError,
    DigiprosperError,
    IdentificationError,
    InputTypeError,
    OptionError,
)

nan = np.nan
VALUE_ADDED, EMPLOYMENT = [10, 40, 50], [25, 30, 45]
TWO = (
    variables.industrial_rationalisation,
    variables.structural_deviation,
    variables.productivity_advancement,
    variables.lilien_index,
)


def tables(seed: int = 0, rows: int = 30) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product(
        [range(rows // 5), range(2000, 2005)], names=["i", "t"]
    )
    va = pd.DataFrame(rng.uniform(1, 9, (rows, 3)), index, ["va1", "va2", "va3"])
    emp = pd.DataFrame(rng.uniform(1, 9, (rows, 3)), index, ["emp1", "emp2", "emp3"])
    return va, emp


@pytest.mark.parametrize(
    ("found", "expected"),
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
def test_numbers_of_the_formulas(found: float, expected: float) -> None:
    assert isinstance(found, float)
    assert found == pytest.approx(expected, abs=5.1e-11)


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


def test_missing_gives_missing() -> None:
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


def test_in_a_panel() -> None:
    names = ["va1", "va2", "va3"]
    panel = Panel(tables()[0].reset_index(), "i", "t")
    found = panel.assign(
        ratio=lambda f: variables.industrial_advancement(f["va2"], f["va3"]),
        layer=lambda f: variables.industrial_layer(f[names]),
    )
    np.testing.assert_allclose(found["ratio"], panel["va3"] / panel["va2"])
    assert found["layer"].between(1, 3).all()
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
def test_refusals(
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
