"""Thresholds, mediation, spatial and dynamic panel models."""

from __future__ import annotations

import pytest

import digiprosper as dp


def read(text: str) -> object:
    read = dp.from_stata(text, entity="id", time="year")
    assert eval(read.python) == read.spec
    return read.spec


def test_thresholds() -> None:
    assert read(
        "xthreg y x i.year, rx(d) qx(q) thnum(2) grid(300) trim(0.01 0.01) "
        "bs(300 300) r"
    ) == dp.PanelThreshold("y", "d", "q", "x", n_thresholds=2, trim=0.01)
    assert read("xthreg y x, rx(d) qx(q)") == dp.PanelThreshold(
        "y", "d", "q", "x", trim=0.01, time_effects=False, cov_type="unadjusted"
    )
    each = read("xthreg y x i.year, rx(d) qx(q) thnum(2) trim(0.01 0.05) r")
    assert each == dp.PanelThreshold(
        "y", "d", "q", "x", n_thresholds=2, trim=(0.01, 0.05)
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
            "xtabond2 y L.y x z, gmm(L.y) iv(x) iv(z, eq(level)) orthogonal h(2)",
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
    ],
)
def test_dynamic_panels(text: str, expected: dp.DynamicPanel) -> None:
    assert read(text) == expected


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
        ("xtdpdsys y x, pre(w, lagstruct(1, .))", "'w,' cannot be read"),
        ("xtdpdsys y x i.year", "dummies of periods"),
        ("xtdpdsys y x, maxlags(3)", "maxlags"),
        ("xtdpdsys y x, vce(hac)", r"vce\(hac\)"),
        ("xtabond y x", "a trend in levels"),
        ("xtdpdsys y x, lags(two)", "not a number"),
        ("xtdpdsys y x, lags(1.5)", "no whole number"),
    ],
)
def test_refusals(text: str, reason: str) -> None:
    with pytest.raises(dp.StataError, match=reason):
        dp.from_stata(text, entity="id", time="year")
