"""Differences and deviations of a panel on a grid of entities and periods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from digiprosper.kernels.least_squares import dependences

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats, Ints

Transform = Literal["difference", "orthogonal", "within"]


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


def within_deviations(values: Floats, complete: Bools) -> tuple[Floats, Bools]:
    """Subtract the mean of an entity's rows."""
    filled = np.where(complete[..., None], values, 0.0)
    counts = np.maximum(complete.sum(axis=1), 1)[:, None, None]
    out = filled - filled.sum(axis=1, keepdims=True) / counts
    out[~complete] = 0.0
    return out, complete


def transformed(
    values: Floats, complete: Bools, transform: Transform
) -> tuple[Floats, Bools]:
    """Apply a transformation to values (N, T, p); which rows (N, T) have one."""
    apply = {
        "difference": differences,
        "orthogonal": orthogonal_deviations,
        "within": within_deviations,
    }
    return apply[transform](values, complete)


def period_dummies(complete: Bools, transform: Transform | None) -> tuple[Floats, Ints]:
    """Make dummies (N, T, p) of all periods but the first, and list their periods (p,).

    If gaps make some of them combinations of others when they are transformed, these
    are left out.
    """
    periods = np.flatnonzero(complete.any(axis=0))[1:]
    dummies = np.eye(complete.shape[1])[:, periods] * complete[..., None]
    if transform is not None and periods.size > 0:
        values, rows = transformed(dummies, complete, transform)
        used = np.flatnonzero(values.any(axis=(0, 1)))
        columns = values[rows][:, used]
        # There are none where no entity has two periods in a row.
        dependent = [d.column for d in dependences(columns)] if used.size else []
        kept = np.delete(used, dependent).astype(np.intp)
        dummies, periods = dummies[..., kept], periods[kept]
    return dummies, periods


def transformation(periods: int, transform: Transform) -> Floats:
    """Write the transformation of a balanced panel as a matrix (T, T)."""
    eye = np.eye(periods)[..., None]
    complete = np.ones((1, periods), dtype=bool)
    columns = [
        transformed(eye[None, j], complete, transform)[0][0, :, 0]
        for j in range(periods)
    ]
    return np.column_stack(columns)
