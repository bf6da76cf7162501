"""Intervals: inversion, ends by substitution, and the three shapes of a Fieller set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from digiprosper.kernels.intervals import delta, fieller, percentile, percentile_p

GOLDEN = json.loads((Path(__file__).parents[1] / "reference" / "u_test.json").read_text(encoding="utf-8"))


def test_percentile_takes_order_statistics() -> None:
    draws = np.random.default_rng(0).permutation(np.arange(1.0, 5000.0))
    low, high = percentile(draws, 0.95)
    assert (float(low), float(high)) == pytest.approx((125.0, 4875.0), rel=1e-14)


def test_percentile_equals_numpys_rule_by_column() -> None:
    draws = np.random.default_rng(1).normal(size=(777, 3))
    low, high = percentile(draws, 0.9)
    np.testing.assert_allclose(low, np.quantile(draws, 0.05, axis=0, method="weibull"), rtol=1e-12)
    np.testing.assert_allclose(high, np.quantile(draws, 0.95, axis=0, method="weibull"), rtol=1e-12)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
@pytest.mark.parametrize("shift", [-0.3, 0.05, 1.6, 1.7, 1.95, 2.0, 2.4, 2.6, -1.97])
def test_p_inverts_the_interval(level: float, shift: float) -> None:
    draws = np.random.default_rng(2).normal(size=(4999, 4)) + shift
    low, high = percentile(draws, level)
    np.testing.assert_array_equal(percentile_p(draws) <= 1 - level + 1e-15, (low > 0) | (high < 0))


def test_p_is_never_zero_nor_above_one() -> None:
    assert float(percentile_p(np.full(999, 3.0))) == 2 / 1000
    assert float(percentile_p(np.zeros(999))) == 1.0
    assert float(percentile_p(np.full(999, 3.0), null=4.0)) == 2 / 1000


def test_missing_draws_are_left_out_by_column() -> None:
    draws = np.random.default_rng(3).normal(size=(500, 2))
    draws[::7, 1] = np.nan
    low, high = percentile(draws, 0.9)
    kept = draws[~np.isnan(draws[:, 1]), 1]
    only_low, only_high = percentile(kept, 0.9)
    assert (low[1], high[1]) == (only_low, only_high)
    assert percentile_p(draws)[1] == percentile_p(kept)
    assert np.isnan(percentile(np.full(9, np.nan))).all()
    assert np.isnan(percentile_p(np.full(9, np.nan)))


@pytest.mark.parametrize("df", [5.0, 47.0, np.inf])
def test_delta_equals_scipy_stats(df: float) -> None:
    b, se = np.array([1.0, -2.0, 0.0]), np.array([0.5, 3.0, 1.0])
    low, high, p = delta(b, se, df, 0.9)
    want_low, want_high = stats.t.interval(0.9, df, loc=b, scale=se)
    np.testing.assert_allclose(low, want_low, rtol=1e-12)
    np.testing.assert_allclose(high, want_high, rtol=1e-12)
    np.testing.assert_allclose(p, 2 * stats.t.sf(np.abs(b / se), df), rtol=1e-12)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["case"])
def test_fieller_of_the_published_quadratic(case: dict[str, object]) -> None:
    given, want = case["given"], case["values"]
    critical = stats.t.ppf(0.975, given["df"])
    sets = fieller(
        (-given["b1"], 2 * given["b2"]), (given["v11"], -2 * given["v12"], 4 * given["v22"]), critical
    )
    np.testing.assert_allclose(sets, [want["fieller"]["value"]], rtol=want["fieller"]["rtol"])


@pytest.mark.parametrize("seed", range(40))
def test_fieller_ends_solve_the_equation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, d = rng.normal(size=2)
    root = rng.normal(size=(2, 2)) * rng.choice([0.1, 0.5, 1.0])
    v = root @ root.T
    critical = rng.uniform(0.5, 3.0)
    sets = fieller((n, d), (v[0, 0], v[0, 1], v[1, 1]), critical)

    def distance(r: float) -> float:
        return abs(n - r * d) / np.sqrt(v[0, 0] - 2 * r * v[0, 1] + r * r * v[1, 1])

    for end in np.ravel(sets):
        if np.isfinite(end):
            assert distance(end) == pytest.approx(critical, rel=1e-9)
    for r in rng.normal(size=200) * 5:
        assert any(low <= r <= high for low, high in sets) == (distance(r) <= critical)
    bounded = np.isfinite(sets).all()
    assert bounded == (abs(d) / np.sqrt(v[1, 1]) > critical)
    assert len(sets) == 1 + (np.isinf(sets).any() and np.isfinite(sets).any())


def test_fieller_degenerate_cases() -> None:
    assert fieller((2.0, 4.0), (0.0, 0.0, 0.0), 1.96) == [(0.5, 0.5)]
    assert fieller((1.0, 0.0), (0.1, 0.0, 0.0), 2.0) == [(-np.inf, np.inf)]
    # Denominator exactly on the edge of significance: a half line.
    assert fieller((1.0, 2.0), (0.0, 0.0, 1.0), 2.0) == [(0.25, np.inf)]
    assert fieller((-1.0, 2.0), (0.0, 0.0, 1.0), 2.0) == [(-np.inf, -0.25)]
