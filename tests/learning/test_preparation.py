"""Rows and features by transformation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import digiprosper as dp
from digiprosper.learning.preparation import prepare_learning

linear_model = pytest.importorskip("sklearn.linear_model")


def prepared(panel: dp.Panel, transform: Any, **options: Any) -> Any:
    learners = {"ols": linear_model.LinearRegression()}
    model = dp.PanelDML("y", "d", ["x", "z"], transform=transform, learners=learners)
    return prepare_learning(model.replace(**options), panel)


@pytest.mark.parametrize(
    ("transform", "rows", "width"),
    [
        ("dictionary", 240, 5),
        ("within", 240, 2),
        ("mundlak", 240, 6),
        ("difference", 200, 8),
    ],
)
def test_features(panel: dp.Panel, transform: Any, rows: int, width: int) -> None:
    sample = prepared(panel, transform)
    assert sample.features.shape == (rows, width)
    assert sample.learned.shape == (rows, 2)


def test_terms_are_demeaned_after_they_are_made(frame: Any, panel: dp.Panel) -> None:
    sample = prepared(panel, "dictionary", time_effects=False)
    square = (frame["x"] - frame["x"].mean()) ** 2
    expected = (square - square.groupby(frame["i"]).transform("mean")).to_numpy()
    np.testing.assert_allclose(sample.features[:, 2], expected, atol=1e-12)


def test_differences_lose_rows_at_gaps(frame: Any) -> None:
    gaps = frame.drop(index=[2, 8])
    sample = prepared(dp.Panel(gaps, "i", "t"), "difference", time_effects=False)
    assert len(sample.learned) == 200 - 4
    changes = frame["y"].diff()[[1, 4, 5, 7]]
    np.testing.assert_allclose(sample.learned[:4, 0], changes, atol=1e-12)
    lagged = frame["x"].shift()[[1, 4, 5, 7]]
    x = sample.features[:4, 2]
    np.testing.assert_allclose(np.corrcoef(x, lagged)[0, 1], 1)


def test_differences_of_the_outcome_are_no_controls_made_from_it(panel: Any) -> None:
    sample = prepared(panel, "difference")
    assert not [n for n in sample.prepared.notices if n.code == "made_from"]
    sample = prepared(panel, "difference", controls=["x", "I(y**2)"])
    (notice,) = (n for n in sample.prepared.notices if n.code == "made_from")
    assert notice.data["terms"] == {"I(y**2)": "y"}


def test_time_constant_controls_have_products(frame: Any) -> None:
    panel = dp.Panel(frame.assign(z=frame["i"] % 7), "i", "t")
    sample = prepared(panel, "dictionary")
    assert sample.features.shape[1] == 3  # x, its square, and the product


def test_chosen_rows(panel: dp.Panel) -> None:
    assert prepared(panel, "within", where="t > 1").learned.shape[0] == 160


def test_changes_are_of_columns_whatever_signs_their_names_have(
    frame: Any, panel: dp.Panel
) -> None:
    names = {"y": "y (bn)", "d": "d:e", "x": "x (%)"}
    learners = {"ols": linear_model.LinearRegression()}
    model = dp.PanelDML(
        "y (bn)", "d:e", ["x (%)", "z"], transform="difference", learners=learners
    )
    sample = prepare_learning(model, dp.Panel(frame.rename(columns=names), "i", "t"))
    plain = prepared(panel, "difference")
    np.testing.assert_array_equal(sample.features, plain.features)
    np.testing.assert_array_equal(sample.learned, plain.learned)


def test_a_model_without_effects_says_that_it_has_none(panel: dp.Panel) -> None:
    model = dp.PanelDML(
        "y",
        "d",
        ["x"],
        learners={"ols": linear_model.LinearRegression()},
        seeds=1,
        entity_effects=False,
        time_effects=False,
    )
    assert model.fit(panel, rng=1).glance()["effects"] is None
