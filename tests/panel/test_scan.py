"""Scanned tables: conditions, samples, and files that go."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.panel.scan import merge_moments
from tests.scanned_cases import assert_same, fitted, panel_of

pytest.importorskip("pyarrow")


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


def test_an_interrupt_leaves_no_file(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    scan = dp.Panel.scan(panel_of(9), entity="firm", time="year", folder=tmp_path)
    monkeypatch.setattr("digiprosper.linear.scanned.first_pass", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dp.FixedEffects("y", ["x"]).fit(scan)
    assert not list(tmp_path.iterdir())


def test_moments_of_parts_are_those_of_the_whole():
    rng = np.random.default_rng(1)
    values = rng.normal(1e3, 1, 500)
    parts = np.split(values, [1, 200, 320])
    rows = [[p.size, p.mean(), p.std(ddof=1) if p.size > 1 else np.nan] for p in parts]
    ends = [[p.min(), p.max()] for p in parts]
    merged = merge_moments(np.hstack([rows, ends]))
    whole = [500, values.mean(), values.std(ddof=1), values.min(), values.max()]
    np.testing.assert_allclose(merged, whole, rtol=1e-12)
    assert merge_moments(np.array([[0.0, np.nan, np.nan, np.nan, np.nan]]))[0] == 0


def test_summaries_are_those_of_a_panel():
    frame = panel_of(12)
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=5)
    table = dp.Panel(frame, "firm", "year").summarise()
    ours = scan.summarise()
    np.testing.assert_allclose(ours, table.loc[ours.index, ours.columns], rtol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"memory": "10MB"},
        {"memory": "much"},
        {"memory": 12.5},
        {"blocks": 0},
        {"folder": "/no/such/folder"},
    ],
)
def test_options_are_refused_by_name(options):
    with pytest.raises(dp.OptionError, match=next(iter(options))):
        dp.Panel.scan(panel_of(1), entity="firm", time="year", **options)


def test_terms_and_conditions_are_text():
    scan = dp.Panel.scan(panel_of(1), entity="firm", time="year")
    with pytest.raises(dp.InputTypeError, match="condition as text"):
        scan.subset(pd.Series([True]))
    with pytest.raises(dp.InputTypeError, match="terms as text"):
        scan.assign(a=1.0)
    with pytest.raises(dp.OptionError, match="share"):
        scan.sample_entities(0)
    with pytest.raises(dp.ColumnError):
        dp.Panel.scan(panel_of(1), entity="company", time="year")
    with pytest.raises(dp.MissingDataError):
        dp.FixedEffects("y", ["x"]).fit(scan.subset("year > 3000"))
    assert "firm x year" in repr(scan)


def test_fewer_bytes_make_more_blocks():
    scan = dp.Panel.scan(panel_of(1), entity="firm", time="year", memory="1 GB")
    assert scan._blocks(10**7, 7) < scan._blocks(10**8, 7)
    assert scan._blocks(10, 7) == 1
