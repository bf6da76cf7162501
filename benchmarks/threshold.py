"""Threshold tests on Hansen's (1999) data beside regressions and pyxthreg.

The regressions are a loop. Scaling and large panels are timed too. The loop is what
users write: for each of 393 grid points build the regime column, demean it, solve the
normal equations, keep the sum of squares; and all of that again for every bootstrap
draw. One search of it is timed and multiplied by the 301 searches that the data and 300
draws need. Ours is the whole of ``PanelThreshold(...).fit(panel)``, slopes and all, on
a Panel already built. Times are CPU seconds of one thread, the least of several rounds
in which the rows of a table take turns; what matters are the ratios. A cold start is
the wall time of a whole process, reading the file included. The data are read from
``../shared/data``; without them a panel of the same shape is simulated.

Run: python benchmarks/threshold.py [--pyxthreg PYTHON] [--scaling] [--rows 10000000]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.update(
    dict.fromkeys(
        (
            "OMP_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "MKL_NUM_THREADS",
            "NUMBA_NUM_THREADS",
        ),
        "1",
    )
)

import numpy as np
import pandas as pd

from digiprosper import DigiprosperWarning, Panel, PanelThreshold

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "hansen1999.csv"
POINTS, DRAWS, ROUNDS = 393, 300, 5
CONTROLS = ["q1", "q2", "q3", "d1", "qd1"]
SPEC = PanelThreshold(
    "i", "c1", "d1", CONTROLS, time_effects=False, trim=0.01, reps=DRAWS
)
BOOTSTRAPS = ("wild_cluster", "wild_score", "hansen", "iid")
LEAST = {
    "loop / every candidate": 500,
    "pyxthreg / ours, compiling included": 1000,
    f"pyxthreg / ours, compiled, {POINTS} points": 1000,
    "pyxthreg / ours, compiled, every candidate": 1000,
}
MOST = {
    f"every candidate / {POINTS} points": 1.5,
    "four times the firms / the firms": 5.0,
}


def frame(copies=1):
    """Hansen's firms, or a panel of their shape."""
    if DATA.exists():
        table = pd.read_csv(DATA)
    else:
        rng = np.random.default_rng(0)
        table = pd.DataFrame(rng.normal(size=(7910, 7)), columns=[*CONTROLS, "c1", "i"])
        table.insert(0, "id", np.repeat(np.arange(565), 14))
        table.insert(1, "year", np.tile(np.arange(1974, 1988), 565))
    many = [
        table.assign(id=table["id"] + 10_000 * k, d1=table["d1"] + 1e-6 * k)
        for k in range(copies)
    ]
    return pd.concat(many, ignore_index=True)


def panel(copies=1):
    return Panel(frame(copies), "id", "year")


def loop_search(y, x, z, q, grid):
    """One search as users write it, on a balanced panel.

    Demeaning and normal equations are inside the loop.
    """
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


def loop_seconds():
    """Time of 301 searches, from one; and the sum of squares it finds."""
    table = frame()
    y, x, z, q = (table[c].to_numpy() for c in ("i", CONTROLS, "c1", "d1"))
    grid = np.quantile(q, np.linspace(0.01, 0.99, POINTS), method="inverted_cdf")
    seconds, (ssr,) = turns([lambda: loop_search(y, x, z, q, grid)], 3)
    return seconds[0] * (DRAWS + 1), ssr


def turns(functions, rounds=ROUNDS):
    """Least CPU seconds of each function, in turn, and what each returned last."""
    seconds, results = [np.inf] * len(functions), [None] * len(functions)
    for _ in range(rounds):
        for i, function in enumerate(functions):
            start = time.process_time()
            results[i] = function()
            seconds[i] = min(seconds[i], time.process_time() - start)
    return seconds, results


def fits(cases, rounds=ROUNDS):
    """Time whole fits of (specification, panel)."""
    return turns(
        [lambda spec=spec, on=on: spec.fit(on, rng=1) for spec, on in cases], rounds
    )


# --- on Hansen's data -----------------------------------------------------------------


def against_the_loop():
    loop, ssr = loop_seconds()
    firms, more = panel(), panel(4)
    print(
        f"{DRAWS + 1} searches of {POINTS} regressions in a loop (one timed, "
        f"extrapolated): {loop:.1f} s"
    )
    # The j-th test searches j thresholds in each draw: 3 and 6 times the searches of
    # the first.
    rows = [
        ("every candidate", SPEC, firms, 1),
        (f"{POINTS} points", SPEC.replace(grid=POINTS), firms, 1),
        ("every candidate, hansen", SPEC.replace(bootstrap="hansen"), firms, 1),
        ("every candidate, wild_score", SPEC.replace(bootstrap="wild_score"), firms, 1),
        ("every candidate, two-way effects", SPEC.replace(time_effects=True), firms, 1),
        (
            "2 thresholds, all searched in every draw",
            SPEC.replace(n_thresholds=2),
            firms,
            3,
        ),
        (
            "3 thresholds, all searched in every draw",
            SPEC.replace(n_thresholds=3),
            firms,
            6,
        ),
        ("every candidate, four times the firms", SPEC, more, 4),
    ]
    seconds, found = fits([(spec, on) for _, spec, on, _ in rows])
    print(f"whole fits, {DRAWS} draws for each threshold")
    for (text, _, _, searches), s in zip(rows, seconds, strict=True):
        print(f"  {text:<44s} {s:8.4f} s   loop / ours {searches * loop / s:7.0f}")
    print(
        "sum of squares on the grid, ours and the loop's: "
        f"{abs(found[1].ssr[1] / ssr - 1):.1e} apart"
    )
    print(f"sum of squares at the best of every candidate:   {found[0].ssr[1]:.10f}")
    ratios = {
        "loop / every candidate": loop / seconds[0],
        f"every candidate / {POINTS} points": seconds[0] / seconds[1],
        "four times the firms / the firms": seconds[-1] / seconds[0],
    }
    return ratios, seconds[0], seconds[1]


COLD = """
import warnings
import pandas as pd
from digiprosper import Panel, PanelThreshold
warnings.simplefilter("ignore")
panel = Panel(pd.read_csv({path!r}), "id", "year")
options = {{"time_effects": False, "trim": 0.01, "reps": {draws}}}
spec = PanelThreshold("i", "c1", "d1", {controls!r}, **options)
spec.replace(n_thresholds={count}).fit(panel, rng=1).thresholds
"""

PEER = """
import json, sys, time
import pandas as pd
from pyxthreg import ThresholdPanel

def fit(grid):
    model = ThresholdPanel(frame, "i", ["c1"], "d1", {controls!r}, "id", "year")
    start = time.process_time()
    model.fit(thnum=1, trim=0.01, grid=grid, bs={draws}, nobslog=True, n_jobs=1)
    return time.process_time() - start, float(model.results["ssrs"][0])

frame = pd.read_csv({path!r})
out = [fit({points})]
if sys.argv[1] == "all":
    out += [min(fit({points}) for _ in range(3)), min(fit(0) for _ in range(2))]
print(json.dumps(out), file=sys.stderr)
"""


def process_seconds(python, code, *arguments, environment=None):
    start = time.perf_counter()
    done = subprocess.run(
        [python, "-c", code, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    return time.perf_counter() - start, done.stderr


def cold_start(path):
    """Wall time of a process of ours, against one that only imports.

    One threshold, then two.
    """
    ours = [
        COLD.format(path=path, controls=CONTROLS, count=m, draws=DRAWS) for m in (1, 2)
    ]
    times = [[], [], []]
    for _ in range(ROUNDS):
        for code, seen in zip(
            [*ours, "import pandas, scipy.stats"], times, strict=True
        ):
            seen.append(process_seconds(sys.executable, code)[0])
    one, two, bare = (float(np.median(t)) for t in times)
    print(
        f"cold, 1 threshold, {DRAWS} draws / import pandas, scipy.stats       "
        f"{one / bare:.2f} ({one:.2f} s)"
    )
    print(
        f"cold, 2 thresholds, 2 x {DRAWS} draws / import pandas, scipy.stats  "
        f"{two / bare:.2f} ({two:.2f} s)"
    )
    return one


def against_pyxthreg(python, path, every, points, cold):
    """Print pyxthreg's times beside ours."""
    code = PEER.format(path=path, controls=CONTROLS, points=POINTS, draws=DRAWS)
    with tempfile.TemporaryDirectory() as cache:
        kept = {"NUMBA_CACHE_DIR": cache}
        first_wall, said = process_seconds(python, code, "one", environment=kept)
        first, _ = json.loads(said.splitlines()[-1])[0]
        later_wall, said = process_seconds(python, code, "one", environment=kept)
        later, _ = json.loads(said.splitlines()[-1])[0]
        _, said = process_seconds(python, code, "all", environment=kept)
        _, (warm, on_grid), (warm_every, on_every) = json.loads(said.splitlines()[-1])
    print(
        f"pyxthreg, 1 threshold, {DRAWS} draws, one thread (least sum of squares "
        f"{on_grid:.6f} on its grid"
    )
    print(f"of {POINTS}, {on_every:.6f} over every candidate)")
    rows = [
        (f"first fit ever, {POINTS} points, compiling", first, every),
        ("  its whole process / ours", first_wall, cold),
        (f"first fit of a later process, {POINTS} points", later, every),
        ("  its whole process / ours", later_wall, cold),
        (f"compiled, {POINTS} points / our {POINTS} points", warm, points),
        (f"compiled, {POINTS} points / our every candidate", warm, every),
        ("compiled, every candidate / the same", warm_every, every),
    ]
    for text, theirs, ours in rows:
        print(f"  {text:<48s} {theirs:8.3f} s   pyxthreg / ours {theirs / ours:7.0f}")
    return {
        "pyxthreg / ours, compiling included": first / every,
        f"pyxthreg / ours, compiled, {POINTS} points": warm / points,
        "pyxthreg / ours, compiled, every candidate": warm_every / every,
    }


def judge(ratios):
    print("acceptance, in this run")
    for name, ratio in ratios.items():
        least = name in LEAST
        bound = LEAST[name] if least else MOST[name]
        met = ratio >= bound if least else ratio <= bound
        sign = "at least" if least else "at most"
        print(
            f"  {name:<44s} {ratio:8.2f}   {sign} {bound:g}: "
            f"{'met' if met else 'NOT MET'}"
        )


def compare(python):
    ratios, every, points = against_the_loop()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "firms.csv")
        frame().to_csv(path, index=False)
        cold = cold_start(path)
        if python:
            ratios |= against_pyxthreg(python, path, every, points, cold)
        else:
            print(
                "pyxthreg: pass --pyxthreg PYTHON, an interpreter with `pip install "
                "pyxthreg==0.0.3 numba`"
            )
    judge(ratios)


# --- scaling --------------------------------------------------------------------------


def scaling():
    """Print how the time grows with one thing at a time."""
    firms = wide()
    spec = SPEC.replace(x=["d1"])
    extra = [f"x{j}" for j in range(20)]
    tables = {
        "rows": [(f"{7910 * c:,}", SPEC, panel(c)) for c in (1, 2, 4, 8, 16)],
        "candidates": [
            (text, SPEC.replace(grid=grid), firms)
            for text, grid in (
                ("every", None),
                ("10", 10),
                ("100", 100),
                ("393", 393),
                ("1000", 1000),
            )
        ],
        "regime-dependent k": [
            (str(k), spec.replace(regime_dependent=["c1", *extra[: k - 1]]), firms)
            for k in (1, 2, 3, 4)
        ],
        "common columns p": [
            (str(1 + p), spec.replace(x=["d1", *extra[:p]]), firms)
            for p in (0, 4, 9, 19)
        ],
        "draws B": [
            (str(b), SPEC.replace(reps=b), firms) for b in (100, 300, 1000, 3000)
        ],
        "thresholds": [
            *((str(m), SPEC.replace(n_thresholds=m), firms) for m in (1, 2, 3)),
            ("2, all pairs", SPEC.replace(n_thresholds=2, search="joint"), firms),
        ],
        "bootstrap": [
            (name, SPEC.replace(bootstrap=name), firms) for name in BOOTSTRAPS
        ],
        "bootstrap, k = 2": [
            (name, spec.replace(regime_dependent=["c1", "x0"], bootstrap=name), firms)
            for name in BOOTSTRAPS
        ],
    }
    print(
        f"whole fits of {SPEC.reps} draws over 7,910 rows unless a row says otherwise"
    )
    for title, cases in tables.items():
        seconds, _ = fits([(s, on) for _, s, on in cases], 3)
        cells = [
            f"{text} {s:.4f} ({s / seconds[0]:.2f})"
            for (text, _, _), s in zip(cases, seconds, strict=True)
        ]
        print(f"  {title:<20s} {'   '.join(cells)}")


def wide():
    """Hansen's firms with twenty columns of noise."""
    table = frame()
    noise = np.random.default_rng(2).normal(size=(len(table), 20))
    return Panel(
        table.assign(**{f"x{j}": noise[:, j] for j in range(20)}), "id", "year"
    )


# --- large panels ---------------------------------------------------------------------


def large(rows):
    """Print what ten times the rows cost, each size in its own process."""
    print(
        "rows, ten periods an entity, two-way effects, two controls, every "
        "candidate, 99 draws"
    )
    print(
        f"{'rows':>12s}{'candidates':>12s}{'Panel s':>10s}{'fit s':>10s}"
        f"{'s / million':>13s}{'peak GB':>9s}"
    )
    size = 10_000
    while size <= rows:
        done = subprocess.run(
            [sys.executable, __file__, "--one", str(size)],
            check=True,
            capture_output=True,
            text=True,
        )
        made, fitted, candidates, peak = json.loads(done.stdout)
        print(
            f"{size:12,d}{candidates:12,d}{made:10.2f}{fitted:10.2f}"
            f"{1e6 * fitted / size:13.2f}{peak:9.2f}",
            flush=True,
        )
        size *= 10


def one_size(rows):
    import resource

    rng = np.random.default_rng(1)
    entities, periods = rows // 10, 10
    year = np.tile(np.arange(periods), entities)
    table = pd.DataFrame({"id": np.repeat(np.arange(entities), periods), "year": year})
    for name in ("z", "q", "a", "b"):
        table[name] = rng.normal(size=rows)
    table["y"] = (
        table["z"] * (1 + 0.5 * (table["q"] > 0)) + table["a"] - table["b"] + 0.1 * year
    )
    table["y"] += np.repeat(rng.normal(size=entities), periods) + rng.normal(size=rows)
    spec = PanelThreshold("y", "z", "q", ["a", "b"], reps=99)
    # What the first fit of a process loads
    spec.fit(Panel(table[:1000], "id", "year"), rng=1)
    start = time.process_time()
    made = Panel(table, "id", "year")
    del table
    between = time.process_time()
    found = spec.fit(made, rng=1)
    fitted = time.process_time() - between
    unit = 2**30 if sys.platform == "darwin" else 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(json.dumps([between - start, fitted, found.candidates.size, peak]))


def main():
    parser = argparse.ArgumentParser(
        description="Speed of threshold tests, as ratios in one run."
    )
    parser.add_argument(
        "--pyxthreg", metavar="PYTHON", default=os.environ.get("PYXTHREG_PYTHON")
    )
    parser.add_argument(
        "--scaling",
        action="store_true",
        help="only how time grows, one thing at a time",
    )
    parser.add_argument(
        "--rows", type=int, help="only large panels, from 10,000 rows up to this many"
    )
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one_size(options.one)
    elif options.rows:
        large(options.rows)
    elif options.scaling:
        scaling()
    else:
        compare(options.pyxthreg)


if __name__ == "__main__":
    warnings.simplefilter("ignore", DigiprosperWarning)
    main()
