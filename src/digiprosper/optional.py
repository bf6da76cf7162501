"""Imports of optional packages, and the progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeAlias

Done: TypeAlias = "Callable[[int], object]"
"""Progress callback: called with the number of steps done since the last call."""


def install_command(extra: str) -> str:
    """Write the command that installs an extra."""
    # The library is not published under its name yet: its folder can be installed.
    return f'pip install ".[{extra}]" in the folder of digiprosper'


def require(module: str, *, extra: str, purpose: str) -> Any:
    """Import an optional package, or say which extra `purpose` needs."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ImportError(
            f"{purpose} needs {package}: {install_command(extra)}"
        ) from error


def ignore_progress(done: int) -> None:
    """Do nothing: the callback where no progress is shown."""


@contextmanager
def progress_bar(name: str, total: int | None, *, show: bool) -> Iterator[Done]:
    """Show progress on stderr with tqdm.

    Yields the callback. `total` is None if the number of steps is not known in advance.
    Without `show` tqdm is not needed.
    """
    if not show:
        yield ignore_progress
        return
    tqdm = require("tqdm", extra="parallel", purpose=f"{name}(progress=True)").tqdm
    with tqdm(desc=name, total=total) as bar:
        yield bar.update
