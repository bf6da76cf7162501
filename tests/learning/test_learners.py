"""Kinds of learners, and their seeds."""

from __future__ import annotations

from typing import Any

import pytest

from digiprosper.learning.learners import (
    is_flexible,
    is_random,
    is_unpenalised,
    read_learners,
    seeded,
)

pytest.importorskip("sklearn")

from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, StackingRegressor
from sklearn.linear_model import Lasso, LassoCV, LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.tree import DecisionTreeRegressor

TREE = DecisionTreeRegressor()


@pytest.mark.parametrize(
    ("learner", "flexible", "unpenalised", "random"),
    [
        (LinearRegression(), False, True, False),
        (LassoCV(), False, False, True),
        (make_pipeline(PolynomialFeatures(), LinearRegression()), False, True, False),
        (HistGradientBoostingRegressor(), True, False, True),
        (KNeighborsRegressor(), True, False, False),
        (make_pipeline(PolynomialFeatures(), TREE), True, False, True),
        (TransformedTargetRegressor(TREE), True, False, True),
        (GridSearchCV(TREE, {"max_depth": [1, 2]}), True, False, True),
        (StackingRegressor([("a", Lasso())], Lasso()), False, False, True),
        (StackingRegressor([("a", TREE)], Lasso()), True, False, True),
    ],
)
def test_kinds(learner: Any, flexible: bool, unpenalised: bool, random: bool) -> None:
    assert is_flexible(learner) is flexible
    assert is_unpenalised(learner) is unpenalised
    assert is_random(learner) is random


def test_all_seeds_are_set_in_a_clone() -> None:
    learner = make_pipeline(PolynomialFeatures(), DecisionTreeRegressor())
    clone = seeded(learner, 7)
    assert clone.get_params()["decisiontreeregressor__random_state"] == 7
    assert learner.get_params()["decisiontreeregressor__random_state"] is None


def test_pairs_are_read_again() -> None:
    pairs = read_learners({"ols": LinearRegression()})
    assert read_learners(pairs) == pairs
