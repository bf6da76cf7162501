from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from scipy.stats import rankdata

from digiprosper.composite.kernels.normalise import Normalisation, learn_scale

PLUS = np.array([True])


def test_ends_are_exactly_zero_and_one_in_both_directions():
    x = np.random.default_rng(0).normal(1e6, 3, size=(50, 2))
    z = learn_scale("minmax", x).apply(x, np.array([True, False]))
    assert z.min(axis=0).tolist() == [0.0, 0.0]
    assert z.max(axis=0).tolist() == [1.0, 1.0]
    assert z[:, 0].argmax() == x[:, 0].argmax()
    assert z[:, 1].argmax() == x[:, 1].argmin()


def test_learned_ends_score_other_rows_without_clipping():
    ends = learn_scale("minmax", np.array([[0.0], [10.0]]))
    assert ends.apply(np.array([[-5.0], [5.0], [20.0]]), PLUS).ravel().tolist() == [
        -0.5,
        0.5,
        2.0,
    ]
    assert ends.apply(np.array([[-5.0], [5.0], [20.0]]), ~PLUS).ravel().tolist() == [
        1.5,
        0.5,
        -1.0,
    ]


def test_rounding_noise_is_constant_and_scores_zero():
    x = np.column_stack(
        [
            np.full(4, 7.0),
            [0.1 + 0.2, 0.3, 0.3, 0.3],
            [1e-9, 2e-9, 1e-9, 1e-9],
            np.zeros(4),
        ]
    )
    ends = learn_scale("minmax", x)
    assert ends.constant.tolist() == [True, True, False, True]
    assert ends.apply(x, np.ones(4, dtype=bool))[:, [0, 1, 3]].sum() == 0.0
    # also in a panel where the column does vary: it has no weight, and a division by
    # zero helps nobody
    assert np.isfinite(
        ends.apply(x + np.arange(4)[:, None], np.zeros(4, dtype=bool))
    ).all()


def test_the_input_is_not_written_to():
    x = np.arange(6.0).reshape(3, 2)
    kept = x.copy()
    learn_scale("minmax", x).apply(x, np.array([True, False]))
    np.testing.assert_array_equal(x, kept)


BOTH = np.array([True, False])


def drawn(seed=0):
    return np.random.default_rng(seed).lognormal(1, 0.5, size=(30, 2))


def test_z_scores_have_mean_zero_and_deviation_one_by_n_minus_one():
    x = drawn()
    z = learn_scale("zscore", x).apply(x, BOTH)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(z.std(axis=0, ddof=1), 1, rtol=1e-14)
    assert np.corrcoef(z[:, 1], x[:, 1])[0, 1] == pytest.approx(-1)


def test_ranks_share_ties_and_run_from_worst_to_best():
    x = drawn(1).round(0)
    z = learn_scale("rank", x).apply(x, BOTH)
    np.testing.assert_allclose(z[:, 0], (rankdata(x[:, 0]) - 1) / 29, rtol=1e-14)
    np.testing.assert_allclose(z[:, 1], (rankdata(-x[:, 1]) - 1) / 29, rtol=1e-14)


def test_a_value_between_learned_ones_lies_half_way_and_one_beyond_leaves_the_scale():
    learned = learn_scale("rank", np.array([[1.0], [2.0], [4.0]]))
    x = np.array([[0.0], [1.5], [3.0], [9.0]])
    assert learned.apply(x, np.array([True])).ravel().tolist() == [
        -0.25,
        0.25,
        0.75,
        1.25,
    ]
    assert learned.apply(x, np.array([False])).ravel().tolist() == [
        1.25,
        0.75,
        0.25,
        -0.25,
    ]


def test_maxima_are_shares_of_the_best():
    x = drawn(2)
    scale = learn_scale("max", x)
    z = scale.apply(x, BOTH)
    np.testing.assert_allclose(z[:, 0], x[:, 0] / x[:, 0].max(), rtol=1e-14)
    np.testing.assert_allclose(z[:, 1], x[:, 1].min() / x[:, 1], rtol=1e-14)
    assert z.max(axis=0).tolist() == [1.0, 1.0]


def test_values_as_given_stay_constant_or_not():
    x = np.column_stack([drawn(3)[:, 0], np.full(30, 0.7)])
    scale = learn_scale("none", x)
    np.testing.assert_array_equal(scale.apply(x, np.array([True, True])), x)


@pytest.mark.parametrize("word", ["minmax", "zscore", "rank", "max"])
def test_constant_columns_are_zero_wherever_the_scale_is_learned(word):
    x = np.column_stack([drawn(4)[:, 0], np.full(30, 0.7)])
    z = learn_scale(word, x).apply(x, BOTH)
    assert not z[:, 1].any()
    assert np.isfinite(z).all()
    one = learn_scale(word, x[:1]).apply(x[:1], BOTH)
    assert not one.any()


@pytest.mark.parametrize("word", get_args(Normalisation))
def test_nothing_is_written_to(word):
    x = drawn(5)
    kept = x.copy()
    learn_scale(word, x).apply(x, BOTH)[:] = 9
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize(
    ("word", "names"),
    [("minmax", "low high"), ("zscore", "low high mean sd"), ("rank", "low high")],
)
def test_what_was_learned_as_a_table(word, names):
    x = drawn(6)
    table = learn_scale(word, x).table
    assert list(table) == names.split()
    np.testing.assert_array_equal(table["high"], x.max(axis=0))


def test_a_range_of_up_to_eight_units_of_rounding_is_constant():
    unit = np.finfo(np.float64).eps
    x = np.array(
        [
            [1.0, 1.0, -1.0, -1.0],
            [1 - 8 * unit, 1 - 9 * unit, -1 + 8 * unit, -1 + 9 * unit],
        ]
    )
    assert learn_scale("minmax", x).constant.tolist() == [True, False, True, False]
