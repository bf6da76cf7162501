"""Sobol shares by hand, and what is read from ranks of many combinations."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from digiprosper import CompositeIndex, IndicatorSystem, Panel, rank_probabilities
from digiprosper.composite.ranking_results import (
    IndexSensitivity,
    RankResults,
    rank_changes,
    rows_of_period,
    sobol_shares,
)
from digiprosper.errors import OptionError

PANEL = pd.MultiIndex.from_product(
    [["p", "q", "r"], [2010, 2011]], names=["city", "year"]
)


def test_two_by_two_by_two_by_hand():
    # Y = 4 x1 + 2 x2 + 2 x1 x2 with x in {0, 1}; x3 does nothing.
    y = np.array(
        [4 * a + 2 * b + 2 * a * b for a, b, _ in product((0, 1), repeat=3)],
        dtype=float,
    )
    first, total, variance = sobol_shares(y.reshape(2, 2, 2, 1))
    # Values 0, 2, 4, 8 twice each: mean 3.5, variance (12.25 + 2.25 + .25 + 20.25) /
    # 4 = 8.75.
    assert variance.tolist() == [8.75]
    # Means by x1: 1, 6, variance 6.25; by x2: 2, 5, variance 2.25; the interaction is
    # the rest, .25.
    assert first[:, 0].tolist() == [6.25, 2.25, 0.0]
    assert total[:, 0].tolist() == [6.5, 2.5, 0.0]


def test_an_additive_model_has_no_interactions():
    a, b, c = (np.array(v, dtype=float) for v in ([0, 1, 5], [2, 3], [1, 1, 4, 9]))
    y = a[:, None, None] + b[None, :, None] + c[None, None, :]
    first, total, variance = sobol_shares(y[..., None])
    np.testing.assert_allclose(first, total)
    np.testing.assert_allclose(first[:, 0], [a.var(), b.var(), c.var()])
    np.testing.assert_allclose(first.sum(), variance)


def test_a_pure_interaction_is_in_the_totals_alone():
    first, total, variance = sobol_shares(
        np.array([[1.0, -1.0], [-1.0, 1.0]])[..., None]
    )
    assert first[:, 0].tolist() == [0.0, 0.0]
    assert total[:, 0].tolist() == variance.tolist() * 2 == [1.0, 1.0]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_shares_of_any_grid_add_up_as_they_should(seed, sizes):
    y = np.random.default_rng(seed).normal(size=(*sizes, 3))
    first, total, variance = sobol_shares(y)
    assert (first >= 0).all()
    assert (first <= total + 1e-12).all()
    assert (first.sum(axis=0) <= variance + 1e-12).all()
    assert (total.sum(axis=0) >= variance - 1e-12).all() or len(sizes) == 0
    moved = sobol_shares(2 - 3 * y)
    np.testing.assert_allclose(moved[1], 9 * total, atol=1e-10)


def test_moves_say_how_far_and_whose():
    changes = np.array([[0, 0, 0, 0, 0, 0], [1, -3, 0, 2, 0, 0], [2, 0, 0, 0, 0, -2]])
    actual = rank_changes(changes, PANEL)
    assert actual["mean_rank_change"].tolist() == [0, 1, pytest.approx(4 / 6)]
    assert actual["max_rank_change"].tolist() == [0, -3, 2]
    assert actual["moved_entity"].tolist() == [None, "p", "p"]
    assert actual["moved_period"].tolist() == [None, 2011, 2010]
    assert (
        list(rank_changes(changes[:, :3], pd.Index(list("pqr"), name="city")))
        == list(actual)[:3]
    )


def test_rows_of_a_period():
    there, entities = rows_of_period(PANEL, None)
    assert there.tolist() == [1, 3, 5]
    assert entities.tolist() == ["p", "q", "r"]
    assert rows_of_period(PANEL, 2010)[0].tolist() == [0, 2, 4]
    dates = pd.MultiIndex.from_product(
        [["p", "q"], pd.date_range("2010-01-01", periods=2, freq="YS")]
    )
    assert rows_of_period(dates, "2010-01-01")[0].tolist() == [0, 2]
    for none in (2012, range(3), [2010, 2011], pd.Series([2010]), pd.NA, {}):
        with pytest.raises(OptionError, match="it has '2010', '2011'"):
            rows_of_period(PANEL, none)
    with pytest.raises(OptionError, match="cross-section"):
        rows_of_period(pd.Index(["p"]), 2010)


def make_sensitivity(ranks, options, *, problems=None, complete=None):
    ranks = np.asarray(ranks, dtype=np.uint8)
    return IndexSensitivity(
        name="digital",
        index=PANEL,
        among="per_year",
        method="pooled",
        labels={},
        options=options,
        baseline=(0,) * len(options),
        base_ranks=ranks[0].astype(np.int64),
        rank_values=ranks,
        correlations=np.ones(len(ranks)),
        problems=problems or ("",) * len(ranks),
        same=np.arange(len(ranks)) == 0,
        complete=complete or tuple(tuple(range(len(values))) for _, values in options),
        diagnostics=(),
    )


def test_spread_over_combinations():
    ranks = [
        [1, 1, 2, 2, 3, 3],
        [1, 2, 2, 1, 3, 3],
        [1, 3, 2, 2, 3, 1],
        [0, 0, 0, 0, 0, 0],
    ]
    options = (("weighting", ("entropy", "std")), ("aggregate", ("linear", "topsis")))
    actual = make_sensitivity(
        ranks, options, problems=("", "", "", "why"), complete=((0,), (0, 1))
    )
    spread = actual.spread()
    assert spread.loc["p"].tolist() == [1, 1, 1.5, 2, 2.5, 3]
    assert spread.index.tolist() == ["p", "q", "r"]
    assert actual.spread(2010)["min"].tolist() == [1, 2, 3]
    shares = actual.shares()
    assert shares.loc[("p", "weighting")].isna().tolist() == [True, True, False]
    assert shares.loc[("p", "aggregate"), "first"] == 1.0
    assert actual.shares(2010)["variance"].eq(0).all()
    assert actual.shares(2010)[["first", "total"]].isna().all(axis=None)
    assert "why" in actual.combinations["problem"].tolist()


def test_intervals_round_outwards():
    draws = np.arange(1, 101, dtype=np.uint8)[:, None]
    actual = RankResults(
        name="digital",
        index=pd.Index(["p"], name="city"),
        among="per_year",
        method="pooled",
        labels={},
        values=np.array([0.5]),
        rank_values=np.array([50]),
        draw_values=draws,
        n_drawn=9,
        rng_entropy=1,
        diagnostics=(),
    )
    # q (B + 1) = 2.525 and 98.475.
    assert actual.ranks().iloc[0][["rank_low", "rank_high"]].tolist() == [2, 99]
    assert actual.ranks(0.9).iloc[0][["rank_low", "rank_high"]].tolist() == [5, 96]


@pytest.mark.parametrize("entities", [12, 13])
def test_the_summary_shows_twelve_rows(entities):
    index = pd.MultiIndex.from_product(
        [[f"e{i:02d}" for i in range(entities)], [2010]], names=["city", "year"]
    )
    frame = pd.DataFrame(
        {"a": np.arange(entities) ** 2.0, "b": np.arange(entities)}, index=index
    )
    spec = CompositeIndex(IndicatorSystem.from_dict({"": {"a": "+", "b": "+"}}))
    text = rank_probabilities(spec, Panel(frame), reps=199, rng=1).summary()
    assert sum(f"e{i:02d} " in text for i in range(entities)) == 12
    assert ("best 12 shown" in text) == (entities == 13)
