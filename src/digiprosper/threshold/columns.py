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
    """Make the regimes that thresholds part.

    Parameters
    ----------
    variable : str
        Threshold variable.
    cuts : sequence of float
        Thresholds, in any order.
    rule : {"<=", "<"}
        How a row compares with the upper bound of its regime.

    Returns
    -------
    tuple of Regime
        From low to high values of the threshold variable.

    Examples
    --------
    >>> [regime.condition("urban", 2) for regime in step_regimes("urban", [0.53], "<=")]
    ['urban <= 0.53', 'urban > 0.53']
    """
    edges = [-math.inf, *sorted(map(float, cuts)), math.inf]
    return tuple(
        Regime(variable, number, len(cuts) + 1, lower, upper, rule)
        for number, (lower, upper) in enumerate(pairwise(edges), start=1)
    )


def kink_regimes(variable: str, kink: float) -> tuple[Regime, Regime]:
    """Make both sides of a kink.

    Parameters
    ----------
    variable : str
        Term whose slope changes.
    kink : float
        Where.

    Returns
    -------
    tuple of Regime
        Below and above.
    """
    return Regime(variable, 1, 2, upper=kink, kink=True), Regime(variable, 2, 2, lower=kink, kink=True)


def slopes_by_regime(
    slopes: Results, terms: Sequence[str], regimes: Mapping[str, Regime]
) -> tuple[Term, ...]:
    """Tell the slopes of regimes from the common ones.

    Parameters
    ----------
    slopes : LinearResults
        The regression at the thresholds.
    terms : sequence of str
        Terms whose slope depends on the regime.
    regimes : mapping
        Regime by what it adds to a name.

    Returns
    -------
    tuple of Term
        Of all slopes, in order.
    """
    known = terms_of(slopes, slopes.params.index)
    for term in terms:
        for ending, regime in regimes.items():
            name = f"{term}:{ending}"
            if name in known:
                known[name] = replace(known[name], path=(term,), regime=regime)
    return tuple(known.values())


def slopes_column(slopes: Results, terms: Sequence[Term], block: Block, level: float) -> Column:
    """Make the column of slopes with what parts them.

    Parameters
    ----------
    slopes : LinearResults
        The regression at the thresholds.
    terms : sequence of Term
        What its slopes are.
    block : Block
        The thresholds.
    level : float
        Level of the confidence intervals of the slopes.

    Returns
    -------
    Column
        With the labels and the inference of the regression.
    """
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
    """Make a threshold of its confidence set and its tests.

    Parameters
    ----------
    value : float
        The threshold.
    pieces : sequence of (low, high)
        Intervals of its confidence set; none where it was not estimated.
    tests : sequence of ParameterTest
        Its tests; those without a p-value are left out.
    whole : bool
        Whether the set contains every candidate.

    Returns
    -------
    Parameter
        With the ends of the whole set.
    """
    ends = (pieces[0][0], pieces[-1][1]) if pieces else (math.nan, math.nan)
    # F is not distributed as F: without a p-value it says little.
    known = tuple(t for t in tests if not math.isnan(t.p_value))
    return Parameter(value, *ends, len(pieces), known, whole)


def is_whole(pieces: Sequence[tuple[float, float]], candidates: Floats) -> bool:
    """Tell whether a confidence set contains every candidate, of which there are several.

    Parameters
    ----------
    pieces : sequence of (low, high)
        Intervals of the set.
    candidates : (n,) array
        Searched values, in ascending order.

    Returns
    -------
    bool
        False for a single candidate, which any set contains.
    """
    first, last = candidates[[0, -1]]
    return last > first and len(pieces) == 1 and pieces[0][0] <= first and last <= pieces[0][1]
