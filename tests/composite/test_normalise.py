from __future__ import annotations

import numpy as np

from digiprosper.composite.normalise import learn_end_points

PLUS = np.array([True])


def test_ends_are_exactly_zero_and_one_in_both_directions():
    x = np.random.default_rng(0).normal(1e6, 3, size=(50, 2))
    z = learn_end_points(x).apply(x, np.array([True, False]))
    assert z.min(axis=0).tolist() == [0.0, 0.0]
    assert z.max(axis=0).tolist() == [1.0, 1.0]
    assert z[:, 0].argmax() == x[:, 0].argmax()
    assert z[:, 1].argmax() == x[:, 1].argmin()


def test_learned_ends_score_other_rows_without_clipping():
    ends = learn_end_points(np.array([[0.0], [10.0]]))
    assert ends.apply(np.array([[-5.0], [5.0], [20.0]]), PLUS).ravel().tolist() == [-0.5, 0.5, 2.0]
    assert ends.apply(np.array([[-5.0], [5.0], [20.0]]), ~PLUS).ravel().tolist() == [1.5, 0.5, -1.0]


def test_rounding_noise_is_constant_and_scores_zero():
    x = np.column_stack([np.full(4, 7.0), [0.1 + 0.2, 0.3, 0.3, 0.3], [1e-9, 2e-9, 1e-9, 1e-9], np.zeros(4)])
    ends = learn_end_points(x)
    assert ends.constant.tolist() == [True, True, False, True]
    assert ends.apply(x, np.ones(4, dtype=bool))[:, [0, 1, 3]].sum() == 0.0
    # also in a panel where the column does vary: it has no weight, and a division by zero helps nobody
    assert np.isfinite(ends.apply(x + np.arange(4)[:, None], np.zeros(4, dtype=bool))).all()


def test_the_input_is_not_written_to():
    x = np.arange(6.0).reshape(3, 2)
    kept = x.copy()
    learn_end_points(x).apply(x, np.array([True, False]))
    np.testing.assert_array_equal(x, kept)
