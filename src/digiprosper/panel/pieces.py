"""The text of a factor in pieces: what is typed, and between it the columns and calls that have labels."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from digiprosper.report.terms import Factor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.report.terms import Pieces


@dataclass(frozen=True, slots=True)
class Source:
    """A term as Python's parser read it."""

    # With words in place of names that the parser does not accept, and @ in place of the colon.
    text: str
    # Such a word to the name that it stands for.
    names: Mapping[str, str]

    def pieces(self, node: ast.expr) -> Pieces:
        """Split a factor into texts and the factors inside it; empty for a column.

        ``log(x) - 1`` inside ``I()`` is ``"I("``, the factor ``log(x)``, ``" - 1)"``.
        """
        if isinstance(node, ast.Name):
            return ()
        at, stop = self._span(node)
        closing, parts = "", list[str | Factor]()
        for part in _outermost(node):
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
        """Find where a node starts and ends; the parser counts bytes from the start of a line."""
        lines = self.text.encode().splitlines(keepends=True)
        starts = list(accumulate(map(len, lines), initial=0))
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset

    def _between(self, start: int, stop: int) -> str:
        return self.text.encode()[start:stop].decode()


def _outermost(node: ast.AST) -> list[ast.Name | ast.Call]:
    """List the columns and calls inside a node, but not those inside another call."""
    out: list[ast.Name | ast.Call] = []
    for part in node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node):
        out += [part] if isinstance(part, ast.Name | ast.Call) else _outermost(part)
    return out
