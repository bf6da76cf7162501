"""Data commands give the columns that Stata gives, computed by the code they become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import digiprosper as dp
from digiprosper.stata import _script, read_do_file, run_do_file
from digiprosper.stata.commands import data
from digiprosper.stata.prefixes import read_command
from digiprosper.stata.reading import _HEAD
from digiprosper.stata.translation import Context
from digiprosper.stata.varlists import Variables

if TYPE_CHECKING:
    from pathlib import Path


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [2, 1, 1, 2, 1, 3],
            "year": [2000, 2001, 2000, 2002, 2002, 2000],
            "x": [4.0, np.nan, 1.0, 2.0, 3.0, 0.0],
            "z": [1.0, 2.0, np.nan, 2.0, 5.0, 6.0],
            "name": ["b", "a", "a", "b", "a", ""],
        }
    )


def run(text: str, df: pd.DataFrame | None = None) -> pd.DataFrame:
    """Translate data commands and execute the code."""
    df = frame() if df is None else df
    names: dict[str, Any] = {"df": df, "np": np, "pd": pd, "dp": dp}
    exec(_HEAD, names)
    names["df"] = df
    context = Context("id", "year", Variables(list(df.columns)), {"id", "year"})
    for line in text.splitlines():
        command = read_command(line)
        step = data.translate(command, context)
        exec(step.python, names)
        context.variables = Variables(list(names["df"].columns))
    out: pd.DataFrame = names["df"]
    return out.sort_values(["id", "year"]).reset_index(drop=True)


NAN, HALF = np.nan, 0.5**0.5
YEAR = np.array([2000, 2001, 2002, 2000, 2002, 2000])
Z = np.array([NAN, 2, 5, 1, 2, 6])


@pytest.mark.many(24)
@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("gen a = x + z", "a", [NAN, NAN, 8, 5, 4, 6]),
        ("gen a = year(dofq(yq(year, 3)))", "a", YEAR),
        ("gen a = [x + z] / 2", "a", [NAN, NAN, 4, 2.5, 2, 3]),
        ("bys id: gegen a = max(z if year < 2002)", "a", [2, 2, 2, 1, 1, 6]),
        ("egen double a = std(x), by(id)", "a", [-HALF, NAN, HALF, HALF, -HALF, NAN]),
        ("egen double a = std(z)", "a", (Z - 3.2) / 4.7**0.5),
        ("drop if id == 1 & x < .\negen a = total(x), by(id) m", "a", [NAN, 6, 6, 0]),
        ('gen a = real(subinstr(string(year), "0", "", 2))', "a", YEAR % 10 + 20),
        ("gen a = ln(year - 2000) > 0", "a", [1, 0, 1, 1, 1, 1]),
        ("gen a = 1 / (year - 2000) > 0.7", "a", [1, 1, 0, 1, 0, 1]),
        ("gen a = sign(x - 2)", "a", [-1, NAN, 1, 1, 0, -1]),
        ("gen double a = ln(x)", "a", np.log([1, NAN, 3, 4, 2, NAN])),
        ("gen a = 16777217", "a", [16777216] * 6),
        ("gen double a = 16777217", "a", [16777217] * 6),
        ("gen b = 0.1\ngen a = b == 0.1", "a", [0] * 6),
        ("gen double b = 0.1\ngen a = b == 0.1", "a", [1] * 6),
        ("gen b = x\nreplace b = 0.1\ngen a = b == 0.1", "a", [0] * 6),
        ("gen b = x\nrename b c\nreplace c = 0.1\ngen a = c == 0.1", "a", [0] * 6),
        ("gen bcd = x\nreplace bc = 0.1\ngen a = bcd == 0.1", "a", [0] * 6),
        ("egen b = mean(0.1)\ngen a = b == 0.1", "a", [0] * 6),
        ("gen int a = z / 2", "a", [NAN, 1, 2, 0, 1, 3]),
        ("gen a = x > 2", "a", [0, 1, 1, 1, 0, 0]),
        ("gen a = 1 if x > 2", "a", [NAN, 1, 1, 1, NAN, NAN]),
        ("gen a = 0\nreplace a = 1 if x > 2 & x < .", "a", [0, 0, 1, 1, 0, 0]),
        ("gen a = !x", "a", [0, 0, 0, 0, 0, 1]),
        ("gen a = x/z", "a", [NAN, NAN, 0.6, 4, 1, 0]),
        ("gen a = z/x", "a", [NAN, NAN, 5 / 3, 0.25, 1, NAN]),
        ("gen a = year - 2000", "a", [0, 1, 2, 0, 2, 0]),
        ("gen a = L.x", "a", [NAN, 1, NAN, NAN, NAN, NAN]),
        ("gen a = D.z", "a", [NAN, NAN, 3, NAN, NAN, NAN]),
        ("bysort id (year): gen a = x[_n-1]", "a", [NAN, 1, NAN, NAN, 4, NAN]),
        ("bysort id (year): gen a = _n", "a", [1, 2, 3, 1, 2, 1]),
        ("bysort id: gen a = _N", "a", [3, 3, 3, 2, 2, 1]),
        ("egen a = mean(x)", "a", [2.0] * 6),
        ("bysort id: egen a = mean(x)", "a", [2, 2, 2, 3, 3, 0]),
        ("egen a = total(x), by(id)", "a", [4, 4, 4, 6, 6, 0]),
        ("egen a = rowtotal(x z)", "a", [1, 2, 8, 5, 4, 6]),
        ("egen a = rowmean(x z)", "a", [1, 2, 4, 2.5, 2, 3]),
        ("egen a = group(id)", "a", [1, 1, 1, 2, 2, 3]),
        ("egen a = max(x) if year == 2000", "a", [4, NAN, NAN, 4, NAN, 4]),
        ("encode name, gen(a)", "a", [1, 1, 1, 2, 2, NAN]),
        ("gen a = cond(x > 2, 1, 0)", "a", [0, 1, 1, 1, 0, 0]),
        ("gen a = max(x, z)", "a", [1, 2, 5, 4, 2, 6]),
        ("tostring id, gen(s)\ndestring s, gen(a)", "a", [1, 1, 1, 2, 2, 3]),
        ('tostring x, gen(s)\ngen a = s == "."', "a", [0, 1, 0, 0, 0, 0]),
        ("cap gen x = 9", "x", [1, NAN, 3, 4, 2, 0]),
        ("cap egen a = max(x)", "a", [4] * 6),
        ("cap replace x = 9\ncap drop z", "x", [9] * 6),
        (
            "tostring id, replace\ndestring, replace\ngen a = id",
            "a",
            [1, 1, 1, 2, 2, 3],
        ),
        ("rename (z x) (b a)", "a", [1, NAN, 3, 4, 2, 0]),
        (
            'gen s = name + "-1"\ngen a = length(subinstr(s, "-", "", .))',
            "a",
            [2, 2, 2, 2, 2, 1],
        ),
        ("rename x a", "a", [1, NAN, 3, 4, 2, 0]),
        ("rename x X\nrename *, lower", "x", [1, NAN, 3, 4, 2, 0]),
        ("bysort id (year): carryforward x, gen(a)", "a", [1, 1, 3, 4, 2, 0]),
        ("egen a = rowtotal(x z), missing", "a", [1, 2, 8, 5, 4, 6]),
        # Types are those of each variable, whatever is renamed with it.
        (
            "gen b = x\ngen double c = x\nrename (b c) (d e)\nreplace d = 0.1\n"
            "replace e = 0.1\ngen a = (d == 0.1) + 2 * (e == 0.1)",
            "a",
            [2] * 6,
        ),
        ("egen a = rowtotal(x z) if year == 2000", "a", [1, NAN, NAN, 5, NAN, 6]),
        ("egen a = group(year) if year > 2000", "a", [NAN, 1, 2, NAN, 2, NAN]),
        ("gen d = year * 1000\nrecode d (2000000=1) (else=0)", "d", [1, 0, 0, 1, 0, 1]),
        ("recode x (1 = 7) (nonm = 9) (mis = 8), gen(a)", "a", [7, 8, 9, 9, 9, 9]),
        ('recode x (min/1 = 1 "low") (1/max = 0), gen("a")', "a", [1, NAN, 0, 0, 0, 1]),
        ("gen a = dow(mdy(1, 1, year))", "a", [6, 1, 2, 6, 2, 6]),
        # A Saturday, a Monday and a Tuesday, in weeks of seven days.
        # The second smallest and the second largest of five values.
        ("winsor x, gen(a) p(0.2)", "a", [1, NAN, 3, 3, 2, 1]),
        ("winsor x, gen(a) p(0.19)", "a", [1, NAN, 3, 4, 2, 0]),
        ("winsor x if id < 3, gen(a) p(0.25)", "a", [2, NAN, 3, 3, 2, NAN]),
        # An empty text is missing.
        ("egen a = rowmiss(x z name)", "a", [1, 1, 0, 0, 0, 1]),
        ("egen a = rownonmiss(x z name)", "a", [2, 2, 3, 3, 3, 2]),
        ("egen a = rsum(x z)", "a", [1, 2, 8, 5, 4, 6]),
        ("egen a = rmiss(x z)", "a", [1, 1, 0, 0, 0, 0]),
        ("egen a = mode(z)", "a", [2.0] * 6),
        ("bysort id: egen a = mode(z)", "a", [NAN, NAN, NAN, NAN, NAN, 6]),
        ("ereplace z = max(x), by(id)", "z", [3, 3, 3, 4, 4, 0]),
        ("gen double a = exp(ln(10)) + 0 * x", "a", [10, NAN, 10, 10, 10, 10]),
        # Stata's largest number is near 9e307.
        ("gen double a = exp(1000 * x)", "a", [NAN, NAN, NAN, NAN, NAN, 1]),
        ("by id (year), sort: gen a = _n", "a", [1, 2, 3, 1, 2, 1]),
        ("duplicates tag id, gen(a)", "a", [2, 2, 2, 1, 1, 0]),
        ('gen s = name + "b"\ngen a = strlen(s)', "a", [2, 2, 2, 2, 2, 1]),
        ("egen a = std(x)", "a", np.array([-1, NAN, 1, 2, 0, -2]) / np.sqrt(2.5)),
        ("egen a = std(x), mean(1) std(0)", "a", [1, NAN, 1, 1, 1, 1]),
        ("gen a = L.x + 1 if z > 1", "a", [NAN, 2, NAN, NAN, NAN, NAN]),
        ("gen a = 0\nreplace a = 1 if !missing(L.z)", "a", [0, 0, 1, 0, 0, 0]),
        ("bysort id (year): gen a = _n - 6", "a", [-5, -4, -3, -5, -4, -5]),
        ("bysort id (year): gen a = x[1]", "a", [1, 1, 1, 4, 4, 0]),
        ("bysort id (year): gen a = z[1]", "a", [NAN, NAN, NAN, 1, 1, 6]),
        ("bysort id (year): gen a = x[_N]", "a", [3, 3, 3, 2, 2, 0]),
        ("bysort id (year): gen a = z[_n+1]", "a", [2, 5, NAN, 2, NAN, NAN]),
        ("bysort id (year): gen a = sum(x)", "a", [1, 1, 4, 4, 6, 0]),
        ("bysort id (year): replace x = sum(x)", "x", [1, 1, 4, 4, 6, 0]),
        ("bysort id (year): replace z = z[_N]", "z", [5, 5, 5, 2, 2, 6]),
        ("bysort id (year): replace z = z[1]", "z", [NAN, NAN, NAN, 1, 1, 6]),
        # Rows outside the condition are left out of a running sum, not of _n.
        (
            "bysort id (year): gen a = sum(1) + _n * 10 if x != 1 & x != 4",
            "a",
            [NAN, 21, 32, NAN, 21, 11],
        ),
        ("bysort id (year): gen a = year > year[_n-1]", "a", [0, 1, 1, 0, 1, 0]),
        ("bysort id (year): replace x = x[_n-1] if x == .", "x", [1, 1, 3, 4, 2, 0]),
        ("bysort id (year): replace x = x[_n-1] if mi(x)", "x", [1, 1, 3, 4, 2, 0]),
        ("egen a = pctile(z), p(25)", "a", [2.0] * 6),
        ("bysort id: egen a = pctile(x), p(50)", "a", [2, 2, 2, 3, 3, 0]),
        ("egen a = rank(z)", "a", [NAN, 2.5, 4, 1, 2.5, 5]),
        ("center x", "c_x", [-1, NAN, 1, 2, 0, -2]),
        ("center x, prefix(m_)", "m_x", [-1, NAN, 1, 2, 0, -2]),
        ("center x, inplace s", "x", np.array([-1, NAN, 1, 2, 0, -2]) / 2.5**0.5),
        ("bysort id: ipolate x year, gen(a)", "a", [1, 2, 3, 4, 2, 0]),
        ("gen b = 1\nipolate z b, gen(a)", "a", [3.2] * 6),
        ("egen a = rank(z), field", "a", [NAN, 3, 2, 5, 3, 1]),
        ("egen a = rowmiss(x z)", "a", [1, 1, 0, 0, 0, 0]),
        ("egen a = group(name)", "a", [1, 1, 1, 2, 2, NAN]),
        ("egen a = count(name), by(id)", "a", [3, 3, 3, 2, 2, 0]),
        ("egen a = count(1), by(id)", "a", [3, 3, 3, 2, 2, 1]),
        ("xtile a = z, nq(2)", "a", [NAN, 1, 2, 1, 1, 2]),
        ("egen a = xtile(x), n(2) by(id)", "a", [1, NAN, 2, 2, 1, 1]),
        ("recode z (1=0) (2/5=1) (else=9), gen(a)", "a", [9, 1, 1, 0, 1, 9]),
        ("recode z (. = 0) (min/2=1)", "z", [0, 1, 5, 1, 1, 6]),
        ("gen a = max(x, z, 3)", "a", [3, 3, 5, 4, 3, 6]),
        ("gen d = year + 12610\ngen a = year(d) + month(d)", "a", [2001] * 6),
        ("gen q = yq(year, 2)\ngen a = quarter(dofq(q))", "a", [2] * 6),
        ("gen a = ym(year, 3) - tm(2000m1)", "a", [2, 14, 26, 2, 26, 2]),
        ('gen s = "2000-01-02"\ngen a = date(s, "YMD")', "a", [14611] * 6),
        ("gen a = td(02jan2000) + year - year", "a", [14611] * 6),
        # Periods that a year does not have are missing.
        ("gen a = ym(year, z * 6) - ym(2000, 1)", "a", [NAN, 23, NAN, 5, 35, NAN]),
        ("gen double a = x^(-1)", "a", [1, NAN, 1 / 3, 0.25, 0.5, NAN]),
        # [FN] float(): single precision, to compare with.
        ("gen b = 0.1\ngen a = b == float(0.1)", "a", [1] * 6),
        ("gen d = year + 12611\ngen a = mofd(d) + qofd(d)", "a", [640] * 6),
        ("gen a = yofd(dofm(ym(year, 3))) - year", "a", [0] * 6),
        ('gen s = "02/01/2000"\ngen a = date(s, "DMY")', "a", [14611] * 6),
        ('gen s = "2000-11"\ngen a = monthly(s, "YM")', "a", [490] * 6),
        # The last week of a year has eight or nine days.
        ("gen d = mdy(12, 31, 2012)\ngen a = week(d) + doy(d)", "a", [52 + 366] * 6),
        ("gen a = wofd(mdy(1, 8, 2010))", "a", [50 * 52 + 1] * 6),
        ('gen s = "abc"\ngen a = substr(s, 2, 1) == "b"', "a", [1] * 6),
        (
            'gen s = "x2010"\ngen a = real(substr(s, -4, .)) + real(substr(s, -2, 1))',
            "a",
            [2011] * 6,
        ),
        ('gen s = "ab"\ngen a = substr(s, -2, 2) == s', "a", [1] * 6),
        ('gen s = "ab"\ngen a = substr(s, 1, 0) == ""', "a", [1] * 6),
        (
            'gen d = year + 12611\ngen s = string(d, "%tdCCYY-NN-DD")\n'
            "gen a = real(substr(s, 1, 4)) + real(substr(s, 9, .))",
            "a",
            [2002, 2003, 2004, 2002, 2004, 2002],
        ),
        ("gen a = normal(x - x)", "a", [0.5, NAN, 0.5, 0.5, 0.5, 0.5]),
        ("gen double a = normalden(x)", "a", norm.pdf([1, NAN, 3, 4, 2, 0])),
        # [FN] round(): for a unit of zero x as it is; mdy(): a month has no day 0.
        ("gen a = round(z, 0) + round(2.5, x)", "a", [NAN, NAN, 8, 5, 4, 8.5]),
        ("gen a = mdy(1, x, 2000) - 14609", "a", [1, NAN, 3, 4, 2, NAN]),
        (
            'gen a = string(mdy(1, x, 2000), "%tdCCYY-NN-DD") == "."',
            "a",
            [0, 1, 0, 0, 0, 1],
        ),
        ("tab year, gen(a)", "a2", [0, 1, 0, 0, 0, 0]),
        ("tab name, gen(a)", "a1", [1, 1, 1, 0, 0, NAN]),
        ("tab(name), gen(a)", "a1", [1, 1, 1, 0, 0, NAN]),
        ("gen byte a = year * (id > 1) + z", "a", [NAN, 2, 5, NAN, NAN, NAN]),
        ("gen int a = 32740.5", "a", [32740] * 6),
        ("gen a = exp(20 * z)", "a", np.exp([NAN, 40, NAN, 20, 40, NAN])),
        ("gen a = 2 * mod(year, 2) - x", "a", [-1, NAN, -3, -4, -2, 0]),
        ("gen a = mod(year, 4)^2 + x / z^2", "a", [NAN, NAN, 4.12, 4, 4.5, 0]),
        ("gen a = year - yq(1990, 2)", "a", [1879, 1880, 1881, 1879, 1881, 1879]),
        ("gen b = id * 9 + year\nxtile a = b, nq(3)", "a", [1, 1, 2, 2, 3, 3]),
        (
            'gen s = "上海b"\ngen a = strpos(s, "b") + length(s)\n'
            'replace a = 0 if substr(s, 4, 3) != "海"',
            "a",
            [14] * 6,
        ),
        (
            'gen s = name + "1" if x > 2\ngen a = s == ""',
            "a",
            [1, 0, 0, 0, 1, 1],
        ),
        (
            'tostring z, replace force\ngen a = (z == "2") + 2 * (z == ".")',
            "a",
            [2, 1, 0, 0, 1, 0],
        ),
        ('gen s = string(x)\ngen a = s == "."', "a", [0, 1, 0, 0, 0, 0]),
        # Texts stay as they are, and a list may be in parentheses.
        (
            'tostring (name), force replace\ngen a = name == "a"',
            "a",
            [1, 1, 1, 0, 0, 0],
        ),
        ("winsor2 x*, cuts(0 50) replace", "x", [1, NAN, 2, 2, 2, 0]),
        # [D] egen: left ends of intervals, or 0, 1, ... with icodes; else missing.
        ("egen a = cut(x), at(1,2,4)", "a", [1, NAN, 2, NAN, 2, NAN]),
        ("egen a = cut(x), at(0(2)6) icodes", "a", [0, NAN, 1, 2, 1, 0]),
        # A percentile is in the group above it, in that of xtile below.
        ("egen a = cut(x), group(2)", "a", [0, NAN, 1, 1, 1, 0]),
        ("xtile a = x, nq(2)", "a", [1, NAN, 2, 2, 1, 1]),
        ("rename (x z)(b c)\ngen a = b", "a", [1, NAN, 3, 4, 2, 0]),
        ('gen a = string(year - 1999, "%02.0f") == "01"', "a", [1, 0, 0, 1, 0, 1]),
        ("gen a = dofm(ym(year, 2)) - mdy(2, 1, year)", "a", [0] * 6),
        ('gen a = date("3/1/" + string(year), "MDY") - mdy(3, 1, year)', "a", [0] * 6),
        ("gen a = round(x / 3, 0.5)", "a", [0.5, NAN, 1, 1.5, 0.5, 0]),
        ("gen double a = asinh(x)", "a", np.arcsinh([1, NAN, 3, 4, 2, 0])),
        # Whole numbers of 64 bits would overflow.
        ("gen double a = year^6 / 1e15", "a", YEAR.astype(float) ** 6 / 1e15),
        ("gen double a = year^2 * year^4 / year", "a", YEAR.astype(float) ** 5),
        (
            "gen double b = 5000000000\ngen double a = b * b + x - x",
            "a",
            [2.5e19, NAN, *[2.5e19] * 4],
        ),
        ("gen b = year * 2000\ngen double a = b * b * b", "a", (YEAR * 2000.0) ** 3),
        # [U] 13.2: operators bind to the left, those of Python's powers to the right.
        ("gen double a = x^2^3", "a", np.array([1, NAN, 3, 4, 2, 0]) ** 6),
        # Weeks of Stata have seven days, but the last one of a year.
    ],
)
def test_columns(text: str, column: str, expected: list[float]) -> None:
    np.testing.assert_allclose(run(text)[column].to_numpy(float), expected)


@pytest.mark.parametrize(
    ("text", "order", "days"),
    [
        # Stata's help of date(), and what Stata printed.
        ("1/15/08", "MDY", NAN),
        ("12/31/1959", "MDY", -1),
        ("01021960", "MDY", 1),
        ("31dec9999", "DMY", 2936549),
        ("1 Jan, 0100", "DMY", -679350),
        ("Feb 29 1960", "MDY", 59),
        ("29feb1961", "DMY", NAN),
        ("13/01/1960", "MDY", NAN),
        ("1960-01", "YMD", NAN),
        ("", "YMD", NAN),
    ],
)
def test_texts_of_dates(text: str, order: str, days: float) -> None:
    days_of_text = _script.stata.date(pd.Series([text]), order)
    np.testing.assert_array_equal(days_of_text, [days])
    with pytest.raises(AssertionError, match="more than a date"):
        _script.stata.date(pd.Series([text, "1960-01-01 12:30"]), order)


def test_texts_of_months_and_quarters_have_no_more_than_these() -> None:
    """Stata reads the name of a month, and a text with a day is missing there."""
    texts = pd.Series(["2010m5", "2010-05", "201005", "2010M13", ""])
    expected = [604, 604, 604, NAN, NAN]
    np.testing.assert_array_equal(_script.stata.monthly(texts, "YM"), expected)
    for text in ("2010 May", "2010-05-07", "20105", "x2010m5"):
        with pytest.raises(AssertionError, match="more than a year"):
            _script.stata.monthly(pd.Series([text]), "YM")


def test_days_of_numbers() -> None:
    """Stata printed -678993 for 24 December 100, and a missing value for 99."""
    days = _script.mdy(12, 24, pd.Series([100, 99, NAN]))
    np.testing.assert_array_equal(days, [-678993, NAN, NAN])
    with pytest.raises(AssertionError, match="fractions"):
        _script.mdy(pd.Series([1.5]), 1, 2000)


def test_a_text_of_a_number_has_ten_digits_and_is_that_number() -> None:
    """[D] tostring: without force, a variable whose texts are others stays."""
    codes = pd.Series([2147483647.0, NAN, 0.5, 1.123456789])
    texts = ["2147483647", ".", ".5", "1.123456789"]
    assert _script.text(codes, "%.10g").tolist() == texts
    for number in (12345678901.0, 1.0123456789, float(np.float32(0.1))):
        with pytest.raises(ValueError, match="lose digits"):
            _script.text(pd.Series([number]), "%.10g")


def test_texts_that_are_no_numbers_stay_whole() -> None:
    """[D] destring: with characters not in ignore() nothing is replaced or made."""
    df = frame().assign(s=["1,2", "3", "4", "5", "6", "n"])
    text = 'destring s, ignore(",") replace\ndestring s, gen(a) force'
    assert run(text, df)["a"].tolist()[:3] == [4, 3, 6]
    assert np.isnan(run(text, df.assign(s="1,2"))["a"]).sum() == 0
    with pytest.raises(AssertionError, match="Stata makes no variable"):
        run('destring s, ignore(",") gen(a)', df)


def test_a_total_of_missing_values_is_zero() -> None:
    df = frame().assign(x=np.nan)
    assert run("egen a = rowtotal(x)", df)["a"].tolist() == [0.0] * 6
    assert run("egen a = total(x)", df)["a"].tolist() == [0.0] * 6


@pytest.mark.many(8)
@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("keep if x > 2", 3),
        ("keep if x > 2 & x < .", 2),
        ("drop if x > 2", 3),
        ("drop if missing(x)", 5),
        ("drop if missing(name)", 5),
        ("keep if !missing(name, x)", 4),
        ('keep if name == "a"', 3),
        ("drop x z year\nduplicates drop id, force\ngen year = 1", 3),
        ("collapse (mean) x (sum) s=z, by(id)\nkeep if s > 2\ngen year = 1", 3),
        ("drop z name", 6),
        ("bysort id: keep if _N > 1", 5),
        ("bysort id (year): keep if _n == 1", 3),
        ("bysort id (year): drop if _n == _N", 3),
        ("expand 3", 18),
        ("expand x", 12),
        ("collapse (p50) x (max) z if year == 2000, by(id year)", 3),
        ("collapse (mean) id = id year\n", 1),
        ("collapse (max) id - x, by(name)\nkeep if id > 0", 3),
        ("expand 2 if x > 2, gen(copy)", 9),
        ("expand 2 if x == 3, gen(copy)\nkeep if copy", 1),
    ],
)
def test_rows(text: str, rows: int) -> None:
    assert len(run(text)) == rows


def test_ties_stop_the_script() -> None:
    with pytest.raises(AssertionError, match="ties"):
        run("bysort year (id): gen a = z[1]\nbysort id (name): gen b = _n")
    # The order of rows decides which of several different rows is kept.
    with pytest.raises(AssertionError, match="ties"):
        run("duplicates drop id, force")


def test_columns_that_are_kept_stay_in_order_and_are_there_once() -> None:
    """[D] drop: keep changes no order, and a variable may be named twice."""
    out = run("keep z x z id n* name year")
    assert [*out] == [*frame()]
    with pytest.raises(KeyError, match="absent"):
        _script.selected(frame(), ["absent", "x"])
    assert [*run("keep z-name id year\nkeep name id year")] == ["id", "year", "name"]


def test_reshape() -> None:
    df = pd.DataFrame(
        {"id": [1, 2], "x2000": [1.0, 2], "x2001": [3.0, 4], "year": 0, "w": [5, 6]}
    )
    long = run("drop year\nreshape long x, i(id) j(year)", df)
    assert long["year"].tolist() == [2000, 2001] * 2
    assert long["x"].tolist() == [1, 3, 2, 4]
    assert long["w"].tolist() == [5, 5, 6, 6]
    wide = run("reshape wide x, i(id) j(year)\ngen year = 1", long)
    assert wide[["x2000", "x2001", "w"]].to_numpy().tolist() == [[1, 3, 5], [2, 4, 6]]


def test_reshape_wide_has_the_columns_of_a_value_beside_one_another(
    tmp_path: Path,
) -> None:
    """[D] reshape lists id inc80 ue80 inc81 ue81 inc82 ue82 sex, sorted by id."""
    values = {"inc": [3.0, 4, 1, 2], "job": [7.0, 8, 5, 6]}
    df = pd.DataFrame({"id": [2, 2, 1, 1], "year": [80, 81] * 2, "sex": 0, **values})
    df.to_stata(tmp_path / "a.dta", write_index=False)
    (tmp_path / "a.do").write_text(
        "use a\nreshape wide inc-job, i(id) j(year)\n"
        "egen s = rowtotal(inc80-inc81)\ngen n = _n\n"
    )
    wide = run_do_file(tmp_path / "a.do", tmp_path).data
    assert wide is not None
    assert [*wide] == ["id", "inc80", "job80", "inc81", "job81", "sex", "s", "n"]
    assert wide[["id", "s", "n"]].to_numpy().tolist() == [[1, 8, 1], [2, 14, 2]]


def test_texts_that_reshape_adds_are_empty() -> None:
    df = pd.DataFrame({"id": [1], "s1": ["u"], "x1": [1.0], "x2": [2.0]})
    long = run('reshape long s x, i(id) j(year)\ngen a = s == ""', df)
    assert (long["s"].tolist(), long["a"].tolist()) == (["u", ""], [0, 1])


def test_reshape_wide_of_texts_and_numbers() -> None:
    """A text that is absent is empty, and numbers beside texts stay numbers."""
    df = pd.DataFrame(
        {"id": [1, 1, 2], "t": [1, 2, 1], "s": [*"abc"], "x": [1.0, 2, 3]}
    )
    wide = run('reshape wide s x, i(id) j(t)\ngen a = s2 == ""\ngen year = 1', df)
    assert wide["a"].tolist() == [0, 1]
    assert wide["x2"].dtype == float


def test_reshape_with_the_number_inside_a_name_and_back() -> None:
    """[D] reshape: inc@r stands for inc80r; `reshape wide` alone undoes the last."""
    df = pd.DataFrame({"id": [1, 2], "inc80r": [1.0, 2], "inc81r": [3.0, 4]})
    long = run("reshape long inc@r, i(id) j(year)", df)
    assert long[["year", "incr"]].to_numpy().tolist() == [
        [80, 1],
        [81, 3],
        [80, 2],
        [81, 4],
    ]
    # A log of Stata has the option inside j() too: the values are then texts.
    df = pd.DataFrame({"id": 1, "inc_2001q1": [5.0], "inc_2001q2": [6.0]})
    long = run("reshape long inc_, i(id) j(year, string)", df)
    assert long[["year", "inc_"]].to_numpy().tolist() == [["2001q1", 5], ["2001q2", 6]]
    df = pd.DataFrame({"id": 1, "year": [2000, 2001], "x": [1.0, 2]})
    back = run("reshape wide x, i(id) j(year)\nreshape long", df)
    assert back[["year", "x"]].to_numpy().tolist() == [[2000, 1], [2001, 2]]


def test_text_and_dates_of_other_programs_are_those_of_stata(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("ID,Year,Name\n1,2000,\n2,2000,b\n", encoding="utf-16")
    out = run(
        f'import delimited "{path}", encoding("utf-16") clear\n'
        'gen a = strpos(name, "b") > 0'
    )
    assert out["name"].tolist() == ["", "b"]
    assert out["a"].tolist() == [0, 1]


def test_files_have_only_the_missing_values_of_stata(tmp_path: Path) -> None:
    """[D] import: NA is text, such as the code of Namibia, and so is TRUE; . is not."""
    path = tmp_path / "a.csv"
    path.write_text("id,year,iso,x,y,new\n1,1,NA,1,.,TRUE\n1,2,CN,NA,2,FALSE\n")
    text = 'gen a = iso == "NA"\ngen b = new == "TRUE"\ndestring x, force replace'
    out = run(f'import delimited "{path}", clear\n{text}')
    assert out["a"].tolist() == out["b"].tolist() == [1, 0]
    np.testing.assert_array_equal(out[["x", "y"]], [[1, NAN], [NAN, 2]])
    keys = {"id": 1, "year": [1, 2]}
    table = pd.DataFrame({**keys, "iso": ["NA", None], "x": [1.0, None]})
    table.to_excel(tmp_path / "a.xlsx", index=False)
    out = run(f'import excel "{tmp_path}/a.xlsx", firstrow clear')
    assert out["iso"].tolist() == ["NA", ""]
    np.testing.assert_array_equal(out["x"], [1, NAN])


def test_sheets_have_text_only_with_allstring(tmp_path: Path) -> None:
    """[D] import excel: a comparison of the codes with a number would stop."""
    path = tmp_path / "a.xlsx"
    table = pd.DataFrame({"id": [1, 2], "year": 1, "code": [7, None]})
    table.to_excel(path, index=False)
    out = run(
        f'import excel "{path}", firstrow allstring\ndestring id year, replace\n'
        'gen a = (code == "7") + 2 * (code == "")'
    )
    assert out["a"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("option", "separator"),
    [("comma", ","), ('"\\t"', "\t"), ("tab", "\t"), ('";"', ";")],
)
def test_delimiters_of_a_text_file_are_those_stated(
    tmp_path: Path, option: str, separator: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"id{separator}year\n1{separator}2000\n")
    out = run(f'import delimited "{path}", delim({option}) varnames(1) clear')
    assert out.to_numpy().tolist() == [[1, 2000]]


def test_files_without_ending_or_delimiter_are_read_as_stata_does(
    tmp_path: Path,
) -> None:
    """[D] import delimited: ``.csv`` is added; the first line tells the delimiter."""
    for name, separator in (("a.csv", ","), ("b.txt", "\t"), ("c.raw", ",")):
        text = f"id{separator}year\n1{separator}2000\n"
        (tmp_path / name).write_text(text)
    for command in ("import delimited a", "import delimited b.txt", "insheet using c"):
        *words, name = command.split()
        out = run(f'{" ".join(words)} "{tmp_path / name}", clear')
        assert out.to_dict("list") == {"id": [1], "year": [2000]}


def test_what_is_computed_of_missing_values_is_larger_than_any_number(
    tmp_path: Path,
) -> None:
    """Also of keys, which rows of another file may miss."""
    frame().to_stata(tmp_path / "a.dta", write_index=False)
    ids = pd.DataFrame({"id": [1, 9]})
    ids.to_stata(tmp_path / "b.dta", write_index=False)
    for command, expected in (("merge m:1 id using b", 1), ("append using b", 2)):
        (tmp_path / "a.do").write_text(
            f"use a\nxtset id year\ngen t = year - 1999\ngen u = x\ngen b = u > 99\n"
            f"{command}\ngen a = t > 99\n"
        )
        data = run_do_file(tmp_path / "a.do", tmp_path).data
        assert data is not None
        assert (data["a"].sum(), data["b"].sum()) == (expected, 1)


def test_merge_as_before_stata_11(tmp_path: Path) -> None:
    """Its keep() lists variables; keys of the other file may not repeat here."""
    other = pd.DataFrame({"id": [1, 2, 4], "u": [7.0, 8, 9], "v": 0.0})
    other.to_stata(tmp_path / "b.dta", write_index=False)
    out = run(f'sort id\nmerge id using "{tmp_path / "b.dta"}", keep(u) uniqusing')
    assert out["_merge"].tolist() == [3, 3, 3, 3, 3, 1, 2]
    assert out["u"].tolist()[:5] == [7, 7, 7, 8, 8]
    assert "v" not in out
    pd.concat([other, other]).to_stata(tmp_path / "b.dta", write_index=False)
    with pytest.raises(pd.errors.MergeError):
        run(f'merge id using "{tmp_path / "b.dta"}"')


def test_merge_m_to_m_pairs_no_rows_by_their_order(tmp_path: Path) -> None:
    """Where the keys of one table do not repeat, it is m:1 or 1:m."""
    path, years = (
        tmp_path / "b.dta",
        pd.DataFrame({"year": [2000, 2001], "u": [5.0, 6]}),
    )
    years.to_stata(path, write_index=False)
    out = run(f'merge m:m year using "{path}"')
    assert out.equals(run(f'merge m:1 year using "{path}"'))
    rows = pd.DataFrame({"id": [1, 1, 2], "w": [7.0, 8, 9]})
    rows.to_stata(path, write_index=False)
    ids = pd.DataFrame({"id": [1, 2], "year": 2000})
    assert run(f'merge m:m id using "{path}"', ids)["w"].tolist() == [7, 8, 9]
    with pytest.raises(pd.errors.MergeError):
        run(f'merge m:m id using "{path}"')


def test_merge_takes_the_variables_of_a_pattern(tmp_path: Path) -> None:
    other = pd.DataFrame({"id": [1, 2], "p1": 1.0, "q": 2.0, "p_2": 3.0, "v": 4.0})
    other.to_stata(tmp_path / "b.dta", write_index=False)
    out = run(f'merge m:1 id using "{tmp_path / "b.dta"}", keepusing(p* v) nogen')
    assert [*out][-3:] == ["p1", "p_2", "v"]
    assert "q" not in out
    ranged = run(f'merge m:1 id using "{tmp_path / "b.dta"}", keepusing(id-q) nogen')
    assert [*ranged][-2:] == ["p1", "q"]


def test_what_is_cut_out_of_texts_that_are_too_short_is_not_known() -> None:
    with pytest.raises(AssertionError, match="too short"):
        run("gen a = substr(name, -2, 1)")


def test_insheet_reads_tabs(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("id\tyear\n1\t2000\n")
    assert [*run(f'insheet using "{path}", tab clear')] == ["id", "year"]


def test_winsor2_without_replace_makes_a_new_column() -> None:
    df = pd.DataFrame({"id": range(200), "year": 1, "x": np.arange(200.0)})
    out = run("winsor2 x, cuts(1 99)", df.copy())
    assert out["x"].tolist() == df["x"].tolist()
    # Stata's percentile 1 of 200 values is the mean of the second and the third.
    assert (out["x_w"].min(), out["x_w"].max()) == (1.5, 197.5)
    assert run("winsor2 x, replace cuts(5 95)", df.copy())["x"].min() == 9.5


def test_winsor2_with_trim_makes_values_missing() -> None:
    df = pd.DataFrame({"id": range(200), "year": 1, "x": np.arange(200.0)})
    out = run("winsor2 x, cuts(1 99) trim", df)
    assert (out["x_tr"].min(), out["x_tr"].max(), out["x_tr"].isna().sum()) == (
        2,
        197,
        4,
    )


def single(x: Any) -> Any:
    return np.float64(np.float32(x))


def test_center_has_means_and_deviations_of_single_precision() -> None:
    """center.ado 1.10: gen `double' mean = sum(x)/n, and sd alike."""
    df = pd.DataFrame({"id": range(3), "year": 1, "x": [0.1, 0.4, 0.8]})
    mean, exact = single(1.3 / 3), np.array([0.1, 0.4, 0.8])
    variance = single(((exact - mean) ** 2).sum() / 2)
    out = run("center x\ncenter x, gen(d) double\ncenter x, pre(s_) s", df)
    assert out["c_x"].tolist() == [*single(exact - mean)]
    np.testing.assert_allclose(out["d"], exact - 1.3 / 3, rtol=1e-15)
    assert (out["d"] != out["c_x"]).any()
    sd = single(np.sqrt(variance))
    assert out["s_x"].tolist() == [*single((exact - mean) / sd)]


def test_winsor2_makes_columns_of_the_types_that_stata_makes(tmp_path: Path) -> None:
    """winsor2.ado 1.1: gen `vtype' x_w, and with by() egen, whose result is a float."""
    x = np.array([0.1, 0.2, 0.3, 0.4])
    df = pd.DataFrame({"id": range(4), "year": 1, "x": x})
    out = run("winsor2 x, cuts(25 75)\nwinsor2 x, cuts(25 75) by(year) s(_b)", df)
    ends = np.clip(x, 0.1 / 2 + 0.2 / 2, 0.3 / 2 + 0.4 / 2)
    np.testing.assert_allclose(out["x_w"], ends, rtol=1e-15)
    assert out["x_b"].tolist() == [*single(ends)]
    columns = {"id": range(4), "year": 1, "w": single(x).astype("float32")}
    path = tmp_path / "w.dta"
    table = pd.DataFrame({**columns, "n": [1, 2, 3, 4], "k": range(50000, 50004)})
    table.to_stata(path, write_index=False)
    out = run(f'use "{path}"\nwinsor2 w, cuts(25 75)\nwinsor2 n, cuts(25 75) replace')
    low, high = single(out["w"][:2].mean()), single(out["w"][2:].mean())
    assert out["w_w"].tolist() == [*np.clip(single(x), low, high)]
    # replace makes floats of whole numbers; a new column would cut 1.5 to 1.
    assert out["n"].tolist() == [1.5, 2, 3, 3.5]
    for name in "nk":
        with pytest.raises(AssertionError, match="between whole numbers"):
            run(f'use "{path}"\nwinsor2 {name}, cuts(25 75)')
    with pytest.raises(AssertionError, match="between whole numbers"):
        run(f'use "{path}"\nrename n m\nwinsor2 m, cuts(25 75) replace by(year)')


def test_functions_of_egen_round_as_their_code_does() -> None:
    """_gcut.ado 2.1.0 and _gstd.ado round first; a mode has the type of its source."""
    w = np.array([2.0**24 + 1, 2.0**24 + 3, 2.0**24 + 9])
    df = pd.DataFrame({"id": range(3), "year": 1, "x": 0.7, "w": w})
    out = run(
        "egen double c = cut(x), at(0.6 0.7 0.8)\negen m = mode(x)\negen s = std(w)", df
    )
    assert out["c"].tolist() == [0.6] * 3
    assert out["m"].tolist() == [0.7] * 3
    rounded = single(w)
    expected = (rounded - rounded.mean()) / rounded.std(ddof=1)
    assert out["s"].tolist() == [*single(expected)]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        # gegen.ado: sums are double, and a mean is where its source is.
        ("gegen a = total(w)", 123456789.4),
        ("gegen a = mean(w)", 61728394.7),
        ("gegen a = max(w)", 123456789.3),
        ("gegen float a = mean(w)", single(61728394.7)),
        ("gegen a = max(w + 0)", single(123456789.3)),
        ("gegen a = mean(w + 0)", 61728394.7),
        ("gen v = w\ngegen a = max(v)", single(123456789.3)),
        ("egen a = total(w)", single(123456789.4)),
        ("egen double a = total(w)", 123456789.4),
    ],
)
def test_gegen_makes_doubles_where_egen_makes_floats(
    command: str, expected: float
) -> None:
    df = pd.DataFrame({"id": [1, 2], "year": 1, "w": [123456789.3, 0.1]})
    assert run(command, df)["a"].tolist() == [pytest.approx(expected, rel=1e-15)] * 2


def test_destring_ignores_no_signs_of_numbers() -> None:
    """Destring: "already numeric; no replace"."""
    out = run('destring x, replace force ignore(".-")', frame().assign(x=-1.5))
    assert out["x"].tolist() == [-1.5] * 6


def test_joinby_has_all_pairs_of_rows_of_a_key(tmp_path: Path) -> None:
    other = pd.DataFrame({"id": [1, 1, 9], "x": [98.0, 99, 97], "w": [7.0, 8, 9]})
    path = tmp_path / "other.dta"
    other.to_stata(path, write_index=False)
    out = run(f'joinby id using "{path}"')
    assert out["w"].value_counts().to_dict() == {7.0: 3, 8.0: 3}
    # A column of both tables has the values of the first.
    assert not out["x"].isin([98, 99]).any()
    assert "_merge" not in out


def test_merge_keeps_values_of_the_master(tmp_path: Path) -> None:
    other = pd.DataFrame({"id": [1, 2, 9], "x": [99.0] * 3, "w": [7.0, 8.0, 9.0]})
    path = tmp_path / "other.dta"
    other.to_stata(path, write_index=False)
    out = run(f'merge m:1 id using "{path}"')
    assert out["x"].tolist()[:2] == [1.0, pytest.approx(np.nan, nan_ok=True)]
    # Rows of the other table alone have its values.
    assert out["x"].tolist()[-1] == 99
    assert out["_merge"].tolist() == [3, 3, 3, 3, 3, 1, 2]
    assert out["name"].tolist() == ["a", "a", "a", "b", "b", "", ""]
    kept = run(
        f'merge m:1 id using "{path}", keep(match) nogen keepusing(w) assert(1 3)'
    )
    assert len(kept) == 5
    assert "_merge" not in kept
    twice = run(f'merge m:1 id using "{path}", nogen', out.drop(columns="w"))
    assert twice["_merge"].tolist() == [3, 3, 3, 3, 3, 1, 2]


@pytest.mark.many(20)
@pytest.mark.parametrize(
    "text",
    [
        "gen a = runiform()",
        "gen a = _n",
        "by id: gen a = x[_n-1]",
        "gen a = x[1]",
        "bysort id (year): replace x = x[_n-1] + 1",
        "replace x = L.x if x == .",
        # The first value is then 0, and nothing is taken from the others.
        "bysort id (year): replace x = x - x[1]",
        "bysort id (year): gen a = x[_n-z]",
        "egen a = group(id), missing",
        "egen a = rank(x), unique",
        "egen a = tag(id)",
        "recode x (1=0) 2=3",
        "reshape long x",
        "reshape long, i(id) j(year)",
        "reshape wide x*, i(id) j(year)",
        "tab id year, gen(a)",
        "import delimited a.csv, varnames(3)",
        'import delimited a.csv, delimiters(" ,", collapse)',
        "by id: winsor2 x, replace",
        "append id",
        "append using a b",
        "gen a = inrange(x, 1)",
        "gen a = inrange(x, 1, .)",
        "gen a = inrange(year, x, z)",
        "reshape long x, i(id) j(year 2010 2012)",
        "gen a = inlist(x, z)",
        'gen a = string(x, "%9.2f")',
        "gen a = substr(name, x, 1)",
        'gen a = strpos(name, "")',
        "gen a",
        "replace a = 1 in 1",
        "egen a = cut(x), label",
        "collapse (sum) x [aw=z], by(id)",
        "collapse (sum) x [iw=z], by(id)",
        "xtbalance",
        "xtbalance, range(2000 2001 2002)",
        "egen a = anymatch(x), values(1)",
        "keep in 1/5",
        "drop x if z == 1",
        "rename (x z) (a b c)",
        "rename x*z* a*b*",
        "drop in 1/2",
        "gsort -x, mfirst",
        "merge m:2 id using b",
        "joinby using b",
        "joinby id using b, unmatched(master)",
        "merge 1:1 id using b, update",
        "import excel a.xlsx, cellrange(A1) firstrow",
        'import excel a.xlsx, allstring("%9.2f")',
        "import delimited a.csv, stringcols(_all)",
        "carryforward x, replace",
        "winsor x, gen(a)",
        "rename x y, lower",
        "egen a = rowtotal(x z), by(id)",
        "egen a = mean(x), missing",
        "recode x 1=2",
        "ipolate x year",
        "center x, by(id)",
        "ereplace z = max(x) if id == 1",
        "predict a, resid",
        "collapse (semean) x, by(id)",
        "winsor2 x, cuts(1)",
        "destring x",
        "encode name",
        "append using a, gen(new)",
        "gen a = r(mean)",
        "winsor2 x if z > 1, replace",
        "duplicates drop id if x > 1, force",
        "bysort id: replace x = x[_n-1]",
        "by id: drop x",
        "duplicates tag id",
        "gen a = x, magic",
        # It omits no dummy, and is no option of what an estimation prints.
        "xi i.id, noomit",
        "bysort id: gen a = x[1]",
    ],
)
def test_refusals(text: str) -> None:
    command = read_command(text)
    context = Context("id", "year", Variables(list(frame().columns)), {"id", "year"})
    with pytest.raises(dp.StataError):
        data.translate(command, context)


def test_string_stops_where_stata_cuts_digits() -> None:
    """[FN] strofreal: 1234567 has all digits, 12345678 is 1.23e+07."""
    assert run("gen a = string(year * 100)")["a"][0] == "200000"
    assert run("gen a = string(2000 - year - 0.5)")["a"].tolist()[:2] == ["-.5", "-1.5"]
    for value in ("year * 10000", "year / 2001"):
        with pytest.raises(ValueError, match="lose digits"):
            run(f"gen a = string({value})")


def test_scripts_of_whole_files_run(tmp_path: Path) -> None:
    """From reading to the results, with the same numbers as in Python."""
    states = dp.datasets.us_states().frame.reset_index()
    states.to_stata(tmp_path / "states.dta", write_index=False)
    (tmp_path / "paper.do").write_text(
        f"""
        use "{tmp_path}/states.dta", clear
        encode state, gen(id)
        xtset id year
        gen lny = ln(gsp)
        global controls pcap emp
        foreach v of global controls {{
            gen ln`v' = ln(`v')
        }}
        eststo m1: reghdfe lny L.unemp lnpcap lnemp if year >= 1975, ///
            absorb(id year) vce(cluster id)
        test lnpcap = lnemp
        """
    )
    file = read_do_file(tmp_path / "paper.do")
    assert [line.status for line in file.lines if line.status == "refused"] == []
    names: dict[str, Any] = {}
    exec(file.script, names)
    panel = dp.datasets.us_states()
    logs = {
        name: np.log(panel.frame[name]).astype("float32").astype(float)
        for name in ("gsp", "pcap", "emp")
    }
    terms = ["lag(unemp)", "pcap", "emp"]
    same = dp.FixedEffects("gsp", terms, where="year >= 1975").fit(panel.assign(**logs))
    fit = names["results"]["m1"]
    np.testing.assert_allclose(fit.params, same.params, rtol=1e-8)
    np.testing.assert_allclose(fit.std_errors, same.std_errors, rtol=1e-8)
    assert fit.nobs == 48 * 12


def test_numbers_of_files_are_as_in_stata(tmp_path: Path) -> None:
    """Products of small whole numbers fit, and text files are in single precision."""
    columns = {"year": np.arange(2011, 2017), "x": np.full(6, 0.1)}
    table = pd.DataFrame({"id": 1, **columns, "w": np.float32(4097)})
    table = table.astype({"year": "int16", "id": "int8"})
    table.to_stata(tmp_path / "a.dta", write_index=False)
    # Whole numbers are whole, though some of them are missing.
    table["people"] = [123456789.0, np.nan] * 3
    table.to_csv(tmp_path / "a.csv", index=False)
    lines = "gen month = year * 100 + id * id\ngen tenth = x == 0.1\n"
    lines += "gen is_exact = w * w == 16785409\n"
    tenths = {
        f"use {tmp_path}/a.dta": 1,
        f"import delimited {tmp_path}/a.csv": 0,
        f"set type double\nimport delimited {tmp_path}/a.csv": 1,
    }
    for reads, tenth in tenths.items():
        (tmp_path / "a.do").write_text(f"{reads}\n{lines}")
        names: dict[str, Any] = {}
        exec(read_do_file(tmp_path / "a.do").script, names)
        assert names["df"]["month"].tolist() == [*range(201101, 201701, 100)]
        assert names["df"]["is_exact"].all()
        assert names["df"]["tenth"].unique().tolist() == [tenth], reads
        if "people" in names["df"]:
            assert names["df"]["people"].max() == 123456789


def test_signs_that_are_ignored(tmp_path: Path) -> None:
    """A yearbook has units in the cells."""
    table = pd.DataFrame({"地区": ["北京", "天津"], "年份": ["2011年", "1,2012年"]})
    path = tmp_path / "a.xlsx"
    table.to_excel(path, index=False)
    text = f'import excel "{path}", firstrow\ndestring 年份, gen(year) ignore("年,")\n'
    (tmp_path / "a.do").write_text(text, encoding="utf-8")
    names: dict[str, Any] = {}
    exec(read_do_file(tmp_path / "a.do").script, names)
    assert names["df"]["地区"].tolist() == ["北京", "天津"]
    assert names["df"]["year"].tolist() == [2011, 12012]


def test_means_of_single_precision_stay_so() -> None:
    """A mean of floats is a float, and the float next to 222 / 7 shows as 31.71428."""
    df = pd.DataFrame({"id": 1, "year": 4, "x": [32.0, 31], "n": [5, 2]})
    out = run("gen h = x\ncollapse (mean) h d = x [fw=n], by(year id)", df)
    assert [f"{out[name][0]:.5f}" for name in ("h", "d")] == ["31.71428", "31.71429"]
    out = run("gen h = x\ncollapse (sum) h, by(year id)\nreplace h = 0.1", df)
    assert out["h"].tolist() == [0.1]


def test_means_of_collapse_are_weighted_and_firsts_need_one_value() -> None:
    """[D] collapse: rows without a weight are left out, values that are there count."""
    out = run("collapse (mean) m = x [aw = z], by(id)\ngen year = 1")
    means = frame()[lambda df: df["z"].notna() & df["x"].notna()]
    expected = [
        np.average(rows["x"], weights=rows["z"]) for _, rows in means.groupby("id")
    ]
    np.testing.assert_allclose(out["m"], expected)
    first = run("collapse (first) name (last) c = name, by(id)\ngen year = 1")
    assert first["name"].tolist() == first["c"].tolist() == ["a", "b", ""]
    with pytest.raises(AssertionError, match="several values"):
        run("collapse (first) x, by(id)")


def test_empty_texts_are_not_counted() -> None:
    """[D] collapse: count is the number of nonmissing values."""
    out = run("collapse (count) name x, by(id)\ngen year = 1")
    assert out[["name", "x"]].to_numpy().tolist() == [[3, 2], [2, 2], [0, 1]]


def test_sums_of_collapse_are_weighted() -> None:
    """[D] collapse: the sum of w x; a sum of no values is 0, and has all digits."""
    df = frame().assign(n=[2, 1, 3, 1, 0, 1], y=np.nan, h=16777217.0)
    out = run("collapse (sum) x y h [pw = n], by(id)\ngen year = 1", df)
    assert out["x"].tolist() == [3, 10, 0]
    assert out["y"].tolist() == [0, 0, 0]
    out = run("gen a = 1\ncollapse (sum) h = a [fw = n], by(id)\ngen year = 1", df)
    assert out["h"].tolist() == [4, 3, 1]
    ones = pd.DataFrame({"id": 1, "year": 1, "s": [2**30] * 2})
    text = "collapse (sum) s, by(id year)\ngen double a = s * s * s"
    assert run(text, ones)["a"].tolist() == [2.0**93]
    large = df.assign(n=16777217)
    text = "gen a = 1\ncollapse (sum) h = a [pw = n], by(id year)"
    assert run(text, large)["h"].tolist() == [16777217] * 6


def test_fillin_adds_all_combinations() -> None:
    """[D] fillin: a missing value is one of the values, other variables are missing."""
    df = frame().assign(year=[2000, 2001, np.nan, 2002, 2001, 2000])
    out = run("fillin id year", df)
    assert len(out) == 13
    assert out.groupby("id")["year"].agg(lambda x: x.isna().sum()).tolist() == [1] * 3
    # Entity 1 has two rows in 2001, as before.
    assert out["_fillin"].sum() == 7
    added = out[out["_fillin"] == 1]
    assert added["x"].isna().all()
    assert added["name"].eq("").all()
    assert out[out["_fillin"] == 0]["z"].sum() == df["z"].sum()


def test_xtbalance_keeps_entities_with_rows_in_all_periods() -> None:
    """Its help: rows outside range(), or without values of miss(), go before."""
    years = {1: (1999, 2000, 2001), 2: (2000, 2001), 3: (2000,), 4: (2001, 2002)}
    rows = [(i, year) for i, listed in years.items() for year in listed]
    df = pd.DataFrame(rows, columns=["id", "year"]).assign(x=1.0, s="a")
    out = run("xtbalance, range(2000 2001)", df)
    assert out[["id", "year"]].to_numpy().tolist() == [
        *([i, year] for i in (1, 2) for year in (2000, 2001))
    ]
    df.loc[3, "x"] = np.nan
    assert run("xtbalance, r(2000 2001) miss(x)", df)["id"].unique().tolist() == [1]
    df.loc[0, "s"] = ""
    text = "xtbalance, range(2000 2001) miss(s)"
    assert run(text, df)["id"].unique().tolist() == [1, 2]
    with pytest.raises(AssertionError, match="values are missing"):
        run("xtbalance, range(2000 2001)", df)
    with pytest.raises(AssertionError, match="no rows in the first or last period"):
        run("xtbalance, range(2000 2009) miss(s)", df)


def test_numbers_of_rows_that_two_variables_know() -> None:
    """[D] by: _n of tied rows depends on their order, unless they are the same."""
    text = "bysort id year: gen n = _n\nkeep if n == 1"
    assert len(run(text)) == 6
    twice = pd.concat([frame(), frame().iloc[:1]])
    assert len(run(f"sort x\n{text}", twice.reset_index(drop=True))) == 6
    other = pd.concat([frame(), frame().iloc[:1].assign(x=9)])
    context = Context(None, None, Variables(list(other.columns)))
    step = data.translate(read_command("bysort id year: gen n = _n"), context)
    names: dict[str, Any] = {}
    exec(_HEAD, names)
    names["df"] = other.reset_index(drop=True)
    with pytest.raises(AssertionError, match="ties"):
        exec(step.python, names)


def test_duplicates_that_are_listed_change_nothing() -> None:
    assert len(run("duplicates list id year in 1/2")) == 6
    assert len(run("duplicates report id if x > 1")) == 6


def test_columns_named_as_subcommands_of_duplicates_ignore_nothing() -> None:
    """A part of a command that is not read is refused, whatever its columns are."""
    with pytest.raises(dp.StataError, match="replace with in"):
        run("gen report = x\nreplace report = 99 in 1/2")


def test_n_to_one_is_m_to_one(tmp_path: Path) -> None:
    path = tmp_path / "other.dta"
    pd.DataFrame({"id": [1, 2], "v": [7, 8]}).to_stata(path, write_index=False)
    out = run(f'merge n:1 id using "{path}", nogen keep(matched)')
    assert out["v"].tolist() == [7, 7, 7, 8, 8]


def test_saved_and_preserved_data_keep_the_types_of_their_columns(
    tmp_path: Path,
) -> None:
    """[D] save: storage types are in the file; a tenth is none in single precision."""
    table = pd.DataFrame({"id": [1, 2], "x": np.float32(3), "w": [3.0, 4.0]})
    table.to_stata(tmp_path / "a.dta", write_index=False)
    table.assign(z=5.0).to_stata(tmp_path / "b.dta", write_index=False)
    reads = "use a\ngen z = 1\n"
    for lines in ("", "save c, replace\nuse c\n", "preserve\nuse b\nrestore\n"):
        (tmp_path / "a.do").write_text(
            f"{reads}{lines}replace x = 0.1\nreplace z = 0.1\nreplace w = 0.1\n"
            "gen tenths = (x == 0.1) + 2 * (z == 0.1) + 4 * (w == 0.1)\n"
        )
        file = run_do_file(tmp_path / "a.do", tmp_path)
        assert file.data is not None
        assert file.data["tenths"].tolist() == [4, 4], lines


def test_texts_change_by_bytes_as_in_stata() -> None:
    """[FN] strtrim, strupper: blanks and letters of ASCII; [D] generate: str2 cuts."""
    df = frame().assign(name="\u3000é a\t ")
    out = run("gen t = strtrim(name)\ngen u = upper(name)\ngen str9 v = name", df)
    assert run("gen l = strlower(u)", out.assign(u="\u00c9 A"))["l"][0] == "\u00c9 a"
    assert out["t"][0] == "\u3000é a\t"
    assert out["u"][0] == "\u3000é A\t "
    assert out["v"][0] == "\u3000é a\t "
    with pytest.raises(AssertionError, match="longer than str"):
        run("gen str8 v = name", df)


def test_a_block_of_capture_ends_where_stata_stops(tmp_path: Path) -> None:
    """[P] capture: the rest of the block is not executed, its columns are absent."""
    frame().to_stata(tmp_path / "a.dta", write_index=False)
    (tmp_path / "a.do").write_text(
        "use a\ncapture {\ngen before = 1\n"
        "foreach v in x w {\ngen `v' = 5\n}\ngen after = 1\n}\n"
        "gen first = before\ngen second = after\n"
    )
    file = run_do_file(tmp_path / "a.do", tmp_path)
    assert file.data is not None
    assert "first" in file.data
    assert not {"after", "second"} & {*file.data}


def test_infinity_is_no_number() -> None:
    """[D] destring: columns with other texts stay as they are; force has missing."""
    df = frame().assign(t=["1", "inf", "-Infinity", "2", "", "."])
    out = run("destring t, gen(u) force\ndestring t, replace\ngen r = real(t)", df)
    assert out["u"].dropna().tolist() == out["r"].dropna().tolist() == [1, 2]
    assert "inf" in out["t"].tolist()


def test_a_scalar_that_is_a_text_is_no_number(tmp_path: Path) -> None:
    """It ended in a TypeError."""
    frame().to_stata(tmp_path / "a.dta", write_index=False)
    (tmp_path / "a.do").write_text('use a\nscalar s = "b"\ngen t = s\ngen k = 1\n')
    data = run_do_file(tmp_path / "a.do", tmp_path).data
    assert data is not None
    assert "k" in data
    assert "t" not in data
