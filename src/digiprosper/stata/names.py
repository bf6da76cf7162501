"""Abbreviations of commands, options and variables."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from digiprosper.errors import StataError, cited, did_you_mean

# What is known of commands: a row each, typed at least to the dot. Its kinds are what it
# may change: it prints (or draws, saves, sets), with results that become the last ones,
# or keeps r(mean) as it was; it estimates; it makes columns, or changes the data; it
# sets macros; or it has the path of a file. Of an alias the note is the command meant;
# of others it is the reason why it is not translated.
_TEXT = files("digiprosper.stata").joinpath("commands.csv").read_text(encoding="utf-8")
_ROWS = [*csv.reader(_TEXT.splitlines())]
_SHORTENED = [entry for entry, _, _ in _ROWS if "." in entry]
COMMANDS = {entry.replace(".", "") for entry, _, _ in _ROWS}
NO_ESTIMATOR = "digiprosper has no such estimator"
_REASONS = {
    "estimates": NO_ESTIMATOR,
    "makes": "it makes columns and is not translated",
    "changes": "it changes the data and is not translated",
}


def of_kind(*kinds: str) -> dict[str, str]:
    """List the commands of some kinds, each with its note or the reason of a kind."""
    return {
        entry.replace(".", ""): note or _REASONS.get(kinds_of.split(" ")[0], "")
        for entry, kinds_of, note in _ROWS
        if {*kinds} & {*kinds_of.split(" ")}
    }


# Commands that print, draw, save or set: they change no estimate.
PRINTING = of_kind("prints")
_ALIASES = of_kind("alias")


@cache
def command_name(word: str) -> str:
    """Complete the name of a command; an unknown one stays as it is."""
    return _ALIASES.get(word) or completed(word, _SHORTENED) or word


def completed(word: str, entries: Iterable[str]) -> str | None:
    """Find the option meant among entries such as ``"a.bsorb"``, typed to the dot."""
    for entry in entries:
        least, _, rest = entry.partition(".")
        if word.startswith(least) and (least + rest).startswith(word):
            return least + rest
    return None


def column_name(word: str, columns: Sequence[str] | None) -> str:
    """Find the column that a name or abbreviation means, or keep it without a list."""
    if columns is None or word in columns:
        return word
    begun = [name for name in columns if name.startswith(word)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        raise StataError.because(
            f"the name {cited(word)} is ambiguous: {', '.join(begun[:5])}"
        )
    raise StataError.because(
        f"there is no column {cited(word)}{did_you_mean(word, columns)}",
        "Check the name, or the panel that was passed.",
    )


def matching(pattern: str, columns: Collection[str]) -> list[str]:
    """List the columns that fit a pattern with ``*``, ``~`` and ``?``."""
    return [name for name in columns if fnmatchcase(name, pattern.replace("~", "*"))]
