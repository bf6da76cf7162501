"""One command, a whole do-file, and a do-file with its data."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from io import StringIO
from os import PathLike
from pathlib import Path
from typing import Any

from digiprosper.checks import as_path
from digiprosper.errors import (
    DigiprosperError,
    InputTypeError,
    NearCollinearWarning,
    cited,
)
from digiprosper.panel import Panel
from digiprosper.spatial.weights import SpatialWeights
from digiprosper.stata import _script as script
from digiprosper.stata.commands import estimations
from digiprosper.stata.expressions import number_text
from digiprosper.stata.judge import findings
from digiprosper.stata.lines import decode, statements
from digiprosper.stata.macros import Macros
from digiprosper.stata.prefixes import (
    Command,
    read_command,
    refused,
    translated_options,
)
from digiprosper.stata.reader import Reader
from digiprosper.stata.report import DoFile
from digiprosper.stata.translation import ONE_SERIES, Call, Context, Translation

_LONGEST_LINE = 88
_NO_DATA = "\n# No line reads data: set df to your table here."
# Functions of a script, and what its own lines use besides.
_HEAD = (
    Path(script.__file__).read_text(encoding="utf-8")
    + f"\n\n# --- the do-file {'-' * 69}\n\nimport digiprosper as dp\n"
)
# Turns of a loop whose results are beside a line.
_MOST_SHOWN = 6
_READS = re.compile(r"df = from_file|types\.clear\(\)\ndf")
_LOADS = re.compile(r"^df = from_file\(('.*'|\".*\")\)$", re.MULTILINE)
# A characteristic of a file: fields of 33 bytes, or of 129 from Stata 14 on.
_CHARACTERISTICS = [
    re.compile(
        rb"_dta\0.{%d}(?=(\w+)\0)(?:.{%d})([^\0<]+)" % (width - 5, width), re.DOTALL
    )
    for width in (33, 129)
]
# Characteristics come before the data.
_BYTES_BEFORE_DATA = 2**22
# Errors whose messages are for users.
_WITH_REASONS = (DigiprosperError, NearCollinearWarning, AssertionError, ValueError)
# Stata writes other numbers with digits of its own.
_EXACT = re.compile(r"-?\d{1,8}|`\"[^`'\"$\\]+\"'")


def from_stata(
    text: str,
    panel: Panel | None = None,
    *,
    entity: str | None = None,
    time: str | None = None,
    spatial_weights: SpatialWeights | None = None,
) -> Translation:
    """Translate one command of Stata into a specification.

    Parameters
    ----------
    text : str
        An estimation such as ``"reghdfe y x, absorb(id year) vce(cluster id)"``, or a
        test such as ``"lincom x + 2*z"``. Comments and ``///`` are allowed, macros are
        not.
    panel : Panel, optional
        The panel, whose keys are those of ``xtset`` and whose columns resolve
        abbreviations, wildcards and ranges. Without it effects of ``absorb()`` are
        columns, and names are taken as they are.
    entity, time : str, optional
        The keys of ``xtset`` where no panel is passed.
    spatial_weights : SpatialWeights, optional
        Weights of ``xsmle``. Without them `spec` is None, and `python` has the name
        ``spatial_weights``.

    Returns
    -------
    Translation
        `spec`, the line `python` to paste, and `notes` on what differs from Stata.

    Raises
    ------
    StataError
        If the command, an option or a variable has no counterpart. The error has
        `line`, `reason` and `advice`.

    See Also
    --------
    digiprosper.stata.read_do_file : a whole file.

    Examples
    --------
    >>> import digiprosper as dp
    >>> states = dp.datasets.us_states()
    >>> read = dp.from_stata("reghdfe gsp unemp, a(state year) cl(state)", states)
    >>> print(read.python)
    dp.FixedEffects("gsp", ["unemp"], collinear="drop")
    >>> read.spec.fit(states).params.round().to_dict()
    {'unemp': -1486.0}
    """
    if not isinstance(text, str):
        raise InputTypeError(f"text must be a command, not {type(text).__name__}.")
    lines = statements(text)
    if len(lines) != 1:
        raise refused(
            f"there are {len(lines)} commands", "stata.read_do_file reads whole files."
        )
    weights = {} if spatial_weights is None else {"W": spatial_weights}
    context = Context.start(panel, weights, (entity, time))
    macros = Macros()
    command = read_command(macros.expand(lines[0].text))
    if macros.undefined:
        raise refused(
            f"the macro {cited(macros.undefined[0].removeprefix('$'))} has no value in "
            "a single command",
            "Replace it, or read the whole file.",
        )
    return estimations.translate(command, context)


def read_do_file(
    path: str | PathLike[str],
    *,
    panel: Panel | None = None,
    macros: Mapping[str, str] | None = None,
    spatial_weights: Mapping[str, SpatialWeights] | None = None,
) -> DoFile:
    r"""Read a do-file: every line has a result or a reason.

    Macros and loops are executed, data commands become pandas code, estimations become
    specifications. Nothing is run: a line that would depend on a refused one is marked
    ``"not run"``. Other do-files that ``do``, ``run`` or ``include`` executes are read
    where they run, if they are in the folder of the file or in folders inside it.

    Parameters
    ----------
    path : str or path
        The file, in UTF-8, GB18030 or UTF-16.
    panel : Panel, optional
        The panel that the file uses. With it abbreviations, wildcards and ranges of
        columns are resolved.
    macros : mapping of str to str, optional
        Globals that another file defines, by name without the dollar sign.
    spatial_weights : mapping of str to SpatialWeights, optional
        Spatial weights by the name of the matrix in the file.

    Returns
    -------
    DoFile
        Lines with their state and reason, a script, and findings about the methods.

    See Also
    --------
    digiprosper.from_stata : one command.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import digiprosper as dp
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "paper.do"
    >>> _ = path.write_text("xtset id year\nxtreg y x i.year, fe vce(cluster id)\n")
    >>> file = dp.stata.read_do_file(path)
    >>> file.estimations[0].translations[0].python
    'dp.FixedEffects("y", ["x"], ssc="xtreg", singletons="keep", collinear="drop")'
    """
    context = Context.start(panel, _named("spatial_weights", spatial_weights))
    return _executed(Reader, as_path("read_do_file", path), context, macros)


def _named(argument: str, values: object) -> dict[str, Any]:
    if not isinstance(values, Mapping | None):
        raise InputTypeError(
            f"{argument} is a mapping of names in the do-file to values, not "
            f"{type(values).__name__}."
        )
    return dict(values or {})


def run_do_file(
    path: str | PathLike[str],
    data: str | PathLike[str],
    *,
    macros: Mapping[str, str] | None = None,
    spatial_weights: Mapping[str, SpatialWeights] | None = None,
) -> DoFile:
    r"""Run a do-file on its data, as far as its numbers are those of Stata.

    Each line is read as by `read_do_file`, and run before the next one is read, so
    that abbreviations, patterns and ranges of variables are those of the data. A line
    that is refused or fails marks the columns or rows that it would have made; what
    depends on them is translated, not run. No file is written.

    Parameters
    ----------
    path : str or path
        The do-file.
    data : str or path
        The folder with the data. Files are found in it, and in the folders inside, by
        the last parts of the path that the do-file has. Other do-files may be there,
        too.
    macros : mapping of str to str, optional
        Globals that another file defines, by name without the dollar sign.
    spatial_weights : mapping of str to SpatialWeights, optional
        Spatial weights by the name of the matrix in the file.

    Returns
    -------
    DoFile
        Lines with their state and results, the stored estimations by name, tables of
        ``esttab`` and ``outreg2``, the data at the end, and the script of what ran.

    Raises
    ------
    FileNotFoundError
        If there is no such do-file.
    NotADirectoryError
        If `data` is no folder.

    See Also
    --------
    digiprosper.stata.read_do_file : read a file without its data.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import digiprosper as dp
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> states = dp.datasets.us_states().frame.reset_index()
    >>> states.to_stata(folder / "states.dta", write_index=False)
    >>> path = folder / "paper.do"
    >>> lines = ["use states", "xtset state year", "reghdfe gsp pc, a(state year)"]
    >>> _ = path.write_text("\n".join(lines))
    >>> print(dp.stata.run_do_file(path, folder))
    line 1    ran         use states
    line 2    read        xtset state year
    line 3    ran         reghdfe gsp pc, a(state year): N = 816 (robust_inconsistent)
    line 3: note: standard errors are neither clustered nor robust, as in the command
    1 of 1 estimation ran, 0 translated, 0 refused.
    """
    folder = as_path("run_do_file", data).resolve()
    if not folder.is_dir():
        raise NotADirectoryError(f"data={cited(str(data))} is no folder.")
    context = Context(
        spatial_weights=_named("spatial_weights", spatial_weights), folder=folder
    )
    return _executed(Runner, as_path("run_do_file", path), context, macros)


def _executed(
    kind: type[Reader], path: Path, context: Context, macros: Mapping[str, str] | None
) -> DoFile:
    """Read or run a file, and list what became of its lines."""
    lines, texts = statements(decode(path.read_bytes())), _named("macros", macros)
    context.folder_of_code = path.resolve().parent
    reader = kind(lines, context, Macros({f"${name}": texts[name] for name in texts}))
    reader.run()
    variables = reader.script
    results, tables = (dict(variables.get(name, {})) for name in ("results", "tables"))
    frame, asked = variables.get("df"), findings(reader)
    return DoFile(tuple(reader.lines()), _script(reader), asked, results, tables, frame)


def _script(reader: Reader) -> str:
    """Write the code of a file as a program."""
    lines = [] if any(map(_READS.match, reader.code)) else [_NO_DATA]
    lines += map(_wrapped, "\n".join(reader.code).splitlines())
    if reader.heads:
        lines += ["\nfor name, table in tables.items():", "    table.save(name)"]
    return "\n".join([_HEAD, *lines, ""])


def _wrapped(line: str) -> str:
    """Write the arguments of a long call below one another."""
    if len(line) <= _LONGEST_LINE or line.startswith(("#", " ")) or line[-1] == ":":
        return line
    # Positions in a syntax tree count bytes.
    encoded = line.encode()

    def text_of(node: ast.expr | ast.keyword) -> str:
        return encoded[node.col_offset : node.end_col_offset].decode()

    calls = (node for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Call))
    for call in calls:
        arguments: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
        if len(arguments) > 1:
            listed = "".join(f"    {text_of(argument)},\n" for argument in arguments)
            return line.replace(text_of(call), f"{text_of(call.func)}(\n{listed})")
    return line


# --- running --------------------------------------------------------------------------


def stored_keys(path: str) -> tuple[str | None, str | None, int | None]:
    """Read the keys and the step of ``xtset`` that a file of Stata was saved with."""
    with Path(path).open("rb") as file:
        head = file.read(_BYTES_BEFORE_DATA)
    stored = {
        name.decode(): value.decode(errors="replace")
        for characteristic in _CHARACTERISTICS
        for name, value in characteristic.findall(head)
    }
    delta = re.match(r"\+(1\.\w+)X\+(\w+)", stored.get("_TSdelta", ""))
    step = int(float.fromhex(f"0x{delta[1]}p{int(delta[2], 16)}")) if delta else 1
    entity = stored.get("_TSpanel") or stored.get("iis")
    time = stored.get("_TStvar") or stored.get("tis")
    if time and not entity:
        entity = ONE_SERIES
    return entity, time, step if step > 1 else None


class Runner(Reader):
    """A reader that has the data: what fails marks what depends on it."""

    # How many lines of the code have been run.
    position_in_code: int = 0

    def run(self) -> None:
        """Run all statements; notices of a result are listed beside it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # reghdfe omits such a regressor; other commands estimate from rounding.
            warnings.filterwarnings("error", "the effects leave", NearCollinearWarning)
            exec(_HEAD, self.script)
            super().run()
            exec("\n".join(self.code[self.position_in_code :]), self.script)

    def _statement(self, text: str) -> None:
        if self.taint.rows:
            # Stata would have other columns.
            self.context.variables = replace(self.context.variables, columns=None)
        super()._statement(text)

    def _other(self, command: Command) -> None:
        super()._other(command)
        if command.prefixes or command.rows:
            return
        if command.name == "levelsof":
            self._levels(Call(command, self.context, translated_options(command)))
        elif command.name == "ds":
            self._list_columns(command)

    def _list_columns(self, command: Command) -> None:
        """Put the names that ``ds`` lists, or the others, into r(varlist)."""
        columns, options = self.context.variables.columns, dict(command.options)
        is_marked = self.taint.columns != self.taint.of_results
        if columns is None or is_marked or {*options} - {"not"}:
            return
        names = self.context.variables.names(command.arguments or "_all")
        if options:
            names = [name for name in columns if name not in names]
        self.macros.set("r(varlist)", " ".join(names))

    def _levels(self, call: Call) -> None:
        """Put sorted values into the local of levelsof, and into r(levels)."""
        names, rows = call.names, f"[{call.where}]" if call.where else ""
        code = "".join(f"df[{name!r}]{rows}" for name in names)
        reason = self.taint.reason([code]) or self._reason_without_fit(code)
        if reason or len(names) != 1 or self.context.used_scalars:
            return
        code = f"levels = sorted({{*{code}.dropna()}} - {{''}})"
        self._write(code)
        self._run_code()
        texts = [
            f'`"{level}"\'' if isinstance(level, str) else number_text(level)
            for level in self.script["levels"]
        ]
        if all(_EXACT.fullmatch(text) for text in texts):
            for macro in ("r(levels)", *call.options.get("local", "").split()):
                self.macros.set(macro, " ".join(texts))

    def _run_code(self) -> None:
        """Run the new code, and note what it prints or estimates."""
        code = "\n".join(self.code[self.position_in_code :])
        printed = StringIO()
        try:
            with redirect_stdout(printed):
                exec(code, self.script)
        # Whatever stops a line, what depends on it must not be shown.
        except Exception as error:
            reason = str(error)
            if isinstance(error, KeyError) and not isinstance(error, DigiprosperError):
                reason = f"there is no column {reason}"
            elif isinstance(error, NameError) and "df" not in self.script:
                reason = "no line before it reads data"
            elif isinstance(error, AttributeError) and ".str accessor" in reason:
                reason = "it needs text, but a column has numbers"
            elif not isinstance(error, _WITH_REASONS):
                reason = f"{type(error).__name__}: {reason}"
            self.code[self.position_in_code :] = [
                line if line[:1] in ("", "#") else f"# {line}"
                for line in code.splitlines()
            ]
            self.panel: str = ""
            raise refused(reason.split("\n")[0].rstrip(".")) from error
        finally:
            self.position_in_code = len(self.code)
        if loaded := _LOADS.search(code):
            self._take_keys(ast.literal_eval(loaded[1]))
        self._update_columns()
        self._note(printed.getvalue())

    def _take_keys(self, path: str) -> None:
        """Take the keys that a file was saved with, if each row still has its own."""
        context, frame = self.context, self.script["df"]
        context.entity, context.time, context.step = stored_keys(path)
        keys = frame[[name for name in context.keys if name in frame]]
        if context.time and (keys.duplicated().any() or keys.isna().any(axis=None)):
            context.time = context.step = None
            if context.entity == ONE_SERIES or keys.isna().any(axis=None):
                context.entity = None

    def _update_columns(self) -> None:
        """Read the columns of the data; those of refused lines are not in them."""
        frame = self.script.get("df")
        if frame is not None and not self.taint.rows:
            context = self.context
            self.columns.update(frame.columns)
            self.incomplete.update(name for name in frame if frame[name].hasnans)
            marked = [n for n in context.variables.created if n in self.taint.columns]
            names = tuple(dict.fromkeys([*frame.columns, *marked]))
            # Data without a key are no longer xtset with it.
            for role in ("entity", "time"):
                if getattr(context, role) not in (*names, ONE_SERIES):
                    setattr(context, role, None)
            if context.time is None and context.entity == ONE_SERIES:
                context.entity = None
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
            record.results += (fit,)
            notices = getattr(fit, "diagnostics", ())
            codes = ", ".join(dict.fromkeys(notice.code for notice in notices))
            printed = f"N = {fit.nobs:,.0f}" + (f" ({codes})" if codes else "")
            # A model that cannot be fitted in another way leaves a question open.
            with suppress(DigiprosperError):
                self._repair(fit)
        elif printed.count("\n") > 1:
            record.output += printed
            return
        # The results of several turns of a loop are listed together.
        shown = [*filter(None, [*record.reason.split("; "), printed.strip()])]
        if len(shown) > _MOST_SHOWN:
            shown[_MOST_SHOWN:] = ["..."]
        record.reason = "; ".join(shown)

    def _repair(self, fit: Any) -> None:
        """Estimate what the questions about errors and instruments ask for."""
        spec, entity = self.context.last, self.context.entity
        for notice in getattr(fit, "diagnostics", ()):
            if notice.code == "staggered_treatment":
                self.staggered.setdefault(self.origin, notice.data["terms"])
        if type(spec).__name__ == "FixedEffectsIV" and len(spec.endog) == 1:
            ends = (f"[{low:.4g}, {high:.4g}]" for low, high in fit.anderson_rubin())
            self.repairs["weak_instruments_not_tested", self.origin] = (
                f"Its 95% set is {' or '.join(ends) or 'empty'}"
            )
        has_entity = entity not in (None, ONE_SERIES)
        if getattr(spec, "cov_type", "") == "unadjusted" and has_entity:
            clustered = spec.replace(cov_type="clustered").fit(self.script["panel"])
            typed, by_entity = (f.std_errors.iloc[0] for f in (fit, clustered))
            self.repairs["no_errors", self.origin] = (
                f"{fit.params.index[0]}: {fit.params.iloc[0]:.4g}, standard error "
                f"{typed:.4g} as typed, {by_entity:.4g} if clustered by {entity}"
            )
