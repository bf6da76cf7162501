"""Two lines: brute force, known curves, invariances, and what is refused."""

from __future__ import annotations

import json
import pickle
import warnings
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from digiprosper import DynamicPanel, FixedEffects, Panel, datasets
from digiprosper.errors import (
    CollinearityError,
    ColumnError,
    FewClustersWarning,
    IdentificationError,
    InputTypeError,
    OptionError,
    TermError,
)
from digiprosper.u_shape.two_lines import two_lines
from digiprosper.u_shape.u_test import u_test

if TYPE_CHECKING:
    from collections.abc import Callable

SQUARE = ("x", "I(x**2)")
NONE = {"entity_effects": False, "time_effects": False}


def table(
    curve=lambda x: -((x - 2.5) ** 2), noise=1.0, seed=0, n=31, periods=11, rho=0.0
):
    """A panel whose x moves between and within entities; serial errors or not.

    The errors may be serially correlated.
    """
    rng = np.random.default_rng(seed)
    city, year = np.repeat(np.arange(n), periods), np.tile(np.arange(periods), n)
    x = np.abs(rng.normal(2.5, 0.7, n)[city] + rng.normal(0, 1, n * periods)) + 0.1
    errors = rng.normal(size=(n, periods))
    for t in range(1, periods):
        errors[:, t] = rho * errors[:, t - 1] + np.sqrt(1 - rho**2) * errors[:, t]
    z = rng.normal(size=n * periods)
    y = (
        curve(x)
        + 0.3 * z
        + rng.normal(size=n)[city]
        + 0.1 * year
        + noise * errors.ravel()
    )
    return pd.DataFrame({"city": city, "year": year, "x": x, "z": z, "y": y})


def panel(frame):
    return Panel(frame, "city", "year")


def spec(x=SQUARE, **options):
    return FixedEffects("y", [*x, "z"], **options)


# --- brute force ---


def regression(design, y, cov):
    """Least squares with dummies: coefficients and covariance, pseudo-inverse."""
    # Of the design, not of its cross product, whose rank rounding hides.
    inverse = np.linalg.pinv(design, rcond=1e-10)
    b, bread = inverse @ y, inverse @ inverse.T
    rest = y - design @ b
    n, rank = len(y), np.linalg.matrix_rank(design)
    if cov == "unadjusted":
        return b, bread * (rest @ rest) / (n - rank)
    scores = design * rest[:, None]
    return b, bread @ scores.T @ scores @ bread * n / (n - rank)


def cardinal_spline(x, knots):
    """Natural cubic splines by values at the knots, linear beyond."""
    from scipy.interpolate import CubicSpline

    spline = CubicSpline(knots, np.eye(knots.size), bc_type="natural")
    inside = np.clip(x, knots[0], knots[-1])
    return spline(inside) + spline(inside, 1) * (x - inside)[:, None]


def robin_hood(frame, cov, effects, quantiles):
    x, y = frame["x"].to_numpy(), frame["y"].to_numpy()
    one = np.ones((len(x), 1))
    dummies = [pd.get_dummies(frame[k]).to_numpy(dtype=float) for k in effects]
    rest = np.hstack([frame[["z"]].to_numpy(), one, *dummies])
    b, _ = regression(np.column_stack([x, x**2, rest]), y, cov)
    sign = 1 if b[1] < 0 else -1
    basis = cardinal_spline(x, np.quantile(x, quantiles))
    b, v = regression(np.hstack([basis, rest]), y, cov)
    k = basis.shape[1]
    centred = basis - basis.mean(axis=0)
    fitted, se = (
        centred @ b[:k] * sign,
        np.sqrt(np.sum((centred @ v[:k, :k]) * centred, axis=1)),
    )
    inner = (x > np.quantile(x, 0.1)) & (x < np.quantile(x, 0.9))
    flat = x[inner & (fitted + se > fitted[inner].max())]

    def lines(xc):
        out = []
        for below, which in ((x <= xc, 0), (x < xc, 1)):
            jump = (~below).astype(float)
            design = np.column_stack([(x - xc) * below, (x - xc) * ~below, jump, rest])
            b, v = regression(design, y, cov)
            out.append((b[which], np.sqrt(v[which, which])))
        return out

    (b1, se1), (b2, se2) = lines(np.median(flat))
    t1, t2 = abs(b1 / se1), abs(b2 / se2)
    xc = np.quantile(flat, t2 / (t1 + t2))
    return xc, lines(xc), (flat.min(), flat.max())


@pytest.mark.many(2)
@pytest.mark.parametrize("effects", [(), ("city",), ("city", "year")], ids=str)
@pytest.mark.parametrize("cov", ["unadjusted", "robust"])
def test_brute_force(effects, cov) -> None:
    curves = (
        lambda x: -((x - 2.5) ** 2),
        lambda x: (x - 3) ** 2,
        np.log,
        lambda x: np.sin(2 * x),
    )
    quantiles = {
        4: (0.05, 0.35, 0.65, 0.95),
        5: (0.05, 0.275, 0.5, 0.725, 0.95),
        7: (
            0.025,
            0.1833333333333,
            0.3416666666667,
            0.5,
            0.6583333333333,
            0.8166666666667,
            0.975,
        ),
    }
    options = {
        "entity_effects": "city" in effects,
        "time_effects": "year" in effects,
        "cov_type": cov,
    }
    for seed, curve in enumerate(curves):
        frame = table(curve, seed=seed).sample(frac=0.9, random_state=seed)
        count = (4, 5, 7)[seed % 3]
        actual = two_lines(spec(**options), panel(frame), "x", knots=count)
        xc, ((b1, se1), (b2, se2)), flat = robin_hood(
            frame, cov, effects, quantiles[count]
        )
        assert actual.breakpoint == pytest.approx(xc, rel=1e-9)
        assert actual.flat == pytest.approx(flat, rel=1e-12)
        assert (actual.slope_low, actual.se_low) == pytest.approx((b1, se1), rel=1e-8)
        assert (actual.slope_high, actual.se_high) == pytest.approx((b2, se2), rel=1e-8)


def test_slopes_are_those_of_columns_made_by_hand() -> None:
    """At the breakpoint as found, with the specification's errors, clusters, df."""
    frame = table(rho=0.5)
    frame["region"] = frame["city"] % 13
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 13 clusters
        for options in (
            {},
            {"clusters": ["region"]},
            {"cov_type": "driscoll_kraay"},
            {"ssc": "xtreg"},
        ):
            model = spec(absorb=["region^year"], **options)
            actual = two_lines(model, panel(frame), "x")
            xc, x = actual.breakpoint, frame["x"]
            low, high = x <= xc, x >= xc
            sides = [
                (actual.slope_low, actual.se_low, actual.t_low, actual.p_low, low, "a")
            ]
            sides += [
                (
                    actual.slope_high,
                    actual.se_high,
                    actual.t_high,
                    actual.p_high,
                    x < xc,
                    "b",
                )
            ]
            for slope, se, t, p, below, read in sides:
                hand = frame.assign(
                    a=(x - xc) * below, b=(x - xc) * ~below, jump=(~below).astype(float)
                )
                fit = model.replace(x=["a", "b", "jump", "z"]).fit(panel(hand))
                want = fit.tidy().set_index("term").loc[read]
                got = pd.Series([slope, se, t, p])
                assert got.tolist() == pytest.approx(
                    want[["estimate", "std_error", "statistic", "p_value"]].tolist(),
                    rel=1e-7,
                )
            assert (actual.nobs_low, actual.nobs_high) == (low.sum(), high.sum())
            assert actual.entities_low == frame.loc[low, "city"].nunique()
            assert actual.entities_high == frame.loc[high, "city"].nunique()


# --- known curves ---


@pytest.mark.parametrize(
    ("curve", "shape"),
    [
        (lambda x: -((x - 2.5) ** 2), "inverse U"),
        (lambda x: (x - 2.5) ** 2, "U"),
        (lambda x: 2 * np.abs(x - 2.5), "U"),
        (lambda x: -np.where(x < 2, 2 * (2 - x), x - 2), "inverse U"),
    ],
    ids=["concave", "convex", "kink", "skew"],
)
def test_a_true_turn_is_found(curve, shape) -> None:
    for seed in range(5):
        actual = two_lines(spec(), panel(table(curve, seed=seed)), "x")
        assert actual.shape == actual.sought == shape
        assert actual.supported
        assert actual.flat[0] <= actual.breakpoint <= actual.flat[1]
        assert actual.flat[0] <= actual.first_breakpoint <= actual.flat[1]
        assert actual.breakpoint == pytest.approx(2.3, abs=0.6)
        assert (
            f"{'A U' if shape == 'U' else 'An inverse U'} is supported"
            in actual.summary()
        )


def flattening(seed):
    return table(lambda x: 2 * np.log(x), seed=seed, rho=0.3)


@pytest.mark.further
@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
def test_a_curve_that_only_flattens_is_no_turn() -> None:
    """The square is significant in nearly all panels; two lines seldom say U."""
    squares, lines = 0, 0
    for seed in range(20):
        data = panel(flattening(seed))
        squares += spec().fit(data).pvalues["I(x**2)"] < 0.05
        lines += two_lines(spec(), data, "x").supported
    assert squares >= 18
    assert lines <= 2


CURVES = {
    "nothing": lambda x: 0 * x,
    "a line: x": lambda x: x,
    "flattens: 2 log(x)": lambda x: 2 * np.log(x),
    "a plateau: 1.5 min(x, 2.5)": lambda x: 1.5 * np.minimum(x, 2.5),
    "turns at 2.5: -.3 (x - 2.5)^2": lambda x: -0.3 * (x - 2.5) ** 2,
    "turns late: -.3 (x - 3.5)^2": lambda x: -0.3 * (x - 3.5) ** 2,
}
FLAT = {"flattens: 2 log(x)": 0.025, "a plateau: 1.5 min(x, 2.5)": 0.05}


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
@pytest.mark.montecarlo
@pytest.mark.parametrize("truth", list(CURVES))
def test_size_where_a_curve_only_flattens(truth, measured: Callable[..., None]) -> None:
    """Share of 1,000 panels with a U or an inverse U at 5%, for six true curves.

    31 entities are observed for 11 periods, with two-way effects, a control and errors
    clustered by entity. x is positive, with a mean of 2.5 and standard deviations of .7
    between and 1 within entities. Errors have a standard deviation of 1 and a serial
    correlation of .3.
    """
    panels = 1000
    squares, quadratics, lines = np.zeros(panels), np.zeros(panels), np.zeros(panels)
    for seed in range(panels):
        data = panel(table(CURVES[truth], seed=seed, rho=0.3))
        fit = spec().fit(data)
        squares[seed] = fit.pvalues["I(x**2)"] < 0.05
        quadratics[seed] = u_test(fit, "x").p_value < 0.05
        lines[seed] = two_lines(spec(), data, "x").supported
    shares = {"b2 significant": squares, "u_test": quadratics, "two_lines": lines}
    measured(
        "u_shapes_found",
        {"truth": truth, **{name: actual.mean() for name, actual in shares.items()}},
    )
    if truth in FLAT:
        assert squares.mean() > 0.95
        assert lines.mean() < FLAT[truth] + 3 * np.sqrt(
            FLAT[truth] * (1 - FLAT[truth]) / 200
        )


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
@pytest.mark.montecarlo
@pytest.mark.parametrize("n", [31, 100])
def test_more_knots_find_more_turns_in_a_plateau(
    n, measured: Callable[..., None]
) -> None:
    """Share of 600 panels in which two lines find an inverse U at 5%.

    The truth is a plateau. The design is that of the table of U-shapes found, with n
    entities and 3, 5 or 7 knots of the curve that places the breakpoint.
    """
    shares = {}
    for knots in (3, 5, 7):
        actual = [
            two_lines(
                spec(),
                panel(
                    table(CURVES["a plateau: 1.5 min(x, 2.5)"], seed=s, rho=0.3, n=n)
                ),
                "x",
                knots=knots,
            )
            for s in range(600)
        ]
        shares[f"{knots} knots"] = float(np.mean([lines.supported for lines in actual]))
    measured("turns_found_in_a_plateau", {"n": n, **shares})
    assert shares["3 knots"] <= shares["7 knots"]


# --- invariances ---

PARTS = (
    "breakpoint first_breakpoint slope_low slope_high se_low se_high p_low p_high "
    "nobs_low nobs_high"
)


def numbers(estimated):
    return [getattr(estimated, name) for name in PARTS.split()]


def test_rows_labels_and_the_square_do_not_matter() -> None:
    frame = table()
    plain = two_lines(spec(), panel(frame), "x")
    shuffled = frame.sample(frac=1, random_state=1)
    assert numbers(two_lines(spec(), panel(shuffled), "x")) == numbers(plain)
    renamed = frame.assign(city=frame["city"].map(lambda c: f"city {97 * c % 31:02d}"))
    assert numbers(two_lines(spec(), panel(renamed), "x")) == pytest.approx(
        numbers(plain), rel=1e-9
    )
    alone = two_lines(spec(("x",)), panel(frame), "x")
    assert numbers(alone) == numbers(plain)
    assert (plain.replaced, alone.replaced) == (("x", "I(x**2)"), ("x",))
    column = frame.assign(x2=(frame["x"] - 1) ** 2)
    named = two_lines(spec(("x2", "x")), panel(column), "x", square="x2")
    assert numbers(named) == numbers(plain)
    spaced = two_lines(spec(("I( x ** 2 )", "x")), panel(frame), "x")
    assert numbers(spaced) == numbers(plain)


@pytest.mark.many(5)
@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
@pytest.mark.parametrize(
    "curve", [lambda x: -((x - 2.5) ** 2), np.exp, np.log], ids=["turn", "exp", "log"]
)
@pytest.mark.parametrize(("shift", "factor"), [(100.0, 3.0), (-4.0, 1e-6), (7.0, -2.0)])
def test_units_and_direction_of_x_do_not_matter(curve, shift, factor) -> None:
    frame = table(curve)
    plain = two_lines(spec(), panel(frame), "x")
    moved = two_lines(spec(), panel(frame.assign(x=shift + factor * frame["x"])), "x")
    assert moved.breakpoint == pytest.approx(
        shift + factor * plain.breakpoint, rel=1e-7
    )
    low, high = ("low", "high") if factor > 0 else ("high", "low")
    for name in ("slope", "se"):
        assert getattr(moved, f"{name}_{low}") * factor == pytest.approx(
            getattr(plain, f"{name}_low") * (1 if name == "slope" else np.sign(factor)),
            rel=1e-6,
        )
        assert getattr(moved, f"{name}_{high}") * factor == pytest.approx(
            getattr(plain, f"{name}_high")
            * (1 if name == "slope" else np.sign(factor)),
            rel=1e-6,
        )
    assert getattr(moved, f"nobs_{low}") == plain.nobs_low
    assert (moved.shape, moved.sought) == (plain.shape, plain.sought)


def test_turning_y_over_turns_the_shape() -> None:
    frame = table()
    plain, over = (
        two_lines(spec(), panel(f), "x")
        for f in (frame, frame.assign(y=-2 * frame["y"]))
    )
    assert (plain.shape, over.shape) == ("inverse U", "U")
    assert over.breakpoint == pytest.approx(plain.breakpoint, rel=1e-9)
    assert over.slope_low == pytest.approx(-2 * plain.slope_low)


# --- few values, other terms, weights ---


def test_rows_at_the_breakpoint_count_in_the_line_that_is_read() -> None:
    frame = table()
    frame["x"] = frame["x"].round().clip(0, 5)
    frame["y"] -= 3 * (frame["x"] - 3) ** 2
    actual = two_lines(spec(), panel(frame), "x")
    at = (frame["x"] == actual.breakpoint).sum()
    assert at > 0
    assert actual.nobs_low + actual.nobs_high == len(frame) + at
    assert actual.shape == "inverse U"


def test_three_values_are_enough() -> None:
    """Each line comes from the regression where it has two values.

    A column that is then idle leaves.
    """
    frame = table()
    frame["x"] = np.digitize(frame["x"], frame["x"].quantile([1 / 3, 2 / 3]))
    frame["y"] = -2.0 * (frame["x"] == 0) - 1.0 * (frame["x"] == 2) + frame["y"] / 10
    actual = two_lines(spec(), panel(frame), "x")
    assert actual.breakpoint == 1
    assert actual.shape == "inverse U"
    means = frame.assign(c=frame["x"]).pipe(
        lambda f: FixedEffects("y", ["I(c == 1)", "I(c == 2)", "z"]).fit(panel(f))
    )
    steps = means.params[["I(c == 1)", "I(c == 2)"]].to_numpy()
    assert actual.slope_low == pytest.approx(steps[0], rel=1e-8)
    assert actual.slope_high == pytest.approx(steps[1] - steps[0], rel=1e-8)
    assert len(actual.knots) == 3
    assert [n.code for n in actual.diagnostics if n.code == "few_knots"]


def test_lags_categories_and_weights_stay() -> None:
    frame = table()
    frame["kind"] = np.where(frame["z"] > 0, "b", "a")
    frame["size"] = frame["city"] + 1.0
    model = FixedEffects(
        "y", ["x", "lag(x)", "C(kind)", "z:C(kind)"], obs_weights="size"
    )
    actual = two_lines(model, panel(frame), "x")
    assert actual.low.nobs == len(frame) - 31
    assert {"lag(x)", "C(kind)[T.b]"} <= set(actual.low.names)
    of_lag = two_lines(
        FixedEffects("y", ["lag(x)", "x", "I(lag(x)**2)"]), panel(frame), "lag(x)"
    )
    assert of_lag.replaced == ("lag(x)", "I(lag(x)**2)")
    assert "x" in of_lag.low.names


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
def test_a_term_may_be_the_variable() -> None:
    frame = table()
    actual = two_lines(spec(("log(x)", "I(log(x)**2)")), panel(frame), "log( x )")
    column = two_lines(spec(("lx",)), panel(frame.assign(lx=np.log(frame["x"]))), "lx")
    assert actual.variable == "log(x)"
    assert numbers(actual) == pytest.approx(numbers(column))
    ratio = FixedEffects("y", ["I(x/z2)", "log(x)", "I(x*z2)"])
    assert two_lines(
        ratio.drop("I(x*z2)"), panel(frame.assign(z2=np.exp(frame["z"]))), "I(x/z2)"
    ).replaced == ("I(x/z2)",)


def test_backticks() -> None:
    frame = table().rename(columns={"x": "my x"})
    actual = two_lines(spec(("my x", "I(`my x`**2)")), panel(frame), "my x")
    assert actual.replaced == ("my x", "I(`my x`**2)")


# --- refusals ---


def test_what_would_stay_as_a_curve_is_refused() -> None:
    frame = table()
    for term in ("log(x)", "I(x**3)", "x:z", "C(kind):x", "sqrt(x)"):
        with pytest.raises(TermError, match="in addition to 'x'"):
            two_lines(
                spec((*SQUARE, term)), panel(frame.assign(kind=frame["city"] % 2)), "x"
            )
    for column in ((frame["x"] - 1) ** 2, frame["x"] ** 2):
        with pytest.raises(
            TermError, match=r"'x2' is a quadratic function of 'x'.*square='x2'"
        ):
            two_lines(spec(("x", "x2")), panel(frame.assign(x2=column)), "x")
    with pytest.raises(TermError, match="is not a quadratic function of 'x'"):
        two_lines(
            spec(("x", "x2")), panel(frame.assign(x2=frame["x"] ** 3)), "x", square="x2"
        )


def test_slopes_are_read_by_name() -> None:
    actual = two_lines(spec(), panel(table()), "x")
    backwards = SimpleNamespace(params=actual.low.params.iloc[::-1])
    assert actual.slope_low == replace(actual, low=backwards).slope_low
    assert actual.slope_high == actual.high.params["x:above"]


def test_refusals() -> None:
    frame = table()
    data = panel(frame)
    with pytest.raises(InputTypeError, match="a specification and a panel"):
        two_lines(spec().fit(data), data, "x")
    with pytest.raises(InputTypeError, match="takes a Panel"):
        two_lines(spec(), frame, "x")
    with pytest.raises(InputTypeError, match=r"specification, not DynamicPanel\.$"):
        two_lines(DynamicPanel("y", ["x"]), data, "x")  # type: ignore[arg-type]
    with pytest.raises(ColumnError, match="'w'"):
        two_lines(spec(), data, "w")
    with pytest.raises(ColumnError, match="'x3'"):
        two_lines(spec(), data, "x", square="x3")
    with pytest.raises(TermError, match="the variable itself"):
        two_lines(spec(), data, "x", square="x")
    for knots in (2, 8, 5.0, True):
        with pytest.raises(OptionError, match="from 3 to 7"):
            two_lines(spec(), data, "x", knots=knots)
    with pytest.raises(OptionError, match="between 0 and 1"):
        two_lines(spec(), data, "x", level=95)
    with pytest.raises(IdentificationError, match="too few distinct values"):
        two_lines(
            spec(("x",)), panel(frame.assign(x=(frame["x"] > 2).astype(float))), "x"
        )
    still = frame.assign(x=frame.groupby("city")["x"].transform("mean"))
    with pytest.raises(IdentificationError, match="'x' is absorbed by the effects"):
        two_lines(spec(("x",)), panel(still), "x")
    with pytest.raises(IdentificationError, match="collinear within the effects"):
        two_lines(spec(("x",), collinear="drop"), panel(still), "x")
    with pytest.raises(CollinearityError, match="'z2'"):
        two_lines(spec(("x", "z2")), panel(frame.assign(z2=2 * frame["z"])), "x")
    with pytest.raises(TermError, match="makes several columns"):
        two_lines(FixedEffects("y", ["C(city)", "z"], **NONE), data, "C(city)")


def test_no_standard_error_is_refused() -> None:
    frame = table(n=2, periods=40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(IdentificationError, match="no standard error"):
            two_lines(spec(), panel(frame), "x")


# --- words ---


def test_words_numbers_and_pickle() -> None:
    actual = two_lines(spec(), panel(table()), "x")
    lines = str(actual).splitlines()
    assert lines[0] == "Two lines (Simonsohn 2018): x in the equation of y"
    assert lines[1] == "Replaces x, I(x**2)"
    assert actual.conventions.startswith(
        "Standard errors clustered by city (31 clusters"
    )
    ending = (
        "breakpoint chosen on the same data (Robin Hood algorithm, cubic spline "
        "with 5 knots)."
    )
    assert " ".join(" ".join(lines).split()).endswith(ending)
    assert pickle.loads(pickle.dumps(actual)).summary() == actual.summary()
    as_dict = json.loads(json.dumps(actual.to_dict(), allow_nan=False))
    assert as_dict["schema"] == 1
    assert as_dict["shape"] == "inverse U"
    assert as_dict["breakpoint"] == actual.breakpoint


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
def test_verdicts_that_are_no_u() -> None:
    rising = two_lines(spec(), panel(table(lambda x: 2 * x)), "x")
    assert rising.shape == "none"
    assert "No U: both slopes are positive" in rising.summary()
    weak = [
        two_lines(spec(), panel(table(lambda x: 0 * x, seed=s)), "x") for s in range(6)
    ]
    texts = [w.summary() for w in weak if w.slope_low * w.slope_high < 0]
    assert texts
    assert all("is not significant" in t for t in texts)
    flat_below = two_lines(
        spec(), panel(table(lambda x: 2 * np.maximum(x - 2.5, 0) - x / 30, seed=2)), "x"
    )
    assert flat_below.p_low > 0.05 > flat_below.p_high
    text = " ".join(flat_below.summary().split())
    assert "the slope below is not significant" in text
    strict = two_lines(spec(), panel(table(noise=3.0)), "x", level=1 - 1e-9)
    assert strict.shape == "none"


def test_warnings_are_issued_once_and_kept() -> None:
    frame = table(n=12)
    with pytest.warns(FewClustersWarning) as caught:
        actual = two_lines(spec(), panel(frame), "x")
    assert len(caught) == 1
    data = {"clusters": "city", "n_clusters": 12}
    assert [(n.code, n.data) for n in actual.diagnostics] == [
        ("very_few_clusters", data)
    ]


def test_real_data_without_a_turn() -> None:
    model = FixedEffects("log(gsp)", ["unemp", "I(unemp**2)", "log(emp)"])
    assert two_lines(model, datasets.us_states(), "unemp").shape == "none"


@pytest.mark.filterwarnings("ignore::digiprosper.errors.FewClustersWarning")
def test_nothing_is_said_of_the_jump_that_nobody_reads():
    """One city alone moves across the break."""
    frame = table(n=40)
    base = frame["city"] % 20 / 4
    frame["x"] = 0.05 * frame["x"] + base + np.where(frame["city"] == 11, 0.2, 0.0)
    results = two_lines(spec(), panel(frame), "x")
    told = [n.data["terms"] for n in results.diagnostics if n.code == "few_treated"]
    assert not any("x:jump" in terms for terms in told)


def test_weights_are_said():
    frame = table().assign(pop=lambda f: 1.0 + f["city"])
    weighted = two_lines(spec(obs_weights="pop"), panel(frame), "x")
    plain = two_lines(spec(), panel(frame), "x")
    assert "Weights: pop" in weighted.summary().splitlines()
    assert (weighted.to_dict()["obs_weights"], plain.to_dict()["obs_weights"]) == (
        "pop",
        None,
    )
    assert "Weights" not in plain.summary()


def test_a_quadratic_is_one_up_to_1e_8_of_its_variation():
    frame = table(n=20, periods=6)
    square, z = frame["x"] ** 2, frame["x"] - frame["x"].mean()
    basis = np.column_stack([np.ones(len(z)), z, z**2])
    rest = frame["z"] - basis @ np.linalg.lstsq(basis, frame["z"], rcond=None)[0]
    rest *= np.linalg.norm(square - square.mean()) / np.linalg.norm(rest)
    same, other = (
        panel(frame.assign(near=square + share * rest)) for share in (0.95e-8, 1.05e-8)
    )
    assert (
        two_lines(FixedEffects("y", ["x", "near"]), same, "x", square="near").breakpoint
        > 0
    )
    with pytest.raises(TermError, match="not a quadratic"):
        two_lines(FixedEffects("y", ["x", "near"]), other, "x", square="near")
    assert two_lines(FixedEffects("y", [*SQUARE, "near"]), other, "x").breakpoint > 0
    with pytest.raises(TermError, match="is a quadratic"):
        two_lines(FixedEffects("y", [*SQUARE, "near"]), same, "x")


@pytest.mark.parametrize("knots", [3, 7])
def test_curves_have_from_three_to_seven_knots(knots):
    assert len(two_lines(spec(), panel(table()), "x", knots=knots).knots) == knots


@pytest.mark.parametrize("name", ["x:below", "x:above", "x:jump"])
def test_a_control_may_not_bear_the_name_of_a_line(name):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(12), 6), "year": np.tile(np.arange(6), 12)}
    )
    frame = frame.assign(y=rng.normal(size=72), x=rng.normal(size=72)).assign(
        **{name: rng.normal(size=72)}
    )
    with pytest.raises(TermError, match="rename the column"):
        two_lines(FixedEffects("y", ["x", name]), Panel(frame, "id", "year"), "x")


def test_an_interaction_is_never_recommended_as_the_square() -> None:
    panel = datasets.us_states()
    spec = FixedEffects("log(gsp)", ["unemp", "unemp:pc"])
    with pytest.raises(TermError, match=r"Drop it\.$"):
        two_lines(spec, panel, "unemp")
    with pytest.raises(TermError, match=r"square='\.\.\.'"):
        two_lines(spec.replace(x=["unemp", "I(unemp**3)"]), panel, "unemp")
