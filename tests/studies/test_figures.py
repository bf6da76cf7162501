"""What the specification curve draws."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import FixedEffects, Panel, ResultSet
from digiprosper.errors import (
    ColumnError,
    DigiprosperWarning,
    IdentificationError,
    InputTypeError,
    TermError,
)
from digiprosper.studies.figures import read_models, specification_curve

LABELS = {"x": "Digital economy", "a": "Income", "y": "Prosperity", "i": "City"}


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {"i": np.repeat(np.arange(30), 6), "t": np.tile(np.arange(6), 30)}
    )
    for name in ("x", "a", "b", "c", "y", "z"):
        frame[name] = rng.normal(size=180)
    frame["y"] += 0.3 * frame["x"]
    frame["w"] = rng.uniform(1, 2, 180)
    return Panel(frame, "i", "t", labels=LABELS)


@pytest.fixture(scope="module")
def sets(panel: Panel) -> dp.ControlSets:
    return dp.control_sets(FixedEffects("y", ["x"]), panel, ["a", "b", "c"])


@pytest.fixture(scope="module")
def battery(panel: Panel) -> ResultSet:
    base = FixedEffects("y", ["x", "a"])
    models = {
        "base": base,
        "more": base.add("b"),
        "one-way": base.replace(time_effects=False),
        "robust": base.replace(cov_type="robust"),
        "weights": base.replace(obs_weights="w"),
        "other outcome": base.replace(y="z"),
        "lagged": base.swap("x", "lag(x)"),
        "fails": base.add("I(2*a)"),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DigiprosperWarning)
        return dp.fit_all(models, panel)


def drawn(
    models: ResultSet,
    term: Any = None,
    main: Any = None,
    level: float = 0.95,
    **labels: str,
) -> Any:
    return specification_curve(models, term, main, labels, level)


def test_estimates_are_in_order_with_the_candidates_of_each(
    sets: dp.ControlSets,
) -> None:
    curve = drawn(sets)
    assert curve.points["estimate"].is_monotonic_increasing
    assert sorted(curve.points["model"]) == sorted(sets)
    frame = sets.tidy().set_index("model").loc[curve.points["model"]]
    assert curve.points["conf_low"].tolist() == frame["conf_low"].tolist()
    assert curve.points["significant"].tolist() == (frame["p_value"] <= 0.05).tolist()
    assert [choice.name for choice in curve.choices] == ["Income", "b", "c"]
    for choice, name in zip(curve.choices, "abc", strict=True):
        assert choice.made.tolist() == [
            name in sets[label].controls for label in curve.points["model"]
        ]
    assert (curve.name, curve.outcome, curve.heads) == (
        "Digital economy",
        "Prosperity",
        [],
    )
    assert curve.points["model"][curve.main] == "(none)"
    assert curve.main_text == "specification as given"


def test_another_model_is_marked_and_none_where_it_is_not_there(
    sets: dp.ControlSets, panel: Panel
) -> None:
    curve = drawn(sets, main="a + b + c")
    assert curve.points["model"][curve.main] == curve.main_text == "a + b + c"
    some = dp.control_sets(FixedEffects("y", ["x"]), panel, ["a", "b"], size=1)
    assert drawn(some).main is None
    with pytest.raises(ColumnError, match="main='d'"):
        drawn(sets, main="d")


def test_level_and_labels(sets: dp.ControlSets) -> None:
    wide, curve = drawn(sets), drawn(sets, level=0.5, x="Internet", b="Trade")
    assert (curve.points["conf_high"] < wide.points["conf_high"]).all()
    assert (curve.level, curve.name, curve.choices[1].name) == (
        0.5,
        "Internet",
        "Trade",
    )


def test_choices_of_a_battery_are_what_its_models_differ_in(battery: ResultSet) -> None:
    curve = drawn(battery, ["x", "lag(x)"])
    order = curve.points["model"].tolist()
    assert len(order) == 7
    actual = {
        (choice.group, choice.name): {
            label for label, made in zip(order, choice.made, strict=True) if made
        }
        for choice in curve.choices
    }
    every = set(order)
    assert actual == {
        ("regressor", "Digital economy"): every - {"lagged"},
        ("regressor", "lag(Digital economy)"): {"lagged"},
        ("control", "b"): {"more"},
        ("effect", "t"): every - {"one-way"},
        ("outcome", "Prosperity"): every - {"other outcome"},
        ("outcome", "z"): {"other outcome"},
        ("weights", "w"): {"weights"},
        ("errors", "clustered by City"): every - {"robust"},
        ("errors", "HC1"): {"robust"},
    }
    assert curve.outcome == ""
    assert curve.heads == order
    assert curve.main_text == "base"
    assert curve.left_out == ["1 not estimated"]


def test_distances_of_conley_errors_are_choices(panel: Panel) -> None:
    places = {"lat": lambda f: 25 + 0.3 * f.index.codes[0], "lon": 100.0}
    spec = FixedEffects("y", ["x"], cov_type="conley", distance_cutoff=200)
    models = dp.fit_all(
        {"near": spec, "far": spec.replace(distance_cutoff=1000)},
        panel.assign(**places),
    )
    curve = specification_curve(models, "x", None, {}, 0.95)
    assert [(c.group, c.name) for c in curve.choices] == [
        ("errors", "Conley, 200 km"),
        ("errors", "Conley, 1,000 km"),
    ]


def test_labels_name_models_and_terms_that_share_one_keep_their_names(
    battery: ResultSet,
) -> None:
    labels = {
        "x": "数字经济",
        "lag(x)": "数字经济",
        "base": "基准",
        "lagged": "滞后一期",
    }
    curve = specification_curve(battery, ["x", "lag(x)"], None, labels, 0.95)
    order = curve.points["model"].tolist()
    assert curve.heads == [labels.get(model, model) for model in order]
    assert curve.main_text == "基准"
    regressors = [
        choice.name for choice in curve.choices if choice.group == "regressor"
    ]
    assert sorted(regressors) == ["数字经济 (lag(x))", "数字经济 (x)"]


def test_the_first_coefficient_of_the_first_model_is_the_default(
    battery: ResultSet,
) -> None:
    curve = drawn(battery)
    assert len(curve.points) == 6
    assert curve.name == "Digital economy"
    assert curve.left_out == ["1 not estimated", "1 without the coefficient"]


def test_conditions_on_rows_are_choices(panel: Panel) -> None:
    base = FixedEffects("y", ["x"])
    models = {
        "all": base,
        "late": (base, panel.subset("t > 1")),
        "later": base.replace(where="t > 2"),
    }
    curve = drawn(dp.fit_all(models, panel))
    made = {(c.group, c.name): int(np.flatnonzero(c.made)[0]) for c in curve.choices}
    order = curve.points["model"].tolist()
    assert made == {
        ("rows", "t > 1"): order.index("late"),
        ("rows", "t > 2"): order.index("later"),
    }


def test_conditions_on_rows_have_labels_and_words(panel: Panel) -> None:
    base = FixedEffects("y", ["x"])
    models = {"all": base, "some": (base, panel.subset("i not in [1, 2]"))}
    curve = drawn(dp.fit_all(models, panel), i="省份")
    assert [choice.name for choice in curve.choices] == ["省份 not in [1, 2]"]
    texts = {"i": "省份"}
    models = dp.fit_all(models, panel)
    curve = specification_curve(models, None, None, texts, 0.95, "chinese")
    assert [choice.name for choice in curve.choices] == ["省份 不属于 [1, 2]"]


def test_trends_are_not_called_effects(panel: Panel) -> None:
    base = FixedEffects("y", ["x"])
    models = {
        "base": base,
        "trends": base.replace(absorb="i[t]"),
        "slopes": base.replace(absorb="i[b]"),
    }
    choices = drawn(dp.fit_all(models, panel)).choices
    assert {(c.group, c.name) for c in choices} == {
        ("trend", "City × t"),
        ("slope", "City × b"),
    }


def test_random_effects_are_not_called_effects(panel: Panel) -> None:
    from linearmodels.panel import RandomEffects

    rows = panel.frame
    model = RandomEffects(rows["y"], rows[["x", "a"]]).fit()
    base = FixedEffects("y", ["x", "a"], time_effects=False)
    choices = drawn(dp.fit_all({"fixed": base, "random": model}, panel), "x").choices
    assert ("random", "City", [False, True]) in [
        (choice.group, choice.name, sorted(choice.made)) for choice in choices
    ]


def test_missing_estimates_are_counted_and_not_drawn(sets: dp.ControlSets) -> None:
    (label, one), *others = sets.outcomes
    gone = replace(
        one, estimated=replace(one.estimated, coefficients=np.array([np.nan]))
    )
    curve = drawn(replace(sets, outcomes=((label, gone), *others)))
    assert len(curve.points) == 7
    assert curve.main is None
    assert curve.left_out == ["1 without the coefficient"]
    with pytest.raises(IdentificationError, match="no model has a finite estimate"):
        drawn(replace(sets, outcomes=((label, gone),)))


def test_two_names_in_one_model_and_unknown_terms_are_errors(
    battery: ResultSet, sets: dp.ControlSets
) -> None:
    with pytest.raises(TermError, match="'x', 'a'"):
        drawn(battery, ["x", "a"])
    with pytest.raises(ColumnError, match="'q'"):
        drawn(battery, "q")
    with pytest.raises(ColumnError, match="'a'"):
        drawn(sets, "a")
    with pytest.raises(InputTypeError, match="term=3"):
        drawn(sets, 3)


@pytest.mark.parametrize("given", [None, 3, "text", [], {}, {"a": 1}])
def test_other_things_are_refused(given: object) -> None:
    with pytest.raises(InputTypeError, match="what control_sets, fit_all"):
        read_models(given, "test")


def test_nothing_estimated_is_an_error() -> None:
    with pytest.raises(IdentificationError, match="none of the 1 models"):
        read_models(ResultSet((("a", ColumnError("no")),)), "test")
