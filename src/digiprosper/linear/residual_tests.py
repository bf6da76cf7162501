"""Tests of residuals: correlation between entities, correlation in time, variances by entity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    Notice,
    OptionError,
    counted,
    option_problem,
    quoted,
)
from digiprosper.kernels.tolerances import EQUAL_SQUARES, NO_PERIOD_SUMS, NO_VARIANCE
from digiprosper.kernels.within import compress
from digiprosper.linear.auxiliary import entity_effect, issued, refit, refuse_perfect_fit, refuse_slopes
from digiprosper.linear.kernels.residual_tests import (
    correlations_between,
    null_autocorrelation,
    period_sums,
    persistence,
    squares_by_entity,
)
from digiprosper.linear.results import LinearResults
from digiprosper.panel.access import table_of
from digiprosper.report.tests import TestResult

if TYPE_CHECKING:
    from digiprosper.kernels import Floats, Ints
    from digiprosper.linear.fixed_effects import Fitted, FixedEffects
    from digiprosper.linear.kernels.residual_tests import Persistence, Squares
    from digiprosper.panel import Panel

__all__ = ["modified_wald", "pesaran_cd", "wooldridge_ar1"]

_FEW_PERIODS = 3
_OVERSIZED = (
    "oversized when T is small: with errors of one variance and few rows an entity it rejects far too often, "
    "since each entity's variance is compared in units of its own estimate"
)


def pesaran_cd(results: LinearResults) -> TestResult:
    """Test whether residuals are correlated between entities (Pesaran's CD).

    ``CD = M^(-1/2) sum_{i<j} sqrt(T_ij) rho_ij``: rho_ij is the correlation of the residuals of two entities
    over the T_ij periods that both have, and M the number of pairs; ``sqrt(2 / (N (N - 1)))`` where every
    pair counts. Two-sided, standard normal under the null. Positive and negative correlations cancel: it has
    little power against factors whose loadings have mean zero.

    Parameters
    ----------
    results : LinearResults
        Without time effects, which make the residuals of every period add up to zero: the statistic is then
        about ``-sqrt(T / 2)`` whether or not entities are correlated (plm gives it all the same).

    Returns
    -------
    TestResult
        `detail` has the mean correlation, the mean absolute one, the number of pairs, of pairs left out
        (fewer than two common periods, or residuals constant over them), and the least number of common
        periods.

    Raises
    ------
    IdentificationError
        If there are time effects, or residuals that add up to zero in every period for another reason
        (dummies of the periods among the regressors, crossed effects such as ``"region^year"``); one entity;
        a cross-section; no pair with common periods; a perfect fit.
    InputTypeError
        If it is no result of a linear model.

    Notes
    -----
    Pesaran (2004, CESifo working paper 1229; 2015, Econometric Reviews 34:1089); unbalanced
    panels as in plm's ``pcdtest(test = "cd")``, linearmodels' ``pesaran_cd`` and Stata's ``xtcd``. The
    residuals are not weighted. Serial correlation of the errors makes it reject too often.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"], time_effects=False)
    >>> test = dp.pesaran_cd(spec.fit(dp.datasets.us_states()))
    >>> round(test.statistic, 4), round(test.detail["mean_correlation"], 3)
    (30.3685, 0.219)
    """
    from scipy.special import ndtr

    rows = _rows(results, "pesaran_cd")
    _refuse_time_effects(results, rows)
    found = correlations_between(rows.residuals, rows.entity, rows.time)
    if found.pairs == 0:
        raise IdentificationError(
            "pesaran_cd: no two entities have residuals that vary over at least two common periods.",
            [Notice("no_pairs", "no pairs", {"left_out": found.left_out})],
        )

    statistic = found.weighted_sum / np.sqrt(found.pairs)
    detail = {
        "mean_correlation": found.sum / found.pairs,
        "mean_absolute_correlation": found.absolute_sum / found.pairs,
        "pairs": found.pairs,
        "pairs_left_out": found.left_out,
        "fewest_common_periods": found.fewest_periods,
    }
    p = float(2 * ndtr(-abs(statistic)))
    null = "the errors of entities are uncorrelated with one another"
    return TestResult("Pesaran CD test", float(statistic), "normal", None, p, null, detail)


def _refuse_time_effects(results: LinearResults, rows: _Rows) -> None:
    """Refuse residuals that add up to zero in every period."""
    by_name = results.key_names[1] in results.effect_names
    if not by_name and np.abs(period_sums(rows.residuals, rows.time)).max() > NO_PERIOD_SUMS:
        return
    why = "has time effects" if by_name else "takes the mean of every period out"
    raise IdentificationError(
        f"pesaran_cd: the model {why}, so the residuals of every period add up to zero and the statistic is "
        "about -sqrt(T / 2) whether or not entities are correlated. Fit the model with time_effects=False "
        "and without dummies of the periods; whether time effects are needed is what the test then tells.",
        [Notice("time_effects", "residuals add up to zero", {"effects": results.effect_names})],
    )


def modified_wald(results: LinearResults) -> TestResult:
    """Test whether the errors of all entities have the same variance (modified Wald, Stata's ``xttest3``).

    ``W = sum_i (s2_i - s2)^2 / V_i``, chi-square with as many degrees of freedom as entities under the null.
    ``s2_i = sum_t e_it^2 / T_i`` is the variance of an entity's residuals,
    ``V_i = sum_t (e_it^2 - s2_i)^2 / (T_i (T_i - 1))`` that of s2_i, and ``s2 = sum_it e_it^2 / n``.

    It is oversized when T is small: each entity's variance is compared in units of its own estimate, so with
    ten rows an entity it rejects errors of one variance nearly always when there are many entities. Read it
    where T is large compared with N; otherwise use standard errors that need no common variance
    (``cov_type="clustered"``) and leave the test out.

    Parameters
    ----------
    results : LinearResults
        Of any linear model, with at least two rows an entity.

    Returns
    -------
    TestResult
        chi-square with N degrees of freedom. `detail` has the smallest, the mean and the largest number of
        rows of an entity, the smallest and the largest variance, and the warning about its size as "note".

    Raises
    ------
    IdentificationError
        If there is one entity, an entity with one row, or one whose squared residuals are all equal (two rows
        with entity effects, or a perfect fit of the entity), for which V_i is zero.
    InputTypeError
        If it is no result of a linear model.

    Notes
    -----
    Greene (2000, p. 598); Baum (2001, Stata Journal 1:101). The residuals are not weighted. Entities
    with two rows under entity effects have no V_i: leave them out with ``panel.subset``.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"])
    >>> test = dp.modified_wald(spec.fit(dp.datasets.us_states()))
    >>> test.df, test.detail["mean_rows"]
    (48.0, 17.0)
    """
    from scipy.special import chdtrc

    rows = _rows(results, "modified_wald")
    found = squares_by_entity(rows.residuals, rows.entity)
    _refuse_no_variance(results, rows.entities, found)

    counts, means = found.rows, found.means
    whole = float(rows.residuals @ rows.residuals) / rows.residuals.size
    statistic = float(((means - whole) ** 2 / found.variances).sum())
    detail = {
        "fewest_rows": int(counts.min()),
        "mean_rows": float(counts.mean()),
        "most_rows": int(counts.max()),
        "smallest_variance": float(means.min()),
        "largest_variance": float(means.max()),
        "note": _OVERSIZED,
    }
    df = float(counts.size)
    null = "the errors of all entities have the same variance"
    return TestResult("Modified Wald test", statistic, "chi2", df, float(chdtrc(df, statistic)), null, detail)


def _refuse_no_variance(results: LinearResults, entities: pd.Index[Any], found: Squares) -> None:
    """Refuse entities whose squared residuals do not vary."""
    flat = np.isnan(found.variances) | (found.variances <= EQUAL_SQUARES * found.means**2)
    if not flat.any():
        return
    labels, few = list(entities[flat]), int(found.rows[flat].max())
    raise IdentificationError(
        f"modified_wald: the squared residuals of {counted(len(labels), 'entity', 'entities')} do not vary "
        f"({results.key_names[0]}: {quoted(labels)}; at most {counted(few, 'row')} each), so the statistic "
        "is infinite. It needs at least three rows an entity with entity effects, two without; leave these "
        "entities out with panel.subset().",
        [Notice("equal_squares", "no variance", {"entities": labels[:5], "count": len(labels)})],
    )


def wooldridge_ar1(spec: FixedEffects, panel: Panel) -> TestResult:
    """Test whether errors are serially correlated, from the residuals of a regression with entity effects.

    The residuals are regressed on their lag, with an intercept, over all pairs of consecutive periods of an
    entity. Independent errors give a slope of ``-1 / (T - 1)``, since the means of the entities are taken
    out; ``F = (rho - rho_0)^2 / V`` with V clustered by entity, without a small-sample factor.

    Parameters
    ----------
    spec : FixedEffects
        With entity effects.
    panel : Panel
        The data.

    Returns
    -------
    TestResult
        F with 1 and rows - 2 degrees of freedom, the rows those of the regression on the lag. `detail` has
        rho, its value under the null, its standard error, rows and entities.

    Raises
    ------
    IdentificationError
        If there are no entity effects, no entity has three rows, fewer than two entities have consecutive
        periods, or the fit is perfect.
    OptionError
        If the specification has weights or absorbed slopes, under which rho has another value under the null.
    PanelIndexError
        If the step of the dates is not known, so that no periods are consecutive.
    InputTypeError
        If `spec` is no FixedEffects specification, or `panel` no Panel.
    DigiprosperError
        As `FixedEffects.fit`.

    Notes
    -----
    Wooldridge (2010, section 10.5.4). On balanced panels it is ``pwartest`` of the R package plm.
    On unbalanced panels plm takes the number of periods for T; here ``rho_0 = -sum 1 / T_i / sum (T_i - 1) /
    T_i``, over the pairs, which is what independent errors give when entities have T_i rows. Stata's
    ``xtserial`` tests the residuals of first differences (null -.5): another statistic. With `absorb` and
    time effects the value under the null holds for many entities. A rejection asks for errors clustered by
    entity, which are the default here, or for a dynamic model.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"])
    >>> test = dp.wooldridge_ar1(spec, dp.datasets.us_states())
    >>> test.df, round(test.detail["rho_null"], 4)
    ((1.0, 766.0), -0.0625)
    """
    from scipy.special import fdtrc

    fitted = refit(spec, panel, "wooldridge_ar1")
    entity_effect(fitted, "wooldridge_ar1")
    refuse_slopes(fitted, "wooldridge_ar1")
    refuse_perfect_fit(fitted.results, "wooldridge_ar1")
    sample = fitted.prepared.sample
    _refuse_short(fitted)
    notices = issued(fitted)

    residuals = fitted.solved.residuals / fitted.solved.residuals.std()
    before = _one_period_before(residuals, sample.index, panel)
    found = persistence(residuals, before, sample.entity)
    _refuse_no_pairs(found)

    null = null_autocorrelation(before, sample.entity)
    statistic = (found.slope - null) ** 2 / found.variance
    df = (1.0, found.rows - 2.0)
    detail = {
        "rho": found.slope,
        "rho_null": null,
        "std_error": float(np.sqrt(found.variance)),
        "rows": found.rows,
        "entities": found.entities,
    }
    p = float(fdtrc(*df, statistic))
    name, hypothesis = "Wooldridge test of AR(1) errors", "the errors are serially uncorrelated"
    return TestResult(name, statistic, "F", df, p, hypothesis, detail, diagnostics=notices)


def _refuse_short(fitted: Fitted) -> None:
    """Refuse weights, and panels whose residuals have a correlation by construction alone."""
    prepared = fitted.prepared
    if prepared.obs_weights is not None:
        raise OptionError(
            "wooldridge_ar1 is not defined with obs_weights: with weighted means taken out, residuals of "
            "independent errors have another correlation. Fit without weights for this test.",
            [option_problem("obs_weights", prepared.options.obs_weights)],
        )
    most = int(np.bincount(prepared.sample.entity).max())
    if most < _FEW_PERIODS:
        raise IdentificationError(
            f"wooldridge_ar1: no entity has {_FEW_PERIODS} rows. Two residuals of an entity add up to zero, "
            "whatever the errors.",
            [Notice("few_periods", "fewer than three rows", {"most_rows": most})],
        )


def _one_period_before(residuals: Floats, index: pd.Index[Any], panel: Panel) -> Floats:
    """Residuals of the same entity one period earlier, missing where the sample has no such row."""
    table = table_of(panel)
    rows = table.index.get_indexer(index)
    whole = np.full(table.nobs, np.nan)
    whole[rows] = residuals
    return table.shift(whole, 1)[rows]


def _refuse_no_pairs(found: Persistence) -> None:
    """Refuse a regression that has too few rows, or errors that add up to zero in every entity."""
    if found.entities < 2 or found.rows <= 2:
        raise IdentificationError(
            f"wooldridge_ar1: only {counted(found.entities, 'entity', 'entities')} with "
            f"{counted(found.rows, 'pair')} of consecutive periods; at least two entities and three pairs "
            "are needed. Check the time key and the step of the panel.",
            [Notice("no_pairs", "too few pairs", {"pairs": found.rows, "entities": found.entities})],
        )
    if not found.variance > NO_VARIANCE**2:
        raise IdentificationError(
            "wooldridge_ar1: the variance of the coefficient of the lag is zero or missing: no test.",
            [Notice("no_variance", "no variance", {"rho": found.slope})],
        )


# --- rows of a result ---------------------------------------------------------------------------------------


class _Rows(NamedTuple):
    """Residuals of a result, codes of its entities and periods, and the entities behind the codes."""

    residuals: Floats
    entity: Ints
    time: Ints
    entities: pd.Index[Any]


def _rows(results: LinearResults, caller: str) -> _Rows:
    given: object = results
    if not isinstance(given, LinearResults):
        raise InputTypeError(
            f"{caller} takes the results of a linear model, what FixedEffects(...).fit(panel) returns, not "
            f"{type(given).__name__}."
        )
    refuse_perfect_fit(results, caller)
    index = results.index
    if not isinstance(index, pd.MultiIndex):
        raise IdentificationError(
            f"{caller} needs several periods of each entity, and these are results of a cross-section.",
            [Notice("cross_section", "one period", {"entity": results.key_names[0]})],
        )

    codes = np.asarray(index.codes[0], dtype=np.intp)
    entities = index.levels[0][np.unique(codes)]
    if len(entities) < 2:
        raise IdentificationError(
            f"{caller} compares entities, and the sample has one.",
            [Notice("one_entity", "one entity", {"entity": entities[0]})],
        )
    time, _ = compress(np.asarray(index.codes[1], dtype=np.intp))
    return _Rows(results.residuals, compress(codes)[0], time, entities)
