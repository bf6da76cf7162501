"""Rates and distances: the numbers of the formulas, and divisors that are zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import Panel, variables
from digiprosper.errors import (
    DigiprosperError,
    IdentificationError,
    MissingDataError,
    OptionError,
)

nan = np.nan


@pytest.mark.parametrize(
    ("found", "expected"),
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
def test_numbers_of_the_formulas(found: float, expected: float) -> None:
    assert found == pytest.approx(expected, abs=5.1e-11)


def test_missing_gives_missing() -> None:
    urban, rural = pd.Series([3.0, nan, 4]), pd.Series([2, 1, pd.NA], dtype="Int64")
    for found in (
        variables.urban_rural_ratio(urban, rural),
        variables.digital_divide(urban, rural, measure="gap"),
        variables.per_capita(urban, rural),
        variables.relative_rate(urban, rural, 1, 1),
    ):
        assert found.isna().tolist() == [False, True, True]


def test_distance_to_the_leader_of_the_period() -> None:
    keys = pd.MultiIndex.from_product([list("abc"), [2000, 2001]], names=["i", "t"])
    x = pd.Series([80.0, 50, 40, 100, 20, 25], keys)
    found = variables.distance_to_leader(x)
    leader = x.groupby("t").transform("max")
    np.testing.assert_allclose(found, np.log(leader / x))
    turned = x.iloc[[3, 1, 5, 0, 2, 4]]
    pd.testing.assert_series_equal(
        variables.distance_to_leader(turned), found.reindex(turned.index)
    )
    panel = Panel(x.rename("x").reset_index(), "i", "t")
    assert (
        panel.assign(d=lambda f: variables.distance_to_leader(f["x"]))["d"].tolist()
        == found.tolist()
    )
    assert (
        variables.distance_to_leader(x.to_numpy()) == np.log(100 / x.to_numpy())
    ).all()
    gap = x.where(x != 20)
    assert variables.distance_to_leader(gap).isna().tolist() == [True, False] * 3
    times = variables.distance_to_leader(x.to_numpy(), time=keys.get_level_values(1))
    np.testing.assert_array_equal(times, found)
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
def test_refusals(
    function: Any, given: Any, options: Any, kind: type[DigiprosperError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        function(*given, **options)


def test_a_divide_of_zero_is_a_gap() -> None:
    assert variables.digital_divide(3, 0, measure="gap") == 3
