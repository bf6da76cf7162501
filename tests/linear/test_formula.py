"""Formulas read and refused; that they fit like terms is in test_fixed_effects."""

from __future__ import annotations

import time

import pytest

from digiprosper.errors import TermError
from digiprosper.linear.formula import read_formula


@pytest.mark.parametrize(
    ("formula", "y", "x", "absorb"),
    [
        ("y ~ a + b | city + year", "y", ["a", "b"], ["city", "year"]),
        ("y ~ a", "y", ["a"], []),
        ("log(y) ~ a*b | region^year", "log(y)", ["a", "b", "a:b"], ["region^year"]),
        (
            "`K / L`~I( a ** 2 )+lag(a, k=2)|city",
            "K / L",
            ["I( a ** 2 )", "lag(a, k=2)"],
            ["city"],
        ),
        ("y ~ a - 1 | city", "y", ["a"], ["city"]),
    ],
)
def test_terms_keep_the_names_that_were_typed(
    formula: str, y: str, x: list, absorb: list
) -> None:
    assert read_formula(formula) == (y, x, absorb)


@pytest.mark.parametrize(
    ("formula", "what"),
    [
        ("y ~ a - 1", "removes the intercept"),
        ("y ~ a#b", "Stata's '#'"),
        ("y + z ~ a", "one outcome"),
        ("1 ~ a", "one outcome"),
        ("~ a", "an outcome before '~'"),
        ("y ~ a | city +", "empty effect"),
        ("y ~ a | city | d ~ z", "FixedEffectsIV"),
        ("y ~ a | city + year | 0 | city", "clusters='province'"),
        ("y ~ a | city | (d ~ z) | city", "FixedEffectsIV"),
        ("y ~ a + EntityEffects", "after a bar"),
        ("y ~ lag(a, 1:2) | city", "several lags are several terms"),
    ],
)
@pytest.mark.many(11)
def test_what_is_wrong_is_said(formula: str, what: str) -> None:
    with pytest.raises(TermError, match=what):
        read_formula(formula)


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ a^2 | city",
        "y ~ a**2",
        "y ~ (a + b)**2 | city",
        "y ~ a + b^2",
        "y**2 ~ a",
        "y ~ log(a)^2 | city",
    ],
)
def test_bare_powers_are_refused(formula: str) -> None:
    with pytest.raises(TermError, match=r"I\(x\*\*2\)"):
        read_formula(formula)


@pytest.mark.parametrize(
    "formula",
    [
        "y a + b",
        "y ~ a | city | year",
        "y ~ a + | city",
        "y ~ (a | city",
        "y ~ a |",
        "~ a",
    ],
)
def test_formulas_that_do_not_parse_are_quoted(formula: str) -> None:
    with pytest.raises(TermError) as caught:
        read_formula(formula)
    assert formula in str(caught.value)


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ " + "*".join("abcdefghijkl"),
        "y ~ " + ":".join(["(a+b+c+d+e+f+g+h)"] * 4),
        "y ~ x" * 20_000,
        "y ~ x + " + "9" * 5000,
        "y ~ x + '" + "a" * 3000 + "'",
        "y ~ " + "~" * 300 + "x",
        "y ~ [ )",
        "y ~ x + {z + 1}",
        "y ~ log(x\ud800)",
    ],
    ids=[
        "star",
        "colon",
        "long",
        "digits",
        "text",
        "tildes",
        "brackets",
        "code",
        "half a character",
    ],
)
def test_a_formula_of_any_length_gets_a_short_refusal(formula: str) -> None:
    start = time.process_time()
    with pytest.raises(TermError) as caught:
        read_formula(formula)
    assert time.process_time() - start < 2
    assert len(str(caught.value)) < 600


def test_products_and_signs_in_backticks_are_read_in_a_formula() -> None:
    assert len(read_formula("y ~ (a + b + c)*(d + e) + f*g*h")[1]) == 11 + 7
    assert read_formula("y ~ `x^2` + I(a**2) + log(b):c")[1] == [
        "x^2",
        "I(a**2)",
        "log(b):c",
    ]


@pytest.mark.parametrize(
    ("kept", "refused"),
    [
        ("y ~ a" + " " * 19_995, "y ~ a" + " " * 19_996),
        ("y ~ a*b*c*d*e*f*g", "y ~ a*b*c*d*e*f*g*h"),
        (
            f"y ~ ({' + '.join(f'x{j}' for j in range(21))}):a",
            f"y ~ ({' + '.join(f'x{j}' for j in range(22))}):a",
        ),
    ],
    ids=["characters", "signs of a product", "signs in its brackets"],
)
def test_formulas_are_read_up_to_a_length_and_a_product_of_so_many_columns(
    kept: str, refused: str
) -> None:
    assert read_formula(kept)[0] == "y"
    with pytest.raises(TermError):
        read_formula(refused)


def test_a_tilde_in_a_name_is_no_tilde_of_the_formula():
    assert read_formula("y ~ `x~y` + c | i") == ("y", ["x~y", "c"], ["i"])
    with pytest.raises(TermError, match="needs one '~'"):
        read_formula("`x~y` + c")
