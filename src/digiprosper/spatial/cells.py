"""A variable of a balanced panel by period and entity, with ordered weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digiprosper.errors import (
    InputTypeError,
    MissingDataError,
    TermError,
    cited,
    counted,
    missing_problem,
    quoted,
)
from digiprosper.panel import Panel
from digiprosper.panel.access import refuse_numbered_rows, table_of
from digiprosper.panel.evaluation import evaluate
from digiprosper.panel.terms import parse
from digiprosper.spatial.weights import SpatialWeights, refuse_other

if TYPE_CHECKING:
    from digiprosper.kernels import Floats
    from digiprosper.panel.table import Table


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A variable by period and entity, and weights in the entities' order."""

    cells: Floats  # (T, n), without missing values
    times: pd.Index[Any]  # for a cross-section "all" only
    entities: pd.Index[Any]
    weights: SpatialWeights


def read_field(
    caller: str, panel: Panel, column: str, spatial_weights: SpatialWeights
) -> Field:
    """Evaluate a term of a balanced panel, and align weights with its entities."""
    argument: object = panel
    if not isinstance(argument, Panel):
        raise InputTypeError(
            f"{caller} takes a Panel first, not {type(argument).__name__}."
        )
    refuse_other(spatial_weights, caller)
    refuse_numbered_rows(panel, caller)
    table = table_of(panel)
    values = _values(caller, table, column)
    times: pd.Index[Any] = (
        pd.Index(["all"]) if table.keys.time_name is None else table.keys.times
    )
    _refuse_holes(caller, table, column, values, len(times))

    cells = np.empty((len(times), len(table.keys.entities)))
    cells[table.keys.time if len(times) > 1 else 0, table.keys.entity] = values
    weights = spatial_weights.aligned_to(table.keys.entities)
    return Field(cells, times, table.keys.entities, weights)


def _values(caller: str, table: Table, column: object) -> Floats:
    if not isinstance(column, str):
        raise InputTypeError(
            f"{caller}: column must be one column or term, not {type(column).__name__}."
        )
    term = parse(column, table.known, caller)
    if any(factor.category for factor in term.factors):
        raise TermError(
            f"{caller}: {cited(column)} is categorical; specify a numeric column."
        )
    return evaluate(term, table)


def _refuse_holes(
    caller: str, table: Table, column: str, values: Floats, n_times: int
) -> None:
    missing = np.isnan(values)
    if missing.any():
        raise MissingDataError(
            f"{caller}: {cited(column)} is missing in {table.describe_rows(missing)}. "
            "A spatial lag needs all entities in all periods: interpolate() the "
            "column, or subset() the panel to rows with values and balance() it.",
            [missing_problem(column, int(missing.sum()), table.index[missing][:5])],
        )
    keys = table.keys
    absent = n_times * len(keys.entities) - table.nobs
    if absent:
        rows = np.bincount(keys.entity, minlength=len(keys.entities))
        incomplete = keys.entities[rows < n_times]
        raise MissingDataError(
            f"{caller}: the panel is not balanced, "
            f"{counted(absent, 'row is', 'rows are')} not there ({keys.entity_name} "
            f"{quoted(incomplete)}). A spatial lag needs all entities in all "
            "periods: use panel.balance() first.",
            [missing_problem(column, absent, tuple(incomplete[:5]))],
        )
