"""Texts of labels and numbers: width, script, decimals, and misspelt labels."""

from __future__ import annotations

import difflib
import math
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence

from digiprosper.errors import one_line

CJK = (
    r"\u1100-\u11ff\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\uff00-\uffef"
)
"""Chinese, Japanese and Korean characters, as the ranges of a pattern."""
_CJK = re.compile(f"[{CJK}]")

_WITHOUT_GBK = str.maketrans({"²": "^2", "³": "^3", "−": "-"})

# A smaller number is noise of the computer, and its cell would be wider than a page.
_MOST_DECIMALS = 15

# A Chinese character, or a word of other letters, with the punctuation that no line may
# begin with.
_UNIT = re.compile(
    rf"\s*(?:[{CJK}]|[^\s{CJK}]+)[\u3001\u3002\u300d\u300f\u201d"
    r"\uff01\uff05\uff09\uff0c\uff1a\uff1b\uff1f]*"
)


def has_cjk(text: str) -> bool:
    """Return whether a text has Chinese, Japanese or Korean characters."""
    return _CJK.search(text) is not None


def text_width(text: str) -> int:
    """Return a text's width in fixed-width columns; Chinese characters take two."""
    return len(text) + len(_CJK.findall(text))


def wrap_text(text: str, width: int) -> list[str]:
    """Break a text into lines of at most `width` columns."""
    if not has_cjk(text):
        return textwrap.wrap(text, width)
    lines = [""]
    for unit in _UNIT.findall(text):
        if text_width(lines[-1] + unit) > width and lines[-1]:
            lines.append(unit.lstrip())
        else:
            lines[-1] += unit
    return lines


def tidy_text(value: object) -> str:
    """Make a label a single line, with blanks for control characters."""
    return one_line(str(value))


def with_signs(text: str) -> str:
    """Write comparisons as signs."""
    return text.replace("<=", "≤").replace(">=", "≥")


def with_minus_signs(text: str) -> str:
    """Write comparisons, and minus before numbers, as signs."""
    # A hyphen between years, such as 2005年-2010年, is no minus.
    hyphen = r"(?<![A-Za-z0-9_.)\]年月日-])-(?=[\d.∞])"
    return re.sub(hyphen, "−", with_signs(text))


def console_text(text: str) -> str:
    """Write powers and minus without characters that GBK lacks."""
    # On Chinese Windows, Python writes to files and pipes in GBK.
    return re.sub("(?<=[Rχ])²", "2", text).translate(_WITHOUT_GBK)


def decimal_text(value: float, digits: int) -> str:
    """Write a number with decimals, or with significant digits if it would be 0."""
    text = f"{value:z.{digits}f}"
    if float(text) != 0 or value == 0:
        return text
    small = significant_text(value, digits)
    return small if float(small) != 0 else text


def significant_text(value: float, digits: int) -> str:
    """Write a number below 1 with significant digits, at least one, no exponent."""
    first = -math.floor(math.log10(abs(value)))
    return f"{value:z.{min(first + max(digits, 1) - 1, _MOST_DECIMALS)}f}"


_OPERATORS = ("and", "in", "not", "or")


def misspelt_labels(labels: Mapping[str, str], words: Iterable[str]) -> dict[str, str]:
    """Find labels of unknown names that resemble a name without a label.

    A paper has one mapping of labels for all its tables, so a label without a use is no
    error by itself.
    """
    names = dict.fromkeys(words)
    parts = _words_in_names(names)
    without = [w for w in parts if w not in labels and re.search(r"[^\W\d]", w)]
    near = {}
    for key in labels:
        if not _is_used(key, names, parts):
            for name in difflib.get_close_matches(key, without, n=1, cutoff=0.8):
                near[key] = name
    return near


def _words_in_names(names: Iterable[str]) -> list[str]:
    """List names and the words in them, without the operators of conditions."""
    words = [w for name in names for w in (name, *re.findall(r"[^\W\d]\w*", name))]
    return [word for word in dict.fromkeys(words) if word not in _OPERATORS]


def _is_used(key: str, names: Iterable[str], parts: Sequence[str]) -> bool:
    """Tell whether a key is in a name, or is a term of columns that are in names."""
    columns = re.findall(r"[^\W\d]\w*(?!\w|\()", key)
    if columns and [key] != columns and {*columns} <= {*parts}:
        return True
    pattern = rf"(?<!\w){re.escape(key)}(?!\w)"
    return any(re.search(pattern, name) for name in names)
