"""What stored numbers of thresholds and kinks tell: tables, sets, regimes, words."""

from __future__ import annotations

import itertools
import json
import math
import pickle
import re
from dataclasses import FrozenInstanceError, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import (
    Panel,
    PanelThreshold,
    Results,
    TableStyle,
    ThresholdResults,
    etable,
    stack_tables,
)
from digiprosper.errors import OptionError
from digiprosper.report import columns
from digiprosper.report.words import TESTS
from digiprosper.threshold.results import (
    ThresholdTestTable,
    accepted_intervals,
    bootstrap_p,
    critical_lr,
    ends_reached,
    threshold_parameter,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
COLUMNS = [
    "estimate",
    "conf_low",
    "conf_high",
    "ssr",
    "F",
    "p_value",
    "crit_10",
    "crit_5",
    "crit_1",
]


def panel() -> Panel:
    rng = np.random.default_rng(8)
    df = pd.DataFrame(
        {
            "city": np.repeat(np.arange(40), 9),
            "year": np.tile(np.arange(2010, 2019), 40),
        }
    )
    df["q"] = np.round(rng.normal(size=360), 2)
    df["z"] = rng.normal(size=360)
    df["x"] = rng.normal(size=360)
    df["y"] = (
        df["x"]
        + df["z"] * (0.5 + (df["q"] > 0.2))
        + 0.1 * df["city"]
        + rng.normal(size=360)
    )
    return Panel(df, "city", "year", labels={"q": "城镇化率", "y": "Income"})


TWO = PanelThreshold(
    "y",
    "z",
    "q",
    "x",
    n_thresholds=2,
    bootstrap=("wild_cluster", "hansen"),
    reps=199,
    confidence="lr",
)


@pytest.fixture(scope="module")
def estimated() -> ThresholdResults:
    return TWO.fit(panel(), rng=4)


@pytest.fixture(scope="module")
def given() -> ThresholdResults:
    return PanelThreshold(
        "y", "z", "q", "x", thresholds=(0.5, -0.6), df="xthreg", confidence="lr"
    ).fit(panel())


def test_thresholds_are_one_row_each_in_the_order_found(
    estimated: ThresholdResults,
) -> None:
    frame = estimated.thresholds
    assert list(frame.columns) == [*COLUMNS, "statistic", "value"]
    assert frame.index.tolist() == [1, 2]
    assert frame["ssr"].tolist() == estimated.ssr.tolist()[1:]
    first = estimated.tests[estimated.tests["bootstrap"] == "wild_cluster"]
    for name in COLUMNS[5:]:
        assert frame[name].tolist() == first[name].tolist()
    for j in (1, 2):
        pieces = estimated.confidence_set(j)
        assert frame.loc[j, "conf_low"] == pieces[0][0]
        assert frame.loc[j, "conf_high"] == pieces[-1][1]
        assert (
            frame.loc[j, "conf_low"]
            <= frame.loc[j, "estimate"]
            <= frame.loc[j, "conf_high"]
        )


def test_tests_are_one_row_a_threshold_and_bootstrap(
    estimated: ThresholdResults,
) -> None:
    tests = estimated.tests
    assert list(tests.columns) == [
        "threshold",
        "bootstrap",
        *COLUMNS[4:],
        "statistic",
        "value",
        "estimates",
    ]
    assert tests["threshold"].tolist() == [1, 1, 2, 2]
    assert tests["bootstrap"].tolist() == ["wild_cluster", "hansen"] * 2
    assert tests["statistic"].eq("F").all()
    assert tests["value"].equals(tests["F"].rename("value"))
    for row in tests.itertuples():
        draws = estimated.statistic_draws[
            ("wild_cluster", "hansen").index(row.bootstrap), row.threshold - 1
        ]
        assert row.p_value == (1 + (draws >= row.F).sum()) / 200
        assert row.crit_5 == np.quantile(draws, 0.95)


def test_ssr_and_f_follow_the_definition(estimated: ThresholdResults) -> None:
    s = estimated.ssr.tolist()
    assert s[0] > s[1] > s[2]
    assert estimated.df == 360 - 40
    np.testing.assert_allclose(
        estimated.thresholds["F"], [(s[0] / s[1] - 1) * 320, (s[1] / s[2] - 1) * 320]
    )


def test_profiles_have_their_least_value_at_the_estimate(
    estimated: ThresholdResults,
) -> None:
    for j in (1, 2):
        profile = estimated.profile(j)
        assert list(profile.columns) == ["gamma", "ssr", "lr", "critical"]
        assert profile["gamma"].is_monotonic_increasing
        at = profile["lr"].argmin()
        assert profile["lr"][at] == 0
        assert profile["gamma"][at] == estimated.thresholds.loc[j, "estimate"]
        assert profile["ssr"][at] == pytest.approx(
            float(estimated.slopes.resids @ estimated.slopes.resids)
        )
        assert np.isfinite(profile["ssr"]).all()
    # No candidate of one threshold lies within the trim of the other.
    q = np.sort(panel().frame["q"].to_numpy())
    other = estimated.thresholds.loc[2, "estimate"]
    between = [
        abs((q <= g).sum() - (q <= other).sum()) for g in estimated.profile(1)["gamma"]
    ]
    assert min(between) >= 18


def test_sets_are_all_that_the_likelihood_ratio_accepts(
    estimated: ThresholdResults,
) -> None:
    for level in (0.5, 0.95, 0.99):
        results = replace(estimated, level=level)
        profile = results.profile(2)
        accepted = profile.loc[profile["lr"] <= critical_lr(level), "gamma"]
        pieces = results.confidence_set(2)
        inside = [g for g in profile["gamma"] if any(a <= g <= b for a, b in pieces)]
        assert inside == accepted.tolist()
        assert all(a[1] < b[0] for a, b in itertools.pairwise(pieces))


def test_each_criterion_has_its_bound(estimated: ThresholdResults) -> None:
    for j in (1, 2):
        ratio = float(estimated.variance_ratios[j - 1])
        assert estimated.critical_value(j) == critical_lr(0.95)
        assert estimated.critical_value(j, method="scaled") == pytest.approx(
            critical_lr(0.95) * ratio
        )
        profile = estimated.profile(j)
        wide = profile["gamma"][profile["lr"] <= critical_lr(0.95) * ratio].tolist()
        pieces = estimated.confidence_set(j, method="scaled")
        assert [
            g for g in profile["gamma"] if any(a <= g <= b for a, b in pieces)
        ] == wide
    with pytest.raises(OptionError, match="confidence='bootstrap'"):
        estimated.confidence_set(1, method="bootstrap")
    with pytest.raises(OptionError, match="method='exact'"):
        estimated.critical_value(1, method="exact")
    exact = replace(estimated, variance_ratios=np.full(2, np.nan))
    assert exact.critical_value(1, method="scaled") == critical_lr(0.95)


@pytest.mark.further
def test_bounds_are_drawn_where_asked_for() -> None:
    spec = PanelThreshold(
        "y", "z", "q", "x", bootstrap=None, confidence="bootstrap", reps=99
    )
    results = spec.fit(panel(), rng=4)
    profile = results.profile()
    assert np.ptp(profile["critical"]) > 0
    inside = (profile["lr"] <= profile["critical"]).to_numpy()
    assert results.confidence_set() == accepted_intervals(
        profile["gamma"].to_numpy(), inside
    )
    assert results.rng_entropy == 4
    assert "wild signs for the sets, 99 draws" in results.settings
    again = spec.replace(bootstrap="wild_cluster").fit(panel(), rng=4)
    np.testing.assert_array_equal(again.lr_bounds, results.lr_bounds)


def test_given_thresholds_are_the_reference_of_their_profiles(
    given: ThresholdResults,
) -> None:
    assert given.thresholds["estimate"].tolist() == [0.5, -0.6]
    assert given.thresholds[[*COLUMNS[5:], "statistic", "value"]].isna().all(axis=None)
    assert given.tests.empty
    assert list(given.tests.columns) == [
        "threshold",
        "bootstrap",
        *COLUMNS[4:],
        "statistic",
        "value",
        "estimates",
    ]
    assert given.df == 9 * 39
    assert given.profile(1)["lr"].min() < 0
    ssr = float(given.slopes.resids @ given.slopes.resids)
    np.testing.assert_allclose(
        given.profile(2)["lr"], (given.profile(2)["ssr"] / ssr - 1) * 351, atol=1e-8
    )
    assert given.regimes["upper"].tolist()[:2] == [-0.6, 0.5]


def test_regimes_number_rows_from_low_to_high(estimated: ThresholdResults) -> None:
    data = panel().frame
    cuts = sorted(estimated.thresholds["estimate"])
    wanted = 1 + (data["q"] > cuts[0]).astype(int) + (data["q"] > cuts[1]).astype(int)
    assert estimated.regime.tolist() == wanted.tolist()
    assert estimated.regime.index.equals(data.index)
    regimes = estimated.regimes
    assert list(regimes.columns) == ["lower", "upper", "nobs", "n_entities"]
    assert regimes["nobs"].tolist() == wanted.value_counts().sort_index().tolist()
    assert regimes["lower"].tolist() == [-np.inf, *cuts]
    by_time = estimated.regime_by_time()
    assert by_time.index.name == "year"
    assert by_time.index.tolist() == list(range(2010, 2019))
    assert by_time.columns.tolist() == [1, 2, 3]
    assert (by_time.sum(axis=1) == 40).all()
    assert by_time.sum().tolist() == regimes["nobs"].tolist()


@pytest.mark.parametrize("number", [0, 3, -1, 1.5, "1", True])
def test_thresholds_are_asked_for_by_number(
    estimated: ThresholdResults, number: Any
) -> None:
    for method in (estimated.profile, estimated.confidence_set):
        with pytest.raises(OptionError, match="from 1 to 2"):
            method(number)


def test_summary_says_what_makes_a_scaled_set(estimated: ThresholdResults) -> None:
    """The ratio, its bound, the set without it, and why everything is in."""
    scaled = replace(
        estimated, confidence="scaled", variance_ratios=np.array([1.5, 1e4])
    )
    words = " ".join(scaled.summary().split())
    assert (
        f"Variance ratio 1.50: LR <= 7.35 x 1.50 = {1.5 * critical_lr(0.95):.1f}"
        in words
    )
    plain = ", ".join(
        f"{a:.5g}" if a == b else f"{a:.5g} to {b:.5g}"
        for a, b in scaled.confidence_set(1, method="lr")
    )
    assert f"(lr, LR <= 7.35): {plain}" in words
    largest = scaled.profile(2)["lr"].max()
    assert (
        f"contains every candidate, because {1e4 * critical_lr(0.95):.1f} > the "
        f"largest LR, {largest:.1f}"
    ) in words
    assert words.count("contains every candidate, because") == 1
    assert "Variance ratio" not in estimated.summary()
    assert (
        "Variance ratio"
        not in replace(scaled, variance_ratios=np.full(2, np.nan)).summary()
    )
    same = replace(scaled, variance_ratios=np.ones(2)).summary()
    assert same.count("the same") == 2


def test_one_threshold_compares_its_bound_with_f() -> None:
    fit = PanelThreshold("y", "z", "q", "x", bootstrap=None).fit(panel())
    f, critical = fit.statistics[0], critical_lr(0.95)
    above, below = (
        " ".join(
            replace(fit, variance_ratios=np.array([b / critical])).summary().split()
        )
        for b in (1.01 * f, fit.profile()["lr"].max() * 0.99)
    )
    assert (
        f"the set contains every candidate, because {1.01 * f:.1f} > F = {f:.1f}"
        in above
    )
    assert "contains every candidate" not in below


def test_summary_says_what_an_economist_asks(
    estimated: ThresholdResults, given: ThresholdResults
) -> None:
    text = estimated.summary()
    for words in (
        "Outcome: y",
        "Slope of z by q",
        "2 thresholds",
        f"no threshold against {estimated.stage_estimates[0][0]:.5g}: rejected at 5%",
        "confidence set",
        "hansen",
    ):
        assert words in text
    assert estimated.conventions.startswith(
        "Standard errors clustered by city (40 clusters"
    )
    for words in ("trim .05", "N - n = 320", "rng 4", "199 draws"):
        assert words in estimated.settings
    assert max(map(len, text.splitlines()[-4:])) <= 80
    assert str(estimated) == text
    assert "(given)" in given.summary()
    assert "no test" in given.summary()
    assert "T (n - 1) = 351" in given.settings
    assert "rng" not in given.settings
    assert "<table" in estimated._repr_html_()
    plain = PanelThreshold(
        "y", "z", "q", entity_effects=False, time_effects=False, bootstrap=None, grid=20
    )
    settings = plain.fit(panel()).settings
    assert "N - 1 = 359" in settings
    assert "grid 20" in settings


def test_results_are_frozen_picklable_and_json_safe(
    estimated: ThresholdResults, given: ThresholdResults
) -> None:
    with pytest.raises((FrozenInstanceError, TypeError)):
        estimated.level = 0.9  # type: ignore[misc]
    copy = pickle.loads(pickle.dumps(estimated))
    pd.testing.assert_frame_equal(copy.thresholds, estimated.thresholds)
    pd.testing.assert_series_equal(copy.regime, estimated.regime)
    for results in (estimated, given):
        out = json.loads(json.dumps(results.to_dict(), allow_nan=False))
        assert out["schema"] == 1
        assert out["thresholds"][0]["estimate"] == results.thresholds.loc[1, "estimate"]
        assert out["regimes"][0]["lower"] is None
        assert out["slopes"]["schema"] == 1
    assert not hasattr(estimated, "bse")
    assert isinstance(estimated, Results)
    assert isinstance(estimated.slopes, Results)


def test_summaries_write_thresholds_of_incomes_in_full() -> None:
    incomes = panel().assign(q="I(412345 + 100000 * q)")
    for model in (
        PanelThreshold("y", "z", "q", "x", thresholds=[412345.0], confidence="lr"),
        dp.PanelKink("y", "q", "x", reps=19),
    ):
        summary = model.fit(incomes, rng=1).summary()
        numbers = summary.partition("95% confidence set")[0]
        assert re.search(r"q <= \d{3},\d{3} ", summary)
        assert re.search(r"Threshold(?: 1)?: \d{3},\d{3}", numbers)


def test_small_tools() -> None:
    assert critical_lr(0.95) == pytest.approx(7.3523, abs=1e-4)
    assert critical_lr(0.99) == pytest.approx(10.5916, abs=1e-4)
    assert (1 - np.exp(-critical_lr(0.9) / 2)) ** 2 == pytest.approx(0.9)
    assert bootstrap_p(2.0, np.array([1.0, 2.0 - 1e-14, 3.0, np.nan])) == 3 / 4
    assert bootstrap_p(9.0, np.array([1.0])) == 1 / 2
    assert accepted_intervals(np.arange(3.0), np.array([False, False, False])) == []
    assert accepted_intervals(np.arange(3.0), np.array([True, True, True])) == [
        (0.0, 2.0)
    ]


def test_the_table_of_tests_has_the_numbers_of_the_frame(
    estimated: ThresholdResults,
) -> None:
    table = estimated.test_table("hansen").frame
    expected = estimated.tests[estimated.tests["bootstrap"] == "hansen"]
    for name in ("value", "p_value", "crit_10", "crit_5", "crit_1"):
        assert table[name].tolist() == expected[name].tolist()
    assert table["reps"].tolist() == [199, 199]


def test_given_thresholds_have_no_table_of_tests(given: ThresholdResults) -> None:
    with pytest.raises(OptionError):
        given.test_table()


# --- the table of the tests -----------------------------------------------------------


def frame_of(count: int, *bootstraps: str) -> pd.DataFrame:
    """Give a frame as `ThresholdResults.tests` has it."""
    names = ["p_value", "crit_10", "crit_5", "crit_1"]
    rows = [
        [
            j,
            name,
            "score" if name == "wild_score" else "F",
            20.0 / j,
            *(np.arange(4) / 100 + j / 50),
            (0.5, 0.25)[:j],
        ]
        for j in range(1, count + 1)
        for name in bootstraps
    ]
    return pd.DataFrame(
        rows,
        columns=["threshold", "bootstrap", "statistic", "value", *names, "estimates"],
    )


def made(
    count: int,
    *bootstraps: str,
    chosen: str | None = None,
    intercepts: bool = False,
) -> ThresholdTestTable:
    results: Any = SimpleNamespace(
        threshold_variable="urban",
        tests=frame_of(count, *bootstraps),
        bootstrap=bootstraps,
        split_names=("x", "intercept") if intercepts else ("x",),
        reps=999,
        labels={"urban": "Urban share"},
        factors={},
        level=0.95,
    )
    return ThresholdResults.test_table(results, chosen)


def test_a_paper_has_a_row_a_test() -> None:
    table = etable(made(4, "hansen"))
    assert list(table.frame.index) == [
        "Single threshold",
        "Double threshold",
        "Triple threshold",
        "4 thresholds",
    ]
    heads = ["Thresholds", "F", "p-value", "Draws", "10%", "5%", "1%"]
    assert list(table.frame.columns) == heads
    assert table.spans == (
        "",
        "",
        "",
        "",
        "Critical values",
        "Critical values",
        "Critical values",
    )
    assert table.frame.loc["Double threshold"].tolist() == [
        "0.5; 0.25",
        "10.000",
        "0.040",
        "999",
        "0.050",
        "0.060",
        "0.070",
    ]
    assert table.notes == (
        (
            "Thresholds in Urban share, each tested against one fewer; p-values and "
            "critical values from a bootstrap of whole entities (Hansen 1999)."
        ),
    )


def test_thresholds_of_incomes_are_numbers_of_a_paper() -> None:
    table = made(2, "hansen")
    incomes = table.frame.assign(estimates=[(51629.2,), (42311.9, 66102.9)])
    thresholds = etable(replace(table, frame=incomes)).frame["Thresholds"]
    assert thresholds.tolist() == ["51,629", "42,312; 66,103"]


def test_a_note_says_if_each_regime_has_an_intercept() -> None:
    (note,) = etable(made(1, "hansen", intercepts=True)).notes[1:]
    assert note == "Each regime has its own intercept."


def test_a_model_with_fewer_thresholds_has_its_own(estimated: ThresholdResults) -> None:
    single, double = estimated.stage_estimates
    alone = TWO.replace(n_thresholds=1, bootstrap=None).fit(panel())
    assert single == tuple(alone.estimates)
    assert double == tuple(np.sort(estimated.estimates))
    table = estimated.test_table("hansen").frame
    assert table["estimates"].tolist() == [single, double]
    refined = single[0] not in double
    assert (
        f"H0 no threshold against {single[0]:.5g}" in estimated.summary()
    ) == refined


def test_a_chinese_table_is_chinese() -> None:
    table = etable(
        made(3, "wild_score"), style=TableStyle("zh"), labels={"urban": "城镇化率"}
    )
    assert list(table.frame.index) == ["单一门槛", "双重门槛", "三重门槛"]
    assert list(table.frame.columns) == [
        "门槛估计值",
        "得分统计量",
        "p值",
        "抽样次数",
        "10%",
        "5%",
        "1%",
    ]
    assert set(table.spans) == {"", "临界值"}
    assert table.notes[0].startswith("注：门槛变量为城镇化率，原假设为少一个门槛值")


def test_one_of_several_bootstraps_is_chosen() -> None:
    assert made(1, "wild_cluster", "iid").bootstrap == "wild_cluster"
    assert made(1, "wild_cluster", "iid", chosen="iid").bootstrap == "iid"


@pytest.mark.parametrize("chosen", ["hansen", 1, ""])
def test_a_bootstrap_that_was_not_drawn_is_refused(chosen: object) -> None:
    with pytest.raises(OptionError) as caught:
        made(1, "wild_cluster", "iid", chosen=chosen)  # type: ignore[arg-type]
    assert [problem.data["option"] for problem in caught.value.problems] == [
        "bootstrap"
    ]


def test_without_tests_there_is_no_table() -> None:
    with pytest.raises(OptionError):
        made(0)


def test_variables_are_panels_of_one_table() -> None:
    table = stack_tables(
        {"Urban share": made(2, "hansen"), "Income": made(1, "hansen")}
    )
    assert [table.frame.index[row] for row in table.panels] == ["Urban share", "Income"]
    assert table.spans[-1] == "Critical values"


# --- regimes and columns of tables ----------------------------------------------------


@pytest.fixture(scope="module")
def with_levels():
    spec = dp.PanelThreshold(
        "log(gsp)",
        "log(pc)",
        "unemp",
        ["log(emp)"],
        bootstrap=None,
        regime_intercept=True,
    )
    with pytest.warns(dp.BoundaryThresholdWarning):
        return spec.fit(dp.datasets.us_states())


def test_regimes_stand_from_low_to_high(estimated):
    edited = replace(estimated, estimates=np.array([0.7, 0.5]), rule="<")
    regimes = edited.regime_bounds
    assert [regime.condition("q", 2) for regime in regimes] == [
        "q < 0.5",
        "0.5 <= q < 0.7",
        "q >= 0.7",
    ]
    assert {regime.family for regime in regimes} == {(False, "q", 2)}


def test_slopes_know_their_regime_and_common_terms_have_none(with_levels):
    actual = {term.name: term for term in with_levels.terms}
    assert list(actual) == list(with_levels.slopes.names)
    low = actual["log(pc):regime1"]
    assert (low.base, low.regime.number, low.regime.upper) == (
        "log(pc)",
        1,
        with_levels.estimates[0],
    )
    assert actual["intercept:regime1"].base == "intercept"
    assert actual["log(emp)"].regime is None
    assert with_levels.terms_in_every_regime == ["log(pc)"]


def test_terms_that_are_not_split_stay(with_levels):
    assert all(
        term.regime is None for term in with_levels._terms_by_regime(["log(pc)"], {})
    )


def test_a_table_gets_thresholds_with_their_sets(with_levels):
    (column,) = with_levels.table_columns(0.9)
    (block,) = column.blocks
    (parameter,) = block.parameters
    pieces = with_levels.confidence_set(1)
    assert (parameter.conf_low, parameter.conf_high) == (pieces[0][0], pieces[-1][1])
    assert (block.kind, block.variable, block.drawn, block.refused) == (
        "step",
        "unemp",
        "",
        None,
    )
    low = with_levels.slopes.conf_int(level=0.9)["conf_low"]
    assert [cell.conf_low for cell in column.estimates.values()] == low.tolist()


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_table_has_the_tests_of_the_first_bootstrap():
    spec = dp.PanelThreshold(
        "log(gsp)", "unemp", "unemp", bootstrap=("wild_cluster", "hansen"), reps=39
    )
    results = spec.fit(dp.datasets.us_states(), rng=1)
    rows = results.tests[results.tests["bootstrap"] == "wild_cluster"].dropna(
        subset="p_value"
    )
    (column,) = results.table_columns()
    shown = [
        (test.statistic, test.p_value)
        for p in column.blocks[0].parameters
        for test in p.tests
    ]
    assert results.tests["p_value"].nunique() == 2
    assert shown == list(zip(rows["statistic"], rows["p_value"], strict=True))


def test_tests_without_p_value_are_left_out():
    tests = [
        columns.ParameterTest("F", "threshold", 3.0, math.nan, 1),
        columns.ParameterTest("score", "threshold", 3.0, 0.2, 1),
    ]
    actual = threshold_parameter(0.5, [(0.4, 0.5), (0.6, 0.7)], tests)
    assert (actual.conf_low, actual.conf_high, actual.pieces, actual.tests) == (
        0.4,
        0.7,
        2,
        tuple(tests[1:]),
    )
    assert math.isnan(threshold_parameter(0.5, [], []).conf_low)


def test_slopes_are_products_with_their_regime(with_levels):
    terms = {term.name: term for term in with_levels.slopes.terms}
    assert [factor.text for factor in terms["log(pc):regime2"].factors] == [
        "log(pc)",
        "regime2",
    ]
    assert with_levels.slopes.marginal_effect("log(emp)")["estimate"].tolist() == [
        with_levels.slopes.params["log(emp)"]
    ]


def test_a_table_of_tests_says_if_no_test_rejects() -> None:
    table = made(3, "hansen")
    for p_values, level, none in (
        ([0.06, 0.2, 0.9], 0.95, "5%"),
        ([0.05, 0.2, 0.9], 0.95, ""),
        ([0.05, 0.2, 0.9], 0.99, "1%"),
        ([0.06, np.nan, np.nan], 0.95, "5%"),
        ([np.nan] * 3, 0.95, ""),
    ):
        actual = replace(table, frame=table.frame.assign(p_value=p_values), level=level)
        want = (f"No threshold is significant at {none}.",) if none else ()
        assert etable(actual).notes[1:] == want
        chinese = etable(actual, style=TableStyle("zh")).notes[1:]
        assert chinese == (
            (f"在{none}的显著性水平上没有显著的门槛值。",) if none else ()
        )


def test_a_set_reaches_the_ends_that_it_includes() -> None:
    grid = np.array([1.0, 2.0, 3.0, 4.0])
    for pieces, want in (
        ([(2.0, 3.0)], ""),
        ([], ""),
        ([(1.0, 1.0), (3.0, 3.0)], "lowest"),
        ([(2.0, 4.0)], "highest"),
        ([(1.0, 1.0), (3.0, 4.0)], "ends"),
        ([(1.0, 4.0)], "whole"),
    ):
        assert ends_reached(pieces, grid) == want
    assert ends_reached([(1.0, 1.0)], np.array([1.0])) == ""


def test_an_intercept_by_regime_is_named_in_words() -> None:
    panel = dp.datasets.us_states()
    spec = PanelThreshold(
        "log(gsp)", "log(pcap)", "unemp", bootstrap=None, regime_intercept=True
    )
    results = spec.fit(panel)
    note = {
        "en": "Intercepts of regimes are relative to that of the highest one.",
        "zh": "各区间的常数项以最高区间为基准。",
    }
    for language, word in (("en", "Intercept ("), ("zh", "常数项（")):
        table = etable(results, style=TableStyle(language))
        assert [n for n in table.frame.index if n.startswith(word)]
        assert not [n for n in table.frame.index if n.startswith("intercept")]
        assert note[language] in table.notes
        own = etable(results, labels={"intercept": "截距"}, style=TableStyle(language))
        assert [n for n in own.frame.index if n.startswith("截距")]
    plain = spec.replace(regime_intercept=False).fit(panel)
    assert note["en"] not in etable(plain).notes


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_slopes_of_a_threshold_that_is_not_there() -> None:
    rng = np.random.default_rng(2)
    keys = {"city": np.repeat(range(31), 10), "year": np.tile(range(10), 31)}
    draws = pd.DataFrame(rng.normal(size=(310, 3)), columns=["x", "q", "y"])
    data = Panel(pd.DataFrame(keys).join(draws), "city", "year")
    spec = PanelThreshold("y", "x", "q", reps=99)
    fit = spec.fit(data, rng=1)
    assert fit.tests["p_value"].iloc[0] > 0.05
    text = " ".join(fit.summary().split())
    assert "If there is no such threshold, its set is not identified" in text
    test = fit.equality()
    assert "in simulated panels without a threshold half of such" in test.method
    chinese = TableStyle("zh")
    assert "在没有门槛的模拟面板中，此类检验有半数拒绝" in "".join(
        str(etable([test], style=chinese)).split()
    )
    wild = "restricted wild cluster bootstrap, 999 draws"
    drawn = replace(test, method=TESTS.say("searched.after", method=wild))
    assert wild in drawn.method
    (note,) = etable([drawn], style=chinese).notes
    assert "施加约束的野聚类自助法，999次抽样；门槛值视为已知" in "".join(note.split())
    known = spec.replace(thresholds=[0.0], bootstrap=None).fit(data)
    assert "If there is no" not in known.summary()
    assert not known.equality().method


@pytest.mark.montecarlo
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_size_of_equal_slopes_without_a_threshold(
    measured: Callable[..., None],
) -> None:
    """Share of 300 panels without a threshold in which equal slopes are rejected at 5%.

    The test is `equality`, which takes the threshold that was searched for as known.
    There are 31 entities and 10 periods, two-way effects, and a serial correlation of
    .6 in all variables. Coverage is that of 95% intervals of the slope of the lower
    regime.
    """
    rng = np.random.default_rng(3)
    keys = {"city": np.repeat(range(31), 10), "year": np.tile(range(10), 31)}
    spec = PanelThreshold("y", "x", "q", bootstrap=None)
    rejected, covered = [], []
    for _ in range(300):
        draws = rng.normal(size=(3, 31, 10))
        for t in range(1, 10):
            draws[..., t] = 0.6 * draws[..., t - 1] + 0.8 * draws[..., t]
        columns = dict(zip(("x", "q", "y"), draws.reshape(3, -1), strict=True))
        data = Panel(pd.DataFrame({**keys, **columns}), "city", "year")
        fit = spec.fit(data)
        rejected.append(fit.equality().p_value < 0.05)
        low, high = fit.conf_int().loc["x:regime1"]
        covered.append(low <= 0 <= high)
    size, coverage = float(np.mean(rejected)), float(np.mean(covered))
    measured("size_of_equal_slopes", {"size": size, "coverage": coverage})
    assert 0.35 < size < 0.75
    assert coverage < 0.90


@pytest.mark.parametrize(
    ("options", "n_thresholds"),
    [({}, 1), ({"cov_type": "crv3", "regime_intercept": True}, 1), ({"grid": 30}, 2)],
)
def test_slope_intervals_are_those_of_given_thresholds_in_the_80_percent_sets(
    options: dict[str, Any], n_thresholds: int
) -> None:
    """Hansen (2000): the union over a set of the threshold, from separate fits."""
    spec = PanelThreshold(
        "y", "z", "q", "x", n_thresholds=n_thresholds, bootstrap=None, **options
    )
    data = panel()
    fit = spec.fit(data)
    intervals = [fit.slopes.conf_int(0.9)]
    for j in range(n_thresholds):
        bound = critical_lr(0.8) * max(1.0, fit.variance_ratios[j])
        profile = fit.profile(j + 1)
        gammas = profile.loc[profile["lr"] <= bound, "gamma"].to_numpy()
        if gammas.size > 20:
            gammas = gammas[np.linspace(0, gammas.size - 1, 20).round().astype(int)]
        for gamma in gammas:
            values = fit.estimates.copy()
            values[j] = gamma
            other = spec.replace(thresholds=tuple(np.sort(values)))
            intervals.append(other.fit(data).slopes.conf_int(0.9))
    expected = pd.concat(intervals).groupby(level=0)
    actual = fit.slope_intervals(0.9)
    low, high = expected["conf_low"].min(), expected["conf_high"].max()
    assert len(intervals) > 2 * n_thresholds
    np.testing.assert_allclose(actual["conf_low"], low[actual.index], rtol=1e-10)
    np.testing.assert_allclose(actual["conf_high"], high[actual.index], rtol=1e-10)
    assert (
        pickle.loads(pickle.dumps(fit)).slope_intervals().equals(fit.slope_intervals())
    )
    given = spec.replace(thresholds=tuple(np.sort(fit.estimates))).fit(data)
    assert given.slope_intervals().equals(given.slopes.conf_int())
    assert "80% set" in fit.summary()
    assert "80% set" not in given.summary()
