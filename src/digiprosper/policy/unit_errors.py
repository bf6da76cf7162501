"""Standard errors of effects by cohort and time, for all estimators."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from digiprosper.errors import notice_of
from digiprosper.kernels import Floats, Ints
from digiprosper.kernels.within import compress, within
from digiprosper.linear.preparation import Prepared
from digiprosper.policy.imputation import untreated_model
from digiprosper.policy.kernels.unit_signs import (
    MOST_WEIGHTS,
    UnitScores,
    limit_scores,
    unit_covariance,
    unit_scores,
)
from digiprosper.policy.timing import CohortEffects, Cohorts
from digiprosper.report.inference import Inference


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
    # The outcome, less its regression on the controls
    demeaned = effects.demean(np.column_stack([y, x]))
    residuals, regressors = demeaned[:, 0], demeaned[:, 1:]
    size = np.linalg.norm(regressors, axis=0)
    regressors = regressors / np.where(size > 0, size, 1.0)
    root = np.sqrt(cohorts.weights)
    slopes = np.linalg.lstsq(root[:, None] * regressors, root * residuals)[0]
    residuals = residuals - regressors @ slopes
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


def with_unit_errors(
    spec: Any,
    prepared: Prepared,
    cohorts: Cohorts,
    estimated: CohortEffects,
) -> CohortEffects:
    """Replace the covariance by that of ``cov_type="hc2"``, and add unit scores.

    Where this cannot be done the covariance stays as it is, and a notice says why.
    """
    cells, inference = estimated.cells, estimated.inference
    weights = estimated.row_weights
    m = cells.estimates.size
    too_many = cohorts.weights.size * m > MOST_WEIGHTS
    if weights is None or cohorts.clusters is None or too_many:
        if spec.cov_type == "influence" or inference.cov_type == "crv3":
            return estimated
        reason = "large" if too_many else "divided"
        if weights is None:
            reason = "jackknife"
        notice = notice_of(
            f"other_errors.{reason}", cov_type=spec.cov_type, reason=reason
        )
        return replace(estimated, notices=(notice, *estimated.notices))
    units = unit_influence(spec, prepared, cohorts, cohorts.clusters, weights())
    joint = cells.joint
    if spec.cov_type == "hc2":
        joint = joint.copy()
        df_t = 1.0
        joint[:m] = joint[:, :m] = 0.0 if units is not None else np.nan
        if units is not None:
            joint[:m, :m] = unit_covariance(units)
            df_t = float(units.df_t(np.eye(m), np.zeros(m)).min())
        inference = Inference(
            cov_type="cr2",
            clusters=inference.clusters,
            n_clusters=inference.n_clusters,
            df_t=df_t,
        )
    cells = replace(cells, joint=joint, units=units and limit_scores(units))
    return replace(estimated, cells=cells, inference=inference)
