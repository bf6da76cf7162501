"""What a command becomes: a specification, the line to paste, and what differs."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from digiprosper._names import NAMES
from digiprosper.errors import DigiprosperError, StataError
from digiprosper.panel.grammar import as_written
from digiprosper.stata.expressions import Printer, parse
from digiprosper.stata.varlists import Variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digiprosper.panel import Panel
    from digiprosper.specification import Specification


@dataclass(frozen=True, slots=True)
class Translation:
    """One command of Stata as a specification of this library.

    Parameters
    ----------
    command : str
        The command, with macros replaced.
    spec : specification or None
        The specification; None for commands that need a fit or a panel, such as
        ``test`` and ``hausman``, and for spatial models without `spatial_weights`.
    python : str
        The line to paste after ``import digiprosper as dp``. It evaluates to `spec`.
        ``fit`` stands for the results of the last estimation and ``panel`` for the
        panel.
    notes : tuple of str
        What differs from Stata's output, such as degrees of freedom.

    Examples
    --------
    >>> import digiprosper as dp
    >>> translation = dp.from_stata("xtreg y x, fe vce(cluster id)")
    >>> translation.spec.ssc
    'xtreg'
    """

    command: str
    spec: Specification | None
    python: str
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Context:
    """What earlier lines and the panel say: keys, columns, results."""

    entity: str | None = None
    time: str | None = None
    variables: Variables = field(default_factory=Variables)
    # Variables that are never missing: the keys and what is computed from them.
    complete: set[str] = field(default_factory=set)
    panel: Panel | None = None
    spatial_weights: Mapping[str, Any] = field(default_factory=dict)
    # Named results of est store, to the specification behind them.
    results: dict[str, Any] = field(default_factory=dict)
    last: Any = None
    # Code of what the last summarize stored, such as r(mean).
    summary: dict[str, str] = field(default_factory=dict)

    @classmethod
    def start(
        cls,
        panel: Panel | None,
        spatial_weights: Mapping[str, Any],
        keys: tuple[str | None, str | None] = (None, None),
    ) -> Context:
        """Take keys and columns from a panel, or the keys alone."""
        if panel is None:
            complete = {key for key in keys if key is not None}
            return cls(*keys, complete=complete, spatial_weights=spatial_weights)
        frame = panel.frame.reset_index()
        columns = [str(name) for name in frame.columns]
        entity, time = columns[:2]
        complete = {str(c) for c in frame.columns if not frame[c].hasnans}
        return cls(entity, time, Variables(columns), complete, panel, spatial_weights)

    def where(self, condition: str | None) -> str | None:
        """Write a condition of Stata as one of `where`."""
        if condition is None:
            return None
        printer = Printer(self.complete, self.variables.resolve)
        return printer.condition(parse(condition))

    def levels(self, name: str) -> int | None:
        """Count the levels of a column, if the panel is there."""
        if self.panel is None:
            return None
        return int(self.panel.frame.reset_index()[name].nunique())


def specify(
    name: str, notes: tuple[str, ...] | list[str], command: str, **fields: Any
) -> Translation:
    """Build a specification by the name of its class; absent options are left out.

    `where` is an option of every specification. An option that the class does not have
    is refused, never dropped.
    """
    homes = [module for module, names in NAMES.items() if name in names.split()]
    if not homes:
        raise StataError.because(f"the command needs {name}, which this version lacks")
    kind: Any = getattr(import_module(f"digiprosper.{homes[0]}"), name)
    options = {key: value for key, value in fields.items() if value is not None}
    fields_of_kind = [f.name for f in dataclasses.fields(kind)]
    lacking = [key for key in options if key not in fields_of_kind]
    if lacking:
        raise StataError.because(
            f"{name} has no option {', '.join(lacking)}", "Estimate on a subset."
        )
    try:
        spec = kind(**options)
    except DigiprosperError as error:
        raise StataError.because(str(error).rstrip(".")) from error
    return Translation(command, spec, as_python(spec), tuple(notes))


def as_python(spec: Any) -> str:
    """Write a specification as the call that makes it; defaults are left out."""
    parts = []
    for option in dataclasses.fields(spec):
        value = getattr(spec, option.name)
        if not option.kw_only and (
            option.default is dataclasses.MISSING or value != option.default
        ):
            parts.append(_written(value))
        elif value != option.default:
            parts.append(f"{option.name}={_written(value)}")
    return f"dp.{type(spec).__name__}({', '.join(parts)})"


def _written(value: Any) -> str:
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case ((str(), tuple() | str() | None), *_):
            return f"{{{', '.join(f'{_written(a)}: {_written(b)}' for a, b in value)}}}"
        case (int(), _):
            return repr(value)
        case tuple() | list():
            return f"[{', '.join(map(_written, value))}]"
    return (
        "spatial_weights" if type(value).__name__ == "SpatialWeights" else repr(value)
    )


def column(name: str) -> str:
    """Write the name of a column as terms do."""
    return as_written(name)
