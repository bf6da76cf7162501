"""Dickey-Fuller regressions of all units at once, their statistics, and draws of them.

Arrays have draws, entities and periods as axes. Entities with values in the same
periods share one design.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks

UnitRootTest: TypeAlias = Literal["ips", "cips", "ht", "fisher"]

# Bytes of one block of drawn panels; temporary arrays take about ten times as many.
_MEMORY = 2**23
# Drawn series from which p-values of single entities are read.
_SERIES = 20_000
# Where t ends, where the two polynomials of its p-value meet, and their coefficients,
# with a constant and with a trend (MacKinnon 1994).
_MACKINNON = {
    False: (
        (-18.83, -1.61, 2.74),
        (0.038269, 1.4412, 2.1659),
        (-0.010368, -0.12745, 0.93202, 1.7339),
    ),
    True: (
        (-16.18, -2.89, 0.7),
        (0.049588, 1.6047, 3.2512),
        (-0.060285, -0.37956, 0.61654, 2.5261),
    ),
}
# Bounds of t (Pesaran 2007, p. 277), with a constant and with a trend.
_BOUNDS = {False: (-6.19, 2.61), True: (-6.42, 1.70)}


@dataclass(frozen=True, slots=True)
class UnitRootOptions:
    """Options of the regressions by entity, and of the test."""

    test: UnitRootTest
    lags: int
    trend: bool
    year_means: bool
    simulated: bool  # otherwise with printed moments

    def df_of(self, series: Series) -> Ints:
        """Return rows less regressors of each entity, shape (N,).

        Regressors are deterministic ones, level, lags and means.
        """
        with_means = self.test == "cips"
        regressors = 2 + self.trend + self.lags + with_means * (2 + self.lags)
        return np.asarray(series.rows(self.lags).sum(axis=1) - regressors)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Values by entity and period."""

    y: Floats  # (N, T), NaN where there is no value

    @property
    def observed(self) -> Bools:
        """Whether there is a value, shape (N, T)."""
        return ~np.isnan(self.y)

    @property
    def periods(self) -> Ints:
        """Number of values of each entity, shape (N,)."""
        return np.asarray(self.observed.sum(axis=1))

    @property
    def changes(self) -> Bools:
        """Whether there is a value, and one in the period before, shape (N, T - 1)."""
        return self.observed[:, 1:] & self.observed[:, :-1]

    def rows(self, lags: int) -> Bools:
        """Whether a change has so many lags, shape (N, T - 1 - lags)."""
        count = max(self.y.shape[1] - 1 - lags, 0)
        return np.asarray(np.all(_lagged(self.changes, range(lags + 1), count), axis=0))

    @property
    def has_gaps(self) -> bool:
        """Whether an entity has no value between two of its values."""
        return not all(map(all, self.spans))

    @property
    def spans(self) -> list[tuple[bool, ...]]:
        """Which periods from an entity's first value to its last have one."""
        bounds = [np.flatnonzero(row)[[0, -1]] for row in self.observed]
        pairs = zip(self.observed.tolist(), bounds, strict=True)
        return [tuple(row[first : last + 1]) for row, (first, last) in pairs]


@dataclass(frozen=True, slots=True, eq=False)
class Regressions:
    """Regressions of the change of y on its lagged level, by draw and entity.

    The other regressors are partialled out. `level` is then the norm of the level,
    `change` the coordinate of the change along the level and `residual` that of the
    rest: slope = change / level.
    """

    level: Floats  # (R, N)
    change: Floats  # (R, N)
    residual: Floats  # (R, N), not negative
    sd: Floats  # (R, N) standard deviation of the changes
    df: Ints  # (N,) rows of the regression minus regressors
    series: Series

    @property
    def slopes(self) -> Floats:
        """Coefficients of the level before, shape (R, N)."""
        return self.change / self.level

    @property
    def t(self) -> Floats:
        """Their t-statistics, with n - k degrees of freedom, shape (R, N)."""
        return np.asarray(np.sqrt(self.df) * self.change / self.residual)


def regressions(y: Floats, series: Series, options: UnitRootOptions) -> Regressions:
    """Estimate the regression of each entity in y, shape (R, N, T)."""
    means = np.zeros((1, 1, y.shape[2]))
    if options.year_means or options.test == "cips":
        means = period_means(y, series)
    level, change, residual, sd = np.empty((4, *y.shape[:2]))
    observed, changes, rows = series.observed, series.changes, series.rows(options.lags)
    for pattern in np.unique(observed, axis=0):
        entities = (observed == pattern).all(axis=1)
        part = y[:, entities] - options.year_means * means
        example = entities.argmax()
        factor = _triangular_factor(part, means, np.flatnonzero(rows[example]), options)
        sign = np.sign(factor[..., -2, -2])
        level[:, entities] = sign * factor[..., -2, -2]
        change[:, entities] = sign * factor[..., -2, -1]
        residual[:, entities] = np.abs(factor[..., -1, -1])
        sd[:, entities] = np.diff(part)[..., changes[example]].std(axis=-1, ddof=1)
    df = options.df_of(series)
    return Regressions(level, change, residual, sd, df, series)


def period_means(y: Floats, series: Series) -> Floats:
    """Add up the mean changes of each period, shape (R, 1, T).

    In a balanced panel they are the means of the periods, but for a constant. An entity
    that enters later does not shift them by its level.
    """
    observed = series.changes
    changes = np.where(observed, np.diff(y), 0.0).sum(axis=1, keepdims=True)
    means = np.zeros((y.shape[0], 1, y.shape[2]))
    np.cumsum(changes / np.maximum(observed.sum(axis=0), 1), axis=2, out=means[..., 1:])
    return means


def _triangular_factor(
    y: Floats, means: Floats, rows: Ints, options: UnitRootOptions
) -> Floats:
    """Factor lagged changes, level and change into a triangle, (R, n, m, m)."""
    lags, change = options.lags, np.diff(y)
    count = change.shape[2] - lags
    shared = [np.ones((1, count)), np.arange(1.0, count + 1)[None]][: 1 + options.trend]
    if options.test == "cips":
        mean, mean_change = means[:, 0], np.diff(means[:, 0])
        shared = [np.broadcast_to(column, (len(means), count)) for column in shared]
        shared += [
            mean[:, lags:-1],
            *_lagged(mean_change, range(lags + 1), count),
        ]
    basis = np.linalg.qr(np.stack(shared, axis=-1)[:, rows]).Q[:, None]
    lagged_changes = _lagged(change, range(1, lags + 1), count)
    parts = [*lagged_changes, y[..., lags:-1], change[..., lags:]]
    columns = np.stack([part[..., rows] for part in parts], axis=1)
    columns -= (columns @ basis) @ basis.swapaxes(-1, -2)
    return np.asarray(np.linalg.qr(np.moveaxis(columns, 1, -1), mode="r"))


def _lagged(values: Any, lags: range, count: int) -> list[Any]:
    """Return the last `count` values before each of the lags."""
    end = values.shape[-1]
    return [values[..., end - count - lag : end - lag] for lag in lags]


def statistic(
    fits: Regressions,
    options: UnitRootOptions,
    drawn: Mapping[tuple[bool, ...], Floats],
) -> Floats:
    """Combine the regressions of the entities to one statistic a draw, shape (R,)."""
    if options.test == "ht":
        weights = 1 / fits.sd**2 if options.simulated else 1.0
        cross = (weights * fits.level * fits.change).sum(axis=1)
        return np.asarray(1 + cross / (weights * fits.level**2).sum(axis=1))
    if options.test == "fisher":
        return np.asarray(-2 * np.log(unit_p_values(fits, options, drawn)).sum(axis=1))
    bounds = _BOUNDS[options.trend] if options.test == "cips" else (-np.inf, np.inf)
    return np.asarray(np.clip(fits.t, *bounds).mean(axis=1))


def unit_p_values(
    fits: Regressions,
    options: UnitRootOptions,
    drawn: Mapping[tuple[bool, ...], Floats],
) -> Floats:
    """Read p-values of t, shape (R, N), from sorted draws of it by span.

    Without draws they are those of MacKinnon (1994, Journal of Business and Economic
    Statistics 12:167-176).
    """
    from scipy.special import ndtr

    t = fits.t
    if not drawn:
        (low, middle, high), below, above = _MACKINNON[options.trend]
        t = np.clip(t, low, high)
        return ndtr(np.where(t <= middle, np.polyval(below, t), np.polyval(above, t)))
    p = np.empty(t.shape)
    spans = fits.series.spans
    for span, draws in drawn.items():
        same = [other == span for other in spans]
        ranks = np.searchsorted(draws, t[:, same], side="right")
        p[:, same] = (1 + ranks) / (1 + draws.size)
    return p


def draw_t(
    series: Series, options: UnitRootOptions, rng: np.random.Generator
) -> dict[tuple[bool, ...], Floats]:
    """Draw t of single random walks with values as the series have, sorted, by span."""
    # IPS of one entity is its t.
    drawn, options = {}, replace(options, test="ips", year_means=False)
    for span in sorted(set(series.spans), key=lambda values: (len(values), values)):
        walk = Series(np.where(span, 0.0, np.nan)[None])
        drawn[span] = np.sort(draw_statistics(walk, options, {}, _SERIES, rng))
    return drawn


def draw_statistics(
    series: Series,
    options: UnitRootOptions,
    drawn: Mapping[tuple[bool, ...], Floats],
    reps: int,
    rng: np.random.Generator,
) -> Floats:
    """Draw the statistic in panels of independent random walks, shape (reps,).

    The panels have values where the data have. The order of the entities does not
    matter.
    """
    observed = series.observed
    first, last = observed.argmax(axis=1), observed[:, ::-1].argmax(axis=1)
    ordered = Series(series.y[np.lexsort((*observed.T, first, -last))])
    statistics = np.empty(reps)
    for part in chunks(reps, series.y.size, _MEMORY):
        shape = (part.stop - part.start, *series.y.shape)
        walks = rng.standard_normal(shape).cumsum(axis=2)
        fits = regressions(walks, ordered, options)
        statistics[part] = statistic(fits, options, drawn)
    return statistics


def harris_tzavalis_moments(n: float, *, trend: bool) -> tuple[float, float]:
    """Compute mean and variance of sqrt(N) rho with n periods after the first.

    (Harris and Tzavalis 1999, Journal of Econometrics 91:201-226.)
    """
    if trend:
        square = 15 * (193 * n**2 - 728 * n + 1147)
        return 1 - 15 / (2 * (n + 2)), square / (112 * (n + 2) ** 3 * (n - 2))
    square = 3 * (17 * n**2 - 20 * n + 17)
    return 1 - 3 / (n + 1), square / (5 * (n - 1) * (n + 1) ** 3)
