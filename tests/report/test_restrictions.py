"""Restrictions read from text, and the Wald test against the quadratic form."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from digiprosper import FixedEffects, LinearResults, Panel
from digiprosper.errors import InputTypeError, TermError
from digiprosper.report.restrictions import null_text, read_restrictions, sum_text

NAMES = (
    "a",
    "ab",
    "a:ab",
    "I(a**2)",
    "lag(a, 2)",
    "C(r)[T.east]",
    "K / L",
    "资本",
    "log(a)",
    "e",
)
AT = {n: i for i, n in enumerate(NAMES)}


@pytest.mark.parametrize(
    ("text", "rows", "values"),
    [
        ("a = ab", [{"a": 1, "ab": -1}], [0]),
        ("`a` = 2*`lag(a, 2)` + 1", [{"a": 1, "lag(a, 2)": -2}], [1]),
        ("a", [{"a": 1}], [0]),
        ("a = 0, ab = 1", [{"a": 1}, {"ab": 1}], [0, 1]),
        ("a + 2*ab = 1", [{"a": 1, "ab": 2}], [1]),
        ("2*(a + ab) = 1", [{"a": 2, "ab": 2}], [1]),
        ("a - ab = 1e-3", [{"a": 1, "ab": -1}], [0.001]),
        ("a:ab = a", [{"a:ab": 1, "a": -1}], [0]),
        ("I(a**2) = 0", [{"I(a**2)": 1}], [0]),
        ("I(a ** 2) = 0", [{"I(a**2)": 1}], [0]),
        ("lag(a,2) = lag(a, 2) + a", [{"a": -1}], [0]),
        ("C(r)[T.east] = 资本", [{"C(r)[T.east]": 1, "资本": -1}], [0]),
        ("K / L = 0.5, log(a) = 0", [{"K / L": 1}, {"log(a)": 1}], [0.5, 0]),
        ("e = 2", [{"e": 1}], [2]),
        ("a = -2", [{"a": 1}], [-2]),
        ("-a = +2", [{"a": -1}], [2]),
        ("a - -ab = -1e-3", [{"a": 1, "ab": 1}], [-0.001]),
        ("a * 2 - (ab - 1) / 4 = 3", [{"a": 2, "ab": -0.25}], [2.75]),
        ("a = ab = 0", [{"a": 1, "ab": -1}, {"ab": 1}], [0, 0]),
        ("2 * 3 * a = 10 / 4", [{"a": 6}], [2.5]),
    ],
)
def test_what_is_read(
    text: str, rows: list[dict[str, float]], values: list[float]
) -> None:
    expected = np.zeros((len(rows), len(NAMES)))
    for i, row in enumerate(rows):
        for name, weight in row.items():
            expected[i, AT[name]] = weight
    matrix, value = read_restrictions(text, NAMES)
    np.testing.assert_allclose(matrix, expected, atol=1e-14)
    np.testing.assert_allclose(value, values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("b = 0", "no coefficient named 'b'"),
        ("a = b + c", "'b', 'c'"),
        ("I(b**2) = 0", "named 'I(b**2)';"),
        ("a:b = 0", "no coefficient named 'a:b';"),
        ("C(g)[2]:a = 0, lag(a, 3)", "named 'C(g)[2]:a', 'lag(a, 3)';"),
        ("", "the restriction"),
        ("a = = b", "the restriction"),
        ("a ** ab = 1", "the restriction"),
        ("a > 0", "the restriction"),
        ("a = 0 = 0", "restricts no coefficient"),
        ("1 = 0", "restricts no coefficient"),
        ("a*ab = 0", "not linear"),
        ("1 / a = 0", "not linear"),
        ("a / 0 = 0", "not linear"),
        ("a = 1e999", "infinite"),
        ("a, , ab", "not one side"),
        ("a = True", "no coefficient"),
        ("9" * 100_000 + "*a = 0", "characters"),
        ("9" * 100 + "*a = 0", "digits"),
        ("-" * 900 + "a = 0", "nested levels"),
        ("+".join(["a"] * 500) + " = 0", "nested levels"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    start = time.process_time()
    with pytest.raises(TermError, match="the restriction") as caught:
        read_restrictions(text, NAMES)
    assert words in str(caught.value)
    assert time.process_time() - start < 1
    assert len(str(caught.value)) < 1200


def test_names_that_differ_in_blanks_alone_are_told_apart() -> None:
    names = ("K / L", "K/L", "b0", "b_1")
    matrix, _ = read_restrictions("K / L + 2*K/L = 3*b0 - b_1", names)
    np.testing.assert_array_equal(matrix, [[1, 2, -3, 1]])
    with pytest.raises(TermError, match="several coefficients"):
        read_restrictions("K  /  L = 0", names)
    np.testing.assert_array_equal(
        read_restrictions("K/L = 0", ("x", "K / L"))[0], [[0, 1]]
    )


@pytest.fixture(scope="module")
def fit() -> LinearResults:
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(400, 3)), columns=["y", "x", "z"])
    panel = Panel(
        data.assign(i=np.repeat(np.arange(50), 8), t=np.tile(np.arange(8), 50)),
        "i",
        "t",
    )
    return FixedEffects("y", ["x", "z", "x:z", "I(x**2)"]).fit(panel)


@pytest.mark.parametrize(
    ("text", "matrix", "value"),
    [
        ("x = z", [[1, -1, 0, 0]], [0]),
        ("x = 0.1, z = 0", [[1, 0, 0, 0], [0, 1, 0, 0]], [0.1, 0]),
        (
            "x + 2*x:z = 1, I(x**2) = z, z = 0.3",
            [[1, 0, 2, 0], [0, -1, 0, 1], [0, 1, 0, 0]],
            [1, 0, 0.3],
        ),
    ],
)
def test_wald_equals_the_quadratic_form(
    fit: LinearResults, text: str, matrix: Any, value: Any
) -> None:
    r, v = np.array(matrix, dtype=float), np.array(value, dtype=float)
    gap = r @ fit.params.to_numpy() - v
    f = gap @ np.linalg.inv(r @ fit.cov.to_numpy() @ r.T) @ gap / len(v)
    test = fit.wald_test(text)
    assert test.statistic == pytest.approx(f, rel=1e-10)
    assert test.df == (len(v), 49.0)
    stata = test.alternatives["stata"] if len(v) > 1 else test
    assert stata.p_value == pytest.approx(stats.f.sf(f, len(v), 49), rel=1e-10)
    assert (test.distribution, test.null) == ("F", text)


def test_a_list_and_a_chain_of_restrictions(fit: LinearResults) -> None:
    joint = fit.wald_test("x = 0, z = 0").statistic
    assert fit.wald_test(["x = 0", "z = 0"]).statistic == pytest.approx(joint)
    assert fit.wald_test("x = z = 0").statistic == pytest.approx(joint, rel=1e-9)
    for odd in (3, ["x = 0", 1], np.eye(2), None):
        with pytest.raises(InputTypeError, match="wald_test"):
            fit.wald_test(odd)  # type: ignore[arg-type]


def test_one_restriction_is_the_square_of_t(fit: LinearResults) -> None:
    test = fit.wald_test("x = 0")
    assert test.statistic == pytest.approx(fit.tstats["x"] ** 2)
    assert test.p_value == pytest.approx(fit.pvalues["x"])


@pytest.mark.parametrize(
    "text", ["x = 0, x = 0", "x = z, 2*x = 2*z", "x = x", "x = 0, z = 0, x = z"]
)
def test_restrictions_that_repeat_one_another(fit: LinearResults, text: str) -> None:
    with pytest.raises(TermError, match="repeat"):
        fit.wald_test(text)


@pytest.mark.parametrize(
    ("text", "null"),
    [
        ("a, a:ab", "a = 0, a:ab = 0"),
        ("a + 2*ab = 1, lag(a,2)", "a + 2*ab = 1, lag(a, 2) = 0"),
        ("a = ab = 0", "a = ab = 0"),
    ],
)
def test_the_null_names_what_each_part_equals(text: str, null: str) -> None:
    assert null_text(text, NAMES) == null


def test_a_weighted_sum_is_written_out() -> None:
    assert sum_text(np.array([1.0, 0.0, -2.5]), ["a", "b", "c"]) == "a - 2.5*c"


def test_a_wald_test_prints_the_whole_null() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(20), 5), "t": np.tile(np.arange(5), 20)}
    )
    frame = frame.assign(
        y=rng.normal(size=100), x=rng.normal(size=100), z=rng.normal(size=100)
    )
    results = FixedEffects("y", ["x", "x:z"]).fit(Panel(frame, "i", "t"))
    assert results.wald_test(["x", "x:z"]).null == "x = 0, x:z = 0"


def test_two_equals_signs_are_named() -> None:
    with pytest.raises(TermError, match=r"'=='.*one '='"):
        read_restrictions("a == 0", NAMES)


def test_restrictions_have_at_most_20_000_characters() -> None:
    longest = "a = 0" + " " * 19_995
    assert read_restrictions(longest, NAMES)[0].shape == (1, len(NAMES))
    with pytest.raises(TermError, match="20,000 characters"):
        read_restrictions(longest + " ", NAMES)
