from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
FILES = ("hansen1999.csv",)


def missing() -> list[str]:
    return [name for name in FILES if not (SHARED / name).exists()]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    absent = missing()
    needy = {item for item in items if any(mark.args[0] in absent for mark in item.iter_markers("data"))}
    if needy:
        config.hook.pytest_deselected(items=needy)
        items[:] = [item for item in items if item not in needy]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name in missing():
        terminalreporter.write_line(f"Left out: tests that need {name}, which is not in {SHARED}.")
