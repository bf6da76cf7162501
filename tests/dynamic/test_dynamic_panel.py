"""What the specification refuses; GMM and corrected estimators, written out by row."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import chdtrc

import digiprosper as dp
from digiprosper.errors import (
    CollinearityError,
    DigiprosperError,
    IdentificationError,
    OptionError,
    TermError,
)
from tests.dynamic.conftest import balanced, gapped, written_out

ESTIMATORS: list[dict[str, Any]] = [
    {"instrument_lags": (2, 3)},
    {"estimator": "system", "instrument_lags": (2, 3)},
    {"transform": "orthogonal", "steps": 1},
    {"endogenous": ["w"], "steps": 1, "collapse": False, "cov_type": "classical"},
    {"estimator": "lsdvc", "reps": 99},
    {"estimator": "half_panel", "reps": 99},
]
quiet = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
LAGS = {"instrument_lags": (2, 3)}


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
    assert spec.equations == (("x", "level"),)
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert hash(spec.replace(steps=1)) != hash(spec)
    assert spec.replace(steps=1).replace(steps=2) == spec
    assert spec.replace(instrument_lags=[np.int64(2), 4]).instrument_lags == (2, 4)


@quiet
def test_lag_one_of_the_outcome_is_no_instrument() -> None:
    """It contains an error that is in the difference: the estimate is far off."""
    panel = panel_of(balanced(1, entities=200))
    spec = dp.DynamicPanel("y", predetermined=["w"], instrument_lags=(1, 3))
    fit = spec.fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "first_lag"]
    assert notice.data == {"terms": ("y",)}
    assert "Lag 1 of the outcome" in " ".join(dp.etable(fit).notes)
    for later in (spec.replace(instrument_lags=(2, 3)), spec.replace(predetermined=())):
        codes = {n.code for n in later.fit(panel).diagnostics}
        assert ("first_lag" in codes) == (later.instrument_lags == (1, 3))
    valid = spec.replace(instrument_lags=(2, 3)).fit(panel)
    assert abs(fit.persistence - valid.persistence) > 5 * valid.std_errors.iloc[0]


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
    with pytest.raises(DigiprosperError, match="not a time"):
        dp.DynamicPanel("y").fit(dp.Panel(named, "i", "t"))


def test_entities_in_several_clusters() -> None:
    frame = gapped(1)
    frame["half"] = frame["t"] > 2003
    with pytest.raises(DigiprosperError, match="whole entities"):
        fit(frame, {"clusters": "half"})
    with pytest.raises(DigiprosperError, match="clusters in one way"):
        fit(frame, {"clusters": ["i", "region"]})


def test_categories_have_no_lags_as_instruments() -> None:
    frame = gapped(1, entities=30)
    frame["kind"] = np.where(frame["x"] > 0, "a", np.where(frame["w"] > 0, "b", "c"))
    spec = dp.DynamicPanel("y", ["x"], endogenous=["C(kind)"])
    with pytest.raises(TermError, match=r"C\(kind\)' is categorical"):
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


def panel_of(frame: pd.DataFrame) -> dp.Panel:
    return dp.Panel(frame, "i", "t")


def fitted(frame: pd.DataFrame, **options: Any) -> Any:
    x = ["x"] if options.get("endogenous") else ["w", "x"]
    return dp.DynamicPanel("y", x, **options).fit(panel_of(frame), rng=1)


CASES: list[tuple[int, dict[str, Any], dict[str, Any]]] = [
    (1, {"instrument_lags": (2, None)}, {}),
    (2, {"endogenous": ["w"]}, {"endogenous": True, "last": 5}),
    (3, {"endogenous": ["w"], "instrument_lags": (2, 2)}, {"endogenous": True}),
    (4, {"estimator": "system", **LAGS}, {"system": True, "last": 3}),
    (
        5,
        {"estimator": "system", "endogenous": ["w"], "instrument_lags": (2, 2)},
        {"system": True, "endogenous": True, "last": 2},
    ),
    (6, {"transform": "orthogonal", **LAGS}, {"orthogonal": True, "last": 3}),
    (7, {"collapse": False, "instrument_lags": (2, 2)}, {"last": 2}),
    (8, {"instrument_lags": (3, 4)}, {"first": 3, "last": 4}),
]
CASES[2][2]["last"] = 2


@quiet
@pytest.mark.many(8)
@pytest.mark.parametrize(("seed", "options", "case"), CASES)
def test_one_step_equals_moments_written_out(
    seed: int, options: dict[str, Any], case: dict[str, Any]
) -> None:
    frame = gapped(seed, entities=30)
    written = written_out(frame, collapse=options.get("collapse", True), **case)
    b, _, influence = written.step(written.first_weight())
    clusters = np.arange(len(written.z))
    scores = written.moments(b)
    covariance = influence @ scores.T @ scores @ influence.T
    fit = fitted(frame, steps=1, **options)
    k = len(fit.names)
    np.testing.assert_allclose(fit.params, b[:k], rtol=1e-8)
    np.testing.assert_allclose(
        fit.std_errors, np.sqrt(np.diag(covariance))[:k], rtol=1e-8
    )
    assert fit.n_instruments == written.z[0].shape[1]
    for order in (1, 2):
        m = written.autocorrelation(b, influence, covariance, order)
        assert fit.ar_tests["z"][order] == pytest.approx(m, rel=1e-7)

    df_hansen = fit.n_instruments - len(b)
    if not df_hansen:
        assert np.isnan(fit.hansen.statistic)
        return
    # Hansen's J is that of two steps, under one step too.
    weight = written.second_weight(b, clusters)
    gap = written.moments(written.step(weight)[0]).sum(axis=0)
    assert fit.hansen.statistic == pytest.approx(gap @ weight @ gap, rel=1e-7)
    assert fit.hansen.p_value == pytest.approx(chdtrc(df_hansen, gap @ weight @ gap))


@quiet
@pytest.mark.parametrize("clusters", ["i", "region"])
@pytest.mark.parametrize(("seed", "options", "case"), [CASES[0], CASES[3], CASES[4]])
def test_two_steps_with_the_correction_as_a_numerical_derivative(
    seed: int, options: dict[str, Any], case: dict[str, Any], clusters: str
) -> None:
    """The second step depends on the first by its weights: that is the correction."""
    frame = gapped(seed, entities=60)
    written = written_out(frame, **case)
    first, _, influence = written.step(written.first_weight())
    codes = np.array(written.entities) // (1 if clusters == "i" else 2)

    def second_step(b: np.ndarray) -> np.ndarray:
        return written.step(written.second_weight(b, codes))[0]

    scores = written.moments(first)
    sums = np.array([scores[codes == c].sum(axis=0) for c in np.unique(codes)])
    robust = influence @ sums.T @ sums @ influence.T
    second, bread, _ = written.step(written.second_weight(first, codes))
    step = 1e-5
    d = np.column_stack(
        [
            (second_step(first + step * e) - second_step(first - step * e)) / (2 * step)
            for e in np.eye(len(first))
        ]
    )
    corrected = bread + d @ bread + bread @ d.T + d @ robust @ d.T
    fit = fitted(frame, clusters=clusters, **options)
    k = len(fit.names)
    np.testing.assert_allclose(fit.params, second[:k], rtol=1e-8)
    np.testing.assert_allclose(fit.cov, corrected[:k, :k], rtol=1e-5, atol=1e-9)
    plain = fitted(frame, clusters=clusters, windmeijer=False, **options)
    np.testing.assert_allclose(plain.cov, bread[:k, :k], rtol=1e-8)


@quiet
def test_difference_in_hansen_drops_a_group_and_keeps_the_covariance() -> None:
    frame = gapped(4, entities=60)
    fit = fitted(frame, estimator="system", endogenous=["w"], **LAGS)
    written = written_out(frame, system=True, endogenous=True, last=3)
    first = written.step(written.first_weight())[0]
    covariance = np.linalg.inv(written.second_weight(first, np.arange(len(written.z))))
    kept = [j for j, (variable, *_) in enumerate(written.names) if variable != "y"]
    written.z = [z[:, kept] for z in written.z]
    weight = np.linalg.inv(covariance[np.ix_(kept, kept)])
    gap = written.moments(written.step(weight)[0]).sum(axis=0)
    table = fit.difference_in_hansen
    assert table["without"]["y"] == pytest.approx(gap @ weight @ gap, rel=1e-7)
    assert list(table.index) == ["y", "w", "x", "level equation"]
    assert (table["difference"] > 0).all()
    assert (table["df"] + table["df_without"] == fit.hansen.df).all()
    np.testing.assert_allclose(
        table["without"] + table["difference"], fit.hansen.statistic
    )
    alone = fitted(frame, **LAGS).difference_in_hansen
    # Without lags of y nothing identifies its coefficient.
    assert "y" not in alone.index
    assert "level equation" not in alone.index


@quiet
def test_without_overidentification_there_is_no_test() -> None:
    fit = fitted(gapped(1, entities=30), instrument_lags=(2, 2))
    assert np.isnan(fit.hansen.statistic)
    assert np.isnan(fit.sargan.p_value)
    assert fit.difference_in_hansen.empty
    assert "Hansen test" in str(fit.summary())


# --- corrected estimators -------------------------------------------------------------


@quiet
@pytest.mark.parametrize("time_effects", [True, False])
def test_lsdvc_solves_the_equation_of_the_bias(time_effects: bool) -> None:
    """``r + s^2(r) tr(M L(r)) q = w`` with explicit matrices."""
    frame = gapped(2, entities=20)
    fit = fitted(frame, estimator="lsdvc", time_effects=time_effects, reps=99)
    rows = panel_of(frame).assign(ly="lag(y)").frame.reset_index().dropna()
    dummies = pd.get_dummies(rows["i"]).to_numpy(float)
    if time_effects:
        dummies = np.column_stack([dummies, pd.get_dummies(rows["t"]).to_numpy(float)])
    m = np.eye(len(rows)) - dummies @ np.linalg.pinv(dummies)
    x = m @ rows[["ly", "w", "x"]].to_numpy()
    inverse = np.linalg.inv(x.T @ x)
    w = inverse @ x.T @ rows["y"].to_numpy()

    r = fit.params.iloc[0]
    entity, time = rows["i"].to_numpy(), rows["t"].to_numpy()
    apart = time[:, None] - time - 1
    same = (entity[:, None] == entity) & (apart >= 0)
    trace = np.trace(m @ np.where(same, r ** np.maximum(apart, 0.0), 0.0))
    b = w + (r - w[0]) / inverse[0, 0] * inverse[:, 0]
    residual = m @ rows["y"].to_numpy() - x @ b
    rank = np.linalg.matrix_rank(dummies)
    variance = residual @ residual / (len(rows) - rank - 3)
    assert r + variance * trace * inverse[0, 0] == pytest.approx(w[0], abs=1e-8)
    np.testing.assert_allclose(fit.params, b, rtol=1e-8)


@quiet
@pytest.mark.parametrize("periods", [7, 8])
def test_half_panel_is_twice_the_whole_less_the_halves(periods: int) -> None:
    frame = gapped(3, entities=20, periods=periods)
    panel = panel_of(frame).assign(ly="lag(y)")
    within = dp.FixedEffects("y", ["ly", "w", "x"])

    def estimate(part: dp.Panel) -> np.ndarray:
        return within.fit(part).params.to_numpy()

    middles = {2001 + (periods - 1) // 2, 2001 + periods // 2}
    halves = [
        (estimate(panel.subset(f"t < {m}")) + estimate(panel.subset(f"t >= {m}"))) / 2
        for m in middles
    ]
    expected = 2 * estimate(panel) - np.mean(halves, axis=0)
    fit = fitted(frame, estimator="half_panel", reps=99)
    np.testing.assert_allclose(fit.params, expected, rtol=1e-8)


@quiet
def test_draws_are_estimates_of_resampled_clusters() -> None:
    """A draw that takes every cluster once is the estimate."""
    frame = gapped(2, entities=12)
    fit = fitted(frame, estimator="lsdvc", reps=199)
    draws = fit.estimated.draw_values
    assert draws.shape == (199, 3)
    assert np.ptp(draws[:, 0]) > 0
    low, high = fit.conf_int().to_numpy().T
    assert (low < fit.params).all()
    assert (fit.params < high).all()
    again = fitted(frame, estimator="lsdvc", reps=199)
    pd.testing.assert_frame_equal(again.conf_int(), fit.conf_int())


@quiet
@pytest.mark.parametrize("estimator", ["difference", "system", "lsdvc"])
def test_bounds_are_pooled_and_within_estimates(estimator: str) -> None:
    frame = gapped(2, entities=30)
    fit = fitted(frame, estimator=estimator, reps=99, steps=2)
    within = dp.FixedEffects("y", ["lag(y)", "w", "x"], singletons="keep")
    pooled = within.replace(entity_effects=False)
    panel = panel_of(frame)
    for name, spec in (("within", within), ("ols", pooled)):
        expected = spec.fit(panel).params["lag(y)"]
        assert fit.bounds[name] == pytest.approx(expected, rel=1e-9)


# --- what cannot be estimated ---------------------------------------------------------


@quiet
def test_no_consecutive_rows() -> None:
    frame = gapped(1)
    with pytest.raises(IdentificationError, match="nothing to difference"):
        fitted(frame[frame["t"] < 2002])


@quiet
def test_a_regressor_that_does_not_change() -> None:
    panel = panel_of(gapped(1, entities=30)).assign(fixed=lambda f: f["region"] * 0.1)
    for options in ({}, {"transform": "orthogonal"}, {"estimator": "lsdvc"}):
        spec = dp.DynamicPanel("y", ["x", "fixed"], **options)
        with pytest.raises(IdentificationError, match="'fixed' does not change"):
            spec.fit(panel)
    fit = dp.DynamicPanel("y", ["x", "fixed"], estimator="system").fit(panel)
    assert "fixed" in fit.names


def test_nothing_that_changes() -> None:
    frame = pd.DataFrame({"i": np.repeat(range(9), 3), "t": [1, 2, 3] * 9})
    frame = frame.assign(y=frame["i"] % 2, x=frame["i"])
    spec = dp.DynamicPanel("y", ["x"], time_effects=False)
    with pytest.raises(IdentificationError, match="'y' does not change within"):
        spec.fit(dp.Panel(frame, "i", "t"))


@quiet
@pytest.mark.parametrize("estimator", ["difference", "system", "lsdvc", "half_panel"])
def test_collinear_regressors(estimator: str) -> None:
    panel = panel_of(gapped(1, entities=30)).assign(v="I(2*x + 1)")
    with pytest.raises(CollinearityError, match="'v' is collinear with"):
        dp.DynamicPanel("y", ["x", "v"], estimator=estimator).fit(panel)


@quiet
def test_a_common_series_is_collinear_with_the_dummies() -> None:
    panel = panel_of(gapped(1, entities=30)).assign(trend=lambda f: f.eval("x*0") + 1)
    frame = gapped(1, entities=30)
    panel = panel_of(frame.assign(trend=np.log(frame["t"] - 1990.0)))
    with pytest.raises(CollinearityError, match="'trend' is collinear with 'period"):
        dp.DynamicPanel("y", ["trend"]).fit(panel)
    fit = dp.DynamicPanel("y", ["trend"], time_effects=False).fit(panel)
    assert "trend" in fit.names


@quiet
def test_dummies_that_gaps_make_dependent_are_left_out() -> None:
    """No entity has a row in 2004: its differences stop before and begin anew after."""
    frame = gapped(1, entities=40, periods=10)
    frame.loc[frame["t"] == 2004, "x"] = np.nan
    fit = dp.DynamicPanel("y", ["x"], instrument_lags=(2, 3)).fit(panel_of(frame))
    rows = fit.instruments
    # Rows are 2001 to 2003 and 2005 to 2009, differences 2002, 2003, 2006 to 2009.
    dummies = rows[rows["variable"].str.startswith("period")]
    assert len(dummies) == 6
    estimates = [
        dp.DynamicPanel("y", ["x"], estimator=e, reps=99).fit(panel_of(frame), rng=1)
        for e in ("lsdvc", "system")
    ]
    assert all(np.isfinite(e.params).all() for e in estimates)


@quiet
def test_too_few_instruments() -> None:
    panel = panel_of(gapped(1, entities=30))
    spec = dp.DynamicPanel("y", ["x"], instrument_lags={"y": None})
    with pytest.raises(IdentificationError, match="independent instruments for"):
        spec.fit(panel)
    with pytest.raises(IdentificationError, match=r"^0 independent instruments"):
        spec.replace(x=(), time_effects=False).fit(panel)


@quiet
def test_more_instruments_than_clusters_have_no_second_step() -> None:
    frame = gapped(1, entities=10)
    with pytest.raises(IdentificationError, match=r"steps=2: \d+ instruments and 10"):
        fitted(frame, collapse=False)
    fit = fitted(frame, collapse=False, steps=1)
    assert np.isfinite(fit.params).all()
    assert np.isnan(fit.hansen.statistic)
    assert "many_instruments" in {n.code for n in fit.diagnostics}


@quiet
@pytest.mark.parametrize("transform", ["orthogonal", "difference"])
def test_a_regressor_that_changes_in_one_entity_only(transform: str) -> None:
    """Its coefficient makes its moment zero, so that its variance is rounding."""
    frame = balanced(1, entities=40)
    rows = (frame["i"] == 3) & (frame["t"] > 2003)
    pilot = frame.assign(pilot=rows.astype(float))
    spec = dp.DynamicPanel("y", ["x", "pilot"], transform=transform, h=1)
    with pytest.raises(IdentificationError, match="changes in one cluster only"):
        spec.fit(panel_of(pilot))
    fit = spec.replace(steps=1).fit(panel_of(pilot))
    assert np.isnan(fit.hansen.statistic)
    units = spec.replace(steps=1).fit(panel_of(pilot.assign(pilot=7e4 * rows)))
    np.testing.assert_allclose(fit.params["x"], units.params["x"], rtol=1e-8)


@quiet
def test_a_regressor_that_changes_in_one_half_only() -> None:
    frame = gapped(1, entities=30, periods=8)
    frame["late"] = frame["x"].where(frame["t"] > 2004, 0.0)
    spec = dp.DynamicPanel("y", ["late"], estimator="half_panel", reps=99)
    with pytest.raises(IdentificationError, match="entities in the first half of"):
        spec.fit(panel_of(frame))
    assert np.isfinite(
        spec.replace(estimator="lsdvc").fit(panel_of(frame)).params
    ).all()


@quiet
def test_more_coefficients_than_rows() -> None:
    frame = gapped(1, entities=3)
    for estimator in ("difference", "lsdvc"):
        with pytest.raises(IdentificationError, match="fewer regressors, fewer"):
            fitted(frame, estimator=estimator)


@quiet
def test_half_panel_needs_four_periods() -> None:
    frame = gapped(1, entities=30)
    with pytest.raises(IdentificationError, match="halves the 3 periods"):
        fitted(frame[frame["t"] < 2004], estimator="half_panel")


@quiet
@pytest.mark.parametrize("estimator", ["difference", "system", "lsdvc", "half_panel"])
def test_an_outcome_without_errors_is_refused(estimator: str) -> None:
    """Standard errors would be rounding, and tests of it."""
    frame = gapped(1, entities=30)
    spec = dp.DynamicPanel("y", ["x", "w"], estimator=estimator, reps=99)
    with pytest.raises(IdentificationError, match="explain 'y' perfectly in"):
        spec.fit(panel_of(frame.assign(y=2 * frame["x"])))
    with pytest.raises(
        DigiprosperError, match=r"'y' does not change|is collinear with"
    ):
        spec.fit(panel_of(frame.assign(y=3.0)))


@quiet
def test_errors_that_are_tiny_beside_the_outcome() -> None:
    """Draws have no bias to solve for where squares are lost to rounding."""
    rng = np.random.default_rng(1)
    y, x = np.zeros((31, 10)), rng.normal(size=(31, 10))
    for t in range(1, 10):
        y[:, t] = 0.5 * y[:, t - 1] + x[:, t] + 1e-8 * rng.normal(size=31)
    keys = {"i": np.repeat(np.arange(31), 10), "t": np.tile(np.arange(10), 31)}
    frame = pd.DataFrame({**keys, "y": y.ravel(), "x": x.ravel()})
    spec = dp.DynamicPanel("y", ["x"], estimator="lsdvc", reps=199)
    fit = spec.fit(panel_of(frame), rng=1)
    np.testing.assert_allclose(fit.params, [0.5, 1.0], atol=1e-7)
    assert (fit.std_errors < 1e-7).all()


@quiet
def test_moments_of_two_clusters_have_no_variance() -> None:
    frame = gapped(1, entities=2)
    with pytest.raises(IdentificationError, match="at least 3 clusters"):
        dp.DynamicPanel("y", steps=1).fit(panel_of(frame))
    assert len(dp.DynamicPanel("y", estimator="lsdvc").fit(panel_of(frame)).params) == 1
