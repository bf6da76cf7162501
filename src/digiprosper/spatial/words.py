"""What spatial coefficients and models are called, by code."""

from __future__ import annotations

from digiprosper.report.columns import Remark
from digiprosper.report.words import read_words

WORDS = read_words(__file__)
"""Words in tables, by code; a model by its option word."""

MADE = read_words(__file__, "words_made")
"""How weights are made, in the words of `SpatialWeights.made_by`."""


def construction_remark(made_by: str) -> str | Remark:
    """Return the construction of weights as a remark, or as it is if it has no words.

    A construction may contain others; the outermost is read first.
    """
    read = MADE.read(made_by)
    if read is None:
        return made_by
    names = {
        part: (construction_remark(text) if part.startswith("made") else text,)
        for part, text in read[1].items()
    }
    return Remark(read[0], names, MADE)
