"""How a term is named: its label, or the labels of the columns in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.report.terms import Term
    from digiprosper.report.words import Language, Words

__all__ = ["effect_label", "effect_names", "term_label", "term_words"]

_POWERS = {"2": "²", "3": "³"}
_POWER = re.compile(r"I\(\s*(.+?)\s*\*\*\s*([23])\s*\)")


def term_label(term: str, labels: Mapping[str, str]) -> str:
    """Print a term: an exact label wins, else each column name in it is replaced by its label.

    Parameters
    ----------
    term : str
        Term, such as ``"I(digital**2)"`` or ``"digital:urban"``.
    labels : mapping
        Labels by term or column.

    Returns
    -------
    str
        ``:`` becomes a times sign, the square of a labelled column its label with a ``²``.

    Examples
    --------
    >>> term_label("I(digital**2):urban", {"digital": "Digital economy", "urban": "Urban share"})
    'Digital economy² × Urban share'
    """
    if term in labels:
        return labels[term]
    return " × ".join(_factor(part, labels) for part in _split(term, ":"))


def term_words(term: Term, labels: Mapping[str, str], words: Words, language: Language = "english") -> str:
    """Print what a term is: an exact label wins, else the words of its method, else its name with labels.

    Parameters
    ----------
    term : Term
        The term.
    labels : mapping
        Labels by term or column.
    words : Words
        Of the method. They have a code a kind (``"direct"``), ``"indirect.through"`` for one with a path,
        ``"index.of"`` for a change of an effect, ``"point"`` and ``"regime"`` for where it is.
    language : {"english", "chinese"}
        Of the words.

    Returns
    -------
    str
        Such as ``"Indirect through Employment (median)"``.
    """
    if term.name in labels:
        return labels[term.name]
    path = " → ".join(term_label(link, labels) for link in term.path)
    kind = term.of or term.kind
    code = f"{kind}.through" if path else kind
    if code not in words:
        return term_label(term.name, labels)

    text = words.say(code, language, path=path)
    if term.of:
        text = words.say(f"{term.kind}.of", language, effect=text)
    if term.point is not None:
        text = words.say(
            "point", language, effect=text, point=words.say(f"point.{term.point.code}", language)
        )
    if term.regime is not None:
        text = words.say("regime", language, effect=text, number=term.regime.number)
    return text


def effect_names(joined: str | None) -> tuple[str, ...]:
    """Take apart what `glance` joins with a plus sign.

    Parameters
    ----------
    joined : str or None
        ``"state+year"`` or None.

    Returns
    -------
    tuple of str
        The names, in order.
    """
    return () if not joined else tuple(part.strip() for part in _split(joined, "+"))


def effect_label(name: str, labels: Mapping[str, str]) -> str:
    """Print an absorbed effect or a cluster; ``region^year`` crosses two.

    Parameters
    ----------
    name : str
        Effect or cluster.
    labels : mapping
        Labels by column.

    Returns
    -------
    str
        The label, crossed ones joined by a times sign.
    """
    if name in labels:
        return labels[name]
    return " × ".join(term_label(part, labels) for part in _split(name, "^"))


def _factor(part: str, labels: Mapping[str, str]) -> str:
    part = part.strip()
    if part in labels:
        return labels[part]
    power = _POWER.fullmatch(part)
    if power is not None and power[1] in labels:
        return labels[power[1]] + _POWERS[power[2]]
    if not labels:
        return part
    names = "|".join(re.escape(name) for name in sorted(labels, key=len, reverse=True) if name)
    # A name before a bracket is a function: a column called `log` does not rename log(x).
    if not names:
        return part
    # Levels in brackets and text in quotation marks name no columns.
    pattern = rf"(?P<kept>(?<=\))\[.*\]|'[^']*'|\"[^\"]*\")|(?<!\w)(?:{names})(?!\w|\s*\()"
    return re.sub(pattern, lambda found: found["kept"] or labels[found[0]], part)


def _split(text: str, mark: str) -> list[str]:
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([") - (letter in ")]")
        if letter == mark and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
