"""From a panel to the grid of entities and periods that dynamic models use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.dynamic.kernels.transforms import period_dummies
from digiprosper.errors import IdentificationError, Notice, TermError, cited, quoted
from digiprosper.linear.preparation import LinearOptions, prepare
from digiprosper.panel.access import check_panel, table_of
from digiprosper.panel.selection import cut_sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digiprosper.dynamic.dynamic_panel import DynamicPanel
    from digiprosper.kernels import Bools, Floats, Ints
    from digiprosper.linear.preparation import Prepared
    from digiprosper.panel import Panel, Sample

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
    instruments: further exogenous instruments (N, T)
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
    def sample(self) -> Sample:
        """The sample of complete rows."""
        return self.prepared.sample


def prepare_panel(spec: DynamicPanel, panel: Panel) -> PreparedPanel:
    """Cut the rows with outcome, lags and all regressors, and put them on a grid."""
    check_panel(panel, "fit")
    if panel.n_entities == panel.nobs:
        raise IdentificationError(
            f"every {panel.entity_name} has one row; a dynamic model needs several "
            "periods of each."
        )
    options = LinearOptions(
        time_effects=spec.time_effects, clusters=spec.clusters, ssc="none"
    )
    regressors = {
        "lags": spec.lag_terms,
        "endogenous": spec.endogenous,
        "predetermined": spec.predetermined,
        "x": spec.x,
    }
    roles = {"y": (spec.y,), **regressors, "instruments": spec.instruments}
    prepared = prepare(panel, roles, options, singletons="keep", missing=spec.missing)
    sample = prepared.sample
    if len(sample.roles["y"]) != 1:
        raise TermError(
            f"y={cited(spec.y)} makes several columns; the outcome must be one column."
        )
    variables = {name: _one_column(panel, name) for name in spec.lags_of_instruments()}
    ordinals = np.concatenate([_ordinals(s) for s in (sample, *variables.values())])
    first, periods = int(ordinals.min()), int(np.ptp(ordinals)) + 1
    order = [sample.roles["y"][0], *(j for r in regressors for j in sample.roles[r])]
    _refuse_large(sample, periods, len(order))

    shape = (sample.n_entities, periods)
    complete = _on_grid(sample, np.ones((sample.nobs, 1)), sample, first, shape) == 1
    columns = _on_grid(sample, sample.matrix[:, order], sample, first, shape)
    names = [sample.names[position] for position in order[1:]]
    if spec.has_constant:
        columns = np.concatenate([columns, complete], axis=2)
        names.append("Intercept")
    complete = complete[..., 0]
    labels = [""] * periods
    for ordinal, time in zip(_ordinals(sample), sample.times, strict=True):
        labels[int(ordinal) - first] = str(time)
    dummies, used = np.zeros((*shape, 0)), np.zeros(0, dtype=np.intp)
    if spec.time_effects:
        dummies, used = period_dummies(complete, spec.dependence_transform)
    return PreparedPanel(
        prepared=prepared,
        columns=np.concatenate([np.nan_to_num(columns), dummies], axis=2),
        names=(*names, *(f"period {labels[j]}" for j in used.tolist())),
        n_regressors=len(names),
        complete=complete,
        clusters=_entity_clusters(prepared),
        periods=tuple(labels),
        lagged={
            name: _on_grid(rows, rows.matrix, sample, first, shape)[..., 0]
            for name, rows in variables.items()
        },
        instruments={
            sample.names[j]: np.nan_to_num(
                _on_grid(sample, sample.matrix[:, [j]], sample, first, shape)[..., 0]
            )
            for j in sample.roles["instruments"]
        },
    )


def _one_column(panel: Panel, term: str) -> Sample:
    """Cut the rows of one numeric term, which need not be complete in the others."""
    sample = cut_sample(
        table_of(panel), {"term": (term,)}, codes=(), clusters=(), missing="drop"
    )
    if sample.matrix.shape[1] != 1:
        raise TermError(
            f"{cited(term)} makes several columns; its lags cannot be instruments. "
            "Put it in x, or use one numeric column for each level."
        )
    return sample


def _ordinals(sample: Sample) -> Ints:
    """Read the step of time of each period; lags of the outcome need one."""
    ordinals = sample.keys.ordinals
    assert ordinals is not None
    return ordinals


def _on_grid(
    rows: Sample, values: Floats, sample: Sample, first: int, shape: tuple[int, int]
) -> Floats:
    """Write rows (n, p) for the entities of `sample` on a grid, missing elsewhere."""
    out: Floats = np.full((*shape, values.shape[1]), np.nan)
    entity = sample.entities.get_indexer(rows.entities)[rows.entity]
    period = _ordinals(rows)[rows.time] - first
    out[entity[entity >= 0], period[entity >= 0]] = values[entity >= 0]
    return out


def _entity_clusters(prepared: Prepared) -> Ints:
    """Code the cluster of each entity; refuse an entity in several clusters."""
    entity, codes = prepared.sample.entity, prepared.cluster_codes
    if len(codes) != 1:
        raise IdentificationError(
            "DynamicPanel has clusters of one kind; specify one term in "
            f"clusters, not {quoted(prepared.cluster_names)}.",
            [Notice("clusters", "several", {"clusters": prepared.cluster_names})],
        )
    by_entity = np.zeros(prepared.sample.n_entities, dtype=np.intp)
    by_entity[entity] = codes[0]
    moving = np.unique(entity[by_entity[entity] != codes[0]])
    if moving.size:
        labels: Sequence[object] = prepared.sample.entities[moving[:5]].tolist()
        raise IdentificationError(
            f"clusters={cited(prepared.cluster_names[0])}: {quoted(labels)} is in "
            "several clusters. The moments of a dynamic panel are sums over all "
            "periods of an entity, so clusters must consist of whole entities.",
            [Notice("clusters", "entities in several clusters", {"entities": labels})],
        )
    return by_entity


def _refuse_large(sample: Sample, periods: int, columns: int) -> None:
    if sample.n_entities * periods * columns <= _MOST_CELLS:
        return
    text = (
        f"DynamicPanel writes {sample.n_entities:,} entities and {periods:,} steps of "
        "time on a grid, which is too large. It is for short panels; if the keys have "
        "few of these steps, pass the step of time: Panel(..., step=...)."
    )
    data = {"n_entities": sample.n_entities, "periods": periods}
    raise IdentificationError(text, [Notice("large_grid", text, data)])
