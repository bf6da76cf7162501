"""The test of two turning points: sets, sizes, and what it refuses."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from digiprosper import FixedEffects, Panel, two_turns_test, u_test
from digiprosper.errors import ColumnError, InputTypeError, OptionError, TermError

if TYPE_CHECKING:
    from collections.abc import Callable

TERMS = ("x", "I(x**2)", "I(x**3)")


def cubic(slope, low_turn, high_turn):
    """A curve whose slope is slope (x - low_turn)(x - high_turn)."""
    total, product = low_turn + high_turn, low_turn * high_turn
    return lambda x: slope * (x**3 / 3 - total * x**2 / 2 + product * x)


def table(curve, *, seed=0, noise=1.0, n=31, periods=11, rho=0.3):
    rng = np.random.default_rng(seed)
    x = 2.5 + rng.normal(0, 0.7, (n, 1)) + rng.normal(0, 1, (n, periods))
    errors = rng.normal(size=(n, periods))
    for t in range(1, periods):
        errors[:, t] = rho * errors[:, t - 1] + np.sqrt(1 - rho**2) * errors[:, t]
    y = curve(x) + noise * errors + rng.normal(size=(n, 1)) + np.linspace(0, 1, periods)
    city, year = np.indices(x.shape)
    return pd.DataFrame(
        {"city": city.ravel(), "year": year.ravel(), "x": x.ravel(), "y": y.ravel()}
    )


def fit(frame, x=TERMS, y="y", **options):
    return FixedEffects(y, list(x), **options).fit(Panel(frame, "city", "year"))


DOWN_UP_DOWN = cubic(-0.9, 1.3, 3.7)


@pytest.fixture(scope="module")
def fitted():
    return fit(table(DOWN_UP_DOWN))


def slope_and_error(results, x):
    gradient = np.array([np.ones_like(x), 2 * x, 3 * x**2])
    names = list(TERMS)
    covariance = results.cov.loc[names, names].to_numpy()
    estimate = results.params[names].to_numpy() @ gradient
    return estimate, np.sqrt((gradient * (covariance @ gradient)).sum(axis=0))


def test_slopes_and_turning_points_are_those_of_the_coefficients(fitted) -> None:
    test = two_turns_test(fitted, "x")
    b1, b2, b3 = fitted.params[list(TERMS)]
    roots = np.sort(np.roots([3 * b3, 2 * b2, b1]))
    np.testing.assert_allclose(test.turning_points, roots, rtol=1e-9)
    low, high = fitted.sample_stats.loc["x", ["min", "max"]]
    assert test.interval == (low, high)
    np.testing.assert_allclose(test.points, [low, -b2 / (3 * b3), high], rtol=1e-9)
    for x, slope, t in zip(test.points, test.slopes, test.tstats, strict=True):
        estimate, error = slope_and_error(fitted, x)
        np.testing.assert_allclose([slope, t], [estimate, estimate / error], rtol=1e-7)
    assert test.statistic == min(map(abs, test.tstats))
    assert test.p_value == pytest.approx(stats.t.sf(test.statistic, 30), rel=1e-9)
    assert (test.shape, test.inside, test.supported) == ("inverse N", True, True)


def test_delta_errors_are_those_of_numerical_derivatives(fitted) -> None:
    test = two_turns_test(fitted, "x")
    names = list(TERMS)
    b = fitted.params[names].to_numpy()
    covariance = fitted.cov.loc[names, names].to_numpy()

    def turns(b):
        return np.sort(np.roots([3 * b[2], 2 * b[1], b[0]]).real)

    gradient = np.array(
        [(turns(b + h) - turns(b - h)) / 2e-6 for h in 1e-6 * np.eye(3)]
    )
    errors = np.sqrt(np.diag(gradient.T @ covariance @ gradient))
    np.testing.assert_allclose(test.turning_se, errors, rtol=1e-5)


@pytest.mark.parametrize("noise", [0.3, 2.0, 6.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_set_is_where_no_slope_is_significant(noise, seed) -> None:
    results = fit(table(DOWN_UP_DOWN, noise=noise, seed=seed))
    test = two_turns_test(results, "x", level=0.9)
    critical = stats.t.ppf(0.95, 30)
    x = np.linspace(-20, 25, 901)
    estimate, error = slope_and_error(results, x)
    inside = [(a <= x) & (x <= b) for a, b in test.fieller]
    np.testing.assert_array_equal(
        np.any(inside, axis=0), abs(estimate) <= critical * error
    )


def test_the_truth_is_found_and_opposite_signs_are_the_opposite_shape() -> None:
    frame = table(DOWN_UP_DOWN, noise=0.2)
    test = two_turns_test(fit(frame), "x")
    np.testing.assert_allclose(test.turning_points, [1.3, 3.7], atol=0.05)
    assert len(test.fieller) == 2
    assert test.fieller_inside
    up = two_turns_test(fit(frame.assign(y=-frame["y"])), "x")
    assert (up.shape, up.p_value) == ("N", pytest.approx(test.p_value, rel=1e-9))


def test_units_origin_rows_and_labels_do_not_matter() -> None:
    frame = table(DOWN_UP_DOWN, noise=2.0)
    plain = two_turns_test(fit(frame), "x")
    moved = two_turns_test(fit(frame.assign(x=100 + 10 * frame["x"])), "x")
    np.testing.assert_allclose(moved.tstats, plain.tstats, rtol=1e-6)
    np.testing.assert_allclose(
        moved.turning_points, 100 + 10 * np.array(plain.turning_points), rtol=1e-7
    )
    np.testing.assert_allclose(
        moved.fieller, 100 + 10 * np.array(plain.fieller), rtol=1e-6
    )
    shuffled = frame.sample(frac=1, random_state=1)
    shuffled["city"] = shuffled["city"].map(lambda c: f"city {97 * c % 31:02d}")
    again = two_turns_test(fit(shuffled), "x")
    np.testing.assert_allclose(again.tstats, plain.tstats, rtol=1e-9)


@pytest.mark.parametrize(
    ("curve", "turns"),
    [
        (lambda x: x + x**3 / 10, False),
        (lambda x: (x - 2.5) ** 2, True),
        (cubic(0.5, -9.0, 2.5), True),
    ],
    ids=["monotone", "U", "one turn outside"],
)
def test_without_two_turns_inside_there_is_no_test(curve, turns) -> None:
    test = two_turns_test(fit(table(curve, noise=0.1)), "x")
    assert np.isnan(test.statistic)
    assert np.isnan(test.p_value)
    assert (test.inside, test.supported, test.shape) == (False, False, "none")
    assert np.isfinite(test.turning_points).all() == turns
    assert "There is nothing to test" in " ".join(test.summary().split())


def test_a_shorter_interval_has_no_two_turns(fitted) -> None:
    assert not two_turns_test(fitted, "x", interval=(2, 4)).inside
    assert two_turns_test(fitted, "x", interval=(0, 5)).interval == (0, 5)
    with pytest.raises(OptionError):
        two_turns_test(fitted, "x", interval=(4, 2))


def test_interactions_need_values() -> None:
    frame = table(DOWN_UP_DOWN, noise=0.2)
    frame["w"] = np.random.default_rng(3).normal(size=len(frame))
    results = fit(frame, (*TERMS, "w", "x:w", "I(x**3):w"))
    with pytest.raises(TermError, match="two_turns_test"):
        two_turns_test(results, "x")
    with pytest.raises(ColumnError, match="two_turns_test"):
        two_turns_test(results, "x", at={"z": 1})
    test = two_turns_test(results, "x", at={"w": 0.5})
    b = results.params
    slope = [
        b["x"] + 0.5 * b["x:w"],
        2 * b["I(x**2)"],
        3 * (b["I(x**3)"] + 0.5 * b["I(x**3):w"]),
    ]
    np.testing.assert_allclose(test.turning_points, np.sort(np.roots(slope[::-1])))
    assert "Curve at w = 0.5" in test.summary()


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
@pytest.mark.parametrize("x", [("x",), ("x", "I(x**2)"), (*TERMS, "I(x**4)")])
def test_a_fit_without_a_cubic_is_refused(x) -> None:
    results = fit(table(DOWN_UP_DOWN), x)
    with pytest.raises(TermError, match="square and the cube"):
        two_turns_test(results, "x")


def test_other_input_is_refused(fitted) -> None:
    with pytest.raises(InputTypeError):
        two_turns_test(3, "x")
    with pytest.raises(InputTypeError, match=r"^two_turns_test: variable=3 must be"):
        two_turns_test(fitted, 3)
    with pytest.raises(ColumnError):
        two_turns_test(fitted, "z")
    with pytest.raises(OptionError):
        two_turns_test(fitted, "x", level=95)
    with pytest.raises(OptionError, match="cr2"):
        two_turns_test(fit(table(DOWN_UP_DOWN), cov_type="cr2"), "x")


def test_a_u_test_does_not_take_a_cubic(fitted) -> None:
    for square in (None, "I(x**3)"):
        with pytest.raises(TermError, match="several terms"):
            u_test(fitted, "x", square=square)
    with pytest.raises(TermError, match="no square"):
        u_test(fit(table(DOWN_UP_DOWN), ("x", "I(x**3)")), "x", square="I(x**3)")


def test_the_summary_names_shape_turns_and_set(fitted) -> None:
    test = two_turns_test(fitted, "x")
    text = test.summary()
    assert "Down, up, down (inverse N) is supported at the 5% level" in text
    assert "95% Fieller set [" in text
    assert all(f"{x:.4g} (delta se" in text for x in test.turning_points)
    assert max(map(len, text.splitlines())) <= 88
    again = pickle.loads(pickle.dumps(test))
    assert again.summary() == text
    assert test.to_dict()["shape"] == "inverse N"


CURVES = {
    "a line: x": lambda x: x,
    "a U: .3 (x - 2.5)^2": lambda x: 0.3 * (x - 2.5) ** 2,
    "flat at 2.5: -.6 (x - 2.5)^3": cubic(-1.8, 2.5, 2.5),
    "flat at the high end: turns at 2 and 4.5": cubic(-1.8, 2.0, 4.5),
    "flat at the low end: turns at .5 and 3": cubic(-1.8, 0.5, 3.0),
    "turns at 1.3 and 3.7": cubic(-0.9, 1.3, 3.7),
}
BOUNDARY = [name for name in CURVES if name.startswith("flat")]


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
@pytest.mark.montecarlo
@pytest.mark.parametrize("truth", list(CURVES))
def test_size_at_the_boundary(truth, measured: Callable[..., None]) -> None:
    """Share of 2,000 panels in which a cubic turns twice at 5%, for six true curves.

    31 entities are observed for 11 periods, with two-way effects and errors clustered
    by entity. x has a mean of 2.5 and standard deviations of .7 between and 1 within
    entities. Errors have a standard deviation of 1 and a serial correlation of .3. The
    shape is tested on [.5, 4.5]. Curves that are flat at one point, and have the other
    two slopes of the shape, are at the boundary of the null hypothesis: there the test
    rejects most often.
    """
    panels = 2000
    cubes = np.zeros(panels)
    actual = {"clustered": np.zeros(panels), "crv3": np.zeros(panels)}
    for seed in range(panels):
        frame = table(CURVES[truth], seed=seed)
        for cov_type, supported in actual.items():
            results = fit(frame, cov_type=cov_type)
            test = two_turns_test(results, "x", interval=(0.5, 4.5))
            supported[seed] = test.supported
            if cov_type == "clustered":
                cubes[seed] = results.pvalues["I(x**3)"] <= 0.05
    shares = {name: float(supported.mean()) for name, supported in actual.items()}
    measured(
        "two_turns_found", {"truth": truth, "b3 significant": cubes.mean(), **shares}
    )
    if truth in BOUNDARY:
        assert 0.02 <= shares["crv3"] <= 0.08
    elif truth != "turns at 1.3 and 3.7":
        assert max(shares.values()) <= 0.05
    else:
        assert min(shares.values()) > 0.9
