"""Sums over residuals against loops over pairs and entities."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import signal

from digiprosper.linear.kernels.residual_tests import (
    correlations_between,
    dependence_in_periods,
    levene_draws,
    moulton_factor,
    null_autocorrelation,
    period_sums,
    persistence,
    squares_by_entity,
)

SEEDS = range(6)


def draw(
    seed: int, entities: int = 9, periods: int = 7
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Residuals on an unbalanced panel; some pairs have no or one common period."""
    rng = np.random.default_rng(seed)
    present = rng.random((entities, periods)) < 0.55
    present[:, 0] |= ~present.any(axis=1)
    present[0] |= ~present.any(axis=0)
    entity, time = np.nonzero(present)
    return rng.normal(size=entity.size), entity, time


def pairs_by_loop(
    e: np.ndarray, entity: np.ndarray, time: np.ndarray
) -> list[tuple[int, float]]:
    series = {
        i: dict(zip(time[entity == i], e[entity == i], strict=True))
        for i in np.unique(entity)
    }
    out = []
    for i in series:
        for j in series:
            common = sorted(series[i].keys() & series[j].keys())
            if i < j and len(common) >= 2:
                a, b = (np.array([series[k][t] for t in common]) for k in (i, j))
                out.append((len(common), float(np.corrcoef(a, b)[0, 1])))
    return out


@pytest.mark.parametrize("block", [None, 1, 4])
@pytest.mark.parametrize("seed", SEEDS)
def test_correlations_equal_a_loop_over_pairs(seed: int, block: int | None) -> None:
    e, entity, time = draw(seed)
    loop = pairs_by_loop(e, entity, time)
    actual = correlations_between(e, entity, time, block=block)
    assert actual.weighted_sum == pytest.approx(
        sum(np.sqrt(t) * r for t, r in loop), rel=1e-11
    )
    assert actual.squared_sum == pytest.approx(
        sum(t * r**2 for t, r in loop), rel=1e-11
    )
    assert actual.sum == pytest.approx(sum(r for _, r in loop), rel=1e-10)
    assert actual.absolute_sum == pytest.approx(sum(abs(r) for _, r in loop), rel=1e-11)
    assert actual.pairs == len(loop)
    assert actual.pairs + actual.left_out == 9 * 8 // 2
    assert actual.fewest_periods == min(t for t, _ in loop)


def test_entities_without_variation_have_no_correlation() -> None:
    rng = np.random.default_rng(1)
    entity, time = np.repeat(np.arange(4), 6), np.tile(np.arange(6), 4)
    e = rng.normal(size=24)
    e[entity == 2] = 0.3
    e[entity == 3] *= 1e-15
    actual = correlations_between(e, entity, time)
    assert (actual.pairs, actual.left_out) == (1, 5)
    assert actual.sum == pytest.approx(np.corrcoef(e[:6], e[6:12])[0, 1])


def test_no_common_period() -> None:
    actual = correlations_between(
        np.array([1.0, 2.0, 1.0, 3.0]), np.array([0, 0, 1, 1]), np.arange(4)
    )
    assert (actual.pairs, actual.left_out, actual.fewest_periods) == (0, 1, 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_persistence_equals_a_regression_with_clustered_errors(seed: int) -> None:
    e, entity, time = draw(seed)
    at = {(i, t): v for i, t, v in zip(entity, time, e, strict=True)}
    before = np.array(
        [at.get((i, t - 1), np.nan) for i, t in zip(entity, time, strict=True)]
    )
    rows = ~np.isnan(before)
    x = np.column_stack([np.ones(rows.sum()), before[rows]])
    inverse = np.linalg.inv(x.T @ x)
    b = inverse @ x.T @ e[rows]
    u = e[rows] - x @ b
    scores = [
        x[entity[rows] == i].T @ u[entity[rows] == i] for i in np.unique(entity[rows])
    ]
    v = inverse @ sum(np.outer(s, s) for s in scores) @ inverse

    actual = persistence(e, before, entity)
    assert actual.slope == pytest.approx(b[1], rel=1e-11)
    assert actual.variance == pytest.approx(v[1, 1], rel=1e-11)
    assert (actual.rows, actual.entities) == (rows.sum(), np.unique(entity[rows]).size)

    total = np.bincount(entity)
    moments = [(-1 / total[i], 1 - 1 / total[i]) for i in entity[rows]]
    expected = sum(m[0] for m in moments) / sum(m[1] for m in moments)
    assert null_autocorrelation(before, entity) == pytest.approx(expected, rel=1e-13)


def test_persistence_without_pairs() -> None:
    nothing = np.full(3, np.nan)
    assert persistence(np.ones(3), nothing, np.arange(3)).rows == 0
    assert np.isnan(null_autocorrelation(nothing, np.arange(3)))
    flat = persistence(
        np.array([1.0, 2.0, 4.0]), np.array([np.nan, 1.0, 1.0]), np.array([0, 0, 0])
    )
    assert np.isnan(flat.slope)
    assert flat.rows == 2


@pytest.mark.parametrize("unit", [2.0**-40, 2.0**40])
def test_a_lag_is_flat_in_any_unit_if_it_varies_by_rounding_alone(unit: float) -> None:
    now, entity = np.arange(12.0) ** 2, np.repeat(np.arange(3), 4)
    rounding = np.where(np.arange(12) % 2, 1.0, np.nextafter(1.0, 2.0))
    assert np.isnan(persistence(now, unit * rounding, entity).slope)
    lag = np.sqrt(np.arange(12.0))
    expected = persistence(now, lag, entity).slope
    assert persistence(now, unit * lag, entity).slope == pytest.approx(
        expected / unit, rel=1e-12
    )


def test_null_on_a_balanced_panel() -> None:
    before = np.tile([np.nan, 1.0, 2.0, 3.0, 4.0], 3)
    assert null_autocorrelation(before, np.repeat(np.arange(3), 5)) == pytest.approx(
        -1 / 4
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_squares_equal_a_loop_over_entities(seed: int) -> None:
    e, entity, _ = draw(seed)
    rows, means, variances = squares_by_entity(e, entity)
    for i in range(rows.size):
        own = e[entity == i] ** 2
        t = own.size
        assert rows[i] == t
        assert means[i] == pytest.approx(own.sum() / t, rel=1e-13)
        if t == 1:
            assert np.isnan(variances[i])
        else:
            assert variances[i] == pytest.approx(
                ((own - own.mean()) ** 2).sum() / (t * (t - 1))
            )


def test_period_sums() -> None:
    e, time = np.array([3.0, 4.0, -1.0, 1.0, 0.0]), np.array([0, 0, 1, 1, 2])
    np.testing.assert_allclose(period_sums(e, time), [7 / 5, 0, 0])


@pytest.mark.parametrize("seed", SEEDS)
def test_dependence_of_scores_has_the_moments_of_all_signs(seed: int) -> None:
    """Signs of entities are as likely one way as the other if they are independent."""
    e, entity, time = draw(seed)
    sums = np.zeros((9, 7))
    sums[entity, time] = e
    size = (sums**2).sum(axis=0)
    signs = np.array([*itertools.product([-1, 1], repeat=9)])
    every = ((signs @ sums) ** 2 / size).sum(axis=1)
    test = dependence_in_periods(e, entity, time)
    assert test.ratio == pytest.approx(((sums.sum(axis=0)) ** 2 / size).sum() / 7)
    assert every.mean() == pytest.approx(7)
    assert (period_sums(e, time) ** 2).mean() == pytest.approx(test.ratio)
    assert test.variance == pytest.approx(every.var())
    assert test.third == pytest.approx(((every - 7) ** 3).mean())
    # With three moments right, the p-value is near that of all signs.
    exact = (every >= 7 * test.ratio - 1e-9).mean()
    assert test.p_value == pytest.approx(exact, abs=0.06)


def test_dependence_of_scores_with_a_shock_that_all_share() -> None:
    rng = np.random.default_rng(0)
    entity, time = np.indices((100, 29)).reshape(2, -1)
    own = rng.normal(size=entity.size)
    shared = own + 0.5 * rng.normal(size=29)[time]
    assert dependence_in_periods(own, entity, time).p_value > 0.01
    assert dependence_in_periods(shared, entity, time).p_value < 1e-6
    one = dependence_in_periods(own[:29], entity[:29], time[:29])
    assert np.isnan(one.p_value)


def test_levene_draws_have_the_autocorrelation_before_means_were_taken_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filtered, seen = signal.lfilter, []

    def watched(numerator, denominator, shocks):
        seen.append(-denominator[1])
        return filtered(numerator, denominator, shocks)

    n, periods, phi = 60, 20, 0.5
    shocks = np.random.default_rng(1).normal(size=(n, periods + 30))
    errors = filtered([1.0], [1.0, -phi], shocks)[:, 30:]
    residuals = errors - errors.mean(axis=1, keepdims=True)
    entity, time = np.divmod(np.arange(n * periods), periods)
    monkeypatch.setattr(signal, "lfilter", watched)
    levene_draws(residuals.ravel(), entity, time)
    assert seen
    # Three standard errors, and the terms of order 1 / T^2 that the correction omits
    size = 3 * np.sqrt((1 - phi**2) / (n * (periods - 1))) + 0.006
    assert seen == pytest.approx([phi] * len(seen), abs=size)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_moulton_factor_is_that_of_all_pairs_of_a_period(seed: int) -> None:
    """1 + c rho_x rho_e, c = sum n (n - 1) / N; no factor below one."""
    e, _, time = draw(seed)
    e = e + 2 * np.sin(time)
    x = np.random.default_rng(seed + 100).normal(size=e.size) + 2 * np.cos(time)
    pairs = [
        p for p in itertools.permutations(range(e.size), 2) if time[p[0]] == time[p[1]]
    ]
    rho_x, rho_e = (
        sum(v[i] * v[j] for i, j in pairs) / len(pairs) / (v**2).mean() for v in (x, e)
    )
    factor = 1 + len(pairs) / e.size * rho_x * rho_e
    assert min(rho_x, rho_e) > 0
    assert moulton_factor(x, e, time) == pytest.approx(factor, rel=1e-12)
    apart = e - (np.bincount(time, e) / np.bincount(time))[time]
    assert moulton_factor(x, apart, time) == 1
