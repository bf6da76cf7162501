"""Moran's I, Geary's C, local Moran: loops and permutations of few entities.

All their permutations.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from scipy import sparse, stats

from digiprosper.spatial.kernels import autocorrelation as kernel

SEED = np.random.SeedSequence(1)


def links_of(rng: np.random.Generator, n: int) -> np.ndarray[Any, Any]:
    links = rng.random((n, n)) * (rng.random((n, n)) < 0.6)
    np.fill_diagonal(links, 0)
    links[0, 1] = 0.5
    return links


def moran_by_loops(links: Any, x: Any) -> float:
    z = x - x.mean()
    cross = sum(links[i, j] * z[i] * z[j] for i in range(x.size) for j in range(x.size))
    return float(x.size / links.sum() * cross / (z**2).sum())


def geary_by_loops(links: Any, x: Any) -> float:
    gaps = sum(
        links[i, j] * (x[i] - x[j]) ** 2 for i in range(x.size) for j in range(x.size)
    )
    return float((x.size - 1) / (2 * links.sum()) * gaps / ((x - x.mean()) ** 2).sum())


LOOPS = {False: moran_by_loops, True: geary_by_loops}


@pytest.mark.parametrize("geary", [False, True])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_statistics_against_loops(geary, form) -> None:
    rng = np.random.default_rng(2)
    links, cells = links_of(rng, 9), 1e6 + rng.normal(size=(4, 9))
    z, constant = kernel.deviations(cells)
    assert not constant.any()
    found = kernel.global_statistics(form(links), z, 0, SEED, geary=geary)
    expected = [LOOPS[geary](links, row) for row in cells]
    np.testing.assert_allclose(found[0], expected, rtol=1e-8)


@pytest.mark.parametrize("geary", [False, True])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("seed", range(3))
def test_moments_over_all_permutations(geary, form, seed) -> None:
    """Under randomisation, moments are those of all n! permutations."""
    rng = np.random.default_rng(seed)
    links, x = links_of(rng, 6), rng.exponential(size=6)
    drawn = np.array(
        [LOOPS[geary](links, np.array(order)) for order in permutations(x)]
    )
    z = kernel.deviations(x[None])[0]
    expectation, _, randomisation = kernel.moments(form(links), z, geary=geary)
    assert drawn.mean() == pytest.approx(expectation, rel=1e-10)
    assert drawn.var() == pytest.approx(randomisation[0], rel=1e-9)


@pytest.mark.parametrize("geary", [False, True])
def test_moments_under_normality(geary) -> None:
    """By the mean of normal samples, whose variance over permutations has that mean."""
    rng = np.random.default_rng(5)
    links = links_of(rng, 8)
    z = kernel.deviations(rng.normal(size=(100_000, 8)))[0]
    expectation, normality, randomisation = kernel.moments(links, z, geary=geary)
    found = kernel.global_statistics(links, z, 0, SEED, geary=geary)[0]
    assert found.mean() == pytest.approx(
        expectation, abs=4 * np.sqrt(normality / 100_000)
    )
    assert found.var() == pytest.approx(normality, rel=0.02)
    # The variance of I and C given the values averages to that of normal values.
    assert randomisation.mean() == pytest.approx(normality, rel=0.01)


@pytest.mark.parametrize("geary", [False, True])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_counts_of_permutations_against_loops(geary, form) -> None:
    rng = np.random.default_rng(4)
    links, cells = links_of(rng, 7), rng.normal(size=(3, 7))
    z = kernel.deviations(cells)[0]
    found = kernel.global_statistics(form(links), z, 50, SEED, geary=geary)
    orders = np.concatenate(list(kernel._permutations(7, 50, SEED)), axis=1).T
    expectation = 1.0 if geary else -1 / 6
    for t in range(3):
        observed = abs(LOOPS[geary](links, cells[t]) - expectation)
        drawn = [
            abs(LOOPS[geary](links, cells[t][order]) - expectation) for order in orders
        ]
        assert found[1][t] == sum(d >= observed - 1e-12 for d in drawn)


def test_the_size_of_blocks_changes_nothing(monkeypatch) -> None:
    rng = np.random.default_rng(6)
    links, z = links_of(rng, 11), kernel.deviations(rng.normal(size=(5, 11)))[0]
    whole = kernel.global_statistics(links, z, 300, SEED, geary=False)
    local = kernel.local_statistics(links, z, 300, SEED)
    monkeypatch.setattr(kernel, "_MEMORY", 8 * 7 * 11)
    np.testing.assert_array_equal(
        kernel.global_statistics(links, z, 300, SEED, geary=False)[1], whole[1]
    )
    np.testing.assert_array_equal(
        kernel.local_statistics(links, z, 300, SEED)[1], local[1]
    )


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_local_permutations_are_all_permutations_of_the_others(
    form, monkeypatch
) -> None:
    """With all n! permutations, each of the (n - 1)! of the others is there n times."""
    n, rng = 6, np.random.default_rng(7)
    links = links_of(rng, n)
    z = kernel.deviations(rng.normal(size=(2, n)))[0]
    every = np.array(list(permutations(range(n)))).T
    monkeypatch.setattr(kernel, "_permutations", lambda *_: iter([every]))
    lag, found = kernel.local_statistics(form(links), z, every.shape[1], SEED)
    for t in range(2):
        for i in range(n):
            others = [j for j in range(n) if j != i]
            drawn = []
            for order in permutations(others):
                value = dict(zip(others, z[t, list(order)], strict=True))
                drawn.append(z[t, i] * sum(links[i, j] * value[j] for j in others))
            assert lag[t, i] == pytest.approx(
                sum(links[i, j] * z[t, j] for j in range(n)),
                rel=1e-12,
                abs=1e-15,
            )
            centre = np.mean(drawn)
            observed = abs(z[t, i] * lag[t, i] - centre)
            beyond = sum(abs(d - centre) >= observed - 1e-12 for d in drawn)
            assert found[t, i] == n * beyond


def test_an_island_is_as_extreme_as_all_its_permutations() -> None:
    rng = np.random.default_rng(8)
    links = links_of(rng, 6)
    links[3] = 0
    lag, beyond = kernel.local_statistics(
        links, kernel.deviations(rng.normal(size=(1, 6)))[0], 20, SEED
    )
    assert lag[0, 3] == 0
    assert beyond[0, 3] == 20


def test_deviations() -> None:
    cells = np.array(
        [[1.0, 2.0, 6.0], [4.0, 4.0, 4.0], [1e90, 3e90, -1e90], [0.0, 0.0, 0.0]]
    )
    z, constant = kernel.deviations(cells)
    assert constant.tolist() == [False, True, False, True]
    np.testing.assert_allclose(z[0], (cells[0] - 3) / cells[0].std(), rtol=1e-13)
    np.testing.assert_allclose(
        z[2], (cells[2] - cells[2].mean()) / cells[2].std(), rtol=1e-13, atol=1e-15
    )
    assert not z[constant].any()


def test_adjusted_p_values_against_scipy() -> None:
    p = np.random.default_rng(9).random((3, 20)) ** 2
    adjusted = kernel.benjamini_hochberg(p)
    for row, found in zip(p, adjusted, strict=True):
        np.testing.assert_allclose(
            found, stats.false_discovery_control(row), rtol=1e-14
        )
    p[:, 5] = np.nan
    rest = np.delete(p, 5, axis=1)
    np.testing.assert_array_equal(
        np.delete(kernel.benjamini_hochberg(p), 5, axis=1),
        kernel.benjamini_hochberg(rest),
    )
