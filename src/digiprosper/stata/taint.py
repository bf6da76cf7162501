"""Which columns and rows a refused line would have changed.

What depends on them is translated, but no number of it is shown as Stata's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORD = re.compile(r"[^\W\d]\w*")


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

    def mark_rows(self, line: int, cause: str = "") -> None:
        """Mark all rows; the first line is named, with its cause if it is another."""
        because = f": {cause}" if cause else ""
        self.rows = self.rows or f"line {line} would change the data{because}"

    def reason(self, texts: Iterable[str]) -> str:
        """Tell why code with these texts would not run; empty if it would."""
        if self.rows:
            return self.rows
        for text in texts:
            for word in _WORD.findall(text):
                if word in self.columns:
                    return f"{word} comes from line {self.columns[word]}"
        return ""

    def unmark(self, names: Iterable[str]) -> None:
        """Remove the marks of columns that are made anew."""
        for name in names:
            self.columns.pop(name, None)
