"""Factor variables and operators become terms."""

from __future__ import annotations

import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.stata.varlists import (
    LaterColumns,
    Variables,
    as_terms,
)

COLUMNS = ("id", "year", "y", "x", "x2", "z", "g", "h", "增长率")


@pytest.mark.many(20)
@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("x z", ["x", "z"]),
        ("c.x##c.z", ["x", "z", "x:z"]),
        ("c.x#c.x", ["I(x**2)"]),
        ("c.x##c.x##c.x", ["x", "I(x**2)", "I(x**3)"]),
        ("i.g##c.x", ["C(g)", "x", "C(g):x"]),
        ("i.g#c.x", ["C(g):x"]),
        ("g#h", ["C(g):C(h)"]),
        ("g##c.x", ["C(g)", "x", "C(g):x"]),
        ("ib3.g", ["C(g, ref=3)"]),
        ("2.g", ["I(g == 2)"]),
        ("2.g#c.x", ["I(g == 2):x"]),
        # [U] 11.4.3.6: the order of operators does not matter.
        ("5L.g l2.5.h", ["I(lag(g) == 5)", "I(lag(h, 2) == 5)"]),
        ("L.c.x#2L.g L(1)c.z", ["lag(x):I(lag(g) == 2)", "lag(z)"]),
        ("L.x L2.x F.z D.z", ["lag(x)", "lag(x, 2)", "lead(z)", "diff(z)"]),
        ("L(0/2).x", ["x", "lag(x)", "lag(x, 2)"]),
        ("L(1/2)D.x", ["lag(diff(x))", "lag(diff(x), 2)"]),
        ("L.(x z)", ["lag(x)", "lag(z)"]),
        ("cL.x#c.z", ["lag(x):z"]),
        ("c.L.x#c.z", ["lag(x):z"]),
        ("ibn.g#c.x", ["C(g):x"]),
        ("L.D.x d.l2.z", ["lag(diff(x))", "diff(lag(z, 2))"]),
        ("i2.g##i1.h", ["I(g == 2)", "I(g == 2):I(h == 1)", "I(h == 1)"]),
        ("c.(x z)#i.g", ["x:C(g)", "z:C(g)"]),
        ("o.x z", ["z"]),
        # [U] 11.4.3: levels that are selected, of which bn leaves out none.
        ("i(0/1 3)bn.g", ["I(g == 0)", "I(g == 1)", "I(g == 3)"]),
        ("x x", ["x"]),
        ("i.增长率 增长率", ["C(增长率)", "增长率"]),
        ("c.x # c.z", ["x:z"]),
        ("h#c.(L(0/1).(x z))", ["C(h):x", "C(h):lag(x)", "C(h):z", "C(h):lag(z)"]),
    ],
)
def test_terms(text: str, terms: list[str]) -> None:
    assert sorted(as_terms(Variables().products(text))) == sorted(terms)


def test_ranges_and_wildcards_need_columns() -> None:
    known = Variables(COLUMNS)
    assert known.names("x* y-x2") == ["x", "x2", "y", "x", "x2"]
    assert as_terms(Variables(created=("pre_1", "pre_2")).products("pre_*")) == [
        "pre_1",
        "pre_2",
    ]
    with pytest.raises(dp.StataError, match="fits"):
        known.names("q*")
    with pytest.raises(dp.StataError, match="the range"):
        known.names("z-x")


def test_a_pattern_may_begin_with_a_star() -> None:
    variables = Variables(["y", "a_old", "b_old", "old"])
    assert as_terms(variables.products("y *_old")) == ["y", "a_old", "b_old"]
    assert as_terms(Variables().products("*_old")) == ["*df.filter(regex='^.*_old$')"]


def test_columns_that_are_not_known_stay_code() -> None:
    frame = pd.DataFrame(columns=["x", "x1", "y", "xa", "z"])
    for text, columns in {
        "x*": ["x", "x1", "xa"],
        "x?": ["x1", "xa"],
        "x1-xa": ["x1", "y", "xa"],
        "_all": [*frame],
        "z x~": ["z", "x", "x1", "xa"],
    }.items():
        code = repr(Variables(created=("x9",)).names(text))
        assert eval(code, {"df": frame}) == columns
    for text in ("c.x*#c.z", "i.x*", "L.x*"):
        with pytest.raises(dp.StataError, match="Pass the panel"):
            as_terms(Variables().products(text))
    dummies = LaterColumns.of_pattern("d*")
    assert repr(Variables(created=(dummies,)).names("d2-d4")) == (
        "[*df.filter(regex='^d.*$').loc[:, 'd2':'d4']]"
    )
    (part,) = Variables(created=(dummies,)).names("d2-d4")
    assert isinstance(part, LaterColumns)
    assert part.may_have("d3")
    assert not part.may_have("x")
    # The data may have other columns between those that lines have made.
    (part,) = Variables(created=("x", "z")).names("x-z")
    assert part == "*df.loc[:, 'x':'z']"
    moved = Variables(in_order=False)
    with pytest.raises(dp.StataError, match="in order"):
        moved.names("x-z")


@pytest.mark.parametrize(
    "text", ["x#", "c.x##c.)z", "ibn.g", "L.i.g", "i.", "x%", "iL.g"]
)
def test_what_has_no_term(text: str) -> None:
    with pytest.raises(dp.StataError):
        as_terms(Variables().products(text))


@pytest.mark.many(9)
@pytest.mark.parametrize(
    ("text", "effects"),
    [
        ("id year", ["id", "year"]),
        ("i.id fe=year", ["id", "year"]),
        ("prov#year", ["prov^year"]),
        ("i.prov##i.year", ["prov^year"]),
        ("i.prov##c.t", ["prov[t]"]),
        ("i.prov#c.t", ["prov[[t]]"]),
        ("c.t#i.prov", ["prov[[t]]"]),
        ("prov##c.(t z)", ["prov[t, z]"]),
        ("prov#year#c.t", ["prov^year[[t]]"]),
    ],
)
def test_absorbed_effects(text: str, effects: list[str]) -> None:
    assert Variables().absorbed(text) == effects


@pytest.mark.parametrize("text", ["c.x", "L.id", "1.g", "c.x#c.z", "a#"])
def test_what_cannot_be_absorbed(text: str) -> None:
    with pytest.raises(dp.StataError):
        Variables().absorbed(text)


def test_clusters() -> None:
    assert Variables().clusters("id prov # year") == ["id", "prov^year"]
