"""Remarks on event studies; the fits that get them are in `test_event_study`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from digiprosper import EventStudy, FixedEffects, Panel, StaggeredDid
from digiprosper.errors import IdentificationWarning
from digiprosper.policy.notices import cohort_notices

if TYPE_CHECKING:
    from collections.abc import Callable


def test_codes_and_data_of_the_cohorts(study) -> None:
    (several,) = cohort_notices(study.window)
    assert several.code == "several_cohorts"
    assert several.data == {"cohorts": {2004: 20, 2006: 20}}
    one = replace(study.window, cohorts=((2004, 20),))
    assert list(cohort_notices(one)) == []
    (none,) = cohort_notices(replace(one, n_never=0))
    assert (none.code, none.data) == ("none_never_treated", {"binned": (-3, 2)})


@pytest.mark.parametrize(
    "spec",
    [
        EventStudy("y", "first", before=3, after=2),
        StaggeredDid("y", "first", estimator="sun_abraham"),
    ],
)
def test_treated_entities_without_rows_before_treatment_are_named(
    spec: EventStudy | StaggeredDid, frame: pd.DataFrame
) -> None:
    late = frame[(frame["city"] != 1) | (frame["year"] >= 2007)]
    results = [
        one
        for one in spec.fit(Panel(late, "city", "year")).diagnostics
        if one.code == "no_rows_before"
    ]
    assert [one.data for one in results] == [{"count": 1, "entities": [1]}]
    all_rows = spec.fit(Panel(frame, "city", "year")).diagnostics
    assert "no_rows_before" not in [one.code for one in all_rows]


@pytest.mark.montecarlo
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize(
    ("n", "treated", "covered"),
    [
        (40, 2, 0.69),
        (40, 5, 0.88),
        (40, 10, 0.92),
        (100, 5, 0.86),
        (100, 10, 0.92),
        (200, 20, 0.93),
    ],
)
def test_coverage_of_the_page(
    n: int, treated: int, covered: float, measured: Callable[..., None]
) -> None:
    """Share of 1,000 panels in which the 95% interval covers the truth.

    The estimate is a difference in differences. Standard errors are clustered by city.
    Cities are observed for 10 years, and the treated ones are treated in the last five.
    Errors have a serial correlation of .5 and are independent between cities.
    """
    rng = np.random.default_rng(n + treated)
    keys = pd.DataFrame(
        {"city": np.repeat(np.arange(n), 10), "year": np.tile(np.arange(10), n)}
    )
    keys["on"] = ((keys["city"] < treated) & (keys["year"] >= 5)).astype(float)
    spec, hits, draws = FixedEffects("y", ["on"]), 0, 1000
    for _ in range(draws):
        error = rng.normal(size=(n, 10))
        error[:, 0] /= np.sqrt(0.75)
        for t in range(1, 10):
            error[:, t] += 0.5 * error[:, t - 1]
        low, high = (
            spec.fit(Panel(keys.assign(y=error.ravel()), "city", "year"))
            .conf_int()
            .iloc[0]
        )
        hits += low <= 0 <= high
    row = {"cities": n, "treated cities": treated, "coverage": hits / draws}
    measured("coverage_of_policy_effects", row)
    assert (
        abs(hits / draws - covered)
        < 3 * np.sqrt(covered * (1 - covered) / draws) + 0.01
    )


def treaties(ends: dict[str, int], **columns: object) -> Panel:
    """Twelve countries, of which eight sign in two years, and some leave later."""
    country = np.repeat([*"abcdefghijkl"], 12)
    frame = pd.DataFrame({"country": country, "year": np.tile(range(12), 12)})
    rng = np.random.default_rng(4)
    frame["y"] = rng.poisson(3, size=len(frame))
    frame["first"] = frame["country"].map(
        dict.fromkeys("abcd", 4) | dict.fromkeys("efgh", 6)
    )
    last = frame["country"].map(ends).fillna(99)
    frame["member"] = 1 * (frame["year"] >= frame["first"]) * (frame["year"] < last)
    return Panel(frame.assign(**columns), "country", "year")


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
@pytest.mark.parametrize(
    "spec",
    [
        EventStudy("y", "first", before=3, after=3),
        EventStudy("y", "first", before=3, after=3, family="poisson"),
        StaggeredDid("y", "first"),
        StaggeredDid("y", "first", estimator="imputation"),
    ],
)
def test_a_dummy_of_the_treatment_that_ends_is_a_warning(spec) -> None:
    with pytest.warns(IdentificationWarning, match="'member' begins .* ends in 2"):
        fit = spec.fit(treaties({"a": 8, "f": 9}))
    (notice,) = [n for n in fit.diagnostics if n.code == "treatment_ends"]
    assert notice.data == {"event": "first", "column": "member", "entities": ["a", "f"]}


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
@pytest.mark.parametrize(
    "panel",
    [
        treaties({}),  # it stays
        treaties(dict.fromkeys("abcd", 7) | dict.fromkeys("efgh", 9)),  # three years
        treaties(dict.fromkeys("abcd", 11)),  # seven, and the panel ends before
        treaties(dict.fromkeys("abcd", 7) | dict.fromkeys("efgh", 9)).subset(
            "year != 7"  # three years and a gap
        ),
        treaties({"a": 8}, member=lambda f: f["member"] * (f["country"] != "b")),
        treaties({"a": 8}, member=lambda f: f["member"].where(f["country"] != "l", 1)),
        treaties({"a": 8}, member=lambda f: f["member"].where(f["year"] != 2)),
        treaties({"a": 8}, member=lambda f: f["member"] * 2),
    ],
)
def test_other_columns_are_no_treatment_that_ends(panel: Panel) -> None:
    fit = EventStudy("y", "first", before=3, after=3).fit(panel)
    assert "treatment_ends" not in {n.code for n in fit.diagnostics}
