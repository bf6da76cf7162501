"""Johnson-Neyman regions: substitution at the ends, and many values one by one."""

from __future__ import annotations

import json
import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from scipy import stats

from digiprosper.errors import IdentificationError, OptionError
from digiprosper.mediation import conditional
from digiprosper.mediation.conditional import JohnsonNeyman, significant_regions

UNIT = np.linspace(0, 1, 101)


def johnson_neyman(
    effect: str,
    variable: str,
    slope: Any,
    variance: Any,
    *,
    df: float,
    quantiles: Any,
    level: float = 0.95,
    conventions: str = "",
) -> JohnsonNeyman:
    """Regions of one path, by t."""
    v00, v01, v11 = variance
    covariance = np.array([[v00, v01], [v01, v11]])
    return conditional.johnson_neyman(
        effect, variable, (np.array(slope), covariance, np.empty((0, 2))), quantiles,
        method="t", df=df, clusters=None, level=level, conventions=conventions,
    )  # fmt: skip


def johnson_neyman_draws(
    effect: str,
    variable: str,
    coefficients: Any,
    draws: Any,
    *,
    clusters: int | None,
    quantiles: Any,
    level: float = 0.95,
) -> JohnsonNeyman:
    """Regions of an effect, by percentiles of draws."""
    return conditional.johnson_neyman(
        effect, variable, (coefficients, np.empty((0, 0)), draws), quantiles,
        method="percentile", df=np.inf, clusters=clusters, level=level, conventions="",
    )  # fmt: skip


def t_values(slope: Any, variance: Any, w: Any) -> Any:
    return (slope[0] + slope[1] * w) / np.sqrt(
        variance[0] + 2 * w * variance[1] + w**2 * variance[2]
    )


def within(regions: Any, w: Any) -> Any:
    return np.any(
        [(a <= w) & (w <= b) for a, b in regions] or [np.zeros(len(w), dtype=bool)],
        axis=0,
    )


@pytest.mark.parametrize(
    ("slope", "variance", "support", "count"),
    [
        ((-1.0, 2.0), (0.04, -0.05, 0.1), (0.0, 1.0), 2),  # both sides of a bounded set
        # Its left end outside the support
        ((-1.0, 2.0), (0.04, -0.05, 0.1), (0.45, 1.0), 1),
        ((-1.0, 2.0), (0.04, -0.05, 0.1), (0.45, 0.55), 0),  # support inside the set
        ((-1.0, 2.0), (0.04, -0.05, 0.1), (0.7, 2.0), 1),  # support beyond the set
        # Slope change not significant: between two pieces
        ((1.0, 0.1), (0.04, -0.02, 0.1), (-5.0, 5.0), 1),
        ((1.0, 0.1), (0.04, -0.02, 0.1), (0.0, 5.0), 1),
        ((0.1, 0.1), (1.0, 0.0, 1.0), (-5.0, 5.0), 0),  # the whole line
        ((1.0, 0.0), (0.04, 0.0, 0.1), (-5.0, 5.0), 1),
        # Far from 0, such as years
        ((-3000.0, 1.5), (900.0, -0.45, 0.000226), (1900.0, 2100.0), 2),
    ],
)
def test_regions_by_substitution(
    slope: Any, variance: Any, support: Any, count: int
) -> None:
    regions = significant_regions(slope, variance, 2.0, support)
    assert len(regions) == count
    w = np.linspace(*support, 4001)
    told = np.abs(t_values(slope, variance, w)) >= 2.0
    ends = [end for region in regions for end in region if end not in support]
    clear = (
        np.all([np.abs(w - e) > 1e-9 * (support[1] - support[0]) for e in ends], axis=0)
        if ends
        else True
    )
    np.testing.assert_array_equal(
        (within(regions, w) == told) | ~np.asarray(clear), np.ones(4001, dtype=bool)
    )
    np.testing.assert_allclose(
        np.abs(t_values(slope, variance, np.array(ends))), 2.0, rtol=1e-6
    )


def test_one_path_of_a_regression() -> None:
    rng = np.random.default_rng(2)
    n = 300
    x, w = rng.normal(size=n), rng.uniform(0, 2, n)
    y = -0.6 * x + 0.7 * x * w + 0.5 * w + rng.normal(size=n)
    design = np.column_stack([x, x * w, w, np.ones(n)])
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ y
    cov = inverse * np.sum((y - design @ beta) ** 2) / (n - 4)
    quantiles = np.quantile(w, UNIT)
    variance = (cov[0, 0], cov[0, 1], cov[1, 1])
    actual = johnson_neyman(
        "a", "w", (beta[0], beta[1]), variance, df=n - 4, quantiles=quantiles
    )
    critical = stats.t.ppf(0.975, n - 4)
    assert len(actual.regions) == 2
    for end in (actual.regions[0][1], actual.regions[1][0]):
        # The regression with w measured from the end has the effect there as the
        # coefficient of x.
        moved = np.column_stack([x, x * (w - end), w, np.ones(n)])
        again = np.linalg.inv(moved.T @ moved)
        b = (again @ moved.T @ y)[0]
        t = b / np.sqrt(again[0, 0] * np.sum((y - design @ beta) ** 2) / (n - 4))
        assert abs(t) == pytest.approx(critical, rel=1e-9)
    assert actual.support == (w.min(), w.max())
    assert actual.share == pytest.approx(within(actual.regions, w).mean(), abs=0.015)
    curve = actual.curve
    assert list(curve.columns) == ["at", "estimate", "conf_low", "conf_high"]
    told = (curve["conf_low"] > 0) | (curve["conf_high"] < 0)
    np.testing.assert_array_equal(told, within(actual.regions, curve["at"].to_numpy()))
    half = critical * np.sqrt(
        variance[0] + 2 * curve["at"] * variance[1] + curve["at"] ** 2 * variance[2]
    )
    np.testing.assert_allclose(curve["conf_high"] - curve["estimate"], half)
    normal = johnson_neyman(
        "a",
        "w",
        (beta[0], beta[1]),
        variance,
        df=np.inf,
        quantiles=quantiles,
        level=0.9,
    )
    expected = significant_regions(
        (beta[0], beta[1]),
        variance,
        stats.norm.ppf(0.95),
        (float(w.min()), float(w.max())),
    )
    np.testing.assert_allclose(normal.regions, expected, rtol=1e-12)


def brute(draws: Any, w: float, level: float) -> tuple[float, float]:
    values = [
        sum(c * w**d for d, c in enumerate(row))
        for row in draws
        if not np.isnan(row).any()
    ]
    low, high = np.quantile(
        values, [(1 - level) / 2, (1 + level) / 2], method="weibull"
    )
    return float(low), float(high)


@pytest.mark.parametrize(
    ("point", "spread", "count", "signs"),
    [
        ((-0.25, 0.5), 0.05, 2, "-+"),
        ((0.25, -0.5), 0.05, 2, "+-"),
        ((0.4, -1.6, 1.6), 0.02, 2, "++"),  # 0 in the middle, positive on both sides
        ((-0.06, 0.9, -0.9), 0.02, 2, "-+"),
        ((0.3, 0.1), 0.02, 1, "+"),
        ((-0.3, 0.1), 0.02, 1, "-"),
        ((0.01, 0.0), 0.2, 0, ""),
        ((0.3,), 0.02, 1, "+"),
    ],
)
@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.many(3)
def test_regions_from_draws(
    point: Any, spread: float, count: int, signs: str, level: float
) -> None:
    rng = np.random.default_rng(7)
    draws = np.array(point) + spread * rng.normal(size=(199, len(point)))
    actual = johnson_neyman_draws(
        "ab", "w", np.array(point), draws, quantiles=UNIT, level=level, clusters=None
    )
    assert len(actual.regions) >= count
    words = "".join(
        "+" if "positive" in actual._region_text(r) else "-" for r in actual.regions
    )
    assert set(signs) <= set(words)
    ends = [end for region in actual.regions for end in region if end not in (0.0, 1.0)]
    for w in np.linspace(0, 1, 57):
        low, high = brute(draws, w, level)
        if all(abs(w - e) > 1e-9 for e in ends):
            assert bool(within(actual.regions, np.array([w]))[0]) == (
                low > 0 or high < 0
            )
    for end in ends:
        assert min(abs(v) for v in brute(draws, end, level)) < 1e-12
    for at, estimate, low, high in actual.curve.iloc[::80].to_numpy():
        assert estimate == pytest.approx(sum(c * at**d for d, c in enumerate(point)))
        assert (low, high) == pytest.approx(
            brute(draws, at, level), rel=1e-9, abs=1e-12
        )
    lost = np.vstack([draws, np.full((4, len(point)), np.nan)])
    again = johnson_neyman_draws(
        "ab", "w", np.array(point), lost, quantiles=UNIT, level=level, clusters=None
    )
    assert again.to_dict() == actual.to_dict()


def test_an_effect_that_turns_between_two_points_has_two_regions() -> None:
    # All draws alike: the interval has no width, and touches 0 at .3333 only.
    draws = np.tile([-0.3333, 1.0], (99, 1))
    actual = johnson_neyman_draws(
        "ab", "w", draws[0], draws, quantiles=UNIT, clusters=None
    )
    np.testing.assert_allclose(
        actual.regions, [(0.0, 0.3333), (0.3333, 1.0)], atol=1e-14
    )
    assert actual.share == 1


def test_both_methods_agree_on_many_draws() -> None:
    rng = np.random.default_rng(11)
    slope, variance = (-0.25, 0.5), (0.003, -0.003, 0.006)
    cov = [[variance[0], variance[1]], [variance[1], variance[2]]]
    draws = rng.multivariate_normal(slope, cov, 9_999)
    by_t = johnson_neyman("a", "w", slope, variance, df=np.inf, quantiles=UNIT)
    drawn = johnson_neyman_draws(
        "a", "w", np.array(slope), draws, quantiles=UNIT, clusters=None
    )
    assert len(by_t.regions) == len(drawn.regions) == 2
    ends = np.array([drawn.regions[0][1], drawn.regions[1][0]])
    # sqrt(.025 * .975 / 9,999) / density at 1.96 = .0267, the error of a drawn
    # quantile; five of them.
    np.testing.assert_allclose(
        t_values(slope, variance, ends), [-1.96, 1.96], atol=5 * 0.0267
    )


def test_share_of_a_dummy_and_of_none() -> None:
    dummy = np.quantile(np.repeat([0.0, 1.0], [30, 70]), UNIT)
    one = johnson_neyman(
        "a", "w", (0.0, 1.0), (0.04, -0.04, 0.05), df=30, quantiles=dummy
    )
    assert one.share == pytest.approx(0.7, abs=0.015)
    none = johnson_neyman(
        "a", "w", (0.0, 0.1), (0.04, 0.0, 0.05), df=30, quantiles=UNIT
    )
    assert (none.regions, none.share) == ([], 0.0)
    every = johnson_neyman(
        "a", "w", (9.0, 0.1), (0.04, 0.0, 0.05), df=30, quantiles=UNIT
    )
    assert (every.regions, every.share) == ([(0.0, 1.0)], 1.0)


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(IdentificationError, match="'w' is 2 in every row"):
        johnson_neyman(
            "a", "w", (0.1, 1.0), (0.1, 0.0, 0.1), df=30, quantiles=np.full(101, 2.0)
        )
    for slope, variance in (
        ((0.1, 1.0), (0.1, 0.0, np.nan)),
        ((0.1, 1.0), (0.1, -0.2, 0.1)),
        ((0.1, 1.0), (0.1, 0.0, 0.0)),
        ((np.nan, 1.0), (0.1, 0.0, 0.1)),
    ):
        with pytest.raises(IdentificationError, match="no standard error"):
            johnson_neyman("a", "w", slope, variance, df=30, quantiles=UNIT)
    point = np.array([0.1, 1.0])
    with pytest.raises(IdentificationError, match="all draws failed"):
        johnson_neyman_draws(
            "ab", "w", point, np.full((9, 2), np.nan), quantiles=UNIT, clusters=None
        )
    with pytest.raises(OptionError, match="level"):
        johnson_neyman_draws(
            "ab", "w", point, np.ones((9, 2)), quantiles=UNIT, level=2, clusters=None
        )
    with pytest.raises(OptionError, match="level"):
        johnson_neyman(
            "a", "w", (0.1, 1.0), (0.1, 0.0, 0.1), df=30, quantiles=UNIT, level=0
        )


@pytest.fixture
def results() -> JohnsonNeyman:
    return johnson_neyman(
        "a: digital -> productivity", "城镇化率", (-1.0, 2.0), (0.04, -0.05, 0.1),
        df=30, quantiles=UNIT,
        conventions="Standard errors clustered by city",
    )  # fmt: skip


def test_words_and_plain_data(results: JohnsonNeyman) -> None:
    text = results.summary()
    assert text.splitlines()[-1] == "Standard errors clustered by city."
    assert max(map(len, text.splitlines())) <= 80
    assert "Significant at 5% where 城镇化率 is" in text
    assert "- in [0, 0.3679] (negative)" in text
    assert "- in [0.6321, 1] (positive)" in text
    assert "73% of the rows" in text
    none = johnson_neyman(
        "a", "w", (0.0, 0.1), (0.04, 0.0, 0.05), df=30, quantiles=UNIT
    )
    assert "Not significant at 5% at any w from 0 to 1" in none.summary()
    assert repr(results) == text
    assert pickle.loads(pickle.dumps(results)).to_dict() == results.to_dict()
    out = json.loads(json.dumps(results.to_dict(), allow_nan=False))
    assert (out["schema"], out["method"], len(out["curve"])) == (1, "t", 401)
    assert out["regions"] == [list(r) for r in results.regions]
    with pytest.raises(FrozenInstanceError):
        results.level = 0.9  # type: ignore[misc]
    curve = results.curve
    curve.loc[:, "at"] = 9.0
    assert results.curve["at"].iloc[0] == 0


def test_regions_are_read_from_draws_of_five_clusters_or_more() -> None:
    draws = np.random.default_rng(0).normal([1.0, 0.5], 0.1, size=(99, 2))
    five = johnson_neyman_draws("ab", "w", draws[0], draws, quantiles=UNIT, clusters=5)
    assert five.regions == [(0.0, 1.0)]
    with pytest.raises(IdentificationError, match="draws of 4 clusters"):
        johnson_neyman_draws("ab", "w", draws[0], draws, quantiles=UNIT, clusters=4)
