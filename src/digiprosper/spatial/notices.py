"""Notices about spatial weights and models: one maker a code.

======================= ===================================================================================
code                    data
======================= ===================================================================================
islands                 entities, weights (name)
unused_entities         entities, weights (name)
missing_neighbours      column, count, rows (labels of the first five), weights (name)
one_direction           n_links, weights (name); not a warning
made_from_variable      variable, weights (name); not a warning
near_end                coefficient (rho or lambda), value, interval, weights (name)
time_effects_bias       as large_time_effects_bias, from half a standard error; not a warning
large_time_effects_bias coefficient (rho or lambda), bias, std_error, coverage, model, corrected (whether it
                        remains after the correction)
entity_effects_errors   n_times, coverage; not a warning
several_rows            terms (variable to the regressors that it is in); not a warning
model_not_estimated     model, tests (names)
======================= ===================================================================================
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final

from digiprosper.errors import Notice, cited, counted, quoted
from digiprosper.panel.keys import rows_text
from digiprosper.spatial.impacts import shared_variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from digiprosper.report.terms import Factors

# Share of the length of the interval.
_NEAR_END: Final = 0.02
# In standard errors: a 95% interval with this bias covers 92%, or 83%.
_NOTED_BIAS: Final = 0.5
_LARGE_BIAS: Final = 1.0
# The formula of the coverage of short panels is a little above simulated shares.
_LEAST_COVERAGE: Final = 0.925
# Below this the normal approximation says no more than that the interval misses.
_LEAST_PRINTED: Final = 0.05
_NORMAL: Final = NormalDist()
_QUANTILE: Final = _NORMAL.inv_cdf(0.975)


def islands(name: str, entities: Iterable[Any]) -> tuple[Notice, ...]:
    """Report entities without neighbours.

    Parameters
    ----------
    name : str
        Of the weights.
    entities : iterable
        Entities whose row of the weights is zero.

    Returns
    -------
    tuple of Notice
        Code islands, or none.
    """
    found = tuple(entities)
    if not found:
        return ()
    text = (
        f"{name}: {counted(len(found), 'entity has', 'entities have')} no neighbours ({quoted(found)}). "
        "Islands are kept, with a spatial lag of zero."
    )
    return (Notice("islands", text, {"entities": found, "weights": name}),)


def unused_entities(name: str, entities: Iterable[Any]) -> tuple[Notice, ...]:
    """Report entities of the weights that the panel does not have.

    Parameters
    ----------
    name : str
        Of the weights.
    entities : iterable
        Entities that were left out before the weights were standardised.

    Returns
    -------
    tuple of Notice
        Code unused_entities, or none.
    """
    found = tuple(entities)
    if not found:
        return ()
    text = (
        f"{name}: {counted(len(found), 'entity is', 'entities are')} not in the panel ({quoted(found)}) and "
        "left out of the weights before they are standardised, so that entities of the panel have fewer "
        "neighbours."
    )
    return (Notice("unused_entities", text, {"entities": found, "weights": name}),)


def missing_neighbours(name: str, column: str, count: int, rows: tuple[Any, ...]) -> tuple[Notice, ...]:
    """Report rows whose spatial lag is missing because a neighbour has no value.

    Parameters
    ----------
    name : str
        Of the weights.
    column : str
        What is lagged.
    count : int
        How many rows.
    rows : tuple
        Labels of the first five.

    Returns
    -------
    tuple of Notice
        Code missing_neighbours, or none.
    """
    if not count:
        return ()
    text = (
        f"{name}: the spatial lag of {column!r} is missing in {counted(count, 'row')} (first: "
        f"{rows_text(rows)}), because a neighbour has no value in that period."
    )
    data = {"column": column, "count": count, "rows": rows, "weights": name}
    return (Notice("missing_neighbours", text, data),)


def one_direction(name: str, n_links: int, n_mutual: int) -> tuple[Notice, ...]:
    """Report weights in which no link has one in the other direction.

    Parameters
    ----------
    name : str
        Of the weights.
    n_links : int
        How many links there are.
    n_mutual : int
        How many of them have one in the other direction.

    Returns
    -------
    tuple of Notice
        Code one_direction, or none.
    """
    if n_mutual or n_links < 2:
        return ()
    text = (
        f"{name}: each of the {n_links:,} links has one direction only. If neighbours are mutual, list every "
        "pair in both directions, or pass matrix + matrix.T."
    )
    return (Notice("one_direction", text, {"n_links": n_links, "weights": name}),)


def made_from_variable(name: str, variable: str | None) -> tuple[Notice, ...]:
    """Report weights that are made from an economic variable.

    Parameters
    ----------
    name : str
        Of the weights.
    variable : str or None
        The variable, if there is one.

    Returns
    -------
    tuple of Notice
        Code made_from_variable, or none.
    """
    if variable is None:
        return ()
    text = (
        f"{name} is made from {variable!r}. Spatial models take the weights as exogenous: if {variable!r} is "
        "the outcome, or is affected by it, the estimates are inconsistent (Qu & Lee 2015, Journal of "
        "Econometrics 184:209). Use values from before the sample, and compare with weights from geography."
    )
    return (Notice("made_from_variable", text, {"variable": variable, "weights": name}),)


def near_end(name: str, value: float, interval: tuple[float, float], weights: str) -> tuple[Notice, ...]:
    """Report a spatial coefficient near an end of its interval.

    Parameters
    ----------
    name : {"rho", "lambda"}
        The coefficient.
    value : float
        Its estimate.
    interval : pair of float
        Where I - rho W is invertible.
    weights : str
        Name of the weights.

    Returns
    -------
    tuple of Notice
        Code near_end, for a value within 2% of the interval's length of an end, or none.
    """
    low, high = interval
    if min(value - low, high - value) > _NEAR_END * (high - low):
        return ()
    text = (
        f"{name} = {value:.4g} is near an end of its interval ({low:.4g}, {high:.4g}), where effects are "
        "very large and normal intervals are not valid. The outcome may have a common trend or a unit root: "
        f"compare with time effects, first differences, and weights other than {weights!r}."
    )
    data = {"coefficient": name, "value": value, "interval": (low, high), "weights": weights}
    return (Notice("near_end", text, data),)


def biased_coefficient(
    name: str,
    bias: float,
    remains: float | None,
    std_error: float,
    n_entities: int,
    *,
    model: str,
    corrected: bool,
) -> tuple[Notice, ...]:
    """Report a spatial coefficient that time effects bias by much.

    Parameters
    ----------
    name : {"rho", "lambda"}
        The coefficient.
    bias : float
        Its estimated bias by maximum likelihood.
    remains : float or None
        What remains of the bias after the correction of Lee & Yu; None if they cannot be used, because rows
        of the weights have different sums.
    std_error : float
        Its standard error.
    n_entities : int
        Entities of the panel.
    model : str
        Option word of the model.
    corrected : bool
        Whether the estimates are corrected.

    Returns
    -------
    tuple of Notice
        For a bias of at least one standard error code large_time_effects_bias, which is issued as a warning;
        of at least half of one code time_effects_bias; or none.
    """
    value = remains if corrected and remains is not None else bias
    distance = abs(value) / std_error
    if distance < _NOTED_BIAS:
        return ()
    coverage = _NORMAL.cdf(_QUANTILE - distance) - _NORMAL.cdf(-_QUANTILE - distance)
    share = f"about {coverage:.0%}" if coverage >= _LEAST_PRINTED else f"less than {_LEAST_PRINTED:.0%}"
    size = f"about {value:z.3f} ({distance:.1f} standard errors)"
    how_much = f"; bias_correction='lee_yu' leaves {size}" if corrected else f", here by {size}"
    if remains is None:
        remedy = (
            "bias_correction='lee_yu' requires weights with equal row sums. Compare with row-standardised "
            "weights with few links, such as those of k_nearest, and report this bias."
        )
    elif corrected or abs(remains) >= _NOTED_BIAS * std_error:
        remedy = "Compare with weights that have fewer links or a faster decay, and report this bias."
        remedy = remedy if corrected else f"bias_correction='lee_yu' removes only a part of it. {remedy}"
    else:
        remedy = "Use bias_correction='lee_yu', and report it."
    more = " The coverage for the effects is too low as well." if name == "rho" else ""
    text = (
        f"maximum likelihood with time effects and {n_entities} entities biases {name} of the "
        f"{model.upper()}{how_much}: a 95% interval of {name} contains the true value in {share} of samples."
        f"{more} {remedy}"
    )
    data = {
        "coefficient": name,
        "bias": value,
        "std_error": std_error,
        "coverage": coverage,
        "model": model,
        "corrected": corrected,
    }
    if distance < _LARGE_BIAS:
        return (Notice("time_effects_bias", text, data),)
    return (Notice("large_time_effects_bias", text, data),)


def entity_effects_errors(n_times: int, *, can_correct: bool) -> tuple[Notice, ...]:
    """Report standard errors that entity effects make too small in a short panel.

    Parameters
    ----------
    n_times : int
        Periods T. The mean squared residual is too small by the factor (T - 1) / T.
    can_correct : bool
        Whether the correction of Lee & Yu can be used.

    Returns
    -------
    tuple of Notice
        Code entity_effects_errors, where the coverage of a 95% interval is below 92.5%: with up to 5 periods.
    """
    factor = sqrt((n_times - 1) / n_times)
    coverage = 2 * _NORMAL.cdf(_QUANTILE * factor) - 1
    if coverage >= _LEAST_COVERAGE:
        return ()
    remedy = "bias_correction='lee_yu'" if can_correct else "cov_type='clustered'"
    text = (
        f"with entity effects and {n_times} periods, the standard errors of maximum likelihood are too small "
        f"by the factor {factor:.2f}: a 95% interval contains the true value in about {coverage:.0%} of "
        f"samples. Use {remedy}."
    )
    return (Notice("entity_effects_errors", text, {"n_times": n_times, "coverage": coverage}),)


def several_rows(terms: Sequence[str], factors: Factors) -> tuple[Notice, ...]:
    """Report variables that are in several regressors, so that no row of the effects is theirs.

    Parameters
    ----------
    terms : sequence of str
        Regressors, spatial lags apart.
    factors : mapping
        What each is a product of.

    Returns
    -------
    tuple of Notice
        Code several_rows, or none.
    """
    shared = shared_variables(terms, factors)
    if not shared:
        return ()
    parts = [f"{cited(variable)} is in the terms {quoted(names)}" for variable, names in shared.items()]
    text = (
        f"{'; '.join(parts)}. These terms change together, so no row of the effects alone is the effect of "
        "the variable. Its effect at a value is the sum of the rows of its terms, each times the derivative "
        "of the term with respect to the variable. The results have the covariances of all rows in "
        "effects.covariance."
    )
    return (Notice("several_rows", text, {"terms": shared}),)


def model_not_estimated(model: str, rows: Sequence[str], reason: str) -> Notice:
    """Report a model of `spatial_tests` that has no estimates.

    Parameters
    ----------
    model : str
        Option word of the model.
    rows : sequence of str
        Tests that need it.
    reason : str
        Message of the error.

    Returns
    -------
    Notice
        Code model_not_estimated, which is issued as a warning.
    """
    verb = "is" if len(rows) == 1 else "are"
    text = f"the {model.upper()} has no estimates, so {quoted(rows)} {verb} missing: {reason}"
    return Notice("model_not_estimated", text, {"model": model, "tests": tuple(rows)})
