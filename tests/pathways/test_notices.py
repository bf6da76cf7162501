"""Remarks on a report, with their data and in both languages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from digiprosper.errors import Notice
from digiprosper.pathways.notices import report_notices, words_of
from digiprosper.report.characters import has_cjk

CONTROLS = ["urban", "fiscal", "openness"]
NONE: dict[str, list[tuple[str, str]]] = {}


def findings_of(count: int, nobs: tuple[int, ...], *controls: list[str]) -> list[Any]:
    """List findings with so many rows and these controls, over and over."""
    return [
        SimpleNamespace(
            tested=True,
            nobs=nobs[i % len(nobs)],
            controls=controls[i % len(controls)],
            mechanism=SimpleNamespace(id=f"P{i + 1:02}"),
        )
        for i in range(count)
    ]


def told(
    findings: list[Any],
    overlaps: dict[str, list[tuple[str, str]]] | None,
    *,
    adjust: str = "holm",
    reps: int = 999,
) -> dict[str, Notice]:
    notices = report_notices(findings, CONTROLS, overlaps, adjust, 0.05, reps)
    return {notice.code: notice for notice in notices}


# The last controls are of all propositions but two.
FEWER = [CONTROLS[1:], CONTROLS[2:], *[CONTROLS] * 58]
MANY = findings_of(60, (372, 340), *FEWER)
MADE = told(MANY, {"P01": [("income", "prosperity")], "P02": []}) | told(MANY, None)


@pytest.mark.many(7)
@pytest.mark.parametrize("code", MADE)
def test_a_notice_in_both_languages(code: str) -> None:
    notice = MADE[code]
    assert words_of(code, notice.data) == notice.message
    assert has_cjk(words_of(code, notice.data, "chinese"))
    assert "{" not in notice.message.replace("{column: IndicatorSystem}", "")


def test_their_data() -> None:
    assert told(findings_of(12, (372,), CONTROLS), NONE)["several_tests"].data == {
        "tests": 12,
        "method": "holm",
        "chance": 0.6,
        "alpha": 0.05,
    }
    assert MADE["association"].data == {}
    assert MADE["samples_differ"].data == {"least": 340, "most": 372}
    assert MADE["controls_left_out"].data == {
        "names": ("urban", "fiscal"),
        "ids": ("P01", "P02"),
    }
    assert MADE["controls_overlap"].data == {
        "names": ("income",),
        "indices": ("prosperity",),
        "ids": ("P01",),
    }
    assert MADE["few_draws_to_adjust"].data == {
        "tests": 60,
        "reps": 999,
        "least": 0.06,
    }


def test_nothing_to_remark() -> None:
    assert told([], None) == {}
    assert told([SimpleNamespace(tested=False)], None) == {}
    always = ["several_tests", "association"]
    alike = findings_of(50, (372,), CONTROLS)
    assert list(told(alike, NONE)) == always
    assert list(told(alike, {"P01": []})) == always
    for adjust in ("fdr_bh", "fdr_by", "none"):
        notices = told(findings_of(60, (372,), CONTROLS), NONE, adjust=adjust)
        assert list(notices) == always
    assert "few_draws_to_adjust" in told(alike, NONE, adjust="bonferroni", reps=99)
