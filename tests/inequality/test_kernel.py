"""Running sums against double sums over pairs, and draws against rows."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from digiprosper import coefficient_of_variation
from digiprosper.inequality.kernel import (
    atkinson,
    dagum,
    dagum_draws,
    dagum_parts,
    ergodic,
    gini,
    rank_rows,
    theil_l,
)
from digiprosper.kernels.dispersion import column_sums, theil_by_group, theil_t
from digiprosper.kernels.resampling import draw_counts

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference" / "inequality.json").read_text(
        encoding="utf-8"
    )
)
G3 = REFERENCE["G3"]
Y = np.array(G3["data"], dtype=float)
ONES = np.ones(Y.size)
GROUPS = np.unique(G3["groups"], return_inverse=True)[1]


def pairs_gini(y, w):
    """Half the mean difference over the mean, every pair of rows written out."""
    return float(
        (np.outer(w, w) * np.abs(y[:, None] - y)).sum()
        / (2 * w.sum() ** 2 * np.average(y, weights=w))
    )


def pairs_dagum(y, groups, w):
    """Dagum (1997) as printed, with all pairs: G_jj, G_jh, d, p, D and shares."""
    labels = [k for k in np.unique(groups) if w[groups == k].sum() > 0]
    part = {k: (y[groups == k], w[groups == k]) for k in labels}
    mean = {k: np.average(v, weights=u) for k, (v, u) in part.items()}
    share = {k: u.sum() / w.sum() for k, (v, u) in part.items()}
    income = {k: u @ v / (w @ y) for k, (v, u) in part.items()}
    within = sum(
        pairs_gini(*part[k]) * share[k] * income[k] for k in labels if mean[k] > 0
    )
    between = across = 0.0
    for a, b in combinations(labels, 2):
        j, h = (a, b) if mean[a] >= mean[b] else (b, a)
        if mean[j] == 0:
            continue
        (yj, wj), (yh, wh) = part[j], part[h]
        lead, chance = yj[:, None] - yh, np.outer(wj, wh) / (wj.sum() * wh.sum())
        d, p = (
            (chance * np.maximum(lead, 0)).sum(),
            (chance * np.maximum(-lead, 0)).sum(),
        )
        g = (d + p) / (mean[j] + mean[h])
        distance = (d - p) / (d + p) if d + p > 0 else 0.0
        both = share[j] * income[h] + share[h] * income[j]
        between += g * distance * both
        across += g * (1 - distance) * both
    return np.array([pairs_gini(y, w), within, between, across])


def parts(y, groups, w):
    codes = np.unique(groups, return_inverse=True)[1]
    actual = dagum(y, codes, int(codes.max()) + 1, w)
    return np.array(
        [actual.total, actual.within, actual.between, actual.transvariation]
    )


def sample(seed, rows=40, n_groups=4, zeros=0.1):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, rows + 1))
    y = np.round(rng.gamma(1.0, 10.0, n), int(rng.integers(0, 3))) * (
        rng.random(n) > zeros
    )
    y[int(rng.integers(n))] += 1.0
    w = rng.choice([0.25, 1.0, 2.0, 3.0], n)
    return y, rng.integers(0, n_groups, n), w


SEEDS = st.integers(0, 2**32 - 1)


# --- outside numbers ------------------------------------------------------------------


def test_gini_outside_number():
    assert gini(Y, ONES) == pytest.approx(G3["gini"], abs=G3["tolerance"])


def test_dagum_outside_numbers():
    case = REFERENCE["dagum"]
    actual = dagum(Y, GROUPS, 3, ONES)
    for name in ("within", "between", "transvariation"):
        top, bottom = case["exact"][name]
        assert getattr(actual, name) == pytest.approx(top / bottom, abs=1e-15)
        assert getattr(actual, name) == pytest.approx(case[name], abs=case["tolerance"])


def test_other_measures_outside_numbers():
    tolerance = G3["tolerance"]
    assert theil_l(Y, ONES) == pytest.approx(G3["theil_l"], abs=tolerance)
    assert coefficient_of_variation(Y) == pytest.approx(G3["cv"], abs=tolerance)
    assert coefficient_of_variation(Y, ddof=1) == pytest.approx(
        G3["cv_sample"], abs=tolerance
    )
    weighted = coefficient_of_variation(Y, obs_weights=G3["obs_weights"])
    assert weighted == pytest.approx(G3["cv_weighted"], abs=tolerance)
    for epsilon, value in G3["atkinson"].items():
        assert atkinson(Y, ONES, float(epsilon)) == pytest.approx(value, abs=tolerance)


@pytest.mark.parametrize("cv", ["1e-6", "1e-7"])
def test_nearly_equal_incomes_keep_their_digits(cv):
    case = REFERENCE["nearly_constant"]
    y = 1.0 + float(cv) * np.array(case["steps"], dtype=float)
    assert theil_l(y, np.ones(8)) == pytest.approx(
        case["theil_l"][cv], rel=case["tolerance"]
    )
    # One minus the exponential of minus L
    assert atkinson(y, np.ones(8), 1.0) == pytest.approx(
        case["theil_l"][cv], rel=case["tolerance"]
    )


# --- brute force ----------------------------------------------------------------------


@given(SEEDS)
@settings(max_examples=150, deadline=None)
def test_gini_equals_the_double_sum(seed):
    y, _, w = sample(seed)
    assert gini(y, w) == pytest.approx(pairs_gini(y, w), abs=1e-13)


@pytest.mark.further
@given(SEEDS)
@settings(max_examples=200, deadline=None)
def test_dagum_equals_the_double_sums(seed):
    y, groups, w = sample(seed)
    np.testing.assert_allclose(
        parts(y, groups, w), pairs_dagum(y, groups, w), atol=1e-13
    )


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_pairs_equal_the_gini_of_two_groups_merged(seed):
    rng = np.random.default_rng(seed)
    y, groups = rng.lognormal(size=60), np.repeat(np.arange(3), 20)
    w = rng.choice([1.0, 2.0], 60)
    actual = dagum(y, groups, 3, w)
    p, s = actual.sizes / w.sum(), actual.sizes * actual.means / (w @ y)
    for j, h in combinations(range(3), 2):
        both = (groups == j) | (groups == h)
        merged, size, income = gini(y[both], w[both]), p[j] + p[h], s[j] + s[h]
        own = sum(actual.ginis[k] * p[k] * s[k] for k in (j, h)) / (size * income)
        cross = (p[j] * s[h] + p[h] * s[j]) / (size * income)
        pair = (actual.ahead[j, h] + actual.ahead[h, j]) / (
            actual.means[j] + actual.means[h]
        )
        assert pair == pytest.approx((merged - own) / cross, abs=1e-12)


def test_textbook_theil_l_and_atkinson():
    rng = np.random.default_rng(8)
    y, w = rng.lognormal(sigma=1.5, size=300), rng.random(300)
    u = y / np.average(y, weights=w)
    assert theil_l(y, w) == pytest.approx(
        np.average(np.log(1 / u), weights=w), rel=1e-13
    )
    for e in (0.1, 0.5, 0.9, 1.1, 2.0, 10.0):
        textbook = 1 - np.average(u ** (1 - e), weights=w) ** (1 / (1 - e))
        assert atkinson(y, w, e) == pytest.approx(textbook, rel=1e-11)


def test_tiny_incomes_do_not_lose_theil_l_or_overflow_atkinson():
    y = np.array([1e-300, 1.0])
    assert theil_l(y, np.ones(2)) == pytest.approx(
        0.5 * (np.log(0.5e300) + np.log(0.5)), rel=1e-14
    )
    assert atkinson(y, np.ones(2), 20.0) == pytest.approx(1.0, abs=1e-15)
    assert atkinson(np.array([0.0, 1.0]), np.ones(2), 0.5) == pytest.approx(
        0.5, abs=1e-15
    )


# --- identities -----------------------------------------------------------------------


@given(SEEDS)
@settings(max_examples=100, deadline=None)
def test_parts_add_up_and_between_is_the_gini_of_means(seed):
    y, groups, w = sample(seed)
    total, within, between, across = parts(y, groups, w)
    assert within + between + across == pytest.approx(total, abs=1e-14)
    assert min(within, between, across) >= 0
    means = np.array(
        [np.average(y[groups == k], weights=w[groups == k]) for k in groups]
    )
    assert gini(means, w) == pytest.approx(between, abs=1e-13)


def test_groups_apart_have_exactly_no_transvariation():
    y = np.array([0.1, 0.2, 0.3, 0.7, 0.7, 1.1, 3.3, 4.7])
    actual = dagum(y, np.array([1, 1, 1, 0, 0, 0, 2, 2]), 3, np.full(8, 0.3))
    assert actual.transvariation == 0.0
    assert actual.within + actual.between == pytest.approx(actual.total, abs=1e-15)


def test_groups_alike_have_nothing_between():
    y = np.tile(np.array([0.0, 1.0, 2.0, 5.0, 8.0]), 3)
    actual = dagum(y, np.repeat(np.arange(3), 5), 3, np.ones(15))
    assert actual.between == pytest.approx(0.0, abs=1e-16)
    # Of the nine ordered pairs of equal groups three are within.
    assert actual.within == pytest.approx(actual.total / 3, abs=1e-15)


def test_equal_incomes_are_exactly_zero():
    y, w = np.full(7, 0.1), np.linspace(0.1, 0.9, 7)
    assert gini(y, w) == 0.0
    assert dagum(y, np.arange(7) % 2, 2, w).total == 0.0
    assert theil_l(y, w) == pytest.approx(0, abs=1e-30)
    assert atkinson(y, w, 0.5) == pytest.approx(0, abs=1e-15)


def test_a_group_of_zeros():
    y, groups = np.array([0.0, 0.0, 1.0, 3.0]), np.array([0, 0, 1, 1])
    actual = dagum(y, groups, 2, np.ones(4))
    assert np.isnan(actual.ginis[0])
    np.testing.assert_allclose(
        parts(y, groups, np.ones(4)), pairs_dagum(y, groups, np.ones(4)), atol=1e-15
    )


@pytest.mark.parametrize("offset", [1e-3, 1e-6, 1e-9, 1e-12])
def test_atkinson_passes_through_one(offset):
    rng = np.random.default_rng(3)
    y, w = rng.lognormal(size=50), rng.random(50)
    at = atkinson(y, w, 1.0)
    assert atkinson(y, w, 1.0 + offset) == pytest.approx(at, abs=offset)
    assert atkinson(y, w, 1.0 - offset) == pytest.approx(at, abs=offset)


def test_atkinson_without_aversion_is_zero():
    assert atkinson(Y, ONES, 0.0) == pytest.approx(0.0, abs=1e-15)


# --- Theil's T with weights, the kernel that index weights share too ------------------


@given(SEEDS, st.sampled_from([1.0, 1e-3]))
@settings(max_examples=60, deadline=None)
def test_weights_of_theil_t_are_repetition(seed, size):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 3000))  # several blocks
    z = 1.0 + size * rng.exponential(size=(n, 2))
    times = rng.integers(1, 4, n)
    weighted = theil_t(z, obs_weights=times.astype(float))
    np.testing.assert_allclose(
        weighted, theil_t(np.repeat(z, times, axis=0)), rtol=1e-9, atol=1e-18
    )
    assert (theil_t(np.ones((3, 1)), obs_weights=np.arange(1.0, 4.0)) == 0).all()
    sums = column_sums(z, obs_weights=times.astype(float))
    np.testing.assert_array_equal(
        theil_t(z, sums=sums, obs_weights=times.astype(float)), weighted
    )


@given(SEEDS)
@settings(max_examples=60, deadline=None)
def test_theil_by_group_is_theil_t_of_each(seed):
    y, groups, w = sample(seed)
    codes = np.unique(groups, return_inverse=True)[1]
    actual = theil_by_group(y, codes, codes.max() + 1, w)
    for k in range(codes.max() + 1):
        inside = codes == k
        expected = theil_t(y[inside][:, None], obs_weights=w[inside])[0]
        assert actual[k] == pytest.approx(expected, abs=1e-14)


# --- draws ----------------------------------------------------------------------------


@pytest.mark.further
@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_a_draw_is_the_decomposition_of_rows_written_out(seed):
    rng = np.random.default_rng(seed)
    y, groups, w = sample(seed, rows=60)
    codes, clusters = (
        np.unique(groups, return_inverse=True)[1],
        rng.integers(0, 6, y.size),
    )
    clusters = np.unique(clusters, return_inverse=True)[1]
    ranked = rank_rows(y, codes, clusters, w)
    counts = draw_counts(np.random.SeedSequence(seed), int(clusters.max()) + 1, 25)
    drawn = dagum_parts(ranked, counts)
    for count, actual in zip(counts, drawn, strict=True):
        take = np.repeat(np.arange(y.size), count[clusters].astype(int))
        if not y[take].any():
            assert np.isnan(actual).all()
            continue
        np.testing.assert_allclose(
            actual, parts(y[take], codes[take], w[take]), atol=1e-12
        )
        np.testing.assert_allclose(
            actual, pairs_dagum(y[take], codes[take], w[take]), atol=1e-12
        )


def test_every_cluster_once_is_the_sample():
    ranked = rank_rows(Y, GROUPS, np.arange(10), ONES)
    np.testing.assert_allclose(
        dagum_parts(ranked, np.ones((1, 10)))[0], parts(Y, GROUPS, ONES), atol=1e-15
    )


def test_chunks_do_not_change_draws():
    rng = np.random.default_rng(5)
    y, groups, clusters = (
        rng.lognormal(size=90),
        rng.integers(0, 3, 90),
        np.repeat(np.arange(30), 3),
    )
    ranked = rank_rows(y, groups, clusters, np.ones(90))
    whole = dagum_draws(ranked, 30, 101, np.random.SeedSequence(1))
    pieces = dagum_draws(
        ranked, 30, 101, np.random.SeedSequence(1), memory=8 * 4 * 120 * 7
    )
    np.testing.assert_allclose(whole, pieces, rtol=1e-13)
    counts = draw_counts(np.random.SeedSequence(1), 30, 101)
    np.testing.assert_allclose(whole, dagum_parts(ranked, counts), rtol=1e-13)


# --- Markov chains --------------------------------------------------------------------


@pytest.mark.parametrize("case", ["per_year", "pooled"])
def test_ergodic_outside_numbers(case):
    counts = np.array(REFERENCE["markov_us"][case]["counts"], dtype=float)
    actual, closed = ergodic(counts / counts.sum(axis=1, keepdims=True))
    expected = REFERENCE["markov_us"][case]["ergodic"]
    np.testing.assert_allclose(
        actual, expected, atol=REFERENCE["markov_us"]["tolerance"]
    )
    assert closed == 1


@given(SEEDS, st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_ergodic_is_where_powers_go(seed, k):
    chain = (
        np.random.default_rng(seed).dirichlet(np.full(k, 0.5), size=k) * 0.9 + 0.1 / k
    )
    actual, closed = ergodic(chain)
    np.testing.assert_allclose(
        np.linalg.matrix_power(chain, 2000), np.tile(actual, (k, 1)), atol=1e-9
    )
    assert closed == 1
    assert actual.sum() == pytest.approx(1.0)


def test_ergodic_of_chains_with_closed_sets():
    absorbing = np.array([[1.0, 0, 0], [0.5, 0, 0.5], [0.3, 0.3, 0.4]])
    np.testing.assert_array_equal(ergodic(absorbing)[0], [1, 0, 0])
    swapping = np.array([[0.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(ergodic(swapping)[0], [0.5, 0.5])
    two = np.array([[1.0, 0, 0], [0.5, 0, 0.5], [0, 0, 1]])
    actual, closed = ergodic(two)
    assert closed == 2
    assert np.isnan(actual).all()
