"""Runs a do-file: the code of each command as soon as it is read."""

from __future__ import annotations

import re
import warnings
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING, Any

from digiprosper.errors import DigiprosperError, StataError
from digiprosper.stata.commands.steps import DataCall
from digiprosper.stata.expressions import number_text
from digiprosper.stata.prefixes import Options
from digiprosper.stata.reader import Reader
from digiprosper.stata.translation import ONE_SERIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.stata.lines import Statement
    from digiprosper.stata.macros import Macros
    from digiprosper.stata.prefixes import Command
    from digiprosper.stata.report import Record
    from digiprosper.stata.translation import Context


# Turns of a loop whose results are beside a line.
_MOST_SHOWN = 6
# Stata writes other numbers with digits of its own.
_EXACT = re.compile(r"-?\d{1,8}|`\"[^`'\"$\\]+\"'")


def _levels_as_texts(levels: list[Any]) -> list[str]:
    """Write numbers as they are, and texts in quotation marks."""
    return [
        f'`"{level}"\'' if isinstance(level, str) else number_text(level)
        for level in levels
    ]


class Runner(Reader):
    """A reader that has the data: what fails marks what depends on it."""

    def __init__(
        self,
        statements: Sequence[Statement],
        context: Context,
        macros: Macros,
        head: str,
    ) -> None:
        super().__init__(statements, context, macros)
        self.is_run: bool = True
        # The variables of the script.
        self.script: dict[str, Any] = {}
        exec(head, self.script)
        # How many lines of the code have been run.
        self.position_in_code: int = 0
        # Columns of the data, and those that have had a missing value.
        self.columns: set[str] = set()
        self.incomplete: set[str] = set()
        # Estimates that answer a referee's question, by its code and line.
        self.repairs: dict[tuple[str, int], str] = {}
        # Treatments that the data show to start in different periods, by line
        self.staggered: dict[int, tuple[str, ...]] = {}

    def run(self) -> None:
        """Run all statements; notices of a result are listed beside it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            super().run()
            exec("\n".join(self.code[self.position_in_code :]), self.script)

    def _one(self, text: str) -> None:
        if self.taint.rows:
            # Stata would have other columns.
            self.context.variables = replace(self.context.variables, columns=None)
        super()._one(text)

    def _other(self, command: Command) -> None:
        super()._other(command)
        if command.name == "levelsof" and not (command.prefixes or command.rows):
            options = Options("l.ocal").read(command)
            self._levels(DataCall(command, self.context, options))

    def _levels(self, call: DataCall) -> None:
        """Put sorted values into the local of levelsof, and into r(levels)."""
        names, rows = call.names, f"[{call.where}]" if call.where else ""
        code = "".join(f"df[{name!r}]{rows}" for name in names)
        reason = self.taint.reason([code]) or self._lacks_fit(code)
        if reason or len(names) != 1 or self.context.used_scalars:
            return
        code = f"levels = sorted({{*{code}.dropna()}} - {{''}})"
        self.code.append(code)
        self._execute()
        texts = _levels_as_texts(self.script["levels"])
        if all(_EXACT.fullmatch(text) for text in texts):
            for macro in ("r(levels)", *call.options.get("local", "").split()):
                self.macros.forget(macro)
                self.macros.values |= {macro: " ".join(texts)}

    def _execute(self) -> None:
        """Run the new code, and note what it prints or estimates."""
        code = "\n".join(self.code[self.position_in_code :])
        printed = StringIO()
        try:
            with redirect_stdout(printed):
                exec(code, self.script)
        # Whatever stops a line, what depends on it must not be shown.
        except Exception as error:
            is_known = isinstance(error, DigiprosperError)
            reason = str(error) if is_known else f"{type(error).__name__}: {error}"
            lines = [f"# {line}" for line in code.splitlines()]
            self.code[self.position_in_code :] = lines
            self.panel_keys: tuple[str | None, str | None] | None = None
            raise StataError.because(reason.split("\n")[0].rstrip(".")) from error
        finally:
            self.position_in_code = len(self.code)
        self._update_columns()
        self._note(printed.getvalue())

    def _update_columns(self) -> None:
        """Read the columns of the data; those of refused lines are not in them."""
        frame = self.script.get("df")
        if frame is not None and not self.taint.rows:
            context = self.context
            self.columns |= {*frame.columns}
            self.incomplete |= {name for name in frame if frame[name].hasnans}
            marked = [n for n in context.variables.created if n in self.taint.columns]
            names = tuple(dict.fromkeys([*frame.columns, *marked]))
            context.frame = frame
            context.variables = replace(
                context.variables, columns=names, created=tuple(marked)
            )

    def _note(self, printed: str) -> None:
        """Note that a statement ran, with its result."""
        record = self.records[self.position]
        if record.status != "translated":
            return
        record.status = "ran"
        if record.is_estimation and record.translations[-1].is_model:
            fit = self.script["fit"]
            record.results.append(fit)
            notices = getattr(fit, "diagnostics", ())
            codes = ", ".join(dict.fromkeys(notice.code for notice in notices))
            self._shown(record, f"N = {fit.nobs:,}" + (f" ({codes})" if codes else ""))
            # A model that cannot be fitted in another way leaves a question open.
            with suppress(DigiprosperError):
                self._repair(fit)
        elif printed.count("\n") > 1:
            record.output += printed
        elif printed:
            self._shown(record, printed.strip())

    def _shown(self, record: Record, text: str) -> None:
        """Add what a turn of a loop shows to that of the turns before."""
        shown = [*filter(None, record.reason.split("; ")), text]
        if len(shown) > _MOST_SHOWN:
            shown[_MOST_SHOWN:] = ["..."]
        record.reason = "; ".join(shown)

    def _repair(self, fit: Any) -> None:
        """Estimate what the questions about errors and instruments ask for."""
        spec, entity = self.context.last, self.context.entity
        for notice in getattr(fit, "diagnostics", ()):
            if notice.code == "staggered_treatment":
                self.staggered.setdefault(self.number, notice.data["terms"])
        if type(spec).__name__ == "FixedEffectsIV" and len(spec.endog) == 1:
            ends = (f"[{low:.4g}, {high:.4g}]" for low, high in fit.anderson_rubin())
            self.repairs["weak_instruments_not_tested", self.number] = (
                f"Its 95% set is {' or '.join(ends) or 'empty'}"
            )
        has_entity = entity not in (None, ONE_SERIES)
        if getattr(spec, "cov_type", "") == "unadjusted" and has_entity:
            clustered = spec.replace(cov_type="clustered").fit(self.script["panel"])
            typed, by_entity = (f.std_errors.iloc[0] for f in (fit, clustered))
            self.repairs["no_errors", self.number] = (
                f"{fit.params.index[0]}: {fit.params.iloc[0]:.4g}, standard error "
                f"{typed:.4g} as typed, {by_entity:.4g} if clustered by {entity}"
            )
