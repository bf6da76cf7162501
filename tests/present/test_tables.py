"""Tables of regressions: what they show, how they are stacked, and what is refused."""

from __future__ import annotations

import warnings

import docx
import numpy as np
import openpyxl
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import (
    ColumnError,
    DigiprosperWarning,
    IdentificationError,
    InputTypeError,
    OptionError,
)
from digiprosper.present import formats
from digiprosper.present.tables import Table, etable, stack_tables
from digiprosper.report.collection import ResultSet

ZH = dp.TableStyle("zh")


@pytest.fixture(scope="module")
def panel() -> dp.Panel:
    return dp.datasets.us_states()


@pytest.fixture(scope="module")
def fits(panel) -> dict[str, dp.LinearResults]:
    spec = dp.FixedEffects("log(gsp)", ["log(pcap)", "log(pc)", "unemp"])
    return {"one": spec.replace(time_effects=False).fit(panel), "two": spec.fit(panel)}


def test_the_whole_table(one_way, two_way):
    table = etable(
        [one_way, two_way],
        labels={"digital": "Digital economy", "gdp": "GDP"},
        notes="Own note.",
    )
    assert list(table.frame.columns) == ["(1)", "(2)"]
    assert [
        [i, *row]
        for i, row in zip(
            table.frame.index, table.frame.to_numpy().tolist(), strict=True
        )
    ] == [
        ["Dependent variable", "GDP", "GDP"],
        ["Digital economy", "0.123***", "0.103**"],
        ["", "(0.040)", "(0.050)"],
        ["edu", "", "-0.040***"],
        ["", "", "(0.030)"],
        ["province fixed effects", "Yes", "Yes"],
        ["year fixed effects", "No", "Yes"],
        ["SE clustered by", "province", "province"],
        ["Observations", "1,234", "1,234"],
        ["Entities", "31", "31"],
        ["Within R²", "0.512", "0.512"],
    ]
    assert table.notes == (
        (
            "Standard errors clustered by province (small-sample correction as "
            "reghdfe) in parentheses."
        ),
        "* p < 0.1, ** p < 0.05, *** p < 0.01.",
        "Own note.",
    )
    assert (table.header_rows, table.breaks) == (1, (5, 8))
    assert str(table) == repr(table)
    assert str(table).count("-----\n") == 3
    assert "Digital economy" in table._repr_html_()


def test_numbers_are_those_of_the_fit(fits):
    table = etable(fits["two"], digits=6, stars=None, keep="unemp")
    row = fits["two"].tidy().set_index("term").loc["unemp"]
    at = list(table.frame.index).index("Unemployment rate (%)")
    assert table.frame.iloc[at, 0] == f"{row['estimate']:.6f}"
    assert table.frame.iloc[at + 1, 0] == f"({row['std_error']:.6f})"
    assert "log(Public capital (million USD))" not in table.frame.index


def test_few_and_no_decimals_are_decimals(make_fit):
    fit = make_fit({"a": (12.34, 5.67, 0.5)})
    assert etable(fit, digits=0).frame.iloc[1:3, 0].tolist() == ["12", "(6)"]
    assert etable(fit, digits=1).frame.iloc[1:3, 0].tolist() == ["12.3", "(5.7)"]
    with pytest.raises(
        OptionError, match="digits=True must be an integer from 0 to 15"
    ):
        etable(fit, digits=True)


@pytest.mark.parametrize("names", [["one", "two"], ["two", "one"]])
def test_absorbed_effects_survive_word(fits, names, tmp_path):
    path = tmp_path / "t.docx"
    etable([fits[n] for n in names], file=path)
    rows = {
        r.cells[0].text: [c.text for c in r.cells[1:]]
        for r in docx.Document(path).tables[0].rows
    }
    assert rows["state fixed effects"] == ["Yes", "Yes"]
    assert rows["year fixed effects"] == ["No" if n == "one" else "Yes" for n in names]


def test_chinese_labels_survive_every_format(two_way, zh, tmp_path):
    table = etable({"基准回归": two_way}, labels=zh)
    for ending in ("docx", "xlsx", "tex", "html", "md"):
        assert (
            table.save(tmp_path / f"t.{ending}", title="表1")
            == tmp_path / f"t.{ending}"
        )
    cells = [
        c.text
        for row in docx.Document(tmp_path / "t.docx").tables[0].rows
        for c in row.cells
    ]
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").active
    cells_excel = [c for row in sheet.iter_rows(values_only=True) for c in row]
    files = [(tmp_path / f"t.{e}").read_text("utf-8") for e in ("tex", "html", "md")]
    for label in (
        "基准回归",
        "共同富裕指数",
        "数字经济发展水平",
        "人力资本水平",
        "省份 fixed effects",
        "表1",
    ):
        assert label in cells or label == "表1"
        assert label in cells_excel
        assert all(label in text for text in files)


def test_labels_travel_with_results_and_the_call_wins(fits):
    table = etable(
        fits["two"],
        labels={"unemp": "Unemployment", "state": "State", "log(pc)": "Capital"},
    )
    assert {"Unemployment", "State fixed effects", "Capital"} <= set(table.frame.index)
    assert "log(Public capital (million USD))" in table.frame.index
    assert table.frame.loc["SE clustered by"].tolist() == ["State"]


def test_choosing_ordering_and_folding(fits):
    table = etable(
        fits, drop=["log(pc)"], order=["unemp"], labels={"unemp": "U", "log(pcap)": "P"}
    )
    assert [i for i in table.frame.index if i][1:3] == ["U", "P"]
    folded = etable(fits, controls=["log(*", "unemp"], keep="*")
    assert folded.frame.loc["Controls"].tolist() == ["Yes", "Yes"]
    assert list(folded.frame.index)[:2] == ["Dependent variable", "Controls"]


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
def test_a_result_set_shows_what_failed(panel, fits):
    failed = IdentificationError("absorbed by the entity effects: 'area'")
    table = etable(ResultSet((("Base", fits["two"]), ("Area", failed))), stats=["nobs"])
    assert list(table.frame.columns) == ["Base", "Area"]
    assert "not estimated" in table.frame["Area"].tolist()
    assert table.frame.loc["Observations"].tolist() == ["816", ""]
    assert "Area not estimated: absorbed by the entity effects: 'area'." in table.notes
    assert (
        etable(
            dp.stepwise(dp.FixedEffects("gsp", ["pc"]), panel, ["unemp"])
        ).frame.shape[1]
        == 2
    )


def test_levels_of_stars_in_an_array(fits):
    table, same = (
        etable(fits["two"], stars=s) for s in (np.array([0.1, 0.05]), (0.1, 0.05))
    )
    pd.testing.assert_frame_equal(table.frame, same.frame)
    assert table.notes == same.notes


def test_thresholds_head_their_slopes(panel):
    spec = dp.PanelThreshold("log(gsp)", "log(pcap)", "unemp", ["log(pc)"], reps=499)
    results = spec.fit(panel, rng=1)
    table = etable(
        results, labels={"log(pcap)": "Capital", "unemp": "unemployment"}, digits=2
    )
    gamma = f"{results.thresholds.loc[1, 'estimate']:g}"
    assert f"Capital (unemployment <= {gamma})" in table.frame.index
    assert f"Capital (unemployment > {gamma})" in table.frame.index
    at = list(table.frame.index).index("Threshold 1 (unemployment)")
    low, high = results.thresholds.loc[1, ["conf_low", "conf_high"]]
    assert table.frame.iloc[at + 1, 0] == f"[{low:.2f}, {high:.2f}]"
    assert table.frame.iloc[at + 2, 0] == f"{results.thresholds.loc[1, 'F']:.2f}"


@pytest.mark.filterwarnings("ignore::digiprosper.errors.BoundaryThresholdWarning")
@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
def test_kinks_head_their_slopes(panel):
    spec = dp.PanelKink("log(gsp)", "log(pcap)", ["unemp"], reps=199)
    results = spec.fit(panel, rng=1)
    line = dp.FixedEffects("log(gsp)", ["log(pcap)"]).fit(panel)
    table = etable(
        [results, line], labels={"log(pcap)": "Capital", "unemp": "U"}, digits=4
    )
    gamma, pieces = f"{results.threshold:.4f}", results.confidence_set()
    assert list(table.frame.index)[1:7:2] == [
        f"Capital, {s} {gamma}" for s in ("below", "above")
    ] + ["U"]
    at = list(table.frame.index).index("Kink point (Capital)")
    assert [*table.frame.index[at + 2 : at + 6 : 2]] == ["F, no kink", "F, no jump"]
    assert table.frame.iloc[at : at + 6, 0].tolist() == [
        gamma,
        f"[{pieces[0][0]:.4f}, {pieces[-1][1]:.4f}]",
        f"{results.test.statistic:.4f}",
        f"({results.test.p_value:.4f})",
        f"{results.continuity.statistic:.4f}",
        f"({results.continuity.p_value:.4f})",
    ]
    other = spec.replace(x=(), bootstrap=None).fit(panel)
    two = etable([results, other], labels={"log(pcap)": "Capital"})
    assert {"Capital, below the kink", "Capital, above the kink"} <= set(
        two.frame.index
    )
    assert two.frame.loc["F, no kink"].tolist()[1] == ""
    assert "Standard errors allow for the estimation of the kink point." in two.notes
    assert (
        "Below a kink point: its 95% confidence set (lower and upper end); (1): "
        "bootstrap (Hansen 2017); (2): LR against chi-squared with one "
        "degree of freedom."
    ) in two.notes


@pytest.mark.filterwarnings("ignore::digiprosper.errors.BoundaryThresholdWarning")
def test_a_kink_and_a_step_in_one_variable_share_nothing(panel):
    kink = dp.PanelKink("log(gsp)", "unemp", ["log(pc)"], bootstrap=None).fit(panel)
    step = dp.PanelThreshold(
        "log(gsp)", "unemp", "unemp", ["log(pc)"], bootstrap=None
    ).fit(panel)
    table = etable([kink, step], labels={"unemp": "Unemployment"})
    names = [name for name in table.frame.index if "Unemployment" in name]
    assert [name.split(" ")[:2] for name in names[:2]] == [
        ["Unemployment,", side] for side in ("below", "above")
    ]
    assert [name.split(" ")[2] for name in names[2:4]] == ["<=", ">"]
    assert names[4:] == ["Kink point (Unemployment)", "Threshold 1 (Unemployment)"]
    assert all((table.frame.loc[names[:2], "(2)"] == "").tolist())
    assert table.notes[2:4] == (
        "Standard errors treat the estimated threshold as known.",
        "Standard errors allow for the estimation of the kink point.",
    )


def test_a_score_test_is_printed_as_such(panel):
    spec = dp.PanelThreshold(
        "log(gsp)", "log(pcap)", "unemp", ["log(pc)"], reps=199, bootstrap="wild_score"
    )
    results = spec.fit(panel, rng=1)
    table, test = etable(results), results.tests.iloc[0]
    at = list(table.frame.index).index("Score, 1 threshold against none")
    assert table.frame.iloc[at : at + 2, 0].tolist() == [
        f"{test['value']:.3f}",
        f"({test['p_value']:.3f})",
    ]
    assert (
        "Below score of a test: its p-value, 199 draws, wild cluster bootstrap "
        "of the score."
    ) in table.notes
    assert not [name for name in table.frame.index if name.startswith("F of")]


def test_effects_of_mediation_are_printed(panel):
    spec = dp.Mediation("log(gsp)", "log(pcap)", ["log(emp)"], ["log(pc)"], reps=199)
    with pytest.warns(dp.IdentificationWarning, match="proportion_mediated"):
        results = spec.fit(panel, rng=1)
    table = etable(
        [results, results.paths["outcome"]],
        labels={"log(emp)": "employment"},
        below="ci",
    )
    tidy = results.tidy().set_index("term")
    at = list(table.frame.index).index("Indirect through employment")
    low, high = tidy.loc["indirect:log(emp)", ["conf_low", "conf_high"]]
    assert table.frame.iloc[at + 1, 0] == f"[{low:.3f}, {high:.3f}]"
    # Missing here, so it has no row
    assert "Proportion mediated" not in table.frame.index
    assert table.notes == (
        (
            "95% confidence intervals in brackets: (1) from percentiles of 199 "
            "bootstrap draws; (2) from standard errors clustered by state "
            "(small-sample correction as reghdfe)."
        ),
        "* p < 0.1, ** p < 0.05, *** p < 0.01.",
        "Stars of (1): p-values from 199 bootstrap draws.",
    )
    assert table.frame.loc["Clustered by"].tolist() == ["state", "state"]


def test_driscoll_kraay_columns_tell_their_lags(panel):
    spec = dp.FixedEffects(
        "log(gsp)", ["log(pc)"], cov_type="driscoll_kraay", bandwidth=3
    )
    system = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", cov_type="xtscc", reps=20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.CovarianceWarning)  # seventeen periods
        warnings.simplefilter("ignore", dp.FewDrawsWarning)
        fits = [
            spec.fit(panel),
            spec.replace(bandwidth=None).fit(panel),
            system.fit(panel, rng=1),
        ]
    errors = [
        "DK + entity, 3 lags",
        "DK + entity, 5 lags",
        "Driscoll-Kraay, 2 lags",
    ]
    table = etable(fits)
    assert table.frame.loc["Standard errors"].tolist() == errors
    assert table.notes[0] == (
        "Standard errors of the type shown above (DK: Driscoll-Kraay, small-sample "
        "correction as reghdfe) in parentheses."
    )
    chinese = etable(fits, style=dp.TableStyle("zh"))
    assert chinese.frame.loc["标准误"].iloc[0] == "DK + 个体，滞后3期"
    assert "（DK为Driscoll-Kraay）" in chinese.notes[0]
    assert etable(fits[0]).notes[0] == (
        "Driscoll-Kraay standard errors, the variance by entity added (3 lags, "
        "small-sample correction as reghdfe) in parentheses."
    )


def test_given_thresholds_are_marked(panel):
    spec = dp.PanelThreshold(
        "log(gsp)", "log(pcap)", "unemp", ["log(pc)"], thresholds=(7.5,)
    )
    table = etable(spec.fit(panel), labels={"unemp": "U"})
    assert table.frame.loc["Threshold 1 (U, given)"].tolist() == ["7.500"]
    assert not [row for row in table.frame.index if row.startswith("F of")]
    assert table.notes[-1].startswith("A given threshold was fixed")


def test_a_u_test_is_told_where_it_goes(panel):
    fit = dp.FixedEffects("log(gsp)", ["unemp", "I(unemp**2)", "log(emp)"]).fit(panel)
    u, wald = dp.u_test(fit, "unemp"), fit.wald_test("unemp = 0")
    with pytest.raises(
        InputTypeError,
        match=r"UTestResult is not a result.*etable\(fit, rows=test\.rows\)",
    ):
        etable([fit, u])
    frame = etable(fit, rows={**u.rows, "Wald test, p": [wald.p_value]}).frame
    assert frame.loc["Turning point", "(1)"] == "outside the data"
    assert frame.loc["Wald test, p", "(1)"] == f"{wald.p_value:.3f}"


def test_tests_are_columns(panel):
    fit = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"], time_effects=False).fit(
        panel
    )
    wald, cd = fit.wald_test("unemp = 0"), dp.pesaran_cd(fit)
    frame = etable([wald, cd]).frame
    name = "Pesaran CD test of log(Gross state product (million USD))"
    assert list(frame.columns) == ["Wald test", name]
    assert list(frame.index) == ["Statistic", "Distribution", "p-value"]
    assert frame["Wald test"].tolist() == [
        f"{wald.statistic:.3f}",
        "F(1, 47)",
        "<0.001",
    ]
    assert frame.loc["Distribution", name] == "normal"
    assert list(etable({"CD": cd, "Slope": wald}).frame.columns) == ["CD", "Slope"]
    both = etable([fit, cd]).frame
    assert list(both.columns) == ["(1)", name]
    assert both.loc["Statistic", "(1)"] == ""
    assert not any(both[name].iloc[:2])
    other = dp.FixedEffects("unemp", ["log(pc)"], time_effects=False).fit(panel)
    chinese = etable([cd, dp.pesaran_cd(other)], style=dp.TableStyle("zh")).frame
    assert list(chinese.columns) == [
        "ln(Gross state product (million USD))的Pesaran CD检验",
        "Unemployment rate (%)的Pesaran CD检验",
    ]


def test_the_numbers_of_any_frame_are_printed_as_given():
    frame = pd.DataFrame(
        {
            "dimension": ["Access", "Use"],
            "weight": [0.12345, 0.87655],
            "year": [2011, 2012],
        },
        index=pd.Index(["ports", "phones"], name="indicator"),
    )
    table = etable(frame, labels={"ports": "Broadband ports"})
    assert table.frame.loc["Broadband ports"].tolist() == ["Access", "0.123", "2011"]
    assert list(table.frame.columns) == ["Dimension", "Weight", "year"]
    assert table.notes == ()


def test_etable_writes_nothing_into_its_input(two_way):
    frame = pd.DataFrame({"b": [1.0]}, index=["x"])
    before = frame.copy()
    labels = {"digital": "D"}
    etable([two_way, frame], labels=labels, controls=["edu"])
    pd.testing.assert_frame_equal(frame, before)
    assert labels == {"digital": "D"}


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"below": "foo"}, OptionError, "below='foo'.*'se', 't', 'p', 'ci'"),
        ({"stars": (0.01, 0.05)}, OptionError, r"stars=\(0.01, 0.05\).*descending"),
        ({"stars": (5, 1)}, OptionError, "stars=.*between 0 and 1"),
        ({"stars": ()}, OptionError, "stars=.*or None"),
        ({"stars": 0.05}, OptionError, "stars=0.05"),
        ({"stars": np.array(0.05)}, OptionError, "stars="),
        ({"stars": np.array([0.05, 0.1])}, OptionError, "stars=.*descending"),
        ({"stars": "*"}, OptionError, "stars="),
        ({"digits": -1}, OptionError, "digits=-1 must be an integer"),
        ({"digits": 2.5}, OptionError, "digits=2.5"),
        ({"digits": True}, OptionError, "digits=True"),
        ({"stats": ["nobs", "r2"]}, OptionError, "stats='r2'.*'rsquared_within'"),
        ({"stats": "nobs"}, InputTypeError, "stats='nobs' must be a list"),
        ({"heads": ["a", "b"]}, OptionError, "heads has 2 heads for 1 columns"),
        ({"keep": ["gdp"]}, ColumnError, "keep matches no term 'gdp'.*'digital'"),
        ({"drop": "x*"}, ColumnError, r"drop matches no term 'x\*'"),
        ({"order": ["x"]}, ColumnError, "order matches no term 'x'"),
        ({"controls": ["x"]}, ColumnError, "controls matches no term 'x'"),
        ({"labels": ["a"]}, InputTypeError, "labels must be a mapping"),
        ({"notes": 1}, InputTypeError, "notes=1 must be a text or a list of texts"),
        ({"notes": ["a", 1]}, InputTypeError, "notes="),
        ({"heads": 1}, OptionError, "heads has no texts for 1 columns"),
        (
            {"keep": 1},
            InputTypeError,
            "keep=1 must be a term, a pattern or a list of them",
        ),
        ({"drop": [None]}, InputTypeError, "drop="),
        ({"order": 1}, InputTypeError, "order=1"),
        ({"controls": 1}, InputTypeError, "controls=1"),
        ({"file": 1}, InputTypeError, "file=1 must be a path"),
        ({"rows": np.arange(2)}, InputTypeError, "must be a mapping"),
        ({"rows": {"a": [1, 2]}}, OptionError, r"rows\['a'\].*list of 1 values"),
        (
            {"file": "x.pdf"},
            OptionError,
            (
                r"'x.pdf': the ending must be one of .docx, .xlsx, .tex, .rtf, "
                r".csv, .html, .md"
            ),
        ),
    ],
)
def test_malformed_calls_are_refused_in_words(one_way, options, error, words):
    with pytest.raises(error, match=words) as caught:
        etable(one_way, **options)
    assert caught.value.problems


def test_empty_and_foreign_models_are_refused(one_way):
    with pytest.raises(InputTypeError, match="models is empty"):
        etable([])
    with pytest.raises(
        InputTypeError, match=r"FixedEffects is not a result. Pass what `fit` returns"
    ):
        etable([one_way, dp.FixedEffects("y", ["x"])])


def test_an_unknown_ending_is_refused(one_way, tmp_path):
    with pytest.raises(OptionError, match=r"'t': the ending must be one of .docx"):
        etable(one_way).save(tmp_path / "t")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        etable(one_way).save(tmp_path / "no" / "t.md")
    assert etable(one_way).save(str(tmp_path / "T.HTML"), title="<T>").exists()
    assert "&lt;T&gt;" in (tmp_path / "T.HTML").read_text("utf-8")


@pytest.mark.parametrize("ending", ["docx", "xlsx", "tex", "html", "md"])
def test_a_save_that_fails_leaves_what_was_there(
    one_way, tmp_path, monkeypatch, ending
):
    def fail(content, path):
        path.write_text("half a table", "utf-8")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(formats.WRITERS, f".{ending}", fail)
    target = tmp_path / f"t.{ending}"
    with pytest.raises(OSError, match="No space"):
        etable(one_way).save(target)
    assert list(tmp_path.iterdir()) == []
    target.write_text("before", "utf-8")
    with pytest.raises(OSError, match="No space"):
        etable(one_way, file=target)
    assert [p.name for p in tmp_path.iterdir()] == [target.name]
    assert target.read_text("utf-8") == "before"


@pytest.mark.parametrize("ending", ["docx", "xlsx", "tex", "html", "md"])
def test_texts_that_no_file_can_hold_are_cleaned(make_fit, tmp_path, ending):
    bad = "a\ud800b\x00c\nd\ufffee\u2028f"
    table = etable(
        {bad: make_fit({"digital": (1, 1, 1)})},
        labels={"digital": bad},
        notes=bad,
        rows={bad: [bad]},
    )
    table.save(tmp_path / f"t.{ending}", title=bad)
    assert table.frame.columns[0] == "a b c d e f"
    by_hand = Table(
        pd.DataFrame([[bad]], index=pd.Index([bad], dtype=object), dtype=object),
        notes=(bad,),
    )
    by_hand.save(tmp_path / f"u.{ending}")


def test_a_table_needs_no_extra_for_text(one_way, tmp_path, monkeypatch):
    import sys

    for name in ("docx", "openpyxl", "maketables", "matplotlib"):
        monkeypatch.setitem(sys.modules, name, None)
    table = etable(one_way)
    for ending in ("html", "md", "tex"):
        table.save(tmp_path / f"t.{ending}")
    with pytest.raises(ImportError, match=r'pip install "\.\[tables\]"'):
        table.save(tmp_path / "t.docx")


def test_a_table_of_ones_own(tmp_path):
    table = Table(pd.DataFrame({"a": ["1"]}, index=["x"]))
    assert str(table).splitlines()[1:4] == ["   a", "----", "x  1"]
    assert table.save(tmp_path / "t.docx").exists()


def test_a_row_of_a_frame_without_values_stays() -> None:
    frame = pd.DataFrame({"a": [1.0, float("nan")]}, index=["r1", "r2"])
    assert etable(frame).frame.index.tolist() == ["r1", "r2"]


def test_correlations_are_a_lower_triangle_with_mean_and_deviation(panel, tmp_path):
    holes = panel.assign(late="lag(unemp)", same=1.0)
    actual = holes.correlate(["gsp", "late", "unemp", "same"])
    table = etable(actual, labels={"late": "Unemployment a year ago"}, digits=4)
    frame = table.frame
    rest = [panel.labels["unemp"], "same"]
    names = [panel.labels["gsp"], "Unemployment a year ago", *rest]
    assert frame.index.tolist() == [
        f"({i}) {name}" for i, name in enumerate(names, start=1)
    ]
    assert frame.columns.tolist() == ["Mean", "SD", "(1)", "(2)", "(3)", "(4)"]
    summary = holes.summarise(["gsp", "late", "unemp", "same"])
    assert frame["Mean"].tolist() == [f"{v:,.4f}" for v in summary["mean"]]
    assert frame["SD"].tolist() == [f"{v:,.4f}" for v in summary["sd"]]
    for i, row in enumerate(actual.r.index):
        for j, column in enumerate(actual.r.columns):
            r, p = actual.r.loc[row, column], actual.p.loc[row, column]
            marks = "*" * (
                0 if i == j else sum(p < level for level in (0.1, 0.05, 0.01))
            )
            want = "" if j > i or pd.isna(r) else f"{r:.4f}{marks}"
            assert frame.iloc[i, 2 + j] == want
    assert "(N = 768 to 816)" in table.notes[0]
    assert any("t test with N - 2 degrees of freedom" in note for note in table.notes)
    plain = etable(actual, stars=None)
    assert len(plain.notes) == 1
    assert not any("*" in cell for cell in plain.frame.to_numpy().ravel())
    for ending in ("docx", "xlsx", "tex", "html", "md"):
        assert table.save(tmp_path / f"t.{ending}", title="Table 2").exists()
    assert etable(panel.correlate("gsp")).frame["(1)"].tolist() == ["1.000"]
    spanned = etable({"All": actual})
    assert (spanned.spans[0], spanned.frame.columns[0]) == ("All", "Mean")


def test_a_misspelt_label_is_told(one_way):
    with pytest.warns(DigiprosperWarning, match="did you mean 'digital'"):
        etable(one_way, labels={"digitl": "Digital economy", "gdp": "GDP"})
    etable(one_way, labels={"finance": "Finance", "gdp": "GDP"})


def test_one_mapping_of_labels_serves_all_tables_without_a_warning(panel, fits):
    labels = {"state": "State", "weight": "Weight", "log(pc)": "Capital"}
    weights = pd.DataFrame({"weight": [0.3], "std_error": [0.1]}, index=["roads"])
    links = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())
    spatial = dp.PanelSpatial("log(gsp)", ["log(pc)"], links).fit(panel)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = etable(weights, labels=labels)
        etable(fits["two"].wald_test("unemp = 0"), labels=labels)
        etable(spatial.decomposition, labels=labels)
    assert table.frame.columns[0] == "Weight"


def test_a_label_that_only_a_note_has_is_used(two_way, make_threshold):
    actual = make_threshold(two_way)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = etable(actual.test_table(), labels={"urban": "Share of towns"})
    assert any("Share of towns" in note for note in table.notes)
    with pytest.warns(DigiprosperWarning, match="did you mean 'urban'"):
        etable(actual.test_table(), labels={"urbn": "Share of towns"})


@pytest.mark.parametrize("digits", [0, 15])
def test_numbers_have_from_zero_to_fifteen_digits(two_way, digits):
    assert "digital" in str(etable(two_way, digits=digits))
    with pytest.raises(OptionError, match="from 0 to 15"):
        etable(two_way, digits=-1 if digits == 0 else 16)


# --- tables below one another ---------------------------------------------------------


@pytest.fixture
def two_fits(make_fit):
    one = make_fit({"digital": (0.1234, 0.04, 0.002), "edu": (0.2, 0.1, 0.04)})
    other = make_fit(
        {"digital": (0.5, 0.04, 0.002)}, info={"depvar": "jobs", "rsquared_within": 0.7}
    )
    return one, other


def test_panels_share_heads_above_and_settings_below(two_fits):
    one, other = two_fits
    table = stack_tables(
        {"Panel A. Output": [one, one], "Panel B. Jobs": [other, other]}
    )
    rows = list(table.frame.index)
    assert rows == [
        *[
            "Panel A. Output",
            "Dependent variable",
            "digital",
            "",
            "edu",
            "",
            "Within R²",
        ],
        *["Panel B. Jobs", "Dependent variable", "digital", "", "Within R²"],
        *[
            "province fixed effects",
            "year fixed effects",
            "SE clustered by",
            "Observations",
            "Entities",
        ],
    ]
    assert list(table.frame.columns) == ["(1)", "(2)"]
    assert (table.panels, table.closing, table.header_rows) == ((0, 7), 12, 0)
    assert table.breaks == (6, 7, 11, 12)
    assert table.frame.iloc[8].tolist() == ["jobs", "jobs"]
    assert [note.count("Panel") for note in table.notes] == [0, 0]


def test_a_dependent_variable_that_all_panels_share_stands_above(two_fits):
    one, _ = two_fits
    table = stack_tables({"Full": [one], "Short": etable(one, keep="digital")})
    assert table.header_rows == 1
    assert list(table.frame.index)[:3] == ["Dependent variable", "Full", "digital"]
    # All that is below the estimates is the same.
    assert table.panels == (1, 6)
    assert table.closing == 9


def test_columns_are_numbered_where_heads_differ(two_fits):
    one, other = two_fits
    table = stack_tables(
        {
            "By region": {"east": one, "west": one},
            "By size": {"small": one, "large": one},
        }
    )
    assert list(table.frame.columns) == ["(1)", "(2)"]
    assert table.frame.iloc[2].tolist() == ["east", "west"]
    spanned = {"Output": [one, one], "Jobs": [other, other]}
    same = stack_tables({"A": spanned, "B": spanned})
    assert same.spans == ("Output", "Output", "Jobs", "Jobs")
    mixed = stack_tables({"A": spanned, "B": [one, one, other, other]})
    assert mixed.spans == ()
    assert mixed.frame.iloc[2].tolist() == ["Output", "Output", "Jobs", "Jobs"]


def test_a_note_of_one_panel_names_it(two_fits, make_fit):
    one, _ = two_fits
    robust = make_fit(
        {"digital": (0.1, 0.04, 0.002)}, info={"cov_type": "robust", "clusters": None}
    )
    table = stack_tables(
        {"Panel A. Clustered": one, "Panel B: robust": robust}, notes="Source: own."
    )
    assert [note.split(" ")[:2] for note in table.notes[:2]] == [
        ["Panel", "A:"],
        ["*", "p"],
    ]
    assert table.notes[2].startswith("Panel B: Heteroskedasticity-robust")
    assert table.notes[-1] == "Source: own."


def test_chinese_notes_open_once(two_fits, make_fit):
    one, _ = two_fits
    robust = make_fit(
        {"digital": (0.1, 0.04, 0.002)}, info={"cov_type": "robust", "clusters": None}
    )
    table = stack_tables({"面板A：聚类": one, "面板B：稳健": robust}, style=ZH)
    assert table.notes[0].startswith("注：面板A：括号内为")
    assert table.notes[1].startswith("面板B：括号内为")
    assert sum(note.count("注：") for note in table.notes) == 1


def test_pairs_of_rows_stay_in_their_panel(two_fits, make_threshold):
    one, _ = two_fits
    actual = make_threshold(one)
    table = stack_tables({"A": actual, "B": actual})
    rows = list(table.frame.index)
    assert rows.count("Threshold 1 (urban)") == 2
    assert rows.count("Observations") == 1


def test_one_panel_is_a_table_with_a_title(two_fits):
    table = stack_tables({"All": two_fits[0]}, title="Table 1")
    assert list(table.frame.index)[:2] == ["Dependent variable", "All"]
    assert (table.title, table.closing) == ("Table 1", None)


def test_the_title_of_a_panel_makes_the_first_column_no_wider(two_fits):
    long = "Panel A. A title that is much longer than the name of any row of it"
    narrow, wide = (
        str(stack_tables({title: two_fits[0]})).splitlines() for title in ("A", long)
    )
    assert wide[-3] == narrow[-3] or long in wide
    assert "digital" in narrow[5]
    assert wide[5] == narrow[5]


BAD = {
    "none": None,
    "empty": {},
    "list": [1],
    "text": "A",
    "numbers": {1: "x"},
    "no result": {"A": 1},
    "no models": {"A": []},
    "empty group": {"A": {"B": []}},
    "frame of twins": {"A": pd.DataFrame({"a": [1, 2]}, index=["x", "x"])},
    "class": {"A": dp.FixedEffects},
    "function": {"A": len},
    "deep": {"A": {"B": {"C": {"D": 3}}}},
}


@pytest.mark.many(12)
@pytest.mark.parametrize("given", BAD.values(), ids=BAD)
def test_what_are_no_panels(given):
    with pytest.raises(InputTypeError):
        stack_tables(given)


def test_an_error_of_a_panel_names_it(two_fits):
    with pytest.raises(InputTypeError) as caught:
        stack_tables({"A": two_fits[0], "B": object()})
    assert caught.value.__notes__ == ["stack_tables: this is the panel 'B'."]


@pytest.mark.parametrize("option", ["notes", "title", "style", "file"])
@pytest.mark.parametrize("value", [1, ["a", 1], object()])
def test_options_that_are_not_allowed(two_fits, option, value):
    with pytest.raises((InputTypeError, OptionError)):
        stack_tables({"A": two_fits[0], "B": two_fits[1]}, **{option: value})


def test_panels_of_different_widths_are_refused(two_fits):
    one, other = two_fits
    with pytest.raises(OptionError) as caught:
        stack_tables({"A": [one, other], "B": other})
    (problem,) = caught.value.problems
    assert problem.data["value"] == {"A": 2, "B": 1}
    with pytest.raises(OptionError):
        stack_tables({"A": stack_tables({"B": one}), "C": other})


def test_a_stack_is_saved_at_once(two_fits, tmp_path):
    target = tmp_path / "t.md"
    table = stack_tables({"A": two_fits[0]}, file=target)
    assert isinstance(table, Table)
    assert "| A |" in target.read_text("utf-8")
