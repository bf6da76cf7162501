"""The specification: what it stores, refuses and leaves alone; invariances of a fit."""

from __future__ import annotations

import pickle
import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.errors import DigiprosperError, OptionError, TermError
from tests.dynamic.conftest import balanced, gapped

ESTIMATORS: list[dict[str, Any]] = [
    {"instrument_lags": (2, 3)},
    {"estimator": "system", "instrument_lags": (2, 3)},
    {"transform": "orthogonal", "steps": 1},
    {"endogenous": ["w"], "steps": 1, "collapse": False, "cov_type": "classical"},
    {"estimator": "lsdvc", "reps": 99},
    {"estimator": "half_panel", "reps": 99},
]


def fit(frame: pd.DataFrame, options: dict[str, Any], **keys: str) -> Any:
    x = ["x"] if "endogenous" in options else ["w", "x"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        panel = dp.Panel(frame, keys.get("entity", "i"), keys.get("time", "t"))
        return dp.DynamicPanel("y", x, **options).fit(panel, rng=1)


# --- a value --------------------------------------------------------------------------


def test_mappings_are_stored_as_values() -> None:
    lags, equations = {"y": (2, 3), "w": None}, {"x": "level"}
    spec = dp.DynamicPanel(
        "y",
        ["x"],
        endogenous=["w"],
        estimator="system",
        instrument_lags=lags,
        equations=equations,
    )
    lags["y"] = (9, 9)
    equations.clear()
    assert spec.instrument_lags == (("y", (2, 3)), ("w", None))
    assert spec.lags_of_instruments() == {"y": (2, 3)}
    assert spec.equation_of("x") == "level"
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert hash(spec.replace(steps=1)) != hash(spec)
    assert spec.replace(steps=1).replace(steps=2) == spec
    assert spec.replace(instrument_lags=[np.int64(2), 4]).instrument_lags == (2, 4)


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_predetermined_regressors_have_one_lag_earlier() -> None:
    spec = dp.DynamicPanel("y", predetermined=["w"], endogenous=["v"])
    assert spec.lags_of_instruments() == {
        "y": (2, 5),
        "v": (2, 5),
        "w": (1, 5),
    }
    spec = spec.replace(instrument_lags={"y": (3, 4)})
    assert spec.lags_of_instruments()["y"] == (3, 4)
    assert spec.lags_of_instruments()["w"] == (1, 5)
    # At lag 0 they are correlated with the error before, which is in the difference.
    spec = spec.replace(instrument_lags=(1, 2), estimator="system", endogenous=())
    assert spec.lags_of_instruments() == {"y": (1, 2), "w": (1, 2)}
    spec.replace(steps=1).fit(dp.Panel(balanced(1, entities=30), "i", "t"))


def test_terms_of_all_roles() -> None:
    spec = dp.DynamicPanel("log(y)", ["x"], lags=2, endogenous=["w"])
    assert spec.terms == ("log(y)", "w", "x")
    assert spec.swap("w", "v").endogenous == ("v",)
    assert spec.add("z").x == ("x", "z")


@pytest.mark.many(20)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimator": "gmm"}, "estimator='gmm' is not known"),
        ({"transform": "first"}, "transform='first' is not known"),
        ({"steps": 3}, "steps=3 is not known"),
        ({"h": 4}, "h=4 is not known"),
        ({"lags": 0}, "lags"),
        ({"x": ["lag(y)"]}, "'lag(y)' is among the lags of the outcome"),
        ({"x": ["lag(y, 2)"]}, "set lags instead"),
        ({"x": ["w"], "endogenous": ["w"]}, "'w' is in x and in endogenous"),
        ({"instrument_lags": (0, 2)}, "instrument_lags=(0, 2) must be (first, last)"),
        ({"instrument_lags": (3, 2)}, "1 <= first <= last"),
        ({"instrument_lags": (2, 3, 4)}, "must be (first, last)"),
        ({"instrument_lags": {"z": (2, 3)}}, "'z' cannot be a key"),
        ({"instrument_lags": 2}, "must be a mapping from variables"),
        ({"equations": {"z": "level"}, "estimator": "system"}, "'z' cannot be a key"),
        ({"equations": {"y": "up"}, "estimator": "system"}, "equations='up'"),
        ({"equations": {"y": "level"}}, "there is one equation only"),
        ({"constant": True}, "a constant drops out of differences"),
        ({"estimator": "lsdvc", "lags": 2}, "use one lag, or estimator='half_panel'"),
        ({"estimator": "lsdvc", "steps": 1}, "it is an option of GMM"),
        ({"estimator": "half_panel", "endogenous": ["w"]}, "it is an option of GMM"),
        ({"reps": 10}, "reps"),
    ],
)
def test_options_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises((OptionError, TermError, dp.InputTypeError)) as error:
        dp.DynamicPanel("y", **options)
    assert message in str(error.value)


def test_all_contradictions_are_in_one_error() -> None:
    with pytest.raises(OptionError) as error:
        dp.DynamicPanel("y", estimator="lsdvc", lags=2, h=1, collapse=False)
    names = {problem.data["option"] for problem in error.value.problems}
    assert names == {"lags", "h", "collapse"}


# --- data that cannot be used ---------------------------------------------------------


def test_a_cross_section_and_times_without_steps() -> None:
    frame = gapped(1)
    once = frame.drop_duplicates("i")
    with pytest.raises(DigiprosperError, match="every i has one row"):
        dp.DynamicPanel("y").fit(dp.Panel(once, "i"))
    named = frame.assign(t=frame["t"].map(lambda t: f"year {t}"))
    with pytest.raises(DigiprosperError, match="no order in time"):
        dp.DynamicPanel("y").fit(dp.Panel(named, "i", "t"))


def test_entities_in_several_clusters() -> None:
    frame = gapped(1)
    frame["half"] = frame["t"] > 2003
    with pytest.raises(DigiprosperError, match="whole entities"):
        fit(frame, {"clusters": "half"})
    with pytest.raises(DigiprosperError, match="clusters of one kind"):
        fit(frame, {"clusters": ["i", "region"]})


def test_categories_have_no_lags_as_instruments() -> None:
    frame = gapped(1, entities=30)
    frame["kind"] = np.where(frame["x"] > 0, "a", np.where(frame["w"] > 0, "b", "c"))
    spec = dp.DynamicPanel("y", ["x"], endogenous=["C(kind)"])
    with pytest.raises(TermError, match="makes several columns"):
        spec.fit(dp.Panel(frame, "i", "t"))


# --- invariances ----------------------------------------------------------------------


@pytest.mark.parametrize("options", ESTIMATORS)
def test_order_of_rows_and_labels_of_keys(options: dict[str, Any]) -> None:
    frame = gapped(4, entities=30)
    first = fit(frame, options)
    other = frame.sample(frac=1.0, random_state=1)
    other["name"] = other["i"].map(lambda i: f"entity {i:03d}")
    other["year"] = other["t"] - 1000
    second = fit(other, options, entity="name", time="year")
    np.testing.assert_allclose(first.params, second.params, rtol=1e-9)
    np.testing.assert_allclose(first.std_errors, second.std_errors, rtol=1e-9)


@pytest.mark.parametrize("options", ESTIMATORS)
def test_units_of_outcome_and_regressors(options: dict[str, Any]) -> None:
    frame = gapped(4, entities=30)
    first = fit(frame, options)
    scaled = frame.assign(y=1e4 * frame["y"], x=1e-5 * frame["x"])
    second = fit(scaled, options)
    units = pd.Series({"lag(y)": 1.0, "x": 1e-9, "w": 1e-4, "Intercept": 1e-4})
    units = units[list(first.names)]
    np.testing.assert_allclose(first.params, second.params * units, rtol=1e-6)
    np.testing.assert_allclose(first.std_errors, second.std_errors * units, rtol=1e-6)
    if first.hansen is not None:
        np.testing.assert_allclose(
            [first.hansen.statistic, first.sargan.statistic, *first.ar_tests["z"]],
            [second.hansen.statistic, second.sargan.statistic, *second.ar_tests["z"]],
            rtol=1e-6,
        )


@pytest.mark.parametrize(
    "options",
    [
        {"instrument_lags": {"y": None}, "instruments": ["earlier"]},
        {"estimator": "lsdvc", "reps": 99},
        {"estimator": "half_panel", "reps": 99},
    ],
)
def test_constants_of_entities(options: dict[str, Any]) -> None:
    """They drop out unless levels are instruments."""
    frame = gapped(4, entities=30)
    lagged = frame.set_index(["i", "t"])["y"]
    frame["earlier"] = [
        lagged.get((i, t - 2), np.nan) - lagged.get((i, t - 3), np.nan)
        for i, t in zip(frame["i"], frame["t"], strict=True)
    ]
    moved = frame.assign(y=frame["y"] + 10 * np.sin(frame["i"]))
    first, second = fit(frame, options), fit(moved, options)
    np.testing.assert_allclose(first.params, second.params, rtol=1e-7)


def test_a_constant_added_to_the_outcome_changes_nothing() -> None:
    """With gaps it does, since a missing instrument is zero."""
    frame = balanced(4, entities=30)
    moved = frame.assign(y=frame["y"] + 7)
    for options in ESTIMATORS:
        first, second = fit(frame, options), fit(moved, options)
        terms = [name for name in first.names if name != "Intercept"]
        np.testing.assert_allclose(first.params[terms], second.params[terms], rtol=1e-7)


@pytest.mark.parametrize("first", [8, 9, 20])
def test_lags_beyond_the_first_period_are_no_instruments(first: int) -> None:
    """Seven periods; the difference of the level equation is as far back."""
    options = {"estimator": "system", "instruments": ["lag(x)", "lag(w)"], "steps": 1}
    lags = {"y": (first, first + 1)}
    results = fit(balanced(4, entities=30), {**options, "instrument_lags": lags})
    assert "y" not in set(results.instruments["variable"])


# --- a known truth --------------------------------------------------------------------


@pytest.mark.parametrize("options", ESTIMATORS)
def test_a_known_truth(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    n, periods = 3000, 8
    y, x, w, e = np.zeros((4, n, periods + 20))
    x, w, e = rng.normal(size=(3, n, periods + 20))
    effect = rng.normal(size=n)
    w += 0.5 * e * ("endogenous" in options)
    for t in range(1, periods + 20):
        y[:, t] = 0.5 * y[:, t - 1] + x[:, t] - w[:, t] + effect + e[:, t]
    frame = pd.DataFrame(
        {
            "i": np.repeat(np.arange(n), periods),
            "t": np.tile(np.arange(periods), n),
            **{k: v[:, 20:].ravel() for k, v in {"y": y, "x": x, "w": w}.items()},
        }
    )
    results = fit(frame, options)
    truth = pd.Series({"lag(y)": 0.5, "x": 1.0, "w": -1.0})
    estimates = results.params[truth.index]
    errors = results.std_errors[truth.index]
    # The first-order correction of the half-panel leaves a bias of order 1 / T^2.
    slack = 0.03 if options.get("estimator") == "half_panel" else 0.0
    assert ((estimates - truth).abs() < 4 * errors + slack).all()
    assert (errors < 0.2).all()


def test_public_words_of_settings() -> None:
    spec = dp.DynamicPanel("y", instrument_lags=(2, 4))
    assert re.search(r"two-step, Windmeijer's correction; differences", spec.settings)
    assert "lags as instruments: y 2 to 4, collapsed" in spec.settings
