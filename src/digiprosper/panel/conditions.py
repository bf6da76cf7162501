"""Conditions on rows: terms with and, or, not, in, evaluated on whole columns."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from digiprosper.checks import option_problem, term_problem, unknown_columns
from digiprosper.errors import (
    InputTypeError,
    Notice,
    TermError,
    cited,
    did_you_mean,
    issue,
)
from digiprosper.kernels import Bools
from digiprosper.panel import grammar
from digiprosper.panel.evaluation import calculate
from digiprosper.panel.keys import has_dates
from digiprosper.panel.table import Table, is_number_type
from digiprosper.report.parsing import KEPT, expression, too_deep, too_long

_LONGEST = 20_000
_ALLOWED = (
    ast.BoolOp,
    ast.boolop,
    ast.UnaryOp,
    ast.unaryop,
    ast.BinOp,
    *grammar.BINARY,
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
_R_OPERATORS = re.compile(r"&&|\|\||%in%|\w\$\w|!\s*[\w(]")
_EQUAL = (ast.Eq, ast.NotEq)
_INSIDE_INT64 = 63
# Values named in a warning, and values of a column among which the nearest is
# looked for.
_MOST_NAMED = 5
_MOST_COMPARED = 2_000


@dataclass(frozen=True, slots=True)
class _Condition:
    text: str
    table: Table
    caller: str

    def error(self, why: str) -> TermError:
        return TermError(
            f"{self.caller}({cited(self.text)}) {why}",
            [term_problem(self.text, self.caller, why)],
        )


def check_where(where: object) -> None:
    """Refuse a condition that is neither text nor None."""
    if not isinstance(where, str | None):
        raise InputTypeError(
            f"where must be a condition (text), such as 'year >= 2015', not "
            f"{type(where).__name__}. For a mask, assign a column of True and False.",
            [option_problem("where", where)],
        )


def rows_where(text: str, table: Table, caller: str = "subset") -> Bools:
    """Find the rows where a condition is true, shape (N,).

    It may have comparisons (also chained), arithmetic, functions of terms, ``and``,
    ``or``, ``not`` (or ``&``, ``|``, ``~``) and ``in`` with a list. As in pandas, a
    comparison with a missing value is false, and ``!=`` and ``not in`` are true; in
    nullable columns it is missing, and the row is not selected.
    """
    condition = _Condition(text, table, caller)
    tree = _parse_condition(condition)
    unknown = [name for name in grammar.columns_in(tree) if name not in table.names]
    if unknown:
        raise unknown_columns(
            unknown, table.names, f"{caller}({cited(text)})", table.labels
        )
    truth = _evaluate_condition(tree, condition)
    return truth.fillna(value=False).to_numpy(dtype=bool)


def _parse_condition(condition: _Condition) -> ast.expr:
    text = condition.text.strip()
    long = too_long(text, _LONGEST)
    if long:
        raise condition.error(
            f"cannot be read: {long}. Pass a mask made from panel.frame."
        )

    # As in `DataFrame.query`, & and | have the precedence of and, or.
    spelled = _AND_OR.sub(
        lambda m: {"&": " and ", "|": " or "}.get(m["mark"], m[0]), text
    )
    source, names = grammar.mask_names(spelled)
    tree = expression(source)
    if tree is None:
        cure = "write such as \"year >= 2015 and region == 'east'\"."
        if _R_OPERATORS.search(text):
            cure = (
                "write and, or and not for && || and !, in [1, 2] for %in%, and a "
                'column without its table: "year >= 2015 and region in [1, 2]".'
            )
        if "@" in text:
            cure = 'put the value in place of "@": f"year >= {first}".'
        raise condition.error(f"cannot be read as a condition on columns; {cure}")

    odd = [n for n in ast.walk(tree) if not _allowed(n)]
    if odd:
        is_part = isinstance(odd[0], ast.expr)
        shown = f", not {cited(ast.unparse(odd[0]))}" if is_part else ""
        raise condition.error(
            f"may contain only comparisons, arithmetic, and, or, not, in{shown}. For "
            "anything else pass a mask made from panel.frame."
        )
    deep = too_deep(tree)
    if deep:
        raise condition.error(f"cannot be read: {deep}.")
    grammar.restore_names(tree, names)
    return tree


def _allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in grammar.FUNCTIONS
    return isinstance(node, _ALLOWED)


def _evaluate_condition(node: ast.expr, condition: _Condition) -> pd.Series[Any]:
    if isinstance(node, ast.BoolOp):
        joined = operator.and_ if isinstance(node.op, ast.And) else operator.or_
        parts: list[ast.expr] = node.values  # noqa: PD011
        return reduce(joined, [_evaluate_condition(part, condition) for part in parts])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        return ~_evaluate_condition(node.operand, condition)
    if isinstance(node, ast.Compare):
        sides = pairwise([node.left, *node.comparators])
        pairs = zip(node.ops, sides, strict=True)
        return reduce(
            operator.and_,
            [_evaluate_comparison(op, a, b, condition) for op, (a, b) in pairs],
        )
    if isinstance(node, ast.Name):
        values = condition.table.series(node.id)
        if is_bool_dtype(values.dtype):
            return _as_boolean(values)
    raise condition.error(
        f"is not true or false for each row: {cited(ast.unparse(node))}. Compare it "
        "with ==, <, in."
    )


def _as_boolean(truth: pd.Series[Any]) -> pd.Series[Any]:
    """Convert nullable booleans to pandas' type, which cannot be mixed with arrow's."""
    return truth if isinstance(truth.dtype, np.dtype) else truth.astype("boolean")


def _evaluate_comparison(
    op: ast.cmpop, a: ast.expr, b: ast.expr, condition: _Condition
) -> pd.Series[Any]:
    if isinstance(op, ast.In | ast.NotIn):
        return _evaluate_membership(op, a, b, condition)
    if type(op) not in grammar.COMPARE:
        raise condition.error("has 'is'; write == or !=.")
    left_side, right_side = _evaluate_side(a, condition), _evaluate_side(b, condition)
    _refuse_mixed_types(left_side, right_side, condition)
    try:
        truth = grammar.COMPARE[type(op)](left_side, right_side)
    # pandas raises one of these if text is compared with numbers, depending on dtype.
    except (TypeError, ValueError, NotImplementedError) as error:
        raise condition.error(
            f"cannot be evaluated ({error}); compare numbers with numbers and text "
            "with text, such as \"year >= 2015 and region == 'east'\"."
        ) from error
    if not isinstance(truth, pd.Series):
        raise condition.error(
            "is not true or false for each row: it compares two constants."
        )
    if type(op) in _EQUAL and not condition.table.is_block and _is_unseen(op, truth):
        for side, text, column in (
            (a, right_side, left_side),
            (b, left_side, right_side),
        ):
            if isinstance(side, ast.Name) and isinstance(text, str):
                _warn_of_unseen([text], column, side.id, condition)
    return _as_boolean(truth)


def _is_unseen(op: ast.cmpop, truth: pd.Series[Any]) -> bool:
    """Tell whether no row has the value that == or != compares with."""
    return bool(truth.all()) if isinstance(op, ast.NotEq) else not truth.any()


def _evaluate_membership(
    op: ast.cmpop, a: ast.expr, b: ast.expr, condition: _Condition
) -> pd.Series[Any]:
    if not isinstance(b, ast.List | ast.Tuple):
        raise condition.error("needs a list after 'in': region in ['east', 'west'].")
    values = [_evaluate_arithmetic(v, condition) for v in b.elts]
    column = _evaluate_side(a, condition)
    if not isinstance(column, pd.Series):
        raise condition.error(
            "is not true or false for each row: the left side of 'in' is a constant."
        )
    for value in values:
        if isinstance(value, pd.Series):
            raise condition.error("needs a list of numbers or of text after 'in'.")
        _refuse_mixed_types(column, value, condition)

    # isin compares a text with dates as text, == reads it as a date.
    dates = bool(values) and has_dates(column)
    is_member = _as_boolean(
        reduce(operator.or_, [column == v for v in values])
        if dates
        else column.isin(values)
    )
    # Another block may have them.
    if isinstance(a, ast.Name) and not condition.table.is_block:
        _warn_of_unseen(values, column, a.id, condition)
    return is_member if isinstance(op, ast.In) else ~is_member


def _warn_of_unseen(
    values: Sequence[str | float],
    column: pd.Series[Any],
    name: str,
    condition: _Condition,
) -> None:
    """Warn of values that do not occur in the column, often misspelt."""
    seen = pd.Series(column.dropna().unique())
    distinct, seen_values = dict.fromkeys(values), set(seen.tolist())
    if has_dates(column):
        unseen = [v for v in distinct if not (seen == v).any()]
    else:
        unseen = [v for v in distinct if v not in seen_values]
    if not unseen:
        return
    texts = [s for s in seen[:_MOST_COMPARED] if isinstance(s, str)]
    shown = ", ".join(
        f"{cited(v)}{did_you_mean(v, texts) if texts else ''}"
        for v in unseen[:_MOST_NAMED]
    )
    more = f" and {len(unseen) - _MOST_NAMED} more" if len(unseen) > _MOST_NAMED else ""
    remark = f"these values do not occur in the column {cited(name)}"
    text = f"{condition.caller}({cited(condition.text)}): {remark}: {shown}{more}."
    issue([Notice("unseen_values", text, {"column": name, "values": tuple(unseen)})])


def _evaluate_side(node: ast.expr, condition: _Condition) -> Any:
    match node:
        case ast.Compare() | ast.BoolOp():
            return _evaluate_condition(node, condition)
        case ast.Name():
            return condition.table.series(node.id)
        case ast.List() | ast.Tuple():
            raise condition.error(
                "compares with a list; write in: region in ['east', 'west']."
            )
    return _evaluate_arithmetic(node, condition)


def _evaluate_arithmetic(node: ast.expr, condition: _Condition) -> Any:
    """Evaluate columns (N,) and constants to a Series, a number or a text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    grammar.check_arithmetic(node, condition.text, "subset")
    values: Any = (
        node.value
        if isinstance(node, ast.Constant)
        else calculate(node, condition.table, condition.text)
    )
    if isinstance(values, int) and values.bit_length() <= _INSIDE_INT64:
        return values
    if np.ndim(values) == 0:
        return float(values)
    columns = [condition.table.series(name) for name in grammar.columns_in(node)]
    nullable = any(
        not isinstance(column.dtype, np.dtype) and is_numeric_dtype(column.dtype)
        for column in columns
    )
    return pd.Series(values, dtype="Float64" if nullable else None)


def _refuse_mixed_types(left_side: Any, right_side: Any, condition: _Condition) -> None:
    """Refuse to compare numbers with text, or periods with anything else."""
    if isinstance(left_side, pd.Series) and isinstance(right_side, pd.Series):
        if isinstance(left_side.dtype, pd.PeriodDtype) != isinstance(
            right_side.dtype, pd.PeriodDtype
        ):
            raise condition.error("compares periods with a column of another type.")
        return
    for column, operand in ((left_side, right_side), (right_side, left_side)):
        if (
            isinstance(column, pd.Series)
            and isinstance(operand, str)
            and is_number_type(column)
        ):
            raise condition.error(
                f"compares numbers with the text {cited(operand)}; compare numbers "
                "with numbers and text with text."
            )
