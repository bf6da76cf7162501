"""What results of an IV mediation say: summary, plain data, copies."""

from __future__ import annotations

import json
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

from digiprosper import EffectResults, Panel, etable
from digiprosper.mediation.mediation import MediationIV
from digiprosper.report.protocol import HasDraws, Results
from digiprosper.report.text import last_lines


@pytest.fixture(scope="module")
def results():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"city": np.repeat(np.arange(50), 6), "year": np.tile(np.arange(6), 50)}
    )
    z, u, v, *noise = rng.normal(size=(6, 300))
    frame["rail"], frame["trade"] = z, z + u + noise[0]
    frame["skill"] = 0.6 * frame["trade"] + 2 * u + v + noise[1]
    frame["wage"] = 0.3 * frame["trade"] + 0.5 * frame["skill"] - v + noise[2]
    spec = MediationIV("wage", "trade", "skill", "rail", reps=199)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return spec.fit(
            Panel(frame, "city", "year", labels={"wage": "Wage (USD)"}), rng=1
        )


def test_protocol(results) -> None:
    assert isinstance(results, EffectResults)
    assert isinstance(results, Results)
    assert isinstance(results, HasDraws)
    assert (results.treatment, results.mediator, results.instrument) == (
        "trade",
        "skill",
        "rail",
    )
    assert results.glance()["model"] == "MediationIV"
    assert results.glance()["depvar"] == "wage"
    assert list(results.params.index[:4]) == [
        "total",
        "direct",
        "indirect",
        "indirect:skill",
    ]
    assert list(results.params.index[4:]) == ["a", "b", "proportion_mediated"]


@pytest.mark.parametrize("method", ["percentile", "delta", "bc"])
def test_intervals_hold_the_estimates(results, method) -> None:
    frame = results.interval(method)
    assert (
        (frame["conf_low"] < frame["estimate"])
        & (frame["estimate"] < frame["conf_high"])
    ).all()


def test_summary_names_both_stages(results) -> None:
    text = results.summary()
    lines = text.splitlines()
    assert lines[0] == "IV mediation: trade -> skill -> wage, instrument rail"
    assert max(len(line) for line in lines) <= 80
    flat = " ".join(line.strip() for line in lines)
    for stage in results.first_stage["F"]:
        assert f"{stage:.4g} for" in flat
    assert "trade on rail (p <0.001)" in flat
    assert "skill on rail given trade" in flat
    assert text.endswith("\n".join(last_lines(results.conventions, results.settings)))
    assert repr(results) == text


def test_plain_data(results) -> None:
    data = json.loads(json.dumps(results.to_dict()))
    assert data["type"] == "MediationIVResults"
    assert data["instrument"] == "rail"
    assert data["first_stage"]["x on z"]["F"] == pytest.approx(
        results.first_stage.loc["x on z", "F"]
    )
    assert list(data["paths"]) == list(results.paths)
    assert data["labels"] == {"wage": "Wage (USD)"}


def test_callers_get_copies(results) -> None:
    stages = results.first_stage
    stages.loc["x on z", "F"] = 0.0
    results.paths.clear()
    assert results.first_stage.loc["x on z", "F"] > 0
    assert len(results.paths) == 5
    assert pickle.loads(pickle.dumps(results)).params.equals(results.params)


def test_table_has_a_column(results) -> None:
    table = etable([results, results.paths["x on z"]])
    assert "199 bootstrap draws" in " ".join(table.notes)
