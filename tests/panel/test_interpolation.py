"""Gaps filled in time, logged, and told where they are doubtful."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digiprosper import Panel
from digiprosper.errors import (
    MissingDataWarning,
)
from digiprosper.panel.interpolation import filled_in

nan = np.nan


GAPS = pd.DataFrame(
    {
        "i": ["A"] * 6 + ["B"] * 5,
        "t": [1, 2, 3, 6, 7, 8, 1, 2, 3, 4, 5],
        "x": [nan, 1, nan, 5, 6, nan, 1, 2, 3, 4, 5],
    }
)


@pytest.mark.parametrize(
    ("extrapolate", "expected"),
    [(False, [nan, 1, 2, 4, nan, 5, nan]), (True, [1, 1, 2, 4, 4, 5, 5])],
)
def test_gaps_are_filled_in_time_and_never_across_entities(extrapolate: bool, expected: list[float]) -> None:
    values = np.array([nan, 1, nan, 4, nan, 5, nan])
    position = np.array([0.0, 1, 2, 4, 5, 0, 1])
    entity = np.array([0, 0, 0, 0, 0, 1, 1])
    before = values.copy()
    np.testing.assert_allclose(filled_in(values, position, entity, extrapolate=extrapolate), expected)
    np.testing.assert_array_equal(values, before)


def test_interpolation_is_linear_in_time_inside_an_entity_and_logged() -> None:
    panel = Panel(GAPS, "i", "t")
    with pytest.warns(MissingDataWarning, match="2 cells of 'x' .* stay missing"):
        filled = panel.interpolate("x")
    np.testing.assert_allclose(filled.frame["x"], [nan, 1, 2, 5, 6, nan, 1, 2, 3, 4, 5])
    assert filled.imputations.to_dict("records") == [{"column": "x", "entity": "A", "time": 3, "value": 2.0}]
    assert filled.nobs == panel.nobs
    assert panel.imputations.empty
    assert list(panel.imputations.columns) == ["column", "entity", "time", "value"]
    assert filled.subset("t < 9").assign(z=1).imputations.equals(filled.imputations)


def test_extrapolation_is_off_by_default_and_warns() -> None:
    with pytest.warns(MissingDataWarning) as caught:
        filled = Panel(GAPS, "i", "t").interpolate("x", extrapolate=True)
    np.testing.assert_allclose(filled.frame["x"], [1, 1, 2, 5, 6, 6, 1, 2, 3, 4, 5])
    assert len(filled.imputations) == 3
    words = " ".join(str(w.message) for w in caught)
    assert "extrapolate=True fills 2 values" in words
    assert "27% of 'x' is interpolated (3 cells, 1 entity)" in words
    assert "panel.imputations" in words


def test_extrapolation_without_ends_to_fill_is_silent_about_ends() -> None:
    data = GAPS[GAPS["t"].between(2, 7)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Panel(data, "i", "t").interpolate("x", extrapolate=True)
    assert not [w for w in caught if "extrapolate" in str(w.message)]


def test_imputations_leave_with_their_rows() -> None:
    data = pd.DataFrame({"i": [1] * 4 + [2] * 4, "t": [1, 2, 3, 4] * 2, "x": [1, nan, 3, 4, 5, nan, 7, 8]})
    with pytest.warns(MissingDataWarning, match="25% of 'x'"):
        filled = Panel(data, "i", "t").interpolate("x")
    assert len(filled.imputations) == 2
    assert filled.subset("i == 2").imputations["entity"].tolist() == [2]
    assert filled.subset("t > 2").imputations.empty


def test_cells_that_stay_missing_are_counted() -> None:
    data = pd.DataFrame(
        {"i": [1, 1, 1, 1, 2, 2, 3], "t": [1, 2, 3, 4, 1, 2, 1], "x": [nan, 1, nan, 3, nan, nan, 2]}
    )
    with pytest.warns(MissingDataWarning) as said:
        filled = Panel(data, "i", "t").interpolate("x")
    (told,) = (str(w.message) for w in said if "stay missing" in str(w.message))
    assert told.startswith("3 cells of 'x' (2 entities)")
    assert filled.frame["x"].isna().sum() == 3
    with pytest.warns(MissingDataWarning) as said:
        Panel(data, "i", "t").interpolate("x", extrapolate=True)
    (told,) = (str(w.message) for w in said if "stay missing" in str(w.message))
    assert told.startswith("2 cells of 'x' (1 entity)")


def test_interpolating_a_lag_is_told() -> None:
    data = pd.DataFrame(
        {"i": np.repeat([1, 2, 3], 12), "t": np.tile(np.arange(12), 3), "cp": np.arange(36.0)}
    )
    panel = Panel(data, "i", "t").lag("cp")
    with pytest.warns(MissingDataWarning) as caught:
        panel.interpolate("cp_lag1", extrapolate=True)
    assert any(
        "'cp_lag1' equals the lag of 'cp'" in str(w.message) and "drop the first period" in str(w.message)
        for w in caught
    )


def test_interpolation_uses_the_value_of_time_off_the_grid_too() -> None:
    data = pd.DataFrame(
        {"i": [1] * 12, "t": [0, 3, *range(5, 55, 5)], "x": [0.0, nan, 5.0, *range(10, 55, 5)]}
    )
    np.testing.assert_allclose(Panel(data, "i", "t", step=5).interpolate("x").frame["x"].iloc[1], 3.0)
    hours = pd.to_datetime(["2020-01-01 00:00", "2020-01-01 06:00", "2020-01-01 08:00"])
    irregular = pd.DataFrame({"i": 1, "t": hours, "x": [0.0, nan, 8.0]})
    with pytest.warns(MissingDataWarning):
        np.testing.assert_allclose(Panel(irregular, "i", "t").interpolate("x").frame["x"], [0, 6, 8])


def told_of_imputation(data: pd.DataFrame, name: str, **options: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Panel(data, "i", "t").interpolate(name, **options)
    return [str(w.message) for w in caught]


def test_more_than_a_tenth_of_interpolated_cells_is_told() -> None:
    data = pd.DataFrame({"i": np.repeat([1, 2], 10), "t": np.tile(np.arange(10), 2), "x": np.arange(20.0)})
    tenth, more = ({"x": data["x"].where(~data.index.isin(range(3, 3 + n)))} for n in (2, 3))
    assert told_of_imputation(data.assign(**tenth), "x") == []
    assert any("15% of 'x' is interpolated" in said for said in told_of_imputation(data.assign(**more), "x"))


@pytest.mark.parametrize("shared", [2, 3])
def test_a_column_is_a_lag_of_another_by_three_rows_or_more(shared: int) -> None:
    data = pd.DataFrame({"i": 1, "t": np.arange(40), "x": np.arange(40.0) ** 2, "lagged": np.arange(40.0)})
    data["lagged"] = data["x"].shift(1).where(data["t"] <= shared, data["x"] + 0.5)
    data.loc[data["t"] > shared + 1, "x"] = nan
    data.loc[data["t"] == shared + 1, "lagged"] = nan
    data["x"] = data["x"].where(data["t"] <= shared)
    said = told_of_imputation(data, "lagged", extrapolate=True)
    assert any("equals the lag of 'x'" in words for words in said) == (shared == 3)
