"""Tables of other engines."""

from __future__ import annotations

import os
import warnings
from functools import partial

import cloudpickle
import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.panel import scan as scan_module, sources
from digiprosper.panel.sources import SparkBlocks, cut_into_files, read_group, source_of
from tests.linear.test_scanned import draw_instruments, draw_spec
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


pa = pytest.importorskip("pyarrow")
pytestmark = pytest.mark.filterwarnings(
    "ignore:PySpark does not yet fully:FutureWarning"
)


class Workers:
    """A frame of Spark whose workers get pickles, and answer in reverse order."""

    def __init__(self, tables):
        self.tables = tables

    def groupBy(self, _):
        return self

    def applyInArrow(self, function, _):
        call = cloudpickle.loads(cloudpickle.dumps(function))
        answers = [call(table) for table in reversed(self.tables)]
        return Workers([pa.concat_tables(answers)])

    def toArrow(self):
        return self.tables[0]


@pytest.fixture
def scanned_by_workers(monkeypatch):
    """Scan tables as Spark does, with workers that need no Java."""

    def cut(source, folder, columns, keys, n):
        blocks, rows, times = cut_into_files(source, folder, columns, keys, n)
        tables = []
        for path in blocks.paths:
            with pa.ipc.open_file(str(path)) as file:
                table = file.read_all()
            names = [str(j) for j in range(len(columns))]
            numbered = table.rename_columns(names)
            block = pa.array([int(path.name)] * len(table), pa.int32())
            tables.append(numbered.append_column("block", block))
        read = partial(read_group, columns)
        return SparkBlocks(Workers(tables), (), read), rows, times

    monkeypatch.setattr(scan_module, "cut_into_files", cut)


@pytest.mark.usefixtures("scanned_by_workers")
@pytest.mark.parametrize("seed", range(12))
def test_functions_of_blocks_are_pickles(seed):
    rng = np.random.default_rng(seed)
    frame = panel_of(seed, text=seed % 3 == 0)
    panel = dp.Panel(frame, "firm", "year")
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=5)
    for spec in (draw_spec(rng), draw_instruments(rng)):
        ours, memory = fitted(spec, scan), fitted(spec, panel)
        if not (isinstance(ours, dp.OptionError) and "Anderson-Rubin" in str(ours)):
            assert_same(ours, memory)


STUDY = dp.EventStudy("y", "since", ["x"], before=2, after=2)
SPECS = {
    "lag": dp.FixedEffects("y", ["x", "lag(x)"], keep_rows=False),
    "two-way": dp.FixedEffects(
        "y",
        ["x", "C(region):x"],
        absorb="industry",
        clusters=["firm", "year"],
        obs_weights="w",
        keep_rows=False,
    ),
    "robust": dp.FixedEffects(
        "y", ["x", "log(z)"], cov_type="robust", singletons="keep", keep_rows=False
    ),
    "IV": dp.FixedEffectsIV("y", ["log(z)"], ["x"], ["q1"], keep_rows=False),
    "event study": STUDY.replace(where="year > 2001"),
}


def with_since(frame):
    """Add first treated times."""
    part = np.array([np.nan, 2004, 2005, 2006])
    rank = frame["firm"].rank(method="dense").astype(int)
    return frame.assign(since=part[rank % 4])


def compare(scan, panel):
    """Compare specifications, and functions of several models, with those in memory."""
    for spec in SPECS.values():
        assert_same(fitted(spec, scan), fitted(spec, panel))
    models = {name: SPECS[name] for name in ("lag", "IV")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dp.DigiprosperWarning)
        ours, theirs = dp.fit_all(models, scan), dp.fit_all(models, panel)
        for name in models:
            assert_same(ours[name], theirs[name])
        groups = [
            dp.by_group(SPECS["lag"], p, "region", term="x", method="interaction")
            for p in (scan, panel)
        ]
    for one, other in zip(groups[0].values(), groups[1].values(), strict=True):
        assert_same(one, other)
    p_values = [group.difference.p_value for group in groups]
    assert p_values[0] == pytest.approx(p_values[1], rel=1e-9)
    means = scan.summarise(["x", "z"])["mean"]
    np.testing.assert_allclose(means, panel.summarise(["x", "z"])["mean"])


@pytest.mark.usefixtures("scanned_by_workers")
def test_all_models_are_those_in_memory():
    frame = with_since(panel_of(4))
    panel = dp.Panel(frame, "firm", "year")
    compare(dp.Panel.scan(frame, "firm", "year", blocks=4), panel)


@pytest.mark.usefixtures("scanned_by_workers")
def test_errors_and_warnings_of_workers_are_the_libraries():
    frame = panel_of(2)
    spec = dp.FixedEffects("y", ["x"], keep_rows=False)
    twice = pd.concat([frame, frame.head(9)])
    with pytest.raises(dp.PanelIndexError, match="one of 5 blocks"):
        spec.fit(dp.Panel.scan(twice, entity="firm", time="year", blocks=5))
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=5)
    with pytest.raises(dp.OptionError, match="must be positive"):
        spec.replace(obs_weights="x").fit(scan)
    names = frame["firm"].map(lambda firm: f"firm {firm}" + " " * (firm % 2))
    names[frame["firm"] == 1] = "firm 0 "
    frame = frame.assign(firm=names)
    told = []
    for table in (dp.Panel.scan, dp.Panel):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            spec.fit(table(frame, "firm", "year"))
        told.append({str(w.message) for w in seen})
    assert any("firm 0 " in text for text in told[1])
    assert told[1] <= told[0]


# --- with Spark and Java --------------------------------------------------------------


@pytest.fixture(scope="module")
def spark():
    pytest.importorskip("pyspark")
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]")
    session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def spark_table(spark, tmp_path):
    """Give a function that turns a frame into a table of Spark."""

    def table_of(frame):
        path = tmp_path / f"{len([*tmp_path.iterdir()])}.parquet"
        frame.to_parquet(path, index=False)
        return spark.read.parquet(str(path))

    return table_of


def no_rows_here(*_):
    raise AssertionError("rows were read in this process")


@pytest.mark.many(2)
@pytest.mark.parametrize("text", [True, False])
def test_fits_on_spark_are_those_in_memory(text, spark_table, tmp_path, monkeypatch):
    frame = with_since(panel_of(4, text=text))
    panel = dp.Panel(frame, "firm", "year")
    (tmp_path / "files").mkdir()
    scan = dp.Panel.scan(
        spark_table(frame), "firm", "year", blocks=3, folder=tmp_path / "files"
    )
    monkeypatch.setattr(sources, "to_frame", no_rows_here)
    compare(scan, panel)
    assert not [*(tmp_path / "files").iterdir()]


def test_spark_cuts_and_its_workers_read(spark, spark_table):
    frame = panel_of(5, text=True)
    scan = dp.Panel.scan(spark_table(frame), entity="firm", time="year", blocks=4)
    with scan.copied(["y", "x"]) as copied:
        read = [*copied._run(lambda p: (os.getpid(), p.nobs, p.n_entities))]
    pids, rows, entities = zip(*read, strict=True)
    assert os.getpid() not in pids
    assert sum(rows) == len(frame)
    assert sum(entities) == frame["firm"].nunique()
    assert max(rows) < len(frame)
    assert spark.sparkContext._jsc.getPersistentRDDs().isEmpty()


@pytest.mark.filterwarnings("ignore:'year' has at most one date per month")
def test_dates_on_spark_are_those_that_it_shows(spark_table):
    frame = panel_of(8)
    frame["year"] = pd.to_datetime(frame["year"].astype(str)).astype("M8[us]")
    spec = dp.FixedEffects("y", ["x", "lag(x)"], keep_rows=False)
    scan = dp.Panel.scan(spark_table(frame), entity="firm", time="year", blocks=3)
    ours, memory = fitted(spec, scan), fitted(spec, dp.Panel(frame, "firm", "year"))
    assert_same(ours, memory)
    assert ours.sample.period == memory.sample.period


def test_a_sample_of_spark_has_the_same_entities(spark_table):
    frame = panel_of(6, text=True)
    scans = [
        dp.Panel.scan(table, entity="firm", time="year")
        for table in (spark_table(frame), frame)
    ]
    ours, theirs = (scan.sample_entities(0.3).frame for scan in scans)
    pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.parametrize("missing", ["firm", "year"])
def test_errors_on_spark_are_the_libraries(missing, spark_table, spark):
    frame = panel_of(2, text=True)
    frame.loc[frame.index[3], missing] = None
    table = spark_table(frame)
    spec = dp.FixedEffects("y", ["x"])
    scan = dp.Panel.scan(table, entity="firm", time="year", blocks=3)
    with pytest.raises(dp.PanelIndexError, match=f"{missing}.*missing"):
        spec.fit(scan)
    if missing == "firm":
        with pytest.raises(dp.PanelIndexError, match=r"firm.*missing"):
            scan.sample_entities(0.5)
        return
    from pyspark.sql import functions

    broken = table.withColumn("x", functions.raise_error(functions.lit("no such x")))
    scan = dp.Panel.scan(broken, entity="firm", time="year", blocks=3)
    with pytest.raises(dp.ScanError, match="no such x"):
        spec.fit(scan)
    assert spark.sparkContext._jsc.getPersistentRDDs().isEmpty()
