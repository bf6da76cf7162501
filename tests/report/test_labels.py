"""Terms, effects and clusters with the labels of their columns."""

from __future__ import annotations

import pytest

from digiprosper.report.labels import effect_label, effect_names, term_label

LABELS = {
    "x": "Digital economy",
    "x2": "Squared",
    "log": "Logs",
    "a b": "Blank",
    "数字": "数字经济",
    "lag(x, 2)": "Past",
}


@pytest.mark.parametrize(
    ("term", "printed"),
    [
        ("x", "Digital economy"),
        ("y", "y"),
        ("x2", "Squared"),  # a whole identifier, not `x` and a 2
        ("xx", "xx"),
        ("I(x**2)", "Digital economy²"),
        ("I( x ** 3 )", "Digital economy³"),
        ("I(y**2)", "I(y**2)"),
        ("I(x**4)", "I(Digital economy**4)"),
        ("x:y", "Digital economy × y"),
        ("I(x**2):数字", "Digital economy² × 数字经济"),
        ("log(x)", "log(Digital economy)"),  # a column called log renames no function
        ("log", "Logs"),
        ("lag(x, 2)", "Past"),  # an exact term wins
        ("lag(x, 1)", "lag(Digital economy, 1)"),
        ("a b", "Blank"),
        ("C(x)[T.a:b]", "C(Digital economy)[T.a:b]"),  # no interaction inside brackets
    ],
)
def test_terms_are_printed_with_their_labels(term: str, printed: str) -> None:
    assert term_label(term, LABELS) == printed


def test_labels_are_not_replaced_inside_labels() -> None:
    assert term_label("a:b", {"a": "b", "b": "a"}) == "b × a"


def test_effects_are_split_crossed_and_labelled() -> None:
    assert effect_names("state+region^year") == ("state", "region^year")
    assert effect_names(None) == ()
    assert effect_label("region^year", {"region": "Region"}) == "Region × year"
    assert effect_label("state", {"state": "State"}) == "State"


def test_levels_and_quoted_text_are_no_column_names() -> None:
    labels = {"x": "Digital", "z": "Aging"}
    assert term_label("C(g)[T.x z]", labels) == "C(g)[T.x z]"
    assert term_label("I(g == 'x'):z", labels) == "I(g == 'x') × Aging"
    assert term_label("log(x)", labels) == "log(Digital)"
