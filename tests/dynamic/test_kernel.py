"""Transformations and corrected estimators by their definitions; parts of GMM."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial.polynomial import polyval

from digiprosper.dynamic import kernel
from digiprosper.dynamic.kernel import (
    Instrument,
    bias_corrected,
    half_panel,
    transformation,
    transformed,
    within,
    within_products,
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


# --- GMM ------------------------------------------------------------------------------


def design(**options: object) -> kernel.Design:
    rng = np.random.default_rng(4)
    y = rng.normal(size=(20, 6)).cumsum(axis=1)
    x = rng.normal(size=(20, 6))
    columns = np.stack([y, np.roll(y, 1, axis=1), x], axis=2)
    complete = np.ones((20, 6), dtype=bool)
    complete[:, 0] = False
    settings = {"system": False, "transform": "difference", "h": 3, **options}
    return kernel.Design(
        columns=columns,
        complete=complete,
        instruments=[
            Instrument(name="y", values=y, lags=(2, 3)),
            Instrument(name="x", values=x),
        ],
        collapse=True,
        **settings,
    )


def test_repeated_instruments_are_left_out() -> None:
    single = design()
    x = single.instruments[1]
    copy = x._replace(name="copy", values=3 * x.values)
    twice = single._replace(instruments=[*single.instruments, copy])
    one, two = kernel.moments(single), kernel.moments(twice)
    assert len(one.columns) == len(two.columns) == 3
    clusters = np.arange(20)
    np.testing.assert_allclose(
        kernel.gmm(one, clusters).first.coefficients,
        kernel.gmm(two, clusters).first.coefficients,
    )


def test_parts_of_the_entities_add_up(monkeypatch) -> None:
    whole = kernel.moments(design(system=True))
    monkeypatch.setattr(kernel, "_CHUNK", 1)
    parts = kernel.moments(design(system=True))
    np.testing.assert_allclose(parts.products, whole.products)
    np.testing.assert_allclose(parts.weight, whole.weight)


def test_first_step_weights() -> None:
    """h=1 is the identity, h=2 has no covariance between the equations."""
    by_h = {h: kernel._error_covariance(design(system=True, h=h)) for h in (1, 2, 3)}
    np.testing.assert_allclose(by_h[1], np.eye(12))
    for h in (2, 3):
        np.testing.assert_allclose(np.diag(by_h[h])[1:6], 2.0)
        np.testing.assert_allclose(by_h[h][6:, 6:], np.eye(6))
    assert not by_h[2][:6, 6:].any()
    # Cov(e_t - e_{t-1}, e_t) = 1, with e_{t-1} it is -1.
    assert (by_h[3][2, 6 + 2], by_h[3][2, 6 + 1]) == (1.0, -1.0)


def test_identification_is_told_by_rank() -> None:
    total = np.array([[1.0, 1.0, 2.0], [1.0, 2.0, 4.0], [1.0, 3.0, 6.0]])
    assert not kernel.identifies(total)
    total[0, 2] = 3.0
    assert kernel.identifies(total * [1.0, 1e-9, 1e9])
    assert not kernel.identifies(total[:1])


@pytest.mark.parametrize("collapse", [True, False])
def test_lags_and_differences_stand_where_their_row_is(collapse: bool) -> None:
    rng = np.random.default_rng(2)
    y = np.where(rng.random((5, 6)) > 0.2, rng.normal(size=(5, 6)), np.nan)
    levels = np.isfinite(y) & (np.arange(6) > 0)
    transformed = levels.copy()
    transformed[:, 1:] &= levels[:, :-1]
    model = design(system=True)._replace(
        columns=design().columns[:5],
        complete=levels,
        instruments=[
            Instrument(name="y", values=y, lags=(2, 9)),
            Instrument(name="x", values=np.ones((5, 6)), equation="level"),
        ],
        collapse=collapse,
    )
    columns, array = kernel.instrument_array(model, slice(0, 5))
    assert array.shape == (5, 12, len(columns))
    for j, (variable, equation, lag, period) in enumerate(columns):
        for i, t in np.ndindex(5, 6):
            upper, lower = array[i, t, j], array[i, 6 + t, j]
            if variable == "x":
                assert (upper, lower) == (0.0, float(levels[i, t]))
                continue
            here = period is None or period == t
            level = y[i, t - lag] if t >= lag else np.nan
            change = level - y[i, t - lag - 1] if t > lag else np.nan
            if equation == "difference":
                used = here and transformed[i, t] and np.isfinite(level)
                assert (upper, lower) == (level if used else 0.0, 0.0)
            else:
                used = here and levels[i, t] and np.isfinite(change)
                assert (upper, lower) == (0.0, change if used else 0.0)
    # Columns without a value are left out with those that repeat others.
    empty = {c for c, z in zip(columns, array.any((0, 1)), strict=True) if not z}
    assert collapse or empty
    assert not empty & set(kernel.moments(model).columns)


# --- within estimators ----------------------------------------------------------------


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
    drawn, _ = half_panel(data.drawn(counts), [data.drawn(counts)] * 2)
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
