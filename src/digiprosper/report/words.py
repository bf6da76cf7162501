"""Words of tables and figures by code: one table a language."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NO_WORDS", "Language", "Words"]

Language: TypeAlias = Literal["english", "chinese"]


@dataclass(frozen=True, slots=True)
class Words:
    """What codes say, in each language.

    Parameters
    ----------
    english : mapping
        Text by code. Names in braces are filled in: ``"Indirect through {path}"``.
    chinese : mapping
        The same codes.

    Examples
    --------
    >>> Words({"indirect": "Indirect through {path}"}).say("indirect", path="jobs")
    'Indirect through jobs'
    """

    english: Mapping[str, str] = field(default_factory=dict)
    chinese: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, code: object) -> bool:
        return code in self.english

    def say(self, code: str, language: Language = "english", **parts: object) -> str:
        """Give the words of a code.

        Parameters
        ----------
        code : str
            Which.
        language : {"english", "chinese"}
            In which language; words that it lacks are English.
        **parts
            What stands for the names in braces.

        Returns
        -------
        str
            The words; what follows the last dot of a code that has none.
        """
        table = self.chinese if language == "chinese" else self.english
        text = table.get(code, self.english.get(code))
        return code.rpartition(".")[2] if text is None else text.format(**parts)


NO_WORDS = Words()
"""Of a result that brings none."""
