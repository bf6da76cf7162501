from __future__ import annotations

import itertools
import json
import warnings
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from digiprosper import (
    IndicatorError,
    IndicatorWarning,
    InputTypeError,
    MissingDataError,
    OptionError,
    coupling_coordination,
)

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference" / "entropy.json").read_text(
        encoding="utf-8"
    )
)


def quiet(U, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IndicatorWarning)
        return coupling_coordination(U, **options)


def wang(u):
    n, top = len(u), max(u)
    gaps = sum(abs(a - b) for a, b in itertools.combinations(u, 2)) / (n * (n - 1) / 2)
    product = 1.0
    for v in u:
        product *= v / top
    return ((1 - gaps) * product ** (1 / (n - 1))) ** 0.5


def test_outside_number():
    case = REFERENCE["coupling"]
    actual = coupling_coordination(case["U"])
    for column in ("C", "T", "D"):
        np.testing.assert_allclose(
            actual[column], case[column], atol=case["tolerance"], rtol=0
        )
    assert actual["grade"].tolist() == [7]


@pytest.mark.further
@given(
    st.lists(
        st.lists(st.floats(0.001, 1), min_size=4, max_size=4), min_size=1, max_size=8
    ),
    st.integers(2, 4),
)
@settings(max_examples=80, deadline=None)
def test_both_methods_by_their_formulas(rows, n):
    u = np.array(rows)[:, :n]
    standard, modern = quiet(u), quiet(u, method="wang2021")
    np.testing.assert_allclose(
        standard["C"], n * u.prod(axis=1) ** (1 / n) / u.sum(axis=1), rtol=1e-9
    )
    np.testing.assert_allclose(modern["C"], [wang(r) for r in u], rtol=1e-9, atol=1e-12)
    for actual in (standard, modern):
        assert actual["C"].between(0, 1).all()
        np.testing.assert_allclose(actual["T"], u.mean(axis=1), rtol=1e-12)
        np.testing.assert_allclose(
            actual["D"], np.sqrt(actual["C"] * actual["T"]), rtol=1e-12
        )
        np.testing.assert_array_equal(
            actual["grade"], np.clip(np.ceil(actual["D"] * 10 + 1e-9), 1, 10)
        )
    # which system is called which does not matter
    np.testing.assert_allclose(quiet(u[:, ::-1])["C"], standard["C"], rtol=1e-12)
    np.testing.assert_allclose(
        quiet(u[:, ::-1], method="wang2021")["C"], modern["C"], rtol=1e-9, atol=1e-12
    )


def test_published_pairs_are_of_scores_between_zero_and_one():
    case = REFERENCE["wang2021"]
    standard, modified = np.array(case["standard"]), np.array(case["modified"])
    # 2 sqrt(r) / (1 + r) gives the ratio r of the smaller to the larger score, the
    # other formula their gap.
    ratio = ((1 - np.sqrt(1 - standard**2)) / standard) ** 2
    gap = 1 - modified**2 / ratio
    larger = gap / (1 - ratio)
    U = np.column_stack([larger, larger * ratio])
    assert (U > 0.04).all()
    assert (U < 0.6).all()
    np.testing.assert_allclose(quiet(U)["C"], standard, rtol=case["tolerance"])
    np.testing.assert_allclose(
        quiet(U, method="wang2021")["C"], modified, rtol=case["tolerance"]
    )


def test_equal_systems_are_fully_coupled_and_one_zero_uncouples():
    u = np.array([[0.3, 0.3, 0.3], [0.5, 0.5, 0.0]])
    for method in ("standard", "wang2021"):
        np.testing.assert_allclose(quiet(u, method=method)["C"], [1.0, 0.0], atol=1e-14)


def test_wang_spreads_where_the_standard_crowds():
    u = np.array([[0.5, 0.8]])
    assert quiet(u)["C"][0] > 0.97
    assert quiet(u, method="wang2021")["C"][0] < 0.67


def test_all_zero_has_no_coupling_and_no_coordination():
    actual = coupling_coordination([[0.0, 0.0], [1.0, 1.0]])
    assert np.isnan(actual["C"][0])
    assert actual["T"].tolist() == [0.0, 1.0]
    assert actual["D"].tolist() == [0.0, 1.0]
    assert actual["grade"].tolist() == [1, 10]


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_grade_begins_at_its_tenth(tenth):
    # two equal systems: D is their square root
    level = (tenth / 10) ** 2
    actual = quiet([[level, level], [level - 1e-6, level - 1e-6]])
    assert actual["grade"].tolist() == [tenth + 1, tenth]


def test_coefficients_enter_development_only():
    frame = pd.DataFrame(
        {"digital": [0.6, 0.2], "rural": [0.4, 0.8]}, index=["east", "west"]
    )
    plain = coupling_coordination(frame)
    for given_ in (
        {"rural": 0.25, "digital": 0.75},
        [0.75, 0.25],
        pd.Series({"digital": 0.75, "rural": 0.25}),
    ):
        actual = coupling_coordination(frame, coefficients=given_)
        pd.testing.assert_series_equal(actual["C"], plain["C"])
        np.testing.assert_allclose(actual["T"], [0.55, 0.35])
    assert actual.index.tolist() == ["east", "west"]


def test_many_small_systems_do_not_underflow():
    actual = quiet(np.full((1, 400), 1e-3))
    assert actual["C"][0] == pytest.approx(1.0)


def test_equally_bad_systems_are_remarked():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        coupling_coordination([[0.6, 0.4]])
        assert caught == []
        coupling_coordination([[0.1, 0.1], [0.5, 0.5], [0.0, 0.0]])
    (warning,) = caught
    assert issubclass(warning.category, IndicatorWarning)


def test_zeros_and_unlike_scales_are_remarked():
    rng = np.random.default_rng(3)
    u = rng.uniform(0.2, 1.0, (40, 3))
    table = pd.DataFrame(u * [1, 0.9, 0.15], columns=["a", "b", "c"])
    with pytest.warns(IndicatorWarning, match=r"'c' \(0\.0\d+\), 'a'") as caught:
        coupling_coordination(table)
    assert [w.message.code for w in caught] == ["unlike_scales"]
    ends = table["a"].agg(["min", "max"])
    table["a"] = (table["a"] - ends["min"]) / (ends["max"] - ends["min"])
    with pytest.warns(IndicatorWarning, match="D is 0 in 1 row because") as caught:
        degrees = coupling_coordination(table[["a", "b"]])
    assert [w.message.code for w in caught] == ["zero_system"]
    assert (degrees["D"] == 0).sum() == 1
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        coupling_coordination(u * [1, 0.9, 0.4])
        coupling_coordination(table[["b", "c"]].head(19))
    assert {w.message.code for w in caught} <= {"equally_bad"}


@pytest.mark.parametrize(
    ("U", "options", "error", "words"),
    [
        (
            [[0.5, 1.2], [0.5, -0.1]],
            {},
            IndicatorError,
            ["'column 1'", "outside [0, 1]", "2 rows", "first: 0, 1"],
        ),
        (
            pd.DataFrame({"x": [0.5, 50.0], "y": [0.5, 0.5]}, index=["p", "q"]),
            {},
            IndicatorError,
            ["'x'", "first: q", "end points"],
        ),
        (
            pd.DataFrame({"x": [0.5, np.nan], "y": [0.5, 0.5]}),
            {},
            MissingDataError,
            ["'x'", "missing"],
        ),
        ([[0.5], [0.4]], {}, InputTypeError, ["two or more systems"]),
        ([0.5, 0.4], {}, InputTypeError, ["rows x indicators"]),
        ([["a", "b"]], {}, InputTypeError, ["table of numbers"]),
        ([[0.5, 0.4]], {"method": "liu"}, OptionError, ["method='liu'", "'wang2021'"]),
        ([[0.5, 0.4]], {"coefficients": [0.5, 0.6]}, OptionError, ["sum one"]),
        ([[0.5, 0.4]], {"coefficients": [1.0]}, OptionError, ["coefficients"]),
        ([[0.5, 0.4]], {"coefficients": [1.5, -0.5]}, OptionError, [">= 0"]),
        ([[0.5, 0.4]], {"coefficients": ["a", "b"]}, OptionError, ["real numbers"]),
        (
            [[0.5, 0.4]],
            {"coefficients": {"x": 1}},
            OptionError,
            ["'column 0', 'column 1'"],
        ),
    ],
)
def test_what_is_wrong_is_said(U, options, error, words):
    with pytest.raises(error) as caught:
        coupling_coordination(U, **options)
    assert all(w in str(caught.value) for w in words), str(caught.value)


def test_complex_scores_and_coefficients_are_refused():
    with pytest.raises(InputTypeError, match="table of numbers"):
        coupling_coordination(np.array([[0.5, 0.5 + 1j], [0.3, 0.2]]))
    with pytest.raises(InputTypeError, match="table of numbers"):
        coupling_coordination(pd.DataFrame({"a": [0.5, 0.5 + 1j], "b": [0.1, 0.2]}))
    for coefficients in ([0.5, 0.5 + 0j], np.array([0.5, 0.5 + 0j]), [0.5, 10**400]):
        with pytest.raises(OptionError, match="coefficients"):
            coupling_coordination([[0.5, 0.4], [0.3, 0.2]], coefficients=coefficients)


@pytest.mark.parametrize(
    ("coupling", "development", "told"),
    [
        (0.905, 0.195, True),
        (0.895, 0.195, False),
        (0.905, 0.205, False),
        (1.0, 0.195, True),
    ],
)
def test_equally_bad_is_a_coupling_above_9_tenths_with_a_development_below_2(
    coupling, development, told
):
    # Of two scores around their mean T, C is the root of 1 - (difference / 2 T)^2.
    apart = development * np.sqrt(1 - coupling**2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        actual = coupling_coordination([[development - apart, development + apart]])
    assert actual.loc[0, ["C", "T"]].tolist() == pytest.approx([coupling, development])
    assert [w.category for w in caught] == [IndicatorWarning] * told


@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_grade_begins_at_its_tenth_whatever_the_last_digits(tenth):
    """D^4 is the product of two scores."""
    one = np.linspace((tenth / 10) ** 4, 1.0, 50)
    at, below = (
        quiet(np.column_stack([one, (share * tenth / 10) ** 4 / one]).clip(0, 1))
        for share in (1, 1 - 1e-9)
    )
    assert set(at["grade"]) == {tenth + 1}
    assert set(below["grade"]) == {tenth}


def test_coefficients_sum_to_one_up_to_rounding():
    tenths = [0.1] * 10
    # Added one by one they are not exactly one; `sum` compensates from Python 3.12 on.
    assert reduce(add, tenths) != 1
    assert len(coupling_coordination([[0.5] * 10], coefficients=tenths)) == 1
    assert (
        len(coupling_coordination([[0.5, 0.4]], coefficients=[0.5, 0.5 + 0.9e-9])) == 1
    )
    with pytest.raises(OptionError, match="sum one"):
        coupling_coordination([[0.5, 0.4]], coefficients=[0.5, 0.5 + 1.1e-9])


@pytest.mark.parametrize(
    ("method", "coupling", "coordination"),
    [
        ("standard", 0.9428090416, 0.6513555624),
        ("wang2021", 0.5916079783, 0.5159685942),
    ],
)
def test_numbers_of_the_formulas(method, coupling, coordination):
    actual = coupling_coordination([[0.3, 0.6]], method=method).iloc[0]
    assert (actual["C"], actual["T"], actual["D"]) == pytest.approx(
        (coupling, 0.45, coordination), abs=5.1e-11
    )
