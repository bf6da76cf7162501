"""Slopes that depend on values, against finite differences of the fitted equation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from digiprosper import FixedEffects, LinearResults, Panel, datasets
from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    IdentificationWarning,
    InputTypeError,
    OptionError,
    TermError,
)
from digiprosper.linear.marginal import default_points, slope_weights
from digiprosper.panel.terms import parse, term_factors
from digiprosper.report.terms import Term


def panel() -> Panel:
    rng = np.random.default_rng(0)
    n = 480
    data = pd.DataFrame(
        rng.uniform(1, 2, size=(n, 4)), columns=["y", "x", "z", "K / L"]
    )
    data = data.assign(i=np.repeat(np.arange(60), 8), t=np.tile(np.arange(8), 60))
    return Panel(data.assign(r=np.where(data["z"] > 1.5, "east", "west")), "i", "t")


def fit_of(*x: str) -> LinearResults:
    return FixedEffects("y", list(x)).fit(panel())


def by_difference(fit: LinearResults, values: dict[str, float], variable: str) -> float:
    """Numerical derivative of sum of b times term at given values."""
    one = pd.DataFrame(
        {"i": [0, 0], "t": [0, 1], **{k: [v, v] for k, v in values.items()}}
    )

    def height(step: float) -> float:
        moved = Panel(one.assign(**{variable: one[variable] + step}), "i", "t")
        sample = moved.sample({"x": list(fit.names)})
        return float(sample.columns("x")[0] @ fit.params.to_numpy())

    h = 1e-4
    return (height(h) - height(-h)) / (2 * h)


@pytest.mark.many(3)
@pytest.mark.parametrize(
    ("x", "variable", "column"),
    [
        (("x", "I(x**2)"), "x", "x"),
        (("x", "I(x ** 2)", "I(x**3)"), "x", "x"),
        (("x", "z", "x:z"), "x", "z"),
        (("x", "z", "x:z"), "z", "x"),
        (("x", "z", "I(x**2)", "z:I(x**2)"), "z", "x"),
        (("K / L", "I(`K / L`**2)"), "K / L", "K / L"),
        (("x", "z", "`K / L`", "x:`K / L`", "x:z"), "x", "z"),
        (("x", "z", "x:z", "I(x**2)"), "x", "x"),
        (("x", "z", "x:z", "I(x**2)"), "x", "z"),
        (("z", "x", "x:I(z**2)"), "x", "z"),
    ],
)
def test_slope_equals_finite_differences(
    x: tuple[str, ...], variable: str, column: str
) -> None:
    fit = fit_of(*x)
    at = [1.1, 1.5, 1.9]
    means = {n: float(panel().frame[n].mean()) for n in ("x", "z", "K / L")}
    got = fit.marginal_effect(variable, {column: at})
    assert got.columns.tolist() == [
        "at",
        "estimate",
        "std_error",
        "conf_low",
        "conf_high",
    ]
    expected = [by_difference(fit, {**means, column: v}, variable) for v in at]
    np.testing.assert_allclose(got["estimate"], expected, rtol=1e-6)


def test_standard_errors_by_hand() -> None:
    fit = fit_of("x", "I(x**2)", "z")
    got = fit.marginal_effect("x", {"x": [1.0, 1.8]}, level=0.9)
    weights = np.array([[1, 2.0, 0], [1, 3.6, 0]])
    se = np.sqrt(np.diag(weights @ fit.cov.to_numpy() @ weights.T))
    np.testing.assert_allclose(got["std_error"], se)
    np.testing.assert_allclose(
        got["conf_high"] - got["estimate"], stats.t.ppf(0.95, 59) * se
    )


def test_defaults_come_from_the_sample() -> None:
    fit = fit_of("x", "I(x**2)")
    low, mean, sd, high = fit.sample_stats.loc["x", ["min", "mean", "sd", "max"]]
    np.testing.assert_allclose(
        fit.marginal_effect("x")["at"], [low, mean - sd, mean, mean + sd, high]
    )
    product = fit_of("x", "z", "x:z")
    assert product.marginal_effect("x")["at"].max() == pytest.approx(
        panel().frame["z"].max()
    )


def test_slopes_beyond_the_sample_are_reported() -> None:
    fit = fit_of("x", "z", "x:z")
    low, high = fit.sample_stats.loc["z", ["min", "max"]]
    fit.marginal_effect("x", {"z": [low, high]})
    with pytest.warns(IdentificationWarning, match=r"; at 0 or 9 the effect is extra"):
        fit.marginal_effect("x", {"z": [0, high, 9]})


def test_a_plain_slope_is_the_coefficient() -> None:
    fit = fit_of("x", "z")
    got = fit.marginal_effect("x")
    assert len(got) == 1
    assert got["estimate"].iloc[0] == fit.params["x"]
    assert got["std_error"].iloc[0] == pytest.approx(fit.std_errors["x"])


def test_lags_are_other_columns() -> None:
    fit = fit_of("x", "lag(x)", "x:lag(x)")
    got = fit.marginal_effect("x", {"lag(x)": [1.5]})
    assert got["estimate"].iloc[0] == pytest.approx(
        fit.params["x"] + 1.5 * fit.params["x:lag(x)"]
    )
    assert fit_of("x", "lag(x)").marginal_effect("lag(x)")["estimate"].iloc[
        0
    ] == pytest.approx(fit_of("x", "lag(x)").params["lag(x)"])


def test_products_with_a_category() -> None:
    fit = fit_of("x", "C(r):x", "C(r)")
    got = fit.marginal_effect("x", {"r": ["west", "east"]})
    b = fit.params
    assert got["at"].tolist() == ["west", "east"]
    np.testing.assert_allclose(got["estimate"], [b["x"] + b["C(r)[T.west]:x"], b["x"]])


SLOPES = {"e": 1.0, "m: [a]": 2.0, "w": 4.0}


def by_region(code: Any = None) -> LinearResults:
    """Slopes of three regions, known exactly but for noise of 1e-9."""
    rng = np.random.default_rng(3)
    data = pd.DataFrame(
        {"i": np.repeat(np.arange(60), 8), "t": np.tile(np.arange(8), 60)}
    )
    data = data.assign(x=rng.normal(2, 1, 480), z=rng.normal(5, 1, 480))
    names = np.array(list(SLOPES))[rng.choice(3, 480, p=[0.2, 0.3, 0.5])]
    data["r"] = [list(SLOPES).index(n) + 7 for n in names] if code else names
    noise = 1e-9 * rng.normal(size=480)
    data["y"] = (
        np.array([SLOPES[n] for n in names]) * data["x"]
        + 0.5 * data["x"] * data["z"]
        + noise
    )
    return FixedEffects("y", ["x", "C(r):x", "C(r)", "z", "x:z"]).fit(
        Panel(data, "i", "t")
    )


@pytest.mark.parametrize("code", [None, "whole numbers"])
def test_a_category_is_set_as_a_whole(code: str | None) -> None:
    fit = by_region(code)
    levels = [7, 8, 9] if code else list(SLOPES)
    inside = 0.5 * float(fit.sample_stats["mean"]["z"])
    for at in (None, {"r": levels}):
        got = fit.marginal_effect("x", at)
        assert got["at"].tolist() == levels
        np.testing.assert_allclose(
            got["estimate"], [v + inside for v in SLOPES.values()], rtol=1e-7
        )
    one = fit.marginal_effect("x", {"r": levels[1]})
    pd.testing.assert_frame_equal(one, got.iloc[[1]].reset_index(drop=True))


def test_a_category_that_is_not_set_is_at_its_shares() -> None:
    fit = by_region()
    shares = [float(fit.sample_stats["mean"][f"C(r)[T.{r}]"]) for r in list(SLOPES)[1:]]
    got = fit.marginal_effect("x", {"z": [4.0]})["estimate"][0]
    assert got == pytest.approx(1 + shares[0] * 1 + shares[1] * 3 + 2, rel=1e-7)


def test_the_slope_of_a_dummy_of_a_category() -> None:
    fit = fit_of("z", "C(r)", "C(r):z")
    got = fit.marginal_effect("C(r)[T.west]", {"z": [1.5]})["estimate"][0]
    assert got == pytest.approx(
        fit.params["C(r)[T.west]"] + 1.5 * fit.params["C(r)[T.west]:z"]
    )


def test_standard_errors_in_a_category_are_those_of_another_base() -> None:
    frame = panel().frame.assign(
        r=lambda f: np.where(f["r"] == "east", "zeast", f["r"])
    )
    first = fit_of("x", "C(r):x", "C(r)").marginal_effect("x", {"r": ["west"]})
    other = FixedEffects("y", ["x", "C(r):x", "C(r)"]).fit(Panel(frame, "i", "t"))
    assert first["std_error"][0] == pytest.approx(other.std_errors["x"], rel=1e-10)


def test_a_column_of_two_values_is_told_at_both() -> None:
    data = panel().frame.assign(d=lambda f: np.where(f["z"] > 1.2, 5.0, 3.0))
    fit = FixedEffects("y", ["x", "d", "x:d"]).fit(Panel(data, "i", "t"))
    assert fit.marginal_effect("x")["at"].tolist() == [3.0, 5.0]
    third = data.assign(d=np.where(np.arange(480) == 7, 4.0, data["d"]))
    fit = FixedEffects("y", ["x", "d", "x:d"]).fit(Panel(third, "i", "t"))
    low, mean, sd, high = fit.sample_stats.loc["d", ["min", "mean", "sd", "max"]]
    assert mean + sd > high
    np.testing.assert_allclose(
        fit.marginal_effect("x")["at"], [low, mean - sd, mean, high]
    )


@pytest.mark.parametrize(
    ("column", "points"),
    [
        ([200, 1.0, 5.0, 0.0, 1000.0], [0.0, 1.0, 6.0, 1000.0]),
        ([200, 9.2, 0.1, 9.0, 9.25], [9.0, 9.1, 9.2, 9.25]),
        ([200, 1e-17, 1.0, -3.0, 3.0], [-3.0, -1.0, 0.0, 1.0, 3.0]),
        (
            [200, -1e-14, 1e-2, -3.0, 3.0],
            [-3.0, -0.01 - 1e-14, -1e-14, 0.01 - 1e-14, 3.0],
        ),
        ([200, 0.0, 0.0, 0.0, 0.0], [0.0]),
    ],
)
def test_default_points_are_sorted_distinct_and_in_the_observed_range(
    column: list[float], points: list[float]
) -> None:
    frame = pd.DataFrame(
        [column], index=["z"], columns=["nobs", "mean", "sd", "min", "max"]
    )
    assert default_points(frame, "z").tolist() == pytest.approx(
        points, rel=1e-12, abs=0
    )
    for unit in (1e-9, 1e9):
        scaled = frame * [1, unit, unit, unit, unit]
        assert default_points(scaled, "z").tolist() == pytest.approx(
            [unit * point for point in points], rel=1e-12, abs=0
        )


@pytest.mark.parametrize(("column", "cure"), [("z", "'x:z'"), ("x", r"'I\(x\*\*2\)'")])
def test_a_constant_slope_is_said_to_be_constant(column: str, cure: str) -> None:
    with pytest.raises(
        ColumnError,
        match=rf"the marginal effect of 'x' is constant in this model.*{cure}",
    ):
        fit_of("x", "z").marginal_effect("x", {column: [1]})


@pytest.mark.parametrize(
    ("x", "call", "kind", "words"),
    [
        (("x",), ("w",), ColumnError, "'w'.*'x'"),
        (("x", "log(x)"), ("x",), TermError, r"log\(x\)"),
        (("x", "I(x*z)"), ("x",), TermError, r"I\(x\*z\)"),
        (("x", "I(x**2)"), ("x", {"z": [1]}), ColumnError, "'z' but on 'x'"),
        (("x", "I(x**2)"), ("x", {"x": [1], "z": [1]}), InputTypeError, "one column"),
        (("x", "I(x**2)"), ("x", [1, 2]), InputTypeError, "one column"),
        (("x", "I(x**2)"), ("x", {"x": ["a"]}), InputTypeError, "numbers"),
        (("x", "x:I(z**2):I(`K / L` + 1)"), ("x", {"z": [1]}), ColumnError, r"K / L"),
        (
            ("x", "C(r):x", "C(r)"),
            ("x", {"C(r)[T.west]": 1}),
            OptionError,
            r"at=\{'r': \['east', 'west'\]\}",
        ),
        (
            ("x", "C(r):x", "C(r)"),
            ("x", {"C(r)[T.west]": [0, 1]}),
            OptionError,
            "one dummy",
        ),
        (("x", "C(r):x", "C(r)"), ("x", {"C(r)": ["west"]}), OptionError, r"at=\{'r'"),
        (
            ("x", "C(r):x", "C(r)"),
            ("x", {"r": ["south"]}),
            OptionError,
            "'east', 'west'",
        ),
        (("x", "C(r):x", "C(r)"), ("x", {"r": [1]}), OptionError, "'east', 'west'"),
        (("x", "C(r):x", "C(r)"), ("x", {"r": []}), OptionError, "'east', 'west'"),
        (("x", "C(r):x", "x:z"), ("x", {"z": [1]}), ColumnError, r"at=\{'r': "),
    ],
)
def test_refusals(
    x: tuple[str, ...], call: Any, kind: type[DigiprosperError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        fit_of(*x).marginal_effect(*call)


def test_weights_of_terms_without_the_variable_are_zero() -> None:
    frame = pd.DataFrame(
        {"mean": [2.0], "sd": [1.0], "min": [0.0], "max": [5.0]}, index=["x"]
    )
    texts = ("x", "xx", "I(x**2)", "z")
    terms = [
        Term(text, factors=term_factors(parse(text, ["x", "xx", "z"], "x")))
        for text in texts
    ]
    weights, values = slope_weights(terms, "x", {"x": [3.0]}, frame, {})
    np.testing.assert_array_equal(weights, [[1, 0, 6, 0]])
    np.testing.assert_array_equal(values, [3])


@pytest.mark.parametrize("effects", [True, False])
def test_the_origin_of_the_columns_does_not_matter(effects: bool) -> None:
    rng = np.random.default_rng(5)
    keys = pd.DataFrame(
        {"i": np.repeat(np.arange(40), 8), "t": np.tile(np.arange(8), 40)}
    )
    far = keys.assign(
        x=3e4 + rng.normal(size=320),
        z=-3e4 + rng.normal(size=320),
        y=rng.normal(size=320),
    )
    near = far.assign(x=far["x"] - 3e4, z=far["z"] + 3e4)
    for terms, column in (
        (["x", "z", "x:z"], "z"),
        (["x", "I(x**2)", "z"], "x"),
        (["x:z", "z", "x"], "z"),
    ):
        spec = FixedEffects("y", terms, entity_effects=effects, time_effects=effects)
        shift = 3e4 if column == "x" else -3e4
        one = spec.fit(Panel(far, "i", "t")).marginal_effect(
            "x", {column: [shift - 2, shift + 1]}
        )
        other = spec.fit(Panel(near, "i", "t")).marginal_effect(
            "x", {column: [-2.0, 1.0]}
        )
        np.testing.assert_allclose(
            one.drop(columns="at"), other.drop(columns="at"), rtol=1e-6
        )


@pytest.mark.parametrize(("between", "two"), [(1.2e-9, False), (0.8e-9, True)])
def test_a_column_of_two_values_has_all_but_1e_9_of_the_variance_between_its_ends(
    between: float, two: bool
) -> None:
    variance = 0.25 - between
    column = [200, 0.5, np.sqrt(variance * 200 / 199), 0.0, 1.0]
    frame = pd.DataFrame(
        [column], index=["z"], columns=["nobs", "mean", "sd", "min", "max"]
    )
    assert (default_points(frame, "z").tolist() == [0.0, 1.0]) == two


def test_a_square_is_no_variable():
    fit = FixedEffects("log(gsp)", ["unemp", "I(unemp**2)"]).fit(datasets.us_states())
    with pytest.raises(ColumnError, match="no coefficient contains"):
        fit.marginal_effect("I(unemp**2)")
