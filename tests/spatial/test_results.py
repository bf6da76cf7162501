from __future__ import annotations

import json
import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper import PanelSpatial, SpatialResults, SpatialWeights
from digiprosper.report.inference import Inference
from digiprosper.report.summary import Summary
from digiprosper.report.terms import Factor
from digiprosper.spatial.results import (
    SpatialEffects,
    shared_variables,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NORMAL = Inference(cov_type="observed")
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
    [
        ("sar", ["rho"]),
        ("sem", ["lambda"]),
        ("sac", ["rho", "lambda"]),
        ("slx", []),
        ("sdem", ["lambda"]),
    ],
)
def test_spatial_coefficients_by_model(
    states, contiguity, model: str, spatial: list[str]
) -> None:
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
    assert glance["df_t"] == 47


def test_clustered_errors_are_t(states, contiguity) -> None:
    fit = PanelSpatial("log(gsp)", X, contiguity, cov_type="clustered").fit(states)
    assert fit.df_t == 47
    assert fit.glance()["clusters"] == "state"
    low, high = fit.conf_int().loc["unemp"]
    assert high - low == pytest.approx(
        2 * 2.0117405 * fit.std_errors["unemp"], rel=1e-6
    )
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
        [linear, lag, durbin.decomposition],
        style=dp.TableStyle("zh"),
        labels={"W": "邻接矩阵"},
    )
    assert any("W：邻接矩阵（行标准化）" in note for note in printed.notes)
    chinese = printed.frame
    assert chinese.loc["个体固定效应"].tolist() == ["是"] * 5


@pytest.mark.parametrize(
    ("made_by", "chinese"),
    [
        ("4 nearest neighbours", "4个最近邻"),
        ("inverse distance within 500 km", "距离的倒数，500公里以内"),
        ("inverse difference of gsp", "地区生产总值差距的倒数"),
        (
            "gravity: gsp at both ends over distance to the power 2",
            "引力模型：两端地区生产总值的乘积除以距离的2次方",
        ),
        (
            "0.5 x (borders) + 0.5 x (inverse distance)",
            "0.5×（borders）+0.5×（距离的倒数）",
        ),
    ],
)
def test_a_chinese_table_says_how_weights_were_made(
    durbin: SpatialResults, made_by: str, chinese: str
) -> None:
    text = f"nearest ({made_by}, row-standardised)"
    fit = replace(
        durbin,
        weights_name="nearest",
        weights_text=text,
        weights_made_by=made_by,
    )
    labels = {"gsp": "地区生产总值"}
    for language, note in (
        ("zh", f"空间权重矩阵W：nearest（{chinese}，行标准化）。"),
        ("en", f"W: {text}."),
    ):
        style = dp.TableStyle(language)
        notes = dp.etable(fit, style=style, labels=labels).notes
        assert any(text.endswith(note) for text in notes)


def test_effects_are_three_columns_of_a_table(durbin: SpatialResults) -> None:
    table = dp.etable(
        durbin.decomposition, below="ci", stats=["nobs", "loglik", "aic", "bic"]
    )
    assert list(table.frame.columns) == ["Direct", "Indirect", "Total"]
    assert table.frame.loc["Log likelihood"].tolist() == [f"{durbin.loglik:,.3f}"] * 3
    assert table.frame.loc["Unemployment rate (%)", "Indirect"].startswith("-0.006")
    assert table.notes[1:3] == (
        "Spatial Durbin model (SDM).",
        f"W: {durbin.weights_text}.",
    )
    chinese = dp.etable(durbin.decomposition, style=dp.TableStyle("zh"))
    assert list(chinese.frame.columns) == ["直接效应", "间接效应", "总效应"]
    assert any("空间杜宾模型（SDM）" in note for note in chinese.notes)
    rows = durbin.effects_table().set_index(["term", "kind"])
    for frame in (rows, rows.reset_index()):
        text = str(dp.etable(frame, style=dp.TableStyle("zh")))
        assert "总效应" in text
        assert "总计" not in text
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


def test_wald_test_is_f_or_chi_squared(
    durbin: SpatialResults, states, contiguity
) -> None:
    test = durbin.wald_test("unemp = 0")
    assert (test.distribution, test.df) == ("F", (1, 47))
    plain = PanelSpatial("log(gsp)", X, contiguity, likelihood="unadjusted").fit(states)
    assert plain.wald_test("unemp = 0").distribution == "chi2"
    assert test.statistic == pytest.approx(
        durbin.tidy().set_index("term").loc["unemp", "statistic"] ** 2
    )
    with pytest.raises(dp.TermError):
        durbin.wald_test("unemp = 0, 2*unemp = 0")


def test_residuals_have_the_rows(durbin: SpatialResults, states) -> None:
    assert durbin.resids.index.equals(states.index)
    assert np.sum(durbin.resids**2) / (47 * 16) == pytest.approx(durbin.sigma2)


def test_without_effects_there_is_an_intercept(states, contiguity) -> None:
    for model in ("sar", "sem", "slx", "sac"):
        fit = PanelSpatial(
            "log(gsp)",
            X,
            contiguity,
            model=model,
            entity_effects=False,
            time_effects=False,
        ).fit(states)
        assert fit.names[-1] == "Intercept"
        assert fit.glance()["effects"] is None
        assert fit.n_parameters == len(fit.names) + 1


def test_unit_impacts_average_to_the_effects(durbin: SpatialResults) -> None:
    units = durbin.unit_impacts
    assert len(units) == 48 * 4
    means = units.groupby("term")[["direct", "indirect", "total", "to_others"]].mean()
    known = durbin.impacts.pivot_table(index="term", columns="kind", values="estimate")
    for kind in ("direct", "indirect", "total"):
        assert means[kind].to_numpy() == pytest.approx(
            known[kind].to_numpy(), abs=1e-12
        )
    assert means["to_others"].to_numpy() == pytest.approx(
        means["indirect"].to_numpy(), abs=1e-12
    )


def test_estimates_are_pickled_by_name(states, contiguity) -> None:
    estimated = PanelSpatial("log(gsp)", ["unemp"], contiguity).fit(states).estimated
    stored = pickle.dumps(estimated)
    assert b"digiprosper.spatial" not in stored
    again = pickle.loads(stored)
    assert again.names == estimated.names
    assert again.covariance.tolist() == estimated.covariance.tolist()


# --- tests of simpler models ----------------------------------------------------------


@pytest.mark.parametrize("effects", ["individual", "two-way"])
def test_likelihood_ratios_of_produc(
    states, contiguity, numbers: dict[str, Any], effects: str
) -> None:
    spec = PanelSpatial(
        "log(gsp)",
        X,
        contiguity,
        time_effects=effects == "two-way",
        likelihood="unadjusted",
    )
    durbin = spec.fit(states)
    for model in ("sar", "sem"):
        test = durbin.lr_test(spec.replace(model=model).fit(states))
        chinese = str(dp.etable([test], style=dp.TableStyle("zh")))
        assert "误差自相关时过度拒绝" in "".join(chinese.split())
        assert test.statistic == pytest.approx(
            numbers["produc_lr"][effects][model], abs=6e-5
        )
        assert test.df == 4


@pytest.mark.data("cigar.csv")
@pytest.mark.data("usa46.csv")
@pytest.mark.parametrize("cov_type", ["information", "observed"])
def test_wald_tests_of_cigar(
    cigar, cigar_weights, numbers: dict[str, Any], cov_type: str
) -> None:
    spec = PanelSpatial(
        "log(sales)",
        ["logp", "logy"],
        cigar_weights,
        likelihood="unadjusted",
        cov_type=cov_type,
    )
    durbin = spec.fit(cigar)
    known = numbers["cigar_tests"]
    for model in ("sar", "sem"):
        assert durbin.wald_to(model).statistic == pytest.approx(
            known[cov_type][model], abs=6e-5
        )
    lag = spec.replace(model="sar").fit(cigar)
    assert durbin.lr_test(lag).statistic == pytest.approx(known["lr_sar"], abs=6e-5)


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
@pytest.mark.parametrize("model", ["sar", "sem", "sac", "sdm", "sdem"])
def test_the_model_without_spatial_terms_is_nested_in_all(
    states, contiguity, model: str
) -> None:
    spec = PanelSpatial("log(gsp)", X[:2], contiguity, model=model)
    none = spec.replace(model="slx", spatial_lags=()).fit(states)
    large = spec.fit(states)
    test = large.lr_test(none)
    assert test.df == len(large.names) - len(none.names)
    assert test.statistic == pytest.approx(2 * (large.loglik - none.loglik), rel=1e-9)


def test_likelihood_ratio_of_effects_and_terms(states, contiguity) -> None:
    spec = PanelSpatial("log(gsp)", X, contiguity, likelihood="unadjusted")
    both = spec.fit(states)
    one = spec.replace(time_effects=False).fit(states)
    assert one.lr_test(both).df == 16
    fewer = spec.replace(x=X[:3]).fit(states)
    assert both.lr_test(fewer).df == 2
    assert (
        both.lr_test(fewer).null
        == "what the SDM with fewer terms or effects leaves out is zero"
    )
    lag = spec.replace(model="sar").fit(states)
    assert both.lr_test(lag).null == "the restrictions of the SAR hold in the SDM"
    assert "the table of spatial tests allow" in both.lr_test(lag).method


def test_wald_to_sem_of_the_durbin_error_model(states, contiguity) -> None:
    fit = PanelSpatial("log(gsp)", X, contiguity, model="sdem").fit(states)
    joint = fit.wald_test([f"W:{x} = 0" for x in X])
    assert fit.wald_to("sem").statistic == pytest.approx(joint.statistic)
    assert "rho" not in fit.wald_to("sem").null


def test_models_that_cannot_be_compared(states, contiguity) -> None:
    spec = PanelSpatial("log(gsp)", X, contiguity)
    durbin, lag = spec.fit(states), spec.replace(model="sar").fit(states)
    error = spec.replace(model="sem").fit(states)
    other = SpatialWeights(contiguity.raw, contiguity.entities, standardise="spectral")
    cases = [
        (lag, error),  # as many parameters
        (durbin, durbin),
        (durbin, spec.replace(spatial_weights=other, model="sar").fit(states)),
        (durbin, spec.replace(transform="splm", model="sar").fit(states)),
        (
            durbin,
            PanelSpatial("log(gsp)", [*X, "log(hwy)"], contiguity, model="sac").fit(
                states
            ),
        ),
        (spec.replace(spatial_lags=["unemp"]).fit(states), error),
    ]
    for first, second in cases:
        with pytest.raises(dp.OptionError):
            first.lr_test(second)
    with pytest.raises(dp.InputTypeError):
        durbin.lr_test(dp.FixedEffects("log(gsp)", X).fit(states))
    for fit, model in (
        (spec.replace(spatial_lags=[]).fit(states), "sar"),
        (lag, "sar"),
        (durbin, "slx"),
        (spec.replace(spatial_lags=["unemp"]).fit(states), "sem"),
    ):
        with pytest.raises(dp.OptionError):
            fit.wald_to(model)


def test_wald_to_sem_by_numerical_derivatives(states, contiguity) -> None:
    fit = PanelSpatial("log(gsp)", X, contiguity).fit(states)
    b, cov = fit.params.to_numpy(), fit.cov.to_numpy()

    def gap(v: np.ndarray) -> np.ndarray:
        return v[5:] + v[0] * v[1:5]

    gradient = np.column_stack(
        [(gap(b + h) - gap(b - h)) / 2e-6 for h in 1e-6 * np.eye(9)]
    )
    expected = gap(b) @ np.linalg.solve(gradient @ cov @ gradient.T, gap(b))
    assert 4 * fit.wald_to("sem").statistic == pytest.approx(expected, rel=1e-7)


def made(draws: np.ndarray | None = None) -> SpatialEffects:
    estimates = np.array([[1.0, 2.0], [0.5, 0.0], [1.5, 2.0]])
    covariance = np.diag([0.01, 0.04, 0.01, 0.0, 0.04, 0.04])
    units = np.vstack([np.full(3, v) for v in (1.0, 1.5, 1.5, 0.0, 0.0, 0.0)])
    return SpatialEffects(
        terms=("a", "b"),
        slopes=np.array([1.0, 2.0]),
        lags=np.zeros(2),
        estimates=estimates,
        covariance=covariance,
        draws=draws,
        units=units,
        entities=pd.Index(["u", "v", "w"]),
    )


def test_three_rows_a_term() -> None:
    frame = made().frame(NORMAL, 0.95)
    assert frame["term"].tolist() == ["a"] * 3 + ["b"] * 3
    assert frame["kind"].tolist() == ["direct", "indirect", "total"] * 2
    assert frame["estimate"].tolist() == [1.0, 0.5, 1.5, 2.0, 0.0, 2.0]
    assert frame.loc[0, "conf_high"] == pytest.approx(1.0 + 1.959964 * 0.1, abs=1e-6)
    assert frame.loc[2, "p_value"] == pytest.approx(6.4e-14, rel=0.01)


def test_an_effect_set_to_zero_has_no_error() -> None:
    frame = made().frame(NORMAL, 0.95)
    assert (
        frame.loc[4, ["std_error", "statistic", "p_value", "conf_low", "conf_high"]]
        .isna()
        .all()
    )


def test_levels_are_checked() -> None:
    with pytest.raises(dp.OptionError):
        made().frame(NORMAL, 95)


def test_draws_give_errors_and_percentiles() -> None:
    rng = np.random.default_rng(1)
    draws = made().estimates + 0.1 * rng.normal(size=(500, 3, 2))
    draws[:, 1, 1] = 0.0
    frame = made(draws).frame(NORMAL, 0.9)
    assert frame.loc[0, "std_error"] == pytest.approx(draws[:, 0, 0].std(ddof=1))
    low = np.quantile(draws[:, 0, 0], 0.05)
    assert frame.loc[0, "conf_low"] == pytest.approx(low, abs=0.01)
    assert frame.loc[4, ["std_error", "p_value", "conf_low"]].isna().all()


def test_units() -> None:
    frame = made().by_unit("city")
    assert list(frame.columns) == [
        "city",
        "term",
        "direct",
        "indirect",
        "total",
        "to_others",
    ]
    assert frame.loc[1].tolist() == ["u", "b", 2.0, 1.0, 3.0, 1.0]


SQUARES = ["log(pc)", "unemp", "I(unemp**2)"]


@pytest.mark.parametrize("model", ["sdm", "sar", "sem", "slx"])
def test_a_variable_in_several_terms_has_no_row_of_its_own(
    states, contiguity, model: str
) -> None:
    fit = dp.PanelSpatial("log(gsp)", SQUARES, contiguity, model=model).fit(states)
    (notice,) = [n for n in fit.diagnostics if n.code == "several_rows"]
    assert notice.data == {"terms": {"unemp": ("unemp", "I(unemp**2)")}}
    text = fit.summary()
    assert (
        text.index("I(unemp**2): total")
        < text.index("'unemp' is in the terms")
        < text.index("Coefficients")
    )
    assert text.count("is in the terms") == 1
    notes = dp.etable(fit.decomposition).notes
    assert any("no row alone is its effect" in note for note in notes)


def test_notices_are_below_the_table_of_effects(states, contiguity) -> None:
    """A spatial difference in differences with policies of several years."""
    years = pd.Series([1974.0, 1978.0, np.nan] * 16, states.entities, name="first")
    panel = states.attach(years).assign(policy="treated(first)")
    spec = dp.PanelSpatial("log(gsp)", ["policy", "unemp"], contiguity)
    fit = spec.replace(where="year > 1971").fit(panel)
    (notice,) = [n for n in fit.diagnostics if n.code == "staggered_treatment"]
    assert "it does not take spatial lags" in notice.message
    for table in (dp.etable(fit), dp.etable(fit.decomposition)):
        notes = " ".join(table.notes)
        assert "policy: treatments start in different periods" in notes
        assert "year > 1971" in notes
    chinese = dp.etable(fit.decomposition, style=dp.TableStyle("zh")).notes
    assert any("policy的处理时间不一致" in note for note in chinese)


@pytest.mark.filterwarnings("ignore::digiprosper.FewClustersWarning")
def test_variables_that_several_terms_share() -> None:
    def shared(*terms: str) -> dict[str, tuple[str, ...]]:
        states = dp.datasets.us_states()
        fit = dp.FixedEffects("log(gsp)", terms, entity_effects=False).fit(states)
        return shared_variables(terms, fit.factors)

    assert shared("log(pc)", "unemp", "lag(unemp)") == {}
    assert shared("pc", "log(pc)") == {"pc": ("pc", "log(pc)")}
    assert shared("unemp", "unemp:log(pc)") == {"unemp": ("unemp", "unemp:log(pc)")}
    assert shared("lag(unemp)", "I(lag(unemp)**2)") == {
        "lag(unemp)": ("lag(unemp)", "I(lag(unemp)**2)")
    }
    both = ("emp", "log(pc)", "emp:log(pc)")
    assert shared(*both) == {"emp": (both[0], both[2]), "pc": (both[1], both[2])}


def test_dummies_of_one_category_are_different_variables() -> None:
    dummies = [
        Factor(f"C(region)[T.{level}]", "region", level=at)
        for at, level in enumerate("ab", 1)
    ]
    x = Factor("x", "x", columns=("x",))
    factors = {
        "a": (dummies[0],),
        "b": (dummies[1],),
        "x": (x,),
        "a:x": (dummies[0], x),
    }
    assert shared_variables(("a", "b", "x"), factors) == {}
    assert shared_variables(tuple(factors), factors) == {
        "C(region)[T.a]": ("a", "a:x"),
        "x": ("x", "a:x"),
    }


def test_the_effect_of_a_variable_in_several_terms_adds_its_rows(
    states, contiguity
) -> None:
    """The sum of rows is the mean outcome's change if unemp changes everywhere."""
    fit = dp.PanelSpatial("log(gsp)", SQUARES, contiguity).fit(states)
    value, step = 7.0, 1e-4
    total = fit.impacts.query("kind == 'total'").set_index("term")["estimate"]
    rho, weights = fit.params["rho"], contiguity.dense

    def outcome(unemp: float) -> float:
        columns = {"unemp": unemp, "I(unemp**2)": unemp**2}
        own = sum(fit.params[term] * column for term, column in columns.items())
        lagged = sum(
            fit.params[f"W:{term}"] * column for term, column in columns.items()
        )
        ones = np.ones(len(weights))
        return float(
            np.linalg.solve(
                np.eye(len(ones)) - rho * weights, own * ones + lagged * weights @ ones
            ).mean()
        )

    slope = (outcome(value + step) - outcome(value - step)) / (2 * step)
    assert total["unemp"] + 2 * value * total["I(unemp**2)"] == pytest.approx(
        slope, rel=1e-6
    )


@pytest.mark.montecarlo
def test_size_of_the_likelihood_ratio_with_autocorrelated_errors(
    measured: Callable[..., None],
) -> None:
    """Share of 300 panels in which the SDM is preferred to a true SAR at 5%.

    "likelihood ratio" is `lr_test`, and "Wald" is `wald_to`. There are 31 entities with
    four neighbours each and 10 periods, two-way effects, two regressors, and a serial
    correlation of .6 in all variables.
    """
    rng = np.random.default_rng(4)
    places = pd.DataFrame(rng.uniform(0, 20, size=(31, 2)), columns=["lat", "lon"])
    near = SpatialWeights.k_nearest(
        places.set_axis(["latitude", "longitude"], axis=1), 4
    )
    keys = {"i": np.repeat(range(31), 10), "t": np.tile(range(10), 31)}
    spec = PanelSpatial("y", ["a", "b"], near)
    rejected = []
    for _ in range(300):
        draws = rng.normal(size=(3, 31, 10))
        for t in range(1, 10):
            draws[..., t] = 0.6 * draws[..., t - 1] + 0.8 * draws[..., t]
        columns = dict(zip(("a", "b", "y"), draws.reshape(3, -1), strict=True))
        panel = dp.Panel(pd.DataFrame({**keys, **columns}), "i", "t")
        large, small = spec.fit(panel), spec.replace(model="sar").fit(panel)
        tests = (large.lr_test(small), large.wald_to("sar"))
        rejected.append([test.p_value < 0.05 for test in tests])
    ratio, wald = np.mean(rejected, axis=0)
    measured(
        "size_of_spatial_likelihood_ratios", {"likelihood ratio": ratio, "Wald": wald}
    )
    assert 0.09 < ratio < 0.30
    assert wald < 0.11
