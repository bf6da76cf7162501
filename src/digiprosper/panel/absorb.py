"""What `absorb` accepts: an effect, and slopes by its levels, ``"province[year]"``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digiprosper.errors import TermError, cited, term_problem
from digiprosper.panel.terms import LONGEST_TERM, canonical, crossed, parse
from digiprosper.report.parsing import KEPT, too_long

if TYPE_CHECKING:
    from collections.abc import Sequence

_PIECE = re.compile(rf"{KEPT}|.", re.DOTALL)
_HELP = (
    "Slopes by group are written 'province[year]', or 'province[[year]]' without the effect of the province "
    "itself; several are separated by commas"
)


@dataclass(frozen=True, slots=True)
class Absorbed:
    """One absorbed effect: a constant by level, or the slope of a term by level."""

    # The term whose values are the levels, such as "province" or "region^industry".
    effect: str
    # The term that the slope is of; None for a constant by level.
    slope: str | None = None

    @property
    def name(self) -> str:
        """The effect, or ``"province[[year]]"`` for a slope."""
        return self.effect if self.slope is None else f"{self.effect}[[{self.slope}]]"


def read_absorbed(text: str, column_names: Sequence[str]) -> tuple[Absorbed, ...]:
    """Read an entry of `absorb`: an effect, ``"province[year, x]"`` or ``"province[[year]]"``.

    The effect itself comes first, unless the brackets are double, then its slopes.
    """
    stripped = text if text in column_names else text.strip()
    pieces = _pieces(stripped, column_names)
    if not pieces:
        return (Absorbed(stripped),)

    effect, inside = _in_brackets(stripped, pieces)
    double = inside[:1] == ["["] and inside[-1:] == ["]"]
    slopes = [
        _checked(slope, stripped, column_names)
        for slope in _listed(inside[1:-1] if double else inside, stripped)
    ]
    constant = () if double else (Absorbed(effect),)
    return (*constant, *(Absorbed(effect, slope) for slope in dict.fromkeys(slopes)))


def _pieces(text: str, column_names: Sequence[str]) -> list[str]:
    """Split a text into signs and quoted names; empty where it has no slopes or cannot be a term."""
    if text in column_names or too_long(text, LONGEST_TERM):
        return []
    pieces = _PIECE.findall(text)
    return pieces if "[" in pieces or "]" in pieces else []


def _in_brackets(text: str, pieces: Sequence[str]) -> tuple[str, list[str]]:
    """Separate an effect from the text in the brackets at its end."""
    first = pieces.index("[") if "[" in pieces else 0
    effect = "".join(pieces[:first]).strip()
    if pieces.count("[") != pieces.count("]") or pieces[-1] != "]":
        raise _refused(text, "its brackets are not closed, or something follows them")
    if not effect:
        raise _refused(text, "no effect stands before the brackets")
    return effect, list(pieces[first + 1 : -1])


def _listed(pieces: Sequence[str], text: str) -> list[str]:
    """Split at the commas outside calls."""
    if "[" in pieces or "]" in pieces:
        raise _refused(text, "there are brackets inside the brackets")
    parts, depth = [""], 0
    for piece in pieces:
        depth += (piece == "(") - (piece == ")")
        if piece == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    if not all(part.strip() for part in parts):
        raise _refused(text, "a slope is empty")
    return [part.strip() for part in parts]


def _checked(slope: str, text: str, column_names: Sequence[str]) -> str:
    term = parse(slope, column_names, "absorb")
    if term.categories:
        raise _refused(
            text,
            f"a slope needs numbers and {cited(slope)} is a category; crossed effects are written "
            f"{cited('province^region')}",
        )
    return term.column or canonical(slope, column_names)


def _refused(text: str, why: str) -> TermError:
    return TermError(
        f"absorb cannot use {cited(text)}: {why}. {_HELP}.",
        [term_problem(text, "absorb", why)],
    )


def effect_key(effect: str, column_names: Sequence[str]) -> str:
    """Name an effect: ``C(state)`` and ``state`` are the same, and so are ``a^b``, ``b^a`` and ``a:b``."""
    parts = {
        term.column or canonical(term.text, column_names) for term in crossed(effect, column_names, "absorb")
    }
    # No name of a column has a line break.
    return "\n".join(sorted(parts))
