from __future__ import annotations

import pytest

from digiprosper.report.terms import (
    Factor,
    Point,
    Regime,
    Term,
    same_products,
    terms_of,
)


@pytest.mark.parametrize(
    ("number", "rule", "text"),
    [
        (1, "<=", "Urban <= 0.53"),
        (2, "<=", "0.53 < Urban <= 0.61"),
        (3, "<=", "Urban > 0.61"),
        (1, "<", "Urban < 0.53"),
        (2, "<", "0.53 <= Urban < 0.61"),
        (3, "<", "Urban >= 0.61"),
    ],
)
def test_a_regime_writes_its_condition(number, rule, text):
    bounds = [(-float("inf"), 0.53), (0.53, 0.61), (0.61, float("inf"))][number - 1]
    assert Regime("urban", number, 3, *bounds, rule).condition("Urban", 3) == text


def test_a_side_of_a_kink_has_one_bound():
    below, above = (
        Regime("debt", 1, 2, upper=60.0, kink=True),
        Regime("debt", 2, 2, 60.0, kink=True),
    )
    assert [side.condition("Debt", 2) for side in (below, above)] == [
        "below 60",
        "above 60",
    ]
    assert below.family == above.family == (True, "debt", 1)


def test_a_small_threshold_is_not_written_as_zero():
    assert Regime("q", 1, 2, upper=0.00012).condition("q", 2) == "q <= 0.00012"
    assert Regime("q", 1, 2, upper=0.0).condition("q", 2) == "q <= 0"


def test_terms_share_a_row_where_they_mean_the_same():
    def slope(variable, lower):
        return Term("x:regime2", path=("x",), regime=Regime(variable, 2, 2, lower))

    assert slope("urban", 0.5).meaning == slope("urban", 0.7).meaning
    assert slope("urban", 0.5).meaning != slope("rural", 0.5).meaning
    assert Term("total").meaning != Term("total", "mediation", "total").meaning
    here, there = (
        Term("total:regime1", "mediation", "total", regime=Regime(q, 1, 2))
        for q in ("urban", "rural")
    )
    assert here.meaning == there.meaning


def test_a_slope_of_a_regime_stays_with_the_others_of_its_term():
    assert Term("x:regime2", path=("x",), regime=Regime("urban", 2, 2, 0.5)).base == "x"
    assert Term("x:regime2", path=("x:regime2",)).base == "x:regime2"


def test_a_result_that_does_not_say_its_terms_has_slopes():
    class Told:
        terms = (
            Term(
                "a",
                "index",
                "weight",
                point=Point("w", "p10", 1.0),
                factors=(Factor("a"),),
            ),
        )

    assert terms_of(object(), ["a", "b"]) == {
        name: Term(name, path=(name,)) for name in ("a", "b")
    }
    actual = terms_of(Told(), ["b", "a"])
    assert list(actual) == ["b", "a"]
    assert (actual["a"].family, actual["b"].family) == ("index", "linear")


def test_products_in_another_order_are_found():
    x, z = Factor("x", "x"), Factor("z", "z")
    terms = [
        Term("x:z", factors=(x, z)),
        Term("x", factors=(x,)),
        Term("z:x", factors=(z, x)),
    ]
    assert same_products(terms) == {"x:z": ("x:z", "z:x"), "z:x": ("x:z", "z:x")}
