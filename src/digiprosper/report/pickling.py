"""Pickles by type, version and field names, which survive moves and new fields."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from digiprosper._held import HELD, RENAMED
from digiprosper._version import __version__
from digiprosper.errors import Notice, PickleError, quoted


class PickledByName:
    """Base of a dataclass that is pickled and copied by the names of its fields.

    The pickle has no module path. A public class is found by its public name, another
    by its name in `digiprosper._held`. A class outside that table, such as a user's
    subclass, is pickled as usual. Arrays in the fields are read-only.
    """

    __slots__ = ()

    def __post_init__(self, *_: object) -> None:
        """Show fields that are arrays as read-only: who reads one may not change it."""
        # A class of a user may have arguments that are no fields.
        kind: Any = type(self)
        for name in _names_of(kind):
            value = getattr(self, name, None)
            if isinstance(value, np.ndarray) and value.flags.writeable:
                shown = value.view()
                shown.flags.writeable = False
                object.__setattr__(self, name, shown)

    def __reduce__(self) -> tuple[Any, ...]:
        kind: Any = type(self)
        named = {field.name: getattr(self, field.name) for field in fields(kind)}
        return restore, (_name_of(kind) or kind, __version__, named)


# Every pickle has the path of this function: it may not move, and its arguments may not
# change.
def restore(kind: Any, version: str, named: dict[str, Any]) -> Any:
    """Rebuild a pickled object; `kind` is its type's name, or the type."""
    pickled_type = getattr(_root(), kind, None) if isinstance(kind, str) else kind
    # A name of the package may also be that of a module or of a function.
    if not (isinstance(pickled_type, type) and is_dataclass(pickled_type)):
        raise _unreadable_error(kind, version, "there is no such type here")

    named = _with_new_names(named, RENAMED.get(kind, {}))
    unknown = set(named) - {field.name for field in fields(pickled_type)}
    if unknown:
        raise _unreadable_error(
            kind, version, f"the type has no field {quoted(sorted(unknown))} here"
        )

    added = [field for field in fields(pickled_type) if field.name not in named]
    defaults = {field.name: _default(field) for field in added}
    needed = [name for name, value in defaults.items() if value is MISSING]
    if needed:
        raise _unreadable_error(
            kind, version, f"the pickle has no field {quoted(needed)}"
        )

    return _rebuild(pickled_type, {**named, **defaults})


def _with_new_names(named: dict[str, Any], new: dict[str, str]) -> dict[str, Any]:
    return {new.get(name, name): value for name, value in named.items()}


def _rebuild(kind: Any, values: dict[str, Any]) -> Any:
    restored = object.__new__(kind)
    for name, value in values.items():
        object.__setattr__(restored, name, value)
    PickledByName.__post_init__(restored)
    return restored


def _unreadable_error(kind: Any, version: str, reason: str) -> PickleError:
    name = getattr(kind, "__name__", kind)
    data = {"type": name, "version": version, "installed": __version__}
    text = (
        f"digiprosper {__version__} cannot read the {name} that digiprosper {version} "
        f"pickled: {reason}. Read it with digiprosper {version}, or fit the "
        "model again."
    )
    return PickleError(text, [Notice("pickle", text, data)])


def _default(field: Field[Any]) -> Any:
    factory = field.default_factory
    return field.default if factory is MISSING else factory()


def _root() -> Any:
    # Asked for by name when it is needed: a module of the package may not import its
    # root.
    return import_module("digiprosper")


@cache
def _names_of(kind: Any) -> tuple[str, ...]:
    return tuple([field.name for field in fields(kind)])


@cache
def _name_of(kind: Any) -> str | None:
    """Return the name of a class in the package, if it has one."""
    home = f"{kind.__module__}:{kind.__qualname__}"
    for name, location in HELD.items():
        if f"digiprosper.{location}" == home:
            return name
    name = str(kind.__name__)
    return name if getattr(_root(), name, None) is kind else None
