"""Staggered adoption: numbers of other software, truth, invariances, failures."""

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
CASES = {
    (c["case"], c["data"]): c
    for c in json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"]
}
ESTIMATORS = ("callaway_santanna", "imputation", "sun_abraham")


def draw(
    seed: int = 1, n: int = 60, periods: int = 8, effect: Any = lambda g, t: 1.0
) -> pd.DataFrame:
    """Draw three cohorts: 2003, 2005 and never."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(n), periods),
            "year": np.tile(np.arange(periods), n),
        }
    )
    frame["year"] += 2000
    frame["first"] = np.array([2003.0, 2005.0, np.nan])[frame["city"] % 3]
    frame["x"] = rng.normal(size=len(frame))
    frame["region"] = frame["city"] // 4
    frame["on"] = (frame["year"] >= frame["first"]).astype(float)
    frame["tau"] = frame["on"] * [
        effect(g, t) for g, t in zip(frame["first"], frame["year"], strict=True)
    ]
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
    """Errors of the programs that the numbers are from."""
    options |= {"never": 0, "cov_type": "influence"}
    return dp.StaggeredDid("lemp", "first.treat", estimator=estimator, **options)


def assert_case(
    fit: dp.StaggeredDidResults, case: str, only: int | None = None
) -> None:
    known = CASES[case, "mpdta"]
    rows = slice(len(known["estimate"])) if only is None else slice(only, only + 1)
    table = fit.tidy()
    for name in ("estimate", "std_error"):
        np.testing.assert_allclose(
            table[name][rows], known[name], rtol=0, atol=known["atol"]
        )


# --- numbers of other software --------------------------------------------------------


@pytest.mark.data("mpdta.csv")
def test_callaway_santanna_on_mpdta(mpdta: dp.Panel) -> None:
    fit = spec_of("callaway_santanna").fit(mpdta)
    known = CASES["group_time", "mpdta"]
    cells = fit.group_time
    assert cells[["cohort", "time"]].to_numpy().T.tolist() == [
        known["cohort"],
        known["time"],
    ]
    for name in ("estimate", "std_error"):
        np.testing.assert_allclose(cells[name], known[name], rtol=0, atol=known["atol"])
    for by in ("simple", "dynamic", "group", "calendar"):
        assert_case(fit.aggregate(by), by)
    test, known = fit.pretrend_test().alternatives["csdid"], CASES["pretrend", "mpdta"]
    assert test.p_value == pytest.approx(known["p_value"], abs=known["atol"])
    assert fit.nobs == 2500
    assert fit.coding.cohorts == ((2004, 20), (2006, 40), (2007, 131))
    assert fit.coding.n_never == 309
    assert "2004 (20), 2006 (40), 2007 (131); never: 309" in fit.summary()


@pytest.mark.data("mpdta.csv")
def test_callaway_santanna_with_a_control_on_mpdta(mpdta: dp.Panel) -> None:
    fit = spec_of("callaway_santanna", x=["lpop"], aggregate="simple").fit(mpdta)
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
    """Both count time effects; neither counts county effects.

    Clusters are whole in counties.
    """
    fit = dp.FixedEffects("lemp", ["on"], ssc=ssc).fit(mpdta)
    known = CASES["two_way", "mpdta"]
    np.testing.assert_allclose(
        fit.params, known["estimate"], rtol=0, atol=known["atol"]
    )
    np.testing.assert_allclose(
        fit.std_errors, known["std_error"], rtol=0, atol=known["atol"]
    )


# --- the truth ------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_effects_that_differ_are_found_where_the_two_way_slope_is_biased(
    estimator: Any,
) -> None:
    """The first cohort's effect grows; errors are small.

    So a bias is many standard errors.
    """
    frame = draw(
        3, n=240, effect=lambda g, t: (t - g + 1) * (1.0 if g == 2003 else 0.2)
    )
    panel = panel_of(frame)
    fit = dp.StaggeredDid("y", "first", estimator=estimator, aggregate="simple").fit(
        panel
    )
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
    n: int,
    treated: int,
    estimator: Any,
    covered: float,
    rejected: float,
    measured: Callable[..., None],
) -> None:
    """Coverage and size in 300 panels with two equal cohorts, and parallel trends.

    Cities are observed for 8 years. The effects of the two cohorts grow at different
    rates. Errors have a serial correlation of .5. Coverage is the share of panels in
    which the 95% interval of the average effect over all treated rows covers the truth.
    Size is the share in which the test of the averages before treatment rejects at 5%.
    Errors and tests are those of `cov_type="influence"`: of csdid, did_imputation and
    the regression.
    """
    rng = np.random.default_rng(n + treated)
    keys = pd.DataFrame(
        {"city": np.repeat(np.arange(n), 8), "year": np.tile(np.arange(8), n)}
    )
    first = np.full(n, np.nan)
    first[:treated] = np.repeat([3.0, 5.0], treated // 2)
    keys["first"] = first[keys["city"]]
    since = (keys["year"] - keys["first"] + 1).clip(lower=0).fillna(0)
    effect = since * np.where(keys["first"] == 3, 0.3, 0.1)
    truth, draws = effect[since > 0].mean(), 300
    options: Any = {
        "estimator": estimator,
        "aggregate": "simple",
        "cov_type": "influence",
    }
    spec, hits, finds = dp.StaggeredDid("y", "first", **options), 0, 0
    for _ in range(draws):
        error = rng.normal(size=(n, 8))
        error[:, 0] /= np.sqrt(0.75)
        for t in range(1, 8):
            error[:, t] += 0.5 * error[:, t - 1]
        fit = spec.fit(panel_of(keys.assign(y=error.ravel() + effect)))
        low, high = fit.conf_int().loc["att"]
        hits += low <= truth <= high
        (known,) = fit.pretrend_test("dynamic").alternatives.values()
        finds += known.p_value < 0.05
    row = {"cities": n, "in each cohort": treated // 2, "estimator": f"`{estimator}`"}
    rates = {"coverage": hits / draws, "size of the pre-trend test": finds / draws}
    measured("coverage_of_staggered_effects", row | rates)
    for actual, known in ((hits / draws, covered), (finds / draws, rejected)):
        assert abs(actual - known) < 4 * np.sqrt(known * (1 - known) / draws) + 0.01


# --- invariances ----------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_rows_labels_and_origin_do_not_matter(estimator: Any) -> None:
    frame = draw(4).query("not (city == 7 and year == 2001)")
    spec = dp.StaggeredDid("y", "first", ["x"], estimator=estimator)
    fit = spec.fit(panel_of(frame))
    shuffled = frame.sample(frac=1, random_state=1)
    moved = frame.assign(
        city=frame["city"].map(lambda c: f"c{97 - c}"), year=frame["year"] + 15
    )
    moved["first"] += 15
    for other in (shuffled, moved):
        again = spec.fit(panel_of(other))
        np.testing.assert_allclose(again.params, fit.params, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(again.cov, fit.cov, rtol=1e-7, atol=1e-12)
        # Draws too: signs are in the order of the data.
        assert again.pretrend_test().p_value == fit.pretrend_test().p_value
        band, wanted = (
            one.event_path(bands="joint")["conf_high"] for one in (again, fit)
        )
        np.testing.assert_allclose(band, wanted, rtol=1e-7)
    scaled = spec.fit(panel_of(frame.assign(y=1000 * frame["y"] + 5)))
    np.testing.assert_allclose(scaled.params, 1000 * fit.params, rtol=1e-8, atol=1e-7)
    assert scaled.pretrend_test().p_value == fit.pretrend_test().p_value
    np.testing.assert_allclose(scaled.df_by_term, fit.df_by_term, rtol=1e-7)


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
    two = dp.StaggeredDid("y", "first", estimator=estimator).fit(
        dp.Panel(double, "city", "year", step=2)
    )
    np.testing.assert_allclose(two.params, one.params, atol=1e-12)
    dates = frame.assign(
        year=pd.to_datetime(frame["year"].astype(str) + "-01-01"),
        first=pd.to_datetime(
            frame["first"].map(lambda g: None if np.isnan(g) else f"{g:.0f}-01-01")
        ),
    )
    dated = dp.StaggeredDid("y", "first", estimator=estimator, aggregate="group")
    assert list(dated.fit(panel_of(dates)).params.index) == [
        "att",
        "cohort:2003-01-01",
        "cohort:2005-01-01",
    ]


def test_rows_with_missing_values_are_counted_by_the_sample() -> None:
    frame = draw(7)
    frame.loc[frame.index[::50], "y"] = np.nan
    with pytest.warns(dp.MissingDataWarning):
        fit = dp.StaggeredDid("y", "first", estimator="imputation").fit(panel_of(frame))
    assert fit.nobs == len(frame) - 10
    assert "missing_rows" in [notice.code for notice in fit.diagnostics]


# --- remarks --------------------------------------------------------------------------


def test_small_cohorts_and_few_clusters_are_reported() -> None:
    frame = draw(8, n=24)
    frame.loc[frame["city"].isin([1, 4, 7, 10]), "first"] = np.nan
    with pytest.warns(dp.FewClustersWarning):
        fit = dp.StaggeredDid(
            "y", "first", estimator="imputation", clusters=["region"]
        ).fit(panel_of(frame))
    actual = {notice.code: notice.data for notice in fit.diagnostics}
    assert actual["small_cohorts"] == {"cohorts": {2003: 8, 2005: 4}}
    assert actual["very_few_clusters"] == {"clusters": "region", "n_clusters": 6}
    assert actual["few_treated_clusters"]["n_treated"] == 6
    assert fit.inference.n_clusters == (6,)


# --- failures -------------------------------------------------------------------------


def both(**changes: Any) -> pd.DataFrame:
    return draw(9, n=30).assign(**changes)


ALWAYS = both(first=lambda f: f["first"].where(f["city"] != 0, 2000.0))
LATE = both(first=lambda f: f["first"].where(f["city"] != 1, 2019.0))
EARLY = both(first=lambda f: f["first"].where(f["city"] != 1, 1995.0))
VARIES = both(
    first=lambda f: f["first"].where((f["city"] != 0) | (f["year"] > 2001), 2004.0)
)
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
    "no never treated, CS": (
        ALL,
        {"estimator": "callaway_santanna"},
        IdentificationError,
        "no_comparison",
    ),
    "no never treated, SA": (
        ALL,
        {"estimator": "sun_abraham"},
        IdentificationError,
        "no_comparison",
    ),
    "all in the last periods": (ALL, {}, IdentificationError, "not_imputable"),
    "one cohort of all": (
        ONE,
        {"estimator": "callaway_santanna", "control": "not_yet"},
        IdentificationError,
        "no_comparison",
    ),
    "one cohort of all, imputed": (ONE, {}, IdentificationError, "not_imputable"),
    "anticipation before the panel": (
        SINGLE,
        {"anticipation": 1},
        IdentificationError,
        "not_imputable",
    ),
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
    "control is a time effect": (
        CONSTANT,
        {"estimator": "sun_abraham"},
        IdentificationError,
        "absorbed",
    ),
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
        ({"cov_type": "clustered"}, "cov_type"),
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
    assert (other.estimator, other.x, other.compared_with) == (
        "imputation",
        (),
        "not_yet",
    )
    assert spec.compared_with == "never"


@pytest.mark.parametrize(
    ("estimator", "anticipation"),
    [*itertools.product(ESTIMATORS, [0, 1])],
)
def test_anticipation_moves_what_effects_are_compared_with(
    estimator: Any, anticipation: int
) -> None:
    """Effects a period early are found, and distort none from treatment on."""
    frame = draw(11, n=150)
    early = (frame["year"] == frame["first"] - 1).astype(float)
    frame["y"] += 2 * early
    spec = dp.StaggeredDid("y", "first", estimator=estimator, anticipation=anticipation)
    fit = spec.fit(panel_of(frame))
    actual, error = fit.params["event:0"], fit.std_errors["event:0"]
    assert (abs(actual - 1) < 4 * error) == bool(anticipation)
    if anticipation:
        assert abs(fit.params["event:-1"] - 2) < 4 * fit.std_errors["event:-1"]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_sample_without_a_row_since_treatment_is_refused(estimator: str) -> None:
    frame = draw(7)
    hidden = frame.assign(y=frame["y"].where(frame["on"] == 0))
    with pytest.raises(IdentificationError) as caught:
        dp.StaggeredDid("y", "first", estimator=estimator).fit(panel_of(hidden))
    assert caught.value.problems[0].code == "none_treated"


# --- gaps in time ---------------------------------------------------------------------


def notice_of(fit: Any, code: str) -> Any:
    (notice,) = [one for one in fit.diagnostics if one.code == code]
    return notice


def without(*years: int) -> pd.DataFrame:
    return draw(31).query("year not in @years")


@pytest.mark.parametrize("base", ["varying", "universal"])
def test_a_cohort_without_the_period_before_is_named_with_its_base_period(
    base: Any,
) -> None:
    """As csdid and R's did, which say nothing.

    Effects are those of so many years since treatment.
    """
    frame = without(2004)
    fit = dp.StaggeredDid("y", "first", base_period=base).fit(panel_of(frame))
    notice = notice_of(fit, "earlier_base")
    assert notice.data == {"cohorts": {2005: 2003}, "changes": {}}
    assert "2005 with 2003 (2 periods before)" in notice.message
    assert notice.message in " ".join(fit.summary().split()).replace("- ", "-")
    wide = frame.pivot_table(index="city", columns="year", values="y")
    first = frame.groupby("city")["first"].first()
    for time in (2005, 2006):
        change = wide[time] - wide[2003]
        cell = fit.group_time.query("cohort == 2005 and time == @time").iloc[0]
        assert cell["event_time"] == time - 2005
        assert cell["estimate"] == pytest.approx(
            change[first == 2005].mean() - change[first.isna()].mean()
        )
    assert fit.reference is None
    assert fit.before == ("previous" if base == "varying" else "cohorts")
    assert "is the reference:" not in fit.summary()


def test_changes_over_several_periods_are_named() -> None:
    """With varying base periods they have the event time of changes over one period."""
    frame = without(2001)
    fit = dp.StaggeredDid("y", "first").fit(panel_of(frame))
    assert notice_of(fit, "earlier_base").data == {
        "cohorts": {},
        "changes": {2002: 2000},
    }
    assert "2000 to 2002" in notice_of(fit, "earlier_base").message
    universal = dp.StaggeredDid("y", "first", base_period="universal").fit(
        panel_of(frame)
    )
    assert "earlier_base" not in [one.code for one in universal.diagnostics]
    assert universal.reference == -1
    late = dp.StaggeredDid("y", "first").fit(panel_of(without(2006)))
    assert "earlier_base" not in [one.code for one in late.diagnostics]


def test_the_reference_of_all_cohorts_may_be_an_earlier_one() -> None:
    frame = (
        draw(32)
        .assign(first=lambda f: f["first"].where(f["first"] != 2003))
        .query("year != 2004")
    )
    for options in ({"base_period": "universal"}, {"estimator": "sun_abraham"}):
        fit = dp.StaggeredDid("y", "first", **options).fit(panel_of(frame))
        assert fit.reference == -2
        assert "Event time -2 is the reference" in fit.summary()
        assert notice_of(fit, "earlier_base").data["cohorts"] == {2005: 2003}


def test_sun_abraham_names_a_cohort_that_lacks_the_period_others_have() -> None:
    frame = draw(33).query("not (first == 2005 and year == 2004)")
    fit = dp.StaggeredDid("y", "first", estimator="sun_abraham").fit(panel_of(frame))
    assert notice_of(fit, "earlier_base").data == {
        "cohorts": {2005: 2003},
        "changes": {},
    }
    assert "is the reference:" not in fit.summary()
    told = " ".join(str(dp.etable(fit)).split())
    assert "The reference is not the same event time for all cohorts" in told


def test_anticipation_moves_the_period_that_a_cohort_needs() -> None:
    frame = without(2004)
    fit = dp.StaggeredDid("y", "first", anticipation=1).fit(panel_of(frame))
    assert "earlier_base" not in [one.code for one in fit.diagnostics]
    late = (
        draw(31)
        .assign(first=lambda f: f["first"].where(f["first"] != 2003))
        .query("year != 2003")
    )
    fit = dp.StaggeredDid("y", "first", anticipation=1).fit(panel_of(late))
    assert notice_of(fit, "earlier_base").data == {
        "cohorts": {2005: 2002},
        "changes": {2004: 2002},
    }
    assert (
        "without rows 2 periods before treatment"
        in notice_of(fit, "earlier_base").message
    )


# --- weights --------------------------------------------------------------------------


def weighted(seed: int = 21, *, varying: bool = False) -> pd.DataFrame:
    frame = draw(seed, n=90, effect=lambda g, t: 1.0 + (g == 2005) + 0.3 * (t - g))
    rng = np.random.default_rng(seed)
    frame["w"] = rng.uniform(0.2, 3, size=90)[frame["city"]]
    if varying:
        frame["w"] *= rng.uniform(0.5, 2, size=len(frame))
    return frame


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("by", ["dynamic", "simple", "group", "calendar"])
def test_equal_weights_are_none_and_units_of_weights_do_not_matter(
    estimator: Any, by: Any
) -> None:
    frame = weighted()
    spec = dp.StaggeredDid("y", "first", ["x"], estimator=estimator, aggregate=by)
    plain = spec.fit(panel_of(frame))
    equal = spec.replace(obs_weights="one").fit(panel_of(frame.assign(one=5.0)))
    np.testing.assert_allclose(equal.params, plain.params, rtol=0, atol=1e-12)
    np.testing.assert_allclose(equal.cov, plain.cov, rtol=0, atol=1e-13)
    one, other = (
        spec.replace(obs_weights="w").fit(panel_of(frame.assign(w=scale * frame["w"])))
        for scale in (1.0, 1000.0)
    )
    np.testing.assert_allclose(one.params, other.params, rtol=0, atol=1e-10)
    np.testing.assert_allclose(one.cov, other.cov, rtol=0, atol=1e-11)
    assert np.abs(one.params - plain.params).max() > 0.005


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("by", ["dynamic", "simple", "group", "calendar"])
def test_whole_weights_are_copies_of_entities(estimator: Any, by: Any) -> None:
    """Estimates are those of copied entities; errors if copies are one cluster.

    Then the errors are too.
    """
    frame = weighted(22).query("city < 45")
    frame["w"] = 1.0 + frame["city"] % 4
    copies = frame.loc[frame.index.repeat(frame["w"].astype(int))]
    copies = copies.assign(
        copy=copies["city"] * 10 + copies.groupby(["city", "year"]).cumcount()
    )
    spec = dp.StaggeredDid(
        "y", "first", ["x"], estimator=estimator, aggregate=by, clusters=["city"]
    )
    spec = spec.replace(leads=2) if estimator == "imputation" else spec
    one = spec.replace(obs_weights="w").fit(panel_of(frame))
    many = spec.fit(dp.Panel(copies, "copy", "year"))
    np.testing.assert_allclose(one.params, many.params, rtol=0, atol=1e-9)
    if estimator != "sun_abraham":  # whose correction counts the rows
        np.testing.assert_allclose(one.cov, many.cov, rtol=0, atol=1e-10)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_weighted_effects_of_large_entities(estimator: Any) -> None:
    """The truth of a weighted population."""
    frame = draw(23, n=240)
    large = frame["city"] % 2 == 0
    frame["w"] = np.where(large, 9.0, 1.0)
    frame["y"] += frame["on"] * np.where(large, 2.0, 0.0)
    spec = dp.StaggeredDid(
        "y", "first", estimator=estimator, obs_weights="w", aggregate="simple"
    )
    fit = spec.fit(panel_of(frame))
    assert abs(fit.params["att"] - 2.8) < 4 * fit.std_errors["att"] < 0.5
    plain = spec.replace(obs_weights=None).fit(panel_of(frame))
    assert abs(plain.params["att"] - 2.0) < 4 * plain.std_errors["att"]


def test_weights_that_change_over_time_are_those_of_the_earlier_period() -> None:
    frame = weighted(24, varying=True)
    fit = dp.StaggeredDid("y", "first", obs_weights="w").fit(panel_of(frame))
    assert notice_of(fit, "weights_vary").data == {
        "weights": "w",
        "count": 90,
        "n_entities": 90,
    }
    wide, weight = (
        frame.pivot_table(index="city", columns="year", values=name)
        for name in ("y", "w")
    )
    first = frame.groupby("city")["first"].first()
    means = {}
    for row in fit.group_time.itertuples():
        base = row.cohort - 1 if row.time >= row.cohort else row.time - 1
        change, w = wide[row.time] - wide[base], weight[base]
        sides = [
            np.average(change[rows], weights=w[rows])
            for rows in (first == row.cohort, first.isna())
        ]
        means[row.cohort, row.time] = sides[0] - sides[1]
        assert row.estimate == pytest.approx(means[row.cohort, row.time], abs=1e-10)
    size = {cohort: weight[2000][first == cohort].sum() for cohort in (2003, 2005)}
    own = {
        cohort: np.mean([v for (g, t), v in means.items() if g == cohort <= t])
        for cohort in size
    }
    overall = np.average(list(own.values()), weights=list(size.values()))
    assert fit.aggregate("group").params["att"] == pytest.approx(overall, abs=1e-10)
    for estimator in ("imputation", "sun_abraham"):
        other = dp.StaggeredDid("y", "first", estimator=estimator, obs_weights="w").fit(
            panel_of(frame)
        )
        assert "weights_vary" not in [one.code for one in other.diagnostics]


@pytest.mark.parametrize("estimator", ["imputation", "sun_abraham"])
def test_regressions_use_the_weight_of_every_row(estimator: Any) -> None:
    frame = weighted(25, varying=True)
    fit = dp.StaggeredDid(
        "y", "first", ["x"], estimator=estimator, obs_weights="w"
    ).fit(panel_of(frame))
    cells = {
        (g, t): f"d{g}{t}"
        for g in (2003, 2005)
        for t in range(2000, 2008)
        if (t >= g if estimator == "imputation" else t != g - 1)
    }
    dummies = {
        name: 1.0 * ((frame["first"] == g) & (frame["year"] == t))
        for (g, t), name in cells.items()
    }
    by_hand = dp.FixedEffects("y", [*dummies, "x"], obs_weights="w").fit(
        panel_of(frame.assign(**dummies))
    )
    if estimator == "imputation":
        untreated = frame[frame["on"] == 0]
        model = dp.FixedEffects("y", ["x"], obs_weights="w", singletons="keep").fit(
            panel_of(untreated)
        )
        frame["tau"] = frame["y"] - model.predict(panel_of(frame)).to_numpy()
        treated = frame[frame["on"] == 1]
        sums = (
            treated.assign(s=treated["tau"] * treated["w"])
            .groupby(["first", "year"])[["s", "w"]]
            .sum()
        )
        np.testing.assert_allclose(
            fit.group_time["estimate"], sums["s"] / sums["w"], atol=1e-10
        )
    else:
        np.testing.assert_allclose(
            fit.group_time["estimate"], by_hand.params[list(cells.values())], atol=1e-10
        )
        errors = by_hand.std_errors[list(cells.values())]
        other = dp.StaggeredDid(
            "y",
            "first",
            ["x"],
            estimator=estimator,
            obs_weights="w",
            cov_type="influence",
        ).fit(panel_of(frame))
        np.testing.assert_allclose(other.group_time["std_error"], errors, atol=1e-10)
    mass = frame.groupby(["first", "year"])["w"].sum()
    estimates = fit.group_time.set_index(["cohort", "time"])["estimate"]
    since = [(g, t) for g, t in estimates.index if t >= g]
    simple = np.average(
        [estimates[cell] for cell in since], weights=[mass[cell] for cell in since]
    )
    assert fit.aggregate("simple").params["att"] == pytest.approx(simple, abs=1e-10)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_what_is_told_of_weights_and_what_is_refused(estimator: Any) -> None:
    frame = weighted(26)
    spec = dp.StaggeredDid("y", "first", estimator=estimator, obs_weights="w")
    fit = spec.fit(panel_of(frame))
    assert "Weights: w" in fit.summary()
    assert fit.glance()["obs_weights"] == "w"
    assert dp.etable(
        {"a": fit, "b": spec.replace(obs_weights=None).fit(panel_of(frame))}
    ).frame.loc["Weights"].tolist() == ["w", "No"]
    for bad in (0.0, -1.0):
        with pytest.raises(OptionError, match=r"obs_weights='w' (is|must)"):
            spec.fit(
                panel_of(frame.assign(w=frame["w"].where(frame["city"] != 3, bad)))
            )
    with pytest.warns(dp.MissingDataWarning):
        less = spec.fit(panel_of(frame.assign(w=frame["w"].where(frame["city"] != 3))))
    assert less.nobs == len(frame) - 8
    with pytest.raises(ColumnError):
        spec.replace(obs_weights="v").fit(panel_of(frame))
    with pytest.raises(InputTypeError):
        dp.StaggeredDid("y", "first", obs_weights=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("within", [False, True])
def test_an_outcome_that_does_not_change_is_refused(*, within: bool) -> None:
    frame = pd.DataFrame({"i": np.repeat(range(12), 6), "t": np.tile(range(6), 12)})
    frame["first"] = np.where(frame["i"] < 6, 3.0, np.nan)
    frame["y"] = 1.0 * frame["i"] if within else 2.0
    with pytest.raises(IdentificationError, match="'y' does not change in any i"):
        dp.StaggeredDid("y", "first").fit(dp.Panel(frame, "i", "t"))


def test_effects_whose_covariance_would_not_fit_in_memory_are_refused() -> None:
    """Forty cohorts in 500 days have 20,000 effects, whose covariance has 3 GB."""
    frame = pd.DataFrame(
        {"i": np.repeat(range(60), 500), "t": np.tile(range(500), 60), "y": 0.0}
    )
    frame["first"] = np.where(frame["i"] < 40, 200.0 + frame["i"], np.nan)
    frame["y"] = np.random.default_rng(0).normal(size=len(frame))
    for estimator in ("callaway_santanna", "sun_abraham"):
        spec = dp.StaggeredDid("y", "first", estimator=estimator)
        with pytest.raises(OptionError, match=r"20,000 effects.* 3 GB.*months instead"):
            spec.fit(dp.Panel(frame, "i", "t"))
