"""The sample of a dynamic model, on a grid of entities and periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from digiprosper.dynamic.kernels.transforms import Transform, period_dummies
from digiprosper.errors import (
    IdentificationError,
    TermError,
    cited,
    not_identified,
    quoted,
    subject,
)
from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.linear.estimation import single_column
from digiprosper.linear.preparation import LinearOptions, Prepared, prepare
from digiprosper.panel import Panel, Sample
from digiprosper.panel.access import check_panel, table_of
from digiprosper.panel.grammar import as_argument
from digiprosper.panel.terms import canonical

# Outcome and regressors, in the order of the columns of the grid.
_ROLES = ("y", "lags", "endogenous", "predetermined", "x")
MOST_LAGS = 20
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
    periods: labels of the T periods; empty for those without a complete row
    lagged: variables whose lags are instruments, (N, T), missing without a value
    instruments: further exogenous instruments (N, T), as far as complete
    """

    prepared: Prepared
    columns: Floats
    names: tuple[str, ...]
    n_regressors: int
    complete: Bools
    clusters: Ints
    periods: tuple[str, ...]
    lagged: dict[str, Floats]
    instruments: dict[str, Floats]

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
    variables = {
        name: _single_column_sample(panel, name) for name in spec.lags_of_instruments()
    }
    ordinals = np.concatenate(
        [_time_ordinals(s) for s in (sample, *variables.values())]
    )
    first, periods = int(ordinals.min()), int(np.ptp(ordinals)) + 1
    order = [position for role in _ROLES for position in sample.roles[role]]
    if sample.n_entities * periods * len(order) > _MOST_CELLS:
        raise not_identified(
            "large_grid",
            f"DynamicPanel writes {sample.n_entities:,} entities and {periods:,} steps "
            "of time on a grid, which is too large. It is for short panels; if keys "
            "have few of these steps, pass the step of time: Panel(..., step=...).",
            n_entities=sample.n_entities,
            periods=periods,
        )

    def on_grid(rows: Sample, values: Floats) -> Floats:
        """Write rows (n, p) on the grid (N, T, p), missing elsewhere."""
        out: Floats = np.full((sample.n_entities, periods, values.shape[1]), np.nan)
        entity = sample.entities.get_indexer(rows.entities)[rows.entity]
        period = _time_ordinals(rows)[rows.time] - first
        out[entity[entity >= 0], period[entity >= 0]] = values[entity >= 0]
        return out

    grid = on_grid(sample, sample.matrix)
    columns = np.nan_to_num(grid[..., order])
    complete = np.isfinite(grid[..., order[0]])
    names = [sample.names[position] for position in order[1:]]
    if spec.has_constant:
        columns = np.concatenate([columns, complete[..., None]], axis=2)
        names.append("Intercept")
    labels = np.full(periods, "", dtype=object)
    labels[_time_ordinals(sample) - first] = [str(time) for time in sample.times]
    data = PreparedPanel(
        prepared=prepared,
        columns=columns,
        names=tuple(names),
        n_regressors=len(names),
        complete=complete,
        clusters=_entity_clusters(prepared),
        periods=tuple(labels.tolist()),
        lagged={name: on_grid(s, s.matrix)[..., 0] for name, s in variables.items()},
        instruments={
            sample.names[position]: grid[..., position]
            for position in sample.roles["instruments"]
        },
    )
    return restrict_periods(
        data, np.ones(periods, dtype=bool), spec.dependence_transform
    )


def restrict_periods(
    data: PreparedPanel, periods: Bools, transform: Transform | None
) -> PreparedPanel:
    """Keep the rows of some periods (T,), and recompute the dummies of periods."""
    k, complete = data.n_regressors, data.complete & periods
    if not data.prepared.options.time_effects:
        return replace(data, complete=complete)
    dummies, used = period_dummies(complete, transform)
    names = [f"period {data.periods[position]}" for position in used.tolist()]
    return replace(
        data,
        columns=np.concatenate([data.columns[..., : 1 + k], dummies], axis=2),
        names=(*data.names[:k], *names),
        complete=complete,
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
    prepared = prepare(panel, roles, options, singletons="keep", missing=spec.missing)
    single_column(prepared.sample, "y", spec.y)
    return prepared


def _single_column_sample(panel: Panel, term: str) -> Sample:
    """Sample one numeric term, on rows that may be incomplete in the others."""
    sample = panel.sample({"term": (term,)})
    if sample.matrix.shape[1] != 1:
        raise TermError(
            f"{cited(term)} makes several columns; its lags cannot be instruments. "
            "Put it in x, or use one numeric column for each level."
        )
    return sample


def _time_ordinals(sample: Sample) -> Ints:
    """Return the time of each period in steps, which the lags guarantee to exist."""
    ordinals = sample.keys.ordinals
    assert ordinals is not None
    return ordinals


def _entity_clusters(prepared: Prepared) -> Ints:
    """Code the cluster of each entity; refuse an entity in several clusters."""
    entity, codes = prepared.sample.entity, prepared.cluster_codes
    if len(codes) != 1:
        raise not_identified(
            "clusters",
            "DynamicPanel allows clusters in one way; specify one term in "
            f"clusters, not {quoted(prepared.cluster_names)}.",
            clusters=prepared.cluster_names,
        )
    by_entity = np.zeros(prepared.sample.n_entities, dtype=np.intp)
    by_entity[entity] = codes[0]
    split_entities = np.unique(entity[by_entity[entity] != codes[0]])
    if split_entities.size:
        labels = prepared.sample.entities[split_entities[:5]].tolist()
        raise not_identified(
            "clusters",
            f"clusters={cited(prepared.cluster_names[0])}: {subject(labels, 'is')} in "
            "several clusters. The moments of a dynamic panel are sums over all "
            "periods of an entity, so clusters must consist of whole entities.",
            entities=labels,
        )
    return by_entity
