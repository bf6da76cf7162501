"""Columns changed value by value: standardised, and with extremes pulled in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from digiprosper.errors import IdentificationError, cited
from digiprosper.kernels.tolerances import CONSTANT, WHOLE
from digiprosper.panel.describe import unit_of

if TYPE_CHECKING:
    from digiprosper.kernels import Floats, Ints
    from digiprosper.panel.table import Table


def standardised(table: Table, name: str, groups: Ints) -> Floats:
    """Standardise a column within groups (N,): mean 0, standard deviation 1 with divisor n - 1."""
    values = table.numeric(name)
    values = values / unit_of(values[~np.isnan(values)])
    grouped = pd.Series(values).groupby(groups)
    sd = grouped.transform("std").to_numpy()

    size = np.abs(values)
    flat = ~np.isnan(size) & ~(sd > CONSTANT * np.where(np.isnan(size), 0.0, size))
    if flat.any():
        raise IdentificationError(
            f"standardise: column {cited(name)} does not vary in {table.describe_rows(flat)}; drop it, or "
            "choose larger groups."
        )
    return np.asarray((values - grouped.transform("mean").to_numpy()) / sd)


def winsorized(values: Floats, groups: Ints, shares: tuple[float, float], quantile: str) -> Floats:
    """Replace values beyond the quantiles of their group by these quantiles, in a copy; missing ones stay.

    `shares` are the lower and upper share; `quantile` is the rule, ``"stata"`` or ``"linear"``.
    """
    out = values.copy()
    order = np.argsort(groups, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(groups[order])) + 1):
        rows = part[~np.isnan(values[part])]
        if rows.size:
            # Sums and differences of two values may be out of range, those of their halves are not.
            halves = values[rows] / 2
            low, high = (2 * _quantile(halves, share, quantile) for share in shares)
            out[rows] = np.clip(values[rows], low, high)
    return out


def _quantile(values: Floats, share: float, rule: str) -> float:
    return _stata_quantile(values, share) if rule == "stata" else float(np.quantile(values, share))


def _stata_quantile(values: Floats, share: float) -> float:
    """Average the inverse distribution function at jumps; a product such as .07 * 100 counts as whole."""
    ordered = np.sort(values)
    position = values.size * share
    last = values.size - 1
    whole = round(position)
    if abs(position - whole) < WHOLE * max(position, 1.0):
        return float(ordered[max(whole - 1, 0)] + ordered[min(whole, last)]) / 2
    return float(ordered[int(position)])
