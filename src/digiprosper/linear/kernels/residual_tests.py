"""Sums over residuals: correlation between entities and in time, variances."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks, rows_of_levels
from digiprosper.kernels.tolerances import (
    FLAT_RESIDUALS,
    NO_PERIOD_SUMS,
    NO_SKEWNESS,
    PERFECT_FIT,
)
from digiprosper.kernels.within import compress

_BYTES = 256_000_000
# Arrays of the size of a block that exist at once.
_ARRAYS = 10
# Periods before the first, so that a simulated series has forgotten its start.
_BURN_IN = 50
_LEVENE_REPS = 999
_LEVENE_SEED = 2011
# Turns of taking out period and entity means; one is exact in a balanced panel.
_TURNS = 5


@dataclass(frozen=True, slots=True)
class Correlations:
    """Correlations rho_ij of residuals over T_ij common periods, summed over pairs."""

    weighted_sum: float  # of ``sqrt(T_ij) rho_ij``
    squared_sum: float  # of ``T_ij rho_ij^2``
    sum: float
    absolute_sum: float  # of ``|rho_ij|``
    pairs: int  # pairs that have a correlation
    # Pairs with fewer than two common periods, or residuals that do not vary over them
    left_out: int
    fewest_periods: int  # least T_ij of a pair that counts; 0 if none does


@dataclass(frozen=True, slots=True)
class PeriodDependence:
    """The sum over periods of squared sums of scores, each over its sum of squares.

    Its mean is the number of periods if entities are independent, so that the scores of
    each may as well have the other sign, in all periods.
    """

    ratio: float  # of the sum to its mean
    mean: float
    variance: float
    third: float  # third central moment

    @property
    def p_value(self) -> float:
        """Probability of a sum as large, by the gamma of these moments.

        The cube root of a gamma variable is nearly normal (Wilson & Hilferty 1931); nan
        if no sign matters.
        """
        if self.variance <= PERFECT_FIT * self.mean:
            return math.nan
        z = (self.ratio - 1) * self.mean / math.sqrt(self.variance)
        if self.third > NO_SKEWNESS * self.variance**1.5:
            root = 2 * self.variance**1.5 / self.third
            cube_root = max(1 + z / root, 0.0) ** (1 / 3)
            z = 3 * root * (cube_root - 1 + 1 / (9 * root**2))
        return math.erfc(z / math.sqrt(2)) / 2


def dependence_in_periods(scores: Floats, entity: Ints, time: Ints) -> PeriodDependence:
    """Test that scores (N,) of different entities are uncorrelated within periods.

    They may be correlated over time. With P the scores (entities, periods) divided by
    the root of the sum of squares of their period, the sum is ``g' P P' g``, g the
    signs of entities; what is not on the diagonal of ``P P'`` varies with the signs.
    Scores are compared as in tests of the level of clustering (MacKinnon, Nielsen &
    Webb 2023, Journal of Econometrics 235:2027).
    """
    sums = np.zeros((int(entity.max()) + 1, int(time.max()) + 1))
    sums[entity, time] = scores
    size = np.sqrt((sums**2).sum(axis=0))
    parts = sums[:, size > 0] / size[size > 0]
    periods = parts.shape[1]
    products = parts.T @ parts
    diagonal = (parts**2).sum(axis=1)
    variance = 2 * float((products**2).sum() - (diagonal**2).sum())
    third = 8 * float(
        np.trace(products @ products @ products)
        - 3 * diagonal @ ((parts @ products) * parts).sum(axis=1)
        + 2 * (diagonal**3).sum()
    )
    ratio = float((parts.sum(axis=0) ** 2).mean())
    return PeriodDependence(ratio, periods, variance, third)


def moulton_factor(regressor: Floats, residuals: Floats, time: Ints) -> float:
    """Approximate the variance of a slope relative to that of independent entities.

    ``1 + c rho_x rho_e`` with the mean correlations between rows of the same period,
    and ``c = sum_t n_t (n_t - 1) / N`` (Moulton 1986, Journal of Econometrics 32:385).
    """
    counts = np.bincount(time)
    products = 1.0
    for values in (regressor, residuals):
        squares = values @ values
        between = (np.bincount(time, values) ** 2).sum() - squares
        products *= max(float(between / squares), 0.0)
    return 1 + products * len(time) / float((counts * (counts - 1)).sum())


def correlations_between(
    residuals: Floats, entity: Ints, time: Ints, *, block: int | None = None
) -> Correlations:
    """Add up the correlations of residuals over all pairs of entities.

    A correlation is over the periods that both entities have, with their means over
    these periods out. `block` entities are compared with all others at once, by default
    as many as fit 256 MB.
    """
    values, present = _residual_matrix(residuals, entity, time)
    count = len(values)
    size = max(1, _BYTES // (8 * _ARRAYS * count)) if block is None else block

    totals, pairs, fewest = np.zeros(4), 0, values.shape[1] + 1
    for start in range(0, count, size):
        rho, periods = _block_correlations(values, present, slice(start, start + size))
        upper = np.triu(np.ones(rho.shape, dtype=np.bool_), k=1)
        counted = upper & ~np.isnan(rho)
        rho, periods = rho[counted], periods[counted]
        sums = np.sqrt(periods) @ rho, periods @ rho**2, rho.sum(), np.abs(rho).sum()
        totals += sums
        pairs += rho.size
        fewest = min(fewest, int(periods.min(initial=fewest)))
    left_out = count * (count - 1) // 2 - pairs
    weighted, squared, plain, absolute = totals.tolist()
    fewest = fewest if pairs else 0
    return Correlations(weighted, squared, plain, absolute, pairs, left_out, fewest)


def _residual_matrix(
    residuals: Floats, entity: Ints, time: Ints
) -> tuple[Floats, Floats]:
    """Scale residuals to unit size by entity, mark periods: (entities, periods)."""
    shape = int(entity.max()) + 1, int(time.max()) + 1
    values, present = np.zeros(shape), np.zeros(shape)
    values[entity, time], present[entity, time] = residuals, 1.0
    size = np.sqrt((values**2).sum(axis=1) / present.sum(axis=1))
    # What is left of an entity that is fitted perfectly is rounding.
    fitted = size <= PERFECT_FIT * np.sqrt(residuals @ residuals / residuals.size)
    return values / np.where(fitted, np.inf, size)[:, None], present


def _block_correlations(
    values: Floats, present: Floats, rows: slice
) -> tuple[Floats, Floats]:
    """Correlate some entities with themselves and later ones; missing if none."""
    first, second = values[rows], values[rows.start :]
    first_present, second_present = present[rows], present[rows.start :]
    periods = first_present @ second_present.T
    with np.errstate(divide="ignore", invalid="ignore"):
        sum_left, sum_right = first @ second_present.T, first_present @ second.T
        rho = first @ second.T - sum_left * sum_right / periods
        flat: Bools = periods < 2
        for squares, sums in (
            (first**2 @ second_present.T, sum_left),
            (first_present @ (second**2).T, sum_right),
        ):
            variation = squares - sums**2 / periods
            # Values do not vary over the common periods but for rounding.
            flat = flat | (variation <= FLAT_RESIDUALS * squares)
            rho /= np.sqrt(variation)
    rho[flat] = np.nan
    return np.clip(rho, -1, 1), periods


def period_sums(residuals: Floats, time: Ints) -> Floats:
    """Sum the residuals of each period, over the root of their sum of squares."""
    sums = np.bincount(time, residuals)
    squares = np.bincount(time, residuals**2)
    return np.asarray(sums / np.sqrt(np.where(squares > 0, squares, 1.0)))


def has_no_period_means(residuals: Floats, time: Ints) -> bool:
    """Return whether residuals add up to zero in every period."""
    return bool(np.abs(period_sums(residuals, time)).max() <= NO_PERIOD_SUMS)


def lasting_sums(
    scores: Floats, entity: Ints, time: Ints, lags: int
) -> tuple[float, float]:
    """Compare sums of scores (N,) by period with those of earlier periods.

    Returns their first autocorrelation, and the Bartlett sum of products with `lags`
    earlier periods, both without products of an entity with itself.
    """
    by_period = np.zeros((int(time.max()) + 1, int(entity.max()) + 1))
    by_period[time, entity] = scores
    sums = by_period.sum(axis=1)
    products = [
        sums[lag:] @ sums[:-lag] - np.vdot(by_period[lag:], by_period[:-lag])
        for lag in range(1, lags + 1)
    ]
    weights = 1 - np.arange(1, lags + 1) / (lags + 1)
    return float(products[0] / (sums @ sums)), float(2 * weights @ products)


@dataclass(frozen=True, slots=True)
class Persistence:
    """Regression of residuals on their lag with an intercept."""

    slope: float  # missing if the lag does not vary
    variance: float  # clustered by entity, without a small-sample factor
    rows: int
    entities: int  # that have rows in the regression


def persistence(residuals: Floats, before: Floats, entity: Ints) -> Persistence:
    """Regress residuals on those one period earlier, missing without such a row."""
    paired = ~np.isnan(before)
    current, lag, codes = residuals[paired], before[paired], entity[paired]
    if current.size == 0:
        return Persistence(np.nan, np.nan, 0, 0)
    centred = lag - lag.mean()
    square = float(centred @ centred)
    if square <= FLAT_RESIDUALS * float(lag @ lag):
        return Persistence(np.nan, np.nan, current.size, np.unique(codes).size)
    slope = float(centred @ current) / square
    errors = current - current.mean() - slope * centred
    scores = np.bincount(codes, centred * errors)
    variance = float(scores @ scores) / square**2
    return Persistence(slope, variance, current.size, np.unique(codes).size)


def null_autocorrelation(before: Floats, entity: Ints) -> float:
    """Compute the slope of residuals on their lag under independent errors.

    It is not zero once entity means are out. Within an entity of T rows the residuals
    of independent errors have variance ``(T - 1) / T`` and covariance ``-1 / T``, in
    units of the errors' variance. The slope of the pooled regression is the ratio of
    their sums over the pairs of consecutive rows, ``-1 / (T - 1)`` if all entities have
    T rows; missing without any pair.
    """
    rows = np.bincount(entity)[entity][~np.isnan(before)]
    if rows.size == 0 or rows.max() < 2:
        return np.nan
    return float(-(1 / rows).sum() / (1 - 1 / rows).sum())


def score_test(
    residuals: Floats, before: Floats, entity: Ints, null: float
) -> tuple[float, int]:
    """Test that the slope of residuals on their lag is `null`: F and N.

    With ``r_i = sum_t (u_it - null u_it-1) u_it-1`` the score statistic
    ``LM = (sum r_i)^2 / sum r_i^2`` is at most N, and ``(N - 1) LM / (N - LM)`` is the
    square of the t statistic of the mean of r, F(1, N - 1).
    """
    paired = ~np.isnan(before)
    current, lag, codes = residuals[paired], before[paired], compress(entity[paired])[0]
    scores = np.bincount(codes, (current - null * lag) * lag)
    lm, n = scores.sum() ** 2 / (scores @ scores), scores.size
    return float((n - 1) * lm / (n - lm)) if lm < n else np.inf, n


def levene(values: Floats, entity: Ints) -> Floats:
    """Compute F (R,) of equal mean distances of values (R, N) from entity medians.

    It is an analysis of variance of the distances (Levene 1960). Those from the median
    instead of the mean keep the size of the test if errors are skewed (Brown & Forsythe
    1974, Journal of the American Statistical Association 69:364).
    """
    rows, n = np.bincount(entity), values.shape[1]
    distances, means = np.empty_like(values), np.empty((len(values), rows.size))
    for code, positions in enumerate(rows_of_levels(entity)):
        of_entity = values[:, positions]
        of_entity = np.abs(of_entity - np.median(of_entity, axis=1, keepdims=True))
        distances[:, positions] = of_entity
        means[:, code] = of_entity.mean(axis=1)
    overall = distances.mean(axis=1, keepdims=True)
    between = ((means - overall) ** 2) @ rows / (rows.size - 1)
    within = ((distances - means[:, entity]) ** 2).sum(axis=1) / (n - rows.size)
    return np.asarray(between / within)


def levene_draws(residuals: Floats, entity: Ints, time: Ints) -> Floats:
    """Draw Levene's F (R,) for AR(1) errors of one variance.

    The autocorrelation is that of the residuals, corrected for the bias that entity
    means give it. Entity means, and period means where residuals have none, are taken
    out of each draw as the model does.
    """
    from scipy.signal import lfilter

    count, length = int(entity.max()) + 1, int(time.max()) + 1
    earlier = np.full((count, length + 1), np.nan)
    earlier[entity, time + 1] = residuals
    before = earlier[entity, time]
    periods = np.bincount(entity).mean()
    slope = persistence(residuals, before, entity).slope
    phi = float(
        np.clip((slope + 1 / (periods - 1)) / (1 - 1 / (periods - 1)), -0.95, 0.95)
    )
    paired = ~np.isnan(before)
    innovations = residuals[paired] - phi * before[paired]
    innovations = innovations - innovations.mean()

    by_time = has_no_period_means(residuals, time)
    generator = np.random.default_rng(_LEVENE_SEED)
    statistics = np.empty(_LEVENE_REPS)
    numbers = 4 * residuals.size * max(1, count // 8)
    for part in chunks(_LEVENE_REPS, numbers, _BYTES):
        size = part.stop - part.start
        shocks = generator.choice(innovations, (size, count, length + _BURN_IN))
        errors = lfilter([1.0], [1.0, -phi], shocks)
        values = errors[:, entity, time + _BURN_IN]
        values = _demean_by(values, entity)
        if by_time:
            for _ in range(_TURNS):
                values = _demean_by(_demean_by(values, time), entity)
        statistics[part] = levene(values, entity)
    return statistics


def _demean_by(values: Floats, codes: Ints) -> Floats:
    indicator = np.zeros((codes.size, int(codes.max()) + 1))
    indicator[np.arange(codes.size), codes] = 1 / np.bincount(codes)[codes]
    return np.asarray(values - (values @ indicator)[:, codes])


def squares_by_entity(residuals: Floats, entity: Ints) -> tuple[Ints, Floats, Floats]:
    """Count the T_i rows of entities; average squared residuals, with variances, (G,).

    The mean is ``sum_t e_it^2 / T_i`` and its variance
    ``sum_t (e_it^2 - mean_i)^2 / (T_i (T_i - 1))``, missing where there is one row.
    """
    rows = np.bincount(entity)
    squares = residuals**2
    means = np.bincount(entity, squares) / rows
    gaps = np.bincount(entity, (squares - means[entity]) ** 2)
    return rows, means, gaps / np.where(rows > 1, rows * (rows - 1.0), np.nan)
