from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from digiprosper.kernels.dispersion import (
    column_sums,
    entity_divergence,
    theil_by_group,
    theil_of_draws,
    theil_shares,
    theil_t,
    variation_by_group,
)

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "reference" / "entropy.json").read_text(
        encoding="utf-8"
    )
)


def textbook_theil(z):
    u = z / z.mean(axis=0)
    return np.where(u > 0, u * np.log(np.where(u > 0, u, 1.0)), 0.0).mean(axis=0)


def test_theil_outside_number():
    case = REFERENCE["theil"]
    z = np.array(case["data"], dtype=float)[:, None]
    assert theil_t(z)[0] == pytest.approx(case["value"], abs=case["tolerance"])


@pytest.mark.parametrize("cv", ["1e-6", "1e-7"])
def test_nearly_constant_columns_keep_their_digits(cv):
    case = REFERENCE["nearly_constant"]
    z = 1.0 + float(cv) * np.array(case["steps"], dtype=float)[:, None]
    assert theil_t(z)[0] == pytest.approx(case["values"][cv], rel=case["tolerance"])


def test_dispersion_by_group_is_that_of_the_rows_of_each_group():
    rng = np.random.default_rng(0)
    groups, z, w = (
        rng.permutation(np.arange(40) % 3),
        rng.uniform(size=40),
        rng.uniform(0.2, 3.0, size=40),
    )
    z[groups == 2] = 0.0
    theil = theil_by_group(z, groups, 3, w)
    variation = variation_by_group(z + 1.0, groups, 3, w)
    for group in range(3):
        inside, weights = z[groups == group], w[groups == group]
        expected = theil_t(inside[:, None], obs_weights=weights)[0]
        assert theil[group] == pytest.approx(expected, rel=1e-12, abs=1e-15)
        mean = np.average(inside + 1.0, weights=weights)
        variance = np.average((inside + 1.0 - mean) ** 2, weights=weights)
        assert variation[group] == pytest.approx(np.sqrt(variance) / mean, rel=1e-12)


def test_zeros_count_as_rows():
    # (0, 1, 2): (2/3) ln 2, not ln of the two positive values' ratio
    assert theil_t(np.array([[0.0], [1.0], [2.0]]))[0] == pytest.approx(
        2 / 3 * np.log(2), abs=1e-15
    )


def test_both_forms_agree_across_the_switch():
    steps = np.linspace(-1, 1, 500)[:, None]
    z = 1 + steps * np.linspace(0.05, 0.12, 40)
    assert theil_t(z).min() < 1e-3 < theil_t(z).max()
    np.testing.assert_allclose(theil_t(z), textbook_theil(z), rtol=1e-9)


def test_bregman_takes_a_zero_in_a_nearly_constant_column():
    z = np.ones((4000, 1))
    z[7] = 0.0
    assert theil_t(z)[0] < 1e-3
    assert theil_t(z)[0] == pytest.approx(np.log(4000 / 3999), rel=1e-12)


def test_constant_and_zero_columns_are_exactly_zero():
    z = np.column_stack([np.full(7, 0.1), np.zeros(7), np.arange(7.0)])
    theil = theil_t(z)
    assert theil[0] == theil[1] == 0.0
    np.testing.assert_array_equal(theil_shares(theil), [0, 0, 1])


@given(st.integers(0, 2**32 - 1), st.integers(1, 7000), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_blocks_do_not_show(seed, rows, width):
    rng = np.random.default_rng(seed)
    z = rng.gamma(0.5, size=(rows, width)) * (rng.random((rows, width)) > 0.1)
    sums = column_sums(z)
    np.testing.assert_allclose(sums.total, z.sum(axis=0), rtol=1e-12)
    positive = np.where(z > 0, z, 1.0)
    np.testing.assert_allclose(
        sums.z_log_z, (z * np.log(positive)).sum(axis=0), rtol=1e-10, atol=1e-10
    )
    assert sums.low == z.min()


def test_shift_is_added_before_the_sums():
    z = np.random.default_rng(1).random((3000, 3))
    np.testing.assert_allclose(theil_t(z, shift=0.25), theil_t(z + 0.25), rtol=1e-12)


def test_layout_of_memory_does_not_matter():
    z = np.random.default_rng(2).random((5000, 4))
    np.testing.assert_allclose(theil_t(np.asfortranarray(z)), theil_t(z), rtol=1e-13)


def test_sums_by_entity_give_any_redraw():
    rng = np.random.default_rng(3)
    entity = np.sort(np.repeat(np.arange(6), rng.integers(1, 30, 6)))
    z = rng.random((entity.size, 3)) * (rng.random((entity.size, 3)) > 0.1)
    mean, deviation, divergence = entity_divergence(z, entity, shift=0.1)
    rows = np.bincount(entity)
    np.testing.assert_allclose(mean, z.mean(axis=0) + 0.1, rtol=1e-14)
    counts = np.array([[2, 0, 1, 1, 0, 2], [1, 1, 1, 1, 1, 1]])
    for drawn, theil in zip(
        counts, theil_of_draws(counts, rows, deviation, divergence), strict=True
    ):
        stacked = np.repeat(z, drawn[entity], axis=0)
        np.testing.assert_allclose(theil, theil_t(stacked, shift=0.1), rtol=1e-12)


def test_redraws_of_nearly_constant_columns_keep_their_digits():
    rng = np.random.default_rng(4)
    entity = np.repeat(np.arange(5), 4)
    z = 1 + 1e-6 * rng.normal(size=(20, 1))
    _, deviation, divergence = entity_divergence(z, entity)
    counts = np.array([[2, 1, 0, 2, 0]])
    theil = theil_of_draws(counts, np.full(5, 4), deviation, divergence)[0, 0]
    stacked = np.repeat(z, counts[0][entity], axis=0)
    assert theil == pytest.approx(theil_t(stacked)[0], rel=1e-7)


def test_a_redraw_of_zeros_alone_has_no_dispersion():
    z, entity = np.array([[0.0], [0.0], [1.0], [3.0]]), np.array([0, 0, 1, 1])
    _, deviation, divergence = entity_divergence(z, entity)
    counts = np.array([[2.0, 0.0], [0.0, 2.0]])
    theil = theil_of_draws(counts, np.array([2, 2]), deviation, divergence)
    np.testing.assert_allclose(theil[:, 0], [0.0, theil_t(z[2:])[0]], rtol=1e-12)


def test_negative_and_missing_values_show():
    assert column_sums(np.array([[1.0, 2.0], [-0.5, 1.0]])).low == -0.5
    assert not np.isfinite(column_sums(np.array([[np.nan], [1.0]])).total[0])
    assert not np.isfinite(column_sums(np.array([[np.inf], [1.0]])).total[0])
