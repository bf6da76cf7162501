"""The numbers of today, stored, so that a change can be held to them.

They are for a change which should move none. `python benchmarks/record.py write FILE`
runs every example, every page of the documentation and 200 random specifications and
stores each number; `python benchmarks/record.py compare FILE` runs them again and
prints what moved: estimates by more than 1e-10, errors and everything else by more than
1e-8, relative to their size. `compare` exits with 1 if a random specification moved.
Printed numbers of pages and examples are compared too, but only reported: a sentence
that changes takes its numbers with it.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import re
import runpy
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
SPECIFICATIONS = 200
NUMBER = re.compile(r"(?<![\w.])[-−]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?")
ESTIMATE, OTHER = 1e-10, 1e-8


def random_frame(rng: np.random.Generator) -> pd.DataFrame:
    """Draw an unbalanced panel with clusters above entities, and a category.

    The slope has a threshold.
    """
    n, periods = int(rng.integers(12, 40)), int(rng.integers(5, 13))
    entity, time = np.divmod(np.arange(n * periods), periods)
    keep = rng.random(n * periods) > rng.choice([0.0, 0.15])
    entity, time = entity[keep], time[keep]
    size = entity.size

    def column() -> np.ndarray:
        return (
            rng.normal(size=size)
            + rng.normal(size=n)[entity]
            + rng.normal(size=periods)[time]
        )

    frame = pd.DataFrame(
        {"id": entity, "year": 2000 + time, "region": (entity % 6).astype(str)}
    )
    frame["x"], frame["z"], frame["q"], frame["w"] = (
        column(),
        column(),
        column(),
        column(),
    )
    frame["m"] = 0.5 * frame["x"] + column()
    frame["n"] = 0.3 * frame["m"] - 0.2 * frame["x"] + column()
    slope = np.where(frame["q"] <= 0, 0.2, 1.0)
    frame["y"] = (
        slope * frame["x"]
        + 0.4 * frame["m"]
        + 0.3 * frame["n"]
        - 0.1 * frame["x"] ** 2
        + column()
    )
    frame["weight"] = rng.uniform(0.5, 2, size)
    return frame


def random_specification(rng: np.random.Generator) -> tuple[str, dict[str, Any]]:
    """Draw the name of an estimator and its options."""
    linear: dict[str, Any] = {
        "entity_effects": bool(rng.random() < 0.8),
        "time_effects": bool(rng.random() < 0.7),
        "cov_type": str(rng.choice(["clustered", "clustered", "robust", "unadjusted"])),
        "ssc": str(rng.choice(["reghdfe", "xtreg", "linearmodels", "plm", "none"])),
        "absorb": [[], [], ["region^year"]][rng.integers(3)],
    }
    if linear["cov_type"] == "clustered":
        linear["clusters"] = [None, "region", ["id", "year"]][rng.integers(3)]
    kind = str(
        rng.choice(["linear", "linear", "linear", "threshold", "kink", "mediation"])
    )
    if kind == "linear":
        pool = ["x", "z", "m", "I(x**2)", "lag(w)", "x:z", "C(region):z"]
        chosen = rng.choice(len(pool), size=int(rng.integers(1, 5)), replace=False)
        weights = "weight" if rng.random() < 0.2 else None
        return kind, {
            "x": [pool[i] for i in sorted(chosen)],
            "obs_weights": weights,
            **linear,
        }
    if kind == "mediation":
        linear["clusters"] = None
        return kind, {
            "structure": str(rng.choice(["parallel", "serial"])),
            "reps": 99,
            **linear,
        }
    if kind == "threshold":
        return kind, {"n_thresholds": int(rng.integers(1, 3)), "reps": 49, **linear}
    linear["entity_effects"] = True
    return kind, {"reps": 49, **linear}


def fitted(kind: str, options: dict[str, Any], panel: Any) -> dict[str, float]:
    """Fit one specification and name its numbers."""
    import digiprosper as dp

    if kind == "linear":
        results: Any = dp.FixedEffects("y", **options).fit(panel)
    elif kind == "threshold":
        results = dp.PanelThreshold("y", ["x"], "q", ["z"], **options).fit(panel, rng=1)
    elif kind == "kink":
        results = dp.PanelKink("y", "q", ["x"], **options).fit(panel, rng=1)
    else:
        results = dp.Mediation("y", "x", ["m", "n"], ["z"], **options).fit(panel, rng=1)
    numbers: dict[str, float] = {}
    if kind == "threshold":
        numbers |= {
            f"threshold {j}.estimate": float(g) for j, g in enumerate(results.estimates)
        }
        numbers |= {
            f"test {j}.p_value": float(p)
            for j, p in enumerate(results.tests["p_value"])
        }
        results = results.slopes
    elif kind == "kink":
        numbers |= {
            "threshold.estimate": results.threshold,
            "threshold.std_error": results.threshold_se,
        }
        results = results.slopes
    for row in results.tidy().to_dict("records"):
        term = row.pop("term")
        numbers |= {f"{term}.{name}": float(value) for name, value in row.items()}
    return numbers


def of_specifications() -> dict[str, dict[str, Any]]:
    """Numbers of the random specifications, or the name of the error in their place."""
    import digiprosper as dp

    found: dict[str, dict[str, Any]] = {}
    for seed in range(SPECIFICATIONS):
        rng = np.random.default_rng(seed)
        frame = random_frame(rng)
        kind, options = random_specification(rng)
        try:
            numbers: dict[str, Any] = dict(
                fitted(kind, options, dp.Panel(frame, "id", "year"))
            )
        except dp.DigiprosperError as error:
            numbers = {"error": type(error).__name__}
        found[f"{seed} {kind} {json.dumps(options)}"] = numbers
    return found


def numbers_in(text: str) -> list[float]:
    """Read every number of a text; a traceback has none but the lines of our source."""
    if text.startswith("Traceback"):
        return []
    return [float(t.replace(",", "").replace("−", "-")) for t in NUMBER.findall(text)]


def of_pages() -> dict[str, dict[str, list[float]]]:
    """Numbers that the examples in the documentation print, by page and source line."""
    found: dict[str, dict[str, list[float]]] = {}
    parser = doctest.DocTestParser()
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        printed: dict[str, list[float]] = {}

        class Keep(doctest.DocTestRunner):
            def report_success(
                self,
                out: Any,  # noqa: ARG002
                test: Any,  # noqa: ARG002
                example: Any,
                got: str,
            ) -> None:
                printed[example.source] = numbers_in(got)  # noqa: B023

            report_failure = report_success

        test = parser.get_doctest(
            page.read_text(encoding="utf-8"), {}, page.name, str(page), 0
        )
        Keep(verbose=False).run(test, out=lambda _: None)
        found[str(page.relative_to(ROOT))] = printed
    return found


def of_examples() -> dict[str, list[float]]:
    """Numbers that the examples print."""
    found = {}
    for script in sorted((ROOT / "examples").glob("*.py")):
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
            runpy.run_path(str(script), run_name="__main__")
        found[script.name] = numbers_in(text.getvalue())
    return found


def record() -> dict[str, Any]:
    """Run everything in a folder of its own, since examples write files."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.chdir(folder)
        try:
            return {
                "specifications": of_specifications(),
                "pages": of_pages(),
                "examples": of_examples(),
            }
        finally:
            os.chdir(before)


def moved(name: str, old: object, new: object) -> bool:
    """Tell whether a stored number has moved."""
    if not (isinstance(old, float) and isinstance(new, float)):
        return old != new
    if np.isnan(old) or np.isnan(new):
        return bool(np.isnan(old) != np.isnan(new))
    tolerance = ESTIMATE if name.endswith("estimate") else OTHER
    return bool(abs(old - new) > tolerance * max(1.0, abs(old)))


def tell_printed(where: str, old: list[float], new: list[float] | None) -> None:
    """Print the numbers that a page or example no longer prints, or now prints."""
    if new is None:
        print(f"{where}: not there any more")
        return
    gone, come = Counter(old) - Counter(new), Counter(new) - Counter(old)
    if gone or come:
        print(
            f"{where}\n    no longer {sorted(gone)[:12]}\n    new       "
            f"{sorted(come)[:12]}"
        )


def compare(old: dict[str, Any], new: dict[str, Any]) -> int:
    """Print what moved; the number of random specifications in which something did."""
    count = 0
    for key, numbers in old["specifications"].items():
        found = new["specifications"].get(key, {})
        changed = [
            n
            for n in sorted({*numbers, *found})
            if moved(n, numbers.get(n), found.get(n))
        ]
        count += bool(changed)
        for name in changed[:4]:
            print(f"{key}\n    {name}: {numbers.get(name)} -> {found.get(name)}")
    for page, printed in old["pages"].items():
        for source, numbers in printed.items():
            tell_printed(
                f"{page}: {source.strip()[:80]}",
                numbers,
                new["pages"].get(page, {}).get(source),
            )
    for script, numbers in old["examples"].items():
        tell_printed(script, numbers, new["examples"].get(script))
    print(f"{count} of {len(old['specifications'])} random specifications moved.")
    return count


def main() -> int:
    """Read the command line."""
    task, file = sys.argv[1], Path(sys.argv[2]).resolve()
    if task == "write":
        file.write_text(json.dumps(record(), indent=1), encoding="utf-8")
        return 0
    return int(compare(json.loads(file.read_text(encoding="utf-8")), record()) > 0)


if __name__ == "__main__":
    sys.exit(main())
