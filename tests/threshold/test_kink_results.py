"""What the stored numbers of a kink tell: tests, sets, profile, words."""

from __future__ import annotations

import json
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from digiprosper import KinkResults, Panel, PanelKink, Results, fit_all
from digiprosper.errors import OptionError
from digiprosper.threshold.kink_results import critical_chi2
from digiprosper.threshold.notices import kink_notices_from_results

pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")

JUMP = "A jump fits better"


def panel() -> Panel:
    rng = np.random.default_rng(8)
    df = pd.DataFrame(
        {
            "city": np.repeat(np.arange(50), 9),
            "year": np.tile(np.arange(2010, 2019), 50),
        }
    )
    df["q"] = rng.normal(size=450)
    df["x"] = rng.normal(size=450)
    df["y"] = (
        df["x"]
        + 2 * np.maximum(df["q"] - 0.2, 0)
        + 0.1 * df["city"]
        + rng.normal(size=450)
    )
    return Panel(df, "city", "year", labels={"q": "城镇化率", "y": "Income"})


@pytest.fixture(scope="module")
def actual() -> KinkResults:
    return PanelKink("y", "q", "x", reps=199).fit(panel(), rng=4)


@pytest.fixture(scope="module")
def plain() -> KinkResults:
    return PanelKink("y", "q", "x", bootstrap=None, df="xthreg").fit(panel())


def test_tests_follow_their_definitions(
    actual: KinkResults, plain: KinkResults
) -> None:
    s = actual.ssr
    assert s.index.tolist() == ["linear", "kink", "step"]
    assert s["linear"] > s["kink"] > s["step"]
    assert actual.df == 450 - 50
    for row, (test, ratio) in enumerate(
        [
            (actual.test, s["linear"] / s["kink"]),
            (actual.continuity, s["kink"] / s["step"]),
        ]
    ):
        assert test.statistic == pytest.approx((ratio - 1) * 400)
        assert test.draws is not None
        assert test.draws.size == 199
        assert (
            test.p_value
            == (1 + (actual.statistic_draws[row] >= test.statistic).sum()) / 200
        )
        assert test.distribution == "bootstrap"
        assert test.summary().startswith("Test of")
    assert plain.df == 9 * 49
    assert np.isnan(plain.test.p_value)
    assert plain.continuity.draws is None


def test_sets_by_method(actual: KinkResults, plain: KinkResults) -> None:
    assert actual.confidence_set() == actual.confidence_set("bootstrap")
    assert actual.critical == {
        "lr": pytest.approx(stats.chi2.ppf(0.95, 1)),
        "bootstrap": np.quantile(actual.statistic_draws[2], 0.95),
    }
    profile = actual.profile()
    for method, bound in actual.critical.items():
        pieces = actual.confidence_set(method)
        inside = [any(a <= g <= b for a, b in pieces) for g in profile["gamma"]]
        assert inside == (profile["lr"] <= bound).tolist()
    low, high = actual.confidence_set("wald")[0]
    half = stats.t.ppf(0.975, 49) * actual.threshold_se
    assert (low, high) == pytest.approx(
        (actual.threshold - half, actual.threshold + half)
    )
    assert plain.confidence_set() == plain.confidence_set("lr")
    with pytest.raises(OptionError, match="use one of 'lr', 'wald'"):
        plain.confidence_set("bootstrap")
    with pytest.raises(OptionError, match="use one of 'bootstrap', 'lr', 'wald'"):
        actual.confidence_set("scaled")


def test_the_profile_has_its_least_value_at_the_estimate(actual: KinkResults) -> None:
    profile = actual.profile()
    assert list(profile.columns) == ["gamma", "ssr", "lr"]
    assert profile["gamma"].is_monotonic_increasing
    assert profile["gamma"].is_unique
    at = int(profile["lr"].argmin())
    assert profile["gamma"][at] == actual.threshold
    assert profile["lr"][at] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(
        profile["lr"], (profile["ssr"] / actual.ssr["kink"] - 1) * 400
    )
    between = (actual.candidates[3] + actual.candidates[4]) / 2
    moved = replace(actual, threshold=between)
    assert len(moved.profile()) == actual.candidates.size + 1
    observed = replace(actual, threshold=float(actual.candidates[7]))
    assert len(observed.profile()) == actual.candidates.size


def test_regimes_count_rows_and_entities(actual: KinkResults) -> None:
    data = panel().frame
    below, city = (
        (data["q"] <= actual.threshold).to_numpy(),
        data.index.get_level_values("city"),
    )
    regimes = actual.regimes
    assert regimes.index.tolist() == ["below", "above"]
    assert regimes["nobs"].tolist() == [below.sum(), (~below).sum()]
    assert regimes["n_entities"].tolist() == [
        city[below].nunique(),
        city[~below].nunique(),
    ]
    assert regimes["lower"].tolist() == [-np.inf, actual.threshold]
    assert regimes["upper"].tolist() == [actual.threshold, np.inf]


def test_summary_says_what_an_economist_asks_of_kinks(
    actual: KinkResults, plain: KinkResults
) -> None:
    text = actual.summary()
    for words in (
        "Outcome: y",
        "Slope of q with a kink",
        "H0 no kink: rejected at 5%",
        "H0 no jump: not rejected at 5%",
        "95% confidence set (bootstrap): ",
        "q:below",
        f"q > {actual.threshold:.5g}",
    ):
        assert words in " ".join(text.split())
    assert actual.conventions.startswith(
        "Standard errors clustered by city (50 clusters"
    )
    assert actual.conventions.endswith("allowing for the estimated threshold")
    for words in (
        "trim .05",
        "N - n = 400",
        f"bootstrap set: LR <= {actual.critical['bootstrap']:.4g}",
        "199 draws",
        "rng 4",
    ):
        assert words in actual.settings
    assert str(actual) == text
    assert "no p-value" in plain.summary()
    assert "T (n - 1) = 441" in plain.settings
    assert "lr set: LR <= 3.841" in plain.settings
    assert "confidence set (lr): " in " ".join(plain.summary().split())
    assert "rng" not in plain.conventions
    assert actual._repr_html_().count("<table") == 2
    assert "H0 no kink: rejected" in actual._repr_html_()
    assert "95% confidence set (bootstrap)" in actual._repr_html_()


@pytest.mark.parametrize(
    ("kink", "jump", "words"),
    [
        (True, False, None),
        (True, True, JUMP),
        (False, True, JUMP),
        (False, False, "Without a kink"),
    ],
)
def test_summary_says_what_follows_from_both_tests(
    actual: KinkResults, plain: KinkResults, kink: bool, jump: bool, words: str | None
) -> None:
    draws = actual.statistic_draws.copy()
    draws[:2] = np.where([[kink], [jump]], 0, 1e9)
    lines = replace(actual, statistic_draws=draws).summary().splitlines()
    told = [line for line in lines if JUMP in line or "Without a kink" in line]
    assert len(told) == (words is not None)
    assert all(words is not None and words in line and len(line) <= 80 for line in told)
    assert JUMP not in plain.summary()
    assert "Without a kink" not in plain.summary()


def test_kinks_are_frozen_picklable_and_json_safe(
    actual: KinkResults, plain: KinkResults
) -> None:
    with pytest.raises((FrozenInstanceError, TypeError)):
        actual.level = 0.9  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(actual)).to_dict() == actual.to_dict()
    for results in (actual, plain, replace(actual, threshold_se=np.nan)):
        out = json.loads(json.dumps(results.to_dict(), allow_nan=False))
        assert out["schema"] == 1
        assert out["threshold"] == results.threshold
        assert out["regimes"][0]["lower"] is None
        assert out["slopes"]["schema"] == 1
    assert out["threshold_se"] is None
    assert out["confidence_sets"]["wald"] == [[None, None]]
    assert plain.to_dict()["tests"]["no_kink"]["p_value"] is None
    assert not hasattr(actual, "bse")
    assert isinstance(actual, Results)
    assert isinstance(actual.slopes, Results)


def test_a_battery_shows_its_slopes() -> None:
    many = fit_all({"a": PanelKink("y", "q", "x", reps=199)}, panel(), rng=1)
    assert many.tidy()["term"].tolist() == ["q:below", "q:above", "x"]


def test_critical_values() -> None:
    for level in (0.5, 0.9, 0.99):
        assert critical_chi2(level) == pytest.approx(stats.chi2.ppf(level, 1))


def codes(results: Any) -> set[str]:
    return {n.code for n in kink_notices_from_results(results)}


def test_remarks_read_stored_numbers_only(actual: KinkResults) -> None:
    assert codes(actual) == set()
    assert codes(replace(actual, reps=50)) == {"few_draws"}
    assert codes(replace(actual, bootstrap=None, reps=50)) == set()
    assert codes(replace(actual, threshold_se=np.nan)) == {"no_threshold_se"}
    small = replace(actual, regime_sizes=np.array([[440, 50], [10, 4]]))
    notice = next(iter(kink_notices_from_results(small)))
    assert notice.data == {"regime": "above", "nobs": 10, "n_entities": 4}
    first, last = actual.candidates[[0, -1]]
    for ends, words in (
        ((first, 0.0), "lowest"),
        ((0.0, last), "highest"),
        ((first, last), "lowest.*highest"),
    ):
        notice = next(
            iter(
                kink_notices_from_results(
                    replace(actual, sets={**actual.sets, "bootstrap": (ends,)})
                )
            )
        )
        assert notice.code == "boundary"
        reached = {"lowest": ends[0] == first, "highest": ends[1] == last}
        assert notice.data == {
            "threshold": 1,
            "first": first,
            "last": last,
            "whole": all(reached.values()),
            "ends": {end: None for end in reached if reached[end]},
        }
        assert all(w in notice.message for w in words.split(".*"))


def test_sides_of_a_kink_stand_from_low_to_high(actual: KinkResults) -> None:
    terms = replace(actual, threshold=0.5).terms
    sides = [term.regime.condition("q", 2) for term in terms if term.regime is not None]
    assert sides == ["below 0.5", "above 0.5"]
