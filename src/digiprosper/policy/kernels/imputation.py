"""Effects of treated rows against outcomes imputed from untreated rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from digiprosper.kernels.tolerances import COLLINEAR
from digiprosper.policy.kernels.aggregation import cluster_sums, treated_products

if TYPE_CHECKING:
    from digiprosper.kernels import Bools, Floats, Ints

# Bytes of weights that are held at once; a few arrays of that size are made of them.
_CHUNK = 32 * 2**20


@dataclass(frozen=True, slots=True, eq=False)
class UntreatedModel:
    """Entity and time effects and slopes, as far as the untreated rows identify them."""

    untreated: Bools  # (N,) rows that the model is fitted to
    entity: Ints  # (N,) code of the entity
    weights: Floats  # (N,) positive
    sums: Floats  # (n,) sum of the weights of the untreated rows of each entity
    # (N, q) dummies of periods and controls, less the weighted mean of the entity's untreated rows, and
    # rotated: times the root of the weights, the columns are orthonormal in untreated rows.
    design: Floats
    imputable: Bools  # (N,) rows whose untreated outcome the untreated rows identify

    def residuals(self, values: Floats) -> Floats:
        """Subtract the predicted untreated values from columns (N, m)."""
        centred = _centred(values, self.untreated, self.entity, self.weights)
        weighted = centred[self.untreated] * self.weights[self.untreated, None]
        slopes = self.design[self.untreated].T @ weighted
        return np.asarray(centred - self.design @ slopes)


@dataclass(frozen=True, slots=True, eq=False)
class Imputed:
    """Mean effects of m groups of treated rows."""

    estimates: Floats  # (m,)
    scores: Floats  # (C, m) by cluster; their cross products are the covariance


@dataclass(frozen=True, slots=True, eq=False)
class Leads:
    """Differences of treated entities from others at k of m event times before treatment."""

    identified: Bools  # (m,) event times with an estimate
    estimates: Floats  # (k,)
    scores: Floats  # (C, k) by cluster
    treated_part: Floats  # (k, k) part of the covariance due to treated entities


def untreated_model(entity: Ints, time: Ints, x: Floats, treated: Bools, weights: Floats) -> UntreatedModel:
    """Prepare the regression of untreated rows on entity and time effects and controls `x` (N, k).

    `entity` and `time` are codes without gaps, `treated` the rows to impute, `weights` positive.
    """
    untreated = ~treated
    root = np.sqrt(weights[untreated])[:, None]
    sums = np.bincount(entity[untreated], weights[untreated], minlength=int(entity.max()) + 1)
    periods = (time[:, None] == np.arange(1, int(time.max()) + 1)).astype(np.float64)
    centred = _centred(np.column_stack([periods, x]), untreated, entity, weights)
    size = np.sqrt(((root * centred[untreated]) ** 2).sum(axis=0))
    scaled = centred / np.where(size > 0, size, 1.0)

    # The singular vectors of the triangle are those of all rows.
    triangle = np.linalg.qr(root * scaled[untreated], mode="r")
    _, values, axes = np.linalg.svd(triangle)
    rank = int((values > COLLINEAR * max(values[0], 1.0)).sum()) if values.size else 0
    outside = np.nan_to_num(np.abs(scaled @ axes[rank:].T), nan=np.inf).max(axis=1, initial=0.0)
    return UntreatedModel(
        untreated=untreated,
        entity=entity,
        weights=weights,
        sums=np.asarray(sums),
        design=np.asarray(np.nan_to_num(scaled) @ (axes[:rank].T / values[:rank])),
        imputable=(outside < np.sqrt(COLLINEAR)) & (sums[entity] > 0),
    )


def _centred(values: Floats, untreated: Bools, entity: Ints, weights: Floats) -> Floats:
    """Subtract from columns the weighted mean of the entity's untreated rows; NaN if it has none."""
    count = int(entity.max()) + 1
    used, code = weights[untreated], entity[untreated]
    sums = cluster_sums(values[untreated] * used[:, None], code, count)
    total = np.bincount(code, used, minlength=count)
    means = sums / np.where(total > 0, total, np.nan)[:, None]
    return np.asarray(values - means[entity])


def impute(model: UntreatedModel, y: Floats, group: Ints, clusters: Ints) -> Imputed:
    """Average the effects of groups of treated rows, with conservative standard errors.

    Borusyak, Jaravel & Spiess (2024), Review of Economic Studies 91:3253: theorem 1 for the estimates,
    theorem 3 and equation 8 for the errors, with effects taken as equal within groups. `group` (N,) has no
    gaps and is -1 for untreated rows; all treated rows must be imputable.
    """
    residual = model.residuals(y[:, None])[:, 0]
    treated = ~model.untreated
    inside, weights = group[treated], model.weights[treated]
    means = np.bincount(inside, weights * residual[treated]) / np.bincount(inside, weights)
    spread = residual.copy()
    spread[treated] -= _centres(residual[treated], inside, weights, clusters[treated])[inside]

    n_clusters = int(clusters.max()) + 1
    step = max(_CHUNK // (8 * group.size), 1)
    scores = [
        _scores(model, spread, group, np.arange(start, min(start + step, means.size)), (clusters, n_clusters))
        for start in range(0, means.size, step)
    ]
    return Imputed(means, np.hstack(scores))


def _centres(effects: Floats, group: Ints, weights: Floats, clusters: Ints) -> Floats:
    """Average the effects of each group for its errors, weighting rows by their cluster's weight in it.

    Equation 8: errors from this average are the least conservative.
    """
    _, pair = np.unique(np.column_stack([group, clusters]), axis=0, return_inverse=True)
    shares = weights * np.bincount(pair, weights)[pair]
    return np.asarray(np.bincount(group, shares * effects) / np.bincount(group, shares))


def _scores(
    model: UntreatedModel, spread: Floats, group: Ints, chosen_groups: Ints, clusters: tuple[Ints, int]
) -> Floats:
    """Sum by cluster the residuals times the weights that rows have in the means of the chosen groups."""
    shares = (group[:, None] == chosen_groups) * model.weights[:, None]
    shares /= shares.sum(axis=0)
    by_entity = cluster_sums(shares, model.entity, model.sums.size)
    level = by_entity / np.where(model.sums > 0, model.sums, 1.0)[:, None]
    slopes = model.design.T @ shares
    imputed = (level[model.entity] + model.design @ slopes) * model.weights[:, None]
    row_weights = np.where(model.untreated[:, None], -imputed, shares)
    return cluster_sums(row_weights * spread[:, None], *clusters)


def lead_effects(model: UntreatedModel, y: Floats, leads: Floats, ever: Bools, clusters: Ints) -> Leads:
    """Regress the outcome of untreated rows on dummies (N, m) of event times before treatment.

    Borusyak, Jaravel & Spiess (2024), test 1. Errors are clustered, without a small-sample correction. A
    dummy that is collinear with the effects or the dummies before it has no estimate. `ever`: rows of
    entities that are ever treated.
    """
    untreated = model.untreated
    root = np.sqrt(model.weights[untreated])[:, None]
    residuals = root * model.residuals(np.column_stack([y, leads]))[untreated]
    outcome, columns = residuals[:, 0], residuals[:, 1:]
    size = np.sqrt(((root * leads[untreated]) ** 2).sum(axis=0))
    identified = np.zeros(leads.shape[1], dtype=np.bool_)
    for column in range(leads.shape[1]):
        earlier = columns[:, identified]
        remainder = columns[:, column] - earlier @ np.linalg.lstsq(earlier, columns[:, column])[0]
        identified[column] = np.linalg.norm(remainder) > np.sqrt(COLLINEAR) * size[column]

    regressors = columns[:, identified]
    slopes: Floats = np.asarray(np.linalg.lstsq(regressors, outcome)[0], dtype=np.float64)
    residual = outcome - regressors @ slopes
    bread = np.linalg.pinv(regressors.T @ regressors)
    scores = (regressors * residual[:, None]) @ bread
    member = np.repeat(ever[untreated][:, None], slopes.size, axis=1)
    codes, count = clusters[untreated], int(clusters.max()) + 1
    return Leads(
        identified=identified,
        estimates=slopes,
        scores=cluster_sums(scores, codes, count),
        treated_part=treated_products(scores, member, codes, count),
    )
