"""Sums of products of coefficients: written out, differenced, and simulated."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from digiprosper.mediation.kernel import (
    PathSystem,
    Products,
    Route,
    delta_method,
    expand,
    gradient,
    powers,
    simulate_coefficients,
)

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
    got = Products(terms).evaluate(k)
    assert got.shape == (3, len(terms))
    np.testing.assert_allclose(
        got, [written_out(terms, row) for row in k], rtol=1e-12, atol=1e-12
    )


@settings(max_examples=80, deadline=None)
@given(sums, st.integers(0, 2**32 - 1), st.booleans())
def test_gradient_is_the_limit_of_differences(terms, seed, share) -> None:
    k = np.random.default_rng(seed).uniform(0.5, 2.0, size=5) * np.array(
        [1, -1, 1, 1, -1]
    )
    made = Products([*terms, [(9.0, (0, 2))]], ratio=(0, len(terms)) if share else None)
    by_coefficient = gradient(made.evaluate, k)
    assert by_coefficient.shape == (len(terms) + 1 + share, 5)
    # A polynomial's central difference is off by the third derivative: h^2 of numbers
    # below 3 * 2^4 * 24.
    h = 1e-4
    steps = h * np.eye(5)
    slopes = (made.evaluate(k + steps) - made.evaluate(k - steps)) / (2 * h)
    np.testing.assert_allclose(by_coefficient, slopes.T, rtol=1e-6, atol=1e-5)


def test_a_coefficient_that_comes_twice_is_a_square() -> None:
    made = Products([[(2.0, (1, 1, 1))], [(1.0, (0, 0)), (3.0, (0,)), (5.0, ())], []])
    at = np.array([2.0, 3.0])
    assert made.evaluate(at[None, :]).tolist() == [[54.0, 15.0, 0.0]]
    assert gradient(made.evaluate, at).tolist() == [[0.0, 54.0], [7.0, 0.0], [0.0, 0.0]]


def test_the_ratio_is_the_last_term() -> None:
    made = Products([[(1.0, (0,))], [(1.0, (1,))]], ratio=(1, 0))
    assert made.evaluate(np.array([[4.0, 3.0], [0.0, 3.0], [0.0, 0.0]]))[
        :, 2
    ].tolist() == pytest.approx([0.75, np.inf, np.nan], nan_ok=True)
    assert gradient(made.evaluate, np.array([4.0, 3.0]))[2].tolist() == [-3 / 16, 1 / 4]


def test_a_lost_draw_is_missing_in_every_term_that_it_touches() -> None:
    made = Products([[(1.0, (0, 1))], [(1.0, (2,))]])
    got = made.evaluate(np.array([[1.0, np.nan, 3.0], [2.0, 2.0, 2.0]]))
    np.testing.assert_array_equal(got, [[np.nan, 3.0], [4.0, 2.0]])
    assert made.evaluate(np.empty((0, 3))).shape == (0, 2)


SIZES = np.array([1.0, 1e-4, 1e5])
ROOT = np.array([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [-0.3, 0.5, 0.4]]) * SIZES[:, None]
CENTRE, COV = np.array([3.0, 0.0, -1e6]), ROOT @ ROOT.T
REPS = 40_000


@pytest.mark.parametrize("df", [np.inf, 9.0])
def test_simulated_estimates_have_the_moments_asked_for(df) -> None:
    draws = simulate_coefficients(CENTRE, COV, REPS, np.random.SeedSequence(5), df=df)
    spread = np.sqrt(np.diag(COV))
    z = (draws - CENTRE) / spread
    variance = 1.0 if np.isinf(df) else df / (df - 2)
    # Five errors of a mean, and of a square, whose variance is 2 for the normal and 3.2
    # for t with 9 df.
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=5 * np.sqrt(variance / REPS))
    correlation = COV / np.outer(spread, spread)
    np.testing.assert_allclose(
        z.T @ z / REPS, variance * correlation, atol=5 * variance * np.sqrt(3.2 / REPS)
    )


def test_few_degrees_of_freedom_have_the_tails_of_t() -> None:
    from scipy import stats

    draws = simulate_coefficients(
        np.zeros(2), np.eye(2), REPS, np.random.SeedSequence(6), df=5.0
    )
    for q in (0.005, 0.025, 0.975):
        end = np.quantile(draws, q, axis=0)
        error = np.sqrt(q * (1 - q) / REPS) / stats.t.pdf(stats.t.ppf(q, 5), 5)
        np.testing.assert_allclose(end, stats.t.ppf(q, 5), atol=5 * error)
    # One chi-square a draw, not a coefficient: large ones come together, though they
    # are uncorrelated.
    assert np.corrcoef(np.abs(draws).T)[0, 1] > 0.1


def test_a_singular_covariance_keeps_its_exact_combination() -> None:
    # The third is the sum of the first two, and the fourth is known.
    whole = np.array([[1.0, 0.0], [0.5, 2.0], [1.5, 2.0], [0.0, 0.0]])
    draws = simulate_coefficients(
        np.array([1.0, 2.0, 3.0, 4.0]), whole @ whole.T, 500, np.random.SeedSequence(1)
    )
    np.testing.assert_allclose(
        draws[:, 2], draws[:, 0] + draws[:, 1], rtol=1e-7, atol=1e-7
    )
    assert (draws[:, 3] == 4.0).all()


def test_rounding_below_zero_is_no_direction() -> None:
    cov = np.array([[1.0, 1.0], [1.0, 1.0]]) - 1e-15 * np.eye(2)
    draws = simulate_coefficients(np.zeros(2), cov, 500, np.random.SeedSequence(1))
    assert np.isfinite(draws).all()
    np.testing.assert_allclose(draws[:, 0], draws[:, 1], atol=1e-6)


def test_the_seed_alone_decides_and_nothing_comes_of_a_missing_covariance() -> None:
    one, again = (
        simulate_coefficients(CENTRE, COV, 50, np.random.SeedSequence(3))
        for _ in range(2)
    )
    np.testing.assert_array_equal(one, again)
    assert (
        simulate_coefficients(CENTRE, COV, 50, np.random.SeedSequence(4)) != one
    ).any()
    for bad in (np.nan, np.inf):
        missing = COV.copy()
        missing[0, 1] = missing[1, 0] = bad
        got = simulate_coefficients(CENTRE, missing, 20, np.random.SeedSequence(3))
        assert got.shape == (20, 3)
        assert np.isnan(got).all()


# --- effects along a variable ---------------------------------------------------------

numbers = st.floats(-2, 2) | st.sampled_from([0.0, 1.0])
slopes = st.lists(
    st.tuples(st.integers(0, 3), numbers, numbers), min_size=1, max_size=3
).map(tuple)


def route_written_out(route, k, v):
    effect = 1.0
    for slope in route.slopes:
        effect *= sum(k[i] * (level + rate * v) for i, level, rate in slope)
    return effect


@pytest.mark.further
@settings(max_examples=150, deadline=None)
@given(
    st.lists(slopes, min_size=1, max_size=3),
    st.floats(-3, 3),
    st.integers(0, 2**32 - 1),
)
def test_a_route_is_the_product_of_its_slopes(parts, v, seed) -> None:
    route, k = (
        Route("indirect:m", tuple(parts)),
        np.random.default_rng(seed).normal(size=4),
    )
    want = route_written_out(route, k, v)
    at = Products([expand(route.slopes, np.array([v]))]).evaluate(k[None, :])[0, 0]
    polynomial = Products(powers(route.slopes)).evaluate(k[None, :])[0]
    assert len(polynomial) == len(parts) + 1
    assert at == pytest.approx(want, rel=1e-9, abs=1e-10)
    assert sum(c * v**power for power, c in enumerate(polynomial)) == pytest.approx(
        want, rel=1e-9, abs=1e-9
    )


def test_a_moderated_product_by_hand() -> None:
    # (k0 + k1 w)(k2 + k3 w) = k0 k2 + (k1 k2 + k0 k3) w + k1 k3 w^2.
    route = Route(
        "indirect:m", (((0, 1.0, 0.0), (1, 0.0, 1.0)), ((2, 1.0, 0.0), (3, 0.0, 1.0)))
    )
    k = np.array([[2.0, 3.0, 5.0, 7.0]])
    assert Products(powers(route.slopes)).evaluate(k).tolist() == [[10.0, 29.0, 21.0]]
    assert Products([expand(route.slopes, np.array([2.0]))]).evaluate(k).tolist() == [
        [(2 + 6) * (5 + 14)]
    ]


def test_an_instantaneous_slope_by_hand() -> None:
    # (k0 + 2 k1 x) k2.
    route = Route("indirect:m", (((0, 1.0, 0.0), (1, 0.0, 2.0)), ((2, 1.0, 0.0),)))
    made = Products(powers(route.slopes)).evaluate(np.array([[2.0, 3.0, 5.0]]))
    assert made.tolist() == [[10.0, 30.0, 0.0]]


def test_slopes_are_found_by_equation_and_term() -> None:
    names = (("mediator:m", "x"), ("outcome", "x"), ("outcome", "m"))
    nothing = np.empty((0, 3))
    system = PathSystem(
        names,
        np.zeros(3),
        np.eye(3),
        np.ones((3, 2)),
        nothing,
        nothing,
        nothing,
        nothing,
        Products([]),
    )
    assert [system.at(*name) for name in names] == [0, 1, 2]
    with pytest.raises(ValueError, match="not in tuple"):
        system.at("total", "x")


def test_a_product_of_slopes_is_averaged_over_the_values() -> None:
    # (k0 + k1 w)(k2 - k1 w) over w of 1 and 3, whose squares are 5 on average.
    slopes = (((0, 1.0, 0.0), (1, 0.0, 1.0)), ((2, 1.0, 0.0), (1, 0.0, -1.0)))
    averages = {positions: c for c, positions in expand(slopes, np.array([1.0, 3.0]))}
    assert averages == {(0, 2): 1.0, (0, 1): -2.0, (1, 2): 2.0, (1, 1): -5.0}


def test_no_warning_of_numpy_if_the_total_effect_is_exactly_zero() -> None:
    products = Products([[(1.0, (0,))], [(1.0, (1, 2))]], ratio=(1, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimates, covariance, _ = delta_method(
            products.evaluate, np.array([0.0, 1.0, 1.0]), np.eye(3), np.ones((1, 3))
        )
    assert estimates[:2].tolist() == [0.0, 1.0]
    assert np.diag(covariance)[:2].tolist() == [1.0, 2.0]
