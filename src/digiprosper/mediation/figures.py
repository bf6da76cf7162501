"""What figures of a mediation draw: its effects, where they hold, what would undo them, its paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import OptionError, check_option, cited, option_problem
from digiprosper.kernels.intervals import LEAST_CLUSTERS
from digiprosper.mediation.effect_terms import REGIMES, effect, whole_of
from digiprosper.mediation.words import WORDS
from digiprosper.report.columns import result_column
from digiprosper.report.drawings import ConditionalCurve, Effect, Effects, PathDiagram, SensitivityCurve
from digiprosper.report.figure_words import FIGURE
from digiprosper.report.labels import effect_names, name_label
from digiprosper.report.text import conventions
from digiprosper.report.words import NOTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.mediation.results import MediationResults
    from digiprosper.mediation.sensitivity import MediationSensitivity
    from digiprosper.report.columns import Column, Estimate
    from digiprosper.report.terms import Factors, Term
    from digiprosper.report.words import Language

    _Wording = tuple[Mapping[str, str], Language]
    """Labels by term or column, and the language."""

# Effects that an arrow has.
_DRAWN = ("total", "direct")
_SIDES = ("low", "high")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


# --- words --------------------------------------------------------------------------------------------------


def terms_about(results: MediationResults, mediators: Sequence[str]) -> list[Term]:
    """List the terms about some mediators, without the proportion.

    With one mediator the sum of indirect effects is left out, too.
    """
    excluded = {effect("indirect", m) for m in results.mediators if m not in mediators}
    excluded |= {effect("indirect")} if len(mediators) == 1 else set()
    return [t for t in results.terms if t.kind != "proportion_mediated" and whole_of(t) not in excluded]


def effect_words(
    term: Term,
    texts: Mapping[str, str],
    factors: Factors,
    form: str = "through",
    language: Language = "english",
) -> str:
    """Write the effect over all rows of a term, such as ``"Indirect through log(jobs)"``.

    `form` is "through", or "effect_through" with the word "effect".
    """
    whole = whole_of(term)
    if not whole.path:
        return WORDS.say(whole.kind, language)
    path = " → ".join(name_label(link, texts, factors) for link in whole.path)
    return WORDS.say(f"{whole.kind}.{form}", language, path=path)


def part_words(term: Term, variable: str, language: Language = "english") -> str:
    """Write at which values an effect is, or that it is a change, such as ``"w = 55 (50% quantile)"``.

    `variable` is the label of what effects depend on. Empty for an effect that does not depend on anything.
    """
    if term.of:
        return WORDS.say(f"part.{term.kind}", language, variable=variable)
    if term.point is not None:
        value = f"{term.point.value:.4g}"
        return WORDS.say(f"part.{term.point.code}", language, variable=variable, value=value)
    if term.regime is not None:
        low = term.regime.number == 1
        return f"{variable} {'<=' if low else '>'} {term.regime.upper if low else term.regime.lower:.4g}"
    return WORDS.say("part.mean", language) if variable else ""


def _label(name: str, results: MediationResults, texts: Mapping[str, str]) -> str:
    return name_label(name, texts, results.factors)


# --- effects ------------------------------------------------------------------------------------------------


def effects(
    results: MediationResults, texts: Mapping[str, str], level: float, language: Language = "english"
) -> Effects:
    """Collect total, direct and indirect effects with their labels.

    Changes by a unit of the moderator are left out: they have other units.
    """
    variable = _label(results.variable, results, texts)
    names = {}
    for term in terms_about(results, results.mediators):
        words = (
            effect_words(term, texts, results.factors, language=language),
            *([part_words(term, variable, language)] if results.variable else []),
        )
        names[term.name] = (texts[term.name],) if term.name in texts else words
    changes = {term.name for term in results.terms if term.kind == "index"}
    names = {name: words for name, words in names.items() if name not in changes}
    return Effects(result_column(results, level), names, _draws_words(results, texts, level, language), level)


def conditional_curve(
    results: MediationResults,
    effect_name: str | None,
    texts: Mapping[str, str],
    level: float,
    language: Language = "english",
) -> ConditionalCurve:
    """Compute an effect over the moderator, or over the treatment where it enters squared.

    The name of the effect may be None if only one depends on the variable.
    """
    if not results.routes:
        raise OptionError(
            "plots.conditional_effect: no effect of this fit depends on a continuous variable; fit "
            "Mediation(.., moderator='w', moderates='a') or quadratic='a'. The regimes of a threshold are in "
            "effect_plot.",
            [option_problem("effect", effect_name, what="no conditional effect")],
        )
    johnson_neyman = results.johnson_neyman(effect_name, level=level)
    term = next(term for term in results.terms if term.name == johnson_neyman.effect)
    method = "t" if johnson_neyman.method == "t" else "draws"
    return ConditionalCurve(
        effect=effect_words(term, texts, results.factors, "effect_through", language),
        variable=_label(johnson_neyman.variable, results, texts),
        points=johnson_neyman.points,
        interval=FIGURE.say(f"interval.{method}", language, level=f"{100 * level:g}"),
        regions=johnson_neyman.regions,
        share=johnson_neyman.share,
        support=johnson_neyman.support,
        quantiles=results.quantiles,
    )


def sensitivity_curve(
    results: MediationSensitivity, texts: Mapping[str, str], language: Language = "english"
) -> SensitivityCurve:
    """Lay out an indirect effect over the correlation of the errors of mediator and outcome.

    Parameters
    ----------
    results : MediationSensitivity
        The analysis.
    texts : mapping
        Labels by term or column.
    language : {"english", "chinese"}
        Of the words.

    Returns
    -------
    SensitivityCurve
        With where the effect is 0.
    """
    term = effect("indirect", results.mediator)
    return SensitivityCurve(
        effect=effect_words(term, texts, results.factors, "effect_through", language),
        points=np.column_stack([results.rho, results.effects]),
        level=results.level,
        assumed=float(results.assumed[0]),
        zero=results.rho_at_zero,
        zero_interval=(results.rho_low, results.rho_high),
        insignificant=results.rho_insignificant,
    )


# --- paths --------------------------------------------------------------------------------------------------


def chosen_mediators(results: MediationResults, mediator: str | None) -> tuple[str, ...]:
    """Check the mediator of a path diagram; None is all of them."""
    if mediator is None:
        return results.mediators
    check_option("mediator", mediator, results.mediators)
    if results.structure == "serial":
        raise OptionError(
            f"plots.mediation_path: mediator={cited(mediator)}, but serial mediators cannot be shown "
            "separately; omit it.",
            [option_problem("mediator", mediator)],
        )
    return (mediator,)


def path_diagram(
    results: MediationResults,
    mediators: tuple[str, ...],
    texts: Mapping[str, str],
    level: float,
    language: Language = "english",
) -> PathDiagram:
    """Collect coefficients, effects and remarks of a diagram from treatment through mediators to outcome.

    `level` is that of the percentile intervals.
    """
    paths = _Paths(results, mediators, language)
    count = len(mediators)
    chain = results.structure == "serial" and count > 1
    treatment, outcome = results.treatment, results.info["depvar"] or ""
    return PathDiagram(
        treatment=_label(treatment, results, texts),
        outcome=_label(outcome, results, texts),
        mediators=[_label(m, results, texts) for m in mediators],
        chain=chain,
        first=[paths.first(k) for k in range(count)],
        second=[paths.second(k) for k in range(count)],
        between={(j, k): paths.between(j, k) for k in range(count) for j in range(k)} if chain else {},
        direct=paths.direct,
        total=paths.total,
        moderator=_label(paths.moderator, results, texts) if paths.moderator else "",
        moved=paths.moved,
        title=_title(results, language),
        effects=_listed_effects(results, mediators, (texts, language), level),
        level=level,
        remarks=_remarks(results, mediators, (texts, language), level),
    )


def _title(results: MediationResults, language: Language) -> str:
    return FIGURE.say("path.effect.mean" if results.variable else "path.effect", language)


class _Paths:
    """Coefficients on the arrows of a path diagram."""

    def __init__(self, results: MediationResults, mediators: Sequence[str], language: Language) -> None:
        self.results, self.mediators, self.language = results, mediators, language
        self.moderator = results.variable if results.structure == "moderated" else ""
        self._equations: dict[str, Column] = {name: result_column(fit) for name, fit in results.paths.items()}

    def first(self, k: int) -> list[tuple[str, Estimate]]:
        equation = f"mediator:{self.mediators[k]}"
        return self._slopes(equation, self.results.treatment, f"a{self._number(k)}")

    def second(self, k: int) -> list[tuple[str, Estimate]]:
        return self._slopes("outcome", self.mediators[k], f"b{self._number(k)}")

    def between(self, source: int, target: int) -> list[tuple[str, Estimate]]:
        name = f"d{self._number(target)}{self._number(source)}"
        return self._slopes(f"mediator:{self.mediators[target]}", self.mediators[source], name)

    @property
    def direct(self) -> list[tuple[str, Estimate]]:
        return self._slopes("outcome", self.results.treatment, "c'")

    @property
    def total(self) -> list[tuple[str, Estimate]]:
        """Slope of the total equation; empty if effects vary, because then no one slope is the total."""
        name = FIGURE.say("path.total", self.language, name="c")
        return [] if self.results.variable else self._slopes("total", self.results.treatment, name)

    @property
    def moved(self) -> frozenset[str]:
        """Which of a, b and direct depend on the moderator."""
        kinds = {"a": self.first(0), "b": self.second(0), "direct": self.direct}
        return frozenset(kind for kind, slopes in kinds.items() if self.moderator and len(slopes) > 1)

    def _number(self, k: int) -> str:
        return str(k + 1).translate(_SUBSCRIPTS) if len(self.mediators) > 1 else ""

    def _slopes(self, equation: str, term: str, name: str) -> list[tuple[str, Estimate]]:
        cells = self._equations[equation].estimates
        return [(text, cells[t]) for t, text in self._names(term, name).items() if t in cells]

    def _names(self, term: str, name: str) -> dict[str, str]:
        """Map the slopes of a term, by their names in the equation, to their texts on an arrow."""
        structure, variable = self.results.structure, self.results.variable
        if structure == "threshold":
            ends = zip(REGIMES, _SIDES, strict=True)
            return {
                f"{term}:{regime}": FIGURE.say(f"path.{side}", self.language, name=name)
                for regime, side in ends
            }
        names = {term: f"{name} ="}
        if structure == "moderated":
            names[f"{term}:{variable}"] = "× w:"
        if structure == "quadratic" and term == variable:
            names[f"I({term}**2)"] = "x²:"
        return names


def _listed_effects(
    results: MediationResults, mediators: Sequence[str], wording: _Wording, level: float
) -> list[Effect]:
    """List effects that no arrow shows: each over all rows, then where it varies, then its changes."""
    column, terms = result_column(results, level), terms_about(results, mediators)
    wholes = list(dict.fromkeys(map(whole_of, terms)))
    ordered = sorted(terms, key=lambda t: (wholes.index(whole_of(t)), t != whole_of(t), t.of != ""))
    drawn = () if results.variable else _DRAWN
    return [
        Effect(_listed_words(term, results, wording), column.estimates[term.name], term != whole_of(term))
        for term in ordered
        if whole_of(term).kind not in drawn
    ]


def _listed_words(term: Term, results: MediationResults, wording: _Wording) -> str:
    texts, language = wording
    if term.name in texts:
        return texts[term.name]
    if term == whole_of(term):
        return effect_words(term, texts, results.factors, language=language)
    if term.regime is not None:
        return FIGURE.say(f"path.side.{_SIDES[term.regime.number - 1]}", language)
    return part_words(term, {"moderated": "w", "quadratic": "x"}.get(results.structure, ""), language)


def _remarks(
    results: MediationResults, mediators: Sequence[str], wording: _Wording, level: float
) -> list[str]:
    texts, language = wording
    other_labels = [_label(m, results, texts) for m in results.mediators if m not in mediators]
    names = FIGURE.say("list", language).join(other_labels)
    errors, draws = _errors_words(results, wording), _draws_words(results, texts, level, language)
    return [
        *_structure_remarks(results, wording),
        *([FIGURE.say("path.others", language, names=names)] if other_labels else []),
        _sample_remark(results, wording),
        FIGURE.say("path.errors", language, errors=errors, draws=draws),
    ]


def _structure_remarks(results: MediationResults, wording: _Wording) -> list[str]:
    texts, language = wording
    if results.structure == "moderated":
        name = _label(results.variable, results, texts)
        return [FIGURE.say("path.moderator", language, name=name)]
    if results.structure == "quadratic":
        return [FIGURE.say("path.square", language, name=_label(results.treatment, results, texts))]
    if results.structure != "threshold":
        return []
    low, high = results.regime_counts
    return [
        FIGURE.say(
            "path.regimes",
            language,
            name=_label(results.variable, results, texts),
            cut=f"{results.threshold:.4g}",
            low_rows=f"{low[0]:,}",
            low_entities=f"{low[1]:,}",
            high_rows=f"{high[0]:,}",
            high_entities=f"{high[1]:,}",
        )
    ]


def _sample_remark(results: MediationResults, wording: _Wording) -> str:
    (texts, language), info = wording, results.info
    several = (info["n_times"] or 1) > 1
    counts = {
        "path.rows": results.nobs,
        "path.entities": info["n_entities"],
        "path.periods": info["n_times"] if several else None,
    }
    joint = FIGURE.say("list", language)
    written = [FIGURE.say(code, language, count=f"{n:,}") for code, n in counts.items() if n is not None]
    names = [_label(name, results, texts) for name in effect_names(info["effects"])]
    effects = joint.join(names) or FIGURE.say("path.no_effects", language)
    return FIGURE.say("path.sample", language, counts=joint.join(written), effects=effects)


def _errors_words(results: MediationResults, wording: _Wording) -> str:
    """Describe the standard errors on the arrows."""
    texts, language = wording
    inference = results.paths["outcome"].inference
    if language == "english":
        return conventions(inference, texts, results.factors)
    errors = NOTES.say(f"errors.kind.{inference.cov_type}", language)
    if not inference.clusters:
        return errors
    clusters = NOTES.say("and", language).join(_label(name, results, texts) for name in inference.clusters)
    by = NOTES.say("errors.by", language, errors=errors, clusters=clusters)
    counts = NOTES.say("and", language).join(f"{count:,}" for count in inference.n_clusters)
    return FIGURE.say("path.clusters", language, errors=by, counts=counts)


def _draws_words(
    results: MediationResults, texts: Mapping[str, str], level: float, language: Language
) -> str:
    """Describe the draws of the intervals."""
    inference = results.inference
    if language == "english" or inference.drawn is None:
        return results.draws_text(texts)
    by_entity = inference.drawn == "entity"
    units = FIGURE.say("entity", language) if by_entity else _label(inference.drawn, results, texts)
    if (inference.n_drawn or 0) < LEAST_CLUSTERS:
        return FIGURE.say("path.not_drawn", language, count=inference.n_drawn, units=units)
    return FIGURE.say(
        "path.drawn", language, level=f"{100 * level:g}", count=f"{inference.reps:,}", units=units
    )
