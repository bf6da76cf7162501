from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    CompositeIndex,
    Indicator,
    IndicatorSystem,
    IndicatorWarning,
    Panel,
    coupling_coordination,
    pca_weights,
)
from digiprosper.composite.kernels.structure import Rule, Weighing, flat_rule
from digiprosper.composite.notices import (
    coupling_notices,
    fixed_weights,
    impossible_notice,
    imputed_remarks,
    opposed_remarks,
    weight_remarks,
    zero_remarks,
)

NAMES = ["a", "b", "c", "d", "e"]


def weighing(*weights, constant=()):
    w = np.array(weights, dtype=float)
    return Weighing(w, w, np.array([j in constant for j in range(w.size)]))


def remarks(*weighings, rule=None, periods=()):
    return {
        n.code: n
        for n in weight_remarks(
            NAMES, weighings, rule or flat_rule("entropy", 5), periods
        )
    }


def test_nothing_to_say_of_ordinary_weights():
    assert remarks(weighing(0.2, 0.2, 0.2, 0.2, 0.2)) == {}


def test_constant_always_and_in_some_years_are_told_apart():
    actual = [
        *weight_remarks(
            NAMES,
            [
                weighing(0.3, 0.3, 0.4, 0, 0, constant=(3, 4)),
                weighing(0.3, 0.3, 0.2, 0, 0.2, constant=(3,)),
            ],
            flat_rule("entropy", 5),
            (2010, 2011),
        )
    ]
    assert [n.code for n in actual] == ["constant_indicator", "constant_indicator"]
    assert actual[0].message.startswith("'d' is constant over the sample")
    assert "'e' in 2010" in actual[1].message
    assert actual[1].data == {"columns": ("e",), "times": {"e": (2010,)}}


def test_a_dominant_weight_is_named_with_its_year():
    # three of four equal shares are .75
    assert "dominant_indicator" not in remarks(
        weighing(0.7, 0.1, 0.1, 0.1, 0.0, constant=(4,))
    )
    usual, skewed = weighing(0.65, 0.1, 0.1, 0.1, 0.05), weighing(0.7, 0.1, 0.1, 0.1, 0)
    actual = remarks(usual, skewed, periods=(2010, 2011))
    notice = actual["dominant_indicator"]
    assert (
        "'a' (0.70 in 2011) has a weight of more than three times the equal weight 0.20"
        in notice.message
    )
    assert notice.data["limit"] == pytest.approx(0.6)


def test_one_of_few_indicators_dominates_with_nine_tenths_of_the_weight():
    # Three times the equal weight of three indicators is all of the weight.
    three = weighing(0.96, 0.02, 0.02, 0.0, 0.0, constant=(3, 4))
    notice = remarks(three)["dominant_indicator"]
    assert notice.data["limit"] == pytest.approx(0.9)
    assert "'a' (0.96) has a weight of more than 90%: zeros" in notice.message
    below = remarks(weighing(0.89, 0.11, 0.0, 0.0, 0.0, constant=(2, 3, 4)))
    assert "dominant_indicator" not in below
    alone = remarks(weighing(1.0, 0.0, 0.0, 0.0, 0.0, constant=(1, 2, 3, 4)))
    assert "dominant_indicator" not in alone


@pytest.mark.parametrize("word", ["equal", "given"])
def test_weights_that_the_author_chose_may_dominate(word):
    assert remarks(weighing(0.9, 0.1, 0, 0, 0), rule=flat_rule(word, 5)) == {}


def test_kept_constants_are_no_remark():
    rule = Rule("equal", (np.arange(5),), keeps_constant=True)
    assert remarks(weighing(0.2, 0.2, 0.2, 0.2, 0.2, constant=(1,)), rule=rule) == {}


def test_negative_weights_and_large_shifts():
    actual = remarks(weighing(0.5, 0.5, 0.3, -0.3, 0), rule=flat_rule("pca", 5))
    assert actual["negative_weight"].data == {"weights": {"d": -0.3}}
    assert (
        remarks(
            weighing(0.2, 0.2, 0.2, 0.2, 0.2), rule=flat_rule("entropy", 5, shift=0.009)
        )
        == {}
    )
    assert (
        "shift=0.01"
        in remarks(
            weighing(0.2, 0.2, 0.2, 0.2, 0.2), rule=flat_rule("entropy", 5, shift=0.01)
        )["shift"].message
    )


def test_zeros_are_counted_for_products_only():
    values = np.array([0.0, 0.5, 0.0])
    for product in ("geometric", "geometric_dimensions"):
        (notice,) = zero_remarks(values, product)
        assert notice.data == {"count": 2}
    assert [*zero_remarks(values, "linear")] == []
    assert [*zero_remarks(values[1:2], "geometric")] == []


def test_imputed_cells_are_counted_by_indicator():
    log = pd.DataFrame({"column": ["a", "z", "a"]})
    (notice,) = imputed_remarks(log, NAMES)
    assert notice.data == {
        "cells": {"a": 2},
        "why": "ahead",
        "lag_of": None,
    }
    assert [*imputed_remarks(log[1:2], NAMES)] == []


def test_they_are_python_warnings_too():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.random((20, 2)), columns=["a", "b"]).assign(
        id=np.repeat(range(5), 4), t=np.tile(range(4), 5)
    )
    panel, system = (
        Panel(frame, "id", "t"),
        IndicatorSystem([Indicator("a"), Indicator("b")]),
    )
    with pytest.warns(IndicatorWarning, match="legacy_lnT"):
        CompositeIndex(system, scope="legacy_lnT").fit(panel)
    with pytest.warns(IndicatorWarning, match="because one indicator is"):
        CompositeIndex(system, aggregate="geometric").fit(panel)
    with pytest.warns(IndicatorWarning, match="negative weight"):
        pca_weights(
            np.column_stack(
                [frame["a"], frame["a"] + 0.1 * frame["b"], frame["b"] - frame["a"]]
            )
        )
    with pytest.warns(IndicatorWarning, match="equally low"):
        coupling_coordination([[0.1, 0.1]])


def test_weights_that_are_not_estimated_are_told():
    assert [*fixed_weights("entropy")] == []
    (notice,) = fixed_weights("equal")
    assert (notice.code, notice.data) == ("fixed_weights", {"weighting": "equal"})
    assert notice.message.startswith("the weights are not estimated")


def test_scales_are_not_unlike_where_coupling_is_high_in_most_rows():
    scores = np.repeat([[0.2, 0.25], [0.9, 0.9], [0.2, 0.9]], [24, 18, 18], axis=0)
    coupling = 2 * np.sqrt(scores.prod(axis=1)) / scores.sum(axis=1)
    low, high = np.median(scores, axis=0)
    assert high > 4 * low
    assert np.median(coupling) > 0.9
    assert [*coupling_notices(scores, ["a", "b"], coupling, np.ones(60))] == []


def test_equally_bad_systems_are_counted():
    scores, names = np.array([[0.1, 0.1], [0.3, 0.2]]), ["a", "b"]
    assert [*coupling_notices(scores, names, np.ones(2), np.ones(2))] == []
    (notice,) = coupling_notices(scores, names, np.ones(2), np.array([0.1, 0.25]))
    assert (notice.code, notice.data) == ("equally_bad", {"count": 1})
    assert notice.message.startswith("C is above 0.9 in 1 row where T is below 0.2")
    development = np.where(np.arange(100) < 5, 0.1, 0.5)
    scores = np.repeat(development[:, None], 2, axis=1)
    assert [*coupling_notices(scores, names, np.ones(100), development)] == []
    development[5] = 0.1
    (notice,) = coupling_notices(scores, names, np.ones(100), development)
    assert notice.data == {"count": 6}


def test_what_is_left_out_is_listed():
    options = (("scope", ("pooled", "per_year")), ("shift", (0.0, 0.01, 1.0)))
    (notice,) = impossible_notice(
        np.array([[True, False, False], [False] * 3]), options, ((0,), (0,))
    )
    assert notice.message.endswith(
        "The shares exclude scope 'per_year', shift 0.01 and shift 1.0."
    )


def test_impossible_combinations_are_counted():
    options = (("scope", ("pooled", "per_year")), ("shift", (0.0, 0.01, 1.0)))
    possible = np.array([[True, True, False], [False, False, False]])
    (some,) = impossible_notice(possible, options, ((0,), (0, 1)))
    assert some.code == "impossible"
    assert some.data == {
        "missing": 4,
        "kept": {"scope": ["pooled"], "shift": [0.0, 0.01]},
    }
    assert some.message.startswith("4 of 6 combinations are impossible")
    assert some.message.endswith("The shares exclude scope 'per_year' and shift 1.0.")
    (none,) = impossible_notice(~possible & False, options, ((), ()))
    assert "No part of the grid is complete" in none.message
    every = np.ones((2, 3), dtype=bool)
    assert [*impossible_notice(every, options, ((0, 1), (0, 1, 2)))] == []


def test_an_indicator_in_the_wrong_direction_is_told():
    rng = np.random.default_rng(3)
    level = rng.normal(size=(31, 1, 1)) + 0.1 * np.arange(10)[:, None]
    z = (level + rng.normal(0, 0.7, (31, 10, 5))).reshape(310, 5)
    assert [*opposed_remarks(NAMES, z)] == []
    z[:, 1] *= -1
    (notice,) = opposed_remarks(NAMES, z)
    others = z[:, [0, 2, 3, 4]]
    mean = (others / others.std(axis=0)).mean(axis=1)
    r = np.corrcoef(z[:, 1], mean)[0, 1]
    assert notice.code == "opposed_indicator"
    assert notice.data["correlations"] == {"b": pytest.approx(r)}
    assert [*opposed_remarks(NAMES, z[:50])] == []
    frame = pd.DataFrame(z, columns=NAMES)
    frame["i"], frame["t"] = np.indices((31, 10)).reshape(2, -1)
    for direction, told in (("+", True), ("-", False)):
        names = dict.fromkeys(NAMES, "+") | {"b": direction}
        spec = CompositeIndex(IndicatorSystem.from_dict({"d": names}))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            spec.fit(Panel(frame, "i", "t"))
        codes = [w.message.code for w in caught]
        assert ("opposed_indicator" in codes) == told
