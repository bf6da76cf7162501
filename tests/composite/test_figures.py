from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import gaussian_kde

import digiprosper as dp
from digiprosper.composite import figures
from digiprosper.errors import InputTypeError, OptionError
from digiprosper.report.drawings import Wording


@pytest.fixture(scope="module")
def ranks():
    states = dp.datasets.us_states().assign(
        roads="I(hwy / emp)", pipes="I(water / emp)"
    )
    system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    return dp.rank_probabilities(dp.CompositeIndex(system), states, reps=199, rng=1)


def test_ribbons_are_the_ranks_of_the_best_in_the_last_period(ranks):
    table = figures.rank_table(ranks, None, 0.9)
    drawn = figures.ribbons(ranks, table, None, 0.9, Wording({"state": "State"}, {}))
    last = table["rank"].xs(1986, level=1).nsmallest(6)
    assert [name for name, _ in drawn.entities] == list(last.index)
    assert [frame["rank"].iloc[-1] for _, frame in drawn.entities] == last.tolist()
    assert (drawn.key, drawn.time, drawn.title) == (
        "State",
        "year",
        "Rank and 90% of draws",
    )
    words = Wording({last.index[0]: "Best"}, {})
    named = figures.ribbons(ranks, table, None, 0.9, words)
    assert [name for name, _ in named.entities] == ["Best", *last.index[1:]]


def test_spans_of_a_period_stand_from_the_best(ranks):
    table = figures.rank_table(ranks, None, 0.95)
    drawn = figures.drawn_spans(ranks, table, None, 1970, 0.95, Wording({}, {}))
    assert drawn.ranks.is_monotonic_increasing
    ((low, high, _),) = drawn.spans
    assert (low <= drawn.ranks).all()
    assert (high >= drawn.ranks).all()
    assert drawn.title == "Rank, year 1970"


def test_strangers_are_refused(ranks):
    with pytest.raises(
        OptionError, match=r"plots\.rank_ribbon: 'XX' is not in the sample"
    ):
        figures.rank_table(ranks, ["WY", "XX"], 0.95)


def test_a_ridge_is_the_density_of_its_period():
    panel = dp.datasets.us_states()
    series, _ = figures.values_by_period(panel, "unemp")
    drawn = figures.ridges(series, [1970, 1986], "scott", Wording({}, {}))
    values = panel.frame["unemp"].xs(1970, level=1).to_numpy()
    (first, _, density), (last, *_) = drawn.ridges
    np.testing.assert_allclose(density, gaussian_kde(values)(drawn.grid))
    assert (first, last) == ("1970", "1986")


def test_a_ridge_of_values_that_are_not_negative_ends_at_zero():
    index = pd.MultiIndex.from_product([range(9), [1, 2]], names=["e", "t"])
    share = pd.Series(np.linspace(0.0, 0.4, 18), index=index, name="share")
    drawn = figures.ridges(share, None, "scott", Wording({}, {}))
    assert drawn.grid[0] == 0
    assert drawn.grid[-1] > 0.4
    kernel = gaussian_kde(share.xs(1, level=1))
    np.testing.assert_allclose(drawn.ridges[0][2], kernel(drawn.grid))
    assert figures.ridges(share - 0.01, None, "scott", Wording({}, {})).grid[0] < -0.01
    # A density that does not reach zero is drawn as before.
    assert figures.ridges(share + 9, None, "scott", Wording({}, {})).grid[0] > 8


def test_a_period_without_two_values_has_no_density():
    index = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["e", "t"])
    series = pd.Series([1.0, 2.0, 1.0, 3.0], index=index, name="y")
    flat, bent = figures.ridges(series, None, 0.5, Wording({}, {})).ridges
    assert flat[2] is None
    assert (flat[1], bent[1]) == ("no density, n = 2", "h = 0.5, n = 2")
    with pytest.raises(InputTypeError, match="no period has two different values"):
        figures.ridges(series, [1], "scott", Wording({}, {}))
