"""Panels that are fitted in blocks and in memory, and how they are compared."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp


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
    assert [n.code for n in blocks.diagnostics] == [n.code for n in memory.diagnostics]
    for ours, theirs in zip(blocks.diagnostics, memory.diagnostics, strict=True):
        assert ours.message == theirs.message
    first, second = blocks.f_statistic, memory.f_statistic
    assert first.p_value == pytest.approx(
        second.p_value, rel=1e-6, abs=1e-12, nan_ok=True
    )
