"""Columns by regime, and what a level of its own in every regime changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import CollinearityError, Notice, cited, quoted
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
    numbers = range(1, int(regimes.max()) + 1)
    masks = {r: (regimes == r).astype(np.float64) for r in numbers}
    split = zip(sample.names_of("regime_dependent"), sample.columns("regime_dependent").T, strict=True)
    names: list[str] = []
    columns: list[Floats] = []
    for name, column in split:
        names += [f"{name}:regime{r}" for r in numbers] if len(numbers) > 1 else [name]
        columns += [column * masks[r] for r in numbers]
    if intercept:
        names += regime_levels(regimes)
        columns += [masks[r] for r in numbers[:-1]]
    return (*names, *sample.names_of("x")), np.column_stack([*columns, sample.columns("x")])


def describe_regimes(sample: Sample, regimes: Ints) -> Sample:
    """Describe the regime-dependent columns, and intercepts, as products with the dummy of their regime."""
    dummies = [f"regime{r}" for r in range(1, int(regimes.max()) + 1)]
    return sample.with_dummies((*sample.names_of("regime_dependent"), "intercept"), dummies)


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

    text = _about_changes(results, with_intercept, outside, reordered)
    if logarithms:
        text = f"{_about_units(results, logarithms)} {text[:1].upper()}{text[1:]}".strip()
    else:
        terms = search.prepared.sample.names_of("regime_dependent")
        text = f"{text} {_about_zero(results, terms)}"
    data = {
        "estimates": tuple(np.sort(results.estimates).tolist()),
        "with_intercept": tuple(with_intercept.tolist()),
        "outside": tuple(outside),
        "order": tuple(reordered),
        "logarithms": tuple(logarithms),
    }
    return [origin(text, data)]


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


def _about_units(results: ThresholdResults, logarithms: Sequence[str]) -> str:
    noun = "logarithm" if len(logarithms) == 1 else "logarithms"
    return (
        f"{_what_depends(results)} on the unit of measurement inside the {noun} {quoted(logarithms)}, "
        f"because the regimes have one intercept in common. Set {_alternative(results)}"
    )


def _about_zero(results: ThresholdResults, terms: Sequence[str]) -> str:
    verb = "is" if len(terms) == 1 else "are"
    return (
        f"The regimes have one intercept in common, so {_what_depends(results)} on where {quoted(terms)} "
        f"{verb} zero. Unless zero is a meaningful value, set {_alternative(results)}"
    )


def _what_depends(results: ThresholdResults) -> str:
    return "the slopes depend" if results.given else "the test, the threshold and the slopes depend"


def _alternative(results: ThresholdResults) -> str:
    option = "regime_intercept=True, which gives each regime its own intercept"
    tested = "; a shift of the level alone can then also make the test reject"
    return f"{option}{'' if results.given else tested}."


def _about_changes(
    results: ThresholdResults,
    with_intercept: Floats,
    outside: list[int],
    reordered: Sequence[tuple[str, int]],
) -> str:
    parts = [_about_places(results, with_intercept, outside)] if outside else []
    parts += [
        f"the slopes of {cited(term)} in regimes {r} and {r + 1} would be in another order"
        for term, r in reordered
    ]
    return f"with an intercept in each regime {', and '.join(parts)}." if parts else ""


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


def _about_places(results: ThresholdResults, with_intercept: Floats, outside: list[int]) -> str:
    estimated, alternative = (
        ", ".join(f"{v:.5g}" for v in values) for values in (np.sort(results.estimates), with_intercept)
    )
    if with_intercept.size == 1:
        return f"the threshold would be {alternative} instead of {estimated}, and outside its confidence set"
    numbers = ", ".join(str(j) for j in outside)
    return (
        f"the thresholds would be {alternative} instead of {estimated}, and outside the set of threshold "
        f"{numbers}"
    )
