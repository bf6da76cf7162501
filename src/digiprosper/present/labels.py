"""How a term is printed: its label, or the labels of the columns in it."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from digiprosper.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "effect_label",
    "effect_names",
    "has_cjk",
    "term_label",
    "text_width",
    "tidy_text",
    "unused_labels",
]

_POWERS = {"2": "²", "3": "³"}
_POWER = re.compile(r"I\(\s*(.+?)\s*\*\*\s*([23])\s*\)")
_CJK = re.compile(
    r"[\u1100-\u11ff\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]"
)


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


def has_cjk(text: str) -> bool:
    """Tell whether a text has Chinese, Japanese or Korean characters.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    bool
        True if one of its characters needs such a font.
    """
    return _CJK.search(text) is not None


def text_width(text: str) -> int:
    """Width of a text in columns of fixed-width type; a Chinese character takes two.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    int
        Columns.
    """
    return len(text) + len(_CJK.findall(text))


def tidy_text(value: object) -> str:
    """Turn a label into one line of printable text.

    Parameters
    ----------
    value : object
        Label or cell.

    Returns
    -------
    str
        Runs of control characters (new lines too) and of halves of characters, which no document format can
        hold, become one blank.
    """
    return one_line(str(value))


def unused_labels(labels: Mapping[str, str], words: Iterable[str]) -> dict[str, str | None]:
    """Find labels that name nothing and are probably misspelt.

    Labels may be shared between tables, so that one without a use is no fault by itself.

    Parameters
    ----------
    labels : mapping
        Labels given in a call.
    words : iterable of str
        Terms, outcomes, effects and other names of the models.

    Returns
    -------
    dict
        Each key without a use to the name it is nearly spelt as; where no label has a use every key, to that
        name or None.
    """
    names = list(dict.fromkeys(words))
    used = [k for k in labels if any(re.search(rf"(?<!\w){re.escape(k)}(?!\w)", name) for name in names)]
    inner = dict.fromkeys(w for name in names for w in (name, *re.findall(r"[^\W\d]\w*", name)))
    without = [w for w in inner if w not in labels]
    near = {
        k: next(iter(difflib.get_close_matches(k, without, n=1, cutoff=0.8)), None)
        for k in labels
        if k not in used
    }
    return near if not used else {k: name for k, name in near.items() if name is not None}


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
