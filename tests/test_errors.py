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
)

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


def test_sentences_of_one_kind_are_joined_and_three_points_stay() -> None:
    said = ("2 rows are dropped.", "3 more: x, y, ... in z.")
    with pytest.warns(errors.MissingDataWarning) as caught:
        issue([Notice("missing_rows", said[0]), Notice("left_out", said[1])])
    assert [str(w.message) for w in caught] == [
        "2 rows are dropped. 3 more: x, y, ... in z."
    ]


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


def test_listed_shows_the_first_few_and_a_count() -> None:
    assert errors.listed(["a", "b"], 2) == "a, b"
    assert errors.listed("abcdefg") == "a, b, c, d, e and 2 more"
    assert errors.listed([1.5, 2.5], 1, "{:.0f}".format) == "2 and 1 more"


def test_quoted_shows_the_first_few_and_a_count() -> None:
    assert errors.quoted("ab") == "'a', 'b'"
    assert errors.quoted(range(8)) == "'0', '1', '2', '3', '4' and 3 more"


FIT = dp.FixedEffects("log(gsp)", ["unemp"]).fit(dp.datasets.us_states())
TEST = FIT.wald_test("unemp = 0")


@pytest.mark.many(27)
@pytest.mark.parametrize(
    ("owner", "name", "advice"),
    [
        (dp, "feols", r"write dp.FixedEffects\("),
        (dp, "PanelOLS", r"write dp.FixedEffects\("),
        (dp, "DiD", r"write dp.StaggeredDid\("),
        (dp, "did2s", "estimator='imputation'"),
        (dp, "SunAbraham", "estimator='sun_abraham'"),
        (dp, "Panel_FE_Lag", "model='sar'"),
        (dp, "ML_ErrorFE", "model='sem'"),
        (dp, "FixedEffect", "did you mean 'FixedEffects'"),
        (FIT, "bse", r"write std_errors\['x'\]"),
        (FIT, "coef", r"write params\['x'\]"),
        (FIT, "pvalue", "did you mean 'pvalues'"),
        (FIT, "r2", "write rsquared"),
        (FIT, "rsquared_inclusive", "write rsquared"),
        (FIT, "rsquared_overall", "write rsquared_within, or rsquared; .* not here"),
        (FIT, "aic", "no attribute 'aic'$"),
        (FIT, "f_pooled", r"write dp.poolability\(spec, panel\)"),
        (FIT, "wildboottest", r"write dp.wild_bootstrap\("),
        (FIT, "get_robustcov_results", r"write dp.FixedEffects\(.*cov_type='robust'"),
        (FIT, "to_latex", r"write dp.etable\(\[fit\]\).save\('table.tex'\)"),
        (TEST, "pvalue", "did you mean 'p_value'"),
        (TEST, "bse", "no attribute 'bse'$"),
        (dp.datasets.us_states(), "df", "write frame"),
        (dp.datasets.us_states(), "gsp", r"write panel\['gsp'\]"),
        (dp.datasets.us_states(), "drop", "write frame, a DataFrame"),
        (dp.datasets.us_states(), "shift", r"write lag\('x'\)"),
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


def test_one_line_of_printable_text() -> None:
    assert errors.one_line(" GDP\r\nper\thead\x00 \ud800\u2028") == "GDP per head"


def test_two_hundred_characters_are_quoted_whole_and_one_more_is_cut() -> None:
    assert errors.cited("x" * 198) == repr("x" * 198)
    assert errors.cited(np.str_("x")) == "'x'"
    assert errors.cited("x" * 199) == f"'{'x' * 199} (the first 200 of 201 characters)"
    assert errors.cited(2**200 - 1) == str(2**200 - 1)
    assert errors.cited(2**200) == "an integer of 201 bits"
    assert errors.cited(pd.Series(range(2800))) == "a Series of 2,800 values"
    assert errors.cited(np.zeros((30, 4))) == "a ndarray of 30 x 4 values"
    assert errors.cited(np.zeros(2)) == "array([0., 0.])"
    assert errors.did_you_mean("x" * 200, ["x" * 199])
    assert not errors.did_you_mean("x" * 201, ["x" * 199])


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


def test_lists_agree_with_their_verbs() -> None:
    assert errors.subject(["a"], "is") == "'a' is"
    assert errors.subject(iter(["a", "b"]), "has") == "'a', 'b' have"
    assert errors.subject("abcdefg", "lies") == "'a', 'b', 'c', 'd', 'e' and 2 more lie"
