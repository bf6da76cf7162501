"""Specifications are values: equal, hashable, and changed only into another one."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    DynamicPanel,
    EventStudy,
    FixedEffects,
    FixedEffectsIV,
    LogitEffects,
    Mediation,
    MediationIV,
    PanelDML,
    PanelKink,
    PanelThreshold,
    PoissonEffects,
    StaggeredDid,
)
from digiprosper.errors import ColumnError, InputTypeError, OptionError, TermError
from digiprosper.specification import (
    TERM,
    Specification,
    as_terms,
    check_reps,
    check_words,
    one_term,
)

SPEC = FixedEffects(
    "gdp",
    ["digital", "I(digital**2)", "edu"],
    absorb=["region^year"],
    clusters="region",
)


def test_lists_become_tuples_and_values_compare() -> None:
    assert SPEC.x == ("digital", "I(digital**2)", "edu")
    assert SPEC.absorb == ("region^year",)
    assert SPEC.clusters == ("region",)
    same = FixedEffects(
        "gdp",
        ("digital", "I(digital**2)", "edu"),
        absorb=("region^year",),
        clusters=["region"],
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


@pytest.mark.many(11)
@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        FixedEffectsIV("y", ["x"], ["d"], ["z"]),
        Mediation("y", "d", ["m", "n"], ["x"], structure="serial"),
        MediationIV("y", "d", "m", "z"),
        PanelThreshold("y", ["x"], "q", thresholds=[1.0, 2.0]),
        PanelKink("y", "q"),
        EventStudy("y", "first", never=0.0),
        StaggeredDid("y", "first"),
        DynamicPanel("y", ["x"], instrument_lags=(2, 4)),
        PoissonEffects("y", ["x"], exposure="n"),
        LogitEffects("y", ["x"], link="probit"),
    ],
    ids=lambda spec: type(spec).__name__,
)
def test_json_holds_the_arguments(spec: Any) -> None:
    stored = json.dumps(dataclasses.asdict(spec))
    again = type(spec)(**json.loads(stored))
    assert again == spec
    assert hash(again) == hash(spec)


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
    assert Mediation("y", "d", ["m1", "m2"], x=["c"]).terms == (
        "y",
        "d",
        "m1",
        "m2",
        "c",
    )
    assert set(PanelThreshold("y", ["d"], "q", x=["c"]).terms) == {"y", "d", "q", "c"}


def test_swap_reaches_every_place() -> None:
    spec = (
        Mediation("y", "d", ["m1", "m2"], x=["c"])
        .swap("m2", "log(m2)")
        .swap("d", "lag(d)")
    )
    assert (spec.treatment, spec.mediators) == ("lag(d)", ("m1", "log(m2)"))
    assert (
        PanelThreshold("y", ["d"], "q").swap("q", "lag(q)").threshold_variable
        == "lag(q)"
    )


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda: SPEC.drop("digitl"), ColumnError, "'digitl'.*'digital'"),
        (lambda: SPEC.swap("fdi", "edu"), ColumnError, "'fdi'.*'gdp', 'digital'"),
        (lambda: SPEC.replace(clusterz="a"), OptionError, "'clusterz'.*'clusters'"),
        (lambda: SPEC.replace(ssc="stata"), OptionError, "'reghdfe', 'xtreg'"),
        (lambda: SPEC.add("edu"), TermError, "'edu' twice"),
        (lambda: SPEC.add("I(digital ** 2)"), TermError, "twice"),
        (lambda: SPEC.add("gdp"), TermError, "'gdp' is also in x"),
        (lambda: SPEC.drop(*SPEC.x), TermError, "at least one regressor"),
        (
            lambda: SPEC.replace(cov_type="robust"),
            OptionError,
            "clusters=.*cov_type='clustered'",
        ),
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
    assert as_terms(["I(r == 'a b')", "I(r == 'ab')"], "x") == (
        "I(r == 'a b')",
        "I(r == 'ab')",
    )


@pytest.mark.parametrize(
    "value", [None, 3, {"a": 1}, {"a"}, ["a", 1], ["a", None], [["a"]]]
)
def test_as_terms_refuses(value: object) -> None:
    with pytest.raises(InputTypeError, match="clusters must be a list of terms"):
        as_terms(value, "clusters")


def test_one_term() -> None:
    assert one_term("log(a)", "y") == "log(a)"
    with pytest.raises(InputTypeError, match=r"y=.* must be one term"):
        one_term(["a"], "y")


@pytest.mark.parametrize("reps", [0, -1, 9.5, "999", None, True])
def test_check_reps(reps: object) -> None:
    check_reps(1, 1)
    with pytest.raises(OptionError, match="reps="):
        check_reps(reps, 1)


@pytest.mark.parametrize(
    "spec",
    [
        FixedEffects(
            np.str_("y"),
            pd.Index(["x", "z"]),
            cov_type=np.str_("clustered"),  # type: ignore[arg-type]
            clusters=np.array(["g"]),
            entity_effects=np.bool_(True),
            absorb=[np.str_("g")],
        ),
        FixedEffects(
            "y", np.array(["x"]), cov_type="driscoll_kraay", bandwidth=np.int64(2)
        ),
        PanelThreshold(
            "y",
            pd.Index(["x"]),
            "q",
            n_thresholds=np.int64(2),
            reps=np.int32(99),
            level=np.float32(0.9),
            trim=np.float32(0.1),
            min_nobs=np.int8(3),
            regime_intercept=np.bool_(False),
            bootstrap=[np.str_("wild_cluster"), "hansen"],  # type: ignore[list-item]
        ),
        PanelKink(
            "y",
            "q",
            np.array(["x"]),
            reps=np.int64(99),
            level=np.float32(0.9),
            trim=np.float16(0.1),
        ),
        Mediation(
            "y", "d", np.array(["m"]), reps=np.int64(199), search_draws=np.bool_(False)
        ),
        MediationIV("y", "d", "m", "z", reps=np.int64(199)),
    ],
    ids=lambda spec: type(spec).__name__ + str(len(spec.terms)),
)
def test_numpy_scalars_and_arrays_of_text_are_plain_options(spec: Any) -> None:
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        for one in value if isinstance(value, tuple) else (value,):
            assert type(one).__module__ != "numpy", field.name
    if hasattr(spec, "level"):
        assert spec.level == 0.9
        assert spec.trim == 0.1


@pytest.mark.parametrize(
    "value", [np.array([["x"]]), np.array([1.0]), pd.Series(["x"]).to_frame(), {"x"}]
)
def test_other_arrays_are_no_terms(value: Any) -> None:
    with pytest.raises(InputTypeError, match="list of terms"):
        as_terms(value, "x")


def test_a_count_of_draws_may_be_numpys() -> None:
    assert type(check_reps(np.int64(99), 9)) is int
    for odd in (np.float64(99), np.bool_(True), np.int64(3), "9" * 10_000):
        with pytest.raises(OptionError, match="integer"):
            check_reps(odd, 9)


@dataclasses.dataclass(frozen=True, slots=True)
class Marked(Specification):
    x: tuple[str, ...] = dataclasses.field(default=(), metadata=TERM)
    y: str = dataclasses.field(default="y", metadata=TERM)
    z: str | None = dataclasses.field(default=None, metadata=TERM)
    option: str = "y"


def test_terms_are_the_fields_that_are_marked_and_given() -> None:
    spec = Marked(("a", "b"))
    assert spec.terms == ("y", "a", "b")
    assert spec.replace(z="c").terms == ("y", "c", "a", "b")
    assert spec.swap("y", "log(y)") == Marked(("a", "b"), "log(y)")
    assert spec.swap("b", "c") == Marked(("a", "c"))


@dataclasses.dataclass(frozen=True, slots=True)
class Worded(Specification):
    kind: Literal["first", "second"] | None = None
    step: Literal[1, 2] = 1
    size: int | Literal["all"] = 1
    name: str | None = None
    flag: bool = True


def test_options_have_the_words_of_their_annotations() -> None:
    every = "kind='third' is not known; use one of 'first', 'second', None"
    with pytest.raises(OptionError, match=every):
        check_words(Worded("third"))
    with pytest.raises(OptionError, match="step=3 is not known; use one of 1, 2"):
        check_words(Worded(step=3))
    others = Worded("second", 2, 31, "third", flag=1)
    check_words(others)
    with pytest.raises(OptionError, match="flag=1 must be True or False"):
        check_words(others, {"flag": (True, False)})


def test_a_term_is_swapped_however_it_is_spelled() -> None:
    spec = FixedEffects("y", ["log( pc )", "x"])
    assert spec.swap("log(pc)", "pc").x == ("pc", "x")


@pytest.mark.many(9)
@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("cluster", "did you mean 'clusters'"),
        ("fe", "write entity_effects=True, time_effects=True, absorb="),
        ("entity_fe", "write entity_effects=True"),
        ("data", r"Panel\(df, entity='id', time='year'\), then .fit\(panel\)"),
        ("controls", r"write x=\[...\]"),
        ("vcov", "write cov_type='clustered'"),
        ("weights", "write obs_weights"),
        ("seed", r"write .fit\(panel, rng=1\)"),
        ("no_such_word", "it has 'y', 'x'"),
    ],
)
def test_an_argument_of_another_package_says_what_to_write(
    name: str, advice: str
) -> None:
    words: dict[str, Any] = {name: "a"}
    with pytest.raises(InputTypeError, match=advice) as caught:
        FixedEffects("y", ["x"], **words)
    assert isinstance(caught.value, TypeError)
    with pytest.raises(OptionError, match=advice):
        FixedEffects("y", ["x"]).replace(**words)


def test_advice_is_about_the_arguments_of_the_specification() -> None:
    wrong: Any = {"cohort": "first", "control_group": "never"}
    message = "'cohort' .write event.*'control_group' .write control"
    with pytest.raises(InputTypeError, match=message):
        StaggeredDid("y", **wrong)
    for spec, advice in ((FixedEffects, "write x="), (PanelDML, "did you mean 'contr")):
        with pytest.raises(InputTypeError, match=advice):
            spec("y", control="z")  # type: ignore[arg-type, call-arg]


def test_a_specification_takes_no_data() -> None:
    data: Any = pd.DataFrame({"y": [1.0]})
    for call in (lambda: FixedEffects(data, "y", ["x"]), lambda: PanelKink(data)):
        with pytest.raises(InputTypeError, match=r"then .fit\(panel\)"):
            call()
