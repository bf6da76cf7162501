"""Cohorts of a treatment."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.linear.kernels.exchange import cohorts

ENTITY, TIME = np.repeat(np.arange(3), 3), np.tile(np.arange(3), 3)


def test_entities_are_sorted_by_first_treated_period() -> None:
    actual = cohorts(np.array([0.0, 0, 1, 1, 1, 1, 0, 0, 0]), ENTITY, TIME)
    assert actual is not None
    assert (actual.starts.tolist(), actual.sizes.tolist()) == ([0, 2], [1, 1])
    assert (actual.n_treated, actual.n_entities, actual.n_times) == (2, 3, 3)


def test_an_entity_that_enters_treated_starts_in_its_first_row() -> None:
    actual = cohorts(np.array([0.0, 0, 1]), np.array([0, 0, 1]), np.array([0, 1, 1]))
    assert actual is not None
    assert actual.starts.tolist() == [1]


@pytest.mark.parametrize("column", [[0.0, 1, 0], [0, 0.5, 1], [0, -1, 0], [0, 1, 2]])
def test_what_is_not_zero_one_or_ends_has_none(column: list[float]) -> None:
    assert cohorts(np.array([*column, *np.zeros(6)]), ENTITY, TIME) is None
