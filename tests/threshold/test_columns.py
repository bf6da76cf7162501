from __future__ import annotations

import math

import pytest

import digiprosper as dp
from digiprosper.report import columns
from digiprosper.threshold.columns import kink_regimes, slopes_by_regime, step_regimes, threshold_with


@pytest.fixture(scope="module")
def with_levels():
    spec = dp.PanelThreshold(
        "log(gsp)", "log(pc)", "unemp", ["log(emp)"], bootstrap=None, regime_intercept=True
    )
    with pytest.warns(dp.BoundaryThresholdWarning):
        return spec.fit(dp.datasets.us_states())


def test_regimes_stand_from_low_to_high():
    regimes = step_regimes("q", [0.7, 0.5], "<")
    assert [regime.condition("q", 2) for regime in regimes] == ["q < 0.5", "0.5 <= q < 0.7", "q >= 0.7"]
    assert {regime.family for regime in regimes} == {(False, "q", 2)}
    assert [side.condition("q", 2) for side in kink_regimes("q", 0.5)] == ["below 0.5", "above 0.5"]


def test_slopes_know_their_regime_and_common_terms_have_none(with_levels):
    found = {term.name: term for term in with_levels.terms}
    assert list(found) == list(with_levels.slopes.names)
    low = found["log(pc):regime1"]
    assert (low.base, low.regime.number, low.regime.upper) == ("log(pc)", 1, with_levels.estimates[0])
    assert found["intercept:regime1"].base == "intercept"
    assert found["log(emp)"].regime is None
    assert with_levels.terms_in_every_regime == ["log(pc)"]


def test_terms_that_are_not_split_stay(with_levels):
    assert all(term.regime is None for term in slopes_by_regime(with_levels.slopes, ["log(pc)"], {}))


def test_a_table_gets_thresholds_with_their_sets(with_levels):
    (column,) = with_levels.table_columns(0.9)
    (block,) = column.blocks
    (parameter,) = block.parameters
    pieces = with_levels.confidence_set(1)
    assert (parameter.conf_low, parameter.conf_high) == (pieces[0][0], pieces[-1][1])
    assert (block.kind, block.variable, block.drawn, block.refused) == ("step", "unemp", None, None)
    low = with_levels.slopes.conf_int(level=0.9)["conf_low"]
    assert [cell.conf_low for cell in column.estimates.values()] == low.tolist()


@pytest.mark.filterwarnings("ignore::digiprosper.errors.DigiprosperWarning")
def test_a_table_has_the_tests_of_the_first_bootstrap():
    spec = dp.PanelThreshold("log(gsp)", "unemp", "unemp", bootstrap=("wild_cluster", "hansen"), reps=39)
    found = spec.fit(dp.datasets.us_states(), rng=1)
    rows = found.tests[found.tests["bootstrap"] == "wild_cluster"].dropna(subset="p_value")
    (column,) = found.table_columns()
    shown = [(test.statistic, test.p_value) for p in column.blocks[0].parameters for test in p.tests]
    assert found.tests["p_value"].nunique() == 2
    assert shown == list(zip(rows["statistic"], rows["p_value"], strict=True))


def test_tests_without_p_value_are_left_out():
    tests = [
        columns.ParameterTest("F", "threshold", 3.0, math.nan, 1),
        columns.ParameterTest("score", "threshold", 3.0, 0.2, 1),
    ]
    found = threshold_with(0.5, [(0.4, 0.5), (0.6, 0.7)], tests)
    assert (found.conf_low, found.conf_high, found.pieces, found.tests) == (0.4, 0.7, 2, tuple(tests[1:]))
    assert math.isnan(threshold_with(0.5, [], []).conf_low)


def test_slopes_are_products_with_their_regime(with_levels):
    terms = {term.name: term for term in with_levels.slopes.terms}
    assert [factor.text for factor in terms["log(pc):regime2"].factors] == ["log(pc)", "regime2"]
    assert with_levels.slopes.marginal_effect("log(emp)")["estimate"].tolist() == [
        with_levels.slopes.params["log(emp)"]
    ]
