"""The propositions of the paper."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from digiprosper.pathways import seed_catalogue
from digiprosper.pathways.mechanism import roles_of
from digiprosper.report.characters import has_cjk

SHARED = Path(__file__).parents[3] / "shared" / "reference" / "propositions.csv"
# Where the library has an estimator by now, or the sentence was shortened.
REWORDED = {"P26", "P29", "P30", "P49", "P52"}


def test_there_are_52_with_the_counts_of_the_reference() -> None:
    catalogue = seed_catalogue()
    assert [mechanism.id for mechanism in catalogue] == [f"P{k:02d}" for k in range(1, 53)]
    assert Counter(m.testable for m in catalogue) == {"yes": 37, "proxy": 9, "no": 6}
    shapes = Counter(m.shape for m in catalogue)
    assert (shapes["mediated"], shapes["threshold"], shapes["U-mediated"], shapes["spatial"]) == (20, 2, 1, 1)


def test_every_claim_is_there_in_both_languages() -> None:
    for mechanism in seed_catalogue():
        assert has_cjk(mechanism.claim_zh)
        assert not has_cjk(mechanism.claim)
        assert mechanism.source
        assert mechanism.stage


def test_what_is_a_stand_in_and_what_is_needed_is_named() -> None:
    for mechanism in seed_catalogue():
        assert (mechanism.stand_in in mechanism.roles) == (mechanism.testable == "proxy")
        assert bool(mechanism.needs and mechanism.needs_zh) == (mechanism.testable == "no")


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/reference")
def test_the_rows_are_those_of_the_reference() -> None:
    with SHARED.open(encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    # The reference also has propositions that the catalogue does not have yet.
    for mechanism in seed_catalogue():
        row = rows[mechanism.id]
        channels = ";".join(mechanism.channels)
        assert channels == row.pop("channels")
        if row["id"] in REWORDED:
            row.pop("test")
        assert {name: getattr(mechanism, name) for name in row} == row


def test_the_page_says_what_every_role_is() -> None:
    page = Path(__file__).parents[2] / "docs" / "explanations" / "pathways.md"
    lines = page.read_text(encoding="utf-8").splitlines()
    listed = [line.split("`")[1] for line in lines if line.startswith("| `") and line.count("|") == 6]
    asked = [mechanism for mechanism in seed_catalogue() if mechanism.testable != "no"]
    assert sorted(set(listed) & set(roles_of(asked))) == sorted(roles_of(asked))
