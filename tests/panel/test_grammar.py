"""What may be written as a term, and what each refusal tells the reader to write."""

from __future__ import annotations

import ast
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import Panel
from digiprosper.errors import ColumnError, TermError
from digiprosper.panel.access import table_of
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.terms import canonical, parse
from digiprosper.report.terms import Factor

WIDE = "".join(chr(ord(c) + 0xFEE0) for c in "GDP")  # full-width letters
DATA = pd.DataFrame(
    {
        "city": list("AABB"),
        "year": [2010, 2011, 2010, 2011],
        "x": [1.0, 2.0, 4.0, 8.0],
        "z": [1.0, -1.0, 0.0, 2.0],
        "n": [1, 2, 3, 4],
        "region": ["east", "east", "west", "west"],
        "class": [5.0, 6, 7, 8],
        "gdp per head": [4.0, 5, 6, 7],
        WIDE: [3.0, 4, 5, 6],
    }
)
PANEL = Panel(DATA, "city", "year")


def value(text: str) -> Any:
    return evaluate(parse(text, table_of(PANEL).names, "x"), table_of(PANEL))


@pytest.mark.parametrize(
    ("text", "write"),
    [
        ("x**2", "I(x**2)"),
        ("z^2", "I(z**2)"),
        ("x ** 2", "I(x ** 2)"),
        ("x + 1", "I(x + 1)"),
        ("x + z", "['x', 'z']"),
        ("x*z", "['x', 'z', 'x:z']"),
        ("x - 1", "I(x - 1)"),
        ("x / n", "I(x / n)"),
        ("-x", "I(-x)"),
        ("x > 1", "I(x > 1)"),
        ("x n", "['x', 'n']"),
        ("x, n", "column"),
        ("log(x", "cannot be read"),
        ("log(class)", "backticks"),
        ("log(gdp per head)", "backticks"),
        ("I(x^2)", "**"),
        ("I(x:z)", "':' joins the factors"),
        ("lag(x, -1)", "lead()"),
        ("lag(x, 0)", "integer"),
        ("lag(x, 1.5)", "integer"),
        ("lag(x, n)", "integer"),
        ("lag(x, True)", "integer"),
        ("lag(x, 1, 2)", "lag(x, 2)"),
        ("lag(x, periods=2)", "lag(x, k=2)"),
        ("lag()", "lag(x)"),
        ("log(x, n)", "one argument"),
        ("log()", "one argument"),
        ("C(x + n)", "C() takes one column"),
        ("C(region, Treatment)", "C() takes one column"),
        ("I(C(region))", "C() takes one column"),
        ("I(1)", "no column"),
        ("log(2)", "no column"),
        ("lag(1)", "no column"),
        ("1", "has an intercept"),
        ("", "empty"),
        ("   ", "empty"),
    ],
)
def test_refused_and_told_what_to_write(text: str, write: str) -> None:
    with pytest.raises(TermError) as caught:
        value(text)
    assert write in str(caught.value)
    assert "x" in str(caught.value)
    assert caught.value.problems


@pytest.mark.parametrize(
    "text",
    [
        "I(" + "-" * 900 + "x)",
        ":".join(["x"] * 1000),
        "I(x+0x" + "f" * 5000 + ")",
        "I(x + " + "9" * 60 + ")",
        "I(" + "+".join(["x"] * 300) + ")",
        "I(" + "**".join(["x"] * 300) + ")",
        "log(" * 90 + "x" + ")" * 90 + "+" + "x" * 1900,
        "I(x > f'{" + "-" * 1500 + "1}')",
        "'" * 100_000,
        "\\'" * 50_000,
        "x" * 100_000,
        "x * " + "x" * 1500,
        "lambda:" * 200 + "x",
        "C(" + "x" * 1900 + ")",
        "I(x == '" + "a" * 1900 + "' + x)",
    ],
    ids=lambda text: text[:12],
)
def test_a_text_of_any_length_or_depth_gets_a_short_refusal(text: str) -> None:
    start = time.process_time()
    with pytest.raises((TermError, ColumnError)) as caught:
        value(text)
    assert time.process_time() - start < 1
    assert len(str(caught.value)) < 1200
    canonical(text)
    assert time.process_time() - start < 1


def test_a_deep_but_sensible_term_is_read() -> None:
    text = "I(" + " + ".join(["x"] * 90) + ")"
    np.testing.assert_allclose(value(text), 90 * DATA["x"])


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("urban#trade", "':' for a product"),
        ("urban##trade", "':' for a product"),
        ("log(urban)#trade", "':' for a product"),
        ("urban # trade", "':' for a product"),
        ("c.urban#c.urban", "I(urban**2)"),
        ("L.urban", "lag(urban)"),
        ("F2.urban", "lead(urban)"),
        ("D.urban", "diff(urban)"),
        ("i.region", "C(region)"),
        ("ln(urban)", "log(urban)"),
        ("np.log(urban)", "log(urban)"),
        ("Q('ret (%)')", "write `ret (%)`"),
    ],
)
def test_statas_spellings_are_refused_and_told_how_to_write_them(
    text: str, cure: str
) -> None:
    """Python reads '#' as a comment.

    The rest of the term would vanish in silence.
    """
    with pytest.raises(TermError) as caught:
        parse(text, ["urban", "trade", "region"], "x")
    assert cure in str(caught.value)


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("factor(region)", "categories are C(region)."),
        ("as.factor(region)", "categories are C(region)."),
        ("relevel(region, ref='east')", "C(region, ref='east')"),
        ("relevel(region, 'east')", "C(region, ref='east')"),
        ("i(region)", "categories are C(region)."),
        ("i(year, urban)", "C(year):urban"),
        ("i(year, urban, ref = -1)", "C(year, ref=-1):urban and collinear='drop'"),
        ("l(urban)", "lag(urban)"),
        ("l(urban, 2)", "lag(urban, 2)"),
        ("f(urban, 1)", "lead(urban, 1)"),
        ("d(urban)", "diff(urban)"),
        ("d(log(urban))", "diff(log(urban))"),
        ("f(urban, 1:2)", "lead(urban, 1) and lead(urban, 2)"),
        ("lag(urban, 1:2)", "'lag(urban, 1:2)': several lags are several terms"),
        ("l(urban, 0:3)", "lag(urban, 1) and lag(urban, 2)"),
        ("poly(urban, 2, raw = TRUE)", "urban and I(urban**2)"),
        ("ns(urban, 3)", "I((urban - 5) * (urban > 5))"),
        ("scale(urban)", "panel.standardise('urban')"),
        ("center(urban)", "f['urban'] - f['urban'].mean()"),
        ("log10(urban)", "I(log(urban) / log(10))"),
        ("asinh(urban)", "log(urban + sqrt(urban**2 + 1))"),
        ("np.arcsinh(urban)", "log(urban + sqrt(urban**2 + 1))"),
        ("ifelse(urban > 6, 1, 0)", "I(urban > 6)"),
        ("np.where(urban > 6, 1, 0)", "I(urban > 6)"),
        ("np.log(urban)", "write log without 'np.'"),
        ("I(np.log(urban + 1))", "write log without 'np.'"),
        ("np.log10(urban)", "I(log(urban) / log(10))"),
        ("np.power(urban, 2)", "I(urban**2)"),
        ("np.square(urban)", "I(urban**2)"),
        ("np.maximum(urban, 0)", "make a column by panel.assign, with np.maximum"),
        ("urban.shift(1)", "a lag is lag(urban)"),
        ("as.numeric(urban)", "a column is just urban."),
        ("sunab(first, year)", "StaggeredDid(y, 'first', estimator='sun_abraham')"),
        ("csw0(urban, trade)", "dp.fit_all"),
        ("c(urban, trade)", "dp.fit_all"),
        ("fe(region)", "absorb='region'"),
        ("~region", "omit the '~' of R"),
        ("~region + year", "pass several terms as a list"),
        ("urban | region", "pass absorb='region'"),
        ("0", "a model without fixed effects has an intercept"),
        ("-1", "a model without fixed effects has an intercept"),
    ],
)
def test_rs_spellings_are_refused_and_told_how_to_write_them(
    text: str, cure: str
) -> None:
    with pytest.raises(TermError) as caught:
        parse(text, ["urban", "trade", "region", "year"], "x")
    assert cure in str(caught.value)
    assert "for arithmetic" not in str(caught.value)


def test_several_outcomes_are_not_called_a_list_of_outcomes() -> None:
    with pytest.raises(TermError, match=r"write I\(urban \+ trade\).* dp\.fit_all"):
        parse("urban + trade", ["urban", "trade"], "y")


def test_a_hash_in_quotation_marks_or_backticks_is_text() -> None:
    assert parse("I(region == '#1')", ["region"], "x").names == ("region",)
    assert parse("log(`a # b`)", ["a # b"], "x").names == ("a # b",)
    assert parse("a # b", ["a # b"], "x").column == "a # b"


def test_full_width_letters_are_not_read_as_plain_ones() -> None:
    data = DATA.assign(GDP=1.0)
    panel = Panel(data, "city", "year")
    np.testing.assert_allclose(
        evaluate(parse(f"log({WIDE})", table_of(panel).names, "x"), table_of(panel)),
        np.log(data[WIDE]),
    )
    with pytest.raises(ColumnError, match=WIDE):
        parse(f"log({WIDE})", ("GDP", "x"), "x")


def test_a_column_named_as_a_placeholder_is_read_as_itself() -> None:
    data = pd.DataFrame(
        {
            "i": 1,
            "t": [1, 2],
            "a b": [1.0, 2],
            "_ticked0_": [10.0, 20],
            "__ticked0_": [5.0, 7],
        }
    )
    panel = Panel(data, "i", "t")
    term = parse("I(`a b` + _ticked0_ + 2 * __ticked0_)", table_of(panel).names, "x")
    np.testing.assert_array_equal(evaluate(term, table_of(panel)), [21, 36])
    np.testing.assert_array_equal(
        panel.assign(s="I(`a b` + _ticked0_)").frame["s"], [11, 22]
    )
    assert panel.subset("`a b` == 2 and _ticked0_ == 20").nobs == 1


def depth(text: str) -> int:
    level, actual = [ast.parse(text, mode="eval").body], 0
    while level:
        level, actual = (
            [child for node in level for child in ast.iter_child_nodes(node)],
            actual + 1,
        )
    return actual


def test_terms_have_at_most_2_000_characters() -> None:
    column = "x" * 1_995
    assert parse(f"log({column})", [column], "x").names == (column,)
    with pytest.raises(TermError, match="2,001 characters"):
        parse(f"log({column}x)", [f"{column}x"], "x")


def test_terms_have_numbers_of_at_most_50_digits() -> None:
    assert parse(f"I(x + {'1' * 50})", ["x"], "x").names == ("x",)
    with pytest.raises(TermError, match="50 digits"):
        parse(f"I(x + {'1' * 51})", ["x"], "x")


def test_terms_have_at_most_100_nested_levels() -> None:
    deepest = f"I({'-' * 97}x)"
    assert depth(deepest) == 100
    assert parse(deepest, ["x"], "x").names == ("x",)
    with pytest.raises(TermError, match="100 nested levels"):
        parse(deepest.replace("-x", "--x"), ["x"], "x")


KNOWN = ["x", "z", "数字", "K / L", "e"]


def shown(piece):
    """Write a text as is, a column as (name,), a call as the list of its pieces."""
    if isinstance(piece, str):
        return piece
    return [shown(part) for part in piece.pieces] if piece.pieces else (piece.text,)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("log(x)", ["log(", ("x",), ")"]),
        ("exp(e)", ["exp(", ("e",), ")"]),
        ("I( x  **2)", ["I( ", ("x",), "  **2)"]),
        ("I(x*数字 - z)", ["I(", ("x",), "*", ("数字",), " - ", ("z",), ")"]),
        (
            "I(log(x )/ lag(z, k=2))",
            ["I(", ["log(", ("x",), " )"], "/ ", ["lag(", ("z",), ", k=2)"], ")"],
        ),
        ("log(`K / L`)", ["log(`", ("K / L",), "`)"]),
        ("I((x + 1)**2)", ["I((", ("x",), " + 1)**2)"]),
        ("I(x == 'x @ z')", ["I(", ("x",), " == 'x @ z')"]),
        ("I(\n x\r\n + -数字)", ["I(\n ", ("x",), "\r\n + -", ("数字",), ")"]),
        ("C( x )", ["C(", ("x",), ")"]),
    ],
)
def test_a_factor_is_its_pieces(text, pieces):
    (factor,) = parse(text, KNOWN, "x").factors
    assert [shown(piece) for piece in factor.pieces] == pieces


def test_a_column_has_no_pieces():
    term = parse("x:log(z)", KNOWN, "x")
    assert [factor.pieces for factor in term.factors] == [
        (),
        ("log(", Factor("z", "z", columns=("z",)), ")"),
    ]


def test_full_width_letters_are_another_column():
    wide = "\uff58"
    (factor,) = parse(f"log({wide})", ["x", wide], "x").factors
    assert [piece.text for piece in factor.pieces if isinstance(piece, Factor)] == [
        wide
    ]
