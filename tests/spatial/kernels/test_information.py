"""Against second derivatives, and the information of a normal distribution."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.spatial.kernels.determinants import Determinants, PeriodMeans, spectrum
from digiprosper.spatial.kernels.information import (
    Point,
    clustered_covariance,
    expected_information,
    lee_yu,
    observed_information,
)
from digiprosper.spatial.kernels.likelihood import SpatialColumns, lagged, maximise
from digiprosper.spatial.preparation import without_means

N, T = 7, 4
MODELS = [(True, False), (False, True), (True, True)]


def make_point(
    lag: bool, error: bool, effects: str = "it", seed: int = 1
) -> tuple[Point, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    w = rng.uniform(size=(N, N))
    np.fill_diagonal(w, 0)
    w /= w.sum(axis=1, keepdims=True)
    x = rng.normal(size=(N * T, 2))
    y = lagged(
        np.linalg.inv(np.eye(N) - 0.3 * w),
        x.sum(axis=1, keepdims=True) + rng.normal(size=(N * T, 1)),
    )

    def demean(columns: np.ndarray) -> np.ndarray:
        return without_means(columns, T, "i" in effects, "t" in effects)

    first = lagged(w, y)
    columns = SpatialColumns(
        np.hstack([demean(y), demean(first), demean(lagged(w, first))]),
        demean(x),
        demean(lagged(w, x)),
        T,
    )
    found = spectrum(w)
    assert found is not None
    determinants = Determinants(found, T, N * T)
    best = maximise(columns, determinants, lag=lag, error=error)
    return Point(columns, best, determinants, w, lag, error, demean), x, y[:, 0]


def values_of(point: Point) -> np.ndarray:
    return np.concatenate(
        [[*point.spatial.values()], point.optimum.coefficients, [point.optimum.sigma2]]
    )


@pytest.mark.parametrize(("lag", "error"), MODELS)
def test_observed_information_is_minus_the_numerical_hessian(
    lag: bool, error: bool
) -> None:
    point, _, _ = make_point(lag, error)
    columns, found, q = point.columns, point.determinants.spectrum, len(point.spatial)
    assert found is not None

    def log_likelihood(v: np.ndarray) -> float:
        rho, lam = (v[0] if lag else 0.0), (v[q - 1] if error else 0.0)
        e = columns.filtered_outcome(rho, lam) - columns.filtered(lam) @ v[q:-1]
        both = found.log_determinant(np.array([rho, lam])).sum()
        return T * both - N * T / 2 * np.log(2 * np.pi * v[-1]) - e @ e / (2 * v[-1])

    at, p = values_of(point), q + 3
    step = 1e-4 * np.eye(p)
    hessian = np.empty((p, p))
    for i in range(p):
        for j in range(p):
            signs = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
            terms = [
                s * t * log_likelihood(at + s * step[i] + t * step[j]) for s, t in signs
            ]
            hessian[i, j] = sum(terms) / 4e-8
    assert observed_information(point) == pytest.approx(-hessian, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize(("lag", "error"), MODELS)
@pytest.mark.parametrize("effects", ["i", "t", "it"])
def test_expected_information_is_that_of_the_normal_distribution(
    lag: bool, error: bool, effects: str
) -> None:
    """Dummies as parameters: ``m_i' V^-1 m_j + tr(V^-1 V_i V^-1 V_j) / 2``."""
    point, x, y = make_point(lag, error, effects)
    q, best = len(point.spatial), point.optimum
    identity, lag_all = np.eye(N * T), np.kron(point.matrix, np.eye(T))
    entity, time = np.repeat(np.arange(N), T), np.tile(np.arange(T), N)
    parts = [np.eye(N)[entity]] if "i" in effects else []
    parts += [np.eye(T)[time]] if "t" in effects else []
    dummies = np.hstack(parts)[:, int(effects == "it") :]
    outer, inner = identity - best.rho * lag_all, identity - best.lam * lag_all
    left = inner @ (outer @ y - x @ best.coefficients)
    fixed = np.linalg.lstsq(inner @ dummies, left)[0]

    inverse, back = np.linalg.inv(outer), np.linalg.inv(inner @ outer)
    mean = inverse @ (x @ best.coefficients + dummies @ fixed)
    variance = best.sigma2 * back @ back.T
    of_mean = (
        [inverse @ lag_all @ mean] * lag
        + [np.zeros(N * T)] * error
        + list((inverse @ x).T)
    )
    of_mean += [np.zeros(N * T), *(inverse @ dummies).T]
    by_lag, by_error = (
        inverse @ lag_all,
        inverse @ np.linalg.inv(inner) @ lag_all @ outer,
    )
    of_variance = [by_lag @ variance + variance @ by_lag.T] * lag
    of_variance += [by_error @ variance + variance @ by_error.T] * error
    of_variance += [np.zeros_like(variance)] * 2 + [variance / best.sigma2]
    of_variance += [np.zeros_like(variance)] * dummies.shape[1]
    precision = np.linalg.inv(variance)
    full = np.array(
        [
            [
                m @ precision @ k + np.trace(precision @ v @ precision @ u) / 2
                for k, u in zip(of_mean, of_variance, strict=True)
            ]
            for m, v in zip(of_mean, of_variance, strict=True)
        ]
    )
    p = q + 3
    effects_out = full[:p, :p] - full[:p, p:] @ np.linalg.solve(
        full[p:, p:], full[p:, :p]
    )
    assert expected_information(point) == pytest.approx(effects_out, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize(("lag", "error"), MODELS)
def test_clustered_covariance_adds_entities_and_pairs_one_by_one(
    lag: bool, error: bool
) -> None:
    point, _, _ = make_point(lag, error)
    best, q = point.optimum, len(point.spatial)
    e, s2 = best.residuals.reshape(N, T), best.sigma2
    mean = point.moves()
    b = [
        point.matrix @ np.linalg.inv(np.eye(N) - a * point.matrix)
        for a in point.spatial.values()
    ]
    for j, lag_of_errors in enumerate(b):
        mean[:, j] -= point.demean((lag_of_errors @ e).reshape(-1, 1))[:, 0]
    mean = mean.reshape(N, T, -1)
    assert not error or np.abs(mean[:, :, q - 1]).max() < 1e-12

    meat = np.zeros((q + 3, q + 3))
    for i in range(N):
        score = np.append(e[i] @ mean[i] / s2, (e[i] @ e[i] / s2 - T) / (2 * s2))
        score[:q] += [
            lagged_errors[i, i] * (e[i] @ e[i] / s2 - T) for lagged_errors in b
        ]
        meat += np.outer(score, score)
        for j in range(i):
            pair = np.zeros(q + 3)
            pair[:q] = [(m[i, j] + m[j, i]) * (e[i] @ e[j]) / s2 for m in b]
            meat += np.outer(pair, pair)
    bread = np.linalg.inv(observed_information(point))
    assert clustered_covariance(point, bread) == pytest.approx(
        N / (N - 1) * bread @ meat @ bread, rel=1e-9
    )


def test_scores_by_entity_and_pair_add_up_to_zero_at_the_maximum() -> None:
    point, _, _ = make_point(lag=True, error=False)
    e = point.optimum.residuals
    score = point.moves().T @ e / point.optimum.sigma2
    score[0] += point.determinants.slope("rho", point.optimum.rho)
    assert np.abs(score).max() < 1e-8


def test_lee_yu_with_entity_effects_corrects_the_variance_alone() -> None:
    point, _, _ = make_point(lag=True, error=False, effects="i")
    corrected = lee_yu(point, None, entity=True)
    assert corrected.rho == point.optimum.rho
    assert corrected.sigma2 == pytest.approx(point.optimum.sigma2 * T / (T - 1))


def test_lee_yu_with_time_effects_adds_the_bias_of_the_formula() -> None:
    point, _, _ = make_point(lag=True, error=False, effects="it")
    rho, s2 = point.optimum.rho, point.optimum.sigma2
    score = np.array([1 / (1 - rho), 0, 0, 1 / (2 * s2)])
    expected = (
        values_of(point)
        + np.linalg.inv(expected_information(point) / (N * T)) @ score / N
    )
    found = point.determinants.spectrum
    assert found is not None
    corrected = lee_yu(point, PeriodMeans(point.matrix, found), entity=True)
    assert corrected.rho == pytest.approx(expected[0])
    assert corrected.coefficients == pytest.approx(expected[1:3])
    assert corrected.sigma2 == pytest.approx(expected[3] * T / (T - 1))
