"""What a term may say, read from its syntax tree and worked out on columns.

A string that equals a column name is that column. Anything else is one formulaic-style term: factors joined
by ``:``, each a column or a call of `C I log log1p exp sqrt abs lag lead diff`. Nothing else is reachable.
"""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from digiprosper.errors import InputTypeError, MissingDataError, Notice, TermError, unknown_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from digiprosper.kernels import Floats

__all__ = [
    "FUNCTIONS",
    "Columns",
    "Factor",
    "Term",
    "canonical",
    "condition",
    "evaluate",
    "parse",
    "split_crossed",
]

FUNCTIONS = ("C", "I", "log", "log1p", "exp", "sqrt", "abs", "lag", "lead", "diff")
_SHIFTS = ("lag", "lead", "diff")
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
_CONDITION = (
    ast.Expression,
    ast.BoolOp,
    ast.boolop,
    ast.UnaryOp,
    ast.unaryop,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.Mod,
    ast.Pow,
    ast.BitAnd,
    ast.BitOr,
    ast.Compare,
    ast.cmpop,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.List,
    ast.Tuple,
)
_TEXT = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
_TOKEN = re.compile(rf"(?P<text>{_TEXT})|`(?P<ticked>[^`]+)`|(?P<word>[^\W\d]\w*)|(?P<mark>[:@#])")
_BLANK = re.compile(rf"(?P<kept>{_TEXT}|`[^`]+`)|(?P<between>(?<=\w)\s+(?=\w))|\s+")


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
        Without blanks unless it is a column's name; blanks in quotation marks and backticks count.
    """

    def shorter(found: re.Match[str]) -> str:
        return found.group("kept") or (" " if found.group("between") else "")

    return text if text in known else _BLANK.sub(shorter, text)


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
        raise TermError(f"{role} has an empty term; name a column.")
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
    source, ticked = _coded_words(stripped)
    try:
        return ast.parse(source, mode="eval").body, ticked
    except (SyntaxError, ValueError) as error:
        if " " in stripped and all(w in known for w in stripped.split()):
            raise TermError(
                f"{role}={stripped!r} is several columns in one text; pass a list: {stripped.split()}."
            ) from error
        if not any(c in stripped for c in "()+*:^~|,=[]{}#"):
            raise unknown_columns([stripped], known, role) from error
        why = "it cannot be read (a name that is not one word goes into backticks)"
        reserved = [w for w in known if keyword.iskeyword(w) and re.search(rf"\b{w}\b", stripped)]
        if reserved:
            why = f"{reserved[0]!r} is a word of Python's own: put it into backticks, log(`{reserved[0]}`)"
        raise _refused(stripped, role, _stata(stripped) or why) from error


def _coded_words(text: str) -> tuple[str, dict[str, str]]:
    """Put words for names that Python's grammar does not take, and ``@`` for ``:``.

    ``@`` and ``#`` become ``$``, which is no sign of Python: it would read the one as an operator and the
    other as the start of a comment.
    """
    words: dict[str, str] = {}

    def word(found: re.Match[str]) -> str:
        if found.group("mark"):
            return "@" if found.group("mark") == ":" else "$"
        plain = found.group("word")
        # Python reads full-width letters as the plain ones: another column, or none.
        name = found.group("ticked") or (plain if plain != unicodedata.normalize("NFKC", plain or "") else "")
        return words.setdefault(name, f"_ticked{len(words)}_") if name else found.group(0)

    return _TOKEN.sub(word, text), words


def _split_factors(tree: ast.expr, text: str, role: str) -> list[ast.expr]:
    if isinstance(tree, ast.BinOp):
        if isinstance(tree.op, ast.MatMult):
            return [*_split_factors(tree.left, text, role), *_split_factors(tree.right, text, role)]
        if isinstance(tree.op, ast.Pow | ast.BitXor):
            raise _refused(text, role, f"a bare power is not a term; write I({text.replace('^', '**')})")
        if isinstance(tree.op, ast.Mult):
            a, b = ast.unparse(tree.left), ast.unparse(tree.right)
            raise _refused(text, role, f"it is several terms; write {[a, b, f'{a}:{b}']}, or I({text})")
        if isinstance(tree.op, ast.Add):
            parts = [ast.unparse(tree.left), ast.unparse(tree.right)]
            raise _refused(text, role, f"it is several terms; write {parts}, or I({text}) for the sum")
        raise _refused(text, role, f"write I({text}) for arithmetic")
    if isinstance(tree, ast.Name | ast.Call):
        return [tree]
    if isinstance(tree, ast.Constant | ast.UnaryOp | ast.Compare):
        raise _refused(text, role, f"write I({text}) for arithmetic")
    raise _refused(text, role, _stata(text) or "it is neither a column nor a call of an allowed function")


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
        found = re.search(pattern, text)
        if found:
            return found.expand(cure)
    return None


def _refused(text: str, role: str, why: str) -> TermError:
    return TermError(
        f"{role} cannot use the term {text!r}: {why}. A term is a column, "
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
        raise unknown_columns(absent, known, f"{role} ({text})" if text not in absent else role)
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in restore:
            part.id = restore[part.id]
    category = None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "C":
        category = names[0]
    return Factor(text, node, tuple(names), category)


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
        raise _refused(text.replace(" @ ", ":"), role, "':' joins factors and stands outside of calls")
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
        raise _refused(text, role, "write ** for a power inside a call")
    else:
        raise _refused(text, role, f"{ast.unparse(node)!r} is not allowed inside a term")


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
        why = f"{name!r} is not among the allowed functions"
        cure = _stata(text)
        raise _refused(text, role, f"{why}; {cure}" if cure else why)
    if name == "C":
        if not top or len(node.args) != 1 or node.keywords or not isinstance(node.args[0], ast.Name):
            raise _refused(text, role, "C() takes one column and stands alone or as a factor of ':'")
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
            text, role, "the number of periods is a whole number of at least 1; for later periods use lead()"
        )
    return value


def condition(text: str, known: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Check a condition on rows.

    Parameters
    ----------
    text : str
        Such as ``"year >= 2015 and region in ['east', 'west']"``.
    known : sequence of str
        Column names, the keys among them.

    Returns
    -------
    source : str
        The condition with a plain word for each name.
    names : dict
        Column to the word that stands for it in `source`.

    Raises
    ------
    TermError
        If it cannot be read, or has anything but comparisons, arithmetic, and, or, not.
    ColumnError
        If it names columns that do not exist.
    """
    source, words = _coded_words(text.strip())
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError) as error:
        raise TermError(
            f"subset({text!r}) cannot be read as a condition on columns; write such as "
            "\"year >= 2015 and region == 'east'\"."
        ) from error
    odd = [n for n in ast.walk(tree) if not isinstance(n, _CONDITION)]
    if odd:
        shown = f": {ast.unparse(odd[0])}" if isinstance(odd[0], ast.expr) else ""
        raise TermError(
            f"subset({text!r}) has more than comparisons, arithmetic, and, or, not{shown}. For anything else "
            "pass a mask made from panel.frame.",
            [Notice("term", "not allowed in a condition", {"term": text, "role": "subset"})],
        )
    restore = {v: k for k, v in words.items()}
    names = {restore.get(n.id, n.id): n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    unknown = [n for n in names if n not in known]
    if unknown:
        raise unknown_columns(unknown, known, f"subset({text!r})")
    return source, names


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
        value = np.asarray(_value(factor.node, columns, term.text), dtype=np.float64)
        value = np.broadcast_to(value, (len(columns.raw(factor.names[0])),)) if value.ndim == 0 else value
        out = value if out is None else out * value
    assert out is not None
    return out


def _value(node: ast.expr, columns: Columns, text: str) -> Any:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return columns.numeric(node.id)
    if isinstance(node, ast.UnaryOp):
        inner = _value(node.operand, columns, text)
        if isinstance(inner, str):
            raise TermError(f"the term {text!r} calculates with text.")
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.Compare):
        return _compare(node, columns, text)
    if isinstance(node, ast.BinOp):
        a, b = _value(node.left, columns, text), _value(node.right, columns, text)
        if isinstance(a, str) or isinstance(b, str):
            raise TermError(f"the term {text!r} calculates with text.")
        return _finite(_BINARY[type(node.op)], (a, b), columns, text)
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    value = _value(node.args[0], columns, text)
    name = node.func.id
    if name in _SHIFTS:
        return _shifted(name, np.asarray(value, dtype=np.float64), _steps(node, text, "x"), columns, text)
    return _finite(_MATHS[name], (value,), columns, text)


def _shifted(name: str, value: Floats, steps: int, columns: Columns, text: str) -> Floats:
    other = columns.shift(value, -steps if name == "lead" else steps)
    if np.isnan(other).all():
        raise MissingDataError(
            f"the term {text!r} is missing in every row: no entity is observed {steps} step"
            f"{'s' * (steps > 1)} apart. Check the time key and the panel's step.",
            [Notice("missing_everywhere", text, {"term": text})],
        )
    return value - other if name == "diff" else other


def _compare(node: ast.Compare, columns: Columns, text: str) -> Floats:
    sides = [node.left, node.comparators[0]]
    has_text = any(isinstance(s, ast.Constant) and isinstance(s.value, str) for s in sides)
    if not has_text:
        a, b = (_value(s, columns, text) for s in sides)
        missing = np.isnan(a) | np.isnan(b)
        return np.where(missing, np.nan, _COMPARE[type(node.ops[0])](a, b))
    if type(node.ops[0]) not in (ast.Eq, ast.NotEq) or not all(
        isinstance(s, ast.Constant | ast.Name) for s in sides
    ):
        raise TermError(f"the term {text!r} compares text; only == and != with a column are possible.")
    column = next((s.id for s in sides if isinstance(s, ast.Name)), None)
    if column is None:
        raise TermError(f"the term {text!r} compares two constants.")
    word = next(s.value for s in sides if isinstance(s, ast.Constant))
    values = columns.raw(column)
    if values.dtype.kind not in "OU":
        raise TermError(f"the term {text!r} compares the column {column!r} ({values.dtype}) with text.")
    missing = np.asarray(pd.isna(values))
    equal = np.array([not gap and v == word for v, gap in zip(values, missing, strict=True)], dtype=float)
    return np.where(missing, np.nan, equal if isinstance(node.ops[0], ast.Eq) else 1 - equal)


def _finite(function: Callable[..., Any], values: tuple[Any, ...], columns: Columns, text: str) -> Any:
    for value in values:
        if isinstance(value, str):
            raise InputTypeError(f"the term {text!r} needs numbers and got the text {value!r}.")
    with np.errstate(all="ignore"):
        out = function(*values)
    bad = ~np.isfinite(out) & np.all([np.isfinite(v) for v in np.broadcast_arrays(*values)], axis=0)
    if np.any(bad):
        where = columns.describe_rows(np.asarray(bad)) if np.ndim(bad) else "every row"
        raise MissingDataError(
            f"the term {text!r} is undefined or infinite in {where}: a log of zero or less, a root of a "
            "negative number, or a division by zero. Mend the column, use log1p(), or subset the panel.",
            [Notice("undefined", text, {"term": text, "count": int(np.sum(bad))})],
        )
    return out
