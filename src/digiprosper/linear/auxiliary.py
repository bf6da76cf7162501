"""What tests of a specification share: the fit they start from, and other regressions on the same rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import (
    IdentificationError,
    Notice,
    OptionError,
    issue,
    option_problem,
    quoted,
)
from digiprosper.kernels.covariance import counts, ranks
from digiprosper.kernels.tolerances import SINGULAR
from digiprosper.kernels.within import within
from digiprosper.linear.fixed_effects import estimate, refuse_other_specification
from digiprosper.report.text import freedom_text
from digiprosper.report.variance import negative_variance, quadratic_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Ints
    from digiprosper.linear.fixed_effects import Fitted, FixedEffects
    from digiprosper.linear.preparation import LinearOptions, Prepared
    from digiprosper.linear.results import LinearResults
    from digiprosper.panel import Panel


def refit(spec: FixedEffects, panel: Panel, caller: str) -> Fitted:
    """Fit the specification that a test is about.

    Parameters
    ----------
    spec : FixedEffects
        The specification.
    panel : Panel
        The data.
    caller : str
        Function named in messages.

    Returns
    -------
    Fitted
        The fit with its sample; no notice is issued.

    Raises
    ------
    InputTypeError
        If it is another kind of specification, or a result.
    """
    refuse_other_specification(caller, spec)
    return estimate(spec, panel)


def issued(fitted: Fitted) -> tuple[Notice, ...]:
    """Issue the notices about a fit whose standard errors are not reported.

    Parameters
    ----------
    fitted : Fitted
        The fit.

    Returns
    -------
    tuple of Notice
        Its notices but those about standard errors.
    """
    others = {notice.code for notice in fitted.prepared.few} | {"few_treated", "robust_inconsistent"}
    notices = tuple(notice for notice in fitted.results.diagnostics if notice.code not in others)
    issue(notices)
    return notices


def entity_effect(fitted: Fitted, caller: str) -> str:
    """Name the entity effect.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    caller : str
        Function named in messages.

    Returns
    -------
    str
        Its name.

    Raises
    ------
    IdentificationError
        If the fit has none.
    """
    position = fitted.prepared.entity_position
    if position is None:
        name = fitted.prepared.sample.keys.entity_name
        raise IdentificationError(
            f"{caller} needs entity effects, and the specification has none: set entity_effects=True "
            f"(effects of {name}).",
            [Notice("no_entity_effects", "no entity effects", {"entity": name})],
        )
    return fitted.prepared.effect_names[position]


def refuse_perfect_fit(results: LinearResults, caller: str) -> None:
    """Refuse a fit whose residuals are rounding.

    Parameters
    ----------
    results : LinearResults
        The fit.
    caller : str
        Function named in messages.

    Raises
    ------
    IdentificationError
        If the residuals are zero.
    """
    if any(notice.code == "perfect_fit" for notice in results.diagnostics):
        raise IdentificationError(
            f"{caller}: the fit is perfect, so there are no residuals to test. Check whether the outcome is "
            "computed from the regressors.",
            [Notice("perfect_fit", "no residuals", {"depvar": results.depvar})],
        )


def refuse_slopes(fitted: Fitted, caller: str) -> None:
    """Refuse slopes by level among the absorbed effects.

    Parameters
    ----------
    fitted : Fitted
        The fit.
    caller : str
        Function named in messages.

    Raises
    ------
    OptionError
        If there are some.
    """
    slopes = [one.name for one in fitted.prepared.absorbed if one.slope is not None]
    if slopes:
        raise OptionError(
            f"{caller} is not defined with absorbed slopes ({quoted(slopes)}): omit them in absorb.",
            [option_problem("absorb", tuple(slopes))],
        )


def with_effects(prepared: Prepared, names: Sequence[str]) -> Prepared:
    """Keep only some of the effects of a sample.

    Parameters
    ----------
    prepared : Prepared
        Sample and effects.
    names : sequence of str
        Effects to keep. A constant for all rows replaces those that go.

    Returns
    -------
    Prepared
        The same rows, clusters and options, without notices.
    """
    places = [p for p, one in enumerate(prepared.absorbed) if one.name in names]
    old, sample = prepared.within, prepared.sample
    effects = [old.every[p] for p in places]
    if effects and not any(p in old.constants for p in places):
        # Slopes alone do not contain a constant.
        effects.append(np.zeros(sample.nobs, dtype=np.intp))
    absorbing = within(effects, sample.nobs, obs_weights=prepared.obs_weights)

    entity = prepared.entity_position
    position = places.index(entity) if entity in places else None
    taken = ranks(absorbing, prepared.cluster_codes, position)
    return replace(
        prepared,
        within=absorbing,
        absorbed=tuple(prepared.absorbed[p] for p in places),
        entity_position=position,
        count=counts(sample.nobs, 0, taken, prepared.cluster_codes, periods=sample.n_times),
        notices=(),
        few=(),
        leverage=None,
    )


def with_clusters(
    prepared: Prepared, names: Sequence[str], codes: Sequence[Ints], options: LinearOptions
) -> Prepared:
    """Choose other clusters and options for errors on the same rows.

    Parameters
    ----------
    prepared : Prepared
        Sample and effects.
    names : sequence of str
        Of the clusters.
    codes : sequence of (N,) arrays of int
        Codes without gaps of each.
    options : LinearOptions
        With the covariance.

    Returns
    -------
    Prepared
        Without notices.
    """
    taken = ranks(prepared.within, codes, prepared.entity_position)
    sample = prepared.sample
    return replace(
        prepared,
        cluster_names=tuple(names),
        cluster_codes=tuple(codes),
        options=options,
        count=counts(sample.nobs, 0, taken, codes, periods=sample.n_times),
        notices=(),
        few=(),
        leverage=None,
        near=None,
    )


def joint_f_test(
    results: LinearResults, names: Sequence[str], caller: str
) -> tuple[float, tuple[float, float], float, tuple[Notice, ...]]:
    """Test that some coefficients are zero.

    Parameters
    ----------
    results, names, caller
        As in `joint_form`.

    Returns
    -------
    f, df, p_value
        As from `LinearResults.f_of`.
    notices : tuple of Notice
        As from `joint_form`.

    Raises
    ------
    IdentificationError
        As in `joint_form`.
    """
    form, notices = joint_form(results, names, caller)
    tested = np.eye(len(results.names))[[results.names.index(name) for name in names]]
    return *results.f_of(form, tested), notices


def joint_form(results: LinearResults, names: Sequence[str], caller: str) -> tuple[float, tuple[Notice, ...]]:
    """Compute the Wald statistic of the hypothesis that some coefficients are zero.

    Parameters
    ----------
    results : LinearResults
        The fit.
    names : sequence of str
        Coefficients.
    caller : str
        Function named in messages.

    Returns
    -------
    form : float
        Distributed as chi-square with as many degrees of freedom as there are names. Missing, with a
        warning, where two-way clusters give them a covariance that is not positive definite.
    notices : tuple of Notice
        That warning, or nothing.

    Raises
    ------
    IdentificationError
        If there are more coefficients than the covariance allows, or one has no standard error.
    """
    places = [results.names.index(name) for name in names]
    form, least = quadratic_form(results.coefficients[places], results.root[places], results.middle)
    if np.isnan(least):
        without = [name for name in names if np.isnan(results.std_errors[name])]
        raise IdentificationError(
            f"{caller}: {quoted(without)} has no standard error under this covariance "
            f"({freedom_text(results.df_t)}), so it cannot be tested.",
            [Notice("no_variance", "no standard error", {"coefficients": tuple(without)})],
        )
    if abs(least) <= SINGULAR:
        raise IdentificationError(
            f"{caller}: {len(places)} coefficients cannot be tested together under this covariance "
            f"({freedom_text(results.df_t)}): their covariance matrix is singular.",
            [Notice("singular_covariance", "no inverse", {"coefficients": tuple(names)})],
        )
    notices = (negative_variance(names),) if least < 0 else ()
    issue(notices)
    return form, notices
