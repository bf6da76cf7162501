"""Effects of one regression with a dummy for every cohort and period."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.panel.access import table_of
from digiprosper.policy.timing import read_cohorts, read_timing


def draw(seed: int = 1, n: int = 45, periods: int = 7) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(n), periods),
            "year": np.tile(np.arange(periods), n),
        }
    )
    frame["first"] = np.array([3.0, 5.0, np.nan])[frame["city"] % 3]
    frame["x"] = rng.normal(size=len(frame))
    frame["y"] = (
        (frame["year"] >= frame["first"])
        + 0.5 * frame["x"]
        + rng.normal(size=len(frame))
    )
    return frame[rng.random(len(frame)) > 0.1]


@pytest.mark.parametrize("x", [[], ["x"]])
def test_averages_of_a_regression_with_dummies_made_by_hand(x: list[str]) -> None:
    frame = draw()
    spec = dp.StaggeredDid(
        "y", "first", x, estimator="sun_abraham", cov_type="influence"
    )
    fit = spec.fit(dp.Panel(frame, "city", "year"))
    names = []
    for g in (3, 5):
        for t in range(7):
            if t != g - 1:
                names.append(f"d{g}{t}")
                frame[names[-1]] = (
                    (frame["first"] == g) & (frame["year"] == t)
                ).astype(float)
    by_hand = dp.FixedEffects("y", [*names, *x]).fit(dp.Panel(frame, "city", "year"))
    cells = fit.group_time
    np.testing.assert_allclose(cells["estimate"], by_hand.params[names], atol=1e-12)
    np.testing.assert_allclose(
        cells["std_error"], by_hand.std_errors[names], atol=1e-12
    )

    rows = frame[names].sum()
    total = by_hand.combination(
        f"({rows['d31']:.0f} * d31 + {rows['d53']:.0f} * d53) / "
        f"{rows['d31'] + rows['d53']:.0f}"
    )
    assert fit.params["event:-2"] == pytest.approx(total.estimate, abs=1e-12)
    assert fit.std_errors["event:-2"] == pytest.approx(total.std_error, abs=1e-12)
    before = [name for name in names if int(name[2]) < int(name[1])]
    theirs = by_hand.wald_test([f"{name} = 0" for name in before]).alternatives["stata"]
    (test,) = fit.pretrend_test().alternatives.values()
    assert (test.statistic, test.p_value) == pytest.approx(
        (theirs.statistic, theirs.p_value), rel=1e-10
    )
    assert test.df == theirs.df


def test_one_cohort_is_the_event_study() -> None:
    frame = draw(2).query("first != 5")
    panel = dp.Panel(frame, "city", "year")
    spec = dp.StaggeredDid("y", "first", estimator="sun_abraham", cov_type="influence")
    fit = spec.fit(panel)
    study = dp.EventStudy("y", "first", before=3, after=3).fit(panel)
    np.testing.assert_allclose(fit.path["estimate"], study.path["estimate"], atol=1e-12)
    np.testing.assert_allclose(
        fit.path["std_error"], study.path["std_error"], atol=1e-12
    )
    assert fit.path["n_treated"].tolist() == study.path["n_treated"].tolist()


def test_the_reference_is_the_last_period_that_a_cohort_has() -> None:
    frame = draw(3).query("not (first == 5 and year == 4)")
    fit = dp.StaggeredDid("y", "first", estimator="sun_abraham").fit(
        dp.Panel(frame, "city", "year")
    )
    assert fit.reference is None
    assert fit.before == "cohorts"
    assert "is the reference:" not in fit.summary()
    cells = set(zip(fit.group_time["cohort"], fit.group_time["time"], strict=True))
    assert (5, 3) not in cells
    assert (3, 2) not in cells


def test_cells_of_rows() -> None:
    frame = draw(4)
    panel = dp.Panel(frame, "city", "year")
    sample = panel.sample({"y": ("y",)})

    timing = read_timing(table_of(panel), "first", None)
    cohorts = read_cohorts(dp.EventStudy("y", "first"), sample, timing)
    pairs, code = cohorts.treated_cells(sample.time)
    assert (code == -1).sum() == frame["first"].isna().sum()
    treated = code >= 0
    np.testing.assert_array_equal(pairs[code[treated], 1], sample.time[treated])
    np.testing.assert_array_equal(pairs[code[treated], 0], cohorts.cohort[treated])


@pytest.mark.peers
def test_diff_diff() -> None:
    diff_diff = pytest.importorskip("diff_diff")
    frame = draw(5, n=60)
    balanced = frame.groupby("city")["year"].transform("size") == 7
    frame = frame[balanced]
    fit = dp.StaggeredDid("y", "first", estimator="sun_abraham").fit(
        dp.Panel(frame, "city", "year")
    )
    theirs = diff_diff.SunAbraham().fit(
        frame.fillna({"first": 0}), "y", "city", "year", "first"
    )
    for time, effect in theirs.event_study_effects.items():
        assert fit.params[f"event:{int(time)}"] == pytest.approx(
            effect["effect"], abs=1e-9
        )
