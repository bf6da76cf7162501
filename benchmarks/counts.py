"""Poisson regressions with absorbed effects, and pyfixest beside them.

CPU time, the best of several interleaved runs; ratios in one run. A fit of ours has the
built panel, pyfixest its frame. pyfixest (the group `peers`) compiles before it is
timed, and is left out where it is not installed. Run `OMP_NUM_THREADS=1 python
benchmarks/counts.py`.
"""

from __future__ import annotations

import importlib.util
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import digiprosper as dp

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = 3


def simulated(n: int, periods: int) -> pd.DataFrame:
    """Draw counts with zeros, and two regressors."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "city": np.repeat(np.arange(n), periods),
            "year": np.tile(np.arange(periods), n),
            "x": rng.normal(size=n * periods),
            "z": rng.normal(size=n * periods),
        }
    )
    level = np.repeat(rng.normal(size=n) / 2, periods)
    index = 0.3 * frame["x"] - 0.2 * frame["z"] + level + 0.5
    return frame.assign(y=rng.poisson(np.exp(index)).astype(float))


def best(calls: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Take the least CPU time of each call, in turn."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(RUNS):
        for name, call in calls.items():
            start = time.process_time()
            call()
            times[name].append(time.process_time() - start)
    return {name: min(by_run) for name, by_run in times.items()}


def main() -> None:
    warnings.simplefilter("ignore")
    for n, periods in ((31, 10), (5_000, 10), (50_000, 10)):
        frame = simulated(n, periods)
        panel = dp.Panel(frame, "city", "year")
        spec = dp.PoissonEffects("y", ["x", "z"])
        linear = dp.FixedEffects("y", ["x", "z"])
        calls: dict[str, Callable[[], Any]] = {
            "PoissonEffects": lambda spec=spec, panel=panel: spec.fit(panel),
            "FixedEffects": lambda spec=linear, panel=panel: spec.fit(panel),
        }
        if importlib.util.find_spec("pyfixest"):
            import pyfixest

            calls["pyfixest"] = lambda frame=frame: pyfixest.fepois(
                "y ~ x + z | city + year", frame, vcov={"CRV1": "city"}
            )
        seconds = best(calls)
        ours = seconds["PoissonEffects"]
        beside = ", ".join(
            f"{name} {value / ours:.2f} times as long"
            for name, value in seconds.items()
            if name != "PoissonEffects"
        )
        print(f"{n * periods:,} rows, two effects: {1e3 * ours:.1f} ms; {beside}")


if __name__ == "__main__":
    main()
