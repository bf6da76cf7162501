"""Imputed effects against a regression with every dummy written out."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.policy.kernels import imputation
from digiprosper.policy.kernels.imputation import UntreatedModel, impute, lead_effects, untreated_model


class Drawn:
    """An unbalanced panel of 24 entities over 7 periods, a third of them never treated."""

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
        self.weights = rng.uniform(0.2, 3, size=self.y.size) if weighted else np.ones(self.y.size)
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
        return untreated_model(self.entity, self.time, self.x, self.treated, self.weights)


@pytest.mark.parametrize(("seed", "k"), [(1, 0), (2, 1), (3, 2)])
@pytest.mark.parametrize("weighted", [False, True])
def test_estimates_and_scores(seed: int, k: int, weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors are from the average effect of the clusters, weighted as in equation 8 of the paper."""
    data = Drawn(seed, k, weighted=weighted)
    model = data.model
    assert model.imputable.all()
    found = impute(model, data.y, data.group, data.clusters)

    a0, a1 = data.dummies[~data.treated], data.dummies[data.treated]
    omega, root = data.weights[~data.treated], np.sqrt(data.weights[~data.treated])
    slopes = np.linalg.lstsq(a0 * root[:, None], data.y[~data.treated] * root)[0]
    tau = data.y[data.treated] - a1 @ slopes
    inside, treated_weights = data.group[data.treated], data.weights[data.treated]
    clusters = data.clusters[data.treated]
    for g in range(inside.max() + 1):
        w = np.where(inside == g, treated_weights, 0.0)
        w /= w.sum()
        assert found.estimates[g] == pytest.approx(w @ tau, abs=1e-10)
        by_cluster = np.bincount(clusters, w)
        sums = np.bincount(clusters, w * tau)
        centre = (by_cluster @ sums) / (by_cluster @ by_cluster)
        v0 = -omega * (a0 @ np.linalg.pinv((a0 * omega[:, None]).T @ a0) @ a1.T @ w)
        rows = np.empty(data.y.size)
        rows[data.treated] = w * (tau - centre)
        rows[~data.treated] = v0 * (data.y[~data.treated] - a0 @ slopes)
        by_hand = np.bincount(data.clusters, rows)
        np.testing.assert_allclose(found.scores[:, g], by_hand, atol=1e-10)

    monkeypatch.setattr(imputation, "_CHUNK", 1)
    chunked = impute(model, data.y, data.group, data.clusters)
    np.testing.assert_allclose(chunked.scores, found.scores, atol=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
def test_leads_are_those_of_a_regression_of_untreated_rows(weighted: bool) -> None:
    data = Drawn(4, weighted=weighted)
    model = data.model
    leads = (data.event[:, None] == np.array([-1, -2])).astype(float)
    found = lead_effects(model, data.y, leads, data.ever, data.clusters)
    assert found.identified.all()

    rows = ~data.treated
    design = np.column_stack([leads, data.dummies])[rows]
    root = np.sqrt(data.weights[rows])
    design = design * root[:, None]
    slopes = np.linalg.lstsq(design, data.y[rows] * root)[0]
    np.testing.assert_allclose(found.estimates, slopes[:2], atol=1e-10)
    residual = data.y[rows] * root - design @ slopes
    pull = np.linalg.pinv(design.T @ design)[:2]
    scores = [pull @ (design * residual[:, None])[data.clusters[rows] == c].sum(axis=0) for c in range(12)]
    np.testing.assert_allclose(found.scores, scores, atol=1e-10)


def test_a_lead_that_the_others_and_the_effects_add_up_to_has_no_estimate() -> None:
    data = Drawn(5)
    model = data.model
    one = (data.event[:, None] == -1).astype(float)
    leads = np.column_stack([one, 2 * one, data.time == 2, data.event == -2])
    found = lead_effects(model, data.y, leads, data.ever, data.clusters)
    assert found.identified.tolist() == [True, False, False, True]
    none = lead_effects(model, data.y, np.empty((data.y.size, 0)), data.ever, data.clusters)
    assert none.estimates.size == 0
    assert none.scores.shape == (12, 0)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_units_of_controls_do_not_matter(unit: float) -> None:
    data = Drawn(3, 2)
    model = untreated_model(data.entity, data.time, data.x, data.treated, np.ones(data.y.size))
    expected = impute(model, data.y, data.group, data.clusters)
    scaled = untreated_model(data.entity, data.time, data.x * [1.0, unit], data.treated, np.ones(data.y.size))
    assert scaled.imputable.all()
    found = impute(scaled, data.y, data.group, data.clusters)
    np.testing.assert_allclose(found.estimates, expected.estimates, rtol=1e-9)


def test_an_entity_without_untreated_rows_is_not_imputed_though_all_periods_are_estimated() -> None:
    entity, time = np.repeat(np.arange(3), 3), np.tile(np.arange(3), 3)
    model = untreated_model(entity, time, np.empty((9, 0)), entity == 0, np.ones(9))
    assert model.imputable.tolist() == [False] * 3 + [True] * 6


def test_rows_that_untreated_rows_do_not_identify() -> None:
    entity, time = np.repeat(np.arange(3), 3), np.tile(np.arange(3), 3)
    # Entity 0 is always treated, and all are in the last period.
    treated = (entity == 0) | (time == 2)
    model = untreated_model(entity, time, np.empty((9, 0)), treated, np.ones(9))
    assert model.imputable.tolist() == [False, False, False, True, True, False, True, True, False]
