"""Terms, effects and clusters with the labels of their columns."""

from __future__ import annotations

from typing import Any

import pytest

from digiprosper.panel.terms import dummy_factor, parse, term_factors
from digiprosper.report.labels import (
    condition_factor,
    effect_names,
    name_label,
    term_label,
    text_factor,
    text_label,
)
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
        ("log(`a b`)", "log(Blank)"),
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
        part.strip() for part in term.replace("`", "").split(":")
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


CHINESE = {"x": "数字经济", "y": "产出", "east": "东部"}


@pytest.mark.many(20)
@pytest.mark.parametrize(
    ("term", "printed"),
    [
        ("x", "数字经济"),
        ("log(x)", "ln(数字经济)"),
        ("log1p(x)", "ln(1 + 数字经济)"),
        ("exp(x)", "exp(数字经济)"),
        ("sqrt(x)", "√(数字经济)"),
        ("abs(x)", "|数字经济|"),
        ("lag(x)", "数字经济（滞后1期）"),
        ("lag(log(x), 2)", "ln(数字经济)（滞后2期）"),
        ("log(lag(x, k=2))", "ln(数字经济（滞后2期）)"),
        ("lead(x, 2):y", "数字经济（提前2期） × 产出"),
        ("diff(x)", "数字经济（1期差分）"),
        ("treated(x)", "数字经济起实施"),
        ("C(x, ref='east')", "数字经济"),
        ("I(x**2)", "数字经济²"),
        ("I(z**2)", "z²"),
        ("I(x**4)", "(数字经济^4)"),
        ("I( x - log(x)*2 ):y", "(数字经济 − ln(数字经济)×2) × 产出"),
        ("I(g == 'east')", "(g = 东部)"),
        ("I(g == 'a or b')", "(g = a or b)"),  # what is quoted is data
        ("I(x <= 3)", "(数字经济 ≤ 3)"),
    ],
)
def test_functions_of_terms_in_chinese(term: str, printed: str) -> None:
    assert term_label(read(term), CHINESE, "chinese") == printed


def test_levels_in_chinese() -> None:
    (category,) = parse("C(x)", COLUMNS, "x").factors
    for ending in ("[T.east]", "[east]"):
        dummy = dummy_factor(category, ending, 1)
        term = Term(f"C(x){ending}:y", factors=(dummy, Factor("y", "y")))
        assert term_label(term, CHINESE, "chinese") == "数字经济：东部 × 产出"


def test_dummies_of_another_reference_have_another_name_in_chinese() -> None:
    for ref in ("ref='west'", 'ref = "west" '):
        (category,) = parse(f"C(x, {ref})", COLUMNS, "x").factors
        base, each = (
            Term("t", factors=(dummy_factor(category, ending, 1),))
            for ending in ("[T.east]", "[east]")
        )
        assert term_label(base, CHINESE, "chinese") == "数字经济：东部（参照：西部）"
        # All levels of an interaction have a slope, so that none is the reference.
        assert term_label(each, CHINESE, "chinese") == "数字经济：东部"


def test_regions_have_chinese_names_unless_labelled() -> None:
    regions = {"east": "东部", "central": "中部", "west": "西部", "northeast": "东北"}
    for name, region in regions.items():
        for printed in (name_label, text_label):
            names: Any = ({},) if printed is name_label else ()
            assert printed(name, {}, *names, language="chinese") == region
            assert printed(name, {}, *names, language="english") == name
            assert printed(name, {name: "R"}, *names, language="chinese") == "R"
    dummy = dummy_factor(parse("C(g)", COLUMNS, "x").factors[0], "[T.west]", 1)
    assert (
        term_label(Term("C(g)[T.west]", factors=(dummy,)), {}, "chinese") == "g：西部"
    )


def test_a_label_of_the_whole_term_wins_in_chinese() -> None:
    assert term_label(read("lag(x)"), {"lag(x)": "上年"}, "chinese") == "上年"


def test_a_text_has_the_labels_of_the_terms_in_it() -> None:
    factors = {"x:y": (Factor("x", "x"), Factor("y", "y"))}
    names = ["x", "y", "x:y", "xx"]
    text = "2*x:y - xx + x >= 1 and not y"
    factor = text_factor(text, names, factors)
    assert factor.typed == text
    labels = {"x": "数", "y": "产"}
    in_text = {text: (factor,)}
    assert name_label(text, labels, in_text) == "2*数 × 产 - xx + 数 >= 1 and not 产"
    assert (
        name_label(text, labels, in_text, "chinese")
        == "2×数 × 产 − xx + 数 ≥ 1 且 非 产"
    )


def test_a_name_inside_a_longer_name_has_no_label() -> None:
    text = "2*`gdp per head` - gdp"
    for names in (["gdp", "gdp per head"], ["gdp per head", "gdp"]):
        factors = {text: (text_factor(text, names, {}),)}
        labels = {"gdp": "GDP", "gdp per head": "Per head"}
        assert name_label(text, labels, factors) == "2*Per head - GDP"


def test_words_outside_quotes_of_a_condition_are_columns() -> None:
    text = "x >= 1 and g in ['z', 'east'] and not y"
    factors, labels = {text: (condition_factor(text),)}, {"x": "数", "y": "产"}
    assert factors[text][0].typed == text
    assert name_label(text, labels, factors) == ("数 ≥ 1 and g in [z, east] and not 产")
    assert name_label(text, {"g": "区", **labels}, factors, "chinese") == (
        "数 ≥ 1 且 区 属于 [z, 东部] 且 非 产"
    )


def test_texts_of_frames() -> None:
    assert text_label("chi2(3)", {}) == "χ²(3)"
    assert text_label("chi2(3)", {}, "chinese") == "χ²(3)"
    assert text_label("high-high", {"high-high": "H"}, "chinese") == "H"
    # Of the Gini coefficient, and of effects
    assert text_label("total", {}, "chinese") == "总计"
    assert text_label("total", {}, "chinese", "kind") == "总效应"
    assert text_label("anything (else)", {}, "chinese") == "anything (else)"
