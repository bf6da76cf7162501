"""The reference: a page for each room, and one for each name, from docstrings.

The page of a room has its names.
"""

from __future__ import annotations

import inspect
import shutil
import types
from typing import TYPE_CHECKING, Any, get_args, get_origin

import digiprosper
from digiprosper._names import MODULES
from digiprosper.specification import Specification

if TYPE_CHECKING:
    from pathlib import Path

ROOMS = {
    "panel": "The panel",
    "composite": "Indices",
    "inequality": "Inequality and convergence",
    "linear": "Regressions",
    "threshold": "Thresholds and kinks",
    "mediation": "Mediation",
    "u_shape": "U-shapes",
    "unit_roots": "Unit roots",
    "policy": "Policy",
    "dynamic": "Dynamic panels",
    "learning": "Double machine learning",
    "counts": "Counts and binary outcomes",
    "spatial": "Space",
    "studies": "Studies of many fits",
    "present": "Tables",
    "plots": "Figures",
    "variables": "Variables of mechanisms",
    "instruments": "Instruments",
    "pathways": "Pathways",
    "stata": "Stata",
    "replication": "Replication",
    "datasets": "Datasets",
    "specification": "What every specification has",
    "report": "What every result has",
    "errors": "Errors and warnings",
}
# What these bring is Python's own and is not repeated on each page.
OF_PYTHON = "Mapping, Exception, BaseException, dict, Protocol, Generic"
INDEX = """\
Reference
=========

Every public name, by subject. ``import digiprosper as dp`` brings all of them.

.. toctree::
   :titlesonly:

{rooms}
"""
HIDDEN = """\

.. toctree::
   :hidden:

{pages}
"""


def write(folder: Path) -> None:
    """Write all pages anew; unchanged ones keep their time.

    A second build is then short.
    """
    pages = {"index.rst": INDEX.format(rooms=_indented(_rooms()))}
    for room, names in _rooms().items():
        pages[f"{room}.rst"] = _room_page(room, names)
        pages.update(
            {f"{path}.rst": _name_page(path) for path in names if not _words_of(path)}
        )
    for stale in set(folder.glob("*")) - {folder / name for name in pages}:
        shutil.rmtree(stale) if stale.is_dir() else stale.unlink()
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _rooms() -> dict[str, list[str]]:
    """Public names by room, each as a path from the package."""
    found: dict[str, list[str]] = {room: [] for room in ROOMS}
    for name in digiprosper.__all__:
        value, path = getattr(digiprosper, name), f"digiprosper.{name}"
        if isinstance(value, types.ModuleType):
            found[name].extend(f"{path}.{inner}" for inner in value.__all__)
        else:
            found[MODULES[name].split(".")[1]].append(path)
    found["datasets"] = [path for path in found["datasets"] if path.count(".") == 2]
    return {room: sorted(names) for room, names in found.items() if names}


def _value(path: str) -> Any:
    value: Any = digiprosper
    for part in path.split(".")[1:]:
        value = getattr(value, part)
    return value


def _words_of(path: str) -> str:
    """Words that an option takes, or nothing if the name is no such alias."""
    value = _value(path)
    if get_origin(value) is None:
        return ""
    inner = [get_args(part) or (part,) for part in get_args(value)]
    words = [word for group in inner for word in group]
    return ", ".join(
        "``None``" if word is types.NoneType else f"``{_spelled(word)}``"
        for word in words
    )


def _spelled(word: Any) -> str:
    return word.__name__ if isinstance(word, type) else repr(word)


def _kind(path: str) -> str:
    value = _value(path)
    if _words_of(path):
        return "Option words"
    if not inspect.isclass(value):
        return "Functions"
    if issubclass(value, BaseException):
        return "Warnings" if issubclass(value, Warning) else "Errors"
    return "Specifications" if hasattr(value, "fit") else "Results and values"


def _room_page(room: str, names: list[str]) -> str:
    blocks = [_headed(ROOMS[room], "=")]
    for kind in (
        "Specifications",
        "Functions",
        "Results and values",
        "Errors",
        "Warnings",
    ):
        listed = [path for path in names if _kind(path) == kind]
        if listed:
            blocks.append(
                f"{_headed(kind, '-')}\n.. autosummary::\n\n{_indented(listed)}\n"
            )
    words = {path: _words_of(path) for path in names if _words_of(path)}
    if words:
        rows = "\n".join(
            f"   * - ``{path.split('.')[-1]}``\n     - {text}"
            for path, text in words.items()
        )
        blocks.append(
            f"{_headed('Option words', '-')}\n.. list-table::\n   :header-rows: 0\n\n"
            f"{rows}\n"
        )
    pages = [path for path in names if path not in words]
    return "\n".join(blocks) + HIDDEN.format(pages=_indented(pages))


def _name_page(path: str) -> str:
    title = path.removeprefix("digiprosper.")
    value = _value(path)
    if not inspect.isclass(value):
        return f"{_headed(title, '=')}\n.. autofunction:: {path}\n"
    # Sphinx would show the arguments of `Specification.__new__`.
    is_spec = issubclass(value, Specification) and value is not Specification
    call = _call(value) if is_spec else ""
    options = f"   :members:\n   :inherited-members: {OF_PYTHON}\n"
    return f"{_headed(title, '=')}\n.. autoclass:: {path}{call}\n{options}"


def _call(spec: type) -> str:
    """Write the arguments without types."""
    signature = inspect.signature(spec)
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))


def _headed(title: str, line: str) -> str:
    return f"{title}\n{line * len(title)}\n"


def _indented(lines: Any) -> str:
    return "\n".join(f"   {line}" for line in lines)
