"""Panel-data econometrics, from raw indicators to the paper's tables.

Every public name is an attribute of this module and is loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from threading import RLock
from typing import Any

from digiprosper._held import HELD
from digiprosper._names import MODULES
from digiprosper._version import __version__ as __version__

__all__ = sorted(MODULES.keys() - {"__version__"})

# Python locks each module while it imports it, and numpy, scipy and the rooms of this
# package import in circles. Two threads that enter a circle at different places wait
# for each other, or find half a module: so one thread at a time. No module of this
# package may ask here for a public name: it would wait inside another lock.
_LOADING = RLock()


def __getattr__(name: str) -> Any:
    module, inside = MODULES.get(name), name
    if name in HELD:
        path, _, inside = HELD[name].partition(":")
        module = f"{__name__}.{path}"
    if module is None:
        text = f"module {__name__!r} has no attribute {name!r}"
        if not name.startswith("_"):
            text += import_module(f"{__name__}.errors").suggestion(
                name, __name__, __all__
            )
        raise AttributeError(text, name=name)
    with _LOADING:
        if module == __name__:
            value = import_module(f"{__name__}.{name}")
        else:
            value = getattr(import_module(module), inside)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
