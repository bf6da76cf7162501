"""Effects by cohort and time: csdid, differences by hand, and failures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import IdentificationError
from digiprosper.policy.notices import few_per_covariate


def draw(seed: int = 1, n: int = 90, periods: int = 6) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(n), periods),
            "year": np.tile(np.arange(periods), n),
        }
    )
    frame["year"] += 2010
    frame["first"] = np.array([2012.0, 2014.0, np.nan])[frame["city"] % 3]
    frame["x"] = rng.normal(size=n)[frame["city"]] + 0.2 * rng.normal(size=len(frame))
    frame["y"] = (frame["year"] >= frame["first"]) + frame["x"] * frame["year"] / 2010
    frame["y"] += rng.normal(size=n)[frame["city"]] + rng.normal(size=len(frame))
    return frame


def fit_of(frame: pd.DataFrame, **options: Any) -> dp.StaggeredDidResults:
    return dp.StaggeredDid("y", "first", **options).fit(dp.Panel(frame, "city", "year"))


def test_few_entities_for_each_control() -> None:
    assert list(few_per_covariate(10.0)) == []
    (notice,) = few_per_covariate(4.0)
    assert (notice.code, notice.data) == ("few_per_covariate", {"ratio": 4.0})


# --- against csdid --------------------------------------------------------------------


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("x", [(), ("x",)])
@pytest.mark.parametrize("control", ["never", "not_yet"])
@pytest.mark.parametrize("adjustment", ["doubly_robust", "ipw", "regression"])
@pytest.mark.parametrize(
    ("anticipation", "base"), [(0, "varying"), (1, "varying"), (1, "universal")]
)
def test_csdid(
    x: Any, control: Any, adjustment: Any, anticipation: int, base: Any
) -> None:
    peer = pytest.importorskip("csdid.att_gt")
    frame = draw(2)
    options = {
        "control": control,
        "adjustment": adjustment,
        "anticipation": anticipation,
    }
    options |= {"base_period": base, "cov_type": "influence"}
    fit = dp.StaggeredDid("y", "first", x, **options).fit(
        dp.Panel(frame, "city", "year")
    )

    theirs = peer.ATTgt(
        yname="y",
        gname="first",
        idname="city",
        tname="year",
        xformla="y ~ x" if x else "y ~ 1",
        data=frame.assign(first=frame["first"].fillna(0)),
        control_group=["nevertreated" if control == "never" else "notyettreated"],
        anticipation=anticipation,
    ).fit(
        est_method={"doubly_robust": "dr", "regression": "reg"}.get(adjustment, "ipw"),
        bstrap=False,
        base_period=base,
    )
    atol = 1e-5 if x else 1e-7
    known = pd.DataFrame(theirs.results)[["group", "year", "att", "se"]].astype(float)
    cells = fit.group_time.merge(
        known, left_on=["cohort", "time"], right_on=["group", "year"]
    )
    assert len(cells) == len(fit.group_time)
    np.testing.assert_allclose(cells["estimate"], cells["att"], rtol=0, atol=atol)
    np.testing.assert_allclose(cells["std_error"], cells["se"], rtol=0, atol=atol)
    for by in ("simple", "dynamic", "group", "calendar"):
        found = fit.aggregate(by).tidy()
        one = theirs.aggte(by, bstrap=False, cband=False).atte
        assert found["estimate"][0] == pytest.approx(
            float(one["overall_att"]), abs=atol
        )
        assert found["std_error"][0] == pytest.approx(
            float(np.squeeze(one["overall_se"])), abs=atol
        )
        if by == "simple":
            continue
        numbers = np.array(
            [one["egt"], one["att_egt"], np.ravel(one["se_egt"])], dtype=float
        ).T
        keys = found["term"][1:].str.partition(":")[2].astype(float)
        wanted = numbers[np.isin(numbers[:, 0], keys)]
        np.testing.assert_allclose(
            found[["estimate", "std_error"]][1:], wanted[:, 1:], rtol=0, atol=atol
        )


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("x", [(), ("x",)])
@pytest.mark.parametrize("varying", [False, True])
@pytest.mark.parametrize("adjustment", ["doubly_robust", "ipw", "regression"])
@pytest.mark.parametrize(
    ("control", "base"), [("never", "varying"), ("not_yet", "universal")]
)
def test_weights_of_csdid(
    x: Any, varying: bool, adjustment: Any, control: Any, base: Any
) -> None:
    """Weights that change over time: the earlier period's, the first for cohorts."""
    peer = pytest.importorskip("csdid.att_gt")
    frame, rng = draw(2), np.random.default_rng(2)
    frame["w"] = rng.uniform(0.3, 3, size=90)[frame["city"]]
    frame["w"] *= rng.uniform(0.5, 2, size=len(frame)) if varying else 1.0
    options: dict[str, Any] = {
        "adjustment": adjustment,
        "control": control,
        "base_period": base,
    }
    options["cov_type"] = "influence"
    fit = fit_of(frame, x=x, obs_weights="w", **options)
    theirs = peer.ATTgt(
        yname="y",
        gname="first",
        idname="city",
        tname="year",
        xformla="y ~ x" if x else "y ~ 1",
        data=frame.assign(first=frame["first"].fillna(0)),
        control_group=["nevertreated" if control == "never" else "notyettreated"],
        weights_name="w",
    ).fit(
        est_method={"doubly_robust": "dr", "regression": "reg"}.get(adjustment, "ipw"),
        bstrap=False,
        base_period=base,
    )
    atol = 1e-5 if x else 1e-7
    known = pd.DataFrame(theirs.results)[["group", "year", "att", "se"]].astype(float)
    cells = fit.group_time.merge(
        known, left_on=["cohort", "time"], right_on=["group", "year"]
    )
    assert len(cells) == len(fit.group_time)
    np.testing.assert_allclose(cells["estimate"], cells["att"], rtol=0, atol=atol)
    np.testing.assert_allclose(cells["std_error"], cells["se"], rtol=0, atol=atol)
    for by in ("simple", "dynamic", "group", "calendar"):
        found = fit.aggregate(by).tidy()
        one = theirs.aggte(by, bstrap=False, cband=False).atte
        assert found["estimate"][0] == pytest.approx(
            float(one["overall_att"]), abs=atol
        )
        assert found["std_error"][0] == pytest.approx(
            float(np.squeeze(one["overall_se"])), abs=atol
        )
    gap = np.abs(
        fit.group_time["estimate"]
        - fit_of(frame, x=x, **options).group_time["estimate"]
    ).max()
    assert gap > 100 * atol


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("base", ["varying", "universal"])
def test_a_gap_in_time_is_that_of_csdid(base: Any) -> None:
    """Cohort 2014 is compared with 2012, and nothing is refused."""
    peer = pytest.importorskip("csdid.att_gt")
    frame = draw(5).query("year != 2013")
    fit = fit_of(frame, base_period=base, cov_type="influence")
    theirs = peer.ATTgt(
        "y", "year", "city", "first", frame.fillna({"first": 0}), xformla="y ~ 1"
    )
    known = theirs.fit(bstrap=False, base_period=base).results
    known = pd.DataFrame(known)[["group", "year", "att", "se"]].astype(float)
    cells = fit.group_time.merge(
        known, left_on=["cohort", "time"], right_on=["group", "year"]
    )
    assert len(cells) == len(fit.group_time)
    np.testing.assert_allclose(cells["estimate"], cells["att"], rtol=0, atol=1e-7)
    np.testing.assert_allclose(cells["std_error"], cells["se"], rtol=0, atol=1e-7)
    assert "earlier_base" in [notice.code for notice in fit.diagnostics]


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("balanced", [0, 1, 2, 3])
def test_balanced_event_times_of_csdid(balanced: int) -> None:
    peer = pytest.importorskip("csdid.att_gt")
    frame = draw(3)
    fit = fit_of(frame, cov_type="influence")
    found = fit.aggregate("dynamic", balanced=balanced).tidy()
    theirs = peer.ATTgt(
        "y", "year", "city", "first", frame.fillna({"first": 0}), xformla="y ~ 1"
    )
    one = (
        theirs.fit(bstrap=False)
        .aggte("dynamic", balance_e=balanced, bstrap=False, cband=False)
        .atte
    )
    assert [f"event:{int(time)}" for time in one["egt"]] == found["term"][1:].tolist()
    estimates = [one["overall_att"], *one["att_egt"]]
    np.testing.assert_allclose(
        found["estimate"], np.array(estimates, float), rtol=0, atol=1e-7
    )
    errors = [np.squeeze(one["overall_se"]), *np.ravel(one["se_egt"])]
    np.testing.assert_allclose(
        found["std_error"], np.array(errors, float), rtol=0, atol=1e-7
    )


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("adjustment", ["doubly_robust", "ipw", "regression"])
def test_diff_diff(adjustment: Any) -> None:
    """Doubly robust weights of diff-diff 3.13 do not sum to one: other effects."""
    peer = pytest.importorskip("diff_diff")
    frame = draw(2)
    fit = fit_of(frame, x=["x"], adjustment=adjustment)
    method = {"doubly_robust": "dr", "ipw": "ipw", "regression": "reg"}[adjustment]
    theirs = peer.CallawaySantAnna(estimation_method=method).fit(
        frame.fillna({"first": 0}), "y", "city", "year", "first", covariates=["x"]
    )
    cells = fit.group_time
    pairs = zip(cells["cohort"], cells["time"], strict=True)
    effects = [theirs.group_time_effects[cell]["effect"] for cell in pairs]
    gap = np.abs(cells["estimate"] - effects).max()
    assert 1e-3 < gap < 6e-3 if adjustment == "doubly_robust" else gap < 1e-8


# --- by hand --------------------------------------------------------------------------


def test_effects_are_differences_in_differences_of_means() -> None:
    """On an unbalanced panel of the entities that have rows in both periods."""
    frame = draw(3).sample(frac=0.9, random_state=3)
    fit = fit_of(frame, base_period="universal", cov_type="influence")
    wide = frame.set_index(["city", "year"])["y"].unstack()  # noqa: PD010
    first = frame.groupby("city")["first"].first().reindex(wide.index)
    for row in fit.group_time.itertuples():
        change = wide[row.time] - wide[row.cohort - 1]
        treated, never = (
            change[first == row.cohort].dropna(),
            change[first.isna()].dropna(),
        )
        assert row.estimate == pytest.approx(treated.mean() - never.mean(), abs=1e-10)
        error = np.sqrt(
            treated.var(ddof=0) / treated.size + never.var(ddof=0) / never.size
        )
        assert row.std_error == pytest.approx(error, abs=1e-10)
        assert row.n_treated == treated.size
    assert "pairs_of_rows" in [notice.code for notice in fit.diagnostics]
    assert fit.reference == -1
    assert fit.path.set_index("time")["estimate"][-1] == 0


def test_base_periods_agree_from_treatment_on() -> None:
    frame = draw(4)
    varying, universal = (
        fit_of(frame, base_period=one).params for one in ("varying", "universal")
    )
    since = ["att", "event:0", "event:1", "event:2", "event:3"]
    np.testing.assert_allclose(varying[since], universal[since], atol=1e-12)
    assert "event:-1" in varying
    assert "event:-1" not in universal


def test_clusters_add_the_influence_of_their_entities() -> None:
    """Copies of every entity in one cluster have the errors of single entities."""
    frame = draw(5)
    twice = pd.concat([frame, frame.assign(city=frame["city"] + 1000)]).assign(
        pair=lambda f: f["city"] % 1000
    )
    for errors in ("influence", "hc2"):
        one = fit_of(frame, cov_type=errors)
        both = fit_of(twice, clusters=["pair"], cov_type=errors)
        np.testing.assert_allclose(both.params, one.params, atol=1e-10)
        np.testing.assert_allclose(both.cov, one.cov, atol=1e-12)


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_what_cannot_be_computed_is_listed_or_refused() -> None:
    frame = draw(6)
    lost = (frame["first"] == 2014) & (frame["year"] == 2015)
    fit = fit_of(frame[~lost])
    found = {notice.code: notice.data for notice in fit.diagnostics}
    assert found["cells_left_out"] == {"cells": ((2014, 2015),)}
    assert (2014, 2015) not in set(
        zip(fit.group_time["cohort"], fit.group_time["time"], strict=True)
    )

    with pytest.raises(IdentificationError) as caught:
        fit_of(frame.assign(z=1.0 + frame["year"]), x=["z"])
    assert caught.value.problems[0].code == "collinear_controls"
    with pytest.raises(IdentificationError) as caught:
        fit_of(frame.assign(z=frame["first"].isna() + 0.01 * frame["x"]), x=["z"])
    assert caught.value.problems[0].code == "no_overlap"
    with pytest.raises(IdentificationError) as caught:
        fit_of(frame[frame["year"] != frame["first"] - 1])
    assert caught.value.problems[0].code == "no_effects"


def test_many_controls_of_a_small_cohort_are_reported() -> None:
    frame = draw(7, n=45)
    fit = fit_of(frame, x=["x", "I(x**2)"])
    assert "few_per_covariate" in [notice.code for notice in fit.diagnostics]
    regression = fit_of(frame, x=["x", "I(x**2)"], adjustment="regression")
    assert "few_per_covariate" not in [notice.code for notice in regression.diagnostics]
