"""Composite indices: a million rows, bootstrap draws of weights, tables on disk.

Weights and scores of the rows are timed.

1. Weights and scores of 1,000,000 x 20: `entropy_weights(Z)` and `Z @ w` here, against
   scikit-criteria's `entropy_weights(Z)` alone when it is installed, and against the
   textbook in plain numpy (the matrix of shares p = z / sum(z), p ln p with zeros put
   aside, weights, scores).
2. 10,000 draws of the weights of 30 entities x 10 years x 15 indicators, entities drawn
   with replacement: `weight_draws` here, against a loop that stacks the drawn rows and
   calls scikit-criteria (or the textbook); the loop makes 200 draws and is scaled up.
3. A parquet file of 8 indicators, read by polars lazily and by DuckDB:
   `CompositeIndex.fit` here, against the same two aggregate queries written by hand,
   with the peak memory of the process. 1,000,000 rows, or as many as the first argument
   says.

The best of five runs counts, and what matters is the ratio in one run. One thread, but
for what polars and DuckDB do. Run: python benchmarks/index.py [rows of the file]
"""

from __future__ import annotations

import importlib.util
import os
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from digiprosper import (
    CompositeIndex,
    Indicator,
    IndicatorSystem,
    Panel,
    entropy_weights,
)
from digiprosper.kernels.resampling import draw_counts, seed_sequence

ROWS, INDICATORS, RUNS = 1_000_000, 20, 5
ENTITIES, YEARS, WIDTH, DRAWS, LOOP = 30, 10, 15, 10_000, 200
COLUMNS = [f"x{j}" for j in range(8)]


def textbook(z):
    p = z / z.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        plogp = np.where(p > 0, p * np.log(p), 0.0)
    redundancy = 1.0 + plogp.sum(axis=0) / np.log(len(z))
    return redundancy / redundancy.sum()


def peer():
    """The peer's function and its name."""
    if importlib.util.find_spec("skcriteria") is None:
        return textbook, "textbook, numpy (scikit-criteria is not installed)"
    from skcriteria.preprocessing.weighters import entropy_weights as weights

    return weights, "scikit-criteria"


def best(function):
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return min(times), result


def line(name, seconds, note=""):
    print(f"  {name:<44}{seconds:8.3f} s  {note}")


def with_scores(weights, z):
    w = weights(z)
    return w, z @ w


def million():
    rng = np.random.default_rng(0)
    z = rng.random((ROWS, INDICATORS))
    z[rng.random(z.shape) < 0.01] = 0.0
    function, name = peer()
    ours, (w, scores) = best(lambda: with_scores(entropy_weights, z))
    theirs, there = best(lambda: function(z))
    plain, (_, plain_scores) = best(lambda: with_scores(textbook, z))
    apart = max(np.abs(w - there).max(), np.abs(scores - plain_scores).max())
    print(
        f"weights and scores of {ROWS:,} x {INDICATORS} (largest difference of results "
        f"{apart:.1e})"
    )
    line("digiprosper, weights and scores", ours)
    line(f"{name}, weights alone", theirs, f"ratio {ours / theirs:.3f}")
    line("textbook, numpy, weights and scores", plain, f"ratio {ours / plain:.3f}")


def draws():
    rng = np.random.default_rng(1)
    x = rng.lognormal(size=(ENTITIES * YEARS, WIDTH))
    frame = pd.DataFrame(x, columns=[f"x{j}" for j in range(WIDTH)])
    frame["id"], frame["year"] = (
        np.repeat(range(ENTITIES), YEARS),
        np.tile(range(YEARS), ENTITIES),
    )
    system = IndicatorSystem([Indicator(c) for c in frame.columns[:WIDTH]])
    index = CompositeIndex(system).fit(Panel(frame, "id", "year"))
    ours, table = best(lambda: index.weight_draws(DRAWS, rng=1))
    function, name = peer()
    z = (x - x.min(axis=0)) / np.ptp(x, axis=0)
    rows = z.reshape(ENTITIES, YEARS, WIDTH)
    counts = draw_counts(seed_sequence(1), ENTITIES, DRAWS)[:LOOP].astype(int)

    def loop():
        return np.array(
            [function(np.repeat(rows, c, axis=0).reshape(-1, WIDTH)) for c in counts]
        )

    theirs, there = best(loop)
    theirs *= DRAWS / LOOP
    apart = np.abs(table.to_numpy()[:LOOP] - there).max()
    print(
        f"{DRAWS:,} draws of {WIDTH} weights, {ENTITIES} entities x {YEARS} (largest "
        f"difference {apart:.1e})"
    )
    line("digiprosper", ours)
    line(f"a loop of {name}", theirs, f"{theirs / ours:.0f} times as long")


def write(path, rows):
    rng, writer = np.random.default_rng(2), None
    for start in range(0, rows, 500_000):
        x = rng.lognormal(size=(min(500_000, rows - start), len(COLUMNS)))
        x[rng.random(x.shape) < 0.01] = 0.0
        table = pa.table({c: x[:, j] for j, c in enumerate(COLUMNS)})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=100_000)
    writer.close()


def from_sums(n, total, z_log_z):
    theil = np.array(z_log_z) / np.array(total) - np.log(np.array(total) / n)
    return theil / theil.sum()


def by_hand_polars(path):
    table = pl.scan_parquet(path)
    asked = [
        pl.col(COLUMNS).min().name.prefix("l"),
        pl.col(COLUMNS).max().name.prefix("h"),
    ]
    asked += [pl.col(COLUMNS).count().name.prefix("n")]
    first = (
        table.select(pl.len().alias("n"), *asked)
        .collect(engine="streaming")
        .row(0, named=True)
    )
    asked = []
    for c in COLUMNS:
        z = (pl.col(c) - first["l" + c]) / (first["h" + c] - first["l" + c])
        asked += [
            z.sum().alias("s" + c),
            (z * pl.when(z > 0).then(z).otherwise(1.0).log()).sum().alias("q" + c),
        ]
    second = table.select(asked).collect(engine="streaming").row(0, named=True)
    return from_sums(
        first["n"],
        [second["s" + c] for c in COLUMNS],
        [second["q" + c] for c in COLUMNS],
    )


def by_hand_duckdb(path):
    asked = ", ".join(
        f"min({c}) AS l{c}, max({c}) AS h{c}, count({c}) AS n{c}" for c in COLUMNS
    )
    relation = duckdb.sql(f"SELECT count(*) AS n, {asked} FROM '{path}'")
    first = dict(zip(relation.columns, relation.fetchall()[0], strict=True))
    asked = []
    for c in COLUMNS:
        z = f"(({c} - ({first['l' + c]!r})) / {first['h' + c] - first['l' + c]!r})"
        asked.append(
            f"sum({z}) AS s{c}, sum({z} * ln(CASE WHEN {z} > 0 THEN {z} ELSE 1.0 "
            f"END)) AS q{c}"
        )
    relation = duckdb.sql(f"SELECT {', '.join(asked)} FROM '{path}'")
    second = dict(zip(relation.columns, relation.fetchall()[0], strict=True))
    return from_sums(
        first["n"],
        [second["s" + c] for c in COLUMNS],
        [second["q" + c] for c in COLUMNS],
    )


def tables(rows):
    spec = CompositeIndex(IndicatorSystem([Indicator(c) for c in COLUMNS]))
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "table.parquet")
        write(path, rows)
        engines = {
            "polars lazy": (
                lambda: pl.scan_parquet(path),
                lambda: by_hand_polars(path),
            ),
            "duckdb": (lambda: duckdb.read_parquet(path), lambda: by_hand_duckdb(path)),
        }
        print(f"weights of {rows:,} x {len(COLUMNS)} from parquet")
        for name, (read, by_hand) in engines.items():
            ours, index = best(lambda read=read: spec.fit(read()))
            theirs, weights = best(by_hand)
            apart = np.abs(index.weights["weight"].to_numpy() - weights).max()
            line(f"{name}, digiprosper", ours)
            line(
                f"{name}, queries by hand",
                theirs,
                f"ratio {ours / theirs:.2f}, difference {apart:.0e}",
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"  peak memory of the process {peak:.2f} GB")


def main():
    # The file first, or its peak memory is that of the million rows.
    tables(
        int(sys.argv[1].replace(",", "").replace("_", ""))
        if len(sys.argv) > 1
        else 1_000_000
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        draws()
        million()


if __name__ == "__main__":
    main()
