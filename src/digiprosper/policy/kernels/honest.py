"""Intervals of effects when trends may differ, and the power of tests before treatment.

An event study has K coefficients before the reference and P since. They are effects
(zero before treatment) plus a difference of trends delta, which is 0 at the reference.
Rambachan & Roth (2023, Review of Economic Studies 90:2555) bound delta: each change
since treatment is at most M times the largest change before it (`relative_interval`),
or second differences are at most M (`smooth_interval`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import numpy as np

from digiprosper.kernels import Bools, Floats
from digiprosper.kernels.tolerances import (
    FLAT_LENGTH,
    NO_DIVISION,
    SAME_BOUND,
    SAME_CORRELATION,
)

FIRST_STAGE = 0.1
"""Share of the size that the first stage of the hybrid test has."""
_GRID = 401
# How far the grid goes beyond the first stage.
_BEYOND = 1.001
_HALVINGS = 50
# Points for the probability of a rectangle; their steps are the roots of primes.
_POINTS = 2**13
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67)
MOST_BEFORE = 1 + len(_PRIMES)
"""Coefficients before treatment up to which the power of their test is computed."""


@dataclass(frozen=True, slots=True, eq=False)
class EventCoefficients:
    """Coefficients in the order of event time, without the reference."""

    coefficients: Floats  # (K + P,)
    covariance: Floats  # (K + P, K + P)
    before: int  # K
    effect: Floats  # (K + P,) weights of the coefficients in the effect

    def std_errors(self, rows: Floats) -> Floats:
        """Return standard errors (...) of sums with weights (..., K + P)."""
        variances = np.einsum("...j,jk,...k->...", rows, self.covariance, rows)
        return np.asarray(np.sqrt(variances.clip(0.0)))

    def differences(self, order: int) -> Floats:
        """Return weights (K + P + 1 - order, K + P) of differences between periods.

        The zero of the reference is among the periods, so that the first K (K - 1 of
        the second order) are before treatment.
        """
        levels = np.insert(np.eye(self.effect.size), self.before, 0.0, axis=0)
        return np.diff(levels, n=order, axis=0)


# --- relative magnitudes --------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Tests:
    """Tests of the effect, one if each of 2 K signed changes V is the largest.

    Each change of delta since treatment is then between -M V and M V. The statistic is
    the largest violation in standard errors, made as small as other effects allow: a
    linear program. Its dual has P + 2 extreme points: with w the sums of the weights of
    the effect from each event time on, all changes together with weights w or -w, and
    both restrictions of each single change, where the effect cancels out. So each has a
    line ``levels + slopes (theta - a)``, with the estimate a, and the statistic is the
    largest.
    """

    levels: Floats  # (2 K, P + 2)
    slopes: Floats  # (2 K, P + 2), zero but for the first two
    covariances: Floats  # (2 K, P + 2, P + 2) of the lines

    def critical(self, size: float) -> Floats:
        """Return critical values (2 K,) of the largest line if all have mean 0.

        If both lines of the effect are beyond c > 0, so is that of a change, and all
        lines of changes are multiples of the largest. So a line is beyond c if this one
        is, or one of the effect without it: probabilities of two normal statistics, by
        Owen's function T.
        """
        from scipy.optimize import newton
        from scipy.special import ndtr, ndtri, owens_t

        sizes = np.sqrt(np.einsum("mii->mi", self.covariances)).clip(NO_DIVISION)
        at, largest = np.arange(len(sizes)), 2 + sizes[:, 2:].argmax(axis=1)
        of_effect, of_change = sizes[:, :2], sizes[at, largest][:, None]
        rho = self.covariances[at, :2, largest] / of_effect / of_change
        root = np.sqrt(np.maximum((1 - rho) * (1 + rho), SAME_CORRELATION))

        def log_ratio(critical: Floats) -> Floats:
            first, second = critical[:, None] / of_effect, critical[:, None] / of_change
            beyond = ndtr(-first) / 2 + owens_t(first, (second / first - rho) / root)
            beyond += owens_t(second, (first / second - rho) / root)
            return np.asarray(np.log(beyond.sum(axis=1) / size))

        start = -ndtri(size / 3) * sizes.max(axis=1)
        return newton(log_ratio, start, tol=SAME_CORRELATION)

    def ties(self) -> Floats:
        """Return where a line of the effect meets another, as distances from it.

        Where the two largest meet a second stage accepts, however narrow its set is.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            ties = (self.levels[:, :2, None] - self.levels[:, None]) / (
                self.slopes[:, None] - self.slopes[:, :2, None]
            )
        return ties[np.isfinite(ties)]

    def accept(self, distances: Floats, critical: Floats, least: float) -> Bools:
        """Return which effects, at distances (m,), some test does not reject.

        `critical` (2 K,) is of the first stage; `least` is the probability of a larger
        statistic, between its truncation points, from which an effect is accepted.
        """
        from scipy.special import log_ndtr

        values = self.levels[:, None] + self.slopes[:, None] * distances[:, None]
        best, largest = values.argmax(axis=2), values.max(axis=2)
        at = np.arange(len(values))[:, None]
        size = np.sqrt(self.covariances[at, best, best])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slopes = self.covariances[at, best] / size[:, :, None] ** 2
            ends = (values - slopes * largest[:, :, None]) / (1 - slopes)
            low = np.where(slopes < 1 - SAME_CORRELATION, ends, -inf).max(axis=2)
            high = np.where(slopes > 1 + SAME_CORRELATION, ends, inf).min(axis=2)
            low, high = np.minimum(low, largest), np.minimum(high, critical[:, None])
            start, tail, end = log_ndtr(-np.stack([low, largest, high]) / size)
            needed = least + (1 - least) * np.exp(end - start) - SAME_CORRELATION
            accepted = (largest <= critical[:, None]) & (np.exp(tail - start) >= needed)
        return np.asarray(((largest <= 0) | accepted).any(axis=0))


def relative_tests(path: EventCoefficients, bound: float) -> _Tests:
    """Make the tests of an effect if changes are at most M times those before."""
    k, steps = path.before, path.differences(1)
    before, since = np.vstack([steps[:k], -steps[:k]]), steps[k:]
    sums, single = path.effect[k:][::-1].cumsum()[::-1], np.eye(len(since))
    # Weights (P + 2, P) of the upper and lower restrictions of changes
    upper = np.vstack([np.maximum([sums, -sums], 0.0), single])
    lower = np.vstack([np.maximum([-sums, sums], 0.0), single])
    moved, widths = bound * before[:, None], bound * (upper + lower).sum(axis=1)
    sizes = path.std_errors(since - moved) @ upper.T
    sizes += path.std_errors(since + moved) @ lower.T
    rows = (upper - lower) @ since - widths[:, None] * before[:, None]
    rows = rows / sizes[:, :, None]
    return _Tests(
        levels=-widths * (before @ path.coefficients)[:, None] / sizes,
        slopes=np.append([-1.0, 1.0], np.zeros(len(since))) / sizes,
        covariances=rows @ path.covariance @ rows.transpose(0, 2, 1),
    )


def relative_interval(
    path: EventCoefficients,
    bound: float,
    level: float,
    first_stage: float = FIRST_STAGE,
) -> tuple[float, float]:
    """Return the interval if changes are at most M times the largest one before.

    The conditional least-favourable hybrid test is inverted for each change before
    treatment, and the interval contains all sets. With a `first_stage` near 0 the test
    is the conditional one.
    """
    tests = relative_tests(path, bound)
    first = first_stage * (1 - level)
    least = (1 - level - first) / (1 - first)
    critical = tests.critical(first)
    # Beyond these ends the first stage rejects.
    ends = (critical[:, None] - tests.levels[:, :2]) / tests.slopes[:, :2]
    low, high = _BEYOND * ends[:, 0].min(), _BEYOND * ends[:, 1].max()
    grid = np.append(np.linspace(low, high, _GRID), np.clip(tests.ties(), low, high))
    grid.sort()
    outermost = np.flatnonzero(tests.accept(grid, critical, least))[[0, -1]]
    accepted, rejected = grid[outermost], grid[outermost + np.array([-1, 1])]
    for _ in range(_HALVINGS):
        middle = (accepted + rejected) / 2
        inside = tests.accept(middle, critical, least)
        accepted = np.where(inside, middle, accepted)
        rejected = np.where(inside, rejected, middle)
    low, high = path.effect @ path.coefficients + accepted
    return float(low), float(high)


# --- smoothness -----------------------------------------------------------------------


def folded_critical(bias: float, level: float) -> float:
    """Return the quantile of the absolute value of a normal with this mean and sd 1."""
    from scipy.special import ndtr

    return _crossing(lambda c: level - float(ndtr(c - bias) - ndtr(-c - bias)))


def smooth_interval(
    path: EventCoefficients, bound: float, level: float
) -> tuple[float, float]:
    """Return the shortest interval of fixed length if second differences are bounded.

    An estimator from which linear trends cancel out is a sum of second differences of
    the coefficients. The effect determines the weights of those since treatment, and
    the others (K - 1,) are free: differences of two positive parts. The worst bias is M
    times the sum of all weights in absolute value. The length is that of the interval
    in standard errors of the estimate with free weights of zero.
    """
    from scipy.optimize import minimize

    k, bends = path.before, path.differences(2)
    weights = path.effect[k:][::-1].cumsum().cumsum()[::-1]
    row, free = weights @ bends[k - 1 :], np.vstack([bends[: k - 1], -bends[: k - 1]])
    scale = float(path.std_errors(row))

    def length(parts: Floats) -> tuple[float, Floats]:
        sums = row + parts @ free
        size = float(path.std_errors(sums))
        bias = bound * (np.abs(weights).sum() + parts.sum()) / size
        critical = folded_critical(bias, level)
        by_bias = np.tanh(critical * bias)
        by_size = (critical - by_bias * bias) / size
        slopes = by_size * (free @ path.covariance @ sums) + by_bias * bound
        return size * critical / scale, slopes / scale

    least = minimize(
        length,
        np.zeros(len(free)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * len(free),
        options={"ftol": 0.0, "gtol": FLAT_LENGTH},
    )
    estimate = float((row + least.x @ free) @ path.coefficients)
    half = scale * float(least.fun)
    return estimate - half, estimate + half


# --- both -----------------------------------------------------------------------------

INTERVALS: dict[str, Callable[..., tuple[float, float]]] = {
    "relative": relative_interval,
    "smoothness": smooth_interval,
}
"""The interval of an effect, by what bounds the difference of trends."""


def break_even(path: EventCoefficients, restriction: str, level: float) -> float:
    """Return the smallest bound M with which the interval contains 0.

    There is always one, as the differences of trends that M allows have no limit.
    """

    def beyond_zero(bound: float) -> float:
        low, high = INTERVALS[restriction](path, bound, level)
        return max(low, -high)

    # Rounded up, so that this interval contains 0.
    return (1 + SAME_BOUND) * _crossing(beyond_zero)


def _crossing(falling: Callable[[float], float], unit: float = 1.0) -> float:
    """Return from which value on, 0 or above and about `unit`, a function is <= 0."""
    from scipy.optimize import brentq

    if falling(0.0) <= 0:
        return 0.0
    while falling(unit) > 0:
        unit *= 2
    # So many halvings reach the size of any outcome.
    return brentq(falling, 0.0, unit, xtol=NO_DIVISION, maxiter=2_000)


# --- the power of tests before treatment ----------------------------------------------


def passing(covariance: Floats, trend: Floats, level: float) -> float:
    """Return the probability that all intervals (K) before treatment contain zero.

    Each interval is an estimate plus and minus a quantile of the normal times its
    standard error, and `trend` (K,) is what the estimates have as means (Roth 2022,
    American Economic Review: Insights 4:305). The probability is that of a rectangle:
    one variable after the other, given those before it, at the points of a lattice
    (Genz 1992, Journal of Computational and Graphical Statistics 1:141). The points are
    fixed, so that it is a smooth function of its arguments. Near levels of 1 few points
    decide: it is at least Bonferroni's bound.
    """
    from scipy.special import ndtr, ndtri

    sizes = np.sqrt(np.diag(covariance))
    half, means = float(ndtri((1 + level) / 2)), trend / sizes
    root = np.linalg.cholesky(covariance / np.outer(sizes, sizes))
    k = len(root)
    steps = np.append(1 / _POINTS, np.sqrt(_PRIMES))[:k]
    points = np.abs(2 * (np.arange(0.5, _POINTS)[:, None] * steps % 1) - 1)
    normals, inside = np.zeros((_POINTS, k)), np.ones(_POINTS)
    for i in range(k):
        mean = means[i] + normals @ root[i]
        below = ndtr((-half - mean) / root[i, i])
        width = ndtr((half - mean) / root[i, i]) - below
        inside *= width
        share = below + points[:, i] * width
        normals[:, i] = ndtri(np.clip(share, NO_DIVISION, 1 - SAME_CORRELATION))
    outside = ndtr(means - half) + ndtr(-means - half)
    return float(max(inside.mean(), 1 - outside.sum()))


def slope_of_power(
    covariance: Floats, trend: Floats, power: float, level: float
) -> float:
    """Return the smallest multiple of `trend` (K,) that the test detects so often."""
    return _crossing(
        lambda multiple: passing(covariance, multiple * trend, level) - 1 + power,
        1 / np.abs(trend / np.sqrt(np.diag(covariance))).max(),
    )


def likelihood_ratio(estimates: Floats, covariance: Floats, trends: Floats) -> Floats:
    """Return likelihoods (q,) of estimates (K,) under trends (q, K), over that of 0."""
    pull = np.linalg.solve(covariance, trends.T).T
    # Estimates far from zero have an infinite ratio.
    with np.errstate(over="ignore"):
        return np.asarray(np.exp((pull * (estimates - trends / 2)).sum(axis=-1)))
