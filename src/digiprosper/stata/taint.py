"""Which columns and rows a refused line would have changed.

What depends on them is translated, but no number of it is shown as Stata's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from digiprosper.stata.varlists import LaterColumns

if TYPE_CHECKING:
    from collections.abc import Iterable

# Variables, but not the functions of Python code.
_WORD = re.compile(r"[^\W\d]\w*\b(?!\()")
_LATER = re.compile(r"\*df\.(?:filter\(regex='[^']*'\)|loc\[[^\]]*\])")


@dataclass(slots=True)
class Taint:
    """Lines that were refused, by the columns that they would have made."""

    columns: dict[str, int] = field(default_factory=dict)
    # Why rows, or columns that a line does not name, would have changed.
    rows: str = ""

    def clear(self) -> None:
        """Forget everything: the data are read anew."""
        self.columns.clear()
        self.rows = ""

    def mark(self, names: Iterable[str], line: int) -> None:
        """Mark columns."""
        for name in names:
            self.columns[name] = line

    def add(self, other: Taint) -> None:
        """Mark what another table has marked."""
        self.columns |= other.columns
        self.rows = self.rows or other.rows

    def mark_rows(self, line: int, cause: str = "") -> None:
        """Mark all rows; the first line is named, with its cause if it is another."""
        because = f": {cause}" if cause else ""
        self.rows = self.rows or f"line {line} would change the data{because}"

    def reason(self, texts: Iterable[str]) -> str:
        """Tell why code with these texts would not run; empty if it would."""
        if self.rows:
            return self.rows
        for text in texts:
            words = set(_WORD.findall(text))
            later = [LaterColumns(code) for code in _LATER.findall(text)]
            for name, line in self.columns.items():
                columns = [name] if isinstance(name, LaterColumns) else later
                others = words if isinstance(name, LaterColumns) else [name]
                if name in words or any(
                    c.may_have(other) for c in columns for other in others
                ):
                    return f"{name} comes from line {line}"
        return ""

    def unmark(self, names: Iterable[str]) -> None:
        """Remove the marks of columns that are made anew."""
        for name in names:
            self.columns.pop(name, None)
