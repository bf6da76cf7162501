"""The command line prints the report or the findings, and writes the script."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from digiprosper.stata.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    out = tmp_path / "paper.do"
    out.write_text("xtset id year\nreghdfe y x, absorb(id year)\n")
    return out


def test_the_report_and_the_script(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = path.with_suffix(".py")
    assert main([str(path), "--script", str(script)]) == 0
    assert "1 of 1 estimation translated" in capsys.readouterr().out
    assert "dp.FixedEffects(" in script.read_text(encoding="utf-8")


def test_findings(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(path), "--audit"]) == 0
    assert capsys.readouterr().out.startswith("line 2    no_errors")
    path.write_text("display 1\n")
    main([str(path), "--audit"])
    assert capsys.readouterr().out == "nothing to ask\n"


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["absent.do"]) == 1
    assert "absent.do" in capsys.readouterr().err


def test_as_a_module(path: Path) -> None:
    run = [sys.executable, "-m", "digiprosper.stata", str(path)]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "line 1    read        xtset id year" in done.stdout


def test_names_that_a_code_page_lacks(path: Path) -> None:
    path.write_text("xtset id year\nreghdfe y 数字经济, absorb(id year)\n", "utf-8")
    command = [sys.executable, "-m", "digiprosper.stata", str(path)]
    env = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(command, capture_output=True, env=env, check=True)
    assert b"reghdfe y ????, absorb(id year)" in done.stdout
