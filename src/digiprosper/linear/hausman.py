"""Tests of fixed against random effects: Mundlak's and Hausman's."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from digiprosper.checks import check_option, not_identified, option_error
from digiprosper.errors import IdentificationError, Notice, OptionError, counted, issue
from digiprosper.kernels import Floats
from digiprosper.kernels.tolerances import SINGULAR
from digiprosper.kernels.within import level_sums
from digiprosper.linear import auxiliary
from digiprosper.linear.estimation import (
    Demeaned,
    columns_at,
    demean_columns,
    fit_equation,
)
from digiprosper.linear.fixed_effects import Fitted, FixedEffects
from digiprosper.linear.kernels.restricted_wild import restricted_wild_test
from digiprosper.linear.preparation import Prepared
from digiprosper.linear.results import LinearResults
from digiprosper.panel import Panel
from digiprosper.report.estimates import wald_result
from digiprosper.report.notices import not_psd
from digiprosper.report.tests import TestResult, chi2_test
from digiprosper.report.variance import standard_errors

HausmanMethod = Literal["mundlak", "classical"]

_NULL = "the entity effects are uncorrelated with the regressors"
_MEAN = "mean of {}"
# Cells of the random-effects regressors, dummies of the periods included, that are
# written out.
_MOST_CELLS = 50_000_000


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
    covariances need not be positive definite; a warning reports this.

    The two methods can give different conclusions.

    Parameters
    ----------
    spec : FixedEffects
        The specification. It must have entity effects.
    panel : Panel
        The data.
    method : {"mundlak", "classical"}
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
    check_option("method", method, ("mundlak", "classical"))
    fitted = auxiliary.fit_for_test(spec, panel, "hausman")
    entity = auxiliary.entity_effect(fitted, "hausman")
    auxiliary.refuse_slopes(fitted, "hausman")
    auxiliary.refuse_perfect_fit(fitted.results, "hausman")
    notices = auxiliary.issue_fit_notices(fitted)
    if method == "classical":
        test = _classical(fitted, entity)
        issue(test.diagnostics)
    else:
        test = _mundlak(fitted, entity)
        # The classical test is an alternative where it is defined.
        with suppress(OptionError, IdentificationError):
            classical = {"classical": _classical(fitted, entity)}
            test = replace(test, alternatives={**test.alternatives, **classical})
    return replace(test, diagnostics=(*notices, *test.diagnostics))


# --- Mundlak's test -------------------------------------------------------------------


def _mundlak(fitted: Fitted, entity: str) -> TestResult:
    prepared = fitted.prepared
    names = [fitted.demeaned.names[j] for j in fitted.regressors]
    raw = columns_at(fitted.demeaned.raw, fitted.regressors)
    means = [_MEAN.format(name) for name in names]
    outcome = fitted.demeaned.raw[:, :1]

    beside = _without_entity_effects(prepared, entity)
    columns = np.hstack([outcome, raw, _entity_means(prepared, raw)])
    demeaned = demean_columns(beside, (fitted.results.depvar, *names, *means), columns)
    results, solved = fit_equation(
        beside, demeaned, 0, range(1, columns.shape[1]), auxiliary=demeaned.names
    )

    tested = [name for name in means if name in results.names]
    if not tested:
        raise not_identified(
            "no_means",
            "hausman: the means of the regressors do not vary between entities, so "
            "there is nothing to test.",
            terms=tuple(names),
        )
    form, notices = auxiliary.wald_statistic(results, tested, "hausman")
    issue(notices)
    test = wald_result(form, len(tested), math.inf, "Hausman test (Mundlak)", _NULL)
    if len(results.estimated.by_cluster) == 1 and np.isfinite(form):
        full = Fitted(results, beside, demeaned, solved).solved_with_intercept
        (sums,), (part,) = results.estimated.by_cluster, full.vcov.parts
        assert part.codes is not None
        # A bootstrap from residuals of pooled least squares would reject too often.
        residuals = full.weighted(_random_effects_residuals(fitted, demeaned, results))
        weights = np.eye(len(results.names))[np.isin(results.names, tested)]
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
    return replace(
        test, detail=auxiliary.coefficient_rows(results, tested), diagnostics=notices
    )


def _random_effects_residuals(
    fitted: Fitted, demeaned: Demeaned, results: LinearResults
) -> Floats:
    """Compute residuals under the null, those of random effects.

    A bootstrap from residuals of pooled least squares would reject too often. The
    variance of the effects is that of Swamy & Arora (1972).
    """
    prepared, k = fitted.prepared, len(fitted.regressors)
    entity, count = prepared.sample.entity, prepared.sample.n_entities
    w = prepared.row_weights
    rows = np.bincount(entity, w)
    noise = (
        fitted.solved.residuals
        @ fitted.solved.weighted_residuals
        / fitted.solved.df_resid
    )
    means = np.bincount(entity, w * results.residuals) / rows
    between = (
        means @ means / max(count - len(results.names), 1) - noise * (1 / rows).mean()
    )
    theta = 1 - np.sqrt(noise / (noise + rows * max(between, 0.0)))

    columns = demeaned.columns[:, : 1 + k]
    partly = columns - theta[entity, None] * _entity_means(prepared, columns)
    root = np.sqrt(w)[:, None]
    slopes = np.linalg.lstsq(
        partly[:, 1:] * root, partly[:, 0] * root[:, 0], rcond=None
    )[0]
    return np.asarray(columns[:, 0] - columns[:, 1:] @ slopes)


def _without_entity_effects(prepared: Prepared, entity: str) -> Prepared:
    """Drop the entity effect; cluster without a small-sample factor."""
    names, codes = prepared.cluster_names, prepared.cluster_codes
    if not names:
        names, codes = (entity,), (prepared.sample.entity,)
    options = replace(
        prepared.options,
        cov_type="clustered",
        clusters=names,
        bandwidth=None,
        ssc="none",
        collinear="drop",
    )
    other_effects = [name for name in prepared.effect_names if name != entity]
    return auxiliary.with_effects(
        prepared,
        other_effects,
        cluster_names=names,
        cluster_codes=codes,
        options=options,
    )


def _entity_means(prepared: Prepared, columns: Floats) -> Floats:
    """Compute the (weighted) means of columns by entity, for each row."""
    entity, count = prepared.sample.entity, prepared.sample.n_entities
    w, centre = prepared.row_weights, columns.mean(axis=0)
    sums = level_sums(entity, count, columns - centre, w)
    return np.asarray((sums / np.bincount(entity, w)[:, None])[entity] + centre)


# --- Hausman's test -------------------------------------------------------------------


def _classical(fitted: Fitted, entity: str) -> TestResult:
    _refuse_classical(fitted, entity)
    solved, regressors = fitted.solved, fitted.regressors
    fixed, k = solved.coefficients[: len(regressors)], len(regressors)
    variance = solved.residuals @ solved.residuals / solved.df_resid
    random, covariance = _random_effects(fitted)

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
    detail = pd.DataFrame(
        {"term": [fitted.demeaned.names[j] for j in regressors], **columns}
    )
    return chi2_test(
        "Hausman test", statistic, k, _NULL, detail=detail, diagnostics=notices
    )


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
            "hausman(method='classical'): the difference of the covariances of fixed "
            "and random effects is not positive definite, and the statistic is "
            "negative or not defined. Use method='mundlak', which needs no "
            "difference and allows for clusters.",
            least_eigenvalue=least,
            statistic=statistic,
        )
    if least > 0:
        return statistic, ()
    text = (
        "hausman(method='classical'): the covariance of fixed effects less that of "
        "random effects is not positive definite, so the statistic need not be "
        "chi-square under the null. Stata, plm and linearmodels give the same "
        "number; method='mundlak' needs no difference."
    )
    return statistic, (not_psd(["V_fe - V_re"], text),)


def _refuse_classical(fitted: Fitted, entity: str) -> None:
    """Refuse specifications for which the classical test is not defined."""
    prepared, sample = fitted.prepared, fitted.prepared.sample
    other_effects = [
        n for n in prepared.effect_names if n not in (entity, sample.keys.time_name)
    ]
    instead = "Use method='mundlak'."
    if other_effects:
        raise option_error(
            "absorb",
            tuple(other_effects),
            "hausman(method='classical') supports entity and time effects only, not "
            f"{', '.join(other_effects)}. {instead}",
        )
    if prepared.obs_weights is not None:
        raise option_error(
            "obs_weights",
            prepared.options.obs_weights,
            f"hausman(method='classical') is not defined with obs_weights. {instead}",
        )
    cells = sample.nobs * (len(fitted.regressors) + len(_period_codes(fitted)))
    if cells > _MOST_CELLS:
        raise option_error(
            "time_effects",
            value=True,
            text="hausman(method='classical') would need dummies of "
            f"{counted(sample.n_times, 'period')} for {sample.nobs:,} rows, which do "
            f"not fit into memory. {instead}",
        )


def _period_codes(fitted: Fitted) -> range:
    """Return the codes of periods with a dummy; empty without time effects."""
    sample = fitted.prepared.sample
    has_time = sample.keys.time_name in fitted.prepared.effect_names
    return range(1, sample.n_times if has_time else 1)


def _random_effects(fitted: Fitted) -> tuple[Floats, Floats]:
    """Estimate slopes of random effects and their covariance with linearmodels."""
    from linearmodels.panel.model import RandomEffects

    sample, regressors = fitted.prepared.sample, fitted.regressors
    positions = (0, *regressors)
    moments, raw = (
        fitted.demeaned.moments[list(positions)],
        columns_at(fitted.demeaned.raw, positions),
    )
    scaled = (raw - moments[:, 1]) / moments[:, 2]
    dummies = [
        (sample.time == code).astype(np.float64) for code in _period_codes(fitted)
    ]

    index = pd.MultiIndex.from_arrays([sample.entity, sample.time])
    outcome = pd.DataFrame(scaled[:, :1], index, ["y"])
    design = pd.DataFrame(
        np.column_stack([np.ones(len(raw)), scaled[:, 1:], *dummies]), index
    )
    design.columns = [f"x{i}" for i in range(design.shape[1])]
    try:
        results = RandomEffects(outcome, design, check_rank=False).fit()
    except ValueError as error:
        # No degrees of freedom in the between regression; those of the within
        # regression were checked.
        raise not_identified(
            "random_effects",
            f"hausman(method='classical'): random effects cannot be estimated. {error}",
            n_entities=sample.n_entities,
            k=len(regressors),
        ) from error

    k, units = len(regressors), moments[0, 2] / moments[1:, 2]
    slopes = results.params.to_numpy()[1 : k + 1] * units
    covariance = results.cov.to_numpy()[1 : k + 1, 1 : k + 1] * np.outer(units, units)
    return slopes, covariance
