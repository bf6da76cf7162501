"""Scores at every candidate against least squares with dummies."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digiprosper.kernels import threshold as kernel
from tests.kernels.threshold.threshold_oracle import (
    EFFECTS,
    brute,
    estimate,
    panel,
    search,
)


@pytest.mark.further
@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    k=st.integers(1, 2),
    effects=st.sampled_from(EFFECTS),
    rule=st.sampled_from(["<=", "<"]),
    intercept=st.booleans(),
    wide=st.booleans(),
)
def test_every_candidate_equals_least_squares_with_dummies(
    *, seed: int, k: int, effects: tuple[str, ...], rule: str, intercept: bool, wide: bool
) -> None:
    data = panel(seed, k, wide=wide)
    plan = search(data, effects, [0.08], rule=rule, intercept=intercept)
    found = estimate(plan, data["y"])
    start = brute(data, effects, [], rule, intercept=intercept)
    assert found.stages[0].null_ssr == pytest.approx(start, rel=1e-9)
    values = plan.candidates.values
    wanted = np.array([brute(data, effects, [g], rule, intercept=intercept) for g in values])
    there = np.isfinite(found.profiles[0])
    np.testing.assert_allclose(found.profiles[0][there], wanted[there], atol=1e-9 * start, rtol=0)
    assert values[found.stages[0].at[0]] == values[there][wanted[there].argmin()]
    block = k + intercept
    for cut in plan.candidates.cuts[~there]:
        # A value is passed over only where a regime has too few rows for its own slopes.
        assert min(cut, data["q"].size - cut) <= block + len(effects)


def test_columns_of_rounding_alone_gain_nothing_and_do_not_overflow() -> None:
    k = 12
    gram = np.ones((k, k, 1))
    gram[0, 0] = 1e-100
    state = SimpleNamespace(gram=gram, score=np.ones((k, 2, 1)))
    search = SimpleNamespace(squares=np.full((k, k, 1), 1e-120))
    np.testing.assert_array_equal(kernel.drops(search, state), np.full((2, 1), -np.inf))
