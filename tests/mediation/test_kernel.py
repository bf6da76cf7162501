"""Sums of products of coefficients: written out, against differences, and simulated against their moments."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digiprosper.mediation.kernel import products, simulated

constants = st.floats(-3, 3) | st.sampled_from([0.0, 1.0, -1.0])
monomials = st.tuples(constants, st.lists(st.integers(0, 4), max_size=4).map(tuple))
sums = st.lists(st.lists(monomials, max_size=4), min_size=1, max_size=5)


def written_out(terms, k):
    return [sum(c * math.prod(k[i] for i in at) for c, at in term) for term in terms]


@pytest.mark.further
@settings(max_examples=150, deadline=None)
@given(sums, st.integers(0, 2**32 - 1))
def test_values_are_the_sums_written_out(terms, seed) -> None:
    k = np.random.default_rng(seed).normal(size=(3, 5))
    got = products(terms).evaluate(k)
    assert got.shape == (3, len(terms))
    np.testing.assert_allclose(got, [written_out(terms, row) for row in k], rtol=1e-12, atol=1e-12)


@settings(max_examples=80, deadline=None)
@given(sums, st.integers(0, 2**32 - 1), st.booleans())
def test_gradient_is_the_limit_of_differences(terms, seed, share) -> None:
    k = np.random.default_rng(seed).uniform(0.5, 2.0, size=5) * np.array([1, -1, 1, 1, -1])
    made = products([*terms, [(9.0, (0, 2))]], ratio=(0, len(terms)) if share else None)
    gradient = made.gradient(k)
    assert gradient.shape == (len(terms) + 1 + share, 5)
    # A polynomial's central difference is off by the third derivative: h^2 of numbers below 3 * 2^4 * 24.
    h = 1e-4
    steps = h * np.eye(5)
    slopes = (made.evaluate(k + steps) - made.evaluate(k - steps)) / (2 * h)
    np.testing.assert_allclose(gradient, slopes.T, rtol=1e-6, atol=1e-5)


def test_a_coefficient_that_comes_twice_is_a_square() -> None:
    made = products([[(2.0, (1, 1, 1))], [(1.0, (0, 0)), (3.0, (0,)), (5.0, ())], []])
    at = np.array([2.0, 3.0])
    assert made.evaluate(at[None, :]).tolist() == [[54.0, 15.0, 0.0]]
    assert made.gradient(at).tolist() == [[0.0, 54.0], [7.0, 0.0], [0.0, 0.0]]


def test_the_ratio_is_the_last_term() -> None:
    made = products([[(1.0, (0,))], [(1.0, (1,))]], ratio=(1, 0))
    assert made.evaluate(np.array([[4.0, 3.0], [0.0, 3.0], [0.0, 0.0]]))[:, 2].tolist() == pytest.approx(
        [0.75, np.inf, np.nan], nan_ok=True
    )
    assert made.gradient(np.array([4.0, 3.0]))[2].tolist() == [-3 / 16, 1 / 4]


def test_a_lost_draw_is_missing_in_every_term_that_it_touches() -> None:
    made = products([[(1.0, (0, 1))], [(1.0, (2,))]])
    got = made.evaluate(np.array([[1.0, np.nan, 3.0], [2.0, 2.0, 2.0]]))
    np.testing.assert_array_equal(got, [[np.nan, 3.0], [4.0, 2.0]])
    assert made.evaluate(np.empty((0, 3))).shape == (0, 2)


SIZES = np.array([1.0, 1e-4, 1e5])
ROOT = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [-0.3, 0.5, 0.4]]) * SIZES[:, None]
CENTRE, COV = np.array([3.0, 0.0, -1e6]), ROOT @ ROOT.T
REPS = 40_000


@pytest.mark.parametrize("df", [np.inf, 9.0])
def test_simulated_estimates_have_the_moments_asked_for(df) -> None:
    draws = simulated(CENTRE, COV, REPS, np.random.SeedSequence(5), df=df)
    spread = np.sqrt(np.diag(COV))
    z = (draws - CENTRE) / spread
    variance = 1.0 if np.isinf(df) else df / (df - 2)
    # Five errors of a mean, and of a square, whose variance is 2 for the normal and 3.2 for t with 9 df.
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=5 * np.sqrt(variance / REPS))
    correlation = COV / np.outer(spread, spread)
    np.testing.assert_allclose(
        z.T @ z / REPS, variance * correlation, atol=5 * variance * np.sqrt(3.2 / REPS)
    )


def test_few_degrees_of_freedom_have_the_tails_of_t() -> None:
    from scipy import stats

    draws = simulated(np.zeros(2), np.eye(2), REPS, np.random.SeedSequence(6), df=5.0)
    for q in (0.005, 0.025, 0.975):
        end = np.quantile(draws, q, axis=0)
        error = np.sqrt(q * (1 - q) / REPS) / stats.t.pdf(stats.t.ppf(q, 5), 5)
        np.testing.assert_allclose(end, stats.t.ppf(q, 5), atol=5 * error)
    # One chi-square a draw, not a coefficient: large ones come together, though they are uncorrelated.
    assert np.corrcoef(np.abs(draws).T)[0, 1] > 0.1


def test_a_singular_covariance_keeps_its_exact_combination() -> None:
    # The third is the sum of the first two, and the fourth is known.
    whole = np.array([[1.0, 0.0], [0.5, 2.0], [1.5, 2.0], [0.0, 0.0]])
    draws = simulated(np.array([1.0, 2.0, 3.0, 4.0]), whole @ whole.T, 500, np.random.SeedSequence(1))
    np.testing.assert_allclose(draws[:, 2], draws[:, 0] + draws[:, 1], rtol=1e-7, atol=1e-7)
    assert (draws[:, 3] == 4.0).all()


def test_rounding_below_zero_is_no_direction() -> None:
    cov = np.array([[1.0, 1.0], [1.0, 1.0]]) - 1e-15 * np.eye(2)
    draws = simulated(np.zeros(2), cov, 500, np.random.SeedSequence(1))
    assert np.isfinite(draws).all()
    np.testing.assert_allclose(draws[:, 0], draws[:, 1], atol=1e-6)


def test_the_seed_alone_decides_and_nothing_comes_of_a_missing_covariance() -> None:
    one, again = (simulated(CENTRE, COV, 50, np.random.SeedSequence(3)) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    assert (simulated(CENTRE, COV, 50, np.random.SeedSequence(4)) != one).any()
    for bad in (np.nan, np.inf):
        missing = COV.copy()
        missing[0, 1] = missing[1, 0] = bad
        got = simulated(CENTRE, missing, 20, np.random.SeedSequence(3))
        assert got.shape == (20, 3)
        assert np.isnan(got).all()
