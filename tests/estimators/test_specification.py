"""Specifications are values: equal, hashable, and changed only into another one."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import pandas as pd
import pytest

from digiprosper import FixedEffects, Mediation, PanelThreshold
from digiprosper.errors import ColumnError, InputTypeError, OptionError, TermError
from digiprosper.estimators.specification import as_terms, check_reps, one_term

SPEC = FixedEffects("gdp", ["digital", "I(digital**2)", "edu"], absorb=["region^year"], clusters="region")


def test_lists_become_tuples_and_values_compare() -> None:
    assert SPEC.x == ("digital", "I(digital**2)", "edu")
    assert SPEC.absorb == ("region^year",)
    assert SPEC.clusters == ("region",)
    same = FixedEffects(
        "gdp", ("digital", "I(digital**2)", "edu"), absorb=("region^year",), clusters=["region"]
    )
    assert same == SPEC
    assert len({same, SPEC, SPEC.replace(ssc="none")}) == 2
    assert SPEC.replace(ssc="none") != SPEC


def test_frozen_and_copied() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SPEC.y = "z"  # type: ignore[misc]
    for other in (pickle.loads(pickle.dumps(SPEC)), copy.deepcopy(SPEC)):
        assert other == SPEC
        assert hash(other) == hash(SPEC)


def test_add_drop_swap_replace_leave_the_first_alone() -> None:
    before = copy.deepcopy(SPEC)
    assert SPEC.add("fdi", "lag(fdi)").x == (*SPEC.x, "fdi", "lag(fdi)")
    assert SPEC.drop("I( digital ** 2 )").x == ("digital", "edu")
    assert SPEC.drop("edu", "digital").x == ("I(digital**2)",)
    assert SPEC.swap("edu", "log(edu)").x == ("digital", "I(digital**2)", "log(edu)")
    assert SPEC.swap("gdp", "log(gdp)").y == "log(gdp)"
    assert SPEC.replace(cov_type="robust", clusters=None).cov_type == "robust"
    assert before == SPEC
    assert SPEC.add("fdi").absorb == SPEC.absorb


def test_terms_lists_the_outcome_first() -> None:
    assert SPEC.terms == ("gdp", "digital", "I(digital**2)", "edu")
    assert Mediation("y", "d", ["m1", "m2"], x=["c"]).terms == ("y", "d", "m1", "m2", "c")
    assert set(PanelThreshold("y", ["d"], "q", x=["c"]).terms) == {"y", "d", "q", "c"}


def test_swap_reaches_every_place() -> None:
    spec = Mediation("y", "d", ["m1", "m2"], x=["c"]).swap("m2", "log(m2)").swap("d", "lag(d)")
    assert (spec.treatment, spec.mediators) == ("lag(d)", ("m1", "log(m2)"))
    assert PanelThreshold("y", ["d"], "q").swap("q", "lag(q)").threshold_variable == "lag(q)"


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda: SPEC.drop("digitl"), ColumnError, "'digitl'.*'digital'"),
        (lambda: SPEC.swap("fdi", "edu"), ColumnError, "'fdi'.*'gdp', 'digital'"),
        (lambda: SPEC.replace(clusterz="a"), OptionError, "'clusterz'.*'clusters'"),
        (lambda: SPEC.replace(ssc="stata"), OptionError, "'reghdfe', 'xtreg'"),
        (lambda: SPEC.add("edu"), TermError, "'edu' twice"),
        (lambda: SPEC.add("I(digital ** 2)"), TermError, "twice"),
        (lambda: SPEC.add("gdp"), TermError, "'gdp' is also among x"),
        (lambda: SPEC.drop(*SPEC.x), TermError, "no regressor"),
        (lambda: SPEC.replace(cov_type="robust"), OptionError, "clusters=.*cov_type='clustered'"),
    ],
)
def test_changes_are_checked_as_the_constructor_checks(
    change: Any, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        change()


def test_as_terms() -> None:
    assert as_terms("a", "x") == ("a",)
    assert as_terms(["a", "b:c"], "x") == ("a", "b:c")
    assert as_terms((), "x") == ()
    assert as_terms(["a b", "ab"], "x") == ("a b", "ab")
    assert as_terms(["I(r == 'a b')", "I(r == 'ab')"], "x") == ("I(r == 'a b')", "I(r == 'ab')")


@pytest.mark.parametrize("value", [None, 3, {"a": 1}, {"a"}, pd.Index(["a"]), ["a", 1], ["a", None], [["a"]]])
def test_as_terms_refuses(value: object) -> None:
    with pytest.raises(InputTypeError, match="clusters is a list of terms"):
        as_terms(value, "clusters")


def test_one_term() -> None:
    assert one_term("log(a)", "y") == "log(a)"
    with pytest.raises(InputTypeError, match="y is one term"):
        one_term(["a"], "y")


@pytest.mark.parametrize("reps", [0, -1, 9.5, "999", None, True])
def test_check_reps(reps: object) -> None:
    check_reps(1, 1)
    with pytest.raises(OptionError, match="reps="):
        check_reps(reps, 1)
