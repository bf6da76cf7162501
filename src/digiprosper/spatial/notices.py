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
time_effects_bias       coefficient (rho or lambda), bias, std_error, coverage; not a warning
large_time_effects_bias coefficient (rho or lambda), bias, std_error, coverage
======================= ===================================================================================
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final

from digiprosper.errors import Notice, counted, quoted
from digiprosper.panel.keys import rows_text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "islands",
    "made_from_variable",
    "missing_neighbours",
    "near_end",
    "one_direction",
    "time_effects_bias",
    "unused_entities",
]

# Share of the length of the interval.
_NEAR_END: Final = 0.02
# In standard errors: a 95% interval with this bias covers 92%, or 83%.
_NOTED_BIAS: Final = 0.5
_LARGE_BIAS: Final = 1.0
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


def time_effects_bias(name: str, bias: float, std_error: float, n_entities: int) -> tuple[Notice, ...]:
    """Report a spatial coefficient that time effects bias by much.

    Parameters
    ----------
    name : {"rho", "lambda"}
        The coefficient.
    bias : float
        Its estimated bias.
    std_error : float
        Its standard error.
    n_entities : int
        Entities of the panel.

    Returns
    -------
    tuple of Notice
        For a bias of at least one standard error code large_time_effects_bias, which is issued as a warning;
        of at least half of one code time_effects_bias; or none.
    """
    distance = abs(bias) / std_error
    if distance < _NOTED_BIAS:
        return ()
    coverage = _NORMAL.cdf(_QUANTILE - distance) - _NORMAL.cdf(-_QUANTILE - distance)
    more = " The coverage for the effects is too low as well." if name == "rho" else ""
    text = (
        f"maximum likelihood with time effects and {n_entities} entities biases {name}, here by about "
        f"{bias:z.3f} ({distance:.1f} standard errors): a 95% interval of {name} contains the true value in "
        f"about {coverage:.0%} of samples.{more} Use bias_correction='lee_yu', and report it."
    )
    data = {"coefficient": name, "bias": bias, "std_error": std_error, "coverage": coverage}
    if distance < _LARGE_BIAS:
        return (Notice("time_effects_bias", text, data),)
    return (Notice("large_time_effects_bias", text, data),)
