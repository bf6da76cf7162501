"""Terms: what may be said, what it gives, and what each refusal tells the reader to write."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import Panel
from digiprosper.errors import ColumnError, DigiprosperError, InputTypeError, MissingDataError, TermError
from digiprosper.panel.terms import canonical, evaluate, parse, split_crossed

nan = np.nan
WIDE = "".join(chr(ord(c) + 0xFEE0) for c in "GDP")  # full-width letters
DATA = pd.DataFrame(
    {
        "city": list("AAABBB"),
        "year": [2010, 2011, 2012, 2010, 2011, 2012],
        "x": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
        "z": [1.0, -1.0, 0.0, 2.0, nan, 3.0],
        "region": ["east", "east", "east", "we:st", None, "we:st"],
        "K / L": [1.0, 2, 3, 4, 5, 6],
        "资本": [2.0, 3, 4, 5, 6, 7],
        WIDE: [3.0, 4, 5, 6, 7, 8],
        "gdp per head": [4.0, 5, 6, 7, 8, 9],
        "log(x)": [0.0, 0, 0, 1, 1, 1],
        "class": [5.0, 6, 7, 8, 9, 10],
        "I": [6.0, 7, 8, 9, 10, 11],
        "a:b": [7.0, 8, 9, 10, 11, 12],
        "x^2": [8.0, 9, 10, 11, 12, 13],
        "n": [1, 2, 3, 4, 5, 6],
        "flag": [True, False, True, False, True, False],
    }
)
PANEL = Panel(DATA, "city", "year")
X = DATA["x"].to_numpy()


def value(text: str) -> Any:
    return evaluate(parse(text, PANEL.known, "x"), PANEL)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", X),
        (" x ", X),
        ("`x`", X),
        ("K / L", DATA["K / L"]),
        ("`K / L`", DATA["K / L"]),
        ("资本", DATA["资本"]),
        ("gdp per head", DATA["gdp per head"]),
        ("log(x)", DATA["log(x)"]),
        ("class", DATA["class"]),
        ("I", DATA["I"]),
        ("a:b", DATA["a:b"]),
        ("x^2", DATA["x^2"]),
        ("flag", [1.0, 0, 1, 0, 1, 0]),
        ("n", [1.0, 2, 3, 4, 5, 6]),
        ("year", [2010.0, 2011, 2012] * 2),
        ("log(n)", np.log([1.0, 2, 3, 4, 5, 6])),
        ("log(`K / L`)", np.log(DATA["K / L"])),
        ("log(资本)", np.log(DATA["资本"])),
        (f"log({WIDE})", np.log(DATA[WIDE])),
        ("I(`class` + I)", DATA["class"] + DATA["I"]),
        ("log1p(x)", np.log1p(X)),
        ("exp(n)", np.exp(DATA["n"])),
        ("sqrt(x)", np.sqrt(X)),
        ("abs(z)", DATA["z"].abs()),
        ("I(x**2)", X**2),
        ("I(x ** 2 - 3*n + x/n)", X**2 - 3 * DATA["n"] + X / DATA["n"]),
        ("I(-x)", -X),
        ("I(x * 10**-3)", X * 1e-3),
        ("I(x * 10**20)", X * 1e20),
        ("I(x // 3 + x % 3)", X // 3 + X % 3),
        ("I(year - 2010)", [0.0, 1, 2] * 2),
        ("I(year >= 2011)", [0.0, 1, 1] * 2),
        ("I(z > 0)", [1.0, 0, 0, 1, nan, 1]),
        ("I((year >= 2011) * x)", [0, 2.0, 4, 0, 16, 32]),
        ("I(region == 'east')", [1.0, 1, 1, 0, nan, 0]),
        ('I("we:st" != region)', [1.0, 1, 1, 0, nan, 0]),
        ("I(city == 'A')", [1.0, 1, 1, 0, 0, 0]),
        ("x:z", X * DATA["z"]),
        ("x:z:n", X * DATA["z"] * DATA["n"]),
        ("x:`K / L`", X * DATA["K / L"]),
        ("I(x**2):log(n)", X**2 * np.log(DATA["n"])),
        ("lag(x)", [nan, 1, 2, nan, 8, 16]),
        ("lag(x, 2)", [nan, nan, 1, nan, nan, 8]),
        ("lag(x, k=2)", [nan, nan, 1, nan, nan, 8]),
        ("lead(x)", [2, 4, nan, 16, 32, nan]),
        ("diff(x)", [nan, 1, 2, nan, 8, 16]),
        ("diff(x, 2)", [nan, nan, 3, nan, nan, 24]),
        ("lag(log(n), 2)", [nan, nan, 0.0, nan, nan, np.log(4)]),
        ("log(lag(n))", [nan, 0.0, np.log(2), nan, np.log(4), np.log(5)]),
        ("lag(lag(x))", [nan, nan, 1, nan, nan, 8]),
        ("lag(lead(x))", [nan, 2, 4, nan, 16, 32]),
        ("lag(x):n", [nan, 2, 6, nan, 40, 96]),
        ("lag(year)", [nan, 2010, 2011] * 2),
    ],
)
def test_allowed(text: str, expected: Any) -> None:
    np.testing.assert_allclose(value(text), np.asarray(expected, dtype=float), rtol=1e-14)


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
        ("1", "I(1)"),
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
        "x.sum",
        "x.values.sum()",
        "().__class__.__bases__",
        "I(x.real)",
        "__import__('os').system('true')",
        "eval('1')",
        "open('f')",
        "print(x)",
        "sum(x)",
        "max(x)",
        "np.log(x)",
        "pd.read_csv('f')",
        "sin(x)",
        "shift(x)",
        "bs(x)",
        "poly(x, 2)",
        "center(x)",
        "lambda: x",
        "(lambda v: v)(x)",
        "I((lambda v: v)(x))",
        "[v for v in x]",
        "I([v for v in x])",
        "(v for v in x)",
        "{v: 1 for v in x}",
        "x if n else z",
        "I(x if n else z)",
        "I(x and z)",
        "I(not x)",
        "I(~x)",
        "I(x in z)",
        "I(x is z)",
        "I(1 < x < 2)",
        "I(x[0])",
        "x[0]",
        "I((y := x))",
        "f'{x}'",
        "I(f'{x}')",
        "I(x * 1j)",
        "I(x * 1e999)",
        "I(x * 1" + "0" * 400 + ")",
        "I(b'a' == region)",
        "log(*x)",
        "log(**x)",
        "await x",
        "yield",
        "None",
        "...",
        "I(x + 'a')",
        "I(-'a' * x)",
        "I(x > 'a' + 'b')",
        "I(region > 'a')",
        "I('a' == 'a')",
        "I(n == '1')",
        "I(year == '2010')",
        "I(`x)",
        "import os",
        "x; import os",
        "x\nimport os",
        "x@z",
        "a | b",
        "y ~ x",
        "(" * 300 + "x" + ")" * 300,
    ],
)
def test_nothing_else_is_reachable(text: str) -> None:
    with pytest.raises(DigiprosperError):
        value(text)


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
    np.testing.assert_allclose(value(text), 90 * X)


def test_a_power_is_never_worked_out_in_whole_numbers() -> None:
    with pytest.raises(MissingDataError):
        value("I(x + 9**9**9)")


def test_a_missing_value_to_the_power_of_zero_is_missing() -> None:
    np.testing.assert_array_equal(value("I(z**0)"), [1, 1, 1, 1, nan, 1])
    np.testing.assert_array_equal(value("I(1**z)"), [1, 1, 1, 1, nan, 1])


def test_a_column_named_as_a_placeholder_is_read_as_itself() -> None:
    data = pd.DataFrame(
        {"i": 1, "t": [1, 2], "a b": [1.0, 2], "_ticked0_": [10.0, 20], "__ticked0_": [5.0, 7]}
    )
    panel = Panel(data, "i", "t")
    term = parse("I(`a b` + _ticked0_ + 2 * __ticked0_)", panel.known, "x")
    np.testing.assert_array_equal(evaluate(term, panel), [21, 36])
    np.testing.assert_array_equal(panel.assign(s="I(`a b` + _ticked0_)").frame["s"], [11, 22])
    assert panel.subset("`a b` == 2 and _ticked0_ == 20").nobs == 1


def test_names_outside_of_the_panel_are_unknown_columns() -> None:
    np_like = "DATA"
    with pytest.raises(ColumnError, match="'DATA'"):
        value(np_like)
    with pytest.raises(ColumnError, match=r"'zz'.*'yy'") as caught:
        value("I(zz + x / yy)")
    assert [p.data["column"] for p in caught.value.problems] == ["zz", "yy"]
    with pytest.raises(ColumnError, match="did you mean 'region'"):
        value("C(regoin)")


def test_full_width_letters_are_not_read_as_plain_ones() -> None:
    data = DATA.assign(GDP=1.0)
    panel = Panel(data, "city", "year")
    np.testing.assert_allclose(evaluate(parse(f"log({WIDE})", panel.known, "x"), panel), np.log(data[WIDE]))
    with pytest.raises(ColumnError, match=WIDE):
        parse(f"log({WIDE})", ("GDP", "x"), "x")


@pytest.mark.parametrize(
    ("text", "rows", "count"),
    [
        ("log(I(x - 1))", "(A, 2010)", 1),
        ("log(I(z - 1))", "(A, 2010)", 3),
        ("I(1 / (x - 1))", "(A, 2010)", 1),
        ("sqrt(I(x - 5))", "(A, 2010), (A, 2011), (A, 2012)", 3),
        ("exp(I(x * 1000))", "(A, 2010)", 6),
        ("I((x - 1) ** -1)", "(A, 2010)", 1),
        ("lag(log(z), 2)", "(A, 2011), (A, 2012)", 2),
        ("log(z):x", "(A, 2011)", 2),
        ("I(x * 1e200):I(x * 1e200)", "(A, 2010)", 6),
        ("diff(I((2 * (year % 2) - 1) * 1.5e308))", "(A, 2011)", 4),
    ],
)
def test_undefined_values_name_the_term_and_the_rows(text: str, rows: str, count: int) -> None:
    with pytest.raises(MissingDataError) as caught:
        value(text)
    assert repr(text) in str(caught.value)
    assert rows in str(caught.value)
    assert caught.value.problems[0].data == {"term": text, "count": count}


def test_text_columns_are_not_numbers() -> None:
    for text in ("region", "log(region)", "x:region", "I(region + x)", "log('east')"):
        with pytest.raises((InputTypeError, TermError), match=r"region|east"):
            value(text)
    with pytest.raises(InputTypeError, match=r"C\(region\)"):
        value("region")
    numbers = Panel(DATA.assign(t2=DATA["n"].astype(str)), "city", "year")
    with pytest.raises(InputTypeError, match=r"pd\.to_numeric\(df\['t2'\]\)"):
        evaluate(parse("t2", numbers.known, "x"), numbers)


def test_a_lag_beyond_every_entity_is_an_error() -> None:
    for text in ("lag(x, 3)", "lead(x, 9)", "diff(x, 3)"):
        with pytest.raises(MissingDataError, match=r"missing in every row"):
            value(text)


def test_the_name_is_as_typed() -> None:
    for text in ("I( x**2 )", "lag(x,2)", "log( n )", "x : z"):
        assert parse(text, PANEL.known, "x").text == text
    assert parse(" I(x**2) ", PANEL.known, "x").text == "I(x**2)"


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
    term = parse("I(x**2):lag(`K / L`):C(region)", PANEL.known, "x")
    assert term.names == ("x", "K / L", "region")
    assert term.shifts
    assert [f.category for f in term.factors] == [None, None, "region"]
    assert not parse("log(n)", PANEL.known, "x").shifts
    assert parse("x", PANEL.known, "x").names == ("x",)


def test_crossed_effects() -> None:
    assert split_crossed("region ^ year", PANEL.known) == ("region", "year")
    assert split_crossed("x^2", PANEL.known) == ("x^2",)
    assert split_crossed("region", PANEL.known) == ("region",)


def test_missing_text_of_every_type_is_missing() -> None:
    # Before pandas 3 the dtype "str" writes a missing value out as a word.
    new = ("str",) if int(pd.__version__.split(".")[0]) >= 3 else ()
    for dtype in (*new, "string", "string[pyarrow]", "object", "category"):
        panel = Panel(DATA.assign(region=DATA["region"].astype(dtype)), "city", "year")
        got = evaluate(parse("I(region == 'east')", panel.known, "x"), panel)
        np.testing.assert_array_equal(got, [1, 1, 1, 0, nan, 0])


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
    ],
)
def test_statas_spellings_are_refused_and_told_how_to_write_them(text: str, cure: str) -> None:
    """Python reads '#' as the start of a comment: the rest of the term would vanish in silence."""
    with pytest.raises(TermError) as caught:
        parse(text, ["urban", "trade", "region"], "x")
    assert cure in str(caught.value)


def test_a_hash_in_quotation_marks_or_backticks_is_text() -> None:
    assert parse("I(region == '#1')", ["region"], "x").names == ("region",)
    assert parse("log(`a # b`)", ["a # b"], "x").names == ("a # b",)
    assert parse("a # b", ["a # b"], "x").column == "a # b"


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
    assert parse(text, PANEL.known, "x").is_logarithm is is_one
