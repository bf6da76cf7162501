"""Expressions of Stata: a tree, its value if constant, and its text in Python.

Stata takes a missing value as larger than any number, Python's comparisons with one are
false. What is printed here selects the rows that Stata selects.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any, ClassVar

import pandas as pd

from digiprosper.errors import StataError
from digiprosper.panel.grammar import backticked
from digiprosper.stata import _script
from digiprosper.stata.prefixes import STORED, notes_of, refused

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>`"(?:.*?)"'|"[^"]*(?:"|$))
    |t?(?P<period>[mqh]\(\s*\d{4}[mqhMQH]\d+\s*\)|d\(\s*\d+[a-z]{3}\d{4}\s*\))
    |(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?)
    |(?P<shifted>(?:(?:[LFDSlfds]\d*)+\.)+[^\W\d]\w*)
    |(?P<result>(?:[rec]\([\w:]+\)|_(?:b|se)\[[^\]]*\]))
    |(?P<missing>\.[a-z]?(?![\w]))
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>==|!=|~=|>=|<=|[-+*/^&|!~<>()\[\],=:])
    )""",
    re.VERBOSE,
)
# How strongly an operator binds.
_LEVELS = {
    "|": 1,
    "&": 2,
    **dict.fromkeys(("==", "!=", "~=", ">", "<", ">=", "<="), 3),
    **dict.fromkeys("+-", 4),
    **dict.fromkeys("*/", 5),
    "^": 7,
}
_COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")
_NOT = 6
_FLIPPED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_OPPOSITE = {">": "<=", ">=": "<"}
_ALIASES = notes_of("function ")
_TESTS = ("missing", "inlist", "inrange")
# What is true or false.
_TRUTHS = ("!", "&", "|", *_COMPARISONS, *_TESTS)
# Functions whose values are texts.
_TEXT_FUNCTIONS = notes_of("text ")
# Kinds of nodes whose values are known only when the file is run.
_KNOWN_LATER = {"name", "shifted", "result", "index"}
# Functions that conditions of `where` have too, and their code.
_WHERE_FUNCTIONS = notes_of("where ")
# Functions of which all arguments but the first are constants, and their formats.
_FORMATS = notes_of("format ")


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its kind, its text or value, and the nodes inside.

    Kinds are number, text, missing, name, shifted, result, call, index, unary, binary.
    """

    kind: str
    value: Any
    parts: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """List the node and all nodes inside, as they are written."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.parts))

    def replaced(self, nodes: Mapping[str, Node]) -> Node:
        """Replace names by nodes, also inside."""
        if self.kind == "name":
            return nodes.get(self.value, self)
        parts = tuple(part.replaced(nodes) for part in self.parts)
        if self.kind == "call" and self.value == "scalar" and self.parts != parts:
            return parts[0]
        return replace(self, parts=parts)

    @property
    def kinds(self) -> set[str]:
        """Kinds of the node and all nodes inside."""
        return {node.kind for node in self.walk()}

    @property
    def names(self) -> tuple[str, ...]:
        """Variables inside, also those that are lagged or have a subscript."""
        names = [
            n.value.rpartition(".")[2]
            for n in self.walk()
            if n.kind in ("name", "shifted", "index")
        ]
        return tuple(dict.fromkeys(n for n in names if n not in ("_n", "_N")))


def parse(text: str) -> Node:
    """Parse an expression."""
    return _Parser(text).whole()


class _Parser:
    """Operator precedence as in Stata's manual; all operators bind to the left."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.tokens: list[tuple[str, str]] = []
        self.at = 0
        end = 0
        while end < len(self.text):
            match = _TOKEN.match(self.text, end)
            if match is None:
                raise self.error("cannot be read")
            end = match.end()
            kind = match.lastgroup or "sign"
            self.tokens.append((kind, match[kind]))
        self.tokens.append(("", ""))

    def error(self, what: str) -> StataError:
        return refused(f"the expression {self.text!r} {what}")

    def whole(self) -> Node:
        node = self.binary(1)
        if self.at < len(self.tokens) - 1:
            raise self.error("cannot be read to its end")
        return node

    def binary(self, least: int) -> Node:
        node = self.unary()
        while True:
            kind, sign = self.peek()
            level = _LEVELS.get(sign, 0) if kind == "sign" else 0
            if level < least:
                return node
            self.at += 1
            sign = "!=" if sign == "~=" else sign
            other = self.binary(level + 1)
            is_tested = node.kind == "call" and node.value in _TESTS
            if is_tested and sign in ("==", "!=") and other.value in (0, 1):
                # missing(x) == 1 is missing(x), and == 0 its opposite.
                is_true = (sign == "==") == (other.value == 1)
                node = node if is_true else Node("unary", "!", (node,))
            else:
                node = Node("binary", sign, (node, other))

    def unary(self) -> Node:
        kind, text = self.peek()
        if not kind:
            raise self.error("ends too early")
        self.at += 1
        after = self.peek()[1]
        match kind, text:
            case "sign", "!" | "~" | "-" | "+":
                operand = self.binary(_NOT)
                signed = Node("unary", text.replace("~", "!"), (operand,))
                # A plus changes nothing.
                return {"+": operand}.get(text, signed)
            case "sign", "(" | "[":
                node = self.binary(1)
                self.expect(")" if text == "(" else "]")
                return node
            case "sign", _:
                raise self.error(f"cannot be read at {text!r}")
            case "number", _:
                return Node("number", float(text))
            case "name", "_pi":
                return Node("number", math.pi)
            case "period", _:
                return Node("number", _period(text))
            case "text", _:
                return Node("text", unquoted(text))
            case "name", _ if after == "(":
                return Node("call", _ALIASES.get(text, text), self.arguments())
            case "name", _ if after == "[":
                self.at += 1
                index = self.binary(1)
                self.expect("]")
                return Node("index", text, (index,))
        return Node(kind, text)

    def arguments(self) -> tuple[Node, ...]:
        self.at += 1
        parts: list[Node] = []
        while self.peek()[1] not in (")", ""):
            parts.append(self.binary(1))
            self.at += self.peek()[1] == ","
        self.expect(")")
        return tuple(parts)

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at]

    def expect(self, sign: str) -> None:
        text = self.peek()[1]
        if text != sign:
            raise self.error(f"has no closing {sign!r}" if text else "ends too early")
        self.at += 1


def _period(text: str) -> float:
    """Count periods since 1960 of ``m(2010m1)``, ``q(2010q1)`` or ``d(1jan2010)``."""
    if text.startswith("d"):
        days = pd.to_datetime([text[2:-1]], errors="coerce")
        return float((days - pd.Timestamp(1960, 1, 1)).days[0])
    year, part = re.findall(r"\d+", text)
    count = {"m": 12, "q": 4, "h": 2}[text[0]]
    return float((int(year) - 1960) * count + int(part) - 1)


def unquoted(text: str) -> str:
    """Remove the quotation marks around a text, Stata's compound ones too."""
    text = text.strip()
    if text.startswith('`"'):
        return text[2:].removesuffix("\"'")
    return text[1:].removesuffix('"') if text.startswith('"') else text


def number_text(value: float) -> str:
    """Print a number as Stata does in a macro; a missing value is a point."""
    if not math.isfinite(value):
        return "."
    return f"{value:.0f}" if value == int(value) else repr(value)


def constant(node: Node) -> Any:
    """Compute an expression of constants, as code of data of one row."""
    if node.kind in ("number", "text", "missing"):
        return math.inf if node.kind == "missing" else node.value
    later = [part for part in node.walk() if part.kind in _KNOWN_LATER]
    if later:
        raise refused(f"{later[0].value!r} is known only when the file is run")
    values: dict[str, Any] = {}
    code = PandasPrinter().number(_with_columns(node, values))
    try:
        df = pd.DataFrame(values, index=[0])
        value = eval(code, vars(_script) | {"df": df}).iloc[0]
    except (AssertionError, AttributeError, TypeError, ValueError) as error:
        raise refused(f"{code} cannot be computed") from error
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        raise refused(f"{code} is missing")
    return float(value)


def _with_columns(node: Node, values: dict[str, Any]) -> Node:
    """Replace constants by columns, but not the arguments that are part of code."""
    if not node.parts and node.kind != "call":
        name = f"x{len(values)}"
        values[name] = math.nan if node.kind == "missing" else node.value
        return Node("name", name)
    is_call = node.kind == "call"
    parts = (
        part if is_call and at and not part.parts else _with_columns(part, values)
        for at, part in enumerate(node.parts)
    )
    return replace(node, parts=tuple(parts))


# --- text in Python -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Printer:
    """Prints trees as conditions of `where`.

    `complete` has the variables that are never missing, such as the keys; `resolve`
    turns an abbreviated name into a column; `texts` tells which columns are text.
    """

    _forms: ClassVar[Mapping[str, str]] = {
        "&": "and",
        "|": "or",
        "not": "not ({})",
        "test": "{}",
        "inside": "({})",
        "inrange": "{1} <= {0} <= {2}",
        "inlist": "{} in [{}]",
    }
    # The code of these functions is itself arithmetic.
    _open_functions: ClassVar[tuple[str, ...]] = ("mod",)
    complete: Collection[str] = ()
    resolve: Callable[[str], str] = str
    texts: Mapping[str, bool] = field(default_factory=dict)

    def condition(self, node: Node) -> str:
        """Print a tree as true or false for each row."""
        match node:
            case Node("binary", "&" | "|" as sign, parts):
                return self._joined(sign, [self._side(part, sign) for part in parts])
            case Node("unary", "!", (Node("call", "missing", parts),)):
                return self._joined("&", [self._is_there(part) for part in parts])
            case Node("unary", "!", (inside,)):
                return self._forms["not"].format(self.condition(inside))
            case Node("binary", sign, (a, b)) if sign in _COMPARISONS:
                self.check_type(a, b)
                if "missing" in (a.kind, b.kind):
                    return self._with_missing(sign, a, b)
                return self._comparison(sign, a, b)
            case Node("call", name) if name in _TESTS:
                return self._membership(node)
            case Node("number"):
                raise refused("a condition that is a constant selects all rows or none")
        self.check_type(node, is_text=False)
        return f"{self.number(node)} != 0"

    def _joined(self, sign: str, tests: Sequence[str]) -> str:
        """Join tests by & or |."""
        form = self._forms["test"] if len(tests) > 1 else "{}"
        return f" {self._forms[sign]} ".join(map(form.format, tests))

    def _in_parentheses(self, sign: str, *tests: str) -> str:
        return self._forms["inside"].format(self._joined(sign, tests))

    def _side(self, node: Node, outer: str) -> str:
        """Print a side of & or |, in parentheses if it is joined by the other sign."""
        text, sign = self.condition(node), node.value
        if node.kind == "call" and sign == "missing" and len(node.parts) > 1:
            sign = "|"
        other = {"&": "|", "|": "&"}[outer]
        return self._forms["inside"].format(text) if sign == other else text

    def _comparison(self, sign: str, a: Node, b: Node) -> str:
        misses_a, misses_b = self._may_be_missing(a), self._may_be_missing(b)
        x, z = self.value(a), self.value(b)
        plain = f"{x} {sign} {z}"
        if sign in ("==", "!="):
            if not (misses_a and misses_b):
                return plain
            both = self._in_parentheses("&", f"{x} != {x}", f"{z} != {z}")
            same = self._in_parentheses("|", f"{x} == {z}", both)
            return same if sign == "==" else self._forms["not"].format(same)
        if sign in ("<", "<="):
            sign, x, z = _FLIPPED[sign], z, x
            misses_a, misses_b = misses_b, misses_a
        if not misses_a:
            return plain
        if not misses_b:
            return self._forms["not"].format(f"{x} {_OPPOSITE[sign]} {z}")
        if sign == ">=":
            return self._in_parentheses("|", f"{x} >= {z}", f"{x} != {x}")
        return self._in_parentheses(
            "&", self._forms["not"].format(f"{x} <= {z}"), f"{z} == {z}"
        )

    def _with_missing(self, sign: str, a: Node, b: Node) -> str:
        if a.kind == "missing":
            a, b, sign = b, a, _FLIPPED.get(sign, sign)
        equal = {"<": "==", "!=": "==", "==": "!=", ">=": "!="}.get(sign)
        if equal is None or b.value != ".":
            raise refused(
                f"a comparison '{sign} {b.value}' separates kinds of missing values, "
                "and there is one kind here"
            )
        return self._is_there(a) if equal == "==" else self._is_missing(a)

    def _is_missing(self, node: Node) -> str:
        x = self.value(node)
        return f'{x} == ""' if self._is_text(node) else f"{x} != {x}"

    def _is_there(self, node: Node) -> str:
        x = self.value(node)
        return f'{x} != ""' if self._is_text(node) else f"{x} == {x}"

    def _is_text(self, node: Node) -> bool | None:
        # None where that is not known.
        kind, value = node.kind, node.value
        if kind in ("name", "index") and value not in ("_n", "_N"):
            return self.texts.get(self.resolve(value))
        if kind == "call":
            return value in _TEXT_FUNCTIONS or None
        return kind == "text" if kind in ("text", "number", "missing") else None

    def check_type(self, *nodes: Node, is_text: bool | None = None) -> None:
        """Stop where one of some nodes is a text and another one a number."""
        if {True, False} <= {is_text, *map(self._is_text, nodes)}:
            raise refused("numbers and texts together: in Stata a type mismatch")

    def _membership(self, node: Node) -> str:
        if node.value == "missing":
            return self._joined("|", [self._is_missing(part) for part in node.parts])
        self.check_type(*node.parts)
        sides = [self.value(part) for part in node.parts]
        # Stata reads a missing end as none, and pandas as one that nothing reaches.
        has_ends = not any(map(self._may_be_missing, node.parts[1:]))
        has_ends &= "np.nan" not in sides
        if (node.value, len(sides), has_ends) == ("inrange", 3, True):
            return self._forms["inrange"].format(*sides)
        if node.value == "inlist" and not any(part.names for part in node.parts[1:]):
            return self._forms["inlist"].format(sides[0], ", ".join(sides[1:]))
        raise refused(f"{node.value}() with these arguments")

    def _may_be_missing(self, node: Node) -> bool:
        # Logarithms and quotients of complete variables may be missing.
        return any(
            n.kind in ("shifted", "index")
            or (n.kind == "call" and n.names)
            or (n.kind == "binary" and n.value == "/" and n.parts[1].names)
            for n in node.walk()
        ) or any(self.resolve(name) not in self.complete for name in node.names)

    def value(self, node: Node) -> str:
        """Print a text or a number."""
        if node.kind == "text":
            return json.dumps(node.value, ensure_ascii=False)
        return self.number(node)

    def number(self, node: Node) -> str:
        """Print a tree as a number for each row."""
        kind, value = node.kind, node.value
        match kind:
            case "number":
                return number_text(value)
            case "name" if value not in ("_n", "_N"):
                return self._column(self.resolve(value))
            case "shifted":
                return self._time_operators(node)
            case "unary" if value != "!":
                return f"-{self._operand(node.parts[0], _NOT)}"
            case "binary" if value in "+-*/^":
                return self._arithmetic(node)
            case "call":
                return self._call(node)
        # Scripts make a column _n where a condition needs it.
        return "_n" if value == "_n" else self._refuse(node)

    def _column(self, name: str) -> str:
        return backticked(name)

    def _refuse(self, node: Node) -> str:
        kinds = {"index": "a subscript of ", "result": "the stored result "}
        kind = kinds.get(node.kind, "")
        raise refused(f"{kind}{node.value} has no counterpart here")

    def _time_operators(self, node: Node) -> str:
        """Print lags, leads and differences."""
        operators, _, name = node.value.rpartition(".")
        return shifted(operators.upper(), backticked(self.resolve(name)))

    def _arithmetic(self, node: Node) -> str:
        sign, (base, other) = node.value, node.parts
        self.check_type(base, other, is_text=(None if sign == "+" else False))
        # Python binds powers to the right.
        first = self._operand(base, _LEVELS[sign] + (sign == "^"))
        return self._operation(node, first, self._operand(other, _LEVELS[sign] + 1))

    def _operation(self, node: Node, first: str, second: str) -> str:
        sign = node.value
        return f"{first}**{second}" if sign == "^" else f"{first} {sign} {second}"

    def _operand(self, node: Node, level: int) -> str:
        text = self.number(node)
        looser = node.kind == "binary" and _LEVELS[node.value] < level
        is_open = node.value in self._open_functions
        return f"({text})" if looser or is_open or node.kind == "unary" else text

    def _call(self, node: Node) -> str:
        """Print a function of columns."""
        name, parts = node.value, node.parts
        if _accepts(name, parts):
            if node.kinds.isdisjoint(_KNOWN_LATER):
                value = constant(node)
                kind = "text" if isinstance(value, str) else "number"
                return self.value(Node(kind, value))
            first = self.condition if name == "cond" else self.value
            sides = [first(parts[0]), *map(self.value, parts[1:])]
            if code := self._function(name, sides):
                return code
        return self._refuse(Node("call", f"the function {name}()"))

    def _function(self, name: str, sides: Sequence[str]) -> str:
        return _WHERE_FUNCTIONS.get(name, "").format(*sides)


@dataclass(frozen=True, slots=True)
class PandasPrinter(Printer):
    """Prints trees as pandas code on a frame ``df``."""

    _forms: ClassVar[Mapping[str, str]] = {
        "&": "&",
        "|": "|",
        "not": "~({})",
        "test": "({})",
        # Its tests are in parentheses already.
        "inside": "{}",
        "inrange": "{}.between({}, {})",
        "inlist": "{}.isin([{}])",
    }
    _open_functions: ClassVar[tuple[str, ...]] = ()
    # Code of stored results, such as r(mean).
    results: Mapping[str, str] = field(default_factory=dict)
    # Variables of by, and whether the order of the rows is known.
    groups: Sequence[str] = ()
    in_order: bool = False
    # Code of the panel, which knows what a period is.
    panel: str = ""
    # Code of the condition: a running sum leaves out the other rows.
    rows: str = ""

    def _is_missing(self, node: Node) -> str:
        return f"missing({self.value(node)})"

    def _is_there(self, node: Node) -> str:
        return f"~missing({self.value(node)})"

    def number(self, node: Node) -> str:
        """Print a tree as a number or a text for each row."""
        kind, value = node.kind, node.value
        match kind:
            case "number" if value > _script.wholes["int"][1]:
                # Products of larger whole numbers may not fit in 64 bits.
                return repr(value)
            case "text":
                return self.value(node)
            case "result" if value in self.results:
                return self.results[value]
            case "missing":
                return "np.nan"
            case "index" | "name" if kind == "index" or value in ("_n", "_N"):
                return self._row_value(node)
            case "unary" | "binary" | "call" if value in _TRUTHS:
                return f"({self.condition(node)}).astype(float)"
        return Printer.number(self, node)

    def _column(self, name: str) -> str:
        """Print a column, or a stored result for each row."""
        if name.startswith(STORED):
            return f"pd.Series(scalars[{name!r}], df.index)"
        return f"df[{name!r}]"

    @property
    def by(self) -> str:
        """Code that groups a column by variables; a missing value is a group."""
        keys = ", ".join(f"df[{name!r}]" for name in self.groups)
        return f".groupby([{keys}], dropna=False)" if keys else ""

    def _check_order(self) -> None:
        if not self.in_order:
            raise refused(
                "values by the number of the row, where the order is not stated",
                "Write bysort id (year):",
            )

    def _time_operators(self, node: Node) -> str:
        """Print lags, leads and differences, which a panel computes."""
        term = Printer._time_operators(self, node)
        code = f"by_time({self.panel}, df, {term!r})"
        return code if self.panel else self._refuse(node)

    def _row_value(self, node: Node) -> str:
        """Print ``_n``, ``_N`` and values of other rows, within groups."""
        if node.value == "_N":
            size = f"{self.by}.transform('size')" if self.by else ""
            return f"pd.Series(1, df.index){size}" if size else "len(df)"
        self._check_order()
        if node.value == "_n":
            return f"pd.Series(1, df.index){self.by}.cumsum()"
        column = f"df[{self.resolve(node.value)!r}]"
        of, fill = f"{column}{self.by}", f"fill_value=absent({column})"
        match node.parts[0]:
            case Node("name", "_n"):
                return f"{of}.shift(0)"
            case Node("binary", "+" | "-" as sign, (Node("name", "_n"), number)):
                count = f"{'-' if sign == '+' else ''}{constant(number):g}"
                return f"{of}.shift({count}, {fill})"
            case Node("number", 1.0) | Node("name", "_N") as end if self.by:
                position = 0 if end.kind == "number" else -1
                return f"{of}.transform(lambda x: x.iloc[{position}])"
        return self._refuse(node)

    def _operation(self, node: Node, first: str, second: str) -> str:
        other = node.parts[1]
        match node.value:
            case "*" if sum(not n.parts for n in node.walk()) > 4:
                # Products of four numbers of Stata's type int fit in 64 bits.
                first += " * 1.0"
            case "^" if second.isdigit():
                # A power of whole numbers may not fit in 64 bits.
                second += ".0"
            case "/" if other.names:
                second = f"({second})" if other.value == "^" else second
                second = f"{second}.where({second} != 0)"
        return Printer._operation(self, node, first, second)

    def _call(self, node: Node) -> str:
        if node.value != "sum":
            return Printer._call(self, node)
        self._check_order()
        columns = ", ".join(map(self.value, node.parts))
        rows = f".where({self.rows})" if self.rows else ""
        return f"pd.Series({columns}, df.index){rows}.fillna(0){self.by}.cumsum()"

    def _function(self, name: str, sides: Sequence[str]) -> str:
        return f"stata.{name}({', '.join(sides)})"


def _accepts(name: str, parts: Sequence[Node]) -> bool:
    """Tell whether a function is there, and takes such arguments."""
    function, others = getattr(_script.stata, name, None), parts[1:]
    try:
        signature(function).bind(*parts)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    if name not in _FORMATS:
        return True
    texts = [part.value for part in others if part.kind == "text"]
    are_fixed = all(part.kinds.isdisjoint(_KNOWN_LATER) for part in others)
    return are_fixed and all(re.fullmatch(_FORMATS[name], x, re.I) for x in texts)


def shifted(operators: str, term: str) -> str:
    """Write lags, leads and differences as terms: ``L2D`` of x is lag(diff(x), 2)."""
    for sign, digits in reversed(re.findall(r"([LFDS])(\d*)", operators)):
        count = int(digits or 1)
        if sign == "D" or (sign, count) == ("S", 1):
            term = "diff(" * count + term + ")" * count
        elif count:
            function = "lead" if sign == "F" else "lag"
            lag = f"{function}({term}{'' if count == 1 else f', {count}'})"
            term = lag if sign in "LF" else f"I({term} - {lag})"
    return term
