"""Separated rows, beside what the likelihood does on its way to no maximum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings, strategies as st
from scipy.optimize import linprog

from digiprosper.kernels import separation
from digiprosper.kernels.separation import mark_empty_levels, separated_rows
from digiprosper.kernels.slopes import Slope
from digiprosper.kernels.within import compress

if TYPE_CHECKING:
    import pytest


def brute(y: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Ask for each row with outcome zero whether some combination separates it."""
    zero = y == 0
    out = np.zeros(y.size, dtype=bool)
    for row in np.flatnonzero(zero):
        program = linprog(
            -design[row],
            A_ub=np.vstack([-design[zero], design[row]]),
            b_ub=np.append(np.zeros(int(zero.sum())), 1.0),
            A_eq=design[~zero],
            b_eq=np.zeros(int((~zero).sum())),
            bounds=(None, None),
        )
        out[row] = -program.fun > 1e-6
    return out


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000))
def test_rows_are_those_that_a_program_for_each_row_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(8, 30))
    y = rng.poisson(0.6, n).astype(float)
    y[0] = 1.0
    x = rng.integers(-1, 3, (n, int(rng.integers(1, 4)))).astype(float)
    codes, levels = compress(rng.integers(0, 4, n).astype(np.intp))
    design = np.hstack([x, codes[:, None] == np.arange(levels)]).astype(float)
    np.testing.assert_array_equal(separated_rows(y, x, [codes])[0], brute(y, design))


def test_levels_without_outcome_leave_repeatedly() -> None:
    y = np.array([0.0, 0.0, 0.0, 1.0, 2.0])
    first = np.array([0, 0, 1, 1, 2])
    second = np.array([0, 1, 0, 1, 1])
    # The first level of `first` is empty, and then that of `second`.
    np.testing.assert_array_equal(
        mark_empty_levels(y, [first, second]), [True, True, True, False, False]
    )
    assert not mark_empty_levels(y, [Slope(first, y)]).any()


def test_nothing_is_separated_without_zeros() -> None:
    y, x = np.array([1.0, 2.0, 3.0]), np.array([[0.0], [0.0], [1.0]])
    assert not separated_rows(y, x, [])[0].any()


def test_units_change_nothing() -> None:
    y = np.array([0.0, 0.0, 0.0, 1.0, 2.0, 3.0])
    x = np.array([[-1.0], [-2.0], [0.0], [0.0], [0.0], [0.0]])
    for scale in (1e-8, 1.0, 1e8):
        rows, _ = separated_rows(y, x * scale, [])
        np.testing.assert_array_equal(rows, [True, True, False, False, False, False])


def test_slopes_by_level_separate_too() -> None:
    y = np.array([0.0, 1.0, 2.0, 0.0, 1.0, 2.0])
    codes = np.array([0, 0, 0, 1, 1, 1])
    column = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    rows, _ = separated_rows(y, np.empty((6, 0)), [codes, Slope(codes, column)])
    np.testing.assert_array_equal(rows, [True, False, False, False, False, False])


def test_a_maximum_needs_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separation, "_linear_program", None)
    rng = np.random.default_rng(1)
    y, x = rng.poisson(1.0, 200).astype(float), rng.normal(size=(200, 2))
    assert not separated_rows(y, x, [np.repeat(np.arange(20), 10)])[0].any()
