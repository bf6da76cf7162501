"""Terms: what a coefficient or effect is, as values instead of parsed names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

from digiprosper.report.characters import significant_text
from digiprosper.report.pickling import PickledByName
from digiprosper.report.words import TABLE, Language


@dataclass(frozen=True, slots=True)
class Factor(PickledByName):
    """One factor of a product."""

    # As in the specification, such as ``"log(pc)"`` or ``"C(region)[T.east]"``
    text: str
    # Column or term of which it is a power, function or dummy; empty for another
    # calculation
    column: str = ""
    # Applied to the column; ``"I"`` or similar for a calculation
    power: float = 1.0
    function: str = ""
    # Position among the estimated levels, for a dummy of a category
    level: int | None = None
    shift: int = 0  # number of periods of a lag; negative for a lead
    # All columns in it, and the terms inside a calculation
    columns: tuple[str, ...] = ()
    # The text in parts, with columns and calls separate so that their labels can be
    # printed; empty for a column
    pieces: Pieces = field(default=(), repr=False)
    # ``"slope"`` or ``"trend"`` if an absorbed effect has a slope of the column, or of
    # time, by level; ``"random"`` of a random effect
    slope: str = ""

    @property
    def typed(self) -> str:
        """Return the text as typed; `text` has the spaces of a normal form."""
        texts = [
            piece if isinstance(piece, str) else piece.text for piece in self.pieces
        ]
        return "".join(texts) or self.text


Pieces: TypeAlias = tuple[str | Factor, ...]
Factors: TypeAlias = Mapping[str, tuple[Factor, ...]]


def columns_in(factors: Factors) -> dict[str, str]:
    """Return the columns in the factors of terms, each with itself as value."""
    every_factor = chain.from_iterable(factors.values())
    columns = [f.columns or (f.column or f.text,) for f in every_factor]
    names = [*chain.from_iterable(columns)]
    return dict(zip(names, names, strict=True))


@dataclass(frozen=True, slots=True)
class Point(PickledByName):
    """A moderator value at which an effect is evaluated; ``"p10"`` is a quantile."""

    variable: str
    code: str
    value: float


@dataclass(frozen=True, slots=True)
class Regime(PickledByName):
    """Rows between two thresholds of a variable."""

    variable: str
    # Number of the regime from the lowest (1), and number of regimes
    number: int
    count: int
    # Bounds, infinite at the ends
    lower: float = -math.inf
    upper: float = math.inf
    rule: str = "<="  # ``"<="`` or ``"<"``: how a row compares with the upper bound
    # Whether the slope has a kink at the bound and the outcome no jump
    kink: bool = False

    @property
    def family(self) -> tuple[bool, str, int]:
        """Return what regimes must share: kind, variable, number of thresholds."""
        return self.kink, self.variable, self.count - 1

    def condition(self, name: str, digits: int, language: Language = "english") -> str:
        """Write a regime's condition: ``"0.53 < urban <= 0.71"``, ``"below 0.53"``."""
        lower, upper = _short(self.lower, digits), _short(self.upper, digits)
        if self.kink:
            code, value = (
                ("regime.below", upper) if self.number == 1 else ("regime.above", lower)
            )
            return TABLE.say(code, language, value=value)
        return self.between(name, lower, upper)

    def between(self, name: str, lower: str, upper: str) -> str:
        """Write a regime's condition with its bounds as texts."""
        if self.number == 1:
            return f"{name} {self.rule} {upper}"
        below, above = ("<", ">") if self.rule == "<=" else ("<=", ">=")
        if self.number == self.count:
            return f"{name} {above} {lower}"
        return f"{lower} {below} {name} {self.rule} {upper}"


@dataclass(frozen=True, slots=True)
class Term(PickledByName):
    """One coefficient, effect, weight or other number with a standard error."""

    name: str  # as in `params`, such as ``"indirect:log(emp):regime1"``
    # ``"linear"``, ``"mediation"``, ``"index"``, ...; its words name the kinds
    family: str = "linear"
    # ``"slope"``, ``"intercept"``, ``"total"``, ``"direct"``, ``"indirect"``,
    # ``"difference"``, ``"proportion_mediated"``, ``"weight"``, ...
    kind: str = "slope"
    path: tuple[str, ...] = ()  # term of a slope, or mediators of an effect
    # Factors of the regressor of a slope
    factors: tuple[Factor, ...] = field(default=(), repr=False)
    of: str = ""  # kind of effect, for a difference or an index of effects
    point: Point | None = None  # value of the moderator at which it is evaluated
    regime: Regime | None = None  # rows for which it holds

    @property
    def meaning(self) -> tuple[object, ...]:
        """Return the values that are equal for terms of the same quantity.

        "Regime 1" of two threshold variables differs, and so do the "total" of a
        mediation and a regressor called total. Effects of other families share a row
        whatever their regimes.
        """
        if self.family != "linear":
            return (self.family,)
        return () if self.regime is None else ("regime", *self.regime.family)

    @property
    def product(self) -> tuple[object, ...]:
        """Return the factors of a slope without their order; empty for other terms."""
        if self.family != "linear" or self.kind != "slope" or len(self.factors) < 2:
            return ()
        return (
            self.meaning,
            self.regime and self.regime.number,
            *sorted(f.text for f in self.factors),
        )

    @property
    def base(self) -> str:
        """Return the term without its regime; a table groups slopes by it."""
        return (
            self.path[0]
            if self.regime is not None and len(self.path) == 1
            else self.name
        )


def same_products(terms: Iterable[Term]) -> dict[str, tuple[str, ...]]:
    """Find products that differ only in factor order: all names by each name."""
    names: dict[tuple[object, ...], dict[str, None]] = {}
    for term in terms:
        if term.product:
            names.setdefault(term.product, {})[term.name] = None
    return {
        name: tuple(product_names)
        for product_names in names.values()
        if len(product_names) > 1
        for name in product_names
    }


def in_any_order(
    names: Iterable[str], products: Mapping[str, Sequence[str]]
) -> list[str]:
    """Add other names of the same products after a name: ``"z:x"``, ``"x:z"``."""
    named = ((name, *products.get(name, ())) for name in names)
    return list(dict.fromkeys(chain.from_iterable(named)))


def slope_terms(
    names: Iterable[str], factors: Mapping[str, tuple[Factor, ...]]
) -> tuple[Term, ...]:
    """Describe coefficients of a regression: slopes by factors, and the intercept."""
    return tuple(
        Term(name, kind="intercept")
        if name == "Intercept"
        else Term(name, path=(name,), factors=factors.get(name, (Factor(name, name),)))
        for name in names
    )


def terms_of(result: object, names: Iterable[str]) -> dict[str, Term]:
    """Return a result's terms by name, as slopes where it does not describe them."""
    result_terms = {term.name: term for term in getattr(result, "terms", ())}
    factors: Factors = getattr(result, "factors", {})
    return {
        name: result_terms.get(name)
        or Term(name, path=(name,), factors=factors.get(name, ()))
        for name in map(str, names)
    }


def _short(value: float, digits: int) -> str:
    """Write a threshold with few digits, but not as zero unless it is zero."""
    small = 0 < abs(value) < min(10.0 ** (1 - digits), 1)
    text = significant_text(value, digits) if small else f"{value:z,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
