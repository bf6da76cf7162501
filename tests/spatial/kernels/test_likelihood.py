"""Against the likelihood with every dummy written out, maximised numerically."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest

from digiprosper.kernels.tolerances import AT_THE_END
from digiprosper.spatial.kernels.determinants import Determinants, Spectrum, spectrum
from digiprosper.spatial.kernels.likelihood import SpatialColumns, lagged, maximise
from digiprosper.spatial.preparation import without_means

N, T = 8, 5


def unadjusted(found: Spectrum) -> Determinants:
    n = len(found.values)
    return Determinants(found, T, n * T)


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
    found = spectrum(case.w)
    assert found is not None
    full = columns_of(case, "it")
    few = SpatialColumns(full.y[:, :2], full.x, full.x[:, :0], T)
    expected = maximise(full, unadjusted(found), lag=True, error=False)
    best = maximise(few, unadjusted(found), lag=True, error=False)
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
    found = spectrum(case.w)
    assert found is not None
    best = maximise(columns_of(case, effects), unadjusted(found), lag=lag, error=error)
    at = np.array([best.rho, best.lam])
    assert best.at_end == ""
    assert best.loglik == pytest.approx(case.log_likelihood(*at), abs=1e-9)
    for which, is_free in zip(np.eye(2), (lag, error), strict=True):
        assert not is_free or abs(newton_step(case, at, which)) < 1e-7

    # No other place of the whole interval is better.
    grid = np.linspace(found.low, found.high, 12)[1:-1]
    for rho, lam in product(grid if lag else [0.0], grid if error else [0.0]):
        assert case.log_likelihood(rho, lam) <= best.loglik + 1e-9


def test_weights_without_one_row_sum_without_time_effects() -> None:
    case = make_case(3, "i", row=False)
    found = spectrum(case.w)
    assert found is not None
    for lag, error in ((True, False), (False, True), (True, True)):
        best = maximise(columns_of(case, "i"), unadjusted(found), lag=lag, error=error)
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
    found = spectrum(w)
    assert found is not None
    rng = np.random.default_rng(4)
    e = rng.normal(size=(n, T))
    y = np.linalg.solve(np.eye(n) + 1.6 * sign * w, e).reshape(-1, 1)
    x = rng.normal(size=(n * T, 1))
    first = lagged(w, y)
    columns = SpatialColumns(
        np.hstack([y, first, lagged(w, first)]), x, lagged(w, x), T
    )
    best = maximise(columns, unadjusted(found), lag=True, error=False)
    assert best.at_end == "rho"
    # A little inside the interval, at whose end the determinant may be zero.
    margin = AT_THE_END * (found.high - found.low)
    end = found.low + margin if sign > 0 else found.high - margin
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
    found = spectrum(w)
    assert found is not None
    best = maximise(columns, Determinants(found, t, n * t), lag=True, error=True)

    def height(rho: float, lam: float) -> float:
        design, outcome = columns.filtered(lam), columns.filtered_outcome(rho, lam)
        e = outcome - design @ np.linalg.lstsq(design, outcome)[0]
        both = found.log_determinant(np.array([rho, lam])).sum()
        return t * both - n * t / 2 * (np.log(2 * np.pi * (e @ e) / (n * t)) + 1)

    grid = np.linspace(found.low, found.high, 32)[1:-1]
    highest = max(height(rho, lam) for rho, lam in product(grid, grid))
    assert best.at_end or best.loglik >= highest - 1e-9
    if not best.at_end:
        for rho, lam in ((1e-5, 0), (-1e-5, 0), (0, 1e-5), (0, -1e-5)):
            assert height(best.rho + rho, best.lam + lam) <= best.loglik + 1e-12
