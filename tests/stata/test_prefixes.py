"""A command is split into its parts; an option that is not in a table is refused."""

from __future__ import annotations

import pytest

import digiprosper as dp
from digiprosper.stata.prefixes import Options, read_command, split


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
    assert read.prefix("bootstrap").text == "r(a), reps(50)"  # type: ignore[union-attr]
    assert read_command("bysort id (year): gen n = _n").prefixes[0].text == "id (year)"


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
    table = Options("a.bsorb cl.uster", "nolog")
    assert table.read(read_command("reg y x, a(id) nolog")) == {"absorb": "id"}
    for options, reason in {
        "liml": "two-stage least squares only",
        "fast": "not known",
        "a(id) absorb(year)": "twice",
    }.items():
        with pytest.raises(dp.StataError, match=reason):
            table.read(read_command(f"reg y x, {options}"))


def test_products_of_the_prefix_xi() -> None:
    """[R] xi: i.a*i.b and i.a*x have all dummies, i.a|x has those of the product."""
    read = read_command("xi: reg y i.a*i.b i.a*x i.c|z, r")
    assert read.arguments == "y i.a##i.b i.a##c.x c.z i.c#c.z"
    assert read_command("reg y i.a*").arguments == "y i.a*"
