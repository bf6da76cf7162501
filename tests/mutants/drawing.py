"""Mutants of the source: one thing is changed.

A constant, comparison, sign, slice, condition or order of arguments. Left out is what
computes nothing: texts, annotations, decorators, ``__all__`` and imports for type
checkers.
"""

from __future__ import annotations

import ast
import copy
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "digiprosper"

_PAIRS: list[tuple[type[ast.AST], type[ast.AST]]] = [
    *(
        (ast.Lt, ast.LtE),
        (ast.Gt, ast.GtE),
        (ast.Eq, ast.NotEq),
        (ast.Is, ast.IsNot),
        (ast.In, ast.NotIn),
    ),
    *((ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.And, ast.Or)),
]
_OTHER = dict(_PAIRS) | {after: before for before, after in _PAIRS}
_NO_COMPUTATION = {"annotation", "returns", "decorator_list", "type_params"}
# Arguments of different types, whose swap any test kills, or of no order, whose swap
# none can kill.
_UNSWAPPED_CALLS = {
    *("isinstance", "issubclass", "cast", "getattr", "hasattr"),
    *("min", "max", "minimum", "maximum", "array_equal"),
}


@dataclass(frozen=True)
class Mutant:
    """One change of a file: its path below `SOURCE`, and which change it is."""

    file: str
    number: int
    line: int
    kind: str
    before: str
    after: str

    @property
    def folder(self) -> str:
        """The folder of the file; mutants are spread over folders."""
        return Path(self.file).parent.as_posix()

    @property
    def room(self) -> str:
        """The first folder, whose tests run when those of the file pass."""
        return Path(self.file).parts[0] if "/" in self.file else "."

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.kind}: {self.before} -> {self.after}"


@dataclass(frozen=True)
class _Change:
    node: Any
    kind: str
    field: str
    value: Any  # what the field becomes


def draw(count: int, seed: int, room: str | None = None) -> list[Mutant]:
    """Draw mutants without repetition, from each folder in turn while it has more.

    One is drawn at a time.
    """
    rng = random.Random(seed)
    piles: dict[str, list[tuple[str, int, _Change]]] = defaultdict(list)
    for path in sorted(SOURCE.rglob("*.py")):
        file = path.relative_to(SOURCE).as_posix()
        if room in (None, file.split("/")[0]):
            changes = enumerate(_changes(_tree(file)))
            piles[path.parent.as_posix()] += [
                (file, number, change) for number, change in changes
            ]
    if not piles:
        raise ValueError(f"no folder {room!r} in {SOURCE}")
    for pile in piles.values():
        rng.shuffle(pile)
    drawn: list[Mutant] = []
    while len(drawn) < count and any(piles.values()):
        drawn += [_mutant(*pile.pop()) for pile in piles.values() if pile]
    return drawn[:count]


def mutated_source(mutant: Mutant) -> str:
    """Write the file with the change, without its comments."""
    tree = _tree(mutant.file)
    change = list(_changes(tree))[mutant.number]
    setattr(change.node, change.field, change.value)
    return ast.unparse(tree)


def _tree(file: str) -> ast.Module:
    return ast.parse((SOURCE / file).read_text(encoding="utf-8"))


def _mutant(file: str, number: int, change: _Change) -> Mutant:
    changed = copy.copy(change.node)
    setattr(changed, change.field, change.value)
    before, after = (
        ast.unparse(node).split("\n")[0] for node in (change.node, changed)
    )
    return Mutant(file, number, change.node.lineno, change.kind, before, after)


def _changes(node: ast.AST) -> Iterator[_Change]:
    yield from _changed_operators(node)
    yield from _changed_values(node)
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if (
                field not in _NO_COMPUTATION
                and isinstance(child, ast.AST)
                and not _is_left_out(child)
            ):
                yield from _changes(child)


def _is_left_out(node: ast.AST) -> bool:
    match node:
        case (
            ast.If(test=ast.Name("TYPE_CHECKING"))
            | ast.Assign(targets=[ast.Name("__all__")])
        ):
            return True
        # Of zip: no program relies on its error
        case ast.JoinedStr() | ast.keyword(arg="strict"):
            return True
    return False


def _changed_operators(node: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.Compare(ops=[op]):
            yield _Change(node, "comparison", "ops", [_OTHER[type(op)]()])
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in _OTHER:
            yield _Change(node, "sign", "op", _OTHER[type(op)]())
        case ast.UnaryOp(op=ast.USub()):
            yield _Change(node, "sign", "op", ast.UAdd())
        case ast.BoolOp(op=op):
            yield _Change(node, "boolean", "op", _OTHER[type(op)]())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield _Change(node, "boolean", "operand", ast.UnaryOp(ast.Not(), operand))
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            # These change themselves
            if not isinstance(test, ast.UnaryOp | ast.Compare):
                yield _Change(node, "boolean", "test", ast.UnaryOp(ast.Not(), test))


def _changed_values(node: ast.AST) -> Iterator[_Change]:
    match node:
        case ast.Constant(value=bool(value)):
            yield _Change(node, "boolean", "value", not value)
        case ast.Constant(value=int(value) | float(value)):
            # Whole numbers are counts and positions, others are sizes.
            other = value + 1 if isinstance(value, int) else 2 * value or 1.0
            yield _Change(node, "constant", "value", other)
        case ast.Slice():
            bounds = [
                name
                for name in ("lower", "upper", "step")
                if getattr(node, name) is not None
            ]
            yield from (_Change(node, "slice", name, None) for name in bounds)
        case ast.Call(func=func, args=[first, second, *others]):
            name = ast.unparse(func).split(".")[-1]
            if name not in _UNSWAPPED_CALLS and _can_be_swapped(first, second):
                yield _Change(node, "swap", "args", [second, first, *others])


def _can_be_swapped(first: ast.expr, second: ast.expr) -> bool:
    """Refuse equal arguments, and a text for something else, which any test kills."""
    if isinstance(first, ast.Starred) or isinstance(second, ast.Starred):
        return False
    return _is_text(first) == _is_text(second) and ast.dump(first) != ast.dump(second)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
