"""The report prints each line with its state, and counts estimations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import digiprosper as dp
from digiprosper.stata import read_do_file
from digiprosper.stata.lines import Statement
from digiprosper.stata.macros import Macros
from digiprosper.stata.prefixes import Origin
from digiprosper.stata.report import Records
from digiprosper.stata.translation import Context

if TYPE_CHECKING:
    from pathlib import Path


def test_the_report(tmp_path: Path) -> None:
    path = tmp_path / "paper.do"
    path.write_text(
        f"xtset id year\nreghdfe y {'x' * 90}, a(id)\nxtreg y x, be\ncem d x\n"
    )
    report = str(read_do_file(path)).splitlines()
    assert report[0] == "line 1    read        xtset id year"
    assert report[1].endswith("...")
    assert report[2].startswith("line 3    refused     xtreg y x, be: the option be")
    assert report[-1] == "1 of 3 estimations translated, 2 refused."


def test_a_line_has_the_worst_state_of_its_turns(tmp_path: Path) -> None:
    path = tmp_path / "paper.do"
    path.write_text(
        "xtset id year\nforeach model in fe be fe {\nxtreg y x, `model'\n}\n"
        "psmatch2 d x, llr\nforeach z in x _weight {\nreg y `z'\n}\n"
    )
    states = [line.status for line in read_do_file(path).lines]
    assert states[2] == "refused"
    assert states[6] == "not run"


def test_files_that_are_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        dp.stata.read_do_file("no such file.do")


def records(*texts: str) -> Records:
    statements = [Statement(Origin("", at), text) for at, text in enumerate(texts, 1)]
    return Records(statements, Context(), Macros())


def test_the_worst_of_several_turns_counts() -> None:
    lines = records("reg y x", "end")
    lines._record("translated")
    lines._record("refused", "why")
    lines._record("translated", "later")
    assert [(line.status, line.reason) for line in lines.lines()] == [
        ("refused", "why"),
        ("read", ""),
    ]


def test_a_line_that_nothing_leads_to_is_not_run() -> None:
    (line,) = records("reg y x").lines()
    assert (line.status, line.is_estimation) == ("not run", True)


def test_a_name_has_the_result_only_if_the_script_has_it() -> None:
    lines = records("est store a")
    lines.has_fit = True
    lines._store("a")
    lines._forget_last_fit("a")
    assert lines.fitted == {"a": False}
    assert lines.code == ["results['a'] = fit", "results.pop('a', None)"]
