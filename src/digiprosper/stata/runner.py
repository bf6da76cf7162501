"""Runs a do-file: the code of each command as soon as it is read."""

from __future__ import annotations

import warnings
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING, Any

from digiprosper.errors import DigiprosperError, StataError
from digiprosper.stata.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.stata.lines import Statement
    from digiprosper.stata.macros import Macros
    from digiprosper.stata.translation import Context


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
        # The variables of the script.
        self.script: dict[str, Any] = {}
        exec(head, self.script)
        # How many lines of the code have been run.
        self.position_in_code: int = 0

    def _one(self, text: str) -> None:
        if self.taint.rows:
            # Stata would have other columns.
            self.context.variables = replace(self.context.variables, columns=None)
        super()._one(text)

    def _execute(self) -> None:
        """Run the new code, and note what it prints or estimates."""
        code = "\n".join(self.code[self.position_in_code :])
        printed = StringIO()
        try:
            with redirect_stdout(printed), warnings.catch_warnings():
                # Notices of a result are listed beside it.
                warnings.simplefilter("ignore")
                exec(code, self.script)
        # Whatever stops a line, what depends on it must not be shown.
        except Exception as error:
            is_known = isinstance(error, DigiprosperError)
            reason = str(error) if is_known else f"{type(error).__name__}: {error}"
            lines = [f"# {line}" for line in code.splitlines()]
            self.code[self.position_in_code :] = lines
            self.panel_keys = None
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
        if record.is_estimation:
            fit = self.script["fit"]
            record.results.append(fit)
            codes = dict.fromkeys(notice.code for notice in fit.diagnostics)
            found = f" ({', '.join(codes)})" if codes else ""
            record.reason = f"N = {fit.nobs:,}{found}"
        elif printed:
            record.reason = printed.strip().split("\n")[0]
