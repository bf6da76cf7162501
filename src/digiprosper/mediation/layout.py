"""From a mediation to columns, equations and effects: who enters where, and what multiplies what."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, combinations, pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import TermError, cited, quoted
from digiprosper.mediation.effect_terms import (
    REGIMES,
    at_point,
    change_of,
    effect,
    equation_term,
    in_regime,
    regimes_of,
)
from digiprosper.mediation.kernel import products
from digiprosper.mediation.routes import Route
from digiprosper.panel.terms import canonical
from digiprosper.report.terms import Factor, Point, Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from digiprosper.kernels import Floats
    from digiprosper.kernels.resampling import Block, Equation
    from digiprosper.mediation.kernel import Products
    from digiprosper.panel import Sample
    from digiprosper.report.terms import Pieces, Regime

_QUANTILES = {"p10": 10, "p50": 50, "p90": 90}
_VALUES = {"low": 0, "high": 100}
# The name it has in PanelThreshold, too.
REGIME_INTERCEPT = "intercept:regime1"


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Columns of a system, its equations, and the effects computed from their slopes.

    - columns: (N, p), outcome, treatment, mediators, controls, and columns that the specification adds
    - equations: (outcome, regressors) as column numbers
    - equation_terms: total, mediator:<m>, outcome
    - effects: terms of the results, the proportion last
    - products: from the used slopes to the effects
    - used: (equation, column) of the slopes in effects, in the order of `products`
    - blocks: (outcomes, regressors) of residuals for the sensitivity analysis, one for each mediator; or
      empty
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
    used: tuple[tuple[int, int], ...]
    blocks: tuple[Block, ...] = ()
    routes: tuple[Route, ...] = ()
    variable: str = ""
    quantiles: Floats = field(default_factory=lambda: np.empty(0))
    points: tuple[tuple[str, float], ...] = ()
    factors: Mapping[str, tuple[Factor, ...]] = field(default_factory=dict)

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the effects."""
        return tuple(effect.name for effect in self.effects)


@dataclass(frozen=True, slots=True, eq=False)
class _Where:
    """The variable that effects depend on, and its values; as in `Layout`."""

    variable: str
    quantiles: Floats = field(default_factory=lambda: np.empty(0))
    points: tuple[tuple[str, float], ...] = ()
    regimes: tuple[Regime, ...] = ()


_NOWHERE = _Where("")


@dataclass(frozen=True, slots=True, eq=False)
class _Basis:
    """Factor of a slope: in each row, at the named points, and as level + rate * variable."""

    rows: Floats
    points: tuple[float, ...]
    level: float
    rate: float


_Position = tuple[int, int]
"""Equation and column of a slope."""
_Slope = list[tuple[_Position, _Basis]]
_Sum = list[tuple[float, tuple[_Position, ...]]]
_Effect = tuple[Term, _Sum]


class _Columns:
    """Columns by name, without repetitions."""

    def __init__(self, sample: Sample, roles: Sequence[str]) -> None:
        self.names: list[str] = []
        self.new_factors: dict[str, tuple[Factor, ...]] = {}
        self._sample = sample
        self._columns: list[Floats] = []
        for role in roles:
            for name, column in zip(sample.names_of(role), sample.columns(role).T, strict=True):
                if name not in self.names:
                    self._add(name, column)

    def at(self, name: str) -> int:
        return self.names.index(name)

    def get(self, name: str) -> Floats:
        return self.column(self.at(name))

    def column(self, position: int) -> Floats:
        return self._columns[position]

    def factors(self, position: int) -> tuple[Factor, ...]:
        return self._sample.factors_of(self.names[position])

    def times(self, first: int, second: int, why: str) -> int:
        """Add the product of two columns."""
        factors = (*self.factors(first), *self.factors(second))
        name = f"{self.names[first]}:{self.names[second]}"
        return self.make(name, self.column(first) * self.column(second), why, factors)

    def make(self, name: str, values: Floats, why: str, factors: tuple[Factor, ...]) -> int:
        """Add a column; refuse it if a term is the same, because it would enter twice."""
        if canonical(name) in {canonical(n) for n in self.names}:
            raise TermError(f"{cited(name)} is among the terms, but {why} adds it already; remove it from x.")
        self.new_factors[name] = factors
        return self._add(name, values)

    def _add(self, name: str, values: Floats) -> int:
        self.names.append(name)
        self._columns.append(values)
        return len(self.names) - 1

    def matrix(self) -> Floats:
        """Stack the columns, each contiguous in memory."""
        return np.array(self._columns).T


def given_columns(spec: Any, sample: Sample) -> tuple[tuple[str, ...], Floats]:
    """Select the names and columns (N, p) of the terms of a specification, the first of every layout.

    They are outcome, treatment, mediators, controls and, if there is one, the moderator.
    """
    columns = _spec_columns(spec, sample)
    return tuple(columns.names), columns.matrix()


def _spec_columns(spec: Any, sample: Sample) -> _Columns:
    return _Columns(sample, ("y", "treatment", "mediators", "x", *(("moderator",) if spec.moderator else ())))


def lay_out(spec: Any, sample: Sample, gamma: float | None = None, *, level: bool = True) -> Layout:
    """Set up the columns, equations and effects of a specification on a sample.

    `gamma` is the threshold. With `level` a moderator, or the dummy of the low regime, enters itself in
    addition to its products; False if the fixed effects absorb it.
    """
    columns = _spec_columns(spec, sample)
    if gamma is not None:
        return _by_regime(sample, columns, gamma, with_level=level)
    if spec.moderator is not None:
        return _moderated(spec, sample, columns, with_level=level)
    if spec.quadratic:
        return _quadratic(spec, sample, columns)
    return _plain(spec, sample, columns)


def _parts(sample: Sample, columns: _Columns) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Column numbers of treatment, mediators, controls."""
    through = tuple(columns.at(m) for m in sample.names_of("mediators"))
    return 1, through, tuple(columns.at(x) for x in sample.names_of("x"))


def _equations(
    x: Sequence[int],
    through: Sequence[int],
    to_mediators: Sequence[Sequence[int]],
    to_outcome: Sequence[int],
    controls: Sequence[int],
) -> list[Equation]:
    """Set up the equations of the total, of every mediator and of the outcome."""
    mediators = zip(through, to_mediators, strict=True)
    return [
        (0, (*x, *controls)),
        *((m, (*regressors, *controls)) for m, regressors in mediators),
        (0, (*to_outcome, *controls)),
    ]


def _plain(spec: Any, sample: Sample, columns: _Columns) -> Layout:
    x, through, controls = _parts(sample, columns)
    serial, count = spec.structure == "serial", len(through)
    earlier = [through[:k] if serial else () for k in range(count)]
    equations = _equations((x,), through, [(x, *before) for before in earlier], (x, *through), controls)

    mediators, paths = sample.names_of("mediators"), _paths(count, serial=serial)
    specific = [effect("indirect", *(mediators[k] for k in path)) for path in paths]
    along = [(1.0, _links(path, x, through)) for path in paths]
    terms: list[_Effect] = [
        (effect("total"), [(1.0, ((0, x),))]),
        (effect("direct"), [(1.0, ((count + 1, x),))]),
        (effect("indirect"), along),
        *((term, [links]) for term, links in zip(specific, along, strict=True)),
    ]
    blocks = [((0, m), _without(m, (x, *through, *controls))) for m in through]
    return _finish(columns, equations, mediators, terms, blocks=blocks)


def _paths(count: int, *, serial: bool) -> list[tuple[int, ...]]:
    """List the paths of effects: each mediator alone and, in series, every ordered selection."""
    longest = count if serial else 1
    return [path for size in range(1, longest + 1) for path in combinations(range(count), size)]


def _links(path: Sequence[int], x: int, through: Sequence[int]) -> tuple[_Position, ...]:
    """List the slopes along a path: of x in the first mediator, of each in the next, of the last in y."""
    between = [(1 + later, through[earlier]) for earlier, later in pairwise(path)]
    return ((1 + path[0], x), *between, (len(through) + 1, through[path[-1]]))


def _without(column: int, columns: Sequence[int]) -> tuple[int, ...]:
    return tuple(other for other in columns if other != column)


def _moderated(spec: Any, sample: Sample, columns: _Columns, *, with_level: bool) -> Layout:
    x, through, controls = _parts(sample, columns)
    name, moderates = sample.names_of("moderator")[0], spec.moderates
    at, w = columns.at(name), columns.get(name)
    if at in (0, x, *through):
        raise TermError(
            f"moderator={cited(name)} is the outcome, the treatment or a mediator. quadratic=('a',) lets the "
            "treatment's slope depend on the treatment."
        )
    level = (at,) if with_level and at not in controls else ()
    moving = (x, *through) if "b" in moderates else (x,)
    interactions = {j: columns.times(j, at, "moderates") for j in moving}

    equations = _with_products(_parts(sample, columns), interactions, level, moderates)
    where = _where(name, w, _VALUES if np.unique(w).size == 2 else _QUANTILES)
    moderated = _Basis(w, tuple(v for _, v in where.points), 0.0, 1.0)

    def slope(equation: int, column: int, word: str) -> _Slope:
        constant = ((equation, column), _constant(len(where.points)))
        return [constant, ((equation, interactions[column]), moderated)] if word in moderates else [constant]

    last = len(through) + 1
    straight = slope(last, x, "direct")
    slopes = [(slope(1 + k, x, "a"), slope(last, m, "b")) for k, m in enumerate(through)]
    index = _index(sample.names_of("mediators"), straight, slopes, moderates)
    return _varying(sample, columns, equations, straight, slopes, where, index)


def _with_products(
    parts: tuple[int, tuple[int, ...], tuple[int, ...]],
    interactions: Mapping[int, int],
    level: tuple[int, ...],
    moderates: Sequence[str],
) -> list[Equation]:
    """Set up the equations with the interactions and the level of the moderator."""
    x, through, controls = parts
    total = (x, interactions[x], *level)
    to_mediators = [total if "a" in moderates else (x,)] * len(through)
    to_outcome = [x, interactions[x]] if "direct" in moderates else [x]
    to_outcome += [*through, *(interactions[m] for m in through if m in interactions)]
    to_outcome += level if {"b", "direct"} & set(moderates) else ()
    return _equations(total, through, to_mediators, to_outcome, controls)


def _index(
    mediators: Sequence[str],
    straight: _Slope,
    slopes: Sequence[tuple[_Slope, _Slope]],
    moderates: Sequence[str],
) -> list[_Effect]:
    """Write the change of effects by a unit of the moderator, if they are linear in it."""
    out: list[_Effect] = []
    if ("a" in moderates) != ("b" in moderates):
        out += [
            (change_of(effect("indirect", m), "index"), [(1.0, (a[-1][0], b[-1][0]))])
            for m, (a, b) in zip(mediators, slopes, strict=True)
        ]
    if "direct" in moderates:
        out.append((change_of(effect("direct"), "index"), [(1.0, (straight[-1][0],))]))
    return out


def _quadratic(spec: Any, sample: Sample, columns: _Columns) -> Layout:
    x, through, controls = _parts(sample, columns)
    name = columns.names[x]
    values = columns.get(name)
    bend = f"I({name}**2)"
    pieces: Pieces = ("I(", *columns.factors(x), "**2)")
    factor = Factor(bend, name, power=2.0, columns=(name,), pieces=pieces)
    square = columns.make(bend, values**2, "quadratic", (factor,))
    bent = (x, square)
    to_mediators = [bent if "a" in spec.quadratic else (x,)] * len(through)
    to_outcome = (*(bent if "direct" in spec.quadratic else (x,)), *through)
    equations = _equations(bent, through, to_mediators, to_outcome, controls)
    last = len(through) + 1
    where = _where(name, values, _QUANTILES)
    constant = _constant(len(where.points))
    twice = _Basis(2 * values, tuple(2 * v for _, v in where.points), 0.0, 2.0)

    def slope(equation: int, word: str) -> _Slope:
        return [((equation, x), constant)] + ([((equation, square), twice)] if word in spec.quadratic else [])

    slopes: list[tuple[_Slope, _Slope]] = [
        (slope(1 + k, "a"), [((last, m), constant)]) for k, m in enumerate(through)
    ]
    return _varying(sample, columns, equations, slope(last, "direct"), slopes, where, [])


def _by_regime(sample: Sample, columns: _Columns, gamma: float, *, with_level: bool) -> Layout:
    x, through, controls = _parts(sample, columns)
    q = sample.columns("threshold_variable")[:, 0]
    low = q <= gamma
    split = {
        j: tuple(
            columns.make(
                f"{columns.names[j]}:{regime}",
                columns.get(columns.names[j]) * rows,
                "threshold",
                (*columns.factors(j), Factor(regime, regime)),
            )
            for regime, rows in zip(REGIMES, (low, ~low), strict=True)
        )
        for j in (x, *through)
    }
    rows = low.astype(np.float64)
    dummy = tuple(Factor(name, name) for name in ("intercept", REGIMES[0]))
    level = (columns.make(REGIME_INTERCEPT, rows, "threshold", dummy),) if with_level else ()
    to_outcome = [*split[x], *chain.from_iterable(split[m] for m in through)]
    equations = _equations(split[x], through, [split[x]] * len(through), to_outcome, (*level, *controls))
    last = len(through) + 1
    regimes = (_Basis(rows, (1.0, 0.0), 0.0, 0.0), _Basis(1.0 - rows, (0.0, 1.0), 0.0, 0.0))

    def slope(equation: int, column: int) -> _Slope:
        return [((equation, j), basis) for j, basis in zip(split[column], regimes, strict=True)]

    slopes = [(slope(1 + k, x), slope(last, m)) for k, m in enumerate(through)]
    variable = sample.names_of("threshold_variable")[0]
    where = _Where(variable, regimes=regimes_of(variable, gamma))
    return _varying(sample, columns, equations, slope(last, x), slopes, where, [])


def _where(variable: str, values: Floats, percents: dict[str, int]) -> _Where:
    quantiles = np.quantile(values, np.linspace(0, 1, 101))
    return _Where(variable, quantiles, tuple((s, float(quantiles[p])) for s, p in percents.items()))


def _constant(points: int) -> _Basis:
    return _Basis(np.ones(1), (1.0,) * points, 1.0, 0.0)


def _expand(slopes: Iterable[_Slope], point: int | None) -> _Sum:
    """Write a product of slopes as a sum of products: at a point, or averaged over the rows."""
    out = []
    for parts in product(*slopes):
        if point is None:
            rows = np.ones(1)
            for _, basis in parts:
                rows = rows * basis.rows
            constant = float(rows.mean())
        else:
            constant = float(np.prod([basis.points[point] for _, basis in parts]))
        if constant:
            out.append((constant, tuple(at for at, _ in parts)))
    return out


def _varying(
    sample: Sample,
    columns: _Columns,
    equations: list[Equation],
    straight: _Slope,
    slopes: list[tuple[_Slope, _Slope]],
    where: _Where,
    index: list[_Effect],
) -> Layout:
    mediators = sample.names_of("mediators")
    through = [effect("indirect", m) for m in mediators]
    effects = {effect("direct"): (straight,), **dict(zip(through, slopes, strict=True))}
    averages = {term: _expand(parts, None) for term, parts in effects.items()}

    direct = averages[effect("direct")]
    indirect = list(chain.from_iterable(averages[term] for term in through))
    terms: list[_Effect] = [(effect("total"), direct + indirect), (effect("direct"), direct)]
    terms += [(effect("indirect"), indirect), *((term, averages[term]) for term in through), *index]

    if where.regimes:
        terms += _regime_effects(effects, where.regimes)
        return _finish(columns, equations, mediators, terms, where=where)
    moving = {term: parts for term, parts in effects.items() if _moves(parts)}
    routes = [(term.name, parts) for term, parts in moving.items()]
    terms += _effects_at_points(moving, where)
    return _finish(columns, equations, mediators, terms, routes=routes, where=where)


def _moves(slopes: Iterable[_Slope]) -> bool:
    """Whether an effect depends on the variable: one of its slopes has more than one part."""
    return any(len(slope) > 1 for slope in slopes)


def _effects_at_points(effects: Mapping[Term, tuple[_Slope, ...]], where: _Where) -> list[_Effect]:
    return [
        (at_point(term, Point(where.variable, *point)), _expand(parts, i))
        for term, parts in effects.items()
        for i, point in enumerate(where.points)
    ]


def _regime_effects(effects: Mapping[Term, tuple[_Slope, ...]], regimes: Sequence[Regime]) -> list[_Effect]:
    """Write every effect in each regime, and the differences between regimes."""
    direct, *through = effects
    out: list[_Effect] = []
    for i, regime in enumerate(regimes):
        in_each = {term: _expand(parts, i) for term, parts in effects.items()}
        indirect = [monomial for term in through for monomial in in_each[term]]
        sums = [(effect("total"), in_each[direct] + indirect), (direct, in_each[direct])]
        sums += [(effect("indirect"), indirect)] if len(through) > 1 else []
        out += [(in_regime(term, regime), parts) for term, parts in sums]
        out += [(in_regime(term, regime), in_each[term]) for term in through]

    for term, parts in effects.items():
        negative = [(-c, at) for c, at in _expand(parts, 0)]
        out.append((change_of(term, "difference"), _expand(parts, 1) + negative))
    return out


def _refuse_twins(names: Sequence[str]) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise TermError(
            f"because of a mediator's name the term {quoted(twins)} refers to two effects; rename its "
            "column (panel.assign)."
        )


def _finish(
    columns: _Columns,
    equations: Sequence[Equation],
    mediators: Sequence[str],
    terms: Sequence[_Effect],
    *,
    blocks: Sequence[Block] = (),
    routes: Sequence[Any] = (),
    where: _Where = _NOWHERE,
) -> Layout:
    _refuse_twins([term.name for term, _ in terms])
    used = _used(terms, routes)
    positions = {at: i for i, at in enumerate(used)}
    sums = [[(constant, _looked_up(positions, factors)) for constant, factors in parts] for _, parts in terms]
    return Layout(
        columns=columns.matrix(),
        names=tuple(columns.names),
        equations=tuple(equations),
        equation_terms=_equation_terms(mediators),
        effects=(*(term for term, _ in terms), effect("proportion_mediated")),
        products=products(sums, ratio=(2, 0)),
        used=used,
        blocks=tuple(blocks),
        routes=tuple(_route(positions, name, slopes) for name, slopes in routes),
        variable=where.variable,
        quantiles=where.quantiles,
        points=where.points,
        factors=columns.new_factors,
    )


def _equation_terms(mediators: Sequence[str]) -> tuple[Term, ...]:
    between = (equation_term("mediator", mediator) for mediator in mediators)
    return equation_term("total"), *between, equation_term("outcome")


def _used(terms: Sequence[_Effect], routes: Sequence[Any]) -> tuple[_Position, ...]:
    """List the slopes in effects and routes."""
    sums = chain.from_iterable(parts for _, parts in terms)
    slopes = chain.from_iterable(parts for _, parts in routes)
    in_effects = set(chain.from_iterable(factors for _, factors in sums))
    return tuple(sorted(in_effects | {at for at, _ in chain.from_iterable(slopes)}))


def _looked_up(positions: Mapping[_Position, int], factors: Sequence[_Position]) -> tuple[int, ...]:
    return tuple(positions[at] for at in factors)


def _route(positions: Mapping[_Position, int], name: str, slopes: Sequence[_Slope]) -> Route:
    lines = (tuple((positions[at], basis.level, basis.rate) for at, basis in slope) for slope in slopes)
    return Route(name, tuple(lines))
