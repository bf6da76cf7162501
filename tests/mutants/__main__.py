"""Draw mutants of the source and run the tests.

A mutant that no test kills shows what is not tested.

    python -m tests.mutants --count 400 --seed 1
    python -m tests.mutants --room linear --minutes 20

The tests of the mutated file run first, then those of its room, then all cases of those
of the file. They import a temporary copy of the source.
"""

from __future__ import annotations

import argparse
import compileall
import importlib
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from py_compile import PycInvalidationMode

import pytest

from tests.mutants.drawing import ROOT, SOURCE, Mutant, draw, mutated_source

_ALL_CASES = ("-m", "not montecarlo and not peers")  # those marked `further`, too
_MOST_MEMORY = 8 * 2**30
_PACKAGES = (
    "pandas",
    "scipy.stats",
    "scipy.sparse.csgraph",
    "linearmodels.panel",
    "matplotlib.pyplot",
)


class Runner:
    """Run tests on a copy of the source, with one mutant at a time written in."""

    def __init__(self, directory: Path) -> None:
        self.source = directory / SOURCE.name
        shutil.copytree(
            SOURCE, self.source, ignore=shutil.ignore_patterns("__pycache__")
        )
        # By their hash: a mutant may have the size of the file, and be written within
        # the same second.
        compileall.compile_dir(
            self.source, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH
        )
        self.seconds: dict[str, float] = {}
        os.environ.update(OMP_NUM_THREADS="1", MPLBACKEND="Agg")
        for package in _PACKAGES:
            importlib.import_module(package)

    def survives(self, mutant: Mutant) -> bool:
        """Find out whether all tests of file and room pass with the mutant."""
        if mutant.room not in self.seconds:
            begin = time.monotonic()
            if not self._pass(room_tests(mutant.room), timeout=3600):
                raise SystemExit(f"The tests of {mutant.room} fail without a mutant.")
            self.seconds[mutant.room] = time.monotonic() - begin
        path = self.source / mutant.file
        path.write_text(mutated_source(mutant), encoding="utf-8")
        timeout = 300 + 4 * self.seconds[mutant.room]
        file, room = file_tests(mutant), room_tests(mutant.room)
        try:
            runs = (file, ()), (room, ()), (file, _ALL_CASES)
            return all(self._pass(tests, timeout, *options) for tests, options in runs)
        finally:
            shutil.copyfile(SOURCE / mutant.file, path)

    def _pass(self, tests: list[Path], timeout: float, *options: str) -> bool:
        if not tests:
            return True
        # A fork has the packages imported already, which would take longer than the
        # tests of most files.
        process = multiprocessing.get_context("fork").Process(
            target=self._run, args=(tests, options)
        )
        process.start()
        process.join(timeout)
        if process.is_alive():
            process.kill()
            process.join()
        # A file may have no tests but those marked `further`.
        return process.exitcode in (
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        )

    def _run(self, tests: list[Path], options: tuple[str, ...]) -> None:
        if sys.platform == "linux":  # a mutant may ask for any amount
            import resource

            resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os.chdir(ROOT)
        os.environ["PYTHONPATH"] = str(self.source.parent)
        sys.path.insert(0, str(self.source.parent))
        sys.exit(
            pytest.main(
                ["-x", "-q", "-p", "no:cacheprovider", *options, *map(str, tests)]
            )
        )


def file_tests(mutant: Mutant) -> list[Path]:
    """Find the test file of the mutated file; all words have one, inits none."""
    if mutant.file.endswith("words.py"):
        return [ROOT / "tests" / "test_words.py"]
    path = ROOT / "tests" / mutant.folder / f"test_{Path(mutant.file).name}"
    return [path] if path.exists() else []


def room_tests(room: str) -> list[Path]:
    """Find the tests of a room; of files in no folder, the tests in no folder."""
    return (
        sorted((ROOT / "tests").glob("test_*.py"))
        if room == "."
        else [ROOT / "tests" / room]
    )


def report(killed: Counter[str], drawn: Counter[str]) -> str:
    """Write the share of killed mutants per folder."""
    rows = [*sorted(drawn), "all"]
    killed, drawn = (
        killed + Counter(all=killed.total()),
        drawn + Counter(all=drawn.total()),
    )
    lines = [
        f"{row:20} {killed[row]:4} of {drawn[row]:4} {killed[row] / drawn[row]:5.0%}"
        for row in rows
    ]
    return "\n".join(["killed:", *lines])


def main() -> None:
    """Print survivors when they are seen, and the shares at the end."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutants", description=__doc__
    )
    parser.add_argument(
        "--count", type=int, default=100, help="how many mutants, 100 by default"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument(
        "--room", help="a folder of the source alone, such as linear; all by default"
    )
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="stop after so many"
    )
    options = parser.parse_args()
    killed: Counter[str] = Counter()
    drawn: Counter[str] = Counter()
    end = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as directory:
        runner = Runner(Path(directory))
        for mutant in draw(options.count, options.seed, options.room):
            if time.monotonic() > end:
                break
            drawn[mutant.folder] += 1
            if runner.survives(mutant):
                sys.stdout.write(f"{mutant}\n")
                sys.stdout.flush()
            else:
                killed[mutant.folder] += 1
            sys.stderr.write(f"\r{drawn.total()} of {options.count}")
    sys.stdout.write(report(killed, drawn) + "\n")


if __name__ == "__main__":
    main()
