"""Tests of unit roots in panels of few periods.

Their notices:

==================== ===================================================================
code                 data
==================== ===================================================================
dependent_entities   statistic (z of the CD test), p_value
trending_means       statistic (t of the mean change), p_value
variances_differ     statistic (Levene's F), p_value
==================== ===================================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from digiprosper.checks import check_option, check_whole, not_identified, option_error
from digiprosper.errors import (
    Notice,
    OptionError,
    PanelIndexError,
    TermError,
    cited,
    issue,
    notice_of,
    quoted,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.chunks import chunks
from digiprosper.kernels.resampling import seed_sequence
from digiprosper.kernels.tolerances import PERFECT_FIT
from digiprosper.linear.kernels.residual_tests import correlations_between, levene
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import check_panel
from digiprosper.panel.arguments import refuse_extreme
from digiprosper.report.notices import few_draws, missing_rows
from digiprosper.report.tests import TestResult
from digiprosper.report.text import p_words
from digiprosper.report.verdicts import rejects
from digiprosper.report.words import TESTS
from digiprosper.specification import check_reps

UnitRootTest: TypeAlias = Literal["ips", "cips", "ht", "fisher"]

_TESTS = get_args(UnitRootTest)
_REFUSED = {
    "llc": "the test of Levin, Lin and Chu rejects a true hypothesis in nearly all "
    "panels of 31 entities and ten periods, and in most of 25 periods",
    "breitung": "the test of Breitung needs many more periods than entities",
    "hadri": "the stationarity test of Hadri needs many more periods",
}
_LEAST_REPS = 99
_MOST_LAGS = 100


def unit_root_test(  # noqa: PLR0913  (options of several tests, all named)
    panel: Panel,
    y: str,
    *,
    test: UnitRootTest = "ips",
    lags: int | None = None,
    deterministic: Literal["constant", "trend"] = "constant",
    year_means: bool = False,
    p_value: Literal["simulated", "table"] = "simulated",
    reps: int = 9_999,
    rng: object = None,
) -> TestResult:
    """Test whether a variable has a unit root in every entity of a panel.

    Each entity has the regression ``dy_it = b_i y_i,t-1 + lags of dy_it + constant``
    (and trend), and under the null hypothesis ``b_i = 0`` for all entities. With about
    ten periods such tests find only series that return to their mean fast: a test that
    does not reject says little.

    Parameters
    ----------
    panel : Panel
        The data. An entity needs values in ten periods, or 15 with a trend. Entities
        may start and end in different periods and have gaps: a regression has the
        periods for which y of the period before and its lags are observed.
    y : str
        Column or term, such as ``"log(gdp)"``.
    test : {"ips", "cips", "ht", "fisher"}
        ``"ips"`` (default) is the mean of the t-statistics of b_i (Im, Pesaran and Shin
        2003). ``"cips"`` is the same mean where the regressions also have the means of
        y of each period, for entities that share a common factor (Pesaran 2007); a t
        counts at most as far as its bounds. ``"ht"`` is the autoregressive coefficient
        of all entities together (Harris and Tzavalis 1999), the most powerful with few
        periods, but it assumes errors without serial correlation: report it beside
        ``"ips"``. It assumes one error variance, so each entity is divided by the
        standard deviation of its changes; with ``p_value="table"`` it is not.
        ``"fisher"`` is ``-2 sum log p_i`` of the p-values of the entities (Maddala and
        Wu 1999).
    lags : int, optional
        Number of lags of dy in the regressions. 1 by default, which allows for errors
        with first-order autocorrelation. ``"ht"`` has no lags.
    deterministic : {"constant", "trend"}
        ``"constant"`` (default) gives each entity a constant, ``"trend"`` also a linear
        trend, for variables that grow.
    year_means : bool
        Whether the means of the periods are subtracted from y first, which removes a
        shock that is the same for all entities. False by default. ``"cips"`` has
        them as regressors.
    p_value : {"simulated", "table"}
        ``"simulated"`` (default) compares the statistic with those of panels of
        independent normal random walks that have the same entities, periods, gaps and
        options. ``"table"`` uses moments for many entities, as other programs do:
        those of Im, Pesaran and Shin for ``"ips"`` (W, from their Table 3; from Table 1
        below ten rows), those of Harris and Tzavalis for ``"ht"``, p-values of
        MacKinnon (1994) for ``"fisher"``.
    reps : int
        Number of simulated panels; 9,999 by default, at least 99.
    rng : int, Generator or SeedSequence, optional
        Seed of the simulation. ``test.detail.attrs["rng_entropy"]`` reproduces it.

    Returns
    -------
    TestResult
        `statistic` is the mean t, the coefficient or ``-2 sum log p_i``; with
        ``"table"`` it is standard normal, or chi2 for ``"fisher"``. `draws` has the
        simulated statistics. `detail` is a DataFrame with a row for each entity: number
        of periods, coefficient b_i, t, the degrees of freedom of its regression, and
        with ``"fisher"`` p_value.

    Raises
    ------
    InputTypeError, ColumnError, TermError, PanelIndexError
        If an argument cannot be used, or the panel has no time key or no known step.
    OptionError
        If an option is not known, or does not go with the test. Also for ``"llc"``,
        ``"breitung"`` and ``"hadri"``, with the reason.
    MissingDataError
        If y is missing in every row.
    IdentificationError
        If an entity has too few periods, is constant or is fitted perfectly, or if
        there is one entity.

    Warns
    -----
    MissingDataWarning
        If y is missing in rows at the ends of entities, or everywhere in one.
    FewDrawsWarning
        If `reps` is small.

    Notes
    -----
    Notices say if the changes of entities are correlated, if the mean of the entities
    has a trend that the regressions lack, and if variances differ that ``"ht"`` takes
    to be equal.

    The p-value is ``(1 + #) / (reps + 1)``, where # is the number of simulated panels
    with a statistic at least as far from the null hypothesis: as low, or as high with
    ``"fisher"``. Means of periods add up mean changes, so that in an unbalanced panel
    an entity that enters does not shift them by its level. References: Im, Pesaran and
    Shin (2003, Journal of Econometrics 115:53-74), Pesaran (2007, Journal of Applied
    Econometrics 22:265-312), Harris and Tzavalis (1999, Journal of Econometrics
    91:201-226), Maddala and Wu (1999, Oxford Bulletin of Economics and Statistics
    61:631-652).

    Examples
    --------
    >>> import digiprosper as dp
    >>> test = dp.unit_root_test(
    ...     dp.datasets.us_states(), "unemp", test="cips", reps=999, rng=1
    ... )
    >>> round(test.statistic, 3), test.p_value < 0.05
    (-1.085, False)
    """
    options = _read_options(test, lags, deterministic, year_means, p_value)
    reps, seed = check_reps(reps, _LEAST_REPS), seed_sequence(rng)
    check_panel(panel, "unit_root_test")
    sample = panel.sample({"y": [y]})
    series = _read_series(sample, y)
    _refuse_short(sample, y, series, options)
    fits = regressions(series.y[None], series, options)
    scale = PERFECT_FIT * np.nanstd(series.y, axis=1)
    perfect = np.minimum(fits.level, fits.residual)[0] <= scale
    _refuse(sample, perfect, f"{cited(y)} is constant or fitted perfectly")

    generator, by_entity = np.random.default_rng(seed), test == "fisher"
    drawn = {}
    if by_entity and options.simulated:
        drawn = draw_t(series, options, generator)
    value = float(statistic(fits, options, drawn)[0])
    if options.simulated:
        draws = draw_statistics(series, options, drawn, reps, generator)
        beyond = draws >= value if by_entity else draws <= value
        p = (1 + int(beyond.sum())) / (1 + reps)
        distribution, df, more = "simulated", None, few_draws(reps, "test")
    else:
        draws, more = None, ()
        value, distribution, df, p = _by_table(value, series, options)
    notices = (
        *(missing_rows(d.count, d.message, d.by_term, d.rows) for d in sample.dropped),
        *assumptions(series, options),
        *more,
    )
    issue(notices)
    columns = {"coefficient": fits.slopes[0], "t": fits.t[0], "df": fits.df}
    detail = pd.DataFrame({"periods": series.periods, **columns}, sample.keys.entities)
    if by_entity:
        detail["p_value"] = unit_p_values(fits, options, drawn)[0]
    detail.attrs["rng_entropy"] = seed.entropy if options.simulated else None
    model = ".trend" * options.trend + ".means" * options.year_means
    by = f"drawn.walks{model}" if options.simulated else f"printed.{test}"
    return TestResult(
        TESTS.say(f"unit_root.{test}"),
        value,
        distribution,
        df,
        p,
        f"{y} has a unit root in every entity",
        detail,
        draws,
        notices,
        TESTS.say(by, count=f"{reps:,}", n=series.periods.size, lags=options.lags),
    )


def _read_options(
    test: Any, lags: object, deterministic: str, year_means: Any, p_value: str
) -> UnitRootOptions:
    """Check the options, each by itself and together."""
    word = str(test).lower()
    if word in _REFUSED:
        raise _not_available("test", test, _REFUSED[word], _TESTS)
    check_option("test", test, _TESTS)
    check_option("deterministic", deterministic, ("constant", "trend"))
    check_option("year_means", year_means, (False, True))
    check_option("p_value", p_value, ("simulated", "table"))
    default = int(test != "ht")
    number = check_whole("lags", default if lags is None else lags, 0, _MOST_LAGS)
    if test == "ht" and number:
        raise _not_available("lags", lags, "test='ht' has no lags", (None, 0))
    if test == "cips" and year_means:
        reason = "test='cips' already has the year means among its regressors"
        raise _not_available("year_means", year_means, reason, (False,))
    if test == "cips" and p_value == "table":
        reason = "tables for test='cips' have critical values, but no p-values"
        raise _not_available("p_value", p_value, reason, ("simulated",))
    return UnitRootOptions(
        test,
        number,
        trend=deterministic == "trend",
        year_means=bool(year_means),
        simulated=p_value == "simulated",
    )


def _not_available(
    name: str, value: object, reason: str, allowed: tuple[object, ...]
) -> OptionError:
    """Make the error of an option that does not apply to this panel or test."""
    words = " or ".join(map(repr, allowed))
    text = (
        f"{name}={cited(value)} is not available: {reason}. Use {words} (page Unit "
        "roots)."
    )
    return option_error(name, value, text, allowed)


def _read_series(sample: Sample, y: str) -> Series:
    """Arrange y by entity and period."""
    column, entity, time = sample.matrix[:, 0], sample.entity, sample.time
    ordinals = sample.keys.ordinals
    if ordinals is None:
        raise PanelIndexError(
            "unit_root_test needs periods with a known step: Panel(df, entity=, time=, "
            "step=)."
        )
    if sample.categories:
        raise TermError(f"unit_root_test: {cited(y)} is categorical; specify a number.")
    refuse_extreme("unit_root_test", {repr(y): column})
    periods = ordinals[time] - ordinals[time].min()
    values = np.full((entity.max() + 1, periods.max() + 1), np.nan)
    starts = np.flatnonzero(np.diff(entity, prepend=-1))
    values[entity, periods] = column - column[starts][entity]
    largest = np.nanmax(np.abs(values)) or 1.0
    return Series(values / largest)


def _refuse_short(
    sample: Sample, y: str, series: Series, options: UnitRootOptions
) -> None:
    """Refuse one entity, and entities with few periods or degrees of freedom."""
    alone = np.array([series.periods.size < 2])
    _refuse(sample, alone, "the panel has one entity")
    least = 15 if options.trend else 10
    short = f"{cited(y)} has fewer than {least} values" + " for a trend" * options.trend
    _refuse(sample, series.periods < least, short)
    # CIPS bounds its t-statistics.
    least = 2 if options.test == "cips" else 3
    few = f"lags={options.lags} leaves fewer than {least} degrees of freedom"
    if series.has_gaps:
        few += ", because of gaps (if periods are several units apart: Panel(step=))"
    _refuse(sample, options.df_of(series) < least, few)


def _refuse(sample: Sample, bad: Bools, defect: str) -> None:
    """Refuse entities where `bad`, shape (N,), is true."""
    if bad.any():
        labels = list(sample.keys.entities[bad])
        raise not_identified(
            "unusable_entities",
            f"unit_root_test: {defect} ({sample.keys.entity_name}: {quoted(labels)}). "
            "Drop these entities (subset), or do without the test (page Unit roots).",
            entities=labels[:5],
        )


def _by_table(
    value: float, series: Series, options: UnitRootOptions
) -> tuple[float, str, float | None, float]:
    """Return statistic, distribution, df and p-value of the asymptotic test."""
    from scipy.special import chdtrc, ndtr

    n = series.rows(options.lags).sum(axis=1)
    if options.test == "fisher":
        return value, "chi2", 2.0 * n.size, float(chdtrc(2 * n.size, value))
    mean, variance = np.nan, np.nan
    if options.test == "ips" and not series.has_gaps:
        mean, variance = _ips_moments(n, options)
    elif options.test == "ht" and series.observed.all():
        mean, variance = harris_tzavalis_moments(int(n[0]), trend=options.trend)
    if np.isnan(mean):
        reason = f"no table for this panel and lags={options.lags}"
        raise _not_available("p_value", "table", reason, ("simulated",))
    z = float(np.sqrt(n.size / variance) * (value - mean))
    return z, "normal", None, float(ndtr(z))


def _ips_moments(n: Ints, options: UnitRootOptions) -> tuple[float, float]:
    """Read mean and variance of t, interpolated in n; missing outside the table."""
    table = pd.read_csv(Path(__file__).with_name("ips_moments.csv"))
    which = "trend" if options.trend else "constant"
    rows = table[(table["deterministic"] == which) & (table["lags"] == options.lags)]
    if rows.empty or n.min() < rows["T"].min():
        return np.nan, np.nan
    mean, variance = (np.interp(n, rows["T"], rows[c]) for c in ("mean", "variance"))
    return float(mean.mean()), float(variance.mean())


# --- notices --------------------------------------------------------------------------


def assumptions(series: Series, options: UnitRootOptions) -> Iterator[Notice]:
    """Report assumptions of the test that the changes of y contradict.

    Under the null hypothesis without serial correlation the changes are the errors.
    """
    from scipy.special import fdtrc, ndtr, stdtr

    entity, time = np.nonzero(~np.isnan(np.diff(series.y)))
    changes = np.diff(series.y)[entity, time]
    errors = changes - (np.bincount(entity, changes) / np.bincount(entity))[entity]
    means = np.diff(period_means(series.y[None], series)[0, 0])
    if not options.year_means and not options.trend and np.ptp(means):
        t = float(np.sqrt(means.size) * means.mean() / means.std(ddof=1))
        p_value = float(2 * stdtr(means.size - 1, -abs(t)))
        # At 5%, one in twenty panels without a trend would have this notice.
        if rejects(p_value, 0.99):
            p = p_words(p_value)
            yield notice_of("trending_means", statistic=t, p_value=p_value, _p=p)
    if not options.year_means and options.test != "cips":
        pairs = correlations_between(errors, entity, time)
        z = pairs.weighted_sum / np.sqrt(pairs.squared_sum) if pairs.pairs else 0.0
        p_value = float(2 * ndtr(-abs(z)))
        if rejects(p_value, 0.95):
            p = p_words(p_value)
            yield notice_of(
                "dependent_entities", statistic=float(z), p_value=p_value, _p=p
            )
    if options.test == "ht" and not options.simulated:
        f = float(levene(errors[None], entity)[0])
        p_value = float(fdtrc(entity[-1], changes.size - entity[-1] - 1, f))
        if rejects(p_value, 0.95):
            p = p_words(p_value)
            yield notice_of("variances_differ", statistic=f, p_value=p_value, _p=p)


# --- arrays: regressions by entity, statistics, draws ---------------------------------

# Dickey-Fuller regressions of all units at once. Arrays have draws, entities and
# periods as axes. Entities with values in the same periods share one design.

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
        return np.sqrt(self.df) * self.change / self.residual


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
