"""Tables of estimations: esttab and outreg2 become etable."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING

from digiprosper.errors import StataError, cited
from digiprosper.stata.expressions import unquoted
from digiprosper.stata.names import completed, matching
from digiprosper.stata.prefixes import split
from digiprosper.stata.varlists import LaterColumns, plain

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from digiprosper.stata.prefixes import Command
    from digiprosper.stata.varlists import Variables

COMMANDS = ("esttab", "outreg2")
_OPTIONS = """
b bd.ec dec t ts.tat td.ec se p pv.alue ci star nostar.s noas.ter keep drop ti.tle
mti.tles ct.itle replace append word excel tex rtf
"""
# What changes how a table looks, and none of its numbers.
_LAYOUT = """
nogap.s compress label nolab.el nonum.bers num.bers booktabs alignment f.ragment
varwidth modelwidth wide long nonotes nomti.tles nodep.vars onecol brackets noparen
bracket nocons nocon.stant noni replace sideway wrap page width rdec sdec pdec noobs
r2 ar2 adjr2 nor2 eqlabels collabels gaps lines nolines plain scsv csv html md less
obslast depvars
"""
_BELOW = {"t": "t", "tstat": "t", "p": "p", "pvalue": "p", "ci": "ci", "se": "se"}
_ENDINGS = {".doc": ".docx", ".xls": ".xlsx", ".txt": ".md"}
_SAME = (".docx", ".xlsx", ".rtf", ".tex", ".csv", ".html", ".md")
_CHOSEN = {"word": ".docx", "excel": ".xlsx", "tex": ".tex", "rtf": ".rtf"}


@dataclass(slots=True)
class Tables:
    """Tables of a do-file: outreg2 adds to one in several lines."""

    # Headings of the columns, by file.
    heads: dict[str, list[str]] = field(default_factory=dict)

    def translate(
        self, command: Command, fitted: Mapping[str, bool], variables: Variables
    ) -> tuple[str, list[str]]:
        """Write a table as code, and list what it is without.

        `fitted` tells of each stored estimation whether the script has it; the empty
        name is the last estimation.
        """
        options, missing = _read(command)
        names = _names(command, fitted)
        absent = [name or "the last estimation" for name in names if not fitted[name]]
        if len(absent) == len(names):
            listed = ", ".join(absent) or command.arguments
            raise StataError.because(f"{listed} is not run, or not stored")
        file = self._file(command, options)
        adds = command.name == "outreg2" and "append" in options
        heads = self.heads[file] = self.heads.get(file, []) if adds else []
        titles = _titles(options, len(names))
        titled = zip(titles, names, strict=True)
        before = len(heads)
        heads += [
            title or f"({column})"
            for column, (title, name) in enumerate(titled, before + 1)
            if fitted[name]
        ]
        fits = [f"results[{n!r}]" if n else "fit" for n in names if fitted[n]]
        models, code = f"[{', '.join(fits)}]", ""
        if command.name == "outreg2":
            code = f"columns[{file!r}] {'+=' if before else '='} {models}\n"
            models = f"columns[{file!r}]"
        arguments, unread = _arguments(command.name, options, variables)
        call = f"dp.etable({', '.join([models, f'heads={heads!r}', *arguments])})"
        code += f"tables[{file!r}] = {call}" if command.using else f"print({call})"
        return code, [*map(cited, absent), *missing, *unread]

    def _file(self, command: Command, options: Collection[str]) -> str:
        """Name the file of a table; a further table of esttab has a file of its own."""
        file = _file_name(command, options)
        if command.name == "outreg2" or file not in self.heads:
            return file
        if "append" not in options:
            return file
        stem, dot, ending = file.rpartition(".")
        number = 2
        while f"{stem}_{number}{dot}{ending}" in self.heads:
            number += 1
        return f"{stem}_{number}{dot}{ending}"


def _read(command: Command) -> tuple[dict[str, str], list[str]]:
    """Read options by full name, and list those that have no counterpart."""
    options, others = dict[str, str](), list[str]()
    for word, argument in command.options:
        if name := completed(word, _OPTIONS.split()):
            options[name] = argument or ""
        elif completed(word, _LAYOUT.split()) is None and word.isidentifier():
            others.append(word)
    return options, others


def _names(command: Command, fitted: Mapping[str, bool]) -> list[str]:
    """List the names of the estimations; without names, all or the last one."""
    stored = [name for name in fitted if name]
    words = command.arguments.strip("[] ").split()
    if not words and command.name == "outreg2":
        return [""]
    names = list[str]()
    for word in words or (["*"] if stored else [""]):
        fitting = stored if word == "_all" else matching(word, stored)
        names += [""] if word in (".", "") else fitting
        if word.isidentifier() and not fitting:
            raise StataError.because(f"there is no stored estimation {cited(word)}")
    return list(dict.fromkeys(names))


def _file_name(command: Command, options: Collection[str]) -> str:
    """Name the file of a table, with an ending that `Table.save` knows."""
    if not command.using:
        return ""
    path = PurePath(re.split(r"[/\\]", unquoted(command.using.strip()))[-1])
    ending = next((_CHOSEN[name] for name in _CHOSEN if name in options), "")
    ending = ending or _ENDINGS.get(path.suffix, path.suffix) or ".rtf"
    if ending not in _SAME:
        raise StataError.because(f"a table with the ending {cited(path.suffix)}")
    has_suffix = path.suffix in (*_SAME, *_ENDINGS)
    return f"{path.stem if has_suffix else path.name}{ending}"


def _titles(options: Mapping[str, str], count: int) -> list[str]:
    """Read the headings of the columns; of another number they are left out."""
    text = options.get("mtitles", "")
    titles = [unquoted(word) for word in split(text)]
    if "ctitle" in options:
        titles = [unquoted(options["ctitle"].partition(",")[0])]
    return titles if len(titles) == count else [""] * count


def _arguments(
    command: str, options: Mapping[str, str], variables: Variables
) -> tuple[list[str], list[str]]:
    """Write the arguments of etable, and what of them cannot be read."""
    arguments, problems = list[str](), list[str]()
    below = [_BELOW[name] for name in _BELOW if name in options]
    below.append("se" if command == "outreg2" else "t")
    arguments.append(f"below={below[0]!r}")
    digits = next(filter(None, map(options.get, ("b", "bdec", "dec"))), "")
    of_t = next(filter(None, map(options.get, ("t", "tdec"))), "")
    for name, text in (("digits", digits), ("t_digits", of_t)):
        decimals = re.fullmatch(r"%\d*\.(\d+)[a-z]+|(\d+)", text.strip())
        if decimals:
            arguments.append(f"{name}={decimals[1] or decimals[2]}")
        elif text:
            problems.append(f"the format {text}")
    if {"nostars", "noaster"} & {*options}:
        arguments.append("stars=None")
    elif levels := re.findall(r"\*\s+(0?\.\d+)", options.get("star", "")):
        arguments.append(f"stars={sorted(map(float, levels), reverse=True)}")
    if title := unquoted(options.get("title", "")):
        arguments.append(f"title={title!r}")
    for name in ("keep", "drop"):
        try:
            terms = _terms(options.get(name, ""), variables)
        except StataError as error:
            terms = []
            problems.append(f"{name}(): {error.reason}")
        arguments += [f"{name}={terms!r}"] if terms else []
    return arguments, problems


def _terms(text: str, variables: Variables) -> list[str]:
    """Write coefficients as patterns of terms: all levels of a category."""
    words = [word for word in split(text) if word != "_cons"]
    patterns = [word for word in words if set(word) & set("*?")]
    terms = plain(variables.products(" ".join(w for w in words if w not in patterns)))
    terms = [re.sub(r"C\([^()]*\)", r"\g<0>*", term) for term in terms]
    if any(isinstance(term, LaterColumns) for term in terms):
        raise StataError.because("columns that are not known")
    return terms + [re.sub(r"^[io]?\d*b?\.", "", word) for word in patterns]
