"""A fit in blocks against the fit in memory."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.kernels import in_blocks, within

pytest.importorskip("pyarrow")

SSC = ("reghdfe", "xtreg", "areg", "sandwich", "linearmodels", "plm", "none")


def panel_of(seed, firms=60, periods=7, *, text=False, missing=0.1, lone=3):
    """Simulate an unbalanced panel with singletons, gaps, a moving industry."""
    rng = np.random.default_rng(seed)
    firm = np.repeat(np.arange(firms), periods)
    year = np.tile(np.arange(2001, 2001 + periods), firms)
    n = firm.size
    industry = rng.integers(0, 9, n)
    frame = pd.DataFrame(
        {
            "firm": firm,
            "year": year,
            "industry": industry,
            "region": firm % 5,
            "product": rng.integers(0, 40, n),
            "x": rng.normal(size=n) + 0.3 * (firm % 7),
            "z": np.exp(rng.normal(size=n)),
            "treated": ((firm < 4) & (year >= 2004)).astype(float),
            "w": rng.uniform(0.5, 2, n),
        }
    )
    frame["y"] = (
        frame["x"]
        - 0.4 * np.log(frame["z"])
        + 0.2 * frame["industry"]
        + rng.normal(size=firms)[firm]
        + rng.normal(size=n)
    )
    frame.loc[rng.random(n) < missing / 2, "x"] = np.nan
    frame = frame[rng.random(n) > missing]
    frame.loc[frame.index[:lone], "industry"] = 100 + np.arange(lone)
    if text:
        for name in ("firm", "industry", "region"):
            frame[name] = name[0] + frame[name].astype(str).str.zfill(3)
    return frame


def tables(frame, rng):
    """Give the same rows, shuffled, as each engine has them."""
    duckdb = pytest.importorskip("duckdb")
    polars = pytest.importorskip("polars")
    pyarrow = pytest.importorskip("pyarrow")
    shuffled = frame.iloc[rng.permutation(len(frame))]
    return {
        "pandas": shuffled,
        "polars": polars.from_pandas(shuffled).lazy(),
        "duckdb": duckdb.connect().from_df(shuffled),
        "pyarrow": pyarrow.Table.from_pandas(shuffled, preserve_index=False),
    }


def draw_spec(rng):
    """Draw a specification that a scanned table takes."""
    terms = ("log(z)", "lag(x)", "I(x**2)", "treated", "x:treated", "C(region):x")
    x = ["x", *(term for term in terms if rng.random() < 0.35)]
    absorb = [t for t in ("industry", "region^year") if rng.random() < 0.4]
    kind = rng.choice(["clustered", "robust", "unadjusted", "driscoll_kraay", "xtscc"])
    clusters = None
    if kind == "clustered":
        ways = [None, "region", ["firm", "year"], ["industry", "year"], "industry"]
        ways.append(["firm", "industry", "year"])
        clusters = ways[rng.integers(len(ways))]
    return dp.FixedEffects(
        "y",
        x,
        absorb=absorb,
        time_effects=bool(rng.random() < 0.7),
        cov_type=str(kind),
        clusters=clusters,
        ssc=str(rng.choice(SSC)),
        obs_weights="w" if rng.random() < 0.3 else None,
        singletons=str(rng.choice(["drop", "keep"], p=[0.8, 0.2])),
        collinear="drop",
        keep_rows=False,
    )


def fitted(spec, panel):
    """Fit, or return the error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        try:
            return spec.fit(panel)
        except dp.DigiprosperError as error:
            return error


def assert_same(blocks, memory, tolerance=1e-10):
    """Compare every number and every notice."""
    if isinstance(memory, dp.DigiprosperError):
        assert type(blocks) is type(memory), (blocks, memory)
        return
    assert not isinstance(blocks, dp.DigiprosperError), blocks
    assert blocks.nobs == memory.nobs
    assert blocks.names == memory.names
    assert blocks.df_counted == memory.df_counted
    assert blocks.df_absorbed == memory.df_absorbed
    assert blocks.n_clusters == memory.n_clusters
    assert blocks.df_t == pytest.approx(memory.df_t)
    close = {"rtol": tolerance, "atol": 0, "equal_nan": True}
    scale = memory.std_errors.abs().max()
    np.testing.assert_allclose(
        blocks.params, memory.params, rtol=tolerance, atol=tolerance * scale
    )
    np.testing.assert_allclose(blocks.std_errors, memory.std_errors, **close)
    np.testing.assert_allclose(
        blocks.fit_statistics, memory.fit_statistics, rtol=tolerance, atol=tolerance
    )
    pd.testing.assert_frame_equal(
        blocks.sample_stats, memory.sample_stats, rtol=1e-9, atol=1e-12
    )
    for name, values in blocks.effects.items():
        np.testing.assert_allclose(
            values, memory.effects[name].reindex(values.index), rtol=1e-8, atol=1e-9
        )
    assert [n.code for n in blocks.diagnostics] == [n.code for n in memory.diagnostics]
    for ours, theirs in zip(blocks.diagnostics, memory.diagnostics, strict=True):
        assert ours.message == theirs.message
    first, second = blocks.f_statistic, memory.f_statistic
    assert first.p_value == pytest.approx(
        second.p_value, rel=1e-6, abs=1e-12, nan_ok=True
    )


@pytest.mark.parametrize("seed", range(40))
def test_a_fit_in_blocks_is_the_fit_in_memory(seed):
    rng = np.random.default_rng(seed)
    frame = panel_of(seed, text=seed % 3 == 0)
    spec = draw_spec(rng)
    memory = fitted(spec, dp.Panel(frame, "firm", "year"))
    engine = ["pandas", "polars", "duckdb", "pyarrow"][seed % 4]
    for blocks in (1, 7, 64):
        scan = dp.Panel.scan(
            tables(frame, rng)[engine], entity="firm", time="year", blocks=blocks
        )
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


def test_subset_and_assign_are_those_of_a_panel():
    frame = panel_of(7)
    spec = dp.FixedEffects("y", ["lx", "log(z)"], keep_rows=False)
    panel = dp.Panel(frame, "firm", "year")
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=4)
    changed = [
        p.assign(lx="lag(x)").subset("year >= 2003 and region in [0, 2, 3]")
        for p in (panel, scan)
    ]
    assert_same(fitted(spec, changed[1]), fitted(spec, changed[0]))
    half = scan.sample_entities(0.5)
    assert 0 < half.n_entities < panel.n_entities
    again = dp.Panel.scan(frame.iloc[::-1], entity="firm", time="year")
    assert half.entities.equals(again.sample_entities(0.5).entities)


def test_dates_have_one_step_in_all_blocks():
    frame = panel_of(8)
    frame["year"] = pd.to_datetime(frame["year"].astype(str))
    frame.loc[frame["firm"] == 0, "year"] += pd.Timedelta(days=40)
    spec = dp.FixedEffects("y", ["x", "lag(x)"], time_effects=False, keep_rows=False)
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=9)
    assert_same(fitted(spec, scan), fitted(spec, dp.Panel(frame, "firm", "year")))


def test_failures_leave_no_file(tmp_path):
    frame = panel_of(9)
    spec = dp.FixedEffects("y", ["x"])
    twice = pd.concat([frame, frame.head(2)])
    unknown = frame.assign(firm=frame["firm"].where(frame["firm"] != 3))
    for table, error in ((twice, dp.PanelIndexError), (unknown, dp.PanelIndexError)):
        scan = dp.Panel.scan(table, entity="firm", time="year", folder=tmp_path)
        with pytest.raises(error):
            spec.fit(scan)
        assert not list(tmp_path.iterdir())
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql(
        "select i as firm, 2000 as year, 1.0 as y, error('no such firm') as x "
        "from range(5) t(i)"
    )
    scan = dp.Panel.scan(relation, entity="firm", time="year", folder=tmp_path)
    with pytest.raises(dp.ScanError, match="no such firm"):
        spec.fit(scan)
    assert not list(tmp_path.iterdir())


def test_an_interrupt_leaves_no_file(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    scan = dp.Panel.scan(panel_of(9), entity="firm", time="year", folder=tmp_path)
    monkeypatch.setattr("digiprosper.linear.scanned.first_pass", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dp.FixedEffects("y", ["x"]).fit(scan)
    assert not list(tmp_path.iterdir())


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
    with pytest.raises(dp.InputTypeError, match="scan"):
        dp.PanelThreshold("y", ["x"], "z").fit(scan)


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
    from digiprosper.panel import scan as scanning

    copies = []
    write = scanning.write_blocks
    monkeypatch.setattr(
        scanning, "write_blocks", lambda *args: copies.append(1) or write(*args)
    )
    models = {"one": base, "two": base.add("log(z)"), "three": base.add("lag(x)")}
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
