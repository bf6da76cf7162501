"""Checks of options, and the problems of errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import checks, errors
from digiprosper.checks import not_identified, option_error
from digiprosper.kernels.resampling import seed_sequence


@pytest.mark.parametrize("value", ["clusterd", None, True, 1])
def test_unknown_option_lists_the_words(value: object) -> None:
    with pytest.raises(
        errors.OptionError, match=r"cov_type=.*'clustered', 'robust'"
    ) as caught:
        checks.check_option("cov_type", value, ("clustered", "robust"))
    assert caught.value.problems[0].data["allowed"] == ("clustered", "robust")


def test_unknown_option_suggests_the_nearest() -> None:
    with pytest.raises(errors.OptionError, match="did you mean 'clustered'"):
        checks.check_option("cov_type", "clusterd", ("clustered", "robust"))


def test_an_option_that_is_on_or_off_says_so() -> None:
    with pytest.raises(errors.OptionError, match=r"^show=1 must be True or False\.$"):
        checks.check_option("show", 1, (True, False))
    with pytest.raises(errors.OptionError, match="must be None, True or False"):
        checks.check_option("show", "yes", (None, True, False))
    with pytest.raises(errors.OptionError, match="use one of 1, 2"):
        checks.check_option("steps", 3, (1, 2))


def test_a_word_of_another_package_says_ours() -> None:
    with pytest.raises(errors.OptionError, match="write robust"):
        checks.check_option("cov_type", "HC1", ("clustered", "robust"))
    with pytest.raises(errors.OptionError, match=r"'clustered'\.$"):
        checks.check_option("cov_type", "HC1", ("clustered",))


@pytest.mark.parametrize("level", [0.05, 0.1, np.float64(0.01)])
def test_the_level_of_a_test_is_not_that_of_an_interval(level: float) -> None:
    with pytest.raises(errors.OptionError, match=rf"level={1 - level}\.$"):
        checks.check_level(level)


def test_true_is_not_one() -> None:
    with pytest.raises(errors.OptionError):
        checks.check_option(name="n", value=True, allowed=(1, 2))


@pytest.mark.parametrize("level", [0, 1, 95, "0.95", True, float("nan")])
def test_level_is_between_zero_and_one(level: object) -> None:
    with pytest.raises(errors.OptionError, match="level="):
        checks.check_level(level)


@pytest.mark.parametrize(
    ("word", "column"), [("GTI", "gti"), ("Id", "ID"), ("er", "ER")]
)
def test_a_name_in_other_capitals_is_suggested(word: str, column: str) -> None:
    known = ["error", "gti", "ID", "ER"]
    assert f"did you mean '{column}'" in str(checks.unknown_columns([word], known, "x"))


def test_a_label_names_its_column() -> None:
    labels = {"er": "Regulation", "hc": "er"}
    error = checks.unknown_columns(["Regulation", "hcc"], ["er", "hc"], "x", labels)
    assert "'Regulation' (the label of the column 'er')" in str(error)
    assert "'hcc' (did you mean 'hc'?)" in str(error)


def test_unknown_columns_are_all_named_at_once() -> None:
    error = checks.unknown_columns(["gpd", "zzz", "gpd"], ["gdp", "digital"], "x")
    assert "'gpd' (did you mean 'gdp'?)" in str(error)
    assert "'zzz'" in str(error)
    assert [p.data["column"] for p in error.problems] == ["gpd", "zzz"]


def test_numpy_scalars_are_read_as_what_they_print() -> None:
    assert checks.plain(np.float32(0.95)) == 0.95
    assert checks.plain(np.bool_(True)) is True
    assert type(checks.plain(np.str_("robust"))) is str
    assert checks.plain(np.array(3)) == 3
    array = np.arange(3)
    assert checks.plain(array) is array
    assert checks.check_level(np.float32(0.95)) == 0.95
    checks.check_option("ssc", np.str_("none"), ("none", None, True))
    checks.check_option("flag", np.bool_(True), (True, False))
    for odd in (np.bool_(True), np.float64("nan"), np.int64(1), ".95", np.array([0.9])):
        with pytest.raises(errors.OptionError):
            checks.check_level(odd)


def test_a_message_quotes_at_most_two_hundred_characters() -> None:
    assert errors.cited("gdp") == "'gdp'"
    assert len(errors.cited("x" * 10_000)) < 260
    assert len(errors.cited(10**5000)) < 100
    assert len(errors.quoted(["x" * 10_000] * 3)) < 800
    long = [f"{'x' * 5000}{i}" for i in range(500)]
    assert len(str(checks.unknown_columns(long, ["a" * 9000], "x"))) < 4000
    with pytest.raises(errors.OptionError) as caught:
        checks.check_option("ssc", "x" * 10_000, ("none",))
    assert len(str(caught.value)) < 400


def test_five_words_and_five_problems_are_named_and_the_others_counted() -> None:
    words = list("abcdef")
    assert errors.quoted(words[:5]) == "'a', 'b', 'c', 'd', 'e'"
    assert errors.quoted(words) == "'a', 'b', 'c', 'd', 'e' and 1 more"
    problems = [errors.Notice("column", word, {}) for word in words]
    assert checks.several(problems[:5]) == "a; b; c; d; e"
    assert checks.several(problems) == "a; b; c; d; e; and 1 more like these"


def test_twelve_unknown_columns_are_named_and_the_others_counted() -> None:
    names = [f"{word}{word}" for word in "abcdefghijklm"]
    assert "'ll'" in str(checks.unknown_columns(names[:12], ["y"], "x"))
    assert "more" not in str(checks.unknown_columns(names[:12], ["y"], "x"))
    thirteen = str(checks.unknown_columns(names, ["y"], "x"))
    assert "'ll'; and 1 more." in thirteen
    assert "'mm'" not in thirteen


def test_levels_lie_between_zero_and_one() -> None:
    for level in (np.nextafter(0, 1), np.nextafter(1, 0)):
        assert checks.check_level(float(level)) == level
    for level in (0.0, 1.0):
        with pytest.raises(errors.OptionError, match=f"level={level}"):
            checks.check_level(level)


@pytest.mark.many(18)
@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (2, [2.0]),
        (np.int8(2), [2.0]),
        (np.array(0.5), [0.5]),
        ([1, 2.5], [1.0, 2.5]),
        (pd.Series([1, 2]), [1.0, 2.0]),
        (range(2), [0.0, 1.0]),
        ("12", []),
        ([[1.0]], []),
        (None, []),
        ([True], []),
        ([1, np.nan], []),
        (np.inf, []),
        (10**400, []),
        (1e154, [1e154]),
        (-1e155, []),
        (np.array([1j]), []),
        (np.array(["2020"], dtype="datetime64[D]"), []),
        ({1: 2}, []),
    ],
)
def test_numbers_are_real_and_finite(values: object, numbers: list[float]) -> None:
    assert checks.finite_numbers(values) == numbers


def test_no_number_is_refused_where_numbers_are_needed() -> None:
    for values in ([], "0.1", [1, None], [-1.0]):
        with pytest.raises(errors.OptionError, match=r"draws=.* must be above 0"):
            checks.check_numbers("draws", values, "above 0", lambda x: x > 0)


def test_an_integer_that_no_float_holds_is_no_real_number() -> None:
    assert checks.is_real(2**1022)
    assert not checks.is_real(2**1024)
    with pytest.raises(errors.OptionError, match=r"epsilon=an integer of 1,329 bits"):
        dp.atkinson([1.0, 2.0], 10**400)


def test_longer_numbers_of_numpy_are_read_too() -> None:
    assert checks.check_level(np.longdouble(0.95)) == pytest.approx(0.95)
    assert type(checks.plain(np.longdouble(2))) is float


def test_an_array_around_a_word_is_no_word() -> None:
    with pytest.raises(errors.OptionError, match="kind=array"):
        checks.check_option("kind", np.array("sobel"), ("sobel",))


class Nested:
    """What Python cannot print, at any depth that a version of it allows."""

    def __repr__(self) -> str:
        return repr([self])


def test_what_python_cannot_print_is_refused_all_the_same() -> None:
    nested = Nested()
    assert errors.cited(nested) == "a Nested nested too deep to print"
    with pytest.raises(errors.OptionError, match="level=a Nested nested too deep"):
        checks.check_level(nested)
    with pytest.raises(errors.InputTypeError, match="rng=a Nested nested too deep"):
        seed_sequence(nested)


def test_errors_of_one_problem_have_its_data() -> None:
    error = not_identified("none_treated", "text", event="first")
    assert isinstance(error, dp.errors.IdentificationError)
    (problem,) = error.problems
    assert (problem.code, problem.message, problem.data) == (
        "none_treated",
        "text",
        {"event": "first"},
    )
    option = option_error("never", "a", "text", (None,))
    assert isinstance(option, dp.errors.OptionError)
    (problem,) = option.problems
    data = {"option": "never", "value": "a", "allowed": (None,)}
    assert (problem.code, problem.data) == ("option", data)
