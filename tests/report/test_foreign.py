"""Results of other packages as columns: the numbers are those of the object."""

from __future__ import annotations

import json
import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from linearmodels.iv import IV2SLS
from linearmodels.panel import (
    BetweenOLS,
    FirstDifferenceOLS,
    PanelOLS,
    PooledOLS,
    RandomEffects,
)
from linearmodels.system import SUR
from statsmodels.formula.api import (
    gee,
    glm,
    logit,
    mixedlm,
    mnlogit,
    ols,
    poisson,
    probit,
    quantreg,
)
from statsmodels.genmod.families import Binomial
from statsmodels.miscmodels.ordinal_model import OrderedModel

import digiprosper as dp
from digiprosper.errors import InputTypeError, OptionError
from digiprosper.report.foreign import as_results, foreign

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "cases"
REFERENCE = Path(__file__).parents[1] / "reference" / "foreign.json"
KNOWN = {
    case["case"]: case
    for case in json.loads(REFERENCE.read_text(encoding="utf-8"))["cases"]
}
LEVELS = (0.9, 0.95, 0.99)


@pytest.fixture(scope="module")
def panel() -> dp.Panel:
    return dp.datasets.us_states().assign(lgsp="log(gsp)", lpc="log(pc)")


@pytest.fixture(scope="module")
def frame(panel: dp.Panel) -> pd.DataFrame:
    """Return the states with dummies of high unemployment and of three ranks."""
    states = panel.frame.assign(const=1.0)
    states["high"] = 1.0 * (states["unemp"] > 6.5)
    states["rank"] = pd.qcut(states["unemp"], 3, labels=False)
    return states


def codes(frame: pd.DataFrame) -> pd.Series:
    """Return the states as numbers, which statsmodels needs for clusters."""
    states = frame.index.get_level_values("state")
    return pd.Series(pd.factorize(states)[0], frame.index, name="state")


def statsmodels_fits(frame: pd.DataFrame) -> dict[str, Any]:
    clustered = {"cov_type": "cluster", "cov_kwds": {"groups": codes(frame)}}
    return {
        "ols": ols("lgsp ~ lpc + unemp", frame).fit(),
        "hc3": ols("lgsp ~ lpc", frame).fit(cov_type="HC3"),
        "hac": ols("lgsp ~ lpc", frame).fit(cov_type="HAC", cov_kwds={"maxlags": 2}),
        "clustered t": ols("lgsp ~ lpc", frame).fit(**clustered, use_t=True),
        "logit": logit("high ~ lpc", frame).fit(disp=0),
        "clustered z": logit("high ~ lpc", frame).fit(disp=0, **clustered),
        "probit": probit("high ~ lpc", frame).fit(disp=0),
        "poisson": poisson("rank ~ lpc", frame).fit(disp=0),
        "glm": glm("high ~ lpc", frame, family=Binomial()).fit(),
        "arrays": type(ols("lgsp ~ lpc", frame))(
            frame["lgsp"].to_numpy(), frame[["const", "lpc"]].to_numpy()
        ).fit(),
    }


def linearmodels_fits(frame: pd.DataFrame) -> dict[str, Any]:
    y, x = frame["lgsp"], frame[["lpc", "unemp"]]
    with_constant = frame[["const", "lpc", "unemp"]]
    both = {"entity_effects": True, "time_effects": True}
    iv = IV2SLS(y, frame[["const", "unemp"]], frame[["lpc"]], frame[["emp"]])
    return {
        "fe": PanelOLS(y, x, **both).fit(cov_type="clustered", cluster_entity=True),
        "re": RandomEffects(y, with_constant).fit(cov_type="robust"),
        "pooled": PooledOLS(y, with_constant).fit(cov_type="kernel"),
        "between": BetweenOLS(y, with_constant).fit(),
        "differences": FirstDifferenceOLS(y, x).fit(),
        "iv": iv.fit(),
        "iv t": iv.fit(cov_type="unadjusted", debiased=True),
    }


@pytest.fixture(scope="module")
def fits(frame: pd.DataFrame) -> dict[str, Any]:
    return statsmodels_fits(frame) | linearmodels_fits(frame)


# --- numbers --------------------------------------------------------------------------


def test_all_numbers_are_those_of_the_object(fits: dict[str, Any]) -> None:
    for name, fit in fits.items():
        result = foreign(fit)
        tidy = result.tidy()
        cov = fit.cov_params() if hasattr(fit, "cov_params") else fit.cov
        statistics = fit.tvalues if hasattr(fit, "tvalues") else fit.tstats
        for column, own in (
            ("estimate", fit.params),
            ("statistic", statistics),
            ("p_value", fit.pvalues),
        ):
            np.testing.assert_array_equal(tidy[column], np.asarray(own), name)
        np.testing.assert_allclose(result.cov, np.asarray(cov), rtol=1e-12)
        assert result.nobs == fit.nobs
        for level in LEVELS:
            how = {"alpha": 1 - level} if hasattr(fit, "tvalues") else {"level": level}
            ends = result.tidy(level)[["conf_low", "conf_high"]]
            np.testing.assert_allclose(ends, np.asarray(fit.conf_int(**how)), rtol=1e-9)


def test_other_levels_are_asked_of_the_object(fits: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=r"for \[0.9, 0.95, 0.99\] only. Pass plots"):
        foreign(fits["ols"]).tidy(0.5)
    low = as_results(fits["ols"], 0.5).tidy(0.5)["conf_low"][1]
    assert low == fits["ols"].conf_int(0.5).loc["lpc", 0]


@pytest.mark.data("cases/statspai_57_logit.csv")
def test_logit_probit_ordered_logit_and_random_effects_are_those_of_stata() -> None:
    binary, ordered, units = (
        pd.read_csv(SHARED / f"statspai_{name}.csv")
        for name in ("57_logit", "45_ologit", "35_panel")
    )
    normal = pd.read_csv(SHARED / "statspai_48_probit.csv")
    random = units.set_index(["unit", "year"]).assign(const=1.0)
    fits = {
        "logit": logit("y ~ x1 + x2", binary).fit(disp=0, tol=1e-12),
        "probit": probit("y ~ x1 + x2", normal).fit(disp=0, tol=1e-12),
        "ologit": OrderedModel(ordered["y"], ordered[["x"]], distr="logit").fit(
            disp=0, method="newton", tol=1e-12
        ),
        "random_effects": RandomEffects(random["y"], random[["x1", "x2", "const"]]).fit(
            small_sample=False
        ),
    }
    for name, fit in fits.items():
        case, tidy = KNOWN[name], foreign(fit).tidy().set_index("term")
        for term, value in case["values"].items():
            assert tidy.loc[term, "estimate"] == pytest.approx(
                value, rel=case["tolerance"]
            )
        for term, value in case.get("std_errors", {}).items():
            assert tidy.loc[term, "std_error"] == pytest.approx(
                value, rel=case["tolerance"]
            )


def test_cut_points_are_levels_with_errors_of_the_delta_method(
    frame: pd.DataFrame,
) -> None:
    fit = OrderedModel(frame["rank"], frame[["lpc"]], distr="logit").fit(
        disp=0, method="bfgs"
    )
    result = foreign(fit)
    tidy = result.tidy().set_index("term")
    levels = fit.model.transform_threshold_params(fit.params)[1:-1]
    assert tidy.loc[["0/1", "1/2"], "estimate"].tolist() == pytest.approx(list(levels))
    raw, step = fit.cov_params().to_numpy(), 1e-6
    slopes = [
        np.subtract(
            *(
                fit.model.transform_threshold_params(fit.params + sign * change)[2]
                for sign in (1, -1)
            )
        )
        / (2 * step)
        for change in step * np.eye(3)
    ]
    error = np.sqrt(np.array(slopes) @ raw @ np.array(slopes))
    assert tidy.loc["1/2", "std_error"] == pytest.approx(error, rel=1e-6)
    assert tidy.loc["0/1", "std_error"] == pytest.approx(np.sqrt(raw[1, 1]))
    # A test that a cut point is zero says nothing, and statsmodels has none of levels.
    blank = ["statistic", "p_value", "conf_low", "conf_high"]
    assert tidy.loc[["0/1", "1/2"], blank].isna().all(axis=None)
    assert result.tidy(0.9).iloc[1:, 5:].isna().all(axis=None)
    assert tidy.loc["lpc", "p_value"] == fit.pvalues["lpc"]
    assert dp.etable(fit).frame.loc["1/2"].iloc[0].count("*") == 0
    assert result.glance().get("mean_y") is None


@pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.ModelWarning")
def test_a_mixed_model_has_its_coefficients_and_no_variances(
    frame: pd.DataFrame,
) -> None:
    fit = mixedlm("unemp ~ lpc", frame, groups=codes(frame)).fit()
    result = foreign(fit)
    assert result.params.to_dict() == fit.fe_params.to_dict()
    assert result.tidy()["p_value"].tolist() == fit.pvalues.tolist()[:2]
    assert result.tidy()["conf_low"].tolist() == fit.conf_int()[0].tolist()[:2]
    np.testing.assert_array_equal(result.cov, fit.cov_params().iloc[:2, :2])


# --- what is known --------------------------------------------------------------------


def test_statistics_are_those_of_the_object_and_comparable_with_ours(
    fits: dict[str, Any], panel: dp.Panel, frame: pd.DataFrame
) -> None:
    own = dp.FixedEffects("lgsp", ["lpc", "unemp"], ssc="linearmodels").fit(panel)
    ours, theirs = own.glance(), foreign(fits["fe"]).glance()
    for key in (
        *("rsquared", "rsquared_within", "rsquared_within_entity"),
        *("nobs", "n_entities", "n_times", "effects", "depvar"),
    ):
        assert theirs[key] == (
            ours[key] if isinstance(ours[key], str) else pytest.approx(ours[key])
        )
    assert foreign(fits["re"]).glance()["rsquared"] == fits["re"].rsquared_overall
    assert foreign(fits["iv"]).glance()["rsquared_adj"] == fits["iv"].rsquared_adj
    of_logit: Any = foreign(fits["logit"]).glance()
    assert of_logit["pseudo_rsquared"] == fits["logit"].prsquared
    assert of_logit["rsquared"] is None
    assert of_logit["loglik"] == fits["logit"].llf
    assert of_logit["mean_y"] == frame["high"].mean()
    # Fewer rows than the outcome has.
    assert foreign(fits["between"]).glance().get("mean_y") is None
    assert foreign(fits["differences"]).glance()["n_entities"] == 48


def test_kinds_of_errors_and_clusters_are_named(fits: dict[str, Any]) -> None:
    kinds = {name: foreign(fit).glance()["cov_type"] for name, fit in fits.items()}
    assert kinds["ols"] == kinds["logit"] == kinds["iv t"] == "unadjusted"
    assert kinds["re"] == kinds["iv"] == "robust"
    assert (kinds["hc3"], kinds["hac"]) == ("hc3", "HAC")
    assert (kinds["fe"], kinds["pooled"]) == ("clustered", "xtscc")
    named, unnamed = (foreign(fits[name]).glance() for name in ("clustered z", "fe"))
    assert (named["clusters"], named["n_clusters"]) == ("state", 48)
    assert (unnamed["clusters"], unnamed["n_clusters"]) == (None, None)


def test_errors_that_the_object_names_otherwise_than_they_are(
    frame: pd.DataFrame,
) -> None:
    # The attribute of a quantile regression is "nonrobust" whatever its errors are, and
    # robust errors of estimating equations are clustered by the groups.
    for errors in ("robust", "iid"):
        quantile = quantreg("lgsp ~ lpc", frame).fit(vcov=errors)
        assert foreign(quantile).glance()["cov_type"] is None
        assert dp.etable(quantile).notes[0] == "Standard errors in parentheses."
    equations = gee("lgsp ~ lpc", codes(frame), frame).fit()
    assert foreign(equations).glance()["cov_type"] == "clustered"
    assert dp.etable(equations).notes[0] == (
        "Standard errors (clustered) in parentheses."
    )


def test_groups_of_errors_correlated_in_time_are_no_clusters(
    frame: pd.DataFrame,
) -> None:
    options = {"groups": codes(frame), "maxlags": 2}
    fit = ols("lgsp ~ lpc", frame).fit(cov_type="hac-panel", cov_kwds=options)
    assert foreign(fit).glance()["clusters"] is None
    assert dp.etable(fit).notes[0] == "Standard errors (hac-panel) in parentheses."
    ways = np.column_stack([codes(frame), frame.index.get_level_values("year")])
    two = ols("lgsp ~ lpc", frame).fit(cov_type="cluster", cov_kwds={"groups": ways})
    table = dp.etable(two)
    assert table.frame.loc["Clusters"].tolist() == ["48 + 17"]
    assert table.notes[0] == "Standard errors (clustered) in parentheses."


def test_other_effects_and_systems_are_read(frame: pd.DataFrame) -> None:
    other = frame[["rank"]].rename(columns={"rank": "C(rank)"})
    fit = PanelOLS(
        frame["lgsp"], frame[["lpc"]], entity_effects=True, other_effects=other
    ).fit()
    assert foreign(fit).glance()["effects"] == "state+C(rank)"
    equations = {"a": "lgsp ~ 1 + lpc", "b": "unemp ~ 1 + lpc"}
    system = SUR.from_formula(equations, frame.reset_index()).fit()
    assert foreign(system).params.to_dict() == system.params.to_dict()
    assert foreign(system).glance()["depvar"] is None


def test_a_table_is_blank_where_nothing_is_known(
    fits: dict[str, Any], panel: dp.Panel
) -> None:
    own = dp.FixedEffects("lgsp", ["lpc", "unemp"], time_effects=False).fit(panel)
    models = {"own": own, **{n: fits[n] for n in ("fe", "re", "clustered z", "hac")}}
    table = dp.etable(models, stats=["nobs", "n_entities", "rsquared_within"])
    rows = table.frame
    assert rows.loc["state fixed effects"].tolist() == ["Yes", "Yes", "No", "", ""]
    assert rows.loc["year fixed effects"].tolist() == ["No", "Yes", "No", "", ""]
    assert rows.loc["state random effects"].tolist() == ["No", "No", "Yes", "", ""]
    kinds = ["by state", "clustered", "robust", "by state", "HAC"]
    assert rows.loc["Standard errors"].tolist() == kinds
    assert rows.loc["Entities"].tolist() == ["48", "48", "48", "", ""]
    assert rows.loc["Within R²"].tolist()[2:] == ["", "", ""]
    assert rows.loc["Intercept"].tolist()[:2] == ["", ""]
    assert (
        "clustered z: Logit; standard errors and p-values are those of statsmodels."
        in table.notes
    )
    chinese = dp.etable(models, style=dp.TableStyle("zh")).frame
    assert chinese.loc["个体固定效应"].tolist() == ["是", "是", "否", "", ""]
    assert chinese.loc["个体随机效应"].tolist() == ["否", "否", "是", "", ""]
    assert chinese.loc["标准误"].tolist()[1:3] == ["聚类", "异方差稳健"]


def test_the_small_sample_correction_of_a_package_is_not_known(
    fits: dict[str, Any], panel: dp.Panel
) -> None:
    own = dp.FixedEffects("lgsp", ["lpc"], cov_type="hc3", entity_effects=False)
    models = [own.fit(panel), fits["hc3"]]
    row = dp.etable(models, stats=["ssc"]).frame.loc["Small-sample correction"]
    assert row.tolist() == ["none", ""]


def test_one_kind_of_errors_is_in_the_note(fits: dict[str, Any]) -> None:
    notes = {
        name: dp.etable(fits[name]).notes[0] for name in ("hac", "fe", "clustered z")
    }
    assert notes == {
        "hac": "Standard errors (HAC) in parentheses.",
        "fe": "Standard errors (clustered) in parentheses.",
        "clustered z": "Standard errors clustered by state in parentheses.",
    }


def test_functions_of_numpy_share_the_row_of_ours(
    panel: dp.Panel, frame: pd.DataFrame
) -> None:
    other = ols("np.log(gsp) ~ np.log(pc) + unemp", frame).fit()
    ours = dp.FixedEffects("log(gsp)", ["log(pc)", "unemp"]).fit(panel)
    table = dp.etable([ours, other], labels={"pc": "Capital", "gsp": "Product"})
    assert table.frame.index.tolist()[1:4:2] == [
        "log(Capital)",
        "Unemployment rate (%)",
    ]
    assert (table.frame.loc["log(Capital)"] != "").all()
    assert "np." not in str(table)


def test_the_caller_says_what_the_object_does_not(fits: dict[str, Any]) -> None:
    result = foreign(
        fits["clustered z"],
        depvar="High",
        effects=["state", "year"],
        cov_label="clustered by U.S. state",
    )
    table = dp.etable([result, foreign(fits["probit"], effects=[])])
    assert table.frame.loc["Dependent variable"].tolist() == ["High", "high"]
    assert table.frame.loc["year fixed effects"].tolist() == ["Yes", "No"]
    assert table.frame.loc["Standard errors"].tolist() == [
        "clustered by U.S. state",
        "unadjusted",
    ]
    assert dp.etable(result).notes[0] == (
        "Standard errors (clustered by U.S. state) in parentheses."
    )
    assert result.glance()["effects"] == "state+year"
    labels = {"clustered by U.S. state": "聚类到州"}
    chinese = dp.etable(result, style=dp.TableStyle("zh"), labels=labels)
    assert chinese.notes[0].startswith("注：括号内为标准误（聚类到州）")


# --- everywhere -----------------------------------------------------------------------


def test_sets_of_models_take_them(fits: dict[str, Any], panel: dp.Panel) -> None:
    battery = {
        "own": dp.FixedEffects("lgsp", ["lpc", "unemp"]),
        "random": fits["re"],
        "ready": foreign(fits["ols"]),
    }
    models = dp.fit_all(battery, panel)
    compared = models.compare("lpc", level=0.9).set_index("model")
    assert compared.loc["random", "p_value"] == fits["re"].pvalues["lpc"]
    low, high = fits["re"].conf_int(0.9).loc["lpc"]
    assert compared.loc["random", ["conf_low", "conf_high"]].tolist() == [low, high]
    assert compared["nobs"].tolist() == [816, 816, 816]

    class Logit:
        def fit(self, panel: dp.Panel, *, rng: Any = None) -> Any:
            return fits["logit"]

    later = dp.fit_all({"a": Logit(), "b": fits["probit"]}, panel).compare("lpc")
    assert later["estimate"].tolist() == [
        fits[name].params["lpc"] for name in ("logit", "probit")
    ]
    assert dp.etable(models).frame.columns.tolist() == ["own", "random", "ready"]


def test_figures_take_them(fits: dict[str, Any]) -> None:
    plt = pytest.importorskip("matplotlib.pyplot")
    models = {"Logit": fits["logit"], "Probit": fits["probit"]}
    axes = dp.plots.coefficients(models, keep="lpc", level=0.8)
    drawn = dp.plots.data(axes)
    ends = [tuple(fit.conf_int(0.2).loc["lpc"]) for fit in models.values()]
    actual = drawn[["conf_low", "conf_high"]].to_numpy().tolist()
    assert [tuple(row) for row in actual] == ends
    plt.close(axes.figure)


@pytest.mark.parametrize("ending", ["docx", "tex"])
def test_files_take_them(fits: dict[str, Any], tmp_path: Path, ending: str) -> None:
    if ending == "docx":
        pytest.importorskip("docx")
    tables = {"Table 1. Logit": {"A": fits["logit"], "B": fits["re"]}}
    path = dp.save_tables(tmp_path / f"paper.{ending}", tables)
    assert path.stat().st_size > 1000


def test_they_are_plain_values_that_can_be_pickled(fits: dict[str, Any]) -> None:
    for fit in (fits["logit"], fits["re"]):
        result = foreign(fit, effects="state")
        again = pickle.loads(pickle.dumps(result))
        pd.testing.assert_frame_equal(again.tidy(0.9), result.tidy(0.9))
        assert again.glance() == result.glance()
        assert dp.etable(again).frame.equals(dp.etable(result).frame)
        assert len(pickle.dumps(result)) < 5000


# --- failures -------------------------------------------------------------------------


def test_what_cannot_be_a_column_is_refused_by_name(frame: pd.DataFrame) -> None:
    several = mnlogit("rank ~ lpc", frame).fit(disp=0)
    unfitted = logit("high ~ lpc", frame)
    effects = logit("high ~ lpc", frame).fit(disp=0).get_margeff()
    cases = {
        "MNLogit cannot .* several coefficients per term": several,
        "Logit cannot .* has no params.* Pass a fitted model": unfitted,
        "DiscreteMargins cannot .* has no params.* digiprosper.Results": effects,
    }
    for words, model in cases.items():
        for take in (foreign, dp.etable, lambda m: dp.fit_all({"a": m}, None)):
            with pytest.raises(InputTypeError, match=words):
                take(model)
    with pytest.raises(
        InputTypeError, match="not a result of statsmodels, linearmodels"
    ):
        foreign(frame)
    with pytest.raises(InputTypeError, match=r"etable: .* tidy\(level\) and glance"):
        dp.etable(object())
    assert as_results(frame) is frame


@pytest.mark.parametrize(
    "options",
    [{"depvar": 1}, {"effects": 1}, {"effects": ["a", 1]}, {"cov_label": [1]}],
)
def test_options_are_texts(fits: dict[str, Any], options: dict[str, Any]) -> None:
    with pytest.raises(InputTypeError, match=f"foreign: {next(iter(options))}="):
        foreign(fits["ols"], **options)
    with pytest.raises(OptionError):
        foreign(fits["ols"]).tidy(2)


# --- pyfixest -------------------------------------------------------------------------


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_results_of_pyfixest(panel: dp.Panel) -> None:
    if find_spec("pyfixest") is None:
        pytest.skip("pyfixest is not installed (group `peers`)")
    from pyfixest import feols, fepois

    rows = panel.frame.reset_index().astype({"state": str})
    formula = "lgsp ~ lpc + unemp | state + year"
    fits = {
        "one": feols(formula, rows, vcov={"CRV1": "state"}),
        "two": feols(formula, rows, vcov={"CRV1": "state + year"}),
        "robust": feols("lgsp ~ lpc", rows, vcov="hetero", weights="emp"),
        "poisson": fepois("gsp ~ lpc | state", rows, vcov={"CRV1": "state"}),
    }
    for fit in fits.values():
        tidy = foreign(fit).tidy()
        for column, own in (
            ("estimate", fit.coef()),
            ("statistic", fit.tstat()),
            ("p_value", fit.pvalue()),
        ):
            assert tidy[column].tolist() == own.tolist()
        np.testing.assert_allclose(tidy["std_error"], fit.se(), rtol=1e-12)
        for level in LEVELS:
            ends = foreign(fit).tidy(level)[["conf_low", "conf_high"]]
            np.testing.assert_allclose(ends, fit.confint(alpha=1 - level), rtol=1e-9)
    glances: dict[str, Any] = {
        name: foreign(fit).glance() for name, fit in fits.items()
    }
    own = dp.FixedEffects("lgsp", ["lpc", "unemp"]).fit(panel)
    assert glances["one"]["n_clusters"] == 48
    assert (glances["two"]["clusters"], glances["two"]["n_clusters"]) == (
        "state+year",
        None,
    )
    assert glances["robust"]["obs_weights"] == "emp"
    assert glances["one"]["mean_y"] == pytest.approx(rows["lgsp"].mean())
    table = dp.etable({"own": own, **fits}, stats=["nobs", "rsquared_within"]).frame
    effects = table.loc["state fixed effects"].tolist()
    assert effects == ["Yes", "Yes", "Yes", "No", "Yes"]
    assert table.loc["lpc"].tolist()[0] == table.loc["lpc"].tolist()[1]
    with pytest.raises(InputTypeError, match=r"FixestMulti cannot .* \.to_list\(\)"):
        foreign(feols("lgsp ~ csw(lpc, unemp)", rows))
    pickle.loads(pickle.dumps(foreign(fits["one"]))).tidy()


def test_the_class_of_a_model_is_named_once(fits: dict[str, Any]) -> None:
    heads = {"Random effects": fits["re"], "Main": fits["ols"], "logit": fits["logit"]}
    notes = dp.etable(heads).notes
    assert (
        "Random effects: standard errors and p-values are those of linearmodels."
        in notes
    )
    assert "logit: standard errors and p-values are those of statsmodels." in notes
    assert any(note.startswith("Main: OLS; standard errors") for note in notes)
    chinese = dp.etable(heads, style=dp.TableStyle("zh")).notes
    assert any("Random effects：标准误和p值由linearmodels计算" in n for n in chinese)


def test_the_scale_of_log_odds_is_noted(fits: dict[str, Any]) -> None:
    notes = dp.etable({"A": fits["logit"], "B": fits["probit"], "C": fits["ols"]}).notes
    assert "A: coefficients are changes of the log odds, not of the probability." in (
        notes
    )
    assert any(
        note.startswith("B: coefficients are changes of the probit") for note in notes
    )
    assert not any(note.startswith("C: coefficients") for note in notes)
    alone = dp.etable(fits["logit"], style=dp.TableStyle("zh")).notes
    assert any("系数为对数发生比的变化" in note for note in alone)
