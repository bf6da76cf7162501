"""Tables of other engines, which are read in batches and cut into blocks of entities.

Blocks are files that are read here, or groups of rows in Spark.

`run` of both calls a function with each block, and yields what it returns in the order
of the blocks. `store` takes a function that returns something and the sample of a
block; it returns the first, and blocks of samples. A function returns None for a
block without rows.
"""

from __future__ import annotations

import os
import pickle
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.errors import (
    DigiprosperError,
    HeldWarnings,
    InputTypeError,
    MissingDataError,
    PanelIndexError,
    ScanError,
    cited,
    counted,
    hold_warnings,
    warn_or_hold_back,
)
from digiprosper.optional import require
from digiprosper.panel.keys import to_pandas

_BATCH = 250_000
# Limit of files that a process may have open at the same time
MOST_BLOCKS = 500
# Entities are sampled by their hash modulo this number.
_PARTS = np.uint64(10_000)
_PURPOSE = "Panel.scan"
_QUERY = re.compile(r"\s*(?:select|from|with)(?:\s|$)", re.IGNORECASE)
# Types of pandas for columns of arrow with missing values
_NULLABLE = {
    "bool": "boolean",
    **{f"int{bits}": f"Int{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"UInt{bits}" for bits in (8, 16, 32, 64)},
}


@dataclass(frozen=True, slots=True)
class Source:
    """A table of any engine."""

    names: tuple[str, ...]
    count: Callable[[], int]
    # Columns, and a folder in which an engine may write
    batches: Callable[[Sequence[str], Path], Iterator[Any]]
    # Exceptions of the engine, which become a ScanError
    errors: tuple[type[Exception], ...]
    # Ordered values of categorical columns
    categories: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    spark: Any = None  # the table, of PySpark, which cuts it into blocks itself


def source_of(table: object) -> Source:
    """Recognise a table: polars, DuckDB, pyarrow, PySpark, a path or a query."""
    if isinstance(table, str | os.PathLike):
        return _path_or_query(table)
    if isinstance(table, pd.DataFrame):
        return _pandas(table)
    readers = {
        "polars": _polars,
        "duckdb": _duckdb,
        "pyarrow": _arrow,
        "pyspark": _spark,
    }
    kind = type(table).__module__.split(".")[0].removeprefix("_")
    if kind in readers:
        return readers[kind](table)
    raise InputTypeError(
        "Panel.scan takes a polars LazyFrame, a DuckDB relation, a pyarrow data set, "
        "a PySpark DataFrame, the path of a Parquet file or folder, or a query of "
        f"DuckDB, not {type(table).__name__}."
    )


def _pandas(frame: pd.DataFrame) -> Source:
    import pyarrow as pa

    frame = to_pandas(frame)
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except pa.ArrowException as error:
        why = " ".join(map(str, error.args))
        raise InputTypeError(
            f"the table cannot be read: {why}. Convert the column to one type."
        ) from error
    categories = {
        str(name): kind.categories.tolist()
        for name, kind in frame.dtypes.items()
        if isinstance(kind, pd.CategoricalDtype)
    }
    return replace(_arrow(table), categories=categories)


def _path_or_query(table: str | os.PathLike[str]) -> Source:
    if isinstance(table, str) and _QUERY.match(table):
        duckdb = require("duckdb", extra="scale", purpose=_PURPOSE)
        try:
            return _duckdb(duckdb.sql(table))
        except duckdb.Error as error:
            raise ScanError(f"DuckDB cannot run the query: {error}") from error
    path = Path(table)
    if not path.exists():
        raise InputTypeError(f"file or folder {cited(str(path))} does not exist.")
    require("pyarrow", extra="scale", purpose=_PURPOSE)
    import pyarrow as pa
    from pyarrow import dataset

    kind = "csv" if path.suffix.lower() == ".csv" else "parquet"
    try:
        return _arrow(dataset.dataset(str(path), format=kind, partitioning="hive"))
    except (pa.ArrowException, OSError) as error:
        raise ScanError(f"{cited(str(path))} cannot be read: {error}") from error


def _polars(table: Any) -> Source:
    pl = sys.modules["polars"]  # imported by whoever made the table
    lazy = table.lazy()

    def batches(names: Sequence[str], folder: Path) -> Iterator[Any]:
        chosen = lazy.select(list(names))
        if not hasattr(chosen, "collect_batches"):  # before polars 1.34
            from pyarrow import dataset

            written = folder / "polars.parquet"
            chosen.sink_parquet(written, maintain_order=False)
            yield from _arrow(dataset.dataset(str(written))).batches(names, folder)
            written.unlink()
            return
        for frame in chosen.collect_batches(chunk_size=_BATCH, maintain_order=False):
            yield frame.to_arrow()

    schema = lazy.collect_schema()
    return Source(
        tuple(schema.names()),
        lambda: int(lazy.select(pl.len()).collect().item()),
        batches,
        (pl.exceptions.PolarsError,),
        {
            name: kind.categories.to_list()
            for name, kind in schema.items()
            if isinstance(kind, pl.Enum)
        },
    )


def _duckdb(relation: Any) -> Source:
    import duckdb

    def batches(names: Sequence[str], folder: Path) -> Iterator[Any]:  # noqa: ARG001
        quoted_names = ", ".join(
            f'"{name.replace(chr(34), chr(34) * 2)}"' for name in names
        )
        chosen = relation.project(quoted_names)
        # Renamed in DuckDB 2.0
        is_new = hasattr(chosen, "to_arrow_reader")
        read = chosen.to_arrow_reader if is_new else chosen.record_batch
        yield from read(_BATCH)

    categories = {
        name: kind.children[0][1]
        for name, kind in zip(relation.columns, relation.types, strict=True)
        if kind.id == "enum"
    }
    return Source(
        tuple(relation.columns),
        lambda: int(relation.aggregate("count(*)").fetchall()[0][0]),
        batches,
        (duckdb.Error,),
        categories,
    )


def _arrow(table: Any) -> Source:
    import pyarrow as pa
    from pyarrow import dataset

    rows = dataset.dataset(table) if isinstance(table, pa.Table) else table

    def batches(names: Sequence[str], folder: Path) -> Iterator[Any]:  # noqa: ARG001
        options = {"batch_readahead": 1, "fragment_readahead": 1}
        kind = getattr(rows, "format", None)
        if kind is not None and kind.default_extname == "parquet":
            # Otherwise all columns of a file are held before the first row is read.
            options["fragment_scan_options"] = dataset.ParquetFragmentScanOptions(
                pre_buffer=False, use_buffered_stream=True
            )
        yield from rows.to_batches(list(names), batch_size=_BATCH, **options)

    names = tuple(rows.schema.names)
    return Source(names, rows.count_rows, batches, (pa.ArrowException,))


def _spark(frame: Any) -> Source:
    # Imported by whoever made the table
    raised: Any = sys.modules["pyspark.errors"].PySparkException
    of_java: Any = sys.modules["py4j.protocol"].Py4JError
    nothing: Any = None
    names, errors = tuple(frame.columns), (raised, of_java)
    return Source(names, frame.count, nothing, errors, spark=frame)


def share_of(source: Source, entity: str, share: float) -> Source:
    """Restrict a table to the rows of a share of the entities, chosen by their hash."""
    import pyarrow as pa

    def chosen_rows(batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            try:
                hashes = entity_hashes(with_plain_types(batch)[entity], entity)
            except PanelIndexError:  # raised again when the rows are cut into blocks
                yield batch
            else:
                yield batch.filter(pa.array(hashes % _PARTS < share * _PARTS))

    if source.spark is not None:
        chosen = source.spark.mapInArrow(chosen_rows, source.spark.schema)
        return replace(source, spark=chosen)
    return replace(source, batches=lambda *args: chosen_rows(source.batches(*args)))


def distinct(values: Any) -> Any:
    """Return the distinct values of a column of arrow that are not missing."""
    return values.to_pandas().dropna().unique()


@contextmanager
def engine_errors(errors: tuple[type[Exception], ...]) -> Iterator[None]:
    """Convert the exceptions of an engine to ScanError."""
    try:
        yield
    except errors as error:
        raise ScanError(f"the table cannot be read: {error}") from error


@contextmanager
def disk_errors(folder: Path | str) -> Iterator[None]:
    """Convert OSError, usually a full disk, to ScanError with the folder."""
    try:
        yield
    except OSError as error:
        raise ScanError(
            f"the copy in {cited(str(folder))} failed: {error}. It needs about twice "
            "the size of the columns of the model; choose another folder=."
        ) from error


@contextmanager
def temporary_folder(parent: Path | str) -> Iterator[Path]:
    """Make a folder for files, which are deleted in the end, however it comes."""
    with disk_errors(parent):
        folder = Path(tempfile.mkdtemp(prefix="digiprosper-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def to_frame(table: Any, categories: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Convert to pandas; integers and booleans with gaps become nullable types."""
    gaps = {column.type for column in table.columns if column.null_count}
    nullable = {
        kind: pd.api.types.pandas_dtype(_NULLABLE[str(kind)])
        for kind in gaps
        if str(kind) in _NULLABLE
    }
    frame: pd.DataFrame = table.to_pandas(
        types_mapper=nullable.get, ignore_metadata=True
    )
    for name in frame.columns.intersection([*categories]):
        frame[name] = pd.Categorical(frame[name], categories=categories[name])
    return frame


def with_plain_types(batch: Any) -> Any:
    """Make a table; convert dictionaries and strings to plain types, and decimals."""
    # All batches then have one schema. Decimals of scale 0, such as sums of integers in
    # DuckDB, become integers, since they may be keys.
    import pyarrow as pa

    is_batch = isinstance(batch, pa.RecordBatch)
    table = pa.Table.from_batches([batch]) if is_batch else batch
    kinds = []
    for kind in table.schema.types:
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if kind in (pa.string(), pa.string_view()):
            kind = pa.large_string()
        elif pa.types.is_decimal(kind):
            kind = pa.int64() if kind.scale == 0 else pa.float64()
        kinds.append(kind)
    schema = pa.schema(list(zip(table.schema.names, kinds, strict=True)))
    try:
        return table if schema == table.schema else table.cast(schema)
    except pa.ArrowInvalid as error:
        raise ScanError(
            f"the table has integers beyond 64 bits ({error}). Convert identifiers to "
            "text, and numbers to double."
        ) from error


def entity_hashes(entity: Any, name: str) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Hash the entity of each row, the same in every engine."""
    from pandas.util import hash_array

    codes = entity.combine_chunks().dictionary_encode()
    codes = codes.combine_chunks() if hasattr(codes, "combine_chunks") else codes
    values = pd.Series(codes.dictionary.to_pandas())
    if entity.null_count or values.isna().any():
        raise PanelIndexError(
            f"the entity {cited(name)} is missing in some rows (the first batch of "
            f"{counted(len(codes), 'row')} has {entity.null_count:,}). Drop them "
            "before the scan."
        )
    array = values.to_numpy()
    if array.dtype.kind == "f":
        array = array + 0.0  # -0.0 is the same entity as 0.0
    hashes = hash_array(array, categorize=False)
    return np.asarray(hashes[codes.indices.to_numpy()])


Function: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, eq=False)
class FileBlocks:
    """Blocks in files, which are read one after another."""

    paths: Sequence[Path]
    read: Callable[[Path], Any]

    def run(self, function: Function) -> Iterator[Any]:
        """Call a function with each block."""
        return _of_rows_left(function(self.read(path)) for path in self.paths)

    def store(self, function: Function, folder: Path) -> tuple[list[Any], FileBlocks]:
        """Write the samples of blocks to a folder."""
        paths = []

        def write(path: Path) -> Any:
            block = self.read(path)
            other, sample = function(block) or (None, None)
            if sample is None or not sample.nobs:
                return other
            paths.append(folder / path.name)
            if sample is not block:
                with disk_errors(folder):
                    paths[-1].write_bytes(pickle.dumps(sample, protocol=5))
            return other

        others = [*_of_rows_left(map(write, self.paths))]
        return others, FileBlocks(paths, _read_pickle)


def _of_rows_left(results: Iterable[Any]) -> Iterator[Any]:
    """Leave out the None of blocks without rows; refuse if there are no others."""
    is_empty = True
    for result in results:
        if result is not None:
            is_empty = False
            yield result
    if is_empty:
        raise MissingDataError("the conditions of subset keep no rows.")


def _read_pickle(path: Path) -> Any:
    return pickle.loads(path.read_bytes())


def cut_into_files(
    source: Source,
    folder: Path,
    columns: Sequence[str],
    keys: tuple[str, str | None],
    blocks: int,
) -> tuple[FileBlocks, int, list[Any]]:
    """Copy columns into files; also return the number of rows, and distinct times."""
    import pyarrow as pa

    entity, time = keys
    rows, times, writers = 0, set[Any](), dict[int, Any]()
    with (
        disk_errors(folder),
        engine_errors((*source.errors, pa.ArrowException)),
        ExitStack() as files,
    ):
        for batch in source.batches(columns, folder):
            table = with_plain_types(batch)
            rows += table.num_rows
            if time is not None:
                times.update(distinct(table[time]))
            hashes = entity_hashes(table[entity], entity)
            block_of = (hashes // _PARTS % np.uint64(blocks)).astype(np.intp)
            _write_parts(table, block_of, folder, writers, files)
    paths = [folder / str(number) for number in sorted(writers)]
    read = partial(_read_file, source.categories)
    return FileBlocks(paths, read), rows, sorted(times)


def _write_parts(
    table: Any, block_of: Any, folder: Path, writers: Any, files: ExitStack
) -> None:
    """Append the rows of each block to its file, which is opened when needed."""
    import pyarrow as pa
    from pyarrow import ipc

    order = np.argsort(block_of, kind="stable")
    present, first = np.unique(block_of[order], return_index=True)
    sorted_rows = table.take(pa.array(order))
    options = ipc.IpcWriteOptions(compression="lz4")
    ends = [*first[1:], len(order)]
    for number, start, stop in zip(present.tolist(), first, ends, strict=False):
        if number not in writers:
            path = str(folder / str(number))
            writers[number] = files.enter_context(
                ipc.new_file(path, table.schema, options=options)
            )
        writers[number].write_table(sorted_rows.slice(start, stop - start))


def _read_file(categories: Mapping[str, Sequence[Any]], path: Path) -> pd.DataFrame:
    from pyarrow import ipc

    with ipc.open_file(str(path)) as file:
        return to_frame(file.read_all(), categories)


@dataclass(frozen=True, slots=True, eq=False)
class SparkBlocks:
    """Blocks that Spark's workers hold, and call functions with."""

    frame: Any  # with the number of the block
    errors: tuple[type[Exception], ...]
    read: Function  # of a table of arrow; None if no row is left

    def __reduce__(self) -> Any:
        """Become None in functions that workers get, which cannot call Spark."""
        return type(None), ()

    def run(self, function: Function) -> Iterator[Any]:
        """Call a function with each block on the workers; an error is the library's."""
        import pyarrow as pa

        read = self.read  # pickles have no blocks

        def answer(table: Any) -> Any:
            warned: HeldWarnings = []
            try:
                with hold_warnings("", warned):
                    block = read(table)
                    result = None if block is None else function(block)
            except DigiprosperError as error:
                result = error
            packed = pickle.dumps((result, [text[:2] for text in warned]), protocol=5)
            columns = [table["block"][:1], pa.array([packed], pa.binary())]
            return pa.table(columns, names=["block", "answer"])

        groups = self.frame.groupBy("block")
        with engine_errors(self.errors):
            answers = groups.applyInArrow(answer, "block int, answer binary").toArrow()
        return _of_rows_left(map(_result_of, answers.sort_by("block")["answer"]))

    def store(self, function: Function, _: Path) -> tuple[list[Any], SparkBlocks]:
        """Store nothing: cells of whole samples exceed the heap of Java."""
        read = self.read

        def sample(table: Any) -> Any:
            block = read(table)
            result = None if block is None else function(block)
            return result[1] if result and result[1].nobs else None

        others = self.run(lambda block: (function(block) or [None])[0])
        return [*others], replace(self, read=sample)


def _result_of(answer: Any) -> Any:
    """Return what a function returned on a worker; raise its error, and warn."""
    result, warnings = pickle.loads(answer.as_py())
    warn_or_hold_back(warnings)
    if isinstance(result, DigiprosperError):
        raise result
    return result


def cut_in_spark(
    source: Source,
    exits: ExitStack,
    columns: Sequence[str],
    keys: tuple[str, str | None],
    blocks: int,
) -> tuple[SparkBlocks, int, list[Any]]:
    """Let Spark group columns by a hash of the entity, as `cut_into_files`."""
    # Imported by whoever made the table
    functions = sys.modules["pyspark.sql"].functions
    kinds, selected = dict(source.spark.dtypes), []
    for j, name in enumerate(columns):
        column = functions.col(f"`{name.replace('`', '``')}`")
        if kinds[name] == "timestamp":  # local times, as Spark shows them
            column = column.cast("timestamp_ntz")
        selected.append(column.alias(str(j)))
    entity, time = (None if key is None else str(columns.index(key)) for key in keys)
    number = functions.pmod(functions.xxhash64(entity), functions.lit(blocks))
    frame = (
        source.spark.select(*selected)
        .withColumn("block", number.cast("int"))
        .repartition(blocks, "block")
        .sortWithinPartitions("block")
        .persist()
    )
    exits.enter_context(engine_errors(source.errors))
    exits.callback(frame.unpersist)
    rows, times = frame.count(), []
    if time is not None:
        in_arrow = frame.select(time).distinct().toArrow()
        times = sorted(distinct(with_plain_types(in_arrow)[time]))
    read = partial(read_group, columns)
    return SparkBlocks(frame, source.errors, read), rows, times


def read_group(columns: Sequence[str], table: Any) -> pd.DataFrame:
    """Read the rows of a block from a table of arrow."""
    renamed = table.drop_columns("block").rename_columns([*columns])
    return to_frame(with_plain_types(renamed), {})
