"""Tests of the first stage, of overidentification and of endogeneity; weak instruments.

======================== ===============================================================
code                     data
======================== ===============================================================
weak_first_stage         endog, statistic ("effective_f", "kp_rk_f", or "cragg_donald"
                         where clusters are too few for these), value, critical; F below
                         10
few_for_anderson_rubin   clusters (name), terms (instruments to effective clusters)
biased_first_stage       as weak_first_stage, F from 10 to the critical value; not a
                         warning
======================== ===============================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from digiprosper.errors import Notice, quoted
from digiprosper.kernels import Floats
from digiprosper.kernels.covariance import Counts, Vcov
from digiprosper.kernels.equation import Solved, solve
from digiprosper.linear.estimation import Demeaned, counts_and_vcov
from digiprosper.linear.instrument_columns import ColumnPositions, selected_columns
from digiprosper.linear.kernels.two_stage import Projection
from digiprosper.linear.kernels.weak_instruments import (
    cragg_donald,
    effective_f,
    kleibergen_paap,
    overidentification,
    sanderson_windmeijer,
    without_small_sample_factors,
)
from digiprosper.linear.notices import LEAST_EFFECTIVE
from digiprosper.linear.preparation import Prepared
from digiprosper.linear.results import LinearResults
from digiprosper.linear.variance_checks import find_zero_variances
from digiprosper.report.tests import TestResult, chi2_test, f_test
from digiprosper.report.variance import quadratic_form

# F of a first stage below which instruments are weak (Staiger & Stock 1997).
_WEAK_F: Final = 10.0
_F_WORDS: Final = {
    "effective_f": "effective",
    "kp_rk_f": "Kleibergen-Paap",
    "cragg_donald": "Cragg-Donald",
}
# With as many instruments as half of the clusters F of irrelevant ones is 2 to 200.
_MANY_INSTRUMENTS: Final = 0.5


def instrument_tests(
    prepared: Prepared,
    projected: Projection,
    solved: Solved,
    first_stage: Mapping[str, LinearResults],
) -> dict[str, float | TestResult]:
    """Compute the numbers and tests of `IVResults.iv_tests`."""
    out: dict[str, float | TestResult] = {}
    for name, results in first_stage.items():
        out[f"first_stage_f:{name}"] = _first_stage_f(name, results, projected)
    count, vcov = counts_and_vcov(prepared, projected.basis.shape[1])
    if len(first_stage) > 1:
        out |= _sanderson_windmeijer_tests(projected, list(first_stage), vcov)
    out |= _rank_tests(projected, count, vcov, _large_sample_rows(prepared))
    if len(first_stage) == 1:
        effective = effective_f(projected, vcov)
        out |= {
            "effective_f": effective.statistic,
            "effective_f_critical": effective.critical,
        }
    return {**out, **_overidentification_tests(prepared, projected, solved)}


def _first_stage_f(
    name: str, results: LinearResults, projected: Projection
) -> TestResult:
    q = projected.instruments.shape[1]
    f = float("nan")
    if q <= results.df_t:
        excluded = np.eye(q, len(results.names))
        f = results.estimated.wald(excluded, results.coefficients[:q])[0] / q
    null = f"the instruments do not explain {name}"
    return f_test(f"First-stage F of {name}", f, (q, results.df_t), null)


def _sanderson_windmeijer_tests(
    projected: Projection, endog: list[str], vcov: Vcov
) -> dict[str, TestResult]:
    """Compute Sanderson and Windmeijer's F of each of several endogenous regressors."""
    q, m = projected.first_slopes.shape
    out = {}
    for j, name in enumerate(endog):
        f = sanderson_windmeijer(projected, j, vcov)
        null = (
            f"the instruments do not explain {name} given the other "
            "endogenous regressors"
        )
        test = f_test(
            f"Sanderson-Windmeijer F of {name}", f, (q - m + 1, vcov.df_t), null
        )
        out[f"sanderson_windmeijer_f:{name}"] = test
    return out


def _rank_tests(
    projected: Projection, count: Counts, vcov: Vcov, rows: float
) -> dict[str, float | TestResult]:
    """Compute Kleibergen-Paap's LM and F, and Cragg-Donald's F."""
    q, m = projected.first_slopes.shape
    net = projected.instruments @ projected.first_slopes + projected.endog_residuals
    rank_f = kleibergen_paap(projected, projected.endog_residuals, vcov) / q
    lm = kleibergen_paap(projected, net, without_small_sample_factors(vcov, rows))
    # With as many clusters as instruments the LM statistic always equals G.
    lm = float("nan") if np.isnan(rank_f) else lm
    null = "the instruments do not identify the coefficients (underidentification)"
    return {
        "kp_rk_lm": chi2_test("Kleibergen-Paap rk LM", lm, q - m + 1, null),
        "kp_rk_f": rank_f,
        "cragg_donald": cragg_donald(projected, float(count.n - count.parameters)),
    }


def _large_sample_rows(prepared: Prepared) -> float:
    """Count rows less absorbed effects, without the constant (ivreg2 ``dofminus``)."""
    return float(prepared.count.n - prepared.count.parameters + 1)


def _overidentification_tests(
    prepared: Prepared, projected: Projection, solved: Solved
) -> dict[str, TestResult]:
    """Compute Hansen's J under the fit's covariance, and Sargan's statistic."""
    q, m = projected.first_slopes.shape
    null = "the instruments are valid (overidentifying restrictions)"
    rows = _large_sample_rows(prepared)
    j = sargan = float("nan")
    if q == m:
        null = "none, with as many instruments as endogenous regressors"
    else:
        j = overidentification(
            projected, solved.residuals, without_small_sample_factors(solved.vcov, rows)
        )
        sargan = _sargan(projected, solved, rows)
    return {
        "hansen_j": chi2_test("Hansen J", j, q - m, null),
        "sargan": chi2_test("Sargan", sargan, q - m, null),
    }


def _sargan(projected: Projection, solved: Solved, rows: float) -> float:
    explained = projected.instruments.T @ solved.weighted_residuals
    variance = float(solved.residuals @ solved.weighted_residuals) / rows
    return float(explained @ explained) / variance


def endogeneity_test(
    prepared: Prepared,
    demeaned: Demeaned,
    positions: ColumnPositions,
    projected: Projection,
) -> TestResult:
    """Test whether endogenous regressors are exogenous, if the instruments are.

    The residuals of the first stages are added to least squares of the equation, and
    their coefficients tested jointly under the fit's covariance (Hausman 1978;
    Wooldridge 1995). F is missing with more regressors than rows or clusters allow, or
    if the scores add up to zero.
    """
    endog = [demeaned.names[j] for j in positions.endog]
    m, k = len(endog), len(positions.regressors) + len(endog)
    name, null = (
        "Endogeneity test (regression-based)",
        f"{quoted(endog)} {'is' if m == 1 else 'are'} exogenous",
    )
    count = prepared.count.with_slopes(k)
    if count.n <= count.parameters:
        return f_test(name, float("nan"), (m, float(count.n - count.parameters)), null)

    count, vcov = counts_and_vcov(prepared, k)
    f = float("nan")
    if m <= vcov.df_t:
        design = np.hstack(
            [
                selected_columns(demeaned, positions.regressors),
                projected.endog_residuals,
            ]
        )
        f = _joint_f(
            solve(
                demeaned.columns[:, 0],
                design,
                count,
                vcov,
                obs_weights=prepared.obs_weights,
            ),
            m,
        )
    return f_test(name, f, (m, vcov.df_t), null)


def _joint_f(solved: Solved, last: int) -> float:
    """Compute F of the last slopes of an equation."""
    root, middle = solved.root_and_middle()
    root[find_zero_variances(solved, root @ middle @ root.T)] = np.nan
    tested: Floats = solved.coefficients[-last:]
    return quadratic_form(tested, root[-last:], middle)[0] / last


def about_strength(
    endog: tuple[str, ...],
    instruments: tuple[str, ...],
    tests: dict[str, Any],
    reduced_form: LinearResults,
) -> list[Notice]:
    """Report weak instruments, and instruments that vary in few clusters."""
    few = _few_for_anderson_rubin(reduced_form.diagnostics, instruments)
    statistic = "effective_f" if "effective_f" in tests else "kp_rk_f"
    value, too_large = tests[statistic], ""
    clusters = min(reduced_form.n_clusters, default=0)
    many = len(instruments) >= _MANY_INSTRUMENTS * clusters > 0
    if (few or many) and value >= _WEAK_F > tests["cragg_donald"]:
        why = "few clusters have the variation of an instrument"
        if many:
            why = f"{len(instruments)} instruments and {clusters} clusters"
        statistic = "cragg_donald"
        too_large = f" (F with clusters, {value:.3g}, is too large: {why})"
    strength = _first_stage_strength(
        endog, tests, statistic, few=bool(few), too_large=too_large
    )
    return [*strength, *few]


def _first_stage_strength(
    endog: Sequence[str],
    tests: Mapping[str, Any],
    statistic: str,
    *,
    few: bool = False,
    too_large: str = "",
) -> list[Notice]:
    """Report weak instruments; with `few`, the Anderson-Rubin set is not valid.

    `too_large` says why F with clusters is too large to tell.
    """
    value, critical = tests[statistic], None
    if statistic == "effective_f":
        critical = tests["effective_f_critical"]
    weak = value < _WEAK_F
    if not weak and (critical is None or not value < critical):
        return []
    word = _F_WORDS[statistic]
    limit = (
        too_large
        if critical is None
        else f" (5% critical value for a bias of at most 10%: {critical:.1f})"
    )
    if len(endog) == 1:
        instead = "the Anderson-Rubin set, results.anderson_rubin(), is"
    else:
        instead = (
            "the joint Anderson-Rubin test, results.anderson_rubin_test({...}), is"
        )
    if weak:
        consequence = (
            "the instruments are weak. The estimate may be biased towards least "
            "squares, and its t interval may cover too rarely"
        )
        instead += " also valid with weak instruments. Report it instead"
    else:
        consequence = "the bias of the estimate may exceed 10% of the worst case"
        instead += " not affected"
    text = (
        f"{word} F = {value:.3g} of the first stage of {quoted(endog)}{limit}: "
        f"{consequence}{'' if few else f'; {instead}'}."
    )
    data = {
        "endog": tuple(endog),
        "statistic": statistic,
        "value": float(value),
        "critical": critical,
    }
    return [Notice("weak_first_stage" if weak else "biased_first_stage", text, data)]


def _few_for_anderson_rubin(
    notices: Iterable[Notice], instruments: Sequence[str]
) -> list[Notice]:
    """Report instruments that vary in two clusters, from notices of a reduced form."""
    # See test_size_of_anderson_rubin_with_two_treated_clusters.
    out = []
    for data in (notice.data for notice in notices if notice.code == "few_treated"):
        terms = {
            name: data["terms"][name]["effective"]
            for name in instruments
            if name in data["terms"]
            and data["terms"][name]["effective"] < LEAST_EFFECTIVE
        }
        if terms:
            text = (
                f"{quoted(terms)}: identified by {min(terms.values()):.1f} effective "
                f"clusters ({data['clusters']}), so Anderson-Rubin sets and tests are "
                "not valid, and F of the first stage may be too large: in simulated "
                "panels of 31 x 10 with an instrument "
                "that varies in two clusters a test at 5% rejected a true value in "
                "14%. Test the reduced form: dp.randomisation_test(spec, panel, term), "
                "where spec is a FixedEffects with the instrument as regressor."
            )
            named = {"clusters": data["clusters"], "terms": terms}
            out.append(Notice("few_for_anderson_rubin", text, named))
    return out
