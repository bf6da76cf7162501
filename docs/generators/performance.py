"""Write `docs/performance.md`: what `benchmarks/` prints, machine, versions.

There is a part for each script. Run by `make evidence`. The scripts run one after the
other, each in one process with one thread. One that takes more than `SECONDS`, or needs
a package that is not installed, is named as not run. Arguments are names of scripts
that run alone; the page keeps what it has of the others.
"""

from __future__ import annotations

import ast
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance.md"
SECONDS = 600
PACKAGES = (
    *(
        "digiprosper",
        "numpy",
        "pandas",
        "scipy",
        "linearmodels",
        "pyfixest",
        "wildboottest",
        "scikit-criteria",
    ),
    *("pingouin", "esda", "spreg", "polars", "duckdb"),
)
THREADS = tuple(
    f"{name}_NUM_THREADS" for name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "RAYON")
)
HEAD = """# Performance

What the scripts of `benchmarks/` print. Each runs in one process with one thread. `make
evidence` runs them and writes this page. A ratio compares times of the same run, so on
other machines it changes less than the seconds do. The time of a whole process also
depends on other processes of the machine. A script that takes more than {seconds}
seconds is left out.

"""
BLOCK = re.compile(r"^## (\w+)\n.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)


def main() -> None:
    """Run the benchmarks and write the page."""
    names = sorted(
        path.stem
        for path in (ROOT / "benchmarks").glob("*.py")
        if path.stem not in ("house", "record")
    )
    old = {
        match[1]: match[0] for match in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))
    }
    chosen = sys.argv[1:] or names
    blocks = {
        name: _block(name) if name in chosen else old.get(name, _left_out(name))
        for name in names
    }
    text = (
        HEAD.format(seconds=SECONDS)
        + "\n\n".join(map(str.strip, blocks.values()))
        + "\n"
    )
    PAGE.write_text(text, encoding="utf-8")


def _block(name: str) -> str:
    """One script: what it measures, on what machine, and what it printed."""
    path = ROOT / "benchmarks" / f"{name}.py"
    # A limit of CPU time would make the clock of the process coarse: it then moves in
    # steps of milliseconds.
    try:
        done = subprocess.run(
            [sys.executable, str(path)],
            cwd=ROOT,
            env={**os.environ, **dict.fromkeys(THREADS, "1")},
            timeout=SECONDS,
            capture_output=True,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _left_out(name, [f"more than {SECONDS} seconds"])
    if not done.stdout.strip() or done.returncode:
        reason = done.stderr.strip().splitlines()[-1:]
        if reason and reason[0].startswith("ModuleNotFoundError"):
            return _left_out(name, reason)
        sys.exit(f"benchmarks/{name}.py failed:\n{done.stdout}{done.stderr}")
    printed = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())
    return f"## {name}\n\n{_about(path)}\n\n{_machine()}\n\n```text\n{printed}\n```\n"


def _about(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("Run")[0].strip()


def _left_out(name: str, reason: list[str] | tuple[str, ...] = ()) -> str:
    about = _about(ROOT / "benchmarks" / f"{name}.py")
    why = f" `{reason[0]}`" if reason else ""
    return f"## {name}\n\n{about}\n\n**Not run.**{why}\n"


def _machine() -> str:
    """Processor and versions, of the packages that are there."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = re.findall(r"model name\s*: (.+)", info.read_text(encoding="utf-8"))
        cpu = models[0] if models else cpu
    there = [f"{name} {_version(name)}" for name in PACKAGES if _version(name)]
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"On {cpu}, {os.cpu_count()} cores, {system}; {', '.join(there)}."


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    main()
