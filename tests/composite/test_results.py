from __future__ import annotations

import json
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    CompositeIndex,
    Indicator,
    IndicatorError,
    IndicatorSystem,
    IndicatorWarning,
    MissingDataWarning,
    OptionError,
    Panel,
)
from digiprosper.composite.kernels.structure import flat_rule, weigh
from digiprosper.composite.scopes import SCOPES
from digiprosper.errors import FewClustersWarning

EVERY_SCOPE = [*SCOPES, "base_year(2012)"]
YEARLY = ["per_year", "pooled_norm_yearly_weights", "expanding"]


def panel_of(frame):
    return Panel(frame, "id", "year")


# --- tables ---------------------------------------------------------------------------


@pytest.mark.parametrize("scope", EVERY_SCOPE)
def test_tables_have_the_rows_they_promise(scope, posted, frame_of, fit):
    results = fit(posted, frame_of(1), scope=scope)
    weights = results.weights
    assert list(weights) == [
        "dimension",
        "direction",
        "entropy",
        "redundancy",
        "weight",
        "std_error",
    ]
    assert list(results.dimension_scores) == ["one", "two"]
    assert results.dimension_scores.index.equals(results.scores.index)
    if scope in YEARLY:
        assert results.weights_by_year.shape == (5, 4)
        assert results.weights_by_year.index.tolist() == list(range(2010, 2015))
        assert results.weights_by_year.columns.name == "indicator"
    else:
        assert results.weights_by_year is None
    ends = results.end_points
    own = scope in ("per_year", "expanding")
    assert ends.index.nlevels == (2 if own else 1)
    assert len(ends) == (20 if own else 4)
    assert list(ends) == ["low", "high"]


def test_end_points_are_what_was_learned(system, posted, frame_of, fit):
    frame = frame_of(2)
    ends = fit(system, frame, scope="per_year").end_points
    year = frame[frame["year"] == 2013]
    assert ends.loc[(2013, "a")].tolist() == [year["a"].min(), year["a"].max()]
    assert ends.index.names == ["year", "indicator"]
    assert fit(posted, frame, scope="goalposts").end_points.loc["b"].tolist() == [
        0.0,
        40.0,
    ]
    z = fit(system, frame, normalise="zscore", weighting="critic").end_points
    assert z.loc["a", "sd"] == pytest.approx(frame["a"].std())


@pytest.mark.parametrize("scope", EVERY_SCOPE)
def test_contributions_add_up_to_the_linear_score(scope, posted, frame_of, fit):
    frame = frame_of(3, unbalanced=True)
    linear = fit(posted, frame, scope=scope)
    parts = linear.contributions(panel_of(frame))
    assert list(parts) == list("abcd")
    np.testing.assert_allclose(parts.sum(axis=1), linear.scores, rtol=1e-12, atol=1e-15)
    other = fit(posted, frame, scope="pooled", aggregate="topsis")
    np.testing.assert_allclose(
        other.contributions(panel_of(frame)).sum(axis=1),
        fit(posted, frame).scores,
        rtol=1e-12,
    )


def test_contributions_of_another_panel(system, frame_of, fit):
    frame = frame_of(4)
    early = fit(system, frame[frame["year"] < 2013])
    late = panel_of(frame[frame["year"] >= 2013])
    np.testing.assert_allclose(
        early.contributions(late).sum(axis=1), early.apply(late), rtol=1e-12
    )


def test_dimension_scores_average_inside_dimensions(system, frame_of, fit):
    frame = frame_of(5)
    results = fit(system, frame, structure="nested")
    parts, w = results.contributions(panel_of(frame)), results.weights["weight"]
    np.testing.assert_allclose(
        results.dimension_scores["two"],
        (parts["c"] + parts["d"]) / (w["c"] + w["d"]),
        rtol=1e-12,
    )
    flat = fit(system, frame.assign(a=1.0, b=2.0))
    assert flat.dimension_scores["one"].isna().all()
    assert flat.dimension_scores["two"].notna().all()


def test_obstacle_degrees_are_shares_in_what_is_lacking(system, frame_of, fit):
    frame = frame_of(6)
    results = fit(system, frame)
    degree = results.obstacle_degree(panel_of(frame))
    np.testing.assert_allclose(degree.sum(axis=1), 1.0, rtol=1e-12)
    lack = results.weights["weight"] - results.contributions(panel_of(frame))
    np.testing.assert_allclose(
        degree, lack.div(lack.sum(axis=1), axis=0), rtol=1e-10, atol=1e-15
    )


def test_an_indicator_without_weight_is_no_obstacle(system, frame_of, fit):
    frame = frame_of(6).assign(a=1.0)
    degree = fit(system, frame).obstacle_degree(panel_of(frame))
    assert (degree["a"] == 0).all()
    np.testing.assert_allclose(degree.sum(axis=1), 1.0, rtol=1e-12)


def test_a_row_that_lacks_nothing_has_no_obstacles(frame_of, fit):
    one = IndicatorSystem([Indicator("a")])
    frame = frame_of(7)
    degree = fit(one, frame).obstacle_degree(panel_of(frame))["a"]
    assert degree.isna().sum() == 1
    assert degree.isna().idxmax() == tuple(
        frame.loc[frame["a"].idxmax(), ["id", "year"]]
    )


def test_obstacle_degrees_are_refused_where_they_have_no_meaning(system, frame_of, fit):
    frame = frame_of(8)
    panel = panel_of(frame)
    with pytest.raises(OptionError, match="normalise='minmax'"):
        fit(system, frame, normalise="zscore", weighting="critic").obstacle_degree(
            panel
        )
    with pytest.raises(
        IndicatorError, match=r"lies beyond its better end point in .* rows"
    ):
        fit(system, frame, scope="base_year(2012)").obstacle_degree(panel)
    crossed = frame.assign(
        b=20 - frame["a"] + 0.01 * frame["b"], c=frame["a"] + 0.01 * frame["c"]
    )
    plus = IndicatorSystem([Indicator(c) for c in "abc"])
    with pytest.raises(IndicatorError, match="'b' has a negative weight"):
        fit(plus, crossed, weighting="pca").obstacle_degree(panel_of(crossed))


def test_ranks_one_is_the_best_and_ties_share(frame_of, fit):
    frame = frame_of(9, n=4, periods=3)
    frame["a"] = [3, 2, 1, 3, 5, 1, 9, 0, 1, 2, 2, 8]
    results = fit(IndicatorSystem([Indicator("a")]), frame)
    ranks = results.ranks()
    assert list(ranks) == ["per_year", "pooled"]
    assert ranks.xs(2010, level="year")["per_year"].tolist() == [2, 2, 1, 4]
    assert ranks["pooled"].min() == 1
    assert ranks.loc[("r02", 2010), "pooled"] == 1
    assert ranks.loc[("r00", 2010), "pooled"] == ranks.loc[("r01", 2010), "pooled"] == 4
    per_year = fit(IndicatorSystem([Indicator("a")]), frame, scope="per_year").ranks()
    assert per_year["pooled"].isna().all()
    assert per_year["per_year"].tolist() == ranks["per_year"].tolist()


def test_ranks_of_a_cross_section_are_the_same_twice():
    table = pd.DataFrame({"id": list("pqr"), "a": [1, 3, 2]})
    ranks = (
        CompositeIndex(IndicatorSystem([Indicator("a")]))
        .fit(Panel(table, "id"))
        .ranks()
    )
    assert ranks["per_year"].tolist() == ranks["pooled"].tolist() == [3, 1, 2]


# --- sampling errors ------------------------------------------------------------------


def test_draws_are_refits_with_end_points_held(system, frame_of, fit):
    frame = frame_of(10, n=6, unbalanced=True)
    results = fit(system, frame)
    draws = results.weight_draws(30, rng=7)
    assert draws.shape == (30, 4)
    assert (list(draws), draws.index.name) == (list("abcd"), "draw")
    assert draws.attrs["rng_entropy"] == 7
    ends = results.end_points
    z = ((frame[list("abcd")] - ends["low"]) / (ends["high"] - ends["low"])).assign(
        c=lambda t: 1 - t["c"]
    )
    entities = sorted(frame["id"].unique())
    drawn = np.random.default_rng(np.random.SeedSequence(7)).integers(
        0, 6, size=(30, 6)
    )
    for taken, weights in zip(drawn, draws.to_numpy(), strict=True):
        stacked = np.vstack([z[frame["id"] == entities[i]] for i in taken])
        np.testing.assert_allclose(
            weights, weigh(stacked, flat_rule("entropy", 4), "abcd").weights, rtol=1e-9
        )


@pytest.mark.parametrize(
    "options",
    [{}, {"weighting": "critic"}, {"scope": "base_year(2012)"}, {"normalise": "rank"}],
)
def test_draws_are_reproduced_by_their_number(options, system, frame_of, fit):
    results = fit(system, frame_of(11), **options)
    draws = results.weight_draws(20, rng=np.random.default_rng(3))
    again = results.weight_draws(20, rng=draws.attrs["rng_entropy"])
    pd.testing.assert_frame_equal(draws, again)
    np.testing.assert_allclose(draws.sum(axis=1), 1.0, rtol=1e-12)
    # a generator moves on, fresh entropy is fresh
    assert not results.weight_draws(20).equals(results.weight_draws(20))


def test_row_order_does_not_change_the_draws(system, frame_of, fit):
    frame = frame_of(12)
    one = fit(system, frame).weight_draws(10, rng=1)
    two = fit(system, frame.sample(frac=1, random_state=2)).weight_draws(10, rng=1)
    np.testing.assert_allclose(one, two, rtol=1e-12)


def test_a_draw_without_weights_is_missing_and_warns():
    frame = pd.DataFrame(
        {
            "id": list("pqrsttt"),
            "year": [1, 1, 1, 1, 1, 2, 3],
            "a": [0.0, 0, 0, 0, 1, 2, 3],
        }
    )
    results = CompositeIndex(IndicatorSystem([Indicator("a")])).fit(panel_of(frame))
    with pytest.warns(match="of 40 draws have no weights"):
        draws = results.weight_draws(40, rng=1)
    assert 0 < draws["a"].isna().sum() < 40
    assert set(draws["a"].dropna()) == {1.0}


def test_weight_errors_by_every_method(system, frame_of, fit):
    results = fit(system, frame_of(13, n=20))
    tables = {
        m: results.weight_errors(m, rng=1) for m in ("delta", "jackknife", "bootstrap")
    }
    for table in tables.values():
        assert list(table) == ["weight", "std_error", "conf_low", "conf_high"]
        np.testing.assert_array_equal(table["weight"], results.weights["weight"])
        assert (table["conf_low"] < table["weight"]).all()
        assert (table["weight"] < table["conf_high"]).all()
    np.testing.assert_array_equal(
        tables["delta"]["std_error"], results.weights["std_error"]
    )
    np.testing.assert_allclose(
        tables["bootstrap"]["std_error"],
        results.weight_draws(999, rng=1).std(),
        rtol=1e-12,
    )
    # 19 degrees of freedom
    wide = tables["delta"]["conf_high"] - tables["delta"]["conf_low"]
    np.testing.assert_allclose(
        wide, 2 * 2.0930240544 * tables["delta"]["std_error"], rtol=1e-9
    )
    narrow = results.weight_errors(level=0.5)
    assert (narrow["conf_low"] > tables["delta"]["conf_low"]).all()


def test_errors_count_entities_and_not_rows(system, frame_of, fit):
    frame = frame_of(14, n=12)
    once = fit(system, frame).weights["std_error"]
    # each row twice in later years: twice the rows, nothing new
    later = pd.concat([frame, frame.assign(year=frame["year"] + 10)])
    np.testing.assert_allclose(
        fit(system, later).weights["std_error"], once, rtol=1e-10
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"structure": "nested"}, "nested dimensions cannot be recomputed"),
        ({"scope": "per_year"}, "yearly weights cannot be recomputed"),
        ({"scope": "expanding"}, "'goalposts'"),
        ({"scope": "pooled_norm_yearly_weights"}, "yearly weights"),
        ({"scope": "legacy_lnT"}, "script are wrong"),
    ],
)
def test_where_sums_are_not_enough_errors_are_refused_in_words(
    options, words, system, frame_of, fit
):
    results = fit(system, frame_of(15), **options)
    assert results.weights["std_error"].isna().all()
    for call in (lambda: results.weight_draws(10, rng=1), results.weight_errors):
        with pytest.raises(OptionError, match=words):
            call()


def test_one_entity_has_no_sampling_error(system, frame_of, fit):
    results = fit(system, frame_of(16, n=1, periods=9))
    assert results.weights["std_error"].isna().all()
    with pytest.raises(OptionError, match="at least two entities"):
        results.weight_draws(10)


@pytest.mark.parametrize("weighting", ["equal", {"a": 1, "b": 2, "c": 3, "d": 4}])
def test_weights_that_are_not_estimated_have_no_error(weighting, system, frame_of, fit):
    results = fit(system, frame_of(17), weighting=weighting)
    assert results.weights["std_error"].isna().all()
    assert results.weight_draws(5, rng=1).nunique().tolist() == [1] * 4


def test_equal_weights_nest_into_equal_dimensions(frame_of, fit):
    system = IndicatorSystem.from_dict(
        {"one": {"a": "+"}, "two": {"b": "+", "c": "+", "d": "+"}}
    )
    results = fit(system, frame_of(18), weighting="equal", structure="nested")
    np.testing.assert_allclose(results.weights["weight"], [1 / 2, 1 / 6, 1 / 6, 1 / 6])
    assert results.weights["std_error"].isna().all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda r: r.weight_draws(0), "reps=0"),
        (lambda r: r.weight_draws(2.5), "reps=2.5"),
        (lambda r: r.weight_draws(True), "reps=True"),
        (
            lambda r: r.weight_errors("hac"),
            "method='hac'.*'delta', 'jackknife', 'bootstrap'",
        ),
        (lambda r: r.weight_errors(level=95), "level=95"),
    ],
)
def test_what_is_wrong_is_said(call, words, system, frame_of, fit):
    with pytest.raises(OptionError, match=words):
        call(fit(system, frame_of(19)))


# --- other panels ---------------------------------------------------------------------


def test_apply_says_what_it_drops(system, frame_of, fit):
    frame = frame_of(20)
    results = fit(system, frame, missing="drop")
    holes = frame.copy()
    holes.loc[[2, 4], "b"] = np.nan
    with pytest.warns(MissingDataWarning, match="2 rows dropped"):
        assert len(results.apply(panel_of(holes))) == 38
    with pytest.warns(MissingDataWarning, match="2 rows dropped"):
        assert len(results.contributions(panel_of(holes))) == 38


def test_a_product_counts_its_zeros(system, frame_of, fit):
    results = fit(system, frame_of(21), aggregate="geometric")
    notice = next(n for n in results.diagnostics if n.code == "zero_score")
    assert notice.data["count"] == (results.scores == 0).sum() == 4
    assert notice.message.startswith("4 scores of 40 are 0")


def test_interpolated_cells_look_ahead_under_expanding(system, frame_of):
    frame = frame_of(22)
    frame.loc[7, "b"] = np.nan
    panel = panel_of(frame).interpolate("b")
    with pytest.warns(MissingDataWarning):
        results = CompositeIndex(system, scope="expanding").fit(panel)
    (notice,) = (n for n in results.diagnostics if n.code == "imputed")
    assert notice.data == {"cells": {"b": 1}, "why": "ahead", "lag_of": None}
    assert "uses future information in these cells" in notice.message
    assert (
        results.audit().set_index("check").loc["future_information", "finding"]
        == "warning"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CompositeIndex(system).fit(panel)


# --- as a value -----------------------------------------------------------------------


@pytest.mark.parametrize("scope", EVERY_SCOPE)
def test_results_are_picklable_and_hold_no_panel(scope, posted, frame_of, fit):
    frame = frame_of(23)
    results = fit(posted, frame, scope=scope)
    again = pickle.loads(pickle.dumps(results))
    pd.testing.assert_series_equal(again.scores, results.scores)
    pd.testing.assert_frame_equal(again.weights, results.weights)
    pd.testing.assert_series_equal(again.apply(panel_of(frame)), results.scores)
    assert not any(isinstance(getattr(results, f), Panel) for f in results.__slots__)
    assert not hasattr(results, "bse")


def test_tables_are_copies(system, frame_of, fit):
    results = fit(system, frame_of(24))
    for name in ("scores", "dimension_scores", "weights", "end_points"):
        kept = getattr(results, name)
        table = getattr(results, name)
        table.iloc[0] = None
        assert getattr(results, name).equals(kept)


@pytest.mark.parametrize("scope", EVERY_SCOPE)
def test_to_dict_is_json_safe(scope, posted, frame_of, fit):
    results = fit(posted, frame_of(25), scope=scope, name="digital")
    text = json.dumps(results.to_dict(), allow_nan=False)
    data = json.loads(text)
    assert data["schema"] == 1
    assert data["kind"] == "composite_index"
    assert data["spec"]["scope"] == scope
    assert len(data["years"]) == (5 if scope in YEARLY else 0)
    if scope in YEARLY:
        assert data["years"][2]["time"] == 2012
        assert data["years"][2]["weights"]["b"] == pytest.approx(
            results.weights_by_year.loc[2012, "b"]
        )


def test_to_dict_is_enough_to_score_by_hand(system, frame_of, fit):
    frame = frame_of(26)
    index = fit(system, frame)
    data, score = json.loads(json.dumps(index.to_dict())), 0.0
    for row in data["indicators"]:
        value = frame[row["indicator"]][0]
        z = (value - row["low"]) / (row["high"] - row["low"])
        score += row["weight"] * (z if row["direction"] == "+" else 1 - z)
    assert score == pytest.approx(index.scores.iloc[0], rel=1e-12)
    given = fit(system, frame, weighting={"a": 1, "b": 2, "c": 3, "d": 4})
    assert given.to_dict()["spec"]["weighting"] == {
        "a": 1.0,
        "b": 2.0,
        "c": 3.0,
        "d": 4.0,
    }


ESTIMATED = (
    "Standard errors of the weights clustered by entity (8 entities), end points of "
    "the normalisation taken as known"
)


@pytest.mark.parametrize(
    ("options", "conventions", "settings"),
    [
        (
            {},
            ESTIMATED,
            (
                "minmax normalisation (pooled); entropy weights (entropy divided by ln "
                "40), shift 0; flat, linear; missing values: raise"
            ),
        ),
        (
            {"scope": "base_year(2012)", "structure": "equal_dimensions"},
            ESTIMATED,
            (
                "minmax normalisation (base_year(2012)); entropy weights (entropy "
                "divided by ln 8), shift 0; equal_dimensions, linear; missing "
                "values: raise"
            ),
        ),
        (
            {"scope": "expanding", "aggregate": "topsis"},
            "Weights are means over periods, without standard errors",
            (
                "minmax normalisation (expanding); entropy weights, shift 0; flat, "
                "topsis; missing values: raise"
            ),
        ),
        (
            {"scope": "legacy_lnT"},
            "Weights without standard errors",
            (
                "minmax normalisation (legacy_lnT); entropy weights (entropy divided "
                "by ln 5), shift 0; flat, linear; missing values: raise"
            ),
        ),
        (
            {"weighting": "equal"},
            "Weights without standard errors",
            (
                "minmax normalisation (pooled); equal weights; flat, linear; missing "
                "values: raise"
            ),
        ),
    ],
)
def test_summary_ends_with_errors_and_settings(
    options, conventions, settings, system, frame_of, fit
):
    index = fit(system, frame_of(27), name="digital", **options)
    assert (index.conventions, index.settings) == (conventions, settings)
    text = index.summary()
    assert text.startswith("Composite index 'digital': 40 rows, 8 entities, 5 periods")
    assert " ".join(text.split()).endswith(f"{conventions}. Settings: {settings}.")
    assert "NaN" not in text


def test_coincidental_ties_are_ties() -> None:
    import pandas as pd

    import digiprosper as dp

    rows = {
        "a": [0.1, 0.2, 0.3, 0.6, 0, 1],
        "b": [0.2, 0.3, 0.1, 0, 1, 0.6],
        "c": [0.3, 0.1, 0.2, 1, 0.6, 0],
    }
    panel = dp.Panel(pd.DataFrame({"e": range(6), **rows}), entity="e")
    system = dp.IndicatorSystem([dp.Indicator(k, "+") for k in "abc"])
    results = dp.CompositeIndex(system, weighting="equal").fit(panel).ranks()
    assert results["pooled"].tolist() == [4, 4, 4, 1, 1, 1]


def test_topsis_needs_a_weight_on_what_varies() -> None:
    import pandas as pd
    import pytest

    import digiprosper as dp

    df = pd.DataFrame({"e": [0, 1, 2], "a": 5.0, "b": [1.0, 2, 3]})
    system = dp.IndicatorSystem([dp.Indicator(k, "+", goalposts=(0, 10)) for k in "ab"])
    spec = dp.CompositeIndex(
        system, scope="goalposts", weighting={"a": 1, "b": 0}, aggregate="topsis"
    )
    with pytest.raises(dp.IndicatorError, match="no indicator with a weight varies"):
        spec.fit(dp.Panel(df, entity="e"))


@pytest.mark.parametrize("entities", [2, 3, 4, 5])
def test_bootstrap_errors_of_few_entities_are_missing(system, frame_of, entities):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = CompositeIndex(system).fit(panel_of(frame_of(13, n=entities)))
        table = results.weight_errors("bootstrap", rng=1)
    assert (table[["std_error", "conf_low", "conf_high"]].isna() == (entities < 5)).all(
        axis=None
    )
    for method in ("delta", "jackknife"):
        assert results.weight_errors(method).notna().all(axis=None)
    if entities < 5:
        with pytest.warns(FewClustersWarning, match=f"{entities} clusters"):
            results.weight_errors("bootstrap", rng=1)


# --- values beyond the end points -----------------------------------------------------


def test_scores_of_another_unit_are_told(frame_of, fit):
    system = IndicatorSystem.from_dict(
        {"one": {"a": "+", "b": "+"}, "two": {"c": "-", "d": "+"}}
    )
    frame = frame_of(31)
    index = fit(system, frame, weighting="equal")
    other = frame.assign(a=100 * frame["a"])
    with pytest.warns(
        IndicatorWarning, match=r"instead of 0 to 1.*'a' in \d+% of 40 rows"
    ) as caught:
        scores = index.apply(Panel(other, "id", "year"))
    (notice,) = scores.attrs["diagnostics"]
    assert str(caught[0].message) == notice.message
    beyond = (other["a"] > frame["a"].max()).mean()
    assert notice.code == "beyond_end_points"
    assert notice.data["shares"] == {"a": pytest.approx(beyond)}
    assert (notice.data["lowest"], notice.data["highest"]) == (
        scores.min(),
        scores.max(),
    )
    assert scores.max() > 1


def test_scores_between_0_and_1_are_not_told(frame_of, fit):
    system = IndicatorSystem([Indicator(c) for c in "abcd"])
    frame = frame_of(32)
    early = fit(system, frame[frame["year"] < 2014])
    inside = early.apply(Panel(frame[frame["year"] == 2011], "id", "year"))
    assert inside.attrs["diagnostics"] == ()
    # A value a little beyond one end point leaves the score where scores are.
    later = frame[frame["year"] == 2011].assign(
        a=lambda f: f["a"].clip(upper=frame["a"].max() * 1.01)
    )
    assert early.apply(Panel(later, "id", "year")).attrs["diagnostics"] == ()


@pytest.mark.parametrize("normalise", ["zscore", "none"])
def test_scales_without_ends_have_nothing_beyond_them(normalise, frame_of, fit):
    system = IndicatorSystem([Indicator(c) for c in "abcd"])
    frame = frame_of(33)
    index = fit(system, frame, normalise=normalise, weighting="critic")
    scores = index.apply(Panel(frame.assign(a=50.0), "id", "year"))
    assert scores.attrs["diagnostics"] == ()


def test_goalposts_of_another_unit_are_told_by_the_fit(frame_of):
    system = IndicatorSystem([Indicator(c, goalposts=(0, 1)) for c in "ab"])
    panel = Panel(frame_of(34), "id", "year")
    with pytest.warns(IndicatorWarning, match="unit of the end points"):
        index = CompositeIndex(system, scope="goalposts", weighting="equal").fit(panel)
    assert [n.code for n in index.diagnostics] == ["beyond_end_points"]


def test_topsis_warns_where_a_better_value_lowers_the_score() -> None:
    frame = pd.DataFrame(
        {"id": list("abcd") * 3, "year": [2010] * 4 + [2011] * 4 + [2012] * 4}
    )
    frame["x"] = [1.0, 2, 3, 4, 3, 4, 5, 6, 9, 5, 6, 7]
    frame["y"] = frame["x"]
    system = IndicatorSystem([Indicator(c) for c in "xy"])
    panel = Panel(frame, "id", "year")
    base_year = CompositeIndex(system, scope="base_year(2010)", aggregate="topsis")
    with pytest.warns(IndicatorWarning, match="6 of 12 rows fall where a value"):
        index = base_year.fit(panel)
    assert index.scores["d", 2012] < index.scores["d", 2010] == 1
    assert [n.code for n in index.diagnostics] == ["beyond_ideal"]
    all_rows = base_year.replace(scope="base_year_norm_pooled_weights(2010)")
    index = all_rows.fit(panel)
    assert index.diagnostics == ()
    assert index.scores["d", 2012] > index.scores["d", 2010]


def test_other_years_than_the_base_year_may_be_beyond_it(frame_of):
    system = IndicatorSystem([Indicator(c) for c in "ab"])
    panel = Panel(frame_of(34), "id", "year")
    index = CompositeIndex(system, scope="base_year(2012)", weighting="equal").fit(
        panel
    )
    (notice,) = index.apply(panel).attrs["diagnostics"]
    assert notice.code == "beyond_base_year"
    assert notice.data["lowest"] == index.scores.min() < 0
    assert index.diagnostics == (notice,)
