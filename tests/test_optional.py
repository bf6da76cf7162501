"""A missing extra is an ImportError with the pip command."""

from __future__ import annotations

import math

import pytest

from digiprosper import optional
from digiprosper.optional import progress_bar, require, uncounted


def test_what_is_installed_is_returned() -> None:
    assert require("math", extra="plot", purpose="plots") is math


def test_what_is_missing_names_the_call_and_the_command() -> None:
    with pytest.raises(
        ImportError, match=r'plots\.coefficients needs no_such_package: pip install "digiprosper\[plot\]"'
    ):
        require("no_such_package.sub", extra="plot", purpose="plots.coefficients")


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
        assert done is uncounted
        done(3)
    assert capsys.readouterr().err == ""
    with (
        pytest.raises(ImportError, match=r"fit_all\(progress=True\) needs tqdm.*\[parallel\]"),
        progress_bar("fit_all", 3, show=True),
    ):
        pass
