"""What thresholds and kinks bring to a table: slopes by regime, confidence sets and tests."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from digiprosper.report.columns import Parameter, result_column
from digiprosper.report.terms import Regime, Term, terms_of
from digiprosper.threshold.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.kernels import Floats
    from digiprosper.report.columns import Block, Column, ParameterTest
    from digiprosper.report.protocol import Results


def step_regimes(variable: str, cuts: Sequence[float], rule: str) -> tuple[Regime, ...]:
    """Make the regimes between thresholds, from low to high values of the threshold variable."""
    edges = [-math.inf, *sorted(map(float, cuts)), math.inf]
    return tuple(
        Regime(variable, number, len(cuts) + 1, lower, upper, rule)
        for number, (lower, upper) in enumerate(pairwise(edges), start=1)
    )


def kink_regimes(variable: str, kink: float) -> tuple[Regime, Regime]:
    """Make the regimes below and above a kink."""
    return Regime(variable, 1, 2, upper=kink, kink=True), Regime(variable, 2, 2, lower=kink, kink=True)


def slopes_by_regime(
    slopes: Results, terms: Sequence[str], regimes: Mapping[str, Regime]
) -> tuple[Term, ...]:
    """Describe all slopes, those of `terms` with their regime; `regimes` by the ending of a name."""
    terms_by_name = terms_of(slopes, slopes.params.index)
    for term in terms:
        for ending, regime in regimes.items():
            name = f"{term}:{ending}"
            if name in terms_by_name:
                terms_by_name[name] = replace(terms_by_name[name], path=(term,), regime=regime)
    return tuple(terms_by_name.values())


def slopes_column(slopes: Results, terms: Sequence[Term], block: Block, level: float) -> Column:
    """Make the column of slopes with the block of thresholds between them."""
    column = result_column(slopes, level, words=WORDS)
    estimates = {term.name: column.estimates[term.name]._replace(term=term) for term in terms}
    return replace(column, estimates=estimates, blocks=(block,))


def threshold_with(
    value: float,
    pieces: Sequence[tuple[float, float]],
    tests: Sequence[ParameterTest],
    *,
    whole: bool = False,
) -> Parameter:
    """Describe a threshold with the ends of its confidence set, whose intervals are `pieces`, and its tests.

    There are no intervals if it was not estimated; tests without a p-value are left out. `whole` says that
    the set contains every candidate.
    """
    ends = (pieces[0][0], pieces[-1][1]) if pieces else (math.nan, math.nan)
    # F is not distributed as F: without a p-value it says little.
    tested = tuple(t for t in tests if not math.isnan(t.p_value))
    return Parameter(value, *ends, len(pieces), tested, whole)


def is_whole(pieces: Sequence[tuple[float, float]], candidates: Floats) -> bool:
    """Decide whether a confidence set contains every candidate; False if there is only one."""
    first, last = candidates[[0, -1]]
    return last > first and len(pieces) == 1 and pieces[0][0] <= first and last <= pieces[0][1]
