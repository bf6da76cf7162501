"""Against the inverse written out, and numerical derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.spatial.kernels.determinants import (
    averages,
    by_unit,
    effects,
    effects_of_draws,
    multiplier,
    row_sum,
    spectrum,
    symmetric_root,
)
from digiprosper.spatial.kernels.matrices import stored

N = 8


def make_weights(*, row: bool) -> np.ndarray:
    rng = np.random.default_rng(2)
    w = rng.uniform(size=(N, N)) * (rng.uniform(size=(N, N)) < 0.6)
    np.fill_diagonal(w, 0)
    w += np.roll(np.eye(N), 1, axis=1)
    return w / w.sum(axis=1, keepdims=True) if row else w / 4


def written_out(w: np.ndarray, rho: float, b: np.ndarray, th: np.ndarray) -> np.ndarray:
    inverse = np.linalg.inv(np.eye(N) - rho * w)
    multipliers = [
        inverse @ (np.eye(N) * b_k + w * th_k) for b_k, th_k in zip(b, th, strict=True)
    ]
    direct = np.array([np.diag(s).mean() for s in multipliers])
    total = np.array([s.sum(axis=1).mean() for s in multipliers])
    return np.vstack([direct, total - direct, total])


B, TH = np.array([1.2, -0.7]), np.array([0.3, 0.0])


@pytest.mark.parametrize("row", [True, False])
@pytest.mark.parametrize("rho", [-0.4, 0.0, 0.6])
def test_effects_and_their_errors(row: bool, rho: float) -> None:
    w = make_weights(row=row)
    actual = spectrum(w)
    assert actual is not None
    estimates, derivatives = effects(
        *averages(by_unit(w, multiplier(w, rho)), actual, rho), B, TH
    )
    assert estimates == pytest.approx(written_out(w, rho, B, TH), abs=1e-12)

    at, step = np.concatenate([[rho], B, TH]), 1e-6 * np.eye(5)

    def of(v: np.ndarray) -> np.ndarray:
        return written_out(w, v[0], v[1:3], v[3:]).ravel()

    gradient = np.column_stack([(of(at + h) - of(at - h)) / 2e-6 for h in step])
    assert derivatives == pytest.approx(gradient, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("row", [True, False])
def test_effects_of_draws_are_those_of_each_draw(row: bool) -> None:
    w = make_weights(row=row)
    rho = np.array([-0.2, 0.1, 0.5])
    b, th = np.random.default_rng(1).normal(size=(2, 3, 2))
    made = effects_of_draws(w, spectrum(w), np.column_stack([rho, b, th]))
    for i in range(3):
        assert made[i] == pytest.approx(written_out(w, rho[i], b[i], th[i]), abs=1e-12)
    without = effects_of_draws(w, None, np.column_stack([b, th]))
    assert without[1] == pytest.approx(written_out(w, 0.0, b[1], th[1]), abs=1e-12)


@pytest.mark.parametrize("neighbours", [2, 12])
def test_rows_of_links_have_the_multiplier_of_the_dense_matrix(neighbours: int) -> None:
    rng, n = np.random.default_rng(0), 240
    w = np.zeros((n, n))
    for i in range(n):
        w[i, rng.choice(np.delete(np.arange(n), i), neighbours, replace=False)] = 1.0
    w /= neighbours
    links = stored(w)
    assert not isinstance(links, np.ndarray)
    for rho in (-0.7, 0.0, 0.9):
        expected = np.linalg.inv(np.eye(n) - rho * w)
        np.testing.assert_allclose(multiplier(links, rho), expected, atol=1e-12)


def test_without_a_lag_the_multiplier_is_one() -> None:
    w = make_weights(row=False)
    estimates, derivatives = effects(*averages(by_unit(w, np.eye(N)), None, 0.0), B, TH)
    assert estimates == pytest.approx(written_out(w, 0.0, B, TH), abs=1e-12)
    assert derivatives[0] == pytest.approx([1.0, 0.0, 0.0, 0.0])


def test_units_average_to_the_effects() -> None:
    w = make_weights(row=False)
    own, rows, columns, own_lag, rows_lag, columns_lag = by_unit(w, multiplier(w, 0.5))
    inverse = np.linalg.inv(np.eye(N) - 0.5 * w)
    assert own == pytest.approx(np.diag(inverse))
    assert rows == pytest.approx(inverse.sum(axis=1))
    assert columns == pytest.approx(inverse.sum(axis=0))
    assert own_lag == pytest.approx(np.diag(inverse @ w))
    assert rows_lag.sum() == pytest.approx(columns_lag.sum())


def test_row_sum() -> None:
    assert row_sum(make_weights(row=True)) == pytest.approx(1.0)
    assert row_sum(make_weights(row=False)) is None


def test_root_of_a_singular_covariance() -> None:
    rows = np.random.default_rng(1).normal(size=(3, 5)) * [1e-6, 1, 1e6, 0, 1]
    covariance = rows.T @ rows
    root = symmetric_root(covariance)
    scale = np.sqrt(np.maximum(np.diag(covariance), 1))
    assert root.T @ root / scale / scale[:, None] == pytest.approx(
        covariance / scale / scale[:, None], abs=1e-9
    )
    assert not root[:, 3].any()
