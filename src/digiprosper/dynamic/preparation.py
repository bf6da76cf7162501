"""From a panel to the grid of entities and periods that dynamic models use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import IdentificationError, Notice, TermError, cited, quoted
from digiprosper.linear.preparation import LinearOptions, prepare
from digiprosper.panel.access import table_of
from digiprosper.panel.selection import cut_sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

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
    names: regressors, the lags of the outcome first
    columns (N, T, 1 + k): outcome and regressors in the complete rows
    complete (N, T): which rows these are
    clusters (N,): codes of the clusters of entities
    first: ordinal of the first period of the grid
    """

    prepared: Prepared
    names: tuple[str, ...]
    columns: Floats
    complete: Bools
    clusters: Ints
    first: int

    @property
    def sample(self) -> Sample:
        """The sample of complete rows."""
        return self.prepared.sample

    def period_labels(self) -> list[str]:
        """List the periods of the grid; those without a complete row are empty."""
        labels = [""] * self.complete.shape[1]
        ordinals = self.sample.keys.ordinals
        assert ordinals is not None
        for ordinal, time in zip(ordinals, self.sample.times, strict=True):
            labels[int(ordinal) - self.first] = str(time)
        return labels

    def on_grid(self, sample: Sample, column: Floats) -> Floats:
        """Write a column (n,) of a sample on the grid (N, T), missing elsewhere."""
        out: Floats = np.full(self.complete.shape, np.nan)
        entity, period = _positions(sample, self.sample.entities, self.first)
        inside = (entity >= 0) & (period >= 0) & (period < self.complete.shape[1])
        out[entity[inside], period[inside]] = column[inside]
        return out


def prepare_panel(spec: DynamicPanel, panel: Panel) -> PreparedPanel:
    """Cut the rows with outcome, its lags and all regressors, and put them on a grid."""
    options = LinearOptions(
        time_effects=spec.time_effects, clusters=spec.clusters, ssc="none"
    )
    roles = {
        "y": (spec.y,),
        "lags": spec.lag_terms,
        "x": spec.x,
        "endogenous": spec.endogenous,
        "predetermined": spec.predetermined,
        "instruments": spec.instruments,
    }
    prepared = prepare(panel, roles, options, singletons="keep", missing=spec.missing)
    sample = prepared.sample
    if len(sample.roles["y"]) != 1:
        raise TermError(
            f"y={cited(spec.y)} makes several columns; the outcome must be one column."
        )
    order = [
        *sample.roles["y"],
        *(
            position
            for role in ("lags", "endogenous", "predetermined", "x")
            for position in sample.roles[role]
        ),
    ]
    outcome_rows = single_column(panel, spec.y)
    all_ordinals = outcome_rows.keys.ordinals
    ordinals = sample.keys.ordinals
    assert all_ordinals is not None
    assert ordinals is not None
    first = int(min(all_ordinals.min(), ordinals.min()))
    periods = int(max(all_ordinals.max(), ordinals.max())) - first + 1
    _refuse_large(sample, periods, len(order))

    entity, period = _positions(sample, sample.entities, first)
    values = np.zeros((sample.n_entities, periods, len(order)))
    values[entity, period] = sample.matrix[:, order]
    complete = np.zeros(values.shape[:2], dtype=bool)
    complete[entity, period] = True
    return PreparedPanel(
        prepared=prepared,
        names=tuple(sample.names[position] for position in order[1:]),
        columns=values,
        complete=complete,
        clusters=_entity_clusters(prepared),
        first=first,
    )


def single_column(panel: Panel, term: str) -> Sample:
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


def _positions(
    sample: Sample, entities: pd.Index[Any], first: int
) -> tuple[Ints, Ints]:
    """Locate rows on a grid of entities and periods; -1 for an entity not on it."""
    codes = entities.get_indexer(sample.entities)
    ordinals = sample.keys.ordinals
    assert ordinals is not None
    return codes[sample.entity], ordinals[sample.time] - first


def _entity_clusters(prepared: Prepared) -> Ints:
    """Code the cluster of each entity; refuse an entity in several clusters."""
    entity, codes = prepared.sample.entity, prepared.cluster_codes
    if len(codes) != 1:
        raise IdentificationError(
            "DynamicPanel sums moments by clusters in one way; specify one term in "
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
