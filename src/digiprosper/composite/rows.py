"""The rows an index reads: cut from a panel, complete, with their keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from digiprosper.composite.weights import refuse_extreme
from digiprosper.errors import (
    IndicatorError,
    InputTypeError,
    Notice,
    OptionError,
    cited,
    quoted,
    unknown_columns,
)
from digiprosper.panel import Panel

if TYPE_CHECKING:
    from digiprosper.composite.specification import CompositeIndex
    from digiprosper.kernels import Floats, Ints

__all__ = ["Rows", "cut_rows", "find_period"]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows to learn from or to score.

    Parameters
    ----------
    x : ndarray, shape (N, m)
        Raw values, complete.
    entity, time : ndarray of int, shape (N,)
        Entity and period of each row, codes without gaps; sorted by entity, then time.
    entities, times : Index
        What the codes stand for.
    index : Index
        Labels of the rows.
    has_time : bool
        False in a cross-section.
    notices : tuple of Notice
        What was left out.
    """

    x: Floats
    entity: Ints
    time: Ints
    entities: pd.Index[Any]
    times: pd.Index[Any]
    index: pd.Index[Any]
    has_time: bool
    notices: tuple[Notice, ...]


def cut_rows(spec: CompositeIndex, panel: Panel) -> Rows:
    """Cut the rows an index reads from a panel.

    Parameters
    ----------
    spec : CompositeIndex
        Its indicators and what to do about missing cells.
    panel : Panel
        Where from.

    Returns
    -------
    Rows
        Complete ones.

    Raises
    ------
    InputTypeError
        If it is no panel.
    ColumnError
        If a column is absent.
    IndicatorError
        If a column is not numeric, or its values are too large or too small for squares.
    MissingDataError
        If cells are missing and may not be, or no row is left.
    """
    if not isinstance(panel, Panel):
        raise InputTypeError(
            f"CompositeIndex takes a Panel, not {type(panel).__name__}: Panel(df, entity='id', time='year')."
        )
    names, frame = spec.system.names, panel.frame
    absent = [n for n in names if n not in frame.columns]
    if absent:
        raise unknown_columns(absent, frame.columns, "the indicator system")
    text = [n for n in names if not pd.api.types.is_numeric_dtype(frame[n].dtype)]
    if text:
        raise IndicatorError(
            f"indicator {quoted(text)} is not numeric; convert it with pandas.to_numeric first.",
            [Notice("not_numeric", f"{cited(n)} is not numeric", {"indicator": n}) for n in text],
        )
    sample = panel.sample({"indicators": names}, missing=spec.missing)
    refuse_extreme(sample.columns("indicators"), names)
    notices = [
        Notice("missing_rows", d.message, {"count": d.count, "rows": d.rows, "by_term": dict(d.by_term)})
        for d in sample.dropped
    ]
    return Rows(
        x=sample.columns("indicators"),
        entity=sample.entity,
        time=sample.time,
        entities=sample.entities,
        times=sample.times,
        index=sample.index,
        has_time=panel.time_name is not None,
        notices=tuple(notices),
    )


def find_period(times: pd.Index[Any], text: str) -> int:
    """Find the period a text names.

    Parameters
    ----------
    times : Index
        Periods of the sample.
    text : str
        Such as ``"2011"``; for dates the beginning is enough if only one period has it.

    Returns
    -------
    int
        Its position.

    Raises
    ------
    OptionError
        If there is no such period, or there are several.
    """
    words = [str(t) for t in times]
    found = [k for k, w in enumerate(words) if w == text] or [
        k for k, w in enumerate(words) if isinstance(times, pd.DatetimeIndex) and w.startswith(text)
    ]
    if len(found) != 1:
        what = "is not a period of" if not found else "begins several periods of"
        raise OptionError(
            f"scope='base_year({text})': {cited(text)} {what} the sample; it has {quoted(words, 12)}.",
            [Notice("option", f"no period {cited(text)}", {"option": "scope", "value": text})],
        )
    return found[0]
