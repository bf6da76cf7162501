"""Reads a whole do-file: control flow, macros, data lines, estimations."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from digiprosper.errors import DigiprosperError, StataError, cited
from digiprosper.stata.commands import after, data, estimations
from digiprosper.stata.expressions import constant, parse
from digiprosper.stata.lines import Statement
from digiprosper.stata.names import command_name
from digiprosper.stata.prefixes import Command, read_command, split
from digiprosper.stata.report import Line, worst
from digiprosper.stata.taint import Taint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.stata.macros import Macros
    from digiprosper.stata.report import Status
    from digiprosper.stata.translation import Context, Translation

_HEAD = re.compile(
    r"(?:(?:qui(?:e(?:t(?:l(?:y)?)?)?)?|n(?:o(?:i(?:s(?:i(?:l(?:y)?)?)?)?)?)?|"
    r"cap(?:t(?:u(?:r(?:e)?)?)?)?)\s*(?::\s*|(?=\s)\s*))*(?P<word>[^\W\d]\w*|\{|\})?"
)
# Commands that print, draw, save or set: they change no estimate.
_SKIPPED = """
about adopath algorithm asdoc assert balancetable beep binscatter browse capture cd cdfplot
chdir cibar cls clear close codebook coefplot compare compress confirm constraint corr
correlate corrgram count cumul describe dfgls dfuller dir discard display dotplot ds
edit erase error esample eststo esttab estadd estat estimates estout estpost etable
event_plot eventdd exit export file findit format fre fsum fvset grc1leg graph grstyle help hist
histogram inspect irf isid kdensity label levelsof lincomest list lookfor log logout
ls lv margins marginsplot matlist matrix mdesc misstable mkdir mktouch more net
notes note npresent nsplit numlabel order outreg outreg2 outsheet parmest pause
plotplain post postclose postfile preserve profiler ps pstest putdocx putexcel
pvalue pwcorr pwcorr_a pwd qnorm qqplot query quietly rcof reg2docx restore return rm
rmdir robvar savesome save saveold scatter scheme search serset set setx shell shellout
sleep snapshot spatwmat spmat spmatrix ssc sum2docx summarize summarizeby sutex swilk sktest t2docx
tabstat table tabulate test_output texdoc timer translate tsline tsreport ttest
ttable2 ttable3 t2docx twoway type unab unique univar update vers version view vif which
winexec window xi xtdescribe xtline xtsum xttab xtunitroot xtcsd ranksum
putpdf corr2docx xttest0 xttest1 xttest2 xtcd rdplot dyndoc gr_edit wntestb vwls
boottest weakivtest weakiv twostepweakiv eclplot fcast forecast xtcointtest xtwest
tsappend graphregion filelist cap distinct signrank sdtest bitesti prtest lfit loneway mvtest
_matplot matplot varsoc varstable vargranger varlmar vec irf estread estwrite parmby
""".split()
_TEMPORARY = ("tempvar", "tempname", "tempfile")
# In all turns of an outermost loop; simulations have more.
_MOST_STATEMENTS = 1_000


@dataclass(slots=True)
class Record:
    """What became of a statement so far, over the turns of its loops."""

    status: Status
    reason: str = ""
    translations: list[Translation] = field(default_factory=list)
    is_estimation: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """A command as it was executed, for those who judge a file."""

    number: int
    command: Command
    text: str
    # Conditions of keep and drop since the data were read.
    sample: tuple[str, ...] = ()
    in_loop_of: str = ""
    spec: Any = None


@dataclass(slots=True)
class _Saved:
    """The state at preserve."""

    context: Context
    taint: Taint
    sample: tuple[str, ...]


class Reader:
    """Executes macros and control flow, and translates what is between."""

    def __init__(
        self, statements: Sequence[Statement], context: Context, macros: Macros
    ) -> None:
        self.statements = _normalised(statements)
        self.context = context
        self.macros = macros
        self.taint = Taint()
        self.records: dict[int, Record] = {}
        self.events: list[Event] = []
        self.code: list[str] = []
        self.programs: dict[str, int] = {}
        self.sample: tuple[str, ...] = ()
        self.saved: list[_Saved] = []
        self.stored: str | None = None
        self.loops: list[str] = []
        self.is_panel_ready = False
        # Statements that may still be executed in the outermost loop.
        self.budget = _MOST_STATEMENTS
        # Whether the condition of the last if was true; None if that is not known.
        self.last_if: bool | None = None

    # --- statements -------------------------------------------------------------------

    def run(self) -> None:
        """Read all statements."""
        self._block(0, len(self.statements))

    def lines(self) -> tuple[Line, ...]:
        """List the statements with what became of them."""
        out = []
        for position, statement in enumerate(self.statements):
            record = self.records.get(position)
            if record is None:
                closes = statement.text in ("}", "end")
                record = Record(
                    "read" if closes else "not run",
                    "" if closes else "no line before it leads here",
                )
                record.is_estimation = _looks_like_estimation(statement.text)
            out.append(
                Line(
                    statement.number,
                    statement.text,
                    record.status,
                    record.reason,
                    tuple(record.translations),
                    record.is_estimation,
                )
            )
        return tuple(out)

    def _record(self, position: int, status: Status, reason: str = "") -> Record:
        record = self.records.setdefault(position, Record("skipped"))
        if worst(record.status, status) != record.status or not record.reason:
            record.reason = reason or record.reason
        record.status = worst(record.status, status)
        return record

    def _block(self, start: int, stop: int) -> None:
        position = start
        while position < stop:
            position = self._statement(position, stop)

    def _statement(self, position: int, stop: int) -> int:
        """Execute a statement, with its block if it opens one; return the next."""
        text = self.statements[position].text
        word = _head(text)
        end = self._end_of_block(position, word, stop)
        if end is None:
            self._one(position, text)
            return position + 1
        try:
            if word in ("foreach", "forvalues"):
                self._loop(position, end)
            elif word == "if":
                return self._branches(position, stop)
            elif word in ("program", "mata", "python", "input", "while"):
                self._refused_block(position, end, word)
            else:
                self._record(position, "read")
                self._block(position + 1, end)
        except StataError as error:
            self._record(position, "refused", error.reason)
            self._unreached(position + 1, end, position)
        return end + 1

    def _end_of_block(self, position: int, word: str, stop: int) -> int | None:
        """Find the statement that ends the block that a statement opens, or None."""
        text = self.statements[position].text
        if word == "program" and not re.match(
            r"\S+\s+(drop|dir|list)\b", _without_prefix(text)
        ):
            return self._until("end", position, stop)
        if word == "input" or text in ("mata", "mata:", "python", "python:"):
            return self._until("end", position, stop)
        if not text.endswith("{"):
            return None
        depth = 0
        for at in range(position, stop):
            inside = self.statements[at].text
            depth += inside.endswith("{")
            depth -= inside.startswith("}")
            if depth == 0:
                return at
        return stop - 1

    def _until(self, word: str, position: int, stop: int) -> int:
        ends = (at for at in range(position, stop) if self.statements[at].text == word)
        return next(ends, stop - 1)

    def _refused_block(self, position: int, end: int, word: str) -> None:
        reasons = {
            "program": "a program is not read",
            "while": "a loop without a fixed number of turns is not read",
            "input": "data that are typed into the file",
        }
        text = self.statements[position].text
        if word == "program":
            words = [w.strip(",") for w in text.split()[1:]]
            name = (
                words[1]
                if words[:1] and "define".startswith(words[0]) and len(words) > 1
                else words[0]
                if words
                else ""
            )
            self.programs[name] = self.statements[position].number
        self._record(position, "refused", reasons.get(word, f"{word} is not read"))
        if word != "program":
            self.taint.mark_rows(self.statements[position].number)
        self._unreached(position + 1, end, position)

    def _unreached(self, start: int, stop: int, header: int) -> None:
        """Give the lines of a block that is not read the reason of its header."""
        number = self.statements[header].number
        for at in range(start, stop):
            text = self.statements[at].text
            if text == "}":
                continue
            record = self._record(at, "not run", f"line {number} is not read")
            record.is_estimation |= _looks_like_estimation(text)

    def _loop(self, position: int, end: int) -> None:
        header = _without_prefix(self.statements[position].text)[:-1].strip()
        words = re.split(r"[\s=]+", header)
        if len(words) < 2:
            raise StataError.because(f"the loop {cited(header)} cannot be read")
        name = words[1]
        try:
            _, values = self.macros.turns(header)
        except StataError as error:
            self._record(position, "refused", error.reason)
            self.macros.unknown[name] = error.reason
            self._block(position + 1, end)
            self.macros.forget(name)
            return
        self._record(position, "read")
        if not self.loops:
            self.budget = _MOST_STATEMENTS
        self.loops.append(header)
        for turn, value in enumerate(values):
            if self.budget < 0:
                text = f"only the first {turn} of {len(values)} turns are read"
                self._record(position, "read", text)
                self.code.append(f"# line {self.statements[position].number}: {text}")
                break
            self.macros.unknown.pop(name, None)
            self.macros.local_values[name] = value
            self._block(position + 1, end)
        self.loops.pop()
        self.macros.forget(name)
        if not values:
            self._unreached(position + 1, end, position)
            self._record(position, "read", "the loop has no turns")

    def _branches(self, position: int, stop: int) -> int:
        """Execute the branch whose condition is true; return what follows all."""
        done: bool | None = False
        while True:
            end = self._end_of_block(position, "if", stop)
            assert end is not None
            text = _without_prefix(self.statements[position].text)[:-1].strip()
            condition = re.sub(r"^(?:else\s*)?(?:if\b)?", "", text).strip()
            self._record(position, "read")
            holds = done is False and (
                not condition or self._decides(position, condition)
            )
            if holds:
                self._block(position + 1, end)
            else:
                self._unreached(position + 1, end, position)
            done = None if holds is None or done is None else done or holds
            self.last_if = done
            position = end + 1
            text = self.statements[position].text if position < stop else ""
            if not (text.startswith("else") and text.endswith("{")):
                return position

    def _decides(self, position: int, condition: str) -> bool | None:
        """Compute a condition; None, with a reason, if it depends on the data."""
        try:
            return self._holds(condition)
        except StataError as error:
            self._record(position, "refused", error.reason)
            self.taint.mark_rows(self.statements[position].number)
            return None

    def _holds(self, condition: str) -> bool:
        value = constant(parse(self.macros.expand(condition)))
        return bool(value) if not isinstance(value, str) else bool(value)

    # --- single commands --------------------------------------------------------------

    def _one(self, position: int, text: str) -> None:
        """Execute one command; what it refuses has a reason."""
        number = self.statements[position].number
        self.budget -= 1
        if text in ("}", "{"):
            self._record(position, "read")
            return
        word = _head(text)
        bare = _without_prefix(text)
        try:
            if word in ("if", "else"):
                self._single_branch(position, text)
                return
            if self._macro(word, bare):
                self._record(position, "read")
                return
            expanded = self.macros.expand(text)
            undefined = list(self.macros.undefined)
            command = read_command(expanded) if expanded.strip() else None
        except StataError as error:
            if word in _SKIPPED:
                self._record(position, "skipped", error.reason)
            else:
                self._refuse(position, number, text, error)
            return
        if command is None:
            self._record(position, "read", "only macros that are empty")
            return
        try:
            self._command(position, command, undefined)
        except StataError as error:
            self._refuse(position, number, expanded, error, command)

    def _single_branch(self, position: int, text: str) -> None:
        """Execute ``if condition command`` or ``else command`` on one line."""
        text = _without_prefix(text)
        holds: bool | None = True
        if text.startswith("else"):
            holds = None if self.last_if is None else not self.last_if
            text = text.removeprefix("else").strip()
        done = self.last_if if not holds else False
        if _head(text) == "if" and holds:
            condition, text = _condition_and_command(text.removeprefix("if"))
            holds = self._decides(position, condition)
            done = holds
        self.last_if = done
        if holds:
            self._one(position, text)
        elif holds is None:
            self._record(position, "refused", "its condition depends on the data")
            self.taint.mark_rows(self.statements[position].number)
        else:
            self._record(position, "read", "its condition is false")

    def _macro(self, word: str, text: str) -> bool:
        """Execute a command about macros; tell whether it was one."""
        rest = text[len(re.match(r"\w*", text)[0]) :].strip()  # type: ignore[index]
        if word in ("local", "global"):
            self.macros.assign(rest, is_global=word == "global")
        elif word in _TEMPORARY:
            for name in self.macros.expand(rest).split():
                self.macros.local_values[name] = f"__{name}"
        elif word == "macro":
            for name in self.macros.expand(rest).split()[1:]:
                self.macros.forget(name, is_global=True)
        elif word == "scalar":
            match = re.match(r"(?:define\s+|def\s+)?(\w+)\s*=", rest)
            if match:
                self.macros.unknown.setdefault(f"scalar {match[1]}", "")
        else:
            return False
        return True

    def _command(self, position: int, command: Command, undefined: list[str]) -> None:
        number, name = self.statements[position].number, command.name
        if command.prefix("permute") is not None:
            self._translated(
                position, command, after.permutation(command, self.context)
            )
        elif estimations.is_estimation(name):
            self._record(position, "skipped").is_estimation = True
            translation = estimations.translate(command, self.context)
            self._translated(position, command, translation, undefined)
            self.taint.mark(_stored_columns(command), number)
            self.context.last = translation.spec
            self._store(command.stored or None)
        elif name in after.COMMANDS:
            self._translated(
                position, command, after.COMMANDS[name](command, self.context)
            )
        elif name in data.COMMANDS:
            self._refuse_undefined(undefined)
            self._step(position, command)
        elif name in ("xtset", "tsset"):
            self._keys(position, command)
        elif name in ("preserve", "restore"):
            self._preserve(name, command)
            self._record(position, "read")
        elif name == "set" and command.arguments.startswith("obs"):
            raise StataError.because("rows are added")
        elif name in self.programs:
            raise StataError.because(f"the program of line {self.programs[name]}")
        elif name in data.REFUSED or name in data.MAKERS:
            if name == "tabulate" and not any(
                o.startswith("g") for o, _ in command.options
            ):
                self._record(position, "skipped", "it prints")
                return
            raise StataError.because(
                f"{name}: {data.REFUSED.get(name) or data.MAKERS[name]}"
            )
        else:
            self._other(position, number, command)

    def _other(self, position: int, number: int, command: Command) -> None:
        """Skip what prints, draws or sets; refuse what is not known."""
        name = command.name
        self.events.append(Event(number, command, command.text, self.sample))
        if name in ("estimates", "eststo"):
            self._estimates(command)
        if name not in _SKIPPED and not name.startswith(("graph", "_")):
            raise StataError.because(f"the command {cited(name)} is not known here")
        for option, argument in command.options:
            if (
                option in ("local", "macro")
                and argument
                and name in ("levelsof", "ds", "unab", "glevelsof")
            ):
                self.macros.forget(argument)
                self.macros.unknown[argument] = (
                    f"the macro {cited(argument)} is known only when the file is run "
                    f"({name})"
                )
        reasons = {"esttab": "etable(results).save(...) writes the table"}
        reasons["outreg2"] = reasons["esttab"]
        self._record(position, "skipped", reasons.get(name, ""))

    def _refuse_undefined(self, undefined: list[str]) -> None:
        if undefined:
            raise StataError.because(_undefined_reason(undefined))

    def _estimates(self, command: Command) -> None:
        words = command.arguments.split()
        if command.name == "eststo":
            self._store(words[0] if words and ":" not in words[0] else None)
        elif (
            words[:1]
            and "store".startswith(words[0])
            and len(words) > 1
            and len(words[0]) > 2
        ):
            self._store(words[1])

    def _store(self, name: str | None) -> None:
        if name:
            self.context.results[name] = self.context.last
            self.code.append(f"results[{name!r}] = fit")

    def _translated(
        self,
        position: int,
        command: Command,
        translation: Translation,
        undefined: Sequence[str] = (),
    ) -> None:
        number = self.statements[position].number
        self.events.append(
            Event(
                number,
                command,
                command.text,
                self.sample,
                "".join(self.loops[-1:]),
                translation.spec,
            )
        )
        reason = self.taint.reason([translation.python, command.text])
        if undefined:
            reason = _undefined_reason(undefined)
        record = self._record(position, "not run" if reason else "translated", reason)
        if all(translation.python != other.python for other in record.translations):
            record.translations.append(translation)
        code = translation.python
        if translation.spec is not None:
            code = f"fit = {code}.fit(panel)"
        self._add_code(number, command.text, code, reason, needs_panel=True)

    def _add_code(
        self, number: int, text: str, code: str, reason: str, *, needs_panel: bool
    ) -> None:
        lines = [f"# line {number}: {' '.join(text.split())}"]
        if needs_panel and not self.is_panel_ready and not reason:
            keys = [repr(k) for k in (self.context.entity, self.context.time) if k]
            inside = ", ".join(keys) if len(keys) == 2 else "entity=None"
            lines.insert(0, f"panel = dp.Panel(df, {inside})")
            self.is_panel_ready = True
        if reason:
            lines += [
                f"# not run: {reason}",
                *(f"# {line}" for line in code.splitlines()),
            ]
        elif code:
            lines.append(code)
        self.code += lines

    def _step(self, position: int, command: Command) -> None:
        """Translate a data command and note what it makes."""
        number = self.statements[position].number
        self.events.append(Event(number, command, command.text, self.sample))
        step = data.COMMANDS[command.name](command, self.context)
        if step.fresh:
            self.taint.clear()
            self.context.variables = replace(
                self.context.variables, columns=self._panel_columns(), created=()
            )
            self.sample = ()
        reason = self.taint.reason([step.python])
        if command.name in ("keep", "drop") and command.condition:
            negation = "" if command.name == "keep" else "!"
            self.sample = (*self.sample, f"{negation}({command.condition})")
            if reason:
                self.taint.mark_rows(number)
        self._created(step)
        names = [n for n in step.creates if reason]
        self.taint.mark(names, self._source(reason, number))
        if step.creates and not reason and command.name != "replace":
            for name in step.creates:
                self.taint.columns.pop(name, None)
        self._record(position, "not run" if reason else "translated", reason)
        self._add_code(number, command.text, step.python, reason, needs_panel=False)
        self.is_panel_ready = False

    def _source(self, reason: str, number: int) -> int:
        match = re.search(r"line (\d+)", reason)
        return int(match[1]) if match else number

    def _panel_columns(self) -> Sequence[str] | None:
        return (
            self.context.variables.columns if self.context.panel is not None else None
        )

    def _created(self, step: data.Step) -> None:
        variables = self.context.variables
        created = [n for n in variables.created if n not in step.drops]
        created += [n for n in step.creates if n not in created]
        columns = variables.columns
        if columns is not None:
            columns = [c for c in columns if c not in step.drops]
            columns += [n for n in step.creates if n not in columns]
        self.context.variables = replace(
            variables, columns=columns, created=tuple(created)
        )
        for name in step.creates:
            (
                self.context.complete.add
                if step.complete
                else self.context.complete.discard
            )(name)

    def _keys(self, position: int, command: Command) -> None:
        names = [n for n in split(command.arguments) if n.isidentifier()]
        if len(names) == 2:
            self.context.entity, self.context.time = map(
                self.context.variables.resolve, names
            )
            self.context.complete |= set(names)
            self.is_panel_ready = False
        elif len(names) == 1 and command.name == "xtset":
            self.context.entity, self.context.time = names[0], None
            self.context.complete.add(names[0])
        elif len(names) == 1:
            raise StataError.because("tsset of one series", "A panel has two keys.")
        self._record(position, "read")

    def _preserve(self, name: str, command: Command) -> None:
        if name == "preserve":
            context = copy.copy(self.context)
            context.complete = set(self.context.complete)
            self.saved.append(_Saved(context, self.taint.copy(), self.sample))
            self.code.append("preserved = df.copy()")
        elif any(o.startswith("not") for o, _ in command.options):
            self.saved = self.saved[:-1]
        elif self.saved:
            keeps = any(option == "preserve" for option, _ in command.options)
            state = self.saved[-1] if keeps else self.saved.pop()
            results = self.context.results
            self.context = copy.copy(state.context)
            self.context.results = results
            self.taint, self.sample = state.taint.copy(), state.sample
            self.code.append("df = preserved.copy()")
            self.is_panel_ready = False

    def _refuse(
        self,
        position: int,
        number: int,
        text: str,
        error: DigiprosperError,
        command: Command | None = None,
    ) -> None:
        """Note a refusal and mark what the line would have made."""
        reason = getattr(error, "reason", str(error))
        record = self._record(position, "refused", reason)
        record.is_estimation |= _looks_like_estimation(text)
        self.code += [
            f"# line {number} refused: {' '.join(text.split())}",
            f"# {reason}",
        ]
        name = command.name if command else _head(text)
        if command is not None and estimations.is_estimation(name):
            self.events.append(
                Event(
                    number, command, command.text, self.sample, "".join(self.loops[-1:])
                )
            )
            self.context.last = None
        self._mark(name, text, number, command)

    def _mark(self, name: str, text: str, number: int, command: Command | None) -> None:
        made: list[str] | None = None
        if name in ("generate", "replace", "egen", "clonevar"):
            match = re.search(r"([^\W\d]\w*)\s*(?::\w+)?\s*=(?!=)", text)
            made = [match[1]] if match else []
        elif name == "psmatch2":
            made = ["_weight", "_support", "_pscore", "_treated", "_id", "_n1", "_pdif"]
        elif name in data.MAKERS and command is not None:
            made = _made(command)
        if made is not None:
            self.taint.mark(made, number)
            self._created(data.Step("", tuple(made)))
            return
        if (
            name in _SKIPPED
            or name in after.COMMANDS
            or estimations.is_estimation(name)
        ):
            return
        if name in ("use", "import", "insheet"):
            self.taint.clear()
        self.taint.mark_rows(number)


def _stored_columns(command: Command) -> list[str]:
    """List the columns that an estimation stores: residuals, effects, its sample."""
    names: list[str] = []
    for option, argument in command.options:
        text = argument or ""
        if option.startswith("res"):
            names += [text.strip()] if text else ["_reghdfe_resid"]
        if option.startswith("a"):
            names += re.findall(r"([^\W\d]\w*)\s*=", text)
    return names


def _undefined_reason(names: Sequence[str]) -> str:
    return (
        f"the global {cited(names[0])} is defined in no line before; if another file "
        "defines it, pass macros={...}"
    )


def _condition_and_command(text: str) -> tuple[str, str]:
    """Split ``a == 1 replace x = 2`` where a command begins."""
    words = split(text)
    for count in range(1, len(words)):
        head = command_name(re.match(r"\w*", words[count])[0])  # type: ignore[index]
        if (
            head in _SKIPPED
            or head in data.COMMANDS
            or head in _AFTER_IF
            or (estimations.is_estimation(head))
        ):
            return " ".join(words[:count]), " ".join(words[count:])
    raise StataError.because("this use of if is not read")


def _made(command: Command) -> list[str]:
    """List the columns that a command makes: in generate(), prefix(), arguments."""
    names = []
    for option, argument in command.options:
        if argument and option.startswith(("g", "p", "replace")):
            names += re.findall(r"[^\W\d]\w*", argument)
    if any(option == "replace" for option, _ in command.options) or not names:
        names += re.findall(r"[^\W\d]\w*", re.sub(r"=.*", "", command.arguments))
    return names


def _normalised(statements: Sequence[Statement]) -> list[Statement]:
    """Put closing braces and blocks on one line into statements of their own."""
    out: list[Statement] = []
    for statement in statements:
        text = statement.text
        while text.startswith("}") and text != "}":
            out.append(Statement(statement.number, "}"))
            text = text[1:].strip()
        word = _head(text)
        opens = re.search(r"(?<![$`\w])\{", text) if word in _CONTROL else None
        if opens and not text.endswith("{"):
            inside = text[opens.end() :].strip()
            closes = inside.endswith("}")
            parts = [
                text[: opens.end()],
                inside.removesuffix("}").strip() if closes else inside,
            ]
            parts += ["}"] if closes else []
            out += [Statement(statement.number, part) for part in parts if part]
        elif text.endswith("}") and text != "}" and "{" not in text:
            out += [
                Statement(statement.number, text[:-1].strip()),
                Statement(statement.number, "}"),
            ]
        else:
            out.append(Statement(statement.number, text))
    return out


_AFTER_IF = ("local", "global", "quietly", "noisily", "scalar", "do", "continue")
_CONTROL = ("foreach", "forvalues", "if", "else", "while")


def _head(text: str) -> str:
    """Name the command of a text, prefixes such as quietly left out."""
    match = _HEAD.match(text)
    word = match["word"] if match else None
    if word is None and re.match(r"(?:qui|cap|noi)\w*\s*:?\s*\{$", text):
        return "{"
    return command_name(word) if word and word not in "{}" else word or ""


def _without_prefix(text: str) -> str:
    match = _HEAD.match(text)
    return text[match.start("word") :] if match and match["word"] else text


def _looks_like_estimation(text: str) -> bool:
    """Tell whether a line that cannot be read would estimate a model."""
    after_colon = re.split(
        r"(?:eststo[^:(]*|xi|bootstrap[^:]*|permute[^:]*|by\w*[^:]*)\s*:", text
    )[-1]
    return estimations.is_estimation(_head(after_colon.strip()))
