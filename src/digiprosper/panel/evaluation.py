"""Evaluation of terms, computed from columns, and of conditions on rows.

Conditions are terms with and, or, not, in. Both are checked syntax trees.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from digiprosper.checks import (
    one_problem,
    option_problem,
    refuse_unknown,
    term_problem,
)
from digiprosper.errors import (
    InputTypeError,
    MissingDataError,
    Notice,
    TermError,
    cited,
    counted,
    did_you_mean,
    issue,
    listed,
)
from digiprosper.kernels import Bools, Floats
from digiprosper.panel.grammar import (
    BINARY,
    COMPARE,
    FUNCTIONS,
    SHIFTS,
    check_arithmetic,
    columns_in,
    function_name,
    mask_names,
    restore_names,
    shift_periods,
)
from digiprosper.panel.keys import has_dates
from digiprosper.panel.table import Table, is_number_type
from digiprosper.panel.terms import Term, backtick_advice
from digiprosper.panel.treatment import treated
from digiprosper.report.parsing import KEPT, expression, too_deep, too_long

_EQUAL = (ast.Eq, ast.NotEq)
_MATHS: Mapping[str, Callable[[Floats], Floats]] = {
    "I": lambda x: x,
    "log": np.log,
    "log1p": np.log1p,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
}


def evaluate(term: Term, table: Table) -> Floats:
    """Evaluate a term without categories (N,); missing where an operand is missing."""
    if term.column is not None:
        return table.numeric(term.column)
    product, *others = [
        np.asarray(calculate(factor.node, table, term.text), dtype=np.float64)
        for factor in term.factors
    ]
    for value in others:
        product = _apply_finite(np.multiply, (product, value), table, term.text)
    return product


def calculate(node: ast.expr, table: Table, text: str) -> Any:
    """Evaluate a checked syntax tree to a constant or values (N,)."""
    match node:
        case ast.Constant(value=str() as word):
            return word
        case ast.Constant(value=number):
            return float(number)  # type: ignore[arg-type]
        case ast.Name():
            return table.numeric(node.id)
        case ast.UnaryOp():
            (inner,) = _numeric_operands([node.operand], table, text)
            return -inner if isinstance(node.op, ast.USub) else inner
        case ast.Compare():
            return _evaluate_comparison(node, table, text)
        case ast.BinOp():
            sides = _numeric_operands([node.left, node.right], table, text)
            return _apply_finite(BINARY[type(node.op)], sides, table, text)
        case ast.Call():
            return _evaluate_call(node, table, text)
    raise AssertionError(f"{type(node).__name__} cannot occur in a checked term")


def _numeric_operands(
    nodes: Sequence[ast.expr], table: Table, text: str
) -> tuple[Any, ...]:
    values = tuple(calculate(node, table, text) for node in nodes)
    if any(isinstance(value, str) for value in values):
        raise TermError(f"the term {cited(text)} uses text in a calculation.")
    return values


def _evaluate_call(node: ast.Call, table: Table, text: str) -> Any:
    name = function_name(node)
    if name == "treated":
        (column,) = node.args
        assert isinstance(column, ast.Name)
        return treated(table, column.id, text)
    value = calculate(node.args[0], table, text)
    if isinstance(value, str):
        raise InputTypeError(
            f"the term {cited(text)} needs numbers, not the text {cited(value)}."
        )
    if name not in SHIFTS:
        return _apply_finite(_MATHS[name], (value,), table, text)
    value = np.asarray(value, dtype=np.float64)
    periods = shift_periods(node, text, "x")
    shifted = table.shift(value, -periods if name == "lead" else periods)
    if not table.is_block and np.isnan(shifted).all():
        why = (
            "all values inside it are missing."
            if np.isnan(value).all()
            else f"no entity is observed {counted(periods, 'step')} apart"
            f"{_nearest_rows_hint(table)}."
        )
        raise one_problem(
            MissingDataError,
            "missing_everywhere",
            f"the term {cited(text)} is missing in every row: {why}",
            term=text,
        )
    if name != "diff":
        return shifted
    return _apply_finite(np.subtract, (value, shifted), table, text)


def _nearest_rows_hint(table: Table) -> str:
    """State how far apart the nearest two rows of an entity are, and advice."""
    keys, check = table.keys, ". Check the time key and the panel's step"
    if keys.ordinals is None:
        return check
    steps = np.diff(keys.ordinals[keys.time])[keys.steps > 0]
    if not steps.size:
        return check
    nearest = int(steps.min())
    if table.step is None and keys.times.dtype.kind in "iu" and nearest > 1:
        check = f". If this is a period, pass it: Panel(..., step={nearest})"
    return f"; the nearest rows are {nearest:,} apart{check}"


def _evaluate_comparison(node: ast.Compare, table: Table, text: str) -> Floats:
    sides = [node.left, node.comparators[0]]
    if any(isinstance(s, ast.Constant) and isinstance(s.value, str) for s in sides):
        return _evaluate_text_comparison(node, table, text)
    a, b = (calculate(s, table, text) for s in sides)
    missing = np.isnan(a) | np.isnan(b)
    return np.where(missing, np.nan, COMPARE[type(node.ops[0])](a, b))


def _evaluate_text_comparison(node: ast.Compare, table: Table, text: str) -> Floats:
    """Compare a column with text, on either side."""
    sides = [node.left, node.comparators[0]]
    names = [s.id for s in sides if isinstance(s, ast.Name)]
    words = [s.value for s in sides if isinstance(s, ast.Constant)]
    if not isinstance(node.ops[0], _EQUAL) or len(names) + len(words) < 2:
        raise TermError(
            f"the term {cited(text)} compares text, which is possible with a column "
            "and == or != only."
        )
    if not names:
        raise TermError(f"the term {cited(text)} compares two constants.")

    values = table.raw(names[0])
    if values.dtype.kind not in "OU":
        raise TermError(
            f"the term {cited(text)} compares the column {cited(names[0])} "
            f"({values.dtype}) with text."
        )
    equal = pd.Series(values).isin(words)
    return np.where(pd.isna(values), np.nan, equal == isinstance(node.ops[0], ast.Eq))


def _apply_finite(
    function: Callable[..., Any], values: tuple[Any, ...], table: Table, text: str
) -> Any:
    missing = reduce(np.logical_or, map(np.isnan, values))
    with np.errstate(all="ignore"):
        # A missing value to the power of zero is missing, not one.
        out = np.where(missing, np.nan, function(*values))

    bad = ~np.isfinite(out) & ~missing
    if table.chosen is not None and np.ndim(bad):
        out = np.where(bad & ~table.chosen, np.nan, out)
        bad &= table.chosen
    if np.any(bad):
        where = table.describe_rows(bad) if np.ndim(bad) else "every row"
        raise one_problem(
            MissingDataError,
            "undefined",
            f"the term {cited(text)} is undefined or infinite in {where}: a log of "
            "zero or less, a root of a negative number, a division by zero, or a "
            "result beyond 1.8e308. Correct or rescale the column, use log1p() for a "
            "regressor (an outcome that is a count needs no log: PoissonEffects), or "
            "subset the panel.",
            term=text,
            count=int(np.sum(bad)),
        )
    return out


_LONGEST = 20_000
_ALLOWED = (
    ast.BoolOp,
    ast.boolop,
    ast.UnaryOp,
    ast.unaryop,
    ast.BinOp,
    *BINARY,
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

    def unreadable(self, cure: str) -> TermError:
        ticks = backtick_advice(self.text, list(self.table.names))
        cure = f"{ticks}." if ticks else cure
        return self.error(f"cannot be read as a condition on columns; {cure}")


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
    role = f"{caller}({cited(text)})"
    refuse_unknown(columns_in(tree), table.names, role, table.labels)
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
    source, names = mask_names(spelled)
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
        raise condition.unreadable(cure)

    odd = [
        node
        for node in ast.walk(tree)
        if not isinstance(node, _ALLOWED) and function_name(node) not in FUNCTIONS
    ]
    if odd:
        is_part = isinstance(odd[0], ast.expr)
        shown = f", not {cited(ast.unparse(odd[0]))}" if is_part else ""
        raise condition.unreadable(
            f"it may contain only comparisons, arithmetic, and, or, not, in{shown}. "
            "For anything else pass a mask made from panel.frame."
        )
    deep = too_deep(tree)
    if deep:
        raise condition.error(f"cannot be read: {deep}.")
    restore_names(tree, names)
    return tree


def _evaluate_condition(node: ast.expr, condition: _Condition) -> pd.Series[Any]:
    if isinstance(node, ast.BoolOp):
        joined = operator.and_ if isinstance(node.op, ast.And) else operator.or_
        parts = node.values  # noqa: PD011
        return reduce(joined, [_evaluate_condition(part, condition) for part in parts])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        return ~_evaluate_condition(node.operand, condition)
    if isinstance(node, ast.Compare):
        sides = pairwise([node.left, *node.comparators])
        pairs = zip(node.ops, sides, strict=True)
        return reduce(
            operator.and_,
            [_compared(op, a, b, condition) for op, (a, b) in pairs],
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


def _compared(
    op: ast.cmpop, a: ast.expr, b: ast.expr, condition: _Condition
) -> pd.Series[Any]:
    if isinstance(op, ast.In | ast.NotIn):
        return _evaluate_membership(op, a, b, condition)
    if type(op) not in COMPARE:
        raise condition.error("has 'is'; write == or !=.")
    left_side, right_side = _evaluate_side(a, condition), _evaluate_side(b, condition)
    _refuse_mixed_types(left_side, right_side, condition)
    try:
        truth = COMPARE[type(op)](left_side, right_side)
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
    # The value is in no row.
    is_unseen = truth.all() if isinstance(op, ast.NotEq) else not truth.any()
    if type(op) in _EQUAL and not condition.table.is_block and is_unseen:
        pairs = ((a, left_side, right_side), (b, right_side, left_side))
        for side, column, text in pairs:
            if isinstance(side, ast.Name) and isinstance(text, str):
                _warn_of_unseen([text], column, side.id, condition)
    return _as_boolean(truth)


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
    seen_values, dates = {*seen.tolist()}, has_dates(column)
    unseen = [
        v
        for v in dict.fromkeys(values)
        if not ((seen == v).any() if dates else v in seen_values)
    ]
    if not unseen:
        return
    texts = [s for s in seen[:_MOST_COMPARED] if isinstance(s, str)]
    shown = listed(
        unseen,
        _MOST_NAMED,
        lambda v: f"{cited(v)}{did_you_mean(v, texts) if texts else ''}",
    )
    text = (
        f"{condition.caller}({cited(condition.text)}): these values do not occur in "
        f"the column {cited(name)}: {shown}."
    )
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
    check_arithmetic(node, condition.text, "subset")
    values: Any = (
        node.value
        if isinstance(node, ast.Constant)
        else calculate(node, condition.table, condition.text)
    )
    if isinstance(values, int) and values.bit_length() <= _INSIDE_INT64:
        return values
    if np.ndim(values) == 0:
        return float(values)
    kinds = [condition.table.series(name).dtype for name in columns_in(node)]
    nullable = any(
        not isinstance(kind, np.dtype) and is_numeric_dtype(kind) for kind in kinds
    )
    return pd.Series(values, dtype="Float64" if nullable else None)


def _refuse_mixed_types(left_side: Any, right_side: Any, condition: _Condition) -> None:
    """Refuse to compare numbers with text, or periods with anything else."""
    columns = [side for side in (left_side, right_side) if isinstance(side, pd.Series)]
    if len({isinstance(column.dtype, pd.PeriodDtype) for column in columns}) > 1:
        raise condition.error("compares periods with a column of another type.")
    for column in columns:
        operand = right_side if column is left_side else left_side
        if isinstance(operand, str) and is_number_type(column):
            raise condition.error(
                f"compares numbers with the text {cited(operand)}; compare numbers "
                "with numbers and text with text."
            )
