"""Oster's bound: regressions by hand, a known truth, invariances, bad input."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq

import digiprosper as dp
from digiprosper import FixedEffects, FixedEffectsIV, Panel, oster_bound
from digiprosper.errors import (
    CollinearityError,
    ColumnError,
    DigiprosperError,
    IdentificationError,
    InputTypeError,
    MissingDataWarning,
    OptionError,
    TermError,
)
from digiprosper.linear.oster_bound import (
    TwoRegressions,
    adjusted_slopes,
    delta_for_slope,
    two_regressions,
)

POOLED: dict[str, Any] = {
    "entity_effects": False,
    "time_effects": False,
    "cov_type": "robust",
}


def made(
    seed: int = 1, n: int = 30, periods: int = 8, *, gaps: bool = True
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    for name in ("a", "b", "m", "e"):
        frame[name] = rng.normal(size=len(frame)) + rng.normal(size=n)[frame["i"]]
    frame["x"] = (
        frame["a"] - 0.5 * frame["b"] + 0.3 * frame["m"] + rng.normal(size=len(frame))
    )
    frame["y"] = 0.4 * frame["x"] + frame["a"] - frame["b"] + frame["m"] + frame["e"]
    frame["w"] = rng.uniform(0.5, 2, size=len(frame))
    frame["r"] = frame["i"] % 3
    if gaps:
        frame.loc[rng.integers(0, len(frame), 9), "b"] = np.nan
        frame = frame[rng.uniform(size=len(frame)) > 0.1]
    return frame.reset_index(drop=True)


def bound(spec: FixedEffects, frame: pd.DataFrame, **options: Any) -> pd.Series:
    given = {"term": "x", "controls": ["a", "b"], **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return oster_bound(spec, Panel(frame, "i", "t"), **given).iloc[0]


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize(
    "effects",
    [POOLED, {}, {"time_effects": False}, {"absorb": ["r^t"], "time_effects": False}],
)
def test_regressions_are_those_with_every_dummy(effects, weights) -> None:
    frame = made()
    spec = FixedEffects("y", ["x", "m", "a", "b"], obs_weights=weights, **effects)
    actual = bound(spec, frame)

    rows = frame.dropna()
    dummies = [np.ones((len(rows), 1))]
    if effects is not POOLED:
        dummies.append(pd.get_dummies(rows["i"]).to_numpy(float))
    if effects == {}:
        dummies.append(pd.get_dummies(rows["t"]).to_numpy(float))
    if "absorb" in effects:
        dummies.append(pd.get_dummies(rows["r"] * 100 + rows["t"]).to_numpy(float))
    root = np.sqrt(rows["w"].to_numpy() if weights else np.ones(len(rows)))[:, None]
    basis = np.column_stack(dummies) * root
    net = {
        name: column - basis @ np.linalg.lstsq(basis, column, rcond=None)[0]
        for name, column in (
            (name, rows[name].to_numpy() * root[:, 0]) for name in "yxmab"
        )
    }
    expected = two_regressions(
        net["y"], net["x"], net["m"][:, None], np.column_stack([net["a"], net["b"]])
    )
    assert actual["beta_uncontrolled"] == pytest.approx(
        expected.slope_without, rel=1e-9
    )
    assert actual["beta_controlled"] == pytest.approx(expected.slope_with, rel=1e-9)
    assert actual["rsquared_uncontrolled"] == pytest.approx(
        expected.rsquared_without, rel=1e-9
    )
    assert actual["rsquared_max"] == pytest.approx(
        min(1.3 * expected.rsquared_with, 1), rel=1e-9
    )
    assert actual["beta_adjusted"] == pytest.approx(
        adjusted_slopes(expected, 1.0, actual["rsquared_max"])[0], rel=1e-7
    )
    assert actual["delta_zero"] == pytest.approx(
        delta_for_slope(expected, 0.0, actual["rsquared_max"]), rel=1e-7
    )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        panel = Panel(rows, "i", "t")
        fit, short = spec.fit(panel), spec.drop("a", "b").fit(panel)
    assert actual["beta_controlled"] == pytest.approx(fit.params["x"], rel=1e-10)
    assert actual["beta_uncontrolled"] == pytest.approx(short.params["x"], rel=1e-10)
    assert actual["rsquared_controlled"] == pytest.approx(
        fit.rsquared_within, rel=1e-10
    )
    assert actual["rsquared_uncontrolled"] == pytest.approx(
        short.rsquared_within, rel=1e-10
    )


@pytest.mark.many(1)
@pytest.mark.parametrize("degree", [0.5, 1.0, 1.5, -0.8])
@pytest.mark.parametrize("effects", [POOLED, {}])
def test_a_slope_biased_by_proportional_selection_is_recovered(degree, effects) -> None:
    """The omitted index is selected `degree` times as strongly as the controls'."""
    rng = np.random.default_rng(5)
    n, periods = 20_000, 6
    size = n * periods
    w1, w2, omitted, noise = rng.normal(size=(4, size)) * [[1], [1], [1.2], [1]]
    observed = w1 + 0.5 * w2
    # Covariance of the treatment with an index over the variance of the index
    strength = 0.3
    x = strength * 1.25 * w1 + degree * strength * omitted + rng.normal(size=size)
    y = 0.7 * x + observed + omitted + noise
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(n), periods), "t": np.tile(np.arange(periods), n)}
    )
    frame = frame.assign(x=x, w1=w1, w2=w2, y=y, h=omitted)
    if effects == {}:
        frame["y"] += 3 * rng.normal(size=n)[frame["i"]]
        frame["x"] += rng.normal(size=n)[frame["i"]]
    long = FixedEffects("y", ["x", "w1", "w2", "h"], **effects).fit(
        Panel(frame, "i", "t")
    )
    spec = FixedEffects("y", ["x", "w1", "w2"], **effects)
    actual = bound(
        spec,
        frame,
        controls=["w1", "w2"],
        delta=degree,
        rsquared_max=long.rsquared_within,
    )
    assert abs(actual["beta_controlled"] - 0.7) > 0.1
    assert actual["beta_adjusted"] == pytest.approx(0.7, abs=0.02)


def test_rows_with_a_missing_control_are_in_neither_regression() -> None:
    frame = made()
    spec = FixedEffects("y", ["x", "m", "a", "b"])
    with pytest.warns(MissingDataWarning):
        actual = oster_bound(spec, Panel(frame, "i", "t"), "x", ["a", "b"]).iloc[0]
    complete = frame.dropna().reset_index(drop=True)
    assert actual.drop("term").astype(float).to_numpy() == pytest.approx(
        bound(spec, complete).drop("term").astype(float).to_numpy(), rel=1e-10
    )


def test_order_units_and_spelling_do_not_matter() -> None:
    frame = made(2)
    spec = FixedEffects("y", ["x", "m", "a", "b"])
    expected = bound(spec, frame)
    other = spec.replace(x=["b", "x", "a", "m"])
    mixed = bound(other, frame.sample(frac=1, random_state=1), controls=["b", "a"])
    assert mixed.drop("term").astype(float).to_numpy() == pytest.approx(
        expected.drop("term").astype(float).to_numpy(), rel=1e-8
    )
    units = bound(
        spec,
        frame.assign(x=frame["x"] * 1e5, y=frame["y"] / 1e3 + 7, a=frame["a"] * 1e4),
    )
    assert units["beta_adjusted"] * 1e8 == pytest.approx(
        expected["beta_adjusted"], rel=1e-7
    )
    assert units["delta_zero"] == pytest.approx(expected["delta_zero"], rel=1e-7)
    turned = bound(spec, frame.assign(x=-frame["x"]))
    assert (turned["bound_low"], turned["bound_high"]) == pytest.approx(
        (-expected["bound_high"], -expected["bound_low"]), rel=1e-8
    )
    typed = bound(spec.replace(x=["I(x * 1)", "m", "a", "b"]), frame, term="I(x*1)")
    assert typed["term"] == "I(x * 1)"


def test_a_category_is_a_control_with_all_its_dummies() -> None:
    frame = made(3, gaps=False)
    frame["kind"] = np.random.default_rng(1).integers(0, 4, size=len(frame))
    frame["x"] += frame["kind"] % 2
    spec = FixedEffects("y", ["x", "m", "C(kind)"])
    actual = bound(spec, frame, controls=["C(kind)"])
    short = spec.drop("C(kind)").fit(Panel(frame, "i", "t"))
    assert actual["beta_uncontrolled"] == pytest.approx(short.params["x"], rel=1e-10)


def test_limits_of_the_r2() -> None:
    frame = made(4)
    spec = FixedEffects("y", ["x", "m", "a", "b"])
    whole = bound(spec, frame, rmax=math.inf)
    assert whole["rsquared_max"] == 1
    assert whole["beta_adjusted"] == bound(spec, frame, rsquared_max=1)["beta_adjusted"]
    multiple = bound(spec, frame, rmax=np.float64(1.1))
    assert multiple["rsquared_max"] == pytest.approx(
        1.1 * multiple["rsquared_controlled"]
    )
    assert bound(spec, frame, delta=0)["beta_adjusted"] == whole["beta_controlled"]


def test_at_the_selection_that_it_needs_the_slope_is_zero() -> None:
    for seed in range(5):
        frame = made(seed)
        spec = FixedEffects("y", ["x", "m", "a", "b"])
        degree = bound(spec, frame)["delta_zero"]
        if 0 < degree < 1:
            again = bound(spec, frame, delta=degree)
            assert again["beta_adjusted"] == pytest.approx(0, abs=1e-9)
            assert not bound(spec, frame)["excludes_zero"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"spec": FixedEffects("y", ["x", "a", "b"]).fit}, InputTypeError),
        ({"spec": FixedEffectsIV("y", ["a"], ["x"], ["m"])}, InputTypeError),
        ({"panel": made()}, InputTypeError),
        ({"term": 3}, InputTypeError),
        ({"term": "z"}, TermError),
        ({"term": "a"}, TermError),
        ({"controls": []}, OptionError),
        ({"controls": ["z"]}, TermError),
        ({"controls": ["a", "a"]}, TermError),
        ({"controls": 5}, InputTypeError),
        ({"rmax": 1}, OptionError),
        ({"rmax": 0.9}, OptionError),
        ({"rmax": float("nan")}, OptionError),
        ({"rmax": "1.3"}, OptionError),
        ({"rmax": True}, OptionError),
        ({"rsquared_max": 0.01}, OptionError),
        ({"rsquared_max": 1.01}, OptionError),
        ({"delta": float("inf")}, OptionError),
        ({"delta": None}, OptionError),
        ({"delta": 1e6}, IdentificationError),
        (
            {"spec": FixedEffects("y", ["x", "a", "nothing"]), "controls": ["a"]},
            ColumnError,
        ),
        (
            {"spec": FixedEffects("y", ["x", "a", "I(x ** 2)"]), "controls": ["a"]},
            TermError,
        ),
        (
            {"spec": FixedEffects("y", ["x", "a", "copy"]), "controls": ["copy"]},
            CollinearityError,
        ),
        ({"spec": FixedEffects("y", ["x", "r"]), "controls": ["r"]}, DigiprosperError),
        (
            {"spec": FixedEffects("sum", ["x", "a", "b"]), "controls": ["a", "b"]},
            IdentificationError,
        ),
    ],
)
def test_malformed_input_is_one_named_error(change, error) -> None:
    frame = made(gaps=False)
    frame["copy"], frame["sum"] = 2 * frame["a"], frame["x"] + frame["a"] + frame["b"]
    given: dict[str, Any] = {
        "spec": FixedEffects("y", ["x", "m", "a", "b"]),
        "term": "x",
    }
    given |= {"panel": Panel(frame, "i", "t"), "controls": ["a", "b"], **change}
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        with pytest.raises(error) as caught:
            oster_bound(**given)
    assert caught.value.problems


def test_controls_that_are_all_dropped_are_refused() -> None:
    frame = made(gaps=False).assign(copy=lambda f: 2 * f["m"])
    spec = FixedEffects("y", ["x", "m", "copy"], collinear="drop")
    with pytest.raises(IdentificationError) as caught:
        bound(spec, frame, controls=["copy"])
    assert caught.value.problems[0].code == "no_controls"


# --- slopes under proportional selection ----------------------------------------------


REFERENCE = json.loads(
    (Path(__file__).resolve().parents[1] / "reference" / "oster.json").read_text(
        encoding="utf-8"
    )
)


def drawn(
    seed: int, n: int = 80
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw an outcome, a treatment, a common regressor and two controls."""
    rng = np.random.default_rng(seed)
    m, w = rng.normal(size=(n, 1)), rng.normal(size=(n, 2))
    x = w @ rng.normal(size=2) + 0.5 * m[:, 0] + rng.normal(size=n)
    y = rng.normal() * x + w @ rng.normal(size=2) + m[:, 0] + rng.normal(size=n)
    return tuple(a - a.mean(axis=0) for a in (y * 7, x / 3, m, w))  # type: ignore[return-value]


def moments(seed: int) -> TwoRegressions:
    return two_regressions(*drawn(seed))


def equation(results: TwoRegressions, delta: float, limit: float, bias: float) -> float:
    """Oster's cubic as printed, in the units of a treatment with variance one."""
    yy, t = results.spread**2, results.unexplained
    moved = results.slope_without - results.slope_with
    hidden = (limit - results.rsquared_with) * yy
    added = (results.rsquared_with - results.rsquared_without) * yy
    return (
        delta * hidden * moved
        + bias * (delta * hidden * (1 - t) - added * t - t * moved**2)
        + bias**2 * t * moved * (delta - 2)
        + bias**3 * (delta - 1) * (t - t**2)
    )


def searched(results: TwoRegressions, delta: float, limit: float) -> list[float]:
    """Find every sign change of the cubic on a fine grid, the smallest bias first."""
    moved = results.slope_without - results.slope_with
    ends = np.concatenate(
        [-np.geomspace(1e5, 1e-9, 60000), np.geomspace(1e-9, 1e5, 60000)]
    ) * abs(moved)
    values = equation(results, delta, limit, ends)  # type: ignore[arg-type]
    places = np.flatnonzero(np.sign(values[:-1]) * np.sign(values[1:]) < 0)
    pairs = [(ends[place], ends[place + 1]) for place in places]
    roots = [
        brentq(lambda b: equation(results, delta, limit, b), *pair, rtol=1e-14)
        for pair in pairs
    ]
    allowed = [
        root
        for root in roots
        if np.sign(root) == np.sign(delta * moved)
        and moved * (moved + root * (1 - results.unexplained)) > 0
    ]
    return sorted(allowed, key=abs)


@pytest.mark.many(10)
@pytest.mark.parametrize("delta", [-1.0, 0.5, 1.0, 1.2, 2.0])
@pytest.mark.parametrize("seed", range(8))
def test_slopes_are_the_roots_of_the_cubic(seed, delta) -> None:
    actual = moments(seed)
    limit = min(1.3 * actual.rsquared_with, 1.0)
    expected = [actual.slope_with - root for root in searched(actual, delta, limit)]
    assert adjusted_slopes(actual, delta, limit) == pytest.approx(
        expected, rel=1e-8, abs=1e-10
    )


@pytest.mark.parametrize("seed", range(8))
def test_equal_selection_has_one_slope_that_of_the_closed_form(seed) -> None:
    actual = moments(seed)
    limit = min(1.5 * actual.rsquared_with, 1.0)
    yy, t = actual.spread**2, actual.unexplained
    moved = actual.slope_without - actual.slope_with
    hidden = (limit - actual.rsquared_with) * yy
    theta = (
        hidden * (1 - t)
        - (actual.rsquared_with - actual.rsquared_without) * yy * t
        - t * moved**2
    )
    root = np.sqrt(theta**2 + 4 * hidden * moved**2 * t)
    both = [(-theta - root) / (-2 * t * moved), (-theta + root) / (-2 * t * moved)]
    (bias,) = [b for b in both if np.sign(b) == np.sign(moved)]
    assert adjusted_slopes(actual, 1.0, limit) == pytest.approx(
        [actual.slope_with - bias], rel=1e-9
    )


@pytest.mark.parametrize("delta", [-0.7, 0.4, 1.0, 1.1])
def test_the_selection_needed_for_a_slope_gives_it_back(delta) -> None:
    for seed in range(8):
        actual = moments(seed)
        limit = min(1.3 * actual.rsquared_with, 1.0)
        for slope in adjusted_slopes(actual, delta, limit):
            assert delta_for_slope(actual, slope, limit) == pytest.approx(
                delta, rel=1e-7
            )


def test_numbers_of_bate() -> None:
    given, values = REFERENCE["moments"], REFERENCE["cases"][0]["values"]
    actual = TwoRegressions(
        slope_without=given["beta0"],
        slope_with=given["betatilde"],
        rsquared_without=given["R0"],
        rsquared_with=given["Rtilde"],
        spread=given["sigmay"] / given["sigmax"],
        unexplained=given["taux"] / given["sigmax"] ** 2,
    )
    (slope,) = adjusted_slopes(actual, 1.0, 0.61)
    assert slope == pytest.approx(values["beta"]["value"], abs=values["beta"]["atol"])
    delta = delta_for_slope(actual, 0.0, 0.61)
    assert delta == pytest.approx(values["delta"]["value"], rel=values["delta"]["rtol"])
    # The other root of the quadratic, in bate's second interval, is excluded by
    # assumption 3.
    other, width = (
        given["betatilde"] - values["other_root"]["value"],
        values["other_root"]["atol"],
    )
    assert (
        equation(actual, 1.0, 0.61, other - width)
        * equation(actual, 1.0, 0.61, other + width)
        < 0
    )


def test_regressions_are_those_of_least_squares() -> None:
    y, x, m, w = drawn(3)
    actual = two_regressions(y, x, m, w)
    for design, slope, share in (
        (np.column_stack([x, m]), actual.slope_without, actual.rsquared_without),
        (np.column_stack([x, m, w]), actual.slope_with, actual.rsquared_with),
    ):
        b, left = np.linalg.lstsq(design, y, rcond=None)[:2]
        assert slope == pytest.approx(b[0], rel=1e-12)
        assert share == pytest.approx(1 - left[0] / (y @ y), rel=1e-12)
    net = x - m @ np.linalg.lstsq(m, x, rcond=None)[0]
    both = np.column_stack([m, w])
    rest = x - both @ np.linalg.lstsq(both, x, rcond=None)[0]
    assert actual.unexplained == pytest.approx((rest @ rest) / (net @ net), rel=1e-12)
    assert actual.spread == pytest.approx(np.sqrt((y @ y) / (net @ net)), rel=1e-12)


def test_nothing_hidden_no_selection_or_no_movement_leave_the_slope() -> None:
    actual = moments(1)
    assert adjusted_slopes(actual, 0.0, 1.0) == [actual.slope_with]
    assert adjusted_slopes(actual, 1.0, actual.rsquared_with) == [actual.slope_with]
    still = TwoRegressions(0.5, 0.5, 0.1, 0.4, 2.0, 1.0)
    assert adjusted_slopes(still, 1.0, 0.6) == [0.5]
    assert delta_for_slope(still, 0.0, 0.6) == np.inf


def test_too_strong_a_selection_has_no_slope() -> None:
    assert adjusted_slopes(moments(0), 50.0, 1.0) == []
