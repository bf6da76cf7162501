"""Separation of two groups."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.policy.kernels.separation import is_separated


@pytest.mark.parametrize("gap", [1.0, 1e-3])
def test_complete_separation_is_found(gap) -> None:
    score = np.r_[np.linspace(-1, -gap, 20), np.linspace(gap, 1, 20)]
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(40), score + rng.normal(size=40), rng.normal(size=40)])
    x[:, 2] = score - x[:, 1]
    assert is_separated(x, score > 0)
    assert not is_separated(x, rng.uniform(size=40) > 0.5)


def test_quasi_separation_is_found() -> None:
    x = np.column_stack([np.ones(30), np.arange(30) % 3 == 0]).astype(float)
    treated = (np.arange(30) % 3 == 0) & (np.arange(30) > 9)
    assert is_separated(x, treated)
    treated[1] = True
    assert not is_separated(x, treated)
