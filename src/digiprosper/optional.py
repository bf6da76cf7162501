"""The one place that asks for a package outside the required ones."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Done: TypeAlias = "Callable[[int], object]"
"""What long work calls with the number of pieces that it has done since the last call."""


def install_command(extra: str) -> str:
    """Write the command that installs an extra.

    Nothing is published under the name of the library yet, so that only its folder can be installed.

    Parameters
    ----------
    extra : str
        Such as ``"plot"``.

    Returns
    -------
    str
        The pip command, and where to run it.

    Examples
    --------
    >>> install_command("plot")
    'pip install ".[plot]" in the folder of digiprosper'
    """
    return f'pip install ".[{extra}]" in the folder of digiprosper'


def require(module: str, *, extra: str, purpose: str) -> Any:
    """Import an optional package or say how to install it.

    Parameters
    ----------
    module : str
        Module to import, such as ``"matplotlib.pyplot"``.
    extra : str
        The extra that brings it.
    purpose : str
        The call that needs it, named in the message.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    ImportError
        If it is not installed; the message has the command of `install_command`.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ImportError(f"{purpose} needs {package}: {install_command(extra)}") from error


def uncounted(done: int) -> None:
    """Count nothing, where no progress is shown.

    Parameters
    ----------
    done : int
        Pieces of work that are done.
    """


@contextmanager
def progress_bar(name: str, total: int | None, *, show: bool) -> Iterator[Done]:
    """Show on stderr how much of some work is done, by tqdm.

    Parameters
    ----------
    name : str
        The call that works.
    total : int or None
        Pieces of work; None where that is not known before.
    show : bool
        False shows nothing and needs no package.

    Yields
    ------
    callable
        To be called with the number of pieces done since the last call.

    Raises
    ------
    ImportError
        If tqdm is not installed.
    """
    if not show:
        yield uncounted
        return
    tqdm = require("tqdm", extra="parallel", purpose=f"{name}(progress=True)").tqdm
    with tqdm(desc=name, total=total) as bar:
        yield bar.update
