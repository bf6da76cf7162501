"""Doctests of pages run in an empty folder, with no figure open.

So they may write files. The scripts beside the pages build the site and need the group
`docs`; they are not collected.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

collect_ignore_glob = ["*.py"]
# Packages that the code of a page needs and the library does not.
NEEDS = {"bibliometrics.md": "networkx", "where_to_go.md": "diff_diff"}
# Pages that take long, beside others that show the same functions.
FURTHER = {
    "generators/recipes.md",
    "how-to/bibliometrics.md",
    "how-to/matching.md",
    "how-to/other_packages.md",
    "how-to/where_to_go.md",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the pages whose package is not installed, and mark those that take long."""
    # The numbers are the same with or without a font; only the picture needs one.
    messages = ("no font with Chinese characters", "Glyph")
    marks = [pytest.mark.filterwarnings(f"ignore:{message}") for message in messages]
    for item in items:
        if item.path.suffix == ".md":
            package = NEEDS.get(item.path.name)
            if package and find_spec(package) is None:
                item.add_marker(
                    pytest.mark.skip(reason=f"{item.path.name} needs {package}")
                )
            if f"{item.path.parent.name}/{item.path.name}" in FURTHER:
                item.add_marker(pytest.mark.further)
        for mark in marks:
            item.add_marker(mark)


@pytest.fixture(autouse=True)
def _empty_folder_and_no_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # Matplotlib 3.9 warns where a page chooses "Agg" while figures of an earlier page
    # are open.
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
