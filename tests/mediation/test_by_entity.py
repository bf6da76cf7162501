"""Within, between, pooled effects: dummies, two packages, mixtures, failures."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from linearmodels.panel import BetweenOLS, FirstDifferenceOLS, PanelOLS, PooledOLS
from statsmodels.regression.linear_model import OLS

from digiprosper import FixedEffects, Mediation, Panel, datasets
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    InputTypeError,
    MissingDataWarning,
    OptionError,
    SingletonWarning,
    TermError,
)
from digiprosper.mediation.by_entity import within_between

ROWS = ["within", "within_entity", "first_difference", "between", "pooled"]
ONE = Mediation("y", "x", "m1", ["w"])
TWO = Mediation("y", "x", ["m1", "m2"], ["w", "C(kind)"])


def make(seed=0, n=25, periods=7, *, holes=True):
    """Entities' averages move otherwise than their changes; gaps, a missing value.

    The averages move together.
    """
    rng = np.random.default_rng(seed)
    city, year = (
        v.ravel()
        for v in np.meshgrid(np.arange(n), 2001 + np.arange(periods), indexing="ij")
    )
    level = rng.normal(size=(n, 4))
    frame = pd.DataFrame(
        {"city": city, "year": year, "w": rng.normal(size=city.size) + level[city, 0]}
    )
    frame["x"] = (
        2 * level[city, 1]
        + 0.2 * (year - 2001)
        + rng.normal(size=city.size)
        + 0.3 * frame["w"]
    )
    frame["m1"] = 0.6 * frame["x"] - 1.5 * level[city, 1] + rng.normal(size=city.size)
    frame["m2"] = -0.4 * frame["x"] + level[city, 2] + rng.normal(size=city.size)
    frame["y"] = (
        0.3 * frame["x"] + 0.5 * frame["m1"] + 0.2 * frame["m2"] + 0.1 * frame["w"]
    )
    frame["y"] += (
        level[city, 3]
        + rng.normal(size=periods)[year - 2001]
        + rng.normal(size=city.size)
    )
    frame["kind"] = rng.choice(["a", "b", "c"], size=city.size)
    frame["block"] = city % 2
    if holes:
        frame = frame[(rng.random(city.size) < 0.8) | (year < 2003)].reset_index(
            drop=True
        )
        frame.loc[len(frame) // 2, "m2"] = np.nan
    return frame


def panel_of(frame):
    return Panel(frame, "city", "year")


def quiet(spec, panel):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingDataWarning)
        warnings.simplefilter("ignore", SingletonWarning)
        return within_between(spec, panel)


def by_hand(frame, mediators, controls, dummies):
    """The row of one estimator: its rows and its dummies, by least squares."""

    def slopes(outcome, regressors):
        design = np.column_stack([frame[[*regressors, *controls]], dummies])
        return np.linalg.lstsq(design, frame[outcome], rcond=None)[0][: len(regressors)]

    a = np.array([slopes(m, ["x"])[0] for m in mediators])
    direct, *b = slopes("y", ["x", *mediators])
    each = a * b if len(mediators) > 1 else []
    return [*a, *b, *each, a @ b, direct, slopes("y", ["x"])[0], len(frame)]


def every_estimator(frame, mediators, controls, *, time_effects=True, absorb=None):
    numbers = ["y", "x", *mediators, *controls]
    frame = frame.dropna(subset=numbers).reset_index(drop=True)
    city, year = (
        pd.get_dummies(frame[k]).to_numpy(dtype=float) for k in ("city", "year")
    )
    one = np.ones((len(frame), 1))
    before = frame.assign(year=frame["year"] + 1).set_index(["city", "year"])[numbers]
    change = frame.set_index(["city", "year"])[numbers] - before
    change = (
        change.dropna().join(frame.set_index(["city", "year"])[["block"]]).reset_index()
    )
    two_way, later = [city], [np.zeros((len(change), 1))]
    if time_effects:
        two_way, later = (
            [*two_way, year],
            [*later, pd.get_dummies(change["year"]).to_numpy(dtype=float)],
        )
    if absorb is not None:
        cells = [
            f["block"].astype(str) + "-" + f["year"].astype(str)
            for f in (frame, change)
        ]
        two_way, later = (
            [*d, pd.get_dummies(c).to_numpy(dtype=float)]
            for d, c in zip((two_way, later), cells, strict=True)
        )
    means = frame.groupby("city")[numbers].mean().reset_index()
    return [
        by_hand(frame, mediators, controls, np.hstack(two_way)),
        by_hand(frame, mediators, controls, city),
        by_hand(change, mediators, controls, np.hstack(later)),
        by_hand(means, mediators, controls, np.ones((len(means), 1))),
        by_hand(frame, mediators, controls, one),
    ]


# --- the numbers ----------------------------------------------------------------------


@pytest.mark.many(2)
@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("time_effects", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_least_squares_with_dummies(seed, time_effects, holes):
    frame = make(seed, holes=holes)
    kinds = pd.get_dummies(frame["kind"]).to_numpy(dtype=float)
    frame = frame.assign(kind_b=kinds[:, 1], kind_c=kinds[:, 2])
    got = quiet(TWO.replace(time_effects=time_effects), panel_of(frame))
    want = every_estimator(
        frame, ["m1", "m2"], ["w", "kind_b", "kind_c"], time_effects=time_effects
    )
    assert list(got.index) == ROWS
    assert list(got.columns) == [
        *(
            "a:m1",
            "a:m2",
            "b:m1",
            "b:m2",
            "indirect:m1",
            "indirect:m2",
            "indirect",
            "direct",
            "total",
            "nobs",
        )
    ]
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11)
    got = quiet(ONE.replace(time_effects=time_effects), panel_of(frame))
    want = every_estimator(frame, ["m1"], ["w"], time_effects=time_effects)
    assert list(got.columns) == ["a", "b", "indirect", "direct", "total", "nobs"]
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11)


def test_the_within_rows_are_the_fit():
    panel = panel_of(make(4))
    spec = TWO.replace(reps=20)
    got = quiet(spec, panel)
    flat = {"entity_effects": False, "time_effects": False}
    # Cut to the sample in which no entity is alone, so that the specification without
    # effects has it too.
    cut = panel.frame.dropna(subset=["y", "x", "m1", "m2", "w"]).reset_index()
    for row, changes in (
        ("within", {}),
        ("within_entity", {"time_effects": False}),
        ("pooled", flat),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = spec.replace(**changes).fit(panel_of(cut), rng=1)
        terms = ["total", "direct", "indirect", "indirect:m1", "indirect:m2"]
        np.testing.assert_allclose(got.loc[row, terms], fit.params[terms], rtol=1e-10)
        assert got.loc[row, "nobs"] == fit.nobs
    # Entity effects are taken out even where the specification leaves them in.
    pd.testing.assert_frame_equal(quiet(spec.replace(entity_effects=False), panel), got)


def test_the_identity_holds_in_every_row():
    for seed in range(5):
        frame = quiet(TWO, panel_of(make(seed)))
        np.testing.assert_allclose(
            frame["total"], frame["direct"] + frame["indirect"], rtol=0, atol=1e-12
        )
        np.testing.assert_allclose(
            frame["indirect"], frame["indirect:m1"] + frame["indirect:m2"], atol=1e-14
        )
    states = within_between(
        Mediation("log(gsp)", "log(pc)", "log(emp)", ["unemp"]), datasets.us_states()
    )
    np.testing.assert_allclose(
        states["total"], states["direct"] + states["indirect"], rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(
        states["indirect"], states["a"] * states["b"], rtol=1e-14
    )


@pytest.mark.further
def test_linearmodels_and_statsmodels_agree():
    panel = datasets.us_states()
    spec = Mediation("log(gsp)", "log(pc)", "log(emp)", ["log(pcap)", "unemp"])
    got = within_between(spec, panel)
    frame = np.log(panel.frame[["gsp", "pc", "emp", "pcap"]]).assign(
        unemp=panel.frame["unemp"], one=1.0
    )
    paths = {
        "total": ("gsp", "pc", []),
        "a": ("emp", "pc", []),
        "b": ("gsp", "emp", ["pc"]),
    }
    paths["direct"] = ("gsp", "pc", ["emp"])
    for column, (y, of, others) in paths.items():
        x = [of, *others, "pcap", "unemp"]
        outside = {
            "within": PanelOLS(
                frame[y], frame[x], entity_effects=True, time_effects=True
            ),
            "within_entity": PanelOLS(frame[y], frame[x], entity_effects=True),
            "between": BetweenOLS(frame[y], frame[[*x, "one"]]),
            "pooled": PooledOLS(frame[y], frame[[*x, "one"]]),
        }
        for row, model in outside.items():
            assert got.loc[row, column] == pytest.approx(
                model.fit().params[of], rel=1e-9
            ), (row, column)
        means = frame.groupby(level=0).mean()
        plain = OLS(means[y], means[[*x, "one"]]).fit()
        assert got.loc["between", column] == pytest.approx(plain.params[of], rel=1e-9)
        no_periods = within_between(spec.replace(time_effects=False), panel)
        differences = FirstDifferenceOLS(frame[y], frame[x]).fit()
        assert no_periods.loc["first_difference", column] == pytest.approx(
            differences.params[of], rel=1e-9
        )


def test_the_pooled_slope_is_a_weighted_mean():
    frame = make(2, holes=False)
    got = within_between(ONE.replace(x=()), panel_of(frame))
    x = frame.groupby("city")["x"]
    inside = float(((frame["x"] - x.transform("mean")) ** 2).sum())
    across = float(((x.transform("mean") - frame["x"].mean()) ** 2).sum())
    for slope in ("a", "total"):
        mixed = (
            inside * got.loc["within_entity", slope]
            + across * got.loc["between", slope]
        )
        assert got.loc["pooled", slope] == pytest.approx(
            mixed / (inside + across), rel=1e-12
        )


def test_further_effects_belong_to_the_within_row():
    frame = make(3)
    spec = FixedEffects("y", ["x", "w"], absorb=["block^year"], time_effects=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        total = spec.fit(panel_of(frame)).params["x"]
    want = every_estimator(
        frame.assign(m2=0.0), ["m1"], ["w"], time_effects=False, absorb="block"
    )
    assert want[0][-2] == pytest.approx(total, rel=1e-9)
    mediation = ONE.replace(absorb="block^year", time_effects=False)
    np.testing.assert_allclose(
        quiet(mediation, panel_of(frame)), want, rtol=1e-9, atol=1e-11
    )


# --- rows and gaps --------------------------------------------------------------------


def test_a_gap_in_time_makes_no_difference():
    frame = make(5, n=12, periods=6, holes=False)
    whole = within_between(ONE, panel_of(frame))
    assert whole["nobs"].tolist() == [72, 72, 60, 12, 72]
    holed = frame[~((frame["year"] == 2003) & (frame["city"] < 4))]
    assert (
        within_between(ONE, panel_of(holed)).loc["first_difference", "nobs"] == 60 - 8
    )
    # Every second year: one step of two years, where the panel is told so.
    sparse = frame.assign(year=2001 + 2 * (frame["year"] - 2001))
    none = within_between(ONE, panel_of(sparse)).loc["first_difference"]
    assert none["nobs"] == 0
    assert none.drop("nobs").isna().all()
    told = within_between(ONE, Panel(sparse, "city", "year", step=2))
    pd.testing.assert_frame_equal(told, whole)


def test_one_sample_and_what_left_it():
    frame = make(6, n=12, holes=False)
    frame.loc[3, "w"] = np.nan
    frame = frame[(frame["city"] != 5) | (frame["year"] == 2001)]
    with pytest.warns(
        MissingDataWarning, match=r"1 of 78 rows dropped.* 1 row dropped: singleton"
    ):
        got = within_between(ONE, panel_of(frame))
    assert got["nobs"].tolist() == [76, 76, 64, 11, 76]
    rest = frame[frame["city"] != 5].dropna(subset=["w"])
    pd.testing.assert_frame_equal(got, within_between(ONE, panel_of(rest)))


# --- what is not identified -----------------------------------------------------------


def test_a_treatment_that_never_moves_has_effects_between_only():
    frame = make(7, holes=False)
    frame["x"] = frame.groupby("city")["x"].transform("mean") * 1e6 + 1e9
    with pytest.raises(IdentificationError, match="does not vary"):
        ONE.fit(panel_of(frame))
    got = within_between(ONE, panel_of(frame))
    assert got.loc[ROWS[:3]].drop(columns="nobs").isna().all(axis=None)
    assert got.loc[ROWS[3:]].notna().all(axis=None)
    want = every_estimator(frame.assign(x=frame["x"] / 1e6 - 1e3), ["m1"], ["w"])
    np.testing.assert_allclose(
        got.loc["between", ["b", "indirect"]] * [1, 1e6],
        np.array(want[3])[[1, 2]],
        1e-10,
    )


def test_a_common_shock_has_effects_within_entities_only():
    frame = make(7, holes=False)
    frame["x"] = np.random.default_rng(1).normal(size=7)[frame["year"] - 2001]
    got = within_between(ONE, panel_of(frame))
    assert got["total"].isna().tolist() == [True, False, True, True, False]
    assert within_between(ONE.replace(time_effects=False), panel_of(frame))[
        "total"
    ].notna().tolist() == [*(True, True, True, False, True)]


def test_controls_that_an_estimator_absorbs_change_nothing_there():
    frame = make(8, holes=False)
    frame["area"] = np.random.default_rng(2).normal(size=25)[frame["city"]]
    frame["trend"] = frame["year"] - 2000.0
    frame["again"] = 2 * frame["w"] + frame["area"]
    got = within_between(
        ONE.replace(x=("area", "w", "trend", "again")), panel_of(frame)
    )
    plain, known = (
        within_between(ONE, panel_of(frame)),
        within_between(ONE.replace(x=("w", "area")), panel_of(frame)),
    )
    pd.testing.assert_frame_equal(
        got.loc[["within", "first_difference"]],
        plain.loc[["within", "first_difference"]],
    )
    pd.testing.assert_frame_equal(got.loc[["between"]], known.loc[["between"]])
    trend = within_between(ONE.replace(x=("w", "trend")), panel_of(frame))
    pd.testing.assert_frame_equal(
        got.loc[["within_entity"]], trend.loc[["within_entity"]]
    )


def test_an_outcome_that_never_moves_has_slopes_of_zero():
    frame = make(8, holes=False)
    frame["y"] = frame.groupby("city")["y"].transform("mean")
    got = within_between(ONE, panel_of(frame))
    assert (got.loc[ROWS[:3], ["b", "direct", "total", "indirect"]] == 0).all(axis=None)
    assert got.loc["within", "a"] == pytest.approx(
        within_between(ONE, panel_of(make(8, holes=False)))["a"].iloc[0]
    )


def test_too_few_rows_for_a_row():
    frame = make(9, n=4, holes=False)
    got = within_between(TWO, panel_of(frame))
    assert got["total"].isna().tolist() == [False, False, False, True, False]


def test_nothing_identified_is_refused():
    frame = make(10).assign(x=2.5, copy=lambda d: d["m1"] + 1e3)
    with pytest.raises(IdentificationError, match="no effect is identified: 'x', 'm1'"):
        quiet(ONE, panel_of(frame))
    frame["x"] = frame["copy"]
    with pytest.raises(IdentificationError, match="no effect is identified"):
        quiet(ONE, panel_of(frame))


def test_what_is_refused():
    panel = panel_of(make(11, holes=False))
    cross = Panel(
        make(11, holes=False).query("year == 2001").drop(columns="year"), "city"
    )
    with pytest.raises(IdentificationError, match="cross-section"):
        within_between(ONE, cross)
    with pytest.raises(InputTypeError, match="takes a Panel, not DataFrame"):
        within_between(ONE, panel.frame)
    with pytest.raises(
        InputTypeError, match="takes a Mediation specification, not FixedEffects"
    ):
        within_between(FixedEffects("y", ["x"]), panel)
    again = make(11, holes=False).assign(again=lambda d: 3 - 2 * d["y"])
    with pytest.raises(
        CollinearityError, match="'again' is collinear with the outcome 'y'"
    ) as caught:
        within_between(TWO.replace(mediators=["m1", "again"]), panel_of(again))
    assert [p.data for p in caught.value.problems] == [
        {"column": "again", "on": ("y",)}
    ]
    with pytest.raises(TermError, match=r"mediators=.*makes the columns"):
        within_between(ONE.replace(mediators="C(kind)"), panel)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"structure": "serial"}, "structure='serial'"),
        ({"moderator": "z", "moderates": "a"}, "moderator='z'"),
        ({"threshold": "z"}, "threshold='z'"),
        ({"quadratic": "a"}, r"quadratic=\('a',\)"),
    ],
)
def test_other_models_are_refused(change, words):
    with pytest.raises(OptionError, match=f"remove {words} from the specification"):
        within_between(
            TWO.replace(**change), panel_of(make(11, holes=False).assign(z=1.0))
        )


# --- invariances ----------------------------------------------------------------------


def test_order_names_and_units_do_not_matter():
    frame = make(12)
    base = quiet(TWO, panel_of(frame))
    pd.testing.assert_frame_equal(
        base, quiet(TWO, panel_of(frame.sample(frac=1, random_state=1)))
    )
    names = frame.assign(city=[f"c{(7 * c) % 25:02d}" for c in frame["city"]])
    pd.testing.assert_frame_equal(base, quiet(TWO, panel_of(names)), rtol=1e-10)
    moved = frame.assign(
        y=1e5 * frame["y"] + 3, x=1e-4 * frame["x"] - 1, m1=50 * frame["m1"] + 1e4
    )
    scaled = quiet(TWO, panel_of(moved))
    factors = {"a:m1": 5e5, "a:m2": 1e4, "b:m1": 2e3, "b:m2": 1e5, "nobs": 1}
    factors |= dict.fromkeys(
        ["indirect:m1", "indirect:m2", "indirect", "direct", "total"], 1e9
    )
    pd.testing.assert_frame_equal(
        (scaled / pd.Series(factors))[list(base)], base.astype(float), rtol=1e-8
    )
