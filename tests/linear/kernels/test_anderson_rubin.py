"""The Anderson-Rubin set: every boundary, unbounded, empty and in pieces."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import f as f_distribution

from digiprosper.linear.kernels.two_stage import (
    ReducedForms,
    confidence_set,
    statistic,
    wald_form,
)


def drawn(seed: int, q: int, strength: float, disagree: float = 0.0) -> ReducedForms:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(2 * q, 3 * q + 4)) / np.sqrt(3 * q + 4)
    covariance = root @ root.T
    first = strength * np.ones(q) + np.linalg.cholesky(covariance[q:, q:]) @ rng.normal(
        size=q
    )
    reduced = 0.7 * first + disagree * rng.normal(size=q) + 0.8 * rng.normal(size=q)
    return ReducedForms(np.column_stack([reduced, first]), covariance, 40.0)


def by_grid(known: ReducedForms, critical: float, grid: np.ndarray) -> np.ndarray:
    return np.array([statistic(known, np.array([b])) <= critical for b in grid])


def inside(intervals: list[tuple[float, float]], grid: np.ndarray) -> np.ndarray:
    return np.any(
        [(low <= grid) & (grid <= high) for low, high in intervals] or [grid != grid],
        axis=0,
    )


@pytest.mark.parametrize("q", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.many(3)
def test_the_set_is_that_of_a_grid(q: int, seed: int) -> None:
    known = drawn(
        seed, q, strength=(0.0, 0.5, 2.0, 6.0)[seed % 4], disagree=(0.0, 2.0)[seed % 2]
    )
    critical = float(f_distribution.ppf(0.95, q, known.df_t))
    actual = confidence_set(known, critical)
    grid = np.concatenate([np.linspace(-20, 20, 4001), [-1e6, 1e6]])
    edges = np.array([e for pair in actual for e in pair if np.isfinite(e)])
    clear = np.array(
        [np.abs(edges - b).min() > 1e-6 if edges.size else True for b in grid]
    )
    np.testing.assert_array_equal(
        inside(actual, grid)[clear], by_grid(known, critical, grid)[clear]
    )
    for edge in edges:
        assert statistic(known, np.array([edge])) == pytest.approx(critical, rel=1e-7)
    flat = [e for pair in actual for e in pair]
    assert flat == sorted(flat)


def kinds(seeds: range, q: int, strength: float, disagree: float) -> set[str]:
    out = set()
    for seed in seeds:
        known = drawn(seed, q, strength, disagree)
        actual = confidence_set(known, float(f_distribution.ppf(0.95, q, known.df_t)))
        if not actual:
            out.add("empty")
        elif actual == [(-np.inf, np.inf)]:
            out.add("all")
        elif np.isinf(actual[0][0]):
            out.add("outside")
        else:
            out.add("pieces" if len(actual) > 1 else "interval")
    return out


def test_all_kinds_occur() -> None:
    assert kinds(range(40), 1, 0.0, 0.0) == {"all", "outside"}
    assert "empty" in kinds(range(60), 3, 4.0, 3.0)
    assert kinds(range(20), 1, 8.0, 0.0) == {"interval"}


def test_two_bounded_pieces() -> None:
    """If covariances differ across instruments the set may have several pieces."""
    actual = [len(confidence_set(drawn(seed, 3, 1.0, 2.0), 2.4)) for seed in range(400)]
    assert max(actual) >= 2


def test_one_instrument_in_closed_form() -> None:
    """The quadratic (a - b c)^2 = F (v - 2 b w + b^2 u), Fieller's set."""
    known = ReducedForms(
        np.array([[2.0, 3.0]]), np.array([[0.5, 0.1], [0.1, 0.4]]), 30.0
    )
    ((low, high),) = confidence_set(known, 4.0)
    roots = np.sort(np.roots([9 - 4 * 0.4, -12 + 8 * 0.1, 4 - 4 * 0.5]))
    np.testing.assert_allclose([low, high], roots, rtol=1e-12)


def test_units() -> None:
    known = drawn(3, 3, 6.0)
    scale = np.repeat([1e9, 1e-6], 3)
    slopes = known.slopes * [1e9, 1e-6]
    other = ReducedForms(slopes, known.covariance * np.outer(scale, scale), known.df_t)
    expected = np.array(confidence_set(known, 2.8)) * 1e15
    np.testing.assert_allclose(
        np.array(confidence_set(other, 2.8)), expected, rtol=1e-9
    )


def test_values_without_a_positive_covariance_are_kept() -> None:
    covariance = np.array([[-1.0, 0.0], [0.0, 1.0]])
    known = ReducedForms(np.array([[0.0, 5.0]]), covariance, 10.0)
    assert np.isnan(statistic(known, np.array([0.5])))
    actual = confidence_set(known, 4.0)
    assert any(low <= 0.5 <= high for low, high in actual)


def test_form() -> None:
    assert wald_form(np.array([2.0, 0.0]), np.diag([4.0, 1.0])) == pytest.approx(1.0)
    assert np.isnan(wald_form(np.ones(2), np.ones((2, 2))))


@pytest.mark.parametrize("q", [1, 2, 3])
def test_one_cluster_more_than_instruments_leaves_no_pieces_of_rounding(q: int) -> None:
    for seed in range(60):
        rng = np.random.default_rng(seed)
        scores = rng.normal(size=(q, 2 * q))
        known = ReducedForms(rng.normal(size=(q, 2)), scores.T @ scores, float(q))
        actual = confidence_set(known, float(f_distribution.ppf(0.95, q, q)))
        middles = [
            (low + high) / 2 for low, high in actual if np.isfinite([low, high]).all()
        ]
        assert not np.isnan([statistic(known, np.array([b])) for b in middles]).any()
