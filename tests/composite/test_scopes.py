from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    CompositeIndex,
    Indicator,
    IndicatorError,
    IndicatorSystem,
    OptionError,
)
from digiprosper.composite.scopes import SCOPES, find_period, read_scope

TIME = np.array([0, 1, 2, 0, 2])
TIMES = pd.Index([2010, 2011, 2012])


@pytest.mark.parametrize("word", SCOPES)
def test_a_word_makes_a_value(word):
    assert read_scope(word) == read_scope(word)
    assert read_scope(word).text == word
    assert hash(read_scope(word)) == hash(read_scope(word))
    assert (read_scope(word) == read_scope("pooled")) == (word == "pooled")


def test_a_base_year_is_part_of_the_value():
    assert read_scope(" base_year( 2011Q1 ) ").period == "2011Q1"
    assert read_scope("base_year(2011)").text == "base_year(2011)"
    assert read_scope("base_year(2011)") != read_scope("base_year(2012)")


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (
            "base_year",
            ["scope='base_year'", "'base_year(2011)'", "Include the base year"],
        ),
        ("base_year()", ["Include the base year"]),
        (
            "rolling",
            ["scope='rolling'", "'pooled'", "'expanding'", "'base_year(2011)'"],
        ),
        (2011, ["scope=2011"]),
        (None, ["scope=None"]),
    ],
)
def test_unknown_scopes_are_refused(scope, words, system):
    with pytest.raises(OptionError) as caught:
        CompositeIndex(system, scope=scope)
    assert all(w in str(caught.value) for w in words), str(caught.value)


@pytest.mark.parametrize(
    ("word", "taken"),
    [
        ("pooled", [[0, 1, 2, 3, 4]]),
        ("goalposts", [[0, 1, 2, 3, 4]]),
        ("legacy_lnT", [[0, 1, 2, 3, 4]]),
        ("base_year(2012)", [[2, 4]]),
        ("per_year", [[0, 3], [1], [2, 4]]),
        ("pooled_norm_yearly_weights", [[0, 3], [1], [2, 4]]),
        ("expanding", [[0, 3], [0, 1, 3], [0, 1, 2, 3, 4]]),
    ],
)
def test_a_scope_knows_which_rows_it_learns_from(word, taken):
    scope, rows = read_scope(word), np.arange(5)
    assert [rows[there].tolist() for there in scope.learned_rows(TIME, TIMES)] == taken
    assert scope.weights_by_period == (len(taken) > 1)


def test_a_later_year_has_the_last_state_and_an_earlier_none():
    times = pd.Index([2009, 2011, 2015])
    assert read_scope("expanding").state_positions(times, TIMES).tolist() == [-1, 1, 2]
    assert read_scope("per_year").state_positions(times, TIMES).tolist() == [-1, 1, -1]


def test_the_script_alone_divides_by_the_logarithm_of_years(posted):
    divisors = {
        w: CompositeIndex(posted, scope=w).recipe.rule(7).periods for w in SCOPES
    }
    assert divisors == {w: 7 if w == "legacy_lnT" else None for w in SCOPES}
    assert [w for w in SCOPES if read_scope(w).replication_only] == ["legacy_lnT"]


def test_goalposts_alone_give_the_end_points():
    system = IndicatorSystem(
        [Indicator("a", goalposts=(0, 2)), Indicator("b", goalposts=(1, 5))]
    )
    ends = read_scope("goalposts").given_scale(system)
    assert (ends.low.tolist(), ends.high.tolist()) == ([0, 1], [2, 5])
    assert all(
        read_scope(w).given_scale(system) is None for w in SCOPES if w != "goalposts"
    )
    with pytest.raises(IndicatorError, match="'c' has none"):
        CompositeIndex(IndicatorSystem([Indicator("c")]), scope="goalposts")


@pytest.mark.parametrize(
    "word", [w for w in SCOPES if w not in ("pooled", "goalposts")]
)
def test_scopes_of_years_need_years(word):
    scope = read_scope(word)
    scope.refuse_times(TIMES, has_time=True)
    with pytest.raises(OptionError, match="needs a time key"):
        scope.refuse_times(TIMES[:1], has_time=False)


@pytest.mark.parametrize(
    ("times", "text", "place"),
    [
        (pd.Index([2010, 2011, 2012]), "2011", 1),
        (pd.PeriodIndex(["2010Q1", "2010Q2"], freq="Q"), "2010Q2", 1),
        (pd.DatetimeIndex(["2010-12-31", "2011-12-31"]), "2011", 1),
        (pd.DatetimeIndex(["2010-12-31", "2011-12-31"]), "2010-12-31", 0),
    ],
)
def test_a_period_is_found_by_its_text(times, text, place):
    assert find_period(times, text) == place


@pytest.mark.parametrize(
    ("times", "text", "match"),
    [
        (
            pd.Index([2010, 2011]),
            "201",
            "'201' is not a period of the sample; it has '2010', '2011'",
        ),
        (
            pd.DatetimeIndex(["2010-03-31", "2010-06-30"]),
            "2010",
            "begins several periods",
        ),
    ],
)
def test_what_names_no_single_period_is_refused(times, text, match):
    with pytest.raises(OptionError, match=match):
        find_period(times, text)
