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
    """Entity and time effects and slopes, as far as untreated rows identify them.

    Parameters
    ----------
    untreated : (N,) array of bool
        Rows the model is fitted to.
    entity : (N,) array of int
        Entity of each row.
    weights : (N,) array
        Weights of the rows, positive.
    sums : (n,) array
        Sum of the weights of the untreated rows of each entity.
    design : (N, q) array
        Dummies of periods and controls, less the weighted mean of the entity's untreated rows, times
        `rotation`: of untreated rows, times the roots of their weights, the columns are orthonormal.
    imputable : (N,) array of bool
        Rows whose outcome without treatment the untreated rows identify.
    """

    untreated: Bools
    entity: Ints
    weights: Floats
    sums: Floats
    design: Floats
    imputable: Bools

    def centred(self, values: Floats) -> Floats:
        """Take the weighted mean of each entity's untreated rows out of columns.

        Parameters
        ----------
        values : (N, m) array
            Columns.

        Returns
        -------
        (N, m) array
            Missing in entities without untreated rows.
        """
        return _centred(values, self.untreated, self.entity, self.weights)

    def residuals(self, values: Floats) -> Floats:
        """Take out what the model predicts without treatment.

        Parameters
        ----------
        values : (N, m) array
            Columns.

        Returns
        -------
        (N, m) array
            Residuals of untreated rows; of the others the difference from the prediction.
        """
        centred = self.centred(values)
        weighted = centred[self.untreated] * self.weights[self.untreated, None]
        slopes = self.design[self.untreated].T @ weighted
        return np.asarray(centred - self.design @ slopes)


@dataclass(frozen=True, slots=True, eq=False)
class Imputed:
    """Mean effects of groups of treated rows.

    Parameters
    ----------
    estimates : (m,) array
        The means.
    scores : (C, m) array
        What each cluster adds to them: their products summed over the clusters are the covariance.
    """

    estimates: Floats
    scores: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Leads:
    """Differences of treated entities from others before treatment.

    Parameters
    ----------
    identified : (m,) array of bool
        Which event times have an estimate.
    estimates : (k,) array
        Of those.
    scores : (C, k) array
        What each cluster adds to them.
    treated_part : (k, k) array
        Part of their covariance that treated entities contribute.
    """

    identified: Bools
    estimates: Floats
    scores: Floats
    treated_part: Floats


def untreated_model(entity: Ints, time: Ints, x: Floats, treated: Bools, weights: Floats) -> UntreatedModel:
    """Prepare the regression of untreated rows on entity and time effects and controls.

    Parameters
    ----------
    entity, time : (N,) arrays of int
        Codes without gaps.
    x : (N, k) array
        Controls.
    treated : (N,) array of bool
        Rows whose outcome is imputed.
    weights : (N,) array
        Weights of the rows, positive.

    Returns
    -------
    UntreatedModel
        For `impute`.
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
    count = int(entity.max()) + 1
    used, code = weights[untreated], entity[untreated]
    sums = cluster_sums(values[untreated] * used[:, None], code, count)
    total = np.bincount(code, used, minlength=count)
    means = sums / np.where(total > 0, total, np.nan)[:, None]
    return np.asarray(values - means[entity])


def impute(model: UntreatedModel, y: Floats, group: Ints, clusters: Ints) -> Imputed:
    """Average the effects of groups of treated rows, with their conservative errors.

    Borusyak, Jaravel & Spiess (2024), Review of Economic Studies 91:3253: theorem 1 for the estimates,
    theorem 3 and equation 8 for the errors, with effects taken as equal inside the groups.

    Parameters
    ----------
    model : UntreatedModel
        All treated rows are imputable.
    y : (N,) array
        Outcome.
    group : (N,) array of int
        Group of each treated row, without gaps; -1 of untreated rows.
    clusters : (N,) array of int
        Cluster of each row.

    Returns
    -------
    Imputed
        The m groups in order.
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
    """Average the effects of a group for its errors: rows count by the weight of their cluster in the group.

    Equation 8: errors from this average are the least conservative.
    """
    _, pair = np.unique(np.column_stack([group, clusters]), axis=0, return_inverse=True)
    shares = weights * np.bincount(pair, weights)[pair]
    return np.asarray(np.bincount(group, shares * effects) / np.bincount(group, shares))


def _scores(
    model: UntreatedModel, spread: Floats, group: Ints, wanted: Ints, clusters: tuple[Ints, int]
) -> Floats:
    """Weight the residuals of every row by what its outcome adds to the mean of each group."""
    shares = (group[:, None] == wanted) * model.weights[:, None]
    shares /= shares.sum(axis=0)
    by_entity = cluster_sums(shares, model.entity, model.sums.size)
    level = by_entity / np.where(model.sums > 0, model.sums, 1.0)[:, None]
    slopes = model.design.T @ shares
    imputed = (level[model.entity] + model.design @ slopes) * model.weights[:, None]
    every = np.where(model.untreated[:, None], -imputed, shares)
    return cluster_sums(every * spread[:, None], *clusters)


def lead_effects(model: UntreatedModel, y: Floats, leads: Floats, ever: Bools, clusters: Ints) -> Leads:
    """Regress the outcome of untreated rows on dummies of event times before treatment.

    Borusyak, Jaravel & Spiess (2024), test 1. Errors are clustered, without a small-sample correction.

    Parameters
    ----------
    model : UntreatedModel
        Effects and controls of the regression.
    y : (N,) array
        Outcome.
    leads : (N, m) array
        Dummies.
    ever : (N,) array of bool
        Rows of entities that are treated at some time.
    clusters : (N,) array of int
        Cluster of each row.

    Returns
    -------
    Leads
        Dummies that the effects or the dummies before them add up to have no estimate.
    """
    untreated = model.untreated
    root = np.sqrt(model.weights[untreated])[:, None]
    residuals = root * model.residuals(np.column_stack([y, leads]))[untreated]
    outcome, columns = residuals[:, 0], residuals[:, 1:]
    size = np.sqrt(((root * leads[untreated]) ** 2).sum(axis=0))
    identified = np.zeros(leads.shape[1], dtype=np.bool_)
    for place in range(leads.shape[1]):
        before = columns[:, identified]
        left = columns[:, place] - before @ np.linalg.lstsq(before, columns[:, place])[0]
        identified[place] = np.linalg.norm(left) > np.sqrt(COLLINEAR) * size[place]

    kept = columns[:, identified]
    slopes: Floats = np.asarray(np.linalg.lstsq(kept, outcome)[0], dtype=np.float64)
    residual = outcome - kept @ slopes
    pull = np.linalg.pinv(kept.T @ kept)
    scores = (kept * residual[:, None]) @ pull
    member = np.repeat(ever[untreated][:, None], slopes.size, axis=1)
    codes, count = clusters[untreated], int(clusters.max()) + 1
    return Leads(
        identified=identified,
        estimates=slopes,
        scores=cluster_sums(scores, codes, count),
        treated_part=treated_products(scores, member, codes, count),
    )
