"""Remarks on a report, with their data and in both languages."""

from __future__ import annotations

import pytest

from digiprosper.pathways import notices
from digiprosper.report.characters import has_cjk

MADE = [
    *notices.several_tests(12, "holm", 0.05),
    *notices.association(3),
    *notices.samples_differ([372, 340]),
    *notices.overlap_not_searched(3, searched=False),
    *notices.controls_left_out({"P01": ["urban"], "P02": ["urban", "fiscal"]}),
    *notices.controls_overlap({"P01": [("income", "prosperity")]}),
    *notices.few_draws_to_adjust(60, 999, 0.05),
]


@pytest.mark.many(7)
@pytest.mark.parametrize("notice", MADE, ids=lambda notice: notice.code)
def test_a_notice_in_both_languages(notice) -> None:
    assert notices.words_of(notice, "english") == notice.message
    assert has_cjk(notices.words_of(notice, "chinese"))
    assert "{" not in notice.message.replace("{column: IndicatorSystem}", "")


def test_their_data() -> None:
    data = {notice.code: notice.data for notice in MADE}
    assert data["several_tests"] == {
        "tests": 12,
        "method": "holm",
        "chance": 0.6,
        "alpha": 0.05,
    }
    assert data["samples_differ"] == {"least": 340, "most": 372}
    assert data["controls_left_out"] == {
        "names": ("urban", "fiscal"),
        "ids": ("P01", "P02"),
    }
    assert data["few_draws_to_adjust"] == {"tests": 60, "reps": 999, "least": 0.06}


def test_nothing_to_remark() -> None:
    assert notices.several_tests(0, "holm", 0.05) == []
    assert notices.association(0) == []
    assert notices.samples_differ([372, 372]) == []
    assert notices.overlap_not_searched(3, searched=True) == []
    assert notices.controls_left_out({}) == []
    assert notices.controls_overlap({}) == []
    assert notices.few_draws_to_adjust(50, 999, 0.05) == []
