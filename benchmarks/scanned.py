"""A table larger than memory beside the fit in memory: time, memory and disk.

    python benchmarks/scanned.py [--rows 1e6] [--products] [--engine parquet]

Each fit runs in a process of its own, so that its peak of memory is its own. Engines
are parquet, polars, duckdb and spark, which needs the group `spark` and Java; CPU time
and memory are then those of the process that fits, without Java's and the workers'.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np

PERIODS, CHUNK = 10, 100_000


def write(path: Path, rows: int) -> None:
    """Simulate firms of ten years, 5% of the rows missing, and write a Parquet file."""
    import pyarrow as pa
    from pyarrow import parquet

    rng, writer = np.random.default_rng(1), None
    firms = rows // PERIODS
    for start in range(0, firms, CHUNK):
        size = min(CHUNK, firms - start)
        firm = np.repeat(np.arange(start, start + size), PERIODS)
        year = np.tile(np.arange(2000, 2000 + PERIODS), size)
        effect = rng.normal(size=size)[firm - start]
        # Each firm sells three of 55,555 products.
        products = rng.integers(0, 55_555, (size, 3))
        product = products[firm - start, rng.integers(0, 3, firm.size)]
        x = rng.normal(size=(firm.size, 4)) + effect[:, None]
        x += 0.1 * (year - 2000)[:, None]
        y = x @ [1, 0.5, -0.2, 0.1] + 3 * effect + rng.normal(size=firm.size)
        columns = {"firm": firm, "year": year, "product": product, "y": y}
        table = pa.table(columns | {f"x{i + 1}": x[:, i] for i in range(4)})
        table = table.filter(pa.array(rng.random(firm.size) < 0.95))
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def fit(path: Path, how: str, *, products: bool) -> None:
    """Fit in blocks, with an engine, or in memory, and print what it cost."""
    import digiprosper as dp

    warnings.simplefilter("ignore")
    spec = dp.FixedEffects(
        "y",
        ["x1", "x2", "x3", "x4"],
        absorb=["product"] if products else [],
        keep_rows=False,
    )
    wall, cpu = time.perf_counter(), time.process_time()
    if how == "memory":
        import pandas as pd

        panel = dp.Panel(pd.read_parquet(path), "firm", "year")
        result, disk = spec.fit(panel), 0
    else:
        with tempfile.TemporaryDirectory() as folder:
            panel = dp.Panel.scan(
                _table(path, how), entity="firm", time="year", folder=folder
            )
            with DiskUse(Path(folder)) as used:
                result = spec.fit(panel)
        disk = used.most
    print(
        json.dumps(
            {
                "wall": time.perf_counter() - wall,
                "cpu": time.process_time() - cpu,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
                "disk": disk / 2**30,
                "rows": result.nobs,
                "slopes": result.params.tolist(),
                "errors": result.std_errors.tolist(),
            }
        )
    )


class DiskUse:
    """The most that the files of a folder take on the disk while something runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.most = folder, 0
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._over.wait(0.05):
            size = 0
            for file in self.folder.rglob("*"):
                # A file may go while the folder is read
                with contextlib.suppress(FileNotFoundError):
                    size += file.stat().st_size
            self.most = max(self.most, size)

    def __enter__(self) -> DiskUse:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()


def _table(path: Path, engine: str) -> object:
    if engine == "polars":
        import polars as pl

        return pl.scan_parquet(path)
    if engine == "duckdb":
        return f"select * from '{path}'"
    if engine == "spark":
        from pyspark.sql import SparkSession

        session = SparkSession.builder.master("local[2]").getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        return session.read.parquet(str(path))
    return path


def main() -> None:
    """Print seconds, memory, and the largest difference of the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, default=1e6)
    parser.add_argument("--products", action="store_true")
    parser.add_argument("--engine", nargs="+", default=["parquet"])
    parser.add_argument("--alone", action="store_true", help="no fit in memory")
    parser.add_argument("--fit", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fit:
        fit(Path(options.fit[0]), options.fit[1], products=options.products)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "firms.parquet"
        write(path, int(options.rows))
        print(
            f"{options.rows:,.0f} rows, 4 regressors, firm and year effects"
            f"{' and 55,555 products' if options.products else ''}; Parquet file "
            f"{path.stat().st_size / 2**30:.2f} GB"
        )
        head = f"{'wall s':>8}{'CPU s':>8}{'peak GB':>9}{'disk GB':>9}"
        print(f"{'':10}{head}{'difference':>12}")
        reference = None
        for how in [*([] if options.alone else ["memory"]), *options.engine]:
            command = [sys.executable, __file__, "--fit", str(path), how]
            if options.products:
                command.append("--products")
            out = subprocess.run(command, capture_output=True, text=True, check=True)
            row = json.loads(out.stdout)
            numbers = np.array(row["slopes"] + row["errors"])
            reference = numbers if reference is None else reference
            difference = np.abs(numbers / reference - 1).max()
            print(
                f"{how:10}{row['wall']:8.1f}{row['cpu']:8.1f}{row['peak']:9.2f}"
                f"{row['disk']:9.2f}{difference:12.0e}"
            )


if __name__ == "__main__":
    main()
