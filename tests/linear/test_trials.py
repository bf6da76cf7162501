"""Trials whose villages are treated as a whole: errors, baselines, who leaves."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffects, FixedEffectsIV, Panel, etable
from digiprosper.errors import (
    CovarianceWarning,
    DigiprosperWarning,
    IdentificationWarning,
    MissingDataError,
)


def trial(seed: int = 0, villages: int = 40, by: str = "village") -> pd.DataFrame:
    """Ten households of each village in a baseline (0) and two later waves."""
    rng = np.random.default_rng(seed)
    n = 10 * villages
    village = np.repeat(np.arange(villages), 10)
    lots = rng.permutation(villages) < villages // 2
    treat = lots[village] if by == "village" else rng.uniform(size=n) < 0.5
    level = rng.normal(0, 0.4, villages)[village] + rng.normal(0, 0.8, n)
    y = 8 + level[:, None] + rng.normal(0, 0.8, (n, 3)) + treat[:, None] * [0, 0.3, 0.3]
    leaves = (rng.uniform(size=n) < rng.beta(1, 6, villages)[village])[:, None]
    home, wave = np.indices((n, 3)).reshape(2, -1)
    # Stata stores these columns as floats.
    frame = pd.DataFrame({"home": home, "wave": wave, "village": village[home] * 1.0})
    frame["treat"], frame["y"], frame["y0"] = treat[home] * 1.0, y.ravel(), y[home, 0]
    frame["uses"] = frame["treat"] * (rng.uniform(size=n) < 0.6)[home] * (wave > 0)
    frame["rain"] = rng.normal(size=villages)[village[home]]
    frame["leaves"] = (leaves & (np.arange(3) > 0)).ravel()
    return frame


ANCOVA = FixedEffects("y", ["treat", "y0"], entity_effects=False, where="wave > 0")
LATE = FixedEffectsIV(
    "y", ["y0"], ["uses"], ["treat"], entity_effects=False, where="wave > 0"
)


def codes(spec: Any, panel: Panel) -> set[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return {notice.code for notice in spec.fit(panel).diagnostics}


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
@pytest.mark.parametrize("spec", [ANCOVA, LATE, ANCOVA.replace(cov_type="robust")])
def test_a_village_stored_as_a_float_is_treated_together(spec: Any) -> None:
    panel = Panel(trial(), "home", "wave")
    assert "treated_together" in codes(spec, panel)
    if spec.cov_type == "clustered":
        by_village = spec.replace(clusters="village")
        assert "treated_together" not in codes(by_village, panel)
        errors = [s.fit(panel).std_errors.iloc[0] for s in (by_village, spec)]
        assert errors[0] > 1.2 * errors[1]
    homes = Panel(trial(by="home"), "home", "wave")
    assert "treated_together" not in codes(spec, homes)


def test_rows_of_villages_are_treated_together() -> None:
    spec = FixedEffects("y", ["treat", "y0"])
    rows = trial().query("wave == 2")
    assert "treated_together" in codes(spec, Panel.from_rows(rows))
    assert "treated_together" not in codes(
        spec, Panel.from_rows(trial(by="home").query("wave == 2"))
    )
    # A dummy that is made from a column of few or ordered values is no treatment.
    years = np.random.default_rng(1).integers(0, 20, len(rows))
    born = np.datetime64("1990-01-01") + years
    for schooling in (years, years % 6, born):
        treat = (schooling > np.sort(schooling)[len(rows) // 4]) * 1
        degree = rows.assign(schooling=schooling, treat=treat)
        people = Panel.from_rows(degree.drop(columns="village"))
        assert "treated_together" not in codes(spec, people)


# --- the baseline ---------------------------------------------------------------------


@pytest.mark.parametrize("y", ["y", "log(y)"])
def test_rows_of_the_baseline_are_explained_by_the_baseline(y: str) -> None:
    panel = Panel(trial(), "home", "wave")
    spec = ANCOVA.replace(y=y, x=["treat", y.replace("y", "y0")], clusters="village")
    whole = spec.replace(where=None)
    with pytest.warns(IdentificationWarning, match=r"400 rows of wave 0.*McKenzie"):
        fit = whole.fit(panel)
    assert fit.params["treat"] < 0.8 * spec.fit(panel).params["treat"]
    (notice,) = (n for n in fit.diagnostics if n.code == "baseline_rows")
    where = notice.message.split('where="')[1].removesuffix('".')
    assert "baseline_rows" not in codes(whole.replace(where=where), panel)
    assert "equals the outcome in all rows of wave 0" in str(etable(fit))


def test_a_baseline_is_named_by_its_date() -> None:
    frame = trial()
    frame["wave"] = pd.to_datetime((2001 + frame["wave"]).astype(str))
    panel = Panel(frame, "home", "wave")
    with pytest.warns(DigiprosperWarning) as said:
        ANCOVA.replace(where=None, clusters="village").fit(panel)
    (text,) = (str(w.message) for w in said if "McKenzie" in str(w.message))
    assert "rows of wave 2001-01-01. It" in text
    assert "where=\"wave != '2001-01-01'\"" in text
    with pytest.warns(DigiprosperWarning):
        later = ANCOVA.replace(where="wave != '2001-01-01'").fit(panel)
    assert later.nobs == len(frame) - 400


def test_a_baseline_that_effects_of_homes_absorb_is_no_baseline() -> None:
    spec = FixedEffects("y", ["uses", "y0"], clusters="village", collinear="drop")
    panel = Panel(trial(), "home", "wave")
    assert "baseline_rows" not in codes(spec, panel)
    assert "baseline_rows" in codes(spec.replace(entity_effects=False), panel)


def test_prices_of_a_base_year_are_no_baseline() -> None:
    frame = trial()
    frame["x"] = frame["y"] * (1 + 0.1 * frame["wave"])
    spec = FixedEffects("y", ["x"], entity_effects=False)
    assert "baseline_rows" not in codes(spec, Panel(frame, "home", "wave"))


# --- who leaves -----------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_households_that_leave_one_arm_are_told() -> None:
    frame = trial(villages=80)
    more = (np.random.default_rng(1).uniform(size=800) < 0.3)[frame["home"]]
    leaves = frame["leaves"] | (more & (frame["wave"] == 2) & (frame["treat"] == 0))
    absent, missing = frame[~leaves], frame.assign(y=frame["y"].mask(leaves))
    spec = ANCOVA.replace(clusters="village")
    double = FixedEffects("y", ["I(treat*(wave>0))"], clusters="village")
    shares = leaves[frame["wave"] == 2].groupby(frame["treat"]).mean()
    for rows in (absent, missing):
        for model in (spec, double, LATE.replace(clusters="village")):
            assert "attrition" in codes(model, Panel(rows, "home", "wave"))
        (text,) = (
            notice.message
            for notice in spec.fit(Panel(rows, "home", "wave")).diagnostics
            if notice.code == "attrition"
        )
        assert text.startswith(
            f"'y' of wave 2 is missing in {shares[1]:.0%} of home with treat = 1 and "
            f"{shares[0]:.0%} of those with 0"
        )


@pytest.mark.further
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_villages_that_differ_are_no_arms_that_differ() -> None:
    """Villages lose between none and most of their households, in both arms alike."""
    spec = ANCOVA.replace(clusters="village")
    reported = 0
    for seed in range(30):
        frame = trial(seed)
        for rows in (
            frame[~frame["leaves"]],
            frame.assign(y=frame["y"].mask(frame["leaves"])),
        ):
            reported += "attrition" in codes(spec, Panel(rows, "home", "wave"))
    assert reported <= 1


@pytest.mark.further
@pytest.mark.weekly
@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
@pytest.mark.parametrize("treated", [2, 3, 5, 10])
def test_a_few_homes_that_leave_by_chance_are_no_attrition(treated: int) -> None:
    spec = ANCOVA.replace(where=None)
    reported = 0
    for seed in range(40):
        frame = trial(seed, villages=6)
        frame["treat"] = (frame["home"] < treated) * 1.0
        leaves = np.random.default_rng(seed).uniform(size=60) < 0.2
        frame["y"] = frame["y"].mask(leaves[frame["home"]] & (frame["wave"] == 2))
        reported += "attrition" in codes(spec, Panel(frame, "home", "wave"))
    assert reported <= 1


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_homes_that_a_condition_excludes_have_not_left() -> None:
    frame = trial(villages=80, by="home")
    asked = frame["village"] < 40 + 20 * frame["treat"]
    panel = Panel(frame.assign(y=frame["y"].where(asked), asked=asked), "home", "wave")
    assert "attrition" in codes(ANCOVA, panel)
    chosen = ANCOVA.replace(where="wave > 0 and asked")
    assert "attrition" not in codes(chosen, panel)


# --- balance --------------------------------------------------------------------------


def test_balance_of_villages_is_that_of_their_sums() -> None:
    panel = Panel(trial().query("wave == 0"), "home", "wave")
    with pytest.warns(CovarianceWarning, match="Use clusters='village'"):
        by_home = panel.balance_table("treat", ["y", "rain"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = panel.balance_table("treat", ["y", "rain"], clusters="village")
        homes = Panel(trial(by="home").query("wave == 0"), "home", "wave")
        homes.balance_table("treat", ["y", "rain"])
    means = panel.frame.groupby("village").mean()
    villages = Panel(means.reset_index(), "village")
    np.testing.assert_allclose(
        table.iloc[:, 1:],
        villages.balance_table("treat", ["y", "rain"]).iloc[:, 1:],
        rtol=1e-10,
    )
    assert table.loc["rain", "std_error"] > 2 * by_home.loc["rain", "std_error"]
    gaps = panel.assign(village=panel["village"].where(panel["y"] < 9))
    with pytest.raises(MissingDataError, match=r"clusters='village'\): 'village' is"):
        gaps.balance_table("treat", ["y"], clusters="village")
