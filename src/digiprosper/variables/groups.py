"""Rows that are compared with one another: of one region, of one period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.panel.arguments import below_zero, not_positive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Ints
    from digiprosper.panel.arguments import Arguments


def row_labels(**labels: Any) -> dict[str, Any]:
    """Keep the labels that are not None."""
    return {name: label for name, label in labels.items() if label is not None}


def grouped(inputs: Arguments) -> Ints:
    """Code the groups that labels of regions and periods make: 0..G-1, (N,).

    Without labels of periods, the second level of an index (entity, time) is used. Rows
    with a missing label have groups of their own.
    """
    labels = dict(inputs.labels)
    if "time" not in labels and inputs.rows.nlevels == 2:
        codes, levels = pd.factorize(inputs.rows.get_level_values(1))
        labels["time"] = codes, pd.Index(levels)
    group = np.zeros(len(inputs.rows), dtype=np.int64)
    for codes, levels in labels.values():
        group = group * (len(levels) + 1) + codes + 1
    return np.unique(group, return_inverse=True)[1].astype(np.intp)


def compared_rows(inputs: Arguments, unit: str, divisors: Sequence[str] = ()) -> Ints:
    """Code the groups, and refuse complete rows that there is nothing to compare with.

    A group has at least two rows; `unit` is what a row is, in the plural. No column of
    `divisors` is zero throughout a group.
    """
    groups = grouped(inputs)
    alone = (np.bincount(groups)[groups] == 1) & inputs.complete
    single = {f"the number of {unit} in the group": alone}
    inputs.refuse_rows(single, "one", "There is nothing to compare it with")
    zero = {}
    for argument in divisors:
        columns = np.nan_to_num(np.atleast_2d(inputs.numbers[argument].T))
        for name, column in zip(inputs.names[argument], columns, strict=True):
            sums = np.bincount(groups, column)[groups]
            zero[f"the sum of {name} in the group"] = (sums == 0) & inputs.complete
    inputs.refuse_rows(
        zero, "zero", "A share or a coefficient of variation divides by it"
    )
    return groups


def refuse_negative(inputs: Arguments, why: str, *arguments: str) -> None:
    """Refuse negative values."""
    inputs.refuse(arguments, below_zero, "negative", why)


def refuse_not_positive(
    inputs: Arguments, why: str, *arguments: str, defect: str = "zero or negative"
) -> None:
    """Refuse negative values and zeros."""
    inputs.refuse(arguments, not_positive, defect, why)
