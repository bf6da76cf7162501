"""Evaluation of a term: its checked syntax tree, computed from columns."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.checks import one_problem
from digiprosper.errors import (
    InputTypeError,
    MissingDataError,
    TermError,
    cited,
    counted,
)
from digiprosper.kernels import Floats
from digiprosper.panel.grammar import (
    BINARY,
    COMPARE,
    SHIFTS,
    function_name,
    shift_periods,
)
from digiprosper.panel.table import Table
from digiprosper.panel.terms import Term
from digiprosper.panel.treatment import treated

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
    apart = np.diff(keys.ordinals[keys.time])[keys.steps > 0]
    if not apart.size:
        return check
    nearest = int(apart.min())
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
    comparison = node.ops[0]
    sides = [node.left, node.comparators[0]]
    names = [s.id for s in sides if isinstance(s, ast.Name)]
    words = [s.value for s in sides if isinstance(s, ast.Constant)]
    if not isinstance(comparison, ast.Eq | ast.NotEq) or len(names) + len(words) < len(
        sides
    ):
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
    truth = equal if isinstance(comparison, ast.Eq) else ~equal
    return np.where(pd.isna(values), np.nan, truth)


def _apply_finite(
    function: Callable[..., Any], values: tuple[Any, ...], table: Table, text: str
) -> Any:
    for value in values:
        if isinstance(value, str):
            raise InputTypeError(
                f"the term {cited(text)} needs numbers, not the text {cited(value)}."
            )

    missing = reduce(np.logical_or, map(np.isnan, values))
    with np.errstate(all="ignore"):
        # A missing value to the power of zero is missing, not one.
        out = np.where(missing, np.nan, function(*values))

    bad = ~np.isfinite(out) & ~missing
    if table.chosen is not None and np.ndim(bad):
        out = np.where(bad & ~table.chosen, np.nan, out)
        bad &= table.chosen
    if np.any(bad):
        where = table.describe_rows(np.asarray(bad)) if np.ndim(bad) else "every row"
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
