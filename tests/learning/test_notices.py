"""Notices about double machine learning."""

from __future__ import annotations

import json
from pathlib import Path

from digiprosper.learning import notices


def codes(*told: list) -> list[str]:
    return [notice.code for part in told for notice in part]


def test_limits() -> None:
    assert codes(notices.few_seeds(20, drawn=True)) == []
    assert codes(notices.few_seeds(19, drawn=True)) == ["few_seeds"]
    assert codes(notices.few_seeds(1, drawn=False)) == []
    assert codes(notices.seed_spread("a", 1.0), notices.learners_differ(2.0)) == []
    assert codes(notices.seed_spread("a", 1.01)) == ["seed_spread"]
    assert codes(notices.learners_differ(2.01)) == ["learners_differ"]
    assert (
        codes(notices.nothing_left("a", 0.98), notices.useless_learner("a", 0.1)) == []
    )
    assert codes(notices.nothing_left("a", 0.981)) == ["nothing_left"]
    assert codes(notices.useless_learner("a", 0.0)) == ["useless_learner"]
    assert codes(notices.few_for_learning(39, "i")) == ["few_clusters"]


def test_trees_must_predict_both_better() -> None:
    def told(own: tuple[float, float]) -> list[str]:
        return codes(notices.flexible_learner("a", 120, own, (0.5, 0.5)))

    assert told((0.6, 0.6)) == []
    assert told((0.6, 0.5)) == told((0.5, 0.6)) == ["flexible_learner"]


def measured(table: str) -> list:
    path = Path(__file__).parents[2] / f"docs/measured/{table}.json"
    return list(json.loads(path.read_text(encoding="utf-8")).values())


def test_the_figures_of_weak_instruments_are_those_measured() -> None:
    (notice,) = notices.weak_after_learning("a", 2.0, "z")
    for (row,) in measured("coverage_of_learning_with_an_instrument"):
        said = f"F of {row['F']}, coverage {row['coverage']}"
        assert (said in notice.message) == (row["instrument"] == "weak")


def test_the_figures_of_the_refusal_are_those_measured() -> None:
    tables = measured("dml_with_31_provinces")
    cells = {
        (row["controls"], row["estimator"]): f"{row['bias']} and {row['coverage']}"
        for rows in tables
        for row in rows
    }
    said = notices.few_for_trees("a", 31).message
    for estimator in ("difference, forest", "dictionary, lasso"):
        for form in ("linear", "quadratic"):
            assert cells[form, estimator] in said
