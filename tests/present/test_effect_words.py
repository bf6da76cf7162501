"""Effects are said in words, and no line is longer than it may be."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from digiprosper.errors import InputTypeError
from digiprosper.present.effect_words import (
    balanced_lines,
    broken_lines,
    effect_words,
    effects_of,
    part_words,
    refuse_other,
    type_columns,
)


def results(names, mediators=("m", "n"), variable=""):
    return SimpleNamespace(
        names=(*names, "proportion"),
        mediators=mediators,
        variable=variable,
        points=(("p10", 10.0), ("p50", 50.0), ("p90", 90.0)) if variable else (),
        threshold=55.0,
    )


def test_effects_that_do_not_vary_are_whole():
    found = effects_of(results(["total", "direct", "indirect", "indirect:m", "indirect:n"]), ("m", "n"))
    assert found == {name: (name, "") for name in ("total", "direct", "indirect", "indirect:m", "indirect:n")}


def test_other_mediators_and_a_sum_of_one_are_left_out():
    fit = results(["total", "direct", "indirect", "indirect:m", "indirect:n"])
    assert list(effects_of(fit, ("n",))) == ["total", "direct", "indirect:n"]


def test_effects_that_vary_have_parts():
    fit = results(["indirect:m", "indirect:m:p10", "direct:p90", "index:m", "index:direct"], ("m",), "w")
    assert list(effects_of(fit, ("m",)).values()) == [
        ("indirect:m", ""),
        ("indirect:m", "p10"),
        ("direct", "p90"),
        ("indirect:m", "index"),
        ("direct", "index"),
    ]
    regimes = results(["total:regime1", "indirect:log(m):regime2", "difference:log(m)"], ("log(m)",), "w")
    assert list(effects_of(regimes, ("log(m)",)).values()) == [
        ("total", "regime1"),
        ("indirect:log(m)", "regime2"),
        ("indirect:log(m)", "difference"),
    ]


def test_effects_are_said_with_the_labels_of_their_path():
    assert effect_words("total", ["m"], {}) == "Total effect"
    assert effect_words("indirect", ["m"], {}, " effect") == "Indirect effect"
    assert effect_words("indirect:log(m)", ["log(m)"], {"m": "jobs"}) == "Indirect through log(jobs)"
    words = effect_words("indirect:m>n", ["m", "n"], {"m": "jobs"}, " effect")
    assert words == "Indirect effect through jobs → n"


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("p10", "Urban = 10 (10% quantile)"),
        ("p90", "Urban = 90 (90% quantile)"),
        ("regime1", "Urban <= 55"),
        ("regime2", "Urban > 55"),
        ("index", "change per unit of Urban"),
        ("difference", "high minus low regime"),
        ("", "mean of the rows"),
    ],
)
def test_parts_are_said_with_their_place(part, words):
    assert part_words(results([], variable="urban"), part, "Urban") == words


def test_a_dummy_is_said_by_its_value():
    two = results([], variable="urban")
    two.points = (("low", 0.0), ("high", 1.0))
    assert part_words(two, "high", "Urban") == "Urban = 1"


def test_an_effect_that_does_not_vary_has_no_place():
    assert part_words(results([]), "", "") == ""


def test_lines_break_between_words_and_chinese_characters():
    assert broken_lines("one two three", 8) == ["one two", "three"]
    assert broken_lines("劳动生产率（对数）", 12) == ["劳动生产率", "（对数）"]
    assert broken_lines("城镇化率，省份", 8) == ["城镇化", "率，省份"]  # a comma never begins a line
    assert broken_lines("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert balanced_lines("Common prosperity of all", 18) == ["Common", "prosperity of all"]


def test_chinese_characters_and_capitals_are_wider():
    assert type_columns("ab") == 2
    assert type_columns("AB") == 2.5
    assert type_columns("省") == 2


def test_other_results_are_refused_with_who_makes_them():
    refuse_other(1, int, "count", "plots.f")
    with pytest.raises(InputTypeError, match=r"^plots.f: takes what count returns, not str\.") as caught:
        refuse_other("1", int, "count", "plots.f")
    assert caught.value.problems
