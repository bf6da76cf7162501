"""A million rows in blocks beside the fit in memory: numbers and memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "scanned.py"


@pytest.mark.further
def test_a_million_rows_in_blocks_are_those_in_memory():
    pytest.importorskip("pyarrow")
    command = [sys.executable, str(SCRIPT), "--rows", "1e6"]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    *_, wall, _, peak, difference = out.stdout.split()
    assert float(difference) < 1e-10
    assert float(peak) < 1.0
    assert float(wall) < 120
