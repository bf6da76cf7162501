"""Errors are also built-ins and keep problems; warnings point at the user's line."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import errors
from digiprosper.errors import (
    DigiprosperError,
    DigiprosperWarning,
    FewClustersWarning,
    HeldWarnings,
    Notice,
    hold_warnings,
    issue,
    issue_held_warnings,
    not_identified,
    option_error,
)
from digiprosper.kernels.resampling import seed_sequence

NATURAL = {
    "PanelIndexError": ValueError,
    "ColumnError": KeyError,
    "TermError": ValueError,
    "OptionError": ValueError,
    "InputTypeError": TypeError,
    "AlignmentError": ValueError,
    "MissingDataError": ValueError,
    "CollinearityError": ValueError,
    "IdentificationError": ValueError,
    "IndicatorError": ValueError,
    "ThresholdSearchError": ValueError,
    "StataError": ValueError,
    "PickleError": pickle.UnpicklingError,
    "ScanError": RuntimeError,
}


def families(root: type) -> set[str]:
    return {c.__name__ for c in root.__subclasses__()}


def test_the_table_lists_every_error() -> None:
    assert families(DigiprosperError) == set(NATURAL)


@pytest.mark.parametrize("name", NATURAL)
def test_error_is_the_natural_builtin_and_survives_pickling(name: str) -> None:
    kind = getattr(errors, name)
    problems = [
        Notice("code", "one", {"column": "gdp", "rows": ((1, 2),)}),
        Notice("code", "two"),
    ]
    error = kind("what, where, what to do", problems)
    assert isinstance(error, NATURAL[name])
    for other in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(other) is kind
        assert str(other) == "what, where, what to do"
        assert other.problems == tuple(problems)


def test_key_errors_print_without_quotation_marks() -> None:
    assert str(errors.ColumnError("no column 'a'")) == "no column 'a'"


def test_problems_are_never_empty() -> None:
    error = errors.PanelIndexError("the table has no rows.")
    assert error.problems == (Notice("panel_index", "the table has no rows."),)


def test_every_warning_is_a_user_warning_and_public() -> None:
    for name in families(DigiprosperWarning):
        assert issubclass(getattr(errors, name), UserWarning)
        assert name in dp.__all__


def test_issue_points_at_the_caller_outside_the_package() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        errors.issue(
            [
                Notice("singletons", "two rows"),
                Notice("few_clusters", "31"),
                Notice("imputed", "12%"),
            ]
        )
    assert [(w.category.__name__, str(w.message)) for w in caught] == [
        ("SingletonWarning", "two rows"),
        ("MissingDataWarning", "12%"),
    ]
    assert {w.filename for w in caught} == {__file__}


@pytest.mark.parametrize(("action", "count"), [("always", 3), ("once", 1)])
def test_the_filters_of_python_decide_about_repeats(action: Any, count: int) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(action)
        for _ in range(3):
            issue([Notice("singletons", f"two rows, as {action} says")])
    assert len(caught) == count


def test_warnings_of_one_kind_about_several_models_are_one() -> None:
    held: HeldWarnings = []
    for label, clusters in (("a", 8), ("b", 9), ("c", 8)):
        with hold_warnings(label, held):
            issue([Notice("very_few_clusters", f"{clusters} clusters.")])
    with pytest.warns(FewClustersWarning) as caught:
        issue_held_warnings(held)
    (warning,) = caught
    assert str(warning.message) == (
        "in the models 'a', 'c': 8 clusters. The diagnostics of the "
        "model 'b' have the same warning with other numbers."
    )


def test_conditions_of_several_models_are_each_told() -> None:
    panel = dp.datasets.us_states()
    spec = dp.FixedEffects("log(gsp)", ["unemp"])
    specs = {
        "a": spec.replace(where="state != 'Texas'"),
        "b": spec.replace(where="state not in ['AL', 'Ohio']"),
    }
    with pytest.warns(dp.DigiprosperWarning) as caught:
        dp.fit_all(specs, panel)
    first, second = sorted(str(w.message) for w in caught)
    assert first.startswith("in the model 'a': where")
    assert "'Texas'" in first
    assert second.startswith("in the model 'b': where")
    assert "'Ohio'" in second


def test_quoted_shows_the_first_few_and_a_count() -> None:
    assert errors.quoted("ab") == "'a', 'b'"
    assert errors.quoted(range(8)) == "'0', '1', '2', '3', '4' and 3 more"


@pytest.mark.parametrize("value", ["clusterd", None, True, 1])
def test_unknown_option_lists_the_words(value: object) -> None:
    with pytest.raises(
        errors.OptionError, match=r"cov_type=.*'clustered', 'robust'"
    ) as caught:
        errors.check_option("cov_type", value, ("clustered", "robust"))
    assert caught.value.problems[0].data["allowed"] == ("clustered", "robust")


def test_unknown_option_suggests_the_nearest() -> None:
    with pytest.raises(errors.OptionError, match="did you mean 'clustered'"):
        errors.check_option("cov_type", "clusterd", ("clustered", "robust"))


def test_an_option_that_is_on_or_off_says_so() -> None:
    with pytest.raises(errors.OptionError, match=r"^show=1 must be True or False\.$"):
        errors.check_option("show", 1, (True, False))
    with pytest.raises(errors.OptionError, match="must be None, True or False"):
        errors.check_option("show", "yes", (None, True, False))
    with pytest.raises(errors.OptionError, match="use one of 1, 2"):
        errors.check_option("steps", 3, (1, 2))


def test_a_word_of_another_package_says_ours() -> None:
    with pytest.raises(errors.OptionError, match="write robust"):
        errors.check_option("cov_type", "HC1", ("clustered", "robust"))
    with pytest.raises(errors.OptionError, match=r"'clustered'\.$"):
        errors.check_option("cov_type", "HC1", ("clustered",))


@pytest.mark.parametrize("level", [0.05, 0.1, np.float64(0.01)])
def test_the_level_of_a_test_is_not_that_of_an_interval(level: float) -> None:
    with pytest.raises(errors.OptionError, match=rf"level={1 - level}\.$"):
        errors.check_level(level)


FIT = dp.FixedEffects("log(gsp)", ["unemp"]).fit(dp.datasets.us_states())
TEST = FIT.wald_test("unemp = 0")


@pytest.mark.many(14)
@pytest.mark.parametrize(
    ("owner", "name", "advice"),
    [
        (dp, "feols", r"write dp.FixedEffects\("),
        (dp, "PanelOLS", r"write dp.FixedEffects\("),
        (dp, "DiD", r"write dp.StaggeredDid\("),
        (dp, "FixedEffect", "did you mean 'FixedEffects'"),
        (FIT, "bse", r"write std_errors\['x'\]"),
        (FIT, "coef", r"write params\['x'\]"),
        (FIT, "pvalue", "did you mean 'pvalues'"),
        (FIT, "r2", "write rsquared"),
        (FIT, "to_latex", r"write dp.etable\(\[fit\]\).save"),
        (TEST, "pvalue", "did you mean 'p_value'"),
        (TEST, "bse", "no attribute 'bse'$"),
        (dp.datasets.us_states(), "df", "write frame"),
        (dp.etable([FIT]), "to_word", r"write save\('table.docx'\)"),
        (FIT, "_repr_png_", "'LinearResults' object has no attribute '_repr_png_'$"),
    ],
)
def test_a_name_of_another_package_says_what_to_write(
    owner: object, name: str, advice: str
) -> None:
    with pytest.raises(AttributeError, match=advice) as caught:
        getattr(owner, name)
    assert caught.value.name == name
    assert not hasattr(owner, name)


def test_advice_is_only_looked_for_to_be_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(AttributeError) as caught:
        FIT.bse  # noqa: B018
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (AttributeError, str(caught.value))
    monkeypatch.setattr(errors, "suggestion", None)
    assert getattr(FIT, "no_such_name", None) is None


def test_results_are_copied_and_compared_with_protocols_as_before() -> None:
    for copied in (copy.copy(FIT), copy.deepcopy(FIT), pickle.loads(pickle.dumps(FIT))):
        assert copied.params.equals(FIT.params)
    assert isinstance(FIT, dp.Results)
    assert not isinstance(FIT, dp.HasDraws)
    assert not hasattr(object.__new__(dp.LinearResults), "estimated")


def test_true_is_not_one() -> None:
    with pytest.raises(errors.OptionError):
        errors.check_option(name="n", value=True, allowed=(1, 2))


@pytest.mark.parametrize("level", [0, 1, 95, "0.95", True, float("nan")])
def test_level_is_between_zero_and_one(level: object) -> None:
    with pytest.raises(errors.OptionError, match="level="):
        errors.check_level(level)


@pytest.mark.parametrize(
    ("word", "column"), [("GTI", "gti"), ("Id", "ID"), ("er", "ER")]
)
def test_a_name_in_other_capitals_is_suggested(word: str, column: str) -> None:
    known = ["error", "gti", "ID", "ER"]
    assert f"did you mean '{column}'" in str(errors.unknown_columns([word], known, "x"))


def test_a_label_names_its_column() -> None:
    labels = {"er": "Regulation", "hc": "er"}
    error = errors.unknown_columns(["Regulation", "hcc"], ["er", "hc"], "x", labels)
    assert "'Regulation' (the label of the column 'er')" in str(error)
    assert "'hcc' (did you mean 'hc'?)" in str(error)


def test_unknown_columns_are_all_named_at_once() -> None:
    error = errors.unknown_columns(["gpd", "zzz", "gpd"], ["gdp", "digital"], "x")
    assert "'gpd' (did you mean 'gdp'?)" in str(error)
    assert "'zzz'" in str(error)
    assert [p.data["column"] for p in error.problems] == ["gpd", "zzz"]


def test_numpy_scalars_are_read_as_what_they_print() -> None:
    assert errors.plain(np.float32(0.95)) == 0.95
    assert errors.plain(np.bool_(True)) is True
    assert type(errors.plain(np.str_("robust"))) is str
    assert errors.plain(np.array(3)) == 3
    array = np.arange(3)
    assert errors.plain(array) is array
    assert errors.check_level(np.float32(0.95)) == 0.95
    errors.check_option("ssc", np.str_("none"), ("none", None, True))
    errors.check_option("flag", np.bool_(True), (True, False))
    for odd in (np.bool_(True), np.float64("nan"), np.int64(1), ".95", np.array([0.9])):
        with pytest.raises(errors.OptionError):
            errors.check_level(odd)


def test_a_message_quotes_at_most_two_hundred_characters() -> None:
    assert errors.cited("gdp") == "'gdp'"
    assert len(errors.cited("x" * 10_000)) < 260
    assert len(errors.cited(10**5000)) < 100
    assert len(errors.quoted(["x" * 10_000] * 3)) < 800
    long = [f"{'x' * 5000}{i}" for i in range(500)]
    assert len(str(errors.unknown_columns(long, ["a" * 9000], "x"))) < 4000
    with pytest.raises(errors.OptionError) as caught:
        errors.check_option("ssc", "x" * 10_000, ("none",))
    assert len(str(caught.value)) < 400


def test_one_line_of_printable_text() -> None:
    assert errors.one_line(" GDP\r\nper\thead\x00 \ud800\u2028") == "GDP per head"


def test_two_hundred_characters_are_quoted_whole_and_one_more_is_cut() -> None:
    assert errors.cited("x" * 198) == repr("x" * 198)
    assert errors.cited("x" * 199) == f"'{'x' * 199} (the first 200 of 201 characters)"
    assert errors.cited(2**200 - 1) == str(2**200 - 1)
    assert errors.cited(2**200) == "an integer of 201 bits"
    assert errors.cited(pd.Series(range(2800))) == "a Series of 2,800 values"
    assert errors.cited(np.zeros((30, 4))) == "a ndarray of 30 x 4 values"
    assert errors.cited(np.zeros(2)) == "array([0., 0.])"
    assert errors.did_you_mean("x" * 200, ["x" * 199])
    assert not errors.did_you_mean("x" * 201, ["x" * 199])


def test_five_words_and_five_problems_are_named_and_the_others_counted() -> None:
    words = list("abcdef")
    assert errors.quoted(words[:5]) == "'a', 'b', 'c', 'd', 'e'"
    assert errors.quoted(words) == "'a', 'b', 'c', 'd', 'e' and 1 more"
    problems = [errors.Notice("column", word, {}) for word in words]
    assert errors.several(problems[:5]) == "a; b; c; d; e"
    assert errors.several(problems) == "a; b; c; d; e; and 1 more like these"


def test_twelve_unknown_columns_are_named_and_the_others_counted() -> None:
    names = [f"{word}{word}" for word in "abcdefghijklm"]
    assert "'ll'" in str(errors.unknown_columns(names[:12], ["y"], "x"))
    assert "more" not in str(errors.unknown_columns(names[:12], ["y"], "x"))
    thirteen = str(errors.unknown_columns(names, ["y"], "x"))
    assert "'ll'; and 1 more." in thirteen
    assert "'mm'" not in thirteen


def test_levels_lie_between_zero_and_one() -> None:
    for level in (np.nextafter(0, 1), np.nextafter(1, 0)):
        assert errors.check_level(float(level)) == level
    for level in (0.0, 1.0):
        with pytest.raises(errors.OptionError, match=f"level={level}"):
            errors.check_level(level)


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
    assert errors.finite_numbers(values) == numbers


def test_an_integer_that_no_float_holds_is_no_real_number() -> None:
    assert errors.is_real(2**1022)
    assert not errors.is_real(2**1024)
    with pytest.raises(errors.OptionError, match=r"epsilon=an integer of 1,329 bits"):
        dp.atkinson([1.0, 2.0], 10**400)


def test_longer_numbers_of_numpy_are_read_too() -> None:
    assert errors.check_level(np.longdouble(0.95)) == pytest.approx(0.95)
    assert type(errors.plain(np.longdouble(2))) is float


def test_an_array_around_a_word_is_no_word() -> None:
    with pytest.raises(errors.OptionError, match="kind=array"):
        errors.check_option("kind", np.array("sobel"), ("sobel",))


class Nested:
    """What Python cannot print, at any depth that a version of it allows."""

    def __repr__(self) -> str:
        return repr([self])


def test_what_python_cannot_print_is_refused_all_the_same() -> None:
    nested = Nested()
    assert errors.cited(nested) == "a Nested nested too deep to print"
    with pytest.raises(errors.OptionError, match="level=a Nested nested too deep"):
        errors.check_level(nested)
    with pytest.raises(errors.InputTypeError, match="rng=a Nested nested too deep"):
        seed_sequence(nested)


@pytest.mark.many(3)
@pytest.mark.parametrize("value", [lambda: 1, (x for x in "a"), np])
def test_an_error_keeps_as_text_what_no_pickle_holds(value: object) -> None:
    with pytest.raises(errors.OptionError) as caught:
        dp.FixedEffects("y", ["x"], cov_type=value)  # type: ignore[arg-type]
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert again.problems[0].data["option"] == "cov_type"
    assert again.problems[0].data["value"] == errors.cited(value)
    assert caught.value.problems[0].data["value"] is value


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


def test_lists_agree_with_their_verbs() -> None:
    assert errors.subject(["a"], "is") == "'a' is"
    assert errors.subject(iter(["a", "b"]), "has") == "'a', 'b' have"
    assert errors.subject("abcdefg", "lies") == "'a', 'b', 'c', 'd', 'e' and 2 more lie"
