"""What enters where, and multiplies what: equations by name, effects by means."""

from __future__ import annotations

import math
from itertools import chain, combinations, pairwise

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import Mediation, Panel
from digiprosper.errors import TermError
from digiprosper.mediation.layout import (
    change_term,
    effect,
    is_specific,
    lay_out,
    overall_term,
    term_at_point,
    term_in_regime,
    threshold_regimes,
)
from digiprosper.report.terms import Point

X = np.array([1.0, 2.0, -1.0, 0.5, 3.0, -2.0, 4.0, 1.5])
W = np.array([0.0, 1.0, 2.0, 5.0, -1.0, 3.0, 0.5, 4.0])
SUBSETS = [
    s
    for s in chain.from_iterable(
        combinations(("a", "b", "direct"), size) for size in (1, 2, 3)
    )
    if s
]


def cut(spec, **changes):
    rows = np.arange(8)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"city": rows // 2, "year": rows % 2, "x": X, "w": W, "z": rng.normal(size=8)}
    )
    for name in ("y", "m1", "m2", "m3"):
        frame[name] = rng.normal(size=8)
    roles = {
        "y": (spec.y,),
        "treatment": (spec.treatment,),
        "mediators": spec.mediators,
        "x": spec.x,
    }
    if spec.moderator:
        roles["moderator"] = (spec.moderator,)
    if spec.threshold:
        roles["threshold_variable"] = (spec.threshold[0],)
    return Panel(frame.assign(**changes), "city", "year").sample(roles)


def laid_out(spec, *, level=True, **changes):
    sample = cut(spec, **changes)
    terms = {
        name: column
        for role in ("y", "treatment", "mediators", "x", "moderator")
        if role in sample.roles
        for name, column in zip(
            sample.names_of(role), sample.columns(role).T, strict=True
        )
    }
    return lay_out(
        spec,
        sample,
        terms,
        spec.threshold[1] if spec.threshold else None,
        level=level,
    )


def equations(layout):
    names = layout.names
    return {
        term.name: (names[y], [names[j] for j in x])
        for term, (y, x) in zip(layout.equation_terms, layout.equations, strict=True)
    }


def names_of(layout) -> tuple[str, ...]:
    return tuple(effect.name for effect in layout.effects)


def effects(layout, seed=1):
    """Terms at random slopes, and the slope of a column in an equation."""
    k = np.random.default_rng(seed).normal(size=len(layout.used))
    values = dict(
        zip(names_of(layout), layout.products.evaluate(k[None, :])[0], strict=True)
    )
    used = zip(layout.used, k.tolist(), strict=True)
    slope = {(layout.equation_terms[e].name, layout.names[c]): v for (e, c), v in used}
    return values, lambda equation, column: slope.get((equation, column), 0.0)


# --- side by side and in a chain ------------------------------------------------------


def test_parallel_equations_and_terms() -> None:
    layout = laid_out(Mediation("y", "x", ["m1", "m2"], ["w", "z"]))
    assert equations(layout) == {
        "total": ("y", ["x", "w", "z"]),
        "mediator:m1": ("m1", ["x", "w", "z"]),
        "mediator:m2": ("m2", ["x", "w", "z"]),
        "outcome": ("y", ["x", "m1", "m2", "w", "z"]),
    }
    assert names_of(layout) == (
        *(
            "total",
            "direct",
            "indirect",
            "indirect:m1",
            "indirect:m2",
            "proportion_mediated",
        ),
    )
    assert (layout.routes, layout.variable, layout.quantiles.size) == ((), "", 0)
    assert [layout.names[j] for j in layout.partial] == ["m1", "m2"]
    outcome, regressors = layout.equations[-1]
    assert layout.names[outcome] == "y"
    assert {layout.names[j] for j in regressors} == {"x", "m1", "m2", "w", "z"}
    values, k = effects(layout)
    first, second = (
        k("mediator:m1", "x") * k("outcome", "m1"),
        k("mediator:m2", "x") * k("outcome", "m2"),
    )
    assert values == pytest.approx(
        {
            "total": k("total", "x"),
            "direct": k("outcome", "x"),
            "indirect": first + second,
            "indirect:m1": first,
            "indirect:m2": second,
            "proportion_mediated": (first + second) / k("total", "x"),
        }
    )


def test_columns_are_levels_in_the_order_of_their_names() -> None:
    spec = Mediation("y", "x", "m1", moderator="w", moderates=("a", "b"))
    layout, sample = laid_out(spec), cut(spec)
    assert layout.names == ("y", "x", "m1", "w", "x:w", "m1:w")
    m = sample.columns("mediators")[:, 0]
    np.testing.assert_array_equal(layout.columns[:, 4], X * W)
    np.testing.assert_array_equal(layout.columns[:, 5], m * W)
    np.testing.assert_array_equal(
        layout.columns[:, :3], np.column_stack([sample.columns("y")[:, 0], X, m])
    )


def test_serial_chains_are_products_along_the_way() -> None:
    mediators = ["m1", "m2", "m3"]
    layout = laid_out(Mediation("y", "x", mediators, ["z"], structure="serial"))
    assert equations(layout) == {
        "total": ("y", ["x", "z"]),
        "mediator:m1": ("m1", ["x", "z"]),
        "mediator:m2": ("m2", ["x", "m1", "z"]),
        "mediator:m3": ("m3", ["x", "m1", "m2", "z"]),
        "outcome": ("y", ["x", "m1", "m2", "m3", "z"]),
    }
    chains = ["m1", "m2", "m3", "m1>m2", "m1>m3", "m2>m3", "m1>m2>m3"]
    assert names_of(layout) == (
        *("total", "direct", "indirect"), *(f"indirect:{c}" for c in chains),
        "proportion_mediated"
    )  # fmt: skip
    values, k = effects(layout)
    for name in chains:
        steps = name.split(">")
        want = k(f"mediator:{steps[0]}", "x") * k("outcome", steps[-1])
        for earlier, later in pairwise(steps):
            want *= k(f"mediator:{later}", earlier)
        assert values[f"indirect:{name}"] == pytest.approx(want), name
    assert values["indirect"] == pytest.approx(
        sum(values[f"indirect:{c}"] for c in chains)
    )


def test_a_chain_of_six_has_sixty_three_terms() -> None:
    names = [f"n{i}" for i in range(6)]
    more = dict(zip(names, np.random.default_rng(3).normal(size=(6, 8)), strict=True))
    layout = laid_out(Mediation("y", "x", names, structure="serial"), **more)
    assert len(names_of(layout)) == 4 + 63
    assert len(set(names_of(layout))) == len(names_of(layout))


# --- effects that depend on a variable ------------------------------------------------


@pytest.mark.parametrize("moderates", SUBSETS, ids="+".join)
@pytest.mark.parametrize(
    "everywhere", [False, True], ids=["where it moves", "in x too"]
)
def test_moderated_equations(moderates, everywhere) -> None:
    controls = ["w", "z"] if everywhere else ["z"]
    spec = Mediation(
        "y", "x", ["m1", "m2"], controls, moderator="w", moderates=moderates
    )
    actual = equations(laid_out(spec))
    level = [] if everywhere else ["w"]
    first = ["x", "x:w", *level] if "a" in moderates else ["x"]
    outcome = ["x", "x:w"] if "direct" in moderates else ["x"]
    outcome += ["m1", "m2", *(["m1:w", "m2:w"] if "b" in moderates else [])]
    outcome += level if {"b", "direct"} & set(moderates) else []
    assert actual == {
        "total": ("y", ["x", "x:w", *level, *controls]),
        "mediator:m1": ("m1", [*first, *controls]),
        "mediator:m2": ("m2", [*first, *controls]),
        "outcome": ("y", [*outcome, *controls]),
    }


@pytest.mark.parametrize("moderates", SUBSETS, ids="+".join)
def test_moderated_terms_are_means_over_the_rows(moderates) -> None:
    layout = laid_out(
        Mediation("y", "x", ["m1", "m2"], moderator="w", moderates=moderates)
    )
    values, k = effects(layout)
    a, b, direct = (word in moderates for word in ("a", "b", "direct"))

    def indirect(m, w):
        first = k(f"mediator:{m}", "x") + a * k(f"mediator:{m}", "x:w") * w
        return first * (k("outcome", m) + b * k("outcome", f"{m}:w") * w)

    def straight(w):
        return k("outcome", "x") + direct * k("outcome", "x:w") * w

    want = {f"indirect:{m}": np.mean([indirect(m, w) for w in W]) for m in ("m1", "m2")}
    want = {
        "direct": np.mean([straight(w) for w in W]),
        "indirect": sum(want.values()),
        **want,
    }
    want = {"total": want["direct"] + want["indirect"], **want}
    if a != b:
        for m in ("m1", "m2"):
            want[f"index:{m}"] = (
                k(f"mediator:{m}", "x:w") * k("outcome", m)
                if a
                else k(f"mediator:{m}", "x") * k("outcome", f"{m}:w")
            )
    if direct:
        want["index:direct"] = k("outcome", "x:w")
    points = {
        p: np.quantile(W, q) for p, q in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9))
    }
    if direct:
        want |= {f"direct:{p}": straight(w) for p, w in points.items()}
    if a or b:
        want |= {
            f"indirect:{m}:{p}": indirect(m, w)
            for m in ("m1", "m2")
            for p, w in points.items()
        }
    want["proportion_mediated"] = want["indirect"] / want["total"]
    assert list(names_of(layout)) == list(want)
    assert values == pytest.approx(want, rel=1e-12)
    assert layout.variable == "w"
    np.testing.assert_allclose(layout.quantiles, np.quantile(W, np.arange(101) / 100))
    assert [r.name for r in layout.routes] == [
        *(["direct"] if direct else []), *(["indirect:m1",
                "indirect:m2"] if a or b else [])
    ]  # fmt: skip
    assert layout.partial == ()


@pytest.mark.parametrize("words", [("a",), ("direct",), ("a", "direct")], ids="+".join)
def test_quadratic_terms_are_means_over_the_rows(words) -> None:
    layout = laid_out(Mediation("y", "x", ["m1", "m2"], ["z"], quadratic=words))
    bent = ["x", "I(x**2)"]
    assert equations(layout) == {
        "total": ("y", [*bent, "z"]),
        "mediator:m1": ("m1", [*(bent if "a" in words else ["x"]), "z"]),
        "mediator:m2": ("m2", [*(bent if "a" in words else ["x"]), "z"]),
        "outcome": ("y", [*(bent if "direct" in words else ["x"]), "m1", "m2", "z"]),
    }
    np.testing.assert_array_equal(
        layout.columns[:, layout.names.index("I(x**2)")], X**2
    )
    values, k = effects(layout)

    def slope(equation, x):
        return k(equation, "x") + 2 * k(equation, "I(x**2)") * x

    def indirect(m, x):
        return slope(f"mediator:{m}", x) * k("outcome", m)

    want = {f"indirect:{m}": np.mean([indirect(m, x) for x in X]) for m in ("m1", "m2")}
    want = {
        "direct": np.mean([slope("outcome", x) for x in X]),
        "indirect": sum(want.values()), **want
    }  # fmt: skip
    want = {"total": want["direct"] + want["indirect"], **want}
    points = {
        p: np.quantile(X, q) for p, q in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9))
    }
    if "direct" in words:
        want |= {f"direct:{p}": slope("outcome", x) for p, x in points.items()}
    if "a" in words:
        want |= {
            f"indirect:{m}:{p}": indirect(m, x)
            for m in ("m1", "m2")
            for p, x in points.items()
        }
    want["proportion_mediated"] = want["indirect"] / want["total"]
    assert list(names_of(layout)) == list(want)
    assert values == pytest.approx(want, rel=1e-12)
    assert layout.variable == "x"


@pytest.mark.parametrize("mediators", [("m1",), ("m1", "m2")], ids=["one", "two"])
@pytest.mark.parametrize("level", [True, False])
def test_terms_by_regime_are_means_over_the_rows(mediators, level) -> None:
    layout = laid_out(
        Mediation("y", "x", mediators, ["z"], threshold=("w", 1.0)), level=level
    )
    low = W <= 1.0
    common = ["intercept:regime1", "z"] if level else ["z"]
    assert low.sum() == 4
    halves = [f"{m}:{r}" for m in mediators for r in ("regime1", "regime2")]
    split = ["x:regime1", "x:regime2"]
    assert equations(layout) == {
        "total": ("y", [*split, *common]),
        **{f"mediator:{m}": (m, [*split, *common]) for m in mediators},
        "outcome": ("y", [*split, *halves, *common]),
    }
    if level:
        np.testing.assert_array_equal(
            layout.columns[:, layout.names.index("intercept:regime1")], low
        )
    for name, rows in (("x:regime1", low), ("x:regime2", ~low)):
        np.testing.assert_array_equal(
            layout.columns[:, layout.names.index(name)], X * rows
        )
    values, k = effects(layout)

    def indirect(m, r):
        return k(f"mediator:{m}", f"x:{r}") * k("outcome", f"{m}:{r}")

    where = ["regime1" if here else "regime2" for here in low]
    want = {
        f"indirect:{m}": np.mean([indirect(m, r) for r in where]) for m in mediators
    }
    want = {
        "direct": np.mean([k("outcome", f"x:{r}") for r in where]),
        "indirect": sum(want.values()), **want
    }  # fmt: skip
    want = {"total": want["direct"] + want["indirect"], **want}
    for r in ("regime1", "regime2"):
        here = {f"indirect:{m}:{r}": indirect(m, r) for m in mediators}
        direct, through = k("outcome", f"x:{r}"), sum(here.values())
        want |= {f"total:{r}": direct + through, f"direct:{r}": direct}
        want |= {f"indirect:{r}": through} if len(mediators) > 1 else {}
        want |= here
    want["difference:direct"] = want["direct:regime2"] - want["direct:regime1"]
    want |= {
        f"difference:{m}": indirect(m, "regime2") - indirect(m, "regime1")
        for m in mediators
    }
    want["proportion_mediated"] = want["indirect"] / want["total"]
    assert list(names_of(layout)) == list(want)
    assert values == pytest.approx(want, rel=1e-12)
    assert (layout.variable, layout.routes) == ("w", ())


def test_a_row_at_the_threshold_is_in_the_low_regime() -> None:
    at, below = (
        laid_out(Mediation("y", "x", "m1", threshold=("w", g))) for g in (2.0, 1.999)
    )
    place = at.names.index("x:regime1")
    assert at.columns[2, place] == X[2]
    assert below.columns[2, place] == 0.0


def test_functions_of_columns_keep_their_names() -> None:
    spec = Mediation("y", "exp(x)", "m1", ["lag(z)"], quadratic="a")
    layout = laid_out(spec)
    assert equations(layout)["mediator:m1"] == (
        "m1",
        ["exp(x)", "I(exp(x)**2)", "lag(z)"],
    )
    moderated = Mediation(
        "y", "x", "m1", ["exp(w)"], moderator="exp( w )", moderates="b"
    )
    actual = equations(laid_out(moderated))
    assert actual["outcome"] == (
        "y",
        ["x", "m1", f"m1:{cut(moderated).names_of('moderator')[0]}", "exp(w)"],
    )


# --- refusals -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("controls", "options", "words"),
    [
        (
            ["x:w"],
            {"moderator": "w", "moderates": "a"},
            "'x:w' is among the terms, but moderates adds it",
        ),
        (["m1 : w"], {"moderator": "w", "moderates": "b"}, "'m1:w' is among the terms"),
        (
            ["I(x ** 2)"],
            {"quadratic": "a"},
            r"'I\(x\*\*2\)' is among the terms, but quadratic adds it",
        ),
    ],
)
def test_a_term_that_is_made_anyway_is_refused(controls, options, words) -> None:
    with pytest.raises(TermError, match=words):
        laid_out(Mediation("y", "x", "m1", controls, **options))


def test_a_column_called_like_a_regime_is_refused() -> None:
    spec = Mediation("y", "x", "m1", ["x:regime2"], threshold=("w", 1.0))
    with pytest.raises(
        TermError, match="'x:regime2' is among the terms, but threshold adds it"
    ):
        laid_out(spec, **{"x:regime2": X**3})


@pytest.mark.parametrize("name", ["y", "x", "m2"])
def test_a_moderator_has_a_place_of_its_own(name) -> None:
    spec = Mediation("y", "x", ["m1", "m2"], moderator=name, moderates="a")
    with pytest.raises(
        TermError,
        match=rf"moderator='{name}' is the outcome, the treatment or a mediator",
    ):
        laid_out(spec)


# --- terms of effects -----------------------------------------------------------------

LOW, HIGH = threshold_regimes("urban", 0.5)
THROUGH = effect("indirect", "jobs")
P10 = Point("w", "p10", 1.5)


@pytest.mark.parametrize(
    ("term", "name"),
    [
        (effect("total"), "total"),
        (THROUGH, "indirect:jobs"),
        (effect("indirect", "jobs", "wages"), "indirect:jobs>wages"),
        (change_term(THROUGH, "index"), "index:jobs"),
        (change_term(effect("direct"), "difference"), "difference:direct"),
        (term_at_point(THROUGH, P10), "indirect:jobs:p10"),
        (term_in_regime(effect("total"), HIGH), "total:regime2"),
    ],
)
def test_a_term_is_named_where_it_is_made(term, name):
    assert term.name == name
    assert term.family == "mediation"


def test_regimes_part_at_the_threshold():
    assert (LOW.lower, LOW.upper, HIGH.lower, HIGH.upper) == (
        -math.inf,
        0.5,
        0.5,
        math.inf,
    )
    assert [r.condition("Urban", 2) for r in (LOW, HIGH)] == [
        "Urban <= 0.5",
        "Urban > 0.5",
    ]


def test_parts_and_changes_know_their_effect():
    for term in (
        term_at_point(THROUGH, P10),
        term_in_regime(THROUGH, LOW),
        change_term(THROUGH, "index"),
        THROUGH,
    ):
        assert overall_term(term) == THROUGH
        assert is_specific(term) == (term is THROUGH)
    assert overall_term(change_term(effect("direct"), "index")) == effect("direct")
    assert not is_specific(effect("indirect"))


def test_mediators_with_signs_of_effects_in_their_names_stay_whole():
    panel = dp.datasets.us_states().assign(**{"K>L": "unemp", "a:b": "log(emp)"})
    spec = dp.Mediation(
        "log(gsp)", "log(pc)", ["K>L", "a:b"], structure="serial", reps=20
    )
    with pytest.warns(dp.DigiprosperWarning):
        results = spec.fit(panel, rng=1)
    paths = [term.path for term in results.terms if is_specific(term)]
    assert paths == [("K>L",), ("a:b",), ("K>L", "a:b")]
    assert tuple(term.name for term in results.terms) == results.names
    assert np.isfinite(results.contrasts()["estimate"]).all()
