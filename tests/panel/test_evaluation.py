"""What terms give on columns; nothing else is reachable; a refusal names rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import Panel
from digiprosper.errors import (
    DigiprosperError,
    InputTypeError,
    MissingDataError,
    TermError,
)
from digiprosper.panel.access import table_of
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.terms import parse

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
    return evaluate(parse(text, table_of(PANEL).names, "x"), table_of(PANEL))


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
    np.testing.assert_allclose(
        value(text), np.asarray(expected, dtype=float), rtol=1e-14
    )


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


def test_a_power_is_never_worked_out_in_whole_numbers() -> None:
    with pytest.raises(MissingDataError):
        value("I(x + 9**9**9)")


def test_a_missing_value_to_the_power_of_zero_is_missing() -> None:
    np.testing.assert_array_equal(value("I(z**0)"), [1, 1, 1, 1, nan, 1])
    np.testing.assert_array_equal(value("I(1**z)"), [1, 1, 1, 1, nan, 1])


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
def test_undefined_values_name_the_term_and_the_rows(
    text: str, rows: str, count: int
) -> None:
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
        evaluate(parse("t2", table_of(numbers).names, "x"), table_of(numbers))


def test_a_lag_of_a_column_without_values_says_so() -> None:
    empty = table_of(Panel(DATA.assign(e=np.nan), "city", "year"))
    with pytest.raises(MissingDataError, match="all values inside it are missing"):
        evaluate(parse("lag(e)", empty.names, "x"), empty)


def test_a_lag_beyond_every_entity_is_an_error() -> None:
    for text in ("lag(x, 3)", "lead(x, 9)", "diff(x, 3)"):
        with pytest.raises(MissingDataError, match=r"missing in every row"):
            value(text)


def test_missing_text_of_every_type_is_missing() -> None:
    # Before pandas 3 the dtype "str" writes a missing value out as a word.
    new = ("str",) if int(pd.__version__.split(".")[0]) >= 3 else ()
    for dtype in (*new, "string", "string[pyarrow]", "object", "category"):
        panel = Panel(DATA.assign(region=DATA["region"].astype(dtype)), "city", "year")
        got = evaluate(
            parse("I(region == 'east')", table_of(panel).names, "x"), table_of(panel)
        )
        np.testing.assert_array_equal(got, [1, 1, 1, 0, nan, 0])
