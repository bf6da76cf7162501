"""Tests of a specification: whether the effects are needed, and whether powers of the fit are missing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import CollinearityError, IdentificationError, Notice, issue, quoted
from digiprosper.kernels.least_squares import ols
from digiprosper.kernels.tolerances import PERFECT_FIT
from digiprosper.linear.auxiliary import issued, joint_form, refit, refuse_perfect_fit, with_effects
from digiprosper.linear.estimation import columns_at, fit_equation
from digiprosper.report.tests import TestResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.linear.fixed_effects import Fitted, FixedEffects
    from digiprosper.linear.results import LinearResults
    from digiprosper.panel import Panel

__all__ = ["poolability", "reset_test"]

_POWERS = ("fitted values, squared", "fitted values, cubed")


def poolability(spec: FixedEffects, panel: Panel) -> TestResult:
    """Test whether the absorbed effects are all zero, so that pooled least squares would do.

    ``F = ((SSR_0 - SSR_1) / q) / (SSR_1 / (n - k - r))``: SSR_1 is the sum of squared residuals with the
    effects, SSR_0 the one with an intercept in their place on the same rows, r the rank of all dummies and
    q = r - 1. `detail` tests each effect alone, given the others.

    It is the F test of independent errors with one variance, whatever `cov_type` of the specification. Under
    clusters by entity there is no robust version of it: the scores of an entity's dummy add up to zero inside
    its cluster, so the effects have no clustered covariance. Stata's ``xtreg, fe vce(cluster)`` leaves the
    test out for that reason. A rejection by itself is no reason to choose fixed over random effects;
    `hausman` with ``method="mundlak"`` tests that, and allows for clusters.

    Parameters
    ----------
    spec : FixedEffects
        With at least one effect.
    panel : Panel
        The data.

    Returns
    -------
    TestResult
        F with (q, n - k - r) degrees of freedom. `detail` is a DataFrame with one row an effect: effect,
        statistic, df_num, df_denom, p_value; numbers are missing for an effect that the others contain.

    Raises
    ------
    InputTypeError
        If `spec` is no FixedEffects specification, or `panel` no Panel.
    IdentificationError
        If there are no effects, or but one level of them, or the fit is perfect.
    DigiprosperError
        As `FixedEffects.fit`.

    Notes
    -----
    With one effect it is what Stata's ``xtreg, fe`` prints as "F test that all u_i=0", and
    ``pFtest(within, pooling)`` of the R package plm; with two, plm's for two-way effects. The row of an
    effect in `detail` is Stata's number where the dummies of the other effect are among the regressors.
    Baltagi (2021, section 4.2).

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"], time_effects=False)
    >>> test = dp.poolability(spec, dp.datasets.us_states())
    >>> round(test.statistic, 2), test.df
    (75.82, (47.0, 764.0))
    """
    fitted = refit(spec, panel, "poolability")
    effects = fitted.prepared.effect_names
    if not effects:
        raise IdentificationError(
            "poolability tests the absorbed effects, and the specification has none: set entity_effects or "
            "time_effects, or name effects in absorb.",
            [Notice("no_effects", "no effects", {})],
        )
    refuse_perfect_fit(fitted.results, "poolability")

    notices = issued(fitted)
    statistic, q, df, p = _effects_test(fitted, ())
    if q == 0:
        raise IdentificationError(
            f"poolability: the effects ({', '.join(effects)}) are the same constant for all rows of the "
            "sample, so there is nothing to test.",
            [Notice("no_effects", "one level", {"effects": effects})],
        )
    rows = [_effects_test(fitted, [e for e in effects if e != name]) for name in effects]
    detail = pd.DataFrame(rows, columns=["statistic", "df_num", "df_denom", "p_value"])
    detail.insert(0, "effect", list(effects))
    null = f"the effects ({', '.join(effects)}) are all zero; independent errors with one variance"
    return TestResult("F test of the effects", statistic, "F", (q, df), p, null, detail, diagnostics=notices)


def _effects_test(fitted: Fitted, others: Sequence[str]) -> tuple[float, float, float, float]:
    """F, its degrees of freedom and p-value of all effects but some others."""
    from scipy.special import fdtrc

    solved, prepared = fitted.solved, fitted.prepared
    restricted = with_effects(prepared, others)
    q, df = float(prepared.within.rank - restricted.within.rank), solved.df_resid
    if q <= 0:
        return float("nan"), 0.0, df, float("nan")

    places = (0, *fitted.regressors)
    swept = restricted.within.sweep(columns_at(fitted.swept.raw, places))
    left = ols(swept[:, 1:], swept[:, 0], obs_weights=prepared.obs_weights).residuals
    w = 1.0 if prepared.obs_weights is None else prepared.obs_weights
    unrestricted = float(solved.residuals @ solved.weighted_residuals)
    # Of two nearly equal sums the difference could come out negative by rounding.
    more = max(float(left @ (w * left)) - unrestricted, 0.0)
    statistic = (more / q) / (unrestricted / df)
    return statistic, q, df, float(fdtrc(q, df, statistic))


def reset_test(spec: FixedEffects, panel: Panel) -> TestResult:
    """Test the functional form: whether squares and cubes of the fitted values add to the regression.

    Ramsey's RESET. The fitted values are ``x'b`` without the effects, what Stata's ``predict, xb`` gives
    after ``xtreg, fe``. Their square and cube join the regressors, and are swept of the effects like them;
    the two coefficients are tested together under the covariance of the specification. The estimated effects
    stay out of the fitted values: each contains the mean error of its level, which does not vanish with few
    periods. Without effects the test is the usual one, since an intercept in the fitted values changes
    nothing.

    Parameters
    ----------
    spec : FixedEffects
        With any effects and any covariance.
    panel : Panel
        The data.

    Returns
    -------
    TestResult
        F with 2 and the t degrees of freedom of the fit (G - 1 when clustered). `detail` is a DataFrame with
        the two powers (of fitted values in standard deviations from their mean): term, estimate, std_error,
        statistic, p_value. The statistic is missing, with a warning, where two-way clusters give a covariance
        that is not positive definite.

    Raises
    ------
    InputTypeError
        If `spec` is no FixedEffects specification, or `panel` no Panel.
    IdentificationError
        If the powers are combinations of the regressors (a single 0/1 regressor) or cannot be tested under
        the covariance, or the fit is perfect.
    DigiprosperError
        As `FixedEffects.fit`.

    Notes
    -----
    Ramsey (1969, J. R. Statist. Soc. B 31:350). A rejection says that the form is wrong, not which is right;
    add squares or interactions that the question suggests, or take logs, and look at `u_test`. It says
    nothing about omitted variables that are not functions of the regressors.

    Examples
    --------
    >>> import digiprosper as dp
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pcap)", "log(pc)", "log(emp)", "unemp"])
    >>> test = dp.reset_test(spec, dp.datasets.us_states())
    >>> test.df
    (2.0, 47.0)
    """
    from scipy.special import fdtrc

    fitted = refit(spec, panel, "reset_test")
    refuse_perfect_fit(fitted.results, "reset_test")
    wider = _with_powers(fitted)
    issue(wider.diagnostics)
    form, notices = joint_form(wider, _POWERS, "reset_test")
    statistic = form / len(_POWERS)

    df = (float(len(_POWERS)), float(wider.df_t))
    columns = ["term", "estimate", "std_error", "statistic", "p_value"]
    detail = wider.tidy().loc[lambda f: f["term"].isin(_POWERS), columns].reset_index(drop=True)
    null = "the square and the cube of the fitted values have no effect"
    p = float(fdtrc(*df, statistic))
    return TestResult(
        "RESET test", statistic, "F", df, p, null, detail, diagnostics=(*wider.diagnostics, *notices)
    )


def _with_powers(fitted: Fitted) -> LinearResults:
    """Regress on the regressors and the powers of their fitted values."""
    kept = fitted.regressors
    values = columns_at(fitted.swept.raw, kept) @ fitted.solved.coefficients[: len(kept)]
    values = values - values.mean()
    spread, outcome = float(values.std()), fitted.swept.moments[0, 2]
    if spread <= PERFECT_FIT * outcome:
        raise IdentificationError(
            "reset_test: the slopes are zero, so the fitted values do not vary and have no powers.",
            [Notice("flat_fit", "no variation", {"spread": spread, "outcome": float(outcome)})],
        )
    values = values / spread
    powers: Any = np.column_stack([values**2, values**3])

    options = replace(fitted.prepared.options, collinear="raise")
    prepared = replace(fitted.prepared, options=options)
    swept = fitted.swept.with_columns(prepared, _POWERS, powers)
    places = (*kept, *swept.at(_POWERS))
    try:
        return fit_equation(prepared, swept, 0, places, unread=swept.names)[0]
    except (CollinearityError, IdentificationError) as error:
        # Without the powers the same regression has been estimated.
        names = quoted(fitted.results.names)
        raise IdentificationError(
            f"reset_test: powers of the fitted values cannot be added to the regressors {names}: {error}",
            error.problems,
        ) from error
