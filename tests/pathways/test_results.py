"""The report: frame, table, summary, plain data, pickles, languages."""

from __future__ import annotations

import json
import pickle

import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import OptionError
from digiprosper.report.characters import has_cjk
from digiprosper.report.summary import Summary


def test_one_row_a_proposition(report) -> None:
    frame = report.frame
    assert frame.index.tolist()[:4] == ["P05", "P09", "P10", "P15"]
    assert frame.index.tolist()[-2:] == ["P08:cp_growth", "P08:cp_share"]
    assert set(frame["verdict"]) <= {"supported", "contradicted", "inconclusive", "not testable"}
    tested = frame["verdict"] != "not testable"
    assert frame.loc[tested, ["estimate", "p_value", "p_adjusted"]].notna().all(axis=None)
    assert frame.loc[~tested, ["estimate", "p_value", "p_adjusted"]].isna().all(axis=None)
    assert (frame.loc[tested, "clusters"] == "province").all()
    assert (frame["reason"] == "").tolist() == tested.tolist()


def test_the_row_shows_the_estimate_that_decides(report) -> None:
    rows = report.parts.set_index("id").loc["P15"]
    assert report.frame.loc["P15", "estimate"] in rows["estimate"].tolist()
    assert report.frame.loc["P15", "p_value"] == rows["p_value"].max()


def test_an_etable_of_a_report(report) -> None:
    table = dp.etable(report)
    frame = table.frame
    tested = [f.mechanism for f in report.findings if f.tested]
    assert frame.index.tolist() == [f"{mechanism.id} {mechanism.claim}" for mechanism in tested]
    assert frame.columns.tolist() == ["estimate of", "estimate", "95% interval", "adjusted p", "N", "verdict"]
    assert frame.loc["P05 " + tested[0].claim, "verdict"] == "supported"
    assert any("Holm" in note for note in table.notes)


def test_the_table_in_chinese(report) -> None:
    frame = dp.etable(report.in_language("zh"), style=dp.TableStyle("zh")).frame
    (row,) = [name for name in frame.index if name.startswith("P05 ")]
    assert row == "P05 " + report.findings[0].mechanism.claim_zh
    assert frame.loc[row, "结论"] == "支持"


def test_the_summary_counts_and_says_what_is_missing(report) -> None:
    text = report.summary()
    assert text.startswith("11 propositions: ")
    assert "P04 (innovation)" in text
    assert "needs survey data" in text
    assert repr(report) == text
    assert "<table" in report._repr_html_()


def test_the_report_in_chinese(report) -> None:
    chinese = report.in_language("zh")
    assert chinese.summary().startswith("11个命题：")
    assert all(map(has_cjk, chinese.frame["wording"]))
    assert all(map(has_cjk, chinese.frame["claim"]))
    numbers = ["estimate", "conf_low", "conf_high", "p_value", "p_adjusted"]
    pd.testing.assert_frame_equal(chinese.frame[numbers], report.frame[numbers])
    assert chinese.in_language("en").summary() == report.summary()
    with pytest.raises(OptionError):
        report.in_language("fr")


def test_plain_data_and_back(report) -> None:
    stored = json.loads(json.dumps(report.to_dict()))
    assert stored["type"] == "MechanismReport"
    assert stored["propositions"][0]["id"] == "P05"
    assert stored["propositions"][0]["estimate"] == report.frame["estimate"].iloc[0]
    assert len(stored["parts"]) == len(report.parts)
    assert Summary.from_dict(stored).to_text() == report.summary()


def test_pickles(report) -> None:
    again = pickle.loads(pickle.dumps(report))
    assert again.summary() == report.summary()
    pd.testing.assert_frame_equal(again.frame, report.frame)


def test_the_number_of_tests_is_stated(report) -> None:
    notice = next(n for n in report.diagnostics if n.code == "several_tests")
    tested = int((report.frame["verdict"] != "not testable").sum())
    assert notice.data == {
        "tests": tested,
        "method": "holm",
        "chance": round(tested * 0.05, 1),
        "alpha": 0.05,
    }
    assert {"association", "overlap_not_searched"} <= {n.code for n in report.diagnostics}


def test_a_report_without_a_test(panel, catalogue) -> None:
    report = dp.pathways.evaluate(panel, [catalogue["P41"]], {})
    assert report.frame["verdict"].tolist() == ["not testable"]
    assert report.diagnostics == ()
    assert report.parts.empty
    assert "1 proposition: 1 not testable" in report.summary()
