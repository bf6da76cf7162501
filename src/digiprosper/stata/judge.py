"""What a careful referee would ask about a do-file.

Precision matters more than recall: a question that is often wrong is not read.
Questions are notices; none is a warning.

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
=========================== ============================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from digiprosper.errors import Notice, StataError
from digiprosper.stata.commands.data import COMMANDS, winsor_suffix
from digiprosper.stata.commands.steps import ASSIGNMENT
from digiprosper.stata.expressions import Node, parse
from digiprosper.stata.prefixes import Command, split
from digiprosper.stata.report import Event
from digiprosper.stata.translation import ONE_SERIES

# A code with its line and data.
_Asked: TypeAlias = tuple[str, int, dict[str, Any]]
# A line with the conditions of its sample.
_Sample: TypeAlias = tuple[int, tuple[str, ...]]
# These print the Anderson-Rubin test with `first`.
_PRINT_TEST = ("ivreghdfe", "ivreg2", "xtivreg2", "ivreg2h")
_INSTRUMENTED = (*_PRINT_TEST, "ivregress", "xtivreg")
_OTHERS = ("reghdfe", "regress", "xtreg", "areg", "xtscc", "ppmlhdfe")
_REGRESSIONS = (*_INSTRUMENTED, *_OTHERS)
_WITH_FE = ("xtreg", "xtivreg", "xtivreg2", "ivreg2h", "xtscc")
_MATCHING = ("psmatch2", "teffects", "kmatch", "cem")
_WEAK_TESTS = "weakiv twostepweakiv condivreg rivtest weakivtest plausexog"
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
_WORD = re.compile(r"[^\W\d]\w*")
# Statistics of egen that are missing nowhere if there is a value.
_OVER_ROWS = ("mean", "median", "sd", "total", "sum", "max", "min", "count", "pctile")
_LARGER = {">", ">="}
_SMALLER = {"<", "<="}
_QUESTIONS = {
    "no_errors": (
        "standard errors of a model with fixed effects are neither clustered nor "
        "robust: errors of an entity are usually correlated over time"
    ),
    "untested_difference": (
        "the same model in several subsamples, without a test that the slopes differ: "
        "by_group(spec, panel, group)"
    ),
    "weak_instruments_not_tested": (
        "an instrument without a test or set that is right if it is weak: "
        "anderson_rubin() of the results"
    ),
    "mediation_without_effects": (
        "the mediation has no fixed effects, the baseline has: c = c' + ab does not "
        "hold between two models"
    ),
    "pooled_matching": (
        "rows of all periods are matched, so that a row may be matched with another "
        "period of the same entity: match_entities()"
    ),
    "staggered_two_way": (
        "a policy that starts at different times, with two-way effects: effects that "
        "differ by cohort may have wrong signs; StaggeredDid"
    ),
    "log_of_count": (
        "log(x + 1) of the count {names}: the slope depends on the unit; that of a "
        "Poisson model does not"
    ),
    "missing_kept": (
        "a missing {names} is larger than any number, so that the condition is true "
        "for it: add {guards}"
    ),
    "lag_by_row": (
        "the row before is not the period before where a period is absent: L.x, here "
        "lag(x)"
    ),
    "winsorised_not_used": (
        "{listed}: winsorised in a new variable that no later line uses, and estimated "
        "with extreme values: use the new one, or winsor2 with replace"
    ),
}


def findings(
    events: Sequence[Event],
    complete: Iterable[str],
    entity: str | None,
    time: str | None,
    repairs: Mapping[tuple[str, int], str],
    staggered: Mapping[int, tuple[str, ...]],
) -> tuple[Notice, ...]:
    """Judge a file by its executed commands; ask once a line, about all variables.

    Of a file that ran, `repairs` has estimates by code and line, and `staggered` the
    treatments by line that start in different periods.
    """
    asked: dict[tuple[str, int], dict[str, Any]] = {}
    judge = _Judge(events, set(complete), entity, time)
    for code, line, data in judge.asked(staggered):
        first = asked.setdefault((code, line), data)
        if "variables" in data:
            both = (*first["variables"], *data["variables"])
            first["variables"] = tuple(dict.fromkeys(both))
    in_order = sorted(asked.items(), key=lambda item: item[0][1])
    return tuple(question(*key, repairs.get(key, ""), **data) for key, data in in_order)


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
        self.regressions = [
            event
            for event in events
            if event.command.name in _REGRESSIONS
            and not event.command.prefix("permute")
        ]
        # Each word once, in the order of the file.
        self.regressors = dict.fromkeys(
            w for e in self.regressions for w in split(e.command.arguments)
        )
        self.assignments = list(_assignments(events))
        self.origins: dict[str, set[str]] = {}
        for event, name, node in self.assignments:
            self.origins.setdefault(name, set()).update(node.names)
            if event.command.name == "egen" and node.value in _OVER_ROWS:
                self.complete.add(name)
        self._read_keys()
        self.entities = {self.entity, *self._encoded()}
        self.effects = {
            w for event in self.regressions for w in _effects(event.command)
        }

    def _read_keys(self) -> None:
        """Read all keys; the panel is judged, also if a single series comes last."""
        for event in self.events:
            if event.command.name in ("xtset", "tsset"):
                keys = split(event.command.arguments)
                self.complete |= set(keys)
                if self.entity == ONE_SERIES and len(keys) > 1:
                    self.entity, self.time = keys[:2]

    def _encoded(self) -> Iterator[str]:
        """List the texts that are encoded as the entity."""
        for event in self.events:
            values = dict(event.command.options).values()
            if event.command.name == "encode" and self.entity in values:
                yield event.command.arguments.strip()

    def asked(self, staggered: Mapping[int, tuple[str, ...]]) -> Iterator[_Asked]:
        """Ask all questions; `staggered` is what data show, as in `findings`."""
        for event in self.regressions:
            command, data = event.command, {"command": event.command.name}
            chosen = _chooses_errors(command) or command.name == "xtscc"
            if self._has_effects(command) and not chosen:
                yield "no_errors", event.number, data
            printed = command.name in _PRINT_TEST and _has(command, "first", "ffirst")
            tested = self.names & set(_WEAK_TESTS.split()) or printed
            if command.name in _INSTRUMENTED and not tested:
                yield "weak_instruments_not_tested", event.number, data
        yield from self._differences()
        yield from self._mediation()
        yield from self._matching()
        yield from self._staggered(staggered)
        yield from self._logs()
        yield from self._missing()
        yield from self._lags()
        yield from self._winsorised()

    def _has_effects(self, command: Command) -> bool:
        if command.name in _WITH_FE:
            return _has(command, "fe")
        if command.name == "regress":
            words = split(command.arguments)
            return any(w.startswith("i.") and w[2:] in self.entities for w in words)
        return bool(_effects(command))

    # --- subsamples -------------------------------------------------------------------

    def _differences(self) -> Iterator[_Asked]:
        if self.names & _GROUP_TESTS:
            return
        same: dict[tuple[str, ...], dict[_Sample, None]] = {}
        for event in self.regressions:
            command = event.command
            options = sorted(option for option, _ in command.options)
            model = (command.name, "".join(command.arguments.split()), *options)
            rows = (command.condition,) if command.condition else ()
            same.setdefault(model, {})[event.number, (*event.sample, *rows)] = None
        for samples in same.values():
            yield from self._compared(list(samples))

    def _compared(self, samples: list[_Sample]) -> Iterator[_Asked]:
        """Compare the samples of one model: groups of a variable, then dummies."""
        used: set[int] = set()
        for are_groups in (self._are_alternatives, _are_dummies):
            for at, (line, parts) in enumerate(samples):
                others = [
                    (number, conditions)
                    for number, conditions in samples[at + 1 :]
                    if number not in (line, *used) and are_groups(parts, conditions)
                ]
                if line in used or not others or self._interacted(parts[-1:]):
                    continue
                lines, conditions = zip((line, parts), *others, strict=True)
                used |= set(lines)
                data = {"conditions": tuple(map(" & ".join, conditions))}
                yield "untested_difference", line, {"lines": lines, **data}

    def _are_alternatives(
        self, first: tuple[str, ...], second: tuple[str, ...]
    ) -> bool:
        """Tell whether two samples are groups of one variable."""
        a, b = (
            _tree(" & ".join(c for c in this if c not in other))
            for this, other in ((first, second), (second, first))
        )
        if a is None or b is None or set(a.names) != set(b.names):
            return False
        simple = a.value not in "&|" and b.value not in "&|"
        if len(a.names) > 2 or (len(a.names) == 2 and not simple):
            return _signs(a) != _signs(b)
        return _disjoint(a, b, self.time)

    def _interacted(self, conditions: tuple[str, ...]) -> bool:
        """Tell whether a regression has a product with the variable of the groups."""
        node = _tree(" & ".join(conditions))
        names = set(node.names) if node else set(_WORD.findall(" ".join(conditions)))
        names |= {origin for n in names for origin in self.origins.get(n, ())}
        products = {
            name
            for _, name, node in self.assignments
            if (node.kind, node.value) == ("binary", "*") and names & set(node.names)
        }
        return any(
            word in products or ("#" in word and names & set(_WORD.findall(word)))
            for word in self.regressors
        )

    # --- single commands --------------------------------------------------------------

    def _mediation(self) -> Iterator[_Asked]:
        baseline = any(self._has_effects(e.command) for e in self.regressions)
        names = filter(None, (*self.entities, *self.effects))
        dummies = [f"i.{name}" for name in names]
        for event in self.events:
            controls = dict(event.command.options).get("cv") or ""
            has_effects = any(dummy in controls for dummy in dummies)
            if event.command.name == "sgmediation" and baseline and not has_effects:
                yield "mediation_without_effects", event.number, {}

    def _matching(self) -> Iterator[_Asked]:
        one_period = re.compile(rf"\b(?:{self.time or 'year'}|year)\s*==")
        for event in self.events:
            command = event.command
            conditions = [part for part in event.sample if not part.startswith("!")]
            text = " ".join([*conditions, command.condition or ""])
            is_panel = self.entity is not None or len(self.effects) > 1
            if command.name in _MATCHING and is_panel and not one_period.search(text):
                yield "pooled_matching", event.number, {"command": command.name}

    def _staggered(self, seen: Mapping[int, tuple[str, ...]]) -> Iterator[_Asked]:
        if self.names & set(_STAGGERED.split()):
            return
        for line, variables in seen.items():
            yield "staggered_two_way", line, {"variables": variables}
            return
        dummies = self._event_dummies()
        if not dummies:
            return
        for event in self.regressions:
            words = set(split(event.command.arguments)[1:])
            treated = words & dummies or set(filter(_TREATMENT.search, words))
            if treated and len(_effects(event.command)) >= 2:
                variables = tuple(sorted(treated))
                yield "staggered_two_way", event.number, {"variables": variables}
                return

    def _event_dummies(self) -> set[str]:
        """List dummies of the time since an event that differs by entity."""
        clock = {self.time, *self.effects}
        relative = {
            name
            for _, name, node in self.assignments
            if any(_is_difference_of(part, clock) for part in node.walk())
        }
        return {
            name
            for _, name, node in self.assignments
            if relative & set(node.names) and any(map(_has_negative, node.walk()))
        }

    def _logs(self) -> Iterator[_Asked]:
        for event, _, node in self.assignments:
            for part in node.walk():
                if part.kind != "call" or part.value not in ("log", "log1p"):
                    continue
                plus_one = part.value == "log1p" or any(
                    (n.kind, n.value) == ("binary", "+")
                    and Node("number", 1.0) in n.parts
                    for n in part.walk()
                )
                counts = tuple(filter(_COUNTS.search, part.names))
                if plus_one and counts:
                    yield "log_of_count", event.number, {"variables": counts}

    def _missing(self) -> Iterator[_Asked]:
        for event in self.regressions:
            # A variable of the model is not missing in its rows.
            node = _tree(event.command.condition)
            yield from self._open(event, node, _WORD.findall(event.command.arguments))
        repaired = {
            name
            for event, name, node in self.assignments
            if node.kind == "missing" and event.command.condition
        }
        for event, name, node in self.assignments:
            rows = _tree(event.command.condition)
            if name in repaired:
                continue
            if node.kind == "binary" and node.value in (*_LARGER, *_SMALLER, "&"):
                yield from self._open(event, node, _guarded(rows) if rows else [])
            elif node.kind == "number":
                yield from self._open(event, rows, [])

    def _open(
        self, event: Event, node: Node | None, excluded: Iterable[str]
    ) -> Iterator[_Asked]:
        """List variables that a condition bounds from below only."""
        if node is not None:
            guarded = {*_guarded(node), *excluded, *self.complete}
            names = tuple(name for name in _unbounded(node) if name not in guarded)
            if names:
                yield "missing_kept", event.number, {"variables": names}

    def _lags(self) -> Iterator[_Asked]:
        if self.entity is None or self.names & {"tsfill", "xtbalance"}:
            return
        for event, name, node in self.assignments:
            by = event.command.prefix("by", "bysort")
            groups = split(by.text.partition("(")[0]) if by else []
            if self.entity in groups and any(map(_is_row_before, node.walk())):
                yield "lag_by_row", event.number, {"variables": (name,)}

    def _winsorised(self) -> Iterator[_Asked]:
        """Ask about variables that are winsorised in vain: no later line has them."""
        for at, event in enumerate(self.events):
            if event.command.name == "winsor2":
                later = [e.command for e in self.events[at + 1 :]]
                names = tuple(_winsorised_in_vain(event.command, later))
                if names:
                    yield "winsorised_not_used", event.number, {"variables": names}


# --- facts ----------------------------------------------------------------------------


def _tree(text: str | None) -> Node | None:
    try:
        return parse(text) if text and text.strip() else None
    except StataError:
        return None


def _has(command: Command, *options: str) -> bool:
    return any(option in options for option, _ in command.options)


def _chooses_errors(command: Command) -> bool:
    """Tell whether standard errors are chosen; pweight means robust ones."""
    weighted = command.weight is not None and command.weight[0].startswith("p")
    return weighted or any(
        option.startswith(("vce", "cl", "r", "dkr", "bw"))
        and not option.startswith(("re", "rf"))
        for option, _ in command.options
    )


def _winsorised_in_vain(command: Command, later: list[Command]) -> Iterator[str]:
    """List variables that are estimated as they were, and never as ``winsor2`` cut."""
    table = COMMANDS["winsor2"][0]
    options = {table.read_one(option): value for option, value in command.options}
    suffix = winsor_suffix(options)
    used = {w for c in later for w in re.findall(r"[\w*]+", c.text)}
    estimated = {
        word for c in later if c.name in _REGRESSIONS for word in split(c.arguments)
    }
    for name in split(command.arguments):
        if name in estimated and not {name + suffix, f"*{suffix}"} & used:
            yield name


def _assignments(events: Iterable[Event]) -> Iterator[tuple[Event, str, Node]]:
    """List what is generated or replaced, with the expression."""
    for event in events:
        if event.command.name in ("generate", "replace", "egen"):
            match = ASSIGNMENT.fullmatch(event.command.arguments)
            node = _tree(match["value"]) if match else None
            if match and node:
                yield event, match["name"], node


def _effects(command: Command) -> list[str]:
    """List absorbed effects, and categories among the variables."""
    out = []
    for option, argument in command.options:
        if argument and option.startswith("a") and "absorb".startswith(option):
            out += [w.removeprefix("i.") for w in split(argument.partition(",")[0])]
    if _has(command, "fe"):
        out.append("\N{NULL}entity")
    words = split(command.arguments) if out else []
    return out + [w[2:] for w in words if w.startswith("i.") and "#" not in w]


def _are_dummies(first: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Tell whether the last conditions are ``a == 1`` and ``b == 1``, as of regions."""
    return all(
        isinstance(node := _tree(" ".join(conditions[-1:])), Node)
        and node.value == "=="
        and node.parts[0].kind == "name"
        and node.parts[1] == Node("number", 1.0)
        for conditions in (first, second)
    )


def _signs(node: Node) -> list[str]:
    return [n.value for n in node.walk() if n.kind == "binary"]


def _disjoint(a: Node, b: Node, time: str | None) -> bool:
    """Tell whether ``x == 1`` and ``x == 2``, or ``x > c`` and ``x <= c``, exclude."""
    if {a.kind, b.kind} != {"binary"} or a.parts[0] != b.parts[0]:
        return False
    signs, same = {a.value, b.value}, a.parts[1] == b.parts[1]
    if signs == {"=="}:
        return not same and a.parts[0].value != time
    opposite = signs == {"==", "!="} or (signs & _LARGER and signs & _SMALLER)
    return same and bool(opposite)


def _is_difference_of(node: Node, clock: set[str | None]) -> bool:
    """Tell whether a node is a difference of two variables, one of them the time."""
    match node:
        case Node("binary", "-", (Node("name", a), Node("name", b))):
            return a in clock or b in clock
    return False


def _has_negative(node: Node) -> bool:
    """Tell whether a node compares with a negative number."""
    return (
        node.kind == "binary"
        and node.value in ("==", *_LARGER, *_SMALLER)
        and any((n.kind, n.value) == ("unary", "-") for n in node.parts[1].walk())
    )


def _is_row_before(node: Node) -> bool:
    match node:
        case Node("index", _, (Node("binary", "-", (Node("name", "_n"), _)),)):
            return True
    return False


def _unbounded(node: Node) -> list[str]:
    """List variables of ``x > c`` in the parts of a condition that & and | join."""
    match node:
        case Node("binary", "&" | "|", parts):
            return [name for part in parts for name in _unbounded(part)]
        case Node("binary", ">" | ">=", (Node("name", name), other)) | Node(
            "binary", "<" | "<=", (other, Node("name", name))
        ) if other.kind != "missing":
            return [name]
    return []


def _guarded(node: Node) -> list[str]:
    """List variables that a condition bounds from above or tests for missing values."""
    out: list[str] = []
    for part in node.walk():
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


def question(code: str, line: int, repair: str = "", **data: Any) -> Notice:
    """Ask about a line and its variables; `repair` is the estimate that answers."""
    variables = data.get("variables", ())
    text = _QUESTIONS[code].format(
        names=" or ".join(variables),
        listed=", ".join(variables),
        guards=" ".join(f"& {name} < ." for name in variables),
    )
    text = f"{text}. {repair}" if repair else text
    return Notice(code, text, {"line": line, **data})
