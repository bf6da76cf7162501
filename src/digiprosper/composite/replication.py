"""Find the options that reproduce published weights."""

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

# Shifts seen in papers and scripts.
_SHIFTS: Final = (0.0, 1e-6, 1e-4, 0.002, 0.01, 1.0)
_OPTIONS: Final = ("weighting", "scope", "normalise", "structure", "shift")


def audit_weights(system: IndicatorSystem, panel: Panel, published: Any) -> pd.DataFrame:
    """Find the options of an index that reproduce published weights.

    The weights are computed with each combination of options and compared with the published ones.

    Parameters
    ----------
    system : IndicatorSystem
        The indicators, directions and dimensions of the paper.
    panel : Panel
        The data of the paper.
    published : mapping or Series
        Published weight of each indicator, in percent or any other unit. They are divided by their sum.

    Returns
    -------
    DataFrame
        One row per combination of options, with the smallest deviation first. Columns are the options
        weighting, scope, normalise, structure and shift; ``max_deviation``, the largest absolute difference
        of a weight; and ``problem``, why the weights cannot be computed, or the empty text. Weights by year
        are averaged over the years. Combinations with the same deviation are in the order of the options,
        the simplest first. Combinations of options that contradict each other are not in the table.

    Raises
    ------
    OptionError
        If an indicator has no published weight, a name is not an indicator, or a weight is negative.
    InputTypeError
        If `system` is not an `IndicatorSystem`, `panel` is not a Panel, or `published` is not a mapping or
        Series.
    ColumnError, IndicatorError, MissingDataError
        As in `CompositeIndex.fit`.

    Notes
    -----
    All weightings, scopes, normalisations and structures of `CompositeIndex` are compared. The scopes include
    each year as base year, and goalposts if all indicators have them. Entropy weights are computed with the
    shifts 0, 1e-6, 1e-4, .002, .01 and 1.

    A combination reproduces the weights if ``max_deviation`` is at most half a unit of the last published
    digit. Several combinations can do so. The aggregation cannot be found this way, because weights do not
    depend on it.

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
    published_weights = read_weights(published, system.names, "published")
    target = np.array([w for _, w in published_weights])
    target = target / target.sum()
    sample = cut_rows(CompositeIndex(system).recipe, panel, "audit_weights")
    candidates = [
        (*_options(spec), *_deviation(spec, sample, target)) for spec in _specifications(system, sample)
    ]
    table = pd.DataFrame(candidates, columns=[*_OPTIONS, "max_deviation", "problem"])
    return table.sort_values("max_deviation", kind="stable", ignore_index=True)


def _options(spec: CompositeIndex) -> tuple[Any, ...]:
    return tuple(getattr(spec, name) for name in _OPTIONS)


def _specifications(system: IndicatorSystem, sample: Sample) -> Iterator[CompositeIndex]:
    """Make every combination that makes sense, the plainest first."""
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
