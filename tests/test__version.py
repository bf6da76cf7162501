"""One version everywhere."""

from __future__ import annotations

from importlib import metadata

import digiprosper as dp
from digiprosper._version import __version__


def test_package_and_distribution_have_one_version() -> None:
    assert dp.__version__ == __version__ == metadata.version("digiprosper")
