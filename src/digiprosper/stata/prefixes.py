"""The parts of a command: prefixes, variables, condition, weights, options."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from digiprosper.errors import StataError, cited
from digiprosper.stata.names import command_name, completed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WEIGHT = re.compile(r"\[\s*(?P<kind>[a-z]+)\s*=\s*(?P<value>.+?)\s*\]")
_OPTION = re.compile(r"\s*(?P<name>[^\W\d]\w*|\d+|\S)\s*")
_PLAIN = ("quietly", "noisily", "capture", "xi")
# Prefixes that need a colon, and what follows the name up to it.
_COLON = """
bysort by bootstrap bs permute eststo logout svy statsby rolling simulate jackknife xi
mi parmby
"""


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prefix with a colon, such as ``bysort id:`` or ``bootstrap r(x), reps(9):``."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command, split into the parts that most commands share."""

    text: str
    name: str
    arguments: str = ""
    condition: str | None = None
    rows: str | None = None
    weight: tuple[str, str] | None = None
    using: str | None = None
    # As typed, in order; the argument is None without parentheses.
    options: tuple[tuple[str, str | None], ...] = ()
    prefixes: tuple[Prefix, ...] = ()
    # The name under which eststo stores the result; empty if it chooses one.
    stored: str | None = None

    def prefix(self, *names: str) -> Prefix | None:
        """Find a prefix by name."""
        return next((p for p in self.prefixes if p.name in names), None)


@lru_cache(maxsize=4096)
def read_command(text: str) -> Command:
    """Split a command; macros are already replaced."""
    rest, prefixes, stored = text.strip(), list[Prefix](), None
    while True:
        word = re.match(r"[^\W\d]\w*", rest)
        name = command_name(word[0]) if word else ""
        after = rest[len(word[0]) :] if word else rest
        if name in _PLAIN and _rest_of(after) and not re.match(r"\s+i\.", after):
            rest = _rest_of(after)
            continue
        colon = _colon(after) if name in _COLON.split() else None
        if colon is None:
            break
        before, rest = after[:colon].strip(), after[colon + 1 :].strip()
        if name == "eststo":
            stored = before.partition(",")[0].strip()
        else:
            prefixes.append(Prefix(name, before))
    if not word:
        raise StataError.because(f"{cited(rest)} is no command")
    command = _parts(rest, name, after)
    return replace(command, text=text.strip(), prefixes=tuple(prefixes), stored=stored)


def _rest_of(text: str) -> str:
    return text.lstrip().removeprefix(":").strip()


def _colon(text: str) -> int | None:
    """Find the colon that ends a prefix, outside parentheses and quotation marks."""
    return next(
        (at for at, sign, depth in _signs(text) if sign == ":" and not depth), None
    )


def _signs(text: str) -> list[tuple[int, str, int]]:
    """List positions and signs outside quotation marks, with the depth of brackets."""
    out, depth, quoted = [], 0, False
    for at, sign in enumerate(text):
        if sign == '"':
            quoted = not quoted
        if quoted:
            out.append((at, "_", depth + 1))
            continue
        depth -= sign in ")]"
        out.append((at, sign, max(depth, 0)))
        depth += sign in "(["
    return out


def split(text: str, mark: str = " ") -> list[str]:
    """Split at a mark outside brackets and quotation marks, without empty parts."""
    parts, start = [], 0
    for at, sign, depth in _signs(text):
        if depth == 0 and (sign.isspace() if mark == " " else sign == mark):
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def _parts(rest: str, name: str, after: str) -> Command:
    comma = next((at for at, s, depth in _signs(after) if s == "," and not depth), None)
    main = after if comma is None else after[:comma]
    options = () if comma is None else read_options(after[comma + 1 :])
    pieces: dict[str, list[str]] = {"arguments": []}
    at, weight = "arguments", None
    for word in _words(main):
        match = _WEIGHT.fullmatch(word)
        if match and match["kind"][0] in "afpiw":
            weight = (match["kind"], match["value"])
        elif word in ("if", "in", "using"):
            at = word
            pieces.setdefault(at, [])
        else:
            pieces[at].append(word)
    joined = {key: " ".join(words) for key, words in pieces.items()}
    return Command(
        rest,
        name,
        joined["arguments"],
        joined.get("if"),
        joined.get("in"),
        weight,
        joined.get("using"),
        options,
    )


def _words(text: str) -> list[str]:
    """Split at blanks; ``if(x > 1)`` is two words, and a weight is a word."""
    words: list[str] = []
    for word in split(re.sub(r"(?<=[\w)])(\[\s*[afpi]?w\w*\s*=)", r" \1", text)):
        match = re.match(r"(if|in|using)(?=[(\"!~])", word)
        words += [match[1], word[len(match[1]) :]] if match else [word]
    return words


def read_options(text: str) -> tuple[tuple[str, str | None], ...]:
    """Read options and their arguments; blanks before a parenthesis are allowed."""
    out: list[tuple[str, str | None]] = []
    at = 0
    while at < len(text.rstrip()):
        match = _OPTION.match(text, at)
        assert match is not None
        at, argument = match.end(), None
        if text[at : at + 1] == "(":
            signs = _signs(text[at:])
            end = next((p for p, s, depth in signs[1:] if s == ")" and not depth), None)
            if end is None:
                raise StataError.because(
                    f"a parenthesis of the option {match['name']} is not closed"
                )
            argument = text[at + 1 : at + end].strip()
            at += end + 1
        out.append((match["name"], argument))
    return tuple(out)


@dataclass(frozen=True, slots=True)
class Options:
    """A table of options: what is translated, what changes no number, what is refused.

    Entries are written ``"a.bsorb"``: the part before the dot is enough. An option in
    none of them is refused.
    """

    mapped: str = ""
    harmless: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)

    def read(self, command: Command, repeated: Sequence[str] = ()) -> dict[str, str]:
        """Read the options of a command by full name; an option alone is empty.

        Those in `repeated` may be there several times; the last one is kept.
        """
        out: dict[str, str] = {}
        for word, argument in command.options:
            name = self.read_one(word)
            reason = _reason(word, self.refused)
            if name is not None:
                if name in out and name not in repeated:
                    raise StataError.because(f"the option {name}() is there twice")
                out[name] = argument or ""
            elif reason is not None:
                raise StataError.because(f"the option {word}: {reason}")
            elif completed(word, (_DISPLAY + self.harmless).split()) is None:
                raise StataError.because(
                    f"the option {cited(word)} of {command.name} is not known here"
                )
        return out

    def read_one(self, word: str) -> str | None:
        """Complete the name of a translated option."""
        return completed(word, self.mapped.split())


# Options of many commands that change what is printed only.
_DISPLAY = """
l.evel nolog nohe.ader noomit.ted nobase.levels base.levels allb.aselevels noempty.cells
vsq.uish cformat pformat sformat notab.le omit.ted ef.orm noci nopv.alues coefl.egend
"""


def _reason(word: str, refused: Mapping[str, str]) -> str | None:
    name = completed(word, refused)
    if name is None:
        return None
    return next(r for entry, r in refused.items() if entry.replace(".", "") == name)
