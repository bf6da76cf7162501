"""Linear restrictions on coefficients, read from text."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np

from digiprosper.errors import InputTypeError, TermError, cited, quoted
from digiprosper.kernels import Floats
from digiprosper.report.parsing import expression, too_deep, too_long

_LONGEST = 20_000


def restrictions_text(texts: object) -> str:
    """Join restrictions, ``"a = b, c = 0"`` or a list, to one text; refuse others."""
    parts: object = [texts] if isinstance(texts, str) else texts
    if not isinstance(parts, list | tuple) or not all(
        isinstance(p, str) for p in parts
    ):
        raise InputTypeError(
            "wald_test takes a text such as 'a = b, c = 0', or a list of such texts, "
            f"not {cited(texts)}."
        )
    return ", ".join(parts)


def read_restrictions(text: str, names: Sequence[str]) -> tuple[Floats, Floats]:
    """Read restrictions such as ``"a = b, c = 0"`` as matrix (q, k), values (q,).

    They restrict ``matrix @ b``. ``"a = b = 0"`` is ``"a = b, b = 0"``, and a part
    without ``=`` is zero. Coefficients are named as in the results, times numbers, with
    ``+``, ``-`` and brackets. Refuse text that cannot be read, is too long, names no
    coefficient or is not linear in them.
    """
    if len(text) > _LONGEST:
        raise _syntax_error(text, f"it has more than {_LONGEST:,} characters")
    coded, positions = _replace_names(text, names)
    _refuse_unknown_names(text, coded, positions, names)
    rows = [
        row
        for part in coded.split(",")
        for row in _split_equations(part, positions, text)
    ]
    matrix = np.array([row[:-1] for row in rows])
    if not matrix.any(axis=1).all():
        raise _syntax_error(
            text, "a part of it restricts no coefficient, or repeats another part"
        )
    return matrix, np.array([-row[-1] for row in rows])


def read_combination(text: object, names: Sequence[str]) -> tuple[Floats, float]:
    """Read a combination such as ``"a + 2*b + 1"``: weights (k,), and constant."""
    if not isinstance(text, str):
        raise InputTypeError(
            f"combination takes a text such as 'a + 2*b', not {cited(text)}."
        )
    matrix, value = read_restrictions(text, names)
    if len(matrix) > 1 or "=" in _replace_names(text, names)[0]:
        raise TermError(
            f"combination({cited(text)}): a combination is a single sum without '=', "
            "such as 'a + 2*b' or 'a - 1'. Use wald_test for restrictions."
        )
    return matrix[0], -float(value[0])


def _refuse_unknown_names(
    text: str, coded: str, words: Collection[str], names: Sequence[str]
) -> None:
    if "==" in coded:
        raise _syntax_error(text, "it has '=='; a restriction has one '='")
    # Codes may be longer than the names for which they stand
    long = too_long(coded, len(coded))
    if long:
        raise _syntax_error(text, long)
    stray = [w for w in re.findall(r"(?<![\w.])[^\W\d]\w*", coded) if w not in words]
    if stray:
        written = re.findall(r"[^\W\d]\w*(?:\([^()]*\)|\[[^]]*\]|:\w+)*", text)
        unknown = dict.fromkeys(term for term in written if term not in names)
        raise TermError(
            f"the restriction or sum {cited(text)}: no coefficient named "
            f"{quoted(unknown or stray)}; the names are {quoted(names, 20)}."
        )


def sum_text(weights: Floats, names: Sequence[str]) -> str:
    """Write a weighted sum of coefficients, not all zero, such as ``"a + 2*b - c"``."""
    parts = []
    for name, weight in zip(names, weights.tolist(), strict=True):
        if weight:
            size = "" if abs(weight) == 1 else f"{abs(weight):g}*"
            parts.append(f"{'-' if weight < 0 else '+'} {size}{name}")
    text = " ".join(parts)
    return (
        text.removeprefix("+ ") if text.startswith("+") else text.replace("- ", "-", 1)
    )


def null_text(text: str, names: Sequence[str]) -> str:
    """Write restrictions out: ``"a = b, c = 0"`` for ``"a = b, c"``."""
    coded, positions = _replace_names(text, names)
    parts = [part.strip() for part in coded.split(",")]
    whole = ", ".join(part if "=" in part else f"{part} = 0" for part in parts)
    return re.sub(
        "|".join(rf"\b{word}\b" for word in positions),
        lambda match: names[positions[match[0]]],
        whole,
    )


def _syntax_error(text: str, reason: str) -> TermError:
    return TermError(
        f"the restriction or sum {cited(text)} cannot be read: {reason}; write a sum "
        "as 'a + 2*b', restrictions as 'a = b' or 'a + 2*b = 1, c = 0'."
    )


def _replace_names(text: str, names: Sequence[str]) -> tuple[str, dict[str, int]]:
    """Replace each coefficient by a plain word; also return the words' positions."""
    stem = "b"
    while any(re.search(rf"\b{stem}\d", t) for t in (text, *names)):
        stem += "_"
    positions = {f"{stem}{i}": i for i in range(len(names))}
    exact = dict(zip(names, positions, strict=True))
    spaced: dict[str, list[str]] = {}
    for name, word in exact.items():
        spaced.setdefault("".join(name.split()), []).append(word)

    def word_of(match: re.Match[str]) -> str:
        typed = match["name"]
        fitting = [exact[typed]] if typed in exact else spaced["".join(typed.split())]
        if len(fitting) > 1:
            raise _syntax_error(
                text,
                f"{cited(typed)} matches several coefficients; write its spaces as "
                "in the results",
            )
        return fitting[0]

    longest_first = sorted((n for n in names if n.strip()), key=len, reverse=True)
    pattern = "|".join(map(_without_blanks, longest_first))
    # A name may stand in backticks, as in terms.
    named = rf"(?<![\w:])(?P<tick>`?)(?P<name>{pattern})(?P=tick)(?![\w:(\[])"
    coded = re.sub(named, word_of, text)
    return coded, positions


def _without_blanks(name: str) -> str:
    """Match a name however its blanks are set."""
    return r"\s*".join(re.escape(part) for part in re.findall(r"\w+|[^\w\s]", name))


def _split_equations(part: str, positions: dict[str, int], text: str) -> list[Floats]:
    sides = [
        _linear_weights(_parse_side(side.strip(), text), positions, text)
        for side in part.split("=")
    ]
    return [a - b for a, b in pairwise(sides)] or sides


def _parse_side(side: str, text: str) -> ast.expr:
    tree = expression(side)
    if tree is None:
        raise _syntax_error(text, f"{cited(side)} is not one side of a restriction")
    deep = too_deep(tree)
    if deep:
        raise _syntax_error(text, deep)
    return tree


def _linear_weights(node: ast.expr, positions: dict[str, int], text: str) -> Floats:
    """Evaluate an expression: the coefficients' weights and, last, the constant."""
    match node:
        case ast.Name(id=word):
            return np.asarray(np.eye(len(positions) + 1)[positions[word]])
        case ast.Constant(value=value) if type(value) in (int, float):
            return np.append(np.zeros(len(positions)), _number(value, text))
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_linear_weights(inner, positions, text)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _linear_weights(inner, positions, text)
        case ast.BinOp(left=left, op=op, right=right):
            a, b = (_linear_weights(side, positions, text) for side in (left, right))
            return _combine(op, a, b, text)
    raise _syntax_error(
        text, "it may contain only coefficients, numbers, + - * / and parentheses"
    )


def _number(value: object, text: str) -> float:
    number = float(value)  # type: ignore[arg-type]
    if not np.isfinite(number):
        raise _syntax_error(text, "a number in it is infinite")
    return number


def _combine(op: ast.operator, a: Floats, b: Floats, text: str) -> Floats:
    if isinstance(op, ast.Add):
        return a + b
    if isinstance(op, ast.Sub):
        return a - b
    if isinstance(op, ast.Mult) and not (a[:-1].any() and b[:-1].any()):
        return np.asarray(b * a[-1] if b[:-1].any() else a * b[-1])
    if isinstance(op, ast.Div) and not b[:-1].any() and b[-1] != 0:
        return np.asarray(a / b[-1])
    raise _syntax_error(
        text,
        "it is not linear: coefficients may be added, and multiplied or "
        "divided by numbers",
    )
