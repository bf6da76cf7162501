"""A command in its parts, and its name and options from abbreviations."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from digiprosper.errors import StataError, cited, packaged_rows

# What is raised for a command without counterpart: a reason, perhaps with advice.
refused: Callable[..., StataError] = StataError.because
# What is known of commands: a row each, typed at least to the dot. Its kinds tell what
# it may change: it prints (or draws, saves, sets), has results that become the last,
# keeps r(mean) as it was, estimates, makes columns, changes the data, sets macros, or
# has the path of a file. Of an alias the note is the command meant; of others it tells
# why it is not translated, or what differs from Stata. A translated command has the
# options that are read, those that change no number, the parts of a data command, and
# how it is written of a specification. Some commands make columns of their own.
# Functions of egen are rows too, with their code in pandas, and so are options, notes,
# words of options, and functions and results of expressions, after a word for what they
# are.
_LISTED = packaged_rows(__file__, "commands")
_SHORTENED = [row["command"] for row in _LISTED if "." in row["command"]]
ROWS = {row["command"].replace(".", ""): row for row in _LISTED}
# What names of stored results, which are not among the columns, begin with.
STORED = "_r_"


def notes_of(begin: str) -> dict[str, str]:
    """List the notes of rows whose names begin so."""
    return {
        row["command"].removeprefix(begin): row["note"]
        for row in _LISTED
        if row["command"].startswith(begin)
    }


# What may differ from Stata, or has no counterpart, by a word for it, and why options
# are refused where a command does not translate them.
NOTES, _REFUSED = notes_of("note "), notes_of("option ")


def of_kind(*kinds: str) -> dict[str, str]:
    """List the commands of some kinds, with the note, or reason of the first kind."""
    return {
        name: row["note"] or NOTES.get(row["kind"].split(" ")[0], "")
        for name, row in ROWS.items()
        if {*kinds} & {*row["kind"].split(" ")}
    }


# Commands that print, draw, save or set: they change no estimate.
PRINTING = of_kind("prints")
_ALIASES = of_kind("alias")


@cache
def command_name(word: str) -> str:
    """Complete the name of a command; an unknown one stays as it is."""
    return _ALIASES.get(word) or completed(word, _SHORTENED) or word


def completed(word: str, entries: Iterable[str]) -> str | None:
    """Find the name meant among entries such as ``"a.bsorb"``, typed to the dot."""
    for entry in entries:
        least, _, end = entry.partition(".")
        if word.startswith(least) and (least + end).startswith(word):
            return least + end
    return None


def matching(pattern: str, columns: Collection[str]) -> list[str]:
    """List the columns that fit a pattern with ``*``, ``~`` and ``?``."""
    return [name for name in columns if fnmatchcase(name, pattern.replace("~", "*"))]


# --- the parts of a command -----------------------------------------------------------

_WEIGHT = re.compile(r"\[\s*(?P<kind>[afpiw][a-z]*)\s*=\s*(?P<value>.+?)\s*\]")
_OPTION = re.compile(r"\s*(?P<name>[^\W\d]\w*|\d+|\S)\s*")
# Parts of a command by the words before them.
_PARTS = {"if": "condition", "in": "rows", "using": "using"}
CAPTURED = re.compile(r"(?:(?:qui|noi)\w*\s+)*cap")
_PLAIN = ("quietly", "noisily", "capture", "xi")
# Products of the prefix xi.
_XI = re.compile(r"\bi\.(\w+)\s*([*|])\s*(i\.)?(\w+)")
# Prefixes that need a colon: those that repeat a command for samples of rows, and those
# after which the data are as before.
REPEATING, RESTORING = of_kind("repeats"), of_kind("restores")
_COLON = of_kind("repeats", "restores", "prefix")


class Origin(NamedTuple):
    """The line where a statement starts, and its do-file if another one runs it."""

    file: str
    number: int

    def __str__(self) -> str:
        return f"line {self.number}" + (f" of {self.file}" if self.file else "")


# Of a command that no file has.
_TYPED = Origin("", 1)


@dataclass(frozen=True, slots=True)
class Command:
    """A command, split into the parts that most commands share."""

    text: str
    name: str
    arguments: str = ""
    condition: str | None = None
    rows: str | None = None
    using: str | None = None
    weight: tuple[str, str] | None = None
    # As typed, in order; the argument is empty without parentheses.
    options: tuple[tuple[str, str], ...] = ()
    # Texts of prefixes such as ``bysort id:`` or ``bootstrap r(x), reps(9):``, by name.
    prefixes: Mapping[str, str] = field(default_factory=dict)
    # The name under which eststo stores the result; empty if it chooses one.
    stored: str | None = None
    # Of an executed command, its line, and conditions of keep and drop before it.
    origin: Origin = _TYPED
    sample: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """The arguments, split at blanks outside brackets."""
        return split(self.arguments)

    @property
    def counts_rows(self) -> bool:
        """Whether the condition has the number of the row."""
        return re.search(r"\b_n\b", self.condition or "") is not None

    @property
    def by(self) -> str:
        """The text of ``by x:`` or ``bysort x (t):``; empty without either."""
        return self.prefixes.get("by") or self.prefixes.get("bysort", "")

    @property
    def restores(self) -> bool:
        """Whether the data are as before afterwards."""
        return not RESTORING.keys().isdisjoint(self.prefixes)

    def has(self, *options: str) -> bool:
        """Tell whether one of some options is typed in full."""
        return any(option in options for option, _ in self.options)


@lru_cache(maxsize=4096)
def read_command(text: str) -> Command:
    """Split a command; macros are already replaced."""
    unread = text.strip()
    prefixes = dict[str, str]()
    stored = None
    while True:
        word = re.match(r"[^\W\d]\w*", unread)
        if word is None:
            raise refused(f"{cited(unread)} is no command")
        name, after = command_name(word[0]), unread[word.end() :]
        inner = after.lstrip().removeprefix(":").strip()
        if name in _PLAIN and inner and not re.match(r"\s+i\.", after):
            unread = inner
            if name == "xi":
                unread = _XI.sub(_crossed, inner)
                prefixes[name] = ""
            continue
        colon = _find(after, ":") if name in _COLON else None
        if colon is None:
            break
        before, unread = after[:colon].strip(), after[colon + 1 :].strip()
        if name == "by" and re.search(r",\s*s", before):
            name = "bysort"
        if name == "eststo":
            stored = before.partition(",")[0].strip()
        else:
            prefixes.setdefault(name, before)
    parts = _split_parts(after)
    return Command(text.strip(), name, **parts, prefixes=prefixes, stored=stored)


def _crossed(match: re.Match[str]) -> str:
    """Write ``i.a*i.b``, ``i.a*x`` or ``i.a|x``, whose base has no slope, for Stata."""
    first, sign, category, second = match.groups()
    other = f"{category or 'c.'}{second}"
    return f"i.{first}##{other}" if sign == "*" else f"{other} i.{first}#{other}"


def _outside_brackets(text: str) -> Iterator[tuple[int, str]]:
    """List positions and signs outside brackets and quotation marks."""
    depth, quoted = 0, False
    for at, sign in enumerate(text):
        if sign == '"':
            quoted = not quoted
        elif not quoted:
            depth = max(depth - (sign in ")]"), 0)
            if depth == 0:
                yield at, sign
            depth += sign in "(["


def _find(text: str, mark: str) -> int | None:
    """Find a mark outside brackets and quotation marks."""
    return next((at for at, sign in _outside_brackets(text) if sign == mark), None)


def split(text: str, mark: str = " ") -> list[str]:
    """Split at a mark outside brackets and quotation marks, without empty parts."""
    signs = _outside_brackets(text)
    ends = [at for at, s in signs if s == mark or (mark == " " and s.isspace())]
    parts = (text[a + 1 : b].strip() for a, b in pairwise([-1, *ends, len(text)]))
    return [part for part in parts if part]


def _split_parts(text: str) -> dict[str, Any]:
    """Split what follows the name of a command into the other parts."""
    comma = _find(text, ",")
    main, options = text[:comma], "" if comma is None else text[comma + 1 :]
    # A weight is a word, and so is the `if` of `if(x > 1)`.
    main = re.sub(
        r"(?<=[\w)])(\[\s*[afpi]?w\w*\s*=)|(?<=\])((?:using|if|in)\b)", r" \1\2", main
    )
    part, parts = "arguments", dict[str, Any](options=read_options(options))
    for word in split(main):
        if match := _WEIGHT.fullmatch(word):
            parts["weight"] = match["kind"], match["value"]
            continue
        if keyword := re.match(r"(if|in|using)($|(?=[(\"!~]))", word):
            part, word = _PARTS[keyword[1]], word[keyword.end() :]
        parts[part] = f"{parts.get(part, '')} {word}".strip()
    return parts


def read_options(text: str) -> tuple[tuple[str, str], ...]:
    """Read options and their arguments; blanks before a parenthesis are allowed."""
    out: list[tuple[str, str]] = []
    at, text = 0, text.rstrip()
    while match := _OPTION.match(text, at):
        at, argument = match.end(), ""
        if text[at : at + 1] == "(":
            end = _find(text[at:], ")")
            if end is None:
                raise refused(
                    f"a parenthesis of the option {match['name']} is not closed"
                )
            argument = text[at + 1 : at + end].strip()
            at += end + 1
        out.append((match["name"], argument))
    return tuple(out)


# Options of many commands that change what is printed, or how a maximum is searched.
_HARMLESS = ROWS["*"]["ignored"].split()
# Options that may be there several times; the last one counts.
_REPEATED = ("gmmstyle", "ivstyle")


def option_name(word: str, command: str) -> str | None:
    """Complete the name of an option that is translated."""
    return completed(word, ROWS[command]["options"].split())


def translated_options(
    command: Command, table: str = "", ignored: Collection[str] = _HARMLESS
) -> dict[str, str]:
    """Read options by full name, empty if alone, perhaps those of another command.

    An option that is neither translated nor changes no number is refused.
    """
    table, out = table or command.name, dict[str, str]()
    harmless = [*ignored, *ROWS[table]["ignored"].split()]
    for word, argument in command.options:
        name = option_name(word, table)
        if name is not None:
            if name in out and name not in _REPEATED:
                raise refused(f"the option {name}() is there twice")
            out[name] = argument
        elif completed(word, harmless) is None:
            for entry, reason in _REFUSED.items():
                if completed(word, [entry]):
                    raise refused(f"the option {word}: {reason}")
            raise refused(
                f"the option {cited(word)} of {command.name} is not known here"
            )
    return out
