"""The specification of staggered adoption: numbers of other software, the truth, invariances, failures."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import (
    ColumnError,
    DigiprosperError,
    IdentificationError,
    InputTypeError,
    MissingDataError,
    OptionError,
    PanelIndexError,
    TermError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

REFERENCE = Path(__file__).parents[1] / "reference" / "staggered.json"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
CASES = {(c["case"], c["data"]): c for c in json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"]}
ESTIMATORS = ("callaway_santanna", "imputation", "sun_abraham")


def draw(seed: int = 1, n: int = 60, periods: int = 8, effect: Any = lambda g, t: 1.0) -> pd.DataFrame:
    """Draw three cohorts: 2003, 2005 and never."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"city": np.repeat(np.arange(n), periods), "year": np.tile(np.arange(periods), n)})
    frame["year"] += 2000
    frame["first"] = np.array([2003.0, 2005.0, np.nan])[frame["city"] % 3]
    frame["x"] = rng.normal(size=len(frame))
    frame["region"] = frame["city"] // 4
    frame["on"] = (frame["year"] >= frame["first"]).astype(float)
    frame["tau"] = frame["on"] * [effect(g, t) for g, t in zip(frame["first"], frame["year"], strict=True)]
    frame["tau"] = frame["tau"].fillna(0.0)
    level = rng.normal(size=n)[frame["city"]] + 0.2 * (frame["year"] - 2000)
    frame["y"] = frame["tau"] + level + 0.3 * rng.normal(size=len(frame))
    return frame


def panel_of(frame: pd.DataFrame) -> dp.Panel:
    return dp.Panel(frame, "city", "year")


@pytest.fixture(scope="module")
def mpdta() -> dp.Panel:
    frame = pd.read_csv(SHARED / "mpdta.csv")
    treated = (frame["first.treat"] > 0) & (frame["year"] >= frame["first.treat"])
    return dp.Panel(frame.assign(on=treated.astype(float)), "countyreal", "year")


def spec_of(estimator: str, **options: Any) -> dp.StaggeredDid:
    return dp.StaggeredDid("lemp", "first.treat", estimator=estimator, never=0, **options)


def assert_case(fit: dp.StaggeredDidResults, case: str, only: int | None = None) -> None:
    known = CASES[case, "mpdta"]
    rows = slice(len(known["estimate"])) if only is None else slice(only, only + 1)
    table = fit.tidy()
    for name in ("estimate", "std_error"):
        np.testing.assert_allclose(table[name][rows], known[name], rtol=0, atol=known["atol"])


# --- numbers of other software ------------------------------------------------------------------------------


@pytest.mark.data("mpdta.csv")
def test_callaway_santanna_on_mpdta(mpdta: dp.Panel) -> None:
    fit = spec_of("callaway_santanna").fit(mpdta)
    known = CASES["group_time", "mpdta"]
    cells = fit.group_time
    assert cells[["cohort", "time"]].to_numpy().T.tolist() == [known["cohort"], known["time"]]
    for name in ("estimate", "std_error"):
        np.testing.assert_allclose(cells[name], known[name], rtol=0, atol=known["atol"])
    for by in ("simple", "dynamic", "group", "calendar"):
        assert_case(fit.aggregate(by), by)
    test, known = fit.pretrend_test(), CASES["pretrend", "mpdta"]
    assert test.p_value == pytest.approx(known["p_value"], abs=known["atol"])
    assert fit.nobs == 2500
    assert fit.coding.cohorts == ((2004, 20), (2006, 40), (2007, 131))
    assert fit.coding.n_never == 309
    assert "2004 (20), 2006 (40), 2007 (131); never: 309" in fit.summary()


@pytest.mark.data("mpdta.csv")
def test_callaway_santanna_with_a_control_on_mpdta(mpdta: dp.Panel) -> None:
    fit = dp.StaggeredDid("lemp", "first.treat", ["lpop"], aggregate="simple", never=0).fit(mpdta)
    assert_case(fit, "simple_lpop")


@pytest.mark.data("mpdta.csv")
def test_imputation_and_sun_abraham_on_mpdta(mpdta: dp.Panel) -> None:
    imputed = spec_of("imputation", aggregate="simple").fit(mpdta)
    assert_case(imputed, "imputation")
    assert_case(imputed, "imputation_exact")
    assert_case(spec_of("sun_abraham").fit(mpdta), "sun_abraham", only=4)


@pytest.mark.data("mpdta.csv")
@pytest.mark.parametrize("ssc", ["reghdfe", "xtreg"])
def test_two_way_regression_on_mpdta(mpdta: dp.Panel, ssc: dp.Ssc) -> None:
    """Time effects are counted by both, county effects, in which the clusters are whole, by neither."""
    fit = dp.FixedEffects("lemp", ["on"], ssc=ssc).fit(mpdta)
    known = CASES["two_way", "mpdta"]
    np.testing.assert_allclose(fit.params, known["estimate"], rtol=0, atol=known["atol"])
    np.testing.assert_allclose(fit.std_errors, known["std_error"], rtol=0, atol=known["atol"])


# --- the truth ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_effects_that_differ_are_found_where_the_two_way_slope_is_biased(estimator: Any) -> None:
    """The first cohort's effect grows; errors are small, so that a bias is many standard errors."""
    frame = draw(3, n=240, effect=lambda g, t: (t - g + 1) * (1.0 if g == 2003 else 0.2))
    panel = panel_of(frame)
    fit = dp.StaggeredDid("y", "first", estimator=estimator, aggregate="simple").fit(panel)
    truth = frame.loc[frame["on"] == 1, "tau"].mean()
    assert abs(fit.params["att"] - truth) < 3 * fit.std_errors["att"]
    two_way = dp.FixedEffects("y", ["on"]).fit(panel)
    assert abs(two_way.params["on"] - truth) > 5 * two_way.std_errors["on"]

    cells = fit.group_time.merge(
        frame.groupby(["first", "year"])["tau"].mean().reset_index(),
        left_on=["cohort", "time"],
        right_on=["first", "year"],
    )
    assert (np.abs(cells["estimate"] - cells["tau"]) < 4.5 * cells["std_error"]).all()


@pytest.mark.montecarlo
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize(
    ("n", "treated", "estimator", "covered", "rejected"),
    [
        (40, 8, "callaway_santanna", 0.92, 0.35),
        (40, 8, "imputation", 0.86, 0.36),
        (40, 8, "sun_abraham", 0.90, 0.32),
        (40, 20, "callaway_santanna", 0.92, 0.13),
        (40, 20, "imputation", 0.91, 0.15),
        (40, 20, "sun_abraham", 0.93, 0.09),
        (100, 10, "callaway_santanna", 0.92, 0.37),
        (100, 10, "imputation", 0.91, 0.37),
        (100, 10, "sun_abraham", 0.88, 0.37),
        (100, 50, "callaway_santanna", 0.95, 0.09),
        (100, 50, "imputation", 0.94, 0.09),
        (100, 50, "sun_abraham", 0.95, 0.06),
        (200, 100, "callaway_santanna", 0.96, 0.08),
        (200, 100, "imputation", 0.95, 0.08),
        (200, 100, "sun_abraham", 0.95, 0.08),
    ],
)
def test_coverage_and_size_of_the_page(
    n: int, treated: int, estimator: Any, covered: float, rejected: float, measured: Callable[..., None]
) -> None:
    """Coverage and size in 300 panels with two cohorts of equal size, and parallel trends.

    Cities are observed for 8 years. The effects of the two cohorts grow at different rates. Errors have a
    serial correlation of .5. Coverage is the share of panels in which the 95% interval of the average effect
    over all treated rows covers the truth. Size is the share in which `pretrend_test("dynamic")` rejects at
    5%.
    """
    rng = np.random.default_rng(n + treated)
    keys = pd.DataFrame({"city": np.repeat(np.arange(n), 8), "year": np.tile(np.arange(8), n)})
    first = np.full(n, np.nan)
    first[:treated] = np.repeat([3.0, 5.0], treated // 2)
    keys["first"] = first[keys["city"]]
    since = (keys["year"] - keys["first"] + 1).clip(lower=0).fillna(0)
    effect = since * np.where(keys["first"] == 3, 0.3, 0.1)
    truth, draws = effect[since > 0].mean(), 300
    spec, hits, finds = dp.StaggeredDid("y", "first", estimator=estimator, aggregate="simple"), 0, 0
    for _ in range(draws):
        error = rng.normal(size=(n, 8))
        error[:, 0] /= np.sqrt(0.75)
        for t in range(1, 8):
            error[:, t] += 0.5 * error[:, t - 1]
        fit = spec.fit(panel_of(keys.assign(y=error.ravel() + effect)))
        low, high = fit.conf_int().loc["att"]
        hits += low <= truth <= high
        finds += fit.pretrend_test("dynamic").p_value < 0.05
    row = {"cities": n, "in each cohort": treated // 2, "estimator": f"`{estimator}`"}
    rates = {"coverage": hits / draws, "size of the pre-trend test": finds / draws}
    measured("coverage_of_staggered_effects", row | rates)
    for found, known in ((hits / draws, covered), (finds / draws, rejected)):
        assert abs(found - known) < 4 * np.sqrt(known * (1 - known) / draws) + 0.01


# --- invariances --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_rows_labels_and_origin_do_not_matter(estimator: Any) -> None:
    frame = draw(4).query("not (city == 7 and year == 2001)")
    spec = dp.StaggeredDid("y", "first", ["x"], estimator=estimator)
    fit = spec.fit(panel_of(frame))
    shuffled = frame.sample(frac=1, random_state=1)
    moved = frame.assign(city=frame["city"].map(lambda c: f"c{97 - c}"), year=frame["year"] + 15)
    moved["first"] += 15
    for other in (shuffled, moved):
        again = spec.fit(panel_of(other))
        np.testing.assert_allclose(again.params, fit.params, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(again.cov, fit.cov, rtol=1e-7, atol=1e-12)
    scaled = spec.fit(panel_of(frame.assign(y=1000 * frame["y"] + 5)))
    np.testing.assert_allclose(scaled.params, 1000 * fit.params, rtol=1e-8, atol=1e-7)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_column_of_0_and_1_is_the_same_as_first_treated_times(estimator: Any) -> None:
    frame = draw(5)
    one = dp.StaggeredDid("y", "first", estimator=estimator).fit(panel_of(frame))
    other = dp.StaggeredDid("y", "on", estimator=estimator).fit(panel_of(frame))
    np.testing.assert_array_equal(one.params, other.params)
    assert one.coding.cohorts == other.coding.cohorts


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_steps_of_time(estimator: Any) -> None:
    """Two years to a period, and dates, give the effects of single years."""
    frame = draw(6)
    one = dp.StaggeredDid("y", "first", estimator=estimator).fit(panel_of(frame))
    double = frame.assign(year=2 * frame["year"], first=2 * frame["first"])
    two = dp.StaggeredDid("y", "first", estimator=estimator).fit(dp.Panel(double, "city", "year", step=2))
    np.testing.assert_allclose(two.params, one.params, atol=1e-12)
    dates = frame.assign(
        year=pd.to_datetime(frame["year"].astype(str) + "-01-01"),
        first=pd.to_datetime(frame["first"].map(lambda g: None if np.isnan(g) else f"{g:.0f}-01-01")),
    )
    dated = dp.StaggeredDid("y", "first", estimator=estimator, aggregate="group")
    assert list(dated.fit(panel_of(dates)).params.index) == ["att", "cohort:2003-01-01", "cohort:2005-01-01"]


def test_rows_with_missing_values_are_counted_by_the_sample() -> None:
    frame = draw(7)
    frame.loc[frame.index[::50], "y"] = np.nan
    with pytest.warns(dp.MissingDataWarning):
        fit = dp.StaggeredDid("y", "first", estimator="imputation").fit(panel_of(frame))
    assert fit.nobs == len(frame) - 10
    assert "missing_rows" in [notice.code for notice in fit.diagnostics]


# --- remarks ------------------------------------------------------------------------------------------------


def test_small_cohorts_and_few_clusters_are_reported() -> None:
    frame = draw(8, n=24)
    frame.loc[frame["city"].isin([1, 4, 7, 10]), "first"] = np.nan
    with pytest.warns(dp.FewClustersWarning):
        fit = dp.StaggeredDid("y", "first", estimator="imputation", clusters=["region"]).fit(panel_of(frame))
    found = {notice.code: notice.data for notice in fit.diagnostics}
    assert found["small_cohorts"] == {"cohorts": {2003: 8, 2005: 4}}
    assert found["very_few_clusters"] == {"clusters": "region", "n_clusters": 6}
    assert found["few_treated_clusters"]["n_treated"] == 6
    assert fit.inference.n_clusters == (6,)


# --- failures -----------------------------------------------------------------------------------------------


def both(**changes: Any) -> pd.DataFrame:
    return draw(9, n=30).assign(**changes)


ALWAYS = both(first=lambda f: f["first"].where(f["city"] != 0, 2000.0))
LATE = both(first=lambda f: f["first"].where(f["city"] != 1, 2019.0))
EARLY = both(first=lambda f: f["first"].where(f["city"] != 1, 1995.0))
VARIES = both(first=lambda f: f["first"].where((f["city"] != 0) | (f["year"] > 2001), 2004.0))
OFF = both(on=lambda f: f["on"].where(f["year"] < 2007, 0.0))
NONE = both(first=np.nan)
ALL = both(first=lambda f: f["first"].fillna(2004.0))
ONE = both(first=2003.0)
BROKEN = both(region=lambda f: (f["city"] + f["year"]) % 9)
CONSTANT = both(x=lambda f: f["year"] * 1.0)
SINGLE = both(first=lambda f: f["first"].where(f["first"] != 2003, 2001.0))
REFUSED: dict[str, tuple[pd.DataFrame, dict[str, Any], type[DigiprosperError], str]] = {
    "switches off": (OFF, {"event": "on"}, IdentificationError, "switched_off"),
    "always treated": (ALWAYS, {}, IdentificationError, "always_treated"),
    "a cohort after the panel": (LATE, {}, IdentificationError, "event_times"),
    "a cohort before the panel": (EARLY, {}, IdentificationError, "event_times"),
    "several values in an entity": (VARIES, {}, IdentificationError, "event_varies"),
    "nobody treated": (NONE, {}, IdentificationError, "none_treated"),
    "no never treated, CS": (ALL, {"estimator": "callaway_santanna"}, IdentificationError, "no_comparison"),
    "no never treated, SA": (ALL, {"estimator": "sun_abraham"}, IdentificationError, "no_comparison"),
    "all in the last periods": (ALL, {}, IdentificationError, "not_imputable"),
    "one cohort of all": (
        ONE,
        {"estimator": "callaway_santanna", "control": "not_yet"},
        IdentificationError,
        "no_comparison",
    ),
    "one cohort of all, imputed": (ONE, {}, IdentificationError, "not_imputable"),
    "anticipation before the panel": (SINGLE, {"anticipation": 1}, IdentificationError, "not_imputable"),
    "anticipation before the panel, SA": (
        SINGLE,
        {"anticipation": 1, "estimator": "sun_abraham"},
        IdentificationError,
        "no_base_period",
    ),
    "clusters divide entities": (
        BROKEN,
        {"clusters": ["region"], "estimator": "callaway_santanna"},
        OptionError,
        "option",
    ),
    "too many leads": (both(), {"leads": 5}, OptionError, "option"),
    "text as outcome": (both(y="a"), {}, InputTypeError, "not_numeric"),
    "no such event": (both(), {"event": "frist"}, ColumnError, "column"),
    "no such control": (both(), {"x": ["z"]}, ColumnError, "column"),
    "text as event": (both(first="2003"), {}, InputTypeError, "event_type"),
    "never not there": (both(), {"never": 0}, OptionError, "option"),
    "time as event": (both(), {"event": "year"}, TermError, "term"),
    "missing refused": (
        both(y=lambda f: f["y"].mask(f.index == 3)),
        {"missing": "raise"},
        MissingDataError,
        "missing",
    ),
    "several outcomes": (both(), {"y": "C(region)"}, TermError, "term"),
    "control is a time effect": (CONSTANT, {"estimator": "sun_abraham"}, IdentificationError, "absorbed"),
}


@pytest.mark.many(12)
@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_malformed_input_is_refused_by_name(name: str) -> None:
    frame, options, error, code = REFUSED[name]
    given = {"y": "y", "event": "first", "estimator": "imputation", **options}
    if name == "control is a time effect":
        given["x"] = ["x"]
    with pytest.raises(error) as caught:
        dp.StaggeredDid(**given).fit(panel_of(frame))
    assert caught.value.problems[0].code == code
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"estimator": "did2s"}, "estimator"),
        ({"control": "always"}, "control"),
        ({"aggregate": "event"}, "aggregate"),
        ({"adjustment": "dr"}, "adjustment"),
        ({"base_period": "long"}, "base_period"),
        ({"anticipation": -1}, "anticipation"),
        ({"anticipation": 1.5}, "anticipation"),
        ({"leads": 0, "estimator": "imputation"}, "leads"),
        ({"leads": 2}, "leads"),
        ({"control": "never", "estimator": "imputation"}, "control"),
        ({"control": "not_yet", "estimator": "sun_abraham"}, "control"),
        ({"adjustment": "ipw", "estimator": "imputation"}, "adjustment"),
        ({"base_period": "varying", "estimator": "sun_abraham"}, "base_period"),
        ({"never": "none"}, "never"),
        ({"clusters": ["city", "region"]}, "clusters"),
        ({"missing": "fill"}, "missing"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionError) as caught:
        dp.StaggeredDid("y", "first", **options)
    assert caught.value.problems[0].data["option"] == option


def test_other_malformed_specifications() -> None:
    with pytest.raises(InputTypeError):
        dp.StaggeredDid(["y"], "first")  # type: ignore[arg-type]
    with pytest.raises(DigiprosperError):
        dp.StaggeredDid("y", "y")
    cross = dp.Panel(draw().query("year == 2003"), "city")
    with pytest.raises(PanelIndexError):
        dp.StaggeredDid("y", "first", estimator="imputation").fit(cross)
    with pytest.raises(InputTypeError):
        dp.StaggeredDid("y", "first").fit(draw())  # type: ignore[arg-type]


def test_values_of_the_specification_can_be_replaced() -> None:
    spec = dp.StaggeredDid("y", "first", ["x"])
    other = spec.replace(estimator="imputation").drop("x")
    assert (other.estimator, other.x, other.compared_with) == ("imputation", (), "not_yet")
    assert spec.compared_with == "never"


@pytest.mark.parametrize(
    ("estimator", "anticipation"),
    [*itertools.product(ESTIMATORS, [0, 1])],
)
def test_anticipation_moves_what_effects_are_compared_with(estimator: Any, anticipation: int) -> None:
    """Effects that begin a period early are found, and do not distort those from treatment on."""
    frame = draw(11, n=150)
    early = (frame["year"] == frame["first"] - 1).astype(float)
    frame["y"] += 2 * early
    spec = dp.StaggeredDid("y", "first", estimator=estimator, anticipation=anticipation)
    fit = spec.fit(panel_of(frame))
    found, error = fit.params["event:0"], fit.std_errors["event:0"]
    assert (abs(found - 1) < 4 * error) == bool(anticipation)
    if anticipation:
        assert abs(fit.params["event:-1"] - 2) < 4 * fit.std_errors["event:-1"]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_sample_without_a_row_since_treatment_is_refused(estimator: str) -> None:
    frame = draw(7)
    hidden = frame.assign(y=frame["y"].where(frame["on"] == 0))
    with pytest.raises(IdentificationError) as caught:
        dp.StaggeredDid("y", "first", estimator=estimator).fit(panel_of(hidden))
    assert caught.value.problems[0].code == "none_treated"
