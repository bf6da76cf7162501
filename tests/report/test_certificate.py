from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import Notice
from digiprosper.report import certificate
from digiprosper.report.certificate import coverage_remark

if TYPE_CHECKING:
    from collections.abc import Iterator

SLOPES = {"slopes": "slope, clustered"}
TABLE = {
    "slope, clustered": {(31, 10): ".91 to .95", (31, 20): ".92 to .95"},
    "slope, cr2": {(31, 10): ".93 to .96"},
    "2SLS slope, clustered": {(31, 10): ".90 to .94"},
    "att, callaway_santanna": {(31, 10): ".94 to .97"},
    "rho": {(31, 10): ".92 to .96"},
    "indirect effect": {(31, 10): ".93 to .97"},
}


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put known ranges in the place of the table."""
    monkeypatch.setattr(certificate, "_ranges", lambda: TABLE)
    return


@pytest.mark.parametrize(
    ("n", "t", "cited"),
    [
        (31, 10, "31 x 10"),
        (46, 15, "31 x 20"),  # nearer by ratio than ten periods, but for rounding
        (47, 10, None),
        (31, 31, None),
        (20, 10, None),
        (21, 7, "31 x 10"),
    ],
)
def test_the_nearest_cell_within_a_factor_of_one_and_a_half(
    n: int, t: int, cited: str | None, table: None
) -> None:
    text = coverage_remark(SLOPES, (n * t, n, t), [])
    assert (cited in text) if cited else text == ""


def test_unbalanced_panels_and_other_notices_are_not_cited(table: None) -> None:
    few, treated = (Notice(code, "", {}) for code in ("few_clusters", "few_treated"))
    assert coverage_remark(SLOPES, (309, 31, 10), []) == ""
    assert coverage_remark(SLOPES, (310, 31, 10), [few]).startswith("Coverage of 95%")
    assert coverage_remark(SLOPES, (310, 31, 10), [few, treated]) == ""
    assert coverage_remark({"slopes": "unknown"}, (310, 31, 10), []) == ""


def panel(first: int = 3) -> dp.Panel:
    """A panel of 31 x 10 with an instrument z and two cohorts."""
    rng = np.random.default_rng(first)
    keys = {"city": np.repeat(np.arange(31), 10), "year": np.tile(np.arange(10), 31)}
    frame = pd.DataFrame(keys)
    for name in ("x", "z", "e"):
        frame[name] = rng.normal(size=310)
    frame["d"] = frame["z"] + frame["e"]
    frame["y"] = frame["x"] + frame["d"] + frame["e"]
    frame["w"] = 1 + (keys["city"] % 3)
    start = np.where(np.arange(31) < 10, 4.0, np.where(np.arange(31) < 20, 6.0, np.nan))
    frame["start"] = start[keys["city"]]
    return dp.Panel(frame, "city", "year")


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (dp.FixedEffects("y", ["x"]), "slopes .91 to .95"),
        (dp.FixedEffects("y", ["x"], cov_type="cr2"), "slopes .93 to .96"),
        (dp.FixedEffects("y", ["x"], cov_type="robust"), None),
        (dp.FixedEffects("y", ["x"], time_effects=False), None),
        (dp.FixedEffects("y", ["x"], clusters="year"), None),
        (dp.FixedEffects("y", ["x"], obs_weights="w"), None),
        (dp.FixedEffectsIV("y", ["x"], ["d"], ["z"]), "slopes .90 to .94"),
        (dp.EventStudy("y", "start", before=2, after=2), None),
        (dp.StaggeredDid("y", "start"), "the average effect .94 to .97"),
        (dp.StaggeredDid("y", "start", cov_type="influence"), None),
        (dp.StaggeredDid("y", "start", aggregate="group"), None),
    ],
)
def test_summaries_cite_what_is_like_them(spec, said: str | None, table: None) -> None:
    text = " ".join(spec.fit(panel()).summary().split())
    assert ("Coverage of 95% intervals in simulated panels" in text) is bool(said)
    assert said is None or said in text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "rho .92 to .96, indirect effects .93 to .97"),
        ({"likelihood": "lee_yu"}, ""),
        ({"model": "sar"}, ""),
        ({"time_effects": False}, ""),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_a_spatial_summary(options, said: str, table: None) -> None:
    ring = np.roll(np.eye(31), 1, axis=1)
    weights = dp.SpatialWeights(ring + ring.T, range(31))
    fit = dp.PanelSpatial("y", ["x"], weights, **options).fit(panel())
    text = " ".join(fit.summary().split())
    assert said in text
    assert ("Coverage of 95% intervals" in text) is bool(said)


def test_the_table_of_the_package_can_be_read() -> None:
    assert set(certificate._ranges()) >= {"slope, clustered", "rho"}
