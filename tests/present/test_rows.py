"""Rows of a regression table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    IdentificationError,
    InputTypeError,
    OptionError,
)
from digiprosper.present.columns import name_columns, read_columns
from digiprosper.present.notes import note_lines
from digiprosper.present.rows import (
    absorbed_effects,
    block_rows,
    depvar_rows,
    error_details,
    fold_terms,
    folded_rows,
    setting_rows,
    stat_rows,
    term_rows,
)
from digiprosper.present.style import Style, TableStyle
from digiprosper.present.tables import etable
from digiprosper.report.columns import Estimate
from digiprosper.report.inference import Inference
from digiprosper.report.terms import Term

STYLE = Style("se", (0.1, 0.05, 0.01), 3)


def estimate(*numbers):
    return Estimate(Term("digital"), *numbers)


def read(*models):
    return name_columns(read_columns(list(models), "etable"), None, STYLE, "etable")


@pytest.mark.parametrize(
    ("below", "companion"),
    [("se", "(0.040)"), ("t", "(3.085)"), ("p", "(0.002)"), ("ci", "[0.045, 0.202]")],
)
def test_what_stands_below(below, companion):
    cell = estimate(0.1234, 0.04, 3.085, 0.002, 0.045, 0.2018)
    style = Style(below, (0.1, 0.05, 0.01), 3)
    assert (style.estimate(cell), style.companion(cell)) == ("0.123***", companion)
    lost = estimate(1.0, *[np.nan] * 5)
    assert (style.estimate(lost), style.companion(lost)) == ("1.000", "")


@pytest.mark.parametrize(
    ("p", "marks"), [(0.0, "***"), (0.01, "**"), (0.05, "*"), (0.1, ""), (np.nan, "")]
)
def test_a_star_needs_a_p_value_under_its_level(p, marks):
    assert STYLE.estimate(estimate(1, 1, 1, p, 0, 0)) == "1.000" + marks
    assert Style("se", None, 1).estimate(estimate(1, 1, 1, p, 0, 0)) == "1.0"


def test_a_p_value_is_never_zero():
    assert STYLE.probability(0.0) == STYLE.probability(0.0009999) == "<0.001"
    assert STYLE.probability(0.001) == "0.001"
    assert Style("p", None, 0).probability(0.001) == "<0.01"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "Yes"),
        (np.array([False])[0], "No"),
        (None, ""),
        (pd.NA, ""),
        (np.nan, ""),
        (2011, "2011"),
        (np.int64(2011), "2011"),
        (0.12345, "0.123"),
        (np.float32(0.5), "0.500"),
        ("a\nb", "a b"),
        (np.inf, "∞"),
        (-np.inf, "-∞"),
    ],
)
def test_plain_cells_are_printed_as_given(value, text):
    assert STYLE.plain(value) == text


def test_a_column_of_p_values_is_known_by_its_name():
    assert STYLE.plain(0.00001, "p_value") == "<0.001"
    assert STYLE.plain(0.00001, "share") == "0.0000100"
    # Of `moran`, `local_moran` and `two_step`.
    for name in (
        *("p_normality", "p_randomisation", "p_permutation", "p_adjusted"),
        *("p_holm", "p_romano_wolf", "p_a", "p_b"),
    ):
        assert STYLE.plain(1e-20, name) == "<0.001"
    for name in ("p_gdp", "p_high"):
        assert STYLE.plain(0.00001, name) == "0.0000100"


@pytest.mark.parametrize(
    "name", ["p", "P value", "U test, p", "U test (p)", "Wald p-value"]
)
def test_a_row_of_p_values_is_known_by_its_name(one_way, name):
    assert setting_rows(read(one_way), {}, {name: [0.00001]}, STYLE)[-1] == (
        name,
        ["<0.001"],
    )
    for other in ("gdp", "P", name + " of x"):
        assert setting_rows(read(one_way), {}, {other: [0.5]}, Style("se", None, 1))[
            -1
        ][1] == ["0.5"]
    assert STYLE.plain(-0.5, "p") == "-0.500"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.000417, 3, "0.000417"),
        (-0.0004, 3, "-0.000400"),
        (-0.0000041234, 3, "-0.00000412"),
        (0.0000655, 3, "0.0000655"),
        (6.56e-14, 3, "0.000000000000066"),
        (-1e-16, 3, "0.000"),
        (5e-324, 3, "0.000"),
        (1e16, 1, "10,000,000,000,000,000.0"),
        (-0.04, 1, "-0.04"),
        (0.3, 0, "0.3"),
        (0.0005001, 3, "0.001"),
        (-0.0, 3, "0.000"),
        (0.0, 0, "0"),
    ],
)
def test_only_zero_reads_zero(value, digits, text):
    assert Style("se", None, digits).number(value) == text


def test_dependent_variables_are_named(one_way, make_fit):
    lonely = make_fit({}, info={"depvar": None})
    assert depvar_rows(
        read(one_way, lonely), replace(STYLE, labels={"gdp": "GDP"})
    ) == [("Dependent variable", ["GDP", ""])]
    assert depvar_rows(read(lonely), STYLE) == []


def test_estimates_and_companions_are_rows(one_way, two_way):
    frame = pd.DataFrame({"theirs": [0.5, 7.0]}, index=["digital", "other"])
    rows = term_rows(
        read(one_way, two_way, frame),
        ["digital", "edu", "other"],
        replace(STYLE, labels={"edu": "Education"}),
    )
    assert rows == [
        ("digital", ["0.123***", "0.103**", "0.500"]),
        ("", ["(0.040)", "(0.050)", ""]),
        ("Education", ["", "-0.040***", ""]),
        ("", ["", "(0.030)", ""]),
        ("other", ["", "", "7.000"]),
    ]


def test_a_failure_is_said_in_the_first_row(one_way):
    failed = IdentificationError("absorbed by the entity effects: 'distance'")
    assert term_rows(read(one_way, failed), ["digital"], STYLE)[0] == (
        "digital",
        ["0.123***", "not estimated"],
    )
    assert term_rows(read(failed), [], STYLE) == [("Estimates", ["not estimated"])]
    assert (
        "(1) not estimated: absorbed by the entity effects: 'distance'."
        in note_lines(read(failed), STYLE)
    )
    unknown = ColumnError(
        "x: no column named 'gpd', 'K / L'. The columns are 'gdp', 'digital'."
    )
    assert note_lines(read(unknown), STYLE) == [
        "(1) not estimated: x: no column named 'gpd', 'K / L'."
    ]


def test_thresholds_have_rows(one_way, two_way, make_threshold):
    columns = read(one_way, make_threshold(two_way), make_threshold(two_way, (0.7,)))
    assert block_rows(columns, replace(STYLE, labels={"urban": "Urban share"})) == [
        ("Threshold 1 (Urban share)", ["", "0.610", "0.700"]),
        ("", ["", "[0.430, 0.620]", "[0.430, 0.710]"]),
        ("F, 1 threshold against none", ["", "33.333", "33.333"]),
        ("", ["", "(<0.001)", "(<0.001)"]),
        ("Threshold 2 (Urban share)", ["", "0.530", ""]),
        ("", ["", "[0.430, 0.540]", ""]),
        ("F, 2 thresholds against one fewer", ["", "18.182", ""]),
        ("", ["", "(0.394)", ""]),
    ]
    assert block_rows(read(one_way), STYLE) == []
    assert note_lines(columns, STYLE)[-5:] == [
        "Standard errors treat the estimated threshold as known.",
        (
            "Below a threshold: its 95% confidence set (lower and upper end); LR "
            "(Hansen 1999)."
        ),
        (
            "Confidence sets with gaps: (2), (3) threshold 1 in 2 pieces; (2) "
            "threshold 2 in 2 pieces."
        ),
        "Below F of a test: its p-value, 2,999 draws, wild cluster bootstrap.",
        "Not significant at 5% by its test: (2) threshold 2.",
    ]


def test_a_given_threshold_says_so_and_has_neither_set_nor_test(
    two_way, make_threshold
):
    given, actual = make_threshold(two_way, given=True), make_threshold(two_way, (0.7,))
    said = (
        "A given threshold was fixed and not estimated: it has no confidence set "
        "and no test."
    )
    assert block_rows(read(given), replace(STYLE, labels={"urban": "Urban share"})) == [
        ("Threshold 1 (Urban share, given)", ["0.610"]),
        ("Threshold 2 (Urban share, given)", ["0.530"]),
    ]
    assert note_lines(read(given), STYLE)[2:] == [said]
    assert block_rows(read(given, actual), STYLE) == [
        ("Threshold 1 (urban)", ["0.610 (given)", "0.700"]),
        ("", ["", "[0.430, 0.710]"]),
        ("F, 1 threshold against none", ["", "33.333"]),
        ("", ["", "(<0.001)"]),
        ("Threshold 2 (urban, given)", ["0.530", ""]),
    ]
    assert note_lines(read(given, actual), STYLE)[-1] == said


def test_f_of_a_threshold_needs_a_p_value(two_way, make_threshold):
    columns = read(make_threshold(two_way, (0.7,), bootstrap=()))
    assert block_rows(columns, STYLE) == [
        ("Threshold 1 (urban)", ["0.700"]),
        ("", ["[0.430, 0.710]"]),
    ]
    assert note_lines(columns, STYLE)[2:] == [
        "Standard errors treat the estimated threshold as known.",
        (
            "Below a threshold: its 95% confidence set (lower and upper end); LR "
            "(Hansen 1999)."
        ),
        "Confidence sets with gaps: (1) threshold 1 in 2 pieces.",
    ]


def test_the_statistic_is_the_one_its_p_value_belongs_to(two_way, make_threshold):
    both = make_threshold(two_way, (0.7,), bootstrap=("wild_score", "wild_cluster"))
    score = replace(both, statistic_values=np.array([[11.52], [33.3]]))
    rows = block_rows(read(score, make_threshold(two_way, (0.6,))), STYLE)
    assert rows[2:] == [
        ("Score, 1 threshold against none", ["11.520", ""]),
        ("", ["(0.616)", ""]),
        ("F, 1 threshold against none", ["", "33.333"]),
        ("", ["", "(<0.001)"]),
    ]
    assert note_lines(read(score), STYLE)[-2] == (
        "Below score of a test: its p-value, 2,999 draws, wild cluster bootstrap "
        "of the score."
    )
    assert note_lines(read(score, make_threshold(two_way)), STYLE)[-2] == (
        "Below score or F of a test: its p-value, (1): 2,999 draws, wild cluster "
        "bootstrap of the score; (2): 2,999 draws, wild cluster bootstrap."
    )


def refused(results, kept):
    """The same search, of which only the first so many thresholds were kept."""
    return replace(
        results,
        estimates=results.estimates[:kept],
        profiles=results.profiles[:kept],
    )


def test_a_threshold_that_was_not_kept_is_told(two_way, make_threshold):
    none = refused(make_threshold(two_way, (0.7,)), 0)
    assert block_rows(read(none), STYLE) == []
    assert note_lines(read(none), replace(STYLE, labels={"urban": "Urban share"}))[
        2:
    ] == [
        (
            "(1) tested and not retained: threshold in Urban share, F = 33.333, p < "
            "0.001 (2,999 draws, wild cluster bootstrap); its slopes are those of the "
            "linear model."
        )
    ]
    score = refused(make_threshold(two_way, bootstrap=("wild_score",)), 1)
    assert note_lines(read(none, score), STYLE)[-1] == (
        "(2) tested and not retained: threshold 2 in urban, score = 18.182, p = 0.394 "
        "(2,999 draws, wild cluster bootstrap of the score)."
    )
    assert [name for name, _ in block_rows(read(score), STYLE)] == [
        "Threshold 1 (urban)",
        "",
        "Score, 1 threshold against none",
        "",
    ]


def test_what_cannot_be_tested_has_no_row(two_way, make_threshold):
    actual = make_threshold(two_way, (0.7,), bootstrap=("wild_score",))
    actual = replace(actual, statistic_values=np.array([[np.nan]]))
    assert [name for name, _ in block_rows(read(actual), STYLE)] == [
        "Threshold 1 (urban)",
        "",
    ]
    assert not [line for line in note_lines(read(actual), STYLE) if "test" in line]
    assert note_lines(read(refused(actual, 0)), STYLE)[-1] == (
        "(1) tested and not retained: threshold in urban, no p-value (2,999 draws, "
        "wild cluster bootstrap of the score); its slopes are those of the "
        "linear model."
    )


@pytest.fixture
def by_regime(make_fit, make_threshold):
    """Threshold results with the slopes of their regimes."""

    def make(*cuts, variable="urban"):
        slopes = {
            f"digital:regime{i + 1}": (i + 1, 0.1, 0.5) for i in range(len(cuts) + 1)
        }
        return replace(
            make_threshold(make_fit(slopes), cuts, bootstrap=()),
            threshold_variable=variable,
        )

    return make


def slope_rows(*models, labels=None):
    columns = read(*models)
    terms = [
        f"digital:regime{i}"
        for i in (1, 2, 3)
        if any(f"digital:regime{i}" in c.estimates for c in columns)
    ]
    return [
        row
        for row in term_rows(columns, terms, replace(STYLE, labels=labels or {}))
        if row[0]
    ]


def test_slopes_share_a_row_where_variable_and_number_of_thresholds_agree(by_regime):
    assert slope_rows(by_regime(0.5), by_regime(0.6)) == [
        ("digital (regime 1)", ["1.000", "1.000"]),
        ("digital (regime 2)", ["2.000", "2.000"]),
    ]
    assert slope_rows(by_regime(0.5), by_regime(0.7, variable="internet")) == [
        ("digital (urban <= 0.5)", ["1.000", ""]),
        ("digital (urban > 0.5)", ["2.000", ""]),
        ("digital (internet <= 0.7)", ["", "1.000"]),
        ("digital (internet > 0.7)", ["", "2.000"]),
    ]
    assert slope_rows(by_regime(0.5), by_regime(0.7, 0.5)) == [
        ("digital (urban <= 0.5, regime 1 of 2)", ["1.000", ""]),
        ("digital (urban > 0.5, regime 2 of 2)", ["2.000", ""]),
        ("digital (urban <= 0.5, regime 1 of 3)", ["", "1.000"]),
        ("digital (0.5 < urban <= 0.7, regime 2 of 3)", ["", "2.000"]),
        ("digital (urban > 0.7, regime 3 of 3)", ["", "3.000"]),
    ]
    several = [by_regime(0.5), by_regime(0.7, variable="internet"), by_regime(0.6)]
    assert slope_rows(*several, labels={"urban": "Urban share"})[0] == (
        "digital (Urban share, regime 1 of 2)",
        ["1.000", "", "1.000"],
    )


def test_a_label_of_the_user_makes_one_row(by_regime):
    models = by_regime(0.5), by_regime(0.7, variable="internet")
    labels = {"digital:regime1": "Low", "digital:regime2": "High"}
    assert slope_rows(*models, labels=labels) == [
        ("Low", ["1.000"] * 2),
        ("High", ["2.000"] * 2),
    ]


def test_slopes_without_their_thresholds_stay_apart(by_regime):
    actual = by_regime(0.5)
    assert [name for name, _ in slope_rows(actual, actual.slopes)] == [
        "digital (urban <= 0.5)",
        "digital (urban > 0.5)",
        "digital × regime1",
        "digital × regime2",
    ]


def test_thresholds_in_two_variables_have_rows_of_their_own(two_way, make_threshold):
    urban = make_threshold(two_way, (0.7,))
    internet = replace(make_threshold(two_way, (0.5,)), threshold_variable="internet")
    assert block_rows(
        read(urban, internet), replace(STYLE, labels={"internet": "Internet users"})
    )[::2] == [
        ("Threshold 1 (urban)", ["0.700", ""]),
        ("F, 1 threshold against none (urban)", ["33.333", ""]),
        ("Threshold 1 (Internet users)", ["", "0.500"]),
        ("F, 1 threshold against none (Internet users)", ["", "33.333"]),
    ]


@pytest.mark.parametrize("reverse", [False, True])
def test_absorbed_effects_are_rows_in_any_order(one_way, two_way, reverse):
    models = [two_way, one_way] if reverse else [one_way, two_way]
    rows = dict(
        setting_rows(
            read(*models, pd.DataFrame({"b": [1]})),
            {},
            None,
            replace(STYLE, labels={"year": "Year"}),
        )
    )
    year = ["Yes", "No", ""] if reverse else ["No", "Yes", ""]
    assert rows["province fixed effects"] == ["Yes", "Yes", ""]
    assert rows["Year fixed effects"] == year
    assert rows["SE clustered by"] == ["province", "province", ""]


def test_models_with_other_errors_say_so(one_way, make_fit):
    robust = make_fit(
        {"x": (1, 1, 1)}, info={"cov_type": "robust", "clusters": None, "ssc": "none"}
    )
    kind = {"cov_type": "xtscc", "clusters": None}
    kraay, one_lag = (
        make_fit({"x": (1, 1, 1)}, info=kind, bandwidth=lags) for lags in (2, 1)
    )
    two = make_fit({"x": (1, 1, 1)}, info={"clusters": "province+year"})
    columns = read(one_way, robust, kraay, two)
    rows = dict(
        setting_rows(columns, {}, None, replace(STYLE, labels={"province": "Province"}))
    )
    assert rows["Standard errors"] == [
        "by Province",
        "robust",
        "Driscoll-Kraay, 2 lags",
        "by Province + year",
    ]
    assert note_lines(columns, STYLE)[:3] == [
        "Standard errors of the type shown above in parentheses.",
        "(1), (3), (4): small-sample correction as reghdfe.",
        "(2): no small-sample correction.",
    ]
    assert note_lines(read(one_way, kraay), STYLE)[0] == (
        "Standard errors of the type shown above (small-sample correction as reghdfe) "
        "in parentheses."
    )
    assert note_lines(read(one_way, two), STYLE)[0] == (
        "Standard errors clustered as shown above (small-sample correction as reghdfe) "
        "in parentheses."
    )
    lags = dict(setting_rows(read(kraay, one_lag), {}, None, STYLE))["Standard errors"]
    assert lags == ["Driscoll-Kraay, 2 lags", "Driscoll-Kraay, 1 lag"]
    assert "Standard errors" not in dict(
        setting_rows(read(kraay, kraay), {}, None, STYLE)
    )
    assert note_lines(read(robust), STYLE)[0] == (
        "Heteroskedasticity-robust standard errors (no small-sample correction) in "
        "parentheses."
    )
    assert note_lines(read(kraay), Style("t", None, 3)) == [
        (
            "t statistics in parentheses, from Driscoll-Kraay standard errors (2 lags, "
            "small-sample correction as reghdfe)."
        )
    ]


@pytest.mark.parametrize(
    ("options", "details"),
    [
        ({"distance_cutoff": 300.0}, ["300 km"]),
        (
            {"distance_cutoff": 1500.5, "distance_kernel": "uniform", "bandwidth": 1},
            ["1,500.5 km", "uniform kernel", "1 lag"],
        ),
        ({"distance_kernel": "bartlett", "bandwidth": 2}, ["2 lags"]),
    ],
)
def test_distances_and_lags_of_errors(options, details):
    assert error_details(Inference(cov_type="conley", **options), STYLE) == details


def test_errors_with_the_same_clusters_of_another_kind_are_another_kind(
    one_way, make_fit
):
    larger, drawn, observed = (
        make_fit({"x": (1, 1, 1)}, info={"cov_type": kind, "clusters": clusters})
        for kind, clusters in (
            ("larger", "province"),
            ("bootstrap", "province"),
            ("observed", None),
        )
    )
    columns = read(one_way, larger, drawn, observed)
    row = dict(setting_rows(columns, {}, None, STYLE))["Standard errors"]
    assert row == [
        "by province",
        "larger of observed information and by province",
        "bootstrap by province",
        "observed information",
    ]
    chinese = replace(STYLE, language="chinese")
    row = dict(setting_rows(columns, {}, None, chinese))["标准误"]
    assert row[1:] == [
        "观测信息矩阵与聚类到province中的较大者",
        "按province的自助法",
        "观测信息矩阵",
    ]


def test_controls_fold_into_one_row(one_way, two_way, make_fit, make_drawn):
    full = make_fit(dict.fromkeys(["digital", "edu", "fin"], (1, 1, 1)))
    effects = make_drawn({"total": (1, 1, 1)})
    rows = dict(
        setting_rows(
            read(one_way, two_way, full, effects),
            {"Controls": ["edu", "fin"]},
            None,
            STYLE,
        )
    )
    assert rows["Controls"] == ["No", "Some", "Yes", ""]


def test_controls_with_one_label_are_one_control(make_fit):
    year = make_fit(dict.fromkeys(["digital", "edu", "fin"], (1, 1, 1)))
    lagged = make_fit(dict.fromkeys(["digital", "lag(edu)", "lag(fin)"], (1, 1, 1)))
    part = make_fit(dict.fromkeys(["digital", "lag(edu)"], (1, 1, 1)))
    fits = [year, lagged, part]
    controls = ["edu", "fin", "lag(edu)", "lag(fin)"]
    labels = {"edu": "Schooling", "lag(edu)": "Schooling", "fin": "Finance"}

    def cells(**labelled):
        table = etable(fits, controls=controls, labels=labels | labelled)
        return table.frame.loc["Controls"].tolist()

    assert cells() == ["Some", "Some", "Some"]
    assert cells(**{"lag(fin)": "Finance"}) == ["Yes", "Yes", "Some"]
    # Terms of one column that have one label are not one control.
    both = make_fit(dict.fromkeys(["digital", "edu", "fin", "lag(edu)"], (1, 1, 1)))
    table = etable([year, both], controls=controls[:3], labels=labels)
    assert table.frame.loc["Controls"].tolist() == ["Some", "Yes"]


def test_rows_of_the_caller(one_way, two_way):
    columns = read(one_way, two_way)
    rows = setting_rows(columns, {}, {"Sample": ["all", True], "Size": [0.5, 3]}, STYLE)
    assert rows[-2:] == [("Sample", ["all", "Yes"]), ("Size", ["0.500", "3"])]
    for values in (["all"], "ab", 3):
        with pytest.raises(
            OptionError, match=r"rows\['Sample'\]=.* must be a list of 2 values"
        ):
            setting_rows(columns, {}, {"Sample": values}, STYLE)
    with pytest.raises(InputTypeError, match=r"rows=.* must be a mapping"):
        setting_rows(columns, {}, [("Sample", ["a", "b"])], STYLE)


def test_statistics_of_the_fit(one_way, make_fit):
    other = make_fit(
        {}, info={"rsquared_within": None, "f_statistic": 12.0, "df_t": 30.0}
    )
    columns = read(one_way, other)
    keys = ["nobs", "n_entities", "rsquared_within", "f_statistic", "df_t", "n_times"]
    assert stat_rows(columns, replace(STYLE, stats=keys)) == [
        ("Observations", ["1,234", "1,234"]),
        ("Entities", ["31", "31"]),
        ("Within R²", ["0.512", ""]),
        ("F", ["", "12.000"]),
        ("Degrees of freedom of t", ["", "30"]),
    ]


def test_any_key_of_a_glance_is_a_statistic(one_way, make_fit):
    info = {
        "tjur_rsquared": 0.123456,
        "iterations": np.int64(12345),
        "steps": 2.0,
        "converged": True,
        "solver": "newton",
        "tail": None,
        "share": np.nan,
    }
    columns = read(one_way, make_fit({}, info=info), pd.DataFrame({"b": [1]}))
    labels = {"tjur_rsquared": "Tjur R²"}
    style = replace(STYLE, stats=("nobs", *info), labels=labels)
    assert stat_rows(columns, style) == [
        ("Observations", ["1,234", "1,234", ""]),
        ("Tjur R²", ["", "0.123", ""]),
        ("iterations", ["", "12,345", ""]),
        ("steps", ["", "2.000", ""]),
        ("converged", ["", "Yes", ""]),
        ("solver", ["", "newton", ""]),
    ]
    chinese = replace(style, language="chinese", digits=1)
    assert stat_rows(columns, chinese)[:2] == [
        ("观测值", ["1,234", "1,234", ""]),
        ("Tjur R²", ["", "0.1", ""]),
    ]


def test_a_statistic_that_no_model_has_is_refused(one_way, make_fit):
    columns = read(one_way, make_fit({}, info={"tjur_rsquared": 0.1}))
    words = "stats='tjur_rsq' is not known; use one of 'nobs', .*'tjur_rsquared'"
    with pytest.raises(OptionError, match=words) as caught:
        stat_rows(columns, replace(STYLE, stats=("nobs", "tjur_rsq")))
    (problem,) = caught.value.problems
    assert (problem.data["option"], problem.data["value"]) == ("stats", "tjur_rsq")
    assert {"nobs", "bic", "depvar", "tjur_rsquared"} <= set(problem.data["allowed"])
    with pytest.raises(OptionError, match="stats='tjur_rsquared'"):
        stat_rows(columns[:1], replace(STYLE, stats=("tjur_rsquared",)))
    # Those with words may be missing, and what a failed model would have is unknown.
    assert stat_rows(columns, replace(STYLE, stats=("loglik",))) == []
    failed = read(IdentificationError("x"))
    assert stat_rows(failed, replace(STYLE, stats=("tjur_rsquared",))) == []
    with pytest.raises(OptionError, match="stats='tjur_rsquared'"):
        stat_rows(
            read(one_way, IdentificationError("x")),
            replace(STYLE, stats=("tjur_rsquared",)),
        )


def test_weights_are_a_row_where_a_column_has_them(one_way):
    weighted = replace(one_way, info={**one_way.info, "obs_weights": "pop"})
    plain = pd.DataFrame({"b": [1]})
    rows = dict(
        setting_rows(
            read(weighted, one_way, plain),
            {},
            None,
            replace(STYLE, labels={"pop": "Population"}),
        )
    )
    assert rows["Weights"] == ["Population", "No", ""]
    assert "Weights" not in dict(setting_rows(read(one_way, plain), {}, None, STYLE))


def test_clusters_are_counted_where_they_are_not_the_entities(one_way):
    region = replace(one_way, info={"clusters": "region", "n_clusters": 2})
    both = replace(region, n_clusters=(1031, 14))
    robust = replace(
        one_way, info={"cov_type": "robust", "clusters": None, "n_clusters": None}
    )
    columns = read(region, both, robust, one_way, pd.DataFrame({"b": [1]}))
    default = ("nobs", "n_entities", "rsquared_within")
    rows = stat_rows(columns, replace(STYLE, stats=default))
    assert [name for name, _ in rows] == [
        "Observations",
        "Entities",
        "Clusters",
        "Within R²",
    ]
    assert dict(rows)["Clusters"] == ["2", "1,031 + 14", "", "31", ""]
    assert [
        name for name, _ in stat_rows(columns, replace(STYLE, stats=("nobs",)))
    ] == [
        "Observations",
        "Clusters",
    ]
    asked = stat_rows(columns, replace(STYLE, stats=("n_clusters", "nobs")))
    assert asked == [rows[2], rows[0]]
    assert "Clusters" not in dict(
        stat_rows(read(one_way, robust), replace(STYLE, stats=default))
    )
    assert dict(stat_rows(read(one_way), replace(STYLE, stats=("n_clusters",)))) == {
        "Clusters": ["31"]
    }


# Few large states hold most of the variation of capital.
FEW_STATES = pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
SPEC = dp.FixedEffects("gsp", ["pc", "unemp"])


@pytest.fixture(scope="module")
def panel() -> dp.Panel:
    return dp.datasets.us_states()


@pytest.fixture(scope="module")
def fits(panel) -> list[dp.LinearResults]:
    return [SPEC.fit(panel), SPEC.swap("pc", "lag(pc)").fit(panel)]


def named(unit: str, label: str) -> str:
    words = {"sd": "in SD of the outcome", "mean": "in % of the mean outcome"}
    return f"{label}: effect of one SD, {words[unit]}"


@FEW_STATES
def test_it_is_the_coefficient_times_sd_over_that_of_the_outcome(fits, panel):
    frame = panel.frame
    cells = etable(fits, std_effect="pc", labels={"pc": "K"}, digits=6).frame.loc[
        named("sd", "K")
    ]
    expected = fits[0].params["pc"] * frame["pc"].std() / frame["gsp"].std()
    assert cells.tolist() == [f"{expected:.6f}", ""]
    standardised = fits[0].standardised().set_index("term").loc["pc", "estimate"]
    assert float(cells.iloc[0]) == pytest.approx(standardised, abs=1e-6)


@FEW_STATES
def test_or_in_percent_of_the_mean(fits, panel):
    frame = panel.frame
    table = etable(
        fits, std_effect="pc", std_effect_in="mean", labels={"pc": "K"}, digits=6
    )
    expected = 100 * fits[0].params["pc"] * frame["pc"].std() / frame["gsp"].mean()
    assert table.frame.loc[named("mean", "K")].tolist() == [f"{expected:.6f}", ""]
    # In percent of the size of a mean below zero
    below = SPEC.fit(panel.assign(gsp=lambda frame: -frame["gsp"]))
    table = etable(
        below, std_effect="pc", std_effect_in="mean", labels={"pc": "K"}, digits=6
    )
    assert table.frame.loc[named("mean", "K")].tolist() == [f"{-expected:.6f}"]


@FEW_STATES
def test_terms_with_one_label_share_a_row_each_in_its_own_sample(fits, panel):
    labels = {"pc": "K", "lag(pc)": "K"}
    cells = etable(fits, std_effect="*pc*", labels=labels, digits=6).frame.loc[
        named("sd", "K")
    ]
    rows = panel.frame.assign(late=panel.frame.groupby(level=0)["pc"].shift()).dropna(
        subset="late"
    )
    expected = fits[1].params["lag(pc)"] * rows["late"].std() / rows["gsp"].std()
    assert cells.iloc[1] == f"{expected:.6f}"


@FEW_STATES
def test_a_chinese_row_and_what_tells_no_moments(fits, make_fit):
    style = dp.TableStyle("zh")
    other = make_fit({"pc": (0.1, 0.04, 0.01)})
    table = etable(
        [fits[0], other], std_effect="pc", labels={"pc": "资本"}, style=style
    )
    cells = table.frame.loc["资本增加一个标准差的效应（被解释变量的标准差）"]
    assert [bool(cell) for cell in cells] == [True, False]
    alone = etable(other, std_effect="pc")
    assert not any("one SD" in name for name in alone.frame.index)


@FEW_STATES
def test_slopes_by_regime_and_with_instruments_have_it(panel):
    regimes = dp.PanelThreshold("gsp", "pc", "unemp", [], thresholds=(7.0,)).fit(panel)
    rows = etable(regimes, std_effect="pc*", labels={"pc": "K"}).frame
    assert sum("one SD" in name for name in rows.index) == 2
    iv = dp.FixedEffectsIV("gsp", ["unemp"], ["pc"], ["lag(pc)"]).fit(panel)
    value = (
        etable(iv, std_effect="pc", digits=6)
        .frame.filter(like="one SD", axis=0)
        .iloc[0, 0]
    )
    assert float(value) == pytest.approx(
        iv.standardised().set_index("term").loc["pc", "estimate"], abs=1e-6
    )


@FEW_STATES
def test_the_constant_is_a_row_on_request(fits):
    assert "Intercept" not in etable(fits).frame.index
    table = etable(fits, constant=True, digits=1)
    place = list(table.frame.index).index("Intercept")
    assert table.frame.index[place + 1] == ""
    for column, fit in enumerate(fits):
        actual = fit.constant()
        assert (
            table.frame.iloc[place, column].rstrip("*") == f"{actual['estimate']:,.1f}"
        )
        assert table.frame.iloc[place + 1, column] == f"({actual['std_error']:,.1f})"
    assert any(
        note.startswith("Intercept beside fixed effects: mean") for note in table.notes
    )
    assert "Intercept" in etable(fits, constant=True, keep="unemp").frame.index
    chinese = etable(fits, constant=True, style=dp.TableStyle("zh"))
    assert "常数项" in chinese.frame.index
    assert any("常数项为被解释变量均值减去" in note for note in chinese.notes)


@FEW_STATES
def test_a_constant_whose_error_is_not_known_has_neither_error_nor_stars(panel):
    fits = [SPEC.fit(panel), SPEC.replace(cov_type="robust").fit(panel)]
    for below in ("se", "t", "p", "ci"):
        table = etable(fits, constant=True, below=below)
        row = list(table.frame.index).index("Intercept")
        upper, lower = table.frame.iloc[row].tolist(), table.frame.iloc[row + 1]
        assert upper[0].rstrip("*") == upper[1] != ""
        assert lower.tolist()[0] != ""
        assert lower.tolist()[1] == ""


@FEW_STATES
def test_the_constant_of_a_model_without_effects_needs_no_note(panel):
    pooled = SPEC.replace(entity_effects=False, time_effects=False).fit(panel)
    plain, asked = (etable(pooled, constant=constant) for constant in (False, True))
    assert plain.frame.equals(asked.frame)
    assert plain.notes == asked.notes


def test_a_small_rsquared_has_the_decimals_of_the_others(make_fit):
    fits = [
        make_fit({}, info={"rsquared_within": value})
        for value in (0.000123, -0.0001, 0.5, np.nan)
    ]
    (row,) = stat_rows(read(*fits), replace(STYLE, stats=("rsquared_within",)))
    assert row[1] == ["0.000", "0.000", "0.500", ""]


@FEW_STATES
def test_adjusted_rsquared_on_request_is_that_of_all_dummies(panel):
    fit = SPEC.fit(panel)
    dummies = pd.get_dummies(
        panel.frame.index.to_frame().astype(str), drop_first=True
    ).to_numpy(float)
    x = np.column_stack([np.ones(len(dummies)), dummies, panel.frame[["pc", "unemp"]]])
    y = panel.frame["gsp"].to_numpy()
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    adjusted = 1 - (left @ left / (len(y) - x.shape[1])) / y.var(ddof=1)
    cells = etable(fit, stats=["rsquared_adj"], digits=8).frame.loc["Adjusted R²"]
    assert cells.tolist() == [f"{adjusted:.8f}"]


BAD = {
    "no term": ({"std_effect": "nothing"}, ColumnError),
    "pattern without a hit": ({"std_effect": "z*"}, ColumnError),
    "one of two": ({"std_effect": ["pc", "no"]}, ColumnError),
    "empty name": ({"std_effect": ""}, ColumnError),
    "number": ({"std_effect": 1}, InputTypeError),
    "none": ({"std_effect": None}, InputTypeError),
    "true": ({"std_effect": True}, InputTypeError),
    "numbers": ({"std_effect": [1, 2]}, InputTypeError),
    "mixed": ({"std_effect": ["pc", None]}, InputTypeError),
    "array": ({"std_effect": np.array([1.0])}, InputTypeError),
    "frame": ({"std_effect": pd.DataFrame({0: [1]})}, DigiprosperError),
    "class": ({"std_effect": dict}, InputTypeError),
    "unit": ({"std_effect": "pc", "std_effect_in": "percent"}, OptionError),
    "unit in capitals": ({"std_effect": "pc", "std_effect_in": "SD"}, OptionError),
    "no unit": ({"std_effect": "pc", "std_effect_in": None}, OptionError),
    "unit as number": ({"std_effect": "pc", "std_effect_in": 1}, OptionError),
    "unit without terms": ({"std_effect_in": ""}, OptionError),
    "units": ({"std_effect": "pc", "std_effect_in": ["sd"]}, OptionError),
    "constant as text": ({"constant": "yes"}, OptionError),
    "no constant": ({"constant": None}, OptionError),
    "constants": ({"constant": [True]}, OptionError),
    "constant as number": ({"constant": 2}, OptionError),
    "constant as frame": ({"constant": pd.DataFrame()}, OptionError),
}


@FEW_STATES
@pytest.mark.many(6)
@pytest.mark.parametrize(("options", "error"), BAD.values(), ids=BAD)
def test_what_is_not_allowed(fits, options, error):
    with pytest.raises(error) as caught:
        etable(fits[0], **options)
    assert caught.value.problems


def test_the_small_sample_correction_is_a_row_on_request(one_way, make_fit):
    none = make_fit({"x": (1, 1, 1)}, info={"cov_type": "hc3", "ssc": None})
    columns = read(one_way, none)
    assert "Small-sample correction" not in dict(setting_rows(columns, {}, None, STYLE))
    asked = replace(STYLE, stats=("nobs", "ssc"))
    row = ("Small-sample correction", ["reghdfe", "none"])
    assert stat_rows(columns, asked)[-1] == row
    chinese = replace(asked, language="chinese")
    assert stat_rows(columns, chinese)[-1] == ("小样本调整", ["reghdfe", "无"])


def test_the_mean_of_the_outcome_is_that_of_the_sample(one_way):
    panel = dp.datasets.us_states()
    spec = dp.FixedEffects("log(gsp)", ["lag(unemp)"])
    fit = spec.fit(panel)
    rows = stat_rows(read(fit, one_way), replace(STYLE, stats=("mean_y",)))
    later = np.log(panel.frame["gsp"].groupby("state").tail(16))
    assert rows == [("Mean of the outcome", [f"{later.mean():.3f}", ""])]
    with_mean = replace_glance(one_way, mean_y=2.0)
    assert stat_rows(read(with_mean), replace(STYLE, stats=("mean_y",))) == [
        ("Mean of the outcome", ["2.000"])
    ]


def replace_glance(fit, **info):
    return replace(fit, info={**fit.info, **info})


def test_t_statistics_have_their_own_decimals(one_way):
    cell = estimate(1.23456, 0.5, 2.46912, 0.01, 0, 0)
    assert Style("t", None, 3, t_digits=2).companion(cell) == "(2.47)"
    assert Style("se", None, 3, t_digits=2).companion(cell) == "(0.500)"
    frame = etable(one_way, below="t", digits=4, t_digits=1).frame
    assert frame.iloc[1:3, 0].tolist() == ["0.1234***", "(3.1)"]
    assert etable(one_way, below="t", digits=4).frame.iloc[2, 0] == "(3.0850)"
    style = TableStyle("zh", below="t", t_digits=2)
    assert etable(one_way, style=style).frame.iloc[2, 0] == "(3.08)"
    with pytest.raises(OptionError, match="t_digits"):
        etable(one_way, t_digits=-1)


def test_what_a_small_glance_does_not_say_is_blank(one_way):
    class Small:
        def __init__(self, fit):
            self.params, self.cov, self.nobs = fit.params, fit.cov, fit.nobs
            self.tidy = fit.tidy

        def glance(self):
            return {"nobs": self.nobs}

    weighted = replace_glance(one_way, obs_weights="pop")
    frame = etable([one_way, Small(one_way), weighted]).frame
    assert frame.loc["Dependent variable"].tolist() == ["gdp", "", "gdp"]
    assert frame.loc["Weights"].tolist() == ["No", "", "pop"]
    assert frame.loc["province fixed effects"].tolist() == ["Yes", "", "Yes"]
    assert frame.loc["Standard errors"].tolist() == ["by province", "", "by province"]
    assert frame.loc["Observations"].tolist() == ["1,234"] * 3
    both = etable([one_way, Small(one_way)], blocks={"Both": ["digital", "province"]})
    assert both.frame.loc["Both"].tolist() == ["Yes", "Yes"]
    effects = etable([one_way, Small(one_way)], blocks={"Effects": ["province"]})
    assert effects.frame.loc["Effects"].tolist() == ["Yes", ""]


def test_dummies_among_the_regressors_are_effects_that_another_column_absorbs():
    panel = dp.datasets.us_states()
    absorbed = dp.FixedEffects("log(gsp)", ["unemp"])
    dummies = absorbed.add("C(year)").replace(time_effects=False)
    none = absorbed.replace(time_effects=False)
    fits = [spec.fit(panel) for spec in (absorbed, dummies, none)]
    assert fits[0].params["unemp"] == pytest.approx(fits[1].params["unemp"])
    table = dp.etable(fits, keep=["unemp"]).frame
    assert table.loc["year fixed effects"].tolist() == ["Yes", "Yes", "No"]
    products = none.add("C(year):unemp", "log(pc)").drop("unemp").fit(panel)
    table = dp.etable([fits[0], products], keep=["unemp"]).frame
    assert table.loc["year fixed effects"].tolist() == ["Yes", "No"]


# --- controls and other blocks --------------------------------------------------------


PLAIN = Style("se", None, 3)


@pytest.fixture
def steps(make_fit):
    """Give fits with more terms, one after the other."""
    numbers = dict.fromkeys(
        ("digital", "edu", "open", "trend_1", "trend_2"), (1.0, 0.5, 0.04)
    )
    return [make_fit(dict(list(numbers.items())[:count])) for count in (1, 2, 3, 4, 5)]


def test_a_row_a_block(steps):
    table = etable(steps, blocks={"Controls": ["edu", "open"], "Trends": "trend*"})
    assert table.frame.loc["Controls"].tolist() == ["No", "Some", "Yes", "Yes", "Yes"]
    assert table.frame.loc["Trends"].tolist() == ["No", "No", "No", "Some", "Yes"]
    names = [name for name in table.frame.index if name]
    assert names[:4] == ["Dependent variable", "digital", "Controls", "Trends"]
    assert not {"edu", "open", "trend_1", "trend_2"} & set(names)


def test_blocks_follow_the_controls(steps):
    table = etable(
        steps, controls="edu", blocks={"Trends": ["trend*"], "Openness": ["open"]}
    )
    names = list(table.frame.index)
    at = names.index("Controls")
    assert names[at : at + 3] == ["Controls", "Trends", "Openness"]
    ways = ({"controls": "edu"}, {"blocks": {"Controls": "edu"}})
    one, other = (etable(steps, **options) for options in ways)
    assert one.frame.equals(other.frame)


def test_blocks_in_chinese(steps):
    style = dp.TableStyle("zh", yes="控制")
    table = etable(
        steps, style=style, controls=["edu", "open"], blocks={"时间趋势": "trend*"}
    )
    assert table.frame.loc["控制变量"].tolist() == [
        "未控制",
        "部分",
        "控制",
        "控制",
        "控制",
    ]
    assert table.frame.loc["时间趋势"].tolist() == [
        "未控制",
        "未控制",
        "未控制",
        "部分",
        "控制",
    ]


def test_an_absorbed_trend_may_be_in_a_block():
    panel = dp.datasets.us_states()
    spec = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    fits = [spec.fit(panel), spec.replace(absorb="state[year]").fit(panel)]
    trend = absorbed_effects(read_columns(fits[1], "etable")[0])[-1]
    table = etable(
        fits,
        blocks={"State trends": [trend]},
        labels={"state": "State", "year": "Year"},
    )
    assert table.frame.loc["State trends"].tolist() == ["No", "Yes"]
    plain = etable(fits, labels={"state": "State", "year": "Year"})
    assert len(table.frame) == len(plain.frame)
    assert (
        plain.frame.loc["State fixed effects"].tolist()
        == table.frame.loc["State fixed effects"].tolist()
    )


def test_effects_of_draws_and_frames_do_not_list_what_they_hold(make_drawn, one_way):
    columns = read_columns([make_drawn({"total": (1, 1, 1)}), one_way], "etable")
    folded = {"Controls": ["edu"]}
    assert folded_rows(columns, folded, PLAIN) == [("Controls", ["", "No"])]


def test_names_in_the_order_asked(steps):
    columns = read_columns(steps, "etable")
    actual = fold_terms(
        columns, ["open"], {"B": ["trend_2", "trend*"], "A": "edu"}, PLAIN
    )
    assert list(actual.items()) == [
        ("Controls", ["open"]),
        ("B", ["trend_2", "trend_1"]),
        ("A", ["edu"]),
    ]
    assert fold_terms(columns, (), None, PLAIN) == {}
    assert fold_terms(columns, (), {}, PLAIN) == {}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"blocks": ["edu"]}, InputTypeError),
        ({"blocks": "edu"}, InputTypeError),
        ({"blocks": 1}, InputTypeError),
        ({"blocks": {1: ["edu"]}}, InputTypeError),
        ({"blocks": {"A": 1}}, InputTypeError),
        ({"blocks": {"A": None}}, InputTypeError),
        ({"blocks": {"A": [1]}}, InputTypeError),
        ({"blocks": {"A": {"edu": 1, 2: 3}}}, InputTypeError),
        ({"blocks": {"A": []}}, OptionError),
        ({"blocks": {"": ["edu"]}}, OptionError),
        ({"blocks": {" ": ["edu"], "": ["open"]}}, OptionError),
        ({"blocks": {"A": ["edu"], "A\n": ["open"]}}, OptionError),
        ({"blocks": {"A": ["edu"], "B": ["edu"]}}, OptionError),
        ({"blocks": {"A": ["*"], "B": ["edu"]}}, OptionError),
        ({"blocks": {"A": ["edu"]}, "controls": "e*"}, OptionError),
        ({"blocks": {"Controls": ["edu"]}, "controls": "open"}, OptionError),
        ({"blocks": {"A": ["income"]}}, ColumnError),
        ({"blocks": {"A": ["edu", "income*"]}}, ColumnError),
        ({"blocks": {"A": ["city"]}}, ColumnError),
        ({"blocks": {"A": ["province[year]"]}}, ColumnError),
    ],
)
def test_what_no_blocks_are(steps, options, error):
    with pytest.raises(error) as caught:
        etable(steps, **options)
    assert caught.value.problems
