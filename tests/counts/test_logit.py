"""Logit and probit with fixed effects: what is refused, formulas, outside numbers."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings, strategies as st
from scipy.optimize import linprog

import digiprosper as dp
from digiprosper.counts import logit, notices
from digiprosper.counts.kernel import partial_effects
from digiprosper.kernels.reweighted import PROBIT, reweighted_least_squares
from digiprosper.kernels.separation import predicted_rows

ROOT = Path(__file__).resolve().parents[2]
WOMEN = ROOT.parent / "shared" / "data" / "cases" / "psid_switchers.csv"
PRINTED: dict[str, Any] = json.loads(
    (ROOT / "tests" / "reference" / "binary.json").read_text()
)
CASES, TOLERANCE = PRINTED["cases"], PRINTED["tolerance"]
X = ["KID1", "KID2", "KID3", "log(INCH)"]
MODELS = {"logit": sm.Logit, "probit": sm.Probit}


def test_a_specification_is_a_value() -> None:
    spec = dp.LogitEffects("y", "x", clusters="region")
    assert spec.x == ("x",)
    assert spec.clusters == ("region",)
    assert spec == dp.LogitEffects("y", ["x"], clusters=["region"])
    assert spec.add("z").x == ("x", "z")
    assert spec.terms == ("y", "x")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"link": "cloglog"}, "link='cloglog'"),
        ({"bias_correction": "jackknife"}, "bias_correction='jackknife'"),
        ({"cov_type": "crv3"}, "not available for LogitEffects"),
        ({"cov_type": "conley"}, "not available for LogitEffects"),
        ({"cov_type": "nonsense"}, "cov_type='nonsense'"),
        ({"cov_type": "robust", "clusters": "region"}, "clusters"),
        ({"clusters": ["a", "b", "c", "d"]}, "one, two or three"),
        ({"collinear": "keep"}, "collinear='keep'"),
        ({"missing": "keep"}, "missing='keep'"),
        ({"entity_effects": "city"}, "True or False"),
        ({"entity_effects": False, "time_effects": False}, "needs fixed effects"),
    ],
)
def test_options_that_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(dp.OptionError, match=message):
        dp.LogitEffects("y", ["x"], **options)


def test_terms_that_are_refused() -> None:
    with pytest.raises(dp.TermError, match="x is empty"):
        dp.LogitEffects("y", [])
    with pytest.raises(dp.TermError, match="also in x"):
        dp.LogitEffects("y", ["y"])
    with pytest.raises(dp.InputTypeError):
        dp.LogitEffects(["y"], ["x"])


def test_what_is_no_panel() -> None:
    with pytest.raises(dp.InputTypeError, match="Panel"):
        dp.LogitEffects("y", ["x"]).fit({"y": [0, 1]})


def fitted(spec: dp.LogitEffects, panel: dp.Panel) -> dp.LogitResults:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        return spec.fit(panel)


def frame(seed: int = 1, entities: int = 12, periods: int = 9) -> pd.DataFrame:
    """Draw an unbalanced panel."""
    rng = np.random.default_rng(seed)
    out = pd.DataFrame(
        {
            "city": np.repeat([f"c{i:02d}" for i in range(entities)], periods),
            "year": np.tile(np.arange(2000, 2000 + periods), entities),
        }
    )
    n = len(out)
    effect = np.repeat(rng.normal(size=entities), periods)
    out["x"] = rng.normal(size=n) + effect
    out["d"] = (rng.random(n) > 0.5).astype(int)
    out["kind"] = np.array(["a", "b", "c"])[rng.integers(0, 3, n)]
    out["region"] = np.repeat(np.arange(entities) % 4, periods)
    index = 0.6 * out["x"] + 0.5 * out["d"] + 0.5 * effect + rng.logistic(size=n)
    out["y"] = (index > 0.3).astype(int)
    return out[rng.random(n) > 0.1]


def panel_of(data: pd.DataFrame) -> dp.Panel:
    return dp.Panel(data, "city", "year")


# --- numbers of programs --------------------------------------------------------------


@pytest.fixture(scope="module")
def women() -> dp.Panel:
    if not WOMEN.exists():
        pytest.skip("psid_switchers.csv is not beside the project")
    return dp.Panel(pd.read_csv(WOMEN), "ID", "TIME")


def test_clogit_of_r(women: dp.Panel) -> None:
    case = CASES["conditional"]
    spec = dp.LogitEffects(
        "LFP", [*X, "C(TIME)"], time_effects=False, cov_type="unadjusted"
    )
    fit = spec.fit(women)
    atol = TOLERANCE["printed"]
    np.testing.assert_allclose(fit.params[X], case["coefficients"], atol=1e-9)
    np.testing.assert_allclose(fit.std_errors[X], case["std_errors"], atol=atol)
    assert fit.glance()["loglik"] == pytest.approx(case["log_likelihood"], abs=1e-8)


def test_probit_of_r(women: dp.Panel) -> None:
    spec = dp.LogitEffects("LFP", X, link="probit", bias_correction=None)
    np.testing.assert_allclose(
        spec.fit(women).params, CASES["probit"]["coefficients"], atol=TOLERANCE["value"]
    )


def test_corrected_probit_of_alpaca(women: dp.Panel) -> None:
    fit = dp.LogitEffects("LFP", X, link="probit").fit(women)
    case = CASES["corrected"]
    np.testing.assert_allclose(
        fit.params, case["coefficients"], atol=TOLERANCE["value"]
    )
    assert fit.params["KID1"] == pytest.approx(case["alpaca"], abs=TOLERANCE["alpaca"])


@pytest.mark.parametrize("corrected", [False, True])
def test_average_effects_of_alpaca(women: dp.Panel, *, corrected: bool) -> None:
    """It divides effects by all rows, and their bias by those that are kept."""
    case = CASES["effects"]
    printed = case["corrected" if corrected else "uncorrected"]
    word = "analytical" if corrected else None
    spec = dp.LogitEffects(
        "LFP", X, link="probit", bias_correction=word, cov_type="robust"
    )
    fit = spec.fit(women)
    b = fit.params.to_numpy()
    sample = women.sample({"y": ["LFP"], "x": X}, codes=["ID", "TIME"])
    y, x = sample.columns("y")[:, 0], sample.columns("x")
    codes = [sample.codes["ID"], sample.codes["TIME"]]
    at = reweighted_least_squares(y, x[:, :0], codes, PROBIT, offset=x @ b)
    is_dummy = [bool(np.isin(column, (0, 1)).all()) for column in x.T]
    categories = [np.array([j]) if is_dummy[j] else None for j in range(4)]
    effects = partial_effects("probit", at, b, x, categories, corrected=corrected)
    average = effects.by_row.sum(axis=0)[0] / case["rows"] - effects.bias[0] / y.size
    assert average == pytest.approx(printed["estimate"], abs=TOLERANCE["alpaca"])
    averages = fit.average_effects(errors="sample")
    consistent = (effects.by_row.sum(axis=0) - effects.bias) / y.size
    np.testing.assert_allclose(averages.params, consistent, atol=1e-7)
    # Ours has the factor n / (n - 1), and is over the rows of this file.
    error = averages.std_errors["KID1"] * np.sqrt((y.size - 1) / y.size)
    assert error * y.size / case["rows"] == pytest.approx(
        printed["std_error"], abs=TOLERANCE["printed"] * 10
    )


def test_corrected_and_conditional_logits_agree(women: dp.Panel) -> None:
    fit = dp.LogitEffects("LFP", X).fit(women)
    (number,) = CASES["corrected_logit"]["coefficients"]
    assert fit.params["KID1"] == pytest.approx(number, abs=TOLERANCE["value"])
    conditional = CASES["conditional"]["coefficients"][0]
    assert abs(fit.params["KID1"] / conditional - 1) < 3e-3


# --- models with all dummies ----------------------------------------------------------


def with_dummies(data: pd.DataFrame, link: str) -> tuple[Any, Any, pd.DataFrame]:
    """Fit a model with all dummies on rows that are not predicted perfectly."""
    x = data[["x", "d"]].to_numpy(dtype=float)
    codes = [pd.factorize(data[name])[0] for name in ("city", "year")]
    data = data[~predicted_rows(data["y"].to_numpy(float), x, codes)]
    dummies = [pd.get_dummies(data["city"]), pd.get_dummies(data["year"]).iloc[:, 1:]]
    design = pd.concat([data[["x", "d"]], *dummies], axis=1).to_numpy(dtype=float)
    model = MODELS[link](data["y"].to_numpy(), design)
    return model.fit(method="newton", maxiter=200, disp=0, tol=1e-12), design, data


@pytest.mark.parametrize("link", MODELS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 1000))
def test_estimates_equal_those_with_dummies(link: str, seed: int) -> None:
    data = frame(seed)
    spec = dp.LogitEffects(
        "y", ["x", "d"], link=link, bias_correction=None, cov_type="unadjusted"
    )
    fit = fitted(spec, panel_of(data))
    other, design, kept = with_dummies(data, link)
    np.testing.assert_allclose(fit.params, other.params[:2], rtol=1e-5, atol=1e-6)
    assert fit.glance()["loglik"] == pytest.approx(other.llf, abs=1e-6)
    assert fit.glance()["pseudo_rsquared"] == pytest.approx(other.prsquared, abs=1e-7)
    chance = other.predict(design)
    slope = other.model.pdf(design @ other.params)
    information = (design.T * (slope**2 / chance / (1 - chance))) @ design
    errors = np.sqrt(np.diag(np.linalg.inv(information)))[:2]
    np.testing.assert_allclose(fit.std_errors, errors, rtol=1e-5)
    average = fit.average_effects().params
    assert average["x"] == pytest.approx(
        other.params[0] * slope.sum() / len(data), rel=1e-5
    )
    base = design @ other.params - kept["d"].to_numpy() * other.params[1]
    step = (other.model.cdf(base + other.params[1]) - other.model.cdf(base)).sum()
    assert average["d"] == pytest.approx(step / len(data), rel=1e-5)


@pytest.mark.parametrize("clusters", [["city"], ["region"], ["city", "year"]])
def test_clustered_errors_are_sums_of_scores(clusters: list[str]) -> None:
    data = frame(3)
    spec = dp.LogitEffects("y", ["x", "d"], bias_correction=None, clusters=clusters)
    fit = fitted(spec, panel_of(data))
    other, design, kept = with_dummies(data, "logit")
    chance = other.predict(design)
    bread = np.linalg.inv((design.T * (chance * (1 - chance))) @ design)
    scores = design * (kept["y"].to_numpy() - chance)[:, None]

    def meat(groups: pd.Series) -> np.ndarray:
        sums = pd.DataFrame(scores).groupby(groups.to_numpy()).sum().to_numpy()
        return np.asarray(sums.T @ sums)

    total = sum(meat(kept[name]) for name in clusters)
    if len(clusters) == 2:
        total = total - meat(kept["city"] + kept["year"].astype(str))
    fewest = min(kept[name].nunique() for name in clusters)
    expected = (bread @ total @ bread)[:2, :2] * fewest / (fewest - 1)
    np.testing.assert_allclose(fit.covariance, expected, rtol=1e-5)
    assert fit.glance()["n_clusters"] == fewest


def test_clusters_of_a_conditional_logit_are_whole_levels() -> None:
    panel = panel_of(frame(3))
    spec = dp.LogitEffects("y", ["x"], time_effects=False)
    by_city = fitted(spec, panel)
    by_region = fitted(spec.replace(clusters="region"), panel)
    np.testing.assert_allclose(by_city.params, by_region.params)
    assert by_region.glance()["n_clusters"] == 4
    robust = fitted(spec.replace(cov_type="robust"), panel)
    np.testing.assert_allclose(robust.covariance, by_city.covariance)
    with pytest.raises(dp.OptionError, match="in one cluster"):
        fitted(spec.replace(clusters="year"), panel)


def test_scores_of_one_level_have_no_robust_covariance() -> None:
    data = frame(3)
    data.loc[data["city"] != "c00", "y"] = 1
    spec = dp.LogitEffects("y", ["x"], time_effects=False, cov_type="robust")
    with pytest.raises(dp.IdentificationError, match="cov_type='unadjusted'"):
        fitted(spec, panel_of(data))
    assert fitted(spec.replace(cov_type="unadjusted"), panel_of(data)).nobs < 10


def test_population_errors_are_those_of_means_over_clusters() -> None:
    """With a regressor whose effect is zero they are those of the sample."""
    panel = panel_of(frame(5, entities=30))
    fit = fitted(dp.LogitEffects("y", ["x", "d"]), panel)
    sample = fit.average_effects(errors="sample").std_errors
    population = fit.average_effects().std_errors
    assert (population > 0.9 * sample).all()
    assert fit.average_effects().df_t == panel.n_entities - 1
    unadjusted = fitted(dp.LogitEffects("y", ["x", "d"], cov_type="unadjusted"), panel)
    wider = unadjusted.average_effects().covariance
    gap = wider - unadjusted.average_effects(errors="sample").covariance
    assert (np.linalg.eigvalsh(gap) >= 0).all()
    assert np.isinf(unadjusted.average_effects().df_t)


# --- rows that are predicted perfectly ------------------------------------------------


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_predicted_rows_are_those_of_a_program_for_each_row(seed: int) -> None:
    """Some z is positive in the row, and has the sign of the outcome in all others."""
    data = frame(seed, entities=6, periods=5)
    x, y = data[["x", "d"]].to_numpy(float), data["y"].to_numpy(float)
    codes = [pd.factorize(data[name])[0] for name in ("city", "year")]
    columns = np.hstack([x, *(np.eye(c.max() + 1)[c] for c in codes)])
    signed = columns * np.where(y > 0, 1, -1)[:, None]
    inside = {
        "A_ub": np.vstack([signed, -signed]),
        "b_ub": np.repeat([1.0, 0.0], y.size),
    }
    most = [-linprog(-row, **inside, bounds=(None, None)).fun for row in signed]
    assert predicted_rows(y, x, codes).tolist() == [value > 1e-6 for value in most]


def test_levels_without_variation_are_counted_and_named() -> None:
    data = frame(7, entities=20)
    data.loc[data["city"].isin(["c03", "c05"]), "y"] = 1
    fit = fitted(dp.LogitEffects("y", ["x", "d"]), panel_of(data))
    (notice,) = [n for n in fit.diagnostics if n.code == "perfectly_predicted"]
    varies = data.groupby("city")["y"].std() > 0
    constant = varies.index[~varies]
    assert {"c03", "c05"} <= set(constant)
    count = int(data["city"].isin(constant).sum())
    assert notice.data["count"] == count == fit.glance()["n_predicted"]
    assert notice.data["levels"] == {"city": tuple(constant), "year": ()}
    assert f"{len(constant)} levels of city ('{constant[0]}'" in notice.message
    assert fit.nobs == len(data) - count
    others = data[~data["city"].isin(constant)]
    again = fitted(dp.LogitEffects("y", ["x", "d"]), panel_of(others))
    np.testing.assert_allclose(fit.params, again.params, atol=1e-9)
    share = fit.nobs / len(data)
    np.testing.assert_allclose(
        fit.average_effects().params, again.average_effects().params * share
    )
    assert fit.average_effects().nobs == len(data)


def test_regressors_and_effects_together_predict_rows() -> None:
    data = frame(8)
    data["z"] = data["d"] * (data["year"] > 2004)
    data.loc[data["z"] == 1, "y"] = 1
    message = "'z' is constant"
    with pytest.raises(dp.IdentificationError, match=message):
        fitted(dp.LogitEffects("y", ["x", "z"]), panel_of(data))
    with pytest.raises(dp.IdentificationError, match=message):
        fitted(dp.LogitEffects("y", ["x", "z"], time_effects=False), panel_of(data))
    spec = dp.LogitEffects("y", ["x", "z"], collinear="drop")
    fit = fitted(spec, panel_of(data))
    assert fit.names == ("x",)
    assert fit.glance()["n_predicted"] >= (data["z"] == 1).sum()


def test_only_levels_of_a_category_go_with_predicted_rows() -> None:
    """A collinear regressor is refused, whatever else goes."""
    data = frame(8)
    rows = np.random.default_rng(0).integers(0, 3, len(data))
    data["kind"] = np.array(["a", "b", "c"])[rows]
    data.loc[data["kind"] == "a", "y"] = 1
    fit = fitted(dp.LogitEffects("y", ["x", "C(kind)"]), panel_of(data))
    assert fit.names == ("x", "C(kind)[T.b]")
    spec = dp.LogitEffects("y", ["x", "C(kind)", "twice"])
    with pytest.raises(dp.CollinearityError, match="'twice'"):
        fitted(spec, panel_of(data.assign(twice=2 * data["x"])))


def test_a_state_that_is_never_left_is_predicted_by_the_effects() -> None:
    data = frame(9)
    first = data["city"].str[1:].astype(int) % 8 + 2001
    data["y"] = (data["year"] >= first).astype(int)
    with pytest.raises(dp.IdentificationError, match="every row is predicted"):
        fitted(dp.LogitEffects("y", ["x"]), panel_of(data))


def test_dummies_of_periods_that_left_are_redundant() -> None:
    """A year whose outcomes are all zero leaves, and with it a dummy of another one."""
    data = frame(10, entities=25)
    for year in (2000, 2003):
        without = data.copy()
        without.loc[without["year"] == year, "y"] = 0
        spec = dp.LogitEffects("y", ["x", "C(year)"], time_effects=False)
        fit = fitted(spec, panel_of(without))
        others = without[without["year"] != year]
        again = fitted(spec, panel_of(others))
        np.testing.assert_allclose(fit.params["x"], again.params["x"], atol=1e-9)
        codes = {notice.code for notice in fit.diagnostics}
        assert codes & {"dropped_collinear", "dropped_absorbed"}


def test_corrections_that_are_larger_than_the_estimates_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    panel = panel_of(frame(11, entities=25))
    spec = dp.LogitEffects("y", ["x"])
    plain = fitted(spec.replace(bias_correction=None), panel)
    monkeypatch.setattr(
        logit, "coefficient_bias", lambda _, fit: 1.1 * fit.coefficients
    )
    with pytest.warns(dp.IdentificationWarning, match="larger than the estimates"):
        fit = spec.fit(panel)
    assert fit.params.equals(plain.params)
    assert "no bias correction" in fit.summary()
    (notice,) = [n for n in fit.diagnostics if n.code == "large_correction"]
    ratio = notice.data["bias"] / notice.data["estimates"]
    assert ratio == pytest.approx(1.1)
    # Without an effect a bias of less than one standard error is none
    assert notices.large_correction(0.9, 0.1) == []


def test_a_covariance_that_is_not_positive_semidefinite_is_reported() -> None:
    data = frame(0, entities=16)
    spec = dp.LogitEffects("y", ["x", "d"], clusters=["region", "year"])
    fit = fitted(spec, panel_of(data))
    assert np.linalg.eigvalsh(fit.covariance)[0] < 0
    assert "not_psd" in {notice.code for notice in fit.diagnostics}


# --- invariances ----------------------------------------------------------------------

SPECS = [
    dp.LogitEffects("y", ["x", "d"]),
    dp.LogitEffects("y", ["x", "d"], link="probit"),
    dp.LogitEffects("y", ["x", "d", "C(year)"], time_effects=False),
    dp.LogitEffects("y", ["x", "d"], time_effects=False, absorb=["kind"]),
]


@pytest.mark.parametrize("spec", SPECS)
def test_order_units_and_labels_do_not_matter(spec: dp.LogitEffects) -> None:
    data = frame(11)
    fit = fitted(spec, panel_of(data))
    other = data.sample(frac=1, random_state=1)
    other = other.assign(
        x=1e4 * other["x"] + 3e5, city=other["city"].map(lambda name: f"z{name[::-1]}")
    )
    again = fitted(spec, panel_of(other))
    np.testing.assert_allclose(fit.params["x"], again.params["x"] * 1e4, rtol=1e-6)
    np.testing.assert_allclose(fit.params["d"], again.params["d"], rtol=1e-6)
    np.testing.assert_allclose(fit.tstats[:2], again.tstats[:2], rtol=1e-6)
    if not fit.is_conditional:
        first, second = fit.average_effects(), again.average_effects()
        np.testing.assert_allclose(first.params["d"], second.params["d"], rtol=1e-6)
        np.testing.assert_allclose(first.tstats, second.tstats, rtol=1e-6)


def test_zeros_and_ones_may_be_exchanged() -> None:
    data = frame(12)
    spec = dp.LogitEffects("y", ["x", "d"])
    fit = fitted(spec, panel_of(data))
    again = fitted(spec, panel_of(data.assign(y=1 - data["y"])))
    np.testing.assert_allclose(fit.params, -again.params, atol=1e-9)
    np.testing.assert_allclose(fit.std_errors, again.std_errors, atol=1e-9)
    np.testing.assert_allclose(
        fit.average_effects().params, -again.average_effects().params, atol=1e-9
    )


# --- average effects ------------------------------------------------------------------


def test_levels_of_a_category_are_compared_with_the_reference() -> None:
    data = frame(13, entities=20)
    fit = fitted(dp.LogitEffects("y", ["x", "C(kind)"]), panel_of(data))
    effects = fit.average_effects()
    assert effects.names == ("x", "C(kind)[T.b]", "C(kind)[T.c]")
    assert effects.dummies == effects.names[1:]
    other = fitted(dp.LogitEffects("y", ["x", "C(kind, ref='b')"]), panel_of(data))
    turned = other.average_effects().params
    np.testing.assert_allclose(effects.params["x"], turned["x"], atol=1e-9)
    first = effects.params["C(kind)[T.b]"]
    np.testing.assert_allclose(first, -turned.iloc[1], atol=1e-9)


def test_regressors_that_share_a_variable_have_no_average_effect() -> None:
    panel = panel_of(frame(14, entities=20))
    fit = fitted(dp.LogitEffects("y", ["x", "I(x**2)", "d", "lag(x)"]), panel)
    assert fit.average_effects().names == ("d", "lag(x)")
    (notice,) = [n for n in fit.diagnostics if n.code == "no_average"]
    assert notice.data["terms"] == ("x", "I(x**2)")
    only = fitted(dp.LogitEffects("y", ["x", "x:d"]), panel)
    with pytest.raises(dp.TermError, match="shares a variable"):
        only.average_effects()
    policy = fitted(dp.LogitEffects("y", ["d:region"]), panel)
    assert policy.average_effects().names == ("d:region",)


# --- failures -------------------------------------------------------------------------


def test_outcomes_that_are_no_zeros_and_ones() -> None:
    data = frame(15)
    with pytest.raises(dp.TermError, match=r"y='I\(x > "):
        fitted(dp.LogitEffects("x", ["d"]), panel_of(data))
    data["two"] = data["y"] + 1
    with pytest.raises(dp.TermError, match=r"y='I\(two == 2\)'"):
        fitted(dp.LogitEffects("two", ["x"]), panel_of(data))
    fitted(dp.LogitEffects("I(two == 2)", ["x"]), panel_of(data))
    data["one"] = 1
    with pytest.raises(dp.IdentificationError, match="is 1 in all"):
        fitted(dp.LogitEffects("one", ["x"]), panel_of(data))
    with pytest.raises(dp.TermError, match="several columns"):
        fitted(dp.LogitEffects("C(kind)", ["x"]), panel_of(data))


def test_all_rows_predicted_perfectly() -> None:
    data = frame(16)
    data["y"] = (data["city"] < "c06").astype(int)
    for link in MODELS:
        with pytest.raises(dp.IdentificationError, match="every row is predicted"):
            fitted(dp.LogitEffects("y", ["x"], link=link), panel_of(data))


def test_regressors_without_variation_and_collinear_ones() -> None:
    data = frame(17)
    for options in ({}, {"time_effects": False}):
        with pytest.raises(dp.IdentificationError, match="'region' is absorbed"):
            fitted(dp.LogitEffects("y", ["x", "region"], **options), panel_of(data))
        with pytest.raises(dp.CollinearityError, match="collinear"):
            fitted(dp.LogitEffects("y", ["x", "I(2*x)"], **options), panel_of(data))


def test_one_period_and_slopes_of_levels() -> None:
    data = frame(18)
    with pytest.raises(dp.DigiprosperError):
        fitted(dp.LogitEffects("y", ["x"]), panel_of(data[data["year"] == 2001]))
    with pytest.raises(dp.OptionError, match="slopes by level"):
        fitted(dp.LogitEffects("y", ["x"], absorb=["city[year]"]), panel_of(data))


def test_missing_rows_are_dropped_with_a_warning() -> None:
    data = frame(19)
    data.loc[data.index[:5], "x"] = np.nan
    with pytest.warns(dp.MissingDataWarning, match="5 of"):
        fit = dp.LogitEffects("y", ["x"]).fit(panel_of(data))
    np.testing.assert_allclose(
        fit.params, fitted(dp.LogitEffects("y", ["x"]), panel_of(data.iloc[5:])).params
    )
    with pytest.raises(dp.MissingDataError):
        dp.LogitEffects("y", ["x"], missing="raise").fit(panel_of(data))


def test_short_panels_are_not_corrected() -> None:
    panel = panel_of(frame(20, entities=40, periods=5))
    with pytest.warns(dp.IdentificationWarning, match="nothing is corrected"):
        fit = dp.LogitEffects("y", ["x"]).fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "short_panel"]
    assert notice.data["effect"] == "city"
    assert notice.data["rows"] < 6
    plain = fitted(dp.LogitEffects("y", ["x"], bias_correction=None), panel)
    assert fit.params.equals(plain.params)
    assert "short_panel" not in {n.code for n in plain.diagnostics}
    probit = fitted(dp.LogitEffects("y", ["x"], link="probit"), panel)
    messages = " ".join(n.message for n in probit.diagnostics)
    assert "conditional" not in messages


def test_a_lag_of_the_outcome_is_reported() -> None:
    panel = panel_of(frame(21, entities=30))
    fit = fitted(dp.LogitEffects("y", ["x", "lag(y)"]), panel)
    assert "lagged_outcome" in {n.code for n in fit.diagnostics}


def test_other_functions_take_the_specification() -> None:
    panel = panel_of(frame(22, entities=24))
    spec = dp.LogitEffects("y", ["x"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        fits = dp.fit_all({"logit": spec, "probit": spec.replace(link="probit")}, panel)
        steps = dp.stepwise(spec, panel, ["d"], sample="own")
        groups = dp.by_group(spec, panel, "region < 2", term="x", reps=19, rng=1)
    assert not fits.failures
    assert [len(fit.params) for fit in steps.values()] == [1, 2]
    assert 0 < groups.difference.p_value <= 1


@pytest.mark.filterwarnings("ignore::digiprosper.FewClustersWarning")
@pytest.mark.parametrize(("entities", "warned"), [(2, True), (9, True), (10, False)])
def test_very_few_clusters_are_reported(entities: int, warned: bool) -> None:
    """Normal intervals covered in 91% of simulated panels of six entities."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(entities, 14))
    data = pd.DataFrame(
        {
            "i": np.repeat(np.arange(entities), 14),
            "t": np.tile(np.arange(14), entities),
            "x": x.ravel(),
            "y": (x + rng.logistic(size=x.shape) > 0).ravel().astype(int),
        }
    )
    spec = dp.LogitEffects("y", ["x"], time_effects=False)
    fit = spec.fit(dp.Panel(data, "i", "t"))
    codes = {notice.code for notice in fit.diagnostics}
    assert ("very_few_clusters" in codes) == warned
    robust = spec.replace(cov_type="robust").fit(dp.Panel(data, "i", "t"))
    assert "very_few_clusters" not in {n.code for n in robust.diagnostics}
