"""Effects are said in words, and figures get numbers that the results tell."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import digiprosper as dp
from digiprosper.errors import OptionError
from digiprosper.mediation import figures
from digiprosper.mediation.figures import condition_text, displayed_terms, effect_text
from digiprosper.mediation.layout import (
    change_term,
    effect,
    term_at_point,
    term_in_regime,
    threshold_regimes,
)
from digiprosper.panel.terms import parse, term_factors
from digiprosper.report.drawings import Wording
from digiprosper.report.terms import Point

THROUGH = effect("indirect", "m")
LOW, HIGH = threshold_regimes("urban", 55.0)


def results(*terms, mediators=("m", "n")):
    return SimpleNamespace(
        terms=(*terms, effect("proportion_mediated")), mediators=mediators
    )


@pytest.fixture(scope="module")
def fits():
    panel = dp.datasets.us_states()
    out = {}
    kinds = {
        "plain": {},
        "moderated": {"moderator": "unemp", "moderates": "a"},
        "quadratic": {"quadratic": "a"},
    }
    for kind, more in kinds.items():
        spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", reps=199, **more)
        out[kind] = spec.fit(panel, rng=1)
    return out


def test_other_mediators_and_a_sum_of_one_are_left_out():
    every = [
        *map(effect, ("total", "direct", "indirect")),
        THROUGH,
        effect("indirect", "n"),
    ]
    assert displayed_terms(results(*every), ("m", "n")) == every
    about = displayed_terms(results(*every), ("n",))
    assert [term.name for term in about] == ["total", "direct", "indirect:n"]


def test_parts_and_changes_stay_with_their_mediator():
    other = effect("indirect", "n")
    own = [
        THROUGH,
        term_at_point(THROUGH, Point("w", "p10", 1.0)),
        change_term(effect("direct"), "index"),
    ]
    theirs = [
        other,
        term_at_point(other, Point("w", "p10", 1.0)),
        change_term(other, "index"),
        term_in_regime(other, LOW),
    ]
    assert displayed_terms(results(*own, *theirs), ("m",)) == own


def test_effects_are_said_with_the_labels_of_their_path():
    assert effect_text(effect("total"), Wording({}, {})) == "Total effect"
    assert (
        effect_text(effect("indirect"), Wording({}, {}), "effect_through")
        == "Indirect effect"
    )
    factors = {"log(m)": term_factors(parse("log(m)", ["m"], "x"))}
    through = effect_text(effect("indirect", "log(m)"), Wording({"m": "jobs"}, factors))
    assert through == "Indirect through log(jobs)"
    words = effect_text(
        effect("indirect", "m", "n"), Wording({"m": "jobs"}, {}), "effect_through"
    )
    assert words == "Indirect effect through jobs → n"
    assert (
        effect_text(change_term(THROUGH, "difference"), Wording({}, {}))
        == "Indirect through m"
    )


@pytest.mark.parametrize(
    ("term", "words"),
    [
        (
            term_at_point(THROUGH, Point("urban", "p10", 10.0)),
            "Urban = 10 (10% quantile)",
        ),
        (
            term_at_point(THROUGH, Point("urban", "p90", 90.0)),
            "Urban = 90 (90% quantile)",
        ),
        (term_at_point(THROUGH, Point("urban", "high", 1.0)), "Urban = 1"),
        (term_in_regime(THROUGH, LOW), "Urban <= 55"),
        (term_in_regime(THROUGH, HIGH), "Urban > 55"),
        (change_term(THROUGH, "index"), "change per unit of Urban"),
        (change_term(THROUGH, "difference"), "high minus low regime"),
        (THROUGH, "mean of the rows"),
    ],
)
def test_parts_are_said_with_their_place(term, words):
    assert condition_text(term, "Urban") == words


def test_an_effect_that_does_not_vary_has_no_place():
    assert condition_text(THROUGH, "") == ""


def test_arrows_have_the_slopes_of_their_equations(fits):
    actual = fits["plain"]
    drawn = figures.path_diagram(
        actual, ("log(emp)",), Wording({}, actual.factors), 0.95
    )
    slopes = {
        name: cell.estimate
        for name, cell in (*drawn.first[0], *drawn.second[0], *drawn.total)
    }
    paths = actual.paths
    assert slopes == {
        "a =": paths["mediator:log(emp)"].params["log(pc)"],
        "b =": paths["outcome"].params["log(emp)"],
        "total c =": paths["total"].params["log(pc)"],
    }
    assert [words for words, *_ in drawn.effects] == ["Indirect through log(emp)"]
    assert (drawn.chain, drawn.moderator, drawn.moved) == (False, "", frozenset())


def test_a_moderator_moves_its_paths(fits):
    drawn = figures.path_diagram(
        fits["moderated"],
        ("log(emp)",),
        Wording({"unemp": "Jobless"}, fits["moderated"].factors),
        0.9,
    )
    assert (drawn.moderator, drawn.moved, drawn.level) == (
        "Jobless",
        frozenset("a"),
        0.9,
    )
    assert [name for name, _ in drawn.first[0]] == ["a =", "× w:"]
    assert list(drawn.total) == []


def test_remarks_explain_the_structure(fits):
    remarks = {
        kind: figures.path_diagram(
            fit, ("log(emp)",), Wording({}, fit.factors), 0.95
        ).remarks
        for kind, fit in fits.items()
    }
    square = "x²: square of log(pc); the slope above it is the slope at 0."
    assert remarks["quadratic"][0] == square
    assert remarks["moderated"][0].startswith("w: unemp")
    assert (
        len(remarks["plain"])
        == len(remarks["quadratic"]) - 1
        == len(remarks["moderated"]) - 1
    )


def test_curves_are_those_of_the_results(fits):
    actual = fits["moderated"]
    curve = figures.conditional_curve(actual, None, Wording({}, actual.factors), 0.95)
    np.testing.assert_array_equal(curve.points, actual.johnson_neyman().curve)
    assert curve.effect == "Indirect effect through log(emp)"
    with pytest.raises(
        OptionError, match=r"plots\.conditional_effect: no effect of this fit depends"
    ):
        figures.conditional_curve(fits["plain"], None, Wording({}, {}), 0.95)
    analysis = fits["plain"].sensitivity()
    np.testing.assert_array_equal(
        figures.sensitivity_curve(analysis, Wording({}, {})).points["rho"], analysis.rho
    )


def test_changes_by_a_unit_are_no_effects_to_compare(fits):
    drawn = figures.effects(fits["moderated"], Wording({}, {}), 0.95)
    assert "index:log(emp)" not in drawn.names
    assert set(drawn.names) <= set(drawn.estimates)
