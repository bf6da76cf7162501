"""Moran's I of every year with 999 permutations beside esda.

esda takes one year at a time. CPU time, the best of several interleaved runs, on built
panels and weights; ratios in one run. Needs the group `pysal`. Run
`OMP_NUM_THREADS=1 python benchmarks/moran.py`.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import digiprosper as dp

if TYPE_CHECKING:
    from collections.abc import Callable

# Least time of esda over ours.
TARGETS = {(31, 12): 10.0, (280, 15): 2.0}
RUNS = 5


def simulated(n: int, periods: int) -> tuple[dp.Panel, pd.DataFrame]:
    """Draw a variable without autocorrelation, and places."""
    rng = np.random.default_rng(1)
    places = pd.DataFrame(
        {"lat": rng.uniform(20, 45, n), "lon": rng.uniform(80, 125, n)}
    )
    keys = {
        "city": np.repeat(np.arange(n), periods),
        "year": np.tile(np.arange(periods), n),
    }
    frame = pd.DataFrame(keys).assign(x=rng.normal(size=n * periods))
    return dp.Panel(frame, "city", "year"), places


def best(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Take the least CPU time of each call, in turn."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(RUNS):
        for name, call in calls.items():
            start = time.process_time()
            call()
            times[name].append(time.process_time() - start)
    return {name: min(found) for name, found in times.items()}


def main() -> None:
    warnings.simplefilter("ignore")
    import esda
    import libpysal

    for (n, periods), target in TARGETS.items():
        panel, places = simulated(n, periods)
        for weights in (
            dp.SpatialWeights.k_nearest(places, 5, name="5 nearest"),
            dp.SpatialWeights.inverse_distance(places, name="all pairs"),
        ):
            w = libpysal.weights.util.full2W(weights.dense)
            w.transform = "r"
            years = panel.frame["x"].to_numpy().reshape(n, periods).T
            found = best(
                {
                    "ours": lambda weights=weights, panel=panel: dp.moran(
                        panel, "x", weights, rng=1
                    ),
                    "esda": lambda w=w, years=years: [
                        esda.Moran(x, w, permutations=999) for x in years
                    ],
                }
            )
            ratio = found["esda"] / found["ours"]
            verdict = "ok" if ratio >= target else "MISSED"
            print(
                f"{n} x {periods}, {weights.name}: ours {1e3 * found['ours']:.1f} ms, "
                f"esda / ours {ratio:.1f} (at least {target:g}: {verdict})"
            )


if __name__ == "__main__":
    main()
