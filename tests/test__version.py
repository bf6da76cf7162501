"""One version everywhere."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import digiprosper as dp
from digiprosper._version import __version__


def test_package_and_distribution_have_one_version() -> None:
    assert dp.__version__ == __version__ == metadata.version("digiprosper")


def test_the_citation_names_this_version() -> None:
    citation = (Path(__file__).parents[1] / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {__version__}\n" in citation
