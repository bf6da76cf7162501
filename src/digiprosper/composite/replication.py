"""Finding the options behind published weights."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from digiprosper.composite.indicators import IndicatorSystem
from digiprosper.composite.options import read_weights
from digiprosper.composite.rows import cut_rows
from digiprosper.composite.specification import CompositeIndex
from digiprosper.composite.state import learn
from digiprosper.composite.weights import WEIGHTINGS
from digiprosper.errors import IndicatorError, InputTypeError, OptionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digiprosper.kernels import Floats
    from digiprosper.panel import Panel, Sample

__all__ = ["audit_weights"]

# Shifts seen in papers and scripts.
_SHIFTS: Final = (0.0, 1e-6, 1e-4, 0.002, 0.01, 1.0)
_OPTIONS: Final = ("weighting", "scope", "normalise", "structure", "shift")


def audit_weights(system: IndicatorSystem, panel: Panel, published: Any) -> pd.DataFrame:
    """Look for the combination of options that reproduces published weights.

    Parameters
    ----------
    system : IndicatorSystem
        The indicators, directions and dimensions of the paper.
    panel : Panel
        Its data.
    published : mapping or Series
        Weight of every indicator, in any unit: they are divided by their sum.

    Returns
    -------
    DataFrame
        One row a combination that makes sense, best first: weighting, scope, normalise, structure, shift,
        ``max_deviation`` (the largest absolute difference of a weight) and ``problem`` (why these data have
        no such weights; empty otherwise). With yearly weights their mean over the years is compared. Of
        combinations with the same deviation the plainer comes first.

    Raises
    ------
    OptionError
        If published weights are missing, unknown or negative.
    ColumnError, IndicatorError, MissingDataError
        As `CompositeIndex.fit`.

    Notes
    -----
    Tried are all weightings, scopes (every year as base year, goalposts where all indicators have them, the
    ln T script), normalisations and structures, and for entropy the shifts 0, 1e-6, 1e-4, .002, .01 and 1. A
    deviation of no more than half a unit of the last printed digit is agreement; several rows may agree.
    Weights alone cannot tell how scores were aggregated.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import audit_weights
    >>> panel, truth = dp.datasets.simulate_provinces(12, 5)
    >>> system = dp.IndicatorSystem.from_dict(truth.systems["digital"])
    >>> found = audit_weights(system, panel, truth.weights["digital"])
    >>> found[["weighting", "scope", "normalise", "structure"]].iloc[0].tolist()
    ['entropy', 'pooled', 'minmax', 'flat']
    """
    kind: object = system
    if not isinstance(kind, IndicatorSystem):
        raise InputTypeError(f"audit_weights takes an IndicatorSystem, not {type(kind).__name__}.")
    if not hasattr(published, "items"):
        raise InputTypeError(
            f"published must be a mapping {{indicator: weight}} or a Series, not {type(published).__name__}."
        )
    given = read_weights(published, system.names, "published")
    target = np.array([w for _, w in given])
    target = target / target.sum()
    sample = cut_rows(CompositeIndex(system).recipe, panel)
    found = [(*_options(spec), *_deviation(spec, sample, target)) for spec in _specifications(system, sample)]
    table = pd.DataFrame(found, columns=[*_OPTIONS, "max_deviation", "problem"])
    return table.sort_values("max_deviation", kind="stable", ignore_index=True)


def _options(spec: CompositeIndex) -> tuple[Any, ...]:
    return tuple(getattr(spec, name) for name in _OPTIONS)


def _specifications(system: IndicatorSystem, sample: Sample) -> Iterator[CompositeIndex]:
    """Every combination that makes sense, the plainest first."""
    scopes = ["pooled", "goalposts"]
    if sample.n_times > 1:
        scopes[1:1] = ["pooled_norm_yearly_weights", "per_year", "legacy_lnT", "expanding"]
        scopes += [f"base_year({t})" for t in sample.times]

    plain = CompositeIndex(system)
    for structure, shift, scope, normalise, weighting in product(
        ("flat", "equal_dimensions", "nested"),
        _SHIFTS,
        scopes,
        ("minmax", "max", "none", "zscore", "rank"),
        WEIGHTINGS,
    ):
        # Equal weights are the same whatever the rest.
        if weighting == "equal" and (scope, normalise) != ("pooled", "minmax"):
            continue
        try:
            yield plain.replace(
                scope=scope, normalise=normalise, weighting=weighting, structure=structure, shift=shift
            )
        except (OptionError, IndicatorError):
            # Options that contradict each other are no candidates.
            continue


def _deviation(spec: CompositeIndex, sample: Sample, target: Floats) -> tuple[float, str]:
    try:
        weights = learn(spec.recipe, sample).weights.mean(axis=0)
    except IndicatorError as error:
        return np.nan, error.message
    return float(np.abs(weights - target).max()), ""
