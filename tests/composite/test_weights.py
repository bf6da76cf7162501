from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from digiprosper import (
    CompositeIndex,
    Indicator,
    IndicatorError,
    IndicatorSystem,
    IndicatorWarning,
    InputTypeError,
    MissingDataError,
    OptionError,
    Panel,
    critic_weights,
    cv_weights,
    entropy_weights,
    equal_weights,
    pca_weights,
    std_weights,
)
from digiprosper.composite.kernels.structure import NO_WEIGHTS, UNSIGNED_WEIGHTS
from digiprosper.composite.weights import WEIGHTINGS

PAGE = Path(__file__).parents[2] / "docs" / "explanations" / "composite_index.md"
REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference" / "entropy.json").read_text(
        encoding="utf-8"
    )
)


def min_max(case):
    x = np.array(case["data"], dtype=float)
    z = (x - x.min(axis=0)) / (x.max(axis=0) - x.min(axis=0))
    return np.where(np.array(case["directions"]) == "+", z, 1 - z)


def textbook(z):
    p = z / z.sum(axis=0)
    redundancy = 1 + np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(
        axis=0
    ) / np.log(len(z))
    return redundancy / redundancy.sum()


@pytest.mark.parametrize("name", ["G1", "G2", "closed_form"])
def test_outside_numbers(name):
    case = REFERENCE[name]
    np.testing.assert_allclose(
        entropy_weights(min_max(case)), case["weights"], atol=case["tolerance"], rtol=0
    )


@pytest.mark.parametrize(
    "function", [critic_weights, cv_weights, std_weights, pca_weights]
)
def test_outside_numbers_of_the_relatives(function):
    case = REFERENCE["relatives"]
    weights = function(min_max(REFERENCE["G1"]))
    np.testing.assert_allclose(
        weights, case[function.__name__], atol=case["tolerance"], rtol=0
    )


def test_closed_form():
    c = np.log(2) / np.log(3)
    exact = np.array([2 * c, 3 - 3 * c, 3]) / (6 - c)
    np.testing.assert_allclose(
        entropy_weights(min_max(REFERENCE["closed_form"])), exact, atol=1e-14
    )


def test_shift_outside_numbers_and_warning():
    case = REFERENCE["G1"]
    with pytest.warns(IndicatorWarning, match=r"shift=0.01 changes the weights"):
        weights = entropy_weights(min_max(case), shift=0.01)
    np.testing.assert_allclose(
        weights, case["weights_shift_01"], atol=case["tolerance"], rtol=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        entropy_weights(min_max(case), shift=1e-4)


def test_weights_are_theil_shares():
    z = np.random.default_rng(4).gamma(1.5, size=(90, 6))
    u = z / z.mean(axis=0)
    theil = (u * np.log(u)).mean(axis=0)
    np.testing.assert_allclose(entropy_weights(z), theil / theil.sum(), rtol=1e-11)


matrices = st.tuples(st.integers(0, 2**32 - 1), st.integers(3, 60), st.integers(2, 6))


def draw(seed, rows, width):
    rng = np.random.default_rng(seed)
    z = rng.gamma(rng.uniform(0.3, 3), size=(rows, width)) * (
        rng.random((rows, width)) > 0.1
    )
    z[0] += 1.0
    z[1] = 0.0
    return z


def quiet(z, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IndicatorWarning)
        return entropy_weights(z, **options)


@given(matrices)
@settings(max_examples=100, deadline=None)
def test_properties(shape):
    z = draw(*shape)
    w = quiet(z)
    assert abs(w.sum() - 1) < 1e-14
    assert (w >= 0).all()
    np.testing.assert_allclose(w, textbook(z), rtol=1e-8, atol=1e-12)
    # a share does not know the unit
    np.testing.assert_allclose(quiet(z * 7.5), w, rtol=1e-10)
    # Every row twice
    np.testing.assert_allclose(quiet(np.repeat(z, 2, axis=0)), w, rtol=1e-10)
    np.testing.assert_allclose(quiet(z[::-1]), w, rtol=1e-10)  # order of rows
    twice = quiet(np.column_stack([z, z[:, 0]]))
    assert twice[0] == pytest.approx(twice[-1], rel=1e-12)  # duplicate columns alike


RELATIVES = [critic_weights, cv_weights, std_weights, pca_weights]


@pytest.mark.many(2)
@pytest.mark.parametrize("function", RELATIVES)
@given(matrices)
@settings(max_examples=30, deadline=None)
def test_properties_of_the_relatives(function, shape):
    seed, rows, width = shape
    rng = np.random.default_rng(seed)
    # a common part, or the loadings of two columns may cancel
    z = rng.random((rows + 5, width)) + 10 * rng.random((rows + 5, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IndicatorWarning)
        w = function(z)
        assert abs(w.sum() - 1) < 1e-12
        np.testing.assert_allclose(function(np.repeat(z, 2, axis=0)), w, rtol=1e-9)
        np.testing.assert_allclose(function(z[::-1]), w, rtol=1e-9)
        np.testing.assert_allclose(function(z * 7.5), w, rtol=1e-9)
        twice = function(np.column_stack([z, z[:, 0]]))
        assert twice[0] == pytest.approx(twice[-1], rel=1e-9)


@pytest.mark.parametrize("function", RELATIVES)
def test_relatives_leave_constant_columns_out_by_name(function):
    rng = np.random.default_rng(5)
    z = rng.random((20, 3)) + rng.random((20, 1))
    frame = pd.DataFrame(z, columns=["a", "b", "c"]).assign(flat=0.4)
    with pytest.warns(IndicatorWarning, match="'flat' is constant") as caught:
        weights = function(frame)
    assert len(caught) == 1
    assert weights[3] == 0.0
    np.testing.assert_allclose(weights[:3], function(z), rtol=1e-12)


@pytest.mark.parametrize("function", RELATIVES)
@pytest.mark.parametrize(
    ("z", "error", "words"),
    [
        (np.full((4, 2), 3.0), IndicatorError, ["constant", "4 rows"]),
        (
            pd.DataFrame({"a": [1.0, np.nan, 2], "b": [np.inf, 1, 2]}),
            MissingDataError,
            ["'a'", "'b'"],
        ),
        (np.arange(3.0), InputTypeError, ["_weights takes rows x indicators"]),
        ([["a", "b"]], InputTypeError, ["table of numbers"]),
    ],
)
def test_what_is_wrong_is_said_by_the_relatives(function, z, error, words):
    with pytest.raises(error) as caught:
        function(z)
    assert all(w in str(caught.value) for w in words), str(caught.value)


def test_only_variation_minds_negative_values():
    z = np.random.default_rng(6).normal(size=(30, 3)) + np.random.default_rng(7).normal(
        size=(30, 1)
    )
    with pytest.raises(IndicatorError, match="'column 0' is negative"):
        cv_weights(z)
    for function in (critic_weights, std_weights, pca_weights):
        assert function(z).sum() == pytest.approx(1.0)


def test_directions_come_first_in_critic():
    z = np.random.default_rng(8).random((30, 3))
    assert not np.allclose(
        critic_weights(z), critic_weights(np.column_stack([z[:, :2], 1 - z[:, 2]]))
    )


def test_equal_weights():
    assert equal_weights(5).tolist() == [0.2] * 5
    for odd in (0, 2.5, True, "3", [1, 2]):
        with pytest.raises(InputTypeError, match="number of indicators"):
            equal_weights(odd)


def test_constant_column_has_no_weight_and_is_named_once():
    z = np.random.default_rng(5).random((20, 3))
    frame = pd.DataFrame(z, columns=["a", "b", "c"]).assign(flat=0.4, none=0.0)
    with pytest.warns(IndicatorWarning, match="'flat', 'none' are constant") as caught:
        weights = entropy_weights(frame)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert weights[3:].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(weights[:3], entropy_weights(z), rtol=1e-14)


def test_dominant_column_warns():
    z = np.random.default_rng(6).uniform(1, 2, size=(50, 5))
    z[:, 2] = 0.0
    z[0, 2] = 1.0
    with pytest.warns(
        IndicatorWarning,
        match=r"'column 2' \(0\.\d\d\) has a weight of more than three times",
    ):
        entropy_weights(z)


@pytest.mark.parametrize(
    ("z", "options", "error", "words"),
    [
        (
            np.full((4, 2), 3.0),
            {},
            IndicatorError,
            ["constant", "4 rows", "'column 0', 'column 1'"],
        ),
        (np.ones((1, 2)), {}, IndicatorError, ["constant"]),
        (
            pd.DataFrame({"a": [1.0, 2], "gap": [1.0, -2]}),
            {},
            IndicatorError,
            ["'gap'", "negative", "normalise"],
        ),
        (
            pd.DataFrame({"a": [1.0, 2], "b": [1, -2.0]}),
            {"shift": 5},
            IndicatorError,
            ["'b'", "negative"],
        ),
        (
            pd.DataFrame({"a": [1.0, np.nan, 2], "b": [np.inf, 1, 2]}),
            {},
            MissingDataError,
            ["'a'", "first: 1", "'b'"],
        ),
        (np.arange(3.0), {}, InputTypeError, ["rows x indicators", "(3,)"]),
        (np.empty((0, 3)), {}, InputTypeError, ["(0, 3)"]),
        ([["a", "b"]], {}, InputTypeError, ["table of numbers"]),
        (np.eye(3), {"shift": -1}, OptionError, ["shift=-1", ">= 0"]),
        (np.eye(3), {"shift": "no"}, OptionError, ["shift='no'"]),
        (np.eye(3), {"shift": np.nan}, OptionError, ["shift=nan"]),
        (np.eye(3), {"shift": True}, OptionError, ["shift=True"]),
    ],
)
def test_what_is_wrong_is_said(z, options, error, words):
    with pytest.raises(error) as caught:
        entropy_weights(z, **options)
    assert all(w in str(caught.value) for w in words), str(caught.value)
    assert error in (InputTypeError,) or caught.value.problems


def test_counts_and_first_rows_are_data():
    z = np.random.default_rng(7).random((30, 2))
    z[3:17, 1] = np.nan
    with pytest.raises(MissingDataError, match="in 14 rows") as caught:
        entropy_weights(z)
    assert caught.value.problems[0].data == {
        "column": "column 1",
        "count": 14,
        "rows": (3, 4, 5, 6, 7),
    }


@pytest.mark.parametrize(
    "function", [entropy_weights, critic_weights, cv_weights, std_weights, pca_weights]
)
@pytest.mark.parametrize("size", [1e121, 1e160, 1e300, 1.7e308])
def test_values_whose_squares_overflow_are_refused(function, size):
    z = np.random.default_rng(1).random((30, 2)) * [size, 1.0]
    with pytest.raises(IndicatorError, match="Use another unit") as caught:
        function(z)
    assert [p.code for p in caught.value.problems] == ["extreme"]


@pytest.mark.parametrize("function", [entropy_weights, critic_weights])
def test_complex_numbers_and_boundless_integers_are_no_table(function):
    for bad in (
        np.array([[1j, 2], [3, 4]]),
        [[10**400, 2], [3, 4]],
        pd.DataFrame({"a": [1j, 2], "b": [1, 2]}),
    ):
        with pytest.raises(InputTypeError, match="table of numbers"):
            function(bad)


def test_columns_to_weigh_reach_1e120_and_numbers_of_indicators_a_million():
    z = np.random.default_rng(2).uniform(0.5, 1, size=(9, 2))
    z /= z.max(axis=0)
    for function in (critic_weights, cv_weights, std_weights, pca_weights):
        for size in (0.95e120, 1 / 0.95e120):
            np.testing.assert_allclose(function(z * size), function(z), rtol=1e-9)
        for size in (1.05e120, 1 / 1.05e120):
            with pytest.raises(IndicatorError) as caught:
                function(z * size)
            assert {p.code for p in caught.value.problems} == {"extreme"}
    assert equal_weights(1_000_000).size == 1_000_000
    for m in (0, 1_000_001):
        with pytest.raises(InputTypeError):
            equal_weights(m)


# --- every word is complete -----------------------------------------------------------


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_a_word_is_described_and_has_its_message(weighting: str) -> None:
    assert weighting in NO_WEIGHTS, (
        f"write in NO_WEIGHTS what is wrong where all weights by {weighting!r} are zero"
    )
    assert f'"{weighting}"' in str(CompositeIndex.__doc__), (
        f"describe {weighting!r} in composite/specification.py"
    )
    assert f'| `"{weighting}"`' in PAGE.read_text(encoding="utf-8"), (
        f"describe {weighting!r} in {PAGE.name}"
    )


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_weights_of_negative_values_are_refused_or_do_not_depend_on_the_origin(
    weighting: str,
) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(40, 1)) + rng.normal(size=(40, 3)) * [0.8, 1.0, 1.2]
    frame = pd.DataFrame(values, columns=list("abc")).assign(
        id=np.repeat(range(8), 5), year=[*range(5)] * 8
    )
    spec = CompositeIndex(
        IndicatorSystem([Indicator(c, "+") for c in "abc"]),
        normalise="none",
        weighting=weighting,
    )

    def weights(moved: float) -> pd.Series:
        shifted = frame.assign(**{c: frame[c] + moved for c in "abc"})
        return spec.fit(Panel(shifted, "id", "year")).weights["weight"]

    if weighting in UNSIGNED_WEIGHTS:
        with pytest.raises(IndicatorError):
            weights(0.0)
    else:
        np.testing.assert_allclose(weights(0.0), weights(50.0), rtol=1e-9)
