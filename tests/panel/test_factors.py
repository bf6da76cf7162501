from __future__ import annotations

from dataclasses import replace

import pytest

import digiprosper as dp
from digiprosper.panel.terms import parse, term_factors
from digiprosper.report.terms import Factor

KNOWN = ["x", "z", "K / L", "region"]


def factors(text):
    return term_factors(parse(text, KNOWN, "x"))


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
def test_a_factor_tells_column_power_function_and_lag(text, factor):
    (found,) = factors(text)
    assert replace(found, pieces=()) == factor


def test_a_product_has_its_factors_in_order():
    assert [(f.text, f.column, f.power) for f in factors("x:I(z**2)")] == [
        ("x", "x", 1.0),
        ("I(z ** 2)", "z", 2.0),
    ]


def test_a_calculation_of_a_product_is_not_the_power_of_its_last_column():
    (factor,) = factors("I(x**2 * z**2)")
    assert (factor.column, factor.columns) == ("", ("x", "z"))


def test_dummies_know_their_level():
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
