from __future__ import annotations

import math

import numpy as np
import pytest

import digiprosper as dp
from digiprosper.mediation.layout import (
    change_term,
    effect,
    is_specific,
    overall_term,
    term_at_point,
    term_in_regime,
    threshold_regimes,
)
from digiprosper.report.terms import Point

LOW, HIGH = threshold_regimes("urban", 0.5)
THROUGH = effect("indirect", "jobs")
P10 = Point("w", "p10", 1.5)


@pytest.mark.parametrize(
    ("term", "name"),
    [
        (effect("total"), "total"),
        (THROUGH, "indirect:jobs"),
        (effect("indirect", "jobs", "wages"), "indirect:jobs>wages"),
        (change_term(THROUGH, "index"), "index:jobs"),
        (change_term(effect("direct"), "difference"), "difference:direct"),
        (term_at_point(THROUGH, P10), "indirect:jobs:p10"),
        (term_in_regime(effect("total"), HIGH), "total:regime2"),
    ],
)
def test_a_term_is_named_where_it_is_made(term, name):
    assert term.name == name
    assert term.family == "mediation"


def test_regimes_part_at_the_threshold():
    assert (LOW.lower, LOW.upper, HIGH.lower, HIGH.upper) == (
        -math.inf,
        0.5,
        0.5,
        math.inf,
    )
    assert [r.condition("Urban", 2) for r in (LOW, HIGH)] == [
        "Urban <= 0.5",
        "Urban > 0.5",
    ]


def test_parts_and_changes_know_their_effect():
    for term in (
        term_at_point(THROUGH, P10),
        term_in_regime(THROUGH, LOW),
        change_term(THROUGH, "index"),
        THROUGH,
    ):
        assert overall_term(term) == THROUGH
        assert is_specific(term) == (term is THROUGH)
    assert overall_term(change_term(effect("direct"), "index")) == effect("direct")
    assert not is_specific(effect("indirect"))


def test_mediators_with_signs_of_effects_in_their_names_stay_whole():
    panel = dp.datasets.us_states().assign(**{"K>L": "unemp", "a:b": "log(emp)"})
    spec = dp.Mediation(
        "log(gsp)", "log(pc)", ["K>L", "a:b"], structure="serial", reps=20
    )
    with pytest.warns(dp.DigiprosperWarning):
        results = spec.fit(panel, rng=1)
    paths = [term.path for term in results.terms if is_specific(term)]
    assert paths == [("K>L",), ("a:b",), ("K>L", "a:b")]
    assert tuple(term.name for term in results.terms) == results.names
    assert np.isfinite(results.contrasts()["estimate"]).all()
