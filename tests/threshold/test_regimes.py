"""Columns by regime, and the search with intercepts that the fit is held against.

There is an intercept in each regime.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import OptionError, Panel, PanelThreshold
from digiprosper.linear.preparation import linear_options, prepare
from digiprosper.threshold.search import origin_notices, regime_columns

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = (
    Path(__file__).resolve().parents[2].parent
    / "shared"
    / "data"
    / "china_cities_105x14.csv"
)
pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
SPEC = PanelThreshold("y", "z", "q", "x", bootstrap=None)


def frame(
    seed: int = 0, *, n: int = 30, mean: float = 0.0, shift: float = 0.0
) -> pd.DataFrame:
    """Unbalanced; at q = .2 the slope changes from 1 to 1.6, the level by `shift`."""
    rng = np.random.default_rng(seed)
    entity, time = (
        a.ravel() for a in np.meshgrid(np.arange(n), np.arange(8), indexing="ij")
    )
    df = pd.DataFrame({"i": entity, "t": time})
    df["q"] = np.round(rng.normal(size=len(df)), 2)
    df["z"], df["w"], df["x"] = (mean + rng.normal(size=(3, len(df)))).tolist()
    low = df["q"] <= 0.2
    df["y"] = (
        np.where(low, 1.0, 1.6) * df["z"]
        + shift * low
        + 0.3 * df["x"]
        + rng.normal(size=len(df))
    )
    df["y"] += rng.normal(size=n)[entity]
    return df[(rng.random(len(df)) > 0.1) | (time < 2)].reset_index(drop=True)


def on(df: pd.DataFrame) -> Panel:
    return Panel(df, "i", "t")


def about(results: Any) -> Any:
    actual = [n for n in results.diagnostics if n.code == "origin"]
    assert len(actual) <= 1
    return actual[0] if actual else None


def steps(slopes: pd.Series[float], term: str, regimes: int) -> Any:
    return np.diff([slopes[f"{term}:regime{r}"] for r in range(1, regimes + 1)])


def test_columns_are_split_and_named_from_low_to_high() -> None:
    df = frame()
    roles = {
        "y": ("y",),
        "regime_dependent": ("z", "w"),
        "threshold_variable": ("q",),
        "x": ("x",),
    }
    sample = prepare(on(df), roles, linear_options(SPEC)).sample
    regimes = np.digitize(sample.columns("threshold_variable")[:, 0], [-0.5, 0.5]) + 1
    names, columns = regime_columns(sample, regimes, intercept=True)
    split = [f"{z}:regime{r}" for z in "zw" for r in (1, 2, 3)]
    assert names == (*split, "intercept:regime1", "intercept:regime2", "x")
    z = sample.columns("regime_dependent")
    np.testing.assert_array_equal(columns[:, 4], z[:, 1] * (regimes == 2))
    np.testing.assert_array_equal(columns[:, 7], regimes == 2)
    names, columns = regime_columns(sample, np.ones_like(regimes), intercept=False)
    assert names == ("z", "w", "x")
    np.testing.assert_array_equal(columns[:, :2], z)


@pytest.mark.many(11)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "options",
    [{}, {"n_thresholds": 2}, {"regime_dependent": ("z", "w")}, {"rule": "<"}],
)
def test_the_notice_holds_the_fit_against_one_with_intercepts(
    seed: int, options: dict[str, Any]
) -> None:
    panel = on(frame(seed, n=12, mean=4.0, shift=3.0))
    spec = SPEC.replace(trim=0.1, **options)
    results, other = spec.fit(panel), spec.replace(regime_intercept=True).fit(panel)
    actual, own = np.sort(other.estimates), np.sort(results.estimates)
    outside = []
    for value, j in zip(actual, np.argsort(results.estimates), strict=True):
        if not any(low <= value <= high for low, high in results.confidence_set(j + 1)):
            outside.append(j + 1)
    turned = [
        (term, r + 1)
        for term in spec.regime_dependent
        for r, (a, b) in enumerate(
            zip(
                *(steps(f.slopes.params, term, own.size + 1) for f in (results, other)),
                strict=True,
            )
        )
        if a * b < 0
    ]
    notice = about(results)
    assert about(other) is None
    if not outside and not turned:
        assert notice is None
        return
    assert notice.data == {
        "estimates": tuple(own),
        "with_intercept": tuple(actual),
        "outside": tuple(outside),
        "order": tuple(turned),
        "logarithms": (),
    }


def test_the_designs_above_meet_both_cases() -> None:
    """Both outcomes of the comparison must occur for the test above to count.

    Otherwise it says nothing.
    """
    fits = [
        SPEC.replace(trim=0.1).fit(on(frame(s, n=12, mean=4.0, shift=3.0)))
        for s in range(6)
    ]
    kinds = [about(f) for f in fits]
    assert any(k is None for k in kinds)
    assert any(k is not None for k in kinds)


def test_the_comparison_does_not_depend_on_the_origin() -> None:
    df = frame(2, mean=1.0, shift=2.0)
    results = [about(SPEC.fit(on(df.assign(z=df["z"] + c)))) for c in (8.0, 20.0)]
    assert all(n is not None for n in results)
    assert results[0].data["with_intercept"] == results[1].data["with_intercept"]


def test_a_model_without_a_shift_is_quiet() -> None:
    for seed in range(5):
        assert about(SPEC.fit(on(frame(seed)))) is None


def test_a_value_on_the_border_of_the_set_is_inside() -> None:
    df = frame(1, mean=4.0, shift=3.0)
    roles = {
        "y": ("y",),
        "regime_dependent": ("z",),
        "threshold_variable": ("q",),
        "x": ("x",),
    }
    prepared = prepare(on(df), roles, linear_options(SPEC))
    search, results = SPEC._plan_search(prepared), SPEC.fit(on(df))
    gamma = SPEC.replace(regime_intercept=True).fit(on(df)).estimates[0]
    assert gamma != results.estimates[0]
    profile = results.profile(1, method="lr").set_index("gamma")
    for factor, inside in ((1 + 1e-12, True), (1 - 1e-9, False)):
        ratio = (
            factor * profile.loc[gamma, "lr"] / results.critical_value(1, method="lr")
        )
        edited = replace(results, variance_ratios=np.array([ratio]))
        notice = origin_notices(edited, search, [])
        assert (not notice or not notice[0].data["outside"]) == inside


def test_equal_slopes_have_no_order() -> None:
    """A term whose slopes are equal to rounding cannot turn."""
    df = frame(3)
    df["y"] = df["z"] + 5 * (df["q"] <= 0.2) + 0.3 * df["x"]
    results = SPEC.replace(regime_intercept=True).fit(on(df))
    assert abs(steps(results.slopes.params, "z", 2)[0]) < 1e-9
    bare = SPEC.replace(thresholds=(0.2,)).fit(on(df))
    assert about(bare) is None


def test_given_thresholds_are_held_against_the_same_with_intercepts() -> None:
    df = frame(1, mean=4.0, shift=6.0)
    given = SPEC.replace(thresholds=(0.2,))
    one, other = (given.replace(regime_intercept=r).fit(on(df)) for r in (False, True))
    assert (
        steps(one.slopes.params, "z", 2)[0] * steps(other.slopes.params, "z", 2)[0] < 0
    )
    assert about(one).data == {
        "estimates": (0.2,), "with_intercept": (0.2,), "outside": (),
        "order": (("z", 1),), "logarithms": ()
    }  # fmt: skip


@pytest.mark.parametrize("case", ["time-invariant", "none kept"])
def test_where_there_is_nothing_to_compare_nothing_is_said(case: str) -> None:
    df = frame(1, mean=4.0, shift=3.0)
    spec = SPEC
    if case == "time-invariant":  # the entity effects hold the level
        df["q"] = (df["i"] % 9).astype(float)
    else:
        df["q"] = np.random.default_rng(5).normal(size=len(df))
        df["y"] = df["z"] + np.random.default_rng(6).normal(size=len(df))
        spec = spec.replace(n_thresholds="auto", bootstrap="wild_cluster", reps=99)
    results = spec.fit(on(df)) if case != "none kept" else spec.fit(on(df), rng=1)
    assert about(results) is None
    assert (results.estimates.size == 0) == (case == "none kept")
    if case == "none kept":
        with pytest.raises(OptionError, match="n_thresholds=1"):
            results.profile()


def test_units_of_logarithms_are_named_only_where_a_term_is_one() -> None:
    df = frame(1, mean=4.0, shift=6.0)
    given = SPEC.replace(thresholds=(0.2,))
    plain = about(given.fit(on(df))).message
    one = about(
        given.replace(regime_dependent="log(u)").fit(on(df.assign(u=np.exp(df["w"]))))
    ).message
    assert ("logarithm" in plain, "logarithm" in one) == (False, True)
    searched = about(SPEC.fit(on(frame(1, mean=4.0, shift=3.0)))).message
    assert all("regime_intercept=True" in text for text in (plain, one, searched))
    # Given thresholds have no test.
    assert ["reject" in text for text in (plain, one, searched)] == [False, False, True]


@pytest.mark.parametrize("given", [None, (0.2,)])
def test_a_logarithm_is_told_whatever_changes(given: tuple[float, ...] | None) -> None:
    df = frame(0)
    df["u"] = np.exp(df["w"])
    assert about(SPEC.replace(thresholds=given).fit(on(df))) is None
    for seed in range(3):
        spec = SPEC.replace(regime_dependent=("z", "log(u)"), thresholds=given)
        one = on(frame(seed).assign(u=lambda f: np.exp(f["w"])))
        assert about(spec.fit(one)).data["logarithms"] == ("log(u)",)
        assert about(spec.replace(regime_intercept=True).fit(one)) is None


def test_a_logarithm_is_told_where_no_threshold_is_kept() -> None:
    df = frame(1)
    rng = np.random.default_rng(5)
    df = df.assign(q=rng.normal(size=len(df)), u=np.exp(df["w"]))
    df["y"] = df["w"] + rng.normal(size=len(df))
    spec = SPEC.replace(
        regime_dependent="log(u)",
        n_thresholds="auto",
        bootstrap="wild_cluster",
        reps=99,
    )
    results = spec.fit(on(df), rng=1)
    assert results.estimates.size == 0
    assert about(results).data["logarithms"] == ("log(u)",)


def test_a_logarithm_is_not_told_where_entity_effects_hold_the_level() -> None:
    df = frame(1).assign(
        q=lambda f: (f["i"] % 9).astype(float), u=lambda f: np.exp(f["w"])
    )
    spec = SPEC.replace(regime_dependent="log(u)")
    fits = [spec.swap("log(u)", z).fit(on(df)) for z in ("log(u)", "log(1000*u)")]
    np.testing.assert_allclose(fits[0].slopes.params, fits[1].slopes.params, rtol=1e-9)
    assert [about(f) for f in fits] == [None, None]


@pytest.mark.data("china_cities_105x14.csv")
def test_the_verdict_of_a_test_may_change_with_units_and_both_say_so() -> None:
    cities = Panel(pd.read_csv(DATA), "city", "year")
    for z in ("log(er)", "log(1000*er)"):
        notice = about(
            PanelThreshold("log1p(gti)", z, "hc", bootstrap=None).fit(cities)
        )
        assert notice.data["logarithms"] == (z,)


@pytest.mark.data("china_cities_105x14.csv")
def test_units_inside_a_logarithm_on_real_cities() -> None:
    cities = Panel(pd.read_csv(DATA), "city", "year")
    thousands, units = (
        PanelThreshold("er", z, "hc", bootstrap=None).fit(cities)
        for z in ("log(gdp)", "log(10000*gdp)")
    )
    assert (round(thousands.estimates[0], 1), round(units.estimates[0], 1)) == (
        568.6,
        111.8,
    )
    assert thousands.slopes.params.round(4).tolist() == [0.0027, 0.0044]
    assert units.slopes.params.round(4).tolist() == [-0.0032, -0.0038]
    for results in (thousands, units):
        assert about(results).data["with_intercept"] == (317.45,)
        assert about(results).data["outside"] == (1,)
    assert about(thousands).data["order"] == ()
    assert about(units).data["order"] == (("log(10000*gdp)", 1),)


@pytest.mark.montecarlo
@pytest.mark.parametrize("n", [31, 100])
@pytest.mark.parametrize(
    ("mean", "jump", "least", "most"),
    [(0, 0.5, 0, 0.03), (5, 0.5, 0, 0.03), (0, 0, 0.1, 0.3)],
)
def test_how_often_the_notice_appears_where_no_level_shifts(
    n: int,
    mean: float,
    jump: float,
    least: float,
    most: float,
    measured: Callable[..., None],
) -> None:
    """Share of 150 panels in which the notice `origin` appears.

    The level does not shift at z = 0.

    n entities are observed for 10 periods. The slope of z changes by the jump, or there
    is no threshold (0).
    """
    rng, count = np.random.default_rng(1), 0
    i, t = np.repeat(np.arange(n), 10), np.tile(np.arange(10), n)
    for _ in range(150):
        q, z = (
            rng.normal(size=n)[i] + rng.normal(size=i.size),
            mean + rng.normal(size=i.size),
        )
        y = (1 + jump * (q > 0.3)) * z + rng.normal(size=n)[i] + rng.normal(size=i.size)
        df = pd.DataFrame({"i": i, "t": t, "q": q, "z": z, "y": y})
        count += about(SPEC.replace(x=()).fit(on(df))) is not None
    row = {
        "n": n,
        "mean of z": mean,
        "jump": f"{jump:g}",
        "share with the notice": count / 150,
    }
    measured("notices_of_the_origin", row)
    assert least <= count / 150 <= most
