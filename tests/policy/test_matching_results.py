"""Results of matching: text, table, dict and pickles."""

from __future__ import annotations

import dataclasses
import json
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.report.summary import Summary


@pytest.fixture(scope="module")
def matching() -> dp.Matching:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"city": np.arange(120), "size": rng.normal(size=120), "age": rng.normal(size=120)})
    frame["policy"] = (rng.uniform(size=120) < 1 / (1 + np.exp(1 - frame["size"]))).astype(int)
    panel = dp.Panel(frame, "city", labels={"size": "City size"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return dp.match_entities(panel, "policy", ["size", "I(age ** 2)"])


def test_the_summary_has_the_balance_and_who_is_left_out(matching) -> None:
    text = matching.summary()
    assert "I(age ** 2)" in text
    assert f"matched {matching.n_matched:,}" in text
    assert max(map(len, text.splitlines())) <= 80
    assert matching._repr_html_().count("<table") == 1


def test_the_support_counts_entities(matching) -> None:
    support = matching.support.set_index("group")
    entities = matching.entities
    assert support["n"].to_dict() == {"treated": matching.n_treated, "control": matching.n_control}
    assert support.loc["treated", "matched"] == matching.n_matched
    assert support.loc["control", "matched"] == matching.n_used
    assert support.loc["control", "max"] == entities.loc[~entities["treated"], "score"].max()
    treated = entities[entities["treated"]]
    inside = treated["score"].between(support.loc["control", "min"], support.loc["control", "max"])
    assert support.loc["treated", "on_support"] == inside.sum()


def test_etable_prints_the_balance(matching) -> None:
    text = str(dp.etable(matching))
    assert "City size" in text
    assert "Std. diff., after" in text
    assert f"{matching.n_used:,} after it" in text
    assert "<table" in dp.etable(matching)._repr_html_()


@pytest.mark.parametrize("caliper", [None, 0.05])
@pytest.mark.parametrize("replace", [False, True])
def test_a_chinese_table_has_heads_and_note_in_chinese(matching, caliper, replace) -> None:
    found = dataclasses.replace(matching, caliper=caliper, replace=replace)
    table = dp.etable(found, style=dp.TableStyle("zh"))
    assert table.frame.columns.tolist()[:2] == ["处理组，匹配前", "对照组，匹配前"]
    assert f"分别为{found.n_matched}个和{found.n_used}个" in table.notes[0]
    assert ("卡尺0.05" in table.notes[0]) is (caliper is not None)
    assert ("有放回" in table.notes[0]) is replace


def test_pickles_and_dicts_give_it_back(matching) -> None:
    again = pickle.loads(pickle.dumps(matching))
    assert again.summary() == matching.summary()
    pd.testing.assert_series_equal(again.weights, matching.weights)
    stored = json.loads(json.dumps(matching.to_dict()))
    assert stored["type"] == "Matching"
    assert stored["n_matched"] == matching.n_matched
    assert stored["balance"][0]["std_diff_after"] == pytest.approx(matching.balance["std_diff_after"][0])
    assert Summary.from_dict(stored).to_text() == matching.summary()


def test_effective_controls_are_the_squared_sum_of_weights_over_the_sum_of_squares(matching) -> None:
    control = matching.entities.loc[~matching.entities["treated"], "weight"].dropna()
    assert matching.effective_controls == pytest.approx(control.sum() ** 2 / (control**2).sum())
    assert matching.effective_controls <= matching.n_used
