"""The grammar of terms, and advice for texts that are not terms.

Terms are parsed by Python, with ``@`` in place of ``:``. Length and depth are limited,
so that parsing is fast.
"""

from __future__ import annotations

import ast
import keyword
import operator
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

import numpy as np

from digiprosper.checks import term_problem
from digiprosper.errors import TermError, cited, packaged_rows
from digiprosper.report.parsing import QUOTED
from digiprosper.report.terms import Factor, Pieces

FUNCTIONS = (
    "C",
    "I",
    "log",
    "log1p",
    "exp",
    "sqrt",
    "abs",
    "lag",
    "lead",
    "diff",
    "treated",
)
SHIFTS = ("lag", "lead", "diff")
BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
}
COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}

_TOKEN = re.compile(
    rf"(?P<text>{QUOTED})|`(?P<ticked>[^`]+)`|(?P<word>[^\W\d]\w*)|(?P<mark>[:@#])"
)
_LONGEST_ADVICE = 100


# --- texts ----------------------------------------------------------------------------


def mask_names(text: str) -> tuple[str, dict[str, str]]:
    """Replace names that Python cannot parse by placeholders, and ``:`` by ``@``.

    ``@`` and ``#``, an operator and a comment in Python, become ``$``, which it
    refuses. Also return the mapping from placeholder to name.
    """
    words: dict[str, str] = {}
    stem = "_ticked"
    while stem in text:
        stem = f"_{stem}"

    def coded(match: re.Match[str]) -> str:
        mark, name = match["mark"], match["ticked"]
        if mark:
            return "@" if mark == ":" else "$"
        # Python reads full-width letters as the plain ones: another column, or none.
        if match["word"] and match["word"] != unicodedata.normalize(
            "NFKC", match["word"]
        ):
            name = match["word"]
        return words.setdefault(name, f"{stem}{len(words)}_") if name else match[0]

    source = _TOKEN.sub(coded, text)
    return source, {word: name for name, word in words.items()}


def restore_names(tree: ast.expr, names: Mapping[str, str]) -> None:
    """Replace the placeholders of `mask_names` by the names."""
    for node in ast.walk(tree) if names else ():
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)


def rename_in_term(text: str, names: Mapping[str, str]) -> str:
    """Replace column names in a term; functions and quoted texts stay."""

    def written(match: re.Match[str]) -> str:
        name, after = match["ticked"] or match["word"], text[match.end() :].lstrip()
        # The name of a function or, as in C(region, ref='east'), of an argument.
        is_no_column = (
            match["word"] is not None and re.match(r"\(|=(?!=)", after) is not None
        )
        return match[0] if is_no_column else names.get(name, match[0])

    return _TOKEN.sub(written, text)


def backticked(name: str) -> str:
    """Write a column name as in a term, in backticks unless it is an identifier."""
    return name if name.isidentifier() and not keyword.iskeyword(name) else f"`{name}`"


def as_argument(text: str, column_names: Sequence[str]) -> str:
    """Write a column or a term as the argument of a function, such as ``lag()``."""
    is_term = text not in column_names and any(sign in text for sign in "(:`")
    return text if is_term else backticked(text)


# --- syntax trees ---------------------------------------------------------------------


def interaction_factors(tree: ast.expr) -> list[ast.expr]:
    """List the factors between the colons, ``@`` in the tree, from left to right."""
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.MatMult):
        return [*interaction_factors(tree.left), *interaction_factors(tree.right)]
    return [tree]


def function_name(node: ast.AST) -> str:
    """Return the name of the function that a node calls; empty if it is not a call."""
    return (
        node.func.id
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        else ""
    )


def columns_in(node: ast.AST) -> list[str]:
    """List the columns in a checked syntax tree, from left to right with repeats."""
    if isinstance(node, ast.Name):
        return [node.id]
    return list(chain.from_iterable(map(columns_in, _outermost_factors(node))))


@dataclass(frozen=True, slots=True)
class Source:
    """A term as Python's parser read it."""

    # With placeholders for names that Python cannot parse, and @ for the colon
    text: str
    # Placeholder to name
    names: Mapping[str, str]

    def pieces(self, node: ast.expr) -> Pieces:
        """Split a factor into texts and the factors inside it; empty for a column."""
        if isinstance(node, ast.Name):
            return ()
        at, stop = self._span(node)
        closing, parts = "", list[str | Factor]()
        for part in _outermost_factors(node):
            start, end = self._span(part)
            tick = "`" if isinstance(part, ast.Name) and part.id in self.names else ""
            parts += [f"{closing}{self._between(at, start)}{tick}", self._factor(part)]
            at, closing = end, tick
        return (*parts, f"{closing}{self._between(at, stop)}")

    def _factor(self, part: ast.Name | ast.Call) -> Factor:
        if isinstance(part, ast.Name):
            name = self.names.get(part.id, part.id)
            return Factor(name, name, columns=(name,))
        pieces = self.pieces(part)
        typed = (piece if isinstance(piece, str) else piece.text for piece in pieces)
        return Factor("".join(typed), pieces=pieces)

    def _span(self, node: ast.expr) -> tuple[int, int]:
        """Find where a node starts and ends; the parser counts bytes by line."""
        lines = self.text.encode().splitlines(keepends=True)
        starts = list(accumulate(map(len, lines), initial=0))
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return starts[node.lineno - 1] + node.col_offset, starts[
            node.end_lineno - 1
        ] + node.end_col_offset

    def _between(self, start: int, stop: int) -> str:
        return self.text.encode()[start:stop].decode()


def _outermost_factors(node: ast.AST) -> list[ast.Name | ast.Call]:
    """List the columns and calls inside a node, but not those inside another call."""
    out: list[ast.Name | ast.Call] = []
    for part in node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node):
        out += (
            [part]
            if isinstance(part, ast.Name | ast.Call)
            else _outermost_factors(part)
        )
    return out


def split_factors(tree: ast.expr, text: str, role: str) -> list[ast.expr]:
    """Split a term, with ``@`` for ``:``, into its factors: columns and calls."""
    factors = interaction_factors(tree)
    for factor in factors:
        if not isinstance(factor, ast.Name | ast.Call):
            raise _no_factor_error(factor, text, role)
    return factors


def _no_factor_error(tree: ast.expr, text: str, role: str) -> TermError:
    operation = tree.op if isinstance(tree, ast.BinOp) else None
    is_formula = text.startswith("~") or isinstance(operation, ast.BitOr)
    why = "it is neither a column nor a call of an allowed function"
    if isinstance(tree, ast.BinOp) and isinstance(operation, ast.Mult | ast.Add):
        why = f"it is several terms; {_several_terms_advice(tree, text, role)}"
    elif isinstance(operation, ast.Pow | ast.BitXor):
        cure = _as_arithmetic(text.replace("^", "**"))
        why = f"a power outside I() is not a term; write {cure}"
    elif isinstance(tree, ast.BinOp | ast.Constant | ast.UnaryOp | ast.Compare):
        why = f"write {_as_arithmetic(text)} for arithmetic"
    if is_formula or operation is None:
        why = spelling_advice(text) or why
    return term_error(text, role, why)


def check_category(node: ast.expr, text: str, role: str) -> None:
    """Check that a category is ``C(column)`` or ``C(column, ref='a')``."""
    has_option = isinstance(node, ast.Call) and bool(node.keywords)
    if not _has_column_argument(node) or (has_option and reference_level(node) is None):
        check_arithmetic(node, text, role)  # refuses every other call of C


def reference_level(node: ast.expr) -> str | float | None:
    """Read the reference level of a category: ``C(region, ref='east')``, or None."""
    if not isinstance(node, ast.Call) or [k.arg for k in node.keywords] != ["ref"]:
        return None
    try:
        level = ast.literal_eval(node.keywords[0].value)
    except (TypeError, ValueError):  # not a constant
        return None
    return level if isinstance(level, str) or _is_number(level) else None


def check_arithmetic(node: ast.expr, text: str, role: str) -> None:
    """Check that a node and its operands are allowed inside a term."""
    if isinstance(node, ast.Call):
        _check_call(node, text, role)
    operands = _operands(node)
    if operands is None:
        raise _not_allowed_error(node, text, role)
    for operand in operands:
        check_arithmetic(operand, text, role)


def _operands(node: ast.expr) -> list[ast.expr] | None:
    """List the operands of an allowed node; None where the node is not allowed."""
    match node:
        case ast.Name():
            return []
        case ast.Constant(value=value):
            return [] if isinstance(value, str) or _is_number(value) else None
        case ast.Call():
            return node.args[:1]
        case ast.BinOp() if type(node.op) in BINARY:
            return [node.left, node.right]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            return [node.operand]
        case ast.Compare(ops=[comparison]) if type(comparison) in COMPARE:
            return [node.left, *node.comparators]
    return None


def _is_number(value: object) -> bool:
    if not isinstance(value, int | float):
        return False
    try:
        return bool(np.isfinite(float(value)))
    except OverflowError:
        return False


def _check_call(node: ast.Call, text: str, role: str) -> None:
    name, why = function_name(node), ""
    if name not in FUNCTIONS:
        why = f"{cited(ast.unparse(node.func))} is not among the allowed functions"
        cure = spelling_advice(text)
        why += f"; {cure}" if cure else ""
    elif name == "C":
        why = spelling_advice(text) or (
            "C() takes one column, and one of its values as the reference, "
            "C(region, ref='east'); it is used alone or as a factor of an "
            "interaction with ':'"
        )
    elif name in SHIFTS:
        shift_periods(node, text, role)
    elif name == "treated" and (not _has_column_argument(node) or node.keywords):
        why = "treated() takes one column, with the first treated time of each entity"
    elif len(node.args) != 1 or node.keywords:
        why = f"{name}() takes one argument"
    if why:
        raise term_error(text, role, why)


def _has_column_argument(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and len(node.args) == 1
        and isinstance(node.args[0], ast.Name)
    )


def shift_periods(node: ast.Call, text: str, role: str) -> int:
    """Read the number of periods, at least 1, of a lag, lead or difference."""
    arguments = [*node.args[1:], *(k.value for k in node.keywords)]
    if not node.args or len(arguments) > 1 or any(k.arg != "k" for k in node.keywords):
        raise term_error(text, role, "write lag(x), lag(x, 2) or lag(x, k=2)")
    if not arguments:
        return 1

    match arguments[0]:
        case ast.Constant(value=int() as periods) if (
            periods is not True and periods >= 1
        ):
            return periods
    why = (
        "the number of periods must be an integer of at least 1; for later periods use "
        "lead()"
    )
    raise term_error(text, role, spelling_advice(text) or why)


# --- refusals -------------------------------------------------------------------------


def term_error(text: str, role: str, why: str) -> TermError:
    """Build the error for an invalid term; `why` states the problem and advice."""
    return TermError(
        f"{role} cannot use the term {cited(text)}: {why}. A term is a column, "
        f"{', '.join(f'{f}()' for f in FUNCTIONS)} "
        "of columns, or such factors joined by ':'.",
        [term_problem(text, role, why)],
    )


def spelling_advice(text: str) -> str | None:
    """Advise how to write a spelling of Stata, R or numpy here, or return None."""
    # Of several patterns that match the first is meant.
    for row in packaged_rows(__file__, "spellings"):
        match = re.search(row["pattern"], text[:_LONGEST_ADVICE])
        if match:
            return match.expand(row["advice"])
    return None


def _not_allowed_error(node: ast.expr, text: str, role: str) -> TermError:
    operation = node.op if isinstance(node, ast.BinOp) else None
    why = f"{cited(ast.unparse(node))} is not allowed inside a term"
    if isinstance(operation, ast.MatMult):
        why = (
            "':' joins the factors of an interaction and must be outside function calls"
        )
    elif isinstance(operation, ast.BitXor):
        why = "write ** for a power inside a call"
    return term_error(text, role, why)


def _as_arithmetic(text: str) -> str:
    return f"I({text})" if len(text) <= _LONGEST_ADVICE else "it inside I()"


def _several_terms_advice(tree: ast.BinOp, text: str, role: str) -> str:
    a, b = ast.unparse(tree.left), ast.unparse(tree.right)
    if role == "y":
        return (
            f"write {_as_arithmetic(text)} for one outcome; several outcomes are "
            "several specifications, and dp.fit_all takes a dict of them"
        )
    if len(text) > _LONGEST_ADVICE:
        return "pass a list of them"
    if isinstance(tree.op, ast.Mult):
        return f"write {[a, b, f'{a}:{b}']}, or I({text})"
    return f"write {[a, b]}, or I({text}) for the sum"
