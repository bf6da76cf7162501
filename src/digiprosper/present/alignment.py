"""Alignment of numbers in columns at the decimal point."""

from __future__ import annotations

import re
from typing import NamedTuple

from digiprosper.report.characters import text_width
from digiprosper.report.rendering import Content

# Counts have no point, and intervals have two numbers: both are centred.
_NUMBER = re.compile(r"([(<]*[-−]?[\d,]+)(\.\d+[)*]*)")
# Widths in Times of what numbers are written with, as shares of the type size. A minus
# in LaTeX is wider than a parenthesis, and the hyphen of Times as wide: of the two the
# minus counts as the wider one.
_WIDTHS = {
    ".": 0.25,
    ",": 0.25,
    "(": 0.333,
    ")": 0.333,
    "-": 0.334,
    "−": 0.564,
    "<": 0.564,
}
_WIDTH = 0.5
_SHORT = 3


class PointColumn(NamedTuple):
    """Widest texts of a column left of the decimal point, and from it on."""

    left: str
    right: str

    def place(self, room: float, size: float) -> float:
        """Return the point's distance from the left edge that centres numbers."""
        left_width, right_width = (
            type_width(self.left) * size,
            type_width(self.right) * size,
        )
        return max((room - left_width - right_width) / 2, 0.0) + left_width


def split_number(text: str) -> tuple[str, str] | None:
    """Split a number before its decimal point; None for words, counts and intervals."""
    match = _NUMBER.fullmatch(text)
    return (match[1], match[2]) if match else None


def type_width(text: str) -> float:
    """Return the width of a number in Times as a share of font size: 0.5 a digit."""
    return sum(_WIDTHS.get(letter, _WIDTH) for letter in text)


def point_columns(content: Content) -> list[PointColumn | None]:
    """Find where the decimal points of each column are aligned.

    One element per column without that of the row names; None if no number of a column
    has decimals.
    """
    columns: list[PointColumn | None] = []
    for cells in content.columns:
        parts = list(filter(None, map(split_number, cells)))
        widest = [max(texts, key=type_width) for texts in zip(*parts, strict=True)]
        columns.append(PointColumn(*widest) if parts else None)
    return columns


def text_columns(content: Content) -> list[bool]:
    """Find columns of words, such as definitions, which are left-aligned.

    Most of their cells begin with a letter and none is a number. Short words such as
    Yes are centred. One element per column without that of the row names.
    """
    are_texts = []
    for cells in content.columns:
        words = [text for text in cells if text[:1].isalpha()]
        is_text = 2 * len(words) > len(cells) and not any(map(split_number, cells))
        are_texts.append(is_text and max(map(text_width, words)) > _SHORT)
    return are_texts
