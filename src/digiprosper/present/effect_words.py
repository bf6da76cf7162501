"""What figures of mechanisms say: effects in words, in lines that fit, and which results they are of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.errors import InputTypeError, Notice
from digiprosper.mediation.routes import links_of
from digiprosper.report.characters import text_width
from digiprosper.report.labels import term_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from digiprosper.mediation.results import MediationResults

__all__ = [
    "CHANGES",
    "REGIMES",
    "balanced_lines",
    "broken_lines",
    "effect_words",
    "effects_of",
    "part_words",
    "refuse_other",
    "type_columns",
]

CHANGES = ("index", "difference")
REGIMES = {"regime1": "low", "regime2": "high"}
_OPEN, _CLOSE = r"\uff08「『《【“", r"、。\uff0c\uff0e\uff1a\uff1b\uff01\uff1f\uff09」』》】”\uff05"
_WIDE = r"\u1100-\u11ff\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
# What a line may be broken between: words, and Chinese characters with the punctuation that clings to them.
_PIECES = re.compile(rf"[{_OPEN}]*(?:[{_WIDE}]|[^\s{_WIDE}]+)[{_CLOSE}]*|\s+")


def effects_of(results: MediationResults, mediators: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Tell what each term about some mediators says.

    Parameters
    ----------
    results : MediationResults
        Of any structure.
    mediators : sequence of str
        Whose effects, of those in the fit.

    Returns
    -------
    dict
        By term: which effect, and where it is (``"p10"``, ``"regime1"``), what of it (``"index"``,
        ``"difference"``) or an empty text. The proportion is left out, and with one mediator the sum of one.
    """
    found = {}
    for name in results.names[:-1]:
        kind, _, path = name.partition(":")
        if kind in CHANGES:
            effect, part = path if path == "direct" else f"indirect:{path}", kind
        else:
            effect, _, part = name.rpartition(":") if results.variable else (name, "", "")
            effect, part = (effect, part) if part in dict(results.points) or part in REGIMES else (name, "")
        others = {f"indirect:{m}" for m in results.mediators if m not in mediators}
        if effect not in others and not (effect == "indirect" and len(mediators) == 1):
            found[name] = (effect, part)
    return found


def effect_words(effect: str, mediators: Sequence[str], texts: Mapping[str, str], noun: str = "") -> str:
    """Name an effect in words.

    Parameters
    ----------
    effect : str
        ``"total"``, ``"direct"``, ``"indirect"`` or ``"indirect:<m>"``; ``>`` joins the links of a chain.
    mediators : sequence of str
        Mediators of the fit.
    texts : mapping
        Labels by term or column.
    noun : str
        What comes before "through".

    Returns
    -------
    str
        Such as ``"Indirect through log(jobs)"``.

    Examples
    --------
    >>> effect_words("indirect:m>n", ["m", "n"], {"m": "jobs", "n": "wages"}, " effect")
    'Indirect effect through jobs → wages'
    """
    kind, _, path = effect.partition(":")
    links = " → ".join(term_label(link, texts) for link in links_of(path, mediators))
    return kind.capitalize() + (f"{noun} through {links}" if path else " effect")


def part_words(results: MediationResults, part: str, variable: str) -> str:
    """Name where an effect is evaluated, or which part of it is meant.

    Parameters
    ----------
    results : MediationResults
        Of any structure.
    part : str
        As `effects_of` gives it.
    variable : str
        Text of what effects vary with; empty if they do not.

    Returns
    -------
    str
        Such as ``"urban = 54.96 (50% quantile)"``; empty for the whole of an effect that does not vary.
    """
    points = dict(results.points)
    if part in points:
        percent = f" ({part[1:]}% quantile)" if part.startswith("p") else ""
        return f"{variable} = {points[part]:.4g}{percent}"
    if part in REGIMES:
        return f"{variable} {'<=' if part == 'regime1' else '>'} {results.threshold:.4g}"
    if part:
        return {"index": f"change per unit of {variable}", "difference": "high minus low regime"}[part]
    return "mean of the rows" if variable else ""


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


def refuse_other(results: object, kind: type, maker: str, purpose: str) -> None:
    """Refuse what is not the results that a figure is of.

    Parameters
    ----------
    results : object
        What was passed.
    kind : type
        What it must be.
    maker : str
        What returns such, for the error.
    purpose : str
        Which figure, for the error.

    Raises
    ------
    InputTypeError
        If it is something else.
    """
    if not isinstance(results, kind):
        raise InputTypeError(
            f"{purpose}: takes what {maker} returns, not {type(results).__name__}.",
            [Notice("models", f"no {kind.__name__}", {"type": type(results).__name__})],
        )
