"""What became of every line of a do-file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from digiprosper.errors import counted

if TYPE_CHECKING:
    from digiprosper.errors import Notice
    from digiprosper.stata.translation import Translation

Status = Literal["translated", "read", "skipped", "refused", "not run"]
# From the best to the worst; a line in a loop has the worst of its turns.
_WORSE = ("skipped", "read", "translated", "not run", "refused")
_WIDTH = 76


@dataclass(frozen=True, slots=True)
class Line:
    """One statement of a do-file and what became of it.

    Parameters
    ----------
    number : int
        The line where it starts.
    text : str
        The statement as typed, macros included.
    status : {"translated", "read", "skipped", "refused", "not run"}
        ``"translated"``: `python` has its counterpart. ``"read"``: macros, loops and
        settings that later lines use. ``"skipped"``: it prints, draws or saves, and
        changes no estimate. ``"refused"``: it has no counterpart. ``"not run"``: its
        result would depend on a refused line, or it is never reached.
    reason : str
        Why it is refused, not run or skipped; empty otherwise.
    translations : tuple of Translation
        Estimations and tests, one for each turn of a loop.
    is_estimation : bool
        Whether it estimates a model.

    Examples
    --------
    >>> import digiprosper as dp
    >>> line = dp.stata.Line(3, "xtset id year", "read")
    >>> print(line)
    line 3    read        xtset id year
    """

    number: int
    text: str
    status: Status
    reason: str = ""
    translations: tuple[Translation, ...] = ()
    is_estimation: bool = False

    @property
    def is_translated(self) -> bool:
        """Whether every turn has a translation, whether or not it would run."""
        return bool(self.translations) and self.status in ("translated", "not run")

    def __str__(self) -> str:
        text = " ".join(self.text.split())
        text = text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
        first = f"line {self.number:<5}{self.status:<12}{text}"
        return f"{first}: {self.reason}" if self.reason else first


@dataclass(frozen=True, slots=True)
class DoFile:
    r"""A do-file that was read: its lines, a script, and what a referee would ask.

    Parameters
    ----------
    lines : tuple of Line
        Every statement, in the order of the file.
    script : str
        A Python script with what was translated. Lines that would depend on a refused
        line are in it as comments.
    findings : tuple of Notice
        What a careful referee would ask about the file. Their data have the line.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import digiprosper as dp
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> path = folder / "paper.do"
    >>> _ = path.write_text("xtset id year\nreghdfe y x, absorb(id year)\n")
    >>> print(dp.stata.read_do_file(path))
    line 1    read        xtset id year
    line 2    translated  reghdfe y x, absorb(id year)
    1 of 1 estimation translated, 0 refused, 0 not run.
    """

    lines: tuple[Line, ...]
    script: str
    findings: tuple[Notice, ...] = field(default=())

    @property
    def estimations(self) -> tuple[Line, ...]:
        """The lines that estimate a model."""
        return tuple(line for line in self.lines if line.is_estimation)

    def __str__(self) -> str:
        shown = [str(line) for line in self.lines]
        estimations = self.estimations
        states = Counter(line.status for line in estimations)
        translated = sum(line.is_translated for line in estimations)
        last = (
            f"{translated} of {counted(len(estimations), 'estimation')} translated, "
            f"{states['refused']} refused, {states['not run']} not run."
        )
        return "\n".join([*shown, last])


def worst(first: Status, second: Status) -> Status:
    """Return the worse of two states."""
    return max(first, second, key=_WORSE.index)
