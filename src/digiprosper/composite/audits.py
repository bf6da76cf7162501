"""Audits of indicators of two indices, and of the options behind weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Final

import numpy as np
import pandas as pd

from digiprosper.composite.indicators import IndicatorSystem
from digiprosper.composite.options import read_weights
from digiprosper.composite.specification import CompositeIndex
from digiprosper.composite.state import complete_rows, learn
from digiprosper.composite.weights import WEIGHTINGS
from digiprosper.errors import IndicatorError, InputTypeError, OptionError
from digiprosper.panel import Panel, Sample
from digiprosper.specification import as_terms

# Shifts seen in papers and scripts.
_SHIFTS: Final = (0.0, 1e-6, 1e-4, 0.002, 0.01, 1.0)
_VARIED: Final = ("weighting", "scope", "normalise", "structure", "shift")


def overlap_audit(
    system_a: IndicatorSystem,
    system_b: IndicatorSystem,
    other_columns: Sequence[str] = (),
) -> pd.DataFrame:
    """Find indicators that are in two indices, or in an index and other regressors.

    If the outcome and a regressor of one model are indices with an indicator in common,
    they are correlated by construction.

    Parameters
    ----------
    system_a, system_b : IndicatorSystem
        The two systems, for example of the outcome and of the regressor.
    other_columns : sequence of str
        Other terms of the regression, none by default. A term such as ``"log(gdp)"``
        counts for each column in it.

    Returns
    -------
    DataFrame
        One row per indicator that occurs more than once. Column ``indicator`` has its
        name; ``system_a``, ``system_b`` and ``other_columns`` are True where it occurs;
        ``where`` lists these places as text. If nothing overlaps, the table has no
        rows.

    Raises
    ------
    InputTypeError
        If a system is not an `IndicatorSystem`, or `other_columns` is not a list of
        text.

    Examples
    --------
    >>> from digiprosper import IndicatorSystem
    >>> from digiprosper import overlap_audit
    >>> digital = IndicatorSystem.from_dict(
    ...     {"users": {"broadband": "+", "finance": "+"}}
    ... )
    >>> prosperity = IndicatorSystem.from_dict(
    ...     {"affluence": {"income": "+", "finance": "+"}}
    ... )
    >>> overlap_audit(digital, prosperity, ["log(income)"])[
    ...     ["indicator", "where"]
    ... ].values.tolist()
    [['finance', 'system_a (users), system_b (affluence)'],
     ['income', 'system_b (affluence), log(income)']]
    """
    for name, system in (("system_a", system_a), ("system_b", system_b)):
        _refuse_other_types(system, f"{name} must be")
    others = as_terms(other_columns, "other_columns")

    rows = []
    for name in dict.fromkeys((*system_a.names, *system_b.names)):
        in_a = _where_used("system_a", system_a, name)
        in_b = _where_used("system_b", system_b, name)
        terms = [o for o in others if _contains_column(o, name)]
        used = bool(in_a), bool(in_b), bool(terms)
        if sum(used) > 1:
            rows.append((name, *used, ", ".join([*in_a, *in_b, *terms])))
    return pd.DataFrame(
        rows, columns=["indicator", "system_a", "system_b", "other_columns", "where"]
    )


def _refuse_other_types(system: object, needed: str) -> None:
    if not isinstance(system, IndicatorSystem):
        raise InputTypeError(
            f"{needed} an IndicatorSystem, not {type(system).__name__}."
        )


def _where_used(label: str, system: IndicatorSystem, name: str) -> list[str]:
    return [
        f"{label} ({i.dimension})" if i.dimension else label
        for i in system
        if i.name == name
    ]


def _contains_column(term: str, name: str) -> bool:
    """Check whether a term contains a column (and not a function of that name)."""
    words = re.findall(r"`([^`]+)`|([^\W\d]\w*)(?!\w|\s*\()", term)
    return term.strip() == name or name in {quoted_ or word for quoted_, word in words}


def audit_weights(
    system: IndicatorSystem, panel: Panel, published: Any
) -> pd.DataFrame:
    """Find the options of an index that reproduce published weights.

    The weights are computed with each combination of options and compared with the
    published ones.

    Parameters
    ----------
    system : IndicatorSystem
        The indicators, directions and dimensions of the paper.
    panel : Panel
        The data of the paper.
    published : mapping or Series
        Published weight of each indicator, in percent or any other unit. They are
        divided by their sum.

    Returns
    -------
    DataFrame
        One row per combination of options, with the smallest deviation first. Columns
        are the options weighting, scope, normalise, structure and shift;
        ``max_deviation``, the largest absolute difference of a weight; and ``problem``,
        why the weights cannot be computed, or the empty text. Weights by year are
        averaged over the years. Combinations with the same deviation are in the order
        of the options, the simplest first. Combinations of options that contradict each
        other are not in the table.

    Raises
    ------
    OptionError
        If an indicator has no published weight, a name is not an indicator, or a weight
        is negative.
    InputTypeError
        If `system` is not an `IndicatorSystem`, `panel` is not a Panel, or `published`
        is not a mapping or Series.
    ColumnError, IndicatorError, MissingDataError
        As in `CompositeIndex.fit`.

    Notes
    -----
    All weightings, scopes, normalisations and structures of `CompositeIndex` are
    compared. The scopes include each year as base year, and goalposts if all indicators
    have them. Entropy weights are computed with the shifts 0, 1e-6, 1e-4, .002, .01
    and 1.

    A combination reproduces the weights if ``max_deviation`` is at most half a unit of
    the last published digit. Several combinations can do so. The aggregation cannot be
    found this way, because weights do not depend on it.

    Examples
    --------
    >>> import digiprosper as dp
    >>> from digiprosper import audit_weights
    >>> panel, truth = dp.datasets.simulate_provinces(12, 5)
    >>> system = dp.IndicatorSystem.from_dict(truth.systems["digital"])
    >>> audit = audit_weights(system, panel, truth.weights["digital"])
    >>> audit[["weighting", "scope", "normalise", "structure"]].iloc[0].tolist()
    ['entropy', 'pooled', 'minmax', 'flat']
    """
    _refuse_other_types(system, "audit_weights takes")
    if not hasattr(published, "items"):
        raise InputTypeError(
            f"published must be a mapping {{indicator: weight}} or a Series, not "
            f"{type(published).__name__}."
        )
    _, target = zip(*read_weights(published, system.names, "published"), strict=True)
    sample = complete_rows(CompositeIndex(system).recipe, panel, "audit_weights")
    rows = []
    for spec in _candidate_specifications(system, sample):
        deviation, problem = np.nan, ""
        try:
            weights = learn(spec.recipe, sample).weights.mean(axis=0)
            deviation = float(np.abs(weights - np.divide(target, sum(target))).max())
        except IndicatorError as error:
            problem = error.message
        rows.append((*(getattr(spec, name) for name in _VARIED), deviation, problem))
    table = pd.DataFrame(rows, columns=[*_VARIED, "max_deviation", "problem"])
    return table.sort_values("max_deviation", kind="stable", ignore_index=True)


def _candidate_specifications(
    system: IndicatorSystem, sample: Sample
) -> Iterator[CompositeIndex]:
    """Make every valid combination of options, the simplest first."""
    scopes = ["pooled", "goalposts"]
    if sample.n_times > 1:
        of_years = "pooled_norm_yearly_weights", "per_year", "legacy_lnT", "expanding"
        base_years = (f"base_year({t})" for t in sample.times)
        scopes = ["pooled", *of_years, "goalposts", *base_years]

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
                scope=scope,
                normalise=normalise,
                weighting=weighting,
                structure=structure,
                shift=shift,
            )
        except (OptionError, IndicatorError):
            # Options that contradict each other are no candidates.
            continue
