"""What became of every line of a do-file, and the results that it stores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from digiprosper.errors import Notice, StataError, counted
from digiprosper.present.tables import Table
from digiprosper.stata.expressions import Node, PandasPrinter, constant
from digiprosper.stata.lines import (
    Statement,
    decode,
    ends_of_blocks,
    one_by_one,
    statements,
)
from digiprosper.stata.macros import Macros
from digiprosper.stata.prefixes import STORED, Origin, refused
from digiprosper.stata.taint import CREATED, Taint, looks_like_estimation
from digiprosper.stata.translation import Context, Translation

# From the best to the worst; a line in a loop has the worst of its turns.
Status = Literal["skipped", "read", "ran", "translated", "not run", "refused"]
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
    status : {"ran", "translated", "read", "skipped", "refused", "not run"}
        ``"translated"``: `python` has its counterpart. ``"ran"``: so it has, and
        `run_do_file` has run it. ``"read"``: macros, loops and
        settings that later lines use. ``"skipped"``: it prints, draws or saves, and
        changes no estimate. ``"refused"``: it has no counterpart. ``"not run"``: its
        result would depend on a refused line, or it is never reached.
    reason : str
        Why it is refused, not run or skipped. Of a line that ran, the number of
        observations with the codes of the notices, or what a test prints. The name in
        `tables` of a table. Otherwise empty.
    translations : tuple of Translation
        Estimations and tests, one for each turn of a loop.
    is_estimation : bool
        Whether it estimates a model.
    results : tuple of results
        Fitted models of an estimation that ran, one for each turn of a loop.
    output : str
        What a line that ran prints, if that is more than one line.
    file : str
        The do-file, if it is another one that ``do``, ``run`` or ``include`` runs.

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
    results: tuple[Any, ...] = ()
    output: str = ""
    file: str = ""

    @property
    def is_translated(self) -> bool:
        """Whether every turn has a translation, whether or not it would run."""
        has_counterpart = self.status in ("ran", "translated", "not run")
        return bool(self.translations) and has_counterpart

    def __str__(self) -> str:
        text = " ".join(self.text.split())
        text = text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
        origin = str(Origin(self.file, self.number))
        first = f"{origin:<9} {self.status:<12}{text}"
        first = f"{first}: {self.reason}" if self.reason else first
        return "\n    ".join([first, *self.output.splitlines()])


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
    results : mapping of str to results
        Estimations of a file that ran, by the names of ``est store`` and ``eststo``.
    tables : mapping of str to Table
        Tables of ``esttab`` and ``outreg2`` of a file that ran, by the name of the
        file, whose ending is one that `Table.save` knows.
    data : DataFrame or None
        The data at the end of a file that ran.

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
    line 2: note: standard errors are neither clustered nor robust, as in the command
    1 of 1 estimation translated, 0 refused.
    """

    lines: tuple[Line, ...]
    script: str
    findings: tuple[Notice, ...] = ()
    results: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    data: pd.DataFrame | None = None

    @property
    def estimations(self) -> tuple[Line, ...]:
        """The lines that estimate a model."""
        return tuple(line for line in self.lines if line.is_estimation)

    def __str__(self) -> str:
        shown = [str(line) for line in self.lines]
        estimations = self.estimations
        states = Counter(line.status for line in estimations)
        translated = sum(line.is_translated for line in estimations)
        of, idle = f"of {counted(len(estimations), 'estimation')}", states["not run"]
        if any(line.status == "ran" for line in self.lines):
            last = f"{states['ran']} {of} ran, {translated - states['ran']} translated"
        else:
            but = f" ({idle} of them not run by the script)" if idle else ""
            last = f"{translated} {of} translated{but}"
        last += f", {states['refused']} refused."
        return "\n".join([*shown, *self._notes(), last])

    def _notes(self) -> list[str]:
        """List what differs from Stata's output, each with its lines."""
        lines: dict[str, dict[str, None]] = {}
        for line in self.lines:
            origin = str(Origin(line.file, line.number)).removeprefix("line ")
            for translation in line.translations:
                for note in translation.notes:
                    lines.setdefault(note, {})[origin] = None
        return [
            f"line {', '.join(origins)}: note: {note}"
            for note, origins in lines.items()
        ]


@dataclass
class Record:
    """What became of a statement so far, over the turns of its loops."""

    status: Status
    reason: str = ""
    translations: tuple[Translation, ...] = ()
    is_estimation: bool = False
    # Of a file that is run.
    results: tuple[Any, ...] = ()
    output: str = ""


class Records:
    """What became of each statement, the code of the script, and its results."""

    def __init__(self, read: list[Statement], context: Context, macros: Macros) -> None:
        self.statements: list[Statement] = read
        self.ends: dict[int, int] = ends_of_blocks(read)
        self.context: Context = context
        self.macros: Macros = macros
        self.taint: Taint = Taint()
        # The statement that is executed.
        self.position: int = 0
        self.records: dict[int, Record] = {}
        # The statements of other do-files, and the position of the first that runs it.
        self.other_files: dict[Path, tuple[int, range]] = {}
        self.code: list[str] = []
        # Code of the panel that the script has made of the present data.
        self.panel: str = ""
        # The comment that the next code of the script begins with.
        self.heading: str = ""
        # Whether fit in the script is the last estimation of the file.
        self.has_fit: bool = False
        # Stored estimations, whether the script has them, and those of eststo.
        self.fitted: dict[str, bool] = {}
        self.by_eststo: dict[str, None] = {}
        # How many results eststo has named by itself: est1, est2, ...
        self.numbered: int = 0

    @property
    def origin(self) -> Origin:
        """The line of the statement that is executed."""
        return self.statements[self.position].origin

    def _begin(self, text: str) -> None:
        """Begin the code of a statement, if it has some, with what is typed."""
        self.heading = f"\n# {self.origin}: {' '.join(text.split())}"

    def _write(self, *code: str) -> None:
        if self.heading:
            self.code.append(self.heading)
            self.heading = ""
        self.code += code

    def block_of(self, file: Path) -> range:
        """Name the positions of the statements of another do-file."""
        if file not in self.other_files:
            added = one_by_one(statements(decode(file.read_bytes()), file.name))
            start = len(self.statements)
            self.statements += added
            ends = ends_of_blocks(added)
            self.ends |= {start + at: start + end for at, end in ends.items()}
            block = range(start, len(self.statements))
            self.other_files[file] = self.position, block
        return self.other_files[file][1]

    def lines(self) -> Iterator[Line]:
        """List the statements with what became of them, other files where they run."""
        others = dict(self.other_files.values())
        inside = {position for block in others.values() for position in block}
        waiting = [at for at in range(len(self.statements)) if at not in inside][::-1]
        while waiting:
            position = waiting.pop()
            waiting += reversed(others.get(position, ()))
            statement, record = self.statements[position], self.records.get(position)
            if record is None and statement.text in ("}", "end"):
                record = Record("read")
            if record is None:
                record = Record("not run", "no line before it leads here")
                record.is_estimation = looks_like_estimation(statement.text)
            file, number = statement.origin
            yield Line(number, statement.text, **vars(record), file=file)

    def _record(
        self, status: Status, reason: str = "", position: int | None = None
    ) -> Record:
        """Note what became of a statement; the worst of several turns counts."""
        at = self.position if position is None else position
        record = self.records.setdefault(at, Record("skipped"))
        status = max(record.status, status, key=get_args(Status).index)
        if status != record.status or not record.reason:
            record.reason = reason or record.reason
        record.status = status
        return record

    def _estimates(self, name: str, words: Sequence[str]) -> None:
        """Store, restore or drop results by ``eststo`` and ``estimates``."""
        match name, words:
            case "eststo", ["clear", *_]:
                self.numbered = 0
                self._drop_results(list(self.by_eststo))
            case "estimates", ["clear", *_]:
                self._drop_results(list(self.fitted))
            case _, ["drop", *names]:
                is_all = {"_all", "*"} & {*names}
                self._drop_results(list(self.fitted) if is_all else names)
            case "eststo", _:
                self._store(words[0] if words else "", by_eststo=True)
            case _, ["sto" | "store", stored, *_]:
                self._store(stored)
            case _, ["restore", stored, *_]:
                self._record("read")
                self.context.last = self.context.results.get(stored)
                self.context.fitted_keys = ()
                self.has_fit = self.fitted.get(stored, False)
                if self.has_fit:
                    self._write(f"fit = results[{stored!r}]")

    def _store(self, name: str | None, *, by_eststo: bool = False) -> None:
        """Store the last estimation under a name; eststo makes one if it is empty."""
        if name is None:
            return
        self._record("read")
        if not name:
            self.numbered += 1
            name = f"est{self.numbered}"
        self.context.results[name] = self.context.last
        self.fitted[name] = self.has_fit
        if by_eststo:
            self.by_eststo[name] = None
        absent = f"results.pop({name!r}, None)"
        self._write(f"results[{name!r}] = fit" if self.has_fit else absent)

    def _forget_last_fit(self, stored: str | None) -> None:
        """Forget the last results: they are of a command that is not run."""
        self.has_fit, self.context.last = False, None
        self._store(stored, by_eststo=True)

    def _drop_results(self, names: Sequence[str]) -> None:
        self._record("read")
        for name in names:
            for stored in (self.context.results, self.fitted, self.by_eststo):
                stored.pop(name, None)
            self._write(f"results.pop({name!r}, None)")

    # --- scalars ----------------------------------------------------------------------

    def _forget_scalar(self, text: str) -> None:
        """Mark a scalar whose value is not known; it has none that it had before."""
        for name in CREATED.findall(text)[:1]:
            self.taint.mark([name], self.origin)
            self.context.scalars.pop(name, None)

    def _scalar(self, text: str) -> None:
        """Keep the value of a scalar; in an expression it looks like a column."""
        for name in CREATED.findall(text)[:1]:
            value = text.partition("=")[2]
            try:
                node = Node("number", constant(self.context.parse(value)))
                if isinstance(node.value, str):
                    raise refused("a scalar that is a text")
            except StataError:
                node = Node("name", self._stored_result(name, value))
            self._forget_scalar(text)
            if node.value != "":
                self.context.scalars[name] = node
                self.taint.unmark([name])

    def _stored_result(self, name: str, text: str) -> str:
        """Store a result such as r(mean), and name it; empty if it is none."""
        context = self.context
        stored = f"{STORED}{name}_{len(context.stored)}"
        try:
            node = context.parse(self.macros.expand(text))
            if not node.kinds <= {"result", "number", "binary", "unary"}:
                return ""
            printer = PandasPrinter(results=context.summary)
            code = printer.number(node)
        except StataError:
            return ""
        if self.taint.reason([code]):
            self.taint.mark([stored], self.origin)
        else:
            self._write(f"scalars[{stored!r}] = {code}")
        self.panel = ""
        context.complete.add(stored)
        context.stored.add(stored)
        return stored
