"""A command is split into its parts; an option that is not in a table is refused."""

from __future__ import annotations

import pytest

import digiprosper as dp
from digiprosper.stata.commands import data, estimations
from digiprosper.stata.prefixes import (
    PRINTING,
    ROWS,
    command_name,
    completed,
    matching,
    of_kind,
    read_command,
    split,
    translated_options,
)
from digiprosper.stata.varlists import Variables


def test_all_parts() -> None:
    read = read_command(
        'xi: qui reghdfe y x(1) if z == "a, b" & w > 1 in 1/5 [aw=pop], '
        "absorb(id year#prov) vce (cluster id)"
    )
    assert read.name == "reghdfe"
    assert read.arguments == "y x(1)"
    assert read.condition == 'z == "a, b" & w > 1'
    assert read.rows == "1/5"
    assert read.weight == ("aw", "pop")
    assert read.options == (("absorb", "id year#prov"), ("vce", "cluster id"))


def test_prefixes_with_a_colon() -> None:
    read = read_command(
        "eststo m1: quietly bootstrap r(a), reps(50): sgmediation y, mv(m)"
    )
    assert read.stored == "m1"
    assert read.prefixes == {"bootstrap": "r(a), reps(50)"}
    assert read_command("bysort id (year): gen n = _n").by == "id (year)"


def test_if_without_a_blank_and_using() -> None:
    read = read_command('merge 1:1 id using "a b.dta" if(x > 1), keep(1 3) nogen')
    assert (read.arguments, read.using, read.condition) == (
        "1:1 id",
        '"a b.dta"',
        "(x > 1)",
    )


def test_weights_without_a_blank() -> None:
    assert read_command("reg y x[pweight = w]").weight == ("pweight", "w")


def test_parts_in_brackets_and_quotes_are_not_split() -> None:
    assert split('a (b c) "d e" f') == ["a", "(b c)", '"d e"', "f"]
    assert split("a:b(c:d)", ":") == ["a", "b(c:d)"]


@pytest.mark.parametrize("text", ["", ", absorb(id)", "reg y x, absorb(id", "123"])
def test_what_is_no_command(text: str) -> None:
    with pytest.raises(dp.StataError):
        read_command(text)


def test_tables_of_options() -> None:
    read = read_command("reghdfe y x, a(id) nolog")
    assert translated_options(read) == {"absorb": "id"}
    for options, reason in {
        "liml": "two-stage least squares only",
        "fast": "not known",
        "a(id) absorb(year)": "twice",
    }.items():
        with pytest.raises(dp.StataError, match=reason):
            translated_options(read_command(f"reghdfe y x, {options}"))


def test_products_of_the_prefix_xi() -> None:
    """[R] xi: i.a*i.b and i.a*x have all dummies, i.a|x has those of the product."""
    read = read_command("xi: reg y i.a*i.b i.a*x i.c|z, r")
    assert read.arguments == "y i.a##i.b i.a##c.x c.z i.c#c.z"
    assert read_command("reg y i.a*").arguments == "y i.a*"


@pytest.mark.many(6)
@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("g", "generate"),
        ("gen", "generate"),
        ("reg", "regress"),
        ("qui", "quietly"),
        ("forv", "forvalues"),
        ("su", "summarize"),
        ("test", "test"),
        ("testparm", "testparm"),
        ("reghdfe", "reghdfe"),
        ("xtreg", "xtreg"),
    ],
)
def test_commands(word: str, name: str) -> None:
    assert command_name(word) == name


def test_options_need_their_shortest_form() -> None:
    assert completed("a", ["a.bsorb"]) == "absorb"
    assert completed("absorb", ["a.bsorb"]) == "absorb"
    assert completed("absx", ["a.bsorb"]) is None
    assert completed("v", ["vce"]) is None


def test_variables_may_be_abbreviated_if_unambiguous() -> None:
    variables = Variables(["gdp", "gdppc", "unemp"])
    assert variables.resolve("un") == "unemp"
    assert variables.resolve("gdp") == "gdp"
    with pytest.raises(dp.StataError, match="ambiguous"):
        variables.resolve("gd")
    with pytest.raises(dp.StataError, match="did you mean 'unemp'"):
        variables.resolve("unempl")
    assert Variables().resolve("un") == "un"


def test_patterns() -> None:
    assert matching("pre*", ["pre1", "pre2", "post1"]) == ["pre1", "pre2"]
    assert matching("p?e1", ["pre1", "pree1"]) == ["pre1"]


def test_the_table_of_commands() -> None:
    """Of what happens to the data each command has one kind; translated ones none."""
    kinds = ("", "alias", "prints", "estimates", "makes", "changes", "macros")
    twice = of_kind("prints").keys() & of_kind("makes").keys()
    lists = [of_kind(kind) for kind in kinds]
    assert sum(map(len, lists)) == len(of_kind(*kinds)) + len(twice)
    assert {*of_kind("results", "keeps")} <= {*of_kind("prints", "makes")}
    assert not of_kind("results").keys() & of_kind("keeps").keys()
    assert of_kind(*kinds, "file").keys() == ROWS.keys()
    assert {*of_kind("alias").values()} <= ROWS.keys()
    assert {*estimations.COMMANDS, *data.COMMANDS} <= ROWS.keys()
    printing = PRINTING.keys() & {*estimations.MODELS, *data.COMMANDS}
    # It makes columns with generate() alone.
    assert printing == twice == {"tabulate"}
