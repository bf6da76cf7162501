"""Differences of two periods with controls, estimated again without each cluster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digiprosper.kernels import Bools, Floats, Ints
from digiprosper.kernels.tolerances import COLLINEAR, LAST_STEP_TWO_PERIODS

MOST_JACKKNIFED = 100
"""Clusters up to which the jackknife is computed."""
# Numbers in an array: 32 MB.
_MOST_CELLS = 2**22
# Controls of a higher probability of treatment have no weight, as in the R package
# DRDID.
TRIM = 0.995
ITERATIONS = 100
# Log odds beyond which probabilities are 0 and 1.
SEPARATED = 30.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Comparisons:
    """The m comparisons of two periods among n entities."""

    change: Floats  # (m, n) outcome less that of the base period; 0 if not used
    used: Bools  # (m, n) entities compared
    treated: Bools  # (m, n)
    weights: Floats  # (m, n) positive where used, 0 elsewhere


def without_each_cluster(
    data: Comparisons, design: Floats, clusters: Ints, adjustment: str
) -> Floats:
    """Estimate m effects without each cluster: (C, m), perhaps missing.

    The estimators are those of `difference` (Sant'Anna & Zhao 2020). `design` (m, n, p)
    has ones and the controls, scaled.
    """
    count = int(clusters.max()) + 1
    step = max(1, _MOST_CELLS // (data.used.size * design.shape[2]))
    values = []
    for first in range(0, count, step):
        left_out = np.arange(first, min(first + step, count))
        weights = data.weights[:, None] * (clusters != left_out[:, None])
        values.append(_estimates(data, design, weights, adjustment))
    return np.hstack(values).T


def _estimates(
    data: Comparisons, design: Floats, weights: Floats, adjustment: str
) -> Floats:
    """Estimate the effects (m, c) for weights (m, c, n) of entities."""
    m, n, p = design.shape
    products = (design[:, :, :, None] * design[:, :, None, :]).reshape(m, n, -1)
    treated = data.treated[:, None, :]
    untreated_weights = np.where(treated, 0.0, weights)
    shares = np.where(treated, weights, 0.0)
    gram = (untreated_weights @ products).reshape(m, -1, p, p)
    estimable = _regular(gram)
    balance = _normalised(shares)
    if adjustment != "regression":
        chance, converged = _logit(data.treated, design, weights, products)
        estimable &= converged
        weighted_controls = (untreated_weights > 0) & (chance < TRIM)
        odds = chance / (1 - np.minimum(chance, TRIM))
        balance = balance - _normalised(
            np.where(weighted_controls, untreated_weights * odds, 0.0)
        )
    estimates = np.einsum("mcn,mn->mc", balance, data.change)
    if adjustment != "ipw":
        moments = (untreated_weights * data.change[:, None, :]) @ design
        usable = np.where(estimable[..., None, None], gram, np.eye(p))
        slopes = np.linalg.solve(usable, moments[..., None])[..., 0]
        estimates = estimates - np.einsum("mcp,mcp->mc", balance @ design, slopes)
    return np.where(estimable & np.isfinite(estimates), estimates, np.nan)


def _normalised(weights: Floats) -> Floats:
    """Divide weights (m, c, n) by their sums."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(weights / weights.sum(axis=2, keepdims=True))


def _regular(gram: Floats) -> Bools:
    """Return which cross products (m, c, p, p) have an inverse."""
    size = np.sqrt(np.einsum("mcpp->mcp", gram))
    size = np.where(size > 0, size, 1.0)
    scaled = gram / size[..., :, None] / size[..., None, :]
    return np.asarray(np.linalg.eigvalsh(scaled)[..., 0] > COLLINEAR)


def _logit(
    treated: Bools, design: Floats, weights: Floats, products: Floats
) -> tuple[Floats, Bools]:
    """Estimate probabilities of treatment (m, c, n), and which exist."""
    m, _, p = design.shape
    used = weights > 0
    columns = design.transpose(0, 2, 1)
    slopes = np.zeros((m, weights.shape[1], p))
    working = np.ones(slopes.shape[:2], dtype=np.bool_)
    for _ in range(ITERATIONS):
        chance = 1 / (1 + np.exp(-np.clip(slopes @ columns, -50, 50)))
        score = (weights * (treated[:, None, :] - chance)) @ design
        hessian = (weights * chance * (1 - chance)) @ products
        hessian = hessian.reshape(*slopes.shape, p)
        working &= _regular(hessian)
        hessian = np.where(working[..., None, None], hessian, np.eye(p))
        step = np.linalg.solve(hessian, score[..., None])[..., 0]
        if np.abs(step[working]).max(initial=0.0) < LAST_STEP_TWO_PERIODS:
            break
        slopes += np.where(working[..., None], step, 0.0)
        furthest = np.where(used, np.abs(slopes @ columns), 0.0).max(axis=2)
        working &= furthest <= SEPARATED
    return np.asarray(chance), working
