"""What a coefficient or an effect is, as values, so that its name need not be parsed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from digiprosper.report.pickling import PickledByName
from digiprosper.report.words import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from digiprosper.report.words import Language

RowKey: TypeAlias = tuple[str, tuple[object, ...]]
Pieces: TypeAlias = "tuple[str | Factor, ...]"
Factors: TypeAlias = "Mapping[str, tuple[Factor, ...]]"


@dataclass(frozen=True, slots=True)
class Factor(PickledByName):
    """One factor of a product.

    Parameters
    ----------
    text : str
        As typed, such as ``"log(pc)"`` or ``"C(region)[T.east]"``.
    column : str
        The column, or the term, that it is a power, a function or a dummy of; empty for a calculation that
        is none of these.
    power : float
        Of the column.
    function : str
        Applied to the column; ``"I"`` and such for a calculation.
    level : int or None
        Of a dummy of a category, the position of its level among those estimated.
    shift : int
        Periods by which it lags; negative for a lead.
    columns : tuple of str
        All columns in it, and the terms inside a calculation.
    pieces : tuple of str and Factor
        As typed, with the columns and calls in it apart, so that their labels are printed in their place;
        empty for a column.
    slope : {"", "slope", "trend"}
        Whether an absorbed effect is the slope of it in each level, and whether it is the time key.

    Examples
    --------
    >>> Factor("I(x**2)", "x", power=2.0, columns=("x",)).power
    2.0
    """

    text: str
    column: str = ""
    power: float = 1.0
    function: str = ""
    level: int | None = None
    shift: int = 0
    columns: tuple[str, ...] = ()
    pieces: Pieces = field(default=(), repr=False)
    slope: str = ""

    @property
    def typed(self) -> str:
        """As typed, where `text` has the spaces of a normal form."""
        texts = [piece if isinstance(piece, str) else piece.text for piece in self.pieces]
        return "".join(texts) or self.text


@dataclass(frozen=True, slots=True)
class Point(PickledByName):
    """A value of a moderator at which an effect is told.

    Parameters
    ----------
    variable : str
        The moderator.
    code : str
        Which of its values, such as ``"p10"`` for the 10% quantile.
    value : float
        That value in the sample.
    """

    variable: str
    code: str
    value: float


@dataclass(frozen=True, slots=True)
class Regime(PickledByName):
    """Rows between two thresholds of a variable.

    Parameters
    ----------
    variable : str
        Threshold variable.
    number, count : int
        Which regime, from 1 at the bottom, of how many.
    lower, upper : float
        Its bounds, infinite at the ends.
    rule : str
        ``"<="`` or ``"<"``: how a row compares with the upper bound.
    kink : bool
        Whether the slope has a kink at the bound and the outcome no jump.
    """

    variable: str
    number: int
    count: int
    lower: float = -math.inf
    upper: float = math.inf
    rule: str = "<="
    kink: bool = False

    @property
    def family(self) -> tuple[bool, str, int]:
        """What two regimes must agree in for their numbers to mean the same: kind, variable, thresholds."""
        return self.kink, self.variable, self.count - 1

    def condition(self, name: str, digits: int, language: Language = "english") -> str:
        """Write when a row belongs to the regime.

        Parameters
        ----------
        name : str
            Label of the threshold variable.
        digits : int
            Decimals of the bounds.
        language : {"english", "chinese"}
            Of the words of a kink.

        Returns
        -------
        str
            Such as ``"urban <= 0.53"`` or ``"0.53 < urban <= 0.71"``; ``"below 0.53"`` of a kink.

        Examples
        --------
        >>> Regime("urban", 2, 3, 0.53, 0.71).condition("Urban share", 2)
        '0.53 < Urban share <= 0.71'
        """
        lower, upper = _short(self.lower, digits), _short(self.upper, digits)
        if self.kink:
            code, value = ("regime.below", upper) if self.number == 1 else ("regime.above", lower)
            return TABLE.say(code, language, value=value)
        if self.number == 1:
            return f"{name} {self.rule} {upper}"
        below, above = ("<", ">") if self.rule == "<=" else ("<=", ">=")
        if self.number == self.count:
            return f"{name} {above} {lower}"
        return f"{lower} {below} {name} {self.rule} {upper}"


@dataclass(frozen=True, slots=True)
class Term(PickledByName):
    """One coefficient, effect, weight or other number with an error.

    Parameters
    ----------
    name : str
        What `params` shows, such as ``"indirect:log(emp):regime1"``.
    family : str
        What it belongs to: ``"linear"``, ``"mediation"``, ``"index"``, ... A method's words say its kinds.
    kind : str
        ``"slope"``, ``"intercept"``, ``"total"``, ``"direct"``, ``"indirect"``, ``"difference"``,
        ``"proportion_mediated"``, ``"weight"``, ...
    path : tuple of str
        The term a slope is of, or the mediators on the way.
    factors : tuple of Factor
        Of a slope, what the regressor is a product of.
    of : str
        Kind of the effect that a difference or an index is of.
    point : Point or None
        Where it is told.
    regime : Regime or None
        Rows for which it holds.

    Examples
    --------
    >>> term = Term("digital:regime1", path=("digital",), regime=Regime("urban", 1, 2, upper=0.5))
    >>> term.meaning
    ('regime', False, 'urban', 1)
    """

    name: str
    family: str = "linear"
    kind: str = "slope"
    path: tuple[str, ...] = ()
    factors: tuple[Factor, ...] = field(default=(), repr=False)
    of: str = ""
    point: Point | None = None
    regime: Regime | None = None

    @property
    def meaning(self) -> tuple[object, ...]:
        """What terms of one name must agree in to be the same thing.

        "Regime 1" of one threshold variable is not that of another, and the "total" of a mediation is not a
        regressor called so. Effects of other families share a row whatever their regimes.
        """
        if self.family != "linear":
            return (self.family,)
        return () if self.regime is None else ("regime", *self.regime.family)

    @property
    def row_key(self) -> RowKey:
        """What decides which terms share a row of a table."""
        return self.name, self.meaning

    @property
    def product(self) -> tuple[object, ...]:
        """What a slope of a product is of, whatever the order of its factors; empty for other terms."""
        if self.family != "linear" or self.kind != "slope" or len(self.factors) < 2:
            return ()
        return (self.meaning, self.regime and self.regime.number, *sorted(f.text for f in self.factors))

    @property
    def base(self) -> str:
        """The term without its regime, by which a table keeps slopes of one variable together."""
        return self.path[0] if self.regime is not None and len(self.path) == 1 else self.name


def named_terms(names: Iterable[str], factors: Factors | None = None) -> tuple[Term, ...]:
    """Make terms of which only the names, and perhaps the factors, are known.

    Parameters
    ----------
    names : iterable of str
        As `params` shows them.
    factors : mapping, optional
        Name to what it is a product of.

    Returns
    -------
    tuple of Term
        Slopes.
    """
    known = factors or {}
    return tuple(Term(name, path=(name,), factors=known.get(name, ())) for name in names)


def same_products(terms: Iterable[Term]) -> dict[str, tuple[str, ...]]:
    """Find the names of products that differ only in the order of their factors.

    Parameters
    ----------
    terms : iterable of Term
        Of one or several results.

    Returns
    -------
    dict
        Each name of a product that has several, to all of them, in order.

    Examples
    --------
    >>> x, z = Factor("x", "x"), Factor("z", "z")
    >>> same_products([Term("x:z", factors=(x, z)), Term("x", factors=(x,)), Term("z:x", factors=(z, x))])
    {'x:z': ('x:z', 'z:x'), 'z:x': ('x:z', 'z:x')}
    """
    names: dict[tuple[object, ...], dict[str, None]] = {}
    for term in terms:
        if term.product:
            names.setdefault(term.product, {})[term.name] = None
    return {name: tuple(same) for same in names.values() if len(same) > 1 for name in same}


def terms_of(result: object, names: Iterable[str]) -> dict[str, Term]:
    """Give the terms of a result by name.

    Parameters
    ----------
    result : object
        A result; one that does not say what its terms are has slopes, with the factors that it knows.
    names : iterable of str
        Of its terms.

    Returns
    -------
    dict
        One a name, in order.
    """
    known = {term.name: term for term in getattr(result, "terms", ())}
    factors: Factors = getattr(result, "factors", {})
    slopes = named_terms(map(str, names), factors)
    return {term.name: known.get(term.name, term) for term in slopes}


def _short(value: float, digits: int) -> str:
    """Write a threshold with few digits, but never as zero when it is not."""
    text = f"{value:z.{digits}f}"
    if value != 0 and math.isfinite(value) and abs(value) < 10.0 ** (1 - digits):
        return f"{value:.{max(digits, 1)}g}"
    return text.rstrip("0").rstrip(".") if "." in text else text
