"""A fit in blocks against the fit in memory."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from decimal import Decimal, localcontext
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.kernels import in_blocks, within
from digiprosper.kernels.covariance import fixed_b
from digiprosper.panel import scan as scan_module
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
    monkeypatch.setattr("digiprosper.linear.kernels.wild.MOST_CLUSTERS", 20)
    frame = panel_of(3)
    for clusters in (None, ["firm", "region"], ["product", "year"]):
        spec = dp.FixedEffectsIV(
            "y", ["treated"], ["x"], ["q1", "q2"], clusters=clusters, keep_rows=False
        )
        memory = fitted(spec, dp.Panel(frame, "firm", "year"))
        scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=3)
        assert_same(fitted(spec, scan), memory)


def over_periods(seed):
    """Simulate firms with common shocks, years that no firm has, and late entrants."""
    frame = panel_of(seed, firms=25, periods=14, missing=0.2)
    year = frame["year"]
    # In the first blocks later years occur before earlier ones.
    frame = frame[~year.isin([2004, 2009, 2010]) & (year >= 2001 + frame["firm"] % 5)]
    shocks = np.random.default_rng([seed, 2]).normal(size=(2, 14)).cumsum(axis=1)
    at = frame["year"] - 2001
    return frame.assign(x=frame["x"] + shocks[0, at], y=frame["y"] + shocks[1, at])


@pytest.mark.parametrize("ssc", SSC)
@pytest.mark.parametrize("kind", ["driscoll_kraay", "xtscc"])
def test_driscoll_kraay_errors_in_blocks_are_those_in_memory(kind, ssc):
    seed = 2 * SSC.index(ssc) + (kind == "xtscc")
    frame = over_periods(seed)
    spec = dp.FixedEffects(
        "y",
        ["x", "lag(log(z))"] if seed % 3 else ["x", "log(z)"],
        absorb=["industry"] if seed % 2 else [],
        time_effects=seed % 5 > 0,
        cov_type=kind,
        bandwidth=(None, 0, 3, 7)[seed // 2 % 4],
        ssc=ssc,
        obs_weights="w" if seed % 4 > 1 else None,
        keep_rows=False,
    )
    iv = dp.FixedEffectsIV(
        "y",
        ["log(z)"],
        ["x"],
        ["q1", "q2"],
        **{name: getattr(spec, name) for name in ("cov_type", "bandwidth", "ssc")},
        obs_weights="w" if seed % 4 < 2 else None,
        keep_rows=False,
    )
    panel = dp.Panel(frame, "firm", "year")
    memory, iv_memory = fitted(spec, panel), fitted(iv, panel)
    for blocks in (1, 7, 30):
        scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=blocks)
        ours = fitted(spec, scan)
        assert_same(ours, memory)
        if kind == "driscoll_kraay":
            np.testing.assert_allclose(
                ours.estimated.xtscc.covariance,
                memory.estimated.xtscc.covariance,
                rtol=1e-10,
            )
        assert_same(fitted(iv, scan), iv_memory)


@pytest.mark.parametrize("weights", [None, "w"])
@pytest.mark.parametrize("kind", ["driscoll_kraay", "xtscc"])
def test_driscoll_kraay_errors_in_blocks_are_sums_over_periods(kind, weights):
    frame = over_periods(11).dropna().reset_index(drop=True)
    spec = dp.FixedEffects(
        "y",
        ["x", "z"],
        cov_type=kind,
        bandwidth=2,
        ssc="none",
        obs_weights=weights,
        singletons="keep",
        keep_rows=False,
    )
    n, years = len(frame), sorted(frame["year"].unique())
    w = np.ones(n) if weights is None else frame[weights].to_numpy()
    firm, year = (pd.get_dummies(frame[c]).to_numpy(float) for c in ("firm", "year"))
    dummies, root = np.hstack([firm, year]), np.sqrt(w)[:, None]
    columns = frame[["x", "z", "y"]].to_numpy()
    columns -= dummies @ np.linalg.lstsq(root * dummies, root * columns)[0]
    x, y = columns[:, :2], columns[:, 2]
    bread = np.linalg.inv(x.T @ (w[:, None] * x))
    slopes = bread @ x.T @ (w * y)
    scores = x * (w * (y - x @ slopes))[:, None]
    sums = year.T @ scores
    middle = np.zeros((2, 2))
    for s in range(len(years)):
        for t in range(len(years)):
            middle += max(0, 1 - abs(s - t) / 3) * np.outer(sums[s], sums[t])
    if kind == "driscoll_kraay":
        by_firm = firm.T @ scores
        middle = middle / fixed_b(len(years), 2)[0] + by_firm.T @ by_firm
    for blocks in (1, 7, 30):
        scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=blocks)
        fit = fitted(spec, scan)
        np.testing.assert_allclose(fit.params, slopes, rtol=1e-10)
        np.testing.assert_allclose(
            fit.cov.to_numpy(), bread @ middle @ bread, rtol=1e-10
        )


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


def exact_fit(frame, x):
    """Compute slopes and their errors by firm with 60 digits, by Gauss-Jordan."""
    with localcontext(prec=60):
        years = pd.get_dummies(frame["year"]).to_numpy()[:, 1:]
        rows = np.column_stack([years, frame[[*x, "y"]]]).tolist()
        columns = np.array([[Decimal(value) for value in row] for row in rows])
        firms = list(frame.groupby("firm").indices.values())
        for firm in firms:
            columns[firm] -= columns[firm].sum(axis=0) / len(firm)
        design, y = columns[:, :-1], columns[:, -1]
        p = design.shape[1]
        table = np.hstack([design.T @ columns, np.eye(p, dtype=int).astype(object)])
        for j in range(p):
            row = table[j] / table[j, j]
            table = table - np.outer(table[:, j], row)
            table[j] = row
        slopes, inverse = table[:, p], table[:, p + 1 :]
        scores = (design @ inverse) * (y - design @ slopes)[:, None]
        sums = np.array([scores[firm].sum(axis=0) for firm in firms])
        errors = [variance.sqrt() for variance in (sums**2).sum(axis=0)]
    return np.array(slopes, float)[-len(x) :], np.array(errors, float)[-len(x) :]


def simulated_without_gaps(seed):
    frame = panel_of(seed, periods=9, missing=0.05).dropna()
    frame = frame[frame.groupby("firm")["year"].transform("size") > 1]
    return frame.assign(lz=np.log(frame["z"])).reset_index(drop=True)


def in_blocks_and_memory(frame, x):
    """Fit in several blocks, in one, and in memory."""
    spec = dp.FixedEffects("y", x, ssc="none", keep_rows=False)
    scans = [
        dp.Panel.scan(frame, entity="firm", time="year", blocks=blocks)
        for blocks in (5, 1)
    ]
    return [fitted(spec, panel) for panel in (*scans, dp.Panel(frame, "firm", "year"))]


@pytest.mark.many(1)
@pytest.mark.parametrize("seed", range(3))
def test_units_and_levels_cost_no_digits_and_trends_few(seed):
    """Units of 1e9 and 1e-9, levels of a million deviations, trends as large.

    Errors are relative to a fit with 60 digits of the same columns. A trend leaves
    columns with ten digits, so that errors are 1e-10 of slopes and 1e-9 of standard
    errors.
    """
    frame = simulated_without_gaps(seed)
    rng = np.random.default_rng(seed)
    level = 1e6 * rng.normal(size=(3, 60))[:, frame["firm"]]
    x, lz, y = frame["x"], frame["lz"], frame["y"]
    trend = 1e6 * (frame["year"] - 2000)
    cases = {
        "units": ({"x": x * 1e9, "lz": lz * 1e-9}, 1e-12, 1e-12),
        "outcome": ({"y": y * 1e-9}, 1e-12, 1e-12),
        "levels": (
            {"x": x + level[0], "lz": lz + level[1], "y": y + level[2]},
            1e-12,
            1e-12,
        ),
        "trend": ({"y": y + trend}, 1e-9, 1e-8),
        "trends": ({"x": x - trend, "lz": lz + 2 * trend, "y": y + trend}, 1e-9, 1e-8),
        "all": (
            {
                "x": (x + level[0] + trend) * 1e9,
                "lz": (lz + level[1] - trend) * 1e-9,
                "y": y + level[2] + trend,
            },
            1e-9,
            1e-8,
        ),
    }
    for case, (columns, of_slopes, of_errors) in cases.items():
        changed = frame.assign(**columns)
        slopes, errors = exact_fit(changed, ["x", "lz"])
        for fit in in_blocks_and_memory(changed, ["x", "lz"]):
            np.testing.assert_allclose(fit.params, slopes, rtol=of_slopes, err_msg=case)
            np.testing.assert_allclose(
                fit.std_errors, errors, rtol=of_errors, err_msg=case
            )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("condition", "tolerance"), [(9e4, 1e-10), (9e6, 1e-8)])
def test_nearly_collinear_regressors(condition, tolerance, seed, monkeypatch):
    """Errors are relative to the slope, or to its standard error if that is larger.

    Relative to a slope near zero no error has a bound: columns that are demeaned with
    60 digits and then rounded once to doubles give 6e-9 of a slope of a quarter of its
    standard error, at condition 9e6. A method that is backward stable, such as QR in
    memory, moves columns by eps, and slopes by up to eps times condition times sqrt(N)
    standard errors: 5e-8. Over many panels 1e-8 is reached in blocks (at most 3e-9),
    but not always in memory. Passes over the rows end where they do not help.
    """
    passes, second_pass = [], in_blocks.second_pass
    monkeypatch.setattr(
        in_blocks, "second_pass", lambda *args: passes.append(1) or second_pass(*args)
    )
    frame = simulated_without_gaps(seed)
    noise = np.random.default_rng(seed).normal(size=len(frame))
    frame["x2"] = frame["x"] + noise / condition
    slopes, errors = exact_fit(frame, ["x", "x2", "lz"])
    size = np.maximum(abs(slopes), errors)
    *scans, memory = in_blocks_and_memory(frame, ["x", "x2", "lz"])
    for fit, bound in [*((fit, tolerance) for fit in scans), (memory, 3 * tolerance)]:
        assert (abs(fit.coefficients - slopes) < bound * size).all()
        np.testing.assert_allclose(fit.std_errors, errors, rtol=bound)
    assert len(passes) <= 2 * 4


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
    with pytest.raises(dp.MissingDataError, match=r"before the table is scanned"):
        dp.FixedEffects("y", ["x"], missing="raise").fit(scan)
    with pytest.raises(dp.InputTypeError, match="scan"):
        dp.PanelThreshold("y", ["x"], "z").fit(scan)


def advised(kind):
    """Fit a specification whose notices advise other functions, and its table."""
    frame = panel_of(3)
    frame["first"] = np.select([frame["firm"] < 3, frame["firm"] < 6], [2004, 2005])
    frame["first"] = frame["first"].replace(0, np.nan)
    frame["count"] = (frame["z"] // 1).astype(int)
    frame["rare"] = (frame["firm"] == 5) * frame["x"]
    spec = dp.FixedEffects("y", ["x"])
    some, decade = frame[frame["firm"] < 25], panel_of(3, periods=10)
    cases = {
        "few clusters": (spec, some, "wild_bootstrap"),
        "very few": (spec, frame[frame["firm"] < 8], "crv3"),
        "several ways": (
            spec.replace(clusters=["firm", "year"]),
            some,
            "wild_bootstrap",
        ),
        "few treated": (spec.replace(x=["rare"]), frame, "randomisation_test"),
        "few periods": (spec.replace(cov_type="xtscc"), decade, "block_test"),
        "shocks": (spec.replace(cov_type="driscoll_kraay"), decade, "block_test"),
        "lag": (spec.replace(x=["lag(y)"]), frame, "DynamicPanel"),
        "log": (spec.replace(y="log(count + 1)"), frame, "PoissonEffects"),
        "event": (
            dp.EventStudy("y", "first", before=2, after=2),
            frame,
            "StaggeredDid",
        ),
        "instruments": (
            dp.FixedEffectsIV("y", [], ["x"], ["q1"]),
            some,
            "wild_bootstrap",
        ),
        "weak": (
            dp.FixedEffectsIV("y", ["lag(y)"], ["x"], ["w"]),
            frame,
            "DynamicPanel",
        ),
    }
    return cases[kind]


KINDS = (
    *("few clusters", "very few", "several ways", "few treated", "few periods"),
    *("shocks", "lag", "log", "event", "instruments", "weak"),
)
REFUSED = {*dp.__all__, "block_test", "crv3", "cr2", "hc3"} - {
    *("FixedEffects", "FixedEffectsIV", "EventStudy", "Panel", "PanelScan"),
    "instruments",
}


@pytest.mark.many(11)
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_scanned_table_refuses_is_advised_for_a_sample_in_memory(kind):
    spec, frame, word = advised(kind)
    fit = fitted(spec, dp.Panel.scan(frame, entity="firm", time="year", blocks=2))
    stages = fit.first_stage.values() if isinstance(fit, dp.IVResults) else []
    words = set()
    for one in (fit, *stages):
        *others, last = one.diagnostics
        text = " ".join(notice.message for notice in others)
        refused = {*re.findall(r"\w+", text)} & REFUSED
        if last.code == "scanned_table":
            assert {*last.data["names"]} == refused
            assert "scan.sample_entities(share)" in last.message
            words |= refused
        else:
            assert not {*re.findall(r"\w+", text + last.message)} & REFUSED
    assert word in words


@pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
def test_the_advice_for_a_sample_can_be_followed():
    spec, frame, _ = advised("few treated")
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=2)
    panel = scan.subset("firm < 40").sample_entities(1)
    assert dp.randomisation_test(spec, panel, "rare", reps=99, rng=1).p_value > 0
    assert dp.wild_bootstrap(spec, panel, "rare", reps=99, rng=1).p_value > 0
    decade = dp.Panel.scan(panel_of(3, periods=10), entity="firm", time="year")
    shocks = dp.FixedEffects("y", ["x"], cov_type="driscoll_kraay")
    with pytest.raises(dp.OptionError, match=r"block_test.*scan\.sample_entities"):
        shocks.fit(decade).block_test("x")
    assert shocks.fit(decade.sample_entities(1)).block_test("x").p_value > 0
    spec = dp.FixedEffects("y", ["rare", "x"], clusters="region")
    few, refused = fitted(spec, scan).wald_test("rare = 0, x = 0").diagnostics
    assert refused.data["names"] == ("randomisation_test",)
    assert "randomisation_test" in few.message


def test_few_clusters_are_reported_as_in_memory_with_weights():
    """CR2 is not advised, which weights refuse."""
    frame = panel_of(2)
    spec = dp.FixedEffects("z", ["treated"], obs_weights="w")
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=3)
    with pytest.warns(dp.FewClustersWarning, match="depends on few clusters") as told:
        blocks = spec.fit(scan)
    assert_same(blocks, fitted(spec, dp.Panel(frame, "firm", "year")))
    assert not any("cr2" in str(warning.message) for warning in told)


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
    with pytest.raises(dp.OptionError, match="a scanned table was fitted"):
        fit.predict(dp.Panel(frame, "firm", "year"))


def test_several_models_share_one_copy(monkeypatch):
    frame = panel_of(11)
    panel = dp.Panel(frame, "firm", "year")
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=3)
    base = dp.FixedEffects("y", ["x"], keep_rows=False)
    copies = []
    cut = scan_module.cut_into_files
    monkeypatch.setattr(
        scan_module, "cut_into_files", lambda *args: copies.append(1) or cut(*args)
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
    *_, wall, _, peak, disk, difference = out.stdout.split()
    assert float(difference) < 1e-10
    assert float(peak) < 1.0
    assert 0 < float(disk) < 0.5
    assert float(wall) < 120


def firms_that_enter(seed):
    """Simulate 5,000 firms that enter in different years; the slope is 0.5."""
    rng = np.random.default_rng(seed)
    firm, since = np.repeat(np.arange(5000), 10), np.tile(np.arange(10), 5000)
    entry = rng.integers(0, 9, 5000)
    effect = rng.normal(size=5000) + 0.3 * entry
    odds = np.exp(effect[firm] + 0.3 * since - 2)
    x = (rng.random(firm.size) < odds / (1 + odds)).astype(float)
    y = 0.5 * x + effect[firm] + 0.2 * since + rng.normal(size=firm.size)
    frame = pd.DataFrame({"firm": firm, "year": 2010 + since, "x": x, "y": y})
    return frame[since >= entry[firm]].reset_index(drop=True)


@pytest.mark.further
@pytest.mark.filterwarnings("ignore")  # of the packages that duckreg uses
def test_tools_that_compress_a_table(
    measured: Callable[..., None], tmp_path: Path
) -> None:
    """Estimates of 5,000 simulated firms that enter in different years.

    The true effect of x, a dummy, is 0.5. The regressions have effects of firm and
    year. duckreg's `DuckMundlak` replaces the effects by means of the regressor by firm
    and by year, and its `DuckDoubleDemeaning` subtracts these means, which is exact if
    no row is missing. The last column is the distance from the fit in memory, in
    standard errors clustered by firm.
    """
    pytest.importorskip("duckreg")
    import duckdb
    from duckreg.estimators import DuckDoubleDemeaning, DuckMundlak

    frame = firms_that_enter(1)
    spec = dp.FixedEffects("y", ["x"], keep_rows=False)
    memory = spec.fit(dp.Panel(frame, "firm", "year"))
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=8)
    database = str(tmp_path / "firms.db")
    with duckdb.connect(database) as connection:
        connection.execute("create table firms as select * from frame")
    common = {
        "db_name": database,
        "table_name": "firms",
        "outcome_var": "y",
        "unit_col": "firm",
        "time_col": "year",
        "seed": 1,
        "n_bootstraps": 0,
    }
    mundlak = DuckMundlak(covariates=["x"], **common)
    demeaned = DuckDoubleDemeaning(treatment_var="x", **common)
    for tool in (mundlak, demeaned):
        tool.fit()
    peer = f"duckreg {version('duckreg')}"
    estimates = {
        "in memory": memory.params["x"],
        "scanned, 8 blocks": spec.fit(scan).params["x"],
        f"{peer}, DuckMundlak": mundlak.point_estimate[1].item(),
        f"{peer}, DuckDoubleDemeaning": demeaned.point_estimate[1].item(),
    }
    error = memory.std_errors["x"]
    distances = {k: (v - memory.params["x"]) / error for k, v in estimates.items()}
    assert abs(distances["scanned, 8 blocks"]) < 1e-9
    assert distances[f"{peer}, DuckMundlak"] == pytest.approx(-2.93, abs=0.01)
    for name, estimate in estimates.items():
        distance = f"{round(distances[name], 1) + 0.0:.1f}"
        row = {"tool": name, "slope": float(estimate), "distance": distance}
        measured("tools_that_compress_a_table", row)
