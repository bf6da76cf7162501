"""Texts in lines that fit a figure."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from digiprosper.report.characters import CJK, text_width

_OPEN, _CLOSE = (
    r"\uff08「『《【“",
    r"、。\uff0c\uff0e\uff1a\uff1b\uff01\uff1f\uff09」』》】”\uff05",
)
# What a line may be broken between: words, and Chinese characters with the punctuation
# that clings to them.
_PIECES = re.compile(rf"[{_OPEN}]*(?:[{CJK}]|[^\s{CJK}]+)[{_CLOSE}]*|\s+")


def type_columns(text: str) -> float:
    """Estimate the width of a text in a proportional font, in columns."""
    # A Chinese character takes two columns; capitals are wider than other letters.
    return text_width(text) + 0.25 * sum(map(str.isupper, text))


def broken_lines(text: str, columns: float) -> list[str]:
    """Break a text into lines at blanks, between Chinese characters, or in words."""
    lines = [""]
    for part in _PIECES.findall(text):
        pieces: Iterable[str] = [part] if type_columns(part) <= columns else part
        for piece in pieces:
            if type_columns(lines[-1] + piece.rstrip()) > columns:
                lines.append(piece.lstrip())
            else:
                lines[-1] += piece
    return [line.strip() for line in lines]


def balanced_lines(text: str, columns: float) -> list[str]:
    """Break a text into the smallest number of lines, with about equal lengths."""
    best = broken_lines(text, columns)
    # No narrower than the longest word that fits: only one that does not may be broken.
    words = (type_columns(part) for part in _PIECES.findall(text))
    least = max((int(np.ceil(w)) for w in words if w <= columns), default=6)
    narrower = (
        broken_lines(text, fewer) for fewer in range(max(least, 6), int(columns))
    )
    return next((lines for lines in narrower if len(lines) == len(best)), best)
