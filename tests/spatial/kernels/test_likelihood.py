"""Against the likelihood with every dummy written out, and its derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest

from digiprosper.kernels.tolerances import AT_THE_END
from digiprosper.spatial.kernels import likelihood
from digiprosper.spatial.kernels.determinants import (
    Determinants,
    PeriodMeans,
    Spectrum,
    spectrum,
)
from digiprosper.spatial.kernels.likelihood import (
    Point,
    SpatialColumns,
    clustered_covariance,
    expected_information,
    lagged,
    lee_yu,
    maximise,
    observed_information,
    without_means,
)

N, T = 8, 5
MODELS = [(True, False), (False, True), (True, True)]


def unadjusted(results: Spectrum) -> Determinants:
    n = len(results.values)
    return Determinants(results, T, n * T)


@dataclass
class Case:
    w: np.ndarray
    y: np.ndarray
    x: np.ndarray
    dummies: np.ndarray

    def log_likelihood(self, rho: float, lam: float) -> float:
        """Likelihood with slopes, effects, sigma2 at their best, from all rows."""
        lag = np.kron(self.w, np.eye(T))
        identity = np.eye(N * T)
        outer, inner = identity - rho * lag, identity - lam * lag
        design = inner @ np.column_stack([self.x, self.dummies])
        outcome = inner @ outer @ self.y
        e = outcome - design @ np.linalg.lstsq(design, outcome)[0]
        both = np.linalg.slogdet(outer)[1] + np.linalg.slogdet(inner)[1]
        return both - N * T / 2 * (np.log(2 * np.pi * (e @ e) / (N * T)) + 1)


def make_case(seed: int, effects: str, *, row: bool = True) -> Case:
    rng = np.random.default_rng(seed)
    w = rng.uniform(size=(N, N)) * (rng.uniform(size=(N, N)) < 0.5)
    np.fill_diagonal(w, 0)
    w[np.arange(N), (np.arange(N) + 1) % N] += 0.3
    w /= w.sum(axis=1, keepdims=True) if row else np.abs(np.linalg.eigvals(w)).max()
    x = rng.normal(size=(N * T, 2))
    entity, time = np.repeat(np.arange(N), T), np.tile(np.arange(T), N)
    signal = x @ [1.0, -0.5] + rng.normal(size=N)[entity] + rng.normal(size=T)[time]
    inverse = np.linalg.inv(np.eye(N) - 0.4 * w)
    y = lagged(inverse, signal[:, None]) + lagged(inverse, rng.normal(size=(N * T, 1)))
    parts = [np.ones((N * T, 1))]
    parts += [np.eye(N)[entity]] if "i" in effects else []
    parts += [np.eye(T)[time]] if "t" in effects else []
    return Case(w, y[:, 0], np.column_stack([x, lagged(w, x)]), np.hstack(parts))


def columns_of(case: Case, effects: str) -> SpatialColumns:
    def demean(columns: np.ndarray) -> np.ndarray:
        return without_means(columns, T, "i" in effects, "t" in effects)

    x = case.x if effects else np.column_stack([case.x, np.ones(N * T)])
    first = lagged(case.w, case.y[:, None])
    y = np.hstack(
        [demean(case.y[:, None]), demean(first), demean(lagged(case.w, first))]
    )
    return SpatialColumns(y, demean(x), demean(lagged(case.w, x)), T)


def test_a_lag_of_the_outcome_needs_no_columns_of_a_spatial_error() -> None:
    case = make_case(2, "it")
    actual = spectrum(case.w)
    assert actual is not None
    full = columns_of(case, "it")
    few = SpatialColumns(full.y[:, :2], full.x, full.x[:, :0], T)
    expected = maximise(full, unadjusted(actual), lag=True, error=False)
    best = maximise(few, unadjusted(actual), lag=True, error=False)
    assert best.rho == pytest.approx(expected.rho, abs=1e-13)
    assert best.coefficients == pytest.approx(expected.coefficients, abs=1e-13)


def newton_step(case: Case, at: np.ndarray, which: np.ndarray) -> float:
    """Distance to the maximum along one spatial coefficient, by derivatives."""

    def slope(h: float) -> float:
        return (
            case.log_likelihood(*(at + h * which))
            - case.log_likelihood(*(at - h * which))
        ) / (2 * h)

    h = 1e-3
    curve = case.log_likelihood(*(at + h * which)) + case.log_likelihood(
        *(at - h * which)
    )
    curve = (curve - 2 * case.log_likelihood(*at)) / h**2
    # Extrapolated to steps of zero, twice.
    first, second, third = slope(h), slope(2 * h), slope(4 * h)
    left, right = (4 * first - second) / 3, (4 * second - third) / 3
    return (16 * left - right) / 15 / curve


@pytest.mark.many(8)
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("effects", ["", "i", "t", "it"])
@pytest.mark.parametrize(("lag", "error"), [(True, False), (False, True), (True, True)])
def test_the_maximum_is_that_of_dummies_written_out(
    effects: str, lag: bool, error: bool, seed: int
) -> None:
    case = make_case(seed, effects)
    actual = spectrum(case.w)
    assert actual is not None
    best = maximise(columns_of(case, effects), unadjusted(actual), lag=lag, error=error)
    at = np.array([best.rho, best.lam])
    assert best.at_end == ""
    assert best.loglik == pytest.approx(case.log_likelihood(*at), abs=1e-9)
    for which, is_free in zip(np.eye(2), (lag, error), strict=True):
        assert not is_free or abs(newton_step(case, at, which)) < 1e-7

    # No other place of the whole interval is better.
    grid = np.linspace(actual.low, actual.high, 12)[1:-1]
    for rho, lam in product(grid if lag else [0.0], grid if error else [0.0]):
        assert case.log_likelihood(rho, lam) <= best.loglik + 1e-9


def test_weights_without_one_row_sum_without_time_effects() -> None:
    case = make_case(3, "i", row=False)
    actual = spectrum(case.w)
    assert actual is not None
    for lag, error in ((True, False), (False, True), (True, True)):
        best = maximise(columns_of(case, "i"), unadjusted(actual), lag=lag, error=error)
        assert best.loglik == pytest.approx(
            case.log_likelihood(best.rho, best.lam), abs=1e-9
        )
        for step in (-1e-4, 1e-4):
            near = case.log_likelihood(best.rho + step * lag, best.lam + step * error)
            assert near < best.loglik


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_optimum_at_the_end_is_reported(sign: float) -> None:
    # A circle of seven in one direction has no negative real eigenvalue: the
    # determinant is finite at -1.
    n = 7
    w = sign * np.roll(np.eye(n), 1, axis=1)
    actual = spectrum(w)
    assert actual is not None
    rng = np.random.default_rng(4)
    e = rng.normal(size=(n, T))
    y = np.linalg.solve(np.eye(n) + 1.6 * sign * w, e).reshape(-1, 1)
    x = rng.normal(size=(n * T, 1))
    first = lagged(w, y)
    columns = SpatialColumns(
        np.hstack([y, first, lagged(w, first)]), x, lagged(w, x), T
    )
    best = maximise(columns, unadjusted(actual), lag=True, error=False)
    assert best.at_end == "rho"
    # A little inside the interval, at whose end the determinant may be zero.
    margin = AT_THE_END * (actual.high - actual.low)
    end = actual.low + margin if sign > 0 else actual.high - margin
    assert best.rho == pytest.approx(end, abs=margin / 1e3)


@pytest.mark.many(6)
@pytest.mark.parametrize("seed", range(30))
def test_two_coefficients_with_several_maxima(seed: int) -> None:
    """In tiny panels the likelihood has several maxima.

    None of a fine grid is higher.
    """
    rng = np.random.default_rng(seed)
    n, t = int(rng.integers(3, 7)), int(rng.integers(2, 6))
    w = rng.uniform(size=(n, n)) * (rng.uniform(size=(n, n)) < 0.7)
    np.fill_diagonal(w, 0)
    w[np.arange(n), (np.arange(n) + 1) % n] += 0.2
    w[(np.arange(n) + 1) % n, np.arange(n)] += 0.2
    w /= w.sum(axis=1, keepdims=True)
    x, y = rng.normal(size=(n * t, 1)), rng.normal(size=(n * t, 1))
    first = lagged(w, y)
    columns = SpatialColumns(
        np.hstack([y, first, lagged(w, first)]), x, lagged(w, x), t
    )
    actual = spectrum(w)
    assert actual is not None
    best = maximise(columns, Determinants(actual, t, n * t), lag=True, error=True)

    def height(rho: float, lam: float) -> float:
        outcome, lag, design = columns.filtered(lam)
        outcome = outcome - rho * lag
        e = outcome - design @ np.linalg.lstsq(design, outcome)[0]
        both = actual.log_determinant(np.array([rho, lam])).sum()
        return t * both - n * t / 2 * (np.log(2 * np.pi * (e @ e) / (n * t)) + 1)

    grid = np.linspace(actual.low, actual.high, 32)[1:-1]
    highest = max(height(rho, lam) for rho, lam in product(grid, grid))
    assert best.at_end or best.loglik >= highest - 1e-9
    if not best.at_end:
        for rho, lam in ((1e-5, 0), (-1e-5, 0), (0, 1e-5), (0, -1e-5)):
            assert height(best.rho + rho, best.lam + lam) <= best.loglik + 1e-12


# --- information ----------------------------------------------------------------------


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
    actual = spectrum(w)
    assert actual is not None
    determinants = Determinants(actual, T, N * T)
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
    columns, actual, q = point.columns, point.determinants.spectrum, len(point.spatial)
    assert actual is not None

    def log_likelihood(v: np.ndarray) -> float:
        rho, lam = (v[0] if lag else 0.0), (v[q - 1] if error else 0.0)
        outcome, outcome_lag, x = columns.filtered(lam)
        e = outcome - rho * outcome_lag - x @ v[q:-1]
        both = actual.log_determinant(np.array([rho, lam])).sum()
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
    score[0] += point.determinants.derivative("rho", point.optimum.rho, 1)
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
    actual = point.determinants.spectrum
    assert actual is not None
    corrected = lee_yu(point, PeriodMeans(point.matrix, actual), entity=True)
    assert corrected.rho == pytest.approx(expected[0])
    assert corrected.coefficients == pytest.approx(expected[1:3])
    assert corrected.sigma2 == pytest.approx(expected[3] * T / (T - 1))


def test_the_higher_of_two_peaks_is_the_maximum_where_the_score_jumps() -> None:
    """The second peak is higher at the next node, and lower at the top."""
    peaks, tops = np.array([0.22, 0.34]), np.array([0.0, -0.03])
    grid = np.arange(1, 10) / 10

    def at_peaks(values: np.ndarray) -> np.ndarray:
        return np.asarray(tops - np.abs(np.subtract.outer(values, peaks)))

    def score(value: float) -> float:
        return float(np.sign(peaks[at_peaks(value).argmax()] - value))

    def heights(values: np.ndarray) -> np.ndarray:
        return np.asarray(at_peaks(values).max(axis=1))

    assert score(0.2) > 0
    assert score(0.3) > 0
    ends = Spectrum(np.empty(0), 0.0, 1.0)
    value, at_end = likelihood._root(score, heights, grid, heights(grid), ends)
    assert value == pytest.approx(0.22, abs=1e-6)
    assert not at_end
