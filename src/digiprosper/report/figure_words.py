"""Words of figures: the texts of each code in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from digiprosper.report.labels import name_label
from digiprosper.report.terms import Factors
from digiprosper.report.words import Language, read_words

FIGURE = read_words(__file__, "words_figures")
"""Words of axes, legends and remarks."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Labels and language of one figure."""

    labels: Mapping[str, str]
    factors: Factors
    language: Language = "english"

    def label(self, name: str) -> str:
        """Print an outcome, effect, cluster or mediator with labels."""
        return name_label(name, self.labels, self.factors, self.language)

    def say(self, code: str, **parts: object) -> str:
        """Return the words of a code of figures."""
        return FIGURE.say(code, self.language, **parts)
