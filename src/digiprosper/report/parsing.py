"""Limits of texts that Python's parser reads: terms, conditions, restrictions."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from itertools import chain

QUOTED = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
KEPT = rf"{QUOTED}|`[^`]+`"
_BOUNDED = re.compile(
    rf"(?P<prefixed>\w(?=['\"]))|{KEPT}|(?P<number>(?<![\w.])[\d.][\w.]*)"
    r"|(?P<sign>[-+~*/%@^|&:.(\[{]|\b(?:not|if|lambda|await)\b)"
)
_LONGEST_NUMBER = 50
_MOST_SIGNS = 1_000
_DEEPEST = 100


def too_long(text: str, longest: int) -> str | None:
    """Return the reason why a text is too long for Python's parser, or None."""
    if len(text) > longest:
        return f"it has {len(text):,} characters, more than {longest:,}"

    parts = defaultdict[str | None, list[str]](list)
    for match in _BOUNDED.finditer(text):
        parts[match.lastgroup].append(match[0])
    if parts["prefixed"]:
        return "there is a letter before a quotation mark"
    if max(map(len, parts["number"]), default=0) > _LONGEST_NUMBER:
        return f"it has a number of more than {_LONGEST_NUMBER} digits"
    if len(parts["sign"]) > _MOST_SIGNS:
        return (
            f"it has more than {_MOST_SIGNS:,} signs; make its parts columns first, "
            "with assign()"
        )
    return None


def expression(text: str) -> ast.expr | None:
    """Parse a text as a Python expression; None if it is not one."""
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return None


def too_deep(tree: ast.expr) -> str | None:
    """Return the reason why a syntax tree is too deep to evaluate, or None."""
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        level = list(chain.from_iterable(map(ast.iter_child_nodes, level)))
        if not level:
            return None
    return (
        f"it has more than {_DEEPEST} nested levels; make its parts columns first, "
        "with assign()"
    )
