"""Errors and draws from the entities of each cohort, against formulas written out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from digiprosper.policy.kernels import unit_signs
from digiprosper.policy.kernels.unit_signs import (
    UnitScores,
    joint_critical,
    limit_scores,
    unit_covariance,
    unit_scores,
    wild_test,
)


class Drawn:
    """A balanced panel of n x 5, with four contrasts of group means."""

    def __init__(
        self, sizes: tuple[int, ...], seed: int = 1, clusters: int = 0
    ) -> None:
        rng = np.random.default_rng(seed)
        self.group = np.repeat(np.arange(len(sizes)), sizes)
        self.n = self.group.size
        self.y = rng.normal(size=(self.n, 5)).cumsum(axis=1) + rng.normal(
            size=(self.n, 1)
        )
        self.null = rng.normal(size=(self.n, 5))
        self.member = np.arange(len(sizes))[:, None] == self.group
        # Contrasts of cohort 0 or 1 with the last group, each between two periods.
        self.weights = np.zeros((self.n, 5, 4))
        for column, (cohort, later, base) in enumerate(
            [(0, 1, 0), (0, 3, 1), (1, 4, 2), (1, 2, 1)]
        ):
            share = self.member[cohort] / sizes[cohort] - self.member[-1] / sizes[-1]
            self.weights[:, later, column] += share
            self.weights[:, base, column] -= share
        self.cluster = (
            np.arange(self.n) if not clusters else np.arange(self.n) % clusters
        )

    def centred(self, values: np.ndarray) -> np.ndarray:
        """Subtract the mean of the group in each period."""
        means = np.array([values[own].mean(axis=0) for own in self.member])
        return np.asarray(values - means[self.group])

    @property
    def units(self) -> UnitScores:
        entity, time = np.repeat(np.arange(self.n), 5), np.tile(np.arange(5), self.n)
        return unit_scores(
            self.weights.reshape(-1, 4),
            self.centred(self.y).ravel(),
            self.null.ravel(),
            entity,
            time,
            self.group,
            self.cluster,
            np.ones(self.n),
        )

    @property
    def sizes(self) -> np.ndarray:
        return self.member.sum(axis=1)

    def covariance(self, values: np.ndarray) -> np.ndarray:
        """Compute HC2 of the contrasts for outcomes (n, 5)."""
        size = self.sizes[self.group]
        scale = np.sqrt(size / np.maximum(size - 1, 1)) * (size > 1)
        scores = (
            np.einsum("it,itm->im", self.centred(values), self.weights) * scale[:, None]
        )
        sums = np.array(
            [scores[self.cluster == c].sum(axis=0) for c in np.unique(self.cluster)]
        )
        return np.asarray(sums.T @ sums)

    def common(self) -> np.ndarray:
        """Compute the covariance over time that all entities share."""
        centred = self.centred(self.y)
        return np.asarray(centred.T @ centred / (self.n - self.sizes.size))


def test_the_covariance_is_hc2_of_each_group() -> None:
    data = Drawn((5, 4, 7))
    np.testing.assert_allclose(
        unit_covariance(data.units), data.covariance(data.y), rtol=1e-10
    )
    assert data.units.effective == pytest.approx([5, 4, 7])
    assert not data.units.alone.any()


def test_a_group_of_one_has_the_errors_of_the_others() -> None:
    data = Drawn((5, 4, 1))
    weights = data.weights[data.member[-1]][0]
    added = weights.T @ data.common() @ weights
    np.testing.assert_allclose(
        unit_covariance(data.units), data.covariance(data.y) + added, rtol=1e-10
    )
    assert data.units.alone.tolist() == [False, False, True]


@pytest.mark.parametrize("last", [7, 2, 1])
def test_degrees_of_freedom_are_those_of_welch_and_satterthwaite(last: int) -> None:
    data = Drawn((12, 4, last), 2)
    gradient = np.array([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [0.25, -1, 2, 1]])
    added = np.array([0.0, 0.1, 0.8])
    total = np.einsum("itm,qm->itq", data.weights, gradient)
    variance = np.array(
        [
            np.einsum("itq,ts,isq->q", total[own], data.common(), total[own])
            for own in data.member
        ]
    )
    freedom = np.array([11.0, 3.0, last - 1.0 if last > 1 else data.n - 3.0])
    wanted = (variance.sum(axis=0) + added) ** 2
    wanted /= (variance**2 / freedom[:, None]).sum(axis=0) + added**2 / (data.n - 1)
    wanted = np.minimum(wanted, data.n - 1)
    np.testing.assert_allclose(data.units.df_t(gradient, added), wanted, rtol=1e-10)
    assert (wanted < data.n - 1).any() or last == 1


def test_the_moments_of_the_variance_are_those_of_normal_errors() -> None:
    """Degrees of freedom: twice the squared mean over the variance."""
    data = Drawn((4, 3, 6), 3)
    rng, draws = np.random.default_rng(1), 20_000
    root = np.linalg.cholesky(data.common() + 1e-9 * np.eye(5))
    values = np.empty(draws)
    for draw in range(draws):
        scores = data.centred(rng.normal(size=(data.n, 5)) @ root.T)
        scores = np.einsum("it,it->i", scores, data.weights[:, :, 0])
        values[draw] = (scores**2 * (data.sizes / (data.sizes - 1))[data.group]).sum()
    df = data.units.df_t(np.eye(4)[:1], np.zeros(1))[0]
    assert df == pytest.approx(2 * values.mean() ** 2 / values.var(), rel=0.05)


def test_degrees_of_freedom_without_variance_are_those_of_the_clusters() -> None:
    data = Drawn((4, 3, 5))
    assert data.units.df_t(np.zeros((1, 4)), np.zeros(1)).tolist() == [11.0]


@pytest.mark.parametrize("clusters", [0, 6])
def test_the_test_is_that_of_all_signs_of_clusters(clusters: int) -> None:
    """Every draw is estimated again from outcomes by entity and period."""
    data = Drawn((3, 3, 4) if not clusters else (6, 6, 12), 4, clusters)
    gradient = np.array([[1.0, 0, 0, 0], [0, 0, 1, 0.5]])
    estimates = np.array([0.9, -0.7])
    covariance = gradient @ data.covariance(data.y) @ gradient.T
    if clusters:
        # Two groups have one entity in each cluster, the last has two.
        scale = np.sqrt(6 / 5)
        covariance = covariance_of_clusters(data, data.y, gradient, scale)
    wanted = estimates @ np.linalg.solve(covariance, estimates)
    statistic, rank, p_value, count = wild_test(data.units, gradient, estimates)
    assert rank == 2
    assert statistic == pytest.approx(wanted, rel=1e-9)
    n_clusters = clusters or data.n
    assert count == 2 ** (n_clusters - 1)
    larger = 0
    for signs in itertools.product([-1.0, 1.0], repeat=n_clusters):
        outcome = np.array(signs)[data.cluster][:, None] * data.null
        drawn = gradient @ np.einsum("it,itm->m", outcome, data.weights)
        again = gradient @ data.covariance(outcome) @ gradient.T
        if clusters:
            again = covariance_of_clusters(data, outcome, gradient, scale)
        larger += drawn @ np.linalg.solve(again, drawn) >= wanted * (1 - 1e-12)
    assert p_value == pytest.approx(larger / 2**n_clusters, abs=1e-12)


def covariance_of_clusters(
    data: Drawn, values: np.ndarray, gradient: np.ndarray, scale: float
) -> np.ndarray:
    scores = (
        np.einsum("it,itm->im", data.centred(values), data.weights) @ gradient.T * scale
    )
    sums = np.array(
        [scores[data.cluster == c].sum(axis=0) for c in np.unique(data.cluster)]
    )
    return np.asarray(sums.T @ sums)


@pytest.mark.parametrize("clusters", [0, 8])
def test_the_band_is_the_quantile_of_the_largest_statistic(clusters: int) -> None:
    data = Drawn((5, 5) if not clusters else (8, 8), 5, clusters)
    data.weights = data.weights[:, :, :2]
    # Two groups, of which the second is the last.
    entity, time = np.repeat(np.arange(data.n), 5), np.tile(np.arange(5), data.n)
    rows = data.weights.reshape(-1, 2), data.centred(data.y).ravel(), data.null.ravel()
    units = unit_scores(*rows, entity, time, data.group, data.cluster, np.ones(data.n))
    gradient = np.eye(2)
    size = data.sizes[0]
    scale, n_clusters = np.sqrt(size / (size - 1)), clusters or data.n
    largest = []
    for signs in itertools.product([-1.0, 1.0], repeat=n_clusters):
        outcome = np.array(signs)[data.cluster][:, None] * data.centred(data.y) * scale
        drawn = np.einsum("it,itm->m", outcome, data.weights)
        again = covariance_of_clusters(data, outcome, gradient, scale)
        largest.append(np.abs(drawn / np.sqrt(np.diag(again))).max())
    for level in (0.5, 0.9):
        actual = joint_critical(units, gradient, np.eye(2), level)
        # All signs changed are the same draw: the half of them has the same quantiles.
        half = np.sort(largest)[::2]
        assert actual == pytest.approx(
            np.quantile(half, level, method="higher"), rel=1e-9
        )


def test_few_parts_have_wider_bands_of_normal_errors() -> None:
    data = Drawn((6, 6, 2), 6)
    gradient = np.eye(4)
    signs = unit_signs._quantile(unit_signs._sign_maxima(data.units, gradient), 0.95)
    actual = joint_critical(data.units, gradient, np.eye(4), 0.95)
    normal = unit_signs._quantile(unit_signs._normal_maxima(data.units, gradient), 0.95)
    assert actual == max(signs, normal)
    # With one column it is the quantile of t with these degrees of freedom.
    single = Drawn((12, 12, 1), 7)
    from scipy.special import stdtrit

    (df,) = single.units.df_t(gradient[:1], np.zeros(1))
    actual = joint_critical(single.units, gradient[:1], np.eye(1), 0.9)
    assert actual == pytest.approx(stdtrit(df, 0.95), rel=0.1)


def test_variances_of_large_groups_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    data, gradient = Drawn((150, 150, 150)), np.eye(4)
    known = unit_signs._quantile(unit_signs._normal_maxima(data.units, gradient), 0.95)
    monkeypatch.setattr(unit_signs, "_MANY_PARTS", 1000)
    drawn = unit_signs._quantile(unit_signs._normal_maxima(data.units, gradient), 0.95)
    assert known == pytest.approx(drawn, rel=0.03)


def test_units_order_and_names_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Drawn((5, 6, 7), 8)
    gradient, estimates = np.eye(4)[:2], np.array([0.4, 0.3])
    wanted = wild_test(data.units, gradient, estimates)
    band = joint_critical(data.units, gradient, np.eye(2), 0.95)
    other = Drawn((5, 6, 7), 8)
    order = np.random.default_rng(2).permutation(data.n)
    other.y, other.null = -3.0 * data.y[order], -3.0 * data.null[order]
    other.group, other.weights = data.group[order], data.weights[order]
    other.member = data.member[:, order]
    actual = wild_test(other.units, gradient, -3.0 * estimates)
    assert actual == pytest.approx(wanted, rel=1e-9)
    assert joint_critical(other.units, gradient, np.eye(2), 0.95) == pytest.approx(band)
    monkeypatch.setattr(unit_signs, "_MEMORY", 1)
    assert wild_test(data.units, gradient, estimates) == pytest.approx(wanted, rel=1e-9)
    # Another basis of the same hypotheses.
    turned = np.array([[2.0, 1.0], [-1.0, 3.0]])
    actual = wild_test(data.units, turned @ gradient, turned @ estimates)
    assert actual[0] == pytest.approx(wanted[0], rel=1e-9)


def test_sums_that_add_up_to_others_are_left_out() -> None:
    data = Drawn((5, 6, 7))
    gradient, estimates = np.eye(4)[:2], np.array([0.5, 0.4])
    turned = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -2.0]])
    actual = wild_test(data.units, turned @ gradient, turned @ estimates)
    wanted = wild_test(data.units, gradient, estimates)
    assert actual[0] == pytest.approx(wanted[0], rel=1e-9)
    assert actual[1] == wanted[1] == 2


def test_what_has_no_test() -> None:
    data = Drawn((5, 6, 7))
    statistic, rank, p_value, count = wild_test(
        data.units, np.zeros((1, 4)), np.ones(1)
    )
    assert np.isnan([statistic, p_value]).all()
    assert (rank, count) == (0, 0)


def test_a_sum_without_variation_has_no_t() -> None:
    sums, squares = np.array([[0.0, -3.0]]), np.array([[0.0, 4.0]])
    assert unit_signs._largest_t(sums, squares).tolist() == [1.5]


def test_scores_of_many_clusters_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Drawn((5, 6, 7))
    assert limit_scores(data.units).scores.shape == (18, 4)
    monkeypatch.setattr(unit_signs, "MOST_CLUSTERS", 17)
    units = limit_scores(data.units)
    assert units.scores.shape == (0, 4)
    df = units.df_t(np.eye(4), np.zeros(4))
    np.testing.assert_allclose(df, data.units.df_t(np.eye(4), np.zeros(4)))
    correlation = np.array([[1.0, 0.5], [0.5, 1.0]])
    # The largest of two correlated normal statistics.
    assert joint_critical(units, np.eye(4)[:2], correlation, 0.95) == pytest.approx(
        2.21, abs=0.15
    )
