"""A curve that a third variable moves and bends: refits, differences, truth.

Differences are finite, and the truth is known.
"""

from __future__ import annotations

import json
import pickle

import numpy as np
import pandas as pd
import pytest

from digiprosper import FixedEffects, Panel, datasets, moderated_u_test, u_test
from digiprosper.errors import (
    ColumnError,
    FewClustersWarning,
    InputTypeError,
    OptionError,
    TermError,
)

TERMS = ("x", "I(x**2)", "x:w", "I(x**2):w", "w")


def moderated(b=(2.0, -0.5, 0.4, 0.0), noise=0.3, seed=0, n=40, periods=8):
    """y = b1 x + b2 x^2 + b3 x w + b4 x^2 w, in a panel with entity effects."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(n), periods),
            "year": np.tile(np.arange(periods), n),
        }
    )
    frame["x"] = rng.uniform(0, 5, n * periods)
    frame["w"] = rng.normal(1, 0.5, n * periods)
    x, w = frame["x"], frame["w"]
    frame["y"] = (
        b[0] * x + b[1] * x**2 + b[2] * x * w + b[3] * x**2 * w + frame["city"] / 10
    )
    frame["y"] += noise * rng.normal(size=n * periods)
    return frame


def fit(frame, x=TERMS, **options):
    return FixedEffects("y", list(x), **options).fit(Panel(frame, "city", "year"))


def test_each_row_is_the_u_test_of_a_fit_with_the_moderator_moved_there() -> None:
    """With w - w0, coefficients of level and square are the curve's at w0."""
    frame = moderated(b=(2.0, -0.5, 0.4, 0.05))
    actual = moderated_u_test(fit(frame), "x", "w", at=[-1.0, 0.0, 0.7, 2.5])
    rows = actual.turning_points
    assert rows["at"].tolist() == [-1.0, 0.0, 0.7, 2.5]
    for row, test, at in zip(rows.itertuples(), actual.tests, rows["at"], strict=True):
        moved = u_test(fit(frame.assign(w=frame["w"] - at)), "x", at={"w": 0})
        names = (
            "extremum extremum_se slope_low slope_high t_low t_high statistic p_value"
        )
        for name in names.split():
            assert getattr(test, name) == pytest.approx(
                getattr(moved, name), rel=1e-8, nan_ok=True
            ), name
        np.testing.assert_allclose(test.fieller, moved.fieller, rtol=1e-8)
        assert (row.extremum, row.std_error) == pytest.approx(
            (moved.extremum, moved.extremum_se)
        )
        assert (row.slope_low, row.slope_high) == pytest.approx(
            (moved.slope_low, moved.slope_high)
        )
        assert row.p_value == pytest.approx(moved.p_value, nan_ok=True)
        if len(moved.fieller) == 1:
            assert (row.conf_low, row.conf_high) == pytest.approx(moved.fieller[0])
        assert row.shape == moved.shape
        assert row.shape == "none" if np.isnan(row.p_value) else row.p_value < 0.05


def test_ends_of_a_set_that_is_no_interval_are_missing() -> None:
    frame = moderated(b=(0.02, 0.0, 0.0, 0.0), noise=2.0)
    actual = moderated_u_test(fit(frame), "x", "w")
    several = [
        len(t.fieller) == 2 or np.isinf(t.fieller[0]).any() for t in actual.tests
    ]
    assert any(several)
    assert actual.turning_points["conf_low"].isna().tolist() == several
    assert actual.turning_points["conf_high"].isna().tolist() == several


def test_shift_has_the_sign_of_the_derivative_and_its_delta_error() -> None:
    for b in ((2.0, -0.5, 0.4, 0.0), (2.0, -0.5, -0.4, 0.1), (-2.0, 0.5, 0.3, 0.1)):
        results = fit(moderated(b=b, noise=1.0))
        actual = moderated_u_test(results, "x", "w", at=[0.5, 1.0])
        estimate = results.params[["x", "I(x**2)", "x:w", "I(x**2):w"]].to_numpy()
        cov = results.cov.loc[["x", "I(x**2)", "x:w", "I(x**2):w"]][
            ["x", "I(x**2)", "x:w", "I(x**2):w"]
        ]

        def turn(b, w):
            return -(b[0] + b[2] * w) / (2 * (b[1] + b[3] * w))

        def shift(b):
            return b[0] * b[3] - b[1] * b[2]

        h = 1e-6
        for w in (0.5, 1.0):
            slope = (turn(estimate, w + h) - turn(estimate, w - h)) / (2 * h)
            bend = estimate[1] + estimate[3] * w
            assert slope == pytest.approx(
                actual.shift.detail["estimate"] / (2 * bend**2), rel=1e-6
            )
        gradient = np.array(
            [
                (shift(estimate + h * e) - shift(estimate - h * e)) / (2 * h)
                for e in np.eye(4)
            ]
        )
        se = np.sqrt(gradient @ cov.to_numpy() @ gradient)
        assert actual.shift.detail["std_error"] == pytest.approx(se, rel=1e-7)
        assert actual.shift.statistic == pytest.approx(shift(estimate) / se, rel=1e-7)
        assert (actual.shift.distribution, actual.shift.df) == ("t", results.df_t)
        line = results.tidy().set_index("term").loc["I(x**2):w"]
        steeper = actual.steepening
        assert (
            steeper.detail["estimate"],
            steeper.detail["std_error"],
        ) == pytest.approx((line["estimate"], line["std_error"]))
        assert (steeper.statistic, steeper.p_value) == pytest.approx(
            (line["statistic"], line["p_value"])
        )


def test_known_truths_in_words() -> None:
    """Turning points (b1 + b3 w) / -(2 (b2 + b4 w))."""
    up = moderated_u_test(fit(moderated()), "x", "w", at=[0.0, 2.0])
    assert up.turning_points["extremum"].tolist() == pytest.approx([2.0, 2.8], abs=0.1)
    assert up.shift.statistic > 4
    assert "moves up as w rises" in up.summary()
    assert "not significantly steeper" in up.summary()
    down = moderated_u_test(fit(moderated(b=(3.0, -0.5, -0.8, 0.0))), "x", "w")
    assert "moves down as w rises" in down.summary()
    # Level and square grow in proportion: steeper around the same point.
    steeper = moderated_u_test(
        fit(moderated(b=(2.0, -0.4, 1.0, -0.2))), "x", "w", at=[0.0, 1.0, 2.0]
    )
    assert steeper.turning_points["extremum"].tolist() == pytest.approx(
        [2.5] * 3, abs=0.1
    )
    assert "does not shift significantly" in steeper.summary()
    assert "steeper as w rises" in steeper.summary()
    flatter = moderated_u_test(
        fit(moderated(b=(-2.0, 0.4, 0.5, -0.1))), "x", "w", at=[0.0, 1.0, 2.0]
    )
    assert "flatter as w rises" in flatter.summary()
    mirrored = moderated_u_test(
        fit(moderated(b=(-2.0, 0.4, 2.0, -0.4))), "x", "w", at=[0.0, 2.0]
    )
    assert mirrored.flip == pytest.approx(1.0, abs=0.05)
    assert mirrored.turning_points["shape"].tolist() == ["U", "inverse U"]
    assert "changes between convex and concave at w = " in mirrored.summary()


def test_products_are_found_in_any_order_and_the_square_may_be_a_column() -> None:
    frame = moderated()
    frame["x2"] = frame["x"] ** 2
    plain = moderated_u_test(fit(frame), "x", "w").turning_points
    for terms, square in (
        (("w", "w:x", "x", "w:I(x ** 2)", "I( x**2 )"), None),
        (("x", "x2", "w:x2", "x:w", "w"), "x2"),
    ):
        other = moderated_u_test(
            fit(frame, terms), "x", "w", square=square
        ).turning_points
        pd.testing.assert_frame_equal(other, plain, rtol=1e-7)


def test_default_values_are_those_of_marginal_effects() -> None:
    results = fit(moderated())
    # With x:w the slope in x depends on w.
    by_w = fit(moderated(), ("x", "w", "x:w")).marginal_effect("x")["at"]
    assert moderated_u_test(results, "x", "w").turning_points[
        "at"
    ].tolist() == pytest.approx(by_w.tolist())


def test_a_moderator_without_its_own_term_or_of_categories() -> None:
    """A moderator constant in time is absorbed; a category's dummy is one too."""
    frame = moderated()
    frame["w"] = frame.groupby("city")["w"].transform("mean")
    frame["kind"] = np.where(frame["city"] % 2, "b", "a")
    assert len(moderated_u_test(fit(frame, TERMS[:4]), "x", "w").tests) == 5
    categories = fit(frame, ("x", "I(x**2)", "x:C(kind)", "I(x**2):C(kind)"))
    moderator = categories.names[2].split(":")[1]
    actual = moderated_u_test(categories, "x", moderator, at=[0, 1])
    alone = u_test(
        fit(frame[frame["kind"] == "a"], ("x", "I(x**2)"), time_effects=False), "x"
    )
    apart = fit(
        frame, ("x", "I(x**2)", "x:C(kind)", "I(x**2):C(kind)"), time_effects=False
    )
    both = moderated_u_test(apart, "x", moderator, at=[0, 1])
    assert both.tests[0].extremum == pytest.approx(alone.extremum, rel=1e-9)
    with pytest.raises(ColumnError, match="no sample statistics"):
        moderated_u_test(categories, "x", moderator)
    assert len(actual.tests) == 2


def test_refusals() -> None:
    frame = moderated()
    results = fit(frame)
    with pytest.raises(
        InputTypeError, match="moderated_u_test takes a fitted linear model"
    ):
        moderated_u_test(results.params, "x", "w")
    with pytest.raises(InputTypeError, match=r"^moderated_u_test: moderator=3 must be"):
        moderated_u_test(results, "x", 3)
    with pytest.raises(ColumnError, match="'z'"):
        moderated_u_test(results, "z", "w")
    with pytest.raises(TermError, match=r"no interaction of 'x' and 'v'.*'x:v'"):
        moderated_u_test(results, "x", "v")
    with pytest.raises(TermError, match=r"no interaction of 'I\(x\*\*2\)' and 'w'"):
        moderated_u_test(fit(frame, ("x", "I(x**2)", "x:w", "w")), "x", "w")
    with pytest.raises(TermError, match="no square of 'x'"):
        moderated_u_test(fit(frame, ("x", "x:w", "w")), "x", "w")
    positive = frame.assign(x=frame["x"] + 1)
    with pytest.raises(TermError, match="no square of 'x'"):
        moderated_u_test(
            fit(positive, ("x", "log(x)", "x:w", "log(x):w", "w")), "x", "w"
        )
    for at in ([], [np.nan], ["a"], 1.0, [[0, 1]]):
        with pytest.raises(OptionError, match="a list of finite values"):
            moderated_u_test(results, "x", "w", at=at)
    with pytest.raises(OptionError, match="between 0 and 1"):
        moderated_u_test(results, "x", "w", level=95)


def test_interactions_with_other_columns_are_refused_and_other_dummies_are_zero() -> (
    None
):
    frame = moderated()
    frame["v"] = np.random.default_rng(1).normal(size=len(frame))
    frame["kind"] = frame["city"].mod(3).map({0: "a", 1: "b", 2: "c"})
    message = (
        r"'x:v' makes the slope .* depend on other columns too.*u_test\(\.\.\., at="
    )
    with pytest.raises(TermError, match=message):
        moderated_u_test(fit(frame, (*TERMS, "x:v", "v")), "x", "w")

    results = fit(frame, ("x", "I(x**2)", "x:C(kind)", "I(x**2):C(kind)"))
    (test,) = moderated_u_test(results, "x", "C(kind)[T.b]", at=[1]).tests
    assert test.at == {"C(kind)[T.b]": 1.0, "C(kind)[T.c]": 0.0}
    assert test.extremum == pytest.approx(
        u_test(results, "x", at={"kind": "b"}).extremum, rel=1e-12
    )


def test_words_numbers_and_pickle() -> None:
    panel, _ = datasets.simulate_provinces()
    terms = [
        "digital",
        "I(digital**2)",
        "digital:urban",
        "I(digital**2):urban",
        "urban",
    ]
    results = moderated_u_test(
        FixedEffects("urban_rural_theil", terms).fit(panel), "digital", "urban"
    )
    lines = str(results).splitlines()
    assert lines[0].startswith("Moderated U-shape test")
    assert results.conventions.startswith("Standard errors clustered by province")
    assert " ".join(" ".join(lines).split()).endswith(f"{results.conventions}.")
    assert pickle.loads(pickle.dumps(results)).summary() == results.summary()
    numbers = json.loads(json.dumps(results.to_dict(), allow_nan=False))
    assert numbers["schema"] == 1
    assert len(numbers["turning_points"]) == len(numbers["fieller"]) == 5
    assert numbers["shift"]["estimate"] == results.shift.detail["estimate"]


def test_outside_the_range_is_said() -> None:
    actual = moderated_u_test(
        fit(moderated(b=(20.0, -0.5, 0.4, 0.0))), "x", "w", at=[0.0, 1.0]
    )
    assert actual.turning_points["p_value"].isna().all()
    assert "outside" in actual.summary()


@pytest.mark.filterwarnings("ignore::digiprosper.errors.NearCollinearWarning")
def test_the_origin_of_the_variable_does_not_matter() -> None:
    frame = moderated()
    far = frame.assign(x=frame["x"] + 3e4)
    near = far.assign(x=far["x"] - 3e4)
    terms = ("x", "I(x**2)", "x:w", "I(x**2):w", "w")
    one, other = (
        moderated_u_test(fit(f, terms), "x", "w", at=[-1.0, 0.0, 1.0])
        for f in (far, near)
    )
    columns = ["extremum", "conf_low", "conf_high"]
    moved, rest = one.turning_points, other.turning_points
    np.testing.assert_allclose(
        moved[columns] - 3e4, rest[columns], rtol=1e-6, atol=1e-6
    )
    for name in ("std_error", "slope_low", "slope_high", "p_value"):
        np.testing.assert_allclose(moved[name], rest[name], rtol=1e-5)
    assert one.shift.statistic == pytest.approx(other.shift.statistic, rel=1e-6)
    assert one.steepening.statistic == pytest.approx(
        other.steepening.statistic, rel=1e-6
    )


def test_coefficients_that_depend_on_few_clusters_are_reported_with_the_tests():
    frame = moderated(n=31, periods=10)
    frame.loc[frame["city"] < 5, "w"] *= 9.0
    with pytest.warns(FewClustersWarning, match="'x:w'"):
        results = fit(frame)
    notice = moderated_u_test(results, "x", "w").diagnostics[-1]
    assert notice.code == "curve_by_few_clusters"
    assert notice.data["terms"] == ("x:w", "I(x**2):w")
