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
    # The line that would have changed rows, or columns that it does not name.
    rows: int | None = None

    def clear(self) -> None:
        """Forget everything: the data are read anew."""
        self.columns.clear()
        self.rows = None

    def mark(self, names: Iterable[str], line: int) -> None:
        """Mark columns."""
        for name in names:
            self.columns[name] = line

    def mark_rows(self, line: int) -> None:
        """Mark all rows; the first line is the one that is named."""
        self.rows = line if self.rows is None else self.rows

    def reason(self, texts: Iterable[str]) -> str:
        """Tell why code with these texts would not run; empty if it would."""
        if self.rows is not None:
            return f"line {self.rows} would change the data"
        for text in texts:
            for word in _WORD.findall(text):
                if word in self.columns:
                    return f"{word} comes from line {self.columns[word]}"
        return ""

    def unmark(self, names: Iterable[str]) -> None:
        """Remove the marks of columns that are made anew."""
        for name in names:
            self.columns.pop(name, None)
