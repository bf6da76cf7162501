"""Tables of other engines, which are read in batches."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    InputTypeError,
    PanelIndexError,
    ScanError,
    cited,
    counted,
)
from digiprosper.kernels import Ints
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
        "_duckdb": _duckdb,
        "pyarrow": _arrow,
        "pyspark": _spark,
    }
    kind = type(table).__module__.split(".")[0]
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
    pl: Any = sys.modules["polars"]  # imported by whoever made the table
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
        name = (
            "to_arrow_reader" if hasattr(chosen, "to_arrow_reader") else "record_batch"
        )
        yield from getattr(chosen, name)(_BATCH)

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

    rows: Any = dataset.dataset(table) if isinstance(table, pa.Table) else table

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
    errors = raised, of_java
    return Source(tuple(frame.columns), frame.count, nothing, errors, spark=frame)


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


def block_numbers(entity: Any, name: str, blocks: int) -> Ints:
    """Return the block of each row by a hash of its entity."""
    hashes = entity_hashes(entity, name)
    return (hashes // _PARTS % np.uint64(blocks)).astype(np.intp)


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
    names = {kind: _NULLABLE[str(kind)] for kind in gaps if str(kind) in _NULLABLE}
    nullable = {kind: pd.api.types.pandas_dtype(name) for kind, name in names.items()}
    frame: pd.DataFrame = table.to_pandas(
        types_mapper=nullable.get, ignore_metadata=True
    )
    for name, values in categories.items():
        if name in frame:
            frame[name] = pd.Categorical(frame[name], categories=values)
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
