"""Imputed effects on panels; the kernel is tested against dummies written out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.policy import imputation
from digiprosper.policy.imputation import (
    UntreatedModel,
    impute,
    lead_effects,
    untreated_model,
)


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
    frame["on"] = (frame["year"] >= frame["first"]).astype(float)
    return frame


def fit_of(
    frame: pd.DataFrame, x: tuple[str, ...] = (), **options: object
) -> dp.StaggeredDidResults:
    spec = dp.StaggeredDid("y", "first", x, estimator="imputation", **options)  # type: ignore[arg-type]
    return spec.fit(dp.Panel(frame, "city", "year"))


def test_effects_are_outcomes_less_predictions_of_a_regression_of_untreated_rows() -> (
    None
):
    rng = np.random.default_rng(2)
    frame = draw(2)[lambda f: (rng.random(len(f)) > 0.1) | (f["year"] == 0)]
    fit = fit_of(frame, ("x",))
    untreated = dp.FixedEffects("y", ["x"], singletons="keep").fit(
        dp.Panel(frame[frame["on"] == 0], "city", "year")
    )
    effects = frame["y"] - untreated.predict(dp.Panel(frame, "city", "year")).to_numpy()
    treated = frame.assign(effect=effects)[frame["on"] == 1]
    assert fit.aggregate("simple").params["att"] == pytest.approx(
        treated["effect"].mean(), abs=1e-10
    )
    cells = (
        treated.groupby(["first", "year"])["effect"].agg(["mean", "size"]).reset_index()
    )
    np.testing.assert_allclose(fit.group_time["estimate"], cells["mean"], atol=1e-10)
    assert fit.group_time["n_treated"].tolist() == cells["size"].tolist()


def test_leads_are_coefficients_of_untreated_rows() -> None:
    frame = draw(3)
    fit = fit_of(frame, leads=2, cov_type="influence")
    assert list(fit.params.index[1:3]) == ["event:-2", "event:-1"]
    event = frame["year"] - frame["first"]
    frame = frame.assign(l1=(event == -1) * 1.0, l2=(event == -2) * 1.0)[
        frame["on"] == 0
    ]
    by_hand = dp.FixedEffects("y", ["l2", "l1"], ssc="none").fit(
        dp.Panel(frame, "city", "year")
    )
    np.testing.assert_allclose(fit.params.iloc[1:3], by_hand.params, atol=1e-10)
    np.testing.assert_allclose(fit.std_errors.iloc[1:3], by_hand.std_errors, atol=1e-10)
    assert fit.path.set_index("time")["n_treated"][-2] == 30


def test_extended_two_way_regression_has_the_same_effects() -> None:
    """Wooldridge (2021): dummies of cohort and period since treatment, balanced."""
    frame = draw(8)
    cells = [(g, t) for g in (3, 5) for t in range(g, 7)]
    dummies = {
        f"d{g}{t}": ((frame["first"] == g) & (frame["year"] == t)) * 1.0
        for g, t in cells
    }
    saturated = dp.FixedEffects("y", list(dummies)).fit(
        dp.Panel(frame.assign(**dummies), "city", "year")
    )
    np.testing.assert_allclose(
        fit_of(frame).group_time["estimate"], saturated.params, atol=1e-10
    )


def test_default_leads_leave_half_of_the_entities_an_earlier_period() -> None:
    frame = draw(4)
    assert [one for one in fit_of(frame).path["time"] if one < 0] == [-4, -3, -2, -1]
    early = frame.assign(first=frame["first"].where(frame["city"] != 1, 3.0))
    assert [one for one in fit_of(early).path["time"] if one < 0] == [-2, -1]


def test_without_earlier_periods_there_is_no_test() -> None:
    frame = draw(5)[lambda f: f["year"] >= 2].assign(
        first=lambda f: f["first"].where(f["first"] != 5)
    )
    fit = fit_of(frame)
    assert fit.path["time"].min() == 0
    assert "Pre-trend" not in fit.summary()
    with pytest.raises(dp.OptionError):
        fit.pretrend_test()


@pytest.mark.peers
@pytest.mark.parametrize("x", [(), ("x",)])
def test_diff_diff(x: tuple[str, ...]) -> None:
    diff_diff = pytest.importorskip("diff_diff")
    frame = draw(6, n=60)
    fit = fit_of(frame, x, cov_type="influence")
    theirs = diff_diff.ImputationDiD().fit(
        frame.fillna({"first": 0}),
        "y",
        "city",
        "year",
        "first",
        covariates=list(x) or None,
    )
    att = fit.aggregate("simple")
    assert att.params["att"] == pytest.approx(theirs.overall_att, abs=1e-8)
    assert att.std_errors["att"] == pytest.approx(theirs.overall_se, abs=1e-8)
    table = theirs.aggregate("event_study").to_dataframe()
    path = fit.path.set_index("time")
    for row in table[~table["is_reference"]].itertuples():
        assert path["estimate"][row.event_time] == pytest.approx(row.att, abs=1e-8)
        assert path["std_error"][row.event_time] == pytest.approx(row.se, abs=1e-8)


# --- against a regression with every dummy written out --------------------------------


class Drawn:
    """An unbalanced panel of 24 entities, 7 periods, a third never treated."""

    def __init__(self, seed: int, k: int = 1, *, weighted: bool = False) -> None:
        rng = np.random.default_rng(seed)
        entity, time = np.repeat(np.arange(24), 7), np.tile(np.arange(7), 24)
        first = rng.choice([3, 4, 99], size=24)
        first[:3] = [3, 4, 99]
        keep = (rng.random(168) > 0.2) | (time == 0) | (entity < 3)
        self.entity, self.time = entity[keep], time[keep]
        self.event = self.time - first[self.entity]
        self.treated = self.event >= 0
        self.ever = first[self.entity] < 99
        self.x = rng.normal(size=(keep.sum(), k))
        self.y = rng.normal(size=keep.sum()) + self.x.sum(axis=1) + 0.3 * self.time
        self.clusters = self.entity // 2
        self.weights = (
            rng.uniform(0.2, 3, size=self.y.size) if weighted else np.ones(self.y.size)
        )
        codes = np.unique(self.event[self.treated], return_inverse=True)[1]
        self.group = np.full(self.y.size, -1)
        self.group[self.treated] = codes

    @property
    def dummies(self) -> np.ndarray:
        return np.column_stack(
            [np.eye(24)[self.entity], np.eye(7)[self.time][:, 1:], self.x],
        )

    @property
    def model(self) -> UntreatedModel:
        return untreated_model(
            self.entity, self.time, self.x, self.treated, self.weights
        )


@pytest.mark.parametrize(("seed", "k"), [(1, 0), (2, 1), (3, 2)])
@pytest.mark.parametrize("weighted", [False, True])
def test_estimates_and_scores(
    seed: int, k: int, weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors are from the average effect of clusters, weighted as in equation 8."""
    data = Drawn(seed, k, weighted=weighted)
    model = data.model
    assert model.imputable.all()
    estimates, scores = impute(model, data.y, data.group, data.clusters)

    a0, a1 = data.dummies[~data.treated], data.dummies[data.treated]
    omega, root = data.weights[~data.treated], np.sqrt(data.weights[~data.treated])
    slopes = np.linalg.lstsq(a0 * root[:, None], data.y[~data.treated] * root)[0]
    tau = data.y[data.treated] - a1 @ slopes
    inside, treated_weights = data.group[data.treated], data.weights[data.treated]
    clusters = data.clusters[data.treated]
    for g in range(inside.max() + 1):
        w = np.where(inside == g, treated_weights, 0.0)
        w /= w.sum()
        assert estimates[g] == pytest.approx(w @ tau, abs=1e-10)
        by_cluster = np.bincount(clusters, w)
        sums = np.bincount(clusters, w * tau)
        centre = (by_cluster @ sums) / (by_cluster @ by_cluster)
        v0 = -omega * (a0 @ np.linalg.pinv((a0 * omega[:, None]).T @ a0) @ a1.T @ w)
        rows = np.empty(data.y.size)
        rows[data.treated] = w * (tau - centre)
        rows[~data.treated] = v0 * (data.y[~data.treated] - a0 @ slopes)
        by_hand = np.bincount(data.clusters, rows)
        np.testing.assert_allclose(scores[:, g], by_hand, atol=1e-10)

    monkeypatch.setattr(imputation, "_CHUNK", 1)
    _, chunked = impute(model, data.y, data.group, data.clusters)
    np.testing.assert_allclose(chunked, scores, atol=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
def test_leads_are_those_of_a_regression_of_untreated_rows(weighted: bool) -> None:
    data = Drawn(4, weighted=weighted)
    model = data.model
    leads = (data.event[:, None] == np.array([-1, -2])).astype(float)
    identified, estimates, _, actual, _ = lead_effects(
        model, data.y, leads, data.ever, data.clusters
    )
    assert identified.all()

    rows = ~data.treated
    design = np.column_stack([leads, data.dummies])[rows]
    root = np.sqrt(data.weights[rows])
    design = design * root[:, None]
    slopes = np.linalg.lstsq(design, data.y[rows] * root)[0]
    np.testing.assert_allclose(estimates, slopes[:2], atol=1e-10)
    residual = data.y[rows] * root - design @ slopes
    pull = np.linalg.pinv(design.T @ design)[:2]
    scores = [
        pull @ (design * residual[:, None])[data.clusters[rows] == c].sum(axis=0)
        for c in range(12)
    ]
    np.testing.assert_allclose(actual, scores, atol=1e-10)


def test_a_lead_that_the_others_and_the_effects_add_up_to_has_no_estimate() -> None:
    data = Drawn(5)
    model = data.model
    one = (data.event[:, None] == -1).astype(float)
    leads = np.column_stack([data.event == -2, data.time == 2, 2 * one, one])
    identified, *_ = lead_effects(model, data.y, leads, data.ever, data.clusters)
    assert identified.tolist() == [True, False, False, True]
    none = np.empty((data.y.size, 0))
    _, estimates, _, scores, _ = lead_effects(
        model, data.y, none, data.ever, data.clusters
    )
    assert estimates.size == 0
    assert scores.shape == (12, 0)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_units_of_controls_do_not_matter(unit: float) -> None:
    data = Drawn(3, 2)
    model = untreated_model(
        data.entity, data.time, data.x, data.treated, np.ones(data.y.size)
    )
    expected, _ = impute(model, data.y, data.group, data.clusters)
    scaled = untreated_model(
        data.entity, data.time, data.x * [1.0, unit], data.treated, np.ones(data.y.size)
    )
    assert scaled.imputable.all()
    actual, _ = impute(scaled, data.y, data.group, data.clusters)
    np.testing.assert_allclose(actual, expected, rtol=1e-9)


def test_an_entity_without_untreated_rows_is_not_imputed_in_estimated_periods() -> None:
    entity, time = np.repeat(np.arange(3), 3), np.tile(np.arange(3), 3)
    model = untreated_model(entity, time, np.empty((9, 0)), entity == 0, np.ones(9))
    assert model.imputable.tolist() == [False] * 3 + [True] * 6


def test_rows_that_untreated_rows_do_not_identify() -> None:
    entity, time = np.repeat(np.arange(3), 3), np.tile(np.arange(3), 3)
    # Entity 0 is always treated, and all are in the last period.
    treated = (entity == 0) | (time == 2)
    model = untreated_model(entity, time, np.empty((9, 0)), treated, np.ones(9))
    assert model.imputable.tolist() == [
        False,
        False,
        False,
        True,
        True,
        False,
        True,
        True,
        False,
    ]
