from __future__ import annotations

import numpy as np
import pytest

from digiprosper.spatial.kernels.spectrum import spectrum, symmetric_similar


def random_weights(kind: str, n: int = 9) -> np.ndarray:
    rng = np.random.default_rng(5)
    w = rng.uniform(0.2, 1, size=(n, n)) * (rng.uniform(size=(n, n)) < 0.5)
    np.fill_diagonal(w, 0)
    if kind != "general":
        w = np.triu(w) + np.triu(w).T
    if kind == "island":
        w[:, 3] = w[3, :] = 0
    return (
        w
        if kind == "symmetric"
        else w / np.maximum(w.sum(axis=1, keepdims=True), 1e-300)
    )


@pytest.mark.parametrize("kind", ["general", "symmetric", "similar", "island"])
def test_determinants_and_traces_are_those_of_the_matrix(kind: str) -> None:
    w = random_weights(kind)
    found = spectrum(w)
    assert found is not None
    assert np.iscomplexobj(found.values) == (kind == "general")
    identity = np.eye(len(w))
    for a in np.linspace(found.low, found.high, 9)[1:-1]:
        inverse = np.linalg.inv(identity - a * w)
        assert found.log_determinant(np.array([a]))[0] == pytest.approx(
            -np.linalg.slogdet(inverse)[1], abs=1e-12
        )
        assert found.trace(a, lags=1, inverses=1) == pytest.approx(
            np.trace(w @ inverse), rel=1e-10, abs=1e-10
        )
        square = w @ inverse @ w @ inverse
        assert found.trace(a, lags=2, inverses=2) == pytest.approx(
            np.trace(square), rel=1e-9
        )


@pytest.mark.parametrize("kind", ["general", "symmetric", "similar", "island"])
def test_the_matrix_is_singular_at_the_ends(kind: str) -> None:
    w = random_weights(kind)
    found = spectrum(w)
    assert found is not None
    for a in (found.low, found.high):
        assert np.linalg.svd(np.eye(len(w)) - a * w, compute_uv=False)[-1] < 1e-12


def test_symmetric_similar_matrix_of_several_pieces() -> None:
    w = np.zeros((12, 12))
    w[:7, :7] = random_weights("similar", 7)
    w[7:, 7:] = random_weights("similar", 5)
    assert not np.allclose(w, w.T)
    similar = symmetric_similar(w)
    assert similar is not None
    np.testing.assert_array_equal(similar, similar.T)
    assert np.sort(np.linalg.eigvalsh(similar)) == pytest.approx(
        np.sort(np.linalg.eigvals(w).real), abs=1e-12
    )


def test_no_symmetric_matrix_is_similar() -> None:
    assert symmetric_similar(np.array([[0, 1.0, 0], [0, 0, 1], [1, 0, 0]])) is None
    # Links in both directions, but their products along a circle differ by direction.
    assert symmetric_similar(np.array([[0, 1.0, 1], [2, 0, 1], [1, 1, 0]])) is None


def test_a_circle_in_one_direction_has_one_real_eigenvalue() -> None:
    circle = np.array([[0, 1.0, 0], [0, 0, 1], [1, 0, 0]])
    for w in (circle, -circle):
        found = spectrum(w)
        assert found is not None
        assert (found.low, found.high) == pytest.approx((-1, 1))


def test_no_circle_has_no_spectrum() -> None:
    assert spectrum(np.triu(np.ones((4, 4)), 1)) is None


def test_nodes_are_inside_the_interval_with_their_determinants() -> None:
    w = random_weights("similar", 5)
    found = spectrum(w)
    assert found is not None
    nodes, determinants = found.nodes
    assert found.low < nodes.min() < nodes.max() < found.high
    assert (np.diff(nodes) > 0).all()
    expected = [np.linalg.slogdet(np.eye(5) - a * w)[1] for a in nodes[20::50]]
    assert determinants[20::50] == pytest.approx(expected, abs=1e-11)
