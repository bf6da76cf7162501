"""Expressions of Stata: a tree, its value if constant, and its text in Python.

Stata takes a missing value as larger than any number, Python's comparisons with one are
false. What is printed here selects the rows that Stata selects.
"""

from __future__ import annotations

import json
import math
import operator
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from digiprosper.errors import StataError
from digiprosper.panel.grammar import as_written

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>`"(?:.*?)"'|"[^"]*(?:"|$))
    |(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?)
    |(?P<shifted>(?:[LFDSlfds]\d*)+\.[^\W\d]\w*)
    |(?P<result>(?:[rec]\([\w:]+\)|_(?:b|se)\[[^\]]*\]))
    |(?P<missing>\.[a-z]?(?![\w]))
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>==|!=|~=|>=|<=|[-+*/^&|!~<>()\[\],=:])
    )""",
    re.VERBOSE,
)
_PRECEDENCE = {
    "|": 1,
    "&": 2,
    **dict.fromkeys(("==", "!=", "~=", ">", "<", ">=", "<="), 3),
    **dict.fromkeys("+-", 4),
    **dict.fromkeys("*/", 5),
    "^": 7,
}
_NOT = 6
_FLIPPED = {">": "<", "<": ">", ">=": "<=", "<=": ">="}
_OPPOSITE = {">": "<=", ">=": "<"}
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": operator.pow,
}
_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_MATHS: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "ceil": math.ceil,
    "exp": math.exp,
    "floor": math.floor,
    "int": math.trunc,
    "length": len,
    "ln": math.log,
    "log": math.log,
    "lower": str.lower,
    "max": max,
    "min": min,
    "mod": lambda a, b: a % b,
    "real": float,
    "round": lambda a, b=1: round(a / b) * b,
    "sqrt": math.sqrt,
    "string": lambda a: number_text(a),
    "strlen": len,
    "strlower": str.lower,
    "strupper": str.upper,
    "trunc": math.trunc,
    "upper": str.upper,
}
# Code of functions by name and number of arguments. Stata's logarithm of what is not
# positive is missing, and its min() and max() leave missing values out.
_TERMS = {
    ("ln", 1): "log({0})",
    ("log", 1): "log({0})",
    ("exp", 1): "exp({0})",
    ("abs", 1): "abs({0})",
    ("sqrt", 1): "sqrt({0})",
    ("mod", 2): "({0}) % {1}",
}
_PANDAS = {
    ("ln", 1): "np.log(({0}).where({0} > 0))",
    ("log", 1): "np.log(({0}).where({0} > 0))",
    ("log10", 1): "np.log10(({0}).where({0} > 0))",
    ("sqrt", 1): "np.sqrt(({0}).where({0} >= 0))",
    ("exp", 1): "np.exp({0})",
    ("abs", 1): "np.abs({0})",
    ("floor", 1): "np.floor({0})",
    ("ceil", 1): "np.ceil({0})",
    ("int", 1): "np.trunc({0})",
    ("mod", 2): "({0}) % {1}",
    ("max", 2): "np.fmax({0}, {1})",
    ("min", 2): "np.fmin({0}, {1})",
    ("strpos", 2): "({0}.str.find({1}) + 1)",
    ("lower", 1): "{0}.str.lower()",
    ("strlower", 1): "{0}.str.lower()",
    ("upper", 1): "{0}.str.upper()",
    ("strupper", 1): "{0}.str.upper()",
    ("trim", 1): "{0}.str.strip()",
    ("strtrim", 1): "{0}.str.strip()",
    ("string", 1): "{0}.map('{{:.7g}}'.format)",
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
        """List the node and all nodes inside."""
        yield self
        for part in self.parts:
            yield from part.walk()

    @property
    def names(self) -> tuple[str, ...]:
        """Variables inside, also those that are lagged or have a subscript."""
        names = [
            n.value.rpartition(".")[2] if n.kind == "shifted" else n.value
            for n in self.walk()
            if n.kind in ("name", "shifted", "index")
        ]
        return tuple(dict.fromkeys(n for n in names if n not in ("_n", "_N")))


def parse(text: str) -> Node:
    """Parse an expression."""
    parser = _Parser(text)
    node = parser.binary(0)
    if parser.at < len(parser.tokens):
        raise StataError.because(
            f"the expression {text.strip()!r} cannot be read to its end"
        )
    return node


class _Parser:
    """Operator precedence as in Stata's manual; all operators bind to the left."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.tokens: list[tuple[str, str]] = []
        self.at = 0
        at = 0
        while at < len(self.text):
            match = _TOKEN.match(self.text, at)
            if match is None or match.end() == at:
                raise StataError.because(f"the expression {self.text!r} cannot be read")
            at = match.end()
            kind = match.lastgroup or "sign"
            self.tokens.append((kind, match[kind]))

    def binary(self, least: int) -> Node:
        left_side = self.unary()
        while self.at < len(self.tokens):
            sign = self.tokens[self.at][1]
            level = _PRECEDENCE.get(sign, 0)
            if self.tokens[self.at][0] != "sign" or level == 0 or level < least:
                break
            self.at += 1
            right_side = self.binary(level + 1)
            sign = "!=" if sign == "~=" else sign
            left_side = Node("binary", sign, (left_side, right_side))
        return left_side

    def unary(self) -> Node:
        kind, text = self.next()
        if kind == "sign" and text in "!~-+":
            inside = self.binary(_NOT)
            return Node("unary", "!" if text in "!~" else text, (inside,))
        if (kind, text) == ("sign", "("):
            node = self.binary(0)
            self.expect(")")
            return node
        if kind == "sign":
            raise StataError.because(
                f"the expression {self.text!r} cannot be read at {text!r}"
            )
        if kind == "number":
            return Node("number", float(text))
        if kind == "text":
            return Node("text", unquoted(text))
        if kind == "name" and self.peek() == "(":
            return Node("call", text, self.arguments())
        if kind == "name" and self.peek() == "[":
            self.at += 1
            index = self.binary(0)
            self.expect("]")
            return Node("index", text, (index,))
        return Node(kind, text)

    def arguments(self) -> tuple[Node, ...]:
        self.at += 1
        parts: list[Node] = []
        while self.peek() not in (")", ""):
            parts.append(self.binary(0))
            if self.peek() == ",":
                self.at += 1
        self.expect(")")
        return tuple(parts)

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise StataError.because(f"the expression {self.text!r} ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def expect(self, sign: str) -> None:
        if self.next()[1] != sign:
            raise StataError.because(
                f"the expression {self.text!r} has no closing {sign!r}"
            )


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


# --- constants ------------------------------------------------------------------------


def constant(node: Node) -> Any:
    """Compute an expression of constants; anything else is refused."""
    values = [constant(part) for part in node.parts] if node.kind != "index" else []
    try:
        match node.kind:
            case "number" | "text":
                return node.value
            case "missing":
                return math.inf
            case "unary":
                return _signed(node.value, values[0])
            case "binary":
                return _combined(node.value, values[0], values[1])
            case "call":
                return _called(node.value, values)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise StataError.because(
            f"the constant {node.value!r} cannot be computed"
        ) from error
    raise StataError.because(f"{node.value!r} is known only when the file is run")


def _signed(sign: str, value: Any) -> Any:
    if sign == "!":
        return float(value == 0)
    return -value if sign == "-" else value


def _combined(sign: str, a: Any, b: Any) -> Any:
    if sign in _ARITHMETIC:
        return _ARITHMETIC[sign](a, b)
    if sign in _COMPARISONS:
        return float(_COMPARISONS[sign](a, b))
    return float((a != 0 and b != 0) if sign == "&" else (a != 0 or b != 0))


def _called(name: str, values: Sequence[Any]) -> Any:
    if name == "inlist":
        return float(values[0] in values[1:])
    if name == "inrange":
        return float(values[1] <= values[0] <= values[2])
    if name in ("strpos", "regexm", "strmatch"):
        place = str(values[0]).find(str(values[1]))
        return float(place + 1)
    if name == "cond":
        return values[1] if values[0] else values[2]
    if name not in _MATHS:
        raise StataError.because(
            f"the function {name}() is known only when the file is run"
        )
    value = _MATHS[name](*values)
    return value if isinstance(value, str) else float(value)


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

    def condition(self, node: Node) -> str:
        """Print a tree as true or false for each row."""
        if node.kind == "binary" and node.value in "&|":
            sides = [self._inside(part, node.value) for part in node.parts]
            word = node.value if self.pandas else {"&": "and", "|": "or"}[node.value]
            return f" {word} ".join(sides)
        if node.kind == "unary" and node.value == "!":
            return self._not(node.parts[0])
        if node.kind == "binary" and node.value in _COMPARISONS:
            return self._comparison(node.value, *node.parts)
        if node.kind == "call" and node.value in ("missing", "mi", "inlist", "inrange"):
            return self._membership(node)
        if node.kind == "number":
            raise StataError.because(
                "a condition that is a constant selects all rows or none"
            )
        return f"{self.number(node)} != 0"

    def _not(self, node: Node) -> str:
        if node.kind == "call" and node.value in ("missing", "mi"):
            sides = [self.value(part) for part in node.parts]
            return self._joined(" & ", " and ", [f"{side} == {side}" for side in sides])
        return self._negated(self.condition(node))

    def _inside(self, node: Node, outer: str) -> str:
        text = self.condition(node)
        if self.pandas:
            return f"({text})"
        other = node.kind == "binary" and node.value in "&|" and node.value != outer
        return f"({text})" if other else text

    def _negated(self, text: str) -> str:
        return f"~({text})" if self.pandas else f"not ({text})"

    def _comparison(self, sign: str, a: Node, b: Node) -> str:
        if "missing" in (a.kind, b.kind):
            return self._with_missing(sign, a, b)
        misses_a, misses_b = self._may_miss(a), self._may_miss(b)
        left_side, right_side = self.value(a), self.value(b)
        if sign in ("==", "!="):
            if not (misses_a and misses_b):
                return f"{left_side} {sign} {right_side}"
            both = self._both(f"{left_side} != {left_side}", right_side, "!=")
            same = self._either(f"{left_side} == {right_side}", both)
            return same if sign == "==" else self._negated(same)
        plainly = f"{left_side} {sign} {right_side}"
        if sign in ("<", "<="):
            sign, left_side, right_side = _FLIPPED[sign], right_side, left_side
            misses_a, misses_b = misses_b, misses_a
        if not misses_a:
            return plainly
        if not misses_b:
            return self._negated(f"{left_side} {_OPPOSITE[sign]} {right_side}")
        if sign == ">=":
            return self._either(
                f"{left_side} >= {right_side}", f"{left_side} != {left_side}"
            )
        negated = self._negated(f"{left_side} <= {right_side}")
        return self._both(negated, right_side, "==")

    def _both(self, text: str, side: str, sign: str) -> str:
        if self.pandas:
            return f"({text}) & ({side} {sign} {side})"
        return f"({text} and {side} {sign} {side})"

    def _either(self, first: str, second: str) -> str:
        return f"({first}) | ({second})" if self.pandas else f"({first} or {second})"

    def _with_missing(self, sign: str, a: Node, b: Node) -> str:
        if a.kind == "missing":
            a, b, sign = b, a, _FLIPPED.get(sign, sign)
        side = self.value(a)
        if b.value == "." and sign in ("<", "!="):
            return f"{side} == {side}"
        if b.value == "." and sign in ("==", ">="):
            return f"{side} != {side}"
        raise StataError.because(
            f"a comparison '{sign} {b.value}' separates kinds of missing values, and "
            "there is one kind here"
        )

    def _membership(self, node: Node) -> str:
        sides = [self.value(part) for part in node.parts]
        if node.value == "inrange" and len(sides) == 3:
            x, low, high = sides
            return (
                f"{x}.between({low}, {high})"
                if self.pandas
                else f"{low} <= {x} <= {high}"
            )
        if node.value == "inlist" and not any(part.names for part in node.parts[1:]):
            listed = f"[{', '.join(sides[1:])}]"
            return (
                f"{sides[0]}.isin({listed})"
                if self.pandas
                else f"{sides[0]} in {listed}"
            )
        if node.value in ("missing", "mi"):
            return self._joined(" | ", " or ", [f"{side} != {side}" for side in sides])
        raise StataError.because(f"{node.value}() with these arguments")

    def _joined(self, sign: str, word: str, tests: Sequence[str]) -> str:
        """Join tests, in parentheses where pandas needs them."""
        if self.pandas and len(tests) > 1:
            return sign.join(f"({test})" for test in tests)
        return word.join(tests)

    def _may_miss(self, node: Node) -> bool:
        if any(n.kind == "shifted" for n in node.walk()):
            return True
        return any(self.resolve(name) not in self.complete for name in node.names)

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
            case "name" if node.value not in ("_n", "_N", "_pi"):
                return self._column(self.resolve(node.value))
            case "shifted" if not self.pandas:
                return shifted(*read_shift(node.value, self.resolve))
            case "unary" if node.value in "-+":
                return f"-{self._factor(node.parts[0], 6)}"
            case "binary" if node.value in _ARITHMETIC:
                return self._arithmetic(node)
            case "call":
                return self._call(node)
            case "text" if self.pandas:
                return json.dumps(node.value, ensure_ascii=False)
            case "result" if self.pandas and node.value in self.results:
                return self.results[node.value]
            case "missing" if self.pandas:
                return "np.nan"
            case "binary" | "unary" if self.pandas:
                return f"({self.condition(node)}).astype(float)"
        raise StataError.because(f"{_description(node)} has no counterpart here")

    def _column(self, name: str) -> str:
        return f"df[{name!r}]" if self.pandas else as_written(name)

    def _arithmetic(self, node: Node) -> str:
        level = _PRECEDENCE[node.value]
        sign = "**" if node.value == "^" else node.value
        left_side = self._factor(node.parts[0], level)
        right_side = self._factor(node.parts[1], level + 1)
        if self.pandas and sign == "/" and node.parts[1].names:
            right_side = f"{right_side}.where({right_side} != 0)"
        return (
            f"{left_side}**{right_side}"
            if sign == "**"
            else f"{left_side} {sign} {right_side}"
        )

    def _factor(self, node: Node, level: int) -> str:
        text = self.number(node)
        inner = _PRECEDENCE.get(node.value, 9) if node.kind == "binary" else 9
        return f"({text})" if inner < level or node.kind == "unary" else text

    def _call(self, node: Node) -> str:
        """Print a function of columns."""
        name, count = node.value, len(node.parts)
        if self.pandas and name in ("missing", "mi", "inlist", "inrange"):
            return f"({self.condition(node)}).astype(float)"
        if self.pandas and (name, count) == ("cond", 3):
            where, *values = (
                self.condition(node.parts[0]),
                *map(self.value, node.parts[1:]),
            )
            return f"pd.Series(np.where({where}, {values[0]}, {values[1]}), df.index)"
        sides = [self.value(part) for part in node.parts]
        if self.pandas and (name, count) == ("substr", 3) and sides[1].isdigit():
            first = int(sides[1]) - 1
            last = "" if sides[2] == "np.nan" else f"{first} + {sides[2]}"
            return f"{sides[0]}.str[{first}:{last}]"
        codes = _PANDAS if self.pandas else _TERMS
        if (name, count) not in codes:
            raise StataError.because(f"the function {name}() has no counterpart here")
        return codes[name, count].format(*sides)


def _description(node: Node) -> str:
    """Describe a node that cannot be printed."""
    if node.kind == "index":
        return f"the subscript of {node.value}[...]"
    if node.kind == "result":
        return f"{node.value}, a stored result,"
    if node.kind == "binary":
        return f"{node.value!r} inside arithmetic"
    return str(node.value)


def read_shift(text: str, resolve: Callable[[str], str]) -> tuple[str, str]:
    """Split a variable with operators, ``L2D.x``, into the operators and the column."""
    operators, _, name = text.rpartition(".")
    return operators.upper(), as_written(resolve(name))


def shifted(operators: str, term: str) -> str:
    """Write lags, leads and differences as terms: ``L2D`` of x is lag(diff(x), 2)."""
    for sign, digits in reversed(re.findall(r"([LFDS])(\d*)", operators)):
        count = int(digits or 1)
        if count == 0:
            continue
        if sign in "LF":
            function = "lag" if sign == "L" else "lead"
            term = (
                f"{function}({term})" if count == 1 else f"{function}({term}, {count})"
            )
        elif sign == "D":
            for _ in range(count):
                term = f"diff({term})"
        elif count == 1:
            term = f"diff({term})"
        else:
            term = f"I({term} - lag({term}, {count}))"
    return term
