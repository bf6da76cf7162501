"""Fixed effects and their bootstraps beside their peers: ratios of medians.

Ours and the peers take turns in one run. CPU time of one thread, whole `fit` on a built
Panel with errors and p-values read; the cold start is the wall time of a process that
imports, builds and fits. The wild bootstrap is a whole test beside wildboottest, whose
matrix of dummies is built already; the cluster bootstrap is beside a loop of
linearmodels, extrapolated from a few draws, and a loop of numpy that does nothing but
demean and solve. Run `python benchmarks/linear.py`.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
TARGETS = {
    "small / pyfixest": 0.15,
    "small / linearmodels": 0.06,
    "large / pyfixest": 0.6,
    "cold / pyfixest": 1.0,
    "wild / wildboottest": 0.05,
    "clusters / linearmodels": 0.001,
    "clusters / numpy loop": 1 / 6,
}


def panel_frame(n: int, periods: int, k: int, *, holes: float = 0.0) -> pd.DataFrame:
    """Simulate a panel with two-way effects and k regressors."""
    rng = np.random.default_rng(1)
    entity, period = np.divmod(np.arange(n * periods), periods)
    keep = rng.random(n * periods) >= holes
    entity, period = entity[keep], period[keep]
    frame = pd.DataFrame({"id": entity, "year": 2000 + period})
    for j in range(k):
        frame[f"x{j}"] = (
            rng.normal(size=len(frame))
            + rng.normal(size=n)[entity]
            + rng.normal(size=periods)[period]
        )
    frame["y"] = (
        frame["x0"]
        - frame["x1"]
        + rng.normal(size=n)[entity]
        + rng.normal(size=len(frame))
    )
    return frame


def ours(frame: pd.DataFrame, x: list[str]) -> Callable[[], np.ndarray]:
    """One fit of ours on a built Panel, errors and p-values read."""
    from digiprosper import FixedEffects, Panel

    panel, spec = Panel(frame, "id", "year"), FixedEffects("y", x)

    def run() -> np.ndarray:
        results = spec.fit(panel)
        return np.concatenate([results.params, results.std_errors, results.pvalues])

    return run


def pyfixest(frame: pd.DataFrame, x: list[str]) -> Callable[[], np.ndarray]:
    """One fit of pyfixest."""
    import pyfixest as pf

    formula = f"y ~ {' + '.join(x)} | id + year"

    def run() -> np.ndarray:
        fit = pf.feols(formula, frame, vcov={"CRV1": "id"})
        return np.concatenate([fit.coef(), fit.se(), fit.pvalue()])

    return run


def linearmodels(frame: pd.DataFrame, x: list[str]) -> Callable[[], np.ndarray]:
    """One fit of linearmodels on an indexed frame."""
    from linearmodels.panel import PanelOLS

    table = frame.set_index(["id", "year"])

    def run() -> np.ndarray:
        model = PanelOLS(table["y"], table[x], entity_effects=True, time_effects=True)
        fit = model.fit(cov_type="clustered", cluster_entity=True)
        return np.concatenate([fit.params, fit.std_errors, fit.pvalues])

    return run


def medians(runs: dict[str, Callable[[], np.ndarray]], reps: int) -> dict[str, float]:
    """Median CPU seconds of each, one after the other in every round."""
    k = len(next(iter(runs.values()))()) // 3
    for _ in range(3):  # caches, compilers and the allocator settle
        slopes = {name: run()[:k] for name, run in runs.items()}
    for name, b in slopes.items():
        np.testing.assert_allclose(b, slopes["digiprosper"], rtol=1e-4, err_msg=name)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(reps):
        for name, run in runs.items():
            start = time.process_time()
            run()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(t) for name, t in times.items()}


COLD = {
    "digiprosper": """
import pandas as pd, digiprosper as dp
frame = pd.read_pickle(r"{path}")
results = dp.FixedEffects("y", {x}).fit(dp.Panel(frame, "id", "year"))
results.std_errors, results.pvalues
""",
    "pyfixest": """
import pandas as pd, pyfixest as pf
frame = pd.read_pickle(r"{path}")
fit = pf.feols("y ~ {terms} | id + year", frame, vcov={{"CRV1": "id"}})
fit.se(), fit.pvalue()
""",
}


def cold(
    frame: pd.DataFrame, x: list[str], reps: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Median CPU and wall seconds of whole processes: import, build, fit, read."""
    cpu: dict[str, list[float]] = {name: [] for name in COLD}
    wall: dict[str, list[float]] = {name: [] for name in COLD}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.pkl"
        frame.to_pickle(path)
        for turn in range(reps + 1):
            for name, text in COLD.items():
                script = text.format(path=path, x=x, terms=" + ".join(x))
                before, start = (
                    resource.getrusage(resource.RUSAGE_CHILDREN),
                    time.perf_counter(),
                )
                subprocess.run(
                    [sys.executable, "-W", "ignore", "-c", script], check=True
                )
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                if turn:  # the first round fills the caches
                    wall[name].append(time.perf_counter() - start)
                    cpu[name].append(
                        after.ru_utime
                        + after.ru_stime
                        - before.ru_utime
                        - before.ru_stime
                    )
    return (
        {n: statistics.median(t) for n, t in times.items()} for times in (cpu, wall)
    )  # type: ignore[return-value]


# --- bootstraps -----------------------------------------------------------------------

WILD_DRAWS, CLUSTER_DRAWS, LINEARMODELS_DRAWS = 9999, 1000, 5


def interleaved(runs: dict[str, Callable[[], object]], reps: int) -> dict[str, float]:
    """Median CPU seconds of each, in turn in every round, after a warm-up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(reps + 1):
        for name, run in runs.items():
            start = time.process_time()
            run()
            if turn:
                times[name].append(time.process_time() - start)
    return {name: statistics.median(t) for name, t in times.items()}


def wild(frame: pd.DataFrame, x: list[str]) -> dict[str, Callable[[], float]]:
    """One test of the first slope with 9,999 draws each."""
    from wildboottest.wildboottest import WildboottestCL

    from digiprosper import FixedEffects, Panel, wild_bootstrap

    panel, spec = Panel(frame, "id", "year"), FixedEffects("y", x)
    dummies = pd.get_dummies(
        frame[["id", "year"]].astype("category"), drop_first=True, dtype=float
    )
    design = np.column_stack([frame[x], np.ones(len(frame)), dummies])
    row, y, clusters = (
        np.eye(design.shape[1])[0],
        frame["y"].to_numpy(),
        frame["id"].to_numpy(),
    )

    def ours() -> float:
        return wild_bootstrap(spec, panel, x[0], reps=WILD_DRAWS, rng=1).p_value

    def peer() -> float:
        test = WildboottestCL(
            X=design, Y=y, cluster=clusters, R=row, B=WILD_DRAWS, seed=1, parallel=False
        )
        test.get_scores("11", impose_null=True)
        test.get_weights("rademacher")
        test.get_numer()
        test.get_denom()
        test.get_tboot()
        test.get_vcov()
        test.get_tstat()
        test.get_pvalue()
        return float(test.pvalue)

    np.testing.assert_allclose(ours(), peer(), atol=0.03)
    return {"digiprosper": ours, "wildboottest": peer}


def clusters(
    frame: pd.DataFrame, x: list[str], n: int
) -> dict[str, Callable[[], np.ndarray]]:
    """Slopes of 1,000 draws of entities; of a few draws by linearmodels."""
    from linearmodels.panel import PanelOLS

    from digiprosper import FixedEffects, Panel, cluster_bootstrap

    panel, spec = Panel(frame, "id", "year"), FixedEffects("y", x)
    cube = frame[["y", *x]].to_numpy().reshape(n, -1, 1 + len(x))
    periods = cube.shape[1]

    def ours() -> np.ndarray:
        return cluster_bootstrap(spec, panel, reps=CLUSTER_DRAWS, rng=1).draw_values

    def numpy_loop() -> np.ndarray:
        rng, out = np.random.default_rng(1), []
        for _ in range(CLUSTER_DRAWS):
            drawn = cube[rng.integers(0, n, n)]
            demeaned = drawn - drawn.mean(axis=1, keepdims=True)
            demeaned -= demeaned.mean(axis=0, keepdims=True)
            flat = demeaned.reshape(-1, cube.shape[2])
            products = flat.T @ flat
            out.append(np.linalg.solve(products[1:, 1:], products[1:, 0]))
        return np.array(out)

    def loop() -> np.ndarray:
        rng, out = np.random.default_rng(1), []
        for _ in range(LINEARMODELS_DRAWS):
            rows = cube[rng.integers(0, n, n)].reshape(n * periods, -1)
            keys = pd.MultiIndex.from_product([range(n), range(periods)])
            table = pd.DataFrame(rows, index=keys, columns=["y", *x])
            model = PanelOLS(
                table["y"], table[x], entity_effects=True, time_effects=True
            )
            out.append(model.fit().params.to_numpy())
        return np.array(out)

    np.testing.assert_allclose(numpy_loop()[:LINEARMODELS_DRAWS], loop(), rtol=1e-8)
    np.testing.assert_allclose(ours().std(axis=0), numpy_loop().std(axis=0), rtol=0.15)
    return {"digiprosper": ours, "numpy loop": numpy_loop, "linearmodels": loop}


def bootstraps() -> None:
    """Print the ratios of both bootstraps."""
    x = [f"x{j}" for j in range(6)]
    if find_spec("wildboottest") is None:
        print("wildboottest is not installed (group `peers`)")
    else:
        took = interleaved(wild(panel_frame(30, 12, 6), x), 9)
        print(
            "wild bootstrap, 30 x 12, k = 6, 9,999 draws: "
            f"{1e3 * took['digiprosper']:.0f} ms"
        )
        show("wild / wildboottest", took["digiprosper"] / took["wildboottest"])
    x = [f"x{j}" for j in range(8)]
    took = interleaved(clusters(panel_frame(280, 15, 8), x, 280), 9)
    took["linearmodels"] *= CLUSTER_DRAWS / LINEARMODELS_DRAWS
    print(
        "cluster bootstrap, 280 x 15, k = 8, 1,000 draws: "
        f"{1e3 * took['digiprosper']:.0f} ms"
    )
    show("clusters / linearmodels", took["digiprosper"] / took["linearmodels"])
    show("clusters / numpy loop", took["digiprosper"] / took["numpy loop"])


def show(name: str, ratio: float) -> None:
    """Print one ratio beside its target."""
    word = "ok" if ratio <= TARGETS[name] else "MISSED"
    print(f"{name:24s} {ratio:7.4f}   target {TARGETS[name]:.3f}   {word}")


def main() -> None:
    """Print every ratio; starts itself again with one thread if need be."""
    if any(os.environ.get(name) != "1" for name in THREADS):
        os.execve(
            sys.executable,
            [sys.executable, __file__],
            {**os.environ, **dict.fromkeys(THREADS, "1")},
        )
    warnings.simplefilter("ignore")
    x = [f"x{j}" for j in range(6)]
    frame = panel_frame(30, 12, 6)
    small = medians(
        {
            f.__name__.replace("ours", "digiprosper"): f(frame, x)
            for f in (ours, pyfixest, linearmodels)
        },
        101,
    )
    print(
        "one fit, 30 x 12, k = 6, two-way, clustered: "
        f"{1e3 * small['digiprosper']:.2f} ms"
    )
    show("small / pyfixest", small["digiprosper"] / small["pyfixest"])
    show("small / linearmodels", small["digiprosper"] / small["linearmodels"])
    x = [f"x{j}" for j in range(8)]
    big = panel_frame(55_556, 10, 8, holes=0.1)
    large = medians({"digiprosper": ours(big, x), "pyfixest": pyfixest(big, x)}, 15)
    print(f"{len(big):,} rows, unbalanced, k = 8: {large['digiprosper']:.2f} s")
    show("large / pyfixest", large["digiprosper"] / large["pyfixest"])
    cpu, wall = cold(frame, [f"x{j}" for j in range(6)], 7)
    print(
        f"whole process: {wall['digiprosper']:.2f} s; CPU ratio "
        f"{cpu['digiprosper'] / cpu['pyfixest']:.3f}"
    )
    show("cold / pyfixest", wall["digiprosper"] / wall["pyfixest"])
    bootstraps()


if __name__ == "__main__":
    main()
