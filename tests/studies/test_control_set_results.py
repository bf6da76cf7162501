"""What is told of estimates beside all sets of controls, against the same by hand."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, Panel
from digiprosper.errors import CollinearityError, DigiprosperWarning, OptionError
from digiprosper.report.summary import Summary
from digiprosper.studies.control_set_results import (
    ControlSample,
    ControlSets,
    set_label,
)

NUMBERS = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]


def make(**options: Any) -> ControlSets:
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(
        {"city": np.repeat(np.arange(30), 6), "year": np.tile(np.arange(6), 30)}
    )
    for name in ("x", "a", "b", "c", "y"):
        frame[name] = rng.normal(size=180)
    frame["x"] += frame["a"]
    frame["y"] += 0.3 * frame["x"] - 0.5 * frame["a"]
    frame["double"] = 2 * frame["c"]
    labels = {"x": "Digital economy", "y": "Prosperity"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        spec, panel = (
            FixedEffects("y", ["x"], **options),
            Panel(frame, "city", "year", labels=labels),
        )
        return dp.control_sets(spec, panel, ["a", "b", "c", "double"])


@pytest.fixture(scope="module")
def results() -> ControlSets:
    return make()


def test_labels() -> None:
    assert set_label(()) == "(none)"
    assert set_label(("a", "log(b)")) == "a + log(b)"


def test_the_frame_has_one_row_an_estimated_set(results: ControlSets) -> None:
    frame = results.frame
    assert frame.columns.tolist() == [
        "model",
        "controls",
        "n_controls",
        *NUMBERS,
        "nobs",
    ]
    assert (len(frame), len(results.failures), len(results.labels)) == (12, 4, 16)
    assert frame["model"].tolist() == list(results)
    assert frame["controls"][0] == ()
    assert frame["controls"][frame["model"] == "a + b"].item() == ("a", "b")
    assert (frame["nobs"] == 180).all()
    assert (
        results.included.loc[frame["model"]].sum(axis=1).tolist()
        == frame["n_controls"].tolist()
    )


def test_tidy_stacks_the_models(results: ControlSets) -> None:
    for level in (0.95, 0.5):
        stacked = pd.concat(
            [one.tidy(level).assign(model=label) for label, one in results.items()]
        )
        expected = stacked[["model", "term", *NUMBERS]].reset_index(drop=True)
        pd.testing.assert_frame_equal(results.tidy(level), expected, rtol=1e-14)
    with pytest.raises(OptionError, match="level"):
        results.tidy(95)


def test_compare_and_mapping(results: ControlSets) -> None:
    out = results.compare("x")
    assert out["model"].tolist() == list(results.keys())
    assert out["nobs"].tolist() == [180] * 12
    assert [one.estimate for one in results.values()] == out["estimate"].tolist()
    assert isinstance(results.failures["c + double"], CollinearityError)


def test_the_distribution_by_hand(results: ControlSets) -> None:
    frame, told = results.frame, results.distribution()
    b, significant = frame["estimate"], frame["p_value"] <= 0.05
    assert told["n_sets"] == 16
    assert told["n_estimated"] == 12
    np.testing.assert_allclose(
        told[["min", "q25", "median", "q75", "max"]],
        b.quantile([0, 0.25, 0.5, 0.75, 1]),
    )
    assert told["positive"] == (b > 0).mean()
    assert told["negative"] == (b < 0).mean()
    assert told["positive_significant"] == ((b > 0) & significant).mean()
    assert told["negative_significant"] == ((b < 0) & significant).mean()
    assert 0 < told["positive_significant"] < 1
    assert 0 < told["negative"] < 1
    strict = results.distribution(0.9999)
    assert (
        strict["positive_significant"]
        == ((b > 0) & (frame["p_value"] <= 0.0001)).mean()
    )


def test_each_control_by_hand(results: ControlSets) -> None:
    frame, told = results.frame, results.by_control()
    assert told.index.tolist() == ["a", "b", "c", "double"]
    inside = np.array(["a" in names for names in frame["controls"]])
    counts = (frame["estimate"] > 0) & (frame["p_value"] <= 0.05)
    row = told.loc["a"]
    assert row["n_with"] == 6
    assert row["median_with"] == frame["estimate"][inside].median()
    assert row["median_without"] == frame["estimate"][~inside].median()
    assert row["significant_with"] == counts[inside].mean()
    assert row["significant_without"] == counts[~inside].mean()


def test_the_summary_tells_the_distribution_and_what_p_is_not(
    results: ControlSets,
) -> None:
    text = results.summary()
    assert text == repr(results)
    assert "Estimates of x beside 16 sets of 4 candidate controls" in text
    assert "4 sets not estimated, such as 'c + double'" in text
    assert "None allows for a choice among the sets" in " ".join(text.split())
    row = next(line for line in text.splitlines() if line.startswith("Median"))
    assert float(row.split()[1]) == pytest.approx(
        results.distribution()["median"], rel=1e-4
    )
    assert "All candidates" not in text  # that model was not estimated
    assert "No candidate" in text
    assert max(map(len, text.splitlines())) <= 80


def test_degrees_of_freedom_that_differ_are_said() -> None:
    robust = make(cov_type="robust")
    assert robust["(none)"].df_t == robust["a"].df_t + 1
    assert "degrees of freedom of t fall with each control" in robust.summary()
    assert (
        robust["a"].glance()["df_t"] == robust["a"].df_t == robust["a"].inference.df_t
    )


def test_a_control_that_is_in_every_set_has_no_sets_without() -> None:
    actual = make()
    common = actual.common
    both = [(label, one) for label, one in actual.outcomes if label in ("a", "a + b")]
    some = ControlSets(
        tuple(both), ("a", "b"), actual.included.loc[["a", "a + b"], ["a", "b"]], common
    )
    told = some.by_control()
    assert np.isnan(told.loc["a", "median_without"])
    assert told.loc["b", "n_with"] == 1
    assert "nan" not in some.summary()


def test_nothing_estimated(results: ControlSets) -> None:
    failed = tuple((label, error) for label, error in results.failures.items())
    none = ControlSets(
        failed,
        results.candidates,
        results.included.loc[list(results.failures)],
        results.common,
    )
    assert none.tidy().empty
    assert none.distribution()["n_estimated"] == 0
    assert np.isnan(none.distribution()["median"])
    assert "4 sets not estimated" in none.summary()
    assert none.to_dict()["sets"] == []


def test_one_set_answers_what_every_result_does(results: ControlSets) -> None:
    one = results["a + b"]
    assert isinstance(one, dp.Results)
    assert one.params.to_dict() == {"x": one.estimate}
    assert one.std_errors["x"] ** 2 == one.cov.loc["x", "x"]
    assert one.glance()["rsquared"] is None
    assert one.glance()["depvar"] == "y"
    assert "Controls: a + b" in one.summary()
    again = Summary.from_dict(json.loads(json.dumps(one.to_dict())))
    assert again.params.to_dict() == {"x": pytest.approx(one.estimate)}
    assert again.to_text() == one.summary()


def test_a_table_has_a_column_a_set(results: ControlSets) -> None:
    table = dp.etable(results)
    text = str(table)
    assert "Digital economy" in text
    assert "a + b" in text
    assert f"{results['a + b'].estimate:.3f}" in text
    assert "16 sets of 4 candidate controls on the same rows" in " ".join(text.split())
    assert list(dp.etable(results["a + b"]).frame.columns) == ["a + b"]
    chinese = f"{len(results.candidates)}个候选控制变量的{len(results.outcomes)}种组合"
    notes = dp.etable(results, style=dp.TableStyle("zh")).notes
    assert [note.startswith(chinese) for note in notes].count(True) == 1
    assert results.note not in notes
    assert results["a"].table_columns()[0].keys == results.common.key_names
    alone = str(dp.etable({"with a": results["a"]}))
    assert "with a" in alone
    assert "180" in alone


def test_dicts_and_pickles_come_back(results: ControlSets) -> None:
    stored = json.loads(json.dumps(results.to_dict()))
    assert stored["type"] == "ControlSets"
    assert len(stored["sets"]) == 12
    assert set(stored["failures"]) == set(results.failures)
    assert Summary.from_dict(stored).to_text() == results.summary()
    for other in (pickle.loads(pickle.dumps(results)), copy.deepcopy(results)):
        pd.testing.assert_frame_equal(other.frame, results.frame)
        pd.testing.assert_frame_equal(other.included, results.included)
        assert isinstance(other.common, ControlSample)
        assert other.summary() == results.summary()
        assert list(other.failures) == list(results.failures)
