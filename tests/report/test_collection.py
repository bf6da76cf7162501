"""A result set is a frozen mapping of what was estimated, with the failures beside."""

from __future__ import annotations

import pickle
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from digiprosper import (
    CompositeIndex,
    FixedEffects,
    IndicatorSystem,
    Panel,
    PanelThreshold,
    ResultSet,
    datasets,
    fit_all,
)
from digiprosper.errors import (
    CollinearityError,
    ColumnError,
    InputTypeError,
    OptionError,
    TermError,
)


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(400, 3)), columns=["y", "x", "z"])
    data["y"] += 3 * data["x"] * (data["z"] > 0.2)
    return Panel(
        data.assign(i=np.repeat(np.arange(50), 8), t=np.tile(np.arange(8), 50)),
        "i",
        "t",
    )


@pytest.fixture(scope="module")
def models(panel: Panel) -> ResultSet:
    base = FixedEffects("y", ["x"])
    return fit_all(
        {
            "base": base,
            "bad": base.add("I(x*2)"),
            "more": base.add("z"),
            "split": PanelThreshold("y", ["x"], "z", bootstrap=None),
        },
        panel,
        rng=0,
    )


def test_the_mapping_shows_the_successes_in_order(models: ResultSet) -> None:
    assert isinstance(models, Mapping)
    assert models.labels == ("base", "bad", "more", "split")
    assert list(models) == ["base", "more", "split"]
    assert len(models) == 3
    assert "bad" not in models
    assert models["base"].nobs == 400
    assert list(models.failures) == ["bad"]
    assert isinstance(models.failures["bad"], CollinearityError)
    assert "not estimated: 'bad': " in repr(models)


def test_a_failure_is_no_key_and_says_why(models: ResultSet) -> None:
    assert models.get("bad") is None
    with pytest.raises(
        ColumnError, match=r"'bad' was not estimated.*collinear with"
    ) as caught:
        models["bad"]
    assert caught.value.__cause__ is models.failures["bad"]
    assert caught.value.problems == models.failures["bad"].problems
    with pytest.raises(KeyError, match="'base', 'bad', 'more'"):
        models["nothing"]


def test_frozen(models: ResultSet) -> None:
    with pytest.raises(AttributeError):
        models.outcomes = ()  # type: ignore[misc]
    with pytest.raises(TypeError):
        models["base"] = 1  # type: ignore[index]


def test_tidy_puts_the_model_first(models: ResultSet) -> None:
    out = models.tidy()
    assert out.columns.tolist() == [
        "model",
        "term",
        "estimate",
        "std_error",
        "statistic",
        "p_value",
        "conf_low",
        "conf_high",
    ]
    assert out["model"].tolist() == ["base", "more", "more", "split", "split"]
    narrow = models.tidy(0.5)
    assert (narrow["conf_high"] < out["conf_high"]).all()
    pd.testing.assert_frame_equal(
        out[out["model"] == "more"].drop(columns="model").reset_index(drop=True),
        models["more"].tidy(),
    )


def test_compare_finds_a_product_whatever_the_order_of_its_factors() -> None:
    base = FixedEffects("log(gsp)", ["log(pc)", "unemp"])
    battery = {name: base.add(name) for name in ("log(pc):unemp", "unemp:log(pc)")} | {
        "none": base
    }
    models = fit_all(battery, datasets.us_states())
    for name in ("log(pc):unemp", "unemp:log(pc)"):
        actual = models.compare(name)
        assert actual["model"].tolist() == ["log(pc):unemp", "unemp:log(pc)"]
        assert actual["estimate"].iloc[0] == pytest.approx(actual["estimate"].iloc[1])


def test_compare(models: ResultSet) -> None:
    out = models.compare("x")
    assert out["model"].tolist() == ["base", "more"]
    assert out["nobs"].tolist() == [400, 400]
    assert out["estimate"].tolist() == [
        models["base"].params["x"],
        models["more"].params["x"],
    ]
    with pytest.raises(ColumnError, match="'w'"):
        models.compare("w")


def test_one_quantity_under_several_names(panel: Panel) -> None:
    base = FixedEffects("y", ["x"])
    out = fit_all(
        {"base": base, "lagged": base.swap("x", "lag(x)"), "z": base.swap("x", "z")},
        panel,
    )
    actual = out.compare(["x", "lag(x)"])
    assert actual.columns[:3].tolist() == ["model", "term", "estimate"]
    assert actual["model"].tolist() == ["base", "lagged"]
    assert actual["term"].tolist() == ["x", "lag(x)"]
    assert actual["estimate"].tolist() == [
        out["base"].params["x"],
        out["lagged"].params["lag(x)"],
    ]
    assert actual["nobs"].tolist() == [400, 350]
    assert out.compare(("x", "z"))["model"].tolist() == ["base", "z"]


def test_a_model_with_two_of_the_names_is_an_error(models: ResultSet) -> None:
    with pytest.raises(TermError, match="the model 'more' has 'x', 'z'") as caught:
        models.compare(["x", "z"])
    assert caught.value.problems[0].data == {"model": "more", "terms": ("x", "z")}


def test_a_name_that_no_model_has_is_an_error_beside_others(models: ResultSet) -> None:
    with pytest.raises(
        ColumnError, match="the term 'lag\\(x\\)'; the terms are 'x', 'z'"
    ):
        models.compare(["x", "lag(x)"])


@pytest.mark.parametrize("term", [[], 3, None, ["x", 3], {"x"}])
def test_what_names_no_term_is_an_error(models: ResultSet, term: object) -> None:
    with pytest.raises(InputTypeError, match="the name of a coefficient or a list"):
        models.compare(term)  # type: ignore[arg-type]


def test_items_and_values_are_those_of_the_keys(models: ResultSet) -> None:
    assert list(models.items()) == [(label, models[label]) for label in models]
    assert list(models.values()) == [models[label] for label in models]


def test_an_index_has_no_terms(panel: Panel) -> None:
    index = CompositeIndex(IndicatorSystem.from_dict({"": {"x": "+", "z": "+"}}))
    models = fit_all({"index": index, "base": FixedEffects("y", ["x"])}, panel)
    assert models.tidy()["model"].tolist() == ["base"]
    assert models.compare("x")["nobs"].tolist() == [400]
    assert fit_all({"index": index}, panel).tidy().empty


def test_nothing_estimated() -> None:
    empty = ResultSet((("a", ColumnError("no")),))
    assert len(empty) == 0
    assert empty.tidy().empty
    with pytest.raises(ColumnError, match="'x'"):
        empty.compare("x")


def test_pickles(models: ResultSet) -> None:
    other = pickle.loads(pickle.dumps(models))
    assert other.labels == models.labels
    assert str(other.failures["bad"]) == str(models.failures["bad"])
    pd.testing.assert_frame_equal(other.tidy(), models.tidy())


def test_models_without_effects_have_no_rows(models: ResultSet) -> None:
    assert models.effects_table().empty
    with pytest.raises(
        ColumnError, match="no model has the term 'x'; the terms are none"
    ):
        models.compare("x", kind="indirect")


@pytest.mark.parametrize("kind", ["spillover", 3, ["direct"]])
def test_the_kind_of_an_effect_is_one_of_three(models: ResultSet, kind: str) -> None:
    with pytest.raises(OptionError, match="direct"):
        models.compare("x", kind=kind)


def test_a_mapping_and_results_of_other_packages(panel: Panel) -> None:
    """A result that is not read as ours would be left out without a word."""
    from statsmodels.formula.api import ols

    ours = FixedEffects("y", ["x"]).fit(panel)
    theirs = ols("y ~ x", panel.frame).fit()
    models = ResultSet({"ours": ours, "theirs": theirs})  # type: ignore[arg-type]
    assert models.labels == ("ours", "theirs")
    table = models.compare("x")
    assert table["model"].tolist() == ["ours", "theirs"]
    assert table["estimate"][1] == pytest.approx(theirs.params["x"])


@pytest.mark.parametrize("outcomes", [3, [1, 2], "ab", None])
def test_what_is_no_pairs_is_refused(outcomes: object) -> None:
    with pytest.raises(InputTypeError, match="pairs of a label and a result"):
        ResultSet(outcomes)  # type: ignore[arg-type]
