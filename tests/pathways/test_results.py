"""The report: frame, table, summary, plain data, pickles, sentences without causes."""

from __future__ import annotations

import json
import math
import pickle
import re
from dataclasses import replace

import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import InputTypeError, OptionError, number_text
from digiprosper.pathways import seed_catalogue
from digiprosper.pathways.findings import Finding, Part, Reason
from digiprosper.pathways.mechanism import Mechanism
from digiprosper.pathways.results import (
    Names,
    claim_of,
    part_text,
    wording,
)
from digiprosper.pathways.words import WORDS
from digiprosper.report.characters import has_cjk
from digiprosper.report.summary import Summary
from digiprosper.report.text import interval_text

BANNED = re.compile(
    r"\b(?:causes?d?|causing|leads? to|led "
    r"to|promot\w+|effects?|affects?|impacts?|driv\w+|boost\w*|"
    r"improv\w+|reduc\w+|increas\w+|raises?|lowers|lowered|because|due to|results? "
    r"in|enhanc\w+|hinder\w*)\b|"
    r"导致|促进|推动|引起|造成|影响|提高|降低|效应|增强|削弱|阻碍|拉动|作用|使得",
    re.IGNORECASE,
)
CODES = {
    "linear": ("slope",),
    "mediated": ("indirect", "path_a", "path_b"),
    "moderated": ("interaction",),
    "threshold": ("change", "indirect_change"),
    "U": ("slope_low", "slope_high"),
    "U-mediated": ("indirect_low", "indirect_high"),
    "U-moderated": ("shift",),
    "coupled": ("slope",),
    "spatial": ("total", "direct", "indirect"),
}
DETAIL = {"turning_point": 0.35, "threshold": 57.0}
ENGLISH = Names("english", {"de": "数字经济"})
CHINESE = Names("chinese", {"de": "数字经济", "cp": "Prosperity"})
REASONS = [
    Reason("data", {"needs": "survey data", "needs_zh": "问卷数据"}),
    Reason("data", {"needs": "", "needs_zh": ""}),
    Reason("column", {"roles": ("a",)}),
    Reason("column", {"roles": ("a", "b")}),
    Reason("same_column", {"column": "x", "roles": ("a", "b")}),
    Reason("overlap", {"found": (("x", "y", ""), ("x", "y", "z"))}),
    Reason("weights"),
    Reason("failed", {"error": "IdentificationError", "message": "It is absorbed."}),
    Reason("no_p", {"code": "slope_on", "of": "x"}),
]


def test_one_row_a_proposition(report) -> None:
    frame = report.frame
    assert frame.index.tolist()[:4] == ["P05", "P09", "P10", "P15"]
    assert frame.index.tolist()[-2:] == ["P08:cp_growth", "P08:cp_share"]
    assert set(frame["verdict"]) <= {
        "supported",
        "contradicted",
        "inconclusive",
        "not testable",
    }
    tested = frame["verdict"] != "not testable"
    assert (
        frame.loc[tested, ["estimate", "p_value", "p_adjusted"]].notna().all(axis=None)
    )
    assert (
        frame.loc[~tested, ["estimate", "p_value", "p_adjusted"]].isna().all(axis=None)
    )
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
    assert frame.index.tolist() == [
        f"{mechanism.id} {mechanism.claim}" for mechanism in tested
    ]
    assert frame.columns.tolist() == [
        "estimate of",
        "association (SD)",
        "95% interval",
        "adjusted p",
        "N",
        "identified by",
        "verdict",
    ]
    row = frame.loc["P05 " + tested[0].claim]
    assert row["verdict"] == "supported"
    effect = report.frame.loc["P05", ["std_effect", "std_low", "std_high"]]
    assert row["association (SD)"] == f"{effect['std_effect']:.3f}"
    assert row["95% interval"] == f"[{effect['std_low']:.3g}, {effect['std_high']:.3g}]"
    assert row["identified by"] == "two-way FE, a×b"
    by_claim = {name.split()[0]: text for name, text in frame["identified by"].items()}
    assert by_claim["P20"] == "two-way FE (stand-in: openness)"
    notes = " ".join(table.notes)
    assert "Holm" in notes
    assert "one standard deviation" in notes
    assert "Not tested: P21 ('unemployment' is part" not in notes
    assert "P41 (needs survey data); no column for a role of P04, P08." in notes


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
    assert {"association", "overlap_not_searched"} <= {
        n.code for n in report.diagnostics
    }


def test_a_report_without_a_test(panel, catalogue) -> None:
    report = dp.pathways.evaluate(panel, [catalogue["P41"]], {})
    assert report.frame["verdict"].tolist() == ["not testable"]
    assert report.diagnostics == ()
    assert report.parts.empty
    assert "1 proposition: 1 not testable" in report.summary()


# --- one sentence a proposition -------------------------------------------------------


def findings():
    for mechanism in (row for one in seed_catalogue() for row in one.split()):
        columns = {role: role for role in mechanism.roles}
        codes = ("average",) if mechanism.design else CODES[mechanism.shape]
        parts = tuple(
            Part(code, "+", 0.12, 0.04, 0.01, 0.04, 0.21, of="w", at=0.1)
            for code in codes
        )
        for verdict in ("supported", "contradicted", "inconclusive"):
            yield Finding(
                mechanism,
                columns,
                parts=parts,
                n_entities=31,
                detail=DETAIL,
                p_value=0.001,
                p_adjusted=0.012,
                verdict=verdict,
            )


@pytest.mark.parametrize("names", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_no_sentence_claims_a_cause(names) -> None:
    for finding in findings():
        text = wording(finding, names)
        assert not BANNED.search(text), text
        assert "{" not in text
        assert finding.mechanism.id in text


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_no_word_of_the_report_claims_a_cause(language) -> None:
    for code in WORDS.texts:
        text = WORDS.text(code, language) or ""
        assert not BANNED.search(re.sub(r"\{\w+\}", "", text)), code


def test_the_sentences_of_the_four_verdicts() -> None:
    mechanism = next(m for m in seed_catalogue() if m.id == "P05")
    part = Part("indirect", "+", 0.12, 0.04, 0.001, 0.04, 0.21, of="layer")
    finding = Finding(
        mechanism,
        {"de": "digital", "cp": "prosperity", "isu": "layer"},
        parts=(part,),
        n_entities=31,
        p_value=0.001,
        p_adjusted=0.012,
        verdict="supported",
    )
    names = Names("english", {})
    numbers = "indirect 0.12 [0.04, 0.21], adjusted p 0.012, 31 entities"
    relation = "digital is associated with prosperity through layer"
    assert wording(finding, names) == f"consistent with P05: {relation}; {numbers}"
    against = replace(finding, verdict="contradicted")
    assert wording(against, names) == f"at odds with P05: {relation}; {numbers}"
    open_ = replace(finding, verdict="inconclusive")
    assert wording(open_, names) == f"the data do not decide P05: {numbers}"
    assert wording(open_, names, adjusted=False).endswith(
        "[0.04, 0.21], p 0.012, 31 entities"
    )
    untested = replace(finding, reason=REASONS[0], parts=(), verdict="not testable")
    assert wording(untested, names) == "P05 was not tested: needs survey data"


def test_the_opposite_relation_is_stated_where_a_claim_is_contradicted() -> None:
    mechanism = next(m for m in seed_catalogue() if m.id == "P15")
    columns = {"de": "digital", "ur_gap": "gap"}
    parts = (Part("slope_low", "-", 0.1, 0.01, 0.001, 0.0, 0.2, at=0.1),)
    finding = Finding(
        mechanism, columns, parts=parts, detail=DETAIL, verdict="contradicted"
    )
    assert "gap first rises and then falls with digital, turning at 0.35" in wording(
        finding, ENGLISH
    )


def test_a_stand_in_is_named() -> None:
    mechanism = next(m for m in seed_catalogue() if m.id == "P51")
    columns = {"de": "digital", "cp": "prosperity", "marketisation": "fan_index"}
    parts = (Part("interaction", "+", 0.1, 0.01, 0.001, 0.0, 0.2, of="fan_index"),)
    finding = Finding(mechanism, columns, parts=parts, verdict="supported")
    assert wording(finding, ENGLISH).endswith("(stand-in: fan_index)")
    assert wording(finding, CHINESE).endswith("（代理变量：fan_index）")


@pytest.mark.many(9)
@pytest.mark.parametrize(
    "reason", REASONS, ids=lambda reason: str(REASONS.index(reason))
)
def test_every_reason_has_words(reason) -> None:
    mechanism = Mechanism(
        "M", "a claim", cause="de", outcome="cp", sign="+", shape="linear"
    )
    finding = Finding(mechanism, {}, reason=reason)
    for names in (ENGLISH, CHINESE):
        text = wording(finding, names)
        assert "{" not in text
        assert text.rstrip()[-1] not in ":："


def test_columns_are_named_by_labels_in_the_language() -> None:
    assert (ENGLISH.name("de"), CHINESE.name("de"), CHINESE.name("cp")) == (
        "de",
        "数字经济",
        "cp",
    )
    assert ENGLISH.several(["a", "b"]) == "a and b"
    assert CHINESE.several(["a", "b"]) == "a和b"


def test_claims_are_quoted_in_the_language() -> None:
    mechanism = Mechanism(
        "M", "a claim", cause="x", outcome="y", sign="+", shape="linear"
    )
    assert claim_of(mechanism, CHINESE) == "a claim"
    assert claim_of(replace(mechanism, claim_zh="命题"), CHINESE) == "命题"
    assert claim_of(replace(mechanism, claim_zh="命题"), ENGLISH) == "a claim"


def test_a_part_is_told_which_column_it_is_of_where_there_are_several() -> None:
    mechanism = Mechanism(
        "M",
        "a claim",
        cause="x",
        outcome="y",
        sign="+",
        shape="mediated",
        channels="m;n",
    )
    parts = tuple(
        Part("indirect", "+", 1.0, 1.0, 0.1, 0.0, 1.0, of=name) for name in "mn"
    )
    finding = Finding(mechanism, {"x": "x", "y": "y", "m": "m", "n": "n"}, parts=parts)
    assert part_text(finding, parts[0], ENGLISH) == "indirect through m"
    assert part_text(replace(finding, parts=parts[:1]), parts[0], ENGLISH) == "indirect"


def test_numbers() -> None:
    assert [number_text(x, 3) for x in (1000.0, 999.4)] == ["1,000", "999"]
    assert [number_text(x, 3) for x in (0.09731, 35566.2, -1234.5, 0.0, math.nan)] == [
        "0.0973",
        "35,566",
        "-1,234",
        "0",
        "missing",
    ]
    assert interval_text(0.04, 0.21, digits=3) == "[0.04, 0.21]"
    assert interval_text(math.nan, math.nan, digits=3) == "missing"
    assert interval_text(-math.inf, 0.2, digits=3) == "[-inf, 0.2]"


def test_labels_of_another_language_are_given_with_it(report) -> None:
    names = {"digital": "Digital economy", "upgrading": "Upgrading"}
    english = report.in_language("en", names)
    assert "with prosperity through Upgrading" in english.frame.loc["P05", "wording"]
    chinese = english.in_language(
        "zh", {"digital": "数字经济", "upgrading": "产业升级"}
    )
    assert "数字经济经由产业升级" in chinese.frame.loc["P05", "wording"]
    for labels in (3, {"digital": 3}, ["digital"]):
        with pytest.raises(
            InputTypeError, match="in_language: labels must be a mapping"
        ):
            report.in_language("zh", labels)


def test_a_level_of_half_a_per_cent_is_printed_as_it_is(report) -> None:
    finer = replace(report, level=0.975)
    assert "97.5% interval" in finer.summary()
    assert any("97.5%" in str(column.head) for column in finer.table_columns())
