"""Macros: locals and globals, replaced in a line before it is parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from digiprosper.errors import StataError, cited
from digiprosper.kernels.tolerances import WHOLE_TURN
from digiprosper.stata.expressions import constant, number_text, parse, unquoted

_GLOBAL = re.compile(r"\$(?:\{(?P<braced>[^{}]*)\}|(?P<bare>[^\W\d]\w*))")
_RESULT = re.compile(r"[rcse]\(|_b\[|_se\[")
_ASSIGNED = re.compile(r"\s*(?P<name>\w+)\s*(?P<sign>[=:]?)(?P<value>.*)", re.DOTALL)
_COUNTED = re.compile(r"\s*(\+\+|--)\s*(\w+)")
_RANGE = re.compile(
    r"(?P<first>-?[\d.]+)(?:\s*\(\s*(?P<step>-?[\d.]+)\s*\)\s*|\s*(?:/|:)\s*)"
    r"(?P<last>-?[\d.]+)"
)
_SECOND = re.compile(
    r"(?P<first>-?[\d.]+)\s+(?P<second>-?[\d.]+)\s+(?:to|:)\s*(?P<last>-?[\d.]+)"
)
_MOST_TURNS = 2_000


@dataclass(slots=True)
class Macros:
    """Values of macros; those known only when the file is run have a reason instead."""

    local_values: dict[str, str] = field(default_factory=dict)
    global_values: dict[str, str] = field(default_factory=dict)
    # Locals by name, and globals with a dollar sign before it.
    unknown: dict[str, str] = field(default_factory=dict)
    # Macros that the last expanded text used and no line has defined.
    undefined: list[str] = field(default_factory=list)

    def expand(self, text: str) -> str:
        """Replace all macros in a text; an undefined one is empty."""
        self.undefined = []
        return self._expanded(text)

    def _expanded(self, text: str) -> str:
        if "`" not in text and "$" not in text:
            return text
        out, at = [], 0
        while at < len(text):
            sign = text[at]
            if sign == "\\" and text[at + 1 : at + 2] in ("`", "$"):
                out.append(text[at + 1])
                at += 2
            elif sign == "`" and text[at + 1 : at + 2] != '"':
                end = _closing(text, at)
                out.append(self._local(self._expanded(text[at + 1 : end])))
                at = end + 1
            elif sign == "$" and (match := _GLOBAL.match(text, at)):
                name = match["bare"] or self._expanded(match["braced"]).strip()
                out.append(self._global(name))
                at = match.end()
            else:
                out.append(sign)
                at += 1
        return "".join(out)

    def _local(self, inside: str) -> str:
        if inside.startswith("="):
            return _text(constant(parse(inside[1:])))
        if inside.startswith(":"):
            return self._extended(inside[1:])
        counted = _COUNTED.fullmatch(inside)
        if counted:
            self.count(counted[1], counted[2])
            return self.local_values[counted[2]]
        name = inside.strip()
        if _RESULT.match(name):
            raise StataError.because(
                f"{cited(name)} is known only when the file is run"
            )
        if name in self.unknown:
            raise StataError.because(self.unknown[name])
        if name not in self.local_values:
            self.undefined.append(name)
        return self._expanded(self.local_values.get(name, ""))

    def _global(self, name: str) -> str:
        if f"${name}" in self.unknown:
            raise StataError.because(self.unknown[f"${name}"])
        if name not in self.global_values:
            self.undefined.append(name)
        return self._expanded(self.global_values.get(name, ""))

    def count(self, sign: str, name: str) -> None:
        """Add one to a local, or subtract one."""
        if name in self.unknown:
            raise StataError.because(self.unknown[name])
        value = float(self.local_values.get(name) or 0) + (1 if sign == "++" else -1)
        self.local_values[name] = number_text(value)

    def assign(self, text: str, *, is_global: bool = False) -> None:
        """Execute what follows ``local`` or ``global``."""
        counted = _COUNTED.match(text)
        if counted:
            self.count(counted[1], counted[2])
            return
        match = _ASSIGNED.fullmatch(text)
        if match is None:
            raise StataError.because(f"the macro {cited(text)} has no name")
        name = match["name"]
        self.forget(name, is_global=is_global)
        try:
            value = self._value(match["sign"], match["value"])
        except StataError as error:
            mark = f"${name}" if is_global else name
            self.unknown[mark] = (
                f"the macro {cited(name)} is known only when the file is run "
                f"({error.reason})"
            )
            return
        (self.global_values if is_global else self.local_values)[name] = value

    def forget(self, name: str, *, is_global: bool = False) -> None:
        """Remove a macro, with the reason why its value is unknown."""
        self.unknown.pop(f"${name}" if is_global else name, None)
        (self.global_values if is_global else self.local_values).pop(name, None)

    def _value(self, sign: str, text: str) -> str:
        text = self._expanded(text) if sign else text
        if sign == "=":
            return _text(constant(parse(text)))
        if sign == ":":
            return self._extended(text)
        return unquoted(self._expanded(text))

    def _extended(self, text: str) -> str:
        """Compute an extended macro function of macros; others need data."""
        words = text.split()
        if words[:2] == ["word", "count"]:
            return str(len(text.split("count", 1)[1].split()))
        if words[:1] == ["word"] and words[2:3] == ["of"] and words[1].isdigit():
            rest = text.split(" of ", 1)[1].split()
            at = int(words[1]) - 1
            return rest[at] if 0 <= at < len(rest) else ""
        if words[:1] == ["list"]:
            return self._of_lists(words[1:])
        if words[:1] == ["subinstr"] and len(words) > 2:
            return self._replaced(text)
        raise StataError.because(f"the macro function {cited(' '.join(words[:2]))}")

    def _of_lists(self, words: list[str]) -> str:
        def items(name: str) -> list[str]:
            return self._local(name).split()

        match words:
            case [a, "-", b]:
                return " ".join([w for w in items(a) if w not in items(b)])
            case [a, "|", b]:
                first = items(a)
                return " ".join([*first, *(w for w in items(b) if w not in first)])
            case [a, "&", b]:
                return " ".join([w for w in items(a) if w in items(b)])
            case ["uniq", a]:
                return " ".join(dict.fromkeys(items(a)))
            case ["sizeof", a]:
                return str(len(items(a)))
        raise StataError.because(f"the list function {cited(' '.join(words))}")

    def _replaced(self, text: str) -> str:
        match = re.match(
            r'\s*subinstr\s+(local|global)\s+(\w+)\s+"([^"]*)"\s+"([^"]*)"\s*(,.*)?',
            text,
        )
        if match is None:
            raise StataError.because(f"the macro function {cited(text.strip())}")
        name = match[2]
        value = self._local(name) if match[1] == "local" else self._global(name)
        limit = -1 if "all" in (match[5] or "") else 1
        return value.replace(match[3], match[4], limit)

    # --- loops ------------------------------------------------------------------------

    def turns(self, header: str) -> tuple[str, list[str]]:
        """Read the header of a loop: the local's name and its value in each turn."""
        word, _, rest = header.partition(" ")
        rest = rest.strip()
        name, _, after = rest.partition(" ")
        if word.startswith("forv"):
            name, _, values = rest.partition("=")
            return name.strip(), numbers(self._expanded(values))
        kind, _, values = after.strip().partition(" ")
        if kind == "in":
            return name, _words(self._expanded(values))
        if kind == "of":
            return name, self._of(*values.strip().partition(" ")[::2])
        raise StataError.because(f"the loop {cited(header)} cannot be read")

    def _of(self, kind: str, text: str) -> list[str]:
        text = text.strip()
        if kind.startswith("loc"):
            return _words(self._local(self._expanded(text)))
        if kind.startswith("glo"):
            name = self._expanded(text)
            values = self._global(name)
            if name in self.undefined:
                raise StataError.because(
                    f"the global {cited(name)} of the loop is defined in no line before"
                )
            return _words(values)
        if kind.startswith("num"):
            return numbers(self._expanded(text))
        if kind.startswith(("var", "new")):
            return self._expanded(text).split()
        raise StataError.because(f"the loop over {cited(kind)} cannot be read")


def _closing(text: str, at: int) -> int:
    """Find the quotation mark that closes the macro at a position."""
    depth = 0
    for position in range(at, len(text)):
        depth += (text[position] == "`") - (text[position] == "'")
        if depth == 0:
            return position
    raise StataError.because(f"a macro is not closed in {cited(text)}")


def _text(value: float | str) -> str:
    return value if isinstance(value, str) else number_text(value)


def _words(text: str) -> list[str]:
    """Split at blanks, but not inside quotation marks, which are removed."""
    pieces = re.findall(r"`\"(.*?)\"'|\"([^\"]*)\"|(\S+)", text)
    return ["".join(piece) for piece in pieces]


def numbers(text: str) -> list[str]:
    """List the numbers of ``1/5``, ``5(-1)1``, ``1 3 to 9`` or ``2000 2005/2010``."""
    second = _SECOND.fullmatch(text.strip())
    if second:
        step = float(second["second"]) - float(second["first"])
        return _counted(second["first"], str(step), second["last"])
    out: list[str] = []
    for match in re.finditer(
        rf"{_RANGE.pattern}|(?P<single>-?[\d.]+)|(?P<odd>\S+)", text
    ):
        if match["odd"]:
            raise StataError.because(
                f"the numbers {cited(text.strip())} cannot be read"
            )
        if match["single"]:
            out.append(match["single"])
        else:
            out += _counted(match["first"], match["step"] or "1", match["last"])
    return out


def _counted(first: str, step: str, last: str) -> list[str]:
    start, change, end = float(first), float(step), float(last)
    turns = int((end - start) / change + WHOLE_TURN) + 1 if change else 0
    if turns > _MOST_TURNS:
        raise StataError.because(
            f"a loop of {turns:,} turns is not read", "Simulations are run in Python."
        )
    return [number_text(start + change * turn) for turn in range(max(turns, 0))]
