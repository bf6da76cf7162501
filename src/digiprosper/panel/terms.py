"""Parsing of terms into factors, which results store: column, power, level, lag.

A string that equals a column name is that column. Anything else is one formulaic-style
term: factors joined by ``:``, each a column or a call of
`C I log log1p exp sqrt abs lag lead diff treated`. Nothing else is reachable.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import chain

from digiprosper.checks import term_problem, unknown_columns
from digiprosper.errors import InputTypeError, TermError, cited, clipped, quoted
from digiprosper.panel import grammar
from digiprosper.report.parsing import KEPT, expression, too_deep, too_long
from digiprosper.report.terms import Factor, Pieces

_LOGARITHMS = ("log", "log1p")
_TICKED = re.compile("`([^`]+)`")
# Signs and quoted names.
PIECE = re.compile(rf"{KEPT}|.", re.DOTALL)
_BLANK = re.compile(rf"(?P<kept>{KEPT})|(?P<between>(?<=\w)\s+(?=\w))|\s+")
LONGEST_TERM = 2_000
_SHIFTS = {"lag": 1, "lead": -1}
# A text without any of these signs is a column name.
_SIGNS = frozenset("()+*:^~|,=[]{}#")


@dataclass(frozen=True, slots=True)
class ParsedFactor:
    """One factor of a term."""

    text: str
    # The checked syntax tree.
    node: ast.expr
    # Columns inside.
    names: tuple[str, ...]
    # The column inside C(...).
    category: str | None
    # The text split at its columns and calls; empty for a column.
    pieces: Pieces
    # The level without a dummy, such as 'east' of C(region, ref='east'); None for the
    # first.
    reference: str | float | None = None


@dataclass(frozen=True)
class Term:
    """A parsed term."""

    # As typed, without outer blanks.
    text: str
    # The column, when the whole text is its name.
    column: str | None
    # Empty for a column.
    factors: tuple[ParsedFactor, ...]
    # Columns inside ``C(...)``.
    categories: tuple[str, ...] = ()

    @cached_property
    def key(self) -> str:
        """The column, or the text in the form in which terms are compared."""
        return self.column or canonical(self.text)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Columns inside."""
        if self.column is not None:
            return (self.column,)
        return tuple(
            dict.fromkeys([name for factor in self.factors for name in factor.names])
        )

    @property
    def shifts(self) -> bool:
        """Whether it has a lag, lead or difference."""
        nodes = chain.from_iterable(ast.walk(factor.node) for factor in self.factors)
        return any(grammar.function_name(node) in grammar.SHIFTS for node in nodes)

    @cached_property
    def lags(self) -> tuple[tuple[str, int], ...]:
        """For each factor, the expression without lags, and the number of lags."""
        if self.column is not None:
            return ((self.column, 0),)
        lags = []
        for factor in self.factors:
            node, periods = _without_lags(factor.node)
            lags.append((ast.unparse(node), periods))
        return tuple(lags)

    @property
    def is_logarithm(self) -> bool:
        """Whether it is one factor with log or log1p, but not a difference of logs."""
        return len(self.factors) == 1 and _has_logarithm(self.factors[0].node)


# Cached like `_parse_factors`.
@lru_cache(maxsize=4096)
def column_term(name: str) -> Term:
    """Return the term of a column."""
    return Term(name, name, ())


def _without_lags(node: ast.expr) -> tuple[ast.expr, int]:
    """Remove lags from nested calls: a logarithm of a lag is the lag of a logarithm."""
    function = grammar.function_name(node)
    if not isinstance(node, ast.Call) or function in ("", "diff"):
        return node, 0
    inner, periods = _without_lags(node.args[0])
    if function == "lag":
        return inner, periods + grammar.shift_periods(node, "lag", "x")
    return ast.Call(node.func, [inner, *node.args[1:]], node.keywords), periods


def _has_logarithm(node: ast.AST) -> bool:
    # A difference of logarithms does not depend on the unit.
    if grammar.function_name(node) == "diff":
        return False
    return grammar.function_name(node) in _LOGARITHMS or any(
        _has_logarithm(part) for part in ast.iter_child_nodes(node)
    )


def canonical(text: str, column_names: Iterable[str] = ()) -> str:
    """Return the canonical form of a term, without blanks outside quotation marks."""

    def shorter(match: re.Match[str]) -> str:
        return match["kept"] or (" " if match["between"] else "")

    if not isinstance(text, str):
        raise InputTypeError(
            f"a term must be text, such as 'log(gdp)', not {cited(text)}."
        )
    if text in column_names:
        return text
    stripped = text.strip()
    if not _reads_as_term(stripped):
        return stripped
    short = _BLANK.sub(shorter, stripped)
    ticked = _TICKED.fullmatch(short)
    return ticked[1] if ticked else short


@lru_cache(maxsize=4096)
def _reads_as_term(text: str) -> bool:
    """Return whether a text can be parsed as a term or as crossed effects."""
    if too_long(text, LONGEST_TERM):
        return False
    tree = expression(grammar.mask_names(text.replace("^", ":"))[0])
    if tree is None or too_deep(tree):
        return False
    return all(
        isinstance(factor, ast.Name)
        or grammar.function_name(factor) in grammar.FUNCTIONS
        for factor in grammar.interaction_factors(tree)
    )


def split_crossed(text: str, column_names: Sequence[str]) -> tuple[str, ...]:
    """Split an effect such as ``"region^year"`` at ``^``, but not inside calls."""
    if text in column_names or "^" not in text or too_long(text, LONGEST_TERM):
        return (text,)
    return tuple(split_outside_calls(PIECE.findall(text), "^"))


def split_outside_calls(pieces: Iterable[str], sign: str) -> list[str]:
    """Split pieces at a sign that is outside of calls."""
    parts, depth = [""], 0
    for piece in pieces:
        depth += (piece == "(") - (piece == ")")
        if piece == sign and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    return [part.strip() for part in parts]


def crossed(text: str, column_names: Sequence[str], role: str) -> tuple[Term, ...]:
    """Parse an absorbed effect or cluster: one term, or several combined.

    ``C(region)`` stands for the column. ``:`` may join columns and categories, but not
    other numeric factors.
    """
    parts = [
        parse(part, column_names, role) for part in split_crossed(text, column_names)
    ]
    return tuple(chain.from_iterable(_effect_terms(term, role) for term in parts))


def _effect_terms(term: Term, role: str) -> tuple[Term, ...]:
    numbers = [
        factor.text
        for factor in term.factors
        if factor.category is None and not isinstance(factor.node, ast.Name)
    ]
    if len(term.factors) == len(numbers) < 2:  # a column, or one calculated factor
        return (term,)
    if numbers:
        raise ambiguous_pairs_error(term, numbers, role)
    return tuple([column_term(factor.names[0]) for factor in term.factors])


def ambiguous_pairs_error(term: Term, numbers: Sequence[str], role: str) -> TermError:
    """Build the error for an effect in which ``:`` joins numeric columns."""
    texts = [factor.text for factor in term.factors]
    pairs = "^".join(texts)
    groups = "^".join(text for text in texts if text not in numbers) or "region"
    slopes = f"{groups}[{':'.join(numbers)}]"
    why = (
        f"{quoted(numbers)} is not a column of whole numbers, text or categories, so "
        f"':' may mean pairs or slopes. Write {cited(pairs)} for one effect per "
        f"combination of values, or {cited(slopes)} in absorb for slopes by group"
    )
    return TermError(
        f"{role} cannot use {cited(term.text)}: {why}.",
        [term_problem(term.text, role, why)],
    )


def parse(text: str, column_names: Sequence[str], role: str) -> Term:
    """Parse and check one term: it has only columns and allowed functions."""
    stripped = text if text in column_names else text.strip()
    if stripped in column_names:
        return column_term(stripped)
    if not stripped:
        raise TermError(f"{role} has an empty term; specify a column.")

    term = _parse_factors(stripped, role)
    if term is None:
        raise _unreadable_error(stripped, column_names, role)
    for factor in term.factors:
        absent = [name for name in factor.names if name not in column_names]
        if absent:
            where = (
                role if factor.text in absent else f"{role} ({clipped(factor.text)})"
            )
            raise unknown_columns(absent, column_names, where)
    first = term.factors[0]
    if len(term.factors) == 1 and isinstance(first.node, ast.Name):
        return column_term(first.names[0])
    return term


# Many models are fitted with the same terms.
@lru_cache(maxsize=4096)
def _parse_factors(text: str, role: str) -> Term | None:
    """Parse a term without checking its columns; None if Python cannot parse it."""
    long = too_long(text, LONGEST_TERM)
    if long:
        raise grammar.term_error(text, role, long)
    source = grammar.Source(*grammar.mask_names(text))
    tree = expression(source.text)
    if tree is None:
        return None
    deep = too_deep(tree)
    if deep:
        raise grammar.term_error(text, role, deep)
    nodes = grammar.split_factors(tree, text, role)
    if "C" in map(grammar.function_name, nodes):
        # Unparsed, as the names of the columns with levels are.
        source = grammar.Source(ast.unparse(tree), source.names)
        nodes = grammar.interaction_factors(ast.parse(source.text, mode="eval").body)
    factors = tuple([_factor(node, source, role) for node in nodes])
    categories = tuple([f.category for f in factors if f.category is not None])
    return Term(text, None, factors, categories)


def backtick_advice(text: str, column_names: Sequence[str]) -> str:
    """Advise backticks for a reserved word, or the longest name that needs them."""
    for word in filter(keyword.iskeyword, column_names):
        if re.search(rf"\b{word}\b", text):
            typed = re.sub(rf"(?<!`)\b{word}\b(?!`)", f"`{word}`", text)
            return (
                f"{cited(word)} is a reserved word of Python: put it in backticks, "
                f"{typed}"
            )
    without = [
        name
        for name in column_names
        if not name.isidentifier() and name in text.replace(f"`{name}`", "")
    ]
    if not without:
        return ""
    name = max(without, key=len)
    pattern = rf"(?<!`){re.escape(name)}(?!`)"
    written = re.sub(pattern, lambda _: grammar.backticked(name), text)
    return f"{cited(name)} is not one word: put it in backticks, {clipped(written)}"


def _unreadable_error(text: str, column_names: Sequence[str], role: str) -> Exception:
    words = text.split()
    if " " in text and set(words) <= set(column_names):
        return TermError(
            f"{role}={cited(text)} has several columns in one text; pass a list: "
            f"{cited(words)}."
        )
    if _SIGNS.isdisjoint(text):
        return unknown_columns([text], column_names, role)

    why = "it cannot be read (put a name that is not one word in backticks)"
    why = backtick_advice(text, column_names) or why
    return grammar.term_error(text, role, grammar.spelling_advice(text) or why)


def _factor(node: ast.expr, source: grammar.Source, role: str) -> ParsedFactor:
    """Check one factor, and restore its column names from the placeholders."""
    names = source.names
    text = _as_typed(node, names)
    is_category = grammar.function_name(node) == "C"
    check = grammar.check_category if is_category else grammar.check_arithmetic
    check(node, text, role)
    columns = tuple([names.get(c, c) for c in dict.fromkeys(grammar.columns_in(node))])
    if not columns:
        raise grammar.term_error(text, role, "it has no column")
    pieces = source.pieces(node)
    grammar.restore_names(node, names)
    category = columns[0] if is_category else None
    reference = grammar.reference_level(node)
    return ParsedFactor(text, node, columns, category, pieces, reference)


def _as_typed(node: ast.expr, names: Mapping[str, str]) -> str:
    text = ast.unparse(node).replace(" @ ", ":")
    for word, name in names.items():
        text = text.replace(word, f"`{name}`")
    return text


# --- factors, as stored in results ---------------------------------------------------


def crossed_factors(terms: Iterable[Term]) -> tuple[Factor, ...]:
    """Describe the factors of crossed effects, or of a single effect or cluster."""
    return tuple(chain(*map(term_factors, terms)))


@lru_cache(maxsize=4096)
def term_factors(term: Term) -> tuple[Factor, ...]:
    """Describe the factors of a term without categories."""
    if term.column is not None:
        return (Factor(term.column, term.column, columns=(term.column,)),)
    if len(term.factors) == 1:
        return (number_factor(term.factors[0], term.text),)
    return tuple(number_factor(factor, factor.text) for factor in term.factors)


def dummy_factor(factor: ParsedFactor, ending: str, level: int) -> Factor:
    """Describe the dummy of a level, whose name has an ending like ``"[T.east]"``."""
    column, category = factor.names[0], number_factor(factor, factor.text)
    return Factor(
        f"{factor.text}{ending}",
        column,
        level=level,
        columns=(column,),
        pieces=(category, ending),
    )


def number_factor(factor: ParsedFactor, text: str) -> Factor:
    """Describe a numeric factor.

    ``I(x**2)``, ``I(1 / x)`` and ``sqrt(x)`` have a column and its power, ``log(x)`` a
    column and a function, lags and leads a number of periods. `columns` also has the
    terms inside the factor.
    """
    node = factor.node
    if isinstance(node, ast.Name):
        return Factor(text, node.id, columns=factor.names)
    assert isinstance(node, ast.Call)
    # The calls inside are terms too.
    calls = [
        _unparsed(part)
        for part in ast.walk(node)
        if isinstance(part, ast.Call) and part is not node
    ]
    columns = tuple(dict.fromkeys((*factor.names, *calls)))
    described = partial(Factor, text, columns=columns, pieces=factor.pieces)
    function = grammar.function_name(node)
    if function in _SHIFTS:
        periods = grammar.shift_periods(node, function, "x")
        return described(column=text, shift=_SHIFTS[function] * periods)
    if function == "log":
        return described(column=_unparsed(node.args[0]), function=function)

    base, power = _base_and_power(function, node.args[0])
    if base is None:
        return described(function=function)
    return described(column=_unparsed(base), power=power)


def _base_and_power(function: str, node: ast.expr) -> tuple[ast.expr | None, float]:
    """Return base and power of ``sqrt(x)``, ``I(x**2)``, ``I(1 / x)``; or None, 1."""
    if function != "I":
        return (node, 0.5) if function == "sqrt" else (None, 1.0)
    match node:
        case ast.BinOp(numerator, ast.Div(), ast.Name() | ast.Call() as base):
            if _number(numerator) == 1:
                return base, -1.0
        case ast.BinOp(ast.Name() | ast.Call() as base, ast.Pow(), exponent):
            power = _number(exponent)
            if power is not None:
                return base, power
    return None, 1.0


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.UnaryOp(ast.USub(), operand):
            value = _number(operand)
            return None if value is None else -value
        case ast.Constant(int() | float() as value):
            return float(value)
    return None


def _unparsed(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    copied = deepcopy(node)
    for part in ast.walk(copied):
        if isinstance(part, ast.Name):
            part.id = grammar.backticked(part.id)
    return ast.unparse(copied)
