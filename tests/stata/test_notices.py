"""Each question has a line, and says what is meant and what to do."""

from __future__ import annotations

from digiprosper.stata import notices


def test_data_and_messages() -> None:
    made = [
        notices.no_errors(3, "reghdfe"),
        notices.untested_difference([3, 5], ["g == 0", "g == 1"]),
        notices.weak_instruments_not_tested(3, "ivreg2"),
        notices.mediation_without_effects(3),
        notices.pooled_matching(3, "psmatch2"),
        notices.staggered_two_way(3, "did"),
        notices.log_of_count(3, "lnp", "patents"),
        notices.missing_kept(3, "w"),
        notices.lag_by_row(3, "lx"),
    ]
    assert {notice.data["line"] for notice in made} == {3}
    assert made[1].data["lines"] == (3, 5)
    assert "'patents'" in made[6].message
    assert "& w < ." in made[7].message
    assert len({notice.code for notice in made}) == 9
