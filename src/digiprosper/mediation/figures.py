"""What figures of a mediation draw: its effects, where they hold, what would undo them, its paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import OptionError, check_option, cited, option_problem
from digiprosper.mediation.effect_terms import REGIMES, effect, whole_of
from digiprosper.mediation.words import WORDS
from digiprosper.report.columns import result_column
from digiprosper.report.drawings import ConditionalCurve, Effect, Effects, PathDiagram, SensitivityCurve
from digiprosper.report.labels import effect_names, name_label
from digiprosper.report.text import conventions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digiprosper.mediation.results import MediationResults
    from digiprosper.mediation.sensitivity import MediationSensitivity
    from digiprosper.report.columns import Column, Estimate
    from digiprosper.report.terms import Factors, Term

__all__ = [
    "chosen_mediators",
    "conditional_curve",
    "effect_words",
    "effects",
    "part_words",
    "path_diagram",
    "sensitivity_curve",
    "terms_about",
]

# Effects that an arrow has.
_DRAWN = ("total", "direct")
_SIDES = ("low", "high")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


# --- words --------------------------------------------------------------------------------------------------


def terms_about(results: MediationResults, mediators: Sequence[str]) -> list[Term]:
    """List the terms about some mediators.

    Parameters
    ----------
    results : MediationResults
        Of any structure.
    mediators : sequence of str
        Whose effects, of those in the fit.

    Returns
    -------
    list of Term
        The proportion is left out, and with one mediator the sum of one.
    """
    others = {effect("indirect", m) for m in results.mediators if m not in mediators}
    others |= {effect("indirect")} if len(mediators) == 1 else set()
    return [t for t in results.terms if t.kind != "proportion_mediated" and whole_of(t) not in others]


def effect_words(term: Term, texts: Mapping[str, str], factors: Factors, form: str = "through") -> str:
    """Write the whole effect that a term is a part or a change of.

    Parameters
    ----------
    term : Term
        Of a mediation.
    texts : mapping
        Labels by term or column.
    factors : mapping
        What the mediators are products of, by name.
    form : {"through", "effect_through"}
        Whether the word "effect" comes before "through".

    Returns
    -------
    str
        Such as ``"Indirect through log(jobs)"``.

    Examples
    --------
    >>> effect_words(effect("indirect", "m", "n"), {"m": "jobs", "n": "wages"}, {}, "effect_through")
    'Indirect effect through jobs → wages'
    """
    whole = whole_of(term)
    if not whole.path:
        return WORDS.say(whole.kind)
    path = " → ".join(name_label(link, texts, factors) for link in whole.path)
    return WORDS.say(f"{whole.kind}.{form}", path=path)


def part_words(term: Term, variable: str) -> str:
    """Write where an effect is, or what of it is told.

    Parameters
    ----------
    term : Term
        Of a mediation.
    variable : str
        Text of what effects vary with; empty if they do not.

    Returns
    -------
    str
        Such as ``"urban = 54.96 (50% quantile)"``; empty for the whole of an effect that does not vary.
    """
    if term.of:
        return WORDS.say(f"part.{term.kind}", variable=variable)
    if term.point is not None:
        return WORDS.say(f"part.{term.point.code}", variable=variable, value=f"{term.point.value:.4g}")
    if term.regime is not None:
        low = term.regime.number == 1
        return f"{variable} {'<=' if low else '>'} {term.regime.upper if low else term.regime.lower:.4g}"
    return WORDS.say("part.mean") if variable else ""


def _label(name: str, results: MediationResults, texts: Mapping[str, str]) -> str:
    return name_label(name, texts, results.factors)


# --- effects ------------------------------------------------------------------------------------------------


def effects(results: MediationResults, texts: Mapping[str, str], level: float) -> Effects:
    """Lay out total, direct and indirect effects with their words.

    Parameters
    ----------
    results : MediationResults
        Of any structure.
    texts : mapping
        Labels by term or column.
    level : float
        Of the intervals.

    Returns
    -------
    Effects
        Changes by a unit of the moderator are left out: they have other units.
    """
    variable = _label(results.variable, results, texts)
    names = {}
    for term in terms_about(results, results.mediators):
        words = (
            effect_words(term, texts, results.factors),
            *([part_words(term, variable)] if results.variable else []),
        )
        names[term.name] = (texts[term.name],) if term.name in texts else words
    changes = {term.name for term in results.terms if term.kind == "index"}
    names = {name: words for name, words in names.items() if name not in changes}
    return Effects(result_column(results, level), names, results.draws_text(texts), level)


def conditional_curve(
    results: MediationResults, wanted: str | None, texts: Mapping[str, str], level: float
) -> ConditionalCurve:
    """Lay out an effect over the moderator, or over the treatment where it enters squared.

    Parameters
    ----------
    results : MediationResults
        With a moderator or a square.
    wanted : str or None
        Name of the effect; needed if several depend on the variable.
    texts : mapping
        Labels by term or column.
    level : float
        Of the interval at each value.

    Returns
    -------
    ConditionalCurve
        With Johnson-Neyman regions.

    Raises
    ------
    OptionError
        If no effect depends on a continuous variable, the effect is none of those that do or is not named
        among several, or `level` is not between 0 and 1.
    """
    if not results.routes:
        raise OptionError(
            "plots.conditional_effect: no effect of this fit depends on a continuous variable; fit "
            "Mediation(.., moderator='w', moderates='a') or quadratic='a'. The regimes of a threshold are in "
            "effect_plot.",
            [option_problem("effect", wanted, what="no conditional effect")],
        )
    found = results.johnson_neyman(wanted, level=level)
    term = next(term for term in results.terms if term.name == found.effect)
    how = "t" if found.method == "t" else "percentile of the draws"
    return ConditionalCurve(
        effect=effect_words(term, texts, results.factors, "effect_through"),
        variable=_label(found.variable, results, texts),
        points=found.points,
        interval=f"{100 * level:g}% interval ({how})",
        regions=found.regions,
        share=found.share,
        support=found.support,
        quantiles=results.quantiles,
    )


def sensitivity_curve(results: MediationSensitivity, texts: Mapping[str, str]) -> SensitivityCurve:
    """Lay out an indirect effect over the correlation of the errors of mediator and outcome.

    Parameters
    ----------
    results : MediationSensitivity
        The analysis.
    texts : mapping
        Labels by term or column.

    Returns
    -------
    SensitivityCurve
        With where the effect is 0.
    """
    return SensitivityCurve(
        effect=effect_words(effect("indirect", results.mediator), texts, results.factors, "effect_through"),
        points=np.column_stack([results.rho, results.effects]),
        level=results.level,
        assumed=float(results.assumed[0]),
        zero=results.rho_at_zero,
        zero_interval=(results.rho_low, results.rho_high),
        insignificant=results.rho_insignificant,
    )


# --- paths --------------------------------------------------------------------------------------------------


def chosen_mediators(results: MediationResults, mediator: str | None) -> tuple[str, ...]:
    """Check which mediators a path diagram shows.

    Parameters
    ----------
    results : MediationResults
        The fit.
    mediator : str or None
        One of them; None for all.

    Returns
    -------
    tuple of str
        In the order of the fit.

    Raises
    ------
    OptionError
        If the mediator is none of the fit's or the fit is a chain.
    """
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
) -> PathDiagram:
    """Lay out the paths from treatment through mediators to outcome.

    Parameters
    ----------
    results : MediationResults
        The fit.
    mediators : tuple of str
        Those that are shown.
    texts : mapping
        Labels by term or column.
    level : float
        Of the percentile intervals.

    Returns
    -------
    PathDiagram
        Coefficients on the arrows, and below the effects with which errors, draws and sample are behind them.
    """
    paths = _Paths(results, mediators)
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
        title="Effect" + ", mean of the rows" * bool(results.variable),
        effects=_listed_effects(results, mediators, texts, level),
        level=level,
        remarks=_remarks(results, mediators, texts),
    )


class _Paths:
    """Coefficients of the arrows."""

    def __init__(self, results: MediationResults, mediators: Sequence[str]) -> None:
        self.results, self.mediators = results, mediators
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
        """Slope of the total equation; where effects vary no one slope is the total effect."""
        return [] if self.results.variable else self._slopes("total", self.results.treatment, "total c")

    @property
    def moved(self) -> frozenset[str]:
        """Which of a, b and direct the moderator moves."""
        kinds = {"a": self.first(0), "b": self.second(0), "direct": self.direct}
        return frozenset(kind for kind, slopes in kinds.items() if self.moderator and len(slopes) > 1)

    def _number(self, k: int) -> str:
        return str(k + 1).translate(_SUBSCRIPTS) if len(self.mediators) > 1 else ""

    def _slopes(self, equation: str, term: str, name: str) -> list[tuple[str, Estimate]]:
        cells = self._equations[equation].estimates
        return [(text, cells[t]) for t, text in self._names(term, name).items() if t in cells]

    def _names(self, term: str, name: str) -> dict[str, str]:
        """Name the slopes of a term on an arrow, by their names in the equation."""
        structure, variable = self.results.structure, self.results.variable
        if structure == "threshold":
            ends = zip(REGIMES, _SIDES, strict=True)
            return {f"{term}:{regime}": f"{name} {side} =" for regime, side in ends}
        named = {term: f"{name} ="}
        if structure == "moderated":
            named[f"{term}:{variable}"] = "× w:"
        if structure == "quadratic" and term == variable:
            named[f"I({term}**2)"] = "x²:"
        return named


def _listed_effects(
    results: MediationResults, mediators: Sequence[str], texts: Mapping[str, str], level: float
) -> list[Effect]:
    """List effects: each by itself, then where it varies, then by how much; not those that an arrow has."""
    column, about = result_column(results, level), terms_about(results, mediators)
    wholes = list(dict.fromkeys(map(whole_of, about)))
    ordered = sorted(about, key=lambda t: (wholes.index(whole_of(t)), t != whole_of(t), t.of != ""))
    drawn = () if results.variable else _DRAWN
    return [
        Effect(_listed_words(term, results, texts), column.estimates[term.name], term != whole_of(term))
        for term in ordered
        if whole_of(term).kind not in drawn
    ]


def _listed_words(term: Term, results: MediationResults, texts: Mapping[str, str]) -> str:
    if term.name in texts:
        return texts[term.name]
    if term == whole_of(term):
        return effect_words(term, texts, results.factors)
    if term.regime is not None:
        return f"{_SIDES[term.regime.number - 1]} regime"
    return part_words(term, {"moderated": "w", "quadratic": "x"}.get(results.structure, ""))


def _remarks(results: MediationResults, mediators: Sequence[str], texts: Mapping[str, str]) -> list[str]:
    others = [_label(m, results, texts) for m in results.mediators if m not in mediators]
    errors = conventions(results.paths["outcome"].inference, texts, results.factors)
    return [
        *_structure_remarks(results, texts),
        *([f"Also in the outcome's equation: {', '.join(others)}."] if others else []),
        _sample_remark(results, texts),
        f"{errors}; {results.draws_text(texts)}.",
    ]


def _structure_remarks(results: MediationResults, texts: Mapping[str, str]) -> list[str]:
    if results.structure == "moderated":
        return [
            f"w: {_label(results.variable, results, texts)}. The slope above × w is the slope at w = 0; the "
            "coefficient of × w is its change per unit of w."
        ]
    if results.structure == "quadratic":
        name = _label(results.treatment, results, texts)
        return [f"x²: square of {name}; the slope above it is the slope at 0."]
    if results.structure != "threshold":
        return []
    name, (low, high) = _label(results.variable, results, texts), results.regime_counts
    cut = f"{results.threshold:.4g}"
    return [
        f"low: {name} <= {cut} ({low[0]:,} rows, {low[1]:,} entities); high: > {cut} ({high[0]:,} rows, "
        f"{high[1]:,} entities)."
    ]


def _sample_remark(results: MediationResults, texts: Mapping[str, str]) -> str:
    info = results.info
    counts = [f"{results.nobs:,} rows"]
    counts += [f"{info['n_entities']:,} entities"] if info["n_entities"] is not None else []
    counts += [f"{info['n_times']:,} periods"] if (info["n_times"] or 1) > 1 else []
    names = [_label(name, results, texts) for name in effect_names(info["effects"])]
    return f"Sample: {', '.join(counts)}; effects: {', '.join(names) or 'none'}."
