"""Rows of a binary outcome that the model predicts perfectly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.kernels import Bools, Floats, Ints

# Of values that are at most one: above the tolerance of the linear program.
_SEPARATED: Final = 1e-5


def varying_rows(y: Floats, effects: Sequence[Ints]) -> Bools:
    """Mark rows (N,) without levels whose outcomes are all zero or all one.

    Such levels leave repeatedly, since others may then have one outcome only.
    """
    keep = np.ones(y.size, dtype=bool)
    while True:
        before = int(keep.sum())
        for codes in effects:
            levels = int(codes.max()) + 1
            rows = np.bincount(codes[keep], minlength=levels)
            ones = np.bincount(codes[keep], weights=y[keep], minlength=levels)
            keep &= ((ones > 0) & (ones < rows))[codes]
        if int(keep.sum()) == before:
            return keep


def separated_rows(y: Floats, x: Floats, effects: Sequence[Ints]) -> Bools:
    """Mark rows (N,) whose probability the likelihood moves to zero or one.

    They are those with z != 0 for some sum z of columns x (N, k) and dummies of effects
    that is at least 0 where the outcome is one and at most 0 where it is zero (Albert &
    Anderson 1984; Correia, Guimaraes & Zylkin 2019). The linear program maximises the
    sum of ``|z| <= 1``; columns are in similar units. It need not mark all such rows:
    ask again without those that are marked.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, hstack, vstack

    sign = np.where(y > 0, 1.0, -1.0)
    rows = np.arange(y.size)
    dummies = [csr_array((sign, (rows, codes))) for codes in effects]
    columns = hstack([csr_array(x * sign[:, None]), *dummies], format="csr")
    solution = linprog(
        -columns.sum(axis=0),
        A_ub=vstack([columns, -columns]),
        b_ub=np.repeat([1.0, 0.0], y.size),
        bounds=(None, None),
    )
    return np.asarray(columns @ solution.x > _SEPARATED)
