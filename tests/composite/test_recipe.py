from __future__ import annotations

import numpy as np
import pytest

from digiprosper import CompositeIndex
from digiprosper.composite.scopes import BaseYear, Expanding


def test_a_recipe_has_the_options_as_values(system):
    recipe = CompositeIndex(system, scope="base_year(2012)", shift=0.01, name="digital").recipe
    assert recipe.scope == BaseYear("2012")
    assert recipe.names == system.names
    assert recipe.aggregate.product is False
    assert recipe.description == "base_year(2012) minmax, entropy weights (shift 0.01), flat, linear"
    assert CompositeIndex(system, scope="expanding").recipe.scope == Expanding()


def test_a_recipe_gives_the_options_back(system):
    spec = CompositeIndex(system, scope="base_year(2012)", normalise="rank", weighting="cv")
    assert CompositeIndex(system, **spec.recipe.options) == spec
    given = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    assert CompositeIndex(system, weighting=given).recipe.options["weighting"] == given


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
