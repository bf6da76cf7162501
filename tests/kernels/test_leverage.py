"""Shares of a regressor's variation, effective clusters: the paper's matrices."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.kernels.leverage import (
    effective_clusters,
    effects_leverage,
    error_scale,
    row_leverage,
    variation_shares,
)
from digiprosper.kernels.within import within


def rows(seed: int, weighted: bool = False):
    rng = np.random.default_rng(seed)
    codes = np.sort(rng.choice(np.arange(9), 70, p=np.arange(1, 10) / 45))
    _, codes = np.unique(codes, return_inverse=True)
    design = rng.normal(size=(70, 3)) * np.exp(rng.normal(size=9))[codes, None]
    return design, codes, rng.uniform(0.2, 3, 70) if weighted else None


def by_the_paper(design, codes, j):
    """G* with gamma_g = e'(X'X)^-1 X_g'X_g (X'X)^-1 e.

    Carter, Schnepel & Steigerwald (2017).
    """
    pick = np.linalg.inv(design.T @ design)[:, j]
    gamma = np.array(
        [np.square(design[codes == g] @ pick).sum() for g in np.unique(codes)]
    )
    return gamma.size / (1 + gamma.var() / gamma.mean() ** 2), gamma / gamma.sum()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weighted", [False, True])
def test_shares_and_effective_clusters_equal_the_definition(
    seed: int, weighted: bool
) -> None:
    design, codes, w = rows(seed, weighted)
    plain = design if w is None else design * np.sqrt(w)[:, None]
    shares = variation_shares(
        design,
        np.linalg.inv(plain.T @ plain),
        codes,
        int(codes.max()) + 1,
        obs_weights=w,
    )
    effective = effective_clusters(shares)
    for j in range(3):
        want, share = by_the_paper(plain, codes, j)
        assert effective[j] == pytest.approx(want, rel=1e-12)
        np.testing.assert_allclose(shares[:, j], share, rtol=1e-10)


@pytest.mark.parametrize(
    ("entities", "treated"), [(10, 1), (50, 2), (100, 5), (20, 10)]
)
def test_difference_in_differences_has_a_closed_form(
    entities: int, treated: int
) -> None:
    """1 / G* = (1 - p)^2 / N1 + p^2 / N0 with a share p = N1 / N treated at once."""
    x = np.zeros((entities, 8))
    x[:treated, 5:] = 1
    x = x - x.mean(axis=1, keepdims=True) - x.mean(axis=0) + x.mean()
    column, codes = x.reshape(-1, 1), np.repeat(np.arange(entities), 8)
    shares = variation_shares(column, 1 / (column.T @ column), codes, entities)
    p = treated / entities
    want = 1 / ((1 - p) ** 2 / treated + p**2 / (entities - treated))
    assert effective_clusters(shares)[0] == pytest.approx(want, rel=1e-12)
    assert shares[:treated].sum() == pytest.approx(1 - p)


def test_equal_clusters_count_in_full_and_a_single_one_as_one() -> None:
    assert effective_clusters(np.full((7, 1), 1 / 7))[0] == pytest.approx(7)
    assert effective_clusters(np.eye(7)[:, :1])[0] == pytest.approx(1)


def test_units_and_signs_do_not_matter() -> None:
    design, codes, _ = rows(3)
    scale = np.array([1e-6, -3.0, 1e8])
    for columns in (design, design * scale):
        shares = variation_shares(columns, np.linalg.inv(columns.T @ columns), codes, 9)
        np.testing.assert_allclose(
            shares, variation_shares(design, np.linalg.inv(design.T @ design), codes, 9)
        )


# --- leverage of rows -----------------------------------------------------------------


def hat(columns, w):
    plain = columns * np.sqrt(np.ones(len(columns)) if w is None else w)[:, None]
    # Dummies of several effects are collinear: the default keeps singular values that
    # are rounding.
    return np.diag(plain @ np.linalg.pinv(plain, 1e-10))


@pytest.mark.parametrize("effects", [0, 1, 2, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_leverage_is_that_of_all_dummies_and_regressors(
    seed, weighted, effects
) -> None:
    rng = np.random.default_rng(seed)
    codes = [
        np.unique(rng.integers(0, levels, 80), return_inverse=True)[1]
        for levels in (7, 15, 4)
    ][:effects]
    w = rng.uniform(0.2, 3, 80) if weighted else None
    absorbed = within(codes, 80, obs_weights=w)
    dummies = [np.eye(int(c.max()) + 1)[c] for c in codes] or [np.ones((80, 1))]
    leverage = effects_leverage(absorbed, 80)
    assert leverage is not None
    np.testing.assert_allclose(leverage, hat(np.hstack(dummies), w), atol=1e-12)
    assert leverage.sum() == pytest.approx(absorbed.rank, rel=1e-12)

    raw = rng.normal(size=(80, 3))
    own = row_leverage(absorbed.demean(raw), obs_weights=w)
    np.testing.assert_allclose(
        leverage + own, hat(np.hstack([raw, *dummies]), w), atol=1e-11
    )


def test_leverage_of_effects_beyond_the_dense_solution() -> None:
    rng = np.random.default_rng(0)
    firm = np.arange(9000) // 3
    group = firm // 2
    nested = within([firm, group], 9000)
    assert not nested.is_dense
    np.testing.assert_allclose(effects_leverage(nested, 9000), 1 / 3, rtol=1e-14)
    other = np.unique(rng.integers(0, 1500, 9000), return_inverse=True)[1]
    assert effects_leverage(within([firm, other], 9000), 9000) is None


def test_loosely_linked_levels_keep_their_digits() -> None:
    """A chain of 300 levels: dummies' products have condition number 1e5."""
    left, right = np.repeat(np.arange(300), 2), (np.arange(600) + 1) // 2
    codes = [left, right]
    exact = hat(np.hstack([np.eye(int(c.max()) + 1)[c] for c in codes]), None)
    np.testing.assert_allclose(
        effects_leverage(within(codes, 600), 600), exact, atol=1e-9
    )


def test_scales_of_rows() -> None:
    effects, regressors = np.array([0.25, 1.0, 0.5]), np.array([0.25, 0.0, 0.5])
    np.testing.assert_allclose(
        error_scale("hc2", effects, regressors), [2**0.5, 0.0, np.inf]
    )
    np.testing.assert_allclose(
        error_scale("hc3", effects, regressors), [2.0, 0.0, np.inf]
    )
