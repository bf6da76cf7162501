"""Panels that are fitted in blocks and in memory, and how they are compared."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp

# Notices that need all rows at once.
OF_ROWS = ("no_main_effect", "shared_values", "heavy_cluster")


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
    drawn = np.random.default_rng([seed, 1]).normal(size=(2, n))
    frame["q1"] = 0.7 * frame["x"] + drawn[0]
    frame["q2"] = np.log(frame["z"]) + drawn[1]
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
        "duckdb": duckdb.from_df(shuffled),
        "pyarrow": pyarrow.Table.from_pandas(shuffled, preserve_index=False),
    }


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
    # What a scanned table does not take is said beside them.
    told = [n for n in blocks.diagnostics if n.code != "scanned_table"]
    expected = [n for n in memory.diagnostics if n.code not in OF_ROWS]
    assert [(n.code, n.message) for n in told] == [
        (n.code, n.message) for n in expected
    ]
    first, second = blocks.f_statistic, memory.f_statistic
    assert first.p_value == pytest.approx(
        second.p_value, rel=1e-6, abs=1e-12, nan_ok=True
    )
    if isinstance(memory, dp.IVResults):
        _assert_same_instruments(blocks, memory, tolerance)


def _assert_same_instruments(blocks, memory, tolerance):
    for name, stage in memory.first_stage.items():
        assert_same(blocks.first_stage[name], stage, tolerance)
    assert_same(blocks.reduced_form, memory.reduced_form, tolerance)
    tests = {**memory.iv_tests, "endogeneity": memory.endogeneity}
    ours = {**blocks.iv_tests, "endogeneity": blocks.endogeneity}
    assert list(ours) == list(tests)
    for name, test in tests.items():
        first, second = ours[name], test
        if isinstance(test, dp.TestResult):
            assert first.df == pytest.approx(second.df), name
            first, second = first.statistic, second.statistic
        assert first == pytest.approx(second, rel=1e-7, nan_ok=True), name
    assert blocks.reduced_forms.df_t == pytest.approx(memory.reduced_forms.df_t)
    values = dict.fromkeys(memory.endog, 0.1)
    f = [_anderson_rubin(fit, values) for fit in (blocks, memory)]
    assert f[0] == pytest.approx(f[1], rel=1e-7, nan_ok=True)
    # The test by blocks of periods, beside Driscoll-Kraay errors, needs the rows.
    if memory.cov_type != "driscoll_kraay":
        told = dataclasses.replace(blocks, diagnostics=memory.diagnostics)
        assert str(told.summary()) == str(memory.summary())


def _anderson_rubin(fit, values):
    try:
        return fit.anderson_rubin_test(values).statistic
    except dp.IdentificationError:
        return np.nan
