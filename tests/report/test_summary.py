"""One rendering for every result: text, HTML, a dict, the summary it gives back."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import Results
from digiprosper.errors import InputTypeError, Notice, OptionError
from digiprosper.report.inference import Inference
from digiprosper.report.summary import (
    Cells,
    Lines,
    PlainNumbers,
    Remarks,
    Summarised,
    Summary,
    SummaryText,
    coefficient_cells,
)

LONG = (
    "a sentence of the summary that goes on until it is wider than eighty "
    "columns of type"
)


def demo(**how: Any) -> Summary:
    given: dict[str, Any] = {
        "type": "Demo",
        "title": "Outcome: y",
        "blocks": (
            Lines(("Sample: 12 rows", "")),
            Cells.of(["", "estimate"], [["x", "1.5"], ["<b>z&</b>", "-2"]]),
            Lines((LONG,), wrapped=True),
            Remarks.of([Notice("few", LONG)]),
        ),
        "notices": (Notice("few", LONG), Notice("quiet", "not printed")),
        "conventions": "Standard errors of the demo",
        "settings": "rng 1",
    }
    return Summary(**{**given, **how})


def test_text() -> None:
    assert demo().to_text().splitlines() == [
        "Outcome: y",
        "Sample: 12 rows",
        "",
        "           estimate",
        "-------------------",
        "x               1.5",
        "<b>z&</b>        -2",
        "-------------------",
        (
            "a sentence of the summary that goes on until it is wider than "
            "eighty columns of"
        ),
        "  type",
        "Note: a sentence of the summary that goes on until it is wider than eighty",
        "  columns of type",
        "Standard errors of the demo.",
        "Settings: rng 1.",
    ]


def test_a_title_is_broken_only_when_it_says_so() -> None:
    assert demo(title=LONG).to_text().splitlines()[0] == LONG
    assert demo(title=LONG, wrapped_title=True).to_text().splitlines()[1] == "  type"


def test_without_conventions_nothing_ends_the_text() -> None:
    assert demo(conventions="", settings="").to_text().endswith("columns of type")


def test_a_table_may_have_a_layout_of_its_own() -> None:
    cells = replace(Cells.of(["a"], [["1"]]), printed="a\n1")
    assert demo(blocks=(cells,), conventions="").to_text() == "Outcome: y\na\n1"
    assert "<table" in cells.html


def test_html_escapes_every_text_and_has_what_the_text_has() -> None:
    page = demo().to_html()
    assert "<b>z" not in page
    assert "&lt;b&gt;z&amp;" in page
    assert page.count("<table") == 1
    for words in (
        "Outcome: y",
        "Sample: 12 rows",
        LONG,
        f"Note: {LONG}",
        "Settings: rng 1.",
    ):
        assert words in page
    assert "not printed" not in page
    assert (
        "<p></p>"
        not in demo(blocks=(Lines(("",)),), conventions="", settings="").to_html()
    )


@pytest.mark.further
def test_a_notebook_shows_the_text_as_a_table(every_result: dict[str, Any]) -> None:
    for kind, result in every_result.items():
        text = result.summary()
        assert isinstance(text, str), kind
        assert text._repr_html_() == result._repr_html_(), kind
        assert (
            str(text) == repr(result) == Summary.from_dict(result.to_dict()).to_text()
        ), kind
    assert "<table" in every_result["LinearResults"].summary()._repr_html_()


def test_a_pickled_text_is_plain_text() -> None:
    text = SummaryText(demo())
    other = pickle.loads(pickle.dumps(text))
    assert type(other) is str
    assert other == text


@pytest.mark.further
def test_every_dict_says_what_it_is_and_comes_back(
    every_result: dict[str, Any],
) -> None:
    for kind, result in every_result.items():
        stored = json.loads(json.dumps(result.to_dict(), allow_nan=False))
        assert (stored["type"], stored["schema"]) == (type(result).__name__, 1), kind
        assert stored["version"] == dp.__version__, kind
        again = Summary.from_dict(stored)
        assert again.to_dict() == stored, kind
        assert again.to_text() == repr(result), kind
        assert again.to_html() == result._repr_html_(), kind


@pytest.mark.parametrize(
    "kind", ["LinearResults", "MediationResults", "PropagatedResults", "EffectResults"]
)
def test_a_stored_fit_answers_what_every_fit_does(
    every_result: dict[str, Any], kind: str
) -> None:
    fit = every_result[kind]
    again = Summary.from_dict(json.loads(json.dumps(fit.to_dict())))
    assert isinstance(again, Results)
    pd.testing.assert_series_equal(again.params, fit.params, check_index_type=False)
    np.testing.assert_allclose(again.cov, fit.cov, rtol=0, atol=0, equal_nan=True)
    assert again.cov.columns.tolist() == fit.params.index.tolist()
    pd.testing.assert_frame_equal(again.tidy(), fit.tidy(), check_dtype=False)
    assert again.nobs == fit.nobs
    assert again.glance() == fit.glance()
    assert not hasattr(again, "draws")


def test_a_stored_fit_is_a_column_of_a_table(every_result: dict[str, Any]) -> None:
    fit = every_result["LinearResults"]
    again = Summary.from_dict(fit.to_dict())
    assert again.inference == fit.inference
    assert str(dp.etable({"fit": again})) == str(dp.etable({"fit": fit}))


def test_a_summary_from_a_dict_prints_labels_in_terms() -> None:
    spec = dp.FixedEffects("log(gsp)", ["log(pc)", "I(unemp**2)", "log(pc):unemp"])
    fit = spec.fit(dp.datasets.us_states())
    again = Summary.from_dict(json.loads(json.dumps(fit.to_dict())))
    labels = {"unemp": "Jobless", "pc": "Capital", "gsp": "Product", "state": "State"}
    printed = str(dp.etable({"fit": again}, labels=labels))
    assert printed == str(dp.etable({"fit": fit}, labels=labels))
    for text in ("Jobless^2", "log(Capital) × Jobless", "log(Product)"):
        assert text in printed
    assert again.to_dict() == fit.to_dict()


def test_infinite_degrees_of_freedom_come_back() -> None:
    normal = Inference(cov_type="robust", df_t=math.inf)
    again = Summary.from_dict(demo(numbers=PlainNumbers(inference=normal)).to_dict())
    assert again.inference == normal


def test_a_result_without_terms_has_no_estimates(every_result: dict[str, Any]) -> None:
    again = Summary.from_dict(every_result["MarkovResult"].to_dict())
    assert again.params.empty
    assert again.cov.shape == (0, 0)
    with pytest.raises(OptionError, match="MarkovResult has no estimates"):
        again.glance()


class Named(Summarised):
    """A result that says which of its attributes the dict has."""

    _reported = "level steps curve"
    level = 0.95
    steps = pd.DataFrame({"p": [0.5, np.nan]}, index=pd.Index([1, 2], name="step"))
    curve = pd.DataFrame({"at": [0.0, 1.0]})
    conventions = "Errors of a kind"
    diagnostics = (Notice("code", "A remark."),)

    def _summary(self) -> Summary:
        return self._titled("Title", Lines(("a line",)))


def test_a_dict_has_the_attributes_that_a_result_names() -> None:
    stored = Named().to_dict()
    assert stored["type"] == "Named"
    assert stored["level"] == 0.95
    # An index has a column if it has a name.
    assert stored["steps"] == [{"step": 1, "p": 0.5}, {"step": 2, "p": None}]
    assert stored["curve"] == [{"at": 0.0}, {"at": 1.0}]
    assert [n["code"] for n in stored["diagnostics"]] == ["code"]
    assert Named().summary().splitlines() == ["Title", "a line", "Errors of a kind."]


def test_a_part_comes_back_by_itself(every_result: dict[str, Any]) -> None:
    actual = every_result["ThresholdResults"]
    slopes = Summary.from_dict(
        Summary.from_dict(actual.to_dict()).numbers.more["slopes"]
    )
    assert slopes.to_text() == actual.slopes.summary()


def test_only_the_level_that_was_stored_is_there() -> None:
    with pytest.raises(OptionError, match=r"intervals at \.95 only"):
        demo().tidy(0.9)


@pytest.mark.parametrize(
    "given", [None, "text", {}, {"type": "LinearResults", "schema": 1}]
)
def test_anything_else_is_refused(given: Any) -> None:
    with pytest.raises(InputTypeError, match="takes what to_dict of a result gave"):
        Summary.from_dict(given)


def test_a_later_schema_is_refused_with_the_version_that_reads_it() -> None:
    stored = {**demo().to_dict(), "schema": 2, "version": "3.0.0"}
    with pytest.raises(OptionError, match=r"with digiprosper 3\.0\.0, which wrote it"):
        Summary.from_dict(stored)


def test_coefficients_have_one_line_a_term() -> None:
    tidy = pd.DataFrame(
        {
            "term": ["x"],
            "estimate": [-0.00001],
            "std_error": [0.5],
            "statistic": [-0.001],
            "p_value": [0.0001],
            "conf_low": [np.nan],
            "conf_high": [np.nan],
        }
    )
    assert coefficient_cells(tidy).rows == (
        ("x", "-1e-05", "0.5", "0.00", "<0.001", "missing"),
    )


def test_what_has_no_estimates_answers_as_an_empty_set_of_them() -> None:
    fit = dp.FixedEffects("log(gsp)", ["unemp"]).fit(dp.datasets.us_states())
    again = Summary.from_dict(fit.wald_test("unemp = 0").to_dict())
    assert isinstance(again, dp.Results)
    assert (again.nobs, again.params.size, again.cov.shape) == (0, 0, (0, 0))


def test_a_column_that_was_restored_says_what_it_lacks() -> None:
    spec = dp.FixedEffectsIV("log(gsp)", ["log(emp)"], ["log(pcap)"], ["hwy"])
    fit = spec.fit(dp.datasets.us_states())
    again = Summary.from_dict(json.loads(json.dumps(fit.to_dict())))
    words = "IVResults read from a file, without the notes and rows of its method"
    assert words in " ".join(dp.etable(again).notes)
    assert words not in " ".join(dp.etable(fit).notes)


def test_a_table_of_a_stored_fit_is_that_of_the_fit_in_both_languages() -> None:
    fit = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"], where="year > 1972").fit(
        dp.datasets.us_states()
    )
    again = Summary.from_dict(json.loads(json.dumps(fit.to_dict())))
    for language in ("en", "zh"):
        style = dp.TableStyle(language=language)
        assert str(dp.etable(again, style=style)) == str(dp.etable(fit, style=style))


def test_names_of_terms_are_not_taken_for_estimates() -> None:
    spec = dp.FixedEffects("log(gsp)", ["unemp", "I(unemp**2)", "I(unemp**3)"])
    with pytest.warns(dp.DigiprosperWarning, match="few clusters"):
        fit = spec.fit(dp.datasets.us_states())
    test = dp.two_turns_test(fit, "unemp")
    stored = test.to_dict()
    again = Summary.from_dict(json.loads(json.dumps(stored)))
    assert again.to_dict() == stored
    with pytest.raises(OptionError, match="no estimates of its own"):
        dp.etable(again)
