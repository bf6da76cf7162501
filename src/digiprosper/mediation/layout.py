"""Columns and equations of a mediation, and its effects: terms, products of slopes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, combinations, pairwise
from typing import Any

import numpy as np

from digiprosper.errors import TermError, cited, quoted
from digiprosper.kernels import Floats
from digiprosper.kernels.resampling import Equation
from digiprosper.linear.results import LinearResults
from digiprosper.mediation.kernel import Products, Route, Slope, expand, powers
from digiprosper.panel import Sample
from digiprosper.panel.terms import canonical
from digiprosper.report.terms import Factor, Pieces, Point, Regime, Term
from digiprosper.report.text import repeated

_QUANTILES = {"p10": 10, "p50": 50, "p90": 90}
_VALUES = {"low": 0, "high": 100}
REGIMES = ("regime1", "regime2")
"""Suffixes of effects by regime: low and high values of the threshold variable."""
# The same name as in PanelThreshold.
REGIME_INTERCEPT = "intercept:regime1"

_Position = tuple[int, int]
"""Equation and column of a slope."""
_Slope = list[tuple[_Position, float, float]]
"""Parts (position, level, rate), as in `Route`."""
_Sum = list[tuple[float, tuple[_Position, ...]]]
_Effects = list[tuple[Term, _Sum]]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Columns of a system, its equations, and the effects computed from their slopes.

    - columns: (N, p), outcome, treatment, mediators, controls, and columns that the
      specification adds
    - equations: (outcome, regressors) as column numbers
    - equation_terms: total, mediator:<m>, outcome
    - effects: terms of the results, the proportion last
    - products: from the used slopes to the effects
    - used: (equation, column) of the slopes in effects, in the order of `products`
    - partial: columns of the mediators, if a sensitivity analysis is defined
    - routes: effects as functions of `variable`
    - quantiles: (101,), of the variable in the sample; or empty
    - points: (suffix, value) at which terms evaluate the effects
    - factors: for each added column the factors that it is the product of
    """

    columns: Floats
    names: tuple[str, ...]
    equations: tuple[Equation, ...]
    equation_terms: tuple[Term, ...]
    effects: tuple[Term, ...]
    products: Products
    used: tuple[_Position, ...]
    partial: tuple[int, ...] = ()
    routes: tuple[Route, ...] = ()
    variable: str = ""
    quantiles: Floats = field(default_factory=lambda: np.empty(0))
    points: tuple[tuple[str, float], ...] = ()
    factors: Mapping[str, tuple[Factor, ...]] = field(default_factory=dict)


class _Columns:
    """Columns by name: those of the terms, then added ones."""

    def __init__(self, sample: Sample, terms: Mapping[str, Floats]) -> None:
        self.sample = sample
        self.values = dict(terms)
        self.factors: dict[str, tuple[Factor, ...]] = {}
        self.mediators = sample.names_of("mediators")
        # Numbers of columns; the outcome is 0 and the treatment 1.
        self.through = self.numbers(self.mediators)
        self.controls = self.numbers(sample.names_of("x"))

    def numbers(self, names: Sequence[str]) -> tuple[int, ...]:
        return tuple(map(list(self.values).index, names))

    def add(self, name: str, values: Floats, option: str, *factors: Factor) -> int:
        """Add a column; refuse the name of an existing term."""
        if canonical(name) in map(canonical, self.values):
            raise TermError(
                f"{cited(name)} is among the terms, but {option} adds it already; "
                "remove it from x."
            )
        self.factors[name], self.values[name] = factors, values
        return len(self.values) - 1

    def multiply(
        self, number: int, other: str, values: Floats, option: str, *factors: Factor
    ) -> int:
        """Add the product of a column with another one."""
        name = list(self.values)[number]
        factors = (*self.sample.factors_of(name), *factors)
        return self.add(f"{name}:{other}", self.values[name] * values, option, *factors)

    def equations(
        self,
        x: Sequence[int],
        to_mediator: Sequence[int],
        to_outcome: Sequence[int],
        *,
        serial: bool = False,
    ) -> list[Equation]:
        """Set up the equations of the total, of every mediator and of the outcome.

        Serial mediators are regressed on those before them too.
        """
        mediators = [
            (m, (*to_mediator, *(self.through[:k] if serial else ()), *self.controls))
            for k, m in enumerate(self.through)
        ]
        total, outcome = ((0, (*xs, *self.controls)) for xs in (x, to_outcome))
        return [total, *mediators, outcome]


def lay_out(
    spec: Any,
    sample: Sample,
    terms: Mapping[str, Floats],
    gamma: float | None = None,
    *,
    level: bool = True,
) -> Layout:
    """Set up the columns, equations and effects of a specification on a sample.

    `terms` are outcome, treatment, mediators, controls and moderator (N,); `gamma` is
    the threshold. With `level` a moderator, or the dummy of the low regime, enters
    itself in addition to its products; False if the fixed effects absorb it.
    """
    columns = _Columns(sample, terms)
    if gamma is not None:
        return _lay_out_threshold(columns, gamma, with_level=level)
    if spec.moderator is not None:
        return _lay_out_moderated(spec, columns, with_level=level)
    if spec.quadratic:
        return _lay_out_quadratic(spec, columns)
    return _lay_out_constant(spec, columns)


def _lay_out_constant(spec: Any, columns: _Columns) -> Layout:
    """Set up parallel or serial mediators with constant slopes."""
    through, serial = columns.through, spec.structure == "serial"
    equations = columns.equations((1,), (1,), (1, *through), serial=serial)

    def slope(equation: int, column: int, _: str) -> _Slope:
        return [((equation, column), 1.0, 0.0)]

    slopes = _slopes_by_effect(columns, slope, longest=len(through) if serial else 1)
    (total, _), *others = _average_effects(slopes, np.zeros(1))
    # The total effect is a slope of an equation without mediators.
    effects: _Effects = [(total, [(1.0, ((0, 1),))]), *others]
    return _make_layout(columns, equations, effects, partial=through)


def _lay_out_moderated(spec: Any, columns: _Columns, *, with_level: bool) -> Layout:
    through, moderates = columns.through, spec.moderates
    (name,) = columns.sample.names_of("moderator")
    (number,) = columns.numbers([name])
    if number in (0, 1, *through):
        raise TermError(
            f"moderator={cited(name)} is the outcome, the treatment or a mediator. "
            "quadratic=('a',) lets the treatment's slope depend on the treatment."
        )
    w, factors = columns.values[name], columns.sample.factors_of(name)
    level = (number,) if with_level and number not in columns.controls else ()
    varying = (1, *through) if "b" in moderates else (1,)
    interactions = {
        j: columns.multiply(j, name, w, "moderates", *factors) for j in varying
    }

    equations, slopes = _equations_with_products(
        columns, moderates, interactions, level, 1.0
    )
    direct, *others = slopes
    # Changes per unit of the moderator, if a single slope changes
    index = [
        (change_term(term, "index"), powers(slopes[term])[1])
        for term in (*others, direct)
        if sum(len(slope) > 1 for slope in slopes[term]) == 1
    ]
    return _lay_out_conditional(columns, equations, slopes, name, w, index)


def _lay_out_quadratic(spec: Any, columns: _Columns) -> Layout:
    (name,) = columns.sample.names_of("treatment")
    x, square = columns.values[name], f"I({name}**2)"
    pieces: Pieces = ("I(", *columns.sample.factors_of(name), "**2)")
    factor = Factor(square, name, power=2.0, columns=(name,), pieces=pieces)
    products = {1: columns.add(square, x**2, "quadratic", factor)}
    equations, slopes = _equations_with_products(
        columns, spec.quadratic, products, (), 2.0
    )
    return _lay_out_conditional(columns, equations, slopes, name, x)


def _equations_with_products(
    columns: _Columns,
    words: Sequence[str],
    products: Mapping[int, int],
    level: Sequence[int],
    rate: float,
) -> tuple[list[Equation], dict[Term, list[_Slope]]]:
    """Set up equations with products of the variable, and the slopes of every effect.

    The paths in `words` include the product of their regressor with the variable, whose
    coefficient times `rate` is the change of the slope. `level` is the column of the
    variable if it is a regressor itself.
    """
    through = columns.through
    total = (1, products[1], *level)
    to_outcome = [1, products[1]] if "direct" in words else [1]
    to_outcome += [*through, *(products[m] for m in through if m in products)]
    to_outcome += level if {"b", "direct"} & set(words) else ()
    to_mediator = total if "a" in words else (1,)
    equations = columns.equations(total, to_mediator, to_outcome)

    def slope(equation: int, column: int, word: str) -> _Slope:
        constant = ((equation, column), 1.0, 0.0)
        if word not in words:
            return [constant]
        return [constant, ((equation, products[column]), 0.0, rate)]

    return equations, _slopes_by_effect(columns, slope)


def _slopes_by_effect(
    columns: _Columns, slope: Callable[[int, int, str], _Slope], longest: int = 1
) -> dict[Term, list[_Slope]]:
    """Return the slopes of every effect; `slope` takes equation, column and path.

    Chains have at most `longest` mediators: x on the first, .., the last on y.
    """
    through, last = columns.through, len(columns.through) + 1
    slopes = {effect("direct"): [slope(last, 1, "direct")]}
    for size in range(1, longest + 1):
        for path in combinations(range(len(through)), size):
            slopes[effect("indirect", *(columns.mediators[k] for k in path))] = [
                slope(1 + path[0], 1, "a"),
                *(slope(1 + j, through[i], "between") for i, j in pairwise(path)),
                slope(last, through[path[-1]], "b"),
            ]
    return slopes


def _lay_out_conditional(
    columns: _Columns,
    equations: Sequence[Equation],
    slopes: Mapping[Term, list[_Slope]],
    variable: str,
    values: Floats,
    index: Sequence[tuple[Term, _Sum]] = (),
) -> Layout:
    """Set up effects that depend on a variable (N,): averages, and at quantiles."""
    quantiles = np.quantile(values, np.linspace(0, 1, 101))
    percents = _VALUES if np.unique(values).size == 2 else _QUANTILES
    points = tuple(
        (code, float(quantiles[percent])) for code, percent in percents.items()
    )
    varying = {
        term: parts
        for term, parts in slopes.items()
        if any(len(slope) > 1 for slope in parts)
    }
    at_points = [
        (
            term_at_point(term, Point(variable, code, value)),
            expand(parts, np.array([value])),
        )
        for term, parts in varying.items()
        for code, value in points
    ]
    effects = [*_average_effects(slopes, values), *index, *at_points]
    return _make_layout(
        columns,
        equations,
        effects,
        routes=varying,
        variable=variable,
        quantiles=quantiles,
        points=points,
    )


def _average_effects(
    slopes: Mapping[Term, list[_Slope]], values: Floats, regime: Regime | None = None
) -> _Effects:
    """Average effects over values (N,) of a variable; `slopes` begin with direct."""
    direct, *through = [(term, expand(s, values)) for term, s in slopes.items()]
    indirect = [monomial for _, parts in through for monomial in parts]
    effects = [(effect("total"), direct[1] + indirect), direct]
    # In a regime, a single mediator has no separate sum of indirect effects.
    if regime is None or len(through) > 1:
        effects.append((effect("indirect"), indirect))
    effects += through
    if regime is None:
        return effects
    return [(term_in_regime(term, regime), parts) for term, parts in effects]


def _lay_out_threshold(columns: _Columns, gamma: float, *, with_level: bool) -> Layout:
    """Set up slopes by regime; effects are functions of the low regime's dummy."""
    through, sample = columns.through, columns.sample
    low = (sample.columns("threshold_variable")[:, 0] <= gamma).astype(np.float64)
    dummies = dict(zip(REGIMES, (low, 1.0 - low), strict=True))
    split = {
        j: tuple(
            columns.multiply(j, regime, rows, "threshold", Factor(regime, regime))
            for regime, rows in dummies.items()
        )
        for j in (1, *through)
    }
    level: tuple[int, ...] = ()
    if with_level:
        factors = (Factor(name, name) for name in ("intercept", REGIMES[0]))
        level = (columns.add(REGIME_INTERCEPT, low, "threshold", *factors),)
    x = (*split[1], *level)
    to_outcome = (*split[1], *chain.from_iterable(split[m] for m in through), *level)
    equations = columns.equations(x, x, to_outcome)

    def slope(equation: int, column: int, _: str) -> _Slope:
        in_low, in_high = ((equation, j) for j in split[column])
        return [(in_low, 0.0, 1.0), (in_high, 1.0, -1.0)]

    slopes = _slopes_by_effect(columns, slope)
    (variable,) = sample.names_of("threshold_variable")
    effects = _average_effects(slopes, low)
    for regime, value in zip(
        threshold_regimes(variable, gamma), (1.0, 0.0), strict=True
    ):
        effects += _average_effects(slopes, np.array([value]), regime)
    for term, parts in slopes.items():
        negative = [(-c, at) for c, at in expand(parts, np.ones(1))]
        change = expand(parts, np.zeros(1)) + negative
        effects.append((change_term(term, "difference"), change))
    return _make_layout(columns, equations, effects, variable=variable)


def _make_layout(
    columns: _Columns,
    equations: Sequence[Equation],
    effects: _Effects,
    *,
    routes: Mapping[Term, list[_Slope]] | None = None,
    **fields: Any,
) -> Layout:
    """Make the layout, with positions of the slopes in effects and routes."""
    routes = routes or {}
    used = {at for _, parts in effects for _, positions in parts for at in positions}
    used |= {at for slope in chain.from_iterable(routes.values()) for at, _, _ in slope}
    number = {at: i for i, at in enumerate(sorted(used))}
    to_number = number.__getitem__
    sums = [
        [(constant, tuple(map(to_number, positions))) for constant, positions in parts]
        for _, parts in effects
    ]

    def numbered(slope: _Slope) -> Slope:
        return tuple((number[at], level, rate) for at, level, rate in slope)

    return Layout(
        columns=np.array(list(columns.values.values())).T,
        names=tuple(columns.values),
        equations=tuple(equations),
        equation_terms=(
            equation_term("total"),
            *(equation_term("mediator", mediator) for mediator in columns.mediators),
            equation_term("outcome"),
        ),
        effects=(*_distinct_terms(effects), effect("proportion_mediated")),
        products=Products(sums, ratio=(2, 0)),
        used=tuple(number),
        routes=tuple(
            Route(term.name, tuple(map(numbered, parts)))
            for term, parts in routes.items()
        ),
        factors=columns.factors,
        **fields,
    )


def _distinct_terms(effects: _Effects) -> list[Term]:
    """Return the terms of effects; refuse duplicate names."""
    if duplicates := sorted(repeated([term.name for term, _ in effects])):
        raise TermError(
            f"because of a mediator's name the term {quoted(duplicates)} refers to two "
            "effects; rename its column (panel.assign)."
        )
    return [term for term, _ in effects]


# --- terms of effects and equations ---------------------------------------------------


def effect(kind: str, *path: str) -> Term:
    """Make the term of an effect over all rows.

    It is ``"indirect"``, ``"indirect:<m>"`` or ``"indirect:<m1>><m2>"``. `path` are the
    mediators of the effect; several are a chain.
    """
    name = ":".join([kind, ">".join(path)]) if path else kind
    return Term(name, "mediation", kind, path)


def equation_term(kind: str, *path: str) -> Term:
    """Make an equation's term: ``"total"``, ``"mediator:<m>"``, ``"x on z"``."""
    return Term(":".join([kind, *path]), "equation", kind, path)


def named_fits(
    equations: Iterable[Term], fits: Iterable[LinearResults]
) -> tuple[tuple[str, LinearResults], ...]:
    """Pair fits with the names of their equations."""
    return tuple(
        (term.name, replace(fit, equation=term))
        for term, fit in zip(equations, fits, strict=True)
    )


def change_term(term: Term, kind: str) -> Term:
    """Make the term of the change of an effect.

    It is ``"index:<m>"``, ``"index:direct"`` or ``"difference:<m>"``. The kind is
    "index" by a unit of a moderator, and "difference" from the low to the high regime.
    """
    changed = ">".join(term.path) or term.kind
    return Term(f"{kind}:{changed}", "mediation", kind, term.path, of=term.kind)


def term_at_point(term: Term, point: Point) -> Term:
    """Make the term of an effect at a moderator value: ``"indirect:<m>:p10"``."""
    return replace(term, name=f"{term.name}:{point.code}", point=point)


def term_in_regime(term: Term, regime: Regime) -> Term:
    """Make the term of an effect in a regime, such as ``"indirect:<m>:regime1"``."""
    return replace(
        term, name=f"{term.name}:{REGIMES[regime.number - 1]}", regime=regime
    )


def threshold_regimes(variable: str, threshold: float) -> tuple[Regime, Regime]:
    """Make the low regime (up to and including the threshold) and the high one."""
    return Regime(variable, 1, 2, -math.inf, threshold), Regime(
        variable, 2, 2, threshold
    )


def overall_term(term: Term) -> Term:
    """Return the effect over all rows behind a conditional effect or a change."""
    return effect(term.of or term.kind, *term.path)


def is_specific(term: Term) -> bool:
    """Check for the indirect effect of one mediator or chain over all rows."""
    return (
        term.kind == "indirect"
        and bool(term.path)
        and term.point is None
        and term.regime is None
    )
