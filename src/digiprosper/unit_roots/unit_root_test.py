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

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

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
    quoted,
)
from digiprosper.kernels import Bools, Ints
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
from digiprosper.unit_roots import kernel
from digiprosper.unit_roots.kernel import (
    Series,
    UnitRootOptions,
    UnitRootTest,
    period_means,
)

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
    fits = kernel.regressions(series.y[None], series, options)
    scale = PERFECT_FIT * np.nanstd(series.y, axis=1)
    perfect = np.minimum(fits.level, fits.residual)[0] <= scale
    _refuse(sample, perfect, f"{cited(y)} is constant or fitted perfectly")

    generator, by_entity = np.random.default_rng(seed), test == "fisher"
    drawn = {}
    if by_entity and options.simulated:
        drawn = kernel.draw_t(series, options, generator)
    value = float(kernel.statistic(fits, options, drawn)[0])
    if options.simulated:
        draws = kernel.draw_statistics(series, options, drawn, reps, generator)
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
        detail["p_value"] = kernel.unit_p_values(fits, options, drawn)[0]
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
) -> kernel.UnitRootOptions:
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
    return kernel.UnitRootOptions(
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


def _read_series(sample: Sample, y: str) -> kernel.Series:
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
    return kernel.Series(values / largest)


def _refuse_short(
    sample: Sample, y: str, series: kernel.Series, options: kernel.UnitRootOptions
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
    value: float, series: kernel.Series, options: kernel.UnitRootOptions
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
        mean, variance = kernel.harris_tzavalis_moments(int(n[0]), trend=options.trend)
    if np.isnan(mean):
        reason = f"no table for this panel and lags={options.lags}"
        raise _not_available("p_value", "table", reason, ("simulated",))
    z = float(np.sqrt(n.size / variance) * (value - mean))
    return z, "normal", None, float(ndtr(z))


def _ips_moments(n: Ints, options: kernel.UnitRootOptions) -> tuple[float, float]:
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
            text = (
                f"The mean of the entities has a trend (t = {t:.2f}, "
                f"{p_words(p_value)}). With constants alone 'cips' rejects a true "
                "hypothesis too often, and others hardly reject a false one: use "
                "deterministic='trend', with 15 periods, or growth rates."
            )
            yield Notice("trending_means", text, {"statistic": t, "p_value": p_value})
    if not options.year_means and options.test != "cips":
        pairs = correlations_between(errors, entity, time)
        z = pairs.weighted_sum / np.sqrt(pairs.squared_sum) if pairs.pairs else 0.0
        p_value = float(2 * ndtr(-abs(z)))
        if rejects(p_value, 0.95):
            text = (
                f"The changes of entities are correlated (CD test: z = {z:.2f}, "
                f"{p_words(p_value)}). The test assumes independence, without which it "
                "rejects too often: use year_means=True or test='cips'."
            )
            data = {"statistic": float(z), "p_value": p_value}
            yield Notice("dependent_entities", text, data)
    if options.test == "ht" and not options.simulated:
        f = float(levene(errors[None], entity)[0])
        p_value = float(fdtrc(entity[-1], changes.size - entity[-1] - 1, f))
        if rejects(p_value, 0.95):
            text = (
                f"The variances of entities differ (Levene: F = {f:.2f}, "
                f"{p_words(p_value)}), which the moments of the table assume equal: "
                "use p_value='simulated'."
            )
            yield Notice("variances_differ", text, {"statistic": f, "p_value": p_value})
