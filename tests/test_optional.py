"""A missing extra is an ImportError with the pip command."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from digiprosper import optional
from digiprosper.optional import ignore_progress, progress_bar, require

ROOT = Path(__file__).parents[1]


def test_what_is_installed_is_returned() -> None:
    assert require("math", extra="plot", purpose="plots") is math


def test_what_is_missing_names_the_call_and_the_command() -> None:
    with pytest.raises(ImportError) as caught:
        require("no_such_package.sub", extra="plot", purpose="plots.coefficients")
    command = 'pip install ".[plot]" in the folder of digiprosper'
    assert str(caught.value) == f"plots.coefficients needs no_such_package: {command}"


def test_no_text_installs_a_name_that_is_not_published() -> None:
    """An index of packages has no digiprosper, or somebody else's."""
    files = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    files += [
        p
        for folder in ("src", "docs", "examples")
        for p in (ROOT / folder).rglob("*.[mp][dy]")
    ]
    by_name = re.compile(r"""\b(install|add) ["']?digiprosper""")
    assert [
        str(p) for p in files if by_name.search(p.read_text(encoding="utf-8"))
    ] == []


def test_a_bar_counts_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("fit_all", 30, show=True) as done:
        done(10)
        done(20)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "fit_all: 100%" in shown.err
    assert "30/30" in shown.err


def test_a_bar_that_is_not_shown_needs_no_package(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: str) -> None:
        raise ImportError

    monkeypatch.setattr(optional, "import_module", missing)
    with progress_bar("fit_all", 3, show=False) as done:
        assert done is ignore_progress
        done(3)
    assert capsys.readouterr().err == ""
    with (
        pytest.raises(
            ImportError, match=r"fit_all\(progress=True\) needs tqdm.*\[parallel\]"
        ),
        progress_bar("fit_all", 3, show=True),
    ):
        pass
