"""The factors of a term, as stored in results: column, power, level, lag."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterable
from copy import deepcopy
from functools import lru_cache, partial
from itertools import chain

from digiprosper.panel.grammar import function_name, shift_periods
from digiprosper.panel.terms import ParsedFactor, Term
from digiprosper.report.terms import Factor

_SIGNS = {"lag": 1, "lead": -1}


def crossed_factors(terms: Iterable[Term]) -> tuple[Factor, ...]:
    """Describe the factors of crossed effects, or of a single effect or cluster."""
    return tuple(chain.from_iterable(map(term_factors, terms)))


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
        _text(part)
        for part in ast.walk(node)
        if isinstance(part, ast.Call) and part is not node
    ]
    columns = tuple(dict.fromkeys((*factor.names, *calls)))
    described = partial(Factor, text, columns=columns, pieces=factor.pieces)
    function = function_name(node)
    if function in _SIGNS:
        return described(
            column=text, shift=_SIGNS[function] * shift_periods(node, function, "x")
        )
    if function == "log":
        return described(column=_text(node.args[0]), function=function)

    base, power = _base_and_power(function, node.args[0])
    if base is None:
        return described(function=function)
    return described(column=_text(base), power=power)


def _base_and_power(function: str, node: ast.expr) -> tuple[ast.expr | None, float]:
    """Return base and power of ``sqrt(x)``, ``I(x**2)``, ``I(1 / x)``; or None, 1."""
    if function == "sqrt":
        return node, 0.5
    if function != "I" or not isinstance(node, ast.BinOp):
        return None, 1.0
    if (
        isinstance(node.op, ast.Div)
        and _number(node.left) == 1
        and _is_plain(node.right)
    ):
        return node.right, -1.0
    power = _number(node.right)
    if isinstance(node.op, ast.Pow) and power is not None and _is_plain(node.left):
        return node.left, power
    return None, 1.0


def _is_plain(node: ast.expr) -> bool:
    """Return whether a node is a column or a call, not arithmetic."""
    return isinstance(node, ast.Name | ast.Call)


def _number(node: ast.expr) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _number(node.operand)
        return None if value is None else -value
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    return None


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    copied = deepcopy(node)
    for part in ast.walk(copied):
        if isinstance(part, ast.Name) and (
            not part.id.isidentifier() or keyword.iskeyword(part.id)
        ):
            part.id = f"`{part.id}`"
    return ast.unparse(copied)
