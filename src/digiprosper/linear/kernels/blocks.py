"""Slopes estimated in blocks of consecutive periods, for tests by their mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.equation import Solved
from digiprosper.kernels.least_squares import with_weights
from digiprosper.kernels.slopes import Effect
from digiprosper.kernels.tolerances import ABSORBED, SINGULAR
from digiprosper.kernels.within import effects_in_rows, within

# Five blocks; four where a fifth would leave blocks of one period.
_BLOCKS, _FEWER, _LEAST = 5, 4, 10


def block_slopes(equation: Solved, effects: Sequence[Effect], time: Ints) -> Floats:
    """Estimate the slopes (q, k) in q blocks of periods, each with effects of its own.

    `time` (N,) codes periods in order. Missing where a regressor does not vary in the
    block, or is collinear there; with instruments all slopes of that block are.
    """
    periods, k = int(time.max()) + 1, equation.x.shape[1]
    count = _BLOCKS if periods >= _LEAST else _FEWER
    columns = np.column_stack([equation.y, equation.x, equation.score_columns])
    sizes = np.linalg.norm(equation.x, axis=0)
    slopes = np.full((count, k), np.nan)
    blocks = time * count // periods
    for block in np.unique(blocks).tolist():
        rows = np.flatnonzero(blocks == block)
        w = None if equation.obs_weights is None else equation.obs_weights[rows]
        inside = within(effects_in_rows(effects, rows), rows.size, obs_weights=w)
        y, x, z = np.split(inside.demean(columns[rows]), [1, k + 1], axis=1)
        varies = np.linalg.norm(x, axis=0) > ABSORBED * sizes
        # Regressors are their own instruments in least squares only.
        if varies.all() or equation.moved is None:
            z = with_weights(z[:, varies], w)
            slopes[block, varies] = _solve_moments(z, x[:, varies], y[:, 0])
    return slopes


def _solve_moments(z: Floats, x: Floats, y: Floats) -> Floats:
    """Solve ``z'x b = z'y``, in any units; missing if there is no single solution."""
    if not x.shape[1]:
        return np.empty(0)
    of_z, of_x = np.linalg.norm(z, axis=0), np.linalg.norm(x, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        products, outcome = z.T @ x / of_z[:, None] / of_x, z.T @ y / of_z
    if not np.isfinite(products).all() or np.linalg.cond(products) > 1 / SINGULAR:
        return np.full(x.shape[1], np.nan)
    return np.asarray(np.linalg.solve(products, outcome) / of_x)
