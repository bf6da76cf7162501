"""The bias of the within estimator by explicit matrices, and its solution."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial.polynomial import polyval

from digiprosper.dynamic.kernels.corrected import (
    bias_corrected,
    half_panel,
    within,
    within_products,
)


def products(
    seed: int, *, time_effects: bool, entities: int = 8, periods: int = 6
) -> tuple:
    rng = np.random.default_rng(seed)
    complete = rng.random((entities, periods)) > 0.25
    complete[:, 0] = False
    values = rng.normal(size=(entities, periods, 3))
    values[..., 0] += 0.5 * values[..., 1]
    if time_effects:
        dummies = np.eye(periods)[:, 1:] * complete[..., None]
        values = np.concatenate([values, dummies], axis=2)
    values = np.where(complete[..., None], values, 0.0)
    return within_products(values, 2, complete), values, complete


@pytest.mark.parametrize("time_effects", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_bias_is_the_trace_of_projection_and_lags(
    seed: int, time_effects: bool
) -> None:
    """``tr(M L)`` with the matrices of all rows of an unbalanced panel with gaps."""
    data, values, complete = products(seed, time_effects=time_effects)
    entity, time = np.nonzero(complete)
    effects = np.eye(len(complete))[entity]
    if time_effects:
        effects = np.column_stack([effects, np.eye(complete.shape[1])[time]])
    m = np.eye(len(entity)) - effects @ np.linalg.pinv(effects)
    apart = time[:, None] - time - 1
    same = (entity[:, None] == entity) & (apart >= 0)
    for r in (0.0, 0.4, 0.9):
        lags = np.where(same, r ** np.maximum(apart, 0.0), 0.0)
        by_row = np.einsum("ij,ji->i", lags, m)
        assert polyval(r, data.bias.sum(axis=0)) == pytest.approx(by_row.sum())
    columns = m @ values[complete][:, :3]
    b = np.linalg.lstsq(columns[:, 1:], columns[:, 0])[0]
    total = data.drawn(np.ones((1, 8)))
    np.testing.assert_allclose(within(total)[0][0, :2], b)


def test_expected_products_by_simulation() -> None:
    """The mean of ``lag' M e`` over drawn errors, with the lag built from them."""
    rng = np.random.default_rng(5)
    data, _, complete = products(1, time_effects=True)
    entity, time = np.nonzero(complete)
    effects = np.column_stack([np.eye(8)[entity], np.eye(6)[time]])
    m = np.eye(len(entity)) - effects @ np.linalg.pinv(effects)
    errors = rng.normal(size=(20_000, 8, 6))
    lag = np.zeros((20_000, 8, 6))
    for t in range(1, 6):
        lag[..., t] = 0.7 * lag[..., t - 1] + errors[..., t - 1]
    total = np.einsum("ri,ij,rj->r", lag[:, complete], m, errors[:, complete])
    expected = polyval(0.7, data.bias.sum(axis=0))
    assert total.mean() == pytest.approx(expected, abs=4 * total.std() / 141)


def test_draws_are_the_data_with_repeated_entities() -> None:
    data, values, complete = products(2, time_effects=True)
    counts = np.array([[2.0, 2.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]])
    picked = np.array([0, 1, 0, 1, 4, 5, 6, 7])
    again = within_products(values[picked], 2, complete[picked])
    ones = np.ones((1, 8))
    assert data.drawn(counts).degrees == again.drawn(ones).degrees
    np.testing.assert_allclose(
        within(data.drawn(counts))[0][:, :2], within(again.drawn(ones))[0][:, :2]
    )
    drawn = half_panel(data.drawn(counts), [data.drawn(counts)] * 2)
    np.testing.assert_allclose(drawn, within(data.drawn(counts))[0][:, :2], rtol=1e-9)


def test_without_a_solution_the_nearest_is_reported() -> None:
    """The smallest solution above the within estimate, or where the gap is least."""
    rng = np.random.default_rng(3)
    walk = rng.normal(size=(10, 9)).cumsum(axis=1) * np.linspace(1, 9, 9)
    values = np.stack([walk[:, 1:], walk[:, :-1]], axis=2)
    complete = np.ones((10, 8), dtype=bool)
    data = within_products(values, 1, complete)
    counts = rng.multinomial(10, np.full(10, 0.1), size=200).astype(float)
    coefficients, solved = bias_corrected(data.drawn(counts))
    first = within(data.drawn(counts))[0][:, 0]
    assert not solved.all()
    assert (coefficients[:, 0] >= first).all()
    highest = np.maximum(1.3, first + 0.3)
    assert (coefficients[:, 0] <= highest + 1e-12).all()
