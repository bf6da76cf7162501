"""The sample of a dynamic model, on a grid of entities and periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from digiprosper.checks import collinearity_problem, not_identified, several
from digiprosper.dynamic.kernel import Transform, transformed
from digiprosper.errors import (
    CollinearityError,
    IdentificationError,
    Notice,
    TermError,
    cited,
    quoted,
    subject,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.least_squares import dependences
from digiprosper.kernels.tolerances import ABSORBED
from digiprosper.linear.estimation import single_column
from digiprosper.linear.preparation import LinearOptions, Prepared, prepare
from digiprosper.panel import Panel
from digiprosper.panel.access import check_panel, numeric_values, table_of
from digiprosper.panel.grammar import as_argument
from digiprosper.panel.keys import Keys
from digiprosper.panel.terms import canonical

MOST_LAGS = 20
_LEAST_CLUSTERS = 3
# Cells of the grid with its regressors: 2 GB.
_MOST_CELLS = 2**28


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PreparedPanel:
    """Rows of the level equation, and all variables on a grid.

    prepared: the sample of complete rows, with effects and clusters
    columns (N, T, 1 + k + p): outcome, regressors with the lags of the outcome first,
        dummies of periods; zero without a complete row
    names: of the columns but the outcome
    n_regressors: k
    complete (N, T): which rows are complete
    clusters (N,): codes of the clusters of entities
    periods: labels of periods with a complete row, by position
    lagged: variables whose lags are instruments, (N, T), missing without a value
    instruments: further exogenous instruments (N, T), as far as complete
    """

    prepared: Prepared
    columns: Floats
    names: tuple[str, ...]
    n_regressors: int
    complete: Bools
    clusters: Ints
    periods: Mapping[int, str]
    lagged: dict[str, Floats]
    instruments: dict[str, Floats]

    @property
    def cluster_name(self) -> str:
        """Name of the clusters."""
        return self.prepared.cluster_names[0]

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.clusters.max()) + 1

    @property
    def dummies(self) -> tuple[str, ...]:
        """Names of the dummies of periods."""
        return self.names[self.n_regressors :]


def _lag_terms(outcome: str, lags: int, column_names: Sequence[str]) -> tuple[str, ...]:
    """Write the lags of the outcome as terms: ``"lag(y)"``, ``"lag(y, 2)"``."""
    lagged = as_argument(outcome, column_names)
    later = (f"lag({lagged}, {periods})" for periods in range(2, lags + 1))
    return (f"lag({lagged})", *later)


def refuse_lags(spec: Any, column_names: Sequence[str] = ()) -> None:
    """Refuse regressors that are lags of the outcome.

    `column_names` distinguish columns with colons or brackets from terms.
    """
    lags = set(map(canonical, _lag_terms(spec.y, MOST_LAGS, column_names)))
    regressors = (*spec.endogenous, *spec.predetermined, *spec.x)
    if repeated := [term for term in regressors if canonical(term) in lags]:
        raise TermError(
            f"{subject(repeated, 'is')} among the lags of the outcome, which "
            "DynamicPanel adds itself; set lags instead."
        )


def prepare_panel(spec: Any, panel: Panel) -> PreparedPanel:
    """Prepare the rows of a `DynamicPanel`, and write all variables on a grid."""
    prepared = _prepare_rows(spec, panel)
    sample = prepared.sample
    # Lags that are instruments are also taken from rows outside the sample.
    keys = table_of(panel).keys if spec.is_gmm else sample.keys
    first, periods = int(_ordinals(keys).min()), int(np.ptp(_ordinals(keys))) + 1
    if sample.n_entities * periods * len(sample.names) > _MOST_CELLS:
        raise not_identified(
            "large_grid",
            f"DynamicPanel writes {sample.n_entities:,} entities and {periods:,} steps "
            "of time on a grid, which is too large. It is for short panels; if keys "
            "have few of these steps, pass the step of time: Panel(..., step=...).",
            n_entities=sample.n_entities,
            periods=periods,
        )

    def on_grid(rows: Keys, values: Floats) -> Floats:
        """Write values of rows (n, p) on the grid (N, T, p), missing elsewhere."""
        out: Floats = np.full((sample.n_entities, periods, *values.shape[1:]), np.nan)
        entity = sample.entities.get_indexer(rows.entities)[rows.entity]
        period = _ordinals(rows)[rows.time] - first
        out[entity[entity >= 0], period[entity >= 0]] = values[entity >= 0]
        return out

    grid = on_grid(sample.keys, sample.matrix)
    # Instruments that are not in the model come last.
    in_model = [sample.roles[role] for role in sample.roles if role != "instruments"]
    names = list(sample.names[1 : 1 + max(chain(*in_model))])
    columns = np.nan_to_num(grid[..., : 1 + len(names)])
    complete = np.isfinite(grid[..., 0])
    if spec.has_constant:
        columns = np.concatenate([columns, complete[..., None]], axis=2)
        names.append("Intercept")
    data = PreparedPanel(
        prepared=prepared,
        columns=columns,
        names=tuple(names),
        n_regressors=len(names),
        complete=complete,
        clusters=_entity_clusters(spec, prepared),
        periods=dict(
            zip(_ordinals(sample.keys) - first, map(str, sample.times), strict=True)
        ),
        lagged={
            name: on_grid(keys, numeric_values(panel, name, "instrument_lags"))
            for name in spec.lags_of_instruments()
        },
        instruments={
            sample.names[position]: grid[..., position]
            for position in sample.roles["instruments"]
        },
    )
    sample_name = "the transformed equation" if spec.is_gmm else "the sample"
    return restrict_periods(spec, data, np.ones(periods, dtype=bool), sample_name)


def restrict_periods(
    spec: Any, data: PreparedPanel, periods: Bools, sample_name: str
) -> PreparedPanel:
    """Keep the rows of some periods (T,), with dummies of these periods."""
    k, complete = data.n_regressors, data.complete & periods
    data = replace(data, complete=complete)
    if spec.time_effects:
        used = np.flatnonzero(complete.any(axis=0))[1:]
        dummies = np.eye(len(periods))[:, used] * complete[..., None]
        names = [f"period {data.periods[position]}" for position in used.tolist()]
        data = replace(
            data,
            columns=np.concatenate([data.columns[..., : 1 + k], dummies], axis=2),
            names=(*data.names[:k], *names),
        )
    return _independent_columns(spec, data, sample_name)


def _independent_columns(
    spec: Any, data: PreparedPanel, sample_name: str
) -> PreparedPanel:
    """Refuse collinear regressors and too few rows; drop redundant dummies."""
    # Orthogonal deviations have the cross products of deviations from means.
    transform: Transform = spec.transform if spec.is_gmm else "orthogonal"
    values, present = transformed(data.columns, data.complete, transform)
    values, levels = values[present], data.columns[data.complete]
    if not (rows := len(values)):
        raise IdentificationError(
            "no entity has two consecutive rows with the outcome, its lags and all "
            "regressors, so there is nothing to difference. A model with one lag needs "
            "three periods in a row."
        )
    if spec.estimator == "system":
        values = np.vstack([values, levels])
    names, k = [*data.prepared.sample.names_of("y"), *data.names], data.n_regressors
    # Dummies and constant come first, so that a regressor is refused, and the outcome
    # last: if it is a combination of them, the fit is perfect.
    slopes = k - spec.has_constant
    order = [*range(1 + slopes, len(names)), *range(1, 1 + slopes), 0]
    dependent = _dependent_columns(values, levels, order)
    dropped = [j for j in dependent if j > k]
    data = replace(
        data,
        columns=np.delete(data.columns, dropped, axis=2),
        names=tuple(np.delete(names, dropped)[1:].tolist()),
    )
    if rows <= len(data.names):
        raise not_identified(
            "few_rows",
            f"{sample_name} has {rows} independent rows for {len(data.names)} "
            "coefficients, dummies of periods among them: use fewer regressors, fewer "
            "lags or time_effects=False.",
        )
    others = {names[j]: [names[i] for i in dependent[j]] for j in dependent if j <= k}
    _refuse_dependent(names[0], others, sample_name)
    return data


def _dependent_columns(
    values: Floats, levels: Floats, order: Sequence[int]
) -> dict[int, list[int]]:
    """Find columns that are combinations of those before them in an order.

    Columns that are constant before the transformation are combinations of none.
    """
    change, size = (np.linalg.norm(v, axis=0) for v in (values, levels))
    constant = np.flatnonzero(change <= ABSORBED * size).tolist()
    varying = [j for j in order if j not in constant]
    combinations = {
        varying[column]: [varying[j] for j in earlier]
        for column, earlier in dependences(values[:, varying]).items()
    }
    return {j: [] for j in constant} | combinations


def _refuse_dependent(
    outcome: str, dependent: dict[str, list[str]], sample_name: str
) -> None:
    """Refuse constant columns, and combinations of others."""
    constant = [name for name, on in dependent.items() if not on]
    if outcome in constant:
        # So are its lags.
        constant = [outcome]
    if constant:
        raise IdentificationError(
            f"{subject(constant, 'does')} not change within entities in {sample_name}. "
            "Remove such regressors; an outcome must change.",
            [Notice("absorbed", c, {"column": c}) for c in constant],
        )
    problems = [
        collinearity_problem(name, on, f"{cited(name)} is collinear with {quoted(on)}")
        for name, on in dependent.items()
        if name != outcome
    ]
    if problems:
        raise CollinearityError(
            f"{several(problems)} in {sample_name}. Remove one of them.", problems
        )
    if dependent:
        raise not_identified(
            "perfect_fit",
            f"the regressors explain {cited(outcome)} perfectly in {sample_name}. "
            "Check whether one is computed from it.",
        )


def _prepare_rows(spec: Any, panel: Panel) -> Prepared:
    """Prepare the rows with outcome, lags and all regressors."""
    check_panel(panel, "fit")
    if panel.n_entities == panel.nobs:
        raise IdentificationError(
            f"every {panel.entity_name} has one row; a dynamic model needs several "
            "periods of each."
        )
    column_names = table_of(panel).names
    refuse_lags(spec, column_names)
    options = LinearOptions(
        time_effects=spec.time_effects,
        clusters=spec.clusters,
        ssc="none",
        singletons="keep",
        missing=spec.missing,
        where=spec.where,
    )
    roles = {
        "y": (spec.y,),
        "lags": _lag_terms(spec.y, spec.lags, column_names),
        "endogenous": spec.endogenous,
        "predetermined": spec.predetermined,
        "x": spec.x,
        "instruments": spec.instruments,
    }
    prepared = prepare(panel, roles, options)
    single_column(prepared.sample, "y", spec.y)
    return prepared


def _ordinals(keys: Keys) -> Ints:
    """Return the times in steps, which the lags of the outcome guarantee to exist."""
    assert keys.ordinals is not None
    return keys.ordinals


def _entity_clusters(spec: Any, prepared: Prepared) -> Ints:
    """Code the cluster of each entity; refuse entities in several, and few clusters."""
    entity, (codes, *others) = prepared.sample.entity, prepared.cluster_codes
    by_entity = np.zeros(prepared.sample.n_entities, dtype=np.intp)
    by_entity[entity] = codes
    split_entities = np.unique(entity[by_entity[entity] != codes])
    if others or split_entities.size:
        names, labels = prepared.cluster_names, prepared.sample.entities
        entities = labels[split_entities[:5]].tolist()
        detail = f"{subject(entities, 'is')} in several" if entities else "specify one"
        raise not_identified(
            "clusters",
            f"clusters={quoted(names)}: {detail}. DynamicPanel allows clusters in one "
            "way, and of whole entities, since its moments are sums over all periods "
            "of an entity.",
            clusters=names,
            entities=entities,
        )
    groups = int(codes.max()) + 1
    if spec.is_gmm and groups < _LEAST_CLUSTERS:
        raise not_identified(
            "few_clusters",
            f"GMM needs at least {_LEAST_CLUSTERS} clusters "
            f"({prepared.cluster_names[0]}), not {groups}: standard errors may be "
            "rounding. Use estimator='lsdvc'.",
        )
    return by_entity
