"""Conditions on rows: the syntax tree of terms with and, or, not and in, worked out on whole columns."""

from __future__ import annotations

import ast
import operator
import re
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import Notice, TermError, cited, issue, nearest, unknown_columns
from digiprosper.panel.evaluation import calculate
from digiprosper.panel.grammar import (
    FUNCTIONS,
    KEPT,
    check_arithmetic,
    coded_words,
    too_deep,
    too_long,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from digiprosper.panel.frame import Panel
    from digiprosper.panel.sample import Mask

__all__ = ["rows_where"]

_LONGEST = 20_000
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ALLOWED = (
    ast.BoolOp,
    ast.boolop,
    ast.UnaryOp,
    ast.unaryop,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.FloorDiv,
    ast.Mod,
    ast.Pow,
    ast.Compare,
    ast.cmpop,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.List,
    ast.Tuple,
    ast.keyword,
)
_AND_OR = re.compile(rf"{KEPT}|(?P<mark>[&|])")
_INSIDE_INT64 = 63
# Values named in a warning, and values of a column among which the nearest is looked for.
_MOST_NAMED = 5
_MOST_COMPARED = 2_000


@dataclass(frozen=True, slots=True)
class _Condition:
    text: str
    panel: Panel

    def refused(self, why: str) -> TermError:
        return TermError(
            f"subset({cited(self.text)}) {why}",
            [Notice("term", why, {"term": self.text, "role": "subset"})],
        )


def rows_where(text: str, panel: Panel) -> Mask:
    """Find the rows where a condition is true.

    Parameters
    ----------
    text : str
        Such as ``"year >= 2015 and region in ['east', 'west']"``: comparisons (also chained, ``1 < x <= 2``),
        arithmetic and the functions of terms, ``and``, ``or``, ``not``, ``in`` and ``not in`` with a list.
        ``&``, ``|`` and ``~`` mean and, or, not.
    panel : Panel
        Where its columns are.

    Returns
    -------
    (N,) array of bool
        As in pandas, a comparison with a missing value is false, and ``!=`` and ``not in`` are true; in
        nullable columns it is missing, and so is what is made of it, and the row is not taken.

    Raises
    ------
    TermError
        If it cannot be read, has anything else in it, is too long, or compares numbers with text.
    ColumnError
        If it names columns that do not exist.
    MissingDataError
        If arithmetic is undefined or infinite somewhere.
    """
    condition = _Condition(text, panel)
    tree, restore = _read(condition)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    columns = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called]
    for column in columns:
        column.id = restore.get(column.id, column.id)
    unknown = [c.id for c in columns if c.id not in panel.known]
    if unknown:
        raise unknown_columns(unknown, panel.known, f"subset({cited(text)})", panel.labels)
    found = _truth(tree, condition)
    return np.asarray(found.fillna(value=False).to_numpy(dtype=bool))


def _read(condition: _Condition) -> tuple[ast.expr, dict[str, str]]:
    text = condition.text.strip()
    long = too_long(text, _LONGEST)
    if long:
        raise condition.refused(f"cannot be read: {long}. Pass a mask made from panel.frame.")
    # As in pandas, where & and | bind as and and or do.
    spelled = _AND_OR.sub(lambda m: {"&": " and ", "|": " or "}.get(m["mark"], m[0]), text)
    source, words = coded_words(spelled)
    try:
        tree = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError) as error:
        cure = "write such as \"year >= 2015 and region == 'east'\"."
        if "@" in text:
            cure = 'put the value in place of "@": f"year >= {first}".'
        raise condition.refused(f"cannot be read as a condition on columns; {cure}") from error
    odd = [n for n in ast.walk(tree) if not _allowed(n)]
    if odd:
        shown = f", not {cited(ast.unparse(odd[0]))}" if isinstance(odd[0], ast.expr) else ""
        raise condition.refused(
            f"may contain only comparisons, arithmetic, and, or, not, in{shown}. For anything "
            "else pass a mask made from panel.frame."
        )
    deep = too_deep(tree)
    if deep:
        raise condition.refused(f"cannot be read: {deep}.")
    return tree, {word: name for name, word in words.items()}


def _allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS
    return isinstance(node, _ALLOWED)


def _truth(node: ast.expr, condition: _Condition) -> pd.Series[Any]:
    if isinstance(node, ast.BoolOp):
        joined = operator.and_ if isinstance(node.op, ast.And) else operator.or_
        parts: list[ast.expr] = node.values  # noqa: PD011
        return reduce(joined, [_truth(part, condition) for part in parts])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        return ~_truth(node.operand, condition)
    if isinstance(node, ast.Compare):
        sides = pairwise([node.left, *node.comparators])
        pairs = zip(node.ops, sides, strict=True)
        return reduce(operator.and_, [_compared(op, a, b, condition) for op, (a, b) in pairs])
    if isinstance(node, ast.Name):
        values = condition.panel.series(node.id)
        if pd.api.types.is_bool_dtype(values.dtype):
            return _one_kind(values)
    raise condition.refused(
        f"is not true or false for each row: {cited(ast.unparse(node))}. Compare it with ==, <, in."
    )


def _one_kind(found: pd.Series[Any]) -> pd.Series[Any]:
    """Give every nullable column of true and false one type: pandas cannot join arrow's with its own."""
    return found.astype("boolean") if isinstance(found.dtype, pd.api.extensions.ExtensionDtype) else found


def _compared(op: ast.cmpop, a: ast.expr, b: ast.expr, condition: _Condition) -> pd.Series[Any]:
    if isinstance(op, ast.In | ast.NotIn):
        return _member(op, a, b, condition)
    if type(op) not in _COMPARE:
        raise condition.refused("has 'is'; write == or !=.")
    left, right = _side(a, condition), _side(b, condition)
    _refuse_other_kind(left, right, condition)
    try:
        found = _COMPARE[type(op)](left, right)
    # What pandas raises when text is compared with numbers, by the type of the column.
    except (TypeError, ValueError, NotImplementedError) as error:
        raise condition.refused(
            f"cannot be evaluated ({error}); compare numbers with numbers and text with text, such as "
            "\"year >= 2015 and region == 'east'\"."
        ) from error
    if not isinstance(found, pd.Series):
        raise condition.refused("is not true or false for each row: it compares two constants.")
    return _one_kind(found)


def _member(op: ast.cmpop, a: ast.expr, b: ast.expr, condition: _Condition) -> pd.Series[Any]:
    if not isinstance(b, ast.List | ast.Tuple):
        raise condition.refused("needs a list after 'in': region in ['east', 'west'].")
    values, side = [_constant(v, condition) for v in b.elts], _side(a, condition)
    if not isinstance(side, pd.Series):
        raise condition.refused("is not true or false for each row: it looks for a constant in a list.")
    for value in values:
        _refuse_other_kind(side, value, condition)
    # isin compares a text with dates as text, == reads it as a date.
    dates = isinstance(side.dtype, pd.PeriodDtype) or pd.api.types.is_datetime64_any_dtype(side.dtype)
    found = reduce(operator.or_, [side == v for v in values]) if dates and values else side.isin(values)
    found = _one_kind(found)
    if isinstance(a, ast.Name):
        _tell_unseen(values, side, a.id, condition, dates=dates)
    return found if isinstance(op, ast.In) else ~found


def _tell_unseen(
    values: Sequence[str | float], column: pd.Series[Any], name: str, condition: _Condition, *, dates: bool
) -> None:
    """Warn of values in a list that do not occur in the column: most are misspelt."""
    seen = pd.Series(column.dropna().unique())
    known = set() if dates else set(seen.tolist())
    listed = dict.fromkeys(values)
    unseen = [v for v in listed if not ((seen == v).any() if dates else v in known)]
    if not unseen:
        return
    texts = [s for s in seen[:_MOST_COMPARED] if isinstance(s, str)]
    shown = ", ".join(f"{cited(v)}{nearest(v, texts) if texts else ''}" for v in unseen[:_MOST_NAMED])
    more = f" and {len(unseen) - _MOST_NAMED} more" if len(unseen) > _MOST_NAMED else ""
    what = f"these values do not occur in the column {cited(name)}"
    text = f"subset({cited(condition.text)}): {what}: {shown}{more}."
    issue([Notice("unseen_values", text, {"column": name, "values": tuple(unseen)})])


def _side(node: ast.expr, condition: _Condition) -> Any:
    """Work out one side of a comparison: a column as it is, a constant, a condition or an arithmetic."""
    if isinstance(node, ast.Compare | ast.BoolOp):
        return _truth(node, condition)
    if isinstance(node, ast.Name):
        return condition.panel.series(node.id)
    if isinstance(node, ast.Constant):
        return _constant(node, condition)
    if isinstance(node, ast.List | ast.Tuple):
        raise condition.refused("compares with a list; write in: region in ['east', 'west'].")
    check_arithmetic(node, condition.text, "subset")
    values = calculate(node, condition.panel, condition.text)
    if np.ndim(values) == 0:
        return float(values)
    names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and n.id in condition.panel.known]
    out = pd.Series(values)
    return out.astype("Float64") if any(_nullable(condition.panel.series(n)) for n in names) else out


def _nullable(values: pd.Series[Any]) -> bool:
    extension = isinstance(values.dtype, pd.api.extensions.ExtensionDtype)
    return extension and pd.api.types.is_numeric_dtype(values.dtype)


def _constant(node: ast.expr, condition: _Condition) -> str | float:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    check_arithmetic(node, condition.text, "subset")
    value: Any = (
        node.value if isinstance(node, ast.Constant) else calculate(node, condition.panel, condition.text)
    )
    if isinstance(value, int) and value.bit_length() <= _INSIDE_INT64:
        return value
    if np.ndim(value) > 0 or isinstance(value, str):
        raise condition.refused("needs a list of numbers or of text after 'in'.")
    return float(value)


def _refuse_other_kind(left: Any, right: Any, condition: _Condition) -> None:
    """Refuse numbers beside a text, which pandas finds different in every row, and periods beside others."""
    periods = [isinstance(s, pd.Series) and isinstance(s.dtype, pd.PeriodDtype) for s in (left, right)]
    if isinstance(left, pd.Series) and isinstance(right, pd.Series) and periods[0] != periods[1]:
        raise condition.refused("compares periods with a column of another type.")
    for column, other in ((left, right), (right, left)):
        if isinstance(column, pd.Series) and isinstance(other, str):
            kind = column.dtype
            if pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind):
                raise condition.refused(
                    f"compares numbers with the text {cited(other)}; compare numbers with numbers "
                    "and text with text."
                )
