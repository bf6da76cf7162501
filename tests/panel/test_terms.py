"""Terms: what each is made of, and how two are compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

import digiprosper as dp
from digiprosper.errors import ColumnError, TermError
from digiprosper.panel.terms import canonical, parse, split_crossed, term_factors
from digiprosper.report.terms import Factor

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


def test_a_function_of_a_lag_is_the_lag_of_the_function() -> None:
    term = parse("log(lag(x, 2)):lag(log(x)):exp(lag(x, 3))", KNOWN, "x")
    assert term.lags == (("log(x)", 2), ("log(x)", 1), ("exp(x)", 3))


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


# --- factors, as stored in results ---------------------------------------------------


def factors(text: str) -> tuple[Factor, ...]:
    return term_factors(parse(text, ["x", "z", "K / L", "region"], "x"))


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("x", Factor("x", "x", columns=("x",))),
        ("I(x**2)", Factor("I(x**2)", "x", power=2.0, columns=("x",))),
        ("I( x ** 3 )", Factor("I( x ** 3 )", "x", power=3.0, columns=("x",))),
        ("I(x**-1)", Factor("I(x**-1)", "x", power=-1.0, columns=("x",))),
        ("I(1/x)", Factor("I(1/x)", "x", power=-1.0, columns=("x",))),
        ("I(x**.5)", Factor("I(x**.5)", "x", power=0.5, columns=("x",))),
        ("sqrt(x)", Factor("sqrt(x)", "x", power=0.5, columns=("x",))),
        ("log(x)", Factor("log(x)", "x", function="log", columns=("x",))),
        ("lag(x, 2)", Factor("lag(x, 2)", "lag(x, 2)", shift=2, columns=("x",))),
        ("lead(x)", Factor("lead(x)", "lead(x)", shift=-1, columns=("x",))),
        (
            "I(log(x)**2)",
            Factor("I(log(x)**2)", "log(x)", power=2.0, columns=("x", "log(x)")),
        ),
        (
            "I(`K / L`**2)",
            Factor("I(`K / L`**2)", "K / L", power=2.0, columns=("K / L",)),
        ),
        ("log1p(x)", Factor("log1p(x)", function="log1p", columns=("x",))),
        ("I(x * z)", Factor("I(x * z)", function="I", columns=("x", "z"))),
        ("I((x + 1)**2)", Factor("I((x + 1)**2)", function="I", columns=("x",))),
    ],
)
def test_a_factor_tells_column_power_function_and_lag(
    text: str, factor: Factor
) -> None:
    (actual,) = factors(text)
    assert replace(actual, pieces=()) == factor


def test_a_product_has_its_factors_in_order() -> None:
    assert [(f.text, f.column, f.power) for f in factors("x:I(z**2)")] == [
        ("x", "x", 1.0),
        ("I(z ** 2)", "z", 2.0),
    ]


def test_a_calculation_of_a_product_is_not_the_power_of_its_last_column() -> None:
    (factor,) = factors("I(x**2 * z**2)")
    assert (factor.column, factor.columns) == ("", ("x", "z"))


def test_dummies_know_their_level() -> None:
    panel = dp.datasets.us_states()
    panel = panel.assign(
        half=(panel.frame["unemp"] > 6).map({True: "high", False: "low"})
    )
    fit = dp.FixedEffects("log(gsp)", ["C(half)", "C(half):log(pc)"]).fit(panel)
    terms = {term.name: term.factors for term in fit.terms}
    column, levels = fit.categories["C(half)"]
    (dummy,) = terms["C(half)[T.low]"]
    assert (dummy.column, levels[dummy.level]) == (column, "low")
    high, slope = terms["C(half)[high]:log(pc)"]
    assert (levels[high.level], slope.text) == ("high", "log(pc)")
