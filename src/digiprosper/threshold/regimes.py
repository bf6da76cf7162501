"""Columns by regime, and what a level of its own in every regime changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import CollinearityError, Notice
from digiprosper.kernels import threshold as kernel
from digiprosper.kernels.least_squares import ols
from digiprosper.kernels.tolerances import SAME_SLOPES
from digiprosper.threshold.notices import origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Floats, Ints
    from digiprosper.kernels.threshold import Plan
    from digiprosper.panel import Sample
    from digiprosper.threshold.results import ThresholdResults
    from digiprosper.threshold.search import ThresholdSearch


def regime_columns(sample: Sample, regimes: Ints, *, intercept: bool) -> tuple[tuple[str, ...], Floats]:
    """Split the regime-dependent columns by regime and put the common ones beside them.

    Returns names and columns (N, k). Names are ``"z:regime1"``, ..., the dummies, the common terms; one
    regime keeps the plain names. `regimes` (N,) are numbered from 1. With `intercept` every regime but the
    highest has a dummy.
    """
    dummies = (regimes[:, None] == np.arange(1, int(regimes.max()) + 1)).astype(np.float64)
    several, columns = dummies.shape[1] > 1, sample.columns("regime_dependent")
    names = list[str]()
    for name in sample.names_of("regime_dependent"):
        endings = [f":regime{r}" for r in range(1, dummies.shape[1] + 1)] if several else [""]
        names += [f"{name}{ending}" for ending in endings]
    blocks = [column[:, None] * dummies for column in columns.T]
    if intercept:
        names += regime_levels(regimes)
        blocks.append(dummies[:, :-1])
    return (*names, *sample.names_of("x")), np.column_stack([*blocks, sample.columns("x")])


def regime_levels(regimes: Ints) -> list[str]:
    """Name the dummies of all regimes but the highest."""
    return [f"intercept:regime{r}" for r in range(1, int(regimes.max()))]


def about_origin(
    results: ThresholdResults, search: ThresholdSearch, logarithms: Sequence[str]
) -> list[Notice]:
    """Search once more with an intercept in every regime, and report what that changes.

    Without it (Hansen 1999) a constant added to a regime-dependent variable changes the model, because ``(z +
    c) 1(q <= g)`` contains ``c 1(q <= g)``. The estimates therefore depend on the units inside a logarithm
    and on the origin of an index. There is a notice if a regime-dependent term is a logarithm, an estimate
    with intercepts lies outside the confidence set of the threshold, or the slopes of two neighbouring
    regimes are in another order; none where the level shifts already.
    """
    plan = _with_level(search)
    if plan is None:
        return []
    at = _search_again(results, search, plan)
    with_intercept = np.sort(search.plan.candidates.values[list(at)])
    outside = _outside(results, with_intercept) if at else []
    reordered = _turned(results, search, search.plan.regimes(at)) if at else []
    if not (logarithms or outside or reordered):
        return []

    terms = search.prepared.sample.names_of("regime_dependent")
    data = {
        "estimates": tuple(np.sort(results.estimates).tolist()),
        "with_intercept": tuple(with_intercept.tolist()),
        "outside": tuple(outside),
        "order": tuple(reordered),
        "logarithms": tuple(logarithms),
    }
    return [origin(data, terms, searched=not results.given)]


def _with_level(search: ThresholdSearch) -> Plan | None:
    """Add an intercept in each regime; None where the levels of the regimes shift already."""
    try:
        plan = kernel.with_level(search.plan)
    except CollinearityError:  # beside a constant rounding hides a column that is far from zero
        return None
    return None if kernel.level_is_held(plan).all() else plan


def _search_again(results: ThresholdResults, search: ThresholdSearch, plan: Plan) -> tuple[int, ...]:
    """Find as many thresholds with intercepts; none if there are no candidates for all of them."""
    base = kernel.open_search(plan, search.prepared.sample.columns("y")[:, 0])
    at: tuple[int, ...] = ()
    for _ in range(results.estimates.size):
        stage = kernel.stage(plan, base, at)
        if stage is None:
            return ()
        at = stage.at
    return at


def _outside(results: ThresholdResults, with_intercept: Floats) -> list[int]:
    """List the thresholds, by number, whose confidence sets leave out the estimate with intercepts."""
    if results.given:
        return []
    order = np.argsort(results.estimates)
    return [
        int(j) + 1
        for j, value in zip(order, with_intercept.tolist(), strict=True)
        if not any(low <= value <= high for low, high in results.confidence_set(int(j) + 1))
    ]


def _turned(results: ThresholdResults, search: ThresholdSearch, regimes: Ints) -> list[tuple[str, int]]:
    """List the terms whose slopes in a regime and the next differ with another sign with intercepts."""
    prepared = search.prepared
    sample = prepared.sample
    width = results.estimates.size + 1
    _, design = regime_columns(sample, regimes, intercept=True)
    demeaned = prepared.within.demean(np.column_stack([sample.columns("y"), design]))
    k = sample.columns("regime_dependent").shape[1]
    slopes = [results.slopes.coefficients, ols(demeaned[:, 1:], demeaned[:, 0]).coefficients]
    signs = [_signs(values[: k * width].reshape(k, width)) for values in slopes]
    terms = sample.names_of("regime_dependent")
    return [(terms[i], int(r) + 1) for i, r in np.argwhere(signs[0] * signs[1] < 0)]


def _signs(slopes: Floats) -> Floats:
    steps = np.diff(slopes, axis=1)
    size = np.abs(slopes).max(axis=1, keepdims=True)
    return np.where(np.abs(steps) > SAME_SLOPES * size, np.sign(steps), 0.0)

