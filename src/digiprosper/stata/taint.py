"""Which columns and rows a refused line would have changed.

What depends on them is translated, but no number of it is shown as Stata's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from digiprosper.errors import StataError
from digiprosper.stata.commands import estimations
from digiprosper.stata.lines import first_word
from digiprosper.stata.prefixes import (
    ROWS,
    STORED,
    Command,
    Origin,
    command_name,
    notes_of,
    of_kind,
    read_command,
    refused,
    split,
)
from digiprosper.stata.varlists import LaterColumns, later_columns

NAME = re.compile(r"[^\W\d]\w*")
CREATED = re.compile(r"([^\W\d]\w*)\s*(?::\w+)?\s*=(?!=)")
# Commands that only print, test or estimate, and those that make columns.
_KEEPING = {*estimations.COMMANDS, *of_kind("estimates", "prints")}
_MAKING = of_kind("makes")
# Subcommands that leave the present data as they are, of commands that change them.
_KEEPING_SUBCOMMANDS = notes_of("subcommand ")
# Variables, but not the functions and the frame of Python code.
_WORD = re.compile(r"\b(?!df(?:[\[.,:)]| = ))[^\W\d]\w*\b(?!\()")
_LATER = re.compile(r"\*df\.(?:filter\(regex='[^']*'\)|loc\[[^\]]*\])")


@dataclass(slots=True)
class Taint:
    """Lines that were refused, by the columns that they would have made."""

    columns: dict[str, Origin] = field(default_factory=dict)
    # Why rows, or columns that a line does not name, would have changed.
    rows: str = ""

    @property
    def of_results(self) -> dict[str, Origin]:
        """The marks of stored results, which other data leave as they are."""
        return {n: line for n, line in self.columns.items() if n.startswith(STORED)}

    def clear(self) -> None:
        """Forget the marks of data: they are read anew."""
        self.columns, self.rows = self.of_results, ""

    def mark(self, names: Iterable[str], line: Origin) -> None:
        """Mark columns."""
        self.columns |= dict.fromkeys(names, line)

    def add(self, other: Taint) -> None:
        """Mark what another table has marked."""
        self.columns |= other.columns
        self.rows = self.rows or other.rows

    def mark_rows(self, line: Origin, cause: str = "") -> None:
        """Mark all rows; the first line is named, with its cause if it is another."""
        because = f": {cause}" if cause else ""
        self.rows = self.rows or f"{line} would change the data{because}"

    def reason(self, texts: Iterable[str]) -> str:
        """Tell why code with these texts would not run; empty if it would."""
        if self.rows:
            return self.rows
        for text in texts:
            words = set(_WORD.findall(text))
            later = [LaterColumns(code) for code in _LATER.findall(text)]
            for name, line in self.columns.items():
                if isinstance(name, LaterColumns):
                    if any(map(name.may_have, words)):
                        return f"a column comes from {line}"
                elif name in words or any(c.may_have(name) for c in later):
                    return f"{name} comes from {line}"
        return ""

    def rename(self, change: Callable[[str], str]) -> None:
        """Change the names of all columns, as ``rename *, lower``."""
        self.columns = {
            name if isinstance(name, LaterColumns) else change(name): line
            for name, line in self.columns.items()
        }

    def unmark(self, names: Iterable[str]) -> None:
        """Remove the marks of columns that are made anew."""
        for name in names:
            self.columns.pop(name, None)


# --- what a line that is refused would change -----------------------------------------


def is_no_command(name: str, text: str, *, others_run: bool) -> bool:
    """Tell whether Stata stops at a line: a heading, sign, rest or misspelt name."""
    # No command of Stata begins with a capital; a program of another file may.
    is_heading = not name.isascii() or name == "stop" or len(name) == 1
    is_heading |= name[:1].isupper() and not others_run
    is_sign = re.match(r"[^\w\s$`\"]|\d", text) is not None
    # The rest of a command whose lines were not joined, as ``se(%9.3f) replace``.
    continuation = r"(?!range)\w+\(|(robust|first|verbose)$|\w+ - "
    continues = re.match(continuation, text) is not None or text.count('"') % 2 == 1
    continues &= name not in ROWS
    # A long name with the letters of a command in another order is misspelt.
    is_long, letters = len(name) > len("regress"), sorted(name)
    is_misspelt = is_long and name not in ROWS and letters in map(sorted, ROWS)
    is_text = "," not in text or text.rstrip().endswith((".", "?", "!"))
    return is_sign or continues or is_misspelt or (is_heading and is_text)


def looks_like_estimation(text: str) -> bool:
    """Tell whether a line that cannot be read would estimate a model."""
    try:
        name = read_command(text).name
    except StataError:
        name = first_word(text)
    return estimations.is_estimation(name)


def condition_and_command(text: str) -> tuple[str, str]:
    """Split ``a == 1 replace x = 2`` where a command begins."""
    words = split(text)
    for count in range(1, len(words)):
        word, after = NAME.match(words[count]), " ".join(words[count + 1 :])
        # A side of a comparison is a variable, though it has the name of a command.
        is_side = re.match(r"[=<>!~&|]", after)
        is_side = is_side or re.search(r"[-=<>!~&|+*/^]$", words[count - 1])
        if word and not is_side and command_name(word[0]) in ROWS:
            return " ".join(words[:count]), " ".join(words[count:])
    raise refused("this use of if is not read")


def keeps_data(name: str, command: Command | None) -> bool:
    """Tell whether a command prints, tests, estimates, or gives the data back."""
    if command is None:
        return name in _KEEPING
    if pattern := _KEEPING_SUBCOMMANDS.get(name):
        return re.match(pattern, command.text.partition(name)[2].strip()) is not None
    return name in _KEEPING or command.stored is not None or command.restores


def only_columns(command: Command) -> bool:
    """Tell whether a command only drops or sorts: no number depends on it."""
    chooses = command.condition or command.rows or command.prefixes
    return command.name in ("drop", "keep", "sort", "gsort") and not chooses


def generated(command: Command) -> list[str]:
    """List the names in options such as ``g()`` and ``generate()``."""
    arguments = [a for option, a in command.options if option == "g"]
    others = arguments_of(command, "gen", "wgen", "mills", "hazard", "nshazard")
    return _created(" ".join([*arguments, *others]))


def _created(text: str) -> list[str]:
    names = re.findall(r"(?<![\w*])[^\W\d][\w*]*|\*[\w*]+", text)
    return [LaterColumns.of_pattern(n) if "*" in n else n for n in names]


def arguments_of(command: Command, *starts: str) -> list[str]:
    """List the arguments of options that start with some letters."""
    return [a for option, a in command.options if option.startswith(starts)]


def would_make(
    name: str, text: str, command: Command | None, patterns: Mapping[str, str]
) -> list[str] | None:
    """List the columns that a refused command makes; None if that is not known.

    A macro that is not known stands for any letters, or for columns of a pattern.
    """
    text = re.sub("`([^`']*)'", lambda match: patterns.get(match[1], "*"), text)
    if command is not None and "`" in command.text:
        command = read_command(text)
    if name in ("generate", "replace", "egen"):
        target = re.search(r"([^\s=]*)\s*(?::\w+)?\s*=(?!=)", text)
        return _columns([target[1] if target else ""])
    if name == "rename":
        words = text.partition(" ")[2].partition(",")[0].replace("=", " *").split()
        return _columns([word.strip("()") for word in words])
    matched = _matching_columns(name, command)
    if command is None:
        return matched or None
    if matched or estimations.is_estimation(name):
        return [*matched, *generated(command), *stored_columns(command)]
    return _generated_columns(command) if name in _MAKING else None


def _matching_columns(name: str, command: Command | None) -> list[str]:
    """List the columns of a command that matches or weights rows."""
    names = ROWS[name]["columns"].split() if name in ROWS else []
    if name == "psmatch2" and command is not None:
        outcomes = NAME.findall(" ".join(arguments_of(command, "out")))
        names += [f"_{outcome}" for outcome in outcomes]
    return names


def _columns(names: Iterable[str]) -> list[str] | None:
    """Read names, of which some are patterns; None if one is neither."""
    columns = [
        LaterColumns.of_pattern(name) if {*name} & {*"*?#~"} else name for name in names
    ]
    are_read = all(isinstance(c, LaterColumns) or c.isidentifier() for c in columns)
    return columns if are_read else None


def _generated_columns(command: Command) -> list[str]:
    """List the columns in generate() or prefix(), or among the arguments."""
    if command.name == "spmat" and command.arguments[:3] != "lag":
        return []
    if command.name == "tabulate":
        stems = generated(command)
        if later := later_columns(stems):
            return [LaterColumns.of_pattern(f"{stem.pattern}*") for stem in later]
        return [f"{stem}{level}" for stem in stems for level in range(1, 400)]
    if command.name == "xi":
        return [
            LaterColumns.of_pattern(f"{''.join(arguments_of(command, 'p')) or '_I'}*")
        ]
    names = _created(" ".join(arguments_of(command, "g", "p", "trend")))
    if command.has("replace") or not names:
        names += _created(command.arguments.partition("=")[0])
    return names


def stored_columns(command: Command) -> list[str]:
    """List the columns that an estimation stores: residuals and effects."""
    residuals = [name or "_reghdfe_resid" for name in arguments_of(command, "res")]
    residuals += [name or "_ppmlhdfe_d" for o, name in command.options if o == "d"]
    return residuals + CREATED.findall(" ".join(arguments_of(command, "a")))


def locals_set(command: Command) -> list[str]:
    """List the locals that a command sets from the data or a file."""
    name, words = command.name, command.arguments.split()
    if name in ("unab", "tsunab", "fvunab", "gettoken"):
        return command.arguments.partition(":")[0].split()
    if name == "file" and words[:1] == ["read"]:
        return words[2:]
    return arguments_of(command, "l" if name == "levelsof" else "local")
