"""The arguments of `evaluate`, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digiprosper.composite.indicators import IndicatorSystem
from digiprosper.errors import (
    InputTypeError,
    OptionError,
    PanelIndexError,
    cited,
    option_problem,
    quoted,
    unknown_columns,
)
from digiprosper.panel import Panel
from digiprosper.panel.access import known_names
from digiprosper.panel.terms import parse
from digiprosper.pathways.catalogue import seed_catalogue
from digiprosper.pathways.mechanism import Mechanism, roles_of
from digiprosper.specification import as_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Call:
    """What all propositions share.

    columns: role to column
    systems: column to indicator system; None if none were given
    """

    panel: Panel
    mechanisms: tuple[Mechanism, ...]
    columns: Mapping[str, str]
    controls: tuple[str, ...]
    systems: Mapping[str, IndicatorSystem] | None


def checked_call(panel: Any, mechanisms: Any, columns: Any, controls: Any, systems: Any) -> Call:
    """Check the arguments of `evaluate` that depend on one another."""
    if not isinstance(panel, Panel):
        raise InputTypeError(
            f"pathways.evaluate takes a Panel, not {type(panel).__name__}.", [option_problem("panel", panel)]
        )
    if panel.time_name is None:
        raise PanelIndexError("pathways.evaluate needs a panel with a time key: models have time effects.")
    listed = _mechanisms(mechanisms)
    terms = as_terms(controls, "controls")
    for term in terms:
        parse(term, known_names(panel), "controls")
    return Call(panel, listed, _columns(panel, listed, columns), terms, _systems(panel, systems))


def _mechanisms(mechanisms: Any) -> tuple[Mechanism, ...]:
    if not isinstance(mechanisms, list | tuple) or not mechanisms:
        raise _no_mechanisms(mechanisms)
    for mechanism in mechanisms:
        if not isinstance(mechanism, Mechanism):
            raise _no_mechanisms(mechanism)
    ids = [row.id for mechanism in mechanisms for row in mechanism.split()]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise OptionError(
            f"mechanisms: the ids {quoted(twice)} are duplicated; rename one of each.",
            [option_problem("mechanisms", tuple(twice))],
        )
    return tuple(mechanisms)


def _no_mechanisms(value: object) -> InputTypeError:
    return InputTypeError(
        "pathways.evaluate takes a list of Mechanism, such as pathways.seed_catalogue(); got "
        f"{cited(value)}.",
        [option_problem("mechanisms", value)],
    )


def _columns(panel: Panel, mechanisms: Iterable[Mechanism], columns: Any) -> dict[str, str]:
    named = _mapping("columns", columns, "a mapping of role to column, such as {'de': 'digital'}")
    for role, column in named.items():
        if not isinstance(role, str) or not isinstance(column, str):
            raise InputTypeError(
                "columns must map a role to the name of one column, both as text; "
                f"{cited(role)}: {cited(column)} does not.",
                [option_problem("columns", (role, column))],
            )
    roles = roles_of([*mechanisms, *seed_catalogue()])
    unknown = [role for role in named if role not in roles]
    if unknown:
        raise OptionError(
            f"columns: no mechanism has the role {quoted(unknown)}. The roles are {quoted(roles, 12)}.",
            [option_problem("columns", role, roles) for role in unknown],
        )
    _refuse_absent(panel, list(dict.fromkeys(named.values())), "columns")
    return named


def _systems(panel: Panel, systems: Any) -> dict[str, IndicatorSystem] | None:
    if systems is None:
        return None
    named = _mapping("systems", systems, "a mapping of column to IndicatorSystem")
    for column, system in named.items():
        if not isinstance(system, IndicatorSystem):
            raise InputTypeError(
                f"systems[{cited(column)}] is not an IndicatorSystem; IndicatorSystem.from_dict makes one of "
                "a mapping.",
                [option_problem("systems", column)],
            )
    _refuse_absent(panel, list(named), "systems")
    return named


def _mapping(name: str, value: Any, description: str) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise InputTypeError(
            f"{name} must be {description}, not {cited(value)}.", [option_problem(name, value)]
        )
    return dict(value)


def _refuse_absent(panel: Panel, columns: Sequence[str], role: str) -> None:
    absent = [column for column in columns if column not in panel.columns]
    if absent:
        raise unknown_columns(absent, panel.columns, role, panel.labels)
