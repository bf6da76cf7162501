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
    """Keep the labels that were given.

    Parameters
    ----------
    **labels
        Argument to one label a row, or None.

    Returns
    -------
    dict
        Without those that are None.
    """
    return {name: label for name, label in labels.items() if label is not None}


def grouped(given: Arguments) -> Ints:
    """Code the groups that labels and the index make.

    Parameters
    ----------
    given : Arguments
        With labels of regions and periods. Without those of periods, the second level of an index (entity,
        time) is taken.

    Returns
    -------
    ndarray of int, shape (N,)
        Codes 0..G-1. Rows with a missing label have groups of their own.
    """
    labels = dict(given.labels)
    if "time" not in labels and given.rows.nlevels == 2:
        codes, levels = pd.factorize(given.rows.get_level_values(1))
        labels["time"] = codes, pd.Index(levels)
    group = np.zeros(len(given.rows), dtype=np.int64)
    for codes, levels in labels.values():
        group = group * (len(levels) + 1) + codes + 1
    return np.unique(group, return_inverse=True)[1].astype(np.intp)


def refuse_lone(given: Arguments, groups: Ints, unit: str) -> None:
    """Refuse groups of one row.

    Parameters
    ----------
    given : Arguments
        The rows; those with missing values are not looked at.
    groups : ndarray of int, shape (N,)
        Codes.
    unit : str
        What a row is, in the plural.

    Raises
    ------
    IdentificationError
        If there is such a group.
    """
    alone = (np.bincount(groups)[groups] == 1) & given.complete
    given.refuse_rows(
        {f"the number of {unit} in the group": alone}, "one", "There is nothing to compare it with"
    )


def refuse_empty(given: Arguments, groups: Ints, arguments: Sequence[str]) -> None:
    """Refuse groups in which a column is zero throughout.

    Parameters
    ----------
    given : Arguments
        The rows, none negative.
    groups : ndarray of int, shape (N,)
        Codes.
    arguments : sequence of str
        Whose columns.

    Raises
    ------
    IdentificationError
        If there is such a group.
    """
    complete = given.complete
    bad = {}
    for argument in arguments:
        columns = np.nan_to_num(np.atleast_2d(given.numbers[argument].T))
        for name, column in zip(given.names[argument], columns, strict=True):
            bad[f"the sum of {name} in the group"] = (np.bincount(groups, column)[groups] == 0) & complete
    given.refuse_rows(bad, "zero", "A share or a coefficient of variation divides by it")
