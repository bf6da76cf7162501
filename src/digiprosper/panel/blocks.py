"""Blocks of whole entities: files that are read here, or groups of rows in Spark.

`run` of both calls a function with each block, and yields what it returns in the order
of the blocks, unless that is None. `store` takes a function that returns something and
the sample of a block; it returns the first, and blocks of samples.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from digiprosper.errors import (
    DigiprosperError,
    HeldWarnings,
    PanelIndexError,
    hold_warnings,
    warn_or_hold_back,
)
from digiprosper.panel import sources

Function: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, eq=False)
class FileBlocks:
    """Blocks in files of a folder, which are read one after another."""

    folder: Path
    numbers: Sequence[int]
    read: Callable[[Path], Any]

    def run(self, function: Function) -> Iterator[Any]:
        """Call a function with each block."""
        for number in self.numbers:
            result = function(self.read(sources.block_path(self.folder, number)))
            if result is not None:
                yield result

    def store(self, function: Function, folder: Path) -> tuple[list[Any], FileBlocks]:
        """Write the samples of blocks to a folder."""
        others, numbers = [], []
        for number in self.numbers:
            block = self.read(sources.block_path(self.folder, number))
            result = function(block)
            if result is None:
                continue
            others.append(result[0])
            sample = result[1]
            if sample.nobs:
                numbers.append(number)
            if sample is not block:
                with sources.disk_errors(folder):
                    path = sources.block_path(folder, number)
                    path.write_bytes(pickle.dumps(sample, protocol=5))
        return others, FileBlocks(folder, numbers, _read_pickle)


def cut_into_files(
    source: sources.Source, folder: Path, *cut: Any
) -> tuple[FileBlocks, int, list[Any]]:
    """Copy columns into files; also return the number of rows, and the times."""
    rows, times, numbers = sources.write_blocks(source, folder, *cut)
    read = partial(sources.read_block, source.categories)
    return FileBlocks(folder, numbers, read), rows, times


def _read_pickle(path: Path) -> Any:
    return pickle.loads(path.read_bytes())


@dataclass(frozen=True, slots=True, eq=False)
class SparkBlocks:
    """Blocks that Spark's workers hold, and call functions with."""

    frame: Any  # with the number of the block
    errors: tuple[type[Exception], ...]
    read: Function  # of a table of arrow; None if no row is left

    def run(self, function: Function) -> Iterator[Any]:
        """Call a function with each block on the workers; an error is the library's."""
        import pyarrow as pa

        read = self.read  # a function with the frame in it cannot be pickled

        def answer(table: Any) -> Any:
            held: HeldWarnings = []
            try:
                with hold_warnings("", held):
                    block = read(table)
                    result = None if block is None else function(block)
            except DigiprosperError as error:
                result = error
            answer = pickle.dumps((result, [text[:2] for text in held]), protocol=5)
            columns = [table["block"][:1], pa.array([answer], pa.binary())]
            return pa.table(columns, names=["block", "answer"])

        groups = self.frame.groupBy("block")
        with sources.engine_errors(self.errors):
            answers = groups.applyInArrow(answer, "block int, answer binary").toArrow()
        for row in answers.sort_by("block")["answer"]:
            result, warnings = pickle.loads(row.as_py())
            warn_or_hold_back(warnings)
            if isinstance(result, DigiprosperError):
                raise result
            if result is not None:
                yield result

    def store(self, function: Function, _: Path) -> tuple[list[Any], SparkBlocks]:
        """Store nothing: cells of whole samples exceed the heap of Java."""
        read = self.read

        def sample(table: Any) -> Any:
            block = read(table)
            result = None if block is None else function(block)
            return result[1] if result and result[1].nobs else None

        others = self.run(lambda block: (function(block) or [None])[0])
        return [*others], replace(self, read=sample)


def cut_in_spark(
    source: sources.Source,
    exits: Any,
    columns: Sequence[str],
    keys: tuple[str, str | None],
    blocks: int,
    share: float,
) -> tuple[SparkBlocks, int, list[Any]]:
    """Let Spark group columns by a hash of the entity, as `cut_into_files`."""
    # Imported by whoever made the table
    functions: Any = sys.modules["pyspark.sql"].functions
    quoted_names = [f"`{name.replace('`', '``')}`" for name in columns]
    frame = source.spark.select(
        *[functions.col(name).alias(str(j)) for j, name in enumerate(quoted_names)]
    )
    entity, time = (None if key is None else str(columns.index(key)) for key in keys)
    if share < 1:
        frame = frame.mapInArrow(_in_share(entity, share), frame.schema)
    number = functions.pmod(functions.xxhash64(entity), functions.lit(blocks))
    frame = (
        frame.withColumn("block", number.cast("int"))
        .repartition(blocks, "block")
        .sortWithinPartitions("block")
        .persist()
    )
    exits.enter_context(sources.engine_errors(source.errors))
    exits.callback(frame.unpersist)
    rows, times = frame.count(), []
    if time is not None:
        (column,) = _plain(frame.select(time).distinct().toArrow()).columns
        times = sorted(sources.distinct(column))
    return SparkBlocks(frame, source.errors, reader(columns)), rows, times


def reader(columns: Sequence[str]) -> Function:
    """Return a function that reads the rows of a block from a table of arrow."""

    def read(table: Any) -> Any:
        named = table.drop_columns("block").rename_columns(columns)
        return sources.to_frame(_plain(named), {})

    return read


def _plain(table: Any) -> Any:
    """Convert to plain types; times of a zone to local ones, as Spark shows them."""
    from pyarrow import compute

    for j, column in enumerate(table.schema):
        if getattr(column.type, "tz", None) is not None:
            local = compute.local_timestamp(table[j])
            table = table.set_column(j, column.name, local)
    return sources.with_plain_types(table)


def _in_share(entity: Any, share: float) -> Function:
    """Return a function that keeps the rows of a share of the entities."""
    import pyarrow as pa

    def kept_rows(batches: Any) -> Iterator[Any]:
        for batch in batches:
            table = _plain(pa.Table.from_batches([batch]))
            try:
                hashes = sources.entity_hashes(table[entity], entity)
            except PanelIndexError:  # raised again, of the block with these rows
                yield batch
            else:
                yield batch.filter(pa.array(sources.in_share(hashes, share)))

    return kept_rows
