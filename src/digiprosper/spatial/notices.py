"""Notices about spatial weights and models.

======================= ================================================================
code                    data
======================= ================================================================
islands                 entities, weights (name)
unused_entities         entities, weights (name)
dropped_neighbours      entities (left out by Panel.balance), in_panel (number)
missing_neighbours      column, count, rows (labels of the first five), weights (name)
one_direction           n_links, weights (name)
far_neighbours          entities, longest, median (kilometres), weights (name)
made_from_variable      variable, weights (name); not a warning
near_end                coefficient (rho or lambda), value, interval, weights (name)
time_effects_bias       as large_time_effects_bias, from half a standard error; not a
                        warning
large_time_effects_bias coefficient (rho or lambda), bias, std_error, coverage, model,
                        likelihood
common_shocks           times (column), statistic, df, p_value, coefficients (rho or
                        lambda to its values without and with time effects); not a
                        warning
entity_effects_errors   n_times, coverage; not a warning
other_order             weights (name), column, entities (in the order of the table),
                        here, there (Moran's I in the order of W, and in theirs)
several_rows            terms (variable to the regressors that it is in); not a warning
model_not_estimated     model, tests (names)
======================= ================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

from digiprosper.errors import Notice, cited, counted, notice_of, quoted
from digiprosper.kernels import Floats
from digiprosper.panel.keys import Keys, rows_text
from digiprosper.report.terms import Factor, Factors
from digiprosper.report.text import p_words
from digiprosper.spatial.kernels.matrices import link_ends

# Share of the length of the interval.
_NEAR_END = 0.02
# In standard errors: a 95% interval with this bias covers 92%, or 83%.
_NOTED_BIAS = 0.5
_LARGE_BIAS = 1.0
# With independent shocks, one fit in a thousand would be reported.
_COMMON = 0.001
# The formula of the coverage of short panels is a little above simulated shares.
_LEAST_COVERAGE = 0.925
# A neighbour is far from so many times the median of farthest neighbours on, and
# from so many kilometres on.
_FAR = 7.0
_OCEAN = 1_000.0
# The rows of W seem to be in the order of the table, in which neighbours are more alike
# by so many standard deviations of orders drawn at random.
_MORE_ALIKE = 4.0
_ORDERS = 100
# Below this the normal approximation says no more than that the interval misses.
_LEAST_PRINTED = 0.05
_NORMAL = NormalDist()
_QUANTILE = _NORMAL.inv_cdf(0.975)


def about_weights(weights: Any) -> Iterator[Notice]:
    """Report entities without neighbours or not in a panel, and unusual links.

    `weights` are `SpatialWeights`, whose module imports this one.
    """
    name, made_from = weights.name, weights.made_from
    if left_out := weights.left_out:
        count = counted(len(left_out), "entity is", "entities are")
        yield notice_of(
            "unused_entities", entities=left_out, weights=name, _count=count
        )
    if islands := weights.islands:
        count = counted(len(islands), "entity has", "entities have")
        yield notice_of("islands", entities=islands, weights=name, _count=count)
    n_links = weights.n_links
    if n_links > 1 and not weights.pattern.n_mutual:
        yield notice_of("one_direction", n_links=n_links, weights=name)
    longest_links = weights._longest_links
    median = longest_links.median()
    far = longest_links[longest_links > max(_FAR * median, _OCEAN)]
    if far.size:
        yield notice_of(
            "far_neighbours",
            entities=tuple(far.index),
            longest=float(far.max()),
            median=float(median),
            weights=name,
        )
    if made_from is not None:
        yield notice_of("made_from_variable", variable=made_from, weights=name)


def other_order(
    weights: Any, keys: Keys, column: str, values: Floats
) -> Iterator[Notice]:
    """Report weights in the order of the table by balanced values (NT,) of a column."""
    order = keys.in_table
    if order is None or weights.made_by or not weights.entities.equals(keys.entities):
        return
    at = keys.entities.get_indexer(order)
    at = at[at >= 0]
    cells = values.reshape(at.size, -1)
    # In a table sorted by the column those above and below are alike.
    if (np.abs(np.sign(np.diff(cells[at], axis=0)).sum(axis=0)) == at.size - 1).any():
        return
    # As are levels in one sorted by another level.
    cells = cells - cells.mean(axis=1, keepdims=True)
    cells -= cells.mean(axis=0)
    rows, columns, linked = link_ends(weights.matrix)
    orders = np.tile(at, (2 + _ORDERS, 1))
    orders[0].sort()
    with np.errstate(over="ignore", invalid="ignore"):
        products = cells @ cells.T
        here, there = [linked @ products[p[rows], p[columns]] for p in orders[:2]]
        # Fast: weights with their own labels mostly have more alike neighbours.
        if not there > here:
            return
        np.random.default_rng(0).permuted(orders[2:], axis=1, out=orders[2:])
        drawn = [linked @ products[p[rows], p[columns]] for p in orders[2:]]
    if there > max(here, np.mean(drawn)) + _MORE_ALIKE * np.std(drawn):
        unit = at.size / linked.sum() / np.trace(products)
        yield notice_of(
            "other_order",
            weights=weights.name,
            column=column,
            entities=tuple(order),
            here=float(unit * here),
            there=float(unit * there),
            _first=order[:3],
            _entity=keys.entity_name,
        )


def missing_neighbours(
    name: str, column: str, count: int, rows: tuple[Any, ...]
) -> Iterator[Notice]:
    """Report rows whose spatial lag is missing as a neighbour has no value."""
    if count:
        yield notice_of(
            "missing_neighbours",
            column=column,
            count=count,
            rows=rows,
            weights=name,
            _rows=rows_text(rows),
        )


def dropped_neighbours(
    panel_notices: Iterable[Notice], n_entities: int, left_out: Sequence[Any]
) -> Iterator[Notice]:
    """Report entities that balance() dropped, unless `unused_entities` names them."""
    for notice in panel_notices:
        if notice.code == "not_balanced":
            entities = notice.data["entities"]
            if not set(entities) <= set(left_out):
                yield notice_of(
                    "dropped_neighbours",
                    entities=entities,
                    in_panel=n_entities,
                    _count=len(entities),
                    _all=len(entities) + n_entities,
                )


def near_end(
    spatial: Mapping[str, float], interval: tuple[float, float], weights: str
) -> Iterator[Notice]:
    """Report spatial coefficients within 2% of an end of their interval."""
    low, high = interval
    for name, value in spatial.items():
        if min(value - low, high - value) <= _NEAR_END * (high - low):
            yield notice_of(
                "near_end",
                coefficient=name,
                value=value,
                interval=interval,
                weights=weights,
            )


def biased_coefficient(
    name: str,
    bias: float,
    std_error: float,
    deviation: float,
    *,
    model: str,
    n_entities: int,
    likelihood: str,
) -> Iterator[Notice]:
    """Report a spatial coefficient biased by time effects by half an error or more.

    `bias` is its difference from the estimate of the adjusted likelihood, `deviation`
    the standard deviation of the estimate, which may be larger than its standard error.
    From one standard error on the notice is a warning.
    """
    distance = abs(bias) / std_error
    if distance < _NOTED_BIAS:
        return
    of_estimate = NormalDist(abs(bias), deviation)
    half = _QUANTILE * std_error
    coverage = of_estimate.cdf(half) - of_estimate.cdf(-half)
    few = coverage < _LEAST_PRINTED
    large = distance >= _LARGE_BIAS
    yield notice_of(
        "large_time_effects_bias" if large else "time_effects_bias",
        coefficient=name,
        bias=bias,
        std_error=std_error,
        coverage=coverage,
        model=model,
        likelihood=likelihood,
        _n_entities=n_entities,
        _model=model.upper(),
        _which="likelihood='lee_yu' leaves" if likelihood == "lee_yu" else "here by",
        _distance=distance,
        _share=f"less than {_LEAST_PRINTED:.0%}" if few else f"about {coverage:.0%}",
        _effects=" The coverage for the effects is too low as well."
        if name == "rho"
        else "",
    )


def common_shocks(
    times: str | None,
    statistic: float,
    df: int,
    p_value: float,
    coefficients: Mapping[str, tuple[float, float]],  # without and with time effects
) -> Iterator[Notice]:
    """Report shocks common to all entities in a model without time effects."""
    if p_value < _COMMON:
        changed = " and ".join(
            f"{name} is {there:.3g}, not {here:.3g}"
            for name, (here, there) in coefficients.items()
        )
        yield notice_of(
            "common_shocks",
            times=times,
            statistic=statistic,
            df=df,
            p_value=p_value,
            coefficients=dict(coefficients),
            _p=p_words(p_value),
            _with_effects=f": with them {changed}" if changed else "",
        )


def entity_effects_errors(n_times: int) -> Iterator[Notice]:
    """Report standard errors that are too small because of entity effects.

    The mean squared residual is too small by (T - 1) / T. Up to 5 periods the coverage
    of a 95% interval is below 92.5%.
    """
    factor = sqrt((n_times - 1) / n_times)
    coverage = 2 * _NORMAL.cdf(_QUANTILE * factor) - 1
    if coverage < _LEAST_COVERAGE:
        yield notice_of(
            "entity_effects_errors", n_times=n_times, coverage=coverage, _factor=factor
        )


def several_rows(terms: Sequence[str], factors: Factors) -> Iterator[Notice]:
    """Report variables in several regressors, whose effect is in no single row."""
    shared = shared_variables(terms, factors)
    if shared:
        texts = [
            f"{cited(variable)} is in the terms {quoted(names)}"
            for variable, names in shared.items()
        ]
        yield notice_of("several_rows", terms=shared, _terms="; ".join(texts))


def shared_variables(
    terms: Sequence[str], factors: Factors
) -> dict[str, tuple[str, ...]]:
    """Find variables that are in several terms, with these terms.

    A lag is another variable than its column, as are two dummies of one category. Of
    variables with the same terms only the first is listed.
    """
    terms_of_variable: dict[str, list[str]] = {}
    for term in terms:
        variables = [
            name for factor in factors.get(term, ()) for name in _variables(factor)
        ]
        for variable in dict.fromkeys(variables):
            terms_of_variable.setdefault(variable, []).append(term)
    first: dict[tuple[str, ...], str] = {}
    for variable, names in terms_of_variable.items():
        if len(names) > 1:
            first.setdefault(tuple(names), variable)
    return {variable: names for names, variable in first.items()}


def _variables(factor: Factor) -> tuple[str, ...]:
    """List the columns that a factor changes with, and the factor itself."""
    if factor.shift or factor.level is not None:
        return (factor.text,)
    return (*factor.columns, factor.text)
