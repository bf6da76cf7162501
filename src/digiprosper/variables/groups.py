"""Rows that are compared with one another: of one region, of one period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Ints
    from digiprosper.panel.arguments import Arguments


def row_labels(**labels: Any) -> dict[str, Any]:
    """Keep the labels that are not None."""
    return {name: label for name, label in labels.items() if label is not None}


def grouped(inputs: Arguments) -> Ints:
    """Code the groups that the labels of regions and periods make, codes 0..G-1 of shape (N,).

    Without labels of periods, the second level of an index (entity, time) is used. Rows with a missing label
    have groups of their own.
    """
    labels = dict(inputs.labels)
    if "time" not in labels and inputs.rows.nlevels == 2:
        codes, levels = pd.factorize(inputs.rows.get_level_values(1))
        labels["time"] = codes, pd.Index(levels)
    group = np.zeros(len(inputs.rows), dtype=np.int64)
    for codes, levels in labels.values():
        group = group * (len(levels) + 1) + codes + 1
    return np.unique(group, return_inverse=True)[1].astype(np.intp)


def refuse_single_rows(inputs: Arguments, groups: Ints, unit: str) -> None:
    """Refuse groups of one row among the complete rows; `unit` is what a row is, in the plural."""
    alone = (np.bincount(groups)[groups] == 1) & inputs.complete
    inputs.refuse_rows(
        {f"the number of {unit} in the group": alone}, "one", "There is nothing to compare it with"
    )


def refuse_empty(inputs: Arguments, groups: Ints, arguments: Sequence[str]) -> None:
    """Refuse groups in which a column of `arguments` is zero throughout."""
    complete = inputs.complete
    bad = {}
    for argument in arguments:
        columns = np.nan_to_num(np.atleast_2d(inputs.numbers[argument].T))
        for name, column in zip(inputs.names[argument], columns, strict=True):
            bad[f"the sum of {name} in the group"] = (np.bincount(groups, column)[groups] == 0) & complete
    inputs.refuse_rows(bad, "zero", "A share or a coefficient of variation divides by it")
