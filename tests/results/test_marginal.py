"""Slopes that depend on values, against finite differences of the fitted equation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from digiprosper import FixedEffects, LinearResults, Panel
from digiprosper.errors import ColumnError, DigiprosperError, InputTypeError, TermError
from digiprosper.results.marginal import slope_weights


def panel() -> Panel:
    rng = np.random.default_rng(0)
    n = 480
    data = pd.DataFrame(rng.uniform(1, 2, size=(n, 4)), columns=["y", "x", "z", "K / L"])
    data = data.assign(i=np.repeat(np.arange(60), 8), t=np.tile(np.arange(8), 60))
    return Panel(data.assign(r=np.where(data["z"] > 1.5, "east", "west")), "i", "t")


def fit_of(*x: str) -> LinearResults:
    return FixedEffects("y", list(x)).fit(panel())


def by_difference(fit: LinearResults, values: dict[str, float], variable: str) -> float:
    """Numerical derivative of sum of b times term at given values."""
    one = pd.DataFrame({"i": [0, 0], "t": [0, 1], **{k: [v, v] for k, v in values.items()}})

    def height(step: float) -> float:
        moved = Panel(one.assign(**{variable: one[variable] + step}), "i", "t")
        sample = moved.sample({"x": list(fit.names)})
        return float(sample.columns("x")[0] @ fit.params.to_numpy())

    h = 1e-4
    return (height(h) - height(-h)) / (2 * h)


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
def test_slope_equals_finite_differences(x: tuple[str, ...], variable: str, column: str) -> None:
    fit = fit_of(*x)
    at = [1.1, 1.5, 1.9]
    means = {n: float(panel().frame[n].mean()) for n in ("x", "z", "K / L")}
    got = fit.marginal_effect(variable, {column: at})
    assert got.columns.tolist() == ["at", "estimate", "std_error", "conf_low", "conf_high"]
    expected = [by_difference(fit, {**means, column: v}, variable) for v in at]
    np.testing.assert_allclose(got["estimate"], expected, rtol=1e-6)


def test_standard_errors_by_hand() -> None:
    fit = fit_of("x", "I(x**2)", "z")
    got = fit.marginal_effect("x", {"x": [1.0, 1.8]}, level=0.9)
    weights = np.array([[1, 2.0, 0], [1, 3.6, 0]])
    se = np.sqrt(np.diag(weights @ fit.cov.to_numpy() @ weights.T))
    np.testing.assert_allclose(got["std_error"], se)
    np.testing.assert_allclose(got["conf_high"] - got["estimate"], stats.t.ppf(0.95, 59) * se)


def test_defaults_come_from_the_sample() -> None:
    fit = fit_of("x", "I(x**2)")
    low, mean, sd, high = fit.sample_stats.loc["x", ["min", "mean", "sd", "max"]]
    np.testing.assert_allclose(fit.marginal_effect("x")["at"], [low, mean - sd, mean, mean + sd, high])
    product = fit_of("x", "z", "x:z")
    assert product.marginal_effect("x")["at"].max() == pytest.approx(panel().frame["z"].max())


def test_a_plain_slope_is_the_coefficient() -> None:
    fit = fit_of("x", "z")
    got = fit.marginal_effect("x")
    assert len(got) == 1
    assert got["estimate"].iloc[0] == fit.params["x"]
    assert got["std_error"].iloc[0] == pytest.approx(fit.std_errors["x"])


def test_lags_are_other_columns() -> None:
    fit = fit_of("x", "lag(x)", "x:lag(x)")
    got = fit.marginal_effect("x", {"lag(x)": [1.5]})
    assert got["estimate"].iloc[0] == pytest.approx(fit.params["x"] + 1.5 * fit.params["x:lag(x)"])
    assert fit_of("x", "lag(x)").marginal_effect("lag(x)")["estimate"].iloc[0] == pytest.approx(
        fit_of("x", "lag(x)").params["lag(x)"]
    )


def test_products_with_a_category() -> None:
    fit = fit_of("x", "C(r):x", "C(r)")
    got = fit.marginal_effect("x", {"C(r)[T.west]": [0, 1]})
    b = fit.params
    np.testing.assert_allclose(got["estimate"], [b["x"], b["x"] + b["C(r)[T.west]:x"]])


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
    ],
)
def test_refusals(x: tuple[str, ...], call: Any, kind: type[DigiprosperError], words: str) -> None:
    with pytest.raises(kind, match=words):
        fit_of(*x).marginal_effect(*call)


def test_weights_of_terms_without_the_variable_are_zero() -> None:
    frame = pd.DataFrame({"mean": [2.0], "sd": [1.0], "min": [0.0], "max": [5.0]}, index=["x"])
    weights, values = slope_weights(("x", "xx", "I(x**2)", "z"), "x", {"x": [3.0]}, frame)
    np.testing.assert_array_equal(weights, [[1, 0, 6, 0]])
    np.testing.assert_array_equal(values, [3])
