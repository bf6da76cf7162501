"""A bounded fuzz: random tables, terms, options find only our own errors.

Specifications too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.models import _numpy

ROOT = Path(__file__).parents[1]


def test_options_that_pandas_cannot_hold_as_text_are_drawn() -> None:
    assert _numpy(["x", "\ud800"]).tolist() == ["x", "\ud800"]


@pytest.mark.further
@pytest.mark.many(1)
@pytest.mark.parametrize("seed", [1, 2])
def test_random_cases_find_only_our_own_errors(seed: int) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--cases", "25", "--seed", str(seed)]
    places = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    run = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    share = int(run.stdout.split("% reach")[0].split()[-1])
    # Cases that are refused at the door would test nothing but the door.
    assert share >= 40
