"""The one place that asks for a package outside the required ones."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["require"]


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
        If it is not installed; the message has the pip command.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ImportError(f'{purpose} needs {package}: pip install "digiprosper[{extra}]"') from error
