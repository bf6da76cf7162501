"""Thresholds, mediation, space, lags, adoption, counts: each option has a meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import formulaic
import numpy as np
import pandas as pd
import pytest
from statsmodels.discrete.conditional_models import ConditionalLogit
from statsmodels.discrete.discrete_model import Logit, Probit

import digiprosper as dp


def read(text: str) -> object:
    read = dp.from_stata(text, entity="id", time="year")
    assert eval(read.python) == read.spec
    return read.spec


# With them F is 35.196 where xthreg prints 35.20, else 32.8 (threshold_replication.md).
XTHREG: Any = {"rule": "<", "df": "xthreg", "confidence": "lr"}


def test_thresholds() -> None:
    assert read(
        "xthreg y x i.year, rx(d) qx(q) thnum(2) grid(300) trim(0.01 0.01) "
        "bs(300 300) r"
    ) == dp.PanelThreshold("y", "d", "q", "x", n_thresholds=2, trim=0.01, **XTHREG)
    assert read("xthreg y x, rx(d) qx(q)") == dp.PanelThreshold(
        "y",
        "d",
        "q",
        "x",
        trim=0.01,
        time_effects=False,
        cov_type="unadjusted",
        **XTHREG,
    )
    each = read("xthreg y x i.year, rx(d) qx(q) thnum(2) trim(0.01 0.05) r")
    assert each == dp.PanelThreshold(
        "y", "d", "q", "x", n_thresholds=2, trim=(0.01, 0.05), **XTHREG
    )


def test_mediation() -> None:
    assert read(
        "sgmediation2 y, mv(m) iv(x) cv(z i.id i.year) vce(cluster id)"
    ) == dp.Mediation("y", "x", "m", "z")
    pooled = dp.from_stata(
        "bootstrap r(ind_eff), reps(500): sgmediation y, mv(m) iv(x)", entity="id"
    )
    assert pooled.spec == dp.Mediation(
        "y",
        "x",
        "m",
        entity_effects=False,
        time_effects=False,
        cov_type="unadjusted",
        reps=500,
    )
    assert "draws rows" in pooled.notes[1]
    assert "no entity effects" in pooled.notes[2]
    # sgmediation2 passes vce() on to regress, where robust is no cluster.
    robust = read("sgmediation2 y, mv(m) iv(x) cv(i.id) vce(robust)")
    assert robust.cov_type == "robust"


def test_spatial_defaults() -> None:
    """Help of xsmle, version 1.4.5: model(sar) and type(ind), and leeyu means ind."""
    plain = dp.from_stata("xsmle y x, wmat(W) fe").python
    assert 'model="sar", time_effects=False, likelihood="unadjusted"' in plain
    corrected = dp.from_stata("xsmle y x, wmat(W) fe type(both, leeyu)")
    assert 'time_effects=False, likelihood="lee_yu"' in corrected.python
    assert "the effects of entities alone" in corrected.notes[-1]


def test_spatial_weights_are_asked_for() -> None:
    text = "xsmle y x z if year > 2010, wmat(W1) model(sar) fe type(both) nolog effects"
    without = dp.from_stata(text, time="year")
    assert without.spec is None
    assert "spatial_weights is W1" in without.notes[0]
    weights = dp.SpatialWeights.from_neighbours({"a": ["b"], "b": ["a"]})
    spec = eval(without.python, {"dp": dp, "spatial_weights": weights})
    assert spec == dp.PanelSpatial(
        "y",
        ["x", "z"],
        weights,
        model="sar",
        likelihood="unadjusted",
        where="year > 2010",
    )


@pytest.mark.many(8)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "xtabond2 y L.y x i.year, gmm(L.y) iv(x i.year) noleveleq twostep robust",
            dp.DynamicPanel("y", "x", collapse=False, instrument_lags=(2, None)),
        ),
        (
            "xtabond2 y L.y x, gmm(L.y, lag(2 4) collapse) iv(x) noleveleq robust",
            dp.DynamicPanel(
                "y", "x", steps=1, time_effects=False, instrument_lags=(3, 5)
            ),
        ),
        (
            "xtabond2 y L(1/2).y x w, gmm(y, lag(2 .)) gmm(x, lag(2 .)) gmm(w, "
            "lag(1 .)) robust",
            dp.DynamicPanel(
                "y",
                lags=2,
                endogenous="x",
                predetermined="w",
                steps=1,
                estimator="system",
                collapse=False,
                time_effects=False,
                instrument_lags=(2, None),
            ),
        ),
        (
            "xtabond2 y L.y x z, gmm(L.y) iv(x) iv(z, eq(level)) orthogonal h(2) ar(3)",
            dp.DynamicPanel(
                "y",
                ["x", "z"],
                estimator="system",
                steps=1,
                collapse=False,
                cov_type="classical",
                time_effects=False,
                transform="orthogonal",
                instrument_lags=(2, None),
                h=2,
                equations={"z": "level"},
            ),
        ),
        (
            "xtabond2 y L.y x w L.w, gmm(L2.y L.(x w), lag(1 3)) iv(z, eq(diff)) "
            "nolevel nocons two",
            dp.DynamicPanel(
                "y",
                endogenous=["x", "w"],
                predetermined="lag(w)",
                instruments="z",
                collapse=False,
                cov_type="classical",
                time_effects=False,
                instrument_lags={
                    "y": (3, 5),
                    "x": (2, 4),
                    "w": (2, 4),
                    "lag(w)": (1, 3),
                },
            ),
        ),
        (
            "xtabond2 y L.y x, gmm(L.y) iv(x) noconstant",
            dp.DynamicPanel(
                "y",
                "x",
                estimator="system",
                steps=1,
                collapse=False,
                cov_type="classical",
                time_effects=False,
                instrument_lags=(2, None),
                constant=False,
            ),
        ),
        (
            "xtabond y x, lags(2) maxldep(3) pre(w) vce(robust)",
            dp.DynamicPanel(
                "y",
                "x",
                lags=2,
                predetermined="w",
                steps=1,
                collapse=False,
                time_effects=False,
                instrument_lags={"y": (2, 4), "w": (1, None)},
                h=2,
            ),
        ),
        (
            "xtdpdsys y x, lags(1) maxldep(3) twostep vce(robust)",
            dp.DynamicPanel(
                "y",
                "x",
                estimator="system",
                collapse=False,
                time_effects=False,
                instrument_lags=(2, 4),
                h=2,
                equations={"x": "difference"},
            ),
        ),
        (
            "xtdpdsys y x, noconstant",
            dp.DynamicPanel(
                "y",
                "x",
                estimator="system",
                steps=1,
                cov_type="classical",
                sargan_df="n-k",
                collapse=False,
                time_effects=False,
                instrument_lags=(2, None),
                h=2,
                equations={"x": "difference"},
                constant=False,
            ),
        ),
    ],
)
def test_dynamic_panels(text: str, expected: dp.DynamicPanel) -> None:
    assert read(text) == expected


def test_notes_on_dynamic_panels(tmp_path: Path) -> None:
    year = np.tile(np.arange(2000, 2010), 30)
    noise = np.random.default_rng(1).normal(size=(300, 2))
    frame = pd.DataFrame(noise, columns=["y", "x"]).assign(
        id=np.repeat(np.arange(30), 10), year=year
    )
    frame.to_stata(tmp_path / "whole.dta", write_index=False)
    frame = frame[(year != 2005) | (frame["id"] % 3 > 0)]
    frame.to_stata(tmp_path / "gaps.dta", write_index=False)
    path = tmp_path / "notes.do"
    gaps, levels = "the panel has gaps", "the constant is not estimated"
    for file, command, expected in [
        ("gaps", "xtabond2 y L.y x, gmm(L.y) iv(x) robust", gaps),
        ("gaps", "xtabond2 y L.y x, gmm(y, lag(2 .)) iv(x) robust", ""),
        ("whole", "xtabond2 y L.y x, gmm(L.y) iv(x) robust", ""),
        ("whole", "xtabond y x, vce(robust)", levels),
        ("whole", "xtabond y x, vce(robust) noconstant", ""),
    ]:
        path.write_text(f"use {file}, clear\nxtset id year\n{command}\n")
        result = dp.stata.run_do_file(path, tmp_path)
        assert result.lines[-1].status == "ran"
        for note in (gaps, levels):
            assert (note in str(result)) == (note == expected), command


@pytest.mark.many(16)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("xthreg y x, qx(q)", "regime_dependent is empty"),
        ("xthreg y x, rx(d)", r"one variable in qx\(\)"),
        ("sgmediation y, iv(x) mv(m n)", r"one variable in mv"),
        ("xsmle y x, wmat(W) model(sac) fe", r"model\(sac\)"),
        ("xsmle y x, wmat(W) model(sdm) re", "option re: digiprosper has no such"),
        ("xsmle y x, wmat(W) model(sdm) fe dlag(1)", "'dlag'"),
        (
            "xsmle y x, wmat(W) model(sdm) fe vce(robust)",
            "clustered errors of a spatial",
        ),
        ("xtabond2 y L.y x, gmm(L.y) robust", "no instruments are listed for 'x'"),
        ("xtabond2 y x, gmm(L.y) iv(x)", "no instruments are listed"),
        ("xtabond2 y L.y x, gmm(x) iv(x)", "no gmm"),
        ("xtabond2 y L.y x, gmm(L.y, passthru) iv(x)", "passthru"),
        ("xtabond2 y L.y x, gmm(L.y) iv(x, eq(sum))", "iv"),
        ("xtabond2 y L.y x, gmm(L.y) gmm(y, lag(3 3)) iv(x)", "several gmm.. of one"),
        ("xtabond2 y L.y x i.year, gmm(L.y) iv(x)", "periods without instruments"),
        ("xtabond2 y L.y x, gmm(L.y) iv(x i.year)", "periods without instruments"),
        ("xtdpdsys y x, pre(w, lagstruct(1, .))", "'w,' cannot be read"),
        ("xtdpdsys y x i.year", "dummies of periods"),
        ("xtdpdsys y x, maxlags(3)", "maxlags"),
        ("xtdpdsys y x, vce(hac)", r"vce\(hac\)"),
        ("xtabond y x", "errors of one step with a constant"),
        ("xtabond y x i.year, noconstant", "dummies of periods in xtabond"),
        ("xtdpdsys y x, lags(two)", "not a number"),
        ("xtdpdsys y x, lags(1.5)", "no whole number"),
    ],
)
def test_refusals(text: str, reason: str) -> None:
    with pytest.raises(dp.StataError, match=reason):
        dp.from_stata(text, entity="id", time="year")


def test_callaway_and_santanna() -> None:
    assert read("csdid y, ivar(id) time(year) gvar(first)") == dp.StaggeredDid(
        "y", "first", never=0, cov_type="influence"
    )
    assert read(
        "csdid y x if g == 1, ivar(id) time(year) gvar(first) method(reg) notyet "
        "long2 agg(simple)"
    ) == dp.StaggeredDid(
        "y",
        "first",
        "x",
        adjustment="regression",
        control="not_yet",
        base_period="universal",
        aggregate="simple",
        never=0,
        cov_type="influence",
        where="g == 1",
    )


def test_imputation() -> None:
    assert read(
        "did_imputation y id year first, fe(id year) allhorizons pretrends(5) "
        "autosample"
    ) == dp.StaggeredDid(
        "y", "first", estimator="imputation", leads=5, cov_type="influence"
    )
    simple = read("did_imputation y id year first, cluster(prov) controls(x)")
    assert simple == dp.StaggeredDid(
        "y",
        "first",
        "x",
        estimator="imputation",
        aggregate="simple",
        clusters="prov",
        cov_type="influence",
    )


def test_decomposition() -> None:
    python = dp.from_stata("bacondecomp y d, ddetail").python
    assert python == 'dp.bacon_decomposition(dp.FixedEffects("y", ["d"]), panel)'
    chosen = dp.from_stata("bacondecomp y d if g == 1", entity="id").python
    assert 'dp.FixedEffects("y", ["d"], where="g == 1")' in chosen


@pytest.mark.many(12)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("csdid y x, ivar(id) time(year) gvar(first)", "drimp"),
        ("csdid y, ivar(id) time(year)", "gvar"),
        ("csdid y, time(year) gvar(first)", "rows as independent"),
        ("csdid y, gvar(first) wboot", "'wboot'"),
        # Gaps before the treatment are others.
        ("csdid y, gvar(first) long", "'long'"),
        ("xtpoisson n x, fe i(firm)", "'i'"),
        ("csdid y, ivar(id) gvar(first) agg(attgt)", "agg"),
        ("did_imputation y id year first, fe(id prov#year)", "other effects"),
        ("did_imputation y id year first, unitcontrols(t)", "'unitcontrols'"),
        ("did_imputation y id year", "first treated time"),
        ("did_imputation y firm year first", "not the entity of xtset"),
        ("eventstudyinteract y g1, cohort(f) absorb(id year)", "all event times"),
        ("bacondecomp y d x", "controls"),
        ("psmatch2 d x, logit neighbor(1)", "match_entities"),
        ("xtlogit y x", "xtlogit without fe"),
        ("xtprobit y x, fe", "no such estimator"),
        ("clogit y x", r"one variable in group\(\)"),
        ("xtpoisson y x, re", "option re: digiprosper has no such"),
        ("xtpoisson y x", "without fe"),
        ("poisson y x, vce(bootstrap)", r"vce\(bootstrap\)"),
        ("csdid y [iw=w], gvar(first)", "weights of csdid"),
        ("poisson y x [pw=w]", "weights of poisson"),
        ("did_imputation y id year first in 1/9", "rows by number"),
    ],
)
def test_refusals_of_adoption_and_counts(text: str, reason: str) -> None:
    with pytest.raises(dp.StataError, match=reason):
        dp.from_stata(text, entity="id", time="year")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ppmlhdfe n x, absorb(id year) cluster(id)", "PoissonEffects"),
        ("ppmlhdfe n x, absorb(fe=id year, savefe) cluster(id)", "PoissonEffects"),
        ("xtpoisson n x i.year, fe vce(robust)", "PoissonEffects"),
        ("logit d x i.year i.ind, vce(cluster id)", "LogitEffects"),
        ("clogit d x, group(id)", "LogitEffects"),
        ("xtlogit d x, fe", "LogitEffects"),
        ("probit d x i.ind, r", "LogitEffects"),
    ],
)
def test_models_of_counts_and_choices(text: str, name: str) -> None:
    if not hasattr(dp, name):
        with pytest.raises(dp.StataError, match=f"needs {name}"):
            dp.from_stata(text, entity="id", time="year")
        return
    assert type(read(text)).__name__ == name


@pytest.mark.parametrize("option", ["exposure", "offset"])
def test_exposure_and_offset_are_columns(option: str) -> None:
    states = dp.datasets.us_states()
    text = f"poisson gsp unemp, {option}(hw) vce(robust)"
    spec = dp.from_stata(text, states).spec
    # An abbreviated name is the column.
    assert getattr(spec, option) == "hwy"


def test_a_logit_with_one_category_is_not_conditional() -> None:
    """[R] logit estimates dummies; [R] clogit conditions on the sum of the ones."""
    rng = np.random.default_rng(5)
    group = np.repeat(np.arange(20.0), 12)
    x = rng.normal(size=240)
    y = (x + rng.logistic(size=240) > 0) * 1.0
    panel = dp.Panel.from_rows(pd.DataFrame({"y": y, "x": x, "g": group}))
    python = dp.from_stata("logit y x i.g").python
    assert python.startswith("Logit(")
    alone = dp.from_stata("clogit y x, group(g)").spec
    assert alone is not None
    frame = panel.frame
    dummies = pd.get_dummies(frame["g"], dtype=float).assign(x=frame["x"])
    slope = Logit(frame["y"], dummies).fit(disp=0).params["x"]
    names = {"Logit": Logit, "formulaic": formulaic, "panel": panel}
    assert eval(python, names).params["x"] == pytest.approx(slope, abs=1e-4)
    conditional = ConditionalLogit(frame["y"], frame[["x"]], groups=frame["g"]).fit(
        disp=0
    )
    fit = alone.fit(panel)
    assert fit.params["x"] == pytest.approx(conditional.params["x"], abs=1e-5)
    assert fit.std_errors["x"] == pytest.approx(conditional.bse["x"], rel=1e-3)
    assert abs(fit.params["x"] - slope) > 0.05


def test_two_levels_have_a_coefficient_in_a_probit() -> None:
    """[R] probit prints 1.b, and errors of the observed information."""
    states = dp.datasets.us_states()
    panel = states.assign(
        d="I(unemp > 6)", b="I(gsp > 40000)", g="I((year - 1970) // 5)"
    )
    assert dp.from_stata("probit d pc i.b", panel).python.startswith("Probit(")
    both = dp.from_stata("probit d pc i.b i.g", panel)
    assert both.spec == dp.LogitEffects(
        "d",
        ["pc", "C(b)"],
        link="probit",
        entity_effects=False,
        time_effects=False,
        absorb=["g"],
        bias_correction=None,
        cov_type="unadjusted",
        collinear="drop",
    )
    assert "the expected information" in both.notes[-1]
    logit = dp.from_stata("logit d pc i.b i.g", panel).spec
    assert getattr(logit, "absorb", None) == ("b", "g")


def test_products_of_categories_are_coded_as_in_stata() -> None:
    """[U] 11.4.3: the base of each category is in no product."""
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(rng.integers(0, 3, (900, 3)), columns=[*"abc"])
    frame["x"] = rng.normal(size=900)
    index = frame["a"] * frame["b"] / 2 - frame["c"] / 3 + frame["x"]
    frame["y"] = (index + rng.normal(size=900) > 1) * 1.0
    read = dp.from_stata("probit y i.a##i.b i.c x")
    assert read.spec is not None
    fit = read.spec.fit(dp.Panel.from_rows(frame))
    design = formulaic.model_matrix("1 + C(a)*C(b) + C(c) + x", frame)
    expected = Probit(frame["y"], design).fit(disp=0)
    names = [name for name in fit.params.index if name in expected.params]
    assert sum(":" in name for name in names) == 4
    np.testing.assert_allclose(fit.params[names], expected.params[names], rtol=1e-4)
    for text in ("logit y i.a#i.b x", "probit y i.a#i.b i.c", "poisson y i.a#i.b"):
        assert any("leaves out other cells" in n for n in dp.from_stata(text).notes)
    years = dp.from_stata("xtpoisson y i.year##i.a, fe", entity="id", time="year")
    assert '"C(year)", "C(a)", "C(year):C(a)"' in years.python


def test_logit_and_probit_with_clusters_stay_in_the_rows_of_if() -> None:
    read = dp.from_stata("probit d x L.x if x == 1, cl(id)", entity="id", time="year")
    assert "panel.assign(**{'lag(x)': 'lag(x)'}).subset('x == 1')" in read.python
    assert "'groups': data['id'].factorize()[0]" in read.python
    assert read.is_foreign
    assert read.is_model


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("clogit y x i.year, gr(id) or", {"cov_type": "unadjusted"}),
        ("xtlogit y x i.year, fe", {"cov_type": "unadjusted"}),
        ("clogit y x i.year, group(id) vce(cluster id)", {}),
        (
            "clogit y x i.year, group(firm) vce(robust)",
            {"entity_effects": False, "absorb": ("firm",), "cov_type": "robust"},
        ),
    ],
)
def test_conditional_logits(text: str, fields: dict[str, Any]) -> None:
    """Its coefficients and errors are those of R's clogit (tests/counts)."""
    spec = dp.LogitEffects(
        "y", ["x", "C(year)"], time_effects=False, collinear="drop", **fields
    )
    assert dp.from_stata(text, entity="id", time="year").spec == spec


def test_robust_errors_of_a_conditional_logit_are_sums_by_group() -> None:
    states = dp.datasets.us_states().assign(d="I(unemp > 6)", z="I(emp / 1000)")
    errors = [
        dp.from_stata(f"clogit d z, group(state) vce({kind})", states).spec.fit(states)
        for kind in ("robust", "cluster state")
    ]
    assert errors[0].std_errors["z"] == pytest.approx(errors[1].std_errors["z"])


def test_xtpoisson_has_no_small_sample_factor() -> None:
    """xtpoisson.ado 3.8.0: _robust of the conditional scores, minus(0)."""
    rng = np.random.default_rng(1)
    df = pd.DataFrame({"id": np.repeat(range(20), 6), "year": [*range(6)] * 20})
    df["x"] = rng.normal(size=120)
    df["n"] = rng.poisson(np.exp(0.3 * df["x"] + 1))
    read = dp.from_stata("xtpoisson n x, fe vce(robust)", dp.Panel(df, "id", "year"))
    assert "sqrt((G - 1)/G)" in read.notes[0]
    fit = read.spec.fit(dp.Panel(df, "id", "year"))
    by_id, mean = df["id"], np.exp(fit.params["x"] * df["x"])
    share = mean / mean.groupby(by_id).transform("sum")
    fitted = share * df["n"].groupby(by_id).transform("sum")
    score = ((df["n"] - fitted) * df["x"]).groupby(by_id).sum()
    centre = (share * df["x"]).groupby(by_id).transform("sum")
    bread = (fitted * (df["x"] - centre) ** 2).sum()
    error = np.sqrt((score**2).sum()) / bread
    assert fit.std_errors["x"] * np.sqrt(19 / 20) == pytest.approx(error)
    assert dp.from_stata("xtpoisson n x, fe", entity="id", time="year").notes == ()


def test_csdid_is_read_as_its_first_version() -> None:
    """csdid 2.0.0 of 2026: notyet and a universal base_period() are its defaults."""
    translation = dp.from_stata("csdid y, ivar(id) time(year) gvar(first)")
    assert "read as csdid 1" in translation.notes[0]
    assert not {"not_yet", "universal"} & {
        translation.spec.control,
        translation.spec.base_period,
    }


def test_maxldep_limits_lags_of_the_outcome_alone() -> None:
    """[XT] xtabond: maxlags() is the option for predetermined variables."""
    text = "xtabond n w, maxldep(2) pre(k) endogenous(z) vce(robust) noconstant"
    spec = dp.from_stata(text, entity="id", time="year").spec
    lags = {"n": (2, 3), "k": (1, None), "z": (2, None)}
    assert dict(spec.instrument_lags) == lags
    text = "xtabond n w, maxldep(2) vce(robust) noconstant"
    assert dp.from_stata(text, entity="id").spec.instrument_lags == (2, 3)
