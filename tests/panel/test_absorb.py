"""What absorb accepts is read in one place."""

from __future__ import annotations

import pytest

from digiprosper.errors import ColumnError, TermError
from digiprosper.panel.absorb import Absorbed, effect_key, read_absorbed

KNOWN = ("province", "year", "region", "x", "K / L", "a[b]", "资本")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("province", ["province"]),
        ("a[b]", ["a[b]"]),
        ("province[year]", ["province", "province[[year]]"]),
        (" province [ year , x ] ", ["province", "province[[year]]", "province[[x]]"]),
        ("province[[year]]", ["province[[year]]"]),
        ("province[[year, x]]", ["province[[year]]", "province[[x]]"]),
        ("province[log(x), lag(x, 2)]", ["province", "province[[log(x)]]", "province[[lag(x,2)]]"]),
        ("province[x, x]", ["province", "province[[x]]"]),
        ("region^year[x]", ["region^year", "region^year[[x]]"]),
        ("province[x:year]", ["province", "province[[x:year]]"]),
        ("province[`K / L`]", ["province", "province[[K / L]]"]),
        ("`a[b]`[year]", ["`a[b]`", "`a[b]`[[year]]"]),
        ("资本[year]", ["资本", "资本[[year]]"]),
    ],
)
def test_what_is_read(text: str, names: list[str]) -> None:
    assert [one.name for one in read_absorbed(text, KNOWN)] == names


@pytest.mark.parametrize(
    "text",
    [
        "province[year",
        "province]year[",
        "[year]",
        "[[year]]",
        "province[]",
        "province[[]]",
        "province[year,]",
        "province[,year]",
        "province[[year]",
        "province[year]]",
        "province[year][x]",
        "province[year]^region",
        "province[[year], x]",
        "province[C(region)]",
        "province[x^2]",
        "province[x**2]",
        "province[year + x]",
        "province['x']",
        "province[lag(x]",
        "province[" + "x, " * 600 + "x(]",
    ],
)
def test_what_is_refused(text: str) -> None:
    with pytest.raises(TermError, match="absorb"):
        read_absorbed(text, KNOWN)


def test_columns_that_are_missing_are_named() -> None:
    with pytest.raises(ColumnError, match="nope"):
        read_absorbed("province[nope]", KNOWN)


def test_a_text_beyond_all_bounds_is_left_to_the_reader_of_terms() -> None:
    text = "province[" + "x, " * 2000 + "x]"
    assert read_absorbed(text, KNOWN) == (Absorbed(text),)
    with pytest.raises(TermError, match="characters"):
        effect_key(text, KNOWN)


def test_two_spellings_of_an_effect_are_one() -> None:
    assert effect_key("C(region)", KNOWN) == effect_key("region", KNOWN)
    assert effect_key("region^year", KNOWN) == effect_key("year ^ region", KNOWN)
    assert effect_key("region", KNOWN) != effect_key("province", KNOWN)


@pytest.mark.parametrize(
    "spelling", ["year^region", "region:year", "year:region", "C(region):C(year)", "C(year)^region"]
)
def test_pairs_are_one_effect_however_they_are_spelled(spelling: str) -> None:
    assert effect_key(spelling, KNOWN) == effect_key("region^year", KNOWN)
    assert effect_key(f"{spelling}:province", KNOWN) == effect_key("province^region^year", KNOWN)


def test_a_column_named_like_a_pair_is_another_effect() -> None:
    known = (*KNOWN, "region^year", "region:year")
    assert effect_key("region^year", known) != effect_key("C(region)^C(year)", known)
    assert effect_key("`region:year`", known) != effect_key("year:region", known)
