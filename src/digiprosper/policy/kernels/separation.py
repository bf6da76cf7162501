"""Whether columns separate two groups, so that a logit has no estimate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats

# The linear program is solved to 1e-7; without separation its optimum is zero.
_SEPARATED: Final = 1e-6


def is_separated(x: Floats, treated: Bools) -> bool:
    """Return whether a combination of columns separates two groups, so that a logit has no estimate.

    Albert & Anderson (1984), Biometrika 71:1: there is no finite estimate if and only if some b has
    ``x_i'b >= 0`` for all rows of the first group and ``<= 0`` for all others, not all of them 0. A linear
    program finds it (Konis 2007). `x` has a constant, and columns in similar units.
    """
    from scipy.optimize import linprog

    signed = np.where(treated, 1.0, -1.0)[:, None] * x
    solution = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(x)), bounds=(-1.0, 1.0))
    return solution.x is not None and bool((signed @ solution.x).sum() > _SEPARATED * len(x))
