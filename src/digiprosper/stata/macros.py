"""Macros: locals and globals, replaced in a line before it is parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import accumulate

from digiprosper.errors import StataError, cited
from digiprosper.kernels.tolerances import WHOLE_TURN
from digiprosper.stata.expressions import constant, number_text, parse, unquoted
from digiprosper.stata.prefixes import Origin, refused

# A local without another one inside, and a global.
_LOCAL = re.compile(r"(?<!\\)`(?!\")([^`']*)'")
_GLOBAL = re.compile(r"(?<!\\)\$(?:\{([^{}]*)\}|([^\W\d]\w*))")
_RESULT = re.compile(r"[rcse]\(|_b\[|_se\[")
# Results that an expression may have too.
_OF_SUMMARIZE = re.compile(r"r\((?:mean|sd|min|max|sum|N|p\d+)\)")
_MACRO = r"`[^']*'+|\$\{?\w+\}?"
_ASSIGNED = re.compile(
    rf"\s*(?P<name>(?:{_MACRO}|\w)+)\s*(?P<sign>[=:]?)(?P<value>.*)", re.DOTALL
)
_COUNTED = re.compile(r"\s*(\+\+|--)\s*(\w+)")
_NUMBER = r"(-?[\d.]+)"
_RANGE = re.compile(
    rf"{_NUMBER}\s+{_NUMBER}\s+(?:to|:)\s*{_NUMBER}"
    rf"|{_NUMBER}\s*(?:\(\s*{_NUMBER}\s*\)|[/:])\s*{_NUMBER}|{_NUMBER}|(\S+)"
)
_FOLDER = re.compile(r"(?:\$\w+|\$\{\w+\}|`\w+')(?=[/\\])|\$\{\w+\}(?=\w)")
# What names of tempvar and tempfile begin with.
TEMPORARY = "__"
_MOST_TURNS = 2_000


@dataclass(slots=True)
class Macros:
    """Values of macros: locals by name, globals with a dollar sign before it.

    Those known only when the file is run have a reason instead of a value; a part of
    their names may be ``*``.
    """

    values: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    # Lines that run another file, which may set globals, or locals and globals.
    elsewhere: dict[str, Origin] = field(default_factory=dict)
    # Macros that the last expanded text used and no line has defined.
    undefined: list[str] = field(default_factory=list)

    @classmethod
    def of_arguments(cls, text: str) -> Macros:
        """Make the locals 0, 1, 2, ... of a program or a do-file."""
        words = enumerate(words_of(text), 1)
        return cls({"0": text} | {str(at): word for at, word in words})

    def expand(self, text: str, *, has_path: bool = False) -> str:
        """Replace all macros in a text; an undefined one is empty.

        A folder that is not known stays in the path of a file as typed.
        """
        self.undefined = []
        if has_path:
            text = _FOLDER.sub(self._folder, text)
        return self._expanded(text)

    def _folder(self, match: re.Match[str]) -> str:
        """Replace a macro that begins a path, if its value is known."""
        try:
            folder = self._expanded(match[0])
        except StataError:
            folder = ""
        self.undefined = []
        return folder or f"\\{match[0]}"

    def _expanded(self, text: str) -> str:
        """Replace macros from the inside, and read signs that are escaped."""
        while match := _LOCAL.search(text):
            value = self._local_value(self._with_globals(match[1]))
            text = f"{text[: match.start()]}{value}{text[match.end() :]}"
        if re.search(r'(?<!\\)`(?!")', text):
            raise refused(f"a macro is not closed in {cited(text)}")
        return re.sub(r"\\([`$])", r"\1", self._with_globals(text))

    def _with_globals(self, text: str) -> str:
        return _GLOBAL.sub(lambda match: self._value(f"${match[1] or match[2]}"), text)

    def _local_value(self, inside: str) -> str:
        """Replace what is between the quotation marks of a local."""
        if inside.startswith("="):
            return _computed(inside[1:])
        if inside.startswith(":"):
            return self._function(inside[1:])
        if counted := _COUNTED.fullmatch(inside):
            return self._increment(*counted.groups())
        name = inside.strip()
        if _OF_SUMMARIZE.fullmatch(name):
            return name
        if _RESULT.match(name) and name not in self.values:
            raise refused(f"{cited(name)} is known only when the file is run")
        return self._value(name)

    def _value(self, name: str) -> str:
        """Look up a macro; its value may have macros too."""
        for pattern, reason in self.unknown.items():
            if fnmatchcase(name, pattern) and name.count("$") == pattern.count("$"):
                raise refused(reason)
        if name not in self.values:
            line = self.elsewhere.get("$" if name.startswith("$") else "")
            if line is not None:
                raise refused(
                    f"the macro {cited(name.removeprefix('$'))} is set by no line, "
                    f"perhaps by the do-file of {line}: pass macros={{...}}"
                )
            self.undefined.append(name)
        return self._expanded(self.values.get(name, ""))

    def _increment(self, sign: str, name: str) -> str:
        """Add one to a local, or subtract one."""
        value = float(self._value(name) or 0) + (1 if sign == "++" else -1)
        self.values[name] = _digits(value)
        return self.values[name]

    def assign(self, text: str, mark: str = "") -> None:
        """Execute what follows ``local`` or ``global``; a global's mark is a dollar."""
        if counted := _COUNTED.match(text):
            self._increment(*counted.groups())
            return
        match = _ASSIGNED.fullmatch(text)
        if match is None:
            raise refused(f"the macro {cited(text)} has no name")
        name = self.name_of(text, mark)
        kinds = {"=": _computed, ":": self._function, "": _plain}
        try:
            if "*" in name:
                raise refused("its name has a macro")
            # The old value may be part of the new one.
            value = kinds[match["sign"]](self._expanded(match["value"]))
            self.set(name, value)
        except StataError as error:
            # Of a chain of macros the first one is the cause.
            if error.reason in self.unknown.values():
                self.forget(name, error.reason)
            else:
                self.forget_until_run(name, error.reason)

    def name_of(self, text: str, mark: str) -> str:
        """Name the macro that ``local`` or ``global`` sets; any letters are a star."""
        match = _ASSIGNED.match(text.lstrip(" +-"))
        name = match["name"] if match else "*"
        try:
            return mark + self._expanded(name)
        except StataError:
            return mark + re.sub(_MACRO, "*", name)

    def set(self, name: str, value: str) -> None:
        """Give a macro a value."""
        self.forget(name)
        self.values[name] = value

    def forget(self, name: str, reason: str = "") -> None:
        """Remove a macro, perhaps with the reason why its value is not known."""
        self.unknown.pop(name, None)
        self.values.pop(name, None)
        if reason:
            self.unknown[name] = reason

    def drop(self, pattern: str) -> None:
        """Remove macros; the names of locals have an underscore before them."""
        for name in [*self.values]:
            written = f"_{name}".replace("_$", "")
            if pattern == "_all" or fnmatchcase(written, pattern):
                self.forget(name)

    def forget_until_run(self, name: str, why: str) -> None:
        """Remove a macro that has no value before the file is run."""
        shown = cited(name.removeprefix("$"))
        reason = f"the macro {shown} is known only when the file is run ({why})"
        self.forget(name, reason)

    def _function(self, text: str) -> str:
        """Compute a macro function of macros; others need data."""
        words = words_of(text)

        def items(name: str) -> list[str]:
            return self._value(name).split()

        match words:
            case ["word", "count", *listed]:
                return str(len(listed))
            case ["word", position, "of", *listed] if position.isdigit():
                return dict(enumerate(listed, 1)).get(int(position), "")
            case ["list", a, "-", b]:
                return " ".join(_without(items(a), items(b)))
            case ["list", a, "|", b]:
                return " ".join([*items(a), *_without(items(b), items(a))])
        raise refused(f"the macro function {cited(' '.join(words[:2]))}")

    # --- loops ------------------------------------------------------------------------

    def check_defined(self) -> None:
        """Raise an error if another file may define a macro of the last text."""
        if self.undefined_reason:
            raise refused(self.undefined_reason)

    @property
    def undefined_reason(self) -> str:
        """Why the last text has no meaning, if a macro in it has no value."""
        # A local is empty where no line defines it, unless it is an argument.
        others = [name for name in self.undefined if not name[:1].isalpha()]
        if not others:
            return ""
        shown = cited(others[0].removeprefix("$"))
        return (
            f"the macro {shown} is defined in no line before; if another file "
            "defines it, pass macros={...}"
        )

    def turns(self, header: str) -> list[str]:
        """Read the header of a loop: the value of its local in each turn."""
        self.undefined = []
        try:
            return self._turns(*header.partition(" ")[::2])
        finally:
            self.check_defined()

    def _turns(self, word: str, loop: str) -> list[str]:
        if word.startswith("forv"):
            return numbers(self._expanded(loop.partition("=")[2]), is_loop=True)
        kind, listed = (*loop.split(None, 2)[1:], "", "")[:2]
        if kind == "of":
            kind, _, listed = listed.partition(" ")
        text = self._expanded(listed.strip())
        match kind[:3]:
            case "in" | "any":
                return words_of(text)
            case "loc":
                return words_of(self._value(text))
            case "glo":
                return words_of(self._value(f"${text}"))
            case "num":
                return numbers(text)
            case "var" | "new":
                return text.split()
        raise refused(f"the loop {cited(f'{word} {loop}')} cannot be read")


def joined(of_locals: Macros, of_globals: Macros) -> Macros:
    """Take locals from one program, and globals from another."""

    def of(first: dict[str, str], second: dict[str, str]) -> dict[str, str]:
        globals_of = {name: text for name, text in second.items() if name[:1] == "$"}
        return {n: text for n, text in first.items() if n[:1] != "$"} | globals_of

    return replace(
        of_globals,
        values=of(of_locals.values, of_globals.values),
        unknown=of(of_locals.unknown, of_globals.unknown),
    )


def _without(words: list[str], others: list[str]) -> list[str]:
    """Remove each of others once."""
    for word in others:
        if word in words:
            words.remove(word)
    return words


def _plain(text: str) -> str:
    """Remove the quotation marks of a text; those of several stay."""
    is_one = re.fullmatch(r"\s*(\"[^\"]*\"?\s*|`\".*)", text, re.DOTALL)
    return unquoted(text) if is_one else text.strip()


def _computed(text: str) -> str:
    value = constant(parse(text))
    return value if isinstance(value, str) else _digits(value)


def _digits(value: float) -> str:
    """Print a number with 16 digits, without a zero before the point."""
    return re.sub(r"^(-?)0\.", r"\1.", number_text(float(f"{value:.16g}")))


def words_of(text: str) -> list[str]:
    """Split at blanks, but not inside quotation marks, which are removed."""
    pieces = re.findall(r"`\"(.*?)\"'|\"([^\"]*)\"|(\S+)", text)
    return ["".join(piece) for piece in pieces]


def numbers(text: str, *, is_loop: bool = False) -> list[str]:
    """List the numbers of ``1/5``, ``5(-1)1``, ``1 3 to 9`` or ``2000 2005/2010``."""
    out: list[str] = []
    for a, b, c, first, step, last, single, odd in _RANGE.findall(text):
        if odd:
            raise refused(f"the numbers {cited(text.strip())} cannot be read")
        if first and not step and float(last) < float(first):
            # A list falls, and a loop of forvalues has no turns.
            raise refused(f"the falling numbers {first}/{last} are not read")
        if a:
            out += _range(a, float(b) - float(a), c, is_loop=is_loop)
        elif single:
            out.append(single)
        else:
            out += _range(first, float(step or 1), last, is_loop=is_loop)
    return out


def _range(first: str, step: float, last: str, *, is_loop: bool) -> list[str]:
    turns = int((float(last) - float(first)) / step + WHOLE_TURN) + 1 if step else 0
    if turns > _MOST_TURNS:
        raise refused(
            f"a loop of {turns:,} turns is not read", "Simulations are run in Python."
        )
    values = [float(first) + step * turn for turn in range(max(turns, 0))]
    if is_loop and values:
        # A loop adds its step in each turn, and 1(.1)2 passes 2 by a rounding error.
        values = [*accumulate([values[0], *[step] * (turns - 1)])]
        values = [v for v in values if (v - float(last)) * step <= 0]
    return [*map(_digits, values)]
