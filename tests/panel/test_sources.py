"""Tables of other engines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.panel.sources import source_of
from tests.scanned_cases import assert_same, fitted, panel_of, tables

pytest.importorskip("pyarrow")


@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb", "pyarrow"])
def test_every_engine_has_the_same_rows_in_the_same_blocks(engine, tmp_path):
    frame = panel_of(2, text=True)
    source = source_of(tables(frame, np.random.default_rng(1))[engine])
    assert source.count() == len(frame)
    assert source.names == tuple(frame.columns)
    rows = sum(batch.num_rows for batch in source.batches(["firm", "y"], tmp_path))
    assert rows == len(frame)


@pytest.mark.parametrize("kind", ["file", "folder", "csv", "query"])
def test_files_and_queries(kind, tmp_path):
    frame = panel_of(3)
    path = tmp_path / "panel.parquet"
    frame.to_parquet(path)
    table = path
    if kind == "folder":
        table = tmp_path / "parts"
        for region, part in frame.groupby("region"):
            (table / f"region={region}").mkdir(parents=True)
            part.drop(columns="region").to_parquet(table / f"region={region}/p.parquet")
    elif kind == "csv":
        table = tmp_path / "panel.csv"
        frame.to_csv(table, index=False)
    elif kind == "query":
        pytest.importorskip("duckdb")
        table = f"select * from '{path}'"
    spec = dp.FixedEffects("y", ["x"], clusters="region", keep_rows=False)
    scan = dp.Panel.scan(table, entity="firm", time="year", blocks=2)
    assert_same(fitted(spec, scan), fitted(spec, dp.Panel(frame, "firm", "year")))


def test_what_is_no_table_is_refused():
    with pytest.raises(dp.InputTypeError, match="a polars LazyFrame"):
        dp.Panel.scan(3, entity="firm", time="year")
    with pytest.raises(dp.InputTypeError, match="does not exist"):
        dp.Panel.scan("/no/such/file.parquet", entity="firm", time="year")


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


def both(frame, spec, blocks=5, **options):
    """Fit a table in blocks and in memory."""
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=blocks, **options)
    return fitted(spec, scan), fitted(spec, dp.Panel(frame, "firm", "year"))


@pytest.mark.parametrize("name", ["switch", "group"])
def test_whole_numbers_and_booleans_stay_exact_beside_gaps(name):
    frame = panel_of(1)
    gap = pd.Series(frame.index % 17 == 0, index=frame.index)
    switch, group = frame["x"] > 0, frame["region"].astype("int64") + 2**60
    frame["switch"] = switch.astype("boolean").mask(gap)
    frame["group"] = group.astype("Int64").mask(gap)
    duckdb = pytest.importorskip("duckdb")
    specs = {
        "switch": dp.FixedEffects("y", ["switch", "log(z)"], keep_rows=False),
        "group": dp.FixedEffects("y", ["x", "C(group):x"], keep_rows=False),
    }
    memory = fitted(specs[name], dp.Panel(frame, "firm", "year"))
    table = duckdb.from_df(frame)
    scan = dp.Panel.scan(table, entity="firm", time="year", blocks=5)
    assert_same(fitted(specs[name], scan), memory)


def test_categories_keep_the_order_of_their_type():
    frame = panel_of(1)
    order = ["r3", "r2", "r1", "r0", "r4"]
    frame["region"] = pd.Categorical("r" + frame["region"].astype(str), order)
    spec = dp.FixedEffects("y", ["x", "C(region):x"], keep_rows=False)
    ours, memory = both(frame, spec)
    assert memory.names[1] == "C(region)[T.r2]:x"
    assert_same(ours, memory)
    polars, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    text = frame.assign(region=frame["region"].astype(str))
    enum = polars.from_pandas(text).with_columns(
        polars.col("region").cast(polars.Enum(order))
    )
    connection = duckdb.connect()
    connection.execute(f"create type regions as enum {tuple(order)}")
    relation = connection.from_df(text).project("* replace (region::regions as region)")
    for table in (enum, relation):
        scan = dp.Panel.scan(table, entity="firm", time="year", blocks=4)
        assert_same(fitted(spec, scan), memory)


def test_decimals_are_numbers_and_may_be_keys():
    duckdb = pytest.importorskip("duckdb")
    frame = panel_of(1).round({"y": 3})
    frame["firm"] += 2**60
    relation = duckdb.from_df(frame)
    changed = relation.project(
        "* replace (firm::hugeint as firm, y::decimal(9, 3) as y)"
    )
    spec = dp.FixedEffects("y", ["x", "log(z)"], keep_rows=False)
    scan = dp.Panel.scan(changed, entity="firm", time="year", blocks=4)
    assert_same(fitted(spec, scan), fitted(spec, dp.Panel(frame, "firm", "year")))
    large = relation.project("* replace (firm::hugeint * 100 as firm)")
    scan = dp.Panel.scan(large, entity="firm", time="year")
    with pytest.raises(dp.ScanError, match="beyond 64 bits"):
        spec.fit(scan)


def test_periods_are_times_and_equal_floats_are_one_entity():
    frame = panel_of(1)
    frame["firm"] = np.where(
        (frame["firm"] == 0) & (frame["year"] % 2 == 0), -0.0, frame["firm"]
    )
    frame["year"] = pd.PeriodIndex(frame["year"].astype(str), freq="Y")
    assert_same(*both(frame, dp.FixedEffects("y", ["x", "lag(x)"], keep_rows=False)))


def test_keys_may_be_the_index_of_a_pandas_file(tmp_path):
    frame = panel_of(1)
    path = tmp_path / "panel.parquet"
    frame.set_index(["firm", "year"]).to_parquet(path)
    spec = dp.FixedEffects("y", ["x"], keep_rows=False)
    scan = dp.Panel.scan(path, entity="firm", time="year", blocks=2)
    assert_same(fitted(spec, scan), fitted(spec, dp.Panel(frame, "firm", "year")))


def test_tables_of_mixed_types_and_repeated_names_are_refused():
    frame = panel_of(1)
    mixed = frame.assign(firm=frame["firm"].astype(object).replace(0, "zero"))
    with pytest.raises(dp.InputTypeError, match="column firm"):
        dp.Panel.scan(mixed, entity="firm", time="year")
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table([[1], [1], [1.0]], names=["firm", "year", "year"])
    with pytest.raises(dp.ColumnError, match="'year' is the name of several columns"):
        dp.Panel.scan(table, entity="firm", time="year")


def full_disk(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "function",
    ["pyarrow.ipc.new_file", "tempfile.mkdtemp", "pathlib.Path.write_bytes"],
)
def test_a_full_disk_is_one_named_error(function, tmp_path, monkeypatch):
    scan = dp.Panel.scan(panel_of(9), entity="firm", time="year", folder=tmp_path)
    monkeypatch.setattr(function, full_disk)
    with pytest.raises(dp.ScanError, match="No space left"):
        dp.FixedEffects("y", ["x"]).fit(scan)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_full_when_a_file_is_closed_is_one_named_error(
    tmp_path, monkeypatch
):
    from pyarrow import ipc

    scan = dp.Panel.scan(panel_of(9), entity="firm", time="year", folder=tmp_path)
    monkeypatch.setattr(ipc.RecordBatchFileWriter, "close", full_disk)
    monkeypatch.setattr(ipc.RecordBatchFileWriter, "__exit__", full_disk)
    with pytest.raises(dp.ScanError, match="No space left"):
        dp.FixedEffects("y", ["x"]).fit(scan)
    assert not list(tmp_path.iterdir())


def test_an_engine_that_fails_half_way_leaves_no_file(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql(
        "select i as firm, 2000 as year, 1.0 as y, case when i > 390000 then "
        "error('the disk of the server') else i end as x from range(400000) t(i)"
    )
    scan = dp.Panel.scan(relation, entity="firm", time="year", folder=tmp_path)
    with pytest.raises(dp.ScanError, match="disk of the server"):
        dp.FixedEffects("y", ["x"]).fit(scan)
    assert not list(tmp_path.iterdir())
