"""The kernels are tested by their formulas; here, what only they could get wrong."""

from __future__ import annotations

import numpy as np

from digiprosper.variables import kernel


def test_stocks_do_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(0)
    entity, time = np.repeat(np.arange(4), 6), np.tile(np.arange(6), 4)
    investment = rng.uniform(size=24)
    before = np.where(time > 0, np.arange(24) - 1, -1)
    first = np.where(time == 0, investment, np.nan)
    stock = kernel.accumulated(investment, first, before, time, 0.9)
    order = rng.permutation(24)
    place = np.argsort(order)
    moved = np.where(before[order] >= 0, place[before[order]], -1)
    again = kernel.accumulated(investment[order], first[order], moved, time[order], 0.9)
    np.testing.assert_array_equal(again, stock[order])
    weights = 0.9 ** np.arange(5, -1, -1)
    assert np.allclose(stock[entity == 2][-1], investment[entity == 2] @ weights)


def test_shares_add_up() -> None:
    np.testing.assert_allclose(kernel.shares(np.array([[1.0, 3.0]])), [[0.25, 0.75]])
