"""Numbers for figures of a mediation: effects, curves over a variable, paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from digiprosper.checks import check_option, option_error
from digiprosper.errors import cited, number_text
from digiprosper.kernels.intervals import LEAST_CLUSTERS
from digiprosper.mediation.layout import REGIMES, effect, overall_term
from digiprosper.mediation.results import MediationResults
from digiprosper.mediation.sensitivity import MediationSensitivity
from digiprosper.mediation.words import WORDS
from digiprosper.report.columns import Column, Estimate, result_column
from digiprosper.report.drawings import (
    ConditionalCurve,
    Effect,
    Effects,
    PathDiagram,
    SensitivityCurve,
    Wording,
)
from digiprosper.report.labels import effect_names
from digiprosper.report.terms import Term
from digiprosper.report.text import conventions
from digiprosper.report.words import NOTES, Language

# Effects shown as arrows.
_DRAWN = ("total", "direct")
_SIDES = ("low", "high")
_STRUCTURES = {"moderated": "path.moderator", "quadratic": "path.square"}
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


# --- words ----------------------------------------------------------------------------


def displayed_terms(results: MediationResults, mediators: Sequence[str]) -> list[Term]:
    """List the effects through `mediators`, without the proportion and equal sums."""
    excluded = {effect("indirect", m) for m in results.mediators if m not in mediators}
    excluded |= {effect("indirect")} if len(mediators) == 1 else set()
    return [
        t
        for t in results.terms
        if t.kind != "proportion_mediated" and overall_term(t) not in excluded
    ]


def effect_text(term: Term, wording: Wording, form: str = "through") -> str:
    """Describe a term's overall effect; `form` is "through" or "effect_through"."""
    whole = overall_term(term)
    if not whole.path:
        return WORDS.say(whole.kind, wording.language)
    path = " → ".join(map(wording.label, whole.path))
    return WORDS.say(f"{whole.kind}.{form}", wording.language, path=path)


def condition_text(term: Term, variable: str, language: Language = "english") -> str:
    """Describe the condition of an effect: ``"w = 55 (50% quantile)"``, or nothing."""
    if term.of:
        return WORDS.say(f"part.{term.kind}", language, variable=variable)
    if term.point is not None:
        value = number_text(term.point.value)
        return WORDS.say(
            f"part.{term.point.code}", language, variable=variable, value=value
        )
    if term.regime is not None:
        if term.regime.number == 1:
            return f"{variable} <= {number_text(term.regime.upper)}"
        return f"{variable} > {number_text(term.regime.lower)}"
    return WORDS.say("part.mean", language) if variable else ""


# --- effects --------------------------------------------------------------------------


def effects(results: MediationResults, wording: Wording, level: float) -> Effects:
    """Collect total, direct and indirect effects, without changes by a moderator."""
    variable = wording.label(results.variable)
    names = {}
    for term in displayed_terms(results, results.mediators):
        if term.kind == "index":
            continue
        words: tuple[str, ...] = (effect_text(term, wording),)
        if results.variable:
            words += (condition_text(term, variable, wording.language),)
        label = wording.labels.get(term.name)
        names[term.name] = words if label is None else (label,)
    source = _draws_text(results, wording, level)
    return Effects(result_column(results, level).estimates, names, source, level)


def conditional_curve(
    results: MediationResults,
    effect_name: str | None,
    wording: Wording,
    level: float,
) -> ConditionalCurve:
    """Compute an effect over its variable; None: the only conditional effect."""
    results._require_conditional_effects("plots.conditional_effect")
    analysis = results.johnson_neyman(effect_name, level=level)
    term = next(term for term in results.terms if term.name == analysis.effect)
    method = "t" if analysis.method == "t" else "draws"
    return ConditionalCurve(
        effect=effect_text(term, wording, "effect_through"),
        variable=wording.label(analysis.variable),
        points=analysis.curve,
        interval=wording.say(f"interval.{method}", level=f"{100 * level:g}"),
        regions=analysis.regions,
        share=analysis.share,
        support=analysis.support,
        quantiles=results.quantiles,
    )


def sensitivity_curve(
    results: MediationSensitivity, wording: Wording
) -> SensitivityCurve:
    """Return an indirect effect over the correlation of the two errors."""
    term = effect("indirect", results.mediator)
    return SensitivityCurve(
        effect=effect_text(term, wording, "effect_through"),
        points=results.curve.rename(columns={"indirect": "estimate"}),
        level=results.level,
        assumed=float(results.assumed[0]),
        zero=results.rho_at_zero,
        zero_interval=(results.rho_low, results.rho_high),
        insignificant=results.rho_insignificant,
    )


# --- paths ----------------------------------------------------------------------------


def chosen_mediators(
    results: MediationResults, mediator: str | None
) -> tuple[str, ...]:
    """Check the mediator of a path diagram; None means all."""
    if mediator is None:
        return results.mediators
    check_option("mediator", mediator, results.mediators)
    if results.structure == "serial":
        raise option_error(
            "mediator",
            mediator,
            f"plots.mediation_path: mediator={cited(mediator)}, but serial mediators "
            "cannot be shown separately; omit it.",
        )
    return (mediator,)


def path_diagram(
    results: MediationResults,
    mediators: tuple[str, ...],
    wording: Wording,
    level: float,
) -> PathDiagram:
    """Collect the numbers and words of a path diagram; `level` of its intervals."""
    variable = results.variable
    chain = results.structure == "serial" and len(mediators) > 1
    arrows = _arrow_slopes(results, wording, mediators, chain=chain)
    moderated = results.structure == "moderated"
    (a, *_), (b, *_), direct = arrows["first"], arrows["second"], arrows["direct"]
    slopes = {"a": a, "b": b, "direct": direct}
    return PathDiagram(
        treatment=wording.label(results.treatment),
        outcome=wording.label(results.info["depvar"] or ""),
        mediators=[wording.label(m) for m in mediators],
        chain=chain,
        **arrows,
        moderator=wording.label(variable) if moderated else "",
        moved=frozenset(k for k, s in slopes.items() if moderated and len(s) > 1),
        title=wording.say("path.effect.mean" if variable else "path.effect"),
        effects=_listed_effects(results, wording, mediators, level),
        level=level,
        remarks=_remarks(results, wording, mediators, level),
    )


def _arrow_slopes(
    results: MediationResults,
    wording: Wording,
    mediators: Sequence[str],
    *,
    chain: bool,
) -> dict[str, Any]:
    """Collect the slopes of every arrow."""
    treatment = results.treatment
    number = [""]
    if len(mediators) > 1:
        number = [str(k + 1).translate(_SUBSCRIPTS) for k in range(len(mediators))]
    numbered = list(zip(mediators, number, strict=True))
    columns = {name: result_column(fit) for name, fit in results.paths.items()}
    slopes = partial(_slopes, results, wording, columns)
    total = slopes("total", treatment, wording.say("path.total", name="c"))
    return {
        "first": [slopes(f"mediator:{m}", treatment, f"a{n}") for m, n in numbered],
        "second": [slopes("outcome", m, f"b{n}") for m, n in numbered],
        "between": {
            (j, k): slopes(f"mediator:{target}", mediators[j], f"d{n}{number[j]}")
            for k, (target, n) in enumerate(numbered if chain else [])
            for j in range(k)
        },
        "direct": slopes("outcome", treatment, "c'"),
        # If effects vary, the total is not a single slope.
        "total": [] if results.variable else total,
    }


def _slopes(
    results: MediationResults,
    wording: Wording,
    columns: Mapping[str, Column],
    equation: str,
    term: str,
    name: str,
) -> list[tuple[str, Estimate]]:
    """List the slopes of a term in an equation, with their texts on an arrow."""
    structure, variable = results.structure, results.variable
    texts = {term: f"{name} ="}
    if structure == "threshold":
        texts = {
            f"{term}:{regime}": wording.say(f"path.{side}", name=name)
            for regime, side in zip(REGIMES, _SIDES, strict=True)
        }
    if structure == "moderated":
        texts[f"{term}:{variable}"] = "× w:"
    if structure == "quadratic" and term == variable:
        texts[f"I({term}**2)"] = "x²:"
    estimates = columns[equation].estimates
    return [(text, estimates[t]) for t, text in texts.items() if t in estimates]


def _listed_effects(
    results: MediationResults,
    wording: Wording,
    mediators: Sequence[str],
    level: float,
) -> list[Effect]:
    """List the effects that are not shown as arrows."""
    estimates = result_column(results, level).estimates
    terms = displayed_terms(results, mediators)
    wholes = list(dict.fromkeys(map(overall_term, terms)))
    ordered = sorted(
        terms,
        key=lambda t: (wholes.index(overall_term(t)), t != overall_term(t), t.of != ""),
    )
    omitted = () if results.variable else _DRAWN
    return [
        Effect(
            _listed_text(results.structure, wording, term),
            estimates[term.name],
            term != overall_term(term),
        )
        for term in ordered
        if overall_term(term).kind not in omitted
    ]


def _listed_text(structure: str, wording: Wording, term: Term) -> str:
    if term.name in wording.labels:
        return wording.labels[term.name]
    if term == overall_term(term):
        return effect_text(term, wording)
    if term.regime is not None:
        return wording.say(f"path.side.{_SIDES[term.regime.number - 1]}")
    symbol = {"moderated": "w", "quadratic": "x"}.get(structure, "")
    return condition_text(term, symbol, wording.language)


def _remarks(
    results: MediationResults,
    wording: Wording,
    mediators: Sequence[str],
    level: float,
) -> list[str]:
    """Explain the structure, the sample, the standard errors and the draws."""
    say, variable = wording.say, wording.label(results.variable)
    remarks = []
    if results.structure in _STRUCTURES:
        remarks.append(say(_STRUCTURES[results.structure], name=variable))
    if results.threshold is not None:
        (low_rows, low_entities), (high_rows, high_entities) = results.regime_counts
        remarks.append(
            say(
                "path.regimes",
                name=variable,
                cut=number_text(results.threshold),
                low_rows=f"{low_rows:,}",
                low_entities=f"{low_entities:,}",
                high_rows=f"{high_rows:,}",
                high_entities=f"{high_entities:,}",
            )
        )
    comma, info = say("list"), results.info
    other_labels = [wording.label(m) for m in results.mediators if m not in mediators]
    if other_labels:
        remarks.append(say("path.others", names=comma.join(other_labels)))
    counts = {"path.rows": results.nobs, "path.entities": info["n_entities"]}
    if (info["n_times"] or 1) > 1:
        counts["path.periods"] = info["n_times"]
    written = [say(code, count=f"{n:,}") for code, n in counts.items() if n is not None]
    effect_labels = map(wording.label, effect_names(info["effects"]))
    effects = comma.join(effect_labels) or say("path.no_effects")
    errors = _errors_text(results, wording)
    draws = _draws_text(results, wording, level)
    return [
        *remarks,
        say("path.sample", counts=comma.join(written), effects=effects),
        say("path.errors", errors=errors, draws=draws),
    ]


def _errors_text(results: MediationResults, wording: Wording) -> str:
    """Describe the standard errors on the arrows."""
    language, inference = wording.language, results.paths["outcome"].inference
    if language == "english":
        return conventions(inference, wording.labels, results.factors)
    errors = NOTES.say(f"errors.kind.{inference.cov_type}", language)
    if not inference.clusters:
        return errors
    both = NOTES.say("and", language)
    clusters = both.join(map(wording.label, inference.clusters))
    by = NOTES.say("errors.by", language, errors=errors, clusters=clusters)
    counts = both.join(f"{count:,}" for count in inference.n_clusters)
    return wording.say("path.clusters", errors=by, counts=counts)


def _draws_text(results: MediationResults, wording: Wording, level: float) -> str:
    """Describe the draws of the intervals."""
    inference = results.inference
    if wording.language == "english" or inference.drawn is None:
        return results.draws_text(wording.labels)
    by_entity = inference.drawn == "entity"
    units = wording.say("entity") if by_entity else wording.label(inference.drawn)
    if (inference.n_drawn or 0) < LEAST_CLUSTERS:
        return wording.say("path.not_drawn", count=inference.n_drawn, units=units)
    count = f"{inference.reps:,}"
    return wording.say("path.drawn", level=f"{100 * level:g}", count=count, units=units)
