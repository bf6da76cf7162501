"""Linear regression with fixed effects and instruments, and tests of these.

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
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np
import pandas as pd

from digiprosper.checks import check_level, finite_numbers, is_real
from digiprosper.errors import (
    IdentificationError,
    InputTypeError,
    MissingDataError,
    Notice,
    OptionError,
    TermError,
    cited,
    issue,
    notice_of,
    number_text,
    quoted,
    subject,
)
from digiprosper.kernels.covariance import Counts, Vcov
from digiprosper.kernels.equation import Solved, solve
from digiprosper.linear.diagnostics import lagged_outcome, staggered
from digiprosper.linear.distances import DistanceKernel
from digiprosper.linear.estimation import (
    Demeaned,
    counts_and_vcov,
    demean_roles,
    fit_equation,
    fit_notices,
    make_results,
    refuse_constant_outcome,
    refuse_names,
)
from digiprosper.linear.fixed_effects import check_regression_options
from digiprosper.linear.instrument_columns import (
    ColumnPositions,
    column_positions,
    leave_one_out_mean_notices,
    refuse_too_few,
    refuse_unidentified,
    usable_columns,
)
from digiprosper.linear.kernels.two_stage import (
    Projection,
    ReducedForms,
    confidence_set,
    cragg_donald,
    effective_f,
    kleibergen_paap,
    overidentification,
    project,
    reduced_forms,
    sanderson_windmeijer,
    solve_two_stage,
    statistic,
    without_small_sample_factors,
)
from digiprosper.linear.notices import LEAST_EFFECTIVE, in_memory_only
from digiprosper.linear.preparation import (
    CovType,
    LinearSpecification,
    Prepared,
    Ssc,
    prepare,
    refuse_corrected,
)
from digiprosper.linear.results import LinearResults
from digiprosper.linear.scanned import scanned
from digiprosper.linear.variance_checks import find_zero_variances
from digiprosper.linear.words import WORDS
from digiprosper.panel import Panel, PanelScan, Sample
from digiprosper.report.collection import ResultSet
from digiprosper.report.columns import Column, Remark, SharedRow, result_column
from digiprosper.report.notices import few_clusters
from digiprosper.report.protocol import Glance
from digiprosper.report.summary import Lines, Remarks, Summary
from digiprosper.report.tests import TestResult, chi2_test, f_test
from digiprosper.report.text import freedom_text, p_words
from digiprosper.report.variance import quadratic_form
from digiprosper.report.words import Words
from digiprosper.specification import TERM, TERMS, read_terms, refuse_repeats

_ROLES = ("y", "endog", "x", "instruments")

# F of a first stage below which instruments are weak (Staiger & Stock 1997).
_WEAK_F = 10.0
_F_WORDS = {
    "effective_f": "effective",
    "kp_rk_f": "Kleibergen-Paap",
    "cragg_donald": "Cragg-Donald",
}
# With half as many instruments as clusters, F of irrelevant instruments is 2 to 200.
_MANY_INSTRUMENTS = 0.5


@dataclass(frozen=True, slots=True)
class FixedEffectsIV(LinearSpecification):
    """Linear regression with fixed effects and instruments, by two-stage least squares.

    The model, with instruments z for d, is

    .. math:: y_{it} = d_{it}'b + x_{it}'c + a_i + l_t + ... + e_{it}

    The fixed effects are absorbed from all columns. The first stage regresses d
    on z and x, and the second stage regresses y on the fitted values of d and on x
    (Wooldridge 2010, section 5.2). Estimates, standard errors and degrees of freedom
    equal those with dummies.

    Parameters
    ----------
    y : str
        Outcome: a column or a term, as in `FixedEffects`.
    x : sequence of str
        Exogenous regressors: columns or terms. The list may be empty.
    endog : sequence of str
        Endogenous regressors: columns or terms.
    instruments : sequence of str
        Excluded instruments: columns or terms, at least as many as endogenous
        regressors. They must vary after the fixed effects are absorbed.
        `digiprosper.instruments` computes instruments such as shift-share variables.
    entity_effects, time_effects, absorb
        Fixed effects, as in `FixedEffects`.
    cov_type : str
        Type of the standard errors: ``"clustered"``, ``"robust"``, ``"unadjusted"``,
        ``"driscoll_kraay"``, ``"xtscc"`` or ``"conley"``, as in `FixedEffects`;
        ``"clustered"`` by default.
    clusters, bandwidth, ssc, obs_weights, singletons, missing, keep_rows, where
        As in `FixedEffects`. K in the small-sample correction counts the slopes of the
        second stage.
    coordinates, distance_cutoff, distance_kernel
        As in `FixedEffects`.
    collinear : {"raise", "drop"}
        What to do if a control or an instrument is absorbed by the fixed effects or is
        a linear combination of earlier columns. ``"raise"`` (default) raises an error;
        ``"drop"`` drops it and adds a notice to `diagnostics`. Endogenous regressors
        are never dropped.

    Raises
    ------
    OptionError, TermError
        By the constructor, if an option has an unknown value, there is no endogenous
        regressor or no instrument, or a term has two roles.
    ColumnError, InputTypeError, MissingDataError
        By `fit`, if a column cannot be used.
    IdentificationError, CollinearityError
        By `fit`, if the model is not identified: for example with fewer instruments
        than endogenous regressors.

    See Also
    --------
    FixedEffects : ordinary least squares.

    Examples
    --------
    >>> from digiprosper import FixedEffectsIV, datasets
    >>> spec = FixedEffectsIV("log(gsp)", ["unemp"], ["log(emp)"], ["lag(log(emp))"])
    >>> fit = spec.fit(datasets.us_states())
    >>> fit.params.round(3).to_dict()
    {'log(emp)': 0.859, 'unemp': -0.004}
    >>> round(fit.iv_tests["effective_f"])
    5145
    """

    y: str = field(metadata=TERM)
    x: Sequence[str] = field(metadata=TERMS)
    endog: Sequence[str] = field(metadata=TERMS)
    instruments: Sequence[str] = field(metadata=TERMS)
    _: KW_ONLY
    entity_effects: bool = True
    time_effects: bool = True
    absorb: Sequence[str] = ()
    cov_type: CovType = "clustered"
    clusters: Sequence[str] | None = None
    bandwidth: int | None = None
    coordinates: Sequence[str] | None = None
    distance_cutoff: float | None = None
    distance_kernel: DistanceKernel = "bartlett"
    ssc: Ssc = "reghdfe"
    obs_weights: str | None = None
    singletons: Literal["drop", "keep"] = "drop"
    collinear: Literal["raise", "drop"] = "raise"
    missing: Literal["drop", "raise"] = "drop"
    keep_rows: bool = True
    where: str | None = None

    def __post_init__(self) -> None:
        read_terms(self)
        for name in ("endog", "instruments"):
            if not getattr(self, name):
                raise TermError(
                    f"{name} is empty; specify at least one term, or use FixedEffects."
                )
        refuse_repeats(self, _ROLES)
        check_regression_options(self)
        refuse_corrected(type(self).__name__, self.cov_type)

    def fit(
        self,
        panel: Panel | PanelScan[Any],
        *,
        rng: object = None,  # noqa: ARG002
        progress: bool = False,  # noqa: ARG002
    ) -> IVResults:
        """Estimate the model.

        Parameters
        ----------
        panel : Panel
            The data, or a table that is larger than memory (`Panel.scan`).
        rng, progress
            Not used. All specifications have these arguments.

        Returns
        -------
        IVResults
            Coefficients of the endogenous regressors, then of `x`, with first stages
            and tests of the instruments.

        Raises
        ------
        ColumnError, TermError, InputTypeError, MissingDataError
            If `panel` is not a Panel, a column does not exist, a term cannot be read or
            evaluated, or no row is left. With ``missing="raise"`` also if a value is
            missing.
        IdentificationError, CollinearityError
            If the model is not identified.

        Warns
        -----
        IdentificationWarning
            If the instruments are weak; also as in `FixedEffects.fit`.
        MissingDataWarning, SingletonWarning, FewClustersWarning
            As in `FixedEffects.fit`.
        CovarianceWarning, NearCollinearWarning
            As in `FixedEffects.fit`.
        """
        regressors = {role: getattr(self, role) for role in _ROLES[1:]}
        if isinstance(panel, PanelScan):
            with scanned(self, panel, regressors) as (prepared, demeaned):
                positions = _checked_positions(self.y, prepared.sample)
                prepared.block_sums.refuse_instruments()
                results = two_stage(prepared, demeaned, positions)
        else:
            prepared = prepare(panel, {"y": (self.y,), **regressors}, self.options)
            positions = _checked_positions(self.y, prepared.sample)
            demeaned, _ = demean_roles(self.y, prepared, _ROLES[1:])
            results = two_stage(prepared, demeaned, positions)
        issue(results.diagnostics)
        return results


def _checked_positions(y: str, sample: Sample) -> ColumnPositions:
    """Return the columns by role; refuse repeated names, too few instruments."""
    names = (y, *(name for role in _ROLES[1:] for name in sample.names_of(role)))
    refuse_names(names[1:])
    positions = column_positions(sample)
    refuse_too_few(names, positions)
    return positions


def _projection(
    prepared: Prepared, demeaned: Demeaned, positions: ColumnPositions
) -> Projection:
    return project(
        demeaned.columns[:, 0],
        demeaned.select(positions.endog),
        demeaned.select(positions.controls),
        demeaned.select(positions.instruments),
        obs_weights=prepared.obs_weights,
    )


def two_stage(
    prepared: Prepared, demeaned: Demeaned, positions: ColumnPositions
) -> IVResults:
    """Estimate the equation, its first stages and its reduced form."""
    positions, dropped = usable_columns(prepared, demeaned, positions)
    refuse_constant_outcome(prepared, demeaned, 0)
    projected = _projection(prepared, demeaned, positions)
    endog = demeaned.names_at(positions.endog)
    refuse_unidentified(projected, endog)
    effects: Sequence[Any] = ()
    jackknifed = None
    if prepared.block_sums is None:
        effects = prepared.within.effects_and_slopes
    else:
        prepared, demeaned = _with_scores(prepared, demeaned, positions, projected)
        projected = _projection(prepared, demeaned, positions)
        jackknifed = prepared.block_sums.jackknife(projected)

    y, x = demeaned.columns[:, 0], demeaned.select(positions.regressors)
    solved = solve_two_stage(projected, y, x, *counts_and_vcov(prepared, x.shape[1]))
    at = (0, *positions.regressors)
    linear_results = make_results(
        prepared, demeaned, at, solved, (), report_indefinite=True
    )
    small = _with_small_sample_factors(prepared)
    *stages, reduced_form = [
        fit_equation(small, demeaned, j, positions.exogenous)[0]
        for j in (*positions.endog, 0)
    ]
    first_stage = ResultSet(tuple(zip(endog, stages, strict=True)))
    tests = _labelled(
        _instrument_tests(small, projected, solved, first_stage), prepared.sample
    )
    instruments = demeaned.names_at(positions.instruments)
    notices = [
        *_about_rows(prepared, demeaned),
        *dropped,
        *fit_notices(solved, demeaned, at),
        *linear_results.diagnostics,
        *lagged_outcome(prepared, roles=("endog", "x")),
        *leave_one_out_mean_notices(prepared, demeaned, positions),
        *_about_strength(endog, instruments, tests, reduced_form),
    ]
    if prepared.block_sums is not None:
        notices += in_memory_only(notices)
    return IVResults._of(
        linear_results,
        diagnostics=tuple(notices),
        endog=endog,
        instruments=instruments,
        first_stage=first_stage,
        reduced_form=reduced_form,
        iv_tests=tests,
        endogeneity=_endogeneity_test(small, demeaned, positions, projected),
        reduced_forms=reduced_forms(
            projected,
            counts_and_vcov(small, projected.basis.shape[1])[1],
            effects,
            jackknifed,
        ),
    )


def _with_small_sample_factors(prepared: Prepared) -> Prepared:
    # ivregress and ivreg2 have them in first stages and F, with and without ``small``.
    if prepared.options.ssc != "none":
        return prepared
    options, sums = replace(prepared.options, ssc="reghdfe"), prepared.block_sums
    if sums is not None:
        sums = replace(sums, rows=replace(sums.rows, options=options))
    return replace(prepared, options=options, block_sums=sums)


def _labelled(tests: Mapping[str, Any], sample: Sample) -> dict[str, Any]:
    """Add labels and factors to tests, for tables."""
    wording: dict[str, Any] = {"labels": sample.labels, "factors": sample.factors}
    return {
        name: replace(test, **wording) if isinstance(test, TestResult) else test
        for name, test in tests.items()
    }


def _with_scores(
    prepared: Prepared,
    demeaned: Demeaned,
    positions: ColumnPositions,
    projected: Projection,
) -> tuple[Prepared, Demeaned]:
    """Sum the scores of all equations over the blocks of a scanned table."""
    out: tuple[Prepared, Demeaned] = prepared.block_sums.with_scores(
        prepared,
        demeaned,
        positions.controls,
        (*positions.instruments, *positions.endog, 0),
        {
            positions.regressors: projected.basis @ projected.regressors,
            positions.exogenous: demeaned.select(positions.exogenous),
        },
    )
    return out


def _about_rows(prepared: Prepared, demeaned: Demeaned) -> list[Notice]:
    """Collect notices about rows, with those of few clusters for instruments."""
    few: list[Notice] = []
    for groups, name in zip(prepared.count.groups, prepared.cluster_names, strict=True):
        text = (
            f"t intervals with {freedom_text(groups - 1)} are used. Clustered standard "
            "errors and first-stage F are reliable with many clusters only. "
            "Anderson-Rubin sets are valid with few (jackknife covariance); Stata's "
            "boottest has a wild bootstrap for instruments (Davidson & MacKinnon 2010)."
        )
        few += few_clusters(groups, name, text)
    columns = range(1, len(demeaned.names))
    return [
        *prepared.other_notices,
        *few,
        *staggered(prepared, demeaned, columns, "iv"),
    ]


# --- tests of the instruments ---------------------------------------------------------


def _instrument_tests(
    prepared: Prepared,
    projected: Projection,
    solved: Solved,
    first_stage: Mapping[str, LinearResults],
) -> dict[str, float | TestResult]:
    """Compute the numbers and tests of `IVResults.iv_tests`."""
    count, vcov = counts_and_vcov(prepared, projected.basis.shape[1])
    q, m = projected.first_slopes.shape
    # Less absorbed effects, without the constant (ivreg2 ``dofminus``)
    rows = float(prepared.count.n - prepared.count.parameters + 1)
    out: dict[str, float | TestResult] = {
        f"first_stage_f:{name}": _first_stage_f(name, results, q)
        for name, results in first_stage.items()
    }
    for j, name in enumerate(first_stage if m > 1 else ()):
        out[f"sanderson_windmeijer_f:{name}"] = f_test(
            f"Sanderson-Windmeijer F of {name}",
            sanderson_windmeijer(projected, j, vcov),
            (q - m + 1, float(vcov.df_t)),
            f"the instruments do not explain {name} given the other endogenous "
            "regressors",
        )
    out |= _rank_tests(projected, count, vcov, rows)
    if m == 1:
        out["effective_f"], out["effective_f_critical"] = effective_f(projected, vcov)
    return {**out, **_overidentification_tests(projected, solved, rows)}


def _first_stage_f(name: str, results: LinearResults, q: int) -> TestResult:
    f = float("nan")
    if q <= results.df_t:
        excluded = np.eye(q, len(results.names))
        f = results.estimated.wald(excluded, results.coefficients[:q])[0] / q
    null = f"the instruments do not explain {name}"
    return f_test(f"First-stage F of {name}", f, (q, float(results.df_t)), null)


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


def _overidentification_tests(
    projected: Projection, solved: Solved, rows: float
) -> dict[str, TestResult]:
    """Compute Hansen's J under the fit's covariance, and Sargan's statistic."""
    q, m = projected.first_slopes.shape
    null = "the instruments are valid (overidentifying restrictions)"
    j = sargan = float("nan")
    if q == m:
        null = "none, with as many instruments as endogenous regressors"
    else:
        j = overidentification(
            projected, solved.residuals, without_small_sample_factors(solved.vcov, rows)
        )
        explained = projected.instruments.T @ solved.weighted_residuals
        variance = float(solved.residuals @ solved.weighted_residuals) / rows
        if variance > 0:  # without residuals it is 0 / 0
            sargan = float(explained @ explained) / variance
    return {
        "hansen_j": chi2_test("Hansen J", j, q - m, null),
        "sargan": chi2_test("Sargan", sargan, q - m, null),
    }


def _endogeneity_test(
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
    endog = demeaned.names_at(positions.endog)
    m = len(endog)
    k = len(positions.regressors) + m
    name = "Endogeneity test (regression-based)"
    null, f = f"{subject(endog, 'is')} exogenous", float("nan")
    count = prepared.count.with_slopes(k)
    if count.n <= count.parameters:
        return f_test(name, f, (m, float(count.n - count.parameters)), null)

    count, vcov = counts_and_vcov(prepared, k)
    if m <= vcov.df_t:
        x = demeaned.select(positions.regressors)
        design = np.hstack([x, projected.endog_residuals])
        y, weights = demeaned.columns[:, 0], prepared.obs_weights
        solved = solve(y, design, count, vcov, obs_weights=weights)
        root, middle = solved.root_and_middle()
        root[find_zero_variances(solved, root @ middle @ root.T)] = np.nan
        f = quadratic_form(solved.coefficients[-m:], root[-m:], middle)[0] / m
    return f_test(name, f, (m, float(vcov.df_t)), null)


def _about_strength(
    endog: tuple[str, ...],
    instruments: tuple[str, ...],
    tests: Mapping[str, Any],
    reduced_form: LinearResults,
) -> list[Notice]:
    """Report weak instruments, and instruments that vary in few clusters."""
    few = _few_for_anderson_rubin(reduced_form.diagnostics, instruments)
    statistic, critical, limit = "kp_rk_f", None, ""
    if "effective_f" in tests:
        statistic, critical = "effective_f", tests["effective_f_critical"]
        limit = f" (5% critical value for a bias of at most 10%: {critical:.1f})"
    value, clusters = tests[statistic], min(reduced_form.n_clusters, default=0)
    many = len(instruments) >= _MANY_INSTRUMENTS * clusters > 0
    if (few or many) and value >= _WEAK_F > tests["cragg_donald"]:
        why = "few clusters have the variation of an instrument"
        if many:
            why = f"{len(instruments)} instruments and {clusters} clusters"
        limit = f" (F with clusters, {value:.3g}, is too large: {why})"
        statistic, critical, value = "cragg_donald", None, tests["cragg_donald"]
    weak = value < _WEAK_F
    if not weak and (critical is None or not value < critical):
        return few
    # With instruments that vary in few clusters the Anderson-Rubin set is not valid.
    strength = notice_of(
        "weak_first_stage" if weak else "biased_first_stage",
        endog=endog,
        statistic=statistic,
        value=float(value),
        critical=critical,
        _f=_F_WORDS[statistic],
        _limit=limit,
        _instead="" if few else _valid_test(len(endog), weak=weak),
    )
    return [strength, *few]


def _valid_test(n_endog: int, *, weak: bool) -> str:
    """Write which test does not depend on the strength of instruments."""
    test = "the joint Anderson-Rubin test, results.anderson_rubin_test({...}), is"
    if n_endog == 1:
        test = "the Anderson-Rubin set, results.anderson_rubin(), is"
    also = "also valid with weak instruments. Report it instead"
    return f"; {test} {also if weak else 'not affected'}"


def _few_for_anderson_rubin(
    notices: Iterable[Notice], instruments: Sequence[str]
) -> list[Notice]:
    """Report instruments that vary in two clusters, from notices of a reduced form."""
    # See test_size_of_anderson_rubin_with_two_treated_clusters.
    out = []
    for few in (notice.data for notice in notices if notice.code == "few_treated"):
        effective = {name: term["effective"] for name, term in few["terms"].items()}
        terms = {
            name: effective[name]
            for name in instruments
            if effective.get(name, LEAST_EFFECTIVE) < LEAST_EFFECTIVE
        }
        if terms:
            fields = {"clusters": few["clusters"], "terms": terms}
            least = min(terms.values())
            out.append(notice_of("few_for_anderson_rubin", **fields, _least=least))
    return out


# --- results --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class IVResults(LinearResults):
    """Results of two-stage least squares, with first stages and instrument tests.

    Made by `FixedEffectsIV.fit`. It has all methods of `LinearResults`. R2 is computed
    from the outcome minus the fitted values at the observed regressors, as in Stata, so
    it may be negative.

    Parameters
    ----------
    endog, instruments : tuple of str
        Endogenous regressors and excluded instruments that were used.
    first_stage : ResultSet
        For each endogenous regressor, its regression on the instruments and controls: a
        `LinearResults` with the same type of standard errors.
    reduced_form : LinearResults
        Regression of the outcome on the instruments and controls.
    iv_tests : mapping
        Tests of the instruments. Each value is a number or a `TestResult`. Controls and
        fixed effects are partialled out.

        ``first_stage_f:x``
            F statistic of the instruments in the first stage of x, with the standard
            errors of the fit. First stages and F statistics have the small-sample
            correction of ``ssc="reghdfe"`` if the fit has none, as in Stata.
        ``sanderson_windmeijer_f:x``
            Conditional first-stage F of Sanderson & Windmeijer (2016), if there are
            several endogenous regressors.
        ``kp_rk_lm``
            LM test of underidentification of Kleibergen & Paap (2006), chi-square, with
            the covariance of the fit and no small-sample correction. It is missing if
            ``kp_rk_f`` is. With ``cov_type="unadjusted"`` it is Anderson's canonical
            correlation statistic n r^2, where n is reduced by the number of absorbed
            effects.
        ``kp_rk_f``
            Wald F statistic of Kleibergen & Paap (2006), with the small-sample
            correction of the fit. With one endogenous regressor it equals the
            first-stage F.
        ``cragg_donald``
            F statistic of Cragg & Donald (1993), which assumes independent errors with
            equal variances. Its residual degrees of freedom count the absorbed effects.
        ``effective_f``, ``effective_f_critical``
            Effective F of Montiel Olea & Pflueger (2013) and its 5% critical value for
            a bias of at most 10% of the worst case; only with one endogenous regressor.
        ``hansen_j``
            Hansen's J test of the overidentifying restrictions, with the covariance of
            the fit, at the two-step efficient GMM estimate. It is missing if the model
            is exactly identified.
        ``sargan``
            Sargan's test of the overidentifying restrictions, which assumes independent
            errors with equal variances. It is missing if the model is exactly
            identified.
    endogeneity : TestResult
        Result of `endogeneity_test`.
    reduced_forms : ReducedForms
        Slopes on the instruments and their covariance, for the Anderson-Rubin test.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp
    >>> z, u, *e = np.random.default_rng(1).normal(size=(4, 600))
    >>> keys = {
    ...     "city": np.repeat(np.arange(60), 10),
    ...     "year": np.tile(np.arange(10), 60),
    ... }
    >>> frame = pd.DataFrame(
    ...     {**keys, "z": z, "x": z + u + e[0], "y": z + 3 * u + e[0] + e[1]}
    ... )
    >>> fit = dp.FixedEffectsIV("y", [], ["x"], ["z"]).fit(
    ...     dp.Panel(frame, "city", "year")
    ... )
    >>> float(fit.params["x"].round(1)), round(fit.iv_tests["effective_f"])
    (0.9, 208)
    >>> [tuple(round(end, 1) for end in piece) for piece in fit.anderson_rubin()]
    [(0.6, 1.1)]
    """

    words: ClassVar[Words] = WORDS

    endog: tuple[str, ...]
    instruments: tuple[str, ...]
    first_stage: ResultSet
    reduced_form: LinearResults
    iv_tests: Mapping[str, float | TestResult]
    endogeneity: TestResult
    reduced_forms: ReducedForms

    # --- tests ------------------------------------------------------------------------

    @property
    def sargan(self) -> TestResult:
        """Sargan's test of the overidentifying restrictions.

        It is missing if the model is exactly identified.
        """
        return cast("TestResult", self.iv_tests["sargan"])

    def endogeneity_test(self) -> TestResult:
        """Test whether regressors in `endog` are exogenous, assuming valid instruments.

        The residuals of the first stages are added to the equation, which is estimated
        by least squares, and tested jointly (Hausman 1978; Wooldridge 1995). The
        covariance is of the type of the fit. Stata's ``estat endogenous`` after
        ``ivregress, vce(robust)`` computes this test. The option ``endog()`` of ivreg2
        computes another one, the difference of two J statistics.

        Returns
        -------
        TestResult
            F test. A small p-value is evidence that the regressors are endogenous.

        Examples
        --------
        >>> from digiprosper import FixedEffectsIV, datasets
        >>> spec = FixedEffectsIV(
        ...     "log(gsp)", ["unemp"], ["log(emp)"], ["lag(log(emp))"]
        ... )
        >>> test = spec.fit(datasets.us_states()).endogeneity_test()
        >>> test.df
        (1.0, 47.0)
        """
        return self.endogeneity

    def anderson_rubin(self, level: float = 0.95) -> list[tuple[float, float]]:
        """Compute the Anderson-Rubin confidence set of the endogenous coefficient.

        This is the coefficient of the endogenous regressor. The set has all values b0
        that the Anderson-Rubin test does not reject. The test regresses the outcome
        minus b0 times the regressor on controls and instruments, and tests the
        instruments jointly (Anderson & Rubin 1949). The set has the correct coverage
        also with weak instruments. With clusters in one way the covariance is that of
        the jackknife (CRV3) and F has Hotelling's factor, so that it holds with few
        clusters too; with clusters in several ways their covariances are added, without
        subtracting that of the intersections, which is conservative.

        Parameters
        ----------
        level : float
            Confidence level, .95 by default.

        Returns
        -------
        list of pairs of float
            Intervals (low, high) in ascending order. With weak instruments the set can
            be unbounded, so an end can be infinite, and there can be two intervals. The
            list is empty if the test rejects every value, which can happen if some
            instruments are not valid.

        Raises
        ------
        OptionError
            If there are several endogenous regressors: use `anderson_rubin_test`. Also
            if `level` is not between 0 and 1.
        IdentificationError
            If the test cannot be computed, for example with fewer clusters than
            instruments.

        Examples
        --------
        >>> from digiprosper import FixedEffectsIV, datasets
        >>> panel = datasets.us_states()
        >>> spec = FixedEffectsIV(
        ...     "log(gsp)", ["unemp"], ["log(emp)"], ["lag(log(emp))"]
        ... )
        >>> [
        ...     (round(low, 2), round(high, 2))
        ...     for low, high in spec.fit(panel).anderson_rubin()
        ... ]
        [(0.74, 0.97)]
        """
        from scipy.special import fdtri

        level = check_level(level)
        if len(self.endog) > 1:
            raise OptionError(
                "anderson_rubin() is for one endogenous regressor; there are "
                f"{len(self.endog)} ({quoted(self.endog)}). Test values of all of "
                "them jointly with anderson_rubin_test({...})."
            )
        self._check_test_exists()
        q = len(self.instruments)
        return confidence_set(
            self.reduced_forms, float(fdtri(q, self.reduced_forms.df_t, level))
        )

    def anderson_rubin_test(
        self, values: float | Mapping[str, float] | pd.Series[float] = 0.0
    ) -> TestResult:
        """Test coefficients of the endogenous regressors with the Anderson-Rubin test.

        The test has the correct size also with weak instruments. Its null hypothesis is
        that the coefficients have these values and that the instruments are valid.

        Parameters
        ----------
        values : float, mapping or Series
            Coefficient under the null hypothesis, 0 by default. With several endogenous
            regressors, a mapping with one coefficient for each.

        Returns
        -------
        TestResult
            F test. Its degrees of freedom are the number of instruments and those of
            the reduced form.

        Raises
        ------
        OptionError
            If a regressor is missing from `values`, or is not endogenous.
        InputTypeError
            If a value is not a finite number.
        IdentificationError
            If the test cannot be computed, for example with fewer clusters than
            instruments.

        Examples
        --------
        >>> from digiprosper import FixedEffectsIV, datasets
        >>> spec = FixedEffectsIV(
        ...     "log(gsp)", ["unemp"], ["log(emp)"], ["lag(log(emp))"]
        ... )
        >>> spec.fit(datasets.us_states()).anderson_rubin_test(1.0).p_value < 0.05
        True
        """
        chosen = self._check_values(values)
        self._check_test_exists()
        f = statistic(
            self.reduced_forms, np.array([chosen[name] for name in self.endog])
        )
        null = ", ".join(f"{name} = {chosen[name]:g}" for name in self.endog)
        df = (len(self.instruments), float(self.reduced_forms.df_t))
        return f_test("Anderson-Rubin test", f, df, null)

    def _check_values(self, values: object) -> dict[str, float]:
        if isinstance(values, pd.Series):
            values = dict(values.items())
        if not isinstance(values, Mapping):
            all_zero = np.isscalar(values) and values == 0
            if len(self.endog) > 1 and not all_zero:
                raise OptionError(
                    f"anderson_rubin_test: values={cited(values)} for "
                    f"{len(self.endog)} endogenous regressors; pass a mapping with a "
                    f"value for each of {quoted(self.endog)}."
                )
            values = dict.fromkeys(self.endog, values)
        by_regressor: Mapping[str, Any] = values
        if set(by_regressor) != set(self.endog):
            raise OptionError(
                f"anderson_rubin_test: values are for {quoted(by_regressor)}; pass "
                f"exactly one for each endogenous regressor, {quoted(self.endog)}."
            )
        return {name: _finite_value(by_regressor[name], name) for name in self.endog}

    def _check_test_exists(self) -> None:
        reduced, zeros = self.reduced_forms, np.zeros(len(self.endog))
        if np.isnan(statistic(reduced, zeros)) or reduced.df_t <= 0:
            raise IdentificationError(
                f"the Anderson-Rubin test is not defined: {len(self.instruments)} "
                "instruments cannot be tested jointly under this covariance "
                f"({self.conventions}). Use fewer instruments or another covariance."
            )

    # --- the protocol -----------------------------------------------------------------

    def glance(self) -> Glance:
        """Return summary numbers of the fit, such as the number of rows and R2.

        Returns
        -------
        Glance
            Beside what all results have: effective_f, effective_f_critical, kp_rk_lm
            with kp_rk_lm_p, cragg_donald, and hansen_p, or sargan_p with
            ``cov_type="unadjusted"``.
        """
        names = ("kp_rk_f", "effective_f", "effective_f_critical", "cragg_donald")
        tests: Any = {name: self.iv_tests.get(name, np.nan) for name in names}
        rank, overidentified, _ = self._summary_tests()
        tests |= {"kp_rk_lm": rank.statistic, "kp_rk_lm_p": rank.p_value}
        code = "sargan_p" if self.cov_type == "unadjusted" else "hansen_p"
        tests[code] = overidentified.p_value
        numbers = {name: None if np.isnan(f) else f for name, f in tests.items()}
        fit = {**LinearResults.glance(self), "model": "FixedEffectsIV", **numbers}
        return cast("Glance", fit)

    def without_rows(self) -> Self:
        """Return a copy without residuals, fitted values and row labels.

        They are also removed from the first stages and the reduced form.

        Returns
        -------
        IVResults
            The same estimates in less memory. Methods that need the rows raise an
            OptionError.
        """
        stages = tuple(
            (name, stage.without_rows()) for name, stage in self.first_stage.items()
        )
        return replace(
            LinearResults.without_rows(self),
            first_stage=ResultSet(stages),
            reduced_form=self.reduced_form.without_rows(),
        )

    @property
    def stages(self) -> IVStages:
        """First stages and second stage for one table, with tests of the instruments.

        ``etable(results.stages)`` prints them. With one instrument the effective F
        equals the F of the instrument and has no separate row. The Kleibergen-Paap F in
        `stats` of the table is that of the second stage.
        """
        single = len(self.endog) == 1
        labels = [
            "First stage" if single else f"First stage: {name}" for name in self.endog
        ]
        stages = zip(labels, self.first_stage.values(), strict=True)
        return IVStages((*stages, ("Second stage", self)))

    def table_columns(self, level: float = 0.95) -> tuple[Column, ...]:
        """Return the column of a table, with a note on the roles of columns.

        The note names endogenous regressors and instruments. If instruments are weak,
        there is also the Anderson-Rubin 95% set, with the p-value of zero.

        Parameters
        ----------
        level : float
            Confidence level of the intervals, .95 by default.

        Returns
        -------
        tuple of Column
            One column.
        """
        remark = Remark(
            "two_stage", {"endog": self.endog, "instruments": self.instruments}
        )
        factors = {**self.reduced_form.factors, **self.factors}
        column = result_column(self, level)
        weak = any("first_stage" in notice.code for notice in self.diagnostics)
        rows = self._anderson_rubin_rows() if weak else ()
        remarks = (remark, *column.remarks)
        return (replace(column, factors=factors, remarks=remarks, set_rows=rows),)

    def _anderson_rubin_rows(self) -> tuple[tuple[Remark, object], ...]:
        """Rows with the confidence set and the p-value of zero, for one regressor."""
        if len(self.endog) > 1:
            return ()
        try:
            intervals, test = self.anderson_rubin(), self.anderson_rubin_test(0)
        except IdentificationError:
            return ()
        pieces = ", ".join(intervals_text([interval]) for interval in intervals)
        return (
            (Remark("stage.set", {}, WORDS), pieces or "{}"),
            (Remark("stage.set_p", {}, WORDS), test.p_value),
        )

    def _summary(self) -> Summary:
        plain = LinearResults._summary(self)
        tests = Lines(("", *self._test_lines()), wrapped=True)
        remarks = Remarks.of(self.diagnostics, self._coverage("2SLS slope"))
        return replace(plain, blocks=(*plain.blocks[:-1], tests, remarks))

    def _test_lines(self) -> list[str]:
        endog, instruments = ", ".join(self.endog), ", ".join(self.instruments)
        lines = [
            f"Instrumented: {endog}. Instruments: {instruments}.",
            f"First stage: {self._first_stage_text()}.",
            *(
                f"{test.name}: {test._distribution()} = {test.statistic:z.4g}, "
                f"{p_words(test.p_value, digits=3)}."
                for test in self._summary_tests()
                if not np.isnan(test.statistic)
            ),
        ]
        if np.isnan(cast("float", self.iv_tests["kp_rk_f"])):
            lines.append(
                "The instruments cannot be tested jointly under this covariance: there "
                "are too few clusters or periods, or the covariance of two-way "
                "clusters is not positive definite."
            )
        if len(self.endog) == 1:
            try:
                text = f"95% set of {endog}: {intervals_text(self.anderson_rubin())}."
            except IdentificationError:
                text = f"set of {endog}: not available."
            lines.append(f"Anderson-Rubin {text}")
        return lines

    def _first_stage_text(self) -> str:
        tests: Mapping[str, Any] = self.iv_tests
        shown = {
            "effective F": tests.get("effective_f"),
            "Kleibergen-Paap F": tests["kp_rk_f"],
            "Cragg-Donald F": tests["cragg_donald"],
        }
        texts = [
            f"{name} {'not available' if np.isnan(f) else f'{f:.4g}'}"
            for name, f in shown.items()
            if f is not None
        ]
        if "effective_f" in tests and not np.isnan(tests["effective_f"]):
            critical = tests["effective_f_critical"]
            texts[0] += f" (5% critical value {critical:.1f} for a bias of 10%)"
        return ", ".join(texts)

    def _summary_tests(self) -> list[TestResult]:
        j_test = "sargan" if self.cov_type == "unadjusted" else "hansen_j"
        tests: Mapping[str, Any] = self.iv_tests
        return [tests["kp_rk_lm"], tests[j_test], self.endogeneity]

    def _more_numbers(self) -> dict[str, Any]:
        tests = {name: _test_as_dict(value) for name, value in self.iv_tests.items()}
        return LinearResults._more_numbers(self) | {
            "endog": self.endog,
            "instruments": self.instruments,
            "iv_tests": tests,
            "endogeneity_test": _test_as_dict(self.endogeneity),
            "first_stage": {
                name: stage.to_dict() for name, stage in self.first_stage.items()
            },
            "reduced_form": self.reduced_form.to_dict(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class IVStages(ResultSet):
    """First stages and second stage of one fit, for `etable`.

    `outcomes` has pairs of a title, ``"First stage"`` (``"First stage: x"`` if there
    are several) or ``"Second stage"``, and a result.
    """

    @property
    def table_heads(self) -> Mapping[str, Remark]:
        """Titles of the columns."""
        *firsts, second = self.labels
        endog = self[second].endog
        code = "stage.first" if len(firsts) == 1 else "stage.first.of"
        first = {
            label: Remark(code, {"name": (x,)}, WORDS)
            for label, x in zip(firsts, endog, strict=True)
        }
        return first | {second: Remark("stage.second", {}, WORDS)}

    @property
    def table_rows(self) -> tuple[SharedRow, ...]:
        """Rows with F of the first stages, and the tests of the instruments."""
        *firsts, second = self.labels
        fit = self[second]
        pairs = zip(firsts, fit.endog, strict=True)
        f = {label: fit.iv_tests[f"first_stage_f:{x}"].statistic for label, x in pairs}
        several = "effective_f" in fit.iv_tests and len(fit.instruments) > 1
        effective = {firsts[0]: fit.iv_tests["effective_f"]} if several else {}
        underidentified, overidentified, endogeneity = (
            test.p_value for test in fit._summary_tests()
        )
        # Hansen's test is in the rows of statistics.
        is_sargan = fit.cov_type == "unadjusted"
        zero = {row.code: {second: cell} for row, cell in fit._anderson_rubin_rows()}
        rows = {
            "stage.first_f": f,
            "stat.effective_f": effective,
            **zero,
            "stage.kp_lm": {second: underidentified},
            **({"stage.sargan": {second: overidentified}} if is_sargan else {}),
            "stage.endogeneity": {second: endogeneity},
        }
        return tuple((Remark(name, {}, WORDS), cells) for name, cells in rows.items())


def intervals_text(intervals: Sequence[tuple[float, float]]) -> str:
    """Write intervals in ascending order, such as ``"(-inf, -2.1] and [0.3, inf)"``."""
    if not intervals:
        return "empty (every value is rejected)"
    return " and ".join(
        ("(" if low == -np.inf else "[")
        + f"{number_text(low)}, {number_text(high)}"
        + (")" if high == np.inf else "]")
        for low, high in intervals
    )


def _test_as_dict(value: float | TestResult) -> Any:
    return dict(value._numbers().more) if isinstance(value, TestResult) else value


def _finite_value(value: object, name: str) -> float:
    number = float(value) if is_real(value) else float("nan")
    if np.isnan(number):
        raise InputTypeError(
            f"anderson_rubin_test: the value of {name} is {cited(value)}, not a number."
        )
    if not finite_numbers(number):
        raise MissingDataError(
            f"anderson_rubin_test: the value of {name} is {cited(value)}; it "
            "must be finite, also when squared."
        )
    return number
