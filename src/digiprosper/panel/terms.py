"""What a term may say, read from its syntax tree and worked out on columns.

A string that equals a column name is that column. Anything else is one formulaic-style term: factors joined
by ``:``, each a column or a call of `C I log log1p exp sqrt abs lag lead diff`. Nothing else is reachable.
A text is read only up to a length and a depth, so that none takes long.
"""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from digiprosper.errors import (
    InputTypeError,
    MissingDataError,
    Notice,
    TermError,
    cited,
    clipped,
    unknown_columns,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from digiprosper.kernels import Floats

__all__ = [
    "FUNCTIONS",
    "KEPT",
    "Columns",
    "Factor",
    "Term",
    "calculate",
    "canonical",
    "check_arithmetic",
    "coded_words",
    "evaluate",
    "parse",
    "split_crossed",
    "too_deep",
    "too_long",
]

FUNCTIONS = ("C", "I", "log", "log1p", "exp", "sqrt", "abs", "lag", "lead", "diff")
_SHIFTS = ("lag", "lead", "diff")
_LOGARITHMS = ("log", "log1p")
_MATHS: Mapping[str, Callable[[Floats], Floats]] = {
    "I": lambda x: x,
    "log": np.log,
    "log1p": np.log1p,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
}
_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
_TEXT = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
KEPT = rf"{_TEXT}|`[^`]+`"
_TOKEN = re.compile(rf"(?P<text>{_TEXT})|`(?P<ticked>[^`]+)`|(?P<word>[^\W\d]\w*)|(?P<mark>[:@#])")
_BOUNDED = re.compile(
    rf"(?P<prefixed>\w(?=['\"]))|{KEPT}|(?P<number>(?<![\w.])[\d.][\w.]*)"
    r"|(?P<sign>[-+~*/%@^|&:.(\[{]|\b(?:not|if|lambda|await)\b)"
)
_TICKED = re.compile("`([^`]+)`")
_LONGEST_TERM = 2_000
_LONGEST_NUMBER = 50
_MOST_SIGNS = 1_000
_DEEPEST = 100
_LONGEST_ADVICE = 100
_BLANK = re.compile(rf"(?P<kept>{KEPT})|(?P<between>(?<=\w)\s+(?=\w))|\s+")


class Columns(Protocol):
    """Where a term finds its columns."""

    @property
    def known(self) -> Sequence[str]:
        """Names that exist, the keys among them."""
        ...

    def numeric(self, name: str) -> Floats:
        """Values of a numeric column as float64."""
        ...

    def raw(self, name: str) -> np.ndarray[Any, Any]:
        """Values of any column as they are."""
        ...

    def shift(self, values: Floats, periods: int) -> Floats:
        """Values `periods` steps earlier inside the entity, missing where there is none."""
        ...

    def describe_rows(self, bad: np.ndarray[Any, np.dtype[np.bool_]]) -> str:
        """Count rows and list the first."""
        ...


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a term.

    Parameters
    ----------
    text : str
        As typed.
    node : ast.expr
        Its checked syntax tree.
    names : tuple of str
        Columns inside.
    category : str or None
        The column inside ``C(...)``.
    """

    text: str
    node: ast.expr
    names: tuple[str, ...]
    category: str | None


@dataclass(frozen=True, slots=True)
class Term:
    """A term as typed and what it is made of.

    Parameters
    ----------
    text : str
        As typed, without outer blanks.
    column : str or None
        The column when the whole text is a column's name.
    factors : tuple of Factor
        Otherwise its factors.
    """

    text: str
    column: str | None
    factors: tuple[Factor, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Columns inside."""
        if self.column is not None:
            return (self.column,)
        return tuple(dict.fromkeys(n for f in self.factors for n in f.names))

    @property
    def shifts(self) -> bool:
        """Whether it looks at another period."""
        return any(
            isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in _SHIFTS
            for f in self.factors
            for n in ast.walk(f.node)
        )

    @property
    def lags(self) -> tuple[tuple[str, int], ...]:
        """What each factor is a lag of, and of how many periods; 0 for one that is no lag."""
        if self.column is not None:
            return ((self.column, 0),)
        parts = [_without_lags(f.node) for f in self.factors]
        return tuple((ast.unparse(node), periods) for node, periods in parts)

    @property
    def is_logarithm(self) -> bool:
        """Whether it is one factor with a log or log1p in it, differences of periods apart."""
        return len(self.factors) == 1 and _has_logarithm(self.factors[0].node)


def _without_lags(node: ast.expr) -> tuple[ast.expr, int]:
    """Take lags out of nested calls: a logarithm of a lag is the lag of a logarithm."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id == "diff":
        return node, 0
    inner, periods = _without_lags(node.args[0])
    if node.func.id == "lag":
        return inner, periods + _steps(node, "lag", "x")
    return ast.Call(node.func, [inner, *node.args[1:]], node.keywords), periods


def _has_logarithm(node: ast.AST) -> bool:
    called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    # A difference of logarithms has no units.
    if called == "diff":
        return False
    return called in _LOGARITHMS or any(_has_logarithm(part) for part in ast.iter_child_nodes(node))


def canonical(text: str, known: Iterable[str] = ()) -> str:
    """Give the form in which terms are compared.

    Parameters
    ----------
    text : str
        A term.
    known : iterable of str
        Column names, which are kept as they are.

    Returns
    -------
    str
        Without blanks where it reads as a term; blanks in quotation marks and backticks count. A text that
        can only be a column's name, such as ``"K / L"``, stays as it is.
    """

    def shorter(found: re.Match[str]) -> str:
        return found.group("kept") or (" " if found.group("between") else "")

    stripped = text.strip()
    if text in known or not _reads_as_term(stripped):
        return text if text in known else stripped
    short = _BLANK.sub(shorter, stripped)
    ticked = _TICKED.fullmatch(short)
    return ticked[1] if ticked else short


@lru_cache(maxsize=4096)
def _reads_as_term(text: str) -> bool:
    """Tell whether a text has the shape of a term or of crossed effects, whatever its columns are."""
    if too_long(text, _LONGEST_TERM):
        return False
    try:
        tree = ast.parse(coded_words(text.replace("^", ":"))[0], mode="eval").body
    except (SyntaxError, ValueError):
        return False
    if too_deep(tree):
        return False
    return all(
        isinstance(f, ast.Name)
        or (isinstance(f, ast.Call) and isinstance(f.func, ast.Name) and f.func.id in FUNCTIONS)
        for f in _joined(tree)
    )


def _joined(tree: ast.expr) -> list[ast.expr]:
    """Take apart what stands between the colons."""
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.MatMult):
        return [*_joined(tree.left), *_joined(tree.right)]
    return [tree]


def split_crossed(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Split an absorbed effect at ``^``.

    Parameters
    ----------
    text : str
        Such as ``"region^year"``.
    known : sequence of str
        Column names.

    Returns
    -------
    tuple of str
        The effects that are crossed; one when there is no ``^``.
    """
    if text in known or "^" not in text:
        return (text,)
    return tuple(part.strip() for part in text.split("^"))


def parse(text: str, known: Sequence[str], role: str) -> Term:
    """Read one term.

    Parameters
    ----------
    text : str
        As typed.
    known : sequence of str
        Column names, the keys among them.
    role : str
        Where it stands, for messages.

    Returns
    -------
    Term
        Checked: it names only columns and allowed functions.

    Raises
    ------
    TermError
        If it is several terms, a bare power, or calls anything that is not allowed.
    ColumnError
        If it names columns that do not exist.
    """
    if text in known:
        return Term(text, text, ())
    stripped = text.strip()
    if stripped in known:
        return Term(stripped, stripped, ())
    if not stripped:
        raise TermError(f"{role} has an empty term; specify a column.")
    tree, ticked = _tree(stripped, known, role)
    restore = {v: k for k, v in ticked.items()}
    factors = []
    for node in _split_factors(tree, stripped, role):
        shown = ast.unparse(node)
        for name, original in restore.items():
            shown = shown.replace(name, f"`{original}`")
        factors.append(_factor(node, shown, restore, known, role))
    if len(factors) == 1 and isinstance(factors[0].node, ast.Name):
        return Term(factors[0].names[0], factors[0].names[0], ())
    return Term(stripped, None, tuple(factors))


def _tree(stripped: str, known: Sequence[str], role: str) -> tuple[ast.expr, dict[str, str]]:
    """Parse with Python's own grammar, in which ':' becomes the one operator terms lack."""
    long = too_long(stripped, _LONGEST_TERM)
    if long:
        raise _refused(stripped, role, long)
    source, ticked = coded_words(stripped)
    try:
        tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise _unreadable(stripped, known, role) from error
    deep = too_deep(tree)
    if deep:
        raise _refused(stripped, role, deep)
    return tree, ticked


def _unreadable(text: str, known: Sequence[str], role: str) -> Exception:
    if " " in text and all(w in known for w in text.split()):
        parts = text.split()
        return TermError(
            f"{role}={cited(text)} has several columns in one text; pass a list: {cited(parts)}."
        )
    if not any(c in text for c in "()+*:^~|,=[]{}#"):
        return unknown_columns([text], known, role)
    why = "it cannot be read (put a name that is not one word in backticks)"
    reserved = [w for w in known if keyword.iskeyword(w) and re.search(rf"\b{w}\b", text)]
    if reserved:
        why = f"{cited(reserved[0])} is a reserved word of Python: put it in backticks, log(`{reserved[0]}`)"
    return _refused(text, role, _stata(text) or why)


def too_long(text: str, longest: int) -> str | None:
    """Find out whether a text is too long to be read, and why.

    Parameters
    ----------
    text : str
        A term, a condition or a restriction.
    longest : int
        Characters it may have.

    Returns
    -------
    str or None
        The reason; None where it is short enough for Python's own parser.
    """
    if len(text) > longest:
        return f"it has {len(text):,} characters, more than {longest:,}"
    found = list(_BOUNDED.finditer(text))
    if any(part["prefixed"] for part in found):
        return "there is a letter before a quotation mark"
    if any(len(part["number"] or "") > _LONGEST_NUMBER for part in found):
        return f"it has a number of more than {_LONGEST_NUMBER} digits"
    if sum(part["sign"] is not None for part in found) > _MOST_SIGNS:
        return f"it has more than {_MOST_SIGNS:,} signs; make its parts columns first, with assign()"
    return None


def too_deep(tree: ast.expr) -> str | None:
    """Find out whether a syntax tree is too deep to be evaluated, and why.

    Parameters
    ----------
    tree : ast.expr
        Of a text that is not `too_long`.

    Returns
    -------
    str or None
        The reason; None where it is not.
    """
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return None
    return f"it has more than {_DEEPEST} nested levels; make its parts columns first, with assign()"


def coded_words(text: str) -> tuple[str, dict[str, str]]:
    """Put words for names that Python's grammar does not take, and ``@`` for ``:``.

    ``@`` and ``#`` become ``$``, which is no sign of Python: it would read the one as an operator and the
    other as the start of a comment.

    Parameters
    ----------
    text : str
        A term or a condition.

    Returns
    -------
    source : str
        For Python's parser.
    words : dict
        Name to the word that stands for it in `source`; no such word is in `text`.
    """
    words: dict[str, str] = {}
    stem = "_ticked"
    while stem in text:
        stem = f"_{stem}"

    def word(found: re.Match[str]) -> str:
        if found.group("mark"):
            return "@" if found.group("mark") == ":" else "$"
        plain = found.group("word")
        # Python reads full-width letters as the plain ones: another column, or none.
        name = found.group("ticked") or (plain if plain != unicodedata.normalize("NFKC", plain or "") else "")
        return words.setdefault(name, f"{stem}{len(words)}_") if name else found.group(0)

    return _TOKEN.sub(word, text), words


def _split_factors(tree: ast.expr, text: str, role: str) -> list[ast.expr]:
    if isinstance(tree, ast.BinOp):
        if isinstance(tree.op, ast.MatMult):
            return [*_split_factors(tree.left, text, role), *_split_factors(tree.right, text, role)]
        if isinstance(tree.op, ast.Pow | ast.BitXor):
            cure = _inside(text.replace("^", "**"))
            raise _refused(text, role, f"a power outside I() is not a term; write {cure}")
        if isinstance(tree.op, ast.Mult | ast.Add):
            raise _refused(text, role, f"it is several terms; {_several(tree, text)}")
        raise _refused(text, role, f"write {_inside(text)} for arithmetic")
    if isinstance(tree, ast.Name | ast.Call):
        return [tree]
    if isinstance(tree, ast.Constant | ast.UnaryOp | ast.Compare):
        raise _refused(text, role, f"write {_inside(text)} for arithmetic")
    raise _refused(text, role, _stata(text) or "it is neither a column nor a call of an allowed function")


def _inside(text: str) -> str:
    return f"I({text})" if len(text) <= _LONGEST_ADVICE else "it inside I()"


def _several(tree: ast.BinOp, text: str) -> str:
    a, b = ast.unparse(tree.left), ast.unparse(tree.right)
    if len(text) > _LONGEST_ADVICE:
        return "pass a list of them"
    if isinstance(tree.op, ast.Mult):
        return f"write {[a, b, f'{a}:{b}']}, or I({text})"
    return f"write {[a, b]}, or I({text}) for the sum"


# What Stata and numpy call it, and the way to write it here; the first that fits is shown.
_SPELLINGS = (
    (r"^(?:c\.)?(\w+)#+(?:c\.)?\1$", r"a square is I(\1**2)"),
    (r"#", "Stata's '#' is ':' for a product of regressors and '^' for crossed effects in absorb"),
    (r"^L\d*\.(\w+)$", r"a lag is lag(\1)"),
    (r"^F\d*\.(\w+)$", r"a lead is lead(\1)"),
    (r"^D\d*\.(\w+)$", r"a difference is diff(\1)"),
    (r"^i\.(\w+)$", r"categories are C(\1)"),
    (r"^c\.(\w+)$", r"a column is just \1"),
    (r"^ln\((.+)\)$", r"the natural logarithm is log(\1)"),
    (r"^np\.(\w+)\((.+)\)$", r"write \1(\2)"),
)


def _stata(text: str) -> str | None:
    for pattern, cure in _SPELLINGS:
        found = re.search(pattern, text[:_LONGEST_ADVICE])
        if found:
            return found.expand(cure)
    return None


def _refused(text: str, role: str, why: str) -> TermError:
    return TermError(
        f"{role} cannot use the term {cited(text)}: {why}. A term is a column, "
        f"{', '.join(f'{f}()' for f in FUNCTIONS)} "
        "of columns, or such factors joined by ':'.",
        [Notice("term", why, {"term": text, "role": role})],
    )


def _factor(node: ast.expr, text: str, restore: Mapping[str, str], known: Sequence[str], role: str) -> Factor:
    names: list[str] = []
    _check(node, text, role, names)
    if not names:
        raise _refused(text, role, "it has no column")
    names = [restore.get(n, n) for n in dict.fromkeys(names)]
    absent = [n for n in names if n not in known]
    if absent:
        raise unknown_columns(absent, known, role if text in absent else f"{role} ({clipped(text)})")
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in restore:
            part.id = restore[part.id]
    category = None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "C":
        category = names[0]
    return Factor(text, node, tuple(names), category)


def check_arithmetic(node: ast.expr, text: str, role: str) -> None:
    """Check what stands inside of a call.

    Parameters
    ----------
    node : ast.expr
        Part of a syntax tree.
    text : str
        The whole text, for messages.
    role : str
        Where it stands, for messages.

    Raises
    ------
    TermError
        If it has anything but columns, constants, arithmetic, single comparisons and allowed functions.
    """
    _check(node, text, role, [], top=False)


def _check(node: ast.expr, text: str, role: str, names: list[str], *, top: bool = True) -> None:
    if isinstance(node, ast.Name):
        names.append(node.id)
    elif isinstance(node, ast.Call):
        _check_call(node, text, role, names, top=top)
    elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        _check(node.left, text, role, names, top=False)
        _check(node.right, text, role, names, top=False)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        _check(node.operand, text, role, names, top=False)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
        _check(node.left, text, role, names, top=False)
        _check(node.comparators[0], text, role, names, top=False)
    elif isinstance(node, ast.Constant) and (isinstance(node.value, str) or _is_number(node.value)):
        pass
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        raise _refused(
            text.replace(" @ ", ":"),
            role,
            "':' joins the factors of an interaction and must be outside function calls",
        )
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
        raise _refused(text, role, "write ** for a power inside a call")
    else:
        raise _refused(text, role, f"{cited(ast.unparse(node))} is not allowed inside a term")


def _is_number(value: object) -> bool:
    if not isinstance(value, int | float):
        return False
    try:
        return bool(np.isfinite(float(value)))
    except OverflowError:
        return False


def _check_call(node: ast.Call, text: str, role: str, names: list[str], *, top: bool) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
    if name not in FUNCTIONS:
        why = f"{cited(name)} is not among the allowed functions"
        cure = _stata(text)
        raise _refused(text, role, f"{why}; {cure}" if cure else why)
    if name == "C":
        if not top or len(node.args) != 1 or node.keywords or not isinstance(node.args[0], ast.Name):
            raise _refused(
                text, role, "C() takes one column and is used alone or as a factor of an interaction with ':'"
            )
    elif name in _SHIFTS:
        _steps(node, text, role)
    elif len(node.args) != 1 or node.keywords:
        raise _refused(text, role, f"{name}() takes one argument")
    _check(node.args[0], text, role, names, top=False)


def _steps(node: ast.Call, text: str, role: str) -> int:
    given = [*node.args[1:], *(k.value for k in node.keywords)]
    if not node.args or len(given) > 1 or any(k.arg != "k" for k in node.keywords):
        raise _refused(text, role, "write lag(x), lag(x, 2) or lag(x, k=2)")
    if not given:
        return 1
    value = given[0].value if isinstance(given[0], ast.Constant) else None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _refused(
            text, role, "the number of periods must be an integer of at least 1; for later periods use lead()"
        )
    return value


def evaluate(term: Term, columns: Columns) -> Floats:
    """Work out a term without categories.

    Parameters
    ----------
    term : Term
        From `parse`.
    columns : Columns
        Where its columns are.

    Returns
    -------
    (N,) array
        Values, missing where an operand is missing.

    Raises
    ------
    MissingDataError
        If finite values give an undefined or infinite one, such as the log of zero.
    """
    if term.column is not None:
        return columns.numeric(term.column)
    out: Floats | None = None
    for factor in term.factors:
        value = np.asarray(calculate(factor.node, columns, term.text), dtype=np.float64)
        out = value if out is None else _finite(np.multiply, (out, value), columns, term.text)
    assert out is not None
    return out


def calculate(node: ast.expr, columns: Columns, text: str) -> Any:
    """Work out a checked syntax tree without categories.

    Parameters
    ----------
    node : ast.expr
        Calls, arithmetic, comparisons, columns, numbers and text, as `parse` allows them.
    columns : Columns
        Where its columns are.
    text : str
        The whole term, for messages.

    Returns
    -------
    (N,) array, float or str
        Values, missing where an operand is missing.

    Raises
    ------
    TermError, InputTypeError, MissingDataError
        If it calculates with text, or is undefined somewhere.
    """
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return columns.numeric(node.id)
    if isinstance(node, ast.UnaryOp):
        inner = calculate(node.operand, columns, text)
        if isinstance(inner, str):
            raise TermError(f"the term {cited(text)} uses text in a calculation.")
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.Compare):
        return _compare(node, columns, text)
    if isinstance(node, ast.BinOp):
        a, b = calculate(node.left, columns, text), calculate(node.right, columns, text)
        if isinstance(a, str) or isinstance(b, str):
            raise TermError(f"the term {cited(text)} uses text in a calculation.")
        return _finite(_BINARY[type(node.op)], (a, b), columns, text)
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    value = calculate(node.args[0], columns, text)
    name = node.func.id
    if name in _SHIFTS:
        return _shifted(name, np.asarray(value, dtype=np.float64), _steps(node, text, "x"), columns, text)
    return _finite(_MATHS[name], (value,), columns, text)


def _shifted(name: str, value: Floats, steps: int, columns: Columns, text: str) -> Floats:
    other = columns.shift(value, -steps if name == "lead" else steps)
    if np.isnan(other).all():
        raise MissingDataError(
            f"the term {cited(text)} is missing in every row: no entity is observed {steps} step"
            f"{'s' * (steps > 1)} apart. Check the time key and the panel's step.",
            [Notice("missing_everywhere", text, {"term": text})],
        )
    return _finite(np.subtract, (value, other), columns, text) if name == "diff" else other


def _compare(node: ast.Compare, columns: Columns, text: str) -> Floats:
    sides = [node.left, node.comparators[0]]
    has_text = any(isinstance(s, ast.Constant) and isinstance(s.value, str) for s in sides)
    if not has_text:
        a, b = (calculate(s, columns, text) for s in sides)
        missing = np.isnan(a) | np.isnan(b)
        return np.where(missing, np.nan, _COMPARE[type(node.ops[0])](a, b))
    if type(node.ops[0]) not in (ast.Eq, ast.NotEq) or not all(
        isinstance(s, ast.Constant | ast.Name) for s in sides
    ):
        raise TermError(f"the term {cited(text)} compares text; only == and != with a column are possible.")
    column = next((s.id for s in sides if isinstance(s, ast.Name)), None)
    if column is None:
        raise TermError(f"the term {cited(text)} compares two constants.")
    word = next(s.value for s in sides if isinstance(s, ast.Constant))
    values = columns.raw(column)
    if values.dtype.kind not in "OU":
        raise TermError(
            f"the term {cited(text)} compares the column {cited(column)} ({values.dtype}) with text."
        )
    missing = np.asarray(pd.isna(values))
    equal = np.array([not gap and v == word for v, gap in zip(values, missing, strict=True)], dtype=float)
    return np.where(missing, np.nan, equal if isinstance(node.ops[0], ast.Eq) else 1 - equal)


def _finite(function: Callable[..., Any], values: tuple[Any, ...], columns: Columns, text: str) -> Any:
    for value in values:
        if isinstance(value, str):
            raise InputTypeError(f"the term {cited(text)} needs numbers and got the text {cited(value)}.")
    missing = np.any([np.isnan(v) for v in np.broadcast_arrays(*values)], axis=0)
    with np.errstate(all="ignore"):
        # A missing value to the power of zero is missing, not one.
        out = np.where(missing, np.nan, function(*values))
    bad = ~np.isfinite(out) & ~missing
    if np.any(bad):
        where = columns.describe_rows(np.asarray(bad)) if np.ndim(bad) else "every row"
        raise MissingDataError(
            f"the term {cited(text)} is undefined or infinite in {where}: a log of zero or less, a root "
            "of a negative number, a division by zero, or a result beyond 1.8e308. Correct or rescale "
            "the column, use log1p(), or subset the panel.",
            [Notice("undefined", text, {"term": text, "count": int(np.sum(bad))})],
        )
    return out
