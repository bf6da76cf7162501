"""Dynamic panels beside a fixed effects regression of the same rows.

CPU time, the best of several interleaved runs, on built panels; ratios in one run. No
package that can be a dependency has these estimators. The difference GMM has two steps,
Windmeijer's correction, dummies of periods and all tests; the bias-corrected within
estimator has 999 draws of entities. Run `OMP_NUM_THREADS=1 python
benchmarks/dynamic.py`.
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

# Most milliseconds of difference GMM.
TARGETS = {(31, 12): 5.0, (5000, 10): 1000.0}
RUNS = 15


def simulated(n: int, periods: int) -> dp.Panel:
    """Draw a stationary outcome with persistence .8, and a regressor."""
    rng = np.random.default_rng(1)
    y, x, error = np.zeros((n, periods + 50)), *rng.normal(size=(2, n, periods + 50))
    effect = rng.normal(size=n)
    for t in range(1, periods + 50):
        y[:, t] = 0.8 * y[:, t - 1] + 0.2 * (x[:, t] + effect) + error[:, t]
    keys = {
        "city": np.repeat(np.arange(n), periods),
        "year": np.tile(np.arange(periods), n),
    }
    columns = {"y": y[:, 50:].ravel(), "x": x[:, 50:].ravel()}
    return dp.Panel(pd.DataFrame({**keys, **columns}), "city", "year")


def best(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Take the least CPU time of each call, in turn."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(RUNS):
        for name, call in calls.items():
            start = time.process_time()
            call()
            times[name].append(time.process_time() - start)
    return {name: 1e3 * min(by_run) for name, by_run in times.items()}


def main() -> None:
    warnings.simplefilter("ignore")
    specs = {
        "FixedEffects": dp.FixedEffects("y", ["lag(y)", "x"]),
        "difference": dp.DynamicPanel("y", ["x"]),
        "system": dp.DynamicPanel("y", ["x"], estimator="system"),
        "lsdvc": dp.DynamicPanel("y", ["x"], estimator="lsdvc"),
    }
    for (n, periods), target in TARGETS.items():
        panel = simulated(n, periods)
        times = best(
            {
                name: lambda spec=spec, panel=panel: spec.fit(panel, rng=1)
                for name, spec in specs.items()
            }
        )
        ratios = ", ".join(
            f"{name} / FixedEffects {times[name] / times['FixedEffects']:.1f}"
            for name in list(specs)[1:]
        )
        verdict = "ok" if times["difference"] <= target else "MISSED"
        print(
            f"{n} x {periods}: difference GMM {times['difference']:.1f} ms (at most "
            f"{target:g}: {verdict}), {ratios}"
        )


if __name__ == "__main__":
    main()
