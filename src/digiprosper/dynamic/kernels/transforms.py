"""Differences and deviations of a panel on a grid of entities and periods."""

from __future__ import annotations

from typing import Literal

import numpy as np

from digiprosper.kernels import Bools, Floats

Transform = Literal["difference", "orthogonal", "within"]


def transformed(
    values: Floats, complete: Bools, transform: Transform
) -> tuple[Floats, Bools]:
    """Apply a transformation to values (N, T, p); which rows (N, T) have one.

    `complete` (N, T) are the rows in which all columns are observed. The transformed
    row is zero where there is none. A difference subtracts the period before, a within
    deviation the mean of the entity. An orthogonal deviation subtracts the mean of all
    later rows and is scaled (Arellano & Bover 1995); that of period t stands at t + 1,
    so that its instruments have the same lags as those of the difference at t + 1.
    """
    filled = np.where(complete[..., None], values, 0.0)
    out, present = np.zeros_like(filled), np.zeros_like(complete)
    if transform == "within":
        present, counts = complete, np.maximum(complete.sum(axis=1), 1)[:, None, None]
        out = filled - filled.sum(axis=1, keepdims=True) / counts
    elif transform == "difference":
        present[:, 1:] = complete[:, 1:] & complete[:, :-1]
        out[:, 1:] = np.diff(filled, axis=1)
    else:
        later, sums = (
            np.cumsum(array[:, :0:-1], axis=1)[:, ::-1] for array in (complete, filled)
        )
        present[:, 1:] = complete[:, :-1] & (later > 0)
        counts = np.maximum(later, 1)[..., None]
        out[:, 1:] = np.sqrt(counts / (counts + 1)) * (filled[:, :-1] - sums / counts)
    out[~present] = 0.0
    return out, present


def transformation(periods: int, transform: Transform) -> Floats:
    """Write the transformation of a balanced panel as a matrix (T, T)."""
    complete = np.ones((1, periods), dtype=bool)
    values = transformed(np.eye(periods)[None], complete, transform)[0]
    return np.asarray(values[0])
