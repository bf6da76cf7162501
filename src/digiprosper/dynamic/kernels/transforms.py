"""Differences and forward orthogonal deviations of a panel on a full grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats

Transform = Literal["difference", "orthogonal"]


def differences(values: Floats, complete: Bools) -> tuple[Floats, Bools]:
    """Subtract the previous period: values (N, T, p), and which rows (N, T) have one.

    `complete` (N, T) are the rows in which all columns are observed. Rows without a
    difference are zero.
    """
    present = np.zeros_like(complete)
    present[:, 1:] = complete[:, 1:] & complete[:, :-1]
    out = np.zeros_like(values)
    out[:, 1:] = values[:, 1:] - values[:, :-1]
    out[~present] = 0.0
    return out, present


def orthogonal_deviations(values: Floats, complete: Bools) -> tuple[Floats, Bools]:
    """Subtract the mean of all later rows, scaled (Arellano & Bover 1995).

    The deviation of period t stands at t + 1, so that its instruments have the same
    lags as those of the difference at t + 1.
    """
    filled = np.where(complete[..., None], values, 0.0)
    rows_from = np.cumsum(complete[:, ::-1], axis=1)[:, ::-1]
    sums_from = np.cumsum(filled[:, ::-1], axis=1)[:, ::-1]
    later = rows_from[:, 1:]
    present = np.zeros_like(complete)
    present[:, 1:] = complete[:, :-1] & (later > 0)
    counts = np.maximum(later, 1)[..., None]
    out = np.zeros_like(values)
    out[:, 1:] = np.sqrt(counts / (counts + 1)) * (
        filled[:, :-1] - sums_from[:, 1:] / counts
    )
    out[~present] = 0.0
    return out, present


def transformed(
    values: Floats, complete: Bools, transform: Transform
) -> tuple[Floats, Bools]:
    """Apply a transformation to values (N, T, p); which rows (N, T) have one."""
    apply = differences if transform == "difference" else orthogonal_deviations
    return apply(values, complete)


def transformation(periods: int, transform: Transform) -> Floats:
    """Write the transformation of a balanced panel as a (T, T) matrix; row 0 is zero."""
    eye = np.eye(periods)[..., None]
    complete = np.ones((1, periods), dtype=bool)
    columns = [
        transformed(eye[None, j], complete, transform)[0][0, :, 0]
        for j in range(periods)
    ]
    return np.column_stack(columns)
