"""Notices about models of counts."""

from __future__ import annotations

from digiprosper.counts import notices
from digiprosper.linear.notices import few_for_counts


def test_interactions_are_ratios() -> None:
    assert notices.interaction_ratios([]) == []
    (notice,) = notices.interaction_ratios(["a:b"])
    assert "'a:b'" in notice.message


def test_few_clusters() -> None:
    assert few_for_counts(40, "province") == ()
    (notice,) = few_for_counts(31, "province")
    assert notice.code == "few_clusters"
    assert "normal intervals" in notice.message
    (notice,) = few_for_counts(12, "province", "crv3")
    assert "11 degrees of freedom" in notice.message
