"""Weights from the data alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pandas as pd

from digiprosper.errors import (
    IndicatorError,
    InputTypeError,
    MissingDataError,
    Notice,
    OptionError,
    issue,
    quoted,
)
from digiprosper.kernels.dispersion import ColumnSums, column_sums, theil_shares, theil_t

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from digiprosper.kernels import Floats

__all__ = ["WEIGHTINGS", "Weighing", "Weighting", "check_shift", "entropy_weights", "weigh_by_entropy"]

Weighting = Literal["entropy"]

_LARGE_SHIFT: Final = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Weighing:
    """Weights, what they rest on, and what was noticed.

    Parameters
    ----------
    weights : ndarray, shape (m,)
        Add up to one.
    entropy : ndarray, shape (m,)
        Relative entropy of each column, in [0, 1].
    redundancy : ndarray, shape (m,)
        One minus the entropy: Theil's T / ln N.
    notices : tuple of Notice
        Remarks, not yet issued.
    """

    weights: Floats
    entropy: Floats
    redundancy: Floats
    notices: tuple[Notice, ...]


def entropy_weights(Z: Any, *, shift: float = 0.0) -> Floats:
    """Weigh columns by how unevenly they are spread: the entropy weight method.

    Parameters
    ----------
    Z : array or DataFrame, shape (n, m)
        Directed, non-negative values. Nothing is normalised here.
    shift : float, default 0.0
        Added before the logarithm. 0 because 0 ln 0 = 0 needs none; papers to replicate have 1e-4, .01, ...

    Returns
    -------
    ndarray, shape (m,)
        Weights in column order, adding up to one. A constant column has weight 0 and is named in a warning.

    Raises
    ------
    InputTypeError
        If `Z` is not a table of numbers with two axes.
    MissingDataError
        If a value is missing or infinite.
    IndicatorError
        If a value is negative, or all columns are constant.
    OptionError
        If the shift is not a number >= 0.

    Notes
    -----
    p_ij = z_ij / sum_i z_ij, e_j = -sum_i p_ij ln p_ij / ln n, w_j = (1 - e_j) / sum_k (1 - e_k)
    (Shannon 1948; as weights, Hwang and Yoon 1981). As 1 - e_j = T_j / ln n with Theil's T of column j, the
    weights are shares of Theil indices: the method rewards dispersion and skewness, not importance.

    Examples
    --------
    >>> import numpy as np
    >>> import digiprosper as dp
    >>> Z = np.array([[0, 0, 0], [0.5, 1, 0], [1, 1, 1]])
    >>> dp.entropy_weights(Z).round(4).tolist()
    [0.235, 0.2062, 0.5588]
    """
    z, names = _as_table(Z)
    check_shift(shift)
    sums = column_sums(z, shift=shift)
    if not (np.isfinite(sums.total).all() and np.isfinite(sums.z_log_z).all()):
        _refuse_missing(z, names)
    if sums.low < shift:
        _refuse_negative(z, names)
    weighing = _weigh(z, names, shift, sums)
    issue(weighing.notices)
    return weighing.weights


def check_shift(shift: object) -> None:
    """Refuse a shift that is not a finite number >= 0.

    Parameters
    ----------
    shift : object
        What was given.

    Raises
    ------
    OptionError
        If it is anything else.
    """
    number = isinstance(shift, int | float | np.number) and not isinstance(shift, bool)
    if not number or not math.isfinite(float(shift)) or float(shift) < 0:  # type: ignore[arg-type]
        message = f"shift={shift!r} is not a number >= 0; 0 is right unless you replicate a paper."
        raise OptionError(message, [Notice("option", message, {"option": "shift", "value": shift})])


def weigh_by_entropy(z: Floats, names: Sequence[str], shift: float) -> Weighing:
    """Entropy weights of checked columns, with entropies and remarks.

    Parameters
    ----------
    z : ndarray, shape (N, m)
        Directed, finite, non-negative.
    names : sequence of str
        Names of the columns.
    shift : float
        Added before the logarithm.

    Returns
    -------
    Weighing
        Weights, entropies, notices.

    Raises
    ------
    IndicatorError
        If all columns are constant.
    """
    return _weigh(z, names, shift, column_sums(z, shift=shift))


WEIGHTINGS: Final[Mapping[str, Callable[[Floats, Sequence[str], float], Weighing]]] = {
    "entropy": weigh_by_entropy,
}


def _weigh(z: Floats, names: Sequence[str], shift: float, sums: ColumnSums) -> Weighing:
    theil = theil_t(z, shift=shift, sums=sums)
    constant = [n for n, t in zip(names, theil, strict=True) if t == 0]
    if len(constant) == len(names):
        message = (
            f"every indicator is constant over the {len(z)} rows ({quoted(constant)}): nothing to weigh."
        )
        raise IndicatorError(message, [Notice("constant_indicator", message, {"columns": tuple(constant)})])
    weights = theil_shares(theil)
    redundancy = theil / math.log(len(z))
    return Weighing(weights, 1.0 - redundancy, redundancy, tuple(_notices(names, weights, constant, shift)))


def _notices(names: Sequence[str], weights: Floats, constant: Sequence[str], shift: float) -> list[Notice]:
    notices = []
    if constant:
        text = f"{quoted(constant)} is constant over the sample and has weight 0; remove it from the system."
        notices.append(Notice("constant_indicator", text, {"columns": tuple(constant)}))
    if shift >= _LARGE_SHIFT:
        text = f"shift={shift:g} changes the weights; 0 ln 0 = 0 needs none. Use 0 unless replicating."
        notices.append(Notice("shift", text, {"shift": float(shift)}))
    limit = 3 / (len(names) - len(constant))
    large = {n: float(w) for n, w in zip(names, weights, strict=True) if w > limit}
    if large:
        shown = ", ".join(f"{n!r} ({w:.2f})" for n, w in large.items())
        text = (
            f"{shown} weighs more than three equal shares of {limit / 3:.2f}: zeros or a few large values "
            "decide the index. Look at the column; a ratio to population or a logarithm is often meant."
        )
        notices.append(Notice("dominant_indicator", text, {"weights": large, "limit": limit}))
    return notices


def _as_table(values: Any) -> tuple[Floats, list[str]]:
    try:
        z = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputTypeError("entropy_weights takes a table of numbers, one column an indicator.") from error
    if z.ndim != 2 or 0 in z.shape:
        raise InputTypeError(
            f"entropy_weights takes rows x indicators with at least one of each; the shape is {z.shape}."
        )
    named = isinstance(values, pd.DataFrame)
    return z, [str(c) for c in values.columns] if named else [f"column {j}" for j in range(z.shape[1])]


def _refuse_missing(z: Floats, names: Sequence[str]) -> None:
    problems = _by_column(~np.isfinite(z), names, "is missing or infinite", "missing")
    if problems:
        text = "; ".join(p.message for p in problems)
        raise MissingDataError(f"{text}. Fill or remove these rows first.", problems)


def _refuse_negative(z: Floats, names: Sequence[str]) -> None:
    problems = _by_column(z < 0, names, "is negative", "negative")
    if problems:
        text = "; ".join(p.message for p in problems)
        raise IndicatorError(
            f"{text}. Entropy is undefined there: normalise first, as CompositeIndex does.", problems
        )


def _by_column(bad: Any, names: Sequence[str], what: str, code: str) -> list[Notice]:
    problems = []
    for j in np.flatnonzero(bad.any(axis=0)):
        rows = np.flatnonzero(bad[:, j])
        shown = ", ".join(str(r) for r in rows[:5])
        text = f"{names[int(j)]!r} {what} in {rows.size} row{'s' * (rows.size > 1)} (first: {shown})"
        data = {"column": names[int(j)], "count": int(rows.size), "rows": tuple(rows[:5].tolist())}
        problems.append(Notice(code, text, data))
    return problems
