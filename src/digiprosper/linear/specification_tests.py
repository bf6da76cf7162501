"""Tests of a specification: of the fixed effects, and of the functional form."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    issue,
    not_identified,
    quoted,
)
from digiprosper.kernels.least_squares import ols
from digiprosper.kernels.tolerances import PERFECT_FIT
from digiprosper.linear.auxiliary import (
    issued,
    joint_test,
    refit,
    refuse_perfect_fit,
    rows_of_terms,
    with_effects,
)
from digiprosper.linear.estimation import columns_at, fit_equation
from digiprosper.report.tests import TestResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.linear.fixed_effects import Fitted, FixedEffects
    from digiprosper.linear.results import LinearResults
    from digiprosper.panel import Panel

_POWERS = ("fitted values, squared", "fitted values, cubed")


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
    fitted = refit(spec, panel, "poolability")
    effects = fitted.prepared.effect_names
    if not effects:
        raise not_identified(
            "no_effects",
            "poolability tests the absorbed effects, and the specification has none: "
            "set entity_effects or time_effects, or name effects in absorb.",
        )
    refuse_perfect_fit(fitted.results, "poolability")

    notices = issued(fitted)
    statistic, q, df, p = _effects_test(fitted, ())
    if q == 0:
        raise not_identified(
            "no_effects",
            f"poolability: the effects ({', '.join(effects)}) are the same constant "
            "for all rows of the sample, so there is nothing to test.",
            effects=effects,
        )
    rows = [
        _effects_test(fitted, [e for e in effects if e != name]) for name in effects
    ]
    detail = pd.DataFrame(rows, columns=["statistic", "df_num", "df_denom", "p_value"])
    detail.insert(0, "effect", list(effects))
    null = (
        f"the effects ({', '.join(effects)}) are all zero; independent errors with "
        "one variance"
    )
    return TestResult(
        "F test of the effects",
        statistic,
        "F",
        (q, df),
        p,
        null,
        detail,
        diagnostics=notices,
    )


def _effects_test(
    fitted: Fitted, other_effects: Sequence[str]
) -> tuple[float, float, float, float]:
    """Compute F, its degrees of freedom and p-value of all effects but some others."""
    from scipy.special import fdtrc

    solved, prepared = fitted.solved, fitted.prepared
    restricted = with_effects(prepared, other_effects)
    q, df = float(prepared.within.rank - restricted.within.rank), solved.df_resid
    if q <= 0:
        return float("nan"), 0.0, df, float("nan")

    positions = (0, *fitted.regressors)
    demeaned = restricted.within.demean(columns_at(fitted.demeaned.raw, positions))
    residuals = ols(
        demeaned[:, 1:], demeaned[:, 0], obs_weights=prepared.obs_weights
    ).residuals
    unrestricted = solved.residuals @ solved.weighted_residuals
    # Of two nearly equal sums the difference could come out negative by rounding.
    more = max(float(residuals @ solved.weighted(residuals) - unrestricted), 0.0)
    statistic = (more / q) / float(unrestricted / df)
    return statistic, q, df, float(fdtrc(q, df, statistic))


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
        F test with 2 and `df_t` degrees of freedom (G - 1 with G clusters). `detail` is
        a DataFrame with one row for the square and one for the cube of the standardised
        fitted values, and columns term, estimate, std_error, statistic and p_value.
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
    fitted = refit(spec, panel, "reset_test")
    refuse_perfect_fit(fitted.results, "reset_test")
    wider = _with_powers(fitted)
    null = "the square and the cube of the fitted values have no effect"
    test = joint_test(wider, _POWERS, "reset_test", name="RESET test", null=null)
    # The notices of few clusters are about t intervals; the bootstrap allows for few.
    drawn = "bootstrap" in test.method
    about_t = ("few_clusters", "very_few_clusters") if drawn else ()
    reported = [notice for notice in wider.diagnostics if notice.code not in about_t]
    issue(reported)
    notices = (*reported, *test.diagnostics)
    return replace(test, detail=rows_of_terms(wider, _POWERS), diagnostics=notices)


def _with_powers(fitted: Fitted) -> LinearResults:
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
        return fit_equation(prepared, demeaned, 0, positions, unread=demeaned.names)[0]
    except (CollinearityError, IdentificationError) as error:
        # Without the powers the same regression has been estimated.
        names = quoted(fitted.results.names)
        raise IdentificationError(
            "reset_test: powers of the fitted values cannot be added to the "
            f"regressors {names}: {error}",
            error.problems,
        ) from error
