"""The parts of a command: prefixes, variables, condition, weights, options."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from digiprosper.errors import StataError, cited
from digiprosper.stata.names import command_name, completed

_WEIGHT = re.compile(r"\[\s*(?P<kind>[afpiw][a-z]*)\s*=\s*(?P<value>.+?)\s*\]")
_OPTION = re.compile(r"\s*(?P<name>[^\W\d]\w*|\d+|\S)\s*")
_PLAIN = ("quietly", "noisily", "capture", "xi")
_BRACKET = re.compile(r"[()\[\]\"]")
# Products of the prefix xi.
_XI = re.compile(r"\bi\.(\w+)\s*([*|])\s*(i\.)?(\w+)")
# Prefixes that need a colon, and what follows the name up to it.
_COLON = """
bysort by bootstrap bs permute eststo logout svy statsby rolling simulate jackknife xi
mi parmby collect
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
    using: str | None = None
    weight: tuple[str, str] | None = None
    # As typed, in order; the argument is None without parentheses.
    options: tuple[tuple[str, str | None], ...] = ()
    prefixes: tuple[Prefix, ...] = ()
    # The name under which eststo stores the result; empty if it chooses one.
    stored: str | None = None

    @property
    def counts_rows(self) -> bool:
        """Whether the condition has the number of the row."""
        return re.search(r"\b_n\b", self.condition or "") is not None

    def has(self, *options: str) -> bool:
        """Tell whether one of some options is typed in full."""
        return any(option in options for option, _ in self.options)

    def prefix(self, *names: str) -> Prefix | None:
        """Find a prefix by name."""
        return next((p for p in self.prefixes if p.name in names), None)


@lru_cache(maxsize=4096)
def read_command(text: str) -> Command:
    """Split a command; macros are already replaced."""
    rest, prefixes, stored = text.strip(), list[Prefix](), None
    while True:
        word = re.match(r"[^\W\d]\w*", rest)
        if word is None:
            raise StataError.because(f"{cited(rest)} is no command")
        name, after = command_name(word[0]), rest[word.end() :]
        inner = after.lstrip().removeprefix(":").strip()
        if name in _PLAIN and inner and not re.match(r"\s+i\.", after):
            rest = inner
            if name == "xi":
                rest = _XI.sub(_crossed, inner)
                prefixes.append(Prefix(name, ""))
            continue
        colon = _find(after, ":") if name in _COLON.split() else None
        if colon is None:
            break
        before, rest = after[:colon].strip(), after[colon + 1 :].strip()
        if name == "by" and re.search(r",\s*s", before):
            name = "bysort"
        if name == "eststo":
            stored = before.partition(",")[0].strip()
        else:
            prefixes.append(Prefix(name, before))
    command = _split_parts(name, after)
    return replace(command, text=text.strip(), prefixes=tuple(prefixes), stored=stored)


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
    if not _BRACKET.search(text):  # most texts, split without a look at each sign
        parts = text.split() if mark == " " else text.split(mark)
        return [part.strip() for part in parts if part.strip()]
    parts, start = [], 0
    for at, sign in _outside_brackets(text):
        if sign.isspace() if mark == " " else sign == mark:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in (*parts, text[start:]) if part.strip()]


def _split_parts(name: str, text: str) -> Command:
    """Split what follows the name of a command."""
    comma = _find(text, ",")
    main, options = text[:comma], "" if comma is None else text[comma + 1 :]
    # A weight is a word, and so is the `if` of `if(x > 1)`.
    main = re.sub(
        r"(?<=[\w)])(\[\s*[afpi]?w\w*\s*=)|(?<=\])((?:using|if|in)\b)", r" \1\2", main
    )
    pieces: dict[str, list[str]] = {"arguments": []}
    part, weight = "arguments", None
    for word in split(main):
        match = _WEIGHT.fullmatch(word)
        keyword = re.match(r"(if|in|using)($|(?=[(\"!~]))", word)
        if match:
            weight = (match["kind"], match["value"])
            continue
        if keyword:
            part, word = keyword[1], word[keyword.end() :]
        pieces.setdefault(part, []).extend([word] if word else [])
    joined = {part: " ".join(words) for part, words in pieces.items()}
    return Command(
        text,
        name,
        joined["arguments"],
        joined.get("if"),
        joined.get("in"),
        joined.get("using"),
        weight,
        read_options(options),
    )


def read_options(text: str) -> tuple[tuple[str, str | None], ...]:
    """Read options and their arguments; blanks before a parenthesis are allowed."""
    out: list[tuple[str, str | None]] = []
    at, text = 0, text.rstrip()
    while match := _OPTION.match(text, at):
        at, argument = match.end(), None
        if text[at : at + 1] == "(":
            end = _find(text[at:], ")")
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
        """Read options by full name, empty if alone; the last of `repeated` counts."""
        out: dict[str, str] = {}
        for word, argument in command.options:
            name = self.read_one(word)
            reasons = [r for e, r in self.refused.items() if completed(word, [e])]
            if name is not None:
                if name in out and name not in repeated:
                    raise StataError.because(f"the option {name}() is there twice")
                out[name] = argument or ""
            elif reasons:
                raise StataError.because(f"the option {word}: {reasons[0]}")
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
# Other options of xtset only tell how time is shown.
XTSET = Options(
    "d.elta",
    "c.locktime d.aily w.eekly m.onthly q.uarterly h.alfyearly y.early g.eneric format",
)
