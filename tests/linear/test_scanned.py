"""A fit in blocks against the fit in memory."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import digiprosper as dp
from digiprosper.kernels import in_blocks, within
from digiprosper.panel import scan as scanning
from tests.scanned_cases import assert_same, fitted, panel_of, tables

pytest.importorskip("pyarrow")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "scanned.py"
SSC = ("reghdfe", "xtreg", "areg", "sandwich", "linearmodels", "plm", "none")


def draw_options(rng):
    """Draw options that all specifications of a scanned table have."""
    return {
        "ssc": str(rng.choice(SSC)),
        "obs_weights": "w" if rng.random() < 0.3 else None,
        "singletons": str(rng.choice(["drop", "keep"], p=[0.8, 0.2])),
        "collinear": "drop",
        "keep_rows": False,
    }


def draw_spec(rng):
    """Draw a specification that a scanned table takes."""
    terms = ("log(z)", "lag(x)", "I(x**2)", "treated", "x:treated", "C(region):x")
    more = ("lag(y)", "diff(z)", "lead(x)", "C(region, ref=2):z", "C(year):z")
    x = ["x", *(term for term in terms if rng.random() < 0.35)]
    x += [term for term in more if rng.random() < 0.15]
    effects = ("industry", "region^year", "product", "region")
    absorb = [t for t in effects if rng.random() < 0.25]
    kind = rng.choice(["clustered", "robust", "unadjusted", "driscoll_kraay", "xtscc"])
    clusters = None
    if kind == "clustered":
        ways = [None, "region", ["firm", "year"], ["industry", "year"], "industry"]
        ways += [["firm", "industry", "year"], ["region", "product"], "region^year"]
        clusters = ways[rng.integers(len(ways))]
    conditions = (
        "year >= 2003 or industry in [1, 2]",
        "firm < 9",
        "not (year == 2004 and region == 1)",
    )
    where = conditions[rng.integers(3)] if rng.random() < 0.3 else None
    return dp.FixedEffects(
        "y",
        x,
        absorb=absorb,
        time_effects=bool(rng.random() < 0.7),
        cov_type=str(kind),
        clusters=clusters,
        where=where,
        **draw_options(rng),
    )


# Numbers of blocks by seed.
BLOCKS = ((1, 64), (7, 64), (1, 7))


@pytest.mark.parametrize("seed", range(32))
def test_a_fit_in_blocks_is_the_fit_in_memory(seed):
    rng = np.random.default_rng(seed)
    frame = panel_of(seed, text=seed % 3 == 0)
    spec = draw_spec(rng)
    memory = fitted(spec, dp.Panel(frame, "firm", "year"))
    engine = ["pandas", "polars", "duckdb", "pyarrow"][seed % 4]
    for blocks in BLOCKS[seed % 3]:
        scan = dp.Panel.scan(
            tables(frame, rng)[engine], entity="firm", time="year", blocks=blocks
        )
        assert_same(fitted(spec, scan), memory)


def draw_instruments(rng):
    """Draw a specification with instruments that a scanned table takes."""
    controls = ("I(x**2)", "treated", "C(region):x", "C(year):z")
    several = rng.random() < 0.3
    kind = rng.choice(["clustered", "robust", "unadjusted", "driscoll_kraay", "xtscc"])
    clusters = None
    if kind == "clustered" or rng.random() < 0.4:
        kind = "clustered"
        ways = [None, "region", ["firm", "year"], ["firm", "industry", "year"]]
        ways += [["region", "product"], "region^year"]
        clusters = ways[rng.integers(len(ways))]
    return dp.FixedEffectsIV(
        "y",
        [term for term in controls if rng.random() < 0.3],
        ["x", "log(z)"] if several else ["x"],
        ["q1", *(t for t in ("q2", "q1:q2") if several or rng.random() < 0.4)],
        absorb=[t for t in ("industry", "region^year") if rng.random() < 0.25],
        time_effects=bool(rng.random() < 0.7),
        cov_type=str(kind),
        clusters=clusters,
        **draw_options(rng),
    )


@pytest.mark.parametrize("seed", range(24))
def test_instruments_in_blocks_are_those_in_memory(seed):
    rng = np.random.default_rng(seed)
    frame = panel_of(seed, text=seed % 3 == 0)
    spec = draw_instruments(rng)
    memory = fitted(spec, dp.Panel(frame, "firm", "year"))
    for blocks in BLOCKS[seed % 3]:
        scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=blocks)
        scan = fitted(spec, scan)
        crossed = isinstance(scan, dp.OptionError) and "Anderson-Rubin" in str(scan)
        if not crossed or spec.clusters != ("region^year",):
            assert_same(scan, memory)


def test_instruments_with_several_ways_and_large_blocks_of_clusters(monkeypatch):
    monkeypatch.setattr("digiprosper.linear.kernels.restricted_wild.MOST_CLUSTERS", 20)
    frame = panel_of(3)
    for clusters in (None, ["firm", "region"], ["product", "year"]):
        spec = dp.FixedEffectsIV(
            "y", ["treated"], ["x"], ["q1", "q2"], clusters=clusters, keep_rows=False
        )
        memory = fitted(spec, dp.Panel(frame, "firm", "year"))
        scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=3)
        assert_same(fitted(spec, scan), memory)


@pytest.mark.parametrize("seed", range(8))
def test_a_large_effect_is_taken_out_by_conjugate_gradients(seed, monkeypatch):
    frame = panel_of(seed, firms=80)
    spec = dp.FixedEffects(
        "y",
        ["x", "log(z)"],
        absorb=["product"],
        time_effects=seed % 2 == 0,
        collinear="drop",
        keep_rows=False,
    )
    monkeypatch.setattr(within, "_DENSE", 5)
    monkeypatch.setattr(in_blocks, "MOST_DENSE", 5)
    memory = fitted(spec, dp.Panel(frame, "firm", "year"))
    for blocks in (1, 6):
        scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=blocks)
        assert_same(fitted(spec, scan), memory)


def test_units_levels_and_trends_cost_few_digits():
    frame = panel_of(3, firms=120, periods=9, missing=0.05)
    spec = dp.FixedEffects("y", ["x", "log(z)"], keep_rows=False)
    base = fitted(spec, dp.Panel(frame, "firm", "year"))
    cases = {
        "large": frame.assign(x=frame["x"] * 1e9),
        "small": frame.assign(y=frame["y"] * 1e-9),
        "levels": frame.assign(x=frame["x"] + 1e6 * frame["firm"]),
        "trend": frame.assign(y=frame["y"] + 1e6 * (frame["year"] - 2000)),
    }
    units = {"large": 1e-9, "small": 1e-9, "levels": 1.0, "trend": 1.0}
    for case, changed in cases.items():
        scan = dp.Panel.scan(changed, entity="firm", time="year", blocks=5)
        result = fitted(spec, scan)
        t = result.tstats["x"]
        assert t == pytest.approx(base.tstats["x"], rel=1e-8), case
        assert result.params["x"] == pytest.approx(
            base.params["x"] * units[case], rel=1e-8
        ), case


@pytest.mark.parametrize(("condition", "tolerance"), [(9e4, 1e-10), (9e6, 1e-8)])
def test_nearly_collinear_regressors(condition, tolerance):
    frame = panel_of(5, firms=100, missing=0.02)
    rng = np.random.default_rng(1)
    frame["x2"] = frame["x"] + rng.normal(size=len(frame)) / condition
    spec = dp.FixedEffects("y", ["x", "x2", "log(z)"], keep_rows=False)
    memory = fitted(spec, dp.Panel(frame, "firm", "year"))
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=5)
    result = fitted(spec, scan)
    np.testing.assert_allclose(result.params, memory.params, rtol=tolerance * 10)
    np.testing.assert_allclose(
        result.std_errors, memory.std_errors, rtol=tolerance * 10
    )


def test_absorbed_and_collinear_columns_are_found():
    frame = panel_of(6).assign(twice=lambda d: 2 * d["x"])
    for x in (["x", "region"], ["x", "twice"], ["x", "I(year**2)"]):
        for collinear in ("raise", "drop"):
            spec = dp.FixedEffects("y", x, collinear=collinear, keep_rows=False)
            memory = fitted(spec, dp.Panel(frame, "firm", "year"))
            scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=4)
            assert_same(fitted(spec, scan), memory)


def test_what_is_not_available_is_refused_by_name():
    scan = dp.Panel.scan(panel_of(9), entity="firm", time="year")
    for options, words in (
        ({"cov_type": "crv3"}, "crv3"),
        ({"cov_type": "hc3"}, "hc3"),
        ({"absorb": ["region[x]"]}, "slopes"),
        ({"entity_effects": False}, "entity"),
    ):
        with pytest.raises(dp.OptionError, match=words):
            dp.FixedEffects("y", ["x"], **options).fit(scan)
    spec = dp.FixedEffectsIV("y", ["z"], ["x"], ["q1"], clusters="industry")
    with pytest.raises(dp.OptionError, match=r"Anderson-Rubin.*firm.*two ways"):
        spec.fit(scan)
    levels = spec.replace(clusters=None, absorb=["product", "region^year"])
    with pytest.raises(dp.OptionError, match="levels"):
        levels.fit(scan)
    with pytest.raises(dp.InputTypeError, match="scan"):
        dp.PanelThreshold("y", ["x"], "z").fit(scan)


def test_logs_of_counts_are_reported():
    frame = panel_of(13).assign(count=lambda d: (d["z"] // 1).astype(int))
    for x in (["x"], ["x", "count"]):
        spec = dp.FixedEffects("log(count + 1)", x, keep_rows=False)
        scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=3)
        memory = fitted(spec, dp.Panel(frame, "firm", "year"))
        assert "shifted_log" in [notice.code for notice in memory.diagnostics]
        assert_same(fitted(spec, scan), memory)


def test_results_are_those_of_keep_rows_false():
    frame = panel_of(10)
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=3)
    fit = fitted(dp.FixedEffects("y", ["x", "log(z)"]), scan)
    memory = fitted(
        dp.FixedEffects("y", ["x", "log(z)"]), dp.Panel(frame, "firm", "year")
    )
    assert fit.wald_test("x = 1").p_value == pytest.approx(
        memory.wald_test("x = 1").p_value
    )
    assert fit.combination("x + log(z)").estimate == pytest.approx(
        memory.combination("x + log(z)").estimate
    )
    assert "firm" in str(dp.etable([fit]))
    with pytest.raises(dp.OptionError, match="keep_rows"):
        _ = fit.residuals
    with pytest.raises(dp.OptionError, match="larger than memory"):
        fit.predict(dp.Panel(frame, "firm", "year"))


def test_several_models_share_one_copy(monkeypatch):
    frame = panel_of(11)
    panel = dp.Panel(frame, "firm", "year")
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=3)
    base = dp.FixedEffects("y", ["x"], keep_rows=False)
    copies = []
    write = scanning.write_blocks
    monkeypatch.setattr(
        scanning, "write_blocks", lambda *args: copies.append(1) or write(*args)
    )
    models = {"one": base, "two": base.add("log(z)"), "three": base.add("lag(x)")}
    models["four"] = dp.FixedEffectsIV("y", [], ["x"], ["q1"], keep_rows=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        ours, theirs = dp.fit_all(models, scan), dp.fit_all(models, panel)
        assert len(copies) == 1
        for label in models:
            assert_same(ours[label], theirs[label])
        for sample in ("common", "own"):
            order = ["log(z)", ["lag(x)", "treated"]]
            ours = dp.stepwise(base, scan, order, sample=sample)
            theirs = dp.stepwise(base, panel, order, sample=sample)
            for label in theirs:
                np.testing.assert_allclose(
                    ours[label].std_errors, theirs[label].std_errors, rtol=1e-10
                )
                assert ours[label].nobs == theirs[label].nobs
    assert len(copies) == 3


@pytest.mark.further
def test_a_million_rows_in_blocks_are_those_in_memory():
    pytest.importorskip("pyarrow")
    command = [sys.executable, str(SCRIPT), "--rows", "1e6"]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    *_, wall, _, peak, difference = out.stdout.split()
    assert float(difference) < 1e-10
    assert float(peak) < 1.0
    assert float(wall) < 120
