"""Numbers in columns: where their decimal points stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from digiprosper.report.rendering import Content

# Counts have no point, and intervals have two numbers: both are centred.
_NUMBER = re.compile(r"([(<]*-?[\d,]+)(\.\d+(?:e[+-]?\d+)?[)*]*)")
# Widths in Times of what numbers are written with, as shares of the type size. A minus in LaTeX is wider than
# a parenthesis, and the hyphen of Times as wide: of the two the minus counts as the wider one.
_WIDTHS = {".": 0.25, ",": 0.25, "(": 0.333, ")": 0.333, "-": 0.334, "<": 0.564, "+": 0.564, "e": 0.444}
_WIDTH = 0.5


class Split(NamedTuple):
    """A number: what stands before its decimal point, and the point with what follows."""

    left: str
    right: str


@dataclass(frozen=True, slots=True)
class PointColumn:
    """How wide the numbers of a column are on both sides of the decimal point.

    Parameters
    ----------
    left, right : str
        The widest text on either side; the right one begins with the point.
    """

    left: str
    right: str

    def place(self, room: float, size: float) -> float:
        """Find the decimal point that centres the numbers as a block.

        Parameters
        ----------
        room : float
            Width of the column.
        size : float
            Type size in the same unit.

        Returns
        -------
        float
            Distance from the left end of the column, in the same unit.
        """
        left, right = type_width(self.left) * size, type_width(self.right) * size
        return max((room - left - right) / 2, 0.0) + left


def split_number(text: str) -> Split | None:
    """Part a number with decimals at its point.

    Parameters
    ----------
    text : str
        A cell.

    Returns
    -------
    Split or None
        None for words, counts and intervals.

    Examples
    --------
    >>> split_number("-0.019***")
    Split(left='-0', right='.019***')
    >>> split_number("1,234") is None
    True
    """
    found = _NUMBER.fullmatch(text)
    return Split(found[1], found[2]) if found else None


def type_width(text: str) -> float:
    """Width of a number in Times, as a share of the type size.

    Parameters
    ----------
    text : str
        A number or a part of one.

    Returns
    -------
    float
        Such as 0.5 for a digit.
    """
    return sum(_WIDTHS.get(letter, _WIDTH) for letter in text)


def point_columns(content: Content) -> list[PointColumn | None]:
    """Find where the numbers of each column align.

    Parameters
    ----------
    content : Content
        The table.

    Returns
    -------
    list of PointColumn or None
        One a column without that of the row names; None where no number has decimals.
    """
    return [_point_column(cells) for cells in content.columns]


def _point_column(cells: Sequence[str]) -> PointColumn | None:
    parts = [part for cell in cells if (part := split_number(cell))]
    if not parts:
        return None
    return PointColumn(_widest(part.left for part in parts), _widest(part.right for part in parts))


def _widest(texts: Iterable[str]) -> str:
    return max(texts, key=type_width)
