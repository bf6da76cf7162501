"""Tests of residuals, of fixed and random effects, and of the functional form.

================= ======================================================================
code              data
================= ======================================================================
rejects_too_often mean_rows (of an entity); not a warning
================= ======================================================================
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal, cast, get_args

import numpy as np
import pandas as pd
import scipy

from digiprosper.checks import (
    check_option,
    check_type,
    not_identified,
    option_error,
    several,
)
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    Notice,
    OptionError,
    cited,
    counted,
    issue,
    notice_of,
    quoted,
)
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.least_squares import dependences, ols
from digiprosper.kernels.tolerances import (
    EQUAL_SQUARES,
    NO_VARIANCE,
    PERFECT_FIT,
    SINGULAR,
)
from digiprosper.kernels.within import compress, level_sums
from digiprosper.linear import auxiliary
from digiprosper.linear.estimation import (
    Demeaned,
    collinear_problem,
    columns_at,
    demean_columns,
    fit_equation,
)
from digiprosper.linear.fixed_effects import Fitted, FixedEffects
from digiprosper.linear.kernels import residual_tests
from digiprosper.linear.kernels.wild import restricted_wild_test
from digiprosper.linear.preparation import LinearOptions, Prepared, prepare
from digiprosper.linear.results import LinearResults
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import check_panel, table_of
from digiprosper.report.estimates import wald_result
from digiprosper.report.notices import FEW_CODES, not_psd, without
from digiprosper.report.summary import stored_factors
from digiprosper.report.tests import TestResult, chi2_test, f_test
from digiprosper.report.variance import standard_errors
from digiprosper.specification import as_terms

_FEW_PERIODS = 3
_LEVENE_PERIODS = 20
_POWERS = ("fitted values, squared", "fitted values, cubed")
HausmanMethod = Literal["mundlak", "classical", "sigmamore"]

_NO_CORRELATION = "the entity effects are uncorrelated with the regressors"
# Up to so many cells the regressors of random effects, with dummies of the periods, are
# put into a frame.
_MOST_CELLS = 50_000_000


# --- residuals ------------------------------------------------------------------------


def pesaran_cd(results: LinearResults) -> TestResult:
    """Test for cross-sectional dependence of the residuals (Pesaran's CD test).

    ``z = sum_{i<j} sqrt(T_ij) rho_ij / (sum_{i<j} T_ij rho_ij^2)^(1/2)``, where rho_ij
    is the correlation of the residuals of entities i and j over their T_ij common
    periods. Under the null hypothesis that entities are independent z is standard
    normal. The test is two-sided.

    Parameters
    ----------
    results : LinearResults
        Results of a model without time effects. With time effects the residuals of each
        period add up to zero, so CD is about ``-sqrt(T / 2)`` for any correlation, and
        the test is not valid.

    Returns
    -------
    TestResult
        `statistic` is z. ``alternatives["stata"]`` is CD itself, as other programs
        print it. `detail` has the mean correlation, the mean absolute correlation, the
        number of pairs, the number of pairs that are left out (fewer than two common
        periods, or constant residuals), and the smallest number of common periods.

    Raises
    ------
    IdentificationError
        If there are time effects, or the residuals of each period add up to zero for
        another reason, such as time dummies among the regressors or an effect
        ``"region^year"``. Also in a cross-section, with one entity, if no pair has
        common periods, or if the fit is perfect.
    InputTypeError
        If `results` is not the result of a linear model.

    Notes
    -----
    ``CD = M^(-1/2) sum_{i<j} sqrt(T_ij) rho_ij`` with M pairs is that of Pesaran (2004,
    CESifo working paper 1229; 2015, Econometric Reviews 34:1089), also in unbalanced
    panels as in ``pcdtest(test = "cd")`` of plm, ``pesaran_cd`` of linearmodels and
    ``xtcd`` of Stata. It takes the variance of sqrt(T_ij) rho_ij to be 1, which it
    exceeds if errors are serially correlated; CD then rejects too often. z divides by
    the variance that CD has if the residuals of each entity are multiplied by a random
    sign, the same in all periods. Residuals are not weighted.

    Positive and negative correlations cancel, so the test has little power against
    common factors whose loadings have mean zero.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects(
    ...     "log(gsp)",
    ...     ["log(pcap)", "log(pc)", "log(emp)", "unemp"],
    ...     time_effects=False,
    ... )
    >>> test = dp.pesaran_cd(spec.fit(dp.datasets.us_states()))
    >>> round(test.statistic, 4), round(test.detail["mean_correlation"], 3)
    (14.3112, 0.219)
    """
    residuals, entity, time, _ = _residual_rows(results, "pesaran_cd")
    _refuse_time_effects(results, residuals, time)
    correlations = residual_tests.correlations_between(residuals, entity, time)
    if correlations.pairs == 0:
        raise not_identified(
            "no_pairs",
            "pesaran_cd: no two entities have residuals that vary over at least two "
            "common periods.",
            left_out=correlations.left_out,
        )

    cd = correlations.weighted_sum / np.sqrt(correlations.pairs)
    z = correlations.weighted_sum / np.sqrt(correlations.squared_sum)
    detail = {
        "mean_correlation": correlations.sum / correlations.pairs,
        "mean_absolute_correlation": correlations.absolute_sum / correlations.pairs,
        "pairs": correlations.pairs,
        "pairs_left_out": correlations.left_out,
        "fewest_common_periods": correlations.fewest_periods,
    }
    printed, test = (
        TestResult(
            name=f"Pesaran CD test of {results.depvar}",
            statistic=float(statistic),
            distribution="normal",
            df=None,
            p_value=float(2 * scipy.special.ndtr(-abs(statistic))),
            null="the errors of entities are uncorrelated with one another",
            detail=detail,
            labels=dict(results.labels),
            factors=dict(results.factors),
        )
        for statistic in (cd, z)
    )
    return replace(test, alternatives={"stata": printed})


def _refuse_time_effects(results: LinearResults, residuals: Floats, time: Ints) -> None:
    """Refuse residuals that add up to zero in every period."""
    by_name = results.key_names[1] in results.effect_names
    if not by_name and not residual_tests.has_no_period_means(residuals, time):
        return
    reason = "has time effects" if by_name else "absorbs the mean of every period"
    raise not_identified(
        "time_effects",
        f"pesaran_cd: the model {reason}, so the residuals of every period sum to "
        "zero and the statistic is about -sqrt(T / 2) for any correlation. Fit the "
        "model with time_effects=False and without time dummies; the test then "
        "shows whether time effects are needed.",
        effects=results.effect_names,
    )


def modified_wald(
    results: LinearResults, *, method: Literal["levene", "chi2"] = "levene"
) -> TestResult:
    """Test for groupwise heteroskedasticity: equal error variances of entities.

    ``"chi2"`` is the modified Wald test of Stata's ``xttest3``:
    ``W = sum_i (s2_i - s2)^2 / V_i``. Here ``s2_i = sum_t e_it^2 / T_i`` is the
    variance of the residuals of entity i,
    ``V_i = sum_t (e_it^2 - s2_i)^2 / (T_i (T_i - 1))`` is the variance of s2_i, and
    ``s2 = sum_it e_it^2 / n``. It is compared with the chi-square distribution with N
    degrees of freedom, one per entity. With 20 rows an entity or fewer it rejects
    nearly always, even if all variances are equal.

    ``"levene"`` compares the mean distances of the residuals from the medians of the
    entities by an analysis of variance (Levene 1960; Brown & Forsythe 1974, Journal of
    the American Statistical Association 69:364, for medians). Its p-value is from 999
    draws of AR(1) errors of one variance, with the pooled innovations of the residuals.
    Below 20 rows an entity no test can tell different variances from errors with heavy
    tails, and this one is refused.

    No test is needed for standard errors that do not assume equal variances, such as
    ``cov_type="clustered"``.

    Parameters
    ----------
    results : LinearResults
        Results of any linear model with at least two rows per entity.
    method : {"levene", "chi2"}
        The test; ``"levene"`` by default, since it rejects a true hypothesis about as
        often as it says.

    Returns
    -------
    TestResult
        F test with a p-value from draws, with the modified Wald test among its
        `alternatives`; or the chi-square test with N degrees of freedom. `detail` has
        the smallest, the mean and the largest number of rows of an entity, the smallest
        and the largest variance, and a ``note`` on the size of the test.

    Raises
    ------
    IdentificationError
        If there is only one entity, if an entity has only one row, or if V_i of an
        entity is zero. V_i is zero with two rows and entity effects, or if the fit of
        the entity is perfect. With ``"levene"`` also if entities have fewer than 20
        rows on average.
    OptionError
        If `method` is unknown.
    InputTypeError
        If `results` is not the result of a linear model.

    Notes
    -----
    Sources are Greene (2000, p. 598) and Baum (2001, Stata Journal 1:101). Residuals
    are not weighted. If an entity has only two rows and the model has entity effects,
    drop it with ``panel.subset``.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects(
    ...     "log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"]
    ... )
    >>> test = dp.modified_wald(spec.fit(dp.datasets.us_states()), method="chi2")
    >>> test.df, test.detail["mean_rows"]
    (48.0, 17.0)
    """
    check_option("method", method, ("levene", "chi2"))
    residuals, entity, time, entities = _residual_rows(results, "modified_wald")
    counts, means, variances = residual_tests.squares_by_entity(residuals, entity)
    flat = np.isnan(variances) | (variances <= EQUAL_SQUARES * means**2)
    if flat.any():
        raise _no_variance_error(results, list(entities[flat]), counts[flat].max())

    whole = float(residuals @ residuals) / residuals.size
    statistic = float(((means - whole) ** 2 / variances).sum())
    mean_rows = float(counts.mean())
    notice = notice_of("rejects_too_often", mean_rows=mean_rows)
    detail = {
        "fewest_rows": int(counts.min()),
        "mean_rows": mean_rows,
        "most_rows": int(counts.max()),
        "smallest_variance": float(means.min()),
        "largest_variance": float(means.max()),
        "note": notice.message,
    }
    null = "the errors of all entities have the same variance"
    wald = chi2_test("Modified Wald test", statistic, counts.size, null, detail=detail)
    if method == "chi2":
        return replace(wald, diagnostics=(notice,))
    return _levene_test(residuals, entity, time, wald)


def _levene_test(
    residuals: Floats, entity: Ints, time: Ints, wald: TestResult
) -> TestResult:
    """Compute Levene's test, with a p-value from simulated errors."""
    n, count = residuals.size, int(entity.max()) + 1
    if n / count < _LEVENE_PERIODS:
        raise not_identified(
            "few_periods",
            f"modified_wald: entities have {n / count:.3g} rows on average; with fewer "
            f"than {_LEVENE_PERIODS} no test can distinguish different variances from "
            "heavy tails. Standard errors clustered by entity do not assume equal "
            "variances; method='chi2' is the test of Stata's xttest3, which rejects "
            "nearly always.",
            mean_rows=n / count,
        )
    scaled = residuals / residuals.std()
    statistic = float(residual_tests.levene(scaled[None], entity)[0])
    draws = residual_tests.levene_draws(scaled, entity, time)
    return replace(
        wald,
        name="Levene test",
        statistic=statistic,
        distribution="F",
        df=(count - 1.0, float(n - count)),
        p_value=(1 + int((draws >= statistic).sum())) / (1 + draws.size),
        method=f"{draws.size:,} draws of errors with one variance",
        alternatives={"stata": wald},
    )


def _no_variance_error(
    results: LinearResults, labels: Sequence[Any], rows: int
) -> IdentificationError:
    """Build the error if squared residuals of entities, with few rows, do not vary."""
    return not_identified(
        "equal_squares",
        "modified_wald: the squared residuals of "
        f"{counted(len(labels), 'entity')} do not vary "
        f"({results.key_names[0]}: {quoted(labels)}; at most {counted(rows, 'row')} "
        "each), so the statistic is infinite. The test needs at least three rows "
        "per entity with entity effects, and two without. Drop these entities with "
        "panel.subset().",
        entities=labels[:5],
        count=len(labels),
    )


def wooldridge_ar1(spec: FixedEffects, panel: Panel) -> TestResult:
    """Test for serial correlation of the errors (Wooldridge).

    The model has entity effects. Entity effects make the residuals u of an entity add
    up to zero, so with independent errors the slope rho of the residuals on their lag
    is not 0 but rho_0 = ``-1 / (T - 1)``. The test imposes it: with
    ``r_i = sum_t (u_it - rho_0 u_it-1) u_it-1`` the score statistic is
    ``LM = (sum r_i)^2 / sum r_i^2``, and ``(N - 1) LM / (N - LM)`` is F(1, N - 1). It
    allows for variances that differ between entities.

    Parameters
    ----------
    spec : FixedEffects
        The specification. It must have entity effects.
    panel : Panel
        The data.

    Returns
    -------
    TestResult
        F test with 1 and N - 1 degrees of freedom, with N entities. `alternatives` has
        the test of ``pwartest`` in the R package plm. `detail` has rho, its value under
        the null hypothesis, its standard error, and the numbers of rows and entities.

    Raises
    ------
    IdentificationError
        If there are no entity effects, if no entity has three rows, if fewer than two
        entities have consecutive periods, or if the fit is perfect.
    OptionError
        If the specification has weights or absorbed slopes, for which rho_0 is not
        known.
    PanelIndexError
        If the step of time is not known.
    InputTypeError
        If `spec` is not a `FixedEffects`, or `panel` is not a Panel.
    DigiprosperError
        As in `FixedEffects.fit`.

    Notes
    -----
    The hypothesis is that of Wooldridge (2010, section 10.5.4), whose test compares
    ``(rho - rho_0)^2 / V`` with F(1, n - 2), where V is the variance of rho, clustered
    by entity, and n the rows of the regression. With few entities it rejects a true
    hypothesis in up to a quarter of the samples; it is ``alternatives["plm"]``, and in
    balanced panels it equals ``pwartest`` of the R package plm. In unbalanced panels
    plm sets T to the number of periods; here
    ``rho_0 = -(sum 1 / T_i) / (sum (T_i - 1) / T_i)``, with sums over the pairs of
    consecutive rows, where T_i is the number of rows of the entity. Stata's
    ``xtserial`` is another test: it uses the residuals of first differences, for which
    the null value is -.5. With time effects or `absorb`, rho_0 is approximate and needs
    many entities.

    If the test rejects, use standard errors clustered by entity (the default of
    `FixedEffects`) or a dynamic model.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects(
    ...     "log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"]
    ... )
    >>> test = dp.wooldridge_ar1(spec, dp.datasets.us_states())
    >>> test.df, round(test.detail["rho_null"], 4)
    ((1.0, 47.0), -0.0625)
    """
    fitted = auxiliary.fit_for_test(spec, panel, "wooldridge_ar1")
    auxiliary.entity_effect(fitted, "wooldridge_ar1")
    sample = fitted.prepared.sample
    _check_autocorrelation_sample(fitted)
    notices = auxiliary.issue_fit_notices(fitted)

    residuals = fitted.solved.residuals / fitted.solved.residuals.std()
    # Residuals of the period before, missing without such a row
    table = table_of(panel)
    rows = table.keys.index.get_indexer(sample.index)
    whole = np.full(len(table), np.nan)
    whole[rows] = residuals
    before = table.shift(whole, 1)[rows]
    regression = residual_tests.persistence(residuals, before, sample.entity)
    _refuse_no_pairs(regression)

    null = residual_tests.null_autocorrelation(before, sample.entity)
    statistic = (regression.slope - null) ** 2 / regression.variance
    detail = {
        "rho": regression.slope,
        "rho_null": null,
        "std_error": float(np.sqrt(regression.variance)),
        "rows": regression.rows,
        "entities": regression.entities,
    }
    name = "Wooldridge test of AR(1) errors"
    hypothesis = "the errors are serially uncorrelated"
    df = (1.0, regression.rows - 2.0)
    plain = f_test(name, statistic, df, hypothesis, detail=detail)
    score, entities = residual_tests.score_test(residuals, before, sample.entity, null)
    return f_test(
        name,
        score,
        (1.0, entities - 1.0),
        hypothesis,
        detail=detail,
        diagnostics=notices,
        alternatives={"plm": plain},
    )


def _check_autocorrelation_sample(fitted: Fitted) -> None:
    """Refuse weights, and panels without three rows per entity."""
    prepared = fitted.prepared
    if prepared.obs_weights is not None:
        raise option_error(
            "obs_weights",
            prepared.options.obs_weights,
            "wooldridge_ar1 is not defined with obs_weights, because the "
            "autocorrelation of the residuals under the null is not known. Fit without "
            "weights.",
        )
    most = int(np.bincount(prepared.sample.entity).max())
    if most < _FEW_PERIODS:
        raise not_identified(
            "few_periods",
            f"wooldridge_ar1: no entity has {_FEW_PERIODS} rows; two residuals of an "
            "entity always sum to zero.",
            most_rows=most,
        )


def _refuse_no_pairs(lagged: residual_tests.Persistence) -> None:
    """Refuse a regression with too few rows, or without variance."""
    if lagged.entities < 2 or lagged.rows <= 2:
        raise not_identified(
            "no_pairs",
            f"wooldridge_ar1: only {counted(lagged.entities, 'entity')} "
            f"with {counted(lagged.rows, 'pair')} of consecutive periods; at least "
            "two entities and three pairs are needed. Check the time key and the "
            "step of the panel.",
            pairs=lagged.rows,
            entities=lagged.entities,
        )
    if not lagged.variance > NO_VARIANCE**2:
        raise not_identified(
            "no_variance",
            "wooldridge_ar1: the variance of the coefficient of the lag is zero or "
            "missing, so the test is not defined.",
            rho=lagged.slope,
        )


# --- rows of a result -----------------------------------------------------------------


def _residual_rows(
    results: LinearResults, caller: str
) -> tuple[Floats, Ints, Ints, pd.Index[Any]]:
    """Return residuals, codes of entities and periods, and the entities."""
    of_model = "the results of a linear model, as of FixedEffects(...).fit(panel)"
    check_type(results, LinearResults, f"{caller} takes {of_model}")
    auxiliary.refuse_perfect_fit(results, caller)
    index = results.index
    if not isinstance(index, pd.MultiIndex):
        raise not_identified(
            "cross_section",
            f"{caller} needs several periods of each entity, but these are results of "
            "a cross-section.",
            entity=results.key_names[0],
        )

    codes = np.asarray(index.codes[0], dtype=np.intp)
    entities = index.levels[0][np.unique(codes)]
    if len(entities) < 2:
        raise not_identified(
            "one_entity",
            f"{caller} compares entities, and the sample has one.",
            entity=entities[0],
        )
    time, _ = compress(np.asarray(index.codes[1], dtype=np.intp))
    return results.residuals, compress(codes)[0], time, entities


# --- fixed effects and the functional form --------------------------------------------


def poolability(spec: FixedEffects, panel: Panel) -> TestResult:
    """Test whether all fixed effects are zero, against pooled least squares.

    ``F = ((SSR_0 - SSR_1) / q) / (SSR_1 / (n - k - r))``. SSR_1 is the sum of squared
    residuals with fixed effects, SSR_0 that with an intercept instead on the same rows.
    n is the number of rows, k the number of slopes, r the rank of all dummies, and q =
    r - 1. `detail` also tests each fixed effect given the others.

    The test assumes independent errors with equal variances, for any `cov_type` of the
    specification. A version with standard errors clustered by entity does not exist,
    because the clustered covariance matrix of the entity effects is zero. For this
    reason Stata's ``xtreg, fe vce(cluster)`` does not print the test.

    If the test rejects, this is not a reason to prefer fixed to random effects.
    `hausman` with ``method="mundlak"`` tests that, and allows for clusters.

    Parameters
    ----------
    spec : FixedEffects
        The specification. It must have at least one fixed effect.
    panel : Panel
        The data.

    Returns
    -------
    TestResult
        F test with (q, n - k - r) degrees of freedom. `detail` is a DataFrame with one
        row per fixed effect and columns effect, statistic, df_num, df_denom and
        p_value. The numbers are missing for an effect that is nested in the others.

    Raises
    ------
    InputTypeError
        If `spec` is not a `FixedEffects`, or `panel` is not a Panel.
    IdentificationError
        If there are no fixed effects, if they have only one level, or if the fit is
        perfect.
    DigiprosperError
        As in `FixedEffects.fit`.

    Notes
    -----
    The test is in Baltagi (2021, section 4.2). With one fixed effect it equals "F test
    that all u_i=0" of Stata's ``xtreg, fe``, and ``pFtest(within, pooling)`` of the R
    package plm. With two it equals plm's test of two-way effects. A row of `detail`
    equals Stata's test with dummies of the other effect among the regressors.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects(
    ...     "log(gsp)",
    ...     ["log(pcap)", "log(pc)", "log(emp)", "unemp"],
    ...     time_effects=False,
    ... )
    >>> test = dp.poolability(spec, dp.datasets.us_states())
    >>> round(test.statistic, 2), test.df
    (75.82, (47.0, 764.0))
    """
    fitted = auxiliary.fit_for_test(spec, panel, "poolability")
    effects = fitted.prepared.effect_names
    if not effects:
        raise not_identified(
            "no_effects",
            "poolability tests the absorbed effects, but the specification has none: "
            "set entity_effects or time_effects, or name effects in absorb.",
        )
    notices = auxiliary.issue_fit_notices(fitted)
    of_all = _effects_test(fitted, ())
    if np.isnan(of_all.statistic):
        raise not_identified(
            "no_effects",
            f"poolability: the effects ({', '.join(effects)}) are the same constant "
            "for all rows of the sample, so there is nothing to test.",
            effects=effects,
        )
    rows = []
    for name in effects:
        test = _effects_test(fitted, [e for e in effects if e != name])
        rows.append((name, test.statistic, *cast("Any", test.df), test.p_value))
    columns = ["effect", "statistic", "df_num", "df_denom", "p_value"]
    detail = pd.DataFrame(rows, columns=columns)
    return replace(of_all, detail=detail, diagnostics=notices)


def _effects_test(fitted: Fitted, other_effects: Sequence[str]) -> TestResult:
    """Test all effects but `other_effects`; no statistic if these span them."""
    name = "F test of the effects"
    effects = ", ".join(fitted.prepared.effect_names)
    null = f"the effects ({effects}) are all zero; independent errors with one variance"
    solved, prepared = fitted.solved, fitted.prepared
    restricted = auxiliary.with_effects(prepared, other_effects)
    q, df = float(prepared.within.rank - restricted.within.rank), solved.df_resid
    if q <= 0:
        return f_test(name, np.nan, (0, df), null)

    positions = (0, *fitted.regressors)
    demeaned = restricted.within.demean(columns_at(fitted.demeaned.raw, positions))
    residuals = ols(
        demeaned[:, 1:], demeaned[:, 0], obs_weights=prepared.obs_weights
    ).residuals
    unrestricted = solved.residuals @ solved.weighted_residuals
    # The difference of nearly equal sums may be negative by rounding.
    more = max(float(residuals @ solved.weighted(residuals) - unrestricted), 0.0)
    statistic = (more / q) / float(unrestricted / df)
    return f_test(name, statistic, (q, df), null)


def reset_test(spec: FixedEffects, panel: Panel) -> TestResult:
    """Test the functional form with powers of fitted values (Ramsey's RESET).

    The powers are squares and cubes. The fitted values are ``x'b`` without the fixed
    effects, as given by Stata's ``predict, xb`` after ``xtreg, fe``. Their square and
    cube are added to the regressors, and the two coefficients are tested jointly with
    the standard errors of the specification. The estimated fixed effects are not in the
    fitted values, because with few periods they are imprecise: each contains the mean
    error of its level. Without fixed effects this is the usual test.

    Parameters
    ----------
    spec : FixedEffects
        The specification, with any fixed effects and any `cov_type`.
    panel : Panel
        The data.

    Returns
    -------
    TestResult
        F test with 2 and `df_t` degrees of freedom (G - 1 with G clusters), whose
        p-value with clusters is from draws, as in `LinearResults.wald_test`. `detail`
        is a DataFrame with one row for the square and one for the cube of the
        standardised fitted values, and columns term, estimate, std_error, statistic and
        p_value.
        With two-way clusters the covariance matrix may not be positive definite; the
        statistic is then missing, with a warning.

    Raises
    ------
    InputTypeError
        If `spec` is not a `FixedEffects`, or `panel` is not a Panel.
    IdentificationError
        If the powers are linear combinations of the regressors (for example with a
        single dummy as regressor), if the covariance matrix has too little rank to test
        them, or if the fit is perfect.
    DigiprosperError
        As in `FixedEffects.fit`.

    Notes
    -----
    The test is that of Ramsey (1969, Journal of the Royal Statistical Society B
    31:350). If it rejects, the functional form is wrong, but the test does not show
    which form is correct. Try squares, interactions or logarithms that theory suggests,
    and see `u_test`. The test does not detect omitted variables that are unrelated to
    powers of the regressors.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects(
    ...     "log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"]
    ... )
    >>> test = dp.reset_test(spec, dp.datasets.us_states())
    >>> test.df
    (2.0, 47)
    """
    fitted = auxiliary.fit_for_test(spec, panel, "reset_test")
    wider = _fit_with_powers(fitted)
    null = "the square and the cube of the fitted values have no effect"
    test = auxiliary.joint_test(
        wider, _POWERS, "reset_test", name="RESET test", null=null
    )
    # Notices of few clusters are about t intervals, not the bootstrap.
    bootstrapped = "bootstrap" in test.method
    reported = without(wider.diagnostics, FEW_CODES if bootstrapped else ())
    issue(reported)
    detail = auxiliary.coefficient_rows(wider, _POWERS)
    return replace(test, detail=detail, diagnostics=(*reported, *test.diagnostics))


def _fit_with_powers(fitted: Fitted) -> LinearResults:
    """Regress on the regressors and the powers of their fitted values."""
    regressors = fitted.regressors
    values = (
        columns_at(fitted.demeaned.raw, regressors)
        @ fitted.solved.coefficients[: len(regressors)]
    )
    values = values - values.mean()
    spread, outcome = float(values.std()), fitted.demeaned.moments[0, 2]
    if spread <= PERFECT_FIT * outcome:
        raise not_identified(
            "flat_fit",
            "reset_test: the slopes are zero, so the fitted values do not vary and "
            "have no powers.",
            spread=spread,
            outcome=float(outcome),
        )
    values = values / spread
    powers: Any = np.column_stack([values**2, values**3])

    options = replace(fitted.prepared.options, collinear="raise")
    prepared = replace(fitted.prepared, options=options)
    demeaned = fitted.demeaned.with_columns(prepared, _POWERS, powers)
    positions = (*regressors, *demeaned.at(_POWERS))
    try:
        return fit_equation(prepared, demeaned, 0, positions, auxiliary=demeaned.names)[
            0
        ]
    except (CollinearityError, IdentificationError) as error:
        # Without the powers the same regression has been estimated.
        names = quoted(fitted.results.names)
        raise IdentificationError(
            "reset_test: powers of the fitted values cannot be added to the "
            f"regressors {names}: {error}",
            error.problems,
        ) from error


# --- fixed against random effects -----------------------------------------------------


def hausman(
    spec: FixedEffects, panel: Panel, *, method: HausmanMethod = "mundlak"
) -> TestResult:
    """Test fixed against random effects.

    The null hypothesis is that entity effects and regressors are not correlated.
    ``"mundlak"`` regresses the outcome on an intercept, the regressors and the entity
    means of the regressors, by pooled least squares. Other fixed effects of the
    specification are absorbed. It tests that the coefficients of the means are zero.
    Standard errors are clustered by entity, or by the `clusters` of the specification,
    without a small-sample correction. So the test allows for heteroskedasticity and
    serial correlation.

    ``"classical"`` is the test of Hausman: ``q'(V_fe - V_re)^-1 q``, with the
    difference q of the slopes of fixed and random effects (Swamy & Arora 1972) and
    their covariances. It assumes independent errors with equal variances, for any
    `cov_type`. With serially correlated errors it is not valid. The difference of the
    covariances need not be positive definite; a warning reports this. ``"sigmamore"``
    has the error variance of random effects in both covariances, as that option of
    Stata's `hausman`; their difference is then positive definite in most samples.

    The methods can give different conclusions.

    Parameters
    ----------
    spec : FixedEffects
        The specification. It must have entity effects.
    panel : Panel
        The data.
    method : {"mundlak", "classical", "sigmamore"}
        The test. The default is ``"mundlak"``, since errors in panels are usually
        correlated within entities.

    Returns
    -------
    TestResult
        `statistic` (chi-square), `df` (the number of regressors that are compared) and
        `p_value`. With ``"mundlak"`` the p-value is that of a restricted wild cluster
        bootstrap; the test with the chi-square distribution is
        ``alternatives["chi2"]``, and that of ``method="classical"``, where it is
        defined, is ``alternatives["classical"]``. `detail` is a DataFrame with one row
        per regressor.
        With ``"mundlak"`` it has term, estimate, std_error, statistic and p_value of
        the coefficient of the mean. With ``"classical"`` it has term, fixed, random,
        difference, and std_error of the difference.

    Raises
    ------
    OptionError
        If `method` is unknown, or slopes are absorbed. With ``"classical"`` also if the
        specification has weights or fixed effects other than entity and time, or if the
        time dummies need too much memory.
    IdentificationError
        If there are no entity effects, if no regressor has different means in different
        entities, or if there are more such regressors than clusters allow. With
        ``"classical"`` also if there are too few entities or the statistic is negative.
    InputTypeError
        If `spec` is not a `FixedEffects`, or `panel` is not a Panel.
    DigiprosperError
        As in `FixedEffects.fit`.

    Notes
    -----
    Sources are Mundlak (1978, Econometrica 46:69), Hausman (1978, Econometrica
    46:1251), Arellano (1993, Journal of Econometrics 59:87) and Wooldridge (2010,
    section 10.7.3).

    ``"mundlak"``: in a balanced panel the statistic equals that of
    ``phtest(method = "aux")`` of the R package plm with HC0 errors clustered by entity,
    and the slopes of the regression equal those of fixed effects. With time effects the
    time dummies are regressors too, but only the means of `x` are tested. A mean that
    does not vary between entities is dropped.

    With few clusters the chi-square distribution rejects a true hypothesis in 17 to 70%
    of the samples. The p-value is from 999 draws with a fixed seed: the residuals of
    random effects, which impose the hypothesis, are multiplied by one random sign (with
    up to 12 clusters, one of six points) per cluster, and the statistic of the draw is
    compared with that of the data (Cameron, Gelbach & Miller 2008, Review of Economics
    and Statistics 90:414). With clusters in several ways, or more than 1,000, it is
    chi-square.

    ``"classical"``: the variance of the entity effects is computed as in Stata's
    ``xtreg, re``, by linearmodels. It uses the residuals of the between regression and
    the harmonic mean of the numbers of periods. In balanced panels plm gives the same
    numbers. Time effects are dummies in both models and are not compared.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects(
    ...     "log(gsp)",
    ...     ["log(pcap)", "log(pc)", "log(emp)", "unemp"],
    ...     time_effects=False,
    ... )
    >>> states = dp.datasets.us_states()
    >>> test = dp.hausman(spec, states)
    >>> round(test.statistic, 1), test.df, round(test.p_value, 4)  # or print(test)
    (19.9, 4.0, 0.011)
    """
    check_option("method", method, get_args(HausmanMethod))
    fitted = auxiliary.fit_for_test(spec, panel, "hausman")
    entity = auxiliary.entity_effect(fitted, "hausman")
    notices = auxiliary.issue_fit_notices(fitted)
    if method != "mundlak":
        test = _classical(fitted, entity, method)
        issue(test.diagnostics)
    else:
        test = _mundlak(fitted, entity)
        # The classical test is an alternative where it is defined.
        with suppress(OptionError, IdentificationError):
            classical = {"classical": _classical(fitted, entity, "classical")}
            test = replace(test, alternatives={**test.alternatives, **classical})
    return replace(test, diagnostics=(*notices, *test.diagnostics))


# --- Mundlak's test -------------------------------------------------------------------


def _mundlak(fitted: Fitted, entity: str) -> TestResult:
    """Test whether entity means of the regressors have slopes of zero beside them."""
    prepared = fitted.prepared
    names = fitted.demeaned.names_at(fitted.regressors)
    raw = columns_at(fitted.demeaned.raw, fitted.regressors)
    means = [f"mean of {name}" for name in names]
    outcome = fitted.demeaned.raw[:, :1]

    pooled = _without_entity_effects(prepared, entity)
    columns = np.hstack([outcome, raw, _entity_means(prepared, raw)])
    demeaned = demean_columns(pooled, (fitted.results.depvar, *names, *means), columns)
    results, solved = fit_equation(
        pooled, demeaned, 0, range(1, columns.shape[1]), auxiliary=demeaned.names
    )

    tested = [name for name in means if name in results.names]
    if not tested:
        raise not_identified(
            "no_means",
            "hausman: the means of the regressors do not vary between entities, so "
            "there is nothing to test.",
            terms=tuple(names),
        )
    form, weights, notices = auxiliary.wald_statistic(results, tested, "hausman")
    issue(notices)
    title = "Hausman test (Mundlak)"
    test = wald_result(form, len(tested), math.inf, title, _NO_CORRELATION)
    if len(results.estimated.by_cluster) == 1 and np.isfinite(form):
        full = Fitted(results, pooled, demeaned, solved).solved_with_intercept
        (sums,), (part,) = results.estimated.by_cluster, full.vcov.parts
        assert part.codes is not None
        residuals = full.weighted(_random_effects_residuals(fitted, demeaned, results))
        p_value, method = restricted_wild_test(
            sums,
            weights,
            weights @ results.coefficients,
            restricted=level_sums(
                part.codes, part.levels, full.score_columns, residuals
            ),
        )
        chi2 = {"chi2": test}
        test = replace(test, p_value=p_value, method=method, alternatives=chi2)
        advice = "Keep the entity effects."
        notices = (*notices, *results.estimated.few_effective(weights, advice))
    detail = auxiliary.coefficient_rows(results, tested)
    return replace(test, detail=detail, diagnostics=notices)


def _random_effects_residuals(
    fitted: Fitted, demeaned: Demeaned, results: LinearResults
) -> Floats:
    """Compute residuals under the null, those of random effects.

    A bootstrap from residuals of pooled least squares would reject too often. The
    variance of the effects is that of Swamy & Arora (1972).
    """
    prepared, solved, k = fitted.prepared, fitted.solved, len(fitted.regressors)
    entity, w = prepared.sample.entity, prepared.row_weights
    rows = np.bincount(entity, w)
    noise = solved.residuals @ solved.weighted_residuals / solved.df_resid
    means = np.bincount(entity, w * results.residuals) / rows
    df = max(rows.size - len(results.names), 1)
    between = means @ means / df - noise * (1 / rows).mean()
    theta = 1 - np.sqrt(noise / (noise + rows * max(between, 0.0)))

    columns = demeaned.columns[:, : 1 + k]
    partly = columns - theta[entity, None] * _entity_means(prepared, columns)
    root = np.sqrt(w)[:, None]
    slopes = np.linalg.lstsq(partly[:, 1:] * root, partly[:, 0] * root[:, 0])[0]
    return np.asarray(columns[:, 0] - columns[:, 1:] @ slopes)


def _without_entity_effects(prepared: Prepared, entity: str) -> Prepared:
    """Drop the entity effect; cluster without a small-sample factor."""
    names = prepared.cluster_names or (entity,)
    codes = prepared.cluster_codes or (prepared.sample.entity,)
    options = replace(
        prepared.options,
        cov_type="clustered",
        clusters=names,
        bandwidth=None,
        ssc="none",
        collinear="drop",
    )
    return auxiliary.with_effects(
        prepared,
        [name for name in prepared.effect_names if name != entity],
        cluster_names=names,
        cluster_codes=codes,
        options=options,
    )


def _entity_means(prepared: Prepared, columns: Floats) -> Floats:
    entity, count = prepared.sample.entity, prepared.sample.n_entities
    w, centre = prepared.row_weights, columns.mean(axis=0)
    sums = level_sums(entity, count, columns - centre, w)
    return np.asarray((sums / np.bincount(entity, w)[:, None])[entity] + centre)


# --- Hausman's test -------------------------------------------------------------------


def _classical(fitted: Fitted, entity: str, method: str) -> TestResult:
    """Compare the slopes of fixed and of random effects."""
    _refuse_classical(fitted, entity)
    solved = fitted.solved
    k = len(fitted.regressors)
    fixed = solved.coefficients[:k]
    variance = float(solved.residuals @ solved.residuals) / solved.df_resid
    random, covariance, random_variance = _random_effects(fitted)
    name = "Hausman test"
    if method == "sigmamore":
        name, variance = f"{name} (sigmamore)", random_variance

    gap, difference = fixed - random, solved.bread * variance - covariance
    scale = np.sqrt(np.diag(solved.bread) * variance)
    statistic, notices = _hausman_statistic(
        gap / scale, difference / np.outer(scale, scale)
    )

    columns = {
        "fixed": fixed,
        "random": random,
        "difference": gap,
        "std_error": standard_errors(np.diag(difference)),
    }
    terms = fitted.demeaned.names_at(fitted.regressors)
    detail = pd.DataFrame({"term": terms, **columns})
    more = {"detail": detail, "diagnostics": notices}
    return chi2_test(name, statistic, k, _NO_CORRELATION, **more)


def _hausman_statistic(
    gap: Floats, difference: Floats
) -> tuple[float, tuple[Notice, ...]]:
    """Compute the statistic; report an indefinite difference of covariances."""
    values, vectors = np.linalg.eigh(difference)
    least = float(values[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = float(((vectors.T @ gap) ** 2 / values).sum())
    if np.abs(values).min() <= SINGULAR or statistic < 0:
        raise not_identified(
            "indefinite",
            "hausman: the difference of the covariances of fixed and random effects is "
            "not positive definite, and the statistic is negative or not defined. Use "
            "method='mundlak', which needs no difference and allows for clusters.",
            least_eigenvalue=least,
            statistic=statistic,
        )
    if least > 0:
        return statistic, ()
    return statistic, (not_psd("hausman", ["V_fe - V_re"]),)


def _refuse_classical(fitted: Fitted, entity: str) -> None:
    """Refuse specifications for which the classical test is not defined."""
    prepared, sample = fitted.prepared, fitted.prepared.sample
    other_effects = [
        n for n in prepared.effect_names if n not in (entity, sample.keys.time_name)
    ]
    cells = sample.nobs * (len(fitted.regressors) + len(_period_codes(fitted)))
    option: str
    value: object
    if other_effects:
        option, value = "absorb", tuple(other_effects)
        names = ", ".join(other_effects)
        why = f"supports entity and time effects only, not {names}"
    elif prepared.obs_weights is not None:
        option, value = "obs_weights", prepared.options.obs_weights
        why = "is not defined with obs_weights"
    elif cells > _MOST_CELLS:
        option, value = "time_effects", True
        why = (
            f"would need dummies of {counted(sample.n_times, 'period')} for "
            f"{sample.nobs:,} rows, which do not fit into memory"
        )
    else:
        return
    text = f"hausman with random effects {why}. Use method='mundlak'."
    raise option_error(option, value, text)


def _period_codes(fitted: Fitted) -> range:
    """Return the codes of periods with a dummy; empty without time effects."""
    sample = fitted.prepared.sample
    has_time = sample.keys.time_name in fitted.prepared.effect_names
    return range(1, sample.n_times if has_time else 1)


def _random_effects(fitted: Fitted) -> tuple[Floats, Floats, float]:
    """Estimate slopes of random effects, their covariance and the error variance."""
    from linearmodels.panel.model import RandomEffects

    sample, k = fitted.prepared.sample, len(fitted.regressors)
    positions = [0, *fitted.regressors]
    moments = fitted.demeaned.moments[positions]
    raw = columns_at(fitted.demeaned.raw, positions)
    scaled = (raw - moments[:, 1]) / moments[:, 2]
    dummies = [
        (sample.time == code).astype(np.float64) for code in _period_codes(fitted)
    ]

    index = pd.MultiIndex.from_arrays([sample.entity, sample.time])
    outcome = pd.DataFrame(scaled[:, :1], index, ["y"])
    columns = np.column_stack([np.ones(len(raw)), scaled[:, 1:], *dummies])
    design = pd.DataFrame(columns, index).add_prefix("x")
    try:
        results = RandomEffects(outcome, design, check_rank=False).fit()
    except ValueError as error:
        # No degrees of freedom in the between regression; those of the within
        # regression were checked.
        raise not_identified(
            "random_effects",
            f"hausman: random effects cannot be estimated. {error}",
            n_entities=sample.n_entities,
            k=k,
        ) from error

    units = moments[0, 2] / moments[1:, 2]
    slopes = results.params.to_numpy()[1 : k + 1] * units
    covariance = results.cov.to_numpy()[1 : k + 1, 1 : k + 1] * np.outer(units, units)
    return slopes, covariance, float(results.s2) * moments[0, 2] ** 2


# --- variance inflation ---------------------------------------------------------------


def vif(panel: Panel, x: Sequence[str]) -> pd.DataFrame:
    """Compute variance inflation factors, ``1 / (1 - R2_j)``.

    ``R2_j`` is the R2 of a regression of column j on all other columns and an
    intercept, without fixed effects and weights. Rows with a missing value are dropped.

    A regression with fixed effects uses only the variation that they leave. So these
    factors say little about the precision of its coefficients.

    Parameters
    ----------
    panel : Panel
        The data.
    x : sequence of str
        Regressors: columns or terms, as in `FixedEffects`. A category ``C(region)`` has
        one row per dummy.

    Returns
    -------
    DataFrame
        One row per column, with columns term, vif and tolerance (``1 / vif``).

    Raises
    ------
    InputTypeError
        If `panel` is not a Panel, or `x` is not a list of terms.
    ColumnError, TermError
        If a column does not exist, or a term cannot be read.
    IdentificationError
        If a column is constant, or the number of rows is not larger than the number of
        columns.
    CollinearityError
        If a column is a linear combination of others, so that its factor is infinite.

    Notes
    -----
    The factors equal those of Stata's ``estat vif`` after ``regress``, and of
    ``variance_inflation_factor`` of statsmodels with a constant among the columns. A
    large factor is not a reason to drop a control: this makes confidence intervals
    narrower but can bias the coefficients.

    Examples
    --------
    >>> import digiprosper as dp
    >>> dp.vif(dp.datasets.us_states(), ["log(pcap)", "log(emp)", "unemp"]).round(2)
            term    vif  tolerance
    0  log(pcap)  20.65       0.05
    1   log(emp)  20.50       0.05
    2      unemp   1.04       0.96
    """
    check_panel(panel, "vif")
    terms = as_terms(x, "x")
    if not terms:
        raise IdentificationError("vif: x is empty; specify at least one term.")
    options = LinearOptions(
        entity_effects=False, time_effects=False, cov_type="unadjusted"
    )
    prepared = prepare(panel, {"x": terms}, options)
    issue(prepared.notices)

    names = prepared.sample.names_of("x")
    demeaned = demean_columns(prepared, names, prepared.sample.columns("x"))
    _check_columns(demeaned)
    # The diagonal of the inverse of the correlations, by QR
    triangle = np.linalg.qr(demeaned.columns / demeaned.lengths, mode="r")
    inflation = np.maximum((np.linalg.inv(triangle) ** 2).sum(axis=1), 1.0)
    frame = pd.DataFrame(
        {"term": list(names), "vif": inflation, "tolerance": 1 / inflation}
    )
    frame.attrs = frame_attributes(prepared.sample, names)
    return frame


def frame_attributes(
    sample: Sample, names: Sequence[str]
) -> dict[Hashable | None, Any]:
    """Return the labels and factors that a frame stores for tables."""
    factors = stored_factors({name: sample.factors_of(name) for name in names})
    return {"labels": dict(sample.labels), "factors": factors}


def _check_columns(demeaned: Demeaned) -> None:
    """Refuse constant and collinear columns."""
    rows, count = demeaned.columns.shape
    problems = [
        Notice("constant", f"{cited(name)} is constant", {"column": name})
        for name in demeaned.names_at(np.flatnonzero(demeaned.absorbed))
    ]
    if problems:
        raise IdentificationError(
            f"vif: {several(problems)} in the rows without missing values.", problems
        )
    if rows <= count:
        raise not_identified(
            "rows",
            f"vif: {count} columns on {rows} rows; there must be more rows "
            "than columns.",
            rows=rows,
            columns=count,
        )
    problems = [
        collinear_problem(demeaned.names[column], demeaned.names_at(earlier))
        for column, earlier in dependences(demeaned.columns).items()
    ]
    if problems:
        raise CollinearityError(
            f"vif: {several(problems)}, so its factor is infinite. Omit one of them.",
            problems,
        )
