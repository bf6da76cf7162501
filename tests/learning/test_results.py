"""Results of double machine learning: runs, ranges, tables."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import digiprosper as dp

linear_model = pytest.importorskip("sklearn.linear_model")


@pytest.fixture(scope="module")
def fit(panel: dp.Panel) -> Any:
    learners = {"ols": linear_model.LinearRegression(), "ridge": linear_model.Ridge()}
    model = dp.PanelDML("y", "d", ["x", "z"], learners=learners, seeds=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return model.fit(panel, rng=1)


def test_medians_and_ranges(fit: Any) -> None:
    assert isinstance(fit, dp.Results)
    by_learner = fit.runs.groupby("learner")["estimate"]
    assert (by_learner.median() == fit.params).all()
    ranges = (by_learner.max() - by_learner.min()) / fit.std_errors
    assert fit.spread["seeds"] == pytest.approx(ranges.to_dict())
    between = np.ptp(fit.params) / np.median(fit.std_errors)
    assert fit.spread["learners"] == pytest.approx(between)
    assert fit.runs["seed"].tolist() == [0, 0, 1, 1, 2, 2]


def test_a_column_per_learner_and_fixed_effects(fit: Any) -> None:
    columns = fit.table_columns()
    estimates = [column.estimates["d"].estimate for column in columns]
    assert [list(column.estimates) for column in columns] == [["d"]] * 4
    assert estimates == fit.comparison["estimate"].tolist()
    text = str(dp.etable(fit))
    assert "medians over 3 seeds" in text
    assert "R2 of the outcome, out of fold" in text
    chinese = str(dp.etable(fit, style=dp.TableStyle(language="zh")))
    assert "双重机器学习" in chinese


def test_summary(fit: Any) -> None:
    text = str(fit.summary())
    assert "Effect of d" in text
    assert "FE, squares and products" in text
    assert "3 seeds" in text


def test_learners_are_tested_against_each_other(fit: Any) -> None:
    test = fit.wald_test("ols = ridge")
    assert 0 <= test.p_value <= 1
    assert np.linalg.eigvalsh(fit.cov).min() >= 0
