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
    with pytest.raises(dp.InputTypeError, match="no file"):
        dp.Panel.scan("/no/such/file.parquet", entity="firm", time="year")


def test_spark_has_the_same_rows(tmp_path):
    pytest.importorskip("pyspark")
    from pyspark.sql import SparkSession

    frame = panel_of(4)
    frame.to_parquet(tmp_path / "panel.parquet")
    spark = SparkSession.builder.master("local[1]").getOrCreate()
    try:
        table = spark.read.parquet(str(tmp_path / "panel.parquet"))
        scan = dp.Panel.scan(table, entity="firm", time="year", blocks=3)
        spec = dp.FixedEffects("y", ["x", "lag(x)"], keep_rows=False)
        memory = fitted(spec, dp.Panel(frame, "firm", "year"))
        assert_same(fitted(spec, scan), memory)
    finally:
        spark.stop()


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
