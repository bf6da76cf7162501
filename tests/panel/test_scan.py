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


@pytest.mark.filterwarnings("ignore:'year' has at most one date per month")
@pytest.mark.parametrize("are_texts", [False, True])
def test_dates_have_one_step_in_all_blocks(are_texts):
    frame = panel_of(8)
    frame["year"] = pd.to_datetime(frame["year"].astype(str))
    frame.loc[frame["firm"] == 0, "year"] += pd.Timedelta(days=40)
    if are_texts:
        frame["year"] = frame["year"].dt.strftime("%Y-%m-%d")
    spec = dp.FixedEffects("y", ["x", "lag(x)"], time_effects=False, keep_rows=False)
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=9)
    assert_same(fitted(spec, scan), fitted(spec, dp.Panel(frame, "firm", "year")))


@pytest.mark.parametrize(
    "function",
    [
        "panel.scan.cut_into_files",
        "panel.sources._write_parts",
        "linear.scanned.read_rows",
        "linear.scanned_rows._cut_block",
        "linear.scanned_rows._outer_levels",
        "kernels.in_blocks.first_pass",
        "kernels.in_blocks.second_pass",
    ],
)
def test_an_interrupt_leaves_no_file(function, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    scan = dp.Panel.scan(panel_of(9), entity="firm", time="year", folder=tmp_path)
    monkeypatch.setattr(f"digiprosper.{function}", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dp.FixedEffects("y", ["x"]).fit(scan)
    assert not list(tmp_path.iterdir())


def test_a_lag_may_be_missing_in_all_rows_of_a_block():
    frame = panel_of(4, firms=30)
    lone = panel_of(5, firms=40, periods=1).assign(firm=lambda d: d["firm"] + 100)
    frame = pd.concat([frame, lone])
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=90)
    panel = dp.Panel(frame, "firm", "year")
    for x in (["x", "lag(x)"], ["x", "before"]):
        spec = dp.FixedEffects("y", x, keep_rows=False)
        changed = [p.assign(before="lag(z)") for p in (scan.subset("z > 0"), panel)]
        assert_same(*(fitted(spec, p) for p in changed))
    twice = dp.Panel.scan(
        frame.assign(year=2 * frame["year"]), entity="firm", time="year", step=1
    )
    with pytest.raises(dp.MissingDataError, match=r"missing lag\(x\)"):
        dp.FixedEffects("y", ["lag(x)"]).fit(twice)


def test_counts_of_missing_rows_are_those_of_the_table():
    frame = panel_of(2).assign(part=lambda d: d["region"].where(d["region"] != 2))
    spec = dp.FixedEffects("y", ["x", "C(part):x"], keep_rows=False)
    panel = dp.Panel(frame, "firm", "year")
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=64)
    assert_same(fitted(spec, scan), fitted(spec, panel))
    strict = spec.replace(missing="raise")
    advice = "such as with panel.interpolate(columns)", "before the table is scanned"
    assert str(fitted(strict, scan)) == str(fitted(strict, panel)).replace(*advice)
    with pytest.raises(dp.MissingDataError, match="one of 64 blocks"):
        spec.replace(x=["I(x * 0 / part)"]).fit(scan)
    empty = frame.assign(x=np.nan)
    ours = fitted(spec.replace(x=["x"]), dp.Panel.scan(empty, "firm", "year"))
    memory = fitted(spec.replace(x=["x"]), dp.Panel(empty, "firm", "year"))
    assert str(ours) == str(memory)


def test_a_category_needs_two_levels():
    frame = panel_of(2).assign(part=1)
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=3)
    with pytest.raises(dp.InputTypeError, match="fewer than two"):
        dp.FixedEffects("y", ["x", "C(part)"]).fit(scan)


@pytest.mark.parametrize("role", ["y", "x", "absorb", "clusters", "obs_weights"])
def test_unknown_columns_are_refused_before_the_table_is_copied(role, monkeypatch):
    scan = dp.Panel.scan(panel_of(2), entity="firm", time="year")
    monkeypatch.delattr("digiprosper.panel.scan.cut_into_files")
    options = {"y": "y", "x": ["x"]} | {role: ["price"] if role == "x" else "price"}
    with pytest.raises(dp.ColumnError, match="'product'"):
        dp.FixedEffects(**options).fit(scan)


def test_repeated_keys_are_said_to_be_of_a_block():
    frame = panel_of(2)
    frame = pd.concat([frame, frame.head(9)])
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=5)
    with pytest.raises(dp.PanelIndexError, match="one of 5 blocks"):
        dp.FixedEffects("y", ["x"]).fit(scan)


def test_labels_are_of_columns():
    with pytest.raises(dp.ColumnError, match="labels"):
        dp.Panel.scan(panel_of(2), "firm", "year", labels={"price": "Price"})


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
