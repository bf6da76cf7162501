"""Doctests of pages only: the scripts beside them build the site and need the group `docs`."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

collect_ignore_glob = ["*.py"]
# Packages that the code of a page needs and the library does not.
NEEDS = {"bibliometrics.md": "networkx"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the pages whose package is not installed."""
    for item in items:
        package = NEEDS.get(item.path.name)
        if package and find_spec(package) is None:
            item.add_marker(pytest.mark.skip(reason=f"{item.path.name} needs {package}"))
