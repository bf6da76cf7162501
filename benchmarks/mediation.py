"""Entity bootstrap of a two-way mediation against refits in every draw.

The refits are those of linearmodels' PanelOLS.

300 entities x 10 periods; treatment, mediator, outcome and two controls; entity and
time effects in all three equations. Here: the whole `fit` with 1,000 draws, standard
errors, intervals and p-values included. There: a loop of 20 draws of entities (an
entity drawn twice has two codes), three PanelOLS fits a draw. What counts is the ratio
per draw in one run. Then: the time of the draws alone, and a fit with 5,000 draws, on
an unbalanced panel too. Last, like for like: 3,000 independent rows without effects
against pingouin's `mediation_analysis`, the same number of row draws in both. CPU time
of one thread. Run: python benchmarks/mediation.py
"""

from __future__ import annotations

import os
import time

os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)

import numpy as np
import pandas as pd

from digiprosper import Mediation, Panel
from digiprosper.kernels.resampling import draw_counts, seed_sequence

LOOP, RUNS = 20, 5
CONTROLS = ["w1", "w2"]


def make(entities, periods, keep=1.0):
    rng = np.random.default_rng(0)
    entity, year = (
        v.ravel()
        for v in np.meshgrid(np.arange(entities), np.arange(periods), indexing="ij")
    )
    frame = pd.DataFrame(
        rng.normal(size=(entity.size, 5)), columns=["y", "x", "m", *CONTROLS]
    )
    frame += (
        rng.normal(size=(entities, 5))[entity] + rng.normal(size=(periods, 5))[year]
    )
    frame["m"] += 0.5 * frame["x"]
    frame["y"] += 0.4 * frame["m"] + 0.2 * frame["x"]
    frame["entity"], frame["year"] = entity, year
    return frame[(rng.random(entity.size) < keep) | (year < 2)].reset_index(drop=True)


def ours(panel, reps):
    return Mediation("y", "x", "m", CONTROLS, reps=reps).fit(panel, rng=1)


def loop(frame, counts):
    from linearmodels.panel import PanelOLS

    rows = list(frame.groupby("entity").indices.values())
    out = []
    for count in counts.astype(int):
        copies = [
            (entity, copy)
            for entity, times in enumerate(count)
            for copy in range(times)
        ]
        drawn = frame.take(np.concatenate([rows[entity] for entity, _ in copies]))
        codes = np.concatenate(
            [
                np.full(rows[entity].size, 1000 * copy + entity)
                for entity, copy in copies
            ]
        )
        drawn = drawn.assign(entity=codes).set_index(["entity", "year"])

        def slopes(y, x, drawn=drawn):
            return (
                PanelOLS(drawn[y], drawn[x], entity_effects=True, time_effects=True)
                .fit()
                .params
            )

        total, first = (
            slopes("y", ["x", *CONTROLS])["x"],
            slopes("m", ["x", *CONTROLS])["x"],
        )
        second = slopes("y", ["x", "m", *CONTROLS])
        out.append([total, second["x"], first * second["m"]])
    return np.array(out)


def best(function, *arguments):
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        result = function(*arguments)
        times.append(time.process_time() - start)
    return min(times), result


def main():
    frame = make(300, 10)
    panel = Panel(frame, "entity", "year")
    seconds, results = best(ours, panel, 1000)
    long, _ = best(ours, panel, 5000)
    counts = draw_counts(seed_sequence(1), 300, LOOP)
    loop(frame, counts[:1])
    start = time.process_time()
    slow = loop(frame, counts)
    loop_seconds = time.process_time() - start
    apart = np.abs(results.draw_values[:LOOP, :3] - slow).max()
    per_draw, loop_per_draw = seconds / 1000, loop_seconds / LOOP
    print("two-way mediation, 300 x 10, two controls, entity bootstrap, one thread")
    print(f"  digiprosper, whole fit with 1,000 draws    {seconds:.4f} s")
    print(f"  linearmodels, loop of {LOOP} draws             {loop_seconds:.3f} s")
    print(
        "  ratio per draw                             "
        f"{loop_per_draw / per_draw:,.0f} x"
    )
    print(
        "  ratio per draw, draws alone                "
        f"{loop_per_draw / ((long - seconds) / 4000):,.0f} x"
    )
    print(f"  largest difference of the {LOOP} draws         {apart:.1e}")
    pair = loop_seconds / LOOP * 2 / 3
    print(
        f"  whole fit with 5,000 draws / a pair of PanelOLS fits   {long / pair:.2f} "
        f"({long:.4f} s)"
    )
    gaps = Panel(make(545, 8, 0.8), "entity", "year")
    print(
        "  unbalanced, 545 x 8, 5,000 draws           "
        f"{best(ours, gaps, 5000)[0]:.4f} s"
    )
    cross_section()


def cross_section():
    import pingouin

    frame = make(3000, 1)[["entity", "y", "x", "m"]]
    spec, panel = (
        Mediation("y", "x", "m", entity_effects=False, time_effects=False),
        Panel(frame, "entity"),
    )
    print("3,000 rows without effects, row draws; whole calls")
    for reps in (1000, 5000):
        seconds, _ = best(spec.replace(reps=reps).fit, panel)
        slow, _ = best(
            lambda n: pingouin.mediation_analysis(
                frame, "x", "m", "y", n_boot=n, seed=1
            ),
            reps,
        )
        print(
            f"  {reps:,} draws: digiprosper {seconds:.4f} s, pingouin {slow:.3f} s: "
            f"{slow / seconds:,.1f} x"
        )


if __name__ == "__main__":
    main()
