"""Moran's I, Geary's C by loops and permutations; tests of models, fitted alone."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

import digiprosper as dp
from digiprosper import Panel, PanelSpatial, SpatialWeights, spatial_tests
from digiprosper.kernels.least_squares import ols
from digiprosper.spatial.estimation import maximise_likelihood
from digiprosper.spatial.kernels import dependence as kernel
from digiprosper.spatial.kernels.dependence import (
    Drawn,
    durbin_draws,
    lagrange_draws,
    lagrange_tests,
    p_value,
)
from digiprosper.spatial.kernels.likelihood import lagged
from digiprosper.spatial.preparation import lay_out, spatial_columns

SEED = np.random.SeedSequence(1)


def links_of(rng: np.random.Generator, n: int) -> np.ndarray[Any, Any]:
    links = rng.random((n, n)) * (rng.random((n, n)) < 0.6)
    np.fill_diagonal(links, 0)
    links[0, 1] = 0.5
    return links


def moran_by_loops(links: Any, x: Any) -> float:
    z = x - x.mean()
    cross = sum(links[i, j] * z[i] * z[j] for i in range(x.size) for j in range(x.size))
    return float(x.size / links.sum() * cross / (z**2).sum())


def geary_by_loops(links: Any, x: Any) -> float:
    gaps = sum(
        links[i, j] * (x[i] - x[j]) ** 2 for i in range(x.size) for j in range(x.size)
    )
    return float((x.size - 1) / (2 * links.sum()) * gaps / ((x - x.mean()) ** 2).sum())


LOOPS = {False: moran_by_loops, True: geary_by_loops}


@pytest.mark.parametrize("geary", [False, True])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_statistics_against_loops(geary, form) -> None:
    rng = np.random.default_rng(2)
    links, cells = links_of(rng, 9), 1e6 + rng.normal(size=(4, 9))
    z, constant = kernel.deviations(cells)
    assert not constant.any()
    actual = kernel.global_statistics(form(links), z, 0, SEED, geary=geary)
    expected = [LOOPS[geary](links, row) for row in cells]
    np.testing.assert_allclose(actual[0], expected, rtol=1e-8)


@pytest.mark.parametrize("geary", [False, True])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("seed", range(3))
def test_moments_over_all_permutations(geary, form, seed) -> None:
    """Under randomisation, moments are those of all n! permutations."""
    rng = np.random.default_rng(seed)
    links, x = links_of(rng, 6), rng.exponential(size=6)
    drawn = np.array(
        [LOOPS[geary](links, np.array(order)) for order in permutations(x)]
    )
    z = kernel.deviations(x[None])[0]
    expectation, _, randomisation = kernel.moments(form(links), z, geary=geary)
    assert drawn.mean() == pytest.approx(expectation, rel=1e-10)
    assert drawn.var() == pytest.approx(randomisation[0], rel=1e-9)


@pytest.mark.parametrize("geary", [False, True])
def test_moments_under_normality(geary) -> None:
    """By the mean of normal samples, whose variance over permutations has that mean."""
    rng = np.random.default_rng(5)
    links = links_of(rng, 8)
    z = kernel.deviations(rng.normal(size=(100_000, 8)))[0]
    expectation, normality, randomisation = kernel.moments(links, z, geary=geary)
    actual = kernel.global_statistics(links, z, 0, SEED, geary=geary)[0]
    assert actual.mean() == pytest.approx(
        expectation, abs=4 * np.sqrt(normality / 100_000)
    )
    assert actual.var() == pytest.approx(normality, rel=0.02)
    # The variance of I and C given the values averages to that of normal values.
    assert randomisation.mean() == pytest.approx(normality, rel=0.01)


@pytest.mark.parametrize("geary", [False, True])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_counts_of_permutations_against_loops(geary, form) -> None:
    rng = np.random.default_rng(4)
    links, cells = links_of(rng, 7), rng.normal(size=(3, 7))
    z = kernel.deviations(cells)[0]
    actual = kernel.global_statistics(form(links), z, 50, SEED, geary=geary)
    orders = np.concatenate(list(kernel._permutations(7, 50, SEED)), axis=1).T
    expectation = 1.0 if geary else -1 / 6
    for t in range(3):
        observed = abs(LOOPS[geary](links, cells[t]) - expectation)
        drawn = [
            abs(LOOPS[geary](links, cells[t][order]) - expectation) for order in orders
        ]
        assert actual[1][t] == sum(d >= observed - 1e-12 for d in drawn)


def test_the_size_of_blocks_changes_nothing(monkeypatch) -> None:
    rng = np.random.default_rng(6)
    links, z = links_of(rng, 11), kernel.deviations(rng.normal(size=(5, 11)))[0]
    whole = kernel.global_statistics(links, z, 300, SEED, geary=False)
    local = kernel.local_statistics(links, z, 300, SEED)
    monkeypatch.setattr(kernel, "_PERMUTED", 8 * 7 * 11)
    np.testing.assert_array_equal(
        kernel.global_statistics(links, z, 300, SEED, geary=False)[1], whole[1]
    )
    np.testing.assert_array_equal(
        kernel.local_statistics(links, z, 300, SEED)[1], local[1]
    )


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_local_permutations_are_all_permutations_of_the_others(
    form, monkeypatch
) -> None:
    """With all n! permutations, each of the (n - 1)! of the others is there n times."""
    n, rng = 6, np.random.default_rng(7)
    links = links_of(rng, n)
    z = kernel.deviations(rng.normal(size=(2, n)))[0]
    every = np.array(list(permutations(range(n)))).T
    monkeypatch.setattr(kernel, "_permutations", lambda *_: iter([every]))
    lag, actual = kernel.local_statistics(form(links), z, every.shape[1], SEED)
    for t in range(2):
        for i in range(n):
            others = [j for j in range(n) if j != i]
            drawn = []
            for order in permutations(others):
                value = dict(zip(others, z[t, list(order)], strict=True))
                drawn.append(z[t, i] * sum(links[i, j] * value[j] for j in others))
            assert lag[t, i] == pytest.approx(
                sum(links[i, j] * z[t, j] for j in range(n)),
                rel=1e-12,
                abs=1e-15,
            )
            centre = np.mean(drawn)
            observed = abs(z[t, i] * lag[t, i] - centre)
            beyond = sum(abs(d - centre) >= observed - 1e-12 for d in drawn)
            assert actual[t, i] == n * beyond


def test_an_island_is_as_extreme_as_all_its_permutations() -> None:
    rng = np.random.default_rng(8)
    links = links_of(rng, 6)
    links[3] = 0
    lag, beyond = kernel.local_statistics(
        links, kernel.deviations(rng.normal(size=(1, 6)))[0], 20, SEED
    )
    assert lag[0, 3] == 0
    assert beyond[0, 3] == 20


def test_deviations() -> None:
    cells = np.array(
        [[1.0, 2.0, 6.0], [4.0, 4.0, 4.0], [1e90, 3e90, -1e90], [0.0, 0.0, 0.0]]
    )
    z, constant = kernel.deviations(cells)
    assert constant.tolist() == [False, True, False, True]
    np.testing.assert_allclose(z[0], (cells[0] - 3) / cells[0].std(), rtol=1e-13)
    np.testing.assert_allclose(
        z[2], (cells[2] - cells[2].mean()) / cells[2].std(), rtol=1e-13, atol=1e-15
    )
    assert not z[constant].any()


def test_adjusted_p_values_against_scipy() -> None:
    p = np.random.default_rng(9).random((3, 20)) ** 2
    adjusted = kernel.benjamini_hochberg(p)
    for row, actual in zip(p, adjusted, strict=True):
        np.testing.assert_allclose(
            actual, stats.false_discovery_control(row), rtol=1e-14
        )
    p[:, 5] = np.nan
    rest = np.delete(p, 5, axis=1)
    np.testing.assert_array_equal(
        np.delete(kernel.benjamini_hochberg(p), 5, axis=1),
        kernel.benjamini_hochberg(rest),
    )


# --- tests of a model's residuals -----------------------------------------------------


N, T = 12, 5
NAMES = [f"c{i:02d}" for i in range(N)]


def make_weights(kind: str) -> SpatialWeights:
    rng = np.random.default_rng(5)
    w = rng.uniform(size=(N, N)) * (rng.uniform(size=(N, N)) < 0.3)
    np.fill_diagonal(w, 0)
    w[np.arange(N), (np.arange(N) + 1) % N] += 0.3
    w = np.maximum(w, w.T)
    return SpatialWeights(w, NAMES, standardise=kind)


def make_panel(weights: SpatialWeights, seed: int = 3) -> Panel:
    rng = np.random.default_rng(seed)
    x, e = rng.normal(size=(2, N, T))
    e += rng.normal(size=(1, T)) + rng.normal(size=(N, 1))
    w = weights.dense
    y = np.linalg.solve(np.eye(N) - 0.2 * w, x + 0.3 * w @ x + e)
    keys = {"city": np.repeat(NAMES, T), "year": np.tile(range(T), N)}
    return Panel(pd.DataFrame({**keys, "x": x.ravel(), "y": y.ravel()}), "city", "year")


def drawn_panel(panel: Panel, drawn: Drawn, row: int) -> Panel:
    """The panel with the outcome of one draw."""
    draws = np.random.default_rng(kernel._SEED).choice(
        [-1.0, 1.0], size=(1 + kernel.REPS, N)
    )
    draws[0] = 1.0
    order = np.argsort((drawn.residuals**2).sum(axis=1), kind="stable")
    by_entity = np.empty(N)
    by_entity[order] = draws[row]
    shift = (by_entity[:, None] - 1) * drawn.residuals
    moved = drawn.outcome + (shift if drawn.inverse is None else drawn.inverse @ shift)
    return panel.assign(y=lambda _: moved.ravel())


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("kind", ["row", "spectral"])
@pytest.mark.parametrize("model", ["sar", "sem"])
def test_likelihood_ratios_and_wald_tests_of_single_draws(
    kind: str, model: str
) -> None:
    weights = make_weights(kind)
    panel = make_panel(weights)
    spec = PanelSpatial("y", ["x"], weights, cov_type="observed")
    layout = lay_out(spec, panel)
    simple = layout.without_lags()
    null = maximise_likelihood(spec.replace(model=model), simple)
    at = null.optimum.rho if model == "sar" else null.optimum.lam
    residuals = null.optimum.residuals.reshape(N, T)
    outcome = layout.raw[:, 0].reshape(N, T)
    drawn = Drawn(
        outcome, residuals, null.inverse(at), weights.dense, entity=True, time=True
    )
    error = None
    if model == "sem":
        time = kind == "row"  # otherwise with dummies of the periods
        error = Drawn(
            outcome, residuals, null.inverse(at), weights.dense, entity=True, time=time
        )
    durbin = spatial_columns(layout, splm=False, error=False)
    statistics = durbin_draws(drawn, durbin, null.columns, null.determinants, 1, error)
    assert statistics.shape == (1 + kernel.REPS, 2)
    compared = 0
    for row in (0, 1, 2, 3, 4, 5, 6):
        data = drawn_panel(panel, drawn, row)
        try:
            full, small = spec.fit(data), spec.replace(model=model).fit(data)
        except dp.IdentificationError:
            continue
        compared += 1
        ratio = 2 * (full.loglik - small.loglik)
        assert statistics[row, 0] == pytest.approx(ratio, rel=2e-3, abs=2e-3)
        assert statistics[row, 1] == pytest.approx(
            full.wald_to(model).statistic, rel=2e-2
        )
    assert compared >= 4


@pytest.mark.parametrize("kind", ["row", "spectral"])
def test_centred_tests_with_all_matrices_written_out(kind: str) -> None:
    weights = make_weights(kind)
    w, rng = weights.dense, np.random.default_rng(1)
    x, y = rng.normal(size=(N * T, 2)), rng.normal(size=N * T)
    within = np.kron(np.eye(N) - 1 / N, np.eye(T) - 1 / T)
    x = within @ x
    maker = within - x @ np.linalg.solve(x.T @ x, x.T)
    big = np.kron(w, np.eye(T))
    rows, e = (N - 1) * (T - 1), maker @ y
    df = rows - 2
    symmetric = maker @ (big + big.T) @ maker / 2
    first, second = np.trace(symmetric), np.trace(symmetric @ symmetric)
    variance = df**2 * ((2 * second + first**2) / (df * (df + 2)) - (first / df) ** 2)
    s2 = e @ e / df
    fitted = maker @ big @ (y - e)
    lag, error = e @ big @ y / s2 - first, e @ big @ e / s2 - first
    information = fitted @ fitted / s2
    share = variance / (information + variance)
    expected = (
        lag**2 / (information + variance),
        error**2 / variance,
        (lag - error) ** 2 / information,
        (error - share * lag) ** 2 / (variance * (1 - share)),
    )
    drawn = Drawn(y.reshape(N, T), e.reshape(N, T), None, w, entity=True, time=True)
    statistics = lagrange_draws(drawn, x, T - 1, rows)
    assert statistics[0] == pytest.approx(expected)
    # The same for the outcome of another draw.
    moved = drawn_panel(make_panel(weights), drawn, 3)["y"].to_numpy()
    other = Drawn(
        moved.reshape(N, T),
        (maker @ moved).reshape(N, T),
        None,
        w,
        entity=True,
        time=True,
    )
    assert lagrange_draws(other, x, T - 1, rows)[0] == pytest.approx(statistics[3])


def test_the_p_value_counts_ties() -> None:
    assert p_value(np.array([2.0, 1.0, 2.0, 3.0])) == 0.75
    assert p_value(np.array([4.0, 1.0, 2.0, 3.0])) == 0.25


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_order_of_entities_units_and_blocks_do_not_matter(monkeypatch) -> None:
    weights = make_weights("row")
    panel = make_panel(weights)
    spec = PanelSpatial("y", ["x"], weights)
    frame = spatial_tests(spec, panel).frame
    rng = np.random.default_rng(0)
    labels = dict(
        zip(NAMES, rng.permutation([f"k{i:02d}" for i in range(N)]), strict=True)
    )
    data = panel.frame.reset_index()
    data = data.assign(
        city=data["city"].map(labels), x=1000 * data["x"], y=3 * data["y"] + 7
    )
    order = rng.permutation(N)
    moved = SpatialWeights(
        1e3 * weights.raw[np.ix_(order, order)], [labels[NAMES[i]] for i in order]
    )
    monkeypatch.setattr(kernel, "_DRAWN", 8 * 40 * N * T)
    other = spatial_tests(
        spec.replace(spatial_weights=moved), Panel(data, "city", "year")
    ).frame
    for column in ("statistic", "p_value", "chi2", "chi2_p_value"):
        assert other[column].to_numpy() == pytest.approx(
            frame[column].to_numpy(), rel=1e-6
        )


def test_statistics_with_all_matrices_written_out() -> None:
    n, t = 6, 4
    rng = np.random.default_rng(1)
    w = rng.uniform(size=(n, n))
    np.fill_diagonal(w, 0)
    x, y = rng.normal(size=(n * t, 2)), rng.normal(size=n * t)
    fit = ols(x, y)
    e, s2, big = (
        fit.residuals,
        float(fit.residuals @ fit.residuals) / (n * t),
        np.kron(w, np.eye(t)),
    )
    annihilator = np.eye(n * t) - x @ np.linalg.inv(x.T @ x) @ x.T
    fitted = big @ x @ fit.coefficients
    trace = t * np.trace(w @ w + w.T @ w)
    j = (fitted @ annihilator @ fitted + trace * s2) / s2
    lag, error = e @ big @ y / s2, e @ big @ e / s2

    actual = lagrange_tests(
        w, x, e, *(lagged(w, column[:, None])[:, 0] for column in (y, e))
    )
    expected = (
        lag**2 / j,
        error**2 / trace,
        (lag - error) ** 2 / (j - trace),
        (error - trace / j * lag) ** 2 / (trace * (1 - trace / j)),
    )
    assert tuple(actual) == pytest.approx(expected)
