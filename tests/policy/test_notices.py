"""Remarks on event studies; the fits that get them are in `test_event_study`."""

from __future__ import annotations

from dataclasses import replace

from digiprosper.policy.notices import cohort_notices


def test_codes_and_data_of_the_cohorts(study) -> None:
    (several,) = cohort_notices(study.window)
    assert several.code == "several_cohorts"
    assert several.data == {"cohorts": {2004: 20, 2006: 20}}
    one = replace(study.window, cohorts=((2004, 20),))
    assert cohort_notices(one) == ()
    (none,) = cohort_notices(replace(one, n_never=0))
    assert (none.code, none.data) == ("none_never_treated", {"binned": (-3, 2)})
