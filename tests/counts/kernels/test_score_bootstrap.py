"""The score bootstrap, beside Stata's boottest and sums written out."""

from __future__ import annotations

import pickle
from itertools import product

import numpy as np
import pytest

from digiprosper.counts.kernels.score_bootstrap import ScoreDraws, score_statistics
from digiprosper.linear.kernels.wild import WildWeights

SIGNS = WildWeights("rademacher", (-1.0, 1.0), 4, 16, True)


def draws(moved: np.ndarray) -> ScoreDraws:
    return ScoreDraws(
        nulls=np.array([-2.0, -1.0, 0.0, 1.0]),
        moved=moved,
        shares=np.array([0.1, 0.2, 0.3, 0.4]),
        drawn=SIGNS,
        seed=np.random.SeedSequence(1),
    )


def written_out(q: np.ndarray, shares: np.ndarray, v: np.ndarray) -> float:
    total = float(v @ q)
    return total / float(np.sqrt(((v * q - shares * total) ** 2).sum()))


def test_statistics_are_the_formula() -> None:
    rng = np.random.default_rng(3)
    q, shares = rng.normal(size=4), np.array([0.1, 0.2, 0.3, 0.4])
    v = rng.normal(size=(9, 4))
    np.testing.assert_allclose(
        score_statistics(q, shares, v), [written_out(q, shares, row) for row in v]
    )


def test_every_sign_is_drawn_once() -> None:
    q = np.random.default_rng(5).normal(size=4)
    drawn = draws(np.tile(q, (4, 1)))
    signs = np.array(list(product((-1, 1), repeat=4)))
    np.testing.assert_allclose(
        np.sort(drawn.at(0.5)),
        np.sort([written_out(q, drawn.shares, row) for row in signs]),
    )
    assert drawn.statistic(0.5) == pytest.approx(
        written_out(q, drawn.shares, np.ones(4))
    )
    assert (drawn.reps, drawn.weights, drawn.enumerated) == (16, "rademacher", True)


def test_scores_between_nulls_are_interpolated() -> None:
    rng = np.random.default_rng(7)
    powers = rng.normal(size=(4, 4))
    nulls = np.array([-2.0, -1.0, 0.0, 1.0])
    moved = np.vander(nulls, 4) @ powers
    drawn = draws(moved)
    at = np.vander([0.3], 4) @ powers
    assert drawn.statistic(0.3) == pytest.approx(
        written_out(at[0], drawn.shares, np.ones(4))
    )
    # Beyond the last null they stay as they are there.
    assert drawn.statistic(5.0) == drawn.statistic(1.0)


def test_pickled_draws_are_the_same() -> None:
    drawn = draws(np.random.default_rng(9).normal(size=(4, 4)))
    again = pickle.loads(pickle.dumps(drawn))
    np.testing.assert_array_equal(again.at(0.1), drawn.at(0.1))
