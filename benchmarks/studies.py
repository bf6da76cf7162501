"""Studies around a baseline beside loops of refits: ratios of medians.

Ours and the loops take turns in one run. CPU time of one thread. A placebo test of
1,000 draws, and the estimates beside 4,096 sets of controls with their standard errors,
each beside a loop that fits the models one by one, extrapolated from a few: with
linearmodels' PanelOLS, and with the fit of this package. The loops give the same
estimates, for the sets also those of the batch. Run `python benchmarks/studies.py`.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
import warnings
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
DRAWS, LOOP, ROUNDS = 1000, 20, 7
CANDIDATES = [f"c{j}" for j in range(12)]
TARGETS = {
    "placebo / our fits": 1 / 200,
    "placebo / linearmodels": 1 / 1000,
    "sets / our fits": 1 / 30,
    "sets / linearmodels": 1 / 200,
    "sets, seconds": 2.0,
}


def panel_frame(n: int, periods: int, columns: list[str]) -> pd.DataFrame:
    """Simulate a panel with two-way effects and a policy for a third of it."""
    rng = np.random.default_rng(1)
    entity, period = np.divmod(np.arange(n * periods), periods)
    frame = pd.DataFrame({"id": entity, "year": 2000 + period})
    for name in columns:
        frame[name] = rng.normal(size=len(frame)) + rng.normal(size=n)[entity]
    frame["policy"] = ((entity % 3 == 0) & (period >= 6 + entity % 2)) * 1.0
    return frame


def linearmodels_slope(frame: pd.DataFrame, x: list[str]) -> float:
    """Slope of the first regressor, with its clustered error read."""
    from linearmodels.panel import PanelOLS

    model = PanelOLS(frame["y"], frame[x], entity_effects=True, time_effects=True)
    fit = model.fit(cov_type="clustered", cluster_entity=True)
    fit.std_errors  # noqa: B018
    return float(fit.params[x[0]])


def placebo() -> dict[str, Callable[[], np.ndarray]]:
    """Estimates of drawn policies: 1,000 of ours, a few of each loop."""
    from digiprosper import FixedEffects, Panel, placebo_test

    x = ["policy", "a", "b", "c"]
    frame = panel_frame(280, 15, ["y", "a", "b", "c"])
    panel, spec = Panel(frame, "id", "year"), FixedEffects("y", x)
    table = frame.set_index(["id", "year"])
    cohorts = frame[frame["policy"] == 1].groupby("id")["year"].min().value_counts()
    periods = frame["year"].unique()

    def drawn(rng: np.random.Generator) -> pd.Series:
        entities = rng.permutation(280)
        stops = np.cumsum([0, *cohorts])
        first = np.full(280, np.inf)
        for start, stop in pairwise(stops):
            first[entities[start:stop]] = rng.choice(periods[1:])
        return pd.Series(
            (frame["year"].to_numpy() >= first[frame["id"]]) * 1.0, index=table.index
        )

    def ours() -> np.ndarray:
        return placebo_test(spec, panel, "policy", reps=DRAWS, rng=1).draws

    def our_fits() -> np.ndarray:
        rng = np.random.default_rng(1)
        return np.array(
            [
                float(spec.fit(panel.assign(policy=drawn(rng))).params["policy"])
                for _ in range(LOOP)
            ]
        )

    def linearmodels() -> np.ndarray:
        rng = np.random.default_rng(1)
        return np.array(
            [
                linearmodels_slope(table.assign(policy=drawn(rng)), x)
                for _ in range(LOOP)
            ]
        )

    np.testing.assert_allclose(our_fits(), linearmodels(), rtol=1e-8)
    return {"placebo": ours, "our fits": our_fits, "linearmodels": linearmodels}


def sets() -> dict[str, Callable[[], np.ndarray]]:
    """Estimates beside sets of controls: all 4,096 of ours, few of each loop."""
    from digiprosper import FixedEffects, Panel, control_sets

    frame = panel_frame(31, 12, ["y", "x", *CANDIDATES])
    panel, spec = Panel(frame, "id", "year"), FixedEffects("y", ["x"])
    table = frame.set_index(["id", "year"])
    # Of the mean size
    chosen = [list(one) for one in combinations(CANDIDATES, 6)][:LOOP]

    def ours() -> np.ndarray:
        return control_sets(spec, panel, CANDIDATES).frame["estimate"].to_numpy()

    def our_fits() -> np.ndarray:
        fits = [spec.add(*one).fit(panel) for one in chosen]
        return np.array(
            [float(fit.params["x"]) + 0 * float(fit.pvalues["x"]) for fit in fits]
        )

    def linearmodels() -> np.ndarray:
        return np.array([linearmodels_slope(table, ["x", *one]) for one in chosen])

    found = control_sets(spec, panel, CANDIDATES)
    same = [found[" + ".join(one)].estimate for one in chosen]
    np.testing.assert_allclose(our_fits(), same, rtol=1e-10)
    np.testing.assert_allclose(linearmodels(), same, rtol=1e-8)
    return {"sets": ours, "our fits": our_fits, "linearmodels": linearmodels}


def medians(runs: dict[str, Callable[[], np.ndarray]]) -> dict[str, float]:
    """Median CPU seconds of each, in turn in every round, after a warm-up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(ROUNDS + 1):
        for name, run in runs.items():
            start = time.process_time()
            run()
            if turn:
                times[name].append(time.process_time() - start)
    return {name: statistics.median(took) for name, took in times.items()}


def show(name: str, value: float) -> None:
    """Print one ratio beside its target."""
    word = "ok" if value <= TARGETS[name] else "MISSED"
    print(
        f"{name:24s} {value:8.5f}   target {TARGETS[name]:.5f}   {word}   (1 / "
        f"{1 / value:,.0f})"
    )


def main() -> None:
    """Print every ratio; starts itself again with one thread if need be."""
    if any(os.environ.get(name) != "1" for name in THREADS):
        os.execve(
            sys.executable,
            [sys.executable, __file__],
            {**os.environ, **dict.fromkeys(THREADS, "1")},
        )
    warnings.simplefilter("ignore")
    took = medians(placebo())
    print(f"placebo test, 280 x 15, k = 4, 1,000 draws: {1e3 * took['placebo']:.0f} ms")
    for loop in ("our fits", "linearmodels"):
        show(f"placebo / {loop}", took["placebo"] / (took[loop] * DRAWS / LOOP))
    took = medians(sets())
    print(f"4,096 sets of controls, 31 x 12: {1e3 * took['sets']:.0f} ms")
    for loop in ("our fits", "linearmodels"):
        show(f"sets / {loop}", took["sets"] / (took[loop] * 4096 / LOOP))
    show("sets, seconds", took["sets"])


if __name__ == "__main__":
    main()
