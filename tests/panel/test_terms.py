"""Terms: what each is made of, and how two are compared."""

from __future__ import annotations

import pytest

from digiprosper.errors import ColumnError, TermError
from digiprosper.panel.terms import canonical, parse, split_crossed

KNOWN = ("city", "year", "x", "z", "region", "K / L", "log(x)", "x^2", "n")


def test_names_outside_of_the_panel_are_unknown_columns() -> None:
    with pytest.raises(ColumnError, match="'KNOWN'"):
        parse("KNOWN", KNOWN, "x")
    with pytest.raises(ColumnError, match=r"'zz'.*'yy'") as caught:
        parse("I(zz + x / yy)", KNOWN, "x")
    assert [p.data["column"] for p in caught.value.problems] == ["zz", "yy"]
    with pytest.raises(ColumnError, match="did you mean 'region'"):
        parse("C(regoin)", KNOWN, "x")


def test_the_name_is_as_typed() -> None:
    for text in ("I( x**2 )", "lag(x,2)", "log( n )", "x : z"):
        assert parse(text, KNOWN, "x").text == text
    assert parse(" I(x**2) ", KNOWN, "x").text == "I(x**2)"


def test_white_space_does_not_matter_when_terms_are_compared() -> None:
    assert canonical("lag( x , 2 )") == canonical("lag(x,2)")
    assert canonical("I(x ** 2)") == canonical("I(x**2)")
    assert canonical("x : z") == canonical("x:z")
    assert canonical("K / L", ["K / L"]) == "K / L"
    assert canonical("I(r == 'a b')") != canonical("I(r == 'ab')")
    assert canonical("log(`a b`)") != canonical("log(`ab`)")
    assert canonical("a b") != canonical("ab")
    assert canonical("region ^ C( year )") == canonical("region^C(year)")
    assert canonical("`K / L`") == canonical("K / L")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("K / L", "K/L"),
        ("gdp (real)", "gdp(real)"),
        ("a - b", "a-b"),
        ("share (%)", "share(%)"),
    ],
)
def test_names_that_are_no_terms_keep_their_blanks(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)
    assert canonical(one) == canonical(f" {one} ")


def test_names_and_shifts_of_a_term() -> None:
    term = parse("I(x**2):lag(`K / L`):C(region)", KNOWN, "x")
    assert term.names == ("x", "K / L", "region")
    assert term.shifts
    assert [f.category for f in term.factors] == [None, None, "region"]
    assert not parse("log(n)", KNOWN, "x").shifts
    assert parse("x", KNOWN, "x").names == ("x",)


def test_crossed_effects() -> None:
    assert split_crossed("region ^ year", KNOWN) == ("region", "year")
    assert split_crossed("x^2", KNOWN) == ("x^2",)
    assert split_crossed("region", KNOWN) == ("region",)
    assert split_crossed("`a^b` ^ I(a == 'x^y')", KNOWN) == ("`a^b`", "I(a == 'x^y')")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("log(n)", True),
        (" log1p( n ) ", True),
        ("I(2 * log(n) - 1)", True),
        ("lag(log(n))", True),
        ("I(log(`K / L`)**2)", True),
        ("n", False),
        ("log(x)", False),  # a column of that name
        ("exp(n)", False),
        ("diff(log(n))", False),  # units leave a difference
        ("n:log(z)", False),
        ("C(region)", False),
    ],
)
def test_a_logarithm_is_told_by_its_functions(text: str, is_one: bool) -> None:
    assert parse(text, KNOWN, "x").is_logarithm is is_one


def test_a_reserved_word_is_shown_in_the_term_that_was_typed() -> None:
    with pytest.raises(TermError, match=r"backticks, I\(`is`\*\*2\)"):
        parse("I(is**2)", ["is", "gdp"], "regressors")
    with pytest.raises(TermError, match=r"backticks, log\(gdp\*`is`\)"):
        parse("log(gdp*is)", ["is", "gdp"], "regressors")
