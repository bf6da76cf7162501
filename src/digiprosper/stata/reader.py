"""Reads a whole do-file: control flow, macros, data lines, estimations."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from digiprosper.errors import StataError, cited
from digiprosper.stata.commands import data, estimations, tables
from digiprosper.stata.expressions import constant, parse
from digiprosper.stata.lines import (
    CONTROL,
    UNTIL_END,
    Statement,
    first_word,
    one_by_one,
    without_prefix,
)
from digiprosper.stata.macros import (
    TEMPORARY,
    Macros,
    joined,
    words_of,
)
from digiprosper.stata.prefixes import (
    CAPTURED,
    PRINTING,
    ROWS,
    Command,
    Origin,
    command_name,
    of_kind,
    read_command,
    refused,
    translated_options,
)
from digiprosper.stata.report import Records
from digiprosper.stata.taint import (
    Taint,
    condition_and_command,
    generated,
    is_no_command,
    keeps_data,
    locals_set,
    looks_like_estimation,
    only_columns,
    stored_columns,
    would_make,
)
from digiprosper.stata.translation import (
    IMPORTS,
    ONE_SERIES,
    UNKNOWN_ORDER,
    Context,
    Step,
    Translation,
    file_name,
)
from digiprosper.stata.varlists import LaterColumns, Variables, later_columns, whole

_WITH_PATH, _OF_MACROS = of_kind("file"), of_kind("macros")
# Commands besides estimations whose results become the last ones.
_WITH_RESULTS = of_kind("results")
# Commands that leave the last results as they are, although they are refused.
_KEEPING_FIT = ROWS.keys() - {*estimations.MODELS, *of_kind("estimates", "results")}
# Commands after which r(mean) is as before.
_KEEPING_RESULTS = of_kind("keeps")
_NOT_TRANSLATED = of_kind("makes", "changes")
# As an origin is written.
_LINE = re.compile(r"line (\d+)(?: of (.+?\.\w+))?")
_TITLE = re.compile(r'(\beststo\b[^:"]*\b)title\("[^"]*"\)(?=[^:]*:)')
# In all turns of an outermost loop; simulations have more.
_MOST_STATEMENTS = 1_000
# Programs with these are not executed: what they read, restore or leave is not known.
_NOT_IN_PROGRAMS = re.compile(
    r"\b(syntax|gettoken|tokenize|temp(var|name|file)|ma(cro?)?|exit|preserve)\b"
)


class _EndOfFileError(Exception):
    """``exit`` ends a do-file, or with an error all that run each other."""

    def __init__(self, *, is_of_all: bool) -> None:
        self.is_of_all = is_of_all


class Reader(Records):
    """Executes macros and control flow, and translates what is between."""

    # Declared in the base class too; type checkers ask for it where they are assigned.
    position: int
    context: Context
    has_fit: bool
    macros: Macros
    panel: str
    taint: Taint

    def __init__(
        self, statements: Sequence[Statement], context: Context, macros: Macros
    ) -> None:
        super().__init__(one_by_one(statements), context, macros)
        self.executed: list[Command] = []
        # The variables of a script that is run.
        self.script: dict[str, Any] = {}
        # Columns of the data, and those that have had a missing value.
        self.columns: set[str] = set()
        self.incomplete: set[str] = set()
        # Estimates that answer a referee's question, by its code and line.
        self.repairs: dict[tuple[str, Origin], str] = {}
        # Treatments that the data show to start in different periods, by line.
        self.staggered: dict[Origin, tuple[str, ...]] = {}
        # Headings of the columns of tables, by file.
        self.heads: dict[str, list[str]] = {}
        # The line of each program, its statements, and whether they are executed.
        self.programs: dict[str, tuple[Origin, range, bool]] = {}
        # Other do-files that are being executed.
        self.open_files: list[Path] = []
        self.sample: tuple[str, ...] = ()
        self.preserved: list[tuple[Context, Taint, tuple[str, ...]]] = []
        # What the local of a loop stands for, whose columns are not known.
        self.patterns: dict[str, str] = {}
        self.depth: int = 0
        # Statements that may still be executed in the outermost loop.
        self.budget: int = _MOST_STATEMENTS
        # Whether a branch of the last if was executed; None if that is not known.
        self.branched: bool | None = None

    def run(self) -> None:
        """Read all statements."""
        with suppress(_EndOfFileError):
            self._block(range(len(self.statements)))

    # --- blocks -----------------------------------------------------------------------

    def _block(self, block: range, *, stops: bool = False) -> None:
        """Execute statements, each with its block, perhaps to the first refusal."""
        position = block.start
        while position < block.stop:
            before = map(self.records.get, range(block.start, position))
            if stops and any(r and r.status == "refused" for r in before):
                self._unreached(range(position, block.stop), may_run=True)
                return
            self.position = position
            text = self.statements[position].text
            self._begin(text)
            word, end = first_word(text), self.ends.get(position)
            if end is None:
                self._statement(text)
                position += 1
                continue
            header = without_prefix(text).removesuffix("{").strip()
            inside = range(position + 1, end)
            if word in ("if", "else"):
                self._branch(header, inside)
            elif word in ("foreach", "forvalues"):
                self._loop(header, inside)
            elif word in ("{", "quietly", "noisily", "capture"):
                self._record("read")
                self._block(inside, stops=bool(CAPTURED.match(text)))
            else:
                self._unread_block(word, inside)
            position = end + 1

    def _unread_block(self, word: str, block: range) -> None:
        """Refuse a block, or keep a program that can be executed where it is called."""
        if word == "program":
            header, _, kind = self.statements[self.position].text.partition(",")
            name = command_name(header.split()[-1])
            text = "\n".join(self.statements[at].text for at in block)
            is_read = name not in ROWS and kind.strip() in ("", "rclass")
            is_read &= not _NOT_IN_PROGRAMS.search(text)
            self.programs[name] = self.origin, block, is_read
            if is_read:
                self._record("read")
                return
        reasons = {"while": "a loop without a fixed number of turns is not read"}
        self._record("refused", reasons.get(word, f"{word} is not read"))
        if word not in ("program", "while"):
            self.taint.mark_rows(self.origin)
        self._unreached(block, may_run=word not in UNTIL_END)

    def _unreached(
        self, block: range, *, may_run: bool = False, why: str = "is not read"
    ) -> None:
        """Give lines of a block that is not read a reason; mark what they change."""
        if may_run:
            self._mark_block(block)
        for at in block:
            text = self.statements[at].text
            if text != "}":
                record = self._record("not run", f"{self.origin} {why}", at)
                record.is_estimation |= looks_like_estimation(text)

    def _mark_block(self, block: range) -> None:
        """Mark what statements that may run would change, unless it is restored."""
        before = None
        for at in block:
            text = without_prefix(self.statements[at].text)
            word, names = first_word(text), re.findall(r"\w+", text)
            if word in (*_OF_MACROS, "foreach", "forvalues"):
                for name in names[1:2] if word.startswith("for") else names:
                    self.macros.forget_until_run(name, word)
            if word == "program":
                self.programs.clear()
            elif word == "preserve":
                before = copy.deepcopy(self.taint)
            elif word == "restore" and before is not None and "not" not in names:
                self.taint = before
                before = copy.deepcopy(before)
            else:
                self._mark_line(text)

    def _mark_line(self, text: str) -> None:
        """Mark what a line that may run would change."""
        text = without_prefix(text)
        word, reason = first_word(text), f"a block of {self.origin} may change it"
        if word in ("local", "global"):
            mark = "$" if word == "global" else ""
            name = self.macros.name_of(text.partition(" ")[2], mark)
            self.macros.forget_until_run(name, reason)
        elif word == "scalar":
            self._forget_scalar(text)
        if word in ("local", "global", "scalar", *CONTROL, *_OF_MACROS, "", "{", "}"):
            return
        command = None
        with suppress(StataError):
            command = read_command(text)
            text = self.macros.expand(text)
            command = read_command(text)
        self._mark_results(word, text)
        arguments = None
        if command:
            word, arguments = command.name, command.words
            for local in locals_set(command):
                self.macros.forget_until_run(local, reason)
            path = file_name(command.arguments) if word == "save" else ""
            if path in self.context.saved:
                self.context.saved[path][0].mark_rows(self.origin)
        is_xtset = word in ("xtset", "tsset")
        if not (is_xtset and arguments in ([], self.context.keys)):
            self._mark(word, text, command)

    def _mark_results(self, word: str, text: str) -> None:
        """Forget the results that a line which may run would store."""
        self.context.summary = {}
        self._forget_lists()
        if word in ("eststo", "estimates") or looks_like_estimation(text):
            self._forget_last_fit(None)
            for name in [*self.fitted]:
                self._store(name)

    def _forget_lists(self) -> None:
        for macro in ("r(levels)", "r(varlist)"):
            self.macros.values.pop(macro, None)

    def _loop(self, header: str, block: range) -> None:
        """Execute the turns of a loop; what other values would change is marked."""
        start = self.position
        name, values = (*re.split(r"[\s=]+", header), "", "")[1], list[str]()
        try:
            values = self.macros.turns(header)
            if re.search(r"\sof\s+var", header):
                values = self.context.variables.names(" ".join(values))
            if later_columns(values):
                raise refused("the columns of the loop are not known")
        except StataError as error:
            self._record("refused", error.reason)
            self.macros.forget(name, error.reason)
            match values:
                case [LaterColumns() as columns]:
                    self.patterns[name] = columns.pattern
            self._unreached(block, may_run=True)
            self.patterns.pop(name, None)
            self.macros.forget(name)
            return
        self._record("read", "" if values else "the loop has no turns")
        if not values:
            self._unreached(block)
        if self.depth == 0:
            self.budget = _MOST_STATEMENTS
        self.depth += 1
        for turn, value in enumerate(values):
            if self.budget < 0:
                text = f"only the first {turn} of {len(values)} turns are read"
                self._record("read", text, start)
                self.macros.forget(name, text)
                self.position = start
                self._begin(text)
                self._write()
                self._mark_block(block)
                break
            self.macros.set(name, value)
            self._block(block)
        self.depth -= 1
        self.macros.forget(name)

    def _branch(self, header: str, block: range) -> None:
        """Execute the block of if or else, or give its lines a reason."""
        self._record("read")
        is_else = header.startswith("else")
        condition = re.sub(r"^(?:else\s*)?(?:if\b)?", "", header).strip()
        chosen = self._takes_branch(condition, is_else=is_else)
        if chosen:
            self._block(block)
            self.branched = True
        elif chosen is None:
            self._unreached(block, may_run=True)
        else:
            self._unreached(block, why="is a branch that Stata does not take")

    def _takes_branch(self, condition: str, *, is_else: bool) -> bool | None:
        """Tell whether a branch is executed; None if its condition needs data."""
        before = self.branched if is_else else False
        chosen = None if before is None else not before
        if chosen and condition:
            try:
                text = self.macros.expand(condition)
                self.macros.check_defined()
                chosen = bool(constant(parse(text)))
            except StataError as error:
                self._record("refused", error.reason)
                chosen = None
        self.branched = None if chosen is None else before or chosen
        return chosen

    # --- single commands --------------------------------------------------------------

    def _statement(self, text: str) -> None:
        """Execute one command; what it refuses has a reason."""
        self.budget -= 1
        self._begin(text)
        word, numbered = first_word(text), self.numbered
        expanded, command = text, None
        try:
            if text in ("}", "{") or self._macro(word, without_prefix(text)):
                self._record("read")
            elif word in ("if", "else"):
                self._single_branch(without_prefix(text))
            else:
                # What a title of stored results says changes no number.
                untitled = _TITLE.sub(r"\1", text)
                expanded = self.macros.expand(untitled, has_path=word in _WITH_PATH)
                self._forget_lists()
                self._begin(expanded)
                names, undefined = self.macros.undefined, self.macros.undefined_reason
                if expanded.strip():
                    command = read_command(expanded)
                    self._command(command, undefined)
                    self._run_code()
                    if names and not undefined:
                        reason = f"the local {cited(names[0])} is empty, as in Stata"
                        self._record("skipped", reason)
                else:
                    self._record("read", "only macros that are empty")
        except StataError as error:
            # The results of a summarize that is not read are not those before it.
            self.context.summary = {}
            is_printed = command is None and word in PRINTING
            if is_printed:
                self._mark_line(text)
            if is_printed and not looks_like_estimation(text):
                self._record("skipped", error.reason)
            else:
                # A result that could not be stored has its number nevertheless.
                self.numbered = numbered
                self._refuse(expanded, error.reason, command)

    def _run_code(self) -> None:
        """Run the new code; a reader runs nothing."""

    def _single_branch(self, text: str) -> None:
        """Execute ``if condition command`` or ``else command`` on one line."""
        is_else, condition = text.startswith("else"), ""
        text = text.removeprefix("else").strip()
        if first_word(text) == "if" and not (is_else and self.branched):
            if not is_else:
                # Nothing is known of the branches of an if that cannot be read.
                self.branched = None
            condition, text = condition_and_command(text.removeprefix("if"))
        chosen = self._takes_branch(condition, is_else=is_else)
        if chosen:
            self._statement(text)
        elif chosen is None:
            self._record("refused", "its condition depends on the data")
            self._mark_line(text)
        else:
            self._record("read", "its condition is false")

    def _macro(self, word: str, text: str) -> bool:
        """Execute a command about macros or scalars; tell whether it was one."""
        arguments = text.partition(" ")[2].strip()
        if word in ("local", "global"):
            mark = "$" if word == "global" else ""
            self.macros.assign(arguments, mark)
            name = self.macros.name_of(arguments, mark)
            value = arguments.partition("=")[2]
            is_unknown = name in self.macros.unknown and "*" not in name
            if is_unknown and (stored := self._stored_result(name.strip("$"), value)):
                self.macros.set(name, stored)
        elif word in ("tempvar", "tempname", "tempfile"):
            for name in self.macros.expand(arguments).split():
                self.macros.values[name] = f"{TEMPORARY}{name}"
        elif word == "macro":
            for pattern in self.macros.expand(arguments).split()[1:]:
                self.macros.drop(pattern)
        elif word == "scalar":
            self._scalar(self.macros.expand(arguments))
        elif word == "args":
            self._name_arguments(arguments.split())
        else:
            return False
        return True

    def _name_arguments(self, names: Sequence[str]) -> None:
        """Give names to the arguments of a program; those of a file are not known."""
        values = self.macros.values
        for at, name in enumerate(names, 1):
            if "0" in values:
                self.macros.set(name, values.get(str(at), ""))
            else:
                self.macros.forget(name, f"{cited(name)} is an argument of the file")

    def _command(self, command: Command, undefined: str) -> None:
        self._note_command(command)
        name = command.name
        is_after_csdid = type(self.context.last).__name__ == "StaggeredDid"
        is_test = name in estimations.TESTS and (name != "estat" or is_after_csdid)
        if name in self.programs:
            self._call(command)
        elif "permute" in command.prefixes or is_test:
            self._translate(command)
        elif name in data.COMMANDS and (name != "tabulate" or generated(command)):
            self._step(command, undefined)
        elif estimations.is_estimation(name):
            self._estimate(command, undefined)
        else:
            execute = {
                **dict.fromkeys(("xtset", "tsset"), self._xtset),
                **dict.fromkeys(("preserve", "restore"), self._preserve),
                **dict.fromkeys(("do", "run", "include"), self._do_file),
                "exit": self._exit,
            }
            execute.get(name, self._other)(command)

    def _note_command(self, command: Command) -> None:
        executed = replace(command, origin=self.origin, sample=self.sample)
        self.executed.append(executed)
        if "xi" in command.prefixes:
            # It makes dummies that later lines may have.
            self.taint.mark([LaterColumns.of_pattern("_I*")], self.origin)
        if command.name not in data.COMMANDS and "bysort" in command.prefixes:
            self.context.order = UNKNOWN_ORDER

    def _estimate(self, command: Command, undefined: str) -> None:
        """Translate an estimation, and remember it for commands after it."""
        self._record("skipped").is_estimation = True
        try:
            translation = self._translate(command, undefined)
        except StataError as error:
            reasons = filter(None, (error.reason, undefined))
            raise refused("; ".join(reasons)) from error
        self.taint.mark(stored_columns(command), self.origin)
        fit = translation if translation.is_foreign else self.context.specified
        self.context.last = fit if translation.is_model else None
        self.context.fitted_keys = (self.context.entity, self.context.time)
        self._store(command.stored, by_eststo=True)

    def _other(self, command: Command) -> None:
        """Skip what prints, draws or sets; refuse what is not known."""
        name = command.name
        for local in locals_set(command):
            self.macros.forget_until_run(local, name)
        if name in tables.COMMANDS:
            self._table(command)
            return
        self._sets(name, command.arguments)
        if name in _WITH_RESULTS or command.has("post"):
            self._forget_last_fit(command.stored)
        if name not in PRINTING and not name.startswith(("graph", "_")):
            unknown = f"the command {cited(name)} is not known"
            raise refused(_NOT_TRANSLATED.get(name, unknown))
        # Some of these commands also store columns, or replace the data.
        self.taint.mark(generated(command), self.origin)
        if command.has("norestore") or (name == "describe" and command.has("replace")):
            self.taint.mark_rows(self.origin)
        if name not in _KEEPING_RESULTS:
            self.context.summary = data.summary(command, self.context)
        self._record("skipped")

    def _sets(self, name: str, arguments: str) -> None:
        """Note results, files and settings that later lines read."""
        match name, arguments.split():
            case "eststo" | "estimates", words:
                self._estimates(name, words)
            case "label", [verb, label, *_] if re.fullmatch("def?i?n?e?", verb):
                self.context.labels.add(label)
            case "save", _:
                self._save(file_name(arguments))
            case "order", _:
                variables = replace(self.context.variables, in_order=False)
                self.context.variables = variables
            case "set", ["obs", *_]:
                raise refused("set obs makes rows")
            case "set", ["type", storage, *_]:
                self.context.default_type = storage

    def _table(self, command: Command) -> None:
        """Translate a table of the estimations that the script has."""
        fitted = {**self.fitted, "": self.has_fit}
        try:
            file, code, missing = tables.translate(
                command, self.context, self.heads, fitted, list(self.by_eststo)
            )
        except StataError as error:
            self._record("skipped", error.reason)
            return
        parts = [f"tables[{file!r}]"] if file else []
        parts += [f"without {', '.join(missing)}"] if missing else []
        self._record("translated", ", ".join(parts))
        self._add_code(code, "")

    def _save(self, path: str) -> None:
        """Keep the data under the name of a file.

        Of marked data there is the file that Stata saved, unless it is a tempfile or
        the file is run.
        """
        taint = copy.deepcopy(self.taint)
        is_marked = bool(taint.rows or taint.columns)
        is_run = self.context.folder is not None
        if is_run or path.startswith(TEMPORARY) or not is_marked:
            self.context.saved[path] = taint, self.context.variables
            self._write(f"saved[{path!r}] = df.copy(), {{**types}}")
        else:
            self.context.saved.pop(path, None)
            reason = "refused lines would change it: later lines read Stata's own file"
            self._record("skipped", reason)

    def _translate(self, command: Command, undefined: str = "") -> Translation:
        """Translate a command, which does not run if it depends on a refused line."""
        translation = estimations.translate(command, self.context)
        self.context.summary = {}
        code = translation.python
        reason = undefined or self._reason_not_run(command, code)
        record = self._record("not run" if reason else "translated", reason)
        if all(code != other.python for other in record.translations):
            record.translations += (translation,)
        if not reason:
            self._add_panel(command)
        if translation.is_model:
            code = f"fit = {code}.fit(panel)"
            if translation.is_foreign:
                code = f"{IMPORTS}fit = checked({translation.python})"
            self.has_fit = not reason
        else:
            code = f"print({code})"
        self._add_code(code, reason)
        self._write(*(f"# note: {note}" for note in translation.notes))
        return translation

    def _reason_not_run(self, command: Command, code: str) -> str:
        """Tell what an estimation or a test depends on that is not run."""
        if command.counts_rows and self.context.has_ties(self.context.order):
            return "_n is not known, since ties may decide the order"
        return self._reason_without_fit(code) or self.taint.reason([code, command.text])

    def _reason_without_fit(self, code: str) -> str:
        """Tell that code has the results of an estimation that is not run."""
        if not re.search(r"\bfit[.,)]", code):
            return ""
        is_foreign = getattr(self.context.last, "is_foreign", False)
        if is_foreign and not code.startswith("df["):
            return "tests after it are methods of linearmodels or statsmodels"
        return "" if self.has_fit else "the estimation before it is not run"

    def _add_panel(self, command: Command) -> None:
        """Write the panel of the present data, with the number of the row if needed."""
        code = f"panel = {self.context.panel_code}"
        if command.counts_rows:
            self._write("df['_n'] = np.arange(len(df)) + 1")
        if command.counts_rows or self.panel != code:
            self._write(code)
            self.panel = code

    def _add_code(self, code: str, reason: str) -> None:
        """Add code to the script, as comments if there is a reason not to run it."""
        used = self.context.used_scalars
        if used:
            # In Stata an abbreviated column comes before a scalar.
            names = "|".join(sorted(used))
            code = f"assert df.filter(regex='^({names})').columns.empty\n{code}"
            used.clear()
        if reason:
            code = f"not run: {reason}\n{code}"
            code = "\n".join(f"# {line}" for line in code.splitlines())
        self._write(*filter(None, [code]))

    def _step(self, command: Command, undefined: str) -> None:
        """Translate a data command and note what it makes."""
        if undefined:
            raise refused(undefined)
        name, step = command.name, data.translate(command, self.context)
        is_matching = estimations.is_estimation(name)
        if is_matching:
            # Its columns are dropped before they are made.
            self.taint.unmark(step.creates)
        self._update_context(command, step)
        code = step.python
        reason = self._reason_without_fit(code) or self.taint.reason([code])
        self._note_sample(command, reason)
        self._add_columns(step)
        if name == "rename" and command.options:
            self.taint.rename(str.upper if "upper" in code else str.lower)
        self._mark_step(command, step, reason)
        record = self._record("not run" if reason else "translated", reason)
        if is_matching:
            # Nothing is in e() after it.
            record.is_estimation = True
            notes = (ROWS[name]["note"],)
            record.translations += (Translation(command.text, None, code, notes),)
            self._forget_last_fit(command.stored)
            columns = would_make(name, "", command, {}) or ()
            self.taint.mark({*columns} - {*step.creates}, self.origin)
        self._add_code(code, reason)
        self.panel = ""

    def _mark_step(self, command: Command, step: Step, reason: str) -> None:
        if reason:
            # The last line that a reason names is the cause.
            causes = [Origin(file, int(n)) for n, file in _LINE.findall(reason)]
            self.taint.mark(step.creates, [self.origin, *causes][-1])
        elif command.name != "replace":
            self.taint.unmark(step.creates)

    def _note_sample(self, command: Command, reason: str) -> None:
        """Note the condition of ``keep`` or ``drop``, and rows that depend on marks."""
        if command.name in ("keep", "drop") and command.condition:
            negation = "" if command.name == "keep" else "!"
            self.sample = (*self.sample, f"{negation}({command.condition})")
            if reason:
                self.taint.mark_rows(self.origin, reason)

    def _update_context(self, command: Command, step: Step) -> None:
        """Note the order and rows after a step."""
        context, changed = self.context, {*step.creates, *step.drops}
        self._forget_summary(command, step)
        if step.order is not None:
            context.order = step.order
        if step.filled is not None:
            context.complete &= {*step.filled}
        # Without keys a row is known by its number.
        has_new_rows = step.fresh or step.filled is not None
        is_moved = context.entity is None and not (changed and step.order is None)
        if is_moved or has_new_rows or changed & {*context.keys}:
            context.fitted_keys = ()
        state = Taint(), Variables(context.variables.columns)
        taint, variables = context.saved.get(step.reads, state)
        if step.fresh:
            self.taint.clear()
            self.sample = ()
            context.variables = variables
            context.labels, context.reshaped = set(), None
        # A file that lines have saved has the marks of those lines.
        self.taint.add(taint)

    def _forget_summary(self, command: Command, step: Step) -> None:
        """Forget results of `summarize` of other rows, or of values that change."""
        code = "".join(self.context.summary.values())
        changed = any(repr(name) in code for name in step.creates)
        if changed or command.name not in ("generate", "replace"):
            self.context.summary = {}

    def _add_columns(self, step: Step) -> None:
        context = self.context
        # Columns of a pattern that are replaced are no new ones.
        creates = [
            name
            for name in step.creates
            if not (isinstance(name, LaterColumns) and name in step.python)
        ]
        context.variables = context.variables.changed(creates, step.drops)
        context.complete -= {*step.creates, *step.drops}
        if step.complete:
            context.complete |= {*step.creates}

    def _xtset(self, command: Command) -> None:
        context = self.context
        names = [name for name in command.words if name.isidentifier()]
        if names:
            keys = [*map(context.variables.resolve, names), None]
            if command.name == "tsset" and len(names) == 1:
                keys = [ONE_SERIES, *keys]
            context.entity, context.time = keys[:2]
            step = translated_options(command, "xtset").get("delta")
            context.step = whole(step, "delta") if step else None
            context.complete |= set(names)
            context.order = tuple(context.keys)
            self._write(f"df = df.sort_values({context.keys!r}, kind='stable')")
            self.panel = ""
        self._record("read")

    def _preserve(self, command: Command) -> None:
        """Save or restore what is known of the data; results stay."""
        if command.name == "preserve":
            context = replace(self.context, complete={*self.context.complete})
            self.preserved.append((context, copy.deepcopy(self.taint), self.sample))
            self._write("preserved = df.copy(), {**types}")
        elif self.preserved:
            context, taint, sample = self.preserved[-1]
            if not command.has("preserve"):
                self.preserved.pop()
            if not any(option.startswith("not") for option, _ in command.options):
                # Results stay, but the data no longer tell their rows or r(mean).
                last = self.context.last
                self.context = replace(context, last=last, fitted_keys=(), summary={})
                marked_results = self.taint.of_results
                self.taint, self.sample = copy.deepcopy(taint), sample
                self.taint.columns |= marked_results
                self._write("df, types = preserved[0].copy(), {**preserved[1]}")
                self.panel = ""
        self._record("read")

    def _refuse(self, text: str, reason: str, command: Command | None) -> None:
        """Note a refusal and mark what the line would have made."""
        record = self._record("refused", reason)
        record.is_estimation |= looks_like_estimation(text)
        self._write(f"# refused: {reason}")
        name = command.name if command else first_word(text)
        self.has_fit &= not record.is_estimation
        if command and not (name in _KEEPING_FIT or name in self.programs):
            self._forget_last_fit(command.stored)
        if name in ("use", "import", "insheet"):
            self.taint.clear()
        self._mark(name, text, command)

    def _call(self, command: Command) -> None:
        """Execute the statements of a program that is called with arguments alone."""
        name, outer, before = command.name, self.macros, (self.position, self.branched)
        program, arguments = self.programs[name], command.arguments
        line, block, is_read = program
        called = re.fullmatch(r"(?:qui\w*[:\s]\s*)?(\w+)\s*(.*)", command.text)
        if not (is_read and called and called[2] == arguments):
            raise refused(f"the program of {line}")
        self._record("read")
        self.macros = joined(Macros.of_arguments(arguments), outer)
        # It does not call itself.
        del self.programs[name]
        self._block(block)
        self.programs[name] = program
        self.macros = joined(outer, self.macros)
        self.position, self.branched = before
        self.context.summary = {}

    def _do_file(self, command: Command) -> None:
        """Execute another do-file; its locals are its own, unless it is included."""
        is_included = command.name == "include"
        name, *arguments = words_of(command.arguments) or [""]
        try:
            file = self.context.find_do_file(name)
            if file in self.open_files:
                raise refused(f"{file.name} would run itself")
        except StataError:
            for mark in ("$", "") if is_included else ("$",):
                self.macros.elsewhere.setdefault(mark, self.origin)
            raise
        self._record("read")
        outer, preserved = self.macros, len(self.preserved)
        before = self.position, self.branched, self.depth
        if not is_included:
            self.macros = joined(Macros.of_arguments(" ".join(arguments)), outer)
        self.open_files.append(file)
        try:
            self._block(self.block_of(file), stops=bool(CAPTURED.match(command.text)))
        except _EndOfFileError as end:
            if end.is_of_all:
                raise
        self.open_files.pop()
        self.position, self.branched, self.depth = before
        if not is_included:
            self.macros = joined(outer, self.macros)
            # What a do-file preserves is restored at its end.
            while len(self.preserved) > preserved:
                self._preserve(read_command("restore"))

    def _exit(self, command: Command) -> None:
        self._record("read")
        raise _EndOfFileError(is_of_all=bool(command.arguments or command.options))

    def _mark_program(self, name: str) -> None:
        """Mark what a program would change: columns and globals, not locals outside it.

        The program is unknown meanwhile, since it may call itself.
        """
        program, before = self.programs.pop(name), copy.deepcopy(self.macros)
        patterns, self.patterns = self.patterns, {}
        self.macros.forget_until_run("*", name)
        self._mark_block(program[1])
        self.macros = joined(before, self.macros)
        self.programs[name], self.patterns = program, patterns

    def _mark(self, name: str, text: str, command: Command | None) -> None:
        if name in self.programs:
            if command and command.restores:
                self._forget_last_fit(None)
            else:
                self._mark_program(name)
            return
        if name == "scalar":
            self._forget_scalar(text)
            return
        columns = would_make(name, text, command, self.patterns)
        if columns is not None:
            self.taint.mark(columns, self.origin)
            self._add_columns(Step("", tuple(columns)))
            return
        if keeps_data(name, command):
            return
        if not is_no_command(name, text, others_run=bool(self.macros.elsewhere)):
            self.context.order = UNKNOWN_ORDER
            if command is None or not only_columns(command):
                self.taint.mark_rows(self.origin)
