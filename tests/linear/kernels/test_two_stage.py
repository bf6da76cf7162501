"""Two-stage least squares by rotations."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.kernels.covariance import Ranks, counts, vcov
from digiprosper.linear.kernels import two_stage
from digiprosper.linear.kernels.two_stage import project, solve_two_stage


def arrays(seed: int, n: int = 60, m: int = 1, c: int = 2, q: int = 3):
    rng = np.random.default_rng(seed)
    controls, instruments = rng.normal(size=(n, c)), rng.normal(size=(n, q))
    endog = instruments @ rng.normal(size=(q, m)) + rng.normal(size=(n, m))
    y = endog.sum(axis=1) + rng.normal(size=n)
    return y, endog, controls, instruments


def solved(y, endog, controls, instruments, weights=None):
    ranks = Ranks(1, 1, 1, lone_nested=False, intercept=True, exact=True)
    count = counts(len(y), endog.shape[1] + controls.shape[1], ranks, (), periods=1)
    how = vcov("robust", "none", count, (), np.zeros(len(y), dtype=np.intp))
    projected = project(y, endog, controls, instruments, obs_weights=weights)
    return projected, solve_two_stage(
        projected, y, np.hstack([endog, controls]), count, how
    )


@pytest.mark.parametrize(("m", "c", "q"), [(1, 2, 1), (1, 0, 3), (2, 1, 4)])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_projection_formula(m: int, c: int, q: int, weighted: bool) -> None:
    y, endog, controls, instruments = arrays(m + c + q, m=m, c=c, q=q)
    w = (
        np.random.default_rng(0).uniform(0.5, 2, len(y))
        if weighted
        else np.ones(len(y))
    )
    projected, fit = solved(y, endog, controls, instruments, w if weighted else None)
    x, z = np.hstack([endog, controls]), np.hstack([controls, instruments])
    p = z @ np.linalg.inv((z.T * w) @ z) @ (z.T * w)
    hat = p @ x
    b = np.linalg.solve((hat.T * w) @ x, (hat.T * w) @ y)
    np.testing.assert_allclose(fit.coefficients, b, rtol=1e-10)
    np.testing.assert_allclose(fit.residuals, y - x @ b, atol=1e-10)
    np.testing.assert_allclose(
        fit.bread, np.linalg.inv((hat.T * w) @ hat), rtol=1e-9, atol=1e-14
    )
    np.testing.assert_allclose(projected.endog_residuals, endog - p @ endog, atol=1e-10)
    np.testing.assert_allclose(
        (fit.score_columns.T * w) @ fit.score_columns, np.eye(m + c), atol=1e-12
    )
    influence = fit.root @ (fit.score_columns.T * w)
    np.testing.assert_allclose(influence, fit.bread @ (hat.T * w), atol=1e-10)


def test_the_first_stage_is_net_of_the_controls() -> None:
    y, endog, controls, instruments = arrays(1)
    projected, _ = solved(y, endog, controls, instruments)
    m = np.eye(len(y)) - controls @ np.linalg.pinv(controls)
    net = m @ instruments
    p = net @ np.linalg.pinv(net)
    assert (projected.first_slopes**2).sum() == pytest.approx(
        float(endog[:, 0] @ p @ endog[:, 0])
    )
    np.testing.assert_allclose(projected.controls[controls.shape[1] :], 0, atol=1e-12)
    left = endog - projected.basis @ projected.heights[:, 1:]
    np.testing.assert_allclose(projected.residual_products, left.T @ left, rtol=1e-10)


def test_units_of_sixteen_digits() -> None:
    """Columns of sizes 1e-8 and 1e8 give the same slopes up to their units."""
    y, endog, controls, instruments = arrays(2)
    _, fit = solved(y, endog, controls, instruments)
    _, other = solved(y, 1e8 * endog, 1e-8 * controls, 1e8 * instruments)
    np.testing.assert_allclose(
        other.coefficients * [1e8, 1e-8, 1e-8], fit.coefficients, rtol=1e-9
    )
    assert other.condition == pytest.approx(fit.condition, rel=1e-9)


@pytest.mark.parametrize("roots", [[], [-9.0, -4.0], [-1.0, 2.0], [3.0, 8.0, 8.5]])
def test_a_point_is_in_each_interval_between_roots(roots: list[float]) -> None:
    points = two_stage._points_between(np.array(roots))
    assert np.searchsorted(roots, points).tolist() == list(range(len(roots) + 1))
