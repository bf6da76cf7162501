"""Numbers for figures of spatial autocorrelation and of spatial effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, product
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.checks import (
    check_option,
    column_problem,
    models_problem,
    not_identified,
    option_error,
    option_problem,
    plain,
)
from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    InputTypeError,
    cited,
    did_you_mean,
    issue,
    quoted,
)
from digiprosper.panel import Panel
from digiprosper.panel.access import table_of
from digiprosper.panel.terms import parse, term_factors
from digiprosper.report.collection import (
    ResultSet,
    labelled,
    merged,
    refuse_other_results,
)
from digiprosper.report.columns import Column, Remark, remark_text
from digiprosper.report.drawings import FIGURE, Decay, MoranScatter, Wording
from digiprosper.report.terms import Term
from digiprosper.report.text import repeated
from digiprosper.report.words import Language
from digiprosper.spatial.kernels.matrices import lag_by_period
from digiprosper.spatial.moran import (
    quadrants_of,
    read_field,
    standardised,
    statistics_by_period,
)
from digiprosper.spatial.results import KINDS, SpatialResults
from digiprosper.spatial.weights import SpatialWeights
from digiprosper.spatial.words import WORDS, construction_remark

_CLOCKWISE = ("high-high", "high-low", "low-low", "low-high")

Fits: TypeAlias = "Mapping[str, SpatialResults | DigiprosperError]"
"""Fit, or the error that stopped it, by label."""


def moran_scatter(
    panel: Panel,
    column: str,
    spatial_weights: SpatialWeights,
    time: object,
    labels: Mapping[str, str],
    language: Language = "english",
) -> MoranScatter:
    """Return the spatial lag and the standardised value in one period.

    Without `time` it is the last period. `labels` come before those of the panel.
    """
    purpose = "plots.moran_scatter"
    field = read_field(purpose, panel, column, spatial_weights)
    period = len(field.times) - 1
    if time is not None:
        period = _position_of(time, field.times)
    cross_section = replace(
        field, cells=field.cells[[period]], times=field.times[[period]]
    )
    z = standardised(purpose, cross_section, column)
    issue(field.weights.diagnostics)

    lag = lag_by_period(field.weights.matrix, z)
    quadrants = quadrants_of(z, lag, field.weights)[0]
    factors = term_factors(parse(column, table_of(panel).names, "column"))
    test = statistics_by_period(cross_section, z, geary=False).iloc[0]
    wording = Wording({**panel.labels, **labels}, {column: factors}, language)
    return MoranScatter(
        variable=wording.label(column),
        period="" if panel.time_name is None else str(field.times[period]),
        weights=_weights_text(field.weights, wording),
        points=pd.DataFrame(
            {"value": z[0], "spatial_lag": lag[0]}, index=field.entities
        ).rename(index=dict(labels)),
        quadrants=[
            (wording.say(f"quadrant.{quadrant}"), int((quadrants == quadrant).sum()))
            for quadrant in _CLOCKWISE
        ],
        slope=float((z * lag).sum() / (z**2).sum()),
        statistic=float(test["statistic"]),
        p_value=float(test["p_randomisation"]),
    )


def _position_of(time: object, times: pd.Index[Any]) -> int:
    is_label = pd.api.types.is_hashable(time) and not isinstance(time, tuple)
    matches = times.isin([time]) if is_label else np.zeros(0, dtype=np.bool_)
    if not matches.any():
        raise option_error(
            "time",
            time,
            f"time={cited(time)} is no period of the panel ({quoted(times)})"
            f"{did_you_mean(time, times)}.",
        )
    return int(matches.argmax())


def _weights_text(weights: SpatialWeights, wording: Wording) -> str:
    """Write the label of weights, and how they were made and standardised."""
    name, language = wording.label(weights.name), wording.language
    if language == "english":
        return name + weights.conventions.removeprefix(weights.name)
    inside = WORDS.say(f"weights.{weights.standardise}", language)
    if weights.made_by:
        construction = construction_remark(weights.made_by)
        if isinstance(construction, Remark):
            construction = remark_text(construction, WORDS, {}, {}, language)
        inside = f"{construction}，{inside}"
    return FIGURE.say("brackets", language, text=name, inside=inside)


# --- effects, of one or several fits --------------------------------------------------


def read_fits(results: object, purpose: str) -> Fits:
    """Return the fits by label: "" for one, or (1), (2), .. for a list."""
    pairs = results.outcomes if isinstance(results, ResultSet) else labelled(results)
    kinds, makers = SpatialResults | DigiprosperError, "PanelSpatial(...).fit returns"
    refuse_other_results(pairs, kinds, purpose, makers, "no spatial model")
    _refuse_duplicates([label for label, _ in pairs], purpose)
    return dict(pairs)


def _refuse_duplicates(labels: Sequence[Any], purpose: str) -> None:
    twice = repeated(labels)
    if twice:
        raise InputTypeError(
            f"{purpose}: the labels {quoted(twice)} are duplicated; rename "
            "one of each.",
            [models_problem(f"repeated labels {quoted(twice)}")],
        )


def _estimated_fits(fits: Fits) -> dict[str, SpatialResults]:
    return {
        label: fit for label, fit in fits.items() if isinstance(fit, SpatialResults)
    }


def regressors(fits: Fits) -> list[str]:
    """List regressors of all fits, each once, in order of the first fit with it."""
    terms = (fit.effects.terms for fit in _estimated_fits(fits).values())
    return list(dict.fromkeys(chain.from_iterable(terms)))


def chosen_kinds(kinds: object, purpose: str) -> tuple[str, ...]:
    """Check kinds of effects to draw: "direct", "indirect", "total", each once."""
    listed = list(kinds) if isinstance(kinds, list | tuple) else [kinds]
    if not listed:
        raise option_error(
            "kinds",
            kinds,
            f"{purpose}: kinds is empty; choose among {quoted(KINDS)}.",
            KINDS,
        )
    for kind in listed:
        check_option("kinds", kind, KINDS)
    return tuple(dict.fromkeys(plain(kind) for kind in listed))


def impacts(
    fits: Fits,
    terms: Sequence[str],
    kinds: Sequence[str],
    level: float,
    language: Language = "english",
) -> list[Column]:
    """Return columns with effects for a figure of estimates.

    For one fit: a column per kind with a row per regressor. For several: a column per
    fit with a row per regressor and kind.
    """
    by_fit = []
    for label, fit in fits.items():
        if isinstance(fit, DigiprosperError):
            by_fit.append(Column(head=label, failure=fit))
            continue
        columns = dict(zip(KINDS, fit.decomposition.table_columns(level), strict=True))
        shown = [name for name in terms if name in fit.effects.terms]
        if len(fits) == 1:
            return [
                replace(
                    columns[kind],
                    head=WORDS.say(kind, language),
                    estimates={name: columns[kind].estimates[name] for name in shown},
                )
                for kind in kinds
            ]
        estimates = {}
        for name, kind in product(shown, kinds):
            term = Term(f"{kind}:{name}", family="spatial", kind=kind, path=(name,))
            estimates[term.name] = columns[kind].estimates[name]._replace(term=term)
        column = columns["direct"]
        by_fit.append(
            replace(column, head=label, estimates=estimates, keys=None, remarks=())
        )
    return by_fit


# --- over the cut-off -----------------------------------------------------------------


def decay(
    fits: Fits,
    term: str | None,
    kinds: Sequence[str],
    labels: Mapping[str, str],
    level: float,
    purpose: str,
    language: Language = "english",
) -> Decay:
    """Return the effects of one regressor over the cut-offs that label the fits.

    Without a term it is the first regressor. `labels` come before those of the fits.
    Fits that failed or do not have the regressor are counted in `left_out`.
    """
    cutoffs = _read_cutoffs(list(fits), purpose)
    estimated = _estimated_fits(fits)
    if not estimated:
        raise not_identified(
            "no_estimates",
            f"{purpose}: none of the {len(fits)} models was estimated.",
            labels=tuple(fits),
        )
    name = _read_regressor(term, regressors(fits), purpose)
    fits_with_term = {
        label: fit for label, fit in estimated.items() if name in fit.effects.terms
    }
    outcomes = {fit.depvar for fit in fits_with_term.values()}
    wording = Wording(
        merged(fits_with_term.values(), "labels") | dict(labels),
        merged(fits_with_term.values(), "factors"),
        language,
    )
    tables = [
        fit.effects_table(level).assign(cutoff=cutoffs[label])
        for label, fit in fits_with_term.items()
    ]
    rows = pd.concat(tables).sort_values("cutoff", kind="stable")
    rows = rows[rows["term"] == name]
    ordered = pd.concat([rows[rows["kind"] == kind] for kind in kinds])
    columns = ["kind", "cutoff", "estimate", "conf_low", "conf_high"]
    counts = {
        "left_out.failed": len(fits) - len(estimated),
        "left_out.regressor": len(estimated) - len(fits_with_term),
    }
    return Decay(
        name=wording.label(name),
        outcome=wording.label(outcomes.pop()) if len(outcomes) == 1 else "",
        points=ordered[columns].reset_index(drop=True),
        heads={kind: WORDS.say(kind, language) for kind in kinds},
        left_out=[
            wording.say(code, count=f"{count:,}")
            for code, count in counts.items()
            if count
        ],
        level=level,
    )


def _read_cutoffs(labels: Sequence[str], purpose: str) -> dict[str, float]:
    cutoffs = {label: _as_number(label) for label in labels}
    invalid = [label for label, value in cutoffs.items() if not 0 < value < np.inf]
    if invalid:
        raise InputTypeError(
            f"{purpose}: the labels of the models must be their cut-offs, positive "
            f"numbers such as 300 or '300', not {quoted(invalid)}.",
            [models_problem("a label that is no cut-off", label) for label in invalid],
        )
    _refuse_duplicates(list(cutoffs.values()), purpose)
    return cutoffs


def _as_number(label: str) -> float:
    try:
        return float(label)
    except ValueError:
        return np.nan


def _read_regressor(term: object, names: Sequence[str], purpose: str) -> str:
    if term is None:
        return names[0]
    if not isinstance(term, str):
        raise InputTypeError(
            f"{purpose}: term={cited(term)} must be the name of a regressor.",
            [option_problem("term", term)],
        )
    if term not in names:
        raise ColumnError(
            f"{purpose}: no model has the regressor {cited(term)}; the regressors are "
            f"{quoted(names, 12)}.",
            [column_problem(term, "term", f"no regressor {cited(term)}")],
        )
    return term
