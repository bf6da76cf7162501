"""Nearest neighbours, their weights, and moments: against searches written out."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.policy.kernels.neighbours import matched_moments, nearest, pair_weights


def searched(treated, control, k, caliper, *, replace) -> list[list[int]]:
    """Search the matches of each treated unit in a loop over all controls."""
    taken: list[list[int]] = [[] for _ in treated]
    used: set[int] = set()
    if replace:
        for unit, score in enumerate(treated):
            by_distance = sorted(range(len(control)), key=lambda j, s=score: (abs(control[j] - s), j))
            taken[unit] = [j for j in by_distance[:k] if abs(control[j] - score) <= caliper]
        return taken
    order = sorted(range(len(treated)), key=lambda unit: (-treated[unit], unit))
    for _ in range(k):
        for unit in order:
            free = [
                (abs(control[j] - treated[unit]), j)
                for j in range(len(control))
                if j not in used and abs(control[j] - treated[unit]) <= caliper
            ]
            if free:
                taken[unit].append(min(free)[1])
                used.add(min(free)[1])
    return taken


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("caliper", [np.inf, 0.1, 0.01])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_neighbours_are_those_of_a_search(seed, k, caliper, replace) -> None:
    rng = np.random.default_rng(seed)
    treated, control = rng.uniform(size=25), rng.uniform(size=40) ** 2
    found = nearest(treated, control, k, caliper, replace=replace)
    expected = searched(treated, control, k, caliper, replace=replace)
    assert [found.control[found.treated == unit].tolist() for unit in range(25)] == expected
    assert found.distance == pytest.approx(np.abs(treated[found.treated] - control[found.control]), abs=0)
    assert found.ties == 0
    if not replace:
        assert len(set(found.control.tolist())) == found.control.size


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("k", [1, 2, 5, 50])
def test_neighbours_among_many_ties_are_those_of_a_search(k, replace) -> None:
    rng = np.random.default_rng(k)
    treated, control = rng.integers(0, 9, 20) / 8, rng.integers(0, 9, 30) / 8
    found = nearest(treated, control, k, 0.25, replace=replace)
    expected = searched(treated, control, k, 0.25, replace=replace)
    assert [found.control[found.treated == unit].tolist() for unit in range(20)] == expected


def test_of_controls_at_one_distance_the_first_is_taken_and_counted() -> None:
    found = nearest(np.array([0.5, 0.9]), np.array([0.6, 0.4, 0.6, 0.9]), 1, np.inf, replace=True)
    assert found.control.tolist() == [0, 3]
    assert found.ties == 1
    assert nearest(np.array([0.5]), np.array([0.6, 0.4, 0.6]), 3, np.inf, replace=True).ties == 0


def test_rounding_of_scores_breaks_no_tie() -> None:
    # 0.3 and 0.1 + 0.2 differ in the last digit.
    control = np.array([0.3, 0.1 + 0.2])
    for scores in (control, control[::-1]):
        found = nearest(np.array([0.3]), scores, 1, 0.5, replace=True)
        assert (found.control.tolist(), found.ties) == ([0], 1)


def test_without_replacement_the_largest_score_chooses_first() -> None:
    treated, control = np.array([0.5, 0.6]), np.array([0.55, 0.1])
    found = nearest(treated, control, 1, 0.2, replace=False)
    assert (found.treated.tolist(), found.control.tolist()) == ([1], [0])


def test_without_replacement_every_treated_unit_has_one_before_any_has_two() -> None:
    found = nearest(np.array([0.50, 0.52]), np.array([0.50, 0.51, 0.9]), 2, np.inf, replace=False)
    assert np.bincount(found.treated).tolist() == [1, 2]


def test_weights_are_shares_of_the_matches() -> None:
    found = nearest(np.array([0.2, 0.4, 0.9]), np.array([0.2, 0.35, 0.6]), 2, 0.2, replace=True)
    treated, control = pair_weights(found, 3, 3)
    assert treated.tolist() == [1, 1, 0]
    # The first has controls 0 and 1; the second has controls 1 and, at the same distance, 0 and 2.
    assert control == pytest.approx([1.0, 1.0, 0.0])
    assert control.sum() == pytest.approx(treated.sum())


def test_moments_are_those_of_repeated_rows() -> None:
    rng = np.random.default_rng(5)
    x, treated = rng.normal(size=(12, 2)), np.arange(12) < 5
    weights = np.array([1, 1, 0, 1, 1, 2, 1, 0, 3, 0, 1, 1.0])
    found = matched_moments(x, treated, weights)
    repeated = np.repeat(x[5:], weights[5:].astype(int), axis=0)
    assert found.control == pytest.approx(repeated.mean(axis=0))
    # As Stata's aweights: n is the number of rows, not the sum of weights.
    assert found.variance_control == pytest.approx(repeated.var(axis=0) * 5 / 4)
    assert found.variance_treated == pytest.approx(x[:5][weights[:5] > 0].var(axis=0, ddof=1))


def test_a_group_of_one_has_no_variance() -> None:
    x = np.array([[1.0], [2.0], [4.0]])
    found = matched_moments(x, np.array([True, False, False]), np.array([1.0, 0, 0]))
    assert found.treated == pytest.approx([1.0])
    assert np.isnan(found.variance_treated).all()
    assert np.isnan(found.control).all()
