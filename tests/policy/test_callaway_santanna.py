"""Effects by cohort and time: csdid, differences by hand, and failures."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import IdentificationError
from digiprosper.policy import callaway_santanna
from digiprosper.policy.callaway_santanna import (
    Comparisons,
    differences,
    mean_differences,
    without_each_cluster,
)
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
        actual = fit.aggregate(by).tidy()
        one = theirs.aggte(by, bstrap=False, cband=False).atte
        assert actual["estimate"][0] == pytest.approx(
            float(one["overall_att"]), abs=atol
        )
        assert actual["std_error"][0] == pytest.approx(
            float(np.squeeze(one["overall_se"])), abs=atol
        )
        if by == "simple":
            continue
        numbers = np.array(
            [one["egt"], one["att_egt"], np.ravel(one["se_egt"])], dtype=float
        ).T
        keys = actual["term"][1:].str.partition(":")[2].astype(float)
        wanted = numbers[np.isin(numbers[:, 0], keys)]
        np.testing.assert_allclose(
            actual[["estimate", "std_error"]][1:], wanted[:, 1:], rtol=0, atol=atol
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
        actual = fit.aggregate(by).tidy()
        one = theirs.aggte(by, bstrap=False, cband=False).atte
        assert actual["estimate"][0] == pytest.approx(
            float(one["overall_att"]), abs=atol
        )
        assert actual["std_error"][0] == pytest.approx(
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
    actual = fit.aggregate("dynamic", balanced=balanced).tidy()
    theirs = peer.ATTgt(
        "y", "year", "city", "first", frame.fillna({"first": 0}), xformla="y ~ 1"
    )
    one = (
        theirs.fit(bstrap=False)
        .aggte("dynamic", balance_e=balanced, bstrap=False, cband=False)
        .atte
    )
    assert [f"event:{int(time)}" for time in one["egt"]] == actual["term"][1:].tolist()
    estimates = [one["overall_att"], *one["att_egt"]]
    np.testing.assert_allclose(
        actual["estimate"], np.array(estimates, float), rtol=0, atol=1e-7
    )
    errors = [np.squeeze(one["overall_se"]), *np.ravel(one["se_egt"])]
    np.testing.assert_allclose(
        actual["std_error"], np.array(errors, float), rtol=0, atol=1e-7
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
    actual = {notice.code: notice.data for notice in fit.diagnostics}
    assert actual["cells_left_out"] == {"cells": ((2014, 2015),)}
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


# --- comparisons of two periods -------------------------------------------------------


def difference(
    change: np.ndarray,
    treated: np.ndarray,
    x: np.ndarray,
    weights: np.ndarray,
    adjustment: str,
) -> SimpleNamespace:
    """Estimate a single effect on entities that are all compared."""
    data = Comparisons(
        change=change[None],
        used=np.ones((1, change.size), dtype=bool),
        treated=treated[None],
        weights=weights[None],
    )
    (estimate,), influence, (collinear,) = differences(data, x[None], adjustment)
    problem = "collinear_controls" if collinear else "no_overlap"
    return SimpleNamespace(
        estimate=estimate,
        influence=influence[:, 0],
        problem=problem if np.isnan(estimate) else "",
    )


def comparisons(
    seed: int = 1, n: int = 40, m: int = 3, k: int = 2
) -> tuple[Comparisons, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(m, n, k))
    treated = rng.random((m, n)) < 1 / (1 + np.exp(0.5 - x[:, :, 0]))
    change = rng.normal(size=(m, n)) + treated + x.sum(axis=2)
    used = rng.random((m, n)) < 0.9
    compared = Comparisons(
        change=change,
        used=used,
        treated=treated,
        weights=np.where(used, rng.uniform(0.5, 2, size=(m, n)), 0.0),
    )
    return compared, np.concatenate([np.ones((m, n, 1)), x], axis=2)


@pytest.mark.parametrize("adjustment", ["doubly_robust", "ipw", "regression"])
@pytest.mark.parametrize("pairs", [False, True])
def test_each_is_the_estimate_without_the_cluster(
    adjustment: str, pairs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, design = comparisons()
    clusters = np.arange(40) // 2 if pairs else np.arange(40)
    actual = without_each_cluster(data, design, clusters, adjustment)
    assert actual.shape == (clusters.max() + 1, 3)
    for cluster in range(0, len(actual), 5):
        for effect in range(3):
            rows = data.used[effect] & (clusters != cluster)
            wanted = difference(
                data.change[effect, rows],
                data.treated[effect, rows],
                design[effect, rows, 1:],
                data.weights[effect, rows],
                adjustment,
            )
            assert actual[cluster, effect] == pytest.approx(wanted.estimate, abs=1e-8)
    monkeypatch.setattr(callaway_santanna, "MEMORY", 1)
    again = without_each_cluster(data, design, clusters, adjustment)
    np.testing.assert_allclose(again, actual, rtol=1e-9)


def test_what_has_no_estimate_without_a_cluster_is_missing() -> None:
    data, design = comparisons(2, n=12, m=1, k=1)
    # Two controls, so that without one of them there is no regression.
    treated = np.ones((1, 12), dtype=bool)
    treated[0, :2] = False
    few = Comparisons(
        change=data.change,
        used=np.ones((1, 12), dtype=bool),
        treated=treated,
        weights=np.ones((1, 12)),
    )
    actual = without_each_cluster(few, design, np.arange(12), "regression")
    assert np.isnan(actual[:, 0]).tolist() == [True, True] + [False] * 10
    # Treatment that is predicted perfectly.
    apart = Comparisons(
        change=data.change,
        used=few.used,
        treated=design[:, :, 1] > 0,
        weights=np.ones((1, 12)),
    )
    assert np.isnan(without_each_cluster(apart, design, np.arange(12), "ipw")).all()


def test_differences_of_means_are_regressions_without_controls() -> None:
    data, _ = comparisons(3)
    estimates, influence, shares = mean_differences(data)
    for effect, used in enumerate(data.used):
        wanted = difference(
            data.change[effect, used],
            data.treated[effect, used],
            np.empty((used.sum(), 0)),
            data.weights[effect, used],
            "regression",
        )
        assert estimates[effect] == pytest.approx(wanted.estimate, abs=1e-13)
        assert influence[used, effect] == pytest.approx(wanted.influence, abs=1e-14)
        assert not influence[~used, effect].any()
        by_shares = shares[effect, used] @ data.change[effect, used]
        assert by_shares == pytest.approx(wanted.estimate, abs=1e-13)


# --- two periods, against formulas written out and numerical derivatives --------------


def draw_two_periods(
    seed: int, n: int = 80, k: int = 2
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k)) * [1.0, 300.0][:k] + 5
    treated = (
        rng.random(n) < 1 / (1 + np.exp(-(x[:, 0] - 5) / 2))
        if k
        else rng.random(n) < 0.4
    )
    change = rng.normal(size=n) + treated + (x.sum(axis=1) / 100 if k else 0)
    return change, treated, x


def by_hand(
    change: np.ndarray,
    treated: np.ndarray,
    x: np.ndarray,
    adjustment: str,
    w: np.ndarray,
) -> float:
    """Estimate with weights of entities; influence functions are derivatives."""
    design = np.column_stack([np.ones(len(x)), x])
    root = np.sqrt(w[~treated])
    slopes = np.linalg.lstsq(design[~treated] * root[:, None], change[~treated] * root)[
        0
    ]
    chance = np.zeros(len(x))
    if adjustment != "regression":
        b = np.zeros(design.shape[1])
        for _ in range(60):
            p = 1 / (1 + np.exp(-design @ b))
            hessian = (design * (w * p * (1 - p))[:, None]).T @ design
            b = b + np.linalg.solve(hessian, design.T @ (w * (treated - p)))
        chance = 1 / (1 + np.exp(-design @ b))
    residual = change if adjustment == "ipw" else change - design @ slopes
    one = np.average(residual, weights=w * treated)
    if adjustment == "regression":
        return float(one)
    return float(
        one - np.average(residual, weights=w * ~treated * chance / (1 - chance))
    )


@pytest.mark.many(4)
@pytest.mark.parametrize("k", [0, 1, 2])
@pytest.mark.parametrize("adjustment", ["doubly_robust", "ipw", "regression"])
@pytest.mark.parametrize("weighted", [False, True])
def test_estimates_and_influence(weighted: bool, adjustment: str, k: int) -> None:
    """The influence of an entity is the derivative by how often it is there."""
    change, treated, x = draw_two_periods(k + 1, n=60, k=k)
    weights = (
        np.random.default_rng(k).uniform(0.3, 4, size=60) if weighted else np.ones(60)
    )
    actual = difference(change, treated, x, weights, adjustment)
    assert actual.estimate == pytest.approx(
        by_hand(change, treated, x, adjustment, weights), abs=1e-9
    )
    scaled = difference(change, treated, x, 7 * weights, adjustment)
    np.testing.assert_allclose(scaled.influence, actual.influence, atol=1e-9)
    step = 1e-5
    for place in range(0, 60, 7):
        up, down = weights.copy(), weights.copy()
        up[place] *= 1 + step
        down[place] *= 1 - step
        slope = by_hand(change, treated, x, adjustment, up) - by_hand(
            change, treated, x, adjustment, down
        )
        assert actual.influence[place] == pytest.approx(slope / (2 * step), abs=1e-6)
    assert actual.influence.sum() == pytest.approx(0, abs=1e-10)


def test_without_controls_it_is_the_difference_of_means() -> None:
    change, treated, x = draw_two_periods(4, k=0)
    actual = difference(change, treated, x, np.ones(treated.size), "doubly_robust")
    assert actual.estimate == pytest.approx(
        change[treated].mean() - change[~treated].mean(), abs=1e-12
    )
    error = (
        change[treated].var() / treated.sum()
        + change[~treated].var() / (~treated).sum()
    )
    assert (actual.influence**2).sum() == pytest.approx(error, rel=1e-10)


@pytest.mark.further
def test_the_logit_is_that_of_statsmodels() -> None:
    from statsmodels.discrete.discrete_model import Logit

    change, treated, x = draw_two_periods(5)
    design = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / x.std(axis=0)])
    chance = Logit(treated.astype(float), design).fit(disp=False, tol=1e-12).predict()
    weights = chance[~treated] / (1 - chance[~treated])
    expected = change[treated].mean() - np.average(change[~treated], weights=weights)
    assert difference(
        change, treated, x, np.ones(treated.size), "ipw"
    ).estimate == pytest.approx(expected, abs=1e-9)


def test_units_do_not_matter() -> None:
    change, treated, x = draw_two_periods(6)
    one = difference(change, treated, x, np.ones(treated.size), "doubly_robust")
    other = difference(
        change, treated, 1e8 * x + 1e9, np.ones(treated.size), "doubly_robust"
    )
    assert other.estimate == pytest.approx(one.estimate, abs=1e-6)


@pytest.mark.parametrize("adjustment", ["doubly_robust", "ipw", "regression"])
def test_nearly_collinear_controls_are_those_that_they_span(adjustment: str) -> None:
    change, treated, x = draw_two_periods(9)
    nearly = np.column_stack([x[:, 0], x[:, 0] + 1e-6 * x[:, 1]])
    expected, estimated = (
        difference(change, treated, columns, np.ones(treated.size), adjustment)
        for columns in (x, nearly)
    )
    assert estimated.estimate == pytest.approx(expected.estimate, rel=1e-7)
    assert estimated.influence == pytest.approx(expected.influence, rel=1e-5)


def test_slopes_of_controls_much_smaller_than_the_treated_are_exact() -> None:
    change, treated, x = draw_two_periods(10)
    x[treated] *= 1e6
    design = np.column_stack([np.ones(treated.size), x])
    basis, triangle = np.linalg.qr(design[~treated])
    slopes = np.linalg.solve(triangle, basis.T @ change[~treated])
    expected = (change - design @ slopes)[treated].mean()
    result = difference(change, treated, x, np.ones(treated.size), "regression")
    assert result.estimate == pytest.approx(expected, rel=1e-8)


def test_controls_that_are_almost_certainly_treated_have_no_weight() -> None:
    change, treated, x = draw_two_periods(8, k=1)
    control = int(np.flatnonzero(~treated)[0])
    x[treated], x[control] = x[treated] + 2.0, 16.0
    slopes, design = np.zeros(2), np.column_stack([np.ones(80), x])
    for _ in range(60):
        chance = 1 / (1 + np.exp(-design @ slopes))
        hessian = (design * (chance * (1 - chance))[:, None]).T @ design
        slopes = slopes + np.linalg.solve(hessian, design.T @ (treated - chance))
    assert np.flatnonzero(~treated & (chance > 0.995)).tolist() == [control]
    odds = np.where(treated | (chance > 0.995), 0.0, chance / (1 - chance))
    expected = change[treated].mean() - np.average(change, weights=odds)
    estimate = difference(change, treated, x, np.ones(treated.size), "ipw").estimate
    assert estimate == pytest.approx(expected, rel=1e-9)


def test_what_has_no_estimate() -> None:
    change, treated, x = draw_two_periods(7)
    ones = np.ones(treated.size)

    def problem(columns: np.ndarray, adjustment: str) -> str:
        return difference(change, treated, columns, ones, adjustment).problem

    twice = np.column_stack([x, x[:, 0]])
    assert problem(twice, "regression") == "collinear_controls"
    nearly = np.column_stack([x[:, 0], x[:, 0] + 1e-11 * x[:, 1]])
    assert problem(nearly, "regression") == "collinear_controls"
    assert problem(np.ones((treated.size, 1)), "doubly_robust") == "collinear_controls"
    apart = x + 1000 * treated[:, None]
    assert problem(apart, "ipw") == "no_overlap"
    assert np.isnan(difference(change, treated, apart, ones, "ipw").estimate)
    assert problem(apart, "regression") == ""
