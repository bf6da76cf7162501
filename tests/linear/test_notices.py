"""What notices about linear models say, and their data."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, datasets
from digiprosper.errors import Notice, notice_of
from digiprosper.kernels.covariance import Ranks
from digiprosper.linear import notices
from digiprosper.linear.estimation import collinear_problem
from digiprosper.linear.notices import (
    EFFECTIVE_CLUSTERS,
    FEW_PERIODS,
    few_for_slopes,
    few_periods,
)
from digiprosper.linear.poisson import Separated


@pytest.mark.parametrize(
    ("clusters", "codes"),
    [
        (19, ["very_few_clusters"]),
        (20, ["few_clusters"]),
        (39, ["few_clusters"]),
        (40, []),
    ],
)
def test_few_clusters_are_told_with_the_degrees_of_freedom_and_a_remedy(
    clusters, codes
) -> None:
    actual = few_for_slopes(clusters, "region", [clusters])
    assert [n.code for n in actual] == codes
    for notice in actual:
        assert notice.data == {"clusters": "region", "n_clusters": clusters}
        assert notice.message.startswith(
            f"{clusters} clusters (region): t intervals with {clusters - 1} "
        )
        assert "wild cluster bootstrap" in notice.message


def test_few_periods_are_told() -> None:
    assert few_periods(FEW_PERIODS, "driscoll_kraay") == []
    (notice,) = few_periods(FEW_PERIODS - 1, "driscoll_kraay")
    assert (notice.code, notice.data) == ("shared_shocks", {"n_times": FEW_PERIODS - 1})
    assert "block_test" in notice.message
    (notice,) = few_periods(FEW_PERIODS - 1, "xtscc")
    assert (notice.code, notice.data) == ("few_periods", {"n_times": FEW_PERIODS - 1})
    assert notice.message.startswith("99 periods: intervals are too short")
    for cov_type in ("driscoll_kraay", "xtscc"):
        (notice,) = few_periods(7, cov_type)
        assert "block_test" not in notice.message


def test_many_dummies_are_told_with_the_effect_that_absorbs_them() -> None:
    panel = datasets.us_states().assign(g=lambda f: f.index.codes[0] % 9)
    spec = FixedEffects("log(gsp)", ["unemp", "C(g):C(year)"], entity_effects=False)
    fit = spec.replace(collinear="drop").fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "many_dummies"]
    assert notice.data == {"columns": {"g^year": 9 * 17}}
    assert "and the specification has absorb, absorb=['g^year']" in notice.message
    absorbed = spec.replace(x=["unemp"], absorb=list(notice.data["columns"])).fit(panel)
    pair = [f.params["unemp"] for f in (fit, absorbed)]
    assert pair[0] == pytest.approx(pair[1], rel=1e-9)
    assert pair[0] != pytest.approx(
        spec.replace(x=["unemp"]).fit(panel).params["unemp"]
    )
    few = spec.replace(x=["unemp", "C(g)"], time_effects=False).fit(panel)
    assert "many_dummies" not in {n.code for n in few.diagnostics}


def test_what_was_dropped_is_told_with_the_reason() -> None:
    data = {"column": "x", "effects": "city, year"}
    problem = Notice("absorbed", "'x' is constant in the sample", data)
    absorbed = notices.dropped_column(problem)
    assert absorbed.code == "dropped_absorbed"
    assert absorbed.data == {"column": "x", "effects": "city, year"}
    assert absorbed.message == "'x' is constant in the sample; it was dropped"
    collinear = notices.dropped_column(collinear_problem("x", ["z", "w"]))
    assert collinear.code == "dropped_collinear"
    assert collinear.data == {"column": "x", "on": ("z", "w")}
    why = "is collinear with 'z', 'w' after the effects are partialled out"
    assert collinear.message == f"'x' {why}; it was dropped"


def test_no_variance_and_perfect_fit_name_the_columns() -> None:
    assert notices.no_variance([]) == []
    (empty,) = notices.no_variance(["a", "b"])
    assert (empty.code, empty.data) == ("no_variance", {"terms": ("a", "b")})
    assert empty.message.startswith(
        "no standard error for 'a', 'b': the scores sum to zero in every group"
    )
    exact = notice_of("perfect_fit", depvar="y")
    assert (exact.code, exact.data) == ("perfect_fit", {"depvar": "y"})
    assert exact.message.startswith("the regressors explain 'y' perfectly")


def test_a_bound_on_the_rank_is_told() -> None:
    effects = "a", "b", "c"
    ranks = Ranks(
        all_effects=120,
        nested=1,
        nested_or_entity=1,
        lone_nested=False,
        intercept=False,
        exact=False,
    )
    assert notices.rank_bound(effects, replace(ranks, exact=True)) == []
    (notice,) = notices.rank_bound(effects, ranks)
    assert (notice.code, notice.data) == (
        "rank_bound",
        {"rank": 120, "effects": ("a", "b", "c")},
    )
    assert notice.message.startswith("the effects (a, b, c) have too many levels")


def test_levels_without_rows_to_spare_are_told() -> None:
    notice = notice_of("saturated_levels", effect="city", levels=3, rows=6)
    assert (notice.code, notice.data) == (
        "saturated_levels",
        {"effect": "city", "levels": 3, "rows": 6},
    )
    assert notice.message.startswith("3 levels of city (6 rows in all)")


def test_a_near_collinearity_has_its_measure() -> None:
    data = {"columns": ("a",), "measure": "mean", "value": 3e9}
    notice = notice_of("near_collinear.mean", **data)
    assert (notice.code, notice.data) == ("near_collinear", data)
    assert notice.message.startswith("the mean of 'a' is 3.0e+09 times its standard")


def test_rows_without_a_prediction_are_counted() -> None:
    panel = datasets.us_states()
    fit = FixedEffects("log(gsp)", ["log(emp)"]).fit(panel.subset("year < 1980"))
    with pytest.warns(UserWarning, match="of 816 rows have no prediction"):
        assert fit.predict(panel).isna().sum() > 0


def test_an_effective_number_of_clusters_is_told_with_the_largest() -> None:
    terms = {"d": {"effective": 2.0, "share": 0.9, "largest": {"a": 0.5, "b": 0.4}}}
    (notice,) = notices.few_treated_notices([notices.FewTreated("state", 50, terms)])
    assert terms["d"]["effective"] < EFFECTIVE_CLUSTERS
    assert notice.data == {
        "clusters": "state",
        "n_clusters": 50,
        "terms": terms,
        "only_controls": False,
        "cov_type": "clustered",
        "has_cr2": True,
        "model": "",
    }
    assert notice.message.startswith(
        "the coefficient of 'd' depends on few clusters: 2.0 effective clusters"
    )


@pytest.mark.parametrize(
    ("cov_type", "said", "not_said"),
    [
        ("clustered", "Its interval is too short", "degrees of freedom"),
        ("crv3", "Its interval may be too short", "degrees of freedom"),
        ("cr2", "intervals are wide", "too short"),
    ],
)
def test_what_few_effective_clusters_do_depends_on_the_errors(
    cov_type, said, not_said
) -> None:
    """Sizes with 2 to 5 treated of 31: .10 to .36, .06 to .21 and .00 to .06."""
    terms = {"d": {"effective": 2.0, "share": 0.9, "largest": {"a": 0.5, "b": 0.4}}}
    entry = notices.FewTreated("state", 31, terms, cov_type=cov_type)
    (notice,) = notices.few_treated_notices([entry])
    assert said in notice.message
    assert not_said not in notice.message
    assert ("cov_type='cr2'" in notice.message) is (cov_type != "cr2")


@pytest.mark.parametrize(
    ("options", "advised"),
    [
        ({}, True),
        ({"obs_weights": "emp"}, False),
        ({"clusters": ("state", "year")}, False),
    ],
)
@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_errors_that_are_refused_are_not_recommended(options, advised) -> None:
    states = datasets.us_states()
    treated = states.assign(d="I((state == 'AL') * (year > 1980))")
    fit = FixedEffects("log(gsp)", ["d"], **options).fit(treated)
    few = [n.message for n in fit.diagnostics if n.code == "few_treated"]
    assert few
    assert all("dp.randomisation_test" in message for message in few)
    assert ["cov_type='cr2'" in message for message in few] == [advised] * len(few)


def test_clusters_in_two_ways_have_a_remedy_that_takes_one_way() -> None:
    for clusters in (10, 31):
        (notice,) = few_for_slopes(clusters, "id", [31, 10])
        assert "9 degrees of freedom" in notice.message
        assert "which takes one-way clusters" in notice.message


def test_separated_rows_are_counted_by_reason() -> None:
    sample = datasets.us_states().sample({"y": ("unemp",)})
    row = np.arange(sample.nobs)
    assert Separated(sample, row < 0, (), None).notices == []
    reasons = ("effects", "effects", "effects", "regressors")
    (notice,) = Separated(sample, row < 4, reasons, None).notices
    assert notice.data["count"] == 4
    assert notice.data["rows"] == tuple(sample.index[:4])
    assert "4 rows with outcome zero dropped" in notice.message
    assert "3 in a level of a fixed effect" in notice.message
    (notice,) = Separated(sample, row < 1, ("regressors",), None).notices
    assert "fixed effect" not in notice.message


@pytest.mark.filterwarnings("ignore::digiprosper.FewClustersWarning")
def test_an_index_that_shares_indicators_with_the_outcome_is_reported() -> None:
    """Scores know their indicators, whichever way they become a column."""
    states = datasets.us_states()
    system = dp.IndicatorSystem.from_dict({"": {"hwy": "+", "gsp": "+"}})
    scores = dp.CompositeIndex(system).fit(states).scores
    for panel in (
        states.attach(scores, name="level").subset("year > 1970"),
        states.assign(level=scores),
        states.attach(scores.rename("level")),
        states.attach(scores, name="z").rename(z="level"),
    ):
        own = FixedEffects("log(gsp)", ["level", "unemp"])
        with pytest.warns(dp.IndicatorWarning, match=r"index: 'level' \('gsp'\)"):
            own.fit(panel)
        with pytest.warns(dp.IndicatorWarning, match=r"index: 'log\(hwy\)' \('hwy'\)"):
            FixedEffects("level", ["log(hwy)"]).fit(panel)
        for other in (
            FixedEffects("unemp", ["level", "hwy"]),
            own.swap("level", "lag(level)"),
        ):
            with warnings.catch_warnings():
                warnings.simplefilter("error", dp.IndicatorWarning)
                other.fit(panel)
