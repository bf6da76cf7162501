"""The report prints each line with its state, and counts estimations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import digiprosper as dp
from digiprosper.stata import read_do_file
from digiprosper.stata.report import worst

if TYPE_CHECKING:
    from pathlib import Path


def test_the_report(tmp_path: Path) -> None:
    path = tmp_path / "paper.do"
    path.write_text(
        f"xtset id year\nreghdfe y {'x' * 90}, a(id)\nxtreg y x, be\npsmatch2 d x\n"
    )
    report = str(read_do_file(path)).splitlines()
    assert report[0] == "line 1    read        xtset id year"
    assert report[1].endswith("...")
    assert report[2].startswith("line 3    refused     xtreg y x, be: the option be")
    assert report[-1] == "1 of 3 estimations translated, 2 refused."


def test_the_worse_state_counts() -> None:
    assert worst("translated", "refused") == "refused"
    assert worst("not run", "translated") == "not run"
    assert worst("skipped", "read") == "read"


def test_files_that_are_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        dp.stata.read_do_file("no such file.do")
