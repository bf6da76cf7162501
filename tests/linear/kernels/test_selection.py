"""Oster's equations: a search for roots, the closed form, bate, least squares.

bate is the R package.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

from digiprosper.linear.kernels.selection import (
    TwoRegressions,
    adjusted_slopes,
    delta_for_slope,
    two_regressions,
)

REFERENCE = json.loads(
    (Path(__file__).resolve().parents[2] / "reference" / "oster.json").read_text(
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


def equation(found: TwoRegressions, delta: float, limit: float, bias: float) -> float:
    """Oster's cubic as printed, in the units of a treatment with variance one."""
    yy, t = found.spread**2, found.unexplained
    moved = found.slope_without - found.slope_with
    hidden = (limit - found.rsquared_with) * yy
    added = (found.rsquared_with - found.rsquared_without) * yy
    return (
        delta * hidden * moved
        + bias * (delta * hidden * (1 - t) - added * t - t * moved**2)
        + bias**2 * t * moved * (delta - 2)
        + bias**3 * (delta - 1) * (t - t**2)
    )


def searched(found: TwoRegressions, delta: float, limit: float) -> list[float]:
    """Find every sign change of the cubic on a fine grid, the smallest bias first."""
    moved = found.slope_without - found.slope_with
    ends = np.concatenate(
        [-np.geomspace(1e5, 1e-9, 60000), np.geomspace(1e-9, 1e5, 60000)]
    ) * abs(moved)
    values = equation(found, delta, limit, ends)  # type: ignore[arg-type]
    places = np.flatnonzero(np.sign(values[:-1]) * np.sign(values[1:]) < 0)
    pairs = [(ends[place], ends[place + 1]) for place in places]
    roots = [
        brentq(lambda b: equation(found, delta, limit, b), *pair, rtol=1e-14)
        for pair in pairs
    ]
    allowed = [
        root
        for root in roots
        if np.sign(root) == np.sign(delta * moved)
        and moved * (moved + root * (1 - found.unexplained)) > 0
    ]
    return sorted(allowed, key=abs)


@pytest.mark.many(10)
@pytest.mark.parametrize("delta", [-1.0, 0.5, 1.0, 1.2, 2.0])
@pytest.mark.parametrize("seed", range(8))
def test_slopes_are_the_roots_of_the_cubic(seed, delta) -> None:
    found = moments(seed)
    limit = min(1.3 * found.rsquared_with, 1.0)
    expected = [found.slope_with - root for root in searched(found, delta, limit)]
    assert adjusted_slopes(found, delta, limit) == pytest.approx(
        expected, rel=1e-8, abs=1e-10
    )


@pytest.mark.parametrize("seed", range(8))
def test_equal_selection_has_one_slope_that_of_the_closed_form(seed) -> None:
    found = moments(seed)
    limit = min(1.5 * found.rsquared_with, 1.0)
    yy, t = found.spread**2, found.unexplained
    moved = found.slope_without - found.slope_with
    hidden = (limit - found.rsquared_with) * yy
    theta = (
        hidden * (1 - t)
        - (found.rsquared_with - found.rsquared_without) * yy * t
        - t * moved**2
    )
    root = np.sqrt(theta**2 + 4 * hidden * moved**2 * t)
    both = [(-theta - root) / (-2 * t * moved), (-theta + root) / (-2 * t * moved)]
    (bias,) = [b for b in both if np.sign(b) == np.sign(moved)]
    assert adjusted_slopes(found, 1.0, limit) == pytest.approx(
        [found.slope_with - bias], rel=1e-9
    )


@pytest.mark.parametrize("delta", [-0.7, 0.4, 1.0, 1.1])
def test_the_selection_needed_for_a_slope_gives_it_back(delta) -> None:
    for seed in range(8):
        found = moments(seed)
        limit = min(1.3 * found.rsquared_with, 1.0)
        for slope in adjusted_slopes(found, delta, limit):
            assert delta_for_slope(found, slope, limit) == pytest.approx(
                delta, rel=1e-7
            )


def test_numbers_of_bate() -> None:
    given, values = REFERENCE["moments"], REFERENCE["cases"][0]["values"]
    found = TwoRegressions(
        slope_without=given["beta0"],
        slope_with=given["betatilde"],
        rsquared_without=given["R0"],
        rsquared_with=given["Rtilde"],
        spread=given["sigmay"] / given["sigmax"],
        unexplained=given["taux"] / given["sigmax"] ** 2,
    )
    (slope,) = adjusted_slopes(found, 1.0, 0.61)
    assert slope == pytest.approx(values["beta"]["value"], abs=values["beta"]["atol"])
    delta = delta_for_slope(found, 0.0, 0.61)
    assert delta == pytest.approx(values["delta"]["value"], rel=values["delta"]["rtol"])
    # The other root of the quadratic, in bate's second interval, is excluded by
    # assumption 3.
    other, width = (
        given["betatilde"] - values["other_root"]["value"],
        values["other_root"]["atol"],
    )
    assert (
        equation(found, 1.0, 0.61, other - width)
        * equation(found, 1.0, 0.61, other + width)
        < 0
    )


def test_regressions_are_those_of_least_squares() -> None:
    y, x, m, w = drawn(3)
    found = two_regressions(y, x, m, w)
    for design, slope, share in (
        (np.column_stack([x, m]), found.slope_without, found.rsquared_without),
        (np.column_stack([x, m, w]), found.slope_with, found.rsquared_with),
    ):
        b, left = np.linalg.lstsq(design, y, rcond=None)[:2]
        assert slope == pytest.approx(b[0], rel=1e-12)
        assert share == pytest.approx(1 - left[0] / (y @ y), rel=1e-12)
    net = x - m @ np.linalg.lstsq(m, x, rcond=None)[0]
    both = np.column_stack([m, w])
    rest = x - both @ np.linalg.lstsq(both, x, rcond=None)[0]
    assert found.unexplained == pytest.approx((rest @ rest) / (net @ net), rel=1e-12)
    assert found.spread == pytest.approx(np.sqrt((y @ y) / (net @ net)), rel=1e-12)


def test_nothing_hidden_no_selection_or_no_movement_leave_the_slope() -> None:
    found = moments(1)
    assert adjusted_slopes(found, 0.0, 1.0) == [found.slope_with]
    assert adjusted_slopes(found, 1.0, found.rsquared_with) == [found.slope_with]
    still = TwoRegressions(0.5, 0.5, 0.1, 0.4, 2.0, 1.0)
    assert adjusted_slopes(still, 1.0, 0.6) == [0.5]
    assert delta_for_slope(still, 0.0, 0.6) == np.inf


def test_too_strong_a_selection_has_no_slope() -> None:
    assert adjusted_slopes(moments(0), 50.0, 1.0) == []
