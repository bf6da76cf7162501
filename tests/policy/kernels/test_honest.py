"""Intervals if trends differ: other programs, linear programs, draws, coverage."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog, minimize
from scipy.stats import multivariate_normal, norm

from digiprosper.policy.kernels.honest import (
    INTERVALS,
    EventCoefficients,
    break_even,
    folded_critical,
    likelihood_ratio,
    passing,
    relative_interval,
    relative_tests,
    slope_of_power,
    smooth_interval,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from digiprosper.kernels import Floats

ROOT = Path(__file__).resolve().parents[3]
REFERENCE = json.loads((ROOT / "tests/reference/honest.json").read_text("utf-8"))
SHARED = ROOT.parent / "shared" / "data" / "cases"
BEFORE = {"diagonal": 3, "bc": 4, "medicaid": 5, "mpdta": 3}


def marked(cases: list[dict[str, Any]]) -> list[Any]:
    """Mark cases by the file that they need."""
    return [
        pytest.param(
            case,
            marks=[]
            if case["data"] == "diagonal"
            else [pytest.mark.data(f"cases/honest_{case['data']}.csv")],
            id=f"{case['data']} {case['restriction']} {case['bound']}"
            f"{case.get('effect', '')}",
        )
        for case in cases
    ]


def made(
    coefficients: Floats, covariance: Floats, before: int, weights: Floats
) -> EventCoefficients:
    """Take weights of the coefficients since treatment only."""
    effect = np.append(np.zeros(before), weights)
    return EventCoefficients(coefficients, covariance, before, effect)


def path_of(data: str, effect: str = "first") -> EventCoefficients:
    if data == "diagonal":
        b = np.array([0.01, -0.02, 0, 0.5, 0.4, 0.3])
        covariance = np.diag([0.05, 0.05, 0.05, 0.1, 0.1, 0.1]) ** 2
    else:
        frame = pd.read_csv(SHARED / f"honest_{data}.csv")
        b = frame["b"].to_numpy()
        covariance = frame.filter(regex="^v").to_numpy()
    count = b.size - BEFORE[data]
    weights = np.eye(count)[0] if effect == "first" else np.full(count, 1 / count)
    return made(b, covariance, BEFORE[data], weights)


def drawn(
    seed: int, k: int = 3, p: int = 3, effect: str = "drawn"
) -> EventCoefficients:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(k + p, k + p + 3))
    weights = rng.normal(size=p) if effect == "drawn" else np.eye(p)[0]
    return made(rng.normal(size=k + p), root @ root.T / 9, k, weights)


# --- numbers of other programs --------------------------------------------------------


@pytest.mark.many(30)
@pytest.mark.parametrize("case", marked(REFERENCE["intervals"]))
def test_intervals_of_other_programs(case: dict[str, Any]) -> None:
    path = path_of(case["data"], case.get("effect", "first"))
    interval = INTERVALS[case["restriction"]]
    if case.get("method") == "conditional":
        low, high = relative_interval(path, case["bound"], 0.95, first_stage=1e-12)
    else:
        low, high = interval(path, case["bound"], 0.95)
    if "grid" in case:
        # The outermost points of the grid that are accepted.
        points = np.linspace(*case["grid"])
        low, high = points[points >= low][0], points[points <= high][-1]
    np.testing.assert_allclose([low, high], case["interval"], atol=case["tolerance"])


@pytest.mark.many(30)
@pytest.mark.parametrize("case", marked(REFERENCE["independent"]))
def test_intervals_computed_independently(case: dict[str, Any]) -> None:
    path = path_of(case["data"], case.get("effect", "first"))
    ends = INTERVALS[case["restriction"]](path, case["bound"], 0.95)
    assert ends == pytest.approx(case["interval"], abs=case["tolerance"])


# --- the linear program and its extreme points ----------------------------------------


def restrictions(
    path: EventCoefficients, change: Floats, bound: float
) -> tuple[Any, ...]:
    """Return y without theta, the slopes of theta and of the others, and Sy."""
    k, p = path.before, path.effect[path.before :].size
    levels = np.insert(np.eye(k + p), k, 0.0, axis=0)
    since = np.diff(levels, axis=0)[k:]
    rows = np.vstack([since - bound * change, -since - bound * change])
    others = np.linalg.svd(path.effect[path.before :][None, :])[2][1:]
    turn = np.linalg.inv(np.vstack([path.effect[path.before :], others]))
    slopes = rows[:, k:] @ turn
    covariance = rows @ path.covariance @ rows.T
    return rows @ path.coefficients, slopes[:, 0], slopes[:, 1:], covariance


def changes_of(path: EventCoefficients) -> list[Floats]:
    k, p = path.before, path.effect[path.before :].size
    before = np.diff(np.insert(np.eye(k + p), k, 0.0, axis=0), axis=0)[:k]
    return [*before, *-before]


@pytest.mark.many(12)
@pytest.mark.parametrize(
    ("seed", "shape", "bound"),
    [
        (s, shape, m)
        for s, shape in enumerate([(1, 1), (1, 2), (2, 3), (4, 5)])
        for m in (0.0, 0.3, 2.0)
    ],
)
def test_the_statistic_is_the_linear_program(
    seed: int, shape: tuple[int, int], bound: float
) -> None:
    path = drawn(seed, *shape)
    tests = relative_tests(path, bound)
    theta = path.effect @ path.coefficients + 0.7
    largest = (tests.levels + tests.slopes * 0.7).max(axis=1)
    for number, change in enumerate(changes_of(path)):
        y, of_theta, of_others, covariance = restrictions(path, change, bound)
        sizes = np.sqrt(np.diag(covariance))
        # min h subject to y - a theta - X d <= h sd
        free = of_others.shape[1]
        solution = linprog(
            np.append(np.zeros(free), 1.0),
            A_ub=-np.column_stack([of_others, sizes]),
            b_ub=-(y - of_theta * theta),
            bounds=[(None, None)] * (free + 1),
            method="highs",
            options={"primal_feasibility_tolerance": 1e-10},
        )
        assert largest[number] == pytest.approx(solution.fun, abs=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_the_extreme_points_are_those_of_an_enumeration(seed: int) -> None:
    path, bound = drawn(seed, 2, 3), 0.8
    tests = relative_tests(path, bound)
    for number, change in enumerate(changes_of(path)):
        y, of_theta, of_others, covariance = restrictions(path, change, bound)
        sizes = np.sqrt(np.diag(covariance))
        points = set()
        for chosen in itertools.combinations(range(6), 3):
            system = np.vstack([of_others[list(chosen)].T, sizes[list(chosen)]])
            if abs(np.linalg.det(system)) < 1e-10:
                continue
            g = np.zeros(6)
            g[list(chosen)] = np.linalg.solve(system, [0.0, 0.0, 1.0])
            if (g >= -1e-12).all():
                points.add((round(g @ y, 9) + 0.0, round(g @ of_theta, 9) + 0.0))
        slopes = tests.slopes[number]
        at_zero = tests.levels[number] - slopes * (path.effect @ path.coefficients)
        ours = np.column_stack([at_zero, -slopes])
        assert points == {tuple(row) for row in (ours.round(9) + 0.0).tolist()}


@pytest.mark.parametrize(("seed", "bound"), [(1, 0.5), (2, 1.0), (3, 3.0), (4, 0.0)])
def test_critical_values_are_quantiles_of_draws(seed: int, bound: float) -> None:
    path = drawn(seed, 2, 3)
    tests = relative_tests(path, bound)
    rng = np.random.default_rng(5)
    for size in (0.005, 0.1):
        critical = tests.critical(size)
        for value, covariance in zip(critical, tests.covariances, strict=True):
            largest = rng.multivariate_normal(
                np.zeros(5), covariance, size=200_000, check_valid="ignore"
            ).max(axis=1)
            assert np.mean(largest > value) == pytest.approx(size, abs=0.06 * size)


def extreme_points(path: EventCoefficients, bound: float) -> list[tuple[Any, ...]]:
    """Return, for each change, y, the slopes of theta, Sy and the extreme points."""
    out = []
    for change in changes_of(path):
        y, of_theta, of_others, covariance = restrictions(path, change, bound)
        sizes, count = np.sqrt(np.diag(covariance)), path.effect[path.before :].size
        points = []
        for chosen in itertools.combinations(range(2 * count), count):
            system = np.vstack([of_others[list(chosen)].T, sizes[list(chosen)]])
            g = np.zeros(2 * count)
            if abs(np.linalg.det(system)) > 1e-10:
                g[list(chosen)] = np.linalg.solve(system, np.eye(count)[-1])
                if (g >= -1e-12).all():
                    points.append(g)
        out.append((y, of_theta, covariance, points))
    return out


def accepts(
    tests: list[tuple[Any, ...]], theta: float, critical: Floats, level: float = 0.95
) -> bool:
    """Test one effect by the formulas, one change and one extreme point at a time."""
    alpha, kappa = 1 - level, 0.1 * (1 - level)
    for (y, of_theta, covariance, points), reach in zip(tests, critical, strict=True):
        moved = y - of_theta * theta
        best = max(points, key=lambda g: g @ moved)
        eta, variance = best @ moved, best @ covariance @ best
        # At a tie zero is known up to rounding only, and the truncation is a point.
        if eta <= 1e-12 * np.sqrt(variance):
            return True
        if eta > reach:
            continue
        low, up = -np.inf, np.inf
        for g in points:
            slope = g @ covariance @ best / variance
            end = None
            if abs(1 - slope) > 1e-9:
                end = (g @ moved - slope * eta) / (1 - slope)
            if end is not None and slope < 1:
                low = max(low, end)
            elif end is not None:
                up = min(up, end)
        up, size = min(up, reach), np.sqrt(variance)
        p = (norm.sf(eta / size) - norm.sf(up / size)) / (
            norm.sf(low / size) - norm.sf(up / size)
        )
        if p >= (alpha - kappa) / (1 - kappa):
            return True
    return False


@pytest.mark.parametrize(("seed", "bound"), [(1, 0.5), (2, 1.0), (3, 2.0)])
def test_the_ends_are_where_the_test_begins_to_reject(seed: int, bound: float) -> None:
    path = drawn(seed, 2, 3)
    tests = extreme_points(path, bound)
    critical = relative_tests(path, bound).critical(0.005)
    low, high = relative_interval(path, bound, 0.95)
    step = 1e-6 * (high - low)
    for end, outwards in ((low, -step), (high, step)):
        assert accepts(tests, end - outwards, critical)
        assert not accepts(tests, end + outwards, critical)
    for theta in np.linspace(low - 2 * (high - low), low - step, 40):
        assert not accepts(tests, theta, critical)


@pytest.mark.many(20)
@pytest.mark.parametrize("seed", range(60))
def test_the_interval_has_every_effect_that_some_test_accepts(seed: int) -> None:
    """With a large bound and a low level some sets are far narrower than others.

    Where the largest statistic of a change is smallest two of them are equal, and its
    test accepts unless the first stage rejects: such effects are tried beside a grid.
    """
    rng = np.random.default_rng([seed, 7])
    k, p = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    path = drawn(seed, k, p)
    before = np.where(np.arange(k + p) < k, rng.choice([0.0, 1e-3, 1e-2, 1.0]), 1.0)
    covariance = path.covariance * (1.0 if seed % 2 else np.eye(k + p))
    path = replace(path, coefficients=before * path.coefficients, covariance=covariance)
    bound, level = float(np.exp(rng.uniform(0, 6))), float(rng.choice([0.02, 0.2, 0.8]))
    tests = extreme_points(path, bound)
    critical = relative_tests(path, bound).critical(0.1 * (1 - level))
    low, high = relative_interval(path, bound, level)
    effects = [*np.linspace(2 * low - high, 2 * high - low, 31)]
    for y, of_theta, _, points in tests:
        lines = np.array([(g @ y, g @ of_theta) for g in points])
        gaps = np.subtract(*zip(*itertools.combinations(lines, 2), strict=True))
        crossing = np.abs(gaps[:, 1]) > 1e-9
        effects += (gaps[crossing, 0] / gaps[crossing, 1]).tolist()
    accepted = [theta for theta in effects if accepts(tests, theta, critical, level)]
    rounding = 1e-9 * (abs(path.effect @ path.coefficients) + high - low)
    assert low - rounding <= min(accepted)
    assert max(accepted) <= high + rounding


# --- smoothness -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_the_worst_bias_is_a_linear_program(seed: int) -> None:
    path, bound = drawn(seed, 4, 3), 0.7
    # The estimator is linear in the coefficients: these are its weights.
    ends = np.array(
        [
            smooth_interval(replace(path, coefficients=unit), bound, 0.95)
            for unit in np.eye(7)
        ]
    )
    row, half = ends.mean(axis=1), (ends[0, 1] - ends[0, 0]) / 2
    size = np.sqrt(row @ path.covariance @ row)
    bends = np.diff(np.eye(8), n=2, axis=0)[:, [0, 1, 2, 3, 5, 6, 7]]
    worst = linprog(
        -row,
        A_ub=np.vstack([bends, -bends]),
        b_ub=np.full(12, bound),
        bounds=[(None, None)] * 7,
        method="highs",
    )
    assert half == pytest.approx(
        size * folded_critical(-worst.fun / size, 0.95), rel=1e-9
    )


@pytest.mark.parametrize(("seed", "bound"), [(1, 0.0), (2, 0.1), (3, 0.5), (4, 2.0)])
def test_no_other_estimator_has_a_shorter_interval(seed: int, bound: float) -> None:
    path = drawn(seed, 4, 3)
    low, high = smooth_interval(path, bound, 0.95)
    bends = np.diff(np.eye(8), n=2, axis=0)[:, [0, 1, 2, 3, 5, 6, 7]]
    trend = np.array([-4.0, -3, -2, -1, 1, 2, 3])
    # Rows orthogonal to a trend, before treatment.
    null = np.linalg.svd(trend[None, :4])[2][1:]
    start = (
        -trend[:4] * (trend[4:] @ path.effect[path.before :]) / (trend[:4] @ trend[:4])
    )

    def half(z: Floats) -> float:
        row = np.concatenate([start + z @ null, path.effect[path.before :]])
        dual = np.linalg.lstsq(bends.T, row)[0]
        # Second differences with a trend out determine a path: the dual is unique.
        size = np.sqrt(row @ path.covariance @ row)
        return float(size * folded_critical(bound * np.abs(dual).sum() / size, 0.95))

    least = min(
        minimize(
            half,
            z,
            method="Nelder-Mead",
            options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 20_000},
        ).fun
        for z in np.random.default_rng(seed).normal(size=(6, 3))
    )
    assert (high - low) / 2 == pytest.approx(least, rel=1e-6)


@pytest.mark.parametrize("bias", [0.0, 0.3, 2.0, 40.0])
def test_the_critical_value_of_a_folded_normal(bias: float) -> None:
    for level in (0.01, 0.5, 0.95, 0.9999):
        c = folded_critical(bias, level)
        assert norm.cdf(c - bias) - norm.cdf(-c - bias) == pytest.approx(
            level, abs=1e-12
        )


# --- both -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
def test_without_different_trends_the_interval_is_the_usual_one(
    seed: int, level: float
) -> None:
    path = drawn(seed)
    row = path.effect
    half = norm.ppf((1 + level) / 2) * np.sqrt(row @ path.covariance @ row)
    estimate = row @ path.coefficients
    ends = relative_interval(path, 0.0, level)
    assert ends == pytest.approx([estimate - half, estimate + half], abs=1e-8)


@pytest.mark.parametrize("restriction", INTERVALS)
@pytest.mark.parametrize("seed", range(3))
def test_intervals_follow_units_and_signs_and_widen(
    seed: int, restriction: str
) -> None:
    path, interval = drawn(seed), INTERVALS[restriction]
    bounds = (0.0, 0.2, 1.0, 5.0)
    ends = np.array([interval(path, bound, 0.95) for bound in bounds])
    assert (np.diff(ends[:, 1] - ends[:, 0]) > 0).all()
    for unit in (1e-7, 1e6):
        other = made(
            unit * path.coefficients,
            unit**2 * path.covariance,
            3,
            path.effect[path.before :],
        )
        factor = unit if restriction == "smoothness" else 1.0
        scaled = [interval(other, factor * bound, 0.95) for bound in bounds]
        np.testing.assert_allclose(np.array(scaled) / unit, ends, rtol=1e-6, atol=1e-8)
    mirrored = made(-path.coefficients, path.covariance, 3, path.effect[path.before :])
    flipped = np.array([interval(mirrored, bound, 0.95) for bound in bounds])
    np.testing.assert_allclose(-flipped[:, ::-1], ends, rtol=1e-6, atol=1e-8)
    reversed_sum = made(
        path.coefficients, path.covariance, 3, -path.effect[path.before :]
    )
    flipped = np.array([interval(reversed_sum, bound, 0.95) for bound in bounds])
    np.testing.assert_allclose(-flipped[:, ::-1], ends, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("restriction", INTERVALS)
def test_from_the_break_even_bound_on_the_interval_contains_zero(
    restriction: str,
) -> None:
    path = path_of("diagonal")
    even = break_even(path, restriction, 0.95)
    assert 0 < even < 10
    assert INTERVALS[restriction](path, 0.9999 * even, 0.95)[0] > 0
    assert INTERVALS[restriction](path, 1.0001 * even, 0.95)[0] <= 0
    for unit in (1e-12, 1e9):
        other = replace(
            path,
            coefficients=unit * path.coefficients,
            covariance=unit**2 * path.covariance,
        )
        factor = unit if restriction == "smoothness" else 1.0
        same = break_even(other, restriction, 0.95) / factor
        assert even == pytest.approx(same, rel=1e-6)


def test_the_break_even_bound_of_no_effect_is_zero() -> None:
    path = path_of("diagonal")
    none = made(0 * path.coefficients, path.covariance, 3, path.effect[path.before :])
    assert break_even(none, "relative", 0.95) == 0.0


def test_ten_periods_take_less_than_two_seconds() -> None:
    path = drawn(1, 10, 10)
    start = time.process_time()
    for restriction, interval in INTERVALS.items():
        for bound in (0.5, 1.0, 1.5, 2.0):
            interval(path, bound, 0.95)
        break_even(path, restriction, 0.95)
    assert time.process_time() - start < 10


# --- coverage -------------------------------------------------------------------------


def estimated_set(path: EventCoefficients, bound: float) -> tuple[float, float]:
    """Return the estimated identified set, plus and minus z standard errors."""
    row, count = path.effect, path.effect[path.before :].size
    before = np.diff(np.append(path.coefficients[: path.before], 0.0))
    furthest = (
        bound
        * np.abs(before).max()
        * np.arange(1, count + 1)
        @ path.effect[path.before :]
    )
    half = norm.ppf(0.975) * np.sqrt(row @ path.covariance @ row)
    estimate = row @ path.coefficients
    return float(estimate - furthest - half), float(estimate + furthest + half)


@pytest.mark.montecarlo
@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_intervals_cover_at_the_end_of_what_is_allowed(
    k: int, measured: Callable[..., None]
) -> None:
    """Share of 1,000 draws in which a 95% interval covers the true effect.

    Coefficients are those of an event study with independent errors, with standard
    errors of one. Trends differ by four before the last period without treatment, and
    by eight since it, as M = 2 allows. K is the number of coefficients before
    treatment. "estimated set" has the effects that the estimated changes allow, plus
    and minus 1.96 standard errors of the effect, as some programs print it.
    """
    covariance = (np.eye(k + 1) + 1) / 2
    root = np.linalg.cholesky(covariance)
    delta = np.append(np.full(k, -4.0), 8.0)
    rng = np.random.default_rng(k)
    covered = np.zeros((1000, 2))
    for number in range(1000):
        b = delta + root @ rng.normal(size=k + 1)
        path = made(b, covariance, k, np.ones(1))
        ends = relative_interval(path, 2.0, 0.95), estimated_set(path, 2.0)
        covered[number] = [low <= 0 <= high for low, high in ends]
    ours, other = covered.mean(axis=0)
    row = {"K": k, "conditional test": ours, "estimated set": other}
    measured("coverage_if_trends_differ", row)
    assert 0.93 < ours < 0.98
    assert other < 0.85


# --- the power of tests before treatment ----------------------------------------------


def pretest_power(covariance: Floats, trend: Floats, level: float) -> float:
    return 1 - passing(covariance, trend, level)


def three() -> tuple[Floats, Floats, Floats]:
    sizes = np.array([0.05, 0.045, 0.04])
    lags = np.abs(np.subtract.outer(range(3), range(3)))
    covariance = 0.5**lags * np.outer(sizes, sizes)
    return np.array([0.012, -0.008, 0.021]), covariance, np.array([-3.0, -2, -1])


def test_power_of_other_programs() -> None:
    first, second, _ = REFERENCE["power"]
    b, covariance, trend = three()
    power = pretest_power(covariance, first["slope"] * trend, 0.95)
    passed = 1 - pretest_power(covariance, 0 * trend, 0.95)
    assert power == pytest.approx(first["power"], abs=first["tolerance"])
    bayes = (1 - power) / passed
    assert bayes == pytest.approx(first["bayes_power"], abs=first["tolerance"])
    slope = slope_of_power(covariance, trend, second["target"], 0.95)
    assert slope == pytest.approx(second["slope"], abs=second["tolerance"])
    ratio = likelihood_ratio(b, covariance, 0.02 * trend)
    densities = [
        multivariate_normal.pdf(b, mean, covariance) for mean in (0.02 * trend, 0 * b)
    ]
    assert ratio == pytest.approx(densities[0] / densities[1], rel=1e-9)
    assert ratio == pytest.approx(0.3691806694, abs=1e-9)
    both = likelihood_ratio(b, covariance, np.outer([0.02, 0.0], trend))
    np.testing.assert_allclose(both, [ratio, 1.0], rtol=1e-12)
    # Warnings are errors here: an infinite ratio is a number.
    assert likelihood_ratio(100 * trend, covariance, 100 * trend) == np.inf


@pytest.mark.data("cases/pretrends_hewang.csv")
def test_the_slope_of_he_and_wang() -> None:
    case = REFERENCE["power"][2]
    frame = pd.read_csv(SHARED / "pretrends_hewang.csv")
    k = int((frame["time"] < 0).sum())
    covariance = frame.filter(regex="^v").to_numpy()[:k, :k]
    trend = frame["time"].to_numpy()[:k] + 1.0
    slope = slope_of_power(covariance, trend, case["target"], 0.95)
    assert slope == pytest.approx(case["slope"], abs=case["tolerance"])
    assert slope == pytest.approx(0.05206625, abs=1e-6)


@pytest.mark.parametrize("k", [1, 2, 4, 7])
def test_power_is_one_less_the_probability_of_a_rectangle(k: int) -> None:
    rng = np.random.default_rng(k)
    root = rng.normal(size=(k, k + 2))
    covariance, trend = root @ root.T, -np.arange(k, 0, -1.0)
    half = norm.ppf(0.95) * np.sqrt(np.diag(covariance))
    inside = multivariate_normal.cdf(
        half, trend, covariance, lower_limit=-half, abseps=1e-6, maxpts=10**6
    )
    power = pretest_power(covariance, trend, 0.9)
    assert power == pytest.approx(1 - inside, abs=2e-4)
    assert pretest_power(covariance, -trend, 0.9) == pytest.approx(power, abs=1e-4)
    slope = slope_of_power(covariance, trend, 0.8, 0.9)
    assert pretest_power(covariance, slope * trend, 0.9) == pytest.approx(0.8, abs=1e-8)


@pytest.mark.parametrize("k", [2, 5, 20])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_the_size_is_below_the_bound_of_bonferroni(k: int, correlation: float) -> None:
    covariance = correlation * np.ones((k, k)) + (1 - correlation) * np.eye(k)
    for beyond in (1e-6, 1e-5, 1e-4, 1e-2):
        size = pretest_power(covariance, np.zeros(k), 1 - beyond)
        assert beyond * (1 - 1e-9) <= size <= k * beyond * (1 + 1e-9)


@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_the_slope_of_any_unit_takes_as_many_probabilities(
    unit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    covariance, trend = three()[1:]
    calls: list[float] = []

    def counted(*arguments: Any) -> float:
        calls.append(passing(*arguments))
        return calls[-1]

    monkeypatch.setattr("digiprosper.policy.kernels.honest.passing", counted)
    slope, before = slope_of_power(covariance, trend, 0.8, 0.95), len(calls)
    scaled = slope_of_power(covariance * unit**2, trend, 0.8, 0.95)
    assert scaled == pytest.approx(slope * unit, rel=1e-9)
    assert len(calls) - before <= before + 2 <= 25


def test_the_probability_needs_no_scipy_stats() -> None:
    code = (
        "import sys, numpy as np\n"
        "from digiprosper.policy.kernels.honest import slope_of_power\n"
        "slope_of_power(np.eye(2), np.array([-2.0, -1]), 0.8, 0.95)\n"
        "sys.exit('scipy.stats' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_test_that_rejects_more_often_than_asked_for_needs_no_slope() -> None:
    covariance, trend = np.eye(3), np.array([-3.0, -2, -1])
    size = pretest_power(covariance, 0 * trend, 0.95)
    assert size == pytest.approx(1 - 0.95**3, abs=1e-6)
    assert slope_of_power(covariance, trend, 0.1, 0.95) == 0.0
