"""Blocks of whole entities: files that are read here, or groups of rows in Spark.

`run` of both calls a function with each block, and yields what it returns in the order
of the blocks. `store` takes a function that returns something and the sample of a
block; it returns the first, and blocks of samples. A function returns None for a
block without rows.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from digiprosper.errors import (
    DigiprosperError,
    HeldWarnings,
    MissingDataError,
    hold_warnings,
    warn_or_hold_back,
)
from digiprosper.panel import sources

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
                with sources.disk_errors(folder):
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
    source: sources.Source,
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
        sources.disk_errors(folder),
        sources.engine_errors((*source.errors, pa.ArrowException)),
        ExitStack() as files,
    ):
        for batch in source.batches(columns, folder):
            table = sources.with_plain_types(batch)
            rows += table.num_rows
            if time is not None:
                times.update(sources.distinct(table[time]))
            block_of = sources.block_numbers(table[entity], entity, blocks)
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
        return sources.to_frame(file.read_all(), categories)


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
        with sources.engine_errors(self.errors):
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
    source: sources.Source,
    exits: ExitStack,
    columns: Sequence[str],
    keys: tuple[str, str | None],
    blocks: int,
) -> tuple[SparkBlocks, int, list[Any]]:
    """Let Spark group columns by a hash of the entity, as `cut_into_files`."""
    # Imported by whoever made the table
    functions: Any = sys.modules["pyspark.sql"].functions
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
    exits.enter_context(sources.engine_errors(source.errors))
    exits.callback(frame.unpersist)
    rows, times = frame.count(), []
    if time is not None:
        distinct = frame.select(time).distinct().toArrow()
        times = sorted(sources.distinct(sources.with_plain_types(distinct)[time]))
    read = partial(read_group, columns)
    return SparkBlocks(frame, source.errors, read), rows, times


def read_group(columns: Sequence[str], table: Any) -> pd.DataFrame:
    """Read the rows of a block from a table of arrow."""
    named = table.drop_columns("block").rename_columns([*columns])
    return sources.to_frame(sources.with_plain_types(named), {})
