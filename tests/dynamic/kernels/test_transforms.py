"""Transformations against their definitions, row by row."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.dynamic.kernels.transforms import (
    transformation,
    transformed,
)


@pytest.fixture
def grid() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(9, 6, 2)), rng.random((9, 6)) > 0.3


def test_differences(grid: tuple[np.ndarray, np.ndarray]) -> None:
    values, complete = grid
    out, present = transformed(values, complete, "difference")
    for i, t in np.ndindex(9, 6):
        both = t > 0 and complete[i, t] and complete[i, t - 1]
        assert present[i, t] == both
        expected = values[i, t] - values[i, t - 1] if both else np.zeros(2)
        np.testing.assert_allclose(out[i, t], expected)


def test_orthogonal_deviations(grid: tuple[np.ndarray, np.ndarray]) -> None:
    """The deviation of period t stands at t + 1 (Arellano & Bover 1995)."""
    values, complete = grid
    out, present = transformed(values, complete, "orthogonal")
    for i, t in np.ndindex(9, 5):
        later = [values[i, s] for s in range(t + 1, 6) if complete[i, s]]
        there = complete[i, t] and bool(later)
        assert present[i, t + 1] == there
        if there:
            scale = np.sqrt(len(later) / (len(later) + 1))
            expected = scale * (values[i, t] - np.mean(later, axis=0))
            np.testing.assert_allclose(out[i, t + 1], expected)
        else:
            assert not out[i, t + 1].any()
    assert not present[:, 0].any()


def test_within_deviations(grid: tuple[np.ndarray, np.ndarray]) -> None:
    values, complete = grid
    out, _ = transformed(values, complete, "within")
    for i in range(9):
        rows = values[i][complete[i]]
        if len(rows):
            np.testing.assert_allclose(out[i][complete[i]], rows - rows.mean(axis=0))
        assert not out[i][~complete[i]].any()


def test_orthogonal_deviations_keep_errors_independent() -> None:
    """A balanced panel: rows of the transformation are orthonormal."""
    matrix = transformation(6, "orthogonal")
    np.testing.assert_allclose((matrix @ matrix.T)[1:, 1:], np.eye(5), atol=1e-14)
    assert not matrix[0].any()
    first = transformation(6, "difference")
    expected = 2 * np.eye(5) - np.eye(5, k=1) - np.eye(5, k=-1)
    np.testing.assert_allclose((first @ first.T)[1:, 1:], expected)
