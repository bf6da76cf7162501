"""Each branch of steps and types, ratios and words; formulas of several mediators."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import FrozenInstanceError, replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from digiprosper.errors import IdentificationError, OptionError
from digiprosper.mediation.decisions import Decision, Test, two_step

YES, NO = 0.01, 0.4


def decide(mediator: str, **kw: Any) -> Decision:
    words = {"treatment": "x", "outcome": "y", "level": 0.95, "conventions": ""}
    return Decision(mediator, **{**words, **kw})


def decision(
    c: float = 0.5,
    a: float = 0.5,
    b: float = 0.6,
    ab: float = 0.3,
    d: float = 0.2,
    p: str = "11111",
    **kw: Any,
) -> Decision:
    """A decision from estimates and a word of ones (significant), c, a, b, ab, c'."""
    tests = [
        Test(value, value / 0.1, YES if on == "1" else NO)
        for value, on in zip((c, a, b, ab, d), p, strict=True)
    ]
    names = ("total", "a", "b", "indirect", "direct")
    return decide("m", **dict(zip(names, tests, strict=True)), **kw)


def literal(
    c: bool, a: bool, b: bool, ab: bool, d: bool, same: bool
) -> tuple[str, str, str, str | None]:
    """The five steps and the five types, read off the papers one after the other."""
    framing = "mediation" if c else "masking (suppression)"
    if ab and d:
        zhao = "complementary" if same else "competitive"
    elif ab:
        zhao = "indirect-only"
    else:
        zhao = "direct-only" if d else "no effect"
    if not (a and b) and not ab:
        return framing, "no indirect effect", zhao, None
    if not d:
        return framing, "complete mediation", zhao, None
    if same:
        return framing, "partial mediation", zhao, "indirect/total"
    return framing, "masking", zhao, "|indirect/direct|"


@pytest.mark.parametrize("answers", list(product([True, False], repeat=6)))
def test_every_way_through_the_steps(answers: tuple[bool, ...]) -> None:
    *told, same = answers
    actual = decision(d=0.2 if same else -0.2, p="".join("01"[on] for on in told))
    framing, branch, zhao, name = literal(*answers)
    assert (actual.framing, actual.branch, actual.zhao, actual.ratio_name) == (
        framing,
        branch,
        zhao,
        name,
    )
    ratio = {
        None: math.nan,
        "indirect/total": 0.3 / 0.5,
        "|indirect/direct|": 0.3 / 0.2,
    }[name]
    assert actual.ratio == pytest.approx(ratio, nan_ok=True)

    steps = actual.steps
    assert steps.index.tolist() == [1, 2, 3, 4, 5]
    assert list(steps.columns) == [
        "test",
        "estimate",
        "statistic",
        "p_value",
        "passed",
        "reached",
    ]
    c, a, b, ab, d = told
    assert steps["passed"].tolist() == [c, a and b, ab, d, same]
    goes_on = (a and b) or ab
    assert steps["reached"].tolist() == [
        True,
        True,
        not (a and b),
        goes_on,
        goes_on and d,
    ]
    assert steps["estimate"].iloc[[0, 2, 3]].tolist() == [
        0.5,
        0.3,
        actual.direct.estimate,
    ]
    assert steps["estimate"][5] == pytest.approx(0.3 / actual.direct.estimate)
    assert steps["p_value"].loc[:4].notna().all()
    # The p of ab is read from draws: no t belongs to it.
    assert steps["statistic"].notna().tolist() == [True, True, False, True, False]
    assert np.isnan(steps["p_value"][5])


@pytest.mark.parametrize(
    ("a", "b", "name"),
    [
        (Test(0.5, 5.0, 0.001), Test(-0.2, -3.0, 0.02), "b"),
        (Test(-0.2, -3.0, 0.02), Test(0.5, 5.0, 0.001), "a"),
        (Test(0.5, 60.0, 0.0), Test(0.2, -40.0, 0.0), "b"),
    ],
)
def test_the_second_step_shows_the_weaker_path(a: Test, b: Test, name: str) -> None:
    other = Test(0.1, 1.0, 0.3)
    row = decide("m", total=other, a=a, b=b, indirect=other, direct=other).steps.loc[2]
    assert row["test"] == f"a and b (weaker: {name})"
    assert row["p_value"] == max(a.p_value, b.p_value)
    assert (
        Test(row["estimate"], row["statistic"], row["p_value"])
        == {"a": a, "b": b}[name]
    )


def test_the_third_step_says_whose_p_it_shows() -> None:
    actual = decision(a=-0.5, p="10010")
    assert "bootstrap p" in actual.steps["test"][3]
    lines = {
        line[0]: line
        for line in actual.summary().splitlines()
        if line[:2] in ("2 ", "3 ")
    }
    assert lines["2"].split()[-4:] == ["-0.5", "-5.00", "0.400", "no"]
    assert lines["3"].split()[-3:] == ["0.3", "0.010", "yes"]


def test_a_t_that_rounds_to_zero_has_no_sign() -> None:
    none = Test(-0.0, -0.001, 1.0)
    actual = decide("m", total=none, a=none, b=none, indirect=none, direct=none)
    assert "-0" not in actual.summary().replace("---", "")


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_a_p_value_at_the_level_is_told_from_0(level: float) -> None:
    size = round(1 - level, 12)
    at, beyond = Test(0.1, 2.0, size), Test(0.1, 2.0, size + 1e-6)
    actual = decide(
        "m", total=at, a=at, b=beyond, indirect=at, direct=beyond, level=level
    )
    assert actual.steps["passed"].tolist() == [True, False, True, False, True]


def codes(results: Decision) -> list[str]:
    return [n.code for n in results.diagnostics]


def test_ratios_that_are_no_share_are_told_and_never_a_percentage() -> None:
    assert codes(decision()) == []
    above = decision(c=0.25)
    assert above.ratio == pytest.approx(1.2)
    assert codes(above) == ["ratio_above_one"]
    assert "indirect/total = 1.2" in above.summary()
    assert "120" not in above.summary()
    negative = decision(c=-0.25)
    assert negative.ratio == pytest.approx(-1.2)
    assert codes(negative) == ["ratio_negative"]
    masking = decision(d=-0.2)
    assert masking.ratio == pytest.approx(1.5)
    assert codes(masking) == ["ratio_above_one"]
    assert codes(decision(d=-0.4)) == []
    assert codes(decision(p="01111")) == ["total_near_zero"]
    assert codes(decision(p="11101")) == ["readings_differ"]
    assert codes(decision(p="11110", c=0.2)) == []
    assert above.diagnostics[0].data == {"mediator": "m", "ratio": above.ratio}


def test_zero_estimates_have_no_ratio() -> None:
    zero = Test(0.0, 0.0, 1.0)
    actual = decide("m", total=zero, a=zero, b=zero, indirect=zero, direct=zero)
    assert (actual.branch, actual.zhao) == ("no indirect effect", "no effect")
    assert math.isnan(actual.steps["estimate"][5])
    told = Test(0.3, 3.0, 0.01)
    actual = decide("m", total=zero, a=told, b=told, indirect=told, direct=told)
    assert actual.branch == "partial mediation"
    assert math.isnan(actual.ratio)


@pytest.mark.parametrize(
    "bad", [Test(math.nan, 1.0, 0.1), Test(0.1, 1.0, math.nan), Test(0.1, 1.0, 1.5)]
)
def test_a_path_without_a_test_is_refused_by_name(bad: Test) -> None:
    good = Test(0.3, 3.0, 0.01)
    with pytest.raises(IdentificationError, match="no test of the path 'b'"):
        decide("m", total=good, a=good, b=bad, indirect=good, direct=good)
    # A p from draws stands without a standard error.
    bare = replace(good, statistic=math.nan)
    assert (
        decide("m", total=good, a=good, b=good, indirect=bare, direct=good).zhao
        == "complementary"
    )
    with pytest.raises(OptionError, match="level"):
        decide("m", total=good, a=good, b=good, indirect=good, direct=good, level=95)


def test_the_reference_example_is_complete_mediation() -> None:
    # R 4.5.0 `lm` on pingouin's mediation.csv, X -> M -> Y.
    actual = decide(
        "M",
        total=Test(0.396126117147, 0.396126117147 / 0.111159788092, 0.0006),
        a=Test(0.561015316123, 0.561015316123 / 0.094480480429, 5e-8),
        b=Test(0.635494587192, 0.635494587192 / 0.10053394147, 8e-9),
        indirect=Test(0.356522196728, 4.32789111803, 1.50543854821e-05),
        direct=Test(0.0396039204187, 0.0396039204187 / 0.109648438254, 0.719),
    )
    assert (actual.framing, actual.branch, actual.zhao) == (
        "mediation",
        "complete mediation",
        "indirect-only",
    )
    assert actual.ratio_name is None
    assert math.isnan(actual.ratio)


def test_words_and_plain_data() -> None:
    actual = decision(
        d=-0.2,
        treatment="数字普惠金融",
        outcome="prosperity",
        conventions="Standard errors clustered by city",
    )
    text = actual.summary()
    assert text.startswith("数字普惠金融 -> m -> prosperity: masking")
    assert text.splitlines()[-1] == "Standard errors clustered by city."
    assert max(map(len, text.splitlines())) <= 80
    assert "Type (Zhao, Lynch & Chen 2010): competitive" in text
    assert "Ratio |indirect/direct|: 1.5" in text
    assert "the total effect is not significant at 5%" in decision(p="01111").summary()
    assert "Ratio" not in decision(p="11110").summary()
    assert text.count("not reached") == 1
    assert repr(actual) == text
    assert pickle.loads(pickle.dumps(actual)).to_dict() == actual.to_dict()
    out = json.loads(json.dumps(actual.to_dict(), allow_nan=False))
    assert (out["schema"], out["branch"], out["zhao"]) == (1, "masking", "competitive")
    assert [s["step"] for s in out["steps"]] == [1, 2, 3, 4, 5]
    assert out["steps"][4]["p_value"] is None
    assert decision(p="11110").to_dict()["ratio"] is None
    with pytest.raises(FrozenInstanceError):
        actual.level = 0.9  # type: ignore[misc]


# --- several mediators ----------------------------------------------------------------


def literal_adjustments(t: Any, p: Any, draws: Any) -> tuple[list[float], list[float]]:
    """Holm and Romano-Wolf, one test after the other."""
    k, order_p, order_t = len(t), np.argsort(p), np.argsort(-np.abs(t))
    holm, wolf = [0.0] * k, [0.0] * k
    worst = 0.0
    for place, j in enumerate(order_p):
        worst = max(worst, min(1.0, (k - place) * p[j]))
        holm[j] = worst
    worst = 0.0
    for place, j in enumerate(order_t):
        largest = np.abs(draws[:, order_t[place:]]).max(axis=1)
        worst = max(worst, (1 + (largest >= abs(t[j])).sum()) / (len(draws) + 1))
        wolf[j] = worst
    return holm, wolf


def test_two_step_is_its_formulas() -> None:
    rng = np.random.default_rng(5)
    a, s, p = (
        np.array([0.3, -0.2, 0.05]),
        np.array([0.1, 0.1, 0.04]),
        np.array([0.004, 0.05, 0.21]),
    )
    draws = a + s * (0.6 * rng.normal(size=(499, 1)) + 0.8 * rng.normal(size=(499, 3)))
    frame = two_step(["m", "n", "o"], a, s, p, draws, clusters=None)
    assert frame.index.name == "mediator"
    assert list(frame.columns) == [
        "estimate",
        "std_error",
        "statistic",
        "p_value",
        "p_holm",
        "p_romano_wolf",
    ]
    holm, wolf = literal_adjustments(a / s, p, (draws - a) / s)
    np.testing.assert_allclose(frame["p_holm"], holm, rtol=1e-13)
    np.testing.assert_allclose(frame["p_romano_wolf"], wolf, rtol=1e-13)
    np.testing.assert_array_equal(frame["statistic"], a / s)

    lost = np.vstack([draws, np.full((3, 3), np.nan), [[np.nan, 0.1, 0.1]]])
    np.testing.assert_array_equal(
        two_step(["m", "n", "o"], a, s, p, lost, clusters=None), frame
    )
    order = [2, 0, 1]
    turned = two_step(
        ["o", "m", "n"], a[order], s[order], p[order], draws[:, order], clusters=None
    )
    np.testing.assert_array_equal(turned.loc[["m", "n", "o"]], frame)


def test_a_mediator_without_an_error_leaves_the_family() -> None:
    rng = np.random.default_rng(6)
    a, s, p = (
        np.array([0.3, 0.2, 0.1]),
        np.array([0.1, np.nan, 0.1]),
        np.array([0.004, np.nan, 0.3]),
    )
    draws = a + 0.1 * rng.normal(size=(199, 3))
    frame = two_step(["m", "n", "o"], a, s, p, draws, clusters=None)
    alone = two_step(
        ["m", "o"], a[[0, 2]], s[[0, 2]], p[[0, 2]], draws[:, [0, 2]], clusters=None
    )
    assert frame.loc["n", ["statistic", "p_holm", "p_romano_wolf"]].isna().all()
    np.testing.assert_array_equal(frame.loc[["m", "o"]], alone)


def test_one_mediator_keeps_its_p() -> None:
    draws = np.linspace(-1, 1, 19)[:, None]
    frame = two_step(
        ["m"], np.array([0.3]), np.array([0.2]), np.array([0.14]), draws, clusters=None
    )
    assert frame.loc["m", "p_holm"] == 0.14
    assert (
        frame.loc["m", "p_romano_wolf"] == (1 + (np.abs(draws - 0.3) >= 0.3).sum()) / 20
    )
