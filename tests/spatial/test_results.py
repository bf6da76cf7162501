from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

import digiprosper as dp
from digiprosper import PanelSpatial, SpatialResults
from digiprosper.report.summary import Summary

X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")


@pytest.fixture(scope="module")
def durbin(states, contiguity) -> SpatialResults:
    return PanelSpatial("log(gsp)", X, contiguity).fit(states)


def test_names_are_in_order(durbin: SpatialResults) -> None:
    assert durbin.names == ("rho", *X, *(f"W:{x}" for x in X))
    assert isinstance(durbin, dp.Results)
    assert list(durbin.params.index) == list(durbin.names) == list(durbin.cov.index)


@pytest.mark.parametrize(
    ("model", "spatial"),
    [("sar", ["rho"]), ("sem", ["lambda"]), ("sac", ["rho", "lambda"]), ("slx", []), ("sdem", ["lambda"])],
)
def test_spatial_coefficients_by_model(states, contiguity, model: str, spatial: list[str]) -> None:
    fit = PanelSpatial("log(gsp)", X, contiguity, model=model).fit(states)
    lags = [f"W:{x}" for x in X] if model in ("slx", "sdem") else []
    assert list(fit.names) == [*spatial, *X, *lags]


def test_glance_has_the_likelihood(durbin: SpatialResults) -> None:
    glance = dict(durbin.glance())
    # Eight slopes, rho, sigma2 and 48 + 17 - 1 effects.
    assert glance["n_parameters"] == 8 + 1 + 1 + 64
    assert glance["aic"] == pytest.approx(2 * 74 - 2 * durbin.loglik)
    assert glance["bic"] == pytest.approx(np.log(816) * 74 - 2 * durbin.loglik)
    assert glance["effects"] == "state+year"
    assert glance["rsquared_within"] == durbin.rsquared_within
    assert 0 < durbin.rsquared_within < 1
    assert glance["df_t"] is None


def test_clustered_errors_are_t(states, contiguity) -> None:
    fit = PanelSpatial("log(gsp)", X, contiguity, cov_type="clustered").fit(states)
    assert fit.df_t == 47
    assert fit.glance()["clusters"] == "state"
    low, high = fit.conf_int().loc["unemp"]
    assert high - low == pytest.approx(2 * 2.0117405 * fit.std_errors["unemp"], rel=1e-6)
    assert "clustered by state (48 clusters" in fit.conventions


def test_the_summary_leads_with_effects(durbin: SpatialResults) -> None:
    text = durbin.summary()
    assert text.index("log(pc): indirect") < text.index("W:log(pc)")
    assert "are not spillovers" in text
    assert "row-standardised" in text
    assert "<table" in durbin._repr_html_()


def test_a_model_without_rho_says_nothing_about_spillovers(states, contiguity) -> None:
    text = PanelSpatial("log(gsp)", X, contiguity, model="slx").fit(states).summary()
    assert "not spillovers" not in text


def test_a_table_shows_it(durbin: SpatialResults, states, contiguity) -> None:
    lag = PanelSpatial("log(gsp)", X, contiguity, model="sar").fit(states)
    linear = dp.FixedEffects("log(gsp)", X).fit(states)
    table = dp.etable({"FE": linear, "SAR": lag, "SDM": durbin}).frame
    assert "Spatial lag of the outcome (ρ)" in table.index
    assert any(str(row).startswith("W × ") for row in table.index)
    printed = dp.etable(
        [linear, lag, durbin.decomposition], style=dp.TableStyle("zh"), labels={"W": "邻接矩阵"}
    )
    assert any("W：邻接矩阵（行标准化）" in note for note in printed.notes)
    chinese = printed.frame
    assert chinese.loc["个体固定效应"].tolist() == ["是"] * 5


def test_effects_are_three_columns_of_a_table(durbin: SpatialResults) -> None:
    table = dp.etable(durbin.decomposition, below="ci", stats=["nobs", "loglik", "aic", "bic"])
    assert list(table.frame.columns) == ["Direct", "Indirect", "Total"]
    assert table.frame.loc["Log likelihood"].tolist() == ["1680.623"] * 3
    assert table.frame.loc["Unemployment rate (%)", "Indirect"].startswith("-0.005")
    assert any("spatial Durbin model (SDM), W: " in note for note in table.notes)
    chinese = dp.etable(durbin.decomposition, style=dp.TableStyle("zh"))
    assert list(chinese.frame.columns) == ["直接效应", "间接效应", "总效应"]
    assert any("空间杜宾模型（SDM）" in note for note in chinese.notes)
    several = dp.etable({"SDM": durbin.decomposition})
    assert several.spans == ("SDM", "SDM", "SDM")
    assert list(several.frame.columns) == ["Direct", "Indirect", "Total"]
    assert "direct" in repr(pickle.loads(pickle.dumps(durbin.decomposition)))


def test_pickles_and_dicts(durbin: SpatialResults) -> None:
    again = pickle.loads(pickle.dumps(durbin))
    assert again.summary() == durbin.summary()
    stored = json.loads(json.dumps(durbin.to_dict()))
    assert stored["model"] == "sdm"
    assert len(stored["impacts"]) == 12
    summary = Summary.from_dict(stored)
    assert summary.to_text() == durbin.summary()
    assert summary.params.to_numpy() == pytest.approx(durbin.params.to_numpy())


def test_wald_test_is_chi_squared(durbin: SpatialResults) -> None:
    test = durbin.wald_test("unemp = 0")
    assert test.distribution == "chi2"
    assert test.statistic == pytest.approx(durbin.tidy().set_index("term").loc["unemp", "statistic"] ** 2)
    with pytest.raises(dp.TermError):
        durbin.wald_test("unemp = 0, 2*unemp = 0")


def test_residuals_have_the_rows(durbin: SpatialResults, states) -> None:
    assert durbin.resids.index.equals(states.index)
    assert np.mean(durbin.resids**2) == pytest.approx(durbin.sigma2)


def test_without_effects_there_is_an_intercept(states, contiguity) -> None:
    for model in ("sar", "sem", "slx", "sac"):
        fit = PanelSpatial(
            "log(gsp)", X, contiguity, model=model, entity_effects=False, time_effects=False
        ).fit(states)
        assert fit.names[-1] == "Intercept"
        assert fit.glance()["effects"] is None
        assert fit.estimated.n_parameters == len(fit.names) + 1


def test_unit_impacts_average_to_the_effects(durbin: SpatialResults) -> None:
    units = durbin.unit_impacts
    assert len(units) == 48 * 4
    means = units.groupby("term")[["direct", "indirect", "total", "to_others"]].mean()
    known = durbin.impacts.pivot(index="term", columns="kind", values="estimate")
    for kind in ("direct", "indirect", "total"):
        assert means[kind].to_numpy() == pytest.approx(known[kind].to_numpy(), abs=1e-12)
    assert means["to_others"].to_numpy() == pytest.approx(means["indirect"].to_numpy(), abs=1e-12)
