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
    """How the lines of an effect are written.

    Parameters
    ----------
    several : bool
        Whether there are several mediators, so that a name says which.
    digits : int
        Decimals of the effect and its interval.
    language : {"en", "zh"}
        Of the names.

    Raises
    ------
    OptionError
        If `language` is another word.

    Examples
    --------
    >>> PathRows(several=False, digits=3, language="en").lines("jobs", 0.388, (0.24, 0.551, 0.0004), 5.541)
    {'Indirect effect [95% interval]': '0.388 [0.240, 0.551]', 'Bootstrap p': '<0.001', 'Sobel z': '5.54'}
    """

    several: bool
    digits: int
    language: str

    def __post_init__(self) -> None:
        check_option("language", self.language, tuple(_LANGUAGES))

    def lines(
        self, path: str, effect: float, drawn: tuple[float, float, float] | None, sobel: float | None
    ) -> dict[str, str]:
        """Write the lines of one indirect effect.

        Parameters
        ----------
        path : str
            Label of its mediator, or of the mediators of a chain.
        effect : float
            The estimate.
        drawn : tuple of float or None
            Ends of its interval and its p-value, where draws give them.
        sobel : float or None
            Its z, where there is one.

        Returns
        -------
        dict
            Name of a line to its cell.
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
    """Refuse labels that are no mapping.

    Parameters
    ----------
    labels : mapping or None
        Text by term or column.

    Returns
    -------
    mapping
        The same; empty for None.

    Raises
    ------
    InputTypeError
        If it is not a mapping.
    """
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise InputTypeError(
            'path_rows: labels must be a mapping of texts such as {"digital": "Digital economy"}.',
            [option_problem("labels", labels, what="not a mapping of texts")],
        )
    return labels
