"""Abbreviations: commands and options have shortest forms, variables must be unique."""

from __future__ import annotations

import pytest

import digiprosper as dp
from digiprosper.stata.commands import data, estimations
from digiprosper.stata.prefixes import (
    COMMANDS,
    PRINTING,
    column_name,
    command_name,
    completed,
    matching,
    of_kind,
)


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
    columns = ["gdp", "gdppc", "unemp"]
    assert column_name("un", columns) == "unemp"
    assert column_name("gdp", columns) == "gdp"
    with pytest.raises(dp.StataError, match="ambiguous"):
        column_name("gd", columns)
    with pytest.raises(dp.StataError, match="did you mean 'unemp'"):
        column_name("unempl", columns)
    assert column_name("un", None) == "un"


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
    assert {*of_kind(*kinds, "file")} == COMMANDS
    known = {*COMMANDS, *estimations.COMMANDS, *data.COMMANDS}
    assert {*of_kind("alias").values()} <= known
    printing = PRINTING.keys() & {*estimations.MODELS, *data.COMMANDS}
    # It makes columns with generate() alone.
    assert printing == twice == {"tabulate"}
