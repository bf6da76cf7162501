"""Expressions of Stata: a tree, its value if constant, and its text in Python.

Stata takes a missing value as larger than any number, Python's comparisons with one are
false. What is printed here selects the rows that Stata selects.
"""

from __future__ import annotations

import ast
import json
import math
import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import scipy.special

from digiprosper.errors import StataError
from digiprosper.panel.grammar import backticked

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
# How strongly an operator binds, and what it computes of constants.
_OPERATORS: Mapping[str, tuple[int, Callable[[Any, Any], Any]]] = {
    "|": (1, lambda a, b: a != 0 or b != 0),
    "&": (2, lambda a, b: a != 0 and b != 0),
    "==": (3, operator.eq),
    "!=": (3, operator.ne),
    "~=": (3, operator.ne),
    ">": (3, operator.gt),
    "<": (3, operator.lt),
    ">=": (3, operator.ge),
    "<=": (3, operator.le),
    "+": (4, operator.add),
    "-": (4, operator.sub),
    "*": (5, operator.mul),
    "/": (5, operator.truediv),
    "^": (7, operator.pow),
}
_SIGNS: Mapping[str, Callable[[Any], Any]] = {
    "!": operator.not_,
    "-": operator.neg,
    "+": operator.pos,
}
_COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")
_NOT = 6
_FLIPPED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_OPPOSITE = {">": "<=", ">=": "<"}
_ALIASES = {
    "ln": "log",
    "mi": "missing",
    "strlen": "length",
}
_TESTS = ("missing", "inlist", "inrange")
# Functions whose second argument is a format.
_WITH_FORMAT = ("date", "monthly", "string")
# Functions that pandas code has in another form, or that its patterns cannot be for.
_OF_CONSTANTS: Mapping[str, Callable[..., Any]] = {
    "inlist": lambda a, *listed: a in listed,
    "inrange": lambda a, low, high: low <= a <= high,
}
_OF_COLUMNS = ("sum", "regexm")
# Kinds of nodes of constants.
_CONSTANTS = {"number", "text", "missing", "call", "binary", "unary"}
# Code of functions by name and number of arguments. Stata's logarithm of what is not
# positive is missing, and its min() and max() leave missing values out.
_TERMS = {
    **{(name, 1): f"{name}({{0}})" for name in ("log", "exp", "abs", "sqrt")},
    ("mod", 2): "({0}) % ({1})",
}
_DATE = "pd.to_datetime({0}, unit='D', origin='1960-01-01').dt."
_MDY = (
    "(pd.to_datetime(dict(year={2}, month={0}, day={1}))"
    " - pd.Timestamp(1960, 1, 1)).dt.days"
)
_BYTES = "{0}.str.encode('utf8').str.slice"
_ORDERS = {
    "MDY": "dayfirst=False",
    "DMY": "dayfirst=True",
    "YMD": "format='ISO8601'",
}
_PANDAS = {
    ("log", 1): "np.log(({0}).where({0} > 0))",
    ("sqrt", 1): "np.sqrt(({0}).where({0} >= 0))",
    # Stata has no infinite numbers: what is larger than 9e307 is missing.
    ("exp", 1): "np.exp(pd.Series({0}, df.index).where(lambda x: x < 709.09))",
    **{(name, 1): f"np.{name}({{0}})" for name in ("abs", "floor", "ceil", "sign")},
    ("int", 1): "np.trunc({0})",
    ("asinh", 1): "np.arcsinh({0})",
    ("round", 1): "np.floor(({0}) + 0.5)",
    ("round", 2): "np.floor(({0}) / ({1}) + 0.5) * ({1})",
    ("mod", 2): "({0}) % ({1})",
    ("max", 2): "np.fmax({0}, {1})",
    ("min", 2): "np.fmin({0}, {1})",
    # Stata counts the bytes of texts.
    ("strpos", 2): "{0}.map(lambda x: x.encode().find({1}.encode()) + 1)",
    ("length", 1): "{0}.str.encode('utf8').str.len()",
    ("lower", 1): "{0}.str.lower()",
    ("upper", 1): "{0}.str.upper()",
    ("trim", 1): "{0}.str.strip()",
    ("normal", 1): "pd.Series(scipy.special.ndtr({0}), df.index)",
    ("normalden", 1): "np.exp(-(({0}) ** 2) / 2) / np.sqrt(2 * np.pi)",
    ("sum", 1): "pd.Series({0}, df.index).fillna(0){by}.cumsum()",
    ("regexm", 2): "{0}.str.contains({1}).astype(float)",
    **{(unit, 1): f"{_DATE}{unit}" for unit in ("year", "month", "quarter", "day")},
    ("dow", 1): f"({_DATE}day_of_week + 1) % 7",
    ("mdy", 3): _MDY,
    ("dofm", 1): _MDY.format("({0}) % 12 + 1", 1, "({0}) // 12 + 1960"),
    ("dofq", 1): _MDY.format("({0}) % 4 * 3 + 1", 1, "({0}) // 4 + 1960"),
    ("mofd", 1): f"({_DATE}year - 1960) * 12 + {_DATE}month - 1",
    ("qofd", 1): f"({_DATE}year - 1960) * 4 + {_DATE}quarter - 1",
    ("monthly(YM)", 1): (
        "{0}.str.extract('([0-9]{{4}})[^0-9]*([0-9]+)').astype(float).dot([12, 1])"
        " - 23521"
    ),
    ("string(%TDCCYY-NN-DD)", 1): f"{_DATE}strftime('%Y-%m-%d')",
    **{
        (f"date({parts})", 1): (
            f"(pd.to_datetime({{0}}, {order}) - pd.Timestamp(1960, 1, 1)).dt.days"
        )
        for parts, order in _ORDERS.items()
    },
    ("ym", 2): "(({0}) - 1960) * 12 + ({1}) - 1",
    ("yq", 2): "(({0}) - 1960) * 4 + ({1}) - 1",
    ("string", 1): "({0}).map('{{:.7g}}'.format).replace('nan', '.')",
    ("string", 2): "({0}).map({1}.format).replace('nan', '.')",
    ("cond", 3): "pd.Series(np.where({0}, {1}, {2}), df.index)",
    ("bytes", 2): f"{_BYTES}({{1}} - 1).str.decode('utf8')",
    ("bytes", 3): f"{_BYTES}({{1}} - 1, {{1}} - 1 + {{2}}).str.decode('utf8')",
    ("subinstr", 4): "{0}.str.replace({1}, {2}, {3}, regex=False)",
    ("real", 1): "pd.to_numeric({0}, errors='coerce')",
}


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

    def error(self, what: str) -> StataError:
        return StataError.because(f"the expression {self.text!r} {what}")

    def whole(self) -> Node:
        node = self.binary(1)
        if self.at < len(self.tokens):
            raise self.error("cannot be read to its end")
        return node

    def binary(self, least: int) -> Node:
        node = self.unary()
        while True:
            kind, sign = self.peek()
            level = _OPERATORS[sign][0] if sign in _OPERATORS and kind == "sign" else 0
            if level < least:
                return node
            self.at += 1
            sign = "!=" if sign == "~=" else sign
            node = Node("binary", sign, (node, self.binary(level + 1)))

    def unary(self) -> Node:
        kind, text = self.peek()
        if not kind:
            raise self.error("ends too early")
        self.at += 1
        after = self.peek()[1]
        match kind, text:
            case "sign", "!" | "~" | "-" | "+":
                return Node("unary", text.replace("~", "!"), (self.binary(_NOT),))
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
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def expect(self, sign: str) -> None:
        text = self.peek()[1]
        if text != sign:
            raise self.error(f"has no closing {sign!r}" if text else "ends too early")
        self.at += 1


def _period(text: str) -> float:
    """Count periods since 1960 of ``m(2010m1)``, ``q(2010q1)`` or ``d(1jan2010)``."""
    if text.startswith("d"):
        day = datetime.strptime(text[2:-1].strip(), "%d%b%Y")
        return float((day - datetime(1960, 1, 1)).days)
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
    """Compute an expression of constants; anything else is refused."""
    if node.kind in ("number", "text", "missing"):
        return math.inf if node.kind == "missing" else node.value
    compute, parts = _computation(node)
    if compute is None:
        what = f"the function {node.value}()" if node.parts else repr(node.value)
        raise StataError.because(f"{what} is known only when the file is run")
    values = [constant(part) for part in parts]
    try:
        value = compute(*values)
        return value if isinstance(value, str) else float(value)
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise StataError.because(
            f"the constant {node.value!r} cannot be computed"
        ) from error


def _computation(node: Node) -> tuple[Any, Sequence[Node]]:
    """Find what computes a node, and the nodes that it needs."""
    match node.kind:
        case "unary":
            return _SIGNS[node.value], node.parts
        case "binary":
            return _OPERATORS[node.value][1], node.parts
        case "call" if node.value in _OF_CONSTANTS:
            return _OF_CONSTANTS[node.value], node.parts
        case "call" if node.value not in _OF_COLUMNS:
            name, *parts = _function(node)
            code = _PANDAS.get((name, len(parts)))
            return code and partial(_of_one_row, code), parts
    return None, node.parts


def _of_one_row(code: str, first: Any, *others: Any) -> Any:
    """Compute the code of a function on data of one row."""
    texts = [json.dumps(v) if isinstance(v, str) else number_text(v) for v in others]
    names = {"np": np, "pd": pd, "scipy": scipy, "df": pd.DataFrame(index=[0])}
    x = pd.Series([math.nan if first == math.inf else first])
    value = eval(code.format("x", *texts, by=""), names | {"x": x}).iloc[0]
    return math.inf if pd.isna(value) else value


# --- text in Python -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Printer:
    """Prints trees: as a condition of `where`, or as pandas code on a frame ``df``.

    `complete` has the variables that are never missing, such as the keys; `resolve`
    turns an abbreviated name into a column.
    """

    complete: Collection[str]
    resolve: Callable[[str], str]
    pandas: bool = False
    # Code of stored results, such as r(mean).
    results: Mapping[str, str] = field(default_factory=dict)
    # Variables of by, and whether the order of the rows is known.
    groups: Sequence[str] = ()
    in_order: bool = False
    # Code of the panel, which knows what a period is.
    panel: str = ""

    def condition(self, node: Node) -> str:
        """Print a tree as true or false for each row."""
        match node:
            case Node("binary", "&" | "|" as sign, parts):
                return self._joined(sign, [self._side(part, sign) for part in parts])
            case Node("unary", "!", (Node("call", "missing", parts),)):
                form = "~missing({0})" if self.pandas else "{0} == {0}"
                return self._joined("&", [form.format(self.value(x)) for x in parts])
            case Node("unary", "!", (inside,)):
                return self._negated(self.condition(inside))
            case Node("binary", sign, (a, b)) if sign in _COMPARISONS:
                if "missing" in (a.kind, b.kind):
                    return self._with_missing(sign, a, b)
                return self._comparison(sign, a, b)
            case Node("call", name) if name in _TESTS:
                return self._membership(node)
            case Node("number"):
                raise StataError.because(
                    "a condition that is a constant selects all rows or none"
                )
        return f"{self.number(node)} != 0"

    def _joined(self, sign: str, tests: Sequence[str]) -> str:
        """Join tests by & or |, in parentheses where pandas needs them."""
        if self.pandas and len(tests) > 1:
            return f" {sign} ".join(f"({test})" for test in tests)
        return {"&": " and ", "|": " or "}[sign].join(tests)

    def _group(self, sign: str, *tests: str) -> str:
        text = self._joined(sign, tests)
        return text if self.pandas else f"({text})"

    def _side(self, node: Node, outer: str) -> str:
        """Print a side of & or |, in parentheses if it is joined by the other sign."""
        text, sign = self.condition(node), node.value
        if node.kind == "call" and sign == "missing" and len(node.parts) > 1:
            sign = "|"
        other = {"&": "|", "|": "&"}[outer]
        return f"({text})" if sign == other and not self.pandas else text

    def _negated(self, text: str) -> str:
        return f"~({text})" if self.pandas else f"not ({text})"

    def _comparison(self, sign: str, a: Node, b: Node) -> str:
        misses_a, misses_b = self._may_miss(a), self._may_miss(b)
        x, z = self.value(a), self.value(b)
        plainly = f"{x} {sign} {z}"
        if sign in ("==", "!="):
            if not (misses_a and misses_b):
                return plainly
            both = self._group("&", f"{x} != {x}", f"{z} != {z}")
            same = self._group("|", f"{x} == {z}", both)
            return same if sign == "==" else self._negated(same)
        if sign in ("<", "<="):
            sign, x, z = _FLIPPED[sign], z, x
            misses_a, misses_b = misses_b, misses_a
        if not misses_a:
            return plainly
        if not misses_b:
            return self._negated(f"{x} {_OPPOSITE[sign]} {z}")
        if sign == ">=":
            return self._group("|", f"{x} >= {z}", f"{x} != {x}")
        return self._group("&", self._negated(f"{x} <= {z}"), f"{z} == {z}")

    def _with_missing(self, sign: str, a: Node, b: Node) -> str:
        if a.kind == "missing":
            a, b, sign = b, a, _FLIPPED.get(sign, sign)
        equal = {"<": "==", "!=": "==", "==": "!=", ">=": "!="}.get(sign)
        if equal is None or b.value != ".":
            raise StataError.because(
                f"a comparison '{sign} {b.value}' separates kinds of missing values, "
                "and there is one kind here"
            )
        x = self.value(a)
        return f"{x} {equal} {x}"

    def _membership(self, node: Node) -> str:
        sides = [self.value(part) for part in node.parts]
        if node.value == "missing":
            form = "missing({0})" if self.pandas else "{0} != {0}"
            return self._joined("|", [form.format(x) for x in sides])
        if (node.value, len(sides), sides.count("np.nan")) == ("inrange", 3, 0):
            x, low, high = sides
            text = f"{x}.between({low}, {high})"
            return text if self.pandas else f"{low} <= {x} <= {high}"
        if node.value == "inlist" and not any(part.names for part in node.parts[1:]):
            x, listed = sides[0], f"[{', '.join(sides[1:])}]"
            return f"{x}.isin({listed})" if self.pandas else f"{x} in {listed}"
        raise StataError.because(f"{node.value}() with these arguments")

    def _may_miss(self, node: Node) -> bool:
        return any(n.kind in ("shifted", "index") for n in node.walk()) or any(
            self.resolve(name) not in self.complete for name in node.names
        )

    def value(self, node: Node) -> str:
        """Print a text or a number."""
        if node.kind == "text":
            return json.dumps(node.value, ensure_ascii=False)
        return self.number(node)

    def number(self, node: Node) -> str:
        """Print a tree as a number for each row."""
        match node.kind:
            case "number":
                return number_text(node.value)
            case "name" if node.value not in ("_n", "_N"):
                name = self.resolve(node.value)
                return f"df[{name!r}]" if self.pandas else backticked(name)
            case "shifted" if not self.pandas:
                operators, _, name = node.value.rpartition(".")
                return shifted(operators.upper(), backticked(self.resolve(name)))
            case "unary" if node.value != "!":
                return f"-{self._factor(node.parts[0], _NOT)}"
            case "binary" if node.value in "+-*/^":
                return self._arithmetic(node)
            case "call" if not (self.pandas and node.value in _TESTS):
                return self._call(node)
        # Scripts make a column _n where a condition needs it.
        code = "_n" if node.value == "_n" else ""
        code = self._of_pandas(node) if self.pandas else code
        if not code:
            raise StataError.because(f"{_description(node)} has no counterpart here")
        return code

    def _check_order(self) -> None:
        if not self.in_order:
            raise StataError.because(
                "values by the number of the row, where the order is not stated",
                "Write bysort id (year):",
            )

    @property
    def by(self) -> str:
        """Code that groups a column by variables; a missing value is a group."""
        keys = ", ".join(f"df[{name!r}]" for name in self.groups)
        return f".groupby([{keys}], dropna=False)" if keys else ""

    def _of_row(self, node: Node) -> str:
        """Print ``_n``, ``_N`` and values of other rows, within groups."""
        if node.value == "_N":
            size = f"{self.by}.transform('size')" if self.by else ""
            return f"pd.Series(1, df.index){size}" if size else "len(df)"
        self._check_order()
        if node.value == "_n":
            return f"pd.Series(1, df.index){self.by}.cumsum()"
        column = f"df[{self.resolve(node.value)!r}]"
        of = f"{column}{self.by}"
        match node.parts[0]:
            case Node("name", "_n"):
                return column
            case Node("binary", "+" | "-" as sign, (Node("name", "_n"), number)):
                return f"{of}.shift({'-' * (sign == '+')}{constant(number):g})"
            case Node("number", 1.0) | Node("name", "_N") as end:
                position = 0 if end.kind == "number" else -1
                if self.by:
                    return f"{of}.transform(lambda x: x.iloc[{position}])"
                return f"{of}.iloc[{position}]"
        raise StataError.because(f"{_description(node)} has no counterpart here")

    def _of_pandas(self, node: Node) -> str:
        """Print what only pandas code has: texts, results, rows, tests as numbers."""
        match node.kind:
            case "name" | "index":
                return self._of_row(node)
            case "shifted" if self.panel:
                operators, _, name = node.value.rpartition(".")
                term = shifted(operators.upper(), backticked(self.resolve(name)))
                return f"by_time({self.panel}, df, {term!r})"
            case "text":
                return self.value(node)
            case "result":
                return self.results.get(node.value, "")
            case "missing":
                return "np.nan"
            case "binary" | "unary" | "call":
                return f"({self.condition(node)}).astype(float)"
        return ""

    def _arithmetic(self, node: Node) -> str:
        level, divisor = _OPERATORS[node.value][0], node.parts[1]
        base, factor = (
            self._factor(node.parts[0], level),
            self._factor(divisor, level + 1),
        )
        if node.value == "^":
            return f"{base}**{factor}"
        if self.pandas and node.value == "/" and divisor.names:
            factor = f"({factor})" if divisor.value == "^" else factor
            factor = f"{factor}.where({factor} != 0)"
        return f"{base} {node.value} {factor}"

    def _factor(self, node: Node, level: int) -> str:
        text = self.number(node)
        looser = node.kind == "binary" and _OPERATORS[node.value][0] < level
        # Code of some functions, as that of mod(), is itself arithmetic.
        is_call = node.kind == "call"
        is_open = is_call and isinstance(ast.parse(text, "", "eval").body, ast.BinOp)
        return f"({text})" if looser or is_open or node.kind == "unary" else text

    def _call(self, node: Node) -> str:
        """Print a function of columns."""
        if node.value == "sum":
            self._check_order()
        name, *parts = _function(node)
        kinds = {part.kind for part in node.walk()}
        if (name, len(parts)) in _PANDAS and kinds <= _CONSTANTS:
            value = constant(node)
            return self.value(
                Node("text" if isinstance(value, str) else "number", value)
            )
        first = self.condition if name == "cond" else self.value
        sides = [*map(first, parts[:1]), *map(self.value, parts[1:])]
        codes = _PANDAS if self.pandas else _TERMS
        if (name, len(parts)) not in codes:
            raise StataError.because(
                f"the function {node.value}() has no counterpart here"
            )
        return codes[name, len(parts)].format(*sides, by=self.by)


def _function(node: Node) -> tuple[Any, ...]:
    """Name a function for the tables, with a format or a function inside, and parts."""
    match node:
        case Node("call", "string", (a, Node("text", form))) if re.fullmatch(
            r"%0\d+\.\d+f", form
        ):
            return "string", a, Node("text", f"{{:{form[1:]}}}")
        case Node("call", name, (a, Node("text", form))) if name in _WITH_FORMAT:
            return f"{name}({form.upper()})", a
        case Node("call", "substr", (a, Node("number") as start, Node("missing"))):
            return "bytes", a, start
        case Node("call", "substr", (a, Node("number") as start, Node("number") as n)):
            return "bytes", a, start, n
        case Node("call", "subinstr", (a, old, new, Node("missing"))):
            return "subinstr", a, old, new, Node("number", -1.0)
        case Node("call", "max" | "min" as name, (*others, last)) if len(others) > 1:
            return name, Node("call", name, tuple(others)), last
    return node.value, *node.parts


def _description(node: Node) -> str:
    """Describe a node that cannot be printed."""
    match node.kind:
        case "index":
            return f"the subscript of {node.value}[...]"
        case "result":
            return f"{node.value}, a stored result,"
        case "binary":
            return f"{node.value!r} inside arithmetic"
    return str(node.value)


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
