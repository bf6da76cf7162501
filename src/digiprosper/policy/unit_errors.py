"""Standard errors of effects by cohort and time, for all estimators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.within import compress, within
from digiprosper.linear.preparation import Prepared
from digiprosper.policy.imputation import untreated_model
from digiprosper.policy.kernels.unit_signs import (
    UnitScores,
    limit_scores,
    unit_covariance,
    unit_scores,
)
from digiprosper.policy.timing import CohortEffects, Cohorts
from digiprosper.report.inference import Inference


def clusters_of_entities(prepared: Prepared) -> Ints | None:
    """Return the cluster of each entity; None if clusters divide entities."""
    (codes,) = prepared.cluster_codes
    entity = prepared.sample.entity
    of_entity = np.zeros(entity.max() + 1, dtype=np.intp)
    of_entity[entity] = codes
    return None if (of_entity[entity] != codes).any() else of_entity


def unit_influence(
    spec: Any,
    prepared: Prepared,
    cohorts: Cohorts,
    clusters: Ints,
    weights: Floats,
) -> UnitScores | None:
    """Compute the entities' contributions to effects; None if all groups are single."""
    sample, group = prepared.sample, cohorts.group
    if np.unique(group).size == group.size:
        return None
    entity, time, y = sample.entity, sample.time, sample.columns("y")
    without_x = spec.estimator == "callaway_santanna"
    x = np.empty((time.size, 0)) if without_x else sample.columns("x")
    cell, _ = compress(group[entity] * cohorts.steps.size + time)
    effects = within([entity, cell], time.size, obs_weights=prepared.obs_weights)
    residuals = _partial_out(effects.demean(np.column_stack([y, x])), cohorts.weights)
    treated = cohorts.treated & (cohorts.event >= -spec.anticipation)
    model = untreated_model(entity, time, x, treated, cohorts.weights)
    null_residuals = np.where(treated, residuals, model.residuals(y)[:, 0])
    return unit_scores(
        weights,
        residuals,
        null_residuals,
        entity,
        time,
        group,
        clusters,
        cohorts.entity_weights,
    )


def _partial_out(demeaned: Floats, weights: Floats) -> Floats:
    """Return the residuals of the first column (N,) on the others."""
    y, x = demeaned[:, 0], demeaned[:, 1:]
    if not x.shape[1]:
        return np.asarray(y)
    root = np.sqrt(weights)
    size = np.linalg.norm(x, axis=0)
    x = x / np.where(size > 0, size, 1.0)
    slopes = np.linalg.lstsq(root[:, None] * x, root * y)[0]
    return np.asarray(y - x @ slopes)


def with_unit_errors(
    spec: Any,
    prepared: Prepared,
    cohorts: Cohorts,
    estimated: CohortEffects,
) -> CohortEffects:
    """Replace the covariance by that of ``cov_type="hc2"``, and add unit scores.

    Without weights, and where clusters divide entities, the covariance stays as it is.
    """
    clusters = clusters_of_entities(prepared)
    if estimated.weights is None or clusters is None:
        return estimated
    units = unit_influence(spec, prepared, cohorts, clusters, estimated.weights)
    cells = replace(estimated.cells, units=units and limit_scores(units))
    if spec.cov_type == "influence":
        return replace(estimated, cells=cells)
    m = cells.estimates.size
    joint = cells.influence.copy()
    joint[:m] = joint[:, :m] = 0.0 if units is not None else np.nan
    df_t = 1.0
    if units is not None:
        joint[:m, :m] = unit_covariance(units)
        df_t = float(units.df_t(np.eye(m), np.zeros(m)).min())
    inference = Inference(
        cov_type="cr2",
        clusters=estimated.inference.clusters,
        n_clusters=estimated.inference.n_clusters,
        df_t=df_t,
    )
    return replace(estimated, cells=replace(cells, joint=joint), inference=inference)
