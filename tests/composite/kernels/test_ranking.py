"""Ranks against pandas, correlations against scipy, ties against rounding."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import spearmanr

from digiprosper.composite.kernels.ranking import descending_ranks, rank_correlations


def groups_of(codes):
    return [np.flatnonzero(codes == c) for c in np.unique(codes)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 4), st.booleans())
def test_ranks_are_those_of_pandas(seed, rows, kinds, tied):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, kinds, rows)
    scores = rng.integers(0, 4, (5, rows)) / 3.0 if tied else rng.normal(size=(5, rows))
    ranks = descending_ranks(scores, groups_of(codes))
    for row, got in zip(scores, ranks, strict=True):
        expected = pd.Series(row).groupby(codes).rank(method="min", ascending=False)
        assert got.tolist() == expected.tolist()


def test_rounding_breaks_no_tie():
    scores = np.array(
        [[0.1 + 0.2, 0.3, 0.3 - 1e-9, 0.3 + 1e-9], [1e9, 1e9 + 1e-4, 0.0, -1e9]]
    )
    assert scores[0, 0] != scores[0, 1]
    assert descending_ranks(scores, [np.arange(4)]).tolist() == [
        [2, 2, 4, 1],
        [1, 1, 3, 4],
    ]
    assert descending_ranks(np.zeros((1, 3)), [np.arange(3)]).tolist() == [[1, 1, 1]]


def test_correlations_are_those_of_scipy():
    rng = np.random.default_rng(1)
    codes = np.repeat([0, 1, 2, 3], [6, 9, 1, 5])
    base = np.round(rng.normal(size=21), 1)
    scores = np.round(rng.normal(size=(4, 21)), 1)
    scores[1, codes == 3] = 7.0  # constant in one group, which does not count then
    groups = groups_of(codes)
    for row, got in zip(scores, rank_correlations(scores, base, groups), strict=True):
        each = [
            spearmanr(row[g], base[g])[0]
            for g in groups
            if g.size > 1 and np.ptp(row[g]) > 0
        ]
        assert got == pytest.approx(np.mean(each), abs=1e-12)


def test_no_correlation_of_constants():
    groups = [np.arange(4)]
    got = rank_correlations(
        np.array([[1.0, 1, 1, 1], [1, 2, 3, 4]]), np.array([4.0, 3, 2, 1]), groups
    )
    assert np.isnan(got[0])
    assert got[1] == pytest.approx(-1.0)
    assert np.isnan(rank_correlations(np.ones((1, 4)), np.ones(4), groups)).all()
