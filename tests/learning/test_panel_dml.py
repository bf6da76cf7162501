"""Double machine learning: numbers of doubleml, identities, invariances, refusals."""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.learning.panel_dml import (
    about_estimates,
    draw_folds,
    is_flexible,
    is_unpenalised,
    prepare_learning,
    read_learners,
    seed_names,
    seeded,
)

pytest.importorskip("sklearn")

from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.linear_model import Lasso, LassoCV, LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeRegressor

OLS: dict[str, Any] = {"ols": LinearRegression()}
RIDGE: dict[str, Any] = {"ridge": make_pipeline(StandardScaler(), Ridge())}
LONGER = "2SLS, squares and products"
QUADRATIC = ["I(x**2)", "I(z**2)", "x:z"]
TREE = DecisionTreeRegressor()


def spec(**options: Any) -> dp.PanelDML:
    base: dict[str, Any] = {"controls": ["x", "z"], "learners": OLS, "seeds": 2}
    return dp.PanelDML("y", "d", **{**base, **options})


def fit(data: dp.Panel, **options: Any) -> dp.DMLResults:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec(**options).fit(data, rng=1)


# --- outside numbers ------------------------------------------------------------------

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
FILES = ("cases/dml_panel_60x8.csv", "cases/dml_folds_60.csv")
# doubleml 0.11.4, DoubleMLPLPR with the folds of the file: estimate, standard error
DOUBLEML = {
    "within": (0.8596176179191187, 0.0702198516181509),
    "mundlak": (0.8596176179191187, 0.0702198516181509),
    "difference": (0.9692328459494609, 0.0855973032532741),
}
# doubleml 0.11.4, DoubleMLPLIV of demeaned columns, with x2 as instrument
WITH_INSTRUMENT = (2.8618505262849903, 0.3598912225051193)
WITHOUT_FOLDS = {
    "within": 0.8556043793838829,
    "mundlak": 0.8556043793838829,
    "difference": 0.9527437849248012,
}


def of_doubleml(**options: Any) -> tuple[dp.PanelDML, dp.Panel]:
    frame, folds = (pd.read_csv(SHARED / name) for name in FILES)
    model = dp.PanelDML(
        "y",
        "d",
        ["x1", "x2", "x3"],
        **{
            "learners": OLS,
            "folds": folds.set_index("id")["fold"],
            "time_effects": False,
            "ssc": "none",
            **options,
        },
    )
    return model, dp.Panel(frame, "id", "t")


@pytest.mark.data(*FILES)
@pytest.mark.parametrize("transform", DOUBLEML)
def test_doubleml(transform: Any) -> None:
    model, data = of_doubleml(transform=transform)
    ours = model.fit(data)
    actual = (ours.params["ols"], ours.std_errors["ols"])
    np.testing.assert_allclose(actual, DOUBLEML[transform], rtol=1e-10)
    whole = model.replace(folds=None).fit(data).params["ols"]
    assert whole == pytest.approx(WITHOUT_FOLDS[transform], rel=1e-10)
    corrected = model.replace(ssc="G/(G-1)").fit(data).std_errors["ols"]
    assert corrected == pytest.approx(DOUBLEML[transform][1] * np.sqrt(60 / 59))


@pytest.mark.data(*FILES)
def test_doubleml_with_an_instrument() -> None:
    model, data = of_doubleml(transform="within")
    with pytest.warns(dp.IdentificationWarning, match="no better than its mean"):
        ours = model.replace(controls=["x1", "x3"], instrument="x2").fit(data)
    actual = (ours.params["ols"], ours.std_errors["ols"])
    np.testing.assert_allclose(actual, WITH_INSTRUMENT, rtol=1e-10)


# --- identities -----------------------------------------------------------------------


@pytest.mark.parametrize("gaps", [False, True])
def test_least_squares_without_folds_is_fixed_effects(frame: Any, gaps: bool) -> None:
    data = dp.Panel(frame.drop(index=[3, 50, 51, 200]) if gaps else frame, "i", "t")
    by_terms = dp.FixedEffects("y", ["d", "x", "z", *QUADRATIC]).fit(data).params["d"]
    ours = fit(data, folds=None)
    assert ours.params["ols"] == pytest.approx(by_terms, abs=1e-10)
    beside = ours.fixed_effects
    assert beside["dictionary"].params["d"] == pytest.approx(by_terms, abs=1e-10)
    linear = dp.FixedEffects("y", ["d", "x", "z"]).fit(data)
    assert beside["linear"].params["d"] == pytest.approx(linear.params["d"], abs=1e-12)
    for options in ({"degree": 1}, {"transform": "within"}):
        whole = fit(data, folds=None, **options).params["ols"]
        assert whole == pytest.approx(linear.params["d"], abs=1e-10)


def test_means_by_entity_and_period_are_two_way_effects(panel: dp.Panel) -> None:
    """In a balanced panel (Wooldridge 2021)."""
    linear = dp.FixedEffects("y", ["d", "x", "z"]).fit(panel).params["d"]
    ours = fit(panel, folds=None, transform="mundlak").params["ols"]
    assert ours == pytest.approx(linear, abs=1e-10)


@pytest.mark.parametrize("gaps", [False, True])
def test_an_instrument_and_least_squares_are_two_stages(frame: Any, gaps: bool) -> None:
    instrument = frame.d + np.random.default_rng(6).normal(size=len(frame))
    rows = frame.assign(w=instrument).drop(index=[3, 50, 51, 200] if gaps else [])
    data = dp.Panel(rows, "i", "t")
    by_terms = dp.FixedEffectsIV("y", ["x", "I(x**2)"], ["d"], ["w"], ssc="none")
    exact = by_terms.fit(data)
    ours = fit(data, controls=["x"], instrument="w", folds=None, ssc="none")
    assert ours.params["ols"] == pytest.approx(exact.params["d"], abs=1e-10)
    assert ours.std_errors["ols"] == pytest.approx(exact.std_errors["d"], abs=1e-10)
    first = dp.FixedEffects("d", ["x", "I(x**2)", "w"], ssc="none").fit(data)
    first_stage_f = first.tstats["w"] ** 2
    assert ours.runs["first_stage_f"][0] == pytest.approx(first_stage_f, rel=1e-10)
    beside = ours.fixed_effects
    assert beside["dictionary"].params["d"] == pytest.approx(exact.params["d"])
    linear = dp.FixedEffectsIV("y", ["x"], ["d"], ["w"]).fit(data)
    assert beside["linear"].params["d"] == pytest.approx(linear.params["d"], abs=1e-12)
    assert list(ours.comparison.index) == ["ols", "2SLS, linear", LONGER]
    assert ours.comparison["first_stage_f"].notna().all()


def test_an_instrument_by_differences_and_by_means(frame: Any) -> None:
    """Least squares without folds are two stages after each transformation."""
    instrument = frame.d + np.random.default_rng(6).normal(size=len(frame))
    data = dp.Panel(frame.assign(w=instrument), "i", "t")
    options: dict[str, Any] = {"instrument": "w", "folds": None, "ssc": "none"}
    means = fit(data, transform="mundlak", **options)
    two_way = dp.FixedEffectsIV("y", ["x", "z"], ["d"], ["w"], ssc="none").fit(data)
    assert means.params["ols"] == pytest.approx(two_way.params["d"], abs=1e-10)
    changes = fit(data, transform="difference", **options)
    x = ["x", "z", "lag(x)", "lag(z)"]
    exact = dp.FixedEffectsIV(
        "diff(y)", x, ["diff(d)"], ["diff(w)"], entity_effects=False, ssc="none"
    ).fit(data)
    assert changes.params["ols"] == pytest.approx(exact.params["diff(d)"], abs=1e-10)
    error = exact.std_errors["diff(d)"]
    assert changes.std_errors["ols"] == pytest.approx(error, abs=1e-10)


def test_the_treatment_is_no_instrument_of_itself(frame: Any) -> None:
    data = dp.Panel(frame.assign(twice=2 * frame.d), "i", "t")
    with pytest.raises(dp.CollinearityError, match="exact combination"):
        spec(instrument="twice").fit(data, rng=1)


def test_a_weak_instrument_is_named(panel: dp.Panel, frame: Any) -> None:
    noise = np.random.default_rng(3).normal(size=len(frame))
    data = dp.Panel(frame.assign(noise=noise), "i", "t")
    with pytest.warns(dp.IdentificationWarning, match="below 23.1"):
        weak = spec(instrument="noise").fit(data, rng=1)
    assert "instrumented by noise" in str(weak.summary())
    assert weak.glance()["kp_rk_f"] is None
    (column, *_) = weak.table_columns()
    first_stage_f = weak.comparison["first_stage_f"]["ols"]
    assert (column.set_rows[-1][0].code, column.set_rows[-1][1]) == (
        "stat.first_stage_f",
        first_stage_f,
    )
    note = dp.etable(weak, style=dp.TableStyle("zh")).notes
    assert any("noise为d的工具变量" in line for line in note)


def test_a_learner_that_predicts_zero(panel: dp.Panel) -> None:
    zero = {"zero": DummyRegressor(strategy="constant", constant=0.0)}
    alone = dp.FixedEffects("y", ["d"]).fit(panel).params["d"]
    assert fit(panel, learners=zero).params["zero"] == pytest.approx(alone, abs=1e-12)
    with pytest.warns(dp.IdentificationWarning, match="no better than its mean"):
        spec(learners=zero).fit(panel, rng=1)


def test_the_effect_is_recovered(panel: dp.Panel) -> None:
    ours = fit(panel, learners={**OLS, **RIDGE}, seeds=5)
    assert (abs(ours.params - 0.5) < 3 * ours.std_errors).all()
    linear = ours.fixed_effects["linear"]
    assert linear.params["d"] - 0.5 > 3 * linear.std_errors["d"]


def test_folds_and_medians_by_hand(frame: Any, panel: dp.Panel) -> None:
    """Two learners fitted by hand, fold by fold, to demeaned terms."""
    folds = pd.Series(np.arange(40) % 3, index=range(40))
    ours = fit(panel, folds=folds, time_effects=False)
    terms = frame.assign(xx=frame.x**2, zz=frame.z**2, xz=frame.x * frame.z)
    terms = terms.drop(columns="t")
    out = (terms - terms.groupby("i").transform("mean")).assign(f=frame.i % 3)
    residuals = {}
    for name in ("y", "d"):
        parts = []
        for fold in range(3):
            train, test = out[out.f != fold], out[out.f == fold]
            x = [
                np.column_stack([np.ones(len(p)), p[["x", "z", "xx", "zz", "xz"]]])
                for p in (train, test)
            ]
            slopes = np.linalg.lstsq(x[0], train[name])[0]
            parts.append(test[name] - x[1] @ slopes)
        residuals[name] = pd.concat(parts).sort_index()
    ry, rd = residuals["y"], residuals["d"]
    theta = (rd * ry).sum() / (rd**2).sum()
    scores = (rd * (ry - theta * rd)).groupby(frame.i).sum()
    error = np.sqrt(40 / 39 * (scores**2).sum()) / (rd**2).sum()
    assert ours.params["ols"] == pytest.approx(theta, abs=1e-12)
    assert ours.std_errors["ols"] == pytest.approx(error, abs=1e-12)
    assert ours.df_t == 39
    assert len(ours.runs) == 1
    r2 = 1 - (ry**2).sum() / (out.y**2).sum()
    assert ours.runs.r2_y[0] == pytest.approx(r2, abs=1e-12)


def test_a_lasso_on_products_of_centred_controls_by_hand(frame: Any) -> None:
    rows = frame.drop(index=[3, 50, 51, 200]).reset_index(drop=True)
    folds = pd.Series(np.arange(40) % 3, index=range(40))
    learners = {"lasso": Lasso(alpha=0.1)}
    ours = fit(dp.Panel(rows, "i", "t"), folds=folds, learners=learners)
    x, z = (rows[["x", "z"]] - rows[["x", "z"]].mean()).to_numpy().T
    columns = np.column_stack([rows[["y", "d"]], x, z, x**2, x * z, z**2])
    both = np.hstack([pd.get_dummies(rows[key]) for key in ("i", "t")]).astype(float)
    columns -= both @ np.linalg.lstsq(both, columns)[0]
    outcomes, features = columns[:, :2], columns[:, 2:]
    residuals = np.empty_like(outcomes)
    for fold in range(3):
        test = (rows["i"] % 3 == fold).to_numpy()
        scaler = StandardScaler().fit(features[~test])
        train, new = scaler.transform(features[~test]), scaler.transform(features[test])
        for j in (0, 1):
            fitted = learners["lasso"].fit(train, outcomes[~test, j])
            residuals[test, j] = outcomes[test, j] - fitted.predict(new)
    ry, rd = residuals.T
    assert ours.params["lasso"] == pytest.approx(rd @ ry / (rd @ rd), rel=1e-9)


# --- invariances ----------------------------------------------------------------------


@pytest.mark.parametrize("transform", ["dictionary", "difference", "mundlak"])
def test_order_of_rows_and_labels(frame: Any, transform: Any) -> None:
    folds = pd.Series(np.arange(40) % 4, index=range(40))
    ours = fit(dp.Panel(frame, "i", "t"), folds=folds, transform=transform)
    mixed = frame.sample(frac=1, random_state=2)
    again = fit(dp.Panel(mixed, "i", "t"), folds=folds, transform=transform)
    assert again.params["ols"] == ours.params["ols"]
    named = np.random.default_rng(1).permutation(40)
    other = frame.assign(i=named[frame.i])
    by_name = pd.Series(folds.to_numpy(), index=named)
    again = fit(dp.Panel(other, "i", "t"), folds=by_name, transform=transform)
    assert again.params["ols"] == pytest.approx(ours.params["ols"], abs=1e-12)
    assert again.std_errors["ols"] == pytest.approx(ours.std_errors["ols"], abs=1e-12)


@pytest.mark.parametrize(
    ("transform", "time_effects"),
    [
        ("dictionary", True),
        ("within", True),
        ("difference", True),
        ("difference", False),
    ],
)
def test_effects_change_nothing(frame: Any, transform: Any, time_effects: bool) -> None:
    options = {"transform": transform, "time_effects": time_effects}
    ours = fit(dp.Panel(frame, "i", "t"), **options)
    effect = np.random.default_rng(4).normal(size=(2, 40))
    added = effect[0][frame.i] + time_effects * effect[1][frame.t]
    moved = frame.assign(y=frame.y + 7 * added, d=frame.d - added)
    again = fit(dp.Panel(moved, "i", "t"), **options)
    assert again.params["ols"] == pytest.approx(ours.params["ols"], abs=1e-9)


def test_units(frame: Any) -> None:
    ours = fit(dp.Panel(frame, "i", "t"))
    scaled = frame.assign(d=100 * frame.d, x=1e4 * frame.x + 1e6)
    again = fit(dp.Panel(scaled, "i", "t"))
    assert 100 * again.params["ols"] == pytest.approx(ours.params["ols"], rel=1e-8)
    assert again.tstats["ols"] == pytest.approx(ours.tstats["ols"], rel=1e-8)


def test_seeds_and_pickles(panel: dp.Panel) -> None:
    first, second = (fit(panel, learners={**OLS, **RIDGE}) for _ in range(2))
    pd.testing.assert_frame_equal(first.runs, second.runs, check_exact=True)
    assert first.runs["estimate"].nunique() == 4
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        other = spec().fit(panel, rng=2)
        entropy = first.glance()["rng_entropy"]
        again = spec(learners={**OLS, **RIDGE}).fit(panel, rng=entropy)
    assert other.params["ols"] != first.params["ols"]
    assert again.params.equals(first.params)
    copy = pickle.loads(pickle.dumps(first))
    assert str(copy.summary()) == str(first.summary())
    assert copy.comparison.equals(first.comparison)
    model = pickle.loads(pickle.dumps(spec()))
    assert fit(panel).params.equals(model.fit(panel, rng=1).params)


def test_random_learners_follow_the_seed(frame: Any) -> None:
    wide = pd.concat([frame.assign(i=frame.i + 40 * k) for k in range(3)])
    noise = np.random.default_rng(0).normal(size=(2, len(wide)))
    data = dp.Panel(wide.assign(y=wide.y + noise[0], d=wide.d + noise[1]), "i", "t")
    trees = make_pipeline(
        StandardScaler(), RandomForestRegressor(3, min_samples_leaf=5)
    )
    options = {"transform": "difference", "learners": {"trees": trees}}
    folds = pd.Series(np.arange(120) % 2, index=range(120))
    first, second = (fit(data, folds=folds, **options) for _ in range(2))
    assert first.runs.equals(second.runs)
    assert first.runs["estimate"].nunique() == 2
    assert "flexible_learner" in [n.code for n in first.diagnostics]


def test_drawn_folds_are_of_equal_size_and_of_whole_clusters() -> None:
    clusters = np.repeat(np.arange(31), 3)
    prepared = SimpleNamespace(cluster_codes=(clusters,))
    sample: Any = SimpleNamespace(folds=np.arange(31) % 5, prepared=prepared)
    folds, _ = draw_folds(spec(folds=5), sample, np.random.SeedSequence(1))
    assert sorted(np.bincount(folds)) == [18, 18, 18, 18, 21]
    assert (folds.reshape(31, 3) == folds[::3, None]).all()


# --- rows and features by transformation ----------------------------------------------


def prepared(panel: dp.Panel, transform: Any, **options: Any) -> Any:
    return prepare_learning(spec(transform=transform, **options), panel)


@pytest.mark.parametrize(
    ("transform", "rows", "width"),
    [
        ("dictionary", 240, 5),
        ("within", 240, 2),
        ("mundlak", 240, 6),
        ("difference", 200, 8),
    ],
)
def test_features(panel: dp.Panel, transform: Any, rows: int, width: int) -> None:
    sample = prepared(panel, transform)
    assert sample.features.shape == (rows, width)
    assert sample.learned.shape == (rows, 2)


def test_terms_are_demeaned_after_they_are_made(frame: Any, panel: dp.Panel) -> None:
    sample = prepared(panel, "dictionary", time_effects=False)
    square = (frame["x"] - frame["x"].mean()) ** 2
    expected = (square - square.groupby(frame["i"]).transform("mean")).to_numpy()
    np.testing.assert_allclose(sample.features[:, 2], expected, atol=1e-12)


def test_differences_lose_rows_at_gaps(frame: Any) -> None:
    gaps = frame.drop(index=[2, 8])
    sample = prepared(dp.Panel(gaps, "i", "t"), "difference", time_effects=False)
    assert len(sample.learned) == 200 - 4
    changes = frame["y"].diff()[[1, 4, 5, 7]]
    np.testing.assert_allclose(sample.learned[:4, 0], changes, atol=1e-12)
    lagged = frame["x"].shift()[[1, 4, 5, 7]]
    x = sample.features[:4, 2]
    np.testing.assert_allclose(np.corrcoef(x, lagged)[0, 1], 1)


def test_an_entity_with_one_difference_is_in_the_estimate(frame: Any) -> None:
    late = frame["t"] > frame["t"].min() + 1
    few = frame[~(late & (frame["i"] < 5))]
    ours = fit(dp.Panel(few, "i", "t"), transform="difference", folds=None)
    lagged = few.groupby("i")[["y", "d", "x", "z"]].shift()
    changes, names = (few[["y", "d"]] - lagged[["y", "d"]]).join(few["t"]), ["x", "z"]
    columns = pd.concat([changes, few[names], lagged[names].add_prefix("l")], axis=1)
    columns = columns.dropna()
    demeaned = columns.groupby("t").transform(lambda v: v - v.mean())
    slopes = np.linalg.lstsq(demeaned.iloc[:, 1:], demeaned["y"], rcond=None)[0]
    assert ours.nobs == len(columns)
    assert ours.params["ols"] == pytest.approx(slopes[0], rel=1e-9)


def test_two_periods_have_no_fixed_effects_beside_differences(frame: Any) -> None:
    two = dp.Panel(frame[frame["t"] < frame["t"].min() + 2], "i", "t")
    with pytest.raises(dp.IdentificationError, match="no entity has more than one"):
        fit(two, transform="difference")
    assert fit(two, degree=1).nobs == 80


def test_differences_of_the_outcome_are_no_controls_made_from_it(panel: Any) -> None:
    sample = prepared(panel, "difference")
    assert not [n for n in sample.prepared.notices if n.code == "made_from"]
    sample = prepared(panel, "difference", controls=["x", "I(y**2)"])
    (notice,) = (n for n in sample.prepared.notices if n.code == "made_from")
    assert notice.data["terms"] == {"I(y**2)": "y"}


def test_time_constant_controls_have_products(frame: Any) -> None:
    panel = dp.Panel(frame.assign(z=frame["i"] % 7), "i", "t")
    sample = prepared(panel, "dictionary")
    assert sample.features.shape[1] == 3  # x, its square, and the product


def test_chosen_rows(panel: dp.Panel) -> None:
    assert prepared(panel, "within", where="t > 1").learned.shape[0] == 160


def test_changes_are_of_columns_whatever_signs_their_names_have(
    frame: Any, panel: dp.Panel
) -> None:
    names = {"y": "y (bn)", "d": "d:e", "x": "x (%)"}
    model = dp.PanelDML(
        "y (bn)", "d:e", ["x (%)", "z"], transform="difference", learners=OLS
    )
    sample = prepare_learning(model, dp.Panel(frame.rename(columns=names), "i", "t"))
    plain = prepared(panel, "difference")
    np.testing.assert_array_equal(sample.features, plain.features)
    np.testing.assert_array_equal(sample.learned, plain.learned)


def test_a_model_without_effects_says_that_it_has_none(panel: dp.Panel) -> None:
    none = fit(panel, seeds=1, entity_effects=False, time_effects=False)
    assert none.glance()["effects"] is None


# --- clusters -------------------------------------------------------------------------


def test_folds_are_of_clusters(frame: Any) -> None:
    data = dp.Panel(frame.assign(region=frame.i % 20), "i", "t")
    ours = fit(data, clusters="region", folds=pd.Series(np.arange(20) % 2))
    by_entity = fit(data, folds=pd.Series(np.arange(40) % 20 % 2))
    assert ours.params["ols"] == pytest.approx(by_entity.params["ols"], abs=1e-12)
    assert ours.df_t == 19
    assert ours.std_errors["ols"] != by_entity.std_errors["ols"]


# --- refusals -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"learners": {}}, dp.OptionError, "learners is empty"),
        ({"learners": 3}, dp.InputTypeError, "mapping from names"),
        ({"learners": {"a": LinearRegression}}, dp.InputTypeError, "{'a': <class"),
        ({"learners": {"a": 3}}, dp.InputTypeError, "{'a': 3} .* get_params"),
        ({"learners": {1: TREE}}, dp.InputTypeError, "{1: Dec.* from names"),
        ({"transform": "first"}, dp.OptionError, "transform='first'"),
        ({"folds": 1}, dp.OptionError, "folds=1"),
        ({"folds": "a"}, dp.InputTypeError, "folds='a' must be"),
        ({"folds": 2.5}, dp.InputTypeError, "folds=2.5 must be"),
        ({"folds": [1, 2]}, dp.InputTypeError, r"folds=\[1, 2\] must be"),
        ({"folds": pd.Series([1, None])}, dp.OptionError, "not missing"),
        ({"folds": pd.Series([1, 2], index=[0, 0])}, dp.OptionError, "one fold"),
        ({"seeds": 0}, dp.OptionError, "seeds=0"),
        ({"clusters": ["i", "t"]}, dp.OptionError, "must be one term"),
        ({"transform": "mundlak", "entity_effects": False}, dp.OptionError, "removes"),
        ({"ssc": "reghdfe"}, dp.OptionError, "ssc='reghdfe'"),
    ],
)
def test_options_that_are_refused(options: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        spec(**options)


def test_controls_are_needed() -> None:
    with pytest.raises(dp.OptionError, match="Use FixedEffects"):
        dp.PanelDML("y", "d", [], learners=OLS)
    for options in ({"controls": ["d"]}, {"controls": ["x"], "instrument": "x"}):
        with pytest.raises(dp.TermError, match="one role only"):
            dp.PanelDML("y", "d", **options, learners=OLS)


@pytest.mark.parametrize(
    "learner",
    [
        DecisionTreeRegressor(),
        make_pipeline(StandardScaler(), MLPRegressor()),
        VotingRegressor([("t", DecisionTreeRegressor()), ("o", LinearRegression())]),
    ],
)
def test_trees_are_refused(learner: Any, panel: dp.Panel) -> None:
    with pytest.raises(dp.OptionError, match="transform='difference'"):
        spec(learners={"a": learner}, transform="within")
    with pytest.raises(dp.IdentificationError, match="40 entities") as raised:
        spec(learners={"a": learner}).fit(panel)
    assert raised.value.problems[0].code == "few_for_trees"
    assert "coverage" in str(raised.value)


def test_linear_combinations_are_not_trees(panel: dp.Panel) -> None:
    both = VotingRegressor([("r", Ridge()), ("o", LinearRegression())])
    assert fit(panel, learners={"both": both}).nobs == 240


@pytest.mark.parametrize(
    ("change", "options", "error", "text"),
    [
        ({}, {"clusters": "t"}, dp.OptionError, "several clusters"),
        ({}, {"clusters": "few"}, dp.IdentificationError, "4 clusters"),
        ({}, {"folds": 41}, dp.OptionError, "more than the 40 clusters"),
        ({}, {"folds": pd.Series([0, 1])}, dp.OptionError, "no fold for '2'"),
        ({}, {"folds": pd.Series(0, index=range(40))}, dp.OptionError, "one fold for"),
        (
            {"d": lambda f: f.i},
            {},
            dp.IdentificationError,
            "treatment: 'd' is absorbed",
        ),
        (
            {"w": lambda f: f.i},
            {"instrument": "w"},
            dp.IdentificationError,
            "instrument: 'w' is absorbed",
        ),
        (
            {"w": lambda f: f.x + f.i},
            {"instrument": "w"},
            dp.IdentificationError,
            "0 instruments",
        ),
        ({}, {"instrument": "C(t)"}, dp.TermError, "instrument='C.t.'"),
        ({"y": 1.0}, {}, dp.IdentificationError, "y: 'y' is constant"),
        ({"d": lambda f: f.x + f.i}, {}, dp.IdentificationError, "exactly"),
        ({"x": lambda f: f.i, "z": 1.0}, {}, dp.IdentificationError, "absorb"),
    ],
)
def test_data_that_are_refused(
    frame: Any, change: Any, options: Any, error: Any, text: str
) -> None:
    data = dp.Panel(frame.assign(few=frame.i % 4, **change), "i", "t")
    with pytest.raises(error, match=text):
        spec(**options).fit(data, rng=1)


def test_many_features_need_a_penalty(frame: Any) -> None:
    rng = np.random.default_rng(0)
    names = [f"w{k}" for k in range(6)]
    more = {name: rng.normal(size=240) for name in names}
    data = dp.Panel(frame.assign(**more), "i", "t")
    wide = dp.PanelDML("y", "d", names, learners=OLS, seeds=1)
    with pytest.raises(dp.OptionError, match="without a penalty on 27 features"):
        wide.fit(data)
    lasso = wide.replace(learners={"lasso": Lasso(0.1)})
    with pytest.warns(dp.IdentificationWarning, match="no better than its mean"):
        assert np.isfinite(lasso.fit(data, rng=1).params["lasso"])


def test_a_learner_that_fails_is_named(panel: dp.Panel) -> None:
    bad = {"bad": Ridge(alpha=-1.0)}
    with pytest.raises(dp.OptionError, match="'bad' could not be fitted"):
        spec(learners=bad).fit(panel)


def test_scikit_learn_is_asked_for(
    panel: dp.Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match="PanelDML needs sklearn"):
        spec().fit(panel)


def test_equal_specifications_are_equal_though_their_learners_are_not() -> None:
    one, other = spec(learners={"a": Lasso(0.1)}), spec(learners={"a": Lasso(0.1)})
    assert one == other == pickle.loads(pickle.dumps(one))
    assert hash(one) == hash(other)
    assert one != spec(learners={"a": Lasso(0.2)})
    assert one != "text"


def codes(panel: dp.Panel, **options: Any) -> list[str]:
    learners = {"ols": LinearRegression()}
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
    both = {"ols": LinearRegression(), "no": Lasso(1e6)}
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
    for entities, code in ((15, "very_few_clusters"), (39, "few_clusters")):
        few = frame[frame["i"] < entities]
        assert code in codes(dp.Panel(few, "i", "t"))


@pytest.mark.parametrize(
    ("count", "beside"), [(17, ["linear", "dictionary"]), (18, ["linear"])]
)
def test_a_long_dictionary_has_no_fixed_effects_beside(
    frame: Any, count: int, beside: list[str]
) -> None:
    """Of 240 rows 46 effects leave 194: more than 189 terms, and fewer than 209."""
    rng = np.random.default_rng(0)
    names = [f"w{k}" for k in range(count)]
    more = {name: rng.normal(size=len(frame)) for name in names}
    panel = dp.Panel(frame.assign(**more), "i", "t")
    lasso = {"lasso": Lasso(0.1)}
    spec = dp.PanelDML("y", "d", ["x", *names], learners=lasso, seeds=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        assert list(spec.fit(panel, rng=1).fixed_effects) == beside


# --- kinds of learners, and their seeds -----------------------------------------------


@pytest.mark.parametrize(
    ("learner", "flexible", "unpenalised", "random"),
    [
        (LinearRegression(), False, True, False),
        (LassoCV(), False, False, True),
        (make_pipeline(PolynomialFeatures(), LinearRegression()), False, True, False),
        (HistGradientBoostingRegressor(), True, False, True),
        (KNeighborsRegressor(), True, False, False),
        (make_pipeline(PolynomialFeatures(), TREE), True, False, True),
        (TransformedTargetRegressor(TREE), True, False, True),
        (GridSearchCV(TREE, {"max_depth": [1, 2]}), True, False, True),
        (StackingRegressor([("a", Lasso())], Lasso()), False, False, True),
        (StackingRegressor([("a", TREE)], Lasso()), True, False, True),
    ],
)
def test_kinds(learner: Any, flexible: bool, unpenalised: bool, random: bool) -> None:
    assert is_flexible(learner) is flexible
    assert is_unpenalised(learner) is unpenalised
    assert bool(seed_names(learner)) is random


def test_all_seeds_are_set_in_a_clone() -> None:
    learner = make_pipeline(PolynomialFeatures(), DecisionTreeRegressor())
    clone = seeded(learner, 7)
    assert clone.get_params()["decisiontreeregressor__random_state"] == 7
    assert learner.get_params()["decisiontreeregressor__random_state"] is None


def test_pairs_are_read_again() -> None:
    pairs = read_learners({"ols": LinearRegression()})
    assert read_learners(pairs) == pairs


# --- notices --------------------------------------------------------------------------


def told(
    seeds: float = 0.0,
    r2: float = 0.5,
    learners: float = 0.0,
    by_terms: tuple[float, float] = (0.0, 0.0),
    drawn: int = 20,
    f: float = 30.0,
) -> dict[str, str]:
    """Give codes and messages for a learner whose R2 of the outcome is .5."""
    numbers = {"r2_y": [0.5], "r2_d": [r2], "first_stage_f": [f]}
    results: Any = SimpleNamespace(
        names=("a",),
        instrument="z",
        spread={"seeds": {"a": seeds}, "learners": learners},
        comparison=pd.DataFrame(numbers, index=["a"]),
        info={"n_entities": 120},
    )
    by_learner = {"a": np.array(by_terms)}
    notices = about_estimates(results, by_learner, drawn)
    return {notice.code: notice.message for notice in notices}


def test_limits() -> None:
    assert list(told(drawn=20)) == []
    assert list(told(drawn=19)) == ["few_seeds"]
    assert list(told(seeds=1.0, learners=2.0)) == []
    assert list(told(seeds=1.01)) == ["seed_spread"]
    assert list(told(learners=2.01)) == ["learners_differ"]
    assert list(told(r2=0.98)) == list(told(r2=0.1)) == []
    assert list(told(r2=0.981)) == ["nothing_left"]
    assert list(told(f=23.2)) == []
    assert list(told(f=23.1)) == ["weak_after_learning"]
    for none in (0.0, -0.1, 1e-15):
        assert "useless_learner" in told(r2=none)


def test_trees_must_predict_both_better() -> None:
    assert list(told(by_terms=(0.4, 0.4))) == []
    for by_terms in ((0.5, 0.4), (0.4, 0.5)):
        assert list(told(by_terms=by_terms)) == ["flexible_learner"]


def measured(table: str) -> list:
    path = Path(__file__).parents[2] / f"docs/measured/{table}.json"
    return list(json.loads(path.read_text(encoding="utf-8")).values())


def test_the_figures_of_weak_instruments_are_those_measured() -> None:
    message = told(f=2.0)["weak_after_learning"]
    for (row,) in measured("coverage_of_learning_with_an_instrument"):
        said = f"F of {row['F']}, coverage {row['coverage']}"
        assert (said in message) == (row["instrument"] == "weak")


def test_the_figures_of_the_refusal_are_those_measured(panel: dp.Panel) -> None:
    tables = measured("dml_with_31_provinces")
    cells = {
        (row["controls"], row["estimator"]): f"{row['bias']} and {row['coverage']}"
        for rows in tables
        for row in rows
    }
    with pytest.raises(dp.IdentificationError) as raised:
        spec(learners={"a": TREE}).fit(panel)
    said = str(raised.value)
    for estimator in ("difference, forest", "dictionary, lasso"):
        for form in ("linear", "quadratic"):
            assert cells[form, estimator] in said
