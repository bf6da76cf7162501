"""Writes a panel as CSV, and calls of this library as code that reads it."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from functools import partial
from io import StringIO
from textwrap import indent
from typing import TYPE_CHECKING, Any

import pandas as pd

import digiprosper.plots as plots
from digiprosper._names import MODULES
from digiprosper.errors import InputTypeError, cited, option_problem, plain, quoted
from digiprosper.present.style import TableStyle
from digiprosper.specification import Specification
from digiprosper.stata.translation import as_python

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.panel import Panel

# Their arguments are objects that no line of code makes.
_NO_CODE = ("CompositeIndex", "PanelDML", "PanelSpatial", "PropagatedIndex")


def refused(option: str, why: str) -> InputTypeError:
    """Build an error for an argument."""
    problem = option_problem(option, what=why)
    return InputTypeError(f"save_replication: {why}.", [problem])


def stem_of(title: str) -> str:
    """Make a name of files, which is also one in Python, from a title."""
    name = re.sub(r"\W+", "_", title).strip("_").lower()
    return name if name.isidentifier() else f"table_{name}"


def entry(title: str, value: Any, panel: Panel) -> tuple[str, str, Any]:
    """Write the code of a table or figure, and of the models that a table shows.

    Models and their code are empty if one call makes all.
    """
    stem = table = stem_of(title)
    name = _name(value.func, panel) if isinstance(value, partial) else ""
    if name.startswith("dp.plots."):
        return f'save_figure("{stem}", lambda: {as_code(value, panel)})', "", None
    if name == "dp.etable":
        bound = inspect.signature(value.func).bind(*value.args, **value.keywords)
        value = bound.arguments.pop("models")
        options = {k: as_code(v, panel) for k, v in bound.arguments.items()}
        table = f"dp.etable({stem}, {_arguments({'style': 'STYLE'} | options)})"
    models = as_code(value, panel)
    call = f'save_table("{stem}", {as_code(title, panel)}, {table})'
    return f"{stem} = {models}\n{call}", models, value


def as_code(value: Any, panel: Panel, *, fits: bool = True) -> str:
    """Write a value as code; with `fits` a specification is fitted."""
    value = plain(value)
    if value is panel:
        return "panel"

    def inside(part: Any) -> str:
        return as_code(part, panel, fits=fits)

    match value:
        case partial():
            return _call(value, panel)
        case Specification() if type(value).__name__ not in _NO_CODE:
            return _fit_code(value) if fits else as_python(value)
        case TableStyle():
            return f"dp.{value!r}"
        case pd.CategoricalDtype():
            levels = inside(value.categories.tolist())
            return f"pd.CategoricalDtype({levels}, ordered={value.ordered})"
        case Mapping():
            pairs = value.items()
            return _listed([f"{inside(str(k))}: {inside(v)}" for k, v in pairs], "{}")
        case list() | tuple():
            return _listed(list(map(inside, value)), "[]")
        case str():
            return json.dumps(value, ensure_ascii=False)
        case None | bool() | int() | float():
            return repr(value)
    raise refused(
        "contents",
        f"{type(value).__name__} cannot be written as code. Pass the specification of "
        "a result or figure, or functools.partial(function, ...) of this library; "
        "spatial weights, learners and others need script=",
    )


def _fit_code(spec: Specification) -> str:
    """Write the fit of a specification, with the seed if it draws."""
    draws = hasattr(spec, "reps") or hasattr(spec, "seeds")
    return f"{as_python(spec)}.fit(panel{', rng=SEED' if draws else ''})"


def _listed(parts: Sequence[str], brackets: str) -> str:
    """Write elements in brackets, on lines of their own if they are long."""
    line = ", ".join(parts)
    if len(line) > 60:
        line = "\n" + "".join(indent(f"{part},\n", "    ") for part in parts)
    return line.join(brackets)


def _arguments(options: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={code}" for name, code in options.items())


def _name(function: Any, panel: Panel) -> str:
    """Name a function as a script calls it."""
    name = getattr(function, "__name__", "")
    if getattr(function, "__self__", None) is panel:
        return f"panel.{name}"
    if getattr(plots, name, None) is function:
        return f"dp.plots.{name}"
    if name in MODULES and MODULES[name] == getattr(function, "__module__", ""):
        return f"dp.{name}"
    why = "is no function of digiprosper or method of this panel"
    raise refused("contents", f"{cited(function)} {why}; pass script=")


def _call(call: partial[Any], panel: Panel) -> str:
    """Write a call; specifications are fitted unless the function fits them."""
    name = _name(call.func, panel)
    parameters = inspect.signature(call.func).parameters
    fits = next(iter(parameters), "") not in ("spec", "specs", "panel")
    codes = {k: as_code(v, panel, fits=fits) for k, v in call.keywords.items()}
    if "rng" in parameters:
        codes = {"rng": "SEED"} | codes
    parts = [as_code(argument, panel, fits=fits) for argument in call.args]
    if codes:
        parts.append(_arguments(codes))
    return f"{name}({', '.join(parts)})"


def _is_kept(column: pd.Series[Any], texts: pd.Series[Any], *types: Any) -> bool:
    """Tell whether texts of a CSV give the column back."""
    name: Any = column.name
    try:
        for kinds in types:
            texts = texts.astype(kinds.get(name, texts.dtype))
        return column.equals(texts.astype(column.dtype))  # pandas has two types of text
    except (TypeError, ValueError, NotImplementedError):
        return False


def data_and_reading(panel: Panel) -> tuple[bytes, dict[str, str]]:
    """Write a panel as CSV, and the types and keys with which it is read as it is."""
    frame = panel.frame.reset_index()
    numbers, types = _types(frame)
    bools = {name: kind for name, kind in numbers.items() if kind in ("int8", "Int8")}
    data = frame.astype(bools).to_csv(index=False, lineterminator="\n")
    file = StringIO(data)
    read = pd.read_csv(file, dtype="str", keep_default_na=False, na_values=[""])
    odd = [
        name
        for name in frame
        if name not in read or not _is_kept(frame[name], read[name], numbers, types)
    ]
    if odd:
        why = "mix types, have empty texts or another type that no CSV keeps"
        raise refused("panel", f"the columns {quoted(odd)} {why}")
    keys: dict[str, Any] = {"entity": panel.entity_name, "time": panel.time_name}
    keys |= {"labels": panel.labels, "step": panel._table.step}
    codes = {k: as_code(v, panel) for k, v in keys.items() if v is not None}
    then = "".join(f".astype({as_code(t, panel)})" for t in (numbers, types) if t)
    return data.encode(), {"types": then, "keys": _arguments(codes)}


def _types(frame: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Choose types for columns that are read as text: of numbers, then of others.

    Numbers are read as text, since Python reads all their digits.
    """
    columns = dict(frame.dtypes)
    levels = {n: getattr(t, "categories", frame[n]).dtype for n, t in columns.items()}
    kinds = {n: str(t) for n, t in levels.items() if t.kind in "iufb"}
    special = pd.CategoricalDtype | pd.PeriodDtype
    whole = {"bool": "int8", "boolean": "Int8"}
    return {n: whole.get(t, t) for n, t in kinds.items()}, {
        n: t if hasattr(t, "categories") else str(t)
        for n, t in columns.items()
        if isinstance(t, special) or t.kind in "mMb"
    }
