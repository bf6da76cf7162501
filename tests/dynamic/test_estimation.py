"""Rows on the grid of entities and periods, lags of the outcome, and dummies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import digiprosper as dp
from digiprosper.dynamic import estimation
from digiprosper.dynamic.kernel import transformed
from digiprosper.errors import IdentificationError
from tests.dynamic.conftest import gapped

LSDVC = {"estimator": "lsdvc"}
pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")


def test_rows_stand_at_their_entity_and_period() -> None:
    frame = gapped(1)
    spec = dp.DynamicPanel("y", ["x"], endogenous=["w"], instruments=["lag(x)"])
    data = estimation.prepare_panel(spec, dp.Panel(frame, "i", "t"))
    assert data.names[: data.n_regressors] == ("lag(y)", "w", "x")
    indexed = frame.set_index(["i", "t"])
    entities = data.prepared.sample.entities
    first = int(frame["t"].min())
    assert data.complete.shape[1] == frame["t"].max() - first + 1
    for i, t in np.ndindex(*data.complete.shape):
        key, before = (entities[i], first + t), (entities[i], first + t - 1)
        value = indexed["y"].get(key, np.nan)
        np.testing.assert_equal(data.variables["y"][i, t], value)
        row = [value, indexed["y"].get(before, np.nan)]
        row += [indexed["w"].get(key, np.nan), indexed["x"].get(key, np.nan)]
        also = indexed["x"].get(before, np.nan)
        assert data.complete[i, t] == np.isfinite([*row, also]).all()
        expected = row if data.complete[i, t] else np.zeros(4)
        np.testing.assert_array_equal(data.columns[i, t, :4], expected)
        if data.complete[i, t]:
            assert data.variables["lag(x)"][i, t] == also
            assert data.periods[t] == str(first + t)


def test_values_before_the_first_complete_row_are_instruments() -> None:
    frame = gapped(1, entities=30)
    late = frame.assign(x=frame["x"].where(frame["t"] > 2003))
    spec = dp.DynamicPanel("y", ["x"], steps=1, instrument_lags=(2, None))
    fit = spec.fit(dp.Panel(late, "i", "t"))
    # Differences are those of 2005 and 2006, and y is there from 2000 on.
    lags = fit.instruments.query("variable == 'y'")["lag"]
    assert lags.max() == 6


def test_a_large_grid_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(estimation, "_MOST_CELLS", 100)
    with pytest.raises(IdentificationError, match="pass the step of time"):
        dp.DynamicPanel("y").fit(dp.Panel(gapped(1), "i", "t"))


@pytest.mark.parametrize("name", ["GDP (bn)", "gdp:total", "a b:c", "gdp"])
def test_lags_are_of_the_column_whatever_signs_its_name_has(name: str) -> None:
    frame = gapped(1, entities=30)
    plain = dp.DynamicPanel("y", ["x"]).fit(dp.Panel(frame, "i", "t"))
    renamed = dp.Panel(frame.rename(columns={"y": name}), "i", "t")
    fit = dp.DynamicPanel(name, ["x"], lags=1).fit(renamed)
    np.testing.assert_array_equal(fit.params, plain.params)
    assert fit.persistence == plain.persistence
    with pytest.raises(dp.TermError, match="is among the lags of the outcome"):
        dp.DynamicPanel(name, fit.lag_names).fit(renamed)


def test_lags_of_a_term_are_written_around_it() -> None:
    lags = estimation._lag_terms("log(`a b:c`)", 2, ["a b:c"])
    assert lags == ("lag(log(`a b:c`))", "lag(log(`a b:c`), 2)")


def test_an_equation_of_a_category_is_that_of_all_its_columns() -> None:
    frame = gapped(1, entities=30)
    frame["late"], frame["x[1]"] = np.where(frame["t"] > 2003, "yes", "no"), 1.0
    frame["x[1]"] *= frame["x"] ** 2
    spec = dp.DynamicPanel(
        "y",
        estimator="system",
        time_effects=False,
        instruments=["C(late)", "w:C(late)", "x", "`x[1]`"],
        equations={"C(late)": "level", "w:C(late)": "difference", "`x[1]`": "level"},
    )
    instruments = spec.fit(dp.Panel(frame, "i", "t")).instruments.query("lag.isna()")
    assert instruments.set_index("variable")["equation"].to_dict() == {
        "C(late)[T.yes]": "level",
        "w:C(late)[no]": "difference",
        "w:C(late)[yes]": "difference",
        "x": "both",
        "x[1]": "level",
        "Intercept": "level",
    }


@pytest.mark.parametrize("options", [{}, {"transform": "orthogonal"}, LSDVC])
def test_dummies_are_as_many_as_are_independent(options: dict[str, Any]) -> None:
    """Nobody has a row in 2004."""
    frame = gapped(1, entities=30, periods=9)
    spec = dp.DynamicPanel("y", ["x"], **options)
    panel = dp.Panel(frame[frame["t"] != 2004], "i", "t")
    data = estimation.prepare_panel(spec, panel)
    rows = np.flatnonzero(data.complete.any(axis=0))[1:]
    every = np.eye(data.complete.shape[1])[:, rows] * data.complete[..., None]
    transform = "within" if options == LSDVC else spec.transform
    values, present = transformed(every, data.complete, transform)
    rank = np.linalg.matrix_rank(values[present])
    assert len(data.dummies) == data.columns.shape[2] - 3 == rank
    assert rank < len(rows) or transform != "difference"
