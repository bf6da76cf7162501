"""What became of each line of a do-file, and the results that it stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digiprosper.stata.report import Line, Record, worst
from digiprosper.stata.taint import looks_like_estimation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.stata.lines import Statement
    from digiprosper.stata.report import Status
    from digiprosper.stata.translation import Context


class Records:
    """What became of each statement, the code of the script, and its results."""

    def __init__(self, statements: list[Statement], context: Context) -> None:
        self.statements: list[Statement] = statements
        self.context: Context = context
        # The statement that is executed.
        self.position: int = 0
        self.records: dict[int, Record] = {}
        self.code: list[str] = []
        # Whether fit in the script is the last estimation of the file.
        self.has_fit: bool = False
        # Stored estimations, whether the script has them, and those of eststo.
        self.fitted: dict[str, bool] = {}
        self.by_eststo: dict[str, None] = {}
        # How many results eststo has named by itself: est1, est2, ...
        self.numbered: int = 0

    @property
    def number(self) -> int:
        """The line of the statement that is executed."""
        return self.statements[self.position].number

    def lines(self) -> tuple[Line, ...]:
        """List the statements with what became of them."""
        out = []
        for position, statement in enumerate(self.statements):
            record = self.records.get(position)
            if record is None and statement.text in ("}", "end"):
                record = Record("read")
            if record is None:
                record = Record("not run", "no line before it leads here")
                record.is_estimation = looks_like_estimation(statement.text)
            out.append(
                Line(
                    statement.number,
                    statement.text,
                    record.status,
                    record.reason,
                    tuple(record.translations),
                    record.is_estimation,
                    tuple(record.results),
                    record.output,
                )
            )
        return tuple(out)

    def _record(
        self, status: Status, reason: str = "", position: int | None = None
    ) -> Record:
        """Note what became of a statement; the worst of several turns counts."""
        at = self.position if position is None else position
        record = self.records.setdefault(at, Record("skipped"))
        status = worst(record.status, status)
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
                    self.code.append(f"fit = results[{stored!r}]")

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
        line = f"results[{name!r}] = fit" if self.has_fit else ""
        self.code.append(line or f"results.pop({name!r}, None)")

    def _other_results(self, stored: str | None) -> None:
        """Forget the last results: they are of a command that is not run."""
        self.has_fit, self.context.last = False, None
        self._store(stored, by_eststo=True)

    def _drop_results(self, names: Sequence[str]) -> None:
        """Forget stored estimations."""
        self._record("read")
        for name in names:
            for stored in (self.context.results, self.fitted, self.by_eststo):
                stored.pop(name, None)
            self.code.append(f"results.pop({name!r}, None)")
