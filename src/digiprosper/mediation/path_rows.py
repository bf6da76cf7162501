"""The lines of the indirect effects below a three-step table, named in English or Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digiprosper.errors import InputTypeError, check_option, option_problem
from digiprosper.mediation.words import WORDS
from digiprosper.report.text import p_text

if TYPE_CHECKING:
    from digiprosper.report.words import Language

_LANGUAGES: dict[str, Language] = {"en": "english", "zh": "chinese"}


@dataclass(frozen=True, slots=True)
class PathRows:
    """Names and cells of the rows of an indirect effect; with several mediators a name has the mediator."""

    several: bool
    digits: int
    language: str

    def __post_init__(self) -> None:
        check_option("language", self.language, tuple(_LANGUAGES))

    def lines(
        self, path: str, effect: float, drawn: tuple[float, float, float] | None, sobel: float | None
    ) -> dict[str, str]:
        """Write the rows of one indirect effect: name to cell.

        `path` is the label of its mediators, `drawn` the ends of its interval and its p-value, `sobel` its z.
        """
        text = self._decimals(effect)
        if drawn is None:
            cells = {"effect": text}
        else:
            low, high, p = drawn
            interval = f"[{self._decimals(low)}, {self._decimals(high)}]"
            cells = {"interval": f"{text} {interval}", "bootstrap": p_text(p)}
        if sobel is not None:
            cells["sobel"] = f"{sobel:z.2f}"
        return {self._name(code, path): cell for code, cell in cells.items()}

    def _name(self, code: str, path: str) -> str:
        ending = ".through" if self.several else ""
        return WORDS.say(f"row.{code}{ending}", _LANGUAGES[self.language], path=path)

    def _decimals(self, value: float) -> str:
        kind = "f" if abs(value) >= 0.5 * 10.0**-self.digits else "g"
        return f"{value:z.{self.digits}{kind}}"


def checked_labels(labels: object) -> Mapping[str, str]:
    """Refuse labels that are no mapping; None is an empty one."""
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise InputTypeError(
            'path_rows: labels must be a mapping of texts such as {"digital": "Digital economy"}.',
            [option_problem("labels", labels, what="not a mapping of texts")],
        )
    return labels
