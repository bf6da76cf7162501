"""What is reported beside the estimates, and what there is to notice."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import digiprosper as dp

linear_model = pytest.importorskip("sklearn.linear_model")


def codes(panel: dp.Panel, **options: Any) -> list[str]:
    learners = {"ols": linear_model.LinearRegression()}
    base = dp.PanelDML("y", "d", ["x", "z"], learners=learners, seeds=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        results = base.replace(**options).fit(panel, rng=1)
    return [notice.code for notice in results.diagnostics]


def test_notices_of_seeds(panel: dp.Panel) -> None:
    assert "few_seeds" in codes(panel)
    assert "few_seeds" not in codes(panel, seeds=20)
    assert "few_seeds" not in codes(panel, folds=None)


def test_learners_that_differ(panel: dp.Panel) -> None:
    both = {"ols": linear_model.LinearRegression(), "no": linear_model.Lasso(1e6)}
    assert {"learners_differ", "useless_learner"} <= set(codes(panel, learners=both))


def test_controls_that_explain_the_treatment(frame: Any) -> None:
    noise = 0.01 * np.random.default_rng(1).normal(size=len(frame))
    panel = dp.Panel(frame.assign(d=frame["x"] + noise), "i", "t")
    assert "nothing_left" in codes(panel)


def test_absorbed_controls_are_named(frame: Any) -> None:
    assert "dropped_absorbed" in codes(
        dp.Panel(frame.assign(z=frame["i"] % 7), "i", "t")
    )


def test_few_clusters(frame: Any) -> None:
    few = frame[frame["i"] < 15]
    assert "very_few_clusters" in codes(dp.Panel(few, "i", "t"))


def test_a_long_dictionary_has_no_fixed_effects_beside(frame: Any) -> None:
    rng = np.random.default_rng(0)
    names = [f"w{k}" for k in range(20)]
    more = {name: rng.normal(size=len(frame)) for name in names}
    panel = dp.Panel(frame.assign(**more), "i", "t")
    lasso = {"lasso": linear_model.Lasso(0.1)}
    spec = dp.PanelDML("y", "d", ["x", *names], learners=lasso, seeds=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        assert list(spec.fit(panel, rng=1).fixed_effects) == ["linear"]
