"""Texts in lines that fit a figure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.report.characters import text_width

if TYPE_CHECKING:
    from collections.abc import Iterable

_OPEN, _CLOSE = r"\uff08「『《【“", r"、。\uff0c\uff0e\uff1a\uff1b\uff01\uff1f\uff09」』》】”\uff05"
_WIDE = r"\u1100-\u11ff\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
# What a line may be broken between: words, and Chinese characters with the punctuation that clings to them.
_PIECES = re.compile(rf"[{_OPEN}]*(?:[{_WIDE}]|[^\s{_WIDE}]+)[{_CLOSE}]*|\s+")


def type_columns(text: str) -> float:
    """Width of a text in columns of proportional type.

    Parameters
    ----------
    text : str
        One line.

    Returns
    -------
    float
        Columns; a Chinese character takes two, and capitals are wider than the rest.
    """
    return text_width(text) + 0.25 * sum(map(str.isupper, text))


def broken_lines(text: str, columns: float) -> list[str]:
    """Break a text at blanks and between Chinese characters; inside a word only where it is too long.

    Parameters
    ----------
    text : str
        Any text.
    columns : float
        Longest line, as `type_columns` counts.

    Returns
    -------
    list of str
        Lines, each as full as can be.

    Examples
    --------
    >>> broken_lines("one two three", 8)
    ['one two', 'three']
    """
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
    """Break a text into as few lines as there can be, about equally long.

    Parameters
    ----------
    text : str
        Any text.
    columns : float
        Longest line, as `type_columns` counts.

    Returns
    -------
    list of str
        Lines.
    """
    best = broken_lines(text, columns)
    # No narrower than the longest word that fits: only one that does not may be broken.
    words = (type_columns(part) for part in _PIECES.findall(text))
    least = max((int(np.ceil(w)) for w in words if w <= columns), default=6)
    narrower = (broken_lines(text, fewer) for fewer in range(max(least, 6), int(columns)))
    return next((lines for lines in narrower if len(lines) == len(best)), best)
