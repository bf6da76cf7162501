"""What a careful referee would ask about a do-file.

Precision matters more than recall: a question that is often wrong is not read.
Questions are notices; none is a warning. The data of each have `file`, too: the name of
a do-file that the one which is read runs, otherwise empty.

=========================== ============================================================
code                        data
=========================== ============================================================
no_errors                   line, command
untested_difference         line, lines (of all subsamples), conditions
weak_instruments_not_tested line, command
mediation_without_effects   line
pooled_matching             line, command
staggered_two_way           line, variables
log_of_count                line, variables (the counts)
missing_kept                line, variables
lag_by_row                  line, variables
winsorised_not_used         line, variables
searched                    line, command
=========================== ============================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

from digiprosper.errors import Notice, StataError, notice_of
from digiprosper.stata.commands.data import STATISTICS, winsor_suffix
from digiprosper.stata.expressions import Node, Printer, parse
from digiprosper.stata.prefixes import Command, Origin, of_kind, option_name, split
from digiprosper.stata.translation import ASSIGNMENT, ONE_SERIES

if TYPE_CHECKING:
    from digiprosper.stata.reader import Reader

# A code with its line and data.
_Asked: TypeAlias = tuple[str, Origin, dict[str, Any]]
# These print the Anderson-Rubin test with `first`.
_PRINT_TEST = of_kind("first")
_REGRESSIONS = of_kind("regression")
_INSTRUMENTED = [name for name in _REGRESSIONS if "iv" in name]
_COUNTS = re.compile(
    r"patent|count|freq|cite|citation|(?:^|_)(?:num|number)(?:_|$|\d)|专利|数量|次数|件数"
    r"|词频|篇数|频次",
    re.IGNORECASE,
)
_TREATMENT = re.compile(r"did|treat|post|policy|reform", re.IGNORECASE)
# At so many values two conditions are compared.
_MOST_POINTS = 10_000
_FUNCTION = re.compile(r"\b(?!inlist|inrange|mi)\w+\([^()]*\)")
_WORD = re.compile(r"[^\W\d]\w*")
# Statistics of egen that are missing nowhere if there is a value.
_OVER_ROWS = (*STATISTICS, "pctile")
_INEQUALITIES = (">", ">=", "<", "<=")


def findings(reader: Reader) -> tuple[Notice, ...]:
    """Judge a file by its executed commands; ask once a line, about all variables."""
    asked: dict[tuple[str, Origin], dict[str, Any]] = {}
    repairs = reader.repairs
    for code, line, data in _Judge(reader).asked():
        first = asked.setdefault((code, line), data)
        if "variables" in data:
            both = (*first["variables"], *data["variables"])
            first["variables"] = tuple(dict.fromkeys(both))
    in_order = sorted(asked.items(), key=lambda item: item[0][1])
    return tuple(question(*key, repairs.get(key, ""), **data) for key, data in in_order)


class _Judge:
    """Facts about a whole file, and the questions that follow from them."""

    def __init__(self, reader: Reader) -> None:
        context, self.treatments = reader.context, {**reader.staggered}
        self.commands = reader.executed
        self.entity, self.time = context.entity, context.time
        # The data tell which columns are never missing.
        self.complete = context.complete | (reader.columns - reader.incomplete)
        self.names = {command.name for command in self.commands}
        self.regressions = [
            command
            for command in self.commands
            if command.name in _REGRESSIONS and "permute" not in command.prefixes
        ]
        self.words = {w for c in self.regressions for w in c.words}
        self.assignments = list(_assignments(self.commands))
        self.origins: dict[str, set[str]] = {}
        for command, name, node in self.assignments:
            self.origins.setdefault(name, set()).update(node.names)
            if command.name == "egen" and node.value in _OVER_ROWS:
                self.complete.add(name)
        self._read_keys()
        self.effects = {w for command in self.regressions for w in _effects(command)}

    def _read_keys(self) -> None:
        """Read all keys; the panel is judged, also if a single series comes last."""
        for command in self.commands:
            if command.name in ("xtset", "tsset"):
                keys = command.words
                self.complete |= set(keys)
                if self.entity == ONE_SERIES and len(keys) > 1:
                    self.entity, self.time = keys[:2]
        if not self.time:  # The key of time often has this name.
            self.complete.add("year")
        # Texts that are encoded as the entity are entities too.
        self.entities = {self.entity} | {
            command.arguments.strip()
            for command in self.commands
            if command.name == "encode"
            and self.entity in dict(command.options).values()
        }

    def asked(self) -> Iterator[_Asked]:
        yield from self._errors_and_instruments()
        if not self._has("groups"):
            yield from self._differences()
        if not self._has("staggered"):
            yield from self._staggered()
        questions = {"sgmediation": self._mediation, "winsor2": self._winsorised}
        questions |= dict.fromkeys(of_kind("matches"), self._matching)
        searches = of_kind("searches")
        for command in self.commands:
            if question := questions.get(command.name):
                yield from question(command)
            if command.name in searches:
                yield "searched", command.origin, {"command": command.name}
        yield from self._logs()
        yield from self._missing()

    def _errors_and_instruments(self) -> Iterator[_Asked]:
        """Ask for errors that allow for clusters, and for tests of instruments."""
        for command in self.regressions:
            data = {"command": command.name}
            if self._has_effects(command) and not _chooses_errors(command):
                yield "no_errors", command.origin, data
            printed = command.name in _PRINT_TEST and command.has("first", "ffirst")
            if command.name in _INSTRUMENTED and not (self._has("weak") or printed):
                yield "weak_instruments_not_tested", command.origin, data

    def _has(self, kind: str) -> bool:
        return not self.names.isdisjoint(of_kind(kind))

    def _has_effects(self, command: Command) -> bool:
        dummies = {f"i.{name}" for name in self.entities}
        words = {*command.words}
        return bool(_effects(command) or dummies & words)

    # --- subsamples -------------------------------------------------------------------

    def _differences(self) -> Iterator[_Asked]:
        """Compare the samples of a model: groups of a variable, then dummies."""
        same: dict[tuple[str, ...], dict[tuple[Origin, tuple[str, ...]], None]] = {}
        for command in self.regressions:
            options = sorted(option for option, _ in command.options)
            model = (command.name, "".join(command.arguments.split()), *options)
            sample = tuple(filter(None, (*command.sample, command.condition)))
            same.setdefault(model, {})[command.origin, sample] = None
        for samples in map(list, same.values()):
            used: set[Origin] = set()
            for are_groups in (self._are_alternatives, _are_dummies):
                for at, (line, parts) in enumerate(samples):
                    others = [
                        (other, conditions)
                        for other, conditions in samples[at + 1 :]
                        if other not in (line, *used) and are_groups(parts, conditions)
                    ]
                    if others and line not in used and not self._interacted(parts[-1:]):
                        lines, conditions = zip((line, parts), *others, strict=True)
                        used |= {*lines}
                        _, numbers = zip(*lines, strict=True)
                        data = {"conditions": tuple(map(" & ".join, conditions))}
                        yield "untested_difference", line, {"lines": numbers, **data}

    def _are_alternatives(self, first: Sequence[str], second: Sequence[str]) -> bool:
        """Tell whether two samples are groups of one variable."""
        a, b = (
            _comparable(c for c in this if c not in other)
            for this, other in ((first, second), (second, first))
        )
        if a is None or b is None or {*a.names} != {*b.names}:
            return False
        truth = _truth_table(a, b)
        is_all = (False, False) not in truth
        # Both may have the rows of controls, as x == 1 | x == 0 and x != 1 | x == 0.
        is_apart = (True, True) not in truth or (is_all and a.value == b.value == "|")
        # Of periods only those before and after are groups.
        is_apart &= is_all or self.time not in a.names
        return is_apart and {(True, False), (False, True)} <= truth

    def _interacted(self, conditions: Sequence[str]) -> bool:
        """Tell whether a regression has a product with the variable of the groups."""
        node = _parsed(" & ".join(conditions))
        names = {*(node.names if node else _WORD.findall(" ".join(conditions)))}
        names |= {origin for n in names for origin in self.origins.get(n, ())}
        products = {
            name
            for _, name, node in self.assignments
            if (node.kind, node.value) == ("binary", "*") and names & {*node.names}
        }
        return any(
            word in products or ("#" in word and names & {*_WORD.findall(word)})
            for word in self.words
        )

    # --- single commands --------------------------------------------------------------

    def _mediation(self, command: Command) -> Iterator[_Asked]:
        controls = dict(command.options).get("cv", "")
        dummies = (f"i.{name}" for name in {*self.entities, *self.effects})
        baseline = any(self._has_effects(command) for command in self.regressions)
        if baseline and not any(dummy in controls for dummy in dummies):
            yield "mediation_without_effects", command.origin, {}

    def _matching(self, command: Command) -> Iterator[_Asked]:
        conditions = (part for part in command.sample if part[0] != "!")
        text = " ".join([*conditions, command.condition or ""])
        one_period = re.search(rf"\b(?:{self.time or 'year'}|year)\s*==", text)
        of_panels = any(c.name.startswith("xt") for c in self.regressions)
        if (self.entity or of_panels or len(self.effects) > 1) and not one_period:
            yield "pooled_matching", command.origin, {"command": command.name}

    def _winsorised(self, command: Command) -> Iterator[_Asked]:
        """Ask about variables that are estimated as they were, and never as cut."""
        options = {option_name(word, "winsor2"): text for word, text in command.options}
        suffix = winsor_suffix(options)
        later = self.commands[self.commands.index(command) + 1 :]
        used = {word for c in later for word in re.findall(r"[\w*]+", c.text)}
        regressions = [c for c in later if c.name in _REGRESSIONS]
        estimated = {word for c in regressions for word in c.words}
        names = tuple(
            name
            for name in command.words
            if name in estimated and not {name + suffix, f"*{suffix}"} & used
        )
        if names:
            yield "winsorised_not_used", command.origin, {"variables": names}

    def _staggered(self) -> Iterator[_Asked]:
        """Ask once: about treatments that data show, or dummies of time to an event."""
        treatments = self.treatments
        dummies = set[str]() if treatments else self._event_dummies()
        for command in self.regressions if dummies else ():
            words = {*command.words[1:]}
            treated = words & dummies or {*filter(_TREATMENT.search, words)}
            if treated and len(_effects(command)) > 1:
                treatments.setdefault(command.origin, tuple(sorted(treated)))
        for line, variables in [*treatments.items()][:1]:
            yield "staggered_two_way", line, {"variables": variables}

    def _event_dummies(self) -> set[str]:
        """List dummies of the time since an event that differs by entity."""
        clock = {self.time, *self.effects}
        relative = {
            name
            for _, name, node in self.assignments
            if any(_is_time_to_event(part, clock) for part in node.walk())
        }
        return {
            name
            for _, name, node in self.assignments
            if relative & {*node.names} and any(map(_has_negative, node.walk()))
        }

    # --- values -----------------------------------------------------------------------

    def _logs(self) -> Iterator[_Asked]:
        """Ask about logarithms of counts plus one, and lags by the row before."""
        has_gaps = self.entity and self.names.isdisjoint(("tsfill", "xtbalance"))
        for command, name, node in self.assignments:
            for part in node.walk():
                counts = tuple(filter(_COUNTS.search, part.names))
                if counts and _is_log_plus_one(part):
                    yield "log_of_count", command.origin, {"variables": counts}
            groups = split(command.by.partition("(")[0])
            if has_gaps and self.entity in groups and any(map(_is_before, node.walk())):
                yield "lag_by_row", command.origin, {"variables": (name,)}

    def _missing(self) -> Iterator[_Asked]:
        """Ask about conditions that are true where a variable is missing."""
        for line, node, excluded in self._conditions():
            guarded = {*_guarded(node), *excluded, *self.complete}
            if names := tuple(n for n in _unbounded(node) if n not in guarded):
                yield "missing_kept", line, {"variables": names}

    def _conditions(self) -> Iterator[tuple[Origin, Node | None, Sequence[str]]]:
        """List conditions by line, and variables that are not missing in them."""
        for command in self.regressions:
            names = _WORD.findall(command.arguments)
            yield command.origin, _parsed(command.condition), names
        repaired = {
            name
            for command, name, node in self.assignments
            if node.kind == "missing" and command.condition
        }
        for command, name, node in self.assignments:
            rows = _parsed(command.condition)
            if name in repaired:
                continue
            if node.kind == "binary" and node.value in (*_INEQUALITIES, "&"):
                yield command.origin, node, _guarded(rows)
            elif node.kind == "number":
                yield command.origin, rows, []


# --- facts ----------------------------------------------------------------------------


def _parsed(text: str | None) -> Node | None:
    with suppress(StataError):
        return parse(text or "")
    return None


def _comparable(conditions: Iterable[str]) -> Node | None:
    # Texts become numbers, and values of functions variables.
    text = " & ".join(f"({condition})" for condition in conditions)
    text = re.sub('"[^"]*"', lambda match: str(hash(match[0]) % 10**9), text)
    return _parsed(_FUNCTION.sub(lambda match: re.sub(r"\W", "_", match[0]), text))


def _chooses_errors(command: Command) -> bool:
    """Tell whether standard errors are chosen; pweight means robust ones."""
    weighted = command.weight is not None and command.weight[0].startswith("p")
    options = " ".join(option for option, _ in command.options)
    chosen = re.search(r"\b(vce|cl|r(?![ef])|dkr|bw)", options)
    return weighted or bool(chosen) or command.name == "xtscc"


def _assignments(
    commands: Iterable[Command],
) -> Iterator[tuple[Command, str, Node]]:
    """List what is generated or replaced, with the expression."""
    for command in commands:
        if command.name in ("generate", "replace", "egen"):
            match = ASSIGNMENT.fullmatch(command.arguments)
            node = _parsed(match["value"]) if match else None
            if match and node:
                yield command, match["name"], node


def _effects(command: Command) -> list[str]:
    """List absorbed effects, and categories among the variables."""
    effects = [
        word.removeprefix("i.")
        for option, argument in command.options
        if "absorb".startswith(option)
        for word in split(argument.partition(",")[0])
    ]
    effects += ["\N{NULL}entity"] * command.has("fe")
    words = command.words if effects else []
    return effects + [w[2:] for w in words if w.startswith("i.") and "#" not in w]


def _are_dummies(first: Sequence[str], second: Sequence[str]) -> bool:
    """Tell whether the last conditions are ``a == 1`` and ``b == 1``, as of regions."""
    # Columns that a matching makes are no groups.
    return first != second and all(
        re.fullmatch(r"\(?(?!_)[^\W\d]\w*\s*==\s*1\)?", "".join(c[-1:]).strip())
        for c in (first, second)
    )


def _truth_table(a: Node, b: Node) -> set[tuple[bool, bool]]:
    """List whether two conditions hold at the numbers in them, and beside these."""
    parts = (part for part in (*a.walk(), *b.walk()) if part.kind == "number")
    numbers = {part.value + step for part in parts for step in (-1, 0, 1)}
    if len(numbers) ** len(a.names) > _MOST_POINTS:
        return set()
    points = product(numbers or {0, 1}, repeat=len(a.names))
    with suppress(NameError, StataError, SyntaxError):
        tests = ", ".join(map(Printer(a.names).condition, (a, b)))
        # The code of a parsed tree has nothing but its names, numbers and operators.
        code = f"(({tests}) for {', '.join(a.names)}, in points)"
        return {*eval(code, {"points": points})}
    return set()


def _is_time_to_event(node: Node, clock: set[str | None]) -> bool:
    """Tell whether a node is a difference of two variables, one of them the time."""
    match node:
        case Node("binary", "-", (Node("name", a), Node("name", b))):
            return a in clock or b in clock
    return False


def _has_negative(node: Node) -> bool:
    return (
        node.kind == "binary"
        and node.value in ("==", *_INEQUALITIES)
        and any((n.kind, n.value) == ("unary", "-") for n in node.parts[1].walk())
    )


def _is_log_plus_one(node: Node) -> bool:
    """Tell whether a node is log1p(), or a logarithm of a sum with 1."""
    adds = (n.value == "+" and Node("number", 1.0) in n.parts for n in node.walk())
    is_log = node.value == "log1p" or (node.value == "log" and any(adds))
    return node.kind == "call" and is_log


def _is_before(node: Node) -> bool:
    match node:
        case Node("index", _, (Node("binary", "-", (Node("name", "_n"), _)),)):
            return True
    return False


def _unbounded(node: Node | None) -> list[str]:
    """List variables of ``x > c`` in the parts of a condition that & and | join."""
    match node:
        case Node("binary", "&" | "|", parts):
            return [name for part in parts for name in _unbounded(part)]
        case Node("binary", ">" | ">=", (Node("name", name), other)) | Node(
            "binary", "<" | "<=", (other, Node("name", name))
        ) if other.kind != "missing":
            return [name]
    return []


def _guarded(node: Node | None) -> list[str]:
    """List variables that a condition bounds from above or tests for missing values."""
    out: list[str] = []
    for part in node.walk() if node else ():
        match part:
            case Node("call", "missing" | "inrange"):
                out += part.names
            case (
                Node("binary", "<" | "<=", (Node("name", name), _))
                | Node("binary", ">" | ">=", (_, Node("name", name)))
                | Node("binary", "==" | "!=", (Node("name", name), Node("missing")))
            ):
                out.append(name)
    return out


def question(code: str, origin: Origin, repair: str = "", **data: Any) -> Notice:
    """Ask about a line and its variables; `repair` is the estimate that answers."""
    variables = data.get("variables", ())
    return notice_of(
        code,
        line=origin.number,
        file=origin.file,
        **data,
        _names=" or ".join(variables),
        _guards=" ".join(f"& {name} < ." for name in variables),
        _repair=f". {repair}" if repair else "",
    )
