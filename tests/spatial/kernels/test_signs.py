"""Each drawn outcome against the same model fitted to it alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import Panel, PanelSpatial, SpatialWeights, spatial_tests
from digiprosper.kernels.least_squares import ols
from digiprosper.spatial.estimation import maximise_likelihood
from digiprosper.spatial.kernels import signs
from digiprosper.spatial.kernels.likelihood import lagged
from digiprosper.spatial.kernels.signs import (
    Drawn,
    durbin_draws,
    lagrange_draws,
    lagrange_tests,
    p_value,
)
from digiprosper.spatial.preparation import lay_out, spatial_columns

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
    draws = np.random.default_rng(signs._SEED).choice(
        [-1.0, 1.0], size=(1 + signs.REPS, N)
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
    assert statistics.shape == (1 + signs.REPS, 2)
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
    monkeypatch.setattr(signs, "_MEMORY", 8 * 40 * N * T)
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

    found = lagrange_tests(
        w, x, e, *(lagged(w, column[:, None])[:, 0] for column in (y, e))
    )
    expected = (
        lag**2 / j,
        error**2 / trace,
        (lag - error) ** 2 / (j - trace),
        (error - trace / j * lag) ** 2 / (trace * (1 - trace / j)),
    )
    assert tuple(found) == pytest.approx(expected)
