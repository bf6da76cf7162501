"""Threshold tests on Hansen's (1999) data: every candidate and 300 draws, against one regression a candidate.

The loop is what users write: for each of 393 grid points build the regime column, demean it, solve the
normal equations, keep the sum of squares; and all of that again for every bootstrap draw. One search of it is
timed and multiplied by the 301 searches that the data and 300 draws need. Ours is the whole of
``PanelThreshold(...).fit(panel)``, slopes included, on a Panel already built. Everything runs on one thread
in this process, the best of several runs counts, and what matters are the ratios. The cold start is the wall
time of a whole process, reading the file included, against one that only imports. The data are read from
``../shared/data``; without them a panel of the same shape is simulated.
Run: python benchmarks/threshold.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np
import pandas as pd

from digiprosper import DigiprosperWarning, Panel, PanelThreshold

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "hansen1999.csv"
POINTS, DRAWS, RUNS = 393, 300, 7
CONTROLS = ["q1", "q2", "q3", "d1", "qd1"]


def data(copies=1):
    if DATA.exists():
        frame = pd.read_csv(DATA)
    else:
        rng = np.random.default_rng(0)
        frame = pd.DataFrame(rng.normal(size=(7910, 7)), columns=[*CONTROLS, "c1", "i"])
        frame.insert(0, "id", np.repeat(np.arange(565), 14))
        frame.insert(1, "year", np.tile(np.arange(1974, 1988), 565))
    many = [frame.assign(id=frame["id"] + 10_000 * k, d1=frame["d1"] + 1e-6 * k) for k in range(copies)]
    return Panel(pd.concat(many), "id", "year")


def loop_search(y, x, z, q, grid):
    """One search as users write it: demeaning and normal equations inside the loop, balanced panel."""
    best = np.inf

    def within(a):
        cube = a.reshape(565, 14, -1)
        return (cube - cube.mean(axis=1, keepdims=True)).reshape(7910, -1)

    for g in grid:
        design = within(np.column_stack([x, z * (q <= g), z * (q > g)]))
        outcome = within(y)[:, 0]
        beta = np.linalg.solve(design.T @ design, design.T @ outcome)
        rest = outcome - design @ beta
        best = min(best, rest @ rest)
    return best


def best(function, runs=RUNS):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return min(times), result


COLD = """
import warnings
import pandas as pd
from digiprosper import Panel, PanelThreshold
warnings.simplefilter("ignore")
panel = Panel(pd.read_csv({path!r}), "id", "year")
spec = PanelThreshold("i", "c1", "d1", {controls!r}, n_thresholds=2, time_effects=False, trim=0.01, reps=300)
spec.fit(panel, rng=1).thresholds
"""


def cold_ratio():
    commands = [COLD.format(path=str(DATA), controls=CONTROLS), "import pandas, scipy.stats"]
    times = [[], []]
    for _ in range(RUNS):
        for code, seen in zip(commands, times, strict=True):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            seen.append(time.perf_counter() - start)
    return np.median(times[0]) / np.median(times[1]), np.median(times[0])


def main():
    panel = data()
    frame = panel.frame
    y, x, z, q = (frame[c].to_numpy() for c in ("i", CONTROLS, "c1", "d1"))
    grid = np.quantile(q, np.linspace(0.01, 0.99, POINTS), method="inverted_cdf")
    once, ssr = best(lambda: loop_search(y, x, z, q, grid), 3)
    loop = once * (DRAWS + 1)
    spec = PanelThreshold("i", "c1", "d1", CONTROLS, time_effects=False, trim=0.01, reps=DRAWS)
    print(f"one search of {POINTS} regressions {once:.3f} s; {DRAWS + 1} of them (extrapolated) {loop:.1f} s")

    def show(text, specification, on=panel, searches=1):
        seconds, found = best(lambda: specification.fit(on, rng=1))
        print(f"  {text:<52s} {seconds:7.3f} s   loop / ours {searches * loop / seconds:7.0f}")
        return seconds, found

    print("whole fits, 300 draws for each threshold")
    every, found = show("1 threshold, every candidate, wild_cluster", spec)
    points, on_grid = show(f"1 threshold, {POINTS} points, wild_cluster", spec.replace(grid=POINTS))
    show("1 threshold, every candidate, hansen", spec.replace(bootstrap="hansen"))
    show("1 threshold, two-way effects", spec.replace(time_effects=True))
    # The j-th test searches j thresholds in each draw: 3 and 6 times the searches of the first.
    show("2 thresholds, all searched in every draw", spec.replace(n_thresholds=2), searches=3)
    show("3 thresholds, all searched in every draw", spec.replace(n_thresholds=3), searches=6)
    large, _ = show("1 threshold, four times the firms", spec, data(4), searches=4)
    print(f"every candidate / {POINTS} points            {every / points:.2f}")
    print(f"four times the firms / the firms       {large / every:.2f}")
    apart = abs(on_grid.ssr[1] / ssr - 1)
    print(f"sum of squares on the grid, ours and the loop's: {apart:.1e} apart")
    print(f"sum of squares at the best of every candidate:   {found.ssr[1]:.10f}")
    if DATA.exists():
        ratio, seconds = cold_ratio()
        print(
            f"cold, 2 thresholds, 2 x 300 draws / import pandas, scipy.stats   {ratio:.2f} ({seconds:.2f} s)"
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore", DigiprosperWarning)
    main()
