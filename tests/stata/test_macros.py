"""Macros are replaced before a line is parsed."""

from __future__ import annotations

import pytest

import digiprosper as dp
from digiprosper.stata.macros import Macros, numbers


def macros() -> Macros:
    out = Macros()
    out.assign("controls x z")
    out.assign("i = 2 + 3")
    out.assign("text 2+2")
    out.assign("path C:/data", "$")
    return out


@pytest.mark.many(8)
@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("reg y `controls'", "reg y x z"),
        ("`i' `text'", "5 2+2"),
        ("$path/a.dta ${path}b", "C:/data/a.dta C:/datab"),
        ("x`undefined'y$nothing", "xy"),
        ("pre_`=`i'-1'", "pre_4"),
        ("`++i' `i'", "6 6"),
        ("`++absent'", "1"),
        ("`=.' `=10/4'", ". 2.5"),
        ("`: word count `controls''", "2"),
        ("`: word 2 of `controls''", "z"),
        (r"\`i'", "`i'"),
        ('`"a"\'', '`"a"\''),
    ],
)
def test_expansion(text: str, expanded: str) -> None:
    assert macros().expand(text) == expanded


def test_an_equals_sign_evaluates() -> None:
    read = macros()
    assert read.values["i"] == "5"
    assert read.values["text"] == "2+2"


def test_a_macro_may_be_part_of_its_new_value() -> None:
    read = macros()
    read.assign("controls `controls' w")
    read.assign("i = `i' + 1")
    read.assign("path $path/more", "$")
    assert read.expand("`controls' `i' $path") == "x z w 6 C:/data/more"


def test_names_inside_names() -> None:
    read = Macros()
    read.assign("y gdp")
    read.assign("label_gdp output")
    assert read.expand("`label_`y''") == "output"


def test_lists() -> None:
    read = Macros()
    read.assign("a x y z")
    read.assign("b y")
    read.assign("c : list a - b")
    assert read.values["c"] == "x z"
    assert read.expand("`: list b | a'") == "y x z"
    with pytest.raises(dp.StataError, match="macro function 'list posof'"):
        read.expand("`: list posof x in a'")


def test_undefined_globals_are_noted() -> None:
    read = macros()
    assert read.expand("$path $controls") == "C:/data "
    assert read.undefined == ["$controls"]


def test_folders_that_are_not_known_stay_in_a_path() -> None:
    read = macros()
    read.assign("root = c(pwd)", "$")
    text = "use \"$path/$new/a`k'.dta\" $root/b `dir'/c"
    assert read.expand(text, has_path=True) == (
        'use "C:/data/$new/a.dta" $root/b `dir\'/c'
    )
    with pytest.raises(dp.StataError, match="'root' is known only"):
        read.expand(text)


def test_what_needs_data_is_unknown_with_its_reason() -> None:
    read = Macros()
    read.assign("mean = r(mean)")
    with pytest.raises(dp.StataError, match="known only when the file is run"):
        read.expand("keep if x > `mean'")
    with pytest.raises(dp.StataError, match="known only when the file is run"):
        read.expand("`r(levels)'")
    assert read.expand("gen d = x > `r(p50)'") == "gen d = x > r(p50)"
    read.assign("twice = `mean' * 2")
    with pytest.raises(dp.StataError, match=r"^line 1: the macro 'mean' is known"):
        read.expand("`twice'")
    read.assign("mean 3")
    assert read.expand("`mean'") == "3"


@pytest.mark.many(6)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/4", "1 2 3 4"),
        ("10(-5)0", "10 5 0"),
        ("1 3 to 9", "1 3 5 7 9"),
        ("2000 2005/2007", "2000 2005 2006 2007"),
        ("0.5 0.75 1", "0.5 0.75 1"),
        ("4(-1)1", "4 3 2 1"),
    ],
)
def test_lists_of_numbers(text: str, expected: str) -> None:
    assert numbers(text) == expected.split()


def test_falling_numbers_without_a_step_are_refused() -> None:
    """[P] foreach: numlist 3/1 is 3 2 1; forvalues 3/1 has no turns."""
    with pytest.raises(dp.StataError, match="falling numbers 3/1"):
        numbers("5 3/1")


@pytest.mark.many(6)
@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("foreach v in a b", "a b"),
        ("foreach v of varlist x y", "x y"),
        ("foreach v of local controls", "x z"),
        ("forvalues j = 1/3", "1 2 3"),
        ("forvalues j=1(2)5", "1 3 5"),
        ("foreach n of numlist 1/2 9", "1 2 9"),
    ],
)
def test_headers_of_loops(header: str, values: str) -> None:
    assert macros().turns(header) == values.split()


def test_loops_add_their_step_and_write_16_digits() -> None:
    """Stata printed the numbers of 1(.1)2 in base 16, and the ends of longer loops."""
    numbers_of_loop = [float(t).hex() for t in macros().turns("forvalues i = 1(.1)2")]
    printed = (
        "0000000000000 199999999999a 3333333333333 4cccccccccccd 6666666666666 "
        "8000000000000 999999999999e b333333333338 cccccccccccd1 e66666666666b"
    )
    assert numbers_of_loop == [f"0x1.{digits}p+0" for digits in printed.split()]
    for last, end in ((15, 15), (19, 19), (20, 19.9), (29, 28.9)):
        *_, text = macros().turns(f"forvalues i = 0(0.1){last}")
        assert round(float(text), 2) == end
    turns = macros().turns("foreach i of numlist 0 0.6(0.1)1.1")
    assert [round(float(t), 9) for t in turns] == [0, 0.6, 0.7, 0.8, 0.9, 1, 1.1]


@pytest.mark.parametrize(
    "header",
    [
        "foreach v",
        "forvalues i = 1/100000",
        "forvalues i = 1/x",
        "foreach v of global none",
        "foreach v of matrix m",
    ],
)
def test_loops_without_a_list(header: str) -> None:
    with pytest.raises(dp.StataError):
        macros().turns(header)


def test_macros_without_a_name() -> None:
    with pytest.raises(dp.StataError, match="has no name"):
        macros().assign("= 3")


@pytest.mark.parametrize(
    ("typed", "text", "expanded"),
    [
        ('l "a b" "c d"', "`l'", '"a b" "c d"'),
        ('l "a b" c', "`: word count `l''", "2"),
        ('l "a b"', "`l'", "a b"),
        ('l `" "a b" "c d" "\'', "`l'", ' "a b" "c d" '),
        ("l = 1/2 - 1", "`l'", "-.5"),
    ],
)
def test_quotation_marks_and_fractions_are_those_of_stata(
    typed: str, text: str, expanded: str
) -> None:
    """[P] macro: marks around one text go; [D] format: no zero before a point."""
    read = Macros()
    read.assign(typed)
    assert read.expand(text) == expanded


@pytest.mark.parametrize(
    ("listed", "expanded"), [("`: list a - b'", "x y z"), ("`: list c | b'", "y y")]
)
def test_words_that_repeat_are_distinct(listed: str, expanded: str) -> None:
    """[P] macro lists, treatment of duplicate list elements."""
    read = Macros(values={"a": "x y y y z", "b": "y y", "c": "y"})
    assert read.expand(listed) == expanded


@pytest.mark.parametrize(
    ("pattern", "left"), [("_all", set()), ("_a", {"$a", "$b"}), ("a*", {"a", "$b"})]
)
def test_macros_are_dropped_by_patterns(pattern: str, left: set[str]) -> None:
    """[P] macro: ``macro drop _x`` drops the local x, and ``_all`` all macros."""
    read = Macros(values={"a": "1", "$a": "2", "$b": "3"})
    read.drop(pattern)
    assert {*read.values} == left
