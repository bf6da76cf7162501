"""Remarks that stored numbers give reason for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import BoundaryThresholdWarning, FixedEffects, Panel, PanelThreshold
from digiprosper.linear.preparation import linear_options, prepare
from digiprosper.threshold.notices import (
    boundary as boundary_notice,
    boundary_sets,
    concentrated_ratio,
    notices_from_results as remarks,
    similar_slopes,
)
from digiprosper.threshold.results import set_text

if TYPE_CHECKING:
    from digiprosper.threshold.results import ThresholdResults


@pytest.fixture(scope="module")
def estimated() -> ThresholdResults:
    rng = np.random.default_rng(3)
    df = pd.DataFrame(
        {
            "city": np.repeat(np.arange(40), 9),
            "year": np.tile(np.arange(2010, 2019), 40),
        }
    )
    df["q"] = np.round(rng.normal(size=360), 2)
    df["z"] = rng.normal(size=360)
    df["y"] = (
        df["z"] * (0.5 + (df["q"] > 0.2)) + 0.1 * df["city"] + rng.normal(size=360)
    )
    spec = PanelThreshold(
        "y", "z", "q", n_thresholds=2, bootstrap=("wild_cluster", "hansen"), reps=199
    )
    with pytest.warns(BoundaryThresholdWarning):  # there is no second threshold to find
        return spec.fit(Panel(df, "city", "year"), rng=4)


def test_remarks_read_stored_numbers_only(estimated: ThresholdResults) -> None:
    assert "few_draws" not in {n.code for n in remarks(estimated)}
    fewer = replace(
        estimated, statistic_draws=estimated.statistic_draws[:, :, :50], reps=50
    )
    assert "few_draws" in {n.code for n in remarks(fewer)}
    lost = estimated.statistic_draws.copy()
    lost[0, 1, :7] = np.nan
    notice = next(
        n
        for n in remarks(replace(estimated, statistic_draws=lost))
        if n.code == "lost_draws"
    )
    assert notice.data == {"lost": 7, "reps": lost.size}
    opposed = estimated.statistic_draws.copy()
    opposed[1, 0] = 1e9
    assert "tests_disagree" in {
        n.code for n in remarks(replace(estimated, statistic_draws=opposed))
    }
    small = replace(estimated, regime_sizes=np.array([[300, 40], [50, 30], [10, 4]]))
    notice = next(n for n in remarks(small) if n.code == "small_regime")
    assert notice.data == {"regime": 3, "nobs": 10, "n_entities": 4}


# --- what makes a set wide ------------------------------------------------------------

quiet = pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
SPEC = PanelThreshold("y", "z", "q", bootstrap=None)


def frame(seed: int = 3, *, jump: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    df = pd.DataFrame(
        {
            "city": np.repeat(np.arange(40), 9),
            "year": np.tile(np.arange(2010, 2019), 40),
        }
    )
    df["q"], df["z"] = np.round(rng.normal(size=360), 2), rng.normal(size=360)
    df["y"] = df["z"] * (0.5 + jump * (df["q"] > 0.2)) + rng.normal(size=360)
    return df.assign(city=[f"city {c:02d}" for c in df["city"]])


def on(df: pd.DataFrame) -> Panel:
    return Panel(df, "city", "year")


def fit(spec: PanelThreshold, df: pd.DataFrame) -> tuple[ThresholdResults, Any]:
    roles = {
        "y": ("y",),
        "regime_dependent": ("z",),
        "threshold_variable": ("q",),
        "x": (),
    }
    return spec.fit(on(df), rng=1), prepare(on(df), roles, linear_options(spec)).sample


def parts(sample: Any, shares: dict[str, float]) -> Any:
    """Rows that supply these shares of a ratio of 2.

    The other entities have the rest in equal shares.
    """
    names = sample.entities.tolist()
    rest = (1 - sum(shares.values())) / (len(names) - len(shares))
    per_entity = np.array([shares.get(name, rest) for name in names])
    return 2 * (per_entity / np.bincount(sample.entity))[sample.entity][None, :]


@pytest.mark.parametrize(
    ("shares", "named"),
    [
        ({"city 07": 0.51}, 1),
        ({"city 07": 0.5}, 1),
        ({"city 07": 0.49}, 0),
        ({"city 07": 0.45, "city 01": 0.31}, 2),
        ({"city 07": 0.4, "city 01": 0.25, "city 30": 0.11}, 3),
        ({"city 07": 0.4, "city 01": 0.25, "city 30": 0.08}, 0),
        ({"city 07": 0.2, "city 01": 0.2, "city 30": 0.2, "city 31": 0.2}, 0),
        ({"city 07": 0.6, "city 01": 0.3}, 1),
    ],
)
def test_entities_that_supply_most_of_the_ratio_are_named(
    shares: dict[str, float], named: int
) -> None:
    results, sample = fit(SPEC, frame())
    actual = list(concentrated_ratio(results, sample, parts(sample, shares)))
    assert len(actual) == (named > 0)
    if named:
        assert actual[0].code == "ratio_concentrated"
        assert actual[0].data["entities"] == tuple(shares)[:named]
        assert actual[0].data["share"] == pytest.approx(
            sum(list(shares.values())[:named])
        )
        assert actual[0].data["threshold"] == 1


def test_without_a_scaled_set_or_a_ratio_nobody_is_named() -> None:
    results, sample = fit(SPEC, frame())
    rows = parts(sample, {"city 07": 0.9})
    assert list(concentrated_ratio(results, sample, rows))
    for confidence in ("lr", "bootstrap"):
        other = replace(results, confidence=confidence)
        assert list(concentrated_ratio(other, sample, rows)) == []
    given = replace(results, given=True)
    assert list(concentrated_ratio(given, sample, rows)) == []
    assert list(concentrated_ratio(results, sample, np.full_like(rows, np.nan))) == []


@quiet
def test_one_loud_entity_is_found() -> None:
    df = frame()
    loud = df["city"] == "city 11"
    df.loc[loud, "z"] *= 6
    df.loc[loud, "y"] = 1.5 * df.loc[loud, "z"] + 6 * np.random.default_rng(1).normal(
        size=loud.sum()
    )
    results, _ = fit(SPEC, df)
    notice = next(n for n in results.diagnostics if n.code == "ratio_concentrated")
    assert notice.data["entities"] == ("city 11",)
    assert 0.5 < notice.data["share"] < 1
    assert "ratio_concentrated" not in {
        n.code for n in fit(SPEC, frame())[0].diagnostics
    }


# --- where a set ends -----------------------------------------------------------------


def boundary(results: ThresholdResults, sample: Any, ratio: float) -> Any:
    actual = list(
        boundary_sets(
            replace(results, variance_ratios=np.full(results.estimates.size, ratio)),
            sample,
        )
    )
    assert all(n.code == "boundary" for n in actual)
    return actual[0].data if actual else None


@quiet
@pytest.mark.parametrize("rule", ["<=", "<"])
def test_a_set_that_holds_everything_is_not_a_matter_of_trim(rule: str) -> None:
    results, sample = fit(SPEC.replace(rule=rule), frame())
    assert boundary(results, sample, 1.0) is None
    data = boundary(results, sample, 1e6)
    gamma = results.profile(1)["gamma"]
    assert data == {
        "threshold": 1, "first": gamma.iloc[0], "last": gamma.iloc[-1], "whole": True,
        "ends": {"lowest": "trim", "highest": "trim"},
    }  # fmt: skip


@quiet
@pytest.mark.parametrize("rule", ["<=", "<"])
@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [
        (True, False, {"lowest": "values", "highest": "trim"}),
        (False, True, {"lowest": "trim", "highest": "values"}),
        (True, True, {"lowest": "values", "highest": "values"}),
    ],
)
def test_mass_at_the_end_leaves_no_further_value(
    rule: str, low: bool, high: bool, ends: dict[str, str]
) -> None:
    df = frame()
    least, most = df["q"].quantile([0.2, 0.8])
    df["q"] = df["q"].clip(least if low else None, most if high else None)
    results, sample = fit(SPEC.replace(rule=rule), df)
    data = boundary(results, sample, 1e6)
    assert data["ends"] == ends
    searched = np.unique(df["q"])[1:] if rule == "<" else np.unique(df["q"])[:-1]
    assert (data["first"] == searched[0]) == (ends["lowest"] == "values")
    assert (data["last"] == searched[-1]) == (ends["highest"] == "values")


@quiet
@pytest.mark.parametrize("options", [{"min_nobs": 60}, {"min_entities": 25}])
def test_other_options_than_trim_end_a_search_too(options: dict[str, int]) -> None:
    results, sample = fit(SPEC.replace(**options), frame())
    assert boundary(results, sample, 1e6)["ends"] == {
        "lowest": "room",
        "highest": "room",
    }


@quiet
def test_trim_is_that_of_the_threshold() -> None:
    """Searched to the last row: the first trim allows it, the second does not."""
    results, sample = fit(SPEC.replace(n_thresholds=2, trim=(0.01, 0.2)), frame())
    actual = list(
        boundary_sets(replace(results, variance_ratios=np.full(2, 1e6)), sample)
    )
    assert [n.data["threshold"] for n in actual] == [1, 2]
    for notice in actual:
        assert set(notice.data["ends"].values()) <= {"trim", "room"}
    assert list(boundary_sets(replace(results, given=True), sample)) == []


# --- neighbouring regimes -------------------------------------------------------------


@quiet
def test_neighbours_with_like_slopes_are_named() -> None:
    df = frame(jump=0.0)
    two, _ = fit(SPEC.replace(n_thresholds=2), df)
    names = {n.data["regimes"]: n.data["p_value"] for n in similar_slopes(two)}
    want = {}
    for r in (1, 2):
        p = two.slopes.wald_test(f"z:regime{r} = z:regime{r + 1}").p_value
        want |= {(r, r + 1): p} if p > 0.05 else {}
    assert names == pytest.approx(want)
    clear, _ = fit(SPEC, frame())
    assert list(similar_slopes(clear)) == []
    assert (
        next(iter(similar_slopes(replace(clear, level=1 - 1e-14)))).data["p_value"]
        == clear.equality().p_value
    )


def levels() -> pd.DataFrame:
    """One slope everywhere, and a level that changes twice."""
    df = frame(jump=0.0)
    return df.assign(y=df["y"] + 4 * (df["q"] > -0.5) - 4 * (df["q"] > 0.6))


@quiet
def test_several_terms_are_tested_jointly_without_the_intercepts() -> None:
    df = levels().assign(w=np.random.default_rng(9).normal(size=360))
    spec = SPEC.replace(regime_dependent=("z", "w"), regime_intercept=True, reps=99)
    spec = spec.replace(n_thresholds="auto", bootstrap="wild_cluster")
    results = spec.fit(on(df[df["q"] < 0.6]), rng=1)
    assert results.estimates.size == 1
    actual = [n for n in results.diagnostics if n.code == "adjacent_slopes"]
    assert actual == list(similar_slopes(results))
    assert actual[0].data == {"regimes": (1, 2), "p_value": results.equality().p_value}


@quiet
def test_who_asks_for_one_threshold_reads_its_test() -> None:
    df, spec = levels(), SPEC.replace(regime_intercept=True)
    for options, told in (
        ({}, False),
        ({"n_thresholds": 2}, True),
        ({"thresholds": (-0.5, 0.6)}, False),
    ):
        results = spec.replace(**options).fit(on(df))
        assert ("adjacent_slopes" in {n.code for n in results.diagnostics}) == told, (
            options
        )


@quiet
def test_slopes_without_errors_have_no_test() -> None:
    df = frame().assign(w=np.random.default_rng(9).normal(size=360))
    df = df[df["city"].isin(["city 01", "city 02"])]
    missing = SPEC.replace(thresholds=(0.0,)).fit(on(df))
    assert missing.slopes.std_errors.isna().any()
    assert list(similar_slopes(missing)) == []
    spec = SPEC.replace(
        regime_dependent=("z", "w"), thresholds=(0.0,), time_effects=False
    )
    few = spec.fit(on(df))
    assert few.slopes.std_errors.notna().all()
    assert list(similar_slopes(few)) == []


# --- limits at their edge -------------------------------------------------------------


@quiet
@pytest.mark.parametrize(("noise", "high"), [(4.25, False), (4.4, True)])
def test_a_test_is_concentrated_half_way_from_equal_clusters_to_one(
    noise: float, high: bool
) -> None:
    df = frame()
    loud = df["city"].isin([f"city {c:02d}" for c in range(5)])
    df["y"] += np.where(loud, noise, 0) * np.random.default_rng(1).normal(size=360)
    results, _ = fit(SPEC.replace(bootstrap="wild_cluster", grid=20, reps=9), df)
    (data,) = (n.data for n in results.diagnostics if n.code == "concentration")
    half_way = (1 + data["usual"]) / 2
    assert data["share"] == pytest.approx(half_way, rel=0.01)
    assert data["high"] == (data["share"] > half_way) == high


@quiet
@pytest.mark.parametrize("cities", [19, 20])
def test_the_robust_test_is_weak_below_ten_clusters_a_column(cities: int) -> None:
    df = frame()[lambda d: d["city"] < f"city {cities}"].assign(w=lambda d: d["z"] ** 2)
    spec = SPEC.replace(
        regime_dependent=["z", "w"], bootstrap="wild_score", grid=5, reps=9
    )
    results = [
        n.data for n in spec.fit(on(df), rng=1).diagnostics if n.code == "weak_score"
    ]
    assert results == ([{"n_clusters": 19, "columns": 2}] if cities == 19 else [])


# --- one candidate --------------------------------------------------------------------


def few_values(values: list[float]) -> Panel:
    rng = np.random.default_rng(8)
    df = pd.DataFrame(
        {"city": np.repeat(np.arange(60), 8), "year": np.tile(np.arange(8), 60)}
    )
    df["q"] = rng.choice(values, size=480)
    df["z"], df["y"] = rng.normal(size=(2, 480))
    return Panel(df, "city", "year")


def test_a_dummy_has_no_threshold_to_search() -> None:
    panel = few_values([0.0, 1.0])
    results = SPEC.fit(panel)  # without a warning
    (notice,) = [n for n in results.diagnostics if n.code == "one_candidate"]
    assert notice.data == {"column": "q", "threshold": 1, "value": 0.0, "values": 2}
    assert "interaction with a dummy" in notice.message
    assert "boundary" not in {n.code for n in results.diagnostics}
    assert "every candidate" not in results.summary().split("Settings")[0]
    (parameter,) = results.table_columns()[0].blocks[0].parameters
    assert not parameter.reach
    # The model that the message names is the same.
    same = FixedEffects("y", ["z:I(1 - q)", "z:q"]).fit(panel)
    np.testing.assert_allclose(same.params, results.slopes.params, rtol=1e-9)


def test_ends_of_the_search_are_printed_in_full_and_pieces_apart() -> None:
    ends = {"lowest": "trim", "highest": "trim"}
    told = boundary_notice(
        "it", "q", 1, (12345.6, 2e9), ends, whole=True, evidence=":", advice=""
    )
    assert "from the lowest (12,346) to the highest (2,000,000,000):" in told.message
    pieces = [(123456.7, 234567.8), (345678.9, 345678.9)]
    assert set_text(pieces) == "123,457 to 234,568; 345,679"


def test_a_single_candidate_of_several_values_is_a_matter_of_trim() -> None:
    panel = few_values([0.0] + [1.0] * 60 + [2.0] * 59)
    results = SPEC.fit(panel)
    (notice,) = [n for n in results.diagnostics if n.code == "one_candidate"]
    assert notice.data == {"column": "q", "threshold": 1, "value": 1.0, "values": 3}
    assert "Lower trim" in notice.message
