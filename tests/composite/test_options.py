from __future__ import annotations

import pytest

from digiprosper import CompositeIndex, OptionError
from digiprosper.composite.options import OPTIONS, read_option, read_weights, refuse_contradictions

NAMES = ("a", "b")


def test_every_option_of_a_specification_is_read(system):
    assert set(OPTIONS) == set(CompositeIndex(system).recipe.options) - {"name"}


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
        ({"a": 1, "b": 1, "c": 1}, "'c' is not an indicator"),
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
