"""Least squares on demeaned columns, and dependence told column by column."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from digiprosper.kernels.least_squares import dependences, ols


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.booleans())
def test_ols_equals_lstsq(seed: int, k: int, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    n = k + int(rng.integers(3, 60))
    x = rng.normal(size=(n, k)) * 10.0 ** rng.integers(-6, 7, k)
    y = rng.normal(size=n)
    w = rng.uniform(0.1, 4, n) if weighted else None
    root = np.ones(n) if w is None else np.sqrt(w)
    scale = np.sqrt((x**2).sum(axis=0))
    b = np.linalg.lstsq(x / scale * root[:, None], y * root, rcond=None)[0] / scale
    fit = ols(x, y, obs_weights=w)
    np.testing.assert_allclose(fit.coefficients * scale, b * scale, atol=1e-10)
    np.testing.assert_allclose(fit.residuals, y - x @ b, atol=1e-9)
    gram = (x / scale).T @ (x / scale * root[:, None] ** 2)
    np.testing.assert_allclose(
        fit.bread * scale * scale[:, None], np.linalg.inv(gram), rtol=1e-7, atol=1e-9
    )


def test_condition_ignores_units() -> None:
    x = np.random.default_rng(0).normal(size=(50, 3))
    assert ols(x * [1, 1e9, 1e-9], x[:, 0]).condition == pytest.approx(
        ols(x, x[:, 0]).condition, rel=1e-9
    )


def test_condition_of_a_near_copy_is_large() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 2))
    x[:, 1] = x[:, 0] + 3e-9 * x[:, 1]
    assert not dependences(x)
    assert ols(x, rng.normal(size=50)).condition > 1e8


def test_full_rank_has_no_dependence() -> None:
    x = np.random.default_rng(0).normal(size=(50, 4))
    assert dependences(x) == {}
    assert dependences(x * [1e8, 1, 1e-8, 1e-3]) == {}


def test_the_later_column_is_named_with_what_it_combines() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 5)) * [1, 1e6, 1e-5, 1, 1]
    x[:, 3] = 2 * x[:, 0] - x[:, 2] * 1e5
    x[:, 4] = x[:, 1]
    assert [*dependences(x).items()] == [(3, (0, 2)), (4, (1,))]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_dependences_are_those_of_columns_one_by_one(seed: int, k: int) -> None:
    """Each column is regressed on all earlier ones that are independent."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(k + int(rng.integers(1, 40)), k))
    for j in np.flatnonzero(rng.random(k) < 0.4)[1:]:
        x[:, j] = x[:, :j] @ (rng.normal(size=j) * (rng.random(j) < 0.6))
        x[:, j] += 10.0 ** rng.integers(-6, 1) * rng.normal(size=len(x)) * (j % 2)
    x = x[:, np.abs(x).sum(axis=0) > 0]
    x *= 10.0 ** rng.integers(-6, 7, x.shape[1])
    unit = x / np.linalg.norm(x, axis=0)
    expected, basis = [], list[int]()
    for j in range(unit.shape[1]):
        slopes = np.linalg.lstsq(unit[:, basis], unit[:, j], rcond=None)[0]
        if np.linalg.norm(unit[:, j] - unit[:, basis] @ slopes) > 1e-9:
            basis.append(j)
        else:
            on = tuple(np.array(basis)[np.abs(slopes) > 1e-6].tolist())
            expected.append((j, on))
    assert [*dependences(x).items()] == expected


def test_hundreds_of_dummies_are_told_apart_from_their_sums() -> None:
    """Dummies of pairs, after dummies of their parts, in the order of a table."""
    a, b = np.divmod(np.arange(600), 20)
    parts = np.column_stack([np.eye(30)[a], np.eye(20)[b]])
    pairs = np.eye(600)
    actual = dependences(
        np.column_stack([np.vstack([parts] * 2), np.vstack([pairs] * 2)])
    )
    # One dummy of b is a combination of others, and so are all but 29 x 19 pairs.
    assert len(actual) == 1 + 49
    assert next(iter(actual)) == 49


def test_wide_designs_lose_their_last_columns() -> None:
    x = np.random.default_rng(2).normal(size=(3, 5))
    assert [*dependences(x)] == [3, 4]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("gap", [1.0, 1e-5])
def test_root_and_basis_say_what_errors_move(gap: float, *, weighted: bool) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(60, 3)) * [1.0, 100.0, 1e-3]
    x[:, 2] = x[:, 0] + gap * x[:, 2]
    y, u, w = (
        rng.normal(size=60),
        rng.normal(size=60),
        rng.uniform(0.2, 3, 60) if weighted else np.ones(60),
    )
    plain, moved = (ols(x, v, obs_weights=w if weighted else None) for v in (y, y + u))
    moves = plain.root @ plain.basis.T @ (w * u)
    scale = np.abs(plain.coefficients).max()
    np.testing.assert_allclose(
        moved.coefficients - plain.coefficients, moves, atol=1e-9 * scale
    )
    np.testing.assert_allclose(
        plain.root @ (plain.basis.T * w) @ plain.basis @ plain.root.T,
        plain.bread,
        atol=1e-9 * plain.bread.max(),
    )
    np.testing.assert_allclose((w * plain.residuals) @ plain.basis, 0, atol=1e-10)
