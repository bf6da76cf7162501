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
from dataclasses import dataclass, field, replace
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
    lags = _check_options(test, lags, deterministic, year_means, p_value)
    reps, seed = check_reps(reps, _LEAST_REPS), seed_sequence(rng)
    check_panel(panel, "unit_root_test")
    sample = panel.sample({"y": [y]})
    model = UnitRootModel(
        y=_read_values(sample, y),
        test=test,
        lags=lags,
        trend=deterministic == "trend",
        year_means=bool(year_means),
        simulated=p_value == "simulated",
    )
    _refuse_short(sample, y, model)
    generator, by_entity = np.random.default_rng(seed), test == "fisher"
    if by_entity and model.simulated:
        model = replace(model, drawn=draw_t(model, generator))
    fits = regressions(model.y[None], model)
    scale = PERFECT_FIT * np.nanstd(model.y, axis=1)
    perfect = np.minimum(fits.level, fits.residual)[0] <= scale
    _refuse(sample, perfect, f"{cited(y)} is constant or fitted perfectly")

    value, draws = float(statistic(fits)[0]), None
    if model.simulated:
        draws = draw_statistics(model, reps, generator)
        distribution, df = "simulated", None
        beyond = draws >= value if by_entity else draws <= value
        p = (1 + int(beyond.sum())) / (1 + reps)
    else:
        value, distribution, df, p = _by_table(value, model)
    notices = (
        *(missing_rows(d.count, d.message, d.by_term, d.rows) for d in sample.dropped),
        *assumptions(model),
        *(few_draws(reps, "test") if model.simulated else ()),
    )
    issue(notices)
    columns = {"coefficient": fits.slopes[0], "t": fits.t[0], "df": model.df}
    detail = pd.DataFrame({"periods": model.periods, **columns}, sample.keys.entities)
    if by_entity:
        detail["p_value"] = unit_p_values(fits)[0]
    detail.attrs["rng_entropy"] = seed.entropy if model.simulated else None
    trend = ".trend" if model.trend else ""
    means = ".means" if model.year_means else ""
    by = f"drawn.walks{trend}{means}" if model.simulated else f"printed.{test}"
    return TestResult(
        name=TESTS.say(f"unit_root.{test}"),
        statistic=value,
        distribution=distribution,
        df=df,
        p_value=p,
        null=f"{y} has a unit root in every entity",
        detail=detail,
        draws=draws,
        diagnostics=notices,
        method=TESTS.say(by, count=f"{reps:,}", n=model.periods.size, lags=lags),
    )


def _check_options(
    test: Any, lags: object, deterministic: str, year_means: Any, p_value: str
) -> int:
    """Check the options, each by itself and together, and return the lags."""
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
    return number


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


def _read_values(sample: Sample, y: str) -> Floats:
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
    values[entity, periods] = column - column[sample.keys.starts][entity]
    largest = np.nanmax(np.abs(values)) or 1.0
    return np.asarray(values / largest)


def _refuse_short(sample: Sample, y: str, model: UnitRootModel) -> None:
    """Refuse one entity, and entities with few periods or degrees of freedom."""
    alone = np.array([model.periods.size < 2])
    _refuse(sample, alone, "the panel has one entity")
    least = 15 if model.trend else 10
    purpose = " for a trend" if model.trend else ""
    short = f"{cited(y)} has fewer than {least} values{purpose}"
    _refuse(sample, model.periods < least, short)
    # CIPS bounds its t-statistics.
    least = 2 if model.test == "cips" else 3
    few = f"lags={model.lags} leaves fewer than {least} degrees of freedom"
    if model.has_gaps:
        few += ", because of gaps (if periods are several units apart: Panel(step=))"
    _refuse(sample, model.df < least, few)


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
    value: float, model: UnitRootModel
) -> tuple[float, str, float | None, float]:
    """Return statistic, distribution, df and p-value of the asymptotic test."""
    from scipy.special import chdtrc, ndtr

    n = model.rows.sum(axis=1)
    if model.test == "fisher":
        return value, "chi2", 2.0 * n.size, float(chdtrc(2 * n.size, value))
    mean, variance = np.nan, np.nan
    if model.test == "ips" and not model.has_gaps:
        mean, variance = _ips_moments(n, model)
    elif model.test == "ht" and model.observed.all():
        mean, variance = harris_tzavalis_moments(int(n[0]), trend=model.trend)
    if np.isnan(mean):
        reason = f"no table for this panel and lags={model.lags}"
        raise _not_available("p_value", "table", reason, ("simulated",))
    z = float(np.sqrt(n.size / variance) * (value - mean))
    return z, "normal", None, float(ndtr(z))


def _ips_moments(n: Ints, model: UnitRootModel) -> tuple[float, float]:
    """Read mean and variance of t, interpolated in n; missing outside the table."""
    table = pd.read_csv(Path(__file__).with_name("ips_moments.csv"))
    which = "trend" if model.trend else "constant"
    rows = table[(table["deterministic"] == which) & (table["lags"] == model.lags)]
    if rows.empty or n.min() < rows["T"].min():
        return np.nan, np.nan
    mean, variance = (np.interp(n, rows["T"], rows[c]) for c in ("mean", "variance"))
    return float(mean.mean()), float(variance.mean())


# --- notices --------------------------------------------------------------------------


def assumptions(model: UnitRootModel) -> Iterator[Notice]:
    """Report assumptions of the test that the changes of y contradict.

    Under the null hypothesis without serial correlation the changes are the errors.
    """
    from scipy.special import fdtrc, ndtr, stdtr

    entity, time = np.nonzero(model.changes)
    changes = np.diff(model.y)[entity, time]
    errors = changes - (np.bincount(entity, changes) / np.bincount(entity))[entity]
    means = np.diff(period_means(model.y[None], model)[0, 0])
    if not model.year_means and not model.trend and np.ptp(means):
        t = np.sqrt(means.size) * means.mean() / means.std(ddof=1)
        p_value = 2 * stdtr(means.size - 1, -abs(t))
        # At 5%, one in twenty panels without a trend would have this notice.
        if rejects(p_value, 0.99):
            yield notice_of("trending_means", **_numbers(t, p_value))
    if not model.year_means and model.test != "cips":
        pairs = correlations_between(errors, entity, time)
        z = pairs.weighted_sum / np.sqrt(pairs.squared_sum) if pairs.pairs else 0.0
        p_value = 2 * ndtr(-abs(z))
        if rejects(p_value, 0.95):
            yield notice_of("dependent_entities", **_numbers(z, p_value))
    if model.test == "ht" and not model.simulated:
        f = levene(errors[None], entity)[0]
        p_value = fdtrc(entity[-1], changes.size - entity[-1] - 1, f)
        if rejects(p_value, 0.95):
            yield notice_of("variances_differ", **_numbers(f, p_value))


def _numbers(value: float, p_value: float) -> dict[str, Any]:
    """Return the fields of a notice on a test."""
    numbers = {"statistic": float(value), "p_value": float(p_value)}
    return {**numbers, "_p": p_words(p_value)}


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


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class UnitRootModel:
    """Values by entity and period, with the options of the test."""

    y: Floats  # (N, T), NaN where there is no value
    test: UnitRootTest
    lags: int
    trend: bool
    year_means: bool
    simulated: bool  # otherwise with printed moments
    # Sorted draws of t by span, from which "fisher" reads p-values; see `spans`
    drawn: Mapping[tuple[bool, ...], Floats] = field(default_factory=dict)

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

    @property
    def rows(self) -> Bools:
        """Whether a change has all its lags, shape (N, T - 1)."""
        rows = self.changes
        for lag in range(1, self.lags + 1):
            rows[:, lag:] &= self.changes[:, :-lag]
            rows[:, :lag] = False
        return rows

    @property
    def df(self) -> Ints:
        """Rows less regressors of each entity, shape (N,).

        Regressors are deterministic ones, level, lags and means.
        """
        with_means = self.test == "cips"
        regressors = 2 + self.trend + self.lags + with_means * (2 + self.lags)
        return np.asarray(self.rows.sum(axis=1) - regressors)

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
    model: UnitRootModel

    @property
    def slopes(self) -> Floats:
        """Coefficients of the level before, shape (R, N)."""
        return self.change / self.level

    @property
    def t(self) -> Floats:
        """Their t-statistics, with n - k degrees of freedom, shape (R, N)."""
        return np.sqrt(self.model.df) * self.change / self.residual


def regressions(y: Floats, model: UnitRootModel) -> Regressions:
    """Estimate the regression of each entity in y, shape (R, N, T)."""
    means = np.zeros((1, 1, y.shape[2]))
    if model.year_means or model.test == "cips":
        means = period_means(y, model)
    corner, sd = np.empty((*y.shape[:2], 2, 2)), np.empty(y.shape[:2])
    observed, changes, rows = model.observed, model.changes, model.rows
    for pattern in np.unique(observed, axis=0):
        entities = (observed == pattern).all(axis=1)
        part = y[:, entities] - model.year_means * means
        example = entities.argmax()
        factor = _triangular_factor(part, means, np.flatnonzero(rows[example]), model)
        corner[:, entities] = factor[..., -2:, -2:]
        sd[:, entities] = np.diff(part)[..., changes[example]].std(axis=-1, ddof=1)
    level, change, residual = corner[..., 0, 0], corner[..., 0, 1], corner[..., 1, 1]
    change = np.sign(level) * change
    return Regressions(np.abs(level), change, np.abs(residual), sd, model)


def period_means(y: Floats, model: UnitRootModel) -> Floats:
    """Add up the mean changes of each period, shape (R, 1, T).

    In a balanced panel they are the means of the periods, but for a constant. An entity
    that enters later does not shift them by its level.
    """
    observed = model.changes
    changes = np.where(observed, np.diff(y), 0.0).sum(axis=1, keepdims=True)
    means = np.zeros((y.shape[0], 1, y.shape[2]))
    np.cumsum(changes / np.maximum(observed.sum(axis=0), 1), axis=2, out=means[..., 1:])
    return means


def _triangular_factor(
    y: Floats, means: Floats, rows: Ints, model: UnitRootModel
) -> Floats:
    """Factor lagged changes, level and change into a triangle, (R, n, m, m).

    `rows` are the positions of the changes that are explained.
    """
    change, lags = np.diff(y), range(1, model.lags + 1)
    shared = [np.ones((1, rows.size)), rows[None]][: 1 + model.trend]
    if model.test == "cips":
        mean, mean_change = means[:, 0], np.diff(means[:, 0])
        shared = [np.broadcast_to(column, (len(means), rows.size)) for column in shared]
        shared += [mean[:, rows], *(mean_change[:, rows - lag] for lag in (0, *lags))]
    basis = np.linalg.qr(np.stack(shared, axis=-1)).Q[:, None]
    lagged = [change[..., rows - lag] for lag in lags]
    columns = np.stack([*lagged, y[..., rows], change[..., rows]], axis=1)
    columns -= (columns @ basis) @ basis.swapaxes(-1, -2)
    return np.asarray(np.linalg.qr(np.moveaxis(columns, 1, -1), mode="r"))


def statistic(fits: Regressions) -> Floats:
    """Combine the regressions of the entities to one statistic a draw, shape (R,)."""
    model = fits.model
    if model.test == "ht":
        weights = 1 / fits.sd**2 if model.simulated else 1.0
        cross = (weights * fits.level * fits.change).sum(axis=1)
        return np.asarray(1 + cross / (weights * fits.level**2).sum(axis=1))
    if model.test == "fisher":
        return np.asarray(-2 * np.log(unit_p_values(fits)).sum(axis=1))
    bounds = _BOUNDS[model.trend] if model.test == "cips" else (-np.inf, np.inf)
    return np.asarray(np.clip(fits.t, *bounds).mean(axis=1))


def unit_p_values(fits: Regressions) -> Floats:
    """Read p-values of t, shape (R, N), from the sorted draws of it by span.

    Without draws they are those of MacKinnon (1994, Journal of Business and Economic
    Statistics 12:167-176).
    """
    from scipy.special import ndtr

    t, model = fits.t, fits.model
    if not model.drawn:
        (low, middle, high), below, above = _MACKINNON[model.trend]
        t = np.clip(t, low, high)
        return ndtr(np.where(t <= middle, np.polyval(below, t), np.polyval(above, t)))
    p, spans = np.empty(t.shape), model.spans
    for span, draws in model.drawn.items():
        same = [other == span for other in spans]
        ranks = np.searchsorted(draws, t[:, same], side="right")
        p[:, same] = (1 + ranks) / (1 + draws.size)
    return p


def draw_t(
    model: UnitRootModel, rng: np.random.Generator
) -> dict[tuple[bool, ...], Floats]:
    """Draw t of single random walks with values as the entities have, by span."""
    # IPS of one entity is its t.
    drawn, model = {}, replace(model, test="ips", year_means=False)
    for span in sorted(set(model.spans), key=lambda values: (len(values), values)):
        walk = replace(model, y=np.where(span, 0.0, np.nan)[None])
        drawn[span] = np.sort(draw_statistics(walk, _SERIES, rng))
    return drawn


def draw_statistics(
    model: UnitRootModel, reps: int, rng: np.random.Generator
) -> Floats:
    """Draw the statistic in panels of independent random walks, shape (reps,).

    The panels have values where the data have. The order of the entities does not
    matter.
    """
    observed = model.observed
    first, last = observed.argmax(axis=1), observed[:, ::-1].argmax(axis=1)
    ordered = replace(model, y=model.y[np.lexsort((*observed.T, first, -last))])
    statistics = np.empty(reps)
    for part in chunks(reps, model.y.size, _MEMORY):
        shape = (part.stop - part.start, *model.y.shape)
        walks = rng.standard_normal(shape).cumsum(axis=2)
        statistics[part] = statistic(regressions(walks, ordered))
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
