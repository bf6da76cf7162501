"""Against formulas in matrices; published numbers are in `test_tests_table`.

All matrices are written out.
"""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.kernels.least_squares import ols
from digiprosper.spatial.kernels.lagrange import lagrange_tests
from digiprosper.spatial.kernels.likelihood import lagged

N, T = 6, 4


def test_statistics_with_all_matrices_written_out() -> None:
    rng = np.random.default_rng(1)
    w = rng.uniform(size=(N, N))
    np.fill_diagonal(w, 0)
    x, y = rng.normal(size=(N * T, 2)), rng.normal(size=N * T)
    fit = ols(x, y)
    e, s2, big = (
        fit.residuals,
        float(fit.residuals @ fit.residuals) / (N * T),
        np.kron(w, np.eye(T)),
    )
    annihilator = np.eye(N * T) - x @ np.linalg.inv(x.T @ x) @ x.T
    fitted = big @ x @ fit.coefficients
    trace = T * np.trace(w @ w + w.T @ w)
    j = (fitted @ annihilator @ fitted + trace * s2) / s2
    lag, error = e @ big @ y / s2, e @ big @ e / s2

    found = lagrange_tests(
        w, x, e, *(lagged(w, column[:, None])[:, 0] for column in (y, e))
    )
    expected = (
        lag**2 / j,
        error**2 / trace,
        (lag - error) ** 2 / (j - trace),
        (error - trace / j * lag) ** 2 / (trace * (1 - trace / j)),
    )
    assert tuple(found) == pytest.approx(expected)
