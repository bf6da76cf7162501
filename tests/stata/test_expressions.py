"""Conditions select the rows that Stata selects, whatever is missing."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.stata import _script
from digiprosper.stata.expressions import (
    PandasPrinter,
    Printer,
    constant,
    parse,
    shifted,
)
from digiprosper.stata.reading import _HEAD

if TYPE_CHECKING:
    from collections.abc import Callable

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
VALUES = (1.0, 2.0, 3.0, np.nan)


def frame() -> pd.DataFrame:
    """Build all pairs of three values and a missing one."""
    pairs = [(x, z) for x in VALUES for z in VALUES]
    out = pd.DataFrame(pairs, columns=["x", "z"])
    return out.assign(id=range(len(out)), year=2000)


def selected(condition: str) -> list[int]:
    """List the rows that the translated condition selects, by pandas and by where."""
    data = frame()
    printer = Printer(("id", "year"), lambda name: name)
    panel = dp.Panel(data.assign(one=1.0, y=1.0), "id", "year")
    rows = panel.subset(printer.condition(parse(condition))).frame.reset_index()
    code = PandasPrinter((), lambda name: name).condition(parse(condition))
    names: dict[str, Any] = {}
    exec(_HEAD, names)
    by_pandas = data[eval(code, names | {"df": data})]
    assert rows["id"].tolist() == by_pandas["id"].tolist(), condition
    return rows["id"].tolist()


def stata(sign: str, a: float, b: float) -> bool:
    """Compare as Stata: a missing value is infinite."""
    return COMPARISONS[sign](*(np.inf if np.isnan(v) else v for v in (a, b)))


@pytest.mark.many(12)
@pytest.mark.parametrize("sign", COMPARISONS)
@pytest.mark.parametrize("other", ["2", "z"])
def test_missing_is_larger_than_any_number(sign: str, other: str) -> None:
    data = frame()
    second = data["z"] if other == "z" else data["x"] * 0 + 2.0
    second = second if other == "z" else pd.Series(2.0, data.index)
    expected = [
        i
        for i, (a, b) in enumerate(zip(data["x"], second, strict=True))
        if stata(sign, a, b)
    ]
    assert selected(f"x {sign} {other}") == expected
    negated = [i for i in range(len(data)) if i not in expected]
    assert selected(f"!(x {sign} {other})") == negated


@pytest.mark.many(9)
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("x < .", "data.x.notna()"),
        ("x != .", "data.x.notna()"),
        ("x == .", "data.x.isna()"),
        ("x >= .", "data.x.isna()"),
        ("!missing(x)", "data.x.notna()"),
        ("missing(x, z)", "data.x.isna() | data.z.isna()"),
        ("missing(x) == 1", "data.x.isna()"),
        ("inlist(x, 1, 3) != 1", "~data.x.isin([1, 3])"),
        ("mi(x) == 0 | inrange(x, 2, 3) == 1", "data.x.notna()"),
        ("missing(x, z) == 1 & z == 2", "data.x.isna() & (data.z == 2)"),
        ("+x == 1", "data.x == 1"),
        ("inlist(x, 1, 3)", "data.x.isin([1, 3])"),
        ("inrange(x, 2, 3)", "data.x.between(2, 3)"),
        ("x", "data.x.isna() | (data.x != 0)"),
        ("x == 1 & z == 2 | x == 3", "((data.x == 1) & (data.z == 2)) | (data.x == 3)"),
        ("x > 1 & x < .", "data.x > 1"),
        ("x*2 + 1 == 5", "data.x == 2"),
        ("2 < x & !missing(x)", "data.x > 2"),
        ("missing(x, z) & x != 1", "(data.x.isna() | data.z.isna()) & (data.x != 1)"),
        (". > x", "data.x.notna()"),
        ("x >= z & z != 2", "((data.x >= data.z) | data.x.isna()) & (data.z != 2)"),
        (
            "x^2 == 4 | !missing(x, z) & x == 1",
            "(data.x == 2) | ((data.x == 1) & data.z.notna())",
        ),
    ],
)
def test_conditions(condition: str, expected: str) -> None:
    data = frame()
    assert selected(condition) == data[eval(expected)].id.tolist()


def test_keys_are_compared_plainly() -> None:
    printer = Printer(("year",), lambda name: name)
    assert printer.condition(parse("year >= 2010")) == "year >= 2010"
    assert printer.condition(parse("年份 > 2010")) == "not (年份 <= 2010)"


@pytest.mark.many(8)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2+3*4", 14),
        ("-2^2", -4),
        ("(1+2)*3", 9),
        ("2^3^2", 64),
        ("!1 == 0", 1),
        ("max(1, 4) - mod(7, 4)", 1),
        ('"a" == "a"', 1),
        ("10/4", 2.5),
        (". > 5", 1),
        ("int(3.7)", 3),
        ("inrange(3, 1, 5) + inlist(2, 1, 3)", 1),
        ("cond(1 > 2, 5, 6)", 6),
        ('`"a"\' == "a"', 1),
        ('strpos("abc", "bc") + strlen("ab")', 4),
        ('monthly("2005m7", "YM") - ym(2005, 7)', 0),
        ('quarterly("1998-Q1", "YQ")', 152),
        ("normprob(0) + norm(0)", 1),
        ("mdy(1, 1, 2010)", 18263),
        ("tq(1998Q1)", 152),
        ("round(2.567, .01)", 2.57),
        ("sqrt(-1) == .", 1),
        ("log10(100) + (log10(0) == .)", 3),
        ('real(substr("a12", 2, 2)) + max(1, 3, 2)', 15),
    ],
)
def test_constants(text: str, value: float) -> None:
    assert constant(parse(text)) == value


@pytest.mark.parametrize(
    "text",
    [
        "x + 1",
        "r(mean)",
        "_b[x]",
        "1/0",
        "runiform()",
        "x[1]",
        "(-8)^0.5",
        'date("2010-05-07 12:30", "YMD")',
        'substr("abc", 0, 1)',
        'regexm("abc", "^a")',
        'strmatch("abc", "a*")',
    ],
)
def test_what_needs_data_is_no_constant(text: str) -> None:
    with pytest.raises(dp.StataError):
        constant(parse(text))


@pytest.mark.parametrize("text", ["x >", "(x", "x = 1", "x ? 2", "f(x", ""])
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(dp.StataError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    ["_N > 3", "x > .a", "e(sample)", "x[_n-1] > 0", "substr(s, 1, 2) == 1", "1"],
)
def test_conditions_without_counterpart(text: str) -> None:
    with pytest.raises(dp.StataError):
        Printer((), lambda name: name).condition(parse(text))


@pytest.mark.parametrize(
    "text",
    [
        'x == "4"',
        "name == 4",
        "name != .",
        'x < "a"',
        "name",
        "x == 1 | !(name == 3)",
        'inlist(x, "a")',
        "inrange(name, 1, 2)",
        "substr(name, 1, 1) == 1",
        "name*2 == x",
        "name[_n-1] == 2",
        "upper(name) > x",
    ],
)
def test_texts_are_not_compared_with_numbers(text: str) -> None:
    """[U] 12.4: Stata stops with r(109), type mismatch."""
    texts = {"x": False, "name": True}
    with pytest.raises(dp.StataError, match="type mismatch"):
        PandasPrinter(texts=texts, in_order=True).condition(parse(text))


@pytest.mark.parametrize(
    "text",
    [
        'name == "a" & x == 4',
        'name != ""',
        'missing(name, x) | inlist(name, "a", "b")',
        'substr(name, 1, 1) + "b" == "ab"',
        'real(name) == x & string(x) == "1"',
        'f == "a" | f == 1',
        'strpos(name, "a") > x',
    ],
)
def test_texts_are_compared_with_texts(text: str) -> None:
    texts = {"x": False, "name": True}
    assert PandasPrinter(texts=texts).condition(parse(text))


@pytest.mark.parametrize(
    "text", ["x*x*x*x*x", "x*(x*x)*(x*x)", "(x + x)*(x + x)*(x + x)*(x + x)", "x*x*x*x"]
)
def test_products_of_whole_numbers_do_not_overflow(text: str) -> None:
    """Stata multiplies doubles; 64 bits hold four factors of its type int."""
    df = pd.DataFrame({"x": [_script.wholes["int"][1], -3]})
    names = vars(_script) | {"df": df}
    values = eval(PandasPrinter().number(parse(text)), names)
    exact = [eval(text, {"x": int(x)}) for x in df["x"]]
    np.testing.assert_allclose(values, np.array(exact, float), rtol=1e-15)


@pytest.mark.many(7)
@pytest.mark.parametrize(
    ("operators", "term"),
    [
        ("L", "lag(x)"),
        ("L2", "lag(x, 2)"),
        ("L0", "x"),
        ("L2D", "lag(diff(x), 2)"),
        ("D2", "diff(diff(x))"),
        ("S2", "I(x - lag(x, 2))"),
        ("F3", "lead(x, 3)"),
    ],
)
def test_operators_of_time(operators: str, term: str) -> None:
    """D2 is a difference of differences, S2 the difference to two periods before."""
    assert shifted(operators, "x") == term


def test_pandas_code_leaves_out_what_stata_leaves_out() -> None:
    df = pd.DataFrame({"x": [-1.0, 0.0, 1.0], "z": [0.0, 2.0, 4.0]})
    printer = PandasPrinter((), lambda name: name)
    names = vars(_script) | {"df": df}
    log = eval(printer.value(parse("ln(x)")), names)
    assert log.tolist()[2:] == [0.0]
    assert log.isna().tolist() == [True, True, False]
    ratio = eval(printer.value(parse("x/z")), names)
    assert ratio.isna().tolist() == [True, False, False]
    dummy = eval(printer.value(parse("(x > 0) * 3 + (z == 2)")), names)
    assert dummy.tolist() == [0.0, 1.0, 3.0]


def test_dates_that_are_constants_are_numbers_of_a_condition() -> None:
    """[FN] Date and time functions: months since January 1960, days since its first."""
    text = 'month < monthly("2005m7", "YM") & day >= mdy(1, 1, 1960)'
    condition = "month < 546 and not (day < 0)"
    for kind, expected in ((Printer, condition), (PandasPrinter, "546")):
        printer = kind(("month",), lambda name: name)
        assert expected in printer.condition(parse(text))
