"""Regressions of all entities at once against one regression at a time."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from statsmodels.api import OLS
from statsmodels.tsa.adfvalues import mackinnonp
from statsmodels.tsa.stattools import adfuller

from digiprosper.unit_roots import kernel
from digiprosper.unit_roots.kernel import Series, UnitRootOptions

Test = Literal["ips", "cips", "ht", "fisher"]


def options(
    test: Test = "ips", lags: int = 1, *, trend: bool = False, year_means: bool = False
) -> UnitRootOptions:
    return UnitRootOptions(
        test, lags, trend=trend, year_means=year_means, simulated=True
    )


SHAPES = ["balanced", "unbalanced", "gaps"]


def series(shape: str, seed: int = 1, n: int = 6, periods: int = 16) -> Series:
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n, periods)).cumsum(axis=1)
    if shape != "balanced":
        y[:2, :2] = y[1:3, -1] = np.nan
    if shape == "gaps":
        y[1, 5] = y[3, 8:10] = y[4, [4, 6]] = np.nan
    return Series(y)


def mean_path(data: Series) -> np.ndarray:
    """Add up mean changes of the entities that have both periods."""
    path = [0.0]
    for t in range(1, data.y.shape[1]):
        changes = [row[t] - row[t - 1] for row in data.y]
        path.append(path[-1] + float(np.nanmean(changes)))
    return np.array(path)


def one_at_a_time(
    data: Series, choice: UnitRootOptions
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slopes, t-statistics and degrees of freedom, row by row."""
    path, out = mean_path(data), []
    for values in data.y:
        y = values - choice.year_means * path
        rows, outcome = [], []
        for t in range(choice.lags + 1, y.size):
            if np.isnan(y[t - choice.lags - 1 : t + 1]).any():
                continue
            row = [y[t - 1], 1.0]
            row += [float(t)] if choice.trend else []
            row += [y[t - j] - y[t - j - 1] for j in range(1, choice.lags + 1)]
            if choice.test == "cips":
                row += [path[t - 1]]
                row += [path[t - j] - path[t - j - 1] for j in range(choice.lags + 1)]
            rows.append(row)
            outcome.append(y[t] - y[t - 1])
        fit = OLS(outcome, np.array(rows)).fit()
        out.append((fit.params[0], fit.tvalues[0], fit.df_resid))
    slopes, t, df = np.array(out).T
    return slopes, t, df


CHOICES = [
    options("ips", 0),
    options("ips", 2),
    options("ips", 1, trend=True),
    options("ips", 1, year_means=True),
    options("cips", 0),
    options("cips", 1),
    options("cips", 1, trend=True),
]


@pytest.mark.many(10)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_regressions_are_those_of_each_entity(
    choice: UnitRootOptions, shape: str
) -> None:
    data = series(shape)
    fits = kernel.regressions(data.y[None], data, choice)
    slopes, t, df = one_at_a_time(data, choice)
    np.testing.assert_allclose(fits.slopes[0], slopes, rtol=1e-8)
    np.testing.assert_allclose(fits.t[0], t, rtol=1e-8)
    np.testing.assert_array_equal(fits.df, df)
    if choice.test == "ips":
        assert kernel.statistic(fits, choice, {})[0] == pytest.approx(t.mean())


@pytest.mark.filterwarnings("ignore:adfuller currently returns:FutureWarning")
@pytest.mark.parametrize("trend", [False, True])
def test_statsmodels_has_the_same_t(*, trend: bool) -> None:
    data = series("balanced")
    fits = kernel.regressions(data.y[None], data, options("ips", 1, trend=trend))
    for i, y in enumerate(data.y):
        t = adfuller(y, 1, regression="ct" if trend else "c", autolag=None)[0]
        assert fits.t[0, i] == pytest.approx(t, rel=1e-8)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_draws_are_regressions_of_their_own(
    choice: UnitRootOptions, shape: str
) -> None:
    data = series(shape)
    y = np.random.default_rng(2).normal(size=(3, *data.y.shape)).cumsum(axis=2)
    together = kernel.regressions(y, data, choice)
    for r in range(3):
        alone = kernel.regressions(y[r : r + 1], data, choice)
        np.testing.assert_allclose(together.t[r], alone.t[0], rtol=1e-9)


@pytest.mark.parametrize("trend", [False, True])
@pytest.mark.parametrize("simulated", [False, True])
def test_harris_tzavalis_is_the_pooled_within_estimate(
    *, trend: bool, simulated: bool
) -> None:
    data = series("balanced")
    choice = UnitRootOptions(
        "ht", 0, trend=trend, year_means=False, simulated=simulated
    )
    rho = kernel.statistic(kernel.regressions(data.y[None], data, choice), choice, {})[
        0
    ]
    before, after = [], []
    for row in data.y:
        y = row / np.diff(row).std(ddof=1) if simulated else row
        time = np.arange(y.size - 1.0)
        design = np.column_stack([np.ones_like(time), *([time] if trend else [])])
        for column, out in ((y[:-1], before), (y[1:], after)):
            out.extend(OLS(column, design).fit().resid)
    assert rho == pytest.approx(np.dot(before, after) / np.dot(before, before))


def test_cips_bounds_each_t() -> None:
    data, choice = series("balanced", 4, 5, 10), options("cips", 1)
    y = np.random.default_rng(3).normal(size=(400, *data.y.shape)).cumsum(axis=2)
    fits = kernel.regressions(y, data, choice)
    assert fits.t.min() < -6.19
    assert fits.t.max() > 2.61
    expected = np.minimum(np.maximum(fits.t, -6.19), 2.61).mean(axis=1)
    np.testing.assert_allclose(kernel.statistic(fits, choice, {}), expected)


@pytest.mark.parametrize("trend", [False, True])
def test_p_values_of_mackinnon(*, trend: bool) -> None:
    t = np.linspace(-8, 0.6, 40)[None]
    ones, choice = np.ones_like(t), options("fisher", trend=trend)
    df, walks = np.ones(40, dtype=int), Series(np.zeros((40, 9)))
    fits = kernel.Regressions(ones, t, ones, ones, df, walks)
    expected = [mackinnonp(value, "ct" if trend else "c") for value in t[0]]
    np.testing.assert_allclose(kernel.unit_p_values(fits, choice, {})[0], expected)


def test_p_values_are_ranks_among_draws() -> None:
    t = np.array([[-3.0, -1.0, 0.5]])
    ones, df, walks = np.ones_like(t), np.array([1, 1, 1]), Series(np.zeros((3, 4)))
    fits = kernel.Regressions(ones, t, ones, ones, df, walks)
    draws = {(True,) * 4: np.array([-2.0, -1.0, 0.0, 1.0])}
    p = kernel.unit_p_values(fits, options("fisher"), draws)
    np.testing.assert_allclose(p, [[0.2, 0.6, 0.8]])


def test_drawn_t_has_the_quantiles_of_dickey_and_fuller() -> None:
    """5% values of Fuller (1976) for a constant with 25 and 50 periods."""
    y = np.zeros((2, 51))
    y[0, 26:] = np.nan
    drawn = kernel.draw_t(Series(y), options("fisher", 0), np.random.default_rng(1))
    quantiles = {len(span): np.quantile(draws, 0.05) for span, draws in drawn.items()}
    assert quantiles == pytest.approx({26: -3.00, 51: -2.93}, abs=0.04)


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    data, choice = series("gaps"), options("cips")
    whole = kernel.draw_statistics(data, choice, {}, 25, np.random.default_rng(1))
    monkeypatch.setattr(kernel, "_MEMORY", 8 * 7 * data.y.size)
    parts = kernel.draw_statistics(data, choice, {}, 25, np.random.default_rng(1))
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_the_order_of_entities_does_not_change_the_draws() -> None:
    data, order = series("gaps"), [3, 1, 5, 0, 2, 4]
    other = Series(data.y[order])
    first, second = (
        kernel.draw_statistics(s, options(), {}, 9, np.random.default_rng(1))
        for s in (data, other)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("trend", [False, True])
def test_moments_of_harris_and_tzavalis_are_those_of_draws(*, trend: bool) -> None:
    n, choice = (
        12,
        UnitRootOptions("ht", 0, trend=trend, year_means=False, simulated=False),
    )
    entities = 200
    data = Series(np.zeros((entities, n + 1)))
    draws = kernel.draw_statistics(data, choice, {}, 2_000, np.random.default_rng(1))
    mean, variance = kernel.harris_tzavalis_moments(n, trend=trend)
    assert draws.mean() == pytest.approx(mean, abs=0.003)
    assert entities * draws.var() == pytest.approx(variance, rel=0.12)
