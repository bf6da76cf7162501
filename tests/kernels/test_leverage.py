"""Shares of a regressor's variation and effective clusters, against the matrices of the paper."""

from __future__ import annotations

import numpy as np
import pytest

from digiprosper.kernels.leverage import effective_clusters, variation_shares


def rows(seed: int, weighted: bool = False):
    rng = np.random.default_rng(seed)
    codes = np.sort(rng.choice(np.arange(9), 70, p=np.arange(1, 10) / 45))
    _, codes = np.unique(codes, return_inverse=True)
    design = rng.normal(size=(70, 3)) * np.exp(rng.normal(size=9))[codes, None]
    return design, codes, rng.uniform(0.2, 3, 70) if weighted else None


def by_the_paper(design, codes, j):
    """G* with gamma_g = e'(X'X)^-1 X_g'X_g (X'X)^-1 e (Carter, Schnepel & Steigerwald 2017)."""
    pick = np.linalg.inv(design.T @ design)[:, j]
    gamma = np.array([np.square(design[codes == g] @ pick).sum() for g in np.unique(codes)])
    return gamma.size / (1 + gamma.var() / gamma.mean() ** 2), gamma / gamma.sum()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weighted", [False, True])
def test_shares_and_effective_clusters_equal_the_definition(seed: int, weighted: bool) -> None:
    design, codes, w = rows(seed, weighted)
    plain = design if w is None else design * np.sqrt(w)[:, None]
    shares = variation_shares(
        design, np.linalg.inv(plain.T @ plain), codes, int(codes.max()) + 1, obs_weights=w
    )
    effective = effective_clusters(shares)
    for j in range(3):
        want, share = by_the_paper(plain, codes, j)
        assert effective[j] == pytest.approx(want, rel=1e-12)
        np.testing.assert_allclose(shares[:, j], share, rtol=1e-10)


@pytest.mark.parametrize(("entities", "treated"), [(10, 1), (50, 2), (100, 5), (20, 10)])
def test_difference_in_differences_has_a_closed_form(entities: int, treated: int) -> None:
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
