from __future__ import annotations

import numpy as np
import pytest

from digiprosper import CompositeIndex, OptionError
from digiprosper.composite.options import (
    OPTIONS,
    read_option,
    read_weights,
    refuse_contradictions,
)
from digiprosper.composite.scopes import read_scope

NAMES = ("a", "b")


def test_every_option_of_a_specification_is_read(system):
    assert set(OPTIONS) == set(CompositeIndex(system).recipe.arguments) - {"name"}


@pytest.mark.parametrize(
    ("option", "value", "stored"),
    [
        ("scope", "base_year( 2011 )", "base_year(2011)"),
        ("shift", 1, 1.0),
        ("weighting", {"b": 1, "a": 3}, (("a", 3.0), ("b", 1.0))),
        ("weighting", "critic", "critic"),
        ("structure", "nested", "nested"),
    ],
)
def test_an_option_is_stored_in_one_form(option, value, stored):
    assert read_option(option, value, NAMES) == stored


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("scope", "rolling"),
        ("shift", -1),
        ("shift", True),
        ("weighting", "ahp"),
        ("normalise", ["minmax"]),
        ("missing", None),
    ],
)
def test_an_unknown_value_is_refused_with_its_option(option, value):
    with pytest.raises(OptionError, match=f"{option}="):
        read_option(option, value, NAMES)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"a": 1}, "'b' has none"),
        ({"a": 1, "b": 1, "c": 1}, "'c' is not in the system"),
        ({"a": -1, "b": 1}, "'a' has -1"),
        ({"a": True, "b": 1}, "'a' has True"),
        ({"a": 0, "b": 0}, "all are 0"),
        (5, "one weight per indicator"),
    ],
)
def test_weights_by_indicator_are_checked(given, match):
    with pytest.raises(OptionError, match=match):
        read_weights(given, NAMES, "published")


def test_the_first_contradiction_is_told(system):
    recipe = CompositeIndex(system).recipe
    refuse_contradictions(recipe)
    with pytest.raises(OptionError, match="shift=1 applies to entropy"):
        CompositeIndex(system, shift=1, weighting="cv", normalise="zscore")


def test_options_are_values(system):
    recipe = CompositeIndex(
        system, scope="base_year(2012)", shift=0.01, name="digital"
    ).recipe
    assert recipe.scope == read_scope("base_year(2012)")
    assert recipe.system.names == system.names
    assert recipe.aggregation == "linear"
    assert (
        recipe.description
        == "base_year(2012) minmax, entropy weights (shift 0.01), flat, linear"
    )
    assert CompositeIndex(system, scope="expanding").recipe.scope == read_scope(
        "expanding"
    )


def test_options_are_given_back_as_written(system):
    spec = CompositeIndex(
        system, scope="base_year(2012)", normalise="rank", weighting="cv"
    )
    assert CompositeIndex(system, **spec.recipe.arguments) == spec
    given = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    assert (
        CompositeIndex(system, weighting=given).recipe.arguments["weighting"] == given
    )


def test_given_weights_add_up_to_one(system):
    recipe = CompositeIndex(system, weighting={"a": 1, "b": 2, "c": 3, "d": 4}).recipe
    assert recipe.weighting == "given"
    np.testing.assert_allclose(recipe.given_weights, [0.1, 0.2, 0.3, 0.4])
    assert not recipe.weights_estimated
    assert CompositeIndex(system).recipe.given_weights is None


@pytest.mark.parametrize(
    ("options", "learned"),
    [
        ({}, True),
        ({"normalise": "zscore", "weighting": "critic"}, True),
        ({"scope": "goalposts"}, False),
    ],
)
def test_a_scale_is_learned_or_given(options, learned, posted):
    recipe = CompositeIndex(posted, **options).recipe
    assert recipe.scale_learned is learned
    x = np.array([[1.0, 2, 3, 4], [2, 3, 4, 5]])
    assert (recipe.learn_scale(x).low.tolist() == x[0].tolist()) is learned


@pytest.mark.parametrize(
    ("options", "across", "groups"),
    [
        ({}, "flat", 1),
        ({"structure": "nested"}, "nested", 2),
        ({"structure": "nested", "weighting": "equal"}, "equal_dimensions", 2),
        ({"structure": "equal_dimensions"}, "equal_dimensions", 2),
    ],
)
def test_the_rule_of_the_weights(options, across, groups, system):
    recipe = CompositeIndex(system, **options).recipe
    rule = recipe.rule(5)
    assert (rule.across, len(rule.groups), rule.periods) == (across, groups, None)
    assert recipe.nested == (across == "nested")


def test_the_script_divides_by_the_years_of_the_sample(system):
    assert CompositeIndex(system, scope="legacy_lnT").recipe.rule(5).periods == 5


def test_a_constant_column_keeps_its_weight_where_nothing_is_learned(posted):
    for options, keeps in (
        ({"scope": "goalposts", "weighting": "equal"}, True),
        ({"scope": "goalposts"}, False),
        ({"weighting": "equal"}, False),
    ):
        assert CompositeIndex(posted, **options).recipe.rule(5).keeps_constant is keeps
