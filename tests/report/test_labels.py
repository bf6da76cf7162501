"""Terms, effects and clusters with the labels of their columns."""

from __future__ import annotations

import pytest

from digiprosper.panel.factors import dummy_factor, term_factors
from digiprosper.panel.terms import parse
from digiprosper.report.labels import effect_names, name_label, term_label
from digiprosper.report.terms import Factor, Term

COLUMNS = ["x", "x2", "y", "z", "xx", "g", "log", "a", "b", "a b", "数字", "K / L"]

LABELS = {
    "x": "Digital economy",
    "x2": "Squared",
    "log": "Logs",
    "a b": "Blank",
    "数字": "数字经济",
    "lag(x, 2)": "Past",
}


def read(text: str) -> Term:
    return Term(text, factors=term_factors(parse(text, COLUMNS, "x")))


@pytest.mark.parametrize(
    ("term", "printed"),
    [
        ("x", "Digital economy"),
        ("y", "y"),
        ("x2", "Squared"),
        ("xx", "xx"),
        ("I(x**2)", "Digital economy²"),
        ("I( x ** 3 )", "Digital economy³"),
        ("I(y**2)", "I(y**2)"),
        ("I(x**4)", "I(Digital economy**4)"),
        ("I(x**4):y", "I(Digital economy**4) × y"),
        ("I( x + log(x)*2 ) : y", "I( Digital economy + log(Digital economy)*2 ) × y"),
        ("x:y", "Digital economy × y"),
        ("I(x**2):数字", "Digital economy² × 数字经济"),
        ("exp(数字 - x)", "exp(数字经济 - Digital economy)"),
        ("log(x)", "log(Digital economy)"),  # a column called log renames no function
        ("log", "Logs"),
        ("log(`a b`)", "log(`Blank`)"),
        ("lag(x, 2)", "Past"),  # an exact term wins
        ("log(lag(x, 2))", "log(Past)"),
        ("log(lag(x, k=2))", "log(lag(Digital economy, k=2))"),
        ("log(y):lag(x, 2)", "log(y) × Past"),
        ("lag(x, 1)", "lag(Digital economy, 1)"),
        ("a b", "Blank"),
        ("`a b`:y", "Blank × y"),
        ("I(`a b`**2)", "Blank²"),
        ("I(g == 'x a')", "I(g == 'x a')"),  # what is quoted names no column
        ("I(g == 'x'):x", "I(g == 'x') × Digital economy"),
        ("I(\n  x + y)", "I(\n  Digital economy + y)"),
    ],
)
def test_terms_are_printed_with_their_labels(term: str, printed: str) -> None:
    assert term_label(read(term), LABELS) == printed
    assert term_label(read(term), {}) == " × ".join(
        part.strip() for part in term.split(":")
    )


def test_levels_name_no_columns() -> None:
    (category,) = parse("C(x)", COLUMNS, "x").factors
    dummy = dummy_factor(category, "[T.x z:a]", 1)
    term = Term("C(x)[T.x z:a]:z", factors=(dummy, Factor("z", "z")))
    assert (
        term_label(term, {"x": "Digital", "z": "Aging"})
        == "C(Digital)[T.x z:a] × Aging"
    )
    assert term_label(term, {"C(x)": "Groups"}) == "Groups[T.x z:a] × z"
    assert term_label(term, {"C(x)[T.x z:a]": "East"}) == "East × z"


def test_labels_are_not_replaced_inside_labels() -> None:
    assert term_label(read("a:b"), {"a": "b", "b": "a"}) == "b × a"


def test_a_factor_is_known_by_what_was_typed_and_by_its_normal_form() -> None:
    for label in ("I(x**4)", "I(x ** 4)"):
        assert term_label(read("I(x**4):y"), {label: "Fourth"}) == "Fourth × y"


def test_a_name_without_factors_is_a_column_and_is_not_read() -> None:
    labels = {"x": "Digital economy", "x:y": "Both", "log(x)": "Logs"}
    assert term_label(Term("I(x**2):x"), labels) == "I(x**2):x"
    assert [name_label(name, labels, {}) for name in ("x", "x:y", "log(x)", "x^y")] == [
        "Digital economy",
        "Both",
        "Logs",
        "x^y",
    ]


def test_crossed_effects_are_a_product() -> None:
    factors = {"region^year": (Factor("region", "region"), Factor("year", "year"))}
    assert name_label("region^year", {"region": "Region"}, factors) == "Region × year"
    assert name_label("state", {"state": "State"}, factors) == "State"


def test_the_list_of_effects_is_taken_apart() -> None:
    assert effect_names("state+region^year") == ("state", "region^year")
    assert effect_names("I(a+b)+year") == ("I(a+b)", "year")
    assert effect_names(None) == ()
