from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    ColumnError,
    Indicator,
    IndicatorError,
    IndicatorSystem,
    InputTypeError,
)

TABLE = pd.DataFrame(
    {
        "indicator": ["ports", "users", "price"],
        "direction": ["+", "+", "-"],
        "dimension": ["infrastructure", "users", "users"],
        "unit": ["per 100", None, "yuan"],
        "source": ["yearbook"] * 3,
    }
)


def test_the_three_ways_of_writing_a_system_agree():
    one_by_one = IndicatorSystem(
        [
            Indicator("ports", dimension="infrastructure"),
            Indicator("users", dimension="users"),
            Indicator("price", "-", dimension="users"),
        ]
    )
    mapping = {"infrastructure": {"ports": "+"}, "users": {"users": "+", "price": "-"}}
    assert IndicatorSystem.from_dict(mapping) == one_by_one
    assert IndicatorSystem.from_frame(TABLE.drop(columns="unit")) == one_by_one


def test_a_system_is_a_value():
    system = IndicatorSystem.from_frame(TABLE)
    assert hash(system) == hash(IndicatorSystem.from_frame(system.to_frame()))
    assert pickle.loads(pickle.dumps(system)) == system
    assert isinstance(IndicatorSystem([Indicator("a")]).indicators, tuple)
    assert system.dimensions == ("infrastructure", "users")
    assert [i.unit for i in system] == ["per 100", "", "yuan"]
    assert len(system) == 3


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Indicator("a", "up"), IndicatorError, ["'a'", "'up'", "'+'", "'-'"]),
        (lambda: Indicator("a", 1), IndicatorError, ["'a'", "1", "'+'"]),
        (lambda: Indicator("  "), IndicatorError, ["name"]),
        (lambda: Indicator(3), InputTypeError, ["3", "text"]),
        (
            lambda: Indicator("a", dimension=None),
            InputTypeError,
            ["'a'", "dimension", "text"],
        ),
        (
            lambda: Indicator("a", goalposts=(2, 1)),
            IndicatorError,
            ["'a'", "goalposts", "ascending"],
        ),
        (lambda: Indicator("a", goalposts=5), IndicatorError, ["'a'", "goalposts"]),
        (lambda: Indicator("a", goalposts=(0, np.inf)), IndicatorError, ["goalposts"]),
        (lambda: IndicatorSystem([]), IndicatorError, ["at least one"]),
        (
            lambda: IndicatorSystem("ports"),
            InputTypeError,
            ["list of Indicator", "from_dict"],
        ),
        (lambda: IndicatorSystem({"a": "+"}), InputTypeError, ["from_dict"]),
        (lambda: IndicatorSystem(5), InputTypeError, ["list of Indicator"]),
        (
            lambda: IndicatorSystem(["ports"]),
            InputTypeError,
            ["'ports'", "Indicator(name)"],
        ),
        (
            lambda: IndicatorSystem([Indicator("a"), Indicator("a", "-")]),
            IndicatorError,
            ["'a'", "more than once"],
        ),
        (
            lambda: IndicatorSystem.from_dict({"ports": "+"}),
            InputTypeError,
            ["{'': {column: '+'}}"],
        ),
        (
            lambda: IndicatorSystem.from_dict(["ports"]),
            InputTypeError,
            ["{dimension: {column"],
        ),
        (
            lambda: IndicatorSystem.from_frame({"a": "+"}),
            InputTypeError,
            ["DataFrame", "dict"],
        ),
        (
            lambda: IndicatorSystem.from_frame(TABLE.drop(columns="direction")),
            ColumnError,
            ["'direction'"],
        ),
    ],
)
def test_what_is_wrong_is_said(make, error, words):
    with pytest.raises(error) as caught:
        make()
    assert all(w in str(caught.value) for w in words), str(caught.value)


def test_all_wrong_rows_are_in_one_report():
    table = TABLE.assign(direction=["up", "+", None])
    with pytest.raises(IndicatorError) as caught:
        IndicatorSystem.from_frame(table)
    assert [p.data["indicator"] for p in caught.value.problems] == ["ports", "price"]
    assert "'ports'" in str(caught.value)
    assert "'price'" in str(caught.value)


def test_the_same_column_in_two_dimensions_is_a_duplicate():
    with pytest.raises(IndicatorError, match="'users' is listed more than once"):
        IndicatorSystem.from_dict({"a": {"users": "+"}, "b": {"users": "+"}})
