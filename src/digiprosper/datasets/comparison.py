"""Comparison of estimates with the true parameters of a simulated panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.errors import ColumnError, InputTypeError, check_level, cited, quoted

_NUMBERS = ("estimate", "std_error", "conf_low", "conf_high")


def beside_truth(rows: Mapping[str, tuple[float, Any, Any]], *, level: float = 0.95) -> pd.DataFrame:
    """Compare estimates with the true parameters of a simulated panel.

    Parameters
    ----------
    rows : mapping
        For each row ``(truth, results, term)``, where results may also be a table such as
        ``results.impacts``. Or ``(truth, estimate, pieces)``, where pieces is a confidence set: a list of
        intervals, as in `ThresholdResults.confidence_set` and ``fieller`` of `u_test`.
    level : float, default 0.95
        Confidence level of the intervals of results. A table has its own intervals.

    Returns
    -------
    DataFrame
        One row per row of `rows`, with columns truth, estimate, std_error (missing for a set), conf_low,
        conf_high (the ends of the interval or set), and inside: whether the interval or set contains the
        truth.

    Raises
    ------
    InputTypeError
        If a row has neither of these forms.
    ColumnError
        If results do not have the term, or a table has it twice or does not have these columns.

    Examples
    --------
    >>> import digiprosper as dp
    >>> panel, truth = dp.datasets.simulate_provinces(rng=2026)
    >>> fit = dp.FixedEffects("prosperity", ["digital", *truth.controls["prosperity"]]).fit(panel)
    >>> dp.datasets.beside_truth({"Total effect": (truth.total, fit, "digital")}).round(3)
                  truth  estimate  std_error  conf_low  conf_high  inside
    Total effect   0.44     0.424      0.023     0.377      0.471    True
    """
    level = check_level(level)
    mapping: object = rows
    if not isinstance(mapping, Mapping) or not mapping:
        raise InputTypeError("beside_truth: rows must be a mapping from names to (truth, results, term).")
    lines = [_line(name, row, level) for name, row in rows.items()]
    names = pd.Index(rows.keys(), dtype=object)
    return pd.DataFrame(lines, index=names, columns=["truth", *_NUMBERS, "inside"])


def _line(name: object, row: Any, level: float) -> tuple[float | bool, ...]:
    if not isinstance(row, Sequence) or isinstance(row, str) or len(row) != 3:
        raise _no_row(name, row)
    true_value, results, term_or_interval = row
    truth = _numbers(name, row, true_value).item()
    frame = results.tidy(level) if hasattr(results, "tidy") else results
    if isinstance(term_or_interval, str) and isinstance(frame, pd.DataFrame):
        return truth, *_of_term(name, truth, frame, term_or_interval)
    estimate = _numbers(name, row, results).item()
    return truth, *_of_set(truth, estimate, _numbers(name, row, term_or_interval, (-1, 2)))


def _numbers(name: object, row: object, values: object, shape: tuple[int, ...] = ()) -> Any:
    try:
        return np.asarray(values, dtype=float).reshape(shape)
    except (TypeError, ValueError):
        raise _no_row(name, row) from None


def _of_term(name: object, truth: float, frame: pd.DataFrame, term: str) -> tuple[float | bool, ...]:
    lacking = {"term", *_NUMBERS} - set(frame.columns)
    if lacking:
        raise ColumnError(f"beside_truth: the frame of {cited(name)} lacks {quoted(sorted(lacking))}.")
    rows = frame.loc[frame["term"] == term]
    if len(rows) != 1:
        times = "twice or more" if len(rows) else "not"
        raise ColumnError(
            f"beside_truth: the results of {cited(name)} have the term {cited(term)} {times}; their terms "
            f"are {quoted(frame['term'])}."
        )
    numbers = rows[list(_NUMBERS)].to_numpy(dtype=float)[0]
    estimate, error, low, high = numbers.tolist()
    return estimate, error, low, high, low <= truth <= high


def _of_set(truth: float, estimate: float, pieces: Any) -> tuple[float | bool, ...]:
    inside = bool(((pieces[:, 0] <= truth) & (truth <= pieces[:, 1])).any())
    low, high = (float(pieces.min()), float(pieces.max())) if len(pieces) else (np.nan, np.nan)
    return estimate, np.nan, low, high, inside


def _no_row(name: object, row: object) -> InputTypeError:
    return InputTypeError(
        f"beside_truth: the row {cited(name)} is {cited(row)}; it must be (truth, results, term), or "
        "(truth, estimate, [(low, high)])."
    )
