"""Words of tables and figures: the texts of each code in both languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from digiprosper.errors import packaged_rows
from digiprosper.report.pickling import PickledByName

Language: TypeAlias = Literal["english", "chinese"]

LANGUAGES: dict[str, Language] = {"en": "english", "zh": "chinese"}
"""Languages by the word that options take."""


@dataclass(frozen=True, slots=True)
class Words(PickledByName):
    """English and Chinese text of codes, with braces to fill, or one that is both."""

    texts: Mapping[str, str | tuple[str, str]]

    def __contains__(self, code: object) -> bool:
        return code in self.texts

    def text(self, code: str, language: Language = "english") -> str | None:
        """Return the text of a code with its braces; None without words."""
        text = self.texts.get(code)
        return text[language == "chinese"] if isinstance(text, tuple) else text

    def say(self, code: str, language: Language = "english", **parts: object) -> str:
        """Return the words of a code; without words, what follows its last dot."""
        text = self.text(code, language)
        return code.rpartition(".")[2] if text is None else text.format_map(parts)

    def read(self, text: str) -> tuple[str, dict[str, str]] | None:
        """Return the code that says a text in English, and what fills it in."""
        for code in self.texts:
            words = re.escape(self.text(code) or "")
            pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", words)
            match = re.fullmatch(pattern, text)
            if match:
                return code, match.groupdict()
        return None


def read_words(module: str, name: str = "words") -> Words:
    """Read a table (code, English, Chinese) that is beside the file of a module."""
    rows = packaged_rows(module, name)
    return Words({row["code"]: (row["english"], row["chinese"]) for row in rows})


NO_WORDS = Words({})
"""Words of results without their own."""


REGIONS = {"east": "东部", "central": "中部", "west": "西部", "northeast": "东北"}
"""Levels of categories that `match_provinces` makes, in Chinese."""


TABLE = read_words(__file__, "words_table")
"""Words of the rows of a table."""

TESTS = read_words(__file__, "words_tests")
"""Names of tests, and how their p-values were computed.

Results have them in English; `Words.read` finds their codes again.
"""

HEADS = read_words(__file__, "words_heads")
"""Headings of columns that are equations of one system."""

NOTES = read_words(__file__, "words_notes")
"""Words of the notes below a table."""

CHINESE_CALLS = {
    "log": "ln({0})",
    "log1p": "ln(1 + {0})",
    "exp": "exp({0})",
    "sqrt": "√({0})",
    "abs": "|{0}|",
    "lag": "{0}（滞后{count}期）",
    "lead": "{0}（提前{count}期）",
    "diff": "{0}（{count}期差分）",
    "treated": "{0}起实施",
    "C": "{0}",
    "I": "({0})",
    "growth of ": "{0}的增长率",
    "log_initial": "期初值的对数",
}
"""Functions of terms in Chinese; English has them as typed."""

CONDITION_SIGNS = {
    "==": "=",
    "!=": "≠",
    "<=": "≤",
    ">=": "≥",
    "&": "and",
    "|": "or",
}
"""Operators of conditions in notes of English tables."""

CHINESE_SIGNS = {
    **CONDITION_SIGNS,
    "&": "且",
    "|": "或",
    "**": "^",
    "*": "×",
    "-": "−",
    "not in": "不属于",
    "and": "且",
    "or": "或",
    "not": "非",
    "in": "属于",
}
"""Operators of calculations and conditions in Chinese; the longer ones first."""
