"""Intervals of effects when trends may differ, and the power of tests before treatment.

An event study has K coefficients before the reference and P since. They are effects
(zero before treatment) plus a difference of trends delta, which is 0 at the reference.
Rambachan & Roth (2023, Review of Economic Studies 90:2555) bound delta: each change
since treatment is at most M times the largest change before it (`relative_interval`),
or second differences are at most M (`smooth_interval`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final

import numpy as np

from digiprosper.kernels.tolerances import (
    FLAT_LENGTH,
    NO_DIVISION,
    SAME_BOUND,
    SAME_CORRELATION,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from digiprosper.kernels import Bools, Floats

FIRST_STAGE: Final = 0.1
"""Share of the size that the first stage of the hybrid test has."""
_GRID = 201
_HALVINGS = 50
_SECANTS = 12
# Multiple of the first bound beyond which a break-even bound is infinite.
_LARGEST_BOUND = 1e4
# Points of the lattice for the probability of a rectangle.
_POINTS = 2**12
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)
MOST_BEFORE: Final = len(_PRIMES)
"""Coefficients before treatment up to which the power of their test is computed."""


@dataclass(frozen=True, slots=True, eq=False)
class EventCoefficients:
    """Coefficients in the order of event time, without the reference."""

    coefficients: Floats  # (K + P,)
    covariance: Floats  # (K + P, K + P)
    before: int  # K
    weights: Floats  # (P,) of the coefficients since treatment in the effect

    @property
    def effect(self) -> Floats:
        """Return the weights (K + P,) of all coefficients in the effect."""
        return np.concatenate([np.zeros(self.before), self.weights])

    def std_errors(self, rows: Floats) -> Floats:
        """Return standard errors (...) of sums with weights (..., K + P)."""
        variances = np.einsum("...j,jk,...k->...", rows, self.covariance, rows)
        return np.asarray(np.sqrt(np.maximum(variances, 0.0)))


# --- relative magnitudes --------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Tests:
    """Tests of the effect, one if each of 2 K signed changes V is the largest.

    Each change of delta since treatment is then between -M V and M V. The statistic is
    the largest violation in standard errors, made as small as other effects allow: a
    linear program. Its dual has P + 2 extreme points: with w the sums of the weights of
    the effect from each event time on, all changes together with weights w or -w, and
    both restrictions of each single change, where the effect cancels out. Its value is
    the largest of ``(p (a - theta) + q V) / n``, with the estimate a.
    """

    p: Floats  # (P + 2,)
    q: Floats  # (P + 2,)
    n: Floats  # (2 K, P + 2)
    estimate: float
    changes: Floats  # (2 K,) V
    covariances: Floats  # (2 K, P + 2, P + 2) of the statistics

    def critical(self, size: float) -> Floats:
        """Return critical values (2 K,) of the largest statistic if all have mean 0.

        If both statistics of the effect are beyond c > 0, so is that of a change. So
        probabilities of at most two statistics are needed.
        """
        from scipy.special import ndtri

        single = 2 + self.n[:, 2:].argmin(axis=1)
        at = np.arange(len(self.n))
        variances = np.diagonal(self.covariances, axis1=1, axis2=2)
        sizes = np.sqrt(np.column_stack([variances[:, :2], variances[at, single]]))
        covariance = np.column_stack(
            [self.covariances[at, 0, single], self.covariances[at, 1, single]]
        )
        # By secants of the log probability, which is concave, from above.
        last = sizes.max(axis=1) * float(ndtri(1 - size / 3))
        critical = 0.99 * last
        log_last = np.log(_share_beyond(last, sizes, covariance) / size)
        for _ in range(_SECANTS):
            log_share = np.log(_share_beyond(critical, sizes, covariance) / size)
            fall = np.where(log_share == log_last, inf, log_share - log_last)
            step = log_share * (critical - last) / fall
            last, log_last, critical = critical, log_share, critical - step
        return np.asarray(critical)

    def accept(self, theta: Floats, critical: Floats, least: float) -> Bools:
        """Return which effects theta (2 K, m) are not rejected.

        `critical` (2 K,) is of the first stage; `least` is the probability of a larger
        statistic, between its truncation points, from which an effect is accepted.
        """
        gaps = self.estimate - theta[:, :, None]
        values = self.p * gaps + self.q * self.changes[:, None, None]
        values = values / self.n[:, None]
        best, largest = values.argmax(axis=2), values.max(axis=2)
        covariance = self.covariances[np.arange(len(values))[:, None], best]
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.take_along_axis(covariance, best[:, :, None], 2)
            slopes = covariance / variance
            ends = (values - slopes * largest[:, :, None]) / (1 - slopes)
            low = np.where(slopes < 1 - SAME_CORRELATION, ends, -inf).max(axis=2)
            high = np.where(slopes > 1 + SAME_CORRELATION, ends, inf).min(axis=2)
            low, high = np.minimum(low, largest), np.minimum(high, critical[:, None])
            size = np.sqrt(variance[:, :, 0])
            beyond = _log_between(largest / size, high / size)
            p_values = beyond - _log_between(low / size, high / size)
            kept = (largest <= critical[:, None]) & (p_values >= np.log(least))
        return np.asarray((largest <= 0) | kept)


def _stages(level: float, first_stage: float) -> tuple[float, float]:
    """Return the sizes of the first stage, and of the second given the first."""
    first = first_stage * (1 - level)
    return first, (1 - level - first) / (1 - first)


def _share_beyond(critical: Floats, sizes: Floats, covariance: Floats) -> Floats:
    """Compute the probability (m,) that one of three normal statistics is beyond c > 0.

    `sizes` (m, 3) are standard deviations, `covariance` (m, 2) that of the third with
    the others. Pairs by Owen's function T.
    """
    from scipy.special import ndtr, owens_t

    drawn = sizes[:, 2] > 0
    scale = np.where(sizes > 0, sizes, 1.0)
    ends = critical[:, None] / scale
    tails = np.where(sizes > 0, ndtr(-ends), 0.0)
    rho = covariance / scale[:, :2] / scale[:, 2:]
    root = np.sqrt(np.maximum((1 - rho) * (1 + rho), SAME_CORRELATION))
    first, third = ends[:, :2], ends[:, 2:]
    both = (
        (tails[:, :2] + tails[:, 2:]) / 2
        - owens_t(first, (third / first - rho) / root)
        - owens_t(third, (first / third - rho) / root)
    )
    return np.asarray(tails.sum(axis=1) - np.where(drawn, both.sum(axis=1), 0.0))


def _log_between(low: Floats, high: Floats) -> Floats:
    """Compute the log probability of a standard normal between two values."""
    from scipy.special import log_ndtr

    # In the lower tail, so that digits remain.
    mirrored = low + high > 0
    low, high = np.where(mirrored, -high, low), np.where(mirrored, -low, high)
    below = log_ndtr(high)
    return np.asarray(below + np.log1p(-np.exp(log_ndtr(low) - below)))


def relative_tests(path: EventCoefficients, bound: float) -> _Tests:
    """Make the tests of an effect if changes are at most M times those before."""
    k = path.before
    levels = np.insert(np.eye(k + path.weights.size), k, 0.0, axis=0)
    steps = np.diff(levels, axis=0)  # first differences; the first K are before
    before, since = np.vstack([steps[:k], -steps[:k]]), steps[k:]
    effect, sums = path.effect, np.cumsum(path.weights[::-1])[::-1]
    positive, negative = np.maximum(sums, 0.0), np.maximum(-sums, 0.0)
    singles = np.zeros(sums.size)
    p = np.concatenate([[1.0, -1.0], singles])
    q = -bound * np.concatenate([np.full(2, np.abs(sums).sum()), singles + 2.0])
    moved = bound * before[:, None]
    up, down = path.std_errors(since - moved), path.std_errors(since + moved)
    together = up @ positive + down @ negative, up @ negative + down @ positive
    n = np.column_stack([*together, up + down])
    rows = p[:, None] * effect + q[:, None] * before[:, None]
    rows = rows / n[:, :, None]
    return _Tests(
        p=p,
        q=q,
        n=n,
        estimate=float(effect @ path.coefficients),
        changes=before @ path.coefficients,
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
    treatment, and the interval contains all sets. With ``first_stage=0`` the test is
    the conditional one.
    """
    tests = relative_tests(path, bound)
    first, least = _stages(level, first_stage)
    # Beyond these ends the first stage rejects.
    reach = tests.critical(first or SAME_CORRELATION)
    critical = reach if first else np.full_like(reach, inf)
    ends = tests.n[:, :2] * reach[:, None] - (tests.q[0] * tests.changes)[:, None]
    steps = np.linspace(-ends[:, 0], ends[:, 1], _GRID, axis=1)
    theta = tests.estimate + steps
    accepted = tests.accept(theta, critical, least) & (ends.sum(axis=1) > 0)[:, None]
    some = accepted.any(axis=1)
    first_last = np.column_stack(
        [accepted.argmax(axis=1), _GRID - 1 - accepted[:, ::-1].argmax(axis=1)]
    )
    kept = np.take_along_axis(theta, first_last, 1)
    nearest = np.clip(first_last + np.array([-1, 1]), 0, _GRID - 1)
    out = np.take_along_axis(theta, nearest, 1)
    for _ in range(_HALVINGS):
        middle = (kept + out) / 2
        inside = tests.accept(middle, critical, least)
        kept, out = np.where(inside, middle, kept), np.where(inside, out, middle)
    low = np.where(some, kept[:, 0], inf).min()
    return float(low), float(np.where(some, kept[:, 1], -inf).max())


# --- smoothness -----------------------------------------------------------------------


def folded_critical(bias: float, level: float) -> float:
    """Return the quantile of the absolute value of a normal with this mean and sd 1."""
    from scipy.optimize import brentq
    from scipy.special import ndtr, ndtri

    def short_of(critical: float) -> float:
        return float(ndtr(critical - bias) - ndtr(-critical - bias) - level)

    start = bias + float(ndtri(level)) - 1.0
    end = bias + float(ndtri((1 + level) / 2)) + 1.0
    return float(brentq(short_of, start, end))


def smooth_interval(
    path: EventCoefficients, bound: float, level: float
) -> tuple[float, float]:
    """Return the shortest interval of fixed length if second differences are bounded.

    The estimator adds a sum of the coefficients before treatment to the effect. Its
    weights are second differences of W (K,), whose last element is such that linear
    trends cancel out. The worst bias is M times the sum of |W|, and of the bends since
    treatment in absolute value, of which the first is the last element of W.
    """
    periods = np.arange(1, path.weights.size + 1)
    trend = float(periods @ path.weights)
    bends = float(sum(abs(periods[:s] @ path.weights[-s:]) for s in periods))
    row, size_of_w = _shortest(path, bound, level, trend, bends)
    size = float(path.std_errors(row))
    half = size * folded_critical(bound * (bends + size_of_w) / size, level)
    estimate = float(row @ path.coefficients)
    return estimate - half, estimate + half


def _shortest(
    path: EventCoefficients, bound: float, level: float, trend: float, bends: float
) -> tuple[Floats, float]:
    """Return the weights (K + P,) of the shortest interval, and the sum of |W|.

    The sum is that without the last element of W, which is `trend`. The others (K - 1,)
    are differences of two positive parts, in units in which the estimate with all of
    them zero has a standard error of one.
    """
    from scipy.optimize import minimize

    k = path.before
    moves = np.zeros((k, k + path.weights.size))
    moves[:, :k] = np.eye(k) - 2 * np.eye(k, k=1) + np.eye(k, k=2)
    row, moves = path.effect + trend * moves[-1], moves[:-1]
    scale = float(path.std_errors(row))
    product = moves @ path.covariance / scale**2
    square, linear, unit = product @ moves.T, product @ row, bound / scale

    def length(parts: Floats) -> tuple[float, Floats]:
        w = parts[: k - 1] - parts[k - 1 :]
        size = np.sqrt(w @ square @ w + 2 * linear @ w + 1.0)
        bias = unit * (bends + parts.sum()) / size
        critical = folded_critical(bias, level)
        by_bias = np.tanh(critical * bias)
        by_w = (critical - by_bias * bias) * (square @ w + linear) / size
        slopes = np.concatenate([by_bias * unit + by_w, by_bias * unit - by_w])
        return size * critical, slopes

    parts = minimize(
        length,
        np.zeros(2 * k - 2),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * (2 * k - 2),
        options={
            "maxiter": 10_000,
            "maxfun": 100_000,
            "ftol": 0.0,
            "gtol": FLAT_LENGTH,
        },
    ).x
    w = parts[: k - 1] - parts[k - 1 :]
    return row + w @ moves, float(np.abs(w).sum())


# --- both -----------------------------------------------------------------------------

INTERVALS: Final[dict[str, Callable[..., tuple[float, float]]]] = {
    "relative": relative_interval,
    "smoothness": smooth_interval,
}
"""The interval of an effect, by what bounds the difference of trends."""


def break_even(
    path: EventCoefficients, restriction: str, level: float, unit: float
) -> float:
    """Return the smallest bound M with which the interval contains 0; infinite if none.

    `unit` is a bound to start from.
    """

    def contains_zero(bound: float) -> bool:
        if restriction == "relative":
            # Faster than the ends of the interval
            tests = relative_tests(path, bound)
            first, least = _stages(level, FIRST_STAGE)
            zero = np.zeros((len(tests.n), 1))
            return bool(tests.accept(zero, tests.critical(first), least).any())
        low, high = smooth_interval(path, bound, level)
        return low <= 0 <= high

    if contains_zero(0.0):
        return 0.0
    low, high = 0.0, unit
    while not contains_zero(high):
        low, high = high, 2 * high
        if high > _LARGEST_BOUND * unit:
            return inf
    while high - low > SAME_BOUND * high:
        middle = (low + high) / 2
        low, high = (low, middle) if contains_zero(middle) else (middle, high)
    return high


# --- the power of tests before treatment ----------------------------------------------


def pretest_power(covariance: Floats, trend: Floats, level: float) -> float:
    """Return the probability that an interval (of K) before treatment excludes zero.

    Each interval is an estimate plus and minus a quantile of the normal times its
    standard error, and `trend` (K,) is what the estimates have as means (Roth 2022,
    American Economic Review: Insights 4:305).
    """
    from scipy.special import ndtri

    sizes = np.sqrt(np.diag(covariance))
    half = float(ndtri((1 + level) / 2))
    means = trend / sizes
    correlation = covariance / np.outer(sizes, sizes)
    return 1.0 - _rectangle(-half - means, half - means, correlation)


def slope_of_power(
    covariance: Floats, trend: Floats, power: float, level: float
) -> float:
    """Return the smallest multiple of `trend` (K,) that the test detects so often."""
    from scipy.optimize import brentq

    unit = float(np.min(np.sqrt(np.diag(covariance)) / np.abs(trend)))

    def short_of(multiple: float) -> float:
        return pretest_power(covariance, multiple * unit * trend, level) - power

    if short_of(0.0) >= 0:
        return 0.0
    high = 1.0
    while short_of(high) < 0:
        high *= 2
    return unit * float(brentq(short_of, 0.0, high))


def likelihood_ratio(estimates: Floats, covariance: Floats, trend: Floats) -> float:
    """Return the likelihood of estimates (K,) under a trend, over that without it."""
    pull = np.linalg.solve(covariance, trend)
    return float(np.exp(pull @ (estimates - trend / 2)))


def _rectangle(low: Floats, high: Floats, correlation: Floats) -> float:
    """Compute the probability of a rectangle for k normal variables.

    One variable after the other, given those before it, at the points of a lattice
    (Genz 1992, Journal of Computational and Graphical Statistics 1:141). The points are
    fixed, so that the probability is a smooth function of its arguments.
    """
    from scipy.special import ndtr, ndtri

    root = np.linalg.cholesky(correlation)
    k = len(root)
    number = np.arange(1, _POINTS + 1)[:, None]
    points = np.abs(2 * (number * np.sqrt(_PRIMES[:k]) % 1) - 1)
    drawn, probability = np.zeros((_POINTS, k)), np.ones(_POINTS)
    for i in range(k):
        mean = drawn @ root[i]
        below = ndtr((low[i] - mean) / root[i, i])
        width = ndtr((high[i] - mean) / root[i, i]) - below
        probability *= width
        inside = below + points[:, i] * width
        drawn[:, i] = ndtri(np.clip(inside, NO_DIVISION, 1 - SAME_CORRELATION))
    return float(probability.mean())
