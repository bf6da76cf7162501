"""Notices about assumptions that the data contradict."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from digiprosper.unit_roots.kernel import Series, UnitRootOptions
from digiprosper.unit_roots.notices import assumptions


def series(y: np.ndarray) -> Series:
    n, periods = y.shape
    return Series(y, np.zeros(n, dtype=int), np.full(n, periods - 1))


def walks(seed: int = 0, n: int = 20, periods: int = 15) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, periods)).cumsum(axis=1)


def codes(
    y: np.ndarray,
    test: str = "ips",
    *,
    trend: bool = False,
    year_means: bool = False,
    simulated: bool = True,
) -> dict[str, dict[str, float]]:
    options = UnitRootOptions(
        test,  # type: ignore[arg-type]
        0,
        trend=trend,
        year_means=year_means,
        simulated=simulated,
    )
    return {n.code: dict(n.data) for n in assumptions(series(y), options)}


def test_independent_walks_need_no_notice() -> None:
    for test in ("ips", "cips", "ht", "fisher"):
        assert codes(walks(), test) == {}


def test_a_common_factor() -> None:
    shock = np.random.default_rng(5).normal(size=15).cumsum()
    y = walks() + shock
    data = codes(y)["dependent_entities"]
    changes = np.diff(y)
    rho = np.corrcoef(changes)[np.triu_indices(20, 1)]
    assert data["statistic"] == pytest.approx(rho.sum() / np.sqrt((rho**2).sum()))
    assert data["p_value"] == pytest.approx(2 * stats.norm.sf(data["statistic"]))
    assert "dependent_entities" not in codes(y, "cips")
    assert "dependent_entities" not in codes(y, year_means=True)


def test_a_trend_of_the_mean() -> None:
    y = walks() + 0.5 * np.arange(15)
    data = codes(y)["trending_means"]
    expected = stats.ttest_1samp(np.diff(y).mean(axis=0), 0)
    assert data["statistic"] == pytest.approx(expected.statistic)
    assert data["p_value"] == pytest.approx(expected.pvalue)
    assert "trending_means" in codes(y, "cips")
    assert "trending_means" not in codes(y, trend=True)
    assert "trending_means" not in codes(y, year_means=True)


def test_unequal_variances_under_printed_moments() -> None:
    y = walks() * np.linspace(1, 5, 20)[:, None]
    data = codes(y, "ht", simulated=False)["variances_differ"]
    expected = stats.levene(*np.diff(y), center="median")
    assert data["statistic"] == pytest.approx(expected.statistic)
    assert data["p_value"] == pytest.approx(expected.pvalue)
    assert "variances_differ" not in codes(y, "ht")
    assert "variances_differ" not in codes(y, "ips", simulated=False)
    assert "variances_differ" not in codes(walks(), "ht", simulated=False)


def test_one_entity_is_compared_with_nobody() -> None:
    assert codes(walks(n=1)) == {}
