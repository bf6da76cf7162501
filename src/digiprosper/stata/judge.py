"""What a careful referee would ask about a do-file.

Precision matters more than recall: a question that is often wrong is not read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from digiprosper.errors import StataError
from digiprosper.stata import notices
from digiprosper.stata.expressions import Node, parse
from digiprosper.stata.prefixes import split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from digiprosper.errors import Notice
    from digiprosper.stata.reader import Event

_Parts: TypeAlias = tuple[str, ...]
# A line with the conditions of its sample.
_Samples: TypeAlias = list[tuple[int, _Parts]]
_INSTRUMENTED = ("ivreghdfe", "ivreg2", "ivregress", "xtivreg", "xtivreg2", "ivreg2h")
_REGRESSIONS = (
    *_INSTRUMENTED,
    "reghdfe",
    "regress",
    "xtreg",
    "areg",
    "xtscc",
    "ppmlhdfe",
)
_MATCHING = ("psmatch2", "teffects", "kmatch", "cem")
# They print the Anderson-Rubin test with `first`.
_PRINTS_TEST = ("ivreghdfe", "ivreg2", "xtivreg2", "ivreg2h")
_WEAK_TESTS = {
    "weakiv",
    "twostepweakiv",
    "condivreg",
    "rivtest",
    "weakivtest",
    "plausexog",
}
_GROUP_TESTS = {"bdiff", "suest", "chowtest", "permtest", "permutest"}
_STAGGERED = """
csdid did_imputation eventstudyinteract did_multiplegt did_multiplegt_dyn bacondecomp
jwdid sdid xthdidregress did2s stackedev
"""
_COUNTS = re.compile(
    r"patent|count|freq|cite|citation|(?:^|_)(?:num|number)(?:_|$|\d)|专利|数量|次数|件数"
    r"|词频|篇数|频次",
    re.IGNORECASE,
)
_TREATMENT = re.compile(r"did|treat|post|policy|reform", re.IGNORECASE)
# Statistics of egen that are missing nowhere if there is a value.
_OVER_ROWS = ("mean", "median", "sd", "total", "sum", "max", "min", "count", "pctile")
_LOGS = ("ln", "log", "log1p")
_LARGER = {">", ">="}
_SMALLER = {"<", "<="}


def findings(
    events: Sequence[Event],
    complete: Iterable[str],
    entity: str | None,
    time: str | None,
) -> tuple[Notice, ...]:
    """Judge a file by its executed commands, in the order of lines."""
    judge = _Judge(events, set(complete), entity, time)
    first: dict[tuple[str, int], Notice] = {}
    for notice in judge.notices():
        first.setdefault((notice.code, notice.data["line"]), notice)
    return tuple(sorted(first.values(), key=lambda n: int(n.data["line"])))


class _Judge:
    """Facts about a whole file, and the questions that follow from them."""

    def __init__(
        self,
        events: Sequence[Event],
        complete: set[str],
        entity: str | None,
        time: str | None,
    ) -> None:
        self.events, self.complete = events, complete
        self.entity, self.time = entity, time
        self.names = {event.command.name for event in events}
        self.regressions = list(filter(_is_regression, events))
        self.assignments = list(_assignments(events))
        self.origins: dict[str, set[str]] = {}
        for event, name, node in self.assignments:
            self.origins.setdefault(name, set()).update(node.names)
            if event.command.name == "egen" and node.value in _OVER_ROWS:
                self.complete.add(name)
        for event in events:
            if event.command.name in ("xtset", "tsset"):
                self.complete |= set(split(event.command.arguments))
        self.effects = {w for event in self.regressions for w in _effects(event)}
        self.entities = {entity, *_encoded_as(events, entity)}

    def notices(self) -> Iterator[Notice]:
        """Ask all questions."""
        for event in self.regressions:
            yield from self._errors(event)
            yield from self._instruments(event)
        yield from self._differences()
        yield from self._mediation()
        yield from self._matching()
        yield from self._staggered()
        yield from self._logs()
        yield from self._missing()
        yield from self._lags()

    def _errors(self, event: Event) -> Iterator[Notice]:
        options = [name for name, _ in event.command.options]
        chosen = any(
            (
                o.startswith(("vce", "cl", "r", "dkr", "bw"))
                and not o.startswith(("re", "rf"))
            )
            or o == "robust"
            for o in options
        )
        weighted = (
            event.command.weight is not None and event.command.weight[0][0] == "p"
        )
        if self._has_effects(event) and not chosen and not weighted:
            if event.command.name == "xtscc":
                return
            yield notices.no_errors(event.number, event.command.name)

    def _has_effects(self, event: Event) -> bool:
        name = event.command.name
        options = {o for o, _ in event.command.options}
        if name in ("xtreg", "xtivreg", "xtivreg2", "ivreg2h", "xtscc"):
            return "fe" in options
        if name == "regress":
            words = split(event.command.arguments)
            return any(w.startswith("i.") and w[2:] in self.entities for w in words)
        return bool(_effects(event))

    def _instruments(self, event: Event) -> Iterator[Notice]:
        if event.command.name not in _INSTRUMENTED or self.names & _WEAK_TESTS:
            return
        first = any(o in ("first", "ffirst") for o, _ in event.command.options)
        if first and event.command.name in _PRINTS_TEST:
            return
        yield notices.weak_instruments_not_tested(event.number, event.command.name)

    # --- subsamples -------------------------------------------------------------------

    def _differences(self) -> Iterator[Notice]:
        if self.names & _GROUP_TESTS:
            return
        same: dict[tuple[str, ...], _Samples] = {}
        for event in self.regressions:
            rows = (event.command.condition,) if event.command.condition else ()
            options = sorted(option for option, _ in event.command.options)
            model = (
                event.command.name,
                "".join(event.command.arguments.split()),
                *options,
            )
            pair = (event.number, (*event.sample, *rows))
            if pair not in same.setdefault(model, []):
                same[model].append(pair)
        for pairs in same.values():
            yield from self._compared(pairs)

    def _compared(self, pairs: _Samples) -> Iterator[Notice]:
        """Compare the samples of one model: groups of a variable, then dummies."""
        used: set[int] = set()
        for rule in (self._alternatives, _dummies):
            for at, pair in enumerate(pairs):
                rest = [p for p in pairs[at + 1 :] if p[0] not in (pair[0], *used)]
                others = rule(pair[1], rest)
                if not others or pair[0] in used:
                    continue
                if not self._interacted(" & ".join(pair[1][-1:])):
                    lines, conditions = zip(pair, *others, strict=True)
                    used |= set(lines)
                    yield notices.untested_difference(
                        lines, [" & ".join(parts) for parts in conditions]
                    )

    def _alternatives(self, condition: _Parts, rest: _Samples) -> _Samples:
        """List samples of other groups of the same variable."""
        return [p for p in rest if _alternative(condition, p[1], self.time)]

    def _interacted(self, condition: str) -> bool:
        """Tell whether a regression has a product with the variable of the groups."""
        names = _names(condition)
        names |= {origin for n in names for origin in self.origins.get(n, ())}
        for event in self.regressions:
            for word in split(event.command.arguments):
                if "#" in word and names & set(re.findall(r"[^\W\d]\w*", word)):
                    return True
        products = {
            name
            for _, name, node in self.assignments
            if node.kind == "binary" and node.value == "*" and names & set(node.names)
        }
        return any(
            products & set(split(event.command.arguments)) for event in self.regressions
        )

    # --- single commands --------------------------------------------------------------

    def _mediation(self) -> Iterator[Notice]:
        if not any(self._has_effects(e) for e in self.regressions):
            return
        for event in self.events:
            controls = dict(event.command.options).get("cv") or ""
            if event.command.name == "sgmediation" and not any(
                f"i.{name}" in controls
                for name in (*self.entities, *self.effects)
                if name
            ):
                yield notices.mediation_without_effects(event.number)

    def _matching(self) -> Iterator[Notice]:
        if self.entity is None and len(self.effects) < 2:
            return
        for event in self.events:
            if event.command.name not in _MATCHING:
                continue
            kept = [part for part in event.sample if not part.startswith("!")]
            text = " ".join([*kept, event.command.condition or ""])
            if re.search(rf"\b(?:{self.time or 'year'}|year)\s*==", text):
                continue
            yield notices.pooled_matching(event.number, event.command.name)

    def _staggered(self) -> Iterator[Notice]:
        if self.names & set(_STAGGERED.split()):
            return
        dummies = self._event_dummies()
        for event in self.regressions:
            words = set(split(event.command.arguments)[1:])
            treated = words & dummies or set(filter(_TREATMENT.search, words))
            if dummies and treated and len(_effects(event)) >= 2:
                yield notices.staggered_two_way(event.number, min(treated))
                return

    def _event_dummies(self) -> set[str]:
        """List dummies of the time since an event that differs by entity."""
        clock = {self.time, *self.effects}
        relative = {
            name
            for _, name, node in self.assignments
            if any(_difference_of(part, clock) for part in node.walk())
        }
        return {
            name
            for _, name, node in self.assignments
            if relative & set(node.names) and _has_negative(node)
        }

    def _logs(self) -> Iterator[Notice]:
        for event, name, node in self.assignments:
            for part in node.walk():
                if part.kind == "call" and part.value in _LOGS and part.parts:
                    inside = part.parts[0]
                    counts = [n for n in inside.names if _COUNTS.search(n)]
                    if counts and (part.value == "log1p" or _plus_one(inside)):
                        yield notices.log_of_count(event.number, name, counts[0])

    def _missing(self) -> Iterator[Notice]:
        for event in self.events:
            condition = event.command.condition
            name = event.command.name
            if name in _REGRESSIONS and condition:
                inside = set(re.findall(r"[^\W\d]\w*", event.command.arguments))
                yield from self._open(event, _tree(condition), inside)
        for event, name, node in self.assignments:
            rows = _tree(event.command.condition or "")
            if _repaired(self.assignments, name):
                continue
            guards = set(_guarded(rows)) if rows else set()
            if node.kind == "binary" and node.value in (*_LARGER, *_SMALLER, "&"):
                yield from self._open(event, node, guards)
            elif rows is not None and node.kind == "number":
                yield from self._open(event, rows, set())

    def _open(
        self, event: Event, node: Node | None, excluded: set[str]
    ) -> Iterator[Notice]:
        """List variables that a condition bounds from below only."""
        if node is None:
            return
        guarded = set(_guarded(node)) | excluded | self.complete
        for name in _unbounded(node):
            if name not in guarded:
                yield notices.missing_kept(event.number, name)
                return

    def _lags(self) -> Iterator[Notice]:
        if self.names & {"tsfill", "xtbalance"}:
            return
        for event, name, node in self.assignments:
            by = event.command.prefix("by", "bysort")
            index = [n for n in node.walk() if n.kind == "index"]
            if by is None or not index or self.entity is None:
                continue
            if set(split(by.text.partition("(")[0])) & {self.entity} and any(
                _is_earlier(n) for n in index
            ):
                yield notices.lag_by_row(event.number, name)


def _is_regression(event: Event) -> bool:
    permuted = event.command.prefix("permute") is not None
    return event.command.name in _REGRESSIONS and not permuted


def _encoded_as(events: Iterable[Event], name: str | None) -> Iterator[str]:
    """List texts that are encoded as a variable."""
    for event in events:
        arguments = {argument for _, argument in event.command.options}
        if event.command.name == "encode" and name in arguments:
            yield event.command.arguments.strip()


# --- facts ----------------------------------------------------------------------------


def _tree(text: str) -> Node | None:
    try:
        return parse(text) if text.strip() else None
    except StataError:
        return None


def _names(text: str) -> set[str]:
    node = _tree(text)
    return set(node.names) if node else set(re.findall(r"[^\W\d]\w*", text))


def _assignments(events: Iterable[Event]) -> Iterator[tuple[Event, str, Node]]:
    """List what is generated or replaced, with the expression."""
    for event in events:
        if event.command.name not in ("generate", "replace", "egen", "clonevar"):
            continue
        match = re.fullmatch(
            r"(?:(?:byte|int|long|float|double|str\w*)\s+)?([^\W\d]\w*)(?::\w+)?\s*=(?!=)(.+)",
            event.command.arguments.strip(),
            re.DOTALL,
        )
        node = _tree(match[2]) if match else None
        if match and node:
            yield event, match[1], node


def _effects(event: Event) -> list[str]:
    """List absorbed effects, and categories among the variables."""
    out = []
    for option, argument in event.command.options:
        if argument and option.startswith("a") and "absorb".startswith(option):
            out += [w.removeprefix("i.") for w in split(argument.partition(",")[0])]
    if "fe" in {o for o, _ in event.command.options}:
        out.append("\N{NULL}entity")
    if out:
        words = split(event.command.arguments)
        out += [w[2:] for w in words if w.startswith("i.") and "#" not in w]
    return out


def _alternative(
    first: tuple[str, ...], second: tuple[str, ...], time: str | None
) -> bool:
    """Tell whether two conditions are alternatives: groups of one variable."""
    a, b = (
        _tree(" & ".join(c for c in this if c not in other))
        for this, other in ((first, second), (second, first))
    )
    if a is None or b is None:
        return False
    if set(a.names) != set(b.names):
        return False
    if len(a.names) > 2 or (len(a.names) == 2 and not (_simple(a) and _simple(b))):
        return _signs(a) != _signs(b)
    return _disjoint(a, b, time)


def _dummies(condition: _Parts, rest: _Samples) -> _Samples:
    """List samples of other dummies that are one, such as regions."""
    return [pair for pair in rest if _is_dummy(condition) and _is_dummy(pair[1])]


def _is_dummy(conditions: tuple[str, ...]) -> bool:
    """Tell whether the last condition is ``name == 1``."""
    node = _tree(conditions[-1]) if conditions else None
    return (
        node is not None
        and node.kind == "binary"
        and node.value == "=="
        and node.parts[0].kind == "name"
        and node.parts[1] == Node("number", 1.0)
    )


def _simple(node: Node) -> bool:
    return node.kind == "binary" and node.value not in "&|"


def _signs(node: Node) -> list[str]:
    return [n.value for n in node.walk() if n.kind == "binary"]


def _disjoint(a: Node, b: Node, time: str | None) -> bool:
    """Tell whether ``x == 1`` and ``x == 2``, or ``x > c`` and ``x <= c``, exclude."""
    if not (_simple(a) and _simple(b)) or a.parts[0] != b.parts[0]:
        return False
    signs = {a.value, b.value}
    same = a.parts[1] == b.parts[1]
    if signs == {"=="}:
        return not same and a.parts[0].value != time
    if same and signs == {"==", "!="}:
        return True
    return bool(signs & _LARGER) and bool(signs & _SMALLER) and same


def _difference_of(node: Node, clock: set[str | None]) -> bool:
    """Tell whether a node is a difference of two variables, one of them the time."""
    if node.kind != "binary" or node.value != "-":
        return False
    names = [part.value for part in node.parts if part.kind == "name"]
    return len(names) == 2 and bool(set(names) & clock)


def _has_negative(node: Node) -> bool:
    return any(
        n.kind == "binary"
        and n.value in ("==", ">=", "<=", "<", ">")
        and any(p.kind == "unary" and p.value == "-" for p in n.parts[1].walk())
        for n in node.walk()
    )


def _plus_one(node: Node) -> bool:
    return any(
        n.kind == "binary" and n.value == "+" and Node("number", 1.0) in n.parts
        for n in node.walk()
    )


def _unbounded(node: Node) -> list[str]:
    """List variables of ``x > c`` in the parts of a condition that & and | join."""
    if node.kind == "binary" and node.value in "&|":
        return [name for part in node.parts for name in _unbounded(part)]
    if node.kind == "binary" and node.value in (*_LARGER, *_SMALLER):
        larger = node.parts[0 if node.value in _LARGER else 1]
        other = node.parts[1 if node.value in _LARGER else 0]
        if larger.kind == "name" and other.kind != "missing":
            return [larger.value]
    return []


def _guarded(node: Node) -> list[str]:
    """List variables that a condition bounds from above or tests for missing values."""
    out: list[str] = []
    for part in node.walk():
        if part.kind == "call" and part.value in ("missing", "mi", "inrange"):
            out += part.names
        if part.kind == "binary" and part.value in (*_LARGER, *_SMALLER, "!=", "=="):
            smaller = part.parts[1 if part.value in _LARGER else 0]
            other = part.parts[0 if part.value in _LARGER else 1]
            equal = part.value in ("!=", "==")
            if smaller.kind == "name" and (not equal or other.kind == "missing"):
                out.append(smaller.value)
    return out


def _repaired(assignments: Sequence[tuple[Event, str, Node]], name: str) -> bool:
    """Tell whether a variable is set to missing where its source is."""
    return any(
        other == name and node.kind == "missing" and event.command.condition
        for event, other, node in assignments
    )


def _is_earlier(node: Node) -> bool:
    inside = node.parts[0]
    return (
        inside.kind == "binary"
        and inside.value == "-"
        and inside.parts[0] == Node("name", "_n")
    )
