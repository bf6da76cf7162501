"""From a mediation to columns, equations and effects: who enters where, and what multiplies what."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations, pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import TermError, cited, quoted
from digiprosper.mediation.effect_terms import REGIMES, at_point, change_of, effect, in_regime, regimes_of
from digiprosper.mediation.kernel import products
from digiprosper.mediation.routes import Route
from digiprosper.panel.terms import canonical
from digiprosper.report.terms import Factor, Point, Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from digiprosper.kernels import Floats
    from digiprosper.kernels.resampling import Block, Equation
    from digiprosper.mediation.kernel import Monomial, Products
    from digiprosper.panel import Sample
    from digiprosper.report.terms import Regime

__all__ = ["REGIME_INTERCEPT", "Layout", "given_columns", "lay_out"]

_QUANTILES = {"p10": 10, "p50": 50, "p90": 90}
_VALUES = {"low": 0, "high": 100}
# The name it has in PanelThreshold, too.
REGIME_INTERCEPT = "intercept:regime1"


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Columns of a system, its equations, and the effects made of their slopes.

    Parameters
    ----------
    columns : (N, p) array
        Outcome, treatment, mediators, controls, and what is made of them.
    names : tuple of str
        Of the columns.
    equations : tuple of (outcome, regressors)
        Column numbers.
    labels : tuple of str
        Of the equations: total, mediator:<m>, outcome.
    effects : tuple of Term
        Of the results, the proportion last.
    products : Products
        From the used slopes to the terms.
    used : tuple of (equation, column)
        Slopes that the terms are made of, in the order that `products` counts them.
    blocks : tuple of (outcomes, regressors)
        Residuals wanted for the sensitivity analysis, one block a mediator; empty where it is not defined.
    routes : tuple of Route
        Effects as functions of a variable.
    variable : str
        That variable.
    quantiles : (101,) array
        Of it in the sample; empty without one.
    points : tuple of (suffix, value)
        Where terms tell the effects: the 10, 50 and 90% quantiles, or both values of a dummy.
    factors : mapping
        Name of a column that the specification makes to what it is a product of.
    """

    columns: Floats
    names: tuple[str, ...]
    equations: tuple[Equation, ...]
    labels: tuple[str, ...]
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
    """The variable that effects depend on, as `Layout` holds it."""

    variable: str
    quantiles: Floats = field(default_factory=lambda: np.empty(0))
    points: tuple[tuple[str, float], ...] = ()
    regimes: tuple[Regime, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Basis:
    """What a slope is multiplied by: by row of the sample, at named points, as a line in the variable."""

    rows: Floats
    points: tuple[float, ...]
    level: float
    rate: float


_Place = tuple[int, int]
"""Equation and column of a slope."""
_Slope = list[tuple[_Place, _Basis]]
_Sum = list[tuple[float, tuple[_Place, ...]]]
_Effect = tuple[Term, _Sum]


class _Columns:
    """Columns by name, each once."""

    def __init__(self, sample: Sample, roles: Sequence[str]) -> None:
        self.names: list[str] = []
        self.made: dict[str, tuple[Factor, ...]] = {}
        self._sample = sample
        self._columns: list[Floats] = []
        for role in roles:
            for name, column in zip(sample.names_of(role), sample.columns(role).T, strict=True):
                if name not in self.names:
                    self._add(name, column)

    def at(self, name: str) -> int:
        return self.names.index(name)

    def get(self, name: str) -> Floats:
        return self._columns[self.at(name)]

    def factors(self, place: int) -> tuple[Factor, ...]:
        return self._sample.factors_of(self.names[place])

    def make(self, name: str, values: Floats, why: str, factors: tuple[Factor, ...]) -> int:
        """Add a column that the specification makes; one of the same name would be it twice."""
        if canonical(name) in {canonical(n) for n in self.names}:
            raise TermError(f"{cited(name)} is among the terms, but {why} adds it already; remove it from x.")
        self.made[name] = factors
        return self._add(name, values)

    def _add(self, name: str, values: Floats) -> int:
        self.names.append(name)
        self._columns.append(values)
        return len(self.names) - 1

    def matrix(self) -> Floats:
        """One column after another in memory, as they are swept."""
        return np.array(self._columns).T


def given_columns(spec: Any, sample: Sample) -> tuple[tuple[str, ...], Floats]:
    """Take the columns that a specification names, the first of every layout.

    Parameters
    ----------
    spec : Mediation
        The specification.
    sample : Sample
        As for `lay_out`.

    Returns
    -------
    names : tuple of str
        Outcome, treatment, mediators, controls and, where there is one, the moderator.
    columns : (N, p) array
        As in the data.
    """
    given = _given(spec, sample)
    return tuple(given.names), given.matrix()


def _given(spec: Any, sample: Sample) -> _Columns:
    return _Columns(sample, ("y", "treatment", "mediators", "x", *(("moderator",) if spec.moderator else ())))


def lay_out(spec: Any, sample: Sample, gamma: float | None = None, *, level: bool = True) -> Layout:
    """Write the columns, equations and effects of a specification on a sample.

    Parameters
    ----------
    spec : Mediation
        The specification.
    sample : Sample
        With the roles y, treatment, mediators, x and, where named, moderator and threshold_variable.
    gamma : float, optional
        Where the regimes part.
    level : bool
        Whether a moderator, or the dummy of the low regime, enters by itself beside its products; not if the
        effects absorb it.

    Returns
    -------
    Layout
        For `system.estimate`.

    Raises
    ------
    TermError
        If a term is what the structure makes.
    """
    columns = _given(spec, sample)
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


def _plain(spec: Any, sample: Sample, columns: _Columns) -> Layout:
    x, through, controls = _parts(sample, columns)
    serial, count = spec.structure == "serial", len(through)
    equations: list[Equation] = [(0, (x, *controls))]
    for k, m in enumerate(through):
        equations.append((m, (x, *(through[:k] if serial else ()), *controls)))
    equations.append((0, (x, *through, *controls)))
    last = count + 1
    chains: list[tuple[int, ...]] = [(k,) for k in range(count)]
    if serial:
        chains += [c for size in range(2, count + 1) for c in combinations(range(count), size)]
    made = [
        [
            (1 + chain[0], x),
            *((1 + later, through[earlier]) for earlier, later in pairwise(chain)),
            (last, through[chain[-1]]),
        ]
        for chain in chains
    ]
    mediators = sample.names_of("mediators")
    specific = [effect("indirect", *(mediators[k] for k in chain)) for chain in chains]
    effects = [(1.0, tuple(path)) for path in made]
    terms: list[_Effect] = [
        (effect("total"), [(1.0, ((0, x),))]),
        (effect("direct"), [(1.0, ((last, x),))]),
        (effect("indirect"), effects),
        *((term, [product_]) for term, product_ in zip(specific, effects, strict=True)),
    ]
    blocks = tuple(((0, m), (x, *(o for o in through if o != m), *controls)) for m in through)
    return _finish(columns, equations, mediators, terms, blocks=blocks)


def _moderated(spec: Any, sample: Sample, columns: _Columns, *, with_level: bool) -> Layout:
    x, through, controls = _parts(sample, columns)
    name = sample.names_of("moderator")[0]
    at, w = columns.at(name), columns.get(name)
    if at in (0, x, *through):
        raise TermError(
            f"moderator={cited(name)} is the outcome, the treatment or a mediator. quadratic=('a',) lets the "
            "treatment's slope depend on the treatment."
        )
    why = "moderates"
    level = (at,) if with_level and at not in controls else ()

    def times_moderator(place: int) -> int:
        own = columns.names[place]
        factors = (*columns.factors(place), *columns.factors(at))
        return columns.make(f"{own}:{name}", columns.get(own) * w, why, factors)

    treated = times_moderator(x)
    first, second, direct = ("a" in spec.moderates, "b" in spec.moderates, "direct" in spec.moderates)
    products_ = [times_moderator(m) for m in through] if second else []
    by_x = (x, treated, *level)
    equations: list[Equation] = [(0, (*by_x, *controls))]
    equations += [(m, (*(by_x if first else (x,)), *controls)) for m in through]
    outcome = (x, *((treated,) if direct else ()), *through, *products_, *(level if second or direct else ()))
    equations.append((0, (*outcome, *controls)))
    last = len(through) + 1
    where = _where(name, w, _VALUES if np.unique(w).size == 2 else _QUANTILES)
    one, moderated = _one(len(where.points)), _Basis(w, tuple(v for _, v in where.points), 0.0, 1.0)
    straight: _Slope = [((last, x), one)] + ([((last, treated), moderated)] if direct else [])
    slopes: list[tuple[_Slope, _Slope]] = []
    for k, m in enumerate(through):
        a: _Slope = [((1 + k, x), one)] + ([((1 + k, treated), moderated)] if first else [])
        b: _Slope = [((last, m), one)] + ([((last, products_[k]), moderated)] if second else [])
        slopes.append((a, b))
    index: list[_Effect] = []
    if first != second:
        named = zip(sample.names_of("mediators"), slopes, strict=True)
        index += [
            (change_of(effect("indirect", m), "index"), [(1.0, (a[-1][0], b[-1][0]))]) for m, (a, b) in named
        ]
    if direct:
        index.append((change_of(effect("direct"), "index"), [(1.0, ((last, treated),))]))
    return _varying(sample, columns, equations, straight, slopes, where, index)


def _quadratic(spec: Any, sample: Sample, columns: _Columns) -> Layout:
    x, through, controls = _parts(sample, columns)
    name = columns.names[x]
    values = columns.get(name)
    bend = f"I({name}**2)"
    factor = Factor(bend, name, power=2.0, columns=(name,))
    square = columns.make(bend, values**2, "quadratic", (factor,))
    bent = (x, square)
    equations: list[Equation] = [(0, (*bent, *controls))]
    equations += [(m, (*(bent if "a" in spec.quadratic else (x,)), *controls)) for m in through]
    equations.append((0, (*(bent if "direct" in spec.quadratic else (x,)), *through, *controls)))
    last = len(through) + 1
    where = _where(name, values, _QUANTILES)
    one, twice = _one(len(where.points)), _Basis(2 * values, tuple(2 * v for _, v in where.points), 0.0, 2.0)

    def slope(equation: int, word: str) -> _Slope:
        return [((equation, x), one)] + ([((equation, square), twice)] if word in spec.quadratic else [])

    slopes: list[tuple[_Slope, _Slope]] = [
        (slope(1 + k, "a"), [((last, m), one)]) for k, m in enumerate(through)
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
    level = (columns.make(REGIME_INTERCEPT, rows, "threshold", ()),) if with_level else ()
    common = (*level, *controls)
    equations: list[Equation] = [(0, (*split[x], *common))]
    equations += [(m, (*split[x], *common)) for m in through]
    equations.append((0, (*split[x], *(j for m in through for j in split[m]), *common)))
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


def _one(points: int) -> _Basis:
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
    indirect = [one for term in through for one in averages[term]]
    terms: list[_Effect] = [(effect("total"), direct + indirect), (effect("direct"), direct)]
    terms += [(effect("indirect"), indirect), *((term, averages[term]) for term in through), *index]

    if where.regimes:
        terms += _regime_effects(effects, where.regimes)
        return _finish(columns, equations, mediators, terms, where=where)
    moving = {term: parts for term, parts in effects.items() if any(len(slope) > 1 for slope in parts)}
    terms += [
        (at_point(term, Point(where.variable, *point)), _expand(parts, i))
        for term, parts in moving.items()
        for i, point in enumerate(where.points)
    ]
    routes = [(term.name, parts) for term, parts in moving.items()]
    return _finish(columns, equations, mediators, terms, routes=routes, where=where)


def _regime_effects(effects: Mapping[Term, tuple[_Slope, ...]], regimes: Sequence[Regime]) -> list[_Effect]:
    """Write every effect in each regime, and how they differ."""
    direct, *through = effects
    out: list[_Effect] = []
    for i, regime in enumerate(regimes):
        here = {term: _expand(parts, i) for term, parts in effects.items()}
        indirect = [one for term in through for one in here[term]]
        sums = [(effect("total"), here[direct] + indirect), (direct, here[direct])]
        sums += [(effect("indirect"), indirect)] if len(through) > 1 else []
        out += [(in_regime(term, regime), parts) for term, parts in sums]
        out += [(in_regime(term, regime), here[term]) for term in through]

    for term, parts in effects.items():
        less = [(-c, at) for c, at in _expand(parts, 0)]
        out.append((change_of(term, "difference"), _expand(parts, 1) + less))
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
    where: _Where | None = None,
) -> Layout:
    _refuse_twins([term.name for term, _ in terms])
    told = {at for _, parts in terms for _, factors in parts for at in factors}
    used = sorted(told | {at for _, slopes in routes for slope in slopes for at, _ in slope})
    place = {at: i for i, at in enumerate(used)}

    def compact(parts: Sequence[Any]) -> list[Monomial]:
        return [(constant, tuple(place[at] for at in factors)) for constant, factors in parts]

    def lines(slope: _Slope) -> tuple[tuple[int, float, float], ...]:
        return tuple((place[at], basis.level, basis.rate) for at, basis in slope)

    return Layout(
        columns=columns.matrix(),
        names=tuple(columns.names),
        equations=tuple(equations),
        labels=("total", *(f"mediator:{m}" for m in mediators), "outcome"),
        effects=(*(term for term, _ in terms), effect("proportion_mediated")),
        products=products([compact(parts) for _, parts in terms], ratio=(2, 0)),
        used=tuple(used),
        blocks=tuple(blocks),
        routes=tuple(Route(name, tuple(lines(s) for s in parts)) for name, parts in routes),
        variable=where.variable if where else "",
        quantiles=where.quantiles if where else np.empty(0),
        points=where.points if where else (),
        factors=columns.made,
    )
