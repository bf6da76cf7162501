"""What specification tests share: fits, and regressions on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import not_identified, option_error
from digiprosper.errors import Notice, issue, quoted, subject
from digiprosper.kernels import Floats
from digiprosper.kernels.tolerances import SINGULAR
from digiprosper.kernels.within import within
from digiprosper.linear.fixed_effects import (
    Fitted,
    FixedEffects,
    refuse_other_specification,
)
from digiprosper.linear.preparation import Prepared, count_parameters
from digiprosper.linear.results import LinearResults
from digiprosper.panel import Panel
from digiprosper.report.notices import FEW_CODES, not_psd, without
from digiprosper.report.tests import TestResult
from digiprosper.report.text import freedom_text

_ABOUT_ERRORS = (
    *FEW_CODES,
    "few_treated",
    "few_effective_clusters",
    "robust_inconsistent",
)


def fit_for_test(spec: FixedEffects, panel: Panel, caller: str) -> Fitted:
    """Fit a FixedEffects specification, not perfectly, without issuing notices."""
    refuse_other_specification(caller, spec)
    fitted = spec._fitted(panel)
    refuse_perfect_fit(fitted.results, caller)
    return fitted


def issue_fit_notices(fitted: Fitted) -> tuple[Notice, ...]:
    """Issue and return the notices about a fit, except those about standard errors."""
    notices = without(fitted.results.diagnostics, _ABOUT_ERRORS)
    issue(notices)
    return notices


def entity_effect(fitted: Fitted, caller: str) -> str:
    """Return the name of the entity effect; refuse a fit without, or with slopes."""
    keys = fitted.prepared.sample.keys
    name = keys.entity_name
    if fitted.prepared.entity_position is None:
        cure = f"set entity_effects=True (effects of {name})"
        if keys.rows_are_entities:
            cure = "each row is an entity here; specify the key, Panel(df, entity=...)"
        raise not_identified(
            "no_entity_effects",
            f"{caller} needs entity effects, but the specification has none: {cure}.",
            entity=name,
        )
    slopes = tuple(e.name for e in fitted.prepared.absorbed if e.slope is not None)
    if slopes:
        raise option_error(
            "absorb",
            slopes,
            f"{caller} is not defined with absorbed slopes ({quoted(slopes)}): omit "
            "them in absorb.",
        )
    return name


def refuse_perfect_fit(results: LinearResults, caller: str) -> None:
    """Refuse a fit whose residuals are zero up to rounding."""
    if any(notice.code == "perfect_fit" for notice in results.diagnostics):
        raise not_identified(
            "perfect_fit",
            f"{caller}: the fit is perfect, so there are no residuals to test. Check "
            "whether the outcome is computed from the regressors.",
            depvar=results.depvar,
        )


def with_effects(prepared: Prepared, names: Sequence[str], **fields: Any) -> Prepared:
    """Absorb only the named effects; `fields` replace others of the sample.

    Notices, leverage and Conley distances are dropped.
    """
    positions = [
        p for p, effect in enumerate(prepared.absorbed) if effect.name in names
    ]
    old, sample = prepared.within, prepared.sample
    effects = [old.effects_and_slopes[p] for p in positions]
    if effects and not any(p in old.constants for p in positions):
        # Slopes alone do not contain a constant.
        effects.append(np.zeros(sample.nobs, dtype=np.intp))
    absorbing = within(effects, sample.nobs, obs_weights=prepared.obs_weights)
    absorbed = tuple(prepared.absorbed[p] for p in positions)
    fields |= {"notices": (), "leverage": None, "near": None}
    changed = replace(prepared, within=absorbing, absorbed=absorbed, **fields)
    codes, entity = changed.cluster_codes, changed.entity_position
    count, _ = count_parameters(sample, absorbing, codes, entity)
    return replace(changed, count=count)


def joint_test(
    results: LinearResults, tested: Sequence[str], caller: str, *, name: str, null: str
) -> TestResult:
    """Test that the coefficients `tested` are zero."""
    form, weights, notices = wald_statistic(results, tested, caller)
    gap = weights @ results.coefficients
    test = results.estimated.joint_test(form, weights, gap, name=name, null=null)
    if np.isfinite(test.statistic):
        notices = ()
    issue(notices)
    return replace(test, diagnostics=(*notices, *test.diagnostics))


def coefficient_rows(results: LinearResults, names: Sequence[str]) -> pd.DataFrame:
    """Select the estimates, errors and t tests of named coefficients."""
    table = results.tidy()[["term", "estimate", "std_error", "statistic", "p_value"]]
    return table[table["term"].isin(names)].reset_index(drop=True)


def wald_statistic(
    results: LinearResults, names: Sequence[str], caller: str
) -> tuple[float, Floats, tuple[Notice, ...]]:
    """Compute the Wald statistic (chi-square) that named coefficients are zero.

    Also returns their weights (q, k). A notice is about a negative variance, where the
    statistic is missing.
    """
    weights = np.eye(len(results.names))[[*map(results.names.index, names)]]
    form, least = results.estimated.wald(weights, weights @ results.coefficients)
    under = f"under this covariance ({freedom_text(results.df_t)})"
    if np.isnan(least):
        without = [name for name in names if np.isnan(results.std_errors[name])]
        raise not_identified(
            "no_variance",
            f"{caller}: {subject(without, 'has')} no standard error {under}, so the "
            "test is not defined.",
            coefficients=tuple(without),
        )
    if abs(least) <= SINGULAR:
        raise not_identified(
            "singular_covariance",
            f"{caller}: {len(names)} coefficients cannot be tested together {under}: "
            "their covariance matrix is singular.",
            coefficients=tuple(names),
        )
    return form, weights, (not_psd("variance", names),) if least < 0 else ()
