"""Matrices of weights as arrays, dense and sparse, against loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from digiprosper.spatial.kernels import matrices
from digiprosper.spatial.kernels.matrices import (
    cut,
    is_symmetric,
    lag_by_period,
    link_ends,
    pattern_of,
    scaled,
    spectral_radius,
    stored,
)


def links_of(rng: np.random.Generator, n: int, share: float) -> np.ndarray[Any, Any]:
    links = rng.random((n, n)) * (rng.random((n, n)) < share)
    np.fill_diagonal(links, 0)
    return links


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_spectral_radius(seed, form) -> None:
    links = links_of(np.random.default_rng(seed), 12, 0.15)
    assert spectral_radius(form(links)) == pytest.approx(
        np.abs(np.linalg.eigvals(links)).max(), abs=1e-9
    )


@pytest.mark.parametrize("symmetric", [True, False])
def test_spectral_radius_of_many_entities(symmetric) -> None:
    """A ring, each linked with the next (and the one before): one, and two."""
    n = 1_500
    ring = sparse.csr_array(
        (np.ones(n), (np.arange(n), (np.arange(n) + 1) % n)), shape=(n, n)
    )
    weights = stored(ring + ring.T if symmetric else ring)
    assert spectral_radius(weights) == pytest.approx(2 if symmetric else 1, rel=1e-8)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_symmetry_up_to_rounding(form) -> None:
    links = links_of(np.random.default_rng(1), 10, 0.5)
    assert not is_symmetric(form(links))
    both = links + links.T
    both[both > 0] *= 1 + 1e-14 * np.random.default_rng(2).random((both > 0).sum())
    assert is_symmetric(form(both))


def test_parts_and_neighbours() -> None:
    links = np.zeros((6, 6))
    links[0, 1] = links[1, 2] = links[2, 1] = links[4, 5] = 1.0
    pattern = pattern_of(links)
    assert pattern.neighbours.tolist() == [1, 1, 1, 0, 1, 0]
    assert pattern.islands.tolist() == [False, False, False, True, False, True]
    assert pattern.n_parts == 3
    assert pattern.strong[1] == pattern.strong[2] != pattern.strong[0]
    links[3, 0] = 1.0  # one direction connects them
    assert pattern_of(links).n_parts == 2


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_lags_against_loops(form) -> None:
    rng = np.random.default_rng(7)
    links, cells = links_of(rng, 9, 0.3), rng.normal(size=(4, 9))
    cells[rng.random(cells.shape) < 0.2] = np.nan
    actual = lag_by_period(form(links), cells)
    for t in range(4):
        for i in range(9):
            expected = sum(
                links[i, j] * cells[t, j] for j in range(9) if links[i, j] > 0
            )
            assert actual[t, i] == pytest.approx(
                expected, rel=1e-13, abs=1e-15, nan_ok=True
            )


def test_storage_by_share_of_links() -> None:
    rng = np.random.default_rng(8)
    few, many = links_of(rng, 200, 0.05), links_of(rng, 200, 0.3)
    assert sparse.issparse(stored(few))
    assert sparse.issparse(stored(sparse.coo_array(few)))
    assert isinstance(stored(sparse.coo_array(many)), np.ndarray)
    assert isinstance(stored(few[:199, :199]), np.ndarray)
    for a, b in zip(link_ends(stored(few)), link_ends(few), strict=True):
        np.testing.assert_array_equal(a, b)


def test_repeated_and_zero_entries_of_sparse_input() -> None:
    given = sparse.coo_array(([1.0, 2.0, 0.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    assert stored(given).tolist() == [[0.0, 3.0], [0.0, 0.0]]
    assert given.nnz == 3


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_each_row_is_multiplied_by_its_factor(form) -> None:
    rng = np.random.default_rng(3)
    links, factors = links_of(rng, 12, 0.4), rng.uniform(0.5, 2.0, size=12)
    links[4] = 0
    actual = scaled(form(links), factors)
    dense = actual if isinstance(actual, np.ndarray) else actual.toarray()
    np.testing.assert_allclose(dense, factors[:, None] * links, rtol=1e-15)


def test_cut_keeps_weights_by_place() -> None:
    links = links_of(np.random.default_rng(9), 220, 0.05)
    places = np.random.default_rng(1).permutation(220)[:210]
    actual = cut(stored(links), places)
    np.testing.assert_array_equal(actual.toarray(), links[np.ix_(places, places)])


@pytest.mark.parametrize("block", [1, 40, 10_000])
def test_blocks_change_nothing(block, monkeypatch) -> None:
    rng = np.random.default_rng(1)
    degrees = np.column_stack([rng.uniform(-80, 80, 15), rng.uniform(-180, 180, 15)])
    degrees[7] = degrees[3]
    whole = matrices.nearest_neighbours(degrees, 3).toarray()
    nearest = matrices.nearest_distances(degrees, 2)
    near = matrices.inverse_distances(degrees[:7], 2, 9_000).toarray()
    monkeypatch.setattr(matrices, "_MEMORY", 8 * block)
    np.testing.assert_array_equal(
        matrices.nearest_neighbours(degrees, 3).toarray(), whole
    )
    np.testing.assert_array_equal(matrices.nearest_distances(degrees, 2), nearest)
    np.testing.assert_array_equal(
        matrices.inverse_distances(degrees[:7], 2, 9_000).toarray(), near
    )
    assert [ends.tolist() for ends in matrices.same_places(degrees)] == [[3], [7]]


def test_same_values_up_to_rounding() -> None:
    values = np.array([3.0, 0.1 + 0.2, 5.0, 0.3, -2.0])
    first, second = matrices.same_values(values)
    assert {first[0], second[0]} == {1, 3}
    assert first.size == 1
    # Rounding is that of the pair, not of the largest value.
    assert matrices.same_values(np.array([-1e15, 1.0, 2.0]))[0].size == 0
